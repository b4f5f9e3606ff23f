/* Output of connections: answers and streams, as fast as the port takes them. See server.h. */
#include "core/server_inside.h"

#include <stdlib.h>

#include "core/traffic.h"

#define SERVER_PUMP_MS 5     /* of all streams, between two turns */
#define KEPT_OCTETS    65536 /* memory for output that an idle connection may keep */

bool server_has_output(const struct conn *conn)
{
	return conn->out.n > conn->out_at || conn->written > conn->sent;
}

void server_stream_end(struct engine *engine, struct conn *conn)
{
	if (!conn->stream)
		return;
	if (conn->stream->free)
		conn->stream->free(engine, conn->stream);
	free(conn->stream);
	conn->stream = NULL;
}

/* Gives the port what it takes. */
void server_push(struct engine *engine, struct conn *conn, int64_t now_ms)
{
	size_t left = conn->out.n - conn->out_at;
	size_t taken =
		left ? port_write(engine->port, conn->link, conn->out.octets + conn->out_at, left) :
		       0;
	if (taken < left && !conn->out_at)
		traffic_limit_met(engine->traffic, TRAFFIC_LIMIT_output_octets);
	conn->out_at += taken;
	conn->written += taken;
	if (server_has_output(conn) && conn->stall_ms == INT64_MAX)
		conn->stall_ms = now_ms + engine->server->output_stall_ms;
	if (conn->out_at < conn->out.n)
		return;
	conn->out_at = 0;
	if (conn->out.room > KEPT_OCTETS)
		buffer_release(&conn->out);
	else
		buffer_clear(&conn->out);
}

/* One helping of a stream; false: nothing came, or the port has no room. */
static bool pump(struct engine *engine, struct conn *conn)
{
	struct buffer octets = { 0 };
	size_t room = port_write_room(engine->port, conn->link);
	if (!room || conn->out.n > conn->out_at ||
	    port_now_us(engine->port) >= engine->server->pump_until_us)
		return false;
	engine->server->pumped = conn->link;
	bool more = conn->stream->pump(engine, conn->stream, &octets, room);
	bool some = octets.n > 0;
	if (conn->chunked)
		http_chunk(&conn->out, octets.octets, octets.n);
	else
		buffer_append(&conn->out, octets.octets, octets.n);
	conn->out.failed = conn->out.failed || octets.failed;
	buffer_release(&octets);
	if (more)
		return some;
	if (conn->chunked)
		http_chunk_end(&conn->out);
	conn->ending = conn->ending || !conn->keep_alive;
	server_stream_end(engine, conn);
	return true;
}

/* The answer is the port's: the next request may come. */
static void answered(struct engine *engine, struct conn *conn, int64_t now_ms)
{
	conn->answering = false;
	server_count_in(engine, conn, 0);
	server_room_leave(engine, conn);
	if (conn->ending)
		return;
	http_conn_done(conn->http, now_ms);
	port_resume(engine->port, conn->link);
	server_advance(engine, conn, now_ms);
}

static void flush(struct engine *engine, struct conn *conn, int64_t now_ms)
{
	/* Half an answer is none, and what was pushed is forgotten with its failure. */
	if (!conn->out.failed)
		server_push(engine, conn, now_ms);
	if (!conn->out.failed && conn->stream && pump(engine, conn) && !conn->out.failed)
		server_push(engine, conn, now_ms);
	if (conn->out.failed) {
		port_abort(engine->port, conn->link);
		conn->closing = true;
		return;
	}
	if (conn->answering && !conn->stream && conn->out.n == conn->out_at)
		answered(engine, conn, now_ms);
	if (conn->ending && !conn->closing && !server_has_output(conn)) {
		conn->closing = true;
		port_close(engine->port, conn->link);
	}
}

/* Connections up to that link, or behind it. */
static void flush_some(struct engine *engine, uint64_t link, bool behind)
{
	int64_t now_ms = port_now_ms(engine->port);
	struct conn *conn, *next;
	HASH_ITER(hh, engine->server->conns, conn, next)
		if ((conn->link > link) == behind && !conn->closing &&
		    (conn->answering || conn->stream || conn->ending || server_has_output(conn)))
			flush(engine, conn, now_ms);
}

/* However many read, the next turn is not far: who got nothing comes first the next time. */
void server_flush(struct engine *engine)
{
	uint64_t pumped = engine->server->pumped;
	engine->server->pump_until_us = port_now_us(engine->port) + SERVER_PUMP_MS * 1000;
	flush_some(engine, pumped, true);
	flush_some(engine, pumped, false);
}
