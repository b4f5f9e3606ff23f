/*
 * session.c: one end of one SMPP connection; see session.h for what it promises. Here: its life,
 * its timers and the order of its events.
 *
 * Octets and numbers follow the wire: once smpp_session_output has given a request its number,
 * nothing takes it back. What goes out is session_out.c, what comes in session_in.c, the
 * outstanding table window.c.
 */
#include "smpp/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "smpp/session_own.h"

static const char *const closes[] = {
	[SMPP_CLOSE_NONE] = "the link need not be closed",
	[SMPP_CLOSE_FRAMING] = "command_length is impossible: no SMPP, or the peer lost its place",
	[SMPP_CLOSE_PEER_FRAMING] = "the peer could not read us (generic_nack, sequence_number 0)",
	[SMPP_CLOSE_READ_PDU] = "the peer began a PDU and did not finish it",
	[SMPP_CLOSE_BIND_TIMEOUT] = "the peer did not answer the bind",
	[SMPP_CLOSE_BIND_REFUSED] = "the peer refused the bind",
	[SMPP_CLOSE_EARLY] = "the peer sent too much before it answered the bind",
	[SMPP_CLOSE_ENQUIRE_LINK] = "the peer did not answer enquire_link",
	[SMPP_CLOSE_LATE] = "too many requests were never answered",
	[SMPP_CLOSE_UNBOUND] = "we unbound",
	[SMPP_CLOSE_UNBIND_TIMEOUT] = "the peer did not answer unbind",
	[SMPP_CLOSE_PEER_UNBOUND] = "the peer unbound",
	[SMPP_CLOSE_SESSION_INIT] = "the peer did not bind",
	[SMPP_CLOSE_NO_OUTBIND] = "the peer connected and sent no outbind",
	[SMPP_CLOSE_INACTIVITY] = "the peer sent nothing for too long",
	[SMPP_CLOSE_NO_MEMORY] = "an answer could not be stored for writing",
};

const char *smpp_session_close_text(enum smpp_session_close close)
{
	return closes[close];
}

/* ---- life ---------------------------------------------------------------------------------- */

enum smpp_state smpp_session_state_of_bind(uint32_t command_id)
{
	if (command_id == SMPP_bind_transmitter)
		return SMPP_BOUND_TX;
	if (command_id == SMPP_bind_receiver)
		return SMPP_BOUND_RX;
	assert(command_id == SMPP_bind_transceiver);
	return SMPP_BOUND_TRX;
}

static bool copy_text(const char **text)
{
	*text = strdup(*text ? *text : "");
	return *text != NULL;
}

static void free_text(const char **text)
{
	char *own = (char *)(uintptr_t)*text; /* ours since copy_text */

	if (own)
		explicit_bzero(own, strlen(own));
	free(own);
	*text = NULL;
}

static bool copy_config(struct smpp_session_config *own)
{
	/* All four, so that smpp_session_free never frees the caller's. */
	bool system_id = copy_text(&own->system_id);
	bool password = copy_text(&own->password);
	bool system_type = copy_text(&own->system_type);
	bool address_range = copy_text(&own->address_range);

	return system_id && password && system_type && address_range;
}

struct smpp_session *smpp_session_new(const struct smpp_session_config *config)
{
	struct smpp_session *session = calloc(1, sizeof *session);
	uint32_t first = config->first_sequence ? config->first_sequence : 1;

	assert(config->window >= 1 && config->window <= SMPP_SESSION_WINDOW_MAX);
	assert(config->max_pdu >= 4096 && config->max_pdu <= 1u << 20);
	assert(config->role == SMPP_SMSC || smpp_session_state_of_bind(config->bind_command_id));
	if (!session)
		return NULL;
	session->config = *config;
	session->bound_as = SMPP_OPEN;
	session->scratch = malloc(config->max_pdu);
	if (!copy_config(&session->config) || !session->scratch ||
	    !smpp_window_init(&session->window, config->window, first)) {
		smpp_session_free(session);
		return NULL;
	}
	return session;
}

