/*
 * See http.h. The only file that knows http-parser, and it trusts it little: version 2.9.4 lets
 * pass bare LF, folded fields, "Host : a", lines without a version and empty lines in front. So the
 * head is collected octet by octet by a scanner that refuses all of that at the first wrong octet,
 * and the parser sees a head only when it is complete and clean. What arrives in one piece or in
 * single octets gives the same result, because the scanner looks at one octet at a time and nothing
 * else decides before the head is complete.
 */
#include "core/http.h"
#include "core/http_scan.h"

#include <http_parser.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	HEAD_OCTETS = 8192,
	BODY_OCTETS = 1 << 20,
	RESPONSE_HEAD_OCTETS = 16384,
	RESPONSE_BODY_OCTETS = 64 << 20,
	HEAD_MS = 5000,
	BODY_MS = 10000,
	TOTAL_MS = 15000,
	IDLE_MS = 60000,
	KEPT_ROOM = 16384, /* memory an idle connection may keep */
};

/* ---- the parser ---- */

/* The head is handed over in one piece, so each of these comes once per item; ends are cut here. */
static int on_url(http_parser *parser, const char *at, size_t n)
{
	struct http_head *head = parser->data;

	head->target = (char *)head->text.octets + ((const uint8_t *)at - head->text.octets);
	head->target[n] = '\0';
	return 0;
}

static int on_header_field(http_parser *parser, const char *at, size_t n)
{
	struct http_head *head = parser->data;
	char *name = (char *)head->text.octets + ((const uint8_t *)at - head->text.octets);

	if (head->field_count == HTTP_FIELDS_MAX)
		return -1;
	name[n] = '\0';
	head->fields[head->field_count++] = (struct http_field){ .name = name, .value = name + n };
	return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t n)
{
	struct http_head *head = parser->data;
	char *value = (char *)head->text.octets + ((const uint8_t *)at - head->text.octets);

	if (n == 0) /* the parser stands on the next line already: nothing to cut */
		return 0;
	while (n > 1 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
		n--;
	value[n] = '\0';
	head->fields[head->field_count - 1].value = value;
	return 0;
}

static void head_outcome(http_parser *parser)
{
	struct http_head *head = parser->data;

	head->content_length = parser->content_length;
	head->keep_alive = http_should_keep_alive(parser) != 0;
}

/* 1: the body is ours to count. */
static int on_request_head(http_parser *parser)
{
	head_outcome(parser);
	return 1;
}

/*
 * Parses a complete head. The ends that the callbacks cut are octets the parser has already passed:
 * it reports an item when it stands on the octet behind it. NULL: good; otherwise what is wrong.
 */
static const char *head_parse(struct http_head *head, http_parser *parser,
			      const http_parser_settings *settings)
{
	const char *text = (const char *)head->text.octets;

	head->field_count = 0;
	size_t used = http_parser_execute(parser, settings, text, head->text.n);
	enum http_errno error = HTTP_PARSER_ERRNO(parser);

	if (error != HPE_OK && error != HPE_PAUSED)
		return http_errno_description(error);
	return used == head->text.n ? NULL : "The header is malformed.";
}

static const char *find_field(const struct http_field *fields, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(fields[i].name, name) == 0)
			return fields[i].value;
	}
	return NULL;
}

/* ---- server ---- */

enum conn_state {
	CONN_HEAD,
	CONN_LONG,  /* a long body is to come, which waits to be announced */
	CONN_ASKED, /* announced; what comes of it lies in `ahead` */
	CONN_BODY,
	CONN_REQUEST, /* complete and waiting to be announced */
	CONN_REPLY,   /* announced, not done */
	CONN_REFUSED, /* waiting to be announced */
	CONN_OVER,
};

struct http_conn {
	struct http_limits limits;
	enum conn_state state;
	struct http_head head;
	struct buffer body;
	struct buffer ahead; /* came behind a request that is not done */
	bool expects;	     /* wants to hear 100 before it sends the body */
	int64_t since_ms;    /* HEAD: first octet, or idle since; BODY: end of the head */
	int64_t begun_ms;    /* first octet of the request */
	struct http_request request;
	struct http_refusal refusal;
	char detail[160];
};

static const http_parser_settings server_settings = {
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_headers_complete = on_request_head,
};

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value > 0 ? value : otherwise;
}

