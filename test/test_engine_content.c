/* What leaves for a carrier and when: long texts over retries and restarts, links without TLVs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/provider.h"
#include "test/engine_world.h"

#define TIMERS \
	"timers: {response: 5s, reconnect_min: 200ms, reconnect_max: 2s, pause_min: 1s, pause_max: 8s}"
#define ALPHA(concat) "concat: " concat ", window: 10, release_ahead: 10, " TIMERS
#define FRIEND	      31700000000 /* a number that is not given out to other orders */
#define ROUTE	      "validity: 60s, receipt_deadline: 40s, retries: {count: 2, delays: [300ms]}"

static void carrier_begins_anew(struct carrier *carrier)
{
	carrier->n = 0;
}

/*
 * I19 and 88: on one link what was accepted first leaves first, part by part; the parts share a
 * reference, and 256 messages to one number have 256 of them, whoever else is written to between
 * and however often the daemon dies.
 */
static void test_engine__check_88_no_reference_is_used_again_too_early(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	bool seen[256] = { false };
	(void)state;
	alpha->obliging = true;
	for (unsigned i = 0; i < 256; i++) {
		engine_world_order(world, &(struct wish){ .parts = 3, .first = FRIEND });
		assert_int_equal(alpha->n, 3);
		for (uint8_t part = 0; part < 3; part++) {
			assert_int_equal(alpha->seen[part].msisdn, FRIEND);
			assert_int_equal(alpha->seen[part].part, part + 1);
			assert_int_equal(alpha->seen[part].parts, 3);
			assert_int_equal(alpha->seen[part].reference, alpha->seen[0].reference);
		}
		assert_in_range(alpha->seen[0].reference, 0, 255);
		assert_false(seen[alpha->seen[0].reference]);
		seen[alpha->seen[0].reference] = true;
		if (i % 3 == 0) /* others, and texts of one part, which have none */
			engine_world_order(world, &(struct wish){ .total = 2, .parts = 2 });
		if (i % 5 == 0)
			engine_world_order(world, &(struct wish){ .first = FRIEND });
		if (i % 50 == 49) {
			engine_world_crash(world);
			engine_world_run(world, 500);
		}
		carrier_begins_anew(alpha);
	}
	engine_world_free(world);
}

static void test_engine__i19_what_is_accepted_first_leaves_first(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	uint16_t last = 0;
	(void)state;
	/* More than the window takes: most of them wait in the queue. */
	for (unsigned i = 0; i < 40; i++)
		engine_world_order(world, &(struct wish){ .parts = 3, .first = FRIEND });
	for (unsigned i = 0; i < 60; i++) {
		carrier_ok_all(alpha);
		engine_world_settle(world);
	}
	assert_int_equal(alpha->n, 120);
	for (unsigned i = 0; i < 120; i++) {
		assert_int_equal(alpha->seen[i].part, i % 3 + 1);
		if (i % 3)
			assert_int_equal(alpha->seen[i].reference, last);
		else if (i)
			assert_int_equal(alpha->seen[i].reference, (uint8_t)(last + 1));
		last = alpha->seen[i].reference;
	}
	engine_world_free(world);
}

/* 88: a part that is sent again, even by another process, belongs to the parts that are there. */
static void test_engine__check_88_retries_and_restarts_keep_the_reference(void **state)
{
	static const char *const methods[] = { ALPHA("udh8"), ALPHA("udh16"), ALPHA("sar") };
	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct engine_world *world =
			engine_world_new(&(struct setting){ .alpha = methods[i], .route = ROUTE });
		struct carrier *alpha = world->carriers[0];
		for (unsigned k = 0; k < 300; k++) { /* so that 16 bits are needed */
			alpha->obliging = true;
			engine_world_order(world, &(struct wish){ .parts = 2, .first = FRIEND });
			carrier_begins_anew(alpha);
		}
		alpha->obliging = false;
		uint64_t order =
			engine_world_order(world, &(struct wish){ .parts = 3, .first = FRIEND });
		uint16_t reference = alpha->seen[0].reference;
		assert_int_equal(reference > 255, i > 0);
		carrier_ok(alpha, 0, "a");
		carrier_refuse(alpha, 1, 0x08);
		carrier_ok(alpha, 2, "c");
		engine_world_settle(world);
		engine_world_crash(world);
		engine_world_run(world, 2000);
		assert_int_equal(alpha->n, 4);
		assert_int_equal(alpha->seen[3].part, 2);
		assert_int_equal(alpha->seen[3].parts, 3);
		assert_int_equal(alpha->seen[3].reference, reference);
		carrier_ok(alpha, 3, "b");
		engine_world_settle(world);
		assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
		engine_world_free(world);
	}
}

