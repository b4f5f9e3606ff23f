/*
 * What sending refuses, and the hands that make a PDU: entries of groups, TLVs, the user's text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smpp/status.h"
#include "test/hex.h"
#include "test/pdu_full.h"

enum {
	ROOM = 70000,
};

/* --- What encode refuses ------------------------------------------------------------------- */

static struct smpp_pdu submit(void)
{
	struct smpp_pdu pdu;

	smpp_pdu_init(&pdu, SMPP_submit_sm, 1);
	pdu.destination_addr = smpp_octets_of("4917");
	pdu.short_message = smpp_octets_of("hi");
	return pdu;
}

static void assert_encodes(const struct smpp_pdu *pdu)
{
	static uint8_t octets[2 * ROOM];
	struct smpp_problem why;
	size_t n;

	if (smpp_pdu_encode(pdu, octets, sizeof octets, &n, &why) != SMPP_OK)
		fail_msg("%s: %s", why.field, why.text);
}

static void assert_refused(const struct smpp_pdu *pdu, const char *field, uint32_t status)
{
	static uint8_t octets[2 * ROOM];
	struct smpp_problem why = { 0 };
	size_t n = 1;

	assert_int_equal(smpp_pdu_encode(pdu, octets, sizeof octets, &n, &why), SMPP_EVALUE);
	assert_int_equal(n, 0);
	assert_string_equal(why.field, field);
	assert_int_equal(why.status, status);
	assert_non_null(why.text);
	assert_non_null(why.section);
}

/* One octet past the largest size of every string in every PDU, which itself is accepted. */
static void test_pdu_encode__refuses_every_string_too_long(void **state)
{
	static struct full_memory memory;

	(void)state;
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++) {
		struct smpp_pdu pdu;

		full_pdu(&pdu, &memory, FULL_LARGEST, &smpp_commands[i]);
		assert_encodes(&pdu);
		for (const struct smpp_place *place = smpp_commands[i].places; place->param;
		     place++) {
			struct smpp_octets was = smpp_member_slice(&pdu, place);

			if (place->param->type != SMPP_TYPE_CSTRING)
				continue;
			full_slice(&pdu, place, full_string(&memory, place->max));
			assert_refused(&pdu, place->param->name, place->param->status);
			full_slice(&pdu, place, was);
		}
	}
}

static void test_pdu_encode__refuses_a_source_addr_of_21_but_in_data_sm(void **state)
{
	struct smpp_pdu pdu = submit();

	(void)state;
	pdu.source_addr = smpp_octets_of("123456789012345678901"); /* 21, with its NUL 22 */
	assert_refused(&pdu, "source_addr", SMPP_ESME_RINVSRCADR);
	pdu.source_addr.n = 20;
	assert_encodes(&pdu);
	pdu.source_addr.n = 21;
	pdu.command_id = SMPP_data_sm;
	pdu.short_message.n = 0;
	assert_encodes(&pdu);
}

static void test_pdu_encode__refuses_a_nul_in_a_string(void **state)
{
	struct smpp_pdu pdu = submit();

	(void)state;
	pdu.destination_addr = (struct smpp_octets){ .at = (const uint8_t *)"49\0001", .n = 4 };
	assert_refused(&pdu, "destination_addr", SMPP_ESME_RINVDSTADR);
}

static void test_pdu_encode__refuses_a_short_message_of_255(void **state)
{
	static const uint8_t text[255];
	struct smpp_pdu pdu = submit();

	(void)state;
	pdu.short_message = (struct smpp_octets){ .at = text, .n = 254 };
	assert_encodes(&pdu);
	pdu.short_message.n = 255;
	assert_refused(&pdu, "short_message", SMPP_ESME_RINVMSGLEN);
	pdu.short_message.n = 256 + 3;
	assert_refused(&pdu, "short_message", SMPP_ESME_RINVMSGLEN);
}

