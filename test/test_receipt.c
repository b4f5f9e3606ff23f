/*
 * Delivery receipts: every shape in test/vectors/receipts.tsv, every truncation and every flipped bit of each, and what must never be read out of a user's words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smpp/receipt.h"
#include "test/receipt_rows.h"

enum {
	WIRE_OCTETS = 8192,
	COLUMNS = 17,
};

/* One row of receipts.tsv, its columns in place. */
enum column {
	ROW,
	PDU,
	ESM,
	WHERE,
	BODY,
	TLVS,
	OPTIONS,
	KIND,
	STATE,
	SOURCE,
	TEXT_ID,
	TLV_ID,
	STAT,
	ERR,
	FLAGS,
	MORE,
	ABOUT,
};

static const char *const kinds[] = {
	[SMPP_RECEIPT_NOT] = "not",
	[SMPP_RECEIPT_IS] = "is",
	[SMPP_RECEIPT_INTERMEDIATE] = "intermediate",
	[SMPP_RECEIPT_UNPARSED] = "unparsed",
};

static const char *const sources[] = {
	[SMPP_RECEIPT_FROM_NONE] = "none",
	[SMPP_RECEIPT_FROM_TEXT] = "text",
	[SMPP_RECEIPT_FROM_TLV] = "tlv",
};

static const struct {
	unsigned bit;
	const char *name;
} flag_names[] = {
	{ SMPP_RECEIPT_CONTRADICTION, "contradiction" },
	{ SMPP_RECEIPT_IDS_DIFFER, "ids_differ" },
	{ SMPP_RECEIPT_NEEDS_MATCH, "needs_match" },
	{ SMPP_RECEIPT_BAD_STATE_TLV, "bad_state_tlv" },
	{ SMPP_RECEIPT_BAD_ERROR_TLV, "bad_error_tlv" },
	{ SMPP_RECEIPT_TRANSCODED, "transcoded" },
	{ SMPP_RECEIPT_CUT, "cut" },
	{ SMPP_RECEIPT_TEXT_FIRST, "text_first" },
	{ SMPP_RECEIPT_LONG_ERR, "long_err" },
	{ SMPP_RECEIPT_NO_UDH, "no_udh" },
};

/* ---- Reading fixtures ---- */

/* An ASCII text as UTF-16; \uFEFF at its beginning is a byte order mark. */
static void put_utf16(struct smpp_writer *writer, const char *text, bool little)
{
	if (strncmp(text, "\\uFEFF", 6) == 0) {
		smpp_write_u16(writer, little ? 0xFFFE : 0xFEFF);
		text += 6;
	}
	for (; *text; text++)
		smpp_write_u16(writer, (uint16_t)(little ? *text << 8 : *text));
}

static void put_body(struct smpp_writer *writer, const char *body)
{
	if (strcmp(body, "-") == 0)
		return;
	if (strncmp(body, "utf16be:", 8) == 0)
		put_utf16(writer, body + 8, false);
	else if (strncmp(body, "utf16le:", 8) == 0)
		put_utf16(writer, body + 8, true);
	else
		put_text(writer, body);
}

static void put_tlv(struct smpp_writer *writer, unsigned tag, struct smpp_octets value)
{
	smpp_write_u16(writer, (uint16_t)tag);
	smpp_write_u16(writer, (uint16_t)value.n);
	smpp_write_octets(writer, value.at, value.n);
}

/* 001E:"42\0" 0427:02 */
static void put_tlvs(struct smpp_writer *writer, const char *tlvs)
{
	if (strcmp(tlvs, "-") == 0)
		return;
	while (*tlvs) {
		unsigned tag = hex_of(tlvs) << 8 | hex_of(tlvs + 2);
		uint8_t octets[512];
		struct smpp_writer value = smpp_writer_of(octets, sizeof octets);

		tlvs += 5;
		if (*tlvs == '"')
			tlvs = put_text(&value, tlvs + 1) + 1;
		for (; *tlvs && *tlvs != ' '; tlvs += 2)
			smpp_write_u8(&value, (uint8_t)hex_of(tlvs));
		put_tlv(writer, tag, smpp_writer_octets(&value));
		tlvs += *tlvs == ' ';
	}
}

