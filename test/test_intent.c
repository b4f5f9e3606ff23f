/* Intents: what the body of a send says, and every mistake in its shape with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api.h"
#include "core/intent.h"

#define NOW_MS INT64_C(1795165200000) /* 2026-11-20T09:00:00Z */

/* Route 1 wants a sender, route 2 does not. */
static struct config_route routes[] = {
	{ .id = 1 },
	{ .id = 2, .sender = CONFIG_SENDER_OPTIONAL },
};
static const struct config config = { .routes = routes, .n_routes = 2 };

/* One body that was read. */
struct reading {
	struct api_call call;
	struct json *body;
	struct intent intent;
};

static void read_text(struct reading *reading, const char *text)
{
	struct json_error error;
	*reading = (struct reading){ 0 };
	reading->body = json_read(text, strlen(text), &error);
	if (!reading->body)
		fail_msg("%s: %s", text, error.text);
	intent_read(&reading->call, reading->body, &config, NOW_MS, &reading->intent);
}

static void release(struct reading *reading)
{
	intent_release(&reading->intent);
	buffer_release(&reading->call.flaws);
	json_free(reading->body);
}

/* Reads a good body with one member put in place of the good one. */
static void read_with(struct reading *reading, const char *name, const char *value)
{
	static const char *const good[][2] = {
		{ "route_id", "1" },
		{ "caller_id", "\"ACME\"" },
		{ "numbers", "[\"31612345678\"]" },
		{ "message", "\"hello\"" },
	};
	char text[4096];
	size_t n = (size_t)snprintf(text, sizeof(text), "{\"%s\":%s", name, value);
	for (size_t i = 0; i < 4; i++)
		if (strcmp(good[i][0], name) != 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n, ",\"%s\":%s", good[i][0],
					      good[i][1]);
	snprintf(text + n, sizeof(text) - n, "}");
	read_text(reading, text);
}

static void accepts(const char *name, const char *value)
{
	struct reading reading;
	read_with(&reading, name, value);
	if (reading.call.flaws.n)
		fail_msg("%s %s: %s", name, value, reading.call.first_flaw);
	release(&reading);
}

/* Exactly one mistake, at that place. */
static void refuses(const char *name, const char *value, const char *loc)
{
	struct reading reading;
	char wanted[100];
	read_with(&reading, name, value);
	buffer_append(&reading.call.flaws, "", 1);
	const char *flaws = (const char *)reading.call.flaws.octets;
	snprintf(wanted, sizeof(wanted), "{\"loc\":[\"body\",%s]", loc);
	if (strncmp(flaws, wanted, strlen(wanted)) != 0 || strstr(flaws + 1, "{\"loc\""))
		fail_msg("%s %s: %s", name, value, flaws);
	release(&reading);
}

static void test_intent__reads_every_member(void **state)
{
	struct reading reading;
	(void)state;
	read_text(&reading,
		  "{\"route_id\":3,\"caller_id\":\"  ACME \",\"numbers\":[\"31612345678\","
		  "\"316123456789012\"],\"message\":\"one\\ntwo\",\"client_ref\":\"r\","
		  "\"validity_s\":60,\"send_at\":\"2026-11-20T10:00:00+01:00\",\"priority\":3}");
	const struct intent *intent = &reading.intent;
	assert_int_equal(reading.call.flaws.n, 0);
	assert_int_equal(intent->route_id, 3);
	assert_string_equal(intent->caller_id, "ACME");
	assert_int_equal(intent->n_numbers, 2);
	assert_int_equal(intent->numbers[0], 31612345678);
	assert_int_equal(intent->numbers[1], 316123456789012);
	assert_int_equal(intent->text_octets, 7);
	assert_string_equal(intent->client_ref, "r");
	assert_int_equal(intent->validity_ms, 60000);
	assert_int_equal(intent->send_at_ms, NOW_MS);
	assert_int_equal(intent->priority, 3);
	release(&reading);
}

static void test_intent__leaves_out_what_is_absent_or_null(void **state)
{
	struct reading reading;
	(void)state;
	read_with(&reading, "validity_s", "null");
	assert_int_equal(reading.call.flaws.n, 0);
	assert_string_equal(reading.intent.client_ref, "");
	assert_int_equal(reading.intent.validity_ms, 0);
	assert_int_equal(reading.intent.send_at_ms, 0);
	assert_false(reading.intent.has_priority);
	release(&reading);
}

static void test_intent__names_members_it_does_not_know(void **state)
{
	struct reading reading;
	(void)state;
	read_with(&reading, "colour", "\"red\"");
	assert_int_equal(reading.call.flaws.n, 0);
	assert_int_equal(reading.intent.n_unknown, 1);
	assert_string_equal(reading.intent.unknown[0], "colour");
	release(&reading);
}

static void test_intent__tells_every_mistake_at_once(void **state)
{
	struct reading reading;
	size_t flaws = 0;
	(void)state;
	read_text(&reading, "{\"numbers\":[\"1\",2],\"validity_s\":1,\"priority\":9}");
	buffer_append(&reading.call.flaws, "", 1);
	for (const char *at = (const char *)reading.call.flaws.octets; (at = strstr(at, "\"loc\""));
	     at++)
		flaws++;
	assert_int_equal(flaws, 7); /* three are missing, two numbers, validity_s, priority */
	assert_string_equal(reading.call.first_flaw, "route_id: field required");
	release(&reading);
}

