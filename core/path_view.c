/* The path of a message, written. See path_view.h. */
#include "core/path_view.h"

#include "core/admission.h"
#include "core/history.h"
#include "core/lifecycle.h"
#include "core/view.h"
#include "smpp/coding.h"

typedef void detail_fn(struct api_call *call, const struct path *path,
		       const struct path_step *step);

/* ---- what steps say ---- */

static void detail_received(struct api_call *call, const struct path *path,
			    const struct path_step *step)
{
	(void)step;
	struct store_account account = { .account = path->order->account };
	view_add_octets(&call->json, "request_id", path->order->request_id);
	if (store_account_get(call->turn->txn, &account) == STORE_OK)
		view_add_octets(&call->json, "account", account.name);
	view_add_key_id(&call->json, "key", path->order->key_id);
	json_add_bool(&call->json, "sandbox", path->order->sandbox);
}

static void detail_checked(struct api_call *call, const struct path *path,
			   const struct path_step *step)
{
	(void)path, (void)step;
	const char *name;
	json_key(&call->json, "checks");
	json_begin_array(&call->json);
	for (size_t i = 0; (name = admission_check_name(i)); i++)
		json_put_text(&call->json, name);
	json_end_array(&call->json);
}

static void detail_priced(struct api_call *call, const struct path *path,
			  const struct path_step *step)
{
	(void)step;
	view_add_number(&call->json, "prefix", path->order->prefix);
	json_add_micro(&call->json, "price", path->order->unit_price);
	char reason[CONTENT_REASON_OCTETS];
	json_add_uint(&call->json, "parts", orders_paid_parts(path->order));
	json_add_uint(&call->json, "segments", path->order->parts);
	json_add_text(&call->json, "encoding",
		      smpp_coding_name((enum smpp_alphabet)path->order->alphabet));
	json_add_text(&call->json, "encoding_reason", content_reason(path->order, reason));
	json_add_micro(&call->json, "cost", orders_message_cost(path->order));
}

/*
 * The ledger row of the order's debit. Rows rise in time as they rise in number, so it is found by
 * halving; after a step of the clock it may not be.
 */
static bool find_debit(struct store_txn *txn, const struct store_order *order,
		       struct store_ledger *debit)
{
	struct store_ledger row = { .account = order->account, .seq = UINT64_MAX };
	if (store_ledger_prev(txn, &row, 1))
		return false;
	uint64_t least = 0, most = row.seq;
	while (least < most) {
		uint64_t middle = least + (most - least) / 2;
		row.seq = middle;
		if (!store_ledger_seek(txn, &row, 1) && row.at_ms < order->created_ms)
			least = row.seq + 1;
		else
			most = middle;
	}
	debit->account = order->account;
	debit->seq = least;
	enum store_err err = store_ledger_seek(txn, debit, 1);
	while (!err && debit->at_ms == order->created_ms) {
		if (debit->order == order->order && debit->kind == STORE_LEDGER_DEBIT)
			return true;
		err = store_ledger_next(txn, debit, 1);
	}
	return false;
}

static void detail_debited(struct api_call *call, const struct path *path,
			   const struct path_step *step)
{
	(void)step;
	struct store_ledger debit;
	json_add_micro(&call->json, "amount", path->order->sandbox ? 0 : path->order->cost);
	json_add_bool(&call->json, "whole_order", path->order->total > 1);
	if (path->order->sandbox || !find_debit(call->turn->txn, path->order, &debit))
		return;
	json_add_micro(&call->json, "balance_before", debit.balance_after - debit.amount);
	json_add_micro(&call->json, "balance_after", debit.balance_after);
}

static void add_batch(struct json_writer *json, const struct path *path)
{
	json_add_uint(json, "batch", orders_batch_of(path->order, path->message->index) + 1);
	json_add_uint(json, "batch_size", path->order->batch_size);
}

