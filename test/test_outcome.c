/*
 * core/outcome: draws depend on the subject alone, reserved digits choose their row, mixes are
 * read or refused whole, and the manual page of smsc-sim lists the rows as they are.
 */
#include "core/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct outcome_mix everything_evenly(void)
{
	struct outcome_mix mix;

	for (int kind = 0; kind < OUTCOME_KINDS; kind++)
		mix.kind_weights[kind] = 1;
	for (int way = 0; way < OUTCOME_WAYS; way++)
		mix.way_weights[way] = 1;
	return mix;
}

static struct outcome draw(const struct outcome_mix *mix, uint64_t seed, const char *destination,
			   uint32_t part, uint32_t attempt)
{
	struct outcome_subject subject = {
		.seed = seed, .destination = destination, .part = part, .attempt = attempt
	};

	return outcome_draw(mix, &subject);
}

static void number(char text[16], unsigned int i)
{
	snprintf(text, 16, "49170%07u", i);
}

static void test_outcome__same_subject_same_outcome(void **state)
{
	struct outcome_mix mix = everything_evenly();
	enum outcome_kind kinds[500];
	char digits[16];

	(void)state;
	for (unsigned int i = 0; i < 500; i++) {
		number(digits, i);
		kinds[i] = draw(&mix, 7, digits, 1, 0).kind;
	}
	for (unsigned int i = 500; i-- > 0;) {
		number(digits, i);
		assert_int_equal(draw(&mix, 7, digits, 1, 0).kind, kinds[i]);
	}
}

/* How many of 1,000 destinations draw another kind when seed, part or attempt is changed. */
static unsigned int changed(uint64_t seed, uint32_t part, uint32_t attempt)
{
	struct outcome_mix mix = everything_evenly();
	unsigned int differing = 0;
	char digits[16];

	for (unsigned int i = 0; i < 1000; i++) {
		number(digits, i);
		differing += draw(&mix, 1, digits, 1, 0).kind !=
			     draw(&mix, seed, digits, part, attempt).kind;
	}
	return differing;
}

static void test_outcome__every_input_counts(void **state)
{
	(void)state;
	/* With 14 kinds of equal weight 13 of 14 change: 929 of 1,000, give or take 8 (sigma). */
	assert_in_range(changed(2, 1, 0), 890, 965);
	assert_in_range(changed(1, 2, 0), 890, 965);
	assert_in_range(changed(1, 1, 1), 890, 965);
	assert_int_equal(changed(1, 1, 0), 0);
}

static void test_outcome__only_digits_of_a_destination_count(void **state)
{
	struct outcome_mix mix = everything_evenly();
	char digits[16], plus[24];

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		number(digits, i);
		snprintf(plus, sizeof(plus), "+%s", digits);
		assert_int_equal(draw(&mix, 1, digits, 1, 0).kind, draw(&mix, 1, plus, 1, 0).kind);
	}
	draw(&mix, 1, "", 1, 0);
	draw(&mix, 1, "no digits", 1, 0);
}

static void test_outcome__weights_are_kept(void **state)
{
	struct outcome_mix mix;
	unsigned int kinds[OUTCOME_KINDS] = { 0 }, ways[OUTCOME_WAYS] = { 0 };
	char digits[16];

	(void)state;
	outcome_mix_init(&mix);
	assert_int_equal(outcome_mix_parse_kinds(&mix, "failed=20,expired=10", NULL), OUTCOME_OK);
	assert_int_equal(outcome_mix_parse_ways(&mix, "early=10,twice=10", NULL), OUTCOME_OK);
	for (unsigned int i = 0; i < 20000; i++) {
		struct outcome outcome;

		number(digits, i);
		outcome = draw(&mix, 3, digits, 1, 0);
		kinds[outcome.kind]++;
		ways[outcome.way]++;
	}
	/* Five sigma around 14,000, 4,000, 2,000. */
	assert_in_range(kinds[OUTCOME_DELIVERED], 13675, 14325);
	assert_in_range(kinds[OUTCOME_FAILED], 3717, 4283);
	assert_in_range(kinds[OUTCOME_EXPIRED], 1788, 2212);
	assert_in_range(ways[OUTCOME_WAY_EARLY], 1788, 2212);
	assert_in_range(ways[OUTCOME_WAY_TWICE], 1788, 2212);
	assert_int_equal(kinds[OUTCOME_DELIVERED] + kinds[OUTCOME_FAILED] + kinds[OUTCOME_EXPIRED],
			 20000);
	assert_int_equal(ways[OUTCOME_WAY_NORMAL] + ways[OUTCOME_WAY_EARLY] +
				 ways[OUTCOME_WAY_TWICE],
			 20000);
}

