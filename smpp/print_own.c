/*
 * The ground under smpp/print.c and smpp/print_json.c: the bounded text, escaping, masks, texts.
 */
#include "smpp/print_own.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "smpp/status.h"

struct smpp_print_out smpp_print_out_of(char *at, size_t cap)
{
	at[0] = '\0';
	return (struct smpp_print_out){ .at = at, .cap = cap };
}

void smpp_print_piece(struct smpp_print_out *out, const char *at, size_t n)
{
	if (out->cut || n >= out->cap - out->n) {
		out->cut = true;
		return;
	}
	memcpy(out->at + out->n, at, n);
	out->n += n;
	out->at[out->n] = '\0';
}

void smpp_print_format(struct smpp_print_out *out, const char *format, ...)
{
	size_t room = out->cap - out->n;
	va_list args;
	int n;

	if (out->cut)
		return;
	va_start(args, format);
	n = vsnprintf(out->at + out->n, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room) {
		out->at[out->n] = '\0';
		out->cut = true;
		return;
	}
	out->n += (size_t)n;
}

void smpp_print_hex(struct smpp_print_out *out, struct smpp_octets octets, char separator)
{
	static const char digits[] = "0123456789abcdef";

	for (uint32_t i = 0; i < octets.n; i++) {
		char piece[3] = { separator, digits[octets.at[i] >> 4], digits[octets.at[i] & 15] };

		smpp_print_piece(out, i ? piece : piece + 1, i ? 3 : 2);
	}
}

/* --- Escaping ----------------------------------------------------------------------------- */

