/*
 * A histogram of durations in buckets, two per octave of ms, so that a minute's or a month's
 * figures are a few octets and sums of sums stay exact. A quantile lies in the same bucket as the
 * true one: it is at most half above it, or a third below. No clock and no storage here.
 *
 *	bucket  0  1  2  3  4    5    6      7      8       ...  63
 *	ms      0  1  2  3  4-5  6-7  8-11   12-15  16-23        3221225472 and more
 */
#ifndef CORE_HISTOGRAM_H
#define CORE_HISTOGRAM_H

#include <stdint.h>

#include "smpp/octets.h"

#define HISTOGRAM_BUCKETS 64
#define HISTOGRAM_OCTETS  (8 + 5 * HISTOGRAM_BUCKETS) /* packed, at most */

struct histogram {
	uint64_t sum_ms, count; /* count: the sum of n */
	uint32_t n[HISTOGRAM_BUCKETS];
};

/* The bucket of a duration; one below 0, which a clock that was set makes, counts as 0. */
unsigned histogram_bucket(int64_t ms);
/* The least duration of a bucket; of HISTOGRAM_BUCKETS: one past the longest that is told apart. */
int64_t histogram_least_ms(unsigned bucket);

void histogram_add(struct histogram *histogram, int64_t ms);
/* Counts stay at what 32 bits hold. */
void histogram_merge(struct histogram *sum, const struct histogram *other);

/*
 * The duration that `permille` of all do not exceed, 1..1000: the one of that rank, as if those of
 * its bucket were spread evenly over it. -1 for an empty histogram.
 */
int64_t histogram_quantile_ms(const struct histogram *histogram, unsigned permille);

/* On disk: the sum, then for each bucket that is not empty its number and count. */
void histogram_pack(const struct histogram *histogram, struct smpp_writer *out);
/* Adds what is packed; octets that are no histogram add nothing. */
void histogram_unpack(struct histogram *histogram, const uint8_t *at, uint32_t n);

#endif
