/*
 * Connections of the local API: accept, read, queue as inputs, answer after the commit, close. What
 * leaves, and how fast, is core/server_output.c.
 */
#include "core/server_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/activity.h"
#include "core/guess.h"
#include "core/log.h"
#include "core/traffic.h"

#define OPERATORS_MAX 64   /* connections of the control and the tap socket, each */
#define GOODBYE_MS    2000 /* how long the end waits for answers to leave */

/* ---- connections ---- */

static struct conn *find(const struct server *server, uint64_t link)
{
	struct conn *conn;
	HASH_FIND(hh, server->conns, &link, sizeof(link), conn);
	return conn;
}

void server_count_in(struct engine *engine, struct conn *conn, size_t octets)
{
	struct server *server = engine->server;
	server->in_octets += octets - conn->in_octets;
	conn->in_octets = octets;
}

static void forget(struct engine *engine, struct conn *conn)
{
	server_count_in(engine, conn, 0);
	HASH_DEL(engine->server->conns, conn);
	server_room_leave(engine, conn);
	server_stream_end(engine, conn);
	http_conn_free(conn->http);
	buffer_release(&conn->out);
	free(conn);
}

/* ---- answers ---- */

static void describe(struct engine *engine, const struct conn *conn, struct api_call *call,
		     struct buffer *body)
{
	call->socket = conn->socket;
	call->local = conn->local;
	call->uid = conn->uid;
	call->gid = conn->gid;
	call->rates = engine->server->rates;
	call->guesses = engine->server->guesses;
	call->address = conn->address;
	call->engine = engine;
	call->status = 200;
	call->content_type = "application/json";
	call->body = body;
	call->json.out = body;
}

static void name(struct server *server, struct api_call *call)
{
	snprintf(call->request_id, sizeof(call->request_id), "%s%08x", server->run,
		 ++server->requests);
}

/* Puts head and body behind what waits to be written. */
static void write_answer(struct conn *conn, struct api_call *call)
{
	const struct http_request *request = call->request;
	bool head = request && !strcmp(request->method, "HEAD");
	struct http_reply reply = {
		.status = call->status,
		.content_type = call->content_type,
		.content_length = call->stream ? -1 : (int64_t)call->body->n,
		.chunked = call->stream && request && request->chunked_ok,
		.keep_alive = request && request->keep_alive,
	};
	struct http_field fields[API_FIELDS_MAX + 1];
	fields[0] = (struct http_field){ "X-Request-Id", call->request_id };
	memcpy(fields + 1, call->fields, call->n_fields * sizeof(fields[0]));
	reply.fields = fields;
	reply.field_count = call->n_fields + 1;
	if (call->stream && !reply.chunked)
		reply.keep_alive = false;
	conn->keep_alive = reply.keep_alive;
	conn->chunked = reply.chunked;
	conn->answering = true;
	conn->ending = !reply.keep_alive && (head || !call->stream);
	http_reply_head(&conn->out, &reply);
	if (head)
		return;
	if (reply.chunked)
		http_chunk(&conn->out, call->body->octets, call->body->n);
	else
		buffer_append(&conn->out, call->body->octets, call->body->n);
}

static void record_answer(const struct conn *conn, const struct api_call *call)
{
	const struct http_request *request = call->request;
	struct engine *engine = call->engine;
	traffic_answer(engine->traffic, call,
		       call->row ? port_now_us(engine->port) - conn->asked_us : -1);
	log_line(call->status >= 400 ? CONFIG_LOG_INFO : CONFIG_LOG_DEBUG,
		 call->status >= 400 ? "request.refused" : "request.answered",
		 "request_id=%s method=%s path=%.120s status=%d code=%s account=%u uid=%ld "
		 "route=%u",
		 call->request_id, request ? request->method : "-", request ? request->path : "-",
		 call->status, call->code ? call->code : "-", call->account.account,
		 conn->local ? (long)conn->uid : -1L, call->route_id);
}

