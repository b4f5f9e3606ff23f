/* Deadlines: a heap of orders, and the walk of one whose time has come. */
#include "core/deadline.h"

#include <stdlib.h>

#include "core/engine.h"
#include "core/heap.h"
#include "core/lifecycle.h"
#include "core/missing.h"
#include "core/orders.h"
#include "core/provider.h"
#include "core/route.h"

/* An order is not walked again sooner than this share of its receipt_deadline. */
#define GRAIN_SHARE  50
#define GRAIN_MIN_MS 50
#define GRAIN_MAX_MS 60000

struct wake {
	int64_t due_ms;
	uint64_t order;
	uint32_t index;	 /* where a walk goes on */
	int64_t next_ms; /* the earliest deadline that the walk has seen so far */
};

struct wakes {
	struct heap heap;
};

static bool before(const void *a, const void *b)
{
	return ((const struct wake *)a)->due_ms < ((const struct wake *)b)->due_ms;
}

struct wakes *wakes_new(void)
{
	struct wakes *wakes = calloc(1, sizeof(*wakes));
	if (wakes)
		wakes->heap =
			(struct heap){ .before = before, .entry_octets = sizeof(struct wake) };
	return wakes;
}

void wakes_free(struct wakes *wakes)
{
	if (wakes)
		heap_free(&wakes->heap);
	free(wakes);
}

void wakes_clear(struct wakes *wakes)
{
	wakes->heap.n = 0;
}

bool wakes_push(struct wakes *wakes, int64_t due_ms, uint64_t order)
{
	return heap_push(&wakes->heap,
			 &(struct wake){ .due_ms = due_ms, .order = order, .next_ms = INT64_MAX });
}

void wakes_meanwhile(struct wakes *wakes, int64_t due_ms, uint64_t order)
{
	struct wake *at = wakes->heap.at;
	for (size_t i = 0; i < wakes->heap.n; i++)
		if (at[i].order == order && at[i].index && due_ms < at[i].next_ms)
			at[i].next_ms = due_ms;
}

int64_t wakes_deadline(const struct wakes *wakes)
{
	return wakes->heap.n ? ((const struct wake *)wakes->heap.at)->due_ms : INT64_MAX;
}

/*
 * In doubt because an older store was put back, where it has no session: it may have been sent any
 * number of times, and no policy sends it once more.
 */
static bool was_put_back(const struct store_order *rec, const struct store_seg *seg)
{
	struct evidence row;
	size_t offset = 0;
	while (evidence_next(seg->evidence.at, seg->evidence.n, &offset, (int64_t)rec->created_ms,
			     &row))
		if (row.event == LIFE_ON_LOST && !row.session)
			return true;
	return false;
}

int64_t deadline_of(const struct turn *turn, const struct config_route *route,
		    const struct store_order *rec, bool ended, const struct store_seg *seg,
		    enum life_event *event)
{
	int64_t receipt_ms = (int64_t)seg->released_ms + route_receipt_deadline_ms(route, rec);
	switch ((enum store_state)seg->state) {
	case STORE_STATE_QUEUED:
		*event = route && provider_refused(
					  turn->engine,
					  provider_carrying(turn->engine, route, rec->sandbox)) ?
				 LIFE_ON_QUEUE_REFUSED :
				 LIFE_ON_QUEUE_DEADLINE;
		return (int64_t)rec->queue_deadline_ms;
	case STORE_STATE_IN_DOUBT: {
		/* Sent again once only: an attempt that is open beside the first one was the resend. */
		int64_t resend_ms =
			(int64_t)seg->doubt_since_ms + (route ? route->doubt_grace_ms : 0);
		if (route && route->doubt == CONFIG_DOUBT_RESEND && !ended &&
		    seg->open_attempts == 1 && resend_ms < receipt_ms &&
		    turn->due_ms < (int64_t)rec->queue_deadline_ms && !was_put_back(rec, seg)) {
			*event = LIFE_ON_RESEND;
			return resend_ms;
		}
		*event = LIFE_ON_RECEIPT_DEADLINE;
		return receipt_ms;
	}
	case STORE_STATE_SENT:
		*event = LIFE_ON_RECEIPT_DEADLINE;
		return receipt_ms;
	case STORE_STATE_SUBMITTED: /* its session gives the verdict */
	case STORE_STATE_UNKNOWN:
	case STORE_STATE_DELIVERED:
	case STORE_STATE_FAILED:
	case STORE_STATE_EXPIRED:
	case STORE_STATES:
		break;
	}
	return INT64_MAX;
}

