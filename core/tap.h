/*
 * The tap: copies of PDUs for whoever watches a link, as they pass, also under TLS. Bounded: a
 * reader that is too slow loses PDUs, which are counted and told to it; the engine never waits.
 * Without readers it costs one comparison.
 */
#ifndef CORE_TAP_H
#define CORE_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;
struct tap;

enum tap_direction {
	TAP_IN,	 /* from the carrier */
	TAP_OUT, /* to the carrier */
};

struct tap *tap_new(void);
void tap_free(struct tap *tap);

/* Whole PDUs in a row, of a link, at a wall clock time. NULL is a tap that nobody can read. */
void tap_octets(struct tap *tap, const struct link *link, enum tap_direction direction,
		int64_t at_ms, const uint8_t *octets, size_t n);

#endif
