/* Receipts of unknown ids and messages in doubt: what is joined, and what is no guess. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/correlate.h"
#include "test/engine_receipts.h"

#define JOINS	 PROVIDER "join_unique_receipt: true"
#define RESPONSE 6000 /* ms, by when an answer that never came is given up on */

static const struct setting joins = { .alpha = JOINS };

/* What the operator's view would suggest for the first segment of that message; 0: nothing. */
struct asked {
	struct input input;
	const struct provider *provider;
	struct segment_ref ref;
	uint64_t *seq;
	enum correlate_error *error; /* NULL: only asked */
};

static void apply_asked(struct turn *turn, struct input *input)
{
	struct asked *asked = (void *)input;
	if (!asked->error) {
		*asked->seq = correlate_suggest(turn, asked->provider, asked->ref);
		return;
	}
	struct store_orphan orphan = { .seq = *asked->seq };
	assert_int_equal(store_orphan_get(turn->txn, &orphan), STORE_OK);
	*asked->error = correlate_join(turn, &orphan, asked->ref);
}

static void ask(struct engine_world *world, uint64_t order, uint32_t index, uint64_t *seq,
		enum correlate_error *error)
{
	struct asked *asked = calloc(1, sizeof(*asked));
	asked->input.apply = apply_asked;
	asked->provider = world->engine->providers[0];
	asked->ref = (struct segment_ref){ .order = order, .index = index };
	asked->seq = seq;
	asked->error = error;
	engine_input(world->engine, &asked->input);
	engine_world_settle(world);
}

static uint64_t suggested(struct engine_world *world, uint64_t order, uint32_t index)
{
	uint64_t seq = UINT64_MAX;
	ask(world, order, index, &seq, NULL);
	return seq;
}

static enum correlate_error join(struct engine_world *world, uint64_t seq, uint64_t order)
{
	enum correlate_error error = CORRELATE_OK;
	ask(world, order, 0, &seq, &error);
	return error;
}

static uint64_t in_doubt(struct engine_world *world, uint64_t first)
{
	uint64_t order = engine_world_order(world, &(struct wish){ .first = first });
	engine_world_run(world, RESPONSE);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_IN_DOUBT);
	return order;
}

static void assert_joined(struct engine_world *world, uint64_t order, enum store_state state)
{
	assert_int_equal(world_state(world, order, 0), state);
	assert_true(world_message(world, order, 0)->flags & STORE_FLAG_BY_CORRELATION);
	assert_int_equal(world_message(world, order, 0)->seg.open_attempts, 0);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN_TAIL), 0);
	assert_int_equal(world_count(world, STORE_KIND_DOUBT), 0);
}

/* ---- join_unique_receipt ---- */

static void test_engine__an_orphan_that_comes_after_the_doubt_decides_it(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t order = in_doubt(world, FIRST_NUMBER);
	says(world, "abc", "DELIVRD");
	assert_joined(world, order, STORE_STATE_DELIVERED);
	assert_int_equal(world->carriers[0]->acked, 1);
	engine_world_free(world);
}

static void test_engine__an_orphan_that_was_there_decides_the_doubt_that_begins(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	says(world, "abc", "DELIVRD");
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1); /* its answer may still come */
	assert_int_equal(world_segment(world, order, 0, 0), STORE_STATE_SUBMITTED);
	engine_world_run(world, RESPONSE);
	assert_joined(world, order, STORE_STATE_DELIVERED);
	engine_world_free(world);
}

/* The daemon died with the answer outstanding, and the receipt was stored before. */
static void test_engine__an_orphan_of_before_the_crash_decides_what_the_crash_left(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	says(world, "abc", "DELIVRD");
	engine_world_crash(world);
	assert_joined(world, order, STORE_STATE_DELIVERED);
	engine_world_free(world);
}

/* The id is the segment's from then on, so that what follows finds it; a failure is a failure. */
static void test_engine__what_follows_a_joined_receipt_finds_its_message(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t order = in_doubt(world, FIRST_NUMBER);
	says(world, "1A2B3C", "ENROUTE");
	assert_joined(world, order, STORE_STATE_SENT);
	engine_world_crash(world);
	engine_world_run(world, 300);
	says(world, "1a2b3c", "UNDELIV");
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	engine_world_free(world);
}

/* ENROUTE and DELIVRD of one message came while its answer was awaited in vain. */
static void test_engine__orphans_of_one_id_are_joined_together(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	says(world, "abc", "ENROUTE");
	says(world, "abc", "DELIVRD");
	engine_world_run(world, RESPONSE);
	assert_joined(world, order, STORE_STATE_DELIVERED);
	assert_int_equal(world_rows(world, order, 0, LIFE_ON_RECEIPT_PENDING), 1);
	engine_world_free(world);
}

static void test_engine__a_failure_by_correlation_is_final_with_one_attempt(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t order = in_doubt(world, FIRST_NUMBER);
	says(world, "abc", "UNDELIV");
	assert_joined(world, order, STORE_STATE_FAILED);
	assert_int_equal(world_error(world, order, 0), STORE_ERROR_UNDELIVERABLE);
	engine_world_free(world);
}

