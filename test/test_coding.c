/*
 * Texts and data_coding: the GSM 03.38 tables against other programs' tables, round trips, what
 * is refused, what is flagged, and the choice of an alphabet with its reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smpp/coding.h"

enum {
	BUF_OCTETS = 1024
};

/* Encodes; checks the octets against want, given as hex. */
static void encodes(enum smpp_alphabet alphabet, const char *utf8, const char *want)
{
	uint8_t octets[BUF_OCTETS];
	char hex[BUF_OCTETS * 2 + 1] = "";
	struct smpp_coding_buf out = { .at = octets, .cap = sizeof octets };
	struct smpp_coding_measure measure;

	assert_int_equal(smpp_coding_from_utf8(alphabet, utf8, strlen(utf8), &out), SMPP_CODING_OK);
	for (size_t i = 0; i < out.n; i++)
		snprintf(hex + 2 * i, 3, "%02X", octets[i]);
	assert_string_equal(hex, want);
	assert_int_equal(smpp_coding_measure(alphabet, utf8, strlen(utf8), &measure),
			 SMPP_CODING_OK);
	assert_int_equal(measure.octets, out.n);
}

static void refuses(enum smpp_alphabet alphabet, const char *utf8, enum smpp_coding_error error,
		    uint32_t offender, uint32_t offender_at)
{
	uint8_t octets[BUF_OCTETS];
	struct smpp_coding_buf out = { .at = octets, .cap = sizeof octets, .n = 99 };
	struct smpp_coding_measure measure;

	assert_int_equal(smpp_coding_from_utf8(alphabet, utf8, strlen(utf8), &out), error);
	assert_int_equal(out.n, 0);
	assert_int_equal(smpp_coding_measure(alphabet, utf8, strlen(utf8), &measure), error);
	assert_int_equal(measure.offender, offender);
	assert_int_equal(measure.offender_at, offender_at);
}

/* Decodes; checks text and flags. */
static void decodes(enum smpp_alphabet alphabet, const char *octets, size_t n, const char *want,
		    unsigned flags)
{
	uint8_t text[BUF_OCTETS];
	uint8_t *copy = malloc(n + 1);
	struct smpp_coding_buf out = { .at = text, .cap = SMPP_CODING_UTF8_MAX(n) };

	assert_non_null(copy);
	assert_true(out.cap <= sizeof text);
	memcpy(copy, octets, n);
	assert_int_equal(smpp_coding_to_utf8(alphabet, copy, n, &out), SMPP_CODING_OK);
	assert_int_equal(out.n, strlen(want));
	assert_memory_equal(text, want, out.n);
	assert_int_equal(out.flags, flags);
	free(copy);
}

/* ---- GSM 03.38 ---- */

/* SMPP 3.4, 5.2.19; GSM 03.38, 6.2.1: the text field is octets, no NUL ends it. */
static void test_coding__gsm7_has_its_own_places_for_at_dollar_and_underscore(void **state)
{
	(void)state;
	encodes(SMPP_ALPHABET_GSM7, "a@b$_c", "610062021163");
	decodes(SMPP_ALPHABET_GSM7, "a\0b\x02\x11", 5, "a@b$_", 0);
	encodes(SMPP_ALPHABET_GSM7, "\xC3\x87", "09");
	encodes(SMPP_ALPHABET_GSM7, "", "");
}

static void test_coding__gsm7_extension_characters_cost_two(void **state)
{
	(void)state;
	encodes(SMPP_ALPHABET_GSM7, "^{}\\[~]|\xE2\x82\xAC\f",
		"1B141B281B291B2F1B3C1B3D1B3E1B401B651B0A");
	decodes(SMPP_ALPHABET_GSM7, "\x1B\x65", 2, "\xE2\x82\xAC", 0);
}

/* Runs a shell command whose output is a row of UTF-16BE units in hex; false if it cannot run. */
static bool ask(const char *command, uint32_t *units, size_t n)
{
	FILE *pipe = popen(command, "r");
	size_t got = 0;
	unsigned unit;

	assert_non_null(pipe);
	while (got < n && fscanf(pipe, "%4x", &unit) == 1)
		units[got++] = unit;
	return pclose(pipe) == 0 && got == n;
}

