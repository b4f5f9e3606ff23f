/* Taking a message back. See cancel.h. */
#include "core/cancel.h"

#include "core/engine.h"
#include "core/history.h"
#include "core/lifecycle.h"

/* What was asked by an earlier run and not answered in it is not being asked any more. */
static bool stands(const struct turn *turn, const struct work *work, struct segment_ref ref,
		   const struct store_seg *seg)
{
	struct history history;
	struct evidence row;
	bool stands = false;
	history_begin(&history, turn->txn, &work->rec, ref, seg);
	while (history_next(&history, &row)) {
		if (row.event == LIFE_ON_CANCEL_ASKED)
			stands = row.at_ms >= turn->engine->started_ms;
		else if (row.event == LIFE_ON_CANCEL_ANSWERED)
			stands = row.has_code && !row.code;
	}
	return stands;
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
	if (seg->state == STORE_STATE_SENT && !by_operator && stands(turn, work, ref, seg)) {
		cancelled.result = CANCEL_ASKED;
		return cancelled;
	}
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
