/* Reload: a new config is made ready whole, then swapped in by one effect. See reload.h. */
#include "core/reload.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/certificates.h"
#include "core/control.h"
#include "core/engine.h"
#include "core/link.h"
#include "core/link_alarm.h"
#include "core/log.h"
#include "core/orders.h"
#include "core/provider.h"
#include "core/sandbox.h"
#include "core/server.h"

/* A route that the new file drops, or gives to another provider. */
struct doomed {
	uint32_t route;
	uint64_t messages; /* of it that are not final */
	uint32_t line, column;
	bool moved;
};

struct reload {
	const struct config *was;
	const char *file;
	struct config *config;
	struct config_errors errors;
	struct generation generation;
	struct provider **fresh; /* made from config, in its order; NULL once they are taken */
	size_t n_fresh;
	struct provider **providers; /* room for all that there will be */
	struct doomed *doomed;
	size_t n_doomed;
	bool new_routes;
};

/* ---- which one it is ---- */

struct generation *generation_new(const struct engine *engine)
{
	struct generation *generation = calloc(1, sizeof(*generation));
	if (!generation)
		return NULL;
	*generation = (struct generation){ .number = 1, .at_ms = engine->started_ms };
	config_digest(engine->config, generation->digest);
	return generation;
}

/* ---- what a change does ---- */

static const char restart[] = "needs a restart";
static const char next_session[] = "at the next session of each link";
static const char next_connection[] = "at the link's next connection";
static const char rebound[] = "at once: the link is rebound when what is out is answered";
static const char connects[] = "at once: it connects";
static const char leaves[] = "at once: it unbinds when what is out is answered";
static const char new_clients[] = "for connections made from now on";

/* The first that fits; * is one word, and what follows the pattern does not matter. */
static const struct {
	const char *pattern, *when;
} rules[] = {
	{ "store", restart },
	{ "sockets", restart },
	{ "listen", restart },
	{ "currency", restart },
	{ "limits.connections", restart },
	{ "limits.output", restart },
	{ "limits.header", new_clients },
	{ "limits.header_fields", new_clients },
	{ "limits.body", new_clients },
	{ "limits.header_time", new_clients },
	{ "limits.body_time", new_clients },
	{ "limits.request_time", new_clients },
	{ "limits.keep_alive", new_clients },
	{ "providers.*.links.*.tls.ca", next_connection },
	{ "providers.*.links.*.tls.cert", next_connection },
	{ "providers.*.links.*.tls.key", next_connection },
	{ "providers.*.links.*", rebound },
	{ "providers.*.system_id", rebound },
	{ "providers.*.system_type", rebound },
	{ "providers.*.password", next_session },
	{ "providers.*.interface_version", next_session },
	{ "providers.*.tlvs", next_session },
	{ "providers.*.window", next_session },
	{ "providers.*.max_pdu", next_session },
	{ "providers.*.timers.resolve", next_connection },
	{ "providers.*.timers.connect", next_connection },
	{ "providers.*.timers.tls", next_connection },
	{ "providers.*.timers.write_stall", next_connection },
	{ "providers.*.timers.bind", next_session },
	{ "providers.*.timers.enquire_link_idle", next_session },
	{ "providers.*.timers.enquire_link_answer", next_session },
	{ "providers.*.timers.response", next_session },
	{ "providers.*.timers.read_pdu", next_session },
	{ "providers.*.timers.unbind", next_session },
};

static bool fits(const char *pattern, const char *path)
{
	while (*pattern) {
		size_t word = strcspn(path, "."), wanted = strcspn(pattern, ".");
		bool any = wanted == 1 && *pattern == '*' && word;
		if (!any && (word != wanted || strncmp(path, pattern, word) != 0))
			return false;
		path += word + (path[word] == '.');
		pattern += wanted + (pattern[wanted] == '.');
	}
	return true;
}

