/* Receipts: matching and orphans. See receipts.h and reconcile.h. */
#include "core/receipts.h"

#include <stdlib.h>
#include <string.h>

#include "core/history.h"
#include "core/inbound.h"
#include "core/lifecycle.h"
#include "core/log.h"
#include "core/reconcile.h"
#include "core/route.h"
#include "smpp/receipt.h"

#define CANDIDATES  16	 /* segments looked at for one reading of an id */
#define RAW_OCTETS  1700 /* of a PDU in an orphan's first record */
#define MORE_OCTETS 1900

/* A deliver_sm or data_sm that waits for its turn. */
struct delivery {
	struct input input;
	struct link *link;
	uint64_t connection; /* that it came on, and that alone is answered */
	uint32_t command_id, sequence_number;
	bool unreadable;
	uint32_t n;
	uint8_t octets[];
};

/* ---- the answer ---- */

struct answer {
	struct effect effect;
	struct link *link;
	uint64_t connection;
	uint32_t command_id, sequence_number;
};

static void send_answer(struct link *link, uint32_t command_id, uint32_t sequence_number,
			uint32_t status)
{
	struct smpp_pdu pdu;
	smpp_pdu_init(&pdu, command_id | SMPP_RESP_BIT, sequence_number);
	pdu.command_status = status;
	if (link->session && smpp_session_respond(link->session, &pdu) != SMPP_SESSION_OK)
		log_debug("link.unanswered", "link=%s sequence=%u", link->name, sequence_number);
}

/* Never OK before the commit. */
static void answered(struct engine *engine, struct effect *effect, enum turn_end end)
{
	(void)engine;
	struct answer *answer = (void *)effect;
	if (end == TURN_DONE && answer->link->port_link == answer->connection)
		send_answer(answer->link, answer->command_id, answer->sequence_number, 0);
}

/* It cannot be kept: what the provider's setting says, so that the carrier keeps it. */
static void refuse_delivery(struct engine *engine, struct input *input, enum store_err why)
{
	(void)engine;
	(void)why;
	struct delivery *delivery = (void *)input;
	if (delivery->link->port_link == delivery->connection)
		send_answer(delivery->link, delivery->command_id, delivery->sequence_number,
			    delivery->link->provider->config->store_full_status);
}

/* ---- what a receipt says ---- */

static const struct {
	enum life_event event;
	enum store_error given;
} meanings[] = {
	[SMPP_STATE_UNKNOWN] = { LIFE_ON_RECEIPT_UNKNOWN, STORE_ERROR_NONE },
	[SMPP_STATE_DELIVERED] = { LIFE_ON_RECEIPT_DELIVERED, STORE_ERROR_NONE },
	[SMPP_STATE_EXPIRED] = { LIFE_ON_RECEIPT_EXPIRED, STORE_ERROR_NONE },
	[SMPP_STATE_DELETED] = { LIFE_ON_RECEIPT_FAILED, STORE_ERROR_DELETED },
	[SMPP_STATE_UNDELIVERABLE] = { LIFE_ON_RECEIPT_FAILED, STORE_ERROR_UNDELIVERABLE },
	[SMPP_STATE_REJECTED] = { LIFE_ON_RECEIPT_FAILED, STORE_ERROR_DELIVERY_REJECTED },
	[SMPP_STATE_SKIPPED] = { LIFE_ON_RECEIPT_FAILED, STORE_ERROR_UNDELIVERABLE },
	[SMPP_STATE_ENROUTE] = { LIFE_ON_RECEIPT_PENDING, STORE_ERROR_NONE },
	[SMPP_STATE_SCHEDULED] = { LIFE_ON_RECEIPT_PENDING, STORE_ERROR_NONE },
	[SMPP_STATE_BUFFERED] = { LIFE_ON_RECEIPT_PENDING, STORE_ERROR_NONE },
	[SMPP_STATE_ACCEPTED] = { LIFE_ON_RECEIPT_PENDING, STORE_ERROR_NONE },
	[SMPP_STATE_VENDOR] = { LIFE_ON_RECEIPT_UNKNOWN, STORE_ERROR_NONE },
};
_Static_assert(sizeof(meanings) / sizeof(meanings[0]) == SMPP_STATES,
	       "every state means something");

