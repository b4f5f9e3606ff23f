/* A client takes its message back. See cancel_message.h. */
#include "core/cancel_message.h"

#include "core/cancel.h"
#include "core/listing.h"
#include "core/view.h"

/* What came of it, over all segments of the message. */
struct summary {
	uint32_t of[CANCEL_NOTHING + 1];
	const char *why; /* of the first segment that nothing was done about */
};

static void cancel_all(struct api_call *call, struct work *work, uint32_t index,
		       struct summary *summary)
{
	for (uint32_t n = 0; n < work->rec.parts && !turn_failed(call->turn); n++) {
		struct segment_ref ref = { work->rec.order, index, n };
		struct cancelled what = cancel_segment(call->turn, work, ref, false);
		summary->of[what.result]++;
		if (what.result == CANCEL_NOTHING && !summary->why)
			summary->why = what.asked.told;
	}
}

static void write_result(struct json_writer *json, const struct summary *summary, int64_t refund)
{
	bool here = summary->of[CANCEL_DONE], there = summary->of[CANCEL_ASKED];
	json_key(json, "cancel");
	json_begin_object(json);
	json_add_text(json, "result", here ? "cancelled" : "asked");
	if (here && there)
		json_add_text(json, "why",
			      "what had not left is not sent; the provider is asked for the rest");
	else if (here)
		json_add_text(json, "why",
			      summary->why ? "what had not left is not sent; the rest has left" :
					     "it had not left: it is not sent");
	else
		json_add_text(json, "why",
			      "the provider is asked; only a receipt tells whether it was so");
	json_add_micro(json, "refund", refund);
	json_end_object(json);
}

/* The body may be missing, or an object without members. */
static bool body_is_empty(struct api_call *call)
{
	static const char *const names[] = { NULL };
	if (call->request->body_octets) {
		struct json *body = api_body(call);
		if (!body)
			return false;
		api_body_only(call, body, names);
		json_free(body);
	}
	api_query_only(call, names);
	return !api_flawed(call, "shape");
}

void cancel_message(struct api_call *call)
{
	struct json_writer *json = &call->json;
	struct summary summary = { .why = NULL };
	struct store_order order;
	struct store_message message;
	if (!body_is_empty(call))
		return;
	bool found = listing_message(call, call->params[0], &order, &message);
	struct work *work = found ? orders_work(call->turn, order.order) : NULL;
	if (turn_failed(call->turn))
		return;
	if (!work) {
		api_refuse_not_found(call, "DLR record not found.");
		return;
	}
	call->route_id = order.route;
	cancel_all(call, work, message.index, &summary);
	if (turn_failed(call->turn))
		return;
	if (!summary.of[CANCEL_DONE] && !summary.of[CANCEL_ASKED]) {
		api_refuse_state(call, "not_cancelled", summary.why,
				 "GET /api/v1/messages/{bx_message_id}/path tells where it is");
		return;
	}
	turn_fail(call->turn, store_message_get(call->turn->txn, &message));
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_key(json, "message");
	view_dlr(call, &work->rec, &message);
	write_result(json, &summary, message.refund);
	json_end_object(json);
}
