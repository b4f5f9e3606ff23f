/*
 * Room for long bodies: who gets how much of limits.in_flight, and when. Used by core/server.c,
 * which has checked the key before it asks. Bodies up to SERVER_SMALL_OCTETS need no room.
 *
 * Rules
 *   - Room is taken for the whole of a body before any of it is read, so that what has begun can
 *     always end: two half-read bodies never wait for each other.
 *   - Whoever holds some gets more only while that leaves free as much as he will hold. So however
 *     many long bodies one account sends, and however slowly, there is room for another's.
 *   - What does not fit waits unread, for limits.body_time; the oldest connection comes first.
 */
#include "core/server_inside.h"

#include <stdlib.h>

#include "core/traffic.h"

/* An account on the submit socket; on the others all operators are one. */
struct room_holder {
	uint64_t id;
	size_t octets;
	size_t conns; /* that hold some or wait for it */
	UT_hash_handle hh;
};

static struct room_holder *find(const struct server *server, uint64_t id)
{
	struct room_holder *holder;
	HASH_FIND(hh, server->holders, &id, sizeof(id), holder);
	return holder;
}

static struct room_holder *find_or_add(struct server *server, uint64_t id)
{
	struct room_holder *holder = find(server, id);
	if (holder)
		return holder;
	holder = calloc(1, sizeof(*holder));
	if (!holder)
		return NULL;
	holder->id = id;
	HASH_ADD(hh, server->holders, id, sizeof(holder->id), holder);
	if (find(server, id) == holder)
		return holder;
	free(holder);
	return NULL;
}

static bool fits(const struct engine *engine, const struct conn *conn)
{
	size_t most = engine->config->limits.in_flight_octets, taken = engine->server->room_taken;
	size_t free_octets = most > taken ? most - taken : 0;
	if (conn->room_wanted > free_octets)
		return false;
	return !conn->holder->octets ||
	       conn->holder->octets + conn->room_wanted <= free_octets - conn->room_wanted;
}

static void give(struct engine *engine, struct conn *conn)
{
	int64_t now_ms = port_now_ms(engine->port);
	conn->room_wait_ms = INT64_MAX;
	conn->room = conn->room_wanted;
	conn->room_wanted = 0;
	conn->holder->octets += conn->room;
	engine->server->room_taken += conn->room;
	http_conn_go(conn->http, now_ms);
	port_resume(engine->port, conn->link);
	server_advance(engine, conn, now_ms);
}

bool server_room_ask(struct engine *engine, struct conn *conn, uint32_t account)
{
	struct server *server = engine->server;
	conn->holder = find_or_add(server, (uint64_t)conn->socket << 32 | account);
	if (!conn->holder)
		return false;
	conn->holder->conns++;
	conn->room_wanted = http_conn_request(conn->http)->body_octets;
	if (fits(engine, conn)) {
		give(engine, conn);
		return true;
	}
	conn->room_wait_ms = port_now_ms(engine->port) + server->limits.body_ms;
	traffic_limit_met(engine->traffic, TRAFFIC_LIMIT_in_flight_octets);
	return true;
}

void server_room_leave(struct engine *engine, struct conn *conn)
{
	struct server *server = engine->server;
	struct room_holder *holder = conn->holder;
	if (!holder)
		return;
	server->room_taken -= conn->room;
	holder->octets -= conn->room;
	conn->holder = NULL;
	conn->room = conn->room_wanted = 0;
	conn->room_wait_ms = INT64_MAX;
	if (!--holder->conns) {
		HASH_DEL(server->holders, holder);
		free(holder);
	}
	for (struct conn *other = server->conns; other; other = other->hh.next)
		if (other->room_wanted && fits(engine, other))
			give(engine, other);
}
