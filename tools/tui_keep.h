/*
 * The last events of the flow, kept for a view that goes back and forth. Bounded: of more than
 * TUI_KEPT events, or TUI_KEPT_OCTETS of PDUs, the oldest go. An event has a place, from 0, that
 * stays its own while others come and go. Used by tools/tui_view.h.
 */
#ifndef TOOLS_TUI_KEEP_H
#define TOOLS_TUI_KEEP_H

#include <uthash.h>

#include "tools/flow.h"
#include "tools/trace_read.h"

#define TUI_KEPT	20000
#define TUI_KEPT_OCTETS (32u << 20)

/* Hashed as octets: made of zeros first. */
struct tui_session_key {
	char link[TRACE_LINK_OCTETS];
	uint64_t session;
};

/* A connection of which something is kept, and how much. */
struct tui_session {
	struct tui_session_key key;
	uint64_t items;
	uint64_t pdus;
	uint64_t errors; /* answers with a status, PDUs that cannot be read */
	uint64_t unanswered;
	UT_hash_handle hh;
};

struct tui_item {
	struct flow_event event; /* as the flow gave it, without what tui_item_event reads again */
	struct trace_pdu pdu;
	struct flow_request request;
	struct flow_request submit;
	struct tui_session *session;
	bool leads;    /* the oldest of its session that is kept */
	bool is_error; /* counts there */
	bool holds;    /* the filter chooses it */
	bool selected; /* by the user */
	size_t n;
	uint8_t octets[]; /* what the pointers above point to */
};

struct tui_keep {
	uint64_t first; /* place of the oldest that is kept */
	uint64_t end;	/* behind the newest */
	size_t octets;
	struct tui_session *sessions;
	struct tui_item *items[TUI_KEPT];
};

/* NULL: out of memory. Else what was added, at place keep->end - 1. */
struct tui_item *tui_keep_add(struct tui_keep *keep, const struct flow_event *event);
/* NULL: there is none at this place, or none any more. */
struct tui_item *tui_keep_at(const struct tui_keep *keep, uint64_t place);
void tui_keep_release(struct tui_keep *keep);

/*
 * The event as it was, for a filter or a view; fields, receipt and part live in `reading`, which has
 * nothing masked. false: out of memory.
 */
__attribute__((warn_unused_result)) bool tui_item_event(const struct tui_item *item,
							struct trace_reading *reading,
							struct flow_event *event);

/* The connection that it belongs to. */
const char *tui_item_link(const struct tui_item *item);
uint64_t tui_item_session(const struct tui_item *item);

#endif
