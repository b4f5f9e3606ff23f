/*
 * Octets borrowed, read and written within bounds.
 *
 * A slice points into somebody else's memory. A reader and a writer are cursors which, once a
 * step would leave their bounds, are bad and stay bad: a bad reader returns zeros and empty
 * slices, a bad writer stores nothing. So a whole PDU may be walked and `bad` asked once at the
 * end. Integers are big-endian (SMPP 3.4, 3.1). Every wire octet of this program is touched
 * through these.
 *
 * Not here: growing buffers (smpp/buffer.h), text, anything that knows what the octets mean.
 */
#ifndef SMPP_OCTETS_H
#define SMPP_OCTETS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A borrowed slice: valid as long as the memory it points into. n == 0 may come with any `at`. */
struct smpp_octets {
	const uint8_t *at;
	uint32_t n;
};

struct smpp_reader {
	const uint8_t *at;
	uint32_t n;
	uint32_t next; /* offset of the next octet to read, <= n */
	bool bad;
};

struct smpp_writer {
	uint8_t *at;
	uint32_t cap;
	uint32_t n; /* octets written, <= cap */
	bool bad;
};

/* A slice of a C string, without its NUL; NULL gives the empty slice. */
static inline struct smpp_octets smpp_octets_of(const char *text)
{
	return (struct smpp_octets){ .at = (const uint8_t *)text,
				     .n = text ? (uint32_t)strlen(text) : 0 };
}

static inline bool smpp_octets_equal(struct smpp_octets a, struct smpp_octets b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n) == 0);
}

static inline struct smpp_reader smpp_reader_of(const uint8_t *at, uint32_t n)
{
	return (struct smpp_reader){ .at = at, .n = n };
}

static inline uint32_t smpp_reader_left(const struct smpp_reader *reader)
{
	return reader->n - reader->next;
}

/* Takes the next n octets, or turns bad and gives the empty slice. */
static inline struct smpp_octets smpp_read_octets(struct smpp_reader *reader, uint32_t n)
{
	struct smpp_octets slice = { 0 };

	if (reader->bad || n > smpp_reader_left(reader)) {
		reader->bad = true;
		return slice;
	}
	slice.at = reader->at + reader->next;
	slice.n = n;
	reader->next += n;
	return slice;
}

static inline uint8_t smpp_read_u8(struct smpp_reader *reader)
{
	struct smpp_octets slice = smpp_read_octets(reader, 1);

	return slice.n ? slice.at[0] : 0;
}

static inline uint16_t smpp_read_u16(struct smpp_reader *reader)
{
	struct smpp_octets slice = smpp_read_octets(reader, 2);

	if (slice.n == 0)
		return 0;
	return (uint16_t)(slice.at[0] << 8 | slice.at[1]);
}

static inline uint32_t smpp_read_u32(struct smpp_reader *reader)
{
	struct smpp_octets slice = smpp_read_octets(reader, 4);

	if (slice.n == 0)
		return 0;
	return (uint32_t)slice.at[0] << 24 | (uint32_t)slice.at[1] << 16 |
	       (uint32_t)slice.at[2] << 8 | slice.at[3];
}

/* Takes octets up to a NUL and steps over it; the slice is without it. No NUL left: bad. */
static inline struct smpp_octets smpp_read_cstring(struct smpp_reader *reader)
{
	struct smpp_octets slice = { 0 };
	const uint8_t *nul = NULL;

	if (!reader->bad && smpp_reader_left(reader) > 0)
		nul = memchr(reader->at + reader->next, 0, smpp_reader_left(reader));
	if (!nul) {
		reader->bad = true;
		return slice;
	}
	slice.at = reader->at + reader->next;
	slice.n = (uint32_t)(nul - slice.at);
	reader->next += slice.n + 1;
	return slice;
}

static inline struct smpp_writer smpp_writer_of(uint8_t *at, uint32_t cap)
{
	return (struct smpp_writer){ .at = at, .cap = cap };
}

/* What was written so far: valid as long as the writer's memory. */
static inline struct smpp_octets smpp_writer_octets(const struct smpp_writer *writer)
{
	return (struct smpp_octets){ .at = writer->at, .n = writer->n };
}

static inline void smpp_write_octets(struct smpp_writer *writer, const void *at, uint32_t n)
{
	if (writer->bad || n > writer->cap - writer->n) {
		writer->bad = true;
		return;
	}
	if (n > 0)
		memcpy(writer->at + writer->n, at, n);
	writer->n += n;
}

static inline void smpp_write_u8(struct smpp_writer *writer, uint8_t value)
{
	smpp_write_octets(writer, &value, 1);
}

static inline void smpp_write_u16(struct smpp_writer *writer, uint16_t value)
{
	uint8_t octets[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	smpp_write_octets(writer, octets, sizeof octets);
}

static inline void smpp_write_u32(struct smpp_writer *writer, uint32_t value)
{
	uint8_t octets[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
			      (uint8_t)value };

	smpp_write_octets(writer, octets, sizeof octets);
}

#endif
