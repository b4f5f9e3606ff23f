/* The port over real sockets, TCP and Unix; TLS is in test_port_tls.c. */
#include "test/port_fixture.h"

#define STALL_MS 500

/* ---- octets ---- */

static void test_port__carries_octets_both_ways(void **state)
{
	struct world *world = *state;
	size_t n = 1000000;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint64_t client = open_tcp(world, bound_port(world, listener), (struct port_target){ 0 });
	uint64_t server = await_accepted(world);

	await_up(world, client);
	assert_string_equal(seen(world, client)->peer, port_listen_address(world->port, listener));
	assert_memory_equal(seen(world, server)->peer, "127.0.0.1:", 10);
	assert_int_equal(seen(world, server)->listener, listener);
	assert_int_equal(seen(world, client)->listener, 0);
	assert_false(seen(world, client)->local);
	write_all(world, client, n);
	write_all(world, server, n);
	await_octets(world, server, n);
	await_octets(world, client, n);
	assert_pattern(&seen(world, server)->octets, n);
	assert_pattern(&seen(world, client)->octets, n);
	UNTIL(world, seen(world, client)->sent == n && seen(world, server)->sent == n);
}

static void test_port__sends_what_was_written_before_up(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint64_t client = open_tcp(world, bound_port(world, listener), (struct port_target){ 0 });

	assert_int_equal(port_write(world->port, client, "hello", 5), 5);
	uint64_t server = await_accepted(world);

	await_octets(world, server, 5);
	assert_memory_equal(seen(world, server)->octets.octets, "hello", 5);
}

/* The peer has it though nobody waits for the port. */
static void test_port__pushes_what_somebody_waits_for(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	int peer = raw_connect(bound_port(world, listener), 0);
	uint64_t link = await_accepted(world);
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	char octets[5];

	setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(port_write(world->port, link, "hello", 5), 5);
	port_push(world->port);
	assert_int_equal(recv(peer, octets, sizeof(octets), MSG_WAITALL), 5);
	assert_memory_equal(octets, "hello", 5);
	close(peer);
	assert_int_equal(await_down(world, link)->sent, 5);
}

static void test_port__flushes_a_close_before_up(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint64_t client = open_tcp(world, bound_port(world, listener), (struct port_target){ 0 });

	assert_int_equal(port_write(world->port, client, "hello", 5), 5);
	port_close(world->port, client);
	uint64_t server = await_accepted(world);

	await_octets(world, server, 5);
	assert_int_equal(await_down(world, server)->reason, PORT_DOWN_EOF);
	port_close(world->port, server);
	assert_int_equal(await_down(world, client)->reason, PORT_DOWN_OURS);
	assert_int_equal(seen(world, client)->sent, 5);
}

static void test_port__takes_no_more_than_the_output_bound(void **state)
{
	struct world *world = *state;
	static uint8_t zeros[20000];
	uint16_t number;
	int peer = raw_listen(5, &number);
	uint64_t client = open_tcp(world, number, (struct port_target){ .output_octets = 10000 });

	assert_int_equal(port_write_room(world->port, client), 10000);
	assert_int_equal(port_write(world->port, client, zeros, 9999), 9999);
	assert_int_equal(port_write(world->port, client, zeros, 2), 1);
	assert_int_equal(port_write(world->port, client, zeros, 1), 0);
	UNTIL(world, seen(world, client)->sent == 10000);
	assert_int_equal(port_write(world->port, client, zeros, sizeof(zeros)), 10000);
	close(peer);
}

static void test_port__counts_as_sent_only_what_left(void **state)
{
	struct world *world = *state;
	uint16_t number;
	int listener = raw_listen(5, &number);
	uint64_t client =
		open_tcp(world, number, (struct port_target){ .output_octets = 8u << 20 });

	turn(world); /* it connects: accept would wait for ever otherwise */
	int peer = accept(listener, NULL, NULL);
	uint8_t octets[65536];
	uint64_t received = 0;

	/* The peer does not read, so the kernel stops taking. */
	write_all(world, client, 8u << 20);
	await_up(world, client);
	UNTIL(world, seen(world, client)->sent > 0);
	for (int quiet = 0; quiet < 5; quiet++)
		turn(world);
	assert_true(seen(world, client)->sent < 8u << 20);
	port_abort(world->port, client);
	assert_int_equal(await_down(world, client)->reason, PORT_DOWN_OURS);
	for (ssize_t n; (n = recv(peer, octets, sizeof(octets), 0)) > 0;)
		received += (uint64_t)n;
	assert_true(received <= seen(world, client)->sent);
	close(peer);
	close(listener);
}

