/*
 * A ladder in plain text: the ESME on the left, the carrier on the right, an arrow for each PDU.
 *
 *	    time   ESME                                    SMSC
 *	   0.050    |--- 1 bind_transceiver ----------------->|
 *	   0.068    |<------ 1 bind_transceiver_resp ESME_ROK |  rtt=18ms
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "smpp/status.h"
#include "tools/trace_own.h"

#define RUNGS 56 /* columns between the two */

static void put_rung(struct buffer *out, const char *label, enum trace_direction direction)
{
	static const char dashes[] = "--------------------------------------------------------";
	int n = (int)strlen(label);
	int left = RUNGS - n - 4;

	if (left < 2)
		left = 2;
	if (direction == TRACE_OUT)
		buffer_format(out, "|- %s %.*s>|", label, left, dashes);
	else if (direction == TRACE_IN)
		buffer_format(out, "|<%.*s %s -|", left, dashes, label);
	else
		buffer_format(out, "|- %s %.*s-|", label, left, dashes);
}

void trace_label(char *out, size_t room, const struct flow_event *event,
		 const struct trace_reading *reading)
{
	const struct smpp_pdu *pdu = &reading->pdu;
	struct smpp_status status = smpp_status(pdu->command_status);

	if (reading->facts != NULL && !reading->has_header) {
		snprintf(out, room, "%s", TRACE_RECEIPT_NAME);
	} else if (!reading->has_header) {
		snprintf(out, room, "%" PRIu32 " octets that are no PDU", event->pdu->n);
	} else if ((pdu->command_id & SMPP_RESP_BIT) == 0) {
		snprintf(out, room, "%" PRIu32 " %s", pdu->sequence_number,
			 trace_command_name(pdu->command_id));
	} else if (status.name != NULL) {
		snprintf(out, room, "%" PRIu32 " %s %s", pdu->sequence_number,
			 trace_command_name(pdu->command_id), status.name);
	} else {
		snprintf(out, room, "%" PRIu32 " %s 0x%08" PRIx32, pdu->sequence_number,
			 trace_command_name(pdu->command_id), pdu->command_status);
	}
}

void trace_put_rest(struct trace_view *view, const struct flow_event *event)
{
	const struct trace_reading *reading = &view->reading;
	struct buffer *out = &view->out;

	if (reading->part.total > 1)
		buffer_format(out, " part=%u/%u", reading->part.seqnum, reading->part.total);
	if (reading->receipt.kind != SMPP_RECEIPT_NOT)
		buffer_format(out, " receipt=%s", smpp_receipt_state_name(reading->receipt.state));
	trace_put_relations(view, event);
	if (reading->problematic)
		buffer_format(out, " problem: %s: %s", reading->problem.field,
			      reading->problem.text);
}

static void put_pdu(struct trace_view *view, const struct flow_event *event)
{
	struct buffer *out = &view->out;
	char label[TRACE_LABEL_OCTETS];

	trace_label(label, sizeof(label), event, &view->reading);
	put_rung(out, label, event->pdu->direction);
	buffer_format(out, " #%" PRIu64, event->pdu->number);
	trace_put_rest(view, event);
	buffer_text(out, "\n");
}

/* Since the first event, which the heading tells. */
static void put_time(struct trace_view *view, const struct flow_event *event)
{
	int64_t since_us;

	if (!view->begun) {
		view->begun_us = event->at_us;
		buffer_format(&view->out, "%10s  ESME%*sSMSC\n", "seconds", RUNGS - 5, "");
	}
	view->begun = true;
	since_us = event->at_us - view->begun_us;
	buffer_format(&view->out, "%10.3f  ", (double)since_us / 1e6);
}

void trace_view_ladder(struct trace_view *view, const struct flow_event *event)
{
	struct buffer *out = &view->out;

	put_time(view, event);
	switch (event->kind) {
	case FLOW_PDU:
		put_pdu(view, event);
		return;
	case FLOW_UNANSWERED:
		trace_put_unanswered(view, event);
		return;
	case FLOW_CLOSED:
		put_rung(out, event->pdu->kind == TRACE_RST ? "RST" : "FIN", event->pdu->direction);
		buffer_text(out, " ");
		trace_put_closed(out, event->pdu);
		buffer_text(out, "\n");
		return;
	case FLOW_NOTE:
		buffer_format(out, "|%*s| ", RUNGS, "");
		trace_put_note(out, event->pdu);
		buffer_text(out, "\n");
		return;
	}
}