static void test_outcome__kind_and_way_are_independent(void **state)
{
	struct outcome_mix mix;
	unsigned int both = 0;
	char digits[16];

	(void)state;
	outcome_mix_init(&mix);
	assert_int_equal(outcome_mix_parse_kinds(&mix, "failed=50", NULL), OUTCOME_OK);
	assert_int_equal(outcome_mix_parse_ways(&mix, "early=50", NULL), OUTCOME_OK);
	for (unsigned int i = 0; i < 10000; i++) {
		struct outcome outcome;

		number(digits, i);
		outcome = draw(&mix, 3, digits, 1, 0);
		both += outcome.kind == OUTCOME_FAILED && outcome.way == OUTCOME_WAY_EARLY;
	}
	assert_in_range(both, 2284, 2716); /* five sigma around 2,500 */
}

static void test_outcome__reserved_digits_choose_the_rule(void **state)
{
	struct outcome_mix mix;
	struct outcome_rule rule;
	char destination[24];

	(void)state;
	outcome_mix_init(&mix);
	assert_int_equal(outcome_mix_parse_kinds(&mix, "deleted=100", NULL), OUTCOME_OK);
	for (size_t i = 0; outcome_rule_at(i, &rule); i++) {
		struct outcome outcome;

		snprintf(destination, sizeof(destination), "4917%08u", 99990000u + rule.nn);
		outcome = draw(&mix, i, destination, 1, 5);
		assert_int_equal(outcome.kind, rule.kind);
		assert_int_equal(outcome.way, rule.way);
		snprintf(destination, sizeof(destination), "%08u", 99990000u + rule.nn);
		assert_int_equal(draw(&mix, 0, destination, 1, 0).kind, rule.kind);
	}
}

static void test_outcome__other_digits_draw(void **state)
{
	static const char *const ordinary[] = {
		"491799990099",	  /* no such row */
		"491799990100",	  /* one past the range */
		"491799980001",	  /* one digit off */
		"9990001",	  /* a digit short */
		"49179999000112", /* not at the end */
		"",
		"99990",
	};
	struct outcome_mix mix;

	(void)state;
	outcome_mix_init(&mix);
	assert_int_equal(outcome_mix_parse_kinds(&mix, "deleted=100", NULL), OUTCOME_OK);
	for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
		assert_int_equal(draw(&mix, 1, ordinary[i], 1, 0).kind, OUTCOME_DELETED);
}

static void test_outcome__throttled_once_then_taken(void **state)
{
	struct outcome_mix mix;
	struct outcome outcome;

	(void)state;
	outcome_mix_init(&mix);
	outcome = draw(&mix, 1, "491799990005", 1, 0);
	assert_int_equal(outcome.status, 0x58);
	assert_true(outcome.answered);
	assert_int_equal(outcome.message_state, 0);
	outcome = draw(&mix, 1, "491799990005", 1, 1);
	assert_int_equal(outcome.status, 0);
	assert_int_equal(outcome.message_state, 2);
}

