/* Durations in buckets, against the sorted durations themselves. */
#include "core/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 2000

static uint64_t seed;

/* xorshift64*: what it draws depends on the seed alone. */
static uint64_t draw(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 2685821657736338717ull;
}

static int by_size(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return left < right ? -1 : left > right;
}

static void test_histogram__a_bucket_begins_where_the_one_before_it_ends(void **state)
{
	(void)state;
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		int64_t least = histogram_least_ms(bucket);
		assert_int_equal(histogram_bucket(least), bucket);
		if (bucket)
			assert_int_equal(histogram_bucket(least - 1), bucket - 1);
	}
	assert_int_equal(histogram_bucket(-5), 0);
	assert_int_equal(histogram_bucket(INT64_MAX), HISTOGRAM_BUCKETS - 1);
}

/* What the header promises of a bucket's width. */
static void test_histogram__a_bucket_is_at_most_half_as_wide_as_its_least(void **state)
{
	(void)state;
	for (unsigned bucket = 2; bucket < HISTOGRAM_BUCKETS; bucket++) {
		int64_t least = histogram_least_ms(bucket);
		assert_true(2 * (histogram_least_ms(bucket + 1) - least) <= least);
	}
}

static void test_histogram__a_quantile_is_in_the_bucket_of_the_true_one(void **state)
{
	static int64_t ms[MOST];
	(void)state;
	for (uint64_t round = 1; round <= 300; round++) {
		struct histogram histogram = { 0 };
		uint64_t sum = 0;
		seed = round;
		size_t n = 1 + draw() % MOST;
		for (size_t i = 0; i < n; i++) {
			ms[i] = (int64_t)(draw() >> (33 + draw() % 31));
			histogram_add(&histogram, ms[i]);
			sum += (uint64_t)ms[i];
		}
		qsort(ms, n, sizeof(ms[0]), by_size);
		assert_int_equal(histogram.count, n);
		assert_int_equal(histogram.sum_ms, sum);
		for (unsigned permille = 1; permille <= 1000; permille++) {
			size_t rank = (n * permille + 999) / 1000;
			unsigned is = histogram_bucket(histogram_quantile_ms(&histogram, permille));
			if (is != histogram_bucket(ms[rank - 1]))
				fail_msg(
					"seed %llu: %u permille of %zu is in bucket %u, not that of "
					"%lld ms",
					(unsigned long long)round, permille, n, is,
					(long long)ms[rank - 1]);
		}
	}
}

static void test_histogram__of_nothing_has_no_quantile(void **state)
{
	struct histogram histogram = { 0 };
	(void)state;
	assert_int_equal(histogram_quantile_ms(&histogram, 500), -1);
}

static void test_histogram__is_the_same_after_it_was_packed(void **state)
{
	struct histogram histogram = { 0 }, again = { 0 };
	uint8_t octets[HISTOGRAM_OCTETS];
	struct smpp_writer out = { .at = octets, .cap = sizeof(octets) };
	(void)state;
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
		histogram_add(&histogram, histogram_least_ms(bucket));
	histogram_pack(&histogram, &out);
	assert_false(out.bad);
	assert_int_equal(out.n, HISTOGRAM_OCTETS);
	histogram_unpack(&again, octets, out.n);
	assert_memory_equal(&again, &histogram, sizeof(again));
	histogram_unpack(&again, octets, out.n);
	assert_int_equal(again.n[7], 2);
}

static void test_histogram__takes_nothing_from_octets_that_are_none(void **state)
{
	struct histogram histogram = { 0 }, empty = { 0 };
	uint8_t octets[HISTOGRAM_OCTETS];
	struct smpp_writer out = { .at = octets, .cap = sizeof(octets) };
	(void)state;
	histogram_add(&histogram, 5);
	histogram_add(&histogram, 500);
	histogram_pack(&histogram, &out);
	histogram = empty;
	for (uint32_t n = 0; n < out.n; n++) {
		if (n == 8 || n == 13) /* an empty one, and the first bucket alone */
			continue;
		histogram_unpack(&histogram, octets, n);
		assert_memory_equal(&histogram, &empty, sizeof(empty));
	}
	octets[8] = HISTOGRAM_BUCKETS;
	histogram_unpack(&histogram, octets, out.n);
	assert_memory_equal(&histogram, &empty, sizeof(empty));
}

static void test_histogram__counts_to_the_end_and_stays_there(void **state)
{
	struct histogram histogram = { .n[3] = UINT32_MAX - 1, .count = UINT32_MAX - 1 };
	struct histogram other = histogram;
	(void)state;
	histogram_merge(&histogram, &other);
	assert_int_equal(histogram.n[3], UINT32_MAX);
	assert_int_equal(histogram.count, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histogram__a_bucket_begins_where_the_one_before_it_ends),
		cmocka_unit_test(test_histogram__a_bucket_is_at_most_half_as_wide_as_its_least),
		cmocka_unit_test(test_histogram__a_quantile_is_in_the_bucket_of_the_true_one),
		cmocka_unit_test(test_histogram__of_nothing_has_no_quantile),
		cmocka_unit_test(test_histogram__is_the_same_after_it_was_packed),
		cmocka_unit_test(test_histogram__takes_nothing_from_octets_that_are_none),
		cmocka_unit_test(test_histogram__counts_to_the_end_and_stays_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
