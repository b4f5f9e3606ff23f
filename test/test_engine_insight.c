/* Outcomes summed up: stages, what is stuck, and alarms that follow them and not the requests. */
#include "test/engine_insight.h"

#include <stdio.h>

#include "core/insight_alarm.h"
#include "smpp/status.h"

/* ---- figures ---- */

static void assert_near(int64_t ms, int64_t expected_ms)
{
	assert_in_range(ms, expected_ms * 2 / 3, expected_ms * 3 / 2);
}

static void test_engine__stages_are_timed(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 4 });
	engine_world_run(world, 2000);
	carrier_ok_all(world->carriers[0]);
	engine_world_settle(world);
	engine_world_run(world, 20000);
	for (uint32_t i = 0; i < 4; i++) {
		char id[2] = { (char)('1' + i), '\0' };
		carrier_says(world->carriers[0],
			     &(struct said){ .id = id,
					     .stat = "DELIVRD",
					     .from = world_message(world, order, i)->msisdn });
	}
	engine_world_settle(world);
	struct insight_route route = look(world, 1, "5m");
	for (unsigned i = 0; i < COHORT_STAGES; i++)
		assert_int_equal(route.sums.stages[i].count, 4);
	const struct histogram *stages = route.sums.stages;
	assert_near(histogram_quantile_ms(&stages[COHORT_PROVIDER], 500), 2000);
	assert_near(histogram_quantile_ms(&stages[COHORT_DELIVERY], 500), 20000);
	assert_near(histogram_quantile_ms(&stages[COHORT_TOTAL], 990), 22000);
	assert_true(histogram_quantile_ms(&stages[COHORT_QUEUE], 990) < 100);
	assert_int_equal(route.sums.counts[COHORT_ON_TIME], 4);
	engine_world_free(world);
}

static void test_engine__a_throttle_and_its_retry_are_causes(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 2 });
	carrier_refuse(world->carriers[0], 0, SMPP_ESME_RTHROTTLED);
	carrier_ok(world->carriers[0], 1, "a");
	engine_world_run(world, 5000);
	carrier_ok(world->carriers[0], 2, "b");
	engine_world_settle(world);
	assert_int_equal(counted(world, COHORT_THROTTLED), 1);
	assert_int_equal(counted(world, COHORT_RETRIED), 1);
	assert_int_equal(counted(world, COHORT_TAKEN), 2);
	assert_int_equal(counted(world, COHORT_AWAITING), 2);
	engine_world_free(world);
}

/* What could not go out before is not counted before, and its time begins then. */
static void test_engine__an_order_counts_from_when_it_may_go_out(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 3, .send_in_ms = 2 * HOUR_MS });
	assert_int_equal(counted(world, COHORT_MESSAGES), 0);
	engine_world_run(world, 2 * HOUR_MS + 1000);
	assert_int_equal(counted(world, COHORT_MESSAGES), 3);
	carrier_ok_all(world->carriers[0]);
	engine_world_settle(world);
	struct insight_route route = look(world, 1, "5m");
	assert_int_equal(route.sums.counts[COHORT_TAKEN], 3);
	assert_true(histogram_quantile_ms(&route.sums.stages[COHORT_QUEUE], 990) < 5000);
	engine_world_free(world);
}

static void test_engine__accounts_are_apart_and_add_up(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 3 });
	engine_world_order(world, &(struct wish){ .total = 4, .account = 2 });
	assert_int_equal(look(world, 1, "1h").sums.counts[COHORT_MESSAGES], 3);
	assert_int_equal(look(world, 2, "1h").sums.counts[COHORT_MESSAGES], 4);
	assert_int_equal(look(world, 3, "1h").sums.counts[COHORT_MESSAGES], 0);
	assert_int_equal(look(world, COHORT_ALL, "1h").sums.counts[COHORT_MESSAGES], 7);
	assert_int_equal(cohort_total_of(world->engine, 1)->came[COHORT_MESSAGES], 7);
	assert_int_equal(cohort_total_of(world->engine, 2)->came[COHORT_MESSAGES], 0);
	engine_world_free(world);
}

/* ---- bounds ---- */

