/* Alarms: the list, and their records. See alarm.h. */
#include "core/alarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "core/feed.h"
#include "core/log.h"

/* ---- its record ---- */

struct change {
	struct input input;
	bool on;
	int64_t at_ms;
	char name[sizeof(((struct alarm *)0)->name)];
	char text[sizeof(((struct alarm *)0)->text)];
};

static void apply(struct turn *turn, struct input *input)
{
	const struct change *change = (void *)input;
	struct store_alarm rec = {
		.seq = store_next(turn->txn, STORE_NEXT_ALARM),
		.at_ms = (uint64_t)change->at_ms,
		.name = store_octets_of(change->name),
		.text = store_octets_of(change->text),
	};
	turn_fail(turn, store_alarm_put(turn->txn, &rec));
	feed_tell(turn, change->on ? FEED_ALARM_BEGINS : FEED_ALARM_ENDS, rec.seq);
}

static void record(struct engine *engine, const struct alarm *alarm, bool on)
{
	struct change *change = calloc(1, sizeof(*change));
	if (!change)
		return; /* the log has it */
	change->input.apply = apply;
	change->on = on;
	change->at_ms = port_wall_ms(engine->port);
	memcpy(change->name, alarm->name, sizeof(change->name));
	memcpy(change->text, alarm->text, sizeof(change->text));
	engine_input(engine, &change->input);
}

/* ---- the list ---- */

static void begin(struct engine *engine, struct alarm **at, const char *name, const char *text)
{
	struct alarm *alarm = calloc(1, sizeof(*alarm));
	if (!alarm)
		return;
	snprintf(alarm->name, sizeof(alarm->name), "%s", name);
	snprintf(alarm->text, sizeof(alarm->text), "%s", text);
	alarm->since_ms = port_wall_ms(engine->port);
	*at = alarm;
	log_warning("alarm.begins", "name=%s text=\"%s\"", name, text);
	record(engine, alarm, true);
}

static void end(struct engine *engine, struct alarm **at)
{
	struct alarm *alarm = *at;
	*at = alarm->next;
	log_info("alarm.ends", "name=%s", alarm->name);
	record(engine, alarm, false);
	free(alarm);
}

void alarm_set(struct engine *engine, const char *name, bool on, const char *text)
{
	struct alarm **at = &engine->alarms;
	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (on && *at)
		snprintf((*at)->text, sizeof((*at)->text), "%s", text); /* its newest cause */
	else if (on)
		begin(engine, at, name, text);
	else if (*at)
		end(engine, at);
}

bool alarm_is_on(const struct engine *engine, const char *name)
{
	const struct alarm *alarm = engine->alarms;
	while (alarm && strcmp(alarm->name, name) != 0)
		alarm = alarm->next;
	return alarm;
}

void alarms_free(struct engine *engine)
{
	while (engine->alarms) {
		struct alarm *alarm = engine->alarms;
		engine->alarms = alarm->next;
		free(alarm);
	}
}
