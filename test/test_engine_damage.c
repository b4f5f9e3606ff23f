/* Damaged records, and records that are old: the rest goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/api.h"
#include "core/message_id.h"
#include "test/engine_receipts.h"

#define ROUTE "validity: 60s, receipt_deadline: 40s, "

static uint32_t in_state(struct engine_world *world, uint64_t order, enum store_state state)
{
	uint32_t total = world_order(world, order).total, n = 0;
	for (uint32_t i = 0; i < total; i++)
		n += world_state(world, order, i) == state;
	return n;
}

static void damage(struct engine_world *world, enum store_kind kind, const void *rec)
{
	engine_world_kill(world);
	engine_world_flip(world, kind, rec);
	engine_world_start(world);
	engine_world_run(world, 500);
}

/* Without the check at the end: it finds what was damaged, and that is right. */
static void end_damaged(struct engine_world *world)
{
	world->damaged = true;
	engine_world_free(world);
}

static void test_engine__a_corrupt_message_is_left_alone_and_others_go_on(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha =
			"window: 1, release_ahead: 0, timers: {response: 5s, reconnect_min: 200ms}",
		.route = ROUTE "refund: undelivered" });
	struct carrier *alpha = world->carriers[0];
	struct store_message message;
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 6 });
	message = *world_message(world, order, 3);
	message.seg.evidence.n = 0;
	damage(world, STORE_KIND_MESSAGE, &message);
	alpha->obliging = true;
	engine_world_run(world, 5000);
	assert_true(engine_world_alarmed(world, "store_corrupt"));
	assert_int_equal(alpha->n, 5); /* one in doubt, four more; never the damaged one */
	for (size_t i = 0; i < alpha->n; i++)
		assert_int_not_equal(alpha->seen[i].msisdn, FIRST_NUMBER + 3);
	engine_world_run(world, 60000);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_UNKNOWN);
	assert_int_equal(world_state(world, order, 5), STORE_STATE_UNKNOWN);
	uint64_t next = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(world_state(world, next, 0), STORE_STATE_SENT);
	end_damaged(world);
}

static void test_engine__a_corrupt_segment_stops_neither_answers_nor_deadlines(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .route = ROUTE "refund: undelivered, queue_deadline: 20s" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 2, .parts = 3 });
	carrier_ok_all(alpha);
	engine_world_settle(world);
	struct store_segment segment = { .order = order, .segment = 2 };
	struct store_txn *txn;
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	assert_int_equal(store_segment_get(txn, &segment), STORE_OK);
	store_read_end(txn);
	damage(world, STORE_KIND_SEGMENT, &segment);
	assert_true(carrier_receipt(alpha, "1", "UNDELIV"));
	engine_world_settle(world);
	assert_int_equal(alpha->acked, 1);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_FAILED);
	/* Nobody knows what became of the third: nothing is paid back by guessing. */
	assert_int_equal(world_balance(world), OPENING - 6 * PRICE);
	uint64_t next = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok_all(alpha);
	engine_world_run(world, 60000);
	assert_int_equal(world_state(world, order, 1), STORE_STATE_UNKNOWN);
	assert_int_equal(world_state(world, next, 0), STORE_STATE_UNKNOWN);
	end_damaged(world);
}

static void test_engine__a_corrupt_text_keeps_its_order_waiting_till_it_expires(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha =
			"window: 1, release_ahead: 0, timers: {response: 5s, reconnect_min: 200ms}",
		.route = ROUTE "queue_deadline: 20s" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 4 });
	char octets[60];
	memset(octets, 'x', sizeof(octets));
	struct store_text text = { .order = order,
				   .octets = { (const uint8_t *)octets, sizeof(octets) } };
	damage(world, STORE_KIND_TEXT, &text);
	uint64_t next = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(alpha->n, 2);
	assert_int_equal(alpha->seen[1].msisdn, FIRST_NUMBER + 4);
	assert_true(engine_world_alarmed(world, "text_missing"));
	carrier_ok(alpha, 1, "9");
	engine_world_run(world, 21000);
	assert_int_equal(world_state(world, next, 0), STORE_STATE_SENT);
	assert_int_equal(in_state(world, order, STORE_STATE_EXPIRED), 3);
	end_damaged(world);
}

static void test_engine__a_corrupt_order_stops_no_other(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 3 });
	uint64_t next = engine_world_order(world, &(struct wish){ .total = 3 });
	carrier_ok_all(alpha);
	engine_world_settle(world);
	struct store_order rec = world_order(world, order);
	damage(world, STORE_KIND_ORDER, &rec);
	assert_true(carrier_receipt(alpha, "1", "DELIVRD")); /* whose it is cannot be read */
	assert_true(carrier_says(
		alpha, &(struct said){ .id = "4", .stat = "DELIVRD", .from = FIRST_NUMBER + 3 }));
	engine_world_settle(world);
	assert_int_equal(alpha->acked, 2);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	assert_int_equal(world_state(world, next, 0), STORE_STATE_DELIVERED);
	engine_world_run(world, 50000);
	assert_int_equal(world_state(world, next, 1), STORE_STATE_UNKNOWN);
	end_damaged(world);
}

/* ---- retention ---- */

#define KEEP_SHORT "retention: {orders: 1h, orphans: 1h, feed: 1m, closed_ids: 1h}\n"
#define HOUR_MS	   (3600 * 1000)

