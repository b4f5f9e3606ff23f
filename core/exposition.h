/*
 * The text format of Prometheus, 0.0.4: a metric's head and its samples, escaped, into a buffer. It
 * knows no metric; core/metrics.c is its user.
 */
#ifndef CORE_EXPOSITION_H
#define CORE_EXPOSITION_H

#include <stdint.h>

#include "core/buffer.h"

#define EXPOSITION_TYPE	  "text/plain; version=0.0.4; charset=utf-8"
#define EXPOSITION_LABELS 4

/* A metric; static. */
struct exposition_metric {
	const char *name; /* with its unit, and _total where it only rises */
	const char *type; /* "counter" "gauge" "histogram" */
	const char *help; /* one sentence */
	const char *labels[EXPOSITION_LABELS];
};

/* A figure: units of 1, 1/1,000 or 1/1,000,000, by its decimals. */
struct exposition_figure {
	int64_t units;
	unsigned decimals;
};

static inline struct exposition_figure exposition_whole(uint64_t n)
{
	return (struct exposition_figure){ (int64_t)n, 0 };
}
static inline struct exposition_figure exposition_ms(int64_t ms)
{
	return (struct exposition_figure){ ms, 3 };
}
static inline struct exposition_figure exposition_us(int64_t us)
{
	return (struct exposition_figure){ us, 6 };
}

/* HELP and TYPE. */
void exposition_head(struct buffer *out, const struct exposition_metric *metric);

/* A sample; `values` has one text for each of the metric's labels. */
void exposition_put(struct buffer *out, const struct exposition_metric *metric,
		    const char *const *values, struct exposition_figure figure);

/* A histogram: so many up to and with each bound (not added up yet), those beyond, and the sum. */
struct exposition_histogram {
	const int64_t *bounds; /* of `decimals` */
	const uint64_t *n;     /* n_bounds + 1 */
	unsigned n_bounds, decimals;
	uint64_t sum;
};
void exposition_put_histogram(struct buffer *out, const struct exposition_metric *metric,
			      const char *const *values,
			      const struct exposition_histogram *histogram);

#endif
