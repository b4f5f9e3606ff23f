/* Accounts: the lists of a record, keys, and what an account may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/account.h"
#include "test/store_folder.h"

static struct store_octets words(const char *text)
{
	return (struct store_octets){ (const uint8_t *)text, (uint32_t)strlen(text) };
}

/* FIPS 180-2, B.1: SHA-256 of "abc". */
static void test_account__keys_are_known_by_their_sha_256(void **state)
{
	static const uint8_t digest[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
					  0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
					  0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
					  0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };
	struct store_apikey key;
	(void)state;
	account_key(&(struct turn){ 0 }, "abc", &key);
	assert_int_equal(key.digest.n, sizeof(digest));
	assert_memory_equal(key.digest.at, digest, sizeof(digest));
	assert_int_equal(key.id_high, 0xba7816bf8f01cfea);
	assert_int_equal(key.id_low, 0x414140de5dae2223);
}

static void test_account__packs_routes_until_they_do_not_fit(void **state)
{
	uint32_t routes[ACCOUNT_LIST_OCTETS / 4 + 1], route;
	struct store_account account = { 0 };
	size_t n = ACCOUNT_LIST_OCTETS / 4;
	(void)state;
	for (uint32_t i = 0; i <= n; i++)
		routes[i] = 0x01020300 + i;
	assert_true(account_pack_routes(routes, n, account.raw, &account.routes.n));
	account.routes.at = account.raw;
	for (size_t i = 0; i < n; i++) {
		assert_true(account_route_at(account.routes, i, &route));
		assert_int_equal(route, routes[i]);
		assert_true(account_lists_route(account.routes, routes[i]));
	}
	assert_false(account_route_at(account.routes, n, &route));
	assert_false(account_lists_route(account.routes, routes[n]));
	assert_false(account_pack_routes(routes, n + 1, account.raw, &account.routes.n));
}

static void test_account__packs_words_until_they_do_not_fit(void **state)
{
	uint8_t out[10];
	uint32_t n = 0;
	(void)state;
	assert_true(account_pack_word(words("abc"), out, sizeof(out), &n));
	assert_false(account_pack_word(words("123456"), out, sizeof(out), &n));
	assert_int_equal(n, 4);
	assert_true(account_pack_word(words("12345"), out, sizeof(out), &n));
	assert_int_equal(n, 10);
	struct store_octets list = { out, n };
	assert_true(account_lists_word(list, words("abc")));
	assert_true(account_lists_word(list, words("12345")));
	assert_false(account_lists_word(list, words("ab")));
	assert_false(account_lists_word(list, words("abcd")));
	assert_false(account_lists_word(list, words("1234")));
	assert_false(account_lists_word((struct store_octets){ 0 }, words("abc")));
}

/* Joining and leaving: sorted, each once, and nothing else moves. */
static void test_account__lists_change_by_what_joins_and_leaves(void **state)
{
	static const uint8_t had[] = { 0, 0, 0, 3, 0, 0, 0, 7 },
			     given[] = { 0, 0, 0, 1, 0, 0, 0, 7 };
	static const uint8_t joined[] = { 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 7 };
	struct store_octets routes = { had, 8 }, some = { given, 8 };
	uint8_t out[ACCOUNT_LIST_OCTETS];
	uint32_t n;
	(void)state;
	assert_true(account_change_routes(routes, some, true, out, &n));
	assert_int_equal(n, sizeof(joined));
	assert_memory_equal(out, joined, n);
	assert_true(account_change_routes(routes, some, false, out, &n));
	assert_int_equal(n, 4);
	assert_memory_equal(out, had, n);
	assert_true(account_change_words(words("b\na\n"), words("a\nc\n"), true, out, 6, &n));
	assert_int_equal(n, 6);
	assert_memory_equal(out, "b\na\nc\n", n);
	assert_true(account_change_words(words("b\na\n"), words("a\nc\n"), false, out, 6, &n));
	assert_int_equal(n, 2);
	assert_memory_equal(out, "b\n", n);
	assert_false(account_change_words(words("b\na\n"), words("c\n"), true, out, 5, &n));
}

