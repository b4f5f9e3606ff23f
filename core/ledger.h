/*
 * Money: the only code that changes a balance. int64 micro-units, checked arithmetic, one ledger
 * row per movement in the transaction of what caused it. A balance is the sum of its rows.
 */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/turn.h"

enum ledger_err {
	LEDGER_OK,
	LEDGER_NO_ACCOUNT, /* none, or one that cannot be read; nothing changed */
	LEDGER_POOR,	   /* the balance would pass the credit limit; nothing changed */
	LEDGER_OVERFLOW,   /* the sum does not fit; nothing changed */
	LEDGER_FAILED,	   /* the turn failed */
};

/* amount is signed: a debit is negative. uid is the local user plus 1, 0 when not known. */
struct ledger_entry {
	uint32_t account;
	enum store_ledger_kind kind;
	int64_t amount;
	uint64_t order; /* 0: none */
	uint32_t index;
	uint32_t uid;
	const char *cause; /* at most 128 octets */
};

/*
 * Moves the balance and writes the row. *balance_after may be NULL. A debit may not take the
 * balance below -credit_limit; every other kind may.
 */
enum ledger_err ledger_post(struct turn *turn, const struct ledger_entry *entry,
			    int64_t *balance_after);

/* price × parts × recipients, as a positive sum; false when it does not fit. */
bool ledger_cost(int64_t price, uint32_t parts, uint64_t recipients, int64_t *cost);

/*
 * A sum as people write it, "12", "0.088", "-3.5": at most 12 digits before the point and 6 behind
 * it, nothing else. False: it is none, and *micro is as it was.
 */
bool ledger_amount(const char *text, int64_t *micro);

#endif
