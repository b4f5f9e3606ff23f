/* Receipts: which segment they are about, and what they make of it. Numbers are of the field notes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/lifecycle.h"
#include "core/provider.h"
#include "core/reconcile.h"
#include "test/engine_world.h"

#define ROUTE	 "validity: 60s, receipt_deadline: 40s, "
#define PROVIDER "window: 10, timers: {response: 5s, reconnect_min: 200ms, reconnect_max: 2s}, "

/* One message, taken under this id. */
static uint64_t taken(struct engine_world *world, const char *id)
{
	struct carrier *alpha = world->carriers[0];
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(alpha, alpha->n - 1, id);
	engine_world_settle(world);
	return order;
}

static void says(struct engine_world *world, const char *id, const char *stat)
{
	assert_true(carrier_receipt(world->carriers[0], id, stat));
	engine_world_settle(world);
}

static void assert_ends(struct engine_world *world, uint64_t order, enum store_state state,
			enum store_error error)
{
	assert_int_equal(world_state(world, order, 0), state);
	assert_int_equal(world_error(world, order, 0), error);
}

static uint8_t orphan_reason(struct engine_world *world)
{
	struct store_orphan orphan = { 0 };
	struct store_txn *txn;
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	assert_int_equal(store_orphan_seek(txn, &orphan, 0), STORE_OK);
	store_read_end(txn);
	return orphan.reason;
}

/* ---- sequences ---- */

static void test_engine__every_word_leads_to_its_state_and_error(void **state)
{
	static const struct {
		const char *stat;
		enum store_state state;
		enum store_error error;
	} rows[] = {
		{ "DELIVRD", STORE_STATE_DELIVERED, STORE_ERROR_NONE },
		{ "UNDELIV", STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE },
		{ "REJECTD", STORE_STATE_FAILED, STORE_ERROR_DELIVERY_REJECTED },
		{ "DELETED", STORE_STATE_FAILED, STORE_ERROR_DELETED },
		{ "SKIPPED", STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE },
		{ "EXPIRED", STORE_STATE_EXPIRED, STORE_ERROR_DELIVERY_EXPIRED },
		{ "ENROUTE", STORE_STATE_SENT, STORE_ERROR_NONE },
		{ "ACCEPTD", STORE_STATE_SENT, STORE_ERROR_NONE },
		{ "BUFFRED", STORE_STATE_SENT, STORE_ERROR_NONE },
		{ "UNKNOWN", STORE_STATE_SENT, STORE_ERROR_RECEIPT_UNKNOWN },
		{ "HUMPTY", STORE_STATE_SENT, STORE_ERROR_RECEIPT_UNKNOWN },
	};
	struct engine_world *world = engine_world_new(NULL);
	char id[16];
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(id, sizeof(id), "%zu", i + 1);
		uint64_t order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
		carrier_ok(world->carriers[0], i, id);
		engine_world_settle(world);
		says(world, id, rows[i].stat);
		assert_ends(world, order, rows[i].state, rows[i].error);
	}
	assert_int_equal(world->carriers[0]->acked, sizeof(rows) / sizeof(rows[0]));
	engine_world_free(world);
}

