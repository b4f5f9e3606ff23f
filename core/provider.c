/* Providers: connecting, pacing, refusing. The links' octets are core/link.c. */
#include "core/provider.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/link.h"
#include "core/log.h"

/* ---- making ---- */

static const struct {
	const char *suffix;
	uint32_t command_id;
} ends[][2] = {
	[CONFIG_BIND_TRANSCEIVER] = { { "", SMPP_bind_transceiver } },
	[CONFIG_BIND_TRANSMITTER] = { { "", SMPP_bind_transmitter } },
	[CONFIG_BIND_RECEIVER] = { { "", SMPP_bind_receiver } },
	[CONFIG_BIND_PAIR] = { { "/tx", SMPP_bind_transmitter }, { "/rx", SMPP_bind_receiver } },
};

static bool link_init(struct provider *provider, const struct config_link *config, size_t end,
		      char *error)
{
	struct link *link = calloc(1, sizeof(*link));
	if (!link)
		return false;
	provider->links[provider->n_links++] = link;
	link->provider = provider;
	link->config = config;
	snprintf(link->name, sizeof(link->name), "%s/%s%s", provider->config->name, config->name,
		 ends[config->bind][end].suffix);
	link->bind_command_id = ends[config->bind][end].command_id;
	if (!config->tls.enabled)
		return true;
	struct port_tls_options tls = {
		.ca_file = config->tls.ca,
		.cert_file = config->tls.cert,
		.key_file = config->tls.key,
		.pin_sha256 = config->tls.pin,
	};
	link->tls = port_tls_new(&tls, error, PORT_TEXT_OCTETS);
	return link->tls != NULL;
}

struct provider *provider_new(struct engine *engine, const struct config_provider *config,
			      uint32_t index, char *error)
{
	struct provider *provider = calloc(1, sizeof(*provider));
	snprintf(error, PORT_TEXT_OCTETS, "out of memory");
	if (!provider)
		return NULL;
	provider->config = config;
	provider->index = index;
	provider->links = calloc(2 * config->n_links + 1, sizeof(*provider->links));
	bool made = provider->links != NULL;
	for (size_t i = 0; made && i < config->n_links; i++)
		for (size_t end = 0; made && end < 2 && ends[config->links[i].bind][end].suffix;
		     end++)
			made = link_init(provider, &config->links[i], end, error);
	if (made)
		return provider;
	provider_free(engine, provider);
	return NULL;
}

