/*
 * Alarms that follow outcomes: a provider whose receipts stopped, a route whose messages do not
 * arrive in time. Requests may all be answered with 200 meanwhile; health turns all the same. Looked
 * at in turns of the engine, read from cohorts, raised through core/alarm.h.
 */
#ifndef CORE_INSIGHT_ALARM_H
#define CORE_INSIGHT_ALARM_H

#include "core/turn.h"

#define INSIGHT_ALARM_EVERY_MS 5000

/* Raises and ends "receipts_missing:PROVIDER" and "outcome_low:ROUTE"; changes no record. */
void insight_alarm_run(struct turn *turn);

#endif
