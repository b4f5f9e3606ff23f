/* The order of tools/capture_stream.h. */
#include "tools/capture_stream.h"

#include <stdlib.h>
#include <string.h>

/* A segment that waits, in a list by its number. */
struct segment {
	struct segment *next;
	int64_t at_us;
	uint32_t sequence;
	size_t n;
	size_t cut;
	bool fin;
	uint8_t octets[];
};

struct direction {
	bool begun;
	uint32_t wanted; /* sequence number of the next octet */
	struct segment *waiting;
	size_t waiting_octets;
};

struct connection {
	struct capture_end first; /* who sent its first packet */
	struct capture_end second;
	uint32_t number;
	struct direction directions[2];
};

struct capture_streams {
	struct connection *connections;
	size_t connection_count;
	struct buffer queue; /* events, each with its octets behind it */
	struct buffer shown; /* octets of the event given out last */
	bool failed;
};

struct capture_streams *capture_streams_new(void)
{
	return calloc(1, sizeof(struct capture_streams));
}

static void free_waiting(struct direction *direction)
{
	while (direction->waiting != NULL) {
		struct segment *segment = direction->waiting;

		direction->waiting = segment->next;
		free(segment);
	}
}

void capture_streams_free(struct capture_streams *streams)
{
	if (streams == NULL)
		return;
	for (size_t i = 0; i < streams->connection_count; i++) {
		free_waiting(&streams->connections[i].directions[0]);
		free_waiting(&streams->connections[i].directions[1]);
	}
	free(streams->connections);
	buffer_release(&streams->queue);
	buffer_release(&streams->shown);
	free(streams);
}

/* ---- connections ---- */

static bool same_end(const struct capture_end *a, const struct capture_end *b)
{
	return a->port == b->port && a->six == b->six &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* *back: the packet goes against the first one. NULL: too many, or no memory. */
static struct connection *find(struct capture_streams *streams, const struct capture_packet *packet,
			       bool *back)
{
	struct connection *connections;

	for (size_t i = streams->connection_count; i > 0; i--) { /* the latest of that name */
		struct connection *c = &streams->connections[i - 1];

		*back = same_end(&c->first, &packet->to) && same_end(&c->second, &packet->from);
		if (*back ||
		    (same_end(&c->first, &packet->from) && same_end(&c->second, &packet->to) &&
		     !(packet->syn && c->directions[0].begun)))
			return c;
	}
	*back = false;
	if (streams->connection_count == CAPTURE_CONNECTIONS)
		return NULL;
	connections = reallocarray(streams->connections, streams->connection_count + 1,
				   sizeof(*connections));
	if (connections == NULL)
		return NULL;
	streams->connections = connections;
	connections[streams->connection_count] = (struct connection){
		.first = packet->from,
		.second = packet->to,
		.number = (uint32_t)streams->connection_count,
	};
	return &connections[streams->connection_count++];
}

/* ---- events ---- */

static void put(struct capture_streams *streams, struct capture_event event, const uint8_t *octets)
{
	buffer_append(&streams->queue, &event, sizeof(event));
	if (octets != NULL)
		buffer_append(&streams->queue, octets, event.n);
	streams->failed |= streams->queue.failed;
}

bool capture_stream_next(struct capture_streams *streams, struct capture_event *event)
{
	size_t n;

	if (streams->queue.n < sizeof(*event))
		return false;
	memcpy(event, streams->queue.octets, sizeof(*event));
	n = event->kind == CAPTURE_OCTETS ? event->n : 0;
	buffer_clear(&streams->shown);
	buffer_append(&streams->shown, streams->queue.octets + sizeof(*event), n);
	buffer_drop(&streams->queue, sizeof(*event) + n);
	event->octets = streams->shown.octets;
	return !streams->shown.failed;
}

/* ---- order ---- */

/* The segment is next, though perhaps its front was seen before. */
static void take(struct capture_streams *streams, struct connection *connection, bool back,
		 const struct segment *segment)
{
	struct direction *direction = &connection->directions[back];
	uint32_t seen = direction->wanted - segment->sequence;
	struct capture_event event = { .kind = CAPTURE_OCTETS,
				       .at_us = segment->at_us,
				       .connection = connection->number,
				       .back = back };

	if (segment->n > seen) {
		event.n = segment->n - seen;
		put(streams, event, segment->octets + seen);
	}
	if (segment->cut > 0) {
		event.kind = CAPTURE_LOST;
		event.n = segment->cut;
		put(streams, event, NULL);
	}
	if (segment->n + segment->cut > seen)
		direction->wanted += (uint32_t)(segment->n + segment->cut) - seen;
	if (segment->fin) {
		event.kind = CAPTURE_FIN;
		event.n = 0;
		put(streams, event, NULL);
	}
}

static void lose(struct capture_streams *streams, struct connection *connection, bool back)
{
	struct direction *direction = &connection->directions[back];
	struct capture_event event = { .kind = CAPTURE_LOST,
				       .at_us = direction->waiting->at_us,
				       .connection = connection->number,
				       .back = back,
				       .n = direction->waiting->sequence - direction->wanted };

	put(streams, event, NULL);
	direction->wanted = direction->waiting->sequence;
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
		}
		take(streams, connection, back, segment);
		direction->waiting = segment->next;
		direction->waiting_octets -= sizeof(*segment) + segment->n;
		free(segment);
	}
}

