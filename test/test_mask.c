/*
 * Octets that are masked: what is gone, what stays, and that a masked PDU reads like the one it
 * was made from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smpp/concat.h"
#include "smpp/mask.h"
#include "smpp/octets.h"
#include "smpp/pdu.h"
#include "smpp/receipt.h"
#include "test/hex.h"
#include "test/pdu_vectors.h"

struct octets {
	uint8_t at[1024];
	size_t n;
};

static void set_length(struct octets *pdu)
{
	struct smpp_writer length = smpp_writer_of(pdu->at, 4);

	smpp_write_u32(&length, (uint32_t)pdu->n);
}

/* From hexadecimal behind command_length, which is written here. */
static struct octets pdu_of(const char *hex)
{
	struct octets pdu;

	pdu.n = 4 + hex_octets(hex, pdu.at + 4, sizeof pdu.at - 4);
	set_length(&pdu);
	return pdu;
}

static bool holds(const struct octets *pdu, const char *text)
{
	return memmem(pdu->at, pdu->n, text, strlen(text)) != NULL;
}

static struct octets masked(const struct octets *from, bool show_text, bool show_numbers)
{
	struct octets pdu = *from;

	smpp_mask(pdu.at, pdu.n, show_text, show_numbers);
	return pdu;
}

/* esme, secret08 */
static const char bind_hex[] = "00000009 00000000 00000001 65736d6500 736563726574303800 00 34 00 "
			       "00 00";
/* From Brand to 491701234567, secret?, user_message_reference */
static const char submit_hex[] = "00000004 00000000 00000005 00 05 00 4272616e6400 01 01 "
				 "34393137303132333435363700 00 00 00 00 00 01 00 00 00 "
				 "07 7365637265743f 0204 0002 0201";

/* ---- by field ---- */

static void test_mask__hides_the_password_whatever_may_be_seen(void **state)
{
	(void)state;
	struct octets bind = pdu_of(bind_hex);
	struct octets seen = masked(&bind, true, true);

	assert_true(holds(&seen, "********"));
	assert_false(holds(&seen, "secret08"));
	assert_true(holds(&seen, "esme"));
	memcpy(memmem(seen.at, seen.n, "********", 8), "secret08", 8);
	assert_memory_equal(seen.at, bind.at, bind.n);
}

static void test_mask__hides_text_and_number_and_nothing_else(void **state)
{
	(void)state;
	struct octets submit = pdu_of(submit_hex);
	struct octets seen = masked(&submit, false, false);

	assert_true(holds(&seen, "*********567"));
	assert_true(holds(&seen, "xxxxxxx"));
	memcpy(memmem(seen.at, seen.n, "*********567", 12), "491701234567", 12);
	memcpy(memmem(seen.at, seen.n, "xxxxxxx", 7), "secret?", 7);
	assert_memory_equal(seen.at, submit.at, submit.n);
}

static void test_mask__shows_what_may_be_seen(void **state)
{
	(void)state;
	struct octets submit = pdu_of(submit_hex);
	struct octets seen = masked(&submit, true, false);

	assert_true(holds(&seen, "secret?"));
	assert_false(holds(&seen, "491701234567"));
	seen = masked(&submit, false, true);
	assert_false(holds(&seen, "secret?"));
	assert_true(holds(&seen, "491701234567"));
	seen = masked(&submit, true, true);
	assert_memory_equal(seen.at, submit.at, submit.n);
}

/* Rows of vectors that are masked: by name, whether it is a text, a number, a password or not known. */
static const struct {
	const char *name;
	char kind;
	size_t skip; /* tag and length */
} secrets[] = {
	{ "password", 'p', 0 },
	{ "short_message", 't', 0 },
	{ "message_payload", 't', 4 },
	{ "callback_num_atag", 't', 4 },
	{ "source_addr", 'n', 0 },
	{ "destination_addr", 'n', 0 },
	{ "esme_addr", 'n', 0 },
	{ "callback_num", 'o', 4 },
	{ "source_subaddress", 'o', 4 },
	{ "dest_subaddress", 'o', 4 },
	{ "-", 'x', 4 },
};

