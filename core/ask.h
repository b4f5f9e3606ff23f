/*
 * Asking a provider about a segment that it has taken: query_sm, cancel_sm, replace_sm (SMPP 3.4,
 * 4.8 to 4.10). An ask is no submit and stands in no release: it takes a place in the session's
 * window, and room from submits while it is out, but nothing of the provider's rate; it has the
 * response timer; it is sent once and never again by itself. Its answer is an input like any other
 * and becomes evidence of the segment. Operators ask through core/control_ask.c, clients through
 * core/cancel_message.c, core/missing.c by itself.
 *
 *	ask_segment ── commit ──► session ──► ask_event ── input, commit ──► evidence
 *
 * Only the evidence is durable. What is out is remembered here until it is answered, and what an
 * operator asked for a while longer, so that he can be told.
 */
#ifndef CORE_ASK_H
#define CORE_ASK_H

#include "core/hash.h"
#include "core/orders.h"
#include "smpp/receipt.h"

struct link;
struct provider;
struct smpp_event;

#define ASKS_MAX	1024   /* at once, those that are done and remembered among them */
#define ASK_KEPT_MS	300000 /* how long one that is done is remembered */
#define ASK_TEXT_OCTETS SMPP_MAX_SHORT_MESSAGE

enum ask_kind {
	ASK_QUERY,
	ASK_CANCEL,
	ASK_REPLACE,
};

enum ask_outcome {
	ASK_WAITS,
	ASK_ANSWERED,	/* status says how */
	ASK_UNANSWERED, /* timed out, or the link went: nobody knows whether it was heard */
	ASK_UNSENT,	/* it never left this process */
};

struct ask {
	uint64_t number; /* from 1, in this run */
	enum ask_kind kind;
	struct segment_ref ref;
	char link[80];
	bool by_operator;
	enum ask_outcome outcome;
	uint32_t status; /* ANSWERED: command_status */
	uint32_t rtt_ms;
	bool has_state; /* of a query that was answered */
	enum smpp_receipt_state state;
	uint8_t error_code;
	char final_date[18]; /* as it came */
	int64_t done_ms;     /* monotonic */
	UT_hash_handle hh;
};

struct asks;
struct asks *asks_new(void);
void asks_free(struct asks *asks);

struct ask_wish {
	enum ask_kind kind;
	struct work *work;
	struct segment_ref ref;
	bool by_operator;
	/* ASK_REPLACE: the text in the order's coding, at most ASK_TEXT_OCTETS, and its note. */
	struct smpp_octets text, note;
};

/* What came of a wish: either a reason, static, and nothing has changed; or it goes out. */
struct asked {
	const char *why;  /* for operators */
	const char *told; /* the same for clients, without the provider's words */
	uint64_t number;
	const char *link; /* name; lives as long as the turn */
};

/*
 * Asks when the turn is on disk. Refused where the provider could not know what is meant: nothing
 * was taken yet, no answer named an id, the id belongs to several; and where nothing can be sent.
 */
struct asked ask_segment(struct turn *turn, const struct ask_wish *wish);

/*
 * Places of the provider's window that are free for an ask now, as if it had one window for all its
 * links; 0 where none of them may send.
 */
uint32_t ask_places(const struct engine *engine, const struct provider *provider, int64_t now_ms);

/* Whether a tag that a session gives back is an ask's, not a release's. */
bool ask_is(uint64_t tag);
/* The segment that a tag is about, an ask's or a release's; false: the ask is forgotten. */
bool ask_ref(const struct engine *engine, uint64_t tag, struct segment_ref *ref);
/* RESPONSE, TIMEOUT, UNSENT, LOST of an ask. */
void ask_event(struct engine *engine, struct link *link, const struct smpp_event *event);

/* NULL: there is none (any more). Lives until the engine goes on. */
const struct ask *ask_find(const struct engine *engine, uint64_t number);

#endif
