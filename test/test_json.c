/* Reading JSON strictly and writing it exactly, and the buffer both are built in. */
#include "core/json.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <float.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers ---- */

static struct json *read_text(const char *text)
{
	struct json_error error;
	struct json *document = json_read(text, strlen(text), &error);

	if (document == NULL)
		fail_msg("%s: %s", text, error.text);
	return document;
}

static struct json_error refuse(const void *text, size_t n)
{
	struct json_error error = { 0 };
	struct json *document = json_read(text, n, &error);

	if (document != NULL)
		fail_msg("taken: %.*s", (int)n, (const char *)text);
	assert_true(error.text[0] != '\0');
	assert_true(error.line >= 1 && error.column >= 1 && error.offset <= n);
	return error;
}

static void repeat(struct buffer *out, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buffer_text(out, text);
}

/* ---- reading ---- */

static void test_json__tells_kinds_apart(void **state)
{
	static const struct {
		const char *key;
		enum json_kind kind;
	} rows[] = {
		{ "null", JSON_KIND_NULL },	  { "true", JSON_KIND_BOOL },
		{ "false", JSON_KIND_BOOL },	  { "integer", JSON_KIND_INTEGER },
		{ "fraction", JSON_KIND_NUMBER }, { "exponent", JSON_KIND_NUMBER },
		{ "string", JSON_KIND_STRING },	  { "array", JSON_KIND_ARRAY },
		{ "object", JSON_KIND_OBJECT },
	};
	struct json *document = read_text(
		"{\"null\":null,\"true\":true,\"false\":false,\"integer\":1,\"fraction\":1.0,"
		"\"exponent\":1e0,\"string\":\"1\",\"array\":[1],\"object\":{\"a\":1}}");
	int64_t number;
	bool truth;

	(void)state;
	assert_int_equal(json_count(document), 9);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct json *value = json_get(document, rows[i].key);

		assert_non_null(value);
		assert_int_equal(json_kind(value), rows[i].kind);
		number = 77;
		truth = true;
		assert_int_equal(json_get_int(value, &number), rows[i].kind == JSON_KIND_INTEGER);
		assert_int_equal(number, rows[i].kind == JSON_KIND_INTEGER ? 1 : 77);
		assert_int_equal(json_get_bool(value, &truth), rows[i].kind == JSON_KIND_BOOL);
		assert_int_equal(json_get_text(value, NULL) != NULL,
				 rows[i].kind == JSON_KIND_STRING);
	}
	assert_true(json_get_bool(json_get(document, "false"), &truth) && !truth);
	json_free(document);
}

static void test_json__answers_for_what_is_not_there(void **state)
{
	struct json *document = read_text("[]");
	const struct json *value;
	void *cursor = NULL;
	size_t n = 7;
	int64_t number;
	bool truth;

	(void)state;
	assert_null(json_get(NULL, "a"));
	assert_null(json_get(document, "a"));
	assert_null(json_at(document, 0));
	assert_null(json_at(NULL, 0));
	assert_int_equal(json_count(NULL), 0);
	assert_int_equal(json_kind(NULL), JSON_KIND_NULL);
	assert_null(json_get_text(NULL, &n));
	assert_int_equal(n, 0);
	assert_false(json_get_int(NULL, &number));
	assert_false(json_get_bool(NULL, &truth));
	assert_false(json_get_micro(NULL, &number));
	assert_null(json_next(document, &cursor, &value));
	json_free(document);
	json_free(NULL);
}

static void test_json__walks_members_in_order(void **state)
{
	struct json *document = read_text("{\"z\":1,\"a\":2,\"m\":3}");
	static const char *const keys[] = { "z", "a", "m" };
	const struct json *value;
	void *cursor = NULL;
	int64_t number;

	(void)state;
	for (int64_t i = 0; i < 3; i++) {
		assert_string_equal(json_next(document, &cursor, &value), keys[i]);
		assert_true(json_get_int(value, &number));
		assert_int_equal(number, i + 1);
	}
	assert_null(json_next(document, &cursor, &value));
	json_free(document);
}

