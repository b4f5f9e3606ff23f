/* submit_multi: several destinations in one PDU, and what becomes of each. */
#include "test/engine_receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cancel.h"
#include "core/provider.h"
#include "smpp/pdu.h"

#define MULTI "submit_multi: 254"

static struct engine_world *start(const char *alpha)
{
	return engine_world_new(&(struct setting){ .alpha = alpha });
}

static void ends(struct engine_world *world, uint64_t order, uint32_t index, enum store_state state,
		 enum store_error error)
{
	assert_int_equal(world_segment(world, order, index, 0), state);
	assert_int_equal(world_error(world, order, index), error);
}

/* The receipt of one destination of a submit_multi. */
static void receipt(struct engine_world *world, const char *id, uint64_t from, const char *stat)
{
	struct said said = { .id = id, .stat = stat, .from = from };
	assert_true(carrier_says(world->carriers[0], &said));
	engine_world_settle(world);
}

struct taking_back {
	struct input input;
	struct segment_ref ref;
};

static void apply_cancel(struct turn *turn, struct input *input)
{
	struct segment_ref ref = ((const struct taking_back *)(const void *)input)->ref;
	assert_int_equal(cancel_segment(turn, orders_work(turn, ref.order), ref, true).result,
			 CANCEL_DONE);
}

static void take_back(struct engine_world *world, uint64_t order, uint32_t index)
{
	struct taking_back *taking = calloc(1, sizeof(*taking));
	taking->input.apply = apply_cancel;
	taking->ref = (struct segment_ref){ order, index, 0 };
	engine_input(world->engine, &taking->input);
	engine_world_settle(world);
}

/* ---- making ---- */

static void test_engine__an_order_goes_in_as_few_pdus_as_allowed(void **state)
{
	struct engine_world *world = start(PROVIDER MULTI ", release_ahead: 0");
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 600 });
	assert_int_equal(alpha->n_crowds, 3);
	assert_int_equal(alpha->n, 0);
	assert_int_equal(alpha->crowds[0].n, 254);
	assert_int_equal(alpha->crowds[1].n, 254);
	assert_int_equal(alpha->crowds[2].n, 92);
	for (uint32_t i = 0; i < 600; i++)
		assert_true(alpha->crowds[i / 254].msisdn[i % 254] ==
			    world_message(world, order, i)->msisdn);
	assert_int_equal(world->engine->providers[0]->links[0]->outstanding, 3);
	engine_world_free(world);
}

static void test_engine__one_recipient_and_long_texts_go_by_submit_sm(void **state)
{
	struct engine_world *world = start(PROVIDER MULTI);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ 0 });
	engine_world_order(world, &(struct wish){ .total = 2, .parts = 3 });
	assert_int_equal(alpha->n_crowds, 0);
	assert_int_equal(alpha->n, 7);
	engine_world_free(world);
}

/* The window counts PDUs. */
static void test_engine__the_window_counts_pdus(void **state)
{
	struct engine_world *world = start("window: 2, release_ahead: 0, submit_multi: 10");
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 50 });
	assert_int_equal(alpha->n_crowds, 2);
	carrier_crowd(alpha, 0, "A", NULL, 0);
	engine_world_settle(world);
	assert_int_equal(alpha->n_crowds, 3);
	assert_int_equal(alpha->in_flight_most, 2);
	engine_world_free(world);
}

/* With a rate the next PDU waits until it may have its destinations, for a twentieth of a second. */
static void test_engine__a_rate_leaves_the_pdus_full(void **state)
{
	struct engine_world *world =
		start("window: 100, timers: {response: 20s}, submit_multi: 20, "
		      "rate: 1000");
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 1000 });
	engine_world_run(world, 1000);
	assert_int_equal(alpha->n, 0);
	assert_in_range(alpha->n_crowds, 45, 53);
	for (size_t i = 2; i < 40; i++)
		assert_int_equal(alpha->crowds[i].n, 20);
	engine_world_free(world);
}

/* The rate counts destinations: 100 a second are 5 in a twentieth of one. */
static void test_engine__the_rate_counts_destinations(void **state)
{
	struct engine_world *world = start(PROVIDER MULTI ", rate: 100");
	struct carrier *alpha = world->carriers[0];
	uint32_t sent = 0;
	size_t answered = 0;
	(void)state;
	alpha->obliging = true;
	engine_world_order(world, &(struct wish){ .total = 300 });
	for (int i = 0; i < 10; i++) {
		engine_world_run(world, 100);
		while (answered < alpha->n_crowds)
			carrier_crowd(alpha, answered++, "A", NULL, 0);
	}
	for (size_t k = 0; k < alpha->n_crowds; k++) {
		assert_in_range(alpha->crowds[k].n, 2, 5);
		sent += alpha->crowds[k].n;
	}
	assert_in_range(sent + alpha->n, 60, 110);
	engine_world_free(world);
}

