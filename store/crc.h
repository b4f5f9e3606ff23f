/*
 * CRC-32C (Castagnoli): what the records of record.c are sealed with. By the CPU's instruction
 * where it has one, by a table elsewhere; both give the same.
 */
#ifndef STORE_CRC_H
#define STORE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Start with 0; the result of one piece starts the next. */
uint32_t store_crc32c(uint32_t crc, const void *octets, size_t n);

/* The same by table: for tests, which compare the two. */
uint32_t store_crc32c_table(uint32_t crc, const void *octets, size_t n);

#endif
