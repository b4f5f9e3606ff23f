/* Links: what they bind as, when they come back and to which host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/json.h"
#include "core/provider.h"
#include "test/engine_world.h"

#define TIMERS "timers: {response: 5s, reconnect_min: 200ms, reconnect_max: 1s, fallback: 20s"

static struct provider *alpha_of(struct engine_world *world)
{
	return world->engine->providers[0];
}

static struct trunk *trunk_of(struct engine_world *world)
{
	return trunk_find(world->engine, "alpha/one");
}

static void assert_links(struct engine_world *world, const char *first, const char *second)
{
	const struct provider *alpha = alpha_of(world);
	assert_int_equal(alpha->n_links, second ? 2 : 1);
	assert_string_equal(alpha->links[0]->name, first);
	assert_int_equal(alpha->links[0]->state, LINK_BOUND);
	if (!second)
		return;
	assert_string_equal(alpha->links[1]->name, second);
	assert_int_equal(alpha->links[1]->state, LINK_BOUND);
}

/* ---- a transceiver that is a pair ---- */

/* Bound as a transceiver at first; the carrier unlearns it, and the link is lost. */
static struct engine_world *fallen_back(bool nacks)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = "window: 10, " TIMERS "}" });
	struct carrier *alpha = world->carriers[0];
	alpha->transceiver_status = 0x03;
	alpha->nacks_transceiver = nacks;
	carrier_cut(alpha);
	engine_world_run(world, 5000);
	return world;
}

static void test_engine__check_46_an_unknown_transceiver_becomes_a_pair(void **state)
{
	(void)state;
	for (int nacks = 0; nacks < 2; nacks++) {
		struct engine_world *world = fallen_back(nacks);
		struct carrier *alpha = world->carriers[0];
		assert_links(world, "alpha/one/tx", "alpha/one/rx");
		assert_int_equal(alpha->binds, 4);
		assert_int_equal(alpha->bound[1].command_id, SMPP_bind_transceiver);
		assert_int_equal(alpha->bound[2].command_id, SMPP_bind_transmitter);
		assert_int_equal(alpha->bound[3].command_id, SMPP_bind_receiver);
		assert_true(trunk_of(world)->pair_since_ms > 0);
		/* It carries: submits on one end, receipts on the other. */
		uint64_t order = engine_world_order(world, &(struct wish){ .total = 3 });
		assert_int_equal(alpha->n, 3);
		carrier_ok_all(alpha);
		engine_world_settle(world);
		assert_true(carrier_receipt(alpha, "1", "DELIVRD"));
		engine_world_settle(world);
		assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
		assert_int_equal(alpha_of(world)->links[0]->submits, 3);
		assert_int_equal(alpha_of(world)->links[1]->receipts, 1);
		engine_world_free(world);
	}
}

/* A pair is not torn down to try again; when it is down by itself and the time has passed, it is. */
static void test_engine__check_46_a_pair_is_tried_as_a_transceiver_again(void **state)
{
	struct engine_world *world = fallen_back(false);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	carrier_cut(alpha); /* before the time: a pair again, without asking */
	engine_world_run(world, 3000);
	assert_links(world, "alpha/one/tx", "alpha/one/rx");
	assert_int_equal(alpha->binds, 6);
	assert_int_not_equal(alpha->bound[4].command_id, SMPP_bind_transceiver);
	alpha->transceiver_status = 0;
	engine_world_run(world, 30000);
	assert_int_equal(alpha->binds, 6);
	carrier_cut(alpha);
	engine_world_run(world, 3000);
	assert_links(world, "alpha/one", NULL);
	assert_int_equal(alpha->binds, 7);
	assert_int_equal(trunk_of(world)->pair_since_ms, 0);
	engine_world_free(world);
}

/* A carrier that says 0x03 to everything is asked for both by turns, and ever more seldom. */
static void test_engine__a_pair_that_is_not_known_either_is_a_transceiver_again(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = "window: 10, " TIMERS "}" });
	struct carrier *alpha = world->carriers[0];
	uint32_t transceivers = 0;
	(void)state;
	alpha->bind_status = 0x03;
	carrier_cut(alpha);
	engine_world_run(world, 60000);
	for (uint32_t i = 1; i < alpha->binds; i++)
		transceivers += alpha->bound[i].command_id == SMPP_bind_transceiver;
	assert_true(transceivers >= 10 && alpha->binds - transceivers >= 10);
	assert_in_range(alpha->binds, 30, 100);
	alpha->bind_status = 0;
	engine_world_run(world, 5000);
	assert_true(carrier_bound(alpha) == alpha_of(world)->n_links);
	engine_world_free(world);
}

