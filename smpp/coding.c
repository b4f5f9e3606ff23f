/*
 * Texts and data_coding; see coding.h. Each alphabet is a row of two functions: one character
 * to octets, and octets to the next character. The loops over whole texts are written once.
 */
#include "smpp/coding.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
	GSM_ESCAPE = 0x1B,
	REPLACEMENT = 0xFFFD,
	NO_CHARACTER = 0x110000, /* one past the last code point */
	CHAR_OCTETS = 4,	 /* of one character, in UTF-8 and in every alphabet */
};

/* ---- GSM 03.38, both ways from the same rows ---- */

enum {
	PLAIN = 0x100,	    /* reached by the septet alone */
	EXTENDED = 0x200,   /* reached by the escape and the septet */
	GSM_REACH = 0x20AD, /* one past the largest code point, the euro sign */
};

static const uint16_t plain_of[128] = {
#define GSM(septet, code_point) [septet] = code_point,
#include "smpp/gsm7.def"
};

static const uint16_t extended_of[128] = {
#define GSM_EXT(septet, code_point) [septet] = code_point,
#include "smpp/gsm7.def"
};

static const uint16_t septet_of[GSM_REACH] = {
#define GSM(septet, code_point)	    [code_point] = PLAIN | (septet),
#define GSM_EXT(septet, code_point) [code_point] = EXTENDED | (septet),
#include "smpp/gsm7.def"
};

static unsigned gsm7_put(uint32_t c, uint8_t out[CHAR_OCTETS])
{
	uint16_t septet = c < GSM_REACH ? septet_of[c] : 0;

	if (septet & PLAIN) {
		out[0] = (uint8_t)septet;
		return 1;
	}
	if (septet & EXTENDED) {
		out[0] = GSM_ESCAPE;
		out[1] = (uint8_t)septet;
		return 2;
	}
	return 0;
}

/* GSM 03.38, 6.2.1: an escape behind an escape shows as a space, an unknown extension as the
 * default table's character. */
static uint32_t gsm7_get(const uint8_t *at, size_t n, size_t *i, unsigned *flags)
{
	uint8_t septet = at[(*i)++];

	if (septet > 0x7F) {
		*flags |= SMPP_CODING_OUT_OF_RANGE;
		return REPLACEMENT;
	}
	if (septet != GSM_ESCAPE)
		return plain_of[septet];
	if (*i == n) {
		*flags |= SMPP_CODING_DANGLING_ESCAPE;
		return NO_CHARACTER;
	}
	septet = at[(*i)++];
	if (septet > 0x7F) {
		*flags |= SMPP_CODING_OUT_OF_RANGE;
		return REPLACEMENT;
	}
	if (extended_of[septet] != 0)
		return extended_of[septet];
	*flags |= SMPP_CODING_UNKNOWN_ESCAPE;
	return septet == GSM_ESCAPE ? ' ' : plain_of[septet];
}

/* ---- UCS-2, read and written as UTF-16 ---- */

static unsigned ucs2_put(uint32_t c, uint8_t out[CHAR_OCTETS])
{
	uint32_t high, low;

	if (c < 0x10000) {
		out[0] = (uint8_t)(c >> 8);
		out[1] = (uint8_t)c;
		return 2;
	}
	high = 0xD800 + ((c - 0x10000) >> 10);
	low = 0xDC00 + ((c - 0x10000) & 0x3FF);
	out[0] = (uint8_t)(high >> 8);
	out[1] = (uint8_t)high;
	out[2] = (uint8_t)(low >> 8);
	out[3] = (uint8_t)low;
	return 4;
}

