/*
 * PDUs shown: as one line each, as a block, as JSON, as chosen fields, as a ladder. It decides only
 * how they look; what they say is tools/trace_read.h and tools/flow.h, the words are smpp/print.h.
 */
#ifndef TOOLS_TRACE_VIEW_H
#define TOOLS_TRACE_VIEW_H

#include "smpp/print.h"
#include "tools/flow.h"
#include "tools/trace_read.h"

enum trace_format {
	TRACE_LINE,
	TRACE_BLOCK,
	TRACE_LADDER,
	TRACE_JSON,
	TRACE_FIELDS, /* values between tabs */
	TRACE_CSV,    /* the same, and a first line of names (RFC 4180) */
};

/* Zero it, set the first members; release it. */
struct trace_view {
	enum trace_format format;
	struct smpp_print_options print;
	char **names; /* of fields, for FIELDS and CSV: members of the JSON object, "receipt.id" */
	size_t n_names;	   /* at most 64 */
	uint64_t named;	   /* a bit for each of them: an object had it */
	struct buffer out; /* what was shown and not yet taken by the owner */
	struct trace_reading reading;
	struct buffer scratch;
	struct buffer object; /* FIELDS: what is chosen from */
	bool begun;
	int64_t begun_us; /* LADDER: the first time */
};

/* Appends what one event says to view->out, if anything. Memory trouble is view->out.failed. */
void trace_view_event(struct trace_view *view, const struct flow_event *event);
void trace_view_release(struct trace_view *view);

#endif
