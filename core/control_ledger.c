/* Money of accounts, for operators: what is added, and every movement. See control.h. */
#include "core/control.h"

#include <stdio.h>
#include <string.h>

#include "core/account.h"
#include "core/ledger.h"
#include "core/view.h"

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

/* What books a sum: a top-up only adds, an adjustment goes either way and says why. */
struct booking {
	enum store_ledger_kind kind;
	const char *cause; /* NULL: it must be given */
};

static void book(struct api_call *call, const struct booking *booking,
		 struct store_account *account, int64_t amount, const char *cause)
{
	struct json_writer *json = &call->json;
	char sum[24];
	struct ledger_entry entry = {
		.account = account->account,
		.kind = booking->kind,
		.amount = amount,
		.uid = control_caller(call),
		.cause = cause ? cause : booking->cause,
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
	control_audit(call, "account %s: %s %s", call->params[0],
		      store_ledger_kind_name(booking->kind), sum);
}

static void read_booking(struct api_call *call, const struct booking *booking)
{
	static const char *const names[] = { "amount", "cause", NULL };
	struct store_account account = { 0 };
	struct json *body = api_body(call);
	int64_t amount = 0;
	size_t n = 0;
	if (!body)
		return;
	bool either = booking->kind == STORE_LEDGER_ADJUST;
	const char *text = json_get_text(json_get(body, "amount"), NULL);
	const char *cause = json_get_text(json_get(body, "cause"), &n);
	api_body_only(call, body, names);
	if (!text || !ledger_amount(text, &amount) || !amount || (amount < 0 && !either))
		api_flaw(call, "body", "amount", -1, "decimal",
			 "amount must be a decimal %s 0 in a string, such as \"12.50\"",
			 either ? "other than" : "above");
	if ((json_get(body, "cause") || !booking->cause) && (!cause || !n || n > CAUSE_OCTETS))
		api_flaw(call, "body", "cause", -1, "string_length",
			 "cause must be a string of 1 to %d octets", CAUSE_OCTETS);
	if (!api_flawed(call, "shape") && control_find_account(call, &account))
		book(call, booking, &account, amount, cause);
	json_free(body);
}

void control_account_topup(struct api_call *call)
{
	static const struct booking topup = { STORE_LEDGER_TOPUP, "topup by the operator" };
	read_booking(call, &topup);
}

void control_account_adjust(struct api_call *call)
{
	static const struct booking adjust = { STORE_LEDGER_ADJUST, NULL };
	read_booking(call, &adjust);
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