struct http_conn *http_conn_new(const struct http_limits *limits, int64_t now_ms)
{
	static const struct http_limits none;
	const struct http_limits *from = limits != NULL ? limits : &none;
	struct http_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn->limits = (struct http_limits){
		.head_octets = or_default(from->head_octets, HEAD_OCTETS),
		.fields_max = or_default(from->fields_max, HTTP_FIELDS_MAX),
		.body_octets = or_default(from->body_octets, BODY_OCTETS),
		.head_ms = or_default(from->head_ms, HEAD_MS),
		.body_ms = or_default(from->body_ms, BODY_MS),
		.total_ms = or_default(from->total_ms, TOTAL_MS),
		.idle_ms = or_default(from->idle_ms, IDLE_MS),
		.announce_octets = or_default(from->announce_octets, UINT32_MAX),
	};
	assert(conn->limits.fields_max <= HTTP_FIELDS_MAX);
	conn->head.octets_max = conn->limits.head_octets;
	conn->head.fields_max = conn->limits.fields_max;
	http_head_reset(&conn->head);
	conn->since_ms = now_ms;
	return conn;
}

void http_conn_free(struct http_conn *conn)
{
	if (conn == NULL)
		return;
	buffer_release(&conn->head.text);
	buffer_release(&conn->body);
	buffer_release(&conn->ahead);
	free(conn);
}

__attribute__((format(printf, 3, 4))) static void refuse(struct http_conn *conn, int status,
							 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(conn->detail, sizeof(conn->detail), format, arguments);
	va_end(arguments);
	conn->refusal = (struct http_refusal){ .status = status, .detail = conn->detail };
	conn->state = CONN_REFUSED;
}

/* Fields of which a second one would leave open which counts. */
static bool check_single_fields(struct http_conn *conn)
{
	static const char *const names[] = {
		"Host",		"Content-Length", "Transfer-Encoding",
		"Content-Type", "X-API-KEY",	  "Idempotency-Key",
		"Expect",	"Last-Event-ID",
	};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
		uint32_t count = 0;

		for (size_t i = 0; i < conn->head.field_count; i++)
			count += strcasecmp(conn->head.fields[i].name, names[k]) == 0;
		if (count > 1) {
			refuse(conn, 400, "The header field %s is there more than once.", names[k]);
			return false;
		}
	}
	return true;
}

/* The rules of a request's length: one Content-Length of digits, or no body. */
static bool check_length(struct http_conn *conn)
{
	const struct http_head *head = &conn->head;
	const char *length = find_field(head->fields, head->field_count, "Content-Length");
	const char *method = (const char *)head->text.octets;

	if (find_field(head->fields, head->field_count, "Transfer-Encoding") != NULL) {
		if (length != NULL)
			refuse(conn, 400,
			       "Content-Length and Transfer-Encoding exclude each other.");
		else
			refuse(conn, 411, "Transfer-Encoding is not taken; send a Content-Length.");
		return false;
	}
	if (length == NULL) {
		if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
		    strcmp(method, "PATCH") == 0) {
			refuse(conn, 411, "Send a Content-Length; it is 0 without a body.");
			return false;
		}
		conn->head.content_length = 0;
		return true;
	}
	if (length[0] == '\0' || length[strspn(length, "0123456789")] != '\0') {
		refuse(conn, 400, "Content-Length is not a number.");
		return false;
	}
	if (head->content_length > conn->limits.body_octets) {
		refuse(conn, 413, "The body is longer than the limit of %u octets.",
		       conn->limits.body_octets);
		conn->refusal.limit = HTTP_LIMIT_BODY;
		return false;
	}
	return true;
}

static bool check_expect(struct http_conn *conn)
{
	const char *expect = find_field(conn->head.fields, conn->head.field_count, "Expect");

	conn->expects = expect != NULL && conn->head.digits[1] == 1;
	if (conn->expects && strcasecmp(expect, "100-continue") != 0) {
		refuse(conn, 400, "Expect knows only 100-continue.");
		return false;
	}
	return true;
}

/* All of it but for the body, without which the connection cannot stay. */
static void begin_request(struct http_conn *conn)
{
	struct http_head *head = &conn->head;
	char *mark = strchr(head->target, '?');

	if (mark != NULL)
		*mark = '\0';
	conn->request = (struct http_request){
		.method = (const char *)head->text.octets,
		.path = head->target,
		.query = mark != NULL ? mark + 1 : "",
		.fields = head->fields,
		.field_count = head->field_count,
		.body_octets = (size_t)head->content_length,
		.chunked_ok = head->digits[1] == 1,
	};
}

