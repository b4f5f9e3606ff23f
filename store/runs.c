/* Sealed runs of provider ids: searching, sealing, merging, dropping. See runs.h. */
#include "store/runs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/filter.h"

#define LEVELS	  5
#define FAN	  8
#define RUNS_MOST 160
#define SPEED	  2 /* entries merged per level for each that is added */

#define PIECE_OCTETS 1984 /* of a filter, per record */
#define FILTER_FIRST UINT64_MAX
#define FILTER_N     ((uint32_t)1 << 31)
#define CLEAN_EXTRA  16
#define SORT_BITS    12
#define SORT_BUCKETS (1u << SORT_BITS)

/* All levels' parts look the same; the kind tells the table. */
typedef struct store_id_part_0 part;
static_assert(sizeof(part) == sizeof(struct store_id_part_4), "parts of all levels are alike");

static enum store_kind part_kind(unsigned level)
{
	return (enum store_kind)(STORE_KIND_ID_PART_0 + level);
}

struct run {
	uint64_t id;
	uint64_t entries;
	uint64_t log_to;
	uint64_t newest_ms;
	uint8_t *filter; /* shared by now and next; NULL when dead */
	uint32_t filter_octets;
	uint32_t chunks;
	uint8_t level;
	uint8_t state; /* enum store_run_state */
};

/* How far a run has been read by the merge it goes into. */
struct input {
	uint64_t run;
	uint64_t first; /* key of the chunk that is being read */
	uint32_t n;
	uint32_t skip; /* entries of it that are merged */
	bool done;
};

/* The merge out of one level; `out` is the run it builds, 0 when there is none. */
struct merge {
	uint64_t out;
	uint64_t credit;
	struct input in[FAN];
	bool merged; /* what is left is writing the filter */
	uint32_t pieces;
};

/* Runs from the oldest log_to to the newest. */
struct state {
	unsigned n;
	struct run runs[RUNS_MOST];
	struct merge merges[LEVELS];
	uint64_t log_to;
};

struct store_runs {
	struct state now;
	struct state next; /* what becomes of it when the transaction is committed */
	bool staged;
	part heads[FAN]; /* chunks under a merge's hands */
};

/* --- Now and next ----------------------------------------------------------------------------- */

static struct state *stage(struct store_runs *runs)
{
	if (!runs->staged)
		runs->next = runs->now;
	runs->staged = true;
	return &runs->next;
}

/* Frees the filters that only `gone` knows. */
static void free_filters(struct state *gone, const struct state *kept)
{
	for (unsigned i = 0; i < gone->n; i++) {
		bool used = false;

		for (unsigned j = 0; j < kept->n && !used; j++)
			used = kept->runs[j].filter == gone->runs[i].filter;
		if (!used)
			free(gone->runs[i].filter);
	}
}

void store_runs_settle(struct store_runs *runs, bool committed)
{
	if (!runs->staged)
		return;
	runs->staged = false;
	if (committed) {
		free_filters(&runs->now, &runs->next);
		runs->now = runs->next;
	} else {
		free_filters(&runs->next, &runs->now);
	}
}

/* A run that a merge works on is in the list until the merge ends. */
static struct run *run_of(struct state *state, uint64_t id)
{
	unsigned i = 0;

	while (i + 1 < state->n && state->runs[i].id != id)
		i++;
	assert(state->runs[i].id == id);
	return &state->runs[i];
}

static enum store_err put_run(struct store_txn *txn, const struct run *run)
{
	struct store_id_run rec = { .run = run->id,
				    .level = run->level,
				    .state = run->state,
				    .log_to = run->log_to,
				    .entries = run->entries,
				    .filter_octets = run->filter_octets,
				    .newest_ms = run->newest_ms,
				    .chunks = run->chunks };

	return store_id_run_put(txn, &rec);
}

bool store_runs_room(const struct store_runs *runs)
{
	const struct state *state = runs->staged ? &runs->next : &runs->now;

	return state->n + LEVELS < RUNS_MOST;
}

uint64_t store_runs_log_to(const struct store_runs *runs)
{
	return runs->staged ? runs->next.log_to : runs->now.log_to;
}

/* --- Filters ---------------------------------------------------------------------------------- */

static enum store_err write_piece(struct store_txn *txn, const struct run *run, uint32_t n)
{
	uint32_t at = n * PIECE_OCTETS;
	uint32_t left = run->filter_octets - at;
	part piece = { .run = run->id,
		       .first = FILTER_FIRST,
		       .n = FILTER_N + n,
		       .octets = { .at = run->filter + at,
				   .n = left < PIECE_OCTETS ? left : PIECE_OCTETS } };

