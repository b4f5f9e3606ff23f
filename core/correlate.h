/*
 * Correlation: a receipt whose id nobody knows, and a segment in doubt, whose id never came. Where
 * the two fit each other and nothing else, the one is a suggestion for the other; the operator
 * takes it, or the provider's join_unique_receipt does. Two that fit are no guess.
 *
 * They fit when the receipt is of the same provider and no older than the attempt, one of its
 * addresses ends as the recipient's number, the other is the sender's or empty, and what it repeats
 * of the text is the text.
 */
#ifndef CORE_CORRELATE_H
#define CORE_CORRELATE_H

#include "core/orphans.h"

/* The orphan that fits this segment in doubt; 0: none, or several do, or it fits several. */
uint64_t correlate_suggest(struct turn *turn, const struct provider *provider,
			   struct segment_ref ref);

/*
 * Joins what fits uniquely among the messages in doubt to numbers with this tail (smpp_number_tail), where
 * the provider says so. To be called when an orphan was kept or a verdict was recorded.
 */
void correlate(struct turn *turn, const struct provider *provider, uint32_t tail);

/* The same for all that is in doubt; at start, when it is known what is. */
void correlate_all(struct turn *turn);

/*
 * Whether a submit to a number with one of these tails (smpp_number_tail) left before came_ms (wall clock)
 * and is not answered yet: what came then may be its receipt.
 */
bool correlate_is_awaited(struct turn *turn, const struct provider *provider,
			  const uint32_t tails[2], int64_t came_ms);
/* The same, or is in doubt; the message of `ref` itself is no doubt. */
bool correlate_is_open(struct turn *turn, const struct provider *provider, const uint32_t tails[2],
		       int64_t came_ms, struct segment_ref ref);

enum correlate_error {
	CORRELATE_OK,
	CORRELATE_PROVIDER,   /* the orphan is another provider's */
	CORRELATE_UNREADABLE, /* its PDU says nothing that could be joined */
	CORRELATE_WAITS,      /* the segment has not been submitted, or waits for its answer */
	CORRELATE_DECIDED,    /* the segment has its outcome */
};
const char *correlate_error_text(enum correlate_error error);

/* Makes the orphan evidence of that segment because an operator says so; then it is no orphan. */
enum correlate_error correlate_join(struct turn *turn, const struct store_orphan *orphan,
				    struct segment_ref ref);

#endif
