/*
 * What receiving tolerates and what it does not: one test for each rule on framing and parsing
 * (the numbers are those of test/checks.tsv). The bodies are made by hand from the
 * specification's tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smpp/pdu.h"
#include "smpp/status.h"
#include "test/hex.h"
#include "test/pdu_survives.h"

/* What the last decoding was given and said. The octets end where their memory ends. */
static struct {
	uint8_t *octets;
	size_t n;
	struct smpp_pdu pdu;
	struct smpp_problem why;
} last;

/* Decodes a body behind a header of the given command, status 0 or not, sequence_number 7. */
static enum smpp_error decode(uint32_t command_id, uint32_t command_status, const char *body)
{
	uint8_t room[70000];
	struct smpp_writer writer = smpp_writer_of(room, SMPP_HEADER_OCTETS);
	size_t n = SMPP_HEADER_OCTETS +
		   hex_octets(body, room + SMPP_HEADER_OCTETS, sizeof room - SMPP_HEADER_OCTETS);

	smpp_write_u32(&writer, (uint32_t)n);
	smpp_write_u32(&writer, command_id);
	smpp_write_u32(&writer, command_status);
	smpp_write_u32(&writer, 7);
	free(last.octets);
	last.octets = malloc(n);
	assert_non_null(last.octets);
	memcpy(last.octets, room, n);
	last.n = n;
	memset(&last.why, 0, sizeof last.why);
	survives(last.octets, n, true);
	return smpp_pdu_decode(last.octets, n, &last.pdu, &last.why);
}

static void assert_flaw(enum smpp_flaw_kind kind, const char *field, uint32_t offset)
{
	for (uint32_t i = 0; i < last.pdu.n_flaws; i++) {
		if (last.pdu.flaws[i].kind != kind || last.pdu.flaws[i].offset != offset)
			continue;
		assert_string_equal(last.pdu.flaws[i].field, field);
		assert_true(strlen(smpp_flaw_text(kind)) > 10);
		return;
	}
	fail_msg("no flaw '%s' at %u", smpp_flaw_text(kind), offset);
}

static void assert_only_flaw(enum smpp_flaw_kind kind, const char *field, uint32_t offset)
{
	assert_flaw(kind, field, offset);
	assert_int_equal(last.pdu.n_flaws, 1);
	assert_true(smpp_pdu_has_flaw(&last.pdu, kind));
}

static void assert_text(struct smpp_octets slice, const char *text)
{
	assert_true(smpp_octets_equal(slice, smpp_octets_of(text)));
}

/*
 * A submit_sm or deliver_sm (4.4.1, 4.6.1) from service_type to sm_default_msg_id: source 49,
 * destination 1, everything else null. sm_length follows at 35, short_message at 36.
 */
#define SM "00 0101 343900 0101 3100 000000 00 00 00000000 "

/* --- 1 to 8: framing ----------------------------------------------------------------------- */

static enum smpp_framing frame(const char *hex, uint32_t *length)
{
	uint8_t room[64];
	size_t n = hex_octets(hex, room, sizeof room);
	uint8_t *octets = malloc(n ? n : 1);
	enum smpp_framing framing;

	memcpy(octets, room, n);
	framing = smpp_frame(octets, n, SMPP_MAX_PDU_OCTETS, length);
	free(octets);
	return framing;
}

static void test_pdu_flaws__check_01_a_length_below_16_loses_the_frame(void **state)
{
	uint32_t length;

	(void)state;
	assert_int_equal(frame("00000000", &length), SMPP_FRAME_LOST);
	assert_int_equal(frame("0000000f 00000015", &length), SMPP_FRAME_LOST);
	assert_int_equal(frame("00000010", &length), SMPP_FRAME_MORE);
	assert_int_equal(length, 16);
}

