/*
 * Orphans for operators: receipts that belong to nothing, and joining one to its message, from
 * either side. All that is decided here is durable. See control.h.
 */
#include "core/control.h"

#include <stdio.h>

#include "core/correlate.h"
#include "core/history.h"
#include "core/lifecycle.h"
#include "core/view.h"

#define LIMIT_MAX 500

/* ---- the list ---- */

static void add_provider(struct api_call *call, uint32_t number)
{
	struct store_provider provider = { .number = number };
	if (store_provider_get(call->turn->txn, &provider) == STORE_OK)
		view_add_octets(&call->json, "provider", provider.name);
	else
		json_add_text(&call->json, "provider", NULL);
}

static void put_orphan(struct api_call *call, const struct store_orphan *orphan, bool full)
{
	struct json_writer *json = &call->json;
	char dest[22], link[HISTORY_LINK_OCTETS];
	int n = snprintf(dest, sizeof(dest), "%.*s", (int)orphan->dest.n,
			 (const char *)orphan->dest.at);
	for (int i = 0; !full && i < n - 3; i++)
		dest[i] = '*';
	add_provider(call, orphan->provider);
	json_add_text(json, "link", history_link(call->turn->txn, orphan->session, link));
	control_add_time(json, "at", orphan->at_ms);
	json_add_int(json, "age_ms", call->turn->at_ms - (int64_t)orphan->at_ms);
	json_add_text(json, "reason", orphan_reason_text((enum orphan_reason)orphan->reason));
	view_add_octets(json, "id", orphan->id);
	json_add_text(json, "destination", n ? dest : NULL);
	json_add_uint(json, "pdu_octets", orphan->pdu_octets);
}

void control_orphans(struct api_call *call)
{
	static const char *const names[] = { "limit", "before", "numbers", NULL };
	struct json_writer *json = &call->json;
	int64_t limit = api_query_number(call, "limit", 20, 1, LIMIT_MAX);
	int64_t before = api_query_number(call, "before", INT64_MAX, 1, INT64_MAX);
	bool full = api_query_number(call, "numbers", 0, 0, 1) == 1;
	struct store_orphan orphan = { .seq = (uint64_t)before };
	uint64_t last = 0;
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	json_begin_object(json);
	json_add_uint(json, "total", store_count(call->turn->txn, STORE_KIND_ORPHAN));
	json_key(json, "orphans");
	json_begin_array(json);
	enum store_err err = store_orphan_prev(call->turn->txn, &orphan, 0);
	for (; limit && (!err || err == STORE_CORRUPT);
	     err = store_orphan_prev(call->turn->txn, &orphan, 0), limit--) {
		last = orphan.seq;
		json_begin_object(json);
		json_add_uint(json, "seq", last);
		if (!err)
			put_orphan(call, &orphan, full);
		json_end_object(json);
	}
	control_end_list(json, err, last);
}

/* ---- what is done to one ---- */

/* False: it has been answered, or the turn failed. */
static bool find_orphan(struct api_call *call, struct store_orphan *orphan)
{
	enum store_err err = store_orphan_get(call->turn->txn, orphan);
	if (err == STORE_NOTFOUND) {
		api_refuse_not_found(call, "There is no orphan of that number.");
	} else if (err == STORE_CORRUPT) {
		api_refuse_unavailable(call, "store_corrupt",
				       "The orphan's record is corrupt; run: esmectl store check");
	} else {
		turn_fail(call->turn, err);
	}
	return err == STORE_OK;
}

void control_orphan_drop(struct api_call *call)
{
	struct json_writer *json = &call->json;
	struct store_orphan orphan = { .seq = api_number(call, 0) };
	if (!find_orphan(call, &orphan))
		return;
	orphans_drop(call->turn, &orphan);
	control_audit(call, "orphan %llu: dropped, id %.*s", (unsigned long long)orphan.seq,
		      (int)orphan.id.n, (const char *)orphan.id.at);
	json_begin_object(json);
	json_add_uint(json, "orphan", orphan.seq);
	json_add_text(json, "action", "drop");
	json_add_bool(json, "durable", true);
	view_add_octets(json, "id", orphan.id);
	json_end_object(json);
}

/* ---- joining ---- */

