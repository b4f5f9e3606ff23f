/*
 * Orders within a turn: made, loaded, counted, written. See orders.h; what happens to their messages
 * is in orders_happen.c.
 */
#include "core/orders_inside.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/deadline.h"
#include "core/engine.h"
#include "core/feed.h"
#include "core/journal.h"
#include "core/retention.h"
#include "core/route.h"

#define EVENTS_OCTETS 1900 /* of one feed record */
#define TEXT_OCTETS   1900 /* of one text record */

/* ---- works ---- */

static struct work *find(const struct turn *turn, uint64_t order)
{
	struct work *work;
	HASH_FIND(hh, turn->works, &order, sizeof(order), work);
	return work;
}

static struct work *keep(struct turn *turn, struct work *work)
{
	struct work *added = NULL;
	work->route = config_route_find(turn->engine->config, work->rec.route);
	work->wake_was = (int64_t)work->rec.wake_at_ms;
	work->n_batches = orders_batches(&work->rec);
	if (work->n_batches > 1)
		work->batches = calloc(work->n_batches, sizeof(*work->batches));
	if (work->n_batches == 1 || work->batches)
		HASH_ADD(hh, turn->works, rec.order, sizeof(work->rec.order), work);
	added = find(turn, work->rec.order);
	if (added != work) {
		free(work->batches);
		free(work);
		turn_fail(turn, STORE_FULL);
		return NULL;
	}
	return work;
}

/* A record that is corrupt is left alone and told: nothing is submitted, debited or refunded by it. */
void orders_unreadable(struct turn *turn, enum store_err err, const char *kind, uint64_t order,
		       uint32_t index)
{
	char text[100];
	if (err == STORE_CORRUPT) {
		snprintf(text, sizeof(text), "%s %llu/%u is corrupt; run: esmectl store check",
			 kind, (unsigned long long)order, index);
		alarm_set(turn->engine, "store_corrupt", true, text);
	} else if (err != STORE_NOTFOUND) {
		turn_fail(turn, err);
	}
}

struct work *orders_work(struct turn *turn, uint64_t order)
{
	struct work *work = find(turn, order);
	if (work || turn_failed(turn))
		return work;
	work = calloc(1, sizeof(*work));
	if (!work) {
		turn_fail(turn, STORE_FULL);
		return NULL;
	}
	work->rec.order = order;
	enum store_err err = store_order_get(turn->txn, &work->rec);
	if (err) {
		free(work);
		orders_unreadable(turn, err, "order", order, 0);
		return NULL;
	}
	return keep(turn, work);
}

/* Moves octets into the record's own memory, where they outlive the caller's. */
static void own(struct store_octets *octets, uint8_t **raw)
{
	if (octets->n)
		memcpy(*raw, octets->at, octets->n);
	octets->at = *raw;
	*raw += octets->n;
}

/* What happens to the order as a whole: to the feed and to the log. */
static void tell(struct turn *turn, struct work *work, enum feed_event event)
{
	orders_event(turn, work, event, FEED_ORDER);
	journal_order(turn, work, event);
}

struct work *orders_create(struct turn *turn, const struct store_order *rec)
{
	struct work *work = calloc(1, sizeof(*work));
	if (!work) {
		turn_fail(turn, STORE_FULL);
		return NULL;
	}
	work->rec = *rec;
	uint8_t *raw = work->rec.raw;
	own(&work->rec.caller_id, &raw);
	own(&work->rec.client_ref, &raw);
	own(&work->rec.request_id, &raw);
	work->rec.order = store_next(turn->txn, STORE_NEXT_ORDER);
	work->rec.flags = rec->sandbox ? 0 : COHORT_ORDER_COUNTS;
	work->changed = true;
	if (!keep(turn, work))
		return NULL;
	work->wake_was = 0;
	tell(turn, work, FEED_ORDER_ACCEPTED);
	return work;
}

struct cohort *orders_cohort(struct turn *turn, struct work *work)
{
	if (!work->cohort)
		work->cohort = cohort_of(turn, &work->rec);
	return work->cohort;
}

/* It was accepted by the wall clock; by how much that has stepped in this run, the turn tells. */
int64_t orders_since_ms(const struct turn *turn, const struct store_order *rec)
{
	return rec->send_at_ms ? (int64_t)rec->send_at_ms :
				 (int64_t)rec->created_ms + turn->due_ms - turn->at_ms;
}

static struct queue_order queued(const struct turn *turn, const struct store_order *rec)
{
	return (struct queue_order){
		.order = rec->order,
		.route = queue_lane(rec->route, rec->sandbox),
		.account = rec->account,
		.priority = rec->priority,
		.parts = rec->parts,
		.cursor = rec->released,
		.segments = (uint64_t)rec->total * rec->parts,
		.send_at_ms = (int64_t)rec->send_at_ms,
		.since_ms = orders_since_ms(turn, rec),
	};
}

