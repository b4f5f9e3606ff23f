/* What belongs together beyond a request and its answer: see tools/flow.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smpp/mask.h"
#include "smpp/status.h"
#include "tools/flow_own.h"
#include "tools/trace_facts.h"

/* ---- submits that come again ---- */

#define HASH_BASIS 0xCBF29CE484222325u

/* FNV-1a, on from another. What collides is told as sent again; it is only said, nothing rests on it. */
static uint64_t hash_on(uint64_t hash, const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ at[i]) * 0x100000001B3u;
	return hash;
}

static uint64_t hash_of(const uint8_t *at, size_t n)
{
	return hash_on(HASH_BASIS, at, n);
}

/* Of facts: which part of which message, that is, whatever the carrier calls it. */
static void name_part(const struct trace_pdu *pdu, char name[SMPP_ID_OCTETS])
{
	memset(name, 0, SMPP_ID_OCTETS);
	snprintf(name, SMPP_ID_OCTETS, "%.*s/%u", FLOW_MESSAGE_OCTETS, pdu->message,
		 pdu->facts->part.seqnum);
}

static bool is_masked(const struct flow_event *event)
{
	struct smpp_octets number = event->fields->destination_addr;

	return (number.n > 0 && number.at[0] == SMPP_MASK_NUMBER_OCTET) ||
	       smpp_masked_text(event->part->body);
}

/*
 * What a submit says, without its header, and whose it is. 0: behind masks it looks like others, and
 * nobody has said whose it is.
 */
static uint64_t hash_submit(const struct flow_event *event)
{
	struct smpp_octets wire = event->fields->wire;
	struct smpp_octets message = smpp_octets_of(event->pdu->message);
	char name[SMPP_ID_OCTETS];

	if (event->pdu->facts == NULL && message.n == 0 && is_masked(event))
		return 0;
	if (event->pdu->facts == NULL)
		return hash_on(hash_of(message.at, message.n), wire.at + SMPP_HEADER_OCTETS,
			       wire.n - SMPP_HEADER_OCTETS);
	name_part(event->pdu, name);
	return hash_of((const uint8_t *)name, strlen(name));
}

void flow_note_failure(struct flow *flow, const struct flow_entry *entry)
{
	struct flow_failure *failure;

	if (entry->hash == 0)
		return;
	HASH_FIND(hh, flow->failures, &entry->hash, sizeof(entry->hash), failure);
	if (failure == NULL) {
		failure = calloc(1, sizeof(*failure));
		if (failure == NULL)
			return;
		if (HASH_COUNT(flow->failures) >= FLOW_FAILED) {
			struct flow_failure *oldest = flow->failures;

			HASH_DEL(flow->failures, oldest);
			free(oldest);
		}
		failure->hash = entry->hash;
		HASH_ADD(hh, flow->failures, hash, sizeof(failure->hash), failure);
	}
	failure->number = entry->request.number;
	failure->in_doubt = entry->request.answered_us == 0;
	failure->command_status = entry->request.command_status;
}

static void tell_again(struct flow *flow, const struct flow_entry *entry, struct flow_event *event)
{
	struct flow_failure *failure;

	/* There is none of hash 0. */
	HASH_FIND(hh, flow->failures, &entry->hash, sizeof(entry->hash), failure);
	if (failure == NULL)
		return;
	event->again = failure->number;
	event->again_in_doubt = failure->in_doubt;
	event->again_status = failure->command_status;
	HASH_DEL(flow->failures, failure);
	free(failure);
}

void flow_submit(struct flow *flow, struct flow_session *session, struct flow_entry *entry,
		 struct flow_event *event)
{
	entry->hash = hash_submit(event);
	tell_again(flow, entry, event);
	if (session->throttled_us != 0 && event->pdu->facts == NULL)
		event->pause_us = event->at_us - session->throttled_us;
	session->throttled_us = 0;
}

/* ---- receipts ---- */

static void copy_address(char out[FLOW_ADDRESS_OCTETS], struct smpp_octets address)
{
	uint32_t n = address.n < FLOW_ADDRESS_OCTETS ? address.n : FLOW_ADDRESS_OCTETS - 1;

	if (n > 0)
		memcpy(out, address.at, n);
}

static void provider_of(const char *link, char out[TRACE_LINK_OCTETS])
{
	const char *slash = strchr(link, '/');

	memset(out, 0, TRACE_LINK_OCTETS);
	if (slash != NULL)
		memcpy(out, link, (size_t)(slash - link));
}

static struct flow_entry *find_submit(const struct flow *flow, const struct flow_id_key *key)
{
	struct flow_entry *entry;

	HASH_FIND(hh, flow->submits, key, sizeof(*key), entry);
	return entry;
}

static void forget_submit(struct flow *flow, struct flow_entry *entry)
{
	HASH_DELETE(hh, flow->submits, entry);
	flow_let_go(flow, entry);
}

