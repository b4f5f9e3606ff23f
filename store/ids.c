/*
 * Which segments a provider's message id may mean, for as long as retention says, at a cost that
 * does not grow with the store: no random insert ever reaches the disk.
 *
 *   add ──► table in memory ──► id_log, one record per transaction, appended
 *                 │ when there are SEAL_AT of them
 *                 └──► sorted into a run (runs.c), table empty, log deleted bit by bit
 *
 * find asks the table and then the filter of each run, newest first. A start reads the log, which
 * is bounded, and the filters, 1.25 octets an id; nothing is rebuilt from messages.
 *
 * While a transaction is open its ids stand at the end of `list`, so that its own finds see them;
 * when it is aborted the list is cut back to what was settled.
 */
#include "store/ids.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/runs.h"
#include "store/siphash.h"

#define SEAL_AT	   65536
#define LIST_FIRST 4096
#define ID_MOST	   255 /* octets of an id; SMPP knows at most 65 */
#define INDEX_BITS 16
#define SEG_BITS   8
#define ORDER_BITS 40

struct store_ids {
	struct store_runs *runs;
	struct store_id *list; /* what is in no run, oldest first */
	uint32_t *slots;       /* open-addressed by hash: place in list plus 1, 0 for none */
	size_t n;
	size_t settled; /* of n, those that are committed */
	size_t cap;	/* of list; slots are twice as many */
	uint64_t newest_ms;
	bool sealed; /* this transaction put all of the list into a run */
};

uint64_t store_ids_hash(const struct store *store, uint32_t provider, const uint8_t *id, size_t n)
{
	uint8_t octets[4 + ID_MOST] = { (uint8_t)(provider >> 24), (uint8_t)(provider >> 16),
					(uint8_t)(provider >> 8), (uint8_t)provider };

	assert(n <= ID_MOST);
	memcpy(octets + 4, id, n);
	uint64_t hash = store_siphash(store_secret(store), octets, 4 + n);

	return hash ? hash : 1;
}

uint64_t store_keyed_hash(const struct store *store, const void *octets, size_t n)
{
	return store_siphash(store_secret(store), octets, n);
}

static uint64_t pack_ref(const struct store_ref *ref)
{
	assert(ref->order >> ORDER_BITS == 0 && ref->index >> INDEX_BITS == 0 &&
	       ref->segment >> SEG_BITS == 0);
	return ref->order << (INDEX_BITS + SEG_BITS) | (uint64_t)ref->index << SEG_BITS |
	       ref->segment;
}

static struct store_ref unpack_ref(uint64_t ref)
{
	return (struct store_ref){ .order = ref >> (INDEX_BITS + SEG_BITS),
				   .index = (uint32_t)(ref >> SEG_BITS) & 0xffff,
				   .segment = (uint32_t)ref & 0xff };
}

void store_id_pack(uint8_t at[STORE_ID_OCTETS], const struct store_id *id)
{
	for (unsigned i = 0; i < 8; i++) {
		at[i] = (uint8_t)(id->hash >> (56 - 8 * i));
		at[8 + i] = (uint8_t)(id->ref >> (56 - 8 * i));
	}
}

struct store_id store_id_unpack(const uint8_t at[STORE_ID_OCTETS])
{
	struct store_id id = { 0 };

	for (unsigned i = 0; i < 8; i++) {
		id.hash = id.hash << 8 | at[i];
		id.ref = id.ref << 8 | at[8 + i];
	}
	return id;
}

void store_ids_each(struct store_octets octets, store_runs_each_fn *each, void *arg)
{
	for (uint32_t at = 0; at + STORE_ID_OCTETS <= octets.n; at += STORE_ID_OCTETS) {
		struct store_id id = store_id_unpack(octets.at + at);

		each(arg, &id);
	}
}

/* --- The table -------------------------------------------------------------------------------- */

