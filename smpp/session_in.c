/*
 * session_in.c: what a session reads: framing, and what each PDU of the peer does to it.
 *
 * A request of the peer is answered here (enquire_link, unbind, what cannot be read or may not be
 * sent) or becomes the owner's; a response ends a request or is an orphan. Nothing is ever answered
 * to a response.
 */
#include <string.h>

#include "smpp/session_own.h"
#include "smpp/status.h"

/* Garbage shown in the PROBLEM of a lost framing. */
#define GARBAGE_OCTETS 1024u

/* ---- the peer's requests ------------------------------------------------------------------- */

/* Answered negatively, with the matching *_resp where there is one (3.3, 4.3). */
static bool refuse(struct smpp_session *session, struct smpp_event *event)
{
	const struct smpp_command *command = smpp_command(event->command_id);
	const struct smpp_command *resp = command ? smpp_command_resp(command) : NULL;

	event->kind = SMPP_EVENT_PROBLEM;
	smpp_session_put_answer(session, resp ? resp->id : SMPP_generic_nack, event->problem.status,
				event->sequence_number);
	return true;
}

static bool on_bind(struct smpp_session *session, struct smpp_event *event)
{
	event->kind = SMPP_EVENT_NOTICE;
	if (session->state != SMPP_SESSION_OPEN)
		return true; /* the link is gone: nobody waits for the answer */
	event->kind = SMPP_EVENT_BIND_REQUEST;
	session->peer_command_id = event->command_id;
	smpp_session_agree(session, event->pdu->interface_version);
	session->peer_sequence = event->sequence_number;
	smpp_session_enter(session, SMPP_SESSION_BIND_ASKED, event->at_ms);
	return true;
}

/* Also when our own unbind is under way: both answer, one close. */
static bool on_unbind(struct smpp_session *session, struct smpp_event *event)
{
	event->kind = SMPP_EVENT_NOTICE;
	if (!smpp_session_can_put(session) || session->unbind_resp_due)
		return true;
	session->unbind_resp_due = true;
	session->peer_sequence = event->sequence_number;
	if (session->state == SMPP_SESSION_BOUND) {
		event->kind = SMPP_EVENT_UNBOUND;
		smpp_session_enter(session, SMPP_SESSION_PEER_UNBINDING, event->at_ms);
	}
	smpp_session_settle_unbind(session, false);
	return true;
}

static bool on_enquire_link(struct smpp_session *session, struct smpp_event *event)
{
	event->kind = SMPP_EVENT_NOTICE;
	smpp_session_put_answer(session, SMPP_enquire_link_resp, SMPP_ESME_ROK,
				event->sequence_number);
	return true;
}

static bool on_notice(struct smpp_session *session, struct smpp_event *event)
{
	(void)session;
	event->kind = SMPP_EVENT_NOTICE;
	return true;
}

static bool on_owners(struct smpp_session *session, struct smpp_event *event)
{
	event->kind = SMPP_EVENT_REQUEST;
	session->unanswered++;
	return true;
}

enum {
	OWN = 1,       /* sent by the session only, never handed in by the owner */
	ANY_STATE = 2, /* an ESME takes it in any state: refusing it would lose something */
	ANY_BODY = 4,  /* and unread: what it says is stored and answered by the owner */
};

/* What a request of the peer does; a command without a row is the owner's to answer. */
static const struct rule {
	uint32_t command_id;
	uint32_t traits;
	bool (*handle)(struct smpp_session *session, struct smpp_event *event);
} rules[] = {
	{ SMPP_bind_transceiver, OWN, on_bind },
	{ SMPP_bind_transmitter, OWN, on_bind },
	{ SMPP_bind_receiver, OWN, on_bind },
	{ SMPP_unbind, OWN, on_unbind },
	{ SMPP_enquire_link, OWN, on_enquire_link },
	{ SMPP_outbind, ANY_STATE, on_notice },
	{ SMPP_alert_notification, ANY_STATE, on_notice },
	{ SMPP_deliver_sm, ANY_STATE | ANY_BODY, on_owners },
	{ SMPP_data_sm, ANY_STATE | ANY_BODY, on_owners },
};

static const struct rule *rule_of(uint32_t command_id)
{
	static const struct rule owners = { .handle = on_owners };

	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		if (rules[i].command_id == command_id)
			return &rules[i];
	}
	return &owners;
}

