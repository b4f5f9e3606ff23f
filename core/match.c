/* Which segment a receipt is about. See match.h. */
#include "core/match.h"

#include <string.h>

#include "core/history.h"
#include "core/lifecycle.h"

#define CANDIDATES    16 /* segments looked at for one reading of an id */
#define MASKED_DIGITS 3	 /* an address that begins with so many is a number, whatever follows */

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

/* Did an answer, or an orphan that was joined, give the segment the id of the reading? */
static bool has_id(struct turn *turn, const struct store_order *order, struct segment_ref ref,
		   const struct store_seg *seg, const struct smpp_id_reading *reading)
{
	struct history history;
	struct evidence row;
	char id[SMPP_ID_OCTETS];
	history_begin(&history, turn->txn, order, ref, seg);
	while (history_next(&history, &row))
		if (evidence_gives_id(&row) &&
		    smpp_id_canonical(row.id.at, row.id.n, id) == reading->n &&
		    !memcmp(id, reading->id, reading->n))
			return true;
	return false;
}

/* What an address of the receipt says of the recipient's number. */
enum agreement {
	AGREES,
	SILENT,	   /* empty, or digits with something else behind: masked */
	NAME,	   /* an alphanumeric sender: surely not the recipient */
	DISAGREES, /* another number */
};

/* Leading digits behind a plus, and whether anything but digits stands there. */
static uint32_t leading_digits(struct smpp_octets address, bool *only)
{
	uint32_t begin = address.n && address.at[0] == '+', digits = 0;
	while (begin + digits < address.n && address.at[begin + digits] >= '0' &&
	       address.at[begin + digits] <= '9')
		digits++;
	*only = begin + digits == address.n;
	return digits;
}

static uint32_t last_digits(struct smpp_octets address, uint32_t digits, uint32_t *scale)
{
	uint32_t tail = 0;
	*scale = 1;
	for (uint32_t i = 0; i < digits && i < STORE_TAIL_DIGITS; i++) {
		tail += *scale * (uint32_t)(address.at[address.n - 1 - i] - '0');
		*scale *= 10;
	}
	return tail;
}

static enum agreement agreement(struct smpp_octets address, uint64_t msisdn)
{
	bool only;
	uint32_t scale, digits = leading_digits(address, &only);
	if (!only)
		return digits < MASKED_DIGITS ? NAME : SILENT;
	if (!digits)
		return SILENT;
	return last_digits(address, digits, &scale) == msisdn % scale ? AGREES : DISAGREES;
}

uint32_t match_tail(struct smpp_octets address)
{
	bool only;
	uint32_t scale, digits = leading_digits(address, &only);
	return only && digits >= STORE_TAIL_DIGITS ? last_digits(address, digits, &scale) + 1 : 0;
}

bool match_addresses(const struct provider *provider, const struct smpp_pdu *pdu, uint64_t msisdn)
{
	enum agreement source = agreement(pdu->source_addr, msisdn);
	enum agreement dest = agreement(pdu->destination_addr, msisdn);
	return !provider->config->match_addresses || source <= SILENT || dest <= SILENT ||
	       (source == NAME && dest == NAME);
}

static bool is_gone(struct turn *turn, uint64_t number)
{
	struct store_order order = { .order = number };
	return store_order_get(turn->txn, &order) == STORE_NOTFOUND;
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
	if (!work && !again)
		match->id_of_gone = match->id_of_gone || is_gone(turn, ref.order);
	if (!work || work->rec.provider != provider->number ||
	    !orders_segment(turn, &work->rec, ref, &message, &segment, &seg) ||
	    !has_id(turn, &work->rec, ref, seg, reading))
		return;
	match->id_known = true;
	if (!match_addresses(provider, pdu, message.msisdn))
		return;
	match->standing++;
	match->ref = ref;
	match->rule = rules[reading->rule];
}

struct match match_receipt(struct turn *turn, const struct provider *provider,
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

struct smpp_octets match_id(const struct smpp_receipt *receipt)
{
	return receipt->ids[SMPP_RECEIPT_TLV_ID].n ? receipt->ids[SMPP_RECEIPT_TLV_ID] :
						     receipt->ids[SMPP_RECEIPT_TEXT_ID];
}

void match_hashes(struct turn *turn, const struct provider *provider, struct smpp_octets id,
		  uint64_t hashes[SMPP_ID_DEC_TO_HEX + 1])
{
	struct smpp_id_reading readings[SMPP_ID_READINGS];
	size_t n = smpp_id_readings(id.at, id.n, dialects[provider->config->message_id_dialect],
				    readings);
	for (size_t i = 0; i < n; i++)
		hashes[readings[i].rule] = store_ids_hash(turn->engine->store, provider->number,
							  (const uint8_t *)readings[i].id,
							  readings[i].n);
}