void smpp_session_free(struct smpp_session *session)
{
	if (!session)
		return;
	free_text(&session->config.system_id);
	free_text(&session->config.password);
	free_text(&session->config.system_type);
	free_text(&session->config.address_range);
	smpp_window_release(&session->window);
	smpp_buffer_release(&session->in);
	smpp_buffer_release(&session->early);
	smpp_buffer_release(&session->queue);
	smpp_buffer_release(&session->out);
	free(session->scratch);
	free(session);
}

bool smpp_session_is_up(const struct smpp_session *session)
{
	return session->state != SMPP_SESSION_DOWN && session->state != SMPP_SESSION_CLOSING;
}

static bool is_bound(const struct smpp_session *session)
{
	return session->state == SMPP_SESSION_BOUND || session->state == SMPP_SESSION_UNBINDING ||
	       session->state == SMPP_SESSION_PEER_UNBINDING;
}

void smpp_session_enter(struct smpp_session *session, enum smpp_session_state state, int64_t now_ms)
{
	session->state = state;
	session->phase_ms = now_ms;
	/* Requests leave in BOUND only, so what is still queued never will. */
	if (state != SMPP_SESSION_BOUND)
		session->withdrawn_n = session->queued_n;
}

void smpp_session_fail(struct smpp_session *session, enum smpp_session_close close, int64_t now_ms)
{
	if (!smpp_session_is_up(session))
		return;
	session->close = close;
	smpp_session_enter(session, SMPP_SESSION_CLOSING, now_ms);
}

void smpp_session_agree(struct smpp_session *session, uint8_t peer_version)
{
	const struct smpp_session_config *config = &session->config;
	bool ours = config->role == SMPP_SMSC || config->interface_version >= 0x34;

	switch (config->tlvs) {
	case SMPP_SESSION_TLVS_AUTO:
		session->tlvs_allowed = ours && peer_version >= 0x34;
		break;
	case SMPP_SESSION_TLVS_UNLESS_OLD:
		session->tlvs_allowed = ours && (peer_version == 0 || peer_version >= 0x34);
		break;
	case SMPP_SESSION_TLVS_ALWAYS:
	case SMPP_SESSION_TLVS_NEVER:
		session->tlvs_allowed = config->tlvs == SMPP_SESSION_TLVS_ALWAYS;
		break;
	}
}

/* bind_* or outbind: what has the password, which is then forgotten. */
static enum smpp_session_error put_login(struct smpp_session *session, uint32_t command_id,
					 int64_t now_ms)
{
	const struct smpp_session_config *config = &session->config;
	struct smpp_pdu *pdu = &session->sending;
	enum smpp_session_error error = SMPP_SESSION_OK;

	smpp_session_enter(session, SMPP_SESSION_OPEN, now_ms);
	smpp_pdu_init(pdu, command_id, 0);
	pdu->system_id = smpp_octets_of(config->system_id);
	pdu->password = smpp_octets_of(config->password);
	pdu->system_type = smpp_octets_of(config->system_type);
	pdu->interface_version = config->interface_version;
	pdu->addr_ton = config->addr_ton;
	pdu->addr_npi = config->addr_npi;
	pdu->address_range = smpp_octets_of(config->address_range);
	error = smpp_session_put_control(session, now_ms);
	pdu->password = (struct smpp_octets){ 0 };
	free_text(&session->config.password);
	explicit_bzero(session->scratch, config->max_pdu);
	if (error != SMPP_SESSION_OK)
		smpp_session_enter(session, SMPP_SESSION_DOWN, now_ms);
	return error;
}

enum smpp_session_error smpp_session_up(struct smpp_session *session, int64_t now_ms)
{
	const struct smpp_session_config *config = &session->config;