static uint32_t ours(const uint8_t *octets, size_t n)
{
	uint8_t text[8], wide[8];
	struct smpp_coding_buf out = { .at = text, .cap = sizeof text };
	struct smpp_coding_buf units = { .at = wide, .cap = sizeof wide };

	assert_int_equal(smpp_coding_to_utf8(SMPP_ALPHABET_GSM7, octets, n, &out), SMPP_CODING_OK);
	if (out.flags & SMPP_CODING_UNKNOWN_ESCAPE)
		return 0xFFFD;
	assert_int_equal(smpp_coding_from_utf8(SMPP_ALPHABET_UCS2, (char *)text, out.n, &units),
			 SMPP_CODING_OK);
	assert_int_equal(units.n, 2);
	return (uint32_t)(wide[0] << 8 | wide[1]);
}

/* The default table but for its escape, then the ten characters of the extension table. */
static const char gsm_octets[] = "perl -e 'print join(q(), map { chr } grep { $_ != 0x1B } 0..127),"
				 " map { chr(0x1B).chr(hex) } qw(0A 14 28 29 2F 3C 3D 3E 40 65)'";

static void compare_with(const char *decoder)
{
	static const uint8_t extended[] = { 0x0A, 0x14, 0x28, 0x29, 0x2F,
					    0x3C, 0x3D, 0x3E, 0x40, 0x65 };
	uint32_t units[127 + sizeof extended];
	char command[512];
	size_t k = 0;

	snprintf(command, sizeof command, "%s | %s | od -An -v -tx1 | tr -d ' \\n' | fold -w 4",
		 gsm_octets, decoder);
	assert_true(ask(command, units, sizeof units / sizeof units[0]));
	for (uint8_t octet = 0; octet < 0x80; octet++) {
		if (octet != 0x1B)
			assert_int_equal(ours(&octet, 1), units[k++]);
	}
	for (size_t i = 0; i < sizeof extended; i++) {
		uint8_t pair[2] = { 0x1B, extended[i] };

		assert_int_equal(ours(pair, 2), units[k++]);
	}
}

/* "00263A=", the character, a newline, of every code point below end; what it becomes here goes
 * to `ours`. */
static size_t write_all(FILE *file, uint32_t end, uint8_t *ours)
{
	uint8_t octets[8], *at = ours;
	char line[24];

	for (uint32_t c = 0; c < end; c++) {
		struct smpp_coding_buf out = { .at = octets, .cap = sizeof octets };
		int head = snprintf(line, sizeof line, "%06X=", (unsigned)c), n = head;

		if (c >= 0xD800 && c <= 0xDFFF)
			continue;
		if (c >= 0x10000)
			n += sprintf(line + n, "%c%c", (int)(0xF0 | c >> 18),
				     (int)(0x80 | (c >> 12 & 0x3F)));
		else if (c >= 0x800)
			n += sprintf(line + n, "%c", (int)(0xE0 | c >> 12));
		if (c >= 0x800)
			n += sprintf(line + n, "%c", (int)(0x80 | (c >> 6 & 0x3F)));
		else if (c >= 0x80)
			n += sprintf(line + n, "%c", (int)(0xC0 | c >> 6));
		line[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3F));
		smpp_coding_from_utf8(SMPP_ALPHABET_GSM7, line + head, (size_t)(n - head), &out);
		memcpy(at, line, (size_t)head);
		memcpy(at + head, octets, out.n);
		at += (size_t)head + out.n;
		*at++ = '\n';
		line[n++] = '\n';
		assert_int_equal(fwrite(line, 1, (size_t)n, file), n);
	}
	return (size_t)(at - ours);
}

