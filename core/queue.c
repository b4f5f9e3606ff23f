/* The queue: a weighted ring of routes, in each a heap of returned segments and a ring of accounts. */
#include "core/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/heap.h"

/* Returned segments and orders that are not to be sent yet wait in heaps by time, then by age. */
struct waiting {
	int64_t due_ms;
	struct segment_ref segment;
	int64_t since_ms;    /* of a returned segment */
	struct order *order; /* heap `later` only */
};

struct order {
	struct queue_order info;
	bool forgotten; /* stands here until its turn, but is counted nowhere */
	struct order *next;
};

/* The orders of one account on one route, first in first out within a priority. */
struct lane {
	uint32_t account;
	unsigned passes;   /* times in a row that a lower priority was passed over */
	unsigned favoured; /* the lower priority that had its turn last */
	struct order *first[QUEUE_PRIORITIES], *last[QUEUE_PRIORITIES];
	struct lane *next; /* ring of those that have orders */
	struct lane *all;  /* list of every lane of the route */
};

struct route {
	uint32_t id, provider, weight, credit;
	bool paused;
	bool standing; /* the ring of its provider's routes stands here */
	uint64_t depth;
	struct heap returned;
	struct heap ages;  /* the returned ones by since_ms, and those that left since then */
	struct heap left;  /* of these, the ones that left */
	struct lane *turn; /* the lane before the one whose turn it is; NULL: none has orders */
	struct lane *lanes;
};

struct queue {
	struct route *routes; /* in the order of declaration */
	uint32_t n, room;
	struct heap later;
	struct route *peeked; /* what the last peek showed, until it is taken */
	bool peeked_returned;
};

/* ---- heaps ---- */

static bool before(const void *left, const void *right)
{
	const struct waiting *a = left, *b = right;
	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms;
	if (a->segment.order != b->segment.order)
		return a->segment.order < b->segment.order;
	if (a->segment.index != b->segment.index)
		return a->segment.index < b->segment.index;
	return a->segment.segment < b->segment.segment;
}

#define HEAP_OF_WAITING ((struct heap){ .before = before, .entry_octets = sizeof(struct waiting) })

/* The first of them; NULL: none waits. */
static const struct waiting *head(const struct heap *heap)
{
	return heap->n ? heap->at : NULL;
}

static bool is_due(const struct heap *heap, int64_t now_ms)
{
	return heap->n && head(heap)->due_ms <= now_ms;
}

/* ---- ages of returned segments ---- */

#define LEFT_MORE 1024 /* so many more may have left than are there, until the ages are made anew */

static struct waiting aged(const struct waiting *returned)
{
	return (struct waiting){ .due_ms = returned->since_ms, .segment = returned->segment };
}

/* Needs no memory: there never were fewer. */
static void ages_renew(struct route *route)
{
	const struct waiting *returned = route->returned.at;
	route->ages.n = route->left.n = 0;
	for (size_t i = 0; i < route->returned.n; i++) {
		struct waiting age = aged(&returned[i]);
		heap_push(&route->ages, &age);
	}
}

/* Takes the first of the returned ones away, and later its age, once that comes up. */
static void returned_pop(struct route *route)
{
	struct waiting age = aged(head(&route->returned));
	heap_pop(&route->returned);
	if (route->left.n > route->returned.n + LEFT_MORE || !heap_push(&route->left, &age))
		ages_renew(route);
}

/* The one that could go out first; NULL: none has returned. */
static const struct waiting *oldest_returned(struct route *route)
{
	while (route->left.n && !before(head(&route->ages), head(&route->left))) {
		heap_pop(&route->ages);
		heap_pop(&route->left);
	}
	return head(&route->ages);
}

/* ---- lanes ---- */

static struct lane *lane_of(struct route *route, uint32_t account)
{
	for (struct lane *lane = route->lanes; lane; lane = lane->all)
		if (lane->account == account)
			return lane;
	struct lane *lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	lane->account = account;
	lane->all = route->lanes;
	route->lanes = lane;
	return lane;
}

/* A lower priority than this that has orders, beginning behind the one favoured last; else this. */
static unsigned lower_in_turn(const struct lane *lane, unsigned priority)
{
	for (unsigned i = 1; i <= QUEUE_PRIORITIES; i++) {
		unsigned lower = (lane->favoured + QUEUE_PRIORITIES - i) % QUEUE_PRIORITIES;
		if (lower < priority && lane->first[lower])
			return lower;
	}
	return priority;
}

