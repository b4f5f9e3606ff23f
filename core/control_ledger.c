/* Money and lists of accounts, for operators. See control.h. */
#include "core/control.h"

#include <stdio.h>
#include <string.h>

#include "core/account.h"
#include "core/ledger.h"

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
	control_add_octets(json, "currency", account->currency);
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
	control_body_only(call, body, names);
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
	control_add_octets(json, "cause", row->cause);
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
	control_add_octets(json, "currency", account.currency);
	json_key(json, "ledger");
	json_begin_array(json);
	enum store_err err = store_ledger_prev(call->turn->txn, &row, 1);
	for (; limit && (!err || err == STORE_CORRUPT);
	     err = store_ledger_prev(call->turn->txn, &row, 1), limit--) {
		last = row.seq;
		if (!err)
			put_ledger_row(json, &row);
	}
	json_end_array(json);
	json_key(json, "next");
	if (err == STORE_NOTFOUND)
		json_put_null(json);
	else
		json_put_uint(json, last);
	json_end_object(json);
}

/* ---- list ---- */

static void put_keys(struct api_call *call, uint32_t account)
{
	struct store_apikey rec = { 0 };
	json_key(&call->json, "keys");
	json_begin_array(&call->json);
	enum store_err err = store_apikey_seek(call->turn->txn, &rec, 0);
	for (; !err || err == STORE_CORRUPT; err = store_apikey_next(call->turn->txn, &rec, 0)) {
		if (err || rec.account != account)
			continue;
		json_begin_object(&call->json);
		control_add_key_id(&call->json, &rec);
		control_add_octets(&call->json, "label", rec.label);
		json_add_bool(&call->json, "active", rec.active);
		control_add_time(&call->json, "created_at", rec.created_ms);
		json_end_object(&call->json);
	}
	json_end_array(&call->json);
}

static void put_account(struct api_call *call, const struct store_account *account)
{
	struct json_writer *json = &call->json;
	uint32_t route;
	json_begin_object(json);
	json_add_uint(json, "account", account->account);
	control_add_octets(json, "name", account->name);
	json_add_bool(json, "active", account->active);
	json_add_bool(json, "sandbox", account->sandbox);
	json_add_bool(json, "bulk", account->bulk);
	json_add_micro(json, "balance", account->balance);
	json_add_micro(json, "credit_limit", account->credit_limit);
	control_add_octets(json, "currency", account->currency);
	json_add_uint(json, "rate_per_s", account->rate_per_s);
	control_add_time(json, "created_at", account->created_ms);
	json_key(json, "routes");
	json_begin_array(json);
	for (size_t i = 0; account_route_at(account, i, &route); i++)
		json_put_uint(json, route);
	json_end_array(json);
	put_keys(call, account->account);
	json_end_object(json);
}

void control_accounts(struct api_call *call)
{
	static const char *const names[] = { "after", NULL };
	struct json_writer *json = &call->json;
	int64_t after = api_query_number(call, "after", 0, 0, UINT32_MAX - 1);
	struct store_account account = { .account = (uint32_t)after + 1 };
	int left = LIST_MAX;
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	json_begin_object(json);
	json_key(json, "accounts");
	json_begin_array(json);
	enum store_err err = store_account_seek(call->turn->txn, &account, 0);
	for (; left && (!err || err == STORE_CORRUPT);
	     err = store_account_next(call->turn->txn, &account, 0), left--)
		if (!err)
			put_account(call, &account);
	json_end_array(json);
	json_key(json, "next");
	if (err == STORE_NOTFOUND)
		json_put_null(json);
	else
		json_put_uint(json, account.account - 1);
	json_end_object(json);
}