static void look_at(struct turn *turn, struct work *work, struct segment_ref ref, struct wake *wake)
{
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	enum life_event event = LIFE_ON_QUEUE_DEADLINE;
	if (!orders_segment(turn, &work->rec, ref, &message, &segment, &seg))
		return;
	/* Other segments have ended the message: this one is not worth a second try. */
	bool ended = message.state == STORE_STATE_FAILED || message.state == STORE_STATE_EXPIRED;
	int64_t due_ms = deadline_of(turn, work->route, &work->rec, ended, seg, &event);
	if (due_ms > turn->due_ms) {
		int64_t ask_ms = seg->state == STORE_STATE_SENT ?
					 missing_look(turn, work, ref, seg) :
					 INT64_MAX;
		if (ask_ms < due_ms)
			due_ms = ask_ms;
		if (due_ms < wake->next_ms)
			wake->next_ms = due_ms;
		return;
	}
	struct happening happening = { .event = event };
	if (event == LIFE_ON_RESEND) {
		happening.due_ms = turn->due_ms;
		happening.flags = STORE_FLAG_POSSIBLE_DUPLICATE;
	}
	orders_happen(turn, ref, &happening);
}

static int64_t grain_ms(const struct work *work)
{
	int64_t share = route_receipt_deadline_ms(work->route, &work->rec) / GRAIN_SHARE;
	return share < GRAIN_MIN_MS ? GRAIN_MIN_MS : share > GRAIN_MAX_MS ? GRAIN_MAX_MS : share;
}

/* Walks from where the last turn stopped; true when the end was reached. */
static bool walk(struct turn *turn, struct work *work, struct wake *wake, uint32_t *budget)
{
	for (; wake->index < work->rec.total && !turn_failed(turn); wake->index++) {
		if (!*budget)
			return false;
		*budget -= work->rec.parts < *budget ? work->rec.parts : *budget;
		for (uint32_t n = 0; n < work->rec.parts; n++)
			look_at(turn, work,
				(struct segment_ref){ .order = work->rec.order,
						      .index = wake->index,
						      .segment = n },
				wake);
	}
	return true;
}

void deadline_run(struct turn *turn)
{
	struct wakes *wakes = turn->engine->wakes;
	uint32_t budget = DEADLINE_SEGMENTS;
	while (budget && wakes_deadline(wakes) <= turn->due_ms && !turn_failed(turn)) {
		struct wake wake = *(const struct wake *)wakes->heap.at;
		heap_pop(&wakes->heap);
		struct work *work = orders_work(turn, wake.order);
		if (!work || !orders_pending(&work->rec) ||
		    (!wake.index && (int64_t)work->rec.wake_at_ms > wake.due_ms))
			continue;
		/* On disk too, so that a walk that is cut short begins again. */
		work->rec.wake_at_ms = ORDERS_WALKING;
		work->changed = true;
		bool whole = walk(turn, work, &wake, &budget);
		if (work->meanwhile_ms && work->meanwhile_ms < wake.next_ms)
			wake.next_ms = work->meanwhile_ms;
		work->meanwhile_ms = 0;
		if (!whole) {
			if (!heap_push(&wakes->heap, &wake))
				turn_fail(turn, STORE_FULL);
			continue;
		}
		int64_t soon_ms = turn->due_ms + grain_ms(work);
		bool later = wake.next_ms > soon_ms && wake.next_ms < INT64_MAX;
		work->rec.wake_at_ms = 0;
		work->wake_was = -1;
		if (orders_pending(&work->rec))
			orders_wake(work, later ? wake.next_ms : soon_ms);
	}
}
