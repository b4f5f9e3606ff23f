/*
 * fuzz_session.c: a session of either role against a peer that says anything (libFuzzer).
 *
 * The first octet draws role, owner and timers; then pieces: one octet says what happens next (the
 * owner's doings, time, a PDU of a peer that knows what to say, any octets), a second how much of
 * it. Octets come in chunks of a drawn size. After every step the promises of session.h are
 * asserted: what it writes is whole PDUs, never more in flight than the window, exactly one verdict
 * for each request, nothing behind unbind_resp, nothing due that was due before.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "smpp/octets.h"
#include "smpp/session.h"
#include "smpp/status.h"

#define MAX_PDU 4096u
#define TAGS	4096u
#define SEEN	16u /* of its latest requests, for the peer to answer */

struct owner {
	struct smpp_session *session;
	int64_t now;
	uint64_t out_octets; /* seen as fresh */
	uint64_t taken;
	uint32_t tags;		 /* handed in */
	uint8_t ended[TAGS];	 /* 1: in doubt by time-out, 2: ended, 3: nobody will answer it */
	uint32_t unanswered[64]; /* requests to answer: command_id, sequence_number */
	uint32_t unanswered_n;
	uint32_t seen[SEEN][2]; /* command_id, sequence_number */
	uint32_t seen_n;
	uint32_t peer_sequence;
	uint32_t chunk; /* octets that come at once */
	bool is_lazy;
	bool unbind_resp_seen;
	bool closed;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct smpp_session *begin(uint8_t choice)
{
	static const uint32_t binds[] = { SMPP_bind_transceiver, SMPP_bind_receiver,
					  SMPP_bind_transmitter, SMPP_bind_transceiver };
	const struct smpp_session_config config = {
		.role = choice & 1 ? SMPP_ESME : SMPP_SMSC,
		.bind_command_id = binds[(choice >> 1) & 3],
		.outbind = choice & 0x80,
		.system_id = "fuzz",
		.password = "secret",
		.interface_version = 0x34,
		.window = 1 + ((choice >> 3) & 3),
		.max_pdu = MAX_PDU,
		.first_sequence = choice & 0x20 ? 0x7FFFFFF0 : 1,
		.bind_ms = 1000,
		.enquire_link_idle_ms = 300,
		.enquire_link_answer_ms = 100,
		.response_ms = 200,
		.read_pdu_ms = 100,
		.unbind_ms = 50,
		.session_init_ms = 1000,
		.inactivity_ms = 2000,
	};
	struct smpp_session *session = smpp_session_new(&config);

	assert(session);
	if (smpp_session_up(session, 0) != SMPP_SESSION_OK)
		assert(!"up");
	return session;
}

static void end_tag(struct owner *owner, const struct smpp_event *event)
{
	uint8_t *ended = &owner->ended[event->tag];

	assert(event->tag < owner->tags);
	assert(*ended != 2);
	if (event->kind == SMPP_EVENT_TIMEOUT) {
		assert(*ended == 0);
		*ended = 1;
		return;
	}
	assert(*ended == 0 || (*ended == 3 && event->kind == SMPP_EVENT_UNSENT) ||
	       (event->kind == SMPP_EVENT_RESPONSE && event->late));
	*ended = 2;
}

static void answer(struct owner *owner)
{
	struct smpp_pdu pdu;

	while (owner->unanswered_n > 0) {
		owner->unanswered_n -= 2;
		smpp_pdu_init(&pdu, owner->unanswered[owner->unanswered_n] | SMPP_RESP_BIT,
			      owner->unanswered[owner->unanswered_n + 1]);
		if (smpp_session_respond(owner->session, &pdu) == SMPP_SESSION_BAD_PDU)
			smpp_session_leave_unanswered(owner->session);
	}
}

/* Looks at all that the event lends, so that the sanitizers see it. */
static uint32_t look(const struct smpp_event *event)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < event->octets_n; i++)
		sum += event->octets[i];
	if (event->pdu && event->pdu->short_message.n > 0)
		sum += event->pdu->short_message.at[event->pdu->short_message.n - 1];
	return sum;
}