/* The head is complete: let the parser read it and check what only a whole head can show. */
static void take_head(struct http_conn *conn, int64_t now_ms)
{
	struct http_head *head = &conn->head;
	http_parser parser;

	/*
	 * The parser refuses a second Content-Length, and one beside Transfer-Encoding, with words
	 * of its own; our checks come behind it and so only name what it lets pass.
	 */
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = head;
	const char *wrong = head_parse(head, &parser, &server_settings);

	if (wrong != NULL) {
		refuse(conn, 400, "The request is malformed: %s.", wrong);
		return;
	}
	*strchr((char *)head->text.octets, ' ') = '\0'; /* the scanner saw it behind the method */
	if (!check_single_fields(conn) || !check_length(conn) || !check_expect(conn))
		return;
	if (head->digits[1] == 1 && find_field(head->fields, head->field_count, "Host") == NULL) {
		refuse(conn, 400, "There is no Host field.");
		return;
	}
	begin_request(conn);
	conn->state = head->content_length > conn->limits.announce_octets ? CONN_LONG : CONN_BODY;
	conn->since_ms = now_ms;
}

static void refuse_head(struct http_conn *conn)
{
	const struct http_head *head = &conn->head;

	if (head->status != 431) {
		refuse(conn, head->status, "%s", head->why);
		return;
	}
	refuse(conn, 431, "%s %u.", head->why, head->limit);
	conn->refusal.limit = head->met;
}

static void complete_request(struct http_conn *conn)
{
	conn->request.body = conn->body.octets;
	/* 1.0 clients would need to be told; they get one request per connection. */
	conn->request.keep_alive = conn->head.keep_alive && conn->head.digits[1] == 1;
	conn->state = CONN_REQUEST;
}

/* Moves on with n octets as far as they go; what is behind the request waits in `ahead`. */
bool http_conn_feed(struct http_conn *conn, const void *from, size_t n, int64_t now_ms)
{
	const uint8_t *octets = from;

	if (conn->state == CONN_HEAD && n > 0) {
		if (conn->head.text.n == 0) {
			conn->begun_ms = now_ms;
			conn->since_ms = now_ms;
		}
		size_t used = http_head_feed(&conn->head, octets, n);

		octets += used;
		n -= used;
		if (conn->head.text.failed)
			return false;
		if (conn->head.state == HTTP_HEAD_BAD)
			refuse_head(conn);
		else if (conn->head.state == HTTP_HEAD_COMPLETE)
			take_head(conn, now_ms);
	}
	if (conn->state == CONN_BODY) {
		size_t missing = (size_t)conn->head.content_length - conn->body.n;
		size_t used = n < missing ? n : missing;

		buffer_append(&conn->body, octets, used);
		octets += used;
		n -= used;
		if (conn->body.failed)
			return false;
		if (used == missing)
			complete_request(conn);
	}
	if (n == 0 || conn->state == CONN_REFUSED || conn->state == CONN_OVER)
		return true; /* nobody will read it */
	buffer_append(&conn->ahead, octets, n);
	return !conn->ahead.failed && conn->ahead.n <= HTTP_AHEAD_OCTETS;
}

int64_t http_conn_deadline(const struct http_conn *conn)
{
	const struct http_limits *limits = &conn->limits;

	if (conn->state == CONN_HEAD && conn->head.text.n == 0)
		return conn->since_ms + limits->idle_ms;
	if (conn->state != CONN_HEAD && conn->state != CONN_BODY)
		return INT64_MAX;
	int64_t stage_ms =
		conn->since_ms + (conn->state == CONN_HEAD ? limits->head_ms : limits->body_ms);
	int64_t total_ms = conn->begun_ms + limits->total_ms;

	return stage_ms < total_ms ? stage_ms : total_ms;
}

static void expire(struct http_conn *conn, int64_t now_ms)
{
	const struct http_limits *had = &conn->limits;
	bool total = now_ms - conn->begun_ms >= had->total_ms, head = conn->state == CONN_HEAD;

	refuse(conn, 408, "The %s did not arrive within %u ms.",
	       total ? "request" : (head ? "header" : "body"),
	       total ? had->total_ms : (head ? had->head_ms : had->body_ms));
	conn->refusal.limit = total ? HTTP_LIMIT_TOTAL_MS :
				      (head ? HTTP_LIMIT_HEAD_MS : HTTP_LIMIT_BODY_MS);
}