static uint32_t ucs2_unit(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t ucs2_get(const uint8_t *at, size_t n, size_t *i, unsigned *flags)
{
	uint32_t unit, low;

	if (n - *i < 2) {
		*flags |= SMPP_CODING_ODD_LENGTH;
		*i = n;
		return REPLACEMENT;
	}
	unit = ucs2_unit(at + *i);
	*i += 2;
	if (unit < 0xD800 || unit > 0xDFFF)
		return unit;
	low = n - *i >= 2 ? ucs2_unit(at + *i) : 0;
	if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF) {
		*flags |= SMPP_CODING_LONE_SURROGATE;
		return REPLACEMENT;
	}
	*i += 2;
	return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

/* ---- Latin-1, ASCII ---- */

static unsigned latin1_put(uint32_t c, uint8_t out[CHAR_OCTETS])
{
	out[0] = (uint8_t)c;
	return c <= 0xFF;
}

static uint32_t latin1_get(const uint8_t *at, size_t n, size_t *i, unsigned *flags)
{
	(void)n;
	(void)flags;
	return at[(*i)++];
}

static unsigned ascii_put(uint32_t c, uint8_t out[CHAR_OCTETS])
{
	out[0] = (uint8_t)c;
	return c <= 0x7F;
}

static uint32_t ascii_get(const uint8_t *at, size_t n, size_t *i, unsigned *flags)
{
	uint8_t octet = at[(*i)++];

	(void)n;
	if (octet <= 0x7F)
		return octet;
	*flags |= SMPP_CODING_OUT_OF_RANGE;
	return REPLACEMENT;
}

/* ---- The rows ---- */

/* put: octets written, 0 if the alphabet lacks c. get: the character at *i, which moves behind
 * it, or NO_CHARACTER for octets that stand for none; *i < n. */
struct alphabet {
	const char *name;
	bool has_value; /* a data_coding of its own, 5.2.19 */
	uint8_t data_coding;
	unsigned (*put)(uint32_t c, uint8_t out[CHAR_OCTETS]);
	uint32_t (*get)(const uint8_t *at, size_t n, size_t *i, unsigned *flags);
};

static const struct alphabet alphabets[SMPP_ALPHABETS] = {
	[SMPP_ALPHABET_GSM7] = { "gsm7", false, 0, gsm7_put, gsm7_get },
	[SMPP_ALPHABET_UCS2] = { "ucs2", true, 0x08, ucs2_put, ucs2_get },
	[SMPP_ALPHABET_LATIN1] = { "latin1", true, 0x03, latin1_put, latin1_get },
	[SMPP_ALPHABET_ASCII] = { "ascii", true, 0x01, ascii_put, ascii_get },
	[SMPP_ALPHABET_BINARY] = { "binary", true, 0x04, NULL, NULL },
};

const char *smpp_coding_name(enum smpp_alphabet alphabet)
{
	assert(alphabet < SMPP_ALPHABETS);
	return alphabets[alphabet].name;
}

/* ---- UTF-8 ---- */

static unsigned utf8_put(uint32_t c, uint8_t out[CHAR_OCTETS])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xC0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xE0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
		out[2] = (uint8_t)(0x80 | (c & 0x3F));
		return 3;
	}
	out[0] = (uint8_t)(0xF0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
	out[3] = (uint8_t)(0x80 | (c & 0x3F));
	return 4;
}

/* The next character, or NO_CHARACTER if it is not UTF-8 as RFC 3629 has it. */
static uint32_t utf8_get(const uint8_t *at, size_t n, size_t *i)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t first = at[*i];
	unsigned more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
	uint32_t c;

	if (more == 0) {
		++*i;
		return first;
	}
	if (first < 0xC2 || first > 0xF4 || n - *i <= more)
		return NO_CHARACTER;
	c = first & (0x3FU >> more);
	for (unsigned k = 1; k <= more; k++) {
		if ((at[*i + k] & 0xC0) != 0x80)
			return NO_CHARACTER;
		c = c << 6 | (at[*i + k] & 0x3F);
	}
	if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return NO_CHARACTER;
	*i += more + 1;
	return c;
}

/* ---- Whole texts ---- */

enum smpp_coding_error smpp_coding_measure(enum smpp_alphabet alphabet, const char *utf8, size_t n,
					   struct smpp_coding_measure *measure)
{
	const uint8_t *at = (const uint8_t *)utf8;
	uint8_t octets[CHAR_OCTETS];
	size_t i = 0;

