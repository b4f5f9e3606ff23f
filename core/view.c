/* JSON objects of the API from records. See view.h. */
#include "core/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/account.h"
#include "core/engine.h"
#include "core/lifecycle.h"
#include "core/message_id.h"
#include "core/orders.h"
#include "core/provider.h"
#include "core/route.h"
#include "smpp/coding.h"

/* ---- pieces ---- */

const char *view_currency(struct api_call *call)
{
	const struct store_octets *own = &call->account.currency;
	if (own->n != sizeof(call->currency) - 1)
		return call->engine->config->currency;
	memcpy(call->currency, own->at, own->n);
	return call->currency;
}

void view_add_number(struct json_writer *json, const char *key, uint64_t msisdn)
{
	json_add_digits(json, key, msisdn);
}

void view_add_octets(struct json_writer *json, const char *key, struct store_octets octets)
{
	json_key(json, key);
	if (octets.n)
		json_put_octets(json, octets.at, octets.n);
	else
		json_put_null(json);
}

void view_add_key_id(struct json_writer *json, const char *key, uint64_t id_high)
{
	char id[20];
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)id_high);
	json_add_text(json, key, id_high ? id : NULL);
}

static void add_time(struct json_writer *json, const char *key, uint64_t at_ms)
{
	json_key(json, key);
	api_put_time(json, at_ms);
}

void view_put_due(struct api_call *call, uint64_t due_ms)
{
	if (due_ms)
		json_put_time(&call->json, (int64_t)due_ms + engine_wall_ahead_ms(call->engine));
	else
		json_put_null(&call->json);
}

void view_add_message_id(struct json_writer *json, const struct engine *engine, uint64_t order,
			 uint32_t index)
{
	char id[MESSAGE_ID_OCTETS];
	message_id_write(engine->store, order, index, id);
	json_add_text(json, "bx_message_id", id);
}

/* ---- Route ---- */

void view_route(struct api_call *call, const struct config_route *route)
{
	struct json_writer *json = &call->json;
	json_begin_object(json);
	json_add_uint(json, "route_id", route->id);
	json_add_text(json, "name", route->name);
	json_add_text(json, "display_name", route->display_name);
	json_add_text(json, "category", config_category_word(route->category));
	json_add_text(json, "access_policy", config_access_word(route->access));
	json_add_bool(json, "sender_id_required", route->sender != CONFIG_SENDER_OPTIONAL);
	json_add_bool(json, "allowed", account_may_use(&call->account, route));
	json_add_bool(json, "bulk_allowed", call->account.bulk);
	json_add_bool(json, "is_active", route->active);
	json_add_int(json, "outcome_deadline_ms", route->outcome_deadline_ms);
	json_add_uint(json, "max_recipients", route->max_recipients);
	json_key(json, "message");
	json_begin_object(json);
	json_add_uint(json, "max_chars", route->message.max_chars);
	json_add_text(json, "alphabet", config_text_word(route->message.alphabet));
	json_add_uint(json, "max_parts", route->message.max_parts);
	json_end_object(json);
	json_add_text(json, "sender", config_sender_word(route->sender));
	json_end_object(json);
}

/* ---- Order ---- */

static const char *blocked(const struct api_call *call, const struct store_order *order)
{
	const struct config_route *route = config_route_find(call->engine->config, order->route);
	return route ? provider_route_blocked(call->engine, route, order->sandbox) :
		       "its route is no longer configured";
}

static void add_blocked(struct api_call *call, const struct store_order *order, bool waits)
{
	const char *reason = waits ? blocked(call, order) : NULL;
	json_add_text(&call->json, "blocked_reason", reason);
}

/* Messages of which a segment has been released. */
static uint32_t started(const struct store_order *order)
{
	return (uint32_t)((order->released + order->parts - 1) / order->parts);
}

static const char *batch_state(const struct store_batch *batch, uint32_t submitted)
{
	uint32_t pending = batch->size - batch->delivered - batch->failed - batch->unknown;
	if (!submitted && pending == batch->size)
		return "QUEUED";
	return pending ? "IN_PROGRESS" : "RESOLVED";
}

