/* Calls: paths to handlers, methods, the two forms of a refusal, and readers of the query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api.h"

/* A request as core/http.c would give it, and the call it becomes. */
struct fixture {
	struct http_field fields[4];
	struct http_request request;
	struct buffer body;
	struct api_call call;
	struct json *answer;
};

static void ask(struct fixture *fixture, const char *method, const char *path, const char *query)
{
	*fixture = (struct fixture){ 0 };
	fixture->request = (struct http_request){
		.method = method,
		.path = path,
		.query = query,
		.fields = fixture->fields,
	};
	fixture->call = (struct api_call){
		.request = &fixture->request,
		.request_id = "r1",
		.status = 200,
		.body = &fixture->body,
		.json = { .out = &fixture->body },
	};
}

static void field(struct fixture *fixture, const char *name, const char *value)
{
	fixture->fields[fixture->request.field_count++] = (struct http_field){ name, value };
}

/* Member of the answer as text. */
static const char *said(struct fixture *fixture, const char *key)
{
	struct json_error error;
	if (!fixture->answer)
		fixture->answer = json_read(fixture->body.octets, fixture->body.n, &error);
	if (!fixture->answer)
		fail_msg("no JSON: %.*s", (int)fixture->body.n, (char *)fixture->body.octets);
	const char *text = json_get_text(json_get(fixture->answer, key), NULL);
	return text ? text : "";
}

static void release(struct fixture *fixture)
{
	json_free(fixture->answer);
	buffer_release(&fixture->body);
	buffer_release(&fixture->call.flaws);
}

static int called; /* which row was called last; 0: none */

static void first(struct api_call *call)
{
	(void)call;
	called = 1;
}

static void second(struct api_call *call)
{
	(void)call;
	called = 2;
}

static const struct api_row rows[] = {
	{ "GET", "/a", first, 0 },	     { "POST", "/a", second, 0 },
	{ "GET", "/a/{number}", first, 0 },  { "GET", "/a/{number}/b", second, 0 },
	{ "GET", "/m/{message}", first, 0 }, { "GET", "/n/{name}/keys", first, 0 },
};

/* Which handler a path reaches; 0: none. */
static int reaches(struct fixture *fixture, const char *method, const char *path)
{
	ask(fixture, method, path, "");
	called = 0;
	api_dispatch(&fixture->call, rows, sizeof(rows) / sizeof(rows[0]));
	return called;
}

static void test_api__finds_the_handler_by_method_and_path(void **state)
{
	static const struct {
		const char *method, *path;
		int handler;
		const char *param;
	} cases[] = {
		{ "GET", "/a", 1, "" },
		{ "HEAD", "/a", 1, "" },
		{ "POST", "/a", 2, "" },
		{ "GET", "/a/7", 1, "7" },
		{ "GET", "/a/9223372036854775807", 1, "9223372036854775807" },
		{ "GET", "/a/9223372036854775808", 1, "9223372036854775808" },
		{ "GET", "/a/99999999999999999999999999999999999", 1,
		  "99999999999999999999999999999999999" },
		{ "GET", "/a/%37", 1, "7" },
		{ "GET", "/a/7/b", 2, "7" },
		{ "GET", "/m/BX-1-0123456789abcdef", 1, "BX-1-0123456789abcdef" },
		{ "GET", "/n/alpha%2Falpha-1/keys", 1, "alpha/alpha-1" },
		{ "GET", "/n/alpha%2falpha-1/keys", 1, "alpha/alpha-1" },
	};
	struct fixture fixture;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(reaches(&fixture, cases[i].method, cases[i].path),
				 cases[i].handler);
		assert_string_equal(fixture.call.params[0], cases[i].param);
		release(&fixture);
	}
}

static void test_api__answers_404_for_every_other_path(void **state)
{
	static const char *const paths[] = {
		"/",	     "/b",
		"/a/",	     "//a",
		"/a//b",     "/a/x",
		"/a/-7",     "/a/7/",
		"/a/7/c",    "/a/7%",
		"/a/7%0",    "/a/7%zz",
		"/a/%00",    "/a/12345678901234567890x",
		"/m/BX-1",   "/n//keys",
		"/n/ /keys", "/n/a%20b/keys",
		"/a/7%2Fb",  "/m/BX-1-0123456789abcdeX",
	};
	struct fixture fixture;
	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (reaches(&fixture, "GET", paths[i]))
			fail_msg("%s was found", paths[i]);
		assert_int_equal(fixture.call.status, 404);
		assert_string_equal(said(&fixture, "detail"), "Not Found");
		release(&fixture);
	}
}

