/* Answers, and their absence: what becomes of a segment, its link and the queue behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/feed.h"
#include "core/lifecycle.h"
#include "core/provider.h"
#include "smpp/status.h"
#include "test/engine_world.h"

#define ROUTE "validity: 60s, receipt_deadline: 40s, "

static struct link *link_of(struct engine_world *world)
{
	return world->engine->providers[0]->links[0];
}

static uint32_t status_of(struct engine_world *world, uint64_t order)
{
	return world_message(world, order, 0)->seg.provider_status;
}

static void assert_ends(struct engine_world *world, uint64_t order, enum store_state state,
			enum store_error error)
{
	assert_int_equal(world_state(world, order, 0), state);
	assert_int_equal(world_error(world, order, 0), error);
}

/* ---- answers ---- */

static void test_engine__ok_makes_sent_and_nothing_more(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(alpha->n, 1);
	assert_int_equal(world_segment(world, order, 0, 0), STORE_STATE_SUBMITTED);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 1);
	carrier_ok(alpha, 0, "77");
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.sent, 1);
	assert_int_equal(rec.taken, 1);
	assert_int_equal(rec.delivered, 0);
	engine_world_free(world);
}

/* The last event that the feed has of an order. */
static enum feed_event last_event(struct engine_world *world, uint64_t order)
{
	struct store_feed feed = { .seq = UINT64_MAX };
	struct feed_entry entry = { 0 };
	struct store_txn *txn;
	uint32_t offset = 0;
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	do
		assert_int_equal(store_feed_prev(txn, &feed, 0), STORE_OK);
	while (feed.order != order);
	while (feed_next(feed.events, &offset, &entry))
		;
	store_read_end(txn);
	return entry.event;
}

/* The feed tells what the API shows. */
static void test_engine__a_receipt_that_knows_nothing_is_told_as_unknown(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(world->carriers[0], 0, "1");
	engine_world_settle(world);
	assert_int_equal(last_event(world, order), FEED_MESSAGE_SENT);
	assert_true(carrier_receipt(world->carriers[0], "1", "UNKNOWN"));
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_RECEIPT_UNKNOWN);
	assert_int_equal(last_event(world, order), FEED_MESSAGE_UNKNOWN);
	assert_true(carrier_receipt(world->carriers[0], "1", "DELIVRD"));
	engine_world_settle(world);
	assert_int_equal(last_event(world, order), FEED_ORDER_RESOLVED);
	engine_world_free(world);
}

static void test_engine__check_82_ok_without_an_id_is_sent_with_a_flag(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(world->carriers[0], 0, "");
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_true(world_message(world, order, 0)->flags & STORE_FLAG_NO_MESSAGE_ID);
	engine_world_free(world);
}

/* Check 78: every status that a document names, and what its class makes of the message. */
static void test_engine__check_78_79_each_status_does_what_its_class_says(void **state)
{
	static const uint32_t statuses[] = {
#define STATUS(value, name, meaning, class) value,
#include "smpp/status.def"
#undef STATUS
		0x400,
		0x4FF,
		0x12345,
	};
	(void)state;
	for (size_t i = 1; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct engine_world *world = engine_world_new(NULL);
		struct carrier *alpha = world->carriers[0];
		enum smpp_status_class class = smpp_status(statuses[i]).class;
		uint64_t order = engine_world_order(world, &(struct wish){ 0 });
		carrier_refuse(alpha, 0, statuses[i]);
		engine_world_settle(world);
		bool again = class == SMPP_STATUS_THROTTLE || class == SMPP_STATUS_RETRY ||
			     class == SMPP_STATUS_LINK;
		assert_int_equal(world_state(world, order, 0),
				 again ? STORE_STATE_QUEUED : STORE_STATE_FAILED);
		assert_int_equal(world_error(world, order, 0), again ? STORE_ERROR_NONE :
							       class == SMPP_STATUS_TRANSACTION ?
								       STORE_ERROR_UNDELIVERABLE :
								       STORE_ERROR_SUBMIT_ERROR);
		assert_int_equal(link_of(world)->paused_until_ms != 0,
				 class == SMPP_STATUS_THROTTLE);
		/* Nothing but those three is ever tried again. */
		engine_world_run(world, 50000);
		assert_int_equal(alpha->n > 1, again);
		engine_world_free(world);
	}
}

