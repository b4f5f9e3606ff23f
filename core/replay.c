/* States worked out again. See replay.h. */
#include "core/replay.h"

#include "core/lifecycle.h"

#define ATTEMPT_BIT(attempt) (1ull << ((attempt) % 64))

void replay_begin(struct replay *replay, const struct path *path, int64_t until_ms)
{
	replay->path = path;
	replay->until_ms = until_ms;
	replay->step = 0;
	replay->done = replay->mended = false;
	replay->state = STORE_STATE_QUEUED;
	replay->taken = false;
	for (uint32_t n = 0; n < path->order->parts; n++) {
		replay->segs[n] = (struct store_seg){ .state = STORE_STATE_QUEUED };
		replay->unanswered[n] = 0;
	}
}

/* The row says what became of an attempt whose answer was lost. */
static bool answers_open(const struct replay *replay, const struct path_row *row)
{
	const struct evidence *evidence = &row->evidence;
	if (!evidence->has_submit)
		return evidence->rule == EVIDENCE_RULE_CORRELATION &&
		       replay->segs[row->segment].open_attempts == 1;
	return evidence->event != LIFE_ON_LOST &&
	       replay->unanswered[row->segment] & ATTEMPT_BIT(evidence->attempt);
}

static void apply(struct replay *replay, const struct path_row *row)
{
	const struct evidence *evidence = &row->evidence;
	struct store_seg *seg = &replay->segs[row->segment];
	/* Which error a receipt or a part brought is not kept; for the state any does. */
	enum store_error given = evidence->has_receipt ? STORE_ERROR_UNDELIVERABLE :
							 STORE_ERROR_SUBMIT_ERROR;
	if (answers_open(replay, row)) {
		replay->unanswered[row->segment] &= ~ATTEMPT_BIT(evidence->attempt);
		if (seg->open_attempts)
			seg->open_attempts--;
	}
	life_apply(seg, evidence->event, given);
	if (evidence->event != LIFE_ON_LOST)
		return;
	replay->unanswered[row->segment] |= ATTEMPT_BIT(evidence->attempt);
	seg->open_attempts++;
}

/* Folds the segments; true if that is a change. */
static bool fold(struct replay *replay, int64_t at_ms, struct replay_change *change)
{
	struct life_fold fold = { 0 };
	struct store_message message = { .state = STORE_STATE_QUEUED };
	uint32_t taken = 0, parts = replay->path->order->parts;
	for (uint32_t n = 0; n < parts; n++) {
		life_fold_add(&fold, &replay->segs[n]);
		taken += life_taken(&replay->segs[n]);
	}
	life_fold_set(&fold, &message);
	*change = (struct replay_change){ at_ms, replay->state, (enum store_state)message.state,
					  replay->taken, taken == parts };
	replay->state = change->to;
	replay->taken = change->taken;
	return change->from != change->to || change->was_taken != change->taken;
}

/* Only a release says that a message is out: its record still says QUEUED. */
static enum store_state recorded(enum store_state state)
{
	return state == STORE_STATE_SUBMITTED ? STORE_STATE_QUEUED : state;
}

/* What the record says, where the evidence does not lead there. */
static bool mend(struct replay *replay, struct replay_change *change)
{
	const struct store_message *message = replay->path->message;
	enum store_state state = (enum store_state)message->state;
	bool taken = message->flags & STORE_FLAG_TAKEN;
	int64_t at_ms = (int64_t)message->updated_ms;
	replay->done = true;
	if (at_ms > replay->until_ms ||
	    (recorded(state) == recorded(replay->state) && taken == replay->taken))
		return false;
	replay->mended = true;
	*change = (struct replay_change){ at_ms, replay->state, state, replay->taken, taken };
	return true;
}

bool replay_next(struct replay *replay, struct replay_change *change)
{
	const struct path *path = replay->path;
	while (!replay->done && replay->step < path->n_steps) {
		const struct path_step *step = &path->steps[replay->step++];
		if (step->at_ms > replay->until_ms)
			break;
		if (step->what == PATH_RELEASED)
			life_apply(&replay->segs[step->row->segment], LIFE_ON_RELEASED,
				   STORE_ERROR_NONE);
		else if (step->what == PATH_EVENT)
			apply(replay, step->row);
		else
			continue;
		if (fold(replay, step->at_ms, change))
			return true;
	}
	return !replay->done && mend(replay, change);
}
