/*
 * Octets of one direction of a connection, as they come, into PDUs. It knows where they begin and
 * end and nothing of what they say. Used by the sources that see connections (tools/trace_capture.h,
 * tools/trace_proxy.h).
 *
 *	trace_frames_add(frames, octets, n);
 *	while (trace_frames_next(frames, &frame))
 *		...
 *
 * What is left of the octets is kept until more come; bounded by `most`.
 */
#ifndef TOOLS_TRACE_FRAMES_H
#define TOOLS_TRACE_FRAMES_H

#include <stddef.h>

#include "core/buffer.h"
#include "tools/trace.h"

/* Zeroed, but for the first two, it is at an unknown place; release it. */
struct trace_frames {
	uint32_t most; /* a command_length above it is none */
	bool is_smpp;  /* whatever has a possible length is a PDU; else its command must be known */
	bool synced;   /* the next octet begins a PDU */
	uint64_t lost; /* octets that belong to none, since the last PDU; the caller may zero it */
	struct buffer pending; /* of a PDU that is not whole yet; failed: out of memory */
	bool given;	       /* pending was, by trace_frames_cut */
	const uint8_t *octets; /* being taken: [at, n) of these, or NULL */
	size_t n;
	size_t at;
};

struct trace_frame {
	enum trace_framing framing;
	uint32_t command_id; /* of a whole one */
	uint32_t n;
	const uint8_t *octets; /* valid until the next call */
};

void trace_frames_release(struct trace_frames *frames);

/* The octets must live until trace_frames_next has said false. */
void trace_frames_add(struct trace_frames *frames, const uint8_t *octets, size_t n);
bool trace_frames_next(struct trace_frames *frames, struct trace_frame *frame);

/* Nothing follows what was begun: gives it, once, as cut. false: nothing was begun. */
bool trace_frames_cut(struct trace_frames *frames, struct trace_frame *frame);

/* n octets are missing here. */
void trace_frames_skip(struct trace_frames *frames, uint64_t n);

#endif
