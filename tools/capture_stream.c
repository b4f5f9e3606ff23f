/* The order of tools/capture_stream.h. */
#include "tools/capture_stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* A segment that waits, in a list by its number. */
struct segment {
	struct segment *next;
	uint64_t packet;
	int64_t at_us;
	uint32_t sequence;
	size_t n;
	size_t cut;
	bool fin;
	const uint8_t *octets; /* the packet's, or copied */
	uint8_t copied[];
};

struct direction {
	bool begun;
	bool ended;
	uint32_t first;	 /* sequence number of its first octet */
	uint32_t wanted; /* of the next */
	struct segment *waiting;
	struct segment *last;
	size_t waiting_octets;
};

#define END_OCTETS 18

struct connection {
	uint8_t ends[2 * END_OCTETS]; /* the key: the lesser end first */
	struct capture_end first;     /* who sent its first packet */
	struct capture_end second;
	uint32_t number;
	struct direction directions[2];
	UT_hash_handle hh;
};

struct capture_streams {
	struct connection *connections; /* in the order of their first packets */
	struct connection *gone;	/* its ends are still told of */
	uint32_t connection_count;
	struct capture_event *events;
	size_t event_count;
	size_t event_next;
	size_t event_room;
	struct segment *shown; /* whose octets are in events */
	size_t waiting_octets;
	bool failed;
};

struct capture_streams *capture_streams_new(void)
{
	return calloc(1, sizeof(struct capture_streams));
}

static void free_segments(struct segment *segments)
{
	while (segments != NULL) {
		struct segment *segment = segments;

		segments = segment->next;
		free(segment);
	}
}

static void drop(struct capture_streams *streams, struct connection *connection)
{
	HASH_DEL(streams->connections, connection);
	for (int back = 0; back < 2; back++) {
		streams->waiting_octets -= connection->directions[back].waiting_octets;
		free_segments(connection->directions[back].waiting);
	}
	connection->directions[0].waiting = connection->directions[1].waiting = NULL;
}

void capture_streams_free(struct capture_streams *streams)
{
	if (streams == NULL)
		return;
	while (streams->connections != NULL) {
		struct connection *connection = streams->connections;

		drop(streams, connection);
		free(connection);
	}
	free(streams->gone);
	free_segments(streams->shown);
	free(streams->events);
	free(streams);
}

/* ---- events ---- */

static void put(struct capture_streams *streams, const struct connection *connection,
		struct capture_event event)
{
	event.connection = connection->number;
	event.from = event.back ? &connection->second : &connection->first;
	event.to = event.back ? &connection->first : &connection->second;
	if (streams->event_count == streams->event_room) {
		size_t room = streams->event_room * 2 + 16;
		struct capture_event *events = reallocarray(streams->events, room, sizeof(*events));

		if (events == NULL) {
			streams->failed = true;
			return;
		}
		streams->events = events;
		streams->event_room = room;
	}
	streams->events[streams->event_count++] = event;
}

bool capture_stream_next(struct capture_streams *streams, struct capture_event *event)
{
	if (streams->event_next == streams->event_count)
		return false;
	*event = streams->events[streams->event_next++];
	return true;
}

static void forget_events(struct capture_streams *streams)
{
	assert(streams->event_next == streams->event_count);
	streams->event_next = streams->event_count = 0;
	free_segments(streams->shown);
	streams->shown = NULL;
	free(streams->gone);
	streams->gone = NULL;
}

/* ---- order ---- */

/* The segment is next, though perhaps its front was seen before. */
static void deliver(struct capture_streams *streams, struct connection *connection, bool back,
		    const struct segment *segment)
{
	struct direction *direction = &connection->directions[back];
	uint32_t seen = direction->wanted - segment->sequence;
	struct capture_event event = { .packet = segment->packet,
				       .at_us = segment->at_us,
				       .back = back };
	size_t whole = segment->n + segment->cut;

	if (segment->n > seen) {
		event.kind = CAPTURE_OCTETS;
		event.octets = segment->octets + seen;
		event.n = segment->n - seen;
		put(streams, connection, event);
	}
	if (segment->cut > 0 && whole > seen) {
		event.kind = CAPTURE_LOST;
		event.n = segment->n > seen ? segment->cut : whole - seen;
		put(streams, connection, event);
	}
	if (whole > seen)
		direction->wanted += (uint32_t)whole - seen;
	if (segment->fin && !direction->ended) {
		event.kind = CAPTURE_FIN;
		event.n = 0;
		put(streams, connection, event);
		direction->ended = true;
	}
}