static void test_engine__check_109_what_is_old_goes_and_what_is_open_stays(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.top = KEEP_SHORT, .route2 = "validity: 24h, receipt_deadline: 20h" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t open = engine_world_order(world, &(struct wish){ .route = 2 });
	engine_world_order(world, &(struct wish){ .total = 1200, .parts = 2 });
	alpha->obliging = true;
	carrier_ok_all(alpha);
	carrier_ok_all(world->carriers[1]);
	alpha->ids = 10000;
	assert_true(carrier_receipt(alpha, "nobodys", "DELIVRD"));
	engine_world_run(world, 3000);
	assert_true(carrier_receipt(alpha, "1", "DELIVRD"));
	engine_world_run(world, HOUR_MS + 300 * 1000);
	assert_int_equal(world_count(world, STORE_KIND_ORDER), 1);
	assert_int_equal(world_count(world, STORE_KIND_MESSAGE), 1);
	assert_int_equal(world_count(world, STORE_KIND_SEGMENT), 0);
	assert_int_equal(world_count(world, STORE_KIND_BATCH), 0);
	assert_int_equal(world_count(world, STORE_KIND_TEXT), 1);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	assert_int_equal(world_count(world, STORE_KIND_FEED), 0);
	assert_int_equal(world_state(world, open, 0), STORE_STATE_SENT);
	/* Check 109: a receipt for what is gone is an orphan that says so, answered OK. */
	uint32_t acked = alpha->acked;
	assert_true(carrier_receipt(alpha, "2", "DELIVRD"));
	engine_world_settle(world);
	assert_int_equal(alpha->acked, acked + 1);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	assert_int_equal(orphan_reason(world), ORPHAN_GONE);
	assert_true(carrier_receipt(alpha, "never-given", "DELIVRD"));
	engine_world_settle(world);
	assert_int_equal(newest_orphan(world).reason, ORPHAN_UNKNOWN_ID);
	engine_world_free(world);
}

/* What the tap socket answers; the caller releases it. */
static struct buffer asked(struct engine_world *world, const char *path, int *status)
{
	struct http_request request = { .method = "GET", .path = path, .query = "" };
	struct turn turn = { .engine = world->engine, .now_ms = world_now_ms(world->world) };
	struct buffer body = { 0 };
	struct api_call call = { .engine = world->engine,
				 .turn = &turn,
				 .request = &request,
				 .socket = API_TAP,
				 .local = true,
				 .status = 200,
				 .json = { .out = &body },
				 .body = &body };
	assert_int_equal(store_begin(world->engine->store, &turn.txn), STORE_OK);
	control_handle(&call);
	store_abort(turn.txn);
	assert_null(call.stream);
	buffer_release(&call.flaws);
	buffer_append(&body, "", 1);
	*status = call.status;
	return body;
}

/* A ticket that comes too late is told so, and not that there never was such a message. */
static void test_engine__what_retention_took_is_not_said_to_have_never_been(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .top = KEEP_SHORT });
	char id[MESSAGE_ID_OCTETS], path[80], *paths[] = { "/tap/v1/orders/1", path };
	static const char *const says[] = { "\"pdu\":\"submit_sm\"", "is no longer kept" };
	static const int statuses[] = { 200, 404 };
	int status;
	(void)state;
	world->carriers[0]->obliging = true;
	assert_int_equal(engine_world_order(world, &(struct wish){ 0 }), 1);
	carrier_ok_all(world->carriers[0]);
	engine_world_settle(world);
	assert_true(carrier_receipt(world->carriers[0], "1", "DELIVRD"));
	engine_world_settle(world);
	message_id_write(world->engine->store, 1, 0, id);
	snprintf(path, sizeof(path), "/tap/v1/messages/%s", id);
	for (int later = 0; later <= 1; later++) {
		for (int i = 0; i < 2; i++) {
			struct buffer body = asked(world, paths[i], &status);
			assert_int_equal(status, statuses[later]);
			assert_non_null(strstr((const char *)body.octets, says[later]));
			buffer_release(&body);
		}
		engine_world_run(world, HOUR_MS + 300 * 1000);
	}
	struct buffer body = asked(world, "/tap/v1/orders/2", &status);
	assert_int_equal(status, 404);
	assert_non_null(strstr((const char *)body.octets, "Order not found."));
	buffer_release(&body);
	engine_world_free(world);
}

static void test_engine__a_corrupt_record_stops_no_retention(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .top = KEEP_SHORT });
	struct store_message message;
	(void)state;
	world->carriers[0]->obliging = true;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 3 });
	engine_world_run(world, 50000);
	message = *world_message(world, order, 1);
	damage(world, STORE_KIND_MESSAGE, &message);
	engine_world_run(world, HOUR_MS + 100 * 1000);
	assert_int_equal(world_count(world, STORE_KIND_ORDER), 0);
	uint64_t next = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(world_state(world, next, 0), STORE_STATE_SENT);
	engine_world_run(world, 50000);
	assert_int_equal(world_state(world, next, 0), STORE_STATE_UNKNOWN);
	engine_world_run(world, HOUR_MS + 100 * 1000);
	assert_int_equal(world_count(world, STORE_KIND_ORDER), 0);
	end_damaged(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__a_corrupt_message_is_left_alone_and_others_go_on),
		cmocka_unit_test(
			test_engine__a_corrupt_segment_stops_neither_answers_nor_deadlines),
		cmocka_unit_test(
			test_engine__a_corrupt_text_keeps_its_order_waiting_till_it_expires),
		cmocka_unit_test(test_engine__a_corrupt_order_stops_no_other),
		cmocka_unit_test(test_engine__check_109_what_is_old_goes_and_what_is_open_stays),
		cmocka_unit_test(test_engine__a_corrupt_record_stops_no_retention),
		cmocka_unit_test(test_engine__what_retention_took_is_not_said_to_have_never_been),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
