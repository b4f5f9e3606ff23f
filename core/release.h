/*
 * Releases in memory: which PDUs are out without a verdict, with which segments, on which link,
 * since when. Each segment stands in a release record that was committed before its first octet left; the record goes in
 * the transaction that records the last verdict. After a crash the records alone say what is in
 * doubt (core/reconcile.c reads them at start); this table is not rebuilt.
 */
#ifndef CORE_RELEASE_H
#define CORE_RELEASE_H

#include "core/hash.h"
#include "core/orders.h"

struct link;

/* One record. */
struct release {
	uint64_t id, session;
	struct link *link;
	uint32_t remaining; /* PDUs without a verdict */
	uint32_t settling;  /* of these, with a verdict in the turn that is under way */
	UT_hash_handle hh;
};

/* One PDU that is out. */
struct flight {
	uint64_t tag; /* release_tag of its first segment: what the session gives back */
	struct release *release;
	uint32_t n;	  /* destinations: the messages from its index on, one after the other */
	uint32_t attempt; /* of each */
	int64_t released_due_ms; /* clock of deadlines */
	int64_t released_at_ms;	 /* wall clock */
	int64_t released_now_ms; /* monotonic */
	uint32_t in_flight;	 /* on its session then, itself included */
	uint32_t queued;	 /* of its route then */
	uint32_t rate_per_s;	 /* of the provider then; 0: any */
	bool settling;
	UT_hash_handle hh;
};

struct releases;
struct releases *releases_new(void);
void releases_free(struct releases *releases);

/* A segment as one number: order below 2^39, index below 2^16, segment below 2^8. */
uint64_t release_tag(struct segment_ref ref);
struct segment_ref release_ref(uint64_t tag);

/* The release of that id, made when it is not there yet, of the link's session. NULL: no memory. */
struct release *releases_get(struct releases *releases, uint64_t id, struct link *link);
struct flight *releases_fly(struct releases *releases, struct release *release,
			    const struct flight *flight);
/* NULL: not out, or its verdict is being recorded in this turn: what comes now is late. */
struct flight *releases_find(const struct releases *releases, uint64_t tag);
/* The one that a segment went with, whichever of its destinations it is; NULL: as above. */
struct flight *releases_carrying(const struct releases *releases, struct segment_ref ref);
/* All of them, those being settled left out; NULL begins, NULL ends. */
const struct flight *releases_next(const struct releases *releases, const struct flight *flight);
/*
 * Its verdict is being recorded: deletes the release's record with its last PDU, and forgets
 * the flight when the turn is done.
 */
void releases_settle(struct turn *turn, struct flight *flight);

#endif
