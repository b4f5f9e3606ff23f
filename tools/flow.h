/*
 * The flow model: what PDUs have to do with one another. It pairs responses with requests, counts
 * windows, tells what is never answered, joins receipts to submits across links and parts to
 * messages, and knows a submit that is sent once more. It prints nothing, knows no source and has
 * no clock: times are those of the PDUs, and that of flow_pass.
 *
 *	flow_add(flow, &pdu);                a PDU, in the order of the source
 *	while (flow_next(flow, &event))      what it means: itself, and what has become certain
 *		show(&event);
 *	flow_pass(flow, now_us);             live: time goes on though no PDU comes; then flow_next
 *	flow_end(flow);                      no PDU follows; then flow_next again
 *
 * Bounded, so that a capture of any size streams through: of more than FLOW_REQUESTS open requests,
 * FLOW_SUBMITS with an id, FLOW_SESSIONS, FLOW_MESSAGES in parts, FLOW_FAILED submits that might be
 * repeated or FLOW_EARLY readings of ids of receipts without submit the oldest is forgotten; flow_forgotten counts the requests and submits.
 */
#ifndef TOOLS_FLOW_H
#define TOOLS_FLOW_H

#include "smpp/concat.h"
#include "smpp/pdu.h"
#include "smpp/receipt.h"
#include "tools/trace.h"

#define FLOW_REQUESTS 16384
#define FLOW_SUBMITS  65536
#define FLOW_SESSIONS 1024
#define FLOW_MESSAGES 4096
#define FLOW_FAILED   16384
#define FLOW_EARLY    4096

#define FLOW_HELD_US 100000 /* an answer for which others waited so long is worth a word */

#define FLOW_ADDRESS_OCTETS 22 /* with its NUL; the longer ones of data_sm are cut */
#define FLOW_MESSAGE_OCTETS 40 /* of our own id of a message, with its NUL */

/* What is remembered of a request. Of submit_sm, data_sm and submit_multi also to and from. */
struct flow_request {
	uint64_t number;
	int64_t at_us;
	uint64_t session;
	char link[TRACE_LINK_OCTETS];
	enum trace_direction direction;
	uint32_t command_id;
	uint32_t sequence_number;
	char from[FLOW_ADDRESS_OCTETS];
	char to[FLOW_ADDRESS_OCTETS];
	char message[FLOW_MESSAGE_OCTETS]; /* "": not known */
	int64_t answered_us;		   /* 0: not yet */
	uint32_t command_status;	   /* of the answer */
	char id[SMPP_ID_OCTETS];	   /* canonical, that the answer gave; "": none */
};

enum flow_kind {
	FLOW_PDU,
	FLOW_UNANSWERED, /* a request; may come again as answered, then with `late` */
	FLOW_CLOSED,	 /* a connection, in one direction or, by RST, in both */
	FLOW_NOTE,	 /* the daemon says what it did, or what there is no PDU of */
};

enum flow_pairing {
	FLOW_PAIR_NONE,	   /* a request, or what has no answer */
	FLOW_PAIR_ANSWER,  /* of `request`, after rtt_us */
	FLOW_PAIR_UNASKED, /* no open request has its sequence_number and type */
};

/* Why a request is told as unanswered. */
enum flow_why {
	FLOW_WHY_TIME,	    /* its time is up */
	FLOW_WHY_CLOSED,    /* the connection has ended */
	FLOW_WHY_END,	    /* nothing more was recorded */
	FLOW_WHY_REUSED,    /* its sequence_number is that of another request now */
	FLOW_WHY_FORGOTTEN, /* more than FLOW_REQUESTS were open */
	FLOW_WHY_GIVEN_UP,  /* the daemon says so, in `note` */
};

enum flow_join {
	FLOW_JOIN_NONE,	     /* no receipt */
	FLOW_JOIN_SUBMIT,    /* about `submit` */
	FLOW_JOIN_UNKNOWN,   /* no submit that was seen has such an id and address */
	FLOW_JOIN_AMBIGUOUS, /* several have, each by another reading of the id */
};

/* Pointers live until the next flow_add, flow_pass or flow_end, those of pdu as the source says. */
struct flow_event {
	enum flow_kind kind;
	int64_t at_us;
	const struct trace_pdu *pdu; /* PDU, CLOSED, NOTE; else NULL */

	/* PDU: what it says. Not masked: views must not show of it what may not be seen. */
	const struct smpp_pdu *fields;	     /* empty if it has no header */
	enum smpp_error error;		     /* of decoding it */
	const struct smpp_receipt *receipt;  /* its kind tells whether it is one */
	const struct smpp_concat_info *part; /* total 1: it stands alone */

	/* PDU: its answer or its request; UNANSWERED: itself. Requests have no `request`. */
	enum flow_pairing pairing;
	const struct flow_request *request;
	int64_t rtt_us;
	bool late;	   /* it had been told as unanswered */
	uint32_t window;   /* requests of its session and direction that are open now; those of the
			      session itself (bind, enquire_link, unbind) have no part in it */
	int64_t held_us;   /* answers: since a request or an answer was last heard */
	enum flow_why why; /* UNANSWERED */
	const char *note;  /* UNANSWERED, by the daemon; else NULL */

	/* PDU, receipts */
	enum flow_join join;
	const struct flow_request *submit;
	enum smpp_id_dialect rule; /* by which reading of its id; of facts ANY: see theirs */
	struct smpp_octets id;	   /* that was matched, raw */
	bool other_link;	   /* the submit went another way */
	int64_t delay_us;	   /* since the submit */

	/* PDU, answers: the receipt that came before it, and how long; 0: none did */
	uint64_t early;
	int64_t early_us;

	/* PDU, parts of a message: the first that was seen, and how many were */
	uint64_t first_part;
	uint32_t parts_seen;

	/* PDU, submits: the same octets were sent before and failed. 0: not so */
	uint64_t again;
	bool again_in_doubt;   /* that one was not answered; else: */
	uint32_t again_status; /* of its answer */
	/* PDU, submits: the first since a throttle, so much later; -1: it is not */
	int64_t pause_us;
};

struct flow;

/* unanswered_us: after which a request is told so. NULL: out of memory. */
struct flow *flow_new(int64_t unanswered_us);
void flow_free(struct flow *flow);

/* Takes the next PDU, which must live until its events were taken. */
void flow_add(struct flow *flow, const struct trace_pdu *pdu);
void flow_end(struct flow *flow);
/*
 * The source has dropped PDUs behind the last one: of what is open now nobody knows whether it was
 * answered. None is told as unanswered; an answer that comes still finds its request. A PDU with
 * `dropped` says so itself.
 */
void flow_gap(struct flow *flow);
/* Nothing has come until now_us, by the clock of the PDUs: what is due is told without waiting. */
void flow_pass(struct flow *flow, int64_t now_us);
/* When flow_pass will have something to tell, at the earliest; INT64_MAX: no request is open. */
int64_t flow_due_us(const struct flow *flow);
/* false: none waits. */
bool flow_next(struct flow *flow, struct flow_event *event);

/* Requests and submits that were forgotten for want of room. */
uint64_t flow_forgotten(const struct flow *flow);

/* Does it count in the window? */
bool flow_in_window(uint32_t command_id);

/* Is it one of those that give the carrier a message? */
bool flow_is_submit(uint32_t command_id);

#endif
