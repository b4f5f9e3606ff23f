/*
 * esme-load: sends orders to the daemon over its Unix socket, at a rate or as fast as answers come,
 * and measures how long acceptance takes. It is not an SMPP client and does not look at what
 * becomes of the messages.
 *
 * Exit status: 0 all messages were accepted, 1 some were not or nobody answers, 2 the command line
 * is wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/http.h"
#include "core/json.h"
#include "core/port.h"
#include "tools/load_capture.h"
#include "tools/load_options.h"

#define TARGET	      "/api/v1/send_sms"
#define RECONNECT_MS  100
#define OUTPUT_OCTETS (2u << 20)
#define STATUSES      600 /* HTTP statuses counted by themselves; any other is 0 */

/* One keep-alive connection: at most one request at a time. */
struct connection {
	uint64_t link; /* 0: closed, to be opened at reopen_ms */
	bool up;
	bool busy;
	int64_t reopen_ms;
	struct http_reader *reader;
	struct buffer out;
	uint64_t request;  /* its number, from 1 */
	uint32_t messages; /* of the request */
	int64_t idle_us;   /* since when it could have taken a request */
	int64_t since_us;  /* from when its request's answer is waited for */
};

struct load {
	struct load_options options;
	struct port *port;
	struct connection *connections;
	int log; /* -1: none */
	struct buffer line;
	uint64_t requests; /* in all */
	uint64_t begun;	   /* requests */
	uint64_t ended;	   /* requests with a reply, or without hope of one */
	uint64_t messages_begun;
	uint64_t accepted; /* messages */
	uint64_t refused;
	uint64_t unanswered;
	uint64_t statuses[STATUSES]; /* requests */
	uint32_t *latencies_us;	     /* of answered requests, in the order of their answers */
	uint64_t latency_count;
	bool was_up; /* a connection has come up once */
	bool stop;
	int64_t started_us;
	int64_t last_us; /* of the last answer */
};

