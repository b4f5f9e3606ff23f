/*
 * Parts: the limits at their edges, cuts that part nothing, headers and TLVs both ways, and hostile
 * headers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "smpp/concat.h"

#define GSM7	SMPP_ALPHABET_GSM7
#define UCS2	SMPP_ALPHABET_UCS2
#define LATIN1	SMPP_ALPHABET_LATIN1
#define ASCII	SMPP_ALPHABET_ASCII
#define BINARY	SMPP_ALPHABET_BINARY
#define NONE	SMPP_CONCAT_NONE
#define UDH8	SMPP_CONCAT_UDH8
#define UDH16	SMPP_CONCAT_UDH16
#define SAR	SMPP_CONCAT_SAR
#define PAYLOAD SMPP_CONCAT_PAYLOAD

enum {
	LONGEST = 70000,
};

static uint8_t *text_of(uint8_t octet)
{
	static uint8_t text[LONGEST];

	memset(text, octet, sizeof text);
	return text;
}

/* ---- Cutting ---- */

/* GSM 03.40, 9.2.3.24.1 and 9.2.3.24.8; SMPP 3.4, 5.2.21 */
static void test_concat__limits_hold_at_their_edges(void **state)
{
	static const struct {
		unsigned alphabet, method;
		size_t single, part;
	} rows[] = {
		{ GSM7, UDH8, 160, 153 },   { GSM7, UDH16, 160, 152 },	{ GSM7, SAR, 160, 153 },
		{ ASCII, UDH8, 160, 153 },  { LATIN1, UDH8, 140, 134 }, { LATIN1, UDH16, 140, 133 },
		{ BINARY, UDH8, 140, 134 }, { UCS2, UDH8, 140, 134 },	{ UCS2, UDH16, 140, 132 },
		{ UCS2, SAR, 140, 134 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t unit = rows[i].alphabet == UCS2 ? 2 : 1, single = rows[i].single,
		       part = rows[i].part;
		const struct {
			size_t n;
			unsigned parts;
		} edges[] = {
			{ 0, 1 },
			{ unit, 1 },
			{ single - unit, 1 },
			{ single, 1 },
			{ single + unit, 2 },
			{ 2 * part, 2 },
			{ 2 * part + unit, 3 },
			{ 254 * part, 254 },
			{ 254 * part + unit, 255 },
			{ 255 * part, 255 },
		};
		struct smpp_concat_plan plan;

		for (size_t k = 0; k < sizeof edges / sizeof edges[0]; k++) {
			assert_int_equal(smpp_concat_plan(rows[i].alphabet, text_of('a'),
							  edges[k].n, rows[i].method, &plan),
					 SMPP_CONCAT_OK);
			assert_int_equal(plan.pdus, edges[k].parts);
			assert_int_equal(plan.radio_parts, edges[k].parts);
			assert_int_equal(plan.method, edges[k].parts == 1 ? NONE : rows[i].method);
		}
		assert_int_equal(smpp_concat_plan(rows[i].alphabet, text_of('a'), 255 * part + unit,
						  rows[i].method, &plan),
				 SMPP_CONCAT_TOO_LONG);
		assert_int_equal(plan.pdus, 0);
		assert_int_equal(plan.radio_parts, 256);
		assert_int_equal(smpp_concat_single_octets(rows[i].alphabet), single);
		assert_int_equal(smpp_concat_part_octets(rows[i].alphabet, rows[i].method), part);
	}
}

static void test_concat__one_part_is_all_that_none_allows(void **state)
{
	struct smpp_concat_plan plan;

	(void)state;
	assert_int_equal(smpp_concat_plan(GSM7, text_of('a'), 160, NONE, &plan), SMPP_CONCAT_OK);
	assert_int_equal(smpp_concat_plan(GSM7, text_of('a'), 161, NONE, &plan),
			 SMPP_CONCAT_TOO_LONG);
	assert_int_equal(plan.pdus, 0);
}

/* SMPP 3.4, 5.3.2.32: the SMSC cuts, and the handset gets as many short messages */
static void test_concat__payload_is_one_pdu_of_many_radio_parts(void **state)
{
	struct smpp_concat_plan plan;
	struct smpp_concat_part part;

	(void)state;
	assert_int_equal(smpp_concat_plan(GSM7, text_of('a'), 154 * 2, PAYLOAD, &plan),
			 SMPP_CONCAT_OK);
	assert_int_equal(plan.pdus, 1);
	assert_int_equal(plan.radio_parts, 3);
	smpp_concat_part(&plan, 0, 0, &part);
	assert_true(part.in_payload);
	assert_int_equal(part.n, 308);
	assert_int_equal(part.esm_class, 0);
	assert_int_equal(part.udh_n, 0);
	assert_false(part.sar);
	assert_int_equal(smpp_concat_plan(GSM7, text_of('a'), 160, PAYLOAD, &plan), SMPP_CONCAT_OK);
	smpp_concat_part(&plan, 0, 0, &part);
	assert_false(part.in_payload);
	assert_int_equal(smpp_concat_plan(GSM7, text_of('a'), 255 * 153 + 1, PAYLOAD, &plan),
			 SMPP_CONCAT_TOO_LONG);
	assert_int_equal(smpp_concat_plan(BINARY, text_of('a'), LONGEST, PAYLOAD, &plan),
			 SMPP_CONCAT_TOO_LONG);
}

/* Parts together are the text again, each within the limit and none empty. */
static void expect_whole(const struct smpp_concat_plan *plan, const uint8_t *text, size_t n)
{
	size_t limit = smpp_concat_part_octets(plan->alphabet, plan->method), at = 0;

	for (uint16_t i = 0; i < plan->pdus; i++) {
		struct smpp_concat_part part;

		smpp_concat_part(plan, i, 0, &part);
		assert_ptr_equal(part.at, text + at);
		assert_true(part.n > 0 && part.n <= limit);
		assert_int_equal(part.seqnum, i + 1);
		assert_int_equal(part.total, plan->pdus);
		at += part.n;
	}
	assert_int_equal(at, n);
}

/* GSM 03.38, 6.2.1.1: an escape and its character are one */
static void test_concat__never_parts_an_escape_from_its_character(void **state)
{
	(void)state;
	for (size_t lead = 140; lead < 160; lead++) {
		uint8_t *text = text_of('a');
		struct smpp_concat_plan plan;
		struct smpp_concat_part part;

		for (size_t i = lead; i + 1 < 400; i += 2) {
			text[i] = 0x1B;
			text[i + 1] = 0x65;
		}
		assert_int_equal(smpp_concat_plan(GSM7, text, 400, UDH8, &plan), SMPP_CONCAT_OK);
		expect_whole(&plan, text, 400);
		for (uint16_t i = 0; i < plan.pdus; i++) {
			smpp_concat_part(&plan, i, 0, &part);
			assert_int_not_equal(part.at[0], 0x65);
			assert_int_not_equal(part.at[part.n - 1], 0x1B);
		}
	}
}

static void test_concat__an_escape_at_the_limit_moves_to_the_next_part(void **state)
{
	uint8_t *text = text_of('a');
	struct smpp_concat_plan plan;

	(void)state;
	text[152] = 0x1B;
	assert_int_equal(smpp_concat_plan(GSM7, text, 2 * 153, UDH8, &plan), SMPP_CONCAT_OK);
	assert_int_equal(plan.pdus, 3);
	assert_int_equal(plan.starts[1], 152);
	text[152] = 'a';
	text[151] = 0x1B;
	assert_int_equal(smpp_concat_plan(GSM7, text, 2 * 153, UDH8, &plan), SMPP_CONCAT_OK);
	assert_int_equal(plan.pdus, 2);
	text[152] = 0x1B; /* an escaped escape is whole at 153 */
	assert_int_equal(smpp_concat_plan(GSM7, text, 2 * 153, UDH8, &plan), SMPP_CONCAT_OK);
	assert_int_equal(plan.starts[1], 153);
}

static void test_concat__never_parts_a_surrogate_pair(void **state)
{
	static const uint8_t pair[4] = { 0xD8, 0x3D, 0xDE, 0x00 };

	(void)state;
	for (size_t lead = 120; lead <= 134; lead += 2) {
		uint8_t *text = text_of(0);
		struct smpp_concat_plan plan;
		struct smpp_concat_part part;

		for (size_t i = lead; i + 4 <= 600; i += 4)
			memcpy(text + i, pair, 4);
		assert_int_equal(smpp_concat_plan(UCS2, text, 600, UDH8, &plan), SMPP_CONCAT_OK);
		expect_whole(&plan, text, 600);
		for (uint16_t i = 0; i < plan.pdus; i++) {
			smpp_concat_part(&plan, i, 0, &part);
			assert_int_equal(part.n % 2, 0);
			assert_int_not_equal(part.at[0], 0xDE);
			assert_int_not_equal(part.at[part.n - 2], 0xD8);
		}
	}
}

static void test_concat__any_octets_are_cut_whole(void **state)
{
	uint32_t seed = 3;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		uint8_t *text = text_of(0);
		unsigned alphabet = (unsigned)round % SMPP_ALPHABETS,
			 method = 1 + (unsigned)round % 3;
		size_t n = 161 + (unsigned)round;
		struct smpp_concat_plan plan;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = seed >> 30 == 0 ? 0x1B : (uint8_t)(seed >> 24);
		}
		assert_int_equal(smpp_concat_plan(alphabet, text, n, method, &plan),
				 SMPP_CONCAT_OK);
		expect_whole(&plan, text, n);
	}
}

