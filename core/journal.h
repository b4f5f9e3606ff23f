/*
 * The journal: the lines of the log that say what happened after success was returned. An order is
 * accepted, resolved, revised: a line each, at info. With log.messages each change of a message's
 * status is one as well. Every line bears order, route and request id, a message's its public id, so
 * that a request is followed to the end of its messages by grep; none bears a number or a text. Lines
 * leave when their turn is on disk, and not if it was dropped. Called by core/orders*.c alone.
 */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

#include "core/orders.h"

/* `event` is one of an order. */
void journal_order(struct turn *turn, const struct work *work, enum feed_event event);
/* As it is now. */
void journal_message(struct turn *turn, const struct work *work,
		     const struct store_message *message);

#endif
