/* What the tests of receipts share: a message that was taken, and what is said of it then. */
#ifndef TEST_ENGINE_RECEIPTS_H
#define TEST_ENGINE_RECEIPTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/lifecycle.h"
#include "core/orphans.h"
#include "test/engine_world.h"

#define ROUTE	 "validity: 60s, receipt_deadline: 40s, "
#define PROVIDER "window: 10, timers: {response: 5s, reconnect_min: 200ms, reconnect_max: 2s}, "

/* One message, taken under this id. */
static inline uint64_t taken(struct engine_world *world, const char *id)
{
	struct carrier *alpha = world->carriers[0];
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(alpha, alpha->n - 1, id);
	engine_world_settle(world);
	return order;
}

static inline void says(struct engine_world *world, const char *id, const char *stat)
{
	assert_true(carrier_receipt(world->carriers[0], id, stat));
	engine_world_settle(world);
}

static inline void assert_ends(struct engine_world *world, uint64_t order, enum store_state state,
			       enum store_error error)
{
	assert_int_equal(world_state(world, order, 0), state);
	assert_int_equal(world_error(world, order, 0), error);
}

/* The last one kept; its octets live until the next call. */
static inline struct store_orphan newest_orphan(struct engine_world *world)
{
	static struct store_orphan orphan;
	struct store_txn *txn;
	orphan.seq = INT64_MAX;
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	assert_int_equal(store_orphan_prev(txn, &orphan, 0), STORE_OK);
	store_read_end(txn);
	return orphan;
}

static inline uint8_t orphan_reason(struct engine_world *world)
{
	return newest_orphan(world).reason;
}

#endif
