/*
 * Delivery receipts; see receipt.h. TLVs are read first, then the text (smpp/receipt_text.h);
 * what the two say is kept apart, and the TLV decides. Used by core/reconcile.c and the tools.
 */
#include "smpp/receipt.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "smpp/coding.h"
#include "smpp/receipt_text.h"

/* ---- States ---- */

static const struct smpp_receipt_word words[] = {
#define RECEIPT_WORD(word, state) { word, SMPP_STATE_##state },
#include "smpp/receipt.def"
};

static const struct {
	const char *name;
	enum smpp_receipt_finality finality;
} states[SMPP_STATES] = {
	[SMPP_STATE_UNKNOWN] = { "UNKNOWN", SMPP_FINAL_BY_CARRIER },
	[SMPP_STATE_DELIVERED] = { "DELIVERED", SMPP_FINAL_YES },
	[SMPP_STATE_EXPIRED] = { "EXPIRED", SMPP_FINAL_YES },
	[SMPP_STATE_DELETED] = { "DELETED", SMPP_FINAL_YES },
	[SMPP_STATE_UNDELIVERABLE] = { "UNDELIVERABLE", SMPP_FINAL_YES },
	[SMPP_STATE_REJECTED] = { "REJECTED", SMPP_FINAL_YES },
	[SMPP_STATE_SKIPPED] = { "SKIPPED", SMPP_FINAL_YES },
	[SMPP_STATE_ENROUTE] = { "ENROUTE", SMPP_FINAL_NO },
	[SMPP_STATE_SCHEDULED] = { "SCHEDULED", SMPP_FINAL_NO },
	[SMPP_STATE_BUFFERED] = { "BUFFERED", SMPP_FINAL_NO },
	[SMPP_STATE_ACCEPTED] = { "ACCEPTED", SMPP_FINAL_BY_CARRIER },
	[SMPP_STATE_VENDOR] = { "VENDOR", SMPP_FINAL_NO },
};

enum smpp_receipt_finality smpp_receipt_finality(enum smpp_receipt_state state)
{
	assert(state < SMPP_STATES);
	return states[state].finality;
}

const char *smpp_receipt_state_name(enum smpp_receipt_state state)
{
	assert(state < SMPP_STATES);
	return states[state].name;
}

static bool find_word(const struct smpp_receipt_word *rows, size_t rows_n, struct smpp_octets word,
		      enum smpp_receipt_state *state)
{
	for (size_t i = 0; i < rows_n; i++) {
		if (strlen(rows[i].word) == word.n &&
		    strncasecmp(rows[i].word, (const char *)word.at, word.n) == 0) {
			*state = rows[i].state;
			return true;
		}
	}
	return false;
}

/* 5.2.28 has 1 to 8; 0 and 9 came with SMPP 5.0 and are seen on 3.4 binds. */
static enum smpp_receipt_state state_of_number(uint8_t message_state)
{
	static const enum smpp_receipt_state numbered[] = {
		SMPP_STATE_SCHEDULED, SMPP_STATE_ENROUTE, SMPP_STATE_DELIVERED,
		SMPP_STATE_EXPIRED,   SMPP_STATE_DELETED, SMPP_STATE_UNDELIVERABLE,
		SMPP_STATE_ACCEPTED,  SMPP_STATE_UNKNOWN, SMPP_STATE_REJECTED,
		SMPP_STATE_SKIPPED,
	};

	if (message_state < sizeof numbered / sizeof numbered[0])
		return numbered[message_state];
	return SMPP_STATE_VENDOR;
}

/* The first of a state's words is the usual one. */
const char *smpp_receipt_word(uint8_t message_state)
{
	enum smpp_receipt_state state = state_of_number(message_state);

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (words[i].state == state)
			return words[i].word;
	return "UNKNOWN";
}

bool smpp_receipt_word_means(struct smpp_octets word, enum smpp_receipt_state *state)
{
	return find_word(words, sizeof words / sizeof words[0], word, state);
}

