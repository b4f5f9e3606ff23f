/* Sums over like messages: gathered in a turn, put down by its flush, folded later. See cohort.h. */
#include "core/cohort.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"

#define HOUR_MINUTES 60
#define MINUTES_KEPT 120
#define HOURS_KEPT   48

#define FOLD_LEAST    64  /* moves in one turn */
#define ROOM_PERMILLE 950 /* with more pages in use, what deletes goes first */

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

/* The two records that hold the same: where in the one and in the other a member is. */
enum form {
	SUM,  /* struct store_cohort: its counts are in 32 bits */
	MOVE, /* struct store_cohort_move: in 64, with a sign */
	FORMS
};
#define AT(name)                                                                              \
	{                                                                                     \
		offsetof(struct store_cohort, name), offsetof(struct store_cohort_move, name) \
	}

static const struct {
	const char *name, *text;
	size_t at[FORMS];
} rows[COHORT_COUNTS] = {
#define COHORT_ROW(NAME, name, doc) { #name, doc, AT(name) },
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
	size_t at[FORMS];
} stages[COHORT_STAGES] = {
	[COHORT_QUEUE] = { "queue", AT(queue_ms) },
	[COHORT_WINDOW] = { "window", AT(window_ms) },
	[COHORT_PROVIDER] = { "provider", AT(provider_ms) },
	[COHORT_DELIVERY] = { "delivery", AT(delivery_ms) },
	[COHORT_TOTAL] = { "total", AT(total_ms) },
};

const char *cohort_stage_name(enum cohort_stage stage)
{
	return stages[stage].name;
}

static const struct {
	size_t order[FORMS], index[FORMS];
} examples[COHORT_OUTCOMES] = {
	[COHORT_ON_TIME] = { AT(on_time_order), AT(on_time_index) },
	[COHORT_LATE] = { AT(late_order), AT(late_index) },
	[COHORT_FAILED] = { AT(failed_order), AT(failed_index) },
	[COHORT_EXPIRED] = { AT(expired_order), AT(expired_index) },
	[COHORT_UNKNOWN] = { AT(unknown_order), AT(unknown_index) },
};
#undef AT

static void *member(const void *rec, size_t at)
{
	return (char *)rec + at;
}

/* ---- gathering ---- */

/* Like messages of one span; without padding, for it is hashed. */
struct likeness {
	uint32_t span, slot, account, route, provider, country, parts;
};

/* What is to be added to a record. Most turns time nothing, so a stage has no memory until then. */
struct cohort {
	struct likeness of;
	bool moves; /* it is not all nothing */
	int64_t counts[COHORT_COUNTS];
	uint32_t came[COHORT_COUNTS];
	struct cohort_example examples[COHORT_OUTCOMES];
	struct histogram *stages[COHORT_STAGES];
	struct turn *turn;
	UT_hash_handle hh;
};

static struct cohort *find(struct turn *turn, struct cohort **all, const struct likeness *of)
{
	struct cohort *cohort;
	HASH_FIND(hh, *all, of, sizeof(*of), cohort);
	if (cohort)
		return cohort;
	cohort = calloc(1, sizeof(*cohort));
	if (!cohort) {
		turn_fail(turn, STORE_FULL);
		return NULL;
	}
	cohort->of = *of;
	cohort->turn = turn;
	HASH_ADD(hh, *all, of, sizeof(*of), cohort);
	if (cohort->hh.tbl)
		return cohort;
	free(cohort);
	turn_fail(turn, STORE_FULL);
	return NULL;
}

static void release(struct cohort **all)
{
	struct cohort *cohort, *next;
	HASH_ITER(hh, *all, cohort, next) {
		HASH_DEL(*all, cohort);
		for (unsigned i = 0; i < COHORT_STAGES; i++)
			free(cohort->stages[i]);
		free(cohort);
	}
}

