/* Health from alarms and links. See health.h. */
#include "core/health.h"

#include "core/admission.h"
#include "core/engine.h"
#include "core/provider.h"

static void add_alarms(struct api_call *call)
{
	struct json_writer *json = &call->json;
	json_key(json, "alarms");
	json_begin_array(json);
	for (const struct alarm *alarm = call->engine->alarms; alarm; alarm = alarm->next) {
		json_begin_object(json);
		json_add_text(json, "name", alarm->name);
		json_add_text(json, "text", alarm->text);
		json_add_time(json, "since", alarm->since_ms);
		json_end_object(json);
	}
	json_end_array(json);
}

/* Why a provider cannot submit; names only, for this answers whoever asks. */
static void add_providers(struct api_call *call)
{
	struct json_writer *json = &call->json;
	const struct config *config = call->engine->config;
	json_key(json, "providers");
	json_begin_array(json);
	for (size_t i = 0; i < config->n_providers; i++) {
		const struct config_provider *provider = &config->providers[i];
		if (provider->kind != CONFIG_KIND_SMPP)
			continue;
		json_begin_object(json);
		json_add_text(json, "name", provider->name);
		json_add_bool(json, "usable", provider_usable(call->engine, provider));
		json_add_text(json, "blocked_reason", provider_blocked(call->engine, provider));
		json_end_object(json);
	}
	json_end_array(json);
}

/* A provider that is enabled and cannot submit makes the daemon unwell, and so does an alarm. */
static bool well(const struct engine *engine)
{
	const struct config *config = engine->config;
	for (size_t i = 0; i < config->n_providers; i++)
		if (config->providers[i].enabled && config->providers[i].kind == CONFIG_KIND_SMPP &&
		    provider_blocked(engine, &config->providers[i]))
			return false;
	return !engine->alarms;
}

void health_healthz(struct api_call *call)
{
	bool ok = well(call->engine);
	call->status = ok ? 200 : 503;
	json_begin_object(&call->json);
	json_add_text(&call->json, "status", ok ? "ok" : "degraded");
	add_alarms(call);
	add_providers(call);
	json_end_object(&call->json);
}

void health_readyz(struct api_call *call)
{
	struct engine *engine = call->engine;
	bool full = store_used_permille(engine->store) >= ADMISSION_FULL_PERMILLE;
	bool ready = !engine->draining && !full;
	call->status = ready ? 200 : 503;
	json_begin_object(&call->json);
	json_add_text(&call->json, "status", ready ? "ready" : "not_ready");
	json_add_text(&call->json, "reason",
		      engine->draining ? "Draining." :
		      full	       ? "Not stored: store is full." :
					 NULL);
	json_end_object(&call->json);
}

void health_version(struct api_call *call)
{
	json_begin_object(&call->json);
	json_add_text(&call->json, "name", "esmed");
	json_add_text(&call->json, "version", ESMED_VERSION);
	json_end_object(&call->json);
}
