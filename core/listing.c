/* Orders and messages of an account, found and listed. See listing.h. */
#include "core/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/lifecycle.h"
#include "core/message_id.h"
#include "core/orders.h"
#include "core/view.h"

#define LIMIT_MOST  500
#define SKIP_MOST   1000000000
#define CLIENT_REF  65	 /* with its NUL */
#define WALK_ORDERS 5000 /* orders that one page looks at; a filter that finds less goes on */

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

/* ---- messages of an order ---- */

static const char *const shown_words[] = { "QUEUED",  "SENT",	 "DELIVERED", "FAILED",
					   "EXPIRED", "UNKNOWN", NULL };
static const char *const status_words[] = { "QUEUED",  "IN_PROGRESS", "COMPLETED", "FAILED",
					    "UNKNOWN", "PARTIAL",     NULL };

/* What is asked for. */
struct filter {
	int64_t limit, skip;
	char status[16]; /* "" for any */
	bool by_final, final;
	bool by_ref;
	char client_ref[CLIENT_REF];
};

/* The status must be one of `words`; "" when it is not given. */
static void read_status(struct api_call *call, const char *const *words, char *out, size_t n)
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

static bool read_filter(struct api_call *call, struct filter *filter)
{
	char final[8];
	*filter = (struct filter){ 0 };
	filter->limit = api_query_number(call, "limit", LIMIT_MOST, 1, LIMIT_MOST);
	filter->skip = api_query_number(call, "skip", 0, 0, SKIP_MOST);
	read_status(call, shown_words, filter->status, sizeof(filter->status));
	filter->by_final = api_query_text(call, "final", final, sizeof(final));
	filter->final = !strcmp(final, "true");
	if (filter->by_final && !filter->final && strcmp(final, "false") != 0)
		api_flaw(call, "query", "final", -1, "bool_parsing", "final must be true or false");
	filter->by_ref =
		api_query_text(call, "client_ref", filter->client_ref, sizeof(filter->client_ref));
	return !api_flawed(call, "shape");
}

static bool wanted(const struct filter *filter, const struct store_message *message)
{
	enum store_state state = (enum store_state)message->state;
	if (*filter->status &&
	    strcmp(filter->status, life_shown(state, (enum store_error)message->error)) != 0)
		return false;
	return !filter->by_final || filter->final == life_is_final(state);
}

/* A page of them; the number of all that are wanted is returned. */
static uint32_t write_messages(struct api_call *call, const struct store_order *order,
			       const struct filter *filter)
{
	struct store_message message = { .order = order->order };
	bool every = !*filter->status && !filter->by_final;
	uint32_t total = 0;
	if (every) { /* nothing needs to be looked at but the page */
		total = filter->skip < order->total ? (uint32_t)filter->skip : order->total;
		message.index = total;
	}
	for (; message.index < order->total && !turn_failed(call->turn); message.index++) {
		if (every && total >= filter->skip + filter->limit)
			return order->total;
		enum store_err err = store_message_get(call->turn->txn, &message);
		if (err && err != STORE_NOTFOUND && err != STORE_CORRUPT)
			turn_fail(call->turn, err);
		if (err || !wanted(filter, &message))
			continue;
		total++;
		if (total > filter->skip && total <= filter->skip + filter->limit)
			view_dlr(call, order, &message);
	}
	return every ? order->total : total;
}

void listing_messages(struct api_call *call)
{
	struct store_order order;
	struct filter filter;
	struct json_writer *json = &call->json;
	if (!read_filter(call, &filter))
		return;
	if (!listing_order(call, api_number(call, 0), &order)) {
		if (!turn_failed(call->turn))
			api_refuse_not_found(call, "Order not found.");
		return;
	}
	bool none = filter.by_ref &&
		    (order.client_ref.n != strlen(filter.client_ref) ||
		     memcmp(order.client_ref.at, filter.client_ref, order.client_ref.n) != 0);
	uint32_t total = 0;
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_add_int(json, "skip", filter.skip);
	json_add_int(json, "limit", filter.limit);
	json_key(json, "messages");
	json_begin_array(json);
	if (!none)
		total = write_messages(call, &order, &filter);
	json_end_array(json);
	json_add_uint(json, "total", total);
	json_end_object(json);
}

/* ---- orders ---- */

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
	int64_t limit = api_query_number(call, "limit", 50, 1, LIMIT_MOST);
	int64_t after = api_query_number(call, "after", INT64_MAX, 1, INT64_MAX);
	int64_t route = api_query_number(call, "route_id", -1, 0, INT32_MAX);
	read_status(call, status_words, status, sizeof(status));
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
