/* The progress of an order, read back. See timeline.h. */
#include "core/timeline.h"

#include <stdlib.h>

#include "core/listing.h"
#include "core/progress.h"
#include "core/sliced.h"
#include "core/view.h"

#define SLICE_RECORDS 400 /* that are read in one go: messages, segments, older evidence */
#define SLICE_BATCHES 100 /* and batches that are written */
#define POINTS_MOST   100

/* The first and the last time of something, and how often; 0 while it has not been. */
struct span {
	int64_t first_ms, last_ms;
	uint32_t n;
};

struct timeline {
	struct sliced sliced;
	struct store_order order;  /* as the answer began; its octets are not to be used */
	int64_t until_ms;	   /* later evidence is left for the next answer */
	uint32_t index;		   /* of the message that is read next */
	uint32_t batch;		   /* and its batch */
	uint32_t batch_first;	   /* index of that one's first message */
	uint32_t records, batches; /* in this slice */
	uint32_t unreadable;
	struct span batch_released;
	struct span released;  /* of each message, its first release */
	struct span taken;     /* when each was, first */
	struct span delivered; /* when each was, first */
	struct path path;
	struct replay replay;
	struct progress progress;
};

static void extend(struct span *span, int64_t at_ms)
{
	if (!span->n++ || at_ms < span->first_ms)
		span->first_ms = at_ms;
	if (at_ms > span->last_ms)
		span->last_ms = at_ms;
}

/* ---- reading ---- */

static void read_releases(struct timeline *timeline)
{
	const struct path *path = &timeline->path;
	bool any = false;
	for (uint32_t i = 0; i < path->n_steps; i++) {
		const struct path_step *step = &path->steps[i];
		if (step->what != PATH_RELEASED || step->at_ms > timeline->until_ms)
			continue;
		extend(&timeline->batch_released, step->at_ms);
		if (!any)
			extend(&timeline->released, step->at_ms);
		any = true;
	}
}

static void read_changes(struct timeline *timeline)
{
	struct replay_change change;
	bool taken = false, delivered = false;
	replay_begin(&timeline->replay, &timeline->path, timeline->until_ms);
	while (replay_next(&timeline->replay, &change)) {
		progress_add(&timeline->progress, &change);
		if (change.taken && !taken)
			extend(&timeline->taken, change.at_ms);
		if (change.to == STORE_STATE_DELIVERED && !delivered)
			extend(&timeline->delivered, change.at_ms);
		taken = taken || change.taken;
		delivered = delivered || change.to == STORE_STATE_DELIVERED;
	}
}

static void read_message(struct timeline *timeline, struct turn *turn)
{
	struct store_message message = { .order = timeline->order.order, .index = timeline->index };
	enum store_err err = store_message_get(turn->txn, &message);
	timeline->index++;
	timeline->records += timeline->order.parts;
	if (err && err != STORE_NOTFOUND && err != STORE_CORRUPT)
		turn_fail(turn, err);
	timeline->unreadable += err != STORE_OK;
	if (err)
		return;
	timeline->records += message.seg.more;
	path_collect(&timeline->path, turn->engine, turn->txn, &timeline->order, &message);
	read_releases(timeline);
	read_changes(timeline);
}

/* ---- writing ---- */

static void add_time(struct json_writer *json, const char *key, int64_t at_ms)
{
	json_key(json, key);
	api_put_time(json, (uint64_t)at_ms);
}

static void write_batch(struct timeline *timeline, struct turn *turn)
{
	struct json_writer *json = &timeline->sliced.call.json;
	const struct span *released = &timeline->batch_released;
	struct store_batch batch;
	enum store_err err = orders_batch(turn->txn, &timeline->order, timeline->batch, &batch);
	timeline->batch++;
	timeline->batches++;
	if (err && err != STORE_NOTFOUND && err != STORE_CORRUPT)
		turn_fail(turn, err);
	if (!err) {
		json_begin_object(json);
		json_add_uint(json, "n", batch.n + 1);
		json_add_uint(json, "first", batch.first + 1);
		json_add_uint(json, "size", batch.size);
		add_time(json, "first_released_at", released->first_ms);
		add_time(json, "last_released_at", released->last_ms);
		json_add_uint(json, "taken", batch.taken);
		json_add_uint(json, "refused", batch.refused);
		json_add_uint(json, "delivered", batch.delivered);
		json_add_uint(json, "failed", batch.failed);
		json_add_uint(json, "unknown", batch.unknown);
		add_time(json, "closed_at", (int64_t)batch.closed_ms);
		json_end_object(json);
	}
	timeline->batch_released = (struct span){ 0 };
	timeline->batch_first = timeline->index;
}

