/*
 * The flow of PDUs over links: which request a response answers, and how long that took. It looks
 * at headers only, prints nothing and knows no source. Bounded: of more than TRACE_FLOW_REQUESTS
 * open requests the oldest is forgotten.
 */
#ifndef TOOLS_TRACE_FLOW_H
#define TOOLS_TRACE_FLOW_H

#include "tools/trace.h"

#define TRACE_FLOW_REQUESTS 16384

enum trace_pairing {
	TRACE_PAIR_NONE,    /* a request, or what has no answer */
	TRACE_PAIR_ANSWER,  /* of a request that was seen: rtt_ms */
	TRACE_PAIR_UNASKED, /* no open request has its sequence_number and type */
};

struct trace_pair {
	enum trace_pairing kind;
	int64_t rtt_ms; /* by the times of the two PDUs */
};

struct trace_flow;

/* NULL: out of memory. */
struct trace_flow *trace_flow_new(void);
void trace_flow_free(struct trace_flow *flow);

/* Takes the next PDU of a source. A request repeated before its answer replaces the one before. */
struct trace_pair trace_flow_pdu(struct trace_flow *flow, const struct trace_pdu *pdu);

#endif