static uint32_t pull(struct owner *owner)
{
	struct smpp_event event;
	uint32_t sum = 0;

	while (smpp_session_next(owner->session, &event)) {
		sum ^= look(&event);
		switch (event.kind) {
		case SMPP_EVENT_BIND_REQUEST:
			if (smpp_session_bind_answer(owner->session, event.octets_n % 5 == 0,
						     "smsc", 0x34, owner->now) != SMPP_SESSION_OK)
				assert(!"bind_answer");
			break;
		case SMPP_EVENT_OUTBIND:
			if (event.octets_n % 5 != 0 &&
			    smpp_session_bind(owner->session, owner->now) != SMPP_SESSION_OK)
				assert(!"bind");
			break;
		case SMPP_EVENT_REQUEST:
			if (owner->unanswered_n == 64) {
				smpp_session_leave_unanswered(owner->session);
				break;
			}
			owner->unanswered[owner->unanswered_n++] = event.command_id;
			owner->unanswered[owner->unanswered_n++] = event.sequence_number;
			if (!owner->is_lazy)
				answer(owner);
			break;
		case SMPP_EVENT_RESPONSE:
		case SMPP_EVENT_TIMEOUT:
		case SMPP_EVENT_UNSENT:
		case SMPP_EVENT_LOST:
			end_tag(owner, &event);
			break;
		case SMPP_EVENT_BOUND:
		case SMPP_EVENT_BIND_REFUSED:
		case SMPP_EVENT_NOTICE:
		case SMPP_EVENT_ORPHAN_RESPONSE:
		case SMPP_EVENT_PROBLEM:
		case SMPP_EVENT_UNBOUND:
			break;
		case SMPP_EVENT_CLOSE:
			assert(!owner->closed && event.close != SMPP_CLOSE_NONE);
			owner->closed = true;
			break;
		}
	}
	return sum;
}

/* What is fresh is whole PDUs, and none follows unbind_resp. */
static void check_output(struct owner *owner, const struct smpp_output *out)
{
	uint32_t length = 0;

	for (size_t at = out->fresh; at < out->n; at += length) {
		struct smpp_reader reader = smpp_reader_of(out->at + at, (uint32_t)(out->n - at));
		uint32_t *seen = owner->seen[owner->seen_n % SEEN];
		uint32_t status;

		assert(smpp_frame(out->at + at, out->n - at, MAX_PDU, &length) == SMPP_FRAME_OK);
		assert(!owner->unbind_resp_seen);
		smpp_read_u32(&reader);
		seen[0] = smpp_read_u32(&reader);
		status = smpp_read_u32(&reader);
		seen[1] = smpp_read_u32(&reader);
		owner->unbind_resp_seen = seen[0] == SMPP_unbind_resp && status == SMPP_ESME_ROK;
		owner->seen_n += !(seen[0] & SMPP_RESP_BIT);
		owner->out_octets += length;
	}
}

static void write_out(struct owner *owner, uint8_t how)
{
	struct smpp_session_stats stats;
	struct smpp_output out;
	size_t n = smpp_session_output(owner->session, owner->now, &out);

	check_output(owner, &out);
	smpp_session_stats(owner->session, &stats);
	assert(stats.out_octets == owner->out_octets);
	assert(stats.in_flight <= stats.window);
	assert(stats.late <= stats.window * SMPP_SESSION_LATE_WINDOWS);
	assert(stats.slots_free > 0);
	n = n * how / 255;
	smpp_session_wrote(owner->session, n);
	owner->taken += n;
	smpp_session_kernel_sent(owner->session, owner->taken, owner->now);
}

static void hand_in(struct owner *owner, uint8_t which)
{
	const struct smpp_command *command = &smpp_commands[which % SMPP_N_COMMANDS];
	struct smpp_pdu pdu;

	smpp_pdu_init(&pdu, command->id, 0);
	if (owner->tags == TAGS ||
	    smpp_session_request(owner->session, &pdu, owner->tags, owner->now) != SMPP_SESSION_OK)
		return;
	owner->ended[owner->tags] = smpp_command_resp(command) ? 0 : 3;
	owner->tags++;
}

static void feed(struct owner *owner, const uint8_t *octets, size_t n, bool pulls)
{
	while (n > 0) {
		size_t piece = n < owner->chunk ? n : owner->chunk;

		if (smpp_session_feed(owner->session, octets, piece, owner->now) != SMPP_SESSION_OK)
			assert(!"feed");
		if (pulls)
			pull(owner);
		octets += piece;
		n -= piece;
	}
}

