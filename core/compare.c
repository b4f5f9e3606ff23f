/* Two paths, compared. See compare.h. */
#include "core/compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/facts.h"
#include "core/lifecycle.h"
#include "core/listing.h"
#include "core/path_view.h"

#define DURATION_LEAST 100 /* ms */
#define LEVEL_LEAST    10
#define VERDICT_OCTETS 800

/* When two values that are known differ: by more than twice and by more than `least`. */
static const struct {
	int64_t least; /* 0: any difference counts */
	const char *note;
} kinds[] = {
	[FACT_TEXT] = { 0, NULL },
	[FACT_FLAG] = { 0, NULL },
	[FACT_COUNT] = { 0, NULL },
	[FACT_LEVEL] = { LEVEL_LEAST, "told when one is more than twice the other, and 10 more" },
	[FACT_DURATION] = { DURATION_LEAST,
			    "told when one is more than twice the other, and 100 ms more" },
};

/* ---- comparing ---- */

struct comparison {
	struct fact_side sides[2];
	struct fact_value values[FACTS][2];
	bool differs[FACTS];
};

static bool differ(enum fact_kind kind, const struct fact_value *a, const struct fact_value *b)
{
	int64_t less = a->number < b->number ? a->number : b->number;
	int64_t more = a->number < b->number ? b->number : a->number;
	if (a->known != b->known)
		return true;
	if (kinds[kind].least)
		return more > 2 * less && more - less > kinds[kind].least;
	return more != less || strcmp(a->text, b->text) != 0;
}

static void compare(struct comparison *comparison)
{
	for (size_t i = 0; i < FACTS; i++) {
		struct fact_value *values = comparison->values[i];
		for (int k = 0; k < 2; k++)
			facts[i].read(&comparison->sides[k], &values[k]);
		comparison->differs[i] = differ(facts[i].kind, &values[0], &values[1]);
	}
}

/* The first difference from one stage to another; FACTS: there is none. */
static size_t first_of(const struct comparison *comparison, enum fact_stage from,
		       enum fact_stage to)
{
	size_t i = 0;
	while (i < FACTS &&
	       !(comparison->differs[i] && facts[i].stage >= from && facts[i].stage <= to))
		i++;
	return i;
}

/* ---- in words ---- */

