/* The table of metrics and what collects each. See metrics.h. */
#include "core/metrics.h"

#include <stddef.h>
#include <stdio.h>

#include "core/admission.h"
#include "core/cohort.h"
#include "core/log.h"
#include "core/metrics_inside.h"
#include "core/provider.h"
#include "core/reload.h"
#include "core/server.h"
#include "core/tap.h"
#include "core/traffic.h"

void metrics_put(const struct scrape *scrape, struct exposition_figure figure,
		 const char *const *values)
{
	exposition_put(scrape->out, &scrape->metric->shown, values, figure);
}

void metrics_put_whole(const struct scrape *scrape, uint64_t n, const char *const *values)
{
	metrics_put(scrape, exposition_whole(n), values);
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
	metrics_put_whole(scrape, 1, VALUES(ESMED_VERSION));
}

static void start(const struct scrape *scrape)
{
	metrics_put(scrape, exposition_ms(scrape->engine->started_ms), NULL);
}

static void draining(const struct scrape *scrape)
{
	metrics_put_whole(scrape, scrape->engine->draining, NULL);
}

static void generation(const struct scrape *scrape)
{
	metrics_put_whole(scrape, scrape->engine->generation->number, NULL);
}

static void turns(const struct scrape *scrape)
{
	metrics_put_whole(scrape, scrape->engine->turns, NULL);
}

static void commits(const struct scrape *scrape)
{
	metrics_put_whole(scrape, scrape->engine->commits, NULL);
}

static void turn_duration(const struct scrape *scrape)
{
	put_timing(scrape, &scrape->engine->turns_took, NULL);
}

static void turn_longest(const struct scrape *scrape)
{
	metrics_put(scrape, exposition_us(scrape->engine->turns_took.max_us), NULL);
}

static void inputs(const struct scrape *scrape)
{
	metrics_put_whole(scrape, scrape->engine->n_inputs, NULL);
}

static void log_lines_dropped(const struct scrape *scrape)
{
	metrics_put_whole(scrape, log_dropped(), NULL);
}

/* ---- the store ---- */

static void store_size(const struct scrape *scrape)
{
	struct store_info info;
	store_info(scrape->engine->store, &info);
	metrics_put_whole(scrape, info.size_octets, NULL);
}

static void store_used(const struct scrape *scrape)
{
	metrics_put_whole(scrape, store_used_octets(scrape->engine->store), NULL);
}

static void store_used_share(const struct scrape *scrape)
{
	metrics_put(scrape, exposition_ms(store_used_permille(scrape->engine->store)), NULL);
}

static void store_full_share(const struct scrape *scrape)
{
	metrics_put(scrape, exposition_ms(ADMISSION_FULL_PERMILLE), NULL);
}

static void records(const struct scrape *scrape)
{
	enum store_kind kind = (enum store_kind)scrape->metric->member;
	metrics_put_whole(scrape, store_count(scrape->turn->txn, kind), NULL);
}

/* ---- alarms ---- */

static void alarms(const struct scrape *scrape)
{
	uint64_t n = 0;
	for (const struct alarm *alarm = scrape->engine->alarms; alarm; alarm = alarm->next)
		n++;
	metrics_put_whole(scrape, n, NULL);
}

static void alarms_by_name(const struct scrape *scrape)
{
	for (const struct alarm *alarm = scrape->engine->alarms; alarm; alarm = alarm->next)
		metrics_put_whole(scrape, 1, VALUES(alarm->name));
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
		metrics_put_whole(scrape, figure(scrape, &config->routes[i]),
				  VALUES(route_text(&config->routes[i], text)));
}

