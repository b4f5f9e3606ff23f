/* See cohorts.h. */
#include "test/sim/cohorts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/cohort.h"

struct likeness {
	uint32_t span, slot, account, route, provider, country, parts;
};

struct recount {
	struct likeness of;
	int64_t counts[COHORT_COUNTS];
	bool found;
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

static void add(struct recount *recount, const int64_t counts[COHORT_COUNTS])
{
	for (unsigned i = 0; i < COHORT_COUNTS; i++)
		recount->counts[i] += counts[i];
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
	for (uint32_t span = COHORT_MINUTE; span <= COHORT_HOUR; span++) {
		int64_t ms = span == COHORT_MINUTE ? COHORT_MINUTE_MS : COHORT_HOUR_MS;
		uint32_t slot = (uint32_t)(cohort_start_ms(order) / ms);
		struct likeness own = {
			span,		slot,	     order->account, order->route, order->provider,
			order->country, order->parts
		};
		struct likeness together = { span, slot, COHORT_ALL, order->route, order->provider,
					     0,	   0 };
		add(recount_of(all, &own), counts);
		add(recount_of(all, &together), counts);
	}
}

static void compare(const struct store_cohort *rec, struct recount *recount,
		    cohorts_found_fn *found, void *arg)
{
	struct cohort_sums sums = { 0 };
	cohort_add(&sums, rec);
	if (memcmp(sums.counts, recount->counts, sizeof(sums.counts)) != 0)
		found(arg, "a cohort differs from the recount of its messages", rec->slot);
	int64_t delivered = sums.counts[COHORT_ON_TIME] + sums.counts[COHORT_LATE];
	if (sums.stages[COHORT_TOTAL].count != (uint64_t)delivered)
		found(arg, "a cohort has timed more or less than was delivered", rec->slot);
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++)
		if (sums.counts[i] && !sums.examples[i].order)
			found(arg, "a cohort lacks an example", rec->slot);
}

void cohorts_recount(struct store_txn *txn, cohorts_found_fn *found, void *arg)
{
	struct recount *all = NULL, *recount, *next;
	struct store_order order = { 0 };
	struct store_cohort rec = { 0 };
	while (store_order_next(txn, &order, 0) == STORE_OK)
		if (!order.sandbox)
			count_order(txn, &all, &order, found, arg);
	for (enum store_err err = store_cohort_seek(txn, &rec, 0); err == STORE_OK;
	     err = store_cohort_next(txn, &rec, 0)) {
		struct likeness of = { rec.span,     rec.slot,	  rec.account, rec.route,
				       rec.provider, rec.country, rec.parts };
		recount = recount_of(&all, &of);
		recount->found = true;
		compare(&rec, recount, found, arg);
	}
	HASH_ITER(hh, all, recount, next) {
		if (!recount->found)
			found(arg, "a cohort is missing", recount->of.slot);
		HASH_DEL(all, recount);
		free(recount);
	}
}
