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

#define LIMIT_MOST    500
#define SKIP_MOST     1000000000
#define CLIENT_REF    65   /* with its NUL */
#define SLICE_LOOKED  1000 /* messages that are read in one go */
#define SLICE_WRITTEN 100  /* and those of them that are written */
#define WALK_ORDERS   2000 /* orders that one page looks at; its cursor goes on from there */

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

/*
 * One page under way. What a slice does not finish goes on after the turn, so that nobody waits for
 * a walk over a large order; what changes meanwhile may be seen or not.
 */
struct page {
	struct server_stream stream;
	struct api_call call; /* of later slices: where the writer stands */
	struct store_order order;
	struct filter filter;
	uint32_t index; /* of the message that is looked at next */
	uint32_t found; /* wanted ones so far */
	int64_t left;	/* of the page */
};

/* Without a filter nothing needs to be looked at but the page itself. */
static bool every(const struct page *page)
{
	return !*page->filter.status && !page->filter.by_final;
}

static void look_at(struct page *page, struct api_call *call, uint32_t *written)
{
	struct store_message message = { .order = page->order.order, .index = page->index };
	enum store_err err = store_message_get(call->turn->txn, &message);
	if (err && err != STORE_NOTFOUND && err != STORE_CORRUPT)
		turn_fail(call->turn, err);
	if (err || !wanted(&page->filter, &message))
		return;
	page->found++;
	if (page->left && page->found > page->filter.skip) {
		view_dlr(call, &page->order, &message);
		page->left--;
		++*written;
	}
}

/* True when the page is whole, with its end. */
static bool write_slice(struct page *page, struct api_call *call)
{
	uint32_t written = 0;
	for (uint32_t looked = 0; page->index < page->order.total; looked++, page->index++) {
		if (every(page) && !page->left)
			break;
		if (looked == SLICE_LOOKED || written == SLICE_WRITTEN)
			return false;
		look_at(page, call, &written);
		if (turn_failed(call->turn))
			return false;
	}
	json_end_array(&call->json);
	json_add_uint(&call->json, "total", every(page) ? page->order.total : page->found);
	json_end_object(&call->json);
	return true;
}

static bool go_on(struct engine *engine, struct server_stream *stream, struct buffer *out,
		  size_t room)
{
	struct page *page = (struct page *)stream;
	struct turn turn = { .engine = engine };
	(void)room;
	turn_fail(&turn, store_read_begin(engine->store, &turn.txn));
	page->call.turn = &turn;
	page->call.body = page->call.json.out = out;
	bool whole = !turn_failed(&turn) && write_slice(page, &page->call);
	if (turn.txn)
		store_read_end(turn.txn);
	out->failed = out->failed || turn_failed(&turn); /* no page is better than half of one */
	stream->due_ms = port_now_ms(engine->port);
	return !whole;
}

static bool has_ref(const struct store_order *order, const char *client_ref)
{
	return order->client_ref.n == strlen(client_ref) &&
	       !memcmp(order->client_ref.at, client_ref, order->client_ref.n);
}

static void begin_page(struct page *page, struct api_call *call)
{
	struct json_writer *json = &call->json;
	page->left = page->filter.limit;
	if (every(page)) {
		int64_t skip = page->filter.skip;
		page->index = skip < page->order.total ? (uint32_t)skip : page->order.total;
		page->found = page->index;
	}
	if (page->filter.by_ref && !has_ref(&page->order, page->filter.client_ref))
		page->order.total = 0;
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_add_int(json, "skip", page->filter.skip);
	json_add_int(json, "limit", page->filter.limit);
	json_key(json, "messages");
	json_begin_array(json);
}

void listing_messages(struct api_call *call)
{
	struct page *page = calloc(1, sizeof(*page));
	if (!page) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	if (!read_filter(call, &page->filter)) {
		free(page);
		return;
	}
	if (!listing_order(call, api_number(call, 0), &page->order)) {
		if (!turn_failed(call->turn))
			api_refuse_not_found(call, "Order not found.");
		free(page);
		return;
	}
	begin_page(page, call);
	if (write_slice(page, call) || turn_failed(call->turn)) {
		free(page);
		return;
	}
	page->call = (struct api_call){ .engine = call->engine, .json = call->json };
	page->stream.pump = go_on;
	page->stream.due_ms = call->turn->now_ms;
	page->stream.ends = true;
	call->stream = &page->stream;
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
