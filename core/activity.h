/*
 * Activity: what an account asked of the API and how it was answered, request by request and
 * counted by the hour. It speaks of requests alone: a request that succeeded says nothing of what
 * became of its messages. Written behind the answers, by the next turn that changes the store
 * anyway, so that a refusal or a question leaves the store as it was; a crash loses what no such
 * turn came for. Where the store is nearly full it is not written at all. Noted by core/server.c, read by the submit socket.
 */
#ifndef CORE_ACTIVITY_H
#define CORE_ACTIVITY_H

#include "core/api.h"

#define ACTIVITY_ROWS 10000 /* requests of an account that are kept */
#define ACTIVITY_DAYS 30    /* for which the counters are */

struct activity;
struct activity *activity_new(void);
void activity_free(struct activity *activity);

/* One answered request. The address is copied; method and pattern are static, of the API's table. */
struct activity_note {
	uint32_t account;
	const char *method;
	const char *pattern; /* of its row */
	int status;
	int64_t at_ms; /* wall clock, of the answer */
	uint32_t took_us;
	uint32_t route_id;   /* 0: it named none */
	const char *address; /* of the client; "": a Unix socket */
};
void activity_note(struct engine *engine, const struct activity_note *note);

/* So much was noted, or the end is so near, that it is written without waiting for a change. */
bool activity_waits(const struct engine *engine);
/* Writes what was noted. Within any turn; a turn that is dropped leaves it noted. */
void activity_write(struct turn *turn);
/* Drops counters that are too old; a bounded slice. */
void activity_trim(struct turn *turn, unsigned budget);

/* The sends of an account that are on record, the newest first, each once. */
struct activity_sends {
	uint32_t account;
	int64_t from_ms;  /* from then on, as far back as rows are kept */
	int64_t since_ms; /* out: from when on none is missing of what is read so far */
	uint64_t seq;	  /* where the walk stands; begins at UINT64_MAX */
};
typedef void activity_send_fn(void *arg, const struct store_request *request);
/* Reads on, at most `budget` rows, and takes off what it used; true: that were all. */
bool activity_sends(struct activity_sends *sends, struct turn *turn, activity_send_fn *each,
		    void *arg, unsigned *budget);

/* GET /api/v1/activity/… */
void activity_summary(struct api_call *call);
void activity_logs(struct api_call *call);
void activity_usage(struct api_call *call);
void activity_endpoints(struct api_call *call);

#endif