static const char *when(const struct config_change *change)
{
	bool whole = !strcmp(change->is, "new") || !strcmp(change->is, "gone");
	if (whole && fits("providers", change->path))
		return *change->is == 'n' ? connects : leaves;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (fits(rules[i].pattern, change->path))
			return rules[i].when;
	return "at once";
}

struct telling {
	reload_change_fn *change;
	void *user;
};

static void tell(void *user, const struct config_change *change)
{
	struct telling *telling = user;
	telling->change(telling->user, change, when(change));
}

void reload_changes(const struct reload *reload, reload_change_fn *change, void *user)
{
	struct telling telling = { .change = change, .user = user };
	config_diff(reload->was, reload->config, tell, &telling);
}

/* ---- what may not be ---- */

__attribute__((format(printf, 5, 6))) static void mistake(struct reload *reload, uint32_t line,
							  uint32_t column, const char *hint,
							  const char *what, ...)
{
	struct config_errors *errors = &reload->errors;
	if (errors->n == CONFIG_ERRORS_MAX) {
		errors->more++;
		return;
	}
	struct config_error *error = &errors->list[errors->n++];
	*error = (struct config_error){ .source = reload->file, .line = line, .column = column };
	va_list args;
	va_start(args, what);
	vsnprintf(error->what, sizeof(error->what), what, args);
	va_end(args);
	snprintf(error->hint, sizeof(error->hint), "%s", hint);
}

static void look(void *user, const struct config_change *change)
{
	struct reload *reload = user;
	bool gone = fits("routes.*", change->path) && !strcmp(change->is, "gone");
	bool moved = fits("routes.*.provider", change->path);
	if (when(change) == restart)
		mistake(reload, change->line, change->column, "put the old value back",
			"%s: %s is now %s, and that needs a restart", change->path, change->was,
			change->is);
	if (fits("routes.*", change->path) && !strcmp(change->is, "new"))
		reload->new_routes = true;
	if (!gone && !moved)
		return;
	reload->doomed[reload->n_doomed++] = (struct doomed){
		.route = (uint32_t)strtoul(change->path + strlen("routes."), NULL, 10),
		.line = moved ? change->line : 0,
		.column = moved ? change->column : 0,
		.moved = moved,
	};
}

/* Open messages of the routes that are to go. */
static void count_open(struct turn *turn, struct reload *reload)
{
	struct store_open_order open = { 0 };
	for (enum store_err err = store_open_order_seek(turn->txn, &open, 0); !err;
	     err = store_open_order_next(turn->txn, &open, 0)) {
		struct store_order order = { .order = open.order };
		if (store_order_get(turn->txn, &order) != STORE_OK)
			continue;
		for (size_t i = 0; i < reload->n_doomed; i++)
			if (reload->doomed[i].route == order.route)
				reload->doomed[i].messages += orders_pending(&order);
	}
}

static void check_routes(struct turn *turn, struct reload *reload)
{
	static const char hint[] = "with active: false it takes no more; wait until they are final";
	if (reload->n_doomed)
		count_open(turn, reload);
	for (size_t i = 0; i < reload->n_doomed; i++) {
		const struct doomed *doomed = &reload->doomed[i];
		if (doomed->messages)
			mistake(reload, doomed->line, doomed->column, hint,
				"routes.%u: it %s, and %llu of its messages are not final",
				doomed->route, doomed->moved ? "has another provider" : "is gone",
				(unsigned long long)doomed->messages);
	}
}

/* ---- making it ready ---- */

static struct provider *running(const struct engine *engine, const char *name)
{
	for (size_t i = 0; i < engine->n_providers; i++)
		if (!engine->providers[i]->held &&
		    !strcmp(engine->providers[i]->config->name, name))
			return engine->providers[i];
	return NULL;
}

