/* Timings. See timing.h. */
#include "core/timing.h"

const int64_t timing_bounds_us[TIMING_BOUNDS] = {
	100,   250,    500,    1000,   2500,	5000,	 10000,	   25000,
	50000, 100000, 250000, 500000, 1000000, 2500000, 10000000,
};

void timing_add(struct timing *timing, int64_t took_us)
{
	unsigned bound = 0;
	if (took_us < 0)
		took_us = 0;
	while (bound < TIMING_BOUNDS && took_us > timing_bounds_us[bound])
		bound++;
	timing->n[bound]++;
	timing->sum_us += (uint64_t)took_us;
	if (took_us > timing->max_us)
		timing->max_us = took_us;
}
