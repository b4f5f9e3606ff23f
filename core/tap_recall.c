/* Lines of core/tap_recall.h, written from the evidence of one segment after the other. */
#include "core/tap_recall.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compose.h"
#include "core/control.h"
#include "core/history.h"
#include "core/lifecycle.h"
#include "core/message_id.h"
#include "core/provider.h"
#include "core/release.h"
#include "core/remarks.h"
#include "core/sliced.h"
#include "core/view.h"

#define SLICE_SEGMENTS 100  /* that are read in one go */
#define ROWS_MAX       2000 /* of evidence, of one segment */
#define TEXT_OCTETS    4096 /* of the order's text that are shown */

struct recall {
	struct sliced sliced;
	struct store_order order; /* its octets are those of the slice */
	uint32_t index, end;	  /* messages to tell: the next, and behind the last */
	int64_t clock_ms;	  /* what wall time is ahead of the clock of deadlines */
	bool begun, text, numbers;
};

/* A segment in hand. */
struct telling {
	struct recall *recall;
	struct turn *turn;
	struct store_message *message;
	struct segment_ref ref;
	bool whole; /* of all segments alike */
	char id[MESSAGE_ID_OCTETS];
	uint32_t submitted; /* attempts whose submit has been told */
};

/* ---- lines ---- */

static struct json_writer begin_line(const struct recall *recall, int64_t at_ms)
{
	struct json_writer json = { .out = recall->sliced.call.body };
	json_begin_object(&json);
	json_add_time(&json, "time", at_ms);
	return json;
}

static void end_line(struct json_writer *json)
{
	json_end_object(json);
	buffer_text(json->out, "\n");
}

/* Whose it is. */
static struct json_writer begin_of(const struct telling *telling, int64_t at_ms)
{
	const struct store_order *order = &telling->recall->order;
	struct json_writer json = begin_line(telling->recall, at_ms);
	json_add_text(&json, "msg", telling->id);
	if (order->parts > 1 && !telling->whole) {
		json_add_uint(&json, "part", telling->ref.segment + 1);
		json_add_uint(&json, "parts", order->parts);
	}
	return json;
}

/* On which link: its name is no longer known when the record of its session has gone. */
static void add_session(struct json_writer *json, const struct telling *telling, uint64_t session)
{
	struct store_session rec = { .session = session };
	if (store_session_get(telling->turn->txn, &rec) == STORE_OK)
		view_add_octets(json, "link", rec.link);
	else
		json_add_text(json, "link", "?");
	json_add_uint(json, "session", session);
}

static void add_words(struct json_writer *json, const char *key, struct smpp_octets words)
{
	if (words.n)
		view_add_octets(json, key, (struct store_octets){ words.at, words.n });
}

static void put_note(struct json_writer *json, const char *note)
{
	json_add_text(json, "note", note);
	end_line(json);
}

__attribute__((format(printf, 3, 4))) static void note(const struct telling *telling, int64_t at_ms,
						       const char *format, ...)
{
	char text[600];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	struct json_writer json = begin_of(telling, at_ms);
	put_note(&json, text);
}

/* ---- the order ---- */

/* What people wrote: as it is, or how long it is; or that it is no longer kept. */
static void put_text(const struct recall *recall, struct store_txn *txn, struct buffer *out)
{
	const struct store_order *order = &recall->order;
	char *text = malloc(ORDERS_TEXT_OCTETS);
	size_t n = 0, shown;
	bool kept = text && orders_text(txn, order, text, &n);
	shown = n < TEXT_OCTETS ? n : TEXT_OCTETS;
	while (shown < n && shown > 0 && ((uint8_t)text[shown] & 0xC0) == 0x80)
		shown--; /* not within a character */
	if (kept && recall->text) {
		buffer_format(out, "text%s: ", shown < n ? ", its beginning" : "");
		buffer_append(out, text, shown);
	} else {
		buffer_format(out, "text of %u octets%s", order->text_octets,
			      kept ? "" : ", no longer kept");
	}
	out->failed = out->failed || !text;
	free(text);
}

