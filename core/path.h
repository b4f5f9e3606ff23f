/*
 * The execution path of one message: ordered steps from the request to the final state, each with
 * its time, its offset from acceptance and its cause, read from the evidence. Two views: a client
 * sees links as labels and outcomes as words, an operator provider ids, statuses and sessions too.
 */
#ifndef CORE_PATH_H
#define CORE_PATH_H

#include "core/api.h"

enum path_view {
	PATH_CLIENT,
	PATH_OPERATOR,
};

/* Writes the whole object. The turn may fail. */
void path_write(struct api_call *call, const struct store_order *order,
		const struct store_message *message, enum path_view view);

#endif
