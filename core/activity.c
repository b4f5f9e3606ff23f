/* Activity: notes, records, counters. See activity.h; what is told of them is activity_view.c. */
#include "core/activity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/admission.h"

#define NOTES_MAX  4096 /* beyond it the oldest are lost: the store has refused them for long */
#define WRITE_MANY 500	/* notes that wait for no other change */
#define HOUR_MS	   3600000

struct noted {
	struct store_request rec;
	char address[48];
};

/* A ring of what is not on disk yet. */
struct activity {
	struct noted notes[NOTES_MAX];
	size_t first, n;
	size_t writing; /* the oldest of these are in a turn that is under way */
};

struct activity *activity_new(void)
{
	return calloc(1, sizeof(struct activity));
}

void activity_free(struct activity *activity)
{
	free(activity);
}

static void drop(struct activity *activity, size_t n)
{
	activity->first = (activity->first + n) % NOTES_MAX;
	activity->n -= n;
	activity->writing -= n < activity->writing ? n : activity->writing;
}

void activity_note(struct engine *engine, const struct activity_note *note)
{
	struct activity *activity = engine->activity;
	if (activity->n == NOTES_MAX)
		drop(activity, 1);
	struct noted *noted = &activity->notes[(activity->first + activity->n++) % NOTES_MAX];
	snprintf(noted->address, sizeof(noted->address), "%s", note->address);
	noted->rec = (struct store_request){
		.account = note->account,
		.at_ms = (uint64_t)note->at_ms,
		.method = store_octets_of(note->method),
		.pattern = store_octets_of(note->pattern),
		.status = (uint32_t)note->status,
		.took_us = note->took_us,
		.route = note->route_id,
		.address = store_octets_of(noted->address),
	};
}

bool activity_waits(const struct engine *engine)
{
	const struct activity *activity = engine->activity;
	size_t n = activity->n - activity->writing;
	return n >= WRITE_MANY || (n && engine->draining);
}

/* ---- writing ---- */

/* Its number is one more than the account's newest; the one that leaves the window goes. */
static void put_request(struct turn *turn, struct noted *noted)
{
	struct store_request newest = { .account = noted->rec.account, .seq = UINT64_MAX };
	enum store_err err = store_request_prev(turn->txn, &newest, 1);
	if (err && err != STORE_NOTFOUND && err != STORE_CORRUPT)
		turn_fail(turn, err);
	noted->rec.seq = err == STORE_NOTFOUND ? 1 : newest.seq + 1;
	turn_fail(turn, store_request_put(turn->txn, &noted->rec));
	if (noted->rec.seq <= ACTIVITY_ROWS || turn_failed(turn))
		return;
	struct store_request oldest = { .account = noted->rec.account,
					.seq = noted->rec.seq - ACTIVITY_ROWS };
	err = store_request_del(turn->txn, &oldest);
	turn_fail(turn, err == STORE_NOTFOUND ? STORE_OK : err);
}

static void count_request(struct turn *turn, const struct noted *noted)
{
	char name[80];
	int n = snprintf(name, sizeof(name), "%s %s", (const char *)noted->rec.method.at,
			 (const char *)noted->rec.pattern.at);
	struct store_usage usage = {
		.hour = (uint32_t)(noted->rec.at_ms / HOUR_MS),
		.account = noted->rec.account,
		.hash = store_name_hash((const uint8_t *)name, (size_t)n),
	};
	enum store_err err = store_usage_get(turn->txn, &usage);
	if (err == STORE_CORRUPT) /* counted anew */
		usage.requests = usage.errors = usage.took_us = 0;
	else if (err && err != STORE_NOTFOUND)
		turn_fail(turn, err);
	usage.method = noted->rec.method;
	usage.pattern = noted->rec.pattern;
	usage.requests++;
	usage.errors += noted->rec.status >= 400;
	usage.took_us += noted->rec.took_us;
	turn_fail(turn, store_usage_put(turn->txn, &usage));
}

static void written(struct engine *engine, struct effect *effect, enum turn_end end)
{
	struct activity *activity = engine->activity;
	(void)effect;
	if (end == TURN_DONE)
		drop(activity, activity->writing);
	activity->writing = 0;
}

void activity_write(struct turn *turn)
{
	struct activity *activity = turn->engine->activity;
	if (activity->n == activity->writing)
		return;
	if (store_used_permille(turn->engine->store) >= ADMISSION_FULL_PERMILLE) {
		drop(activity, activity->n); /* receipts need the room */
		return;
	}
	if (!turn_effect(turn, written, sizeof(struct effect)))
		return;
	for (size_t i = activity->writing; i < activity->n && !turn_failed(turn); i++) {
		struct noted *noted = &activity->notes[(activity->first + i) % NOTES_MAX];
		put_request(turn, noted);
		count_request(turn, noted);
	}
	activity->writing = activity->n;
}

void activity_trim(struct turn *turn, unsigned budget)
{
	struct store_usage usage = { 0 };
	uint64_t oldest = (uint64_t)turn->due_ms / HOUR_MS - ACTIVITY_DAYS * 24;
	for (; budget && !turn_failed(turn); budget--) {
		enum store_err err = store_usage_seek(turn->txn, &usage, 0);
		if (err == STORE_NOTFOUND || usage.hour >= oldest)
			return;
		if (err && err != STORE_CORRUPT)
			turn_fail(turn, err);
		else
			turn_fail(turn, store_usage_del(turn->txn, &usage));
	}
}
