/*
 * Receipts: what a deliver_sm or data_sm says about a segment, and which segment that is. The other
 * half of core/reconcile.h. No receipt is thrown away: matched, it is evidence; unmatched, it is an
 * orphan that a later answer joins; not a receipt, it is an inbound message. Each is in the store
 * before it is answered.
 */
#ifndef CORE_RECEIPTS_H
#define CORE_RECEIPTS_H

#include "core/provider.h"

/* Applies every orphan that waits under this hash of an id to the segment that now has the id. */
void receipts_join(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		   uint64_t hash);

#endif
