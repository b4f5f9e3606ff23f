/* The path of a message, from its evidence. See path.h. */
#include "core/path.h"

#include <stdlib.h>
#include <string.h>

#include "core/admission.h"
#include "core/engine.h"
#include "core/history.h"
#include "core/lifecycle.h"
#include "core/route.h"
#include "core/view.h"

#define ROWS_MAX 400 /* evidence rows that are told; a throttled message may have more */

/* Where the time between a step and the one before it went. */
enum stage {
	STAGE_ACCEPT,
	STAGE_QUEUE,	/* until it was released */
	STAGE_WINDOW,	/* until its last octet left */
	STAGE_PROVIDER, /* until it was answered */
	STAGE_DELIVERY, /* until a receipt, or a deadline */
	STAGES
};
static const char *const stage_names[STAGES] = {
	[STAGE_ACCEPT] = "accept_ms",	  [STAGE_QUEUE] = "queue_ms",
	[STAGE_WINDOW] = "window_ms",	  [STAGE_PROVIDER] = "provider_ms",
	[STAGE_DELIVERY] = "delivery_ms",
};

/* What a row of evidence is called as a step. */
static const struct {
	const char *name;
	enum stage stage;
} of_event[] = {
	[LIFE_ON_RELEASED] = { "released", STAGE_QUEUE },
	[LIFE_ON_UNSENT] = { "unsent", STAGE_WINDOW },
	[LIFE_ON_LOST] = { "unanswered", STAGE_PROVIDER },
	[LIFE_ON_ACCEPTED] = { "answered", STAGE_PROVIDER },
	[LIFE_ON_REFUSED_FOR_NOW] = { "answered", STAGE_PROVIDER },
	[LIFE_ON_REFUSED] = { "answered", STAGE_PROVIDER },
	[LIFE_ON_EARLIER_REFUSED] = { "answered", STAGE_PROVIDER },
	[LIFE_ON_RECEIPT_DELIVERED] = { "receipt", STAGE_DELIVERY },
	[LIFE_ON_RECEIPT_BEATS] = { "receipt", STAGE_DELIVERY },
	[LIFE_ON_RECEIPT_FAILED] = { "receipt", STAGE_DELIVERY },
	[LIFE_ON_RECEIPT_EXPIRED] = { "receipt", STAGE_DELIVERY },
	[LIFE_ON_RECEIPT_PENDING] = { "receipt", STAGE_DELIVERY },
	[LIFE_ON_RECEIPT_UNKNOWN] = { "receipt", STAGE_DELIVERY },
	[LIFE_ON_RECEIPT_UNKNOWN_FINAL] = { "receipt", STAGE_DELIVERY },
	[LIFE_ON_QUEUE_DEADLINE] = { "deadline", STAGE_QUEUE },
	[LIFE_ON_QUEUE_REFUSED] = { "deadline", STAGE_QUEUE },
	[LIFE_ON_RECEIPT_DEADLINE] = { "deadline", STAGE_DELIVERY },
	[LIFE_ON_CANCELLED] = { "cancelled", STAGE_QUEUE },
	[LIFE_ON_SIBLING_FAILED] = { "ended", STAGE_QUEUE },
	[LIFE_ON_SIBLING_EXPIRED] = { "ended", STAGE_QUEUE },
	[LIFE_ON_RESEND] = { "resent", STAGE_DELIVERY },
	[LIFE_ON_QUERIED] = { "queried", STAGE_DELIVERY },
	[LIFE_ON_CANCEL_ASKED] = { "cancel_asked", STAGE_DELIVERY },
	[LIFE_ON_CANCEL_ANSWERED] = { "cancel_answered", STAGE_DELIVERY },
	[LIFE_ON_REPLACE_ASKED] = { "replace_asked", STAGE_DELIVERY },
	[LIFE_ON_REPLACE_ANSWERED] = { "replace_answered", STAGE_DELIVERY },
};
_Static_assert(sizeof(of_event) / sizeof(of_event[0]) == LIFE_EVENTS, "every event");

/* Evidence kept beyond the walk that found it, and without what it borrowed: its octets. */
struct row {
	struct evidence evidence;
	uint32_t segment;
	bool noted; /* it has a note */
};

struct path;
struct step;
typedef void detail_fn(struct api_call *call, const struct path *path, const struct step *step);

struct step {
	const char *name;
	enum stage stage;
	int64_t at_ms;
	uint32_t number;       /* in the order they were found */
	const struct row *row; /* NULL: of acceptance */
	detail_fn *detail;
	const char *cause;
};

/* Three steps for each row at most, and those of acceptance. */
struct path {
	const struct store_order *order;
	const struct store_message *message;
	struct row *rows;
	struct step *steps;
	uint32_t n_rows, n_steps;
	bool cut, damaged;
};