static void test_json__reads_strings_with_their_length(void **state)
{
	struct json *document = read_text("[\"\\u20ac\\ud83d\\ude00\\n\\\"\", \"\"]");
	size_t n;

	(void)state;
	assert_string_equal(json_get_text(json_at(document, 0), &n),
			    "\xe2\x82\xac\xf0\x9f\x98\x80\n\"");
	assert_int_equal(n, 9);
	assert_string_equal(json_get_text(json_at(document, 1), &n), "");
	assert_int_equal(n, 0);
	json_free(document);
}

static void test_json__reads_integers_to_their_bounds(void **state)
{
	struct json *document = read_text("[9223372036854775807,-9223372036854775808,-0]");
	int64_t number;

	(void)state;
	assert_true(json_get_int(json_at(document, 0), &number) && number == INT64_MAX);
	assert_true(json_get_int(json_at(document, 1), &number) && number == INT64_MIN);
	assert_true(json_get_int(json_at(document, 2), &number) && number == 0);
	json_free(document);
	refuse("[9223372036854775808]", 21);
	refuse("[-9223372036854775809]", 22);
}

static void test_json__reads_micro_units(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t micro;
	} rows[] = {
		{ "[0.088]", true, 88000 },
		{ "[290.752]", true, 290752000 },
		{ "[-0.000001]", true, -1 },
		{ "[3999999999.999999]", true, 3999999999999999 },
		{ "[4000000000]", true, 4000000000000000 },
		{ "[4000000001]", false, 0 },
		{ "[-4000000001]", false, 0 },
		{ "[1e300]", false, 0 },
		{ "[\"1\"]", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json *document = read_text(rows[i].text);
		int64_t micro = 0;

		assert_int_equal(json_get_micro(json_at(document, 0), &micro), rows[i].good);
		assert_true(micro == rows[i].micro);
		json_free(document);
	}
}

static void test_json__refuses_what_is_not_rfc_8259(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"1",
		"\"a\"",
		"null",
		"true",
		"[",
		"]",
		"{",
		"}",
		"[}",
		"{]",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{a:1}",
		"{'a':1}",
		"{1:1}",
		"[1]x",
		"[1][1]",
		"[1]]",
		"[01]",
		"[+1]",
		"[.5]",
		"[1.]",
		"[1e]",
		"[-]",
		"[0x10]",
		"[1_000]",
		"[NaN]",
		"[Infinity]",
		"[-Infinity]",
		"[True]",
		"[nul]",
		"[\"a]",
		"[\"\\x41\"]",
		"[\"\\u12\"]",
		"[\"\\u12G4\"]",
		"[\"\\ud800\"]",
		"[\"\\udc00\"]",
		"[\"\\ud800\\u0041\"]",
		"[\"\\u0000\"]",
		"{\"\\u0000\":1}",
		"[\"\n\"]",
		"[\"\t\"]",
		"[\"\x01\"]",
		"[1] // c",
		"/* c */[1]",
		"\xef\xbb\xbf[1]",
		"[\"\xff\"]",
		"[\"\xc3\"]",
		"[\"\xc0\xaf\"]",
		"[\"\xed\xa0\x80\"]",
		"[\"\xf4\x90\x80\x80\"]",
		"[1e999]",
		"{\"a\":1,\"a\":1}",
		"{\"a\":1,\"\\u0061\":2}",
		"{\"o\":{\"b\":1,\"b\":2}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuse(texts[i], strlen(texts[i]));
	refuse("[1]\0", 4);
	refuse("[\"a\0b\"]", 7);
	refuse(NULL, 0);
}

static void test_json__survives_every_truncation(void **state)
{
	static const char text[] =
		"{\"route_id\":3,\"numbers\":[\"31612345678\"],\"message\":\"h\\u00e9\\n\","
		"\"flags\":[true,false,null,-1.5e-3],\"more\":{\"a\":{}}}";

	(void)state;
	for (size_t n = 0; n + 1 < sizeof(text); n++)
		refuse(text, n);
	json_free(read_text(text));
}

