/*
 * Unmatched receipts: how many of a provider's receipts belong to no message, and the alarm that is
 * raised when too many do not. Most often an id is then written in another form than the settings
 * allow; what those receipts would have fitted is what the alarm suggests. Memory of this run only.
 */
#ifndef CORE_UNMATCHED_H
#define CORE_UNMATCHED_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct provider;

/* What became of a receipt. */
enum unmatched_news {
	UNMATCHED_NONE, /* it was no receipt */
	UNMATCHED_MATCHED,
	UNMATCHED_KEPT,	 /* an orphan, and nothing would have matched it */
	UNMATCHED_EXACT, /* an orphan that this reading of its id would have matched */
	UNMATCHED_HEX_TO_DEC,
	UNMATCHED_DEC_TO_HEX,
	UNMATCHED_ADDRESS, /* its id matched, but no address agreed */
	UNMATCHED_JOINED,  /* an orphan found its message */
	UNMATCHED_NEWS,
};

struct unmatched {
	uint64_t counts[UNMATCHED_NEWS];    /* of this run */
	uint32_t recent[2][UNMATCHED_NEWS]; /* of the window that is under way, and the last one */
	int64_t since_ms, looked_ms;	    /* monotonic; begin of the window; last look */
	bool alarmed;
};

/* Counts one; to be called when it is on disk. */
void unmatched_count(struct provider *provider, enum unmatched_news news);
/* Raises or ends the alarm; at most once in some seconds, so that what is only early is none. */
void unmatched_tick(struct engine *engine, struct provider *provider, int64_t now_ms);

/* The provider is no longer configured: its alarm is over. */
void unmatched_end(struct engine *engine, struct provider *provider);

/* Of this run: orphans that were kept and have not been joined. */
uint64_t unmatched_total(const struct unmatched *unmatched);

#endif