/* Providers with their links and TLS contexts, as if for a start. False: the turn has failed. */
static bool make_providers(struct turn *turn, struct reload *reload)
{
	struct engine *engine = turn->engine;
	const struct config *config = reload->config;
	char error[PORT_TEXT_OCTETS];
	size_t most = config->n_all_providers + engine->n_providers + 1;
	reload->fresh = calloc(config->n_all_providers + 1, sizeof(*reload->fresh));
	reload->providers = calloc(most, sizeof(*reload->providers));
	if (!reload->fresh || !reload->providers)
		return false;
	for (size_t i = 0; i < config->n_all_providers; i++) {
		const char *name = config->providers[i].name;
		struct provider *old = running(engine, name);
		struct provider *fresh = provider_new(engine, &config->providers[i], error);
		if (!fresh) {
			mistake(reload, 0, 0, "", "provider %s: %s", name, error);
			continue;
		}
		reload->fresh[reload->n_fresh++] = fresh;
		fresh->number = provider_number(turn, name);
		if (old && !provider_make_room(fresh, old))
			return false;
	}
	return true;
}

static bool prepare(struct turn *turn, struct reload *reload)
{
	struct engine *engine = turn->engine;
	if (!engine->source || engine->draining) {
		mistake(reload, 0, 0, "",
			engine->draining ? "the daemon is stopping" :
					   "it was not started from a file");
		return true;
	}
	reload->file = engine->source->path;
	reload->config = config_load(engine->source, &reload->errors);
	if (!reload->config)
		return true;
	reload->doomed = calloc(reload->was->n_routes + 1, sizeof(*reload->doomed));
	if (!reload->doomed)
		return false;
	config_diff(reload->was, reload->config, look, reload);
	check_routes(turn, reload);
	reload->generation.number = engine->generation->number + 1;
	reload->generation.at_ms = turn->at_ms;
	config_digest(reload->config, reload->generation.digest);
	return make_providers(turn, reload) &&
	       queue_make_room(engine->queue, 2 * (uint32_t)reload->config->n_routes);
}

struct reload *reload_new(struct turn *turn)
{
	struct reload *reload = calloc(1, sizeof(*reload));
	if (reload) {
		reload->was = turn->engine->config;
		reload->file = "configuration";
	}
	if (reload && prepare(turn, reload) && !turn_failed(turn))
		return reload;
	reload_free(turn->engine, reload);
	turn_fail(turn, STORE_FULL);
	return NULL;
}

void reload_free(struct engine *engine, struct reload *reload)
{
	if (!reload)
		return;
	for (size_t i = 0; i < reload->n_fresh; i++)
		provider_free(engine, reload->fresh[i]);
	free(reload->fresh);
	free(reload->providers);
	free(reload->doomed);
	config_free(reload->config);
	free(reload);
}

const struct config_errors *reload_errors(const struct reload *reload)
{
	return &reload->errors;
}

const struct generation *reload_generation(const struct reload *reload)
{
	return &reload->generation;
}

/* ---- the swap ---- */

static void log_change(void *user, const struct config_change *change, const char *when_text)
{
	(void)user;
	log_info("config.change", "path=%s was=\"%s\" is=\"%s\" when=\"%s\"", change->path,
		 change->was, change->is, when_text);
}

/* Those of the new file in its order, then those that leave. */
static void swap_providers(struct engine *engine, struct reload *reload)
{
	size_t n = 0;
	for (size_t i = 0; i < reload->n_fresh; i++) {
		struct provider *fresh = reload->fresh[i];
		struct provider *provider = running(engine, fresh->config->name);
		if (provider) {
			provider_become(engine, provider, fresh, engine->config);
		} else {
			provider = fresh;
			provider->index = engine->next_provider++;
		}
		reload->providers[n++] = provider;
	}
	size_t staying = n;
	for (size_t i = 0; i < engine->n_providers; i++) {
		struct provider *provider = engine->providers[i];
		size_t k = 0;
		while (k < staying && reload->providers[k] != provider)
			k++;
		if (k < staying)
			continue;
		provider_leave(engine, provider, engine->config);
		reload->providers[n++] = provider;
	}
	free(engine->providers);
	engine->providers = reload->providers;
	engine->n_providers = n;
	reload->providers = NULL;
	reload->n_fresh = 0;
}

