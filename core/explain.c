/* A message's story in words. See explain.h. */
#include "core/explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/absence.h"
#include "core/engine.h"
#include "core/history.h"
#include "core/lifecycle.h"
#include "core/provider.h"
#include "core/release.h"
#include "core/route.h"
#include "smpp/status.h"

#define STEPS_MAX 500 /* of a message; a throttled one may have more, and the answer says so */

/* One step, kept so that the segments' stories can be told in one order. */
struct step {
	int64_t at_ms;
	uint32_t number; /* in the order in which they were found */
	char *what, *cause;
};

struct story {
	const struct explain *explain;
	const struct config_route *route;
	struct step *steps;
	uint32_t n;
	bool cut, damaged;
	/* The segment whose state the message has. */
	struct segment_ref ref;
	struct store_seg deciding;
	uint64_t lost_on; /* the session on which its last answer was lost; 0: none was */
	int64_t taken_ms; /* when the provider took it, and on which session; 0: it did not */
	uint64_t taken_on;
	const char *turned; /* what gave it its state; static. NULL: nothing is recorded */
	bool decided;
};

/* ---- sentences ---- */

__attribute__((format(printf, 2, 3))) static void put_sentence(struct json_writer *json,
							       const char *format, ...)
{
	char line[1000];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	json_put_octets(json, line, strlen(line));
}

/* A time of the clock of deadlines, as people read clocks. */
static const char *clock_text(const struct explain *explain, int64_t due_ms, char out[25])
{
	json_time_text(due_ms + engine_wall_ahead_ms(explain->turn->engine), out);
	return out;
}

static void status_text(uint32_t status, char *out, size_t n)
{
	char text[SMPP_STATUS_TEXT_OCTETS];
	snprintf(out, n, "%s: %s", smpp_status_text(status, text), smpp_status(status).meaning);
}

/* ---- steps ---- */

static void add_step(struct story *story, int64_t at_ms, char *what, char *cause)
{
	if (story->n == STEPS_MAX || !what) {
		story->cut = true;
		free(what);
		free(cause);
		return;
	}
	story->steps[story->n] = (struct step){ at_ms, story->n, what, cause };
	story->n++;
}

__attribute__((format(printf, 1, 2))) static char *say(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return text;
}

/* "3 parts", and how they travel where that is not one by one. */
static const char *parts_text(const struct store_order *order, char out[64])
{
	uint32_t parts = orders_paid_parts(order);
	snprintf(out, 64, "%u part%s%s", parts, parts > 1 ? "s" : "",
		 order->paid_parts ? " in one message_payload" : "");
	return out;
}

/* Who asked: the key, or the local user. */
static const char *asker_text(const struct store_order *order, char out[40])
{
	if (order->key_id)
		snprintf(out, 40, "key %016" PRIx64, order->key_id);
	else if (order->uid)
		snprintf(out, 40, "uid %u", order->uid - 1);
	else
		snprintf(out, 40, "key not recorded"); /* before schema 2, over TCP */
	return out;
}

static void add_acceptance(struct story *story)
{
	const struct store_order *order = story->explain->order;
	char price[24], cost[24], parts[64], asker[40], reason[CONTENT_REASON_OCTETS];
	json_micro_text(order->unit_price, price);
	json_micro_text(orders_message_cost(order), cost);
	add_step(story, (int64_t)order->created_ms,
		 say("accepted for route %u%s%s in order %" PRIu64 ", %u message%s", order->route,
		     story->route ? ", " : "", story->route ? story->route->name : "", order->order,
		     order->total, order->total == 1 ? "" : "s"),
		 say("account %s by %s, request %.*s, sender %.*s; %s at %s, %s in all%s; %s",
		     story->explain->account, asker_text(order, asker), (int)order->request_id.n,
		     (const char *)order->request_id.at, (int)order->caller_id.n,
		     (const char *)order->caller_id.at, parts_text(order, parts), price, cost,
		     order->sandbox ? ", not charged: sandbox" : "",
		     content_reason(order, reason)));
	if (order->send_at_ms > order->created_ms)
		add_step(story, (int64_t)order->created_ms, say("kept until its send_at"), NULL);
}

/* "part 2 of 3: ", or nothing for a message of one part. */
static const char *part_text(const struct story *story, struct segment_ref ref, char out[32])
{
	out[0] = '\0';
	if (story->explain->order->parts > 1)
		snprintf(out, 32, "part %u of %u: ", ref.segment + 1, story->explain->order->parts);
	return out;
}

