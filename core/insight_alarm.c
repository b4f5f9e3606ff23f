/* Alarms from outcomes. See insight_alarm.h; the thresholds stand in esmed(8). */
#include "core/insight_alarm.h"

#include <stdio.h>
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

/* ---- sums of all accounts ---- */

typedef void each_fn(void *arg, const struct store_cohort *rec);

static void walk(struct turn *turn, enum cohort_span span, int64_t from_ms, each_fn *each,
		 void *arg)
{
	int64_t span_ms = span == COHORT_MINUTE ? COHORT_MINUTE_MS : COHORT_HOUR_MS;
	uint32_t last = (uint32_t)(turn->at_ms / span_ms);
	for (uint32_t slot = (uint32_t)(from_ms / span_ms); slot <= last; slot++) {
		struct store_cohort rec = { .span = span, .slot = slot, .account = COHORT_ALL };
		enum store_err err = store_cohort_seek(turn->txn, &rec, 3);
		for (; !err || err == STORE_CORRUPT; err = store_cohort_next(turn->txn, &rec, 3))
			if (!err)
				each(arg, &rec);
		if (err != STORE_NOTFOUND)
			turn_fail(turn, err);
	}
}

/* ---- receipts of a provider ---- */

struct receipts {
	const struct provider *provider;
	int64_t now_ms;
	struct histogram delivery; /* of a day */
	uint64_t day_received, day_missing;
	int64_t usual_ms;
	uint64_t due, received, missing; /* of the window */
};

static void add_day(void *arg, const struct store_cohort *rec)
{
	struct receipts *receipts = arg;
	if (rec->provider != receipts->provider->number)
		return;
	receipts->day_received += rec->received;
	receipts->day_missing += rec->missing;
	histogram_unpack(&receipts->delivery, rec->delivery_ms.at, rec->delivery_ms.n);
}

/* Due are receipts that came, that are given up, and those that should be here by now. */
static void add_window(void *arg, const struct store_cohort *rec)
{
	struct receipts *receipts = arg;
	int64_t end_ms = ((int64_t)rec->slot + 1) * COHORT_MINUTE_MS;
	if (rec->provider != receipts->provider->number)
		return;
	receipts->received += rec->received;
	receipts->missing += rec->missing;
	receipts->due += rec->received + rec->missing;
	if (end_ms + receipts->usual_ms <= receipts->now_ms)
		receipts->due += rec->awaiting;
}

static void find_usual(struct receipts *receipts)
{
	receipts->usual_ms = USUAL_LEAST_MS;
	if (histogram_count(&receipts->delivery) >= LEAST)
		receipts->usual_ms = histogram_quantile_ms(&receipts->delivery, 950);
	if (receipts->usual_ms < USUAL_LEAST_MS)
		receipts->usual_ms = USUAL_LEAST_MS;
	if (receipts->usual_ms > USUAL_MOST_MS)
		receipts->usual_ms = USUAL_MOST_MS;
}

/* What comes of a hundred on other days; all, where there was too little to tell. */
static uint64_t usual_percent(const struct receipts *receipts)
{
	uint64_t received = receipts->day_received - receipts->received;
	uint64_t ended = received + receipts->day_missing - receipts->missing;
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

static void look_at_provider(struct turn *turn, const struct provider *provider)
{
	struct receipts receipts = { .provider = provider, .now_ms = turn->at_ms };
	char name[sizeof(((struct alarm *)0)->name)], text[sizeof(((struct alarm *)0)->text)];
	walk(turn, COHORT_HOUR, turn->at_ms - DAY_HOURS * COHORT_HOUR_MS, add_day, &receipts);
	find_usual(&receipts);
	walk(turn, COHORT_MINUTE, turn->at_ms - receipts.usual_ms - RECEIPTS_WINDOW_MS, add_window,
	     &receipts);
	uint64_t usual = usual_percent(&receipts);
	snprintf(name, sizeof(name), RECEIPTS_MISSING "%s", provider->config->name);
	snprintf(
		text, sizeof(text),
		"%.64s: %llu of %llu receipts that are due came, usually %llu %%; what was sent may "
		"not arrive: ask the carrier; see esmectl insight",
		provider->config->name, (unsigned long long)receipts.received,
		(unsigned long long)receipts.due, (unsigned long long)usual);
	if (!turn_failed(turn))
		alarm_set(turn->engine, name,
			  are_missing(&receipts, usual, alarm_is_on(turn->engine, name)), text);
}

/* ---- outcomes of a route ---- */

struct outcomes {
	uint32_t route;
	uint64_t final, on_time;
};

static void add_outcomes(void *arg, const struct store_cohort *rec)
{
	struct outcomes *outcomes = arg;
	if (rec->route != outcomes->route)
		return;
	outcomes->on_time += rec->on_time;
	outcomes->final +=
		(uint64_t)rec->on_time + rec->late + rec->failed + rec->expired + rec->unknown;
}

/* Raised below half, and ended above six tenths, or when nothing has ended. */
static bool is_low(const struct outcomes *outcomes, bool already)
{
	if (already)
		return outcomes->final && outcomes->on_time * 10 <= outcomes->final * 6;
	return outcomes->final >= LEAST && outcomes->on_time * 2 < outcomes->final;
}

static void look_at_route(struct turn *turn, const struct config_route *route)
{
	struct outcomes outcomes = { .route = route->id };
	char name[sizeof(((struct alarm *)0)->name)], text[sizeof(((struct alarm *)0)->text)];
	walk(turn, COHORT_MINUTE, turn->at_ms - COHORT_HOUR_MS, add_outcomes, &outcomes);
	snprintf(name, sizeof(name), OUTCOME_LOW "%u", route->id);
	snprintf(
		text, sizeof(text),
		"route %u: of %llu messages of the last hour that have ended %llu were delivered in "
		"time; see esmectl insight %u",
		route->id, (unsigned long long)outcomes.final, (unsigned long long)outcomes.on_time,
		route->id);
	if (!turn_failed(turn))
		alarm_set(turn->engine, name, is_low(&outcomes, alarm_is_on(turn->engine, name)),
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

void insight_alarm_run(struct turn *turn)
{
	struct engine *engine = turn->engine;
	end_gone(engine);
	for (size_t i = 0; i < engine->n_providers && !turn_failed(turn); i++)
		if (engine->providers[i]->config->kind == CONFIG_KIND_SMPP &&
		    !engine->providers[i]->held)
			look_at_provider(turn, engine->providers[i]);
	for (size_t i = 0; i < engine->config->n_routes && !turn_failed(turn); i++)
		look_at_route(turn, &engine->config->routes[i]);
}