static void write_point(struct timeline *timeline, int64_t at_ms,
			const struct progress_counts *counts)
{
	struct json_writer *json = &timeline->sliced.call.json;
	const int32_t *of = counts->of;
	json_begin_object(json);
	add_time(json, "at", at_ms);
	json_add_int(json, "offset_ms", at_ms - timeline->progress.base_ms);
	json_add_int(json, "queued", of[STORE_STATE_QUEUED]);
	json_add_int(json, "in_flight", of[STORE_STATE_SUBMITTED]);
	json_add_int(json, "sent", of[STORE_STATE_SENT]);
	json_add_int(json, "in_doubt", of[STORE_STATE_IN_DOUBT]);
	json_add_int(json, "delivered", of[STORE_STATE_DELIVERED]);
	json_add_int(json, "failed", of[STORE_STATE_FAILED] + of[STORE_STATE_EXPIRED]);
	json_add_int(json, "expired", of[STORE_STATE_EXPIRED]);
	json_add_int(json, "unknown", of[STORE_STATE_UNKNOWN]);
	json_add_int(json, "taken", counts->taken);
	view_add_progress(json, (uint32_t)of[STORE_STATE_DELIVERED], timeline->order.total);
	json_end_object(json);
}

/* At acceptance, and after each step in which something changed. */
static void write_points(struct timeline *timeline)
{
	struct json_writer *json = &timeline->sliced.call.json;
	struct progress *progress = &timeline->progress;
	struct progress_counts counts = { .of[STORE_STATE_QUEUED] =
						  (int32_t)timeline->order.total };
	progress_coarsen(progress, POINTS_MOST - 1);
	json_add_int(json, "step_ms", progress->step_ms);
	json_key(json, "points");
	json_begin_array(json);
	write_point(timeline, progress->base_ms, &counts);
	for (uint32_t i = 0; i < progress->n; i++) {
		progress_sum(&counts, &progress->buckets[i].change);
		write_point(timeline, progress->buckets[i].last_ms, &counts);
	}
	json_end_array(json);
}

/* When so many per cent of the messages were there; 0: they are not. */
static int64_t when(const struct timeline *timeline,
		    int32_t (*count)(const struct progress_counts *counts), uint32_t percent)
{
	const struct progress *progress = &timeline->progress;
	struct progress_counts counts = { 0 };
	for (uint32_t i = 0; i < progress->n; i++) {
		progress_sum(&counts, &progress->buckets[i].change);
		if ((int64_t)count(&counts) * 100 >= (int64_t)timeline->order.total * percent)
			return progress->buckets[i].last_ms;
	}
	return 0;
}

static int32_t taken_of(const struct progress_counts *counts)
{
	return counts->taken;
}

/* The end of a span that every message is in. */
static int64_t all(const struct timeline *timeline, const struct span *span)
{
	return span->n == timeline->order.total ? span->last_ms : 0;
}

struct event {
	const char *name;
	int64_t at_ms; /* 0: it has not been */
	int64_t within_ms;
};

static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

