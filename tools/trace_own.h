/* What the views share. Only tools/trace_view*.c include this. */
#ifndef TOOLS_TRACE_OWN_H
#define TOOLS_TRACE_OWN_H

#include "tools/trace_view.h"

typedef void trace_print_fn(struct smpp_print_out *out, const struct smpp_pdu *pdu,
			    const struct smpp_print_options *options);

/* The PDU by one of the forms of smpp/print.h; "" without memory, and view->out has failed. */
const char *trace_printed(struct trace_view *view, trace_print_fn *print);

/* Octets of the carrier between quotes, fit for a terminal. */
void trace_put_quoted(struct buffer *out, struct smpp_octets octets);

/* "submit_sm_resp 0x0000000a ESME_RINVSRCADR (invalid source address)", or why there is none. */
void trace_put_answer(struct buffer *out, const struct trace_reading *reading);

/* "UDH, 8-bit reference", "sar_* TLVs". Static. */
const char *trace_part_method(enum smpp_concat_method method);

void trace_view_line(struct trace_view *view, const struct trace_pdu *pdu,
		     const struct trace_pair *pair);
void trace_view_block(struct trace_view *view, const struct trace_pdu *pdu,
		      const struct trace_pair *pair);
void trace_view_json(struct trace_view *view, const struct trace_pdu *pdu,
		     const struct trace_pair *pair);

#endif
