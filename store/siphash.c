/* SipHash-2-4 by Aumasson and Bernstein, from the paper's description. See siphash.h. */
#include "store/siphash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

/* Written out, it is one load. */
static inline uint64_t word(const uint8_t at[8])
{
	return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 |
	       (uint64_t)at[3] << 24 | (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 |
	       (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

static inline uint64_t rest(const uint8_t *at, size_t n)
{
	uint64_t w = 0;

	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)at[i] << 8 * i;
	return w;
}

static inline uint64_t turn(uint64_t w, unsigned bits)
{
	return w << bits | w >> (64 - bits);
}

static inline void round_of(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = turn(s->v1, 13) ^ s->v0;
	s->v0 = turn(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = turn(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = turn(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = turn(s->v1, 17) ^ s->v2;
	s->v2 = turn(s->v2, 32);
}

static inline void take(struct sip *s, uint64_t w)
{
	s->v3 ^= w;
	round_of(s);
	round_of(s);
	s->v0 ^= w;
}

uint64_t store_siphash(const uint8_t key[16], const uint8_t *octets, size_t n)
{
	uint64_t k0 = word(key);
	uint64_t k1 = word(key + 8);
	uint64_t last = (uint64_t)n << 56;
	struct sip s = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			 k1 ^ 0x7465646279746573 };

	for (; n >= 8; n -= 8, octets += 8)
		take(&s, word(octets));
	take(&s, last | rest(octets, n));
	s.v2 ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		round_of(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
