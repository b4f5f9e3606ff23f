/* Control: the table of the operators' verbs, and how the daemon is doing. See control.h. */
#include "core/control.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/account.h"
#include "core/dialect.h"
#include "core/events.h"
#include "core/inbound_list.h"
#include "core/insight.h"
#include "core/lifecycle.h"
#include "core/orders.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/provider.h"
#include "core/reload.h"
#include "core/tap_recall.h"
#include "core/tap_stream.h"
#include "core/view.h"

#define STATUS_ORDERS 1000 /* the newest ones, whose outcomes are summed up */

static void events(struct api_call *call)
{
	events_stream(call, EVENTS_ALL_ACCOUNTS);
}

static const struct api_row control_rows[] = {
	{ "GET", "/control/v1/status", control_status, 0 },
	{ "GET", "/control/v1/links", control_links, 0 },
	{ "POST", "/control/v1/links/{name}/up", control_link_up, 0 },
	{ "POST", "/control/v1/links/{name}/down", control_link_down, 0 },
	{ "POST", "/control/v1/links/{name}/rebind", control_link_rebind, 0 },
	{ "POST", "/control/v1/providers/{name}/pause", control_provider_pause, 0 },
	{ "POST", "/control/v1/providers/{name}/resume", control_provider_resume, 0 },
	{ "POST", "/control/v1/routes/{number}/pause", control_route_pause, 0 },
	{ "POST", "/control/v1/routes/{number}/resume", control_route_resume, 0 },
	{ "POST", "/control/v1/reload", control_reload, 0 },
	{ "GET", "/control/v1/doubts", control_doubts, 0 },
	{ "POST", "/control/v1/doubts/{message}/close", control_doubt_close, 0 },
	{ "POST", "/control/v1/doubts/{message}/resend", control_doubt_resend, 0 },
	{ "GET", "/control/v1/orphans", control_orphans, 0 },
	{ "POST", "/control/v1/orphans/{number}/join", control_orphan_join, 0 },
	{ "POST", "/control/v1/orphans/{number}/drop", control_orphan_drop, 0 },
	{ "GET", "/control/v1/inbound", control_inbound_list, 0 },
	{ "GET", "/control/v1/inbound/{number}", control_inbound_show, 0 },
	{ "GET", "/control/v1/audit", control_audit_list, 0 },
	{ "GET", "/control/v1/orders", control_orders, 0 },
	{ "GET", "/control/v1/orders/{number}", control_order, 0 },
	{ "GET", "/control/v1/orders/{number}/timeline", control_timeline, 0 },
	{ "GET", "/control/v1/orders/{number}/messages", control_messages, 0 },
	{ "GET", "/control/v1/messages/compare", control_compare, 0 },
	{ "GET", "/control/v1/messages/{message}", control_message, 0 },
	{ "GET", "/control/v1/messages/{message}/explain", control_explain, 0 },
	{ "POST", "/control/v1/messages/{message}/query", control_query, 0 },
	{ "POST", "/control/v1/messages/{message}/cancel", control_cancel, 0 },
	{ "POST", "/control/v1/messages/{message}/replace", control_replace, 0 },
	{ "GET", "/control/v1/asks/{number}", control_ask, 0 },
	{ "GET", "/control/v1/insight", insight_control, 0 },
	{ "GET", "/control/v1/recount", control_recount, 0 },
	{ "GET", "/control/v1/events", events, 0 },
	{ "GET", "/control/v1/lifecycle", control_lifecycle, 0 },
	{ "GET", "/control/v1/accounts", control_accounts, 0 },
	{ "POST", "/control/v1/accounts", control_account_create, 0 },
	{ "POST", "/control/v1/accounts/import", control_account_import, 0 },
	{ "GET", "/control/v1/accounts/{name}", control_account_show, 0 },
	{ "POST", "/control/v1/accounts/{name}/change", control_account_change, 0 },
	{ "POST", "/control/v1/accounts/{name}/allow", control_account_allow, 0 },
	{ "POST", "/control/v1/accounts/{name}/deny", control_account_deny, 0 },
	{ "GET", "/control/v1/accounts/{name}/keys", control_account_keys, 0 },
	{ "POST", "/control/v1/accounts/{name}/keys", control_account_key_add, 0 },
	{ "POST", "/control/v1/accounts/{name}/keys/revoke", control_account_key_revoke, 0 },
	{ "GET", "/control/v1/accounts/{name}/prices", control_account_prices, 0 },
	{ "POST", "/control/v1/accounts/{name}/prices", control_account_price, 0 },
	{ "POST", "/control/v1/accounts/{name}/prices/{number}/{number}/delete",
	  control_account_price_delete, 0 },
	{ "POST", "/control/v1/accounts/{name}/topup", control_account_topup, 0 },
	{ "POST", "/control/v1/accounts/{name}/adjust", control_account_adjust, 0 },
	{ "GET", "/control/v1/accounts/{name}/ledger", control_account_ledger, 0 },
	{ "GET", "/control/v1/ledger/verify", control_ledger_verify, 0 },
	{ "POST", "/control/v1/store/check", control_store_check, 0 },
	{ "GET", "/metrics", metrics_get, 0 },
};
static const struct api_row tap_rows[] = {
	{ "GET", "/tap/v1/stream", tap_stream, 0 },
	{ "GET", "/tap/v1/messages/{message}", tap_recall_message, 0 },
	{ "GET", "/tap/v1/orders/{number}", tap_recall_order, 0 },
};

