/* Insight as JSON, for accounts and for operators. See insight.h. */
#include "core/insight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/activity.h"
#include "core/message_id.h"
#include "core/provider.h"
#include "core/sliced.h"

#define ROUTES_ASKED_MAX 32
#define LIKES_TOLD	 20  /* of a route, and over routes */
#define SLICE		 400 /* looks into the store, or figures that cost about as much */
#define ROUTE_COST	 8   /* of a route's figures, beside its likes */
#define FINDS		 16  /* in memory cost as much as one look */

/* What is asked for. */
struct question {
	const struct insight_window *window;
	uint32_t routes[ROUTES_ASKED_MAX]; /* none: all */
	size_t n_routes;
};

struct answer {
	struct sliced sliced;
	struct api_call *call; /* sliced's */
	struct question question;
	struct insight *insight;
	bool operators;
	struct activity_sends sends;
	uint64_t folds;			   /* of cohorts, that it waits for */
	unsigned step;			   /* of those that write it */
	unsigned budget;		   /* of this slice */
	const struct insight_route *route; /* that comes next */
	const struct insight_like *like;   /* and of its likes */
	size_t told;			   /* likes over routes */
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
static void add_api(const struct answer *answer, const struct insight_route *route)
{
	struct json_writer *json = &answer->call->json;
	json_key(json, "api");
	json_begin_object(json);
	json_add_uint(json, "requests", route->requests);
	json_add_uint(json, "success", route->requests - route->errors);
	json_add_uint(json, "errors", route->errors);
	json_add_time(json, "since", answer->sends.since_ms);
	json_end_object(json);
}

static void add_layers(const struct answer *answer, const struct insight_route *route)
{
	struct json_writer *json = &answer->call->json;
	const struct cohort_sums *sums = &route->sums;
	json_key(json, "layers");
	json_begin_object(json);
	if (!answer->operators)
		add_api(answer, route);
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
		json_add_uint(json, "n", histogram->count);
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
	char id[MESSAGE_ID_OCTETS], first[MESSAGE_ID_OCTETS] = "";
	char compare[sizeof("/api/v1/messages/compare?a=&b=") + 2 * MESSAGE_ID_OCTETS] = "";
	json_key(json, "examples");
	json_begin_object(json);
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++) {
		const struct cohort_example *example = &like->sums.examples[i];
		if (!like->sums.counts[i] || !still(answer, example, (enum cohort_count)i))
			continue;
		message_id_write(answer->call->engine->store, example->order, example->index, id);
		json_add_text(json, cohort_count_name((enum cohort_count)i), id);
		if (!*first)
			memcpy(first, id, sizeof(first));
		else if (!*compare)
			snprintf(compare, sizeof(compare), "/api/v1/messages/compare?a=%s&b=%s",
				 first, id);
	}
	json_end_object(json);
	if (!answer->operators)
		json_add_text(json, "compare", *compare ? compare : NULL);
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
	int64_t left_out = route->sums.counts[COHORT_MESSAGES];
	size_t told = 0;
	json_key(json, "like");
	json_begin_array(json);
	for (const struct insight_like *like = route->like; like && told < LIKES_TOLD;
	     like = like->next, told++) {
		left_out -= like->sums.counts[COHORT_MESSAGES];
		json_begin_object(json);
		add_likeness(json, like);
		add_like_figures(json, like);
		add_examples(answer, like);
		json_end_object(json);
	}
	json_end_array(json);
	json_add_uint(json, "like_left_out", route->n_like - told);
	json_add_int(json, "like_messages_left_out", left_out);
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

/* ---- like inputs over routes ---- */

/* That route, if it is asked for and has such messages. */
static const struct insight_like *like_on(const struct answer *answer,
					  const struct insight_route *route,
					  const struct insight_like *other)
{
	if (!asked(&answer->question, route->route))
		return NULL;
	return insight_like_find(answer->insight, route->route, other->country, other->parts);
}

/* Of all routes that have such messages this is the first, and there is another. */
static bool is_first_of_many(const struct answer *answer, const struct insight_like *like)
{
	const struct insight_route *route = answer->insight->routes;
	while (!like_on(answer, route, like))
		route = route->hh.next;
	if (route->route != like->route)
		return false;
	do
		route = route->hh.next;
	while (route && !like_on(answer, route, like));
	return route;
}

static void put_over_routes(const struct answer *answer, const struct insight_like *other)
{
	struct json_writer *json = &answer->call->json;
	json_begin_object(json);
	add_likeness(json, other);
	json_key(json, "routes");
	json_begin_array(json);
	for (const struct insight_route *route = answer->insight->routes; route;
	     route = route->hh.next) {
		const struct insight_like *like = like_on(answer, route, other);
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

/* ---- providers, for operators ---- */

static void add_providers(const struct answer *answer)
{
	struct json_writer *json = &answer->call->json;
	json_key(json, "providers");
	json_begin_array(json);
	for (const struct insight_provider *at = answer->insight->providers; at; at = at->hh.next) {
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
	*question = (struct question){ 0 };
	read_window(call, question);
	read_routes(call, question);
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return false;
	for (size_t i = 0; i < question->n_routes; i++) {
		if (config_route_find(call->engine->config, question->routes[i]))
			continue;
		api_refuse_route(call, 400);
		return false;
	}
	return true;
}

/* ---- the answer, step by step ---- */

static void spend(struct answer *answer, size_t cost)
{
	answer->budget -= cost < answer->budget ? (unsigned)cost : answer->budget;
}

static void add_send(void *arg, const struct store_request *request)
{
	struct insight *insight = arg;
	struct insight_route *route;
	HASH_FIND(hh, insight->routes, &request->route, sizeof(request->route), route);
	if (!route)
		return;
	route->requests++;
	route->errors += request->status >= 400;
}

static bool await_fold(struct answer *answer, struct turn *turn)
{
	if (cohorts_folded(turn->engine, &answer->folds))
		return true;
	answer->budget = 0; /* no more in this slice */
	return false;
}

static bool gather(struct answer *answer, struct turn *turn)
{
	return insight_gather(answer->insight, turn, &answer->budget);
}

static bool gather_sends(struct answer *answer, struct turn *turn)
{
	return answer->operators ||
	       activity_sends(&answer->sends, turn, add_send, answer->insight, &answer->budget);
}

static bool begin_routes(struct answer *answer, struct turn *turn)
{
	struct json_writer *json = &answer->call->json;
	(void)turn;
	json_add_int(json, "messages_left_out", answer->insight->left_out);
	json_key(json, "routes");
	json_begin_array(json);
	answer->route = answer->insight->routes;
	return true;
}

static bool tell_route(struct answer *answer, struct turn *turn)
{
	const struct insight_route *route = answer->route;
	(void)turn;
	if (!route) {
		json_end_array(&answer->call->json);
		return true;
	}
	answer->route = route->hh.next;
	if (!asked(&answer->question, route->route))
		return false;
	size_t likes = route->n_like < LIKES_TOLD ? route->n_like : LIKES_TOLD;
	spend(answer, ROUTE_COST + likes * COHORT_OUTCOMES);
	put_route(answer, route);
	return false;
}

static bool begin_over_routes(struct answer *answer, struct turn *turn)
{
	struct json_writer *json = &answer->call->json;
	(void)turn;
	json_key(json, "like_over_routes");
	json_begin_array(json);
	answer->route = answer->insight->routes;
	answer->like = answer->route ? answer->route->like : NULL;
	return true;
}

/* Each likeness once: with the first route that has it. */
static bool tell_over_routes(struct answer *answer, struct turn *turn)
{
	const struct insight_like *like = answer->like;
	size_t n_routes = HASH_COUNT(answer->insight->routes);
	(void)turn;
	if (!answer->route || answer->told == LIKES_TOLD) {
		json_end_array(&answer->call->json);
		return true;
	}
	if (!like || !asked(&answer->question, answer->route->route)) {
		answer->route = answer->route->hh.next;
		answer->like = answer->route ? answer->route->like : NULL;
		return false;
	}
	answer->like = like->next;
	spend(answer, 1 + n_routes / FINDS);
	if (!is_first_of_many(answer, like))
		return false;
	spend(answer, n_routes);
	put_over_routes(answer, like);
	answer->told++;
	return false;
}

static bool end(struct answer *answer, struct turn *turn)
{
	(void)turn;
	if (answer->operators)
		add_providers(answer);
	json_end_object(&answer->call->json);
	return true;
}

/* Each is called until it is true; within a slice, while there is budget. */
static bool (*const steps[])(struct answer *answer, struct turn *turn) = {
	await_fold,	   gather,	     gather_sends, begin_routes, tell_route,
	begin_over_routes, tell_over_routes, end,
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static bool write_slice(struct sliced *sliced, struct turn *turn)
{
	struct answer *answer = (struct answer *)sliced;
	for (answer->budget = SLICE; answer->step < STEPS;) {
		if (!answer->budget || turn_failed(turn))
			return false;
		answer->step += steps[answer->step](answer, turn);
	}
	return !turn_failed(turn);
}

static void let_go(struct sliced *sliced)
{
	insight_free(((struct answer *)sliced)->insight);
}

static void begin(const struct answer *answer, struct json_writer *json)
{
	json_begin_object(json);
	if (!answer->operators)
		json_add_text(json, "status", "success");
	json_add_text(json, "window", answer->question.window->name);
	json_add_time(json, "from", answer->insight->from_ms);
	json_add_time(json, "to", answer->insight->to_ms);
}

static void tell(struct api_call *call, uint32_t account)
{
	struct question question;
	if (!read_question(call, &question))
		return;
	struct insight *insight = insight_new(call->turn, account, question.window);
	struct answer *answer = insight ? calloc(1, sizeof(*answer)) : NULL;
	if (!answer) {
		insight_free(insight);
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	answer->sliced.write = write_slice;
	answer->sliced.release = let_go;
	answer->call = &answer->sliced.call;
	answer->question = question;
	answer->insight = insight;
	answer->operators = account == COHORT_ALL;
	answer->sends = (struct activity_sends){ .account = account,
						 .from_ms = insight->from_ms,
						 .since_ms = insight->to_ms,
						 .seq = UINT64_MAX };
	if (!answer->operators)
		activity_write(call->turn); /* what was answered before counts */
	begin(answer, &call->json);
	sliced_answer(&answer->sliced, call);
}

void insight_get(struct api_call *call)
{
	tell(call, call->account.account);
}

void insight_control(struct api_call *call)
{
	tell(call, COHORT_ALL);
}
