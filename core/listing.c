/* Orders and messages of an account, found and listed. See listing.h. */
#include "core/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "core/lifecycle.h"
#include "core/message_id.h"
#include "core/orders.h"
#include "core/server.h"
#include "core/view.h"

#define WALK_ORDERS 2000 /* orders that one page looks at; its cursor goes on from there */

bool listing_order(struct api_call *call, uint64_t number, struct store_order *order)
{
	order->order = number;
	enum store_err err = store_order_get(call->turn->txn, order);
	if (err && err != STORE_NOTFOUND)
		turn_fail(call->turn, err);
	return !err && order->account == call->account.account;
}

bool listing_message(struct api_call *call, const char *id, struct store_order *order,
		     struct store_message *message)
{
	uint64_t number;
	if (!message_id_read(call->engine->store, id, &number, &message->index) ||
	    !listing_order(call, number, order) || message->index >= order->total)
		return false;
	message->order = number;
	enum store_err err = store_message_get(call->turn->txn, message);
	turn_fail(call->turn, err == STORE_NOTFOUND ? STORE_OK : err);
	return !err;
}

void listing_status(struct api_call *call, const char *const *words, char *out, size_t n)
{
	char list[80] = "";
	if (!api_query_text(call, "status", out, n))
		return;
	for (size_t i = 0; words[i]; i++) {
		if (!strcmp(words[i], out))
			return;
		size_t used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", words[i]);
	}
	api_flaw(call, "query", "status", -1, "enum", "status must be one of %s", list);
}

static const char *const status_words[] = { "QUEUED",  "IN_PROGRESS", "COMPLETED", "FAILED",
					    "UNKNOWN", "PARTIAL",     NULL };

/* Newest first, behind the cursor; the order that the next page begins behind, 0: there is none. */
static uint64_t write_orders(struct api_call *call, uint64_t before, const char *status,
			     int64_t route, int64_t limit)
{
	struct store_order order = { .order = before };
	int64_t written = 0;
	for (uint32_t i = 0; i < WALK_ORDERS; i++) {
		enum store_err err = store_order_prev(call->turn->txn, &order, 0);
		if (err == STORE_NOTFOUND)
			return 0;
		if (err && err != STORE_CORRUPT) {
			turn_fail(call->turn, err);
			return 0;
		}
		if (err || order.account != call->account.account ||
		    (route >= 0 && order.route != (uint64_t)route) ||
		    (*status && strcmp(status, orders_status(&order)) != 0))
			continue;
		if (written == limit)
			return order.order + 1;
		view_order(call, &order);
		written++;
	}
	return order.order;
}

void listing_orders(struct api_call *call)
{
	static const char *const names[] = { "limit", "after", "status", "route_id", NULL };
	struct json_writer *json = &call->json;
	char status[16], cursor[24];
	api_query_only(call, names);
	int64_t limit = api_query_number(call, "limit", 50, 1, LISTING_LIMIT_MOST);
	int64_t after = api_query_number(call, "after", INT64_MAX, 1, INT64_MAX);
	int64_t route = api_query_number(call, "route_id", -1, 0, INT32_MAX);
	listing_status(call, status_words, status, sizeof(status));
	if (api_flawed(call, "shape"))
		return;
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_key(json, "orders");
	json_begin_array(json);
	uint64_t next = write_orders(call, (uint64_t)after, status, route, limit);
	json_end_array(json);
	snprintf(cursor, sizeof(cursor), "%llu", (unsigned long long)next);
	json_add_text(json, "next_after", next ? cursor : NULL);
	json_end_object(json);
}
