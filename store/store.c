/*
 * The store on LMDB: opening and verifying, transactions, records, numbers. See store.h for what
 * it promises. This is the only file that knows LMDB.
 *
 * How LMDB is used, and why: default sync flags, for all others lose commits; a map of fixed size,
 * allocated at once, so that the disk cannot fill under it; values that fit a page twice; no
 * DUPSORT; a database per kind, appended to wherever keys rise, so that pages are full; the meta
 * record written last in every transaction with that transaction's own id, which LMDB's meta page
 * must name too when the store is opened again.
 */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/ids.h"
#include "store/index.h"
#include "store/inside.h"
#include "store/rows.h"

/* How often, in commits, the pages in the free list are counted again. */
#define FREE_EVERY 16

/* --- Errors ----------------------------------------------------------------------------------- */

static enum store_err err_of(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return STORE_OK;
	case MDB_NOTFOUND:
		return STORE_NOTFOUND;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT:
	case ENOMEM:
		return STORE_FULL;
	case MDB_BAD_TXN:
		return STORE_POISONED;
	default:
		return STORE_FATAL;
	}
}

/* An error while writing leaves LMDB's transaction unusable, whatever it was. */
static enum store_err write_err(struct store_txn *txn, int rc)
{
	enum store_err err = err_of(rc);

	if (err)
		txn->poisoned = true;
	return err;
}

#define NO_TABLE UINT_MAX /* for a dbi: no transaction has made it yet */

/* --- Cursors ---------------------------------------------------------------------------------- */

static int cursor_of(struct store_txn *txn, enum store_kind kind, MDB_cursor **cursor)
{
	int rc = 0;

	if (txn->store->dbis[kind] == NO_TABLE)
		rc = MDB_NOTFOUND;
	else if (!txn->cursors[kind])
		rc = mdb_cursor_open(txn->txn, txn->store->dbis[kind], &txn->cursors[kind]);
	*cursor = txn->cursors[kind];
	return rc;
}

/* Cursors of a read transaction outlive it and must be closed, those of a write one must not. */
static void close_cursors(struct store_txn *txn)
{
	for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
		if (txn->cursors[kind] && !txn->write)
			mdb_cursor_close(txn->cursors[kind]);
		txn->cursors[kind] = NULL;
	}
}

static enum store_err decode(enum store_kind kind, const MDB_val *key, const MDB_val *value,
			     void *rec)
{
	return store_value_decode(kind, key->mv_data, key->mv_size, value->mv_data, value->mv_size,
				  rec);
}

enum store_err store_get(struct store_txn *txn, enum store_kind kind, void *rec)
{
	uint8_t octets[STORE_KEY_OCTETS];
	MDB_val key = { .mv_size = store_key_encode(kind, rec, octets), .mv_data = octets };
	MDB_val value;
	MDB_cursor *cursor;
	int rc = cursor_of(txn, kind, &cursor);

	if (!rc)
		rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_KEY);
	return rc ? err_of(rc) : decode(kind, &key, &value, rec);
}

/* The record under the cursor, when its key still begins as the caller's did. */
static enum store_err take(enum store_kind kind, const MDB_val *key, const MDB_val *value,
			   const uint8_t *wanted, unsigned prefix, void *rec)
{
	size_t same = store_key_prefix_octets(kind, prefix);

	if (key->mv_size < same)
		return STORE_CORRUPT;
	if (same > 0 && memcmp(key->mv_data, wanted, same) != 0)
		return STORE_NOTFOUND;
	return decode(kind, key, value, rec);
}

/*
 * On a damaged page keys may be out of order, or none of ours. One that does not lie in the walk's
 * direction would lead it round for ever, so it is passed over; whoever counts misses it.
 */
static bool in_order(const MDB_val *key, const uint8_t *octets, size_t n, bool behind)
{
	int far = key->mv_size == n ? memcmp(key->mv_data, octets, n) : -1;

	return behind ? far > 0 : far >= 0;
}

