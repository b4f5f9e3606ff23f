/* Rows of evidence on disk: varints behind one that says which groups follow. */
#include "core/evidence.h"

#include <string.h>

enum {
	HAS_SUBMIT = 1,
	HAS_CODE = 2,
	HAS_RECEIPT = 4,
	HAS_ID = 8,
	HAS_ERR = 16,
	BY_OPERATOR = 32,
	HAS_NOTE = 64,
	WITH_OTHERS = 128,
	HAS_REMARKS = 256,
	HAS_RATE = 512, /* with HAS_SUBMIT */
	ID_OCTETS = 64,
	ERR_OCTETS = 8,
	MARK_SHIFT = 5,
};
_Static_assert(LIFE_EVENTS <= 1 << MARK_SHIFT, "event and mark share an octet");

static uint8_t *put(uint8_t *out, uint64_t value)
{
	while (value >= 0x80) {
		*out++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*out++ = (uint8_t)value;
	return out;
}

static uint8_t *put_octets(uint8_t *out, struct smpp_octets octets, uint32_t most)
{
	uint32_t n = octets.n < most ? octets.n : most;
	*out++ = (uint8_t)n;
	if (n)
		memcpy(out, octets.at, n);
	return out + n;
}

static uint64_t distance(int64_t later, int64_t earlier)
{
	return later > earlier ? (uint64_t)(later - earlier) : 0;
}

size_t evidence_encode(const struct evidence *row, int64_t base_ms, uint8_t *out)
{
	uint8_t *at = out;
	*at++ = (uint8_t)((unsigned)row->mark << MARK_SHIFT | (unsigned)row->event);
	at = put(at, (row->has_submit ? HAS_SUBMIT : 0u) | (row->has_code ? HAS_CODE : 0u) |
			     (row->has_receipt ? HAS_RECEIPT : 0u) | (row->id.n ? HAS_ID : 0u) |
			     (row->err.n ? HAS_ERR : 0u) | (row->by_operator ? BY_OPERATOR : 0u) |
			     (row->note.n ? HAS_NOTE : 0u) | (row->with_others ? WITH_OTHERS : 0u) |
			     (row->remarks.n ? HAS_REMARKS : 0u) |
			     (row->has_submit && row->rate_per_s ? HAS_RATE : 0u));
	at = put(at, distance(row->at_ms, base_ms));
	if (row->has_submit) {
		at = put(at, row->attempt);
		at = put(at, row->session);
		at = put(at, row->sequence_number);
		at = put(at, distance(row->at_ms, row->released_ms));
		at = put(at, row->sent_after_ms);
		at = put(at, row->rtt_ms);
		at = put(at, row->in_flight);
		at = put(at, row->queued);
		if (row->rate_per_s)
			at = put(at, row->rate_per_s);
	}
	if (row->has_code)
		at = put(at, row->code);
	if (row->has_receipt) {
		at = put(at, row->receipt_session);
		*at++ = (uint8_t)row->rule;
		at = put(at, row->receipt_flags);
	}
	if (row->id.n)
		at = put_octets(at, row->id, ID_OCTETS);
	if (row->err.n)
		at = put_octets(at, row->err, ERR_OCTETS);
	if (row->note.n)
		at = put_octets(at, row->note, EVIDENCE_NOTE_OCTETS);
	if (row->remarks.n)
		at = put_octets(at, row->remarks, EVIDENCE_REMARKS_OCTETS);
	return (size_t)(at - out);
}

/* Reads varints and slices; once past the end, bad and zero. */
struct cursor {
	const uint8_t *at;
	size_t n, next;
	bool bad;
};

static uint64_t get(struct cursor *cursor)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (cursor->next >= cursor->n)
			break;
		uint8_t octet = cursor->at[cursor->next++];
		value |= (uint64_t)(octet & 0x7F) << shift;
		if (!(octet & 0x80))
			return value;
	}
	cursor->bad = true;
	return 0;
}

static uint32_t get32(struct cursor *cursor)
{
	uint64_t value = get(cursor);
	if (value > UINT32_MAX)
		cursor->bad = true;
	return (uint32_t)value;
}

/* A distance that keeps sums with wall times inside int64. */
static int64_t get_ms(struct cursor *cursor)
{
	uint64_t value = get(cursor);
	if (value > INT64_MAX / 4)
		cursor->bad = true;
	return cursor->bad ? 0 : (int64_t)value;
}

static uint8_t get8(struct cursor *cursor)
{
	if (cursor->next >= cursor->n) {
		cursor->bad = true;
		return 0;
	}
	return cursor->at[cursor->next++];
}

static struct smpp_octets get_octets(struct cursor *cursor, uint32_t most)
{
	uint8_t n = get8(cursor);
	if (cursor->bad || n > most || n > cursor->n - cursor->next) {
		cursor->bad = true;
		return (struct smpp_octets){ 0 };
	}
	struct smpp_octets octets = { .at = cursor->at + cursor->next, .n = n };
	cursor->next += n;
	return octets;
}