static void test_pdu_encode__refuses_dates_of_other_lengths(void **state)
{
	static const char date[] = "240102153000000+240102153000000+";

	(void)state;
	for (uint32_t n = 0; n <= 32; n++) {
		struct smpp_octets slice = { .at = (const uint8_t *)date, .n = n };
		struct smpp_pdu pdu = submit();
		struct smpp_pdu resp;

		pdu.validity_period = slice;
		if (n == 0 || n == 16)
			assert_encodes(&pdu);
		else
			assert_refused(&pdu, "validity_period", SMPP_ESME_RINVEXPIRY);
		pdu.validity_period.n = 0;
		pdu.schedule_delivery_time = slice;
		if (n == 0 || n == 16)
			assert_encodes(&pdu);
		else
			assert_refused(&pdu, "schedule_delivery_time", SMPP_ESME_RINVSCHED);
		/* A time that the SMSC reports may also be 12 characters (7.1.1). */
		smpp_pdu_init(&resp, SMPP_query_sm_resp, 1);
		resp.final_date = slice;
		if (n == 0 || n == 12 || n == 16)
			assert_encodes(&resp);
		else
			assert_refused(&resp, "final_date", SMPP_ESME_RQUERYFAIL);
	}
}

static void test_pdu_encode__refuses_what_must_be_null(void **state)
{
	struct smpp_pdu pdu = submit();

	(void)state;
	pdu.command_id = SMPP_deliver_sm;
	assert_encodes(&pdu);
	pdu.replace_if_present_flag = 1;
	assert_refused(&pdu, "replace_if_present_flag", SMPP_ESME_RINVREPFLAG);
	pdu.replace_if_present_flag = 0;
	pdu.validity_period = smpp_octets_of("240102153000000+");
	assert_refused(&pdu, "validity_period", SMPP_ESME_RINVEXPIRY);
	smpp_pdu_init(&pdu, SMPP_deliver_sm_resp, 1);
	pdu.message_id = smpp_octets_of("x");
	assert_refused(&pdu, "message_id", SMPP_ESME_RINVMSGID);
}

static void test_pdu_encode__refuses_two_texts(void **state)
{
	struct smpp_pdu pdu = submit();

	(void)state;
	assert_int_equal(smpp_pdu_tlv_add(&pdu, SMPP_TLV_message_payload, smpp_octets_of("there")),
			 SMPP_OK);
	assert_refused(&pdu, "message_payload", SMPP_ESME_ROPTPARNOTALLWD);
	pdu.short_message.n = 0;
	assert_encodes(&pdu);
}

static void test_pdu_encode__refuses_a_bad_header(void **state)
{
	struct smpp_problem why;
	struct smpp_pdu pdu = submit();
	uint8_t octets[64];
	size_t n;

	(void)state;
	pdu.command_status = 1;
	assert_refused(&pdu, "command_status", SMPP_ESME_RSYSERR);
	pdu.command_status = 0;
	pdu.sequence_number = 0;
	assert_refused(&pdu, "sequence_number", SMPP_ESME_RSYSERR);
	pdu.sequence_number = 0x80000000;
	assert_refused(&pdu, "sequence_number", SMPP_ESME_RSYSERR);
	pdu.sequence_number = 0x7FFFFFFF;
	assert_encodes(&pdu);
	pdu.body_absent = true;
	assert_refused(&pdu, "command_length", SMPP_ESME_RINVCMDLEN);
	pdu.command_id = SMPP_submit_sm_resp;
	assert_refused(&pdu, "command_length", SMPP_ESME_RINVCMDLEN);
	pdu.command_id = 0x10;
	assert_int_equal(smpp_pdu_encode(&pdu, octets, sizeof octets, &n, &why), SMPP_EUNKNOWN);
	assert_string_equal(why.field, "command_id");
	/* A response echoes whatever number the request had (an SMSC was seen to use 0). */
	smpp_pdu_init(&pdu, SMPP_deliver_sm_resp, 0);
	assert_encodes(&pdu);
}

static void test_pdu_encode__refuses_tlvs_out_of_bounds(void **state)
{
	static const uint8_t octets[300] = { 'x' };

	(void)state;
	for (size_t i = 0; i < SMPP_N_TLV_ROWS; i++) {
		const struct smpp_tlv_row *row = &smpp_tlv_rows[i];
		struct smpp_pdu pdu = submit();

		if (row->max >= sizeof octets)
			continue;
		pdu.tlvs[0] =
			(struct smpp_tlv){ .tag = row->tag, .outside = { octets, row->max + 1 } };
		pdu.n_tlvs = 1;
		assert_refused(&pdu, row->name, SMPP_ESME_RINVPARLEN);
		if (row->min > 0) {
			pdu.tlvs[0].outside.n = row->min - 1;
			assert_refused(&pdu, row->name, SMPP_ESME_RINVPARLEN);
		}
		assert_int_equal(smpp_pdu_tlv_add(&pdu, row->tag,
						  (struct smpp_octets){ octets, row->max + 1 }),
				 SMPP_EVALUE);
	}
}

