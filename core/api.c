/* Calls: finding the handler, the error writer, readers of body and query. See api.h. */
#include "core/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/account.h"
#include "core/message_id.h"

#define FLAWS_OCTETS 8192 /* of the list of one answer; more are not told */

/* ---- paths ---- */

/* Value of a hexadecimal digit; 16: it is none. */
static unsigned hex(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* Decodes one segment of n characters; false when it is broken or too long. */
static bool decode(const char *segment, size_t n, char out[API_PARAM_OCTETS])
{
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		char c = segment[i];
		if (used + 1 >= API_PARAM_OCTETS)
			return false;
		if (c == '%') {
			if (i + 2 >= n || hex(segment[i + 1]) > 15 || hex(segment[i + 2]) > 15)
				return false;
			c = (char)(hex(segment[i + 1]) << 4 | hex(segment[i + 2]));
			i += 2;
		}
		if (!c)
			return false;
		out[used++] = c;
	}
	out[used] = '\0';
	return used > 0;
}

static bool is_number(const char *text)
{
	size_t n = strspn(text, "0123456789");
	return n && n <= 19 && !text[n] && !(n == 19 && strcmp(text, "9223372036854775807") > 0);
}

/* In a path: of any length, for one too large to be anybody's is not there, and that is told. */
static bool is_digits(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static bool is_name(const char *text)
{
	return strlen(text) <= 64 &&
	       !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789._-/")];
}

static const struct {
	const char *name;
	bool (*fits)(const char *text);
} kinds[] = {
	{ "{number}", is_digits },
	{ "{order_id}", is_digits },
	{ "{route_id}", is_digits },
	{ "{message}", message_id_shaped },
	{ "{bx_message_id}", message_id_shaped },
	{ "{name}", is_name },
};

static bool segment_fits(struct api_call *call, size_t *params, const char *pattern, size_t m,
			 const char *path, size_t n)
{
	if (*pattern != '{')
		return m == n && !memcmp(pattern, path, n);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].name) != m || memcmp(kinds[i].name, pattern, m) != 0)
			continue;
		char *param = call->params[*params];
		++*params;
		return decode(path, n, param) && kinds[i].fits(param);
	}
	return false;
}

static bool fits(struct api_call *call, const char *pattern)
{
	const char *path = call->request->path;
	size_t params = 0;
	while (*pattern == '/' && *path == '/') {
		size_t m = strcspn(++pattern, "/"), n = strcspn(++path, "/");
		if (!segment_fits(call, &params, pattern, m, path, n))
			return false;
		pattern += m;
		path += n;
	}
	return !*pattern && !*path;
}

/* ---- the dispatcher ---- */

static bool row_serves(const struct api_row *row, const char *method)
{
	return !strcmp(row->method, method) ||
	       (!strcmp(row->method, "GET") && !strcmp(method, "HEAD"));
}

/* `first` is the first row of a path that the request's method does not fit. */
static void refuse_method(struct api_call *call, const struct api_row *first,
			  const struct api_row *end)
{
	char allow[64] = "", hint[96];
	size_t n = 0;
	for (const struct api_row *row = first; row < end && n < sizeof(allow); row++)
		if (!strcmp(row->pattern, first->pattern))
			n += (size_t)snprintf(allow + n, sizeof(allow) - n, "%s%s", n ? ", " : "",
					      row->method);
	snprintf(hint, sizeof(hint), "this path takes %s", allow);
	api_refuse(call, &(struct api_error){
				 .status = 405,
				 .code = "method_not_allowed",
				 .stage = "method",
				 .detail = "Method Not Allowed",
				 .hint = hint,
			 });
	api_field(call, "Allow", "%s", allow);
}

/* The octets of "/api/v1/" in front of what the paths of a socket have of their own. */
static int prefix_of(const char *pattern)
{
	const char *at = pattern;
	for (int i = 0; at && i < 2; i++)
		at = strchr(at + 1, '/');
	return at ? (int)(at - pattern) + 1 : 0;
}

/* `curl --unix-socket S http://balance` puts the path's word into the host. */
static void refuse_path(struct api_call *call, const struct api_row *rows)
{
	int prefix = prefix_of(rows->pattern);
	const char *host = http_header(call->request, "Host");
	char hint[240];
	if (host && !strcmp(call->request->path, "/") && !strpbrk(host, ".:\"\\") &&
	    strcasecmp(host, "localhost") != 0)
		snprintf(hint, sizeof(hint),
			 "'%.60s' arrived as the host; with curl the path comes behind a host: "
			 "http://localhost%.*s%.60s",
			 host, prefix, rows->pattern, host);
	else if (strncmp(call->request->path, rows->pattern, (size_t)prefix) != 0)
		snprintf(hint, sizeof(hint), "the paths of this socket begin with %.*s", prefix,
			 rows->pattern);
	else
		snprintf(hint, sizeof(hint),
			 "there is no such path, or an id in it is not written as one: an order is "
			 "1, a message BX-1-0123456789abcdef");
	struct api_error error = {
		.status = 404,
		.code = "not_found",
		.stage = "lookup",
		.detail = "Not Found",
		.hint = hint,
	};
	api_refuse(call, &error);
}

