/*
 * A made-up capture of a session that submits messages: a bind, and for each message the submit, its
 * response, its receipt and the answer to that, as TCP over IPv4. For measuring what reads captures.
 * Used by tools/esme_load.c.
 */
#ifndef TOOLS_LOAD_CAPTURE_H
#define TOOLS_LOAD_CAPTURE_H

#include <stdbool.h>

#include "tools/load_options.h"

#define LOAD_TEXT_MAX 140 /* octets of the text of such a message */

/* Options->count messages into options->capture_file. false: it cannot be written, which was said. */
bool load_capture(const struct load_options *options);

#endif