static void put_order(const struct recall *recall, struct turn *turn)
{
	const struct store_order *order = &recall->order;
	const struct config_route *route = config_route_find(turn->engine->config, order->route);
	struct json_writer json = begin_line(recall, (int64_t)order->created_ms);
	struct buffer words = { 0 };
	buffer_format(&words,
		      "order %" PRIu64 " accepted for route %u%s%s%s: %u message%s of %u part%s, ",
		      order->order, order->route, route ? ", " : "", route ? route->name : "",
		      order->sandbox ? " (sandbox)" : "", order->total,
		      order->total == 1 ? "" : "s", order->parts, order->parts == 1 ? "" : "s");
	put_text(recall, turn->txn, &words);
	json_key(&json, "note");
	json_put_octets(&json, words.octets, words.n);
	end_line(&json);
	json.out->failed = json.out->failed || words.failed;
	buffer_release(&words);
}

/* ---- an attempt ---- */

/* The sender as it went out: a number without its plus. */
static void add_source(struct json_writer *json, const struct recall *recall)
{
	struct store_octets source = recall->order.caller_id;
	char out[sizeof(((struct composed *)0)->source)];
	uint32_t digits = 0;
	if (source.n > 1 && source.at[0] == '+') {
		source.at++;
		source.n--;
	}
	if (!source.n || source.n > sizeof(out))
		return;
	for (uint32_t i = 0; i < source.n; i++)
		digits += source.at[i] >= '0' && source.at[i] <= '9';
	for (uint32_t i = 0; i < source.n; i++) {
		bool digit = source.at[i] >= '0' && source.at[i] <= '9';
		out[i] = digit && digits-- > 3 && !recall->numbers ? '*' : (char)source.at[i];
	}
	json_key(json, "source_addr");
	json_put_octets(json, out, source.n);
}

static const char *request_name(const struct evidence *row)
{
	return row->with_others ? "submit_multi" : "submit_sm";
}

static void put_submit(struct telling *telling, const struct evidence *row)
{
	int64_t left_ms = row->released_ms + row->sent_after_ms;
	char digits[24];
	/* Two clocks rounded to milliseconds may disagree by one. */
	struct json_writer json = begin_of(telling, left_ms < row->at_ms ? left_ms : row->at_ms);
	add_session(&json, telling, row->session);
	json_add_text(&json, "dir", "out");
	json_add_text(&json, "pdu", request_name(row));
	json_add_uint(&json, "sequence_number", row->sequence_number);
	add_source(&json, telling->recall);
	json_add_text(&json, "destination_addr",
		      control_msisdn(telling->message->msisdn, telling->recall->numbers, digits));
	json_add_uint(&json, "attempt", row->attempt);
	json_add_uint(&json, "released_before_ms", row->sent_after_ms);
	json_add_uint(&json, "in_flight", row->in_flight);
	json_add_uint(&json, "queued", row->queued);
	end_line(&json);
}

static void put_answer(const struct telling *telling, const struct evidence *row)
{
	struct json_writer json = begin_of(telling, row->at_ms);
	add_session(&json, telling, row->session);
	json_add_text(&json, "dir", "in");
	json_add_text(&json, "pdu", row->with_others ? "submit_multi_resp" : "submit_sm_resp");
	json_add_uint(&json, "sequence_number", row->sequence_number);
	json_add_uint(&json, "command_status", row->has_code ? row->code : 0);
	add_words(&json, "message_id", row->id);
	json_add_uint(&json, "attempt", row->attempt);
	json_add_uint(&json, "rtt_ms", row->rtt_ms);
	if (row->mark)
		json_add_text(&json, "mark", life_mark_name(row->mark));
	end_line(&json);
}

/* In doubt from here on. */
static void put_given_up(const struct telling *telling, const struct evidence *row)
{
	char why[HISTORY_LOSS_OCTETS];
	history_loss(telling->turn->txn, row, why);
	if (!row->sequence_number) {
		note(telling, row->at_ms, "attempt %u in doubt: %s", row->attempt, why);
		return;
	}
	struct json_writer json = begin_of(telling, row->at_ms);
	add_session(&json, telling, row->session);
	json_add_text(&json, "dir", "out");
	json_add_text(&json, "given_up", why);
	json_add_uint(&json, "sequence_number", row->sequence_number);
	json_add_uint(&json, "attempt", row->attempt);
	end_line(&json);
}

/* ---- receipts ---- */

static void add_remarks(struct json_writer *json, const struct evidence *row)
{
	struct remarks remarks;
	remarks_decode(row->remarks, &remarks);
	add_words(json, "stat", remarks.stat);
	add_words(json, "submit_date", remarks.submit_date);
	add_words(json, "done_date", remarks.done_date);
	if (remarks.has_message_state)
		json_add_uint(json, "message_state", remarks.message_state);
	if (remarks.has_network_error) {
		json_add_uint(json, "network_type", remarks.network_type);
		json_add_uint(json, "network_error_code", remarks.network_error);
	}
}

