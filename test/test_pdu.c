/*
 * The codec on whole and healthy PDUs: what each looks like on the wire, that decode and encode
 * are inverses, and that no damage to a PDU does harm. What encode refuses is in
 * test_pdu_encode.c, what receiving tolerates in test_pdu_flaws.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smpp/status.h"
#include "test/pdu_full.h"
#include "test/pdu_survives.h"
#include "test/pdu_vectors.h"

/* --- What each PDU looks like -------------------------------------------------------------- */

struct expected {
	const struct vector *vector;
	size_t next;
};

/* A field's value as the vectors write it. */
static void value_text(const struct smpp_field *field, char *text, size_t cap)
{
	struct smpp_octets value = field->value;

	if (field->has_number) {
		snprintf(text, cap, "%u", field->number);
	} else if (field->type == SMPP_TYPE_CSTRING || field->type == SMPP_TYPE_TIME ||
		   field->type == SMPP_TYPE_DATE) {
		snprintf(text, cap, "\"%.*s\"", (int)value.n,
			 value.n ? (const char *)value.at : "");
	} else {
		snprintf(text, cap, "-");
		for (uint32_t i = 0; i < value.n; i++)
			snprintf(text + 2 * i, cap - 2 * i, "%02x", value.at[i]);
	}
}

static void expect_field(void *ctx, const struct smpp_field *field)
{
	struct expected *expected = ctx;
	const struct vector_field *want = &expected->vector->fields[expected->next++];
	char text[256];

	assert_true(expected->next <= expected->vector->n_fields);
	value_text(field, text, sizeof text);
	assert_string_equal(field->name ? field->name : "-", want->name);
	assert_string_equal(text, want->value);
	assert_int_equal(field->offset, want->offset);
	assert_int_equal(field->octets, want->octets);
}

static void test_pdu__reads_every_pdu_as_laid_out(void **state)
{
	FILE *file = vector_file();
	struct vector vector;
	bool seen[SMPP_N_COMMANDS] = { false };

	(void)state;
	while (vector_next(file, &vector)) {
		struct expected expected = { .vector = &vector };
		struct smpp_problem why;
		struct smpp_pdu pdu;

		assert_int_equal(smpp_pdu_decode(vector.octets, vector.n, &pdu, &why), SMPP_OK);
		assert_int_equal(pdu.n_flaws, 0);
		smpp_pdu_visit(&pdu, expect_field, &expected);
		assert_int_equal(expected.next, vector.n_fields);
		seen[smpp_command(pdu.command_id) - smpp_commands] = true;
	}
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++)
		assert_true(seen[i]);
	fclose(file);
}

static void test_pdu__writes_every_pdu_as_laid_out(void **state)
{
	FILE *file = vector_file();
	struct vector vector;

	(void)state;
	while (vector_next(file, &vector)) {
		struct smpp_problem why;
		struct smpp_pdu pdu;
		uint8_t again[sizeof vector.octets];
		size_t n;

		assert_int_equal(smpp_pdu_decode(vector.octets, vector.n, &pdu, &why), SMPP_OK);
		assert_int_equal(smpp_pdu_encode(&pdu, again, sizeof again, &n, &why), SMPP_OK);
		assert_int_equal(n, vector.n);
		assert_memory_equal(again, vector.octets, n);
	}
	fclose(file);
}

/* A submit_sm made by hand, as intake makes it, against octets made by hand (4.4.1). */
static void test_pdu__encodes_a_submit_sm_from_members(void **state)
{
	static const uint8_t payload[] = { 0x00, 0x41 };
	struct smpp_problem why;
	struct smpp_pdu pdu;
	uint8_t want[128];
	uint8_t octets[128];
	size_t n_want = hex_octets("00000044 00000004 00000000 00000001 00 05 00 427200 01 01"
				   "3439313700 40 00 00 00"
				   "3030303030303130303030303030305200 01 00 08 00 02 0041"
				   "0204 0002 1234 020e 0001 02",
				   want, sizeof want);
	size_t n;

	(void)state;
	smpp_pdu_init(&pdu, SMPP_submit_sm, 1);
	pdu.source_addr_ton = 5;
	pdu.source_addr = smpp_octets_of("Br");
	pdu.dest_addr_ton = 1;
	pdu.dest_addr_npi = 1;
	pdu.destination_addr = smpp_octets_of("4917");
	pdu.esm_class = 0x40;
	pdu.validity_period = smpp_octets_of("000000100000000R");
	pdu.registered_delivery = 1;
	pdu.data_coding = 8;
	pdu.short_message = (struct smpp_octets){ .at = payload, .n = sizeof payload };
	assert_int_equal(smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_user_message_reference, 0x1234),
			 SMPP_OK);
	assert_int_equal(smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_sar_total_segments, 2), SMPP_OK);
	assert_int_equal(smpp_pdu_encode(&pdu, octets, sizeof octets, &n, &why), SMPP_OK);
	assert_int_equal(n, n_want);
	assert_memory_equal(octets, want, n);
}