static enum life_event meaning(const struct config_provider *config,
			       const struct config_route *route, const struct smpp_receipt *receipt)
{
	enum life_event event = meanings[receipt->state].event;
	if (receipt->kind == SMPP_RECEIPT_INTERMEDIATE)
		return LIFE_ON_RECEIPT_PENDING;
	if (receipt->state == SMPP_STATE_ACCEPTED &&
	    config->receipt_accepted == CONFIG_RECEIPT_ACCEPTED_DELIVERED)
		event = LIFE_ON_RECEIPT_DELIVERED;
	if (event == LIFE_ON_RECEIPT_UNKNOWN &&
	    config->receipt_unknown == CONFIG_RECEIPT_UNKNOWN_FINAL)
		return LIFE_ON_RECEIPT_UNKNOWN_FINAL;
	if (event == LIFE_ON_RECEIPT_DELIVERED && route && route->delivered_beats_failed)
		return LIFE_ON_RECEIPT_BEATS;
	return event;
}

/* The provider's stat table as smpp/receipt.h wants it. */
static const enum smpp_receipt_state states[] = {
	[CONFIG_RECEIPT_SCHEDULED] = SMPP_STATE_SCHEDULED,
	[CONFIG_RECEIPT_ENROUTE] = SMPP_STATE_ENROUTE,
	[CONFIG_RECEIPT_DELIVERED] = SMPP_STATE_DELIVERED,
	[CONFIG_RECEIPT_EXPIRED] = SMPP_STATE_EXPIRED,
	[CONFIG_RECEIPT_DELETED] = SMPP_STATE_DELETED,
	[CONFIG_RECEIPT_UNDELIVERABLE] = SMPP_STATE_UNDELIVERABLE,
	[CONFIG_RECEIPT_ACCEPTED] = SMPP_STATE_ACCEPTED,
	[CONFIG_RECEIPT_UNKNOWN] = SMPP_STATE_UNKNOWN,
	[CONFIG_RECEIPT_REJECTED] = SMPP_STATE_REJECTED,
	[CONFIG_RECEIPT_SKIPPED] = SMPP_STATE_SKIPPED,
};

static void parse(const struct config_provider *config, const struct smpp_pdu *pdu,
		  struct smpp_receipt *receipt)
{
	struct smpp_receipt_word words[CONFIG_STATS_MAX];
	struct smpp_receipt_options options = { .unmarked = config->unmarked_receipts,
						.words = words };
	for (size_t i = 0; i < config->n_stats; i++)
		words[options.words_n++] =
			(struct smpp_receipt_word){ .word = config->stats[i].word,
						    .state = states[config->stats[i].state] };
	smpp_receipt_parse(pdu, &options, receipt);
}

/* ---- which segment it is about ---- */

static const enum evidence_rule rules[] = {
	[SMPP_ID_ANY] = EVIDENCE_RULE_EXACT,
	[SMPP_ID_EXACT] = EVIDENCE_RULE_EXACT,
	[SMPP_ID_HEX_TO_DEC] = EVIDENCE_RULE_HEX_TO_DEC,
	[SMPP_ID_DEC_TO_HEX] = EVIDENCE_RULE_DEC_TO_HEX,
};
static const enum smpp_id_dialect dialects[] = {
	[CONFIG_DIALECT_NONE] = SMPP_ID_ANY,
	[CONFIG_DIALECT_AUTO] = SMPP_ID_ANY,
	[CONFIG_DIALECT_EXACT] = SMPP_ID_EXACT,
	[CONFIG_DIALECT_HEX_TO_DEC] = SMPP_ID_HEX_TO_DEC,
	[CONFIG_DIALECT_DEC_TO_HEX] = SMPP_ID_DEC_TO_HEX,
};

