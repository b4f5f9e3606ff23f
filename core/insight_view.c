/* Insight as JSON, for accounts and for operators. See insight.h. */
#include "core/insight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/activity.h"
#include "core/message_id.h"
#include "core/provider.h"

#define ROUTES_ASKED_MAX 32
#define LIKES_TOLD	 20 /* of a route, and over routes */

/* What is asked for. */
struct question {
	const struct insight_window *window;
	uint32_t routes[ROUTES_ASKED_MAX]; /* none: all */
	size_t n_routes;
};

/* Sends of one route, as they were answered. */
struct sends {
	uint32_t route;
	uint64_t requests, errors;
	struct sends *next;
};

struct answer {
	struct api_call *call;
	const struct question *question;
	const struct insight *insight;
	bool operators;
	struct sends *sends;
	int64_t sends_since_ms;
};

static bool asked(const struct question *question, uint32_t route)
{
	for (size_t i = 0; i < question->n_routes; i++)
		if (question->routes[i] == route)
			return true;
	return !question->n_routes;
}

/* ---- figures ---- */

/* Of nothing there is no share: null, never 0 and never 1. */
static void add_share(struct json_writer *json, const char *key, int64_t part, int64_t whole)
{
	if (whole > 0)
		json_add_micro(json, key, (int64_t)((double)part / (double)whole * 1e6 + 0.5));
	else
		json_add_null(json, key);
}

static void add_millionths(struct json_writer *json, const char *key, int64_t millionths)
{
	if (millionths >= 0)
		json_add_micro(json, key, millionths);
	else
		json_add_null(json, key);
}

static void add_counts(struct json_writer *json, const struct cohort_sums *sums,
		       const enum cohort_count *which, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_add_int(json, cohort_count_name(which[i]), sums->counts[which[i]]);
}
#define ADD_COUNTS(json, sums, ...)                                        \
	add_counts(json, sums, (const enum cohort_count[]){ __VA_ARGS__ }, \
		   sizeof((const enum cohort_count[]){ __VA_ARGS__ }) / sizeof(enum cohort_count))

static void add_outcomes(struct json_writer *json, const struct cohort_sums *sums)
{
	ADD_COUNTS(json, sums, COHORT_ON_TIME, COHORT_LATE, COHORT_FAILED, COHORT_EXPIRED,
		   COHORT_UNKNOWN);
}

static void add_quantile(struct json_writer *json, const char *key,
			 const struct histogram *histogram, unsigned permille)
{
	int64_t ms = histogram_quantile_ms(histogram, permille);
	if (ms < 0)
		json_add_null(json, key);
	else
		json_add_int(json, key, ms);
}

static void add_on_time(struct json_writer *json, const struct cohort_sums *sums)
{
	add_share(json, "on_time_share", sums->counts[COHORT_ON_TIME], insight_final(sums->counts));
}

/* ---- a route ---- */

/* Nobody's sends are told to operators: /metrics counts requests. */
static void add_api(const struct answer *answer, uint32_t route)
{
	struct json_writer *json = &answer->call->json;
	const struct sends *sends = answer->sends;
	while (sends && sends->route != route)
		sends = sends->next;
	uint64_t requests = sends ? sends->requests : 0, errors = sends ? sends->errors : 0;
	json_key(json, "api");
	json_begin_object(json);
	json_add_uint(json, "requests", requests);
	json_add_uint(json, "success", requests - errors);
	json_add_uint(json, "errors", errors);
	json_add_time(json, "since", answer->sends_since_ms);
	json_end_object(json);
}

static void add_layers(const struct answer *answer, const struct insight_route *route)
{
	struct json_writer *json = &answer->call->json;
	const struct cohort_sums *sums = &route->sums;
	json_key(json, "layers");
	json_begin_object(json);
	if (!answer->operators)
		add_api(answer, route->route);
	json_key(json, "execution");
	json_begin_object(json);
	json_add_int(json, "accepted", sums->counts[COHORT_MESSAGES]);
	ADD_COUNTS(json, sums, COHORT_TAKEN, COHORT_REFUSED, COHORT_UNANSWERED, COHORT_IN_DOUBT,
		   COHORT_AWAITING);
	json_end_object(json);
	json_key(json, "outcome");
	json_begin_object(json);
	json_add_int(json, "final", insight_final(sums->counts));
	json_add_int(json, "delivered", sums->counts[COHORT_ON_TIME] + sums->counts[COHORT_LATE]);
	add_outcomes(json, sums);
	add_on_time(json, sums);
	json_end_object(json);
	json_end_object(json);
}