static void test_pdu_flaws__check_02_a_length_above_max_pdu_loses_the_frame(void **state)
{
	uint32_t length;

	(void)state;
	assert_int_equal(frame("00011170", &length), SMPP_FRAME_MORE); /* 70,000 */
	assert_int_equal(length, 70000);
	assert_int_equal(frame("00011171", &length), SMPP_FRAME_LOST);
	/* "HTTP", of a web server on the port. */
	assert_int_equal(frame("48545450", &length), SMPP_FRAME_LOST);
}

static void test_pdu_flaws__check_03_a_length_with_its_high_bit_loses_the_frame(void **state)
{
	uint32_t length;

	(void)state;
	assert_int_equal(frame("80000000", &length), SMPP_FRAME_LOST);
	assert_int_equal(frame("80000010 00000015 00000000 00000001", &length), SMPP_FRAME_LOST);
	assert_int_equal(frame("ffffffff", &length), SMPP_FRAME_LOST);
}

static void test_pdu_flaws__check_04_a_frame_may_come_octet_by_octet(void **state)
{
	uint8_t octets[100 * 16];
	uint32_t length;
	size_t at = 0;
	unsigned pdus = 0;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		hex_octets("00000010 00000015 00000000 00000001", octets + 16 * i, 16);
	for (size_t n = 0; n < 16; n++) {
		assert_int_equal(smpp_frame(octets, n, 70000, &length), SMPP_FRAME_MORE);
		assert_int_equal(length, n < 4 ? 0 : 16);
	}
	while (smpp_frame(octets + at, sizeof octets - at, 70000, &length) == SMPP_FRAME_OK) {
		at += length;
		pdus++;
	}
	assert_int_equal(pdus, 100);
	assert_int_equal(at, sizeof octets);
}

static void test_pdu_flaws__check_05_half_a_pdu_says_what_it_waits_for(void **state)
{
	uint32_t length;

	(void)state;
	assert_int_equal(frame("00000040 00000004 00000000", &length), SMPP_FRAME_MORE);
	assert_int_equal(length, 64);
}

static void test_pdu_flaws__check_06_an_unknown_command_keeps_its_sequence_number(void **state)
{
	(void)state;
	assert_int_equal(decode(0x0000010A, 0, "010203"), SMPP_EUNKNOWN);
	assert_int_equal(last.why.status, SMPP_ESME_RINVCMDID);
	assert_string_equal(last.why.field, "command_id");
	assert_int_equal(last.pdu.command_id, 0x0000010A);
	assert_int_equal(last.pdu.sequence_number, 7);
	assert_int_equal(last.pdu.tlv_rest.n, 3);
}

static void test_pdu_flaws__check_07_an_unknown_response_is_told_by_its_bit(void **state)
{
	(void)state;
	assert_int_equal(decode(0x8000010A, 0, ""), SMPP_EUNKNOWN);
	assert_true(last.pdu.command_id & SMPP_RESP_BIT);
}

static void test_pdu_flaws__check_08_a_header_not_to_be_trusted_is_not_decoded(void **state)
{
	uint8_t octets[16];

	(void)state;
	hex_octets("00000011 00000015 00000000 00000009", octets, sizeof octets);
	assert_int_equal(smpp_pdu_decode(octets, 16, &last.pdu, &last.why), SMPP_EFRAME);
	assert_int_equal(last.why.status, SMPP_ESME_RINVCMDLEN);
	assert_int_equal(last.pdu.sequence_number, 0);
	assert_int_equal(smpp_pdu_decode(octets, 15, &last.pdu, &last.why), SMPP_EFRAME);
}

/* --- 9 to 16: parameters ------------------------------------------------------------------- */

static void assert_ends_in(const char *body, const char *field, uint32_t offset)
{
	assert_int_equal(decode(SMPP_submit_sm, 0, body), SMPP_EBODY);
	assert_int_equal(last.why.status, SMPP_ESME_RINVCMDLEN);
	assert_string_equal(last.why.field, field);
	assert_int_equal(last.why.offset, offset);
	assert_int_equal(last.pdu.params_end, offset);
	assert_int_equal(last.pdu.tlv_rest.n, last.n - offset);
}