static void add_release(struct story *story, struct segment_ref ref, const struct evidence *row)
{
	char part[32], link[HISTORY_LINK_OCTETS], rate[40] = "";
	history_link(story->explain->turn->txn, row->session, link);
	if (row->rate_per_s)
		snprintf(rate, sizeof(rate), "; allowed a second: %u", row->rate_per_s);
	add_step(story, row->released_ms,
		 say("%sreleased to link %s, session %" PRIu64 ", as attempt %u",
		     part_text(story, ref, part), link, row->session, row->attempt),
		 row->in_flight ? say("in flight there, itself included: %u; waiting on the route: "
				      "%u%s",
				      row->in_flight, row->queued, rate) :
				  NULL);
	if (row->sequence_number && row->event != LIFE_ON_UNSENT)
		add_step(story, row->released_ms + row->sent_after_ms,
			 say("%ssubmit_sm left this process, sequence_number %u", part,
			     row->sequence_number),
			 NULL);
}

/* Rows that without a code tell of an answer that did not come. */
static bool unanswered(enum life_event event)
{
	return event == LIFE_ON_QUERIED || event == LIFE_ON_CANCEL_ANSWERED ||
	       event == LIFE_ON_REPLACE_ANSWERED;
}

/* Why the row says what it says: the code, the id, how a receipt came to be matched. */
static char *cause_of(const struct story *story, const struct evidence *row)
{
	char status[160], link[HISTORY_LINK_OCTETS], loss[HISTORY_LOSS_OCTETS];
	if (row->has_receipt) {
		history_link(story->explain->turn->txn, row->receipt_session, link);
		return say("on link %s; %s%s%.*s%s%.*s%s%.*s%s", link,
			   evidence_rule_text(row->rule), row->id.n ? ", its id " : "",
			   (int)row->id.n, (const char *)row->id.at, row->err.n ? ", err " : "",
			   (int)row->err.n, (const char *)row->err.at,
			   row->note.n ? ", final_date " : "", (int)row->note.n,
			   (const char *)row->note.at,
			   row->by_operator ? "; who: esmectl audit list" : "");
	}
	if (row->by_operator && !row->has_code && !unanswered(row->event))
		return say("who: esmectl audit list");
	if (row->event == LIFE_ON_ACCEPTED)
		return row->id.n ? say("message_id %.*s, after %u ms", (int)row->id.n,
				       (const char *)row->id.at, row->rtt_ms) :
				   say("without a message_id, after %u ms: no receipt can name it",
				       row->rtt_ms);
	if (row->event == LIFE_ON_LOST)
		return say("%s", history_loss(story->explain->turn->txn, row, loss));
	if (row->has_code) {
		status_text(row->code, status, sizeof(status));
		return row->has_submit ? say("%s, after %u ms", status, row->rtt_ms) :
					 say("%s", status);
	}
	if (unanswered(row->event))
		return row->note.n ? say("it never left this process") : say("no answer came");
	return NULL;
}

static void add_row(struct story *story, struct segment_ref ref, const struct evidence *row)
{
	static const char *const marks[] = {
		[LIFE_MARK_NORMAL] = "",
		[LIFE_MARK_NOTE] = " (changed nothing)",
		[LIFE_MARK_LATE] = " (late)",
		[LIFE_MARK_DUPLICATE] = " (again)",
		[LIFE_MARK_CONTRADICTS] = " (contradicts what had decided)",
		[LIFE_MARK_STRAY] = " (unexpected here: a defect of ours)",
	};
	char part[32];
	if (row->has_submit && row->released_ms < row->at_ms)
		add_release(story, ref, row);
	add_step(story, row->at_ms,
		 say("%s%s%s", part_text(story, ref, part), evidence_told(row), marks[row->mark]),
		 cause_of(story, row));
}

/* A release without a verdict stands in no row of evidence. */
static void add_flight(struct story *story, struct segment_ref ref)
{
	const struct engine *engine = story->explain->turn->engine;
	const struct flight *flight = releases_carrying(engine->releases, ref);
	char part[32];
	if (flight)
		add_step(story, flight->released_at_ms,
			 say("%sreleased to link %s, session %" PRIu64 ", as attempt %u",
			     part_text(story, ref, part), flight->release->link->name,
			     flight->release->session, flight->attempt),
			 say("in flight there, itself included: %u", flight->in_flight));
}