enum smpp_receipt_state smpp_receipt_state_of(uint8_t message_state,
					      const struct smpp_receipt_options *options)
{
	static const char digits[] = "0123456789abcdef";
	enum smpp_receipt_state state = state_of_number(message_state);
	uint8_t hex[] = { '0', 'x', (uint8_t)digits[message_state >> 4],
			  (uint8_t)digits[message_state & 15] };
	uint8_t dec[] = { (uint8_t)('0' + message_state / 100),
			  (uint8_t)('0' + message_state / 10 % 10),
			  (uint8_t)('0' + message_state % 10) };
	struct smpp_octets written[] = { { .at = hex, .n = sizeof hex },
					 { .at = dec, .n = sizeof dec } };

	for (size_t i = 0; i < 2 && options && message_state >= 0x80; i++) {
		if (find_word(options->words, options->words_n, written[i], &state))
			break;
	}
	return state;
}

/* The error words of SMGP gateways, such as RT:0148 and MA:0051: two letters and four digits that
 * are not all zero. */
static bool is_smgp_error(struct smpp_octets word)
{
	unsigned letters = 0, digits = 0, sum = 0;

	if (word.n != 7 || word.at[2] != ':')
		return false;
	for (size_t i = 0; i < 2; i++)
		letters += (word.at[i] | 0x20) >= 'a' && (word.at[i] | 0x20) <= 'z';
	for (size_t i = 3; i < 7; i++) {
		digits += word.at[i] >= '0' && word.at[i] <= '9';
		sum |= word.at[i] ^ '0';
	}
	return letters == 2 && digits == 4 && sum != 0;
}

static enum smpp_receipt_state state_of_word(struct smpp_octets word,
					     const struct smpp_receipt_options *options)
{
	enum smpp_receipt_state state;

	if (find_word(options->words, options->words_n, word, &state) ||
	    find_word(words, sizeof words / sizeof words[0], word, &state))
		return state;
	return is_smgp_error(word) ? SMPP_STATE_UNDELIVERABLE : SMPP_STATE_VENDOR;
}

/* ---- The body ---- */

/* Of UTF-16 that is read: an octet gives at most one and a half of UTF-8. */
enum {
	UTF16_OCTETS = SMPP_RECEIPT_SCRATCH_OCTETS / 3 * 2
};

static struct smpp_octets slice(struct smpp_octets body, uint32_t from, uint32_t to)
{
	return (struct smpp_octets){ .at = body.at + from, .n = to - from };
}

/* The octets behind a user data header, if there is one where UDHI says so (5.2.12). Carriers
 * copy UDHI into receipts without a header: a label at the very beginning shows it. */
static struct smpp_octets behind_udh(const struct smpp_pdu *pdu, struct smpp_receipt *out)
{
	struct smpp_octets body = smpp_pdu_message(pdu);

	if (!(pdu->esm_class & 0x40) || body.n == 0)
		return body;
	if (smpp_receipt_text_begins(body) || body.at[0] >= body.n) {
		out->flags |= SMPP_RECEIPT_NO_UDH;
		return body;
	}
	return slice(body, body.at[0] + 1U, body.n);
}

/* Writes body, UTF-16, to out's scratch as UTF-8. */
static struct smpp_octets transcode(struct smpp_octets body, bool little, struct smpp_receipt *out)
{
	uint8_t big[UTF16_OCTETS];
	struct smpp_coding_buf utf8 = { .at = out->scratch, .cap = sizeof out->scratch };
	uint32_t n = body.n < UTF16_OCTETS ? body.n : UTF16_OCTETS;
	enum smpp_coding_error error;

	n -= n % 2;
	for (uint32_t i = 0; i < n; i++)
		big[i] = body.at[little ? i ^ 1 : i];
	error = smpp_coding_to_utf8(SMPP_ALPHABET_UCS2, big, n, &utf8);
	assert(error == SMPP_CODING_OK);
	(void)error;
	return (struct smpp_octets){ .at = utf8.at, .n = (uint32_t)utf8.n };
}

/* The body as it stands if it shows labels, else as UTF-16 of either order if that does.
 * data_coding is not asked: carriers mark ASCII as UCS-2 and the other way round. */
static void read_any(struct smpp_receipt *out, struct smpp_receipt_text *text)
{
	struct smpp_octets raw = out->body;

	if (smpp_receipt_text_read(raw, text))
		return;
	for (unsigned little = 0; little < 2; little++) {
		bool marked = raw.n >= 2 && raw.at[little] == 0xFE && raw.at[!little] == 0xFF;
		struct smpp_octets unmarked = marked ? slice(raw, 2, raw.n) : raw;

		out->body = transcode(unmarked, little, out);
		if (smpp_receipt_text_read(out->body, text)) {
			out->flags |= SMPP_RECEIPT_TRANSCODED;
			if (unmarked.n > UTF16_OCTETS)
				out->flags |= SMPP_RECEIPT_CUT;
			return;
		}
	}
	*text = (struct smpp_receipt_text){ 0 };
	out->body = raw;
}