static void put_cstring(struct smpp_writer *writer, const char *text)
{
	smpp_write_octets(writer, text, (uint32_t)strlen(text) + 1);
}

struct wire {
	uint8_t octets[WIRE_OCTETS];
	uint32_t n;
};

/* The octets of a deliver_sm or submit_sm (4.6.1, 4.4.1: the same fields) or a data_sm (4.7.1). */
static void build(struct wire *wire, char *const columns[COLUMNS])
{
	struct smpp_writer writer = smpp_writer_of(wire->octets, sizeof wire->octets);
	char name[32], source[32] = "31612345678", dest[32] = "1234";
	const char *dcs = strstr(columns[OPTIONS], "dcs:");
	uint8_t data_coding = dcs ? (uint8_t)hex_of(dcs + 4) : 0;
	uint8_t octets[4096];
	struct smpp_writer body = smpp_writer_of(octets, sizeof octets);
	bool in_sm = strcmp(columns[WHERE], "sm") == 0;
	bool data_sm;

	assert_true(sscanf(columns[PDU], "%31s %31s %31s", name, source, dest) >= 1);
	data_sm = strcmp(name, "data_sm") == 0;
	put_body(&body, columns[BODY]);
	smpp_write_u32(&writer, 0);
	smpp_write_u32(&writer, data_sm ? 0x103 : strcmp(name, "submit_sm") == 0 ? 0x004 : 0x005);
	smpp_write_u32(&writer, 0);
	smpp_write_u32(&writer, 1);
	put_cstring(&writer, "");
	smpp_write_u16(&writer, 0x0101);
	put_cstring(&writer, source);
	smpp_write_u16(&writer, 0x0101);
	put_cstring(&writer, dest);
	smpp_write_u8(&writer, (uint8_t)hex_of(columns[ESM]));
	if (!data_sm) {
		smpp_write_u32(&writer, 0); /* protocol_id, priority_flag, two empty times */
		smpp_write_u16(&writer, 0);
		smpp_write_u8(&writer, data_coding);
		smpp_write_u8(&writer, 0);
		smpp_write_u8(&writer, in_sm ? (uint8_t)body.n : 0);
		if (in_sm)
			smpp_write_octets(&writer, octets, body.n);
	} else {
		smpp_write_u8(&writer, 0);
		smpp_write_u8(&writer, data_coding);
	}
	if (strcmp(columns[WHERE], "payload") == 0)
		put_tlv(&writer, 0x0424, smpp_writer_octets(&body));
	put_tlvs(&writer, columns[TLVS]);
	assert_false(writer.bad || body.bad || (in_sm && body.n > 254));
	wire->n = writer.n;
}

static void set_length(uint8_t *octets, uint32_t n)
{
	struct smpp_writer writer = smpp_writer_of(octets, 4);

	smpp_write_u32(&writer, n);
}

/* words:0=DELIVERED,5=REJECTED; the words stay in buf. */
static void read_options(const char *options, char *buf, struct smpp_receipt_word *words,
			 struct smpp_receipt_options *out)
{
	const char *start = strstr(options, "words:");
	char *save = NULL;

	*out = (struct smpp_receipt_options){ .unmarked = strstr(options, "unmarked") != NULL,
					      .words = words };
	if (!start)
		return;
	strcpy(buf, start + 6);
	for (char *row = strtok_r(buf, ",", &save); row; row = strtok_r(NULL, ",", &save)) {
		char *equals = strchr(row, '=');

		assert_non_null(equals);
		*equals = 0;
		words[out->words_n].word = row;
		words[out->words_n].state = SMPP_STATES;
		for (unsigned state = 0; state < SMPP_STATES; state++) {
			if (strcmp(smpp_receipt_state_name(state), equals + 1) == 0)
				words[out->words_n].state = state;
		}
		assert_int_not_equal(words[out->words_n++].state, SMPP_STATES);
	}
}

