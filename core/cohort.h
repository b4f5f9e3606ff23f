/*
 * Cohorts: sums over like messages - of one account, on one route of one provider, to one country,
 * in so many parts, that could go out in the same minute or hour - of what became of them and how
 * long each stage took. So outcomes of a window, receipts that stopped and like inputs that ended
 * differently are read from a few records, however many messages there were.
 *
 * A cohort's counts are a function of its messages: cohort_bits says what one message counts in,
 * and core/orders*.c, where alone a message changes, moves it from what it was to what it is. The
 * moves of a turn are gathered in memory and put down by its flush, one small record for each
 * minute of likes, so that who waits for the turn waits for no more than that. Within about a
 * second a turn of the engine folds them into the cohorts: the minute and the hour, of the account
 * and of all on its route, and deletes them in the same transaction. So cohorts and pending moves
 * together are the count, wherever a crash came. Who reads cohorts has what is pending folded
 * first. Messages of sandbox accounts, and of orders of before there were cohorts, count nowhere.
 */
#ifndef CORE_COHORT_H
#define CORE_COHORT_H

#include "core/evidence.h"
#include "core/hash.h"
#include "core/histogram.h"
#include "core/turn.h"

/* Bits of store_order.flags. */
#define COHORT_ORDER_COUNTS 1u /* its messages are counted: set when it is made */

/* The account of sums over all accounts, countries and parts. */
#define COHORT_ALL 0

#define COHORT_MINUTE_MS 60000
#define COHORT_HOUR_MS	 3600000

enum cohort_span {
	COHORT_MINUTE,
	COHORT_HOUR
};

enum cohort_count {
#define COHORT_ENUM(NAME, name, doc) COHORT_##NAME,
	STORE_COHORT_ROWS(COHORT_ENUM)
#undef COHORT_ENUM
	COHORT_COUNTS
};
#define COHORT_OUTCOMES (COHORT_UNKNOWN + 1) /* the first counts are outcomes */

/* "on_time", and what it counts; static. */
const char *cohort_count_name(enum cohort_count count);
const char *cohort_count_text(enum cohort_count count);

enum cohort_stage {
	COHORT_QUEUE,	 /* until the first release of each segment */
	COHORT_WINDOW,	 /* from each release until its last octet left */
	COHORT_PROVIDER, /* from then to the answer */
	COHORT_DELIVERY, /* from the answer that took a segment to its final receipt */
	COHORT_TOTAL,	 /* until a message was DELIVERED */
	COHORT_STAGES
};
/* "queue". */
const char *cohort_stage_name(enum cohort_stage stage);

struct cohort_example {
	uint64_t order; /* 0: none */
	uint32_t index;
};

struct cohort_sums {
	int64_t counts[COHORT_COUNTS];
	struct histogram stages[COHORT_STAGES];
	struct cohort_example examples[COHORT_OUTCOMES]; /* the newest; may be another by now */
};

/* A bit, 1 << enum cohort_count, for each count that the message is in. */
uint32_t cohort_bits(const struct store_message *message);
/* When the messages of an order could go out at the earliest: what their times are counted from. */
int64_t cohort_start_ms(const struct store_order *order);

/* ---- within a turn ---- */

struct cohort;

/* Where an order's messages count; NULL: nowhere, or the turn failed. Lives as long as the turn. */
struct cohort *cohort_of(struct turn *turn, const struct store_order *order);

/* A message that counted in `was` (0: it is new) counts in `is` from now on. `cohort` may be NULL. */
void cohort_move(struct cohort *cohort, uint32_t was, uint32_t is, uint64_t order, uint32_t index);

/* How long a message took from its start until it was DELIVERED. */
void cohort_took(struct cohort *cohort, int64_t ms);

/*
 * Something happened to a segment: adds the stages that ended by it. `seg` is as it was before the
 * row is appended to its evidence; `ends` that the row decides what became of it.
 */
void cohort_measure(struct cohort *cohort, const struct store_order *order,
		    const struct store_seg *seg, const struct evidence *row, bool ends);

/* Puts down what was gathered. */
void cohorts_flush(struct turn *turn);
/* Lets go of it; after the effects. */
void cohorts_release(struct turn *turn);

/* ---- folding, in turns of the engine ---- */

/*
 * Folds what turns before put down, the oldest first: a bounded number, and twice what this turn
 * has moved, so that it always comes to an end. True: all of it. Where the store has hardly any
 * room it stays pending.
 */
bool cohorts_fold(struct turn *turn);
/* Somebody waits for it, or it is under way: it goes on in the next turn. */
bool cohorts_wait(const struct engine *engine);

/*
 * Before reading: true when the cohorts hold all that was moved when this was asked first, with
 * *folds 0. False: a turn folds; ask again after it, with *folds as it was left. True also when the
 * store has no room to fold in; then what is pending is not told.
 */
bool cohorts_folded(struct engine *engine, uint64_t *folds);

/* Deletes minutes and hours that nobody asks for any more; a bounded slice. */
void cohorts_trim(struct turn *turn, unsigned budget);

/* ---- reading ---- */

/* Adds a record's counts and stages, and takes its examples: records are added oldest first. */
void cohort_add(struct cohort_sums *sums, const struct store_cohort *rec);
/* Adds counts and stages of `by`, and takes its examples. */
void cohort_merge(struct cohort_sums *sums, const struct cohort_sums *by);

/*
 * Of one route over all accounts but sandboxes, of what is on disk. `sums.counts` begin with the
 * hours and moves in the store, which stay while anything in them is IN_DOUBT or AWAITING: of these
 * they are how many there are now. `came` and the stages are of this process and only rise: messages
 * that came to be counted so.
 */
struct cohort_total {
	uint32_t route;
	struct cohort_sums sums;
	uint64_t came[COHORT_COUNTS];
	UT_hash_handle hh; /* by route */
};
/* All figures are 0 of a route whose messages were never counted. */
const struct cohort_total *cohort_total_of(const struct engine *engine, uint32_t route);

struct cohorts;
struct cohorts *cohorts_new(void);
/* What the store holds at start, before any turn. */
enum store_err cohorts_load(struct engine *engine);
void cohorts_free(struct cohorts *cohorts);

#endif
