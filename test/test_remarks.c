/* What receipts say besides: packed, read back, and never past its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/remarks.h"

static void assert_text(struct smpp_octets got, const char *want)
{
	assert_int_equal(got.n, strlen(want));
	if (got.n)
		assert_memory_equal(got.at, want, got.n);
}

static const struct remarks full = {
	.stat = { (const uint8_t *)"LOSTATSEA", 9 },
	.submit_date = { (const uint8_t *)"2024-01-02 15:30", 16 },
	.done_date = { (const uint8_t *)"24010215310", 11 },
	.has_message_state = true,
	.message_state = 0x80,
	.has_network_error = true,
	.network_type = 3,
	.network_error = 0x1502,
	.tlvs = { (const uint8_t *)"\x14\x54\x00\x05"
				   "21910"
				   "\x3F\xFF\x00\x00",
		  13 },
	.waited_ms = 4000000000u,
};

static void test_remarks__comes_back_as_it_was(void **state)
{
	uint8_t octets[REMARKS_OCTETS];
	struct remarks remarks;
	uint32_t offset = 0;
	uint16_t tag;
	struct smpp_octets value;
	(void)state;
	size_t n = remarks_encode(&full, octets);
	remarks_decode((struct smpp_octets){ octets, (uint32_t)n }, &remarks);
	assert_text(remarks.stat, "LOSTATSEA");
	assert_text(remarks.submit_date, "2024-01-02 15:30");
	assert_text(remarks.done_date, "24010215310");
	assert_true(remarks.has_message_state && remarks.has_network_error);
	assert_int_equal(remarks.message_state, 0x80);
	assert_int_equal(remarks.network_type, 3);
	assert_int_equal(remarks.network_error, 0x1502);
	assert_int_equal(remarks.waited_ms, 4000000000u);
	assert_true(remarks_tlv(&remarks, &offset, &tag, &value));
	assert_int_equal(tag, 0x1454);
	assert_text(value, "21910");
	assert_true(remarks_tlv(&remarks, &offset, &tag, &value));
	assert_int_equal(tag, 0x3FFF);
	assert_int_equal(value.n, 0);
	assert_false(remarks_tlv(&remarks, &offset, &tag, &value));
}

/* The usual receipt: two dates of ten digits, in seven octets each. */
static void test_remarks__usual_dates_are_small(void **state)
{
	uint8_t octets[REMARKS_OCTETS];
	const struct remarks remarks = { .submit_date = { (const uint8_t *)"2401021530", 10 },
					 .done_date = { (const uint8_t *)"2401021531", 10 } };
	(void)state;
	assert_int_equal(remarks_encode(&remarks, octets), 14);
	assert_int_equal(remarks_encode(&(struct remarks){ .waited_ms = 0 }, octets), 0);
}

static void add_tlv(struct smpp_pdu *pdu, uint16_t tag, struct smpp_octets value)
{
	assert_int_equal(smpp_pdu_tlv_add(pdu, tag, value), SMPP_OK);
}

static void test_remarks__takes_from_a_receipt_what_is_not_kept_elsewhere(void **state)
{
	static const char text[] =
		"id:1 submit date:0000000000 done date:2401021531 stat:DELIVRD err:000";
	uint8_t tlvs[REMARKS_TLV_OCTETS], big[REMARKS_TLV_OCTETS] = { 1 };
	struct smpp_receipt receipt;
	struct smpp_pdu pdu;
	struct remarks remarks;
	(void)state;
	smpp_pdu_init(&pdu, SMPP_deliver_sm, 1);
	pdu.esm_class = 0x04;
	pdu.short_message = smpp_octets_of(text);
	add_tlv(&pdu, 0x1418, (struct smpp_octets){ big, sizeof(big) }); /* does not fit */
	add_tlv(&pdu, 0x1454, smpp_octets_of("21910"));
	add_tlv(&pdu, 0x1300, smpp_octets_of("no vendor's"));
	smpp_receipt_parse(&pdu, NULL, &receipt);
	remarks_of(&pdu, &receipt, tlvs, &remarks);
	assert_int_equal(remarks.stat.n, 0);
	assert_int_equal(remarks.submit_date.n, 0);
	assert_text(remarks.done_date, "2401021531");
	assert_int_equal(remarks.tlvs.n, 9);
	pdu.short_message = smpp_octets_of("id:1 stat:LOSTATSEA");
	smpp_receipt_parse(&pdu, NULL, &receipt);
	remarks_of(&pdu, &receipt, tlvs, &remarks);
	assert_text(remarks.stat, "LOSTATSEA");
}

static void test_remarks__reads_no_octet_that_is_not_its_own(void **state)
{
	uint8_t octets[REMARKS_OCTETS];
	size_t n = remarks_encode(&full, octets);
	(void)state;
	for (size_t cut = 0; cut <= n; cut++) {
		for (size_t flip = 0; flip <= cut * 8; flip++) {
			struct remarks remarks;
			uint32_t offset = 0;
			uint16_t tag;
			struct smpp_octets value;
			uint8_t *copy = malloc(cut + 1);
			memcpy(copy, octets, cut);
			if (flip < cut * 8)
				copy[flip / 8] ^= (uint8_t)(1u << flip % 8);
			remarks_decode((struct smpp_octets){ copy, (uint32_t)cut }, &remarks);
			while (remarks_tlv(&remarks, &offset, &tag, &value))
				assert_true(value.at + value.n <= copy + cut);
			assert_true(remarks.stat.n <= cut && remarks.done_date.n <= 2 * cut);
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remarks__comes_back_as_it_was),
		cmocka_unit_test(test_remarks__usual_dates_are_small),
		cmocka_unit_test(test_remarks__takes_from_a_receipt_what_is_not_kept_elsewhere),
		cmocka_unit_test(test_remarks__reads_no_octet_that_is_not_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
