/* The heap: what comes out is in order, whatever went in, and memory follows need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/heap.h"

struct item {
	uint32_t key;
	uint32_t tag[5]; /* travels with its key */
};

static bool before(const void *a, const void *b)
{
	return ((const struct item *)a)->key < ((const struct item *)b)->key;
}

static uint32_t next(uint32_t *seed)
{
	return *seed = *seed * 1664525u + 1013904223u;
}

static const struct item *first(const struct heap *heap)
{
	return heap->at;
}

static void test_heap__gives_the_least_first(void **state)
{
	(void)state;
	struct heap heap = { .before = before, .entry_octets = sizeof(struct item) };
	uint32_t seed = 7;
	for (uint32_t n = 1; n <= 300; n++) {
		for (uint32_t i = 0; i < n; i++) {
			uint32_t key = next(&seed) % 100; /* many are equal */
			assert_true(
				heap_push(&heap, &(struct item){ key, { ~key, i, 0, 0, ~key } }));
		}
		uint32_t last = 0;
		uint64_t seen = 0;
		for (uint32_t i = n; i; i--) {
			assert_int_equal(heap.n, i);
			assert_true(first(&heap)->key >= last);
			last = first(&heap)->key;
			assert_int_equal(first(&heap)->tag[0], ~last);
			assert_int_equal(first(&heap)->tag[4], ~last);
			seen += first(&heap)->tag[1];
			heap_pop(&heap);
		}
		assert_int_equal(seen, (uint64_t)n * (n - 1) / 2); /* each of them once */
	}
	heap_free(&heap);
	assert_int_equal(heap.n, 0);
}

static void test_heap__pushes_between_pops(void **state)
{
	(void)state;
	struct heap heap = { .before = before, .entry_octets = sizeof(struct item) };
	uint32_t count[64] = { 0 }, seed = 3, kept = 0;
	for (int step = 0; step < 20000; step++) {
		if (next(&seed) >> 31 || !kept) {
			uint32_t key = next(&seed) >> 26;
			assert_true(heap_push(&heap, &(struct item){ key, { 0 } }));
			count[key]++;
			kept++;
			continue;
		}
		uint32_t least = 0;
		while (!count[least])
			least++;
		assert_int_equal(first(&heap)->key, least);
		count[least]--;
		kept--;
		heap_pop(&heap);
	}
	assert_int_equal(heap.n, kept);
	heap_free(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heap__gives_the_least_first),
		cmocka_unit_test(test_heap__pushes_between_pops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
