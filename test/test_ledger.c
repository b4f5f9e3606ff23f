/* Money: sums as people write them, costs, and the rows behind a balance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/ledger.h"
#include "test/store_folder.h"

#define ACCOUNT 1
#define MICROS	1000000

/* ---- sums ---- */

static void test_ledger__amounts_are_exact(void **state)
{
	static const struct {
		const char *text;
		int64_t micro;
	} rows[] = {
		{ "0", 0 },
		{ "12", 12 * MICROS },
		{ "0.088", 88000 },
		{ "0.000001", 1 },
		{ "-3.5", -3500000 },
		{ "1000.00", 1000 * MICROS },
		{ "007", 7 * MICROS },
		{ "999999999999.999999", 999999999999999999 },
		{ "-999999999999.999999", -999999999999999999 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t micro = -7;
		assert_true(ledger_amount(rows[i].text, &micro));
		assert_int_equal(micro, rows[i].micro);
	}
}

static void test_ledger__refuses_what_is_no_amount(void **state)
{
	static const char *const rows[] = { "",
					    "-",
					    ".",
					    "5.",
					    ".5",
					    "+1",
					    " 1",
					    "1 ",
					    "1,5",
					    "1e3",
					    "0x10",
					    "1.2.3",
					    "--1",
					    "1.-5",
					    "NaN",
					    "1.0000001",
					    "1234567890123",
					    "1a",
					    "\xd9\xa1" };
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t micro = 42;
		assert_false(ledger_amount(rows[i], &micro));
		assert_int_equal(micro, 42);
	}
}

static void test_ledger__costs_are_checked(void **state)
{
	int64_t cost = 0;
	(void)state;
	assert_true(ledger_cost(88000, 2, 3304, &cost));
	assert_int_equal(cost, 581504000);
	assert_true(ledger_cost(0, 255, 50000, &cost));
	assert_int_equal(cost, 0);
	assert_true(ledger_cost(INT64_MAX, 1, 1, &cost));
	assert_false(ledger_cost(INT64_MAX, 1, 2, &cost));
	assert_false(ledger_cost(INT64_MAX / 2 + 1, 2, 1, &cost));
	assert_false(ledger_cost(1, 1, UINT64_MAX, &cost));
	assert_false(ledger_cost(-1, 1, 1, &cost));
}

/* ---- rows ---- */

struct books {
	struct store_folder folder;
	struct store *store;
	struct turn turn;
};

static int open_books(void **state)
{
	static struct books books;
	struct store_account account = { .account = ACCOUNT, .credit_limit = 5 * MICROS };
	store_folder_make(&books.folder);
	assert_int_equal(store_folder_open(&books.folder, &books.store), STORE_OPEN_OK);
	books.turn = (struct turn){ .at_ms = 1790000000000 };
	assert_int_equal(store_begin(books.store, &books.turn.txn), STORE_OK);
	assert_int_equal(store_account_put(books.turn.txn, &account), STORE_OK);
	*state = &books;
	return 0;
}

static int close_books(void **state)
{
	struct books *books = *state;
	store_close(books->store);
	store_folder_remove(&books->folder);
	return 0;
}

static enum ledger_err post(struct books *books, enum store_ledger_kind kind, int64_t amount,
			    int64_t *balance)
{
	struct ledger_entry entry = {
		.account = ACCOUNT, .kind = kind, .amount = amount, .cause = "a test"
	};
	return ledger_post(&books->turn, &entry, balance);
}

static void test_ledger__a_balance_is_the_sum_of_its_rows(void **state)
{
	struct books *books = *state;
	struct store_ledger row = { .account = ACCOUNT };
	struct store_account account = { .account = ACCOUNT };
	int64_t balance = 0, sum = 0;
	assert_int_equal(post(books, STORE_LEDGER_OPENING, 10 * MICROS, &balance), LEDGER_OK);
	assert_int_equal(post(books, STORE_LEDGER_DEBIT, -3 * MICROS, &balance), LEDGER_OK);
	assert_int_equal(post(books, STORE_LEDGER_TOPUP, 1, &balance), LEDGER_OK);
	assert_int_equal(balance, 7 * MICROS + 1);
	assert_int_equal(store_ledger_seek(books->turn.txn, &row, 1), STORE_OK);
	for (enum store_err err = STORE_OK; err == STORE_OK;
	     err = store_ledger_next(books->turn.txn, &row, 1)) {
		sum += row.amount;
		assert_int_equal(row.balance_after, sum);
		assert_int_equal(row.cause.n, 6);
	}
	assert_int_equal(store_account_get(books->turn.txn, &account), STORE_OK);
	assert_int_equal(account.balance, sum);
	assert_int_equal(sum, balance);
}

static void test_ledger__a_debit_stops_at_the_credit_limit(void **state)
{
	struct books *books = *state;
	int64_t balance = 42;
	assert_int_equal(post(books, STORE_LEDGER_DEBIT, -5 * MICROS - 1, &balance), LEDGER_POOR);
	assert_int_equal(balance, 42);
	assert_int_equal(post(books, STORE_LEDGER_DEBIT, -5 * MICROS, &balance), LEDGER_OK);
	assert_int_equal(balance, -5 * MICROS);
	assert_int_equal(post(books, STORE_LEDGER_DEBIT, -1, &balance), LEDGER_POOR);
	assert_int_equal(post(books, STORE_LEDGER_ADJUST, -1, &balance), LEDGER_OK);
}

static void test_ledger__a_sum_that_does_not_fit_changes_nothing(void **state)
{
	struct books *books = *state;
	struct store_ledger row = { .account = ACCOUNT };
	int64_t balance = 42;
	assert_int_equal(post(books, STORE_LEDGER_TOPUP, INT64_MAX, &balance), LEDGER_OVERFLOW);
	assert_int_equal(post(books, STORE_LEDGER_DEBIT, INT64_MIN, &balance), LEDGER_POOR);
	assert_int_equal(balance, 42);
	assert_int_equal(store_ledger_seek(books->turn.txn, &row, 1), STORE_NOTFOUND);
	assert_false(turn_failed(&books->turn));
}

static void test_ledger__an_account_that_is_not_there_has_no_balance(void **state)
{
	struct books *books = *state;
	struct ledger_entry entry = { .account = ACCOUNT + 1, .amount = 1 };
	assert_int_equal(ledger_post(&books->turn, &entry, NULL), LEDGER_NO_ACCOUNT);
	assert_false(turn_failed(&books->turn));
}

#define BOOKS(test) cmocka_unit_test_setup_teardown(test, open_books, close_books)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ledger__amounts_are_exact),
		cmocka_unit_test(test_ledger__refuses_what_is_no_amount),
		cmocka_unit_test(test_ledger__costs_are_checked),
		BOOKS(test_ledger__a_balance_is_the_sum_of_its_rows),
		BOOKS(test_ledger__a_debit_stops_at_the_credit_limit),
		BOOKS(test_ledger__a_sum_that_does_not_fit_changes_nothing),
		BOOKS(test_ledger__an_account_that_is_not_there_has_no_balance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