/* ---- reading is bounded ---- */

/* Turns without pulling, so that only bounds can stop the reading. */
static void idle_turns(struct world *world)
{
	for (int i = 0; i < 20; i++)
		port_wait(world->port, port_now_ms(world->port) + 5);
}

static void stuff(int fd, size_t n)
{
	static uint8_t zeros[65536];

	for (size_t sent = 0; sent < n;) {
		ssize_t taken = send(fd, zeros, sizeof(zeros), MSG_DONTWAIT);

		if (taken < 0)
			return;
		sent += (size_t)taken;
	}
}

static void test_port__stops_reading_a_link_that_is_not_pulled(void **state)
{
	struct world *world = *state;
	enum {
		BOUND = 16384,
		ONE_READ = 65536
	};
	uint64_t listener = listen_tcp(world, (struct port_listen){ .input_octets = BOUND });
	int peer = raw_connect(bound_port(world, listener), 0);
	uint64_t link = await_accepted(world);
	struct port_event event;
	size_t pulled = 0;

	stuff(peer, 4u << 20);
	idle_turns(world);
	/* What waits now was read before the first event was pulled; pull, but let nothing in. */
	while (pulled < BOUND && port_next(world->port, &event)) {
		pulled += event.n;
		record(world, &event);
	}
	assert_in_range(pulled, BOUND, BOUND + ONE_READ);
	assert_in_range(seen(world, link)->octets.n, BOUND, BOUND + ONE_READ);
	/* Pulling gives the credit back, and the rest comes. */
	close(peer);
	UNTIL(world, seen(world, link)->down);
	assert_true(seen(world, link)->octets.n > BOUND + ONE_READ);
}

static void test_port__stops_all_reading_when_too_much_waits(void **state)
{
	struct world *world = *state;
	enum {
		BOUND = 100000,
		ONE_READ = 65536,
		LINKS = 8
	};
	struct port *port =
		port_new(&(struct port_options){ .one_thread = true, .event_octets = BOUND });
	struct port *before = world->port;
	int peers[LINKS];
	struct port_event event;
	size_t waiting = 0;

	world->port = port;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });

	for (size_t i = 0; i < LINKS; i++) {
		peers[i] = raw_connect(bound_port(world, listener), 0);
		await_accepted(world);
		stuff(peers[i], 200000);
	}
	idle_turns(world);
	/* With one thread nothing is read while events are pulled. */
	while (port_next(port, &event)) {
		waiting += event.n;
		record(world, &event);
	}
	assert_in_range(waiting, BOUND, BOUND + ONE_READ);
	for (size_t i = 0; i < LINKS; i++)
		close(peers[i]);
	for (size_t i = 0; i < LINKS; i++)
		UNTIL(world, world->seen[i].down);
	port_free(port);
	world->port = before;
}

static void test_port__pauses_and_resumes(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	int peer = raw_connect(bound_port(world, listener), 0);
	uint64_t link = await_accepted(world);

	port_pause(world->port, link);
	for (int i = 0; i < 3; i++)
		turn(world);
	assert_int_equal(send(peer, "abc", 3, 0), 3);
	for (int i = 0; i < 5; i++)
		turn(world);
	assert_int_equal(seen(world, link)->octets.n, 0);
	port_resume(world->port, link);
	await_octets(world, link, 3);
	close(peer);
}

/* ---- ends ---- */

static void test_port__reports_eof_behind_every_octet(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	int peer = raw_connect(bound_port(world, listener), 0);
	uint64_t link = await_accepted(world);

	stuff(peer, 1);
	close(peer);
	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_EOF);
	assert_int_equal(seen(world, link)->octets.n, 65536);
	assert_string_equal(seen(world, link)->text, "closed by the peer");
}

static void test_port__takes_half_a_close_for_a_whole_one(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	int peer = raw_connect(bound_port(world, listener), 0);
	uint64_t link = await_accepted(world);

	shutdown(peer, SHUT_WR);
	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_EOF);
	close(peer);
}

