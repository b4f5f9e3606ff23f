/* Values with placeholders, of tools/sim_pdu.h: read into pieces, rendered from a subject. */
#include "tools/sim_pdu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/outcome.h"
#include "smpp/coding.h"
#include "smpp/receipt.h"
#include "tools/sim_receipt.h"

/* ---- placeholders ---- */

typedef void slot_fn(const struct sim_piece *piece, const struct sim_subject *subject,
		     struct buffer *out);

static void put_slice(struct smpp_octets slice, struct buffer *out)
{
	buffer_append(out, slice.at, slice.n);
}

static void put_id(uint64_t id, struct sim_id_form form, const struct sim_piece *piece,
		   struct buffer *out)
{
	char text[SIM_ID_TEXT_OCTETS];

	buffer_append(out, text, sim_id_text(id, piece->form.base != 0 ? piece->form : form, text));
}

/* The id as receipts write it; in an answer what would have been answered. */
static void put_receipt_id(const struct sim_piece *piece, const struct sim_subject *subject,
			   struct buffer *out)
{
	if (subject->message != NULL)
		put_id(subject->message->id, subject->receipt_ids, piece, out);
	else
		put_slice(subject->pdu->message_id, out);
}

static void put_response_id(const struct sim_piece *piece, const struct sim_subject *subject,
			    struct buffer *out)
{
	put_id(subject->message->id, subject->ids, piece, out);
}

static void put_source(const struct sim_piece *piece, const struct sim_subject *subject,
		       struct buffer *out)
{
	(void)piece;
	if (subject->message != NULL)
		buffer_text(out, subject->message->source);
	else
		put_slice(subject->pdu->source_addr, out);
}

static void put_destination(const struct sim_piece *piece, const struct sim_subject *subject,
			    struct buffer *out)
{
	(void)piece;
	if (subject->message != NULL)
		buffer_text(out, subject->message->destination);
	else
		put_slice(subject->pdu->destination_addr, out);
}

static void put_text(const struct sim_piece *piece, const struct sim_subject *subject,
		     struct buffer *out)
{
	(void)piece;
	if (subject->message != NULL)
		buffer_append(out, subject->message->text, subject->message->text_n);
	else
		put_slice(smpp_pdu_message(subject->pdu), out);
}

static void put_stat(const struct sim_piece *piece, const struct sim_subject *subject,
		     struct buffer *out)
{
	(void)piece;
	buffer_text(out, smpp_receipt_word(subject->message->message_state));
}

static void put_state(const struct sim_piece *piece, const struct sim_subject *subject,
		      struct buffer *out)
{
	(void)piece;
	buffer_format(out, "%u", subject->message->message_state);
}

static void put_err(const struct sim_piece *piece, const struct sim_subject *subject,
		    struct buffer *out)
{
	(void)piece;
	buffer_text(out, outcome_kind_err((enum outcome_kind)subject->message->kind));
}

static void put_dlvrd(const struct sim_piece *piece, const struct sim_subject *subject,
		      struct buffer *out)
{
	(void)piece;
	buffer_text(out, subject->message->message_state == 2 ? "001" : "000");
}

/* 10 digits are YYMMDDhhmm (Appendix B), 12 have seconds, 14 the century, 16 are 7.1.1. UTC. */
static void put_date(int64_t wall_ms, uint8_t digits, struct buffer *out)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts = { 0 };
	char text[32];

	gmtime_r(&seconds, &parts);
	buffer_append(out, text, strftime(text, sizeof(text), "%Y%m%d%H%M%S", &parts));
	if (digits != 14 && out->n >= 14)
		memmove(out->octets + out->n - 14, out->octets + out->n - 12, 12);
	if (digits != 14 && out->n >= 14)
		out->n -= digits == 10 ? 4 : 2;
	if (digits == 16)
		buffer_format(out, "%u00+", (unsigned int)(wall_ms % 1000 / 100));
}

static void put_submit_date(const struct sim_piece *piece, const struct sim_subject *subject,
			    struct buffer *out)
{
	put_date(subject->message->taken_wall_ms, piece->digits, out);
}

static void put_now(const struct sim_piece *piece, const struct sim_subject *subject,
		    struct buffer *out)
{
	put_date(subject->wall_ms, piece->digits, out);
}

static void put_count(const struct sim_piece *piece, const struct sim_subject *subject,
		      struct buffer *out)
{
	(void)piece;
	buffer_format(out, "%u", subject->count);
}

static void put_link(const struct sim_piece *piece, const struct sim_subject *subject,
		     struct buffer *out)
{
	(void)piece;
	buffer_format(out, "%u", subject->link);
}

enum forms {
	NO_FORM,
	ID_FORM,
	DATE_FORM,
};

