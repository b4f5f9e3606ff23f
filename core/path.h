/*
 * The execution path of one message: ordered steps from the request to the final state, each with
 * its time, its offset from acceptance and its cause, read from the evidence. It is for clients:
 * links are labels, outcomes are words. Provider ids, statuses and sessions are for operators, see
 * core/explain.h.
 */
#ifndef CORE_PATH_H
#define CORE_PATH_H

#include "core/api.h"

/* Writes the whole object. The turn may fail. */
void path_write(struct api_call *call, const struct store_order *order,
		const struct store_message *message);

#endif
