/* SipHash-2-4 for the tables of the process, so that nobody outside can aim for collisions. */
#include "core/hash.h"

#include <string.h>

static uint64_t key0, key1;

void hash_seed(const uint8_t key[16])
{
	memcpy(&key0, key, 8);
	memcpy(&key1, key + 8, 8);
}

static uint64_t turn_left(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void mix(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = turn_left(v[1], 13) ^ v[0];
	v[3] = turn_left(v[3], 16) ^ v[2];
	v[0] = turn_left(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = turn_left(v[3], 21) ^ v[0];
	v[1] = turn_left(v[1], 17) ^ v[2];
	v[2] = turn_left(v[2], 32);
}

uint64_t hash_octets(const void *octets, size_t n)
{
	uint64_t v[4] = { key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du,
			  key0 ^ 0x6c7967656e657261u, key1 ^ 0x7465646279746573u };
	const uint8_t *at = octets;
	uint64_t word, last = (uint64_t)n << 56;
	size_t left = n;
	for (; left >= 8; at += 8, left -= 8) {
		memcpy(&word, at, 8);
		v[3] ^= word;
		mix(v);
		mix(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)at[i] << (8 * i);
	v[3] ^= last;
	mix(v);
	mix(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
