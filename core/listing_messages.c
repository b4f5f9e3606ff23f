/*
 * Messages listed: all of an account's, or those of one order, newest order first. Blocks of orders
 * and orders are passed over by their counts, so that only those messages are read that may stand
 * on the page; a page goes on in slices after its turn, so that nobody waits for a long walk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "core/intent.h"
#include "core/listing.h"
#include "core/sliced.h"
#include "core/view.h"

#define SKIP_MOST     1000000000
#define CLIENT_REF    65   /* with its NUL */
#define SLICE_LOOKED  1000 /* records that are read in one go */
#define SLICE_WRITTEN 100  /* and the messages of them that are written */
#define DAY_MS	      86400000

/* ---- what is asked for ---- */

#define BIT(shown)  (1u << STORE_SHOWN_##shown)
#define EVERY_SHOWN ((1u << STORE_SHOWNS) - 1)
#define FINAL_SHOWN (BIT(UNKNOWN) | BIT(DELIVERED) | BIT(FAILED) | BIT(EXPIRED))

struct filter {
	int64_t limit, skip;
	unsigned shown; /* a bit for each enum store_shown that is wanted */
	bool by_ref;
	char client_ref[CLIENT_REF];
	int64_t route;		/* -1: any */
	uint64_t order;		/* 0: any */
	uint64_t msisdn;	/* 0: any */
	int64_t from_ms, to_ms; /* of acceptance, both included */
};

static const char *const words[] = { "QUEUED",	"SENT",	   "DELIVERED", "FAILED",
				     "EXPIRED", "UNKNOWN", NULL };
static const unsigned bits[] = { BIT(QUEUED), BIT(SENT),    BIT(DELIVERED),
				 BIT(FAILED), BIT(EXPIRED), BIT(DOUBTFUL) | BIT(UNKNOWN) };

static void read_shown(struct api_call *call, struct filter *filter)
{
	char status[16], final[8];
	filter->shown = EVERY_SHOWN;
	listing_status(call, words, status, sizeof(status));
	for (size_t i = 0; *status && words[i]; i++)
		if (!strcmp(words[i], status))
			filter->shown = bits[i];
	if (!api_query_text(call, "final", final, sizeof(final)))
		return;
	if (!strcmp(final, "true"))
		filter->shown &= FINAL_SHOWN;
	else if (!strcmp(final, "false"))
		filter->shown &= ~FINAL_SHOWN;
	else
		api_flaw(call, "query", "final", -1, "bool_parsing", "final must be true or false");
}

static void read_filter(struct api_call *call, struct filter *filter, int64_t limit)
{
	*filter = (struct filter){ .route = -1, .to_ms = INT64_MAX };
	filter->limit = api_query_number(call, "limit", limit, 1, LISTING_LIMIT_MOST);
	filter->skip = api_query_number(call, "skip", 0, 0, SKIP_MOST);
	read_shown(call, filter);
	filter->by_ref =
		api_query_text(call, "client_ref", filter->client_ref, sizeof(filter->client_ref));
}

static void read_msisdn(struct api_call *call, struct filter *filter)
{
	char text[24];
	if (!api_query_text(call, "msisdn", text, sizeof(text)))
		return;
	size_t n = strspn(text, "0123456789");
	if (text[n] || n < 10 || n > 15)
		api_flaw(call, "query", "msisdn", -1, "string_pattern",
			 "msisdn must be 10 to 15 digits");
	filter->msisdn = strtoull(text, NULL, 10);
}

/* A day or RFC 3339; `end` of a day is its last millisecond. */
static void read_date(struct api_call *call, const char *name, bool end, int64_t *at_ms)
{
	char text[40];
	if (!api_query_text(call, name, text, sizeof(text)))
		return;
	bool day = strlen(text) == 10;
	if (day)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "T00:00:00Z");
	if (!intent_time(text, at_ms))
		api_flaw(call, "query", name, -1, "datetime_parsing",
			 "%s must be a day, such as 2026-01-31, or RFC 3339", name);
	else if (day && end)
		*at_ms += DAY_MS - 1;
}

static bool order_wanted(const struct filter *filter, const struct store_order *order)
{
	int64_t created_ms = (int64_t)order->created_ms;
	return (filter->route < 0 || order->route == (uint64_t)filter->route) &&
	       created_ms >= filter->from_ms && created_ms <= filter->to_ms &&
	       (!filter->by_ref || store_octets_are(order->client_ref, filter->client_ref));
}