/* Into the list, by number. */
static bool keep(struct capture_streams *streams, struct direction *direction,
		 const struct capture_packet *packet)
{
	struct segment **at = &direction->waiting;
	struct segment *segment = malloc(sizeof(*segment) + packet->n);

	if (segment == NULL) {
		streams->failed = true;
		return false;
	}
	*segment = (struct segment){ .at_us = packet->at_us,
				     .sequence = packet->sequence + packet->syn,
				     .n = packet->n,
				     .cut = packet->cut,
				     .fin = packet->fin };
	if (packet->n > 0)
		memcpy(segment->octets, packet->octets, packet->n);
	while (*at != NULL && (int32_t)((*at)->sequence - segment->sequence) <= 0)
		at = &(*at)->next;
	segment->next = *at;
	*at = segment;
	direction->waiting_octets += sizeof(*segment) + segment->n; /* empty ones cost too */
	return true;
}

static void add_whole(struct capture_streams *streams, const struct connection *connection,
		      bool back, const struct capture_packet *packet)
{
	struct capture_event event = { .kind = CAPTURE_OCTETS,
				       .at_us = packet->at_us,
				       .connection = connection->number,
				       .back = back,
				       .n = packet->n };

	put(streams, event, packet->octets);
}

bool capture_stream_add(struct capture_streams *streams, const struct capture_packet *packet)
{
	bool back;
	struct connection *connection = find(streams, packet, &back);
	struct direction *direction;

	if (connection == NULL)
		return false;
	direction = &connection->directions[back];
	if (packet->whole) {
		add_whole(streams, connection, back, packet);
		return !streams->failed;
	}
	/* A capture that begins in the middle: the first octet seen is the first. */
	if (!direction->begun && (packet->syn || packet->n > 0)) {
		direction->begun = true;
		direction->wanted = packet->sequence + packet->syn;
	}
	if ((packet->n > 0 || packet->cut > 0 || packet->fin) && !keep(streams, direction, packet))
		return false;
	settle(streams, connection, back, direction->waiting_octets > CAPTURE_WAIT_OCTETS);
	if (packet->rst) {
		struct capture_event event = { .kind = CAPTURE_RST,
					       .at_us = packet->at_us,
					       .connection = connection->number,
					       .back = back };

		put(streams, event, NULL);
	}
	return !streams->failed;
}

void capture_stream_end(struct capture_streams *streams)
{
	for (size_t i = 0; i < streams->connection_count; i++) {
		settle(streams, &streams->connections[i], false, true);
		settle(streams, &streams->connections[i], true, true);
	}
}
