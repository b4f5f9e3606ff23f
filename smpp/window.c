/*
 * window.c: the outstanding table of one session; see window.h.
 */
#include "smpp/window.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

bool smpp_window_init(struct smpp_window *window, uint32_t requests, uint32_t first_sequence)
{
	uint32_t slots = SMPP_WINDOW_SLOTS_LEAST;

	assert(first_sequence >= 1 && first_sequence <= SMPP_WINDOW_SEQUENCE_MAX);
	assert(requests >= 1 && requests <= UINT32_MAX / 2 / SMPP_WINDOW_SPREAD);
	while (slots < requests * SMPP_WINDOW_SPREAD)
		slots *= 2;
	*window = (struct smpp_window){ .mask = slots - 1, .next = first_sequence };
	window->slots = calloc(slots, sizeof *window->slots);
	return window->slots != NULL;
}

void smpp_window_release(struct smpp_window *window)
{
	free(window->slots);
	*window = (struct smpp_window){ 0 };
}

static uint32_t after(uint32_t sequence)
{
	return sequence == SMPP_WINDOW_SEQUENCE_MAX ? 1 : sequence + 1;
}

static bool is_free(const struct smpp_slot *slot)
{
	return slot->state == SMPP_SLOT_FREE || slot->state == SMPP_SLOT_DONE;
}

static void list_append(struct smpp_window *window, struct smpp_slot *slot)
{
	uint32_t own = (uint32_t)(slot - window->slots);

	slot->before = own;
	slot->after = own;
	if (window->newest) {
		slot->before = (uint32_t)(window->newest - window->slots);
		window->newest->after = own;
	} else {
		window->oldest = slot;
	}
	window->newest = slot;
	if (!window->unsent)
		window->unsent = slot;
}

/* The neighbour with this index, or NULL at an end of the list. */
static struct smpp_slot *neighbour(struct smpp_window *window, const struct smpp_slot *slot,
				   uint32_t index)
{
	struct smpp_slot *other = window->slots + index;

	return other == slot ? NULL : other;
}

static void list_remove(struct smpp_window *window, struct smpp_slot *slot)
{
	struct smpp_slot *older = neighbour(window, slot, slot->before);
	struct smpp_slot *newer = neighbour(window, slot, slot->after);

	if (older)
		older->after = newer ? slot->after : slot->before;
	else
		window->oldest = newer;
	if (newer)
		newer->before = older ? slot->before : slot->after;
	else
		window->newest = older;
	if (window->unsent == slot)
		window->unsent = newer;
}

struct smpp_slot *smpp_window_take(struct smpp_window *window, enum smpp_slot_state state)
{
	struct smpp_slot *slot = window->slots + (window->next & window->mask);

	assert(state == SMPP_SLOT_AWAITED || state == SMPP_SLOT_CONTROL);
	assert(smpp_window_free(window) > 0);
	while (!is_free(slot)) {
		window->next = after(window->next);
		slot = window->slots + (window->next & window->mask);
	}
	*slot = (struct smpp_slot){ .sequence = window->next,
				    .state = state,
				    .control = state == SMPP_SLOT_CONTROL };
	window->next = after(window->next);
	window->in_use[state]++;
	if (state == SMPP_SLOT_AWAITED)
		list_append(window, slot);
	return slot;
}

struct smpp_slot *smpp_window_find(struct smpp_window *window, uint32_t sequence)
{
	struct smpp_slot *slot = window->slots + (sequence & window->mask);

	return slot->state != SMPP_SLOT_FREE && slot->sequence == sequence ? slot : NULL;
}

void smpp_window_move(struct smpp_window *window, struct smpp_slot *slot,
		      enum smpp_slot_state state)
{
	assert(!is_free(slot) && slot->state != state);
	assert(state != SMPP_SLOT_LATE || slot->state == SMPP_SLOT_AWAITED);
	if (slot->state == SMPP_SLOT_AWAITED)
		list_remove(window, slot);
	window->in_use[slot->state]--;
	slot->state = state;
	if (!is_free(slot))
		window->in_use[state]++;
}

void smpp_window_sent(struct smpp_window *window, uint64_t octets, int64_t at_ms)
{
	while (window->unsent && window->unsent->end_octets <= octets) {
		window->unsent->sent_ms = at_ms;
		window->unsent = neighbour(window, window->unsent, window->unsent->after);
	}
}

uint32_t smpp_window_free(const struct smpp_window *window)
{
	return window->mask + 1 - window->in_use[SMPP_SLOT_AWAITED] -
	       window->in_use[SMPP_SLOT_LATE] - window->in_use[SMPP_SLOT_CONTROL];
}