static uint64_t sum(const struct filter *filter, const uint32_t shown[STORE_SHOWNS])
{
	uint64_t n = 0;
	for (unsigned i = 0; i < STORE_SHOWNS; i++)
		n += filter->shown >> i & 1 ? shown[i] : 0;
	return n;
}

/* ---- the walk ---- */

/* One page under way. */
struct page {
	struct sliced sliced;
	struct filter filter;
	uint32_t account;
	bool (*step)(struct page *page, struct turn *turn);
	uint64_t found;		  /* wanted messages so far */
	int64_t left;		  /* of the page */
	uint32_t looked, written; /* in this slice */
	struct store_block block; /* the last one read: its block is walked, or passed over */
	struct store_order order;
	uint64_t behind; /* found, once the order is done with */
	uint32_t index;	 /* of the message that is looked at next */
};

static bool step_block(struct page *page, struct turn *turn);
static bool step_order(struct page *page, struct turn *turn);
static bool step_message(struct page *page, struct turn *turn);

/* So many wanted ones cannot stand on the page: all before it, or behind it. */
static bool passes(const struct page *page, uint64_t n)
{
	return !page->left || page->found + n <= (uint64_t)page->filter.skip;
}

static bool usable(struct turn *turn, enum store_err err)
{
	if (err && err != STORE_NOTFOUND && err != STORE_CORRUPT)
		turn_fail(turn, err);
	return !err;
}

/* What a block adds, of one of its routes; false: only its orders can tell. */
static bool add_block(const struct filter *filter, const struct store_block *block, uint64_t *n)
{
	uint32_t shown[STORE_SHOWNS];
	int64_t first_ms = (int64_t)block->first_ms, last_ms = (int64_t)block->last_ms;
	if ((filter->route >= 0 && block->route != (uint64_t)filter->route) ||
	    last_ms < filter->from_ms || first_ms > filter->to_ms)
		return true;
	store_block_shown(block, shown);
	uint64_t most = sum(filter, shown);
	*n += most;
	return !most || (first_ms >= filter->from_ms && last_ms <= filter->to_ms &&
			 !filter->by_ref && !filter->msisdn);
}

/* The next older block with all its routes: counted, or its orders looked at. */
static bool step_block(struct page *page, struct turn *turn)
{
	struct store_block next = page->block;
	uint64_t n = 0;
	bool told = true, any = false;
	for (;;) {
		enum store_err err = store_block_prev(turn->txn, &next, 1);
		bool end = err && err != STORE_CORRUPT;
		if (end)
			usable(turn, err);
		if (end || (any && next.block != page->block.block))
			break;
		page->looked++;
		any = true;
		page->block = next;
		told = told && !err && add_block(&page->filter, &next, &n);
	}
	if (!any)
		return false;
	if (told && (!n || passes(page, n))) {
		page->found += n;
		return true;
	}
	page->order.order = (page->block.block + 1) << STORE_BLOCK_BITS;
	page->step = step_order;
	return true;
}

/* Begins with the first message that may stand on the page. */
static void begin_order(struct page *page, uint64_t n)
{
	const struct filter *filter = &page->filter;
	page->behind = page->found + n;
	page->index = 0;
	if (n == page->order.total && !filter->msisdn && page->found < (uint64_t)filter->skip) {
		page->index = (uint32_t)((uint64_t)filter->skip - page->found);
		page->found = (uint64_t)filter->skip;
	}
	page->step = step_message;
}

static void count_order(struct page *page)
{
	uint32_t shown[STORE_SHOWNS];
	store_order_shown(&page->order, shown);
	uint64_t n = sum(&page->filter, shown);
	if (page->filter.msisdn ? !n : passes(page, n))
		page->found += page->filter.msisdn ? 0 : n;
	else
		begin_order(page, n);
}

/* The next older order of the block. */
static bool step_order(struct page *page, struct turn *turn)
{
	enum store_err err = store_order_prev(turn->txn, &page->order, 0);
	bool end = err && err != STORE_CORRUPT;
	page->looked++;
	if (end)
		usable(turn, err);
	if (end || page->order.order >> STORE_BLOCK_BITS != page->block.block)
		page->step = step_block;
	else if (!err && page->order.account == page->account &&
		 order_wanted(&page->filter, &page->order))
		count_order(page);
	return true;
}

