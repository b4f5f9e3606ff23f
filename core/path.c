/* The path of a message, collected. See path.h. */
#include "core/path.h"

#include <stdlib.h>

#include "core/history.h"
#include "core/lifecycle.h"
#include "core/link.h"
#include "core/release.h"

/* Of evidence: a message of most parts fits, sent once and receipted; a throttled one may not. */
#define ROWS_MAX 600
/* Three of each row at most, and those of acceptance. */
#define STEPS_MAX (3 * ROWS_MAX + 8)

static const char *const stage_names[PATH_STAGES] = {
	[PATH_ACCEPT] = "accept_ms",	 [PATH_QUEUE] = "queue_ms",
	[PATH_WINDOW] = "window_ms",	 [PATH_PROVIDER] = "provider_ms",
	[PATH_DELIVERY] = "delivery_ms",
};

const char *path_stage_name(enum path_stage stage)
{
	return stage_names[stage];
}

/* What a row of evidence is called as a step. */
static const struct {
	const char *name;
	enum path_stage stage;
} of_event[] = {
	[LIFE_ON_RELEASED] = { "released", PATH_QUEUE },
	[LIFE_ON_UNSENT] = { "unsent", PATH_WINDOW },
	[LIFE_ON_LOST] = { "unanswered", PATH_PROVIDER },
	[LIFE_ON_ACCEPTED] = { "answered", PATH_PROVIDER },
	[LIFE_ON_REFUSED_FOR_NOW] = { "answered", PATH_PROVIDER },
	[LIFE_ON_REFUSED] = { "answered", PATH_PROVIDER },
	[LIFE_ON_EARLIER_REFUSED] = { "answered", PATH_PROVIDER },
	[LIFE_ON_RECEIPT_DELIVERED] = { "receipt", PATH_DELIVERY },
	[LIFE_ON_RECEIPT_BEATS] = { "receipt", PATH_DELIVERY },
	[LIFE_ON_RECEIPT_FAILED] = { "receipt", PATH_DELIVERY },
	[LIFE_ON_RECEIPT_EXPIRED] = { "receipt", PATH_DELIVERY },
	[LIFE_ON_RECEIPT_PENDING] = { "receipt", PATH_DELIVERY },
	[LIFE_ON_RECEIPT_UNKNOWN] = { "receipt", PATH_DELIVERY },
	[LIFE_ON_RECEIPT_UNKNOWN_FINAL] = { "receipt", PATH_DELIVERY },
	[LIFE_ON_QUEUE_DEADLINE] = { "deadline", PATH_QUEUE },
	[LIFE_ON_QUEUE_REFUSED] = { "deadline", PATH_QUEUE },
	[LIFE_ON_RECEIPT_DEADLINE] = { "deadline", PATH_DELIVERY },
	[LIFE_ON_CANCELLED] = { "cancelled", PATH_QUEUE },
	[LIFE_ON_SIBLING_FAILED] = { "ended", PATH_QUEUE },
	[LIFE_ON_SIBLING_EXPIRED] = { "ended", PATH_QUEUE },
	[LIFE_ON_RESEND] = { "resent", PATH_DELIVERY },
	[LIFE_ON_QUERIED] = { "queried", PATH_DELIVERY },
	[LIFE_ON_CANCEL_ASKED] = { "cancel_asked", PATH_DELIVERY },
	[LIFE_ON_CANCEL_ANSWERED] = { "cancel_answered", PATH_DELIVERY },
	[LIFE_ON_REPLACE_ASKED] = { "replace_asked", PATH_DELIVERY },
	[LIFE_ON_REPLACE_ANSWERED] = { "replace_answered", PATH_DELIVERY },
};
_Static_assert(sizeof(of_event) / sizeof(of_event[0]) == LIFE_EVENTS, "every event");

static struct path_step *add(struct path *path, enum path_what what, const char *name,
			     enum path_stage stage, int64_t at_ms)
{
	struct path_step *step = &path->steps[path->n_steps];
	*step = (struct path_step){ .what = what,
				    .name = name,
				    .stage = stage,
				    .at_ms = at_ms,
				    .number = path->n_steps++ };
	return step;
}

static void add_submit(struct path *path, const struct path_row *row)
{
	const struct evidence *evidence = &row->evidence;
	/* Two clocks rounded to milliseconds may disagree by one. */
	int64_t sent_ms = evidence->released_ms + evidence->sent_after_ms;
	sent_ms = sent_ms < evidence->at_ms ? sent_ms : evidence->at_ms;
	add(path, PATH_RELEASED, "released", PATH_QUEUE, evidence->released_ms)->row = row;
	if (evidence->event != LIFE_ON_UNSENT && evidence->event != LIFE_ON_RELEASED)
		add(path, PATH_SUBMITTED, "submitted", PATH_WINDOW, sent_ms)->row = row;
}

