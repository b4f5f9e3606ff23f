/* The table of metrics and what collects each. See metrics.h. */
#include "core/metrics.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/admission.h"
#include "core/exposition.h"
#include "core/log.h"
#include "core/provider.h"
#include "core/reload.h"
#include "core/server.h"
#include "core/traffic.h"

struct metric;
struct scrape {
	struct engine *engine;
	const struct turn *turn;
	struct buffer *out;
	const struct metric *metric; /* the row that is being collected */
};

typedef void collect_fn(const struct scrape *scrape);

/* A row: how it is shown, what collects its samples, and which member that is to read, if several. */
struct metric {
	struct exposition_metric shown;
	collect_fn *collect;
	size_t member;
};

#define VALUES(...) ((const char *const[]){ __VA_ARGS__ })

static void put(const struct scrape *scrape, struct exposition_figure figure,
		const char *const *values)
{
	exposition_put(scrape->out, &scrape->metric->shown, values, figure);
}

static void put_whole(const struct scrape *scrape, uint64_t n, const char *const *values)
{
	put(scrape, exposition_whole(n), values);
}

static void put_timing(const struct scrape *scrape, const struct timing *timing,
		       const char *const *values)
{
	struct exposition_histogram histogram = {
		.bounds = timing_bounds_us,
		.n = timing->n,
		.n_bounds = TIMING_BOUNDS,
		.decimals = 6,
		.sum = timing->sum_us,
	};
	exposition_put_histogram(scrape->out, &scrape->metric->shown, values, &histogram);
}

/* ---- the process ---- */

static void build(const struct scrape *scrape)
{
	put_whole(scrape, 1, VALUES(ESMED_VERSION));
}

static void start(const struct scrape *scrape)
{
	put(scrape, exposition_ms(scrape->engine->started_ms), NULL);
}

static void draining(const struct scrape *scrape)
{
	put_whole(scrape, scrape->engine->draining, NULL);
}

static void generation(const struct scrape *scrape)
{
	put_whole(scrape, scrape->engine->generation->number, NULL);
}

static void turns(const struct scrape *scrape)
{
	put_whole(scrape, scrape->engine->turns, NULL);
}

static void commits(const struct scrape *scrape)
{
	put_whole(scrape, scrape->engine->commits, NULL);
}

static void turn_duration(const struct scrape *scrape)
{
	put_timing(scrape, &scrape->engine->turns_took, NULL);
}

static void turn_longest(const struct scrape *scrape)
{
	put(scrape, exposition_us(scrape->engine->turns_took.max_us), NULL);
}

static void inputs(const struct scrape *scrape)
{
	put_whole(scrape, scrape->engine->n_inputs, NULL);
}

static void log_lines_dropped(const struct scrape *scrape)
{
	put_whole(scrape, log_dropped(), NULL);
}

/* ---- the store ---- */

static void store_size(const struct scrape *scrape)
{
	struct store_info info;
	store_info(scrape->engine->store, &info);
	put_whole(scrape, info.size_octets, NULL);
}

static void store_used(const struct scrape *scrape)
{
	put_whole(scrape, store_used_octets(scrape->engine->store), NULL);
}

static void store_used_share(const struct scrape *scrape)
{
	put(scrape, exposition_ms(store_used_permille(scrape->engine->store)), NULL);
}

static void store_full_share(const struct scrape *scrape)
{
	put(scrape, exposition_ms(ADMISSION_FULL_PERMILLE), NULL);
}

static void records(const struct scrape *scrape)
{
	enum store_kind kind = (enum store_kind)scrape->metric->member;
	put_whole(scrape, store_count(scrape->turn->txn, kind), NULL);
}

/* ---- alarms ---- */

static void alarms(const struct scrape *scrape)
{
	uint64_t n = 0;
	for (const struct alarm *alarm = scrape->engine->alarms; alarm; alarm = alarm->next)
		n++;
	put_whole(scrape, n, NULL);
}

static void alarms_by_name(const struct scrape *scrape)
{
	for (const struct alarm *alarm = scrape->engine->alarms; alarm; alarm = alarm->next)
		put_whole(scrape, 1, VALUES(alarm->name));
}

/* ---- links ---- */

typedef void link_fn(const struct scrape *scrape, const struct link *link);

