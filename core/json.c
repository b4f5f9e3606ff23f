/*
 * See json.h. The only file that knows jansson, which does the reading; the writer below needs
 * nothing.
 *
 * jansson recurses per level, keeps some 100 octets per value and calls strtod, so the scan bounds
 * all three before it starts. The scan is no validator: it only has to see the same strings,
 * brackets and numbers as the parser does in a text that the parser would take.
 */
#include "core/json.h"

#include <jansson.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the scan ---- */

struct scan {
	const uint8_t *text;
	size_t n;
	size_t at;
	uint32_t depth;
	uint32_t values;
	uint32_t containers;
	struct json_error *error;
};

/* Line and column are wanted only when something is wrong, so they are counted then. */
__attribute__((format(printf, 3, 4))) static bool scan_fail(struct scan *scan, size_t offset,
							    const char *format, ...)
{
	struct json_error *error = scan->error;
	va_list arguments;

	error->line = 1;
	error->column = 1;
	error->offset = offset;
	for (size_t i = 0; i < offset; i++) {
		if (scan->text[i] == '\n') {
			error->line++;
			error->column = 1;
		} else if ((scan->text[i] & 0xc0) != 0x80) {
			error->column++;
		}
	}
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return false;
}

/* Octets that \uXXXX at p becomes in UTF-8; each half of a surrogate pair counts for two. */
static uint32_t escape_octets(const uint8_t *p, size_t n)
{
	char digits[5] = { 0 };

	if (n < 4)
		return 0;
	memcpy(digits, p, 4);
	unsigned long point = strtoul(digits, NULL, 16);

	if (point < 0x80)
		return 1;
	if (point < 0x800 || (point >= 0xd800 && point < 0xe000))
		return 2;
	return 3;
}

