/*
 * session_out.c: what a session puts out: the owner's requests and answers, and its own.
 *
 *	smpp_session_request ──► queue ── window, hold ──► out ──► the owner's port
 *	                                  number given      ▲
 *	smpp_session_respond, the session's own ────────────┘
 */
#include <assert.h>
#include <string.h>

#include "smpp/octets.h"
#include "smpp/session_own.h"
#include "smpp/status.h"

/* ---- octets out ---------------------------------------------------------------------------- */

bool smpp_session_can_put(const struct smpp_session *session)
{
	return smpp_session_is_up(session) && !session->unbind_resp_sent;
}

static enum smpp_session_error put_octets(struct smpp_session *session, const uint8_t *octets,
					  size_t n)
{
	if (smpp_buffer_n(&session->out) + n > SMPP_SESSION_QUEUE_OCTETS)
		return SMPP_SESSION_FULL;
	if (!smpp_buffer_reserve(&session->out, n))
		return SMPP_SESSION_NO_MEMORY;
	smpp_buffer_add(&session->out, octets, n);
	session->out_octets += n;
	return SMPP_SESSION_OK;
}

/* Encodes into scratch. */
static enum smpp_session_error encode(struct smpp_session *session, const struct smpp_pdu *pdu,
				      size_t *n)
{
	struct smpp_problem problem;

	if (smpp_pdu_encode(pdu, session->scratch, session->config.max_pdu, n, &problem) != SMPP_OK)
		return SMPP_SESSION_BAD_PDU;
	return SMPP_SESSION_OK;
}

static enum smpp_session_error put(struct smpp_session *session, const struct smpp_pdu *pdu)
{
	size_t n = 0;
	enum smpp_session_error error = SMPP_SESSION_OK;

	if (!smpp_session_can_put(session))
		return SMPP_SESSION_STATE;
	error = encode(session, pdu, &n);
	if (error == SMPP_SESSION_OK)
		error = put_octets(session, session->scratch, n);
	return error;
}

/* SMPP 3.4 gives these no body when they refuse (4.1.2, 4.1.4, 4.4.2; 4.1.6 by analogy). */
static bool is_bodiless(uint32_t command_id, uint32_t command_status)
{
	static const uint32_t ids[] = { SMPP_bind_transmitter_resp, SMPP_bind_receiver_resp,
					SMPP_bind_transceiver_resp, SMPP_submit_sm_resp };

	for (size_t i = 0; command_status != SMPP_ESME_ROK && i < sizeof ids / sizeof *ids; i++) {
		if (ids[i] == command_id)
			return true;
	}
	return false;
}

void smpp_session_put_answer(struct smpp_session *session, uint32_t command_id,
			     uint32_t command_status, uint32_t sequence_number)
{
	struct smpp_pdu *pdu = &session->sending;
	enum smpp_session_error error = SMPP_SESSION_OK;

	smpp_pdu_init(pdu, command_id, sequence_number);
	pdu->command_status = command_status;
	pdu->body_absent = is_bodiless(command_id, command_status);
	error = put(session, pdu);
	if (error == SMPP_SESSION_FULL || error == SMPP_SESSION_NO_MEMORY)
		smpp_session_fail(session, SMPP_CLOSE_NO_MEMORY, session->fed_ms);
}

enum smpp_session_error smpp_session_put_control(struct smpp_session *session, int64_t now_ms)
{
	struct smpp_slot *slot = smpp_window_take(&session->window, SMPP_SLOT_CONTROL);
	enum smpp_session_error error = SMPP_SESSION_OK;

	slot->command_id = session->sending.command_id;
	slot->put_ms = slot->sent_ms = now_ms;
	session->sending.sequence_number = slot->sequence;
	error = put(session, &session->sending);
	if (error != SMPP_SESSION_OK || !smpp_command_resp(smpp_command(slot->command_id)))
		smpp_window_move(&session->window, slot, SMPP_SLOT_FREE);
	return error;
}

void smpp_session_settle_unbind(struct smpp_session *session, bool now)
{
	if (!session->unbind_resp_due || (session->unanswered > 0 && !now))
		return;
	session->unbind_resp_due = false;
	smpp_session_put_answer(session, SMPP_unbind_resp, SMPP_ESME_ROK, session->peer_sequence);
	session->unbind_resp_sent = true;
}

void smpp_session_wrote(struct smpp_session *session, size_t n)
{
	assert(n <= session->shown);
	/* Before bound there is nothing but the bind, and its password, in there. */
	if (session->state == SMPP_SESSION_OPEN && n > 0)
		explicit_bzero(smpp_buffer_at(&session->out), n);
	smpp_buffer_take(&session->out, n);
	session->shown -= n;
}

void smpp_session_kernel_sent(struct smpp_session *session, uint64_t octets, int64_t at_ms)
{
	assert(octets >= session->sent_octets && octets <= session->out_octets);
	session->sent_octets = octets;
	smpp_window_sent(&session->window, octets, at_ms);
}