static void remember(struct story *story, const struct evidence *row)
{
	if (row->mark == LIFE_MARK_NORMAL)
		story->turned = evidence_told(row);
	if (row->event == LIFE_ON_LOST)
		story->lost_on = row->session;
	if (row->event != LIFE_ON_ACCEPTED)
		return;
	story->taken_ms = row->at_ms;
	story->taken_on = row->session;
}

static void add_segment(struct story *story, uint32_t number)
{
	const struct explain *explain = story->explain;
	struct segment_ref ref = { explain->order->order, explain->message->index, number };
	struct store_segment segment;
	struct history history;
	struct evidence row;
	const struct store_seg *seg = history_segment(explain->turn->txn, explain->order, ref,
						      explain->message, &segment);
	if (!seg) {
		story->damaged = true;
		return;
	}
	history_begin(&history, explain->turn->txn, explain->order, ref, seg);
	struct story found = { 0 };
	while (history_next(&history, &row)) {
		add_row(story, ref, &row);
		remember(&found, &row);
	}
	story->damaged = story->damaged || history.damaged;
	if (seg->state == STORE_STATE_SUBMITTED)
		add_flight(story, ref);
	if (story->decided || seg->state != explain->message->state)
		return;
	story->decided = true;
	story->lost_on = found.lost_on;
	story->taken_ms = found.taken_ms;
	story->taken_on = found.taken_on;
	story->turned = found.turned;
	story->ref = ref;
	story->deciding = *seg;
}

/* Its record may still say QUEUED where a release says SUBMITTED. */
static void fold_in_effect(const struct explain *explain)
{
	struct life_fold fold = { 0 };
	for (uint32_t n = 0; n < explain->order->parts; n++) {
		struct segment_ref ref = { explain->order->order, explain->message->index, n };
		struct store_segment segment;
		const struct store_seg *seg = history_segment(explain->turn->txn, explain->order,
							      ref, explain->message, &segment);
		if (!seg)
			return;
		life_fold_add(&fold, seg);
	}
	life_fold_set(&fold, explain->message);
}

static int by_time(const void *a, const void *b)
{
	const struct step *left = a, *right = b;
	if (left->at_ms != right->at_ms)
		return left->at_ms < right->at_ms ? -1 : 1;
	return (left->number > right->number) - (left->number < right->number);
}

static void put_steps(const struct story *story, struct json_writer *json)
{
	json_key(json, "steps");
	json_begin_array(json);
	for (uint32_t i = 0; i < story->n; i++) {
		const struct step *step = &story->steps[i];
		json_begin_object(json);
		json_key(json, "at");
		json_put_time(json, step->at_ms);
		json_add_int(json, "offset_ms",
			     step->at_ms - (int64_t)story->explain->order->created_ms);
		json_key(json, "what");
		json_put_octets(json, step->what, strlen(step->what));
		if (step->cause) {
			json_key(json, "cause");
			json_put_octets(json, step->cause, strlen(step->cause));
		}
		json_end_object(json);
	}
	json_end_array(json);
}

/* ---- why ---- */

static int64_t receipt_deadline(const struct story *story)
{
	return (int64_t)story->deciding.released_ms +
	       route_receipt_deadline_ms(story->route, story->explain->order);
}

/* Its route is configured. */
static const struct config_provider *carrier_of(const struct story *story)
{
	return provider_carrying(story->explain->turn->engine, story->route,
				 story->explain->order->sandbox);
}

/* A wait that goes on, or how it ended. */
static void add_wait(const struct story *story, char *out, size_t room)
{
	const struct explain *explain = story->explain;
	const struct store_message *message = explain->message;
	bool elsewhere = story->deciding.open_attempts &&
			 message->error == STORE_ERROR_SUBMIT_UNCONFIRMED &&
			 story->turned != life_event_told(LIFE_ON_RECEIPT_DEADLINE);
	char text[25];
	if (message->state == STORE_STATE_IN_DOUBT && story->route)
		snprintf(out, room, "; not final: evidence is waited for until %s",
			 clock_text(explain, receipt_deadline(story), text));
	if (message->state != STORE_STATE_UNKNOWN || !story->turned)
		return;
	json_time_text((int64_t)message->final_ms, text);
	snprintf(out, room, "; final since %s: %s%s", text, story->turned,
		 elsewhere ? ", and what became of another attempt is not known" : "");
}

