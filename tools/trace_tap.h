/*
 * One line of the tap (core/tap_stream.h, core/tap_recall.h) read back into a PDU, or into what is known
 * of one. Used by `live`, `message` and `order`.
 */
#ifndef TOOLS_TRACE_TAP_H
#define TOOLS_TRACE_TAP_H

#include <stddef.h>

#include "core/buffer.h"
#include "tools/trace_facts.h"

struct json;

/* What a line was read into. Zero it before the first, release it after the last. */
struct trace_tap {
	struct buffer octets;
	struct json *json;
	struct trace_facts facts;
};

/*
 * Fills what the line says of the PDU, which borrows from *tap, and the line is used up. Without
 * octets and without facts it tells only how many PDUs were dropped. false: it is no line of a tap.
 */
bool trace_tap_line(struct trace_tap *tap, char *line, size_t n, struct trace_pdu *pdu);
void trace_tap_release(struct trace_tap *tap);

#endif
