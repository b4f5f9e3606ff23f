/* What became of a window's messages, summed up from cohorts. See insight.h. */
#include "core/insight.h"

#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "core/provider.h"

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

#define LIKE_KEY_OCTETS (3 * sizeof(uint32_t))

struct insight_like *insight_like_find(const struct insight *insight, uint32_t route,
				       uint32_t country, uint32_t parts)
{
	const uint32_t key[] = { route, country, parts };
	struct insight_like *like;
	_Static_assert(sizeof(key) == LIKE_KEY_OCTETS, "the members that are hashed");
	HASH_FIND(hh, insight->likes, key, sizeof(key), like);
	return like;
}

static int64_t span_ms(enum cohort_span span)
{
	return span == COHORT_MINUTE ? COHORT_MINUTE_MS : COHORT_HOUR_MS;
}

/* ---- tables ---- */

struct gather {
	struct turn *turn;
	struct insight *insight;
};

static int by_number(const struct insight_route *a, const struct insight_route *b)
{
	return (a->route > b->route) - (a->route < b->route);
}

/* NULL: there is no place for it, or the turn failed. */
static struct insight_route *route_of(struct gather *gather, uint32_t number)
{
	struct insight *insight = gather->insight;
	struct insight_route *route;
	HASH_FIND(hh, insight->routes, &number, sizeof(number), route);
	if (route)
		return route;
	if (HASH_COUNT(insight->routes) >= INSIGHT_ROUTES_MAX &&
	    !config_route_find(gather->turn->engine->config, number))
		return NULL;
	route = calloc(1, sizeof(*route));
	if (!route) {
		turn_fail(gather->turn, STORE_FULL);
		return NULL;
	}
	route->route = number;
	HASH_ADD_INORDER(hh, insight->routes, route, sizeof(number), route, by_number);
	if (route->hh.tbl)
		return route;
	free(route);
	turn_fail(gather->turn, STORE_FULL);
	return NULL;
}

static struct insight_provider *provider_of_cohort(struct gather *gather, uint32_t number)
{
	struct insight *insight = gather->insight;
	struct insight_provider *provider;
	HASH_FIND(hh, insight->providers, &number, sizeof(number), provider);
	if (provider)
		return provider;
	if (HASH_COUNT(insight->providers) >= INSIGHT_ROUTES_MAX &&
	    !provider_numbered(gather->turn->engine, number))
		return NULL;
	provider = calloc(1, sizeof(*provider));
	if (!provider) {
		turn_fail(gather->turn, STORE_FULL);
		return NULL;
	}
	provider->number = number;
	HASH_ADD(hh, insight->providers, number, sizeof(number), provider);
	if (provider->hh.tbl)
		return provider;
	free(provider);
	turn_fail(gather->turn, STORE_FULL);
	return NULL;
}

static struct insight_like *like_of(struct gather *gather, const struct store_cohort *rec)
{
	struct insight *insight = gather->insight;
	struct insight_like *like =
		insight_like_find(insight, rec->route, rec->country, rec->parts);
	if (like || HASH_COUNT(insight->likes) >= INSIGHT_LIKES_MAX)
		return like;
	like = calloc(1, sizeof(*like));
	if (!like) {
		turn_fail(gather->turn, STORE_FULL);
		return NULL;
	}
	like->route = rec->route;
	like->country = rec->country;
	like->parts = rec->parts;
	HASH_ADD(hh, insight->likes, route, LIKE_KEY_OCTETS, like);
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
	route->usual_known = route->day.count >= INSIGHT_USUAL_LEAST;
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
	route->stuck += rec->awaiting;
	struct insight_provider *provider = provider_of_cohort(gather, rec->provider);
	if (gather->insight->window->span != COHORT_HOUR || !provider)
		return;
	route->overdue += rec->awaiting;
	provider->overdue += rec->awaiting;
}

/* What has no like of its own counts in its route all the same. */
static void add_like(struct gather *gather, const struct store_cohort *rec)
{
	struct insight_route *route = route_of(gather, rec->route);
	struct insight_provider *provider = provider_of_cohort(gather, rec->provider);
	if (!route || !provider) {
		gather->insight->left_out += rec->messages;
		return;
	}
	struct insight_like *like = like_of(gather, rec);
	cohort_add(like ? &like->sums : &route->sums, rec);
	if (gather->insight->account == COHORT_ALL)
		cohort_add(&provider->sums, rec);
	if (!is_old(route, rec))
		return;
	route->overdue += rec->awaiting;
	provider->overdue += rec->awaiting;
}

/* ---- likes to their routes ---- */

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

/* ---- walks ---- */

static void from_to(struct insight *insight, enum cohort_span span, uint32_t first, uint32_t last)
{
	insight->at =
		(struct store_cohort){ .span = span, .slot = first, .account = insight->account };
	insight->behind = false;
	insight->last = last;
}

static uint32_t hour_of(const struct insight *insight)
{
	return (uint32_t)(insight->to_ms / COHORT_HOUR_MS);
}

static void begin_day(struct gather *gather)
{
	uint32_t hour = hour_of(gather->insight);
	from_to(gather->insight, COHORT_HOUR, hour - DAY_HOURS, hour);
}

