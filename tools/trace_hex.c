/*
 * Hexadecimal line by line. A line belongs to a dump if it begins with the offset that comes next
 * in that dump; what stands behind its octets is the column of characters. All other lines are
 * plain.
 */
#include "tools/trace_hex.h"

#include <stdio.h>
#include <string.h>

#define DUMP_OCTETS 16 /* of a line, where a single line does not show it */

struct hex {
	const char *text; /* the line */
	size_t n;
	size_t at;
	uint32_t line;
	size_t dump_from; /* octets before the dump that is being read */
	bool in_dump;
	struct buffer *out;
	struct trace_hex_error *error;
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static bool fail(struct hex *hex, size_t at, const char *text)
{
	hex->error->line = hex->line;
	hex->error->column = (uint32_t)at + 1;
	snprintf(hex->error->text, sizeof(hex->error->text), "%s", text);
	return false;
}

static bool fail_character(struct hex *hex, size_t at)
{
	char text[64];
	char c = hex->text[at];

	if (c > 0x20 && c < 0x7F)
		snprintf(text, sizeof(text), "'%c' is no hexadecimal digit", c);
	else
		snprintf(text, sizeof(text), "octet 0x%02x is no hexadecimal digit",
			 (unsigned)(uint8_t)c);
	return fail(hex, at, text);
}

/* One octet from two digits at hex->at; false where they are not both there. */
static bool take_octet(struct hex *hex)
{
	int high = hex->at < hex->n ? digit(hex->text[hex->at]) : -1;
	int low = hex->at + 1 < hex->n ? digit(hex->text[hex->at + 1]) : -1;
	uint8_t octet;

	if (high < 0 || low < 0)
		return false;
	octet = (uint8_t)(high << 4 | low);
	buffer_append(hex->out, &octet, 1);
	hex->at += 2;
	return true;
}

/* ---- plain lines ---- */

/* What may stand between octets. */
static bool is_between(char c)
{
	return is_blank(c) || (c != '\0' && strchr(":,;-{}[]()\"'", c) != NULL);
}

/* "0x", "0X" or "\x" in front of a digit. */
static bool is_prefix(const struct hex *hex)
{
	const char *at = hex->text + hex->at;

	return hex->n - hex->at > 2 && (at[0] == '0' || at[0] == '\\') &&
	       (at[1] == 'x' || at[1] == 'X') && digit(at[2]) >= 0;
}

static bool plain_line(struct hex *hex)
{
	while (hex->at < hex->n) {
		if (is_between(hex->text[hex->at])) {
			hex->at++;
			continue;
		}
		if (is_prefix(hex))
			hex->at += 2;
		if (take_octet(hex))
			continue;
		if (digit(hex->text[hex->at]) < 0)
			return fail_character(hex, hex->at);
		return fail(hex, hex->at, "a digit stands alone where an octet has two");
	}
	return true;
}

/* ---- lines of a dump ---- */

/* Reads an offset at the begin of a line: how many characters it takes, 0 if there is none. */
static size_t offset_of(const char *text, size_t n, uint64_t *offset, bool *colon)
{
	size_t from = 0, at;

	while (from < n && is_blank(text[from]))
		from++;
	if (n - from > 2 && text[from] == '0' && text[from + 1] == 'x')
		from += 2;
	*offset = 0;
	for (at = from; at < n && digit(text[at]) >= 0 && at - from < 9; at++)
		*offset = *offset << 4 | (uint64_t)digit(text[at]);
	if (at - from < 4 || at - from > 8)
		return 0;
	*colon = at < n && text[at] == ':';
	if (*colon)
		at++;
	return at == n || is_blank(text[at]) ? at : 0;
}

/* Octets of a full line of this dump: the next line's offset tells. */
static size_t width_of(const struct hex *hex, uint64_t offset, const char *end)
{
	const char *next = hex->text + hex->n;
	uint64_t next_offset;
	bool colon;

	if (next == end)
		return DUMP_OCTETS;
	next++;
	if (offset_of(next, (size_t)(end - next), &next_offset, &colon) == 0 ||
	    next_offset <= offset || next_offset - offset > 256)
		return DUMP_OCTETS;
	return (size_t)(next_offset - offset);
}

/*
 * Octets up to the column of characters: behind a full line, a '|' or two blanks, of which
 * hexdump -C also puts two behind its eighth octet.
 */
static bool dump_line(struct hex *hex, size_t width)
{
	size_t octets = 0;

	while (hex->at < hex->n && octets < width) {
		size_t blanks = 0;

		while (hex->at < hex->n && is_blank(hex->text[hex->at])) {
			hex->at++;
			blanks++;
		}
		if (hex->at == hex->n || hex->text[hex->at] == '|')
			return true;
		if (octets > 0 && blanks > 1 && !(blanks == 2 && octets == 8))
			return true;
		if (!take_octet(hex))
			return fail_character(hex, hex->at);
		octets++;
	}
	return true;
}

/* Exactly two digits, as behind the offset of a dump without a colon. */
static bool pair_follows(const struct hex *hex, size_t at)
{
	while (at < hex->n && is_blank(hex->text[at]))
		at++;
	return hex->n - at >= 2 && digit(hex->text[at]) >= 0 && digit(hex->text[at + 1]) >= 0 &&
	       (hex->n - at == 2 || digit(hex->text[at + 2]) < 0);
}

/* Is it a line of a dump? Then hex->at is behind its offset. */
static bool begins_dump(struct hex *hex, uint64_t *offset)
{
	bool colon = false;
	size_t n = offset_of(hex->text, hex->n, offset, &colon);
	bool next = hex->in_dump && *offset == hex->out->n - hex->dump_from;

	if (n == 0 || (!next && !colon && (*offset != 0 || !pair_follows(hex, n))))
		return false;
	if (!next)
		hex->dump_from = hex->out->n;
	hex->in_dump = true;
	hex->at = n;
	return true;
}

/* ---- all of it ---- */

bool trace_hex(const char *text, size_t n, struct buffer *out, struct trace_hex_error *error)
{
	struct hex hex = { .out = out, .error = error };
	uint64_t offset;

	for (size_t at = 0; at < n; at += hex.n + 1) {
		const char *stop = memchr(text + at, '\n', n - at);

		hex.text = text + at;
		hex.n = stop ? (size_t)(stop - hex.text) : n - at;
		hex.at = 0;
		hex.line++;
		if (hex.n > 0 && hex.text[0] == '#')
			continue;
		if (begins_dump(&hex, &offset)) {
			if (!dump_line(&hex, width_of(&hex, offset, text + n)))
				return false;
		} else {
			hex.in_dump = false;
			if (!plain_line(&hex))
				return false;
		}
	}
	return !out->failed || fail(&hex, 0, "out of memory");
}

bool trace_hex_digits(const char *digits, size_t n, struct buffer *out)
{
	uint8_t *at;

	if (n % 2 != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (digit(digits[i]) < 0)
			return false;
	}
	at = buffer_reserve(out, n / 2);
	if (!at)
		return n == 0;
	for (size_t i = 0; i < n; i += 2)
		*at++ = (uint8_t)(digit(digits[i]) << 4 | digit(digits[i + 1]));
	out->n += n / 2;
	return true;
}
