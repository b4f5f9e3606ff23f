/*
 * The provider-id look-up as store.c and open.c see it; what it offers to others is in store.h.
 * How it is built is told in ids.c.
 */
#ifndef STORE_IDS_H
#define STORE_IDS_H

#include "store/store.h"

struct store_ids;

/* Reads log and filters back. On an error *out is NULL. */
enum store_err store_ids_load(struct store_txn *txn, struct store_ids **out);
void store_ids_free(struct store_ids *ids);

/* Before the commit: writes what the transaction added, and a slice of sealing and merging. */
enum store_err store_ids_flush(struct store_txn *txn, struct store_ids *ids);

/* After it: what was staged becomes so, or never was. */
void store_ids_settle(struct store_ids *ids, bool committed);

/* Into the members of info that begin with id. NULL counts nothing. */
void store_ids_info(const struct store_ids *ids, struct store_info *info);

/* From store.c: the look-up and the key of the transaction's store. */
struct store_ids *store_txn_ids(const struct store_txn *txn);
const uint8_t *store_secret(const struct store *store);

#endif
