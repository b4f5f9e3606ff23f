/* The lifecycle table of lifecycle.def as data, and the few functions that read it. */
#include "core/lifecycle.h"

#include <assert.h>
#include <stddef.h>

/* Errors of a row that are not errors of a record but say how to find it. */
enum {
	LIFE_ERROR_KEEP = LIFE_ERRORS,
	LIFE_ERROR_GIVEN,
	LIFE_ERROR_CONFIRM,
	LIFE_ERROR_NO_RECEIPT_OR_KEEP,
};

struct row {
	uint8_t next, error, next_open, error_open, mark;
};

static const struct row table[LIFE_STATES][LIFE_EVENTS] = {
#define LIFE(state, event, n, e, no, eo, m)                                                       \
	[LIFE_##state][LIFE_ON_##event] = { LIFE_##n, LIFE_ERROR_##e, LIFE_##no, LIFE_ERROR_##eo, \
					    LIFE_MARK_##m },
#include "core/lifecycle.def"
};

/* A pair that stands twice declares its enumerator twice; a missing one leaves the count short. */
enum {
#define LIFE(state, event, n, e, no, eo, m) ROW_##state##_##event,
#include "core/lifecycle.def"
	ROWS
};
_Static_assert(ROWS == LIFE_STATES * LIFE_EVENTS, "every (state, event) pair has one row");

static const uint8_t ranks[] = {
#define LIFE_STATE(name, rank, text) [LIFE_##name] = rank,
#include "core/lifecycle.def"
};
enum {
#define LIFE_STATE(name, rank, text) RANK_##name = rank,
#include "core/lifecycle.def"
};
/* Ranks never fall, proved row by row. */
#define LIFE(state, event, n, e, no, eo, m)                                   \
	_Static_assert(RANK_##n >= RANK_##state && RANK_##no >= RANK_##state, \
		       #state " on " #event " would fall in rank");
#include "core/lifecycle.def"

static const char *const state_names[] = {
#define LIFE_STATE(name, rank, text) [LIFE_##name] = #name,
#include "core/lifecycle.def"
};
static const char *const state_texts[] = {
#define LIFE_STATE(name, rank, text) [LIFE_##name] = text,
#include "core/lifecycle.def"
};
static const char *const event_names[] = {
#define LIFE_EVENT(name, text) [LIFE_ON_##name] = #name,
#include "core/lifecycle.def"
};
static const char *const event_texts[] = {
#define LIFE_EVENT(name, text) [LIFE_ON_##name] = text,
#include "core/lifecycle.def"
};
static const struct {
	const char *name, *stage, *text;
} errors[] = {
#define LIFE_ERROR(name, stage, text) [LIFE_ERROR_##name] = { #name, stage, text },
#include "core/lifecycle.def"
	[LIFE_ERROR_KEEP] = { "KEEP", "", "" },
	[LIFE_ERROR_GIVEN] = { "GIVEN", "", "" },
	[LIFE_ERROR_CONFIRM] = { "CONFIRM", "", "" },
	[LIFE_ERROR_NO_RECEIPT_OR_KEEP] = { "NO_RECEIPT_OR_KEEP", "", "" },
};
static const char *const mark_names[] = {
	[LIFE_MARK_NORMAL] = "normal",
	[LIFE_MARK_NOTE] = "note",
	[LIFE_MARK_LATE] = "late",
	[LIFE_MARK_DUPLICATE] = "duplicate",
	[LIFE_MARK_CONTRADICTS] = "contradicts",
	[LIFE_MARK_STRAY] = "stray",
};

static enum life_error error_after(uint8_t rule, enum life_error was, enum life_error given)
{
	switch (rule) {
	case LIFE_ERROR_KEEP:
		return was;
	case LIFE_ERROR_GIVEN:
		return given;
	case LIFE_ERROR_CONFIRM:
		return was == LIFE_ERROR_SUBMIT_UNCONFIRMED ? LIFE_ERROR_NO_RECEIPT : was;
	case LIFE_ERROR_NO_RECEIPT_OR_KEEP:
		return was == LIFE_ERROR_RECEIPT_UNKNOWN ? was : LIFE_ERROR_NO_RECEIPT;
	default:
		return (enum life_error)rule;
	}
}

enum life_mark life_apply(struct life *life, enum life_event event, bool open,
			  enum life_error given)
{
	assert((unsigned)life->state < LIFE_STATES && (unsigned)event < LIFE_EVENTS);
	const struct row *row = &table[life->state][event];
	life->state = open ? row->next_open : row->next;
	life->error = error_after(open ? row->error_open : row->error, life->error, given);
	return (enum life_mark)row->mark;
}

/* First that is present decides: a failure ends the whole, then what is least far. */
static const enum life_state fold_order[] = {
	LIFE_FAILED,	LIFE_EXPIRED, LIFE_IN_DOUBT, LIFE_QUEUED,
	LIFE_SUBMITTED, LIFE_SENT,    LIFE_UNKNOWN,  LIFE_DELIVERED,
};
_Static_assert(sizeof(fold_order) / sizeof(fold_order[0]) == LIFE_STATES, "every state folds");

enum life_state life_fold(const uint32_t counts[LIFE_STATES])
{
	for (size_t i = 0; i < LIFE_STATES; i++)
		if (counts[fold_order[i]])
			return fold_order[i];
	assert(!"a message has at least one segment");
	return LIFE_QUEUED;
}

bool life_folds_first(enum life_state a, enum life_state b)
{
	for (size_t i = 0; i < LIFE_STATES; i++) {
		if (fold_order[i] == b)
			return false;
		if (fold_order[i] == a)
			return true;
	}
	return false;
}

const char *life_public_name(struct life life)
{
	switch (life.state) {
	case LIFE_QUEUED:
	case LIFE_SUBMITTED:
		return "QUEUED";
	case LIFE_SENT:
		return life.error == LIFE_ERROR_RECEIPT_UNKNOWN ? "UNKNOWN" : "SENT";
	case LIFE_IN_DOUBT:
	case LIFE_UNKNOWN:
		return "UNKNOWN";
	case LIFE_DELIVERED:
	case LIFE_FAILED:
	case LIFE_EXPIRED:
	case LIFE_STATES:
		break;
	}
	return life_state_name(life.state);
}

bool life_is_final(enum life_state state)
{
	return life_rank(state) >= 2;
}

uint8_t life_rank(enum life_state state)
{
	assert((unsigned)state < LIFE_STATES);
	return ranks[state];
}

const char *life_state_name(enum life_state state)
{
	return (unsigned)state < LIFE_STATES ? state_names[state] : "?";
}

const char *life_state_text(enum life_state state)
{
	return (unsigned)state < LIFE_STATES ? state_texts[state] : "?";
}

const char *life_event_name(enum life_event event)
{
	return (unsigned)event < LIFE_EVENTS ? event_names[event] : "?";
}

const char *life_event_text(enum life_event event)
{
	return (unsigned)event < LIFE_EVENTS ? event_texts[event] : "?";
}

const char *life_error_name(enum life_error error)
{
	return (unsigned)error >= LIFE_ERRORS ? "?" : error ? errors[error].name : "";
}

const char *life_error_stage(enum life_error error)
{
	return (unsigned)error < LIFE_ERRORS ? errors[error].stage : "?";
}

const char *life_error_text(enum life_error error)
{
	return (unsigned)error < LIFE_ERRORS ? errors[error].text : "?";
}

const char *life_mark_name(enum life_mark mark)
{
	return (unsigned)mark < sizeof(mark_names) / sizeof(mark_names[0]) ? mark_names[mark] : "?";
}

struct life_row life_row(enum life_state state, enum life_event event)
{
	const struct row *row = &table[state][event];
	return (struct life_row){
		.next = row->next,
		.next_open = row->next_open,
		.error = errors[row->error].name,
		.error_open = errors[row->error_open].name,
		.mark = row->mark,
	};
}
