/*
 * What operators do to links, providers and routes, and the list of all that they did. Deeds here
 * are memory only: they end with the process, and each answer says so. See control.h.
 */
#include "core/control.h"

#include <stdio.h>
#include <string.h>

#include "core/provider.h"
#include "core/view.h"

#define LIMIT_MAX 500

/* ---- deeds: done when their audit record is on disk ---- */

enum deed {
	LINK_UP,
	LINK_TAKE_DOWN,
	LINK_REBIND,
	PROVIDER_PAUSE,
	PROVIDER_RESUME,
	ROUTE_PAUSE,
	ROUTE_RESUME,
};

static const struct {
	const char *kind, *action, *note;
} deeds[] = {
	[LINK_UP] = { "link", "up", "it connects at once, within binds_per_minute" },
	[LINK_TAKE_DOWN] = { "link", "down",
			     "nothing more leaves by it; it unbinds when what has left is "
			     "answered or timed out" },
	[LINK_REBIND] = { "link", "rebind",
			  "it unbinds when what has left is answered or timed out, then connects" },
	[PROVIDER_PAUSE] = { "provider", "pause",
			     "nothing more leaves to it; links stay bound, receipts are taken, "
			     "queue_deadline goes on" },
	[PROVIDER_RESUME] = { "provider", "resume", "what waits goes out" },
	[ROUTE_PAUSE] = { "route", "pause",
			  "nothing more is released on it; what is released already still leaves, "
			  "queue_deadline goes on" },
	[ROUTE_RESUME] = { "route", "resume", "what waits goes out" },
};

struct change {
	struct effect effect;
	enum deed deed;
	struct trunk *link;
	struct provider *provider;
	uint32_t route;
};

static void do_it(struct engine *engine, const struct change *change)
{
	switch (change->deed) {
	case LINK_UP:
		trunk_bring_up(engine, change->link);
		return;
	case LINK_TAKE_DOWN:
	case LINK_REBIND:
		trunk_take_down(engine, change->link, change->deed == LINK_REBIND);
		return;
	case PROVIDER_PAUSE:
	case PROVIDER_RESUME:
		provider_pause(engine, change->provider, change->deed == PROVIDER_PAUSE);
		return;
	case ROUTE_PAUSE:
	case ROUTE_RESUME:
		queue_route_pause(engine->queue, change->route, change->deed == ROUTE_PAUSE);
		engine->schedule = true;
		return;
	}
}

static void on_disk(struct engine *engine, struct effect *effect, enum turn_end end)
{
	if (end == TURN_DONE)
		do_it(engine, (const struct change *)(void *)effect);
}

static void change(struct api_call *call, const struct change *wanted)
{
	struct json_writer *json = &call->json;
	enum deed deed = wanted->deed;
	struct change *change = (void *)turn_effect(call->turn, on_disk, sizeof(*change));
	if (!change)
		return;
	struct effect effect = change->effect;
	*change = *wanted;
	change->effect = effect;
	control_audit(call, "%s %s: %s, until the restart", deeds[deed].kind, call->params[0],
		      deeds[deed].action);
	json_begin_object(json);
	json_add_text(json, deeds[deed].kind, call->params[0]);
	json_add_text(json, "action", deeds[deed].action);
	json_add_bool(json, "durable", false);
	json_add_text(json, "until", "restart");
	json_add_text(json, "note", deeds[deed].note);
	if (wanted->link)
		json_add_uint(json, "outstanding", trunk_outstanding(wanted->link));
	json_end_object(json);
}

/* ---- links ---- */

static void operate_link(struct api_call *call, enum deed deed)
{
	struct trunk *trunk = trunk_find(call->engine, call->params[0]);
	if (trunk) {
		change(call, &(struct change){ .deed = deed, .link = trunk });
		return;
	}
	api_refuse_not_found(
		call, "There is no link of that name, or it is no longer configured and only "
		      "drains; they are listed by: esmectl links");
}

void control_link_up(struct api_call *call)
{
	operate_link(call, LINK_UP);
}

void control_link_down(struct api_call *call)
{
	operate_link(call, LINK_TAKE_DOWN);
}

void control_link_rebind(struct api_call *call)
{
	operate_link(call, LINK_REBIND);
}

/* ---- providers and routes ---- */

static void operate_provider(struct api_call *call, enum deed deed)
{
	struct engine *engine = call->engine;
	for (size_t i = 0; i < engine->n_providers; i++) {
		struct provider *provider = engine->providers[i];
		if (provider->held || strcmp(provider->config->name, call->params[0]) != 0)
			continue;
		change(call, &(struct change){ .deed = deed, .provider = provider });
		return;
	}
	api_refuse_not_found(call, "There is no provider of that name.");
}

void control_provider_pause(struct api_call *call)
{
	operate_provider(call, PROVIDER_PAUSE);
}

void control_provider_resume(struct api_call *call)
{
	operate_provider(call, PROVIDER_RESUME);
}

static void operate_route(struct api_call *call, enum deed deed)
{
	uint64_t id = api_number(call, 0);
	if (id > UINT32_MAX || !config_route_find(call->engine->config, (uint32_t)id))
		api_refuse_not_found(call, "There is no route of that number.");
	else
		change(call, &(struct change){ .deed = deed, .route = (uint32_t)id });
}

void control_route_pause(struct api_call *call)
{
	operate_route(call, ROUTE_PAUSE);
}

void control_route_resume(struct api_call *call)
{
	operate_route(call, ROUTE_RESUME);
}

/* ---- audit ---- */

static void put_audit(struct json_writer *json, const struct store_audit *audit)
{
	json_begin_object(json);
	json_add_uint(json, "seq", audit->seq);
	control_add_time(json, "at", audit->at_ms);
	json_key(json, "uid");
	if (audit->uid)
		json_put_uint(json, audit->uid - 1);
	else
		json_put_null(json);
	view_add_octets(json, "verb", audit->verb);
	json_end_object(json);
}

void control_audit_list(struct api_call *call)
{
	static const char *const names[] = { "limit", "before", NULL };
	struct json_writer *json = &call->json;
	int64_t limit = api_query_number(call, "limit", 20, 1, LIMIT_MAX);
	int64_t before = api_query_number(call, "before", INT64_MAX, 1, INT64_MAX);
	struct store_audit audit = { .seq = (uint64_t)before };
	uint64_t last = 0;
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	json_begin_object(json);
	json_key(json, "audit");
	json_begin_array(json);
	enum store_err err = store_audit_prev(call->turn->txn, &audit, 0);
	for (; limit && (!err || err == STORE_CORRUPT);
	     err = store_audit_prev(call->turn->txn, &audit, 0), limit--) {
		last = audit.seq;
		if (!err)
			put_audit(json, &audit);
	}
	control_end_list(json, err, last);
}
