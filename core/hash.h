/* uthash with a keyed hash: include this instead of <uthash.h>. */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Sets the key of every table of the process; before the first one is used. 16 octets. */
void hash_seed(const uint8_t key[16]);
/* SipHash-2-4 under that key. */
uint64_t hash_octets(const void *octets, size_t n);

#define HASH_FUNCTION(keyptr, keylen, hashv) \
	((hashv) = (unsigned)hash_octets((keyptr), (size_t)(keylen)))
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