static void add_absence(const struct story *story, char out[ABSENCE_TEXT_OCTETS])
{
	const struct explain *explain = story->explain;
	const struct store_message *message = explain->message;
	bool waits = message->state == STORE_STATE_SENT;
	struct absence absence = {
		.provider = explain->order->provider,
		.session = story->taken_on,
		.since_ms = story->taken_ms,
		.until_ms = waits ? explain->turn->at_ms : (int64_t)message->final_ms,
	};
	if (!story->taken_ms || explain->order->sandbox ||
	    (!waits && message->error != STORE_ERROR_NO_RECEIPT))
		return;
	absence_find(explain->turn->txn, &absence);
	absence_text(&absence, out);
}

static void put_because(const struct story *story, struct json_writer *json)
{
	const struct store_message *message = story->explain->message;
	const struct store_seg *seg = &story->deciding;
	enum store_state state = (enum store_state)message->state;
	enum store_error error = (enum store_error)message->error;
	const char *blocked =
		story->route ? provider_route_blocked(story->explain->turn->engine, story->route,
						      story->explain->order->sandbox) :
			       "its route is no longer configured";
	char status[160] = "", wait[200] = "", absence[ABSENCE_TEXT_OCTETS] = "";
	add_wait(story, wait, sizeof(wait));
	add_absence(story, absence);
	if (seg->provider_status &&
	    (error == STORE_ERROR_SUBMIT_ERROR || state == STORE_STATE_QUEUED ||
	     error == STORE_ERROR_QUEUE_EXPIRED))
		status_text(seg->provider_status, status, sizeof(status));
	json_key(json, "because");
	put_sentence(json, "%s%s%s: %s%s%s%s%s%s%s", life_shown(state, error), error ? " / " : "",
		     store_error_name(error),
		     error ? life_error_text(error) : life_state_text(state),
		     *status ? "; the provider's last refusal was " : "", status,
		     state == STORE_STATE_QUEUED && blocked ? "; nothing goes out now: " : "",
		     state == STORE_STATE_QUEUED && blocked ? blocked : "", wait, absence);
}

/* ---- what was unusual ---- */

static void put_unusual(const struct story *story, struct json_writer *json)
{
	static const char *const flags[] = {
#define FLAG(NAME, bit, doc) [bit] = doc,
#include "store/record.def"
	};
	static const uint32_t usual = STORE_FLAG_TAKEN | STORE_FLAG_ON_TIME | STORE_FLAG_REFUSED;
	const struct store_message *message = story->explain->message;
	char sum[24];
	json_key(json, "unusual");
	json_begin_array(json);
	for (size_t bit = 0; bit < sizeof(flags) / sizeof(flags[0]); bit++)
		if (message->flags & ~usual & (1u << bit))
			json_put_text(json, flags[bit]);
	if (message->duplicates)
		put_sentence(json, "%u receipts said nothing new", message->duplicates);
	if (message->refund) {
		json_micro_text(message->refund, sum);
		put_sentence(json, "refunded: %s", sum);
	}
	if (story->cut)
		put_sentence(json, "it has more than %d steps; the later ones are not told here",
			     STEPS_MAX);
	if (story->damaged)
		json_put_text(json,
			      "a part of its evidence cannot be read; run: esmectl store check");
	json_end_array(json);
}

/* ---- what would change it ---- */

static void queued_changes(const struct story *story, struct json_writer *json)
{
	const struct explain *explain = story->explain;
	const struct store_seg *seg = &story->deciding;
	char text[25];
	if ((int64_t)seg->due_ms > explain->turn->due_ms)
		put_sentence(json, "It goes again at %s, not before.",
			     clock_text(explain, (int64_t)seg->due_ms, text));
	else if ((int64_t)explain->order->send_at_ms > explain->turn->due_ms)
		put_sentence(json, "It goes at %s, as was asked for.",
			     clock_text(explain, (int64_t)explain->order->send_at_ms, text));
	else
		put_sentence(
			json,
			"It goes when its turn comes; waiting on its route, itself included: %" PRIu64
			".",
			queue_depth(explain->turn->engine->queue,
				    queue_lane(explain->order->route, explain->order->sandbox)));
	put_sentence(json,
		     "Still queued at %s (queue_deadline), it becomes EXPIRED / QUEUE_EXPIRED.",
		     clock_text(explain, (int64_t)explain->order->queue_deadline_ms, text));
}

