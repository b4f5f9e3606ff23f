/* See tools/trace_times.h. Below 64 us every microsecond is a class of its own. */
#include "tools/trace_times.h"

#define PER TRACE_TIMES_PER_DOUBLING

static uint32_t class_of(int64_t us)
{
	uint32_t doublings = 0;

	while (us >= 2 * PER) {
		us >>= 1;
		doublings++;
	}
	if (us >= PER)
		return (uint32_t)(us - PER) + (doublings + 1) * PER;
	return (uint32_t)us;
}

/* The largest time of a class. */
static int64_t end_of(uint32_t class)
{
	uint32_t doublings = class / PER;

	if (doublings == 0)
		return class;
	return (((int64_t) class % PER + PER + 1) << (doublings - 1)) - 1;
}

void trace_times_add(struct trace_times *times, int64_t us)
{
	uint32_t class;

	if (us < 0)
		us = 0;
	class = class_of(us);
	if (class >= TRACE_TIMES_CLASSES)
		class = TRACE_TIMES_CLASSES - 1;
	times->classes[class]++;
	times->count++;
	if (us > times->max_us)
		times->max_us = us;
}

int64_t trace_times_at(const struct trace_times *times, double part)
{
	uint64_t wanted = (uint64_t)((double)times->count * part + 0.999999);
	uint64_t seen = 0;

	for (uint32_t class = 0; class < TRACE_TIMES_CLASSES; class ++) {
		seen += times->classes[class];
		if (seen > 0 && seen >= wanted)
			return end_of(class) < times->max_us ? end_of(class) : times->max_us;
	}
	return times->max_us;
}