void control_handle(struct api_call *call)
{
	if (call->socket == API_TAP)
		api_dispatch(call, tap_rows, sizeof(tap_rows) / sizeof(tap_rows[0]));
	else
		api_dispatch(call, control_rows, sizeof(control_rows) / sizeof(control_rows[0]));
}

/* ---- what handlers share ---- */

uint32_t control_caller(const struct api_call *call)
{
	return call->local ? (uint32_t)call->uid + 1 : 0;
}

void control_audit_put(struct turn *turn, uint32_t uid, const char *text)
{
	struct store_audit audit = {
		.seq = store_next(turn->txn, STORE_NEXT_AUDIT),
		.at_ms = (uint64_t)turn->at_ms,
		.uid = uid,
		.verb = { (const uint8_t *)text, (uint32_t)strlen(text) },
	};
	turn_fail(turn, store_audit_put(turn->txn, &audit));
}

void control_audit(struct api_call *call, const char *verb, ...)
{
	char text[512];
	va_list args;
	va_start(args, verb);
	vsnprintf(text, sizeof(text), verb, args);
	va_end(args);
	control_audit_put(call->turn, control_caller(call), text);
}

void control_add_percent(struct json_writer *json, const char *key, uint64_t part, uint64_t whole)
{
	if (whole)
		json_add_micro(json, key, (int64_t)((part * 10000 + whole / 2) / whole) * 10000);
	else
		json_add_null(json, key);
}

void control_end_list(struct json_writer *json, enum store_err err, uint64_t last)
{
	json_end_array(json);
	json_key(json, "next");
	if (err == STORE_NOTFOUND)
		json_put_null(json);
	else
		json_put_uint(json, last);
	json_end_object(json);
}

void control_add_time(struct json_writer *json, const char *key, uint64_t at_ms)
{
	json_key(json, key);
	api_put_time(json, at_ms);
}

void control_add_carrier(struct api_call *call, const struct config_route *route,
			 const struct store_order *order)
{
	const struct config_provider *carrier =
		route ? provider_carrying(call->engine, route, order->sandbox) : NULL;
	json_add_text(&call->json, "provider", carrier ? carrier->name : NULL);
}

void control_add_account(struct api_call *call, const char *key, uint32_t account)
{
	struct store_account rec = { .account = account };
	char gone[32];
	if (store_account_get(call->turn->txn, &rec) == STORE_OK) {
		view_add_octets(&call->json, key, rec.name);
		return;
	}
	snprintf(gone, sizeof(gone), "account %u, gone", account);
	json_add_text(&call->json, key, gone);
}

const char *control_msisdn(uint64_t msisdn, bool full, char out[24])
{
	int n = snprintf(out, 24, "%llu", (unsigned long long)msisdn);
	for (int i = 0; !full && i < n - 3; i++)
		out[i] = '*';
	return out;
}

bool control_find_order(struct api_call *call, uint64_t number, struct store_order *order)
{
	order->order = number;
	enum store_err err = store_order_get(call->turn->txn, order);
	if (err == STORE_OK)
		return true;
	if (err == STORE_NOTFOUND)
		api_refuse_not_found(call, "Order not found.");
	else if (err == STORE_CORRUPT)
		api_refuse_unavailable(call, "store_corrupt",
				       "The order's record is corrupt; run: esmectl store check");
	else
		turn_fail(call->turn, err);
	return false;
}

