/* The indexes as functions of their records. See index.h. */
#include "store/index.h"

#include <string.h>

#include "store/block.h"
#include "store/rows.h"

static bool account_name(const void *rec, unsigned i, void *entry)
{
	const struct store_account *account = rec;
	struct store_account_name *name = entry;

	name->hash = store_name_hash(account->name.at, account->name.n);
	name->account = account->account;
	return i == 0;
}

static void account_name_owner(const void *entry, void *rec)
{
	const struct store_account_name *name = entry;
	struct store_account *account = rec;

	account->account = name->account;
}

static bool open_order(const void *rec, unsigned i, void *entry)
{
	const struct store_order *order = rec;
	struct store_open_order *open = entry;

	open->order = order->order;
	return i == 0 && (uint64_t)order->delivered + order->failed + order->unknown < order->total;
}

static void open_order_owner(const void *entry, void *rec)
{
	const struct store_open_order *open = entry;
	struct store_order *order = rec;

	order->order = open->order;
}

static bool is_returned(const struct store_seg *seg, struct store_returned *returned)
{
	returned->route = seg->due_route;
	returned->due_ms = seg->due_ms;
	return seg->state == STORE_STATE_QUEUED && seg->due_ms != 0;
}

static bool message_returned(const void *rec, unsigned i, void *entry)
{
	const struct store_message *message = rec;
	struct store_returned *returned = entry;

	returned->order = message->order;
	returned->index = message->index;
	returned->segment = 0;
	return i == 0 && is_returned(&message->seg, returned);
}

static void message_returned_owner(const void *entry, void *rec)
{
	const struct store_returned *returned = entry;
	struct store_message *message = rec;

	message->order = returned->order;
	message->index = returned->index;
}

static bool message_doubt(const void *rec, unsigned i, void *entry)
{
	const struct store_message *message = rec;
	struct store_doubt *doubt = entry;

	doubt->tail = store_tail(message->msisdn) + 1;
	doubt->order = message->order;
	doubt->index = message->index;
	return i == 0 && message->state == STORE_STATE_IN_DOUBT;
}

static void message_doubt_owner(const void *entry, void *rec)
{
	const struct store_doubt *doubt = entry;
	struct store_message *message = rec;

	message->order = doubt->order;
	message->index = doubt->index;
}

static bool segment_returned(const void *rec, unsigned i, void *entry)
{
	const struct store_segment *segment = rec;
	struct store_returned *returned = entry;

	returned->order = segment->order;
	returned->index = segment->index;
	returned->segment = segment->segment;
	return i == 0 && is_returned(&segment->seg, returned);
}

static void segment_returned_owner(const void *entry, void *rec)
{
	const struct store_returned *returned = entry;
	struct store_segment *segment = rec;

	segment->order = returned->order;
	segment->index = returned->index;
	segment->segment = returned->segment;
}

/* Either address; equal ones are one entry. */
static bool orphan_tail(const void *rec, unsigned i, void *entry)
{
	const struct store_orphan *orphan = rec;
	struct store_orphan_tail *tail = entry;

	tail->tail = i == 0 ? orphan->source_tail : orphan->dest_tail;
	tail->seq = orphan->seq;
	return tail->tail != 0 && (i == 0 || (i == 1 && tail->tail != orphan->source_tail));
}

static void orphan_tail_owner(const void *entry, void *rec)
{
	const struct store_orphan_tail *tail = entry;
	struct store_orphan *orphan = rec;

	orphan->seq = tail->seq;
}

/* Up to five hashes; the same one twice is one entry. */
static bool orphan_id(const void *rec, unsigned i, void *entry)
{
	const struct store_orphan *orphan = rec;
	struct store_orphan_id *id = entry;
	const uint64_t hashes[STORE_INDEX_ENTRIES] = { orphan->hash_raw, orphan->hash_dec,
						       orphan->hash_hex, orphan->hash_cut,
						       orphan->hash_text };

	if (i >= STORE_INDEX_ENTRIES || hashes[i] == 0)
		return false;
	for (unsigned j = 0; j < i; j++) {
		if (hashes[j] == hashes[i])
			return false;
	}
	id->hash = hashes[i];
	id->seq = orphan->seq;
	return true;
}