	assert(session->state == SMPP_SESSION_DOWN);
	session->fed_ms = session->heard_ms = session->tick_ms = now_ms;
	if (config->role == SMPP_ESME && !config->outbind)
		return put_login(session, config->bind_command_id, now_ms);
	if (config->role == SMPP_SMSC && config->outbind)
		return put_login(session, SMPP_outbind, now_ms);
	smpp_session_enter(session,
			   config->role == SMPP_ESME ? SMPP_SESSION_CALLED : SMPP_SESSION_OPEN,
			   now_ms);
	return SMPP_SESSION_OK;
}

enum smpp_session_error smpp_session_bind(struct smpp_session *session, int64_t now_ms)
{
	if (session->state != SMPP_SESSION_CALLED)
		return SMPP_SESSION_STATE;
	return put_login(session, session->config.bind_command_id, now_ms);
}

void smpp_session_down(struct smpp_session *session, int64_t now_ms)
{
	smpp_session_enter(session, SMPP_SESSION_DOWN, now_ms);
	session->close = SMPP_CLOSE_NONE;
}

void smpp_session_finish_peer_unbind(struct smpp_session *session, int64_t now_ms)
{
	if (session->state == SMPP_SESSION_PEER_UNBINDING && session->unbind_resp_sent &&
	    session->window.in_use[SMPP_SLOT_AWAITED] == 0)
		smpp_session_fail(session, SMPP_CLOSE_PEER_UNBOUND, now_ms);
}

void smpp_session_name_request(struct smpp_event *event, const struct smpp_slot *slot)
{
	event->tag = slot->tag;
	event->queued_ms = slot->queued_ms;
	event->sent_ms = slot->sent_ms;
}

/* ---- timers -------------------------------------------------------------------------------- */

/* The timer of the present state, and why the link goes when it ends. 0: none. */
static uint32_t phase_timer(const struct smpp_session *session, enum smpp_session_close *close)
{
	const struct smpp_session_config *config = &session->config;

	switch (session->state) {
	case SMPP_SESSION_CALLED:
		*close = SMPP_CLOSE_NO_OUTBIND;
		return config->session_init_ms;
	case SMPP_SESSION_OPEN:
		*close = config->role == SMPP_ESME ? SMPP_CLOSE_BIND_TIMEOUT :
						     SMPP_CLOSE_SESSION_INIT;
		return config->role == SMPP_ESME ? config->bind_ms : config->session_init_ms;
	case SMPP_SESSION_UNBINDING:
		*close = SMPP_CLOSE_UNBIND_TIMEOUT;
		return config->unbind_ms;
	case SMPP_SESSION_PEER_UNBINDING:
		*close = SMPP_CLOSE_PEER_UNBOUND;
		return config->unbind_ms;
	case SMPP_SESSION_DOWN:
	case SMPP_SESSION_BIND_ASKED:
	case SMPP_SESSION_BOUND:
	case SMPP_SESSION_CLOSING:
		break;
	}
	return 0;
}

static int64_t after(int64_t from_ms, uint32_t timer_ms)
{
	return timer_ms == 0 ? SMPP_SESSION_NEVER : from_ms + timer_ms;
}

static int64_t phase_deadline(const struct smpp_session *session)
{
	enum smpp_session_close close = SMPP_CLOSE_NONE;

	return after(session->phase_ms, phase_timer(session, &close));
}

/* Runs from the first octet of a PDU that is not whole; other traffic does not reset it. */
static int64_t read_pdu_deadline(const struct smpp_session *session)
{
	uint32_t length = 0;

	if (!smpp_session_is_up(session) || smpp_buffer_n(&session->in) == 0 ||
	    smpp_session_next_frame(session, &length) != SMPP_FRAME_MORE)
		return SMPP_SESSION_NEVER;
	return after(session->partial_ms, session->config.read_pdu_ms);
}

static int64_t inactivity_deadline(const struct smpp_session *session)
{
	if (session->config.role != SMPP_SMSC || session->state != SMPP_SESSION_BOUND)
		return SMPP_SESSION_NEVER;
	return after(session->heard_ms, session->config.inactivity_ms);
}