static void test_pdu_flaws__check_09_a_body_that_ends_early_names_its_field(void **state)
{
	(void)state;
	assert_ends_in("", "service_type", 16);
	assert_ends_in("434d54", "service_type", 16);
	assert_ends_in("00", "source_addr_ton", 17);
	assert_ends_in("00 01 01 3439", "source_addr", 19);
	assert_text(last.pdu.service_type, "");
	assert_int_equal(last.pdu.source_addr_npi, 1);
	assert_ends_in("00 0101 343900 0101 3100 000000 32343031", "schedule_delivery_time", 29);
	assert_ends_in(SM, "sm_length", 35);
}

static void test_pdu_flaws__check_09_an_early_end_within_a_group(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_submit_multi, 0, "00 0101 3100 02 01 0101 343900 01 01"),
			 SMPP_EBODY);
	assert_string_equal(last.why.field, "dest_addr_npi");
	assert_int_equal(last.why.status, SMPP_ESME_RINVCMDLEN);
	/* The entry that was whole is there, the other is not. */
	assert_int_equal(last.pdu.dest_address.n, 6);
	assert_int_equal(last.pdu.params_end, 22 + 6);
}

static void test_pdu_flaws__check_09_a_dest_flag_that_is_neither(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_submit_multi, 0, "00 0101 3100 01 03 0101 343900"),
			 SMPP_EBODY);
	assert_string_equal(last.why.field, "dest_flag");
	assert_int_equal(last.why.status, SMPP_ESME_RINVDESTFLAG);
	assert_int_equal(last.why.offset, 22);
}

static void test_pdu_flaws__check_10_what_follows_the_parameters_is_tlvs(void **state)
{
	static const char *const bodies[] = { "00 ff", "00 ffff", "00 ffffff" };

	(void)state;
	assert_int_equal(decode(SMPP_deliver_sm_resp, 0, "00 1500 0001 41"), SMPP_OK);
	assert_int_equal(last.pdu.n_tlvs, 1);
	assert_int_equal(last.pdu.n_flaws, 0);
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		assert_int_equal(decode(SMPP_deliver_sm_resp, 0, bodies[i]), SMPP_OK);
		assert_only_flaw(SMPP_FLAW_LEFTOVER, "tlv", 17);
		assert_int_equal(last.pdu.tlv_rest.n, i + 1);
	}
	/* 57: an enquire_link_resp with a body. */
	assert_int_equal(decode(SMPP_enquire_link_resp, 0, "00"), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_LEFTOVER, "tlv", 16);
}

static void test_pdu_flaws__check_11_strings_longer_than_allowed_are_taken(void **state)
{
	(void)state;
	/* "smscsim": 7 and a NUL, where 6 is the most. */
	assert_int_equal(decode(SMPP_deliver_sm, 0,
				"736d736373696d00 0101 343900 0101 3100 000000 00 00 00000000 00"),
			 SMPP_OK);
	assert_only_flaw(SMPP_FLAW_TOO_LONG, "service_type", 16);
	assert_text(last.pdu.service_type, "smscsim");
	/* 21 characters are one too many in a submit_sm and welcome in a data_sm. */
	assert_int_equal(
		decode(SMPP_query_sm, 0, "00 0101 313233343536373839303132333435363738393031 00"),
		SMPP_OK);
	assert_only_flaw(SMPP_FLAW_TOO_LONG, "source_addr", 19);
	assert_int_equal(last.pdu.source_addr.n, 21);
	assert_int_equal(
		decode(SMPP_data_sm, 0,
		       "00 0101 313233343536373839303132333435363738393031 00 0101 3100 000000"),
		SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
}

static void test_pdu_flaws__check_12_octets_that_are_not_ascii_are_kept(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_submit_sm_resp, 0, "41ff7f01 00"), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_NOT_ASCII, "message_id", 16);
	assert_text(last.pdu.message_id, "A\xff\x7f\x01");
}