static void test_account__uses_open_routes_of_its_categories(void **state)
{
	static const uint8_t listed[] = { 0, 0, 0, 8 };
	struct store_account account = { .routes = { listed, 4 }, .categories = words("casino\n") };
	static const struct {
		struct config_route route;
		bool may;
	} rows[] = {
		{ { .id = 1, .category = CONFIG_CATEGORY_GENERAL }, true },
		{ { .id = 5, .category = CONFIG_CATEGORY_CASINO }, true },
		{ { .id = 6, .category = CONFIG_CATEGORY_IGAMING }, false },
		{ { .id = 7, .access = CONFIG_ACCESS_WHITELIST }, false },
		{ { .id = 8,
		    .access = CONFIG_ACCESS_WHITELIST,
		    .category = CONFIG_CATEGORY_ENTERPRISE },
		  true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(account_may_use(&account, &rows[i].route), rows[i].may);
}

static void test_account__is_denied_a_route_whatever_else_holds(void **state)
{
	static const uint8_t listed[] = { 0, 0, 0, 1, 0, 0, 0, 8 }, denied[] = { 0, 0, 0, 8 };
	struct store_account account = { .routes = { listed, 8 }, .denied = { denied, 4 } };
	(void)state;
	assert_true(account_may_use(&account, &(struct config_route){ .id = 1 }));
	assert_false(account_may_use(&account, &(struct config_route){ .id = 8 }));
	account.routes.n = 0;
	assert_true(account_may_use(&account, &(struct config_route){ .id = 1 }));
	assert_false(account_may_use(&account, &(struct config_route){ .id = 8 }));
}

static void test_account__sends_as_the_route_and_its_own_list_allow(void **state)
{
	static const char *const approved[] = { "ACME", "31600000000" };
	const struct config_route open = { .sender = CONFIG_SENDER_FREE };
	const struct config_route numeric = { .sender = CONFIG_SENDER_NUMERIC };
	const struct config_route named = { .sender = CONFIG_SENDER_APPROVED,
					    .senders = { approved, 2 } };
	struct store_account account = { 0 };
	(void)state;
	assert_true(account_may_send_as(&account, &open, "ANYBODY"));
	assert_true(account_may_send_as(&account, &numeric, "31600000000"));
	assert_false(account_may_send_as(&account, &numeric, "3160000000X"));
	assert_true(account_may_send_as(&account, &named, "ACME"));
	assert_false(account_may_send_as(&account, &named, "ACM"));
	assert_false(account_may_send_as(&account, &named, "acme"));
	account.senders = words("ACME\n");
	assert_true(account_may_send_as(&account, &open, "ACME"));
	assert_false(account_may_send_as(&account, &open, "ANYBODY"));
	assert_false(account_may_send_as(&account, &named, "31600000000"));
}

static void put_account(struct store_txn *txn, uint32_t number, const char *name)
{
	struct store_account account = { .account = number, .name = words(name), .active = 1 };
	assert_int_equal(store_account_put(txn, &account), STORE_OK);
}

static void test_account__is_found_by_name(void **state)
{
	struct store_folder folder;
	struct store *store;
	struct store_txn *txn;
	struct store_account account;
	(void)state;
	store_folder_make(&folder);
	assert_int_equal(store_folder_open(&folder, &store), STORE_OPEN_OK);
	assert_int_equal(store_begin(store, &txn), STORE_OK);
	put_account(txn, 3, "acme");
	put_account(txn, 4, "acme2");
	assert_int_equal(account_by_name(txn, "acme2", &account), STORE_OK);
	assert_int_equal(account.account, 4);
	assert_int_equal(account_by_name(txn, "acm", &account), STORE_NOTFOUND);
	assert_int_equal(account_by_name(txn, "", &account), STORE_NOTFOUND);
	store_abort(txn);
	store_close(store);
	store_folder_remove(&folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_account__keys_are_known_by_their_sha_256),
		cmocka_unit_test(test_account__packs_routes_until_they_do_not_fit),
		cmocka_unit_test(test_account__packs_words_until_they_do_not_fit),
		cmocka_unit_test(test_account__lists_change_by_what_joins_and_leaves),
		cmocka_unit_test(test_account__uses_open_routes_of_its_categories),
		cmocka_unit_test(test_account__is_denied_a_route_whatever_else_holds),
		cmocka_unit_test(test_account__sends_as_the_route_and_its_own_list_allow),
		cmocka_unit_test(test_account__is_found_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
