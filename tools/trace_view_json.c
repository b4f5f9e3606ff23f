/*
 * JSON: one object a line. What the source knows comes first, then the fields as smpp/print.h
 * names them ("smpp.…"), then what they say together. What is no PDU is an object of its own.
 */
#include <string.h>

#include "core/json.h"
#include "smpp/status.h"
#include "tools/trace_facts.h"
#include "tools/trace_own.h"

static void add_octets(struct json_writer *json, const char *key, struct smpp_octets octets)
{
	if (octets.n == 0)
		return;
	json_key(json, key);
	json_put_octets(json, octets.at, octets.n);
}

static void add_direction(struct json_writer *json, enum trace_direction direction)
{
	if (direction != TRACE_UNKNOWN)
		json_add_text(json, "dir", direction == TRACE_IN ? "in" : "out");
}

static void add_ms(struct json_writer *json, const char *key, int64_t us)
{
	json_add_micro(json, key, us * 1000);
}

static void add_source(struct json_writer *json, const struct trace_pdu *pdu)
{
	json_add_uint(json, "number", pdu->number);
	if (pdu->packet != 0)
		json_add_uint(json, "packet", pdu->packet);
	if (pdu->at_us != 0) {
		json_add_time(json, "time", pdu->at_us / 1000);
		json_add_text(json, "link", pdu->link);
		json_add_uint(json, "session", pdu->session);
		add_direction(json, pdu->direction);
	} else {
		json_add_uint(json, "offset", pdu->offset);
	}
	if (pdu->facts != NULL) {
		json_add_null(json, "octets");
		return;
	}
	if (pdu->at_us != 0) {
		json_add_uint(json, "dropped", pdu->dropped);
		json_add_uint(json, "lost", pdu->lost);
	}
	json_add_uint(json, "octets", pdu->n);
}

/* What only the daemon can know. */
static void add_facts(struct json_writer *json, const struct trace_facts *facts)
{
	if (facts->attempt > 0)
		json_add_uint(json, "attempt", facts->attempt);
	if (facts->released_ms >= 0) {
		json_add_int(json, "released_before_ms", facts->released_ms);
		json_add_uint(json, "queued", facts->queued);
	}
	if (facts->mark != NULL)
		json_add_text(json, "mark", facts->mark);
}

/* ---- what it has to do with others ---- */

static void add_submit(struct json_writer *json, const struct flow_event *event)
{
	const struct flow_request *submit = event->submit;

	if (event->join == FLOW_JOIN_NONE)
		return;
	if (submit == NULL) {
		json_add_null(json, "submit");
		return;
	}
	json_key(json, "submit");
	json_begin_object(json);
	json_add_uint(json, "number", submit->number);
	json_add_text(json, "link", submit->link);
	json_add_uint(json, "session", submit->session);
	json_add_text(json, "id", submit->id);
	json_add_text(json, "rule",
		      event->pdu->facts != NULL ? event->pdu->facts->rule :
						  smpp_id_dialect_name(event->rule));
	add_ms(json, "delay_ms", event->delay_us);
	json_end_object(json);
}

static void add_again(struct json_writer *json, const struct flow_event *event)
{
	if (event->again == 0)
		return;
	json_key(json, "again");
	json_begin_object(json);
	json_add_uint(json, "number", event->again);
	json_add_bool(json, "in_doubt", event->again_in_doubt);
	if (!event->again_in_doubt)
		json_add_uint(json, "command_status", event->again_status);
	json_end_object(json);
}

static void add_request(struct json_writer *json, const struct flow_event *event)
{
	bool timed = event->pdu->at_us != 0;

	if (event->pairing == FLOW_PAIR_UNASKED && timed)
		json_add_null(json, "rtt_ms");
	if (event->request == NULL)
		return;
	json_add_uint(json, "request", event->request->number);
	if (timed)
		add_ms(json, "rtt_ms", event->rtt_us);
	if (event->late)
		json_add_bool(json, "late", true);
}

static void add_relations(struct json_writer *json, const struct flow_event *event)
{
	const char *message = event->pdu->message;

	if (message[0] == '\0' && event->request != NULL)
		message = event->request->message;
	if (message[0] == '\0' && event->submit != NULL)
		message = event->submit->message;
	if (message[0] != '\0')
		json_add_text(json, "msg", message);
	if (event->pdu->at_us != 0 && event->window > 0)
		json_add_uint(json, "window", event->window);
	add_request(json, event);
	add_submit(json, event);
	add_again(json, event);
	if (event->early != 0)
		json_add_uint(json, "receipt_before", event->early);
	if (event->pause_us >= 0)
		add_ms(json, "pause_ms", event->pause_us);
}

static void put_unanswered(struct trace_view *view, const struct flow_event *event)
{
	static const char *const whys[] = {
		[FLOW_WHY_TIME] = "time",	  [FLOW_WHY_CLOSED] = "closed",
		[FLOW_WHY_END] = "end",		  [FLOW_WHY_FORGOTTEN] = "forgotten",
		[FLOW_WHY_GIVEN_UP] = "given_up", [FLOW_WHY_REUSED] = "reused",
	};
	const struct flow_request *request = event->request;
	struct json_writer json = { .out = &view->out };

	json_begin_object(&json);
	json_add_text(&json, "unanswered", trace_command_name(request->command_id));
	json_add_uint(&json, "request", request->number);
	if (event->at_us != 0) {
		json_add_time(&json, "time", event->at_us / 1000);
		json_add_text(&json, "link", request->link);
		json_add_uint(&json, "session", request->session);
		add_direction(&json, request->direction);
		add_ms(&json, "after_ms", event->rtt_us);
	}
	json_add_uint(&json, "smpp.sequence_number", request->sequence_number);
	if (request->message[0] != '\0')
		json_add_text(&json, "msg", request->message);
	json_add_text(&json, "why", whys[event->why]);
	if (event->note != NULL)
		json_add_text(&json, "note", event->note);
	json_end_object(&json);
	buffer_text(&view->out, "\n");
}