static void test_port__goes_on_reading_behind_its_own_end(void **state)
{
	struct world *world = *state;
	size_t n = 1000000;
	uint64_t listener = listen_tcp(world, (struct port_listen){ .half = true });
	uint64_t client =
		open_tcp(world, bound_port(world, listener), (struct port_target){ .half = true });
	uint64_t server = await_accepted(world);

	write_all(world, client, n);
	port_finish(world->port, client);
	assert_int_equal(port_write(world->port, client, "x", 1), 0);
	await_octets(world, server, n);
	UNTIL(world, seen(world, server)->ended);
	assert_false(seen(world, server)->down);
	/* The other way is open still, and ends in its own time. */
	write_all(world, server, n);
	port_finish(world->port, server);
	await_octets(world, client, n);
	UNTIL(world, seen(world, client)->ended);
	assert_pattern(&seen(world, server)->octets, n);
	assert_pattern(&seen(world, client)->octets, n);
	assert_false(seen(world, client)->down || seen(world, server)->down);
	port_close(world->port, client);
	port_close(world->port, server);
	assert_int_equal(await_down(world, client)->reason, PORT_DOWN_OURS);
	assert_int_equal(await_down(world, server)->reason, PORT_DOWN_OURS);
}

static void test_port__reports_a_reset(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	int peer = raw_connect(bound_port(world, listener), 0);
	uint64_t link = await_accepted(world);
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(peer);
	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_RESET);
	assert_string_equal(seen(world, link)->text, "Connection reset by peer");
}

static void test_port__reads_what_the_peer_said_before_a_write_fails(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	int peer = raw_connect(bound_port(world, listener), 0);
	uint64_t link = await_accepted(world);

	/* Paused, the link learns of the peer's end only by writing. */
	port_pause(world->port, link);
	turn(world);
	assert_int_equal(send(peer, "last words", 10, 0), 10);
	close(peer);
	while (!seen(world, link)->down) {
		port_write(world->port, link, "x", 1);
		turn(world);
	}
	assert_int_equal(seen(world, link)->octets.n, 10);
}

static void test_port__close_flushes_to_a_slow_reader(void **state)
{
	struct world *world = *state;
	enum {
		N = 8 << 20
	};
	uint64_t listener = listen_tcp(world, (struct port_listen){ .output_octets = N });
	int peer = raw_connect(bound_port(world, listener), SOCK_NONBLOCK);
	uint64_t link = await_accepted(world);
	static uint8_t octets[100000];
	struct buffer received = { 0 };
	ssize_t n = 1;

	write_all(world, link, N);
	port_close(world->port, link);
	assert_int_equal(port_write(world->port, link, "more", 4), 0);
	assert_int_equal(send(peer, "ignored", 7, 0), 7);
	while (n != 0) {
		n = recv(peer, octets, sizeof(octets), 0);
		if (n > 0)
			buffer_append(&received, octets, (size_t)n);
		else
			turn(world);
	}
	assert_pattern(&received, N);
	assert_false(seen(world, link)->down); /* it waits for our end */
	close(peer);
	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_OURS);
	assert_int_equal(seen(world, link)->sent, N);
	buffer_release(&received);
}

static void test_port__close_waits_only_so_long(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	int peer = raw_connect(bound_port(world, listener), 0);
	uint64_t link = await_accepted(world);
	int64_t begin_ms = port_now_ms(world->port);

	port_close(world->port, link);
	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_OURS);
	assert_in_range(port_now_ms(world->port) - begin_ms, PORT_LINGER_MS - 50,
			PORT_LINGER_MS + 5000);
	close(peer);
}

static void test_port__close_before_up_ends_the_attempt(void **state)
{
	struct world *world = *state;
	uint64_t link = open_tcp(world, 1, (struct port_target){ 0 });

	port_close(world->port, link);
	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_OURS);
	assert_false(seen(world, link)->up);
}

/*
 * Writes until the peer's kernel and ours are full of what it does not read, and then some: the time
 * runs from the last octet that was taken.
 */
static void assert_given_up(struct world *world, uint64_t link)
{
	static const uint8_t octets[10000];

	while (!seen(world, link)->down) {
		port_write(world->port, link, octets, sizeof(octets));
		turn(world);
	}
	assert_int_equal(seen(world, link)->reason, PORT_DOWN_DEADLINE);
}