/* A piece's slot is a row of this, from 1. needs: any of these must be known. */
static const struct slot {
	const char *name;
	uint32_t needs;
	enum forms forms;
	slot_fn *put;
} slots[] = {
	{ NULL, 0, NO_FORM, NULL },
	{ "id", SIM_KNOWS_MESSAGE | SIM_KNOWS_PDU, ID_FORM, put_receipt_id },
	{ "response_id", SIM_KNOWS_MESSAGE, ID_FORM, put_response_id },
	{ "source", SIM_KNOWS_MESSAGE | SIM_KNOWS_PDU, NO_FORM, put_source },
	{ "destination", SIM_KNOWS_MESSAGE | SIM_KNOWS_PDU, NO_FORM, put_destination },
	{ "text", SIM_KNOWS_MESSAGE | SIM_KNOWS_PDU, NO_FORM, put_text },
	{ "stat", SIM_KNOWS_MESSAGE, NO_FORM, put_stat },
	{ "state", SIM_KNOWS_MESSAGE, NO_FORM, put_state },
	{ "err", SIM_KNOWS_MESSAGE, NO_FORM, put_err },
	{ "dlvrd", SIM_KNOWS_MESSAGE, NO_FORM, put_dlvrd },
	{ "submit_date", SIM_KNOWS_MESSAGE, DATE_FORM, put_submit_date },
	{ "done_date", SIM_KNOWS_MESSAGE, DATE_FORM, put_now },
	{ "now", 0, DATE_FORM, put_now },
	{ "count", 0, NO_FORM, put_count },
	{ "link", 0, NO_FORM, put_link },
};

/* ---- reading ---- */

/* What a value is read from, and into. */
struct reading {
	struct sim_pdu *pdu;
	struct smpp_octets rest;
	uint32_t column;
	struct sim_text *text;
	struct sim_mistake *mistake;
};

static struct sim_piece *add_piece(struct reading *reading)
{
	struct sim_pdu *pdu = reading->pdu;
	struct sim_piece *piece;

	pdu->pieces = sim_grow(pdu->pieces, pdu->piece_count, sizeof(*pdu->pieces));
	piece = &pdu->pieces[pdu->piece_count++];
	*piece = (struct sim_piece){ .digits = 10, .offset = (uint32_t)pdu->literals.n };
	reading->text->count++;
	return piece;
}

static void add_octet(struct reading *reading, uint8_t octet)
{
	struct sim_pdu *pdu = reading->pdu;
	struct sim_piece *piece = reading->text->count == 0 ? NULL :
							      &pdu->pieces[pdu->piece_count - 1];

	if (piece == NULL || piece->slot != 0)
		piece = add_piece(reading);
	buffer_append(&pdu->literals, &octet, 1);
	piece->n++;
}

static void step(struct reading *reading, uint32_t n)
{
	reading->rest.at += n;
	reading->rest.n -= n;
	reading->column += n;
}

static bool read_form(struct reading *reading, struct smpp_octets form, const struct slot *slot,
		      struct sim_piece *piece)
{
	uint64_t digits = 0;

	if (slot->forms == ID_FORM && sim_id_form_read(form, &piece->form))
		return true;
	if (slot->forms == DATE_FORM && sim_read_number(form, 16, &digits) && digits >= 10 &&
	    digits % 2 == 0) {
		piece->digits = (uint8_t)digits;
		return true;
	}
	return sim_wrong(reading->mistake, reading->column, "{%s} has no form `%.*s`", slot->name,
			 (int)form.n, (const char *)form.at);
}

static bool read_slot(struct reading *reading)
{
	const uint8_t *end = memchr(reading->rest.at, '}', reading->rest.n);
	struct smpp_octets name = { .at = reading->rest.at + 1 }, form = { 0 };
	const uint8_t *colon;

	if (end == NULL)
		return sim_wrong(reading->mistake, reading->column, "`{` without `}`");
	name.n = (uint32_t)(end - name.at);
	colon = memchr(name.at, ':', name.n);
	if (colon != NULL) {
		form = (struct smpp_octets){ .at = colon + 1, .n = (uint32_t)(end - colon - 1) };
		name.n = (uint32_t)(colon - name.at);
	}
	for (size_t i = 1; i < sizeof(slots) / sizeof(slots[0]); i++) {
		struct sim_piece *piece;

		if (!smpp_octets_equal(name, smpp_octets_of(slots[i].name)))
			continue;
		if (slots[i].needs != 0 && (slots[i].needs & reading->pdu->knows) == 0)
			return sim_wrong(reading->mistake, reading->column,
					 "{%s} is not known here", slots[i].name);
		piece = add_piece(reading);
		piece->slot = (uint8_t)i;
		if (colon != NULL && !read_form(reading, form, &slots[i], piece))
			return false;
		step(reading, (uint32_t)(end - reading->rest.at) + 1);
		return true;
	}
	return sim_wrong(reading->mistake, reading->column, "there is no placeholder {%.*s}",
			 (int)name.n, (const char *)name.at);
}