/* One message_payload carries all parts: one submit, one id, one receipt, and the parts are paid. */
static void test_engine__a_payload_is_one_segment_of_several_parts(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = ALPHA("payload"), .route = ROUTE ", refund: refused" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3 });
	assert_int_equal(alpha->n, 1);
	assert_true(alpha->seen[0].payload);
	assert_int_equal(alpha->seen[0].parts, 0);
	assert_int_equal(world_balance(world), OPENING - 3 * PRICE);
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	carrier_receipt(alpha, "1", "DELIVRD");
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	engine_world_order(world, &(struct wish){ .parts = 3 });
	carrier_refuse(alpha, 1, 0x0B);
	engine_world_settle(world);
	assert_int_equal(world_balance(world), OPENING - 3 * PRICE); /* all of it came back */
	engine_world_order(world, &(struct wish){ .parts = 1 });
	assert_false(alpha->seen[2].payload); /* what fits into one part needs none */
	engine_world_free(world);
}

static const char *blocked(struct engine_world *world)
{
	return provider_blocked(world->engine, world->engine->providers[0]->config);
}

static void bind_again(struct engine_world *world, uint8_t version)
{
	world->carriers[0]->sc_interface_version = version;
	carrier_cut(world->carriers[0]);
	engine_world_run(world, 3000);
}

/* Parts that nobody could join do not leave; who says nothing is taken at the operator's word. */
static void test_engine__what_needs_tlvs_waits_for_a_peer_that_takes_them(void **state)
{
	static const char *const methods[] = { ALPHA("sar"), ALPHA("payload") };
	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct engine_world *world =
			engine_world_new(&(struct setting){ .alpha = methods[i], .route = ROUTE });
		struct carrier *alpha = world->carriers[0];
		alpha->obliging = true;
		bind_again(world, 0x33);
		uint64_t order = engine_world_order(world, &(struct wish){ .parts = 2 });
		assert_int_equal(alpha->n, 0);
		assert_string_equal(blocked(world),
				    "the carrier takes no TLVs, which concat needs");
		assert_true(engine_world_alarmed(world, "tlvs_not_taken"));
		assert_int_equal(world_state(world, order, 0), STORE_STATE_QUEUED);
		bind_again(world, 0);
		assert_null(blocked(world));
		assert_false(engine_world_alarmed(world, "tlvs_not_taken"));
		assert_int_equal(alpha->n, i ? 1 : 2);
		assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
		bind_again(world, 0x34);
		engine_world_order(world, &(struct wish){ .parts = 2 });
		assert_int_equal(alpha->n, i ? 2 : 4);
		engine_world_free(world);
	}
}

/* The carrier's own TLVs are no reason to hold a message: they are left out, and that is said. */
static void test_engine__tlvs_that_the_peer_does_not_take_are_left_out_and_told(void **state)
{
	static const struct {
		const char *alpha, *route;
		uint8_t version;
		bool told;
	} cases[] = {
		{ ALPHA("udh8") ", submit_tlvs: {0x1401: x}", ROUTE, 0x34, false },
		{ ALPHA("udh8") ", submit_tlvs: {0x1401: x}", ROUTE, 0x33, true },
		{ ALPHA("udh8") ", submit_tlvs: {0x1401: x}", ROUTE, 0, true },
		{ ALPHA("udh8"), ROUTE ", submit_tlvs: {0x1401: x}", 0, true },
		{ ALPHA("udh8") ", tlvs: always, submit_tlvs: {0x1401: x}", ROUTE, 0, false },
		{ ALPHA("udh8"), ROUTE, 0, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct engine_world *world = engine_world_new(
			&(struct setting){ .alpha = cases[i].alpha, .route = cases[i].route });
		world->carriers[0]->obliging = true;
		bind_again(world, cases[i].version);
		assert_int_equal(engine_world_alarmed(world, "tlvs_not_taken"), cases[i].told);
		assert_null(blocked(world));
		uint64_t order = engine_world_order(world, &(struct wish){ .parts = 2 });
		assert_int_equal(world->carriers[0]->n, 2);
		assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
		engine_world_free(world);
	}
}

/* What was priced and cut in one way goes so, though the configuration has changed meanwhile. */
static void test_engine__an_order_keeps_the_concat_it_was_accepted_with(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = ALPHA("udh8"), .route = ROUTE });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->obliging = true;
	engine_world_order(world, &(struct wish){ .parts = 3, .send_in_ms = 5000 });
	engine_world_write(world, &(struct setting){ .alpha = ALPHA("payload"), .route = ROUTE });
	engine_signal(world->engine, SIGHUP);
	engine_world_settle(world);
	engine_world_order(world, &(struct wish){ .parts = 3 });
	assert_int_equal(alpha->n, 1);
	assert_true(alpha->seen[0].payload);
	engine_world_run(world, 6000);
	assert_int_equal(alpha->n, 4);
	for (uint8_t part = 1; part <= 3; part++) {
		assert_false(alpha->seen[part].payload);
		assert_int_equal(alpha->seen[part].part, part);
		assert_int_equal(alpha->seen[part].parts, 3);
	}
	engine_world_free(world);
}

