/* The heap of tools/sim_due.h. */
#include "tools/sim_due.h"

#include <stdlib.h>

static bool before(const struct sim_due_entry *a, const struct sim_due_entry *b)
{
	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms;
	return (int32_t)(a->serial - b->serial) < 0; /* serials wrap */
}

bool sim_due_push(struct sim_due *due, int64_t due_ms, uint32_t what)
{
	struct sim_due_entry entry = { .due_ms = due_ms, .serial = due->serial, .what = what };
	size_t hole = due->count;

	if (due->count == due->room) {
		size_t room = due->room == 0 ? 1024 : due->room * 2;
		struct sim_due_entry *entries = reallocarray(due->entries, room, sizeof(entry));

		if (entries == NULL)
			return false;
		due->entries = entries;
		due->room = room;
	}
	due->serial++;
	due->count++;
	while (hole > 0 && before(&entry, &due->entries[(hole - 1) / 2])) {
		due->entries[hole] = due->entries[(hole - 1) / 2];
		hole = (hole - 1) / 2;
	}
	due->entries[hole] = entry;
	return true;
}

int64_t sim_due_next_ms(const struct sim_due *due)
{
	return due->count == 0 ? SIM_DUE_NEVER : due->entries[0].due_ms;
}

bool sim_due_pop(struct sim_due *due, int64_t now_ms, uint32_t *what)
{
	struct sim_due_entry last;
	size_t hole = 0, child;

	if (due->count == 0 || due->entries[0].due_ms > now_ms)
		return false;
	*what = due->entries[0].what;
	last = due->entries[--due->count];
	while ((child = 2 * hole + 1) < due->count) {
		if (child + 1 < due->count &&
		    before(&due->entries[child + 1], &due->entries[child]))
			child++;
		if (!before(&due->entries[child], &last))
			break;
		due->entries[hole] = due->entries[child];
		hole = child;
	}
	due->entries[hole] = last;
	return true;
}

void sim_due_release(struct sim_due *due)
{
	free(due->entries);
	*due = (struct sim_due){ 0 };
}