static void test_json__says_where_it_broke(void **state)
{
	struct json_error error = refuse("{\"a\": 1,\n \"b\": x}", 17);

	(void)state;
	assert_int_equal(error.line, 2);
	assert_int_equal(error.offset, 16);
	error = refuse("[\n\"\xc3\xa9\", 123456789012345678901]", 30);
	assert_int_equal(error.line, 2);
	assert_int_equal(error.column, 6);
	assert_int_equal(error.offset, 8);
	assert_string_equal(error.text, "a number has more than 20 digits");
	error = refuse("[\"\\u0000\"]", 10);
	assert_string_equal(error.text, "\\u0000 is not allowed");
}

static void test_json__quotes_only_printable_text(void **state)
{
	struct json_error error = refuse("[\x1b[31mred\xc3\xa9]", 12);

	(void)state;
	for (const char *p = error.text; *p != '\0'; p++)
		assert_in_range(*p, 0x20, 0x7e);
}

/* ---- the bounds, and one past each ---- */

static void bound(const char *open, const char *middle, size_t times, const char *close,
		  const char *reason)
{
	struct buffer text = { 0 };
	struct json_error error;

	buffer_text(&text, open);
	repeat(&text, middle, times);
	buffer_text(&text, close);
	struct json *document = json_read(text.octets, text.n, &error);

	if (reason == NULL && document == NULL)
		fail_msg("%s", error.text);
	if (reason != NULL) {
		assert_null(document);
		assert_string_equal(error.text, reason);
	}
	json_free(document);
	buffer_release(&text);
}

static void test_json__bounds_depth(void **state)
{
	(void)state;
	bound("", "[", 16, "]]]]]]]]]]]]]]]]", NULL);
	bound("", "[", 17, "]]]]]]]]]]]]]]]]]", "nested deeper than 16 levels");
	bound("", "{\"a\":", 17, "1}}}}}}}}}}}}}}}}}", "nested deeper than 16 levels");
	bound("", "[", 1000000, "", "nested deeper than 16 levels");
	bound("[", "[[]],", 100, "1]", NULL); /* breadth is not depth */
	bound("[\"", "[", 100, "\"]", NULL);  /* and brackets in a string are not even that */
	bound("[\"\\\"", "[", 100, "\"]", NULL);
}

static void test_json__bounds_strings_after_unescaping(void **state)
{
	(void)state;
	bound("[\"", "a", 65536, "\"]", NULL);
	bound("[\"", "a", 65537, "\"]", "a string is longer than 65536 octets");
	bound("[\"", "\\u0041", 65536, "\"]", NULL);
	bound("[\"", "\\u0041", 65537, "\"]", "a string is longer than 65536 octets");
	bound("[\"", "\\u20ac", 21845, "x\"]", NULL);
	bound("[\"", "\\u20ac", 21845, "xx\"]", "a string is longer than 65536 octets");
	bound("[\"", "\\ud83d\\ude00", 16384, "\"]", NULL);
	bound("[\"", "\\ud83d\\ude00", 16384, "x\"]", "a string is longer than 65536 octets");
	bound("[\"", "\\n", 65537, "\"]", "a string is longer than 65536 octets");
	bound("{\"", "a", 65537, "\":1}", "a string is longer than 65536 octets");
}

static void test_json__bounds_numbers(void **state)
{
	(void)state;
	bound("[0.", "1", 19, "]", NULL);
	bound("[0.", "1", 20, "]", "a number has more than 20 digits");
	bound("[1e", "0", 19, "]", NULL);
	bound("[1e", "0", 20, "]", "a number has more than 20 digits");
	bound("[-", "1", 21, "]", "a number has more than 20 digits");
}

