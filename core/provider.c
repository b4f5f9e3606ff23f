/* Providers: making, pacing, refusing. Their links are core/trunk.c and core/link.c. */
#include "core/provider.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/link.h"
#include "core/log.h"

/* ---- making ---- */

/* The far end of the sandbox is in this process; its host is a word for people. */
static const char *const sandbox_hosts[] = { "sandbox" };
static const struct config_link sandbox_link = {
	.name = "sandbox-1",
	.hosts = { .text = sandbox_hosts, .n = 1 },
	.bind = CONFIG_BIND_TRANSCEIVER,
};

static const struct config_link *links_of(const struct config_provider *config, size_t *n)
{
	bool sandbox = config->kind == CONFIG_KIND_SANDBOX;
	*n = sandbox ? 1 : config->n_links;
	return sandbox ? &sandbox_link : config->links;
}

struct provider *provider_new(struct engine *engine, const struct config_provider *config,
			      char *error)
{
	struct provider *provider = calloc(1, sizeof(*provider));
	snprintf(error, PORT_TEXT_OCTETS, "out of memory");
	if (!provider)
		return NULL;
	provider->config = config;
	size_t n_links;
	const struct config_link *links = links_of(config, &n_links);
	provider->links = calloc(2 * n_links + 1, sizeof(*provider->links));
	provider->trunks = calloc(n_links + 1, sizeof(*provider->trunks));
	bool made = provider->links && provider->trunks;
	for (size_t i = 0; made && i < n_links; i++) {
		struct trunk *trunk = trunk_new(provider, &links[i], error);
		made = trunk != NULL;
		provider->trunks[provider->n_trunks] = trunk;
		provider->n_trunks += made;
	}
	if (made) {
		trunks_list(provider);
		return provider;
	}
	provider_free(engine, provider);
	return NULL;
}

void provider_free(struct engine *engine, struct provider *provider)
{
	if (!provider)
		return;
	for (size_t i = 0; i < provider->n_trunks; i++)
		trunk_free(engine, provider->trunks[i]);
	config_free(provider->held);
	free(provider->trunks);
	free(provider->links);
	free(provider);
}

struct provider *provider_of(const struct engine *engine, const struct config_provider *config)
{
	for (size_t i = 0; i < engine->n_providers; i++)
		if (engine->providers[i]->config == config)
			return engine->providers[i];
	assert(!"a provider of another configuration");
	return NULL;
}

struct provider *provider_numbered(const struct engine *engine, uint32_t number)
{
	for (size_t i = 0; i < engine->n_providers; i++)
		if (engine->providers[i]->number == number)
			return engine->providers[i];
	return NULL;
}

/* ---- links ---- */

bool provider_event(struct engine *engine, const struct port_event *event)
{
	struct link *link;
	HASH_FIND(hh, engine->links, &event->link, sizeof(event->link), link);
	for (size_t i = 0; !link && i < engine->n_providers; i++)
		if (trunk_called(engine, engine->providers[i], event))
			return true;
	if (!link)
		return false;
	if (event->kind == PORT_DOWN)
		HASH_DEL(engine->links, link);
	link_event(engine, link, event);
	return true;
}

