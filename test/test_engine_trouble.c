/* Trouble: crashes, lost links, a full store, an end in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>

#include "core/lifecycle.h"
#include "core/provider.h"
#include "test/engine_world.h"

#define ROUTE "validity: 60s, receipt_deadline: 40s, "

static uint32_t in_state(struct engine_world *world, uint64_t order, enum store_state state)
{
	uint32_t total = world_order(world, order).total, n = 0;
	for (uint32_t i = 0; i < total; i++)
		n += world_state(world, order, i) == state;
	return n;
}

/* ---- crashes ---- */

static void test_engine__after_a_crash_exactly_what_was_out_is_in_doubt(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha =
			"window: 4, release_ahead: 3, timers: {response: 5s, reconnect_min: 200ms}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 30 });
	for (size_t i = 0; i < 6; i++) {
		carrier_ok(alpha, i, i % 2 ? "odd" : "even");
		engine_world_settle(world);
	}
	assert_int_equal(alpha->n, 10);
	engine_world_crash(world);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.released, 13);
	assert_int_equal(rec.in_doubt, 7);
	assert_int_equal(in_state(world, order, STORE_STATE_SENT), 6);
	for (uint32_t i = 6; i < 13; i++)
		assert_int_equal(world_state(world, order, i), STORE_STATE_IN_DOUBT);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	/* The rest goes on in its order, and nothing that was out is sent again. */
	alpha->obliging = true;
	alpha->ids = 100;
	engine_world_run(world, 5000);
	assert_int_equal(alpha->n, 10 + 17);
	for (size_t i = 10; i < alpha->n; i++)
		assert_int_equal(alpha->seen[i].msisdn, FIRST_NUMBER + 3 + i);
	engine_world_free(world);
}

static void test_engine__a_crash_with_segments_out_keeps_them_apart(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha =
			"window: 2, release_ahead: 0, timers: {response: 5s, reconnect_min: 200ms}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3 });
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	assert_int_equal(alpha->n, 3);
	engine_world_crash(world);
	assert_int_equal(world_segment(world, order, 0, 0), STORE_STATE_SENT);
	assert_int_equal(world_segment(world, order, 0, 1), STORE_STATE_IN_DOUBT);
	assert_int_equal(world_segment(world, order, 0, 2), STORE_STATE_IN_DOUBT);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_IN_DOUBT);
	engine_world_run(world, 45000);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_UNKNOWN);
	assert_int_equal(alpha->n, 3);
	engine_world_free(world);
}

/* More members than a record holds, of many orders: none is forgotten. */
static void test_engine__a_release_of_several_records_is_in_doubt_whole(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 1000, release_ahead: 1000, timers: {response: 60s, "
			 "reconnect_min: 200ms}" });
	struct carrier *alpha = world->carriers[0];
	uint32_t in_doubt = 0, segments = 0;
	(void)state;
	carrier_cut(alpha);
	engine_world_run(world, 50);
	for (uint32_t i = 0; i < 30; i++)
		engine_world_order(world, &(struct wish){ .total = 1 + i % 7, .parts = 1 + i % 3 });
	uint64_t large = engine_world_order(world, &(struct wish){ .total = 1000, .parts = 3 });
	engine_world_run(world, 2000);
	assert_int_equal(alpha->n, 1000);
	assert_true(world_count(world, STORE_KIND_RELEASE) >= 2);
	engine_world_check(world);
	engine_world_crash(world);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	for (uint64_t order = 1; order <= large; order++) {
		struct store_order rec = world_order(world, order);
		segments += (uint32_t)rec.released;
		for (uint32_t i = 0; i < rec.total; i++)
			for (uint32_t n = 0; n < rec.parts; n++)
				in_doubt += world_segment(world, order, i, n) ==
					    STORE_STATE_IN_DOUBT;
	}
	assert_int_equal(segments, 2000);
	assert_int_equal(in_doubt, 2000);
	engine_world_free(world);
}