#define STEPS_MAX (3 * ROWS_MAX + 8)

static struct step *add(struct path *path, const char *name, enum stage stage, int64_t at_ms,
			detail_fn *detail)
{
	struct step *step = &path->steps[path->n_steps];
	*step = (struct step){ .name = name,
			       .stage = stage,
			       .at_ms = at_ms,
			       .number = path->n_steps++,
			       .detail = detail };
	return step;
}

/* ---- what steps say ---- */

static void detail_received(struct api_call *call, const struct path *path, const struct step *step)
{
	(void)step;
	struct store_account account = { .account = path->order->account };
	view_add_octets(&call->json, "request_id", path->order->request_id);
	if (store_account_get(call->turn->txn, &account) == STORE_OK)
		view_add_octets(&call->json, "account", account.name);
	view_add_key_id(&call->json, "key", path->order->key_id);
	json_add_bool(&call->json, "sandbox", path->order->sandbox);
}

static void detail_checked(struct api_call *call, const struct path *path, const struct step *step)
{
	(void)path, (void)step;
	const char *name;
	json_key(&call->json, "checks");
	json_begin_array(&call->json);
	for (size_t i = 0; (name = admission_check_name(i)); i++)
		json_put_text(&call->json, name);
	json_end_array(&call->json);
}

static void detail_priced(struct api_call *call, const struct path *path, const struct step *step)
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

static void detail_debited(struct api_call *call, const struct path *path, const struct step *step)
{
	(void)step;
	struct store_ledger debit;
	json_add_micro(&call->json, "amount", path->order->cost);
	json_add_bool(&call->json, "whole_order", path->order->total > 1);
	if (path->order->sandbox || !find_debit(call->turn->txn, path->order, &debit))
		return;
	json_add_micro(&call->json, "balance_before", debit.balance_after - debit.amount);
	json_add_micro(&call->json, "balance_after", debit.balance_after);
}

static void detail_queued(struct api_call *call, const struct path *path, const struct step *step)
{
	(void)step;
	json_add_uint(&call->json, "order_id", path->order->order);
	json_add_uint(&call->json, "of_messages", path->order->total);
	json_add_uint(&call->json, "priority", path->order->priority);
	json_key(&call->json, "send_at");
	view_put_due(call, path->order->send_at_ms);
}

static void add_link(struct api_call *call, uint64_t session)
{
	char link[HISTORY_LINK_OCTETS];
	json_add_text(&call->json, "link", history_link(call->turn->txn, session, link));
}

static void detail_released(struct api_call *call, const struct path *path, const struct step *step)
{
	const struct evidence *row = &step->row->evidence;
	const struct config_route *route =
		config_route_find(call->engine->config, path->order->route);
	json_add_uint(&call->json, "segment", step->row->segment + 1);
	json_add_uint(&call->json, "attempt", row->attempt);
	json_add_text(&call->json, "route", route ? route->name : NULL);
	add_link(call, row->session);
	json_add_uint(&call->json, "in_flight", row->in_flight);
	json_add_uint(&call->json, "queued", row->queued);
}

static void detail_submitted(struct api_call *call, const struct path *path,
			     const struct step *step)
{
	(void)path;
	const struct evidence *row = &step->row->evidence;
	json_add_uint(&call->json, "segment", step->row->segment + 1);
	json_add_uint(&call->json, "attempt", row->attempt);
}

/* What came of asking the provider to cancel or replace; NULL: the row tells of nothing asked. */
static const char *answer_word(const struct row *row)
{
	const struct evidence *evidence = &row->evidence;
	if (evidence->event != LIFE_ON_CANCEL_ANSWERED &&
	    evidence->event != LIFE_ON_REPLACE_ANSWERED)
		return NULL;
	if (evidence->has_code)
		return evidence->code ? "refused" : "agreed";
	return row->noted ? "not_sent" : "unanswered";
}

static void detail_event(struct api_call *call, const struct path *path, const struct step *step)
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
		json_add_uint(json, "rtt_ms", row->rtt_ms);
	}
	if (row->has_receipt) {
		add_link(call, row->receipt_session);
		json_add_text(json, "matched_by", evidence_rule_name(row->rule));
	}
}

static void detail_final(struct api_call *call, const struct path *path, const struct step *step)
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

/* ---- finding the steps ---- */

