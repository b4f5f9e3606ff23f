/* What pairs of ids teach, and how many it takes to teach otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/dialect.h"

static enum dialect_change count(struct store_dialect *rec, enum smpp_id_dialect rule, int times)
{
	enum dialect_change change = DIALECT_SAME;
	for (int i = 0; i < times; i++)
		change = dialect_count(rec, rule, true, (uint64_t)i + 1);
	return change;
}

static void test_dialect__is_proposed_after_twenty_pairs_and_not_before(void **state)
{
	struct store_dialect rec = { 0 };
	(void)state;
	for (int i = 0; i < DIALECT_PAIRS; i++) {
		assert_int_equal(dialect_proposed(&rec), SMPP_ID_ANY);
		assert_int_equal(dialect_count(&rec, SMPP_ID_DEC_TO_HEX, false, 1),
				 DIALECT_COUNTED);
	}
	assert_int_equal(dialect_proposed(&rec), SMPP_ID_DEC_TO_HEX);
	assert_int_equal(rec.applied, SMPP_ID_ANY); /* that was not asked for */
}

static void test_dialect__one_in_twenty_that_differs_proposes_nothing(void **state)
{
	struct store_dialect rec = { 0 };
	(void)state;
	count(&rec, SMPP_ID_EXACT, 1);
	assert_int_equal(count(&rec, SMPP_ID_HEX_TO_DEC, 98), DIALECT_COUNTED);
	assert_int_equal(dialect_proposed(&rec), SMPP_ID_ANY); /* 98 of 99 */
	assert_int_equal(count(&rec, SMPP_ID_HEX_TO_DEC, 1), DIALECT_APPLIED);
	assert_int_equal(rec.applied, SMPP_ID_HEX_TO_DEC);
}

static void test_dialect__one_accidental_hit_switches_nothing(void **state)
{
	struct store_dialect rec = { 0 };
	(void)state;
	assert_int_equal(count(&rec, SMPP_ID_DEC_TO_HEX, DIALECT_PAIRS), DIALECT_APPLIED);
	assert_int_equal(count(&rec, SMPP_ID_EXACT, DIALECT_AGAINST - 1), DIALECT_COUNTED);
	assert_int_equal(rec.applied, SMPP_ID_DEC_TO_HEX);
	assert_int_equal(rec.against, DIALECT_AGAINST - 1);
	/* One in a hundred for ever does not add up to a withdrawal. */
	for (int i = 0; i < 100; i++) {
		count(&rec, SMPP_ID_DEC_TO_HEX, 99);
		assert_int_equal(count(&rec, SMPP_ID_EXACT, 1), DIALECT_COUNTED);
		assert_int_equal(rec.applied, SMPP_ID_DEC_TO_HEX);
	}
}

static void test_dialect__what_others_contradict_is_withdrawn_and_learned_anew(void **state)
{
	struct store_dialect rec = { 0 };
	(void)state;
	count(&rec, SMPP_ID_EXACT, 1000);
	assert_int_equal(rec.applied, SMPP_ID_EXACT);
	int pairs = 1;
	while (count(&rec, SMPP_ID_DEC_TO_HEX, 1) != DIALECT_WITHDRAWN)
		pairs++;
	assert_in_range(pairs, DIALECT_AGAINST, 12);
	assert_int_equal(rec.applied, SMPP_ID_ANY);
	assert_true(rec.withdrawn_ms);
	assert_int_equal(count(&rec, SMPP_ID_DEC_TO_HEX, DIALECT_PAIRS - pairs), DIALECT_APPLIED);
	assert_int_equal(rec.applied, SMPP_ID_DEC_TO_HEX);
}

/* What changes nothing is not stored for each receipt. */
static void test_dialect__settled_pairs_are_not_counted_for_ever(void **state)
{
	struct store_dialect rec = { 0 };
	(void)state;
	assert_int_equal(count(&rec, SMPP_ID_EXACT, DIALECT_RECENT), DIALECT_COUNTED);
	assert_int_equal(count(&rec, SMPP_ID_EXACT, 1), DIALECT_SAME);
	assert_int_equal(rec.exact, DIALECT_RECENT);
	/* Learned without being asked for, and asked for later. */
	rec.applied = SMPP_ID_ANY;
	assert_int_equal(count(&rec, SMPP_ID_EXACT, 1), DIALECT_APPLIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialect__is_proposed_after_twenty_pairs_and_not_before),
		cmocka_unit_test(test_dialect__one_in_twenty_that_differs_proposes_nothing),
		cmocka_unit_test(test_dialect__one_accidental_hit_switches_nothing),
		cmocka_unit_test(
			test_dialect__what_others_contradict_is_withdrawn_and_learned_anew),
		cmocka_unit_test(test_dialect__settled_pairs_are_not_counted_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
