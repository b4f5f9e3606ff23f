/*
 * The states that a message was in, one after the other, worked out again from its path: state is a
 * function of evidence. Where evidence is cut or damaged, the last change is what its record says.
 */
#ifndef CORE_REPLAY_H
#define CORE_REPLAY_H

#include "core/path.h"

#define REPLAY_SEGMENTS 255

struct replay {
	const struct path *path;
	int64_t until_ms;
	uint32_t step; /* the next one */
	bool done;
	bool mended;		/* the evidence did not lead to what the record says */
	enum store_state state; /* of the message so far */
	bool taken;
	struct store_seg segs[REPLAY_SEGMENTS]; /* state, error, open_attempts */
	uint64_t unanswered[REPLAY_SEGMENTS];	/* attempts whose answer was lost, a bit each */
};

struct replay_change {
	int64_t at_ms;
	enum store_state from, to;
	bool was_taken, taken; /* by the provider, every segment */
};

/* The path as it was at until_ms, by the wall clock of the evidence; INT64_MAX: all of it. */
void replay_begin(struct replay *replay, const struct path *path, int64_t until_ms);
/* The next change of state or of taken; it begins QUEUED and not taken. False: there is no more. */
bool replay_next(struct replay *replay, struct replay_change *change);

#endif