static void test_engine__check_73_80_a_provider_may_class_a_status_otherwise(void **state)
{
	static const struct {
		uint32_t status;
		enum store_state state;
		enum store_error error;
		bool pauses;
	} rows[] = {
		{ 0x45, STORE_STATE_QUEUED, STORE_ERROR_NONE, true },
		{ 0x58, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR, false },
		{ 0x401, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE, false },
		{ 0x0B, STORE_STATE_QUEUED, STORE_ERROR_NONE, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine_world *world = engine_world_new(&(struct setting){
			.alpha = "window: 10, timers: {response: 5s}, statuses: {0x45: pause, "
				 "0x58: fail, 0x401: undeliverable, 0x0B: retry}" });
		uint64_t order = engine_world_order(world, &(struct wish){ 0 });
		carrier_refuse(world->carriers[0], 0, rows[i].status);
		engine_world_settle(world);
		assert_ends(world, order, rows[i].state, rows[i].error);
		assert_int_equal(link_of(world)->paused_until_ms != 0, rows[i].pauses);
		engine_world_free(world);
	}
}

/* Whatever a carrier says to a bind, it is asked again: soon, or later where the login is wrong. */
static void test_engine__check_45_a_refused_bind_is_tried_again(void **state)
{
	static const struct {
		uint32_t status;
		bool login;
	} rows[] = {
		{ 0x05, false }, { 0x08, false }, { 0x58, false }, { 0x14, false }, { 0x03, false },
		{ 0x0D, true },	 { 0x0E, true },  { 0x0F, true },  { 0x53, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine_world *world = engine_world_new(&(struct setting){
			.alpha = "window: 10, timers: {reconnect_min: 500ms, reconnect_max: 1s, "
				 "refused_min: 20s, refused_max: 30s}" });
		struct carrier *alpha = world->carriers[0];
		alpha->bind_status = rows[i].status;
		carrier_cut(alpha);
		engine_world_run(world, 15000);
		assert_int_equal(alpha->binds > 8, !rows[i].login);
		assert_int_equal(engine_world_alarmed(world, "login_refused"), rows[i].login);
		engine_world_run(world, 60000);
		assert_true(alpha->binds >= 3);
		assert_true(!rows[i].login || alpha->binds <= 5);
		alpha->bind_status = 0;
		engine_world_run(world, 40000);
		/* A transceiver that was not known may be a pair by now. */
		assert_true(carrier_bound(alpha) >= 1);
		assert_true(rows[i].status == 0x03 || carrier_bound(alpha) == 1);
		engine_world_free(world);
	}
}

static void test_engine__check_81_a_permanent_refusal_fails_at_once_with_its_status(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = ROUTE "refund: refused" });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(world_balance(world), OPENING - PRICE);
	carrier_refuse(world->carriers[0], 0, 0x0B);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	assert_int_equal(status_of(world, order), 0x0B);
	assert_int_equal(world_balance(world), OPENING);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.refused, 1);
	assert_true(rec.resolved_ms != 0);
	engine_world_free(world);
}

static void test_engine__check_74_a_system_error_is_tried_three_times_more(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .route = ROUTE "retries: {count: 3, delays: [1s, 2s, 4s]}" });
	struct carrier *alpha = world->carriers[0];
	static const int64_t waits_ms[] = { 1000, 2000, 4000 };
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	for (size_t i = 0; i < 3; i++) {
		int64_t refused_ms = world_now_ms(world->world);
		carrier_refuse(alpha, i, i == 1 ? 0x64 : 0x08);
		engine_world_run(world, waits_ms[i] + 20);
		assert_int_equal(alpha->n, i + 2);
		assert_in_range(alpha->seen[i + 1].at_ms, refused_ms + waits_ms[i],
				refused_ms + waits_ms[i] + 5);
	}
	carrier_refuse(alpha, 3, 0xFF);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	assert_int_equal(status_of(world, order), 0xFF);
	assert_int_equal(world_message(world, order, 0)->seg.attempts, 4);
	engine_world_free(world);
}

/* Throttles in between fill the record with evidence; the retries before them still count. */
static void test_engine__retries_are_counted_through_a_hundred_throttles(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 1, timers: {response: 5s, pause_min: 10ms, pause_max: 10ms}",
		.route = ROUTE "retries: {count: 3, delays: [100ms]}" });
	struct carrier *alpha = world->carriers[0];
	size_t n = 0;
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	for (int retry = 0; retry < 3; retry++) {
		carrier_refuse(alpha, n++, 0x08);
		engine_world_run(world, 140);
		for (int i = 0; i < 100; i++) {
			carrier_refuse(alpha, n++, 0x58);
			engine_world_run(world, 40);
		}
		assert_int_equal(alpha->n, n + 1);
	}
	assert_true(world_message(world, order, 0)->seg.more > 1);
	carrier_refuse(alpha, n, 0x08);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	engine_world_free(world);
}

