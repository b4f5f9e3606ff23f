/*
 * What the daemon's store has of a message or an order: the source of `message` and `order`. It asks
 * on the tap socket (core/tap_recall.h), takes all of the answer and gives it in the order of time.
 * PDUs from it have facts instead of octets (tools/trace_facts.h). Bounded: RECALL_OCTETS.
 */
#ifndef TOOLS_TRACE_RECALL_H
#define TOOLS_TRACE_RECALL_H

#include "tools/trace_live.h"

#define RECALL_OCTETS (256u << 20) /* of an answer; the largest order takes less */

struct trace_recall;

/* want->recall says what. NULL: out of memory. */
struct trace_recall *trace_recall_new(const struct trace_live_want *want);
void trace_recall_free(struct trace_recall *recall);

/* Asks, and waits for the whole answer. false: there is none, _error says why. */
bool trace_recall_fetch(struct trace_recall *recall);

/* The next; false: that was all, or a line cannot be read and _error says so. */
bool trace_recall_next(struct trace_recall *recall, struct trace_pdu *pdu);

/* In one line; NULL: there is none. */
const char *trace_recall_error(const struct trace_recall *recall);

#endif