static void put_receipt(const struct telling *telling, const struct evidence *row)
{
	char state[SMPP_STATUS_TEXT_OCTETS];
	struct json_writer json = begin_of(telling, row->at_ms);
	add_session(&json, telling, row->receipt_session);
	json_add_text(&json, "dir", "in");
	json_add_text(&json, "receipt", history_code_name(row, state));
	add_words(&json, "id", row->id);
	add_words(&json, "err", row->err);
	json_add_text(&json, "rule", evidence_rule_name(row->rule));
	json_add_text(&json, "rule_text", evidence_rule_text(row->rule));
	add_remarks(&json, row);
	if (row->mark)
		json_add_text(&json, "mark", life_mark_name(row->mark));
	end_line(&json);
}

/* ---- a segment ---- */

/* What is no PDU that is kept, in words. */
static void put_event(const struct telling *telling, const struct evidence *row)
{
	char name[SMPP_STATUS_TEXT_OCTETS];
	const char *code = history_code_name(row, name);
	note(telling, row->at_ms, "%s%s%s%s", evidence_told(row), *code ? ": " : "", code,
	     row->by_operator ? "; who: esmectl audit list" : "");
}

static void put_row(struct telling *telling, const struct evidence *row)
{
	if (row->has_submit && row->event != LIFE_ON_UNSENT && row->sequence_number &&
	    row->attempt > telling->submitted) {
		put_submit(telling, row);
		telling->submitted = row->attempt;
	}
	if (row->has_receipt && row->rule != EVIDENCE_RULE_QUERY)
		put_receipt(telling, row);
	else if (row->event == LIFE_ON_LOST)
		put_given_up(telling, row);
	else if (row->has_submit && row->sequence_number &&
		 (row->event == LIFE_ON_ACCEPTED || row->has_code))
		put_answer(telling, row);
	else
		put_event(telling, row);
}

/* A release without a verdict stands in no row of evidence; its sequence_number is not kept yet. */
static void put_flight(const struct telling *telling)
{
	const struct flight *flight =
		releases_carrying(telling->turn->engine->releases, telling->ref);
	if (flight)
		note(telling, flight->released_at_ms,
		     "handed to link %s, session %" PRIu64 ", as attempt %u; no answer yet",
		     flight->release->link->name, flight->release->session, flight->attempt);
}

/* False: it cannot be read, which was told. */
static bool put_segment(struct telling *telling, struct life_fold *fold)
{
	struct recall *recall = telling->recall;
	struct store_txn *txn = telling->turn->txn;
	struct store_segment segment;
	struct history history;
	struct evidence row;
	uint32_t rows = 0;
	int64_t last_ms = (int64_t)recall->order.created_ms;
	const struct store_seg *seg =
		history_segment(txn, &recall->order, telling->ref, telling->message, &segment);
	if (!seg) {
		note(telling, last_ms, "its record cannot be read; run: esmectl store check");
		return false;
	}
	life_fold_add(fold, seg);
	telling->submitted = 0;
	history_begin(&history, txn, &recall->order, telling->ref, seg);
	while (rows < ROWS_MAX && history_next(&history, &row)) {
		put_row(telling, &row);
		last_ms = row.at_ms;
		rows++;
	}
	if (rows == ROWS_MAX || history.damaged)
		note(telling, last_ms,
		     rows == ROWS_MAX ?
			     "later evidence is not told here: esmectl message shows how much" :
			     "a part of its evidence cannot be read; run: esmectl store check");
	if (seg->state == STORE_STATE_SUBMITTED)
		put_flight(telling);
	return true;
}

/* ---- a message ---- */