static void add_latency(struct json_writer *json, const struct cohort_sums *sums)
{
	json_key(json, "latency");
	json_begin_object(json);
	for (unsigned i = 0; i < COHORT_STAGES; i++) {
		const struct histogram *histogram = &sums->stages[i];
		json_key(json, cohort_stage_name((enum cohort_stage)i));
		json_begin_object(json);
		json_add_uint(json, "n", histogram_count(histogram));
		add_quantile(json, "p50_ms", histogram, 500);
		add_quantile(json, "p95_ms", histogram, 950);
		add_quantile(json, "p99_ms", histogram, 990);
		json_end_object(json);
	}
	json_end_object(json);
}

/* Of those whose receipt came, was given up, or should have come by now. */
static void add_receipts(struct json_writer *json, const struct cohort_sums *sums, int64_t overdue)
{
	int64_t received = sums->counts[COHORT_RECEIVED];
	ADD_COUNTS(json, sums, COHORT_EXPECTED, COHORT_RECEIVED, COHORT_MISSING, COHORT_AWAITING);
	json_add_int(json, "overdue", overdue);
	add_share(json, "coverage", received, received + sums->counts[COHORT_MISSING] + overdue);
}

static void add_stuck(const struct answer *answer, const struct insight_route *route)
{
	struct json_writer *json = &answer->call->json;
	char until[25], list[128];
	json_time_text(route->stuck_before_ms - 1, until);
	snprintf(list, sizeof(list), "/api/v1/dlr?status=SENT&route_id=%u&to_date=%s", route->route,
		 until);
	json_key(json, "stuck");
	json_begin_object(json);
	json_add_int(json, "messages", route->stuck);
	json_add_int(json, "older_than_ms", answer->insight->to_ms - route->stuck_before_ms);
	json_add_text(json, "measure", route->usual_known ? "p99" : "outcome_deadline");
	if (!answer->operators)
		json_add_text(json, "list", list);
	json_end_object(json);
}

static void add_causes(struct json_writer *json, const struct cohort_sums *sums)
{
	json_key(json, "causes");
	json_begin_object(json);
	ADD_COUNTS(json, sums, COHORT_THROTTLED, COHORT_RETRIED, COHORT_IN_DOUBT, COHORT_REFUSED,
		   COHORT_MISSING, COHORT_LATE_EVIDENCE, COHORT_CONTRADICTED,
		   COHORT_POSSIBLE_DUPLICATE);
	json_end_object(json);
}

/* ---- like inputs ---- */

/* An example that has come to another end since is none. */
static bool still(const struct answer *answer, const struct cohort_example *example,
		  enum cohort_count outcome)
{
	struct store_message message = { .order = example->order, .index = example->index };
	return example->order && !store_message_get(answer->call->turn->txn, &message) &&
	       cohort_bits(&message) >> outcome & 1;
}

/* One message of each outcome that there is, and where to compare two unlike ones. */
static void add_examples(const struct answer *answer, const struct insight_like *like)
{
	struct json_writer *json = &answer->call->json;
	char ids[COHORT_OUTCOMES][MESSAGE_ID_OCTETS], compare[160];
	const char *first = NULL, *second = NULL;
	json_key(json, "examples");
	json_begin_object(json);
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++) {
		const struct cohort_example *example = &like->sums.examples[i];
		if (!like->sums.counts[i] || !still(answer, example, (enum cohort_count)i))
			continue;
		message_id_write(answer->call->engine->store, example->order, example->index,
				 ids[i]);
		json_add_text(json, cohort_count_name((enum cohort_count)i), ids[i]);
		second = first && !second ? ids[i] : second;
		first = first ? first : ids[i];
	}
	json_end_object(json);
	snprintf(compare, sizeof(compare), "/api/v1/messages/compare?a=%s&b=%s", first ? first : "",
		 second ? second : "");
	if (!answer->operators)
		json_add_text(json, "compare", second ? compare : NULL);
}

static void add_like_figures(struct json_writer *json, const struct insight_like *like)
{
	json_add_int(json, "messages", like->sums.counts[COHORT_MESSAGES]);
	add_on_time(json, &like->sums);
	add_millionths(json, "consistency", insight_consistency(like->sums.counts));
	json_key(json, "outcomes");
	json_begin_object(json);
	add_outcomes(json, &like->sums);
	json_end_object(json);
	add_quantile(json, "p50_ms", &like->sums.stages[COHORT_TOTAL], 500);
	add_quantile(json, "p95_ms", &like->sums.stages[COHORT_TOTAL], 950);
}

