/*
 * SendResponse: what the client of an order that has been accepted is told, with a bx_message_id for
 * every number. Those of a large order are written in slices after its turn, so that nobody else
 * waits for them. Used by admission.c.
 */
#ifndef CORE_ACCEPTED_H
#define CORE_ACCEPTED_H

#include "core/api.h"
#include "store/record.h"

/* The object up to its messages: further members may follow. */
void accepted_begin(struct api_call *call, const struct store_order *order, int64_t balance_after);

/*
 * Its messages, and its end. `numbers` are the order's in their order; NULL: they are read from its
 * messages.
 */
void accepted_end(struct api_call *call, const struct store_order *order, const uint64_t *numbers);

#endif