struct verdict {
	char text[VERDICT_OCTETS];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void add(struct verdict *verdict, const char *format,
						      ...)
{
	size_t room = sizeof(verdict->text) - verdict->n;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(verdict->text + verdict->n, room, format, args);
	va_end(args);
	verdict->n += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void add_value(struct verdict *verdict, const struct fact *fact,
		      const struct fact_value *value)
{
	if (!value->known)
		add(verdict, "none");
	else if (fact->kind == FACT_TEXT)
		add(verdict, "\"%s\"", value->text);
	else if (fact->kind == FACT_FLAG)
		add(verdict, "%s", value->number ? "yes" : "no");
	else
		add(verdict, "%" PRId64, value->number);
}

static void add_input(struct verdict *verdict, const struct comparison *comparison)
{
	const char *between = "The input differs in ";
	size_t n = 0, destination = 0;
	for (size_t i = 0; i < FACTS && facts[i].stage == FACT_REQUEST; i++) {
		n += comparison->differs[i];
		destination += comparison->differs[i] && !strcmp(facts[i].what, "destination");
	}
	if (n == destination) {
		add(verdict, "Equal input%s.", n ? " but for the destination" : "");
		return;
	}
	for (size_t i = 0; i < FACTS && facts[i].stage == FACT_REQUEST; i++) {
		if (!comparison->differs[i])
			continue;
		add(verdict, "%s%s", between, facts[i].what);
		between = ", ";
	}
	add(verdict, ".");
}

static void add_end(struct verdict *verdict, const struct fact_side *side, const char *name)
{
	const struct store_message *message = side->message;
	enum store_error error = (enum store_error)message->error;
	bool delivered = message->state == STORE_STATE_DELIVERED;
	add(verdict, "%s %s %s%s%s%s", name,
	    life_is_final((enum store_state)message->state) ? "ended" : "is not final and",
	    life_shown((enum store_state)message->state, error), error ? " / " : "",
	    error ? store_error_name(error) : "",
	    !delivered				? "" :
	    message->flags & STORE_FLAG_ON_TIME ? ", in time" :
						  ", late");
}

static bool same_end(const struct comparison *comparison)
{
	for (size_t i = 0; i < FACTS; i++)
		if (facts[i].stage == FACT_OUTCOME && facts[i].kind != FACT_DURATION &&
		    comparison->differs[i])
			return false;
	return true;
}

static void add_cause(struct verdict *verdict, const struct comparison *comparison)
{
	size_t first = first_of(comparison, FACT_QUEUE, FACT_PROVIDER);
	size_t beyond = first_of(comparison, FACT_DELIVERY, FACT_DELIVERY);
	bool taken = comparison->sides[0].taken_ms && comparison->sides[1].taken_ms;
	if (first < FACTS) {
		add(verdict, " They part in the %s stage: %s was ",
		    fact_stage_name(facts[first].stage), facts[first].what);
		add_value(verdict, &facts[first], &comparison->values[first][0]);
		add(verdict, " and ");
		add_value(verdict, &facts[first], &comparison->values[first][1]);
		add(verdict, ".");
	} else if (taken && (beyond < FACTS || !same_end(comparison))) {
		add(verdict, " Up to the provider no recorded condition differs; the difference "
			     "lies beyond the provider.");
	} else {
		add(verdict, " No recorded condition differs.");
	}
}

static void write_verdict(struct json_writer *json, const struct comparison *comparison)
{
	struct verdict verdict = { .n = 0 };
	add_input(&verdict, comparison);
	add(&verdict, " ");
	add_end(&verdict, &comparison->sides[0], "a");
	add(&verdict, "; ");
	add_end(&verdict, &comparison->sides[1], "b");
	add(&verdict, ".");
	add_cause(&verdict, comparison);
	json_add_text(json, "verdict", verdict.text);
}

/* ---- writing ---- */

static void write_value(struct json_writer *json, const char *key, enum fact_kind kind,
			const struct fact_value *value)
{
	if (!value->known)
		json_add_null(json, key);
	else if (kind == FACT_TEXT)
		json_add_text(json, key, value->text);
	else if (kind == FACT_FLAG)
		json_add_bool(json, key, value->number != 0);
	else
		json_add_int(json, key, value->number);
}

static void write_side(struct json_writer *json, const char *key, const char *id,
		       const struct fact_side *side)
{
	const struct store_message *message = side->message;
	enum store_error error = (enum store_error)message->error;
	json_key(json, key);
	json_begin_object(json);
	json_add_text(json, "bx_message_id", id);
	json_add_text(json, "status", life_shown((enum store_state)message->state, error));
	json_add_text(json, "error", error ? store_error_name(error) : NULL);
	if (message->state == STORE_STATE_DELIVERED)
		json_add_bool(json, "on_time", message->flags & STORE_FLAG_ON_TIME);
	else
		json_add_null(json, "on_time");
	json_add_int(json, "total_ms", path_view_stages(json, &side->path));
	json_end_object(json);
}

static void write_alike(struct json_writer *json, const struct comparison *comparison)
{
	json_key(json, "alike");
	json_begin_array(json);
	for (size_t i = 0; i < FACTS; i++)
		if (facts[i].stage == FACT_REQUEST && !comparison->differs[i] &&
		    comparison->values[i][0].known)
			json_put_text(json, facts[i].what);
	json_end_array(json);
}

static void write_differences(struct json_writer *json, const struct comparison *comparison)
{
	json_key(json, "differences");
	json_begin_array(json);
	for (size_t i = 0; i < FACTS; i++) {
		if (!comparison->differs[i])
			continue;
		json_begin_object(json);
		json_add_text(json, "what", facts[i].what);
		json_add_text(json, "stage", fact_stage_name(facts[i].stage));
		write_value(json, "a", facts[i].kind, &comparison->values[i][0]);
		write_value(json, "b", facts[i].kind, &comparison->values[i][1]);
		json_add_text(json, "note", kinds[facts[i].kind].note);
		json_end_object(json);
	}
	json_end_array(json);
}

static void write_comparison(struct json_writer *json, const struct compare_pair *pair,
			     const struct comparison *comparison)
{
	size_t first = first_of(comparison, FACT_QUEUE, FACT_OUTCOME);
	json_begin_object(json);
	json_add_text(json, "status", "success");
	write_side(json, "a", pair->ids[0], &comparison->sides[0]);
	write_side(json, "b", pair->ids[1], &comparison->sides[1]);
	write_alike(json, comparison);
	write_differences(json, comparison);
	json_key(json, "first_difference");
	if (first < FACTS) {
		json_begin_object(json);
		json_add_text(json, "stage", fact_stage_name(facts[first].stage));
		json_add_text(json, "what", facts[first].what);
		json_end_object(json);
	} else {
		json_put_null(json);
	}
	write_verdict(json, comparison);
	json_end_object(json);
}

void compare_answer(struct api_call *call, const struct compare_pair *pair)
{
	struct comparison comparison = { .differs = { false } };
	bool memory = true;
	for (int k = 0; k < 2; k++) {
		struct fact_side *side = &comparison.sides[k];
		side->call = call;
		side->masked = pair->masked;
		side->order = &pair->orders[k];
		side->message = &pair->messages[k];
		memory = fact_side_read(side) && memory;
	}
	if (memory) {
		compare(&comparison);
		write_comparison(&call->json, pair, &comparison);
	} else {
		turn_fail(call->turn, STORE_FULL);
	}
	for (int k = 0; k < 2; k++)
		fact_side_release(&comparison.sides[k]);
}

/* ---- the call ---- */

bool compare_ids(struct api_call *call, struct compare_pair *pair, const char *const *names)
{
	static const char *const keys[2] = { "a", "b" };
	api_query_only(call, names);
	for (int k = 0; k < 2; k++) {
		char *id = pair->ids[k];
		*id = '\0';
		if (!api_query_text(call, keys[k], id, MESSAGE_ID_OCTETS) || !message_id_shaped(id))
			api_flaw(call, "query", keys[k], -1, *id ? "string_pattern" : "missing",
				 "%s must be a bx_message_id, such as BX-1-0123456789abcdef",
				 keys[k]);
	}
	return !api_flawed(call, "shape");
}

void compare_get(struct api_call *call)
{
	static const char *const names[] = { "a", "b", NULL };
	struct compare_pair pair = { .masked = false };
	if (!compare_ids(call, &pair, names))
		return;
	for (int k = 0; k < 2; k++) {
		if (listing_message(call, pair.ids[k], &pair.orders[k], &pair.messages[k]))
			continue;
		if (!turn_failed(call->turn))
			api_refuse_not_found(call, "DLR record not found.");
		return;
	}
	compare_answer(call, &pair);
}