/* The highest priority, but every so often a lower one: what is never ending must not starve it. */
static struct order *lane_head(const struct lane *lane)
{
	unsigned priority = QUEUE_PRIORITIES - 1;
	while (priority && !lane->first[priority])
		priority--;
	if (lane->passes == QUEUE_PASSES)
		priority = lower_in_turn(lane, priority);
	return lane->first[priority];
}

static void lane_served(struct lane *lane, unsigned priority)
{
	bool favoured = false;
	for (unsigned higher = priority + 1; higher < QUEUE_PRIORITIES; higher++)
		favoured = favoured || lane->first[higher];
	if (favoured)
		lane->favoured = priority;
	if (favoured || lower_in_turn(lane, priority) == priority)
		lane->passes = 0;
	else if (lane->passes < QUEUE_PASSES)
		lane->passes++;
}

static bool lane_append(struct route *route, struct order *order)
{
	struct lane *lane = lane_of(route, order->info.account);
	if (!lane)
		return false;
	unsigned priority = order->info.priority;
	order->next = NULL;
	if (lane->last[priority])
		lane->last[priority]->next = order;
	else
		lane->first[priority] = order;
	lane->last[priority] = order;
	if (lane->next)
		return true;
	/* A lane that had nothing joins the ring at its end: the last to get its turn. */
	if (route->turn) {
		lane->next = route->turn->next;
		route->turn->next = lane;
	} else {
		lane->next = lane;
	}
	route->turn = lane;
	return true;
}

/* Takes the head order of the lane whose turn it is; a lane left empty leaves the ring. */
static void lane_pop(struct route *route)
{
	struct lane *lane = route->turn->next;
	struct order *order = lane_head(lane);
	unsigned priority = order->info.priority;
	lane->first[priority] = order->next;
	if (!order->next)
		lane->last[priority] = NULL;
	free(order);
	if (lane_head(lane))
		return;
	if (lane->next == lane) {
		route->turn = NULL;
	} else {
		route->turn->next = lane->next;
	}
	lane->next = NULL;
}

/* ---- routes ---- */

static struct route *route_of(const struct queue *queue, uint32_t id)
{
	for (uint32_t i = 0; i < queue->n; i++)
		if (queue->routes[i].id == id)
			return &queue->routes[i];
	return NULL;
}

static void route_clear(struct route *route)
{
	while (route->turn)
		lane_pop(route);
	while (route->lanes) {
		struct lane *lane = route->lanes;
		route->lanes = lane->all;
		free(lane);
	}
	route->returned.n = route->ages.n = route->left.n = 0;
	route->depth = 0;
}

static void route_free(struct route *route)
{
	heap_free(&route->returned);
	heap_free(&route->ages);
	heap_free(&route->left);
}

struct queue *queue_new(void)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	if (queue)
		queue->later = HEAP_OF_WAITING;
	return queue;
}

void queue_clear(struct queue *queue)
{
	for (uint32_t i = 0; i < queue->n; i++)
		route_clear(&queue->routes[i]);
	const struct waiting *later = queue->later.at;
	for (size_t i = 0; i < queue->later.n; i++)
		free(later[i].order);
	queue->later.n = 0;
	queue->peeked = NULL;
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	queue_clear(queue);
	for (uint32_t i = 0; i < queue->n; i++)
		route_free(&queue->routes[i]);
	free(queue->routes);
	heap_free(&queue->later);
	free(queue);
}

bool queue_make_room(struct queue *queue, uint32_t n)
{
	if (queue->room - queue->n >= n)
		return true;
	struct route *routes = realloc(queue->routes, (queue->n + n) * sizeof(*routes));
	if (!routes)
		return false;
	queue->routes = routes;
	queue->room = queue->n + n;
	return true;
}

bool queue_route(struct queue *queue, uint32_t id, uint32_t provider, uint32_t weight)
{
	struct route *route = route_of(queue, id);
	if (!route) {
		if (queue->n == queue->room && !queue_make_room(queue, queue->n + 8))
			return false;
		route = &queue->routes[queue->n++];
		*route = (struct route){ .id = id,
					 .returned = HEAP_OF_WAITING,
					 .ages = HEAP_OF_WAITING,
					 .left = HEAP_OF_WAITING };
	}
	route->provider = provider;
	route->weight = weight;
	return true;
}

void queue_route_pause(struct queue *queue, uint32_t id, bool paused)
{
	struct route *route = route_of(queue, id);
	if (route)
		route->paused = paused;
}