void api_dispatch(struct api_call *call, const struct api_row *rows, size_t n)
{
	const struct api_row *found = NULL;
	for (const struct api_row *row = rows; row < rows + n; row++) {
		if (!fits(call, row->pattern))
			continue;
		if (!found)
			found = row;
		if (!row_serves(row, call->request->method))
			continue;
		call->row = row;
		if ((!(row->flags & API_ACCOUNT) || account_identify(call)) && !call->announced)
			row->handle(call);
		return;
	}
	if (found)
		refuse_method(call, found, rows + n);
	else
		refuse_path(call, rows);
}

uint64_t api_number(const struct api_call *call, size_t position)
{
	uint64_t number = strtoull(call->params[position], NULL, 10);
	return number < INT64_MAX ? number : INT64_MAX;
}

void api_field(struct api_call *call, const char *name, const char *format, ...)
{
	va_list args;
	if (call->n_fields == API_FIELDS_MAX)
		return;
	char *value = call->field_values[call->n_fields];
	va_start(args, format);
	vsnprintf(value, API_FIELD_OCTETS, format, args);
	va_end(args);
	call->fields[call->n_fields++] = (struct http_field){ name, value };
}

bool api_accepts(const struct api_call *call, const char *type)
{
	const char *accept = call->request ? http_header(call->request, "Accept") : NULL;
	return accept && strcasestr(accept, type);
}

/* ---- refusals ---- */

/* Empties the answer; true when the client asked for a problem object (RFC 9457). */
static bool restart(struct api_call *call)
{
	bool problem = api_accepts(call, "application/problem+json");
	buffer_clear(call->body);
	call->json = (struct json_writer){ .out = call->body };
	call->n_fields = call->n_kept;
	call->content_type = problem ? "application/problem+json" : "application/json";
	return problem;
}

static void siblings(struct api_call *call, const struct api_error *error)
{
	struct json_writer *json = &call->json;
	call->status = error->status;
	call->code = error->code;
	json_add_text(json, "code", error->code);
	json_add_text(json, "stage", error->stage);
	json_add_int(json, "status", error->status);
	json_add_text(json, "request_id", call->request_id);
	if (error->param)
		json_add_text(json, "param", error->param);
	if (error->hint)
		json_add_text(json, "hint", error->hint);
	if (error->outcome)
		json_add_text(json, "outcome", error->outcome);
	if (error->has_money) {
		json_add_micro(json, "cost", error->cost);
		json_add_micro(json, "balance", error->balance);
	}
}

void api_refuse(struct api_call *call, const struct api_error *error)
{
	bool problem = restart(call);
	json_begin_object(&call->json);
	json_add_text(&call->json, "detail", error->detail);
	if (problem)
		json_add_text(&call->json, "title", http_status_text(error->status));
	siblings(call, error);
	json_end_object(&call->json);
}

void api_refuse_not_found(struct api_call *call, const char *detail)
{
	struct api_error error = {
		.status = 404,
		.code = "not_found",
		.stage = "lookup",
		.detail = detail,
	};
	api_refuse(call, &error);
}

void api_refuse_unavailable(struct api_call *call, const char *code, const char *detail)
{
	struct api_error error = {
		.status = 503,
		.code = code,
		.stage = "store",
		.detail = detail,
	};
	api_refuse(call, &error);
	api_field(call, "Retry-After", "5");
}

void api_refuse_route(struct api_call *call, int status)
{
	struct api_error error = {
		.status = status,
		.code = "invalid_route",
		.stage = "route",
		.detail = "Invalid route_id.",
		.param = "route_id",
		.hint = "GET /api/v1/routes lists the routes",
	};
	api_refuse(call, &error);
}

void api_refuse_state(struct api_call *call, const char *code, const char *detail, const char *hint)
{
	struct api_error error = {
		.status = 409,
		.code = code,
		.stage = "state",
		.detail = detail,
		.hint = hint,
	};
	api_refuse(call, &error);
}

void api_flaw(struct api_call *call, const char *where, const char *member, int64_t index,
	      const char *type, const char *format, ...)
{
	char text[160];
	struct json_writer json = { .out = &call->flaws };
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!call->flaws.n)
		memcpy(call->first_flaw, text, sizeof(text));
	if (call->flaws.n > FLAWS_OCTETS)
		return;
	if (call->flaws.n)
		buffer_text(&call->flaws, ",");
	json_begin_object(&json);
	json_key(&json, "loc");
	json_begin_array(&json);
	json_put_text(&json, where);
	if (member)
		json_put_text(&json, member);
	if (index >= 0)
		json_put_int(&json, index);
	json_end_array(&json);
	json_add_text(&json, "msg", text);
	json_add_text(&json, "type", type);
	json_end_object(&json);
}