void provider_tick(struct engine *engine, struct provider *provider, int64_t now_ms)
{
	for (size_t i = 0; i < provider->n_links; i++)
		link_tick(engine, provider->links[i], now_ms);
	for (size_t i = 0; i < provider->n_trunks; i++)
		trunk_tick(engine, provider->trunks[i], now_ms);
	trunks_connect(engine, provider, now_ms);
	unmatched_tick(engine, provider, now_ms);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t provider_deadline(const struct engine *engine, const struct provider *provider)
{
	int64_t due_ms = trunks_deadline(engine, provider);
	for (size_t i = 0; i < provider->n_links; i++) {
		const struct link *link = provider->links[i];
		if (link->session)
			due_ms = earlier(due_ms, smpp_session_deadline(link->session));
		if (link->paused_until_ms)
			due_ms = earlier(due_ms, link->paused_until_ms);
	}
	return due_ms;
}

void provider_pause(struct engine *engine, struct provider *provider, bool paused)
{
	provider->paused = paused;
	for (size_t i = 0; i < provider->n_links; i++)
		(paused ? link_hold : link_let_go)(engine, provider->links[i]);
}

/* ---- congestion ---- */

#define CONGESTED  90	      /* the carrier nears its limit (SMPP 5.0, 4.8.4.18) */
#define QUIET_MS   1000	      /* reports within it are one event; after it the pace rises */
#define PACE_LEAST (1.0 / 16) /* and what comes back in a second */

double provider_pace(const struct provider *provider, int64_t now_ms)
{
	int64_t quiet_ms = now_ms - provider->paced_ms - QUIET_MS;
	double pace = provider->pace + (quiet_ms > 0 ? PACE_LEAST * (double)quiet_ms / 1000 : 0);
	return provider->pace > 0 && pace < 1 ? pace : 1;
}

uint32_t provider_rate(const struct provider *provider, int64_t now_ms)
{
	double rate = provider->config->rate_per_s * provider_pace(provider, now_ms);
	return rate > 0 && rate < 1 ? 1 : (uint32_t)rate;
}

bool provider_congestion(struct provider *provider, uint32_t state, int64_t now_ms)
{
	if (provider->config->congestion == CONFIG_CONGESTION_IGNORE || state < CONGESTED)
		return false;
	double pace = provider_pace(provider, now_ms);
	bool again = !provider->slowed_ms || now_ms - provider->slowed_ms >= QUIET_MS;
	provider->paced_ms = now_ms;
	provider->pace = again ? pace / 2 : pace;
	if (provider->pace < PACE_LEAST)
		provider->pace = PACE_LEAST;
	if (!again)
		return false;
	provider->slowed_ms = now_ms;
	log_info("provider.congested", "provider=%s congestion_state=%u pace_percent=%d",
		 provider->config->name, state, (int)(provider->pace * 100));
	return true;
}

/* ---- rate and window ---- */

static double rate_of(const struct provider *provider, int64_t now_ms)
{
	return provider->config->rate_per_s * provider_pace(provider, now_ms);
}

/* Room in the window that all links share, where the carrier counts so. */
uint32_t provider_room(const struct provider *provider, int64_t now_ms)
{
	uint32_t out = 0, window = link_window(provider, now_ms);
	if (provider->config->window_scope == CONFIG_WINDOW_PER_SESSION)
		return UINT32_MAX;
	for (size_t i = 0; i < provider->n_links; i++)
		out += provider->links[i]->outstanding - provider->links[i]->settling +
		       provider->links[i]->asking;
	return out < window ? window - out : 0;
}

static uint32_t fewer(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The bucket holds a twentieth of a second, at least one segment: smooth at 1/s and at 1,000/s. */
static double bucket_of(const struct provider *provider, int64_t now_ms)
{
	double most = rate_of(provider, now_ms) / 20;
	return most > 1 ? most : 1;
}

/* What must be in it before anything leaves: those of a submit_multi go together, or it is none. */
static uint32_t least_of(const struct provider *provider, int64_t now_ms)
{
	uint32_t together = provider->no_multi ? 1 : provider->config->submit_multi;
	return together > 1 ? fewer(together, (uint32_t)bucket_of(provider, now_ms)) : 1;
}

uint32_t provider_allowance(struct provider *provider, int64_t now_ms)
{
	double most = bucket_of(provider, now_ms);
	if (!provider->config->rate_per_s)
		return UINT32_MAX;
	provider->tokens +=
		rate_of(provider, now_ms) * (double)(now_ms - provider->tokens_ms) / 1000;
	provider->tokens_ms = now_ms;
	if (provider->tokens > most)
		provider->tokens = most;
	return provider->tokens < least_of(provider, now_ms) ? 0 : (uint32_t)provider->tokens;
}

void provider_spend(struct provider *provider, uint32_t segments)
{
	if (provider->config->rate_per_s)
		provider->tokens -= segments;
}

int64_t provider_release_deadline(const struct engine *engine, const struct provider *provider)
{
	struct queue_item item;
	int64_t now_ms = port_now_ms(engine->port);
	double rate = rate_of(provider, now_ms), least = least_of(provider, now_ms);
	uint32_t room = 0;
	for (size_t i = 0; provider->config->rate_per_s && i < provider->n_links; i++)
		room += link_room(provider->links[i], now_ms);
	room = fewer(room, provider_room(provider, now_ms));
	if (!room || provider->tokens >= least || engine->draining || provider->paused ||
	    !queue_peek(engine->queue, provider->index, engine->due_base_ms + provider->tokens_ms,
			&item))
		return INT64_MAX;
	return provider->tokens_ms + (int64_t)((least - provider->tokens) * 1000 / rate) + 1;
}

/* ---- standing ---- */

uint32_t provider_number(struct turn *turn, const char *name)
{
	struct store_provider rec = { 0 };
	for (enum store_err err = store_provider_seek(turn->txn, &rec, 0); err == STORE_OK;
	     err = store_provider_next(turn->txn, &rec, 0))
		if (store_octets_are(rec.name, name))
			return rec.number;
	rec = (struct store_provider){
		.number = (uint32_t)store_next(turn->txn, STORE_NEXT_PROVIDER),
		.name = { (const uint8_t *)name, (uint32_t)strlen(name) },
	};
	turn_fail(turn, store_provider_put(turn->txn, &rec));
	return rec.number;
}

void provider_drain(struct engine *engine, struct provider *provider, bool now)
{
	for (size_t i = 0; i < provider->n_links; i++)
		link_drain(engine, provider->links[i], now, "stopping");
}

bool provider_is_down(const struct provider *provider)
{
	for (size_t i = 0; i < provider->n_links; i++)
		if (provider->links[i]->port_link)
			return false;
	return true;
}

bool provider_refused(const struct engine *engine, const struct config_provider *config)
{
	const struct provider *provider = provider_of(engine, config);
	int64_t since_ms = port_now_ms(engine->port) - config->timers.bind_refused_after_ms;
	size_t refused = 0;
	for (size_t i = 0; i < provider->n_links; i++) {
		const struct link *link = provider->links[i];
		if (link->trunk->held || trunk_listens(link->trunk))
			continue;
		if (!link->refused_since_ms || link->refused_since_ms > since_ms)
			return false;
		refused++;
	}
	return refused > 0;
}

bool provider_usable(const struct engine *engine, const struct config_provider *config)
{
	return config->enabled && !provider_refused(engine, config);
}

const char *provider_blocked(const struct engine *engine, const struct config_provider *config)
{
	const struct provider *provider = provider_of(engine, config);
	const char *why = NULL;
	if (!config->enabled)
		return "the provider is disabled";
	if (provider->paused)
		return "the provider is paused by the operator";
	for (size_t i = 0; i < provider->n_links; i++) {
		const struct link *link = provider->links[i];
		if (link->bind_command_id == SMPP_bind_receiver || link->trunk->held)
			continue;
		if (link_rests(engine, link) && !link->trunk->up_for_down)
			return NULL;
		bool lacks_tlvs = link->ready && link_lacks_tlvs(link);
		if (link->ready && !link->trunk->up_for_down && !link->paused_until_ms &&
		    !lacks_tlvs)
			return NULL;
		why = link->trunk->up_again    ? "its links are being rebound" :
		      link->trunk->up_for_down ? "the operator took its links down" :
		      lacks_tlvs	       ? "the carrier takes no TLVs, which concat needs" :
		      link->paused_until_ms    ? "the carrier throttles us" :
		      link->refused_since_ms   ? "the carrier refuses our login" :
						 "no link to the carrier is bound";
	}
	return why ? why : "the provider has no link that submits";
}

const struct config_provider *provider_carrying(const struct engine *engine,
						const struct config_route *route, bool sandbox)
{
	return sandbox ? engine->config->sandbox.provider : route->provider;
}

const char *provider_route_blocked(const struct engine *engine, const struct config_route *route,
				   bool sandbox)
{
	if (queue_route_paused(engine->queue, queue_lane(route->id, sandbox)))
		return "the route is paused by the operator";
	return provider_blocked(engine, provider_carrying(engine, route, sandbox));
}

bool provider_queue_routes(struct engine *engine)
{
	const struct config *config = engine->config;
	bool queued = true;
	for (size_t i = 0; i < config->n_routes; i++) {
		const struct config_route *route = &config->routes[i];
		for (int sandbox = 0; sandbox < 2; sandbox++) {
			const struct config_provider *carrier =
				provider_carrying(engine, route, sandbox);
			queued = queued &&
				 queue_route(engine->queue, queue_lane(route->id, sandbox),
					     provider_of(engine, carrier)->index, route->weight);
		}
	}
	return queued;
}

const char *link_state_name(enum link_state state)
{
	static const char *const names[] = {
		[LINK_DOWN] = "down",		[LINK_CONNECTING] = "connecting",
		[LINK_BINDING] = "binding",	[LINK_BOUND] = "bound",
		[LINK_UNBINDING] = "unbinding",
	};
	return names[state];
}
