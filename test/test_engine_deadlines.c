/* Deadlines: what becomes of a message when time passes and nothing else happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/lifecycle.h"
#include "core/provider.h"
#include "smpp/status.h"
#include "test/engine_world.h"

#define ROUTE "validity: 60s, receipt_deadline: 40s, "

static struct link *link_of(struct engine_world *world)
{
	return world->engine->providers[0]->links[0];
}

static void assert_ends(struct engine_world *world, uint64_t order, enum store_state state,
			enum store_error error)
{
	assert_int_equal(world_state(world, order, 0), state);
	assert_int_equal(world_error(world, order, 0), error);
}

static void test_engine__queue_deadline_expires_what_was_never_sent(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 1, release_ahead: 0, timers: {response: 50s}",
		.route = ROUTE "queue_deadline: 10s, batch_size: 2, refund: undelivered" });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 5 });
	engine_world_run(world, 11000);
	assert_int_equal(world_segment(world, order, 0, 0), STORE_STATE_SUBMITTED);
	for (uint32_t i = 1; i < 5; i++) {
		assert_int_equal(world_state(world, order, i), STORE_STATE_EXPIRED);
		assert_int_equal(world_error(world, order, i), STORE_ERROR_QUEUE_EXPIRED);
	}
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.expired, 4);
	assert_int_equal(rec.failed, 4);
	assert_int_equal(world_balance(world), OPENING - PRICE);
	carrier_ok(world->carriers[0], 0, "1");
	engine_world_run(world, 1000);
	assert_int_equal(world->carriers[0]->n, 1);
	engine_world_free(world);
}

static void test_engine__queue_deadline_while_binds_are_refused_is_a_failure(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 10, timers: {reconnect_min: 200ms, bind_refused_after: 3s, "
			 "refused_min: 2s, refused_max: 4s}",
		.route = ROUTE "queue_deadline: 10s" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->bind_status = 0x0E;
	carrier_cut(alpha);
	engine_world_run(world, 1000);
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(queue_provider_depth(world->engine->queue, 0), 1);
	engine_world_run(world, 11000);
	assert_int_equal(queue_provider_depth(world->engine->queue, 0), 0); /* it waits no longer */
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	assert_true(engine_world_alarmed(world, "login_refused"));
	alpha->bind_status = 0;
	engine_world_run(world, 8000);
	assert_int_equal(carrier_bound(alpha), 1);
	assert_false(engine_world_alarmed(world, "login_refused"));
	engine_world_free(world);
}

/* Refused, and then not even answered: who cannot be reached refuses nobody. */
static void test_engine__only_a_login_that_is_being_refused_is_unusable(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 10, timers: {reconnect_min: 200ms, bind: 2s, refused_min: 1s, "
			 "refused_max: 1s, bind_refused_after: 5s}" });
	const struct config_provider *config = world->engine->providers[0]->config;
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->bind_status = 0x0D;
	carrier_cut(alpha);
	engine_world_run(world, 3000);
	assert_true(provider_usable(world->engine, config));
	engine_world_run(world, 4000);
	assert_false(provider_usable(world->engine, config));
	assert_non_null(strstr(link_of(world)->reason, "0x0000000d"));
	alpha->mute = true;
	engine_world_run(world, 20000);
	assert_true(provider_usable(world->engine, config));
	assert_false(engine_world_alarmed(world, "login_refused"));
	alpha->mute = false;
	engine_world_run(world, 20000);
	assert_false(provider_usable(world->engine, config));
	engine_world_free(world);
}

static void test_engine__no_receipt_by_the_deadline_is_unknown(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = ROUTE "refund: undelivered" });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(world->carriers[0], 0, "1");
	engine_world_run(world, 39000);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	engine_world_run(world, 2000);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT);
	assert_int_equal(world_balance(world), OPENING - PRICE); /* not known is not undelivered */
	carrier_receipt(world->carriers[0], "1", "DELIVRD");
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_true(world_message(world, order, 0)->flags & STORE_FLAG_LATE_EVIDENCE);
	engine_world_free(world);
}

/* A shorter validity of one order must not turn its receipt_deadline into the past. */
static void test_engine__a_shorter_validity_leaves_time_for_a_receipt(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .route = "validity: 24h, receipt_deadline: 5s" });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .validity_ms = 60000 });
	carrier_ok(world->carriers[0], 0, "1");
	engine_world_run(world, 4000);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	engine_world_run(world, 2000);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT);
	engine_world_free(world);
}

/* An order that is larger than one turn's walk, with answers coming in while it is walked. */
static void test_engine__a_large_order_expires_whole_while_answers_come(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 5, release_ahead: 0, timers: {response: 60s}",
		.route = "validity: 24h, queue_deadline: 10s, receipt_deadline: 20h, "
			 "batch_size: 500" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 6000 });
	engine_world_run(world, 9900);
	sim_port_limit(world->port, 0);
	while (!world_order(world, order).expired)
		assert_true(engine_step(world->engine));
	/* Two thousand are looked at in a turn, and now the first answers come. */
	assert_true(world_order(world, order).expired < 6000 - 5);
	alpha->obliging = true;
	alpha->ids = 1000;
	carrier_ok_all(alpha);
	engine_world_run(world, 3000);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.expired + rec.sent, 6000);
	engine_world_free(world);
}

