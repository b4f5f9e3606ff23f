/* What the tests of cohorts and of insight share: messages that end, and what is told of them. */
#ifndef TEST_ENGINE_INSIGHT_H
#define TEST_ENGINE_INSIGHT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/insight.h"
#include "core/retention.h"
#include "test/engine_world.h"

#define MINUTE_MS 60000
#define HOUR_MS	  (60 * MINUTE_MS)
#define PROVIDER  "window: 100, query_missing_receipt: false, timers: {response: 5s}"
#define ROUTE	  "validity: 24h, receipt_deadline: 26h, outcome_deadline: 30s, "

static const struct setting usual = { .alpha = PROVIDER, .route = ROUTE };

/* A turn that only reads. */
static inline struct turn reading(struct engine_world *world)
{
	struct turn turn = { .engine = world->engine,
			     .at_ms = port_wall_ms(world->port),
			     .now_ms = port_now_ms(world->port) };
	assert_int_equal(store_read_begin(world->store, &turn.txn), STORE_OK);
	return turn;
}

/* All that was moved until now is in the cohorts. */
static inline void fold(struct engine_world *world)
{
	uint64_t folds = 0;
	while (!cohorts_folded(world->engine, &folds))
		engine_world_run(world, 1);
}

/* All that is gathered, in so many goes of `budget` looks each. */
static inline struct insight *gathered(struct engine_world *world, uint32_t account,
				       const char *window, unsigned budget, unsigned *goes)
{
	fold(world);
	struct turn turn = reading(world);
	struct insight *insight = insight_new(&turn, account, insight_window(window));
	assert_non_null(insight);
	store_read_end(turn.txn);
	bool whole = false;
	for (*goes = 0; !whole; ++*goes) {
		unsigned left = budget;
		turn = reading(world);
		whole = insight_gather(insight, &turn, &left);
		assert_false(turn_failed(&turn));
		assert_true(left <= budget && (whole || !left));
		store_read_end(turn.txn);
	}
	return insight;
}

/* What is known of route 1. */
static inline struct insight_route look(struct engine_world *world, uint32_t account,
					const char *window)
{
	unsigned goes;
	struct insight *insight = gathered(world, account, window, 7, &goes);
	const struct insight_route *route = insight->routes;
	while (route && route->route != 1)
		route = route->hh.next;
	struct insight_route copy = *route;
	copy.like = NULL;
	insight_free(insight);
	return copy;
}

static inline int64_t counted(struct engine_world *world, enum cohort_count count)
{
	return look(world, 1, "24h").sums.counts[count];
}

/* One order; the carrier takes all of it. Ids rise over the life of the carrier. */
static inline uint64_t taken(struct engine_world *world, uint32_t total)
{
	uint64_t order = engine_world_order(world, &(struct wish){ .total = total });
	carrier_ok_all(world->carriers[0]);
	engine_world_settle(world);
	return order;
}

/* The same, and a receipt for each, after so long. */
static inline void taken_and_told(struct engine_world *world, uint32_t total, int64_t after_ms,
				  const char *stat)
{
	size_t first = world->carriers[0]->n;
	char id[24];
	taken(world, total);
	engine_world_run(world, after_ms);
	for (size_t i = first; i < first + total; i++) {
		snprintf(id, sizeof(id), "%zu", i + 1);
		carrier_says(world->carriers[0],
			     &(struct said){ .id = id,
					     .stat = stat,
					     .from = world->carriers[0]->seen[i].msisdn });
	}
	engine_world_settle(world);
}

#endif