static void each_link(const struct scrape *scrape, link_fn *collect)
{
	const struct engine *engine = scrape->engine;
	for (size_t i = 0; i < engine->n_providers; i++)
		for (size_t k = 0; k < engine->providers[i]->n_links; k++)
			collect(scrape, engine->providers[i]->links[k]);
}

static void put_link(const struct scrape *scrape, const struct link *link,
		     struct exposition_figure figure)
{
	put(scrape, figure, VALUES(link->provider->config->name, link->name));
}

static void link_state(const struct scrape *scrape, const struct link *link)
{
	for (int state = LINK_DOWN; state <= LINK_UNBINDING; state++)
		put_whole(scrape, link->state == (enum link_state)state,
			  VALUES(link->provider->config->name, link->name,
				 link_state_name((enum link_state)state)));
}

static void link_states(const struct scrape *scrape)
{
	each_link(scrape, link_state);
}

static void link_bound(const struct scrape *scrape, const struct link *link)
{
	put_link(scrape, link, exposition_whole(link->state == LINK_BOUND));
}

static void links_bound(const struct scrape *scrape)
{
	each_link(scrape, link_bound);
}

static void link_window(const struct scrape *scrape, const struct link *link)
{
	put_link(scrape, link, exposition_whole(link->provider->config->window));
}

static void link_windows(const struct scrape *scrape)
{
	each_link(scrape, link_window);
}

static void link_paused(const struct scrape *scrape, const struct link *link)
{
	put_link(scrape, link, exposition_whole(link->paused_until_ms > scrape->turn->now_ms));
}

static void links_paused(const struct scrape *scrape)
{
	each_link(scrape, link_paused);
}

static void link_rtt(const struct scrape *scrape, const struct link *link)
{
	put_link(scrape, link, exposition_us((int64_t)(link->rtt_ms * 1000)));
}

static void link_rtts(const struct scrape *scrape)
{
	each_link(scrape, link_rtt);
}

static void link_u32(const struct scrape *scrape, const struct link *link)
{
	uint32_t n;
	memcpy(&n, (const char *)link + scrape->metric->member, sizeof(n));
	put_link(scrape, link, exposition_whole(n));
}

static void links_u32(const struct scrape *scrape)
{
	each_link(scrape, link_u32);
}

static void link_u64(const struct scrape *scrape, const struct link *link)
{
	uint64_t n;
	memcpy(&n, (const char *)link + scrape->metric->member, sizeof(n));
	put_link(scrape, link, exposition_whole(n));
}

static void links_u64(const struct scrape *scrape)
{
	each_link(scrape, link_u64);
}

static void put_certificate(const struct scrape *scrape, const struct trunk *trunk,
			    const char *link, const char *whose, const struct port_tls_end *end)
{
	if (end->ms)
		put(scrape, exposition_ms(end->ms),
		    VALUES(trunk->provider->config->name, link, whose));
}

static void certificates(const struct scrape *scrape)
{
	const struct engine *engine = scrape->engine;
	for (size_t i = 0; i < engine->n_providers; i++)
		for (size_t k = 0; k < engine->providers[i]->n_trunks; k++) {
			const struct trunk *trunk = engine->providers[i]->trunks[k];
			put_certificate(scrape, trunk, trunk->name, "own", &trunk->tls_ends.own);
			put_certificate(scrape, trunk, trunk->name, "ca", &trunk->tls_ends.ca);
			for (size_t end = 0; end < trunk->n_ends; end++)
				put_certificate(scrape, trunk, trunk->ends[end]->name, "peer",
						&trunk->ends[end]->peer_end);
		}
}

/* ---- providers ---- */

typedef uint64_t provider_fn(const struct scrape *scrape, const struct provider *provider);

static void each_provider(const struct scrape *scrape, provider_fn *figure)
{
	const struct engine *engine = scrape->engine;
	for (size_t i = 0; i < engine->n_providers; i++) {
		const struct provider *provider = engine->providers[i];
		put_whole(scrape, figure(scrape, provider), VALUES(provider->config->name));
	}
}

static uint64_t usable(const struct scrape *scrape, const struct provider *provider)
{
	return provider_usable(scrape->engine, provider->config);
}

static void providers_usable(const struct scrape *scrape)
{
	each_provider(scrape, usable);
}

static uint64_t blocked(const struct scrape *scrape, const struct provider *provider)
{
	return provider_blocked(scrape->engine, provider->config) != NULL;
}

