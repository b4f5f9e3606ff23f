/* What check.c, check_orders.c and check_inbound.c, parts of one check, share. */
#ifndef STORE_CHECK_OWN_H
#define STORE_CHECK_OWN_H

#include "store/check.h"

struct walk {
	struct store_check *check;
	struct store_txn *txn;
	uint64_t done;
	uint64_t total;
	enum store_kind kind; /* of the record that is being looked at */
	const void *rec;
};

/* Tells that the walk's record does not agree, and how. */
__attribute__((format(printf, 2, 3))) void check_finding(struct walk *walk, const char *format,
							 ...);
void check_want_account(struct walk *walk, uint32_t number);

/* One kind of record each; `rec` is the walk's. */
void check_batch(struct walk *walk, const void *rec);
void check_block(struct walk *walk, const void *rec);
void check_evidence_more(struct walk *walk, const void *rec);
void check_idempotency(struct walk *walk, const void *rec);
void check_inbound(struct walk *walk, const void *rec);
void check_inbound_group(struct walk *walk, const void *rec);
void check_inbound_message(struct walk *walk, const void *rec);
void check_message(struct walk *walk, const void *rec);
void check_order(struct walk *walk, const void *rec);
void check_provider(struct walk *walk, const void *rec);
void check_release(struct walk *walk, const void *rec);
void check_segment(struct walk *walk, const void *rec);
void check_text(struct walk *walk, const void *rec);

#endif
