/*
 * Fuzzes core/http.h: a connection and a response reader fed with any octets keep their bounds, and
 * say the same whether the octets come in one piece or one by one.
 */
#include "core/http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void describe(const struct http_request *request, struct buffer *said)
{
	const char *cursor = NULL;
	char value[32];

	must(request->path[0] == '/' && request->field_count <= HTTP_FIELDS_MAX);
	buffer_format(said, "%s %s?%s %d%d\n", request->method, request->path, request->query,
		      request->keep_alive, request->chunked_ok);
	for (size_t i = 0; i < request->field_count; i++) {
		buffer_format(said, "%s: %s\n", request->fields[i].name, request->fields[i].value);
		must(http_header(request, request->fields[i].name) != NULL);
		must(strpbrk(request->fields[i].value, "\r\n") == NULL);
	}
	while (http_query_next(request, &cursor, value, sizeof(value)))
		http_query(request, value, 0, value, sizeof(value));
	buffer_append(said, request->body, request->body_octets);
}

static void pull_all(struct http_conn *conn, struct buffer *said)
{
	for (enum http_next next; (next = http_conn_next(conn, 0)) != HTTP_WAIT;) {
		must(next != HTTP_CLOSE);
		if (next == HTTP_ANNOUNCED) {
			must(http_conn_request(conn)->body_octets > 8);
			http_conn_go(conn, 0);
		} else if (next == HTTP_REQUESTED) {
			describe(http_conn_request(conn), said);
			http_conn_done(conn, 0);
		} else if (next == HTTP_REFUSED) {
			buffer_format(said, "%d %s\n", http_conn_refusal(conn)->status,
				      http_conn_refusal(conn)->detail);
		}
	}
}

static void serve(const uint8_t *data, size_t size, size_t step, struct buffer *said)
{
	static const struct http_limits limits = {
		.head_octets = 512, .fields_max = 8, .body_octets = 64, .announce_octets = 8
	};
	struct http_conn *conn = http_conn_new(&limits, 0);

	for (size_t i = 0; i < size; i += step) {
		size_t n = size - i < step ? size - i : step;

		must(http_conn_feed(conn, data + i, n, 0));
		pull_all(conn, said);
	}
	http_conn_free(conn);
}

static enum http_reading read_response(const uint8_t *data, size_t size, size_t step,
				       struct buffer *body)
{
	struct http_reader *reader = http_reader_new(4096);
	enum http_reading reading = HTTP_READING_HEAD;

	for (size_t i = 0; i < size; i += step)
		reading = http_reader_feed(reader, data + i, size - i < step ? size - i : step);
	must((reading == HTTP_READING_BAD) == (http_reader_error(reader)[0] != '\0'));
	if (reading == HTTP_READING_DONE) {
		buffer_append(body, http_reader_body(reader)->octets, http_reader_body(reader)->n);
		http_reader_next(reader);
	}
	http_reader_eof(reader);
	http_reader_free(reader);
	return reading;
}

static void same(const struct buffer *one, const struct buffer *other)
{
	must(one->n == other->n &&
	     (one->n == 0 || memcmp(one->octets, other->octets, one->n) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer whole = { 0 };
	struct buffer single = { 0 };

	if (size > HTTP_AHEAD_OCTETS)
		return 0;
	serve(data, size, size > 0 ? size : 1, &whole);
	serve(data, size, 1, &single);
	same(&whole, &single);
	buffer_clear(&whole);
	buffer_clear(&single);
	must(read_response(data, size, size > 0 ? size : 1, &whole) ==
	     read_response(data, size, 1, &single));
	same(&whole, &single);
	buffer_release(&whole);
	buffer_release(&single);
	return 0;
}