/* A second crash in the middle of recovery, and a throttled segment among those out. */
static void test_engine__returned_segments_survive_a_crash_in_their_place(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 3, release_ahead: 0, timers: {response: 5s, pause_min: 1s, "
			 "reconnect_min: 200ms}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 6 });
	for (size_t i = 0; i < 3; i++)
		carrier_refuse(alpha, i, 0x58);
	engine_world_settle(world);
	engine_world_crash(world);
	engine_world_crash(world);
	assert_int_equal(in_state(world, order, STORE_STATE_QUEUED), 6);
	alpha->obliging = true;
	engine_world_run(world, 3000);
	assert_int_equal(alpha->n, 9);
	for (size_t i = 3; i < 9; i++)
		assert_int_equal(alpha->seen[i].msisdn, FIRST_NUMBER + i - 3);
	engine_world_free(world);
}

static void test_engine__a_fatal_commit_lets_nothing_out(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	world->fault = STORE_FAULT_HIDDEN;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(order, 0);
	assert_true(world->stopped);
	assert_int_equal(world->engine->exit_status, 1);
	assert_int_equal(world->carriers[0]->n, 0);
	/* It was written all the same: the store decides, and what was released is in doubt. */
	world->fault = STORE_FAULT_NONE;
	engine_world_crash(world);
	engine_world_run(world, 1000);
	assert_int_equal(world_state(world, 1, 0), STORE_STATE_IN_DOUBT);
	assert_int_equal(world->carriers[0]->n, 0);
	engine_world_free(world);
}

static void test_engine__a_receipt_is_not_answered_by_a_fatal_commit(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(world->carriers[0], 0, "1");
	engine_world_settle(world);
	world->fault = STORE_FAULT_LOST;
	assert_true(carrier_receipt(world->carriers[0], "1", "DELIVRD"));
	engine_world_settle(world);
	assert_true(world->stopped);
	assert_int_equal(world->carriers[0]->acked, 0);
	world->fault = STORE_FAULT_NONE;
	engine_world_crash(world);
	engine_world_run(world, 500);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
	assert_true(carrier_receipt(world->carriers[0], "1", "DELIVRD"));
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	engine_world_free(world);
}

/* Read, not recorded, and dead: what the answer was is not known. */
static void test_engine__an_answer_that_was_not_committed_leaves_doubt(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 2 });
	world->fault = STORE_FAULT_LOST;
	carrier_refuse(alpha, 0, 0x0B);
	carrier_ok(alpha, 1, "2");
	engine_world_settle(world);
	assert_true(world->stopped);
	world->fault = STORE_FAULT_NONE;
	engine_world_crash(world);
	assert_int_equal(in_state(world, order, STORE_STATE_IN_DOUBT), 2);
	engine_world_run(world, 45000);
	assert_int_equal(in_state(world, order, STORE_STATE_UNKNOWN), 2);
	assert_int_equal(world_error(world, order, 0), STORE_ERROR_SUBMIT_UNCONFIRMED);
	assert_int_equal(alpha->n, 2);
	engine_world_free(world);
}

static void test_engine__a_receipt_committed_and_not_answered_comes_twice(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = ROUTE "refund: undelivered" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	world->fault = STORE_FAULT_HIDDEN;
	assert_true(carrier_receipt(alpha, "1", "UNDELIV"));
	engine_world_settle(world);
	assert_int_equal(alpha->acked, 0);
	world->fault = STORE_FAULT_NONE;
	engine_world_crash(world);
	engine_world_run(world, 500);
	assert_true(carrier_receipt(alpha, "1", "UNDELIV"));
	engine_world_settle(world);
	assert_int_equal(alpha->acked, 1);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_FAILED);
	assert_int_equal(world_message(world, order, 0)->duplicates, 1);
	assert_int_equal(world_balance(world), OPENING);
	engine_world_free(world);
}

