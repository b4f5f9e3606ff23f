/* Orders and messages as operators see them: with provider ids, links and evidence. See control.h. */
#include "core/control.h"

#include <stdio.h>
#include <string.h>

#include "core/compare.h"
#include "core/explain.h"
#include "core/history.h"
#include "core/lifecycle.h"
#include "core/orders.h"
#include "core/provider.h"
#include "core/remarks.h"
#include "core/timeline.h"
#include "core/view.h"
#include "smpp/time.h"

#define LIMIT_MAX      500
#define LOOKED_AT_MAX  5000 /* messages, to answer one request for some of them */
#define ROWS_SHOWN_MAX 500  /* of evidence, of one segment */
#define PARAM_NUMBERS  "numbers"

static void put_due(struct api_call *call, const char *key, uint64_t due_ms)
{
	json_key(&call->json, key);
	view_put_due(call, due_ms);
}

/* ---- orders ---- */

/* What clients see of it, and whose it is. */
static void put_order(struct api_call *call, const struct store_order *order)
{
	const struct config_route *route = config_route_find(call->engine->config, order->route);
	view_order_members(call, order);
	control_add_account(call, "account", order->account);
	control_add_carrier(call, route, order);
}

void control_orders(struct api_call *call)
{
	static const char *const names[] = { "limit", "before", NULL };
	struct json_writer *json = &call->json;
	int64_t limit = api_query_number(call, "limit", 20, 1, LIMIT_MAX);
	int64_t before = api_query_number(call, "before", INT64_MAX, 1, INT64_MAX);
	struct store_order order = { .order = (uint64_t)before };
	uint64_t last = 0;
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	json_begin_object(json);
	json_key(json, "orders");
	json_begin_array(json);
	enum store_err err = store_order_prev(call->turn->txn, &order, 0);
	for (; limit && (!err || err == STORE_CORRUPT);
	     err = store_order_prev(call->turn->txn, &order, 0), limit--) {
		last = order.order;
		json_begin_object(json);
		if (err)
			json_add_uint(json, "order_id", last); /* nothing else of it can be read */
		else
			put_order(call, &order);
		json_end_object(json);
	}
	control_end_list(json, err, last);
}

void control_order(struct api_call *call)
{
	struct json_writer *json = &call->json;
	struct store_order order;
	if (!control_find_order(call, api_number(call, 0), &order))
		return;
	json_begin_object(json);
	put_order(call, &order);
	json_add_uint(json, "released", order.released);
	view_add_octets(json, "caller_id", order.caller_id);
	view_add_octets(json, "request_id", order.request_id);
	view_add_key_id(json, "key", order.key_id);
	put_due(call, "send_at", order.send_at_ms);
	put_due(call, "queue_deadline", order.queue_deadline_ms);
	json_end_object(json);
}

void control_timeline(struct api_call *call)
{
	static const char *const names[] = { NULL };
	struct store_order order;
	api_query_only(call, names);
	if (!api_flawed(call, "shape") && control_find_order(call, api_number(call, 0), &order))
		timeline_answer(call, &order);
}

/* ---- messages ---- */

static void put_message(struct api_call *call, const struct store_order *order,
			const struct store_message *message, bool full)
{
	struct json_writer *json = &call->json;
	char id[MESSAGE_ID_OCTETS], digits[24];
	enum store_state state = (enum store_state)message->state;
	enum store_error error = (enum store_error)message->error;
	message_id_write(call->engine->store, message->order, message->index, id);
	json_add_text(json, "bx_message_id", id);
	json_add_uint(json, "index", message->index);
	json_add_text(json, "msisdn", control_msisdn(message->msisdn, full, digits));
	json_add_text(json, "status", life_shown(state, error));
	json_add_bool(json, "final", life_is_final(state));
	json_add_text(json, "error", error ? store_error_name(error) : NULL);
	json_add_text(json, "stage", error ? store_error_stage(error) : NULL);
	json_add_uint(json, "attempts", message->seg.attempts);
	control_add_time(json, "created_at", order->created_ms);
	control_add_time(json, "updated_at", message->updated_ms);
	control_add_time(json, "final_at", message->final_ms);
}