void orders_enqueue(struct turn *turn, const struct store_order *rec)
{
	struct queue_order order = queued(turn, rec);
	if (order.cursor >= order.segments || !orders_pending(rec))
		return;
	if (!queue_add(turn->engine->queue, &order) &&
	    config_route_find(turn->engine->config, rec->route))
		turn_fail(turn, STORE_FULL);
	turn->engine->schedule = true;
}

uint32_t orders_batches(const struct store_order *rec)
{
	return rec->batch_size ? (rec->total + rec->batch_size - 1) / rec->batch_size : 1;
}

uint32_t orders_batch_of(const struct store_order *rec, uint32_t index)
{
	return rec->batch_size ? index / rec->batch_size : 0;
}

enum store_err orders_batch(struct store_txn *txn, const struct store_order *rec, uint32_t n,
			    struct store_batch *batch)
{
	*batch = (struct store_batch){
		.order = rec->order,
		.n = n,
		.size = rec->total,
		.taken = rec->taken,
		.refused = rec->refused,
		.delivered = rec->delivered,
		.failed = rec->failed,
		.unknown = rec->unknown,
		.closed_ms = rec->resolved_ms,
	};
	return orders_batches(rec) > 1 ? store_batch_get(txn, batch) : STORE_OK;
}

/* NULL: an order of one batch, which is its own; a batch that cannot be read; or the turn failed. */
static struct store_batch *batch_of(struct turn *turn, struct work *work, uint32_t index)
{
	if (work->n_batches <= 1)
		return NULL;
	uint32_t n = orders_batch_of(&work->rec, index);
	if (work->batches[n])
		return work->batches[n];
	struct store_batch *batch = calloc(1, sizeof(*batch));
	if (!batch) {
		turn_fail(turn, STORE_FULL);
		return NULL;
	}
	batch->order = work->rec.order;
	batch->n = n;
	enum store_err err = store_batch_get(turn->txn, batch);
	if (err == STORE_NOTFOUND) {
		batch->first = n * work->rec.batch_size;
		uint32_t rest = work->rec.total - batch->first;
		batch->size = rest < work->rec.batch_size ? rest : work->rec.batch_size;
	} else if (err) {
		free(batch);
		orders_unreadable(turn, err, "batch", work->rec.order, n);
		return NULL;
	}
	return work->batches[n] = batch;
}

void orders_add_text(struct turn *turn, struct work *work, const char *text, size_t n)
{
	struct store_text rec = { .order = work->rec.order };
	work->rec.text_octets = (uint32_t)n;
	work->rec.text_hash = store_keyed_hash(turn->engine->store, text, n);
	for (size_t at = 0; at < n && !turn_failed(turn); at += TEXT_OCTETS, rec.chunk++) {
		size_t left = n - at < TEXT_OCTETS ? n - at : TEXT_OCTETS;
		rec.octets = (struct store_octets){ (const uint8_t *)text + at, (uint32_t)left };
		turn_fail(turn, store_text_put(turn->txn, &rec));
	}
}

/* What the handset tells messages in parts apart by, from this source. */
static uint16_t draw_reference(struct turn *turn, const struct work *work, uint64_t msisdn)
{
	const struct store_octets *source = &work->rec.caller_id;
	char pair[64];
	int n = snprintf(pair, sizeof(pair), "%llu %.*s", (unsigned long long)msisdn,
			 (int)source->n, (const char *)source->at);
	uint16_t reference = 0;
	turn_fail(turn, store_reference_draw(turn->txn,
					     store_keyed_hash(turn->engine->store, pair, (size_t)n),
					     &reference));
	return reference;
}

void orders_add_message(struct turn *turn, struct work *work, uint32_t index, uint64_t msisdn)
{
	struct store_message message = { .order = work->rec.order, .index = index };
	message.msisdn = msisdn;
	message.updated_ms = work->rec.created_ms;
	if (work->rec.parts > 1)
		message.reference = draw_reference(turn, work, msisdn);
	turn_fail(turn, store_message_put(turn->txn, &message));
	cohort_move(orders_cohort(turn, work), 0, cohort_bits(&message), message.order, index);
	for (uint32_t n = 1; n < work->rec.parts && !turn_failed(turn); n++) {
		struct store_segment segment = { .order = work->rec.order,
						 .index = index,
						 .segment = n };
		turn_fail(turn, store_segment_put(turn->txn, &segment));
	}
	if (work->n_batches > 1)
		batch_of(turn, work, index); /* made at acceptance, so that readers find it */
}

