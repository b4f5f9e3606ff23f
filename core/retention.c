/* Retention: slices of deletion. */
#include "core/retention.h"

#include <stdlib.h>

#include "core/activity.h"
#include "core/cohort.h"
#include "core/engine.h"
#include "core/inbound.h"
#include "core/log.h"

#define INBOUND_DROPPED 100 /* messages in one slice: each may be 255 PDUs */

/* Where the rounds stand. */
struct retention {
	uint64_t order; /* last one looked at */
	struct store_idempotency key;
	int64_t longest_ms; /* receipt_deadline of any route: ids are looked up so long */
};

struct retention *retention_new(void)
{
	return calloc(1, sizeof(struct retention));
}

void retention_free(struct retention *retention)
{
	free(retention);
}

/*
 * Records that share the first `prefix` key members of rec; false while some are left. One that is
 * corrupt and has indexes cannot be deleted, for nobody knows which entries are its: it stays.
 */
static bool delete_all(struct turn *turn, enum store_kind kind, void *rec, unsigned prefix,
		       unsigned *budget)
{
	enum store_err err = store_seek(turn->txn, kind, rec, prefix);
	for (; !turn_failed(turn) && err != STORE_NOTFOUND;
	     err = store_step(turn->txn, kind, rec, prefix)) {
		if (err != STORE_OK && err != STORE_CORRUPT)
			turn_fail(turn, err);
		if (!*budget)
			return false;
		--*budget;
		err = store_del(turn->txn, kind, rec);
		if (err != STORE_CORRUPT)
			turn_fail(turn, err);
	}
	return !turn_failed(turn);
}

void retention_forget_text(struct turn *turn, uint64_t order)
{
	struct store_text text = { .order = order };
	unsigned budget = RETENTION_RECORDS;
	delete_all(turn, STORE_KIND_TEXT, &text, 1, &budget);
}

/* ---- the oldest end ---- */

/* By the clock of deadlines: a wall clock that is set wrong must not age everything at once. */
static bool older(const struct turn *turn, uint64_t at_ms, int64_t keep_ms)
{
	return (int64_t)at_ms + keep_ms < turn->due_ms;
}

static void trim_feed(struct turn *turn)
{
	struct store_feed feed = { 0 };
	int64_t keep_ms = turn->engine->config->retention.feed_ms;
	for (unsigned i = 0; i < RETENTION_RECORDS && !turn_failed(turn); i++) {
		enum store_err err = store_feed_seek(turn->txn, &feed, 0);
		bool old = err == STORE_CORRUPT || /* as old as any: it is the first */
			   (err == STORE_OK && older(turn, feed.at_ms, keep_ms));
		if (!old)
			return;
		turn_fail(turn, store_feed_del(turn->txn, &feed));
	}
}

/* As long as the feed that names them; a round may leave some for the next. */
static void trim_alarms(struct turn *turn)
{
	struct store_alarm alarm = { 0 };
	int64_t keep_ms = turn->engine->config->retention.feed_ms;
	for (unsigned i = 0; i < RETENTION_RECORDS && !turn_failed(turn); i++) {
		enum store_err err = store_alarm_seek(turn->txn, &alarm, 0);
		bool old = err == STORE_CORRUPT ||
			   (err == STORE_OK && older(turn, alarm.at_ms, keep_ms));
		if (!old)
			return;
		turn_fail(turn, store_alarm_del(turn->txn, &alarm));
	}
}

static void trim_orphans(struct turn *turn)
{
	const struct config_retention *keep = &turn->engine->config->retention;
	struct store_orphan orphan = { 0 };
	uint64_t count = store_count(turn->txn, STORE_KIND_ORPHAN), gone = 0;
	unsigned budget = RETENTION_RECORDS;
	enum store_err err = store_orphan_seek(turn->txn, &orphan, 0);
	for (; budget && !turn_failed(turn) && err != STORE_NOTFOUND;
	     err = store_orphan_next(turn->txn, &orphan, 0)) {
		budget--;
		if (err == STORE_CORRUPT)
			continue;
		turn_fail(turn, err);
		bool many = count - gone > keep->orphans_count;
		struct store_orphan_more more = { .seq = orphan.seq };
		if (!many && !older(turn, orphan.at_ms, keep->orphans_ms))
			break;
		if (!delete_all(turn, STORE_KIND_ORPHAN_MORE, &more, 1, &budget))
			break;
		turn_fail(turn, store_orphan_del(turn->txn, &orphan));
		gone++;
	}
	if (gone)
		log_info("retention.orphans", "gone=%llu", (unsigned long long)gone);
}

static void trim_inbound(struct turn *turn)
{
	const struct config_retention *keep = &turn->engine->config->retention;
	struct store_inbound_message message = { 0 };
	uint64_t count = store_count(turn->txn, STORE_KIND_INBOUND_MESSAGE);
	enum store_err err = store_inbound_message_seek(turn->txn, &message, 0);
	for (unsigned i = 0; i < INBOUND_DROPPED && !turn_failed(turn) && err != STORE_NOTFOUND;
	     i++, err = store_inbound_message_next(turn->txn, &message, 0)) {
		if (err == STORE_CORRUPT) {
			turn_fail(turn, store_inbound_message_del(turn->txn, &message));
			continue;
		}
		turn_fail(turn, err);
		if (count - i <= keep->inbound_count &&
		    !older(turn, message.at_ms, keep->inbound_ms))
			break;
		inbound_drop(turn, &message);
	}
}

