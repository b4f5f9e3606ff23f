/* The port over real sockets, TCP and Unix; TLS is in test_port_tls.c. */
#include "test/port_fixture.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* ---- raw sockets: peers that are not polite ---- */

static int raw_listen(int backlog, uint16_t *number)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	*number = ntohs(address.sin_port);
	return fd;
}

static void raw_join(int fd, uint16_t number)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(number),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static int raw_connect(uint16_t number, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	raw_join(fd, number);
	return fd;
}

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

/* ---- listening ---- */

static void test_port__says_why_it_cannot_listen(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	char error[PORT_TEXT_OCTETS];
	char expected[64];

	assert_int_equal(port_listen(world->port,
				     &(struct port_listen){ .host = "127.0.0.1",
							    .port = bound_port(world, listener) },
				     error, sizeof(error)),
			 0);
	snprintf(expected, sizeof(expected), "%s: Address already in use",
		 port_listen_address(world->port, listener));
	assert_string_equal(error, expected);
	assert_int_equal(port_listen(world->port,
				     &(struct port_listen){ .host = "nowhere.invalid" }, error,
				     sizeof(error)),
			 0);
	assert_memory_equal(error, "nowhere.invalid: ", 17);
}

static void test_port__accepts_no_more_after_closing_a_listener(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint16_t number = bound_port(world, listener);
	uint64_t client = open_tcp(world, number, (struct port_target){ 0 });
	uint64_t server = await_accepted(world);

	port_listen_close(world->port, listener);
	assert_null(port_listen_address(world->port, listener));
	turn(world);
	assert_int_equal(
		await_down(world, open_tcp(world, number, (struct port_target){ 0 }))->reason,
		PORT_DOWN_CONNECT);
	/* The link that it gave lives on, and the listener's memory goes with it. */
	port_write(world->port, client, "x", 1);
	await_octets(world, server, 1);
	port_abort(world->port, server);
	await_down(world, client);
}

/* As after a reload with other certificates: with a link from it, and at once. */
static void test_port__listens_again_where_a_listener_was_closed(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	uint16_t number = bound_port(world, listener);

	for (int i = 0; i < 20; i++) {
		open_tcp(world, number, (struct port_target){ 0 });
		await_accepted(world);
		port_listen_close(world->port, listener);
		listener = listen_tcp(world, (struct port_listen){ .port = number });
	}
}

static void test_port__keeps_to_its_connections(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ .connections_max = 2 });
	int peers[3];

	for (size_t i = 0; i < 3; i++)
		peers[i] = raw_connect(bound_port(world, listener), 0);
	uint64_t first = await_accepted(world);

	await_accepted(world);
	for (int i = 0; i < 5; i++)
		turn(world);
	assert_int_equal(world->seen_count, 2);
	port_abort(world->port, first);
	await_accepted(world);
	for (size_t i = 0; i < 3; i++)
		close(peers[i]);
}

static int64_t cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* A client waits to be accepted, which would wake the loop again and again; links go on. */
static void test_port__survives_running_out_of_descriptors(void **state)
{
	struct world *world = *state;
	uint64_t listener = listen_tcp(world, (struct port_listen){ 0 });
	int before = raw_connect(bound_port(world, listener), 0);
	uint64_t link = await_accepted(world);
	int peer = socket(AF_INET, SOCK_STREAM, 0);
	struct rlimit limit;
	struct rlimit low;

	getrlimit(RLIMIT_NOFILE, &limit);
	int lowest = dup(peer);

	close(lowest);
	low = limit;
	low.rlim_cur = (rlim_t)lowest;
	setrlimit(RLIMIT_NOFILE, &low);
	raw_join(peer, bound_port(world, listener));
	int64_t begin_ms = port_now_ms(world->port);
	int64_t begin_cpu_ms = cpu_ms();

	while (port_now_ms(world->port) < begin_ms + 400)
		turn(world);
	assert_true(cpu_ms() - begin_cpu_ms < 200);
	assert_int_equal(send(before, "still here", 10, 0), 10);
	await_octets(world, link, 10);
	assert_int_equal(world->seen_count, 1);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_true(seen(world, await_accepted(world))->up);
	close(peer);
	close(before);
}

/* ---- Unix sockets ---- */

static struct port_listen unix_listen(struct world *world, char path[96])
{
	snprintf(path, 96, "%s/s", world->folder);
	return (struct port_listen){ .unix_path = path, .mode = 0660, .group = (gid_t)-1 };
}

