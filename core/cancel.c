/* Taking a message back. See cancel.h. */
#include "core/cancel.h"

#include "core/lifecycle.h"

struct cancelled cancel_segment(struct turn *turn, struct work *work, struct segment_ref ref,
				bool by_operator)
{
	struct cancelled cancelled = { .result = CANCEL_NOTHING };
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	if (!orders_segment(turn, &work->rec, ref, &message, &segment, &seg)) {
		cancelled.asked.why = "its record cannot be read";
		return cancelled;
	}
	/* Ended by the cancel of another segment of the message, in this turn or before. */
	bool taken_back = seg->error == STORE_ERROR_CANCELLED;
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
