/*
 * Insight: what became of the messages of a window, read from cohorts. The three layers, latency per
 * stage, coverage of receipts, what is stuck, and how alike like inputs ended; of one account or of
 * all. Gathered here, told as JSON by insight_view.c: GET /api/v1/insight and GET
 * /control/v1/insight. It changes nothing.
 *
 * However many cohorts there are, they are gathered a few at a time, and a question holds so many
 * routes, providers and likes at most. What finds no place is counted as left out.
 *
 * A window reaches from the beginning of the minute (of a day: of the hour) in which it opens until
 * now, and holds the messages that could go out in it.
 */
#ifndef CORE_INSIGHT_H
#define CORE_INSIGHT_H

#include "core/api.h"
#include "core/cohort.h"
#include "core/hash.h"

struct insight_window {
	const char *name; /* "1h" */
	int64_t ms;
	enum cohort_span span; /* what it is read from */
};
/* The one of that name; NULL: there is none. */
const struct insight_window *insight_window(const char *name);

#define INSIGHT_LIKES_MAX  1000 /* of all routes */
#define INSIGHT_ROUTES_MAX 1000 /* and so many providers; those of the configuration always */

/* Messages with the same route, country and parts. */
struct insight_like {
	uint32_t route, country, parts;
	struct cohort_sums sums;
	struct insight_like *next; /* of the same route, the most messages first */
	UT_hash_handle hh;
};

/* What is usual on a route is known from so many messages that were delivered within a day. */
#define INSIGHT_USUAL_LEAST 20
#define INSIGHT_STUCK_MS    60000 /* nothing is stuck that is younger */

struct insight_route {
	uint32_t route;
	struct cohort_sums sums;   /* of all its messages */
	struct insight_like *like; /* the first */
	size_t n_like;
	/* What is older than nearly all take, p99 of a day, and still SENT is stuck. */
	struct histogram day; /* total, within a day */
	bool usual_known;
	int64_t stuck_before_ms;   /* began before: the end of a minute, or of an hour */
	int64_t stuck;		   /* messages, however old */
	int64_t overdue;	   /* of these, in the window */
	uint64_t requests, errors; /* sends, as they were answered; insight_view.c's */
	UT_hash_handle hh;	   /* by rising number */
};

/* A provider by its durable number; summed up over all accounts only. */
struct insight_provider {
	uint32_t number;
	struct cohort_sums sums;
	int64_t overdue;
	UT_hash_handle hh;
};

struct insight {
	const struct insight_window *window;
	int64_t from_ms, to_ms;
	struct insight_route *routes;
	struct insight_provider *providers;
	struct insight_like *likes;
	int64_t left_out; /* messages of routes, or of providers, that found no place */
	/* Where gathering stands. */
	uint32_t account;
	unsigned walk;		/* of those it is done in */
	struct store_cohort at; /* a key */
	bool behind;		/* that one is read: the next comes behind it */
	uint32_t last;		/* slot of this walk */
};

/* With nothing gathered yet. `account` COHORT_ALL: of each. NULL: the turn failed. */
struct insight *insight_new(struct turn *turn, uint32_t account,
			    const struct insight_window *window);
void insight_free(struct insight *insight);

/*
 * Goes on for at most `budget` looks into the store, and takes off what it used; in any turn, with
 * what that sees. True: all is gathered. What one account costs does not depend on the others.
 */
bool insight_gather(struct insight *insight, struct turn *turn, unsigned *budget);

/* NULL: none. */
struct insight_like *insight_like_find(const struct insight *insight, uint32_t route,
				       uint32_t country, uint32_t parts);

/* Messages whose outcome is known, or known never to come. */
int64_t insight_final(const int64_t counts[COHORT_COUNTS]);

/*
 * How alike they ended, in millionths: the probability that two of the final messages, picked at
 * random, have the same outcome: the sum over outcomes of n(n - 1), by N(N - 1). It says nothing of
 * how good the outcome is: all failing is consistent. -1: fewer than two are final.
 */
int64_t insight_consistency(const int64_t counts[COHORT_COUNTS]);
/* Of a route: the mean over its likes, weighted by their final messages. */
int64_t insight_route_consistency(const struct insight_route *route);

/* GET /api/v1/insight, GET /control/v1/insight */
void insight_get(struct api_call *call);
void insight_control(struct api_call *call);

#endif
