/*
 * HTTP/1.1 without I/O: octets and now_ms in; requests, refusals and the next deadline out, pulled.
 * Server side for the API, client side for the tools. It is not a router and opens no socket:
 * core/port.h carries the octets. Every complete header block passes a strict scan before
 * http-parser sees it.
 *
 * Server side, per connection:
 *
 *	on PORT_OCTETS:  http_conn_feed(conn, octets, n, now_ms)
 *	then, and whenever http_conn_deadline(conn) has passed, until it says HTTP_WAIT:
 *	switch (http_conn_next(conn, now_ms))
 *	HTTP_WAIT       nothing to do
 *	HTTP_ANNOUNCED  port_pause; look at http_conn_request, which has no body yet; then either
 *	                http_conn_go, port_resume and look again, or write a reply with
 *	                keep_alive false and port_close
 *	HTTP_CONTINUE   write HTTP_CONTINUE_REPLY
 *	HTTP_REQUESTED  port_pause; handle http_conn_request(conn); write the reply; when all of
 *	                it was taken: http_conn_done(conn, now_ms); if the request's keep_alive:
 *	                port_resume and look at http_conn_next again, else port_close
 *	HTTP_REFUSED    write a reply of http_conn_refusal(conn) with keep_alive false; port_close
 *	HTTP_CLOSE      port_close without a word (idle for too long)
 */
#ifndef CORE_HTTP_H
#define CORE_HTTP_H

#include "core/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 in a member stands for the default beside it. */
struct http_limits {
	uint32_t head_octets; /* request line, fields and the empty line: 8,192 */
	uint32_t fields_max;  /* 64, at most HTTP_FIELDS_MAX */
	uint32_t body_octets; /* 1,048,576 */
	uint32_t head_ms;     /* from the first octet of a request to the end of its head: 5,000 */
	uint32_t body_ms;     /* from the end of the head to the end of the body: 10,000 */
	uint32_t total_ms;    /* from the first octet to the end of the body: 15,000 */
	uint32_t idle_ms;     /* without the first octet of a request: 60,000 */
	uint32_t announce_octets; /* a longer body is announced before it is read; 0: none is */
};

#define HTTP_FIELDS_MAX	    64
#define HTTP_AHEAD_OCTETS   (256u << 10) /* octets behind a request that is not done */
#define HTTP_CONTINUE_REPLY "HTTP/1.1 100 Continue\r\n\r\n"

struct http_field {
	const char *name;
	const char *value; /* without blanks around it */
};

/*
 * Everything in it lives until http_conn_done (client: http_reader_next) or the free of its owner.
 */
struct http_request {
	const char *method; /* "GET" */
	const char *path;   /* as sent, still percent-encoded, begins with '/' */
	const char *query;  /* as sent, behind '?'; "" when there is none */
	const struct http_field *fields;
	size_t field_count;
	const uint8_t *body;
	size_t body_octets; /* HTTP_ANNOUNCED: that are to come; there is no body */
	bool keep_alive;    /* the connection may stay open after the reply */
	bool chunked_ok;    /* HTTP/1.1: a reply of unknown length may be chunked */
};

/* Which of struct http_limits was met. */
enum http_limit {
	HTTP_LIMIT_NONE,
	HTTP_LIMIT_HEAD,
	HTTP_LIMIT_FIELDS,
	HTTP_LIMIT_BODY,
	HTTP_LIMIT_HEAD_MS,
	HTTP_LIMIT_BODY_MS,
	HTTP_LIMIT_TOTAL_MS,
	HTTP_LIMITS
};

struct http_refusal {
	int status;	    /* 400, 408, 411, 413, 431, 505; 503 without memory */
	const char *detail; /* in words, naming the limit; lives as long as the connection */
	enum http_limit limit;
};

enum http_next {
	HTTP_WAIT,
	HTTP_ANNOUNCED,
	HTTP_CONTINUE,
	HTTP_REQUESTED,
	HTTP_REFUSED,
	HTTP_CLOSE,
};

struct http_conn;

/* limits may be NULL. NULL: out of memory. */
struct http_conn *http_conn_new(const struct http_limits *limits, int64_t now_ms);
void http_conn_free(struct http_conn *conn);

/*
 * Takes all n octets. false: out of memory, or more than HTTP_AHEAD_OCTETS came behind a request
 * that is not done; drop the link (port_abort).
 */
bool http_conn_feed(struct http_conn *conn, const void *octets, size_t n, int64_t now_ms);

/*
 * HTTP_ANNOUNCED, HTTP_REQUESTED, HTTP_REFUSED and HTTP_CLOSE are each said once; until http_conn_go
 * or http_conn_done: HTTP_WAIT.
 */
enum http_next http_conn_next(struct http_conn *conn, int64_t now_ms);