/* How far a segment is from an outcome: what a receipt is most likely about. */
static int openness(const struct store_seg *seg)
{
	switch ((enum store_state)seg->state) {
	case STORE_STATE_IN_DOUBT:
		return 3;
	case STORE_STATE_UNKNOWN:
		return 2;
	case STORE_STATE_SENT:
		return 1;
	case STORE_STATE_QUEUED:
	case STORE_STATE_SUBMITTED:
	case STORE_STATE_DELIVERED:
	case STORE_STATE_FAILED:
	case STORE_STATE_EXPIRED:
	case STORE_STATES:
		break;
	}
	return 0;
}

/* The part that was named, or the only one that is farthest from an outcome. */
static bool choose_part(struct api_call *call, const struct store_order *order,
			struct store_message *message, int64_t part, struct segment_ref *ref)
{
	struct store_segment segment;
	int most = 0;
	uint32_t n = 0;
	*ref = (struct segment_ref){ order->order, message->index, (uint32_t)part - 1 };
	if (part)
		return true;
	ref->segment = 0;
	for (uint32_t i = 0; i < order->parts; i++) {
		struct segment_ref at = { order->order, message->index, i };
		const struct store_seg *seg =
			history_segment(call->turn->txn, order, at, message, &segment);
		int open = seg ? openness(seg) : 0;
		if (open > most) {
			most = open;
			*ref = at;
			n = 0;
		}
		n += open && open == most;
	}
	if (n <= 1)
		return true;
	api_refuse_state(call, "which_part", "Several parts of the message wait for a receipt.",
			 "say which: --part N");
	return false;
}

static void answer_join(struct api_call *call, const struct store_orphan *orphan,
			struct segment_ref ref, const char *id)
{
	struct json_writer *json = &call->json;
	struct store_message message = { .order = ref.order, .index = ref.index };
	if (turn_failed(call->turn) || store_message_get(call->turn->txn, &message) != STORE_OK)
		return;
	enum store_error error = (enum store_error)message.error;
	json_begin_object(json);
	json_add_uint(json, "orphan", orphan->seq);
	json_add_text(json, "action", "join");
	json_add_bool(json, "durable", true);
	json_add_text(json, "bx_message_id", id);
	json_add_uint(json, "segment", ref.segment);
	json_add_text(json, "resolved_by", evidence_rule_name(EVIDENCE_RULE_CORRELATION));
	json_add_text(json, "status", life_shown((enum store_state)message.state, error));
	json_add_text(json, "error", error ? store_error_name(error) : NULL);
	json_end_object(json);
}

static void join(struct api_call *call, uint64_t seq, const char *id, int64_t part)
{
	struct store_orphan orphan = { .seq = seq };
	struct store_order order;
	struct store_message message;
	struct segment_ref ref;
	if (!find_orphan(call, &orphan) || !control_named_message(call, id, &order, &message) ||
	    !choose_part(call, &order, &message, part, &ref))
		return;
	if (ref.segment >= order.parts) {
		api_refuse_state(call, "which_part", "The message has not so many parts.", NULL);
		return;
	}
	enum correlate_error error = correlate_join(call->turn, &orphan, ref);
	if (error) {
		api_refuse_state(call, "no_join", correlate_error_text(error),
				 "esmectl message shows it");
		return;
	}
	control_audit(call, "orphan %llu: joined to %s, part %u, id %.*s", (unsigned long long)seq,
		      id, ref.segment + 1, (int)orphan.id.n, (const char *)orphan.id.at);
	answer_join(call, &orphan, ref, id);
}

void control_orphan_join(struct api_call *call)
{
	static const char *const names[] = { "message", "part", NULL };
	struct json *body = api_body(call);
	if (!body)
		return;
	const char *id = json_get_text(json_get(body, "message"), NULL);
	int64_t part = 0;
	if (json_get(body, "part") &&
	    (!json_get_int(json_get(body, "part"), &part) || part < 1 || part > 255))
		api_flaw(call, "body", "part", -1, "number",
			 "part must be a whole number of 1 to 255");
	api_body_only(call, body, names);
	if (!id)
		api_flaw(call, "body", "message", -1, "string", "message must name a message");
	if (!api_flawed(call, "shape"))
		join(call, api_number(call, 0), id, part);
	json_free(body);
}