/* ---- Checking ---- */

static void expect_slice(const char *row, const char *what, struct smpp_octets got,
			 const char *want)
{
	uint8_t octets[512];
	struct smpp_writer writer = smpp_writer_of(octets, sizeof octets);

	if (strcmp(want, "-") != 0)
		put_text(&writer, want);
	if (!smpp_octets_equal(got, smpp_writer_octets(&writer)))
		fail_msg("%s: %s is \"%.*s\", not \"%s\"", row, what, (int)got.n,
			 (const char *)got.at, want);
}

/* sub=001 dlvrd=001 submit=... done=... text=... net=3/21; what is not named is empty. */
static void expect_more(char *const columns[COLUMNS], const struct smpp_receipt *receipt)
{
	const struct {
		const char *name;
		struct smpp_octets value;
	} fields[] = {
		{ "sub=", receipt->sub },
		{ "dlvrd=", receipt->dlvrd },
		{ "submit=", receipt->submit_date },
		{ "done=", receipt->done_date },
		{ "text=", receipt->text },
	};
	char net[32] = "-";
	char want[512];

	if (receipt->has_network_error_code)
		snprintf(net, sizeof net, "%u/%u", receipt->network_type, receipt->network_error);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0] + 1; i++) {
		const char *name = i < 5 ? fields[i].name : "net=";
		const char *at = strstr(columns[MORE], name);

		while (at && at != columns[MORE] && at[-1] != ' ')
			at = strstr(at + 1, name);
		if (!at || sscanf(at + strlen(name), "%511s", want) != 1)
			strcpy(want, "-");
		if (i < 5)
			expect_slice(columns[ROW], name, fields[i].value, want);
		else
			expect_word(columns[ROW], name, net, want);
	}
}

static void expect_row(char *const columns[COLUMNS], const struct smpp_receipt *receipt)
{
	const char *row = columns[ROW];
	char flags[256] = "";

	expect_word(row, "kind", kinds[receipt->kind], columns[KIND]);
	expect_word(row, "state", smpp_receipt_state_name(receipt->state), columns[STATE]);
	expect_word(row, "source", sources[receipt->source], columns[SOURCE]);
	expect_slice(row, "text id", receipt->ids[SMPP_RECEIPT_TEXT_ID], columns[TEXT_ID]);
	expect_slice(row, "TLV id", receipt->ids[SMPP_RECEIPT_TLV_ID], columns[TLV_ID]);
	expect_slice(row, "stat", receipt->stat, columns[STAT]);
	expect_slice(row, "err", receipt->err, columns[ERR]);
	for (size_t i = 0; i < sizeof flag_names / sizeof flag_names[0]; i++) {
		if (receipt->flags & flag_names[i].bit) {
			strcat(flags, flags[0] ? "," : "");
			strcat(flags, flag_names[i].name);
		}
	}
	expect_word(row, "flags", flags[0] ? flags : "-", columns[FLAGS]);
	expect_more(columns, receipt);
}

static void inside(struct smpp_octets value, const uint8_t *at, size_t n,
		   const struct smpp_receipt *receipt)
{
	const uint8_t *scratch_end = receipt->scratch + sizeof receipt->scratch;

	if (value.n == 0)
		return;
	assert_true((value.at >= at && value.at + value.n <= at + n) ||
		    (value.at >= receipt->scratch && value.at + value.n <= scratch_end));
}

