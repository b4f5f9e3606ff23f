/* See cohorts.h. */
#include "test/sim/cohorts.h"

#include <stdlib.h>
#include <string.h>

#include "core/cohort.h"

struct likeness {
	uint32_t span, slot, account, route, provider, country, parts;
};

struct recount {
	struct likeness of;
	int64_t counts[COHORT_COUNTS]; /* of its messages */
	struct cohort_sums held;       /* what is on disk: its record, and the moves for it */
	UT_hash_handle hh;
};

static struct recount *recount_of(struct recount **all, const struct likeness *of)
{
	struct recount *recount;
	HASH_FIND(hh, *all, of, sizeof(*of), recount);
	if (recount)
		return recount;
	recount = calloc(1, sizeof(*recount));
	recount->of = *of;
	HASH_ADD(hh, *all, of, sizeof(*of), recount);
	return recount;
}

/* What the order's own counters say of its messages. */
static void check_order(const struct store_order *order, const int64_t counts[COHORT_COUNTS],
			cohorts_found_fn *found, void *arg)
{
	const struct {
		enum cohort_count count;
		uint32_t is;
	} witness[] = {
		{ COHORT_MESSAGES, order->total },
		{ COHORT_ON_TIME, order->on_time },
		{ COHORT_LATE, order->late },
		{ COHORT_FAILED, order->failed - order->expired },
		{ COHORT_EXPIRED, order->expired },
		{ COHORT_UNKNOWN, order->unknown },
		{ COHORT_TAKEN, order->taken },
		{ COHORT_REFUSED, order->refused },
		{ COHORT_UNANSWERED, order->unanswered },
		{ COHORT_IN_DOUBT, order->in_doubt },
		{ COHORT_AWAITING, order->sent },
	};
	for (size_t i = 0; i < sizeof(witness) / sizeof(witness[0]); i++)
		if (counts[witness[i].count] != witness[i].is)
			found(arg, cohort_count_name(witness[i].count), order->order);
}

/* The four sums that a message counts in. */
static void recounts_of(struct recount **all, struct likeness minute, struct recount *of[4])
{
	for (uint32_t i = 0; i < 4; i++) {
		struct likeness each = minute;
		each.span = i / 2;
		each.slot = each.span == COHORT_MINUTE ? minute.slot : minute.slot / 60;
		if (i % 2)
			each.account = each.country = each.parts = 0;
		of[i] = recount_of(all, &each);
	}
}

static void count_order(struct store_txn *txn, struct recount **all,
			const struct store_order *order, cohorts_found_fn *found, void *arg)
{
	int64_t counts[COHORT_COUNTS] = { 0 };
	struct store_message message = { .order = order->order };
	for (enum store_err err = store_message_seek(txn, &message, 1); err == STORE_OK;
	     err = store_message_next(txn, &message, 1))
		for (unsigned i = 0; i < COHORT_COUNTS; i++)
			counts[i] += cohort_bits(&message) >> i & 1;
	check_order(order, counts, found, arg);
	struct likeness minute = {
		COHORT_MINUTE,	 (uint32_t)(cohort_start_ms(order) / COHORT_MINUTE_MS),
		order->account,	 order->route,
		order->provider, order->country,
		order->parts
	};
	struct recount *of[4];
	recounts_of(all, minute, of);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned count = 0; count < COHORT_COUNTS; count++)
			of[i]->counts[count] += counts[count];
}

static void add_move(struct recount **all, const struct store_cohort_move *move)
{
	const int64_t counts[COHORT_COUNTS] = {
#define MOVED(NAME, name, doc) [COHORT_##NAME] = move->name,
		STORE_COHORT_ROWS(MOVED)
#undef MOVED
	};
	const uint64_t orders[COHORT_OUTCOMES] = { move->on_time_order, move->late_order,
						   move->failed_order, move->expired_order,
						   move->unknown_order };
	struct likeness minute = { COHORT_MINUTE,  move->minute,  move->account, move->route,
				   move->provider, move->country, move->parts };
	struct recount *of[4];
	recounts_of(all, minute, of);
	for (unsigned i = 0; i < 4; i++) {
		struct cohort_sums *held = &of[i]->held;
		for (unsigned count = 0; count < COHORT_COUNTS; count++)
			held->counts[count] += counts[count];
		histogram_unpack(&held->stages[COHORT_TOTAL], move->total_ms.at, move->total_ms.n);
		for (unsigned outcome = 0; outcome < COHORT_OUTCOMES; outcome++)
			if (orders[outcome])
				held->examples[outcome].order = orders[outcome];
	}
}

static void compare(const struct recount *recount, cohorts_found_fn *found, void *arg)
{
	const struct cohort_sums *sums = &recount->held;
	uint32_t slot = recount->of.slot;
	if (memcmp(sums->counts, recount->counts, sizeof(sums->counts)) != 0)
		found(arg, "a cohort differs from the recount of its messages", slot);
	int64_t delivered = sums->counts[COHORT_ON_TIME] + sums->counts[COHORT_LATE];
	if (sums->stages[COHORT_TOTAL].count != (uint64_t)delivered)
		found(arg, "a cohort has timed more or less than was delivered", slot);
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++)
		if (sums->counts[i] && !sums->examples[i].order)
			found(arg, "a cohort lacks an example", slot);
}

void cohorts_recount(struct store_txn *txn, cohorts_found_fn *found, void *arg)
{
	struct recount *all = NULL, *recount, *next;
	struct store_order order = { 0 };
	struct store_cohort rec = { 0 };
	struct store_cohort_move move = { 0 };
	while (store_order_next(txn, &order, 0) == STORE_OK)
		if (!order.sandbox)
			count_order(txn, &all, &order, found, arg);
	for (enum store_err err = store_cohort_seek(txn, &rec, 0); err == STORE_OK;
	     err = store_cohort_next(txn, &rec, 0)) {
		struct likeness of = { rec.span,     rec.slot,	  rec.account, rec.route,
				       rec.provider, rec.country, rec.parts };
		cohort_add(&recount_of(&all, &of)->held, &rec);
	}
	for (enum store_err err = store_cohort_move_seek(txn, &move, 0); err == STORE_OK;
	     err = store_cohort_move_next(txn, &move, 0))
		add_move(&all, &move);
	HASH_ITER(hh, all, recount, next) {
		compare(recount, found, arg);
		HASH_DEL(all, recount);
		free(recount);
	}
}