/* NULL: the turn failed. */
static struct histogram *stage_of(struct cohort *cohort, unsigned stage)
{
	if (!cohort->stages[stage])
		cohort->stages[stage] = calloc(1, sizeof(*cohort->stages[stage]));
	if (!cohort->stages[stage])
		turn_fail(cohort->turn, STORE_FULL);
	cohort->moves = true;
	return cohort->stages[stage];
}

static void add_time(struct cohort *cohort, enum cohort_stage stage, int64_t ms)
{
	struct histogram *histogram = stage_of(cohort, stage);
	if (histogram)
		histogram_add(histogram, ms);
}

struct cohort *cohort_of(struct turn *turn, const struct store_order *order)
{
	struct likeness of = {
		.span = COHORT_MINUTE,
		.slot = (uint32_t)(cohort_start_ms(order) / COHORT_MINUTE_MS),
		.account = order->account,
		.route = order->route,
		.provider = order->provider,
		.country = order->country,
		.parts = order->parts,
	};
	if (!(order->flags & COHORT_ORDER_COUNTS) || turn_failed(turn))
		return NULL;
	return find(turn, &turn->cohorts, &of);
}

void cohort_move(struct cohort *cohort, uint32_t was, uint32_t is, uint64_t order, uint32_t index)
{
	if (!cohort || was == is)
		return;
	cohort->moves = true;
	for (uint32_t changed = was ^ is; changed; changed &= changed - 1) {
		unsigned count = (unsigned)__builtin_ctz(changed);
		bool comes = is >> count & 1;
		cohort->counts[count] += comes ? 1 : -1;
		cohort->came[count] += comes;
		if (comes && count < COHORT_OUTCOMES)
			cohort->examples[count] = (struct cohort_example){ order, index };
	}
}

void cohort_took(struct cohort *cohort, int64_t ms)
{
	if (cohort)
		add_time(cohort, COHORT_TOTAL, ms);
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
	if (row->has_submit && row->attempt == 1)
		add_time(cohort, COHORT_QUEUE, row->released_ms - cohort_start_ms(order));
	if (row->has_submit && row->event != LIFE_ON_UNSENT)
		add_time(cohort, COHORT_WINDOW, row->sent_after_ms);
	if (row->has_submit && row->has_code)
		add_time(cohort, COHORT_PROVIDER, row->rtt_ms);
	if (ends && !row->has_submit && row->has_code && taken_at(order, seg, &at_ms))
		add_time(cohort, COHORT_DELIVERY, row->at_ms - at_ms);
}

/* ---- records ---- */

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

/* The octets of a stage that moves lie in `packed` until the record is put. */
static void change_known(void *rec, enum form form, const struct cohort *by,
			 uint8_t packed[COHORT_STAGES][HISTOGRAM_OCTETS])
{
	for (unsigned i = 0; i < COHORT_STAGES; i++) {
		struct store_octets *octets = member(rec, stages[i].at[form]);
		struct smpp_writer out = { .at = packed[i], .cap = HISTOGRAM_OCTETS };
		if (!by->stages[i])
			continue; /* the octets stay as they are */
		struct histogram sum = *by->stages[i];
		histogram_unpack(&sum, octets->at, octets->n);
		histogram_pack(&sum, &out);
		*octets = (struct store_octets){ packed[i], out.n };
	}
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++) {
		if (!by->examples[i].order)
			continue;
		*(uint64_t *)member(rec, examples[i].order[form]) = by->examples[i].order;
		*(uint32_t *)member(rec, examples[i].index[form]) = by->examples[i].index;
	}
}

