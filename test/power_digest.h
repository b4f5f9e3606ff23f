/*
 * What a store holds as one number for each kind: FNV-1a over every record as it is encoded. Two
 * stores with equal digests hold the same records. Used by power_load.c and power_replay.c.
 */
#ifndef TEST_POWER_DIGEST_H
#define TEST_POWER_DIGEST_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "store/rows.h"
#include "store/store.h"

#define POWER_FNV 0xcbf29ce484222325u

struct power_digest {
	uint64_t kinds[STORE_KINDS];
};

static inline uint64_t power_hash(uint64_t hash, const void *octets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ ((const uint8_t *)octets)[i]) * 0x100000001b3;
	return hash;
}

static inline enum store_err power_digest_kind(struct store_txn *txn, enum store_kind kind,
					       uint64_t *hash)
{
	static union store_any rec;
	uint8_t key[STORE_KEY_OCTETS];
	uint8_t value[STORE_VALUE_OCTETS];
	size_t n;

	memset(&rec, 0, sizeof(rec));
	*hash = POWER_FNV;
	enum store_err err = store_seek(txn, kind, &rec, 0);

	for (; !err; err = store_step(txn, kind, &rec, 0)) {
		*hash = power_hash(*hash, key, store_key_encode(kind, &rec, key));
		err = store_value_encode(kind, &rec, 0, value, &n);
		if (err)
			return err;
		*hash = power_hash(*hash, value, n);
	}
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

/* OK, or what the first record that cannot be read is. */
static inline enum store_err power_digest(struct store *store, struct power_digest *digest)
{
	struct store_txn *txn;
	enum store_err err = store_read_begin(store, &txn);

	if (err)
		return err;
	for (unsigned kind = 0; kind < STORE_KINDS && !err; kind++)
		err = power_digest_kind(txn, (enum store_kind)kind, &digest->kinds[kind]);
	store_read_end(txn);
	return err;
}

static inline uint64_t power_digest_whole(const struct power_digest *digest)
{
	return power_hash(POWER_FNV, digest->kinds, sizeof(digest->kinds));
}

/* What stays the same when only audit rows are written. */
static inline uint64_t power_digest_but_audit(const struct power_digest *digest)
{
	struct power_digest rest = *digest;

	rest.kinds[STORE_KIND_META] = 0;
	rest.kinds[STORE_KIND_AUDIT] = 0;
	return power_digest_whole(&rest);
}

#endif