static bool scan_string(struct scan *scan)
{
	size_t begin = scan->at++;
	uint32_t octets = 0;

	while (scan->at < scan->n && scan->text[scan->at] != '"') {
		if (scan->text[scan->at] == '\\' && scan->at + 1 < scan->n) {
			scan->at++;
			if (scan->text[scan->at] == 'u')
				octets += escape_octets(scan->text + scan->at + 1,
							scan->n - scan->at - 1);
			else
				octets++;
			/* The four digits, if they are digits, must not be counted again. */
			if (scan->text[scan->at] == 'u' && scan->n - scan->at > 4)
				scan->at += 4;
		} else {
			octets++;
		}
		scan->at++;
		if (octets > JSON_STRING_OCTETS_MAX)
			return scan_fail(scan, begin, "a string is longer than %d octets",
					 JSON_STRING_OCTETS_MAX);
	}
	scan->at++;
	return true;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool scan_number(struct scan *scan)
{
	size_t begin = scan->at;
	uint32_t digits = 0;

	for (; scan->at < scan->n; scan->at++) {
		uint8_t c = scan->text[scan->at];

		if (!is_digit(c) && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E')
			break;
		if (is_digit(c) && ++digits > JSON_NUMBER_DIGITS_MAX)
			return scan_fail(scan, begin, "a number has more than %d digits",
					 JSON_NUMBER_DIGITS_MAX);
	}
	return true;
}

static bool scan_open(struct scan *scan)
{
	if (++scan->depth > JSON_DEPTH_MAX)
		return scan_fail(scan, scan->at, "nested deeper than %d levels", JSON_DEPTH_MAX);
	if (++scan->containers > JSON_CONTAINERS_MAX)
		return scan_fail(scan, scan->at, "more than %d objects and arrays",
				 JSON_CONTAINERS_MAX);
	return true;
}

/* One token. Every value but the first of its container is announced by a comma or a bracket. */
static bool scan_token(struct scan *scan)
{
	uint8_t c = scan->text[scan->at];

	if (c == '"')
		return scan_string(scan);
	if (c == '-' || is_digit(c))
		return scan_number(scan);
	if (c == '[' || c == '{' || c == ',') {
		if (++scan->values > JSON_VALUES_MAX)
			return scan_fail(scan, scan->at, "more than %d values", JSON_VALUES_MAX);
	}
	if (c == '[' || c == '{') {
		if (!scan_open(scan))
			return false;
	} else if ((c == ']' || c == '}') && scan->depth > 0) {
		scan->depth--;
	}
	scan->at++;
	return true;
}

bool json_scan(const void *text, size_t n, struct json_error *error)
{
	struct scan scan = { .text = text, .n = n, .error = error };

	while (scan.at < scan.n) {
		if (!scan_token(&scan))
			return false;
	}
	return true;
}

/* ---- reading ---- */

/* Our handle is jansson's under another name. */
static const json_t *inside(const struct json *value)
{
	return (const json_t *)(const void *)value;
}

static const struct json *outside(const json_t *value)
{
	return (const struct json *)(const void *)value;
}

/*
 * jansson quotes what stands near the place: it may be a text or a key, which belong neither into a
 * log nor into a reply, and the place is told beside it. Nor does the reader know its options.
 */
static void copy_reason(char *to, size_t room, const char *from)
{
	static const char *const ends[] = { " near '", " without JSON_" };
	size_t n = strlen(from), i = 0;

	for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
		const char *end = strstr(from, ends[k]);
		if (end != NULL && (size_t)(end - from) < n)
			n = (size_t)(end - from);
	}
	for (; i < n && i + 1 < room; i++)
		to[i] = from[i] >= 0x20 && from[i] < 0x7f ? from[i] : '?';
	to[i] = '\0';
}

/* Out of memory in its scanner, jansson says that the text is wrong, which would be told as a fact. */
static _Thread_local bool starved;

static void *allocate(size_t octets)
{
	void *at = malloc(octets);

	starved = starved || at == NULL;
	return at;
}

struct json *json_read(const void *text, size_t n, struct json_error *error)
{
	json_error_t theirs;

	error->no_memory = false;
	if (!json_scan(text, n, error))
		return NULL;
	/*
	 * json_loadb refuses a NULL text with a message about arguments; an empty one is just no
	 * JSON.
	 */
	json_set_alloc_funcs(allocate, free);
	starved = false;
	json_t *root = json_loadb(n > 0 ? text : "", n, JSON_REJECT_DUPLICATES, &theirs);

	error->no_memory = root == NULL && starved;
	if (root == NULL) {
		error->line = theirs.line > 0 ? (uint32_t)theirs.line : 1;
		error->column = theirs.column > 0 ? (uint32_t)theirs.column : 1;
		error->offset = theirs.position > 0 ? (size_t)theirs.position : 0;
		copy_reason(error->text, sizeof(error->text), theirs.text);
	}
	return (struct json *)(void *)root;
}

void json_free(struct json *document)
{
	json_decref((json_t *)(void *)document);
}

enum json_kind json_kind(const struct json *value)
{
	static const enum json_kind kinds[] = {
		[JSON_OBJECT] = JSON_KIND_OBJECT, [JSON_ARRAY] = JSON_KIND_ARRAY,
		[JSON_STRING] = JSON_KIND_STRING, [JSON_INTEGER] = JSON_KIND_INTEGER,
		[JSON_REAL] = JSON_KIND_NUMBER,	  [JSON_TRUE] = JSON_KIND_BOOL,
		[JSON_FALSE] = JSON_KIND_BOOL,	  [JSON_NULL] = JSON_KIND_NULL,
	};

	return value != NULL ? kinds[json_typeof(inside(value))] : JSON_KIND_NULL;
}

const struct json *json_get(const struct json *object, const char *key)
{
	return outside(json_object_get(inside(object), key));
}

size_t json_count(const struct json *container)
{
	if (json_is_array(inside(container)))
		return json_array_size(inside(container));
	return json_object_size(inside(container));
}

const struct json *json_at(const struct json *array, size_t index)
{
	return outside(json_array_get(inside(array), index));
}

const char *json_next(const struct json *object, void **cursor, const struct json **value)
{
	/* jansson's iterators want a writable object and do not write to it. */
	json_t *theirs = (json_t *)(uintptr_t)object;

	*cursor = *cursor == NULL ? json_object_iter(theirs) :
				    json_object_iter_next(theirs, *cursor);
	if (*cursor == NULL)
		return NULL;
	*value = outside(json_object_iter_value(*cursor));
	return json_object_iter_key(*cursor);
}

const char *json_get_text(const struct json *value, size_t *n)
{
	if (n != NULL)
		*n = json_string_length(inside(value));
	return json_string_value(inside(value));
}

bool json_get_int(const struct json *value, int64_t *out)
{
	if (!json_is_integer(inside(value)))
		return false;
	*out = json_integer_value(inside(value));
	return true;
}

bool json_get_bool(const struct json *value, bool *out)
{
	if (!json_is_boolean(inside(value)))
		return false;
	*out = json_is_true(inside(value));
	return true;
}

bool json_get_micro(const struct json *value, int64_t *out)
{
	/* Within this range a micro-unit is far wider than the gap between two doubles. */
	static const double bound = 4e9;

	if (!json_is_number(inside(value)))
		return false;
	double units = json_number_value(inside(value));

	if (!(units >= -bound && units <= bound))
		return false;
	*out = (int64_t)(units * 1e6 + (units < 0 ? -0.5 : 0.5));
	return true;
}

/* ---- writing ---- */

static void before_value(struct json_writer *writer)
{
	if (writer->keyed) {
		writer->keyed = false;
		return;
	}
	if ((writer->filled >> writer->depth & 1) != 0)
		buffer_append(writer->out, ",", 1);
	writer->filled |= UINT64_C(1) << writer->depth;
}

static void begin(struct json_writer *writer, const char *bracket)
{
	before_value(writer);
	assert(writer->depth < JSON_WRITE_DEPTH_MAX);
	writer->depth++;
	writer->filled &= ~(UINT64_C(1) << writer->depth);
	buffer_append(writer->out, bracket, 1);
}

static void end(struct json_writer *writer, const char *bracket)
{
	assert(writer->depth > 0 && !writer->keyed);
	writer->depth--;
	buffer_append(writer->out, bracket, 1);
}

void json_begin_object(struct json_writer *writer)
{
	begin(writer, "{");
}

void json_end_object(struct json_writer *writer)
{
	end(writer, "}");
}

void json_begin_array(struct json_writer *writer)
{
	begin(writer, "[");
}

void json_end_array(struct json_writer *writer)
{
	end(writer, "]");
}

/*
 * Octets of the well-formed UTF-8 sequence at p, 0 if there is none (Unicode 15, table 3-7: no
 * over-long forms, no surrogates, nothing past U+10FFFF).
 */
static size_t utf8_octets(const uint8_t *p, size_t n)
{
	static const struct {
		uint8_t first, last, second_min, second_max, octets;
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].first || p[0] > forms[i].last)
			continue;
		if (forms[i].octets > n)
			return 0;
		if (forms[i].octets > 1 &&
		    (p[1] < forms[i].second_min || p[1] > forms[i].second_max))
			return 0;
		for (size_t k = 2; k < forms[i].octets; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].octets;
	}
	return 0;
}