bool queue_route_paused(const struct queue *queue, uint32_t id)
{
	const struct route *route = route_of(queue, id);
	return route && route->paused;
}

bool queue_add(struct queue *queue, const struct queue_order *info)
{
	struct route *route = route_of(queue, info->route);
	struct order *order = route ? malloc(sizeof(*order)) : NULL;
	if (!order)
		return false;
	assert(info->cursor < info->segments && info->priority < QUEUE_PRIORITIES);
	*order = (struct order){ .info = *info };
	bool added = info->send_at_ms ? heap_push(&queue->later,
						  &(struct waiting){ .due_ms = info->send_at_ms,
								     .segment.order = info->order,
								     .order = order }) :
					lane_append(route, order);
	if (!added) {
		free(order);
		return false;
	}
	route->depth += info->segments - info->cursor;
	return true;
}

bool queue_return(struct queue *queue, uint32_t id, int64_t due_ms, int64_t since_ms,
		  struct segment_ref segment)
{
	struct route *route = route_of(queue, id);
	struct waiting back = { .due_ms = due_ms, .segment = segment, .since_ms = since_ms };
	struct waiting age = aged(&back);
	if (!route || !heap_push(&route->ages, &age))
		return false;
	if (!heap_push(&route->returned, &back)) {
		ages_renew(route);
		return false;
	}
	route->depth++;
	return true;
}

/* Orders whose send_at has come join their lanes; one that memory fails for stays and is tried again. */
static void wake_later(struct queue *queue, int64_t now_ms)
{
	while (is_due(&queue->later, now_ms)) {
		struct order *order = head(&queue->later)->order;
		if (order->forgotten)
			free(order);
		else if (!lane_append(route_of(queue, order->info.route), order))
			return;
		heap_pop(&queue->later);
	}
}

static bool route_ready(const struct route *route, int64_t now_ms)
{
	return !route->paused && (route->turn || is_due(&route->returned, now_ms));
}

/* The provider's next route behind `at`, round and round; NULL: it has none. */
static struct route *route_after(const struct queue *queue, uint32_t provider, uint32_t at)
{
	for (uint32_t i = 1; i <= queue->n; i++) {
		struct route *route = &queue->routes[(at + i) % queue->n];
		if (route->provider == provider)
			return route;
	}
	return NULL;
}

static struct route *route_standing(const struct queue *queue, uint32_t provider)
{
	for (uint32_t i = 0; i < queue->n; i++)
		if (queue->routes[i].provider == provider && queue->routes[i].standing)
			return &queue->routes[i];
	return route_after(queue, provider, queue->n - 1);
}

/*
 * Each provider has a ring of its own: it stands at a route until its weight is used up or it has
 * nothing; a second round finds full credit everywhere.
 */
static struct route *route_next(struct queue *queue, uint32_t provider, int64_t now_ms)
{
	struct route *route = route_standing(queue, provider);
	for (uint32_t tried = 0; route && tried < 2 * queue->n; tried++) {
		route->standing = true;
		if (route_ready(route, now_ms) && route->credit)
			return route;
		route->credit = route->weight;
		route->standing = false;
		route = route_after(queue, provider, (uint32_t)(route - queue->routes));
	}
	return NULL;
}

bool queue_peek(struct queue *queue, uint32_t provider, int64_t now_ms, struct queue_item *item)
{
	queue->peeked = NULL;
	wake_later(queue, now_ms);
	struct route *route = queue->n ? route_next(queue, provider, now_ms) : NULL;
	if (!route)
		return false;
	queue->peeked = route;
	queue->peeked_returned = is_due(&route->returned, now_ms);
	if (queue->peeked_returned) {
		*item = (struct queue_item){ .segment = head(&route->returned)->segment,
					     .route = route->id,
					     .returned = true,
					     .due_ms = head(&route->returned)->due_ms };
		return true;
	}
	const struct queue_order *order = &lane_head(route->turn->next)->info;
	*item = (struct queue_item){
		.segment = { .order = order->order,
			     .index = (uint32_t)(order->cursor / order->parts),
			     .segment = (uint32_t)(order->cursor % order->parts) },
		.route = route->id,
		.cursor = order->cursor + 1,
	};
	return true;
}

static uint64_t waiting_of(const struct order *order)
{
	return order->info.segments - order->info.cursor;
}