/* A late answer under the same id changes nothing more. */
static void test_engine__a_late_answer_agrees_with_what_was_joined(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t order = in_doubt(world, FIRST_NUMBER);
	says(world, "abc", "DELIVRD");
	carrier_ok(world->carriers[0], 0, "ABC");
	engine_world_settle(world);
	assert_joined(world, order, STORE_STATE_DELIVERED);
	engine_world_free(world);
}

/* ---- no guess ---- */

static void assert_not_joined(struct engine_world *world, const struct said *said)
{
	uint64_t orphans = world_count(world, STORE_KIND_ORPHAN);
	assert_true(carrier_says(world->carriers[0], said));
	engine_world_settle(world);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), orphans + 1);
}

static void test_engine__two_doubts_that_fit_are_no_guess(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t one = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	uint64_t two = in_doubt(world, FIRST_NUMBER);
	assert_not_joined(world, &(struct said){ .id = "abc", .stat = "DELIVRD" });
	assert_int_equal(suggested(world, one, 0), 0);
	assert_int_equal(suggested(world, two, 0), 0);
	assert_int_equal(world_state(world, one, 0), STORE_STATE_IN_DOUBT);
	assert_int_equal(world_state(world, two, 0), STORE_STATE_IN_DOUBT);
	engine_world_free(world);
}

/* Parts of one message look alike, too. */
static void test_engine__a_receipt_of_one_part_is_not_guessed(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t order =
		engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER, .parts = 2 });
	engine_world_run(world, RESPONSE);
	assert_not_joined(world, &(struct said){ .id = "abc", .stat = "DELIVRD" });
	assert_int_equal(suggested(world, order, 0), 0);
	engine_world_free(world);
}

static void test_engine__two_orphans_that_fit_are_no_guess(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	says(world, "abc", "DELIVRD");
	says(world, "abd", "UNDELIV");
	engine_world_run(world, RESPONSE);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_IN_DOUBT);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 2);
	assert_int_equal(suggested(world, order, 0), 0);
	engine_world_free(world);
}

/* A message to the same number is out: the receipt may have overtaken its answer. */
static void test_engine__what_may_be_parked_is_not_joined(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t doubt = in_doubt(world, FIRST_NUMBER);
	uint64_t out = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	assert_not_joined(world, &(struct said){ .id = "abc", .stat = "DELIVRD" });
	carrier_ok(world->carriers[0], 1, "abc");
	engine_world_settle(world);
	assert_int_equal(world_state(world, out, 0), STORE_STATE_DELIVERED);
	assert_int_equal(world_state(world, doubt, 0), STORE_STATE_IN_DOUBT);
	/* And when that answer names another id, it was the doubt's. */
	out = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	assert_not_joined(world, &(struct said){ .id = "abd", .stat = "DELIVRD" });
	carrier_ok(world->carriers[0], 2, "999");
	engine_world_settle(world);
	assert_int_equal(world_state(world, out, 0), STORE_STATE_SENT);
	assert_int_equal(world_state(world, doubt, 0), STORE_STATE_DELIVERED);
	engine_world_free(world);
}

static void test_engine__what_does_not_fit_is_not_joined(void **state)
{
	static const struct said others[] = {
		{ .id = "a1", .stat = "DELIVRD", .from = FIRST_NUMBER + 1 },
		{ .id = "a2", .stat = "DELIVRD", .to = "Other" },
		{ .id = "a3", .stat = "DELIVRD", .to = "31688888888" },
		{ .id = "a4", .stat = "DELIVRD", .text = "Your code is 12" },
		{ .id = "a5", .stat = "DELIVRD", .source = "316000XXXXX" },
		{ .id = "a6", .stat = "DELIVRD", .source = "" },
	};
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	assert_not_joined(world, &(struct said){ .id = "a0", .stat = "DELIVRD" }); /* too old */
	engine_world_run(world, 1000);
	uint64_t order = in_doubt(world, FIRST_NUMBER);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_not_joined(world, &others[i]);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_IN_DOUBT);
	assert_int_equal(suggested(world, order, 0), 0);
	/* Swapped or not, with or without a text, it fits. */
	assert_true(carrier_says(world->carriers[0], &(struct said){ .id = "b",
								     .stat = "DELIVRD",
								     .source = "SHOP",
								     .to = "+31600000000",
								     .text = "none" }));
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	engine_world_free(world);
}

static void test_engine__another_providers_doubt_is_not_decided(void **state)
{
	struct engine_world *world = engine_world_new(&joins);
	(void)state;
	uint64_t order =
		engine_world_order(world, &(struct wish){ .route = 2, .first = FIRST_NUMBER });
	engine_world_run(world, RESPONSE);
	assert_not_joined(world, &(struct said){ .id = "abc", .stat = "DELIVRD" });
	assert_int_equal(world_state(world, order, 0), STORE_STATE_IN_DOUBT);
	assert_int_equal(join(world, 1, order), CORRELATE_PROVIDER);
	engine_world_free(world);
}

