/* CRC-32C. See crc.h. */
#include "store/crc.h"

#include <stdbool.h>
#include <string.h>

/* Remainders of the sixteen nibbles under the reversed polynomial 0x82F63B78. */
static const uint32_t nibbles[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t store_crc32c_table(uint32_t crc, const void *octets, size_t n)
{
	const uint8_t *at = octets;

	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc ^= at[i];
		crc = crc >> 4 ^ nibbles[crc & 15];
		crc = crc >> 4 ^ nibbles[crc & 15];
	}
	return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *at,
							       size_t n)
{
	uint64_t state = ~crc;

	for (; n >= 8; n -= 8, at += 8) {
		uint64_t word;

		memcpy(&word, at, 8);
		state = __builtin_ia32_crc32di(state, word);
	}
	for (; n > 0; n--, at++)
		state = __builtin_ia32_crc32qi((uint32_t)state, *at);
	return ~(uint32_t)state;
}
#endif

uint32_t store_crc32c(uint32_t crc, const void *octets, size_t n)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(crc, octets, n);
#endif
	return store_crc32c_table(crc, octets, n);
}
