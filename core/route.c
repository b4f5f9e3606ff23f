/* Routes: policy read from the configuration. */
#include "core/route.h"

int64_t route_receipt_deadline_ms(const struct config_route *route, const struct store_order *rec)
{
	if (!route)
		return (int64_t)rec->validity_ms + 2 * 3600 * 1000;
	if (route->receipt_deadline_ms <= route->validity_ms)
		return route->receipt_deadline_ms;
	return route->receipt_deadline_ms + (int64_t)rec->validity_ms - route->validity_ms;
}

int64_t route_retry_ms(const struct config_route *route, uint32_t retry)
{
	const struct config_retries *retries = &route->retries;
	if (retry > retries->count)
		return -1;
	if (!retries->delays.n)
		return 0;
	return retries->delays.ms[retry <= retries->delays.n ? retry - 1 : retries->delays.n - 1];
}

/* What becomes of a message by the usual class of its status. */
static const enum config_status_class usual[] = {
	[SMPP_STATUS_THROTTLE] = CONFIG_STATUS_PAUSE,
	[SMPP_STATUS_RETRY] = CONFIG_STATUS_RETRY,
	[SMPP_STATUS_LINK] = CONFIG_STATUS_REBIND,
	[SMPP_STATUS_BIND] = CONFIG_STATUS_FAIL,
	[SMPP_STATUS_PERMANENT] = CONFIG_STATUS_FAIL,
	[SMPP_STATUS_OPERATION] = CONFIG_STATUS_FAIL,
	[SMPP_STATUS_TRANSACTION] = CONFIG_STATUS_UNDELIVERABLE,
	[SMPP_STATUS_VENDOR] = CONFIG_STATUS_FAIL,
	[SMPP_STATUS_RESERVED] = CONFIG_STATUS_FAIL,
};

enum config_status_class route_status_class(const struct config_provider *provider,
					    uint32_t command_status)
{
	for (size_t i = 0; i < provider->n_statuses; i++)
		if (provider->statuses[i].status == command_status)
			return provider->statuses[i].class;
	return usual[smpp_status(command_status).class];
}

int64_t route_queued_alarm_ms(const struct config_route *route)
{
	int64_t alarm_ms = route->queued_alarm_ms;
	if (route->queue_deadline_ms / 2 < alarm_ms)
		alarm_ms = route->queue_deadline_ms / 2;
	if (route->outcome_deadline_ms / 2 < alarm_ms)
		alarm_ms = route->outcome_deadline_ms / 2;
	return alarm_ms;
}