/* A deadline that comes up behind a walk is not forgotten when the walk is over, nor by a crash. */
static void test_engine__what_happens_behind_a_walk_keeps_its_deadline(void **state)
{
	(void)state;
	for (int crash = 0; crash < 2; crash++) {
		struct engine_world *world = engine_world_new(&(struct setting){
			.alpha = "window: 2, release_ahead: 0, timers: {response: 60s}",
			.route = "validity: 24h, queue_deadline: 10s, receipt_deadline: 20s" });
		struct carrier *alpha = world->carriers[0];
		uint64_t order = engine_world_order(world, &(struct wish){ .total = 6000 });
		engine_world_run(world, 9800);
		carrier_ok(alpha, 1, "1");
		engine_world_settle(world);
		assert_true(carrier_says(
			alpha,
			&(struct said){ .id = "1", .stat = "DELIVRD", .from = FIRST_NUMBER + 1 }));
		carrier_ok(alpha, 2, "2"); /* its deadline is 10 s later than that of the first */
		engine_world_run(world, 60);
		sim_port_limit(world->port, 0);
		while (!world_order(world, order).expired)
			assert_true(engine_step(world->engine));
		assert_true(world_order(world, order).expired < 5000);
		carrier_ok(alpha, 0, "0");
		assert_true(engine_step(world->engine));
		assert_true(engine_step(world->engine));
		if (crash)
			engine_world_crash(world);
		engine_world_run(world, 500);
		assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
		assert_true(world_order(world, order).expired > 5990);
		engine_world_run(world, 10500);
		assert_int_equal(world_state(world, order, 0), STORE_STATE_UNKNOWN);
		assert_int_equal(world_state(world, order, 2), STORE_STATE_SENT);
		engine_world_free(world);
	}
}

static void test_engine__send_at_waits_and_does_not_spin(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .send_in_ms = 5000 });
	engine_world_run(world, 4000);
	assert_int_equal(alpha->n, 0);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_QUEUED);
	int64_t due_ms = world_now_ms(world->world) + 980;
	engine_world_run(world, 1000);
	assert_int_equal(alpha->n, 1);
	assert_in_range(alpha->seen[0].at_ms, due_ms, due_ms + 5);
	engine_world_free(world);
}

static void test_engine__check_76_a_step_of_the_clock_moves_no_deadline(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 2 });
	carrier_ok(world->carriers[0], 0, "1");
	engine_world_settle(world);
	sim_port_step_clock(world->port, 3600 * 1000);
	engine_world_run(world, 2000);
	uint64_t failed = engine_world_order(world, &(struct wish){ 0 });
	carrier_refuse(world->carriers[0], 2, 0x0B);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_true(engine_world_alarmed(world, "clock_step"));
	sim_port_step_clock(world->port, -7200 * 1000);
	engine_world_run(world, 2000);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(world_segment(world, order, 1, 0), STORE_STATE_SUBMITTED);
	/* Nor does a year ahead make what has just ended thirty days old. */
	sim_port_step_clock(world->port, 365 * INT64_C(86400000));
	engine_world_run(world, 3000);
	assert_ends(world, failed, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	uint64_t after = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(world_segment(world, after, 0, 0), STORE_STATE_SUBMITTED);
	engine_world_free(world);
}

static struct store_feed newest_event(struct engine_world *world)
{
	struct store_feed feed = { .seq = UINT64_MAX };
	struct store_txn *txn;

	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	assert_int_equal(store_feed_prev(txn, &feed, 0), STORE_OK);
	store_read_end(txn);
	return feed;
}

static void test_engine__check_110_events_have_a_steady_time_and_one_for_people(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct store_feed first, second;

	(void)state;
	engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(world->carriers[0], 0, "1");
	engine_world_settle(world);
	first = newest_event(world);
	sim_port_step_clock(world->port, -7200 * 1000);
	engine_world_run(world, 5000);
	alarm_set(world->engine, "late", true, "of later");
	engine_world_run(world, 100);
	second = newest_event(world);
	assert_true(second.seq > first.seq);
	assert_in_range((int64_t)(second.steady_ms - first.steady_ms), 5000, 5200);
	assert_in_range((int64_t)(first.at_ms - second.at_ms), 7200000 - 5200, 7200000 - 5000);
	engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(world->carriers[0], 1, "2");
	engine_world_settle(world);
	assert_true(newest_event(world).steady_ms >= second.steady_ms);
	engine_world_free(world);
}

static void test_engine__an_idle_engine_rests(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(world->carriers[0], 0, "1");
	engine_world_settle(world);
	uint64_t steps = world->steps, commits = world->engine->commits;
	engine_world_run(world, 20000);
	assert_true(world->steps - steps < 100);
	assert_true(world->engine->commits - commits < 50);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__queue_deadline_expires_what_was_never_sent),
		cmocka_unit_test(test_engine__queue_deadline_while_binds_are_refused_is_a_failure),
		cmocka_unit_test(test_engine__only_a_login_that_is_being_refused_is_unusable),
		cmocka_unit_test(test_engine__no_receipt_by_the_deadline_is_unknown),
		cmocka_unit_test(test_engine__a_shorter_validity_leaves_time_for_a_receipt),
		cmocka_unit_test(test_engine__a_large_order_expires_whole_while_answers_come),
		cmocka_unit_test(test_engine__what_happens_behind_a_walk_keeps_its_deadline),
		cmocka_unit_test(test_engine__send_at_waits_and_does_not_spin),
		cmocka_unit_test(test_engine__check_76_a_step_of_the_clock_moves_no_deadline),
		cmocka_unit_test(
			test_engine__check_110_events_have_a_steady_time_and_one_for_people),
		cmocka_unit_test(test_engine__an_idle_engine_rests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