	assert(alphabet < SMPP_ALPHABETS && n <= UINT32_MAX / 4);
	*measure = (struct smpp_coding_measure){ 0 };
	if (!alphabets[alphabet].put)
		return SMPP_CODING_NOT_TEXT;
	while (i < n) {
		uint32_t c = utf8_get(at, n, &i);
		unsigned width = c == NO_CHARACTER ? 0 : alphabets[alphabet].put(c, octets);

		if (width == 0) {
			measure->offender_at = measure->chars;
			if (c == NO_CHARACTER)
				return SMPP_CODING_UTF8;
			measure->offender = c;
			return SMPP_CODING_FOREIGN;
		}
		measure->chars++;
		measure->octets += width;
	}
	return SMPP_CODING_OK;
}

static bool append(struct smpp_coding_buf *out, const uint8_t *octets, unsigned n)
{
	if (n > out->cap - out->n)
		return false;
	memcpy(out->at + out->n, octets, n);
	out->n += n;
	return true;
}

static enum smpp_coding_error give_up(struct smpp_coding_buf *out, enum smpp_coding_error error)
{
	out->n = 0;
	return error;
}

enum smpp_coding_error smpp_coding_from_utf8(enum smpp_alphabet alphabet, const char *utf8,
					     size_t n, struct smpp_coding_buf *out)
{
	const uint8_t *at = (const uint8_t *)utf8;
	uint8_t octets[CHAR_OCTETS];
	size_t i = 0;

	assert(alphabet < SMPP_ALPHABETS);
	out->n = 0;
	out->flags = 0;
	if (!alphabets[alphabet].put)
		return SMPP_CODING_NOT_TEXT;
	while (i < n) {
		uint32_t c = utf8_get(at, n, &i);
		unsigned width;

		if (c == NO_CHARACTER)
			return give_up(out, SMPP_CODING_UTF8);
		width = alphabets[alphabet].put(c, octets);
		if (width == 0)
			return give_up(out, SMPP_CODING_FOREIGN);
		if (!append(out, octets, width))
			return give_up(out, SMPP_CODING_SPACE);
	}
	return SMPP_CODING_OK;
}

enum smpp_coding_error smpp_coding_to_utf8(enum smpp_alphabet alphabet, const uint8_t *at, size_t n,
					   struct smpp_coding_buf *out)
{
	uint8_t octets[CHAR_OCTETS];
	size_t i = 0;

	assert(alphabet < SMPP_ALPHABETS);
	out->n = 0;
	out->flags = 0;
	if (!alphabets[alphabet].get)
		return SMPP_CODING_NOT_TEXT;
	while (i < n) {
		uint32_t c = alphabets[alphabet].get(at, n, &i, &out->flags);

		if (c != NO_CHARACTER && !append(out, octets, utf8_put(c, octets)))
			return give_up(out, SMPP_CODING_SPACE);
	}
	return SMPP_CODING_OK;
}

/* ---- The choice ---- */

bool smpp_coding_value(enum smpp_alphabet alphabet, const struct smpp_coding_map *map,
		       uint8_t *data_coding)
{
	assert(alphabet < SMPP_ALPHABETS);
	if (map->own & SMPP_ALPHABET_BIT(alphabet)) {
		*data_coding = map->octets[alphabet];
		return true;
	}
	if (alphabet == map->of_zero) {
		*data_coding = 0;
		return true;
	}
	*data_coding = alphabets[alphabet].data_coding;
	return alphabets[alphabet].has_value;
}

/* Whether the text fits alphabet; if so *choice is complete, if not it has the first offender. */
static enum smpp_coding_error try_alphabet(enum smpp_alphabet alphabet, const char *utf8, size_t n,
					   struct smpp_coding_choice *choice)
{
	struct smpp_coding_measure measure;
	enum smpp_coding_error error = smpp_coding_measure(alphabet, utf8, n, &measure);

	if (error == SMPP_CODING_OK) {
		choice->alphabet = alphabet;
		choice->chars = measure.chars;
		choice->octets = measure.octets;
	} else if (error == SMPP_CODING_UTF8) {
		*choice = (struct smpp_coding_choice){ .alphabet = SMPP_ALPHABET_BINARY,
						       .why = SMPP_CODING_WHY_NONE,
						       .refused = SMPP_ALPHABETS,
						       .offender_at = measure.offender_at };
	} else if (choice->refused == SMPP_ALPHABETS) {
		choice->refused = alphabet;
		choice->offender = measure.offender;
		choice->offender_at = measure.offender_at;
	}
	return error;
}

