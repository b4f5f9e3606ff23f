/* From any older schema to this one. See upgrade.h. */
#include "store/upgrade.h"

#include <stdio.h>

#include "store/block.h"

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

enum store_open store_upgrade(struct store *store, char *err)
{
	struct store_txn *txn;
	enum store_err bad = store_begin(store, &txn);
	enum store_open code = bad ? STORE_OPEN_FAILED : store_env_make_tables(txn, err);

	if (code == STORE_OPEN_OK)
		bad = fill_blocks(txn);
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