static char kind_of(const struct vector_field *field, size_t *skip)
{
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
		if (strcmp(secrets[i].name, field->name) == 0) {
			*skip = secrets[i].skip;
			return secrets[i].kind;
		}
	}
	return 0;
}

/* Digits but the last three become stars. */
static void check_number(const uint8_t *was, const uint8_t *is, size_t n)
{
	size_t digits = 0;

	for (size_t i = n; i-- > 0;) {
		bool digit = was[i] >= '0' && was[i] <= '9';

		assert_int_equal(is[i], digit && digits >= 3 ? '*' : was[i]);
		digits += digit;
	}
}

/* A text keeps its UDH and, in a receipt, the carrier's words; nothing else of it shows. */
static void check_text(const uint8_t *was, const uint8_t *is, size_t n)
{
	size_t shown = 0;

	for (size_t i = 0; i < n; i++) {
		assert_true(is[i] == was[i] || is[i] == 'x');
		shown += is[i] == was[i] && was[i] != 'x';
	}
	if (n > 0 && !memmem(was, n, "stat:", 5) && was[0] > 6)
		assert_int_equal(shown, 0);
}

static void check_field(const struct vector *was, const struct octets *is,
			const struct vector_field *field)
{
	size_t skip = 0;
	char kind = kind_of(field, &skip);
	const uint8_t *a = was->octets + field->offset + skip;
	const uint8_t *b = is->at + field->offset + skip;
	size_t n = field->octets - (field->octets > skip ? skip : field->octets);

	if (kind == 0)
		assert_memory_equal(a, b, n);
	for (size_t i = 0; i < n && (kind == 'p' || kind == 'o'); i++)
		assert_int_equal(b[i], kind == 'p' && i == n - 1 ? 0 : '*');
	for (size_t i = 0; i < n && kind == 'x'; i++)
		assert_int_equal(b[i], 'x');
	if (kind == 'n')
		check_number(a, b, n);
	if (kind == 't')
		check_text(a, b, n);
}

static void test_mask__touches_no_other_field_of_any_pdu(void **state)
{
	FILE *file = fopen("test/vectors/pdus.txt", "r");
	struct vector vector;
	size_t n = 0;

	(void)state;
	assert_non_null(file);
	while (vector_next(file, &vector)) {
		struct octets was = { .n = vector.n };
		struct octets seen;

		memcpy(was.at, vector.octets, vector.n);
		seen = masked(&was, false, false);
		for (size_t i = 0; i < vector.n_fields; i++)
			check_field(&vector, &seen, &vector.fields[i]);
		n++;
	}
	assert_true(n >= SMPP_N_COMMANDS);
	fclose(file);
}

/* ---- receipts and headers ---- */

/* A deliver_sm with this esm_class and text, from 4917, to 555. */
static struct octets deliver_of(uint8_t esm_class, const char *text, size_t n)
{
	struct octets pdu = pdu_of("00000005 00000000 00000007 00 01 01 3439313700 01 01 35353500 "
				   "00 00 00 00 00 00 00 00 00");

	pdu.at[pdu.n - 9] = esm_class;
	pdu.at[pdu.n++] = (uint8_t)n;
	memcpy(pdu.at + pdu.n, text, n);
	pdu.n += n;
	set_length(&pdu);
	return pdu;
}

static const char receipt_text[] = "id:00123 sub:001 dlvrd:001 submit date:2611200900 "
				   "done date:2611200901 stat:DELIVRD err:000 text:Your code 4711";