static void begin_window(struct gather *gather)
{
	struct insight *insight = gather->insight;
	int64_t window_ms = span_ms(insight->window->span);
	for (struct insight_route *route = insight->routes; route; route = route->hh.next)
		find_usual(gather, route);
	from_to(insight, insight->window->span, (uint32_t)(insight->from_ms / window_ms),
		(uint32_t)(insight->to_ms / window_ms));
}

static void begin_stuck_hours(struct gather *gather)
{
	from_to(gather->insight, COHORT_HOUR, FOR_EVER, hour_of(gather->insight));
}

static void begin_stuck_minutes(struct gather *gather)
{
	struct insight *insight = gather->insight;
	uint32_t first = (uint32_t)(insight->to_ms / COHORT_MINUTE_MS), last = 0;
	for (const struct insight_route *route = insight->routes; route; route = route->hh.next) {
		uint32_t before = (uint32_t)(route->stuck_before_ms / COHORT_MINUTE_MS);
		uint32_t begin = before - before % HOUR_MINUTES;
		first = begin < first ? begin : first;
		last = before > last ? before : last;
	}
	from_to(insight, COHORT_MINUTE, first, last);
}

/* Only likes need each account of all: the rest is read from the sums over them. */
static const struct {
	void (*begin)(struct gather *gather);
	void (*each)(struct gather *gather, const struct store_cohort *rec);
	bool each_account;
} walks[] = {
	{ begin_day, add_day, false },
	{ begin_window, add_like, true },
	{ begin_stuck_hours, add_stuck_hour, false },
	{ begin_stuck_minutes, add_stuck_minute, false },
};
#define WALKS (sizeof(walks) / sizeof(walks[0]))

/* Moves past what is another account's, to where the next one that is wanted may be. */
static bool skips(struct insight *insight, const struct store_cohort *rec)
{
	bool each = insight->account == COHORT_ALL && walks[insight->walk].each_account;
	if (each ? rec->account != COHORT_ALL : rec->account == insight->account)
		return false;
	insight->at = (struct store_cohort){
		.span = rec->span,
		.slot = rec->slot + (!each && rec->account > insight->account),
		.account = each ? COHORT_ALL + 1 : insight->account,
	};
	insight->behind = false;
	return true;
}

/* One look into the store; false: the walk is at its end. */
static bool step(struct gather *gather)
{
	struct insight *insight = gather->insight;
	struct turn *turn = gather->turn;
	struct store_cohort rec = insight->at;
	enum store_err err = insight->behind ? store_cohort_next(turn->txn, &rec, 1) :
					       store_cohort_seek(turn->txn, &rec, 1);
	if (err && err != STORE_NOTFOUND && err != STORE_CORRUPT)
		turn_fail(turn, err);
	if ((err && err != STORE_CORRUPT) || rec.slot > insight->last)
		return false;
	if (skips(insight, &rec))
		return true;
	if (!err)
		walks[insight->walk].each(gather, &rec);
	insight->at = rec; /* of its octets, which end with the turn, nothing is read again */
	insight->behind = true;
	return true;
}

bool insight_gather(struct insight *insight, struct turn *turn, unsigned *budget)
{
	struct gather gather = { .turn = turn, .insight = insight };
	for (; insight->walk < WALKS && *budget && !turn_failed(turn); --*budget) {
		if (step(&gather) || turn_failed(turn))
			continue;
		if (++insight->walk < WALKS)
			walks[insight->walk].begin(&gather);
		else
			sort(&gather);
	}
	return insight->walk == WALKS && !turn_failed(turn);
}

/* ---- the whole ---- */

struct insight *insight_new(struct turn *turn, uint32_t account,
			    const struct insight_window *window)
{
	const struct config *config = turn->engine->config;
	struct insight *insight = calloc(1, sizeof(*insight));
	struct gather gather = { .turn = turn, .insight = insight };
	if (!insight) {
		turn_fail(turn, STORE_FULL);
		return NULL;
	}
	insight->window = window;
	insight->account = account;
	insight->to_ms = turn->at_ms;
	int64_t from_ms = turn->at_ms - window->ms;
	insight->from_ms = from_ms - from_ms % span_ms(window->span);
	for (size_t i = 0; i < config->n_routes; i++)
		route_of(&gather, config->routes[i].id); /* also of nothing something is told */
	walks[0].begin(&gather);
	if (!turn_failed(turn))
		return insight;
	insight_free(insight);
	return NULL;
}

void insight_free(struct insight *insight)
{
	struct insight_like *like, *next_like;
	struct insight_route *route, *next_route;
	struct insight_provider *provider, *next_provider;
	if (!insight)
		return;
	HASH_ITER(hh, insight->likes, like, next_like) {
		HASH_DEL(insight->likes, like);
		free(like);
	}
	HASH_ITER(hh, insight->routes, route, next_route) {
		HASH_DEL(insight->routes, route);
		free(route);
	}
	HASH_ITER(hh, insight->providers, provider, next_provider) {
		HASH_DEL(insight->providers, provider);
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