static void test_pdu_flaws__check_13_empty_strings_are_legal(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_bind_transceiver, 0, "00 00 00 34 00 00 00"), SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
	assert_int_equal(last.pdu.system_id.n + last.pdu.password.n + last.pdu.address_range.n, 0);
	assert_int_equal(last.pdu.interface_version, 0x34);
}

static void test_pdu_flaws__check_14_times_of_other_lengths_are_flagged(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_replace_sm, 0, "3100 0101 3100 323430313032 00 00 00 00 00"),
			 SMPP_OK);
	assert_only_flaw(SMPP_FLAW_DATE_LENGTH, "schedule_delivery_time", 22);
	assert_text(last.pdu.schedule_delivery_time, "240102");
	assert_int_equal(decode(SMPP_query_sm_resp, 0, "3100 00 02 00"), SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
	assert_int_equal(decode(SMPP_query_sm_resp, 0, "3100 323430313032313533303030 00 02 00"),
			 SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
	assert_int_equal(decode(SMPP_query_sm_resp, 0, "3100 3234303130323135333030 00 02 00"),
			 SMPP_OK);
	assert_only_flaw(SMPP_FLAW_DATE_LENGTH, "final_date", 18);
}

static void test_pdu_flaws__check_14_a_date_where_null_must_be(void **state)
{
	(void)state;
	assert_int_equal(
		decode(SMPP_deliver_sm, 0, "00 0101 343900 0101 3100 000000 31 00 00 00000000 00"),
		SMPP_OK);
	assert_only_flaw(SMPP_FLAW_NOT_NULL, "schedule_delivery_time", 29);
	assert_int_equal(
		decode(SMPP_deliver_sm, 0, "00 0101 343900 0101 3100 000000 00 00 00 01 00 00 00"),
		SMPP_OK);
	assert_only_flaw(SMPP_FLAW_NOT_NULL, "replace_if_present_flag", 32);
}

static void test_pdu_flaws__check_15_an_sm_length_of_255_is_read(void **state)
{
	char body[1024];
	int n = snprintf(body, sizeof body, SM "ff ");

	(void)state;
	for (int i = 0; i < 255; i++)
		snprintf(body + n + 2 * i, sizeof body - (size_t)(n + 2 * i), "%02x", i);
	assert_int_equal(decode(SMPP_deliver_sm, 0, body), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_SM_LENGTH_255, "short_message", 36);
	assert_int_equal(last.pdu.short_message.n, 255);
	assert_int_equal(last.pdu.short_message.at[254], 254);
	/* 254 is the most that is in order. */
	body[n - 3] = 'f';
	body[n - 2] = 'e';
	body[n + 2 * 254] = '\0';
	assert_int_equal(decode(SMPP_deliver_sm, 0, body), SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
	assert_int_equal(last.pdu.short_message.n, 254);
}

static void test_pdu_flaws__check_16_an_sm_length_past_the_end_takes_what_is_there(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_deliver_sm, 0, SM "10 69643a3132333435"), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_SM_LENGTH_PAST_END, "short_message", 36);
	assert_text(last.pdu.short_message, "id:12345");
	assert_int_equal(last.pdu.sm_length, 16);
	assert_int_equal(decode(SMPP_deliver_sm, 0, SM "01"), SMPP_OK);
	assert_int_equal(last.pdu.short_message.n, 0);
}

static void test_pdu_flaws__a_status_in_a_request_is_flagged(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_enquire_link, 5, ""), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_STATUS_IN_REQUEST, "command_status", 8);
}