static void test_engine__r01_what_came_before_the_outcome_is_kept(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = taken(world, "1");
	says(world, "1", "BUFFRED");
	says(world, "1", "ENROUTE");
	says(world, "1", "ENROUTE");
	assert_int_equal(world_rows(world, order, 0, LIFE_ON_RECEIPT_PENDING), 2);
	assert_int_equal(world_message(world, order, 0)->duplicates, 1);
	says(world, "1", "DELIVRD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* An intermediate notification is never an outcome, whatever word it uses. */
static void test_engine__an_intermediate_notification_decides_nothing(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct said said = { .id = "1", .stat = "DELIVRD", .esm_class = 0x20 };
	(void)state;
	uint64_t order = taken(world, "1");
	assert_true(carrier_says(world->carriers[0], &said));
	said.stat = "UNDELIV";
	assert_true(carrier_says(world->carriers[0], &said));
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(world->carriers[0]->acked, 2);
	assert_int_equal(world_rows(world, order, 0, LIFE_ON_RECEIPT_PENDING), 2);
	engine_world_free(world);
}

static void test_engine__r02_enroute_after_delivered_changes_nothing(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = taken(world, "1");
	says(world, "1", "DELIVRD");
	says(world, "1", "ENROUTE");
	says(world, "1", "ACCEPTD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_int_equal(world->carriers[0]->acked, 3);
	assert_int_equal(world_order(world, order).delivered, 1);
	engine_world_free(world);
}

static void test_engine__r03_a_receipt_twice_is_one_outcome(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = ROUTE "refund: undelivered" });
	(void)state;
	uint64_t order = taken(world, "1");
	says(world, "1", "UNDELIV");
	says(world, "1", "UNDELIV");
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE);
	assert_int_equal(world->carriers[0]->acked, 2);
	assert_int_equal(world_message(world, order, 0)->duplicates, 1);
	assert_int_equal(world_order(world, order).failed, 1);
	assert_int_equal(world_balance(world), OPENING); /* once */
	engine_world_free(world);
}

static void test_engine__r05_a_receipt_may_come_before_its_response(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	says(world, "77", "DELIVRD");
	assert_int_equal(world->carriers[0]->acked, 1);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	assert_int_equal(world_segment(world, order, 0, 0), STORE_STATE_SUBMITTED);
	carrier_ok(world->carriers[0], 0, "77");
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN_ID), 0);
	engine_world_free(world);
}

static void test_engine__r06_on_another_link_and_in_another_base_too(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.links = ", two: {host: 127.0.0.1, port: 1, tls: off, bind: receiver}" });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(carrier_bound(world->carriers[0]), 2);
	engine_world_order(world, &(struct wish){ .total = 6 });
	assert_int_equal(world->engine->providers[0]->links[0]->submits, 7);
	assert_int_equal(world->engine->providers[0]->links[1]->submits, 0); /* it only receives */
	says(world, "0001715004", "DELIVRD");
	carrier_ok(world->carriers[0], 0, "1A2B3C");
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

static void test_engine__a_parked_receipt_of_another_address_is_not_joined(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	struct said said = {
		.id = "5", .stat = "DELIVRD", .from = 31699999999, .to = "31688888888"
	};
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	assert_true(carrier_says(alpha, &said));
	carrier_ok(alpha, 0, "5");
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	engine_world_free(world);
}

/* A receipt from before the submit is another message's, whatever its id. */
static void test_engine__an_old_orphan_is_not_given_to_a_newer_message(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	says(world, "5", "DELIVRD");
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	engine_world_run(world, 1000);
	uint64_t order = taken(world, "5");
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	engine_world_free(world);
}

static void test_engine__r08_a_receipt_after_a_restart_finds_its_message(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = taken(world, "1");
	engine_world_crash(world);
	engine_world_run(world, 300);
	says(world, "1", "DELIVRD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

static void test_engine__r10_one_of_three_segments_fails_the_message(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3 });
	assert_int_equal(alpha->n, 3);
	for (uint8_t i = 0; i < 3; i++)
		assert_int_equal(alpha->seen[i].part, i + 1);
	carrier_ok_all(alpha);
	engine_world_settle(world);
	says(world, "1", "DELIVRD");
	says(world, "3", "DELIVRD");
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	says(world, "2", "UNDELIV");
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE);
	assert_int_equal(world_segment(world, order, 0, 0), STORE_STATE_DELIVERED);
	assert_int_equal(world_segment(world, order, 0, 1), STORE_STATE_FAILED);
	assert_int_equal(world_segment(world, order, 0, 2), STORE_STATE_DELIVERED);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.failed, 1);
	assert_int_equal(rec.delivered, 0);
	engine_world_free(world);
}