/* What the program makes of every code point below end is what we make of it, octet by octet. */
static void compare_all_with(const char *encoder, uint32_t end)
{
	char path[] = "/tmp/esmed-coding-XXXXXX", command[400];
	const size_t most = 16 << 20;
	uint8_t *ours = malloc(most), *theirs = malloc(most);
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	assert_true(ours && theirs && file);
	size_t n = write_all(file, end, ours);

	assert_int_equal(fclose(file), 0);
	snprintf(command, sizeof command, "%s <%s", encoder, path);
	file = popen(command, "r");
	assert_non_null(file);
	size_t got = fread(theirs, 1, most, file);

	assert_int_equal(pclose(file), 0);
	unlink(path);
	assert_int_equal(got, n);
	assert_true(memcmp(ours, theirs, n) == 0);
	free(ours);
	free(theirs);
}

static void test_coding__gsm7_is_icus_gsm7(void **state)
{
	(void)state;
	if (system("uconv -l 2>/dev/null | grep -q gsm-03.38-2009") != 0) {
		print_message("# SKIP: no uconv with gsm-03.38-2009 (package icu-devtools)\n");
		skip();
	}
	compare_with("uconv -f gsm-03.38-2009 -t utf-16be");
	compare_all_with("uconv -c -f utf-8 -t gsm-03.38-2009", 0x110000);
}

static void test_coding__gsm7_is_perls_gsm7(void **state)
{
	(void)state;
	if (system("perl -MEncode::GSM0338 -e 1 2>/dev/null") != 0) {
		print_message("# SKIP: no Encode::GSM0338 (package perl)\n");
		skip();
	}
	compare_with("perl -MEncode -e 'local $/; binmode STDIN; "
		     "print encode(q(utf-16be), decode(q(gsm0338), <STDIN>))'");
	compare_all_with("perl -MEncode -e 'binmode STDIN, q(:utf8); binmode STDOUT; "
			 "while (<STDIN>) { print encode(q(gsm0338), $_, sub { q() }) }'",
			 0x10000);
}

/* Exactly 127 + 10 characters, each both ways, and no other character of Unicode. */
static void test_coding__gsm7_has_137_characters(void **state)
{
	unsigned known = 0;

	(void)state;
	for (uint32_t c = 0; c < 0x110000; c++) {
		uint8_t wide[4] = { (uint8_t)(c >> 8), (uint8_t)c }, text[8], wire[4], back[8];
		struct smpp_coding_buf utf8 = { .at = text, .cap = sizeof text };
		struct smpp_coding_buf out = { .at = wire, .cap = sizeof wire };
		struct smpp_coding_buf again = { .at = back, .cap = sizeof back };
		size_t n = 2;

		if (c >= 0xD800 && c <= 0xDFFF)
			continue;
		if (c >= 0x10000) {
			wide[0] = (uint8_t)(0xD8 | (c - 0x10000) >> 18);
			wide[1] = (uint8_t)((c - 0x10000) >> 10);
			wide[2] = (uint8_t)(0xDC | (c >> 8 & 3));
			wide[3] = (uint8_t)c;
			n = 4;
		}
		assert_int_equal(smpp_coding_to_utf8(SMPP_ALPHABET_UCS2, wide, n, &utf8),
				 SMPP_CODING_OK);
		assert_int_equal(utf8.flags, 0);
		assert_int_equal(
			smpp_coding_from_utf8(SMPP_ALPHABET_UCS2, (char *)text, utf8.n, &out),
			SMPP_CODING_OK);
		assert_int_equal(out.n, n);
		assert_memory_equal(wire, wide, n);
		if (smpp_coding_from_utf8(SMPP_ALPHABET_GSM7, (char *)text, utf8.n, &out) !=
		    SMPP_CODING_OK)
			continue;
		known++;
		assert_int_equal(smpp_coding_to_utf8(SMPP_ALPHABET_GSM7, wire, out.n, &again),
				 SMPP_CODING_OK);
		assert_int_equal(again.n, utf8.n);
		assert_memory_equal(back, text, utf8.n);
	}
	assert_int_equal(known, 137);
}

