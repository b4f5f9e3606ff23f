/*
 * The submit socket: the table of its calls, and the handlers that only read: balance, routes,
 * prices, one message, orders and their messages. Sending is core/admission.c, taking back
 * core/cancel_message.c, events are core/events.c.
 */
#include "core/api.h"

#include <string.h>
#include <strings.h>

#include "core/account.h"
#include "core/activity.h"
#include "core/admission.h"
#include "core/cancel_message.h"
#include "core/compare.h"
#include "core/engine.h"
#include "core/events.h"
#include "core/health.h"
#include "core/inbound_list.h"
#include "core/insight.h"
#include "core/lifecycle.h"
#include "core/listing.h"
#include "core/message_id.h"
#include "core/metrics.h"
#include "core/openapi.h"
#include "core/path_view.h"
#include "core/pricing.h"
#include "core/timeline.h"
#include "core/view.h"

/* ---- the account ---- */

static void get_balance(struct api_call *call)
{
	struct json_writer *json = &call->json;
	const struct store_account *account = &call->account;
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_add_micro(json, "balance", account->balance);
	json_add_text(json, "currency", view_currency(call));
	json_add_bool(json, "sandbox", account->sandbox);
	json_key(json, "username");
	json_put_octets(json, account->name.at, account->name.n);
	json_key(json, "account");
	json_begin_object(json);
	json_key(json, "username");
	json_put_octets(json, account->name.at, account->name.n);
	json_end_object(json);
	json_end_object(json);
}

/* ---- routes ---- */

static void get_routes(struct api_call *call)
{
	const struct config *config = call->engine->config;
	json_begin_object(&call->json);
	json_add_text(&call->json, "status", "success");
	json_key(&call->json, "routes");
	json_begin_array(&call->json);
	for (size_t i = 0; i < config->n_routes; i++)
		view_route(call, &config->routes[i]);
	json_end_array(&call->json);
	json_end_object(&call->json);
}

/* The route that the path names; NULL: refused. */
static const struct config_route *route_of(struct api_call *call)
{
	uint64_t id = api_number(call, 0);
	const struct config_route *route =
		id <= UINT32_MAX ? config_route_find(call->engine->config, (uint32_t)id) : NULL;
	call->route_id = id <= INT32_MAX ? (uint32_t)id : 0;
	if (!route)
		api_refuse_route(call, 404);
	return route;
}

static void get_route(struct api_call *call)
{
	const struct config_route *route = route_of(call);
	if (!route)
		return;
	json_begin_object(&call->json);
	json_add_text(&call->json, "status", "success");
	json_key(&call->json, "route");
	view_route(call, route);
	json_end_object(&call->json);
}

static void get_pricing(struct api_call *call)
{
	struct json_writer *json = &call->json;
	struct pricing pricing;
	const struct config_route *route = route_of(call);
	if (!route)
		return;
	turn_fail(call->turn, pricing_load(call->turn->txn, call->engine->config,
					   call->account.account, route->id, &pricing));
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_add_uint(json, "route_id", route->id);
	json_add_text(json, "currency", view_currency(call));
	json_key(json, "pricing");
	json_begin_array(json);
	for (size_t i = 0; i < pricing.n; i++) {
		const struct price *price = &pricing.prices[i];
		if (i && price->prefix == price[-1].prefix)
			continue; /* the account's own hides it */
		json_begin_object(json);
		json_add_text(json, "country", price->country);
		view_add_number(json, "country_prefix", price->prefix);
		json_add_micro(json, "price", price->micros);
		json_end_object(json);
	}
	json_end_array(json);
	json_end_object(json);
	pricing_release(&pricing);
}

/* ---- one order, one message ---- */

static void get_order(struct api_call *call)
{
	struct store_order order;
	if (listing_order(call, api_number(call, 0), &order))
		view_order(call, &order);
	else if (!turn_failed(call->turn))
		api_refuse_not_found(call, "Order not found.");
}

static void get_dlr(struct api_call *call)
{
	struct store_order order;
	struct store_message message;
	if (listing_message(call, call->params[0], &order, &message))
		view_dlr(call, &order, &message);
	else if (!turn_failed(call->turn))
		api_refuse_not_found(call, "DLR record not found.");
}