static void test_engine__r10_all_three_delivered_is_delivered(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3, .total = 2 });
	carrier_ok_all(world->carriers[0]);
	engine_world_settle(world);
	says(world, "1", "DELIVRD");
	says(world, "2", "DELIVRD");
	says(world, "3", "DELIVRD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_int_equal(world_state(world, order, 1), STORE_STATE_SENT);
	engine_world_free(world);
}

static void test_engine__r11_one_receipt_is_one_segment_by_default(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3 });
	carrier_ok_all(world->carriers[0]);
	engine_world_settle(world);
	says(world, "3", "DELIVRD");
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	engine_world_run(world, 41000);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT);
	engine_world_free(world);
}

static void test_engine__r11_one_receipt_may_cover_the_message(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = PROVIDER "receipt_covers: message" });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3 });
	carrier_ok_all(world->carriers[0]);
	engine_world_settle(world);
	says(world, "3", "ENROUTE");
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	says(world, "3", "DELIVRD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* That the message is there shows that the segment without an answer was taken. */
static void test_engine__r11_a_covering_receipt_ends_a_doubt(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = PROVIDER "receipt_covers: message" });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 2 });
	carrier_ok(world->carriers[0], 0, "1");
	engine_world_run(world, 6000);
	assert_ends(world, order, STORE_STATE_IN_DOUBT, STORE_ERROR_SUBMIT_UNCONFIRMED);
	says(world, "1", "DELIVRD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* Whatever one receipt covers, it does not cover what was never sent. */
static void test_engine__a_receipt_covers_no_segment_that_is_queued(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = "window: 1, release_ahead: 0, timers: {response: 5s}, "
					    "receipt_covers: message" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3 });
	assert_int_equal(alpha->n, 1);
	carrier_receipt(alpha, "1", "DELIVRD");
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	assert_int_equal(world_segment(world, order, 0, 0), STORE_STATE_DELIVERED);
	assert_int_not_equal(world_segment(world, order, 0, 2), STORE_STATE_DELIVERED);
	assert_int_not_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	for (int i = 0; i < 3; i++) {
		carrier_ok_all(alpha);
		engine_world_settle(world);
	}
	assert_int_equal(alpha->n, 3);
	engine_world_free(world);
}

static void test_engine__a_contradiction_is_kept_and_changes_nothing(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = ROUTE "refund: undelivered" });
	(void)state;
	uint64_t order = taken(world, "1");
	says(world, "1", "UNDELIV");
	assert_int_equal(world_balance(world), OPENING);
	says(world, "1", "DELIVRD");
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE);
	uint32_t flags = world_message(world, order, 0)->flags;
	assert_true(flags & STORE_FLAG_CONTRADICTED);
	assert_true(flags & STORE_FLAG_REFUND_CONTRADICTED);
	assert_int_equal(world_rows(world, order, 0, LIFE_ON_RECEIPT_DELIVERED), 1);
	/* Again and again fills nothing. */
	for (int i = 0; i < 50; i++)
		says(world, "1", i % 2 ? "DELIVRD" : "EXPIRED");
	assert_int_equal(world_rows(world, order, 0, -1), 4);
	engine_world_free(world);
}

static void test_engine__a_route_may_say_that_delivered_beats_failed(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.route = ROUTE "refund: undelivered, delivered_beats_failed: true" });
	(void)state;
	uint64_t order = taken(world, "1");
	says(world, "1", "UNDELIV");
	says(world, "1", "DELIVRD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_true(world_message(world, order, 0)->flags & STORE_FLAG_REFUND_CONTRADICTED);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.delivered, 1);
	assert_int_equal(rec.failed, 0);
	engine_world_free(world);
}