static void lose(struct capture_streams *streams, const struct connection *connection, bool back)
{
	const struct segment *segment = connection->directions[back].waiting;
	struct capture_event event = { .kind = CAPTURE_LOST,
				       .packet = segment->packet,
				       .at_us = segment->at_us,
				       .back = back };

	event.n = segment->sequence - connection->directions[back].wanted;
	put(streams, connection, event);
}

static size_t cost(const struct segment *segment)
{
	return sizeof(*segment) + segment->n; /* empty ones cost too */
}

/* Lets out what is no longer waited for; all of it if the gap is lost. */
static void settle(struct capture_streams *streams, struct connection *connection, bool back,
		   bool lost)
{
	struct direction *direction = &connection->directions[back];

	while (direction->waiting != NULL) {
		struct segment *segment = direction->waiting;

		if ((int32_t)(segment->sequence - direction->wanted) > 0) {
			if (!lost)
				return;
			lose(streams, connection, back);
			direction->wanted = segment->sequence;
		}
		deliver(streams, connection, back, segment);
		direction->waiting = segment->next;
		direction->waiting_octets -= cost(segment);
		streams->waiting_octets -= cost(segment);
		segment->next = streams->shown;
		streams->shown = segment;
	}
}

/* The other end has received what is missing here: it will not come. */
static void settle_received(struct capture_streams *streams, struct connection *connection,
			    bool back, const struct capture_packet *packet)
{
	struct direction *direction = &connection->directions[back];

	while (direction->waiting != NULL &&
	       (int32_t)(packet->acknowledged - direction->waiting->sequence) >= 0 &&
	       packet->at_us - direction->waiting->at_us > CAPTURE_WAIT_US) {
		lose(streams, connection, back);
		direction->wanted = direction->waiting->sequence;
		settle(streams, connection, back, false);
	}
}

/* Into the list, by number; nearly always behind the last. */
static bool keep(struct capture_streams *streams, struct direction *direction,
		 const struct segment *segment)
{
	struct segment **at = &direction->waiting;
	struct segment *kept = malloc(sizeof(*kept) + segment->n);

	if (kept == NULL) {
		streams->failed = true;
		return false;
	}
	*kept = *segment;
	kept->octets = kept->copied;
	if (segment->n > 0)
		memcpy(kept->copied, segment->octets, segment->n);
	if (*at != NULL && (int32_t)(direction->last->sequence - kept->sequence) <= 0)
		at = &direction->last->next;
	while (*at != NULL && (int32_t)((*at)->sequence - kept->sequence) <= 0)
		at = &(*at)->next;
	kept->next = *at;
	*at = kept;
	if (kept->next == NULL)
		direction->last = kept;
	direction->waiting_octets += cost(kept);
	streams->waiting_octets += cost(kept);
	return true;
}

/* ---- connections ---- */

static void put_end(uint8_t *out, const struct capture_end *end)
{
	memcpy(out, end->address, sizeof(end->address));
	out[16] = (uint8_t)(end->port >> 8);
	out[17] = (uint8_t)end->port;
}

static bool same_end(const struct capture_end *a, const struct capture_end *b)
{
	return a->port == b->port && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* Ends of both directions are told of at once; nothing is waited for any more. */
static void give_up(struct capture_streams *streams, struct connection *connection)
{
	struct capture_event event = { .kind = CAPTURE_GONE };

	settle(streams, connection, false, true);
	settle(streams, connection, true, true);
	put(streams, connection, event);
	drop(streams, connection);
	free(streams->gone);
	streams->gone = connection;
}

static bool has_ended(const struct connection *connection)
{
	return connection->directions[0].ended && connection->directions[1].ended;
}

static void make_room(struct capture_streams *streams)
{
	struct connection *oldest = streams->connections;

	while (oldest != NULL && !has_ended(oldest))
		oldest = oldest->hh.next;
	give_up(streams, oldest != NULL ? oldest : streams->connections);
}

static struct connection *begin(struct capture_streams *streams,
				const struct capture_packet *packet, const uint8_t *ends)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		return NULL;
	if (HASH_COUNT(streams->connections) >= CAPTURE_CONNECTIONS)
		make_room(streams);
	memcpy(connection->ends, ends, sizeof(connection->ends));
	connection->first = packet->from;
	connection->second = packet->to;
	connection->number = streams->connection_count++;
	HASH_ADD(hh, streams->connections, ends, sizeof(connection->ends), connection);
	return connection;
}

/* A first segment that begins elsewhere: the ports are used again. */
static bool begins_anew(const struct connection *connection, const struct capture_packet *packet)
{
	bool back = same_end(&connection->second, &packet->from);
	const struct direction *direction = &connection->directions[back];

	return packet->syn && !packet->ack && direction->begun &&
	       direction->first != packet->sequence + 1;
}