static void add_likeness(struct json_writer *json, const struct insight_like *like)
{
	char country[12];
	snprintf(country, sizeof(country), "%u", like->country);
	json_add_text(json, "country", country);
	json_add_uint(json, "parts", like->parts);
}

static void add_likes(const struct answer *answer, const struct insight_route *route)
{
	struct json_writer *json = &answer->call->json;
	size_t told = 0;
	json_key(json, "like");
	json_begin_array(json);
	for (const struct insight_like *like = route->like; like && told < LIKES_TOLD;
	     like = like->next, told++) {
		json_begin_object(json);
		add_likeness(json, like);
		add_like_figures(json, like);
		add_examples(answer, like);
		json_end_object(json);
	}
	json_end_array(json);
	json_add_uint(json, "like_left_out", route->n_like - told);
}

/* The outcome first: it is what counts. */
static void put_route(const struct answer *answer, const struct insight_route *route)
{
	struct json_writer *json = &answer->call->json;
	const struct config_route *config =
		config_route_find(answer->call->engine->config, route->route);
	const int64_t *counts = route->sums.counts;
	json_begin_object(json);
	json_add_uint(json, "route_id", route->route);
	json_add_text(json, "name", config ? config->name : NULL);
	if (answer->operators)
		json_add_text(json, "provider", config ? config->provider->name : NULL);
	add_on_time(json, &route->sums);
	add_layers(answer, route);
	add_latency(json, &route->sums);
	json_key(json, "receipts");
	json_begin_object(json);
	add_receipts(json, &route->sums, route->overdue);
	json_end_object(json);
	add_share(json, "unknown_share", counts[COHORT_UNKNOWN], insight_final(counts));
	add_stuck(answer, route);
	add_millionths(json, "consistency", insight_route_consistency(route));
	add_causes(json, &route->sums);
	add_likes(answer, route);
	json_end_object(json);
}

static void add_routes(const struct answer *answer)
{
	struct json_writer *json = &answer->call->json;
	json_key(json, "routes");
	json_begin_array(json);
	for (const struct insight_route *route = answer->insight->routes; route;
	     route = route->next)
		if (asked(answer->question, route->route))
			put_route(answer, route);
	json_end_array(json);
}

/* ---- like inputs over routes ---- */

static const struct insight_like *like_on(const struct insight_route *route,
					  const struct insight_like *other)
{
	const struct insight_like *like = route->like;
	while (like && (like->country != other->country || like->parts != other->parts))
		like = like->next;
	return like;
}

/* Routes that are asked for and have such messages; of those before `before` alone, if not NULL. */
static size_t routes_with(const struct answer *answer, const struct insight_like *other,
			  const struct insight_route *before)
{
	const struct insight_route *route = answer->insight->routes;
	size_t n = 0;
	for (; route && route != before; route = route->next)
		n += asked(answer->question, route->route) && like_on(route, other);
	return n;
}

static void put_over_routes(const struct answer *answer, const struct insight_like *other)
{
	struct json_writer *json = &answer->call->json;
	json_begin_object(json);
	add_likeness(json, other);
	json_key(json, "routes");
	json_begin_array(json);
	for (const struct insight_route *route = answer->insight->routes; route;
	     route = route->next) {
		const struct insight_like *like =
			asked(answer->question, route->route) ? like_on(route, other) : NULL;
		if (!like)
			continue;
		json_begin_object(json);
		json_add_uint(json, "route_id", route->route);
		add_like_figures(json, like);
		json_end_object(json);
	}
	json_end_array(json);
	json_end_object(json);
}

/* Each likeness once: with the first route that has it. */
static void add_over_routes(const struct answer *answer)
{
	struct json_writer *json = &answer->call->json;
	size_t told = 0;
	json_key(json, "like_over_routes");
	json_begin_array(json);
	for (const struct insight_route *route = answer->insight->routes; route;
	     route = route->next) {
		const struct insight_like *like =
			asked(answer->question, route->route) ? route->like : NULL;
		for (; like && told < LIKES_TOLD; like = like->next) {
			if (routes_with(answer, like, route) || routes_with(answer, like, NULL) < 2)
				continue;
			put_over_routes(answer, like);
			told++;
		}
	}
	json_end_array(json);
}

/* ---- providers, for operators ---- */

