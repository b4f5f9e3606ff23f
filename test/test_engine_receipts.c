/* Receipts: what the sequence of them makes of a message. Numbers are of test/checks.tsv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/provider.h"
#include "core/remarks.h"
#include "test/engine_receipts.h"

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

/* It had left when the receipt came, so the receipt spoke for it too, whenever its answer comes. */
static void test_engine__r11_a_covering_receipt_covers_what_is_still_unanswered(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = PROVIDER "receipt_covers: message" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3 });
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	says(world, "1", "DELIVRD");
	assert_int_equal(world_segment(world, order, 0, 1), STORE_STATE_SUBMITTED);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_SUBMITTED);
	carrier_ok(alpha, 1, "2");
	engine_world_run(world, 6000); /* and the third is never answered */
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* What left after the receipt had come waits for one of its own. */
static void test_engine__a_covering_receipt_says_nothing_of_what_left_later(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = "window: 1, release_ahead: 2, timers: {response: 5s}, "
					    "receipt_covers: message" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 2 });
	assert_int_equal(alpha->n, 1);
	carrier_receipt(alpha, "1", "DELIVRD");
	engine_world_settle(world);
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	assert_int_equal(alpha->n, 2);
	carrier_ok(alpha, 1, "2");
	engine_world_settle(world);
	assert_int_equal(world_segment(world, order, 0, 0), STORE_STATE_DELIVERED);
	assert_int_equal(world_segment(world, order, 0, 1), STORE_STATE_SENT);
	engine_world_free(world);
}

/* What the carrier says besides is kept with the evidence, in its own words. */
static void test_engine__t10_t21_what_a_receipt_says_besides_is_kept(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct evidence row;
	struct remarks kept;
	(void)state;
	uint64_t order = taken(world, "1");
	assert_true(
		carrier_says(world->carriers[0], &(struct said){ .id = "1", .stat = "LOSTATSEA" }));
	engine_world_settle(world);
	assert_true(world_row(world, order, 0, LIFE_ON_RECEIPT_UNKNOWN, &row));
	remarks_decode(row.remarks, &kept);
	assert_true(smpp_octets_equal(kept.stat, smpp_octets_of("LOSTATSEA")));
	assert_true(smpp_octets_equal(kept.submit_date, smpp_octets_of("2401021530")));
	assert_true(smpp_octets_equal(kept.done_date, smpp_octets_of("2401021531")));
	engine_world_free(world);
}

/* Dates have no zone and order nothing: absurd ones change nothing but what is shown. */
static void test_engine__check_97_98_dates_decide_nothing(void **state)
{
	static const char *const dates[][2] = {
		{ "2401021530", "2401021529" }, /* done before submit */
		{ "9912312359", "9912312359" }, /* the future */
		{ "0000000000", "0000000000" }, { "", "" },
		{ "7001010000", "6912312359" }, { "240102153099", "20240102153199" },
	};
	struct engine_world *world = engine_world_new(NULL);
	char id[16];
	(void)state;
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		snprintf(id, sizeof(id), "%zu", i + 1);
		uint64_t order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
		carrier_ok(world->carriers[0], i, id);
		engine_world_settle(world);
		struct said said = {
			.id = id, .stat = "ENROUTE", .submitted = dates[i][0], .done = dates[i][1]
		};
		assert_true(carrier_says(world->carriers[0], &said));
		engine_world_settle(world);
		assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
		said.stat = "DELIVRD"; /* the same dates: what came later is later */
		assert_true(carrier_says(world->carriers[0], &said));
		engine_world_settle(world);
		assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
		said.stat = "UNDELIV";
		said.done = "0001010000";
		assert_true(carrier_says(world->carriers[0], &said));
		engine_world_settle(world);
		assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	}
	engine_world_free(world);
}

static void test_engine__r12_a_receipt_is_taken_whoever_asked_for_it(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct said said = { .id = "1", .stat = "ENROUTE", .esm_class = 0x20 };
	(void)state;
	/* Intermediate notifications are never asked for. */
	uint64_t order = taken(world, "1");
	assert_true(carrier_says(world->carriers[0], &said));
	engine_world_settle(world);
	assert_int_equal(world->carriers[0]->acked, 1);
	assert_int_equal(world_rows(world, order, 0, LIFE_ON_RECEIPT_PENDING), 1);
	engine_world_free(world);
}

/* Right behind the bind, more than one turn takes, and each is answered and applied. */
static void test_engine__r14_a_burst_of_receipts_is_taken_whole(void **state)
{
	enum {
		RECEIPTS = 6000
	};
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = "window: 1000, timers: {response: 60s}" });
	struct carrier *alpha = world->carriers[0];
	char id[16];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = RECEIPTS });
	while (world_order(world, order).taken < RECEIPTS) {
		carrier_ok_all(alpha);
		engine_world_settle(world);
	}
	carrier_cut(alpha);
	engine_world_run(world, 3000);
	assert_int_equal(carrier_bound(alpha), 1);
	uint64_t commits = world->engine->commits;
	int64_t begun_ms = world_now_ms(world->world);
	carrier_cork(alpha, true);
	for (uint32_t i = 0; i < RECEIPTS; i++) {
		snprintf(id, sizeof(id), "%u", i + 1);
		assert_true(carrier_says(alpha, &(struct said){ .id = id,
								.stat = "DELIVRD",
								.from = alpha->seen[i].msisdn }));
	}
	carrier_cork(alpha, false);
	while (alpha->acked < RECEIPTS && world_now_ms(world->world) < begun_ms + 5000)
		engine_world_settle(world);
	assert_int_equal(alpha->acked, RECEIPTS);
	assert_int_equal(alpha->refused + alpha->lost, 0);
	assert_int_equal(world_order(world, order).delivered, RECEIPTS);
	assert_true(world->engine->commits - commits < RECEIPTS / 10);
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

