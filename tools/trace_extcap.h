/*
 * smpp-trace as an extcap program of Wireshark (wireshark.org/docs/man-pages/extcap.html): what it
 * answers when it is asked what there is to be captured. The capture itself is `live -w FIFO`; to
 * this tools/trace_options.c turns Wireshark's words. There is one interface, whatever the number of
 * links: each link is an interface of the capture (tools/trace_export.h).
 */
#ifndef TOOLS_TRACE_EXTCAP_H
#define TOOLS_TRACE_EXTCAP_H

#include "core/buffer.h"

#define TRACE_EXTCAP_NAME "esmed" /* of the interface */

enum trace_extcap {
	TRACE_EXTCAP_NOT,    /* it is not Wireshark who asks */
	TRACE_EXTCAP_FILTER, /* can this filter be used? */
	TRACE_EXTCAP_INTERFACES,
	TRACE_EXTCAP_DLTS,
	TRACE_EXTCAP_CONFIG,
	TRACE_EXTCAP_CAPTURE, /* no question */
};

/* The answer, as sentences of extcap; a filter that came so far can be used, and none is wanted. */
void trace_extcap_answer(enum trace_extcap question, struct buffer *out);

#endif
