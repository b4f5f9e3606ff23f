/* Which segment a receipt is about. See match.h. */
#include "core/match.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/correlate.h"
#include "core/dialect.h"
#include "core/history.h"
#include "core/lifecycle.h"

#define CANDIDATES 16 /* segments looked at for one reading of an id */

_Static_assert(SMPP_TAIL_DIGITS == STORE_TAIL_DIGITS, "tails are compared");

static const enum evidence_rule rules[] = {
	[SMPP_ID_ANY] = EVIDENCE_RULE_EXACT,
	[SMPP_ID_EXACT] = EVIDENCE_RULE_EXACT,
	[SMPP_ID_HEX_TO_DEC] = EVIDENCE_RULE_HEX_TO_DEC,
	[SMPP_ID_DEC_TO_HEX] = EVIDENCE_RULE_DEC_TO_HEX,
};
/* What is being looked for, and what was found of it. */
struct search {
	struct turn *turn;
	const struct match_query *query;
	struct match match;
	int place;		   /* of the id in the receipt */
	enum smpp_id_dialect rule; /* by which it is read */
	const char *id;		   /* canonical */
	size_t n;
	bool shared;  /* as an id of several destinations, found with the number of each */
	uint32_t cut; /* octets that the response's id must have; 0: any */
	struct {
		uint32_t standing;
		struct segment_ref ref;
	} exact; /* those that were found by the id as it was given */
};

/* Octets of an id without the padding that smpp_id_canonical takes off, too. */
static struct smpp_octets trimmed(struct smpp_octets id)
{
	while (id.n && (id.at[id.n - 1] == ' ' || !id.at[id.n - 1]))
		id.n--;
	while (id.n && (id.at[0] == ' ' || !id.at[0])) {
		id.at++;
		id.n--;
	}
	return id;
}

static bool names_it(const struct search *search, const struct evidence *row)
{
	char id[SMPP_ID_OCTETS];
	return evidence_gives_id(row) && (!search->cut || trimmed(row->id).n == search->cut) &&
	       (!row->has_submit || row->released_ms <= search->query->came_ms) &&
	       smpp_id_canonical(row->id.at, row->id.n, id) == search->n &&
	       !memcmp(id, search->id, search->n);
}

/* Did an answer, or an orphan that was joined, give the segment that id? */
static bool has_id(const struct search *search, const struct store_order *order,
		   struct segment_ref ref, const struct store_seg *seg)
{
	struct history history;
	struct evidence row;
	history_begin(&history, search->turn->txn, order, ref, seg);
	while (history_next(&history, &row))
		if (names_it(search, &row))
			return true;
	return false;
}

bool match_addresses(const struct provider *provider, const struct smpp_pdu *pdu, uint64_t msisdn)
{
	return !provider->config->match_addresses || smpp_receipt_may_be_of(pdu, msisdn);
}

uint64_t match_shared_hash(const struct store *store, uint32_t provider, const char *id, size_t n,
			   uint32_t tail)
{
	char text[SMPP_ID_OCTETS + 12];
	int octets = snprintf(text, sizeof(text), "%.*s/%u", (int)n, id, tail);
	return store_ids_hash(store, provider, (const uint8_t *)text, (size_t)octets);
}

static bool is_gone(struct turn *turn, uint64_t number)
{
	struct store_order order = { .order = number };
	return store_order_get(turn->txn, &order) == STORE_NOTFOUND;
}

static void consider(struct search *search, const struct store_ref *candidate)
{
	const struct match_query *query = search->query;
	struct match *match = &search->match;
	struct segment_ref ref = { .order = candidate->order,
				   .index = candidate->index,
				   .segment = candidate->segment };
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	struct work *work = orders_work(search->turn, ref.order);
	if (!work)
		match->id_of_gone = match->id_of_gone || is_gone(search->turn, ref.order);
	if (!work || work->rec.provider != query->provider->number ||
	    !orders_segment(search->turn, &work->rec, ref, &message, &segment, &seg) ||
	    !has_id(search, &work->rec, ref, seg))
		return;
	match->id_known = true;
	if (!match_addresses(query->provider, query->pdu, message.msisdn))
		return;
	if (!match->readings[search->place])
		match->readings[search->place] = search->rule;
	if (match->standing && match->ref.order == ref.order && match->ref.index == ref.index &&
	    match->ref.segment == ref.segment)
		return;
	match->standing++;
	match->ref = ref;
	if (search->rule == SMPP_ID_EXACT) {
		search->exact.standing++;
		search->exact.ref = ref;
	}
	match->rule = search->cut ? EVIDENCE_RULE_PREFIX : rules[search->rule];
}