bool api_flawed(struct api_call *call, const char *stage)
{
	struct api_error error = { .status = 422, .code = "invalid_request", .stage = stage };
	if (!call->flaws.n)
		return false;
	bool problem = restart(call);
	struct buffer *body = call->body;
	json_begin_object(&call->json);
	if (problem) {
		json_add_text(&call->json, "detail", call->first_flaw);
		json_add_text(&call->json, "title", http_status_text(422));
	}
	siblings(call, &error);
	json_end_object(&call->json);
	/* The list stands ready as text; it takes the place of the closing brace. */
	if (body->n)
		body->n--;
	buffer_text(body, problem ? ",\"errors\":[" : ",\"detail\":[");
	buffer_append(body, call->flaws.octets, call->flaws.n);
	buffer_text(body, "]}");
	buffer_release(&call->flaws);
	return true;
}

/* ---- readers ---- */

struct json *api_body(struct api_call *call)
{
	const struct http_request *request = call->request;
	struct json_error error = { 0 };
	struct json *body = request->body_octets ?
				    json_read(request->body, request->body_octets, &error) :
				    NULL;
	if (error.no_memory) {
		turn_fail(call->turn, STORE_FULL);
		return NULL;
	}
	if (!request->body_octets)
		api_flaw(call, "body", NULL, 0, "json_invalid",
			 "JSON decode error: the body is empty; it must be a JSON object");
	else if (!body)
		api_flaw(call, "body", NULL, (int64_t)error.offset, "json_invalid",
			 "JSON decode error: %.90s at line %u column %u", error.text, error.line,
			 error.column);
	else if (json_kind(body) != JSON_KIND_OBJECT)
		api_flaw(call, "body", NULL, -1, "object_type", "the body must be a JSON object");
	if (!api_flawed(call, "shape"))
		return body;
	json_free(body);
	return NULL;
}

void api_body_only(struct api_call *call, const struct json *body, const char *const *names)
{
	const struct json *value;
	void *cursor = NULL;
	const char *key;
	while ((key = json_next(body, &cursor, &value))) {
		size_t i = 0;
		while (names[i] && strcmp(names[i], key) != 0)
			i++;
		if (!names[i])
			api_flaw(call, "body", key, -1, "unexpected", "%.40s is not known here",
				 key);
	}
}

/* As http_query, but that a second one is a flaw: nobody could tell which of them counts. */
static enum http_query_result query(struct api_call *call, const char *name, char *out,
				    size_t out_octets)
{
	char second[2];
	if (http_query(call->request, name, 1, second, sizeof(second)) != HTTP_QUERY_ABSENT)
		api_flaw(call, "query", name, -1, "repeated", "%s is there more than once", name);
	return http_query(call->request, name, 0, out, out_octets);
}

int64_t api_query_number(struct api_call *call, const char *name, int64_t standard, int64_t least,
			 int64_t most)
{
	char text[24];
	enum http_query_result result = query(call, name, text, sizeof(text));
	if (result == HTTP_QUERY_ABSENT)
		return standard;
	bool number = result == HTTP_QUERY_FOUND && is_number(text);
	int64_t value = number ? strtoll(text, NULL, 10) : 0;
	if (number && value >= least && value <= most)
		return value;
	if (number)
		api_flaw(call, "query", name, -1, "out_of_range",
			 "%s must be between %lld and %lld", name, (long long)least,
			 (long long)most);
	else
		api_flaw(call, "query", name, -1, "int_parsing", "%s must be a whole number", name);
	return standard;
}

bool api_query_text(struct api_call *call, const char *name, char *out, size_t out_octets)
{
	enum http_query_result result = query(call, name, out, out_octets);
	if (result == HTTP_QUERY_BAD)
		api_flaw(call, "query", name, -1, "string_invalid",
			 "%s must be at most %zu octets, percent-encoded", name, out_octets - 1);
	return result == HTTP_QUERY_FOUND;
}

void api_query_only(struct api_call *call, const char *const *names)
{
	const char *cursor = NULL;
	char name[64];
	while (http_query_next(call->request, &cursor, name, sizeof(name))) {
		size_t i = 0;
		while (names[i] && strcmp(names[i], name) != 0)
			i++;
		if (!names[i])
			api_flaw(call, "query", name, -1, "unexpected", "%.40s is not known here",
				 name);
	}
}

void api_put_time(struct json_writer *json, uint64_t at_ms)
{
	if (at_ms)
		json_put_time(json, (int64_t)at_ms);
	else
		json_put_null(json);
}
