/* See buffer.h. Grows by doubling; the largest size is what the callers' own bounds allow. */
#include "core/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_ROOM = 256
};

uint8_t *buffer_reserve(struct buffer *buffer, size_t n)
{
	if (buffer->failed)
		return NULL;
	if (n > buffer->room - buffer->n || buffer->octets == NULL) {
		size_t room = buffer->room > 0 ? buffer->room : FIRST_ROOM;

		if (n > SIZE_MAX / 4 || buffer->n > SIZE_MAX / 4) {
			buffer->failed = true;
			return NULL;
		}
		while (room < buffer->n + n)
			room *= 2;
		uint8_t *octets = realloc(buffer->octets, room);

		if (octets == NULL) {
			buffer->failed = true;
			return NULL;
		}
		buffer->octets = octets;
		buffer->room = room;
	}
	return buffer->octets + buffer->n;
}

void buffer_append(struct buffer *buffer, const void *octets, size_t n)
{
	if (n == 0)
		return;
	uint8_t *to = buffer_reserve(buffer, n);

	if (to == NULL)
		return;
	memcpy(to, octets, n);
	buffer->n += n;
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int n = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	assert(n >= 0);

	char *to = (char *)buffer_reserve(buffer, (size_t)n + 1);

	if (to == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(to, (size_t)n + 1, format, arguments);
	va_end(arguments);
	buffer->n += (size_t)n;
}

void buffer_drop(struct buffer *buffer, size_t n)
{
	assert(n <= buffer->n);
	if (n == 0)
		return;
	buffer->n -= n;
	memmove(buffer->octets, buffer->octets + n, buffer->n);
}

void buffer_clear(struct buffer *buffer)
{
	buffer->n = 0;
	buffer->failed = false;
}

void buffer_release(struct buffer *buffer)
{
	free(buffer->octets);
	*buffer = (struct buffer){ 0 };
}
