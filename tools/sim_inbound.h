/*
 * Messages from handsets, for smsc-sim to deliver: a text becomes one deliver_sm or several, as its
 * coding and the way of parting ask, on a link that is bound to receive. What became of each is
 * counted; none is sent again. Who asks for them is tools/sim_control.c.
 */
#ifndef TOOLS_SIM_INBOUND_H
#define TOOLS_SIM_INBOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smpp/coding.h"
#include "smpp/concat.h"
#include "smpp/session.h"

struct sim_smsc;
struct sim_link;

enum {
	SIM_INBOUND_KEPT = 1024, /* messages whose fate can be asked for */
};

/* One message that was asked for. */
struct sim_inbound {
	uint32_t number; /* from 1; 0: free */
	uint32_t sent;	 /* PDUs */
	uint32_t acked;
	uint32_t refused;
	uint32_t unanswered;
};

struct sim_inbound_wish {
	const char *from;
	const char *to;
	const char *text; /* UTF-8 */
	size_t text_n;
	uint8_t esm_class;
	bool auto_coding; /* GSM 03.38 if it can, else UCS-2 */
	enum smpp_alphabet alphabet;
	enum smpp_concat_method method;
	uint16_t reference;
	const uint8_t *order; /* which parts, from 1, in which order; NULL: all */
	size_t order_n;
};

/*
 * Hands it to the link. NULL: it is; *inbound is where it is counted. Else why not, in words;
 * what was handed over before goes all the same.
 */
const char *sim_inbound_send(struct sim_smsc *smsc, struct sim_link *link,
			     const struct sim_inbound_wish *wish, struct sim_inbound **inbound);

/* NULL: there was none of that number, or it was long ago. */
const struct sim_inbound *sim_inbound_find(const struct sim_smsc *smsc, uint32_t number);

/* The end of one of its PDUs, by its tag. false: the tag is none of ours. */
bool sim_inbound_verdict(struct sim_smsc *smsc, const struct smpp_event *event);

#endif
