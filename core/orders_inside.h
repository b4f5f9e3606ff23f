/* What core/orders.c and core/orders_happen.c, two halves of one module, share beside orders.h. */
#ifndef CORE_ORDERS_INSIDE_H
#define CORE_ORDERS_INSIDE_H

#include "core/orders.h"

/*
 * A record could not be read: NOTFOUND is nothing, CORRUPT is left alone and told, anything else
 * fails the turn.
 */
void orders_unreadable(struct turn *turn, enum store_err err, const char *kind, uint64_t order,
		       uint32_t index);

/* Where its messages count; NULL: nowhere, or the turn failed. */
struct cohort *orders_cohort(struct turn *turn, struct work *work);

/* Counts a message in its order and batch (by 1), or takes it out again (by -1) before it changes. */
void orders_tally(struct turn *turn, struct work *work, const struct store_message *message,
		  int by);

#endif
