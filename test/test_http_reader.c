/* HTTP without I/O, the client side: responses in one piece and octet by octet. */
#include "core/http.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

static void reads_as(const char *text, bool eof, enum http_reading reading, int status,
		     const char *body)
{
	for (size_t step = 1; step <= strlen(text); step += strlen(text) - 1) {
		struct http_reader *reader = http_reader_new(0);
		enum http_reading now = HTTP_READING_HEAD;

		for (size_t i = 0; i < strlen(text); i += step)
			now = http_reader_feed(reader, text + i, step);
		if (eof)
			now = http_reader_eof(reader);
		if (now != reading)
			fail_msg("%d instead of %d: %s (%s)", now, reading, text,
				 http_reader_error(reader));
		if (reading == HTTP_READING_BAD)
			assert_string_not_equal(http_reader_error(reader), "");
		if (status != 0) {
			assert_int_equal(http_reader_status(reader), status);
			assert_int_equal(http_reader_body(reader)->n, strlen(body));
			if (body[0] != '\0')
				assert_memory_equal(http_reader_body(reader)->octets, body,
						    strlen(body));
		}
		http_reader_free(reader);
	}
}

#define OK "HTTP/1.1 200 OK\r\n"

static void test_http_reader__reads_responses(void **state)
{
	(void)state;
	reads_as(OK "Content-Length: 2\r\n\r\n{}", false, HTTP_READING_DONE, 200, "{}");
	reads_as(OK "Content-Length: 0\r\n\r\n", false, HTTP_READING_DONE, 200, "");
	reads_as(OK "Content-Length: 3\r\n\r\n{}", false, HTTP_READING_BODY, 200, "{}");
	reads_as(OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1;x=y\r\n!\r\n0\r\nT: t\r\n\r\n",
		 false, HTTP_READING_DONE, 200, "{}!");
	reads_as("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 422 \r\nContent-Length: 1\r\n\r\nx", false,
		 HTTP_READING_DONE, 422, "x");
	reads_as("HTTP/1.1 204 No Content\r\n\r\n", false, HTTP_READING_DONE, 204, "");
	reads_as(OK "\r\nuntil the end", false, HTTP_READING_BODY, 200, "until the end");
	reads_as(OK "\r\nuntil the end", true, HTTP_READING_DONE, 200, "until the end");
	reads_as("HTTP/1.0 200 OK\r\n\r\nx", true, HTTP_READING_DONE, 200, "x");
}

static void test_http_reader__refuses_bad_responses(void **state)
{
	(void)state;
	reads_as("HTTP/1.1", true, HTTP_READING_BAD, 0, "");
	reads_as(OK "Content-Length: 3\r\n\r\n{}", true, HTTP_READING_BAD, 0, "");
	reads_as(OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", true, HTTP_READING_BAD, 0, "");
	reads_as(OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n", false, HTTP_READING_BAD, 0, "");
	reads_as("SSH-2.0-x\r\n", false, HTTP_READING_BAD, 0, "");
	reads_as("HTTP/2 200\r\n\r\n", false, HTTP_READING_BAD, 0, "");
	reads_as("HTTP/1.1 200 OK\nA: b\n\n", false, HTTP_READING_BAD, 0, "");
	reads_as("HTTP/1.1 2x0 OK\r\n\r\n", false, HTTP_READING_BAD, 0, "");
	reads_as(OK " folded\r\n\r\n", false, HTTP_READING_BAD, 0, "");
	reads_as(OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", false, HTTP_READING_BAD, 0,
		 "");
}

static void test_http_reader__bounds_the_body(void **state)
{
	struct http_reader *reader = http_reader_new(4);

	(void)state;
	assert_int_equal(http_reader_feed(reader, OK "\r\nabcd", 23), HTTP_READING_BODY);
	/* What is taken out makes room. */
	buffer_drop(http_reader_body(reader), 2);
	assert_int_equal(http_reader_feed(reader, "ef", 2), HTTP_READING_BODY);
	assert_int_equal(http_reader_feed(reader, "g", 1), HTTP_READING_BAD);
	assert_string_equal(http_reader_error(reader), "the body is longer than expected");
	http_reader_free(reader);
}

static void test_http_reader__reads_one_after_the_other(void **state)
{
	static const char text[] = OK "Content-Length: 1\r\nA: 1\r\n\r\nx" OK
				      "Content-Length: 9\r\n\r\n" OK
				      "Content-Length: 2\r\nConnection: close\r\n\r\nyz";
	enum {
		FIRST = sizeof(OK "Content-Length: 1\r\nA: 1\r\n\r\nx") - 1
	};
	struct http_reader *reader = http_reader_new(0);

	(void)state;
	assert_int_equal(http_reader_status(reader), 0);
	assert_int_equal(http_reader_feed(reader, text, sizeof(text) - 1), HTTP_READING_DONE);
	assert_string_equal(http_reader_header(reader, "a"), "1");
	assert_true(http_reader_keep_alive(reader));
	assert_memory_equal(http_reader_body(reader)->octets, "x", 1);
	/* The answer to HEAD says a length and has no body. */
	http_reader_free(reader);
	reader = http_reader_new(0);
	assert_int_equal(http_reader_feed(reader, text, FIRST), HTTP_READING_DONE);
	assert_int_equal(http_reader_next(reader), HTTP_READING_HEAD);
	http_reader_expect_no_body(reader);
	assert_int_equal(http_reader_feed(reader, text + FIRST, sizeof(text) - 1 - FIRST),
			 HTTP_READING_DONE);
	assert_null(http_reader_header(reader, "a"));
	assert_int_equal(http_reader_body(reader)->n, 0);
	assert_int_equal(http_reader_next(reader), HTTP_READING_DONE);
	assert_memory_equal(http_reader_body(reader)->octets, "yz", 2);
	assert_false(http_reader_keep_alive(reader));
	http_reader_free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_reader__reads_responses),
		cmocka_unit_test(test_http_reader__refuses_bad_responses),
		cmocka_unit_test(test_http_reader__bounds_the_body),
		cmocka_unit_test(test_http_reader__reads_one_after_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