/* One character that cannot stand as it is; returns the octets it took. */
static size_t put_escape(struct buffer *out, const uint8_t *p)
{
	static const char shorts[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
				       ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };

	if (p[0] < sizeof(shorts) && shorts[p[0]] != 0)
		buffer_append(out, (const char[]){ '\\', shorts[p[0]] }, 2);
	else if (p[0] < 0x20)
		buffer_format(out, "\\u%04x", p[0]);
	else
		buffer_text(out, "\\ufffd");
	return 1;
}

static void put_string(struct buffer *out, const uint8_t *p, size_t n)
{
	buffer_append(out, "\"", 1);
	for (size_t i = 0; i < n;) {
		size_t plain = i; /* runs that need no change go out in one append */

		while (plain < n && p[plain] >= 0x20 && p[plain] != '"' && p[plain] != '\\') {
			size_t octets = p[plain] < 0x80 ? 1 : utf8_octets(p + plain, n - plain);

			if (octets == 0)
				break;
			plain += octets;
		}
		buffer_append(out, p + i, plain - i);
		i = plain;
		if (i < n)
			i += put_escape(out, p + i);
	}
	buffer_append(out, "\"", 1);
}

void json_key(struct json_writer *writer, const char *key)
{
	assert(!writer->keyed);
	before_value(writer);
	put_string(writer->out, (const uint8_t *)key, strlen(key));
	buffer_append(writer->out, ":", 1);
	writer->keyed = true;
}

void json_put_octets(struct json_writer *writer, const void *text, size_t n)
{
	before_value(writer);
	put_string(writer->out, text, n);
}

void json_put_text(struct json_writer *writer, const char *text)
{
	if (text == NULL)
		json_put_null(writer);
	else
		json_put_octets(writer, text, strlen(text));
}

/*
 * Decimal digits of `value` in front of `end`; returns the first. No printf: this is the hot path.
 */
static char *digits_before(char *end, uint64_t value)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return end;
}

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

void json_put_uint(struct json_writer *writer, uint64_t value)
{
	char digits[20];
	char *first = digits_before(digits + sizeof(digits), value);

	before_value(writer);
	buffer_append(writer->out, first, (size_t)(digits + sizeof(digits) - first));
}

void json_put_int(struct json_writer *writer, int64_t value)
{
	char digits[21];
	char *first = digits_before(digits + sizeof(digits), magnitude(value));

	if (value < 0)
		*--first = '-';
	before_value(writer);
	buffer_append(writer->out, first, (size_t)(digits + sizeof(digits) - first));
}

void json_put_bool(struct json_writer *writer, bool value)
{
	before_value(writer);
	buffer_text(writer->out, value ? "true" : "false");
}

void json_put_null(struct json_writer *writer)
{
	before_value(writer);
	buffer_text(writer->out, "null");
}

