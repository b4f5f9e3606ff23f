/*
 * A blocked Bloom filter over 64-bit hashes: "surely not" at the cost of one cache line, "perhaps"
 * wrong about once in eighty times. The octets are the caller's. Used by runs.c.
 */
#ifndef STORE_FILTER_H
#define STORE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#define STORE_FILTER_BLOCK 64 /* octets; a filter is some blocks, at least one */

/* How large a filter for so many entries should be: ten bits each. */
uint32_t store_filter_octets(uint64_t entries);

void store_filter_add(uint8_t *filter, uint32_t octets, uint64_t hash);
bool store_filter_has(const uint8_t *filter, uint32_t octets, uint64_t hash);

#endif