static void test_outcome__refused_at_every_attempt(void **state)
{
	struct outcome_mix mix;

	(void)state;
	outcome_mix_init(&mix);
	assert_int_equal(draw(&mix, 1, "491799990006", 1, 0).status, 0x0B);
	assert_int_equal(draw(&mix, 1, "491799990006", 1, UINT32_MAX - 1).status, 0x0B);
	assert_int_equal(draw(&mix, 1, "491799990006", 1, 1).message_state, 0);
}

static void test_outcome__times_stay_within_their_ends(void **state)
{
	bool low = false, high = false;
	char digits[16];

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		struct outcome_subject subject = { .seed = 1, .destination = digits, .part = 1 };
		uint32_t ms;

		number(digits, i);
		ms = outcome_draw_ms(&subject, OUTCOME_STREAM_LATENCY, 10, 19);
		assert_in_range(ms, 10, 19);
		low = low || ms == 10;
		high = high || ms == 19;
		assert_int_equal(outcome_draw_ms(&subject, OUTCOME_STREAM_LATENCY, 5, 5), 5);
		outcome_draw_ms(&subject, OUTCOME_STREAM_LATENCY, 0, UINT32_MAX);
	}
	assert_true(low);
	assert_true(high);
}

static void test_outcome__first_row_takes_the_rest_of_100(void **state)
{
	struct outcome_mix mix;

	(void)state;
	outcome_mix_init(&mix);
	assert_int_equal(outcome_mix_parse_kinds(&mix, "failed=3", NULL), OUTCOME_OK);
	assert_int_equal(mix.kind_weights[OUTCOME_DELIVERED], 97);
	assert_int_equal(outcome_mix_parse_kinds(&mix, "failed=3,none=97", NULL), OUTCOME_OK);
	assert_int_equal(mix.kind_weights[OUTCOME_DELIVERED], 0);
	assert_int_equal(outcome_mix_parse_kinds(&mix, "failed=3,none=200", NULL), OUTCOME_OK);
	assert_int_equal(mix.kind_weights[OUTCOME_DELIVERED], 0);
	assert_int_equal(outcome_mix_parse_kinds(&mix, "delivered=1,failed=3", NULL), OUTCOME_OK);
	assert_int_equal(mix.kind_weights[OUTCOME_DELIVERED], 1);
	assert_int_equal(mix.kind_weights[OUTCOME_NONE], 0);
	assert_int_equal(outcome_mix_parse_ways(&mix, "twice=40", NULL), OUTCOME_OK);
	assert_int_equal(mix.way_weights[OUTCOME_WAY_NORMAL], 60);
}

static void test_outcome__bad_mixes_change_nothing(void **state)
{
	static const struct {
		const char *text;
		enum outcome_error error;
		size_t at;
	} bad[] = {
		{ "", OUTCOME_SYNTAX, 0 },
		{ "failed", OUTCOME_SYNTAX, 0 },
		{ "failed=1,", OUTCOME_SYNTAX, 9 },
		{ ",failed=1", OUTCOME_SYNTAX, 0 },
		{ "failed=1,,expired=1", OUTCOME_SYNTAX, 9 },
		{ "failed=1,fale=1", OUTCOME_NAME, 9 },
		{ "fail=1", OUTCOME_NAME, 0 },
		{ "failedx=1", OUTCOME_NAME, 0 },
		{ "=1", OUTCOME_NAME, 0 },
		{ "Failed=1", OUTCOME_NAME, 0 },
		{ "early=1", OUTCOME_NAME, 0 },
		{ "failed=1,failed=1", OUTCOME_TWICE, 9 },
		{ "failed=", OUTCOME_WEIGHT, 0 },
		{ "failed=-1", OUTCOME_WEIGHT, 0 },
		{ "failed=1.5", OUTCOME_WEIGHT, 0 },
		{ "failed=1 ", OUTCOME_WEIGHT, 0 },
		{ "failed=1000001", OUTCOME_WEIGHT, 0 },
		{ "failed=99999999999999999999999", OUTCOME_WEIGHT, 0 },
		{ "delivered=0", OUTCOME_EMPTY, 0 },
		{ "delivered=0,failed=0", OUTCOME_EMPTY, 0 },
	};
	struct outcome_mix mix, before;

	(void)state;
	outcome_mix_init(&before);
	mix = before;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *at = NULL;

		assert_int_equal(outcome_mix_parse_kinds(&mix, bad[i].text, &at), bad[i].error);
		assert_ptr_equal(at, bad[i].text + bad[i].at);
		assert_memory_equal(&mix, &before, sizeof(mix));
	}
	assert_int_equal(outcome_mix_parse_kinds(&mix, "failed=1000000", NULL), OUTCOME_OK);
	assert_int_equal(outcome_mix_parse_ways(&mix, "failed=1", NULL), OUTCOME_NAME);
}

