/*
 * Texts and data_coding (SMPP 3.4, 5.2.19): what octets a text becomes on the wire and back.
 *
 * What it is: the GSM 03.38 default alphabet with its extension table, UCS-2 (as UTF-16, big
 * endian), Latin-1 and ASCII; the choice among them, told with its reason; the counting of
 * characters. What it is not: segmentation (smpp/concat.h) and receipts (smpp/receipt.h).
 *
 * Pure: no allocation, no state. Texts inside are UTF-8 without a terminating NUL. GSM septets
 * are unpacked, one to an octet, as SMPP carries them. Nothing is replaced, folded or cut when a
 * text is encoded: what an alphabet lacks is refused with its place.
 */
#ifndef SMPP_CODING_H
#define SMPP_CODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smpp_alphabet {
	SMPP_ALPHABET_GSM7,   /* GSM 03.38 default + extension, one septet to an octet */
	SMPP_ALPHABET_UCS2,   /* UTF-16 big endian without byte order mark */
	SMPP_ALPHABET_LATIN1, /* ISO 8859-1 */
	SMPP_ALPHABET_ASCII,  /* IA5, octets 0x00 to 0x7F */
	SMPP_ALPHABET_BINARY, /* octets that are not a text we can read */
	SMPP_ALPHABETS,	      /* how many there are; no alphabet */
};

/* One bit per alphabet, for sets. */
#define SMPP_ALPHABET_BIT(alphabet) (1U << (unsigned)(alphabet))

enum smpp_coding_error {
	SMPP_CODING_OK = 0,
	SMPP_CODING_UTF8,     /* the text is not UTF-8 (overlong forms and surrogates included) */
	SMPP_CODING_FOREIGN,  /* the alphabet lacks a character */
	SMPP_CODING_SPACE,    /* the caller's buffer is too small */
	SMPP_CODING_NOT_TEXT, /* SMPP_ALPHABET_BINARY has no characters */
};

/* What was odd in octets that were decoded; a set of bits. Decoding goes on behind each. */
enum smpp_coding_flag {
	SMPP_CODING_ODD_LENGTH = 1,	 /* UCS-2: one octet over at the end; shown as U+FFFD */
	SMPP_CODING_DANGLING_ESCAPE = 2, /* GSM: 0x1B at the end; dropped */
	SMPP_CODING_UNKNOWN_ESCAPE = 4,	 /* GSM: no such extension; the default table's character */
	SMPP_CODING_LONE_SURROGATE = 8,	 /* UCS-2: half a pair; shown as U+FFFD */
	SMPP_CODING_OUT_OF_RANGE = 16,	 /* GSM, ASCII: octet above 0x7F; shown as U+FFFD */
};

/* The caller's memory for a result. On any error n is 0 and what at points to is undefined. */
struct smpp_coding_buf {
	uint8_t *at;
	size_t cap;	/* octets there are */
	size_t n;	/* out: octets written; never a terminating NUL */
	unsigned flags; /* out: of enum smpp_coding_flag, decoding only */
};

/* Octets that always suffice for n octets decoded to UTF-8, or n octets of UTF-8 encoded. */
#define SMPP_CODING_UTF8_MAX(n) ((size_t)(n)*3)
#define SMPP_CODING_WIRE_MAX(n) ((size_t)(n)*2)

/* Why an alphabet was chosen. */
enum smpp_coding_why {
	SMPP_CODING_WHY_DEFAULT, /* the provider's default alphabet has every character */
	SMPP_CODING_WHY_FITS,	 /* the first allowed one that has every character; see offender */
	SMPP_CODING_WHY_NONE,	 /* no allowed alphabet has every character; see offender */
};

/* What a provider means by data_coding, where it differs from 5.2.19 or that leaves it open. */
struct smpp_coding_map {
	enum smpp_alphabet of_zero; /* what 0 means */
	unsigned own; /* SMPP_ALPHABET_BIT()s of alphabets that have an octet of their own here */
	uint8_t octets[SMPP_ALPHABETS]; /* of these */
};

/* What may be chosen from. */
struct smpp_coding_policy {
	struct smpp_coding_map map;
	unsigned allowed; /* SMPP_ALPHABET_BIT()s; 0 means what is in map, and UCS2 */
};

struct smpp_coding_choice {
	enum smpp_alphabet alphabet;
	uint8_t data_coding;
	enum smpp_coding_why why;
	enum smpp_alphabet refused; /* the first alphabet tried, which lacked the offender */
	uint32_t offender;	    /* its first missing character, a code point; 0 if it had all */
	uint32_t offender_at;	    /* that character's place, counted in characters from 0 */
	uint32_t chars;		    /* characters (code points) of the text */
	uint32_t octets;	    /* octets of the encoded text */
};

/*
 * Chooses the alphabet for a text: the provider's default if allowed and able, then GSM7, ASCII,
 * Latin-1, UCS-2 in that order among the allowed ones. GSM7 has no data_coding in 5.2.19, so it
 * is a candidate only where the map says so; BINARY never is.
 * n is at most UINT32_MAX / 4. OK; UTF8 (offender_at says where, other members 0); FOREIGN (why
 * is NONE, refused and offender say what).
 */
enum smpp_coding_error smpp_coding_choose(const char *utf8, size_t n,
					  const struct smpp_coding_policy *policy,
					  struct smpp_coding_choice *choice);

/* The reason of a choice in words, such as "ucs2: U+0416 at character 5 is not in gsm7".
 * Writes at most cap octets with the NUL and returns out; 96 always suffice. */
const char *smpp_coding_explain(const struct smpp_coding_choice *choice, char *out, size_t cap);

/*
 * Characters and octets a text would take, without encoding it. OK; UTF8; FOREIGN; NOT_TEXT.
 * On UTF8 and FOREIGN offender and offender_at of measure name the place (0 and the place for
 * UTF8), the counts are those before it.
 */
struct smpp_coding_measure {
	uint32_t chars;
	uint32_t octets;
	uint32_t offender;
	uint32_t offender_at;
};
enum smpp_coding_error smpp_coding_measure(enum smpp_alphabet alphabet, const char *utf8, size_t n,
					   struct smpp_coding_measure *measure);

/* UTF-8 to wire octets. OK, UTF8, FOREIGN, SPACE; NOT_TEXT for BINARY. */
enum smpp_coding_error smpp_coding_from_utf8(enum smpp_alphabet alphabet, const char *utf8,
					     size_t n, struct smpp_coding_buf *out);

/* Wire octets to UTF-8; oddities are flagged in out->flags and never stop it. OK, SPACE;
 * NOT_TEXT for BINARY. */
enum smpp_coding_error smpp_coding_to_utf8(enum smpp_alphabet alphabet, const uint8_t *at, size_t n,
					   struct smpp_coding_buf *out);

/* The alphabet that data_coding stands for at a provider whose data_coding 0 is of_zero
 * (5.2.19, GSM 03.38 section 4). Texts in alphabets not listed above are BINARY. */
enum smpp_alphabet smpp_coding_of(uint8_t data_coding, enum smpp_alphabet of_zero);

/* The data_coding to send an alphabet with: the map's own, 0 if that means it, else that of 5.2.19;
 * false if it has none at this provider. */
bool smpp_coding_value(enum smpp_alphabet alphabet, const struct smpp_coding_map *map,
		       uint8_t *data_coding);

/* "gsm7", "ucs2", "latin1", "ascii", "binary"; static. */
const char *smpp_coding_name(enum smpp_alphabet alphabet);

#endif
