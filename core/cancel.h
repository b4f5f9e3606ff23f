/*
 * Taking a message back: what still waits here is cancelled here, what the provider has taken is
 * asked for by cancel_sm, and what nobody can name is told. For one message or, message by message,
 * for a whole order. Whoever asks has the answer to tell and the audit to keep.
 */
#ifndef CORE_CANCEL_H
#define CORE_CANCEL_H

#include "core/ask.h"

enum cancel_result {
	CANCEL_DONE,	/* FAILED / CANCELLED now, paid back as the route's policy says */
	CANCEL_ASKED,	/* the provider decides; a receipt or a query tells the outcome */
	CANCEL_NOTHING, /* asked.why says why */
};

struct cancelled {
	enum cancel_result result;
	struct asked asked;
};

/*
 * How often a client may have a provider asked about one segment: each time is heard by the provider
 * and leaves its rows in the evidence, and both are everybody's.
 */
#define CANCEL_CLIENT_MAX 8

/*
 * Each segment is what it is: a message may be cancelled here in part and at the provider in part.
 * An operator's wish is asked for each time; a client's that the provider has not answered yet, or
 * has agreed to, stands, so that a client may say it again: ASKED, without a number.
 */
struct cancelled cancel_segment(struct turn *turn, struct work *work, struct segment_ref ref,
				bool by_operator);

#endif
