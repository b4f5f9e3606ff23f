/* What core/metrics.c and core/metrics_links.c, two halves of one module, share beside metrics.h. */
#ifndef CORE_METRICS_INSIDE_H
#define CORE_METRICS_INSIDE_H

#include <stddef.h>

#include "core/engine.h"
#include "core/exposition.h"

struct metric;
struct scrape {
	struct engine *engine;
	const struct turn *turn;
	struct buffer *out;
	const struct metric *metric; /* the row that is being collected */
};

typedef void collect_fn(const struct scrape *scrape);

/* A row: how it is shown, what collects its samples, and which member that is to read, if several. */
struct metric {
	struct exposition_metric shown;
	collect_fn *collect;
	size_t member;
};

#define VALUES(...) ((const char *const[]){ __VA_ARGS__ })

/* A sample of the row in hand; `values` has one text for each of its labels, NULL where it has none. */
void metrics_put(const struct scrape *scrape, struct exposition_figure figure,
		 const char *const *values);
void metrics_put_whole(const struct scrape *scrape, uint64_t n, const char *const *values);

/* core/metrics_links.c; the last two of the links read the row's member of struct link. */
collect_fn metrics_link_states, metrics_links_bound, metrics_link_windows, metrics_links_paused,
	metrics_link_rtts, metrics_links_u32, metrics_links_u64, metrics_certificates,
	metrics_providers_usable, metrics_providers_blocked, metrics_provider_rates,
	metrics_provider_queues, metrics_provider_paces, metrics_provider_binds,
	metrics_provider_receipts;

#endif