/* A number in digits, behind a plus or not; false: it is none, and no receipt can contradict it. */
static bool number_of(const char *address, uint64_t *number)
{
	*number = 0;
	if (*address == '+')
		address++;
	if (*address == '\0')
		return false;
	for (; *address >= '0' && *address <= '9'; address++)
		*number = *number * 10 + (uint64_t)(*address - '0');
	return *address == '\0';
}

static bool fits(const struct flow_entry *entry, const struct smpp_pdu *receipt)
{
	uint64_t number;

	return !number_of(entry->request.to, &number) || smpp_receipt_may_be_of(receipt, number);
}

static void forget_early(struct flow *flow, struct flow_early *early)
{
	HASH_DEL(flow->early, early);
	free(early);
}

/* Receipts overtake answers, on other links above all. */
static void tell_early(struct flow *flow, const struct flow_entry *entry, struct flow_event *event)
{
	struct flow_early *early;
	struct smpp_pdu receipt;

	HASH_FIND(hh, flow->early, &entry->id, sizeof(entry->id), early);
	if (early == NULL)
		return;
	smpp_pdu_init(&receipt, SMPP_deliver_sm, 0);
	receipt.source_addr = smpp_octets_of(early->from);
	receipt.destination_addr = smpp_octets_of(early->to);
	if (!fits(entry, &receipt))
		return;
	event->early = early->number;
	event->early_us = event->at_us - early->at_us;
	forget_early(flow, early);
}

/* What its receipts are joined by: the carrier's id. false: it has none. */
static bool name_submit(struct flow_entry *entry, const struct flow_event *event)
{
	if (event->pdu->facts != NULL) {
		memset(entry->id.provider, 0, sizeof(entry->id.provider));
		name_part(event->pdu, entry->id.id);
		return event->fields->command_status == 0;
	}
	memcpy(entry->id.id, entry->request.id, strlen(entry->request.id));
	provider_of(entry->request.link, entry->id.provider);
	return entry->request.id[0] != '\0';
}

bool flow_answered(struct flow *flow, struct flow_session *session, struct flow_entry *entry,
		   struct flow_event *event)
{
	const struct smpp_pdu *fields = event->fields;
	enum smpp_status_class class = smpp_status(fields->command_status).class;
	struct flow_entry *other;

	if (class != SMPP_STATUS_ACCEPTED)
		flow_note_failure(flow, entry);
	if (class == SMPP_STATUS_THROTTLE && session->throttled_us == 0)
		session->throttled_us = entry->request.answered_us;
	smpp_id_canonical(fields->message_id.at, fields->message_id.n, entry->request.id);
	if (!name_submit(entry, event))
		return false;
	other = find_submit(flow, &entry->id);
	if (other != NULL)
		forget_submit(flow, other);
	if (HASH_COUNT(flow->submits) >= FLOW_SUBMITS) {
		forget_submit(flow, flow->submits);
		flow->forgotten++;
	}
	HASH_ADD(hh, flow->submits, id, sizeof(entry->id), entry);
	tell_early(flow, entry, event);
	return true;
}

/* One id of the receipt in each of its readings; the exact one beats the others. */
static void look_for(const struct flow *flow, struct flow_event *event, struct smpp_octets id,
		     struct flow_id_key *key)
{
	struct smpp_id_reading readings[SMPP_ID_READINGS];
	size_t n = smpp_id_readings(id.at, id.n, SMPP_ID_ANY, readings);

	for (size_t i = 0; i < n; i++) {
		const struct flow_entry *entry;

		memset(key->id, 0, sizeof(key->id));
		memcpy(key->id, readings[i].id, readings[i].n);
		entry = find_submit(flow, key);
		if (entry == NULL || !fits(entry, event->fields) ||
		    &entry->request == event->submit)
			continue;
		if (event->submit != NULL) {
			if (event->rule != SMPP_ID_EXACT)
				event->join = FLOW_JOIN_AMBIGUOUS;
			return;
		}
		event->join = FLOW_JOIN_SUBMIT;
		event->submit = &entry->request;
		event->rule = readings[i].rule;
		event->id = id;
	}
}

/* Its submit may still be answered: then it is found by any reading. */
static void keep_early(struct flow *flow, const struct flow_event *event, struct smpp_octets id,
		       struct flow_id_key *key)
{
	struct smpp_id_reading readings[SMPP_ID_READINGS];
	size_t n = smpp_id_readings(id.at, id.n, SMPP_ID_ANY, readings);

	for (size_t i = 0; i < n; i++) {
		struct flow_early *early;

		memset(key->id, 0, sizeof(key->id));
		memcpy(key->id, readings[i].id, readings[i].n);
		HASH_FIND(hh, flow->early, key, sizeof(*key), early);
		if (early != NULL)
			forget_early(flow, early);
		if (HASH_COUNT(flow->early) >= FLOW_EARLY)
			forget_early(flow, flow->early);
		early = calloc(1, sizeof(*early));
		if (early == NULL)
			return;
		early->id = *key;
		early->number = event->pdu->number;
		early->at_us = event->at_us;
		copy_address(early->from, event->fields->source_addr);
		copy_address(early->to, event->fields->destination_addr);
		HASH_ADD(hh, flow->early, id, sizeof(early->id), early);
	}
}