static void consider_all(struct search *search, uint64_t hash)
{
	struct store_ref refs[CANDIDATES];
	struct turn *turn = search->turn;
	size_t found = 0;
	turn_fail(turn, store_ids_find(turn->txn, hash, refs, CANDIDATES, &found));
	for (size_t k = 0; k < found && k < CANDIDATES && !turn_failed(turn); k++)
		consider(search, &refs[k]);
}

/* As the id of one segment, or as one that several share, with the number of each. */
static void look_up(struct search *search)
{
	const struct match_query *query = search->query;
	const struct smpp_pdu *pdu = query->pdu;
	const uint32_t tails[] = { smpp_number_tail(pdu->source_addr),
				   smpp_number_tail(pdu->destination_addr) };
	if (!search->shared)
		consider_all(search,
			     store_ids_hash(search->turn->engine->store, query->provider->number,
					    (const uint8_t *)search->id, search->n));
	for (size_t i = 0; search->shared && i < 2; i++)
		if (tails[i] && (!i || tails[1] != tails[0]))
			consider_all(search, match_shared_hash(search->turn->engine->store,
							       query->provider->number, search->id,
							       search->n, tails[i]));
}

/* Under each reading that the dialect allows. */
static void look_for(struct search *search, struct smpp_octets id)
{
	struct smpp_id_reading readings[SMPP_ID_READINGS], one[SMPP_ID_READINGS];
	enum smpp_id_dialect only =
		search->query->any ?
			SMPP_ID_ANY :
			dialect_of(search->turn, search->query->provider, search->place);
	size_t n = smpp_id_readings(id.at, id.n, SMPP_ID_ANY, readings);
	size_t allowed = only ? smpp_id_readings(id.at, id.n, only, one) : 0;
	assert(n <= SMPP_ID_READINGS);
	for (size_t i = 0; i < n; i++) {
		/* One that reads the same both ways stands under the first of them. */
		if (only && (!allowed || strcmp(one[0].id, readings[i].id) != 0))
			continue;
		search->rule = readings[i].rule;
		search->id = readings[i].id;
		search->n = readings[i].n;
		look_up(search);
	}
	search->id = NULL; /* it stood here */
	if (n < 2)
		search->match.readings[search->place] = SMPP_ID_ANY; /* it teaches nothing */
}

static void look_for_ids(struct search *search)
{
	const struct smpp_octets *ids = search->query->receipt->ids;
	for (search->place = SMPP_RECEIPT_TLV_ID; search->place >= SMPP_RECEIPT_TEXT_ID;
	     search->place--)
		/* Nearly always the text has the TLV's id: it finds nothing else. */
		if (search->place == SMPP_RECEIPT_TLV_ID ||
		    !smpp_octets_equal(ids[SMPP_RECEIPT_TEXT_ID], ids[SMPP_RECEIPT_TLV_ID]))
			look_for(search, ids[search->place]);
}

/* The beginning of an id where the provider cuts those of its responses; its length, or 0. */
static size_t beginning(const struct provider *provider, struct smpp_octets id,
			char out[SMPP_ID_OCTETS])
{
	uint32_t cut = provider->config->message_id_prefix_octets;
	id = trimmed(id);
	return cut && id.n > cut ? smpp_id_canonical(id.at, cut, out) : 0;
}

/* No receipt of this provider was ever read in another base than its response's id. */
static bool keeps_base(struct turn *turn, const struct provider *provider)
{
	uint32_t others = 0;
	for (int place = 0; place < DIALECT_PLACES; place++) {
		struct store_dialect rec = dialect_read(turn->txn, provider->number, place);
		others += rec.hex_to_dec + rec.dec_to_hex;
	}
	return !others;
}

