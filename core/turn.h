/*
 * The turn: everything that one write transaction changes, and what may be let out when it is on
 * disk. Inputs are applied to a turn; records change through it; replies, submits and answers are
 * hung on it as effects. Nothing that asserts something leaves the process before the commit.
 * Made, committed and ended by core/engine.c alone; passed to every module that applies an input.
 *
 * Rules for code that applies an input to a turn
 *   - it changes records through turn->txn and core/orders.h only, never memory that mirrors them;
 *   - what must happen after the commit is an effect, and each effect has a form for failure;
 *   - a store error it cannot answer for is turn_fail(), after which it returns: the engine drops
 *     the transaction and applies the inputs again in halves.
 */
#ifndef CORE_TURN_H
#define CORE_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct engine;
struct work;
struct cohort;
struct effect;

/* How a turn ended, as its effects see it. */
enum turn_end {
	TURN_DONE,    /* on disk */
	TURN_DROPPED, /* not on disk; its inputs are applied again or refused: undo, let nothing out */
	TURN_UNKNOWN, /* nobody knows, and the process is about to exit: say so and nothing else */
};

struct effects {
	struct effect *first, *last;
};

struct turn {
	struct engine *engine;
	struct store_txn *txn;
	int64_t now_ms; /* monotonic; of the turn's begin */
	int64_t at_ms;	/* wall clock, for people: in records and feed */
	/*
	 * Wall clock as of the start of this run plus the monotonic time since: the clock of
	 * durable deadlines. A step of the wall clock moves none of them.
	 */
	int64_t due_ms;
	enum store_err error;		 /* first failure; STORE_OK while all is well */
	struct work *works;		 /* orders touched so far; core/orders.c */
	struct cohort *cohorts;		 /* what they change in sums over messages; core/cohort.c */
	struct effects answers, effects; /* see turn_answer and turn_effect */
};

/* Records that the transaction cannot be kept. The first error counts. */
void turn_fail(struct turn *turn, enum store_err err);
static inline bool turn_failed(const struct turn *turn)
{
	return turn->error != STORE_OK;
}

/* Its time has passed: what can be done after it, a long reading, is left until then. */
bool turn_spent(const struct turn *turn);

/*
 * An effect: `run` is called once when the transaction has ended, in the order in which effects
 * were added; it must not touch the transaction. `size` octets of memory
 * for the caller's data, zeroed and freed by the engine after `run`, begin with the struct. NULL,
 * with the turn failed, when there is no memory.
 */
typedef void effect_fn(struct engine *engine, struct effect *effect, enum turn_end end);
struct effect {
	struct effect *next;
	effect_fn *run;
};
struct effect *turn_effect(struct turn *turn, effect_fn *run, size_t size);
/* The same, of an answer that somebody waits for: it runs before all effects and leaves at once. */
struct effect *turn_answer(struct turn *turn, effect_fn *run, size_t size);

#endif
