/*
 * A port that talks to itself or to raw sockets, and a record of what each link said. Every pulled
 * event is checked against the promises of core/port.h. Used by the tests of the port.
 */
#ifndef TEST_PORT_FIXTURE_H
#define TEST_PORT_FIXTURE_H

#include "core/buffer.h"
#include "core/port.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 20000

/* What one link has said so far. */
struct seen {
	uint64_t link;
	uint64_t listener;
	bool up;
	bool down;
	bool ended; /* its half of a link that has halves */
	bool local;
	uid_t uid;
	char peer[64];
	char tls[256];
	char text[256];
	enum port_down reason;
	struct buffer octets;
	uint64_t sent;
};

struct world {
	struct port *port;
	struct seen seen[64];
	size_t seen_count;
	size_t accepted; /* how many accepted links were asked for */
	int signo;
	char folder[64];
};

static struct seen *seen(struct world *world, uint64_t link)
{
	for (size_t i = 0; i < world->seen_count; i++) {
		if (world->seen[i].link == link)
			return &world->seen[i];
	}
	assert_true(world->seen_count < 64);
	world->seen[world->seen_count].link = link;
	return &world->seen[world->seen_count++];
}

static void record(struct world *world, const struct port_event *event)
{
	if (event->kind == PORT_SIGNAL) {
		world->signo = event->signo;
		return;
	}
	struct seen *link = seen(world, event->link);

	assert_int_not_equal(event->link, 0);
	assert_false(link->down); /* DOWN is the last */
	assert_in_range(event->at_ms, 0, port_now_ms(world->port));
	switch (event->kind) {
	case PORT_UP:
		assert_false(link->up);
		link->up = true;
		link->listener = event->listener;
		link->local = event->local;
		link->uid = event->uid;
		snprintf(link->peer, sizeof(link->peer), "%s", event->peer);
		snprintf(link->tls, sizeof(link->tls), "%s", event->text ? event->text : "");
		break;
	case PORT_OCTETS:
		assert_true(link->up);
		assert_false(link->ended);
		link->ended = event->n == 0;
		buffer_append(&link->octets, event->octets, event->n);
		break;
	case PORT_SENT:
		assert_true(link->up);
		assert_true(event->sent_octets > link->sent);
		link->sent = event->sent_octets;
		break;
	case PORT_DOWN:
		assert_int_equal(event->sent_octets, link->sent);
		link->down = true;
		link->reason = event->reason;
		snprintf(link->text, sizeof(link->text), "%s", event->text);
		break;
	case PORT_SIGNAL:
		break;
	}
}

/* One turn. */
static void turn(struct world *world)
{
	struct port_event event;

	port_wait(world->port, port_now_ms(world->port) + 20);
	while (port_next(world->port, &event))
		record(world, &event);
}

/* Turns until the condition holds. */
#define UNTIL(world, condition)                                                \
	do {                                                                   \
		int64_t give_up_ms = port_now_ms((world)->port) + PATIENCE_MS; \
		while (!(condition)) {                                         \
			if (port_now_ms((world)->port) > give_up_ms)           \
				fail_msg("never became true: %s", #condition); \
			turn(world);                                           \
		}                                                              \
	} while (0)

static inline void await_up(struct world *world, uint64_t link)
{
	UNTIL(world, seen(world, link)->up || seen(world, link)->down);
	if (seen(world, link)->down)
		fail_msg("down instead of up: %s", seen(world, link)->text);
}

static struct seen *await_down(struct world *world, uint64_t link)
{
	UNTIL(world, seen(world, link)->down);
	return seen(world, link);
}

static void await_octets(struct world *world, uint64_t link, size_t n)
{
	UNTIL(world, seen(world, link)->octets.n >= n || seen(world, link)->down);
	assert_int_equal(seen(world, link)->octets.n, n);
}

/* The next link that the listener accepted, in the order of their coming up. */
static uint64_t await_accepted(struct world *world)
{
	for (;;) {
		size_t n = 0;

		for (size_t i = 0; i < world->seen_count; i++) {
			if (world->seen[i].listener != 0 && n++ == world->accepted) {
				world->accepted++;
				return world->seen[i].link;
			}
		}
		size_t before = world->seen_count;

		UNTIL(world, world->seen_count > before);
	}
}

/* The octet at that place in every stream of these tests. */
static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

/* Takes turns until n octets of the pattern were taken. */
static void write_all(struct world *world, uint64_t link, size_t n)
{
	static uint8_t chunk[10000];
	size_t at = 0;

	while (at < n) {
		size_t part = n - at < sizeof(chunk) ? n - at : sizeof(chunk);

		for (size_t i = 0; i < part; i++)
			chunk[i] = pattern(at + i);
		size_t room = port_write_room(world->port, link);
		size_t taken = port_write(world->port, link, chunk, part);

		assert_int_equal(taken, part < room ? part : room);
		at += taken;
		if (taken == 0) {
			assert_false(seen(world, link)->down);
			turn(world);
		}
	}
}

static void assert_pattern(const struct buffer *octets, size_t n)
{
	assert_int_equal(octets->n, n);
	for (size_t i = 0; i < n; i++) {
		if (octets->octets[i] != pattern(i))
			fail_msg("octet %zu is wrong", i);
	}
}

static uint64_t listen_tcp(struct world *world, struct port_listen listen)
{
	char error[PORT_TEXT_OCTETS] = "";

	if (listen.host == NULL)
		listen.host = "127.0.0.1";
	uint64_t listener = port_listen(world->port, &listen, error, sizeof(error));

	if (listener == 0)
		fail_msg("%s", error);
	return listener;
}

static uint16_t bound_port(struct world *world, uint64_t listener)
{
	return (uint16_t)atoi(strrchr(port_listen_address(world->port, listener), ':') + 1);
}

static uint64_t open_tcp(struct world *world, uint16_t number, struct port_target target)
{
	struct port_address address = { .host = "127.0.0.1", .port = number };

	target.addresses = &address;
	target.address_count = 1;
	uint64_t link = port_open(world->port, &target);

	assert_int_not_equal(link, 0);
	return link;
}

/* ---- raw sockets: peers that are not polite ---- */

static inline int raw_listen(int backlog, uint16_t *number)
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

static inline void raw_join(int fd, uint16_t number)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(number),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static inline int raw_connect(uint16_t number, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	raw_join(fd, number);
	return fd;
}
/* ---- the fixture ---- */

static int begin_world(void **state, bool one_thread)
{
	struct world *world = calloc(1, sizeof(*world));

	world->port = port_new(&(struct port_options){ .one_thread = one_thread, .signals = true });
	snprintf(world->folder, sizeof(world->folder), "/tmp/esmed-port-XXXXXX");
	if (world->port == NULL || mkdtemp(world->folder) == NULL)
		return -1;
	*state = world;
	return 0;
}

static int begin_one_thread(void **state)
{
	return begin_world(state, true);
}

static int begin_two_threads(void **state)
{
	return begin_world(state, false);
}

static int end_world(void **state)
{
	struct world *world = *state;
	char command[96];

	port_free(world->port);
	for (size_t i = 0; i < world->seen_count; i++)
		buffer_release(&world->seen[i].octets);
	snprintf(command, sizeof(command), "rm -rf '%s'", world->folder);
	int failed = system(command);
	free(world);
	return failed;
}

/* The same test with and without an I/O thread. */
#define BOTH(test)                                                              \
	{ #test "__one_thread", test, begin_one_thread, end_world, NULL },      \
	{                                                                       \
#test "__two_threads", test, begin_two_threads, end_world, NULL \
	}

#endif
