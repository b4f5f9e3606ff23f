/*
 * What operators ask of a provider about one message: query, cancel, replace. What is asked goes
 * out after the answer here, which names it; what came of it is asked for by that number. Evidence
 * and audit are durable, the numbers are not. See control.h, core/ask.h.
 */
#include "core/control.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/cancel.h"
#include "core/history.h"
#include "core/lifecycle.h"
#include "core/route.h"
#include "core/view.h"
#include "smpp/coding.h"
#include "smpp/status.h"

static const struct {
	const char *action, *code;
} verbs[] = {
	[ASK_QUERY] = { "query", "not_queried" },
	[ASK_CANCEL] = { "cancel", "not_cancelled" },
	[ASK_REPLACE] = { "replace", "not_replaced" },
};

/* ---- asking ---- */

static struct cancelled ask_one(struct turn *turn, const struct ask_wish *wish)
{
	if (wish->kind == ASK_CANCEL)
		return cancel_segment(turn, wish->work, wish->ref, wish->by_operator);
	struct asked asked = ask_segment(turn, wish);
	return (struct cancelled){ asked.why ? CANCEL_NOTHING : CANCEL_ASKED, asked };
}

static void put_part(struct json_writer *json, uint32_t segment, const struct cancelled *what)
{
	static const char *const results[] = {
		[CANCEL_DONE] = "cancelled",
		[CANCEL_ASKED] = "asked",
		[CANCEL_NOTHING] = "nothing",
	};
	json_begin_object(json);
	json_add_uint(json, "segment", segment);
	json_add_text(json, "result", results[what->result]);
	if (what->result == CANCEL_ASKED) {
		json_add_uint(json, "ask", what->asked.number);
		json_add_text(json, "link", what->asked.link);
	}
	if (what->result == CANCEL_NOTHING)
		json_add_text(json, "why", what->asked.why);
	json_end_object(json);
}

/* Nothing at all was done: the first part's reason stands for all. */
static void refuse(struct api_call *call, enum ask_kind kind, const char *why)
{
	const struct api_error error = {
		.status = 409,
		.code = verbs[kind].code,
		.stage = "state",
		.detail = why,
		.hint = "esmectl explain tells what is known of it",
	};
	api_refuse(call, &error);
}

static void add_status(struct json_writer *json, const struct store_message *message)
{
	enum store_error error = (enum store_error)message->error;
	json_add_text(json, "status", life_shown((enum store_state)message->state, error));
	json_add_text(json, "error", error ? store_error_name(error) : NULL);
}

/* Asks about every part; the wish names none yet. */
static void ask_all(struct api_call *call, struct ask_wish *wish, struct store_message *message)
{
	struct turn *turn = call->turn;
	struct json_writer *json = &call->json;
	const char *why = NULL;
	uint32_t done = 0, parts = wish->work->rec.parts;
	json_begin_object(json);
	json_add_text(json, "bx_message_id", call->params[0]);
	json_add_text(json, "action", verbs[wish->kind].action);
	json_key(json, "parts");
	json_begin_array(json);
	for (uint32_t n = 0; n < parts && !turn_failed(turn); n++) {
		wish->ref = (struct segment_ref){ wish->work->rec.order, message->index, n };
		struct cancelled what = ask_one(turn, wish);
		done += what.result != CANCEL_NOTHING;
		why = why ? why : what.asked.why;
		put_part(json, n, &what);
	}
	json_end_array(json);
	if (turn_failed(turn))
		return;
	if (!done) {
		refuse(call, wish->kind, why);
		return;
	}
	control_audit(call, "%s %s: %u of %u parts%s%.*s", verbs[wish->kind].action,
		      call->params[0], done, parts, wish->note.n ? ", text " : "",
		      (int)wish->note.n, (const char *)wish->note.at);
	turn_fail(turn, store_message_get(turn->txn, message));
	add_status(json, message);
	json_end_object(json);
}

static bool begin(struct api_call *call, struct ask_wish *wish, struct store_message *message)
{
	struct store_order order;
	wish->by_operator = true;
	if (!control_find_message(call, &order, message))
		return false;
	wish->work = orders_work(call->turn, order.order);
	return wish->work;
}

void control_query(struct api_call *call)
{
	struct ask_wish wish = { .kind = ASK_QUERY };
	struct store_message message;
	if (begin(call, &wish, &message))
		ask_all(call, &wish, &message);
}

void control_cancel(struct api_call *call)
{
	struct ask_wish wish = { .kind = ASK_CANCEL };
	struct store_message message;
	if (begin(call, &wish, &message))
		ask_all(call, &wish, &message);
}

/* ---- a text in place of another ---- */

/*
 * In the coding of the submit, which replace_sm cannot change (4.10.1), and not longer than one
 * part. The order keeps the text that was accepted: other messages share it.
 */
