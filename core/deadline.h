/*
 * Deadlines of messages: queue_deadline, receipt_deadline, the grace before a resend. Nothing is
 * kept per message: an order's record says when the first of its segments is due, a heap in
 * memory has one entry per open order, and a wake walks the order. All times here are in the clock
 * of deadlines (struct turn).
 */
#ifndef CORE_DEADLINE_H
#define CORE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "core/lifecycle.h"
#include "core/turn.h"

struct wakes;

struct wakes *wakes_new(void);
void wakes_free(struct wakes *wakes);
void wakes_clear(struct wakes *wakes);
/* Wakes the order at due_ms; entries that its record no longer agrees with are dropped then. */
bool wakes_push(struct wakes *wakes, int64_t due_ms, uint64_t order);
/* A deadline has come up behind a walk that is under way: its order is walked again by then. */
void wakes_meanwhile(struct wakes *wakes, int64_t due_ms, uint64_t order);
/* The first entry; INT64_MAX. */
int64_t wakes_deadline(const struct wakes *wakes);

/*
 * When the segment's next deadline is, as things stand, and the event that it brings; INT64_MAX:
 * it has none. `route` is the order's, or NULL; `ended`: other segments have ended the message.
 */
int64_t deadline_of(const struct turn *turn, const struct config_route *route,
		    const struct store_order *rec, bool ended, const struct store_seg *seg,
		    enum life_event *event);

/* Segments that one turn looks at; a longer walk goes on in the next turn. */
#define DEADLINE_SEGMENTS 2000

/* Applies what is due to the orders whose time has come, within the bound. */
void deadline_run(struct turn *turn);

#endif