static void doubt_changes(const struct story *story, struct json_writer *json)
{
	const struct explain *explain = story->explain;
	const struct store_seg *seg = &story->deciding;
	bool resends = story->route && story->route->doubt == CONFIG_DOUBT_RESEND &&
		       seg->open_attempts == 1;
	char text[25];
	if (resends)
		put_sentence(
			json,
			"The route's policy is resend: at %s it is sent once more, and may then "
			"have been sent twice.",
			clock_text(explain,
				   (int64_t)seg->doubt_since_ms + story->route->doubt_grace_ms,
				   text));
	else
		put_sentence(json, "It is never sent again by itself: %s.",
			     seg->open_attempts > 1 ? "it was sent again once already" :
						      "the route's policy is hold");
	put_sentence(json,
		     "Without evidence by %s (receipt_deadline), it becomes UNKNOWN / "
		     "SUBMIT_UNCONFIRMED.",
		     clock_text(explain, receipt_deadline(story), text));
	put_sentence(json, "Without waiting: esmectl doubt close, or doubt resend.");
	put_sentence(
		json,
		"Its message_id is not known: a receipt is kept as an orphan, and counts once it "
		"is joined%s.",
		story->route && carrier_of(story)->join_unique_receipt ?
			", by itself where it fits this message alone; or by esmectl doubt join" :
			" by esmectl doubt join (esmectl doubt list suggests)");
}

static void deadline_changes(const struct story *story, struct json_writer *json)
{
	char text[25];
	switch ((enum store_state)story->explain->message->state) {
	case STORE_STATE_QUEUED:
		queued_changes(story, json);
		return;
	case STORE_STATE_SUBMITTED:
		if (story->route)
			put_sentence(json,
				     "Without an answer within %" PRId64
				     " ms of leaving, it is in doubt.",
				     (int64_t)carrier_of(story)->timers.response_ms);
		return;
	case STORE_STATE_IN_DOUBT:
		doubt_changes(story, json);
		return;
	case STORE_STATE_SENT:
		put_sentence(json,
			     "Without a receipt by %s (receipt_deadline), it becomes UNKNOWN / %s.",
			     clock_text(story->explain, receipt_deadline(story), text),
			     store_error_name(story->deciding.error == STORE_ERROR_RECEIPT_UNKNOWN ?
						      STORE_ERROR_RECEIPT_UNKNOWN :
						      STORE_ERROR_NO_RECEIPT));
		return;
	case STORE_STATE_UNKNOWN:
	case STORE_STATE_DELIVERED:
	case STORE_STATE_FAILED:
	case STORE_STATE_EXPIRED:
	case STORE_STATES:
		return;
	}
}

/* A sequence_number means something within its session only (SMPP 3.4, 5.1.4). */
static bool session_lives(const struct story *story)
{
	const struct engine *engine = story->explain->turn->engine;
	for (size_t i = 0; story->lost_on && i < engine->n_providers; i++)
		for (size_t k = 0; k < engine->providers[i]->n_links; k++) {
			const struct link *link = engine->providers[i]->links[k];
			if (link->state == LINK_BOUND && link->session_number == story->lost_on)
				return true;
		}
	return false;
}

