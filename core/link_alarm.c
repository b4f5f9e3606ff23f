/* Carriers that are away. See link_alarm.h. */
#include "core/link_alarm.h"

#include <stdio.h>

#include "core/alarm.h"
#include "core/engine.h"
#include "core/json.h"
#include "core/link.h"
#include "core/provider.h"

#define STEADY_MS 5000 /* bound for so long, or for link_down_after if that is shorter */

/* What the links of a provider are for. */
enum purpose {
	SUBMITS,
	RECEIVES,
	PURPOSES
};

static const uint32_t unfit[PURPOSES] = {
	[SUBMITS] = SMPP_bind_receiver,
	[RECEIVES] = SMPP_bind_transmitter,
};

/* For how long there has been none for one purpose. */
struct away {
	int64_t ms; /* 0: there is one, or nobody wants one */
	bool long_enough;
	const struct link *last; /* to have gone down; NULL: none has */
};

/* A link that listens waits for the carrier to have something to say: that may be never. */
static bool counts(const struct link *link, enum purpose purpose)
{
	const struct trunk *trunk = link->trunk;
	return link->bind_command_id != unfit[purpose] && !trunk->held && !trunk_listens(trunk) &&
	       (!trunk->up_for_down || trunk->up_again);
}

static struct away watch(struct provider *provider, enum purpose purpose, int64_t now_ms)
{
	int64_t limit_ms = provider->config->timers.link_down_after_ms;
	int64_t steady_ms = limit_ms < STEADY_MS ? limit_ms : STEADY_MS;
	int64_t *up_ms = &provider->up_ms[purpose];
	bool any = false, up = false;
	struct away away = { 0 };
	for (size_t i = 0; provider->config->enabled && i < provider->n_links; i++) {
		const struct link *link = provider->links[i];
		if (!counts(link, purpose))
			continue;
		any = true;
		up = up || (link->state == LINK_BOUND && now_ms - link->bound_ms >= steady_ms);
		if (link->reason[0] && (!away.last || link->since_ms > away.last->since_ms))
			away.last = link;
	}
	if (up || !any || !*up_ms)
		*up_ms = now_ms;
	away.ms = now_ms - *up_ms;
	away.long_enough = limit_ms && away.ms >= limit_ms;
	return away;
}

/* "routes 1, 3" that the provider carries, as far as they fit. */
static void name_routes(const struct engine *engine, const struct provider *provider, char *out,
			size_t room)
{
	const struct config *config = engine->config;
	size_t n = 0;
	snprintf(out, room, "no route");
	for (size_t i = 0; i < config->n_routes && n + 12 < room; i++)
		if (config->routes[i].provider == provider->config)
			n += (size_t)snprintf(out + n, room - n, "%s%u", n ? ", " : "routes ",
					      config->routes[i].id);
}

static void describe(const struct engine *engine, const struct provider *provider,
		     const struct away aways[PURPOSES], char *text, size_t room)
{
	static const char *const lacks[] = { "no link", "no link that submits",
					     "no link that receives" };
	const struct away *worse = &aways[aways[SUBMITS].long_enough ? SUBMITS : RECEIVES];
	bool both = aways[SUBMITS].long_enough && aways[RECEIVES].long_enough;
	char since[25], routes[64];
	json_time_text(port_wall_ms(engine->port) - worse->ms, since);
	name_routes(engine, provider, routes, sizeof(routes));
	snprintf(text, room,
		 "%.64s (%s): %s is bound since %.19sZ: %.100s; see esmectl links, then ask the "
		 "carrier",
		 provider->config->name, routes, lacks[both ? 0 : 1 + (worse - aways)], since,
		 worse->last ? worse->last->reason : "nothing was answered yet");
}

static void set_alarm(struct engine *engine, const struct provider *provider, bool on,
		      const char *text)
{
	char name[sizeof(((struct alarm *)0)->name)];
	snprintf(name, sizeof(name), "link_down:%s", provider->config->name);
	alarm_set(engine, name, on, text);
}

static void check(struct engine *engine, struct provider *provider, int64_t now_ms)
{
	struct away aways[PURPOSES];
	char text[sizeof(((struct alarm *)0)->text)] = "";
	bool on = false;
	for (enum purpose purpose = SUBMITS; purpose < PURPOSES; purpose++) {
		aways[purpose] = watch(provider, purpose, now_ms);
		on = on || aways[purpose].long_enough;
	}
	if (on)
		describe(engine, provider, aways, text, sizeof(text));
	set_alarm(engine, provider, on, text);
}

void link_alarm_end(struct engine *engine, const struct provider *provider)
{
	set_alarm(engine, provider, false, "");
}

void link_alarm_check(struct engine *engine)
{
	int64_t now_ms = port_now_ms(engine->port);
	for (size_t i = 0; i < engine->n_providers && !engine->draining; i++)
		if (engine->providers[i]->config->kind == CONFIG_KIND_SMPP &&
		    !engine->providers[i]->held)
			check(engine, engine->providers[i], now_ms);
}
