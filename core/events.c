/* The feed as Server-Sent Events or as JSON lines. See events.h. */
#include "core/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "core/feed.h"
#include "core/message_id.h"
#include "core/server.h"
#include "core/traffic.h"
#include "core/view.h"

#define HELPING_OCTETS	65536 /* of output in one go, at most */
#define HELPING_RECORDS 1000  /* feed records read in one go */
#define SILENCE_MS	15000 /* then a line that means nothing, so that both ends see they live */
#define TYPES_OCTETS	512
#define ID_OCTETS	48

/* One reader: a cursor and what it wants. */
struct reader {
	struct server_stream stream;
	uint64_t seq;	/* the record it reads next */
	uint32_t entry; /* and how many of its entries are behind it */
	uint32_t account;
	uint64_t order;	  /* 0: every one */
	uint64_t types;	  /* bit per enum feed_event */
	bool lines;	  /* JSON lines, not Server-Sent Events */
	uint64_t commits; /* of the engine when it read to the end */
	bool at_end;
};

#define FEED_KNOWN(name, number, text) +1
enum {
	EVENTS = 0 FEED_EVENTS(FEED_KNOWN)
};
_Static_assert(EVENTS <= 64, "a bit for each");

/* What clients see a message in after an event of it. */
static const char *const shown[EVENTS] = {
	[FEED_MESSAGE_QUEUED] = "QUEUED",	[FEED_MESSAGE_SENT] = "SENT",
	[FEED_MESSAGE_IN_DOUBT] = "UNKNOWN",	[FEED_MESSAGE_UNKNOWN] = "UNKNOWN",
	[FEED_MESSAGE_DELIVERED] = "DELIVERED", [FEED_MESSAGE_FAILED] = "FAILED",
	[FEED_MESSAGE_EXPIRED] = "EXPIRED",
};

/* ---- writing one event ---- */

static void put(const struct reader *reader, struct buffer *out, const char *id, const char *name,
		const struct buffer *data)
{
	if (reader->lines) {
		buffer_append(out, data->octets, data->n);
		buffer_text(out, "\n");
		return;
	}
	buffer_format(out, "id: %s\nevent: %s\ndata: ", id, name);
	buffer_append(out, data->octets, data->n);
	buffer_text(out, "\n\n");
}

/* A record that the feed outlives says no more than its number. */
static void add_link(struct json_writer *json, struct store_txn *txn, uint64_t number, bool down)
{
	struct store_session session = { .session = number };
	if (store_session_get(txn, &session))
		return;
	view_add_octets(json, "link", session.link);
	if (down)
		view_add_octets(json, "reason", session.reason);
}

static void add_alarm(struct json_writer *json, struct store_txn *txn, uint64_t seq)
{
	struct store_alarm alarm = { .seq = seq };
	if (store_alarm_get(txn, &alarm))
		return;
	view_add_octets(json, "name", alarm.name);
	view_add_octets(json, "text", alarm.text);
}

static void add_digits(struct json_writer *json, const char *key, struct store_octets number,
		       bool full)
{
	char out[sizeof(((struct store_alert *)0)->raw)];
	for (uint32_t i = 0; i < number.n; i++)
		out[i] = full || i + 3 >= number.n ? (char)number.at[i] : '*';
	json_key(json, key);
	json_put_octets(json, out, number.n);
}

/* An application reads its own numbers in full; operators ask for them elsewhere. */
static void add_alert(struct json_writer *json, struct store_txn *txn, uint64_t seq, bool full)
{
	static const char *const words[] = { NULL, "available", "denied", "unavailable" };
	struct store_alert alert = { .seq = seq };
	if (store_alert_get(txn, &alert))
		return;
	add_digits(json, "source_addr", alert.source, full);
	add_digits(json, "esme_addr", alert.esme, full);
	json_add_text(json, "availability",
		      alert.availability < sizeof(words) / sizeof(words[0]) ?
			      words[alert.availability] :
			      "reserved");
	json_add_uint(json, "skipped", alert.skipped);
}

