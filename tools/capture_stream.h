/*
 * The octets of the connections in a capture, each direction in order: segments that came out of
 * order wait for what is missing, repeated ones are left out, and what never comes is told as lost.
 *
 *	capture_next ──► capture_stream_add ──► capture_stream_next: octets, losses, ends
 *
 * Bounded: of more than CAPTURE_CONNECTIONS the oldest is given up, ended ones first, and what
 * waits for a gap is let out behind its loss when it is too much, or the other end has acknowledged
 * what is missing: then only the capture lacks it.
 */
#ifndef TOOLS_CAPTURE_STREAM_H
#define TOOLS_CAPTURE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/capture.h"

/* Octets that wait for a gap, of one direction and of all; then the gap is lost. */
#define CAPTURE_WAIT_OCTETS	(1u << 20)
#define CAPTURE_WAIT_OCTETS_ALL (32u << 20)
/* So long may a capture have packets out of order, of what the other end has acknowledged already. */
#define CAPTURE_WAIT_US	    1000000
#define CAPTURE_CONNECTIONS 1024u

enum capture_kind {
	CAPTURE_OCTETS,
	CAPTURE_LOST, /* n octets are missing here */
	CAPTURE_FIN,
	CAPTURE_RST,
	CAPTURE_GONE, /* nothing more is told of the connection; of both directions at once */
};

struct capture_event {
	enum capture_kind kind;
	uint64_t packet; /* the number of the one that brought it */
	int64_t at_us;
	uint32_t connection; /* from 0, in the order of their first packets; never used again */
	bool back;	     /* from the end that did not send its first packet */
	bool whole;	     /* the octets are those of one PDU, or of what is left of it */
	/* The ends, until the next packet is added. */
	const struct capture_end *from;
	const struct capture_end *to;
	const uint8_t *octets; /* until the next packet is added */
	size_t n;
};

struct capture_streams;

/* NULL: no memory. */
struct capture_streams *capture_streams_new(void);
void capture_streams_free(struct capture_streams *streams);

/*
 * Takes a packet, whose octets must live until the next one is added; all events of the one before
 * have been taken. false: no memory; the packet was not taken.
 */
bool capture_stream_add(struct capture_streams *streams, const struct capture_packet *packet);
/* No packet follows: what waits for a gap is let out behind its loss. */
void capture_stream_end(struct capture_streams *streams);
/* false: none waits. */
bool capture_stream_next(struct capture_streams *streams, struct capture_event *event);

#endif