/* An answer that no handler makes, outside of any turn. */
static void answer_plain(struct engine *engine, struct conn *conn, const struct api_error *error)
{
	struct api_call call = { 0 };
	struct buffer body = { 0 };
	describe(engine, conn, &call, &body);
	name(engine->server, &call);
	call.request = http_conn_request(conn->http);
	api_refuse(&call, error);
	if (error->status == 503)
		api_field(&call, "Retry-After", "5");
	write_answer(conn, &call);
	record_answer(conn, &call);
	buffer_release(&body);
	buffer_release(&call.flaws);
}

static const struct api_error error_unknown = {
	.status = 503,
	.code = "outcome_unknown",
	.stage = "store",
	.detail = "Outcome unknown: retry with the same Idempotency-Key.",
	.outcome = "unknown",
};
static const struct api_error error_full = {
	.status = 503,
	.code = "store_full",
	.stage = "store",
	.detail = "Not stored: store is full.",
	.hint = "the store has no room; ask the operator",
};
static const struct api_error error_defect = {
	.status = 500,
	.code = "internal_error",
	.stage = "store",
	.detail = "Not stored: a record cannot be read or written.",
	.hint = "run: esmectl store check",
};
static const struct api_error error_unreadable = {
	.status = 500,
	.code = "internal_error",
	.stage = "store",
	.detail = "A record cannot be read.",
	.hint = "run: esmectl store check",
};
static const struct api_error error_no_room = {
	.status = 503,
	.code = "no_room",
	.stage = "protocol",
	.detail = "No room for the body: other long bodies are under way.",
	.hint = "limits.in_flight; one account gets at most about half of it",
};
static const struct api_error error_crowded = {
	.status = 503,
	.code = "too_many_connections",
	.stage = "protocol",
	.detail = "Too many connections.",
	.hint = "limits.connections and limits.connections_per_uid",
};

/* ---- requests as inputs ---- */

struct asking {
	struct input input;
	uint64_t link;
	bool announced; /* only who asks, and for what: its body is to come */
	struct activity_note
		note; /* as its last try left it; without an account: nothing to note */
};

struct reply {
	struct effect effect;
	uint64_t link;
	struct buffer body;
	struct api_call call;
};

/* What is known of a request before its answer. */
static struct activity_note note_of(const struct conn *conn, const struct api_call *call)
{
	return (struct activity_note){
		.account = call->account.account,
		.method = call->row ? call->row->method : "",
		.pattern = call->row ? call->row->pattern : "",
		.route_id = call->route_id,
		.address = conn->address,
	};
}

static void note(struct engine *engine, const struct conn *conn, struct activity_note note,
		 int status)
{
	note.status = status;
	note.at_ms = port_wall_ms(engine->port);
	note.took_us = (uint32_t)(port_now_us(engine->port) - conn->asked_us);
	if (note.account && *note.pattern)
		activity_note(engine, &note);
}

/* Who has ended its side is answered what it has asked, but for what would go on without end. */
static void leave_stream(struct engine *engine, struct conn *conn)
{
	if (!conn->stream || conn->stream->ends)
		return;
	conn->closing = true;
	port_abort(engine->port, conn->link);
}

static void reply_run(struct engine *engine, struct effect *effect, enum turn_end end)
{
	struct reply *reply = (struct reply *)effect;
	struct conn *conn = find(engine->server, reply->link);
	assert(conn);
	if (end == TURN_DONE && reply->call.announced && reply->call.status == 200) {
		conn->asked = false;
		if (!server_room_ask(engine, conn, reply->call.account.account))
			answer_plain(engine, conn, &error_no_room);
	} else if (end == TURN_DONE) {
		conn->asked = false;
		write_answer(conn, &reply->call);
		/*
		 * Before the log and other effects; the flush sees to the rest. A refusal comes
		 * behind its line in the log, the only place that keeps it.
		 */
		if (!conn->out.failed && reply->call.status < 400)
			server_push(engine, conn, port_now_ms(engine->port));
		record_answer(conn, &reply->call);
		note(engine, conn, note_of(conn, &reply->call), reply->call.status);
		if (strcmp(reply->call.request->method, "HEAD") != 0) {
			conn->stream = reply->call.stream;
			reply->call.stream = NULL;
			if (conn->stream) /* or its client's end would not be heard */
				port_resume(engine->port, conn->link);
			if (conn->ended)
				leave_stream(engine, conn);
		}
	} else if (end == TURN_UNKNOWN) {
		conn->asked = false;
		answer_plain(engine, conn, &error_unknown);
	}
	if (reply->call.stream) {
		if (reply->call.stream->free)
			reply->call.stream->free(engine, reply->call.stream);
		free(reply->call.stream);
	}
	buffer_release(&reply->body);
	buffer_release(&reply->call.flaws);
}

