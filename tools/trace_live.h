/*
 * PDUs as they pass through a running daemon: the source of `live`. It connects to the tap socket
 * and reads the lines of core/tap_stream.h; the daemon masks what was not asked for.
 *
 *	while (trace_live_wait(live, INT64_MAX)) {
 *		while (trace_live_next(live, &pdu))
 *			show(&pdu);
 *	}
 *	trace_live_error(live)
 */
#ifndef TOOLS_TRACE_LIVE_H
#define TOOLS_TRACE_LIVE_H

#include <stddef.h>

#include "tools/trace.h"

#define TRACE_TAP_SOCKET "/run/esmed/tap.sock" /* if it is not said where */

struct trace_live;

struct trace_live_want {
	const char *socket_path;
	const char *link; /* "": all */
	/* "messages" or "orders": not what passes, but what the store has of the one called `id`. */
	const char *recall; /* NULL: what passes */
	const char *id;
	bool text;
	bool numbers;
};

/* NULL: out of memory. Begins to connect; what becomes of it is told by _wait and _error. */
struct trace_live *trace_live_new(const struct trace_live_want *want);
void trace_live_free(struct trace_live *live);

/*
 * Waits until something has happened, most_ms at most. False at the end: the user interrupted it (TERM, INT, HUP), or
 * there is an error. What came before the end can still be asked for.
 */
bool trace_live_wait(struct trace_live *live, int64_t most_ms);

/* The next PDU that has come; false: none. */
bool trace_live_next(struct trace_live *live, struct trace_pdu *pdu);

/* Has the daemon dropped PDUs behind the last one that was given? */
bool trace_live_gap(const struct trace_live *live);

/* How many PDUs the daemon dropped behind the last one that was given; each is told once. */
uint64_t trace_live_dropped(struct trace_live *live);

/* The same as the daemon wrote it, without its line feed; NULL: none. It lives until the next call. */
char *trace_live_line(struct trace_live *live, size_t *n);

/* Why it ended, in one line; NULL when the user ended it, or all was recalled. */
const char *trace_live_error(const struct trace_live *live);

#endif