/* ---- check 114 ---- */

static void test_engine__check_114_each_destination_has_its_own_outcome(void **state)
{
	static const struct refusal refusals[] = { { 1, 0x0B, NULL },
						   { 2, 0x08, NULL },
						   { 4, 0xFE, NULL } };
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = PROVIDER MULTI, .route = ROUTE "retries: {count: 1, delays: [1s]}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 5 });
	uint64_t third = alpha->crowds[0].msisdn[2];
	carrier_crowd(alpha, 0, "5A", refusals, 3);
	engine_world_settle(world);
	ends(world, order, 0, STORE_STATE_SENT, STORE_ERROR_NONE);
	ends(world, order, 1, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	ends(world, order, 2, STORE_STATE_QUEUED, STORE_ERROR_NONE);
	ends(world, order, 3, STORE_STATE_SENT, STORE_ERROR_NONE);
	ends(world, order, 4, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE);
	assert_int_equal(world_message(world, order, 1)->seg.provider_status, 0x0B);
	engine_world_run(world, 1500); /* what may be tried again goes alone */
	assert_int_equal(alpha->n_crowds, 1);
	assert_int_equal(alpha->n, 1);
	assert_true(alpha->seen[0].msisdn == third);
	engine_world_free(world);
}

/* The list names destinations as the carrier writes them. */
static void test_engine__check_114_a_refusal_is_known_in_the_carriers_spelling(void **state)
{
	struct engine_world *world = start(PROVIDER MULTI);
	struct carrier *alpha = world->carriers[0];
	char national[24];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 3 });
	snprintf(national, sizeof(national), "0%llu",
		 (unsigned long long)(alpha->crowds[0].msisdn[1] % 1000000000));
	const struct refusal refusals[] = { { 1, 0x0B, national } };
	carrier_crowd(alpha, 0, "5A", refusals, 1);
	engine_world_settle(world);
	ends(world, order, 0, STORE_STATE_SENT, STORE_ERROR_NONE);
	ends(world, order, 1, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	ends(world, order, 2, STORE_STATE_SENT, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* By the end of a number its receipt is told from the others of one id. */
static void test_engine__numbers_that_end_alike_do_not_share_an_id(void **state)
{
	struct engine_world *world = start(PROVIDER MULTI);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->obliging = true;
	uint64_t order =
		engine_world_order(world, &(struct wish){ .total = 3, .step = 10000000 - 1 });
	assert_int_equal(alpha->n_crowds, 0);
	assert_int_equal(alpha->n, 3);
	assert_true(alpha->seen[2].msisdn == alpha->seen[0].msisdn + 20000000);
	receipt(world, "3", alpha->seen[2].msisdn, "DELIVRD");
	ends(world, order, 2, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	ends(world, order, 0, STORE_STATE_SENT, STORE_ERROR_NONE);
	engine_world_free(world);
}

static void test_engine__check_114_a_refusal_of_the_whole_is_each_ones(void **state)
{
	struct engine_world *world = start(PROVIDER MULTI);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 3 });
	carrier_crowd_refuse(alpha, 0, SMPP_submit_multi_resp, 0x0A);
	engine_world_settle(world);
	for (uint32_t i = 0; i < 3; i++)
		ends(world, order, i, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	engine_world_free(world);
}

/* Only the operation's own response accepts anything. */
static void test_engine__a_generic_nack_without_an_error_accepts_nothing(void **state)
{
	struct engine_world *world = start(PROVIDER MULTI);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t alone = engine_world_order(world, &(struct wish){ 0 });
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 2 });
	carrier_nack(alpha, 0, 0);
	carrier_crowd_refuse(alpha, 0, SMPP_generic_nack, 0);
	engine_world_settle(world);
	ends(world, alone, 0, STORE_STATE_IN_DOUBT, STORE_ERROR_SUBMIT_UNCONFIRMED);
	ends(world, order, 0, STORE_STATE_IN_DOUBT, STORE_ERROR_SUBMIT_UNCONFIRMED);
	ends(world, order, 1, STORE_STATE_IN_DOUBT, STORE_ERROR_SUBMIT_UNCONFIRMED);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	engine_world_free(world);
}

