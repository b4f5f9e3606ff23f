/* Receipts that do not come: they are asked for by query_sm, at their pace and behind all submits. */
#include "test/engine_receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/provider.h"

#define ASKING PROVIDER "query_missing_receipt: true"

/* receipt_deadline is 40 s: it is asked at 20 s and at 36 s, and UNKNOWN for lack of a receipt. */
static void test_engine__a_missing_receipt_is_asked_for_twice(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = ASKING });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "1");
	engine_world_run(world, 19000);
	assert_int_equal(alpha->n_heard, 0);
	engine_world_run(world, 2000);
	assert_int_equal(alpha->n_heard, 1);
	assert_int_equal(alpha->heard[0].command_id, SMPP_query_sm);
	carrier_reply_state(alpha, 0, 1, NULL);
	engine_world_run(world, 14000);
	assert_int_equal(alpha->n_heard, 1);
	engine_world_run(world, 2000);
	assert_int_equal(alpha->n_heard, 2);
	carrier_reply(alpha, 1, 0x67);
	engine_world_run(world, 10000);
	assert_int_equal(alpha->n_heard, 2);
	assert_int_equal(world_rows(world, order, 0, LIFE_ON_RECEIPT_PENDING), 1);
	assert_int_equal(world_rows(world, order, 0, LIFE_ON_QUERIED), 1);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT);
	engine_world_free(world);
}

static void test_engine__what_has_a_receipt_is_not_asked_about(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = ASKING });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "1");
	says(world, "1", "DELIVRD");
	uint64_t doubt = engine_world_order(world, &(struct wish){ 0 }); /* never answered */
	engine_world_run(world, 50000);
	assert_int_equal(alpha->n_heard, 0);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_ends(world, doubt, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED);
	engine_world_free(world);
}

static void test_engine__a_receipt_is_not_asked_for_where_it_is_off(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	taken(world, "1");
	engine_world_run(world, 50000);
	assert_int_equal(world->carriers[0]->n_heard, 0);
	engine_world_free(world);
}

/* Ten a second at most, one at a time, and each once until the second point. */
static void test_engine__missing_receipts_are_asked_for_at_their_pace(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = ASKING });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->obliging = true;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 30 });
	engine_world_run(world, 21000);
	size_t answered = 0;
	assert_int_equal(alpha->n_heard, 1); /* one at a time: the first is not answered */
	for (int tenths = 0; tenths < 10; tenths++) {
		while (answered < alpha->n_heard)
			carrier_reply_state(alpha, answered++, 1, NULL);
		engine_world_run(world, 100);
	}
	assert_in_range(alpha->n_heard, 5, 12);
	for (int tenths = 0; tenths < 80; tenths++) {
		while (answered < alpha->n_heard)
			carrier_reply_state(alpha, answered++, 2, NULL);
		engine_world_run(world, 100);
	}
	assert_int_equal(alpha->n_heard, 30);
	for (size_t i = 0; i < 30; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(alpha->heard[i].message_id,
						alpha->heard[k].message_id);
	assert_in_range(world_order(world, order).delivered, 18, 25);
	engine_world_free(world);
}

static void test_engine__a_query_never_takes_the_place_of_a_submit(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 2, release_ahead: 0, query_missing_receipt: true, "
			 "timers: {response: 60s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "1");
	engine_world_order(world, &(struct wish){ 0 }); /* the carrier takes its time */
	engine_world_run(world, 25000);
	assert_int_equal(alpha->n_heard, 0);
	carrier_ok(alpha, 1, "2");
	engine_world_run(world, 2000);
	assert_int_equal(alpha->n_heard, 1); /* one of the two; the other waits for its answer */
	carrier_reply_state(alpha, 0, 2, NULL);
	engine_world_run(world, 2000);
	assert_int_equal(alpha->n_heard, 2);
	carrier_reply_state(alpha, 1, 2, NULL);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* What its evidence tells is not asked for again; what it does not is, at the next point. */
static void test_engine__after_a_crash_missing_receipts_are_still_asked_for(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = ASKING });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "1");
	engine_world_run(world, 21000);
	carrier_reply_state(alpha, 0, 1, NULL);
	engine_world_settle(world);
	engine_world_crash(world);
	engine_world_run(world, 10000);
	assert_int_equal(alpha->n_heard, 1);
	engine_world_run(world, 6500);
	assert_int_equal(alpha->n_heard, 2);
	carrier_reply_state(alpha, 1, 2, NULL);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__a_missing_receipt_is_asked_for_twice),
		cmocka_unit_test(test_engine__what_has_a_receipt_is_not_asked_about),
		cmocka_unit_test(test_engine__a_receipt_is_not_asked_for_where_it_is_off),
		cmocka_unit_test(test_engine__missing_receipts_are_asked_for_at_their_pace),
		cmocka_unit_test(test_engine__a_query_never_takes_the_place_of_a_submit),
		cmocka_unit_test(test_engine__after_a_crash_missing_receipts_are_still_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