static void test_mask__leaves_the_carriers_words_of_a_receipt(void **state)
{
	(void)state;
	struct octets deliver = deliver_of(0x04, receipt_text, sizeof receipt_text - 1);
	struct octets seen = masked(&deliver, false, false);
	struct smpp_receipt receipt;
	struct smpp_problem problem;
	struct smpp_pdu pdu;

	assert_true(holds(&seen, "id:00123 sub:001 dlvrd:001 submit date:2611200900 "
				 "done date:2611200901 stat:DELIVRD err:000 xxxxx"));
	assert_false(holds(&seen, "code"));
	assert_false(holds(&seen, "4711"));
	assert_int_equal(smpp_pdu_decode(seen.at, seen.n, &pdu, &problem), SMPP_OK);
	assert_int_equal(smpp_receipt_parse(&pdu, NULL, &receipt), SMPP_RECEIPT_IS);
	assert_int_equal(receipt.state, SMPP_STATE_DELIVERED);
	assert_int_equal(receipt.ids[SMPP_RECEIPT_TEXT_ID].n, 5);
	assert_memory_equal(receipt.ids[SMPP_RECEIPT_TEXT_ID].at, "00123", 5);
	assert_int_equal(receipt.err.n, 3);
}

static void test_mask__hides_a_receipt_that_anybody_may_have_written(void **state)
{
	(void)state;
	struct octets deliver = deliver_of(0x00, receipt_text, sizeof receipt_text - 1);
	struct octets seen = masked(&deliver, false, false);

	assert_false(holds(&seen, "00123"));
	assert_false(holds(&seen, "DELIVRD"));
}

static void test_mask__hides_words_between_those_of_a_receipt(void **state)
{
	static const char text[] = "hello 4711 id:1 from:49170 stat:DELIVRD PIN9 err:000";
	struct octets deliver = deliver_of(0x04, text, sizeof text - 1);
	struct octets seen = masked(&deliver, false, false);

	(void)state;
	assert_false(holds(&seen, "hello"));
	assert_false(holds(&seen, "4711"));
	assert_false(holds(&seen, "49170"));
	assert_false(holds(&seen, "PIN9"));
	assert_true(holds(&seen, " id:1 x"));
	assert_true(holds(&seen, " stat:DELIVRD x"));
}

static void test_mask__leaves_a_user_data_header(void **state)
{
	static const char text[] = "\x05\x00\x03\x2a\x03\x02secret part";
	struct octets deliver = deliver_of(0x40, text, sizeof text - 1);
	struct octets seen = masked(&deliver, false, false);
	struct smpp_concat_info info;
	struct smpp_problem problem;
	struct smpp_pdu pdu;

	(void)state;
	assert_int_equal(smpp_pdu_decode(seen.at, seen.n, &pdu, &problem), SMPP_OK);
	smpp_concat_info(&pdu, &info);
	assert_int_equal(info.total, 3);
	assert_int_equal(info.seqnum, 2);
	assert_memory_equal(info.body.at, "xxxxxxxxxxx", 11);
}

static void test_mask__takes_a_header_past_the_end_for_text(void **state)
{
	static const char text[] = "secret part";
	struct octets deliver = deliver_of(0x40, text, sizeof text - 1);
	struct octets seen = masked(&deliver, false, false);

	(void)state;
	assert_true(holds(&seen, "xxxxxxxxxxx"));
}

/* ---- what cannot be read ---- */

static void test_mask__hides_all_behind_the_field_that_cannot_be_read(void **state)
{
	/* A password of nine characters, which leaves its NUL out of bounds (5.2.2). */
	struct octets bind = pdu_of("00000009 00000000 00000001 65736d6500 73656372657430303900 "
				    "00 34 00 00 00");
	struct octets seen = masked(&bind, true, true);

	(void)state;
	assert_false(holds(&seen, "secret"));
	assert_true(holds(&seen, "esme"));
}

static void test_mask__hides_an_unknown_command_unless_all_may_be_seen(void **state)
{
	(void)state;
	struct octets unknown = pdu_of("0000010a 00000000 00000006 73656372657400");
	struct octets seen = masked(&unknown, true, false);

	assert_false(holds(&seen, "secret"));
	seen = masked(&unknown, true, true);
	assert_true(holds(&seen, "secret"));
}