static void test_pdu_flaws__a_count_out_of_range_is_flagged(void **state)
{
	(void)state;
	assert_int_equal(
		decode(SMPP_submit_multi, 0, "00 0101 3100 00 000000 00 00 00 00 00 00 00"),
		SMPP_OK);
	assert_only_flaw(SMPP_FLAW_COUNT, "number_of_dests", 21);
	assert_int_equal(decode(SMPP_submit_multi_resp, 0, "00 00"), SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
}

/* --- 17 to 23: texts and TLVs -------------------------------------------------------------- */

static void test_pdu_flaws__check_17_short_message_wins_over_message_payload(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_deliver_sm, 0, SM "02 6869 0424 0003 627965"), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_TWO_TEXTS, "message_payload", 38);
	assert_text(smpp_pdu_message(&last.pdu), "hi");
	assert_int_equal(decode(SMPP_deliver_sm, 0, SM "00 0424 0003 627965"), SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
	assert_text(smpp_pdu_message(&last.pdu), "bye");
}

static void test_pdu_flaws__check_18_an_empty_message_is_legal(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_submit_sm, 0, SM "00"), SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
	assert_int_equal(smpp_pdu_message(&last.pdu).n, 0);
}

static void test_pdu_flaws__check_19_tlvs_in_any_order_first_of_two_wins(void **state)
{
	const struct smpp_tlv *tlv;
	uint32_t value = 0;

	(void)state;
	assert_int_equal(decode(SMPP_deliver_sm, 0,
				SM "00 0427 0001 02 001e 0003 413100 0427 0001 05 0424 0000"),
			 SMPP_OK);
	assert_only_flaw(SMPP_FLAW_TLV_TWICE, "message_state", 48);
	assert_int_equal(last.pdu.n_tlvs, 4);
	assert_int_equal(smpp_pdu_tlv_int(&last.pdu, SMPP_TLV_message_state, &value),
			 SMPP_TLV_INT_OK);
	assert_int_equal(value, 2);
	tlv = smpp_pdu_tlv(&last.pdu, SMPP_TLV_message_state);
	tlv = smpp_pdu_tlv_next(&last.pdu, tlv);
	assert_int_equal(smpp_tlv_value(tlv).at[0], 5);
	assert_null(smpp_pdu_tlv_next(&last.pdu, tlv));
	assert_text(smpp_tlv_string(smpp_pdu_tlv(&last.pdu, SMPP_TLV_receipted_message_id)), "A1");
}

static void test_pdu_flaws__check_19_callback_numbers_are_lists(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_submit_sm, 0,
				SM "00 0381 0004 01010131 0302 0001 00 0303 0000 0381 0004 01010132"
				   "0302 0001 04 0303 0001 00"),
			 SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
	assert_int_equal(last.pdu.n_tlvs, 6);
}

static void test_pdu_flaws__check_19_more_than_64_tlvs_are_kept_raw(void **state)
{
	char body[2048] = "00";

	(void)state;
	for (int i = 0; i < 66; i++)
		snprintf(body + strlen(body), sizeof body - strlen(body), "14%02x0000", i);
	assert_int_equal(decode(SMPP_deliver_sm_resp, 0, body), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_TLVS_TOO_MANY, "tlv", 17 + 64 * 4);
	assert_int_equal(last.pdu.n_tlvs, 64);
	assert_int_equal(last.pdu.tlv_rest.n, 2 * 4);
	body[2 + 64 * 8] = '\0';
	assert_int_equal(decode(SMPP_deliver_sm_resp, 0, body), SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
}

static void test_pdu_flaws__check_20_unknown_tlvs_are_kept_raw(void **state)
{
	const struct smpp_tlv *tlv;

	(void)state;
	assert_int_equal(decode(SMPP_deliver_sm, 0, SM "00 1400 0002 abcd 3fff 0000 4001 0001 00"),
			 SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
	tlv = smpp_pdu_tlv(&last.pdu, 0x1400);
	assert_int_equal(smpp_tlv_value(tlv).n, 2);
	assert_int_equal(smpp_tlv_value(tlv).at[1], 0xcd);
	assert_non_null(smpp_pdu_tlv(&last.pdu, 0x3fff));
	assert_int_equal(smpp_pdu_tlv(&last.pdu, 0x4001)->row, SMPP_N_TLV_ROWS);
}

static void test_pdu_flaws__check_21_a_tlv_past_the_end_spoils_nothing_before_it(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_deliver_sm, 0, SM "00 0427 0001 02 001e 0005 413132"),
			 SMPP_OK);
	assert_only_flaw(SMPP_FLAW_TLV_PAST_END, "receipted_message_id", 41);
	assert_int_equal(last.pdu.n_tlvs, 1);
	assert_int_equal(last.pdu.tlv_rest.n, 7);
	assert_null(smpp_pdu_tlv(&last.pdu, SMPP_TLV_receipted_message_id));
}