/* A record that was corrupt, and so begun anew, may lack what is taken from it. */
static uint32_t moved(uint32_t n, int64_t by)
{
	int64_t sum = (int64_t)n + by;
	return sum < 0 ? 0 : sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

/* What has been trimmed is not begun anew by a message that was in it. */
static void write_sum(struct turn *turn, const struct cohort *cohort)
{
	const struct likeness *of = &cohort->of;
	uint8_t packed[COHORT_STAGES][HISTOGRAM_OCTETS];
	struct store_cohort rec = {
		.span = of->span,
		.slot = of->slot,
		.account = of->account,
		.route = of->route,
		.provider = of->provider,
		.country = of->country,
		.parts = of->parts,
	};
	struct store_cohort fresh = rec;
	enum store_err err = store_cohort_get(turn->txn, &rec);
	if (err == STORE_NOTFOUND && cohort->counts[COHORT_MESSAGES] <= 0)
		return;
	if (err == STORE_CORRUPT)
		rec = fresh;
	else if (err != STORE_NOTFOUND)
		turn_fail(turn, err);
	for (unsigned i = 0; i < COHORT_COUNTS; i++) {
		uint32_t *n = member(&rec, rows[i].at[SUM]);
		*n = moved(*n, cohort->counts[i]);
	}
	change_known(&rec, SUM, cohort, packed);
	if (!turn_failed(turn))
		turn_fail(turn, store_cohort_put(turn->txn, &rec));
}

static struct store_cohort_move no_move(const struct likeness *of)
{
	return (struct store_cohort_move){
		.minute = of->slot,
		.account = of->account,
		.route = of->route,
		.provider = of->provider,
		.country = of->country,
		.parts = of->parts,
	};
}

/* With what turns before have put down and nobody has folded yet. */
static void write_move(struct turn *turn, const struct cohort *cohort)
{
	uint8_t packed[COHORT_STAGES][HISTOGRAM_OCTETS];
	struct store_cohort_move rec = no_move(&cohort->of);
	enum store_err err = store_cohort_move_get(turn->txn, &rec);
	if (err == STORE_CORRUPT)
		rec = no_move(&cohort->of);
	else if (err != STORE_NOTFOUND)
		turn_fail(turn, err);
	for (unsigned i = 0; i < COHORT_COUNTS; i++)
		*(int64_t *)member(&rec, rows[i].at[MOVE]) += cohort->counts[i];
	change_known(&rec, MOVE, cohort, packed);
	if (!turn_failed(turn))
		turn_fail(turn, store_cohort_move_put(turn->txn, &rec));
}

static void take_move(struct cohort *into, const struct store_cohort_move *rec)
{
	for (unsigned i = 0; i < COHORT_COUNTS; i++)
		into->counts[i] += *(int64_t *)member(rec, rows[i].at[MOVE]);
	for (unsigned i = 0; i < COHORT_STAGES; i++) {
		const struct store_octets *octets = member(rec, stages[i].at[MOVE]);
		struct histogram *stage = octets->n ? stage_of(into, i) : NULL;
		if (stage)
			histogram_unpack(stage, octets->at, octets->n);
	}
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++) {
		uint64_t order = *(uint64_t *)member(rec, examples[i].order[MOVE]);
		uint32_t index = *(uint32_t *)member(rec, examples[i].index[MOVE]);
		if (order)
			into->examples[i] = (struct cohort_example){ order, index };
	}
}

/* ---- since the process began ---- */