static void add_providers(const struct answer *answer)
{
	struct json_writer *json = &answer->call->json;
	json_key(json, "providers");
	json_begin_array(json);
	for (const struct insight_provider *at = answer->insight->providers; at; at = at->next) {
		const struct provider *provider =
			provider_numbered(answer->call->engine, at->number);
		json_begin_object(json);
		json_add_text(json, "name", provider ? provider->config->name : NULL);
		add_receipts(json, &at->sums, at->overdue);
		add_quantile(json, "delivery_p95_ms", &at->sums.stages[COHORT_DELIVERY], 950);
		json_end_object(json);
	}
	json_end_array(json);
}

/* ---- questions ---- */

static void read_window(struct api_call *call, struct question *question)
{
	char name[8] = "1h";
	if (!api_query_text(call, "window", name, sizeof(name)))
		snprintf(name, sizeof(name), "1h");
	question->window = insight_window(name);
	if (!question->window)
		api_flaw(call, "query", "window", -1, "enum", "window must be 5m, 1h or 24h");
}

static void read_routes(struct api_call *call, struct question *question)
{
	char text[12];
	enum http_query_result result;
	for (size_t i = 0; i <= ROUTES_ASKED_MAX; i++) {
		result = http_query(call->request, "route_id", i, text, sizeof(text));
		if (result == HTTP_QUERY_ABSENT)
			return;
		char *end = text;
		unsigned long route = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
		if (end == text || *end || route > INT32_MAX)
			api_flaw(call, "query", "route_id", (int64_t)i, "int_parsing",
				 "route_id must be a whole number");
		else if (i == ROUTES_ASKED_MAX)
			api_flaw(call, "query", "route_id", (int64_t)i, "too_long",
				 "at most %d routes at a time", ROUTES_ASKED_MAX);
		else
			question->routes[question->n_routes++] = (uint32_t)route;
	}
}

/* False: refused. */
static bool read_question(struct api_call *call, struct question *question)
{
	static const char *const names[] = { "route_id", "window", NULL };
	static const struct api_error error = {
		.status = 400,
		.code = "invalid_route",
		.stage = "route",
		.detail = "Invalid route_id.",
		.param = "route_id",
		.hint = "GET /api/v1/routes lists the routes",
	};
	*question = (struct question){ 0 };
	read_window(call, question);
	read_routes(call, question);
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return false;
	for (size_t i = 0; i < question->n_routes; i++) {
		if (config_route_find(call->engine->config, question->routes[i]))
			continue;
		api_refuse(call, &error);
		return false;
	}
	return true;
}

static void add_send(void *arg, const struct store_request *request)
{
	struct answer *answer = arg;
	struct sends *sends = answer->sends;
	while (sends && sends->route != request->route)
		sends = sends->next;
	if (!sends) {
		sends = calloc(1, sizeof(*sends));
		if (!sends) {
			turn_fail(answer->call->turn, STORE_FULL);
			return;
		}
		sends->route = request->route;
		sends->next = answer->sends;
		answer->sends = sends;
	}
	sends->requests++;
	sends->errors += request->status >= 400;
}

static void write_answer(struct answer *answer)
{
	struct json_writer *json = &answer->call->json;
	json_begin_object(json);
	if (!answer->operators)
		json_add_text(json, "status", "success");
	json_add_text(json, "window", answer->question->window->name);
	json_add_time(json, "from", answer->insight->from_ms);
	json_add_time(json, "to", answer->insight->to_ms);
	add_routes(answer);
	add_over_routes(answer);
	if (answer->operators)
		add_providers(answer);
	json_end_object(json);
}

static void tell(struct api_call *call, uint32_t account)
{
	struct question question;
	if (!read_question(call, &question))
		return;
	struct answer answer = { .call = call,
				 .question = &question,
				 .operators = account == COHORT_ALL };
	struct insight *insight = insight_new(call->turn, account, question.window);
	if (!insight)
		return;
	answer.insight = insight;
	if (!answer.operators)
		answer.sends_since_ms =
			activity_sends(call->turn, account, insight->from_ms, add_send, &answer);
	write_answer(&answer);
	while (answer.sends) {
		struct sends *sends = answer.sends;
		answer.sends = sends->next;
		free(sends);
	}
	insight_free(insight);
}

void insight_get(struct api_call *call)
{
	tell(call, call->account.account);
}

void insight_control(struct api_call *call)
{
	tell(call, COHORT_ALL);
}