/* Whatever the octets are: every slice lies in the PDU or the scratch, every enum in its range. */
static void survive(const uint8_t *octets, size_t n, const struct smpp_receipt_options *options)
{
	uint8_t *copy = malloc(n); /* of exact size, so that a step past its end is found */
	struct smpp_problem problem;
	struct smpp_receipt receipt;
	struct smpp_pdu pdu;

	assert_non_null(copy);
	memcpy(copy, octets, n);
	if (smpp_pdu_decode(copy, n, &pdu, &problem) == SMPP_OK) {
		smpp_receipt_parse(&pdu, options, &receipt);
		assert_true(receipt.state < SMPP_STATES);
		assert_true(receipt.err.n <= SMPP_RECEIPT_ERR_OCTETS);
		inside(receipt.ids[0], copy, n, &receipt);
		inside(receipt.ids[1], copy, n, &receipt);
		inside(receipt.stat, copy, n, &receipt);
		inside(receipt.err, copy, n, &receipt);
		inside(receipt.sub, copy, n, &receipt);
		inside(receipt.dlvrd, copy, n, &receipt);
		inside(receipt.submit_date, copy, n, &receipt);
		inside(receipt.done_date, copy, n, &receipt);
		inside(receipt.text, copy, n, &receipt);
		inside(receipt.body, copy, n, &receipt);
	}
	free(copy);
}

static void survive_damage(struct wire *wire, const struct smpp_receipt_options *options)
{
	for (uint32_t n = 16; n < wire->n; n++) {
		set_length(wire->octets, n);
		survive(wire->octets, n, options);
	}
	set_length(wire->octets, wire->n);
	for (uint32_t i = 16; i < wire->n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			wire->octets[i] ^= (uint8_t)(1U << bit);
			survive(wire->octets, wire->n, options);
			wire->octets[i] ^= (uint8_t)(1U << bit);
		}
	}
}

typedef void row_fn(char *const columns[COLUMNS], struct wire *wire,
		    const struct smpp_receipt_options *options);

static void check_row(char *const columns[COLUMNS], struct wire *wire,
		      const struct smpp_receipt_options *options)
{
	struct smpp_problem problem;
	struct smpp_receipt receipt;
	enum smpp_receipt_kind kind;
	struct smpp_pdu pdu;

	set_length(wire->octets, wire->n);
	if (smpp_pdu_decode(wire->octets, wire->n, &pdu, &problem) != SMPP_OK)
		fail_msg("%s: %s", columns[ROW], problem.text);
	memset(&receipt, 0xA5, sizeof receipt);
	kind = smpp_receipt_parse(&pdu, options, &receipt);
	assert_int_equal(kind, receipt.kind);
	expect_row(columns, &receipt);
}

static void damage_row(char *const columns[COLUMNS], struct wire *wire,
		       const struct smpp_receipt_options *options)
{
	(void)columns;
	survive_damage(wire, options);
}

/* Calls run for every row whose name begins with prefix. */
static void each_row(const char *prefix, row_fn *run)
{
	FILE *file = fopen("test/vectors/receipts.tsv", "r");
	char line[2048];
	int rows = 0;

	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		struct smpp_receipt_options options;
		struct smpp_receipt_word words[16];
		struct wire wire;
		char *columns[COLUMNS], *rest = line;
		char buf[256];

		if (line[0] == '#' || strncmp(line, prefix, strlen(prefix)) != 0)
			continue;
		for (size_t i = 0; i < COLUMNS; i++) {
			columns[i] = strsep(&rest, "\t\n");
			assert_non_null(columns[i]);
		}
		build(&wire, columns);
		read_options(columns[OPTIONS], buf, words, &options);
		run(columns, &wire, &options);
		rows++;
	}
	fclose(file);
	assert_true(rows > 0);
}

static void test_receipt__v01_to_v59_reads_every_text_shape(void **state)
{
	(void)state;
	each_row("V", check_row);
}

static void test_receipt__reads_every_spelling_and_separator(void **state)
{
	(void)state;
	each_row("S", check_row);
}

static void test_receipt__t01_to_t22_reads_every_pdu_shape(void **state)
{
	(void)state;
	each_row("T", check_row);
}

