/*
 * How long something took, over and over: a count for each of some bounds, the sum and the longest.
 * In memory only, since the process began; made for the metrics, which count upwards.
 */
#ifndef CORE_TIMING_H
#define CORE_TIMING_H

#include <stdint.h>

#define TIMING_BOUNDS 15

struct timing {
	uint64_t n[TIMING_BOUNDS +
		   1]; /* of each bound those that it is the first to hold; then the rest */
	uint64_t sum_us;
	int64_t max_us;
};

/* In rising order: 100 us to 10 s. */
extern const int64_t timing_bounds_us[TIMING_BOUNDS];

/* One that took less than nothing, by a clock that was set, took nothing. */
void timing_add(struct timing *timing, int64_t took_us);

#endif
