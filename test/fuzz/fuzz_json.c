/*
 * Fuzzes core/json.h: any octets are read or refused with a place inside them; what was read and is
 * written again reads the same; any octets written as a string read back.
 */
#include "core/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void copy(const struct json *value, struct json_writer *writer)
{
	const struct json *member;
	void *cursor = NULL;
	int64_t number = 0;
	bool truth = false;

	switch (json_kind(value)) {
	case JSON_KIND_NULL:
		json_put_null(writer);
		break;
	case JSON_KIND_BOOL:
		must(json_get_bool(value, &truth));
		json_put_bool(writer, truth);
		break;
	case JSON_KIND_INTEGER:
		must(json_get_int(value, &number));
		json_put_int(writer, number);
		break;
	case JSON_KIND_NUMBER:
		json_get_micro(value, &number);
		json_put_micro(writer, number);
		break;
	case JSON_KIND_STRING:
		json_put_text(writer, json_get_text(value, NULL));
		break;
	case JSON_KIND_ARRAY:
		json_begin_array(writer);
		for (size_t i = 0; i < json_count(value); i++)
			copy(json_at(value, i), writer);
		json_end_array(writer);
		break;
	case JSON_KIND_OBJECT:
		json_begin_object(writer);
		for (const char *key; (key = json_next(value, &cursor, &member)) != NULL;) {
			json_key(writer, key);
			copy(member, writer);
		}
		json_end_object(writer);
		break;
	}
}

/* Numbers may lose digits once (to micro-units), so the second writing is compared with the third. */
static void check_document(const uint8_t *data, size_t size)
{
	struct json_error error;
	struct json *document = json_read(data, size, &error);
	struct buffer texts[2] = { { 0 }, { 0 } };

	if (document == NULL) {
		must(error.offset <= size && error.line >= 1 && error.column >= 1);
		must(error.text[0] != '\0');
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		struct json_writer writer = { .out = &texts[i] };

		copy(document, &writer);
		json_free(document);
		document = json_read(texts[i].octets, texts[i].n, &error);
		must(document != NULL);
	}
	must(texts[0].n == texts[1].n && memcmp(texts[0].octets, texts[1].octets, texts[0].n) == 0);
	json_free(document);
	buffer_release(&texts[0]);
	buffer_release(&texts[1]);
}

static void check_string(const uint8_t *data, size_t size)
{
	struct buffer out = { 0 };
	struct json_writer writer = { .out = &out };
	struct json_error error;

	json_begin_array(&writer);
	json_put_octets(&writer, data, size);
	json_end_array(&writer);
	struct json *document = json_read(out.octets, out.n, &error);

	/* The reader takes no NUL and no more than its bound; everything else it must take. */
	must(document != NULL || memchr(data, 0, size) != NULL ||
	     size * 3 > JSON_STRING_OCTETS_MAX);
	json_free(document);
	buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_document(data, size);
	check_string(data, size);
	return 0;
}