static void test_port__check_59_gives_up_a_peer_that_takes_nothing(void **state)
{
	struct world *world = *state;
	uint16_t number;
	int listener = raw_listen(1, &number);
	uint64_t link = open_tcp(world, number, (struct port_target){ .stall_ms = STALL_MS });

	await_up(world, link);
	assert_given_up(world, link);
	close(listener);
}

static void test_port__check_59_gives_up_a_caller_that_takes_nothing(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ .stall_ms = STALL_MS });
	int peer = raw_connect(bound_port(world, listener), 0);

	assert_given_up(world, await_accepted(world));
	close(peer);
}

static void test_port__dead_ids_are_harmless(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint64_t first = open_tcp(world, bound_port(world, listener), (struct port_target){ 0 });

	await_up(world, first);
	port_abort(world->port, first);
	await_down(world, first);
	uint64_t second = open_tcp(world, bound_port(world, listener), (struct port_target){ 0 });

	assert_true(second != first);
	assert_int_equal(port_write(world->port, first, "x", 1), 0);
	assert_int_equal(port_write_room(world->port, first), 0);
	port_pause(world->port, first);
	port_resume(world->port, first);
	port_close(world->port, first);
	port_abort(world->port, first);
	port_abort(world->port, 0);
	port_listen_close(world->port, first);
	assert_null(port_listen_address(world->port, first));
	await_up(world, second);
	turn(world);
	assert_false(seen(world, second)->down);
}

static void test_port__resets_so_that_the_peer_hears_of_it(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint64_t link = open_tcp(world, bound_port(world, listener), (struct port_target){ 0 });
	uint64_t peer = await_accepted(world);

	await_up(world, link);
	port_reset(world->port, peer);
	assert_int_equal(await_down(world, peer)->reason, PORT_DOWN_OURS);
	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_RESET);
}

/* ---- connecting ---- */

static void test_port__says_why_a_connection_failed(void **state)
{
	struct world *world = *state;
	uint16_t number;
	char expected[64];

	close(raw_listen(5, &number));
	uint64_t link = open_tcp(world, number, (struct port_target){ 0 });

	snprintf(expected, sizeof(expected), "127.0.0.1:%u: Connection refused", number);
	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_CONNECT);
	assert_string_equal(seen(world, link)->text, expected);
	assert_false(seen(world, link)->up);
}

static void test_port__tries_addresses_in_order(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint16_t number;

	close(raw_listen(5, &number));
	struct port_address addresses[] = {
		{ .host = "127.0.0.1", .port = number },
		{ .host = "127.0.0.2", .port = number },
		{ .host = "localhost", .port = bound_port(world, listener) },
	};
	uint64_t link = port_open(
		world->port, &(struct port_target){ .addresses = addresses, .address_count = 3 });

	await_up(world, link);
	assert_string_equal(seen(world, link)->peer, port_listen_address(world->port, listener));
}

static void test_port__reports_a_name_without_address(void **state)
{
	struct world *world = *state;
	struct port_address address = { .host = "nowhere.invalid", .port = 2775 };
	uint64_t link = port_open(
		world->port, &(struct port_target){ .addresses = &address, .address_count = 1 });

	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_RESOLVE);
	assert_memory_equal(seen(world, link)->text, "nowhere.invalid: ", 17);
}

static void test_port__gives_up_a_look_up_that_is_aborted(void **state)
{
	struct world *world = *state;
	struct port_address address = { .host = "nowhere.invalid", .port = 2775 };
	uint64_t link = port_open(
		world->port, &(struct port_target){ .addresses = &address, .address_count = 1 });

	port_wait(world->port, 0);
	port_abort(world->port, link);
	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_OURS);
}

static void test_port__connect_has_a_deadline(void **state)
{
	struct world *world = *state;
	uint16_t number;
	int listener = raw_listen(0, &number);
	/* Connections beyond the backlog are left without an answer. */
	int fillers[] = { raw_connect(number, SOCK_NONBLOCK), raw_connect(number, SOCK_NONBLOCK),
			  raw_connect(number, SOCK_NONBLOCK) };
	int64_t begin_ms = port_now_ms(world->port);
	uint64_t link = open_tcp(world, number, (struct port_target){ .connect_ms = 300 });

	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_DEADLINE);
	assert_in_range(port_now_ms(world->port) - begin_ms, 295, 5000);
	for (size_t i = 0; i < 3; i++)
		close(fillers[i]);
	close(listener);
}

