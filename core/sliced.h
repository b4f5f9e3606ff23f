/*
 * An answer that reads more than one turn has time for: it is written in slices, the first within
 * its call, each later one after a turn in a snapshot of its own, so that nobody waits for a long
 * walk. What changes between its slices may be seen or not.
 */
#ifndef CORE_SLICED_H
#define CORE_SLICED_H

#include "core/api.h"
#include "core/server.h"

/* The head of the answer's own struct, allocated with malloc. */
struct sliced {
	struct server_stream stream;
	struct api_call call; /* where the writer stands: json, turn and engine may be used */
	/*
	 * Goes on for at most 5 ms of a machine that is not loaded, so by a number of records; true
	 * when the answer is whole. When the turn fails, the answer ends without its end: half of
	 * it is no answer.
	 */
	bool (*write)(struct sliced *sliced, struct turn *turn);
	void (*release)(struct sliced *sliced); /* what it owns, not itself; NULL: nothing */
};

/* Begins to answer `call` and takes `sliced` over. */
void sliced_answer(struct sliced *sliced, struct api_call *call);
/* The same for an answer that its caller has begun: the slices go on after the call. */
void sliced_later(struct sliced *sliced, struct api_call *call);

#endif