static void keep(struct path *path, const struct evidence *evidence, uint32_t segment)
{
	if (path->n_rows == ROWS_MAX) {
		path->cut = true;
		return;
	}
	struct path_row *row = &path->rows[path->n_rows++];
	*row = (struct path_row){ .evidence = *evidence,
				  .segment = segment,
				  .noted = evidence->note.n };
	struct evidence *kept = &row->evidence;
	kept->id = kept->err = kept->note = kept->remarks = (struct smpp_octets){ 0 };
	if (kept->has_submit)
		add_submit(path, row);
	if (kept->event == LIFE_ON_RELEASED)
		return;
	bool closed = kept->by_operator && kept->event == LIFE_ON_RECEIPT_DEADLINE;
	struct path_step *step = add(path, PATH_EVENT,
				     closed ? "closed" : of_event[kept->event].name,
				     of_event[kept->event].stage, kept->at_ms);
	step->row = row;
	step->cause = evidence_told(kept);
}

/* A release without a verdict stands in no row of evidence. */
static void keep_flight(struct path *path, const struct engine *engine, struct segment_ref ref)
{
	const struct flight *flight = releases_carrying(engine->releases, ref);
	if (!flight)
		return;
	struct evidence row = {
		.event = LIFE_ON_RELEASED,
		.at_ms = flight->released_at_ms,
		.has_submit = true,
		.attempt = flight->attempt,
		.session = flight->release->session,
		.released_ms = flight->released_at_ms,
		.in_flight = flight->in_flight,
		.queued = flight->queued,
		.rate_per_s = flight->rate_per_s,
	};
	keep(path, &row, ref.segment);
}

static void collect_segments(struct path *path, const struct engine *engine, struct store_txn *txn)
{
	const struct store_order *order = path->order;
	struct store_message again = *path->message; /* its octets are still the original's */
	struct store_segment segment;
	struct history history;
	struct evidence row;
	for (uint32_t n = 0; n < order->parts; n++) {
		struct segment_ref ref = { order->order, path->message->index, n };
		const struct store_seg *seg = history_segment(txn, order, ref, &again, &segment);
		path->damaged = path->damaged || !seg;
		if (!seg)
			continue;
		history_begin(&history, txn, order, ref, seg);
		while (history_next(&history, &row))
			keep(path, &row, n);
		path->damaged = path->damaged || history.damaged;
		if (seg->state == STORE_STATE_SUBMITTED)
			keep_flight(path, engine, ref);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct path_step *x = a, *y = b;
	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

bool path_init(struct path *path)
{
	*path = (struct path){ .rows = calloc(ROWS_MAX, sizeof(*path->rows)),
			       .steps = calloc(STEPS_MAX, sizeof(*path->steps)) };
	return path->rows && path->steps;
}

void path_release(struct path *path)
{
	free(path->rows);
	free(path->steps);
}

void path_collect(struct path *path, const struct engine *engine, struct store_txn *txn,
		  const struct store_order *order, const struct store_message *message)
{
	int64_t at_ms = (int64_t)order->created_ms;
	path->order = order;
	path->message = message;
	path->n_rows = path->n_steps = 0;
	path->cut = path->damaged = false;
	add(path, PATH_RECEIVED, "received", PATH_ACCEPT, at_ms);
	add(path, PATH_CHECKED, "checked", PATH_ACCEPT, at_ms);
	add(path, PATH_PRICED, "priced", PATH_ACCEPT, at_ms);
	add(path, PATH_DEBITED, "debited", PATH_ACCEPT, at_ms);
	add(path, PATH_QUEUED, "queued", PATH_ACCEPT, at_ms);
	collect_segments(path, engine, txn);
	if (message->final_ms)
		add(path, PATH_FINAL, "final", PATH_DELIVERY, (int64_t)message->final_ms);
	qsort(path->steps, path->n_steps, sizeof(*path->steps), by_time);
}

int64_t path_spent(const struct path *path, int64_t spent_ms[PATH_STAGES])
{
	int64_t begin_ms = (int64_t)path->order->created_ms, before_ms = begin_ms;
	for (int stage = 0; stage < PATH_STAGES; stage++)
		spent_ms[stage] = 0;
	for (uint32_t i = 0; i < path->n_steps; i++) {
		const struct path_step *step = &path->steps[i];
		spent_ms[step->stage] += step->at_ms - before_ms;
		before_ms = step->at_ms;
	}
	return before_ms - begin_ms;
}