static void providers_blocked(const struct scrape *scrape)
{
	each_provider(scrape, blocked);
}

static uint64_t rate(const struct scrape *scrape, const struct provider *provider)
{
	(void)scrape;
	return provider->config->rate_per_s;
}

static void provider_rates(const struct scrape *scrape)
{
	each_provider(scrape, rate);
}

static uint64_t queued(const struct scrape *scrape, const struct provider *provider)
{
	uint64_t n = 0;
	const struct config *config = scrape->engine->config;
	for (size_t i = 0; i < config->n_routes; i++)
		if (config->routes[i].provider == provider->config)
			n += queue_depth(scrape->engine->queue, config->routes[i].id);
	return n;
}

static void provider_queues(const struct scrape *scrape)
{
	each_provider(scrape, queued);
}

static void provider_paces(const struct scrape *scrape)
{
	const struct engine *engine = scrape->engine;
	for (size_t i = 0; i < engine->n_providers; i++) {
		const struct provider *provider = engine->providers[i];
		double pace = provider_pace(provider, scrape->turn->now_ms);
		put(scrape, exposition_ms((int64_t)(pace * 1000 + 0.5)),
		    VALUES(provider->config->name));
	}
}

static uint64_t bind_attempts(const struct scrape *scrape, const struct provider *provider)
{
	(void)scrape;
	return provider->binds;
}

static void provider_binds(const struct scrape *scrape)
{
	each_provider(scrape, bind_attempts);
}

static void provider_receipts(const struct scrape *scrape)
{
	const struct engine *engine = scrape->engine;
	for (size_t i = 0; i < engine->n_providers; i++) {
		const struct provider *provider = engine->providers[i];
		const uint64_t *counts = provider->unmatched.counts;
		const char *name = provider->config->name;
		uint64_t kept = 0;
		for (int news = UNMATCHED_KEPT; news <= UNMATCHED_ADDRESS; news++)
			kept += counts[news];
		put_whole(scrape, counts[UNMATCHED_MATCHED], VALUES(name, "matched"));
		put_whole(scrape, kept, VALUES(name, "orphaned"));
		put_whole(scrape, counts[UNMATCHED_JOINED], VALUES(name, "joined"));
	}
}

/* ---- routes ---- */

typedef uint64_t route_fn(const struct scrape *scrape, const struct config_route *route);

static const char *route_text(const struct config_route *route, char text[12])
{
	snprintf(text, 12, "%u", route->id);
	return text;
}

static void each_route(const struct scrape *scrape, route_fn *figure)
{
	const struct config *config = scrape->engine->config;
	char text[12];
	for (size_t i = 0; i < config->n_routes; i++)
		put_whole(scrape, figure(scrape, &config->routes[i]),
			  VALUES(route_text(&config->routes[i], text)));
}

static void route_infos(const struct scrape *scrape)
{
	const struct config *config = scrape->engine->config;
	char text[12];
	for (size_t i = 0; i < config->n_routes; i++) {
		const struct config_route *route = &config->routes[i];
		put_whole(scrape, 1,
			  VALUES(route_text(route, text), route->name, route->provider->name));
	}
}

static uint64_t route_depth(const struct scrape *scrape, const struct config_route *route)
{
	return queue_depth(scrape->engine->queue, route->id);
}

static void route_queues(const struct scrape *scrape)
{
	each_route(scrape, route_depth);
}

static uint64_t route_blocked(const struct scrape *scrape, const struct config_route *route)
{
	return provider_route_blocked(scrape->engine, route) != NULL;
}

static void routes_blocked(const struct scrape *scrape)
{
	each_route(scrape, route_blocked);
}

/* ---- the local API ---- */

static const char *const socket_names[] = {
	[API_SUBMIT] = "submit",
	[API_CONTROL] = "control",
	[API_TAP] = "tap",
};

static void connections(const struct scrape *scrape)
{
	struct server_load load;
	server_load(scrape->engine->server, &load);
	for (int socket = 0; socket < SERVER_SOCKETS; socket++)
		put_whole(scrape, load.connections[socket], VALUES(socket_names[socket]));
}

static void streams(const struct scrape *scrape)
{
	struct server_load load;
	server_load(scrape->engine->server, &load);
	for (int socket = 0; socket < SERVER_SOCKETS; socket++)
		put_whole(scrape, load.streams[socket], VALUES(socket_names[socket]));
}