static void test_concat__udh_and_flag_go_together(void **state)
{
	struct smpp_concat_plan plan;
	struct smpp_concat_part part;
	uint8_t octets[SMPP_MAX_SHORT_MESSAGE];

	(void)state;
	assert_int_equal(smpp_concat_plan(GSM7, text_of('a'), 154 + 153, UDH8, &plan),
			 SMPP_CONCAT_OK);
	smpp_concat_part(&plan, 2, 0xAB, &part);
	assert_int_equal(part.udh_n, 6);
	assert_memory_equal(part.udh, "\x05\x00\x03\xAB\x03\x03", 6);
	assert_int_equal(part.esm_class, 0x40);
	assert_false(part.sar);
	assert_int_equal(smpp_concat_short_message(&part, octets), 7);
	assert_memory_equal(octets,
			    "\x05\x00\x03\xAB\x03\x03"
			    "a",
			    7);
	assert_int_equal(smpp_concat_plan(GSM7, text_of('a'), 161, UDH16, &plan), SMPP_CONCAT_OK);
	smpp_concat_part(&plan, 0, 0xABCD, &part);
	assert_int_equal(part.udh_n, 7);
	assert_memory_equal(part.udh, "\x06\x08\x04\xAB\xCD\x02\x01", 7);
	assert_int_equal(part.esm_class, 0x40);
	assert_int_equal(smpp_concat_short_message(&part, octets), 159);
	assert_int_equal(smpp_concat_plan(GSM7, text_of('a'), 161, SAR, &plan), SMPP_CONCAT_OK);
	smpp_concat_part(&plan, 1, 0xABCD, &part);
	assert_true(part.sar);
	assert_int_equal(part.udh_n, 0);
	assert_int_equal(part.esm_class, 0);
	assert_int_equal(part.ref, 0xABCD);
	assert_int_equal(part.total, 2);
	assert_int_equal(part.seqnum, 2);
	assert_int_equal(smpp_concat_plan(GSM7, text_of('a'), 160, UDH8, &plan), SMPP_CONCAT_OK);
	smpp_concat_part(&plan, 0, 0, &part);
	assert_int_equal(part.udh_n, 0);
	assert_int_equal(part.esm_class, 0);
	assert_false(part.sar);
	assert_int_equal(smpp_concat_refs(UDH8), 256);
	assert_int_equal(smpp_concat_refs(UDH16), 65536);
	assert_int_equal(smpp_concat_refs(SAR), 65536);
	assert_int_equal(smpp_concat_refs(PAYLOAD), 0);
}