struct match {
	uint32_t standing; /* distinct segments that the id and the address fit */
	bool id_known;	   /* a segment has the id, whatever its address */
	struct segment_ref ref;
	enum evidence_rule rule;
};

/* Did an answer give the segment, in any attempt, the id of the reading? */
static bool has_id(struct turn *turn, const struct store_order *order, struct segment_ref ref,
		   const struct store_seg *seg, const struct smpp_id_reading *reading)
{
	struct history history;
	struct evidence row;
	char id[SMPP_ID_OCTETS];
	history_begin(&history, turn->txn, order, ref, seg);
	while (history_next(&history, &row))
		if (row.event == LIFE_ON_ACCEPTED && row.id.n &&
		    smpp_id_canonical(row.id.at, row.id.n, id) == reading->n &&
		    !memcmp(id, reading->id, reading->n))
			return true;
	return false;
}

/* Last seven digits; an address that is empty or has letters cannot disagree. */
static bool address_agrees(struct smpp_octets address, uint64_t msisdn)
{
	uint64_t tail = 0, scale = 1;
	uint32_t digits = 0;
	for (uint32_t i = address.n; i-- > 0;) {
		uint8_t octet = address.at[i];
		if (octet == '+' && i == 0)
			break;
		if (octet < '0' || octet > '9')
			return true;
		if (digits < 7) {
			tail += scale * (uint64_t)(octet - '0');
			scale *= 10;
			digits++;
		}
	}
	return !digits || tail == msisdn % scale;
}

static void consider(struct turn *turn, const struct provider *provider, const struct smpp_pdu *pdu,
		     const struct smpp_id_reading *reading, const struct store_ref *candidate,
		     struct match *match)
{
	struct segment_ref ref = { .order = candidate->order,
				   .index = candidate->index,
				   .segment = candidate->segment };
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	bool again = match->standing && match->ref.order == ref.order &&
		     match->ref.index == ref.index && match->ref.segment == ref.segment;
	struct work *work = again ? NULL : orders_work(turn, ref.order);
	if (!work || work->rec.provider != provider->number ||
	    !orders_segment(turn, &work->rec, ref, &message, &segment, &seg) ||
	    !has_id(turn, &work->rec, ref, seg, reading))
		return;
	match->id_known = true;
	if (provider->config->match_addresses &&
	    !address_agrees(pdu->source_addr, message.msisdn) &&
	    !address_agrees(pdu->destination_addr, message.msisdn))
		return;
	match->standing++;
	match->ref = ref;
	match->rule = rules[reading->rule];
}

static struct match find(struct turn *turn, const struct provider *provider,
			 const struct smpp_pdu *pdu, const struct smpp_receipt *receipt)
{
	struct match match = { 0 };
	struct smpp_id_reading readings[SMPP_ID_READINGS];
	for (int which = SMPP_RECEIPT_TLV_ID; which >= SMPP_RECEIPT_TEXT_ID; which--) {
		struct smpp_octets id = receipt->ids[which];
		if (which == SMPP_RECEIPT_TEXT_ID &&
		    smpp_octets_equal(id, receipt->ids[SMPP_RECEIPT_TLV_ID]))
			continue; /* nearly always: it finds nothing else */
		size_t n = smpp_id_readings(
			id.at, id.n, dialects[provider->config->message_id_dialect], readings);
		for (size_t i = 0; i < n; i++) {
			struct store_ref refs[CANDIDATES];
			size_t found = 0;
			uint64_t hash = store_ids_hash(turn->engine->store, provider->number,
						       (const uint8_t *)readings[i].id,
						       readings[i].n);
			turn_fail(turn, store_ids_find(turn->txn, hash, refs, CANDIDATES, &found));
			for (size_t k = 0; k < found && k < CANDIDATES && !turn_failed(turn); k++)
				consider(turn, provider, pdu, &readings[i], &refs[k], &match);
		}
	}
	return match;
}

