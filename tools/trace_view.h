/*
 * PDUs shown: as one line each, as a block, as JSON. It decides only how they look; what they say
 * is tools/trace_read.h, the words are smpp/print.h.
 */
#ifndef TOOLS_TRACE_VIEW_H
#define TOOLS_TRACE_VIEW_H

#include "smpp/print.h"
#include "tools/trace_flow.h"
#include "tools/trace_read.h"

enum trace_format {
	TRACE_LINE,
	TRACE_BLOCK,
	TRACE_JSON,
};

/* Zero it, set the first two members; release it. */
struct trace_view {
	enum trace_format format;
	struct smpp_print_options print;
	struct buffer out; /* what was shown and not yet taken by the owner */
	struct trace_reading reading;
	struct buffer scratch;
};

/* Appends one PDU to view->out. Memory trouble is view->out.failed. */
void trace_view_pdu(struct trace_view *view, const struct trace_pdu *pdu,
		    const struct trace_pair *pair);
void trace_view_release(struct trace_view *view);

#endif