size_t json_micro_text(int64_t micro, char out[24])
{
	uint64_t value = magnitude(micro);
	char digits[24];
	char *end = digits + sizeof(digits);
	char *first = end;
	uint32_t places = 6;

	while (places > 0 && value % 10 == 0) {
		value /= 10;
		places--;
	}
	if (places > 0) {
		for (; places > 0; places--) {
			*--first = (char)('0' + value % 10);
			value /= 10;
		}
		*--first = '.';
	}
	first = digits_before(first, value);
	if (micro < 0)
		*--first = '-';
	memcpy(out, first, (size_t)(end - first));
	out[end - first] = '\0';
	return (size_t)(end - first);
}

void json_put_micro(struct json_writer *writer, int64_t micro)
{
	char text[24];
	size_t n = json_micro_text(micro, text);

	before_value(writer);
	buffer_append(writer->out, text, n);
}

/* Days since 1970-01-01 to the proleptic Gregorian date; no time zone, no libc calendar. */
static void civil_from_days(int64_t days, int64_t *year, uint32_t *month, uint32_t *day)
{
	int64_t shifted = days + 719468; /* from 0000-03-01: the leap day is the last of its year */
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	uint32_t of_era = (uint32_t)(shifted - era * 146097);
	uint32_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * years + years / 4 - years / 100);
	uint32_t march = (5 * of_year + 2) / 153;

	*day = of_year - (153 * march + 2) / 5 + 1;
	*month = march < 10 ? march + 3 : march - 9;
	*year = (int64_t)years + era * 400 + (*month <= 2 ? 1 : 0);
}

bool json_time_text(int64_t wall_ms, char out[25])
{
	enum {
		DAY_MS = 86400000
	};
	static const int64_t min_ms = INT64_C(-62167219200000); /* 0000-01-01T00:00:00.000Z */
	static const int64_t max_ms = INT64_C(253402300799999); /* 9999-12-31T23:59:59.999Z */

	if (wall_ms < min_ms || wall_ms > max_ms) {
		out[0] = '\0';
		return false;
	}
	int64_t days = wall_ms / DAY_MS;
	int64_t rest = wall_ms % DAY_MS;

	if (rest < 0) {
		rest += DAY_MS;
		days--;
	}
	int64_t year;
	uint32_t month;
	uint32_t day;

	civil_from_days(days, &year, &month, &day);

	uint32_t parts[] = { (uint32_t)year,
			     month,
			     day,
			     (uint32_t)(rest / 3600000),
			     (uint32_t)(rest / 60000 % 60),
			     (uint32_t)(rest / 1000 % 60),
			     (uint32_t)(rest % 1000) };
	static const struct {
		uint8_t at, width;
	} fields[] = { { 0, 4 }, { 5, 2 }, { 8, 2 }, { 11, 2 }, { 14, 2 }, { 17, 2 }, { 20, 3 } };

	memcpy(out, "0000-00-00T00:00:00.000Z", 25);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		for (uint32_t k = fields[i].width; k > 0; k--) {
			out[fields[i].at + k - 1] = (char)('0' + parts[i] % 10);
			parts[i] /= 10;
		}
	}
	return true;
}

void json_put_time(struct json_writer *writer, int64_t wall_ms)
{
	char text[25];

	if (json_time_text(wall_ms, text))
		json_put_text(writer, text);
	else
		json_put_null(writer);
}

void json_add_text(struct json_writer *writer, const char *key, const char *text)
{
	json_key(writer, key);
	json_put_text(writer, text);
}

void json_add_int(struct json_writer *writer, const char *key, int64_t value)
{
	json_key(writer, key);
	json_put_int(writer, value);
}

void json_add_uint(struct json_writer *writer, const char *key, uint64_t value)
{
	json_key(writer, key);
	json_put_uint(writer, value);
}

void json_add_digits(struct json_writer *writer, const char *key, uint64_t value)
{
	char digits[20];
	char *first = digits_before(digits + sizeof(digits), value);

	json_key(writer, key);
	json_put_octets(writer, first, (size_t)(digits + sizeof(digits) - first));
}

void json_add_bool(struct json_writer *writer, const char *key, bool value)
{
	json_key(writer, key);
	json_put_bool(writer, value);
}

void json_add_null(struct json_writer *writer, const char *key)
{
	json_key(writer, key);
	json_put_null(writer);
}

void json_add_micro(struct json_writer *writer, const char *key, int64_t micro)
{
	json_key(writer, key);
	json_put_micro(writer, micro);
}

void json_add_time(struct json_writer *writer, const char *key, int64_t wall_ms)
{
	json_key(writer, key);
	json_put_time(writer, wall_ms);
}
