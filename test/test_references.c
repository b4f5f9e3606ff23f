/* Reference numbers: each pair counts for itself, over aborts, starts and a log that is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "store/references.h"
#include "test/store_fixture.h"

/* As the header promises; how it is kept is no business of the tests. */
#define REMEMBERED 253952u

/* Pairs differ in the octets that tell them apart: the lowest sixteen bits of a hash do not. */
static uint64_t pair(uint64_t n)
{
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
	n = (n ^ n >> 27) * 0x94d049bb133111eb;
	return (n ^ n >> 31) << 16;
}

static uint16_t draw(struct store_txn *txn, uint64_t n)
{
	uint16_t reference;

	assert_int_equal(store_reference_draw(txn, pair(n), &reference), STORE_OK);
	return reference;
}

static void commit(struct store_txn *txn)
{
	assert_int_equal(store_commit(txn), STORE_OK);
}

static void test_references__none_comes_again_before_all_others_of_its_pair(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	uint8_t *seen = calloc(1, 65536);
	uint16_t first = draw(txn, 1);

	seen[first] = 1;
	for (unsigned i = 1; i < 65536; i++) {
		uint16_t next = draw(txn, 1);

		assert_false(seen[next]);
		seen[next] = 1;
		draw(txn, 2 + i % 7); /* other pairs between */
		if (i % 1000 == 0) {
			commit(txn);
			txn = begin(store);
		}
	}
	assert_int_equal(draw(txn, 1), first);
	commit(txn);
	free(seen);
	store_close(store);
}

/* Of the low 8 bits, which is all that a short header carries, the same holds for 256. */
static void test_references__the_last_octet_comes_again_after_256(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	uint8_t drawn[1024];

	for (unsigned i = 0; i < 1024; i++) {
		drawn[i] = (uint8_t)draw(txn, 1);
		for (unsigned back = 1; back < 256 && back <= i; back++)
			assert_int_not_equal(drawn[i], drawn[i - back]);
	}
	store_abort(txn);
	store_close(store);
}

static void test_references__what_an_aborted_transaction_drew_is_drawn_again(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	uint16_t first = draw(txn, 1);

	commit(txn);
	txn = begin(store);
	for (unsigned i = 0; i < 5000; i++) /* more than the list has room for at first */
		draw(txn, i);
	store_abort(txn);
	txn = begin(store);
	assert_int_equal(draw(txn, 1), (uint16_t)(first + 1));
	store_abort(txn);
	store_close(store);
}

static void test_references__go_on_after_a_restart(void **state)
{
	static const unsigned counts[] = { 1, 247, 1, 248, 300, 1 };
	struct store *store;
	struct store_txn *txn;
	uint16_t last = 0, other = 0;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		store = open_ok(*state);
		txn = begin(store);
		for (unsigned n = 0; n < counts[i]; n++) {
			uint16_t next = draw(txn, 1);

			if (i || n)
				assert_int_equal(next, (uint16_t)(last + 1));
			last = next;
		}
		if (i)
			assert_int_equal(draw(txn, 2), (uint16_t)(other + 1));
		else
			other = draw(txn, 2);
		other = (uint16_t)(i ? other + 1 : other);
		commit(txn);
		store_close(store);
	}
}

static uint64_t records(struct store *store)
{
	struct store_txn *txn = read_begin(store);
	uint64_t n = store_count(txn, STORE_KIND_REFERENCE_LOG);

	store_read_end(txn);
	return n;
}

static void
test_references__a_pair_is_remembered_as_long_as_promised_and_the_log_is_bounded(void **state)
{
	const unsigned most = REMEMBERED / STORE_DRAWS_PER_RECORD + 4;
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	uint16_t mine = draw(txn, 1);

	for (unsigned i = 1; i < 3 * REMEMBERED; i++) {
		if (i % REMEMBERED == 0) { /* the last moment to be remembered */
			uint16_t next = draw(txn, 1);

			assert_int_equal(next, (uint16_t)(mine + 1));
			mine = next;
		} else {
			draw(txn, 1000 + i);
		}
		if (i % 4096 == 0) {
			commit(txn);
			assert_true(records(store) <= most);
			if (i % (16 * 4096) == 0) {
				store_close(store);
				store = open_ok(*state);
			}
			txn = begin(store);
		}
	}
	commit(txn);
	store_close(store);
}

/* A record that is gone takes what was before it along, and nothing else. */
static void test_references__a_gap_in_the_log_forgets_what_lies_before_it(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	struct store_reference_log second = { .first = STORE_DRAWS_PER_RECORD };
	uint16_t mine = 0;

	for (unsigned i = 0; i < 2 * STORE_DRAWS_PER_RECORD; i++)
		draw(txn, 1000 + i);
	for (unsigned i = 0; i < 10; i++)
		mine = draw(txn, 1);
	commit(txn);
	txn = begin(store);
	assert_int_equal(store_reference_log_del(txn, &second), STORE_OK);
	commit(txn);
	store_close(store);
	store = open_ok(*state);
	txn = begin(store);
	assert_int_equal(draw(txn, 1), (uint16_t)(mine + 1));
	commit(txn);
	store_close(store);
	store = open_ok(*state);
	txn = begin(store);
	assert_int_equal(draw(txn, 1), (uint16_t)(mine + 2));
	commit(txn);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_references__none_comes_again_before_all_others_of_its_pair, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_references__the_last_octet_comes_again_after_256, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_references__what_an_aborted_transaction_drew_is_drawn_again, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_references__go_on_after_a_restart, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			test_references__a_pair_is_remembered_as_long_as_promised_and_the_log_is_bounded,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_references__a_gap_in_the_log_forgets_what_lies_before_it, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