bool orders_text(struct store_txn *txn, const struct store_order *rec, char *out, size_t *n)
{
	struct store_text text = { .order = rec->order };
	*n = 0;
	while (*n < rec->text_octets) {
		if (store_text_get(txn, &text) != STORE_OK ||
		    text.octets.n > rec->text_octets - *n || !text.octets.n) {
			*n = 0;
			return false;
		}
		memcpy(out + *n, text.octets.at, text.octets.n);
		*n += text.octets.n;
		text.chunk++;
	}
	return true;
}

bool orders_content(struct turn *turn, struct work *work)
{
	if (work->content)
		return true;
	if (!work->route)
		return false;
	char *text = malloc(ORDERS_TEXT_OCTETS);
	struct content *content = calloc(1, sizeof(*content));
	size_t n = 0;
	bool made = false;
	if (text && content && orders_text(turn->txn, &work->rec, text, &n)) {
		enum content_error err = content_make(
			work->route->provider, content_kind_of(&work->rec), text, n, content);
		if (err == CONTENT_MEMORY)
			turn_fail(turn, STORE_FULL);
		made = err == CONTENT_OK && content->plan.pdus == work->rec.parts;
	}
	if (!text || !content)
		turn_fail(turn, STORE_FULL);
	free(text);
	if (made) {
		work->content = content;
	} else if (content) {
		content_release(content);
		free(content);
	}
	return made;
}

uint32_t orders_paid_parts(const struct store_order *rec)
{
	return rec->paid_parts ? rec->paid_parts : rec->parts;
}

int64_t orders_message_cost(const struct store_order *rec)
{
	return rec->unit_price * orders_paid_parts(rec);
}

/* ---- counters: what one message adds to its order and its batch ---- */

#define ORDER(member) offsetof(struct store_order, member)
#define BATCH(member) offsetof(struct store_batch, member)
#define NOWHERE	      SIZE_MAX

static const struct {
	uint8_t state;
	size_t order, batch;
} counted_states[] = {
	{ STORE_STATE_DELIVERED, ORDER(delivered), BATCH(delivered) },
	{ STORE_STATE_FAILED, ORDER(failed), BATCH(failed) },
	{ STORE_STATE_EXPIRED, ORDER(failed), BATCH(failed) },
	{ STORE_STATE_EXPIRED, ORDER(expired), NOWHERE },
	{ STORE_STATE_UNKNOWN, ORDER(unknown), BATCH(unknown) },
	{ STORE_STATE_IN_DOUBT, ORDER(in_doubt), NOWHERE },
};
static const struct {
	uint32_t flag;
	size_t order, batch;
} counted_flags[] = {
	{ STORE_FLAG_TAKEN, ORDER(taken), BATCH(taken) },
	{ STORE_FLAG_REFUSED, ORDER(refused), BATCH(refused) },
	{ STORE_FLAG_UNANSWERED, ORDER(unanswered), NOWHERE },
	{ STORE_FLAG_ON_TIME, ORDER(on_time), NOWHERE },
	{ STORE_FLAG_LATE, ORDER(late), NOWHERE },
};

static void count(void *rec, size_t member, int by)
{
	if (!rec || member == NOWHERE)
		return;
	uint32_t *counter = (uint32_t *)(void *)((char *)rec + member);
	assert(by > 0 || *counter > 0);
	*counter += (uint32_t)by;
}

void orders_tally(struct turn *turn, struct work *work, const struct store_message *message, int by)
{
	struct store_batch *batch = batch_of(turn, work, message->index);
	for (size_t i = 0; i < sizeof(counted_states) / sizeof(counted_states[0]); i++) {
		if (counted_states[i].state != message->state)
			continue;
		count(&work->rec, counted_states[i].order, by);
		count(batch, counted_states[i].batch, by);
	}
	for (size_t i = 0; i < sizeof(counted_flags) / sizeof(counted_flags[0]); i++) {
		if (!(message->flags & counted_flags[i].flag))
			continue;
		count(&work->rec, counted_flags[i].order, by);
		count(batch, counted_flags[i].batch, by);
	}
	bool knows = message->error != STORE_ERROR_RECEIPT_UNKNOWN;
	if (message->state == STORE_STATE_SENT)
		count(&work->rec, knows ? ORDER(sent) : ORDER(receipt_unknown), by);
}

uint32_t orders_pending(const struct store_order *rec)
{
	return rec->total - rec->delivered - rec->failed - rec->unknown;
}

