/* Reading an intent and telling every mistake in its shape. See intent.h. */
#include "core/intent.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api.h"

#define DAY_MS	       (24 * 3600 * INT64_C(1000))
#define SEND_AT_DAYS   14
#define VALIDITY_LEAST 60
#define VALIDITY_MOST  604800

/* One reading: where mistakes go. */
struct reading {
	struct api_call *call;
	struct intent *intent;
	const struct config *config;
	int64_t wall_ms;
};

__attribute__((format(printf, 5, 6))) static void flaw(const struct reading *reading,
						       const char *member, int64_t index,
						       const char *type, const char *format, ...)
{
	char text[160];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	api_flaw(reading->call, "body", member, index, type, "%s", text);
}

/* ---- members ---- */

static void read_route(const struct reading *reading, const struct json *value)
{
	int64_t id;
	if (!json_get_int(value, &id))
		flaw(reading, "route_id", -1, "int_type", "route_id must be an integer");
	else if (id < 0 || id > INT32_MAX) /* no such route can be configured */
		reading->intent->route_id = 0;
	else
		reading->intent->route_id = (uint32_t)id;
}

/* A route whose carrier sets the sender lets it be left out. */
static bool sender_optional(const struct reading *reading)
{
	const struct config_route *route =
		config_route_find(reading->config, reading->intent->route_id);
	return route && route->sender == CONFIG_SENDER_OPTIONAL;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void read_caller_id(const struct reading *reading, const struct json *value)
{
	size_t n;
	const char *text = json_get_text(value, &n);
	if (!text) {
		flaw(reading, "caller_id", -1, "string_type", "caller_id must be a string");
		return;
	}
	for (; n && blank(*text); text++, n--)
		;
	for (; n && blank(text[n - 1]); n--)
		;
	for (size_t i = 0; i < n; i++) {
		if (text[i] >= 0x20 && text[i] < 0x7F)
			continue;
		flaw(reading, "caller_id", -1, "string_pattern",
		     "caller_id must be printable ASCII");
		return;
	}
	if (!n && sender_optional(reading))
		return;
	if (n < 3 || n > 11) {
		flaw(reading, "caller_id", -1, "string_length",
		     "caller_id must have 3 to 11 characters");
		return;
	}
	memcpy(reading->intent->caller_id, text, n);
}

static void read_number(const struct reading *reading, const struct json *value, size_t i)
{
	size_t n;
	const char *text = json_get_text(value, &n);
	int64_t index = (int64_t)i;
	if (!text)
		flaw(reading, "numbers", index, "string_type", "a number must be a string");
	else if (*text == '+')
		flaw(reading, "numbers", index, "string_pattern",
		     "a number must not begin with +; write 31612345678");
	else if (n < 10 || n > 15 || strspn(text, "0123456789") != n)
		flaw(reading, "numbers", index, "string_pattern",
		     "a number must be 10 to 15 digits");
	else if (*text == '0')
		flaw(reading, "numbers", index, "string_pattern",
		     "a number must not begin with 0; write country code and number");
	else
		reading->intent->numbers[i] = strtoull(text, NULL, 10);
}

struct place {
	uint64_t number;
	uint32_t index;
};

static int by_number(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int by_index(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Each number that stands earlier too is told, in the order of the list. */
static void find_duplicates(const struct reading *reading)
{
	const struct intent *intent = reading->intent;
	size_t n = 0;
	struct place *places = malloc((intent->n_numbers + 1) * sizeof(*places));
	if (!places) {
		turn_fail(reading->call->turn, STORE_FULL);
		return;
	}
	for (uint32_t i = 0; i < intent->n_numbers; i++)
		if (intent->numbers[i])
			places[n++] = (struct place){ intent->numbers[i], i };
	qsort(places, n, sizeof(*places), by_number);
	size_t repeats = 0;
	for (size_t i = 1; i < n; i++)
		if (places[i].number == places[i - 1].number)
			places[repeats++].index = places[i].index;
	qsort(places, repeats, sizeof(*places), by_index);
	for (size_t i = 0; i < repeats; i++)
		flaw(reading, "numbers", places[i].index, "duplicate",
		     "numbers[%u] is a duplicate of an earlier number", places[i].index);
	free(places);
}

static void read_numbers(const struct reading *reading, const struct json *value)
{
	struct intent *intent = reading->intent;
	size_t n = json_count(value);
	if (json_kind(value) != JSON_KIND_ARRAY) {
		flaw(reading, "numbers", -1, "list_type", "numbers must be a list of strings");
		return;
	}
	if (!n || n > INTENT_NUMBERS_MAX) {
		flaw(reading, "numbers", -1, n ? "too_long" : "too_short",
		     n ? "numbers may have at most %d entries" :
			 "numbers must have at least one of at most %d entries",
		     INTENT_NUMBERS_MAX);
		return;
	}
	intent->numbers = calloc(n, sizeof(*intent->numbers));
	if (!intent->numbers) {
		turn_fail(reading->call->turn, STORE_FULL);
		return;
	}
	intent->n_numbers = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		read_number(reading, json_at(value, i), i);
	find_duplicates(reading);
}

/* C0 but for the newline, DEL, and C1, which UTF-8 writes as C2 80 to C2 9F. */
static bool has_control(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t octet = (uint8_t)text[i];
		if ((octet < 0x20 && octet != '\n') || octet == 0x7F)
			return true;
		if (octet == 0xC2 && (uint8_t)text[i + 1] < 0xA0)
			return true;
	}
	return false;
}

static void read_message(const struct reading *reading, const struct json *value)
{
	size_t n;
	const char *text = json_get_text(value, &n);
	if (!text)
		flaw(reading, "message", -1, "string_type", "message must be a string");
	else if (!n)
		flaw(reading, "message", -1, "string_too_short", "message must not be empty");
	else if (n > INTENT_TEXT_MAX)
		flaw(reading, "message", -1, "string_too_long",
		     "message may have at most %d octets", INTENT_TEXT_MAX);
	else if (has_control(text, n))
		flaw(reading, "message", -1, "string_pattern",
		     "message must not have control characters other than newline");
	reading->intent->text = text ? text : "";
	reading->intent->text_octets = text ? n : 0;
}

static void read_client_ref(const struct reading *reading, const struct json *value)
{
	size_t n;
	const char *text = json_get_text(value, &n);
	if (!text)
		flaw(reading, "client_ref", -1, "string_type", "client_ref must be a string");
	else if (n > INTENT_REF_MAX)
		flaw(reading, "client_ref", -1, "string_too_long",
		     "client_ref may have at most %d octets", INTENT_REF_MAX);
	else if (has_control(text, n) || memchr(text, '\n', n))
		flaw(reading, "client_ref", -1, "string_pattern",
		     "client_ref must not have control characters");
	else
		reading->intent->client_ref = text;
}

static void read_validity(const struct reading *reading, const struct json *value)
{
	int64_t seconds;
	if (!json_get_int(value, &seconds))
		flaw(reading, "validity_s", -1, "int_type", "validity_s must be an integer");
	else if (seconds < VALIDITY_LEAST || seconds > VALIDITY_MOST)
		flaw(reading, "validity_s", -1, "out_of_range",
		     "validity_s must be between %d and %d", VALIDITY_LEAST, VALIDITY_MOST);
	else
		reading->intent->validity_ms = seconds * 1000;
}

static void read_send_at(const struct reading *reading, const struct json *value)
{
	int64_t at_ms;
	const char *text = json_get_text(value, NULL);
	if (!text || !intent_time(text, &at_ms))
		flaw(reading, "send_at", -1, "datetime_parsing",
		     "send_at must be RFC 3339, such as 2026-01-31T09:30:00Z");
	else if (at_ms < reading->wall_ms || at_ms > reading->wall_ms + SEND_AT_DAYS * DAY_MS)
		flaw(reading, "send_at", -1, "out_of_range",
		     "send_at must lie within the next %d days", SEND_AT_DAYS);
	else
		reading->intent->send_at_ms = at_ms;
}

static void read_priority(const struct reading *reading, const struct json *value)
{
	int64_t priority;
	if (!json_get_int(value, &priority))
		flaw(reading, "priority", -1, "int_type", "priority must be an integer");
	else if (priority < 0 || priority > 3)
		flaw(reading, "priority", -1, "out_of_range", "priority must be between 0 and 3");
	else {
		reading->intent->has_priority = true;
		reading->intent->priority = (uint32_t)priority;
	}
}

static bool needed(const struct reading *reading)
{
	(void)reading;
	return false;
}

static bool optional(const struct reading *reading)
{
	(void)reading;
	return true;
}

/* In this order, for whether a caller_id may be absent depends on the route. */
static const struct {
	const char *name;
	bool (*may_lack)(const struct reading *reading);
	void (*read)(const struct reading *reading, const struct json *value);
} members[] = {
	{ "route_id", needed, read_route },
	{ "caller_id", sender_optional, read_caller_id },
	{ "numbers", needed, read_numbers },
	{ "message", needed, read_message },
	{ "client_ref", optional, read_client_ref },
	{ "validity_s", optional, read_validity },
	{ "send_at", optional, read_send_at },
	{ "priority", optional, read_priority },
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static bool known(const char *key)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (!strcmp(members[i].name, key))
			return true;
	return false;
}

void intent_read(struct api_call *call, const struct json *body, const struct config *config,
		 int64_t wall_ms, struct intent *intent)
{
	struct reading reading = { call, intent, config, wall_ms };
	*intent = (struct intent){ .client_ref = "", .text = "" };
	for (size_t i = 0; i < MEMBERS; i++) {
		const struct json *value = json_get(body, members[i].name);
		bool may_lack = members[i].may_lack(&reading);
		if (!value && !may_lack)
			flaw(&reading, members[i].name, -1, "missing", "%s: field required",
			     members[i].name);
		else if (value && (!may_lack || json_kind(value) != JSON_KIND_NULL))
			members[i].read(&reading, value);
	}
	intent_unknown(body, intent);
}

void intent_unknown(const struct json *body, struct intent *intent)
{
	const struct json *value;
	void *cursor = NULL;
	intent->n_unknown = 0;
	for (const char *key = json_next(body, &cursor, &value); key;
	     key = json_next(body, &cursor, &value))
		if (!known(key) && intent->n_unknown < INTENT_WARNINGS_MAX)
			intent->unknown[intent->n_unknown++] = key;
}

void intent_release(struct intent *intent)
{
	free(intent->numbers);
	intent->numbers = NULL;
}

/* ---- times ---- */

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400, of_era = year % 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* n digits; -1: they are none. */
static int64_t digits(const char **at, size_t n)
{
	int64_t value = 0;
	for (size_t i = 0; i < n; i++, ++*at) {
		if (**at < '0' || **at > '9')
			return -1;
		value = value * 10 + (**at - '0');
	}
	return value;
}

static bool accept(const char **at, const char *set)
{
	if (!**at || !strchr(set, **at))
		return false;
	++*at;
	return true;
}

static bool read_zone(const char **at, int64_t *minutes)
{
	*minutes = 0;
	if (accept(at, "Zz"))
		return true;
	int64_t sign = **at == '-' ? -1 : 1;
	if (!accept(at, "+-"))
		return false;
	int64_t hours = digits(at, 2);
	if (hours < 0 || hours > 23 || !accept(at, ":"))
		return false;
	int64_t rest = digits(at, 2);
	*minutes = sign * (hours * 60 + rest);
	return rest >= 0 && rest < 60;
}

static bool read_clock(const char **at, int64_t *ms)
{
	int64_t hour = digits(at, 2);
	if (hour < 0 || hour > 23 || !accept(at, ":"))
		return false;
	int64_t minute = digits(at, 2);
	if (minute < 0 || minute > 59 || !accept(at, ":"))
		return false;
	int64_t second = digits(at, 2), fraction = 0;
	if (second < 0 || second > 60)
		return false;
	if (accept(at, ".")) {
		int64_t scale = 100;
		if (**at < '0' || **at > '9')
			return false;
		for (; **at >= '0' && **at <= '9'; ++*at, scale /= 10)
			fraction += (**at - '0') * scale;
	}
	*ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
	return true;
}

bool intent_time(const char *text, int64_t *at_ms)
{
	static const int64_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t year = digits(&text, 4), clock_ms, minutes;
	if (year < 0 || !accept(&text, "-"))
		return false;
	int64_t month = digits(&text, 2);
	if (month < 1 || month > 12 || !accept(&text, "-"))
		return false;
	int64_t day = digits(&text, 2);
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (day < 1 || day > lengths[month - 1] + (month == 2 && leap))
		return false;
	if (!accept(&text, "Tt ") || !read_clock(&text, &clock_ms) || !read_zone(&text, &minutes) ||
	    *text)
		return false;
	*at_ms = days_of(year, month, day) * DAY_MS + clock_ms - minutes * 60000;
	return true;
}