static enum store_err walk(struct store_txn *txn, enum store_kind kind, void *rec, unsigned prefix,
			   bool behind)
{
	uint8_t octets[STORE_KEY_OCTETS];
	size_t n = store_key_encode(kind, rec, octets);
	MDB_val key = { .mv_size = n, .mv_data = octets };
	MDB_val value;
	MDB_cursor *cursor;
	int rc = cursor_of(txn, kind, &cursor);

	if (!rc)
		rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (!rc && !in_order(&key, octets, n, behind))
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	return rc ? err_of(rc) : take(kind, &key, &value, octets, prefix, rec);
}

enum store_err store_seek(struct store_txn *txn, enum store_kind kind, void *rec, unsigned prefix)
{
	return walk(txn, kind, rec, prefix, false);
}

enum store_err store_step(struct store_txn *txn, enum store_kind kind, void *rec, unsigned prefix)
{
	return walk(txn, kind, rec, prefix, true);
}

enum store_err store_back(struct store_txn *txn, enum store_kind kind, void *rec, unsigned prefix)
{
	uint8_t octets[STORE_KEY_OCTETS];
	size_t n = store_key_encode(kind, rec, octets);
	MDB_val key = { .mv_size = n, .mv_data = octets };
	MDB_val value;
	MDB_cursor *cursor;
	int rc = cursor_of(txn, kind, &cursor);

	if (!rc) {
		rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
		if (!rc)
			rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
		else if (rc == MDB_NOTFOUND)
			rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
	}
	while (!rc && (key.mv_size != n || memcmp(key.mv_data, octets, n) >= 0))
		rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
	return rc ? err_of(rc) : take(kind, &key, &value, octets, prefix, rec);
}