bool smpp_session_is_own(uint32_t command_id)
{
	return rule_of(command_id)->traits & OWN;
}

/* Table 2-1, with the exceptions that keep receipts: they are never refused for their state. */
static bool is_expected(const struct smpp_session *session, const struct smpp_command *command)
{
	bool esme = session->config.role == SMPP_ESME;

	return smpp_command_allowed(command, esme ? SMPP_SMSC : SMPP_ESME, session->bound_as) ||
	       (esme && rule_of(command->id)->traits & ANY_STATE);
}

static const struct smpp_problem *unexpected(const struct smpp_session *session,
					     uint32_t command_id)
{
	static const struct smpp_problem wrong_state = {
		.status = SMPP_ESME_RINVBNDSTS,
		.field = "command_id",
		.section = "2.3",
		.text = "this end may not send it in this state of the session",
	};
	static const struct smpp_problem bound_already = {
		.status = SMPP_ESME_RALYBND,
		.field = "command_id",
		.section = "2.3",
		.text = "the session is bound already",
	};

	if (session->config.role == SMPP_SMSC && session->bound_as != SMPP_OPEN &&
	    rule_of(command_id)->handle == on_bind)
		return &bound_already;
	return &wrong_state;
}

/* Whoever connects to us says who it is before anything else is heard (2.2.1). */
static bool on_call(struct smpp_session *session, struct smpp_event *event, enum smpp_error error)
{
	event->kind = SMPP_EVENT_OUTBIND;
	if (event->command_id == SMPP_outbind && error == SMPP_OK)
		return true;
	event->kind = SMPP_EVENT_PROBLEM;
	event->pdu = NULL;
	event->problem = (struct smpp_problem){
		.field = "command_id",
		.section = "2.2.1",
		.text = "the caller did not begin with an outbind",
	};
	smpp_session_fail(session, SMPP_CLOSE_NO_OUTBIND, event->at_ms);
	return true;
}

/* Nothing but bind may pass before bind_resp; what comes is handled behind it (2.2.1). */
static void keep_early(struct smpp_session *session, const struct smpp_event *event)
{
	struct early entry = { .at_ms = event->at_ms, .octets_n = event->octets_n };
	size_t n = sizeof entry + event->octets_n;

	if (session->early_n == SMPP_SESSION_EARLY_MAX ||
	    smpp_buffer_n(&session->early) + n > SMPP_SESSION_QUEUE_OCTETS) {
		smpp_session_fail(session, SMPP_CLOSE_EARLY, event->at_ms);
		return;
	}
	if (!smpp_buffer_reserve(&session->early, n)) {
		smpp_session_fail(session, SMPP_CLOSE_NO_MEMORY, event->at_ms);
		return;
	}
	smpp_buffer_add(&session->early, &entry, sizeof entry);
	smpp_buffer_add(&session->early, event->octets, event->octets_n);
	session->early_n++;
}

/* `error` is the decoder's. False: no event. */
static bool on_request(struct smpp_session *session, struct smpp_event *event,
		       enum smpp_error error)
{
	const struct smpp_command *command = smpp_command(event->command_id);
	const struct rule *rule = rule_of(event->command_id);

	if (session->config.role == SMPP_ESME && session->state == SMPP_SESSION_OPEN) {
		keep_early(session, event);
		return false;
	}
	if (command && !is_expected(session, command)) {
		event->problem = *unexpected(session, command->id);
		return refuse(session, event);
	}
	event->unparsed = error != SMPP_OK && rule->traits & ANY_BODY;
	if (error != SMPP_OK && !event->unparsed)
		return refuse(session, event);
	return rule->handle(session, event);
}

/* ---- the peer's responses ------------------------------------------------------------------ */

static bool is_nack(const struct smpp_event *event)
{
	return event->command_id == SMPP_generic_nack;
}

