/*
 * The execution path of one message, collected: ordered steps from the request to the final state,
 * each with its time and its cause, read from the evidence of its segments and from the releases
 * that have no verdict yet. It changes nothing and knows no answer format. Told to clients by
 * core/path_view.c, compared by core/compare.c, summed up over an order by core/timeline.c.
 */
#ifndef CORE_PATH_H
#define CORE_PATH_H

#include "core/engine.h"
#include "core/evidence.h"
#include "core/orders.h"

/* Where the time between a step and the one before it went. */
enum path_stage {
	PATH_ACCEPT,
	PATH_QUEUE,    /* until it was released */
	PATH_WINDOW,   /* until its last octet left */
	PATH_PROVIDER, /* until it was answered */
	PATH_DELIVERY, /* until a receipt, or a deadline */
	PATH_STAGES
};
const char *path_stage_name(enum path_stage stage); /* "queue_ms" */

enum path_what {
	PATH_RECEIVED,
	PATH_CHECKED,
	PATH_PRICED,
	PATH_DEBITED,
	PATH_QUEUED,
	PATH_RELEASED,
	PATH_SUBMITTED,
	PATH_EVENT, /* what a row of evidence says */
	PATH_FINAL,
	PATH_WHATS
};

/* Evidence kept beyond the walk that found it, and without what it borrowed: its octets. */
struct path_row {
	struct evidence evidence;
	uint32_t segment;
	bool noted; /* it has a note */
};

struct path_step {
	enum path_what what;
	const char *name; /* "released"; static */
	enum path_stage stage;
	int64_t at_ms;		    /* wall clock */
	uint32_t number;	    /* in the order they were found */
	const struct path_row *row; /* NULL: of acceptance, or FINAL */
	const char *cause;	    /* in words that clients may read; NULL: there is none */
};

struct path {
	const struct store_order *order; /* both the caller's, and outlive it */
	const struct store_message *message;
	struct path_row *rows;
	struct path_step *steps; /* in the order of their times */
	uint32_t n_rows, n_steps;
	bool cut;     /* there are more rows than are kept */
	bool damaged; /* a record was missing or malformed; what can be read is read */
};

/* May be used for one message after the other. False: no memory; release it all the same. */
bool path_init(struct path *path);
void path_release(struct path *path);

void path_collect(struct path *path, const struct engine *engine, struct store_txn *txn,
		  const struct store_order *order, const struct store_message *message);

/* What each stage took; together that is what is returned: from acceptance to the last step. */
int64_t path_spent(const struct path *path, int64_t spent_ms[PATH_STAGES]);

#endif
