/* Durations in buckets. See histogram.h. */
#include "core/histogram.h"

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
	histogram->n[bucket] += n < room ? n : room;
}

void histogram_add(struct histogram *histogram, int64_t ms)
{
	add(histogram, histogram_bucket(ms), 1);
	histogram->sum_ms += ms > 0 ? (uint64_t)ms : 0;
}

void histogram_merge(struct histogram *sum, const struct histogram *other)
{
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
		add(sum, bucket, other->n[bucket]);
	sum->sum_ms += other->sum_ms;
}

uint64_t histogram_count(const struct histogram *histogram)
{
	uint64_t n = 0;
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
		n += histogram->n[bucket];
	return n;
}

int64_t histogram_quantile_ms(const struct histogram *histogram, unsigned permille)
{
	uint64_t rank = (histogram_count(histogram) * permille + 999) / 1000; /* from 1 */
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

void histogram_unpack(struct histogram *histogram, const uint8_t *at, uint32_t n)
{
	struct histogram packed = { 0 };
	struct smpp_reader in = smpp_reader_of(at, n);
	if (!n)
		return;
	packed.sum_ms = (uint64_t)smpp_read_u32(&in) << 32;
	packed.sum_ms |= smpp_read_u32(&in);
	while (!in.bad && smpp_reader_left(&in)) {
		unsigned bucket = smpp_read_u8(&in);
		if (bucket >= HISTOGRAM_BUCKETS)
			return;
		packed.n[bucket] = smpp_read_u32(&in);
	}
	if (!in.bad)
		histogram_merge(histogram, &packed);
}