static bool only_reads(const struct api_call *call)
{
	const char *method = call->request->method;
	return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

static void ask(struct turn *turn, struct input *input)
{
	struct engine *engine = turn->engine;
	uint64_t link = ((struct asking *)input)->link;
	struct conn *conn = find(engine->server, link);
	if (!conn) /* gone before it was heard: nothing has happened */
		return;
	struct reply *reply = (struct reply *)turn_answer(turn, reply_run, sizeof(*reply));
	if (!reply)
		return;
	struct api_call *call = &reply->call;
	reply->link = link;
	describe(engine, conn, call, &reply->body);
	name(engine->server, call);
	call->turn = turn;
	call->request = http_conn_request(conn->http);
	call->announced = ((struct asking *)input)->announced;
	if (conn->socket == API_SUBMIT)
		api_handle(call);
	else
		control_handle(call);
	/* It has read and nothing else: the rest of the turn need not suffer for what it found. */
	if (turn->error == STORE_CORRUPT && !call->stream && only_reads(call)) {
		turn->error = STORE_OK;
		api_refuse(call, &error_unreadable);
	}
	if (reply->body.failed)
		turn_fail(turn, STORE_FULL);
	((struct asking *)input)->note = note_of(conn, call);
}

static void refuse(struct engine *engine, struct input *input, enum store_err why)
{
	struct conn *conn = find(engine->server, ((struct asking *)input)->link);
	if (!conn)
		return;
	const struct api_error *error = why == STORE_FULL ? &error_full : &error_defect;
	conn->asked = false;
	answer_plain(engine, conn, error);
	note(engine, conn, ((struct asking *)input)->note, error->status);
}

static void submit(struct engine *engine, struct conn *conn, bool announced)
{
	struct asking *asking = calloc(1, sizeof(*asking));
	port_pause(engine->port, conn->link);
	if (!asking) {
		answer_plain(engine, conn, &error_full);
		return;
	}
	conn->asked = true;
	conn->asked_us = port_now_us(engine->port);
	asking->link = conn->link;
	asking->announced = announced;
	asking->input.apply = ask;
	asking->input.refuse = refuse;
	/* What operators change may be what everything else of a turn stands on. */
	asking->input.alone = !announced && conn->socket == API_CONTROL &&
			      !strcmp(http_conn_request(conn->http)->method, "POST");
	engine_input(engine, &asking->input);
}

/* The limits of the configuration that core/http.c obeys for us. */
static const enum traffic_limit limit_of_http[HTTP_LIMITS] = {
	[HTTP_LIMIT_HEAD] = TRAFFIC_LIMIT_header_octets,
	[HTTP_LIMIT_FIELDS] = TRAFFIC_LIMIT_header_fields,
	[HTTP_LIMIT_BODY] = TRAFFIC_LIMIT_body_octets,
	[HTTP_LIMIT_HEAD_MS] = TRAFFIC_LIMIT_header_ms,
	[HTTP_LIMIT_BODY_MS] = TRAFFIC_LIMIT_body_ms,
	[HTTP_LIMIT_TOTAL_MS] = TRAFFIC_LIMIT_request_ms,
};

static void refuse_protocol(struct engine *engine, struct conn *conn)
{
	const struct http_refusal *refusal = http_conn_refusal(conn->http);
	if (refusal->limit)
		traffic_limit_met(engine->traffic, limit_of_http[refusal->limit]);
	struct api_error error = {
		.status = refusal->status,
		.code = refusal->status == 413 ? "body_too_large" : "protocol_error",
		.stage = refusal->status == 413 ? "shape" : "protocol",
		.detail = refusal->detail,
	};
	answer_plain(engine, conn, &error);
}

/* Asks the connection what it has until it waits for octets or a request is under way. */
void server_advance(struct engine *engine, struct conn *conn, int64_t now_ms)
{
	while (!conn->asked && !conn->answering && !conn->ending && !conn->closing &&
	       !conn->room_wanted) {
		switch (http_conn_next(conn->http, now_ms)) {
		case HTTP_WAIT:
			conn->ending = conn->ended;
			return;
		case HTTP_ANNOUNCED:
			submit(engine, conn, true);
			break;
		case HTTP_CONTINUE:
			buffer_text(&conn->out, HTTP_CONTINUE_REPLY);
			break;
		case HTTP_REQUESTED:
			submit(engine, conn, false);
			break;
		case HTTP_REFUSED:
			refuse_protocol(engine, conn);
			break;
		case HTTP_CLOSE:
			traffic_limit_met(engine->traffic, TRAFFIC_LIMIT_keep_alive_ms);
			conn->ending = true;
			break;
		}
	}
}

/* ---- events ---- */

/* Operators get in however many applications there are; their listeners have a bound of their own. */
static bool crowded(const struct engine *engine, const struct conn *conn, enum traffic_limit *limit)
{
	const struct config_limits *limits = &engine->config->limits;
	size_t all = 0, same = 0;
	if (conn->socket != API_SUBMIT)
		return false;
	for (const struct conn *other = engine->server->conns; other; other = other->hh.next) {
		all += other->socket == API_SUBMIT;
		same += other->socket == API_SUBMIT && conn->local && other->local &&
			other->uid == conn->uid;
	}
	*limit = all > limits->connections ? TRAFFIC_LIMIT_connections :
					     TRAFFIC_LIMIT_connections_per_uid;
	return same > limits->connections_per_uid || all > limits->connections;
}

/* "192.0.2.1:2775" and "[2001:db8::1]:2775" without their ports. */
static void set_address(struct conn *conn, const char *peer)
{
	const char *from = *peer == '[' ? peer + 1 : peer, *end = strrchr(peer, ':');
	size_t n = end && end > from ? (size_t)(end - from) - (*peer == '[') : 0;
	snprintf(conn->address, sizeof(conn->address), "%.*s", (int)n, from);
}

static void arrive(struct engine *engine, const struct port_event *event, size_t listener)
{
	struct server *server = engine->server;
	struct conn *conn = calloc(1, sizeof(*conn)), *added = NULL;
	enum traffic_limit limit;
	if (conn)
		conn->http = http_conn_new(&server->limits, event->at_ms);
	if (!conn || !conn->http) {
		free(conn);
		port_abort(engine->port, event->link);
		return;
	}
	conn->link = event->link;
	conn->stall_ms = conn->room_wait_ms = INT64_MAX;
	conn->socket = listener == SERVER_TCP ? API_SUBMIT : (enum api_socket)listener;
	conn->local = event->local;
	conn->uid = event->uid;
	conn->gid = event->gid;
	if (!conn->local)
		set_address(conn, event->peer);
	HASH_ADD(hh, server->conns, link, sizeof(conn->link), conn);
	added = find(server, event->link);
	if (added != conn) {
		http_conn_free(conn->http);
		free(conn);
		port_abort(engine->port, event->link);
	} else if (crowded(engine, conn, &limit)) {
		traffic_limit_met(engine->traffic, limit);
		answer_plain(engine, conn, &error_crowded);
	}
}

static void octets(struct engine *engine, struct conn *conn, const struct port_event *event)
{
	if (conn->ending || conn->closing)
		return;
	if (!event->n) {
		conn->ended = true;
		leave_stream(engine, conn);
		server_advance(engine, conn, event->at_ms);
		return;
	}
	if (!http_conn_feed(conn->http, event->octets, event->n, event->at_ms)) {
		conn->closing = true;
		port_abort(engine->port, conn->link);
		return;
	}
	server_count_in(engine, conn, conn->in_octets + event->n);
	server_advance(engine, conn, event->at_ms);
}

bool server_event(struct engine *engine, const struct port_event *event)
{
	struct server *server = engine->server;
	if (event->kind == PORT_UP) {
		for (size_t i = 0; i <= SERVER_TCP; i++) {
			if (!event->listener || server->listeners[i] != event->listener)
				continue;
			arrive(engine, event, i);
			return true;
		}
		return false;
	}
	struct conn *conn = find(server, event->link);
	if (!conn)
		return false;
	if (event->kind == PORT_OCTETS) {
		octets(engine, conn, event);
	} else if (event->kind == PORT_SENT) {
		conn->sent = event->sent_octets;
		conn->stall_ms = server_has_output(conn) ? event->at_ms + server->output_stall_ms :
							   INT64_MAX;
	} else if (event->kind == PORT_DOWN) {
		forget(engine, conn);
	}
	return true;
}

/* ---- deadlines ---- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t conn_deadline(const struct conn *conn)
{
	int64_t due_ms = earlier(conn->stall_ms, conn->room_wait_ms);
	if (conn->stream && !server_has_output(conn))
		due_ms = earlier(due_ms, conn->stream->due_ms);
	if (!conn->asked && !conn->answering && !conn->ending)
		due_ms = earlier(due_ms, http_conn_deadline(conn->http));
	return due_ms;
}

void server_tick(struct engine *engine, int64_t now_ms)
{
	const struct server *server = engine->server;
	struct conn *conn, *next;
	HASH_ITER(hh, server->conns, conn, next) {
		if (conn->closing || conn_deadline(conn) > now_ms)
			continue;
		if (conn->stall_ms <= now_ms) {
			log_info("connection.stalled", "uid=%ld",
				 conn->local ? (long)conn->uid : -1L);
			traffic_limit_met(engine->traffic, TRAFFIC_LIMIT_output_stall_ms);
			conn->closing = true;
			port_abort(engine->port, conn->link);
		} else if (conn->room_wait_ms <= now_ms) {
			server_room_leave(engine, conn);
			answer_plain(engine, conn, &error_no_room);
		} else if (!conn->stream) {
			server_advance(engine, conn, now_ms);
		} /* a stream that is due is pumped by server_flush, after the turn */
	}
}