static void trim_alerts(struct turn *turn)
{
	const struct config_retention *keep = &turn->engine->config->retention;
	struct store_alert alert = { 0 };
	uint64_t count = store_count(turn->txn, STORE_KIND_ALERT);
	for (unsigned i = 0; i < RETENTION_RECORDS && !turn_failed(turn); i++) {
		enum store_err err = store_alert_seek(turn->txn, &alert, 0);
		bool gone = err == STORE_CORRUPT ||
			    (!err && (count - i > keep->inbound_count ||
				      older(turn, alert.at_ms, keep->feed_ms)));
		if (!gone)
			return;
		turn_fail(turn, store_alert_del(turn->txn, &alert));
	}
}

static void trim_ids(struct turn *turn, const struct retention *retention)
{
	int64_t keep_ms = turn->engine->config->retention.closed_ids_ms + retention->longest_ms;
	bool more;
	if (turn->due_ms > keep_ms)
		turn_fail(turn, store_ids_expire(turn->txn, (uint64_t)(turn->due_ms - keep_ms),
						 RETENTION_RECORDS, &more));
}

/* ---- rounds ---- */

static void look_at_keys(struct turn *turn, struct retention *retention)
{
	struct store_idempotency *key = &retention->key;
	int64_t keep_ms = turn->engine->config->retention.idempotency_ms;
	for (unsigned i = 0; i < RETENTION_RECORDS && !turn_failed(turn); i++) {
		enum store_err err = store_idempotency_next(turn->txn, key, 0);
		if (err == STORE_NOTFOUND) {
			*key = (struct store_idempotency){ 0 };
			return;
		}
		if (err == STORE_OK && older(turn, key->at_ms, keep_ms))
			turn_fail(turn, store_idempotency_del(turn->txn, key));
	}
}

/* Children first, so that a slice that ends in the middle leaves an order to come back to. */
static bool delete_order(struct turn *turn, const struct store_order *order, unsigned *budget)
{
	struct store_evidence_more evidence = { .order = order->order };
	struct store_segment segment = { .order = order->order };
	struct store_message message = { .order = order->order };
	struct store_batch batch = { .order = order->order };
	struct store_text text = { .order = order->order };
	if (!delete_all(turn, STORE_KIND_EVIDENCE_MORE, &evidence, 1, budget) ||
	    !delete_all(turn, STORE_KIND_SEGMENT, &segment, 1, budget) ||
	    !delete_all(turn, STORE_KIND_MESSAGE, &message, 1, budget) ||
	    !delete_all(turn, STORE_KIND_BATCH, &batch, 1, budget) ||
	    !delete_all(turn, STORE_KIND_TEXT, &text, 1, budget))
		return false;
	turn_fail(turn, store_order_del(turn->txn, order));
	return true;
}

static bool text_is_due(const struct turn *turn, const struct store_order *order)
{
	const struct config_route *route = config_route_find(turn->engine->config, order->route);
	if (!route || !order->resolved_ms)
		return false;
	if (route->keep_text == CONFIG_KEEP_TEXT_1D)
		return older(turn, order->resolved_ms, 24 * 3600 * 1000);
	return route->keep_text == CONFIG_KEEP_TEXT_FINAL;
}

static void look_at_orders(struct turn *turn, struct retention *retention)
{
	int64_t keep_ms = turn->engine->config->retention.orders_ms;
	unsigned budget = RETENTION_RECORDS;
	while (budget && !turn_failed(turn)) {
		struct store_order order = { .order = retention->order };
		enum store_err err = store_order_next(turn->txn, &order, 0);
		budget--;
		if (err == STORE_NOTFOUND) {
			retention->order = 0;
			return;
		}
		if (err == STORE_OK && order.resolved_ms &&
		    older(turn, order.resolved_ms, keep_ms) && !delete_order(turn, &order, &budget))
			return; /* the rest in the next slice */
		if (err == STORE_OK && text_is_due(turn, &order))
			retention_forget_text(turn, order.order);
		retention->order = order.order;
	}
}

void retention_run(struct turn *turn)
{
	struct retention *retention = turn->engine->retention;
	const struct config *config = turn->engine->config;
	for (size_t i = 0; i < config->n_routes; i++)
		if (config->routes[i].receipt_deadline_ms > retention->longest_ms)
			retention->longest_ms = config->routes[i].receipt_deadline_ms;
	trim_feed(turn);
	trim_alarms(turn);
	activity_trim(turn, RETENTION_RECORDS);
	cohorts_trim(turn, RETENTION_RECORDS);
	trim_orphans(turn);
	trim_inbound(turn);
	trim_alerts(turn);
	trim_ids(turn, retention);
	look_at_keys(turn, retention);
	look_at_orders(turn, retention);
}
