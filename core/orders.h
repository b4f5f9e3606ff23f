/*
 * Orders, batches, messages and segments within a turn: the one place where an event of the
 * lifecycle meets the records. It keeps evidence, states, folds, counters, refunds, deadlines and
 * feed rows true to each other, so that a recount always equals the summary. What the events are
 * is decided elsewhere: core/reconcile.c (answers and receipts), core/scheduler.c (releases),
 * core/deadline.c, operators and clients.
 *
 * Works are the orders a turn has touched, loaded once and written once, by orders_flush.
 */
#ifndef CORE_ORDERS_H
#define CORE_ORDERS_H

#include "core/cohort.h"
#include "core/content.h"
#include "core/evidence.h"
#include "core/feed.h"
#include "core/hash.h"
#include "core/queue.h"
#include "core/turn.h"
#include "config/config.h"

#define ORDERS_TEXT_OCTETS 65535 /* of a text */
#define ORDERS_WALKING	   1	 /* wake_at_ms of an order whose walk goes on in the next turn */

/* An order in the hands of a turn; lives until the turn's effects have run. */
struct work {
	struct store_order rec;
	const struct config_route *route; /* NULL: no longer configured */
	bool changed;
	int64_t wake_was;	      /* rec.wake_at_ms when it was loaded */
	int64_t meanwhile_ms;	      /* first deadline that came up while it is walked; 0: none */
	struct store_batch **batches; /* loaded ones, by number; NULL for an order of one batch */
	uint32_t n_batches;
	uint8_t *events; /* feed events of this turn */
	uint32_t events_n;
	struct cohort *cohort;	 /* where its messages count; NULL: nowhere, or not asked yet */
	struct content *content; /* what the scheduler submits; made when first needed */
	UT_hash_handle hh;
};

/* NULL: no such order, or the turn failed (turn_failed tells). */
struct work *orders_work(struct turn *turn, uint64_t order);
/* A new order: rec.order must be 0 and is drawn. Messages and text are written by the caller's
 * orders_add_message and orders_add_text. NULL: the turn failed. */
struct work *orders_create(struct turn *turn, const struct store_order *rec);
void orders_add_text(struct turn *turn, struct work *work, const char *text, size_t n);
/* In rising index, rec.total times. */
void orders_add_message(struct turn *turn, struct work *work, uint32_t index, uint64_t msisdn);

/* Puts what the order's cursor has not reached into the queue; for a new order and at start. */
void orders_enqueue(struct turn *turn, const struct store_order *rec);
/* Since when its messages could go out, in the clock of deadlines. */
int64_t orders_since_ms(const struct turn *turn, const struct store_order *rec);
/* Adds an entry to the order's feed row of this turn. */
void orders_event(struct turn *turn, struct work *work, enum feed_event event, uint32_t index);

/* The text of an order; *n is 0 when it has been forgotten. `out` has ORDERS_TEXT_OCTETS. */
bool orders_text(struct store_txn *txn, const struct store_order *rec, char *out, size_t *n);
/* Makes the content; false: the text is gone, its provider takes no such content any more, or the
 * turn failed. */
bool orders_content(struct turn *turn, struct work *work);
/* Parts that are paid for, of one message; its segments are rec->parts. */
uint32_t orders_paid_parts(const struct store_order *rec);
/* What one message was priced at, in micro-units. */
int64_t orders_message_cost(const struct store_order *rec);

/* Something that happened to one segment. */
struct happening {
	enum life_event event;
	enum store_error given;	  /* receipts and siblings */
	struct evidence evidence; /* event, mark and at_ms are filled in by orders_happen */
	uint32_t attempt;	  /* the attempt it speaks of, from 1; 0: none, or not known */
	bool verdict;	/* it ends the attempt's wait for an answer: attempts becomes attempt */
	int64_t due_ms; /* where it leads back to QUEUED: not before */
	int64_t released_ms; /* verdicts: the attempt's release, in the clock of deadlines */
	bool answers_open;   /* `attempt` was in doubt, and this says what became of it */
	uint32_t flags;	     /* of enum store_flag, to be set on the message */
	bool may_repeat;     /* keep no row of evidence where one says the same */
};

/* What it did. */
struct happened {
	enum life_mark mark;
	enum store_state from, to; /* of the segment */
	bool found;		   /* false: no such segment, or the turn failed */
};
struct happened orders_happen(struct turn *turn, struct segment_ref ref,
			      const struct happening *happening);

/*
 * Reads a segment as it is in effect: one that stands QUEUED in its record, has no attempt with a
 * verdict and lies before the order's cursor is SUBMITTED (only its release says so). `segment` may
 * be NULL for segment 0, which is message->seg. False: none, or the turn failed.
 */
bool orders_segment(struct turn *turn, const struct store_order *rec, struct segment_ref ref,
		    struct store_message *message, struct store_segment *segment,
		    struct store_seg **seg);
/* The same for readers without a turn: what state a segment record is in, given its order. */
enum store_state orders_state(const struct store_order *rec, struct segment_ref ref,
			      const struct store_seg *seg);

/* The order has a deadline at due_ms: it will be woken then at the latest. */
void orders_wake(struct work *work, int64_t due_ms);

/* Counts of messages by what clients see; pending = total - delivered - failed - unknown. */
uint32_t orders_pending(const struct store_order *rec);
/* QUEUED IN_PROGRESS COMPLETED FAILED UNKNOWN PARTIAL. */
const char *orders_status(const struct store_order *rec);
uint32_t orders_batches(const struct store_order *rec);
/* The batch of a message, from 0. */
uint32_t orders_batch_of(const struct store_order *rec, uint32_t index);
/* Batch n, from 0; an order of one batch has no record of it and is its own. */
enum store_err orders_batch(struct store_txn *txn, const struct store_order *rec, uint32_t n,
			    struct store_batch *batch);

/* Writes every changed work, its batches and its feed rows. Last step of a turn's transaction. */
void orders_flush(struct turn *turn);
/* Lets go of the works; after the effects. */
void orders_release(struct turn *turn);

#endif