static void test_engine__a_failing_receipt_of_one_attempt_decides_nothing_alone(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.route = ROUTE "doubt: resend, doubt_grace: 2s, refund: undelivered" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	engine_world_run(world, 8000);
	assert_int_equal(alpha->n, 2);
	carrier_ok(alpha, 1, "2");
	engine_world_settle(world);
	says(world, "2", "UNDELIV");
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED);
	assert_int_equal(world_balance(world), OPENING - PRICE);
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	says(world, "1", "DELIVRD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* ---- refunds ---- */

static void test_engine__a_refund_waits_for_segments_that_are_out(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = ROUTE "refund: refused" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3 });
	carrier_refuse(alpha, 0, 0x0B);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	assert_int_equal(world_balance(world), OPENING - 3 * PRICE);
	carrier_refuse(alpha, 1, 0x0B);
	carrier_ok(alpha, 2, "3"); /* taken: nothing is paid back */
	engine_world_settle(world);
	assert_int_equal(world_balance(world), OPENING - 3 * PRICE);
	order = engine_world_order(world, &(struct wish){ .parts = 2 });
	carrier_refuse(alpha, 3, 0x0B);
	carrier_refuse(alpha, 4, 0x0B);
	engine_world_settle(world);
	assert_int_equal(world_balance(world), OPENING - 3 * PRICE);
	engine_world_free(world);
}

static void test_engine__what_costs_nothing_is_not_refunded(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = ROUTE "refund: undelivered" });
	(void)state;
	engine_world_order(world, &(struct wish){ .price = -1 });
	uint64_t rows = world_count(world, STORE_KIND_LEDGER);
	carrier_ok(world->carriers[0], 0, "1");
	engine_world_settle(world);
	says(world, "1", "UNDELIV");
	says(world, "1", "UNDELIV");
	assert_int_equal(world_count(world, STORE_KIND_LEDGER), rows);
	engine_world_free(world);
}

static void test_engine__no_policy_no_refund(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	engine_world_order(world, &(struct wish){ 0 });
	carrier_refuse(world->carriers[0], 0, 0x0B);
	engine_world_settle(world);
	assert_int_equal(world_balance(world), OPENING - PRICE);
	engine_world_free(world);
}

/* ---- ids ---- */

static void test_engine__m01_to_m08_an_id_is_known_in_every_spelling(void **state)
{
	static const char *const ids[][2] = {
		{ "0123456789", "0123456789" }, { "ABCDEF01", "abcdef01" },
		{ "1A2B3C", "1715004" },	{ "1A2B3D", "0001715005" },
		{ "1715006", "1A2B3E" },	{ "812FC7470000001B", "9308878062554710043" },
		{ "00778899 ", "778899" },	{ "1101C1-C9D03D-F000", "1101c1c9d03df000" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct engine_world *world = engine_world_new(NULL);
		uint64_t order = taken(world, ids[i][0]);
		says(world, ids[i][1], "DELIVRD");
		assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
		engine_world_free(world);
	}
}

static void test_engine__a_dialect_allows_its_reading_only(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = PROVIDER "message_id_dialect: exact" });
	(void)state;
	uint64_t order = taken(world, "1A2B3C");
	says(world, "1715004", "DELIVRD");
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	engine_world_free(world);
}

