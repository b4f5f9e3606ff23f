/* Public message ids: a Feistel network of six rounds over the store's keyed hash. */
#include "core/message_id.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS	6
#define SCOPE	0xFFFFFF00u /* no provider has such a number: rounds hash apart from ids */
#define INDEXES (1u << 16)

#define ORDER_DIGITS_MAX 18 /* of an order's number in an id */

/* One round: 32 bits of a keyed hash over the order and one half. */
static uint32_t mix(const struct store *store, uint64_t order, uint32_t round, uint32_t half)
{
	uint8_t octets[12];
	for (unsigned i = 0; i < 8; i++)
		octets[i] = (uint8_t)(order >> (8 * i));
	for (unsigned i = 0; i < 4; i++)
		octets[8 + i] = (uint8_t)(half >> (8 * i));
	return (uint32_t)store_ids_hash(store, SCOPE + round, octets, sizeof(octets));
}

static uint64_t scramble(const struct store *store, uint64_t order, uint64_t plain)
{
	uint32_t left = (uint32_t)(plain >> 32), right = (uint32_t)plain;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t next = left ^ mix(store, order, round, right);
		left = right;
		right = next;
	}
	return (uint64_t)left << 32 | right;
}

static uint64_t unscramble(const struct store *store, uint64_t order, uint64_t hidden)
{
	uint32_t left = (uint32_t)(hidden >> 32), right = (uint32_t)hidden;
	for (uint32_t round = ROUNDS; round-- > 0;) {
		uint32_t before = right ^ mix(store, order, round, left);
		right = left;
		left = before;
	}
	return (uint64_t)left << 32 | right;
}

void message_id_write(const struct store *store, uint64_t order, uint32_t index,
		      char out[MESSAGE_ID_OCTETS])
{
	uint64_t hidden = scramble(store, order, index);
	char digits[20];
	size_t n = 0;
	/* No printf: every answer and page has one for each message. */
	do
		digits[n++] = (char)('0' + order % 10);
	while (order /= 10);
	*out++ = 'B';
	*out++ = 'X';
	*out++ = '-';
	while (n)
		*out++ = digits[--n];
	*out++ = '-';
	for (int shift = 60; shift >= 0; shift -= 4)
		*out++ = "0123456789abcdef"[hidden >> shift & 15];
	*out = '\0';
}

bool message_id_shaped(const char *text)
{
	if (strncmp(text, "BX-", 3) != 0)
		return false;
	size_t n = strspn(text + 3, "0123456789");
	const char *hex = text + 3 + n + 1;
	return n && hex[-1] == '-' && strspn(hex, "0123456789abcdef") == 16 && !hex[16];
}

bool message_id_read(const struct store *store, const char *text, uint64_t *order, uint32_t *index)
{
	char *end;
	/* Each message has one writing. */
	if (!message_id_shaped(text) || text[3] == '0' ||
	    strspn(text + 3, "0123456789") > ORDER_DIGITS_MAX)
		return false;
	uint64_t number = strtoull(text + 3, &end, 10);
	uint64_t plain = unscramble(store, number, strtoull(end + 1, NULL, 16));
	if (plain >= INDEXES)
		return false;
	*order = number;
	*index = (uint32_t)plain;
	return true;
}