static void test_engine__the_same_message_nacked_twice_is_poison(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_nack(alpha, 0, 0x03);
	engine_world_run(world, 3000);
	assert_int_equal(alpha->binds, 2);
	assert_int_equal(alpha->n, 2);
	carrier_nack(alpha, 1, 0x03);
	engine_world_run(world, 5000);
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	assert_int_equal(alpha->n, 2);
	engine_world_free(world);
}

static void test_engine__a_delivery_failure_in_the_answer_is_an_outcome(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = ROUTE "refund: refused" });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_refuse(world->carriers[0], 0, 0xFE);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE);
	assert_int_equal(status_of(world, order), 0xFE);
	/* It was taken, so a route that refunds what was refused does not refund it. */
	assert_int_equal(world_balance(world), OPENING - PRICE);
	assert_int_equal(world_order(world, order).taken, 1);
	engine_world_free(world);
}

/* ---- throttles ---- */

static void test_engine__check_70_a_throttle_keeps_the_order_and_nothing_overtakes(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 4, release_ahead: 4, timers: {response: 5s, pause_min: 1s, "
			 "pause_max: 8s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 20 });
	assert_int_equal(alpha->n, 4);
	carrier_ok(alpha, 0, "1");
	carrier_refuse(alpha, 1, 0x58);
	carrier_refuse(alpha, 2, 0x58);
	carrier_ok(alpha, 3, "4"); /* an answer during the pause still counts */
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 3), STORE_STATE_SENT);
	assert_true(link_of(world)->paused_until_ms > 0);
	/* Several throttles of one window are one event: the first pause, not the second. */
	assert_int_equal(link_of(world)->pause_ms, 1000);
	size_t before = alpha->n;
	engine_world_run(world, 900);
	assert_int_equal(alpha->n, before);
	/* What had been released ahead and not left is back, in its old place. */
	carrier_ok_all(alpha);
	alpha->obliging = true;
	alpha->ids = 100;
	engine_world_run(world, 10000);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(world_state(world, order, i), STORE_STATE_SENT);
	assert_int_equal(alpha->seen[before].msisdn, FIRST_NUMBER + 1);
	for (size_t i = before + 1; i < alpha->n; i++)
		assert_true(alpha->seen[i].msisdn > alpha->seen[i - 1].msisdn);
	engine_world_free(world);
}

static void test_engine__check_72_after_a_pause_one_probes_and_the_pause_grows(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	int64_t pause_ms = 1000;
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 10 });
	assert_int_equal(alpha->n, 10);
	for (size_t i = 0; i < 10; i++)
		carrier_refuse(alpha, i, i % 2 ? 0x58 : 0x14);
	engine_world_settle(world);
	for (size_t probes = 1; probes < 5; probes++, pause_ms *= 2) {
		assert_int_equal(link_of(world)->pause_ms, pause_ms);
		assert_int_equal(alpha->n, 9 + probes);
		/* A quarter at most is added by chance. */
		engine_world_run(world, pause_ms + pause_ms / 4 + 20);
		assert_int_equal(alpha->n, 10 + probes);
		carrier_refuse(alpha, alpha->n - 1, 0x58);
		engine_world_settle(world);
	}
	engine_world_run(world, pause_ms + pause_ms / 4 + 20);
	size_t sent = alpha->n;
	carrier_ok(alpha, sent - 1, "a");
	engine_world_settle(world);
	assert_int_equal(alpha->n, sent + 2); /* the window opens by one with each answer */
	engine_world_free(world);
}

/* A throttle is no attempt that counts: nothing ends but by queue_deadline. */
static void test_engine__throttled_three_hundred_times_is_still_sent_at_last(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 1, timers: {response: 5s, pause_min: 10ms, pause_max: 10ms}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	for (size_t i = 0; i < 300; i++) {
		assert_int_equal(alpha->n, i + 1);
		carrier_refuse(alpha, i, 0x58);
		engine_world_run(world, 40);
	}
	assert_int_equal(alpha->n, 301);
	assert_int_equal(world_message(world, order, 0)->seg.attempts, 300);
	engine_world_crash(world);
	engine_world_run(world, 300);
	assert_ends(world, order, STORE_STATE_IN_DOUBT, STORE_ERROR_SUBMIT_UNCONFIRMED);
	engine_world_free(world);
}

/* ---- window and rate ---- */