static void insert(struct store_ids *ids, size_t place)
{
	size_t mask = 2 * ids->cap - 1;
	size_t slot = ids->list[place].hash & mask;

	while (ids->slots[slot])
		slot = (slot + 1) & mask;
	ids->slots[slot] = (uint32_t)place + 1;
}

static void cut_back(struct store_ids *ids, size_t n)
{
	ids->n = n;
	if (!ids->slots)
		return;
	memset(ids->slots, 0, 2 * ids->cap * sizeof(*ids->slots));
	for (size_t i = 0; i < n; i++)
		insert(ids, i);
}

static bool grow(struct store_ids *ids)
{
	size_t cap = ids->cap ? 2 * ids->cap : LIST_FIRST;
	uint32_t *slots = malloc(2 * cap * sizeof(*slots));
	struct store_id *list = slots ? realloc(ids->list, cap * sizeof(*list)) : NULL;

	if (!list) {
		free(slots);
		return false;
	}
	free(ids->slots);
	ids->list = list;
	ids->slots = slots;
	ids->cap = cap;
	cut_back(ids, ids->n);
	return true;
}

static enum store_err append(struct store_ids *ids, const struct store_id *id, uint64_t now_ms)
{
	if (ids->n == ids->cap && !grow(ids))
		return STORE_FULL;
	ids->list[ids->n] = *id;
	insert(ids, ids->n++);
	if (ids->newest_ms < now_ms)
		ids->newest_ms = now_ms;
	return STORE_OK;
}

enum store_err store_ids_add(struct store_txn *txn, uint64_t hash, const struct store_ref *ref,
			     uint64_t now_ms)
{
	struct store_id id = { .hash = hash, .ref = pack_ref(ref) };

	return append(store_txn_ids(txn), &id, now_ms);
}

/* --- Finding ---------------------------------------------------------------------------------- */

struct found {
	struct store_ref *refs;
	size_t cap;
	size_t n;
};

/* Keeps a ref unless it is known: the same id may have been told twice. */
static void keep(void *arg, const struct store_id *id)
{
	struct found *found = arg;
	struct store_ref ref = unpack_ref(id->ref);
	size_t kept = found->n < found->cap ? found->n : found->cap;

	for (size_t i = 0; i < kept; i++) {
		if (pack_ref(&found->refs[i]) == id->ref)
			return;
	}
	if (found->n < found->cap)
		found->refs[found->n] = ref;
	found->n++;
}

static void find_in_table(const struct store_ids *ids, uint64_t hash, struct found *found)
{
	size_t mask = 2 * ids->cap - 1;

	if (ids->n == 0)
		return;
	for (size_t slot = hash & mask; ids->slots[slot]; slot = (slot + 1) & mask) {
		const struct store_id *id = &ids->list[ids->slots[slot] - 1];

		if (id->hash == hash)
			keep(found, id);
	}
}

enum store_err store_ids_find(struct store_txn *txn, uint64_t hash, struct store_ref *refs,
			      size_t cap, size_t *n)
{
	struct store_ids *ids = store_txn_ids(txn);
	struct found found = { .refs = refs, .cap = cap };

	find_in_table(ids, hash, &found);
	enum store_err err = store_runs_find(txn, ids->runs, hash, keep, &found);

	*n = found.n;
	return err;
}

/* --- The log ---------------------------------------------------------------------------------- */

static enum store_err write_log(struct store_txn *txn, struct store_ids *ids)
{
	uint8_t octets[STORE_ID_PER_CHUNK * STORE_ID_OCTETS];
	enum store_err err = STORE_OK;

	for (size_t at = ids->settled; at < ids->n && !err;) {
		struct store_id_log log = { .seq = store_next(txn, STORE_NEXT_ID_LOG),
					    .at_ms = ids->newest_ms,
					    .entries = { .at = octets } };

		for (; at < ids->n && log.entries.n < sizeof(octets); at++) {
			store_id_pack(octets + log.entries.n, &ids->list[at]);
			log.entries.n += STORE_ID_OCTETS;
		}
		err = store_id_log_put(txn, &log);
	}
	return err;
}

