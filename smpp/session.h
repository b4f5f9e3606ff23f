/*
 * session.h: one end of one SMPP 3.4 connection, from link up to link down, as ESME or as SMSC.
 *
 * It binds, frames, numbers, pairs responses with requests, keeps the window, answers what needs
 * no thought (enquire_link, unbind, garbage) and watches the timers. It does no I/O, reads no clock
 * and calls nobody back: octets and `now_ms` go in; events, octets and the next deadline are pulled
 * out. It is not the codec (pdu.h), not the policy of a provider (when to reconnect, how long to
 * pause) and keeps nothing beyond the connection. Used by the daemon, the simulator, the load
 * generator, the fuzzers and the tests.
 *
 *	link up       smpp_session_up ──┐                ┌── smpp_session_next      events
 *	link octets   smpp_session_feed ┤                │
 *	link gone     smpp_session_down ┤    session     ├── smpp_session_output    octets to write
 *	time          smpp_session_tick ┤                │
 *	the owner     _request _respond ┘                └── smpp_session_deadline  when to tick
 *
 * One session is one life of a link: after smpp_session_down it only hands out its last events.
 *
 * What the owner promises
 *	- After each feed, tick, down or withdraw it pulls events until there are none: an arrival
 *	  time is that of the latest feed.
 *	- After pulling it asks for output, writes it and reports what was taken (smpp_session_wrote).
 *	- It answers every REQUEST (smpp_session_respond), after its commit, in any order, or says
 *	  that it will not (smpp_session_leave_unanswered).
 *	- At CLOSE it writes what output still gives, closes the link, and calls smpp_session_down
 *	  once the link is gone and the last smpp_session_kernel_sent is reported.
 * What the session promises
 *	- Each accepted request ends in exactly one of RESPONSE, TIMEOUT, UNSENT, LOST. Only after
 *	  a TIMEOUT may one more event carry its tag as an answer: a RESPONSE that is `late`.
 *	- Requests leave in the order they were handed in, their sequence_numbers rise by one (also
 *	  between enquire_links), and at most `window` of them are neither answered nor timed out.
 *	- It reads one PDU per event, and moves requests to the output only in smpp_session_output:
 *	  an owner that sees a throttle can hold the session before another request leaves.
 *
 * All `now_ms` are of one monotonic clock that never goes back. Section numbers: SMPP 3.4.
 */
#ifndef SMPP_SESSION_H
#define SMPP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smpp/pdu.h"

/* Bounds. */
#define SMPP_SESSION_WINDOW_MAX	    10000u	/* requests */
#define SMPP_SESSION_LATE_WINDOWS   16u		/* timed-out requests remembered, in windows */
#define SMPP_SESSION_EARLY_MAX	    1000u	/* PDUs that came before bind_resp */
#define SMPP_SESSION_UNANSWERED_MAX 10000u	/* peer's requests the owner has not answered yet */
#define SMPP_SESSION_QUEUE_OCTETS   (64u << 20) /* bound of queue, of output, of early PDUs */
#define SMPP_SESSION_INPUT_OCTETS   (4u << 20)	/* octets fed and not yet pulled as events */
#define SMPP_SESSION_OUTPUT_PAUSE   (1u << 20)	/* octets unwritten: no requests, no reading */
#define SMPP_SESSION_NEVER	    INT64_MAX	/* smpp_session_deadline: nothing to wait for */

/* The session states of 2.2, and those around them. */
enum smpp_session_state {
	SMPP_SESSION_DOWN,	     /* no link yet, or no longer */
	SMPP_SESSION_CALLED,	     /* ESME: the peer connected, its outbind is awaited */
	SMPP_SESSION_OPEN,	     /* ESME: bind sent; SMSC: waiting for a bind */
	SMPP_SESSION_BIND_ASKED,     /* SMSC: BIND_REQUEST raised, the owner has to answer it */
	SMPP_SESSION_BOUND,	     /* the only state in which requests leave */
	SMPP_SESSION_UNBINDING,	     /* we asked; answers to the peer still go out */
	SMPP_SESSION_PEER_UNBINDING, /* the peer asked; responses in flight are still read */
	SMPP_SESSION_CLOSING,	     /* CLOSE raised; nothing new is written, the link should go */
};

enum smpp_session_error {
	SMPP_SESSION_OK = 0,
	SMPP_SESSION_STATE,	/* not in this state, or not this PDU by this role (Table 2-1) */
	SMPP_SESSION_VERSION,	/* the peer takes no optional parameters, and this PDU needs them */
	SMPP_SESSION_FULL,	/* a bound above is reached; nothing was taken */
	SMPP_SESSION_BAD_PDU,	/* cannot be encoded; nothing was taken */
	SMPP_SESSION_NO_MEMORY, /* nothing was taken */
};