static void orphan_id_owner(const void *entry, void *rec)
{
	const struct store_orphan_id *id = entry;
	struct store_orphan *orphan = rec;

	orphan->seq = id->seq;
}

static bool inbound_hash(const void *rec, unsigned i, void *entry)
{
	const struct store_inbound_group *group = rec;
	struct store_inbound_hash *hash = entry;

	hash->hash = group->hash;
	hash->first = group->first;
	hash->provider = group->provider;
	return i == 0;
}

static void inbound_hash_owner(const void *entry, void *rec)
{
	const struct store_inbound_hash *hash = entry;
	struct store_inbound_group *group = rec;

	group->provider = hash->provider;
	group->first = hash->first;
}

/* Sorted by `of`. */
static const struct store_index indexes[] = {
	{ STORE_KIND_ACCOUNT, STORE_KIND_ACCOUNT_NAME, account_name, account_name_owner },
	{ STORE_KIND_ORDER, STORE_KIND_OPEN_ORDER, open_order, open_order_owner },
	{ STORE_KIND_MESSAGE, STORE_KIND_RETURNED, message_returned, message_returned_owner },
	{ STORE_KIND_MESSAGE, STORE_KIND_DOUBT, message_doubt, message_doubt_owner },
	{ STORE_KIND_SEGMENT, STORE_KIND_RETURNED, segment_returned, segment_returned_owner },
	{ STORE_KIND_ORPHAN, STORE_KIND_ORPHAN_ID, orphan_id, orphan_id_owner },
	{ STORE_KIND_ORPHAN, STORE_KIND_ORPHAN_TAIL, orphan_tail, orphan_tail_owner },
	{ STORE_KIND_INBOUND_GROUP, STORE_KIND_INBOUND_HASH, inbound_hash, inbound_hash_owner },
};

const struct store_index *store_all_indexes(unsigned *n)
{
	*n = sizeof(indexes) / sizeof(indexes[0]);
	return indexes;
}

static const struct store_index *of_kind(enum store_kind of, unsigned *n)
{
	const struct store_index *first = NULL;

	*n = 0;
	for (unsigned i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
		if (indexes[i].of != of)
			continue;
		if (!first)
			first = &indexes[i];
		*n += 1;
	}
	return first;
}

bool store_index_lists(const struct store_index *index, const void *rec, const void *entry)
{
	uint8_t wanted[STORE_KEY_OCTETS];
	uint8_t key[STORE_KEY_OCTETS];
	union store_any other STORE_SCRATCH;
	size_t n = store_key_encode(index->index, entry, wanted);

	for (unsigned i = 0; rec && i < STORE_INDEX_ENTRIES; i++) {
		if (!index->entry(rec, i, &other))
			continue;
		store_key_encode(index->index, &other, key);
		if (memcmp(key, wanted, n) == 0)
			return true;
	}
	return false;
}

/* Deletes the entries that only `old` has, writes those that only `rec` has; either may be NULL. */
static enum store_err move_index(struct store_txn *txn, const struct store_index *index,
				 const void *old, const void *rec)
{
	union store_any entry STORE_SCRATCH;
	enum store_err err = STORE_OK;

	for (unsigned i = 0; old && i < STORE_INDEX_ENTRIES && !err; i++) {
		if (!index->entry(old, i, &entry) || store_index_lists(index, rec, &entry))
			continue;
		err = store_del(txn, index->index, &entry);
		if (err == STORE_NOTFOUND)
			err = STORE_OK; /* the checker tells */
	}
	for (unsigned i = 0; rec && i < STORE_INDEX_ENTRIES && !err; i++) {
		if (index->entry(rec, i, &entry) && !store_index_lists(index, old, &entry))
			err = store_put(txn, index->index, &entry);
	}
	return err;
}

enum store_err store_index_move(struct store_txn *txn, enum store_kind kind, const void *old,
				const void *rec)
{
	unsigned n;
	const struct store_index *index = of_kind(kind, &n);
	enum store_err err = STORE_OK;

	for (; n > 0 && !err; n--, index++)
		err = move_index(txn, index, old, rec);
	if (!err && kind == STORE_KIND_ORDER)
		err = store_block_move(txn, old, rec);
	return err;
}

bool store_index_has(enum store_kind kind)
{
	unsigned n;

	return of_kind(kind, &n) != NULL;
}
