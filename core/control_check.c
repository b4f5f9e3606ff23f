/* Counting by walking records, and the check of the whole store. See control.h. */
#include "core/control.h"

#include <stdlib.h>
#include <string.h>

#include "core/history.h"
#include "core/lifecycle.h"
#include "core/match.h"
#include "core/orders.h"
#include "core/server.h"
#include "smpp/receipt.h"

/* ---- recount ---- */

#define SLICE_RECORDS 1000 /* read between two turns: a few milliseconds */

/*
 * A walk over the messages of an order, then over the ledger of its account, in slices between
 * turns. It trusts no counter; what the counters say is compared at the end.
 */
struct recount {
	struct server_stream stream;
	uint64_t order;
	uint32_t account, next_index;
	uint64_t next_seq;
	bool messages_done;
	uint64_t total, states[STORE_STATES], attempts, sent_twice, taken, on_time, late, damaged;
	int64_t refunds;	       /* by the messages */
	int64_t booked, debits, given; /* by the ledger: all rows; of this order */
};

/*
 * Attempts that reached the provider or may have: a response that accepted, or none at all. A
 * segment with two of them was, or may have been, sent twice.
 */
static uint32_t attempts_out(struct history *history, bool *damaged)
{
	uint64_t out[4] = { 0 };
	struct evidence row;
	uint32_t n = 0;
	while (history_next(history, &row)) {
		uint64_t bit = UINT64_C(1) << (row.attempt % 64);
		uint64_t *word = &out[row.attempt / 64 % 4];
		if (!row.has_submit)
			continue;
		if (row.event == LIFE_ON_ACCEPTED || row.event == LIFE_ON_LOST)
			*word |= bit;
		else
			*word &= ~bit;
	}
	*damaged = history->damaged;
	for (size_t i = 0; i < 4; i++)
		n += (uint32_t)__builtin_popcountll(out[i]);
	return n;
}

static void count_segment(struct recount *recount, struct store_txn *txn,
			  const struct store_order *order, struct store_message *message,
			  uint32_t n)
{
	struct segment_ref ref = { order->order, message->index, n };
	struct store_segment segment;
	struct history history;
	bool damaged = false;
	const struct store_seg *seg = history_segment(txn, order, ref, message, &segment);
	if (!seg) {
		recount->damaged++;
		return;
	}
	history_begin(&history, txn, order, ref, seg);
	recount->sent_twice += attempts_out(&history, &damaged) > 1;
	recount->attempts += seg->attempts;
	recount->damaged += damaged;
}

static void count_messages(struct recount *recount, struct store_txn *txn)
{
	struct store_order order = { .order = recount->order };
	struct store_message message = { .order = recount->order, .index = recount->next_index };
	uint32_t left = SLICE_RECORDS;
	if (store_order_get(txn, &order)) {
		recount->messages_done = true;
		return;
	}
	enum store_err err = store_message_seek(txn, &message, 1);
	for (; left && (!err || err == STORE_CORRUPT); err = store_message_next(txn, &message, 1)) {
		left = left > order.parts ? left - order.parts : 0;
		recount->next_index = message.index + 1;
		recount->total++;
		if (err || message.state >= STORE_STATES) {
			recount->damaged++;
			continue;
		}
		recount->states[message.state]++;
		recount->refunds += message.refund;
		recount->taken += !!(message.flags & STORE_FLAG_TAKEN);
		recount->on_time += !!(message.flags & STORE_FLAG_ON_TIME);
		recount->late += !!(message.flags & STORE_FLAG_LATE);
		for (uint32_t n = 0; n < order.parts; n++)
			count_segment(recount, txn, &order, &message, n);
	}
	recount->messages_done = err && err != STORE_CORRUPT;
}

/* True when every row has been read. */
static bool count_ledger(struct recount *recount, struct store_txn *txn)
{
	struct store_ledger row = { .account = recount->account, .seq = recount->next_seq };
	uint32_t left = SLICE_RECORDS;
	enum store_err err = store_ledger_seek(txn, &row, 1);
	for (; left && (!err || err == STORE_CORRUPT); err = store_ledger_next(txn, &row, 1)) {
		left--;
		recount->next_seq = row.seq + 1;
		recount->damaged += err != STORE_OK;
		if (err)
			continue;
		recount->booked += row.amount;
		if (row.order != recount->order)
			continue;
		recount->debits += row.kind == STORE_LEDGER_DEBIT ? row.amount : 0;
		recount->given += row.kind == STORE_LEDGER_REFUND ? row.amount : 0;
	}
	return err && err != STORE_CORRUPT;
}