/* --- Decode and encode are inverses -------------------------------------------------------- */

enum {
	MAX_FIELDS = 2000,
	ROOM = 70000,
};

struct field_list {
	struct smpp_field fields[MAX_FIELDS];
	size_t n;
};

static void collect(void *ctx, const struct smpp_field *field)
{
	struct field_list *list = ctx;

	assert_true(list->n < MAX_FIELDS);
	list->fields[list->n++] = *field;
}

static void assert_same_fields(const struct smpp_pdu *a, const struct smpp_pdu *b)
{
	static struct field_list lists[2];

	lists[0].n = 0;
	lists[1].n = 0;
	smpp_pdu_visit(a, collect, &lists[0]);
	smpp_pdu_visit(b, collect, &lists[1]);
	assert_int_equal(lists[0].n, lists[1].n);
	for (size_t i = 0; i < lists[0].n; i++) {
		const struct smpp_field *x = &lists[0].fields[i];
		const struct smpp_field *y = &lists[1].fields[i];

		assert_ptr_equal(x->name, y->name);
		assert_int_equal(x->tag, y->tag);
		assert_int_equal(x->offset, y->offset);
		assert_int_equal(x->octets, y->octets);
		/* Only decoding and encoding know how long the PDU is. */
		if (x->offset > 0)
			assert_int_equal(x->number, y->number);
		assert_true(smpp_octets_equal(x->value, y->value));
	}
}

static void test_pdu__decode_undoes_encode(void **state)
{
	static struct full_memory memory;
	static uint8_t first[2 * ROOM];
	static uint8_t second[2 * ROOM];

	(void)state;
	for (size_t i = 0; i < SMPP_N_COMMANDS * FULL_SIZES; i++) {
		struct smpp_problem why = { 0 };
		struct smpp_pdu made;
		struct smpp_pdu read;
		size_t n_first;
		size_t n_second;

		full_pdu(&made, &memory, i % FULL_SIZES, &smpp_commands[i / FULL_SIZES]);
		if (smpp_pdu_encode(&made, first, sizeof first, &n_first, &why) != SMPP_OK)
			fail_msg("%s: %s", why.field, why.text);
		assert_int_equal(smpp_pdu_decode(first, n_first, &read, &why), SMPP_OK);
		assert_int_equal(read.command_length, n_first);
		/* The TLV of the carrier's own is no flaw, and nothing else may be one. */
		assert_int_equal(read.n_flaws, 0);
		assert_same_fields(&made, &read);
		assert_int_equal(smpp_pdu_encode(&read, second, sizeof second, &n_second, &why),
				 SMPP_OK);
		assert_int_equal(n_first, n_second);
		assert_memory_equal(first, second, n_first);
	}
}

static void test_pdu__error_response_goes_without_body(void **state)
{
	struct smpp_problem why;
	struct smpp_pdu pdu;
	uint8_t octets[64];
	uint8_t want[16];
	size_t n;

	(void)state;
	hex_octets("00000010 80000004 00000058 00000007", want, sizeof want);
	smpp_pdu_init(&pdu, SMPP_submit_sm_resp, 7);
	pdu.command_status = SMPP_ESME_RTHROTTLED;
	pdu.body_absent = true;
	assert_int_equal(smpp_pdu_encode(&pdu, octets, sizeof octets, &n, &why), SMPP_OK);
	assert_int_equal(n, sizeof want);
	assert_memory_equal(octets, want, n);
}

/* --- No damage does harm (29) -------------------------------------------------------------- */

