/* Sessions: which number a connection has, who bears it, and that nobody bears it again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/provider.h"
#include "core/tap.h"
#include "smpp/octets.h"
#include "test/engine_world.h"

#define OUTBIND                                                                          \
	", in: {host: 127.0.0.1, port: 7, tls: off, bind: outbind, peers: [192.0.2.1], " \
	"outbind_system_id: smsc, outbind_password_file: password}"

static const struct link *first_link(const struct engine_world *world)
{
	return world->engine->providers[0]->links[0];
}

static struct tap_reader *watches(const struct engine_world *world, const char *link)
{
	return tap_reader_new(world->engine->tap, &(struct tap_want){ .link = link });
}

/* What has passed: "outbind bind_receiver …". All of it was of one session, which is returned. */
static uint64_t passed(struct tap_reader *reader, char *names, size_t room)
{
	struct tap_record record;
	uint64_t session = 0;
	size_t n = 0;
	names[0] = '\0';
	while (tap_reader_next(reader, &record)) {
		struct smpp_pdu pdu;
		struct smpp_problem problem;
		if (record.note)
			continue;
		assert_non_null(record.octets);
		assert_int_equal(smpp_pdu_decode(record.octets, record.n, &pdu, &problem), SMPP_OK);
		n += (size_t)snprintf(names + n, room - n, "%s%s", n ? " " : "",
				      smpp_command(pdu.command_id)->name);
		assert_true(n < room);
		assert_true(!session || session == record.session);
		session = record.session;
	}
	return session;
}

static void test_engine__every_pdu_of_a_connection_bears_its_session(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	char names[400];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(alpha, 0, "id");
	engine_world_settle(world);
	uint64_t before = first_link(world)->session_number;
	struct tap_reader *reader = watches(world, "alpha");
	alpha->behind_bind = "id";
	carrier_cut(alpha);
	engine_world_run(world, 1000);
	uint64_t session = passed(reader, names, sizeof(names));
	assert_string_equal(names,
			    "bind_transceiver bind_transceiver_resp deliver_sm deliver_sm_resp");
	assert_true(session > before);
	assert_int_equal(session, first_link(world)->session_number);
	/* The evidence of the receipt names it too. */
	struct evidence row;
	assert_true(world_row(world, order, 0, LIFE_ON_RECEIPT_DELIVERED, &row));
	assert_int_equal(row.receipt_session, session);
	tap_reader_free(reader);
	engine_world_free(world);
}

static void test_engine__an_outbind_bears_the_session_that_it_begins(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .links = OUTBIND });
	struct carrier *alpha = world->carriers[0];
	const struct link *link = trunk_find(world->engine, "alpha/in")->ends[0];
	char names[400];
	(void)state;
	alpha->outbind_system_id = "smsc";
	alpha->outbind_password = "secret";
	struct tap_reader *reader = watches(world, "alpha/in");
	assert_true(sim_port_call(world->port, 7, "192.0.2.1", alpha));
	engine_world_settle(world);
	assert_int_equal(link->state, LINK_BOUND);
	assert_int_equal(passed(reader, names, sizeof(names)), link->session_number);
	assert_string_equal(names, "outbind bind_receiver bind_receiver_resp");
	assert_true(link->session_number > 0);
	tap_reader_free(reader);
	engine_world_free(world);
}

/* A carrier that hangs up and calls again before the daemon has looked. */
static void test_engine__a_receipt_keeps_its_session_though_the_next_is_up(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .links = OUTBIND });
	struct carrier *alpha = world->carriers[0];
	const struct link *link = trunk_find(world->engine, "alpha/in")->ends[0];
	struct evidence row;
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(alpha, 0, "id");
	alpha->outbind_system_id = "smsc";
	alpha->outbind_password = "secret";
	assert_true(sim_port_call(world->port, 7, "192.0.2.1", alpha));
	engine_world_settle(world);
	uint64_t session = link->session_number;
	assert_int_equal(link->state, LINK_BOUND);
	assert_true(carrier_receipt(alpha, "id", "DELIVRD"));
	carrier_leave(alpha);
	while (world_step(world->world, world_now_ms(world->world)))
		; /* to the daemon's door */
	assert_true(sim_port_call(world->port, 7, "192.0.2.1", alpha));
	engine_world_settle(world);
	assert_int_equal(link->state, LINK_BOUND);
	assert_true(link->session_number > session);
	assert_true(world_row(world, order, 0, LIFE_ON_RECEIPT_DELIVERED, &row));
	assert_int_equal(row.receipt_session, session);
	engine_world_free(world);
}