static void test_intent__takes_a_route_only_as_an_integer(void **state)
{
	(void)state;
	accepts("route_id", "1");
	accepts("route_id", "-1"); /* no such route, which is said later */
	accepts("route_id", "99999999999");
	refuses("route_id", "\"1\"", "\"route_id\"");
	refuses("route_id", "1.0", "\"route_id\"");
	refuses("route_id", "true", "\"route_id\"");
	refuses("route_id", "null", "\"route_id\"");
	refuses("route_id", "[1]", "\"route_id\"");
}

static void test_intent__bounds_the_sender(void **state)
{
	(void)state;
	accepts("caller_id", "\"ABC\"");
	accepts("caller_id", "\"ABCDEFGHIJK\"");
	accepts("caller_id", "\" \\tABC\\n \"");
	refuses("caller_id", "\"AB\"", "\"caller_id\"");
	refuses("caller_id", "\"ABCDEFGHIJKL\"", "\"caller_id\"");
	refuses("caller_id", "\"A\\tBC\"", "\"caller_id\"");
	refuses("caller_id",
		"\"\xc3\x84"
		"BC\"",
		"\"caller_id\"");
	refuses("caller_id", "\"   \"", "\"caller_id\"");
	refuses("caller_id", "7", "\"caller_id\"");
	refuses("caller_id", "null", "\"caller_id\"");
}

/* The sender that a given route, and caller_id in front of the rest of a good body, come to. */
static void test_intent__lets_a_sender_be_left_out_where_the_carrier_sets_it(void **state)
{
	static const struct {
		const char *caller, *wanted; /* NULL: refused */
		int route;
	} rows[] = {
		{ "", "", 2 },
		{ "\"caller_id\":null,", "", 2 },
		{ "\"caller_id\":\"\",", "", 2 },
		{ "\"caller_id\":\"  \",", "", 2 },
		{ "\"caller_id\":\"ACME\",", "ACME", 2 },
		{ "\"caller_id\":\"AB\",", NULL, 2 },
		{ "", NULL, 1 },
		{ "\"caller_id\":\"\",", NULL, 1 },
		{ "", NULL, 3 }, /* no such route */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reading reading;
		char text[200];
		snprintf(text, sizeof(text),
			 "{%s\"route_id\":%d,\"numbers\":[\"31612345678\"],\"message\":\"x\"}",
			 rows[i].caller, rows[i].route);
		read_text(&reading, text);
		assert_int_equal(reading.call.flaws.n == 0, rows[i].wanted != NULL);
		if (rows[i].wanted)
			assert_string_equal(reading.intent.caller_id, rows[i].wanted);
		release(&reading);
	}
}

static void test_intent__takes_numbers_of_10_to_15_digits(void **state)
{
	(void)state;
	accepts("numbers", "[\"1234567890\"]");
	accepts("numbers", "[\"123456789012345\"]");
	refuses("numbers", "[\"123456789\"]", "\"numbers\",0");
	refuses("numbers", "[\"1234567890123456\"]", "\"numbers\",0");
	refuses("numbers", "[\"31612345678\",\"+31612345679\"]", "\"numbers\",1");
	refuses("numbers", "[\"0612345678\"]", "\"numbers\",0");
	refuses("numbers", "[\"3161234567a\"]", "\"numbers\",0");
	refuses("numbers", "[\"31612345678 \"]", "\"numbers\",0");
	refuses("numbers", "[\"\xd9\xa3\xd9\xa1\xd9\xa6\xd9\xa1\xd9\xa2\"]", "\"numbers\",0");
	refuses("numbers", "[31612345678]", "\"numbers\",0");
	refuses("numbers", "[null]", "\"numbers\",0");
	refuses("numbers", "[]", "\"numbers\"");
	refuses("numbers", "\"31612345678\"", "\"numbers\"");
}

static void test_intent__names_the_later_of_two_equal_numbers(void **state)
{
	(void)state;
	refuses("numbers", "[\"31612345678\",\"31612345679\",\"31612345678\"]", "\"numbers\",2");
}

static void test_intent__takes_50000_numbers_and_not_one_more(void **state)
{
	(void)state;
	for (int n = INTENT_NUMBERS_MAX; n <= INTENT_NUMBERS_MAX + 1; n++) {
		struct buffer text = { 0 };
		struct reading reading;
		buffer_text(&text, "{\"route_id\":1,\"caller_id\":\"ABC\",\"message\":\"x\","
				   "\"numbers\":[");
		for (int i = 0; i < n; i++)
			buffer_format(&text, "%s\"316%08d\"", i ? "," : "", i);
		buffer_append(&text, "]}", 3);
		read_text(&reading, (const char *)text.octets);
		assert_int_equal(reading.call.flaws.n > 0, n > INTENT_NUMBERS_MAX);
		release(&reading);
		buffer_release(&text);
	}
}

