/*
 * The path of one message as clients see it: links are labels, outcomes are words. Provider ids,
 * statuses and sessions are for operators, see core/explain.h.
 */
#ifndef CORE_PATH_VIEW_H
#define CORE_PATH_VIEW_H

#include "core/api.h"
#include "core/path.h"

/* GET /api/v1/messages/{bx_message_id}/path: the whole object. The turn may fail. */
void path_view(struct api_call *call, const struct store_order *order,
	       const struct store_message *message);

/* The member "stages"; what they took together. */
int64_t path_view_stages(struct json_writer *json, const struct path *path);

#endif
