/*
 * Percentiles of times in bounded memory: counts in classes, 64 to each doubling. What is told is
 * the upper end of a class, and never more than the largest that was added.
 */
#ifndef TOOLS_TRACE_TIMES_H
#define TOOLS_TRACE_TIMES_H

#include <stdint.h>

#define TRACE_TIMES_PER_DOUBLING 64
#define TRACE_TIMES_CLASSES	 (36 * TRACE_TIMES_PER_DOUBLING) /* over 70 hours */

struct trace_times {
	uint64_t count;
	int64_t max_us;
	uint32_t classes[TRACE_TIMES_CLASSES];
};

/* Of clocks that were set back: negative ones count as 0. */
void trace_times_add(struct trace_times *times, int64_t us);

/* The time that a part of them, 0 to 1, did not exceed. 0 if there is none. */
int64_t trace_times_at(const struct trace_times *times, double part);

#endif