static void test_engine__check_67_a_window_of_one_sends_one_at_a_time(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 1, release_ahead: 5, timers: {response: 5s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 20 });
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(alpha->n, i + 1);
		carrier_ok_all(alpha);
		engine_world_settle(world);
	}
	assert_int_equal(alpha->in_flight_most, 1);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	engine_world_free(world);
}

static void test_engine__stored_members_never_pass_window_and_ahead(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 3, release_ahead: 2, timers: {response: 5s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 50 });
	assert_int_equal(world_order(world, order).released, 5);
	assert_int_equal(alpha->n, 3);
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	assert_int_equal(world_order(world, order).released, 6);
	assert_int_equal(alpha->n, 4);
	engine_world_free(world);
}

static void test_engine__check_75_the_rate_is_even(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = "window: 100, rate: 50, timers: {response: 5s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->obliging = true;
	engine_world_run(world, 5000); /* idle time saves up no more than the bucket */
	engine_world_order(world, &(struct wish){ .total = 400 });
	engine_world_run(world, 10000);
	assert_int_equal(alpha->n, 400);
	/* In any 200 ms no more than 10, the bucket of 2 or 3, and one. */
	for (size_t i = 0, k = 0; i < alpha->n; i++) {
		while (alpha->seen[i].at_ms - alpha->seen[k].at_ms > 200)
			k++;
		assert_true(i - k + 1 <= 14);
	}
	int64_t took_ms = alpha->seen[399].at_ms - alpha->seen[0].at_ms;
	assert_in_range(took_ms, 7700, 8300);
	engine_world_free(world);
}

static void test_engine__check_75_answers_after_a_stall_do_not_break_the_rate(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 10, release_ahead: 100, rate: 20, timers: {response: 60s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 200 });
	engine_world_run(world, 8000);
	assert_int_equal(alpha->n, 10);
	alpha->obliging = true;
	carrier_ok_all(alpha);
	alpha->ids = 1000;
	engine_world_run(world, 3000);
	for (size_t i = 10, k = 10; i < alpha->n; i++) {
		while (alpha->seen[i].at_ms - alpha->seen[k].at_ms > 1000)
			k++;
		assert_true(i - k + 1 <= 20 + 1 + 2);
	}
	engine_world_free(world);
}

static void test_engine__check_75_one_a_second_is_one_a_second(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = "window: 10, rate: 1, timers: {response: 5s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->obliging = true;
	engine_world_order(world, &(struct wish){ .total = 6 });
	engine_world_run(world, 7000);
	assert_int_equal(alpha->n, 6);
	for (size_t i = 1; i < 6; i++)
		assert_in_range(alpha->seen[i].at_ms - alpha->seen[i - 1].at_ms, 990, 1010);
	engine_world_free(world);
}

/* Two routes of one provider take turns whatever another provider does between them. */
static void test_engine__a_route_is_not_starved_by_another_providers_turn(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 1, release_ahead: 0, timers: {response: 60s}",
		.beta = "window: 1, release_ahead: 0, timers: {response: 60s}" });
	struct carrier *alpha = world->carriers[0], *beta = world->carriers[1];
	(void)state;
	uint64_t bulk = engine_world_order(world, &(struct wish){ .route = 1, .total = 100 });
	uint64_t other = engine_world_order(world, &(struct wish){ .route = 3, .total = 10 });
	engine_world_order(world, &(struct wish){ .route = 2, .total = 100 });
	for (int i = 0; i < 24; i++) {
		carrier_ok_all(alpha);
		carrier_ok_all(beta);
		engine_world_settle(world);
	}
	assert_int_equal(world_order(world, other).released, 10);
	assert_true(world_order(world, bulk).released >= 10);
	engine_world_free(world);
}

/* ---- doubt ---- */

static void test_engine__check_42_a_late_answer_ends_the_doubt(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 2 });
	engine_world_run(world, 5100);
	assert_ends(world, order, STORE_STATE_IN_DOUBT, STORE_ERROR_SUBMIT_UNCONFIRMED);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.in_doubt, 2);
	assert_int_equal(rec.unanswered, 2);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	carrier_ok(alpha, 0, "9");
	carrier_refuse(alpha, 1, 0x0B);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_true(world_message(world, order, 0)->flags & STORE_FLAG_LATE_EVIDENCE);
	assert_int_equal(world_state(world, order, 1), STORE_STATE_FAILED);
	assert_int_equal(world_message(world, order, 1)->seg.provider_status, 0x0B);
	assert_int_equal(world_order(world, order).unanswered, 0);
	/* Its id is known: a receipt finds it. */
	carrier_receipt(alpha, "9", "DELIVRD");
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

