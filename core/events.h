/*
 * The feed as a stream: Server-Sent Events, or one JSON object a line. A reader is a cursor into the
 * store, so nothing is kept for it and a slow one costs nobody anything. It resumes behind the id it
 * saw last; where the feed no longer reaches back so far it is told by a `gap` event.
 */
#ifndef CORE_EVENTS_H
#define CORE_EVENTS_H

#include "core/api.h"

#define EVENTS_ALL_ACCOUNTS 0 /* an operator's stream: links, alarms and every account */

/* GET …/events?since=ID&types=a,b&order_id=N with Last-Event-ID. */
void events_stream(struct api_call *call, uint32_t account);

#endif