static void get_path(struct api_call *call)
{
	static const char *const names[] = { NULL };
	struct store_order order;
	struct store_message message;
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	if (listing_message(call, call->params[0], &order, &message))
		path_view(call, &order, &message);
	else if (!turn_failed(call->turn))
		api_refuse_not_found(call, "DLR record not found.");
}

static void get_events(struct api_call *call)
{
	events_stream(call, call->account.account);
}

/* What is served is the file, octet for octet. */
static void get_openapi(struct api_call *call)
{
	buffer_append(call->body, openapi_json, openapi_json_octets);
}

/* ---- the table ---- */

static const struct api_row rows[] = {
	{ "POST", "/api/v1/send_sms", admission_send, API_ACCOUNT },
	{ "POST", "/api/v1/estimate", admission_estimate, API_ACCOUNT },
	{ "GET", "/api/v1/balance", get_balance, API_ACCOUNT },
	{ "GET", "/api/v1/routes", get_routes, API_ACCOUNT },
	{ "GET", "/api/v1/routes/{route_id}", get_route, API_ACCOUNT },
	{ "GET", "/api/v1/routes/{route_id}/pricing", get_pricing, API_ACCOUNT },
	{ "GET", "/api/v1/dlr", listing_messages, API_ACCOUNT },
	{ "GET", "/api/v1/dlr/{bx_message_id}", get_dlr, API_ACCOUNT },
	{ "GET", "/api/v1/orders", listing_orders, API_ACCOUNT },
	{ "GET", "/api/v1/orders/{order_id}", get_order, API_ACCOUNT },
	{ "GET", "/api/v1/orders/{order_id}/dlr", listing_messages_of_order, API_ACCOUNT },
	{ "GET", "/api/v1/orders/{order_id}/timeline", timeline_get, API_ACCOUNT },
	{ "GET", "/api/v1/messages/compare", compare_get, API_ACCOUNT },
	{ "GET", "/api/v1/messages/{bx_message_id}/path", get_path, API_ACCOUNT },
	{ "POST", "/api/v1/messages/{bx_message_id}/cancel", cancel_message, API_ACCOUNT },
	{ "GET", "/api/v1/events", get_events, API_ACCOUNT },
	{ "GET", "/api/v1/inbound", inbound_list, API_ACCOUNT },
	{ "GET", "/api/v1/insight", insight_get, API_ACCOUNT },
	{ "GET", "/api/v1/activity/summary", activity_summary, API_ACCOUNT },
	{ "GET", "/api/v1/activity/logs", activity_logs, API_ACCOUNT },
	{ "GET", "/api/v1/activity/usage", activity_usage, API_ACCOUNT },
	{ "GET", "/api/v1/activity/endpoints", activity_endpoints, API_ACCOUNT },
	{ "GET", "/api/v1/openapi.json", get_openapi, 0 },
	{ "GET", "/healthz", health_healthz, 0 },
	{ "GET", "/readyz", health_readyz, 0 },
	{ "GET", "/version", health_version, 0 },
	{ "GET", "/metrics", metrics_get, 0 },
};

/* Is it this host, in brackets or not, with or without a port? */
static bool is_host(const char *host, const char *name)
{
	size_t n = strlen(name), bracket = *host == '[';
	if (strncasecmp(host + bracket, name, n) != 0 || (bracket && host[1 + n] != ']'))
		return false;
	const char *rest = host + n + 2 * bracket;
	return !*rest || (*rest == ':' && !rest[1 + strspn(rest + 1, "0123456789")]);
}

/*
 * A page in a browser must not reach the TCP listener under a name of its own: only what means this
 * machine, and what the operator listens on, is ours.
 */
static bool host_is_ours(const struct api_call *call)
{
	const char *const names[] = { "localhost", "127.0.0.1", "::1",
				      call->engine->config->listen.host };
	const char *host = http_header(call->request, "Host");
	if (call->local)
		return true;
	for (size_t i = 0; host && i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i] && is_host(host, names[i]))
			return true;
	return false;
}

void api_handle(struct api_call *call)
{
	static const struct api_error error = {
		.status = 400,
		.code = "host_not_allowed",
		.stage = "protocol",
		.detail = "Host not allowed.",
		.hint = "connect to localhost, 127.0.0.1, [::1] or the host that is listened on",
	};
	if (host_is_ours(call))
		api_dispatch(call, rows, sizeof(rows) / sizeof(rows[0]));
	else
		api_refuse(call, &error);
}
