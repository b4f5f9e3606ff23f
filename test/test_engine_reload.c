/* The configuration is loaded again while traffic flows: what stays, what goes, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/lifecycle.h"
#include "core/provider.h"
#include "core/reload.h"
#include "smpp/status.h"
#include "test/engine_world.h"

#define HEAD                                                                      \
	"store: {path: store, size: 16MiB}\nlog: {level: error}\n"                \
	"sockets: {submit: {path: submit.sock}, control: {path: control.sock}}\n" \
	"prices: [{route: 2, prefix: \"31\", country: NL, price: \"0.088\"}]\nproviders:\n"
#define TIMERS "timers: {response: 5s, reconnect_min: 200ms, reconnect_max: 2s}, "
#define ALPHA                                                      \
	"  alpha: {system_id: a, password_file: password, " TIMERS \
	"links: {one: {host: 127.0.0.1, port: 1, tls: off}}}\n"
#define BETA                                                      \
	"  beta: {system_id: b, password_file: password, " TIMERS \
	"links: {main: {host: 127.0.0.1, port: 2, tls: off}}}\n"
#define ROUTE_1 "  1: {name: a, provider: alpha, validity: 60s, receipt_deadline: 40s}\n"
#define ROUTE_2 "  2: {name: b, provider: beta, validity: 60s, receipt_deadline: 40s}\n"
#define ROUTE_3 "  3: {name: c, provider: alpha, validity: 60s, receipt_deadline: 40s}\n"

static struct link *find(struct engine_world *world, const char *name)
{
	for (size_t i = 0; i < world->engine->n_providers; i++)
		for (size_t k = 0; k < world->engine->providers[i]->n_links; k++)
			if (!strcmp(world->engine->providers[i]->links[k]->name, name))
				return world->engine->providers[i]->links[k];
	return NULL;
}

/* True: the new file is in force. */
static bool reload(struct engine_world *world, const struct setting *setting)
{
	uint32_t before = world->engine->generation->number;
	engine_world_write(world, setting);
	engine_signal(world->engine, SIGHUP);
	engine_world_settle(world);
	uint32_t after = world->engine->generation->number;
	assert_true(after == before || after == before + 1);
	return after > before;
}

static void test_engine__reload_changes_values_and_leaves_links_alone(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	uint64_t session = find(world, "alpha/one")->session_number;
	(void)state;
	assert_true(reload(world, &(struct setting){ .alpha = "window: 10, rate: 5, " TIMERS
							      "max_pdu: 5000" }));
	assert_int_equal(world->engine->providers[0]->config->rate_per_s, 5);
	alpha->obliging = true;
	engine_world_order(world, &(struct wish){ .total = 40 });
	engine_world_run(world, 2000);
	assert_in_range(alpha->n, 8, 14); /* at the new rate */
	engine_world_run(world, 8000);
	assert_int_equal(alpha->n, 40);
	assert_int_equal(find(world, "alpha/one")->session_number, session);
	assert_int_equal(alpha->binds, 1);
	assert_int_equal(world->carriers[1]->binds, 1);
	assert_int_equal(world_count(world, STORE_KIND_AUDIT), 1);
	engine_world_free(world);
}

static void test_engine__reload_refuses_a_wrong_file_whole(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	const struct config *config = world->engine->config;
	char digest[CONFIG_DIGEST_OCTETS];
	static const struct setting wrong[] = {
		{ .file = "store: [\n" },
		{ .file = "" },
		{ .alpha = "window: 10, rate: minus" },
		{ .alpha = "window: 0" },
		{ .route = "validity: 60s, no_such_key: 1" },
		{ .password = "much longer than eight\n" },
		{ .top = "listen: 127.0.0.1:1\n" },
		{ .top = "currency: USD\n" },
		{ .top = "limits: {connections: 300}\n" },
		{ .links = ", two: {host: 127.0.0.1, port: 2, tls: on}" }, /* no TLS here */
	};
	(void)state;
	snprintf(digest, sizeof(digest), "%s", world->engine->generation->digest);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(reload(world, &wrong[i]));
	assert_ptr_equal(world->engine->config, config);
	assert_string_equal(world->engine->generation->digest, digest);
	assert_int_equal(world_count(world, STORE_KIND_AUDIT), 0);
	assert_int_equal(world->carriers[0]->binds, 1);
	assert_true(reload(world, &(struct setting){ 0 }));
	engine_world_free(world);
}