int64_t server_deadline(const struct server *server)
{
	int64_t due_ms = INT64_MAX;
	for (const struct conn *conn = server->conns; conn; conn = conn->hh.next)
		if (!conn->closing)
			due_ms = earlier(due_ms, conn_deadline(conn));
	return due_ms;
}

/* ---- start and end ---- */

static bool listen_unix(struct engine *engine, enum api_socket socket,
			const struct config_socket *config, char *error)
{
	const struct config_limits *limits = &engine->config->limits;
	if (!config->enabled)
		return true;
	struct port_listen how = {
		.unix_path = config->path,
		.mode = (mode_t)config->mode,
		.group = config->gid < 0 ? (gid_t)-1 : (gid_t)config->gid,
		.connections_max = socket == API_SUBMIT ? limits->connections + 1 : OPERATORS_MAX,
		.output_octets = (uint32_t)limits->output_octets,
		.half = true,
	};
	engine->server->listeners[socket] =
		port_listen(engine->port, &how, error, PORT_TEXT_OCTETS);
	return engine->server->listeners[socket] != 0;
}

static bool listen_tcp(struct engine *engine, char *error)
{
	const struct config *config = engine->config;
	const char *host = config->listen.host;
	if (!host)
		return true;
	struct port_listen how = {
		.host = host,
		.port = config->listen.port,
		.connections_max = config->limits.connections + 1,
		.output_octets = (uint32_t)config->limits.output_octets,
		.half = true,
	};
	uint64_t listener = port_listen(engine->port, &how, error, PORT_TEXT_OCTETS);
	engine->server->listeners[SERVER_TCP] = listener;
	if (!listener)
		return false;
	log_info("server.listening", "address=%s", port_listen_address(engine->port, listener));
	if (strncmp(host, "127.", 4) != 0 && strcmp(host, "::1") != 0 &&
	    strcmp(host, "localhost") != 0)
		log_warning("server.exposed",
			    "listen=%s is not loopback: keys and texts cross the network in clear",
			    host);
	return true;
}

