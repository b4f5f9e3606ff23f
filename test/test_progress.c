/* An order's progress in bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/progress.h"

#define BASE 1700000000000

static struct progress progress;

static void goes(int64_t at_ms, enum store_state from, enum store_state to)
{
	progress_add(&progress, &(struct replay_change){ .at_ms = at_ms, .from = from, .to = to });
}

static struct progress_counts summed(void)
{
	struct progress_counts counts = { 0 };
	for (uint32_t i = 0; i < progress.n; i++)
		progress_sum(&counts, &progress.buckets[i].change);
	return counts;
}

/* Rising by slots, each its own, its last change in it. */
static void assert_in_order(void)
{
	for (uint32_t i = 0; i < progress.n; i++) {
		const struct progress_bucket *bucket = &progress.buckets[i];
		assert_int_equal((bucket->last_ms - BASE) / progress.step_ms, bucket->slot);
		assert_true(!i || bucket->slot > bucket[-1].slot);
	}
}

static void test_progress__tells_each_change_at_its_time(void **state)
{
	(void)state;
	progress_init(&progress, BASE);
	goes(BASE + 7, STORE_STATE_QUEUED, STORE_STATE_SUBMITTED);
	goes(BASE + 90000, STORE_STATE_SENT, STORE_STATE_DELIVERED);
	goes(BASE + 9, STORE_STATE_SUBMITTED, STORE_STATE_SENT);
	goes(BASE + 9, STORE_STATE_QUEUED, STORE_STATE_SENT);
	assert_int_equal(progress.n, 3);
	assert_int_equal(progress.step_ms, 1);
	assert_int_equal(progress.buckets[1].change.of[STORE_STATE_SENT], 2);
	assert_int_equal(progress.buckets[2].last_ms, BASE + 90000);
	assert_in_order();
}

/* The clock may have been set back behind the acceptance. */
static void test_progress__takes_a_time_before_acceptance_for_it(void **state)
{
	(void)state;
	progress_init(&progress, BASE);
	goes(BASE - 5000, STORE_STATE_QUEUED, STORE_STATE_SENT);
	assert_int_equal(progress.buckets[0].slot, 0);
}

/* Spread over days and met in no order: bounded, and nothing is lost. */
static void test_progress__doubles_its_step_and_loses_nothing(void **state)
{
	uint64_t seed = 88172645463325252u;
	(void)state;
	progress_init(&progress, BASE);
	for (int i = 0; i < 50000; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		goes(BASE + (int64_t)(seed % 400000000), STORE_STATE_QUEUED,
		     i % 4 ? STORE_STATE_DELIVERED : STORE_STATE_EXPIRED);
		assert_true(progress.n < PROGRESS_BUCKETS);
	}
	assert_in_order();
	assert_true(progress.step_ms > 1);
	struct progress_counts counts = summed();
	assert_int_equal(counts.of[STORE_STATE_QUEUED], -50000);
	assert_int_equal(counts.of[STORE_STATE_DELIVERED], 37500);
	assert_int_equal(progress_final(&counts), 50000);
	progress_coarsen(&progress, 99);
	assert_true(progress.n <= 99 && progress.n > 40);
	assert_in_order();
	counts = summed();
	assert_int_equal(counts.of[STORE_STATE_EXPIRED], 12500);
}

/* What happens within minutes is told finely, although a receipt came a week later. */
static void test_progress__spends_nothing_on_times_without_a_change(void **state)
{
	(void)state;
	progress_init(&progress, BASE);
	for (int64_t i = 0; i < 1000; i++)
		goes(BASE + i * 60, STORE_STATE_QUEUED, STORE_STATE_DELIVERED);
	goes(BASE + 604800000, STORE_STATE_SENT, STORE_STATE_DELIVERED);
	assert_int_equal(progress.step_ms, 1);
	progress_coarsen(&progress, 99);
	assert_true(progress.step_ms <= 1024);
	assert_in_order();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_progress__tells_each_change_at_its_time),
		cmocka_unit_test(test_progress__takes_a_time_before_acceptance_for_it),
		cmocka_unit_test(test_progress__doubles_its_step_and_loses_nothing),
		cmocka_unit_test(test_progress__spends_nothing_on_times_without_a_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