/* What an older store holds as queued or out may have been sent since: whatever the policy. */
static void test_engine__a_store_that_was_put_back_sends_nothing_again(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha =
			"window: 2, release_ahead: 0, timers: {response: 5s, reconnect_min: 200ms}",
		.route = ROUTE "doubt: resend, doubt_grace: 1s, refund: undelivered" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 4, .parts = 2 });
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	assert_int_equal(alpha->n, 3);
	world->older = true;
	engine_world_crash(world);
	world->older = false;
	assert_int_equal(in_state(world, order, STORE_STATE_IN_DOUBT), 4);
	assert_int_equal(world_segment(world, order, 0, 0), STORE_STATE_SENT);
	engine_world_crash(world);
	engine_world_run(world, 35000);
	assert_int_equal(in_state(world, order, STORE_STATE_IN_DOUBT), 4);
	/* A receipt of what was taken before still counts. */
	assert_true(carrier_receipt(alpha, "1", "DELIVRD"));
	engine_world_run(world, 10000);
	assert_int_equal(in_state(world, order, STORE_STATE_UNKNOWN), 4);
	assert_int_equal(world_segment(world, order, 0, 0), STORE_STATE_DELIVERED);
	assert_int_equal(alpha->n, 3);
	assert_int_equal(world_balance(world), OPENING - 8 * PRICE);
	engine_world_free(world);
}

/* ---- a full store ---- */

static void test_engine__a_full_store_refuses_receipts_and_loses_nothing(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 5 });
	for (size_t i = 0; i < 3; i++)
		carrier_ok(alpha, i, (const char *[]){ "1", "2", "3" }[i]);
	engine_world_settle(world);
	world->fault = STORE_FAULT_FULL;
	assert_true(carrier_receipt(alpha, "1", "DELIVRD"));
	carrier_ok(alpha, 3, "4"); /* an answer waits for room */
	carrier_refuse(alpha, 4, 0x0B);
	assert_int_equal(engine_world_order(world, &(struct wish){ 0 }), 0);
	engine_world_run(world, 3000);
	assert_int_equal(alpha->acked, 0);
	assert_int_equal(alpha->refused, 1);
	assert_int_equal(alpha->refused_status, 0x14);
	assert_true(engine_world_alarmed(world, "store_full"));
	assert_false(world->stopped);
	assert_int_equal(world_segment(world, order, 3, 0), STORE_STATE_SUBMITTED);
	world->fault = STORE_FAULT_NONE;
	engine_world_run(world, 3000);
	assert_int_equal(world_state(world, order, 3), STORE_STATE_SENT);
	assert_int_equal(world_state(world, order, 4), STORE_STATE_FAILED);
	assert_false(engine_world_alarmed(world, "store_full"));
	assert_true(carrier_receipt(alpha, "1", "DELIVRD"));
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	assert_int_equal(alpha->acked, 1);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	assert_int_equal(world->engine->providers[0]->links[0]->outstanding, 0);
	/* And it goes on sending. */
	engine_world_order(world, &(struct wish){ .total = 3 });
	assert_int_equal(alpha->n, 8);
	engine_world_free(world);
}

static void test_engine__a_deadline_waits_for_room_without_spinning(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 4 });
	carrier_ok_all(world->carriers[0]);
	engine_world_run(world, 30000);
	world->fault = STORE_FAULT_FULL;
	uint64_t steps = world->steps;
	engine_world_run(world, 20000);
	assert_true(world->steps - steps < 200);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
	world->fault = STORE_FAULT_NONE;
	engine_world_run(world, 2000);
	assert_int_equal(in_state(world, order, STORE_STATE_UNKNOWN), 4);
	engine_world_free(world);
}

/* One session for each bind, and none open but of the two links that are bound now. */
static void assert_sessions(struct engine_world *world)
{
	struct store_session session = { 0 };
	struct store_txn *txn;
	uint32_t n = 0, open = 0;
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	for (enum store_err err = store_session_seek(txn, &session, 0); !err;
	     err = store_session_next(txn, &session, 0), n++) {
		open += !session.closed_ms;
		assert_true(!session.closed_ms || session.closed_ms >= session.opened_ms);
	}
	store_read_end(txn);
	assert_int_equal(n, world->carriers[0]->binds + world->carriers[1]->binds);
	assert_int_equal(open, 2);
}

