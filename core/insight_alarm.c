/* Alarms from outcomes. See insight_alarm.h; the thresholds stand in esmed(8). */
#include "core/insight_alarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cohort.h"
#include "core/engine.h"
#include "core/provider.h"

#define LEAST 20 /* messages, below which nothing is concluded */

#define RECEIPTS_WINDOW_MS (15 * COHORT_MINUTE_MS)
#define USUAL_LEAST_MS	   COHORT_MINUTE_MS
#define USUAL_MOST_MS	   (100 * COHORT_MINUTE_MS) /* minutes are kept for two hours */
#define DAY_HOURS	   24

#define RECEIPTS_MISSING "receipts_missing:"
#define OUTCOME_LOW	 "outcome_low:"

/* Of one provider. */
struct receipts {
	const struct provider *provider;
	struct histogram delivery; /* of a day */
	uint64_t day_received, day_missing;
	int64_t usual_ms;
	uint64_t due, received, missing; /* of the window */
};

/* Of one route. */
struct outcomes {
	uint64_t final, on_time;
};

/* What is gathered for all of them at once, for records are read slower than added. */
struct look {
	struct turn *turn;
	struct receipts *receipts; /* as engine.providers */
	struct outcomes *outcomes; /* as config.routes */
};

/* ---- sums of all accounts ---- */

typedef void each_fn(struct look *look, const struct store_cohort *rec);

static void walk(struct look *look, enum cohort_span span, int64_t from_ms, each_fn *each)
{
	struct turn *turn = look->turn;
	int64_t span_ms = span == COHORT_MINUTE ? COHORT_MINUTE_MS : COHORT_HOUR_MS;
	uint32_t last = (uint32_t)(turn->at_ms / span_ms);
	for (uint32_t slot = (uint32_t)(from_ms / span_ms); slot <= last; slot++) {
		struct store_cohort rec = { .span = span, .slot = slot, .account = COHORT_ALL };
		enum store_err err = store_cohort_seek(turn->txn, &rec, 3);
		for (; !err || err == STORE_CORRUPT; err = store_cohort_next(turn->txn, &rec, 3))
			if (!err)
				each(look, &rec);
		if (err != STORE_NOTFOUND)
			turn_fail(turn, err);
	}
}

static struct receipts *receipts_of(const struct look *look, const struct store_cohort *rec)
{
	for (size_t i = 0; i < look->turn->engine->n_providers; i++)
		if (look->receipts[i].provider->number == rec->provider)
			return &look->receipts[i];
	return NULL;
}

static void add_day(struct look *look, const struct store_cohort *rec)
{
	struct receipts *receipts = receipts_of(look, rec);
	if (!receipts)
		return;
	receipts->day_received += rec->received;
	receipts->day_missing += rec->missing;
	histogram_unpack(&receipts->delivery, rec->delivery_ms.at, rec->delivery_ms.n);
}

/* Due are receipts that came, that are given up, and those that should be here by now. */
static void add_receipts(struct receipts *receipts, const struct store_cohort *rec, int64_t now_ms)
{
	int64_t begin_ms = (int64_t)rec->slot * COHORT_MINUTE_MS;
	if (begin_ms + COHORT_MINUTE_MS <= now_ms - receipts->usual_ms - RECEIPTS_WINDOW_MS)
		return;
	receipts->received += rec->received;
	receipts->missing += rec->missing;
	receipts->due += rec->received + rec->missing;
	if (begin_ms + COHORT_MINUTE_MS + receipts->usual_ms <= now_ms)
		receipts->due += rec->awaiting;
}

static void add_outcomes(struct outcomes *outcomes, const struct store_cohort *rec)
{
	outcomes->on_time += rec->on_time;
	outcomes->final +=
		(uint64_t)rec->on_time + rec->late + rec->failed + rec->expired + rec->unknown;
}

static void add_minute(struct look *look, const struct store_cohort *rec)
{
	const struct turn *turn = look->turn;
	const struct config *config = turn->engine->config;
	const struct config_route *route = config_route_find(config, rec->route);
	struct receipts *receipts = receipts_of(look, rec);
	if (receipts)
		add_receipts(receipts, rec, turn->at_ms);
	if (route && rec->slot >= (turn->at_ms - COHORT_HOUR_MS) / COHORT_MINUTE_MS)
		add_outcomes(&look->outcomes[route - config->routes], rec);
}

/* ---- receipts of a provider ---- */

static void find_usual(struct receipts *receipts)
{
	receipts->usual_ms = USUAL_LEAST_MS;
	if (receipts->delivery.count >= LEAST)
		receipts->usual_ms = histogram_quantile_ms(&receipts->delivery, 950);
	if (receipts->usual_ms < USUAL_LEAST_MS)
		receipts->usual_ms = USUAL_LEAST_MS;
	if (receipts->usual_ms > USUAL_MOST_MS)
		receipts->usual_ms = USUAL_MOST_MS;
}

/* An hour that could not be read tells less than its minutes. */
static uint64_t more_than(uint64_t day, uint64_t window)
{
	return day > window ? day - window : 0;
}

/* What comes of a hundred on other days; all, where there was too little to tell. */
static uint64_t usual_percent(const struct receipts *receipts)
{
	uint64_t received = more_than(receipts->day_received, receipts->received);
	uint64_t ended = received + more_than(receipts->day_missing, receipts->missing);
	return ended < LEAST ? 100 : received * 100 / ended;
}