/* A throttle pauses the link; all come back in their order and go one by one. */
static void test_engine__a_throttled_submit_multi_goes_again_one_by_one(void **state)
{
	struct engine_world *world = start(PROVIDER MULTI);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 4 });
	carrier_crowd_refuse(alpha, 0, SMPP_submit_multi_resp, 0x58);
	engine_world_settle(world);
	assert_int_equal(world_segment(world, order, 3, 0), STORE_STATE_QUEUED);
	alpha->obliging = true;
	engine_world_run(world, 10000);
	assert_int_equal(alpha->n, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_true(alpha->seen[i].msisdn == alpha->crowds[0].msisdn[i]);
	assert_int_equal(alpha->n_crowds, 1);
	engine_world_free(world);
}

/* A carrier without it is sent none any more, and keeps its session, whatever 0x03 means otherwise. */
static void test_engine__a_carrier_without_submit_multi_gets_submit_sm(void **state)
{
	static const char *const settings[] = { PROVIDER MULTI,
						PROVIDER MULTI ", statuses: {0x03: fail}",
						PROVIDER MULTI ", statuses: {0x03: retry}" };
	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		struct engine_world *world = start(settings[i]);
		struct carrier *alpha = world->carriers[0];
		alpha->obliging = true;
		engine_world_order(world, &(struct wish){ .total = 3 });
		carrier_crowd_refuse(alpha, 0, SMPP_generic_nack, 0x03);
		engine_world_run(world, 3000);
		engine_world_order(world, &(struct wish){ .total = 3 });
		assert_int_equal(alpha->n_crowds, 1);
		assert_int_equal(alpha->n, 6);
		assert_int_equal(alpha->binds, 1);
		engine_world_free(world);
	}
}

/* ---- receipts ---- */

static void test_engine__a_receipt_finds_its_destination_among_those_of_one_id(void **state)
{
	struct engine_world *world = start(PROVIDER MULTI ", match_addresses: false");
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 254 });
	const uint64_t *msisdn = alpha->crowds[0].msisdn;
	carrier_crowd(alpha, 0, "7F3A", NULL, 0);
	engine_world_settle(world);
	receipt(world, "7F3A", msisdn[253], "DELIVRD");
	receipt(world, "7F3A", msisdn[17], "UNDELIV");
	receipt(world, "32570", msisdn[40], "DELIVRD"); /* the id in decimal */
	ends(world, order, 253, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	ends(world, order, 17, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE);
	ends(world, order, 40, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_int_equal(world_order(world, order).delivered, 2);
	receipt(world, "7F3A", 31699999999, "DELIVRD"); /* nobody's number */
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	assert_int_equal(world_order(world, order).delivered, 2);
	engine_world_free(world);
}

/* Receipts that overtake the response wait for it, each for its own number. */
static void test_engine__receipts_before_the_answer_join_their_destinations(void **state)
{
	struct engine_world *world = start(PROVIDER MULTI ", match_addresses: false");
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 4 });
	const uint64_t *msisdn = alpha->crowds[0].msisdn;
	receipt(world, "9", msisdn[2], "DELIVRD");
	receipt(world, "9", msisdn[1], "UNDELIV");
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 2);
	carrier_crowd(alpha, 0, "9", NULL, 0);
	engine_world_settle(world);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	ends(world, order, 0, STORE_STATE_SENT, STORE_ERROR_NONE);
	ends(world, order, 1, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE);
	ends(world, order, 2, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	ends(world, order, 3, STORE_STATE_SENT, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* ---- doubt ---- */

static void test_engine__a_lost_submit_multi_puts_all_in_doubt_and_a_late_answer_joins(void **state)
{
	static const struct refusal refusals[] = { { 2, 0x0B, NULL } };
	struct engine_world *world = start(PROVIDER MULTI);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 4 });
	engine_world_run(world, 6000);
	for (uint32_t i = 0; i < 4; i++)
		ends(world, order, i, STORE_STATE_IN_DOUBT, STORE_ERROR_SUBMIT_UNCONFIRMED);
	carrier_crowd(alpha, 0, "A1", refusals, 1);
	engine_world_settle(world);
	ends(world, order, 0, STORE_STATE_SENT, STORE_ERROR_NONE);
	ends(world, order, 2, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	ends(world, order, 3, STORE_STATE_SENT, STORE_ERROR_NONE);
	receipt(world, "A1", alpha->crowds[0].msisdn[3], "DELIVRD");
	ends(world, order, 3, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

static void test_engine__after_a_crash_every_destination_is_in_doubt(void **state)
{
	struct engine_world *world = start(PROVIDER MULTI);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 300 });
	engine_world_crash(world);
	assert_int_equal(world_order(world, order).in_doubt, 300);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	engine_world_run(world, 2000);
	assert_int_equal(world->carriers[0]->n_crowds, 2); /* nothing is sent twice */
	engine_world_free(world);
}

/* What cannot have left goes back, all of it, and is not in doubt. */
static void test_engine__an_unsent_submit_multi_comes_back(void **state)
{
	struct engine_world *world = start("window: 1, release_ahead: 4, submit_multi: 5");
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 10 });
	assert_int_equal(alpha->n_crowds, 1);
	assert_int_equal(world_segment(world, order, 9, 0), STORE_STATE_SUBMITTED);
	carrier_crowd_refuse(alpha, 0, SMPP_submit_multi_resp, 0x58);
	engine_world_settle(world);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(world_segment(world, order, i, 0), STORE_STATE_QUEUED);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	assert_int_equal(world->engine->providers[0]->links[0]->outstanding, 0);
	engine_world_free(world);
}

