/*
 * Runs: sorted sets of provider ids that no longer change. ids.c seals its log into them; here
 * they are searched, merged, dropped. Used by ids.c only.
 *
 *   id_run     one per run: level, state, number of entries, size of the filter
 *   id_part_L  (run, hash of its first entry, n): 124 entries, so that one search of the b-tree
 *              finds the place and no list of fences is kept; behind them the run's filter, 10
 *              bits an entry, which is read back at start. One table per level, for each has but
 *              one writer at a time and is appended to: its pages are full.
 *
 * Eight runs of a level are merged into one of the next, in slices that ride in the transactions
 * that add ids: two entries for each one added and level, so that a merge ends before half of the
 * next eight runs are there. A level thus never has more than some twelve runs, and their number
 * grows with the logarithm of the ids. A merge that a crash ends is begun anew at the next start.
 */
#ifndef STORE_RUNS_H
#define STORE_RUNS_H

#include "store/store.h"

/* On disk: hash and ref, eight octets each, big-endian. What a ref means is ids.c's. */
struct store_id {
	uint64_t hash;
	uint64_t ref;
};

#define STORE_ID_OCTETS	   16
#define STORE_ID_PER_CHUNK 124

void store_id_pack(uint8_t at[STORE_ID_OCTETS], const struct store_id *id);
struct store_id store_id_unpack(const uint8_t at[STORE_ID_OCTETS]);

/* A run is LIVE once it is whole, and DEAD when its records may be deleted. */
enum store_run_state {
	STORE_RUN_LIVE,
	STORE_RUN_BUILDING,
	STORE_RUN_DEAD
};

struct store_runs;

/* Reads runs and filters back. NULL on an error. */
enum store_err store_runs_load(struct store_txn *txn, struct store_runs **out);
void store_runs_free(struct store_runs *runs);

/*
 * Everything below changes records within txn and memory beside it; store_runs_settle then tells
 * whether the transaction was committed, and memory follows.
 */
void store_runs_settle(struct store_runs *runs, bool committed);

/* False while there are so many runs that sealing must wait for merges. */
bool store_runs_room(const struct store_runs *runs);

/* A new run of level 0 from ids in any order. FULL also when there is no memory to sort in. */
enum store_err store_runs_seal(struct store_txn *txn, struct store_runs *runs,
			       const struct store_id *ids, size_t n, uint64_t newest_ms,
			       uint64_t log_to);

/* The slice of merging and deleting that belongs to `added` new ids. */
enum store_err store_runs_tend(struct store_txn *txn, struct store_runs *runs, size_t added);

/* Live runs whose newest id came before before_ms are dead from now on. */
enum store_err store_runs_expire(struct store_txn *txn, struct store_runs *runs,
				 uint64_t before_ms);

/* Deletes at most `budget` records that are no longer needed; what is left of the budget stays. */
enum store_err store_runs_clean(struct store_txn *txn, struct store_runs *runs, size_t *budget);

/* The log up to this seq is in runs. */
uint64_t store_runs_log_to(const struct store_runs *runs);

/* Calls `each` for every ref under the hash, run by run, newest run first. */
typedef void store_runs_each_fn(void *arg, const struct store_id *id);
enum store_err store_runs_find(struct store_txn *txn, struct store_runs *runs, uint64_t hash,
			       store_runs_each_fn *each, void *arg);

/* Every id of a run by its records alone, and of octets as chunks and log hold them. */
enum store_err store_runs_walk(struct store_txn *txn, const struct store_id_run *run,
			       store_runs_each_fn *each, void *arg);
void store_ids_each(struct store_octets octets, store_runs_each_fn *each, void *arg);

/* Adds to ids, id_runs and ids_memory_octets of info. */
void store_runs_info(const struct store_runs *runs, struct store_info *info);

#endif