static void test_engine__reload_adds_and_removes_links(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	uint64_t session = find(world, "alpha/one")->session_number;
	(void)state;
	assert_true(reload(
		world,
		&(struct setting){ .links = ", two: {host: 127.0.0.1, port: 1, tls: off}" }));
	engine_world_run(world, 500);
	assert_int_equal(find(world, "alpha/two")->state, LINK_BOUND);
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 20 });
	assert_int_equal(alpha->n, 20);
	assert_true(find(world, "alpha/two")->outstanding > 0);
	/* It has submits out: it stays until they are answered, and nothing is lost. */
	assert_true(reload(world, &(struct setting){ 0 }));
	assert_int_equal(find(world, "alpha/two")->state, LINK_BOUND);
	assert_non_null(find(world, "alpha/two")->trunk->held);
	carrier_ok_all(alpha);
	engine_world_run(world, 500);
	assert_null(find(world, "alpha/two"));
	assert_false(world->engine->leaving);
	assert_int_equal(carrier_bound(alpha), 1);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(world_state(world, order, i), STORE_STATE_SENT);
	assert_int_equal(find(world, "alpha/one")->session_number, session);
	engine_world_free(world);
}

static void test_engine__reload_rebinds_only_what_is_another_link(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .links = ", two: {host: 127.0.0.1, port: 1, tls: off}" });
	uint64_t one = find(world, "alpha/one")->session_number;
	uint64_t two = find(world, "alpha/two")->session_number;
	(void)state;
	assert_true(reload(
		world,
		&(struct setting){ .links = ", two: {host: 127.0.0.1, port: 2, tls: off}" }));
	engine_world_run(world, 1000);
	assert_int_equal(find(world, "alpha/one")->session_number, one);
	assert_true(find(world, "alpha/two")->session_number > two);
	assert_int_equal(carrier_bound(world->carriers[0]), 1);
	assert_int_equal(carrier_bound(world->carriers[1]), 2);
	/* With another bind it has other ends. */
	assert_true(reload(world, &(struct setting){ .links = ", two: {host: 127.0.0.1, port: 2, "
							      "tls: off, bind: pair}" }));
	engine_world_run(world, 1000);
	assert_null(find(world, "alpha/two"));
	assert_int_equal(find(world, "alpha/two/tx")->state, LINK_BOUND);
	assert_int_equal(find(world, "alpha/two/rx")->state, LINK_BOUND);
	assert_int_equal(carrier_bound(world->carriers[1]), 3);
	engine_world_free(world);
}

static void test_engine__reload_keeps_a_link_that_the_operator_took_down(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	trunk_take_down(world->engine, trunk_find(world->engine, "alpha/one"), false);
	engine_world_run(world, 500);
	assert_int_equal(find(world, "alpha/one")->state, LINK_DOWN);
	assert_true(reload(world, &(struct setting){ .alpha = "window: 3, system_type: x, " TIMERS
							      "rate: 9" }));
	engine_world_run(world, 5000);
	assert_int_equal(find(world, "alpha/one")->state, LINK_DOWN);
	assert_true(find(world, "alpha/one")->trunk->up_for_down);
	engine_world_free(world);
}

/* A link that drains because it is no longer configured is no link that operators have. */
static void test_engine__reload_lets_nobody_bring_back_what_leaves(void **state)
{
	static const struct setting two = { .links =
						    ", two: {host: 127.0.0.1, port: 1, tls: off}" };
	struct engine_world *world = engine_world_new(&two);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 20 });
	assert_true(find(world, "alpha/two")->outstanding > 0);
	assert_true(reload(world, &(struct setting){ 0 }));
	assert_non_null(find(world, "alpha/two"));
	assert_non_null(find(world, "alpha/two")->trunk->held);
	assert_null(trunk_find(world->engine, "alpha/two"));
	assert_non_null(trunk_find(world->engine, "alpha/one"));
	/* Configured again it is a link of its own, and that is the one that is found. */
	assert_true(reload(world, &two));
	assert_null(trunk_find(world->engine, "alpha/two")->held);
	carrier_ok_all(alpha);
	engine_world_run(world, 500);
	assert_false(world->engine->leaving);
	assert_int_equal(carrier_bound(alpha), 2);
	engine_world_free(world);
}