static void keep(struct path *path, const struct evidence *evidence, uint32_t segment)
{
	if (path->n_rows == ROWS_MAX) {
		path->cut = true;
		return;
	}
	struct row *row = &path->rows[path->n_rows++];
	row->evidence = *evidence;
	row->segment = segment;
	row->noted = evidence->note.n;
	struct evidence *kept = &row->evidence;
	kept->id = kept->err = kept->note = kept->remarks = (struct smpp_octets){ 0 };
	if (kept->has_submit) {
		/* Two clocks rounded to milliseconds may disagree by one. */
		int64_t sent_ms = kept->released_ms + kept->sent_after_ms;
		sent_ms = sent_ms < kept->at_ms ? sent_ms : kept->at_ms;
		add(path, "released", STAGE_QUEUE, kept->released_ms, detail_released)->row = row;
		if (kept->event != LIFE_ON_UNSENT)
			add(path, "submitted", STAGE_WINDOW, sent_ms, detail_submitted)->row = row;
	}
	bool closed = kept->by_operator && kept->event == LIFE_ON_RECEIPT_DEADLINE;
	struct step *step = add(path, closed ? "closed" : of_event[kept->event].name,
				of_event[kept->event].stage, kept->at_ms, detail_event);
	step->row = row;
	step->cause = evidence_told(kept);
}

static void collect_segments(struct api_call *call, struct path *path)
{
	const struct store_order *order = path->order;
	struct history *history = malloc(sizeof(*history));
	struct store_message again = *path->message; /* its octets are still the original's */
	struct store_segment segment;
	struct evidence row;
	if (!history) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	for (uint32_t n = 0; n < order->parts; n++) {
		struct segment_ref ref = { order->order, path->message->index, n };
		const struct store_seg *seg =
			history_segment(call->turn->txn, order, ref, &again, &segment);
		path->damaged = path->damaged || !seg;
		if (!seg)
			continue;
		history_begin(history, call->turn->txn, order, ref, seg);
		while (history_next(history, &row))
			keep(path, &row, n);
		path->damaged = path->damaged || history->damaged;
	}
	free(history);
}

static void collect(struct api_call *call, struct path *path)
{
	int64_t at_ms = (int64_t)path->order->created_ms;
	add(path, "received", STAGE_ACCEPT, at_ms, detail_received);
	add(path, "checked", STAGE_ACCEPT, at_ms, detail_checked);
	add(path, "priced", STAGE_ACCEPT, at_ms, detail_priced);
	add(path, "debited", STAGE_ACCEPT, at_ms, detail_debited);
	add(path, "queued", STAGE_ACCEPT, at_ms, detail_queued);
	collect_segments(call, path);
	if (path->message->final_ms)
		add(path, "final", STAGE_DELIVERY, (int64_t)path->message->final_ms, detail_final);
}

static int by_time(const void *a, const void *b)
{
	const struct step *x = a, *y = b;
	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* ---- writing ---- */

static void write_steps(struct api_call *call, const struct path *path)
{
	struct json_writer *json = &call->json;
	int64_t begin_ms = (int64_t)path->order->created_ms, before_ms = begin_ms,
		spent_ms[STAGES] = { 0 };
	json_key(json, "steps");
	json_begin_array(json);
	for (uint32_t i = 0; i < path->n_steps; i++) {
		const struct step *step = &path->steps[i];
		json_begin_object(json);
		json_add_text(json, "step", step->name);
		json_add_time(json, "at", step->at_ms);
		json_add_int(json, "offset_ms", step->at_ms - begin_ms);
		json_add_int(json, "took_ms", step->at_ms - before_ms);
		if (step->cause)
			json_add_text(json, "cause", step->cause);
		step->detail(call, path, step);
		json_end_object(json);
		spent_ms[step->stage] += step->at_ms - before_ms;
		before_ms = step->at_ms;
	}
	json_end_array(json);
	json_key(json, "stages");
	json_begin_object(json);
	for (int stage = 0; stage < STAGES; stage++)
		json_add_int(json, stage_names[stage], spent_ms[stage]);
	json_end_object(json);
	json_add_int(json, "total_ms", before_ms - begin_ms);
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
	json_add_micro(json, "cost", order->sandbox ? 0 : orders_message_cost(order));
	json_add_micro(json, "refund", message->refund);
	json_end_object(json);
}

void path_write(struct api_call *call, const struct store_order *order,
		const struct store_message *message)
{
	struct path path = { .order = order,
			     .message = message,
			     .rows = calloc(ROWS_MAX, sizeof(*path.rows)),
			     .steps = calloc(STEPS_MAX, sizeof(*path.steps)) };
	if (path.rows && path.steps)
		collect(call, &path);
	else
		turn_fail(call->turn, STORE_FULL);
	if (path.steps && !turn_failed(call->turn)) {
		qsort(path.steps, path.n_steps, sizeof(*path.steps), by_time);
		write_path(call, &path);
	}
	free(path.rows);
	free(path.steps);
}
