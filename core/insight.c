/* What became of a window's messages, summed up from cohorts. See insight.h. */
#include "core/insight.h"

#include <stdlib.h>
#include <string.h>

#include "core/engine.h"

#define HOUR_MINUTES 60
#define DAY_HOURS    24
#define FOR_EVER     0 /* the first slot of all */

static const struct insight_window windows[] = {
	{ "5m", 5 * COHORT_MINUTE_MS, COHORT_MINUTE },
	{ "1h", COHORT_HOUR_MS, COHORT_MINUTE },
	{ "24h", DAY_HOURS *COHORT_HOUR_MS, COHORT_HOUR },
};

const struct insight_window *insight_window(const char *name)
{
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		if (!strcmp(windows[i].name, name))
			return &windows[i];
	return NULL;
}

static int64_t span_ms(enum cohort_span span)
{
	return span == COHORT_MINUTE ? COHORT_MINUTE_MS : COHORT_HOUR_MS;
}

/* ---- what is gathered ---- */

struct gather {
	struct turn *turn;
	struct insight *insight;
	uint32_t account;
};

/* Moves to where the next record of the account, or of any, may be; false: that one is it. */
static bool skips(const struct gather *gather, struct store_cohort *rec)
{
	bool any = gather->account == COHORT_ALL;
	if (any ? rec->account != COHORT_ALL : rec->account == gather->account)
		return false;
	if (any) {
		*rec = (struct store_cohort){ .span = rec->span, .slot = rec->slot, .account = 1 };
		return true;
	}
	rec->slot += rec->account > gather->account;
	*rec = (struct store_cohort){ .span = rec->span,
				      .slot = rec->slot,
				      .account = gather->account };
	return true;
}

typedef void each_fn(struct gather *gather, const struct store_cohort *rec);

/* Every cohort of the account from one slot to another, both included. */
static void walk(struct gather *gather, enum cohort_span span, uint32_t first, uint32_t last,
		 each_fn *each)
{
	struct turn *turn = gather->turn;
	struct store_cohort rec = { .span = span, .slot = first };
	enum store_err err = store_cohort_seek(turn->txn, &rec, 1);
	while ((!err || err == STORE_CORRUPT) && rec.slot <= last && !turn_failed(turn)) {
		if (skips(gather, &rec)) {
			err = store_cohort_seek(turn->txn, &rec, 1);
			continue;
		}
		if (!err)
			each(gather, &rec);
		err = store_cohort_next(turn->txn, &rec, 1);
	}
	if (err && err != STORE_NOTFOUND && err != STORE_CORRUPT)
		turn_fail(turn, err);
}

static struct insight_route *route_of(struct gather *gather, uint32_t number)
{
	struct insight_route **at = &gather->insight->routes, *route;
	while (*at && (*at)->route < number)
		at = &(*at)->next;
	if (*at && (*at)->route == number)
		return *at;
	route = calloc(1, sizeof(*route));
	if (!route) {
		turn_fail(gather->turn, STORE_FULL);
		return NULL;
	}
	route->route = number;
	route->next = *at;
	return *at = route;
}

static struct insight_provider *provider_of_cohort(struct gather *gather, uint32_t number)
{
	struct insight_provider **at = &gather->insight->providers;
	while (*at && (*at)->number != number)
		at = &(*at)->next;
	if (*at)
		return *at;
	*at = calloc(1, sizeof(**at));
	if (*at)
		(*at)->number = number;
	else
		turn_fail(gather->turn, STORE_FULL);
	return *at;
}

static struct insight_like *like_of(struct gather *gather, const struct store_cohort *rec)
{
	const uint32_t key[] = { rec->route, rec->country, rec->parts };
	struct insight *insight = gather->insight;
	struct insight_like *like;
	HASH_FIND(hh, insight->likes, key, sizeof(key), like);
	if (like)
		return like;
	like = calloc(1, sizeof(*like));
	if (!like) {
		turn_fail(gather->turn, STORE_FULL);
		return NULL;
	}
	like->route = rec->route;
	like->country = rec->country;
	like->parts = rec->parts;
	HASH_ADD(hh, insight->likes, route, sizeof(key), like);
	if (like->hh.tbl)
		return like;
	free(like);
	turn_fail(gather->turn, STORE_FULL);
	return NULL;
}

