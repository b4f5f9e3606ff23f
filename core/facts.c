/* What is known of one message. See facts.h. */
#include "core/facts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/history.h"
#include "core/lifecycle.h"
#include "smpp/coding.h"

static const char *const stage_names[] = {
	[FACT_REQUEST] = "request",   [FACT_QUEUE] = "queue",	    [FACT_WINDOW] = "window",
	[FACT_PROVIDER] = "provider", [FACT_DELIVERY] = "delivery", [FACT_OUTCOME] = "outcome",
};

const char *fact_stage_name(enum fact_stage stage)
{
	return stage_names[stage];
}

/* ---- the path, in short ---- */

static void sum_up_row(struct fact_side *side, const struct evidence *row)
{
	bool answer = row->event == LIFE_ON_ACCEPTED || row->event == LIFE_ON_REFUSED ||
		      row->event == LIFE_ON_REFUSED_FOR_NOW || row->event == LIFE_ON_LOST;
	if (row->has_submit && row->attempt > side->attempts)
		side->attempts = row->attempt;
	if (row->has_receipt) {
		side->receipt = row;
		side->receipts++;
	}
	if (!answer)
		return;
	side->answered = row;
	side->for_now += row->event == LIFE_ON_REFUSED_FOR_NOW;
	side->unanswered += row->event == LIFE_ON_LOST;
	side->taken_ms = row->event == LIFE_ON_ACCEPTED ? row->at_ms : side->taken_ms;
	side->rtt_ms = (int64_t)row->rtt_ms > side->rtt_ms ? (int64_t)row->rtt_ms : side->rtt_ms;
}

static void sum_up(struct fact_side *side)
{
	const struct path *path = &side->path;
	path_spent(path, side->spent_ms);
	for (uint32_t i = 0; i < path->n_steps; i++) {
		const struct path_step *step = &path->steps[i];
		if (step->what == PATH_EVENT)
			sum_up_row(side, &step->row->evidence);
		if (step->what != PATH_RELEASED || side->released)
			continue;
		side->released = &step->row->evidence;
		side->first_wait_ms = step->at_ms - (int64_t)side->order->created_ms;
	}
}

bool fact_side_read(struct fact_side *side)
{
	if (!path_init(&side->path))
		return false;
	path_collect(&side->path, side->call->engine, side->call->turn->txn, side->order,
		     side->message);
	sum_up(side);
	return true;
}

void fact_side_release(struct fact_side *side)
{
	path_release(&side->path);
}

/* ---- the facts ---- */

static void set(struct fact_value *value, int64_t number)
{
	value->known = true;
	value->number = number;
}

__attribute__((format(printf, 2, 3))) static void say(struct fact_value *value, const char *format,
						      ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(value->text, sizeof(value->text), format, args);
	va_end(args);
	value->known = true;
}

static void say_octets(struct fact_value *value, struct store_octets octets)
{
	say(value, "%.*s", (int)octets.n, (const char *)octets.at);
}

static void read_route(const struct fact_side *side, struct fact_value *value)
{
	const struct config_route *route =
		config_route_find(side->call->engine->config, side->order->route);
	say(value, "%s", route ? route->name : "no longer configured");
	value->number = side->order->route;
}

static void read_provider(const struct fact_side *side, struct fact_value *value)
{
	struct store_provider provider = { .number = side->order->provider };
	if (store_provider_get(side->call->turn->txn, &provider) == STORE_OK)
		say_octets(value, provider.name);
}

static void read_account(const struct fact_side *side, struct fact_value *value)
{
	struct store_account account = { .account = side->order->account };
	if (store_account_get(side->call->turn->txn, &account) == STORE_OK)
		say_octets(value, account.name);
	value->number = side->order->account;
}

static void read_country(const struct fact_side *side, struct fact_value *value)
{
	say(value, "%u", side->order->country);
}

