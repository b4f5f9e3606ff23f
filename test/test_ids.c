/* Provider ids: found as long as they should be, whatever is sealed, merged, dropped or aborted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>

#include "store/filter.h"
#include "store/inside.h"
#include "store/siphash.h"
#include "test/store_fixture.h"

#define DAY_MS 86400000u

/* --- Help ------------------------------------------------------------------------------------- */

static int set_up_large(void **state)
{
	int err = set_up(state);

	if (!err)
		((struct store_folder *)*state)->options.size_octets = 128u << 20;
	return err;
}

/* Spread as a keyed hash spreads, and the same in every run. */
static uint64_t mix(uint64_t n)
{
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
	n = (n ^ n >> 27) * 0x94d049bb133111eb;
	return n ^ n >> 31;
}

/* Id n belongs to segment n of our own; every fourth hash is shared with the id before it. */
static uint64_t hash_of(uint64_t n)
{
	return mix(n % 4 == 3 ? n - 1 : n) | 1;
}

static struct store_ref ref_of(uint64_t n)
{
	return (struct store_ref){ .order = n / 100,
				   .index = (uint32_t)(n % 100),
				   .segment = (uint32_t)(n % 3) };
}

static void add(struct store_txn *txn, uint64_t n, uint64_t now_ms)
{
	struct store_ref ref = ref_of(n);

	assert_int_equal(store_ids_add(txn, hash_of(n), &ref, now_ms), STORE_OK);
}

static bool finds(struct store_txn *txn, uint64_t n, size_t *candidates)
{
	struct store_ref want = ref_of(n);
	struct store_ref refs[8];
	bool found = false;

	assert_int_equal(store_ids_find(txn, hash_of(n), refs, 8, candidates), STORE_OK);
	for (size_t i = 0; i < *candidates && i < 8; i++)
		found |= refs[i].order == want.order && refs[i].index == want.index &&
			 refs[i].segment == want.segment;
	return found;
}

/* All of [from, to) are found, each with exactly the one that shares its hash. */
static void assert_found(struct store *store, uint64_t from, uint64_t to, uint64_t all, uint64_t by)
{
	struct store_txn *txn;
	size_t candidates;

	assert_int_equal(store_read_begin(store, &txn), STORE_OK);
	for (uint64_t n = from; n < to; n += by) {
		size_t expected = n % 4 == 3 || (n % 4 == 2 && n + 1 < all) ? 2 : 1;

		if (!finds(txn, n, &candidates))
			fail_msg("id %" PRIu64 " is lost", n);
		assert_int_equal(candidates, expected);
	}
	store_read_end(txn);
}

static void assert_none(struct store *store, uint64_t from, uint64_t to)
{
	struct store_txn *txn;
	size_t candidates;

	assert_int_equal(store_read_begin(store, &txn), STORE_OK);
	for (uint64_t n = from; n < to; n++) {
		assert_false(finds(txn, n, &candidates));
		assert_int_equal(candidates, 0);
	}
	store_read_end(txn);
}