/* ---- the owner's requests ------------------------------------------------------------------ */

/* As deep as encode reads, without the optional parameters that the peer does not take. */
static struct smpp_pdu *copied(struct smpp_session *session, const struct smpp_pdu *pdu)
{
	struct smpp_pdu *copy = &session->sending;

	assert(pdu->n_tlvs <= SMPP_MAX_TLVS);
	memcpy(copy, pdu, offsetof(struct smpp_pdu, flaws));
	if (session->tlvs_allowed) {
		memcpy(copy->tlvs, pdu->tlvs, pdu->n_tlvs * sizeof *pdu->tlvs);
	} else {
		copy->n_tlvs = 0;
		copy->tlv_rest = (struct smpp_octets){ 0 };
	}
	return copy;
}

/* A number that encode accepts; the true one comes in put_request. */
static const struct smpp_pdu *numbered(struct smpp_session *session, const struct smpp_pdu *pdu)
{
	struct smpp_pdu *copy = copied(session, pdu);

	copy->sequence_number = 1;
	return copy;
}

/* What is left without optional parameters would say something else. */
static bool needs_tlvs(const struct smpp_pdu *pdu)
{
	static const uint16_t tags[] = { SMPP_TLV_message_payload, SMPP_TLV_sar_msg_ref_num,
					 SMPP_TLV_sar_total_segments, SMPP_TLV_sar_segment_seqnum };

	if (pdu->command_id == SMPP_data_sm)
		return true; /* 4.7: its text is one; unknown to 3.3 altogether */
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		if (smpp_pdu_tlv(pdu, tags[i]))
			return true;
	}
	return false;
}

/* A whole PDU joins the queue; octets lives for the call. */
static enum smpp_session_error enqueue(struct smpp_session *session, struct queued *entry,
				       const uint8_t *octets, size_t n)
{
	if (smpp_buffer_n(&session->queue) + sizeof *entry + n > SMPP_SESSION_QUEUE_OCTETS)
		return SMPP_SESSION_FULL;
	if (!smpp_buffer_reserve(&session->queue, sizeof *entry + n))
		return SMPP_SESSION_NO_MEMORY;
	entry->octets_n = (uint32_t)n;
	smpp_buffer_add(&session->queue, entry, sizeof *entry);
	smpp_buffer_add(&session->queue, octets, n);
	session->queued_n++;
	return SMPP_SESSION_OK;
}

enum smpp_session_error smpp_session_request(struct smpp_session *session,
					     const struct smpp_pdu *pdu, uint64_t tag,
					     int64_t now_ms)
{
	const struct smpp_command *command = smpp_command(pdu->command_id);
	struct queued entry = { .tag = tag, .queued_ms = now_ms, .command_id = pdu->command_id };
	enum smpp_session_error error = SMPP_SESSION_OK;
	size_t n = 0;

	if (session->state != SMPP_SESSION_BOUND || !command || command->id & SMPP_RESP_BIT ||
	    smpp_session_is_own(command->id) ||
	    !smpp_command_allowed(command, session->config.role, session->bound_as))
		return SMPP_SESSION_STATE;
	if (!session->tlvs_allowed && needs_tlvs(pdu))
		return SMPP_SESSION_VERSION;
	error = encode(session, numbered(session, pdu), &n);
	if (error != SMPP_SESSION_OK)
		return error;
	return enqueue(session, &entry, session->scratch, n);
}

enum smpp_session_error smpp_session_request_octets(struct smpp_session *session,
						    const uint8_t *octets, size_t n, uint64_t tag,
						    int64_t now_ms)
{
	struct queued entry = { .tag = tag, .queued_ms = now_ms };
	struct smpp_reader header;

	if (session->state != SMPP_SESSION_BOUND)
		return SMPP_SESSION_STATE;
	if (n < SMPP_HEADER_OCTETS || n > session->config.max_pdu)
		return SMPP_SESSION_BAD_PDU;
	header = smpp_reader_of(octets + 4, 4);
	entry.command_id = smpp_read_u32(&header);
	return enqueue(session, &entry, octets, n);
}

void smpp_session_withdraw(struct smpp_session *session)
{
	session->withdrawn_n = session->queued_n;
}

void smpp_session_hold(struct smpp_session *session)
{
	session->on_hold = true;
}

void smpp_session_resume(struct smpp_session *session)
{
	session->on_hold = false;
}

void smpp_session_take_queued(struct smpp_session *session, struct queued *entry)
{
	memcpy(entry, smpp_buffer_at(&session->queue), sizeof *entry);
	smpp_buffer_take(&session->queue, sizeof *entry + entry->octets_n);
	session->queued_n--;
}

/* alert_notification and outbind are never answered; an unknown command is, by generic_nack. */
static bool is_answered(uint32_t command_id)
{
	const struct smpp_command *command = smpp_command(command_id);

	return !command || smpp_command_resp(command);
}

