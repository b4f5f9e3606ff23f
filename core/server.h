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

#include "core/engine.h"

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
/* Closes the listeners; requests that are under way are answered. */
void server_drain(struct engine *engine);

#endif