/* Operators know one link: down takes both ends, rebind asks for a transceiver anew. */
static void test_engine__a_pair_is_steered_as_one_link(void **state)
{
	struct engine_world *world = fallen_back(false);
	struct carrier *alpha = world->carriers[0];
	struct trunk *trunk = trunk_of(world);
	(void)state;
	assert_ptr_equal(trunk_find(world->engine, "alpha/one/rx"), trunk);
	assert_null(trunk_find(world->engine, "alpha/on"));
	trunk_take_down(world->engine, trunk, false);
	engine_world_run(world, 5000);
	assert_int_equal(carrier_connected(alpha), 0);
	trunk_bring_up(world->engine, trunk);
	engine_world_run(world, 3000); /* 0x03 once more */
	assert_links(world, "alpha/one/tx", "alpha/one/rx");
	assert_int_equal(alpha->bound[4].command_id, SMPP_bind_transceiver);
	alpha->transceiver_status = 0;
	trunk_take_down(world->engine, trunk, true);
	engine_world_run(world, 3000);
	assert_links(world, "alpha/one", NULL);
	engine_world_free(world);
}

static void test_engine__a_configured_pair_is_one_link_too(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 10, " TIMERS "}",
		.links = ", two: {host: 127.0.0.1, port: 1, tls: off, bind: pair}" });
	struct carrier *alpha = world->carriers[0];
	struct trunk *trunk = trunk_find(world->engine, "alpha/two");
	(void)state;
	assert_int_equal(alpha_of(world)->n_links, 3);
	assert_int_equal(carrier_bound(alpha), 3);
	trunk_take_down(world->engine, trunk, true);
	trunk_take_down(world->engine, trunk_find(world->engine, "alpha/one"), false);
	engine_world_run(world, 3000);
	assert_int_equal(carrier_bound(alpha), 2);
	assert_int_equal(alpha->bound[3].command_id, SMPP_bind_transmitter);
	assert_int_equal(alpha->bound[4].command_id, SMPP_bind_receiver);
	assert_int_equal(trunk->pair_since_ms, 0);
	engine_world_free(world);
}

/* ---- binds ---- */

#define FOUR_MORE                                       \
	", two: {host: 127.0.0.1, port: 1, tls: off}"   \
	", three: {host: 127.0.0.1, port: 1, tls: off}" \
	", four: {host: 127.0.0.1, port: 1, tls: off}"  \
	", five: {host: 127.0.0.1, port: 1, tls: off}"

static void test_engine__check_47_links_that_come_back_are_spread(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = "window: 10", .links = FOUR_MORE });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	assert_int_equal(alpha->binds, 5);
	carrier_cut(alpha);
	engine_world_run(world, 1300);
	for (size_t i = 0, waiting = 0; i < 5; i++) {
		const struct link *link = alpha_of(world)->links[i];
		const char *why = link_waits_for(world->engine, link, world_now_ms(world->world));
		waiting += why && strstr(why, "its turn");
		assert_true(i < 4 || waiting >= 3);
	}
	engine_world_run(world, 9000);
	assert_int_equal(carrier_bound(alpha), 5);
	assert_int_equal(alpha->binds, 10);
	for (size_t i = 1; i < 10; i++)
		assert_true(alpha->bound[i].at_ms - alpha->bound[i - 1].at_ms >= 980);
	engine_world_free(world);
}

/* In any minute, not only in those that begin with the first bind. */
static void test_engine__check_47_no_minute_has_more_binds_than_the_budget(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 10, binds_per_minute: 12, timers: {reconnect_min: 100ms, "
			 "reconnect_max: 100ms}",
		.links = FOUR_MORE });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_run(world, 47000);
	alpha->bind_status = 0x08;
	carrier_cut(alpha);
	engine_world_run(world, 20000);
	const struct link *link = alpha_of(world)->links[0];
	assert_string_equal(link_waits_for(world->engine, link, world_now_ms(world->world)),
			    "binds_per_minute");
	assert_true(link_retry_ms(link) > world_now_ms(world->world));
	engine_world_run(world, 300000);
	assert_true(alpha->binds >= 60); /* nor does it stop */
	/* Connecting takes up to 20 ms, which differs from one to the next. */
	for (size_t i = 12; i < alpha->binds; i++)
		assert_true(alpha->bound[i].at_ms - alpha->bound[i - 12].at_ms >= 60000 - 20);
	engine_world_free(world);
}