/* The provider took both: a failure of one is the message's only when the other has failed too. */
static void test_engine__two_attempts_that_were_taken_fail_together(void **state)
{
	static const struct {
		const char *second,
			*third; /* receipts of the attempts 1 and 2, behind a failing one of 2 */
		enum store_state ends;
		enum store_error error;
	} cases[] = {
		{ "DELIVRD", NULL, STORE_STATE_DELIVERED, STORE_ERROR_NONE },
		{ "UNDELIV", NULL, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE },
		{ NULL, "UNDELIV", STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct engine_world *world = engine_world_new(&(struct setting){
			.route = ROUTE "doubt: resend, doubt_grace: 2s, refund: undelivered" });
		struct carrier *alpha = world->carriers[0];
		uint64_t order = engine_world_order(world, &(struct wish){ 0 });
		engine_world_run(world, 8000);
		assert_int_equal(alpha->n, 2);
		carrier_ok(alpha, 1, "2");
		carrier_ok(alpha, 0, "1");
		engine_world_settle(world);
		assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
		says(world, "2", "UNDELIV");
		assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED);
		assert_int_equal(world_balance(world), OPENING - PRICE);
		if (cases[i].second)
			says(world, "1", cases[i].second);
		if (cases[i].third) /* the same once more says nothing of the other */
			says(world, "2", cases[i].third);
		assert_ends(world, order, cases[i].ends, cases[i].error);
		assert_int_equal(world_balance(world),
				 cases[i].ends == STORE_STATE_FAILED ? OPENING : OPENING - PRICE);
		engine_world_free(world);
	}
}

/* The provider took the second attempt: that it refused the first, told late, fails nothing. */
static void test_engine__a_late_refusal_of_one_attempt_fails_none_that_was_taken(void **state)
{
	static const uint32_t statuses[] = { 0x0B, 0x08 };
	(void)state;
	for (int which = 0; which < 2; which++)
		for (size_t i = 0; i < 2; i++) {
			struct engine_world *world = engine_world_new(&(struct setting){
				.route = ROUTE "doubt: resend, doubt_grace: 2s, refund: refused" });
			struct carrier *alpha = world->carriers[0];
			uint64_t order = engine_world_order(world, &(struct wish){ 0 });
			engine_world_run(world, 14000);
			assert_int_equal(alpha->n, 2);
			carrier_ok(alpha, (size_t)which, "2");
			engine_world_settle(world);
			engine_world_run(world, 60000);
			assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT);
			carrier_refuse(alpha, (size_t)!which, statuses[i]);
			engine_world_settle(world);
			assert_int_equal(world_message(world, order, 0)->seg.open_attempts, 0);
			assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT);
			assert_int_equal(world_balance(world), OPENING - PRICE);
			engine_world_free(world);
		}
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

static void test_engine__a_scheduled_message_has_its_time_from_when_it_may_go(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = ROUTE "outcome_deadline: 5s" });
	(void)state;
	uint64_t order =
		engine_world_order(world, &(struct wish){ .total = 1, .send_in_ms = 60000 });
	engine_world_run(world, 61000);
	carrier_ok_all(world->carriers[0]);
	engine_world_settle(world);
	says(world, "1", "DELIVRD");
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.delivered, 1);
	assert_int_equal(rec.on_time, 1);
	assert_int_equal(rec.late, 0);
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
		cmocka_unit_test(
			test_engine__a_late_refusal_of_one_attempt_fails_none_that_was_taken),
		cmocka_unit_test(test_engine__two_attempts_that_were_taken_fail_together),
		cmocka_unit_test(test_engine__a_refund_waits_for_segments_that_are_out),
		cmocka_unit_test(test_engine__what_costs_nothing_is_not_refunded),
		cmocka_unit_test(test_engine__no_policy_no_refund),
		cmocka_unit_test(test_engine__on_time_is_what_came_within_the_outcome_deadline),
		cmocka_unit_test(test_engine__a_scheduled_message_has_its_time_from_when_it_may_go),
		cmocka_unit_test(
			test_engine__r11_a_covering_receipt_covers_what_is_still_unanswered),
		cmocka_unit_test(test_engine__check_97_98_dates_decide_nothing),
		cmocka_unit_test(test_engine__r12_a_receipt_is_taken_whoever_asked_for_it),
		cmocka_unit_test(test_engine__r14_a_burst_of_receipts_is_taken_whole),
		cmocka_unit_test(test_engine__a_covering_receipt_says_nothing_of_what_left_later),
		cmocka_unit_test(test_engine__t10_t21_what_a_receipt_says_besides_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
