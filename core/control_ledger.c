/* Money and lists of accounts, for operators. See control.h. */
#include "core/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/account.h"
#include "core/ledger.h"
#include "core/view.h"

#define LIST_MAX     200 /* accounts of one listing */
#define LEDGER_MAX   500
#define CAUSE_OCTETS 128

/* ---- money ---- */

static void refuse_overflow(struct api_call *call)
{
	static const struct api_error error = {
		.status = 422,
		.code = "overflow",
		.stage = "balance",
		.detail = "The balance would not fit.",
		.param = "amount",
	};
	api_refuse(call, &error);
}

static void top_up(struct api_call *call, struct store_account *account, int64_t amount,
		   const char *cause)
{
	struct json_writer *json = &call->json;
	char sum[24];
	struct ledger_entry entry = {
		.account = account->account,
		.kind = STORE_LEDGER_TOPUP,
		.amount = amount,
		.uid = control_caller(call),
		.cause = cause ? cause : "topup by the operator",
	};
	enum ledger_err posted = ledger_post(call->turn, &entry, &account->balance);
	if (posted == LEDGER_OVERFLOW) {
		refuse_overflow(call);
		return;
	}
	if (posted != LEDGER_OK)
		return; /* the turn failed */
	json_begin_object(json);
	json_add_text(json, "name", call->params[0]);
	json_add_micro(json, "amount", amount);
	json_add_micro(json, "balance", account->balance);
	view_add_octets(json, "currency", account->currency);
	json_end_object(json);
	json_micro_text(amount, sum);
	control_audit(call, "account %s: topup %s", call->params[0], sum);
}

void control_account_topup(struct api_call *call)
{
	static const char *const names[] = { "amount", "cause", NULL };
	struct store_account account = { 0 };
	struct json *body = api_body(call);
	int64_t amount = 0;
	size_t n = 0;
	if (!body)
		return;
	const char *text = json_get_text(json_get(body, "amount"), NULL);
	const char *cause = json_get_text(json_get(body, "cause"), &n);
	api_body_only(call, body, names);
	if (!text || !ledger_amount(text, &amount) || amount <= 0)
		api_flaw(call, "body", "amount", -1, "decimal",
			 "amount must be a decimal above 0 in a string, such as \"12.50\"");
	if (json_get(body, "cause") && (!cause || !n || n > CAUSE_OCTETS))
		api_flaw(call, "body", "cause", -1, "string_length",
			 "cause must be a string of 1 to %d octets", CAUSE_OCTETS);
	if (!api_flawed(call, "shape") && control_find_account(call, &account))
		top_up(call, &account, amount, cause);
	json_free(body);
}

static void put_ledger_row(struct json_writer *json, const struct store_ledger *row)
{
	json_begin_object(json);
	json_add_uint(json, "seq", row->seq);
	control_add_time(json, "at", row->at_ms);
	json_add_text(json, "kind", store_ledger_kind_name((enum store_ledger_kind)row->kind));
	json_add_micro(json, "amount", row->amount);
	json_add_micro(json, "balance_after", row->balance_after);
	json_key(json, "order_id");
	if (row->order)
		json_put_uint(json, row->order);
	else
		json_put_null(json);
	json_key(json, "uid");
	if (row->uid)
		json_put_uint(json, row->uid - 1);
	else
		json_put_null(json);
	view_add_octets(json, "cause", row->cause);
	json_end_object(json);
}

void control_account_ledger(struct api_call *call)
{
	static const char *const names[] = { "limit", "before", NULL };
	struct json_writer *json = &call->json;
	struct store_account account = { 0 };
	int64_t limit = api_query_number(call, "limit", 20, 1, LEDGER_MAX);
	int64_t before = api_query_number(call, "before", INT64_MAX, 1, INT64_MAX);
	uint64_t last = 0;
	api_query_only(call, names);
	if (api_flawed(call, "shape") || !control_find_account(call, &account))
		return;
	struct store_ledger row = { .account = account.account, .seq = (uint64_t)before };
	json_begin_object(json);
	json_add_text(json, "name", call->params[0]);
	json_add_micro(json, "balance", account.balance);
	view_add_octets(json, "currency", account.currency);
	json_key(json, "ledger");
	json_begin_array(json);
	enum store_err err = store_ledger_prev(call->turn->txn, &row, 1);
	for (; limit && (!err || err == STORE_CORRUPT);
	     err = store_ledger_prev(call->turn->txn, &row, 1), limit--) {
		last = row.seq;
		if (!err)
			put_ledger_row(json, &row);
	}
	control_end_list(json, err, last);
}