static void test_port__unix_tells_who_connects(void **state)
{
	struct world *world = *state;
	char path[96];
	struct port_listen listen = unix_listen(world, path);
	struct stat file;

	uint64_t listener = listen_tcp(world, listen);

	assert_string_equal(port_listen_address(world->port, listener), path);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 07777, 0660);
	uint64_t client = port_open(world->port, &(struct port_target){ .unix_path = path });
	uint64_t server = await_accepted(world);

	assert_true(seen(world, server)->local);
	assert_int_equal(seen(world, server)->uid, getuid());
	assert_string_equal(seen(world, server)->peer, "unix");
	write_all(world, client, 300000);
	await_octets(world, server, 300000);
	assert_pattern(&seen(world, server)->octets, 300000);
	port_listen_close(world->port, listener);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void test_port__unix_replaces_only_a_stale_socket(void **state)
{
	struct world *world = *state;
	char path[96];
	char error[PORT_TEXT_OCTETS];
	char expected[160];
	struct port_listen listen = unix_listen(world, path);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int stale = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof(address)), 0);
	close(stale);
	uint64_t listener = port_listen(world->port, &listen, error, sizeof(error));

	assert_int_not_equal(listener, 0);
	assert_int_equal(port_listen(world->port, &listen, error, sizeof(error)), 0);
	snprintf(expected, sizeof(expected), "%s: in use by another process", path);
	assert_string_equal(error, expected);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_port__unix_refuses_what_is_no_socket(void **state)
{
	struct world *world = *state;
	char path[96];
	char error[PORT_TEXT_OCTETS];
	char expected[160];
	struct port_listen listen = unix_listen(world, path);
	FILE *file = fopen(path, "w");

	fputs("precious", file);
	fclose(file);
	assert_int_equal(port_listen(world->port, &listen, error, sizeof(error)), 0);
	snprintf(expected, sizeof(expected), "%s: exists and is not a socket", path);
	assert_string_equal(error, expected);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_port__unix_refuses_a_path_it_cannot_use(void **state)
{
	struct world *world = *state;
	char error[PORT_TEXT_OCTETS];
	char path[200];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[108] = '\0'; /* one past what a socket address holds */
	assert_int_equal(port_listen(world->port,
				     &(struct port_listen){ .unix_path = path, .mode = 0600 },
				     error, sizeof(error)),
			 0);
	assert_non_null(strstr(error, "a socket path has 1 to 107 octets"));
	assert_int_equal(port_listen(world->port,
				     &(struct port_listen){ .unix_path = "/nowhere/at/all" }, error,
				     sizeof(error)),
			 0);
	assert_string_equal(error, "the folder of /nowhere/at/all: No such file or directory");
	uint64_t link =
		port_open(world->port, &(struct port_target){ .unix_path = "/nowhere/at/all" });

	assert_int_equal(await_down(world, link)->reason, PORT_DOWN_CONNECT);
	assert_string_equal(seen(world, link)->text, "/nowhere/at/all: No such file or directory");
}

static void test_port__unix_leaves_a_file_that_is_not_its_own(void **state)
{
	struct world *world = *state;
	char path[96];
	struct port_listen listen = unix_listen(world, path);
	uint64_t listener = listen_tcp(world, listen);

	unlink(path);
	fclose(fopen(path, "w"));
	port_listen_close(world->port, listener);
	assert_int_equal(access(path, F_OK), 0);
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
		BOTH(test_port__flushes_a_close_before_up),
		BOTH(test_port__takes_no_more_than_the_output_bound),
		BOTH(test_port__counts_as_sent_only_what_left),
		BOTH(test_port__stops_reading_a_link_that_is_not_pulled),
		BOTH(test_port__stops_all_reading_when_too_much_waits),
		BOTH(test_port__pauses_and_resumes),
		BOTH(test_port__reports_eof_behind_every_octet),
		BOTH(test_port__takes_half_a_close_for_a_whole_one),
		BOTH(test_port__reports_a_reset),
		BOTH(test_port__reads_what_the_peer_said_before_a_write_fails),
		BOTH(test_port__close_flushes_to_a_slow_reader),
		/* It takes its five seconds, so once is enough. */
		cmocka_unit_test_setup_teardown(test_port__close_waits_only_so_long,
						begin_one_thread, end_world),
		BOTH(test_port__close_before_up_ends_the_attempt),
		BOTH(test_port__dead_ids_are_harmless),
		BOTH(test_port__resets_so_that_the_peer_hears_of_it),
		BOTH(test_port__says_why_a_connection_failed),
		BOTH(test_port__tries_addresses_in_order),
		BOTH(test_port__reports_a_name_without_address),
		BOTH(test_port__gives_up_a_look_up_that_is_aborted),
		BOTH(test_port__connect_has_a_deadline),
		BOTH(test_port__refuses_a_target_without_addresses),
		BOTH(test_port__says_why_it_cannot_listen),
		BOTH(test_port__accepts_no_more_after_closing_a_listener),
		BOTH(test_port__listens_again_where_a_listener_was_closed),
		BOTH(test_port__keeps_to_its_connections),
		BOTH(test_port__survives_running_out_of_descriptors),
		BOTH(test_port__unix_tells_who_connects),
		BOTH(test_port__unix_replaces_only_a_stale_socket),
		BOTH(test_port__unix_refuses_what_is_no_socket),
		BOTH(test_port__unix_refuses_a_path_it_cannot_use),
		BOTH(test_port__unix_leaves_a_file_that_is_not_its_own),
		BOTH(test_port__reports_signals),
		BOTH(test_port__waits_until_and_not_longer),
		BOTH(test_port__has_clocks_and_chance),
		BOTH(test_port__is_freed_with_everything_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
