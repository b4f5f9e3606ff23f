/* Lines of core/tap_stream.h, made as the connection has room for them. */
#include <stdlib.h>

#include "core/api.h"
#include "core/ask.h"
#include "core/message_id.h"
#include "core/server.h"
#include "core/tap.h"
#include "core/tap_stream.h"

/* Kept back of the room of a connection for the head of a chunk and its end. */
#define CHUNK_OCTETS 32

struct tap_stream {
	struct server_stream stream;
	struct tap_reader *reader;
	struct buffer lines; /* made and not yet given */
	size_t given;	     /* octets at its front */
};

/* By hand, being most of a line: digits need no escaping. */
static void put_hex(struct buffer *out, const uint8_t *octets, uint32_t n)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *at = buffer_reserve(out, 2 * (size_t)n);
	if (!at)
		return;
	for (uint32_t i = 0; i < n; i++) {
		*at++ = (uint8_t)digits[octets[i] >> 4];
		*at++ = (uint8_t)digits[octets[i] & 15];
	}
	out->n += 2 * (size_t)n;
}

static void add_message(struct json_writer *json, const struct engine *engine, uint64_t tag)
{
	struct segment_ref ref;
	char id[MESSAGE_ID_OCTETS];
	if (!tag || !ask_ref(engine, tag, &ref))
		return;
	message_id_write(engine->store, ref.order, ref.index, id);
	json_add_text(json, "msg", id);
}

static void put_line(const struct engine *engine, struct buffer *out,
		     const struct tap_record *record)
{
	struct json_writer json = { .out = out };
	json_begin_object(&json);
	json_add_uint(&json, "seq", record->seq);
	if (!record->octets) {
		json_add_uint(&json, "dropped", record->dropped);
		json_end_object(&json);
		buffer_text(out, "\n");
		return;
	}
	json_add_time(&json, "time", record->at_ms);
	json_add_text(&json, "link", record->link);
	json_add_uint(&json, "session", record->session);
	json_add_uint(&json, "dropped", record->dropped);
	add_message(&json, engine, record->tag);
	if (record->note) {
		json_key(&json, "note");
		json_put_octets(&json, record->octets, record->n);
		json_end_object(&json);
		buffer_text(out, "\n");
		return;
	}
	json_add_text(&json, "dir", record->direction == TAP_IN ? "in" : "out");
	buffer_text(out, ",\"hex\":\"");
	put_hex(out, record->octets, record->n);
	buffer_text(out, "\"}\n");
}

/* False: there is none. */
static bool next_line(const struct engine *engine, struct tap_stream *own)
{
	struct tap_record record;
	buffer_clear(&own->lines);
	own->given = 0;
	if (!tap_reader_next(own->reader, &record))
		return false;
	put_line(engine, &own->lines, &record);
	return true;
}

/*
 * Never more than there is room for: what does not fit stays here, and of a client that has stopped
 * reading nothing waits but one record and what the connection has taken, while the ring goes round.
 * Nor for longer than the tap allows: what makes the daemon's throughput comes first.
 */
static bool pump(struct engine *engine, struct server_stream *stream, struct buffer *out,
		 size_t room)
{
	struct tap_stream *own = (struct tap_stream *)stream;
	int64_t began_us = port_now_us(engine->port), now_us = began_us;
	int64_t until_us =
		began_us + tap_allowance_us(engine->tap, began_us, engine->turns_took.sum_us);
	bool ready = true;
	room -= room < CHUNK_OCTETS ? room : CHUNK_OCTETS;
	while (out->n < room && now_us < until_us) {
		ready = own->given < own->lines.n || next_line(engine, own);
		if (!ready)
			break;
		size_t n = own->lines.n - own->given;
		if (n > room - out->n)
			n = room - out->n;
		buffer_append(out, own->lines.octets + own->given, n);
		own->given += n;
		now_us = port_now_us(engine->port);
	}
	tap_took(engine->tap, now_us - began_us);
	stream->due_ms = ready && now_us >= until_us ? tap_resume_us(engine->tap) / 1000 + 1 :
						       INT64_MAX;
	return !own->lines.failed;
}

static void release(struct engine *engine, struct server_stream *stream)
{
	struct tap_stream *own = (struct tap_stream *)stream;
	(void)engine;
	tap_reader_free(own->reader);
	buffer_release(&own->lines);
}

void tap_stream(struct api_call *call)
{
	static const char *const known[] = { "link", "text", "numbers", NULL };
	char name[TAP_LINK_OCTETS];
	api_query_only(call, known);
	api_query_text(call, "link", name, sizeof(name));
	struct tap_want want = {
		.link = name,
		.text = api_query_number(call, "text", 0, 0, 1) == 1,
		.numbers = api_query_number(call, "numbers", 0, 0, 1) == 1,
	};
	if (api_flawed(call, "shape"))
		return;
	struct tap_stream *own = calloc(1, sizeof(*own));
	if (own)
		own->reader = tap_reader_new(call->turn->engine->tap, &want);
	if (!own || !own->reader) {
		free(own);
		api_refuse_unavailable(call, "tap_busy", "Too many readers on the tap");
		return;
	}
	own->stream = (struct server_stream){ .pump = pump, .free = release, .due_ms = INT64_MAX };
	call->content_type = "application/x-ndjson";
	call->stream = &own->stream;
}
