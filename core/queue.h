/*
 * What waits to be submitted, in memory: which segment goes next for a provider at a time T. It
 * mirrors the store (orders whose cursor is not at their end, segments that came back) and is
 * rebuilt from it at start and after a commit that failed; it decides order and fairness and
 * nothing else: it knows no window, no rate and no link (core/scheduler.c does).
 *
 * provider ── routes, by weight ─┬─ returned segments, by due time
 *                                └─ accounts, in turn ── orders by priority, then age ── cursor
 *
 * Within an account on a route a higher priority goes first, but of nine submits one is of a lower
 * priority that waits, the lower ones in turn: nothing waits for ever behind what never ends.
 * Nothing not yet released overtakes a returned segment that is due. What was
 * cancelled or has expired is skipped when its turn comes, by its record; until then it is counted,
 * but for an order that has ended as a whole (queue_forget).
 */
#ifndef CORE_QUEUE_H
#define CORE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/record.h"

#define QUEUE_PRIORITIES 4
#define QUEUE_PASSES	 8 /* submits of a higher priority for one of a lower that waits */
#define QUEUE_NEVER	 INT64_MAX

/*
 * What the queue knows as a route: a configured one, or its lane of the sandbox, whose orders wait
 * for another provider, so that they are never in the way of what goes to a carrier, nor go there.
 */
static inline uint32_t queue_lane(uint32_t route, bool sandbox)
{
	return sandbox ? route | STORE_LANE_SANDBOX : route;
}

/* The route that is configured by that number. */
static inline uint32_t queue_lane_route(uint32_t lane)
{
	return lane & ~STORE_LANE_SANDBOX;
}

struct queue;

/* One segment of one message of one order; index and segment count from 0. */
struct segment_ref {
	uint64_t order;
	uint32_t index;
	uint32_t segment;
};

struct queue_order {
	uint64_t order;
	uint32_t route;
	uint32_t account;
	uint32_t priority;  /* 0..QUEUE_PRIORITIES - 1, higher goes first */
	uint32_t parts;	    /* segments of each message */
	uint64_t cursor;    /* segments released so far: index * parts + segment of the next one */
	uint64_t segments;  /* of the whole order */
	int64_t send_at_ms; /* not before; 0 = at once */
	int64_t since_ms;   /* since when it could go out, in the same clock */
};

/* NULL without memory. */
struct queue *queue_new(void);
void queue_free(struct queue *queue);
/* Forgets all that waits, keeps the routes. */
void queue_clear(struct queue *queue);

/* Declares a route, its provider and its weight (1..100); a second call changes them. */
bool queue_route(struct queue *queue, uint32_t route, uint32_t provider, uint32_t weight);
/* Room for n routes more, so that declaring them cannot fail. False without memory. */
bool queue_make_room(struct queue *queue, uint32_t n);
/* A paused route keeps what it has. */
void queue_route_pause(struct queue *queue, uint32_t route, bool paused);
bool queue_route_paused(const struct queue *queue, uint32_t route);

/* False without memory or for a route that was not declared. */
bool queue_add(struct queue *queue, const struct queue_order *order);
/*
 * A segment that came back, due at due_ms (same clock as `now_ms` below), of an order that could go
 * out since since_ms.
 */
bool queue_return(struct queue *queue, uint32_t route, int64_t due_ms, int64_t since_ms,
		  struct segment_ref segment);

struct queue_item {
	struct segment_ref segment;
	uint32_t route;
	bool returned;
	int64_t due_ms;	 /* of a returned one */
	uint64_t cursor; /* of the order once this item is taken; 0 for a returned one */
};

/* What goes next for a provider; false: nothing. It stays until queue_take. */
bool queue_peek(struct queue *queue, uint32_t provider, int64_t now_ms, struct queue_item *item);
/*
 * Takes what the last queue_peek showed. `served` says whether it used the route's turn: false for
 * an entry that was skipped because its record has moved on.
 */
void queue_take(struct queue *queue, bool served);
/*
 * The same for the first n segments of the order that the last queue_peek showed, which is no
 * returned one: they went together and used one turn. There are as many.
 */
void queue_take_run(struct queue *queue, uint32_t n);
/* Drops the whole order of the last queue_peek (not a returned segment): nothing of it is queued. */
void queue_drop(struct queue *queue);

/*
 * The order has ended: what was not taken of it waits no longer, for depth and age. Its route,
 * account, priority and send_at_ms are as queue_add had them.
 */
void queue_forget(struct queue *queue, const struct queue_order *order);

/*
 * When something becomes due that is not due at now_ms; QUEUE_NEVER. What is due already waits for
 * room, not for time.
 */
int64_t queue_deadline(const struct queue *queue, int64_t now_ms);
/* Segments that wait on a route, those not yet due included. */
uint64_t queue_depth(const struct queue *queue, uint32_t route);
/* The same on all routes of a provider. */
uint64_t queue_provider_depth(const struct queue *queue, uint32_t provider);
/*
 * Since when what waits longest on a route could go out, orders for a later time aside; false:
 * nothing waits. It looks at the first order of each account and priority, and at no segment.
 */
bool queue_oldest(struct queue *queue, uint32_t route, int64_t *since_ms);

#endif