const char *orders_status(const struct store_order *rec)
{
	if (rec->delivered == rec->total)
		return "COMPLETED";
	if (rec->failed == rec->total)
		return "FAILED";
	if (orders_pending(rec) == rec->total && !rec->sent && !rec->in_doubt && !rec->taken)
		return "QUEUED";
	if (orders_pending(rec))
		return "IN_PROGRESS";
	return !rec->delivered && rec->unknown ? "UNKNOWN" : "PARTIAL";
}

/* ---- feed ---- */

static void write_events(struct turn *turn, struct work *work)
{
	struct store_feed feed = {
		.seq = store_next(turn->txn, STORE_NEXT_FEED),
		.at_ms = (uint64_t)turn->at_ms,
		.steady_ms = (uint64_t)turn->due_ms,
		.order = work->rec.order,
		.account = work->rec.account,
		.events = { work->events, work->events_n },
	};
	turn_fail(turn, store_feed_put(turn->txn, &feed));
	work->events_n = 0;
}

void orders_event(struct turn *turn, struct work *work, enum feed_event event, uint32_t index)
{
	if (!work->events)
		work->events = malloc(EVENTS_OCTETS);
	if (!work->events) {
		turn_fail(turn, STORE_FULL);
		return;
	}
	if (work->events_n + FEED_ENTRY_OCTETS > EVENTS_OCTETS)
		write_events(turn, work);
	struct feed_entry entry = { .event = event, .index = index };
	work->events_n += feed_encode(&entry, work->events + work->events_n);
}

void orders_wake(struct work *work, int64_t due_ms)
{
	bool walking = work->rec.wake_at_ms == ORDERS_WALKING;
	if (walking && (!work->meanwhile_ms || due_ms < work->meanwhile_ms))
		work->meanwhile_ms = due_ms;
	if (work->rec.wake_at_ms && (int64_t)work->rec.wake_at_ms <= due_ms)
		return;
	work->rec.wake_at_ms = (uint64_t)due_ms;
	work->changed = true;
}

/* ---- end of a turn ---- */

/* It ended before all of it had gone: cancelled, or its time ran out. */
static void forget_queued(struct turn *turn, const struct store_order *rec)
{
	struct queue_order order = queued(turn, rec);
	if (order.cursor < order.segments)
		queue_forget(turn->engine->queue, &order);
}

static void flush(struct turn *turn, struct work *work)
{
	struct store_order *rec = &work->rec;
	bool resolved = !orders_pending(rec);
	if (work->events_n && rec->resolved_ms)
		tell(turn, work, FEED_ORDER_REVISED);
	if (resolved && !rec->resolved_ms) {
		rec->resolved_ms = (uint64_t)turn->at_ms;
		tell(turn, work, FEED_ORDER_RESOLVED);
		forget_queued(turn, rec);
	}
	if (resolved)
		rec->wake_at_ms = 0;
	if (resolved && work->route && work->route->keep_text == CONFIG_KEEP_TEXT_FINAL)
		retention_forget_text(turn, rec->order);
	if (work->events_n) {
		rec->updated_ms = (uint64_t)turn->at_ms;
		write_events(turn, work);
	}
	for (uint32_t n = 0; work->batches && n < work->n_batches; n++) {
		struct store_batch *batch = work->batches[n];
		if (!batch)
			continue;
		if (!batch->closed_ms &&
		    batch->delivered + batch->failed + batch->unknown == batch->size)
			batch->closed_ms = (uint64_t)turn->at_ms;
		turn_fail(turn, store_batch_put(turn->txn, batch));
	}
	turn_fail(turn, store_order_put(turn->txn, rec));
	if (rec->wake_at_ms == ORDERS_WALKING) {
		if (work->meanwhile_ms)
			wakes_meanwhile(turn->engine->wakes, work->meanwhile_ms, rec->order);
		return;
	}
	if (rec->wake_at_ms && (int64_t)rec->wake_at_ms != work->wake_was &&
	    !wakes_push(turn->engine->wakes, (int64_t)rec->wake_at_ms, rec->order))
		turn_fail(turn, STORE_FULL);
}

void orders_flush(struct turn *turn)
{
	for (struct work *work = turn->works; work && !turn_failed(turn); work = work->hh.next)
		if (work->changed)
			flush(turn, work);
	cohorts_flush(turn);
}

void orders_release(struct turn *turn)
{
	struct work *work, *next;
	HASH_ITER(hh, turn->works, work, next) {
		HASH_DEL(turn->works, work);
		for (uint32_t n = 0; work->batches && n < work->n_batches; n++)
			free(work->batches[n]);
		free(work->batches);
		free(work->events);
		if (work->content)
			content_release(work->content);
		free(work->content);
		free(work);
	}
}
