/* The lifecycle table of lifecycle.def as data, and the few functions that read it. */
#include "core/lifecycle.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* Errors of a row that are not errors of a record but say how to find it. */
enum {
	STORE_ERROR_KEEP = STORE_ERRORS,
	STORE_ERROR_GIVEN,
	STORE_ERROR_CONFIRM,
	STORE_ERROR_NO_RECEIPT_OR_KEEP,
};

struct row {
	uint8_t next, error, next_open, error_open, mark;
};

static const struct row table[STORE_STATES][LIFE_EVENTS] = {
#define LIFE(state, event, n, e, no, eo, m)                                            \
	[STORE_STATE_##state][LIFE_ON_##event] = { STORE_STATE_##n, STORE_ERROR_##e,   \
						   STORE_STATE_##no, STORE_ERROR_##eo, \
						   LIFE_MARK_##m },
#include "core/lifecycle.def"
};

/* A pair that stands twice declares its enumerator twice; a missing one leaves the count short. */
enum {
#define LIFE(state, event, n, e, no, eo, m) ROW_##state##_##event,
#include "core/lifecycle.def"
	ROWS
};
_Static_assert(ROWS == STORE_STATES * LIFE_EVENTS, "every (state, event) pair has one row");

enum {
#define STATE(name, number, rank, fold, public) RANK_##name = rank,
#include "store/record.def"
};
/* Ranks never fall, proved row by row. */
#define LIFE(state, event, n, e, no, eo, m)                                   \
	_Static_assert(RANK_##n >= RANK_##state && RANK_##no >= RANK_##state, \
		       #state " on " #event " would fall in rank");
#include "core/lifecycle.def"

static const char *const state_texts[] = {
	[STORE_STATE_QUEUED] = "accepted and durable, no attempt under way",
	[STORE_STATE_SUBMITTED] = "in a release, no verdict yet",
	[STORE_STATE_IN_DOUBT] = "it may or may not have been taken by the provider",
	[STORE_STATE_SENT] = "taken by the provider, no outcome yet",
	[STORE_STATE_UNKNOWN] = "a deadline passed without evidence",
	[STORE_STATE_DELIVERED] = "a receipt says delivered",
	[STORE_STATE_FAILED] = "refused, or a receipt says so",
	[STORE_STATE_EXPIRED] = "its time ran out, here or at the carrier",
};
_Static_assert(sizeof(state_texts) / sizeof(state_texts[0]) == STORE_STATES, "a text for each");

static const char *const event_names[] = {
#define LIFE_EVENT(name, text, told) [LIFE_ON_##name] = #name,
#include "core/lifecycle.def"
};
static const char *const event_texts[] = {
#define LIFE_EVENT(name, text, told) [LIFE_ON_##name] = text,
#include "core/lifecycle.def"
};
static const char *const event_told[] = {
#define LIFE_EVENT(name, text, told) [LIFE_ON_##name] = told,
#include "core/lifecycle.def"
};
/* Only these four have no name in the store. */
static const char *const finding_names[] = { "KEEP", "GIVEN", "CONFIRM", "NO_RECEIPT_OR_KEEP" };

static const char *const error_texts[] = {
	[STORE_ERROR_NONE] = "",
	[STORE_ERROR_SUBMIT_ERROR] = "the provider refused the message",
	[STORE_ERROR_SUBMIT_UNCONFIRMED] =
		"submitted, but no answer came: it may or may not have been sent",
	[STORE_ERROR_QUEUE_EXPIRED] = "its time ran out before the provider took it",
	[STORE_ERROR_UNDELIVERABLE] = "the carrier could not deliver it",
	[STORE_ERROR_DELIVERY_REJECTED] = "the carrier rejected the delivery",
	[STORE_ERROR_DELETED] = "it was deleted at the carrier",
	[STORE_ERROR_DELIVERY_EXPIRED] = "its validity ran out at the carrier",
	[STORE_ERROR_NO_RECEIPT] = "the provider took it, but no receipt came in time",
	[STORE_ERROR_RECEIPT_UNKNOWN] = "the carrier's receipt does not know what became of it",
	[STORE_ERROR_CANCELLED] = "cancelled before it was submitted",
};
_Static_assert(sizeof(error_texts) / sizeof(error_texts[0]) == STORE_ERRORS, "a text for each");
static const char *const mark_names[] = {
	[LIFE_MARK_NORMAL] = "normal",
	[LIFE_MARK_NOTE] = "note",
	[LIFE_MARK_LATE] = "late",
	[LIFE_MARK_DUPLICATE] = "duplicate",
	[LIFE_MARK_CONTRADICTS] = "contradicts",
	[LIFE_MARK_STRAY] = "stray",
};

static enum store_error error_after(unsigned rule, enum store_error was, enum store_error given)
{
	switch (rule) {
	case STORE_ERROR_KEEP:
		return was;
	case STORE_ERROR_GIVEN:
		return given;
	case STORE_ERROR_CONFIRM:
		return was == STORE_ERROR_SUBMIT_UNCONFIRMED ? STORE_ERROR_NO_RECEIPT : was;
	case STORE_ERROR_NO_RECEIPT_OR_KEEP:
		return was == STORE_ERROR_RECEIPT_UNKNOWN ? was : STORE_ERROR_NO_RECEIPT;
	default:
		return (enum store_error)rule;
	}
}

/* A refusal of one attempt says nothing of another that the provider took. */
static bool was_taken(const struct store_seg *seg, enum life_event event)
{
	bool refusal = event == LIFE_ON_REFUSED || event == LIFE_ON_EARLIER_REFUSED ||
		       event == LIFE_ON_REFUSED_FOR_NOW;
	return refusal && seg->state == STORE_STATE_UNKNOWN &&
	       seg->error != STORE_ERROR_SUBMIT_UNCONFIRMED;
}

enum life_mark life_apply(struct store_seg *seg, enum life_event event, enum store_error given)
{
	assert(seg->state < STORE_STATES && (unsigned)event < LIFE_EVENTS);
	const struct row *row = &table[seg->state][event];
	bool open = seg->open_attempts > 0 || was_taken(seg, event);
	seg->state = open ? row->next_open : row->next;
	seg->error = (uint8_t)error_after(open ? row->error_open : row->error,
					  (enum store_error)seg->error, given);
	return (enum life_mark)row->mark;
}

void life_released(struct store_seg *seg, enum store_state state)
{
	seg->state = (uint8_t)state;
}

bool life_taken(const struct store_seg *seg)
{
	return seg->state == STORE_STATE_SENT || seg->state == STORE_STATE_DELIVERED ||
	       seg->error == STORE_ERROR_NO_RECEIPT || seg->error == STORE_ERROR_RECEIPT_UNKNOWN ||
	       !strcmp(store_error_stage((enum store_error)seg->error), "delivery");
}

void life_fold_add(struct life_fold *fold, const struct store_seg *seg)
{
	assert(seg->state < STORE_STATES);
	if (!fold->counts[seg->state]++ || !fold->errors[seg->state])
		fold->errors[seg->state] = (enum store_error)seg->error;
}

void life_fold_set(const struct life_fold *fold, struct store_message *message)
{
	int first = STORE_STATES;
	for (int state = 0; state < STORE_STATES; state++)
		if (fold->counts[state] &&
		    (first == STORE_STATES || store_state_fold((enum store_state)state) <
						      store_state_fold((enum store_state)first)))
			first = state;
	assert(first < STORE_STATES); /* a message has at least one segment */
	message->state = (uint8_t)first;
	message->error = (uint8_t)fold->errors[first];
}

const char *life_shown(enum store_state state, enum store_error error)
{
	if (state == STORE_STATE_SENT && error == STORE_ERROR_RECEIPT_UNKNOWN)
		return store_state_shown(STORE_STATE_UNKNOWN);
	return store_state_shown(state);
}

bool life_is_final(enum store_state state)
{
	return store_state_rank(state) >= 2;
}

const char *life_state_text(enum store_state state)
{
	return (unsigned)state < STORE_STATES ? state_texts[state] : "?";
}

const char *life_event_name(enum life_event event)
{
	return (unsigned)event < LIFE_EVENTS ? event_names[event] : "?";
}

const char *life_event_text(enum life_event event)
{
	return (unsigned)event < LIFE_EVENTS ? event_texts[event] : "?";
}

const char *life_event_told(enum life_event event)
{
	return (unsigned)event < LIFE_EVENTS ? event_told[event] : "?";
}

const char *life_error_text(enum store_error error)
{
	return (unsigned)error < STORE_ERRORS ? error_texts[error] : "?";
}

const char *life_mark_name(enum life_mark mark)
{
	return (unsigned)mark < sizeof(mark_names) / sizeof(mark_names[0]) ? mark_names[mark] : "?";
}

static const char *rule_name(unsigned rule)
{
	if (rule == STORE_ERROR_NONE)
		return "NONE";
	return rule < STORE_ERRORS ? store_error_name((enum store_error)rule) :
				     finding_names[rule - STORE_ERRORS];
}

struct life_row life_row(enum store_state state, enum life_event event)
{
	const struct row *row = &table[state][event];
	return (struct life_row){
		.next = (enum store_state)row->next,
		.next_open = (enum store_state)row->next_open,
		.error = rule_name(row->error),
		.error_open = rule_name(row->error_open),
		.mark = (enum life_mark)row->mark,
	};
}
