/* The ledger counted over: every balance against its rows, every row against its cause. See
 * control.h. */
#include "core/control.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/server.h"
#include "core/view.h"

#define SLICE_ROWS   500 /* read between two turns, each with its order: a few milliseconds */
#define FINDINGS_MAX 100 /* told one by one; the rest is counted */

/*
 * A walk over the accounts and, for each, over its ledger. It goes on between turns; rows that are
 * written meanwhile come behind those that were read, and a balance is compared in the transaction
 * that has seen the last row, so that nothing has to stand still.
 */
struct verify {
	struct server_stream stream;
	struct json_writer json;
	struct store_account account; /* in hand; only its number lasts from slice to slice */
	bool in_hand, begun;
	uint64_t next_seq;
	int64_t balance; /* of the rows read so far */
	int64_t keep_orders_ms;
	uint64_t accounts, rows, orders_gone, findings;
};

__attribute__((format(printf, 3, 4))) static void
finding(struct verify *verify, const struct store_ledger *row, const char *format, ...)
{
	char what[160];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (++verify->findings > FINDINGS_MAX)
		return;
	json_begin_object(&verify->json);
	view_add_octets(&verify->json, "account", verify->account.name);
	json_key(&verify->json, "seq");
	if (row)
		json_put_uint(&verify->json, row->seq);
	else
		json_put_null(&verify->json);
	json_add_text(&verify->json, "what", what);
	json_end_object(&verify->json);
}

/* Orders go with their retention, ledgers stay. */
static void check_gone(struct verify *verify, const struct store_ledger *row, int64_t wall_ms)
{
	verify->orders_gone++;
	if ((int64_t)row->at_ms + verify->keep_orders_ms > wall_ms)
		finding(verify, row, "order %" PRIu64 " is not there, and too young to be removed",
			row->order);
}

static void check_debit(struct verify *verify, struct store_txn *txn,
			const struct store_ledger *row, int64_t wall_ms)
{
	struct store_order order = { .order = row->order };
	int64_t reserve;
	if (row->amount > 0)
		finding(verify, row, "a debit adds");
	if (row->credit &&
	    (__builtin_add_overflow(row->balance_after, row->credit - 1, &reserve) || reserve < 0))
		finding(verify, row, "the balance passes the credit limit of that time");
	enum store_err err = store_order_get(txn, &order);
	if (err == STORE_NOTFOUND)
		check_gone(verify, row, wall_ms);
	else if (err)
		finding(verify, row, "order %" PRIu64 ": %s", row->order, store_err_text(err));
	else if (order.account != row->account || order.cost != -row->amount)
		finding(verify, row, "order %" PRIu64 " is another account's or cost another sum",
			row->order);
}

/* Its messages go before it, in as many turns as they need. */
static bool is_going(const struct verify *verify, const struct store_order *order, int64_t wall_ms)
{
	return order->resolved_ms &&
	       (int64_t)order->resolved_ms + verify->keep_orders_ms <= wall_ms;
}

static void check_refund(struct verify *verify, struct store_txn *txn,
			 const struct store_ledger *row, int64_t wall_ms)
{
	struct store_order order = { .order = row->order };
	struct store_message message = { .order = row->order, .index = row->index };
	if (row->amount < 0)
		finding(verify, row, "a refund takes");
	enum store_err err = store_order_get(txn, &order);
	if (err == STORE_NOTFOUND) {
		check_gone(verify, row, wall_ms);
		return;
	}
	if (!err)
		err = store_message_get(txn, &message);
	if (err == STORE_NOTFOUND && is_going(verify, &order, wall_ms))
		verify->orders_gone++;
	else if (err)
		finding(verify, row, "message %" PRIu64 "/%u: %s", row->order, row->index,
			store_err_text(err));
	else if (order.account != row->account)
		finding(verify, row, "message %" PRIu64 "/%u is another account's", row->order,
			row->index);
	else if (message.refund != row->amount)
		finding(verify, row, "message %" PRIu64 "/%u was refunded another sum", row->order,
			row->index);
}

