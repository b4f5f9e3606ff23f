/* From any older schema to this one. See upgrade.h. */
#include "store/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/block.h"
#include "store/index.h"
#include "store/rows.h"

/* Before schema 2 nobody counted them. */
static enum store_err count_receipt_unknown(struct store_txn *txn, struct store_order *order)
{
	struct store_message message = { .order = order->order };
	enum store_err err = store_message_seek(txn, &message, 1);

	for (; !err || err == STORE_CORRUPT; err = store_message_next(txn, &message, 1))
		order->receipt_unknown += !err && message.state == STORE_STATE_SENT &&
					  message.error == STORE_ERROR_RECEIPT_UNKNOWN;
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

/* A record that cannot be read is left alone, as ever. */
static enum store_err fill_blocks(struct store_txn *txn)
{
	struct store_order order = { 0 };
	enum store_err err = store_order_seek(txn, &order, 0);

	for (; !err || err == STORE_CORRUPT; err = store_order_next(txn, &order, 0)) {
		if (err)
			continue;
		struct store_order counted = order;

		err = count_receipt_unknown(txn, &counted);
		if (!err)
			err = store_block_move(txn, NULL, &order);
		if (!err && counted.receipt_unknown)
			err = store_order_put(txn, &counted);
		if (err)
			return err;
	}
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

/* Before schema 2 nobody looked at it, and every account sent to as many as it liked. */
static enum store_err allow_bulk(struct store_txn *txn)
{
	struct store_account account = { 0 };
	enum store_err err = store_account_seek(txn, &account, 0);

	for (; !err || err == STORE_CORRUPT; err = store_account_next(txn, &account, 0)) {
		if (err)
			continue;
		account.bulk = 1;
		err = store_account_put(txn, &account);
		if (err)
			return err;
	}
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

/* The entries that a record of `index->of` has in an index that is new. */
static enum store_err fill_index(struct store_txn *txn, const struct store_index *index)
{
	union store_any rec = { 0 }, entry;
	enum store_err err = store_seek(txn, index->of, &rec, 0);

	for (; !err || err == STORE_CORRUPT; err = store_step(txn, index->of, &rec, 0)) {
		if (err)
			continue;
		for (unsigned i = 0; i < STORE_INDEX_ENTRIES && !err; i++)
			if (index->entry(&rec, i, &entry))
				err = store_put(txn, index->index, &entry);
		if (err)
			return err;
	}
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

/* Orphans of before schema 2 have no tails, so theirs stays empty. */
static enum store_err fill_indexes(struct store_txn *txn)
{
	unsigned n;
	const struct store_index *indexes = store_all_indexes(&n);
	enum store_err err = STORE_OK;

	for (unsigned i = 0; i < n && !err; i++)
		if (indexes[i].index == STORE_KIND_DOUBT)
			err = fill_index(txn, &indexes[i]);
	return err;
}

/* Whole under its name, or not there. */
static enum store_open keep_copy(const struct store *store, char *err)
{
	int dir = store->place.dir_fd;
	char name[40], part[48];

	snprintf(name, sizeof(name), "data.mdb.schema-%" PRIu32, store->meta.schema);
	snprintf(part, sizeof(part), "%s.part", name);
	int fd = openat(dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		snprintf(err, STORE_ERR_OCTETS, "cannot make %s: %s", part, strerror(errno));
		return STORE_OPEN_FAILED;
	}
	enum store_open code = store_env_copy(store, fd, err);

	close(fd);
	if (!code && renameat(dir, part, dir, name)) {
		snprintf(err, STORE_ERR_OCTETS, "cannot name %s: %s", name, strerror(errno));
		code = STORE_OPEN_FAILED;
	}
	if (!code)
		return store_place_sync(&store->place, err);
	unlinkat(dir, part, 0);
	return code;
}

enum store_open store_upgrade(struct store *store, char *err)
{
	struct store_txn *txn = NULL;
	enum store_open code = keep_copy(store, err);

	if (code)
		return code;
	enum store_err bad = store_begin(store, &txn);

	code = bad ? STORE_OPEN_FAILED : store_env_make_tables(txn, err);
	if (code == STORE_OPEN_OK)
		bad = fill_blocks(txn);
	if (code == STORE_OPEN_OK && !bad)
		bad = fill_indexes(txn);
	if (code == STORE_OPEN_OK && !bad)
		bad = allow_bulk(txn);
	if (code || bad) {
		if (txn)
			store_abort(txn);
	} else {
		txn->meta.schema = STORE_SCHEMA;
		bad = store_commit(txn);
	}
	if (!bad)
		return code;
	snprintf(err, STORE_ERR_OCTETS, "cannot bring the store up to date: %s",
		 store_err_text(bad));
	return bad == STORE_FULL ? STORE_OPEN_NO_SPACE : STORE_OPEN_FAILED;
}