/* A message in a cohort of its own, over and beside what the engine counts. */
static void put_cohorts(struct engine_world *world, struct store_cohort from, uint32_t n)
{
	struct store_txn *txn;
	assert_int_equal(store_begin(world->store, &txn), STORE_OK);
	for (uint32_t i = 0; i < n; i++, from.country++)
		assert_int_equal(store_cohort_put(txn, &from), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
}

static struct store_cohort this_minute(struct engine_world *world, uint32_t account)
{
	return (struct store_cohort){
		.span = COHORT_MINUTE,
		.slot = (uint32_t)(port_wall_ms(world->port) / COHORT_MINUTE_MS),
		.account = account,
		.route = 1,
		.provider = 1,
		.country = 1,
		.parts = 1,
		.messages = 1,
	};
}

static unsigned looks(struct engine_world *world, uint32_t account, int64_t messages)
{
	unsigned goes;
	struct insight *insight = gathered(world, account, "1h", 1, &goes);
	assert_int_equal(insight->routes->route, 1);
	assert_int_equal(insight->routes->sums.counts[COHORT_MESSAGES], messages);
	insight_free(insight);
	return goes;
}

static void test_engine__what_an_account_asks_does_not_cost_what_others_have(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	put_cohorts(world, this_minute(world, 5), 10);
	put_cohorts(world, this_minute(world, 4), 1);
	put_cohorts(world, this_minute(world, 6), 1);
	unsigned alone = looks(world, 5, 10), all = looks(world, COHORT_ALL, 12);
	for (uint32_t other = 1; other < 12; other++)
		if (other != 5)
			put_cohorts(world, this_minute(world, other), 200);
	assert_int_equal(looks(world, 5, 10), alone);
	/* 12 were there, in two accounts 200 are now where 1 was, and eight have come. */
	assert_int_equal(looks(world, COHORT_ALL, 2010), all + 1998);
	engine_world_free(world);
}

/* However many likes: a bounded number is kept, and none of the messages is lost to the route. */
static void test_engine__likes_are_bounded_and_what_is_left_out_is_counted(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	unsigned goes;
	(void)state;
	put_cohorts(world, this_minute(world, 5), INSIGHT_LIKES_MAX + 1);
	struct insight *insight = gathered(world, 5, "1h", 100, &goes);
	assert_int_equal(HASH_COUNT(insight->likes), INSIGHT_LIKES_MAX);
	assert_int_equal(insight->routes->n_like, INSIGHT_LIKES_MAX);
	assert_int_equal(insight->routes->sums.counts[COHORT_MESSAGES], INSIGHT_LIKES_MAX + 1);
	assert_int_equal(insight->left_out, 0);
	assert_true(goes > INSIGHT_LIKES_MAX / 100);
	insight_free(insight);
	engine_world_free(world);
}

/* Routes that the configuration does not know any more: as many as there is place for. */
static void test_engine__routes_are_bounded_and_what_is_left_out_is_counted(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	struct store_cohort rec = this_minute(world, 5);
	unsigned goes, configured = (unsigned)world->config->n_routes;
	(void)state;
	put_cohorts(world, rec, 1);
	for (rec.route = 1000; rec.route < 1000 + INSIGHT_ROUTES_MAX; rec.route++)
		put_cohorts(world, rec, 1);
	rec.route = 1; /* of the configuration: behind them, and told all the same */
	rec.slot++;
	engine_world_run(world, MINUTE_MS);
	put_cohorts(world, rec, 2);
	struct insight *insight = gathered(world, 5, "1h", 100, &goes);
	assert_int_equal(HASH_COUNT(insight->routes), INSIGHT_ROUTES_MAX);
	assert_int_equal(insight->left_out, configured);
	assert_int_equal(insight->routes->route, 1);
	assert_int_equal(insight->routes->sums.counts[COHORT_MESSAGES], 3);
	insight_free(insight);
	engine_world_free(world);
}

/* What changes between two goes is seen or not, and disturbs nothing. */
static void test_engine__cohorts_may_come_and_go_while_they_are_gathered(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	struct store_cohort rec = this_minute(world, 5);
	(void)state;
	put_cohorts(world, rec, 20);
	struct turn turn = reading(world);
	struct insight *insight = insight_new(&turn, 5, insight_window("5m"));
	bool whole = false;
	while (!HASH_COUNT(insight->likes)) {
		unsigned one = 1;
		assert_false(insight_gather(insight, &turn, &one));
	}
	store_read_end(turn.txn);
	/* The one that was read goes, and so do those behind it but the last three; more come. */
	struct store_txn *txn;
	assert_int_equal(store_begin(world->store, &txn), STORE_OK);
	for (; rec.country <= 17; rec.country++)
		assert_int_equal(store_cohort_del(txn, &rec), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	rec.country = 21;
	put_cohorts(world, rec, 2);
	turn = reading(world);
	while (!whole) {
		unsigned one = 1;
		whole = insight_gather(insight, &turn, &one);
	}
	store_read_end(turn.txn);
	assert_int_equal(insight->routes->sums.counts[COHORT_MESSAGES], 6);
	insight_free(insight);
	engine_world_free(world);
}

/* ---- what is stuck ---- */

static void test_engine__a99_what_stays_sent_beyond_its_usual_time_is_stuck(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	taken_and_told(world, INSIGHT_USUAL_LEAST, 5 * MINUTE_MS, "DELIVRD");
	uint64_t order = taken(world, 3);
	struct insight_route route = look(world, 1, "1h");
	assert_true(route.usual_known);
	assert_int_equal(route.stuck, 0);
	engine_world_run(world, 3 * MINUTE_MS); /* not yet: 5 minutes are usual */
	assert_int_equal(look(world, 1, "1h").stuck, 0);
	engine_world_run(world, 6 * MINUTE_MS);
	route = look(world, 1, "1h");
	assert_int_equal(route.stuck, 3);
	assert_int_equal(route.overdue, 3);
	assert_true((int64_t)world_order(world, order).created_ms < route.stuck_before_ms);
	/* However old; and in the window no more. */
	engine_world_run(world, 2 * HOUR_MS);
	route = look(world, 1, "1h");
	assert_int_equal(route.stuck, 3);
	assert_int_equal(route.overdue, 0);
	assert_int_equal(look(world, 1, "24h").overdue, 3);
	engine_world_free(world);
}

static void test_engine__without_a_usual_time_the_outcome_deadline_tells_what_is_stuck(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = PROVIDER,
		.route = "validity: 24h, receipt_deadline: 26h, outcome_deadline: 10m, " });
	(void)state;
	taken_and_told(world, INSIGHT_USUAL_LEAST - 1, MINUTE_MS, "DELIVRD");
	taken(world, 2);
	engine_world_run(world, 9 * MINUTE_MS);
	assert_false(look(world, 1, "1h").usual_known);
	assert_int_equal(look(world, 1, "1h").stuck, 0);
	engine_world_run(world, 3 * MINUTE_MS);
	assert_int_equal(look(world, 1, "1h").stuck, 2);
	engine_world_free(world);
}

