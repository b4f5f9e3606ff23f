/*
 * HTTP without I/O. Everything the server side is given comes twice: in one piece and octet by octet,
 * and both must say the same.
 */
#include "core/http.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers ---- */

/* What a connection says to the octets, as text; each request is done at once. */
static void pull_all(struct http_conn *conn, int64_t now_ms, struct buffer *said)
{
	for (;;) {
		switch (http_conn_next(conn, now_ms)) {
		case HTTP_WAIT:
			return;
		case HTTP_ANNOUNCED:
			assert_false(http_conn_request(conn)->keep_alive);
			assert_null(http_conn_request(conn)->body);
			buffer_format(said, "announced %s %s ?%s %zu\n",
				      http_conn_request(conn)->method,
				      http_conn_request(conn)->path, http_conn_request(conn)->query,
				      http_conn_request(conn)->body_octets);
			assert_int_equal(http_conn_next(conn, now_ms), HTTP_WAIT);
			http_conn_go(conn, now_ms);
			break;
		case HTTP_CONTINUE:
			buffer_text(said, "continue\n");
			break;
		case HTTP_REQUESTED: {
			const struct http_request *request = http_conn_request(conn);

			buffer_format(said, "%s %s ?%s%s%s", request->method, request->path,
				      request->query, request->keep_alive ? " keep" : "",
				      request->chunked_ok ? "" : " 1.0");
			for (size_t i = 0; i < request->field_count; i++)
				buffer_format(said, " [%s: %s]", request->fields[i].name,
					      request->fields[i].value);
			buffer_format(said, " %.*s\n", (int)request->body_octets,
				      request->body_octets > 0 ? (const char *)request->body : "");
			http_conn_done(conn, now_ms);
			assert_null(http_conn_request(conn));
			break;
		}
		case HTTP_REFUSED:
			buffer_format(said, "%d %s\n", http_conn_refusal(conn)->status,
				      http_conn_refusal(conn)->detail);
			break;
		case HTTP_CLOSE:
			buffer_text(said, "close\n");
			break;
		}
	}
}

static void play(const struct http_limits *limits, const void *octets, size_t n, size_t step,
		 struct buffer *said)
{
	struct http_conn *conn = http_conn_new(limits, 0);

	buffer_clear(said);
	for (size_t i = 0; i < n; i += step) {
		size_t part = n - i < step ? n - i : step;

		assert_true(http_conn_feed(conn, (const char *)octets + i, part, 0));
		pull_all(conn, 0, said);
	}
	buffer_append(said, "", 1);
	http_conn_free(conn);
}

static void says_n(const struct http_limits *limits, const void *octets, size_t n,
		   const char *expected)
{
	struct buffer said = { 0 };

	play(limits, octets, n, n > 0 ? n : 1, &said);
	assert_string_equal((char *)said.octets, expected);
	play(limits, octets, n, 1, &said);
	assert_string_equal((char *)said.octets, expected);
	buffer_release(&said);
}

static void says(const char *text, const char *expected)
{
	says_n(NULL, text, strlen(text), expected);
}

static void repeat(struct buffer *out, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buffer_text(out, text);
}

/* ---- what is taken ---- */

