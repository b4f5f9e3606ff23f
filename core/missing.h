/*
 * Missing receipts: where the provider's query_missing_receipt is on, a segment that is SENT and has
 * no receipt is asked about by query_sm at 50 % and once more at 90 % of its receipt_deadline. That
 * must never hold a submit up: it is done only while nothing waits for the provider and a place in
 * its window stays free, one query at a time, at most ten a second and at most a tenth of the rate.
 *
 * How often a segment was asked about stands in its evidence. Kept in memory is one entry for each
 * order whose segments are being asked about just now; after a restart those that were not asked
 * yet wait for the next of the two points.
 */
#ifndef CORE_MISSING_H
#define CORE_MISSING_H

#include "core/orders.h"

struct missing;
struct missing *missing_new(void);
void missing_free(struct missing *missing);
void missing_clear(struct missing *missing);

/*
 * The next point at which a SENT segment is to be asked about, in the clock of deadlines; INT64_MAX:
 * none, or the provider is never asked. Where one has passed unasked, its order is begun.
 */
int64_t missing_look(struct turn *turn, const struct work *work, struct segment_ref ref,
		     const struct store_seg *seg);
/* The first of them, for a segment that was just SENT at released_ms; INT64_MAX. */
int64_t missing_first_ms(const struct engine *engine, const struct work *work, int64_t released_ms);

/* When the next query may be sent, in the clock of deadlines; INT64_MAX. */
int64_t missing_deadline(const struct missing *missing);
/* Asks, within the bounds. Behind the releases of the turn, which go first. */
void missing_run(struct turn *turn);

#endif
