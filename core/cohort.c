/* Sums over like messages: gathered in a turn, written by its flush. See cohort.h. */
#include "core/cohort.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"

#define MINUTES_KEPT 120
#define HOURS_KEPT   48

/* ---- what a message counts in ---- */

#define BIT(NAME) (1u << COHORT_##NAME)

static const struct {
	uint32_t flag, bits;
} of_flags[] = {
	{ STORE_FLAG_ON_TIME, BIT(ON_TIME) },
	{ STORE_FLAG_LATE, BIT(LATE) },
	{ STORE_FLAG_TAKEN, BIT(TAKEN) | BIT(EXPECTED) },
	{ STORE_FLAG_REFUSED, BIT(REFUSED) },
	{ STORE_FLAG_UNANSWERED, BIT(UNANSWERED) },
	{ STORE_FLAG_RETRIED, BIT(RETRIED) },
	{ STORE_FLAG_THROTTLED, BIT(THROTTLED) },
	{ STORE_FLAG_LATE_EVIDENCE, BIT(LATE_EVIDENCE) },
	{ STORE_FLAG_CONTRADICTED, BIT(CONTRADICTED) },
	{ STORE_FLAG_POSSIBLE_DUPLICATE, BIT(POSSIBLE_DUPLICATE) },
};

static const uint32_t of_states[STORE_STATES] = {
	[STORE_STATE_FAILED] = BIT(FAILED),
	[STORE_STATE_EXPIRED] = BIT(EXPIRED),
	[STORE_STATE_UNKNOWN] = BIT(UNKNOWN),
	[STORE_STATE_IN_DOUBT] = BIT(IN_DOUBT),
	[STORE_STATE_DELIVERED] = BIT(RECEIVED) | BIT(EXPECTED),
};

uint32_t cohort_bits(const struct store_message *message)
{
	enum store_error error = (enum store_error)message->error;
	uint32_t bits = BIT(MESSAGES) | of_states[message->state];
	bool knows_not = error == STORE_ERROR_RECEIPT_UNKNOWN;
	for (size_t i = 0; i < sizeof(of_flags) / sizeof(of_flags[0]); i++)
		if (message->flags & of_flags[i].flag)
			bits |= of_flags[i].bits;
	if (knows_not || !strcmp(store_error_stage(error), "delivery"))
		bits |= BIT(RECEIVED) | BIT(EXPECTED);
	if (message->state == STORE_STATE_UNKNOWN && error == STORE_ERROR_NO_RECEIPT)
		bits |= BIT(MISSING);
	if (message->state == STORE_STATE_SENT && !knows_not)
		bits |= BIT(AWAITING);
	return bits;
}

int64_t cohort_start_ms(const struct store_order *order)
{
	return (int64_t)(order->send_at_ms > order->created_ms ? order->send_at_ms :
								 order->created_ms);
}

/* ---- names ---- */

static const struct {
	const char *name, *text;
	size_t at; /* in struct store_cohort */
} rows[COHORT_COUNTS] = {
#define COHORT_ROW(NAME, name, doc) { #name, doc, offsetof(struct store_cohort, name) },
	STORE_COHORT_ROWS(COHORT_ROW)
#undef COHORT_ROW
};

const char *cohort_count_name(enum cohort_count count)
{
	return rows[count].name;
}

const char *cohort_count_text(enum cohort_count count)
{
	return rows[count].text;
}

static const struct {
	const char *name;
	size_t at;
} stages[COHORT_STAGES] = {
	[COHORT_QUEUE] = { "queue", offsetof(struct store_cohort, queue_ms) },
	[COHORT_WINDOW] = { "window", offsetof(struct store_cohort, window_ms) },
	[COHORT_PROVIDER] = { "provider", offsetof(struct store_cohort, provider_ms) },
	[COHORT_DELIVERY] = { "delivery", offsetof(struct store_cohort, delivery_ms) },
	[COHORT_TOTAL] = { "total", offsetof(struct store_cohort, total_ms) },
};

const char *cohort_stage_name(enum cohort_stage stage)
{
	return stages[stage].name;
}