/* SMPP 3.4, 5.2.12 */
static void test_receipt__takes_the_type_as_a_value(void **state)
{
	(void)state;
	each_row("C", check_row);
}

static void test_receipt__survives_every_truncation_and_flip(void **state)
{
	(void)state;
	each_row("", damage_row);
}

/* ---- Single promises ---- */

/* Parses text as the short_message, or with payload as the message_payload, of a receipt. */
static void parse(const char *text, size_t n, bool payload, struct smpp_receipt *receipt)
{
	struct smpp_octets body = { .at = (const uint8_t *)text, .n = (uint32_t)n };
	struct smpp_pdu pdu;

	smpp_pdu_init(&pdu, SMPP_deliver_sm, 1);
	pdu.esm_class = 0x04;
	if (payload)
		assert_int_equal(smpp_pdu_tlv_add(&pdu, SMPP_TLV_message_payload, body), SMPP_OK);
	else
		pdu.short_message = body;
	smpp_receipt_parse(&pdu, NULL, receipt);
}

/* Of real carriers: the user's words may look like fields. None of them may ever win. */
static void test_receipt__never_reads_behind_text(void **state)
{
	static const char *const forged[] = { "id:999 stat:UNDELIV err:666 sub:9 dlvrd:9",
					      "\r\nid:999\r\nstat:UNDELIV",
					      "text:id:999 stat:UNDELIV", "\0id:999 stat:UNDELIV",
					      ",id:999,stat:UNDELIV" };
	char line[256];

	(void)state;
	for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
		static const char *const openings[] = { "text:", "Text:", "TEXT:", "txt:",
							"Txt :" };

		for (size_t k = 0; k < sizeof openings / sizeof openings[0]; k++) {
			struct smpp_receipt receipt;
			int n = snprintf(line, sizeof line, "id:1 stat:DELIVRD %s%s", openings[k],
					 forged[i]);

			parse(line, (size_t)n, false, &receipt);
			assert_int_equal(receipt.kind, SMPP_RECEIPT_IS);
			assert_int_equal(receipt.state, SMPP_STATE_DELIVERED);
			assert_int_equal(receipt.ids[0].n, 1);
			assert_int_equal(receipt.ids[0].at[0], '1');
			assert_int_equal(receipt.err.n, 0);
			assert_int_equal(receipt.sub.n, 0);
		}
	}
}

static void test_receipt__unknown_words_are_never_a_failure(void **state)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_:0123456789";
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct smpp_receipt receipt;
		char word[12] = { 'Q' }, line[64];
		size_t n = 1;

		seed = seed * 1664525 + 1013904223;
		for (; n < 3 + (seed >> 29); n++) {
			seed = seed * 1664525 + 1013904223;
			word[n] = letters[(seed >> 16) % (sizeof letters - 1)];
		}
		snprintf(line, sizeof line, "id:1 stat:%s", word);
		parse(line, strlen(line), false, &receipt);
		if (n == 7 && word[2] == ':')
			continue; /* may be an SMGP word */
		assert_int_equal(receipt.state, SMPP_STATE_VENDOR);
		assert_int_equal(smpp_receipt_finality(receipt.state), SMPP_FINAL_NO);
	}
}

static void test_receipt__reads_no_more_than_its_bound(void **state)
{
	struct smpp_receipt receipt;
	char *line = malloc(70000);

	(void)state;
	assert_non_null(line);
	memset(line, ' ', 70000);
	memcpy(line, "id:1", 4);
	memcpy(line + SMPP_RECEIPT_BODY_OCTETS - 12, "stat:DELIVRD", 12);
	parse(line, SMPP_RECEIPT_BODY_OCTETS, true, &receipt);
	assert_int_equal(receipt.state, SMPP_STATE_DELIVERED);
	assert_int_equal(receipt.flags, 0);
	parse(line, 65535, true, &receipt);
	assert_int_equal(receipt.state, SMPP_STATE_DELIVERED);
	assert_int_equal(receipt.flags, SMPP_RECEIPT_CUT);
	memset(line, ' ', 70000);
	memcpy(line, "id:1", 4);
	memcpy(line + SMPP_RECEIPT_BODY_OCTETS, "stat:DELIVRD", 12);
	parse(line, 65535, true, &receipt);
	assert_int_equal(receipt.source, SMPP_RECEIPT_FROM_NONE);
	assert_int_equal(receipt.flags, SMPP_RECEIPT_CUT);
	free(line);
}