/* A PDU as it should be, but for what is in it and when it comes. */
static void peer_says(struct owner *owner, uint32_t command_id, uint32_t status, uint32_t sequence,
		      bool pulls)
{
	static const struct smpp_octets text = { (const uint8_t *)"some text", 9 };
	struct smpp_problem problem;
	struct smpp_pdu pdu;
	uint8_t octets[512];
	size_t n;

	smpp_pdu_init(&pdu, command_id, sequence);
	if (command_id & SMPP_RESP_BIT)
		pdu.command_status = status;
	if (command_id == SMPP_submit_sm || command_id == SMPP_deliver_sm)
		pdu.short_message = text;
	if (smpp_pdu_encode(&pdu, octets, sizeof octets, &n, &problem) == SMPP_OK)
		feed(owner, octets, n, pulls);
}

/* Mostly an answer to one of the latest requests, with a status that `much` draws. */
static void peer_answers(struct owner *owner, uint8_t much, bool pulls)
{
	static const uint32_t statuses[] = { SMPP_ESME_ROK, SMPP_ESME_ROK, SMPP_ESME_RTHROTTLED,
					     SMPP_ESME_RINVCMDID };
	const uint32_t *seen = owner->seen[much % SEEN];
	bool nack = much >= 0xF0;

	peer_says(owner, nack ? SMPP_generic_nack : seen[0] | SMPP_RESP_BIT,
		  statuses[much >> 4 & 3], seen[1], pulls);
}

static void peer_asks(struct owner *owner, uint8_t much, bool pulls)
{
	peer_says(owner, smpp_commands[much % SMPP_N_COMMANDS].id, 0, ++owner->peer_sequence,
		  pulls);
}

static void act(struct owner *owner, uint8_t what, uint8_t much, bool pulls)
{
	switch (what % 16) {
	case 0:
	case 1:
		owner->now += much;
		smpp_session_tick(owner->session, owner->now);
		break;
	case 2:
	case 3:
		write_out(owner, much);
		break;
	case 4:
	case 5:
		hand_in(owner, much);
		break;
	case 6:
		answer(owner);
		break;
	case 7:
		if (much & 1)
			smpp_session_hold(owner->session);
		else
			smpp_session_resume(owner->session);
		if (much & 2)
			smpp_session_withdraw(owner->session);
		break;
	case 8:
		if (much == 77)
			(void)!smpp_session_unbind(owner->session, owner->now);
		break;
	case 9:
		owner->chunk = much ? much : 1;
		break;
	case 10:
	case 11:
		peer_asks(owner, much, pulls);
		break;
	default:
		peer_answers(owner, much, pulls);
		break;
	}
}

/* What was due is done: nothing is asked for again and again. One round more is for what an owner
 * that was slow to pull has held up. */
static void settle(struct owner *owner)
{
	for (int rounds = 0; smpp_session_deadline(owner->session) <= owner->now; rounds++) {
		assert(rounds < 2);
		smpp_session_tick(owner->session, owner->now);
		pull(owner);
	}
}

/* The end: every request that never left or never came back is accounted for. */
static void end(struct owner *owner)
{
	pull(owner);
	smpp_session_down(owner->session, owner->now);
	pull(owner);
	for (uint32_t tag = 0; tag < owner->tags; tag++)
		assert(owner->ended[tag] != 0);
	assert(smpp_session_deadline(owner->session) == SMPP_SESSION_NEVER);
	smpp_session_free(owner->session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct owner owner;
	struct smpp_reader reader = smpp_reader_of(data, (uint32_t)size);
	uint8_t choice = smpp_read_u8(&reader);

	owner = (struct owner){ .session = begin(choice), .chunk = 64, .is_lazy = choice & 0x40 };
	while (smpp_reader_left(&reader) > 1) {
		uint8_t what = smpp_read_u8(&reader);
		uint8_t much = smpp_read_u8(&reader);
		bool pulls = !(what & 0x40); /* or an owner that is slow to do so */

		if (what < 0x80) {
			act(&owner, what, much, pulls);
		} else {
			struct smpp_octets octets;

			if (much > smpp_reader_left(&reader))
				much = (uint8_t)smpp_reader_left(&reader);
			octets = smpp_read_octets(&reader, much);
			feed(&owner, octets.at, octets.n, pulls);
		}
		if (pulls) {
			pull(&owner);
			settle(&owner);
		}
	}
	end(&owner);
	return 0;
}
