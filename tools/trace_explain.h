/*
 * What a word of SMPP 3.4 means: a command_status, a TLV, a parameter or a PDU, by its name or
 * its number. From the rows that the codec works by, so that it cannot say anything else.
 */
#ifndef TOOLS_TRACE_EXPLAIN_H
#define TOOLS_TRACE_EXPLAIN_H

#include <stdbool.h>

#include "core/buffer.h"

/* Appends everything of that name or number. false: there is nothing, and nothing was appended. */
bool trace_explain(struct buffer *out, const char *word);

/* Of a word that has no explanation: up to three names that it may have been, between commas. */
void trace_explain_nearest(struct buffer *out, const char *word);

#endif
