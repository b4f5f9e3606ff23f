/* The heap: each entry stands before its two children at 2i + 1 and 2i + 2. */
#include "core/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *entry(const struct heap *heap, size_t i)
{
	return (unsigned char *)heap->at + i * heap->entry_octets;
}

static void move(const struct heap *heap, size_t to, size_t from)
{
	memcpy(entry(heap, to), entry(heap, from), heap->entry_octets);
}

bool heap_push(struct heap *heap, const void *added)
{
	if (heap->n == heap->room) {
		size_t room = heap->room ? heap->room * 2 : 64;
		void *at = realloc(heap->at, room * heap->entry_octets);
		if (!at)
			return false;
		heap->at = at;
		heap->room = room;
	}
	size_t i = heap->n++;
	for (; i && heap->before(added, entry(heap, (i - 1) / 2)); i = (i - 1) / 2)
		move(heap, i, (i - 1) / 2);
	memcpy(entry(heap, i), added, heap->entry_octets);
	return true;
}

void heap_pop(struct heap *heap)
{
	_Alignas(max_align_t) unsigned char last[HEAP_ENTRY_OCTETS];
	assert(heap->n && heap->entry_octets <= sizeof(last));
	size_t i = 0, n = --heap->n;
	memcpy(last, entry(heap, n), heap->entry_octets);
	for (size_t child = 1; child < n; child = 2 * i + 1) {
		if (child + 1 < n && heap->before(entry(heap, child + 1), entry(heap, child)))
			child++;
		if (!heap->before(entry(heap, child), last))
			break;
		move(heap, i, child);
		i = child;
	}
	memcpy(entry(heap, i), last, heap->entry_octets);
}

void heap_free(struct heap *heap)
{
	free(heap->at);
	heap->at = NULL;
	heap->n = heap->room = 0;
}
