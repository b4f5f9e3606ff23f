/* Prices: the longest prefix, the account's own before the configuration's, and the country. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/pricing.h"
#include "test/store_folder.h"

#define ACCOUNT 7

static struct config_price configured[] = {
	{ .route_id = 1, .prefix = "31", .country = "NL", .price_micros = 88000 },
	{ .route_id = 1, .prefix = "3161", .country = "NL", .price_micros = 70000 },
	{ .route_id = 1, .prefix = "1", .country = "US", .price_micros = 10000 },
	{ .route_id = 2, .prefix = "31", .country = "NL", .price_micros = 99000 },
	{ .route_id = 2, .prefix = "1242", .country = "BS", .price_micros = 60000 },
};
static const struct config config = {
	.prices = configured,
	.n_prices = sizeof(configured) / sizeof(configured[0]),
};

struct fixture {
	struct store_folder folder;
	struct store *store;
	struct store_txn *txn;
	struct pricing pricing;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	store_folder_make(&fixture->folder);
	assert_int_equal(store_folder_open(&fixture->folder, &fixture->store), STORE_OPEN_OK);
	assert_int_equal(store_begin(fixture->store, &fixture->txn), STORE_OK);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	pricing_release(&fixture->pricing);
	store_abort(fixture->txn);
	store_close(fixture->store);
	store_folder_remove(&fixture->folder);
	free(fixture);
	return 0;
}

static void put_own(struct fixture *fixture, uint32_t account, uint64_t prefix, int64_t price)
{
	struct store_account_price own = {
		.account = account, .route = 1, .prefix = prefix, .price = price
	};
	assert_int_equal(store_account_price_put(fixture->txn, &own), STORE_OK);
}

static void load(struct fixture *fixture, uint32_t route)
{
	pricing_release(&fixture->pricing);
	assert_int_equal(pricing_load(fixture->txn, &config, ACCOUNT, route, &fixture->pricing),
			 STORE_OK);
}

/* The price of a number; -1 without one. */
static int64_t price_of(const struct fixture *fixture, uint64_t msisdn)
{
	const struct price *price = pricing_find(&fixture->pricing, msisdn);
	return price ? price->micros : -1;
}

static void test_pricing__takes_the_longest_prefix(void **state)
{
	struct fixture *fixture = *state;
	load(fixture, 1);
	assert_int_equal(price_of(fixture, 31201234567), 88000);
	assert_int_equal(price_of(fixture, 31612345678), 70000);
	assert_int_equal(price_of(fixture, 12025550123), 10000);
}

static void test_pricing__has_none_for_what_nobody_priced(void **state)
{
	struct fixture *fixture = *state;
	load(fixture, 1);
	assert_int_equal(price_of(fixture, 4930123456), -1);
	assert_int_equal(price_of(fixture, 3), -1); /* shorter than every prefix of 3… */
	load(fixture, 9);
	assert_int_equal(price_of(fixture, 31612345678), -1);
}

static void test_pricing__keeps_routes_apart(void **state)
{
	struct fixture *fixture = *state;
	load(fixture, 2);
	assert_int_equal(price_of(fixture, 31612345678), 99000);
	assert_int_equal(price_of(fixture, 12025550123), -1);
}

static void test_pricing__prefers_the_accounts_own_at_equal_length(void **state)
{
	struct fixture *fixture = *state;
	put_own(fixture, ACCOUNT, 31, 50000);
	put_own(fixture, ACCOUNT, 316123, 40000);
	put_own(fixture, ACCOUNT + 1, 31612345678, 1);
	load(fixture, 1);
	assert_int_equal(price_of(fixture, 31201234567), 50000);
	assert_int_equal(price_of(fixture, 31619999999), 70000);
	assert_int_equal(price_of(fixture, 31612399999), 40000);
	assert_int_equal(price_of(fixture, 31612345678), 40000);
	assert_string_equal(pricing_find(&fixture->pricing, 31612399999)->country, "NL");
}

/* By the prices of all routes: a longer prefix elsewhere tells two countries apart here. */
static void test_pricing__knows_countries_by_the_prices_of_all_routes(void **state)
{
	struct fixture *fixture = *state;
	load(fixture, 1);
	assert_string_equal(pricing_country(&fixture->pricing, 12025550123)->country, "US");
	assert_string_equal(pricing_country(&fixture->pricing, 12425550123)->country, "BS");
	assert_null(pricing_country(&fixture->pricing, 4930123456));
}

/* Of many, own and configured, what a look at each of them finds. */
static void test_pricing__finds_the_longest_of_many(void **state)
{
	enum {
		MANY = 3000
	};
	static struct config_price rows[MANY];
	static char prefixes[MANY][8];
	const struct config many = { .prices = rows, .n_prices = MANY };
	struct fixture *fixture = *state;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(prefixes[i], sizeof(prefixes[i]), "%u", 1 + i * 37 % 100000);
		rows[i] = (struct config_price){
			.route_id = 1, .prefix = prefixes[i], .country = "NL", .price_micros = i
		};
		if (i % 7 == 0)
			put_own(fixture, ACCOUNT, 1 + i * 37 % 100000, 1000000 + i);
	}
	pricing_release(&fixture->pricing);
	assert_int_equal(pricing_load(fixture->txn, &many, ACCOUNT, 1, &fixture->pricing),
			 STORE_OK);
	for (uint64_t number = 10000000000; number < 99999999999; number += 89999999) {
		char text[24];
		int64_t best = -1;
		size_t longest = 0;
		snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
		for (unsigned i = 0; i < MANY; i++) {
			size_t n = strlen(prefixes[i]);
			if (strncmp(text, prefixes[i], n) != 0 || n <= longest)
				continue;
			longest = n;
			best = i % 7 ? i : 1000000 + i;
		}
		assert_int_equal(price_of(fixture, number), best);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pricing__takes_the_longest_prefix, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_pricing__has_none_for_what_nobody_priced,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_pricing__keeps_routes_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_pricing__prefers_the_accounts_own_at_equal_length, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_pricing__knows_countries_by_the_prices_of_all_routes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pricing__finds_the_longest_of_many, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