/* ---- Reading ---- */

struct made {
	struct smpp_pdu pdu;
	uint8_t octets[256];
};

/* An incoming message with these octets, which begin with a header if udhi. */
static void make(struct made *made, const void *octets, size_t n, bool udhi)
{
	assert_true(n <= sizeof made->octets);
	smpp_pdu_init(&made->pdu, SMPP_deliver_sm, 1);
	memcpy(made->octets, octets, n);
	made->pdu.short_message = (struct smpp_octets){ .at = made->octets, .n = (uint32_t)n };
	made->pdu.esm_class = udhi ? 0x40 : 0;
}

static void add_int(struct made *made, uint16_t tag, uint32_t value)
{
	assert_int_equal(smpp_pdu_tlv_add_int(&made->pdu, tag, value), SMPP_OK);
}

static void test_concat__reads_back_what_it_writes(void **state)
{
	static const unsigned methods[] = { UDH8, UDH16, SAR };

	(void)state;
	for (size_t m = 0; m < 3; m++) {
		struct smpp_concat_plan plan;

		assert_int_equal(smpp_concat_plan(GSM7, text_of('a'), 1000, methods[m], &plan),
				 SMPP_CONCAT_OK);
		for (uint16_t i = 0; i < plan.pdus; i++) {
			uint8_t octets[SMPP_MAX_SHORT_MESSAGE];
			struct smpp_concat_part part;
			struct smpp_concat_info info;
			struct made made;

			smpp_concat_part(&plan, i, 201, &part);
			make(&made, octets, smpp_concat_short_message(&part, octets),
			     part.esm_class == 0x40);
			if (part.sar) {
				add_int(&made, SMPP_TLV_sar_msg_ref_num, part.ref);
				add_int(&made, SMPP_TLV_sar_total_segments, part.total);
				add_int(&made, SMPP_TLV_sar_segment_seqnum, part.seqnum);
			}
			smpp_concat_info(&made.pdu, &info);
			assert_int_equal(info.method, methods[m]);
			assert_int_equal(info.ref, 201);
			assert_int_equal(info.total, plan.pdus);
			assert_int_equal(info.seqnum, i + 1);
			assert_int_equal(info.flags, 0);
			assert_int_equal(info.body.n, part.n);
			assert_int_equal(info.udh.n, part.udh_n);
		}
	}
}