static void get_submit(struct cursor *cursor, struct evidence *row)
{
	row->has_submit = true;
	row->attempt = get32(cursor);
	row->session = get(cursor);
	row->sequence_number = get32(cursor);
	row->released_ms = row->at_ms - get_ms(cursor);
	row->sent_after_ms = get32(cursor);
	row->rtt_ms = get32(cursor);
	row->in_flight = get32(cursor);
	row->queued = get32(cursor);
}

bool evidence_next(const uint8_t *at, size_t n, size_t *offset, int64_t base_ms,
		   struct evidence *row)
{
	struct cursor cursor = { .at = at, .n = n, .next = *offset };
	if (*offset >= n)
		return false;
	*row = (struct evidence){ 0 };
	uint8_t head = get8(&cursor);
	uint32_t groups = get32(&cursor);
	unsigned event = head & ((1u << MARK_SHIFT) - 1), mark = (unsigned)head >> MARK_SHIFT;
	if (event >= LIFE_EVENTS || mark > LIFE_MARK_STRAY)
		return false;
	row->event = (enum life_event)event;
	row->mark = (enum life_mark)mark;
	row->at_ms = base_ms + get_ms(&cursor);
	row->by_operator = groups & BY_OPERATOR;
	row->with_others = groups & WITH_OTHERS;
	if (groups & HAS_SUBMIT)
		get_submit(&cursor, row);
	if (groups & HAS_SUBMIT && groups & HAS_RATE)
		row->rate_per_s = get32(&cursor);
	if (groups & HAS_CODE) {
		row->has_code = true;
		row->code = get32(&cursor);
	}
	if (groups & HAS_RECEIPT) {
		row->has_receipt = true;
		row->receipt_session = get(&cursor);
		row->rule = (enum evidence_rule)get8(&cursor);
		row->receipt_flags = get32(&cursor);
	}
	if (groups & HAS_ID)
		row->id = get_octets(&cursor, ID_OCTETS);
	if (groups & HAS_ERR)
		row->err = get_octets(&cursor, ERR_OCTETS);
	if (groups & HAS_NOTE)
		row->note = get_octets(&cursor, EVIDENCE_NOTE_OCTETS);
	if (groups & HAS_REMARKS)
		row->remarks = get_octets(&cursor, EVIDENCE_REMARKS_OCTETS);
	if (cursor.bad || row->rule > EVIDENCE_RULE_PREFIX)
		return false;
	*offset = cursor.next;
	return true;
}

const char *evidence_told(const struct evidence *row)
{
	static const char *const queried[LIFE_EVENTS] = {
		[LIFE_ON_RECEIPT_DELIVERED] = "asked by query_sm, the provider says delivered",
		[LIFE_ON_RECEIPT_BEATS] = "asked by query_sm, the provider says delivered",
		[LIFE_ON_RECEIPT_FAILED] = "asked by query_sm, the provider says that it failed",
		[LIFE_ON_RECEIPT_EXPIRED] =
			"asked by query_sm, the provider says that its time ran out",
		[LIFE_ON_RECEIPT_PENDING] =
			"asked by query_sm, the provider says that it is under way",
	};
	/* An operator decides before the time at which the event comes by itself. */
	if (row->by_operator && row->event == LIFE_ON_RECEIPT_DEADLINE)
		return "an operator ended the wait for an outcome";
	if (row->by_operator && row->event == LIFE_ON_RESEND)
		return "an operator put it into the queue once more";
	if (row->rule == EVIDENCE_RULE_QUERY && queried[row->event])
		return queried[row->event];
	return life_event_told(row->event);
}

bool evidence_gives_id(const struct evidence *row)
{
	return row->id.n &&
	       (row->event == LIFE_ON_ACCEPTED || row->rule == EVIDENCE_RULE_CORRELATION);
}

static const struct {
	const char *name, *text;
} rules[] = {
	[EVIDENCE_RULE_NONE] = { "", "" },
	[EVIDENCE_RULE_EXACT] = { "exact", "the receipt names the id of the response" },
	[EVIDENCE_RULE_HEX_TO_DEC] = { "hex_to_dec",
				       "the receipt writes the response's decimal id in hex" },
	[EVIDENCE_RULE_DEC_TO_HEX] = { "dec_to_hex",
				       "the receipt writes the response's hex id in decimal" },
	[EVIDENCE_RULE_PARKED] = { "parked",
				   "the receipt came before the response and waited for it" },
	[EVIDENCE_RULE_CORRELATION] = { "receipt_correlation",
					"the receipt's id was unknown, and it was joined to this message" },
	[EVIDENCE_RULE_QUERY] = { "query", "the provider answered a query_sm" },
	[EVIDENCE_RULE_PREFIX] = { "prefix", "the receipt's id begins with that of the response" },
};

const char *evidence_rule_name(enum evidence_rule rule)
{
	return (unsigned)rule < sizeof(rules) / sizeof(rules[0]) ? rules[rule].name : "?";
}

const char *evidence_rule_text(enum evidence_rule rule)
{
	return (unsigned)rule < sizeof(rules) / sizeof(rules[0]) ? rules[rule].text : "?";
}
