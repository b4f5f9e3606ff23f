/*
 * Reference numbers of long messages, counted for each pair of source and destination, without a
 * random insert on the disk.
 *
 *   draw ──► list in memory, newest last ──► reference_log, appended
 *              └── slots: where the pair's last draw stands in the list
 *
 * A draw is told by 48 bits of the pair's hash and the reference, eight octets. The log keeps the
 * last KEEP draws or a few more, and a start reads them back. A pair that drew nothing among them
 * is forgotten and begins anew, at a number that others have just left behind them.
 *
 * Draws of an open transaction stand at the end of the list, so that it sees its own; when it is
 * aborted the list is cut back to what was settled.
 */
#include "store/references.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEEP	   (1024 * (size_t)STORE_DRAWS_PER_RECORD)
#define LIST_FIRST 1024
#define PAIR(draw) ((draw) >> 16)

struct store_references {
	uint64_t *list;	 /* draws: pair << 16 | reference, oldest first */
	uint32_t *slots; /* open-addressed by pair: place in list plus 1, 0 for none */
	uint64_t base;	 /* number of list[0], counted from the store's first draw */
	size_t n;
	size_t settled; /* of n, those that are committed */
	size_t cap;	/* of list, a power of 2; slots are twice as many */
};

/* --- The list --------------------------------------------------------------------------------- */

/* The slot of the pair, or the empty one where it belongs. */
static uint32_t *slot_of(const struct store_references *refs, uint64_t pair)
{
	size_t mask = 2 * refs->cap - 1, slot = pair & mask;

	while (refs->slots[slot] && PAIR(refs->list[refs->slots[slot] - 1]) != pair)
		slot = (slot + 1) & mask;
	return &refs->slots[slot];
}

static void index_all(struct store_references *refs)
{
	if (refs->slots)
		memset(refs->slots, 0, 2 * refs->cap * sizeof(*refs->slots));
	for (size_t i = 0; i < refs->n; i++)
		*slot_of(refs, PAIR(refs->list[i])) = (uint32_t)i + 1;
}

static bool grow(struct store_references *refs)
{
	size_t cap = refs->cap ? 2 * refs->cap : LIST_FIRST;
	uint32_t *slots = malloc(2 * cap * sizeof(*slots));
	uint64_t *list = slots ? realloc(refs->list, cap * sizeof(*list)) : NULL;

	if (!list) {
		free(slots);
		return false;
	}
	free(refs->slots);
	refs->list = list;
	refs->slots = slots;
	refs->cap = cap;
	index_all(refs);
	return true;
}

static enum store_err append(struct store_references *refs, uint64_t draw)
{
	if (refs->n == refs->cap && !grow(refs))
		return STORE_FULL;
	refs->list[refs->n++] = draw;
	*slot_of(refs, PAIR(draw)) = (uint32_t)refs->n;
	return STORE_OK;
}

enum store_err store_reference_draw(struct store_txn *txn, uint64_t pair, uint16_t *reference)
{
	struct store_references *refs = store_txn_references(txn);
	uint64_t last = refs->base + refs->n; /* of a pair that is not known */

	pair = PAIR(pair);
	if (refs->n && *slot_of(refs, pair))
		last = refs->list[*slot_of(refs, pair) - 1];
	*reference = (uint16_t)(last + 1);
	return append(refs, pair << 16 | *reference);
}

void store_references_settle(struct store_references *refs, bool committed)
{
	if (!committed && refs->n > refs->settled) {
		refs->n = refs->settled;
		index_all(refs);
	}
	refs->settled = refs->n;
	if (refs->n < 2 * KEEP)
		return;
	memmove(refs->list, refs->list + KEEP, (refs->n - KEEP) * sizeof(*refs->list));
	refs->base += KEEP;
	refs->n -= KEEP;
	refs->settled = refs->n;
	index_all(refs);
}

/* --- The log ---------------------------------------------------------------------------------- */

