/*
 * Retention: what the configuration says may go, goes, in slices that a turn does not feel. Feed,
 * orphans, inbound messages and provider ids go from their oldest end; orders and idempotency keys are looked at in
 * rounds, some at a time. An order goes with its messages, batches, texts and evidence once it is
 * resolved and old enough; a text may go before (keep_text).
 */
#ifndef CORE_RETENTION_H
#define CORE_RETENTION_H

#include "core/turn.h"

#define RETENTION_EVERY_MS 1000
#define RETENTION_RECORDS  500 /* deleted or looked at in one slice, of each kind */

struct retention;

struct retention *retention_new(void);
void retention_free(struct retention *retention);
/* One slice. */
void retention_run(struct turn *turn);

/* Forgets the text of an order; its length and hash stay in the order. */
void retention_forget_text(struct turn *turn, uint64_t order);

#endif
