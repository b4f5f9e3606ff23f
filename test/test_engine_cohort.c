/* Moves and cohorts in the store: what is pending, what is folded, what goes and what stays. */
#include "test/engine_insight.h"

/* ---- moves ---- */

/* A turn that is dropped leaves no trace, in the store or in memory. */
static void test_engine__what_is_not_on_disk_is_not_counted(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 2 });
	world->fault = STORE_FAULT_FULL;
	assert_int_equal(engine_world_order(world, &(struct wish){ .total = 5 }), 0);
	assert_true(world->failed_commits);
	world->fault = STORE_FAULT_NONE;
	engine_world_run(world, 3000);
	assert_int_equal(counted(world, COHORT_MESSAGES), 2);
	assert_int_equal(cohort_total_of(world->engine, 1)->came[COHORT_MESSAGES], 2);
	engine_world_free(world);
}

/* Two are taken; the daemon is killed while the others' answers are missing. */
static void test_engine__a_restart_knows_what_is_awaited_and_in_doubt(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 5 });
	carrier_ok(world->carriers[0], 0, "1");
	carrier_ok(world->carriers[0], 1, "2");
	engine_world_settle(world);
	engine_world_crash(world);
	for (int again = 0; again < 2; again++) {
		const struct cohort_total *total = cohort_total_of(world->engine, 1);
		assert_int_equal(total->sums.counts[COHORT_AWAITING], 2);
		assert_int_equal(total->sums.counts[COHORT_IN_DOUBT], 3);
		assert_int_equal(total->came[COHORT_MESSAGES], 0);
		engine_world_crash(world);
	}
	engine_world_run(world, 2000); /* it is bound again */
	assert_true(
		carrier_says(world->carriers[0],
			     &(struct said){ .id = "1", .stat = "DELIVRD", .from = FIRST_NUMBER }));
	engine_world_settle(world);
	assert_int_equal(cohort_total_of(world->engine, 1)->sums.counts[COHORT_AWAITING], 1);
	engine_world_free(world);
}

static uint64_t last_txn(struct engine_world *world)
{
	struct store_info info;
	store_info(world->store, &info);
	return info.last_txn;
}

/* Nobody waits for more than a small record; the sums come within a second, and then all is still. */
static void test_engine__a_turn_puts_moves_down_and_a_later_one_folds_them(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	engine_world_run(world, 1500);
	taken(world, 3);
	assert_int_equal(world_count(world, STORE_KIND_COHORT_MOVE), 1);
	assert_int_equal(world_count(world, STORE_KIND_COHORT), 0);
	engine_world_run(world, RETENTION_EVERY_MS);
	assert_int_equal(world_count(world, STORE_KIND_COHORT_MOVE), 0);
	assert_int_equal(world_count(world, STORE_KIND_COHORT), 4); /* own and of all, twice */
	uint64_t before = last_txn(world);
	engine_world_run(world, 10 * RETENTION_EVERY_MS);
	assert_int_equal(last_txn(world), before);
	assert_int_equal(counted(world, COHORT_TAKEN), 3);
	engine_world_free(world);
}

/* Killed with all of it pending, then with all of it folded: the same is told. */
static void test_engine__pending_moves_count_after_a_crash(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 5 });
	taken(world, 2);
	for (int again = 0; again < 2; again++) {
		engine_world_crash(world);
		const struct cohort_total *total = cohort_total_of(world->engine, 1);
		assert_int_equal(total->sums.counts[COHORT_MESSAGES], 7);
		assert_int_equal(total->sums.counts[COHORT_TAKEN], 7);
		assert_int_equal(counted(world, COHORT_MESSAGES), 7);
		assert_int_equal(counted(world, COHORT_TAKEN), 7);
	}
	engine_world_free(world);
}

