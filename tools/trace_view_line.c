/* One line for each PDU, and for what became certain later. */
#include <inttypes.h>

#include "tools/trace_own.h"

static void put_receipt(struct buffer *out, const struct smpp_receipt *receipt)
{
	bool by_tlv = receipt->ids[SMPP_RECEIPT_TLV_ID].n > 0;
	const struct {
		const char *name;
		struct smpp_octets value;
	} words[] = {
		{ "id", receipt->ids[by_tlv ? SMPP_RECEIPT_TLV_ID : SMPP_RECEIPT_TEXT_ID] },
		{ "stat", receipt->stat },
		{ "err", receipt->err },
	};
	const char *before = "(";

	if (receipt->kind == SMPP_RECEIPT_NOT)
		return;
	buffer_format(out, " receipt=%s",
		      receipt->kind == SMPP_RECEIPT_UNPARSED ?
			      "unreadable" :
			      smpp_receipt_state_name(receipt->state));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].value.n == 0)
			continue;
		buffer_format(out, "%s%s=", before, words[i].name);
		trace_put_quoted(out, words[i].value);
		before = " ";
	}
	if (*before == ' ')
		buffer_text(out, ")");
}

static void put_pdu(struct trace_view *view, const struct flow_event *event)
{
	const struct trace_reading *reading = &view->reading;
	struct buffer *out = &view->out;

	if (reading->has_header)
		buffer_text(out, trace_printed(view, smpp_print_line));
	else if (reading->facts != NULL)
		buffer_text(out, TRACE_RECEIPT_NAME);
	else
		buffer_format(out, "%" PRIu32 " octets that are no PDU", event->pdu->n);
	if (reading->part.total > 1)
		trace_put_part(out, reading);
	put_receipt(out, &reading->receipt);
	trace_put_relations(view, event);
	if (reading->problematic)
		buffer_format(out, " problem at %" PRIu32 ": %s: %s", reading->problem.offset,
			      reading->problem.field, reading->problem.text);
	buffer_text(out, "\n");
}

void trace_view_line(struct trace_view *view, const struct flow_event *event)
{
	struct buffer *out = &view->out;

	switch (event->kind) {
	case FLOW_PDU:
		buffer_format(out, "#%" PRIu64 " ", event->pdu->number);
		trace_put_place(out, event->pdu);
		buffer_text(out, " ");
		put_pdu(view, event);
		return;
	case FLOW_UNANSWERED:
		trace_put_unanswered(view, event);
		return;
	case FLOW_CLOSED:
		trace_put_place(out, event->pdu);
		buffer_text(out, " ");
		trace_put_closed(out, event->pdu);
		buffer_text(out, "\n");
		return;
	case FLOW_NOTE:
		trace_put_place(out, event->pdu);
		buffer_text(out, " ");
		trace_put_note(out, event->pdu);
		buffer_text(out, "\n");
		return;
	}
}
