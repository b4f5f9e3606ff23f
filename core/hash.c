/* The tables' hash: the store's SipHash under a key of this process. */
#include "core/hash.h"

#include <string.h>

#include "store/store.h"

static uint8_t process_key[16];

void hash_seed(const uint8_t key[16])
{
	memcpy(process_key, key, sizeof(process_key));
}

uint64_t hash_octets(const void *octets, size_t n)
{
	return store_siphash(process_key, octets, n);
}