static void test_pdu_encode__refuses_a_tlv_above_65535(void **state)
{
	static const uint8_t octets[65536];
	struct smpp_octets value = { octets, 65535 };
	struct smpp_pdu pdu = submit();

	(void)state;
	pdu.short_message.n = 0;
	assert_int_equal(smpp_pdu_tlv_add(&pdu, SMPP_TLV_message_payload, value), SMPP_OK);
	assert_encodes(&pdu);
	pdu.tlvs[0].outside.n = 65536;
	assert_refused(&pdu, "message_payload", SMPP_ESME_RINVPARLEN);
	pdu.n_tlvs = 0;
	value.n = 65536;
	assert_int_equal(smpp_pdu_tlv_add(&pdu, 0x1403, value), SMPP_EVALUE);
}

static void test_pdu_encode__refuses_tlv_strings_without_their_nul(void **state)
{
	struct smpp_pdu pdu;

	(void)state;
	smpp_pdu_init(&pdu, SMPP_deliver_sm, 1);
	assert_int_equal(
		smpp_pdu_tlv_add(&pdu, SMPP_TLV_receipted_message_id, smpp_octets_of("AB")),
		SMPP_OK);
	assert_refused(&pdu, "receipted_message_id", SMPP_ESME_RINVOPTPARAMVAL);
	pdu.tlvs[0].outside = (struct smpp_octets){ (const uint8_t *)"A\0B", 4 };
	assert_refused(&pdu, "receipted_message_id", SMPP_ESME_RINVOPTPARAMVAL);
	pdu.tlvs[0].outside = (struct smpp_octets){ (const uint8_t *)"AB", 3 };
	assert_encodes(&pdu);
}

static void test_pdu_encode__refuses_a_tlv_twice_unless_it_is_a_list(void **state)
{
	struct smpp_pdu pdu = submit();

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			smpp_pdu_tlv_add(&pdu, SMPP_TLV_callback_num, smpp_octets_of("\1\1\1123")),
			SMPP_OK);
	assert_encodes(&pdu);
	assert_int_equal(smpp_pdu_tlv_add(&pdu, 0x1500, smpp_octets_of("a")), SMPP_OK);
	assert_encodes(&pdu);
	assert_int_equal(smpp_pdu_tlv_add(&pdu, 0x1500, smpp_octets_of("a")), SMPP_OK);
	assert_refused(&pdu, "tlv", SMPP_ESME_RINVOPTPARSTREAM);
}

static void test_pdu_encode__refuses_a_rest_that_is_no_tlvs(void **state)
{
	static const uint8_t rest[] = { 0x15, 0x01, 0x00, 0x01, 0xFF, 0x15 };
	struct smpp_pdu pdu = submit();

	(void)state;
	pdu.tlv_rest = (struct smpp_octets){ rest, 5 };
	assert_encodes(&pdu);
	for (uint32_t n = 1; n <= 6; n++) {
		pdu.tlv_rest.n = n;
		if (n != 5)
			assert_refused(&pdu, "tlv", SMPP_ESME_RINVOPTPARSTREAM);
	}
}

/* --- Groups -------------------------------------------------------------------------------- */

static const struct smpp_dest sme = { .dest_flag = SMPP_DEST_SME,
				      .destination_addr = { (const uint8_t *)"491", 3 } };

static void test_pdu_encode__refuses_a_count_that_is_not_the_entries(void **state)
{
	uint8_t group[64];
	struct smpp_writer writer = smpp_writer_of(group, sizeof group);
	struct smpp_pdu pdu;

	(void)state;
	smpp_pdu_init(&pdu, SMPP_submit_multi, 1);
	assert_refused(&pdu, "number_of_dests", SMPP_ESME_RINVNUMDESTS);
	assert_int_equal(smpp_dest_put(&writer, &sme), SMPP_OK);
	assert_int_equal(smpp_dest_put(&writer, &sme), SMPP_OK);
	pdu.dest_address = smpp_writer_octets(&writer);
	pdu.number_of_dests = 2;
	assert_encodes(&pdu);
	pdu.number_of_dests = 1;
	assert_refused(&pdu, "dest_address", SMPP_ESME_RINVDSTADR);
	pdu.number_of_dests = 3;
	assert_refused(&pdu, "dest_address", SMPP_ESME_RINVDSTADR);
	pdu.number_of_dests = 255;
	assert_refused(&pdu, "number_of_dests", SMPP_ESME_RINVNUMDESTS);
}