static void test_pdu_flaws__check_22_an_integer_of_wrong_width_is_not_guessed(void **state)
{
	uint32_t value = 99;

	(void)state;
	assert_int_equal(decode(SMPP_deliver_sm, 0, SM "00 0427 0002 0002 0423 0004 03000015"),
			 SMPP_OK);
	assert_flaw(SMPP_FLAW_TLV_LENGTH, "message_state", 36);
	assert_flaw(SMPP_FLAW_TLV_LENGTH, "network_error_code", 42);
	assert_int_equal(smpp_pdu_tlv_int(&last.pdu, SMPP_TLV_message_state, &value),
			 SMPP_TLV_INT_WIDTH);
	assert_int_equal(value, 99);
	assert_int_equal(decode(SMPP_deliver_sm, 0, SM "00 0427 0000"), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_TLV_LENGTH, "message_state", 36);
}

static void test_pdu_flaws__check_22_a_string_tlv_without_its_nul(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_deliver_sm, 0, SM "00 001e 0003 414243"), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_UNTERMINATED, "receipted_message_id", 36);
	assert_text(smpp_tlv_string(&last.pdu.tlvs[0]), "ABC");
	assert_int_equal(decode(SMPP_deliver_sm, 0, SM "00 001e 0004 41420000"), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_UNTERMINATED, "receipted_message_id", 36);
	assert_text(smpp_tlv_string(&last.pdu.tlvs[0]), "AB");
}

static void test_pdu_flaws__check_23_tlvs_are_read_in_any_response(void **state)
{
	uint32_t value = 0;

	(void)state;
	assert_int_equal(decode(SMPP_submit_sm_resp, 0, "4100 0428 0001 5a"), SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, 0);
	assert_int_equal(smpp_pdu_tlv_int(&last.pdu, SMPP_TLV_congestion_state, &value),
			 SMPP_TLV_INT_OK);
	assert_int_equal(value, 90);
	assert_int_equal(decode(SMPP_enquire_link_resp, 0, "0428 0001 00"), SMPP_OK);
	assert_int_equal(last.pdu.n_tlvs, 1);
	/* One that 3.4 knows, in a PDU where it has no place. */
	assert_int_equal(decode(SMPP_submit_sm_resp, 0, "4100 0423 0003 030015"), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_TLV_MISPLACED, "network_error_code", 18);
}

/* --- 24, 25: responses --------------------------------------------------------------------- */

