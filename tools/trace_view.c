/* The line, and what all views share. */
#include "tools/trace_view.h"

#include <inttypes.h>
#include <string.h>

#include "core/json.h"
#include "smpp/status.h"
#include "tools/trace_own.h"

typedef void view_fn(struct trace_view *view, const struct trace_pdu *pdu,
		     const struct trace_pair *pair);

static view_fn *const views[] = {
	[TRACE_LINE] = trace_view_line,
	[TRACE_BLOCK] = trace_view_block,
	[TRACE_JSON] = trace_view_json,
};

void trace_view_pdu(struct trace_view *view, const struct trace_pdu *pdu,
		    const struct trace_pair *pair)
{
	if (!trace_read(&view->reading, pdu, view->print.show_text, view->print.show_numbers)) {
		view->out.failed = true;
		return;
	}
	views[view->format](view, pdu, pair);
}

void trace_view_release(struct trace_view *view)
{
	trace_reading_release(&view->reading);
	buffer_release(&view->scratch);
	buffer_release(&view->out);
}

const char *trace_printed(struct trace_view *view, trace_print_fn *print)
{
	size_t room = smpp_print_room(&view->reading.pdu);
	struct smpp_print_out out;
	char *at;

	buffer_clear(&view->scratch);
	at = (char *)buffer_reserve(&view->scratch, room);
	if (!at) {
		view->out.failed = true;
		return "";
	}
	out = smpp_print_out_of(at, room);
	print(&out, &view->reading.pdu, &view->print);
	return at;
}

void trace_put_quoted(struct buffer *out, struct smpp_octets octets)
{
	buffer_text(out, "\"");
	for (uint32_t i = 0; i < octets.n; i++) {
		uint8_t octet = octets.at[i];

		if (octet < 0x20 || octet > 0x7E || octet == '"' || octet == '\\')
			buffer_format(out, "\\x%02x", octet);
		else
			buffer_append(out, &octet, 1);
	}
	buffer_text(out, "\"");
}

void trace_put_answer(struct buffer *out, const struct trace_reading *reading)
{
	struct smpp_status status = smpp_status(reading->problem.status);

	switch (reading->answer) {
	case TRACE_ANSWER_NONE:
		return;
	case TRACE_ANSWER_RESP:
	case TRACE_ANSWER_CLOSE:
		buffer_format(out, "%s 0x%08" PRIx32 " %s (%s)", reading->answer_command->name,
			      reading->problem.status, status.name ? status.name : "",
			      status.meaning);
		if (reading->answer == TRACE_ANSWER_CLOSE)
			buffer_text(out, ", sequence_number 0, and the link is closed");
		return;
	case TRACE_ANSWER_WAIT:
		buffer_text(out, "none yet; the link is closed if the rest does not come in time");
		return;
	case TRACE_ANSWER_NEVER:
		buffer_text(out, "none, for responses are not answered");
		return;
	}
}

const char *trace_part_method(enum smpp_concat_method method)
{
	switch (method) {
	case SMPP_CONCAT_UDH8:
		return "UDH, 8-bit reference";
	case SMPP_CONCAT_UDH16:
		return "UDH, 16-bit reference";
	case SMPP_CONCAT_SAR:
		return "sar_* TLVs";
	case SMPP_CONCAT_NONE:
	case SMPP_CONCAT_PAYLOAD:
		break;
	}
	return "none";
}

/* ---- the line ---- */

static void put_place(struct buffer *out, const struct trace_pdu *pdu)
{
	static const char *const arrows[] = {
		[TRACE_UNKNOWN] = "--",
		[TRACE_IN] = "<-",
		[TRACE_OUT] = "->",
	};
	char time[25];

	if (pdu->at_ms == 0) {
		buffer_format(out, "#%" PRIu64 " @%" PRIu64 " ", pdu->number, pdu->offset);
		return;
	}
	json_time_text(pdu->at_ms, time);
	/* The hours and smaller; a day is told by the block and by JSON. */
	buffer_format(out, "%.12s %s#%" PRIu64 " %s ", time + 11, pdu->link, pdu->session,
		      arrows[pdu->direction]);
}

static void put_receipt(struct buffer *out, const struct smpp_receipt *receipt)
{
	bool by_tlv = receipt->ids[SMPP_RECEIPT_TLV_ID].n > 0;

	if (receipt->kind == SMPP_RECEIPT_NOT)
		return;
	buffer_format(out, " receipt=%s(id=",
		      receipt->kind == SMPP_RECEIPT_UNPARSED ?
			      "unreadable" :
			      smpp_receipt_state_name(receipt->state));
	trace_put_quoted(out, receipt->ids[by_tlv ? SMPP_RECEIPT_TLV_ID : SMPP_RECEIPT_TEXT_ID]);
	if (receipt->stat.n > 0) {
		buffer_text(out, " stat=");
		trace_put_quoted(out, receipt->stat);
	}
	if (receipt->err.n > 0) {
		buffer_text(out, " err=");
		trace_put_quoted(out, receipt->err);
	}
	buffer_text(out, ")");
}

static void put_pair(struct buffer *out, const struct trace_pair *pair)
{
	switch (pair->kind) {
	case TRACE_PAIR_NONE:
		return;
	case TRACE_PAIR_ANSWER:
		buffer_format(out, " rtt=%" PRId64 "ms", pair->rtt_ms);
		return;
	case TRACE_PAIR_UNASKED:
		buffer_text(out, " rtt=? (its request was not seen)");
		return;
	}
}

void trace_view_line(struct trace_view *view, const struct trace_pdu *pdu,
		     const struct trace_pair *pair)
{
	const struct trace_reading *reading = &view->reading;
	struct buffer *out = &view->out;

	put_place(out, pdu);
	if (reading->has_header)
		buffer_text(out, trace_printed(view, smpp_print_line));
	else
		buffer_format(out, "%" PRIu32 " octets that are no PDU", pdu->n);
	if (reading->part.total > 1)
		buffer_format(out, " part=%u/%u(reference %u)", reading->part.seqnum,
			      reading->part.total, reading->part.ref);
	put_receipt(out, &reading->receipt);
	put_pair(out, pair);
	if (reading->problematic)
		buffer_format(out, " problem at %" PRIu32 ": %s: %s", reading->problem.offset,
			      reading->problem.field, reading->problem.text);
	if (pdu->dropped > 0)
		buffer_format(out, " (%" PRIu64 " dropped before it)", pdu->dropped);
	buffer_text(out, "\n");
}
