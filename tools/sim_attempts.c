/* The tables of tools/sim_attempts.h: open addressing, linear probing, nothing is ever removed. */
#include "tools/sim_attempts.h"

#include <stdlib.h>

#define COUNT_MASK UINT64_C(0xFF)
#define COUNT_MAX  255u
#define SIZE_LEAST 4096u

/* The slot of the hash, or the free one where it belongs. The table has slots, a free one too. */
static uint64_t *find(const struct sim_attempts_table *table, uint64_t hash)
{
	size_t i = (size_t)(hash >> 8) & (table->size - 1);

	while (table->slots[i] != 0 && ((table->slots[i] ^ hash) & ~COUNT_MASK) != 0)
		i = (i + 1) & (table->size - 1);
	return &table->slots[i];
}

static void grow(struct sim_attempts_table *table)
{
	struct sim_attempts_table larger = { .size = table->size == 0 ? SIZE_LEAST :
									table->size * 2 };

	larger.slots = calloc(larger.size, sizeof(larger.slots[0]));
	if (larger.slots == NULL)
		return;
	for (size_t i = 0; i < table->size; i++)
		if (table->slots[i] != 0)
			*find(&larger, table->slots[i]) = table->slots[i];
	larger.used = table->used;
	free(table->slots);
	*table = larger;
}

/* Makes room for one more. Without memory for it the tables turn over early. */
static void make_room(struct sim_attempts *attempts)
{
	struct sim_attempts_table *now = &attempts->now;

	if (now->used < now->size / 4 * 3)
		return;
	if (now->used < SIM_ATTEMPTS_MAX)
		grow(now);
	if (now->used < now->size / 4 * 3)
		return;
	free(attempts->before.slots);
	attempts->before = *now;
	*now = (struct sim_attempts_table){ 0 };
	grow(now);
}

uint32_t sim_attempts_count(struct sim_attempts *attempts, uint64_t hash)
{
	uint64_t count = 0;
	uint64_t *slot;

	make_room(attempts);
	if (attempts->before.size > 0)
		count = *find(&attempts->before, hash) & COUNT_MASK;
	if (attempts->now.size == 0)
		return (uint32_t)count; /* no memory: as good as forgotten */
	slot = find(&attempts->now, hash);
	if (*slot != 0)
		count = *slot & COUNT_MASK;
	else
		attempts->now.used++;
	if (count == COUNT_MAX)
		count--;
	*slot = (hash & ~COUNT_MASK) | (count + 1);
	return (uint32_t)count;
}

void sim_attempts_release(struct sim_attempts *attempts)
{
	free(attempts->now.slots);
	free(attempts->before.slots);
	*attempts = (struct sim_attempts){ 0 };
}
