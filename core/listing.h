/*
 * Finding orders and messages of an account, and listing them. An account sees its own rows only:
 * what is another's is not there. Used by the submit socket.
 */
#ifndef CORE_LISTING_H
#define CORE_LISTING_H

#include "core/api.h"

/* The order of that number, if it is the account's. False: no such order, or the turn failed. */
bool listing_order(struct api_call *call, uint64_t number, struct store_order *order);
/* The message of that public id. False: no such message, or the turn failed. */
bool listing_message(struct api_call *call, const char *id, struct store_order *order,
		     struct store_message *message);

#define LISTING_LIMIT_MOST 500 /* of what one page holds */

/* The query's status, one of `words` (ending in NULL) or a flaw; "" when it is not given. */
void listing_status(struct api_call *call, const char *const *words, char *out, size_t n);

/* GET /api/v1/orders. */
void listing_orders(struct api_call *call);
/* GET /api/v1/dlr, and of one order /api/v1/orders/{number}/dlr; core/listing_messages.c. */
void listing_messages(struct api_call *call);
void listing_messages_of_order(struct api_call *call);

#endif
