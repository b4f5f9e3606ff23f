/*
 * Receipts: what a deliver_sm or data_sm says about a segment, and which segment that is. The other
 * half of core/reconcile.h. No receipt is thrown away: matched, it is evidence; unmatched, it is an
 * orphan that a later answer joins; not a receipt, it is an inbound message. Each is in the store
 * before it is answered.
 */
#ifndef CORE_RECEIPTS_H
#define CORE_RECEIPTS_H

#include "core/provider.h"

/*
 * Applies every orphan that waits under this hash of an id to the segment that now has the id, if it
 * came after since_ms (wall clock), the segment's release: an older one is another message's. One
 * that several had fitted when it came stays what it is.
 */
void receipts_join(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		   uint64_t hash, int64_t since_ms);

/* Deletes an orphan with all its pieces. */
void receipts_drop(struct turn *turn, const struct store_orphan *orphan);

#endif