bool control_find_account(struct api_call *call, struct store_account *account)
{
	enum store_err err = account_by_name(call->turn->txn, call->params[0], account);
	if (err == STORE_NOTFOUND)
		api_refuse_not_found(call, "There is no account of that name.");
	else
		turn_fail(call->turn, err);
	return err == STORE_OK;
}

/* ---- status ---- */

/* What the newest orders have come to. */
struct sums {
	uint64_t looked_at, orders, total, delivered, failed, expired, unknown, pending, in_doubt;
	uint64_t taken, refused, unanswered, on_time, late;
	bool all; /* there are no more orders than these */
};

static void sum_up(struct store_txn *txn, struct sums *sums)
{
	struct store_order order = { .order = UINT64_MAX };
	enum store_err err = store_order_prev(txn, &order, 0);
	for (; sums->looked_at < STATUS_ORDERS && err != STORE_NOTFOUND;
	     err = store_order_prev(txn, &order, 0)) {
		sums->looked_at++;
		if (err == STORE_CORRUPT || order.sandbox)
			continue;
		if (err)
			return;
		sums->orders++;
		sums->total += order.total;
		sums->delivered += order.delivered;
		sums->failed += order.failed;
		sums->expired += order.expired;
		sums->unknown += order.unknown;
		sums->pending += orders_pending(&order);
		sums->in_doubt += order.in_doubt;
		sums->taken += order.taken;
		sums->refused += order.refused;
		sums->unanswered += order.unanswered;
		sums->on_time += order.on_time;
		sums->late += order.late;
	}
	sums->all = err == STORE_NOTFOUND;
}

/* Outcome first: it is what the customers have. */
static void put_layers(struct json_writer *json, const struct sums *sums)
{
	json_key(json, "outcome");
	json_begin_object(json);
	control_add_percent(json, "on_time_pct", sums->on_time, sums->total - sums->pending);
	json_add_uint(json, "on_time", sums->on_time);
	json_add_uint(json, "late", sums->late);
	json_add_uint(json, "delivered", sums->delivered);
	json_add_uint(json, "failed", sums->failed);
	json_add_uint(json, "expired", sums->expired);
	json_add_uint(json, "unknown", sums->unknown);
	json_add_uint(json, "pending", sums->pending);
	json_add_uint(json, "in_doubt", sums->in_doubt);
	json_end_object(json);
	json_key(json, "execution");
	json_begin_object(json);
	control_add_percent(json, "taken_pct", sums->taken,
			    sums->taken + sums->refused + sums->unanswered);
	json_add_uint(json, "taken", sums->taken);
	json_add_uint(json, "refused", sums->refused);
	json_add_uint(json, "unanswered", sums->unanswered);
	json_end_object(json);
	json_key(json, "api");
	json_begin_object(json);
	json_add_uint(json, "orders", sums->orders);
	json_add_uint(json, "messages", sums->total);
	json_end_object(json);
	json_key(json, "counted");
	json_begin_object(json);
	json_add_uint(json, "orders", sums->orders);
	json_add_bool(json, "all", sums->all);
	json_end_object(json);
}

static void put_dialect(struct json_writer *json, const struct store_dialect *rec, const char *key)
{
	enum smpp_id_dialect proposed = dialect_proposed(rec);
	json_key(json, key);
	json_begin_object(json);
	json_add_text(json, "applied",
		      rec->applied ? smpp_id_dialect_name((enum smpp_id_dialect)rec->applied) :
				     NULL);
	control_add_time(json, "since", rec->applied ? rec->since_ms : 0);
	json_add_text(json, "proposed", proposed ? smpp_id_dialect_name(proposed) : NULL);
	json_key(json, "recent_pairs");
	json_begin_object(json);
	json_add_uint(json, "exact", rec->exact);
	json_add_uint(json, "hex_to_dec", rec->hex_to_dec);
	json_add_uint(json, "dec_to_hex", rec->dec_to_hex);
	json_end_object(json);
	json_add_uint(json, "counter_examples", rec->against);
	control_add_time(json, "withdrawn_at", rec->withdrawn_ms);
	json_end_object(json);
}