/* True when the query names a status that there is, or none; an unknown one is a flaw. */
static void read_status(struct api_call *call, char wanted[16])
{
	if (!api_query_text(call, "status", wanted, 16))
		return;
	for (int i = 0; i < STORE_STATES; i++)
		if (!strcmp(wanted, store_state_shown((enum store_state)i)))
			return;
	api_flaw(call, "query", "status", -1, "enum",
		 "status must be QUEUED, SENT, DELIVERED, FAILED, EXPIRED or UNKNOWN");
}

static bool read_full(struct api_call *call)
{
	return api_query_number(call, PARAM_NUMBERS, 0, 0, 1) == 1;
}

void control_messages(struct api_call *call)
{
	static const char *const names[] = { "limit", "from", "status", PARAM_NUMBERS, NULL };
	struct json_writer *json = &call->json;
	struct store_order order;
	char wanted[16] = "";
	int64_t limit = api_query_number(call, "limit", 20, 1, LIMIT_MAX);
	int64_t from = api_query_number(call, "from", 0, 0, UINT32_MAX);
	bool full = read_full(call);
	read_status(call, wanted);
	api_query_only(call, names);
	if (api_flawed(call, "shape") || !control_find_order(call, api_number(call, 0), &order))
		return;
	struct store_message message = { .order = order.order, .index = (uint32_t)from };
	int looked_at = 0;
	json_begin_object(json);
	json_key(json, "messages");
	json_begin_array(json);
	enum store_err err = store_message_seek(call->turn->txn, &message, 1);
	for (; limit && looked_at < LOOKED_AT_MAX && (!err || err == STORE_CORRUPT);
	     err = store_message_next(call->turn->txn, &message, 1), looked_at++) {
		const char *shown = err ? "" :
					  life_shown((enum store_state)message.state,
						     (enum store_error)message.error);
		if (err || (*wanted && strcmp(shown, wanted) != 0))
			continue;
		limit--;
		json_begin_object(json);
		put_message(call, &order, &message, full);
		json_end_object(json);
	}
	control_end_list(json, err, message.index);
}

/* ---- evidence ---- */

static void put_submit(struct api_call *call, const struct evidence *row)
{
	struct json_writer *json = &call->json;
	char link[HISTORY_LINK_OCTETS];
	json_add_uint(json, "attempt", row->attempt);
	json_add_text(json, "link", history_link(call->turn->txn, row->session, link));
	json_add_uint(json, "session", row->session);
	json_add_uint(json, "sequence_number", row->sequence_number);
	control_add_time(json, "released_at", (uint64_t)row->released_ms);
	json_add_uint(json, "sent_after_ms", row->sent_after_ms);
	json_add_uint(json, "rtt_ms", row->rtt_ms);
	json_add_uint(json, "in_flight", row->in_flight);
	json_add_uint(json, "queued", row->queued);
}

static void add_words(struct json_writer *json, const char *key, struct smpp_octets words)
{
	if (words.n)
		view_add_octets(json, key, (struct store_octets){ words.at, words.n });
}

/* The date as it stood, and what it may mean by the provider's zone. */
static void add_date(struct json_writer *json, const char *key, const char *guess_key,
		     struct smpp_octets date, int32_t zone_s)
{
	int64_t at_ms;
	if (!date.n)
		return;
	add_words(json, key, date);
	if (!smpp_time_guess((const char *)date.at, date.n, zone_s, &at_ms))
		json_add_time(json, guess_key, at_ms);
	else
		json_add_null(json, guess_key);
}

static void put_vendor_tlvs(struct json_writer *json, const struct remarks *remarks)
{
	uint32_t offset = 0;
	uint16_t tag;
	struct smpp_octets value;
	if (!remarks->tlvs.n)
		return;
	json_key(json, "vendor_tlvs");
	json_begin_array(json);
	while (remarks_tlv(remarks, &offset, &tag, &value)) {
		char name[8], hex[2 * REMARKS_TLV_OCTETS + 1] = "";
		snprintf(name, sizeof(name), "0x%04X", tag);
		for (uint32_t i = 0; i < value.n && i < REMARKS_TLV_OCTETS; i++)
			snprintf(hex + 2 * (size_t)i, 3, "%02x", value.at[i]);
		json_begin_object(json);
		json_add_text(json, "tag", name);
		json_add_text(json, "hex", hex);
		json_end_object(json);
	}
	json_end_array(json);
}

