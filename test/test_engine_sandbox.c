/* Orders of the sandbox: each outcome to its end, no carrier, no money, and what a crash leaves. */
#include "test/engine_receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/provider.h"

#define TAIL 99990000u /* eight digits, of which the last two choose the outcome */
#define RULE (FIRST_NUMBER / 100000000 * 100000000 + TAIL)

static struct engine_world *start(void)
{
	return engine_world_new(
		&(struct setting){ .route = ROUTE "retries: {count: 2, delays: [2s]}" });
}

static uint64_t order_of(struct engine_world *world, uint64_t first, uint32_t total)
{
	return engine_world_order(
		world, &(struct wish){ .first = first, .total = total, .sandbox = true });
}

static void assert_no_carrier(struct engine_world *world)
{
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(world->carriers[i]->n + world->carriers[i]->n_crowds, 0);
	assert_int_equal(world_balance(world), OPENING);
}

/* The sandbox is the provider behind those of the file. */
static struct link *link_of_sandbox(struct engine_world *world)
{
	struct provider *provider =
		provider_of(world->engine, world->engine->config->sandbox.provider);
	assert_int_equal(provider->n_links, 1);
	return provider->links[0];
}

/* ---- what becomes of it ---- */

/* The ends that esmed-api(7) promises developers, one for each row of the table. */
static const struct {
	unsigned nn;
	enum store_state state;
	enum store_error error;
} ends[] = {
	{ 0, STORE_STATE_DELIVERED, STORE_ERROR_NONE },
	{ 1, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE },
	{ 2, STORE_STATE_FAILED, STORE_ERROR_DELIVERY_REJECTED },
	{ 3, STORE_STATE_EXPIRED, STORE_ERROR_DELIVERY_EXPIRED },
	{ 4, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT },
	{ 5, STORE_STATE_DELIVERED, STORE_ERROR_NONE },
	{ 6, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR },
	{ 7, STORE_STATE_DELIVERED, STORE_ERROR_NONE },
	{ 8, STORE_STATE_DELIVERED, STORE_ERROR_NONE },
	{ 9, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED },
	{ 10, STORE_STATE_DELIVERED, STORE_ERROR_NONE },
	{ 11, STORE_STATE_FAILED, STORE_ERROR_DELETED },
	{ 12, STORE_STATE_UNKNOWN, STORE_ERROR_RECEIPT_UNKNOWN },
	{ 13, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT },
	{ 14, STORE_STATE_DELIVERED, STORE_ERROR_NONE },
	{ 15, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT },
	{ 16, STORE_STATE_DELIVERED, STORE_ERROR_NONE },
	{ 17, STORE_STATE_DELIVERED, STORE_ERROR_NONE },
	{ 18, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED },
};

static void test_sandbox__every_outcome_comes_to_its_end(void **state)
{
	struct engine_world *world = start();
	struct outcome_rule rule;
	uint32_t n = sizeof(ends) / sizeof(ends[0]);
	(void)state;
	uint64_t order = order_of(world, RULE, n);
	for (uint32_t i = 0; outcome_rule_at(i, &rule); i++)
		assert_true(i < n && rule.nn == ends[i].nn);
	engine_world_run(world, 200000);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(world_state(world, order, i), ends[i].state);
		assert_int_equal(world_error(world, order, i), ends[i].error);
	}
	assert_no_carrier(world);
	engine_world_free(world);
}

static void test_sandbox__manual_page_lists_the_ends(void **state)
{
	static char page[1 << 16];
	char line[128];
	FILE *file = fopen("tools/esmed-api.7.scd", "r");
	(void)state;
	assert_non_null(file);
	assert_in_range(fread(page, 1, sizeof(page) - 1, file), 1, sizeof(page) - 2);
	fclose(file);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		bool error = ends[i].error != STORE_ERROR_NONE;
		snprintf(line, sizeof(line), "\n|  999900%02u\n:  %s%s%s\n:  ", ends[i].nn,
			 store_state_name(ends[i].state), error ? " / " : "",
			 error ? store_error_name(ends[i].error) : "");
		if (!strstr(page, line))
			fail_msg("tools/esmed-api.7.scd lacks the line: %s", line);
	}
}

static void test_sandbox__ordinary_numbers_are_delivered(void **state)
{
	struct engine_world *world = start();
	(void)state;
	uint64_t order = order_of(world, 0, 3000);
	engine_world_run(world, 30000);
	assert_int_equal(world_order(world, order).delivered, 3000);
	assert_int_equal(world_order(world, order).cost, 3000 * PRICE);
	assert_no_carrier(world);
	engine_world_free(world);
}

static void test_sandbox__a_long_text_is_delivered_in_its_parts(void **state)
{
	struct engine_world *world = start();
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3, .sandbox = true });
	engine_world_run(world, 3000);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(world_segment(world, order, 0, i), STORE_STATE_DELIVERED);
	engine_world_free(world);
}

/* ---- the link ---- */

static void test_sandbox__its_link_rests_until_a_message_wants_it(void **state)
{
	struct engine_world *world = start();
	struct link *link = link_of_sandbox(world);
	const struct config_provider *config = world->engine->config->sandbox.provider;
	(void)state;
	assert_string_equal(link->name, "sandbox/sandbox-1");
	assert_int_equal(link->state, LINK_DOWN);
	assert_null(provider_blocked(world->engine, config));
	order_of(world, 0, 1);
	assert_int_equal(link->state, LINK_BOUND);
	assert_null(provider_blocked(world->engine, config));
	engine_world_run(world, 3600000);
	assert_int_equal(link->state, LINK_BOUND);
	engine_world_free(world);
}