static void test_json__bounds_values(void **state)
{
	(void)state;
	bound("[", "1,", JSON_VALUES_MAX - 1, "1]", NULL);
	bound("[", "1,", JSON_VALUES_MAX, "1]", "more than 200000 values");
	bound("[", "[],", JSON_CONTAINERS_MAX - 2, "[]]", NULL);
	bound("[", "[],", JSON_CONTAINERS_MAX - 1, "[]]", "more than 20000 objects and arrays");
}

/* ---- writing ---- */

static void assert_written(const struct buffer *out, const char *expected)
{
	assert_false(out->failed);
	assert_int_equal(out->n, strlen(expected));
	assert_memory_equal(out->octets, expected, out->n);
}

static void test_json__writes_nested_values(void **state)
{
	struct buffer out = { 0 };
	struct json_writer writer = { .out = &out };

	(void)state;
	json_begin_object(&writer);
	json_add_text(&writer, "text", "a");
	json_add_text(&writer, "none", NULL);
	json_add_int(&writer, "least", INT64_MIN);
	json_add_uint(&writer, "most", UINT64_MAX);
	json_add_digits(&writer, "digits", 31600000000);
	json_add_bool(&writer, "yes", true);
	json_add_bool(&writer, "no", false);
	json_add_null(&writer, "null");
	json_add_micro(&writer, "cost", 290752000);
	json_add_time(&writer, "at", INT64_C(1795164645123));
	json_key(&writer, "list");
	json_begin_array(&writer);
	json_put_int(&writer, 0);
	json_begin_array(&writer);
	json_end_array(&writer);
	json_begin_object(&writer);
	json_end_object(&writer);
	json_put_octets(&writer, "bc", 2);
	json_end_array(&writer);
	json_add_int(&writer, "last", 7);
	json_end_object(&writer);
	assert_written(&out,
		       "{\"text\":\"a\",\"none\":null,\"least\":-9223372036854775808,"
		       "\"most\":18446744073709551615,\"digits\":\"31600000000\","
		       "\"yes\":true,\"no\":false,\"null\":null,"
		       "\"cost\":290.752,\"at\":\"2026-11-20T08:50:45.123Z\",\"list\":[0,[],{},"
		       "\"bc\"],\"last\":7}");
	struct json_error error;
	struct json *back = json_read(out.octets, out.n, &error);

	assert_null(back); /* `most` does not fit int64, and only that */
	assert_string_equal(error.text, "too big integer");
	buffer_release(&out);
}