static void test_pdu_flaws__check_24_error_responses_with_and_without_body(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_submit_sm_resp, 0x58, ""), SMPP_OK);
	assert_true(last.pdu.body_absent);
	assert_int_equal(last.pdu.n_flaws, 0);
	assert_int_equal(decode(SMPP_submit_sm_resp, 0x58, "00"), SMPP_OK);
	assert_false(last.pdu.body_absent);
	assert_int_equal(last.pdu.n_flaws, 0);
	assert_int_equal(decode(SMPP_submit_sm_resp, 0x45, "3132 00"), SMPP_OK);
	assert_text(last.pdu.message_id, "12");
	/* Responses of several parameters, with a lone NUL or cut anywhere. */
	assert_int_equal(decode(SMPP_submit_multi_resp, 0x08, "00"), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_BODY_SHORT, "no_unsuccess", 17);
	assert_int_equal(decode(SMPP_query_sm_resp, 0x67, "00"), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_BODY_SHORT, "final_date", 17);
	assert_int_equal(decode(SMPP_query_sm_resp, 0x67, "3132"), SMPP_OK);
	assert_flaw(SMPP_FLAW_UNTERMINATED, "message_id", 16);
	assert_text(last.pdu.message_id, "12");
}

static void test_pdu_flaws__check_24_a_good_response_cut_short_cannot_be_read(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_query_sm_resp, 0, "3100"), SMPP_EBODY);
	assert_string_equal(last.why.field, "final_date");
	assert_text(last.pdu.message_id, "1");
	assert_int_equal(decode(SMPP_submit_multi_resp, 0, "3100 02 0101 3200 0000000b"),
			 SMPP_EBODY);
	assert_int_equal(last.pdu.unsuccess_sme.n, 8);
}

static void test_pdu_flaws__check_25_a_bind_resp_without_body_binds(void **state)
{
	static const uint32_t ids[] = { SMPP_bind_transmitter_resp, SMPP_bind_receiver_resp,
					SMPP_bind_transceiver_resp };

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		assert_int_equal(decode(ids[i], 0, ""), SMPP_OK);
		assert_true(last.pdu.body_absent);
		assert_only_flaw(SMPP_FLAW_BODY_ABSENT, "system_id", 16);
		assert_int_equal(decode(ids[i], 0, "534d5343"), SMPP_OK);
		assert_only_flaw(SMPP_FLAW_UNTERMINATED, "system_id", 16);
		assert_text(last.pdu.system_id, "SMSC");
		assert_int_equal(decode(ids[i], 0, "41424344454647484142434445464748 00"), SMPP_OK);
		assert_only_flaw(SMPP_FLAW_TOO_LONG, "system_id", 16);
		assert_int_equal(last.pdu.system_id.n, 16);
	}
}

static void test_pdu_flaws__check_25_the_others_may_lack_their_body_too(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_submit_sm_resp, 0, ""), SMPP_OK);
	assert_only_flaw(SMPP_FLAW_BODY_ABSENT, "message_id", 16);
	assert_int_equal(decode(SMPP_deliver_sm_resp, 0, ""), SMPP_OK);
	assert_int_equal(decode(SMPP_submit_sm_resp, 0, "414243"), SMPP_OK);
	assert_text(last.pdu.message_id, "ABC");
	assert_int_equal(decode(SMPP_unbind_resp, 0, ""), SMPP_OK);
	assert_false(last.pdu.body_absent);
	assert_int_equal(last.pdu.n_flaws, 0);
}

/* --- The list of flaws --------------------------------------------------------------------- */

static void test_pdu_flaws__eight_are_kept_and_the_rest_counted(void **state)
{
	(void)state;
	assert_int_equal(decode(SMPP_deliver_sm_resp, 0,
				"00 1400 0000 1400 0000 1400 0000 1400 0000 1400 0000 1400 0000"
				"1400 0000 1400 0000 1400 0000 1400 0000 1400 0000 ff"),
			 SMPP_OK);
	assert_int_equal(last.pdu.n_flaws, SMPP_MAX_FLAWS);
	assert_int_equal(last.pdu.n_flaws_unkept, 10 + 1 - SMPP_MAX_FLAWS);
}

static void test_pdu_flaws__each_has_a_sentence(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < SMPP_N_FLAW_KINDS; kind++)
		assert_true(strlen(smpp_flaw_text(kind)) > 10);
}