/* Why the owner must close the link; smpp_session_close_text says it in words. */
enum smpp_session_close {
	SMPP_CLOSE_NONE = 0,
	SMPP_CLOSE_FRAMING,	   /* command_length impossible: the PDU boundary is lost */
	SMPP_CLOSE_PEER_FRAMING,   /* generic_nack with sequence 0: the peer lost ours */
	SMPP_CLOSE_READ_PDU,	   /* a PDU was begun and did not end in read_pdu_ms */
	SMPP_CLOSE_BIND_TIMEOUT,   /* no bind_resp in bind_ms */
	SMPP_CLOSE_BIND_REFUSED,   /* follows BIND_REFUSED */
	SMPP_CLOSE_EARLY,	   /* too much before bind_resp */
	SMPP_CLOSE_ENQUIRE_LINK,   /* no sign of life in enquire_link_answer_ms */
	SMPP_CLOSE_LATE,	   /* more than SMPP_SESSION_LATE_WINDOWS unanswered */
	SMPP_CLOSE_UNBOUND,	   /* we unbound and the peer answered */
	SMPP_CLOSE_UNBIND_TIMEOUT, /* we unbound and the peer did not answer in unbind_ms */
	SMPP_CLOSE_PEER_UNBOUND,   /* the peer unbound */
	SMPP_CLOSE_SESSION_INIT,   /* SMSC: no bind in session_init_ms */
	SMPP_CLOSE_NO_OUTBIND,	   /* ESME: no outbind in session_init_ms, or something else */
	SMPP_CLOSE_INACTIVITY,	   /* SMSC: nothing received for inactivity_ms */
	SMPP_CLOSE_NO_MEMORY,	   /* an answer could not be stored for writing */
};

/* Why a response completes nothing. */
enum smpp_session_orphan {
	SMPP_ORPHAN_UNKNOWN,	/* no request has this sequence_number */
	SMPP_ORPHAN_WRONG_TYPE, /* one has, but is of another command; it stays open (tag is set) */
	SMPP_ORPHAN_SECOND,	/* it was answered already (tag is set) */
};

/* Whether optional parameters are sent; those that come are read whatever is said here (3.4). */
enum smpp_session_tlvs {
	SMPP_SESSION_TLVS_AUTO,	      /* if both ends say that they speak 3.4 or later */
	SMPP_SESSION_TLVS_UNLESS_OLD, /* if neither says that it speaks less than 3.4 */
	SMPP_SESSION_TLVS_ALWAYS,
	SMPP_SESSION_TLVS_NEVER,
};

enum smpp_event_kind {
	SMPP_EVENT_BOUND,	 /* ESME: interface_version, tlvs_allowed */
	SMPP_EVENT_BIND_REFUSED, /* ESME: command_status; CLOSE follows */
	SMPP_EVENT_BIND_REQUEST, /* SMSC: answer with smpp_session_bind_answer */
	SMPP_EVENT_OUTBIND,	 /* ESME, CALLED: smpp_session_bind, or close the link */
	SMPP_EVENT_REQUEST,	 /* answer with smpp_session_respond */
	SMPP_EVENT_NOTICE,	 /* nothing to do: enquire_link, alert_notification, outbind… */
	SMPP_EVENT_RESPONSE,	 /* tag, late, times; pdu may be a generic_nack */
	SMPP_EVENT_ORPHAN_RESPONSE, /* orphan says why; nothing was completed */
	SMPP_EVENT_TIMEOUT,	    /* tag: no response in response_ms; in doubt, slot free again */
	SMPP_EVENT_UNSENT,	    /* tag: cannot have reached the peer whole */
	SMPP_EVENT_LOST,	    /* tag: link gone before the response; in doubt */
	SMPP_EVENT_PROBLEM,	    /* problem; bad PDU, already answered where it may be */
	SMPP_EVENT_UNBOUND,	    /* pdu is unbind (the peer asked) or the answer to ours */
	SMPP_EVENT_CLOSE,	    /* close: the owner must close the link; raised once */
};

/*
 * One event. `octets` is the PDU as received and `pdu` borrows from it; both are NULL for the kinds
 * that come from no PDU (TIMEOUT, UNSENT, LOST, CLOSE). They live until the next smpp_session_next,
 * _feed or _free. Where there is a problem, `pdu` is filled up to the field it names, its header
 * always; with the framing lost there is no pdu and `octets` is the garbage, and of a caller that
 * begins with anything but an outbind there is none either. Members that a kind does not name are 0.
 */