/* ---- list ---- */

/* A key of one of the accounts that are listed. */
struct listed_key {
	uint32_t account;
	uint64_t id_high, id_low;
};

struct listed_keys {
	struct listed_key *keys;
	size_t n, room;
};

static int by_account(const void *a, const void *b)
{
	const struct listed_key *x = a, *y = b;
	if (x->account != y->account)
		return x->account < y->account ? -1 : 1;
	return x->id_high < y->id_high ? -1 : x->id_high > y->id_high;
}

static bool list_key(struct listed_keys *list, const struct store_apikey *rec)
{
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : LIST_MAX;
		struct listed_key *keys = realloc(list->keys, room * sizeof(*keys));
		if (!keys)
			return false;
		list->keys = keys;
		list->room = room;
	}
	list->keys[list->n++] = (struct listed_key){ rec->account, rec->id_high, rec->id_low };
	return true;
}

/* The keys of accounts first to last, in one walk: keys are found by their digest alone. */
static void find_keys(struct api_call *call, uint32_t first, uint32_t last,
		      struct listed_keys *list)
{
	struct store_apikey rec = { 0 };
	*list = (struct listed_keys){ 0 };
	enum store_err err = store_apikey_seek(call->turn->txn, &rec, 0);
	for (; !err || err == STORE_CORRUPT; err = store_apikey_next(call->turn->txn, &rec, 0))
		if (!err && rec.account >= first && rec.account <= last && !list_key(list, &rec))
			turn_fail(call->turn, STORE_FULL);
	if (list->n)
		qsort(list->keys, list->n, sizeof(*list->keys), by_account);
}

static void put_keys(struct api_call *call, uint32_t account, const struct listed_keys *list)
{
	json_key(&call->json, "keys");
	json_begin_array(&call->json);
	for (size_t i = 0; i < list->n; i++) {
		struct store_apikey rec = { .id_high = list->keys[i].id_high,
					    .id_low = list->keys[i].id_low };
		if (list->keys[i].account != account ||
		    store_apikey_get(call->turn->txn, &rec) != STORE_OK)
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

static void put_account(struct api_call *call, const struct store_account *account,
			const struct listed_keys *keys)
{
	struct json_writer *json = &call->json;
	uint32_t route;
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
	json_key(json, "routes");
	json_begin_array(json);
	for (size_t i = 0; account_route_at(account->routes, i, &route); i++)
		json_put_uint(json, route);
	json_end_array(json);
	put_keys(call, account->account, keys);
	json_end_object(json);
}

void control_account_keys(struct api_call *call)
{
	static const char *const names[] = { NULL };
	struct store_account account = { 0 };
	struct listed_keys keys;
	api_query_only(call, names);
	if (api_flawed(call, "shape") || !control_find_account(call, &account))
		return;
	find_keys(call, account.account, account.account, &keys);
	json_begin_object(&call->json);
	json_add_text(&call->json, "name", call->params[0]);
	put_keys(call, account.account, &keys);
	json_end_object(&call->json);
	free(keys.keys);
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
	struct listed_keys keys;
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	uint32_t end = page_end(call->turn->txn, account.account);
	find_keys(call, account.account, end - 1, &keys);
	json_begin_object(json);
	json_key(json, "accounts");
	json_begin_array(json);
	enum store_err err = store_account_seek(call->turn->txn, &account, 0);
	for (; account.account < end && (!err || err == STORE_CORRUPT);
	     err = store_account_next(call->turn->txn, &account, 0))
		if (!err)
			put_account(call, &account, &keys);
	free(keys.keys);
	control_end_list(json, err, end - 1);
}