enum http_next http_conn_next(struct http_conn *conn, int64_t now_ms)
{
	if (now_ms >= http_conn_deadline(conn)) {
		if (conn->state == CONN_HEAD && conn->head.text.n == 0) {
			conn->state = CONN_OVER;
			return HTTP_CLOSE;
		}
		expire(conn, now_ms);
	}
	switch (conn->state) {
	case CONN_LONG:
		conn->state = CONN_ASKED;
		return HTTP_ANNOUNCED;
	case CONN_BODY:
		if (!conn->expects)
			return HTTP_WAIT;
		conn->expects = false;
		return HTTP_CONTINUE;
	case CONN_REQUEST:
		conn->state = CONN_REPLY;
		return HTTP_REQUESTED;
	case CONN_REFUSED:
		conn->state = CONN_OVER;
		return HTTP_REFUSED;
	case CONN_HEAD:
	case CONN_ASKED:
	case CONN_REPLY:
	case CONN_OVER:
		break;
	}
	return HTTP_WAIT;
}

const struct http_request *http_conn_request(const struct http_conn *conn)
{
	return conn->state == CONN_REPLY || conn->state == CONN_ASKED ? &conn->request : NULL;
}

const struct http_refusal *http_conn_refusal(const struct http_conn *conn)
{
	return &conn->refusal;
}

static void shed(struct buffer *buffer)
{
	if (buffer->room > KEPT_ROOM)
		buffer_release(buffer);
	else
		buffer_clear(buffer);
}

/* Moves on in `state` with what came ahead. */
static void go_on(struct http_conn *conn, enum conn_state state, int64_t now_ms)
{
	struct buffer ahead = conn->ahead;

	conn->state = state;
	conn->since_ms = now_ms;
	conn->ahead = (struct buffer){ 0 };
	/* It cannot fail for length: what is ahead now is no longer than what was. */
	if (!http_conn_feed(conn, ahead.octets, ahead.n, now_ms))
		refuse(conn, 503, "Out of memory.");
	buffer_release(&ahead);
}

void http_conn_go(struct http_conn *conn, int64_t now_ms)
{
	if (conn->state == CONN_ASKED)
		go_on(conn, CONN_BODY, now_ms);
}

void http_conn_done(struct http_conn *conn, int64_t now_ms)
{
	if (conn->state != CONN_REPLY)
		return;
	http_head_reset(&conn->head);
	shed(&conn->body);
	conn->request = (struct http_request){ 0 };
	go_on(conn, CONN_HEAD, now_ms);
}

const char *http_header(const struct http_request *request, const char *name)
{
	return find_field(request->fields, request->field_count, name);
}

/* ---- client ---- */

struct http_reader {
	enum http_reading reading;
	struct http_head head;
	http_parser parser;
	bool no_body;
	bool complete; /* the parser saw the end of the response */
	size_t body_max;
	struct buffer body;
	struct buffer ahead;
	const char *error;
};

/* The head is the first member's neighbour: the parser's data is the head for both sides. */
static struct http_reader *reader_of(http_parser *parser)
{
	return (struct http_reader *)(void *)((char *)parser -
					      offsetof(struct http_reader, parser));
}

static int on_response_head(http_parser *parser)
{
	head_outcome(parser);
	return reader_of(parser)->no_body ? 1 : 0;
}

static int on_body(http_parser *parser, const char *at, size_t n)
{
	buffer_append(&reader_of(parser)->body, at, n);
	return reader_of(parser)->body.failed ? -1 : 0;
}

static int on_complete(http_parser *parser)
{
	reader_of(parser)->complete = true;
	http_parser_pause(parser, 1); /* what follows belongs to the next response */
	return 0;
}

static const http_parser_settings head_settings = {
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_headers_complete = on_response_head,
	.on_message_complete = on_complete,
};

/* Fields behind a chunked body (trailers) are passed over. */
static const http_parser_settings body_settings = {
	.on_body = on_body,
	.on_message_complete = on_complete,
};

struct http_reader *http_reader_new(size_t body_octets)
{
	struct http_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	reader->body_max = body_octets > 0 ? body_octets : RESPONSE_BODY_OCTETS;
	reader->head.response = true;
	reader->head.octets_max = RESPONSE_HEAD_OCTETS;
	reader->head.fields_max = HTTP_FIELDS_MAX;
	reader->error = "";
	http_head_reset(&reader->head);
	return reader;
}

