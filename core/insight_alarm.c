/* Alarms from outcomes. See insight_alarm.h; the thresholds stand in esmed(8). */
#include "core/insight_alarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cohort.h"
#include "core/engine.h"
#include "core/provider.h"
#include "core/reload.h"

#define LEAST 20 /* messages, below which nothing is concluded */

#define RECEIPTS_WINDOW_MS (15 * COHORT_MINUTE_MS)
#define USUAL_LEAST_MS	   COHORT_MINUTE_MS
#define USUAL_MOST_MS	   (100 * COHORT_MINUTE_MS) /* minutes are kept for two hours */
#define DAY_HOURS	   24

#define RECEIPTS_MISSING "receipts_missing:"
#define OUTCOME_LOW	 "outcome_low:"

/* Of one provider. */
struct receipts {
	uint32_t provider;	   /* its number */
	struct histogram delivery; /* of a day */
	uint64_t day_received, day_missing;
	int64_t usual_ms;
	uint64_t due, received, missing; /* of the window */
};

/* Of one route. */
struct outcomes {
	uint64_t final, on_time;
};

/*
 * What is gathered for all of them at once, for records are read slower than added: the hours of a
 * day, then minutes. It goes over many turns, and begins anew with another configuration.
 */
struct insight_alarm {
	struct receipts *receipts; /* NULL: no look is under way */
	size_t n_receipts;
	struct outcomes *outcomes; /* as config.routes */
	uint32_t generation;	   /* of that configuration */
	struct store_cohort at;	   /* where the walk stands: its key counts */
	bool inside;		   /* a record of that key has been read */
};

struct insight_alarm *insight_alarm_new(void)
{
	return calloc(1, sizeof(struct insight_alarm));
}

static void end_look(struct insight_alarm *look)
{
	free(look->receipts);
	free(look->outcomes);
	look->receipts = NULL;
	look->outcomes = NULL;
}

void insight_alarm_free(struct insight_alarm *look)
{
	if (look)
		end_look(look);
	free(look);
}

/* ---- sums of all accounts ---- */

static int64_t span_ms(const struct insight_alarm *look)
{
	return look->at.span == COHORT_MINUTE ? COHORT_MINUTE_MS : COHORT_HOUR_MS;
}

static void go_to(struct insight_alarm *look, enum cohort_span span, uint32_t slot)
{
	look->at = (struct store_cohort){ .span = span, .slot = slot, .account = COHORT_ALL };
	look->inside = false;
}

static struct receipts *receipts_of(const struct insight_alarm *look)
{
	for (size_t i = 0; i < look->n_receipts; i++)
		if (look->receipts[i].provider == look->at.provider)
			return &look->receipts[i];
	return NULL;
}

static void add_day(struct insight_alarm *look)
{
	const struct store_cohort *rec = &look->at;
	struct receipts *receipts = receipts_of(look);
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

static void add_minute(struct insight_alarm *look, const struct turn *turn)
{
	const struct store_cohort *rec = &look->at;
	const struct config *config = turn->engine->config;
	const struct config_route *route = config_route_find(config, rec->route);
	struct receipts *receipts = receipts_of(look);
	if (receipts)
		add_receipts(receipts, rec, turn->at_ms);
	if (route && rec->slot >= (turn->at_ms - COHORT_HOUR_MS) / COHORT_MINUTE_MS)
		add_outcomes(&look->outcomes[route - config->routes], rec);
}

/* Through with the span, up to now: true. Each look at the store counts. */
static bool walk(struct insight_alarm *look, struct turn *turn, unsigned *budget)
{
	for (; *budget; --*budget) {
		enum store_err err = look->inside ? store_cohort_next(turn->txn, &look->at, 3) :
						    store_cohort_seek(turn->txn, &look->at, 3);
		look->inside = true;
		if (err == STORE_NOTFOUND) {
			go_to(look, (enum cohort_span)look->at.span, look->at.slot + 1);
			if (look->at.slot > turn->at_ms / span_ms(look))
				return true;
		} else if (err && err != STORE_CORRUPT) {
			turn_fail(turn, err);
			return false;
		} else if (!err && look->at.span == COHORT_HOUR) {
			add_day(look);
		} else if (!err) {
			add_minute(look, turn);
		}
	}
	return false;
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

static void judge_provider(struct engine *engine, const struct config_provider *config,
			   const struct receipts *receipts)
{
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

static bool begin(struct insight_alarm *look, const struct turn *turn)
{
	const struct engine *engine = turn->engine;
	end_look(look);
	look->n_receipts = engine->n_providers;
	look->generation = engine->generation->number;
	look->receipts = calloc(engine->n_providers + 1, sizeof(*look->receipts));
	look->outcomes = calloc(engine->config->n_routes + 1, sizeof(*look->outcomes));
	if (!look->receipts || !look->outcomes) {
		end_look(look);
		return false;
	}
	for (size_t i = 0; i < engine->n_providers; i++)
		look->receipts[i].provider = engine->providers[i]->number;
	go_to(look, COHORT_HOUR,
	      (uint32_t)((turn->at_ms - DAY_HOURS * COHORT_HOUR_MS) / COHORT_HOUR_MS));
	return true;
}

/* The day tells how long receipts usually take, and so how far back to look for them. */
static void go_to_minutes(struct insight_alarm *look, const struct turn *turn)
{
	int64_t longest_ms = COHORT_HOUR_MS;
	for (size_t i = 0; i < look->n_receipts; i++) {
		struct receipts *receipts = &look->receipts[i];
		find_usual(receipts);
		if (receipts->usual_ms + RECEIPTS_WINDOW_MS > longest_ms)
			longest_ms = receipts->usual_ms + RECEIPTS_WINDOW_MS;
	}
	go_to(look, COHORT_MINUTE, (uint32_t)((turn->at_ms - longest_ms) / COHORT_MINUTE_MS));
}

static void judge(const struct insight_alarm *look, struct engine *engine)
{
	const struct config *config = engine->config;
	end_gone(engine);
	for (size_t i = 0; i < look->n_receipts; i++) {
		const struct provider *provider =
			provider_numbered(engine, look->receipts[i].provider);
		if (provider && provider->config->kind == CONFIG_KIND_SMPP && !provider->held)
			judge_provider(engine, provider->config, &look->receipts[i]);
	}
	for (size_t i = 0; i < config->n_routes; i++)
		judge_route(engine, &config->routes[i], &look->outcomes[i]);
}

bool insight_alarm_waits(const struct insight_alarm *look)
{
	return look->receipts;
}

void insight_alarm_run(struct turn *turn)
{
	struct engine *engine = turn->engine;
	struct insight_alarm *look = engine->insight_alarm;
	unsigned budget = INSIGHT_ALARM_LOOKS;
	if ((!look->receipts || look->generation != engine->generation->number) &&
	    !begin(look, turn))
		return;
	if (look->at.span == COHORT_HOUR && walk(look, turn, &budget))
		go_to_minutes(look, turn);
	if (look->at.span == COHORT_HOUR || !walk(look, turn, &budget))
		return;
	judge(look, engine);
	end_look(look);
}
