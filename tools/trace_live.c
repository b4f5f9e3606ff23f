/* A GET on the tap socket whose body is read line by line as it comes. See tools/trace_live.h. */
#include "tools/trace_live.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http.h"
#include "core/json.h"
#include "core/port.h"
#include "tools/trace_tap.h"

struct trace_live {
	struct port *port;
	uint64_t link;
	struct http_reader *reader;
	struct buffer request; /* what the port has not yet taken */
	struct trace_tap tap;  /* the line given last */
	size_t taken;	       /* octets at the front of the body that were read */
	uint64_t number;
	uint64_t dropped; /* PDUs, not yet told */
	const char *socket_path;
	bool ends;	/* the stream does, by itself */
	bool streaming; /* the daemon said 200 */
	bool ended;
	char error[512]; /* "": none */
};

/* "/tap/v1/stream?text=0&numbers=1", "/tap/v1/messages/BX-...?text=0&numbers=0" */
static void put_target(struct buffer *path, const struct trace_live_want *want)
{
	if (want->recall) {
		buffer_format(path, "/tap/v1/%s/", want->recall);
		http_encode(path, want->id);
	} else {
		buffer_text(path, "/tap/v1/stream");
	}
	buffer_format(path, "?text=%d&numbers=%d", want->text, want->numbers);
	if (!want->recall && want->link[0] != '\0') {
		buffer_text(path, "&link=");
		http_encode(path, want->link);
	}
	buffer_append(path, "", 1);
}

struct trace_live *trace_live_new(const struct trace_live_want *want)
{
	struct port_options options = { .one_thread = true, .signals = true };
	struct port_target target = { .unix_path = want->socket_path };
	struct trace_live *live = calloc(1, sizeof(*live));
	struct buffer path = { 0 };
	struct http_call call = { .method = "GET" };

	if (!live)
		return NULL;
	put_target(&path, want);
	call.target = (const char *)path.octets;
	if (!path.failed)
		http_call(&live->request, &call);
	live->ends = want->recall != NULL;
	live->socket_path = want->socket_path;
	live->reader = http_reader_new(0);
	live->port = port_new(&options);
	if (live->port)
		live->link = port_open(live->port, &target);
	if (path.failed || live->request.failed || !live->reader || live->link == 0) {
		trace_live_free(live);
		live = NULL;
	}
	buffer_release(&path);
	return live;
}

void trace_live_free(struct trace_live *live)
{
	if (!live)
		return;
	if (live->port)
		port_free(live->port);
	http_reader_free(live->reader);
	buffer_release(&live->request);
	trace_tap_release(&live->tap);
	free(live);
}

const char *trace_live_error(const struct trace_live *live)
{
	return live->error[0] != '\0' ? live->error : NULL;
}

__attribute__((format(printf, 2, 3))) static void end(struct trace_live *live, const char *format,
						      ...)
{
	va_list args;

	if (!live->ended) {
		va_start(args, format);
		vsnprintf(live->error, sizeof(live->error), format, args);
		va_end(args);
	}
	live->ended = true;
}

/* ---- events ---- */

static void write_out(struct trace_live *live)
{
	buffer_drop(&live->request,
		    port_write(live->port, live->link, live->request.octets, live->request.n));
}

/* An answer that is no stream: says what the daemon says. */
static void on_refusal(struct trace_live *live)
{
	const struct buffer *body = http_reader_body(live->reader);
	struct json_error error;
	struct json *json = json_read(body->octets, body->n, &error);
	const struct json *detail = json_get(json, "detail");
	const char *text = json_get_text(detail, NULL);
	const char *hint = json_get_text(json_get(json, "hint"), NULL);

	if (!text)
		text = json_get_text(json_get(json_at(detail, 0), "msg"), NULL);
	end(live, "%s: the daemon answers %d%s%s%s%s", live->socket_path,
	    http_reader_status(live->reader), text ? ": " : "", text ? text : "", hint ? ": " : "",
	    hint ? hint : "");
	json_free(json);
}

static void on_reading(struct trace_live *live, enum http_reading reading)
{
	switch (reading) {
	case HTTP_READING_HEAD:
		return;
	case HTTP_READING_BODY:
		live->streaming = http_reader_status(live->reader) == 200;
		return;
	case HTTP_READING_DONE:
		live->streaming = http_reader_status(live->reader) == 200;
		if (live->streaming && live->ends)
			live->ended = true;
		else if (live->streaming)
			end(live, "%s: the daemon ended the stream", live->socket_path);
		else
			on_refusal(live);
		return;
	case HTTP_READING_BAD:
		end(live, "%s: this is no tap: %s", live->socket_path,
		    http_reader_error(live->reader));
		return;
	}
}

static void on_down(struct trace_live *live, const struct port_event *event)
{
	enum http_reading reading = http_reader_eof(live->reader);

	if (event->reason == PORT_DOWN_CONNECT)
		end(live, "%s (is esmed running, and may you use its tap?)", event->text);
	else if (live->streaming)
		end(live, "%s: the daemon has gone or closed the connection", live->socket_path);
	else
		on_reading(live, reading);
}

static void handle(struct trace_live *live, const struct port_event *event)
{
	switch (event->kind) {
	case PORT_UP:
	case PORT_SENT:
		if (live->request.n > 0)
			write_out(live);
		return;
	case PORT_OCTETS:
		on_reading(live, http_reader_feed(live->reader, event->octets, event->n));
		return;
	case PORT_DOWN:
		on_down(live, event);
		return;
	case PORT_SIGNAL:
		if (event->signo == SIGUSR1)
			return;
		if (live->ends)
			end(live, "interrupted");
		live->ended = true;
		return;
	}
}

bool trace_live_wait(struct trace_live *live, int64_t most_ms)
{
	int64_t now_ms = port_now_ms(live->port);
	struct port_event event;

	if (live->ended)
		return false;
	port_wait(live->port, most_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + most_ms);
	/* Octets are for the caller to look at before anything behind them. */
	while (!live->ended && port_next(live->port, &event)) {
		handle(live, &event);
		if (event.kind == PORT_OCTETS)
			break;
	}
	return true;
}

/* ---- lines ---- */

char *trace_live_line(struct trace_live *live, size_t *n)
{
	struct buffer *body = http_reader_body(live->reader);
	char *line = (char *)body->octets + live->taken;
	size_t left = body->n - live->taken;
	const char *stop = live->streaming && left > 0 ? memchr(line, '\n', left) : NULL;

	if (!stop) {
		buffer_drop(body, live->taken);
		live->taken = 0;
		return NULL;
	}
	*n = (size_t)(stop - line);
	live->taken += *n + 1;
	return line;
}

bool trace_live_next(struct trace_live *live, struct trace_pdu *pdu)
{
	size_t n;
	char *line;

	while ((line = trace_live_line(live, &n))) {
		*pdu = (struct trace_pdu){ .message = "" };
		if (!trace_tap_line(&live->tap, line, n, pdu)) {
			end(live, "%s: this is no line of a tap", live->socket_path);
			return false;
		}
		pdu->dropped += trace_live_dropped(live);
		live->number += pdu->octets != NULL;
		pdu->number = live->number;
		if (pdu->octets || pdu->facts)
			return true;
		live->dropped = pdu->dropped;
	}
	return false;
}

bool trace_live_gap(const struct trace_live *live)
{
	return live->dropped > 0;
}

uint64_t trace_live_dropped(struct trace_live *live)
{
	uint64_t dropped = live->dropped;

	live->dropped = 0;
	return dropped;
}