static void add_batch(struct api_call *call, const struct store_order *order,
		      const struct store_batch *batch)
{
	struct json_writer *json = &call->json;
	uint32_t from = started(order), submitted = 0;
	if (from > batch->first)
		submitted = from - batch->first < batch->size ? from - batch->first : batch->size;
	json_begin_object(json);
	json_add_uint(json, "n", batch->n + 1);
	json_add_uint(json, "size", batch->size);
	json_add_text(json, "state", batch_state(batch, submitted));
	json_add_uint(json, "submitted", submitted);
	json_add_uint(json, "taken", batch->taken);
	json_add_uint(json, "refused", batch->refused);
	json_add_uint(json, "delivered", batch->delivered);
	json_add_uint(json, "failed", batch->failed);
	json_add_uint(json, "unknown", batch->unknown);
	add_time(json, "closed_at", batch->closed_ms);
	json_end_object(json);
}

static void add_batches(struct api_call *call, const struct store_order *order)
{
	struct store_batch batch;
	json_key(&call->json, "batches");
	json_begin_array(&call->json);
	for (uint32_t n = 0; n < orders_batches(order); n++) {
		enum store_err err = orders_batch(call->turn->txn, order, n, &batch);
		if (err == STORE_OK)
			add_batch(call, order, &batch);
		else if (err != STORE_NOTFOUND && err != STORE_CORRUPT)
			turn_fail(call->turn, err);
	}
	json_end_array(&call->json);
}

void view_add_progress(struct json_writer *json, uint32_t delivered, uint32_t total)
{
	int64_t hundredths = ((int64_t)delivered * 20000 + total) / (2 * (int64_t)total);
	json_add_micro(json, "progress_pct", hundredths * 10000);
}

void view_order_members(struct api_call *call, const struct store_order *order)
{
	struct json_writer *json = &call->json;
	uint32_t pending = orders_pending(order);
	json_add_uint(json, "order_id", order->order);
	json_add_uint(json, "route_id", order->route);
	json_add_text(json, "status", orders_status(order));
	json_add_uint(json, "total", order->total);
	json_add_uint(json, "delivered", order->delivered);
	json_add_uint(json, "failed", order->failed);
	json_add_uint(json, "expired", order->expired);
	json_add_uint(json, "unknown", order->unknown);
	json_add_uint(json, "pending", pending);
	json_add_uint(json, "in_doubt", order->in_doubt);
	view_add_progress(json, order->delivered, order->total);
	add_time(json, "created_at", order->created_ms);
	add_time(json, "updated_at", order->updated_ms);
	add_time(json, "resolved_at", order->resolved_ms);
	json_add_micro(json, "cost", order->cost);
	json_add_text(json, "currency", view_currency(call));
	view_add_octets(json, "client_ref", order->client_ref);
	json_add_uint(json, "parts", orders_paid_parts(order));
	json_add_bool(json, "sandbox", order->sandbox);
	add_batches(call, order);
	json_key(json, "execution");
	json_begin_object(json);
	json_add_uint(json, "taken", order->taken);
	json_add_uint(json, "refused", order->refused);
	json_add_uint(json, "unanswered", order->unanswered);
	json_end_object(json);
	json_key(json, "outcome");
	json_begin_object(json);
	json_add_uint(json, "on_time", order->on_time);
	json_add_uint(json, "late", order->late);
	json_end_object(json);
	add_blocked(call, order, pending > order->sent + order->in_doubt);
}

void view_order(struct api_call *call, const struct store_order *order)
{
	json_begin_object(&call->json);
	view_order_members(call, order);
	json_end_object(&call->json);
}

/* ---- Dlr ---- */

/* Segments of a message by what clients see, and the attempts of the one that needed most. */
struct parts {
	uint32_t shown[STORE_STATES]; /* by the state that stands for it */
	uint32_t attempts;
	struct store_seg doubt; /* the first in doubt; evidence is not kept */
};

static void parts_add(struct parts *parts, const struct store_seg *seg)
{
	parts->shown[seg->state]++;
	if (seg->attempts > parts->attempts)
		parts->attempts = seg->attempts;
	if (seg->state == STORE_STATE_IN_DOUBT && !parts->doubt.doubt_since_ms)
		parts->doubt = *seg;
}

static bool parts_read(struct api_call *call, const struct store_order *order,
		       const struct store_message *message, struct parts *parts)
{
	parts_add(parts, &message->seg);
	for (uint32_t n = 1; n < order->parts; n++) {
		struct store_segment segment = { .order = order->order,
						 .index = message->index,
						 .segment = n };
		enum store_err err = store_segment_get(call->turn->txn, &segment);
		if (err == STORE_OK)
			parts_add(parts, &segment.seg);
		else if (err != STORE_NOTFOUND && err != STORE_CORRUPT)
			turn_fail(call->turn, err);
	}
	return !turn_failed(call->turn);
}