/* What an alarm was about is gone: so is the alarm. */
static void test_engine__reload_ends_the_alarms_of_what_leaves(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	world->carriers[1]->bind_status = SMPP_ESME_RINVPASWD;
	assert_true(reload(
		world,
		&(struct setting){ .links = ", two: {host: 127.0.0.1, port: 2, tls: off}" }));
	engine_world_run(world, 1000);
	assert_true(engine_world_alarmed(world, "login_refused"));
	assert_true(reload(world, &(struct setting){ 0 }));
	engine_world_run(world, 1000);
	assert_null(find(world, "alpha/two"));
	assert_false(engine_world_alarmed(world, "login_refused"));
	engine_world_free(world);
}

/* The same of what is said of a provider by its name. */
static void test_engine__reload_ends_the_alarms_of_a_provider_that_leaves(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .file = HEAD ALPHA BETA "routes:\n" ROUTE_1 ROUTE_2 });
	char id[16];
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "%u", 5000 + i);
		assert_true(carrier_receipt(world->carriers[0], id, "DELIVRD"));
		engine_world_settle(world);
	}
	engine_world_run(world, 12000);
	assert_true(engine_world_alarmed(world, "unmatched_receipts:alpha"));
	world->carriers[0]->bind_status = SMPP_ESME_RSYSERR;
	carrier_cut(world->carriers[0]);
	engine_world_run(world, 70000);
	assert_true(engine_world_alarmed(world, "link_down:alpha"));
	assert_true(reload(world, &(struct setting){ .file = HEAD BETA "routes:\n" ROUTE_2 }));
	engine_world_run(world, 12000);
	assert_int_equal(world->engine->n_providers, 2); /* beta and the sandbox */
	assert_false(engine_world_alarmed(world, "unmatched_receipts:alpha"));
	assert_false(engine_world_alarmed(world, "link_down:alpha"));
	engine_world_free(world);
}

/* It is still bound as it was configured before: that it comes up means that it comes up anew. */
static void test_engine__reload_rebinds_though_the_operator_says_up(void **state)
{
	static const struct {
		bool down, up;
	} rows[] = { { false, true }, { true, true }, { true, false } };
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine_world *world = engine_world_new(NULL);
		struct carrier *alpha = world->carriers[0];
		uint64_t session = find(world, "alpha/one")->session_number;
		engine_world_order(world, &(struct wish){ .total = 5 });
		assert_true(find(world, "alpha/one")->outstanding > 0);
		struct trunk *trunk = trunk_find(world->engine, "alpha/one");
		if (rows[i].down)
			trunk_take_down(world->engine, trunk, false);
		assert_true(reload(world, &(struct setting){ .alpha = "window: 10, system_type: x, "
								      "rate: 0, " TIMERS
								      "max_pdu: 5000" }));
		if (rows[i].up)
			trunk_bring_up(world->engine, trunk);
		engine_world_settle(world);
		assert_int_equal(find(world, "alpha/one")->session_number, session);
		carrier_ok_all(alpha);
		engine_world_run(world, 2000);
		assert_int_equal(find(world, "alpha/one")->state,
				 rows[i].up ? LINK_BOUND : LINK_DOWN);
		assert_int_equal(alpha->binds, rows[i].up ? 2 : 1);
		engine_world_free(world);
	}
}

