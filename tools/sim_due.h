/*
 * What smsc-sim has still to do, by time: a binary heap, 16 octets an entry. Entries of one
 * millisecond come out in the order they went in. Knows nothing of what it holds.
 */
#ifndef TOOLS_SIM_DUE_H
#define TOOLS_SIM_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_due_entry {
	int64_t due_ms;
	uint32_t serial;
	uint32_t what; /* the owner's */
};

/* All zero is an empty one. */
struct sim_due {
	struct sim_due_entry *entries;
	size_t count;
	size_t room;
	uint32_t serial;
};

#define SIM_DUE_NEVER INT64_MAX

/* false: no memory; nothing was added. */
__attribute__((warn_unused_result)) bool sim_due_push(struct sim_due *due, int64_t due_ms,
						      uint32_t what);

/* When the first entry is due; SIM_DUE_NEVER: there is none. */
int64_t sim_due_next_ms(const struct sim_due *due);

/* Takes the first entry if it is due at now_ms. */
bool sim_due_pop(struct sim_due *due, int64_t now_ms, uint32_t *what);

void sim_due_release(struct sim_due *due);

#endif