uint64_t store_count(struct store_txn *txn, enum store_kind kind)
{
	MDB_stat stat;

	return mdb_stat(txn->txn, txn->store->dbis[kind], &stat) ? 0 : stat.ms_entries;
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* True when the key lies behind every other of its database. */
static bool is_last(struct store_txn *txn, enum store_kind kind, MDB_cursor *cursor,
		    const MDB_val *key)
{
	struct last_key *last = &txn->store->last[kind];

	if (!last->known) {
		MDB_val high;
		MDB_val value;
		int rc = mdb_cursor_get(cursor, &high, &value, MDB_LAST);

		if (rc == MDB_NOTFOUND)
			return true;
		if (rc || high.mv_size > STORE_KEY_OCTETS)
			return false;
		last->known = true;
		last->n = (uint8_t)high.mv_size;
		memcpy(last->key, high.mv_data, high.mv_size);
	}
	return key->mv_size == last->n && memcmp(key->mv_data, last->key, last->n) > 0;
}

static void note_last(struct store_txn *txn, enum store_kind kind, const MDB_val *key)
{
	struct last_key *last = &txn->store->last[kind];

	last->known = true;
	last->n = (uint8_t)key->mv_size;
	memcpy(last->key, key->mv_data, key->mv_size);
}

static void forget_last(struct store *store)
{
	for (unsigned kind = 0; kind < STORE_KINDS; kind++)
		store->last[kind].known = false;
}

static enum store_err check_writable(const struct store_txn *txn)
{
	return txn->poisoned || !txn->write ? STORE_POISONED : STORE_OK;
}

/* Finds the old record, if there is one: OK or NOTFOUND, and its value as it lies in the map. */
static enum store_err find_old(struct store_txn *txn, enum store_kind kind, MDB_val *key,
			       MDB_val *value, bool *append)
{
	MDB_cursor *cursor;
	MDB_val same = *key; /* LMDB points the key it is given into the map */
	int rc = cursor_of(txn, kind, &cursor);

	*append = false;
	if (rc)
		return write_err(txn, rc);
	*append = is_last(txn, kind, cursor, key);
	if (*append)
		return STORE_NOTFOUND;
	rc = mdb_cursor_get(cursor, &same, value, MDB_SET);
	return rc && rc != MDB_NOTFOUND ? write_err(txn, rc) : err_of(rc);
}

static enum store_err write_value(struct store_txn *txn, enum store_kind kind, MDB_val *key,
				  MDB_val *value, bool replace, bool append)
{
	MDB_cursor *cursor = txn->cursors[kind];
	int rc = mdb_cursor_put(cursor, key, value,
				replace ? MDB_CURRENT :
				append	? MDB_APPEND :
					  0);

	if (rc == MDB_KEYEXIST && append)
		rc = mdb_cursor_put(cursor, key, value, 0);
	txn->changed = true;
	return write_err(txn, rc);
}

enum store_err store_put(struct store_txn *txn, enum store_kind kind, const void *rec)
{
	uint8_t octets[STORE_KEY_OCTETS];
	uint8_t encoded[STORE_VALUE_OCTETS] STORE_SCRATCH;
	MDB_val key = { .mv_size = store_key_encode(kind, rec, octets), .mv_data = octets };
	MDB_val value = { .mv_size = 0 };
	union store_any old STORE_SCRATCH;
	bool append = false;
	enum store_err err = check_writable(txn);
	enum store_err found = err ? err : find_old(txn, kind, &key, &value, &append);

	if (found && found != STORE_NOTFOUND)
		return found;
	if (!found && store_index_has(kind))
		err = decode(kind, &key, &value, &old);
	if (!err)
		err = store_value_encode(kind, rec, found ? 0 : value.mv_size, encoded,
					 &value.mv_size);
	if (err)
		return err;
	value.mv_data = encoded;
	err = write_value(txn, kind, &key, &value, !found, append);
	if (!err && append)
		note_last(txn, kind, &(MDB_val){ .mv_size = key.mv_size, .mv_data = octets });
	if (!err && store_index_has(kind))
		err = store_index_move(txn, kind, found ? NULL : &old, rec);
	return err;
}

enum store_err store_del(struct store_txn *txn, enum store_kind kind, const void *rec)
{
	uint8_t octets[STORE_KEY_OCTETS];
	MDB_val key = { .mv_size = store_key_encode(kind, rec, octets), .mv_data = octets };
	MDB_val value;
	union store_any old;
	bool append;
	enum store_err err = check_writable(txn);

	if (!err)
		err = find_old(txn, kind, &key, &value, &append);
	if (!err && store_index_has(kind))
		err = decode(kind, &key, &value, &old);
	if (err)
		return err;
	txn->store->last[kind].known = false;
	txn->changed = true;
	err = write_err(txn, mdb_cursor_del(txn->cursors[kind], 0));
	if (!err && store_index_has(kind))
		err = store_index_move(txn, kind, &old, NULL);
	return err;
}

/* --- Transactions ----------------------------------------------------------------------------- */

static enum store_err begin(struct store *store, unsigned flags, struct store_txn **out)
{
	struct store_txn *txn = calloc(1, sizeof(*txn));

	*out = NULL;
	if (!txn)
		return STORE_FULL;
	int rc = mdb_txn_begin(store->env, NULL, flags, &txn->txn);

	if (rc) {
		free(txn);
		return err_of(rc);
	}
	txn->store = store;
	txn->write = !(flags & MDB_RDONLY);
	*out = txn;
	return STORE_OK;
}

enum store_err store_begin(struct store *store, struct store_txn **txn)
{
	assert(!store->write);
	enum store_err err = begin(store, 0, txn);

	if (!err) {
		store->write = *txn;
		(*txn)->meta = store->meta;
	}
	return err;
}

enum store_err store_read_begin(struct store *store, struct store_txn **txn)
{
	return begin(store, MDB_RDONLY, txn);
}

void store_read_end(struct store_txn *txn)
{
	assert(!txn->write);
	close_cursors(txn);
	mdb_txn_abort(txn->txn);
	free(txn);
}

/* The transaction is over: memory follows what became of it. */
static void end_write(struct store_txn *txn, bool committed)
{
	struct store *store = txn->store;

	if (committed) {
		store->meta = txn->meta;
		store->meta.secret.at = store->secret;
	} else if (txn->changed) {
		forget_last(store);
	}
	if (store->ids)
		store_ids_settle(store->ids, committed);
	if (store->references)
		store_references_settle(store->references, committed);
	store->write = NULL;
	free(txn);
}

void store_abort(struct store_txn *txn)
{
	assert(txn->write);
	mdb_txn_abort(txn->txn);
	end_write(txn, false);
}

/* Ids and references that were added, and, if anything changed at all, the meta record last. */
static enum store_err prepare(struct store_txn *txn)
{
	enum store_err err = check_writable(txn);

	if (!err && txn->store->ids)
		err = store_ids_flush(txn, txn->store->ids);
	if (!err && txn->store->references)
		err = store_references_flush(txn, txn->store->references);
	if (!err && txn->changed) {
		txn->meta.self_txn = mdb_txn_id(txn->txn);
		err = store_put(txn, STORE_KIND_META, &txn->meta);
	}
	return err;
}

bool store_changed(const struct store_txn *txn)
{
	return txn->changed;
}

enum store_err store_commit(struct store_txn *txn)
{
	struct store *store = txn->store;
	enum store_fault fault = STORE_FAULT_NONE;
	enum store_err err = prepare(txn);

	if (!err && txn->changed && store->fault)
		fault = store->fault(store->fault_arg);
	if (err || !txn->changed || fault == STORE_FAULT_FULL || fault == STORE_FAULT_LOST) {
		store_abort(txn);
		return fault == STORE_FAULT_FULL ? STORE_FULL :
		       fault == STORE_FAULT_LOST ? STORE_FATAL :
						   err;
	}
	int rc = mdb_txn_commit(txn->txn);

	end_write(txn, rc == 0);
	if (rc == MDB_MAP_FULL || rc == ENOSPC || rc == EDQUOT)
		return STORE_FULL;
	return rc || fault == STORE_FAULT_HIDDEN ? STORE_FATAL : STORE_OK;
}

static const size_t counters_at[STORE_COUNTERS] = {
#define COUNTER(NAME, name, doc) [STORE_NEXT_##NAME] = offsetof(struct store_meta, next_##name),
#include "store/record.def"
};

uint64_t store_next(struct store_txn *txn, enum store_counter counter)
{
	uint64_t number;
	uint8_t *at = (uint8_t *)&txn->meta + counters_at[counter];

	assert(txn->write);
	memcpy(&number, at, sizeof(number));
	number++;
	memcpy(at, &number, sizeof(number));
	txn->changed = true;
	return number;
}

uint64_t store_last(const struct store_txn *txn, enum store_counter counter)
{
	uint64_t number;
	memcpy(&number, (const uint8_t *)&txn->meta + counters_at[counter], sizeof(number));
	return number;
}

struct store_ids *store_txn_ids(const struct store_txn *txn)
{
	return txn->store->ids;
}

struct store_references *store_txn_references(const struct store_txn *txn)
{
	return txn->store->references;
}

const uint8_t *store_secret(const struct store *store)
{
	return store->secret;
}

/* --- What is used ----------------------------------------------------------------------------- */

/* Pages that the free list holds: each of its records begins with their number. */
static uint64_t count_free(struct store *store)
{
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	uint64_t pages = 0;

	if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn))
		return 0;
	if (mdb_cursor_open(txn, 0, &cursor) == 0) {
		while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
			size_t n;

			memcpy(&n, value.mv_data, sizeof(n));
			pages += n;
		}
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return pages;
}