static bool summary_agrees(const struct recount *recount, const struct store_order *order)
{
	const uint64_t *states = recount->states;
	uint64_t failed = states[STORE_STATE_FAILED] + states[STORE_STATE_EXPIRED];
	return recount->total == order->total && !recount->damaged &&
	       states[STORE_STATE_DELIVERED] == order->delivered && failed == order->failed &&
	       states[STORE_STATE_EXPIRED] == order->expired &&
	       states[STORE_STATE_UNKNOWN] == order->unknown &&
	       states[STORE_STATE_IN_DOUBT] == order->in_doubt && recount->taken == order->taken &&
	       recount->on_time == order->on_time && recount->late == order->late;
}

static void put_states(struct json_writer *json, const uint64_t *states)
{
	json_key(json, "states");
	json_begin_object(json);
	for (int i = 0; i < STORE_STATES; i++)
		json_add_uint(json, store_state_name((enum store_state)i), states[i]);
	json_end_object(json);
}

static void put_recount(const struct recount *recount, struct store_txn *txn, struct buffer *out)
{
	struct json_writer json = { .out = out };
	struct store_order order = { .order = recount->order };
	struct store_account account = { .account = recount->account };
	const uint64_t *states = recount->states;
	bool known = store_order_get(txn, &order) == STORE_OK;
	bool funded = store_account_get(txn, &account) == STORE_OK;
	int64_t cost = known && !order.sandbox ? order.cost : 0;
	uint64_t failed = states[STORE_STATE_FAILED] + states[STORE_STATE_EXPIRED];
	uint64_t accounted = states[STORE_STATE_DELIVERED] + failed + states[STORE_STATE_UNKNOWN];
	json_begin_object(&json);
	json_add_uint(&json, "order_id", recount->order);
	json_add_uint(&json, "total", recount->total);
	json_add_uint(&json, "accounted", accounted);
	json_add_uint(&json, "delivered", states[STORE_STATE_DELIVERED]);
	json_add_uint(&json, "failed", failed);
	json_add_uint(&json, "expired", states[STORE_STATE_EXPIRED]);
	json_add_uint(&json, "unknown", states[STORE_STATE_UNKNOWN]);
	json_add_uint(&json, "pending", recount->total - accounted);
	json_add_uint(&json, "in_doubt", states[STORE_STATE_IN_DOUBT]);
	json_add_uint(&json, "on_time", recount->on_time);
	json_add_uint(&json, "late", recount->late);
	json_add_uint(&json, "attempts", recount->attempts);
	json_add_uint(&json, "sent_twice", recount->sent_twice);
	json_add_uint(&json, "damaged", recount->damaged);
	put_states(&json, states);
	json_add_micro(&json, "debited", -recount->debits);
	json_add_micro(&json, "refunded", recount->given);
	json_add_bool(&json, "summary_ok", known && summary_agrees(recount, &order));
	json_add_bool(&json, "balance_ok",
		      known && funded && account.balance == recount->booked &&
			      recount->debits == -cost && recount->given == recount->refunds);
	json_end_object(&json);
}

static bool recount_pump(struct engine *engine, struct server_stream *stream, struct buffer *out,
			 size_t room)
{
	struct recount *recount = (void *)stream;
	struct store_txn *txn;
	(void)room;
	stream->due_ms = port_now_ms(engine->port);
	if (store_read_begin(engine->store, &txn) != STORE_OK)
		return true; /* it may be had the next time */
	if (!recount->messages_done) {
		count_messages(recount, txn);
	} else if (count_ledger(recount, txn)) {
		put_recount(recount, txn, out);
		stream->due_ms = INT64_MAX;
	}
	store_read_end(txn);
	return stream->due_ms != INT64_MAX;
}

void control_recount(struct api_call *call)
{
	static const char *const names[] = { "order", NULL };
	struct store_order order;
	int64_t number = api_query_number(call, "order", 0, 1, INT64_MAX);
	if (!number)
		api_flaw(call, "query", "order", -1, "missing", "order is missing");
	api_query_only(call, names);
	if (api_flawed(call, "shape") || !control_find_order(call, (uint64_t)number, &order))
		return;
	struct recount *recount = calloc(1, sizeof(*recount));
	if (!recount) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	recount->stream.pump = recount_pump;
	recount->stream.ends = true;
	recount->order = order.order;
	recount->account = order.account;
	call->stream = &recount->stream;
}