/* It was on the tap, and perhaps in somebody's file: no other session is called so. */
static void test_engine__a_number_of_a_bind_without_answer_is_not_given_again(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	char names[400];
	uint64_t last = first_link(world)->session_number;
	(void)state;
	alpha->mute = true;
	carrier_cut(alpha);
	for (int i = 0; i < 3; i++) {
		struct tap_reader *reader = watches(world, "alpha");
		engine_world_run(world, 1000);
		uint64_t session = passed(reader, names, sizeof(names));
		assert_string_equal(names, "bind_transceiver");
		assert_true(session > last);
		last = session;
		tap_reader_free(reader);
		engine_world_crash(world);
	}
	/* None of them was bound, so none has a record. */
	assert_int_equal(world_count(world, STORE_KIND_SESSION), 1 + world->carriers[1]->binds);
	engine_world_free(world);
}

/* A number that is not on disk might be another session's after a crash: nothing is said under it. */
static void test_engine__a_full_store_has_no_number_and_says_so(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	const struct link *link = first_link(world);
	char names[400];
	(void)state;
	uint64_t before = link->session_number;
	struct tap_reader *reader = watches(world, "alpha");
	world->fault = STORE_FAULT_FULL;
	carrier_cut(alpha);
	engine_world_run(world, 5000);
	passed(reader, names, sizeof(names));
	assert_string_equal(names, "");
	assert_int_equal(alpha->binds, 1);
	assert_true(link->downs > 1);
	for (int i = 0; i < 300 && link->state != LINK_DOWN; i++)
		engine_world_run(world, 10);
	assert_string_equal(link->reason, "no number for its session: store is full");
	world->fault = STORE_FAULT_NONE;
	engine_world_run(world, 5000);
	assert_int_equal(passed(reader, names, sizeof(names)), link->session_number);
	assert_string_equal(names, "bind_transceiver bind_transceiver_resp");
	assert_true(link->ready && link->session_number > before);
	tap_reader_free(reader);
	engine_world_free(world);
}

/* Its record would come behind its end, and nobody would close it. */
static void test_engine__a_bind_that_finds_no_room_is_given_up(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	const struct link *link = first_link(world);
	struct store_session rec = { 0 };
	struct store_txn *txn;
	uint32_t open = 0;
	(void)state;
	carrier_cut(world->carriers[0]);
	sim_port_limit(world->port, INT64_MAX);
	while (link->state != LINK_BINDING || !link->session_number)
		engine_step(world->engine);
	world->fault = STORE_FAULT_FULL;
	engine_world_settle(world);
	assert_int_equal(link->state, LINK_DOWN);
	assert_string_equal(link->reason, "no record of its session: store is full");
	world->fault = STORE_FAULT_NONE;
	engine_world_run(world, 5000);
	assert_true(link->ready);
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	while (store_session_next(txn, &rec, 0) == STORE_OK)
		open += !rec.closed_ms;
	store_read_end(txn);
	assert_int_equal(open, 2);
	engine_world_free(world);
}

/* While a connection is made there is no session, also none of before. */
static void test_engine__a_connection_that_is_not_up_has_no_session(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	const struct link *link = first_link(world);
	(void)state;
	assert_true(link->session_number > 0);
	sim_port_host(world->port, "127.0.0.1", true);
	carrier_cut(world->carriers[0]);
	engine_world_run(world, 5000);
	assert_int_equal(link->session_number, 0);
	sim_port_host(world->port, "127.0.0.1", false);
	engine_world_run(world, 5000);
	assert_true(link->ready && link->session_number > 0);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__every_pdu_of_a_connection_bears_its_session),
		cmocka_unit_test(test_engine__an_outbind_bears_the_session_that_it_begins),
		cmocka_unit_test(test_engine__a_receipt_keeps_its_session_though_the_next_is_up),
		cmocka_unit_test(test_engine__a_number_of_a_bind_without_answer_is_not_given_again),
		cmocka_unit_test(test_engine__a_full_store_has_no_number_and_says_so),
		cmocka_unit_test(test_engine__a_bind_that_finds_no_room_is_given_up),
		cmocka_unit_test(test_engine__a_connection_that_is_not_up_has_no_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