static void test_outcome__rows_are_whole(void **state)
{
	struct outcome_rule rule, other;

	(void)state;
	for (size_t i = 0; outcome_rule_at(i, &rule); i++) {
		assert_in_range(rule.nn, 0, 99);
		for (size_t j = 0; j < i; j++) {
			assert_true(outcome_rule_at(j, &other));
			assert_int_not_equal(other.nn, rule.nn);
		}
	}
	for (int error = OUTCOME_OK; error <= OUTCOME_EMPTY; error++)
		assert_true(strlen(outcome_error_text((enum outcome_error)error)) > 0);
}

static char *read_whole(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 16);
	size_t n;

	assert_non_null(file);
	assert_non_null(text);
	n = fread(text, 1, (1 << 16) - 1, file);
	fclose(file);
	assert_in_range(n, 1, (1 << 16) - 2);
	return text;
}

static void assert_line(const char *page, const char *line)
{
	if (strstr(page, line) == NULL)
		fail_msg("tools/smsc-sim.1.scd lacks the line: %s", line);
}

static void test_outcome__manual_page_lists_the_rows(void **state)
{
	char *page = read_whole("tools/smsc-sim.1.scd");
	struct outcome_rule rule;
	char line[256];

	(void)state;
	for (int kind = 0; kind < OUTCOME_KINDS; kind++) {
		snprintf(line, sizeof(line), "\n|  %s\n:  %s\n",
			 outcome_kind_name((enum outcome_kind)kind),
			 outcome_kind_sentence((enum outcome_kind)kind));
		assert_line(page, line);
	}
	for (int way = 0; way < OUTCOME_WAYS; way++) {
		snprintf(line, sizeof(line), "\n|  %s\n:  %s\n",
			 outcome_way_name((enum outcome_way)way),
			 outcome_way_sentence((enum outcome_way)way));
		assert_line(page, line);
	}
	for (size_t i = 0; outcome_rule_at(i, &rule); i++) {
		snprintf(line, sizeof(line), "\n|  999900%02u\n:  %s\n:  %s\n", rule.nn,
			 outcome_kind_name(rule.kind), outcome_way_name(rule.way));
		assert_line(page, line);
	}
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcome__same_subject_same_outcome),
		cmocka_unit_test(test_outcome__every_input_counts),
		cmocka_unit_test(test_outcome__only_digits_of_a_destination_count),
		cmocka_unit_test(test_outcome__weights_are_kept),
		cmocka_unit_test(test_outcome__kind_and_way_are_independent),
		cmocka_unit_test(test_outcome__reserved_digits_choose_the_rule),
		cmocka_unit_test(test_outcome__other_digits_draw),
		cmocka_unit_test(test_outcome__throttled_once_then_taken),
		cmocka_unit_test(test_outcome__refused_at_every_attempt),
		cmocka_unit_test(test_outcome__times_stay_within_their_ends),
		cmocka_unit_test(test_outcome__first_row_takes_the_rest_of_100),
		cmocka_unit_test(test_outcome__bad_mixes_change_nothing),
		cmocka_unit_test(test_outcome__rows_are_whole),
		cmocka_unit_test(test_outcome__manual_page_lists_the_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