struct cohorts {
	struct cohort_total *totals;
	struct store_cohort trimmed[2]; /* of each span: where the round stands; its key counts */
	bool pending;			/* moves are in the store */
	bool hurry;			/* the next turn folds */
	uint64_t folds;			/* how often nothing was left */
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

/* Hours, to which the moves that are pending come. */
static enum store_err load_hours(struct engine *engine, struct store_txn *txn)
{
	struct store_cohort rec = { .span = COHORT_HOUR };
	enum store_err err = store_cohort_seek(txn, &rec, 1);
	for (; !err || err == STORE_CORRUPT; err = store_cohort_next(txn, &rec, 1)) {
		struct cohort_total *total = err || rec.account != COHORT_ALL ?
						     NULL :
						     total_of(engine->cohorts, rec.route);
		for (unsigned i = 0; total && i < COHORT_COUNTS; i++)
			total->sums.counts[i] += *(uint32_t *)member(&rec, rows[i].at[SUM]);
	}
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

static enum store_err load_moves(struct engine *engine, struct store_txn *txn)
{
	struct store_cohort_move rec = { 0 };
	enum store_err err = store_cohort_move_seek(txn, &rec, 0);
	for (; !err || err == STORE_CORRUPT; err = store_cohort_move_next(txn, &rec, 0)) {
		struct cohort_total *total = err ? NULL : total_of(engine->cohorts, rec.route);
		engine->cohorts->pending = true;
		for (unsigned i = 0; total && i < COHORT_COUNTS; i++)
			total->sums.counts[i] += *(int64_t *)member(&rec, rows[i].at[MOVE]);
	}
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

enum store_err cohorts_load(struct engine *engine)
{
	struct store_txn *txn;
	enum store_err err = store_read_begin(engine->store, &txn);
	if (err)
		return err;
	err = load_hours(engine, txn);
	if (!err)
		err = load_moves(engine, txn);
	store_read_end(txn);
	return err;
}

static void add_to_total(struct cohort_total *total, const struct cohort *cohort)
{
	for (unsigned i = 0; i < COHORT_COUNTS; i++) {
		total->sums.counts[i] += cohort->counts[i];
		total->came[i] += cohort->came[i];
	}
	for (unsigned i = 0; i < COHORT_STAGES; i++)
		if (cohort->stages[i])
			histogram_merge(&total->sums.stages[i], cohort->stages[i]);
}

struct committed {
	struct effect effect;
	const struct cohort *cohorts; /* the turn's */
};

static void committed(struct engine *engine, struct effect *effect, enum turn_end end)
{
	const struct cohort *cohort = ((struct committed *)effect)->cohorts;
	for (; cohort && end == TURN_DONE; cohort = cohort->hh.next) {
		if (!cohort->moves)
			continue;
		engine->cohorts->pending = true;
		struct cohort_total *total = total_of(engine->cohorts, cohort->of.route);
		if (total) /* without memory for it the figures since start lack a turn */
			add_to_total(total, cohort);
	}
}

void cohorts_flush(struct turn *turn)
{
	bool moves = false;
	for (const struct cohort *at = turn->cohorts; at && !turn_failed(turn); at = at->hh.next) {
		if (!at->moves)
			continue;
		moves = true;
		write_move(turn, at);
	}
	struct committed *effect = NULL;
	if (moves && !turn_failed(turn))
		effect = (void *)turn_effect(turn, committed, sizeof(*effect));
	if (effect)
		effect->cohorts = turn->cohorts;
}

void cohorts_release(struct turn *turn)
{
	release(&turn->cohorts);
}

/* ---- folding ---- */

/* The minute and the hour of a move, of its account and of all on its route. */
static void gather_sums(struct turn *turn, struct cohort **sums,
			const struct store_cohort_move *rec)
{
	for (uint32_t span = COHORT_MINUTE; span <= COHORT_HOUR; span++) {
		uint32_t slot = span == COHORT_MINUTE ? rec->minute : rec->minute / HOUR_MINUTES;
		const struct likeness of[] = {
			{ span, slot, rec->account, rec->route, rec->provider, rec->country,
			  rec->parts },
			{ span, slot, COHORT_ALL, rec->route, rec->provider, 0, 0 },
		};
		for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
			struct cohort *sum = find(turn, sums, &of[i]);
			if (sum)
				take_move(sum, rec);
		}
	}
}

/* The oldest first, and each is deleted: the next slice begins with what is first then. */
static bool take_moves(struct turn *turn, struct cohort **sums, size_t budget)
{
	struct store_cohort_move rec = { 0 };
	for (; budget && !turn_failed(turn); budget--) {
		enum store_err err = store_cohort_move_seek(turn->txn, &rec, 0);
		if (err == STORE_NOTFOUND)
			return true;
		if (err && err != STORE_CORRUPT)
			turn_fail(turn, err);
		if (!err)
			gather_sums(turn, sums, &rec);
		if (!turn_failed(turn))
			turn_fail(turn, store_cohort_move_del(turn->txn, &rec));
	}
	return false;
}

struct folded {
	struct effect effect;
	bool whole;
};

static void folded(struct engine *engine, struct effect *effect, enum turn_end end)
{
	struct cohorts *cohorts = engine->cohorts;
	if (end != TURN_DONE)
		return;
	cohorts->hurry = cohorts->pending = !((struct folded *)effect)->whole;
	cohorts->folds += !cohorts->pending;
}

/* Otherwise what is pending stays so: it takes less room than sums, and is lost to nobody. */
static bool has_room(const struct engine *engine)
{
	return port_now_ms(engine->port) >= engine->full_until_ms &&
	       store_used_permille(engine->store) < ROOM_PERMILLE;
}

bool cohorts_wait(const struct engine *engine)
{
	return engine->cohorts->pending && engine->cohorts->hurry && has_room(engine);
}

bool cohorts_fold(struct turn *turn)
{
	struct cohort *sums = NULL;
	if (!turn->engine->cohorts->pending || !has_room(turn->engine))
		return true;
	struct folded *effect = (void *)turn_effect(turn, folded, sizeof(*effect));
	bool whole = take_moves(turn, &sums, FOLD_LEAST + 2 * HASH_COUNT(turn->cohorts));
	if (effect)
		effect->whole = whole;
	for (const struct cohort *sum = sums; sum && !turn_failed(turn); sum = sum->hh.next)
		write_sum(turn, sum);
	release(&sums);
	return whole;
}

bool cohorts_folded(struct engine *engine, uint64_t *folds)
{
	struct cohorts *cohorts = engine->cohorts;
	if (!*folds)
		*folds = cohorts->folds + 1;
	if (cohorts->folds >= *folds || !cohorts->pending || !has_room(engine))
		return true;
	cohorts->hurry = true;
	return false;
}

/* ---- reading ---- */

void cohort_add(struct cohort_sums *sums, const struct store_cohort *rec)
{
	for (unsigned i = 0; i < COHORT_COUNTS; i++)
		sums->counts[i] += *(uint32_t *)member(rec, rows[i].at[SUM]);
	for (unsigned i = 0; i < COHORT_STAGES; i++) {
		const struct store_octets *octets = member(rec, stages[i].at[SUM]);
		histogram_unpack(&sums->stages[i], octets->at, octets->n);
	}
	for (unsigned i = 0; i < COHORT_OUTCOMES; i++) {
		uint64_t order = *(uint64_t *)member(rec, examples[i].order[SUM]);
		uint32_t index = *(uint32_t *)member(rec, examples[i].index[SUM]);
		if (order)
			sums->examples[i] = (struct cohort_example){ order, index };
	}
}

/* ---- retention ---- */

/* What has not been folded into an hour yet may be what it stays for. */
static bool moves_wait(struct turn *turn, const struct store_cohort *rec)
{
	uint32_t minutes = rec->span == COHORT_MINUTE ? 1 : HOUR_MINUTES;
	struct store_cohort_move move = { .minute = rec->slot * minutes };
	enum store_err err = store_cohort_move_seek(turn->txn, &move, 0);
	if (err && err != STORE_NOTFOUND && err != STORE_CORRUPT)
		turn_fail(turn, err);
	return err != STORE_NOTFOUND && move.minute / minutes == rec->slot;
}

static bool may_go(struct turn *turn, const struct store_cohort *rec)
{
	bool needed = rec->span == COHORT_HOUR && (rec->awaiting || rec->in_doubt);
	return !needed && !moves_wait(turn, rec);
}

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
		if (err || may_go(turn, at))
			turn_fail(turn, store_cohort_del(turn->txn, at));
	}
}

void cohorts_trim(struct turn *turn, unsigned budget)
{
	uint32_t minute = (uint32_t)(turn->due_ms / COHORT_MINUTE_MS);
	trim(turn, COHORT_MINUTE, minute - MINUTES_KEPT, budget);
	trim(turn, COHORT_HOUR, minute / HOUR_MINUTES - HOURS_KEPT, budget);
}