/* Each is delivered alone and flagged; body_n is what is left of the octets. */
static void test_concat__hostile_headers_leave_the_part_alone(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		unsigned flags;
		uint32_t body_n;
	} rows[] = {
		{ "\x05\x00\x03\x01\x00\x00z", 7, SMPP_CONCAT_BAD_COUNT, 1 },
		{ "\x05\x00\x03\x01\x00\x01z", 7, SMPP_CONCAT_BAD_COUNT, 1 },
		{ "\x05\x00\x03\x01\x02\x00z", 7, SMPP_CONCAT_BAD_COUNT, 1 },
		{ "\x05\x00\x03\x01\x02\x03z", 7, SMPP_CONCAT_BAD_COUNT, 1 },
		{ "\x06\x08\x04\x01\x01\x02\x03z", 8, SMPP_CONCAT_BAD_COUNT, 1 },
		{ "\x05\x00\x03\x01\x02", 5, SMPP_CONCAT_UDH_OVERRUN, 5 },
		{ "\xFFz", 2, SMPP_CONCAT_UDH_OVERRUN, 2 },
		{ "\x05", 1, SMPP_CONCAT_UDH_OVERRUN, 1 },
		{ "", 0, SMPP_CONCAT_UDH_OVERRUN, 0 },
		{ "\x05\x00\x04\x01\x02\x01z", 7, SMPP_CONCAT_IE_OVERRUN, 1 },
		{ "\x05\x00\xFF\x01\x02\x01z", 7, SMPP_CONCAT_IE_OVERRUN, 1 },
		{ "\x01\x00z", 3, SMPP_CONCAT_IE_OVERRUN, 1 },
		{ "\x04\x00\x02\x01\x02z", 6, SMPP_CONCAT_IE_OVERRUN, 1 },
		{ "\x05\x08\x03\x01\x02\x01z", 7, SMPP_CONCAT_IE_OVERRUN, 1 },
		{ "\x06\x00\x04\x01\x02\x01\x01z", 8, SMPP_CONCAT_IE_OVERRUN, 1 },
		{ "\x0A\x00\x03\x01\x02\x01\x00\x03\x01\x03\x01z", 12, SMPP_CONCAT_CONFLICT, 1 },
		{ "\x0A\x00\x03\x01\x02\x01\x00\x03\x02\x02\x01z", 12, SMPP_CONCAT_CONFLICT, 1 },
		{ "\x0B\x00\x03\x01\x02\x01\x08\x04\x00\x01\x02\x02z", 13, SMPP_CONCAT_CONFLICT,
		  1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct smpp_concat_info info;
		struct made made;

		make(&made, rows[i].octets, rows[i].n, true);
		smpp_concat_info(&made.pdu, &info);
		assert_int_equal(info.flags, rows[i].flags);
		assert_int_equal(info.method, NONE);
		assert_int_equal(info.total, 1);
		assert_int_equal(info.seqnum, 1);
		assert_int_equal(info.body.n, rows[i].body_n);
	}
}