/* A cancelled message in the middle ends a PDU; the rest goes in the next. */
static void test_engine__what_is_not_queued_any_more_ends_a_run(void **state)
{
	struct engine_world *world = start("window: 1, release_ahead: 0, submit_multi: 100");
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ 0 }); /* fills the window */
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 9 });
	take_back(world, order, 4);
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	carrier_crowd(alpha, 0, "2", NULL, 0);
	engine_world_settle(world);
	assert_int_equal(alpha->n_crowds, 2);
	assert_int_equal(alpha->crowds[0].n, 4);
	assert_int_equal(alpha->crowds[1].n, 4);
	assert_true(alpha->crowds[1].msisdn[0] == world_message(world, order, 5)->msisdn);
	engine_world_free(world);
}

/* A submit_multi that leaves makes room for others' turns: one PDU is one turn. */
static void test_engine__accounts_take_turns_by_pdu(void **state)
{
	struct engine_world *world = start("window: 1, release_ahead: 0, submit_multi: 3");
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ 0 });
	engine_world_order(world, &(struct wish){ .total = 6 });
	uint64_t other = engine_world_order(world, &(struct wish){ .total = 3, .account = 2 });
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	carrier_crowd(alpha, 0, "2", NULL, 0);
	engine_world_settle(world);
	assert_int_equal(alpha->n_crowds, 2);
	uint64_t first = world_message(world, other, 0)->msisdn;
	assert_true(alpha->crowds[0].msisdn[0] == first || alpha->crowds[1].msisdn[0] == first);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__an_order_goes_in_as_few_pdus_as_allowed),
		cmocka_unit_test(test_engine__one_recipient_and_long_texts_go_by_submit_sm),
		cmocka_unit_test(test_engine__the_window_counts_pdus),
		cmocka_unit_test(test_engine__a_rate_leaves_the_pdus_full),
		cmocka_unit_test(test_engine__the_rate_counts_destinations),
		cmocka_unit_test(test_engine__check_114_each_destination_has_its_own_outcome),
		cmocka_unit_test(
			test_engine__check_114_a_refusal_is_known_in_the_carriers_spelling),
		cmocka_unit_test(test_engine__numbers_that_end_alike_do_not_share_an_id),
		cmocka_unit_test(test_engine__check_114_a_refusal_of_the_whole_is_each_ones),
		cmocka_unit_test(test_engine__a_generic_nack_without_an_error_accepts_nothing),
		cmocka_unit_test(test_engine__a_throttled_submit_multi_goes_again_one_by_one),
		cmocka_unit_test(test_engine__a_carrier_without_submit_multi_gets_submit_sm),
		cmocka_unit_test(
			test_engine__a_receipt_finds_its_destination_among_those_of_one_id),
		cmocka_unit_test(test_engine__receipts_before_the_answer_join_their_destinations),
		cmocka_unit_test(
			test_engine__a_lost_submit_multi_puts_all_in_doubt_and_a_late_answer_joins),
		cmocka_unit_test(test_engine__after_a_crash_every_destination_is_in_doubt),
		cmocka_unit_test(test_engine__an_unsent_submit_multi_comes_back),
		cmocka_unit_test(test_engine__what_is_not_queued_any_more_ends_a_run),
		cmocka_unit_test(test_engine__accounts_take_turns_by_pdu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
