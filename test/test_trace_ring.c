/*
 * Tests of tools/trace_ring.h with two threads: what is put is taken in order, and its end is heard
 * however it falls together with what was put before it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "tools/trace_ring.h"

#define ROUNDS 20000
#define NOTES  3
#define PATIENCE_S \
	60 /* of all rounds: who misses the end waits for ever, and is ended by SIGALRM */

static void *put_and_end(void *ring)
{
	for (unsigned i = 0; i < NOTES; i++)
		trace_ring_say(ring, "%u", i);
	trace_ring_end(ring);
	return NULL;
}

static void test_ring__tells_its_end(void **state)
{
	(void)state;
	alarm(PATIENCE_S);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct trace_ring *ring = trace_ring_new();
		struct trace_taken taken;
		pthread_t thread;
		unsigned n = 0;

		assert_non_null(ring);
		assert_int_equal(pthread_create(&thread, NULL, put_and_end, ring), 0);
		while (trace_ring_wait(ring, INT64_MAX)) {
			for (; trace_ring_take(ring, &taken); n++)
				assert_int_equal(taken.note[0], '0' + (int)n);
		}
		assert_int_equal(n, NOTES);
		assert_int_equal(pthread_join(thread, NULL), 0);
		trace_ring_free(ring);
	}
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring__tells_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
