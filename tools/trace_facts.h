/*
 * What is known of a PDU whose octets nobody has: the daemon keeps evidence of its messages, not their
 * PDUs. Read from a line of core/tap_recall.h, or from a note on the tap (core/tap_stream.h).
 * Whatever is not said there is not known, and nothing is put in its stead.
 */
#ifndef TOOLS_TRACE_FACTS_H
#define TOOLS_TRACE_FACTS_H

#include "smpp/concat.h"
#include "smpp/pdu.h"
#include "smpp/receipt.h"
#include "tools/trace.h"

struct json;

/* Borrows from the line it was read from. Numbers that are not known are 0, texts empty. */
struct trace_facts {
	struct smpp_pdu pdu;	     /* command_id 0: a receipt; of which PDU is not known */
	struct smpp_receipt receipt; /* kind NOT: it is none */
	struct smpp_concat_info part;
	const char *rule;      /* of a receipt: by which it was matched, "parked" */
	const char *rule_text; /* and in words */
	const char *mark;      /* "late", "duplicate"...: what was unusual about it */
	uint32_t attempt;      /* of a submit */
	uint32_t in_flight;    /* on its session when it was released, itself included */
	uint32_t queued;       /* of its route then */
	int64_t released_ms;   /* before it left; -1: not known */
	int64_t rtt_us;	       /* of an answer; -1: not known */
};

/*
 * Fills *facts and of *pdu what a line without octets says: kind, message, note, facts; its time, link
 * and so on are the caller's. Both borrow from *line. false: it is no such line.
 */
bool trace_facts_read(const struct json *line, struct trace_facts *facts, struct trace_pdu *pdu);

#endif
