/*
 * One line of the tap (core/tap_stream.h) read back into a PDU. Used by `live`.
 */
#ifndef TOOLS_TRACE_TAP_H
#define TOOLS_TRACE_TAP_H

#include <stddef.h>

#include "core/buffer.h"
#include "tools/trace.h"

/*
 * Fills what the line says of the PDU; its octets are put into *octets, and the line is used up. One
 * that tells only of dropped PDUs has no octets: NULL, and nothing but `dropped` is filled.
 * false: it is no line of a tap.
 */
bool trace_tap_line(char *line, size_t n, struct buffer *octets, struct trace_pdu *pdu);

#endif