void server_load(const struct server *server, struct server_load *load)
{
	*load = (struct server_load){ .in_octets = server->in_octets };
	for (const struct conn *conn = server->conns; conn; conn = conn->hh.next) {
		load->connections[conn->socket]++;
		load->streams[conn->socket] += conn->stream != NULL;
	}
}

void server_configure(struct engine *engine)
{
	const struct config_limits *limits = &engine->config->limits;
	struct server *server = engine->server;
	server->output_stall_ms = limits->output_stall_ms;
	server->limits = (struct http_limits){
		.head_octets = (uint32_t)limits->header_octets,
		.fields_max = limits->header_fields, /* at most HTTP_FIELDS_MAX */
		.body_octets = (uint32_t)limits->body_octets,
		.head_ms = (uint32_t)limits->header_ms,
		.body_ms = (uint32_t)limits->body_ms,
		.total_ms = (uint32_t)limits->request_ms,
		.idle_ms = (uint32_t)limits->keep_alive_ms,
		.announce_octets = SERVER_SMALL_OCTETS,
	};
}

struct server *server_new(struct engine *engine, char *error)
{
	const struct config *config = engine->config;
	struct server *server = calloc(1, sizeof(*server));
	uint32_t random;
	snprintf(error, PORT_TEXT_OCTETS, "out of memory");
	if (!server)
		return NULL;
	engine->server = server;
	server->rates = account_rates_new();
	server->guesses = guesses_new();
	server_configure(engine);
	port_random(engine->port, &random, sizeof(random));
	snprintf(server->run, sizeof(server->run), "%08x", random);
	if (!server->rates || !server->guesses ||
	    !listen_unix(engine, API_SUBMIT, &config->sockets.submit, error) ||
	    !listen_unix(engine, API_CONTROL, &config->sockets.control, error) ||
	    !listen_unix(engine, API_TAP, &config->sockets.tap, error) ||
	    !listen_tcp(engine, error)) {
		server_free(engine, server);
		engine->server = NULL;
		return NULL;
	}
	return server;
}