static void test_engine__hold_never_sends_again(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = ROUTE "doubt_grace: 2s" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 3 });
	carrier_cut(alpha);
	engine_world_run(world, 30000); /* long past the grace after which others are sent again */
	assert_int_equal(alpha->n, 3);
	assert_ends(world, order, STORE_STATE_IN_DOUBT, STORE_ERROR_SUBMIT_UNCONFIRMED);
	engine_world_run(world, 12000);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED);
	assert_int_equal(alpha->n, 3);
	assert_int_equal(world_order(world, order).unknown, 3);
	engine_world_free(world);
}

static void test_engine__resend_sends_once_more_and_says_so(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .route = ROUTE "doubt: resend, doubt_grace: 2s" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	engine_world_run(world, 5100);
	assert_ends(world, order, STORE_STATE_IN_DOUBT, STORE_ERROR_SUBMIT_UNCONFIRMED);
	engine_world_run(world, 3000);
	assert_int_equal(alpha->n, 2);
	assert_true(world_message(world, order, 0)->flags & STORE_FLAG_POSSIBLE_DUPLICATE);
	engine_world_run(world, 60000);
	assert_int_equal(alpha->n, 2);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED);
	assert_int_equal(world_message(world, order, 0)->seg.open_attempts, 2);
	engine_world_free(world);
}

/* While the fate of one attempt is open, the refusal of another proves nothing. */
static void test_engine__a_refused_resend_leaves_the_first_attempt_open(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .route = ROUTE "doubt: resend, doubt_grace: 2s, "
						  "refund: undelivered" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	engine_world_run(world, 8000);
	assert_int_equal(alpha->n, 2);
	carrier_refuse(alpha, 1, 0x0B);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED);
	assert_int_equal(world_balance(world), OPENING - PRICE);
	/* The first attempt answers after all: refused too. Now it is known, and refunded. */
	carrier_refuse(alpha, 0, 0x0B);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	assert_int_equal(world_balance(world), OPENING);
	engine_world_free(world);
}

static void test_engine__ids_of_every_attempt_are_known(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .route = ROUTE "doubt: resend, doubt_grace: 2s" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	engine_world_run(world, 8000);
	carrier_ok(alpha, 1, "second");
	carrier_ok(alpha, 0, "first");
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	carrier_receipt(alpha, "first", "DELIVRD");
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__ok_makes_sent_and_nothing_more),
		cmocka_unit_test(test_engine__a_receipt_that_knows_nothing_is_told_as_unknown),
		cmocka_unit_test(test_engine__check_82_ok_without_an_id_is_sent_with_a_flag),
		cmocka_unit_test(test_engine__check_78_79_each_status_does_what_its_class_says),
		cmocka_unit_test(test_engine__check_73_80_a_provider_may_class_a_status_otherwise),
		cmocka_unit_test(test_engine__check_45_a_refused_bind_is_tried_again),
		cmocka_unit_test(
			test_engine__check_81_a_permanent_refusal_fails_at_once_with_its_status),
		cmocka_unit_test(test_engine__check_74_a_system_error_is_tried_three_times_more),
		cmocka_unit_test(test_engine__retries_are_counted_through_a_hundred_throttles),
		cmocka_unit_test(test_engine__the_same_message_nacked_twice_is_poison),
		cmocka_unit_test(test_engine__a_delivery_failure_in_the_answer_is_an_outcome),
		cmocka_unit_test(
			test_engine__check_70_a_throttle_keeps_the_order_and_nothing_overtakes),
		cmocka_unit_test(
			test_engine__check_72_after_a_pause_one_probes_and_the_pause_grows),
		cmocka_unit_test(test_engine__throttled_three_hundred_times_is_still_sent_at_last),
		cmocka_unit_test(test_engine__check_67_a_window_of_one_sends_one_at_a_time),
		cmocka_unit_test(test_engine__stored_members_never_pass_window_and_ahead),
		cmocka_unit_test(test_engine__check_75_the_rate_is_even),
		cmocka_unit_test(test_engine__check_75_answers_after_a_stall_do_not_break_the_rate),
		cmocka_unit_test(test_engine__check_75_one_a_second_is_one_a_second),
		cmocka_unit_test(test_engine__a_route_is_not_starved_by_another_providers_turn),
		cmocka_unit_test(test_engine__check_42_a_late_answer_ends_the_doubt),
		cmocka_unit_test(test_engine__hold_never_sends_again),
		cmocka_unit_test(test_engine__resend_sends_once_more_and_says_so),
		cmocka_unit_test(test_engine__a_refused_resend_leaves_the_first_attempt_open),
		cmocka_unit_test(test_engine__ids_of_every_attempt_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