/* ---- store check ---- */

#define CHECK_SECONDS	   10 /* of the engine's time */
#define CHECK_SECONDS_MAX  300
#define CHECK_FINDINGS_MAX 100 /* told one by one; the rest is counted */

struct check {
	struct server_stream stream;
	struct engine *engine;
	int64_t until_ms;
	int64_t ids_since_ms;
	struct json_writer json;
	uint64_t told;
};

static void finding(void *arg, enum store_kind kind, const char *record, const char *what)
{
	struct check *check = arg;
	if (check->told == CHECK_FINDINGS_MAX)
		return;
	check->told++;
	json_begin_object(&check->json);
	json_add_text(&check->json, "kind", store_kind_name(kind));
	json_add_text(&check->json, "what", what);
	json_add_text(&check->json, "record", record);
	json_end_object(&check->json);
}

/* Ids that a receipt would still be matched by; older ones may have gone with their retention. */
static void ids_of(void *arg, const struct store_order *order, const struct store_seg *seg,
		   uint64_t msisdn, store_id_emit_fn *emit, void *to)
{
	const struct check *check = arg;
	struct evidence row;
	size_t offset = 0;
	char id[SMPP_ID_OCTETS];
	while (evidence_next(seg->evidence.at, seg->evidence.n, &offset, (int64_t)order->created_ms,
			     &row)) {
		size_t n = evidence_gives_id(&row) && (row.has_receipt || !row.code) &&
					   row.at_ms >= check->ids_since_ms ?
				   smpp_id_canonical(row.id.at, row.id.n, id) :
				   0;
		if (n && row.with_others)
			emit(to, match_shared_hash(check->engine->store, order->provider, id, n,
						   store_tail(msisdn) + 1));
		else if (n)
			emit(to, store_ids_hash(check->engine->store, order->provider,
						(const uint8_t *)id, n));
	}
}

static bool progress(void *arg, uint64_t done, uint64_t total)
{
	const struct check *check = arg;
	(void)done;
	(void)total;
	return port_now_ms(check->engine->port) < check->until_ms;
}

/*
 * One snapshot, one go: findings of a store that moves meanwhile would mean nothing. The engine
 * waits for it, and so does every link; that is what the time is for.
 */
static bool check_pump(struct engine *engine, struct server_stream *stream, struct buffer *out,
		       size_t room)
{
	struct check *check = (void *)stream;
	struct store_check walk = {
		.finding = finding, .progress = progress, .ids_of = ids_of, .arg = check
	};
	uint64_t records = 0;
	(void)room;
	check->json.out = out;
	json_begin_object(&check->json);
	json_key(&check->json, "list");
	json_begin_array(&check->json);
	int64_t since_ms = port_now_ms(engine->port);
	check->until_ms += since_ms;
	enum store_err err = store_check(engine->store, &walk);
	json_end_array(&check->json);
	for (size_t i = 0; i < STORE_KINDS; i++)
		records += walk.records[i];
	json_add_uint(&check->json, "records", records);
	json_add_uint(&check->json, "findings", walk.findings);
	json_add_bool(&check->json, "stopped", walk.stopped || err != STORE_OK);
	json_add_int(&check->json, "took_ms", port_now_ms(engine->port) - since_ms);
	json_add_text(&check->json, "error", err ? store_err_text(err) : NULL);
	json_end_object(&check->json);
	return false;
}

void control_store_check(struct api_call *call)
{
	static const char *const names[] = { "seconds", NULL };
	int64_t seconds = api_query_number(call, "seconds", CHECK_SECONDS, 1, CHECK_SECONDS_MAX);
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	struct check *check = calloc(1, sizeof(*check));
	if (!check) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	check->stream.pump = check_pump;
	check->stream.ends = true;
	check->engine = call->engine;
	check->until_ms = seconds * 1000;
	check->ids_since_ms =
		call->turn->at_ms - (int64_t)call->engine->config->retention.closed_ids_ms;
	call->stream = &check->stream;
	control_audit(call, "store check seconds=%lld", (long long)seconds);
}
