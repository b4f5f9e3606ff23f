/* The text format of Prometheus: heads, labels and their escapes, figures, histograms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/exposition.h"

static const struct exposition_metric plain = { "esmed_things", "gauge", "Things.", { NULL } };
static const struct exposition_metric labelled = { "esmed_things",
						   "gauge",
						   "Things.",
						   { "a", "b" } };

static void says(struct buffer *out, const char *text)
{
	buffer_append(out, "", 1);
	assert_string_equal((const char *)out->octets, text);
	buffer_release(out);
}

static void test_exposition__heads_a_metric(void **state)
{
	struct buffer out = { 0 };
	(void)state;
	exposition_head(&out, &plain);
	says(&out, "# HELP esmed_things Things.\n# TYPE esmed_things gauge\n");
}

static void test_exposition__writes_figures_exactly(void **state)
{
	struct buffer out = { 0 };
	(void)state;
	exposition_put(&out, &plain, NULL, exposition_whole(INT64_MAX));
	exposition_put(&out, &plain, NULL, exposition_ms(7));
	exposition_put(&out, &plain, NULL, exposition_us(12000345));
	exposition_put(&out, &plain, NULL, exposition_ms(-1500));
	exposition_put(&out, &plain, NULL, exposition_ms(-1));
	says(&out, "esmed_things 9223372036854775807\n"
		   "esmed_things 0.007\n"
		   "esmed_things 12.000345\n"
		   "esmed_things -1.500\n"
		   "esmed_things -0.001\n");
}

static void test_exposition__escapes_what_labels_must_not_hold(void **state)
{
	struct buffer out = { 0 };
	const char *const values[] = { "back\\slash \"quoted\"", "two\nlines" };
	(void)state;
	exposition_put(&out, &labelled, values, exposition_whole(1));
	says(&out, "esmed_things{a=\"back\\\\slash \\\"quoted\\\"\",b=\"two\\nlines\"} 1\n");
}

static void test_exposition__adds_the_buckets_of_a_histogram_up(void **state)
{
	static const int64_t bounds[] = { 1, 250 };
	static const uint64_t n[] = { 2, 0, 3 };
	const struct exposition_histogram histogram = {
		.bounds = bounds, .n = n, .n_bounds = 2, .decimals = 3, .sum = 900
	};
	const char *const values[] = { "x", "y" };
	struct buffer out = { 0 };
	(void)state;
	exposition_put_histogram(&out, &labelled, values, &histogram);
	exposition_put_histogram(&out, &plain, NULL, &histogram);
	says(&out, "esmed_things_bucket{a=\"x\",b=\"y\",le=\"0.001\"} 2\n"
		   "esmed_things_bucket{a=\"x\",b=\"y\",le=\"0.250\"} 2\n"
		   "esmed_things_bucket{a=\"x\",b=\"y\",le=\"+Inf\"} 5\n"
		   "esmed_things_sum{a=\"x\",b=\"y\"} 0.900\n"
		   "esmed_things_count{a=\"x\",b=\"y\"} 5\n"
		   "esmed_things_bucket{le=\"0.001\"} 2\n"
		   "esmed_things_bucket{le=\"0.250\"} 2\n"
		   "esmed_things_bucket{le=\"+Inf\"} 5\n"
		   "esmed_things_sum 0.900\n"
		   "esmed_things_count 5\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exposition__heads_a_metric),
		cmocka_unit_test(test_exposition__writes_figures_exactly),
		cmocka_unit_test(test_exposition__escapes_what_labels_must_not_hold),
		cmocka_unit_test(test_exposition__adds_the_buckets_of_a_histogram_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