static void test_coding__gsm7_flags_what_is_odd(void **state)
{
	(void)state;
	decodes(SMPP_ALPHABET_GSM7, "ab\x1B", 3, "ab", SMPP_CODING_DANGLING_ESCAPE);
	decodes(SMPP_ALPHABET_GSM7, "\x1B", 1, "", SMPP_CODING_DANGLING_ESCAPE);
	decodes(SMPP_ALPHABET_GSM7, "\x1B\x41", 2, "A", SMPP_CODING_UNKNOWN_ESCAPE);
	decodes(SMPP_ALPHABET_GSM7, "\x1B\x1B\x65", 3, " e", SMPP_CODING_UNKNOWN_ESCAPE);
	decodes(SMPP_ALPHABET_GSM7, "a\x80", 2, "a\xEF\xBF\xBD", SMPP_CODING_OUT_OF_RANGE);
	decodes(SMPP_ALPHABET_GSM7, "\x1B\xFF", 2, "\xEF\xBF\xBD", SMPP_CODING_OUT_OF_RANGE);
}

/* ---- The others ---- */

static void test_coding__ucs2_is_big_endian_without_a_mark(void **state)
{
	(void)state;
	encodes(SMPP_ALPHABET_UCS2, "A\xD0\x96", "00410416");
	encodes(SMPP_ALPHABET_UCS2, "\xF0\x9F\x98\x80", "D83DDE00");
	encodes(SMPP_ALPHABET_UCS2, "\xF4\x8F\xBF\xBF", "DBFFDFFF");
	decodes(SMPP_ALPHABET_UCS2, "\xD8\x3D\xDE\x00", 4, "\xF0\x9F\x98\x80", 0);
}

static void test_coding__ucs2_flags_odd_lengths_and_lone_surrogates(void **state)
{
	(void)state;
	decodes(SMPP_ALPHABET_UCS2, "\0A\0", 3, "A\xEF\xBF\xBD", SMPP_CODING_ODD_LENGTH);
	decodes(SMPP_ALPHABET_UCS2, "\0", 1, "\xEF\xBF\xBD", SMPP_CODING_ODD_LENGTH);
	decodes(SMPP_ALPHABET_UCS2, "\xD8\x3D", 2, "\xEF\xBF\xBD", SMPP_CODING_LONE_SURROGATE);
	decodes(SMPP_ALPHABET_UCS2, "\xD8\x3D\0A", 4,
		"\xEF\xBF\xBD"
		"A",
		SMPP_CODING_LONE_SURROGATE);
	decodes(SMPP_ALPHABET_UCS2, "\xDE\x00\0A", 4,
		"\xEF\xBF\xBD"
		"A",
		SMPP_CODING_LONE_SURROGATE);
	decodes(SMPP_ALPHABET_UCS2, "\xD8\x3D\xDE", 3, "\xEF\xBF\xBD\xEF\xBF\xBD",
		SMPP_CODING_LONE_SURROGATE | SMPP_CODING_ODD_LENGTH);
}

static void test_coding__latin1_and_ascii_end_where_they_end(void **state)
{
	(void)state;
	encodes(SMPP_ALPHABET_LATIN1, "a\xC3\xBF", "61FF");
	refuses(SMPP_ALPHABET_LATIN1, "a\xC4\x80", SMPP_CODING_FOREIGN, 0x100, 1);
	decodes(SMPP_ALPHABET_LATIN1, "\xE9\xFF", 2, "\xC3\xA9\xC3\xBF", 0);
	encodes(SMPP_ALPHABET_ASCII, "a\x7F", "617F");
	refuses(SMPP_ALPHABET_ASCII, "\xC2\x80", SMPP_CODING_FOREIGN, 0x80, 0);
	decodes(SMPP_ALPHABET_ASCII, "a\x80", 2, "a\xEF\xBF\xBD", SMPP_CODING_OUT_OF_RANGE);
}

