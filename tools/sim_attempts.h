/*
 * How often smsc-sim was asked for the same segment before: a count by the hash of what makes a
 * segment the same. Memory is bounded: when SIM_ATTEMPTS_MAX segments are known a new table is
 * begun, and the one before the last is forgotten.
 */
#ifndef TOOLS_SIM_ATTEMPTS_H
#define TOOLS_SIM_ATTEMPTS_H

#include <stddef.h>
#include <stdint.h>

#define SIM_ATTEMPTS_MAX (3u << 20) /* segments of one table; 8 octets each, 64 MiB for both */

struct sim_attempts_table {
	uint64_t *slots; /* hash with its low octet replaced by the count; 0: free */
	size_t size;	 /* a power of two, or 0 */
	size_t used;
};

/* All zero is an empty one. */
struct sim_attempts {
	struct sim_attempts_table now;
	struct sim_attempts_table before;
};

/* One more for this hash; returns how often it was counted before, at most 254. */
uint32_t sim_attempts_count(struct sim_attempts *attempts, uint64_t hash);

void sim_attempts_release(struct sim_attempts *attempts);

#endif
