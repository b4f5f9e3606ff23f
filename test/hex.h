/*
 * Octets written in hexadecimal, for tests. Blanks between them are skipped.
 */
#ifndef TEST_HEX_H
#define TEST_HEX_H

#include <stdint.h>
#include <stdlib.h>

/* Returns how many octets; aborts where there is no room or no hexadecimal. */
static inline size_t hex_octets(const char *text, uint8_t *out, size_t cap)
{
	size_t n = 0;

	for (; *text; text++) {
		char pair[3] = { text[0], text[1], '\0' };
		char *end;

		if (*text == ' ')
			continue;
		if (n == cap)
			abort();
		out[n++] = (uint8_t)strtoul(pair, &end, 16);
		if (end != pair + 2)
			abort();
		text++;
	}
	return n;
}

#endif