static void test_port__refuses_a_target_without_addresses(void **state)
{
	struct world *world = *state;

	assert_int_equal(port_open(world->port, &(struct port_target){ 0 }), 0);
}

/* ---- the rest of the world ---- */

static void test_port__reports_signals(void **state)
{
	struct world *world = *state;
	int signals[] = { SIGHUP, SIGUSR1, SIGTERM, SIGINT };

	for (size_t i = 0; i < 4; i++) {
		kill(getpid(), signals[i]);
		UNTIL(world, world->signo == signals[i]);
	}
}

static void test_port__waits_until_and_not_longer(void **state)
{
	struct world *world = *state;
	struct port_event event;
	int64_t begin_ms = port_now_ms(world->port);

	assert_false(port_next(world->port, &event));
	while (port_now_ms(world->port) < begin_ms + 100)
		port_wait(world->port, begin_ms + 100);
	assert_in_range(port_now_ms(world->port) - begin_ms, 100, 2000);
	begin_ms = port_now_ms(world->port);
	port_wait(world->port, begin_ms - 1000);
	port_wait(world->port, INT64_MIN);
	assert_in_range(port_now_ms(world->port) - begin_ms, 0, 50);
}

static void test_port__has_clocks_and_chance(void **state)
{
	struct world *world = *state;
	uint8_t chance[2][32];

	assert_true(port_wall_ms(world->port) > INT64_C(1700000000000));
	port_random(world->port, chance[0], 32);
	port_random(world->port, chance[1], 32);
	assert_memory_not_equal(chance[0], chance[1], 32);
}

static void test_port__is_freed_with_everything_open(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint64_t client = open_tcp(world, bound_port(world, listener), (struct port_target){ 0 });

	await_up(world, client);
	port_write(world->port, client, "never pulled", 12);
	port_wait(world->port, 0);
	/* One that nobody has started, one that is being looked up. */
	open_tcp(world, bound_port(world, listener), (struct port_target){ 0 });
	port_open(world->port,
		  &(struct port_target){
			  .addresses = &(struct port_address){ .host = "localhost", .port = 1 },
			  .address_count = 1 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_port__carries_octets_both_ways),
		BOTH(test_port__sends_what_was_written_before_up),
		BOTH(test_port__pushes_what_somebody_waits_for),
		BOTH(test_port__flushes_a_close_before_up),
		BOTH(test_port__takes_no_more_than_the_output_bound),
		BOTH(test_port__counts_as_sent_only_what_left),
		BOTH(test_port__stops_reading_a_link_that_is_not_pulled),
		BOTH(test_port__stops_all_reading_when_too_much_waits),
		BOTH(test_port__pauses_and_resumes),
		BOTH(test_port__reports_eof_behind_every_octet),
		BOTH(test_port__takes_half_a_close_for_a_whole_one),
		BOTH(test_port__goes_on_reading_behind_its_own_end),
		BOTH(test_port__reports_a_reset),
		BOTH(test_port__reads_what_the_peer_said_before_a_write_fails),
		BOTH(test_port__close_flushes_to_a_slow_reader),
		/* It takes its five seconds, so once is enough. */
		cmocka_unit_test_setup_teardown(test_port__close_waits_only_so_long,
						begin_one_thread, end_world),
		BOTH(test_port__close_before_up_ends_the_attempt),
		BOTH(test_port__check_59_gives_up_a_peer_that_takes_nothing),
		BOTH(test_port__check_59_gives_up_a_caller_that_takes_nothing),
		BOTH(test_port__dead_ids_are_harmless),
		BOTH(test_port__resets_so_that_the_peer_hears_of_it),
		BOTH(test_port__says_why_a_connection_failed),
		BOTH(test_port__tries_addresses_in_order),
		BOTH(test_port__reports_a_name_without_address),
		BOTH(test_port__gives_up_a_look_up_that_is_aborted),
		BOTH(test_port__connect_has_a_deadline),
		BOTH(test_port__refuses_a_target_without_addresses),
		BOTH(test_port__reports_signals),
		BOTH(test_port__waits_until_and_not_longer),
		BOTH(test_port__has_clocks_and_chance),
		BOTH(test_port__is_freed_with_everything_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
