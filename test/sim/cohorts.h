/*
 * A recount of the cohorts: what their records, and the moves that are not folded into them yet,
 * must say together, from the orders and messages alone. The orders' own counters are the second witness, for they are kept by other code.
 */
#ifndef TEST_SIM_COHORTS_H
#define TEST_SIM_COHORTS_H

#include <stdint.h>

#include "store/store.h"

typedef void cohorts_found_fn(void *arg, const char *what, uint64_t number);

/* Every order of the store must be younger than what cohorts are kept for. */
void cohorts_recount(struct store_txn *txn, cohorts_found_fn *found, void *arg);

#endif
