/*
 * Traffic: what the local API was asked, how it answered and which of its limits were met, counted
 * since the process began. Requests count by the row of the table that served them, never by their
 * path, so that no client can make a figure of its own. Filled by core/server.c and whoever obeys a
 * limit, read by core/metrics.c; what an account is told of its own requests is core/activity.c.
 */
#ifndef CORE_TRAFFIC_H
#define CORE_TRAFFIC_H

#include "core/api.h"
#include "core/hash.h"
#include "core/timing.h"

/* The rows of limits: in the configuration, each counted when it refuses, ends or holds something. */
enum traffic_limit {
#define LIMITS_KEY(type, member, ...) TRAFFIC_LIMIT_##member,
#include "config/config.def"
	TRAFFIC_LIMITS
};
/* Its key in the configuration: "header_fields". */
const char *traffic_limit_name(enum traffic_limit limit);

#define TRAFFIC_STATUSES 500 /* 100 to 599 */

/* Answers of one row of a table; of requests that no row fits, one for each socket. */
struct traffic_row {
	struct traffic_key {
		const struct api_row *row; /* NULL: none fits */
		enum api_socket socket;
	} key;
	uint64_t answers[TRAFFIC_STATUSES]; /* by status - 100 */
	struct timing took;		    /* of those whose request was read to its end */
	UT_hash_handle hh;
};

struct traffic {
	struct traffic_row *rows; /* those that were asked for, in that order */
	uint64_t limits[TRAFFIC_LIMITS];
	uint64_t wrong_keys; /* that were given */
	uint64_t feed_gaps;  /* events that readers were too late for, in one piece each */
};

struct traffic *traffic_new(void);
void traffic_free(struct traffic *traffic);

/* Counts an answer; took_us below 0: its request never came to its end. */
void traffic_answer(struct traffic *traffic, const struct api_call *call, int64_t took_us);
void traffic_limit_met(struct traffic *traffic, enum traffic_limit limit);

#endif