static void take(struct queue *queue, uint32_t n, bool served)
{
	struct route *route = queue->peeked;
	assert(route);
	queue->peeked = NULL;
	if (queue->peeked_returned || !lane_head(route->turn->next)->forgotten)
		route->depth -= n;
	if (served && route->credit)
		route->credit--;
	if (queue->peeked_returned) {
		returned_pop(route);
		return;
	}
	struct lane *lane = route->turn->next;
	struct queue_order *order = &lane_head(lane)->info;
	unsigned priority = order->priority;
	assert(n <= order->segments - order->cursor);
	order->cursor += n;
	if (order->cursor == order->segments)
		lane_pop(route);
	if (served)
		lane_served(lane, priority);
	/* The next account's turn, unless the lane just left the ring and the turn with it. */
	if (served && route->turn && route->turn->next == lane)
		route->turn = lane;
}

void queue_take(struct queue *queue, bool served)
{
	take(queue, 1, served);
}

void queue_take_run(struct queue *queue, uint32_t n)
{
	assert(!queue->peeked_returned);
	take(queue, n, true);
}

void queue_drop(struct queue *queue)
{
	struct route *route = queue->peeked;
	assert(route && !queue->peeked_returned);
	queue->peeked = NULL;
	const struct order *order = lane_head(route->turn->next);
	if (!order->forgotten)
		route->depth -= waiting_of(order);
	lane_pop(route);
}

static void forget(struct route *route, struct order *order)
{
	if (!order->forgotten)
		route->depth -= waiting_of(order);
	order->forgotten = true;
}

/* The last of its lane stays there, so that the ring need not be looked through. */
static bool lane_forget(struct route *route, struct lane *lane, unsigned priority, uint64_t id)
{
	struct order *before = NULL, *order = lane->first[priority];
	for (; order && order->info.order != id; order = order->next)
		before = order;
	if (!order)
		return false;
	forget(route, order);
	if (lane->first[priority] == lane->last[priority])
		return true;
	*(before ? &before->next : &lane->first[priority]) = order->next;
	if (!order->next)
		lane->last[priority] = before;
	free(order);
	return true;
}

void queue_forget(struct queue *queue, const struct queue_order *info)
{
	struct route *route = route_of(queue, info->route);
	const struct waiting *later = queue->later.at;
	for (struct lane *lane = route ? route->lanes : NULL; lane; lane = lane->all)
		if (lane->account == info->account &&
		    lane_forget(route, lane, info->priority, info->order))
			return;
	for (size_t i = 0; route && info->send_at_ms && i < queue->later.n; i++)
		if (later[i].segment.order == info->order)
			forget(route, later[i].order);
}

static int64_t sooner(const struct heap *heap, int64_t now_ms, int64_t due_ms)
{
	bool ahead = heap->n && !is_due(heap, now_ms);
	return ahead && head(heap)->due_ms < due_ms ? head(heap)->due_ms : due_ms;
}

int64_t queue_deadline(const struct queue *queue, int64_t now_ms)
{
	int64_t due_ms = sooner(&queue->later, now_ms, QUEUE_NEVER);
	for (uint32_t i = 0; i < queue->n; i++)
		due_ms = sooner(&queue->routes[i].returned, now_ms, due_ms);
	return due_ms;
}

uint64_t queue_provider_depth(const struct queue *queue, uint32_t provider)
{
	uint64_t depth = 0;
	for (uint32_t i = 0; i < queue->n; i++)
		if (queue->routes[i].provider == provider)
			depth += queue->routes[i].depth;
	return depth;
}

uint64_t queue_depth(const struct queue *queue, uint32_t id)
{
	const struct route *route = route_of(queue, id);
	return route ? route->depth : 0;
}

bool queue_oldest(struct queue *queue, uint32_t id, int64_t *since_ms)
{
	struct route *route = route_of(queue, id);
	const struct waiting *returned = route ? oldest_returned(route) : NULL;
	int64_t oldest_ms = returned ? returned->due_ms : QUEUE_NEVER;
	for (const struct lane *lane = route ? route->lanes : NULL; lane; lane = lane->all)
		for (unsigned i = 0; i < QUEUE_PRIORITIES; i++) {
			const struct order *order = lane->first[i];
			if (order && order->forgotten) /* there is one of them at most */
				order = order->next;
			if (order && order->info.since_ms < oldest_ms)
				oldest_ms = order->info.since_ms;
		}
	*since_ms = oldest_ms;
	return oldest_ms != QUEUE_NEVER;
}
