/*
 * Doubts for operators: what nobody knows the fate of. All that is decided here is durable. See
 * control.h; what joins a receipt to a doubt is core/control_orphans.c.
 */
#include "core/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/correlate.h"
#include "core/deadline.h"
#include "core/history.h"
#include "core/lifecycle.h"
#include "core/orders.h"
#include "core/view.h"

#define LIMIT_MAX     500
#define LOOKED_AT_MAX 5000 /* messages and orders, to answer one request for some of them */

/* ---- the list of doubts ---- */

struct listing {
	struct api_call *call;
	bool full; /* numbers */
	int64_t limit;
	uint32_t looked_at;
	uint64_t order; /* where it begins; at the end, where it goes on */
	uint32_t index;
};

/* The orphan that fits it and nothing else. */
static void put_suggestion(struct api_call *call, const struct store_order *order,
			   struct segment_ref ref)
{
	const struct provider *provider = provider_numbered(call->engine, order->provider);
	uint64_t seq = provider ? correlate_suggest(call->turn, provider, ref) : 0;
	json_key(&call->json, "suggestion");
	if (seq)
		json_put_uint(&call->json, seq);
	else
		json_put_null(&call->json);
}

static void put_doubt(const struct listing *listing, const struct store_order *order,
		      struct segment_ref ref, const struct store_message *message,
		      const struct store_seg *seg)
{
	struct api_call *call = listing->call;
	struct json_writer *json = &call->json;
	const struct config_route *route = config_route_find(call->engine->config, order->route);
	enum life_event event = LIFE_ON_RECEIPT_DEADLINE;
	int64_t next_ms = deadline_of(call->turn, route, order, false, seg, &event);
	char id[MESSAGE_ID_OCTETS], digits[24];
	message_id_write(call->engine->store, ref.order, ref.index, id);
	json_begin_object(json);
	json_add_text(json, "bx_message_id", id);
	json_add_uint(json, "order_id", ref.order);
	json_add_uint(json, "segment", ref.segment);
	json_add_uint(json, "parts", order->parts);
	json_add_text(json, "msisdn", control_msisdn(message->msisdn, listing->full, digits));
	json_key(json, "since");
	view_put_due(call, seg->doubt_since_ms);
	json_add_uint(json, "attempt", seg->attempts);
	json_add_uint(json, "open_attempts", seg->open_attempts);
	json_add_uint(json, "route_id", order->route);
	control_add_carrier(call, route, order);
	json_add_text(json, "policy", config_doubt_word(route ? route->doubt : CONFIG_DOUBT_HOLD));
	json_add_text(json, "next_action", event == LIFE_ON_RESEND ? "resend" : "close");
	json_key(json, "next_action_at");
	view_put_due(call, (uint64_t)next_ms);
	put_suggestion(call, order, ref);
	json_end_object(json);
}

static void list_message(const struct listing *listing, const struct store_order *order,
			 struct store_message *message)
{
	struct store_segment segment;
	for (uint32_t n = 0; n < order->parts; n++) {
		struct segment_ref ref = { order->order, message->index, n };
		const struct store_seg *seg =
			history_segment(listing->call->turn->txn, order, ref, message, &segment);
		if (seg && seg->state == STORE_STATE_IN_DOUBT)
			put_doubt(listing, order, ref, message, seg);
	}
}

static bool exhausted(const struct listing *listing)
{
	return listing->limit <= 0 || listing->looked_at >= LOOKED_AT_MAX;
}

/* False: it stopped in the middle, at listing->index. */
static bool list_order(struct listing *listing, const struct store_order *order)
{
	struct store_txn *txn = listing->call->turn->txn;
	struct store_message message = { .order = order->order, .index = listing->index };
	enum store_err err = store_message_seek(txn, &message, 1);
	for (; !err || err == STORE_CORRUPT; err = store_message_next(txn, &message, 1)) {
		listing->index = message.index;
		if (exhausted(listing))
			return false;
		listing->looked_at++;
		if (err || message.state != STORE_STATE_IN_DOUBT)
			continue; /* what other parts have ended needs no decision */
		list_message(listing, order, &message);
		listing->limit--;
	}
	return true;
}

/* True when the end was reached. */
static bool list_orders(struct listing *listing)
{
	struct store_txn *txn = listing->call->turn->txn;
	struct store_open_order open = { .order = listing->order };
	enum store_err err = store_open_order_seek(txn, &open, 0);
	for (; !err; err = store_open_order_next(txn, &open, 0)) {
		struct store_order order = { .order = open.order };
		if (open.order != listing->order)
			listing->index = 0;
		listing->order = open.order;
		if (exhausted(listing))
			return false;
		listing->looked_at++;
		if (store_order_get(txn, &order) == STORE_OK && order.in_doubt &&
		    !list_order(listing, &order))
			return false;
	}
	return true;
}

