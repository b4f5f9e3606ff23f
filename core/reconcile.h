/*
 * Reconciliation: what the wire says becomes events of the lifecycle. Answers belong to the
 * segment that their tag names; receipts are matched by the provider's message id; what matches
 * nothing is kept as an orphan and joined when its answer comes. It calls no provider: it writes a
 * state, and whoever has to act finds it there.
 */
#ifndef CORE_RECONCILE_H
#define CORE_RECONCILE_H

#include "core/provider.h"

/* Each makes an input for the next turn from an event; whatever is needed of it is copied. */
/* Its connection is up: link_numbered follows the commit, or link_unnumbered. */
void reconcile_up(struct engine *engine, struct link *link);
/* It is bound, and ready when that is on disk; where there is no room for its record it unbinds. */
void reconcile_bound(struct engine *engine, struct link *link);
/* A session that was bound. */
void reconcile_closed(struct engine *engine, struct link *link);
/* RESPONSE, TIMEOUT, UNSENT, LOST of a submit. */
void reconcile_verdict(struct engine *engine, struct link *link, const struct smpp_event *event);
/* A REQUEST of the peer: deliver_sm, data_sm; anything else is refused by its own response. */
void reconcile_delivery(struct engine *engine, struct link *link, const struct smpp_event *event);

/*
 * At start: members of stored releases without a verdict are in doubt. Applies to at most one
 * release record per call; false when there was none left.
 */
bool reconcile_recover(struct turn *turn);

/*
 * After an older copy of the store was put back: whatever stands queued or submitted in this order
 * may have been submitted since the copy was made, so all of it is in doubt.
 */
void reconcile_doubt(struct turn *turn, uint64_t order);

#endif
