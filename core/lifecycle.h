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

/* The states and errors of store/record.def under the names that the code reads by. */
enum life_state {
#define STATE(name, number, rank, public) LIFE_##name = (number),
#include "store/record.def"
	LIFE_STATES
};

enum life_event {
#define LIFE_EVENT(name, text) LIFE_ON_##name,
#include "core/lifecycle.def"
	LIFE_EVENTS
};

enum life_error {
#define ERROR(name, number, stage) LIFE_ERROR_##name = (number),
#include "store/record.def"
	LIFE_ERRORS
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

/* The part of a segment that the table reads and writes. */
struct life {
	enum life_state state;
	enum life_error error;
};

/*
 * Applies one event. `open` says that another attempt's fate is unknown; `given` is the error that
 * a receipt or a sibling brings, LIFE_ERROR_NONE for every other event.
 */
enum life_mark life_apply(struct life *life, enum life_event event, bool open,
			  enum life_error given);

/* Message of `n` segments, `counts[s]` of them in state s: the state it folds to. */
enum life_state life_fold(const uint32_t counts[LIFE_STATES]);
/* True if `a` folds before `b`: then a's error is the message's. */
bool life_folds_first(enum life_state a, enum life_state b);

/* QUEUED SENT DELIVERED FAILED EXPIRED UNKNOWN: all that clients ever see. */
const char *life_public_name(struct life life);
/* No later event is expected to change it: ranks 2 and 3. */
bool life_is_final(enum life_state state);

uint8_t life_rank(enum life_state state);
const char *life_state_name(enum life_state state);
const char *life_event_name(enum life_event event);
const char *life_error_name(enum life_error error);  /* "" for NONE */
const char *life_error_stage(enum life_error error); /* "" for NONE */
const char *life_error_text(enum life_error error);  /* safe to show to anyone */
const char *life_mark_name(enum life_mark mark);
const char *life_state_text(enum life_state state);
const char *life_event_text(enum life_event event);

/* One row of the table, for printing it: where `event` leads from `state`. */
struct life_row {
	enum life_state next, next_open;
	const char *error, *error_open; /* the word of lifecycle.def */
	enum life_mark mark;
};
struct life_row life_row(enum life_state state, enum life_event event);

#endif
