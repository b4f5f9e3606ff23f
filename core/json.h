/*
 * JSON, both ways: a strict reader that hides jansson behind bounds, and a streaming writer over a
 * buffer. It is not a model to build documents in. Used by the API and the tools.
 *
 * Reading: RFC 8259 and nothing more: valid UTF-8, no duplicate keys, no NaN, no comments, nothing
 * behind the value, no NUL in strings; the root is an object or an array.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include "core/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds that are checked before the text reaches the parser, which recurses and allocates. */
#define JSON_DEPTH_MAX	       16
#define JSON_STRING_OCTETS_MAX 65536 /* after unescaping */
#define JSON_NUMBER_DIGITS_MAX 20
#define JSON_VALUES_MAX	       200000 /* of any kind, keys not counted */
#define JSON_CONTAINERS_MAX    20000  /* objects and arrays among them */

/* One value inside a document; lives as long as the document. */
struct json;

enum json_kind {
	JSON_KIND_NULL,
	JSON_KIND_BOOL,
	JSON_KIND_INTEGER, /* no fraction, no exponent, fits int64 */
	JSON_KIND_NUMBER,  /* any other number: 1.0 is not an integer */
	JSON_KIND_STRING,
	JSON_KIND_ARRAY,
	JSON_KIND_OBJECT,
};

struct json_error {
	uint32_t line;	 /* from 1 */
	uint32_t column; /* from 1, in characters */
	size_t offset;	 /* octets before the place */
	char text[160];	 /* what is wrong, in words, printable ASCII */
	bool no_memory;	 /* json_read: nothing may be wrong but that */
};

/* The bounds alone. false: `error` says which and where. */
bool json_scan(const void *text, size_t n, struct json_error *error);

/*
 * Bounds, then parsing. NULL: `error` says what and where. Release with json_free (NULL is
 * allowed).
 */
struct json *json_read(const void *text, size_t n, struct json_error *error);
void json_free(struct json *document);

/* Every function below takes NULL for "no such value" and has an answer for it. */

/* NULL has JSON_KIND_NULL; ask for presence with json_get(...) != NULL. */
enum json_kind json_kind(const struct json *value);

/* Member of an object; NULL when absent or `object` is none. */
const struct json *json_get(const struct json *object, const char *key);

/* Elements of an array or members of an object; 0 for everything else. */
size_t json_count(const struct json *container);

/* Element of an array; NULL past the end or when `array` is none. */
const struct json *json_at(const struct json *array, size_t index);

/*
 * Walks the members of an object in the order of the text: start with *cursor = NULL; returns the
 * key (lives as long as the document) and sets *value, or NULL at the end.
 */
const char *json_next(const struct json *object, void **cursor, const struct json **value);

/* UTF-8, ends with NUL, contains none; *n (may be NULL) its octets. NULL when it is no string. */
const char *json_get_text(const struct json *value, size_t *n);

/* false and *out untouched when the value is not of that very kind. */
bool json_get_int(const struct json *value, int64_t *out);
bool json_get_bool(const struct json *value, bool *out);

/*
 * An integer or number as micro-units, rounded to the nearest; exact within ±4,000,000,000; false
 * beyond.
 */
bool json_get_micro(const struct json *value, int64_t *out);

/* ---- writing ---- */

/*
 * Writes straight into `out`, no blank between tokens. The caller nests properly (asserted); memory
 * trouble is out->failed. Zero it, set `out`; no release needed.
 */
struct json_writer {
	struct buffer *out;
	uint32_t depth;
	uint64_t filled; /* bit d: the container at depth d has an element already */
	bool keyed;	 /* a key was written and waits for its value */
};

#define JSON_WRITE_DEPTH_MAX 32

void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);

/* text may be NULL: writes null. Octets that are not well-formed UTF-8 become \ufffd each. */
void json_put_text(struct json_writer *writer, const char *text);
void json_put_octets(struct json_writer *writer, const void *text, size_t n);
void json_put_int(struct json_writer *writer, int64_t value);
void json_put_uint(struct json_writer *writer, uint64_t value);
void json_put_bool(struct json_writer *writer, bool value);
void json_put_null(struct json_writer *writer);

/* Exact decimal of micro-units: 88000 is 0.088, 290752000 is 290.752, -1 is -0.000001, 0 is 0. */
void json_put_micro(struct json_writer *writer, int64_t micro);

/* "2026-11-20T08:30:00.123Z", RFC 3339 UTC; years 0000..9999, else null. */
void json_put_time(struct json_writer *writer, int64_t wall_ms);

/* Key and value in one call. */
void json_add_text(struct json_writer *writer, const char *key, const char *text);
void json_add_int(struct json_writer *writer, const char *key, int64_t value);
void json_add_uint(struct json_writer *writer, const char *key, uint64_t value);
void json_add_digits(struct json_writer *writer, const char *key, uint64_t value); /* as a text */
void json_add_bool(struct json_writer *writer, const char *key, bool value);
void json_add_null(struct json_writer *writer, const char *key);
void json_add_micro(struct json_writer *writer, const char *key, int64_t micro);
void json_add_time(struct json_writer *writer, const char *key, int64_t wall_ms);

/*
 * The text of json_put_time without quotes; `out` has room for 25. false: out of range, out is "".
 */
bool json_time_text(int64_t wall_ms, char out[25]);

/* The text of json_put_micro; `out` has room for 24. Returns its length. */
size_t json_micro_text(int64_t micro, char out[24]);

#endif