/* A link that goes and comes while the store is full: answers and sessions keep to their own. */
static void test_engine__links_that_come_and_go_while_the_store_is_full(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha =
			"window: 4, release_ahead: 0, timers: {response: 60s, reconnect_min: 100ms, "
			"reconnect_max: 200ms}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 40 });
	for (int i = 0; i < 3; i++) {
		world->fault = STORE_FAULT_FULL;
		carrier_cut(alpha);
		carrier_cut(world->carriers[1]);
		engine_world_run(world, 700);
		carrier_cut(alpha);
		engine_world_run(world, 700);
		world->fault = STORE_FAULT_NONE;
		engine_world_run(world, 1200);
		carrier_ok_all(alpha);
		engine_world_settle(world);
	}
	alpha->obliging = true;
	alpha->ids = 1000;
	carrier_ok_all(alpha);
	engine_world_run(world, 5000);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.in_doubt + rec.sent, 40);
	assert_sessions(world);
	assert_in_range(rec.in_doubt, 4, 12);
	assert_int_equal(alpha->n, 40);
	assert_int_equal(world->engine->providers[0]->links[0]->outstanding, 0);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	engine_world_free(world);
}

/* ---- segments ---- */

/* Nor is one that is in doubt sent again for a message that has ended. */
static void test_engine__no_doubt_of_a_failed_message_is_sent_again(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .route = ROUTE "doubt: resend, doubt_grace: 2s" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 2, .total = 2 });
	carrier_ok(alpha, 0, "1");
	carrier_ok(alpha, 2, "3");
	carrier_ok(alpha, 3, "4");
	engine_world_run(world, 5100);
	assert_int_equal(world_segment(world, order, 0, 1), STORE_STATE_IN_DOUBT);
	assert_true(carrier_receipt(alpha, "1", "UNDELIV"));
	engine_world_run(world, 10000);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_FAILED);
	assert_int_equal(alpha->n, 4);
	assert_false(world_message(world, order, 0)->flags & STORE_FLAG_POSSIBLE_DUPLICATE);
	engine_world_run(world, 30000);
	assert_int_equal(world_segment(world, order, 0, 1), STORE_STATE_UNKNOWN);
	engine_world_free(world);
}

/* A segment that comes back to a message that has ended ends with it. */
static void test_engine__what_returns_to_a_failed_message_is_not_sent_again(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3, .total = 2 });
	carrier_refuse(alpha, 0, 0x0B);
	engine_world_settle(world);
	carrier_refuse(alpha, 1, 0x58);
	carrier_ok(alpha, 3, "3");
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_FAILED);
	assert_int_equal(world_segment(world, order, 0, 1), STORE_STATE_FAILED);
	carrier_ok_all(alpha);
	engine_world_run(world, 5000);
	assert_int_equal(alpha->n, 6);
	assert_int_equal(world_segment(world, order, 0, 2), STORE_STATE_SENT);
	assert_int_equal(world_state(world, order, 1), STORE_STATE_SENT);
	engine_world_free(world);
}

static void test_engine__segments_not_released_end_with_their_message(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = "window: 1, release_ahead: 0, timers: {response: 5s}",
				   .route = ROUTE "refund: refused" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3, .total = 2 });
	carrier_refuse(alpha, 0, 0x0B);
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_FAILED);
	assert_int_equal(world_segment(world, order, 0, 2), STORE_STATE_FAILED);
	assert_int_equal(world_balance(world), OPENING - 3 * PRICE);
	/* The next on the wire is the first of the other message. */
	assert_int_equal(alpha->n, 2);
	assert_int_equal(alpha->seen[1].msisdn, FIRST_NUMBER + 1);
	assert_int_equal(alpha->seen[1].part, 1);
	carrier_ok_all(alpha);
	engine_world_settle(world);
	engine_world_free(world);
}

/* ---- accounting ---- */

static void test_engine__an_order_of_3304_has_six_batches_of_500_and_one_of_304(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 100, release_ahead: 100, timers: {response: 5s}" });
	struct carrier *alpha = world->carriers[0];
	struct store_batch batch = { 0 };
	struct store_txn *txn;
	(void)state;
	alpha->obliging = true;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 3304 });
	engine_world_run(world, 2000);
	assert_int_equal(alpha->n, 3304);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.sent, 3304);
	assert_int_equal(rec.taken, 3304);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	engine_world_run(world, 42000);
	assert_int_equal(world_order(world, order).unknown, 3304);
	assert_int_equal(world_count(world, STORE_KIND_BATCH), 7);
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	for (uint32_t n = 0; n < 7; n++) {
		batch = (struct store_batch){ .order = order, .n = n };
		assert_int_equal(store_batch_get(txn, &batch), STORE_OK);
		assert_int_equal(batch.first, 500 * n);
		assert_int_equal(batch.size, n < 6 ? 500 : 304);
		assert_int_equal(batch.unknown, batch.size);
		assert_true(batch.closed_ms != 0);
	}
	store_read_end(txn);
	engine_world_free(world);
}

