/*
 * What passes through smpp-trace: PDUs as a source saw them. Sources make them (trace_split.h from
 * octets, trace_capture.h from a file, trace_live.h from the daemon's tap, trace_recall.h from its
 * store, trace_proxy.h from what it passes on), the flow says what they have to do with one another
 * (flow.h), the filter chooses (filter.h), views show (trace_view.h, trace_summary.h). Sources know
 * nothing of what follows, and views not where a PDU came from.
 *
 *	source ── struct trace_pdu ──► flow ── struct flow_event ──► filter ──► view
 */
#ifndef TOOLS_TRACE_H
#define TOOLS_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#define TRACE_LINK_OCTETS 80	     /* of a link's name, with its NUL */
#define TRACE_PDU_OCTETS  (1u << 20) /* a command_length above this is none */

enum trace_kind {
	TRACE_PDU,
	TRACE_FIN,	/* no PDU: the connection was ended in this direction, by a FIN */
	TRACE_RST,	/* the same, in both directions, by an RST */
	TRACE_NOTE,	/* no PDU: `note` is what the daemon did, or knows */
	TRACE_GIVEN_UP, /* no PDU: the daemon waits no longer for an answer; `note` is why */
};

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

struct trace_facts;

/* Pointers are the source's, valid until it is asked for the next one. */
struct trace_pdu {
	enum trace_kind kind;
	uint64_t number;  /* from 1, in the order of the source; an end has that of the last PDU */
	uint64_t offset;  /* decode: of its first octet in the source */
	uint64_t packet;  /* captures: the number of the packet that made it whole; else 0 */
	int64_t at_us;	  /* wall clock; 0: not known */
	uint64_t session; /* of the link */
	uint64_t dropped; /* live, proxy: PDUs lost before it */
	uint64_t lost;	  /* octets of its direction before it that are missing, or no PDU */
	char link[TRACE_LINK_OCTETS]; /* "": not known */
	const char *message;	      /* our id of the message, where the source says it; else "" */
	const char *note;	      /* NOTE, GIVEN_UP: one line; else NULL */
	/* The octets are not known, but these facts (tools/trace_facts.h); else NULL. */
	const struct trace_facts *facts;
	enum trace_direction direction;
	enum trace_framing framing;
	uint32_t n;
	const uint8_t *octets;
};

#endif