static void check_row(struct verify *verify, struct store_txn *txn, const struct store_ledger *row,
		      int64_t wall_ms)
{
	if (__builtin_add_overflow(verify->balance, row->amount, &verify->balance) ||
	    verify->balance != row->balance_after) {
		finding(verify, row, "balance_after is not the sum of the rows up to it");
		verify->balance = row->balance_after; /* one mistake is told once */
	}
	if (!row->at_ms || !row->cause.n)
		finding(verify, row, "it has no %s", row->at_ms ? "cause" : "time");
	if (row->kind == STORE_LEDGER_DEBIT)
		check_debit(verify, txn, row, wall_ms);
	else if (row->kind == STORE_LEDGER_REFUND)
		check_refund(verify, txn, row, wall_ms);
}

/* Up to `left` rows of the account in hand; true when they all have been read. */
static bool check_rows(struct verify *verify, struct store_txn *txn, int64_t wall_ms,
		       uint32_t *left)
{
	struct store_ledger row = { .account = verify->account.account, .seq = verify->next_seq };
	enum store_err err = store_ledger_seek(txn, &row, 1);
	for (; *left && (!err || err == STORE_CORRUPT); err = store_ledger_next(txn, &row, 1)) {
		(*left)--;
		verify->rows++;
		verify->next_seq = row.seq + 1;
		if (err)
			finding(verify, &row, "%s", store_err_text(err));
		else
			check_row(verify, txn, &row, wall_ms);
	}
	return err == STORE_NOTFOUND;
}

/* One slice; true when every account has been seen. */
static bool check_slice(struct verify *verify, struct store_txn *txn, int64_t wall_ms)
{
	uint32_t left = SLICE_ROWS, number = verify->account.account;
	while (left) {
		verify->account = (struct store_account){ .account = number + !verify->in_hand };
		enum store_err err = store_account_seek(txn, &verify->account, 0);
		if (err == STORE_NOTFOUND)
			return true;
		left--;
		number = verify->account.account;
		if (!verify->in_hand) {
			verify->next_seq = 0;
			verify->balance = 0;
			verify->accounts++;
		}
		verify->in_hand = !check_rows(verify, txn, wall_ms, &left);
		if (!verify->in_hand && err)
			finding(verify, NULL, "account %u: %s", number, store_err_text(err));
		else if (!verify->in_hand && verify->account.balance != verify->balance)
			finding(verify, NULL, "the balance is not the sum of its rows");
	}
	return false;
}

static bool verify_pump(struct engine *engine, struct server_stream *stream, struct buffer *out,
			size_t room)
{
	struct verify *verify = (void *)stream;
	struct json_writer *json = &verify->json;
	struct store_txn *txn;
	(void)room;
	stream->due_ms = port_now_ms(engine->port);
	if (store_read_begin(engine->store, &txn) != STORE_OK)
		return true; /* it may be had the next time */
	json->out = out;
	if (!verify->begun) {
		json_begin_object(json);
		json_key(json, "list");
		json_begin_array(json);
		verify->begun = true;
	}
	bool done = check_slice(verify, txn, port_wall_ms(engine->port));
	if (done) {
		json_end_array(json);
		json_add_uint(json, "accounts", verify->accounts);
		json_add_uint(json, "rows", verify->rows);
		json_add_uint(json, "orders_gone", verify->orders_gone);
		json_add_uint(json, "findings", verify->findings);
		json_end_object(json);
		stream->due_ms = INT64_MAX;
	}
	store_read_end(txn);
	return !done;
}

void control_ledger_verify(struct api_call *call)
{
	static const char *const names[] = { NULL };
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	struct verify *verify = calloc(1, sizeof(*verify));
	if (!verify) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	verify->stream.pump = verify_pump;
	verify->stream.ends = true;
	verify->keep_orders_ms = call->engine->config->retention.orders_ms;
	call->stream = &verify->stream;
}
