/*
 * Two messages' paths, compared: what both had in common when they were asked for, and where they
 * went different ways. A table of facts, each read from the records and from the paths; ordered by
 * stage, so that the first difference behind the request is where they parted. What is not recorded
 * cannot be compared, and then it is said so.
 */
#ifndef CORE_COMPARE_H
#define CORE_COMPARE_H

#include "core/api.h"
#include "core/message_id.h"

struct compare_pair {
	char ids[2][MESSAGE_ID_OCTETS];
	struct store_order orders[2];
	struct store_message messages[2];
	bool masked; /* telephone numbers but for their last three digits */
};

/* GET /api/v1/messages/compare: two of the account's own. */
api_handler compare_get;

/* The query's a and b; what else it says but `names` (ending in NULL) is a flaw. False: refused. */
bool compare_ids(struct api_call *call, struct compare_pair *pair, const char *const *names);
/* Writes the answer about a pair that is filled. The turn may fail. */
void compare_answer(struct api_call *call, const struct compare_pair *pair);

#endif