/* What is found in a bucket is exact within its step. */
static void write_events(struct timeline *timeline)
{
	struct json_writer *json = &timeline->sliced.call.json;
	const struct store_order *order = &timeline->order;
	int64_t step_ms = timeline->progress.step_ms - 1;
	bool revised = order->resolved_ms && order->updated_ms > order->resolved_ms;
	struct event events[] = {
		{ "accepted", (int64_t)order->created_ms, 0 },
		{ "first_released", timeline->released.first_ms, 0 },
		{ "half_taken", when(timeline, taken_of, 50), step_ms },
		{ "all_released", all(timeline, &timeline->released), 0 },
		{ "all_taken", all(timeline, &timeline->taken), 0 },
		{ "first_delivered", timeline->delivered.first_ms, 0 },
		{ "final_50_pct", when(timeline, progress_final, 50), step_ms },
		{ "final_90_pct", when(timeline, progress_final, 90), step_ms },
		{ "final_99_pct", when(timeline, progress_final, 99), step_ms },
		{ "resolved", (int64_t)order->resolved_ms, 0 },
		{ "revised", revised ? (int64_t)order->updated_ms : 0, 0 },
	};
	size_t n = sizeof(events) / sizeof(events[0]);
	qsort(events, n, sizeof(events[0]), by_time);
	json_key(json, "events");
	json_begin_array(json);
	for (size_t i = 0; i < n; i++) {
		if (!events[i].at_ms)
			continue;
		json_begin_object(json);
		json_add_text(json, "event", events[i].name);
		add_time(json, "at", events[i].at_ms);
		json_add_int(json, "offset_ms", events[i].at_ms - timeline->progress.base_ms);
		json_add_int(json, "within_ms", events[i].within_ms);
		json_end_object(json);
	}
	json_end_array(json);
}

static void write_head(struct timeline *timeline, struct api_call *call)
{
	struct json_writer *json = &call->json;
	const struct store_order *order = &timeline->order;
	json_begin_object(json);
	json_add_text(json, "status", "success");
	json_add_uint(json, "order_id", order->order);
	add_time(json, "created_at", (int64_t)order->created_ms);
	add_time(json, "resolved_at", (int64_t)order->resolved_ms);
	add_time(json, "as_of", call->turn->at_ms);
	json_add_uint(json, "total", order->total);
	json_key(json, "batches");
	json_begin_array(json);
}

static void write_tail(struct timeline *timeline)
{
	struct json_writer *json = &timeline->sliced.call.json;
	json_end_array(json);
	write_events(timeline);
	write_points(timeline);
	json_add_uint(json, "unreadable", timeline->unreadable);
	json_end_object(json);
}

static bool write_slice(struct sliced *sliced, struct turn *turn)
{
	struct timeline *timeline = (struct timeline *)sliced;
	const struct store_order *order = &timeline->order;
	uint32_t batch_size = order->batch_size ? order->batch_size : order->total;
	timeline->records = timeline->batches = 0;
	while (timeline->index < order->total) {
		if (turn_failed(turn) || timeline->records >= SLICE_RECORDS ||
		    timeline->batches >= SLICE_BATCHES)
			return false;
		read_message(timeline, turn);
		if (timeline->index == order->total ||
		    timeline->index - timeline->batch_first == batch_size)
			write_batch(timeline, turn);
	}
	if (turn_failed(turn))
		return false;
	write_tail(timeline);
	return true;
}

/* ---- beginning ---- */

static void let_go(struct sliced *sliced)
{
	path_release(&((struct timeline *)sliced)->path);
}

void timeline_answer(struct api_call *call, const struct store_order *order)
{
	struct timeline *timeline = calloc(1, sizeof(*timeline));
	if (!timeline || !path_init(&timeline->path)) {
		if (timeline)
			path_release(&timeline->path);
		free(timeline);
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	timeline->order = *order;
	timeline->until_ms = INT64_MAX;
	if (orders_pending(order)) {
		int64_t updated_ms = (int64_t)order->updated_ms;
		timeline->until_ms = updated_ms > call->turn->at_ms ? updated_ms :
								      call->turn->at_ms;
	}
	progress_init(&timeline->progress, (int64_t)order->created_ms);
	timeline->sliced.write = write_slice;
	timeline->sliced.release = let_go;
	write_head(timeline, call);
	sliced_answer(&timeline->sliced, call);
}

void timeline_get(struct api_call *call)
{
	static const char *const names[] = { NULL };
	struct store_order order;
	api_query_only(call, names);
	if (api_flawed(call, "shape"))
		return;
	if (listing_order(call, api_number(call, 0), &order))
		timeline_answer(call, &order);
	else if (!turn_failed(call->turn))
		api_refuse_not_found(call, "Order not found.");
}
