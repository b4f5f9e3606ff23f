/*
 * Sums over orders: what clients see of the messages of an account, per 1,024 consecutive orders
 * and route, so that a listing of millions neither counts nor skips them one by one. A block is a
 * function of its orders, kept by every put and del of one. Used by store.c, upgrade.c and check.c;
 * read by core's listings as a record like any other.
 */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include "store/store.h"

/* Within a put or del of an order: takes `old` out of its block and adds `rec`; either may be NULL. */
enum store_err store_block_move(struct store_txn *txn, const struct store_order *old,
				const struct store_order *rec);

#endif