static const struct {
	size_t order, index;
} examples[COHORT_OUTCOMES] = {
#define EXAMPLE(name)                                               \
	{                                                           \
		offsetof(struct store_cohort, name##_order),        \
			offsetof(struct store_cohort, name##_index) \
	}
	[COHORT_ON_TIME] = EXAMPLE(on_time), [COHORT_LATE] = EXAMPLE(late),
	[COHORT_FAILED] = EXAMPLE(failed),   [COHORT_EXPIRED] = EXAMPLE(expired),
	[COHORT_UNKNOWN] = EXAMPLE(unknown),
#undef EXAMPLE
};

static void *member(const struct store_cohort *rec, size_t at)
{
	return (char *)rec + at;
}

/* ---- gathering ---- */

/* Like messages; without padding, for it is hashed. */
struct likeness {
	uint32_t minute, account, route, provider, country, parts;
};

struct cohort {
	struct likeness of;
	struct cohort_sums sums;
	uint64_t came[COHORT_COUNTS];
	UT_hash_handle hh;
};

static struct cohort *find(struct turn *turn, const struct likeness *of)
{
	struct cohort *cohort;
	HASH_FIND(hh, turn->cohorts, of, sizeof(*of), cohort);
	if (cohort)
		return cohort;
	cohort = calloc(1, sizeof(*cohort));
	if (!cohort) {
		turn_fail(turn, STORE_FULL);
		return NULL;
	}
	cohort->of = *of;
	HASH_ADD(hh, turn->cohorts, of, sizeof(*of), cohort);
	if (cohort->hh.tbl)
		return cohort;
	free(cohort);
	turn_fail(turn, STORE_FULL);
	return NULL;
}

struct cohort *cohort_of(struct turn *turn, const struct store_order *order)
{
	struct likeness of = {
		.minute = (uint32_t)(cohort_start_ms(order) / COHORT_MINUTE_MS),
		.account = order->account,
		.route = order->route,
		.provider = order->provider,
		.country = order->country,
		.parts = order->parts,
	};
	if (!(order->flags & COHORT_ORDER_COUNTS) || turn_failed(turn))
		return NULL;
	return find(turn, &of);
}

void cohort_move(struct cohort *cohort, uint32_t was, uint32_t is, uint64_t order, uint32_t index)
{
	if (!cohort)
		return;
	for (uint32_t changed = was ^ is; changed; changed &= changed - 1) {
		unsigned count = (unsigned)__builtin_ctz(changed);
		bool comes = is >> count & 1;
		cohort->sums.counts[count] += comes ? 1 : -1;
		cohort->came[count] += comes;
		if (comes && count < COHORT_OUTCOMES)
			cohort->sums.examples[count] = (struct cohort_example){ order, index };
	}
}

void cohort_took(struct cohort *cohort, int64_t ms)
{
	if (cohort)
		histogram_add(&cohort->sums.stages[COHORT_TOTAL], ms);
}

/* When the provider took it last; false: it never said so, or long ago. */
static bool taken_at(const struct store_order *order, const struct store_seg *seg, int64_t *at_ms)
{
	struct evidence row;
	size_t offset = 0;
	bool taken = false;
	while (evidence_next(seg->evidence.at, seg->evidence.n, &offset, (int64_t)order->created_ms,
			     &row)) {
		if (row.event != LIFE_ON_ACCEPTED)
			continue;
		*at_ms = row.at_ms;
		taken = true;
	}
	return taken;
}

void cohort_measure(struct cohort *cohort, const struct store_order *order,
		    const struct store_seg *seg, const struct evidence *row, bool ends)
{
	int64_t at_ms;
	if (!cohort)
		return;
	struct histogram *into = cohort->sums.stages;
	if (row->has_submit && row->attempt == 1)
		histogram_add(&into[COHORT_QUEUE], row->released_ms - cohort_start_ms(order));
	if (row->has_submit && row->event != LIFE_ON_UNSENT)
		histogram_add(&into[COHORT_WINDOW], row->sent_after_ms);
	if (row->has_submit && row->has_code)
		histogram_add(&into[COHORT_PROVIDER], row->rtt_ms);
	if (ends && !row->has_submit && row->has_code && taken_at(order, seg, &at_ms))
		histogram_add(&into[COHORT_DELIVERY], row->at_ms - at_ms);
}

/* ---- writing ---- */

void cohort_merge(struct cohort_sums *sums, const struct cohort_sums *by)
{
	for (unsigned i = 0; i < COHORT_COUNTS; i++)
		sums->counts[i] += by->counts[i];
	for (unsigned i = 0; i < COHORT_STAGES; i++)
		histogram_merge(&sums->stages[i], &by->stages[i]);
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++)
		if (by->examples[i].order)
			sums->examples[i] = by->examples[i];
}

/* A record that was corrupt, and so begun anew, may lack what is taken from it. */
static uint32_t moved(uint32_t n, int64_t by)
{
	int64_t sum = (int64_t)n + by;
	return sum < 0 ? 0 : sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

/* The octets of a stage that moves lie in `packed` until the record is put. */
static void change(struct store_cohort *rec, const struct cohort_sums *by,
		   uint8_t packed[COHORT_STAGES][HISTOGRAM_OCTETS])
{
	for (unsigned i = 0; i < COHORT_COUNTS; i++) {
		uint32_t *n = member(rec, rows[i].at);
		*n = moved(*n, by->counts[i]);
	}
	for (unsigned i = 0; i < COHORT_STAGES; i++) {
		struct store_octets *octets = member(rec, stages[i].at);
		struct smpp_writer out = { .at = packed[i], .cap = HISTOGRAM_OCTETS };
		struct histogram sum = by->stages[i];
		if (!sum.count)
			continue; /* the octets stay as they are */
		histogram_unpack(&sum, octets->at, octets->n);
		histogram_pack(&sum, &out);
		*octets = (struct store_octets){ packed[i], out.n };
	}
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++) {
		if (!by->examples[i].order)
			continue;
		*(uint64_t *)member(rec, examples[i].order) = by->examples[i].order;
		*(uint32_t *)member(rec, examples[i].index) = by->examples[i].index;
	}
}

/* What has been trimmed is not begun anew by a message that was in it. */
static void write(struct turn *turn, const struct cohort *cohort, enum cohort_span span)
{
	const struct likeness *of = &cohort->of;
	uint8_t packed[COHORT_STAGES][HISTOGRAM_OCTETS];
	struct store_cohort rec = {
		.span = span,
		.slot = span == COHORT_MINUTE ? of->minute : of->minute / 60,
		.account = of->account,
		.route = of->route,
		.provider = of->provider,
		.country = of->country,
		.parts = of->parts,
	};
	struct store_cohort fresh = rec;
	enum store_err err = store_cohort_get(turn->txn, &rec);
	if (err == STORE_NOTFOUND && cohort->sums.counts[COHORT_MESSAGES] <= 0)
		return;
	if (err == STORE_NOTFOUND || err == STORE_CORRUPT)
		rec = fresh;
	else
		turn_fail(turn, err);
	change(&rec, &cohort->sums, packed);
	if (!turn_failed(turn))
		turn_fail(turn, store_cohort_put(turn->txn, &rec));
}

/* Adds each to the sum over all accounts, countries and parts, which is written like the others. */
static void put_together(struct turn *turn)
{
	for (const struct cohort *cohort = turn->cohorts; cohort; cohort = cohort->hh.next) {
		struct likeness of = { .minute = cohort->of.minute,
				       .account = COHORT_ALL,
				       .route = cohort->of.route,
				       .provider = cohort->of.provider };
		struct cohort *all = cohort->of.account == COHORT_ALL ? NULL : find(turn, &of);
		if (all)
			cohort_merge(&all->sums, &cohort->sums);
	}
}

/* ---- since the process began ---- */

struct cohorts {
	struct cohort_total *totals;
	struct store_cohort trimmed[2]; /* of each span: where the round stands; its key counts */
};

struct cohorts *cohorts_new(void)
{
	return calloc(1, sizeof(struct cohorts));
}

void cohorts_free(struct cohorts *cohorts)
{
	struct cohort_total *total, *next;
	if (!cohorts)
		return;
	HASH_ITER(hh, cohorts->totals, total, next) {
		HASH_DEL(cohorts->totals, total);
		free(total);
	}
	free(cohorts);
}

static struct cohort_total *find_total(const struct cohorts *cohorts, uint32_t route)
{
	struct cohort_total *total;
	HASH_FIND(hh, cohorts->totals, &route, sizeof(route), total);
	return total;
}

const struct cohort_total *cohort_total_of(const struct engine *engine, uint32_t route)
{
	static const struct cohort_total none;
	const struct cohort_total *total = find_total(engine->cohorts, route);
	return total ? total : &none;
}

static struct cohort_total *total_of(struct cohorts *cohorts, uint32_t route)
{
	struct cohort_total *total = find_total(cohorts, route);
	if (total)
		return total;
	total = calloc(1, sizeof(*total));
	if (!total)
		return NULL;
	total->route = route;
	HASH_ADD(hh, cohorts->totals, route, sizeof(total->route), total);
	if (find_total(cohorts, route) == total)
		return total;
	free(total);
	return NULL;
}

enum store_err cohorts_load(struct engine *engine)
{
	struct store_cohort rec = { .span = COHORT_HOUR };
	struct store_txn *txn;
	enum store_err err = store_read_begin(engine->store, &txn);
	if (err)
		return err;
	for (err = store_cohort_seek(txn, &rec, 1); !err || err == STORE_CORRUPT;
	     err = store_cohort_next(txn, &rec, 1)) {
		struct cohort_total *total = err || rec.account != COHORT_ALL ?
						     NULL :
						     total_of(engine->cohorts, rec.route);
		for (unsigned i = 0; total && i < COHORT_COUNTS; i++)
			total->sums.counts[i] += *(uint32_t *)member(&rec, rows[i].at);
	}
	store_read_end(txn);
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

struct committed {
	struct effect effect;
	const struct cohort *cohorts; /* the turn's */
};

static void committed(struct engine *engine, struct effect *effect, enum turn_end end)
{
	const struct cohort *cohort = ((struct committed *)effect)->cohorts;
	for (; cohort && end == TURN_DONE; cohort = cohort->hh.next) {
		if (cohort->of.account == COHORT_ALL)
			continue;
		struct cohort_total *total = total_of(engine->cohorts, cohort->of.route);
		if (!total)
			return; /* without memory for it the figures since start lack a turn */
		cohort_merge(&total->sums, &cohort->sums);
		for (unsigned i = 0; i < COHORT_COUNTS; i++)
			total->came[i] += cohort->came[i];
	}
}

void cohorts_flush(struct turn *turn)
{
	if (!turn->cohorts || turn_failed(turn))
		return;
	put_together(turn);
	for (const struct cohort *at = turn->cohorts; at && !turn_failed(turn); at = at->hh.next) {
		write(turn, at, COHORT_MINUTE);
		write(turn, at, COHORT_HOUR);
	}
	struct committed *effect = (void *)turn_effect(turn, committed, sizeof(*effect));
	if (effect)
		effect->cohorts = turn->cohorts;
}

void cohorts_release(struct turn *turn)
{
	struct cohort *cohort, *next;
	HASH_ITER(hh, turn->cohorts, cohort, next) {
		HASH_DEL(turn->cohorts, cohort);
		free(cohort);
	}
}

/* ---- reading ---- */

void cohort_add(struct cohort_sums *sums, const struct store_cohort *rec)
{
	for (unsigned i = 0; i < COHORT_COUNTS; i++)
		sums->counts[i] += *(uint32_t *)member(rec, rows[i].at);
	for (unsigned i = 0; i < COHORT_STAGES; i++) {
		const struct store_octets *octets = member(rec, stages[i].at);
		histogram_unpack(&sums->stages[i], octets->at, octets->n);
	}
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++) {
		uint64_t order = *(uint64_t *)member(rec, examples[i].order);
		uint32_t index = *(uint32_t *)member(rec, examples[i].index);
		if (order)
			sums->examples[i] = (struct cohort_example){ order, index };
	}
}

/* ---- retention ---- */

/*
 * In rounds, from the oldest on. An hour stays while a receipt is awaited in it or a doubt is open,
 * so that what is stuck is counted however old; so a slice goes on behind the last one, or hours
 * that stay would keep all others.
 */
static void trim(struct turn *turn, enum cohort_span span, uint32_t before, unsigned budget)
{
	struct store_cohort *at = &turn->engine->cohorts->trimmed[span];
	at->span = span;
	for (; budget && !turn_failed(turn); budget--) {
		enum store_err err = store_cohort_next(turn->txn, at, 1);
		if (err && err != STORE_CORRUPT && err != STORE_NOTFOUND)
			turn_fail(turn, err);
		if (err == STORE_NOTFOUND || at->slot >= before) {
			*at = (struct store_cohort){ 0 };
			return;
		}
		if (err || span == COHORT_MINUTE || (!at->awaiting && !at->in_doubt))
			turn_fail(turn, store_cohort_del(turn->txn, at));
	}
}

void cohorts_trim(struct turn *turn, unsigned budget)
{
	uint32_t minute = (uint32_t)(turn->due_ms / COHORT_MINUTE_MS);
	trim(turn, COHORT_MINUTE, minute - MINUTES_KEPT, budget);
	trim(turn, COHORT_HOUR, minute / 60 - HOURS_KEPT, budget);
}
