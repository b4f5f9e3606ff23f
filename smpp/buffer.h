/*
 * A first-in first-out run of octets that grows: what a session has read, queued, put out or held.
 *
 *	at ────────┬───────────────┬──────────
 *	   taken   │ head … tail   │ room
 *	───────────┴───────────────┴──────────
 *
 * The octets are contiguous, so a PDU in it is decoded in place. Room is made by moving the rest to
 * the front when half or more was taken, else by doubling: both cost O(1) per octet. Memory is
 * wiped when it is given back, because a bind carries a password. Used by the session only.
 */
#ifndef SMPP_BUFFER_H
#define SMPP_BUFFER_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* All zero is an empty buffer. */
struct smpp_buffer {
	uint8_t *at;
	size_t head;
	size_t tail;
	size_t size;
};

#define SMPP_BUFFER_LEAST 1024u /* octets of the first allocation */

static inline void smpp_buffer_release(struct smpp_buffer *buffer)
{
	if (buffer->at)
		explicit_bzero(buffer->at, buffer->size);
	free(buffer->at);
	*buffer = (struct smpp_buffer){ 0 };
}

static inline size_t smpp_buffer_n(const struct smpp_buffer *buffer)
{
	return buffer->tail - buffer->head;
}

/* The first octet, if there is one; valid until the next reserve. */
static inline uint8_t *smpp_buffer_at(const struct smpp_buffer *buffer)
{
	return buffer->at + buffer->head;
}

/* Makes room for n more octets. False without memory; the buffer is as it was. */
__attribute__((warn_unused_result)) static inline bool
smpp_buffer_reserve(struct smpp_buffer *buffer, size_t n)
{
	size_t held = smpp_buffer_n(buffer);
	size_t size = buffer->size ? buffer->size : SMPP_BUFFER_LEAST;
	uint8_t *at = NULL;

	if (buffer->size - buffer->tail >= n)
		return true;
	if (buffer->size - held >= n && buffer->head >= buffer->size / 2) {
		memmove(buffer->at, buffer->at + buffer->head, held);
	} else {
		if (n > SIZE_MAX / 4 - held)
			return false;
		while (size - held < n)
			size *= 2;
		at = malloc(size);
		if (!at)
			return false;
		if (held > 0)
			memcpy(at, buffer->at + buffer->head, held);
		smpp_buffer_release(buffer);
		buffer->at = at;
		buffer->size = size;
	}
	buffer->head = 0;
	buffer->tail = held;
	return true;
}

/* Appends n octets, for which there must be room. */
static inline void smpp_buffer_add(struct smpp_buffer *buffer, const void *octets, size_t n)
{
	assert(buffer->size - buffer->tail >= n);
	if (n > 0)
		memcpy(buffer->at + buffer->tail, octets, n);
	buffer->tail += n;
}

/* Takes n octets from the front; they stay readable until the next reserve or add. */
static inline void smpp_buffer_take(struct smpp_buffer *buffer, size_t n)
{
	buffer->head += n;
	if (buffer->head == buffer->tail)
		buffer->head = buffer->tail = 0;
}

#endif
