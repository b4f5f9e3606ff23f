/*
 * The simulated SMSC: links, the accounts (system_ids) bound by them, and what it owes them.
 *
 *	port events ──► sim_smsc_event ──► session ──► REQUEST ──► sim_submit_take  ─┐
 *	                                          └──► RESPONSE ─► sim_receipt_verdict │ due, queues
 *	sim_smsc_turn: what is due ──► sim_submit_answer, sim_receipt_queue ◄─────────┘
 *	               receipts ──► sessions ──► sim_wire ──► log, then octets to the links
 *
 * sim_smsc.c has links and the turn, sim_submit.c submits and their answers, sim_delivery.c the
 * receipts, sim_verbs.c requests about a message and about several at once, sim_act.c what a
 * script wants, sim_wire.c the faults of lines. Used by tools/smsc_sim.c, which owns the port and
 * the loop.
 */
#ifndef TOOLS_SIM_SMSC_H
#define TOOLS_SIM_SMSC_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "core/outcome.h"
#include "core/port.h"
#include "smpp/session.h"
#include "tools/sim_act.h"
#include "tools/sim_attempts.h"
#include "tools/sim_due.h"
#include "tools/sim_inbound.h"
#include "tools/sim_log.h"
#include "tools/sim_message.h"
#include "tools/sim_options.h"
#include "tools/sim_script.h"
#include "tools/sim_strict.h"
#include "tools/sim_wire.h"

#define SIM_LINKS_MAX	 1024u
#define SIM_ACCOUNTS_MAX 1024u

/* Requests that the session does not number begin here, far from its own. */
#define SIM_OWN_SEQUENCE 0x40000000u

/* Tag of a script's requests; the index of no message is in it. */
#define SIM_TAG_SCRIPT UINT64_MAX

/* What a due entry asks for, in its lowest bits; the rest names the message or the step. */
enum sim_action {
	SIM_ANSWER,  /* send the response */
	SIM_DELIVER, /* put a receipt into its account's queue */
	SIM_STEP,    /* do what a script asked for */
	SIM_ACTION_BITS = 2,
};

struct sim_link {
	UT_hash_handle hh;
	uint64_t id;	 /* the port's */
	uint32_t number; /* in log and messages, from 1 */
	uint16_t slot;
	uint16_t account; /* SIM_ACCOUNTS_MAX: not bound */
	struct smpp_session *session;
	bool receives;	     /* bound so that receipts may go to it */
	bool takes_tlvs;     /* it bound with interface_version 0x34 or above */
	bool closing;	     /* the session asked for the end */
	bool paused;	     /* its reading is stopped */
	uint32_t unanswered; /* submits not answered yet */
	uint32_t receipts_in_flight;
	uint32_t own_requests; /* numbered here and not by the session */
	uint32_t *matched;     /* counts of the script's rows; NULL: there is none */
	struct sim_wire wire;
	struct sim_strict strict;
};

/* One system_id. Lives as long as the simulator: its receipts wait for it to come back. */
struct sim_account {
	char system_id[17];
	uint32_t first; /* queue of messages whose receipt is to be sent */
	uint32_t last;
	uint32_t next_slot; /* where the search for a link begins: round robin */
	int64_t tokens;	    /* thousandths of a submit */
	int64_t refilled_ms;
	int64_t down_ms; /* when a bound link of it went down */
	bool went_down;
};

struct sim_stats {
	uint64_t in[SMPP_N_COMMANDS + 1]; /* by row; the last counts unknown commands */
	uint64_t out[SMPP_N_COMMANDS + 1];
	uint64_t outcomes[OUTCOME_KINDS]; /* drawn */
	uint64_t accepted;		  /* drawn with status 0, answered or not */
	uint64_t refused;		  /* drawn with another status */
	uint64_t throttled;		  /* by window or rate, not drawn */
	uint64_t malformed;		  /* refused before anything was drawn */
	uint64_t scripted;		  /* refused because a script said so, not drawn */
	uint64_t hung;			  /* never answered under --hang, not drawn */
	uint64_t breaches;		  /* of the protocol, by strict mode */
	uint64_t answers_dropped;	  /* the link was gone */
	uint64_t receipts_sent;		  /* handed to a session, repetitions too */
	uint64_t receipts_acked;
	uint64_t receipts_refused;    /* negative answers */
	uint64_t receipts_unanswered; /* no answer in time, or the link went */
	uint64_t receipts_lost;	      /* by the way `lost` */
};

/* A message that is settled: what query_sm still finds. */
struct sim_past {
	uint64_t id;
	int64_t final_wall_ms;
	uint16_t account;
	uint8_t message_state; /* 0: an empty place */
};
#define SIM_PAST 65536u /* of them; then the oldest goes */

struct sim_multi;

