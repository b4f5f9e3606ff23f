/*
 * A provider when another configuration takes over: which of its links stay, come and go. See
 * core/provider.h; the order of things is core/reload.c's, a single link is core/trunk.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "core/link.h"

bool provider_make_room(struct provider *fresh, const struct provider *provider)
{
	size_t n = fresh->n_trunks + provider->n_trunks + 1;
	struct trunk **trunks = realloc(fresh->trunks, n * sizeof(struct trunk *));
	if (trunks)
		fresh->trunks = trunks;
	struct link **links = realloc(fresh->links, 2 * n * sizeof(struct link *));
	if (links)
		fresh->links = links;
	return trunks && links;
}

/* Out of the provider's list. */
static struct trunk *take_trunk(struct provider *provider, const char *name)
{
	for (size_t i = 0; i < provider->n_trunks; i++) {
		struct trunk *trunk = provider->trunks[i];
		if (!trunk || trunk->held || strcmp(trunk->name, name) != 0)
			continue;
		provider->trunks[i] = NULL;
		return trunk;
	}
	return NULL;
}

static void own(struct provider *provider, struct trunk *trunk)
{
	trunk->provider = provider;
	for (size_t i = 0; i < 2; i++)
		trunk->ends[i]->provider = provider;
}

void provider_become(struct engine *engine, struct provider *provider, struct provider *fresh,
		     const struct config *old)
{
	struct trunk **trunks = fresh->trunks;
	struct link **links = fresh->links;
	size_t n = fresh->n_trunks;
	for (size_t i = 0; i < n; i++) {
		struct trunk *trunk = take_trunk(provider, trunks[i]->name);
		if (trunk) {
			trunk_adopt(engine, trunk, trunks[i]);
			trunk_free(engine, trunks[i]);
			trunks[i] = trunk;
		}
		own(provider, trunks[i]);
	}
	for (size_t i = 0; i < provider->n_trunks; i++) {
		if (!provider->trunks[i])
			continue;
		trunk_leave(engine, provider->trunks[i], old);
		trunks[n++] = provider->trunks[i];
	}
	fresh->trunks = provider->trunks;
	fresh->links = provider->links;
	fresh->n_trunks = 0;
	provider->config = fresh->config;
	provider->trunks = trunks;
	provider->n_trunks = n;
	provider->links = links;
	trunks_list(provider);
	provider_free(engine, fresh);
}

void provider_leave(struct engine *engine, struct provider *provider, const struct config *old)
{
	engine->leaving = true;
	for (size_t i = 0; i < provider->n_trunks; i++)
		trunk_leave(engine, provider->trunks[i], old);
	if (!provider->held)
		provider->held = config_hold(old);
}

bool provider_has_left(struct engine *engine, struct provider *provider)
{
	size_t n = 0;
	for (size_t i = 0; i < provider->n_trunks; i++) {
		struct trunk *trunk = provider->trunks[i];
		if (trunk_has_left(trunk))
			trunk_free(engine, trunk);
		else
			provider->trunks[n++] = trunk;
	}
	provider->n_trunks = n;
	trunks_list(provider);
	return provider->held && !n;
}
