/*
 * Octets in a row, cut into PDUs by their command_length: the source of `decode`. Nothing else of
 * them is looked at.
 */
#ifndef TOOLS_TRACE_SPLIT_H
#define TOOLS_TRACE_SPLIT_H

#include <stddef.h>

#include "tools/trace.h"

struct trace_split {
	const uint8_t *octets; /* borrowed */
	size_t n;
	size_t next; /* 0 at first */
	uint64_t number;
};

/*
 * The next PDU; false: none is left. One that is cut short or whose length cannot be true is the
 * last, with all octets that are left.
 */
bool trace_split_next(struct trace_split *split, struct trace_pdu *pdu);

#endif
