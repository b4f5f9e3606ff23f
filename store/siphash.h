/*
 * SipHash-2-4, the keyed hash under which provider ids are found: a provider that chooses its ids
 * cannot make them collide without the key. Used by ids.c.
 */
#ifndef STORE_SIPHASH_H
#define STORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t store_siphash(const uint8_t key[16], const uint8_t *octets, size_t n);

#endif
