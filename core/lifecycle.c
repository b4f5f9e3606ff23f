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

static const struct {
	const char *name, *public;
	uint8_t rank;
} states[] = {
#define STATE(name, number, rank, public) [LIFE_##name] = { #name, public, rank },
#include "store/record.def"
};
enum {
#define STATE(name, number, rank, public) RANK_##name = rank,
#include "store/record.def"
};
/* Ranks never fall, proved row by row. */
#define LIFE(state, event, n, e, no, eo, m)                                   \
	_Static_assert(RANK_##n >= RANK_##state && RANK_##no >= RANK_##state, \
		       #state " on " #event " would fall in rank");
#include "core/lifecycle.def"

static const char *const state_texts[] = {
	[LIFE_QUEUED] = "accepted and durable, no attempt under way",
	[LIFE_SUBMITTED] = "in a release, no verdict yet",
	[LIFE_IN_DOUBT] = "it may or may not have been taken by the provider",
	[LIFE_SENT] = "taken by the provider, no outcome yet",
	[LIFE_UNKNOWN] = "a deadline passed without evidence",
	[LIFE_DELIVERED] = "a receipt says delivered",
	[LIFE_FAILED] = "refused, or a receipt says so",
	[LIFE_EXPIRED] = "its time ran out, here or at the carrier",
};
_Static_assert(sizeof(state_texts) / sizeof(state_texts[0]) == LIFE_STATES, "a text for each");

static const char *const event_names[] = {
#define LIFE_EVENT(name, text) [LIFE_ON_##name] = #name,
#include "core/lifecycle.def"
};
static const char *const event_texts[] = {
#define LIFE_EVENT(name, text) [LIFE_ON_##name] = text,
#include "core/lifecycle.def"
};
static const struct {
	const char *name, *stage;
} errors[] = {
#define ERROR(name, number, stage) [LIFE_ERROR_##name] = { #name, stage },
#include "store/record.def"
	[LIFE_ERROR_KEEP] = { "KEEP", "" },
	[LIFE_ERROR_GIVEN] = { "GIVEN", "" },
	[LIFE_ERROR_CONFIRM] = { "CONFIRM", "" },
	[LIFE_ERROR_NO_RECEIPT_OR_KEEP] = { "NO_RECEIPT_OR_KEEP", "" },
};
static const char *const error_texts[] = {
	[LIFE_ERROR_NONE] = "",
	[LIFE_ERROR_SUBMIT_ERROR] = "the provider refused the message",
	[LIFE_ERROR_SUBMIT_UNCONFIRMED] =
		"submitted, but no answer came: it may or may not have been sent",
	[LIFE_ERROR_QUEUE_EXPIRED] = "its time ran out before the provider took it",
	[LIFE_ERROR_UNDELIVERABLE] = "the carrier could not deliver it",
	[LIFE_ERROR_DELIVERY_REJECTED] = "the carrier rejected the delivery",
	[LIFE_ERROR_DELETED] = "it was deleted at the carrier",
	[LIFE_ERROR_DELIVERY_EXPIRED] = "its validity ran out at the carrier",
	[LIFE_ERROR_NO_RECEIPT] = "the provider took it, but no receipt came in time",
	[LIFE_ERROR_RECEIPT_UNKNOWN] = "the carrier's receipt does not know what became of it",
	[LIFE_ERROR_CANCELLED] = "cancelled before it was submitted",
};
_Static_assert(sizeof(error_texts) / sizeof(error_texts[0]) == LIFE_ERRORS, "a text for each");
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
	assert((unsigned)life.state < LIFE_STATES);
	if (life.state == LIFE_SENT && life.error == LIFE_ERROR_RECEIPT_UNKNOWN)
		return states[LIFE_UNKNOWN].public;
	return states[life.state].public;
}

bool life_is_final(enum life_state state)
{
	return life_rank(state) >= 2;
}

uint8_t life_rank(enum life_state state)
{
	assert((unsigned)state < LIFE_STATES);
	return states[state].rank;
}

const char *life_state_name(enum life_state state)
{
	return (unsigned)state < LIFE_STATES ? states[state].name : "?";
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
	return (unsigned)error < LIFE_ERRORS ? error_texts[error] : "?";
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