static void route_infos(const struct scrape *scrape)
{
	const struct config *config = scrape->engine->config;
	char text[12];
	for (size_t i = 0; i < config->n_routes; i++) {
		const struct config_route *route = &config->routes[i];
		metrics_put_whole(
			scrape, 1,
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

static void route_oldest(const struct scrape *scrape)
{
	const struct config *config = scrape->engine->config;
	char text[12];
	for (size_t i = 0; i < config->n_routes; i++) {
		const struct config_route *route = &config->routes[i];
		int64_t now_ms = scrape->turn->due_ms, since_ms;
		bool waits = queue_oldest(scrape->engine->queue, route->id, &since_ms);
		metrics_put(scrape,
			    exposition_ms(waits && now_ms > since_ms ? now_ms - since_ms : 0),
			    VALUES(route_text(route, text)));
	}
}

static uint64_t route_blocked(const struct scrape *scrape, const struct config_route *route)
{
	return provider_route_blocked(scrape->engine, route, false) != NULL;
}

static void routes_blocked(const struct scrape *scrape)
{
	each_route(scrape, route_blocked);
}

/* ---- what became of messages ---- */

static uint64_t accepted(const struct scrape *scrape, const struct config_route *route)
{
	return cohort_total_of(scrape->engine, route->id)->came[COHORT_MESSAGES];
}

static void messages_accepted(const struct scrape *scrape)
{
	each_route(scrape, accepted);
}

static void messages_now(const struct scrape *scrape)
{
	const struct config *config = scrape->engine->config;
	char text[12];
	for (size_t i = 0; i < config->n_routes; i++) {
		const struct cohort_total *total =
			cohort_total_of(scrape->engine, config->routes[i].id);
		int64_t now = total->sums.counts[scrape->metric->member];
		metrics_put_whole(scrape, now > 0 ? (uint64_t)now : 0,
				  VALUES(route_text(&config->routes[i], text)));
	}
}

/* Groups of counts that follow one another in core/cohort.h. */
enum group_name {
	EXECUTION,
	OUTCOME,
	EVIDENCE
};

/* One sample for each count of the metric's group. */
static void messages_counted(const struct scrape *scrape)
{
	static const struct group {
		enum cohort_count first, last;
	} groups[] = {
		[EXECUTION] = { COHORT_TAKEN, COHORT_UNANSWERED },
		[OUTCOME] = { COHORT_ON_TIME, COHORT_UNKNOWN },
		[EVIDENCE] = { COHORT_EXPECTED, COHORT_POSSIBLE_DUPLICATE },
	};
	const struct group *group = &groups[scrape->metric->member];
	const struct config *config = scrape->engine->config;
	char text[12];
	for (size_t i = 0; i < config->n_routes; i++) {
		uint32_t id = config->routes[i].id;
		for (unsigned count = group->first; count <= (unsigned)group->last; count++)
			metrics_put_whole(scrape, cohort_total_of(scrape->engine, id)->came[count],
					  VALUES(route_text(&config->routes[i], text),
						 cohort_count_name((enum cohort_count)count)));
	}
}

/* 1 ms to 3 days: every other octave of core/histogram.h; its bounds are the last ms they hold. */
#define STAGE_BOUNDS 15

static void put_stage(const struct scrape *scrape, const struct histogram *stage,
		      const char *const *values)
{
	int64_t bounds_ms[STAGE_BOUNDS];
	uint64_t n[STAGE_BOUNDS + 1] = { 0 };
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		unsigned bound = bucket / 4;
		n[bound < STAGE_BOUNDS ? bound : STAGE_BOUNDS] += stage->n[bucket];
	}
	for (unsigned i = 0; i < STAGE_BOUNDS; i++)
		bounds_ms[i] = histogram_least_ms(4 * i + 4) - 1;
	struct exposition_histogram histogram = {
		.bounds = bounds_ms,
		.n = n,
		.n_bounds = STAGE_BOUNDS,
		.decimals = 3,
		.sum = stage->sum_ms,
	};
	exposition_put_histogram(scrape->out, &scrape->metric->shown, values, &histogram);
}

static void message_stages(const struct scrape *scrape)
{
	const struct config *config = scrape->engine->config;
	char text[12];
	for (size_t i = 0; i < config->n_routes; i++) {
		const struct cohort_total *total =
			cohort_total_of(scrape->engine, config->routes[i].id);
		for (unsigned stage = 0; stage < COHORT_STAGES; stage++)
			put_stage(scrape, &total->sums.stages[stage],
				  VALUES(route_text(&config->routes[i], text),
					 cohort_stage_name((enum cohort_stage)stage)));
	}
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
		metrics_put_whole(scrape, load.connections[socket], VALUES(socket_names[socket]));
}

static void streams(const struct scrape *scrape)
{
	struct server_load load;
	server_load(scrape->engine->server, &load);
	for (int socket = 0; socket < SERVER_SOCKETS; socket++)
		metrics_put_whole(scrape, load.streams[socket], VALUES(socket_names[socket]));
}

static void in_flight(const struct scrape *scrape)
{
	struct server_load load;
	server_load(scrape->engine->server, &load);
	metrics_put_whole(scrape, load.in_octets, NULL);
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
				metrics_put_whole(scrape, row->answers[i],
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
		metrics_put_whole(scrape, scrape->engine->traffic->limits[limit],
				  VALUES(traffic_limit_name((enum traffic_limit)limit)));
}

static void wrong_keys(const struct scrape *scrape)
{
	metrics_put_whole(scrape, scrape->engine->traffic->wrong_keys, NULL);
}

static void feed_gaps(const struct scrape *scrape)
{
	metrics_put_whole(scrape, scrape->engine->traffic->feed_gaps, NULL);
}

/* ---- the tap ---- */

static void tap_passed(const struct scrape *scrape)
{
	struct tap_counts counts;
	tap_counts(scrape->engine->tap, &counts);
	metrics_put_whole(scrape, counts.passed, NULL);
}

static void tap_dropped(const struct scrape *scrape)
{
	struct tap_counts counts;
	tap_counts(scrape->engine->tap, &counts);
	metrics_put_whole(scrape, counts.dropped, NULL);
}

static void tap_time(const struct scrape *scrape)
{
	struct tap_counts counts;
	tap_counts(scrape->engine->tap, &counts);
	metrics_put(scrape, exposition_us(counts.took_us), NULL);
}

static void tap_memory(const struct scrape *scrape)
{
	struct tap_counts counts;
	tap_counts(scrape->engine->tap, &counts);
	metrics_put_whole(scrape, counts.octets, NULL);
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

/* Outcome first: it is what the customers have. */
/* clang-format off */
static const struct metric metrics[] = {
	{ COUNTER("messages_outcome_total",
		  "Layer 3: messages that came to such an end; later evidence may bring another.",
		  "route", "outcome"), messages_counted, OUTCOME },
	{ COUNTER("messages_accepted_total", "Layer 1: messages that were accepted.", "route"),
	  messages_accepted },
	{ COUNTER("messages_execution_total",
		  "Layer 2: messages that the provider came to take, refuse or leave unanswered.",
		  "route", "result"), messages_counted, EXECUTION },
	{ GAUGE("messages_in_doubt",
		"Messages that may or may not have been sent: a response is missing.", "route"),
	  messages_now, COHORT_IN_DOUBT },
	{ GAUGE("messages_awaiting_receipt", "Messages that the provider took and no receipt ended yet.",
		"route"), messages_now, COHORT_AWAITING },
	{ COUNTER("messages_evidence_total",
		  "Messages whose receipt was expected, received or missing, and anything unusual.",
		  "route", "event"), messages_counted, EVIDENCE },
	{ HISTOGRAM("message_stage_seconds", "How long messages spent in each stage of their path.",
		    "route", "stage"), message_stages },

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

	{ GAUGE("link_bound", "Whether the link is bound.", "provider", "link"), metrics_links_bound },
	{ GAUGE("link_state", "1 for the state that the link is in.", "provider", "link", "state"),
	  metrics_link_states },
	{ GAUGE("link_window", "Most submits without an answer on the link.", "provider", "link"),
	  metrics_link_windows },
	{ GAUGE("link_outstanding", "Submits released to the link and not answered.", "provider",
		"link"), metrics_links_u32, LINK(outstanding) },
	{ GAUGE("link_paused", "Whether the link waits because the carrier throttled it.", "provider",
		"link"), metrics_links_paused },
	{ GAUGE("link_rtt_seconds", "Time to an answer, smoothed; 0 before the first.", "provider",
		"link"), metrics_link_rtts },
	{ GAUGE("link_failures", "Attempts in a row that did not bind.", "provider", "link"), metrics_links_u32,
	  LINK(failures) },
	{ COUNTER("link_binds_total", "Times the link was bound.", "provider", "link"), metrics_links_u64,
	  LINK(bounds) },
	{ COUNTER("link_downs_total", "Connections, and attempts at one, that ended.", "provider",
		  "link"), metrics_links_u64, LINK(downs) },
	{ COUNTER("link_submits_total", "Submits released to the link.", "provider", "link"), metrics_links_u64,
	  LINK(submits) },
	{ COUNTER("link_unsent_total", "Submits that came back before they left: throttled, link lost.",
		  "provider", "link"), metrics_links_u64, LINK(unsent) },
	{ COUNTER("link_answers_total", "Answers to submits.", "provider", "link"), metrics_links_u64,
	  LINK(answers) },
	{ COUNTER("link_receipts_total", "Receipts and inbound messages that came.", "provider", "link"), metrics_links_u64,
	  LINK(receipts) },
	{ COUNTER("link_throttles_total", "Answers that said to wait.", "provider", "link"), metrics_links_u64,
	  LINK(throttles) },
	{ COUNTER("link_unanswered_total", "Submits that got no answer.", "provider", "link"),
	  metrics_links_u64, LINK(unanswered) },
	{ GAUGE("certificate_not_after_timestamp_seconds",
		"When a certificate of the link ends, since 1970.", "provider", "link", "certificate"),
	  metrics_certificates },

	{ GAUGE("provider_usable", "Whether intents for the provider are taken.", "provider"),
	  metrics_providers_usable },
	{ GAUGE("provider_blocked", "Whether something keeps everything from being submitted.",
		"provider"), metrics_providers_blocked },
	{ GAUGE("provider_rate_limit", "Most segments in a second; 0: no limit.", "provider"),
	  metrics_provider_rates },
	{ GAUGE("provider_pace_ratio", "Share of window and rate that congestion left.", "provider"),
	  metrics_provider_paces },
	{ GAUGE("provider_queued_segments", "Segments that wait on its routes.", "provider"),
	  metrics_provider_queues },
	{ COUNTER("provider_bind_attempts_total", "Attempts to bind.", "provider"), metrics_provider_binds },
	{ COUNTER("provider_receipts_total", "Receipts by whether they found their message.",
		  "provider", "result"), metrics_provider_receipts },

	{ GAUGE("route_info", "Name and provider of a route; always 1.", "route", "name", "provider"),
	  route_infos },
	{ GAUGE("route_blocked", "Whether something keeps the route from being served.", "route"),
	  routes_blocked },
	{ GAUGE("route_oldest_queued_seconds",
		"How long what waits longest on the route could have gone out; 0: nothing waits.",
		"route"), route_oldest },
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
	{ COUNTER("wrong_keys_total", "API keys that are nobody's, or are not active."), wrong_keys },
	{ COUNTER("feed_gaps_total", "Times a reader of the feed came too late for what it wanted."),
	  feed_gaps },

	{ COUNTER("tap_pdus_total", "PDUs that passed while somebody watched."), tap_passed },
	{ COUNTER("tap_dropped_total", "Of these, those that no reader was quick enough for."),
	  tap_dropped },
	{ COUNTER("tap_seconds_total", "Time that its readers took of the engine."), tap_time },
	{ GAUGE("tap_bytes", "Memory of the tap; none while nobody watches."), tap_memory },
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
