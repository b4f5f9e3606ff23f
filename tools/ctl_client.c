/* One HTTP request over the control socket, and what to say when it goes wrong. */
#include "tools/ctl_client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http.h"
#include "core/port.h"
#include "tools/ctl_table.h"

#define LINE_OCTETS (1u << 20) /* of a stream; a longer one is not ours */

struct ctl_client {
	const char *path;
	struct port *port;
	bool interrupted;
};

/* One connection's worth of work. */
struct exchange {
	struct ctl_client *client;
	uint64_t link;
	struct http_reader *reader;
	struct buffer out;
	ctl_line_fn *line; /* NULL: a whole answer is wanted */
	void *arg;
	bool over;     /* answer complete, stopped, or hopeless */
	bool stopped;  /* by the one who takes lines */
	bool answered; /* the answer is whole */
	enum port_down reason;
	char why[PORT_TEXT_OCTETS]; /* of a link that went down; "" while it is up */
};

struct ctl_client *ctl_client_new(const char *socket_path)
{
	struct port_options options = { .one_thread = true, .signals = true };
	struct ctl_client *client = calloc(1, sizeof(*client));
	if (!client)
		return NULL;
	client->path = socket_path;
	client->port = port_new(&options);
	if (client->port)
		return client;
	free(client);
	return NULL;
}

void ctl_client_free(struct ctl_client *client)
{
	if (!client)
		return;
	port_free(client->port);
	free(client);
}

int64_t ctl_client_now_ms(struct ctl_client *client)
{
	return port_now_ms(client->port);
}

static void interrupt(struct ctl_client *client, const struct port_event *event)
{
	if (event->kind == PORT_SIGNAL && (event->signo == SIGINT || event->signo == SIGTERM))
		client->interrupted = true;
}

bool ctl_client_wait(struct ctl_client *client, int64_t until_ms)
{
	struct port_event event;
	while (!client->interrupted && port_now_ms(client->port) < until_ms) {
		port_wait(client->port, until_ms);
		while (port_next(client->port, &event))
			interrupt(client, &event);
	}
	return !client->interrupted;
}

/* ---- octets ---- */

static void write_out(struct exchange *exchange)
{
	buffer_drop(&exchange->out, port_write(exchange->client->port, exchange->link,
					       exchange->out.octets, exchange->out.n));
}

/* Whole lines out of the body; false when the one who takes them has had enough. */
static bool give_lines(struct exchange *exchange)
{
	struct buffer *body = http_reader_body(exchange->reader);
	uint8_t *end;
	while (body->n && (end = memchr(body->octets, '\n', body->n))) {
		size_t n = (size_t)(end - body->octets);
		*end = '\0';
		if (n && !exchange->line(exchange->arg, (const char *)body->octets, n))
			return false;
		buffer_drop(body, n + 1);
	}
	return body->n <= LINE_OCTETS;
}

static void take(struct exchange *exchange, enum http_reading reading)
{
	bool lines = exchange->line && reading != HTTP_READING_HEAD &&
		     reading != HTTP_READING_BAD && http_reader_status(exchange->reader) / 100 == 2;
	if (lines && !give_lines(exchange))
		exchange->stopped = exchange->over = true;
	if (reading == HTTP_READING_DONE)
		exchange->answered = exchange->over = true;
	if (reading == HTTP_READING_BAD)
		exchange->over = true;
}

static void handle(struct exchange *exchange, const struct port_event *event)
{
	interrupt(exchange->client, event);
	if (event->kind == PORT_SIGNAL || event->link != exchange->link)
		return;
	switch (event->kind) {
	case PORT_OCTETS:
		take(exchange, http_reader_feed(exchange->reader, event->octets, event->n));
		break;
	case PORT_SENT:
		if (exchange->out.n)
			write_out(exchange);
		break;
	case PORT_DOWN:
		exchange->link = 0;
		exchange->reason = event->reason;
		snprintf(exchange->why, sizeof(exchange->why), "%s", event->text);
		take(exchange, http_reader_eof(exchange->reader));
		exchange->over = true;
		break;
	case PORT_UP:
	case PORT_SIGNAL:
		break;
	}
}

/* True when the answer is whole or was stopped by the one who takes it. */
static bool run(struct exchange *exchange, const struct http_call *call, int64_t until_ms)
{
	struct ctl_client *client = exchange->client;
	struct port_target target = { .unix_path = client->path };
	struct port_event event;
	exchange->reader = http_reader_new(0);
	exchange->link = port_open(client->port, &target);
	http_call(&exchange->out, call);
	if (!exchange->reader || !exchange->link || exchange->out.failed) {
		snprintf(exchange->why, sizeof(exchange->why), "out of memory");
		return false;
	}
	write_out(exchange);
	while (!exchange->over && !client->interrupted && port_now_ms(client->port) < until_ms) {
		port_wait(client->port, until_ms);
		while (!exchange->over && port_next(client->port, &event))
			handle(exchange, &event);
	}
	if (exchange->link)
		port_abort(client->port, exchange->link);
	return exchange->answered || exchange->stopped;
}

static void release(struct exchange *exchange)
{
	http_reader_free(exchange->reader);
	buffer_release(&exchange->out);
}