/* 99: send_at is kept by us, however often we die; nothing leaves before, and all of it after. */
static void test_engine__check_99_send_at_holds_over_restarts(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->obliging = true;
	int64_t due_ms = world_now_ms(world->world) + 30000;
	uint64_t order = engine_world_order(
		world, &(struct wish){ .total = 3, .parts = 2, .send_in_ms = 30000 });
	for (unsigned i = 0; i < 5; i++) {
		engine_world_run(world, 5000);
		engine_world_crash(world);
	}
	engine_world_run(world, due_ms - world_now_ms(world->world) - 100);
	assert_int_equal(alpha->n, 0);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_QUEUED);
	engine_world_run(world, 1000);
	assert_int_equal(alpha->n, 6);
	for (size_t i = 0; i < alpha->n; i++)
		assert_in_range(alpha->seen[i].at_ms, due_ms - 5, due_ms + 100);
	assert_int_equal(world_state(world, order, 2), STORE_STATE_SENT);
	engine_world_free(world);
}

/* 99: a validity that the carrier does not take is permanent: one attempt, no pause. */
static void test_engine__check_99_a_refused_validity_is_permanent(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .route = ROUTE });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_refuse(alpha, 0, 0x62);
	engine_world_run(world, 5000);
	assert_int_equal(alpha->n, 1);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_FAILED);
	assert_int_equal(world_error(world, order, 0), STORE_ERROR_SUBMIT_ERROR);
	engine_world_free(world);
}

/* 99: what the carrier may try for the validity has until then and the grace to be told. */
static void test_engine__check_99_our_deadline_is_validity_and_grace(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .route = "validity: 10m" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->obliging = true;
	uint64_t order = engine_world_order(world, &(struct wish){ .validity_ms = 300000 });
	engine_world_run(world, 300000 + 2 * 3600 * 1000 - 1000);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
	engine_world_run(world, 2000);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_UNKNOWN);
	assert_int_equal(world_error(world, order, 0), STORE_ERROR_NO_RECEIPT);
	engine_world_free(world);
}

/* Messages whose text is still there, an hour, two days and a month after their end. */
static void keeps_text(const char *route, bool hour, bool days)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .route = route });
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(world_count(world, STORE_KIND_TEXT), 1);
	struct store_order before = world_order(world, order);
	carrier_ok(world->carriers[0], 0, "1");
	engine_world_settle(world);
	assert_int_equal(world_count(world, STORE_KIND_TEXT), 1); /* a retry may need it */
	assert_true(carrier_receipt(world->carriers[0], "1", "DELIVRD"));
	engine_world_run(world, 3600 * 1000);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	assert_int_equal(world_count(world, STORE_KIND_TEXT), hour);
	engine_world_run(world, INT64_C(47) * 3600 * 1000);
	assert_int_equal(world_count(world, STORE_KIND_TEXT), days);
	struct store_order after = world_order(world, order);
	assert_true(before.text_octets);
	assert_int_equal(after.text_octets, before.text_octets);
	assert_int_equal(after.text_hash, before.text_hash);
	engine_world_free(world);
}

static void test_engine__keep_text_forgets_the_text_when_its_time_is_up(void **state)
{
	(void)state;
	keeps_text("keep_text: final", false, false);
	keeps_text("keep_text: 1d", true, false);
	keeps_text("keep_text: order", true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__check_88_no_reference_is_used_again_too_early),
		cmocka_unit_test(test_engine__i19_what_is_accepted_first_leaves_first),
		cmocka_unit_test(test_engine__check_88_retries_and_restarts_keep_the_reference),
		cmocka_unit_test(test_engine__a_payload_is_one_segment_of_several_parts),
		cmocka_unit_test(test_engine__what_needs_tlvs_waits_for_a_peer_that_takes_them),
		cmocka_unit_test(
			test_engine__tlvs_that_the_peer_does_not_take_are_left_out_and_told),
		cmocka_unit_test(test_engine__an_order_keeps_the_concat_it_was_accepted_with),
		cmocka_unit_test(test_engine__check_99_send_at_holds_over_restarts),
		cmocka_unit_test(test_engine__check_99_a_refused_validity_is_permanent),
		cmocka_unit_test(test_engine__keep_text_forgets_the_text_when_its_time_is_up),
		cmocka_unit_test(test_engine__check_99_our_deadline_is_validity_and_grace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