static void test_api__answers_405_with_what_is_allowed(void **state)
{
	struct fixture fixture;
	(void)state;
	assert_int_equal(reaches(&fixture, "DELETE", "/a"), 0);
	assert_int_equal(fixture.call.status, 405);
	assert_string_equal(said(&fixture, "detail"), "Method Not Allowed");
	assert_string_equal(said(&fixture, "hint"), "this path takes GET, POST");
	assert_string_equal(fixture.call.fields[0].name, "Allow");
	assert_string_equal(fixture.call.fields[0].value, "GET, POST");
	release(&fixture);
}

static const struct api_row prefixed[] = {
	{ "GET", "/api/v1/a", first, 0 },
};

static void hints(const char *path, const char *host, const char *hint)
{
	struct fixture fixture;
	ask(&fixture, "GET", path, "");
	field(&fixture, "Host", host);
	api_dispatch(&fixture.call, prefixed, sizeof(prefixed) / sizeof(prefixed[0]));
	assert_int_equal(fixture.call.status, 404);
	assert_non_null(strstr(said(&fixture, "hint"), hint));
	release(&fixture);
}

static void test_api__hints_where_the_path_went_into_the_host(void **state)
{
	static const char *const silent[] = { "localhost", "example.org", "127.0.0.1", "a\"b" };
	(void)state;
	hints("/", "balance", "http://localhost/api/v1/balance");
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		hints("/", silent[i], "begin with /api/v1/");
	hints("/v1/a", "api", "begin with /api/v1/");
	hints("/api/v1/b", "localhost", "no such path, or an id");
}

static const struct api_error poor = {
	.status = 402,
	.code = "insufficient_balance",
	.stage = "balance",
	.detail = "Insufficient balance.",
	.has_money = true,
	.cost = 176000,
	.balance = -1,
};

static void test_api__refuses_with_siblings_in_place_of_what_was_written(void **state)
{
	static const char wanted[] =
		"{\"detail\":\"Insufficient balance.\",\"code\":\"insufficient_balance\","
		"\"stage\":\"balance\",\"status\":402,\"request_id\":\"r1\",\"cost\":0.176,"
		"\"balance\":-0.000001}";
	struct fixture fixture;
	(void)state;
	ask(&fixture, "GET", "/", "");
	json_begin_object(&fixture.call.json);
	json_add_text(&fixture.call.json, "half", "an answer");
	api_field(&fixture.call, "X-Old", "1");
	api_refuse(&fixture.call, &poor);
	assert_int_equal(fixture.call.status, 402);
	assert_int_equal(fixture.call.n_fields, 0);
	assert_int_equal(fixture.body.n, sizeof(wanted) - 1);
	assert_memory_equal(fixture.body.octets, wanted, fixture.body.n);
	release(&fixture);
}

static void test_api__writes_a_problem_object_for_who_asks(void **state)
{
	static const char *const accepts[] = {
		"application/problem+json, */*", "application/json, application/problem+json;q=0.9",
		"Application/Problem+JSON", /* RFC 9110, 8.3.1: in any case */
	};
	struct fixture fixture;
	(void)state;
	for (size_t i = 0; i < sizeof(accepts) / sizeof(accepts[0]); i++) {
		ask(&fixture, "GET", "/", "");
		field(&fixture, "Accept", accepts[i]);
		api_refuse(&fixture.call, &poor);
		assert_string_equal(fixture.call.content_type, "application/problem+json");
		assert_string_equal(said(&fixture, "title"), "Payment Required");
		assert_string_equal(said(&fixture, "detail"), "Insufficient balance.");
		release(&fixture);
	}
}

static void test_api__lists_flaws_with_their_places(void **state)
{
	struct fixture fixture;
	(void)state;
	ask(&fixture, "GET", "/", "");
	assert_false(api_flawed(&fixture.call, "shape"));
	api_flaw(&fixture.call, "body", "numbers", 3, "kind", "number %d is \"bad\"", 3);
	api_flaw(&fixture.call, "query", NULL, -1, "other", "second");
	assert_true(api_flawed(&fixture.call, "shape"));
	assert_int_equal(fixture.call.status, 422);
	assert_string_equal(said(&fixture, "stage"), "shape");
	const struct json *list = json_get(fixture.answer, "detail");
	assert_int_equal(json_count(list), 2);
	const struct json *loc = json_get(json_at(list, 0), "loc");
	int64_t index = 0;
	assert_int_equal(json_count(loc), 3);
	assert_string_equal(json_get_text(json_at(loc, 1), NULL), "numbers");
	assert_true(json_get_int(json_at(loc, 2), &index));
	assert_int_equal(index, 3);
	assert_string_equal(json_get_text(json_get(json_at(list, 0), "msg"), NULL),
			    "number 3 is \"bad\"");
	assert_int_equal(json_count(json_get(json_at(list, 1), "loc")), 1);
	release(&fixture);
}