static void test_intent__bounds_the_message(void **state)
{
	char *long_text = malloc(INTENT_TEXT_MAX + 200);
	(void)state;
	accepts("message", "\"x\"");
	accepts("message", "\"one\\ntwo\"");
	accepts("message", "\"\xd0\x96 \xc2\xa0\""); /* U+00A0 is no control character */
	refuses("message", "\"\"", "\"message\"");
	refuses("message", "\"a\\tb\"", "\"message\"");
	refuses("message", "\"a\\rb\"", "\"message\"");
	refuses("message", "\"a\\u007f\"", "\"message\"");
	refuses("message", "\"a\\u0080\"", "\"message\"");
	refuses("message", "\"a\\u009f\"", "\"message\"");
	refuses("message", "5", "\"message\"");
	for (int n = INTENT_TEXT_MAX; n <= INTENT_TEXT_MAX + 1; n++) {
		struct reading reading;
		int head = sprintf(long_text, "{\"route_id\":1,\"caller_id\":\"ABC\","
					      "\"numbers\":[\"31612345678\"],\"message\":\"");
		memset(long_text + head, 'x', (size_t)n);
		memcpy(long_text + head + n, "\"}", 3);
		read_text(&reading, long_text);
		assert_int_equal(reading.call.flaws.n > 0, n > INTENT_TEXT_MAX);
		release(&reading);
	}
	free(long_text);
}

static void test_intent__bounds_what_is_optional(void **state)
{
	(void)state;
	accepts("validity_s", "60");
	accepts("validity_s", "604800");
	refuses("validity_s", "59", "\"validity_s\"");
	refuses("validity_s", "604801", "\"validity_s\"");
	refuses("validity_s", "60.0", "\"validity_s\"");
	accepts("priority", "0");
	accepts("priority", "3");
	refuses("priority", "4", "\"priority\"");
	refuses("priority", "-1", "\"priority\"");
	accepts("send_at", "\"2026-11-20T09:00:00Z\"");
	accepts("send_at", "\"2026-12-04T09:00:00Z\"");
	refuses("send_at", "\"2026-11-20T08:59:59.999Z\"", "\"send_at\"");
	refuses("send_at", "\"2026-12-04T09:00:00.001Z\"", "\"send_at\"");
	refuses("client_ref", "5", "\"client_ref\"");
	refuses("client_ref", "\"a\\nb\"", "\"client_ref\"");
}

static void test_intent__reads_rfc_3339_times(void **state)
{
	static const struct {
		const char *text;
		int64_t at_ms;
	} times[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:00.001Z", 1 },
		{ "1970-01-01t00:00:00z", 0 },
		{ "1970-01-01 00:00:01+00:00", 1000 },
		{ "1970-01-01T01:00:00+01:00", 0 },
		{ "1969-12-31T23:30:00-00:30", 0 },
		{ "2000-02-29T00:00:00Z", INT64_C(951782400000) },
		{ "2026-11-20T09:00:00Z", NOW_MS },
		{ "2026-11-20T09:00:00.123456789Z", NOW_MS + 123 },
		{ "1969-12-31T23:59:59Z", -1000 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t at_ms = 7;
		assert_true(intent_time(times[i].text, &at_ms));
		assert_int_equal(at_ms, times[i].at_ms);
	}
}

static void test_intent__refuses_what_is_no_time(void **state)
{
	static const char *const texts[] = {
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z",
		"2026-01-01T00:00:61Z",
		"2026-01-01T00:00:00",
		"2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00+1:00",
		"2026-01-01T00:00:00+24:00",
		"2026-01-01T00:00:00+01:60",
		"2026-01-01T00:00:00Zx",
		"2026-1-01T00:00:00Z",
		"tomorrow",
		"",
	};
	static const char whole[] = "2026-11-20T09:00:00.5+01:00";
	char cut[sizeof(whole)];
	int64_t at_ms;
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (intent_time(texts[i], &at_ms))
			fail_msg("took %s", texts[i]);
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		memcpy(cut, whole, n);
		cut[n] = '\0';
		assert_false(intent_time(cut, &at_ms));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intent__reads_every_member),
		cmocka_unit_test(test_intent__leaves_out_what_is_absent_or_null),
		cmocka_unit_test(test_intent__names_members_it_does_not_know),
		cmocka_unit_test(test_intent__tells_every_mistake_at_once),
		cmocka_unit_test(test_intent__takes_a_route_only_as_an_integer),
		cmocka_unit_test(test_intent__bounds_the_sender),
		cmocka_unit_test(test_intent__lets_a_sender_be_left_out_where_the_carrier_sets_it),
		cmocka_unit_test(test_intent__takes_numbers_of_10_to_15_digits),
		cmocka_unit_test(test_intent__names_the_later_of_two_equal_numbers),
		cmocka_unit_test(test_intent__takes_50000_numbers_and_not_one_more),
		cmocka_unit_test(test_intent__bounds_the_message),
		cmocka_unit_test(test_intent__bounds_what_is_optional),
		cmocka_unit_test(test_intent__reads_rfc_3339_times),
		cmocka_unit_test(test_intent__refuses_what_is_no_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
