/*
 * How an order progressed, from the evidence of its messages and so for as long as they are kept:
 * counters over time, its batches, and when it came how far. An order of 50,000 messages takes a
 * while to read: the answer is written in slices.
 */
#ifndef CORE_TIMELINE_H
#define CORE_TIMELINE_H

#include "core/api.h"

/* GET /api/v1/orders/{order_id}/timeline: the account's own. */
api_handler timeline_get;
/* The same for operators: any. */
void timeline_answer(struct api_call *call, const struct store_order *order);

#endif