static void test_json__escapes(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		const char *expected;
	} rows[] = {
		{ "\"\\/", 3, "\"\\\"\\\\/\"" },
		{ "\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\"" },
		{ "\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"" },
		{ "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 12,
		  "\"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"" },
		{ "a\xff", 2, "\"a\\ufffd\"" },
		{ "\xc3", 1, "\"\\ufffd\"" },
		{ "\xc3z", 2, "\"\\ufffdz\"" },
		{ "\xe2\x82", 2, "\"\\ufffd\\ufffd\"" },
		{ "\xc0\xaf", 2, "\"\\ufffd\\ufffd\"" },
		{ "\xe0\x9f\xbf", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf0\x8f\xbf\xbf", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\x80", 1, "\"\\ufffd\"" },
		{ "", 0, "\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer out = { 0 };
		struct json_writer writer = { .out = &out };

		json_put_octets(&writer, rows[i].octets, rows[i].n);
		assert_written(&out, rows[i].expected);
		buffer_release(&out);
	}
}

static void test_json__writes_exact_decimals(void **state)
{
	static const struct {
		int64_t micro;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 88000, "0.088" },
		{ 290752000, "290.752" },
		{ 36320000, "36.32" },
		{ 1, "0.000001" },
		{ -1, "-0.000001" },
		{ 1000000, "1" },
		{ -1500000, "-1.5" },
		{ 10000000, "10" },
		{ 100001, "0.100001" },
		{ 999999, "0.999999" },
		{ INT64_MAX, "9223372036854.775807" },
		{ INT64_MIN, "-9223372036854.775808" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[24];

		assert_int_equal(json_micro_text(rows[i].micro, text), strlen(rows[i].text));
		assert_string_equal(text, rows[i].text);
	}
}

static void test_json__writes_times(void **state)
{
	static const struct {
		int64_t wall_ms;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ INT64_C(951782399999), "2000-02-28T23:59:59.999Z" },
		{ INT64_C(951782400000), "2000-02-29T00:00:00.000Z" },
		{ INT64_C(4107542400000), "2100-03-01T00:00:00.000Z" },
		{ INT64_C(4107542399999), "2100-02-28T23:59:59.999Z" },
		{ INT64_C(253402300799999), "9999-12-31T23:59:59.999Z" },
		{ INT64_C(253402300800000), "" },
		{ INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z" },
		{ INT64_C(-62167219200001), "" },
		{ INT64_MAX, "" },
		{ INT64_MIN, "" },
	};
	struct buffer out = { 0 };
	struct json_writer writer = { .out = &out };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[25];

		assert_int_equal(json_time_text(rows[i].wall_ms, text), rows[i].text[0] != '\0');
		assert_string_equal(text, rows[i].text);
	}
	json_put_time(&writer, INT64_MAX);
	assert_written(&out, "null");
	buffer_release(&out);
}

/* ---- the buffer ---- */

static void test_buffer__grows_and_drops(void **state)
{
	struct buffer buffer = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		buffer_format(&buffer, "%04d|", i);
	assert_int_equal(buffer.n, 5000);
	assert_memory_equal(buffer.octets + 4995, "0999|", 5);
	buffer_drop(&buffer, 4995);
	assert_int_equal(buffer.n, 5);
	assert_memory_equal(buffer.octets, "0999|", 5);
	buffer_drop(&buffer, 0);
	buffer_append(&buffer, NULL, 0);
	buffer_drop(&buffer, 5);
	assert_int_equal(buffer.n, 0);
	buffer_release(&buffer);
	assert_null(buffer.octets);
}

static void test_buffer__fails_once_and_for_all(void **state)
{
	struct buffer buffer = { 0 };

	(void)state;
	buffer_text(&buffer, "kept");
	assert_null(buffer_reserve(&buffer, SIZE_MAX / 2));
	buffer_text(&buffer, " lost");
	assert_true(buffer.failed);
	assert_int_equal(buffer.n, 4);
	assert_memory_equal(buffer.octets, "kept", 4);
	buffer_clear(&buffer);
	buffer_text(&buffer, "new");
	assert_false(buffer.failed);
	assert_int_equal(buffer.n, 3);
	buffer_release(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json__tells_kinds_apart),
		cmocka_unit_test(test_json__answers_for_what_is_not_there),
		cmocka_unit_test(test_json__walks_members_in_order),
		cmocka_unit_test(test_json__reads_strings_with_their_length),
		cmocka_unit_test(test_json__reads_integers_to_their_bounds),
		cmocka_unit_test(test_json__reads_micro_units),
		cmocka_unit_test(test_json__refuses_what_is_not_rfc_8259),
		cmocka_unit_test(test_json__survives_every_truncation),
		cmocka_unit_test(test_json__says_where_it_broke),
		cmocka_unit_test(test_json__quotes_only_printable_text),
		cmocka_unit_test(test_json__bounds_depth),
		cmocka_unit_test(test_json__bounds_strings_after_unescaping),
		cmocka_unit_test(test_json__bounds_numbers),
		cmocka_unit_test(test_json__bounds_values),
		cmocka_unit_test(test_json__writes_nested_values),
		cmocka_unit_test(test_json__escapes),
		cmocka_unit_test(test_json__writes_exact_decimals),
		cmocka_unit_test(test_json__writes_times),
		cmocka_unit_test(test_buffer__grows_and_drops),
		cmocka_unit_test(test_buffer__fails_once_and_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