/*
 * Small ids in a row are one another's in another base. Of several that fit, the only one that has
 * the id as it was given is meant, unless something shows that this carrier writes it otherwise.
 */
static void prefer_exact(struct search *search)
{
	struct match *match = &search->match;
	if (match->standing < 2 || search->exact.standing != 1 || search->query->any ||
	    !keeps_base(search->turn, search->query->provider))
		return;
	match->standing = 1;
	match->ref = search->exact.ref;
	match->rule = EVIDENCE_RULE_EXACT;
	for (int place = 0; place < DIALECT_PLACES; place++)
		match->readings[place] = SMPP_ID_ANY; /* it teaches nothing */
}

static bool is_early(const struct search *search)
{
	const struct match_query *query = search->query;
	const struct match *match = &search->match;
	const uint32_t tails[] = { smpp_number_tail(query->pdu->source_addr),
				   smpp_number_tail(query->pdu->destination_addr) };
	bool other_base = match->rule == EVIDENCE_RULE_HEX_TO_DEC ||
			  match->rule == EVIDENCE_RULE_DEC_TO_HEX;
	return match->standing == 1 && other_base && !query->any &&
	       !dialect_of(search->turn, query->provider, SMPP_RECEIPT_TEXT_ID) &&
	       !dialect_of(search->turn, query->provider, SMPP_RECEIPT_TLV_ID) &&
	       keeps_base(search->turn, query->provider) &&
	       correlate_is_open(search->turn, query->provider, tails, query->came_ms, match->ref);
}

struct match match_receipt(struct turn *turn, const struct match_query *query)
{
	struct search search = { .turn = turn, .query = query };
	char cut[SMPP_ID_OCTETS];
	look_for_ids(&search);
	search.shared = !search.match.standing;
	if (search.shared)
		look_for_ids(&search);
	prefer_exact(&search);
	search.match.early = is_early(&search);
	search.shared = false;
	search.place = SMPP_RECEIPT_TEXT_ID;
	search.rule = SMPP_ID_ANY;
	search.n = search.match.standing ?
			   0 :
			   beginning(query->provider, match_id(query->receipt), cut);
	search.cut = query->provider->config->message_id_prefix_octets;
	search.id = cut;
	if (search.n)
		look_up(&search);
	return search.match;
}

struct smpp_octets match_id(const struct smpp_receipt *receipt)
{
	return receipt->ids[SMPP_RECEIPT_TLV_ID].n ? receipt->ids[SMPP_RECEIPT_TLV_ID] :
						     receipt->ids[SMPP_RECEIPT_TEXT_ID];
}

static uint64_t hash_of(struct turn *turn, const struct provider *provider, const char *id,
			size_t n)
{
	return store_ids_hash(turn->engine->store, provider->number, (const uint8_t *)id, n);
}

struct match_hashes match_hashes(struct turn *turn, const struct provider *provider,
				 const struct smpp_receipt *receipt)
{
	struct smpp_id_reading readings[SMPP_ID_READINGS];
	struct smpp_octets id = match_id(receipt), text = receipt->ids[SMPP_RECEIPT_TEXT_ID];
	bool tlv = receipt->ids[SMPP_RECEIPT_TLV_ID].n;
	int place = tlv ? SMPP_RECEIPT_TLV_ID : SMPP_RECEIPT_TEXT_ID;
	struct match_hashes hashes = { .cut = 0 };
	char cut[SMPP_ID_OCTETS];
	size_t n = smpp_id_readings(id.at, id.n, dialect_of(turn, provider, place), readings);
	for (size_t i = 0; i < n; i++)
		hashes.readings[readings[i].rule] =
			hash_of(turn, provider, readings[i].id, readings[i].n);
	n = beginning(provider, id, cut);
	if (n)
		hashes.cut = hash_of(turn, provider, cut, n);
	if (!tlv || !(receipt->flags & SMPP_RECEIPT_IDS_DIFFER))
		return hashes;
	/* As the dialect has it, or as it came: there is one place for it. */
	n = smpp_id_readings(text.at, text.n, dialect_of(turn, provider, SMPP_RECEIPT_TEXT_ID),
			     readings);
	if (n)
		hashes.text = hash_of(turn, provider, readings[0].id, readings[0].n);
	return hashes;
}
