/* Listening: who may connect, to what, and what is in the way. */
#include "test/port_fixture.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

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
int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
