/*
 * What the tests of a store begin with: a folder, a store in it, transactions that must work, and
 * providers as records that are easy to tell. Used by test_store.c, test_open.c and test_ids.c.
 */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test/store_folder.h"

static inline int set_up(void **state)
{
	struct store_folder *folder = malloc(sizeof(*folder));

	if (!folder)
		return -1;
	store_folder_make(folder);
	*state = folder;
	return 0;
}

static inline int tear_down(void **state)
{
	store_folder_remove(*state);
	free(*state);
	return 0;
}

static inline struct store *open_ok(struct store_folder *folder)
{
	struct store *store;
	enum store_open code = store_folder_open(folder, &store);

	if (code)
		fail_msg("open: %d, %s", code, folder->err);
	return store;
}

static inline struct store_txn *begin(struct store *store)
{
	struct store_txn *txn;

	assert_int_equal(store_begin(store, &txn), STORE_OK);
	return txn;
}

static inline struct store_txn *read_begin(struct store *store)
{
	struct store_txn *txn;

	assert_int_equal(store_read_begin(store, &txn), STORE_OK);
	return txn;
}

static inline void put_provider(struct store_txn *txn, uint32_t number, const char *name)
{
	struct store_provider provider = {
		.number = number, .name = { (const uint8_t *)name, (uint32_t)strlen(name) }
	};

	assert_int_equal(store_provider_put(txn, &provider), STORE_OK);
}

static inline void put_providers(struct store *store, uint32_t from, uint32_t to)
{
	struct store_txn *txn = begin(store);

	for (; from <= to; from++)
		put_provider(txn, from, "carrier");
	assert_int_equal(store_commit(txn), STORE_OK);
}

static inline bool has_provider(struct store *store, uint32_t number)
{
	struct store_txn *txn = read_begin(store);
	struct store_provider provider = { .number = number };
	enum store_err err = store_provider_get(txn, &provider);

	store_read_end(txn);
	return err == STORE_OK;
}

#endif