/* Raised below half of what is usual, and ended at three quarters, or when nothing is due. */
static bool are_missing(const struct receipts *receipts, uint64_t usual, bool already)
{
	uint64_t received = receipts->received * 100, expected = receipts->due * usual;
	if (already)
		return receipts->due && received * 4 < expected * 3;
	return receipts->due >= LEAST && received * 2 < expected;
}

/* Of deliveries none is told where the configuration asks for no receipt of them. */
static bool asks_for_receipts(const struct config_provider *provider)
{
	return provider->registered_delivery == CONFIG_REGISTERED_FINAL;
}

static void judge_provider(struct engine *engine, const struct receipts *receipts)
{
	const struct config_provider *config = receipts->provider->config;
	char name[sizeof(((struct alarm *)0)->name)], text[sizeof(((struct alarm *)0)->text)];
	uint64_t usual = usual_percent(receipts);
	snprintf(name, sizeof(name), RECEIPTS_MISSING "%s", config->name);
	snprintf(
		text, sizeof(text),
		"%.64s: %llu of %llu receipts that are due came, usually %llu %%; what was sent may "
		"not arrive: ask the carrier; see esmectl insight",
		config->name, (unsigned long long)receipts->received,
		(unsigned long long)receipts->due, (unsigned long long)usual);
	alarm_set(engine, name,
		  asks_for_receipts(config) &&
			  are_missing(receipts, usual, alarm_is_on(engine, name)),
		  text);
}

/* ---- outcomes of a route ---- */

/* Raised below half, and ended above six tenths, or when nothing has ended. */
static bool is_low(const struct outcomes *outcomes, bool already)
{
	if (already)
		return outcomes->final && outcomes->on_time * 10 <= outcomes->final * 6;
	return outcomes->final >= LEAST && outcomes->on_time * 2 < outcomes->final;
}

static void judge_route(struct engine *engine, const struct config_route *route,
			const struct outcomes *outcomes)
{
	char name[sizeof(((struct alarm *)0)->name)], text[sizeof(((struct alarm *)0)->text)];
	snprintf(name, sizeof(name), OUTCOME_LOW "%u", route->id);
	snprintf(
		text, sizeof(text),
		"route %u: of %llu messages of the last hour that have ended %llu were delivered in "
		"time; see esmectl insight %u",
		route->id, (unsigned long long)outcomes->final,
		(unsigned long long)outcomes->on_time, route->id);
	alarm_set(engine, name,
		  asks_for_receipts(route->provider) && is_low(outcomes, alarm_is_on(engine, name)),
		  text);
}

/* ---- both ---- */

/* Of what is no longer configured nothing is said. */
static bool is_gone(const struct config *config, const char *name)
{
	size_t n = strlen(RECEIPTS_MISSING);
	if (!strncmp(name, RECEIPTS_MISSING, n))
		return !config_provider_find(config, name + n);
	n = strlen(OUTCOME_LOW);
	unsigned route;
	return !strncmp(name, OUTCOME_LOW, n) && sscanf(name + n, "%u", &route) == 1 &&
	       !config_route_find(config, route);
}

static void end_gone(struct engine *engine)
{
	for (struct alarm *alarm = engine->alarms, *next; alarm; alarm = next) {
		next = alarm->next;
		if (is_gone(engine->config, alarm->name))
			alarm_set(engine, alarm->name, false, "");
	}
}

static void gather(struct look *look)
{
	const struct engine *engine = look->turn->engine;
	int64_t now_ms = look->turn->at_ms, longest_ms = COHORT_HOUR_MS;
	for (size_t i = 0; i < engine->n_providers; i++)
		look->receipts[i].provider = engine->providers[i];
	walk(look, COHORT_HOUR, now_ms - DAY_HOURS * COHORT_HOUR_MS, add_day);
	for (size_t i = 0; i < engine->n_providers; i++) {
		struct receipts *receipts = &look->receipts[i];
		find_usual(receipts);
		if (receipts->usual_ms + RECEIPTS_WINDOW_MS > longest_ms)
			longest_ms = receipts->usual_ms + RECEIPTS_WINDOW_MS;
	}
	walk(look, COHORT_MINUTE, now_ms - longest_ms, add_minute);
}

static void judge(const struct look *look)
{
	struct engine *engine = look->turn->engine;
	const struct config *config = engine->config;
	end_gone(engine);
	for (size_t i = 0; i < engine->n_providers; i++)
		if (engine->providers[i]->config->kind == CONFIG_KIND_SMPP &&
		    !engine->providers[i]->held)
			judge_provider(engine, &look->receipts[i]);
	for (size_t i = 0; i < config->n_routes; i++)
		judge_route(engine, &config->routes[i], &look->outcomes[i]);
}

void insight_alarm_run(struct turn *turn)
{
	const struct engine *engine = turn->engine;
	struct look look = { .turn = turn };
	look.receipts = calloc(engine->n_providers + 1, sizeof(*look.receipts));
	look.outcomes = calloc(engine->config->n_routes + 1, sizeof(*look.outcomes));
	if (look.receipts && look.outcomes) {
		gather(&look);
		if (!turn_failed(turn))
			judge(&look);
	}
	free(look.receipts);
	free(look.outcomes);
}