/* ---- what it does ---- */

struct source {
	uint64_t session; /* that it came on */
	enum evidence_rule rule;
};

static void apply_to_segment(struct turn *turn, const struct provider *provider,
			     struct segment_ref ref, const struct smpp_receipt *receipt,
			     const struct source *source)
{
	struct work *work = orders_work(turn, ref.order);
	if (!work)
		return;
	bool exact = source->rule == EVIDENCE_RULE_EXACT;
	struct smpp_octets id = receipt->ids[SMPP_RECEIPT_TLV_ID].n ?
					receipt->ids[SMPP_RECEIPT_TLV_ID] :
					receipt->ids[SMPP_RECEIPT_TEXT_ID];
	struct happening happening = {
		.event = meaning(provider->config, work->route, receipt),
		.given = meanings[receipt->state].given,
		.may_repeat = true,
		.evidence = {
			.has_code = true,
			.code = receipt->state,
			.has_receipt = true,
			.receipt_session = source->session,
			.rule = source->rule,
			.receipt_flags = receipt->flags,
			.id = exact ? (struct smpp_octets){0} : id,
			.err = receipt->err,
		},
	};
	orders_happen(turn, ref, &happening);
}

/* What may still wait here cannot have been delivered, whatever one receipt covers. */
static bool has_left(struct turn *turn, const struct work *work, struct segment_ref ref)
{
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	return orders_segment(turn, &work->rec, ref, &message, &segment, &seg) &&
	       seg->state != STORE_STATE_QUEUED && seg->state != STORE_STATE_SUBMITTED;
}

static void apply_receipt(struct turn *turn, const struct provider *provider,
			  struct segment_ref ref, const struct smpp_receipt *receipt,
			  const struct source *source)
{
	struct work *work = orders_work(turn, ref.order);
	bool whole = provider->config->receipt_covers == CONFIG_RECEIPT_COVERS_MESSAGE;
	apply_to_segment(turn, provider, ref, receipt, source);
	if (!work || !whole)
		return;
	const uint32_t named = ref.segment;
	for (ref.segment = 0; ref.segment < work->rec.parts; ref.segment++)
		if (ref.segment != named && has_left(turn, work, ref))
			apply_to_segment(turn, provider, ref, receipt, source);
}

/* ---- what matches nothing ---- */

static void put_rest(struct turn *turn, uint64_t seq, const uint8_t *octets, uint32_t n)
{
	struct store_orphan_more more = { .seq = seq };
	for (uint32_t at = 0; at < n && !turn_failed(turn); at += MORE_OCTETS, more.n++) {
		more.pdu = (struct store_octets){ octets + at,
						  n - at < MORE_OCTETS ? n - at : MORE_OCTETS };
		turn_fail(turn, store_orphan_more_put(turn->txn, &more));
	}
}

static void put_hashes(struct turn *turn, const struct provider *provider, struct smpp_octets id,
		       struct store_orphan *orphan)
{
	struct smpp_id_reading readings[SMPP_ID_READINGS];
	uint64_t *hashes[] = {
		[SMPP_ID_EXACT] = &orphan->hash_raw,
		[SMPP_ID_HEX_TO_DEC] = &orphan->hash_dec,
		[SMPP_ID_DEC_TO_HEX] = &orphan->hash_hex,
	};
	size_t n = smpp_id_readings(id.at, id.n, dialects[provider->config->message_id_dialect],
				    readings);
	for (size_t i = 0; i < n; i++)
		*hashes[readings[i].rule] = store_ids_hash(turn->engine->store, provider->number,
							   (const uint8_t *)readings[i].id,
							   readings[i].n);
}