/* Controls (also those above 0x7F), and marks that turn the direction of what follows. */
static bool is_harmful(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x200E || code == 0x200F ||
	       (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

/* One character, given as its code point and, if it is to be shown as it is, its octets. */
static void put_character(struct smpp_print_out *out, uint32_t code, const char *at, size_t n)
{
	if (code == '"' || code == '\\')
		smpp_print_format(out, "\\%c", (int)code);
	else if (code == '\n')
		smpp_print_piece(out, "\\n", 2);
	else if (is_harmful(code) || !at)
		smpp_print_format(out, "\\u%04" PRIx32, code);
	else
		smpp_print_piece(out, at, n);
}

void smpp_print_quoted(struct smpp_print_out *out, struct smpp_octets octets)
{
	smpp_print_piece(out, "\"", 1);
	for (uint32_t i = 0; i < octets.n; i++) {
		const char *at = (const char *)octets.at + i;

		put_character(out, octets.at[i], octets.at[i] < 0x7F ? at : NULL, 1);
	}
	smpp_print_piece(out, "\"", 1);
}

/* Octets of the UTF-8 character that starts with this octet. */
static size_t utf8_octets(uint8_t first)
{
	if (first < 0xC0)
		return 1;
	return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* Escapes UTF-8 that smpp_coding_to_utf8 made, which therefore is whole. */
static void put_utf8(struct smpp_print_out *out, const uint8_t *at, size_t n)
{
	size_t octets;

	for (size_t i = 0; i < n; i += octets) {
		uint32_t code = at[i];

		octets = utf8_octets(at[i]);
		if (octets > n - i)
			return;
		if (octets > 1)
			code &= 0x7Fu >> octets;
		for (size_t k = 1; k < octets; k++)
			code = code << 6 | (at[i + k] & 0x3Fu);
		put_character(out, code, (const char *)at + i, octets);
	}
}

void smpp_print_words(struct smpp_print_out *out, const char *words, size_t n)
{
	put_utf8(out, (const uint8_t *)words, n);
}

/* --- What is known -------------------------------------------------------------------------- */

bool smpp_print_unknown(const struct smpp_printing *p, const struct smpp_field *field)
{
	bool answers = (p->pdu->command_id & SMPP_RESP_BIT) != 0;

	if (!p->options->of_facts ||
	    (answers && field->name && strcmp(field->name, "command_status") == 0))
		return false;
	return field->has_number ? field->number == 0 : field->value.n == 0;
}

/* --- Masks -------------------------------------------------------------------------------- */

bool smpp_print_hidden(const struct smpp_printing *p, const struct smpp_field *field)
{
	if (field->value.n == 0)
		return false;
	switch (field->mask) {
	case SMPP_MASK_PASSWORD:
		return true;
	case SMPP_MASK_NUMBER:
		return !p->options->show_numbers;
	case SMPP_MASK_TEXT:
		return !p->options->show_text;
	case SMPP_MASK_ANY:
		return !p->options->show_text || !p->options->show_numbers;
	case SMPP_MASK_OPEN:
		break;
	}
	return false;
}

static bool is_digit(uint8_t octet)
{
	return octet >= '0' && octet <= '9';
}

/* All digits but the last three become stars; a name without digits is no number. */
static void put_masked_number(struct smpp_print_out *out, struct smpp_octets value)
{
	uint32_t digits = 0;

	for (uint32_t i = 0; i < value.n; i++)
		digits += is_digit(value.at[i]);
	for (uint32_t i = 0; i < value.n; i++) {
		const char *at = (const char *)value.at + i;

		if (is_digit(value.at[i]) && digits-- > 3)
			smpp_print_piece(out, "*", 1);
		else
			put_character(out, value.at[i], value.at[i] < 0x7F ? at : NULL, 1);
	}
}

void smpp_print_mask(struct smpp_printing *p, const struct smpp_field *field, const char *quote)
{
	smpp_print_piece(p->out, quote, strlen(quote));
	if (field->mask == SMPP_MASK_PASSWORD)
		smpp_print_piece(p->out, "***", 3);
	else if (field->mask == SMPP_MASK_NUMBER && field->type == SMPP_TYPE_CSTRING)
		put_masked_number(p->out, field->value);
	else
		smpp_print_format(p->out, "[%" PRIu32 " octet%s]", field->value.n,
				  field->value.n == 1 ? "" : "s");
	smpp_print_piece(p->out, quote, strlen(quote));
}

/* --- The user's text ---------------------------------------------------------------------- */

bool smpp_print_is_message(const struct smpp_printing *p, const struct smpp_field *field)
{
	return field->mask == SMPP_MASK_TEXT && field->value.n > 0 &&
	       field->value.at == smpp_pdu_message(p->pdu).at;
}

bool smpp_print_split_text(const struct smpp_printing *p, struct smpp_octets *udh,
			   struct smpp_octets *text, enum smpp_alphabet *alphabet)
{
	*text = smpp_pdu_message(p->pdu);
	*udh = (struct smpp_octets){ .at = text->at, .n = 0 };
	if ((p->pdu->esm_class & 0x40) && text->n > 0 && (uint32_t)text->at[0] + 1 <= text->n) {
		udh->n = (uint32_t)text->at[0] + 1;
		text->at += udh->n;
		text->n -= udh->n;
	}
	*alphabet = smpp_coding_of(p->pdu->data_coding, p->options->of_zero);
	return *alphabet != SMPP_ALPHABET_BINARY;
}

enum {
	CHUNK_OCTETS = 128, /* even, so that UCS-2 is not split */
};

/* How much of the next chunk can be decoded alone: an escape or a surrogate takes its other half. */
static uint32_t chunk_octets(struct smpp_octets text, enum smpp_alphabet alphabet)
{
	uint32_t n = CHUNK_OCTETS;

	if (text.n <= n)
		return text.n;
	if (alphabet == SMPP_ALPHABET_GSM7 && text.at[n - 1] == 0x1B)
		return n - 1;
	if (alphabet == SMPP_ALPHABET_UCS2 && (text.at[n - 2] & 0xFC) == 0xD8)
		return n - 2;
	return n;
}

void smpp_print_text(struct smpp_print_out *out, struct smpp_octets text,
		     enum smpp_alphabet alphabet)
{
	uint8_t utf8[SMPP_CODING_UTF8_MAX(CHUNK_OCTETS)];

	smpp_print_piece(out, "\"", 1);
	while (text.n > 0 && !out->cut) {
		struct smpp_coding_buf buf = { .at = utf8, .cap = sizeof utf8 };
		uint32_t n = chunk_octets(text, alphabet);

		if (smpp_coding_to_utf8(alphabet, text.at, n, &buf) == SMPP_CODING_OK)
			put_utf8(out, buf.at, buf.n);
		text.at += n;
		text.n -= n;
	}
	smpp_print_piece(out, "\"", 1);
}

void smpp_print_status(struct smpp_print_out *out, uint32_t command_status)
{
	struct smpp_status status = smpp_status(command_status);

	if (status.name)
		smpp_print_format(out, "0x%08" PRIx32 " %s (%s)", command_status, status.name,
				  status.meaning);
	else
		smpp_print_format(out, "0x%08" PRIx32 " (%" PRIu32 ", %s)", command_status,
				  command_status, status.meaning);
}