/* ---- alarms ---- */

static void test_engine__a100_receipts_that_stop_raise_an_alarm_within_minutes(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	taken_and_told(world, 40, 5000, "DELIVRD");
	engine_world_run(world, 30 * MINUTE_MS);
	assert_false(engine_world_alarmed(world, "receipts_missing:alpha"));
	taken(world, 19); /* too few to conclude from */
	engine_world_run(world, 3 * MINUTE_MS);
	assert_false(engine_world_alarmed(world, "receipts_missing:alpha"));
	taken(world, 1);
	engine_world_run(world, 3 * MINUTE_MS);
	assert_true(engine_world_alarmed(world, "receipts_missing:alpha"));
	assert_false(engine_world_alarmed(world, "outcome_low:1"));
	assert_false(engine_world_alarmed(world, "receipts_missing:beta"));
	/* A restart does not forget it. */
	engine_world_crash(world);
	engine_world_run(world, 10000);
	assert_true(engine_world_alarmed(world, "receipts_missing:alpha"));
	/* They come again: three quarters of those that are due. */
	taken_and_told(world, 100, 1000, "DELIVRD");
	engine_world_run(world, 10000);
	assert_false(engine_world_alarmed(world, "receipts_missing:alpha"));
	engine_world_free(world);
}

/* Sums of routes that nobody looks at any more, as a hundred busy ones would leave. */
static void put_sums(struct engine_world *world, uint32_t routes)
{
	struct store_txn *txn;
	uint32_t minute = (uint32_t)(port_wall_ms(world->port) / MINUTE_MS);
	assert_int_equal(store_begin(world->store, &txn), STORE_OK);
	for (uint32_t n = 0; n < 30 * routes; n++) {
		struct store_cohort rec = { .span = COHORT_MINUTE,
					    .slot = minute - n / routes,
					    .account = COHORT_ALL,
					    .route = 1000 + n % routes };
		assert_int_equal(store_cohort_put(txn, &rec), STORE_OK);
	}
	assert_int_equal(store_commit(txn), STORE_OK);
}