/* NULL: none; ends is its key either way. */
static struct connection *find_known(const struct capture_streams *streams,
				     const struct capture_packet *packet,
				     uint8_t ends[2 * END_OCTETS])
{
	struct connection *connection;
	uint8_t other[END_OCTETS];

	put_end(ends, &packet->from);
	put_end(other, &packet->to);
	if (memcmp(ends, other, END_OCTETS) <= 0) {
		memcpy(ends + END_OCTETS, other, END_OCTETS);
	} else {
		memcpy(ends + END_OCTETS, ends, END_OCTETS);
		memcpy(ends, other, END_OCTETS);
	}
	HASH_FIND(hh, streams->connections, ends, 2 * END_OCTETS, connection);
	return connection;
}

/* *back: the packet goes against the first one. NULL: no memory, or nothing begins with it. */
static struct connection *find(struct capture_streams *streams, const struct capture_packet *packet,
			       bool *back)
{
	uint8_t ends[2 * END_OCTETS];
	struct connection *connection = find_known(streams, packet, ends);

	if (connection != NULL && begins_anew(connection, packet)) {
		give_up(streams, connection);
		connection = NULL;
	}
	if (connection == NULL) {
		connection = begin(streams, packet, ends);
		streams->failed |= connection == NULL;
	}
	*back = connection != NULL && !same_end(&connection->first, &packet->from);
	return connection;
}

/* ---- packets ---- */

static bool is_empty(const struct capture_packet *packet)
{
	return packet->n == 0 && packet->cut == 0 && !packet->syn && !packet->fin && !packet->rst;
}

static bool add_segment(struct capture_streams *streams, struct connection *connection, bool back,
			const struct capture_packet *packet)
{
	struct direction *direction = &connection->directions[back];
	struct segment segment = { .packet = packet->number,
				   .at_us = packet->at_us,
				   .sequence = packet->sequence + packet->syn,
				   .n = packet->n,
				   .cut = packet->cut,
				   .fin = packet->fin,
				   .octets = packet->octets };

	if (direction->waiting == NULL && (int32_t)(segment.sequence - direction->wanted) <= 0) {
		deliver(streams, connection, back, &segment);
		return !streams->failed;
	}
	if (!keep(streams, direction, &segment))
		return false;
	settle(streams, connection, back,
	       direction->waiting_octets > CAPTURE_WAIT_OCTETS ||
		       streams->waiting_octets > CAPTURE_WAIT_OCTETS_ALL);
	return !streams->failed;
}

/* What it says of the other direction. */
static void add_acknowledgement(struct capture_streams *streams,
				const struct capture_packet *packet)
{
	uint8_t ends[2 * END_OCTETS];
	struct connection *connection;

	if (streams->waiting_octets == 0 || !packet->ack || packet->syn || packet->whole)
		return;
	connection = find_known(streams, packet, ends);
	if (connection != NULL)
		settle_received(streams, connection, same_end(&connection->first, &packet->from),
				packet);
}

bool capture_stream_add(struct capture_streams *streams, const struct capture_packet *packet)
{
	struct capture_event event = { .packet = packet->number, .at_us = packet->at_us };
	struct connection *connection;
	struct direction *direction;

	forget_events(streams);
	add_acknowledgement(streams, packet);
	if (!packet->whole && is_empty(packet))
		return !streams->failed;
	connection = find(streams, packet, &event.back);
	if (connection == NULL)
		return false;
	direction = &connection->directions[event.back];
	if (packet->whole) {
		event.whole = true;
		event.octets = packet->octets;
		event.n = packet->n;
		put(streams, connection, event);
		return !streams->failed;
	}
	/* A capture that begins in the middle: the first octet seen, or the end, is the first. */
	if (!direction->begun && (packet->syn || packet->n > 0 || packet->cut > 0 || packet->fin)) {
		direction->begun = true;
		direction->first = direction->wanted = packet->sequence + packet->syn;
	}
	if ((packet->n > 0 || packet->cut > 0 || packet->fin) &&
	    !add_segment(streams, connection, event.back, packet))
		return false;
	if (packet->rst) {
		event.kind = CAPTURE_RST;
		put(streams, connection, event);
		connection->directions[0].ended = connection->directions[1].ended = true;
	}
	return !streams->failed;
}

void capture_stream_end(struct capture_streams *streams)
{
	forget_events(streams);
	for (struct connection *c = streams->connections; c != NULL; c = c->hh.next) {
		settle(streams, c, false, true);
		settle(streams, c, true, true);
	}
}