/* Events that come from outside and are not told with their time above. */
static bool may_come(const struct story *story, enum life_event event)
{
	const struct config_route *route = story->route;
	bool beats = route && route->delivered_beats_failed;
	bool final = route && carrier_of(story)->receipt_unknown == CONFIG_RECEIPT_UNKNOWN_FINAL;
	bool open = story->deciding.state == STORE_STATE_SUBMITTED || session_lives(story);
	bool sent = story->deciding.attempts || open;
	switch (event) {
	case LIFE_ON_ACCEPTED:
	case LIFE_ON_REFUSED_FOR_NOW:
	case LIFE_ON_REFUSED:
		return open;
	case LIFE_ON_RECEIPT_FAILED:
	case LIFE_ON_RECEIPT_EXPIRED:
	case LIFE_ON_RECEIPT_PENDING:
		return sent;
	case LIFE_ON_RECEIPT_DELIVERED:
		return sent && !beats;
	case LIFE_ON_RECEIPT_BEATS:
		return sent && beats;
	case LIFE_ON_RECEIPT_UNKNOWN:
		return sent && !final;
	case LIFE_ON_RECEIPT_UNKNOWN_FINAL:
		return sent && final;
	case LIFE_ON_SIBLING_FAILED:
	case LIFE_ON_SIBLING_EXPIRED:
		return story->explain->order->parts > 1;
	case LIFE_ON_CANCELLED:
		return story->deciding.state == STORE_STATE_QUEUED;
	case LIFE_ON_QUERIED:
	case LIFE_ON_CANCEL_ASKED:
	case LIFE_ON_CANCEL_ANSWERED:
	case LIFE_ON_REPLACE_ASKED:
	case LIFE_ON_REPLACE_ANSWERED:
	case LIFE_ON_RELEASED:
	case LIFE_ON_UNSENT:
	case LIFE_ON_LOST:
	case LIFE_ON_EARLIER_REFUSED:
	case LIFE_ON_QUEUE_DEADLINE:
	case LIFE_ON_QUEUE_REFUSED:
	case LIFE_ON_RECEIPT_DEADLINE:
	case LIFE_ON_RESEND:
	case LIFE_EVENTS:
		break;
	}
	return false;
}

/* It tells the fate of an attempt that was open: an answer to it, or a receipt when it is the only one. */
static bool closes(enum life_event event, const struct store_seg *seg)
{
	bool receipt = event == LIFE_ON_RECEIPT_FAILED || event == LIFE_ON_RECEIPT_EXPIRED;
	return event == LIFE_ON_ACCEPTED || event == LIFE_ON_REFUSED ||
	       event == LIFE_ON_REFUSED_FOR_NOW || (receipt && seg->open_attempts == 1);
}

static void put_changes(const struct story *story, struct json_writer *json)
{
	const struct store_seg *seg = &story->deciding;
	enum store_state state = (enum store_state)seg->state;
	bool any = !life_is_final(state);
	json_key(json, "would_change");
	json_begin_array(json);
	if (story->decided)
		deadline_changes(story, json);
	for (int i = 0; story->decided && i < LIFE_EVENTS; i++) {
		struct store_seg after = *seg;
		enum life_event event = (enum life_event)i;
		if (!may_come(story, event))
			continue;
		if (closes(event, seg) && after.open_attempts)
			after.open_attempts--;
		life_apply(&after, event, STORE_ERROR_NONE);
		if (after.state == seg->state && after.error == seg->error)
			continue;
		any = true;
		put_sentence(json, "%s: %s%s%s", life_event_text(event),
			     store_state_name((enum store_state)after.state),
			     after.error ? " / " : "",
			     store_error_name((enum store_error)after.error));
	}
	if (!any)
		json_put_text(json, "Nothing: it is final. A receipt that says otherwise would be "
				    "recorded and shown.");
	json_end_array(json);
}

/* ---- the whole ---- */

static void release_story(struct story *story)
{
	for (uint32_t i = 0; i < story->n; i++) {
		free(story->steps[i].what);
		free(story->steps[i].cause);
	}
	free(story->steps);
}

void explain_message(const struct explain *explain, struct json_writer *json)
{
	const struct store_message *message = explain->message;
	struct story story = {
		.explain = explain,
		.route = config_route_find(explain->turn->engine->config, explain->order->route),
		.steps = calloc(STEPS_MAX, sizeof(*story.steps)),
	};
	if (!story.steps) {
		json->out->failed = true;
		return;
	}
	fold_in_effect(explain);
	add_acceptance(&story);
	for (uint32_t n = 0; n < explain->order->parts; n++)
		add_segment(&story, n);
	qsort(story.steps, story.n, sizeof(*story.steps), by_time);
	json_add_text(json, "bx_message_id", explain->id);
	json_add_text(json, "msisdn", explain->msisdn);
	json_add_text(
		json, "status",
		life_shown((enum store_state)message->state, (enum store_error)message->error));
	json_add_text(json, "state", store_state_name((enum store_state)message->state));
	json_add_bool(json, "final", life_is_final((enum store_state)message->state));
	put_because(&story, json);
	put_steps(&story, json);
	put_unusual(&story, json);
	put_changes(&story, json);
	release_story(&story);
}
