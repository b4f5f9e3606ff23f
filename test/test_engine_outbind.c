/* Outbind: the carrier connects to us and asks for the bind (SMPP 3.4, 2.2.1, 4.1.7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/provider.h"
#include "test/engine_world.h"

#define OUTBIND                                                                         \
	", in: {host: 127.0.0.1, port: 7, tls: off, bind: outbind, peers: [192.0.2.1, " \
	"\"2001:db8::1\"], outbind_system_id: smsc, outbind_password_file: password}"

static struct engine_world *listening(void)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 10, timers: {response: 5s, bind: 3s, reconnect_min: 200ms}",
		.links = OUTBIND });
	world->carriers[0]->outbind_system_id = "smsc";
	world->carriers[0]->outbind_password = "secret";
	return world;
}

static struct link *link_of(struct engine_world *world)
{
	return trunk_find(world->engine, "alpha/in")->ends[0];
}

static bool calls(struct engine_world *world, const char *from)
{
	bool called = sim_port_call(world->port, 7, from, world->carriers[0]);
	engine_world_settle(world);
	return called;
}

static void test_engine__an_outbind_brings_a_receiver(void **state)
{
	struct engine_world *world = listening();
	struct carrier *alpha = world->carriers[0];
	(void)state;
	assert_string_equal(link_waits_for(world->engine, link_of(world), 0),
			    "an outbind of the carrier");
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(alpha, 0, "1");
	assert_true(calls(world, "192.0.2.1"));
	assert_int_equal(link_of(world)->state, LINK_BOUND);
	assert_int_equal(alpha->binds, 2);
	assert_int_equal(alpha->bound[1].command_id, SMPP_bind_receiver);
	assert_string_equal(link_of(world)->peer, "192.0.2.1:40000");
	/* Its newest connection is this one: receipts pass. */
	assert_true(carrier_receipt(alpha, "1", "DELIVRD"));
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	assert_int_equal(link_of(world)->receipts, 1);
	/* A second caller is told to go, the first stays. */
	assert_true(calls(world, "192.0.2.1"));
	assert_int_equal(carrier_connected(alpha), 2);
	assert_int_equal(link_of(world)->trunk->calls_refused, 1);
	/* When it is gone the next one is taken; meanwhile nothing connects by itself. */
	carrier_cut(alpha);
	alpha->outbind_system_id = NULL;
	engine_world_run(world, 10000);
	assert_int_equal(alpha->binds, 3); /* the other link */
	assert_int_equal(link_of(world)->state, LINK_DOWN);
	alpha->outbind_system_id = "smsc";
	assert_true(calls(world, "[2001:db8::1]"));
	assert_int_equal(link_of(world)->state, LINK_BOUND);
	engine_world_free(world);
}

static void test_engine__an_outbind_of_a_stranger_is_refused(void **state)
{
	static const struct {
		const char *from, *system_id, *password;
	} rows[] = {
		{ "192.0.2.10", "smsc", "secret" }, { "192.0.2.2", "smsc", "secret" },
		{ "92.0.2.1", "smsc", "secret" },   { "[2001:db8::11]", "smsc", "secret" },
		{ "192.0.2.1", "smsd", "secret" },  { "192.0.2.1", "smsc", "secreT" },
		{ "192.0.2.1", "smsc", "" },	    { "192.0.2.1", "", "" },
		{ "192.0.2.1", "smsc1", "secret" },
	};
	struct engine_world *world = listening();
	struct carrier *alpha = world->carriers[0];
	uint32_t binds = alpha->binds;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		alpha->outbind_system_id = rows[i].system_id;
		alpha->outbind_password = rows[i].password;
		assert_true(calls(world, rows[i].from));
		assert_int_equal(carrier_connected(alpha), 1);
		assert_int_equal(link_of(world)->state, LINK_DOWN);
		assert_int_equal(link_of(world)->trunk->calls_refused, i + 1);
	}
	assert_int_equal(alpha->binds, binds); /* our password was told to nobody */
	assert_non_null(strstr(link_of(world)->reason, "was refused"));
	alpha->outbind_system_id = "smsc";
	alpha->outbind_password = "secret";
	assert_true(calls(world, "192.0.2.1"));
	assert_int_equal(link_of(world)->state, LINK_BOUND);
	engine_world_free(world);
}