enum smpp_coding_error smpp_coding_choose(const char *utf8, size_t n,
					  const struct smpp_coding_policy *policy,
					  struct smpp_coding_choice *choice)
{
	const enum smpp_alphabet zero = policy->map.of_zero;
	const enum smpp_alphabet order[] = { zero, SMPP_ALPHABET_GSM7, SMPP_ALPHABET_ASCII,
					     SMPP_ALPHABET_LATIN1, SMPP_ALPHABET_UCS2 };
	unsigned allowed = policy->allowed;

	if (allowed == 0)
		allowed = SMPP_ALPHABET_BIT(zero) | policy->map.own |
			  SMPP_ALPHABET_BIT(SMPP_ALPHABET_UCS2);
	*choice = (struct smpp_coding_choice){ .alphabet = SMPP_ALPHABET_BINARY,
					       .why = SMPP_CODING_WHY_NONE,
					       .refused = SMPP_ALPHABETS };
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		uint8_t data_coding;
		enum smpp_coding_error error;

		if (order[i] == SMPP_ALPHABET_BINARY || !(allowed & SMPP_ALPHABET_BIT(order[i])) ||
		    (i > 0 && order[i] == zero) ||
		    !smpp_coding_value(order[i], &policy->map, &data_coding))
			continue;
		error = try_alphabet(order[i], utf8, n, choice);
		if (error == SMPP_CODING_UTF8)
			return error;
		if (error != SMPP_CODING_OK)
			continue;
		choice->data_coding = data_coding;
		choice->why = i == 0 ? SMPP_CODING_WHY_DEFAULT : SMPP_CODING_WHY_FITS;
		return SMPP_CODING_OK;
	}
	return SMPP_CODING_FOREIGN;
}

const char *smpp_coding_explain(const struct smpp_coding_choice *choice, char *out, size_t cap)
{
	const char *name = choice->why == SMPP_CODING_WHY_NONE ? "no alphabet" :
								 smpp_coding_name(choice->alphabet);

	if (choice->refused != SMPP_ALPHABETS)
		snprintf(out, cap, "%s: U+%04X at character %u is not in %s", name,
			 (unsigned)choice->offender, (unsigned)choice->offender_at + 1,
			 smpp_coding_name(choice->refused));
	else if (choice->why == SMPP_CODING_WHY_NONE)
		snprintf(out, cap, "%s: not UTF-8, or none is allowed", name);
	else
		snprintf(out, cap, "%s: %s has every character", name,
			 choice->why == SMPP_CODING_WHY_DEFAULT ? "the provider's default" :
								  "the first one allowed");
	return out;
}

/* ---- data_coding of what came in ---- */

/* 5.2.19; 0x10 to 0x1F is reserved there and used by carriers as GSM 03.38 section 4 has it,
 * for texts with a message class. What is in no row is BINARY. */
static const struct {
	uint8_t first, last;
	enum smpp_alphabet alphabet;
} codings[] = {
	{ 0x01, 0x01, SMPP_ALPHABET_ASCII }, { 0x03, 0x03, SMPP_ALPHABET_LATIN1 },
	{ 0x08, 0x08, SMPP_ALPHABET_UCS2 },  { 0x10, 0x13, SMPP_ALPHABET_GSM7 },
	{ 0x18, 0x1B, SMPP_ALPHABET_UCS2 },  { 0xC0, 0xDF, SMPP_ALPHABET_GSM7 },
	{ 0xF0, 0xF3, SMPP_ALPHABET_GSM7 },  { 0xF8, 0xFB, SMPP_ALPHABET_GSM7 },
};

enum smpp_alphabet smpp_coding_of(uint8_t data_coding, enum smpp_alphabet of_zero)
{
	if (data_coding == 0)
		return of_zero;
	for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
		if (data_coding >= codings[i].first && data_coding <= codings[i].last)
			return codings[i].alphabet;
	}
	return SMPP_ALPHABET_BINARY;
}
