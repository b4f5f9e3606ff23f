/*
 * What the verifying child reads before the store is opened: all that recovery will need. Used by
 * store.c only; the whole check is in store.h.
 */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "store/store.h"

/* Accounts, keys, providers, releases, open orders: DAMAGED names the first that is bad. */
enum store_open store_check_start(struct store_txn *txn, char err[STORE_ERR_OCTETS]);

#endif
