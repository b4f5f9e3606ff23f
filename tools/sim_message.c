/* The pool of tools/sim_message.h, in chunks that never move. */
#include "tools/sim_message.h"

#include <assert.h>
#include <stdlib.h>

#define CHUNK 4096u

/* What the memory bound of the manual page counts on, with 16 octets for each time to come. */
static_assert(sizeof(struct sim_message) <= 144, "a message has grown");

struct sim_message *sim_message_at(const struct sim_messages *messages, uint32_t index)
{
	assert(index < messages->made);
	return &messages->chunks[index / CHUNK][index % CHUNK];
}

/* Adds a chunk and puts its entries into the free list, the lowest first. */
static bool add_chunk(struct sim_messages *messages)
{
	struct sim_message *chunk;

	if (messages->made >= SIM_MESSAGES_MAX)
		return false;
	if (messages->chunks == NULL)
		messages->chunks = calloc(SIM_MESSAGES_MAX / CHUNK, sizeof(struct sim_message *));
	chunk = calloc(CHUNK, sizeof(*chunk));
	if (messages->chunks == NULL || chunk == NULL) {
		free(chunk);
		return false;
	}
	messages->chunks[messages->made / CHUNK] = chunk;
	for (uint32_t i = CHUNK; i-- > 0;) {
		chunk[i].next = messages->free;
		messages->free = messages->made + i + 1;
	}
	messages->made += CHUNK;
	return true;
}

uint32_t sim_message_new(struct sim_messages *messages)
{
	struct sim_message *message;
	uint32_t index;

	if (messages->free == 0 && !add_chunk(messages))
		return SIM_NO_MESSAGE;
	index = messages->free - 1;
	message = sim_message_at(messages, index);
	messages->free = message->next;
	messages->used++;
	*message = (struct sim_message){ .generation = message->generation + 1,
					 .next = SIM_NO_MESSAGE };
	return index;
}

void sim_message_free(struct sim_messages *messages, uint32_t index)
{
	struct sim_message *message = sim_message_at(messages, index);

	message->generation++; /* whoever still names it is heard no more */
	message->next = messages->free;
	messages->free = index + 1;
	messages->used--;
}

void sim_messages_release(struct sim_messages *messages)
{
	for (uint32_t i = 0; i < messages->made / CHUNK; i++)
		free(messages->chunks[i]);
	free(messages->chunks);
	*messages = (struct sim_messages){ 0 };
}