static void add_parts(struct json_writer *json, const struct store_order *order,
		      const struct parts *parts)
{
	json_key(json, "parts");
	json_begin_object(json);
	json_add_uint(json, "total", order->parts);
	for (int state = 0; state < STORE_STATES; state++) {
		const char *shown = store_state_shown((enum store_state)state);
		uint32_t n = 0;
		bool first = true; /* of the states that are shown alike */
		for (int other = 0; other < STORE_STATES; other++) {
			if (strcmp(shown, store_state_shown((enum store_state)other)) != 0)
				continue;
			first = first && other >= state;
			n += parts->shown[other];
		}
		if (first && n)
			json_add_uint(json, shown, n);
	}
	json_end_object(json);
}

static void add_doubt(struct api_call *call, const struct store_order *order,
		      const struct store_seg *seg)
{
	struct json_writer *json = &call->json;
	const struct config_route *route = config_route_find(call->engine->config, order->route);
	bool resend = route && route->doubt == CONFIG_DOUBT_RESEND;
	int64_t next_ms =
		resend ? (int64_t)seg->doubt_since_ms + route->doubt_grace_ms :
			 (int64_t)seg->released_ms + route_receipt_deadline_ms(route, order);
	json_key(json, "in_doubt");
	if (!seg->doubt_since_ms) {
		json_put_null(json);
		return;
	}
	json_begin_object(json);
	json_key(json, "since");
	view_put_due(call, seg->doubt_since_ms);
	json_add_uint(json, "attempt", seg->attempts);
	json_add_text(json, "reason", life_error_text(STORE_ERROR_SUBMIT_UNCONFIRMED));
	json_add_text(json, "policy", resend ? "resend" : "hold");
	json_key(json, "next_action_at");
	view_put_due(call, (uint64_t)next_ms);
	json_end_object(json);
}

static void add_outcome(struct json_writer *json, const struct store_order *order,
			const struct store_message *message)
{
	enum store_error error = (enum store_error)message->error;
	bool delivered = message->state == STORE_STATE_DELIVERED;
	json_add_text(json, "error", error ? store_error_name(error) : NULL);
	json_add_text(json, "reason", error ? life_error_text(error) : NULL);
	json_add_text(json, "stage", error ? store_error_stage(error) : NULL);
	json_add_bool(json, "final", life_is_final((enum store_state)message->state));
	json_key(json, "on_time");
	if (delivered)
		json_put_bool(json, message->flags & STORE_FLAG_ON_TIME);
	else
		json_put_null(json);
	json_key(json, "delivery_ms");
	if (delivered)
		json_put_int(json, (int64_t)(message->final_ms - order->created_ms));
	else
		json_put_null(json);
}

bool view_dlr(struct api_call *call, const struct store_order *order,
	      const struct store_message *message)
{
	struct json_writer *json = &call->json;
	struct parts parts = { 0 };
	if (!parts_read(call, order, message, &parts))
		return false;
	json_begin_object(json);
	view_add_message_id(json, call->engine, order->order, message->index);
	view_add_number(json, "msisdn", message->msisdn);
	json_add_text(
		json, "status",
		life_shown((enum store_state)message->state, (enum store_error)message->error));
	json_add_uint(json, "route_id", order->route);
	json_add_uint(json, "sms_order_id", order->order);
	json_add_uint(json, "order_id", order->order);
	view_add_octets(json, "client_ref", order->client_ref);
	add_time(json, "created_at", order->created_ms);
	add_time(json, "updated_at", message->updated_ms);
	add_outcome(json, order, message);
	add_parts(json, order, &parts);
	json_add_uint(json, "attempts", parts.attempts);
	add_doubt(call, order, &parts.doubt);
	json_add_bool(json, "possible_duplicate", message->flags & STORE_FLAG_POSSIBLE_DUPLICATE);
	struct segment_ref first = { order->order, message->index, 0 };
	add_blocked(call, order,
		    message->state == STORE_STATE_QUEUED &&
			    orders_state(order, first, &message->seg) == STORE_STATE_QUEUED);
	json_end_object(json);
	return true;
}