static void read_destination(const struct fact_side *side, struct fact_value *value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, side->message->msisdn);
	if (side->masked && n > 3)
		memset(digits, '*', (size_t)n - 3);
	say(value, "%s", digits);
	value->number = (int64_t)side->message->msisdn;
}

static void read_sender(const struct fact_side *side, struct fact_value *value)
{
	say_octets(value, side->order->caller_id);
}

static void read_text(const struct fact_side *side, struct fact_value *value)
{
	say(value, "%u octets", side->order->text_octets);
	value->number = (int64_t)side->order->text_hash;
}

static void read_encoding(const struct fact_side *side, struct fact_value *value)
{
	say(value, "%s", smpp_coding_name((enum smpp_alphabet)side->order->alphabet));
}

static void read_parts(const struct fact_side *side, struct fact_value *value)
{
	set(value, orders_paid_parts(side->order));
}

static void read_priority(const struct fact_side *side, struct fact_value *value)
{
	set(value, side->order->priority);
}

static void read_validity(const struct fact_side *side, struct fact_value *value)
{
	set(value, (int64_t)side->order->validity_ms);
}

static void read_send_after(const struct fact_side *side, struct fact_value *value)
{
	int64_t after_ms = (int64_t)side->order->send_at_ms - (int64_t)side->order->created_ms;
	set(value, side->order->send_at_ms && after_ms > 0 ? after_ms : 0);
}

static void read_order_messages(const struct fact_side *side, struct fact_value *value)
{
	set(value, side->order->total);
}

static void read_queued(const struct fact_side *side, struct fact_value *value)
{
	if (side->released)
		set(value, side->released->queued);
}

static void read_first_wait(const struct fact_side *side, struct fact_value *value)
{
	if (side->released)
		set(value, side->first_wait_ms);
}

static void read_link(const struct fact_side *side, struct fact_value *value)
{
	char link[HISTORY_LINK_OCTETS];
	if (side->released)
		say(value, "%s",
		    history_link(side->call->turn->txn, side->released->session, link));
}

static void read_in_flight(const struct fact_side *side, struct fact_value *value)
{
	if (side->released)
		set(value, side->released->in_flight);
}

static void read_window_wait(const struct fact_side *side, struct fact_value *value)
{
	if (side->released)
		set(value, side->spent_ms[PATH_WINDOW]);
}

static void read_attempts(const struct fact_side *side, struct fact_value *value)
{
	if (side->released)
		set(value, side->attempts);
}

static void read_for_now(const struct fact_side *side, struct fact_value *value)
{
	if (side->answered)
		set(value, side->for_now);
}

static void read_retry_wait(const struct fact_side *side, struct fact_value *value)
{
	if (side->released)
		set(value, side->spent_ms[PATH_QUEUE] - side->first_wait_ms);
}

static void read_unanswered(const struct fact_side *side, struct fact_value *value)
{
	if (side->answered)
		set(value, side->unanswered);
}

static void read_answer(const struct fact_side *side, struct fact_value *value)
{
	if (side->answered)
		say(value, "%s", life_event_told(side->answered->event));
}

static void read_answer_time(const struct fact_side *side, struct fact_value *value)
{
	if (side->answered && side->answered->event != LIFE_ON_LOST)
		set(value, side->rtt_ms);
}

static void read_receipts(const struct fact_side *side, struct fact_value *value)
{
	set(value, side->receipts);
}

static void read_receipt(const struct fact_side *side, struct fact_value *value)
{
	if (side->receipt)
		say(value, "%s", evidence_told(side->receipt));
}

static void read_receipt_link(const struct fact_side *side, struct fact_value *value)
{
	char link[HISTORY_LINK_OCTETS];
	if (side->receipt)
		say(value, "%s",
		    history_link(side->call->turn->txn, side->receipt->receipt_session, link));
}

static void read_receipt_rule(const struct fact_side *side, struct fact_value *value)
{
	if (side->receipt)
		say(value, "%s", evidence_rule_name(side->receipt->rule));
}