static void put_remarks(struct api_call *call, const struct store_order *order,
			const struct evidence *row)
{
	struct json_writer *json = &call->json;
	const struct provider *provider = provider_numbered(call->engine, order->provider);
	int32_t zone_s = provider ? (int32_t)provider->config->receipt_zone_minutes * 60 : 0;
	struct remarks remarks;
	remarks_decode(row->remarks, &remarks);
	add_words(json, "stat", remarks.stat);
	if (remarks.has_message_state)
		json_add_uint(json, "message_state", remarks.message_state);
	add_date(json, "submit_date", "submit_date_guess", remarks.submit_date, zone_s);
	add_date(json, "done_date", "done_date_guess", remarks.done_date, zone_s);
	if (remarks.has_network_error) {
		json_add_uint(json, "network_type", remarks.network_type);
		json_add_uint(json, "network_error_code", remarks.network_error);
	}
	put_vendor_tlvs(json, &remarks);
	if (remarks.waited_ms)
		json_add_uint(json, "waited_ms", remarks.waited_ms);
}

static void put_evidence(struct api_call *call, const struct store_order *order,
			 const struct evidence *row)
{
	struct json_writer *json = &call->json;
	char link[HISTORY_LINK_OCTETS], code[SMPP_STATUS_TEXT_OCTETS];
	json_begin_object(json);
	control_add_time(json, "at", (uint64_t)row->at_ms);
	json_add_int(json, "offset_ms", row->at_ms - (int64_t)order->created_ms);
	json_add_text(json, "event", life_event_name(row->event));
	json_add_text(json, "mark", life_mark_name(row->mark));
	if (row->has_submit)
		put_submit(call, row);
	if (row->has_code) {
		json_add_uint(json, "code", row->code);
		json_add_text(json, "code_name", history_code_name(row, code));
	}
	if (row->has_receipt) {
		json_add_text(json, "receipt_link",
			      history_link(call->turn->txn, row->receipt_session, link));
		json_add_uint(json, "receipt_session", row->receipt_session);
		json_add_text(json, "matched_by", evidence_rule_name(row->rule));
		json_add_uint(json, "receipt_flags", row->receipt_flags);
		put_remarks(call, order, row);
	}
	if (row->by_operator)
		json_add_bool(json, "by_operator", true);
	if (row->with_others)
		json_add_bool(json, "with_others", true);
	if (row->id.n)
		view_add_octets(json, "provider_message_id",
				(struct store_octets){ row->id.at, row->id.n });
	if (row->err.n)
		view_add_octets(json, "err", (struct store_octets){ row->err.at, row->err.n });
	if (row->note.n)
		view_add_octets(json, "note", (struct store_octets){ row->note.at, row->note.n });
	json_end_object(json);
}

static void put_segment(struct api_call *call, const struct store_order *order,
			struct segment_ref ref, const struct store_seg *seg)
{
	struct json_writer *json = &call->json;
	struct history history;
	struct evidence row;
	int shown = 0;
	json_begin_object(json);
	json_add_uint(json, "segment", ref.segment);
	json_add_text(json, "state", store_state_name((enum store_state)seg->state));
	json_add_text(json, "error", store_error_name((enum store_error)seg->error));
	json_add_uint(json, "attempts", seg->attempts);
	json_add_uint(json, "open_attempts", seg->open_attempts);
	json_add_uint(json, "provider_status", seg->provider_status);
	put_due(call, "due_at", seg->due_ms);
	put_due(call, "doubt_since", seg->doubt_since_ms);
	json_key(json, "evidence");
	json_begin_array(json);
	history_begin(&history, call->turn->txn, order, ref, seg);
	while (shown < ROWS_SHOWN_MAX && history_next(&history, &row)) {
		put_evidence(call, order, &row);
		shown++;
	}
	json_end_array(json);
	json_add_bool(json, "evidence_complete", shown < ROWS_SHOWN_MAX && !history.damaged);
	json_end_object(json);
}

