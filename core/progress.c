/* An order's progress in bounded memory. See progress.h. */
#include "core/progress.h"

#include <string.h>

#include "core/lifecycle.h"

void progress_init(struct progress *progress, int64_t base_ms)
{
	progress->base_ms = base_ms;
	progress->step_ms = 1;
	progress->n = 0;
}

void progress_sum(struct progress_counts *counts, const struct progress_counts *change)
{
	for (int state = 0; state < STORE_STATES; state++)
		counts->of[state] += change->of[state];
	counts->taken += change->taken;
}

int32_t progress_final(const struct progress_counts *counts)
{
	int32_t final = 0;
	for (int state = 0; state < STORE_STATES; state++)
		final += life_is_final((enum store_state)state) ? counts->of[state] : 0;
	return final;
}

static void merge(struct progress_bucket *into, const struct progress_bucket *bucket)
{
	if (bucket->last_ms > into->last_ms)
		into->last_ms = bucket->last_ms;
	progress_sum(&into->change, &bucket->change);
}

static void double_step(struct progress *progress)
{
	uint32_t kept = 0;
	progress->step_ms *= 2;
	for (uint32_t i = 0; i < progress->n; i++) {
		struct progress_bucket *bucket = &progress->buckets[i];
		bucket->slot /= 2;
		if (kept && progress->buckets[kept - 1].slot == bucket->slot)
			merge(&progress->buckets[kept - 1], bucket);
		else
			progress->buckets[kept++] = *bucket;
	}
	progress->n = kept;
}

void progress_coarsen(struct progress *progress, uint32_t most)
{
	while (progress->n > most)
		double_step(progress);
}

/* The first bucket that is not before the slot; n: none is. */
static uint32_t place(const struct progress *progress, int64_t slot)
{
	uint32_t least = 0, most = progress->n;
	while (least < most) {
		uint32_t middle = least + (most - least) / 2;
		if (progress->buckets[middle].slot < slot)
			least = middle + 1;
		else
			most = middle;
	}
	return least;
}

void progress_add(struct progress *progress, const struct replay_change *change)
{
	struct progress_bucket bucket = { .last_ms = change->at_ms };
	int64_t offset_ms = change->at_ms > progress->base_ms ? change->at_ms - progress->base_ms :
								0;
	bucket.change.of[change->from]--;
	bucket.change.of[change->to]++;
	bucket.change.taken = (int32_t)change->taken - (int32_t)change->was_taken;
	bucket.slot = offset_ms / progress->step_ms;
	uint32_t i = place(progress, bucket.slot);
	if (i < progress->n && progress->buckets[i].slot == bucket.slot) {
		merge(&progress->buckets[i], &bucket);
		return;
	}
	memmove(&progress->buckets[i + 1], &progress->buckets[i],
		(progress->n - i) * sizeof(bucket));
	progress->buckets[i] = bucket;
	progress->n++;
	progress_coarsen(progress, PROGRESS_BUCKETS - 1); /* there is room for the next one */
}