static void put_receipts(const struct turn *turn, const struct provider *provider,
			 struct json_writer *json)
{
	const struct unmatched *unmatched = &provider->unmatched;
	struct store_dialect text = dialect_read(turn->txn, provider->number, SMPP_RECEIPT_TEXT_ID);
	struct store_dialect tlv = dialect_read(turn->txn, provider->number, SMPP_RECEIPT_TLV_ID);
	json_key(json, "receipts");
	json_begin_object(json);
	json_add_uint(json, "matched", unmatched->counts[UNMATCHED_MATCHED]);
	json_add_uint(json, "joined", unmatched->counts[UNMATCHED_JOINED]);
	json_add_uint(json, "unmatched", unmatched_total(unmatched));
	json_end_object(json);
	json_key(json, "message_id_dialect");
	json_begin_object(json);
	json_add_text(json, "setting", config_dialect_word(provider->config->message_id_dialect));
	put_dialect(json, &text, "text");
	put_dialect(json, &tlv, "tlv");
	json_end_object(json);
}

/* Links that are not bound, and why: what somebody looks for at night. */
static void put_down(const struct engine *engine, const struct provider *provider,
		     struct json_writer *json)
{
	json_key(json, "down");
	json_begin_array(json);
	for (size_t i = 0; i < provider->n_links; i++) {
		const struct link *link = provider->links[i];
		if (link->state == LINK_BOUND || !provider->config->enabled ||
		    link_rests(engine, link))
			continue;
		json_begin_object(json);
		json_add_text(json, "link", link->name);
		json_add_text(json, "state", link_state_name(link->state));
		json_add_text(json, "reason", *link->reason ? link->reason : NULL);
		json_end_object(json);
	}
	json_end_array(json);
}

static void put_provider(const struct turn *turn, const struct provider *provider,
			 struct json_writer *json)
{
	struct engine *engine = turn->engine;
	uint64_t bound = 0, outstanding = 0, fallbacks = 0;
	for (size_t i = 0; i < provider->n_trunks; i++)
		fallbacks += provider->trunks[i]->pair_since_ms != 0;
	for (size_t i = 0; i < provider->n_links; i++) {
		bound += provider->links[i]->state == LINK_BOUND;
		outstanding += provider->links[i]->outstanding;
	}
	json_begin_object(json);
	json_add_text(json, "name", provider->config->name);
	json_add_text(json, "kind",
		      provider->config->kind == CONFIG_KIND_SANDBOX ? "sandbox" : "smpp");
	json_add_bool(json, "usable", provider_usable(engine, provider->config));
	json_add_bool(json, "paused", provider->paused);
	json_add_text(json, "blocked_reason", provider_blocked(engine, provider->config));
	json_add_uint(json, "links", provider->n_links);
	json_add_uint(json, "links_bound", bound);
	json_add_uint(json, "fallbacks", fallbacks);
	json_add_uint(json, "outstanding", outstanding);
	json_add_int(json, "pace_percent",
		     (int)(100 * provider_pace(provider, port_now_ms(engine->port))));
	json_add_uint(json, "queued", queue_provider_depth(engine->queue, provider->index));
	put_receipts(turn, provider, json);
	put_down(engine, provider, json);
	json_end_object(json);
}

/* How long what waits longest on the route could have gone out; null: nothing waits. */
static void put_oldest(const struct turn *turn, uint32_t route, struct json_writer *json)
{
	int64_t since_ms;
	if (queue_oldest(turn->engine->queue, route, &since_ms))
		json_add_int(json, "oldest_queued_ms",
			     turn->due_ms > since_ms ? turn->due_ms - since_ms : 0);
	else
		json_add_null(json, "oldest_queued_ms");
}

