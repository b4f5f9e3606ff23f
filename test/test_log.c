/* The log: foreign octets are escaped, and a sink that blocks holds nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

static int sink[2], saved = -1;

static int redirect(void **state)
{
	(void)state;
	saved = dup(STDERR_FILENO);
	return pipe(sink) || dup2(sink[1], STDERR_FILENO) < 0;
}

static int restore(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(sink[0]);
	close(sink[1]);
	return 0;
}

static size_t read_all(char *out, size_t cap)
{
	fcntl(sink[0], F_SETFL, O_NONBLOCK);
	ssize_t n = read(sink[0], out, cap - 1);
	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void test_log__foreign_octets_are_escaped_and_lines_cut(void **state)
{
	char text[8192], hostile[3000];
	(void)state;
	log_setup(CONFIG_LOG_INFO);
	log_clock(1700000000000);
	log_info("peer", "name=%s", "a\nfake error line\x1b[2J\xff");
	log_debug("quiet", "nothing");
	read_all(text, sizeof(text));
	assert_string_equal(text, "2023-11-14T22:13:20.000Z info peer "
				  "name=a\\x0afake error line\\x1b[2J\\xff\n");
	memset(hostile, 1, sizeof(hostile) - 1);
	hostile[sizeof(hostile) - 1] = '\0';
	log_info("peer", "%s", hostile);
	size_t n = read_all(text, sizeof(text));
	assert_in_range(n, 1000, 4096);
	assert_int_equal(text[n - 1], '\n');
	assert_ptr_equal(strchr(text, '\n'), text + n - 1);
}

static void test_log__gathered_lines_go_out_together_and_never_behind_a_warning(void **state)
{
	char text[1 << 17], expected[64];
	(void)state;
	log_setup(CONFIG_LOG_INFO);
	log_gather();
	log_info("first", "n=1");
	assert_int_equal(read_all(text, sizeof(text)), 0);
	log_warning("second", "n=2");
	read_all(text, sizeof(text));
	assert_non_null(strstr(text, "info first n=1\n"));
	assert_true(strstr(text, "warning second n=2\n") > strstr(text, "first"));
	for (int i = 0; i < 1000; i++)
		log_info("many", "i=%d.", i);
	log_flush();
	read_all(text, sizeof(text));
	const char *at = text;
	for (int i = 0; i < 1000; i++) {
		snprintf(expected, sizeof(expected), "info many i=%d.\n", i);
		at = strstr(at, expected);
		assert_non_null(at);
	}
	log_info("alone", "n=3");
	read_all(text, sizeof(text));
	assert_non_null(strstr(text, "info alone n=3\n"));
}

static void test_log__a_sink_that_blocks_loses_lines_and_holds_nobody(void **state)
{
	static char fill[65536], text[1 << 17];
	uint64_t before = log_dropped();
	(void)state;
	fcntl(sink[1], F_SETFL, O_NONBLOCK);
	while (write(sink[1], fill, sizeof(fill)) > 0)
		;
	fcntl(sink[1], F_SETFL, 0);
	alarm(10); /* a write that waits would wait for ever */
	for (int i = 0; i < 3; i++)
		log_error("lost", "i=%d", i);
	alarm(0);
	assert_int_equal(log_dropped() - before, 3);
	while (read_all(text, sizeof(text)))
		;
	log_error("kept", "i=3");
	read_all(text, sizeof(text));
	assert_non_null(strstr(text, "error kept i=3\n"));
	assert_int_equal(log_dropped() - before, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_log__foreign_octets_are_escaped_and_lines_cut,
						redirect, restore),
		cmocka_unit_test_setup_teardown(
			test_log__gathered_lines_go_out_together_and_never_behind_a_warning,
			redirect, restore),
		cmocka_unit_test_setup_teardown(
			test_log__a_sink_that_blocks_loses_lines_and_holds_nobody, redirect,
			restore),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