static bool may_put_request(const struct smpp_session *session)
{
	return session->state == SMPP_SESSION_BOUND && !session->on_hold &&
	       session->withdrawn_n == 0 && session->queued_n > 0 &&
	       session->window.in_use[SMPP_SLOT_AWAITED] < session->config.window &&
	       smpp_buffer_n(&session->out) < SMPP_SESSION_OUTPUT_PAUSE;
}

/*
 * Only here a request gets its number, so that numbers rise on the wire (5.1.4). False without
 * memory: it stays in the queue.
 */
static bool put_request(struct smpp_session *session, int64_t now_ms)
{
	struct queued entry;
	const uint8_t *octets = NULL;
	struct smpp_slot *slot = NULL;
	uint8_t *out = NULL;
	struct smpp_writer number;

	memcpy(&entry, smpp_buffer_at(&session->queue), sizeof entry);
	octets = smpp_buffer_at(&session->queue) + sizeof entry;
	if (put_octets(session, octets, entry.octets_n) != SMPP_SESSION_OK)
		return false;
	smpp_session_take_queued(session, &entry);
	slot = smpp_window_take(&session->window, SMPP_SLOT_AWAITED);
	out = session->out.at + session->out.tail - entry.octets_n;
	number = smpp_writer_of(out + SMPP_HEADER_OCTETS - 4, 4);
	smpp_write_u32(&number, slot->sequence);
	slot->command_id = entry.command_id;
	slot->tag = entry.tag;
	slot->queued_ms = entry.queued_ms;
	slot->put_ms = slot->sent_ms = now_ms;
	slot->end_octets = session->out_octets;
	if (!is_answered(entry.command_id))
		smpp_window_move(&session->window, slot, SMPP_SLOT_FREE);
	return true;
}

size_t smpp_session_output(struct smpp_session *session, int64_t now_ms, struct smpp_output *out)
{
	while (may_put_request(session) && put_request(session, now_ms))
		;
	*out = (struct smpp_output){ .n = smpp_buffer_n(&session->out), .fresh = session->shown };
	if (out->n > 0)
		out->at = smpp_buffer_at(&session->out);
	session->shown = out->n;
	return out->n;
}

/* ---- the owner's answers ------------------------------------------------------------------- */

void smpp_session_leave_unanswered(struct smpp_session *session)
{
	if (session->unanswered > 0)
		session->unanswered--;
	smpp_session_settle_unbind(session, false);
	smpp_session_finish_peer_unbind(session, session->fed_ms);
}

enum smpp_session_error smpp_session_respond(struct smpp_session *session,
					     const struct smpp_pdu *pdu)
{
	enum smpp_session_error error = SMPP_SESSION_OK;

	if (!(pdu->command_id & SMPP_RESP_BIT))
		return SMPP_SESSION_STATE;
	error = put(session, session->tlvs_allowed ? pdu : copied(session, pdu));
	if (error == SMPP_SESSION_OK)
		smpp_session_leave_unanswered(session);
	return error;
}

enum smpp_session_error smpp_session_bind_answer(struct smpp_session *session,
						 uint32_t command_status, const char *system_id,
						 uint8_t sc_interface_version, int64_t now_ms)
{
	uint32_t resp_id = session->peer_command_id | SMPP_RESP_BIT;
	struct smpp_pdu *pdu = &session->sending;
	enum smpp_session_error error = SMPP_SESSION_OK;

	if (session->state != SMPP_SESSION_BIND_ASKED)
		return SMPP_SESSION_STATE;
	smpp_pdu_init(pdu, resp_id, session->peer_sequence);
	pdu->command_status = command_status;
	pdu->body_absent = is_bodiless(resp_id, command_status);
	if (!pdu->body_absent) {
		pdu->system_id = smpp_octets_of(system_id);
		if (sc_interface_version != 0 &&
		    smpp_pdu_tlv_add_int(pdu, SMPP_TLV_sc_interface_version,
					 sc_interface_version) != SMPP_OK)
			return SMPP_SESSION_BAD_PDU;
	}
	error = put(session, pdu);
	if (error != SMPP_SESSION_OK)
		return error;
	if (command_status == SMPP_ESME_ROK) {
		session->bound_as = smpp_session_state_of_bind(session->peer_command_id);
		smpp_session_enter(session, SMPP_SESSION_BOUND, now_ms);
	} else {
		smpp_session_enter(session, SMPP_SESSION_OPEN, now_ms);
	}
	return SMPP_SESSION_OK;
}

enum smpp_session_error smpp_session_unbind(struct smpp_session *session, int64_t now_ms)
{
	enum smpp_session_error error = SMPP_SESSION_OK;

	if (session->state != SMPP_SESSION_BOUND)
		return SMPP_SESSION_STATE;
	smpp_pdu_init(&session->sending, SMPP_unbind, 0);
	error = smpp_session_put_control(session, now_ms);
	if (error == SMPP_SESSION_OK)
		smpp_session_enter(session, SMPP_SESSION_UNBINDING, now_ms);
	return error;
}