static void put_providers(const struct turn *turn, struct json_writer *json)
{
	struct engine *engine = turn->engine;
	const struct config *config = engine->config;
	json_key(json, "providers");
	json_begin_array(json);
	for (size_t i = 0; i < engine->n_providers; i++)
		put_provider(turn, engine->providers[i], json);
	json_end_array(json);
	json_key(json, "routes");
	json_begin_array(json);
	for (size_t i = 0; i < config->n_routes; i++) {
		const struct config_route *route = &config->routes[i];
		json_begin_object(json);
		json_add_uint(json, "route_id", route->id);
		json_add_text(json, "name", route->name);
		json_add_text(json, "provider", route->provider->name);
		json_add_bool(json, "paused", queue_route_paused(engine->queue, route->id));
		json_add_uint(json, "queued", queue_depth(engine->queue, route->id));
		put_oldest(turn, route->id, json);
		json_add_text(json, "blocked_reason", provider_route_blocked(engine, route, false));
		json_end_object(json);
	}
	json_end_array(json);
	json_key(json, "alarms");
	json_begin_array(json);
	for (const struct alarm *alarm = engine->alarms; alarm; alarm = alarm->next) {
		json_begin_object(json);
		json_add_text(json, "name", alarm->name);
		json_add_time(json, "since", alarm->since_ms);
		json_add_text(json, "text", alarm->text);
		json_end_object(json);
	}
	json_end_array(json);
}

static void put_engine(struct engine *engine, struct json_writer *json)
{
	struct store_info info;
	store_info(engine->store, &info);
	json_add_text(json, "durability", info.unproven ? "unproven" : "synced");
	json_key(json, "store");
	json_begin_object(json);
	json_add_uint(json, "size_octets", info.size_octets);
	json_add_uint(json, "used_octets", store_used_octets(engine->store));
	json_add_uint(json, "used_permille", store_used_permille(engine->store));
	json_add_uint(json, "last_txn", info.last_txn);
	json_add_uint(json, "incarnation", info.incarnation);
	json_add_uint(json, "ids", info.ids);
	json_end_object(json);
	json_key(json, "engine");
	json_begin_object(json);
	json_add_uint(json, "turns", engine->turns);
	json_add_uint(json, "commits", engine->commits);
	json_add_int(json, "turn_us_max", engine->turns_took.max_us);
	json_add_uint(json, "inputs", engine->n_inputs);
	json_add_uint(json, "log_dropped", log_dropped());
	json_end_object(json);
}

static void put_config(const struct engine *engine, struct json_writer *json)
{
	json_key(json, "config");
	json_begin_object(json);
	json_add_text(json, "file", engine->source ? engine->source->path : NULL);
	json_add_uint(json, "generation", engine->generation->number);
	json_add_time(json, "loaded_at", engine->generation->at_ms);
	json_add_text(json, "digest", engine->generation->digest);
	json_end_object(json);
}

void control_status(struct api_call *call)
{
	struct json_writer *json = &call->json;
	struct engine *engine = call->engine;
	struct sums sums = { 0 };
	sum_up(call->turn->txn, &sums);
	json_begin_object(json);
	json_add_text(json, "version", ESMED_VERSION);
	json_add_time(json, "started_at", engine->started_ms);
	json_add_int(json, "uptime_ms", call->turn->due_ms - engine->started_ms);
	json_add_bool(json, "draining", engine->draining);
	put_config(engine, json);
	put_layers(json, &sums);
	put_providers(call->turn, json);
	put_engine(engine, json);
	json_end_object(json);
}

/* ---- links ---- */

static const char *bind_name(uint32_t command_id)
{
	switch (command_id) {
	case SMPP_bind_transceiver:
		return "transceiver";
	case SMPP_bind_transmitter:
		return "transmitter";
	case SMPP_bind_receiver:
		return "receiver";
	default:
		return "?";
	}
}