/* ---- The receipt ---- */

static void read_tlvs(const struct smpp_pdu *pdu, struct smpp_receipt *out)
{
	const struct smpp_tlv *id = smpp_pdu_tlv(pdu, SMPP_TLV_receipted_message_id);
	const struct smpp_tlv *code = smpp_pdu_tlv(pdu, SMPP_TLV_network_error_code);
	uint32_t state;

	if (id) {
		struct smpp_octets value = smpp_tlv_string(id);

		while (value.n > 0 && value.at[value.n - 1] == ' ')
			value.n--;
		out->ids[SMPP_RECEIPT_TLV_ID] = value;
	}
	switch (smpp_pdu_tlv_int(pdu, SMPP_TLV_message_state, &state)) {
	case SMPP_TLV_INT_OK:
		out->has_message_state = true;
		out->message_state = (uint8_t)state;
		break;
	case SMPP_TLV_INT_WIDTH:
		out->flags |= SMPP_RECEIPT_BAD_STATE_TLV;
		break;
	case SMPP_TLV_INT_ABSENT:
		break;
	}
	if (code) {
		struct smpp_octets value = smpp_tlv_value(code);

		out->has_network_error_code = value.n == 3;
		if (value.n != 3) {
			out->flags |= SMPP_RECEIPT_BAD_ERROR_TLV;
			return;
		}
		out->network_type = value.at[0];
		out->network_error = (uint16_t)(value.at[1] << 8 | value.at[2]);
	}
}

static void read_body(const struct smpp_pdu *pdu, struct smpp_receipt *out)
{
	struct smpp_receipt_text text;

	out->body = behind_udh(pdu, out);
	if (out->body.n > SMPP_RECEIPT_BODY_OCTETS) {
		out->body.n = SMPP_RECEIPT_BODY_OCTETS;
		out->flags |= SMPP_RECEIPT_CUT;
	}
	read_any(out, &text);
	/* With TLVs nothing is missing that only the user's words could tell. */
	if (text.text_first && out->ids[SMPP_RECEIPT_TLV_ID].n == 0 && !out->has_message_state) {
		smpp_receipt_text_read_on(out->body, &text);
		out->flags |= SMPP_RECEIPT_TEXT_FIRST;
	}
	out->ids[SMPP_RECEIPT_TEXT_ID] = text.values[SMPP_RECEIPT_ID];
	out->sub = text.values[SMPP_RECEIPT_SUB];
	out->dlvrd = text.values[SMPP_RECEIPT_DLVRD];
	out->submit_date = text.values[SMPP_RECEIPT_SUBMIT_DATE];
	out->done_date = text.values[SMPP_RECEIPT_DONE_DATE];
	out->stat = text.values[SMPP_RECEIPT_STAT];
	out->err = text.values[SMPP_RECEIPT_ERR];
	out->text = text.values[SMPP_RECEIPT_TEXT];
	if (out->err.n > SMPP_RECEIPT_ERR_OCTETS) {
		out->err.n = SMPP_RECEIPT_ERR_OCTETS;
		out->flags |= SMPP_RECEIPT_LONG_ERR;
	}
}

/* A TLV beats the text; the text's word stays in stat. */
static void decide_state(struct smpp_receipt *out, const struct smpp_receipt_options *options)
{
	enum smpp_receipt_state text = SMPP_STATE_UNKNOWN;

	if (out->stat.n > 0) {
		text = state_of_word(out->stat, options);
		out->state = text;
		out->source = SMPP_RECEIPT_FROM_TEXT;
	}
	if (!out->has_message_state)
		return;
	out->state = smpp_receipt_state_of(out->message_state, options);
	out->source = SMPP_RECEIPT_FROM_TLV;
	if (out->stat.n > 0 && text != SMPP_STATE_VENDOR && text != out->state)
		out->flags |= SMPP_RECEIPT_CONTRADICTION;
}