	return store_put(txn, part_kind(run->level), &piece);
}

static uint32_t pieces_of(const struct run *run)
{
	return (run->filter_octets + PIECE_OCTETS - 1) / PIECE_OCTETS;
}

static enum store_err load_filter(struct store_txn *txn, struct run *run)
{
	part piece = { .run = run->id, .first = FILTER_FIRST };

	run->filter = malloc(run->filter_octets);
	if (!run->filter)
		return STORE_FULL;
	for (uint32_t n = 0; n < pieces_of(run); n++) {
		uint32_t at = n * PIECE_OCTETS;

		piece.n = FILTER_N + n;
		enum store_err err = store_get(txn, part_kind(run->level), &piece);

		if (err)
			return err == STORE_NOTFOUND ? STORE_CORRUPT : err;
		if (piece.octets.n > run->filter_octets - at)
			return STORE_CORRUPT;
		memcpy(run->filter + at, piece.octets.at, piece.octets.n);
	}
	return STORE_OK;
}

/* --- Loading ---------------------------------------------------------------------------------- */

static int by_log_to(const void *a, const void *b)
{
	const struct run *left = a;
	const struct run *right = b;

	return (left->log_to > right->log_to) - (left->log_to < right->log_to);
}

static enum store_err load_run(struct store_txn *txn, struct state *state,
			       const struct store_id_run *rec)
{
	if (state->n == RUNS_MOST || rec->level >= LEVELS ||
	    rec->filter_octets % STORE_FILTER_BLOCK || rec->filter_octets < STORE_FILTER_BLOCK)
		return STORE_CORRUPT;
	struct run *run = &state->runs[state->n++];

	*run = (struct run){ .id = rec->run,
			     .entries = rec->entries,
			     .log_to = rec->log_to,
			     .newest_ms = rec->newest_ms,
			     .filter_octets = rec->filter_octets,
			     .chunks = rec->chunks,
			     .level = rec->level,
			     .state = rec->state };
	if (state->log_to < run->log_to)
		state->log_to = run->log_to;
	if (run->state == STORE_RUN_LIVE)
		return load_filter(txn, run);
	run->state = STORE_RUN_DEAD; /* a merge that was not finished is begun anew */
	return STORE_OK;
}

enum store_err store_runs_load(struct store_txn *txn, struct store_runs **out)
{
	struct store_runs *runs = calloc(1, sizeof(*runs));
	struct store_id_run rec = { 0 };
	enum store_err err;

	*out = NULL;
	if (!runs)
		return STORE_FULL;
	for (err = store_id_run_seek(txn, &rec, 0); !err; err = store_id_run_next(txn, &rec, 0)) {
		err = load_run(txn, &runs->now, &rec);
		if (err)
			break;
	}
	if (err != STORE_NOTFOUND) {
		store_runs_free(runs);
		return err;
	}
	qsort(runs->now.runs, runs->now.n, sizeof(runs->now.runs[0]), by_log_to);
	*out = runs;
	return STORE_OK;
}

void store_runs_free(struct store_runs *runs)
{
	if (!runs)
		return;
	store_runs_settle(runs, false);
	for (unsigned i = 0; i < runs->now.n; i++)
		free(runs->now.runs[i].filter);
	free(runs);
}

/* --- Finding ---------------------------------------------------------------------------------- */

/* Calls each for the ids of this hash in a chunk; false when no later chunk can have one. */
static bool scan(const part *chunk, uint64_t hash, store_runs_each_fn *each, void *arg)
{
	size_t low = 0;
	size_t n = chunk->octets.n / STORE_ID_OCTETS;
	size_t high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (store_id_unpack(chunk->octets.at + middle * STORE_ID_OCTETS).hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n; low++) {
		struct store_id id = store_id_unpack(chunk->octets.at + low * STORE_ID_OCTETS);

		if (id.hash != hash)
			return false;
		each(arg, &id);
	}
	return true;
}

