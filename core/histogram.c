/* Durations in buckets. See histogram.h. */
#include "core/histogram.h"

#include <stdbool.h>

#define SUM_OCTETS    8
#define BUCKET_OCTETS 5

unsigned histogram_bucket(int64_t ms)
{
	if (ms < 2)
		return ms > 0;
	unsigned octave = 63u - (unsigned)__builtin_clzll((unsigned long long)ms);
	unsigned bucket = 2 * octave + (unsigned)(ms >> (octave - 1) & 1);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

int64_t histogram_least_ms(unsigned bucket)
{
	if (bucket < 2)
		return bucket;
	return (int64_t)(2 + (bucket & 1)) << (bucket / 2 - 1);
}

static void add(struct histogram *histogram, unsigned bucket, uint32_t n)
{
	uint32_t room = UINT32_MAX - histogram->n[bucket];
	uint32_t fits = n < room ? n : room;
	histogram->n[bucket] += fits;
	histogram->count += fits;
}

void histogram_add(struct histogram *histogram, int64_t ms)
{
	add(histogram, histogram_bucket(ms), 1);
	histogram->sum_ms += ms > 0 ? (uint64_t)ms : 0;
}

void histogram_merge(struct histogram *sum, const struct histogram *other)
{
	if (!other->count)
		return;
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
		add(sum, bucket, other->n[bucket]);
	sum->sum_ms += other->sum_ms;
}

int64_t histogram_quantile_ms(const struct histogram *histogram, unsigned permille)
{
	uint64_t rank = (histogram->count * permille + 999) / 1000; /* from 1 */
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		uint64_t n = histogram->n[bucket];
		if (!n || rank > n) {
			rank -= n;
			continue;
		}
		int64_t least = histogram_least_ms(bucket);
		uint64_t width = (uint64_t)(histogram_least_ms(bucket + 1) - least);
		return least + (int64_t)(width * (2 * rank - 1) / (2 * n));
	}
	return -1;
}

void histogram_pack(const struct histogram *histogram, struct smpp_writer *out)
{
	smpp_write_u32(out, (uint32_t)(histogram->sum_ms >> 32));
	smpp_write_u32(out, (uint32_t)histogram->sum_ms);
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		if (!histogram->n[bucket])
			continue;
		smpp_write_u8(out, (uint8_t)bucket);
		smpp_write_u32(out, histogram->n[bucket]);
	}
}

/* Nobody else writes these octets: they are whole, or damaged and worth nothing. */
static bool is_packed(const uint8_t *at, uint32_t n)
{
	if (n < SUM_OCTETS || (n - SUM_OCTETS) % BUCKET_OCTETS)
		return false;
	for (uint32_t i = SUM_OCTETS; i < n; i += BUCKET_OCTETS)
		if (at[i] >= HISTOGRAM_BUCKETS)
			return false;
	return true;
}

void histogram_unpack(struct histogram *histogram, const uint8_t *at, uint32_t n)
{
	struct smpp_reader in = smpp_reader_of(at, n);
	if (!is_packed(at, n))
		return;
	histogram->sum_ms += (uint64_t)smpp_read_u32(&in) << 32;
	histogram->sum_ms += smpp_read_u32(&in);
	while (smpp_reader_left(&in)) {
		unsigned bucket = smpp_read_u8(&in);
		add(histogram, bucket, smpp_read_u32(&in));
	}
}