static void test_engine__check_47_a_link_has_one_bind_in_flight(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 10, timers: {bind: 700ms, reconnect_min: 100ms, reconnect_max: "
			 "100ms}",
		.links = ", two: {host: 127.0.0.1, port: 1, tls: off, bind: pair}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->mute = true;
	carrier_cut(alpha);
	for (int i = 0; i < 300; i++) {
		engine_world_run(world, 50);
		assert_true(carrier_connected(alpha) <= 3);
		if (i % 40 == 0)
			trunk_bring_up(world->engine, trunk_find(world->engine, "alpha/two"));
		if (i % 70 == 0)
			trunk_take_down(world->engine, trunk_of(world), true);
	}
	assert_true(alpha->binds > 20);
	alpha->mute = false;
	engine_world_run(world, 61000);
	assert_int_equal(carrier_bound(alpha), 3);
	engine_world_free(world);
}

/* ---- peers that are no good ---- */

#define TROUBLED                                                                        \
	"window: 4, release_ahead: 4, timers: {response: 60s, read_pdu: 3s, bind: 2s, " \
	"enquire_link_idle: 4s, enquire_link_answer: 2s, reconnect_min: 1s, reconnect_max: 1s}"

/* Octet by octet, for ever: traffic, and yet no life. */
static void drip(struct engine_world *world)
{
	static const uint8_t octets[] = { 0, 0, 1, 0, 0, 0, 0 };
	for (size_t i = 0; i < sizeof(octets); i++) {
		carrier_raw(world->carriers[0], octets + i, 1);
		engine_world_run(world, 500);
	}
}

static void freeze(struct engine_world *world)
{
	carrier_freeze(world->carriers[0]);
	engine_world_run(world, 6500);
}

static void test_engine__a_peer_that_is_silent_or_drips_is_closed_by_its_timer(void **state)
{
	static const struct {
		void (*trouble)(struct engine_world *world);
		const char *reason;
	} rows[] = {
		{ drip, "began a PDU and did not finish it" },
		{ freeze, "did not answer enquire_link" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine_world *world = engine_world_new(&(struct setting){
			.alpha = TROUBLED, .route = "validity: 10m, receipt_deadline: 10m" });
		struct carrier *alpha = world->carriers[0];
		const struct link *link = alpha_of(world)->links[0];
		uint64_t order = engine_world_order(world, &(struct wish){ .total = 10 });
		assert_int_equal(alpha->n, 4);
		rows[i].trouble(world);
		assert_int_not_equal(link->state, LINK_BOUND);
		assert_non_null(strstr(link->reason, rows[i].reason));
		/* What was out is in doubt; what had not left goes out by the next session. */
		for (uint32_t k = 0; k < 10; k++)
			assert_int_equal(world_state(world, order, k),
					 k < 4 ? STORE_STATE_IN_DOUBT : STORE_STATE_QUEUED);
		alpha->obliging = true;
		engine_world_run(world, 3000);
		assert_int_equal(alpha->n, 10);
		for (uint32_t k = 4; k < 10; k++)
			assert_int_equal(world_state(world, order, k), STORE_STATE_SENT);
		assert_int_equal(alpha->binds, 2);
		engine_world_free(world);
	}
}

/* A carrier that takes the connection and says nothing holds up neither us nor the link for ever. */
static void test_engine__a_carrier_that_answers_no_bind_is_left_after_its_timer(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = TROUBLED });
	struct carrier *alpha = world->carriers[0];
	const struct link *link = alpha_of(world)->links[0];
	(void)state;
	alpha->mute = true;
	carrier_cut(alpha);
	engine_world_run(world, 1900);
	assert_int_equal(link->state, LINK_BINDING);
	engine_world_run(world, 10000);
	assert_in_range(alpha->binds, 4, 5); /* 2 s for each and 1 s between */
	alpha->mute = false;
	engine_world_run(world, 4000);
	assert_int_equal(link->state, LINK_BOUND);
	engine_world_free(world);
}

/* ---- after a restart ---- */

static void test_engine__is_bound_and_sends_soon_after_a_restart(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = "window: 100", .links = FOUR_MORE });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 2000 });
	engine_world_crash(world);
	alpha->obliging = true;
	size_t before = alpha->n;
	engine_world_run(world, 100);
	assert_true(alpha->n > before);
	engine_world_run(world, 6000);
	assert_int_equal(carrier_bound(alpha), 5);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.sent + rec.in_doubt, 2000);
	assert_int_equal(rec.in_doubt, before + 500); /* released ahead on five sessions as well */
	engine_world_free(world);
}

/* ---- hosts ---- */

#define HOSTS ", two: {host: [a.test, b.test, c.test], port: 1, tls: off}"

