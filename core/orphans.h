/*
 * Orphans: receipts that belong to nothing yet. Each is kept whole, with the reason and with what it
 * may be found by, until a later answer names its id, or retention takes it.
 */
#ifndef CORE_ORPHANS_H
#define CORE_ORPHANS_H

#include "core/provider.h"
#include "smpp/receipt.h"

/* Why a receipt is an orphan; numbers on disk. */
#define ORPHAN_REASONS(X)                                                         \
	X(UNKNOWN_ID, 0, "no message of this provider has this id (yet)")         \
	X(AMBIGUOUS, 1, "several messages fit the id and the address")            \
	X(ADDRESS, 2, "a message has this id, but neither address agrees")        \
	X(UNPARSED, 3, "it says it is a receipt but names no id")                 \
	X(UNREADABLE, 4, "the PDU could not be read")                             \
	X(GONE, 5, "its message is older than retention: it was removed")         \
	X(DIALECT, 6, "its id fits a message, but not in the provider's dialect") \
	X(EARLY, 7,                                                               \
	  "its id fits a message in another base, and may be one's whose answer is missing")
enum orphan_reason {
#define X(name, number, text) ORPHAN_##name = (number),
	ORPHAN_REASONS(X)
#undef X
};
const char *orphan_reason_text(enum orphan_reason reason);

/* A receipt as it came; pdu and receipt are NULL when it could not be read. */
struct orphan_news {
	const struct provider *provider;
	uint64_t session;
	const uint8_t *octets;
	uint32_t n;
	const struct smpp_pdu *pdu;
	const struct smpp_receipt *receipt;
	enum orphan_reason reason;
};
void orphans_keep(struct turn *turn, const struct orphan_news *news);

/* An orphan as it can be read again. Big; not copied, for it borrows from itself. */
struct orphan_read {
	uint8_t *octets;
	struct smpp_pdu pdu;
	struct smpp_receipt receipt;
};
/* NULL: a piece is missing, it is no PDU that can be read, or there is no memory. */
struct orphan_read *orphans_read(struct turn *turn, const struct provider *provider,
				 const struct store_orphan *orphan);
void orphans_read_free(struct orphan_read *read);

/*
 * Applies every orphan that waits under this hash of an id to the segment that now has the id, if it
 * came after since_ms (wall clock), the segment's release: an older one is another message's. One
 * that several had fitted when it came stays what it is.
 */
void orphans_join(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		  uint64_t hash, int64_t since_ms);
/* The same for one of several segments that share the id: only what names its number is joined. */
void orphans_join_shared(struct turn *turn, const struct provider *provider, struct segment_ref ref,
			 uint64_t hash, int64_t since_ms);

/*
 * The answer of a segment to that number has come: what waits for it may have one reading now.
 * `tail` is store_tail of the number, plus 1.
 */
void orphans_match_early(struct turn *turn, const struct provider *provider, uint32_t tail);
/*
 * Matches anew, newest first and at most so many, what could not be matched by the settings or the
 * dialect of then.
 */
void orphans_rematch(struct turn *turn, const struct provider *provider, uint32_t most);

/* It is evidence now: counts that, and drops it. */
void orphans_joined(struct turn *turn, const struct store_orphan *orphan);
/* Deletes an orphan with all its pieces. */
void orphans_drop(struct turn *turn, const struct store_orphan *orphan);

#endif