static bool message_wanted(const struct filter *filter, const struct store_message *message)
{
	return filter->shown >> store_message_shown(message) & 1 &&
	       (!filter->msisdn || filter->msisdn == message->msisdn);
}

/* The next message of the order; behind the page its counters tell how many there are. */
static bool step_message(struct page *page, struct turn *turn)
{
	struct store_message message = { .order = page->order.order, .index = page->index };
	bool counted = !page->filter.msisdn;
	if (page->index >= page->order.total || (!page->left && counted)) {
		if (counted)
			page->found = page->behind;
		page->step = step_order;
		return !page->filter.order;
	}
	page->index++;
	page->looked++;
	if (!usable(turn, store_message_get(turn->txn, &message)) ||
	    !message_wanted(&page->filter, &message))
		return true;
	page->found++;
	if (page->left && page->found > (uint64_t)page->filter.skip) {
		view_dlr(&page->sliced.call, &page->order, &message);
		page->left--;
		page->written++;
	}
	return true;
}

/* True when the page is whole, with its end. */
static bool write_slice(struct sliced *sliced, struct turn *turn)
{
	struct page *page = (struct page *)sliced;
	page->looked = page->written = 0;
	while (page->step && page->step(page, turn)) {
		if (turn_failed(turn) || page->looked >= SLICE_LOOKED ||
		    page->written >= SLICE_WRITTEN)
			return false;
	}
	if (turn_failed(turn))
		return false;
	json_end_array(&page->sliced.call.json);
	json_add_uint(&page->sliced.call.json, "total", page->found);
	json_end_object(&page->sliced.call.json);
	return true;
}

/* ---- beginning ---- */

static void begin_page(struct page *page, struct api_call *call)
{
	struct json_writer *json = &call->json;
	page->left = page->filter.limit;
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_add_int(json, "skip", page->filter.skip);
	json_add_int(json, "limit", page->filter.limit);
	json_key(json, "messages");
	json_begin_array(json);
}

/* Answers with the page, and frees it. */
static void answer(struct page *page, struct api_call *call)
{
	begin_page(page, call);
	page->sliced.write = write_slice;
	sliced_answer(&page->sliced, call);
}

static struct page *page_new(struct api_call *call)
{
	struct page *page = calloc(1, sizeof(*page));
	if (page)
		page->account = call->account.account;
	else
		turn_fail(call->turn, STORE_FULL);
	return page;
}

/* The page of one order that is the account's. */
static void only_order(struct page *page)
{
	page->filter.order = page->order.order;
	page->step = NULL;
	if (order_wanted(&page->filter, &page->order)) {
		uint32_t shown[STORE_SHOWNS];
		store_order_shown(&page->order, shown);
		uint64_t n = sum(&page->filter, shown);
		if (!page->filter.msisdn && n <= (uint64_t)page->filter.skip)
			page->found = n;
		else
			begin_order(page, n);
	}
}

void listing_messages_of_order(struct api_call *call)
{
	struct page *page = page_new(call);
	if (!page)
		return;
	read_filter(call, &page->filter, LISTING_LIMIT_MOST);
	if (api_flawed(call, "shape")) {
		free(page);
		return;
	}
	if (!listing_order(call, api_number(call, 0), &page->order)) {
		if (!turn_failed(call->turn))
			api_refuse_not_found(call, "Order not found.");
		free(page);
		return;
	}
	only_order(page);
	answer(page, call);
}

void listing_messages(struct api_call *call)
{
	struct page *page = page_new(call);
	if (!page)
		return;
	struct filter *filter = &page->filter;
	read_filter(call, filter, 50);
	filter->route = api_query_number(call, "route_id", -1, 0, INT32_MAX);
	filter->order = (uint64_t)api_query_number(call, "order_id", 0, 1, INT64_MAX);
	read_msisdn(call, filter);
	read_date(call, "from_date", false, &filter->from_ms);
	read_date(call, "to_date", true, &filter->to_ms);
	if (api_flawed(call, "shape")) {
		free(page);
		return;
	}
	page->step = step_block;
	page->block = (struct store_block){ .account = page->account,
					    .block = UINT64_MAX,
					    .route = UINT32_MAX };
	if (filter->order) {
		page->step = NULL;
		if (listing_order(call, filter->order, &page->order))
			only_order(page);
	}
	answer(page, call);
}