static void write_entry(struct engine *engine, struct store_txn *txn, const struct reader *reader,
			struct buffer *out, const struct store_feed *feed,
			const struct feed_entry *entry)
{
	char id[ID_OCTETS], message[MESSAGE_ID_OCTETS];
	struct buffer data = { 0 };
	struct json_writer json = { .out = &data };
	const char *name = feed_event_name(entry->event);
	snprintf(id, sizeof(id), "%llu-%u", (unsigned long long)feed->seq, reader->entry);
	json_begin_object(&json);
	json_add_text(&json, "id", id);
	json_add_text(&json, "event", name);
	json_add_time(&json, "at", (int64_t)feed->at_ms);
	if (feed->steady_ms)
		json_add_uint(&json, "steady_ms", feed->steady_ms);
	if (feed->order)
		json_add_uint(&json, "order_id", feed->order);
	if (feed->order && entry->index != FEED_ORDER) {
		message_id_write(engine->store, feed->order, entry->index, message);
		json_add_text(&json, "bx_message_id", message);
		json_add_text(&json, "status", shown[entry->event]);
	}
	if (!feed->order)
		json_add_uint(&json, "number", entry->number);
	if (entry->event == FEED_LINK_BOUND || entry->event == FEED_LINK_DOWN)
		add_link(&json, txn, entry->number, entry->event == FEED_LINK_DOWN);
	if (entry->event == FEED_ALARM_BEGINS || entry->event == FEED_ALARM_ENDS)
		add_alarm(&json, txn, entry->number);
	if (entry->event == FEED_ALERT)
		add_alert(&json, txn, entry->number, reader->account != EVENTS_ALL_ACCOUNTS);
	json_end_object(&json);
	put(reader, out, id, name, &data);
	out->failed = out->failed || data.failed;
	buffer_release(&data);
}

/* The feed no longer has what the reader wants next. */
static void write_gap(const struct reader *reader, struct buffer *out, uint64_t first)
{
	char id[ID_OCTETS];
	struct buffer data = { 0 };
	struct json_writer json = { .out = &data };
	snprintf(id, sizeof(id), "%llu", (unsigned long long)first - 1);
	json_begin_object(&json);
	json_add_text(&json, "id", id);
	json_add_text(&json, "event", "gap");
	json_add_uint(&json, "from", reader->seq);
	json_add_uint(&json, "to", first - 1);
	json_end_object(&json);
	put(reader, out, id, "gap", &data);
	out->failed = out->failed || data.failed;
	buffer_release(&data);
}

/* ---- reading ---- */

static bool wanted(const struct reader *reader, const struct store_feed *feed)
{
	return (!reader->account || feed->account == reader->account) &&
	       (!reader->order || feed->order == reader->order);
}

/* False: there was no room for all of the record. */
static bool write_record(struct engine *engine, struct store_txn *txn, struct reader *reader,
			 struct buffer *out, const struct store_feed *feed, size_t room)
{
	struct feed_entry entry;
	uint32_t offset = 0, n = 0;
	for (; feed_next(feed->events, &offset, &entry); n++) {
		if (n < reader->entry)
			continue;
		if (out->n >= room)
			return false;
		reader->entry = n;
		if ((unsigned)entry.event < EVENTS && reader->types >> entry.event & 1)
			write_entry(engine, txn, reader, out, feed, &entry);
		reader->entry = n + 1;
	}
	return true;
}

static void read_feed(struct engine *engine, struct reader *reader, struct buffer *out, size_t room)
{
	struct store_txn *txn;
	struct store_feed feed = { .seq = reader->seq };
	reader->at_end = false;
	if (store_read_begin(engine->store, &txn))
		return;
	enum store_err err = store_feed_seek(txn, &feed, 0);
	for (int i = 0; i < HELPING_RECORDS && out->n < room; i++) {
		if (err && err != STORE_CORRUPT) {
			reader->at_end = err == STORE_NOTFOUND;
			break;
		}
		if (feed.seq > reader->seq) {
			write_gap(reader, out, feed.seq);
			engine->traffic->feed_gaps++;
			reader->seq = feed.seq;
			reader->entry = 0;
		}
		if (!err && wanted(reader, &feed) &&
		    !write_record(engine, txn, reader, out, &feed, room))
			break;
		reader->seq = feed.seq + 1;
		reader->entry = 0;
		err = store_feed_next(txn, &feed, 0);
	}
	store_read_end(txn);
}

