/*
 * Alarms that follow outcomes: a provider whose receipts stopped, a route whose messages do not
 * arrive in time. Requests may all be answered with 200 meanwhile; health turns all the same. Looked
 * at in turns of the engine, read from cohorts, raised through core/alarm.h.
 */
#ifndef CORE_INSIGHT_ALARM_H
#define CORE_INSIGHT_ALARM_H

#include "core/turn.h"

#define INSIGHT_ALARM_EVERY_MS 5000
#define INSIGHT_ALARM_LOOKS    500 /* at the store, in one turn */

struct insight_alarm;
struct insight_alarm *insight_alarm_new(void);
void insight_alarm_free(struct insight_alarm *look);

/*
 * Begins a look or goes on with the one under way; the turn in which it has seen all raises and ends
 * "receipts_missing:PROVIDER" and "outcome_low:ROUTE". Changes no record.
 */
void insight_alarm_run(struct turn *turn);
/* A look is under way: it goes on in the next turn. */
bool insight_alarm_waits(const struct insight_alarm *look);

#endif