void provider_free(struct engine *engine, struct provider *provider)
{
	if (!provider)
		return;
	for (size_t i = 0; provider->links && i < provider->n_links; i++) {
		struct link *link = provider->links[i];
		if (link->port_link) {
			assert(engine->links);
			HASH_DEL(engine->links, link);
			port_abort(engine->port, link->port_link);
		}
		smpp_session_free(link->session);
		port_tls_free(link->tls);
		free(link);
	}
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

/* ---- connecting ---- */

/* Evenly between 0.8 and 1.2 of it. */
static int64_t jittered(struct engine *engine, int64_t ms)
{
	uint16_t random;
	port_random(engine->port, &random, sizeof(random));
	return ms - ms / 5 + ms * 2 / 5 * random / 65535;
}

void link_back_off(struct engine *engine, struct link *link, int64_t now_ms)
{
	const struct config_timers *timers = &link->provider->config->timers;
	bool refused = link->refused_since_ms && link->refused_status;
	int64_t least = refused ? timers->refused_min_ms : timers->reconnect_min_ms;
	int64_t most = refused ? timers->refused_max_ms : timers->reconnect_max_ms;
	int64_t wait_ms = least;
	for (uint32_t i = 0; i < link->failures && wait_ms < most; i++)
		wait_ms *= 2;
	if (refused && link->failures)
		wait_ms = most;
	link->failures++;
	link->retry_ms = now_ms + jittered(engine, wait_ms < most ? wait_ms : most);
}

/* At most binds_per_minute attempts of the whole provider; otherwise later. */
static bool bind_allowed(struct provider *provider, struct link *link, int64_t now_ms)
{
	if (now_ms - provider->binds_since_ms >= 60000) {
		provider->binds_since_ms = now_ms;
		provider->binds = 0;
	}
	if (provider->binds < provider->config->binds_per_minute) {
		provider->binds++;
		return true;
	}
	link->retry_ms = provider->binds_since_ms + 60000;
	return false;
}

static void link_connect(struct engine *engine, struct link *link, int64_t now_ms)
{
	const struct config_timers *timers = &link->provider->config->timers;
	struct port_address addresses[8];
	struct port_target target = {
		.addresses = addresses,
		.tls = link->tls,
		.server_name = link->config->tls.server_name,
		.resolve_ms = (uint32_t)timers->resolve_ms,
		.connect_ms = (uint32_t)timers->connect_ms,
		.tls_ms = (uint32_t)timers->tls_ms,
		.stall_ms = (uint32_t)timers->write_stall_ms,
	};
	if (!bind_allowed(link->provider, link, now_ms))
		return;
	for (size_t i = 0; i < link->config->hosts.n && i < 8; i++)
		addresses[target.address_count++] =
			(struct port_address){ .host = link->config->hosts.text[i],
					       .port = (uint16_t)link->config->port };
	link->reason[0] = '\0';
	link->refused_status = 0;
	link->port_link = port_open(engine->port, &target);
	if (!link->port_link) {
		snprintf(link->reason, sizeof(link->reason), "no memory for a connection");
		link_back_off(engine, link, now_ms);
		return;
	}
	HASH_ADD(hh, engine->links, port_link, sizeof(link->port_link), link);
	link_set_state(engine, link, LINK_CONNECTING);
}

bool provider_event(struct engine *engine, const struct port_event *event)
{
	struct link *link;
	HASH_FIND(hh, engine->links, &event->link, sizeof(event->link), link);
	if (!link)
		return false;
	if (event->kind == PORT_DOWN)
		HASH_DEL(engine->links, link);
	link_event(engine, link, event);
	return true;
}

/* A link that should be connected again when it is down. */
static bool wanted(const struct engine *engine, const struct link *link)
{
	return link->provider->config->enabled && !link->up_for_down && !engine->draining;
}

/* Nothing more leaves by it; what has left is waited for unless `now`, then it is unbound. */
static void drain_link(struct engine *engine, struct link *link, bool now, const char *reason)
{
	if (link->state == LINK_BOUND && link->session)
		smpp_session_withdraw(link->session);
	if (link->state == LINK_BOUND && (now || !link->outstanding)) {
		link_unbind(engine, link, reason);
		link_pump(engine, link);
	} else if (link->port_link && link->state != LINK_BOUND && link->state != LINK_UNBINDING) {
		port_abort(engine->port, link->port_link);
	} else if (link->session) {
		link_pump(engine, link);
	}
}

/* What the operator wants of the link goes on until it is so. */
static void obey(struct engine *engine, struct link *link, int64_t now_ms)
{
	if (link->up_for_down) {
		if (link->port_link && link->state < LINK_BOUND)
			snprintf(link->reason, sizeof(link->reason), "taken down by the operator");
		drain_link(engine, link, false,
			   link->up_again ? "rebound by the operator" :
					    "taken down by the operator");
	} else if (link->provider->paused && link->state == LINK_BOUND) {
		smpp_session_withdraw(link->session);
		link_pump(engine, link);
	}
	if (!link->up_again || link->state != LINK_DOWN)
		return;
	link->up_for_down = link->up_again = false;
	link->retry_ms = now_ms;
}

void provider_tick(struct engine *engine, struct provider *provider, int64_t now_ms)
{
	for (size_t i = 0; i < provider->n_links; i++) {
		struct link *link = provider->links[i];
		link_tick(engine, link, now_ms);
		obey(engine, link, now_ms);
		if (link->state == LINK_DOWN && wanted(engine, link) && link->retry_ms <= now_ms)
			link_connect(engine, link, now_ms);
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t provider_deadline(const struct engine *engine, const struct provider *provider)
{
	int64_t due_ms = INT64_MAX;
	for (size_t i = 0; i < provider->n_links; i++) {
		const struct link *link = provider->links[i];
		if (link->session)
			due_ms = earlier(due_ms, smpp_session_deadline(link->session));
		if (link->paused_until_ms)
			due_ms = earlier(due_ms, link->paused_until_ms);
		if (link->state == LINK_DOWN && wanted(engine, link))
			due_ms = earlier(due_ms, link->retry_ms);
		if ((link->up_again && link->state == LINK_DOWN) ||
		    (link->up_for_down && link->state == LINK_BOUND && !link->outstanding))
			due_ms = 0;
	}
	return due_ms;
}

/* ---- what operators do ---- */

/* Held at once, so that what this turn has released does not leave either; obey() does the rest. */
static void hold(struct engine *engine, struct link *link)
{
	if (link->session)
		smpp_session_hold(link->session);
	engine->schedule = true;
}

static void let_go(struct engine *engine, struct link *link)
{
	bool held = link->paused_until_ms || link->up_for_down || link->provider->paused;
	if (link->session && !held)
		smpp_session_resume(link->session);
	engine->schedule = true;
}

void link_take_down(struct engine *engine, struct link *link, bool again)
{
	link->up_for_down = true;
	link->up_again = again;
	hold(engine, link);
}

void link_bring_up(struct engine *engine, struct link *link)
{
	link->up_for_down = link->up_again = false;
	link->retry_ms = port_now_ms(engine->port);
	let_go(engine, link);
}

void provider_pause(struct engine *engine, struct provider *provider, bool paused)
{
	provider->paused = paused;
	for (size_t i = 0; i < provider->n_links; i++)
		(paused ? hold : let_go)(engine, provider->links[i]);
}

/* ---- rate ---- */

/* The bucket holds a twentieth of a second, at least one segment: smooth at 1/s and at 1,000/s. */
uint32_t provider_allowance(struct provider *provider, int64_t now_ms)
{
	double rate = provider->config->rate_per_s;
	if (!provider->config->rate_per_s)
		return UINT32_MAX;
	double most = rate / 20 > 1 ? rate / 20 : 1;
	provider->tokens += rate * (double)(now_ms - provider->tokens_ms) / 1000;
	provider->tokens_ms = now_ms;
	if (provider->tokens > most)
		provider->tokens = most;
	return (uint32_t)provider->tokens;
}

void provider_spend(struct provider *provider)
{
	if (provider->config->rate_per_s)
		provider->tokens -= 1;
}

int64_t provider_release_deadline(const struct engine *engine, const struct provider *provider)
{
	struct queue_item item;
	uint32_t rate = provider->config->rate_per_s, room = 0;
	for (size_t i = 0; rate && i < provider->n_links; i++)
		room += link_room(provider->links[i], port_now_ms(engine->port));
	if (!room || provider->tokens >= 1 || engine->draining || provider->paused ||
	    !queue_peek(engine->queue, provider->index, engine->due_base_ms + provider->tokens_ms,
			&item))
		return INT64_MAX;
	return provider->tokens_ms + (int64_t)((1 - provider->tokens) * 1000 / rate) + 1;
}

/* ---- standing ---- */

uint32_t provider_number(struct turn *turn, const char *name)
{
	struct store_provider rec = { 0 };
	for (enum store_err err = store_provider_seek(turn->txn, &rec, 0); err == STORE_OK;
	     err = store_provider_next(turn->txn, &rec, 0))
		if (rec.name.n == strlen(name) && !memcmp(rec.name.at, name, rec.name.n))
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
		drain_link(engine, provider->links[i], now, "stopping");
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
	for (size_t i = 0; i < provider->n_links; i++)
		if (!provider->links[i]->refused_since_ms ||
		    provider->links[i]->refused_since_ms > since_ms)
			return false;
	return provider->n_links > 0;
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
	if (config->kind == CONFIG_KIND_SANDBOX)
		return "the sandbox has no far end";
	if (provider->paused)
		return "the provider is paused by the operator";
	for (size_t i = 0; i < provider->n_links; i++) {
		const struct link *link = provider->links[i];
		if (link->bind_command_id == SMPP_bind_receiver)
			continue;
		if (link->ready && !link->up_for_down && !link->paused_until_ms)
			return NULL;
		why = link->up_for_down	     ? "the operator took its links down" :
		      link->paused_until_ms  ? "the carrier throttles us" :
		      link->refused_since_ms ? "the carrier refuses our login" :
					       "no link to the carrier is bound";
	}
	return why ? why : "the provider has no link that submits";
}

const char *provider_route_blocked(const struct engine *engine, const struct config_route *route)
{
	if (queue_route_paused(engine->queue, route->id))
		return "the route is paused by the operator";
	return provider_blocked(engine, route->provider);
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
