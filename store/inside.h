/*
 * What store.c, open.c and nobody else knows of a store and of a transaction, and what store.c does
 * with LMDB for open.c. LMDB's own types are named but not needed here.
 */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include <limits.h>

#include "store/ids.h"
#include "store/place.h"
#include "store/references.h"
#include "store/store.h"

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

struct store_txn {
	struct store *store;
	struct MDB_txn *txn;
	struct MDB_cursor *cursors[STORE_KINDS]; /* opened when first used */
	bool write;
	bool poisoned;
	bool changed;
	struct store_meta meta; /* of the write transaction: its numbers */
};

/* The highest key of a database, to know what is appended. */
struct last_key {
	bool known;
	uint8_t n;
	uint8_t key[STORE_KEY_OCTETS];
};

struct store {
	char path[PATH_MAX];
	struct store_place place;
	struct MDB_env *env;
	unsigned dbis[STORE_KINDS];
	unsigned tables_missing; /* of an older schema, until it is brought up to date */
	struct last_key last[STORE_KINDS];
	struct store_txn *write; /* the open write transaction */
	struct store_meta meta;	 /* as committed; its octets are in secret */
	uint8_t secret[16];
	struct store_ids *ids;
	struct store_references *references;
	store_fault_fn *fault;
	void *fault_arg;
	uint64_t size_octets;
	unsigned page_octets;
	uint64_t free_pages; /* as of commit free_at_txn */
	uint64_t free_at_txn;
};

/* Opens the environment at store->path; `rdonly` for the verifying child. */
enum store_open store_env_open(struct store *store, bool rdonly, bool no_sync, char *err);
void store_env_close(struct store *store);

/* Gives the file all its blocks now, so that the disk cannot fill under the map later. */
enum store_open store_env_allocate(struct store *store, char *err);

/* The databases, one per kind: made within the first transaction, or found. */
enum store_open store_env_make_tables(struct store_txn *txn, char *err);
enum store_open store_env_find_tables(struct store *store, char *err);
/* Copies data.mdb as of the last transaction, and syncs the copy. */
enum store_open store_env_copy(const struct store *store, int fd, char *err);

/* The last transaction by LMDB's meta pages; 0 when it cannot tell. */
uint64_t store_env_last_txn(const struct store *store);

/* The last transaction in LMDB's list of free pages; 0 when there is none or it cannot be read. */
uint64_t store_env_last_freed(const struct store *store);

#endif
