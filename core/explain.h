/*
 * Explains a message in words: why it is in its state, each step that led there with its time and
 * cause, what was unusual, and what would still change it. For operators: it names links and
 * provider ids. Everything it says is read from the records and from the lifecycle's table; it
 * keeps nothing of its own.
 */
#ifndef CORE_EXPLAIN_H
#define CORE_EXPLAIN_H

#include "core/json.h"
#include "core/orders.h"

struct explain {
	const struct turn *turn; /* to read through */
	const struct store_order *order;
	struct store_message *message; /* as it was read */
	const char *id;		       /* bx_message_id */
	const char *msisdn;	       /* as it is to be shown */
	const char *account;
};

/* Members of an object that is open: because, steps, unusual, would_change and what names it. */
void explain_message(const struct explain *explain, struct json_writer *json);

#endif