static void test_concat__other_elements_are_stepped_over(void **state)
{
	static const char octets[] = "\x0C\x05\x04\x0B\x84\x23\xF0\x00\x03\x07\x02\x01\x01"
				     "z";
	struct smpp_concat_info info;
	struct made made;

	(void)state;
	make(&made, "\x0B\x05\x04\x0B\x84\x23\xF0\x00\x03\x07\x02\x01z", 13, true);
	smpp_concat_info(&made.pdu, &info);
	assert_int_equal(info.method, UDH8);
	assert_int_equal(info.ref, 7);
	assert_int_equal(info.udh.n, 12);
	assert_int_equal(info.body.n, 1);
	make(&made, octets, sizeof octets - 1, true); /* one octet is over behind the last one */
	smpp_concat_info(&made.pdu, &info);
	assert_int_equal(info.flags, SMPP_CONCAT_IE_OVERRUN);
	make(&made, "\x05\x00\x03\x01\x02\x01z", 7, false);
	smpp_concat_info(&made.pdu, &info);
	assert_int_equal(info.method, NONE);
	assert_int_equal(info.body.n, 7);
	assert_int_equal(info.flags, 0);
	make(&made, "\0z", 2, true); /* an empty header */
	smpp_concat_info(&made.pdu, &info);
	assert_int_equal(info.method, NONE);
	assert_int_equal(info.body.n, 1);
	assert_int_equal(info.flags, 0);
}

/* SMPP 3.4, 5.3.2.22 to 5.3.2.24 */
static void test_concat__sar_tlvs_stand_together_or_not_at_all(void **state)
{
	struct smpp_concat_info info;
	struct made made;

	(void)state;
	for (unsigned have = 1; have < 7; have++) {
		make(&made, "z", 1, false);
		if (have & 1)
			add_int(&made, SMPP_TLV_sar_msg_ref_num, 1);
		if (have & 2)
			add_int(&made, SMPP_TLV_sar_total_segments, 2);
		if (have & 4)
			add_int(&made, SMPP_TLV_sar_segment_seqnum, 1);
		smpp_concat_info(&made.pdu, &info);
		assert_int_equal(info.flags, SMPP_CONCAT_SAR_PARTIAL);
		assert_int_equal(info.method, NONE);
	}
	make(&made, "\x05\x00\x03\x01\x02\x01z", 7, true);
	add_int(&made, SMPP_TLV_sar_msg_ref_num, 9);
	add_int(&made, SMPP_TLV_sar_total_segments, 2);
	add_int(&made, SMPP_TLV_sar_segment_seqnum, 1);
	smpp_concat_info(&made.pdu, &info);
	assert_int_equal(info.method, UDH8);
	assert_int_equal(info.flags, 0);
	make(&made, "\x05\x00\x03\x01\x02\x01z", 7, true);
	add_int(&made, SMPP_TLV_sar_msg_ref_num, 1);
	add_int(&made, SMPP_TLV_sar_total_segments, 2);
	add_int(&made, SMPP_TLV_sar_segment_seqnum, 2);
	smpp_concat_info(&made.pdu, &info);
	assert_int_equal(info.flags, SMPP_CONCAT_CONFLICT);
}

/* SMPP 3.4, 5.2.12 and 5.3.2.32 */
static void test_concat__reads_a_header_in_message_payload(void **state)
{
	struct smpp_concat_info info;
	struct smpp_pdu pdu;

	(void)state;
	smpp_pdu_init(&pdu, SMPP_data_sm, 1);
	pdu.esm_class = 0x40;
	assert_int_equal(
		smpp_pdu_tlv_add(
			&pdu, SMPP_TLV_message_payload,
			(struct smpp_octets){ (const uint8_t *)"\x05\x00\x03\x2A\x02\x02z", 7 }),
		SMPP_OK);
	smpp_concat_info(&pdu, &info);
	assert_int_equal(info.method, UDH8);
	assert_int_equal(info.ref, 0x2A);
	assert_int_equal(info.body.n, 1);
	pdu.command_id = SMPP_enquire_link;
	smpp_concat_info(&pdu, &info);
	assert_int_equal(info.method, NONE);
	assert_int_equal(info.body.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_concat__limits_hold_at_their_edges),
		cmocka_unit_test(test_concat__one_part_is_all_that_none_allows),
		cmocka_unit_test(test_concat__payload_is_one_pdu_of_many_radio_parts),
		cmocka_unit_test(test_concat__never_parts_an_escape_from_its_character),
		cmocka_unit_test(test_concat__an_escape_at_the_limit_moves_to_the_next_part),
		cmocka_unit_test(test_concat__never_parts_a_surrogate_pair),
		cmocka_unit_test(test_concat__any_octets_are_cut_whole),
		cmocka_unit_test(test_concat__udh_and_flag_go_together),
		cmocka_unit_test(test_concat__reads_back_what_it_writes),
		cmocka_unit_test(test_concat__hostile_headers_leave_the_part_alone),
		cmocka_unit_test(test_concat__other_elements_are_stepped_over),
		cmocka_unit_test(test_concat__sar_tlvs_stand_together_or_not_at_all),
		cmocka_unit_test(test_concat__reads_a_header_in_message_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
