/* The operator's reload: what the new file changes, or every mistake in it. See control.h. */
#include "core/control.h"

#include <stdio.h>
#include <string.h>

#include "core/engine.h"
#include "core/reload.h"

/* As the API tells flaws: where, what; and the parts for programs. */
static void put_error(struct json_writer *json, const struct config_error *error)
{
	char place[300];
	if (error->set)
		snprintf(place, sizeof(place), "--set:%s", error->source);
	else if (error->line)
		snprintf(place, sizeof(place), "%s:%u:%u", error->source, error->line,
			 error->column);
	else
		snprintf(place, sizeof(place), "%s", error->source);
	json_begin_object(json);
	json_key(json, "loc");
	json_begin_array(json);
	json_put_text(json, place);
	json_end_array(json);
	char text[sizeof(error->what) + sizeof(error->hint) + 2];
	snprintf(text, sizeof(text), "%s%s%s", error->what, *error->hint ? "; " : "", error->hint);
	json_add_text(json, "msg", text);
	json_add_text(json, "type", "configuration");
	json_end_object(json);
}

static void refuse(struct api_call *call, const struct config_errors *errors)
{
	struct json_writer *json = &call->json;
	size_t n = errors->n + errors->more;
	char hint[160];
	call->status = 422;
	call->code = "configuration";
	json_begin_object(json);
	json_key(json, "detail");
	json_begin_array(json);
	for (size_t i = 0; i < errors->n; i++)
		put_error(json, &errors->list[i]);
	json_end_array(json);
	json_add_uint(json, "more", errors->more);
	snprintf(hint, sizeof(hint),
		 "%zu mistake%s: nothing was changed, generation %u stays in force", n,
		 n == 1 ? "" : "s", call->engine->generation->number);
	json_add_text(json, "hint", hint);
	json_end_object(json);
}

static void put_change(void *user, const struct config_change *change, const char *when)
{
	struct json_writer *json = user;
	json_begin_object(json);
	json_add_text(json, "path", change->path);
	json_add_text(json, "was", change->was);
	json_add_text(json, "is", change->is);
	json_add_text(json, "when", when);
	json_end_object(json);
}

void control_reload(struct api_call *call)
{
	static const char *const names[] = { "dry_run", NULL };
	struct json_writer *json = &call->json;
	bool dry = api_query_number(call, "dry_run", 0, 0, 1);
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	struct reload *reload = reload_new(call->turn);
	if (!reload)
		return;
	if (reload_errors(reload)->n) {
		refuse(call, reload_errors(reload));
		reload_free(call->engine, reload);
		return;
	}
	const struct generation *generation = reload_generation(reload);
	json_begin_object(json);
	json_add_text(json, "file", call->engine->source->path);
	json_add_bool(json, "dry_run", dry);
	json_add_uint(json, "generation",
		      dry ? call->engine->generation->number : generation->number);
	json_add_text(json, "digest", generation->digest);
	json_key(json, "changes");
	json_begin_array(json);
	reload_changes(reload, put_change, json);
	json_end_array(json);
	json_end_object(json);
	if (dry)
		reload_free(call->engine, reload);
	else
		reload_commit(call->turn, reload, control_caller(call));
}