static void put_draw(uint8_t at[STORE_DRAW_OCTETS], uint64_t draw)
{
	for (unsigned i = 0; i < STORE_DRAW_OCTETS; i++)
		at[i] = (uint8_t)(draw >> (56 - 8 * i));
}

static uint64_t get_draw(const uint8_t at[STORE_DRAW_OCTETS])
{
	uint64_t draw = 0;

	for (unsigned i = 0; i < STORE_DRAW_OCTETS; i++)
		draw = draw << 8 | at[i];
	return draw;
}

/* The record that begins with draw number `first`, as full as it can be. */
static enum store_err write_record(struct store_txn *txn, const struct store_references *refs,
				   uint64_t first)
{
	uint8_t octets[STORE_DRAWS_PER_RECORD * STORE_DRAW_OCTETS];
	struct store_reference_log log = { .first = first, .draws = { .at = octets } };

	for (size_t i = (size_t)(first - refs->base); i < refs->n && log.draws.n < sizeof(octets);
	     i++) {
		put_draw(octets + log.draws.n, refs->list[i]);
		log.draws.n += STORE_DRAW_OCTETS;
	}
	return store_reference_log_put(txn, &log);
}

/* Deletes up to two records of which every draw has KEEP newer ones. */
static enum store_err trim(struct store_txn *txn, uint64_t next)
{
	enum store_err err = STORE_OK;

	for (int i = 0; i < 2 && !err; i++) {
		struct store_reference_log log = { 0 };

		err = store_reference_log_seek(txn, &log, 0);
		if (err == STORE_NOTFOUND || log.first + STORE_DRAWS_PER_RECORD + KEEP > next)
			return STORE_OK;
		if (!err || err == STORE_CORRUPT)
			err = store_reference_log_del(txn, &log);
	}
	return err;
}

enum store_err store_references_flush(struct store_txn *txn, struct store_references *refs)
{
	uint64_t next = refs->base + refs->n, at = refs->base + refs->settled;
	enum store_err err = STORE_OK;

	if (refs->n == refs->settled)
		return STORE_OK;
	/* The record that was last goes on, until it is full. */
	for (at -= at % STORE_DRAWS_PER_RECORD; at < next && !err; at += STORE_DRAWS_PER_RECORD) {
		err = write_record(txn, refs, at);
		if (!err)
			err = trim(txn, next);
	}
	return err;
}

/* --- Loading ---------------------------------------------------------------------------------- */

/* Behind a gap, where a record could not be read, the list begins anew: it has no holes. */
static enum store_err load_record(struct store_references *refs,
				  const struct store_reference_log *log)
{
	enum store_err err = STORE_OK;

	if (log->first != refs->base + refs->n) {
		refs->base = log->first - log->first % STORE_DRAWS_PER_RECORD;
		refs->n = 0;
		index_all(refs);
	}
	for (uint32_t at = 0; !err && at + STORE_DRAW_OCTETS <= log->draws.n;
	     at += STORE_DRAW_OCTETS)
		err = append(refs, get_draw(log->draws.at + at));
	return err;
}

static enum store_err load(struct store_txn *txn, struct store_references *refs)
{
	struct store_reference_log log = { 0 };
	enum store_err err = store_reference_log_seek(txn, &log, 0);

	while (!err || err == STORE_CORRUPT) {
		if (!err)
			err = load_record(refs, &log);
		if (!err || err == STORE_CORRUPT)
			err = store_reference_log_next(txn, &log, 0);
	}
	refs->settled = refs->n;
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

enum store_err store_references_load(struct store_txn *txn, struct store_references **out)
{
	struct store_references *refs = calloc(1, sizeof(*refs));
	enum store_err err = refs ? load(txn, refs) : STORE_FULL;

	if (err) {
		store_references_free(refs);
		refs = NULL;
	}
	*out = refs;
	return err;
}

void store_references_free(struct store_references *refs)
{
	if (!refs)
		return;
	free(refs->list);
	free(refs->slots);
	free(refs);
}