static void put_closed(struct trace_view *view, const struct flow_event *event)
{
	struct json_writer json = { .out = &view->out };

	json_begin_object(&json);
	json_add_text(&json, "closed", event->pdu->kind == TRACE_RST ? "rst" : "fin");
	json_add_time(&json, "time", event->at_us / 1000);
	json_add_text(&json, "link", event->pdu->link);
	json_add_uint(&json, "session", event->pdu->session);
	add_direction(&json, event->pdu->direction);
	json_end_object(&json);
	buffer_text(&view->out, "\n");
}

static void put_note(struct trace_view *view, const struct flow_event *event)
{
	const struct trace_pdu *pdu = event->pdu;
	struct json_writer json = { .out = &view->out };

	json_begin_object(&json);
	json_add_text(&json, "note", pdu->note);
	json_add_time(&json, "time", event->at_us / 1000);
	if (pdu->link[0] != '\0') {
		json_add_text(&json, "link", pdu->link);
		json_add_uint(&json, "session", pdu->session);
	}
	if (pdu->message[0] != '\0')
		json_add_text(&json, "msg", pdu->message);
	json_end_object(&json);
	buffer_text(&view->out, "\n");
}

static void add_hex(struct json_writer *json, const struct buffer *octets)
{
	static const char digits[] = "0123456789abcdef";
	struct buffer hex = { 0 };
	uint8_t *at = buffer_reserve(&hex, 2 * octets->n);

	for (size_t i = 0; at && i < octets->n; i++) {
		*at++ = (uint8_t)digits[octets->octets[i] >> 4];
		*at++ = (uint8_t)digits[octets->octets[i] & 15];
		hex.n += 2;
	}
	if (hex.failed)
		json->out->failed = true;
	json_key(json, "hex");
	json_put_octets(json, hex.octets, hex.n);
	buffer_release(&hex);
}

/* The members of smpp_print_json's object, among ours. */
static void splice(struct trace_view *view)
{
	const char *object = trace_printed(view, smpp_print_json);
	size_t n = strlen(object);

	if (n <= 2)
		return;
	buffer_text(&view->out, ",");
	buffer_append(&view->out, object + 1, n - 2);
}

static void add_part(struct json_writer *json, const struct flow_event *event,
		     const struct smpp_concat_info *part)
{
	if (part->total <= 1)
		return;
	json_key(json, "part");
	json_begin_object(json);
	json_add_uint(json, "part", part->seqnum);
	json_add_uint(json, "parts", part->total);
	if (event->pdu->facts == NULL) {
		json_add_uint(json, "reference", part->ref);
		json_add_text(json, "method", trace_part_method(part->method));
	}
	if (event->first_part != 0)
		json_add_uint(json, "first", event->first_part);
	json_end_object(json);
}

static void add_receipt(struct json_writer *json, const struct smpp_receipt *receipt)
{
	if (receipt->kind == SMPP_RECEIPT_NOT)
		return;
	json_key(json, "receipt");
	json_begin_object(json);
	json_add_text(json, "state", smpp_receipt_state_name(receipt->state));
	add_octets(json, "id", receipt->ids[SMPP_RECEIPT_TEXT_ID]);
	add_octets(json, "tlv_id", receipt->ids[SMPP_RECEIPT_TLV_ID]);
	add_octets(json, "stat", receipt->stat);
	add_octets(json, "err", receipt->err);
	add_octets(json, "sub", receipt->sub);
	add_octets(json, "dlvrd", receipt->dlvrd);
	add_octets(json, "submit_date", receipt->submit_date);
	add_octets(json, "done_date", receipt->done_date);
	json_add_bool(json, "intermediate", receipt->kind == SMPP_RECEIPT_INTERMEDIATE);
	json_end_object(json);
}

static void add_problem(struct json_writer *json, const struct trace_reading *reading)
{
	const struct smpp_problem *problem = &reading->problem;
	struct buffer answer = { 0 };

	if (!reading->problematic)
		return;
	trace_put_answer(&answer, reading);
	json_key(json, "problem");
	json_begin_object(json);
	json_add_uint(json, "offset", problem->offset);
	json_add_text(json, "field", problem->field);
	json_add_text(json, "section", problem->section);
	json_add_text(json, "text", problem->text);
	json_key(json, "answer");
	json_put_octets(json, answer.octets, answer.n);
	json_end_object(json);
	buffer_release(&answer);
}

static void put_pdu(struct trace_view *view, const struct flow_event *event)
{
	const struct trace_reading *reading = &view->reading;
	struct json_writer json = { .out = &view->out };

	json_begin_object(&json);
	add_source(&json, event->pdu);
	add_relations(&json, event);
	if (reading->facts != NULL)
		add_facts(&json, reading->facts);
	else
		add_hex(&json, &reading->copy);
	if (reading->has_header)
		splice(view);
	add_part(&json, event, &reading->part);
	add_receipt(&json, &reading->receipt);
	add_problem(&json, reading);
	json_end_object(&json);
	buffer_text(&view->out, "\n");
}

void trace_view_json(struct trace_view *view, const struct flow_event *event)
{
	switch (event->kind) {
	case FLOW_PDU:
		put_pdu(view, event);
		return;
	case FLOW_UNANSWERED:
		put_unanswered(view, event);
		return;
	case FLOW_CLOSED:
		put_closed(view, event);
		return;
	case FLOW_NOTE:
		put_note(view, event);
		return;
	}
}
