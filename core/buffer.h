/*
 * A growing run of octets: what HTTP replies, JSON and the writers of the tools are built in.
 * It is not a wire cursor (smpp/octets.h is that) and knows nothing of what it holds.
 * Used by http.c, json.c, the API and the tools.
 *
 * A zeroed struct buffer is an empty one. The first allocation that fails makes the buffer
 * `failed`: every later append is without effect, the octets that were there stay valid, and the
 * owner asks once, at the end, instead of after every append.
 */
#ifndef CORE_BUFFER_H
#define CORE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
	uint8_t *octets; /* valid until the next append, drop, clear or release */
	size_t n;	 /* octets in use */
	size_t room;	 /* octets allocated */
	bool failed;	 /* an append was lost for want of memory; sticky until clear */
};

/* Appends n octets. */
void buffer_append(struct buffer *buffer, const void *octets, size_t n);

/* Appends a C string without its end. */
void buffer_text(struct buffer *buffer, const char *text);

/* Appends as printf does. */
__attribute__((format(printf, 2, 3))) void buffer_format(struct buffer *buffer, const char *format,
							 ...);

/*
 * Room for n more octets behind the last one, or NULL (and failed). After writing there, add to n.
 */
uint8_t *buffer_reserve(struct buffer *buffer, size_t n);

/* Takes n (≤ buffer->n) octets off the front. */
void buffer_drop(struct buffer *buffer, size_t n);

/* Empties it and clears `failed`, keeping the memory for reuse. */
void buffer_clear(struct buffer *buffer);

/* Gives the memory back; the buffer is empty and usable afterwards. */
void buffer_release(struct buffer *buffer);

#endif