/* They lie at the end of the chunk that begins below the hash, and in those that begin with it. */
static enum store_err find_in(struct store_txn *txn, const struct run *run, uint64_t hash,
			      store_runs_each_fn *each, void *arg)
{
	enum store_kind kind = part_kind(run->level);
	part chunk = { .run = run->id, .first = hash };
	enum store_err err = store_back(txn, kind, &chunk, 1);

	if (err == STORE_NOTFOUND)
		err = store_seek(txn, kind, &chunk, 1);
	while (!err && chunk.n < FILTER_N && chunk.first <= hash && scan(&chunk, hash, each, arg))
		err = store_step(txn, kind, &chunk, 1);
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

enum store_err store_runs_find(struct store_txn *txn, struct store_runs *runs, uint64_t hash,
			       store_runs_each_fn *each, void *arg)
{
	const struct state *state = runs->staged ? &runs->next : &runs->now;
	enum store_err err = STORE_OK;

	for (unsigned i = state->n; i > 0 && !err; i--) {
		const struct run *run = &state->runs[i - 1];

		if (run->state == STORE_RUN_LIVE &&
		    store_filter_has(run->filter, run->filter_octets, hash))
			err = find_in(txn, run, hash, each, arg);
	}
	return err;
}

enum store_err store_runs_walk(struct store_txn *txn, const struct store_id_run *run,
			       store_runs_each_fn *each, void *arg)
{
	part chunk = { .run = run->run };
	enum store_err err;

	if (run->level >= LEVELS)
		return STORE_CORRUPT;
	enum store_kind kind = part_kind(run->level);

	for (err = store_seek(txn, kind, &chunk, 1); !err && chunk.n < FILTER_N;
	     err = store_step(txn, kind, &chunk, 1))
		store_ids_each(chunk.octets, each, arg);
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

/* --- Sealing ---------------------------------------------------------------------------------- */

/*
 * A sorted copy: by buckets of the high bits, then by insertion, for hashes are spread evenly and
 * buckets small. NULL: no memory.
 */
static struct store_id *sort_ids(const struct store_id *ids, size_t n)
{
	uint32_t *ends = calloc(SORT_BUCKETS + 1, sizeof(*ends));
	struct store_id *sorted = ends ? malloc(n * sizeof(*sorted)) : NULL;

	if (!sorted) {
		free(ends);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		ends[(ids[i].hash >> (64 - SORT_BITS)) + 1]++;
	for (size_t i = 0; i < SORT_BUCKETS; i++)
		ends[i + 1] += ends[i];
	for (size_t i = 0; i < n; i++)
		sorted[ends[ids[i].hash >> (64 - SORT_BITS)]++] = ids[i];
	free(ends);
	for (size_t i = 1; i < n; i++) {
		struct store_id id = sorted[i];
		size_t at = i;

		for (; at > 0 && sorted[at - 1].hash > id.hash; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = id;
	}
	return sorted;
}

/* Writes one chunk of n ids at the end of a run, and notes them in its filter. */
static enum store_err write_chunk(struct store_txn *txn, struct run *run,
				  const struct store_id *ids, size_t n)
{
	uint8_t octets[STORE_ID_PER_CHUNK * STORE_ID_OCTETS];
	part chunk = { .run = run->id,
		       .first = ids[0].hash,
		       .n = run->chunks++,
		       .octets = { .at = octets, .n = (uint32_t)(n * STORE_ID_OCTETS) } };

	for (size_t i = 0; i < n; i++) {
		store_id_pack(octets + i * STORE_ID_OCTETS, &ids[i]);
		store_filter_add(run->filter, run->filter_octets, ids[i].hash);
	}
	run->entries += n;
	return store_put(txn, part_kind(run->level), &chunk);
}

/* A new run at the end of the list, with an empty filter for so many entries. NULL: no memory. */
static struct run *new_run(struct store_txn *txn, struct state *state, unsigned level,
			   uint64_t entries)
{
	uint32_t octets = store_filter_octets(entries);
	uint8_t *filter = calloc(1, octets);

	if (!filter)
		return NULL;
	assert(state->n < RUNS_MOST);
	struct run *run = &state->runs[state->n++];

	*run = (struct run){ .id = store_next(txn, STORE_NEXT_ID_RUN),
			     .filter = filter,
			     .filter_octets = octets,
			     .level = (uint8_t)level,
			     .state = STORE_RUN_BUILDING };
	return run;
}

/* Chunks and filter of a run that holds just these. */
static enum store_err write_run(struct store_txn *txn, struct run *run, const struct store_id *ids,
				size_t n)
{
	enum store_err err = STORE_OK;

	for (size_t at = 0; at < n && !err; at += STORE_ID_PER_CHUNK) {
		size_t left = n - at;

		err = write_chunk(txn, run, ids + at,
				  left < STORE_ID_PER_CHUNK ? left : STORE_ID_PER_CHUNK);
	}
	for (uint32_t piece = 0; !err && piece < pieces_of(run); piece++)
		err = write_piece(txn, run, piece);
	return err;
}

enum store_err store_runs_seal(struct store_txn *txn, struct store_runs *runs,
			       const struct store_id *ids, size_t n, uint64_t newest_ms,
			       uint64_t log_to)
{
	struct state *state = stage(runs);
	struct store_id *sorted = sort_ids(ids, n);
	struct run *run = sorted ? new_run(txn, state, 0, n) : NULL;
	enum store_err err = run ? write_run(txn, run, sorted, n) : STORE_FULL;

	free(sorted);
	if (err)
		return err;
	run->state = STORE_RUN_LIVE;
	run->newest_ms = newest_ms;
	run->log_to = log_to;
	state->log_to = log_to;
	return put_run(txn, run);
}

/* --- Merging ---------------------------------------------------------------------------------- */

/* Takes the oldest runs of a level, if there are enough. */
static enum store_err begin_merge(struct store_txn *txn, struct state *state, unsigned level)
{
	struct merge *merge = &state->merges[level];
	struct run *inputs[FAN];
	uint64_t entries = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < state->n && n < FAN; i++) {
		if (state->runs[i].level == level && state->runs[i].state == STORE_RUN_LIVE) {
			inputs[n++] = &state->runs[i];
			entries += state->runs[i].entries;
		}
	}
	if (n < FAN || state->n == RUNS_MOST)
		return STORE_OK;
	struct run *out = new_run(txn, state, level + 1, entries);

	if (!out)
		return STORE_OK; /* it waits for memory */
	*merge = (struct merge){ .out = out->id };
	for (n = 0; n < FAN; n++) {
		merge->in[n].run = inputs[n]->id;
		if (out->newest_ms < inputs[n]->newest_ms)
			out->newest_ms = inputs[n]->newest_ms;
		if (out->log_to < inputs[n]->log_to)
			out->log_to = inputs[n]->log_to;
	}
	return put_run(txn, out);
}

/* Reads the chunk that an input stands at; behind its last it is done. */
static enum store_err read_head(struct store_txn *txn, unsigned level, struct input *in, part *head,
				bool behind)
{
	enum store_kind kind = part_kind(level);

	*head = (part){ .run = in->run, .first = in->first, .n = in->n };
	enum store_err err = behind ? store_step(txn, kind, head, 1) :
				      store_seek(txn, kind, head, 1);

	if (err && err != STORE_NOTFOUND)
		return err;
	in->done = err == STORE_NOTFOUND || head->n >= FILTER_N;
	in->first = head->first;
	in->n = head->n;
	return STORE_OK;
}

static struct store_id head_id(const struct input *in, const part *head)
{
	return store_id_unpack(head->octets.at + in->skip * STORE_ID_OCTETS);
}

/* The lowest id of all inputs, which moves its input on. False when all are done. */
static enum store_err take_lowest(struct store_txn *txn, struct merge *merge, unsigned level,
				  part heads[FAN], struct store_id *lowest, bool *any)
{
	unsigned from = 0;

	*any = false;
	for (unsigned i = 0; i < FAN; i++) {
		if (merge->in[i].done)
			continue;
		struct store_id id = head_id(&merge->in[i], &heads[i]);

		if (*any && id.hash >= lowest->hash)
			continue;
		*lowest = id;
		*any = true;
		from = i;
	}
	struct input *in = &merge->in[from];

	if (!*any || ++in->skip < heads[from].octets.n / STORE_ID_OCTETS)
		return STORE_OK;
	in->skip = 0;
	return read_head(txn, level, in, &heads[from], true);
}

static enum store_err merge_chunk(struct store_txn *txn, struct merge *merge, unsigned level,
				  struct run *out, part heads[FAN])
{
	struct store_id ids[STORE_ID_PER_CHUNK];
	size_t n = 0;
	bool any = true;
	enum store_err err = STORE_OK;

	while (n < STORE_ID_PER_CHUNK && any && !err) {
		err = take_lowest(txn, merge, level, heads, &ids[n], &any);
		n += any;
	}
	merge->merged = !any;
	if (!err && n > 0)
		err = write_chunk(txn, out, ids, n);
	return err;
}

static void swap_runs(struct run *a, struct run *b)
{
	struct run run = *a;

	*a = *b;
	*b = run;
}

/* The new run takes the place of the newest it was made of, and all of those are dead. */
static enum store_err end_merge(struct store_txn *txn, struct state *state, struct merge *merge)
{
	struct run *out = run_of(state, merge->out);
	enum store_err err;

	out->state = STORE_RUN_LIVE;
	err = put_run(txn, out);
	for (unsigned i = 0; i < FAN && !err; i++) {
		struct run *in = run_of(state, merge->in[i].run);

		in->state = STORE_RUN_DEAD;
		in->filter = NULL;
		err = put_run(txn, in);
	}
	swap_runs(out, run_of(state, merge->in[FAN - 1].run));
	*merge = (struct merge){ 0 };
	return err;
}

/* Spends a merge's credit: chunks first, then pieces of the filter, at last the exchange. */
static enum store_err go_on(struct store_txn *txn, struct store_runs *runs, struct state *state,
			    unsigned level)
{
	struct merge *merge = &state->merges[level];
	struct run *out = run_of(state, merge->out);
	enum store_err err = STORE_OK;

	for (unsigned i = 0; i < FAN && !merge->merged && !err; i++) {
		if (!merge->in[i].done)
			err = read_head(txn, level, &merge->in[i], &runs->heads[i], false);
	}
	while (!err && merge->out && merge->credit >= STORE_ID_PER_CHUNK) {
		merge->credit -= STORE_ID_PER_CHUNK;
		if (!merge->merged)
			err = merge_chunk(txn, merge, level, out, runs->heads);
		else if (merge->pieces < pieces_of(out))
			err = write_piece(txn, out, merge->pieces++);
		else
			err = end_merge(txn, state, merge);
	}
	return err;
}

enum store_err store_runs_tend(struct store_txn *txn, struct store_runs *runs, size_t added)
{
	struct state *state = stage(runs);
	size_t budget = SPEED * added + CLEAN_EXTRA;
	enum store_err err = STORE_OK;

	for (unsigned level = 0; level + 1 < LEVELS && !err; level++) {
		struct merge *merge = &state->merges[level];

		if (!merge->out)
			err = begin_merge(txn, state, level);
		if (err || !merge->out)
			continue;
		merge->credit += SPEED * added;
		if (merge->credit >= STORE_ID_PER_CHUNK)
			err = go_on(txn, runs, state, level);
	}
	return err ? err : store_runs_clean(txn, runs, &budget);
}

/* --- Dropping --------------------------------------------------------------------------------- */

enum store_err store_runs_expire(struct store_txn *txn, struct store_runs *runs, uint64_t before_ms)
{
	struct state *state = stage(runs);
	enum store_err err = STORE_OK;

	for (unsigned i = 0; i < state->n && !err; i++) {
		struct run *run = &state->runs[i];
		bool merging = false;

		for (unsigned j = 0; j < FAN && state->merges[run->level].out; j++)
			merging |= state->merges[run->level].in[j].run == run->id;
		if (run->state != STORE_RUN_LIVE || run->newest_ms >= before_ms || merging)
			continue;
		run->state = STORE_RUN_DEAD;
		run->filter = NULL;
		err = put_run(txn, run);
	}
	return err;
}

/* One record of a dead run; at last the run itself, which leaves the list. */
static enum store_err clean_one(struct store_txn *txn, struct state *state, unsigned i)
{
	struct run *run = &state->runs[i];
	part piece = { .run = run->id };
	enum store_err err = store_seek(txn, part_kind(run->level), &piece, 1);

	if (!err || err == STORE_CORRUPT)
		return store_del(txn, part_kind(run->level), &piece);
	if (err != STORE_NOTFOUND)
		return err;
	struct store_id_run rec = { .run = run->id };

	err = store_id_run_del(txn, &rec);
	state->n--;
	memmove(run, run + 1, (state->n - i) * sizeof(*run));
	return err;
}

enum store_err store_runs_clean(struct store_txn *txn, struct store_runs *runs, size_t *budget)
{
	struct state *state = stage(runs);
	enum store_err err = STORE_OK;

	for (unsigned i = state->n; i > 0 && !err; i--) {
		while (*budget > 0 && !err && i <= state->n &&
		       state->runs[i - 1].state == STORE_RUN_DEAD) {
			err = clean_one(txn, state, i - 1);
			*budget -= 1;
		}
	}
	return err;
}

void store_runs_info(const struct store_runs *runs, struct store_info *info)
{
	info->ids_memory_octets += sizeof(*runs);
	for (unsigned i = 0; i < runs->now.n; i++) {
		const struct run *run = &runs->now.runs[i];

		if (run->filter)
			info->ids_memory_octets += run->filter_octets;
		if (run->state != STORE_RUN_LIVE)
			continue;
		info->ids += run->entries;
		info->id_runs++;
	}
}