static const char *peer_of(struct engine_world *world)
{
	return trunk_find(world->engine, "alpha/two")->ends[0]->peer;
}

static struct engine_world *three_hosts(void)
{
	return engine_world_new(&(struct setting){
		.alpha = "window: 10, host_failures: 2, binds_per_minute: 600, "
			 "timers: {reconnect_min: 1s, reconnect_max: 60s, refused_min: 1s, "
			 "refused_max: 1s}",
		.links = HOSTS });
}

static void test_engine__check_65_the_second_host_after_the_first_has_failed(void **state)
{
	struct engine_world *world = three_hosts();
	struct carrier *alpha = world->carriers[0];
	const struct link *two = trunk_find(world->engine, "alpha/two")->ends[0];
	(void)state;
	assert_string_equal(peer_of(world), "a.test:1");
	sim_port_host(world->port, "a.test", true);
	trunk_take_down(world->engine, trunk_of(world), false); /* it would be cut as well */
	engine_world_run(world, 1000);
	carrier_cut(alpha);
	engine_world_run(world, 2000); /* after 1 s the first failure */
	assert_int_equal(two->host, 0);
	assert_int_equal(two->host_failures, 1);
	engine_world_run(world, 2500); /* after 2 s more the second */
	assert_int_equal(two->state, LINK_BOUND);
	assert_string_equal(two->peer, "b.test:1");
	/* It stays there while it is bound, also when the first is back. */
	sim_port_host(world->port, "a.test", false);
	engine_world_run(world, 600000);
	assert_string_equal(two->peer, "b.test:1");
	/* And begins with the first once it is lost. */
	carrier_cut(alpha);
	engine_world_run(world, 2000);
	assert_string_equal(two->peer, "a.test:1");
	engine_world_free(world);
}

/* The first round over the hosts is quick; then all of them are tried in turn, ever more seldom. */
static void test_engine__check_65_hosts_are_tried_round_and_round(void **state)
{
	struct engine_world *world = three_hosts();
	const struct link *two = trunk_find(world->engine, "alpha/two")->ends[0];
	static const char *const hosts[] = { "a.test", "b.test", "c.test" };
	(void)state;
	for (size_t i = 0; i < 3; i++)
		sim_port_host(world->port, hosts[i], true);
	carrier_cut(world->carriers[0]);
	engine_world_run(world, 30000);
	assert_true(two->failures >= 6);
	engine_world_run(world, 600000);
	assert_in_range(two->failures, 14, 22);
	sim_port_host(world->port, "c.test", false);
	engine_world_run(world, 6 * 72000);
	assert_string_equal(two->peer, "c.test:1");
	assert_int_equal(two->state, LINK_BOUND);
	engine_world_free(world);
}

/* A login that is refused is refused everywhere: other hosts are not asked for it. */
static void test_engine__a_refused_login_stays_with_its_host(void **state)
{
	struct engine_world *world = three_hosts();
	struct carrier *alpha = world->carriers[0];
	const struct link *two = trunk_find(world->engine, "alpha/two")->ends[0];
	(void)state;
	alpha->bind_status = 0x0E;
	carrier_cut(alpha);
	engine_world_run(world, 60000);
	assert_true(alpha->binds > 20);
	assert_int_equal(two->host, 0);
	engine_world_free(world);
}

/* ---- the alarm for a carrier that is away ---- */

#define QUICK "window: 10, " TIMERS "}"

static const char *alarm_text(const struct engine_world *world, const char *name)
{
	for (const struct alarm *alarm = world->engine->alarms; alarm; alarm = alarm->next)
		if (!strcmp(alarm->name, name))
			return alarm->text;
	return "";
}

/* Begun once a minute has passed and ended once it is bound for good, each told once. */
static void test_engine__a_carrier_that_is_away_is_an_alarm(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = QUICK });
	struct carrier *alpha = world->carriers[0];
	char since[40];
	(void)state;
	engine_world_run(world, 100000);
	int64_t cut_ms = port_wall_ms(world->port);
	alpha->bind_status = 0x08;
	carrier_cut(alpha);
	engine_world_run(world, 58000);
	assert_false(engine_world_alarmed(world, "link_down:alpha"));
	engine_world_run(world, 4000);
	assert_true(engine_world_alarmed(world, "link_down:alpha"));
	const char *text = alarm_text(world, "link_down:alpha");
	json_time_text(cut_ms, since);
	since[17] = '\0'; /* the second is that of the last look */
	assert_non_null(strstr(text, since));
	assert_non_null(strstr(text, "alpha (routes 1, 3): no link is bound since "));
	assert_non_null(strstr(text, "bind refused with ESME_RSYSERR"));
	assert_non_null(strstr(text, "see esmectl links"));
	engine_world_run(world, 200000);
	assert_true(engine_world_alarmed(world, "link_down:alpha"));
	assert_false(engine_world_alarmed(world, "link_down:beta"));
	assert_int_equal(world_count(world, STORE_KIND_ALARM), 1);
	alpha->bind_status = 0;
	engine_world_run(world, 10000);
	assert_false(engine_world_alarmed(world, "link_down:alpha"));
	assert_int_equal(world_count(world, STORE_KIND_ALARM), 2);
	engine_world_free(world);
}