static void detail_queued(struct api_call *call, const struct path *path,
			  const struct path_step *step)
{
	(void)step;
	json_add_uint(&call->json, "order_id", path->order->order);
	json_add_uint(&call->json, "of_messages", path->order->total);
	add_batch(&call->json, path);
	if (path->order->queued_before)
		json_add_uint(&call->json, "queued", path->order->queued_before - 1);
	json_add_uint(&call->json, "priority", path->order->priority);
	json_key(&call->json, "send_at");
	view_put_due(call, path->order->send_at_ms);
}

static void add_link(struct api_call *call, uint64_t session)
{
	char link[HISTORY_LINK_OCTETS];
	json_add_text(&call->json, "link", history_link(call->turn->txn, session, link));
}

static void detail_released(struct api_call *call, const struct path *path,
			    const struct path_step *step)
{
	const struct evidence *row = &step->row->evidence;
	const struct config_route *route =
		config_route_find(call->engine->config, path->order->route);
	json_add_uint(&call->json, "segment", step->row->segment + 1);
	json_add_uint(&call->json, "attempt", row->attempt);
	json_add_text(&call->json, "route", route ? route->name : NULL);
	add_link(call, row->session);
	add_batch(&call->json, path);
	json_add_uint(&call->json, "in_flight", row->in_flight);
	json_add_uint(&call->json, "queued", row->queued);
	if (row->rate_per_s)
		json_add_uint(&call->json, "rate_per_s", row->rate_per_s);
}

static void detail_submitted(struct api_call *call, const struct path *path,
			     const struct path_step *step)
{
	(void)path;
	const struct evidence *row = &step->row->evidence;
	json_add_uint(&call->json, "segment", step->row->segment + 1);
	json_add_uint(&call->json, "attempt", row->attempt);
}

/* What came of asking the provider to cancel or replace; NULL: the row tells of nothing asked. */
static const char *answer_word(const struct path_row *row)
{
	const struct evidence *evidence = &row->evidence;
	if (evidence->event != LIFE_ON_CANCEL_ANSWERED &&
	    evidence->event != LIFE_ON_REPLACE_ANSWERED)
		return NULL;
	if (evidence->has_code)
		return evidence->code ? "refused" : "agreed";
	return row->noted ? "not_sent" : "unanswered";
}

static void detail_event(struct api_call *call, const struct path *path,
			 const struct path_step *step)
{
	(void)path;
	struct json_writer *json = &call->json;
	const struct evidence *row = &step->row->evidence;
	json_add_uint(json, "segment", step->row->segment + 1);
	json_add_text(json, "event", life_event_name(row->event));
	json_add_text(json, "mark", life_mark_name(row->mark));
	if (answer_word(step->row))
		json_add_text(json, "answer", answer_word(step->row));
	if (row->has_submit) {
		json_add_uint(json, "attempt", row->attempt);
		if (row->has_code)
			json_add_uint(json, "rtt_ms", row->rtt_ms);
	}
	if (row->has_receipt) {
		add_link(call, row->receipt_session);
		json_add_text(json, "matched_by", evidence_rule_name(row->rule));
	}
}

static void detail_final(struct api_call *call, const struct path *path,
			 const struct path_step *step)
{
	const struct store_message *message = path->message;
	enum store_error error = (enum store_error)message->error;
	(void)step;
	json_add_text(&call->json, "status", life_shown((enum store_state)message->state, error));
	json_add_text(&call->json, "error", error ? store_error_name(error) : NULL);
	json_key(&call->json, "on_time");
	if (message->state == STORE_STATE_DELIVERED)
		json_put_bool(&call->json, message->flags & STORE_FLAG_ON_TIME);
	else
		json_put_null(&call->json);
}

static detail_fn *const details[PATH_WHATS] = {
	[PATH_RECEIVED] = detail_received,   [PATH_CHECKED] = detail_checked,
	[PATH_PRICED] = detail_priced,	     [PATH_DEBITED] = detail_debited,
	[PATH_QUEUED] = detail_queued,	     [PATH_RELEASED] = detail_released,
	[PATH_SUBMITTED] = detail_submitted, [PATH_EVENT] = detail_event,
	[PATH_FINAL] = detail_final,
};