static uint64_t used_pages(struct store *store, unsigned every)
{
	MDB_envinfo info;

	if (mdb_env_info(store->env, &info))
		return 0;
	if (store->free_at_txn == 0 || info.me_last_txnid >= store->free_at_txn + every) {
		store->free_pages = count_free(store);
		store->free_at_txn = info.me_last_txnid;
	}
	uint64_t pages = info.me_last_pgno + 1;

	return pages > store->free_pages ? pages - store->free_pages : 0;
}

unsigned store_used_permille(struct store *store)
{
	return (unsigned)(used_pages(store, FREE_EVERY) * 1000 /
			  (store->size_octets / store->page_octets));
}

uint64_t store_used_octets(struct store *store)
{
	return used_pages(store, 1) * store->page_octets;
}

uint64_t store_name_hash(const uint8_t *name, size_t n)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a: for a look-up that compares names anyway */

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ name[i]) * 0x100000001b3;
	return hash;
}

/* --- The environment, for open.c -------------------------------------------------------------- */

static enum store_open failed(char *err, const char *what, int rc)
{
	snprintf(err, STORE_ERR_OCTETS, "%s: %s", what, mdb_strerror(rc));
	switch (rc) {
	case ENOSPC:
	case EDQUOT:
		return STORE_OPEN_NO_SPACE;
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
		return STORE_OPEN_NOT_A_STORE;
	case MDB_NOTFOUND:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
		return STORE_OPEN_DAMAGED;
	default:
		return STORE_OPEN_FAILED;
	}
}

