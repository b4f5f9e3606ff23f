/*
 * Message ids: one form for the index, and the readings of a receipt's id to look up there; see
 * receipt.h. Carriers give an id in the response and another spelling of it in the receipt:
 * upper for lower case, padded with zeros, hex for decimal, beyond 64 bits too. So ids are
 * digits in a row here and never a machine's integer.
 */
#include "smpp/receipt.h"

#include <assert.h>
#include <string.h>

enum {
	ID_CHARS = SMPP_ID_OCTETS - 1
};

static bool is_padding(uint8_t c)
{
	return c == ' ' || c == 0;
}

size_t smpp_id_canonical(const void *raw, size_t n, char out[SMPP_ID_OCTETS])
{
	const uint8_t *at = raw;
	size_t length = 0;
	bool zero = false;

	while (n > 0 && is_padding(at[n - 1]))
		n--;
	for (; n > 0 && is_padding(at[0]); n--)
		at++;
	out[0] = 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = at[i];

		if (c == '-')
			continue;
		if (length == 0 && c == '0') {
			zero = true;
			continue;
		}
		if (length == ID_CHARS) {
			out[0] = 0;
			return 0;
		}
		out[length++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	if (length == 0 && zero)
		out[length++] = '0';
	out[length] = 0;
	return length;
}

/* The value of a digit, 16 if it is none. */
static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return 16;
}

/* digits, least first, times from plus carry; returns how many digits there are then, or
 * ID_CHARS + 1 if they do not fit. */
static size_t multiply(uint8_t digits[ID_CHARS], size_t length, unsigned from, unsigned carry,
		       unsigned to)
{
	for (size_t i = 0; i < length; i++) {
		carry += digits[i] * from;
		digits[i] = (uint8_t)(carry % to);
		carry /= to;
	}
	for (; carry > 0; carry /= to) {
		if (length == ID_CHARS)
			return ID_CHARS + 1;
		digits[length++] = (uint8_t)(carry % to);
	}
	return length;
}

static size_t change_base(const char *id, size_t n, unsigned from, unsigned to,
			  char out[SMPP_ID_OCTETS])
{
	uint8_t digits[ID_CHARS];
	size_t length = 0;

	out[0] = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned value = digit_value(id[i]);

		if (value >= from)
			return 0;
		length = multiply(digits, length, from, value, to);
		if (length > ID_CHARS)
			return 0;
	}
	if (n > 0 && length == 0)
		digits[length++] = 0;
	for (size_t i = 0; i < length; i++)
		out[i] = "0123456789abcdef"[digits[length - 1 - i]];
	out[length] = 0;
	return length;
}

size_t smpp_id_hex_to_dec(const char *id, size_t n, char out[SMPP_ID_OCTETS])
{
	return change_base(id, n, 16, 10, out);
}

size_t smpp_id_dec_to_hex(const char *id, size_t n, char out[SMPP_ID_OCTETS])
{
	return change_base(id, n, 10, 16, out);
}

/* Keeps the reading of length n at out[count] unless it repeats an earlier one. */
static size_t keep_reading(struct smpp_id_reading out[SMPP_ID_READINGS], size_t count,
			   enum smpp_id_dialect rule, size_t n)
{
	if (n == 0)
		return count;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(out[i].id, out[count].id) == 0)
			return count;
	}
	out[count].rule = rule;
	out[count].n = (uint8_t)n;
	return count + 1;
}

size_t smpp_id_readings(const void *raw, size_t n, enum smpp_id_dialect dialect,
			struct smpp_id_reading out[SMPP_ID_READINGS])
{
	char id[SMPP_ID_OCTETS];
	size_t length = smpp_id_canonical(raw, n, id);
	size_t count = 0;

	if (length > 0 && (dialect == SMPP_ID_ANY || dialect == SMPP_ID_EXACT)) {
		memcpy(out[0].id, id, length + 1);
		count = keep_reading(out, 0, SMPP_ID_EXACT, length);
	}
	if (dialect == SMPP_ID_ANY || dialect == SMPP_ID_HEX_TO_DEC)
		count = keep_reading(out, count, SMPP_ID_HEX_TO_DEC,
				     smpp_id_hex_to_dec(id, length, out[count].id));
	if (dialect == SMPP_ID_ANY || dialect == SMPP_ID_DEC_TO_HEX)
		count = keep_reading(out, count, SMPP_ID_DEC_TO_HEX,
				     smpp_id_dec_to_hex(id, length, out[count].id));
	return count;
}

const char *smpp_id_dialect_name(enum smpp_id_dialect dialect)
{
	switch (dialect) {
	case SMPP_ID_ANY:
		return "any";
	case SMPP_ID_EXACT:
		return "exact";
	case SMPP_ID_HEX_TO_DEC:
		return "hex_to_dec";
	case SMPP_ID_DEC_TO_HEX:
		return "dec_to_hex";
	}
	assert(0);
	return "any";
}