static void test_engine__accounts_take_turns(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 1, release_ahead: 0, timers: {response: 60s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 500 });
	uint64_t second = engine_world_order(world, &(struct wish){ .account = 2, .total = 5 });
	for (int i = 0; i < 12; i++) {
		carrier_ok_all(alpha);
		engine_world_settle(world);
	}
	assert_int_equal(world_order(world, second).released, 5);
	engine_world_free(world);
}

/* ---- the end ---- */

static void test_engine__drain_waits_for_answers_and_unbinds(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 4, release_ahead: 4, timers: {response: 60s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 20 });
	engine_world_run(world, 100);
	engine_signal(world->engine, SIGTERM);
	engine_world_run(world, 1000);
	assert_int_equal(alpha->n, 4);
	assert_false(world->stopped);
	assert_int_equal(carrier_bound(alpha), 1);
	carrier_ok_all(alpha);
	engine_world_run(world, 1000);
	assert_true(world->stopped);
	assert_int_equal(world->engine->exit_status, 0);
	assert_int_equal(carrier_bound(alpha), 0);
	assert_int_equal(alpha->n, 4);
	assert_int_equal(in_state(world, order, STORE_STATE_SENT), 4);
	assert_int_equal(in_state(world, order, STORE_STATE_QUEUED), 16);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	engine_world_crash(world);
	alpha->obliging = true;
	alpha->ids = 100;
	engine_world_run(world, 3000);
	assert_int_equal(in_state(world, order, STORE_STATE_SENT), 20);
	engine_world_free(world);
}

static void test_engine__drain_ends_at_its_time_and_at_a_second_signal(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 3 });
	engine_world_order(world, &(struct wish){ .send_in_ms = 3000 });
	engine_signal(world->engine, SIGHUP);
	engine_world_run(world, 100);
	assert_false(world->engine->draining);
	/* A link that waits to come back neither comes back now nor makes it spin. */
	carrier_cut(world->carriers[1]);
	uint32_t binds = world->carriers[1]->binds;
	engine_signal(world->engine, SIGTERM);
	engine_world_run(world, 4000);
	assert_false(world->stopped);
	assert_int_equal(world->carriers[1]->binds, binds);
	engine_world_run(world, 20000);
	assert_true(world->stopped);
	assert_int_equal(in_state(world, order, STORE_STATE_IN_DOUBT), 3);
	engine_world_crash(world);
	engine_world_run(world, 300);
	engine_world_order(world, &(struct wish){ .total = 3 });
	engine_signal(world->engine, SIGTERM);
	engine_signal(world->engine, SIGINT);
	engine_world_run(world, 20);
	assert_true(world->stopped);
	engine_world_free(world);
}

static void test_engine__drain_ends_though_the_store_is_full(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 3 });
	world->fault = STORE_FAULT_FULL;
	carrier_ok_all(world->carriers[0]);
	engine_world_settle(world);
	engine_signal(world->engine, SIGTERM);
	engine_world_run(world, 30000);
	assert_true(world->stopped);
	world->fault = STORE_FAULT_NONE;
	engine_world_crash(world);
	assert_int_equal(in_state(world, order, STORE_STATE_IN_DOUBT), 3);
	engine_world_free(world);
}

/* An alarm that is on when the engine ends: its name is told before it is freed. */
static void test_engine__ends_with_an_alarm_on(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	alarm_set(world->engine, "one", true, "text");
	alarm_set(world->engine, "two", true, "text");
	alarm_set(world->engine, "one", true, "text");
	alarm_set(world->engine, "two", false, "");
	assert_true(engine_world_alarmed(world, "one"));
	assert_false(engine_world_alarmed(world, "two"));
	engine_world_free(world);
}

