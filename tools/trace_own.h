/* What the views share. Only tools/trace_view*.c, tools/trace_summary.c and tools/tui_*.c include this. */
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

/* A receipt of which no more is known than that it was one. */
#define TRACE_RECEIPT_NAME "deliver_sm/data_sm"

/* " part=2/3(reference 7)"; of facts the reference is not known. */
void trace_put_part(struct buffer *out, const struct trace_reading *reading);

/* "UDH, 8-bit reference", "sar_* TLVs". Static. */
const char *trace_part_method(enum smpp_concat_method method);

/* "08:30:00.123 alpha/alpha-1#3 ->"; without a time "@offset". */
void trace_put_place(struct buffer *out, const struct trace_pdu *pdu);

/* UTF-8 of the daemon, fit for a terminal. */
void trace_put_words(struct buffer *out, const char *words);

/* A number as it may be seen. */
void trace_put_number(struct buffer *out, const char *number, bool show);

/* " to=*********567 msg=BX-...", of a submit and of one whose message is known. */
void trace_put_whose(struct buffer *out, const struct flow_request *request, bool show_numbers);

/* "23ms", "1500ms", "0.318ms" */
void trace_put_ms(struct buffer *out, int64_t us);

#define TRACE_LABEL_OCTETS 128

/* "7 submit_sm_resp ESME_ROK": on an arrow. */
void trace_label(char *out, size_t room, const struct flow_event *event,
		 const struct trace_reading *reading);
/* Behind an arrow: part, receipt, relations, problem; each piece behind a blank. */
void trace_put_rest(struct trace_view *view, const struct flow_event *event);

/* What a PDU has to do with others, each piece behind a blank; the line and the ladder end so. */
void trace_put_relations(struct trace_view *view, const struct flow_event *event);

/* "\"192935\" = hex 2f1a7": how the id of a receipt and that of its submit are the same. */
void trace_put_rule(struct buffer *out, const struct flow_event *event);

/* "!! submit_sm sequence_number=10 (#14) to=*********008 was not answered until …" */
void trace_put_silence(struct trace_view *view, const struct flow_event *event);
/* The same as a line: when and where before it. */
void trace_put_unanswered(struct trace_view *view, const struct flow_event *event);
/* "* the carrier throttles us: ... msg=BX-…" */
void trace_put_note(struct buffer *out, const struct trace_pdu *pdu);
/* "closed by the carrier (FIN)" */
void trace_put_closed(struct buffer *out, const struct trace_pdu *pdu);

const char *trace_command_name(uint32_t command_id);

void trace_view_line(struct trace_view *view, const struct flow_event *event);
void trace_view_block(struct trace_view *view, const struct flow_event *event);
void trace_view_ladder(struct trace_view *view, const struct flow_event *event);
void trace_view_json(struct trace_view *view, const struct flow_event *event);
void trace_view_fields(struct trace_view *view, const struct flow_event *event);

#endif
