/*
 * The lifecycle of a segment and its folds: what state an event leads to, and what a message made
 * of such segments is. The table stands in lifecycle.def; this is the only code that assigns a
 * state. It is not the record (store/record.h), not the deadlines and not the evidence.
 *
 * A state has a rank: 0 not taken yet, 1 taken, 2 given up on, 3 known. A segment's rank never
 * falls. A message is the fold of its segments and may still move by later evidence.
 */
#ifndef CORE_LIFECYCLE_H
#define CORE_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/record.h"

enum life_event {
#define LIFE_EVENT(name, text, told) LIFE_ON_##name,
#include "core/lifecycle.def"
	LIFE_EVENTS
};

/* What an event meant for the segment beside its new state. */
enum life_mark {
	LIFE_MARK_NORMAL,
	LIFE_MARK_NOTE,	       /* recorded, changes nothing */
	LIFE_MARK_LATE,	       /* came after a deadline or a doubt */
	LIFE_MARK_DUPLICATE,   /* says again what is known */
	LIFE_MARK_CONTRADICTS, /* a second final that differs from the first */
	LIFE_MARK_STRAY,       /* our own bookkeeping should not have raised it here */
};

/*
 * Applies one event to seg->state and seg->error; nothing else of seg changes. Whether another
 * attempt's fate is unknown is seg->open_attempts; that the provider took one shows in the error of
 * an UNKNOWN segment, which no refusal of another then fails. `given` is the error that a receipt or a sibling
 * brings, STORE_ERROR_NONE for every other event.
 */
enum life_mark life_apply(struct store_seg *seg, enum life_event event, enum store_error given);

/* A segment read through its release: sets the state that is in effect (see orders_state). */
void life_released(struct store_seg *seg, enum store_state state);

/* The provider took it: it says so, or what came later could not be said otherwise. */
bool life_taken(const struct store_seg *seg);

/* The segments of a message, counted by state, with the error of one of each state. */
struct life_fold {
	uint32_t counts[STORE_STATES];
	enum store_error errors[STORE_STATES];
};
void life_fold_add(struct life_fold *fold, const struct store_seg *seg);
/* Sets state and error of the message from its segments, at least one. */
void life_fold_set(const struct life_fold *fold, struct store_message *message);

/* QUEUED SENT DELIVERED FAILED EXPIRED UNKNOWN: all that clients ever see. */
const char *life_shown(enum store_state state, enum store_error error);
/* No later event is expected to change it: ranks 2 and 3. */
bool life_is_final(enum store_state state);

/* For people; static. */
const char *life_event_name(enum life_event event);
const char *life_event_text(enum life_event event); /* what it is */
const char *life_event_told(enum life_event event); /* what it meant for a message */
const char *life_mark_name(enum life_mark mark);
const char *life_state_text(enum store_state state);
const char *life_error_text(enum store_error error); /* safe to show to clients */

/* One row of the table, for printing it: where `event` leads from `state`. */
struct life_row {
	enum store_state next, next_open;
	const char *error, *error_open; /* the word of lifecycle.def */
	enum life_mark mark;
};
struct life_row life_row(enum store_state state, enum life_event event);

#endif