struct smpp_event {
	enum smpp_event_kind kind;
	const struct smpp_pdu *pdu;
	const uint8_t *octets; /* the raw PDU, for tap and evidence */
	uint32_t octets_n;
	uint32_t command_id; /* of the PDU, or of the request the tag names */
	uint32_t command_status;
	uint32_t sequence_number; /* 0 for an UNSENT that never had one */
	int64_t at_ms;		  /* arrival, or the tick that fired */
	uint64_t tag;		  /* as given to smpp_session_request */
	int64_t queued_ms;	  /* events with a tag: when the request was handed in */
	int64_t sent_ms;	  /* when the kernel took it, else when it was put out; 0: UNSENT */
	uint32_t rtt_ms;	  /* RESPONSE: at_ms - sent_ms */
	bool late;		  /* RESPONSE: a TIMEOUT was raised for this tag before */
	bool unparsed;		  /* REQUEST, RESPONSE: the body could not be read; see problem */
	bool tlvs_allowed;	  /* BOUND: optional parameters are sent to this peer */
	uint8_t interface_version;	 /* BOUND: as the peer said, 0 = it did not */
	enum smpp_session_orphan orphan; /* ORPHAN_RESPONSE */
	enum smpp_session_close close;	 /* CLOSE */
	struct smpp_problem problem;	 /* PROBLEM, and where unparsed */
};

/* Timers are in ms; 0 turns a timer off. Strings are copied; NULL is empty. */
struct smpp_session_config {
	enum smpp_role role;
	uint32_t bind_command_id; /* ESME: bind_transceiver, _transmitter or _receiver */
	bool outbind; /* the SMSC connects and asks for the bind (2.2.1, 4.1.7); ESME: CALLED first */
	const char *system_id;
	const char *password; /* wiped when the bind is encoded */
	const char *system_type;
	const char *address_range;
	uint8_t addr_ton;
	uint8_t addr_npi;
	uint8_t interface_version; /* 0x34 */
	enum smpp_session_tlvs tlvs;
	uint32_t window;	       /* 1..SMPP_SESSION_WINDOW_MAX requests */
	uint32_t max_pdu;	       /* octets, 4,096..1 MiB; a longer command_length is fatal */
	uint32_t first_sequence;       /* 0 = 1; else 1..0x7FFFFFFF, to begin near the wrap */
	uint32_t bind_ms;	       /* ESME: bind to its answer */
	uint32_t enquire_link_idle_ms; /* nothing received for so long: enquire_link */
	uint32_t enquire_link_answer_ms; /* and nothing received after that: CLOSE */
	uint32_t response_ms;		 /* request put out to TIMEOUT */
	uint32_t read_pdu_ms;		 /* first octet of a PDU to its last */
	uint32_t unbind_ms;		 /* unbind to CLOSE, whoever asked */
	uint32_t session_init_ms;	 /* SMSC: link up to bind (7.2); ESME, CALLED: to outbind */
	uint32_t inactivity_ms;		 /* SMSC: nothing received for so long: CLOSE (7.2) */
};

/* What smpp_session_output gives. `at` lives until the next call that takes the session. */
struct smpp_output {
	const uint8_t *at; /* all octets not yet reported by smpp_session_wrote */
	size_t n;
	size_t fresh; /* from here on whole PDUs that no earlier call has shown (for a tap) */
};

struct smpp_session_stats {
	enum smpp_session_state state;
	bool on_hold; /* smpp_session_hold is in force */
	bool tlvs_allowed;
	uint32_t window;     /* requests */
	uint32_t in_flight;  /* put out, neither answered nor timed out */
	uint32_t queued;     /* handed in, not put out */
	uint32_t late;	     /* timed out, still remembered */
	uint32_t unanswered; /* the peer's requests the owner has not answered */
	uint32_t slots;	     /* size of the outstanding table */
	uint32_t slots_free;
	uint32_t next_sequence; /* the number the next PDU tries first */
	uint64_t out_octets;	/* put out since link up */
	uint64_t sent_octets;	/* of these, taken by the kernel */
};

struct smpp_session;

/* A session for one connection, or NULL without memory. The config is checked by assert. */
struct smpp_session *smpp_session_new(const struct smpp_session_config *config);
void smpp_session_free(struct smpp_session *session);