static void test_engine__m11_equal_ids_of_two_providers_do_not_meet(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t first =
		engine_world_order(world, &(struct wish){ .route = 1, .first = FIRST_NUMBER });
	uint64_t second =
		engine_world_order(world, &(struct wish){ .route = 2, .first = FIRST_NUMBER });
	carrier_ok(world->carriers[0], 0, "1");
	carrier_ok(world->carriers[1], 0, "1");
	engine_world_settle(world);
	assert_true(carrier_receipt(world->carriers[1], "1", "DELIVRD"));
	engine_world_settle(world);
	assert_ends(world, first, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_ends(world, second, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	/* An orphan of one provider is not joined at the other. */
	says(world, "2", "DELIVRD");
	uint64_t third =
		engine_world_order(world, &(struct wish){ .route = 2, .first = FIRST_NUMBER });
	carrier_ok(world->carriers[1], 1, "2");
	engine_world_settle(world);
	assert_ends(world, third, STORE_STATE_SENT, STORE_ERROR_NONE);
	engine_world_free(world);
}

static void test_engine__an_address_that_disagrees_makes_an_orphan(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct said said = {
		.id = "1", .stat = "DELIVRD", .from = 31699999999, .to = "31688888888"
	};
	(void)state;
	uint64_t order = taken(world, "1");
	assert_true(carrier_says(world->carriers[0], &said));
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(orphan_reason(world), ORPHAN_ADDRESS);
	assert_int_equal(world->carriers[0]->acked, 1);
	/* Swapped is well: either address will do, by its last seven digits. */
	said.to = "0600000000";
	assert_true(carrier_says(world->carriers[0], &said));
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

static void test_engine__an_id_of_several_is_an_orphan_unless_the_address_tells(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	struct said said = { .id = "7", .stat = "DELIVRD", .to = "31688888888" };
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 2 });
	uint64_t same = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_ok(alpha, 0, "7");
	carrier_ok(alpha, 1, "7");
	engine_world_settle(world);
	said.from = FIRST_NUMBER + 1;
	assert_true(carrier_says(alpha, &said));
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
	assert_int_equal(world_state(world, order, 1), STORE_STATE_DELIVERED);
	carrier_ok(alpha, 2, "7");
	engine_world_settle(world);
	said.from = FIRST_NUMBER;
	assert_true(carrier_says(alpha, &said));
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
	assert_int_equal(world_state(world, same, 0), STORE_STATE_SENT);
	assert_int_equal(orphan_reason(world), ORPHAN_AMBIGUOUS);
	engine_world_free(world);
}

/* Several fitted when it came: a further one that fits later is no answer either. */
static void test_engine__an_ambiguous_orphan_is_joined_to_nobody(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	for (int i = 0; i < 3; i++)
		engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_ok(alpha, 0, "7");
	carrier_ok(alpha, 1, "7");
	engine_world_settle(world);
	says(world, "7", "DELIVRD");
	assert_int_equal(orphan_reason(world), ORPHAN_AMBIGUOUS);
	carrier_ok(alpha, 2, "7");
	engine_world_settle(world);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	engine_world_free(world);
}

/* ---- what is no receipt ---- */

static void test_engine__check_102_nothing_unknown_is_answered_negatively(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	says(world, "nobodys", "DELIVRD");
	says(world, "", "DELIVRD"); /* names no id */
	assert_true(carrier_says(alpha, &(struct said){ .id = "1", .stat = "?", .esm_class = 4 }));
	/* Receipt-shaped, but not marked: a handset can write that. */
	assert_true(carrier_says(
		alpha, &(struct said){ .id = "1", .stat = "DELIVRD", .esm_class = 0x40 }));
	engine_world_settle(world);
	assert_int_equal(alpha->acked, 4);
	assert_int_equal(alpha->refused, 0);
	assert_int_equal(
		world_count(world, STORE_KIND_ORPHAN) + world_count(world, STORE_KIND_INBOUND), 4);
	assert_true(world_count(world, STORE_KIND_INBOUND) >= 1);
	engine_world_free(world);
}

/* A deliver_sm whose frame is known but whose body is not is kept as it came, and answered OK. */
static void test_engine__check_9_16_what_cannot_be_read_is_kept_and_answered(void **state)
{
	static const uint8_t cut[] = {
		0, 0, 0, 24, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 99, 0, 1, 1, '3', '1', '6', 0, 1,
	};
	/* sm_length says 200; 14 octets follow. */
	static const uint8_t longer[] = {
		0,   0,	  0,   47,  0,	 0,   0,   5,	0,   0,	  0,   0,   0,	 0,   0,   98,
		0,   0,	  0,   0,   0,	 0,   0,   4,	0,   0,	  0,   0,   0,	 0,   0,   0,
		200, 'i', 'd', ':', '1', ' ', 's', 't', 'a', 't', ':', 'D', 'E', 'L', 'I',
	};
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	assert_true(carrier_raw(alpha, cut, sizeof(cut)));
	engine_world_settle(world);
	assert_int_equal(alpha->raw_answers, 1);
	assert_int_equal(alpha->raw_status, 0);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	assert_int_equal(orphan_reason(world), ORPHAN_UNREADABLE);
	assert_true(carrier_raw(alpha, longer, sizeof(longer)));
	engine_world_settle(world);
	assert_int_equal(alpha->raw_answers, 2);
	assert_int_equal(alpha->raw_status, 0);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 2);
	assert_int_equal(carrier_bound(alpha), 1);
	engine_world_free(world);
}

