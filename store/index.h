/*
 * Which index entries a record has: pure functions of the record. Used by store.c, which writes
 * them, and by check.c, which compares both ways.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include <stdbool.h>

#include "store/store.h"

#define STORE_INDEX_ENTRIES 5 /* most entries one record has in one index */

struct store_index {
	enum store_kind of;
	enum store_kind index;
	/* Entry number i, 0 and up, of rec into `entry`, a struct of kind `index`; false: none. */
	bool (*entry)(const void *rec, unsigned i, void *entry);
	/* Sets the key of the record that an entry belongs to. */
	void (*owner)(const void *entry, void *rec);
};

bool store_index_has(enum store_kind kind);

/*
 * Within a put or del: deletes the entries that only `old` has and writes those that only `rec`
 * has, and moves the sums that it counts in; either may be NULL. An entry that should be there and
 * is not is the checker's to tell.
 */
enum store_err store_index_move(struct store_txn *txn, enum store_kind kind, const void *old,
				const void *rec);

/* True when rec, which may be NULL, has this entry in the index. */
bool store_index_lists(const struct store_index *index, const void *rec, const void *entry);

/* All of them, for the checker. */
const struct store_index *store_all_indexes(unsigned *n);

#endif
