/*
 * Alarms: named conditions that an operator should know of, such as a full store or a login that a
 * carrier refuses. An alarm is on or off; while it is on it stands in status and /healthz, and its
 * beginning and end are a log line and a record in the feed each. Raised by whoever sees the
 * condition; what to do about it stands in its text.
 */
#ifndef CORE_ALARM_H
#define CORE_ALARM_H

#include <stdbool.h>
#include <stdint.h>

struct engine;

struct alarm {
	char name[64];
	char text[320];
	int64_t since_ms; /* wall clock */
	struct alarm *next;
};

/*
 * Raises or ends the alarm of that name; `text` says what is wrong, since when and what to do. What
 * is so already changes nothing but the text. Its record follows in the next turn, so that this may
 * be called while a turn is applied and in its effects.
 */
void alarm_set(struct engine *engine, const char *name, bool on, const char *text);
bool alarm_is_on(const struct engine *engine, const char *name);
/* At the end of the process: they are not over, and so not said to be. */
void alarms_free(struct engine *engine);

#endif