static bool on_bind_resp(struct smpp_session *session, struct smpp_event *event)
{
	uint32_t version = 0;

	event->kind = SMPP_EVENT_BIND_REFUSED;
	if (event->command_status != SMPP_ESME_ROK || is_nack(event)) {
		smpp_session_fail(session, SMPP_CLOSE_BIND_REFUSED, event->at_ms);
		return true;
	}
	event->kind = SMPP_EVENT_NOTICE;
	if (session->state != SMPP_SESSION_OPEN)
		return true; /* bound, but the link is gone already */
	/* A peer that does not say its version is to be taken for one without TLVs (3.4). */
	if (smpp_pdu_tlv_int(event->pdu, SMPP_TLV_sc_interface_version, &version) !=
	    SMPP_TLV_INT_OK)
		version = 0;
	event->kind = SMPP_EVENT_BOUND;
	event->interface_version = (uint8_t)version;
	smpp_session_agree(session, event->interface_version);
	event->tlvs_allowed = session->tlvs_allowed;
	session->bound_as = smpp_session_state_of_bind(session->config.bind_command_id);
	smpp_session_enter(session, SMPP_SESSION_BOUND, event->at_ms);
	return true;
}

static bool on_unbind_resp(struct smpp_session *session, struct smpp_event *event)
{
	event->kind = SMPP_EVENT_UNBOUND;
	smpp_session_settle_unbind(session, true);
	smpp_session_fail(session, SMPP_CLOSE_UNBOUND, event->at_ms);
	return true;
}

/* The answer to the session's own bind, enquire_link or unbind, even if it is a nack. */
static bool on_control_resp(struct smpp_session *session, struct smpp_event *event,
			    struct smpp_slot *slot)
{
	smpp_window_move(&session->window, slot, SMPP_SLOT_DONE);
	if (slot->command_id == SMPP_unbind)
		return on_unbind_resp(session, event);
	if (slot->command_id != SMPP_enquire_link)
		return on_bind_resp(session, event);
	session->enquire_sequence = 0;
	return on_notice(session, event);
}

static bool on_orphan(struct smpp_event *event, enum smpp_session_orphan orphan)
{
	event->kind = SMPP_EVENT_ORPHAN_RESPONSE;
	event->orphan = orphan;
	return true;
}

/* A nack of sequence_number 0 names no request; it says what the peer could not read (4.3.1). */
static bool on_lost_nack(struct smpp_session *session, struct smpp_event *event)
{
	if (event->command_status == SMPP_ESME_RINVCMDLEN ||
	    event->command_status == SMPP_ESME_RINVCMDID)
		smpp_session_fail(session, SMPP_CLOSE_PEER_FRAMING, event->at_ms);
	return on_orphan(event, SMPP_ORPHAN_UNKNOWN);
}

static bool on_response(struct smpp_session *session, struct smpp_event *event,
			enum smpp_error error)
{
	struct smpp_slot *slot = smpp_window_find(&session->window, event->sequence_number);

	if (is_nack(event) && event->sequence_number == 0)
		return on_lost_nack(session, event);
	if (!slot)
		return on_orphan(event, SMPP_ORPHAN_UNKNOWN);
	smpp_session_name_request(event, slot);
	if (!is_nack(event) && event->command_id != (slot->command_id | SMPP_RESP_BIT))
		return on_orphan(event, SMPP_ORPHAN_WRONG_TYPE);
	if (slot->state == SMPP_SLOT_DONE)
		return on_orphan(event, SMPP_ORPHAN_SECOND);
	if (slot->state == SMPP_SLOT_CONTROL)
		return on_control_resp(session, event, slot);
	/* Its status counts even if its body cannot be read. */
	event->kind = SMPP_EVENT_RESPONSE;
	event->unparsed = error != SMPP_OK;
	event->late = slot->state == SMPP_SLOT_LATE;
	if (event->at_ms > event->sent_ms)
		event->rtt_ms = (uint32_t)(event->at_ms - event->sent_ms);
	smpp_window_move(&session->window, slot, SMPP_SLOT_DONE);
	return true;
}

/* ---- octets in ----------------------------------------------------------------------------- */

enum smpp_session_error smpp_session_feed(struct smpp_session *session, const uint8_t *octets,
					  size_t n, int64_t now_ms)
{
	if (session->state == SMPP_SESSION_DOWN)
		return SMPP_SESSION_STATE;
	if (session->deaf || n == 0)
		return SMPP_SESSION_OK;
	if (n > SMPP_SESSION_INPUT_OCTETS - smpp_buffer_n(&session->in))
		return SMPP_SESSION_FULL;
	if (smpp_buffer_n(&session->in) == 0)
		session->partial_ms = now_ms;
	if (!smpp_buffer_reserve(&session->in, n))
		return SMPP_SESSION_NO_MEMORY;
	smpp_buffer_add(&session->in, octets, n);
	session->fed_ms = now_ms;
	return SMPP_SESSION_OK;
}

