/*
 * PDUs on their way from the thread that relays them to the one that shows them. Bounded: who puts
 * never waits; what finds no room is counted, and told with the next PDU that does. Notes, a line
 * each for whoever looks, keep their place among the PDUs. Used by tools/trace_proxy.h.
 */
#ifndef TOOLS_TRACE_RING_H
#define TOOLS_TRACE_RING_H

#include "tools/trace.h"

#define TRACE_RING_OCTETS (32u << 20) /* of all that waits, with what it takes to keep it */
#define TRACE_NOTE_OCTETS 512	      /* with its NUL */

struct trace_ring;

/* NULL: out of memory or descriptors. */
struct trace_ring *trace_ring_new(void);
void trace_ring_free(struct trace_ring *ring);

/* ---- the thread that puts ---- */

/* A copy, without number and message. */
void trace_ring_put(struct trace_ring *ring, const struct trace_pdu *pdu);
__attribute__((format(printf, 2, 3))) void trace_ring_say(struct trace_ring *ring,
							  const char *format, ...);
/* Nothing follows. */
void trace_ring_end(struct trace_ring *ring);

/* ---- the thread that takes ---- */

/* Until something waits, most_ms at most. false: nothing does, and nothing follows. */
bool trace_ring_wait(struct trace_ring *ring, int64_t most_ms);

/* What one take gives; pointers live until the next. */
struct trace_taken {
	const struct trace_pdu *pdu; /* NULL: it is a note */
	const char *note;
};

/* false: nothing waits. */
bool trace_ring_take(struct trace_ring *ring, struct trace_taken *taken);

/* PDUs that were dropped behind the last that was taken. */
uint64_t trace_ring_dropped(struct trace_ring *ring);

#endif