static const char *encode(const struct ask_wish *wish, const char *text, size_t n,
			  struct smpp_coding_buf *wire)
{
	enum smpp_alphabet alphabet = (enum smpp_alphabet)wish->work->rec.alphabet;
	struct smpp_concat_plan *plan = malloc(sizeof(*plan));
	wire->cap = SMPP_CODING_WIRE_MAX(n) + 1;
	wire->at = malloc(wire->cap);
	const char *why = NULL;
	if (!plan || !wire->at)
		why = "There is no memory.";
	else if (smpp_coding_from_utf8(alphabet, text, n, wire) != SMPP_CODING_OK)
		why = "The text has characters that the alphabet of the submit has not.";
	else if (smpp_concat_plan(alphabet, wire->at, wire->n, SMPP_CONCAT_UDH8, plan) !=
			 SMPP_CONCAT_OK ||
		 plan->pdus != 1)
		why = "The text is longer than one part.";
	free(plan);
	return why;
}

static void replace(struct api_call *call, const struct ask_wish *whose, const char *text, size_t n,
		    struct store_message *message)
{
	struct smpp_coding_buf wire = { 0 };
	struct ask_wish wish = *whose;
	char note[EVIDENCE_NOTE_OCTETS + 1];
	const char *why = orders_paid_parts(&wish.work->rec) > 1 ?
				  "It has more than one part: replace_sm cannot replace it." :
				  encode(&wish, text, n, &wire);
	snprintf(note, sizeof(note), "%zu:%016llx", n,
		 (unsigned long long)store_keyed_hash(call->engine->store, text, n));
	wish.text = (struct smpp_octets){ wire.at, (uint32_t)wire.n };
	wish.note = smpp_octets_of(note);
	if (why)
		refuse(call, ASK_REPLACE, why);
	else
		ask_all(call, &wish, message);
	free(wire.at);
}

void control_replace(struct api_call *call)
{
	static const char *const names[] = { "text", NULL };
	struct ask_wish wish = { .kind = ASK_REPLACE };
	struct store_message message;
	struct json *body = api_body(call);
	size_t n = 0;
	if (!body)
		return;
	const char *text = json_get_text(json_get(body, "text"), &n);
	api_body_only(call, body, names);
	if (!text || !n)
		api_flaw(call, "body", "text", -1, "missing",
			 "text must be a text that is not empty");
	if (!api_flawed(call, "shape") && begin(call, &wish, &message))
		replace(call, &wish, text, n, &message);
	json_free(body);
}

/* ---- what came of it ---- */

static void put_answer(struct json_writer *json, const struct ask *ask)
{
	struct smpp_status status = smpp_status(ask->status);
	char text[SMPP_STATUS_TEXT_OCTETS];
	json_add_uint(json, "rtt_ms", ask->rtt_ms);
	json_add_uint(json, "command_status", ask->status);
	json_add_text(json, "status_name",
		      status.name ? status.name : smpp_status_text(ask->status, text));
	json_add_text(json, "meaning", status.meaning);
	if (!ask->has_state)
		return;
	json_add_text(json, "message_state", smpp_receipt_state_name(ask->state));
	json_add_text(json, "final_date", ask->final_date[0] ? ask->final_date : NULL);
	json_add_uint(json, "error_code", ask->error_code);
}

void control_ask(struct api_call *call)
{
	static const char *const outcomes[] = {
		[ASK_WAITS] = "waits",
		[ASK_ANSWERED] = "answered",
		[ASK_UNANSWERED] = "unanswered",
		[ASK_UNSENT] = "unsent",
	};
	struct json_writer *json = &call->json;
	const struct ask *ask = ask_find(call->engine, api_number(call, 0));
	struct store_message message;
	char id[MESSAGE_ID_OCTETS];
	if (!ask || !ask->by_operator) {
		api_refuse_not_found(call,
				     "There is no ask of that number (any more); what came of "
				     "it is in the message's evidence.");
		return;
	}
	message = (struct store_message){ .order = ask->ref.order, .index = ask->ref.index };
	enum store_err err = store_message_get(call->turn->txn, &message);
	message_id_write(call->engine->store, ask->ref.order, ask->ref.index, id);
	json_begin_object(json);
	json_add_uint(json, "ask", ask->number);
	json_add_text(json, "bx_message_id", id);
	json_add_uint(json, "segment", ask->ref.segment);
	json_add_text(json, "action", verbs[ask->kind].action);
	json_add_text(json, "link", ask->link);
	json_add_text(json, "outcome", outcomes[ask->outcome]);
	if (ask->outcome == ASK_ANSWERED)
		put_answer(json, ask);
	if (!err)
		add_status(json, &message);
	json_end_object(json);
}