/* "ORDER-INDEX", as `next` says it. */
static void read_place(struct listing *listing)
{
	struct api_call *call = listing->call;
	char text[40], *end;
	if (!api_query_text(call, "from", text, sizeof(text)))
		return;
	listing->order = strtoull(text, &end, 10);
	listing->index = *end == '-' ? (uint32_t)strtoul(end + 1, &end, 10) : 0;
	if (*end || text[strspn(text, "0123456789-")] || text[0] == '-')
		api_flaw(call, "query", "from", -1, "place",
			 "from must be an order, or ORDER-INDEX as an earlier answer gave it");
}

void control_doubts(struct api_call *call)
{
	static const char *const names[] = { "limit", "from", "numbers", NULL };
	struct json_writer *json = &call->json;
	struct listing listing = {
		.call = call,
		.limit = api_query_number(call, "limit", 20, 1, LIMIT_MAX),
		.full = api_query_number(call, "numbers", 0, 0, 1) == 1,
	};
	char next[40];
	read_place(&listing);
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	json_begin_object(json);
	json_key(json, "doubts");
	json_begin_array(json);
	bool whole = list_orders(&listing);
	json_end_array(json);
	snprintf(next, sizeof(next), "%llu-%u", (unsigned long long)listing.order, listing.index);
	json_add_text(json, "next", whole ? NULL : next);
	json_end_object(json);
}

/* ---- deciding a doubt ---- */

static uint32_t segments_in_doubt(struct api_call *call, const struct work *work,
				  struct store_message *message)
{
	struct store_segment segment;
	uint32_t n = 0;
	for (uint32_t i = 0; i < work->rec.parts; i++) {
		struct segment_ref ref = { work->rec.order, message->index, i };
		const struct store_seg *seg =
			history_segment(call->turn->txn, &work->rec, ref, message, &segment);
		n += seg && seg->state == STORE_STATE_IN_DOUBT;
	}
	return n;
}

/* Why it would not be submitted again; NULL: it would. */
static const char *no_resend(struct turn *turn, struct work *work,
			     const struct store_message *message)
{
	if (!work->route)
		return "Its route is no longer configured: it would never be submitted.";
	if (message->state == STORE_STATE_FAILED || message->state == STORE_STATE_EXPIRED)
		return "Other parts have ended the message: it is not submitted again.";
	if (turn->due_ms >= (int64_t)work->rec.queue_deadline_ms)
		return "Its queue_deadline has passed: it would not be submitted again.";
	return orders_content(turn, work) ? NULL :
					    "Its text is gone: it cannot be submitted again.";
}

static uint32_t apply(struct turn *turn, const struct work *work, struct store_message *message,
		      enum life_event event)
{
	bool resend = event == LIFE_ON_RESEND;
	const struct happening happening = {
		.event = event,
		.due_ms = resend ? turn->due_ms : 0,
		.flags = resend ? STORE_FLAG_POSSIBLE_DUPLICATE : 0,
		.evidence = { .by_operator = true },
	};
	struct store_segment segment;
	uint32_t n = 0;
	for (uint32_t i = 0; i < work->rec.parts && !turn_failed(turn); i++) {
		struct segment_ref ref = { work->rec.order, message->index, i };
		const struct store_seg *seg =
			history_segment(turn->txn, &work->rec, ref, message, &segment);
		if (!seg || seg->state != STORE_STATE_IN_DOUBT)
			continue;
		orders_happen(turn, ref, &happening);
		n++;
	}
	return n;
}

static void decide(struct api_call *call, enum life_event event)
{
	struct turn *turn = call->turn;
	struct json_writer *json = &call->json;
	struct store_order order;
	struct store_message message;
	const char *action = event == LIFE_ON_RESEND ? "resend" : "close";
	if (!control_find_message(call, &order, &message))
		return;
	struct work *work = orders_work(turn, order.order);
	if (!work)
		return;
	if (!segments_in_doubt(call, work, &message)) {
		api_refuse_state(call, "not_in_doubt", "Nothing of this message is in doubt.",
				 "what is: esmectl doubt list");
		return;
	}
	const char *why = event == LIFE_ON_RESEND ? no_resend(turn, work, &message) : NULL;
	if (why || turn_failed(turn)) {
		if (why)
			api_refuse_state(call, "no_resend", why,
					 "esmectl doubt close ends the wait");
		return;
	}
	uint32_t n = apply(turn, work, &message, event);
	control_audit(call, "doubt %s: %s, %u segments", call->params[0], action, n);
	if (turn_failed(turn) || store_message_get(turn->txn, &message) != STORE_OK)
		return;
	json_begin_object(json);
	json_add_text(json, "bx_message_id", call->params[0]);
	json_add_text(json, "action", action);
	json_add_bool(json, "durable", true);
	json_add_uint(json, "segments", n);
	json_add_text(json, "status",
		      life_shown((enum store_state)message.state, (enum store_error)message.error));
	json_add_text(json, "error",
		      message.error ? store_error_name((enum store_error)message.error) : NULL);
	json_add_bool(json, "possible_duplicate", message.flags & STORE_FLAG_POSSIBLE_DUPLICATE);
	json_end_object(json);
}

void control_doubt_close(struct api_call *call)
{
	decide(call, LIFE_ON_RECEIPT_DEADLINE);
}

void control_doubt_resend(struct api_call *call)
{
	decide(call, LIFE_ON_RESEND);
}
