/*
 * The bounded cursors: what they give, and that once bad they stay bad and touch nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "smpp/octets.h"

static const uint8_t octets[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 'a', 'b', 0x00, 0xFF };

static void test_octets__reads_big_endian_in_order(void **state)
{
	struct smpp_reader reader = smpp_reader_of(octets, sizeof octets);
	struct smpp_octets text;

	(void)state;
	assert_int_equal(smpp_read_u8(&reader), 0x01);
	assert_int_equal(smpp_read_u16(&reader), 0x0203);
	assert_int_equal(smpp_read_u32(&reader), 0x04050607);
	text = smpp_read_cstring(&reader);
	assert_int_equal(text.n, 2);
	assert_ptr_equal(text.at, octets + 7);
	assert_int_equal(smpp_reader_left(&reader), 1);
	assert_false(reader.bad);
}

/* Every length that is too short for what is asked. */
static void test_octets__a_reader_past_its_end_is_bad_for_good(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 4; n++) {
		struct smpp_reader reader = smpp_reader_of(octets, n);

		assert_int_equal(smpp_read_u32(&reader), 0);
		assert_true(reader.bad);
		/* There would be room for these. */
		assert_int_equal(smpp_read_u8(&reader), 0);
		assert_int_equal(smpp_read_u16(&reader), 0);
		assert_int_equal(smpp_read_octets(&reader, 0).n, 0);
		assert_int_equal(smpp_read_cstring(&reader).n, 0);
		assert_int_equal(reader.next, 0);
		assert_true(reader.bad);
	}
}

static void test_octets__a_string_needs_its_nul(void **state)
{
	struct smpp_reader reader = smpp_reader_of(octets, 9);

	(void)state;
	assert_int_equal(smpp_read_cstring(&reader).n, 0);
	assert_true(reader.bad);
	reader = smpp_reader_of(octets, 10);
	assert_int_equal(smpp_read_cstring(&reader).n, 9);
	assert_false(reader.bad);
	reader = smpp_reader_of(NULL, 0);
	assert_int_equal(smpp_read_cstring(&reader).n, 0);
	assert_true(reader.bad);
}

static void test_octets__a_length_that_wraps_is_too_long(void **state)
{
	struct smpp_reader reader = smpp_reader_of(octets, sizeof octets);
	uint8_t room[4];
	struct smpp_writer writer = smpp_writer_of(room, sizeof room);
	volatile uint32_t most = UINT32_MAX; /* or the compiler sees through the test */

	(void)state;
	(void)smpp_read_u8(&reader);
	assert_int_equal(smpp_read_octets(&reader, most).n, 0);
	assert_true(reader.bad);
	smpp_write_u8(&writer, 1);
	smpp_write_octets(&writer, octets, most);
	assert_true(writer.bad);
	assert_int_equal(writer.n, 1);
}

static void test_octets__writes_what_it_would_read(void **state)
{
	uint8_t room[7];
	struct smpp_writer writer = smpp_writer_of(room, sizeof room);

	(void)state;
	smpp_write_u8(&writer, 0x01);
	smpp_write_u16(&writer, 0x0203);
	smpp_write_u32(&writer, 0x04050607);
	assert_false(writer.bad);
	assert_int_equal(smpp_writer_octets(&writer).n, 7);
	assert_memory_equal(room, octets, 7);
}

static void test_octets__a_full_writer_stores_nothing_more(void **state)
{
	(void)state;
	for (uint32_t cap = 0; cap < 4; cap++) {
		uint8_t room[8] = { 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE };
		struct smpp_writer writer = smpp_writer_of(room, cap);

		smpp_write_u32(&writer, 0);
		assert_true(writer.bad);
		smpp_write_u8(&writer, 0);
		assert_int_equal(writer.n, 0);
		for (size_t i = 0; i < sizeof room; i++)
			assert_int_equal(room[i], 0xEE);
	}
}

static void test_octets__slices_compare_by_content(void **state)
{
	struct smpp_octets none = smpp_octets_of(NULL);

	(void)state;
	assert_true(smpp_octets_equal(none, smpp_octets_of("")));
	assert_true(smpp_octets_equal(smpp_octets_of("ab"), (struct smpp_octets){ octets + 7, 2 }));
	assert_false(smpp_octets_equal(smpp_octets_of("ab"), smpp_octets_of("abc")));
	assert_false(smpp_octets_equal(smpp_octets_of("ab"), smpp_octets_of("ac")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_octets__reads_big_endian_in_order),
		cmocka_unit_test(test_octets__a_reader_past_its_end_is_bad_for_good),
		cmocka_unit_test(test_octets__a_string_needs_its_nul),
		cmocka_unit_test(test_octets__a_length_that_wraps_is_too_long),
		cmocka_unit_test(test_octets__writes_what_it_would_read),
		cmocka_unit_test(test_octets__a_full_writer_stores_nothing_more),
		cmocka_unit_test(test_octets__slices_compare_by_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