static void put_segments(struct api_call *call, const struct store_order *order,
			 struct store_message *message)
{
	struct store_segment segment;
	json_key(&call->json, "segments");
	json_begin_array(&call->json);
	for (uint32_t n = 0; n < order->parts; n++) {
		struct segment_ref ref = { order->order, message->index, n };
		const struct store_seg *seg =
			history_segment(call->turn->txn, order, ref, message, &segment);
		if (seg)
			put_segment(call, order, ref, seg);
	}
	json_end_array(&call->json);
}

static void put_flags(struct json_writer *json, uint32_t flags)
{
	json_key(json, "flags");
	json_begin_array(json);
	for (unsigned bit = 0; store_flag_name(bit); bit++)
		if (flags & 1u << bit)
			json_put_text(json, store_flag_name(bit));
	json_end_array(json);
}

bool control_named_message(struct api_call *call, const char *id, struct store_order *order,
			   struct store_message *message)
{
	uint64_t number = 0;
	uint32_t index = 0;
	if (!message_id_read(call->engine->store, id, &number, &index)) {
		api_refuse_not_found(call, "There is no message of that id.");
		return false;
	}
	if (!control_find_order(call, number, order))
		return false;
	message->order = number;
	message->index = index;
	enum store_err err = store_message_get(call->turn->txn, message);
	if (err == STORE_NOTFOUND)
		api_refuse_not_found(call, "There is no message of that id.");
	else if (err == STORE_CORRUPT)
		api_refuse_unavailable(call, "store_corrupt",
				       "The message's record is corrupt; run: esmectl store check");
	else
		turn_fail(call->turn, err);
	return err == STORE_OK;
}

bool control_find_message(struct api_call *call, struct store_order *order,
			  struct store_message *message)
{
	static const char *const names[] = { PARAM_NUMBERS, NULL };
	api_query_only(call, names);
	return !api_flawed(call, "shape") &&
	       control_named_message(call, call->params[0], order, message);
}

void control_compare(struct api_call *call)
{
	static const char *const names[] = { "a", "b", PARAM_NUMBERS, NULL };
	struct compare_pair pair = { .masked = !read_full(call) };
	if (!compare_ids(call, &pair, names))
		return;
	for (int k = 0; k < 2; k++)
		if (!control_named_message(call, pair.ids[k], &pair.orders[k], &pair.messages[k]))
			return;
	compare_answer(call, &pair);
}

void control_message(struct api_call *call)
{
	struct json_writer *json = &call->json;
	struct store_order order;
	struct store_message message;
	bool full = read_full(call);
	if (!control_find_message(call, &order, &message))
		return;
	json_begin_object(json);
	put_message(call, &order, &message, full);
	json_add_uint(json, "order_id", order.order);
	json_add_uint(json, "route_id", order.route);
	control_add_account(call, "account", order.account);
	json_add_text(json, "state", store_state_name((enum store_state)message.state));
	put_flags(json, message.flags);
	json_add_text(json, "resolved_by",
		      message.flags & STORE_FLAG_BY_CORRELATION ?
			      evidence_rule_name(EVIDENCE_RULE_CORRELATION) :
			      NULL);
	json_add_uint(json, "duplicates", message.duplicates);
	json_add_micro(json, "refund", message.refund);
	put_segments(call, &order, &message);
	json_end_object(json);
}

void control_explain(struct api_call *call)
{
	struct store_order order;
	struct store_message message;
	char digits[24], name[72];
	bool full = read_full(call);
	if (!control_find_message(call, &order, &message))
		return;
	struct store_account account = { .account = order.account };
	if (store_account_get(call->turn->txn, &account) != STORE_OK)
		account.name.n = 0;
	snprintf(name, sizeof(name), "%.*s", (int)account.name.n, (const char *)account.name.at);
	struct explain explain = {
		.turn = call->turn,
		.order = &order,
		.message = &message,
		.id = call->params[0],
		.msisdn = control_msisdn(message.msisdn, full, digits),
		.account = name,
	};
	json_begin_object(&call->json);
	explain_message(&explain, &call->json);
	json_end_object(&call->json);
}
