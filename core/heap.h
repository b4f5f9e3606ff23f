/*
 * A binary heap of entries of one size, the first of them by `before` at heap->at. The queue and
 * the deadlines are kept in such; what an entry means is theirs.
 */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap {
	bool (*before)(const void *a, const void *b);
	size_t entry_octets; /* at most HEAP_ENTRY_OCTETS */
	void *at; /* n entries; the caller may read them, and change what `before` ignores */
	size_t n, room;
};
#define HEAP_ENTRY_OCTETS 64

/* Copies the entry in; false without memory: the heap is as it was. */
bool heap_push(struct heap *heap, const void *entry);
/* Takes the first away; there must be one. */
void heap_pop(struct heap *heap);
/* Ends the heap's memory; it may be used again. */
void heap_free(struct heap *heap);

#endif