static void add_all(struct store *store, uint64_t from, uint64_t to, uint64_t per_txn,
		    uint64_t now_ms)
{
	while (from < to) {
		struct store_txn *txn = begin(store);
		uint64_t end = from + per_txn < to ? from + per_txn : to;

		for (uint64_t n = from; n < end; n++)
			add(txn, n, now_ms);
		enum store_err err = store_commit(txn);

		if (err == STORE_OK)
			from = end;
		else
			assert_int_equal(err, STORE_FULL); /* planted: once more */
	}
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void test_ids__seen_within_their_transaction(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	size_t n;

	add(txn, 1, 1);
	assert_true(finds(txn, 1, &n));
	assert_int_equal(n, 1);
	assert_false(finds(txn, 2, &n));
	store_abort(txn);
	store_close(store);
}

static void test_ids__abort_leaves_none_behind(void **state)
{
	struct store *store = open_ok(*state);

	add_all(store, 0, 10, 10, 1);
	for (unsigned round = 0; round < 3; round++) {
		struct store_txn *txn = begin(store);

		for (uint64_t n = 10; n < 20000; n++)
			add(txn, n, 1);
		store_abort(txn);
	}
	assert_found(store, 0, 10, 10, 1);
	assert_none(store, 12, 20000);
	add_all(store, 10, 200, 7, 1);
	assert_found(store, 0, 200, 200, 1);
	store_close(store);
}

static enum store_fault planted(void *arg)
{
	return *(enum store_fault *)arg;
}

/* The commit that would seal fails, more than once; then it succeeds. */
static void test_ids__failed_commit_of_a_seal_changes_nothing(void **state)
{
	struct store_folder *folder = *state;
	enum store_fault fault = STORE_FAULT_NONE;

	folder->options.fault = planted;
	folder->options.fault_arg = &fault;
	struct store *store = open_ok(folder);
	struct store_info info;

	add_all(store, 0, 65000, 5000, 1);
	for (unsigned round = 0; round < 3; round++) {
		struct store_txn *txn = begin(store);

		for (uint64_t n = 65000; n < 66000; n++)
			add(txn, n, 1);
		fault = round < 2 ? STORE_FAULT_FULL : STORE_FAULT_NONE;
		assert_int_equal(store_commit(txn), round < 2 ? STORE_FULL : STORE_OK);
		store_info(store, &info);
		assert_int_equal(info.id_runs, round < 2 ? 0 : 1);
		assert_int_equal(info.ids, round < 2 ? 65000 : 66000);
		assert_found(store, 0, round < 2 ? 65000 : 66000, round < 2 ? 65000 : 66000, 17);
		if (round < 2)
			assert_none(store, 65004, 66000);
	}
	store_close(store);
}

static void test_ids__read_back_from_the_log(void **state)
{
	struct store *store = open_ok(*state);

	add_all(store, 0, 3000, 1, 1);
	add_all(store, 3000, 9001, 777, 1);
	store_close(store);
	store = open_ok(*state);
	assert_found(store, 0, 9001, 9001, 1);
	assert_none(store, 9004, 12000);
	store_close(store);
}

static enum store_fault every_seventh(void *arg)
{
	unsigned *commits = arg;

	return ++*commits % 7 ? STORE_FAULT_NONE : STORE_FAULT_FULL;
}

/*
 * Thirteen runs are sealed and eight of them merged, while every seventh commit fails and the
 * store is opened anew now and then, also in the midst of the merge.
 */
static void test_ids__all_found_through_seals_merges_and_restarts(void **state)
{
	const uint64_t all = 1000000;
	struct store_folder *folder = *state;
	unsigned commits = 0;

	folder->options.fault = every_seventh;
	folder->options.fault_arg = &commits;
	struct store *store = open_ok(folder);
	struct store_info info;
	uint64_t n = 0;
	unsigned most = 0;

	for (; n < all; n += 10000) {
		add_all(store, n, n + 10000, 2500, 1);
		store_info(store, &info);
		assert_int_equal(info.ids, n + 10000);
		if (info.id_runs > most)
			most = info.id_runs;
		assert_found(store, 0, n + 10000, n + 10000, 997);
		if (n == 130000 || n == 600000) {
			store_close(store);
			store = open_ok(folder);
		}
	}
	assert_found(store, 0, all, all, 1);
	assert_none(store, all + 4, all + 100000);
	assert_true(most >= 9 && most <= 14);
	assert_true(info.id_runs < 8);
	store_info(store, &info);
	assert_true(info.ids_memory_octets < 2 * all + (8u << 20));
	store_close(store);
}

/* What was sealed goes from the log, and what was merged goes too: the disk holds each id once. */
static void test_ids__leave_no_rubbish_behind(void **state)
{
	struct store *store = open_ok(*state);

	add_all(store, 0, 560000, 4000, 1);
	struct store_txn *txn = begin(store);
	uint64_t log = store_count(txn, STORE_KIND_ID_LOG);
	uint64_t low = store_count(txn, STORE_KIND_ID_PART_0);
	uint64_t high = store_count(txn, STORE_KIND_ID_PART_1);

	store_abort(txn);
	assert_true(log * 124 < 2 * 65536);
	assert_true(low + high > 0);
	add_all(store, 560000, 900000, 4000, 1);
	txn = begin(store);
	low = store_count(txn, STORE_KIND_ID_PART_0);
	high = store_count(txn, STORE_KIND_ID_PART_1);
	store_abort(txn);
	assert_true((low + high) * 124 < 900000 + 900000 / 5);
	assert_true(store_used_octets(store) / 900000 <= 20);
	store_close(store);
}

static void test_ids__expire_by_runs(void **state)
{
	struct store *store = open_ok(*state);
	struct store_info info;
	bool more = true;
	unsigned calls = 0;

	add_all(store, 0, 70000, 35000, DAY_MS);
	add_all(store, 70000, 150000, 40000, 9 * DAY_MS);
	store_info(store, &info);
	assert_int_equal(info.id_runs, 2);
	for (; more; calls++) {
		struct store_txn *txn = begin(store);

		assert_int_equal(store_ids_expire(txn, 8 * DAY_MS, 100, &more), STORE_OK);
		assert_int_equal(store_commit(txn), STORE_OK);
	}
	assert_true(calls > 5);
	assert_none(store, 0, 69996);
	assert_found(store, 70000, 150000, 150000, 1);
	store_info(store, &info);
	assert_int_equal(info.id_runs, 1);
	store_close(store);
	store = open_ok(*state);
	assert_none(store, 0, 69996);
	assert_found(store, 70000, 150000, 150000, 1);
	store_close(store);
}

static void test_ids__tell_more_than_there_is_room_for(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	struct store_ref refs[4];
	size_t n;

	for (uint32_t i = 0; i < 10; i++) {
		struct store_ref ref = { .order = 1, .index = i };

		assert_int_equal(store_ids_add(txn, 42, &ref, 1), STORE_OK);
		assert_int_equal(store_ids_add(txn, 42, &ref, 1), STORE_OK);
	}
	assert_int_equal(store_ids_find(txn, 42, refs, 4, &n), STORE_OK);
	assert_true(n >= 10);
	struct store_ref room[32];

	assert_int_equal(store_ids_find(txn, 42, room, 32, &n), STORE_OK);
	assert_int_equal(n, 10);
	store_abort(txn);
	store_close(store);
}

static void test_ids__keep_the_largest_ref(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	struct store_ref ref = { .order = ((uint64_t)1 << 40) - 1, .index = 65535, .segment = 255 };
	struct store_ref found = { 0 };
	size_t n;

	assert_int_equal(store_ids_add(txn, UINT64_MAX, &ref, 1), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	txn = begin(store);
	assert_int_equal(store_ids_find(txn, UINT64_MAX, &found, 1, &n), STORE_OK);
	assert_int_equal(n, 1);
	assert_int_equal(found.order, ref.order);
	assert_int_equal(found.index, ref.index);
	assert_int_equal(found.segment, ref.segment);
	store_abort(txn);
	store_close(store);
}

/* The reference values of the paper's appendix, key and message 00 01 02 ... */
static void test_siphash__is_that_of_the_paper(void **state)
{
	uint8_t octets[16];

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		octets[i] = i;
	assert_int_equal(store_siphash(octets, octets, 15), 0xa129ca6149be45e5);
	assert_int_equal(store_siphash(octets, octets, 0), 0x726fdb47dd0e0e31);
}

static void test_ids__hash_depends_on_provider_and_store(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);
	const uint8_t *id = (const uint8_t *)"a1b2";
	uint64_t hash = store_ids_hash(store, 1, id, 4);

	assert_int_not_equal(hash, store_ids_hash(store, 2, id, 4));
	assert_int_not_equal(hash, store_ids_hash(store, 1, id, 3));
	store_close(store);
	store = open_ok(folder);
	assert_int_equal(hash, store_ids_hash(store, 1, id, 4));
	store_close(store);
	store_folder_remove(folder);
	store_folder_make(folder);
	folder->options.seed[20] ^= 1;
	store = open_ok(folder);
	assert_int_not_equal(hash, store_ids_hash(store, 1, id, 4));
	store_close(store);
}

static void test_filter__forgets_none_and_is_seldom_wrong(void **state)
{
	const uint64_t n = 100000;
	uint32_t octets = store_filter_octets(n);
	uint8_t *filter = calloc(1, octets);
	unsigned wrong = 0;

	(void)state;
	assert_non_null(filter);
	assert_int_equal(octets % STORE_FILTER_BLOCK, 0);
	for (uint64_t i = 0; i < n; i++)
		store_filter_add(filter, octets, mix(i));
	for (uint64_t i = 0; i < n; i++)
		assert_true(store_filter_has(filter, octets, mix(i)));
	for (uint64_t i = n; i < 2 * n; i++)
		wrong += store_filter_has(filter, octets, mix(i));
	assert_true(wrong < n / 50);
	free(filter);
	assert_int_equal(store_filter_octets(0), STORE_FILTER_BLOCK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up_large, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_ids__seen_within_their_transaction),
		T(test_ids__abort_leaves_none_behind),
		T(test_ids__failed_commit_of_a_seal_changes_nothing),
		T(test_ids__read_back_from_the_log),
		T(test_ids__all_found_through_seals_merges_and_restarts),
		T(test_ids__leave_no_rubbish_behind),
		T(test_ids__expire_by_runs),
		T(test_ids__tell_more_than_there_is_room_for),
		T(test_ids__keep_the_largest_ref),
		T(test_siphash__is_that_of_the_paper),
		T(test_ids__hash_depends_on_provider_and_store),
		T(test_filter__forgets_none_and_is_seldom_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
