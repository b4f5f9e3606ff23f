/* How alike outcomes are, against every pair of them. */
#include "core/insight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

static int64_t consistency_of(const int64_t outcomes[COHORT_OUTCOMES])
{
	int64_t counts[COHORT_COUNTS] = { 0 };
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++)
		counts[i] = outcomes[i];
	counts[COHORT_MESSAGES] = 1000; /* and what is no outcome does not matter */
	counts[COHORT_TAKEN] = 7;
	return insight_consistency(counts);
}

/* In millionths, by counting the pairs of a list of messages. */
static int64_t by_pairs(const int64_t outcomes[COHORT_OUTCOMES])
{
	unsigned ends[64 * COHORT_OUTCOMES];
	uint64_t n = 0, pairs = 0, alike = 0;
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++)
		for (int64_t k = 0; k < outcomes[i]; k++)
			ends[n++] = i;
	for (uint64_t a = 0; a < n; a++)
		for (uint64_t b = a + 1; b < n; b++, pairs++)
			alike += ends[a] == ends[b];
	return pairs ? (int64_t)((alike * 2000000 + pairs) / (2 * pairs)) : -1;
}

static void test_insight__consistency_is_the_share_of_pairs_that_ended_alike(void **state)
{
	uint64_t seed = 1;
	(void)state;
	for (int round = 0; round < 2000; round++) {
		int64_t outcomes[COHORT_OUTCOMES];
		for (unsigned i = 0; i < COHORT_OUTCOMES; i++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			outcomes[i] = (int64_t)(seed >> 40) % (1 << (seed >> 61)) % 64;
		}
		int64_t is = consistency_of(outcomes), should = by_pairs(outcomes);
		if (is != should)
			fail_msg("round %d: %lld instead of %lld", round, (long long)is,
				 (long long)should);
	}
}

static void test_insight__of_one_message_there_is_no_consistency(void **state)
{
	const int64_t none[COHORT_OUTCOMES] = { 0 }, one[COHORT_OUTCOMES] = { 0, 0, 1 };
	const int64_t two[COHORT_OUTCOMES] = { 0, 0, 2 }, unlike[COHORT_OUTCOMES] = { 1, 1 };
	(void)state;
	assert_int_equal(consistency_of(none), -1);
	assert_int_equal(consistency_of(one), -1);
	assert_int_equal(consistency_of(two), 1000000);
	assert_int_equal(consistency_of(unlike), 0);
}

static void test_insight__a_route_weighs_its_likes(void **state)
{
	struct insight_like alike = { .sums = { .counts = { [COHORT_FAILED] = 30 } } };
	struct insight_like unlike = {
		.sums = { .counts = { [COHORT_ON_TIME] = 1, [COHORT_LATE] = 1 } }, .next = &alike
	};
	struct insight_like single = { .sums = { .counts = { [COHORT_UNKNOWN] = 1 } },
				       .next = &unlike };
	struct insight_route route = { .like = &single }, empty = { 0 };
	(void)state;
	assert_int_equal(insight_route_consistency(&route), 30 * 1000000 / 32);
	assert_int_equal(insight_route_consistency(&empty), -1);
}

/* Hundreds of millions in an hour neither overflow nor lose the figure. */
static void test_insight__consistency_holds_for_very_many(void **state)
{
	const int64_t many[COHORT_OUTCOMES] = { 3000000000, 1000000000 };
	(void)state;
	assert_int_equal(consistency_of(many), 625000);
}

static void test_insight__knows_three_windows_and_no_other(void **state)
{
	(void)state;
	assert_int_equal(insight_window("5m")->ms, 300000);
	assert_int_equal(insight_window("1h")->ms, 3600000);
	assert_int_equal(insight_window("24h")->ms, 86400000);
	assert_null(insight_window("2h"));
	assert_null(insight_window(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_insight__consistency_is_the_share_of_pairs_that_ended_alike),
		cmocka_unit_test(test_insight__of_one_message_there_is_no_consistency),
		cmocka_unit_test(test_insight__a_route_weighs_its_likes),
		cmocka_unit_test(test_insight__consistency_holds_for_very_many),
		cmocka_unit_test(test_insight__knows_three_windows_and_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
