/* Bringing a store of an older schema up to date. Used by open.c alone. */
#ifndef STORE_UPGRADE_H
#define STORE_UPGRADE_H

#include "store/inside.h"

/*
 * An older store lacks tables, and members at the end of its records, which read as 0: one
 * transaction makes and fills them, so that a crash leaves it as it was or as it shall be. Before
 * it data.mdb is copied to data.mdb.schema-N beside it, for the older program to go back to. On an
 * error a sentence is in `err` (STORE_ERR_OCTETS) and the store has not changed.
 */
enum store_open store_upgrade(struct store *store, char *err);

#endif
