/*
 * session_own.h: what the three files of the session share; nobody else includes it.
 *
 *	session.c      life, timers, the order of events
 *	session_out.c  what goes out: numbers, window, queue, answers
 *	session_in.c   what comes in: framing, what each PDU of the peer does
 */
#ifndef SMPP_SESSION_OWN_H
#define SMPP_SESSION_OWN_H

#include "smpp/buffer.h"
#include "smpp/session.h"
#include "smpp/window.h"

/* A request in the queue, its encoded PDU behind it. */
struct queued {
	uint64_t tag;
	int64_t queued_ms;
	uint32_t command_id;
	uint32_t octets_n;
};

/* A PDU that came before bind_resp, its octets behind it. */
struct early {
	int64_t at_ms;
	uint32_t octets_n;
};

struct smpp_session {
	struct smpp_session_config config; /* strings are our copies */
	enum smpp_session_state state;
	enum smpp_state bound_as;      /* the state as Table 2-1 has it; stays after unbind */
	enum smpp_session_close close; /* to be raised as CLOSE */
	bool on_hold;
	bool tlvs_allowed;	   /* since bound */
	bool deaf;		   /* framing is lost: nothing that comes is a PDU */
	bool unbind_resp_due;	   /* waits until the owner has answered the peer's requests */
	bool unbind_resp_sent;	   /* nothing may follow it */
	bool enquiring;		   /* an enquire_link is out and nothing was heard since */
	uint32_t enquire_sequence; /* 0: none unanswered */
	uint32_t peer_sequence;	   /* of the peer's bind, later of its unbind */
	uint32_t peer_command_id;  /* of the peer's bind */
	uint32_t unanswered;	   /* requests of the peer */
	uint32_t queued_n;	   /* requests in queue */
	uint32_t withdrawn_n;	   /* of these, from the front, to come back as UNSENT */
	uint32_t early_n;	   /* PDUs in early */
	int64_t fed_ms;		   /* arrival of the latest octets */
	int64_t partial_ms;	   /* arrival of the first octet in `in` */
	int64_t tick_ms;
	int64_t phase_ms; /* when `state` began */
	int64_t heard_ms; /* arrival of the latest PDU */
	int64_t enquired_ms;
	uint64_t out_octets;  /* put out since link up */
	uint64_t sent_octets; /* taken by the kernel */
	size_t shown;	      /* octets at the front of `out` that output has shown */
	struct smpp_window window;
	struct smpp_buffer in;
	struct smpp_buffer early;
	struct smpp_buffer queue;
	struct smpp_buffer out;
	uint8_t *scratch;    /* max_pdu octets to encode into */
	struct smpp_pdu pdu; /* of the latest event */
	struct smpp_pdu sending;
};

/* ---- session.c ---- */

bool smpp_session_is_up(const struct smpp_session *session);
void smpp_session_enter(struct smpp_session *session, enum smpp_session_state state,
			int64_t now_ms);
/* The link has to go: CLOSE will be raised. The first reason stands. */
void smpp_session_fail(struct smpp_session *session, enum smpp_session_close close, int64_t now_ms);
/* Whether optional parameters are sent, now that the peer has said its version (3.4). */
void smpp_session_agree(struct smpp_session *session, uint8_t peer_version);
/* Table 2-1 calls a session by its bind. */
enum smpp_state smpp_session_state_of_bind(uint32_t command_id);
/* Once the peer has unbound, was answered and owes no response: CLOSE. */
void smpp_session_finish_peer_unbind(struct smpp_session *session, int64_t now_ms);
/* Tells the owner which of its requests this is. */
void smpp_session_name_request(struct smpp_event *event, const struct smpp_slot *slot);

/* ---- session_out.c ---- */

bool smpp_session_can_put(const struct smpp_session *session);
/* Puts out an answer of the session's own. After unbind_resp or CLOSE it is dropped. */
void smpp_session_put_answer(struct smpp_session *session, uint32_t command_id,
			     uint32_t command_status, uint32_t sequence_number);
/* Puts out `sending`, a request of the session's own, under the next number. */
enum smpp_session_error smpp_session_put_control(struct smpp_session *session, int64_t now_ms);
/*
 * The peer's unbind is answered once the owner has answered the peer's requests, for nothing may
 * follow unbind_resp. `now`: do not wait any longer.
 */
void smpp_session_settle_unbind(struct smpp_session *session, bool now);
/* Takes the oldest request off the queue. */
void smpp_session_take_queued(struct smpp_session *session, struct queued *entry);

/* ---- session_in.c ---- */

/* A request that only the session itself sends. */
bool smpp_session_is_own(uint32_t command_id);
/* Is there a whole PDU in `in`? */
enum smpp_framing smpp_session_next_frame(const struct smpp_session *session, uint32_t *length);
/* The next event from what came before bind_resp, or from what was fed. */
bool smpp_session_next_early(struct smpp_session *session, struct smpp_event *event);
bool smpp_session_next_input(struct smpp_session *session, struct smpp_event *event);

#endif