static void test_http__reads_requests(void **state)
{
	(void)state;
	says("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / ? keep [Host: a] \n");
	says("GET /api/v1/dlr?limit=5&skip=0 HTTP/1.1\r\nHost: a\r\nX-API-KEY:k\r\n\r\n",
	     "GET /api/v1/dlr ?limit=5&skip=0 keep [Host: a] [X-API-KEY: k] \n");
	says("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd",
	     "POST /p ? keep [Host: a] [Content-Length: 4] abcd\n");
	says("GET /g HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
	     "GET /g ? keep [Host: a] [Content-Length: 2] {}\n");
	says("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
	     "POST /p ? keep [Host: a] [Content-Length: 0] \n");
	says("DELETE /d? HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	     "DELETE /d ? [Host: a] [Connection: close] \n");
	says("GET / HTTP/1.0\r\n\r\n", "GET / ? 1.0 \n");
	says("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	     "GET / ? 1.0 [Connection: keep-alive] \n");
	says("", "");
}

static void test_http__trims_and_keeps_values(void **state)
{
	(void)state;
	says("GET / HTTP/1.1\r\nHost: a\r\nA: \t b c \t\r\nB:\r\nC: \r\nD: h\xc3\xa9\r\nE:\r\n\r\n",
	     "GET / ? keep [Host: a] [A: b c] [B: ] [C: ] [D: h\xc3\xa9] [E: ] \n");
}

static void test_http__takes_one_request_after_the_other(void **state)
{
	(void)state;
	says("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxGET /2 HTTP/1.1\r\n"
	     "Host: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
	     "POST /1 ? keep [Host: a] [Content-Length: 1] x\nGET /2 ? keep [Host: a] \n"
	     "GET /3 ? keep [Host: a] \n");
}

static void test_http__ignores_an_upgrade(void **state)
{
	(void)state;
	says("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	     "GET / ? keep [Host: a] [Connection: Upgrade] [Upgrade: h2c] \n");
}

static void test_http__asks_for_a_body_that_waits(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
				   "Content-Length: 2\r\n\r\n";
	struct http_conn *conn = http_conn_new(NULL, 0);
	struct buffer said = { 0 };

	(void)state;
	assert_true(http_conn_feed(conn, head, sizeof(head) - 1, 0));
	assert_int_equal(http_conn_next(conn, 0), HTTP_CONTINUE);
	assert_int_equal(http_conn_next(conn, 0), HTTP_WAIT);
	assert_true(http_conn_feed(conn, "ok", 2, 0));
	assert_int_equal(http_conn_next(conn, 0), HTTP_REQUESTED);
	http_conn_done(conn, 0);
	/* When the body is there already nobody needs to be asked. */
	assert_true(http_conn_feed(conn, head, sizeof(head) - 1, 0));
	assert_true(http_conn_feed(conn, "ok", 2, 0));
	assert_int_equal(http_conn_next(conn, 0), HTTP_REQUESTED);
	http_conn_free(conn);
	buffer_release(&said);
}

static void test_http__announces_a_long_body(void **state)
{
	static const struct http_limits limits = { .announce_octets = 3 };
	static const char text[] = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
				   "POST /q?r HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd"
				   "GET /g HTTP/1.1\r\nHost: a\r\n\r\n";

	(void)state;
	says_n(&limits, text, sizeof(text) - 1,
	       "POST /p ? keep [Host: a] [Content-Length: 3] abc\n"
	       "announced POST /q ?r 4\n"
	       "POST /q ?r keep [Host: a] [Content-Length: 4] abcd\n"
	       "GET /g ? keep [Host: a] \n");
}

static void test_http__finds_headers_whatever_their_case(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nhOST: a\r\nX-Api-Key: k\r\nAccept: 1\r\n"
				   "accept: 2\r\n\r\n";
	struct http_conn *conn = http_conn_new(NULL, 0);

	(void)state;
	assert_null(http_conn_request(conn));
	assert_true(http_conn_feed(conn, text, sizeof(text) - 1, 0));
	assert_int_equal(http_conn_next(conn, 0), HTTP_REQUESTED);
	assert_string_equal(http_header(http_conn_request(conn), "X-API-KEY"), "k");
	assert_string_equal(http_header(http_conn_request(conn), "Accept"), "1");
	assert_null(http_header(http_conn_request(conn), "X-API-KE"));
	http_conn_free(conn);
}

/* ---- what is refused ---- */

static void test_http__refuses_bad_request_lines(void **state)
{
	static const char method[] = "400 The method is malformed.\n";
	static const char slash[] = "400 The request target must begin with a slash.\n";
	static const char encoded[] =
		"400 The request target has a character that must be encoded.\n";
	static const char version[] = "400 The HTTP version is malformed.\n";
	static const char other[] = "505 Only HTTP/1.1 and HTTP/1.0 are spoken.\n";

	(void)state;
	says("\r\nGET / HTTP/1.1\r\n\r\n", method);
	says("\nGET", method);
	says(" GET / HTTP/1.1\r\n\r\n", method);
	says("G\x01T / HTTP/1.1\r\n\r\n", method);
	says("\x16\x03\x01", method);
	says("GET\t/ HTTP/1.1\r\n\r\n", method);
	says("GET  / HTTP/1.1\r\n\r\n", slash);
	says("GET http://a/ HTTP/1.1\r\n\r\n", slash);
	says("OPTIONS * HTTP/1.1\r\n\r\n", slash);
	says("CONNECT a:1 HTTP/1.1\r\n\r\n", slash);
	says("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", slash);
	says("GET /a\tb HTTP/1.1\r\n\r\n", encoded);
	says("GET /\xc3\xa9 HTTP/1.1\r\n\r\n", encoded);
	says("GET /a#b HTTP/1.1\r\n\r\n", encoded);
	says("GET /\x7f HTTP/1.1\r\n\r\n", encoded);
	says_n(NULL, "GET /\0 HTTP/1.1\r\n\r\n", 19, encoded);
	says("GET /\r\n", "400 The request line has no HTTP version.\n");
	says("GET /\n", "400 The request line has no HTTP version.\n");
	says("GET / \r\n", version);
	says("GET /  HTTP/1.1\r\n\r\n", version);
	says("GET / http/1.1\r\n\r\n", version);
	says("GET / HTTP/1.1 \r\n\r\n", version);
	says("GET / HTTP/11\r\n\r\n", version);
	says("GET / HTTP/1.1\n\n", version);
	says("GET / HTTP/1.10\r\n\r\n", version);
	says("GET / HTTP/x.1\r\n\r\n", version);
	says("GET / HTTP/2.0\r\n\r\n", other);
	says("GET / HTTP/1.2\r\n\r\n", other);
	says("GET / HTTP/0.9\r\n\r\n", other);
	says("BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
	     "400 The request is malformed: invalid HTTP method.\n");
}

#define LINE "GET / HTTP/1.1\r\n"

static void test_http__refuses_bad_fields(void **state)
{
	static const char lf[] = "400 A line does not end with CR LF.\n";
	static const char control[] = "400 A header field has a control character.\n";

	(void)state;
	says(LINE "Host : a\r\n\r\n", "400 A header field's name is malformed.\n");
	says(LINE "Ho st: a\r\n\r\n", "400 A header field's name is malformed.\n");
	says(LINE "Host\r\n\r\n", "400 A header field's name is malformed.\n");
	says(LINE "H\xc3\xb6st: a\r\n\r\n", "400 A header field's name is malformed.\n");
	says(LINE ": a\r\n\r\n", "400 A header field has no name.\n");
	says(LINE "\xff: a\r\n\r\n", "400 A header field has no name.\n");
	says(LINE "\nHost: a\r\n\r\n", "400 A header field has no name.\n");
	says(LINE " Host: a\r\n\r\n", "400 A header field is folded over lines.\n");
	says(LINE "Host: a\r\n\tb\r\n\r\n", "400 A header field is folded over lines.\n");
	says(LINE "Host: a\n\r\n", control);
	says(LINE "Host: a\x01\r\n\r\n", control);
	says(LINE "Host: a\x7f\r\n\r\n", control);
	says_n(NULL, LINE "Host: \0\r\n\r\n", sizeof(LINE) + 10, control);
	says(LINE "Host: a\rb\r\n\r\n", lf);
	says(LINE "Host: a\r\r\n\r\n", lf);
	says(LINE "Host: a\r\n\rx", lf);
	says("GET / HTTP/1.1\r\r\n", lf);
	says(LINE "\r\n", "400 There is no Host field.\n");
}

static void test_http__refuses_a_field_that_counts_twice(void **state)
{
	static const char *const names[] = { "Host",	     "X-API-KEY",     "Idempotency-Key",
					     "Content-Type", "Last-Event-ID", "Expect" };
	char text[200];
	char expected[100];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), LINE "%s: 100-continue\r\n%s: b\r\n\r\n", names[i],
			 names[i]);
		snprintf(expected, sizeof(expected),
			 "400 The header field %s is there more than once.\n", names[i]);
		says(text, expected);
	}
}