static void test_engine__reload_does_not_take_a_route_from_its_messages(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .file = HEAD ALPHA BETA "routes:\n" ROUTE_1 ROUTE_2 ROUTE_3 });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 12 });
	static const struct setting gone = { .file = HEAD BETA "routes:\n" ROUTE_2 },
				    moved = { .file = HEAD ALPHA BETA
					      "routes:\n"
					      "  1: {name: a, provider: beta}\n" ROUTE_2 ROUTE_3 },
				    less = { .file = HEAD ALPHA BETA "routes:\n" ROUTE_1 ROUTE_2 };
	assert_false(reload(world, &gone));
	assert_false(reload(world, &moved));
	assert_true(reload(world, &less)); /* 3 has none */
	for (int i = 0; i < 2; i++) {	   /* a window of ten, then the rest */
		carrier_ok_all(alpha);
		engine_world_settle(world);
	}
	assert_false(reload(world, &gone)); /* accepted is not delivered */
	for (uint64_t i = 0; i < 12; i++) {
		char id[8];
		snprintf(id, sizeof(id), "%u", (unsigned)i + 1);
		assert_true(carrier_says(alpha, &(struct said){ .id = id,
								.stat = "DELIVRD",
								.from = alpha->seen[i].msisdn }));
		engine_world_settle(world);
	}
	assert_int_equal(world_order(world, order).delivered, 12);
	assert_true(reload(world, &moved));
	assert_true(reload(world, &gone));
	engine_world_run(world, 1000);
	assert_int_equal(world->engine->n_providers, 2); /* beta and the sandbox */
	assert_int_equal(carrier_bound(alpha), 0);
	assert_int_equal(alpha->acked, 12);
	/* And back again: it binds, and its route carries. */
	assert_true(reload(
		world, &(struct setting){ .file = HEAD ALPHA BETA "routes:\n" ROUTE_1 ROUTE_2 }));
	engine_world_run(world, 1000);
	assert_int_equal(carrier_bound(alpha), 1);
	assert_true(engine_world_order(world, &(struct wish){ .total = 1 }) > 0);
	assert_int_equal(alpha->n, 13);
	engine_world_free(world);
}

static void test_engine__reload_brings_orders_their_route_back(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .file = HEAD ALPHA BETA "routes:\n" ROUTE_1 ROUTE_2 });
	(void)state;
	provider_pause(world->engine, world->engine->providers[0], true);
	engine_world_order(world, &(struct wish){ .total = 4 });
	engine_world_write(world, &(struct setting){ .file = HEAD ALPHA BETA "routes:\n" ROUTE_2 });
	engine_world_kill(world);
	config_free(world->config);
	static struct config_errors errors;
	world->config = config_load(&world->source, &errors);
	engine_world_start(world); /* nobody could refuse that */
	engine_world_run(world, 1000);
	assert_int_equal(world->carriers[0]->n, 0);
	assert_true(reload(
		world, &(struct setting){ .file = HEAD ALPHA BETA "routes:\n" ROUTE_1 ROUTE_2 }));
	engine_world_run(world, 500);
	assert_int_equal(world->carriers[0]->n, 4);
	engine_world_free(world);
}

static void test_engine__reload_disables_and_enables_a_provider(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	assert_true(
		reload(world, &(struct setting){ .alpha = "enabled: false, " TIMERS "window: 9" }));
	engine_world_run(world, 500);
	assert_int_equal(carrier_bound(world->carriers[0]), 0);
	assert_string_equal(find(world, "alpha/one")->reason, "the provider is disabled");
	assert_true(reload(world, &(struct setting){ 0 }));
	engine_world_run(world, 3000);
	assert_int_equal(carrier_bound(world->carriers[0]), 1);
	engine_world_free(world);
}

static void test_engine__reload_reads_the_password_again(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->bind_status = SMPP_ESME_RINVPASWD;
	carrier_cut(alpha);
	engine_world_run(world, 5000);
	assert_true(engine_world_alarmed(world, "login_refused"));
	uint32_t binds = alpha->binds;
	alpha->bind_status = 0;
	engine_world_run(world, 5000);
	assert_int_equal(alpha->binds, binds); /* it waits a minute */
	assert_true(reload(world, &(struct setting){ .password = "new\n" }));
	engine_world_run(world, 500);
	assert_int_equal(carrier_bound(alpha), 1); /* but not with another password */
	assert_false(engine_world_alarmed(world, "login_refused"));
	engine_world_free(world);
}

/* Whatever comes between, every message is answered for once. */
static void test_engine__reload_again_and_again_loses_nothing(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	static const struct setting settings[] = {
		{ .links = ", two: {host: 127.0.0.1, port: 1, tls: off}" },
		{ .alpha = "window: 3, release_ahead: 1, " TIMERS "rate: 300" },
		{ .file = "nonsense" },
		{ .links = ", two: {host: 127.0.0.1, port: 1, tls: off, bind: pair}" },
		{ .alpha = "window: 50, system_type: x, " TIMERS "max_pdu: 6000" },
		{ 0 },
	};
	size_t n = sizeof(settings) / sizeof(settings[0]);
	(void)state;
	alpha->obliging = true;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 3000 });
	for (size_t i = 0; i < 5 * n; i++) {
		assert_int_equal(reload(world, &settings[i % n]), settings[i % n].file == NULL);
		engine_world_run(world, 200 + (int64_t)(i * 37 % 300));
	}
	engine_world_run(world, 20000);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.taken, 3000);
	assert_int_equal(alpha->n, 3000);
	assert_int_equal(rec.in_doubt, 0);
	assert_int_equal(world->engine->n_providers, 3); /* these two and the sandbox */
	assert_int_equal(world->engine->providers[0]->n_links, 1);
	engine_world_free(world);
}

