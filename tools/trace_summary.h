/*
 * The whole in figures: how many PDUs of each kind and status, errors, what was not answered, times
 * of answers, receipts and how they were joined, use of windows and what limits the throughput. It
 * takes the events of tools/flow.h and prints at the end.
 *
 * Bounded: times are counted in classes at most 1/64 apart, so a percentile may be told that much
 * too high; of more than TRACE_SUMMARY_ROWS kinds and statuses, or TRACE_SUMMARY_LINKS links, the
 * rest is counted together.
 */
#ifndef TOOLS_TRACE_SUMMARY_H
#define TOOLS_TRACE_SUMMARY_H

#include "core/buffer.h"
#include "tools/flow.h"

#define TRACE_SUMMARY_ROWS  256
#define TRACE_SUMMARY_LINKS 64

struct trace_summary;

/* NULL: out of memory. */
struct trace_summary *trace_summary_new(void);
void trace_summary_free(struct trace_summary *summary);

void trace_summary_add(struct trace_summary *summary, const struct flow_event *event);
/* PDUs that the source dropped, before or behind those that were added. */
void trace_summary_dropped(struct trace_summary *summary, uint64_t dropped);
/* Without show_numbers a number is told by its last digits. */
void trace_summary_print(const struct trace_summary *summary, bool show_numbers,
			 struct buffer *out);

#endif