/* Puts moves of so many likes into the store, as a daemon that is killed leaves them. */
static void leave_moves(struct engine_world *world, struct store_cohort_move from, uint32_t n)
{
	struct store_txn *txn;
	assert_int_equal(store_begin(world->store, &txn), STORE_OK);
	for (uint32_t i = 0; i < n; i++, from.country++)
		assert_int_equal(store_cohort_move_put(txn, &from), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	engine_world_crash(world);
}

static struct store_cohort_move move_of(uint32_t minute)
{
	return (struct store_cohort_move){ .minute = minute,
					   .account = 5,
					   .route = 1,
					   .provider = 1,
					   .country = 1,
					   .parts = 1,
					   .messages = 1 };
}

static void test_engine__many_moves_are_folded_in_slices_and_none_is_lost(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	uint32_t minute = (uint32_t)(port_wall_ms(world->port) / MINUTE_MS);
	const uint64_t most = 64; /* in a turn that itself moves nothing */
	unsigned goes;
	uint64_t folds = 0;
	(void)state;
	leave_moves(world, move_of(minute), 1000);
	for (uint64_t left = 1000, now; !cohorts_folded(world->engine, &folds); left = now) {
		engine_step(world->engine);
		now = world_count(world, STORE_KIND_COHORT_MOVE);
		assert_in_range(now, left < most ? 0 : left - most, left);
	}
	assert_int_equal(world_count(world, STORE_KIND_COHORT_MOVE), 0);
	struct insight *insight = gathered(world, 5, "1h", 100, &goes);
	assert_int_equal(HASH_COUNT(insight->likes), 1000);
	assert_int_equal(insight->routes->sums.counts[COHORT_MESSAGES], 1000);
	insight_free(insight);
	assert_int_equal(look(world, COHORT_ALL, "24h").sums.counts[COHORT_MESSAGES], 1000);
	engine_world_free(world);
}

/* What is told of a message that was in it is told to nobody. */
static void test_engine__what_was_trimmed_is_not_begun_anew(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	struct store_cohort rec = { 0 };
	struct store_txn *txn;
	(void)state;
	taken(world, 1);
	fold(world);
	assert_int_equal(store_begin(world->store, &txn), STORE_OK);
	while (store_cohort_next(txn, &rec, 0) == STORE_OK)
		assert_int_equal(store_cohort_del(txn, &rec), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	assert_true(
		carrier_says(world->carriers[0],
			     &(struct said){ .id = "1", .stat = "DELIVRD", .from = FIRST_NUMBER }));
	engine_world_settle(world);
	assert_int_equal(world_count(world, STORE_KIND_COHORT_MOVE), 1);
	fold(world);
	assert_int_equal(world_count(world, STORE_KIND_COHORT_MOVE), 0);
	assert_int_equal(world_count(world, STORE_KIND_COHORT), 0);
	engine_world_free(world);
}

/* Before more moves than one turn folds stands one that an old hour stays for. */
static void test_engine__an_hour_stays_for_a_move_that_is_pending(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	uint32_t old = (uint32_t)(port_wall_ms(world->port) / HOUR_MS) - 60;
	struct store_cohort hour = { .span = COHORT_HOUR, .slot = old, .messages = 1 };
	struct store_cohort_move move = { .minute = 60 * old, .awaiting = 1 };
	struct store_txn *txn;
	(void)state;
	hour.account = move.account = 5;
	hour.route = move.route = hour.provider = move.provider = 1;
	assert_int_equal(store_begin(world->store, &txn), STORE_OK);
	assert_int_equal(store_cohort_put(txn, &hour), STORE_OK);
	assert_int_equal(store_cohort_move_put(txn, &move), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	leave_moves(world, move_of(60 * old - 60), 1000);
	engine_world_run(world, 10 * RETENTION_EVERY_MS);
	assert_int_equal(world_count(world, STORE_KIND_COHORT_MOVE), 0);
	assert_int_equal(world_count(world, STORE_KIND_COHORT), 1);
	struct turn turn = reading(world);
	assert_int_equal(store_cohort_get(turn.txn, &hour), STORE_OK);
	store_read_end(turn.txn);
	assert_int_equal(hour.awaiting, 1);
	engine_world_free(world);
}

/* Of a move that cannot be read the counts are lost, and nothing else. */
static void test_engine__a_corrupt_move_holds_up_no_other(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	uint32_t minute = (uint32_t)(port_wall_ms(world->port) / MINUTE_MS);
	struct store_cohort_move bad = move_of(minute);
	(void)state;
	leave_moves(world, bad, 3);
	engine_world_kill(world);
	engine_world_flip(world, STORE_KIND_COHORT_MOVE, &bad);
	world->damaged = true;
	engine_world_start(world);
	assert_int_equal(look(world, 5, "1h").sums.counts[COHORT_MESSAGES], 2);
	assert_int_equal(world_count(world, STORE_KIND_COHORT_MOVE), 0);
	engine_world_free(world);
}

/* What is pending is folded when there is room again; until then who asks is told the rest. */
static void test_engine__a_store_without_room_keeps_nobody_waiting(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	uint64_t folds = 0;
	(void)state;
	engine_world_run(world, 1500);
	taken(world, 2);
	world->fault = STORE_FAULT_FULL;
	assert_false(cohorts_folded(world->engine, &folds));
	engine_world_run(world, 1500);
	assert_true(world->failed_commits);
	assert_int_equal(world_count(world, STORE_KIND_COHORT_MOVE), 1);
	assert_true(cohorts_folded(world->engine, &folds));
	world->fault = STORE_FAULT_NONE;
	engine_world_run(world, 3000);
	assert_int_equal(world_count(world, STORE_KIND_COHORT_MOVE), 0);
	assert_int_equal(counted(world, COHORT_TAKEN), 2);
	engine_world_free(world);
}

/* ---- retention ---- */

/* An hour is kept while a receipt is awaited in it, and goes when none is any more. */
static void test_engine__old_hours_go_and_what_is_stuck_stays(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = PROVIDER,
		.route = "validity: 60h, receipt_deadline: 62h, outcome_deadline: 30s, " });
	(void)state;
	taken_and_told(world, 5, MINUTE_MS, "DELIVRD");
	engine_world_run(world, HOUR_MS);
	taken(world, 2);
	uint64_t before = world_count(world, STORE_KIND_COHORT);
	engine_world_run(world, 51 * HOUR_MS);
	assert_int_equal(look(world, 1, "24h").stuck, 2);
	/* Left is the second hour, of the account and of all. */
	assert_int_equal(world_count(world, STORE_KIND_COHORT), 2);
	assert_true(before > 2);
	engine_world_run(world, 12 * HOUR_MS);
	assert_int_equal(look(world, 1, "24h").stuck, 0);
	assert_int_equal(world_count(world, STORE_KIND_COHORT), 0);
	engine_world_free(world);
}

/* However many stay, those behind them go. */
static void test_engine__hours_that_stay_keep_no_others(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	uint32_t old = (uint32_t)(port_wall_ms(world->port) / HOUR_MS) - 60;
	struct store_txn *txn;
	(void)state;
	assert_int_equal(store_begin(world->store, &txn), STORE_OK);
	for (uint32_t account = 1; account <= RETENTION_RECORDS + 1; account++) {
		struct store_cohort stays = {
			.span = COHORT_HOUR, .slot = old, .account = account, .awaiting = 1
		};
		struct store_cohort goes = { .span = COHORT_HOUR,
					     .slot = old + 1,
					     .account = account };
		assert_int_equal(store_cohort_put(txn, &stays), STORE_OK);
		assert_int_equal(store_cohort_put(txn, &goes), STORE_OK);
	}
	assert_int_equal(store_commit(txn), STORE_OK);
	engine_world_run(world, 10 * RETENTION_EVERY_MS);
	assert_int_equal(world_count(world, STORE_KIND_COHORT), RETENTION_RECORDS + 1);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__what_is_not_on_disk_is_not_counted),
		cmocka_unit_test(test_engine__a_restart_knows_what_is_awaited_and_in_doubt),
		cmocka_unit_test(test_engine__a_turn_puts_moves_down_and_a_later_one_folds_them),
		cmocka_unit_test(test_engine__pending_moves_count_after_a_crash),
		cmocka_unit_test(test_engine__many_moves_are_folded_in_slices_and_none_is_lost),
		cmocka_unit_test(test_engine__what_was_trimmed_is_not_begun_anew),
		cmocka_unit_test(test_engine__an_hour_stays_for_a_move_that_is_pending),
		cmocka_unit_test(test_engine__a_corrupt_move_holds_up_no_other),
		cmocka_unit_test(test_engine__a_store_without_room_keeps_nobody_waiting),
		cmocka_unit_test(test_engine__old_hours_go_and_what_is_stuck_stays),
		cmocka_unit_test(test_engine__hours_that_stay_keep_no_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