/* It takes every bind and drops it after a second: one alarm, and no end of it. */
static void test_engine__a_carrier_that_drops_what_it_binds_is_one_alarm(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = QUICK });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	for (int i = 0; i < 200; i++) {
		carrier_cut(alpha);
		engine_world_run(world, 1500);
		if (i < 38)
			assert_false(engine_world_alarmed(world, "link_down:alpha"));
		else if (i > 42)
			assert_true(engine_world_alarmed(world, "link_down:alpha"));
	}
	assert_true(alpha->binds > 150);
	assert_int_equal(world_count(world, STORE_KIND_ALARM), 1);
	engine_world_free(world);
}

/* What is sent goes, and nobody would hear what became of it. */
static void test_engine__a_pair_without_its_receiver_is_an_alarm(void **state)
{
	struct engine_world *world = fallen_back(false);
	(void)state;
	world->carriers[0]->receiver_status = 0x08;
	carrier_cut(world->carriers[0]);
	engine_world_run(world, 70000);
	assert_int_equal(alpha_of(world)->links[0]->state, LINK_BOUND);
	assert_non_null(strstr(alarm_text(world, "link_down:alpha"), "no link that receives is"));
	world->carriers[0]->receiver_status = 0;
	engine_world_run(world, 10000);
	assert_false(engine_world_alarmed(world, "link_down:alpha"));
	engine_world_free(world);
}

/* What the operator wants down is no news to him. */
static void test_engine__a_link_taken_down_is_no_alarm(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = QUICK });
	(void)state;
	trunk_take_down(world->engine, trunk_of(world), false);
	engine_world_run(world, 200000);
	assert_int_equal(carrier_connected(world->carriers[0]), 0);
	assert_false(engine_world_alarmed(world, "link_down:alpha"));
	world->carriers[0]->mute = true;
	trunk_bring_up(world->engine, trunk_of(world));
	engine_world_run(world, 50000);
	assert_false(engine_world_alarmed(world, "link_down:alpha"));
	engine_world_run(world, 20000);
	assert_true(engine_world_alarmed(world, "link_down:alpha"));
	trunk_take_down(world->engine, trunk_of(world), false);
	engine_world_run(world, 3000);
	assert_false(engine_world_alarmed(world, "link_down:alpha"));
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__check_46_an_unknown_transceiver_becomes_a_pair),
		cmocka_unit_test(test_engine__check_46_a_pair_is_tried_as_a_transceiver_again),
		cmocka_unit_test(
			test_engine__a_pair_that_is_not_known_either_is_a_transceiver_again),
		cmocka_unit_test(test_engine__a_pair_is_steered_as_one_link),
		cmocka_unit_test(test_engine__a_configured_pair_is_one_link_too),
		cmocka_unit_test(test_engine__check_47_links_that_come_back_are_spread),
		cmocka_unit_test(test_engine__check_47_no_minute_has_more_binds_than_the_budget),
		cmocka_unit_test(test_engine__check_47_a_link_has_one_bind_in_flight),
		cmocka_unit_test(
			test_engine__a_peer_that_is_silent_or_drips_is_closed_by_its_timer),
		cmocka_unit_test(
			test_engine__a_carrier_that_answers_no_bind_is_left_after_its_timer),
		cmocka_unit_test(test_engine__is_bound_and_sends_soon_after_a_restart),
		cmocka_unit_test(test_engine__check_65_the_second_host_after_the_first_has_failed),
		cmocka_unit_test(test_engine__check_65_hosts_are_tried_round_and_round),
		cmocka_unit_test(test_engine__a_refused_login_stays_with_its_host),
		cmocka_unit_test(test_engine__a_carrier_that_is_away_is_an_alarm),
		cmocka_unit_test(test_engine__a_carrier_that_drops_what_it_binds_is_one_alarm),
		cmocka_unit_test(test_engine__a_pair_without_its_receiver_is_an_alarm),
		cmocka_unit_test(test_engine__a_link_taken_down_is_no_alarm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