static void test_pdu_encode__a_group_carries_254_entries(void **state)
{
	static struct full_memory memory;
	struct smpp_octets rest;
	struct smpp_dest dest;
	struct smpp_pdu pdu;
	unsigned n = 0;

	(void)state;
	full_pdu(&pdu, &memory, FULL_LARGEST, smpp_command(SMPP_submit_multi));
	assert_encodes(&pdu);
	rest = pdu.dest_address;
	while (smpp_dest_next(&rest, &dest))
		assert_int_equal(dest.dest_flag, n++ % 2 ? SMPP_DEST_LIST : SMPP_DEST_SME);
	assert_int_equal(n, 254);
	assert_int_equal(rest.n, 0);
}

static void test_pdu_encode__put_refuses_bad_entries_and_writes_nothing(void **state)
{
	uint8_t group[64];
	struct smpp_writer writer = smpp_writer_of(group, sizeof group);
	struct smpp_dest bad = sme;
	struct smpp_unsuccess unsuccess = { 0 };

	(void)state;
	bad.dest_flag = 0;
	assert_int_equal(smpp_dest_put(&writer, &bad), SMPP_EVALUE);
	bad.dest_flag = 3;
	assert_int_equal(smpp_dest_put(&writer, &bad), SMPP_EVALUE);
	bad.dest_flag = SMPP_DEST_SME;
	bad.destination_addr = smpp_octets_of("123456789012345678901");
	assert_int_equal(smpp_dest_put(&writer, &bad), SMPP_EVALUE);
	unsuccess.destination_addr = bad.destination_addr;
	assert_int_equal(smpp_unsuccess_put(&writer, &unsuccess), SMPP_EVALUE);
	assert_int_equal(writer.n, 0);
	assert_false(writer.bad);
	writer = smpp_writer_of(group, 6);
	assert_int_equal(smpp_dest_put(&writer, &sme), SMPP_ENOSPACE);
	assert_true(writer.bad);
}

static void test_pdu_encode__next_gives_back_what_was_put(void **state)
{
	static const struct smpp_unsuccess put = { .dest_addr_ton = 1,
						   .dest_addr_npi = 8,
						   .destination_addr = { (const uint8_t *)"49", 2 },
						   .error_status_code = 0x0000000B };
	uint8_t group[64];
	struct smpp_writer writer = smpp_writer_of(group, sizeof group);
	struct smpp_octets rest;
	struct smpp_unsuccess got;

	(void)state;
	assert_int_equal(smpp_unsuccess_put(&writer, &put), SMPP_OK);
	rest = smpp_writer_octets(&writer);
	assert_true(smpp_unsuccess_next(&rest, &got));
	assert_int_equal(got.dest_addr_ton, 1);
	assert_int_equal(got.dest_addr_npi, 8);
	assert_true(smpp_octets_equal(got.destination_addr, smpp_octets_of("49")));
	assert_int_equal(got.error_status_code, 0x0B);
	assert_false(smpp_unsuccess_next(&rest, &got));
}

static void test_pdu_encode__next_stops_at_what_it_cannot_read(void **state)
{
	uint8_t octets[32];
	struct smpp_octets rest = { octets, (uint32_t)hex_octets("01 01 01 343900 09 aa", octets,
								 sizeof octets) };
	struct smpp_dest dest;

	(void)state;
	assert_true(smpp_dest_next(&rest, &dest));
	assert_int_equal(dest.destination_addr.n, 2);
	assert_false(smpp_dest_next(&rest, &dest));
	assert_int_equal(rest.n, 2);
}

/* --- TLVs and the user's text -------------------------------------------------------------- */

static void test_pdu_encode__tlv_integers_survive_a_copy(void **state)
{
	struct smpp_pdu pdu = submit();
	struct smpp_pdu copy;
	uint32_t value = 0;

	(void)state;
	assert_int_equal(smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_qos_time_to_live, 0xA1B2C3D4),
			 SMPP_OK);
	copy = pdu;
	memset(&pdu, 0xAA, sizeof pdu);
	assert_int_equal(smpp_pdu_tlv_int(&copy, SMPP_TLV_qos_time_to_live, &value),
			 SMPP_TLV_INT_OK);
	assert_int_equal(value, 0xA1B2C3D4);
	assert_int_equal(smpp_pdu_tlv_int(&copy, SMPP_TLV_source_port, &value),
			 SMPP_TLV_INT_ABSENT);
}