enum store_open store_env_open(struct store *store, bool rdonly, bool no_sync, char *err)
{
	unsigned flags = MDB_NOTLS | (rdonly ? MDB_RDONLY : 0) | (no_sync ? MDB_NOSYNC : 0);
	int dead;
	int rc = mdb_env_create(&store->env);

	if (!rc)
		rc = mdb_env_set_maxdbs(store->env, STORE_KINDS);
	if (!rc)
		rc = mdb_env_set_mapsize(store->env, store->size_octets);
	if (!rc)
		rc = mdb_env_open(store->env, store->path, flags, 0600);
	if (!rc)
		rc = mdb_reader_check(store->env, &dead);
	return rc ? failed(err, "cannot open the environment", rc) : STORE_OPEN_OK;
}

/* Without MDB_CREATE a table that is not there is NO_TABLE: empty, until store_env_make_tables. */
static int open_dbis(struct store *store, MDB_txn *txn, unsigned flags)
{
	int rc = 0;

	store->tables_missing = 0;
	for (unsigned kind = 0; kind < STORE_KINDS && !rc; kind++) {
		rc = mdb_dbi_open(txn, store_kind_name((enum store_kind)kind), flags,
				  &store->dbis[kind]);
		if (rc != MDB_NOTFOUND)
			continue;
		store->dbis[kind] = NO_TABLE;
		store->tables_missing++;
		rc = 0;
	}
	return rc;
}

enum store_open store_env_allocate(struct store *store, char *err)
{
	mdb_filehandle_t fd;
	int rc = mdb_env_get_fd(store->env, &fd);

	if (!rc)
		rc = posix_fallocate(fd, 0, (off_t)store->size_octets);
	return rc ? failed(err, "cannot allocate the whole of data.mdb", rc) : STORE_OPEN_OK;
}

enum store_open store_env_make_tables(struct store_txn *txn, char *err)
{
	int rc = open_dbis(txn->store, txn->txn, MDB_CREATE);

	txn->changed = true;
	return rc ? failed(err, "cannot make the databases", rc) : STORE_OPEN_OK;
}

enum store_open store_env_find_tables(struct store *store, char *err)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

	if (rc)
		return failed(err, "cannot read", rc);
	rc = open_dbis(store, txn, 0);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn); /* which makes the handles everybody's */
	return rc ? failed(err, "a database of the store cannot be opened", rc) : STORE_OPEN_OK;
}

enum store_open store_env_copy(const struct store *store, int fd, char *err)
{
	int rc = mdb_env_copyfd(store->env, fd);

	if (!rc && fsync(fd))
		rc = errno;
	return rc ? failed(err, "cannot copy data.mdb", rc) : STORE_OPEN_OK;
}

void store_env_close(struct store *store)
{
	if (store->env)
		mdb_env_close(store->env);
	store->env = NULL;
}

uint64_t store_env_last_txn(const struct store *store)
{
	MDB_envinfo info;

	return mdb_env_info(store->env, &info) ? 0 : info.me_last_txnid;
}

uint64_t store_env_last_freed(const struct store *store)
{
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	size_t last = 0;

	if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn))
		return 0;
	if (mdb_cursor_open(txn, 0, &cursor) == 0) {
		if (mdb_cursor_get(cursor, &key, &value, MDB_LAST) == 0 &&
		    key.mv_size == sizeof(last))
			memcpy(&last, key.mv_data, sizeof(last));
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return last;
}