/* ---- writing ---- */

int64_t path_view_stages(struct json_writer *json, const struct path *path)
{
	int64_t spent_ms[PATH_STAGES], total_ms = path_spent(path, spent_ms);
	json_key(json, "stages");
	json_begin_object(json);
	for (int stage = 0; stage < PATH_STAGES; stage++)
		json_add_int(json, path_stage_name((enum path_stage)stage), spent_ms[stage]);
	json_end_object(json);
	return total_ms;
}

static void write_steps(struct api_call *call, const struct path *path)
{
	struct json_writer *json = &call->json;
	int64_t begin_ms = (int64_t)path->order->created_ms, before_ms = begin_ms;
	json_key(json, "steps");
	json_begin_array(json);
	for (uint32_t i = 0; i < path->n_steps; i++) {
		const struct path_step *step = &path->steps[i];
		json_begin_object(json);
		json_add_text(json, "step", step->name);
		json_add_time(json, "at", step->at_ms);
		json_add_int(json, "offset_ms", step->at_ms - begin_ms);
		json_add_int(json, "took_ms", step->at_ms - before_ms);
		if (step->cause)
			json_add_text(json, "cause", step->cause);
		details[step->what](call, path, step);
		json_end_object(json);
		before_ms = step->at_ms;
	}
	json_end_array(json);
	json_add_int(json, "total_ms", path_view_stages(json, path));
}

/* What is out of the ordinary, by the message's flags and by the marks of its evidence. */
static void write_unusual(struct json_writer *json, const struct store_message *message,
			  const struct path *path)
{
	bool retried = false, late = false, duplicate = message->duplicates > 0, doubt = false;
	for (uint32_t i = 0; i < path->n_rows; i++) {
		const struct evidence *row = &path->rows[i].evidence;
		retried = retried || row->attempt > 1 || row->event == LIFE_ON_REFUSED_FOR_NOW;
		late = late || row->mark == LIFE_MARK_LATE;
		doubt = doubt || row->event == LIFE_ON_LOST;
	}
	const struct {
		bool is;
		const char *name;
	} words[] = {
		{ message->flags & STORE_FLAG_THROTTLED, "throttled" },
		{ retried, "retried" },
		{ doubt, "in_doubt" },
		{ late, "late_evidence" },
		{ duplicate, "duplicate_receipt" },
		{ message->flags & STORE_FLAG_CONTRADICTED, "contradicted" },
		{ message->flags & STORE_FLAG_POSSIBLE_DUPLICATE, "possible_duplicate" },
		{ message->flags & STORE_FLAG_NO_MESSAGE_ID, "no_message_id" },
		{ message->flags & STORE_FLAG_BY_CORRELATION, "resolved_by_correlation" },
		{ message->flags & STORE_FLAG_LATE, "delivered_late" },
		{ path->damaged, "evidence_damaged" },
		{ path->cut, "evidence_cut" },
	};
	json_key(json, "unusual");
	json_begin_array(json);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].is)
			json_put_text(json, words[i].name);
	json_end_array(json);
}

static void write_path(struct api_call *call, const struct path *path)
{
	const struct store_order *order = path->order;
	const struct store_message *message = path->message;
	struct json_writer *json = &call->json;
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_key(json, "message");
	view_dlr(call, order, message);
	write_steps(call, path);
	write_unusual(json, message, path);
	json_add_micro(json, "cost", orders_message_cost(order));
	json_add_micro(json, "refund", message->refund);
	json_end_object(json);
}

void path_view(struct api_call *call, const struct store_order *order,
	       const struct store_message *message)
{
	struct path path;
	if (path_init(&path)) {
		path_collect(&path, call->engine, call->turn->txn, order, message);
		write_path(call, &path);
	} else {
		turn_fail(call->turn, STORE_FULL);
	}
	path_release(&path);
}