static bool pump(struct engine *engine, struct server_stream *stream, struct buffer *out,
		 size_t room)
{
	struct reader *reader = (struct reader *)stream;
	int64_t now_ms = port_now_ms(engine->port);
	if (!reader->at_end || reader->commits != engine->commits) {
		reader->commits = engine->commits;
		read_feed(engine, reader, out, room < HELPING_OCTETS ? room : HELPING_OCTETS);
	}
	if (!out->n && now_ms >= stream->due_ms && reader->at_end)
		buffer_text(out, reader->lines ? "\n" : ": still here\n\n");
	if (!reader->at_end)
		stream->due_ms = now_ms;
	else if (out->n)
		stream->due_ms = now_ms + SILENCE_MS;
	return true;
}

/* ---- beginning ---- */

/* "12" is behind record 12, "12-3" behind its fourth entry. */
static bool read_id(const char *text, struct reader *reader)
{
	size_t n = strspn(text, "0123456789"), m = 0;
	if (text[n] == '-')
		m = strspn(text + n + 1, "0123456789");
	if (!n || n > 18 || m > 9 || (text[n] == '-' ? !m || text[n + 1 + m] : text[n]))
		return false;
	reader->seq = strtoull(text, NULL, 10) + (m ? 0 : 1);
	reader->entry = m ? (uint32_t)strtoul(text + n + 1, NULL, 10) + 1 : 0;
	return true;
}

static void read_types(struct api_call *call, struct reader *reader)
{
	char text[TYPES_OCTETS], *rest = text;
	reader->types = UINT64_MAX;
	if (!api_query_text(call, "types", text, sizeof(text)))
		return;
	reader->types = 0;
	for (char *word = strsep(&rest, ","); word; word = strsep(&rest, ",")) {
		unsigned event = 0;
		while (event < EVENTS && strcmp(feed_event_name((enum feed_event)event), word) != 0)
			event++;
		if (event == EVENTS)
			api_flaw(call, "query", "types", -1, "enum", "%.40s is no type of event",
				 word);
		else
			reader->types |= UINT64_C(1) << event;
	}
}

static void read_since(struct api_call *call, struct reader *reader)
{
	char text[ID_OCTETS];
	const char *last = http_header(call->request, "Last-Event-ID");
	uint64_t newest = store_last(call->turn->txn, STORE_NEXT_FEED);
	bool by_header = last && *last;
	reader->seq = newest + 1;
	if (by_header) {
		if (!read_id(last, reader))
			api_flaw(call, "header", "Last-Event-ID", -1, "id_parsing",
				 "Last-Event-ID must be the id of an event");
	} else if (api_query_text(call, "since", text, sizeof(text))) {
		if (!read_id(text, reader))
			api_flaw(call, "query", "since", -1, "id_parsing",
				 "since must be the id of an event; 0 is the beginning");
	}
	/* Another store gave it out; to wait until this one has come so far would lose what happens. */
	if (reader->seq - !reader->entry > newest)
		api_flaw(call, by_header ? "header" : "query",
			 by_header ? "Last-Event-ID" : "since", -1, "out_of_range",
			 "it is beyond the newest event, %llu; begin with since=0, or without",
			 (unsigned long long)newest);
}

void events_stream(struct api_call *call, uint32_t account)
{
	static const char *const names[] = { "since", "types", "order_id", NULL };
	struct reader *reader = calloc(1, sizeof(*reader));
	if (!reader) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	api_query_only(call, names);
	read_types(call, reader);
	read_since(call, reader);
	reader->order = (uint64_t)api_query_number(call, "order_id", 0, 1, INT64_MAX);
	if (api_flawed(call, "shape")) {
		free(reader);
		return;
	}
	reader->account = account;
	reader->lines = api_accepts(call, "application/x-ndjson");
	reader->stream.pump = pump;
	reader->stream.due_ms = call->turn->now_ms;
	call->content_type = reader->lines ? "application/x-ndjson" : "text/event-stream";
	call->stream = &reader->stream;
	api_field(call, "Cache-Control", "no-store");
	if (!reader->lines)
		buffer_text(call->body, "retry: 1000\n\n");
}