static void swap(struct engine *engine, struct reload *reload)
{
	struct config *old = engine->config;
	reload_changes(reload, log_change, NULL);
	swap_providers(engine, reload);
	engine->config = reload->config;
	reload->config = NULL;
	*engine->generation = reload->generation;
	provider_queue_routes(engine); /* there is room */
	sandbox_tune(engine->sandbox, &engine->config->sandbox);
	config_free(old);
	log_setup(engine->config->log.level);
	if (engine->server)
		server_configure(engine);
	link_tell_refusals(engine);
	link_tell_tlvs(engine);
	certificates_check(engine);
	engine->stale = engine->stale || reload->new_routes; /* orders that had no route have one */
	engine->schedule = true;
	log_info("config.reloaded", "file=%s generation=%u digest=%s", reload->file,
		 engine->generation->number, engine->generation->digest);
}

struct swapping {
	struct effect effect;
	struct reload *reload;
};

static void run_swap(struct engine *engine, struct effect *effect, enum turn_end end)
{
	struct reload *reload = ((struct swapping *)(void *)effect)->reload;
	if (end == TURN_DONE)
		swap(engine, reload);
	reload_free(engine, reload);
}

void reload_commit(struct turn *turn, struct reload *reload, uint32_t uid)
{
	char text[128];
	struct swapping *effect = (void *)turn_effect(turn, run_swap, sizeof(*effect));
	if (!effect) {
		reload_free(turn->engine, reload);
		return;
	}
	effect->reload = reload;
	snprintf(text, sizeof(text), "reload: generation %u, configuration %s",
		 reload->generation.number, reload->generation.digest);
	control_audit_put(turn, uid, text);
}

void reload_forget(struct engine *engine)
{
	size_t n = 0;
	engine->leaving = false;
	for (size_t i = 0; i < engine->n_providers; i++) {
		struct provider *provider = engine->providers[i];
		if (provider_has_left(engine, provider)) {
			unmatched_end(engine, provider);
			link_alarm_end(engine, provider);
			provider_free(engine, provider);
			continue;
		}
		engine->providers[n++] = provider;
		engine->leaving = engine->leaving || provider->held;
		for (size_t k = 0; k < provider->n_trunks; k++)
			engine->leaving = engine->leaving || provider->trunks[k]->held;
	}
	engine->n_providers = n;
}

/* ---- SIGHUP ---- */

static void apply_signal(struct turn *turn, struct input *input)
{
	(void)input;
	struct reload *reload = reload_new(turn);
	if (!reload)
		return;
	const struct config_errors *errors = reload_errors(reload);
	for (size_t i = 0; i < errors->n; i++) {
		char line[600];
		config_error_format(&errors->list[i], line, sizeof(line));
		log_error("config.mistake", "%s", line);
	}
	if (!errors->n) {
		reload_commit(turn, reload, 0);
		return;
	}
	log_error("config.refused", "mistakes=%zu: generation %u stays in force",
		  errors->n + errors->more, turn->engine->generation->number);
	reload_free(turn->engine, reload);
}

static void refuse_signal(struct engine *engine, struct input *input, enum store_err why)
{
	(void)input;
	log_error("config.refused", "%s: generation %u stays in force", store_err_text(why),
		  engine->generation->number);
}

void reload_signal(struct engine *engine)
{
	struct input *input = calloc(1, sizeof(*input));
	if (!input) {
		log_error("config.refused", "out of memory");
		return;
	}
	input->apply = apply_signal;
	input->refuse = refuse_signal;
	input->alone = true;
	engine_input(engine, input);
}