/* Either the next enquire_link, or the end of the wait for a sign of life. */
static int64_t enquire_deadline(const struct smpp_session *session)
{
	if (session->state != SMPP_SESSION_BOUND)
		return SMPP_SESSION_NEVER;
	if (session->enquiring)
		return after(session->enquired_ms, session->config.enquire_link_answer_ms);
	return after(session->heard_ms, session->config.enquire_link_idle_ms);
}

static int64_t response_deadline(const struct smpp_session *session)
{
	if (!is_bound(session) || !session->window.oldest)
		return SMPP_SESSION_NEVER;
	return after(session->window.oldest->put_ms, session->config.response_ms);
}

static void enquire(struct smpp_session *session, int64_t now_ms)
{
	struct smpp_slot *slot = NULL;

	/* The one before was never answered, but other PDUs came: give its number up. */
	if (session->enquire_sequence != 0) {
		slot = smpp_window_find(&session->window, session->enquire_sequence);
		smpp_window_move(&session->window, slot, SMPP_SLOT_FREE);
	}
	smpp_pdu_init(&session->sending, SMPP_enquire_link, 0);
	if (smpp_session_put_control(session, now_ms) != SMPP_SESSION_OK) {
		session->enquire_sequence = 0;
		smpp_session_fail(session, SMPP_CLOSE_NO_MEMORY, now_ms);
		return;
	}
	session->enquire_sequence = session->sending.sequence_number;
	session->enquiring = true;
	session->enquired_ms = now_ms;
}

void smpp_session_tick(struct smpp_session *session, int64_t now_ms)
{
	enum smpp_session_close close = SMPP_CLOSE_NONE;

	session->tick_ms = now_ms;
	if (phase_deadline(session) <= now_ms) {
		phase_timer(session, &close);
		smpp_session_settle_unbind(session, true);
		smpp_session_fail(session, close, now_ms);
	}
	if (read_pdu_deadline(session) <= now_ms)
		smpp_session_fail(session, SMPP_CLOSE_READ_PDU, now_ms);
	if (inactivity_deadline(session) <= now_ms)
		smpp_session_fail(session, SMPP_CLOSE_INACTIVITY, now_ms);
	if (enquire_deadline(session) > now_ms)
		return;
	if (session->enquiring)
		smpp_session_fail(session, SMPP_CLOSE_ENQUIRE_LINK, now_ms);
	else
		enquire(session, now_ms);
}

/* Something the owner did made events: answering a bind, withdrawing, the last answer of an unbind. */
static bool events_wait(const struct smpp_session *session)
{
	uint32_t length = 0;

	if (session->close != SMPP_CLOSE_NONE || session->withdrawn_n > 0)
		return true;
	return session->state != SMPP_SESSION_BIND_ASKED && smpp_buffer_n(&session->in) > 0 &&
	       smpp_session_next_frame(session, &length) != SMPP_FRAME_MORE;
}

int64_t smpp_session_deadline(const struct smpp_session *session)
{
	const int64_t deadlines[] = {
		phase_deadline(session),   read_pdu_deadline(session), inactivity_deadline(session),
		enquire_deadline(session), response_deadline(session),
	};
	int64_t first = SMPP_SESSION_NEVER;

	if (events_wait(session))
		return 0;
	for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
		if (deadlines[i] < first)
			first = deadlines[i];
	}
	return first;
}

/* ---- events -------------------------------------------------------------------------------- */

static void end_request(struct smpp_session *session, struct smpp_event *event,
			enum smpp_event_kind kind, struct smpp_slot *slot, int64_t at_ms)
{
	event->kind = kind;
	event->command_id = slot->command_id;
	event->sequence_number = slot->sequence;
	event->at_ms = at_ms;
	smpp_session_name_request(event, slot);
	if (kind == SMPP_EVENT_UNSENT)
		event->sent_ms = 0;
	smpp_window_move(&session->window, slot,
			 kind == SMPP_EVENT_TIMEOUT ? SMPP_SLOT_LATE : SMPP_SLOT_FREE);
}