static bool read_hex_pair(struct smpp_octets text, uint8_t *out)
{
	char digits[5] = "0x";
	uint64_t value;

	if (text.n < 2)
		return false;
	memcpy(digits + 2, text.at, 2);
	if (!sim_read_number(smpp_octets_of(digits), UINT8_MAX, &value))
		return false;
	*out = (uint8_t)value;
	return true;
}

static bool read_escape(struct reading *reading)
{
	static const char letters[] = "nrt0", octets[] = "\n\r\t";
	const char *letter;
	uint8_t octet;

	if (reading->rest.n < 2)
		return sim_wrong(reading->mistake, reading->column, "`\\` ends the value");
	if (reading->rest.at[1] == 'x') {
		struct smpp_octets pair = { .at = reading->rest.at + 2, .n = reading->rest.n - 2 };

		if (!read_hex_pair(pair, &octet))
			return sim_wrong(reading->mistake, reading->column,
					 "`\\x` wants two hexadecimal digits");
		add_octet(reading, octet);
		step(reading, 4);
		return true;
	}
	octet = reading->rest.at[1];
	letter = memchr(letters, octet, sizeof(letters) - 1);
	add_octet(reading, letter == NULL ? octet : (uint8_t)octets[letter - letters]);
	step(reading, 2);
	return true;
}

static bool read_hex(struct reading *reading)
{
	uint8_t octet;

	while (reading->rest.n > 0) {
		if (!read_hex_pair(reading->rest, &octet))
			return sim_wrong(reading->mistake, reading->column,
					 "hex: wants pairs of hexadecimal digits");
		add_octet(reading, octet);
		step(reading, 2);
	}
	return true;
}

static bool take_prefix(struct reading *reading, const char *prefix)
{
	uint32_t n = (uint32_t)strlen(prefix);

	if (reading->rest.n < n || memcmp(reading->rest.at, prefix, n) != 0)
		return false;
	step(reading, n);
	return true;
}

static bool unquote(struct reading *reading)
{
	if (reading->rest.n == 0 || reading->rest.at[0] != '"')
		return true;
	step(reading, 1);
	if (reading->rest.n == 0 || reading->rest.at[reading->rest.n - 1] != '"')
		return sim_wrong(reading->mistake, reading->column, "the quote is not closed");
	reading->rest.n--;
	return true;
}

bool sim_text_read(struct sim_pdu *pdu, struct smpp_octets value, uint32_t column,
		   struct sim_text *text, struct sim_mistake *mistake)
{
	struct reading reading = {
		.pdu = pdu, .rest = value, .column = column, .text = text, .mistake = mistake
	};

	*text = (struct sim_text){ .first = (uint32_t)pdu->piece_count };
	if (take_prefix(&reading, "hex:"))
		text->coding = SIM_CODING_HEX;
	else if (take_prefix(&reading, "utf16:"))
		text->coding = SIM_CODING_UTF16;
	if (!unquote(&reading))
		return false;
	if (text->coding == SIM_CODING_HEX)
		return read_hex(&reading);
	while (reading.rest.n > 0) {
		uint8_t c = reading.rest.at[0];

		if (c == '\\' ? !read_escape(&reading) : c == '{' && !read_slot(&reading))
			return false;
		if (c == '\\' || c == '{')
			continue;
		add_octet(&reading, c);
		step(&reading, 1);
	}
	return true;
}

bool sim_text_is_fixed(const struct sim_pdu *pdu, const struct sim_text *text)
{
	for (uint32_t i = 0; i < text->count; i++)
		if (pdu->pieces[text->first + i].slot != 0)
			return false;
	return true;
}

/* ---- rendering ---- */

/* UTF-8 behind `from` becomes UTF-16BE; what is no UTF-8 goes octet by octet. */
static void widen(struct buffer *out, size_t from)
{
	size_t n = out->n - from;
	char *narrow = sim_grow(NULL, 0, n);
	struct smpp_coding_buf wide = { .at = sim_grow(NULL, 0, 2 * n), .cap = 2 * n };

	memcpy(narrow, out->octets + from, n);
	out->n = from;
	if (smpp_coding_from_utf8(SMPP_ALPHABET_UCS2, narrow, n, &wide) == SMPP_CODING_OK)
		buffer_append(out, wide.at, wide.n);
	else
		for (size_t i = 0; i < n; i++)
			buffer_append(out, (char[]){ 0, narrow[i] }, 2);
	free(narrow);
	free(wide.at);
}

void sim_text_render(const struct sim_pdu *pdu, const struct sim_text *text,
		     const struct sim_subject *subject, struct buffer *out)
{
	size_t from = out->n;

	for (uint32_t i = 0; i < text->count; i++) {
		const struct sim_piece *piece = &pdu->pieces[text->first + i];

		if (piece->slot != 0)
			slots[piece->slot].put(piece, subject, out);
		else
			buffer_append(out, pdu->literals.octets + piece->offset, piece->n);
	}
	if (text->coding == SIM_CODING_UTF16 && out->n > from)
		widen(out, from);
}
