/* See accepted.h. */
#include "core/accepted.h"

#include <stdlib.h>

#include "core/content.h"
#include "core/engine.h"
#include "core/orders.h"
#include "core/sliced.h"
#include "core/view.h"
#include "smpp/coding.h"

#define SLICE 500 /* messages that are written in one go */

void accepted_begin(struct api_call *call, const struct store_order *order, int64_t balance_after)
{
	struct json_writer *json = &call->json;
	char reason[CONTENT_REASON_OCTETS];
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_add_text(json, "message",
		      order->total == 1 ? "Message accepted for execution" :
					  "Batch accepted for execution");
	json_add_uint(json, "order_id", order->order);
	json_add_uint(json, "route_id", order->route);
	json_add_uint(json, "count", order->total);
	json_add_text(json, "initial_state", "QUEUED");
	json_add_micro(json, "cost", order->cost);
	json_add_micro(json, "balance_after", balance_after);
	json_add_text(json, "currency", view_currency(call));
	json_add_uint(json, "parts", orders_paid_parts(order));
	json_add_text(json, "encoding", smpp_coding_name((enum smpp_alphabet)order->alphabet));
	json_add_text(json, "encoding_reason", content_reason(order, reason));
	view_add_octets(json, "client_ref", order->client_ref);
	json_add_bool(json, "sandbox", order->sandbox);
}

/* The messages under way. An order's numbers never change, so any later state tells the same. */
struct accepted {
	uint64_t order;
	uint32_t total, next;
};

struct later {
	struct sliced sliced;
	struct accepted accepted;
};

static uint64_t number_of(struct turn *turn, uint64_t order, uint32_t index)
{
	struct store_message message = { .order = order, .index = index };
	turn_fail(turn, store_message_get(turn->txn, &message));
	return message.msisdn;
}

/* True when the object is whole. */
static bool write_slice(struct accepted *accepted, struct turn *turn, struct json_writer *json,
			const uint64_t *numbers)
{
	uint32_t left = accepted->total - accepted->next, n = left < SLICE ? left : SLICE;
	for (; n && !turn_failed(turn); n--) {
		uint32_t index = accepted->next++;
		json_begin_object(json);
		view_add_message_id(json, turn->engine, accepted->order, index);
		view_add_number(json, "msisdn",
				numbers ? numbers[index] : number_of(turn, accepted->order, index));
		json_add_text(json, "status", "QUEUED");
		json_end_object(json);
	}
	if (turn_failed(turn) || accepted->next < accepted->total)
		return false;
	json_end_array(json);
	json_end_object(json);
	return true;
}

static bool write_later(struct sliced *sliced, struct turn *turn)
{
	struct later *later = (struct later *)sliced;
	return write_slice(&later->accepted, turn, &sliced->call.json, NULL);
}

void accepted_end(struct api_call *call, const struct store_order *order, const uint64_t *numbers)
{
	json_key(&call->json, "messages");
	json_begin_array(&call->json);
	struct accepted accepted = { .order = order->order, .total = order->total };
	bool large = order->total > SLICE;
	bool whole = !(large && turn_spent(call->turn)) &&
		     write_slice(&accepted, call->turn, &call->json, numbers);
	if (whole || turn_failed(call->turn))
		return;
	struct later *later = malloc(sizeof(*later));
	if (!later) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	*later = (struct later){ .sliced.write = write_later, .accepted = accepted };
	sliced_later(&later->sliced, call);
}