static void in_flight(const struct scrape *scrape)
{
	struct server_load load;
	server_load(scrape->engine->server, &load);
	put_whole(scrape, load.in_octets, NULL);
}

static void requests(const struct scrape *scrape)
{
	const struct traffic_row *row = scrape->engine->traffic->rows;
	for (; row; row = row->hh.next)
		for (unsigned i = 0; i < TRAFFIC_STATUSES; i++) {
			const struct api_row *served = row->key.row;
			char status[12];
			snprintf(status, sizeof(status), "%u", i + 100);
			if (row->answers[i])
				put_whole(scrape, row->answers[i],
					  VALUES(socket_names[row->key.socket],
						 served ? served->method : "",
						 served ? served->pattern : "", status));
		}
}

static void request_duration(const struct scrape *scrape)
{
	const struct traffic_row *row = scrape->engine->traffic->rows;
	for (; row; row = row->hh.next)
		if (row->key.row)
			put_timing(scrape, &row->took,
				   VALUES(socket_names[row->key.socket], row->key.row->method,
					  row->key.row->pattern));
}

static void limits(const struct scrape *scrape)
{
	for (int limit = 0; limit < TRAFFIC_LIMITS; limit++)
		put_whole(scrape, scrape->engine->traffic->limits[limit],
			  VALUES(traffic_limit_name((enum traffic_limit)limit)));
}

static void feed_gaps(const struct scrape *scrape)
{
	put_whole(scrape, scrape->engine->traffic->feed_gaps, NULL);
}

/* ---- the table ---- */

#define COUNTER(NAME, HELP, ...)                                                                  \
	.shown = {                                                                                \
		.name = "esmed_" NAME, .type = "counter", .help = HELP, .labels = { __VA_ARGS__ } \
	}
#define GAUGE(NAME, HELP, ...) \
	.shown = { .name = "esmed_" NAME, .type = "gauge", .help = HELP, .labels = { __VA_ARGS__ } }
#define HISTOGRAM(NAME, HELP, ...)        \
	.shown = { .name = "esmed_" NAME, \
		   .type = "histogram",   \
		   .help = HELP,          \
		   .labels = { __VA_ARGS__ } }
#define LINK(MEMBER) .member = offsetof(struct link, MEMBER)