static void test_engine__on_time_is_what_came_within_the_outcome_deadline(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = ROUTE "outcome_deadline: 5s" });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 2 });
	carrier_ok_all(world->carriers[0]);
	engine_world_settle(world);
	says(world, "1", "DELIVRD");
	engine_world_run(world, 6000);
	assert_true(carrier_says(
		world->carriers[0],
		&(struct said){ .id = "2", .stat = "DELIVRD", .from = FIRST_NUMBER + 1 }));
	engine_world_settle(world);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.delivered, 2);
	assert_int_equal(rec.on_time, 1);
	assert_int_equal(rec.late, 1);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__every_word_leads_to_its_state_and_error),
		cmocka_unit_test(test_engine__r01_what_came_before_the_outcome_is_kept),
		cmocka_unit_test(test_engine__an_intermediate_notification_decides_nothing),
		cmocka_unit_test(test_engine__r02_enroute_after_delivered_changes_nothing),
		cmocka_unit_test(test_engine__r03_a_receipt_twice_is_one_outcome),
		cmocka_unit_test(test_engine__r05_a_receipt_may_come_before_its_response),
		cmocka_unit_test(test_engine__r06_on_another_link_and_in_another_base_too),
		cmocka_unit_test(test_engine__a_parked_receipt_of_another_address_is_not_joined),
		cmocka_unit_test(test_engine__an_old_orphan_is_not_given_to_a_newer_message),
		cmocka_unit_test(test_engine__r08_a_receipt_after_a_restart_finds_its_message),
		cmocka_unit_test(test_engine__r10_one_of_three_segments_fails_the_message),
		cmocka_unit_test(test_engine__r10_all_three_delivered_is_delivered),
		cmocka_unit_test(test_engine__r11_one_receipt_is_one_segment_by_default),
		cmocka_unit_test(test_engine__r11_one_receipt_may_cover_the_message),
		cmocka_unit_test(test_engine__r11_a_covering_receipt_ends_a_doubt),
		cmocka_unit_test(test_engine__a_receipt_covers_no_segment_that_is_queued),
		cmocka_unit_test(test_engine__a_contradiction_is_kept_and_changes_nothing),
		cmocka_unit_test(test_engine__a_route_may_say_that_delivered_beats_failed),
		cmocka_unit_test(
			test_engine__a_failing_receipt_of_one_attempt_decides_nothing_alone),
		cmocka_unit_test(test_engine__a_refund_waits_for_segments_that_are_out),
		cmocka_unit_test(test_engine__what_costs_nothing_is_not_refunded),
		cmocka_unit_test(test_engine__no_policy_no_refund),
		cmocka_unit_test(test_engine__m01_to_m08_an_id_is_known_in_every_spelling),
		cmocka_unit_test(test_engine__a_dialect_allows_its_reading_only),
		cmocka_unit_test(test_engine__m11_equal_ids_of_two_providers_do_not_meet),
		cmocka_unit_test(test_engine__an_address_that_disagrees_makes_an_orphan),
		cmocka_unit_test(
			test_engine__an_id_of_several_is_an_orphan_unless_the_address_tells),
		cmocka_unit_test(test_engine__an_ambiguous_orphan_is_joined_to_nobody),
		cmocka_unit_test(test_engine__check_102_nothing_unknown_is_answered_negatively),
		cmocka_unit_test(test_engine__check_9_16_what_cannot_be_read_is_kept_and_answered),
		cmocka_unit_test(test_engine__on_time_is_what_came_within_the_outcome_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
