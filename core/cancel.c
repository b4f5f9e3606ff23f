/* Taking a message back. See cancel.h. */
#include "core/cancel.h"

#include "core/engine.h"
#include "core/history.h"
#include "core/lifecycle.h"

/* What clients have asked about a segment so far. */
struct tried {
	bool stands; /* not answered yet, or agreed to */
	uint32_t n;
};

/* What was asked by an earlier run and not answered in it is not being asked any more. */
static struct tried tried(const struct turn *turn, const struct work *work, struct segment_ref ref,
			  const struct store_seg *seg)
{
	struct history history;
	struct evidence row;
	struct tried tried = { .n = 0 };
	history_begin(&history, turn->txn, &work->rec, ref, seg);
	while (history_next(&history, &row)) {
		if (row.event == LIFE_ON_CANCEL_ASKED) {
			tried.stands = row.at_ms >= turn->engine->started_ms;
			tried.n += !row.by_operator;
		} else if (row.event == LIFE_ON_CANCEL_ANSWERED) {
			tried.stands = row.has_code && !row.code;
		}
	}
	return tried;
}

/* Has a client's wish been granted, or been made too often? Then nothing is sent. */
static bool told_already(struct turn *turn, struct work *work, struct segment_ref ref,
			 const struct store_seg *seg, struct cancelled *cancelled)
{
	static const char often[] = "the provider was asked for it as often as it may be: only a "
				    "receipt tells the outcome";
	if (seg->state != STORE_STATE_SENT && seg->state != STORE_STATE_UNKNOWN)
		return false;
	struct tried before = tried(turn, work, ref, seg);
	if (before.stands)
		cancelled->result = CANCEL_ASKED;
	else if (before.n >= CANCEL_CLIENT_MAX)
		cancelled->asked.why = cancelled->asked.told = often;
	return before.stands || before.n >= CANCEL_CLIENT_MAX;
}

struct cancelled cancel_segment(struct turn *turn, struct work *work, struct segment_ref ref,
				bool by_operator)
{
	struct cancelled cancelled = { .result = CANCEL_NOTHING };
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	if (!orders_segment(turn, &work->rec, ref, &message, &segment, &seg)) {
		cancelled.asked.why = cancelled.asked.told = "its record cannot be read";
		return cancelled;
	}
	/* Ended by the cancel of another segment of the message, in this turn or before. */
	bool taken_back = seg->error == STORE_ERROR_CANCELLED;
	if (!by_operator && told_already(turn, work, ref, seg, &cancelled))
		return cancelled;
	if (seg->state != STORE_STATE_QUEUED && !taken_back) {
		struct ask_wish wish = {
			.kind = ASK_CANCEL, .work = work, .ref = ref, .by_operator = by_operator
		};
		cancelled.asked = ask_segment(turn, &wish);
		cancelled.result = cancelled.asked.why ? CANCEL_NOTHING : CANCEL_ASKED;
		return cancelled;
	}
	cancelled.result = CANCEL_DONE;
	if (!taken_back)
		orders_happen(turn, ref,
			      &(struct happening){ .event = LIFE_ON_CANCELLED,
						   .evidence = { .by_operator = by_operator } });
	return cancelled;
}