/* Carriers put numbers and IMSIs into TLVs of their own. */
static void test_mask__hides_a_tlv_that_nobody_knows_unless_all_may_be_seen(void **state)
{
	(void)state;
	struct octets resp =
		pdu_of("80000004 00000000 00000005 6900 1403 0003 414243 0700 0002 4445");
	struct octets bind = pdu_of("00000009 00000000 00000001 6500 7000 00 34 00 00 00 "
				    "1400 0003 414243");
	struct octets gone = masked(&resp, false, true);

	assert_false(holds(&gone, "ABC"));
	assert_false(holds(&gone, "DE"));
	gone = masked(&resp, true, false);
	assert_false(holds(&gone, "ABC"));
	gone = masked(&resp, true, true);
	assert_memory_equal(gone.at, resp.at, resp.n);
	gone = masked(&bind, true, true);
	assert_false(holds(&gone, "ABC"));
}

static void test_mask__leaves_the_header_of_what_is_no_pdu(void **state)
{
	static const char *const texts[] = { "HTTP/1.1 400 Bad Request: secret", "HTTP/1.1 400 Bad",
					     "HTTP", "" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct octets garbage = { .n = strlen(texts[i]) };
		struct octets seen;

		memcpy(garbage.at, texts[i], garbage.n);
		seen = masked(&garbage, true, true);
		for (size_t k = 0; k < garbage.n; k++)
			assert_int_equal(seen.at[k], k < 16 ? (uint8_t)texts[i][k] : 'x');
	}
}

/* Cut anywhere, with a command_length that is true or not: no secret comes through. */
static void test_mask__survives_every_truncation(void **state)
{
	const char *const whole[] = { bind_hex, submit_hex };

	(void)state;
	for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
		struct octets pdu = pdu_of(whole[i]);

		for (size_t n = 0; n <= pdu.n; n++) {
			struct octets cut = pdu;
			struct octets seen;

			cut.n = n;
			seen = masked(&cut, false, false);
			assert_false(holds(&seen, "ecr"));
			assert_false(holds(&seen, "4917"));
			if (n >= 4)
				set_length(&cut);
			seen = masked(&cut, false, false);
			assert_false(holds(&seen, "ecr"));
			assert_false(holds(&seen, "4917"));
		}
	}
}

static void test_mask__survives_every_flip(void **state)
{
	struct octets pdu = deliver_of(0x44, receipt_text, sizeof receipt_text - 1);

	(void)state;
	for (size_t i = 0; i < pdu.n; i++) {
		for (unsigned flip = 1; flip < 256; flip++) {
			struct octets flipped = pdu;

			flipped.at[i] ^= (uint8_t)flip;
			smpp_mask(flipped.at, flipped.n, false, false);
			smpp_mask(flipped.at, flipped.n, false, true);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mask__hides_the_password_whatever_may_be_seen),
		cmocka_unit_test(test_mask__hides_text_and_number_and_nothing_else),
		cmocka_unit_test(test_mask__shows_what_may_be_seen),
		cmocka_unit_test(test_mask__touches_no_other_field_of_any_pdu),
		cmocka_unit_test(test_mask__leaves_the_carriers_words_of_a_receipt),
		cmocka_unit_test(test_mask__hides_a_receipt_that_anybody_may_have_written),
		cmocka_unit_test(test_mask__hides_words_between_those_of_a_receipt),
		cmocka_unit_test(test_mask__leaves_a_user_data_header),
		cmocka_unit_test(test_mask__takes_a_header_past_the_end_for_text),
		cmocka_unit_test(test_mask__hides_all_behind_the_field_that_cannot_be_read),
		cmocka_unit_test(test_mask__hides_an_unknown_command_unless_all_may_be_seen),
		cmocka_unit_test(test_mask__hides_a_tlv_that_nobody_knows_unless_all_may_be_seen),
		cmocka_unit_test(test_mask__leaves_the_header_of_what_is_no_pdu),
		cmocka_unit_test(test_mask__survives_every_truncation),
		cmocka_unit_test(test_mask__survives_every_flip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