static int forget(void **state)
{
	(void)state;
	free(last.octets);
	last.octets = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pdu_flaws__check_01_a_length_below_16_loses_the_frame),
		cmocka_unit_test(test_pdu_flaws__check_02_a_length_above_max_pdu_loses_the_frame),
		cmocka_unit_test(
			test_pdu_flaws__check_03_a_length_with_its_high_bit_loses_the_frame),
		cmocka_unit_test(test_pdu_flaws__check_04_a_frame_may_come_octet_by_octet),
		cmocka_unit_test(test_pdu_flaws__check_05_half_a_pdu_says_what_it_waits_for),
		cmocka_unit_test(
			test_pdu_flaws__check_06_an_unknown_command_keeps_its_sequence_number),
		cmocka_unit_test(test_pdu_flaws__check_07_an_unknown_response_is_told_by_its_bit),
		cmocka_unit_test(
			test_pdu_flaws__check_08_a_header_not_to_be_trusted_is_not_decoded),
		cmocka_unit_test(test_pdu_flaws__check_09_a_body_that_ends_early_names_its_field),
		cmocka_unit_test(test_pdu_flaws__check_09_an_early_end_within_a_group),
		cmocka_unit_test(test_pdu_flaws__check_09_a_dest_flag_that_is_neither),
		cmocka_unit_test(test_pdu_flaws__check_10_what_follows_the_parameters_is_tlvs),
		cmocka_unit_test(test_pdu_flaws__check_11_strings_longer_than_allowed_are_taken),
		cmocka_unit_test(test_pdu_flaws__check_12_octets_that_are_not_ascii_are_kept),
		cmocka_unit_test(test_pdu_flaws__check_13_empty_strings_are_legal),
		cmocka_unit_test(test_pdu_flaws__check_14_times_of_other_lengths_are_flagged),
		cmocka_unit_test(test_pdu_flaws__check_14_a_date_where_null_must_be),
		cmocka_unit_test(test_pdu_flaws__check_15_an_sm_length_of_255_is_read),
		cmocka_unit_test(
			test_pdu_flaws__check_16_an_sm_length_past_the_end_takes_what_is_there),
		cmocka_unit_test(test_pdu_flaws__a_status_in_a_request_is_flagged),
		cmocka_unit_test(test_pdu_flaws__a_count_out_of_range_is_flagged),
		cmocka_unit_test(test_pdu_flaws__check_17_short_message_wins_over_message_payload),
		cmocka_unit_test(test_pdu_flaws__check_18_an_empty_message_is_legal),
		cmocka_unit_test(test_pdu_flaws__check_19_tlvs_in_any_order_first_of_two_wins),
		cmocka_unit_test(test_pdu_flaws__check_19_callback_numbers_are_lists),
		cmocka_unit_test(test_pdu_flaws__check_19_more_than_64_tlvs_are_kept_raw),
		cmocka_unit_test(test_pdu_flaws__check_20_unknown_tlvs_are_kept_raw),
		cmocka_unit_test(
			test_pdu_flaws__check_21_a_tlv_past_the_end_spoils_nothing_before_it),
		cmocka_unit_test(test_pdu_flaws__check_22_an_integer_of_wrong_width_is_not_guessed),
		cmocka_unit_test(test_pdu_flaws__check_22_a_string_tlv_without_its_nul),
		cmocka_unit_test(test_pdu_flaws__check_23_tlvs_are_read_in_any_response),
		cmocka_unit_test(test_pdu_flaws__check_24_error_responses_with_and_without_body),
		cmocka_unit_test(test_pdu_flaws__check_24_a_good_response_cut_short_cannot_be_read),
		cmocka_unit_test(test_pdu_flaws__check_25_a_bind_resp_without_body_binds),
		cmocka_unit_test(test_pdu_flaws__check_25_the_others_may_lack_their_body_too),
		cmocka_unit_test(test_pdu_flaws__eight_are_kept_and_the_rest_counted),
		cmocka_unit_test(test_pdu_flaws__each_has_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
