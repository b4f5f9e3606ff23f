/*
 * The carrier's end of a wire: a session in the SMSC's role, fed with what the wire brings and
 * written to it. What an event means is its owner's to say. Used by the carriers of the simulation
 * (smsc.c) and by those of test_engine*.c (test/engine_carrier.c).
 */
#ifndef TEST_SIM_FAR_END_H
#define TEST_SIM_FAR_END_H

#include <stdbool.h>

#include "smpp/session.h"
#include "test/sim/watch.h"
#include "test/sim/world.h"

struct far_end;
struct far_end_hooks {
	/* Every event of the session; what it says in answer is written behind it. */
	void (*event)(struct far_end *end, const struct smpp_event *event);
	/* The session would not come up, or takes no octets. */
	void (*stuck)(struct far_end *end);
};

struct far_end {
	/* Its owner's to set before far_end_accept. */
	struct world *world;
	const struct far_end_hooks *hooks;
	struct watch *watch;		  /* over it, its own from now on; NULL: none */
	const char *system_id, *password; /* of its outbind; NULL: the daemon binds */
	/* And at any time: what it says waits for a far_end_flush without. */
	bool corked;

	struct wire *wire;	      /* NULL: gone */
	struct smpp_session *session; /* NULL: ended */
};

void far_end_accept(struct far_end *end, struct wire *wire);
/* Writes what the session has to say. */
void far_end_flush(struct far_end *end);
bool far_end_is_bound(const struct far_end *end);
/* Answers a request, if the session is still there and takes it. */
void far_end_respond(struct far_end *end, const struct smpp_pdu *pdu);
/* Leaves the wire behind what was said on it; for SMPP_EVENT_CLOSE. */
void far_end_leave(struct far_end *end);
/* Frees what it has, not itself. */
void far_end_release(struct far_end *end);

#endif
