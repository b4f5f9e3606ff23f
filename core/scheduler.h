/*
 * The scheduler: hands queued segments to sessions, as the last step of every turn. It writes the
 * release (core/release.h) in the turn's transaction and hangs the submits on the commit: no octet
 * of a segment leaves before its release is on disk. It reads through the open transaction, so an
 * order that was accepted in this turn may go out with it, and it tops up: the stored members
 * without a verdict never exceed window + release_ahead per session.
 */
#ifndef CORE_SCHEDULER_H
#define CORE_SCHEDULER_H

#include "core/turn.h"

void scheduler_run(struct turn *turn);

#endif
