/*
 * JSON: one object a line. What the source knows comes first, then the fields as smpp/print.h
 * names them ("smpp.…"), then what they say together.
 */
#include <string.h>

#include "core/json.h"
#include "smpp/status.h"
#include "tools/trace_own.h"

static void add_octets(struct json_writer *json, const char *key, struct smpp_octets octets)
{
	if (octets.n == 0)
		return;
	json_key(json, key);
	json_put_octets(json, octets.at, octets.n);
}

static void add_source(struct json_writer *json, const struct trace_pdu *pdu,
		       const struct trace_pair *pair)
{
	json_add_uint(json, "number", pdu->number);
	if (pdu->at_ms != 0) {
		json_add_time(json, "time", pdu->at_ms);
		json_add_text(json, "link", pdu->link);
		json_add_uint(json, "session", pdu->session);
		json_add_text(json, "dir", pdu->direction == TRACE_IN ? "in" : "out");
		json_add_uint(json, "dropped", pdu->dropped);
	} else {
		json_add_uint(json, "offset", pdu->offset);
	}
	json_add_uint(json, "octets", pdu->n);
	if (pair->kind == TRACE_PAIR_ANSWER)
		json_add_int(json, "rtt_ms", pair->rtt_ms);
	else if (pair->kind == TRACE_PAIR_UNASKED)
		json_add_null(json, "rtt_ms");
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

static void add_part(struct json_writer *json, const struct smpp_concat_info *part)
{
	if (part->total <= 1)
		return;
	json_key(json, "part");
	json_begin_object(json);
	json_add_uint(json, "part", part->seqnum);
	json_add_uint(json, "parts", part->total);
	json_add_uint(json, "reference", part->ref);
	json_add_text(json, "method", trace_part_method(part->method));
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

void trace_view_json(struct trace_view *view, const struct trace_pdu *pdu,
		     const struct trace_pair *pair)
{
	const struct trace_reading *reading = &view->reading;
	struct json_writer json = { .out = &view->out };

	json_begin_object(&json);
	add_source(&json, pdu, pair);
	add_hex(&json, &reading->copy);
	if (reading->has_header)
		splice(view);
	add_part(&json, &reading->part);
	add_receipt(&json, &reading->receipt);
	add_problem(&json, reading);
	json_end_object(&json);
	buffer_text(&view->out, "\n");
}
