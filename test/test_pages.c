/*
 * The store as LMDB sees it: after much was written, overwritten and deleted, over restarts and a
 * kill, each page is in use or free and none is lost, and nobody who is gone holds any.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmdb.h>

#include "store/inside.h"
#include "test/store_fixture.h"

#define ROUNDS 40
#define ORDERS 50 /* of each round */

static const uint8_t zeros[1500];

/* ---- a store with a past ---- */

static void put_round(struct store_txn *txn, uint64_t round)
{
	for (uint64_t i = 0; i < ORDERS; i++) {
		const struct store_order order = { .order = round * ORDERS + i + 1, .total = 1 };
		const struct store_message message = { .order = order.order,
						       .msisdn = 31600000000 + order.order };
		const struct store_ref ref = { .order = order.order };
		const struct store_text text = { .order = order.order,
						 .octets = { zeros, (uint32_t)(i * 30) } };

		assert_int_equal(store_order_put(txn, &order), STORE_OK);
		assert_int_equal(store_message_put(txn, &message), STORE_OK);
		assert_int_equal(store_text_put(txn, &text), STORE_OK);
		assert_int_equal(store_ids_add(txn, order.order, &ref, round), STORE_OK);
	}
}

/* All but every fifth order of a round goes, and its ids with it. */
static void delete_round(struct store_txn *txn, uint64_t round)
{
	bool more;

	for (uint64_t i = 0; i < ORDERS; i++) {
		const struct store_order order = { .order = round * ORDERS + i + 1 };
		const struct store_message message = { .order = order.order };
		const struct store_text text = { .order = order.order };

		if (i % 5 == 0)
			continue;
		assert_int_equal(store_text_del(txn, &text), STORE_OK);
		assert_int_equal(store_message_del(txn, &message), STORE_OK);
		assert_int_equal(store_order_del(txn, &order), STORE_OK);
	}
	assert_int_equal(store_ids_expire(txn, round, 1000, &more), STORE_OK);
}

static void live(struct store *store, uint64_t from, uint64_t to)
{
	for (uint64_t round = from; round < to; round++) {
		struct store_txn *txn = begin(store);

		put_round(txn, round);
		assert_int_equal(store_commit(txn), STORE_OK);
		txn = begin(store);
		if (round >= 3)
			delete_round(txn, round - 3);
		if (round % 7 == 0)
			store_abort(txn);
		else
			assert_int_equal(store_commit(txn), STORE_OK);
		if (round % 7 == 0 && round >= 3) {
			txn = begin(store);
			delete_round(txn, round - 3);
			assert_int_equal(store_commit(txn), STORE_OK);
		}
	}
}

/* ---- its pages ---- */

static size_t pages_of(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_stat stat;

	assert_int_equal(mdb_stat(txn, dbi, &stat), 0);
	return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

/* The free list is table 0; each of its records begins with the number of its pages. */
static size_t free_pages(MDB_txn *txn)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	size_t n = 0;

	assert_int_equal(mdb_cursor_open(txn, 0, &cursor), 0);
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		size_t listed;

		memcpy(&listed, value.mv_data, sizeof(listed));
		n += listed;
	}
	mdb_cursor_close(cursor);
	return n;
}

/* Two meta pages, the free list, the table of tables, each table, and what is free: that is all. */
static void assert_pages_add_up(const struct store *store)
{
	MDB_envinfo info;
	MDB_txn *txn;
	size_t n = 2;

	assert_int_equal(mdb_env_info(store->env, &info), 0);
	assert_int_equal(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn), 0);
	n += pages_of(txn, 0) + pages_of(txn, 1) + free_pages(txn);
	for (unsigned kind = 0; kind < STORE_KINDS; kind++)
		n += pages_of(txn, store->dbis[kind]);
	mdb_txn_abort(txn);
	assert_int_equal(n, info.me_last_pgno + 1);
}

static void test_pages__add_up_over_a_life(void **state)
{
	struct store_folder *folder = *state;

	for (uint64_t round = 0; round < ROUNDS; round += 10) {
		struct store *store = open_ok(folder);

		assert_pages_add_up(store);
		live(store, round, round + 10);
		assert_pages_add_up(store);
		store_close(store);
	}
}

/* What was free is used again: a store that keeps as much as ever grows no further. */
static void test_pages__are_used_again(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);
	MDB_envinfo early, late;

	live(store, 0, ROUNDS);
	assert_int_equal(mdb_env_info(store->env, &early), 0);
	for (uint64_t round = ROUNDS; round < 4 * ROUNDS; round++) {
		struct store_txn *txn = begin(store);

		put_round(txn, round);
		assert_int_equal(store_commit(txn), STORE_OK);
		txn = begin(store);
		delete_round(txn, round - 3);
		for (uint64_t i = 0; i < ORDERS; i += 5) { /* and what was spared 40 rounds ago */
			const struct store_order old = { .order = (round - ROUNDS) * ORDERS + i +
								  1 };
			const struct store_message message = { .order = old.order };
			const struct store_text text = { .order = old.order };

			assert_int_equal(store_text_del(txn, &text), STORE_OK);
			assert_int_equal(store_message_del(txn, &message), STORE_OK);
			assert_int_equal(store_order_del(txn, &old), STORE_OK);
		}
		assert_int_equal(store_commit(txn), STORE_OK);
	}
	assert_int_equal(mdb_env_info(store->env, &late), 0);
	assert_true(late.me_last_pgno <= early.me_last_pgno * 5 / 4);
	assert_pages_add_up(store);
	store_close(store);
}

/* ---- readers ---- */

static int count_reader(const char *line, void *arg)
{
	/* A heading, then a line for each; or one in brackets that says that there is none. */
	if (line[0] != '(' && !strstr(line, "pid"))
		++*(unsigned *)arg;
	return 0;
}

/* Killed in the middle of reading and of writing: the next one finds no reader, and every page. */
static void test_pages__nobody_who_was_killed_holds_any(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);
	unsigned readers = 0;
	int status;

	live(store, 0, 5);
	store_close(store);
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		store = open_ok(folder);
		live(store, 5, 8);
		read_begin(store);
		put_round(begin(store), 8);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	store = open_ok(folder);
	assert_true(mdb_reader_list(store->env, count_reader, &readers) >= 0);
	assert_int_equal(readers, 0);
	assert_pages_add_up(store);
	live(store, 8, 10);
	assert_pages_add_up(store);
	store_close(store);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_pages__add_up_over_a_life),
		T(test_pages__are_used_again),
		T(test_pages__nobody_who_was_killed_holds_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