/* ---- what went wrong ---- */

static void say_unreachable(const struct exchange *exchange)
{
	const char *path = exchange->client->path, *bad = "";
	if (exchange->client->interrupted) {
		fprintf(stderr, "esmectl: interrupted\n");
		return;
	}
	if (exchange->reader)
		bad = http_reader_error(exchange->reader);
	if (exchange->why[0] && exchange->reason == PORT_DOWN_CONNECT)
		fprintf(stderr,
			"esmectl: %s\n"
			"Is the daemon running, and is that its control socket (sockets.control.path)? "
			"Another one: --socket PATH or ESMED_CONTROL.\n",
			exchange->why);
	else if (*bad)
		fprintf(stderr, "esmectl: %s: not an answer of esmed: %s\n", path, bad);
	else if (exchange->why[0])
		fprintf(stderr,
			"esmectl: %s: the connection ended before the answer: %s\n"
			"Look at the daemon's log; what was asked may or may not have been done.\n",
			path, exchange->why);
	else
		fprintf(stderr, "esmectl: %s: no answer in time; is the daemon's disk stuck?\n",
			path);
}

/* `{"detail": "..."}`, or a list of objects with loc and msg. */
static void say_refused(const struct ctl_answer *answer)
{
	const struct json *detail = json_get(answer->json, "detail");
	const char *hint = json_get_text(json_get(answer->json, "hint"), NULL);
	if (json_kind(detail) != JSON_KIND_ARRAY) {
		const char *text = json_get_text(detail, NULL);
		char plain[32];
		snprintf(plain, sizeof(plain), "HTTP status %d", answer->status);
		fputs("esmectl: ", stderr);
		ctl_print_clean(stderr, text ? text : plain);
		fputc('\n', stderr);
	}
	for (size_t i = 0; i < json_count(detail) && json_kind(detail) == JSON_KIND_ARRAY; i++) {
		const struct json *item = json_at(detail, i), *loc = json_get(item, "loc");
		const char *msg = json_get_text(json_get(item, "msg"), NULL);
		fputs("esmectl: ", stderr);
		for (size_t k = 0; k < json_count(loc); k++) {
			const char *word = json_get_text(json_at(loc, k), NULL);
			int64_t number = 0;
			if (word)
				fprintf(stderr, "%s%s", k ? "." : "", word);
			else if (json_get_int(json_at(loc, k), &number))
				fprintf(stderr, "[%lld]", (long long)number);
		}
		fputs(": ", stderr);
		ctl_print_clean(stderr, msg ? msg : "refused");
		fputc('\n', stderr);
	}
	if (hint) {
		ctl_print_clean(stderr, hint);
		fputc('\n', stderr);
	}
}

static void read_answer(const struct exchange *exchange, struct ctl_answer *answer)
{
	struct json_error error;
	struct buffer *body = http_reader_body(exchange->reader);
	answer->status = http_reader_status(exchange->reader);
	buffer_append(&answer->text, body->octets, body->n);
	if (body->n)
		answer->json = json_read(body->octets, body->n, &error);
}

/* ---- calls ---- */

bool ctl_client_call(struct ctl_client *client, const struct ctl_call *call,
		     struct ctl_answer *answer)
{
	struct exchange exchange = { .client = client };
	struct http_call http = {
		.method = call->method,
		.target = call->target,
		.content_type = call->body ? "application/json" : NULL,
		.body = call->body,
		.body_octets = call->body_octets,
	};
	int64_t until_ms = call->until_ms ? call->until_ms :
					    port_now_ms(client->port) + CTL_ANSWER_MS;
	*answer = (struct ctl_answer){ 0 };
	bool answered = run(&exchange, &http, until_ms);
	if (answered)
		read_answer(&exchange, answer);
	else if (!call->quiet)
		say_unreachable(&exchange);
	release(&exchange);
	if (!answered)
		return false;
	if (answer->status / 100 == 2 && answer->json)
		return true;
	if (answer->status / 100 == 2)
		fprintf(stderr, "esmectl: %s: the answer is not JSON; is that esmed?\n",
			client->path);
	else
		say_refused(answer);
	return false;
}

void ctl_answer_release(struct ctl_answer *answer)
{
	json_free(answer->json);
	buffer_release(&answer->text);
	*answer = (struct ctl_answer){ 0 };
}

bool ctl_client_stream(struct ctl_client *client, const char *target, ctl_line_fn *line, void *arg)
{
	static const struct http_field fields[] = { { "Accept", "application/x-ndjson" } };
	struct exchange exchange = { .client = client, .line = line, .arg = arg };
	struct http_call http = {
		.method = "GET", .target = target, .fields = fields, .field_count = 1
	};
	struct ctl_answer answer = { 0 };
	bool done = run(&exchange, &http, INT64_MAX) || client->interrupted;
	bool refused = exchange.answered && http_reader_status(exchange.reader) / 100 != 2;
	if (refused) {
		read_answer(&exchange, &answer);
		say_refused(&answer);
		ctl_answer_release(&answer);
	} else if (!done) {
		say_unreachable(&exchange);
	}
	release(&exchange);
	return done && !refused;
}
