/* A blocked Bloom filter. See filter.h. */
#include "store/filter.h"

#define BITS_PER_ENTRY 10
#define PROBES	       6
#define BLOCK_BITS     (8 * STORE_FILTER_BLOCK)

uint32_t store_filter_octets(uint64_t entries)
{
	return (uint32_t)(entries * BITS_PER_ENTRY / BLOCK_BITS + 1) * STORE_FILTER_BLOCK;
}

/* The block is told by the high half of the hash, the bits in it by a product of all of it. */
static uint64_t block_at(uint32_t octets, uint64_t hash)
{
	uint64_t blocks = octets / STORE_FILTER_BLOCK;

	return ((hash >> 32) * blocks >> 32) * STORE_FILTER_BLOCK;
}

static unsigned bit_at(uint64_t hash, unsigned probe)
{
	return (unsigned)(hash * 0x9e3779b97f4a7c15 >> (10 + 9 * probe)) % BLOCK_BITS;
}

void store_filter_add(uint8_t *filter, uint32_t octets, uint64_t hash)
{
	uint8_t *block = filter + block_at(octets, hash);

	for (unsigned i = 0; i < PROBES; i++) {
		unsigned bit = bit_at(hash, i);

		block[bit / 8] |= (uint8_t)(1 << bit % 8);
	}
}

bool store_filter_has(const uint8_t *filter, uint32_t octets, uint64_t hash)
{
	const uint8_t *block = filter + block_at(octets, hash);

	for (unsigned i = 0; i < PROBES; i++) {
		unsigned bit = bit_at(hash, i);

		if (!(block[bit / 8] & 1 << bit % 8))
			return false;
	}
	return true;
}