/* No turn looks at more than so many records, and what they tell is told all the same. */
static void test_engine__outcomes_are_looked_at_in_slices(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	unsigned goes = 0;
	(void)state;
	taken(world, 20);
	engine_world_run(world, 3 * MINUTE_MS);
	assert_true(engine_world_alarmed(world, "receipts_missing:alpha"));
	alarm_set(world->engine, "receipts_missing:alpha", false, "");
	while (insight_alarm_waits(world->engine->insight_alarm))
		engine_world_run(world, 1);
	put_sums(world, 100);
	do {
		struct turn turn = reading(world);
		assert_false(engine_world_alarmed(world, "receipts_missing:alpha"));
		insight_alarm_run(&turn);
		assert_false(turn_failed(&turn));
		store_read_end(turn.txn);
		goes++;
	} while (insight_alarm_waits(world->engine->insight_alarm));
	assert_in_range(goes, 3000 / INSIGHT_ALARM_LOOKS, 3000 / INSIGHT_ALARM_LOOKS + 2);
	assert_true(engine_world_alarmed(world, "receipts_missing:alpha"));
	engine_world_free(world);
}

/* With what was usual before, half of it is no longer much: and nothing due is no reason. */
static void test_engine__receipts_are_missing_against_what_is_usual(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = PROVIDER,
		.route = "validity: 60s, receipt_deadline: 90s, outcome_deadline: 30s, " });
	(void)state;
	/* Usual: 40 of 100. */
	taken_and_told(world, 40, 1000, "DELIVRD");
	taken(world, 60);
	engine_world_run(world, 40 * MINUTE_MS);
	assert_false(engine_world_alarmed(world, "receipts_missing:alpha"));
	/* 10 of 40 are more than half of that, 5 of 45 are less. */
	taken_and_told(world, 10, 1000, "DELIVRD");
	taken(world, 30);
	engine_world_run(world, 3 * MINUTE_MS);
	assert_false(engine_world_alarmed(world, "receipts_missing:alpha"));
	engine_world_run(world, 40 * MINUTE_MS);
	taken_and_told(world, 5, 1000, "DELIVRD");
	taken(world, 40);
	engine_world_run(world, 3 * MINUTE_MS);
	assert_true(engine_world_alarmed(world, "receipts_missing:alpha"));
	engine_world_run(world, 40 * MINUTE_MS);
	assert_false(engine_world_alarmed(world, "receipts_missing:alpha"));
	engine_world_free(world);
}

/* An hour that cannot be read makes nothing usual, and keeps no alarm off. */
static void test_engine__a_corrupt_hour_keeps_no_alarm_off(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	struct store_cohort hour = { .span = COHORT_HOUR };
	(void)state;
	taken_and_told(world, 10, 1000, "DELIVRD");
	taken(world, 30);
	struct turn turn = reading(world);
	assert_int_equal(store_cohort_seek(turn.txn, &hour, 1), STORE_OK);
	store_read_end(turn.txn);
	assert_int_equal(hour.account, COHORT_ALL);
	world->damaged = true;
	engine_world_kill(world);
	engine_world_flip(world, STORE_KIND_COHORT, &hour);
	engine_world_start(world);
	engine_world_run(world, 3 * MINUTE_MS);
	assert_true(engine_world_alarmed(world, "receipts_missing:alpha"));
	engine_world_free(world);
}

static void test_engine__a92_outcomes_that_collapse_raise_an_alarm(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	taken_and_told(world, 19, 1000, "UNDELIV");
	engine_world_run(world, 10000);
	assert_false(engine_world_alarmed(world, "outcome_low:1"));
	taken_and_told(world, 1, 1000, "UNDELIV");
	engine_world_run(world, 10000);
	assert_true(engine_world_alarmed(world, "outcome_low:1"));
	assert_false(engine_world_alarmed(world, "receipts_missing:alpha"));
	/* 30 of 50 are six tenths, which is not above it; 31 of 51 are. */
	taken_and_told(world, 30, 1000, "DELIVRD");
	engine_world_run(world, 10000);
	assert_true(engine_world_alarmed(world, "outcome_low:1"));
	taken_and_told(world, 1, 1000, "DELIVRD");
	engine_world_run(world, 10000);
	assert_false(engine_world_alarmed(world, "outcome_low:1"));
	engine_world_free(world);
}

/* Delivered, but too late for what it was for. */
static void test_engine__late_is_low_too_until_the_hour_is_over(void **state)
{
	struct engine_world *world = engine_world_new(&usual);
	(void)state;
	taken_and_told(world, 20, 31000, "DELIVRD");
	engine_world_run(world, 10000);
	assert_int_equal(counted(world, COHORT_LATE), 20);
	assert_true(engine_world_alarmed(world, "outcome_low:1"));
	engine_world_run(world, 62 * MINUTE_MS);
	assert_false(engine_world_alarmed(world, "outcome_low:1"));
	engine_world_free(world);
}

