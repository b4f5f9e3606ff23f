/*
 * Routes: execution profiles, policy only. What a route's configuration means for an order; no
 * state and no I/O. Used wherever an order meets its route.
 */
#ifndef CORE_ROUTE_H
#define CORE_ROUTE_H

#include "config/config.h"
#include "smpp/status.h"
#include "store/record.h"

/*
 * How long after its last release a segment waits for evidence. A receipt_deadline beyond the
 * route's validity follows the validity that the order asked for; a shorter one was set apart and
 * holds for every order. A route that is no longer configured (NULL) gives validity + 2 h.
 */
int64_t route_receipt_deadline_ms(const struct config_route *route, const struct store_order *rec);

/*
 * How long a message may wait on the route until that is an alarm; 0: it never is. What has waited
 * for half of the time in which it can still go out, or be in time, is told of while that helps.
 */
int64_t route_queued_alarm_ms(const struct config_route *route);

/* The wait before retry number `retry` (from 1); -1: no more retries. */
int64_t route_retry_ms(const struct config_route *route, uint32_t retry);

/* What a command_status in an answer means for the message, the provider's own table first. */
enum config_status_class route_status_class(const struct config_provider *provider,
					    uint32_t command_status);

#endif