static void put_standing(const struct telling *telling)
{
	const struct recall *recall = telling->recall;
	const struct store_order *order = &recall->order;
	const struct store_message *message = telling->message;
	struct engine *engine = telling->turn->engine;
	const struct config_route *route = config_route_find(engine->config, order->route);
	enum store_state state = (enum store_state)message->state;
	enum store_error error = (enum store_error)message->error;
	bool queued = state == STORE_STATE_QUEUED;
	const char *blocked =
		queued && route ? provider_route_blocked(engine, route, order->sandbox) : NULL;
	char due[25] = "";
	if (queued && message->seg.due_ms)
		json_time_text((int64_t)message->seg.due_ms + recall->clock_ms, due);
	note(telling, message->final_ms ? (int64_t)message->final_ms : port_wall_ms(engine->port),
	     "%s%s%s: %s%s%s%s%s%s", life_shown(state, error), error ? " / " : "",
	     error ? store_error_name(error) : "",
	     error ? life_error_text(error) : life_state_text(state),
	     queued && !message->seg.attempts ? "; no PDU was made of it yet" : "",
	     *due ? "; it goes again at " : "", due, blocked ? "; nothing goes out now: " : "",
	     blocked ? blocked : "");
}

static void put_message(struct recall *recall, struct turn *turn, struct store_message *message)
{
	struct telling telling = { .recall = recall, .turn = turn, .message = message };
	struct life_fold fold = { 0 };
	bool whole = true;
	message_id_write(turn->engine->store, message->order, message->index, telling.id);
	for (uint32_t n = 0; n < recall->order.parts; n++) {
		telling.ref = (struct segment_ref){ message->order, message->index, n };
		whole = put_segment(&telling, &fold) && whole;
	}
	if (whole)
		life_fold_set(&fold, message); /* a release may be ahead of the record */
	telling.whole = true;
	put_standing(&telling);
}

static bool write_some(struct sliced *sliced, struct turn *turn)
{
	struct recall *recall = (struct recall *)sliced;
	enum store_err err = store_order_get(turn->txn, &recall->order);
	uint32_t left = SLICE_SEGMENTS;
	if (err) {
		turn_fail(turn, err);
		return true;
	}
	if (!recall->begun)
		put_order(recall, turn);
	recall->begun = true;
	while (recall->index < recall->end && left && !turn_failed(turn)) {
		struct store_message message = { .order = recall->order.order,
						 .index = recall->index++ };
		left -= left < recall->order.parts ? left : recall->order.parts;
		err = store_message_get(turn->txn, &message);
		if (!err)
			put_message(recall, turn, &message);
		else if (err != STORE_NOTFOUND && err != STORE_CORRUPT)
			turn_fail(turn, err);
	}
	return recall->index == recall->end;
}

/* ---- the calls ---- */

static const char *const params[] = { "text", "numbers", NULL };

/* Messages first to end - 1 of an order that was read. */
static void answer(struct api_call *call, const struct store_order *order, uint32_t first,
		   uint32_t end)
{
	struct recall *recall = calloc(1, sizeof(*recall));
	if (!recall) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	recall->order = *order;
	recall->index = first;
	recall->end = end;
	recall->clock_ms = call->turn->at_ms - call->turn->due_ms;
	recall->text = api_query_number(call, "text", 0, 0, 1) == 1;
	recall->numbers = api_query_number(call, "numbers", 0, 0, 1) == 1;
	recall->sliced.write = write_some;
	call->content_type = "application/x-ndjson";
	sliced_answer(&recall->sliced, call);
}

static bool flawed(struct api_call *call)
{
	api_query_only(call, params);
	api_query_number(call, "text", 0, 0, 1);
	api_query_number(call, "numbers", 0, 0, 1);
	return api_flawed(call, "shape");
}

/* A number that was given out and has no order is one whose retention is over. */
static bool find_order(struct api_call *call, uint64_t number, struct store_order *order)
{
	order->order = number;
	if (number && number <= store_last(call->turn->txn, STORE_NEXT_ORDER) &&
	    store_order_get(call->turn->txn, order) == STORE_NOTFOUND) {
		api_refuse_not_found(call, "It was accepted once and is no longer kept: its "
					   "retention (retention.orders) is over.");
		return false;
	}
	return control_find_order(call, number, order);
}

void tap_recall_message(struct api_call *call)
{
	struct store_order order;
	struct store_message message;
	uint64_t number;
	uint32_t index;
	if (flawed(call))
		return;
	if (message_id_read(call->engine->store, call->params[0], &number, &index) &&
	    !find_order(call, number, &order))
		return;
	if (control_named_message(call, call->params[0], &order, &message))
		answer(call, &order, message.index, message.index + 1);
}

void tap_recall_order(struct api_call *call)
{
	struct store_order order;
	if (!flawed(call) && find_order(call, api_number(call, 0), &order))
		answer(call, &order, 0, order.total);
}
