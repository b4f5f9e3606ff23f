/* What is told of links, their certificates and providers. See metrics.h. */
#include "core/metrics_inside.h"

#include <string.h>

#include "core/provider.h"

/* ---- links ---- */

typedef void link_fn(const struct scrape *scrape, const struct link *link);

/* The sandbox is no carrier: nothing is told of it. */
static bool of_sandbox(const struct provider *provider)
{
	return provider->config->kind == CONFIG_KIND_SANDBOX;
}

static void each_link(const struct scrape *scrape, link_fn *collect)
{
	const struct engine *engine = scrape->engine;
	for (size_t i = 0; i < engine->n_providers; i++)
		for (size_t k = 0;
		     !of_sandbox(engine->providers[i]) && k < engine->providers[i]->n_links; k++)
			collect(scrape, engine->providers[i]->links[k]);
}

static void put_link(const struct scrape *scrape, const struct link *link,
		     struct exposition_figure figure)
{
	metrics_put(scrape, figure, VALUES(link->provider->config->name, link->name));
}

static void link_state(const struct scrape *scrape, const struct link *link)
{
	for (int state = LINK_DOWN; state <= LINK_UNBINDING; state++)
		metrics_put_whole(scrape, link->state == (enum link_state)state,
				  VALUES(link->provider->config->name, link->name,
					 link_state_name((enum link_state)state)));
}

void metrics_link_states(const struct scrape *scrape)
{
	each_link(scrape, link_state);
}

static void link_bound(const struct scrape *scrape, const struct link *link)
{
	put_link(scrape, link, exposition_whole(link->state == LINK_BOUND));
}

void metrics_links_bound(const struct scrape *scrape)
{
	each_link(scrape, link_bound);
}

static void link_window(const struct scrape *scrape, const struct link *link)
{
	put_link(scrape, link, exposition_whole(link->provider->config->window));
}

void metrics_link_windows(const struct scrape *scrape)
{
	each_link(scrape, link_window);
}

static void link_paused(const struct scrape *scrape, const struct link *link)
{
	put_link(scrape, link, exposition_whole(link->paused_until_ms > scrape->turn->now_ms));
}

void metrics_links_paused(const struct scrape *scrape)
{
	each_link(scrape, link_paused);
}

static void link_rtt(const struct scrape *scrape, const struct link *link)
{
	put_link(scrape, link, exposition_us((int64_t)(link->rtt_ms * 1000)));
}

void metrics_link_rtts(const struct scrape *scrape)
{
	each_link(scrape, link_rtt);
}

static void link_u32(const struct scrape *scrape, const struct link *link)
{
	uint32_t n;
	memcpy(&n, (const char *)link + scrape->metric->member, sizeof(n));
	put_link(scrape, link, exposition_whole(n));
}

void metrics_links_u32(const struct scrape *scrape)
{
	each_link(scrape, link_u32);
}

static void link_u64(const struct scrape *scrape, const struct link *link)
{
	uint64_t n;
	memcpy(&n, (const char *)link + scrape->metric->member, sizeof(n));
	put_link(scrape, link, exposition_whole(n));
}

void metrics_links_u64(const struct scrape *scrape)
{
	each_link(scrape, link_u64);
}

static void put_certificate(const struct scrape *scrape, const struct trunk *trunk,
			    const char *link, const char *whose, const struct port_tls_end *end)
{
	if (end->ms)
		metrics_put(scrape, exposition_ms(end->ms),
			    VALUES(trunk->provider->config->name, link, whose));
}

void metrics_certificates(const struct scrape *scrape)
{
	const struct engine *engine = scrape->engine;
	for (size_t i = 0; i < engine->n_providers; i++)
		for (size_t k = 0; k < engine->providers[i]->n_trunks; k++) {
			const struct trunk *trunk = engine->providers[i]->trunks[k];
			put_certificate(scrape, trunk, trunk->name, "own", &trunk->tls_ends.own);
			put_certificate(scrape, trunk, trunk->name, "ca", &trunk->tls_ends.ca);
			for (size_t end = 0; end < trunk->n_ends; end++)
				put_certificate(scrape, trunk, trunk->ends[end]->name, "peer",
						&trunk->ends[end]->peer_end);
		}
}

/* ---- providers ---- */

typedef uint64_t provider_fn(const struct scrape *scrape, const struct provider *provider);

static void each_provider(const struct scrape *scrape, provider_fn *figure)
{
	const struct engine *engine = scrape->engine;
	for (size_t i = 0; i < engine->n_providers; i++) {
		const struct provider *provider = engine->providers[i];
		if (of_sandbox(provider))
			continue;
		metrics_put_whole(scrape, figure(scrape, provider), VALUES(provider->config->name));
	}
}

static uint64_t usable(const struct scrape *scrape, const struct provider *provider)
{
	return provider_usable(scrape->engine, provider->config);
}

void metrics_providers_usable(const struct scrape *scrape)
{
	each_provider(scrape, usable);
}

static uint64_t blocked(const struct scrape *scrape, const struct provider *provider)
{
	return provider_blocked(scrape->engine, provider->config) != NULL;
}

void metrics_providers_blocked(const struct scrape *scrape)
{
	each_provider(scrape, blocked);
}

static uint64_t rate(const struct scrape *scrape, const struct provider *provider)
{
	(void)scrape;
	return provider->config->rate_per_s;
}

void metrics_provider_rates(const struct scrape *scrape)
{
	each_provider(scrape, rate);
}

static uint64_t queued(const struct scrape *scrape, const struct provider *provider)
{
	uint64_t n = 0;
	const struct config *config = scrape->engine->config;
	for (size_t i = 0; i < config->n_routes; i++)
		if (config->routes[i].provider == provider->config)
			n += queue_depth(scrape->engine->queue, config->routes[i].id);
	return n;
}

void metrics_provider_queues(const struct scrape *scrape)
{
	each_provider(scrape, queued);
}

void metrics_provider_paces(const struct scrape *scrape)
{
	const struct engine *engine = scrape->engine;
	for (size_t i = 0; i < engine->n_providers; i++) {
		const struct provider *provider = engine->providers[i];
		if (of_sandbox(provider))
			continue;
		double pace = provider_pace(provider, scrape->turn->now_ms);
		metrics_put(scrape, exposition_ms((int64_t)(pace * 1000 + 0.5)),
			    VALUES(provider->config->name));
	}
}

static uint64_t bind_attempts(const struct scrape *scrape, const struct provider *provider)
{
	(void)scrape;
	return provider->binds;
}

void metrics_provider_binds(const struct scrape *scrape)
{
	each_provider(scrape, bind_attempts);
}

void metrics_provider_receipts(const struct scrape *scrape)
{
	const struct engine *engine = scrape->engine;
	for (size_t i = 0; i < engine->n_providers; i++) {
		const struct provider *provider = engine->providers[i];
		if (of_sandbox(provider))
			continue;
		const uint64_t *counts = provider->unmatched.counts;
		const char *name = provider->config->name;
		uint64_t kept = 0;
		for (int news = UNMATCHED_KEPT; news <= UNMATCHED_ADDRESS; news++)
			kept += counts[news];
		metrics_put_whole(scrape, counts[UNMATCHED_MATCHED], VALUES(name, "matched"));
		metrics_put_whole(scrape, kept, VALUES(name, "orphaned"));
		metrics_put_whole(scrape, counts[UNMATCHED_JOINED], VALUES(name, "joined"));
	}
}