void server_drain(struct engine *engine)
{
	for (size_t i = 0; i <= SERVER_TCP; i++)
		port_listen_close(engine->port, engine->server->listeners[i]);
}

static bool unsaid(const struct server *server)
{
	for (const struct conn *conn = server->conns; conn; conn = conn->hh.next)
		if (!conn->closing && (conn->stream || server_has_output(conn)))
			return true;
	return false;
}

/* No request is heard any more. What would go on without end ends here; what is an answer, whole. */
static void hear_no_more(struct engine *engine, struct conn *conn)
{
	conn->keep_alive = false;
	conn->ending = !conn->stream || !conn->stream->ends;
	if (conn->stream && conn->ending && conn->chunked)
		http_chunk_end(&conn->out);
	if (conn->ending)
		server_stream_end(engine, conn);
}

/* Lets answers that are under way leave, for a bounded time. */
static void say_goodbye(struct engine *engine)
{
	struct conn *conn, *next;
	struct port_event event;
	int64_t until_ms = port_now_ms(engine->port) + GOODBYE_MS;
	HASH_ITER(hh, engine->server->conns, conn, next)
		hear_no_more(engine, conn);
	server_flush(engine);
	while (unsaid(engine->server) && port_now_ms(engine->port) < until_ms) {
		port_wait(engine->port, earlier(until_ms, server_deadline(engine->server)));
		while (port_next(engine->port, &event))
			server_event(engine, &event);
		server_flush(engine);
	}
}

void server_free(struct engine *engine, struct server *server)
{
	struct conn *conn, *next;
	if (!server)
		return;
	server_drain(engine);
	say_goodbye(engine);
	HASH_ITER(hh, server->conns, conn, next)
		forget(engine, conn);
	account_rates_free(server->rates);
	guesses_free(server->guesses);
	free(server);
}
