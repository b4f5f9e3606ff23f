/*
 * What passes through smpp-trace: PDUs as a source saw them. Sources make them (trace_split.h from
 * octets, trace_live.h from the daemon's tap), the flow pairs them (trace_flow.h), views show them
 * (trace_view.h). None of the three knows another.
 *
 *	source ── struct trace_pdu ──► flow ── struct trace_pair ──► view
 */
#ifndef TOOLS_TRACE_H
#define TOOLS_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#define TRACE_LINK_OCTETS 80	     /* of a link's name, with its NUL */
#define TRACE_PDU_OCTETS  (1u << 20) /* a command_length above this is none */

enum trace_direction {
	TRACE_UNKNOWN,
	TRACE_IN,  /* from the carrier */
	TRACE_OUT, /* to the carrier */
};

enum trace_framing {
	TRACE_WHOLE,
	TRACE_CUT,  /* fewer octets than its command_length says */
	TRACE_LOST, /* its command_length cannot be true: no PDU, nor is anything behind it */
};

/* Pointers are the source's, valid until it is asked for the next one. */
struct trace_pdu {
	uint64_t number; /* from 1, in the order of the source */
	uint64_t offset; /* of its first octet in the source; live: 0 */
	int64_t at_ms;	 /* wall clock; 0: not known */
	uint64_t session;
	uint64_t dropped;	      /* PDUs lost before it */
	char link[TRACE_LINK_OCTETS]; /* "": not known */
	enum trace_direction direction;
	enum trace_framing framing;
	uint32_t n;
	const uint8_t *octets;
};

#endif