static void test_coding__refuses_what_an_alphabet_lacks(void **state)
{
	(void)state;
	refuses(SMPP_ALPHABET_GSM7, "ab`", SMPP_CODING_FOREIGN, '`', 2);
	refuses(SMPP_ALPHABET_GSM7, "\xC3\xA7", SMPP_CODING_FOREIGN, 0xE7, 0); /* small c cedilla */
	refuses(SMPP_ALPHABET_GSM7, "\xCE\x91", SMPP_CODING_FOREIGN, 0x391, 0); /* no look-alikes */
	refuses(SMPP_ALPHABET_GSM7, "\xF0\x9F\x98\x80", SMPP_CODING_FOREIGN, 0x1F600, 0);
	refuses(SMPP_ALPHABET_BINARY, "a", SMPP_CODING_NOT_TEXT, 0, 0);
}

/* RFC 3629 */
static void test_coding__refuses_what_is_not_utf8(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xBF",
		"\xC0\x80",
		"\xC1\xBF",
		"\xC2",
		"\xC2\x41",
		"\xE0\x80\x80",
		"\xE0\x9F\xBF",
		"\xE2\x82",
		"\xED\xA0\x80",
		"\xED\xBF\xBF",
		"\xF0\x80\x80\x80",
		"\xF0\x8F\xBF\xBF",
		"\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80",
		"\xF0\x9F\x98",
		"\xFF",
		"\xFE",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[16];

		snprintf(text, sizeof text, "ab%s", bad[i]);
		for (unsigned a = 0; a < SMPP_ALPHABET_BINARY; a++)
			refuses(a, text, SMPP_CODING_UTF8, 0, 2);
	}
}

static void test_coding__never_writes_past_the_buffer(void **state)
{
	static const char text[] = "a^\xE2\x82\xAC"; /* five septets, three characters */
	uint8_t wire[16], back[16];

	(void)state;
	for (size_t cap = 0; cap <= 5; cap++) {
		struct smpp_coding_buf out = { .at = wire, .cap = cap };

		memset(wire, 0xA5, sizeof wire);
		assert_int_equal(smpp_coding_from_utf8(SMPP_ALPHABET_GSM7, text, 5, &out),
				 cap < 5 ? SMPP_CODING_SPACE : SMPP_CODING_OK);
		assert_int_equal(out.n, cap < 5 ? 0 : 5);
		assert_int_equal(wire[cap], 0xA5);
	}
	for (size_t cap = 0; cap <= 5; cap++) {
		struct smpp_coding_buf out = { .at = back, .cap = cap };

		memset(back, 0xA5, sizeof back);
		assert_int_equal(smpp_coding_to_utf8(SMPP_ALPHABET_GSM7, wire, 5, &out),
				 cap < 5 ? SMPP_CODING_SPACE : SMPP_CODING_OK);
		assert_int_equal(back[cap], 0xA5);
	}
	assert_memory_equal(back, text, 5);
}

/* ---- data_coding and the choice ---- */

/* SMPP 3.4, 5.2.19: 0 is the SMSC's default alphabet, whichever that is */
static void test_coding__zero_is_the_providers_alphabet(void **state)
{
	static const struct {
		uint8_t data_coding;
		enum smpp_alphabet want;
	} rows[] = {
		{ 0x01, SMPP_ALPHABET_ASCII },	{ 0x02, SMPP_ALPHABET_BINARY },
		{ 0x03, SMPP_ALPHABET_LATIN1 }, { 0x04, SMPP_ALPHABET_BINARY },
		{ 0x05, SMPP_ALPHABET_BINARY }, { 0x06, SMPP_ALPHABET_BINARY },
		{ 0x08, SMPP_ALPHABET_UCS2 },	{ 0x0F, SMPP_ALPHABET_BINARY },
		{ 0x10, SMPP_ALPHABET_GSM7 },	{ 0x14, SMPP_ALPHABET_BINARY },
		{ 0x18, SMPP_ALPHABET_UCS2 },	{ 0x1C, SMPP_ALPHABET_BINARY },
		{ 0xBF, SMPP_ALPHABET_BINARY }, { 0xC0, SMPP_ALPHABET_GSM7 },
		{ 0xE0, SMPP_ALPHABET_BINARY }, { 0xF0, SMPP_ALPHABET_GSM7 },
		{ 0xF4, SMPP_ALPHABET_BINARY }, { 0xF8, SMPP_ALPHABET_GSM7 },
		{ 0xFC, SMPP_ALPHABET_BINARY }, { 0xFF, SMPP_ALPHABET_BINARY },
	};

	(void)state;
	for (unsigned zero = 0; zero < SMPP_ALPHABETS; zero++) {
		assert_int_equal(smpp_coding_of(0, zero), zero);
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
			assert_int_equal(smpp_coding_of(rows[i].data_coding, zero), rows[i].want);
	}
}

