/* Accounts as operators see them: one, all, their keys and prices. See control.h. */
#include "core/control.h"

#include <stdlib.h>

#include "core/control_account.h"
#include "core/view.h"

#define LIST_MAX   200	/* accounts of one listing */
#define PRICES_MAX 5000 /* of one account in one answer */

static void put_keys(struct api_call *call, uint32_t account, const struct control_keys *keys)
{
	json_key(&call->json, "keys");
	json_begin_array(&call->json);
	for (size_t i = control_keys_of(keys, account);
	     i < keys->n && keys->at[i].account == account; i++) {
		struct store_apikey rec = { .id_high = keys->at[i].id_high,
					    .id_low = keys->at[i].id_low };
		if (store_apikey_get(call->turn->txn, &rec) != STORE_OK)
			continue;
		json_begin_object(&call->json);
		view_add_key_id(&call->json, "id", rec.id_high);
		view_add_octets(&call->json, "label", rec.label);
		json_add_bool(&call->json, "active", rec.active);
		control_add_time(&call->json, "created_at", rec.created_ms);
		json_end_object(&call->json);
	}
	json_end_array(&call->json);
}

static void put_routes(struct json_writer *json, const char *key, struct store_octets routes)
{
	uint32_t route;
	json_key(json, key);
	json_begin_array(json);
	for (size_t i = 0; account_route_at(routes, i, &route); i++)
		json_put_uint(json, route);
	json_end_array(json);
}

static void put_words(struct json_writer *json, const char *key, struct store_octets words)
{
	struct store_octets word;
	json_key(json, key);
	json_begin_array(json);
	for (uint32_t offset = 0; account_word_at(words, &offset, &word);)
		json_put_octets(json, word.at, word.n);
	json_end_array(json);
}

static void put_account(struct api_call *call, const struct store_account *account,
			const struct control_keys *keys)
{
	struct json_writer *json = &call->json;
	json_begin_object(json);
	json_add_uint(json, "account", account->account);
	view_add_octets(json, "name", account->name);
	json_add_bool(json, "active", account->active);
	json_add_bool(json, "sandbox", account->sandbox);
	json_add_bool(json, "bulk", account->bulk);
	json_add_micro(json, "balance", account->balance);
	json_add_micro(json, "credit_limit", account->credit_limit);
	view_add_octets(json, "currency", account->currency);
	json_add_uint(json, "rate_per_s", account->rate_per_s);
	control_add_time(json, "created_at", account->created_ms);
	put_routes(json, "routes", account->routes);
	put_routes(json, "denied_routes", account->denied);
	put_words(json, "categories", account->categories);
	put_words(json, "senders", account->senders);
	put_keys(call, account->account, keys);
	json_end_object(json);
}

/* One account with its keys, found by the path's name. */
static void show_one(struct api_call *call, bool whole)
{
	static const char *const names[] = { NULL };
	struct store_account account = { 0 };
	struct control_keys keys = { 0 };
	api_query_only(call, names);
	if (api_flawed(call, "shape") || !control_find_account(call, &account))
		return;
	control_keys_walk(call, account.account, account.account, &keys);
	if (whole) {
		put_account(call, &account, &keys);
	} else {
		json_begin_object(&call->json);
		json_add_text(&call->json, "name", call->params[0]);
		put_keys(call, account.account, &keys);
		json_end_object(&call->json);
	}
	free(keys.at);
}

void control_account_show(struct api_call *call)
{
	show_one(call, true);
}

void control_account_keys(struct api_call *call)
{
	show_one(call, false);
}

/* Its own prices; what it pays besides is the configuration's. */
void control_account_prices(struct api_call *call)
{
	static const char *const names[] = { NULL };
	struct json_writer *json = &call->json;
	struct store_account account = { 0 };
	size_t left = PRICES_MAX;
	api_query_only(call, names);
	if (api_flawed(call, "shape") || !control_find_account(call, &account))
		return;
	struct store_account_price price = { .account = account.account };
	json_begin_object(json);
	json_add_text(json, "name", call->params[0]);
	view_add_octets(json, "currency", account.currency);
	json_key(json, "prices");
	json_begin_array(json);
	enum store_err err = store_account_price_seek(call->turn->txn, &price, 1);
	for (; left && !err; err = store_account_price_next(call->turn->txn, &price, 1), left--) {
		json_begin_object(json);
		json_add_uint(json, "route", price.route);
		view_add_number(json, "prefix", price.prefix);
		json_add_micro(json, "price", price.price);
		json_end_object(json);
	}
	json_end_array(json);
	json_add_bool(json, "all", err == STORE_NOTFOUND);
	json_end_object(json);
}

/* The number behind the last account of a page that begins with `first`. */
static uint32_t page_end(struct store_txn *txn, uint32_t first)
{
	struct store_account account = { .account = first };
	uint32_t end = first;
	enum store_err err = store_account_seek(txn, &account, 0);
	for (int left = LIST_MAX; left && (!err || err == STORE_CORRUPT);
	     err = store_account_next(txn, &account, 0), left--)
		end = account.account + 1;
	return end;
}

void control_accounts(struct api_call *call)
{
	static const char *const names[] = { "after", NULL };
	struct json_writer *json = &call->json;
	int64_t after = api_query_number(call, "after", 0, 0, UINT32_MAX - 1);
	struct store_account account = { .account = (uint32_t)after + 1 };
	struct control_keys keys = { 0 };
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	uint32_t end = page_end(call->turn->txn, account.account);
	control_keys_walk(call, account.account, end - 1, &keys);
	json_begin_object(json);
	json_key(json, "accounts");
	json_begin_array(json);
	enum store_err err = store_account_seek(call->turn->txn, &account, 0);
	for (; account.account < end && (!err || err == STORE_CORRUPT);
	     err = store_account_next(call->turn->txn, &account, 0))
		if (!err)
			put_account(call, &account, &keys);
	free(keys.at);
	control_end_list(json, err, end - 1);
}
