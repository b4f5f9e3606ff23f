/*
 * The server: HTTP connections over the port, from accept to close. It reads requests, turns each
 * into an input of the next turn, and lets the answer out when the turn is on disk. What a request
 * means is core/api.c and core/control.c; HTTP itself is core/http.c.
 *
 * Three listeners by privilege: submit (the API), control (operators), tap (debugging). Who may
 * connect to the last two is decided by uid and gid, never by a key.
 */
#ifndef CORE_SERVER_H
#define CORE_SERVER_H

#include "core/buffer.h"
#include "core/engine.h"

/* Obeys the limits of engine->config from now on. */
void server_configure(struct engine *engine);
/* Opens the configured sockets. NULL, with a sentence in `error` (PORT_TEXT_OCTETS). */
struct server *server_new(struct engine *engine, char *error);
void server_free(struct engine *engine, struct server *server);
/* True if the event was of a connection or a listener of ours. */
bool server_event(struct engine *engine, const struct port_event *event);
/* Fires deadlines of connections and feeds streams (events, tap) that have room. */
void server_tick(struct engine *engine, int64_t now_ms);
/* Gives answers and streams that have octets to the port; after a turn. */
void server_flush(struct engine *engine);
int64_t server_deadline(const struct server *server);
#define SERVER_SOCKETS 3 /* of enum api_socket; TCP counts as submit */

/* What it has in hand just now. */
struct server_load {
	size_t connections[SERVER_SOCKETS];
	size_t streams[SERVER_SOCKETS]; /* of these, readers of the feed and of the tap */
	size_t in_octets;		/* of requests that are read or answered */
};
void server_load(const struct server *server, struct server_load *load);

/* Closes the listeners; requests that are under way are answered. */
void server_drain(struct engine *engine);

/*
 * A reply whose body goes on after its turn: events, the tap. A handler puts one into
 * call->stream, allocated with malloc as the head of its own struct, after writing the body's
 * begin; the server owns it from then on.
 *   pump   appends what there is to `out`, little more than `room` octets; called after each turn,
 *          when what was written has left and at due_ms, while the connection has room. It reads
 *          the store, if at all, by store_read_begin and store_read_end within the call. False: the
 *          body ends here. Setting out->failed ends the connection without an end of the body.
 *   free   lets go of what the stream owns, and not of the struct itself; may be NULL.
 *   due_ms monotonic, moved by pump: when to ask again though nothing happened; INT64_MAX: never.
 */
struct server_stream {
	bool (*pump)(struct engine *engine, struct server_stream *stream, struct buffer *out,
		     size_t room);
	void (*free)(struct engine *engine, struct server_stream *stream);
	int64_t due_ms;
	bool ends; /* by itself and soon: pumped on though the client, or the daemon, ends */
};

#endif