/* The feed tells of each once: its beginning, and its end. */
static void test_engine__an_alarm_stands_in_the_feed(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct store_txn *txn;
	struct store_feed feed = { .seq = UINT64_MAX };
	struct store_alarm alarm = { 0 };
	struct feed_entry entry;
	enum feed_event told[] = { FEED_ALARM_ENDS, FEED_ALARM_BEGINS }; /* newest first */
	(void)state;
	alarm_set(world->engine, "one", true, "the first cause");
	alarm_set(world->engine, "one", true, "the second cause");
	alarm_set(world->engine, "one", false, "");
	alarm_set(world->engine, "one", false, "");
	engine_world_run(world, 100);
	assert_int_equal(world_count(world, STORE_KIND_ALARM), 2);
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	for (int i = 0; i < 2; i++) {
		uint32_t offset = 0;
		assert_int_equal(store_feed_prev(txn, &feed, 0), STORE_OK);
		assert_true(feed_next(feed.events, &offset, &entry));
		assert_int_equal(entry.event, told[i]);
		alarm.seq = entry.number;
		assert_int_equal(store_alarm_get(txn, &alarm), STORE_OK);
		assert_int_equal(alarm.name.n, 3);
		assert_memory_equal(alarm.name.at, "one", 3);
	}
	assert_int_equal(alarm.text.n, 15); /* of the beginning: as it was then */
	assert_memory_equal(alarm.text.at, "the first cause", 15);
	store_read_end(txn);
	engine_world_free(world);
}

static void test_engine__an_unbind_of_the_peer_is_answered_and_bound_anew(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 12 });
	assert_int_equal(alpha->n, 10);
	carrier_unbind(alpha);
	carrier_ok_all(alpha); /* behind the unbind, and they still count */
	engine_world_run(world, 3000);
	assert_int_equal(in_state(world, order, STORE_STATE_SENT), 10);
	assert_int_equal(alpha->binds, 2);
	assert_int_equal(alpha->n, 12);
	assert_true(alpha->seen[10].at_ms > alpha->seen[9].at_ms + 150); /* not at once */
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__after_a_crash_exactly_what_was_out_is_in_doubt),
		cmocka_unit_test(test_engine__a_crash_with_segments_out_keeps_them_apart),
		cmocka_unit_test(test_engine__a_release_of_several_records_is_in_doubt_whole),
		cmocka_unit_test(test_engine__returned_segments_survive_a_crash_in_their_place),
		cmocka_unit_test(test_engine__a_fatal_commit_lets_nothing_out),
		cmocka_unit_test(test_engine__a_receipt_is_not_answered_by_a_fatal_commit),
		cmocka_unit_test(test_engine__an_answer_that_was_not_committed_leaves_doubt),
		cmocka_unit_test(test_engine__a_receipt_committed_and_not_answered_comes_twice),
		cmocka_unit_test(test_engine__a_store_that_was_put_back_sends_nothing_again),
		cmocka_unit_test(test_engine__a_full_store_refuses_receipts_and_loses_nothing),
		cmocka_unit_test(test_engine__a_deadline_waits_for_room_without_spinning),
		cmocka_unit_test(test_engine__links_that_come_and_go_while_the_store_is_full),
		cmocka_unit_test(test_engine__no_doubt_of_a_failed_message_is_sent_again),
		cmocka_unit_test(test_engine__what_returns_to_a_failed_message_is_not_sent_again),
		cmocka_unit_test(test_engine__segments_not_released_end_with_their_message),
		cmocka_unit_test(
			test_engine__an_order_of_3304_has_six_batches_of_500_and_one_of_304),
		cmocka_unit_test(test_engine__accounts_take_turns),
		cmocka_unit_test(test_engine__drain_waits_for_answers_and_unbinds),
		cmocka_unit_test(test_engine__drain_ends_at_its_time_and_at_a_second_signal),
		cmocka_unit_test(test_engine__drain_ends_though_the_store_is_full),
		cmocka_unit_test(test_engine__ends_with_an_alarm_on),
		cmocka_unit_test(test_engine__an_alarm_stands_in_the_feed),
		cmocka_unit_test(test_engine__an_unbind_of_the_peer_is_answered_and_bound_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