/* ---- what is usual, and what is stuck ---- */

static void add_day(struct gather *gather, const struct store_cohort *rec)
{
	struct insight_route *route = route_of(gather, rec->route);
	if (route)
		histogram_unpack(&route->day, rec->total_ms.at, rec->total_ms.n);
}

/*
 * Before that nearly everything would have been delivered by now. Told to the minute while minutes
 * are kept of all the hour it falls into, and else to the hour.
 */
static void find_usual(struct gather *gather, struct insight_route *route)
{
	const struct config_route *config =
		config_route_find(gather->turn->engine->config, route->route);
	int64_t usual_ms = config ? config->outcome_deadline_ms : 0;
	route->usual_known = histogram_count(&route->day) >= INSIGHT_USUAL_LEAST;
	if (route->usual_known)
		usual_ms = histogram_quantile_ms(&route->day, 990);
	if (usual_ms < INSIGHT_STUCK_MS)
		usual_ms = INSIGHT_STUCK_MS;
	int64_t before_ms = gather->insight->to_ms - usual_ms;
	int64_t grain_ms = usual_ms <= COHORT_HOUR_MS ? COHORT_MINUTE_MS : COHORT_HOUR_MS;
	route->stuck_before_ms = before_ms - before_ms % grain_ms;
}

/* All of the slot began before. */
static bool is_old(const struct insight_route *route, const struct store_cohort *rec)
{
	enum cohort_span span = (enum cohort_span)rec->span;
	return ((int64_t)rec->slot + 1) * span_ms(span) <= route->stuck_before_ms;
}

static void add_stuck_hour(struct gather *gather, const struct store_cohort *rec)
{
	struct insight_route *route = rec->awaiting ? route_of(gather, rec->route) : NULL;
	if (route && !route->stuck_before_ms)
		find_usual(gather, route); /* older than a day: nothing of it is usual */
	if (route && is_old(route, rec))
		route->stuck += rec->awaiting;
}

/* Of an hour that is old in part only. */
static void add_stuck_minute(struct gather *gather, const struct store_cohort *rec)
{
	struct insight_route *route = rec->awaiting ? route_of(gather, rec->route) : NULL;
	if (!route || !is_old(route, rec) ||
	    rec->slot / HOUR_MINUTES != (uint64_t)(route->stuck_before_ms / COHORT_HOUR_MS))
		return;
	struct insight_provider *provider = provider_of_cohort(gather, rec->provider);
	route->stuck += rec->awaiting;
	if (gather->insight->window->span != COHORT_HOUR || !provider)
		return;
	route->overdue += rec->awaiting;
	provider->overdue += rec->awaiting;
}

static void add_like(struct gather *gather, const struct store_cohort *rec)
{
	struct insight_like *like = like_of(gather, rec);
	struct insight_route *route = route_of(gather, rec->route);
	struct insight_provider *provider = provider_of_cohort(gather, rec->provider);
	if (!like || !route || !provider)
		return;
	cohort_add(&like->sums, rec);
	if (gather->account == COHORT_ALL)
		cohort_add(&provider->sums, rec);
	if (!is_old(route, rec))
		return;
	route->overdue += rec->awaiting;
	provider->overdue += rec->awaiting;
}

/* ---- the whole ---- */

static int by_messages(struct insight_like *a, struct insight_like *b)
{
	int64_t left = a->sums.counts[COHORT_MESSAGES], right = b->sums.counts[COHORT_MESSAGES];
	if (left != right)
		return left > right ? 1 : -1;
	if (a->country != b->country)
		return a->country < b->country ? 1 : -1;
	return a->parts < b->parts ? 1 : -1;
}