/* The link is up. Encodes the bind or outbind; BAD_PDU if system_id, password… do not fit (5.2). */
__attribute__((warn_unused_result)) enum smpp_session_error
smpp_session_up(struct smpp_session *session, int64_t now_ms);
/* ESME: the OUTBIND is good; binds on this same link. STATE unless CALLED; BAD_PDU as above. */
__attribute__((warn_unused_result)) enum smpp_session_error
smpp_session_bind(struct smpp_session *session, int64_t now_ms);
/* Buffers octets that arrived at now_ms. FULL: pull events first; nothing was taken. */
__attribute__((warn_unused_result)) enum smpp_session_error
smpp_session_feed(struct smpp_session *session, const uint8_t *octets, size_t n, int64_t now_ms);
/* False: the owner should stop reading from the link until it is true again. */
bool smpp_session_wants_input(const struct smpp_session *session);
/* The link is gone: each outstanding request now gives UNSENT or LOST. */
void smpp_session_down(struct smpp_session *session, int64_t now_ms);
/* Fires what is due. Feed what has arrived first: an answer that is here is not late. */
void smpp_session_tick(struct smpp_session *session, int64_t now_ms);
/* When to tick next (monotonic ms), or SMPP_SESSION_NEVER; 0 = events wait to be pulled. */
int64_t smpp_session_deadline(const struct smpp_session *session);
/* The next event, or false. */
bool smpp_session_next(struct smpp_session *session, struct smpp_event *event);

/*
 * Queues a request; its sequence_number is ignored and given when it is put out. Window and
 * sequence do not count enquire_link and unbind, which are the session's own.
 * alert_notification has no response: once put out it gives no event. STATE unless BOUND and
 * Table 2-1 lets this role send it in this kind of bind. To a peer that takes no optional
 * parameters it goes without them; VERSION for data_sm and for what message_payload or sar_* carry.
 */
__attribute__((warn_unused_result)) enum smpp_session_error
smpp_session_request(struct smpp_session *session, const struct smpp_pdu *pdu, uint64_t tag,
		     int64_t now_ms);
/*
 * The same for n octets that the owner has encoded, whatever they are: only their length is looked
 * at, and the sequence_number is filled in. For simulators that must say what no codec would.
 */
__attribute__((warn_unused_result)) enum smpp_session_error
smpp_session_request_octets(struct smpp_session *session, const uint8_t *octets, size_t n,
			    uint64_t tag, int64_t now_ms);
/* Every request not yet put out comes back as UNSENT, in order. */
void smpp_session_withdraw(struct smpp_session *session);
/* No request is put out until resume. All else goes on: answers, enquire_link, responses. */
void smpp_session_hold(struct smpp_session *session);
void smpp_session_resume(struct smpp_session *session);

/*
 * Answers a REQUEST: `pdu` is the response with command_status and sequence_number of the request
 * (any value, also 0: it is echoed), without optional parameters where the peer takes none. STATE after unbind_resp, CLOSE or down: the peer will redeliver.
 */
__attribute__((warn_unused_result)) enum smpp_session_error
smpp_session_respond(struct smpp_session *session, const struct smpp_pdu *pdu);
/* One REQUEST stays unanswered on purpose (a store that is full, a peer that plays dead). */
void smpp_session_leave_unanswered(struct smpp_session *session);
/*
 * SMSC: answers a BIND_REQUEST. Status 0 binds; any other leaves the session OPEN for another
 * try. sc_interface_version 0 leaves the TLV out. Then pull again: what the peer sent behind its
 * bind has waited.
 */
__attribute__((warn_unused_result)) enum smpp_session_error
smpp_session_bind_answer(struct smpp_session *session, uint32_t command_status,
			 const char *system_id, uint8_t sc_interface_version, int64_t now_ms);
/* Sends unbind and withdraws what is queued. Draining before it is the owner's. STATE unless BOUND. */
__attribute__((warn_unused_result)) enum smpp_session_error
smpp_session_unbind(struct smpp_session *session, int64_t now_ms);

/* Puts out requests as far as window and hold allow, and gives all octets to write. Returns out->n. */
size_t smpp_session_output(struct smpp_session *session, int64_t now_ms, struct smpp_output *out);
/* The first n octets of the last output were taken by the link and are not shown again. */
void smpp_session_wrote(struct smpp_session *session, size_t n);
/*
 * The kernel has taken all octets of this link up to `octets`, counted from link up (over TLS:
 * whole records). A request whose last octet is beyond that when the link goes is UNSENT.
 */
void smpp_session_kernel_sent(struct smpp_session *session, uint64_t octets, int64_t at_ms);

/*
 * The tag of the owner's request that has this sequence_number, or was the last to have it, answered
 * or not. false: none has, or it was the session's own. For those who watch.
 */
bool smpp_session_tag(struct smpp_session *session, uint32_t sequence_number, uint64_t *tag);

void smpp_session_stats(const struct smpp_session *session, struct smpp_session_stats *stats);
const char *smpp_session_close_text(enum smpp_session_close close); /* static */

#endif
