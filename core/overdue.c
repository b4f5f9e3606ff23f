/* What waits for too long, and the alarm for it. See overdue.h. */
#include "core/overdue.h"

#include <stdio.h>

#include "core/alarm.h"
#include "core/engine.h"
#include "core/json.h"
#include "core/provider.h"
#include "core/route.h"

#define ALARM "queued_too_long"

/* The route that is worst off, and how many are too late. */
struct overdue {
	bool already; /* the alarm is on */
	const struct config_route *route;
	int64_t since_ms, beyond_ms;
	unsigned n;
};

static void look_at(struct overdue *overdue, const struct config_route *route, int64_t since_ms,
		    int64_t now_ms)
{
	int64_t limit_ms = route_queued_alarm_ms(route);
	int64_t beyond_ms = now_ms - since_ms - limit_ms;
	int64_t ends_ms = overdue->already ? limit_ms / 4 : 0;
	if (!limit_ms || beyond_ms < -ends_ms)
		return;
	overdue->n++;
	if (overdue->route && overdue->beyond_ms >= beyond_ms)
		return;
	overdue->route = route;
	overdue->since_ms = since_ms;
	overdue->beyond_ms = beyond_ms;
}

void overdue_check(struct engine *engine)
{
	const struct config *config = engine->config;
	int64_t now_ms = engine->due_base_ms + port_now_ms(engine->port), since_ms;
	struct overdue overdue = { .already = alarm_is_on(engine, ALARM) };
	char text[sizeof(((struct alarm *)0)->text)] = "", since[25], more[32] = "";
	for (size_t i = 0; i < config->n_routes; i++)
		if (queue_oldest(engine->queue, config->routes[i].id, &since_ms))
			look_at(&overdue, &config->routes[i], since_ms, now_ms);
	if (overdue.n) {
		const char *why = provider_route_blocked(engine, overdue.route, false);
		json_time_text(overdue.since_ms, since);
		if (overdue.n > 1)
			snprintf(more, sizeof(more), "; so do %u more routes", overdue.n - 1);
		snprintf(text, sizeof(text), "a message of route %u waits since %s: %.100s%s",
			 overdue.route->id, since, why ? why : "what is ahead of it takes as long",
			 more);
	}
	alarm_set(engine, ALARM, overdue.n, text);
}
