/*
 * How the messages of an order went from state to state over time, summed up in bounded memory: a
 * bucket for each step of time in which something changed. When there are too many, the step is
 * doubled. Times without a change take no room, so the step is as fine as what happened allows.
 */
#ifndef CORE_PROGRESS_H
#define CORE_PROGRESS_H

#include "core/replay.h"

#define PROGRESS_BUCKETS 1024

/* Messages by state, and those that the provider has taken; changes of them within a bucket. */
struct progress_counts {
	int32_t of[STORE_STATES];
	int32_t taken;
};

struct progress_bucket {
	int64_t slot;	 /* its time from the order's acceptance, divided by the step */
	int64_t last_ms; /* of its last change, wall clock */
	struct progress_counts change;
};

struct progress {
	int64_t base_ms; /* the order's acceptance */
	int64_t step_ms; /* a power of two */
	uint32_t n;
	struct progress_bucket buckets[PROGRESS_BUCKETS]; /* in the order of their times */
};

void progress_init(struct progress *progress, int64_t base_ms);
void progress_add(struct progress *progress, const struct replay_change *change);
/* Doubles the step until there are at most so many buckets. */
void progress_coarsen(struct progress *progress, uint32_t most);

void progress_sum(struct progress_counts *counts, const struct progress_counts *change);
/* Delivered, failed, expired or unknown. */
int32_t progress_final(const struct progress_counts *counts);

#endif