/* In doubt from now on; a response may still come. */
static bool next_timeout(struct smpp_session *session, struct smpp_event *event)
{
	if (response_deadline(session) > session->tick_ms)
		return false;
	if (session->window.in_use[SMPP_SLOT_LATE] >=
	    SMPP_SESSION_LATE_WINDOWS * session->config.window) {
		smpp_session_fail(session, SMPP_CLOSE_LATE, session->tick_ms);
		return false;
	}
	end_request(session, event, SMPP_EVENT_TIMEOUT, session->window.oldest, session->tick_ms);
	return true;
}

/* A peer that frames by length never acts on a PDU whose last octet it cannot have. */
static bool next_lost(struct smpp_session *session, struct smpp_event *event)
{
	struct smpp_slot *slot = session->window.oldest;

	if (!slot)
		return false;
	end_request(session, event,
		    slot->end_octets > session->sent_octets ? SMPP_EVENT_UNSENT : SMPP_EVENT_LOST,
		    slot, session->phase_ms);
	return true;
}

static bool next_withdrawn(struct smpp_session *session, struct smpp_event *event)
{
	struct queued entry;

	if (session->withdrawn_n == 0)
		return false;
	smpp_session_take_queued(session, &entry);
	session->withdrawn_n--;
	event->kind = SMPP_EVENT_UNSENT;
	event->command_id = entry.command_id;
	event->at_ms = session->phase_ms > session->tick_ms ? session->phase_ms : session->tick_ms;
	event->tag = entry.tag;
	event->queued_ms = entry.queued_ms;
	return true;
}

static bool next_close(struct smpp_session *session, struct smpp_event *event)
{
	if (session->close == SMPP_CLOSE_NONE)
		return false;
	event->kind = SMPP_EVENT_CLOSE;
	event->close = session->close;
	event->at_ms = session->phase_ms;
	session->close = SMPP_CLOSE_NONE;
	return true;
}

/*
 * What follows from the PDU before comes before the next PDU, so that the order does not depend on
 * how the octets were cut. What the peer said comes before what the clock or the end of the link
 * says: an answer that is here is neither late nor lost.
 */
bool smpp_session_next(struct smpp_session *session, struct smpp_event *event)
{
	*event = (struct smpp_event){ 0 };
	if (smpp_session_next_early(session, event))
		return true;
	if (session->state == SMPP_SESSION_DOWN)
		return smpp_session_next_input(session, event) || next_lost(session, event) ||
		       next_withdrawn(session, event);
	smpp_session_finish_peer_unbind(session, session->fed_ms);
	if (next_withdrawn(session, event) || next_close(session, event) ||
	    smpp_session_next_input(session, event) || next_timeout(session, event))
		return true;
	return next_withdrawn(session, event) || next_close(session, event);
}

bool smpp_session_tag(struct smpp_session *session, uint32_t sequence_number, uint64_t *tag)
{
	const struct smpp_slot *slot = smpp_window_find(&session->window, sequence_number);

	if (!slot || slot->control)
		return false;
	*tag = slot->tag;
	return true;
}

void smpp_session_stats(const struct smpp_session *session, struct smpp_session_stats *stats)
{
	*stats = (struct smpp_session_stats){
		.state = session->state,
		.on_hold = session->on_hold,
		.tlvs_allowed = session->tlvs_allowed,
		.window = session->config.window,
		.in_flight = session->window.in_use[SMPP_SLOT_AWAITED],
		.queued = session->queued_n,
		.late = session->window.in_use[SMPP_SLOT_LATE],
		.unanswered = session->unanswered,
		.slots = session->window.mask + 1,
		.slots_free = smpp_window_free(&session->window),
		.next_sequence = session->window.next,
		.out_octets = session->out_octets,
		.sent_octets = session->sent_octets,
	};
}