/* Never as 0 with octets of another alphabet: what is sent is read back as what it is. */
static void test_coding__value_and_alphabet_agree(void **state)
{
	(void)state;
	for (unsigned zero = 0; zero < SMPP_ALPHABETS; zero++) {
		for (unsigned alphabet = 0; alphabet < SMPP_ALPHABETS; alphabet++) {
			uint8_t data_coding;
			struct smpp_coding_map map = { .of_zero = zero };
			bool has = smpp_coding_value(alphabet, &map, &data_coding);

			assert_int_equal(has, alphabet != SMPP_ALPHABET_GSM7 || zero == alphabet);
			if (!has)
				continue;
			assert_int_equal(smpp_coding_of(data_coding, zero), alphabet);
			assert_int_equal(data_coding == 0, alphabet == zero);
		}
	}
}

static void test_coding__chooses_and_says_why(void **state)
{
	enum {
		GSM7 = SMPP_ALPHABET_GSM7,
		UCS2 = SMPP_ALPHABET_UCS2,
		LATIN1 = SMPP_ALPHABET_LATIN1,
		ASCII = SMPP_ALPHABET_ASCII,
		ALL = 0xFF,
		ERR = SMPP_ALPHABETS,
	};
	static const struct {
		unsigned zero, allowed, want;
		uint8_t data_coding;
		const char *text, *why;
	} rows[] = {
		{ GSM7, 0, GSM7, 0, "a[b]", "gsm7: the provider's default has every character" },
		{ GSM7, 0, GSM7, 0, "", "gsm7: the provider's default has every character" },
		{ GSM7, 0, UCS2, 8, "abcd\xD0\x96", "ucs2: U+0416 at character 5 is not in gsm7" },
		{ GSM7, 0, UCS2, 8, "`", "ucs2: U+0060 at character 1 is not in gsm7" },
		{ GSM7, ALL, ASCII, 1, "`", "ascii: U+0060 at character 1 is not in gsm7" },
		{ GSM7, ALL, LATIN1, 3, "\xC3\xA7",
		  "latin1: U+00E7 at character 1 is not in gsm7" },
		{ LATIN1, 0, LATIN1, 0, "\xC3\xA7",
		  "latin1: the provider's default has every character" },
		{ LATIN1, 0, UCS2, 8, "\xE2\x82\xAC",
		  "ucs2: U+20AC at character 1 is not in latin1" },
		{ LATIN1, ALL, UCS2, 8, "\xE2\x82\xAC", /* no data_coding is GSM7 there */
		  "ucs2: U+20AC at character 1 is not in latin1" },
		{ UCS2, 0, UCS2, 0, "a", "ucs2: the provider's default has every character" },
		{ GSM7, SMPP_ALPHABET_BIT(ASCII), ASCII, 1, "a",
		  "ascii: the first one allowed has every character" },
		{ GSM7, SMPP_ALPHABET_BIT(GSM7), ERR, 0, "a`",
		  "no alphabet: U+0060 at character 2 is not in gsm7" },
		{ GSM7, SMPP_ALPHABET_BIT(SMPP_ALPHABET_BINARY), ERR, 0, "a",
		  "no alphabet: not UTF-8, or none is allowed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smpp_coding_policy policy = { { .of_zero = rows[i].zero }, rows[i].allowed };
		struct smpp_coding_choice choice;
		enum smpp_coding_error error;
		char why[96];

		error = smpp_coding_choose(rows[i].text, strlen(rows[i].text), &policy, &choice);
		assert_string_equal(smpp_coding_explain(&choice, why, sizeof why), rows[i].why);
		if (rows[i].want == ERR) {
			assert_int_equal(error, SMPP_CODING_FOREIGN);
			assert_int_equal(choice.why, SMPP_CODING_WHY_NONE);
			continue;
		}
		assert_int_equal(error, SMPP_CODING_OK);
		assert_int_equal(choice.alphabet, rows[i].want);
		assert_int_equal(choice.data_coding, rows[i].data_coding);
	}
}

static void test_coding__counts_characters_not_octets(void **state)
{
	static const char text[] = "\xF0\x9F\x98\x80\xE2\x82\xAC"
				   "a";
	struct smpp_coding_policy policy = { { .of_zero = SMPP_ALPHABET_GSM7 }, 0 };
	struct smpp_coding_choice choice;

	(void)state;
	assert_int_equal(smpp_coding_choose(text, sizeof text - 1, &policy, &choice),
			 SMPP_CODING_OK);
	assert_int_equal(choice.chars, 3);
	assert_int_equal(choice.octets, 8);
	assert_int_equal(smpp_coding_choose("^a", 2, &policy, &choice), SMPP_CODING_OK);
	assert_int_equal(choice.chars, 2);
	assert_int_equal(choice.octets, 3);
	assert_int_equal(smpp_coding_choose("a\xFF", 2, &policy, &choice), SMPP_CODING_UTF8);
	assert_int_equal(choice.offender_at, 1);
	assert_int_equal(choice.why, SMPP_CODING_WHY_NONE);
}

/* Any octets: never past 3n, and what came out is UTF-8. */
static void test_coding__decodes_any_octets_within_bounds(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t wire[40], text[120];
		size_t n = (unsigned)round % (sizeof wire + 1);

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			wire[i] = (uint8_t)(seed >> 24);
			if (round % 3 == 0)
				wire[i] = i % 2 ? wire[i] : (uint8_t)(0xD8 | (wire[i] & 7));
		}
		for (unsigned alphabet = 0; alphabet < SMPP_ALPHABET_BINARY; alphabet++) {
			struct smpp_coding_buf out = { .at = text, .cap = SMPP_CODING_UTF8_MAX(n) };
			struct smpp_coding_measure measure;

			assert_int_equal(smpp_coding_to_utf8(alphabet, wire, n, &out),
					 SMPP_CODING_OK);
			assert_int_equal(smpp_coding_measure(SMPP_ALPHABET_UCS2, (char *)text,
							     out.n, &measure),
					 SMPP_CODING_OK);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coding__gsm7_has_its_own_places_for_at_dollar_and_underscore),
		cmocka_unit_test(test_coding__gsm7_extension_characters_cost_two),
		cmocka_unit_test(test_coding__gsm7_is_icus_gsm7),
		cmocka_unit_test(test_coding__gsm7_is_perls_gsm7),
		cmocka_unit_test(test_coding__gsm7_has_137_characters),
		cmocka_unit_test(test_coding__gsm7_flags_what_is_odd),
		cmocka_unit_test(test_coding__ucs2_is_big_endian_without_a_mark),
		cmocka_unit_test(test_coding__ucs2_flags_odd_lengths_and_lone_surrogates),
		cmocka_unit_test(test_coding__latin1_and_ascii_end_where_they_end),
		cmocka_unit_test(test_coding__refuses_what_an_alphabet_lacks),
		cmocka_unit_test(test_coding__refuses_what_is_not_utf8),
		cmocka_unit_test(test_coding__never_writes_past_the_buffer),
		cmocka_unit_test(test_coding__zero_is_the_providers_alphabet),
		cmocka_unit_test(test_coding__value_and_alphabet_agree),
		cmocka_unit_test(test_coding__chooses_and_says_why),
		cmocka_unit_test(test_coding__counts_characters_not_octets),
		cmocka_unit_test(test_coding__decodes_any_octets_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
