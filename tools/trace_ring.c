/* A list under a lock, and a descriptor that is readable while it is not empty. See tools/trace_ring.h. */
#include "tools/trace_ring.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct entry {
	struct entry *next;
	bool is_note;
	struct trace_pdu pdu;
	size_t n;
	uint8_t octets[]; /* of the PDU, or the note with its NUL */
};

struct trace_ring {
	pthread_mutex_t lock;
	int fd;
	struct entry *last_taken; /* the taker's */

	/* Under the lock. */
	struct entry *first;
	struct entry *last;
	size_t octets;
	uint64_t dropped; /* since the last PDU that was put */
	bool ended;
};

struct trace_ring *trace_ring_new(void)
{
	struct trace_ring *ring = calloc(1, sizeof(*ring));

	if (ring == NULL)
		return NULL;
	ring->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring->fd < 0) {
		free(ring);
		return NULL;
	}
	pthread_mutex_init(&ring->lock, NULL);
	return ring;
}

void trace_ring_free(struct trace_ring *ring)
{
	if (ring == NULL)
		return;
	while (ring->first != NULL) {
		struct entry *entry = ring->first;

		ring->first = entry->next;
		free(entry);
	}
	free(ring->last_taken);
	pthread_mutex_destroy(&ring->lock);
	close(ring->fd);
	free(ring);
}

/* ---- putting ---- */

/* Fails only when it has been rung more often than anybody can count. */
static void ring_bell(const struct trace_ring *ring)
{
	uint64_t one = 1;

	(void)!write(ring->fd, &one, sizeof(one));
}

/* NULL: out of memory. */
static struct entry *entry_new(const void *octets, size_t n)
{
	struct entry *entry = malloc(sizeof(*entry) + n);

	if (entry == NULL)
		return NULL;
	*entry = (struct entry){ .n = n };
	if (n > 0)
		memcpy(entry->octets, octets, n);
	return entry;
}

/* Under the lock; entry may be NULL. false: there is no room for it, and it is gone. */
static bool append(struct trace_ring *ring, struct entry *entry)
{
	size_t n = entry != NULL ? sizeof(*entry) + entry->n : 0;

	if (entry == NULL || ring->octets + n > TRACE_RING_OCTETS) {
		free(entry);
		return false;
	}
	if (ring->first == NULL)
		ring_bell(ring);
	*(ring->first != NULL ? &ring->last->next : &ring->first) = entry;
	ring->last = entry;
	ring->octets += n;
	return true;
}

void trace_ring_put(struct trace_ring *ring, const struct trace_pdu *pdu)
{
	struct entry *entry = entry_new(pdu->octets, pdu->n);

	pthread_mutex_lock(&ring->lock);
	if (entry != NULL) {
		entry->pdu = *pdu;
		entry->pdu.octets = entry->octets;
		entry->pdu.message = "";
		entry->pdu.dropped = pdu->kind == TRACE_PDU ? ring->dropped : 0;
	}
	if (!append(ring, entry))
		ring->dropped += pdu->kind == TRACE_PDU;
	else if (pdu->kind == TRACE_PDU)
		ring->dropped = 0;
	pthread_mutex_unlock(&ring->lock);
}

void trace_ring_say(struct trace_ring *ring, const char *format, ...)
{
	char note[TRACE_NOTE_OCTETS];
	struct entry *entry;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(note, sizeof(note), format, arguments);
	va_end(arguments);
	entry = entry_new(note, strlen(note) + 1);
	if (entry != NULL)
		entry->is_note = true;
	pthread_mutex_lock(&ring->lock);
	append(ring, entry);
	pthread_mutex_unlock(&ring->lock);
}

void trace_ring_end(struct trace_ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->ended = true;
	pthread_mutex_unlock(&ring->lock);
	ring_bell(ring);
}

/* ---- taking ---- */

bool trace_ring_wait(struct trace_ring *ring, int64_t most_ms)
{
	struct pollfd bell = { .fd = ring->fd, .events = POLLIN };
	uint64_t count;
	bool more, quiet;

	pthread_mutex_lock(&ring->lock);
	quiet = ring->first == NULL && !ring->ended;
	pthread_mutex_unlock(&ring->lock);
	/* Rung behind this look, it is heard; what was rung before it may have been heard already. */
	if (quiet && poll(&bell, 1, most_ms > INT_MAX ? INT_MAX : (int)most_ms) > 0)
		(void)!read(ring->fd, &count, sizeof(count));
	pthread_mutex_lock(&ring->lock);
	more = ring->first != NULL || !ring->ended;
	pthread_mutex_unlock(&ring->lock);
	return more;
}

bool trace_ring_take(struct trace_ring *ring, struct trace_taken *taken)
{
	struct entry *entry;

	pthread_mutex_lock(&ring->lock);
	entry = ring->first;
	if (entry != NULL) {
		ring->first = entry->next;
		ring->last = ring->first != NULL ? ring->last : NULL;
		ring->octets -= sizeof(*entry) + entry->n;
	}
	pthread_mutex_unlock(&ring->lock);
	free(ring->last_taken);
	ring->last_taken = entry;
	if (entry == NULL)
		return false;
	taken->pdu = entry->is_note ? NULL : &entry->pdu;
	taken->note = entry->is_note ? (const char *)entry->octets : NULL;
	return true;
}

uint64_t trace_ring_dropped(struct trace_ring *ring)
{
	uint64_t dropped;

	pthread_mutex_lock(&ring->lock);
	dropped = ring->dropped;
	pthread_mutex_unlock(&ring->lock);
	return dropped;
}