/* ---- the operator ---- */

static void test_engine__without_the_setting_it_is_a_suggestion(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = in_doubt(world, FIRST_NUMBER);
	says(world, "abc", "DELIVRD");
	assert_int_equal(world_state(world, order, 0), STORE_STATE_IN_DOUBT);
	assert_int_equal(suggested(world, order, 0), 1);
	assert_int_equal(join(world, 1, order), CORRELATE_OK);
	assert_joined(world, order, STORE_STATE_DELIVERED);
	engine_world_free(world);
}

static void test_engine__an_operator_joins_what_would_be_no_guess(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t one = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	uint64_t two = in_doubt(world, FIRST_NUMBER);
	says(world, "abc", "DELIVRD");
	says(world, "", "DELIVRD"); /* names no id, but says what became of it */
	assert_int_equal(newest_orphan(world).reason, ORPHAN_UNPARSED);
	assert_int_equal(join(world, 1, two), CORRELATE_OK);
	assert_int_equal(join(world, 2, one), CORRELATE_OK);
	assert_joined(world, one, STORE_STATE_DELIVERED);
	assert_joined(world, two, STORE_STATE_DELIVERED);
	engine_world_free(world);
}

/* Given up on, or sent under an id that its receipts do not name. */
static void test_engine__an_operator_joins_to_what_has_no_outcome(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t closed = in_doubt(world, FIRST_NUMBER);
	engine_world_run(world, 41000);
	assert_ends(world, closed, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED);
	uint64_t sent = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_ok(world->carriers[0], 1, "first");
	engine_world_settle(world);
	says(world, "abc", "DELIVRD");
	says(world, "abd", "UNDELIV");
	assert_int_equal(join(world, 1, closed), CORRELATE_OK);
	assert_int_equal(join(world, 2, sent), CORRELATE_OK);
	assert_ends(world, closed, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_true(world_message(world, closed, 0)->flags & STORE_FLAG_LATE_EVIDENCE);
	assert_ends(world, sent, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE);
	/* What has its outcome, or waits, is not joined. */
	says(world, "abe", "DELIVRD");
	assert_int_equal(join(world, 3, sent), CORRELATE_DECIDED);
	uint64_t out = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	assert_int_equal(join(world, 3, out), CORRELATE_WAITS);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	engine_world_free(world);
}

/* The second says nothing new, but its id is: what follows under it is the message's. */
static void test_engine__each_joined_receipt_gives_its_id(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = in_doubt(world, FIRST_NUMBER);
	engine_world_run(world, 41000);
	says(world, "abc", "ENROUTE");
	says(world, "abd", "ENROUTE");
	assert_int_equal(join(world, 1, order), CORRELATE_OK);
	assert_int_equal(join(world, 2, order), CORRELATE_OK);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED);
	says(world, "abd", "DELIVRD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	engine_world_free(world);
}

/* With two attempts of unknown fate a failure of one is none of the message. */
static void test_engine__a_joined_failure_of_one_of_two_attempts_decides_nothing(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.route = ROUTE "doubt: resend, doubt_grace: 2s", .alpha = JOINS });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	engine_world_run(world, 14000);
	assert_int_equal(world_message(world, order, 0)->seg.open_attempts, 2);
	says(world, "abc", "UNDELIV");
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__an_orphan_that_comes_after_the_doubt_decides_it),
		cmocka_unit_test(
			test_engine__an_orphan_that_was_there_decides_the_doubt_that_begins),
		cmocka_unit_test(
			test_engine__an_orphan_of_before_the_crash_decides_what_the_crash_left),
		cmocka_unit_test(test_engine__what_follows_a_joined_receipt_finds_its_message),
		cmocka_unit_test(test_engine__orphans_of_one_id_are_joined_together),
		cmocka_unit_test(test_engine__a_failure_by_correlation_is_final_with_one_attempt),
		cmocka_unit_test(test_engine__a_late_answer_agrees_with_what_was_joined),
		cmocka_unit_test(test_engine__two_doubts_that_fit_are_no_guess),
		cmocka_unit_test(test_engine__a_receipt_of_one_part_is_not_guessed),
		cmocka_unit_test(test_engine__two_orphans_that_fit_are_no_guess),
		cmocka_unit_test(test_engine__what_may_be_parked_is_not_joined),
		cmocka_unit_test(test_engine__what_does_not_fit_is_not_joined),
		cmocka_unit_test(test_engine__another_providers_doubt_is_not_decided),
		cmocka_unit_test(test_engine__without_the_setting_it_is_a_suggestion),
		cmocka_unit_test(test_engine__an_operator_joins_what_would_be_no_guess),
		cmocka_unit_test(test_engine__an_operator_joins_to_what_has_no_outcome),
		cmocka_unit_test(test_engine__each_joined_receipt_gives_its_id),
		cmocka_unit_test(
			test_engine__a_joined_failure_of_one_of_two_attempts_decides_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