static void test_http__refuses_smuggled_lengths(void **state)
{
	struct buffer said = { 0 };
	static const char *const texts[] = {
		"Content-Length: 1\r\nContent-Length: 1",
		"Content-Length: 1\r\nContent-Length: 2",
		"Content-Length: 1, 1",
		"Content-Length: 1 1",
		"Content-Length: +1",
		"Content-Length: -1",
		"Content-Length: 0x1",
		"Content-Length: 1.0",
		"Content-Length:",
		"Content-Length: a",
		"Content-Length: 99999999999999999999",
		"Content-Length: 1\r\nTransfer-Encoding: chunked",
		"Transfer-Encoding: chunked\r\nContent-Length: 1",
		"Transfer-Encoding: identity\r\nContent-Length: 1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char text[200];
		struct buffer again = { 0 };

		snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\nx", texts[i]);
		play(NULL, text, strlen(text), strlen(text), &said);
		if (memcmp(said.octets, "400 ", 4) != 0)
			fail_msg("%s: %s", texts[i], (char *)said.octets);
		play(NULL, text, strlen(text), 1, &again);
		assert_string_equal((char *)said.octets, (char *)again.octets);
		buffer_release(&again);
	}
	buffer_release(&said);
}

static void test_http__wants_a_length(void **state)
{
	(void)state;
	says("POST / HTTP/1.1\r\nHost: a\r\n\r\n",
	     "411 Send a Content-Length; it is 0 without a body.\n");
	says("PUT / HTTP/1.0\r\n\r\n", "411 Send a Content-Length; it is 0 without a body.\n");
	says("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	     "411 Transfer-Encoding is not taken; send a Content-Length.\n");
	says("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
	     "411 Transfer-Encoding is not taken; send a Content-Length.\n");
	says("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n",
	     "400 Expect knows only 100-continue.\n");
}

static void test_http__says_nothing_after_a_refusal(void **state)
{
	(void)state;
	says("GET / HTTP/3.0\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	     "505 Only HTTP/1.1 and HTTP/1.0 are spoken.\n");
}

static void test_http__waits_at_every_truncation(void **state)
{
	static const char text[] = "POST /a?b=c HTTP/1.1\r\nHost: a\r\nX: y\r\n"
				   "Content-Length: 3\r\n\r\nabc";

	(void)state;
	for (size_t n = 0; n + 1 < sizeof(text); n++)
		says_n(NULL, text, n, "");
}

/* ---- limits, and one past each ---- */

static void test_http__bounds_the_head(void **state)
{
	static const char begin[] = LINE "Host: a\r\nX: ";
	struct buffer text = { 0 };
	struct buffer said = { 0 };

	(void)state;
	buffer_text(&text, begin);
	repeat(&text, "v", 8192 - (sizeof(begin) - 1) - 4);
	buffer_text(&text, "\r\n\r\n");
	assert_int_equal(text.n, 8192);
	play(NULL, text.octets, text.n, text.n, &said);
	assert_memory_equal(said.octets, "GET / ? keep ", 13);
	play(NULL, text.octets, text.n, 1, &said);
	assert_memory_equal(said.octets, "GET / ? keep ", 13);
	buffer_clear(&text);
	buffer_text(&text, begin);
	repeat(&text, "v", 8192 - (sizeof(begin) - 1) - 3);
	buffer_text(&text, "\r\n\r\n");
	says_n(NULL, text.octets, text.n, "431 The header is longer than the limit of 8192.\n");
	says_n(&(struct http_limits){ .head_octets = 20 }, LINE "Host: a\r\n\r\n", 27,
	       "431 The header is longer than the limit of 20.\n");
	buffer_release(&text);
	buffer_release(&said);
}

static void test_http__bounds_the_fields(void **state)
{
	struct buffer text = { 0 };
	struct buffer said = { 0 };

	(void)state;
	buffer_text(&text, LINE "Host: a\r\n");
	repeat(&text, "X: y\r\n", 63);
	buffer_text(&text, "\r\n");
	play(NULL, text.octets, text.n, 1, &said);
	assert_memory_equal(said.octets, "GET / ? keep ", 13);
	buffer_clear(&text);
	buffer_text(&text, LINE "Host: a\r\n");
	repeat(&text, "X: y\r\n", 64);
	buffer_text(&text, "\r\n");
	says_n(NULL, text.octets, text.n,
	       "431 There are more header fields than the limit of 64.\n");
	buffer_release(&text);
	buffer_release(&said);
}

static void test_http__bounds_the_body(void **state)
{
	struct http_limits limits = { .body_octets = 4 };
	struct buffer text = { 0 };
	struct buffer said = { 0 };

	(void)state;
	says_n(&limits, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd", 50,
	       "PUT / ? keep [Host: a] [Content-Length: 4] abcd\n");
	says_n(&limits, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 46,
	       "413 The body is longer than the limit of 4 octets.\n");
	/* Nobody is asked to send what will be refused. */
	says("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1048577\r\n\r\n",
	     "413 The body is longer than the limit of 1048576 octets.\n");
	buffer_text(&text, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
	repeat(&text, "abcdefgh", 131072);
	play(NULL, text.octets, text.n, 10007, &said);
	/* The text has one more for its newline, and sizeof and `said` both count an end. */
	assert_int_equal(said.n,
			 1048576 + 1 + sizeof("PUT / ? keep [Host: a] [Content-Length: 1048576] "));
	buffer_release(&text);
	buffer_release(&said);
}

static void test_http__bounds_what_comes_ahead(void **state)
{
	struct http_conn *conn = http_conn_new(NULL, 0);
	static uint8_t zeros[HTTP_AHEAD_OCTETS];

	(void)state;
	assert_true(http_conn_feed(conn, LINE "Host: a\r\n\r\n", sizeof(LINE) + 10, 0));
	assert_int_equal(http_conn_next(conn, 0), HTTP_REQUESTED);
	assert_true(http_conn_feed(conn, zeros, sizeof(zeros), 0));
	assert_int_equal(http_conn_next(conn, 0), HTTP_WAIT);
	assert_false(http_conn_feed(conn, zeros, 1, 0));
	http_conn_free(conn);
}

/* ---- deadlines ---- */

static void expires(struct http_conn *conn, int64_t at_ms, const char *expected)
{
	struct buffer said = { 0 };

	assert_int_equal(http_conn_deadline(conn), at_ms);
	pull_all(conn, at_ms - 1, &said);
	assert_int_equal(said.n, 0);
	pull_all(conn, at_ms, &said);
	buffer_append(&said, "", 1);
	assert_string_equal((char *)said.octets, expected);
	assert_true(http_conn_deadline(conn) == INT64_MAX);
	buffer_release(&said);
	http_conn_free(conn);
}

static void test_http__closes_an_idle_connection(void **state)
{
	struct http_conn *conn = http_conn_new(NULL, 1000);

	(void)state;
	expires(conn, 61000, "close\n");
	conn = http_conn_new(NULL, 1000);
	assert_true(http_conn_feed(conn, LINE "Host: a\r\n\r\n", sizeof(LINE) + 10, 2000));
	assert_int_equal(http_conn_next(conn, 2000), HTTP_REQUESTED);
	assert_true(http_conn_deadline(conn) == INT64_MAX); /* the reply is the caller's business */
	http_conn_done(conn, 3000);
	expires(conn, 63000, "close\n");
}

static void test_http__times_the_head_from_its_first_octet(void **state)
{
	struct http_conn *conn = http_conn_new(NULL, 0);

	(void)state;
	assert_true(http_conn_feed(conn, "G", 1, 50000));
	assert_true(http_conn_feed(conn, "E", 1, 54999));
	expires(conn, 55000, "408 The header did not arrive within 5000 ms.\n");
}

static void test_http__times_the_body_from_the_end_of_the_head(void **state)
{
	static const char head[] = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n";
	struct http_conn *conn = http_conn_new(NULL, 0);

	(void)state;
	assert_true(http_conn_feed(conn, head, 1, 0));
	assert_true(http_conn_feed(conn, head + 1, sizeof(head) - 2, 4000));
	assert_true(http_conn_feed(conn, "drip", 4, 13000));
	expires(conn, 14000, "408 The body did not arrive within 10000 ms.\n");
}

static void test_http__times_an_announced_body_from_when_it_may_come(void **state)
{
	static const struct http_limits limits = { .announce_octets = 1 };
	static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na";
	struct http_conn *conn = http_conn_new(&limits, 0);

	(void)state;
	assert_true(http_conn_feed(conn, text, sizeof(text) - 1, 100));
	assert_int_equal(http_conn_next(conn, 100), HTTP_ANNOUNCED);
	assert_true(http_conn_deadline(conn) == INT64_MAX); /* how long it waits is the caller's */
	assert_true(http_conn_feed(conn, "b", 1, 200));
	assert_int_equal(http_conn_next(conn, 4000), HTTP_WAIT);
	http_conn_go(conn, 4000);
	assert_int_equal(http_conn_next(conn, 4000), HTTP_REQUESTED);
	assert_memory_equal(http_conn_request(conn)->body, "ab", 2);
	http_conn_done(conn, 4000);
	assert_true(http_conn_feed(conn, text, sizeof(text) - 1, 5000));
	assert_int_equal(http_conn_next(conn, 5000), HTTP_ANNOUNCED);
	http_conn_go(conn, 7000);
	expires(conn, 17000, "408 The body did not arrive within 10000 ms.\n");
}

static void test_http__times_the_whole_request(void **state)
{
	static const char head[] = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n";
	struct http_limits limits = { .total_ms = 12000 };
	struct http_conn *conn = http_conn_new(&limits, 0);

	(void)state;
	assert_true(http_conn_feed(conn, head, 1, 0));
	assert_true(http_conn_feed(conn, head + 1, sizeof(head) - 2, 4000));
	expires(conn, 12000, "408 The request did not arrive within 12000 ms.\n");
}

static void test_http__serves_what_arrived_before_its_deadline(void **state)
{
	struct http_conn *conn = http_conn_new(NULL, 0);

	(void)state;
	assert_true(http_conn_feed(conn, LINE "Host: a\r\n\r\n", sizeof(LINE) + 10, 100));
	assert_int_equal(http_conn_next(conn, 100000), HTTP_REQUESTED);
	http_conn_free(conn);
}

static void test_http__times_what_came_ahead_from_its_turn(void **state)
{
	struct http_conn *conn = http_conn_new(NULL, 0);

	(void)state;
	assert_true(http_conn_feed(conn, LINE "Host: a\r\n\r\nGET", sizeof(LINE) + 13, 0));
	assert_int_equal(http_conn_next(conn, 0), HTTP_REQUESTED);
	http_conn_done(conn, 20000);
	expires(conn, 25000, "408 The header did not arrive within 5000 ms.\n");
}

/* ---- queries ---- */

static void test_http__decodes_queries(void **state)
{
	struct http_request request = {
		.query = "a=1&b=x%20y+z&a=2&flag&e=&%63=d&bad=%4&worse=%zz&nul=%00&&=x&long=12345"
	};
	char out[6];
	const char *cursor = NULL;
	static const char *const names[] = { "a",   "b",     "a",   "flag", "e",   "c",
					     "bad", "worse", "nul", "",	    "long" };

	(void)state;
	assert_int_equal(http_query(&request, "a", 0, out, 6), HTTP_QUERY_FOUND);
	assert_string_equal(out, "1");
	assert_int_equal(http_query(&request, "a", 1, out, 6), HTTP_QUERY_FOUND);
	assert_string_equal(out, "2");
	assert_int_equal(http_query(&request, "a", 2, out, 6), HTTP_QUERY_ABSENT);
	assert_string_equal(out, "");
	assert_int_equal(http_query(&request, "b", 0, out, 6), HTTP_QUERY_FOUND);
	assert_string_equal(out, "x y z");
	assert_int_equal(http_query(&request, "flag", 0, out, 6), HTTP_QUERY_FOUND);
	assert_string_equal(out, "");
	assert_int_equal(http_query(&request, "e", 0, out, 6), HTTP_QUERY_FOUND);
	assert_int_equal(http_query(&request, "c", 0, out, 6), HTTP_QUERY_FOUND);
	assert_int_equal(http_query(&request, "none", 0, out, 6), HTTP_QUERY_ABSENT);
	assert_int_equal(http_query(&request, "bad", 0, out, 6), HTTP_QUERY_BAD);
	assert_int_equal(http_query(&request, "worse", 0, out, 6), HTTP_QUERY_BAD);
	assert_int_equal(http_query(&request, "nul", 0, out, 6), HTTP_QUERY_BAD);
	assert_int_equal(http_query(&request, "long", 0, out, 6), HTTP_QUERY_FOUND);
	assert_int_equal(http_query(&request, "long", 0, out, 5), HTTP_QUERY_BAD);
	assert_string_equal(out, "");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(http_query_next(&request, &cursor, out, sizeof(out)));
		assert_string_equal(out, names[i]);
	}
	assert_false(http_query_next(&request, &cursor, out, sizeof(out)));
}

/* ---- replies and calls ---- */

static void assert_text(struct buffer *out, const char *expected)
{
	buffer_append(out, "", 1);
	assert_string_equal((char *)out->octets, expected);
	buffer_clear(out);
}

static void test_http__writes_replies(void **state)
{
	struct http_field fields[] = { { "Allow", "GET" }, { "X", "a\r\nSet-Cookie: b\x01" } };
	struct buffer out = { 0 };

	(void)state;
	http_reply_whole(&out,
			 &(struct http_reply){ .status = 200,
					       .content_type = "application/json",
					       .keep_alive = true },
			 "{}", 2);
	assert_text(&out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			  "Content-Length: 2\r\n\r\n{}");
	http_reply_head(&out,
			&(struct http_reply){ .status = 405, .fields = fields, .field_count = 2 });
	assert_text(&out, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nAllow: GET\r\n"
			  "X: aSet-Cookie: b\r\nConnection: close\r\n\r\n");
	http_reply_head(&out, &(struct http_reply){ .status = 204, .keep_alive = true });
	assert_text(&out, "HTTP/1.1 204 No Content\r\n\r\n");
	http_reply_head(&out, &(struct http_reply){ .status = 200,
						    .content_type = "text/event-stream",
						    .content_length = -1,
						    .chunked = true,
						    .keep_alive = true });
	http_chunk(&out, "0123456789abcdef", 16);
	http_chunk(&out, "", 0);
	http_chunk(&out, "x", 1);
	http_chunk_end(&out);
	assert_text(&out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
			  "Transfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n1\r\nx\r\n"
			  "0\r\n\r\n");
	http_reply_head(&out, &(struct http_reply){ .status = 200,
						    .content_type = "text/event-stream",
						    .content_length = -1 });
	assert_text(&out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
			  "Connection: close\r\n\r\n");
	buffer_release(&out);
}

static void test_http__a_call_is_a_request_the_server_reads(void **state)
{
	struct http_field key = { "X-API-KEY", "k" };
	struct buffer out = { 0 };

	(void)state;
	buffer_text(&out, "/api/");
	http_encode(&out, "a b/\xc3\xa9?&=+%~-._Z9");
	assert_text(&out, "/api/a%20b%2F%C3%A9%3F%26%3D%2B%25~-._Z9");
	http_call(&out, &(struct http_call){ .method = "POST",
					     .target = "/api?a=%20",
					     .fields = &key,
					     .field_count = 1,
					     .content_type = "application/json",
					     .body = "{}",
					     .body_octets = 2,
					     .keep_alive = true });
	http_call(&out, &(struct http_call){ .method = "GET", .target = "/", .host = "h" });
	says_n(NULL, out.octets, out.n,
	       "POST /api ?a=%20 keep [Host: localhost] [Content-Type: application/json] "
	       "[Content-Length: 2] [X-API-KEY: k] {}\nGET / ? [Host: h] [Connection: close] \n");
	buffer_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http__reads_requests),
		cmocka_unit_test(test_http__trims_and_keeps_values),
		cmocka_unit_test(test_http__takes_one_request_after_the_other),
		cmocka_unit_test(test_http__ignores_an_upgrade),
		cmocka_unit_test(test_http__asks_for_a_body_that_waits),
		cmocka_unit_test(test_http__announces_a_long_body),
		cmocka_unit_test(test_http__finds_headers_whatever_their_case),
		cmocka_unit_test(test_http__refuses_bad_request_lines),
		cmocka_unit_test(test_http__refuses_bad_fields),
		cmocka_unit_test(test_http__refuses_a_field_that_counts_twice),
		cmocka_unit_test(test_http__refuses_smuggled_lengths),
		cmocka_unit_test(test_http__wants_a_length),
		cmocka_unit_test(test_http__says_nothing_after_a_refusal),
		cmocka_unit_test(test_http__waits_at_every_truncation),
		cmocka_unit_test(test_http__bounds_the_head),
		cmocka_unit_test(test_http__bounds_the_fields),
		cmocka_unit_test(test_http__bounds_the_body),
		cmocka_unit_test(test_http__bounds_what_comes_ahead),
		cmocka_unit_test(test_http__closes_an_idle_connection),
		cmocka_unit_test(test_http__times_the_head_from_its_first_octet),
		cmocka_unit_test(test_http__times_the_body_from_the_end_of_the_head),
		cmocka_unit_test(test_http__times_an_announced_body_from_when_it_may_come),
		cmocka_unit_test(test_http__times_the_whole_request),
		cmocka_unit_test(test_http__serves_what_arrived_before_its_deadline),
		cmocka_unit_test(test_http__times_what_came_ahead_from_its_turn),
		cmocka_unit_test(test_http__decodes_queries),
		cmocka_unit_test(test_http__writes_replies),
		cmocka_unit_test(test_http__a_call_is_a_request_the_server_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