/* Deletes log records that a run has taken over, before anything else is deleted. */
static enum store_err clean_log(struct store_txn *txn, struct store_ids *ids, size_t *budget)
{
	struct store_id_log log = { 0 };
	enum store_err err = STORE_OK;

	while (*budget > 0 && !err) {
		err = store_id_log_seek(txn, &log, 0);
		if (err && err != STORE_CORRUPT)
			break;
		if (log.seq > store_runs_log_to(ids->runs))
			return STORE_OK;
		err = store_id_log_del(txn, &log);
		*budget -= 1;
	}
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

static enum store_err seal(struct store_txn *txn, struct store_ids *ids)
{
	ids->sealed = true;
	return store_runs_seal(txn, ids->runs, ids->list, ids->n, ids->newest_ms,
			       store_next(txn, STORE_NEXT_ID_LOG));
}

enum store_err store_ids_flush(struct store_txn *txn, struct store_ids *ids)
{
	size_t added = ids->n - ids->settled;
	size_t budget = 2 * added;
	enum store_err err;

	if (added == 0)
		return STORE_OK;
	if (ids->n >= SEAL_AT && store_runs_room(ids->runs))
		err = seal(txn, ids);
	else
		err = write_log(txn, ids);
	if (!err)
		err = clean_log(txn, ids, &budget);
	if (!err)
		err = store_runs_tend(txn, ids->runs, added);
	return err;
}

void store_ids_settle(struct store_ids *ids, bool committed)
{
	store_runs_settle(ids->runs, committed);
	if (committed) {
		if (ids->sealed)
			cut_back(ids, 0);
		ids->settled = ids->n;
	} else if (ids->n > ids->settled) {
		cut_back(ids, ids->settled);
	}
	ids->sealed = false;
}

/* --- Retention -------------------------------------------------------------------------------- */

enum store_err store_ids_expire(struct store_txn *txn, uint64_t before_ms, unsigned budget,
				bool *more)
{
	struct store_ids *ids = store_txn_ids(txn);
	size_t left = budget;
	enum store_err err = store_runs_expire(txn, ids->runs, before_ms);

	if (!err) /* first, so that no log outlives the run that tells it is sealed */
		err = clean_log(txn, ids, &left);
	if (!err)
		err = store_runs_clean(txn, ids->runs, &left);
	*more = !err && left == 0;
	return err;
}

/* --- Loading ---------------------------------------------------------------------------------- */

static enum store_err load_log(struct store_txn *txn, struct store_ids *ids)
{
	struct store_id_log log = { .seq = store_runs_log_to(ids->runs) };
	enum store_err err = store_id_log_next(txn, &log, 0);

	while (!err) {
		for (uint32_t at = 0; !err && at + STORE_ID_OCTETS <= log.entries.n;
		     at += STORE_ID_OCTETS) {
			struct store_id id = store_id_unpack(log.entries.at + at);

			err = append(ids, &id, log.at_ms);
		}
		if (!err)
			err = store_id_log_next(txn, &log, 0);
	}
	ids->settled = ids->n;
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

enum store_err store_ids_load(struct store_txn *txn, struct store_ids **out)
{
	struct store_ids *ids = calloc(1, sizeof(*ids));
	enum store_err err = ids ? store_runs_load(txn, &ids->runs) : STORE_FULL;

	if (!err)
		err = load_log(txn, ids);
	if (err) {
		store_ids_free(ids);
		ids = NULL;
	}
	*out = ids;
	return err;
}

void store_ids_free(struct store_ids *ids)
{
	if (!ids)
		return;
	store_runs_free(ids->runs);
	free(ids->list);
	free(ids->slots);
	free(ids);
}

void store_ids_info(const struct store_ids *ids, struct store_info *info)
{
	if (!ids)
		return;
	info->ids = ids->settled;
	info->ids_memory_octets = ids->cap * (sizeof(*ids->list) + 2 * sizeof(*ids->slots));
	store_runs_info(ids->runs, info);
}