bool smpp_session_wants_input(const struct smpp_session *session)
{
	return session->state != SMPP_SESSION_DOWN && !session->deaf &&
	       session->unanswered < SMPP_SESSION_UNANSWERED_MAX &&
	       smpp_buffer_n(&session->in) <= 2 * (size_t)session->config.max_pdu &&
	       smpp_buffer_n(&session->out) < SMPP_SESSION_OUTPUT_PAUSE;
}

/* False: no event. */
static bool on_pdu(struct smpp_session *session, const uint8_t *octets, uint32_t n, int64_t at_ms,
		   struct smpp_event *event)
{
	enum smpp_error error = smpp_pdu_decode(octets, n, &session->pdu, &event->problem);

	if (error == SMPP_OK)
		event->problem = (struct smpp_problem){ 0 };
	event->pdu = &session->pdu;
	event->octets = octets;
	event->octets_n = n;
	event->command_id = session->pdu.command_id;
	event->command_status = session->pdu.command_status;
	event->sequence_number = session->pdu.sequence_number;
	event->at_ms = at_ms;
	if (session->state == SMPP_SESSION_CALLED)
		return on_call(session, event, error);
	if (event->command_id & SMPP_RESP_BIT)
		return on_response(session, event, error);
	return on_request(session, event, error);
}

/* The next boundary is unknown: nothing behind this can be read (3.2, 4.3.1). */
static bool on_lost_framing(struct smpp_session *session, struct smpp_event *event)
{
	size_t n = smpp_buffer_n(&session->in);

	event->kind = SMPP_EVENT_PROBLEM;
	event->octets = smpp_buffer_at(&session->in);
	event->octets_n = (uint32_t)(n < GARBAGE_OCTETS ? n : GARBAGE_OCTETS);
	event->at_ms = session->fed_ms;
	event->problem = (struct smpp_problem){
		.status = SMPP_ESME_RINVCMDLEN,
		.field = "command_length",
		.section = "5.1.1",
		.text = "command_length is below 16 or above max_pdu",
	};
	smpp_session_put_answer(session, SMPP_generic_nack, SMPP_ESME_RINVCMDLEN, 0);
	smpp_session_fail(session, SMPP_CLOSE_FRAMING, session->fed_ms);
	session->deaf = true;
	smpp_buffer_take(&session->in, n);
	return true;
}

enum smpp_framing smpp_session_next_frame(const struct smpp_session *session, uint32_t *length)
{
	return smpp_frame(smpp_buffer_at(&session->in), smpp_buffer_n(&session->in),
			  session->config.max_pdu, length);
}

bool smpp_session_next_early(struct smpp_session *session, struct smpp_event *event)
{
	const uint8_t *octets = NULL;
	struct early entry;

	if (session->early_n == 0 || session->state == SMPP_SESSION_OPEN)
		return false;
	memcpy(&entry, smpp_buffer_at(&session->early), sizeof entry);
	octets = smpp_buffer_at(&session->early) + sizeof entry;
	smpp_buffer_take(&session->early, sizeof entry + entry.octets_n);
	session->early_n--;
	return on_pdu(session, octets, entry.octets_n, entry.at_ms, event);
}

bool smpp_session_next_input(struct smpp_session *session, struct smpp_event *event)
{
	const uint8_t *octets = NULL;
	enum smpp_framing framing = SMPP_FRAME_OK;
	uint32_t length = 0;

	/* What follows a bind waits until the owner has answered it. */
	while (smpp_buffer_n(&session->in) > 0 && session->state != SMPP_SESSION_BIND_ASKED) {
		framing = smpp_session_next_frame(session, &length);
		if (framing == SMPP_FRAME_MORE)
			return false;
		if (framing == SMPP_FRAME_LOST)
			return on_lost_framing(session, event);
		octets = smpp_buffer_at(&session->in);
		smpp_buffer_take(&session->in, length);
		session->partial_ms = session->heard_ms = session->fed_ms;
		session->enquiring = false;
		/* One PDU too many before bind_resp lets those out that were kept. */
		if (on_pdu(session, octets, length, session->fed_ms, event) ||
		    smpp_session_next_early(session, event))
			return true;
	}
	return false;
}
