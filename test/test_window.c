/* test_window.c: the outstanding table by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smpp/window.h"

static struct smpp_window window_of(uint32_t requests, uint32_t first_sequence)
{
	struct smpp_window window;

	assert_true(smpp_window_init(&window, requests, first_sequence));
	return window;
}

static void test_window__has_a_power_of_two_of_slots_for_32_windows(void **state)
{
	static const uint32_t expected[][2] = { { 1, 64 },     { 2, 64 },	{ 3, 128 },
						{ 10, 512 },   { 100, 4096 },	{ 128, 4096 },
						{ 129, 8192 }, { 1000, 32768 }, { 10000, 524288 } };

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		struct smpp_window window = window_of(expected[i][0], 1);

		assert_int_equal(window.mask + 1, expected[i][1]);
		assert_int_equal(smpp_window_free(&window), expected[i][1]);
		smpp_window_release(&window);
	}
}

/* SMPP 3.4, 5.1.4 */
static void test_window__wraps_to_1_and_never_to_0(void **state)
{
	struct smpp_window window = window_of(1, SMPP_WINDOW_SEQUENCE_MAX - 1);

	(void)state;
	assert_int_equal(smpp_window_take(&window, SMPP_SLOT_AWAITED)->sequence, 0x7FFFFFFE);
	assert_int_equal(smpp_window_take(&window, SMPP_SLOT_CONTROL)->sequence, 0x7FFFFFFF);
	assert_int_equal(smpp_window_take(&window, SMPP_SLOT_AWAITED)->sequence, 1);
	assert_null(smpp_window_find(&window, 0));
	smpp_window_release(&window);
}

static void test_window__finds_only_the_number_itself(void **state)
{
	struct smpp_window window = window_of(1, 5);
	struct smpp_slot *slot = smpp_window_take(&window, SMPP_SLOT_AWAITED);

	(void)state;
	assert_ptr_equal(smpp_window_find(&window, 5), slot);
	assert_null(smpp_window_find(&window, 5 + 64));
	assert_null(smpp_window_find(&window, 6));
	smpp_window_move(&window, slot, SMPP_SLOT_DONE);
	assert_ptr_equal(smpp_window_find(&window, 5), slot);
	smpp_window_release(&window);
}

/* Any one of the list goes: first, last, in the middle, the only one. */
static void test_window__keeps_the_order_of_sending_whichever_goes(void **state)
{
	(void)state;
	for (uint32_t gone = 1; gone <= 4; gone++) {
		struct smpp_window window = window_of(4, 1);
		uint32_t expected = 1;

		for (int i = 0; i < 4; i++)
			smpp_window_take(&window, SMPP_SLOT_AWAITED);
		smpp_window_move(&window, smpp_window_find(&window, gone), SMPP_SLOT_DONE);
		while (window.oldest) {
			if (expected == gone)
				expected++;
			assert_int_equal(window.oldest->sequence, expected++);
			smpp_window_move(&window, window.oldest, SMPP_SLOT_FREE);
		}
		assert_null(window.newest);
		assert_null(window.unsent);
		assert_int_equal(smpp_window_free(&window), window.mask + 1);
		smpp_window_release(&window);
	}
}

static void test_window__stamps_what_the_kernel_has_taken_whole(void **state)
{
	struct smpp_window window = window_of(4, 1);
	struct smpp_slot *slots[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		slots[i] = smpp_window_take(&window, SMPP_SLOT_AWAITED);
		slots[i]->end_octets = 100 * (i + 1);
	}
	smpp_window_sent(&window, 199, 7);
	assert_int_equal(slots[0]->sent_ms, 7);
	assert_int_equal(slots[1]->sent_ms, 0);
	smpp_window_move(&window, slots[1], SMPP_SLOT_DONE); /* answered before the report came */
	smpp_window_sent(&window, 300, 9);
	assert_int_equal(slots[0]->sent_ms, 7);
	assert_int_equal(slots[2]->sent_ms, 9);
	assert_null(window.unsent);
	smpp_window_release(&window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window__has_a_power_of_two_of_slots_for_32_windows),
		cmocka_unit_test(test_window__wraps_to_1_and_never_to_0),
		cmocka_unit_test(test_window__finds_only_the_number_itself),
		cmocka_unit_test(test_window__keeps_the_order_of_sending_whichever_goes),
		cmocka_unit_test(test_window__stamps_what_the_kernel_has_taken_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