static struct load load;

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("esme-load: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* ---- the client log ---- */

static struct json_writer log_begin(const char *event, uint64_t request)
{
	struct json_writer writer = { .out = &load.line };

	json_begin_object(&writer);
	json_add_text(&writer, "event", event);
	json_add_int(&writer, "at_ms", port_now_ms(load.port));
	json_add_int(&writer, "wall_ms", port_wall_ms(load.port));
	json_add_uint(&writer, "request", request);
	return writer;
}

/* Written at once: what was sent has been said first, whatever ends the process. */
static void log_end(struct json_writer *writer)
{
	const uint8_t *at;
	size_t n;

	json_end_object(writer);
	buffer_text(&load.line, "\n");
	at = load.line.octets;
	n = load.line.n;
	while (n > 0 && !load.line.failed) {
		ssize_t written = write(load.log, at, n);

		if (written < 0 && errno != EINTR)
			fail("%s: %s", load.options.log_file, strerror(errno));
		if (written > 0) {
			at += written;
			n -= (size_t)written;
		}
	}
	if (load.line.failed)
		fail("out of memory");
	buffer_clear(&load.line);
}

static void log_request(const struct connection *connection, const struct buffer *body,
			const char *idempotency_key)
{
	struct json_writer writer;

	if (load.log < 0)
		return;
	writer = log_begin("request", connection->request);
	json_add_uint(&writer, "messages", connection->messages);
	if (idempotency_key != NULL)
		json_add_text(&writer, "idempotency_key", idempotency_key);
	json_key(&writer, "body");
	json_put_octets(&writer, body->octets, body->n);
	log_end(&writer);
}

static void log_reply(const struct connection *connection)
{
	const struct buffer *body = http_reader_body(connection->reader);
	struct json_writer writer;

	if (load.log < 0)
		return;
	writer = log_begin("reply", connection->request);
	json_add_int(&writer, "status", http_reader_status(connection->reader));
	json_key(&writer, "body");
	json_put_octets(&writer, body->octets, body->n);
	log_end(&writer);
}

static void log_no_reply(const struct connection *connection, const char *reason)
{
	struct json_writer writer;

	if (load.log < 0)
		return;
	writer = log_begin("no_reply", connection->request);
	json_add_text(&writer, "reason", reason);
	log_end(&writer);
}

/* ---- requests ---- */

static void make_body(struct buffer *body, uint64_t first, uint32_t messages)
{
	struct json_writer writer = { .out = body };
	char digits[24];

	json_begin_object(&writer);
	json_add_uint(&writer, "route_id", load.options.route);
	json_add_text(&writer, "caller_id", load.options.caller_id);
	json_key(&writer, "numbers");
	json_begin_array(&writer);
	for (uint32_t i = 0; i < messages; i++) {
		snprintf(digits, sizeof(digits), "%" PRIu64, first + i);
		json_put_text(&writer, digits);
	}
	json_end_array(&writer);
	json_add_text(&writer, "message", load.options.text);
	json_end_object(&writer);
}

static void write_out(struct connection *connection)
{
	buffer_drop(&connection->out, port_write(load.port, connection->link,
						 connection->out.octets, connection->out.n));
}

/* Sends the next request on an idle connection. */
static void begin_request(struct connection *connection, int64_t since_us)
{
	uint64_t left = load.options.count - load.messages_begun;
	uint32_t messages = left < load.options.batch ? (uint32_t)left : load.options.batch;
	char idempotency_key[160];
	struct http_field fields[2];
	struct http_call call = { .method = "POST",
				  .target = TARGET,
				  .fields = fields,
				  .content_type = "application/json",
				  .keep_alive = true };
	struct buffer body = { 0 };

	make_body(&body, load.options.numbers_from + load.messages_begun, messages);
	connection->request = ++load.begun;
	connection->messages = messages;
	connection->busy = true;
	connection->since_us = since_us;
	load.messages_begun += messages;

	if (load.options.key[0] != '\0')
		fields[call.field_count++] = (struct http_field){ "X-API-KEY", load.options.key };
	if (load.options.key_prefix != NULL) {
		snprintf(idempotency_key, sizeof(idempotency_key), "%s-%" PRIu64,
			 load.options.key_prefix, connection->request);
		fields[call.field_count++] =
			(struct http_field){ "Idempotency-Key", idempotency_key };
	}
	call.body = body.octets;
	call.body_octets = body.n;
	log_request(connection, &body, load.options.key_prefix == NULL ? NULL : idempotency_key);
	http_call(&connection->out, &call);
	if (body.failed || connection->out.failed)
		fail("out of memory");
	buffer_release(&body);
	write_out(connection);
}

static void end_request(struct connection *connection)
{
	connection->busy = false;
	connection->idle_us = load.last_us = port_now_us(load.port);
	load.ended++;
}

static void on_reply(struct connection *connection)
{
	int status = http_reader_status(connection->reader);
	int64_t latency_us = port_now_us(load.port) - connection->since_us;

	log_reply(connection);
	load.statuses[status > 0 && status < STATUSES ? status : 0]++;
	if (status / 100 == 2)
		load.accepted += connection->messages;
	else
		load.refused += connection->messages;
	load.latencies_us[load.latency_count++] =
		latency_us > (int64_t)UINT32_MAX ? UINT32_MAX : (uint32_t)latency_us;
	end_request(connection);
}

static void on_no_reply(struct connection *connection, const char *reason)
{
	log_no_reply(connection, reason);
	load.unanswered += connection->messages;
	end_request(connection);
}

/* ---- connections ---- */

static void open_connection(struct connection *connection)
{
	struct port_target target = { .unix_path = load.options.socket_path,
				      .output_octets = OUTPUT_OCTETS };

	connection->up = false;
	connection->reader = http_reader_new(0);
	connection->link = port_open(load.port, &target);
	if (connection->reader == NULL || connection->link == 0)
		fail("out of memory");
}

static struct connection *find_connection(uint64_t link)
{
	for (uint32_t i = 0; i < load.options.connections; i++)
		if (load.connections[i].link == link)
			return &load.connections[i];
	return NULL;
}

/* What came may be a whole reply; behind it there is none until the next request. */
static void take_reading(struct connection *connection, enum http_reading reading)
{
	bool keep_alive;

	if (reading == HTTP_READING_BAD) {
		port_abort(load.port, connection->link);
		return;
	}
	if (reading != HTTP_READING_DONE || !connection->busy)
		return;
	keep_alive = http_reader_keep_alive(connection->reader);
	on_reply(connection);
	http_reader_next(connection->reader);
	if (!keep_alive) {
		connection->up = false;
		port_close(load.port, connection->link);
	}
}

static void on_down(struct connection *connection, const struct port_event *event)
{
	if (!load.was_up && event->reason == PORT_DOWN_CONNECT)
		fail("%s", event->text);
	if (connection->busy)
		take_reading(connection, http_reader_eof(connection->reader));
	if (connection->busy)
		on_no_reply(connection, port_down_name(event->reason));
	http_reader_free(connection->reader);
	connection->reader = NULL;
	buffer_clear(&connection->out);
	connection->link = 0;
	connection->reopen_ms = port_now_ms(load.port);
	if (!connection->up)
		connection->reopen_ms += RECONNECT_MS;
	connection->up = false;
}

static void handle(const struct port_event *event)
{
	struct connection *connection = find_connection(event->link);

	if (event->kind == PORT_SIGNAL && event->signo != SIGUSR1 && event->signo != SIGHUP)
		load.stop = true;
	if (event->kind == PORT_SIGNAL || connection == NULL)
		return;
	switch (event->kind) {
	case PORT_UP:
		connection->up = load.was_up = true;
		connection->idle_us = port_now_us(load.port);
		break;
	case PORT_OCTETS:
		take_reading(connection,
			     http_reader_feed(connection->reader, event->octets, event->n));
		break;
	case PORT_SENT:
		if (connection->out.n > 0)
			write_out(connection);
		break;
	case PORT_DOWN:
		on_down(connection, event);
		break;
	case PORT_SIGNAL:
		break;
	}
}

/* ---- the run ---- */

/* When the next request is due by the rate, microseconds. */
static int64_t next_due_us(void)
{
	if (load.options.rate_per_s == 0)
		return 0;
	return load.started_us +
	       (int64_t)(load.messages_begun * UINT64_C(1000000) / load.options.rate_per_s);
}

static void reopen(int64_t now_ms)
{
	for (uint32_t i = 0; i < load.options.connections; i++)
		if (load.connections[i].link == 0 && load.connections[i].reopen_ms <= now_ms)
			open_connection(&load.connections[i]);
}

/* Begins all that is due on connections that are idle. */
static void begin_due(void)
{
	int64_t now_us = port_now_us(load.port);

	for (uint32_t i = 0; i < load.options.connections && load.begun < load.requests; i++) {
		struct connection *connection = &load.connections[i];
		int64_t due_us = next_due_us();

		if (due_us > now_us)
			break;
		if (!connection->up || connection->busy)
			continue;
		/* What was due while all were busy has been waiting since. Our timer's own delay,
		 * up to a millisecond, is not the daemon's. */
		begin_request(connection,
			      due_us != 0 && connection->idle_us > due_us ? due_us : now_us);
	}
}

static int64_t deadline_ms(int64_t end_ms)
{
	int64_t until_ms = end_ms;

	if (load.options.rate_per_s != 0 && load.begun < load.requests) {
		int64_t due_ms = next_due_us() / 1000;
		int64_t now_ms = port_now_ms(load.port);

		/* Due, and nobody idle to take it: an answer will wake us. */
		if (due_ms >= now_ms && due_ms + 1 < until_ms)
			until_ms = due_ms + 1;
	}
	for (uint32_t i = 0; i < load.options.connections; i++)
		if (load.connections[i].link == 0 && load.connections[i].reopen_ms < until_ms)
			until_ms = load.connections[i].reopen_ms;
	return until_ms;
}

static void run(void)
{
	int64_t end_ms = port_now_ms(load.port) + (int64_t)load.options.max_seconds * 1000;
	struct port_event event;

	load.started_us = load.last_us = port_now_us(load.port);
	while (load.ended < load.requests && !load.stop && port_now_ms(load.port) < end_ms) {
		reopen(port_now_ms(load.port));
		begin_due();
		port_wait(load.port, deadline_ms(end_ms));
		while (port_next(load.port, &event))
			handle(&event);
	}
	for (uint32_t i = 0; i < load.options.connections; i++)
		if (load.connections[i].busy)
			on_no_reply(&load.connections[i], "stopped");
}

/* ---- the result ---- */

static int compare_latencies(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* The least latency that at least `thousandths` of all do not exceed. */
static uint32_t percentile_us(uint32_t thousandths)
{
	uint64_t rank = (load.latency_count * thousandths + 999) / 1000;

	return load.latency_count == 0 ? 0 : load.latencies_us[rank == 0 ? 0 : rank - 1];
}

static void put_latencies(struct json_writer *writer)
{
	uint64_t sum = 0;

	qsort(load.latencies_us, load.latency_count, sizeof(load.latencies_us[0]),
	      compare_latencies);
	for (uint64_t i = 0; i < load.latency_count; i++)
		sum += load.latencies_us[i];
	json_key(writer, "latency_us");
	json_begin_object(writer);
	json_add_uint(writer, "mean", load.latency_count == 0 ? 0 : sum / load.latency_count);
	json_add_uint(writer, "p50", percentile_us(500));
	json_add_uint(writer, "p90", percentile_us(900));
	json_add_uint(writer, "p99", percentile_us(990));
	json_add_uint(writer, "p999", percentile_us(999));
	json_add_uint(writer, "max", percentile_us(1000));
	json_end_object(writer);
}

static void put_statuses(struct json_writer *writer)
{
	char status[12];

	json_key(writer, "statuses");
	json_begin_object(writer);
	for (unsigned int i = 0; i < STATUSES; i++) {
		if (load.statuses[i] == 0)
			continue;
		snprintf(status, sizeof(status), "%u", i);
		json_add_uint(writer, status, load.statuses[i]);
	}
	json_end_object(writer);
}

static void print_result(void)
{
	struct buffer line = { 0 };
	struct json_writer writer = { .out = &line };
	int64_t running_us = load.last_us - load.started_us;
	struct rusage usage = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	json_begin_object(&writer);
	json_add_uint(&writer, "messages", load.messages_begun);
	json_add_uint(&writer, "accepted", load.accepted);
	json_add_uint(&writer, "refused", load.refused);
	json_add_uint(&writer, "unanswered", load.unanswered);
	json_add_uint(&writer, "requests", load.begun);
	put_statuses(&writer);
	json_add_int(&writer, "running_ms", running_us / 1000);
	json_add_uint(&writer, "messages_per_s",
		      running_us <= 0 ? 0 : load.accepted * 1000000 / (uint64_t)running_us);
	put_latencies(&writer);
	json_add_int(&writer, "cpu_ms",
		     (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
			     (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000);
	json_end_object(&writer);
	buffer_text(&line, "\n");
	fwrite(line.octets, 1, line.n, stdout);
	buffer_release(&line);
}

static void start(void)
{
	struct port_options options = { .one_thread = true, .signals = true };

	load.requests = (load.options.count + load.options.batch - 1) / load.options.batch;
	load.port = port_new(&options);
	load.connections = calloc(load.options.connections, sizeof(load.connections[0]));
	load.latencies_us = calloc(load.requests, sizeof(load.latencies_us[0]));
	if (load.port == NULL || load.connections == NULL || load.latencies_us == NULL)
		fail("out of memory");
	load.log = -1;
	if (load.options.log_file != NULL) {
		load.log = open(load.options.log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
				0600);
		if (load.log < 0)
			fail("%s: %s", load.options.log_file, strerror(errno));
	}
}

static void release(void)
{
	for (uint32_t i = 0; i < load.options.connections; i++) {
		http_reader_free(load.connections[i].reader);
		buffer_release(&load.connections[i].out);
	}
	free(load.connections);
	free(load.latencies_us);
	buffer_release(&load.line);
	if (load.log >= 0)
		close(load.log);
	port_free(load.port);
	explicit_bzero(load.options.key, sizeof(load.options.key));
}

int main(int argc, char **argv)
{
	load_options_read(&load.options, argc, argv);
	if (load.options.capture_file != NULL)
		return load_capture(&load.options) ? 0 : 1;
	start();
	run();
	print_result();
	release();
	return load.accepted == load.options.count ? 0 : 1;
}