static void keep_orphan(struct turn *turn, const struct delivery *delivery,
			const struct smpp_pdu *pdu, const struct smpp_receipt *receipt,
			enum reconcile_orphan reason)
{
	const struct link *link = delivery->link;
	char id[SMPP_ID_OCTETS];
	struct store_orphan orphan = {
		.seq = store_next(turn->txn, STORE_NEXT_ORPHAN),
		.provider = link->provider->number,
		.session = link->session_number,
		.at_ms = (uint64_t)turn->at_ms,
		.reason = (uint8_t)reason,
		.pdu_octets = delivery->n,
		.pdu = { delivery->octets, delivery->n < RAW_OCTETS ? delivery->n : RAW_OCTETS },
	};
	if (receipt) {
		struct smpp_octets named = receipt->ids[SMPP_RECEIPT_TLV_ID].n ?
						   receipt->ids[SMPP_RECEIPT_TLV_ID] :
						   receipt->ids[SMPP_RECEIPT_TEXT_ID];
		put_hashes(turn, link->provider, named, &orphan);
		orphan.id =
			(struct store_octets){ (const uint8_t *)id,
					       (uint32_t)smpp_id_canonical(named.at, named.n, id) };
		struct smpp_octets dest = pdu->source_addr;
		orphan.dest = (struct store_octets){ dest.at, dest.n < 21 ? dest.n : 21 };
	}
	turn_fail(turn, store_orphan_put(turn->txn, &orphan));
	if (delivery->n > RAW_OCTETS)
		put_rest(turn, orphan.seq, delivery->octets + RAW_OCTETS, delivery->n - RAW_OCTETS);
	feed_tell(turn, FEED_ORPHAN, orphan.seq);
}

/* ---- orphans that find their message ---- */

/* The whole PDU of an orphan; NULL: memory, or a piece is missing. Freed by the caller. */
static uint8_t *orphan_octets(struct turn *turn, const struct store_orphan *orphan)
{
	uint8_t *octets = malloc(orphan->pdu_octets ? orphan->pdu_octets : 1);
	uint32_t n = orphan->pdu.n;
	if (!octets || n > orphan->pdu_octets) {
		free(octets);
		return NULL;
	}
	if (n)
		memcpy(octets, orphan->pdu.at, n);
	struct store_orphan_more more = { .seq = orphan->seq };
	for (; n < orphan->pdu_octets; more.n++) {
		if (store_orphan_more_get(turn->txn, &more) != STORE_OK ||
		    more.pdu.n > orphan->pdu_octets - n || !more.pdu.n) {
			free(octets);
			return NULL;
		}
		memcpy(octets + n, more.pdu.at, more.pdu.n);
		n += more.pdu.n;
	}
	return octets;
}

void receipts_drop(struct turn *turn, const struct store_orphan *orphan)
{
	struct store_orphan_more more = { .seq = orphan->seq };
	while (store_orphan_more_seek(turn->txn, &more, 1) == STORE_OK && !turn_failed(turn))
		turn_fail(turn, store_orphan_more_del(turn->txn, &more));
	turn_fail(turn, store_orphan_del(turn->txn, orphan));
}

static void join(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		 const struct store_orphan *orphan, uint64_t msisdn)
{
	struct smpp_pdu pdu;
	struct smpp_problem problem;
	struct smpp_receipt receipt;
	uint8_t *octets = orphan_octets(turn, orphan);
	if (octets && smpp_pdu_decode(octets, orphan->pdu_octets, &pdu, &problem) == SMPP_OK &&
	    (!provider->config->match_addresses || address_agrees(pdu.source_addr, msisdn) ||
	     address_agrees(pdu.destination_addr, msisdn))) {
		parse(provider->config, &pdu, &receipt);
		apply_receipt(turn, provider, ref, &receipt,
			      &(struct source){ .session = orphan->session,
						.rule = EVIDENCE_RULE_PARKED });
		receipts_drop(turn, orphan);
	}
	free(octets);
}