static void test_receipt__bounds_what_it_transcodes(void **state)
{
	static const char fields[] = "id:1 stat:DELIVRD text:";
	struct smpp_receipt receipt;
	char line[4096];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof fields - 1; i++) {
		line[n++] = 0;
		line[n++] = fields[i];
	}
	while (n < sizeof line) {
		line[n++] = 0x20; /* U+20AC, three octets of UTF-8 */
		line[n++] = (char)0xAC;
	}
	parse(line, sizeof line, true, &receipt);
	assert_int_equal(receipt.state, SMPP_STATE_DELIVERED);
	assert_int_equal(receipt.flags, SMPP_RECEIPT_TRANSCODED | SMPP_RECEIPT_CUT);
	assert_true(receipt.body.n <= SMPP_RECEIPT_SCRATCH_OCTETS);
	assert_memory_equal(receipt.text.at, "\xE2\x82\xAC", 3);
}

/* SMPP 3.4, 5.2.28; finality of ACCEPTED and UNKNOWN is the carrier's */
static void test_receipt__says_which_states_are_final(void **state)
{
	static const enum smpp_receipt_finality want[SMPP_STATES] = {
		[SMPP_STATE_UNKNOWN] = SMPP_FINAL_BY_CARRIER,
		[SMPP_STATE_DELIVERED] = SMPP_FINAL_YES,
		[SMPP_STATE_EXPIRED] = SMPP_FINAL_YES,
		[SMPP_STATE_DELETED] = SMPP_FINAL_YES,
		[SMPP_STATE_UNDELIVERABLE] = SMPP_FINAL_YES,
		[SMPP_STATE_REJECTED] = SMPP_FINAL_YES,
		[SMPP_STATE_SKIPPED] = SMPP_FINAL_YES,
		[SMPP_STATE_ENROUTE] = SMPP_FINAL_NO,
		[SMPP_STATE_SCHEDULED] = SMPP_FINAL_NO,
		[SMPP_STATE_BUFFERED] = SMPP_FINAL_NO,
		[SMPP_STATE_ACCEPTED] = SMPP_FINAL_BY_CARRIER,
		[SMPP_STATE_VENDOR] = SMPP_FINAL_NO,
	};

	(void)state;
	for (unsigned i = 0; i < SMPP_STATES; i++)
		assert_int_equal(smpp_receipt_finality(i), want[i]);
	for (unsigned i = 10; i < 256; i++)
		assert_int_equal(smpp_receipt_state_of((uint8_t)i, NULL), SMPP_STATE_VENDOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receipt__v01_to_v59_reads_every_text_shape),
		cmocka_unit_test(test_receipt__reads_every_spelling_and_separator),
		cmocka_unit_test(test_receipt__t01_to_t22_reads_every_pdu_shape),
		cmocka_unit_test(test_receipt__takes_the_type_as_a_value),
		cmocka_unit_test(test_receipt__survives_every_truncation_and_flip),
		cmocka_unit_test(test_receipt__never_reads_behind_text),
		cmocka_unit_test(test_receipt__unknown_words_are_never_a_failure),
		cmocka_unit_test(test_receipt__reads_no_more_than_its_bound),
		cmocka_unit_test(test_receipt__bounds_what_it_transcodes),
		cmocka_unit_test(test_receipt__says_which_states_are_final),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