/* Each to its route; the fewest first, so that the most come to stand in front. */
static void sort(struct gather *gather)
{
	struct insight *insight = gather->insight;
	HASH_SORT(insight->likes, by_messages);
	for (struct insight_like *like = insight->likes; like; like = like->hh.next) {
		struct insight_route *route = route_of(gather, like->route);
		if (!route)
			return;
		cohort_merge(&route->sums, &like->sums);
		like->next = route->like;
		route->like = like;
		route->n_like++;
	}
}

static void gather_all(struct gather *gather)
{
	struct insight *insight = gather->insight;
	int64_t window_ms = span_ms(insight->window->span);
	uint32_t minute = (uint32_t)(insight->to_ms / COHORT_MINUTE_MS);
	uint32_t hour = minute / HOUR_MINUTES;
	const struct config *config = gather->turn->engine->config;
	for (size_t i = 0; i < config->n_routes; i++)
		route_of(gather, config->routes[i].id); /* also of nothing something is told */
	walk(gather, COHORT_HOUR, hour - DAY_HOURS, hour, add_day);
	for (struct insight_route *route = insight->routes; route; route = route->next)
		find_usual(gather, route);
	walk(gather, insight->window->span, (uint32_t)(insight->from_ms / window_ms),
	     (uint32_t)(insight->to_ms / window_ms), add_like);
	walk(gather, COHORT_HOUR, FOR_EVER, hour, add_stuck_hour);
	uint32_t first = minute, last = 0;
	for (const struct insight_route *route = insight->routes; route; route = route->next) {
		uint32_t before = (uint32_t)(route->stuck_before_ms / COHORT_MINUTE_MS);
		uint32_t begin = before - before % HOUR_MINUTES;
		first = begin < first ? begin : first;
		last = before > last ? before : last;
	}
	walk(gather, COHORT_MINUTE, first, last, add_stuck_minute);
	sort(gather);
}

struct insight *insight_new(struct turn *turn, uint32_t account,
			    const struct insight_window *window)
{
	struct gather gather = { .turn = turn, .account = account };
	gather.insight = calloc(1, sizeof(*gather.insight));
	if (!gather.insight) {
		turn_fail(turn, STORE_FULL);
		return NULL;
	}
	gather.insight->window = window;
	gather.insight->to_ms = turn->at_ms;
	int64_t from_ms = turn->at_ms - window->ms;
	gather.insight->from_ms = from_ms - from_ms % span_ms(window->span);
	gather_all(&gather);
	if (!turn_failed(turn))
		return gather.insight;
	insight_free(gather.insight);
	return NULL;
}

void insight_free(struct insight *insight)
{
	struct insight_like *like, *next;
	if (!insight)
		return;
	HASH_ITER(hh, insight->likes, like, next) {
		HASH_DEL(insight->likes, like);
		free(like);
	}
	for (struct insight_route *route; (route = insight->routes);) {
		insight->routes = route->next;
		free(route);
	}
	for (struct insight_provider *provider; (provider = insight->providers);) {
		insight->providers = provider->next;
		free(provider);
	}
	free(insight);
}

/* ---- figures ---- */

int64_t insight_final(const int64_t counts[COHORT_COUNTS])
{
	int64_t final = 0;
	for (unsigned outcome = 0; outcome < COHORT_OUTCOMES; outcome++)
		final += counts[outcome];
	return final;
}

int64_t insight_consistency(const int64_t counts[COHORT_COUNTS])
{
	double final = (double)insight_final(counts), alike = 0;
	if (final < 2)
		return -1;
	for (unsigned outcome = 0; outcome < COHORT_OUTCOMES; outcome++)
		alike += (double)counts[outcome] * (double)(counts[outcome] - 1);
	return (int64_t)(alike / (final * (final - 1)) * 1e6 + 0.5);
}

int64_t insight_route_consistency(const struct insight_route *route)
{
	double sum = 0, weight = 0;
	for (const struct insight_like *like = route->like; like; like = like->next) {
		int64_t consistency = insight_consistency(like->sums.counts);
		if (consistency < 0)
			continue;
		double final = (double)insight_final(like->sums.counts);
		sum += (double)consistency * final;
		weight += final;
	}
	return weight > 0 ? (int64_t)(sum / weight + 0.5) : -1;
}