void http_reader_free(struct http_reader *reader)
{
	if (reader == NULL)
		return;
	buffer_release(&reader->head.text);
	buffer_release(&reader->body);
	buffer_release(&reader->ahead);
	free(reader);
}

void http_reader_expect_no_body(struct http_reader *reader)
{
	reader->no_body = true;
}

static enum http_reading reader_bad(struct http_reader *reader, const char *why)
{
	reader->error = why;
	reader->reading = HTTP_READING_BAD;
	return HTTP_READING_BAD;
}

/* A complete head: informational ones are forgotten, the others open the body. */
static enum http_reading reader_take_head(struct http_reader *reader)
{
	http_parser_init(&reader->parser, HTTP_RESPONSE);
	reader->parser.data = &reader->head;
	reader->complete = false;
	const char *wrong = head_parse(&reader->head, &reader->parser, &head_settings);

	if (wrong != NULL)
		return reader_bad(reader, wrong);
	if (reader->parser.status_code < 200) {
		http_head_reset(&reader->head);
		return HTTP_READING_HEAD;
	}
	reader->reading = reader->complete ? HTTP_READING_DONE : HTTP_READING_BODY;
	return reader->reading;
}

static enum http_reading reader_take_body(struct http_reader *reader, const char *octets, size_t *n)
{
	size_t used = http_parser_execute(&reader->parser, &body_settings, octets, *n);
	enum http_errno error = HTTP_PARSER_ERRNO(&reader->parser);

	if (error != HPE_OK && error != HPE_PAUSED)
		return reader_bad(reader, http_errno_description(error));
	if (reader->body.n > reader->body_max)
		return reader_bad(reader, "the body is longer than expected");
	*n = used;
	if (reader->complete)
		reader->reading = HTTP_READING_DONE;
	return reader->reading;
}

enum http_reading http_reader_feed(struct http_reader *reader, const void *octets, size_t n)
{
	const uint8_t *p = octets;

	while (n > 0 && reader->reading == HTTP_READING_HEAD) {
		size_t used = http_head_feed(&reader->head, p, n);

		p += used;
		n -= used;
		if (reader->head.state == HTTP_HEAD_BAD || reader->head.text.failed)
			return reader_bad(reader, reader->head.text.failed ? "out of memory" :
									     reader->head.why);
		if (reader->head.state == HTTP_HEAD_COMPLETE)
			reader_take_head(reader);
	}
	if (n > 0 && reader->reading == HTTP_READING_BODY) {
		size_t used = n;

		if (reader_take_body(reader, (const char *)p, &used) == HTTP_READING_BAD)
			return HTTP_READING_BAD;
		p += used;
		n -= used;
	}
	if (n > 0 && reader->reading == HTTP_READING_DONE) {
		buffer_append(&reader->ahead, p, n);
		if (reader->ahead.failed || reader->ahead.n > HTTP_AHEAD_OCTETS)
			return reader_bad(reader, "too much behind the response");
	}
	return reader->reading;
}

enum http_reading http_reader_eof(struct http_reader *reader)
{
	if (reader->reading == HTTP_READING_HEAD)
		return reader_bad(reader, "the link ended before the response");
	if (reader->reading == HTTP_READING_BODY) {
		http_parser_execute(&reader->parser, &body_settings, NULL, 0);
		if (!reader->complete)
			return reader_bad(reader, "the link ended within the response");
		reader->reading = HTTP_READING_DONE;
	}
	return reader->reading;
}

enum http_reading http_reader_next(struct http_reader *reader)
{
	if (reader->reading != HTTP_READING_DONE)
		return reader->reading;
	struct buffer ahead = reader->ahead;

	reader->ahead = (struct buffer){ 0 };
	http_head_reset(&reader->head);
	shed(&reader->body);
	reader->no_body = false;
	reader->reading = HTTP_READING_HEAD;
	http_reader_feed(reader, ahead.octets, ahead.n);
	buffer_release(&ahead);
	return reader->reading;
}

int http_reader_status(const struct http_reader *reader)
{
	return reader->reading == HTTP_READING_HEAD ? 0 : (int)reader->parser.status_code;
}

bool http_reader_keep_alive(const struct http_reader *reader)
{
	return reader->head.keep_alive;
}

const char *http_reader_header(const struct http_reader *reader, const char *name)
{
	return find_field(reader->head.fields, reader->head.field_count, name);
}

struct buffer *http_reader_body(struct http_reader *reader)
{
	return &reader->body;
}

const char *http_reader_error(const struct http_reader *reader)
{
	return reader->error;
}