static void test_engine__reload_that_finds_no_room_changes_nothing(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	world->fault = STORE_FAULT_FULL;
	assert_false(reload(world, &(struct setting){ .alpha = "window: 3, " TIMERS "rate: 9" }));
	assert_int_equal(world->engine->providers[0]->config->window, 10);
	world->fault = STORE_FAULT_NONE;
	engine_world_run(world, 3000);
	assert_int_equal(world->engine->generation->number, 1); /* nor later by itself */
	engine_world_free(world);
}

/* The file, cut off after each octet: some of these load, and nothing of the others counts. */
static void test_engine__reload_of_a_file_cut_anywhere_is_all_or_nothing(void **state)
{
	static const char whole[] = HEAD ALPHA BETA "routes:\n" ROUTE_1 ROUTE_2 ROUTE_3;
	struct engine_world *world = engine_world_new(&(struct setting){ .file = whole });
	char cut[sizeof(whole)];
	uint32_t taken = 0;
	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		const struct config *before = world->engine->config;
		memcpy(cut, whole, n);
		cut[n] = '\0';
		if (reload(world, &(struct setting){ .file = cut }))
			taken++;
		else
			assert_ptr_equal(world->engine->config, before);
		assert_int_equal(world->engine->generation->number, taken + 1);
	}
	/* Whole without any provider, with two routes, and with three; blanks may follow. */
	assert_in_range(taken, 3, 12);
	assert_true(reload(world, &(struct setting){ .file = whole }));
	engine_world_run(world, 1000);
	assert_int_equal(carrier_bound(world->carriers[0]), 1);
	assert_int_equal(world->carriers[0]->binds, 2); /* once it was gone */
	world->carriers[0]->obliging = true;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 5 });
	assert_int_equal(world_order(world, order).taken, 5);
	engine_world_free(world);
}

static void test_engine__reload_is_refused_while_it_stops(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 1 });
	engine_signal(world->engine, SIGTERM);
	engine_world_settle(world);
	assert_false(world->stopped); /* the answer is waited for */
	assert_false(reload(world, &(struct setting){ .alpha = "window: 3, " TIMERS "rate: 9" }));
	carrier_ok_all(world->carriers[0]);
	engine_world_run(world, 1000);
	assert_true(world->stopped);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__reload_changes_values_and_leaves_links_alone),
		cmocka_unit_test(test_engine__reload_refuses_a_wrong_file_whole),
		cmocka_unit_test(test_engine__reload_adds_and_removes_links),
		cmocka_unit_test(test_engine__reload_rebinds_only_what_is_another_link),
		cmocka_unit_test(test_engine__reload_keeps_a_link_that_the_operator_took_down),
		cmocka_unit_test(test_engine__reload_lets_nobody_bring_back_what_leaves),
		cmocka_unit_test(test_engine__reload_ends_the_alarms_of_what_leaves),
		cmocka_unit_test(test_engine__reload_ends_the_alarms_of_a_provider_that_leaves),
		cmocka_unit_test(test_engine__reload_rebinds_though_the_operator_says_up),
		cmocka_unit_test(test_engine__reload_does_not_take_a_route_from_its_messages),
		cmocka_unit_test(test_engine__reload_brings_orders_their_route_back),
		cmocka_unit_test(test_engine__reload_disables_and_enables_a_provider),
		cmocka_unit_test(test_engine__reload_reads_the_password_again),
		cmocka_unit_test(test_engine__reload_again_and_again_loses_nothing),
		cmocka_unit_test(test_engine__reload_that_finds_no_room_changes_nothing),
		cmocka_unit_test(test_engine__reload_of_a_file_cut_anywhere_is_all_or_nothing),
		cmocka_unit_test(test_engine__reload_is_refused_while_it_stops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