/* Encodes the full PDU into memory of exactly its size. */
static uint8_t *full_octets(size_t i, enum full_size size, size_t *n)
{
	static struct full_memory memory;
	static uint8_t room[2 * ROOM];
	struct smpp_problem why;
	struct smpp_pdu pdu;
	uint8_t *octets;

	full_pdu(&pdu, &memory, size, &smpp_commands[i]);
	assert_int_equal(smpp_pdu_encode(&pdu, room, sizeof room, n, &why), SMPP_OK);
	octets = malloc(*n);
	assert_non_null(octets);
	memcpy(octets, room, *n);
	return octets;
}

static void set_length(uint8_t *octets, size_t n)
{
	struct smpp_writer writer = smpp_writer_of(octets, 4);

	smpp_write_u32(&writer, (uint32_t)n);
}

static void test_pdu__survives_every_truncation(void **state)
{
	(void)state;
	for (size_t i = 0; i < SMPP_N_COMMANDS * FULL_PAYLOAD; i++) {
		size_t n;
		uint8_t *whole = full_octets(i / FULL_PAYLOAD, i % FULL_PAYLOAD, &n);

		for (size_t cut = 0; cut < n && cut < 4000; cut++) {
			uint8_t *octets = malloc(cut ? cut : 1);

			memcpy(octets, whole, cut);
			survives(octets, cut, false);
			if (cut >= SMPP_HEADER_OCTETS) {
				set_length(octets, cut);
				survives(octets, cut, cut % 16 == 0);
			}
			free(octets);
		}
		free(whole);
	}
}

static void flip_all(uint8_t *octets, size_t n, size_t at)
{
	uint8_t was = octets[at];

	for (unsigned value = 0; value < 256; value++) {
		octets[at] = (uint8_t)value;
		survives(octets, n, value % 64 == 0);
	}
	octets[at] = was;
}

/* All 255 other values of every octet. */
static void test_pdu__survives_every_change_of_an_octet_small(void **state)
{
	(void)state;
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++) {
		size_t n;
		uint8_t *octets = full_octets(i, FULL_SMALLEST, &n);

		for (size_t at = 0; at < n; at++)
			flip_all(octets, n, at);
		free(octets);
	}
}

/* Every octet turned over, and set to 0 and to 255. */
static void test_pdu__survives_every_change_of_an_octet_large(void **state)
{
	(void)state;
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++) {
		size_t n;
		uint8_t *octets = full_octets(i, FULL_LARGEST, &n);

		for (size_t at = 0; at < n && at < 1200; at++) {
			uint8_t was = octets[at];
			uint8_t values[] = { 0x00, 0xFF, (uint8_t)~was };

			for (size_t k = 0; k < sizeof values; k++) {
				octets[at] = values[k];
				survives(octets, n, false);
			}
			octets[at] = was;
		}
		free(octets);
	}
}

static void test_pdu__encode_fits_its_room_or_says_so(void **state)
{
	static struct full_memory memory;

	(void)state;
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++) {
		struct smpp_problem why;
		struct smpp_pdu pdu;
		size_t n;
		uint8_t *octets = full_octets(i, FULL_SMALLEST, &n);

		free(octets);
		full_pdu(&pdu, &memory, FULL_SMALLEST, &smpp_commands[i]);
		for (size_t cap = 0; cap < n; cap++) {
			size_t n_written = 1;

			octets = malloc(cap ? cap : 1);
			assert_int_equal(smpp_pdu_encode(&pdu, octets, cap, &n_written, &why),
					 SMPP_ENOSPACE);
			assert_int_equal(n_written, 0);
			free(octets);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pdu__reads_every_pdu_as_laid_out),
		cmocka_unit_test(test_pdu__writes_every_pdu_as_laid_out),
		cmocka_unit_test(test_pdu__encodes_a_submit_sm_from_members),
		cmocka_unit_test(test_pdu__decode_undoes_encode),
		cmocka_unit_test(test_pdu__error_response_goes_without_body),
		cmocka_unit_test(test_pdu__survives_every_truncation),
		cmocka_unit_test(test_pdu__survives_every_change_of_an_octet_small),
		cmocka_unit_test(test_pdu__survives_every_change_of_an_octet_large),
		cmocka_unit_test(test_pdu__encode_fits_its_room_or_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
