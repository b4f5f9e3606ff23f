/*
 * Octets from hexadecimal as people have it at hand: a plain run of digits, pairs apart by blanks,
 * colons, commas or dashes, 0x or \x before them, C arrays, and dumps with offsets and a column of
 * characters (xxd, hexdump -C, tshark -x, Wireshark). Lines that begin with # are skipped. It does
 * not look at what the octets are. Used by smpp-trace.
 */
#ifndef TOOLS_TRACE_HEX_H
#define TOOLS_TRACE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

struct trace_hex_error {
	uint32_t line;	 /* from 1 */
	uint32_t column; /* from 1, in octets */
	char text[96];	 /* what is wrong there */
};

/* Appends the octets. false: *error says where it is no hexadecimal; `out` has those before. */
__attribute__((warn_unused_result)) bool trace_hex(const char *text, size_t n, struct buffer *out,
						   struct trace_hex_error *error);

/* Exactly n / 2 octets from n digits and nothing else; false otherwise, with nothing appended. */
__attribute__((warn_unused_result)) bool trace_hex_digits(const char *digits, size_t n,
							  struct buffer *out);

#endif
