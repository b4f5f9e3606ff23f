/* Money: balances and the rows that explain them. */
#include "core/ledger.h"

#include <string.h>

static enum ledger_err post(struct turn *turn, const struct ledger_entry *entry,
			    struct store_account *account)
{
	int64_t balance, reserve;
	if (__builtin_add_overflow(account->balance, entry->amount, &balance))
		return LEDGER_OVERFLOW;
	if (__builtin_add_overflow(balance, account->credit_limit, &reserve))
		return LEDGER_OVERFLOW;
	if (entry->kind == STORE_LEDGER_DEBIT && reserve < 0)
		return LEDGER_POOR;
	account->balance = balance;
	struct store_ledger row = {
		.account = entry->account,
		.seq = store_next(turn->txn, STORE_NEXT_LEDGER),
		.at_ms = (uint64_t)turn->at_ms,
		.kind = (uint8_t)entry->kind,
		.amount = entry->amount,
		.balance_after = balance,
		.credit = account->credit_limit + 1,
		.order = entry->order,
		.index = entry->index,
		.uid = entry->uid,
	};
	if (entry->cause)
		row.cause = store_octets_of(entry->cause);
	turn_fail(turn, store_account_put(turn->txn, account));
	turn_fail(turn, store_ledger_put(turn->txn, &row));
	return turn_failed(turn) ? LEDGER_FAILED : LEDGER_OK;
}

enum ledger_err ledger_post(struct turn *turn, const struct ledger_entry *entry,
			    int64_t *balance_after)
{
	struct store_account account = { .account = entry->account };
	enum store_err err = store_account_get(turn->txn, &account);
	if (err == STORE_NOTFOUND || err == STORE_CORRUPT)
		return LEDGER_NO_ACCOUNT;
	turn_fail(turn, err);
	if (turn_failed(turn))
		return LEDGER_FAILED;
	enum ledger_err posted = post(turn, entry, &account);
	if (posted == LEDGER_OK && balance_after)
		*balance_after = account.balance;
	return posted;
}

bool ledger_cost(int64_t price, uint32_t parts, uint64_t recipients, int64_t *cost)
{
	int64_t unit;
	return recipients <= INT64_MAX && price >= 0 &&
	       !__builtin_mul_overflow(price, (int64_t)parts, &unit) &&
	       !__builtin_mul_overflow(unit, (int64_t)recipients, cost);
}

bool ledger_amount(const char *text, int64_t *micro)
{
	bool negative = *text == '-';
	const char *whole = text + negative;
	size_t n = strspn(whole, "0123456789"), digits = 0;
	int64_t value = 0;
	if (!n || n > 12)
		return false;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (whole[i] - '0');
	const char *rest = whole + n;
	if (*rest == '.') {
		digits = strspn(++rest, "0123456789");
		if (!digits || digits > 6)
			return false;
	}
	for (size_t i = 0; i < 6; i++)
		value = value * 10 + (i < digits ? rest[i] - '0' : 0);
	if (rest[digits])
		return false;
	*micro = negative ? -value : value;
	return true;
}