/* Receipts that nobody asked for are not missing, and then nothing is known of arrival. */
static void test_engine__without_receipts_no_alarm_follows_them(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = PROVIDER ", registered_delivery: none",
		.route = "validity: 60s, receipt_deadline: 90s, outcome_deadline: 30s, " });
	(void)state;
	taken(world, 40);
	engine_world_run(world, 5 * MINUTE_MS);
	assert_int_equal(counted(world, COHORT_UNKNOWN), 40);
	assert_false(engine_world_alarmed(world, "receipts_missing:alpha"));
	assert_false(engine_world_alarmed(world, "outcome_low:1"));
	engine_world_free(world);
}

/* Records of all routes and providers are read together, and each counts in its own. */
static void test_engine__each_route_has_its_own_alarm(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = PROVIDER,
				   .route = ROUTE,
				   .beta = PROVIDER,
				   .route2 = "validity: 60s, receipt_deadline: 90s" });
	(void)state;
	taken_and_told(world, 20, 1000, "DELIVRD");
	engine_world_order(world, &(struct wish){ .total = 20, .route = 2 });
	carrier_ok_all(world->carriers[1]);
	engine_world_settle(world);
	engine_world_run(world, 3 * MINUTE_MS);
	assert_true(engine_world_alarmed(world, "receipts_missing:beta"));
	assert_true(engine_world_alarmed(world, "outcome_low:2"));
	assert_false(engine_world_alarmed(world, "receipts_missing:alpha"));
	assert_false(engine_world_alarmed(world, "outcome_low:1"));
	engine_world_free(world);
}

/* A queue that moves goes to and fro around the limit: that is one alarm and not many. */
static void test_engine__a_queue_that_moves_does_not_end_its_alarm_at_once(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = "window: 1, release_ahead: 1, timers: {response: 10m}",
				   .route = "validity: 24h, queued_alarm: 100s" });
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 3 }); /* two go, one waits */
	engine_world_run(world, 20000);
	engine_world_order(world, &(struct wish){ .total = 1 });
	engine_world_run(world, 78000);
	assert_false(engine_world_alarmed(world, "queued_too_long"));
	engine_world_run(world, 5000);
	assert_true(engine_world_alarmed(world, "queued_too_long"));
	carrier_ok(world->carriers[0], 0, "a"); /* now what waits has waited 83 s */
	engine_world_run(world, 5000);
	assert_true(engine_world_alarmed(world, "queued_too_long"));
	carrier_ok(world->carriers[0], 1, "b");
	engine_world_run(world, 5000);
	assert_false(engine_world_alarmed(world, "queued_too_long"));
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__stages_are_timed),
		cmocka_unit_test(test_engine__a_throttle_and_its_retry_are_causes),
		cmocka_unit_test(test_engine__an_order_counts_from_when_it_may_go_out),
		cmocka_unit_test(test_engine__accounts_are_apart_and_add_up),
		cmocka_unit_test(test_engine__what_an_account_asks_does_not_cost_what_others_have),
		cmocka_unit_test(test_engine__likes_are_bounded_and_what_is_left_out_is_counted),
		cmocka_unit_test(test_engine__routes_are_bounded_and_what_is_left_out_is_counted),
		cmocka_unit_test(test_engine__cohorts_may_come_and_go_while_they_are_gathered),
		cmocka_unit_test(test_engine__a99_what_stays_sent_beyond_its_usual_time_is_stuck),
		cmocka_unit_test(
			test_engine__without_a_usual_time_the_outcome_deadline_tells_what_is_stuck),
		cmocka_unit_test(
			test_engine__a100_receipts_that_stop_raise_an_alarm_within_minutes),
		cmocka_unit_test(test_engine__outcomes_are_looked_at_in_slices),
		cmocka_unit_test(test_engine__receipts_are_missing_against_what_is_usual),
		cmocka_unit_test(test_engine__a_corrupt_hour_keeps_no_alarm_off),
		cmocka_unit_test(test_engine__a92_outcomes_that_collapse_raise_an_alarm),
		cmocka_unit_test(test_engine__late_is_low_too_until_the_hour_is_over),
		cmocka_unit_test(test_engine__without_receipts_no_alarm_follows_them),
		cmocka_unit_test(test_engine__a_queue_that_moves_does_not_end_its_alarm_at_once),
		cmocka_unit_test(test_engine__each_route_has_its_own_alarm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
