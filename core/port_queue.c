/*
 * The pieces that go between the two sides of the port and the runs of octets in them. See
 * port_inside.h.
 */
#include "core/port_inside.h"

#include <stdlib.h>
#include <string.h>

struct port_message *port_message_new(struct port_link *link, size_t room)
{
	struct port_message *message = malloc(sizeof(*message) + room);

	if (message == NULL)
		return NULL;
	*message = (struct port_message){ .kind = PORT_OCTETS, .link = link, .room = room };
	message->octets = (uint8_t *)(message + 1);
	return message;
}

void port_queue_put(struct port_queue *queue, struct port_message *message)
{
	message->next = NULL;
	if (queue->last != NULL)
		queue->last->next = message;
	else
		queue->first = message;
	queue->last = message;
}

void port_queue_move(struct port_queue *to, struct port_queue *from)
{
	if (from->first == NULL)
		return;
	if (to->last != NULL)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	*from = (struct port_queue){ 0 };
}

struct port_message *port_queue_take(struct port_queue *queue)
{
	struct port_message *message = queue->first;

	if (message == NULL)
		return NULL;
	queue->first = message->next;
	if (queue->first == NULL)
		queue->last = NULL;
	return message;
}

void port_message_free(struct port_message *message)
{
	if (message != NULL && message->kind != PORT_UP && message->kind != PORT_DOWN)
		free(message);
}

void port_queue_clear(struct port_queue *queue)
{
	for (struct port_message *message; (message = port_queue_take(queue)) != NULL;)
		port_message_free(message);
}

size_t port_queue_vectors(const struct port_queue *queue, size_t skip, struct iovec *vectors,
			  size_t max)
{
	size_t n = 0;

	for (struct port_message *at = queue->first; at != NULL && n < max; at = at->next) {
		vectors[n++] =
			(struct iovec){ .iov_base = at->octets + skip, .iov_len = at->n - skip };
		skip = 0;
	}
	return n;
}

size_t port_queue_copy(const struct port_queue *queue, size_t skip, uint8_t *to, size_t max)
{
	size_t n = 0;

	for (const struct port_message *at = queue->first; at != NULL && n < max; at = at->next) {
		size_t part = at->n - skip < max - n ? at->n - skip : max - n;

		memcpy(to + n, at->octets + skip, part);
		n += part;
		skip = 0;
	}
	return n;
}

size_t port_queue_drop(struct port_queue *queue, size_t n)
{
	while (queue->first != NULL && n >= queue->first->n) {
		n -= queue->first->n;
		port_message_free(port_queue_take(queue));
	}
	return n;
}
