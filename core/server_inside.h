/* What core/server.c, server_output.c and server_room.c, one module, share beside server.h. */
#ifndef CORE_SERVER_INSIDE_H
#define CORE_SERVER_INSIDE_H

#include "core/account.h"
#include "core/api.h"
#include "core/hash.h"
#include "core/http.h"
#include "core/server.h"

#define SERVER_SMALL_OCTETS 16384 /* a longer body is let in by its key, and when there is room */

struct conn {
	uint64_t link;
	enum api_socket socket;
	bool local; /* a Unix socket: uid and gid are known */
	uid_t uid;
	gid_t gid;
	char address[48]; /* of the peer without its port; "" where local */
	struct http_conn *http;
	bool asked;	  /* a request waits for its turn */
	int64_t asked_us; /* since when */
	bool ending;	  /* closed as soon as all output has left */
	bool closing;	  /* port_close was called */
	bool ended;	  /* the client has said all that it will say */
	bool chunked;	  /* the answer under way */
	bool keep_alive;
	bool answering;
	size_t in_octets;	    /* of the request that is being read or answered */
	struct room_holder *holder; /* whose room it has or wants; NULL: it needs none */
	size_t room, room_wanted;   /* of a long body; one of them is 0 */
	int64_t room_wait_ms;	    /* given up then, unless there is room; INT64_MAX: none waits */
	struct buffer out;	    /* of which out_at octets are the port's already */
	size_t out_at;
	uint64_t written, sent; /* octets given to the port, and to the kernel */
	int64_t stall_ms;	/* given up then, unless output moves; INT64_MAX: none waits */
	struct server_stream *stream;
	UT_hash_handle hh;
};

struct server {
	uint64_t listeners[4]; /* one per enum api_socket, and TCP */
	struct conn *conns;    /* by link */
	struct account_rates *rates;
	struct guesses *guesses;
	struct http_limits limits;
	size_t in_octets;  /* of all requests that are being read or answered */
	size_t room_taken; /* of limits.in_flight, by long bodies */
	struct room_holder *holders;
	int64_t output_stall_ms;
	int64_t pump_until_us; /* no stream is asked for more in this flush */
	uint64_t pumped;       /* the link whose stream was asked last */
	char run[9];	       /* begin of every request id of this run */
	uint32_t requests;
};

#define SERVER_TCP 3 /* index of the loopback listener */

/* Octets wait for the port or, given to it, for the kernel. */
bool server_has_output(const struct conn *conn);
/* Gives the port what it takes. */
void server_push(struct engine *engine, struct conn *conn, int64_t now_ms);
/* Ends the stream of a connection, if it has one. */
void server_stream_end(struct engine *engine, struct conn *conn);
/* The request that is read or answered takes so many octets of memory. */
void server_count_in(struct engine *engine, struct conn *conn, size_t octets);
/*
 * The announced body of the connection, of a request of `account`, is read as soon as there is room
 * for it. False: out of memory.
 */
bool server_room_ask(struct engine *engine, struct conn *conn, uint32_t account);
/* The room that it has, if any, becomes free, and it waits for none. */
void server_room_leave(struct engine *engine, struct conn *conn);
/* Asks the connection what it has until it waits for octets or a request is under way. */
void server_advance(struct engine *engine, struct conn *conn, int64_t now_ms);

#endif