/* The daemon has told whose it is, and by which rule; its submit may have had no answer. */
static void look_up(const struct flow *flow, struct flow_event *event)
{
	const struct trace_facts *facts = event->pdu->facts;
	const struct flow_entry *entry;
	struct flow_id_key key;

	memset(&key, 0, sizeof(key));
	name_part(event->pdu, key.id);
	entry = find_submit(flow, &key);
	if (entry == NULL)
		entry = flow_open_hashed(flow, hash_of((const uint8_t *)key.id, strlen(key.id)));
	event->id = event->receipt->ids[SMPP_RECEIPT_TEXT_ID];
	for (int rule = SMPP_ID_EXACT; facts->rule != NULL && rule <= SMPP_ID_DEC_TO_HEX; rule++)
		if (strcmp(smpp_id_dialect_name((enum smpp_id_dialect)rule), facts->rule) == 0)
			event->rule = (enum smpp_id_dialect)rule;
	if (entry == NULL)
		return;
	event->join = FLOW_JOIN_SUBMIT;
	event->submit = &entry->request;
}

/* By the ids in it. */
static void look_around(struct flow *flow, struct flow_event *event)
{
	const struct smpp_octets *ids = event->receipt->ids;
	struct flow_id_key key;

	provider_of(event->pdu->link, key.provider);
	look_for(flow, event, ids[SMPP_RECEIPT_TLV_ID], &key);
	if (!smpp_octets_equal(ids[SMPP_RECEIPT_TLV_ID], ids[SMPP_RECEIPT_TEXT_ID]))
		look_for(flow, event, ids[SMPP_RECEIPT_TEXT_ID], &key);
	if (event->join == FLOW_JOIN_UNKNOWN) {
		keep_early(flow, event, ids[SMPP_RECEIPT_TLV_ID], &key);
		keep_early(flow, event, ids[SMPP_RECEIPT_TEXT_ID], &key);
	}
	if (event->join == FLOW_JOIN_AMBIGUOUS)
		event->submit = NULL;
}

void flow_join_receipt(struct flow *flow, struct flow_event *event)
{
	event->join = FLOW_JOIN_UNKNOWN;
	if (event->pdu->facts != NULL)
		look_up(flow, event);
	else
		look_around(flow, event);
	if (event->submit == NULL)
		return;
	event->delay_us = event->at_us - event->submit->at_us;
	event->other_link = strcmp(event->submit->link, event->pdu->link) != 0;
}

/* ---- parts ---- */

static void set_part_key(const struct flow_event *event, struct flow_part_key *key)
{
	memset(key, 0, sizeof(*key));
	key->total = event->part->total;
	if (event->pdu->message[0] != '\0') {
		snprintf(key->message, sizeof(key->message), "%s", event->pdu->message);
		return;
	}
	provider_of(event->pdu->link, key->link);
	copy_address(key->from, event->fields->source_addr);
	copy_address(key->to, event->fields->destination_addr);
	key->reference = event->part->ref;
	key->direction = (uint8_t)event->pdu->direction;
}

void flow_join_part(struct flow *flow, struct flow_event *event)
{
	struct flow_parts *parts;
	struct flow_part_key key;

	set_part_key(event, &key);
	HASH_FIND(hh, flow->parts, &key, sizeof(key), parts);
	/* A reference comes round again: what is complete takes no more. */
	if (parts != NULL && parts->count == parts->key.total && key.message[0] == '\0') {
		HASH_DEL(flow->parts, parts);
		free(parts);
		parts = NULL;
	}
	if (parts == NULL) {
		parts = calloc(1, sizeof(*parts));
		if (parts == NULL)
			return;
		if (HASH_COUNT(flow->parts) >= FLOW_MESSAGES) {
			struct flow_parts *oldest = flow->parts;

			HASH_DEL(flow->parts, oldest);
			free(oldest);
		}
		parts->key = key;
		parts->first = event->pdu->number;
		HASH_ADD(hh, flow->parts, key, sizeof(parts->key), parts);
	}
	event->first_part = parts->first;
	event->parts_seen = ++parts->count;
}

void flow_join_release(struct flow *flow)
{
	struct flow_entry *entry, *next;
	struct flow_parts *parts, *next_parts;
	struct flow_failure *failure, *next_failure;

	HASH_ITER(hh, flow->submits, entry, next) {
		HASH_DELETE(hh, flow->submits, entry);
		free(entry);
	}
	HASH_ITER(hh, flow->parts, parts, next_parts) {
		HASH_DEL(flow->parts, parts);
		free(parts);
	}
	while (flow->early != NULL)
		forget_early(flow, flow->early);
	HASH_ITER(hh, flow->failures, failure, next_failure) {
		HASH_DEL(flow->failures, failure);
		free(failure);
	}
}