static void read_receipt_delay(const struct fact_side *side, struct fact_value *value)
{
	if (side->receipt && side->taken_ms)
		set(value, side->receipt->at_ms - side->taken_ms);
}

static void read_status(const struct fact_side *side, struct fact_value *value)
{
	say(value, "%s",
	    life_shown((enum store_state)side->message->state,
		       (enum store_error)side->message->error));
}

static void read_error(const struct fact_side *side, struct fact_value *value)
{
	if (side->message->error)
		say(value, "%s", store_error_name((enum store_error)side->message->error));
}

static void read_on_time(const struct fact_side *side, struct fact_value *value)
{
	if (side->message->state == STORE_STATE_DELIVERED)
		set(value, (side->message->flags & STORE_FLAG_ON_TIME) != 0);
}

static void read_final_after(const struct fact_side *side, struct fact_value *value)
{
	if (side->message->final_ms)
		set(value, (int64_t)(side->message->final_ms - side->order->created_ms));
}

/* Those of the request are the input. */
const struct fact facts[FACTS] = {
	{ "route", FACT_REQUEST, FACT_TEXT, read_route },
	{ "provider", FACT_REQUEST, FACT_TEXT, read_provider },
	{ "account", FACT_REQUEST, FACT_TEXT, read_account },
	{ "country", FACT_REQUEST, FACT_TEXT, read_country },
	{ "destination", FACT_REQUEST, FACT_TEXT, read_destination },
	{ "sender", FACT_REQUEST, FACT_TEXT, read_sender },
	{ "text", FACT_REQUEST, FACT_TEXT, read_text },
	{ "encoding", FACT_REQUEST, FACT_TEXT, read_encoding },
	{ "parts", FACT_REQUEST, FACT_COUNT, read_parts },
	{ "priority", FACT_REQUEST, FACT_COUNT, read_priority },
	{ "validity_ms", FACT_REQUEST, FACT_COUNT, read_validity },
	{ "send_after_ms", FACT_REQUEST, FACT_DURATION, read_send_after },
	{ "order_messages", FACT_QUEUE, FACT_LEVEL, read_order_messages },
	{ "queue_depth", FACT_QUEUE, FACT_LEVEL, read_queued },
	{ "queue_wait_ms", FACT_QUEUE, FACT_DURATION, read_first_wait },
	{ "link", FACT_WINDOW, FACT_TEXT, read_link },
	{ "in_flight", FACT_WINDOW, FACT_LEVEL, read_in_flight },
	{ "window_wait_ms", FACT_WINDOW, FACT_DURATION, read_window_wait },
	{ "attempts", FACT_PROVIDER, FACT_COUNT, read_attempts },
	{ "refused_for_now", FACT_PROVIDER, FACT_COUNT, read_for_now },
	{ "retry_wait_ms", FACT_PROVIDER, FACT_DURATION, read_retry_wait },
	{ "unanswered", FACT_PROVIDER, FACT_COUNT, read_unanswered },
	{ "answer", FACT_PROVIDER, FACT_TEXT, read_answer },
	{ "answer_ms", FACT_PROVIDER, FACT_DURATION, read_answer_time },
	{ "receipts", FACT_DELIVERY, FACT_COUNT, read_receipts },
	{ "receipt", FACT_DELIVERY, FACT_TEXT, read_receipt },
	{ "receipt_link", FACT_DELIVERY, FACT_TEXT, read_receipt_link },
	{ "receipt_matched_by", FACT_DELIVERY, FACT_TEXT, read_receipt_rule },
	{ "receipt_delay_ms", FACT_DELIVERY, FACT_DURATION, read_receipt_delay },
	{ "status", FACT_OUTCOME, FACT_TEXT, read_status },
	{ "error", FACT_OUTCOME, FACT_TEXT, read_error },
	{ "on_time", FACT_OUTCOME, FACT_FLAG, read_on_time },
	{ "final_after_ms", FACT_OUTCOME, FACT_DURATION, read_final_after },
};