/* When http_conn_next should be asked again though no octets came; INT64_MAX: never. */
int64_t http_conn_deadline(const struct http_conn *conn);

/* The announced body may come; the time that it may take begins now. */
void http_conn_go(struct http_conn *conn, int64_t now_ms);

/* The request of HTTP_ANNOUNCED and HTTP_REQUESTED; NULL when there is none. */
const struct http_request *http_conn_request(const struct http_conn *conn);

/* The refusal HTTP_REFUSED announced. */
const struct http_refusal *http_conn_refusal(const struct http_conn *conn);

/* The reply has been written; the next request may begin with what came ahead. */
void http_conn_done(struct http_conn *conn, int64_t now_ms);

/* Value of the first field of that name (letter case ignored), NULL when absent. */
const char *http_header(const struct http_request *request, const char *name);

enum http_query_result {
	HTTP_QUERY_FOUND,
	HTTP_QUERY_ABSENT,
	HTTP_QUERY_BAD, /* broken percent-encoding, NUL, or the value does not fit */
};

/*
 * The nth (from 0) value of a query parameter, decoded ("%41" and '+' for blank), NUL-terminated in
 * `out`; out is "" unless FOUND.
 */
enum http_query_result http_query(const struct http_request *request, const char *name, size_t nth,
				  char *out, size_t out_octets);

/*
 * Walks the names in the query: start with *cursor = NULL; decodes each name into `out` ("" when it
 * is broken or too long); false at the end.
 */
bool http_query_next(const struct http_request *request, const char **cursor, char *out,
		     size_t out_octets);

/* ---- replies ---- */

struct http_reply {
	int status;
	const char *content_type; /* NULL: no body at all (no Content-Type, Content-Length: 0) */
	int64_t content_length;	  /* octets of the body; -1: unknown, see chunked */
	bool chunked;		  /* with -1: as chunks; else the body ends with the link */
	bool keep_alive;	  /* false: Connection: close */
	const struct http_field
		*fields; /* further fields; a control character in a value is left out */
	size_t field_count;
};

/* Status line, fields and the empty line; the body is the caller's. */
void http_reply_head(struct buffer *out, const struct http_reply *reply);

/* A whole reply in one go: head with its content_length set from n, then the n octets of `body`. */
void http_reply_whole(struct buffer *out, const struct http_reply *reply, const void *body,
		      size_t n);

/* One chunk (nothing for n = 0), and the end of a chunked body. */
void http_chunk(struct buffer *out, const void *octets, size_t n);
void http_chunk_end(struct buffer *out);

/* "Not Found"; "" for a status without a name here. */
const char *http_status_text(int status);

/* ---- client ---- */

struct http_call {
	const char *method;
	const char *target; /* path and query, encoded */
	const char *host;   /* Host field; NULL: "localhost" */
	const struct http_field *fields;
	size_t field_count;
	const char *content_type; /* of body; NULL: no body, no Content-Length */
	const void *body;
	size_t body_octets;
	bool keep_alive;
};

/* Head and body. */
void http_call(struct buffer *out, const struct http_call *call);

/* Appends text, percent-encoded so that it is safe as a path segment or query value. */
void http_encode(struct buffer *out, const char *text);

enum http_reading {
	HTTP_READING_HEAD,
	HTTP_READING_BODY, /* the head is known; the body so far may be taken */
	HTTP_READING_DONE, /* the response is complete */
	HTTP_READING_BAD,  /* not HTTP, over a bound, or cut short; final */
};

/*
 * Reads the responses of one connection, one after the other; informational ones (1xx) are skipped.
 */
struct http_reader;

/* body_octets: more than that waiting in the body is BAD; 0 is 64 MiB. NULL: out of memory. */
struct http_reader *http_reader_new(size_t body_octets);
void http_reader_free(struct http_reader *reader);

/* The next response answers a HEAD request: it has no body. */
void http_reader_expect_no_body(struct http_reader *reader);

/* Takes all n octets; those behind a complete response wait for http_reader_next. */
enum http_reading http_reader_feed(struct http_reader *reader, const void *octets, size_t n);

/* The link ended: completes a body that ends with the link, otherwise BAD. */
enum http_reading http_reader_eof(struct http_reader *reader);

/* After DONE: forgets the response and begins the next with what waits. */
enum http_reading http_reader_next(struct http_reader *reader);

int http_reader_status(const struct http_reader *reader);
bool http_reader_keep_alive(const struct http_reader *reader);
const char *http_reader_header(const struct http_reader *reader, const char *name);

/* The decoded body that waits; the caller may buffer_drop from it, which makes room. */
struct buffer *http_reader_body(struct http_reader *reader);

/* Why it is BAD; "" otherwise. */
const char *http_reader_error(const struct http_reader *reader);

#endif
