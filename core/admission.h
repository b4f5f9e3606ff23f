/*
 * Admission: from an intent to an order, or to one reason why not. The checks run in one fixed
 * order (authentication and the body are behind us): Idempotency-Key, shape, route, authorization,
 * bulk, sender, route shape, rate, country, price, balance, provider, store. Only then, in one step:
 * debit, order, text, messages, queue, key. A refusal has written nothing.
 * The handlers of send_sms and estimate; what becomes of the order is core/scheduler.c and later.
 */
#ifndef CORE_ADMISSION_H
#define CORE_ADMISSION_H

#include "core/api.h"

#define ADMISSION_KEY_OCTETS 128 /* of an Idempotency-Key */
/* From so many pages in use of 1,000 on intents are refused, so that receipts still fit. */
#define ADMISSION_FULL_PERMILLE 800

/* What an order has passed, in its order; NULL past the end. */
const char *admission_check_name(size_t position);

/* POST /api/v1/send_sms and /api/v1/estimate. */
void admission_send(struct api_call *call);
void admission_estimate(struct api_call *call);

#endif
