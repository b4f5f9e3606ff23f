/* Asking for missing receipts. See missing.h. */
#include "core/missing.h"

#include <stdlib.h>

#include "core/ask.h"
#include "core/engine.h"
#include "core/heap.h"
#include "core/history.h"
#include "core/lifecycle.h"
#include "core/provider.h"
#include "core/route.h"

#define SPACING_MS 100	/* between two queries */
#define BUSY_MS	   1000 /* until it is looked at again, while there is something better to do */
#define LOOKED_AT  500	/* segments, in one turn */

/* Per cent of receipt_deadline. */
static const int points[] = { 50, 90 };
#define POINTS (sizeof(points) / sizeof(points[0]))

/* An order that is being asked about, from `index` on. */
struct entry {
	int64_t due_ms;
	uint64_t order;
	uint32_t index;
};

struct missing {
	struct heap heap;
};

static bool before(const void *a, const void *b)
{
	return ((const struct entry *)a)->due_ms < ((const struct entry *)b)->due_ms;
}

struct missing *missing_new(void)
{
	struct missing *missing = calloc(1, sizeof(*missing));
	if (missing)
		missing->heap =
			(struct heap){ .before = before, .entry_octets = sizeof(struct entry) };
	return missing;
}

void missing_free(struct missing *missing)
{
	if (missing)
		heap_free(&missing->heap);
	free(missing);
}

void missing_clear(struct missing *missing)
{
	missing->heap.n = 0;
}

int64_t missing_deadline(const struct missing *missing)
{
	return missing->heap.n ? ((const struct entry *)missing->heap.at)->due_ms : INT64_MAX;
}

/* ---- when ---- */

static struct provider *carrier_of(const struct engine *engine, const struct work *work)
{
	return provider_of(engine, provider_carrying(engine, work->route, work->rec.sandbox));
}

static bool is_on(const struct engine *engine, const struct work *work)
{
	return work->route && carrier_of(engine, work)->config->query_missing_receipt;
}

static int64_t point_ms(const struct work *work, int64_t released_ms, size_t point)
{
	return released_ms +
	       route_receipt_deadline_ms(work->route, &work->rec) / 100 * points[point];
}

int64_t missing_first_ms(const struct engine *engine, const struct work *work, int64_t released_ms)
{
	return is_on(engine, work) ? point_ms(work, released_ms, 0) : INT64_MAX;
}

/* How often it was asked about since it was taken, not counting operators. */
static size_t asked(struct turn *turn, const struct work *work, struct segment_ref ref,
		    const struct store_seg *seg)
{
	struct history history;
	struct evidence row;
	size_t n = 0;
	history_begin(&history, turn->txn, &work->rec, ref, seg);
	while (history_next(&history, &row)) {
		if (row.event == LIFE_ON_ACCEPTED)
			n = 0;
		n += (row.event == LIFE_ON_QUERIED || row.rule == EVIDENCE_RULE_QUERY) &&
		     !row.by_operator;
	}
	return n;
}

static size_t passed(struct turn *turn, const struct work *work, const struct store_seg *seg)
{
	size_t n = 0;
	while (n < POINTS && point_ms(work, (int64_t)seg->released_ms, n) <= turn->due_ms)
		n++;
	return n;
}

static bool is_due(struct turn *turn, const struct work *work, struct segment_ref ref,
		   const struct store_seg *seg)
{
	size_t n = passed(turn, work, seg);
	return n && asked(turn, work, ref, seg) < n;
}

static bool is_begun(const struct missing *missing, uint64_t order)
{
	const struct entry *at = missing->heap.at;
	for (size_t i = 0; i < missing->heap.n; i++)
		if (at[i].order == order)
			return true;
	return false;
}

int64_t missing_look(struct turn *turn, const struct work *work, struct segment_ref ref,
		     const struct store_seg *seg)
{
	struct missing *missing = turn->engine->missing;
	if (!is_on(turn->engine, work))
		return INT64_MAX;
	size_t n = passed(turn, work, seg);
	struct entry begin = { .due_ms = turn->due_ms, .order = ref.order, .index = ref.index };
	if (n && !is_begun(missing, ref.order) && asked(turn, work, ref, seg) < n &&
	    !heap_push(&missing->heap, &begin))
		turn_fail(turn, STORE_FULL);
	return n < POINTS ? point_ms(work, (int64_t)seg->released_ms, n) : INT64_MAX;
}

/* ---- asking ---- */

/* Until when the provider is not to be asked; 0: it may be now. */
static int64_t busy_until_ms(struct turn *turn, const struct provider *provider)
{
	struct queue_item item;
	if (queue_peek(turn->engine->queue, provider->index, turn->due_ms, &item) ||
	    ask_places(turn->engine, provider, turn->now_ms) < 2)
		return turn->due_ms + BUSY_MS;
	if (provider->querying)
		return turn->due_ms + SPACING_MS;
	if (turn->now_ms < provider->query_ms)
		return turn->due_ms + provider->query_ms - turn->now_ms;
	return 0;
}

static void query(struct turn *turn, struct work *work, struct segment_ref ref,
		  struct provider *provider)
{
	uint32_t rate = provider->config->rate_per_s;
	int64_t spacing_ms = rate ? 10000 / rate : 0;
	struct ask_wish wish = { .kind = ASK_QUERY, .work = work, .ref = ref };
	if (!ask_segment(turn, &wish).why)
		provider->query_ms =
			turn->now_ms + (spacing_ms > SPACING_MS ? spacing_ms : SPACING_MS);
}

/* False: it goes on at entry->due_ms, from entry->index. */
static bool walk(struct turn *turn, struct work *work, struct entry *entry)
{
	struct provider *provider = carrier_of(turn->engine, work);
	uint32_t looked_at = 0;
	for (; entry->index < work->rec.total && !turn_failed(turn); entry->index++)
		for (uint32_t n = 0; n < work->rec.parts; n++, looked_at++) {
			struct segment_ref ref = { entry->order, entry->index, n };
			struct store_message message;
			struct store_segment segment;
			struct store_seg *seg;
			if (looked_at >= LOOKED_AT && !n) {
				entry->due_ms = turn->due_ms + 1;
				return false;
			}
			if (!orders_segment(turn, &work->rec, ref, &message, &segment, &seg) ||
			    seg->state != STORE_STATE_SENT || !is_due(turn, work, ref, seg))
				continue;
			entry->due_ms = busy_until_ms(turn, provider);
			if (entry->due_ms)
				return false;
			query(turn, work, ref, provider);
		}
	return true;
}

void missing_run(struct turn *turn)
{
	struct heap *heap = &turn->engine->missing->heap;
	for (size_t n = heap->n;
	     n && missing_deadline(turn->engine->missing) <= turn->due_ms && !turn_failed(turn);
	     n--) {
		struct entry entry = *(const struct entry *)heap->at;
		heap_pop(heap);
		struct work *work = orders_work(turn, entry.order);
		if (!work || !is_on(turn->engine, work) || !orders_pending(&work->rec) ||
		    turn->engine->draining)
			continue;
		if (!walk(turn, work, &entry) && !heap_push(heap, &entry))
			turn_fail(turn, STORE_FULL);
	}
}