static void test_api__lists_flaws_of_a_problem_beside_their_first(void **state)
{
	struct fixture fixture;
	(void)state;
	ask(&fixture, "GET", "/", "");
	field(&fixture, "Accept", "application/problem+json");
	api_flaw(&fixture.call, "body", "a", -1, "kind", "first");
	api_flaw(&fixture.call, "body", "b", -1, "kind", "second");
	assert_true(api_flawed(&fixture.call, "shape"));
	assert_string_equal(said(&fixture, "detail"), "first");
	assert_int_equal(json_count(json_get(fixture.answer, "errors")), 2);
	release(&fixture);
}

/* A request with 50,000 mistakes does not make an answer of megabytes. */
static void test_api__bounds_the_list_of_flaws(void **state)
{
	struct fixture fixture;
	(void)state;
	ask(&fixture, "GET", "/", "");
	for (int i = 0; i < 50000; i++)
		api_flaw(&fixture.call, "body", "numbers", i, "kind", "number %d", i);
	assert_true(api_flawed(&fixture.call, "shape"));
	assert_true(fixture.body.n < 10000);
	assert_string_equal(said(&fixture, "stage"), "shape");
	release(&fixture);
}

static void test_api__reads_numbers_of_the_query_within_their_bounds(void **state)
{
	static const struct {
		const char *query;
		int64_t value;
		bool flawed;
	} cases[] = {
		{ "", 50, false },
		{ "limit=1", 1, false },
		{ "limit=500", 500, false },
		{ "limit=0", 50, true },
		{ "limit=501", 50, true },
		{ "limit=-1", 50, true },
		{ "limit=1.0", 50, true },
		{ "limit=", 50, true },
		{ "limit=%31", 1, false },
		{ "limit=%", 50, true },
		{ "limit=%00", 50, true },
		{ "limit=99999999999999999999", 50, true },
		{ "limit=5&limit=5", 5, true },
	};
	struct fixture fixture;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask(&fixture, "GET", "/", cases[i].query);
		assert_int_equal(api_query_number(&fixture.call, "limit", 50, 1, 500),
				 cases[i].value);
		assert_int_equal(fixture.call.flaws.n > 0, cases[i].flawed);
		release(&fixture);
	}
}

static void test_api__names_parameters_that_it_does_not_know(void **state)
{
	static const char *const names[] = { "limit", "after", NULL };
	struct fixture fixture;
	(void)state;
	ask(&fixture, "GET", "/", "limit=1&after=2");
	api_query_only(&fixture.call, names);
	assert_false(api_flawed(&fixture.call, "shape"));
	release(&fixture);
	ask(&fixture, "GET", "/", "limit=1&colour=red");
	api_query_only(&fixture.call, names);
	assert_string_equal(fixture.call.first_flaw, "colour is not known here");
	release(&fixture);
}

static void test_api__takes_only_an_object_as_body(void **state)
{
	static const char *const bodies[] = { "", "[]", "{", "{}x", "null", "{\"a\":NaN}" };
	struct fixture fixture;
	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		ask(&fixture, "POST", "/", "");
		fixture.request.body = (const uint8_t *)bodies[i];
		fixture.request.body_octets = strlen(bodies[i]);
		assert_null(api_body(&fixture.call));
		assert_int_equal(fixture.call.status, 422);
		release(&fixture);
	}
	ask(&fixture, "POST", "/", "");
	fixture.request.body = (const uint8_t *)"{\"a\":1}";
	fixture.request.body_octets = 7;
	struct json *body = api_body(&fixture.call);
	assert_non_null(json_get(body, "a"));
	json_free(body);
	release(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_api__finds_the_handler_by_method_and_path),
		cmocka_unit_test(test_api__answers_404_for_every_other_path),
		cmocka_unit_test(test_api__answers_405_with_what_is_allowed),
		cmocka_unit_test(test_api__hints_where_the_path_went_into_the_host),
		cmocka_unit_test(test_api__refuses_with_siblings_in_place_of_what_was_written),
		cmocka_unit_test(test_api__writes_a_problem_object_for_who_asks),
		cmocka_unit_test(test_api__lists_flaws_with_their_places),
		cmocka_unit_test(test_api__lists_flaws_of_a_problem_beside_their_first),
		cmocka_unit_test(test_api__bounds_the_list_of_flaws),
		cmocka_unit_test(test_api__reads_numbers_of_the_query_within_their_bounds),
		cmocka_unit_test(test_api__names_parameters_that_it_does_not_know),
		cmocka_unit_test(test_api__takes_only_an_object_as_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