/* clang-format off */
static const struct metric metrics[] = {
	{ GAUGE("build_info", "The version that runs; always 1.", "version"), build },
	{ GAUGE("start_time_seconds", "When the daemon started, since 1970."), start },
	{ GAUGE("draining", "Whether it is about to stop and takes no intents."), draining },
	{ GAUGE("config_generation", "Which configuration is in force, counted from the start."),
	  generation },
	{ COUNTER("turns_total", "Turns of the engine, each one transaction or none."), turns },
	{ COUNTER("commits_total", "Transactions that were committed."), commits },
	{ HISTOGRAM("turn_duration_seconds", "How long turns took, commit included."), turn_duration },
	{ GAUGE("turn_duration_max_seconds", "The longest turn so far."), turn_longest },
	{ GAUGE("inputs_waiting", "Inputs that wait for a turn."), inputs },
	{ COUNTER("log_lines_dropped_total", "Log lines that nobody took in time."), log_lines_dropped },
	{ GAUGE("alarms", "Alarms that are on."), alarms },
	{ GAUGE("alarm_active", "An alarm that is on; always 1.", "name"), alarms_by_name },

	{ GAUGE("store_size_bytes", "Size of the store."), store_size },
	{ GAUGE("store_used_bytes", "Pages of the store that are in use."), store_used },
	{ GAUGE("store_used_ratio", "Share of the store's pages that is in use."), store_used_share },
	{ GAUGE("store_full_ratio", "Share in use from which intents are refused."), store_full_share },
	{ GAUGE("orphan_receipts", "Receipts kept that belong to no message yet."), records,
	  STORE_KIND_ORPHAN },
	{ GAUGE("inbound_messages", "Inbound messages that are kept."), records,
	  STORE_KIND_INBOUND_MESSAGE },

	{ GAUGE("link_bound", "Whether the link is bound.", "provider", "link"), links_bound },
	{ GAUGE("link_state", "1 for the state that the link is in.", "provider", "link", "state"),
	  link_states },
	{ GAUGE("link_window", "Most submits without an answer on the link.", "provider", "link"),
	  link_windows },
	{ GAUGE("link_outstanding", "Submits released to the link and not answered.", "provider",
		"link"), links_u32, LINK(outstanding) },
	{ GAUGE("link_paused", "Whether the link waits because the carrier throttled it.", "provider",
		"link"), links_paused },
	{ GAUGE("link_rtt_seconds", "Time to an answer, smoothed; 0 before the first.", "provider",
		"link"), link_rtts },
	{ GAUGE("link_failures", "Attempts in a row that did not bind.", "provider", "link"), links_u32,
	  LINK(failures) },
	{ COUNTER("link_binds_total", "Times the link was bound.", "provider", "link"), links_u64,
	  LINK(bounds) },
	{ COUNTER("link_downs_total", "Connections, and attempts at one, that ended.", "provider",
		  "link"), links_u64, LINK(downs) },
	{ COUNTER("link_submits_total", "Submits released to the link.", "provider", "link"), links_u64,
	  LINK(submits) },
	{ COUNTER("link_unsent_total", "Submits that came back before they left: throttled, link lost.",
		  "provider", "link"), links_u64, LINK(unsent) },
	{ COUNTER("link_answers_total", "Answers to submits.", "provider", "link"), links_u64,
	  LINK(answers) },
	{ COUNTER("link_receipts_total", "Receipts and inbound messages that came.", "provider", "link"), links_u64,
	  LINK(receipts) },
	{ COUNTER("link_throttles_total", "Answers that said to wait.", "provider", "link"), links_u64,
	  LINK(throttles) },
	{ COUNTER("link_unanswered_total", "Submits that got no answer.", "provider", "link"),
	  links_u64, LINK(unanswered) },
	{ GAUGE("certificate_not_after_timestamp_seconds",
		"When a certificate of the link ends, since 1970.", "provider", "link", "certificate"),
	  certificates },

	{ GAUGE("provider_usable", "Whether intents for the provider are taken.", "provider"),
	  providers_usable },
	{ GAUGE("provider_blocked", "Whether something keeps everything from being submitted.",
		"provider"), providers_blocked },
	{ GAUGE("provider_rate_limit", "Most segments in a second; 0: no limit.", "provider"),
	  provider_rates },
	{ GAUGE("provider_pace_ratio", "Share of window and rate that congestion left.", "provider"),
	  provider_paces },
	{ GAUGE("provider_queued_segments", "Segments that wait on its routes.", "provider"),
	  provider_queues },
	{ COUNTER("provider_bind_attempts_total", "Attempts to bind.", "provider"), provider_binds },
	{ COUNTER("provider_receipts_total", "Receipts by whether they found their message.",
		  "provider", "result"), provider_receipts },

	{ GAUGE("route_info", "Name and provider of a route; always 1.", "route", "name", "provider"),
	  route_infos },
	{ GAUGE("route_blocked", "Whether something keeps the route from being served.", "route"),
	  routes_blocked },
	{ GAUGE("route_queued_segments", "Segments that wait on the route, scheduled ones included.",
		"route"), route_queues },

	{ COUNTER("http_requests_total",
		  "Answers by the pattern that served them; a request that none fits has none.", "socket",
		  "method", "path", "status"), requests },
	{ HISTOGRAM("http_request_duration_seconds",
		    "From the whole request to its answer, which for orders is on disk.", "socket",
		    "method", "path"), request_duration },
	{ GAUGE("http_connections", "Connections.", "socket"), connections },
	{ GAUGE("http_streams", "Readers of the feed (submit, control) and of the tap.", "socket"),
	  streams },
	{ GAUGE("http_in_flight_bytes", "Memory of requests that are read or answered."), in_flight },
	{ COUNTER("limit_met_total",
		  "Times a limit of the configuration refused, ended or held something.", "limit"),
	  limits },
	{ COUNTER("feed_gaps_total", "Times a reader of the feed came too late for what it wanted."),
	  feed_gaps },
};
/* clang-format on */

void metrics_get(struct api_call *call)
{
	call->content_type = EXPOSITION_TYPE;
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		struct scrape scrape = { call->engine, call->turn, call->body, &metrics[i] };
		exposition_head(call->body, &metrics[i].shown);
		metrics[i].collect(&scrape);
	}
}
