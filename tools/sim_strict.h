/*
 * The strict mode of smsc-sim: the peer's breaches of SMPP 3.4 are found, told one line each with
 * field and section, and make the exit status 3. What the codec notes as a flaw and what the session
 * notes as out of place is taken from them; here are only the rules that neither needs to know in
 * order to go on. Nothing is answered differently because of it.
 */
#ifndef TOOLS_SIM_STRICT_H
#define TOOLS_SIM_STRICT_H

#include <stdbool.h>
#include <stdint.h>

#include "smpp/session.h"

/* What is remembered of one link. All zero is a fresh one. */
struct sim_strict {
	uint32_t last_sequence; /* of the peer's requests; 0: none yet */
	uint64_t asked;		/* its requests */
	uint64_t answered;	/* our responses */
	bool unbound;		/* it has asked to unbind, or answered that we did */
	bool misnumbered;	/* a script gave requests numbers of its own: any answer may come */
};

struct sim_smsc;
struct sim_link;

/* Every event of the link's session, before anything else is made of it. */
void sim_strict_event(struct sim_smsc *smsc, struct sim_link *link, const struct smpp_event *event);

/* A submit came though the window that was asked for is full. */
void sim_strict_window(struct sim_smsc *smsc, struct sim_link *link,
		       const struct smpp_event *event);

#endif