void receipts_join(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		   uint64_t hash, int64_t since_ms)
{
	struct store_orphan_id at = { .hash = hash };
	struct store_message message = { .order = ref.order, .index = ref.index };
	if (store_orphan_id_seek(turn->txn, &at, 1) != STORE_OK)
		return;
	turn_fail(turn, store_message_get(turn->txn, &message));
	do {
		struct store_orphan orphan = { .seq = at.seq };
		if (store_orphan_get(turn->txn, &orphan) == STORE_OK &&
		    orphan.provider == provider->number && orphan.reason != ORPHAN_AMBIGUOUS &&
		    (int64_t)orphan.at_ms >= since_ms)
			join(turn, provider, ref, &orphan, message.msisdn);
	} while (!turn_failed(turn) && store_orphan_id_next(turn->txn, &at, 1) == STORE_OK);
}

/* ---- a delivery ---- */

static void sort_out(struct turn *turn, const struct delivery *delivery)
{
	const struct provider *provider = delivery->link->provider;
	struct smpp_pdu pdu;
	struct smpp_problem problem;
	struct smpp_receipt receipt;
	if (delivery->unreadable ||
	    smpp_pdu_decode(delivery->octets, delivery->n, &pdu, &problem) != SMPP_OK) {
		keep_orphan(turn, delivery, NULL, NULL, ORPHAN_UNREADABLE);
		return;
	}
	parse(provider->config, &pdu, &receipt);
	if (receipt.kind == SMPP_RECEIPT_NOT) {
		inbound_keep(turn, delivery->link,
			     &(struct smpp_octets){ delivery->octets, delivery->n });
		return;
	}
	if (receipt.kind == SMPP_RECEIPT_UNPARSED) {
		keep_orphan(turn, delivery, &pdu, &receipt, ORPHAN_UNPARSED);
		return;
	}
	struct match match = find(turn, provider, &pdu, &receipt);
	if (match.standing == 1) {
		struct source source = { .session = delivery->link->session_number,
					 .rule = match.rule };
		apply_receipt(turn, provider, match.ref, &receipt, &source);
	} else if (receipt.flags & SMPP_RECEIPT_NEEDS_MATCH) {
		inbound_keep(turn, delivery->link,
			     &(struct smpp_octets){ delivery->octets, delivery->n });
	} else {
		keep_orphan(turn, delivery, &pdu, &receipt,
			    match.standing ? ORPHAN_AMBIGUOUS :
			    match.id_known ? ORPHAN_ADDRESS :
					     ORPHAN_UNKNOWN_ID);
	}
}

static void apply_delivery(struct turn *turn, struct input *input)
{
	struct delivery *delivery = (void *)input;
	sort_out(turn, delivery);
	struct answer *answer = (void *)turn_effect(turn, answered, sizeof(*answer));
	if (!answer)
		return;
	answer->link = delivery->link;
	answer->connection = delivery->connection;
	answer->command_id = delivery->command_id;
	answer->sequence_number = delivery->sequence_number;
}

void reconcile_delivery(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	if (event->command_id != SMPP_deliver_sm && event->command_id != SMPP_data_sm) {
		send_answer(link, event->command_id, event->sequence_number, SMPP_ESME_RINVCMDID);
		return;
	}
	struct delivery *delivery = calloc(1, sizeof(*delivery) + event->octets_n);
	if (!delivery) {
		send_answer(link, event->command_id, event->sequence_number,
			    link->provider->config->store_full_status);
		return;
	}
	delivery->input.apply = apply_delivery;
	delivery->input.refuse = refuse_delivery;
	delivery->link = link;
	delivery->connection = link->port_link;
	delivery->command_id = event->command_id;
	delivery->sequence_number = event->sequence_number;
	delivery->unreadable = event->unparsed;
	delivery->n = event->octets_n;
	memcpy(delivery->octets, event->octets, event->octets_n);
	engine_input(engine, &delivery->input);
}

const char *reconcile_orphan_text(enum reconcile_orphan reason)
{
	static const char *const texts[] = {
#define X(name, number, text) [number] = text,
		RECONCILE_ORPHANS(X)
#undef X
	};
	return (unsigned)reason < sizeof(texts) / sizeof(texts[0]) ? texts[reason] : "?";
}