static void test_pdu_encode__tlv_add_int_takes_only_integers_that_fit(void **state)
{
	struct smpp_pdu pdu = submit();

	(void)state;
	assert_int_equal(smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_payload_type, 255), SMPP_OK);
	assert_int_equal(smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_payload_type, 256), SMPP_EVALUE);
	assert_int_equal(smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_source_port, 65536), SMPP_EVALUE);
	assert_int_equal(smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_callback_num, 1), SMPP_EVALUE);
	assert_int_equal(smpp_pdu_tlv_add_int(&pdu, 0x1403, 1), SMPP_EVALUE);
	assert_int_equal(pdu.n_tlvs, 1);
}

static void test_pdu_encode__takes_64_tlvs_and_no_more(void **state)
{
	struct smpp_pdu pdu = submit();

	(void)state;
	for (uint16_t i = 0; i < SMPP_MAX_TLVS; i++)
		assert_int_equal(smpp_pdu_tlv_add(&pdu, (uint16_t)(0x1400 + i), smpp_octets_of("")),
				 SMPP_OK);
	assert_int_equal(smpp_pdu_tlv_add(&pdu, 0x1500, smpp_octets_of("")), SMPP_ENOSPACE);
	assert_int_equal(smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_payload_type, 1), SMPP_ENOSPACE);
	assert_encodes(&pdu);
}

static void test_pdu_encode__message_is_short_message_or_payload(void **state)
{
	struct smpp_pdu pdu = submit();

	(void)state;
	assert_int_equal(smpp_pdu_tlv_add(&pdu, SMPP_TLV_message_payload, smpp_octets_of("long")),
			 SMPP_OK);
	assert_true(smpp_octets_equal(smpp_pdu_message(&pdu), smpp_octets_of("hi")));
	pdu.short_message.n = 0;
	assert_true(smpp_octets_equal(smpp_pdu_message(&pdu), smpp_octets_of("long")));
	pdu.n_tlvs = 0;
	assert_int_equal(smpp_pdu_message(&pdu).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pdu_encode__refuses_every_string_too_long),
		cmocka_unit_test(test_pdu_encode__refuses_a_source_addr_of_21_but_in_data_sm),
		cmocka_unit_test(test_pdu_encode__refuses_a_nul_in_a_string),
		cmocka_unit_test(test_pdu_encode__refuses_a_short_message_of_255),
		cmocka_unit_test(test_pdu_encode__refuses_dates_of_other_lengths),
		cmocka_unit_test(test_pdu_encode__refuses_what_must_be_null),
		cmocka_unit_test(test_pdu_encode__refuses_two_texts),
		cmocka_unit_test(test_pdu_encode__refuses_a_bad_header),
		cmocka_unit_test(test_pdu_encode__refuses_tlvs_out_of_bounds),
		cmocka_unit_test(test_pdu_encode__refuses_a_tlv_above_65535),
		cmocka_unit_test(test_pdu_encode__refuses_tlv_strings_without_their_nul),
		cmocka_unit_test(test_pdu_encode__refuses_a_tlv_twice_unless_it_is_a_list),
		cmocka_unit_test(test_pdu_encode__refuses_a_rest_that_is_no_tlvs),
		cmocka_unit_test(test_pdu_encode__refuses_a_count_that_is_not_the_entries),
		cmocka_unit_test(test_pdu_encode__a_group_carries_254_entries),
		cmocka_unit_test(test_pdu_encode__put_refuses_bad_entries_and_writes_nothing),
		cmocka_unit_test(test_pdu_encode__next_gives_back_what_was_put),
		cmocka_unit_test(test_pdu_encode__next_stops_at_what_it_cannot_read),
		cmocka_unit_test(test_pdu_encode__tlv_integers_survive_a_copy),
		cmocka_unit_test(test_pdu_encode__tlv_add_int_takes_only_integers_that_fit),
		cmocka_unit_test(test_pdu_encode__takes_64_tlvs_and_no_more),
		cmocka_unit_test(test_pdu_encode__message_is_short_message_or_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