/* Taken down by the operator while receipts are owed: they come when it is up again. */
static void test_sandbox__receipts_wait_for_a_link(void **state)
{
	struct engine_world *world = start();
	(void)state;
	uint64_t order = order_of(world, 0, 5);
	engine_world_run(world, 100);
	assert_int_equal(world_state(world, order, 4), STORE_STATE_SENT);
	trunk_take_down(world->engine, link_of_sandbox(world)->trunk, false);
	engine_world_run(world, 10000);
	assert_int_equal(link_of_sandbox(world)->state, LINK_DOWN);
	assert_int_equal(world_order(world, order).delivered, 0);
	trunk_bring_up(world->engine, link_of_sandbox(world)->trunk);
	engine_world_run(world, 2000);
	assert_int_equal(world_order(world, order).delivered, 5);
	engine_world_free(world);
}

/* ---- beside carriers ---- */

static void test_sandbox__a_carrier_that_is_down_does_not_matter(void **state)
{
	struct engine_world *world = start();
	(void)state;
	trunk_take_down(world->engine, world->engine->providers[0]->trunks[0], false);
	engine_world_run(world, 10000);
	uint64_t order = order_of(world, 0, 1),
		 real = engine_world_order(world, &(struct wish){ 0 });
	engine_world_run(world, 2000);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	assert_int_equal(world_state(world, real, 0), STORE_STATE_QUEUED);
	engine_world_free(world);
}

/* Bulk of the sandbox that stands before it in age holds up nothing, and takes no room. */
static void test_sandbox__a_real_order_goes_at_once(void **state)
{
	struct engine_world *world = start();
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t stuck = order_of(world, 0, 5000);
	uint64_t real = engine_world_order(world, &(struct wish){ .total = 20 });
	assert_int_equal(alpha->n, 10);
	carrier_ok_all(alpha);
	engine_world_settle(world);
	carrier_ok_all(alpha);
	engine_world_settle(world);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(world_state(world, real, i), STORE_STATE_SENT);
		assert_true(alpha->seen[i].msisdn == world_message(world, real, i)->msisdn);
	}
	assert_int_equal(alpha->n, 20);
	assert_true(world_order(world, stuck).delivered < 5000);
	assert_int_equal(world_balance(world), OPENING - 20 * PRICE);
	engine_world_free(world);
}

/* Throttled, the sandbox pauses, and nobody else. */
static void test_sandbox__its_throttle_pauses_no_carrier(void **state)
{
	struct engine_world *world = start();
	(void)state;
	order_of(world, RULE + 5, 1);
	engine_world_run(world, 100);
	assert_true(link_of_sandbox(world)->paused_until_ms > 0);
	assert_true(world->engine->providers[0]->links[0]->paused_until_ms == 0);
	engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(world->carriers[0]->n, 1);
	engine_world_free(world);
}

/* ---- a crash ---- */

/* What was with the sandbox is as with a carrier: in doubt, never sent elsewhere, then UNKNOWN. */
static void test_sandbox__a_crash_leaves_it_in_doubt_and_off_the_carriers(void **state)
{
	struct engine_world *world = start();
	(void)state;
	uint64_t order = order_of(world, 0, 1000);
	engine_world_crash(world);
	engine_world_run(world, 200000);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.delivered + rec.unknown, 1000);
	assert_in_range(rec.unknown, 1, 100);
	assert_no_carrier(world);
	engine_world_free(world);
}

/* The far end forgot what it owed: the deadline tells. */
static void test_sandbox__receipts_that_a_crash_forgot_are_missing(void **state)
{
	struct engine_world *world = start();
	(void)state;
	uint64_t order = order_of(world, 0, 3);
	engine_world_run(world, 100);
	assert_int_equal(world_state(world, order, 2), STORE_STATE_SENT);
	engine_world_crash(world);
	engine_world_run(world, 60000);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(world_state(world, order, i), STORE_STATE_UNKNOWN);
		assert_int_equal(world_error(world, order, i), STORE_ERROR_NO_RECEIPT);
	}
	engine_world_free(world);
}

/* Refused for now and waiting to go again: still with the sandbox after a restart. */
static void test_sandbox__what_came_back_goes_to_the_sandbox_after_a_crash(void **state)
{
	struct engine_world *world = start();
	(void)state;
	uint64_t order = order_of(world, RULE + 17, 1);
	engine_world_run(world, 100);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_QUEUED);
	engine_world_check(world);
	engine_world_crash(world);
	engine_world_run(world, 200000);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	assert_no_carrier(world);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sandbox__every_outcome_comes_to_its_end),
		cmocka_unit_test(test_sandbox__manual_page_lists_the_ends),
		cmocka_unit_test(test_sandbox__ordinary_numbers_are_delivered),
		cmocka_unit_test(test_sandbox__a_long_text_is_delivered_in_its_parts),
		cmocka_unit_test(test_sandbox__its_link_rests_until_a_message_wants_it),
		cmocka_unit_test(test_sandbox__receipts_wait_for_a_link),
		cmocka_unit_test(test_sandbox__a_carrier_that_is_down_does_not_matter),
		cmocka_unit_test(test_sandbox__a_real_order_goes_at_once),
		cmocka_unit_test(test_sandbox__its_throttle_pauses_no_carrier),
		cmocka_unit_test(test_sandbox__a_crash_leaves_it_in_doubt_and_off_the_carriers),
		cmocka_unit_test(test_sandbox__receipts_that_a_crash_forgot_are_missing),
		cmocka_unit_test(test_sandbox__what_came_back_goes_to_the_sandbox_after_a_crash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