struct sim_smsc {
	struct port *port;
	struct sim_log *log;
	const struct sim_options *options;
	struct sim_link *by_id;		       /* hash of links */
	struct sim_link *slots[SIM_LINKS_MAX]; /* the same, by slot; NULL: free */
	uint32_t slots_used;		       /* no link at or behind this slot */
	uint32_t links_made;
	struct sim_account accounts[SIM_ACCOUNTS_MAX];
	uint32_t account_count;
	struct sim_messages messages;
	struct sim_attempts attempts;
	struct sim_due due;
	struct sim_multi *multis; /* submit_multis without a response */
	struct sim_past past[SIM_PAST];
	uint32_t past_next;
	struct sim_script script;
	struct sim_pdu shape; /* of receipts that no script shapes */
	struct sim_wish wish; /* for the request that is being handled */
	struct sim_pending *pendings;
	size_t pending_count;
	int64_t started_ms;
	struct sim_inbound inbound[SIM_INBOUND_KEPT];
	uint32_t inbound_count;
	uint64_t next_id;
	struct sim_stats stats;
};

/* smsc is large: static or allocated. The port, log and options outlive it; script is its own. */
void sim_smsc_init(struct sim_smsc *smsc, struct port *port, struct sim_log *log,
		   const struct sim_options *options, struct sim_script script);
void sim_smsc_release(struct sim_smsc *smsc);

/* An event of a link. */
void sim_smsc_event(struct sim_smsc *smsc, const struct port_event *event);
/* The link of that id of the port; NULL: it is not up. */
struct sim_link *sim_smsc_link(const struct sim_smsc *smsc, uint64_t id);
/* After all events: does what is due and writes. */
void sim_smsc_turn(struct sim_smsc *smsc);
/* When the next turn is needed though no event came. */
int64_t sim_smsc_deadline_ms(const struct sim_smsc *smsc);
/* Unbinds every link that is bound, closes the others. */
void sim_smsc_unbind(struct sim_smsc *smsc);
/* Nothing is owed: no response, no receipt. */
bool sim_smsc_settled(const struct sim_smsc *smsc);
/* One JSON object with a line end. seconds: since the start. */
void sim_smsc_stats(const struct sim_smsc *smsc, int64_t running_ms, struct buffer *out);

/* ---- between the files of the SMSC ---- */

/* The link that a message came by; NULL: it is gone. */
struct sim_link *sim_smsc_origin(const struct sim_smsc *smsc, const struct sim_message *message);

/* Adds to what is due. Without memory the process ends: an SMSC that forgets proves nothing. */
void sim_smsc_plan(struct sim_smsc *smsc, int64_t due_ms, enum sim_action action, uint32_t index);

/* One more of this command in counts of struct sim_stats. */
void sim_smsc_count(uint64_t counts[SMPP_N_COMMANDS + 1], uint32_t command_id);

/* Gives the message back if nothing of it is left to do. */
void sim_smsc_finish(struct sim_smsc *smsc, uint32_t index);

/* A submit_sm or data_sm came: refuse it or take it (sim_submit.c). */
void sim_submit_take(struct sim_smsc *smsc, struct sim_link *link, const struct smpp_event *event);
/* Any other request came. */
void sim_submit_decline(struct sim_smsc *smsc, struct sim_link *link,
			const struct smpp_event *event);
/* The response of a message is due. */
void sim_submit_answer(struct sim_smsc *smsc, uint32_t index);
/* The status that refuses whatever comes by the link now, 0: none; takes from its rate. */
uint32_t sim_submit_limits(struct sim_smsc *smsc, struct sim_link *link,
			   const struct smpp_event *event);
/* Fills a fresh message from a submit and draws for it, under this id if it is taken: its status. */
uint32_t sim_submit_draw(struct sim_smsc *smsc, struct sim_message *message,
			 const struct sim_link *link, const struct smpp_event *event, uint64_t id);

/* A request about messages (sim_verbs.c); false: it is none of those. */
bool sim_verbs_take(struct sim_smsc *smsc, struct sim_link *link, const struct smpp_event *event);
/* The response of a submit_multi is due; index is of the message that leads it. */
void sim_verbs_multi_answer(struct sim_smsc *smsc, uint32_t index);
/* A message is done with: query_sm finds its state from now on. */
void sim_verbs_settled(struct sim_smsc *smsc, const struct sim_message *message);
void sim_verbs_release(struct sim_smsc *smsc);

/* The receipt of a message is due (sim_delivery.c). */
void sim_delivery_queue(struct sim_smsc *smsc, uint32_t index);
/* Hands waiting receipts to links with room. */
void sim_delivery_dispatch(struct sim_smsc *smsc);
/* RESPONSE, TIMEOUT, UNSENT or LOST of a receipt. */
void sim_delivery_verdict(struct sim_smsc *smsc, struct sim_link *link,
			  const struct smpp_event *event);

#endif
