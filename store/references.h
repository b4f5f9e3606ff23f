/*
 * Reference numbers as store.c and open.c see them; what they offer to others is in store.h. How
 * they are kept is told in references.c.
 */
#ifndef STORE_REFERENCES_H
#define STORE_REFERENCES_H

#include "store/store.h"

/* A draw on disk, and how many fill a record. */
#define STORE_DRAW_OCTETS      8
#define STORE_DRAWS_PER_RECORD 248

struct store_references;

/* Reads the log back. On an error *out is NULL. */
enum store_err store_references_load(struct store_txn *txn, struct store_references **out);
void store_references_free(struct store_references *references);

/* Before the commit: writes what the transaction drew, and deletes a little of what is too old. */
enum store_err store_references_flush(struct store_txn *txn, struct store_references *references);

/* After it: what was drawn is so, or never was. */
void store_references_settle(struct store_references *references, bool committed);

/* From store.c: the references of the transaction's store. */
struct store_references *store_txn_references(const struct store_txn *txn);

#endif