static void compare_ids(struct smpp_receipt *out)
{
	char text[SMPP_ID_OCTETS], tlv[SMPP_ID_OCTETS];
	const struct smpp_octets *ids = out->ids;

	if (ids[SMPP_RECEIPT_TEXT_ID].n == 0 || ids[SMPP_RECEIPT_TLV_ID].n == 0 ||
	    smpp_octets_equal(ids[SMPP_RECEIPT_TEXT_ID], ids[SMPP_RECEIPT_TLV_ID]))
		return;
	smpp_id_canonical(ids[SMPP_RECEIPT_TEXT_ID].at, ids[SMPP_RECEIPT_TEXT_ID].n, text);
	smpp_id_canonical(ids[SMPP_RECEIPT_TLV_ID].at, ids[SMPP_RECEIPT_TLV_ID].n, tlv);
	if (strcmp(text, tlv) != 0)
		out->flags |= SMPP_RECEIPT_IDS_DIFFER;
}

/* What the message type of esm_class makes of a PDU: a value in bits 5 to 2, not a set of bits
 * (5.2.12). */
enum mark {
	MARK_NONE,     /* no receipt of the SMSC, whatever it says */
	MARK_UNMARKED, /* an incoming message, unless the provider's receipts look so */
	MARK_RECEIPT,
	MARK_RESERVED, /* a reserved value with the receipt's bit: only if its id is known */
	MARK_INTERMEDIATE,
};

static enum mark mark_of(uint8_t esm_class)
{
	static const enum mark marks[16] = {
		[0x00 >> 2] = MARK_UNMARKED, [0x04 >> 2] = MARK_RECEIPT,
		[0x0C >> 2] = MARK_RESERVED, [0x14 >> 2] = MARK_RESERVED,
		[0x1C >> 2] = MARK_RESERVED, [0x20 >> 2] = MARK_INTERMEDIATE,
		[0x24 >> 2] = MARK_RECEIPT, /* seen for receipts */
		[0x2C >> 2] = MARK_RESERVED, [0x34 >> 2] = MARK_RESERVED,
		[0x3C >> 2] = MARK_RESERVED,
	};

	return marks[esm_class >> 2 & 0x0F];
}

static enum smpp_receipt_kind kind_of(enum mark mark, struct smpp_receipt *out)
{
	bool has_id = out->ids[SMPP_RECEIPT_TEXT_ID].n > 0 || out->ids[SMPP_RECEIPT_TLV_ID].n > 0;
	bool by_tlvs = out->ids[SMPP_RECEIPT_TLV_ID].n > 0 && out->has_message_state;

	switch (mark) {
	case MARK_RECEIPT:
		return has_id ? SMPP_RECEIPT_IS : SMPP_RECEIPT_UNPARSED;
	case MARK_INTERMEDIATE:
		return has_id ? SMPP_RECEIPT_INTERMEDIATE : SMPP_RECEIPT_UNPARSED;
	case MARK_RESERVED:
	case MARK_UNMARKED:
		if (!has_id || out->source == SMPP_RECEIPT_FROM_NONE)
			break;
		if (mark == MARK_RESERVED || !by_tlvs)
			out->flags |= SMPP_RECEIPT_NEEDS_MATCH;
		return SMPP_RECEIPT_IS;
	case MARK_NONE:
		break;
	}
	return SMPP_RECEIPT_NOT;
}

enum smpp_receipt_kind smpp_receipt_parse(const struct smpp_pdu *pdu,
					  const struct smpp_receipt_options *options,
					  struct smpp_receipt *out)
{
	static const struct smpp_receipt_options none = { 0 };
	enum mark mark = mark_of(pdu->esm_class);

	memset(out, 0, offsetof(struct smpp_receipt, scratch));
	if (!options)
		options = &none;
	if ((pdu->command_id != SMPP_deliver_sm && pdu->command_id != SMPP_data_sm) ||
	    mark == MARK_NONE)
		return SMPP_RECEIPT_NOT;
	read_tlvs(pdu, out);
	/* A handset can write a receipt's text but not its TLVs. */
	if (mark == MARK_UNMARKED && !options->unmarked &&
	    (out->ids[SMPP_RECEIPT_TLV_ID].n == 0 || !out->has_message_state))
		mark = MARK_NONE;
	if (mark != MARK_NONE) {
		read_body(pdu, out);
		decide_state(out, options);
		compare_ids(out);
	}
	out->kind = kind_of(mark, out);
	if (out->kind == SMPP_RECEIPT_NOT)
		memset(out, 0, offsetof(struct smpp_receipt, scratch));
	return out->kind;
}