static void put_link(const struct engine *engine, const struct link *link, int64_t now_ms,
		     struct json_writer *json)
{
	const struct trunk *trunk = link->trunk;
	const char *waits_for = link_waits_for(engine, link, now_ms);
	bool retries = waits_for && !trunk->up_for_down && link->provider->config->enabled;
	int64_t retry_ms = retries ? link_retry_ms(link) : 0;
	json_begin_object(json);
	json_add_text(json, "name", link->name);
	json_add_text(json, "link", trunk->name);
	json_add_text(json, "provider", link->provider->config->name);
	json_add_text(json, "bind", bind_name(link->bind_command_id));
	json_add_text(json, "configured", config_bind_word(trunk->config->bind));
	control_add_time(json, "fallback_since", (uint64_t)trunk->pair_since_ms);
	json_add_uint(json, "calls_refused", trunk->calls_refused);
	json_add_bool(json, "tls", trunk->tls);
	json_add_text(json, "tls_session", *link->tls_text ? link->tls_text : NULL);
	control_add_time(json, "peer_certificate_until", (uint64_t)link->peer_end.ms);
	control_add_time(json, "certificate_until", (uint64_t)trunk->tls_ends.own.ms);
	control_add_time(json, "ca_until", (uint64_t)trunk->tls_ends.ca.ms);
	json_add_text(json, "state", link_state_name(link->state));
	control_add_time(json, "since", (uint64_t)link->since_ms);
	json_add_text(json, "reason", *link->reason ? link->reason : NULL);
	json_add_text(json, "peer", *link->peer ? link->peer : NULL);
	json_add_uint(json, "session", link->session_number);
	json_add_bool(json, "ready", link->ready);
	json_add_uint(json, "peer_version", link->peer_version);
	json_add_bool(json, "tlvs_sent", link->tlvs_allowed);
	json_add_bool(json, "taken_down", trunk->up_for_down);
	json_add_bool(json, "leaving", trunk->held);
	json_add_uint(json, "window", link->provider->config->window);
	json_add_uint(json, "outstanding", link->outstanding);
	json_add_int(json, "paused_ms",
		     link->paused_until_ms > now_ms ? link->paused_until_ms - now_ms : 0);
	json_add_int(json, "retry_in_ms", retry_ms > now_ms ? retry_ms - now_ms : 0);
	json_add_text(json, "waits_for", waits_for);
	json_add_uint(json, "failures", link->failures);
	json_add_uint(json, "refused_status", link->refused_status);
	json_add_uint(json, "submits", link->submits);
	json_add_uint(json, "answers", link->answers);
	json_add_uint(json, "receipts", link->receipts);
	json_add_uint(json, "throttles", link->throttles);
	json_add_uint(json, "unanswered", link->unanswered);
	json_add_micro(json, "rtt_ms", (int64_t)(link->rtt_ms * 10 + 0.5) * 100000);
	json_end_object(json);
}

void control_links(struct api_call *call)
{
	struct engine *engine = call->engine;
	json_begin_object(&call->json);
	json_key(&call->json, "links");
	json_begin_array(&call->json);
	for (size_t i = 0; i < engine->n_providers; i++)
		for (size_t k = 0; k < engine->providers[i]->n_links; k++)
			put_link(engine, engine->providers[i]->links[k], call->turn->now_ms,
				 &call->json);
	json_end_array(&call->json);
	json_end_object(&call->json);
}

/* ---- lifecycle ---- */

static void put_row(struct json_writer *json, enum store_state state, enum life_event event)
{
	struct life_row row = life_row(state, event);
	json_begin_object(json);
	json_add_text(json, "state", store_state_name(state));
	json_add_text(json, "event", life_event_name(event));
	json_add_text(json, "next", store_state_name(row.next));
	json_add_text(json, "error", row.error);
	json_add_text(json, "next_open", store_state_name(row.next_open));
	json_add_text(json, "error_open", row.error_open);
	json_add_text(json, "mark", life_mark_name(row.mark));
	json_end_object(json);
}

void control_lifecycle(struct api_call *call)
{
	struct json_writer *json = &call->json;
	json_begin_object(json);
	json_key(json, "states");
	json_begin_array(json);
	for (int i = 0; i < STORE_STATES; i++) {
		json_begin_object(json);
		json_add_text(json, "state", store_state_name((enum store_state)i));
		json_add_int(json, "rank", store_state_rank((enum store_state)i));
		json_add_text(json, "shown", store_state_shown((enum store_state)i));
		json_add_text(json, "text", life_state_text((enum store_state)i));
		json_end_object(json);
	}
	json_end_array(json);
	json_key(json, "events");
	json_begin_array(json);
	for (int i = 0; i < LIFE_EVENTS; i++) {
		json_begin_object(json);
		json_add_text(json, "event", life_event_name((enum life_event)i));
		json_add_text(json, "text", life_event_text((enum life_event)i));
		json_end_object(json);
	}
	json_end_array(json);
	json_key(json, "rows");
	json_begin_array(json);
	for (int i = 0; i < STORE_STATES; i++)
		for (int k = 0; k < LIFE_EVENTS; k++)
			put_row(json, (enum store_state)i, (enum life_event)k);
	json_end_array(json);
	json_end_object(json);
}
