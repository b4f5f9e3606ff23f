/*
 * What the steps of a script do: called with everything that happens on a link, it finds the rows
 * that fire and does what they say, now or later. What an answer looks like and how octets leave is
 * tools/sim_wire.h's business; what becomes of a submit is sim_submit.c's, which asks the wish.
 */
#ifndef TOOLS_SIM_ACT_H
#define TOOLS_SIM_ACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/sim_script.h"

struct sim_smsc;
struct sim_link;

/* What rows want of the request that is being handled. All zero: nothing. */
struct sim_wish {
	uint32_t status;		/* refuse it with that */
	const struct outcome_mix *mix;	/* draw from this */
	const struct sim_step *receipt; /* send such a one */
	uint32_t receipt_count;		/* how often its row has fired */
};

/* A step that is to be done later. */
struct sim_pending {
	uint32_t link; /* its number */
	uint16_t slot;
	const struct sim_step *step; /* NULL: free */
	uint8_t *octets;
	size_t n;
};

/* event is NULL unless a PDU came. Afterwards smsc->wish is what is wanted of it. */
void sim_act(struct sim_smsc *smsc, struct sim_link *link, enum sim_happening happening,
	     const struct smpp_event *event);

/* Does the steps of a rule now, on this link. */
void sim_act_now(struct sim_smsc *smsc, struct sim_link *link, const struct sim_rule *rule);

/* Does the step once its time is over, with a copy of the octets. */
void sim_act_later(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		   const uint8_t *octets, size_t n);
/* That time is over. */
void sim_act_due(struct sim_smsc *smsc, uint32_t index);

void sim_act_release(struct sim_smsc *smsc);

#endif