/* A connection costs a number, and that a commit: however often strangers call, there are few. */
static void test_engine__strangers_do_not_make_it_write_at_will(void **state)
{
	struct engine_world *world = listening();
	uint64_t before = world->engine->providers[1]->links[0]->session_number;
	(void)state;
	world->carriers[0]->outbind_password = "guess";
	for (int i = 0; i < 50; i++)
		assert_true(calls(world, "192.0.2.1"));
	assert_int_equal(link_of(world)->trunk->calls_refused, 50);
	world->carriers[0]->outbind_password = "secret";
	engine_world_run(world, 1000);
	assert_true(calls(world, "192.0.2.1"));
	assert_int_equal(link_of(world)->state, LINK_BOUND);
	assert_in_range(link_of(world)->session_number - before, 1, 22);
	engine_world_free(world);
}

/* Who has not said who it is neither slows the provider nor gets an alert into the feed. */
static void test_engine__nothing_of_a_caller_counts_before_its_outbind(void **state)
{
	static const uint8_t busy[] = "\0\0\0\x15\x80\0\0\x15\0\0\0\0\0\0\0\1\x04\x28\0\1\x63";
	static const uint8_t alert[] = "\0\0\0\x18\0\0\1\x02\0\0\0\0\0\0\0\1\1\0\x31\0\1\0\x32";
	const struct smpp_octets openings[] = { { busy, sizeof(busy) - 1 },
						{ alert, sizeof(alert) } };
	struct engine_world *world = listening();
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->outbind_system_id = NULL;
	for (size_t i = 0; i < 2; i++) {
		alpha->opening = openings[i];
		assert_true(calls(world, "192.0.2.1"));
		assert_int_equal(link_of(world)->state, LINK_DOWN);
		assert_int_equal(link_of(world)->trunk->calls_refused, i + 1);
	}
	assert_true(provider_pace(link_of(world)->provider, port_now_ms(world->port)) >= 1);
	assert_int_equal(world_count(world, STORE_KIND_ALERT), 0);
	engine_world_free(world);
}

/* The operator and the end of the daemon close the door as well. */
static void test_engine__nobody_listens_when_the_link_is_down(void **state)
{
	struct engine_world *world = listening();
	struct trunk *trunk = link_of(world)->trunk;
	(void)state;
	assert_true(calls(world, "192.0.2.1"));
	trunk_take_down(world->engine, trunk, false);
	engine_world_run(world, 1000);
	assert_int_equal(link_of(world)->state, LINK_DOWN);
	assert_false(calls(world, "192.0.2.1"));
	trunk_bring_up(world->engine, trunk);
	engine_world_settle(world);
	assert_true(calls(world, "192.0.2.1"));
	assert_int_equal(link_of(world)->state, LINK_BOUND);
	trunk_take_down(world->engine, trunk, true);
	engine_world_run(world, 1000);
	assert_true(calls(world, "192.0.2.1"));
	assert_int_equal(link_of(world)->state, LINK_BOUND);
	engine_drain(world->engine);
	engine_world_run(world, 100);
	assert_false(calls(world, "192.0.2.1"));
	engine_world_run(world, 1000);
	assert_true(world->stopped);
	engine_world_free(world);
}

/* An address that cannot be listened on is tried again, and the reason shown. */
static void test_engine__an_address_in_use_is_tried_again(void **state)
{
	struct engine_world *world = listening();
	struct trunk *trunk = link_of(world)->trunk;
	(void)state;
	trunk_take_down(world->engine, trunk, false);
	engine_world_run(world, 1000);
	sim_port_host(world->port, "127.0.0.1", true);
	trunk_bring_up(world->engine, trunk);
	engine_world_run(world, 1000);
	assert_false(calls(world, "192.0.2.1"));
	assert_non_null(strstr(link_of(world)->reason, "cannot listen: "));
	sim_port_host(world->port, "127.0.0.1", false);
	engine_world_run(world, 6000);
	assert_true(calls(world, "192.0.2.1"));
	assert_int_equal(link_of(world)->state, LINK_BOUND);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__an_outbind_brings_a_receiver),
		cmocka_unit_test(test_engine__an_outbind_of_a_stranger_is_refused),
		cmocka_unit_test(test_engine__strangers_do_not_make_it_write_at_will),
		cmocka_unit_test(test_engine__nothing_of_a_caller_counts_before_its_outbind),
		cmocka_unit_test(test_engine__nobody_listens_when_the_link_is_down),
		cmocka_unit_test(test_engine__an_address_in_use_is_tried_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
