/*
 * Requests at smsc-sim that are about a message it has, or about several at once: query_sm,
 * cancel_sm and replace_sm (SMPP 3.4, 4.8 to 4.10), and submit_multi (4.5), which is the submits
 * of its destinations under one id. What becomes of each is drawn as for a submit_sm.
 */
#include "tools/sim_smsc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "smpp/octets.h"
#include "smpp/status.h"
#include "tools/sim_receipt.h"

enum {
	DESTINATIONS_MAX = 254, /* 4.5.1 */
	UNSUCCESS_OCTETS = 27,	/* of one entry, at most; 4.5.2.1 */
	STATE_ENROUTE = 1,	/* 5.2.28 */
	STATE_DELETED = 4,
	DATE_OCTETS = 17, /* 7.1.1 */
};

/* ---- finding ---- */

static bool has_id(const struct sim_smsc *smsc, uint64_t id, struct smpp_octets named)
{
	char text[SIM_ID_TEXT_OCTETS];
	struct smpp_octets own = { .at = (const uint8_t *)text };

	own.n = sim_id_text(id, smsc->options->ids, text);
	return smpp_octets_equal(own, named);
}

/* A message that is not settled; of several with one id the one to this destination. */
static struct sim_message *find_live(const struct sim_smsc *smsc, const struct sim_link *link,
				     const struct smpp_pdu *pdu)
{
	for (uint32_t i = 0; i < smsc->messages.made; i++) {
		struct sim_message *message = sim_message_at(&smsc->messages, i);

		if (!(message->to_answer || message->in_flight || message->waiting) ||
		    message->leads || message->status != 0 || message->account != link->account ||
		    !has_id(smsc, message->id, pdu->message_id))
			continue;
		if (pdu->destination_addr.n == 0 ||
		    smpp_octets_equal(smpp_octets_of(message->destination), pdu->destination_addr))
			return message;
	}
	return NULL;
}

static const struct sim_past *find_past(const struct sim_smsc *smsc, const struct sim_link *link,
					struct smpp_octets id)
{
	for (uint32_t i = 0; i < SIM_PAST; i++) {
		const struct sim_past *past = &smsc->past[i];

		if (past->message_state != 0 && past->account == link->account &&
		    has_id(smsc, past->id, id))
			return past;
	}
	return NULL;
}

void sim_verbs_settled(struct sim_smsc *smsc, const struct sim_message *message)
{
	if (message->leads || message->status != 0 || message->message_state == 0)
		return;
	smsc->past[smsc->past_next++ % SIM_PAST] =
		(struct sim_past){ .id = message->id,
				   .final_wall_ms = port_wall_ms(smsc->port),
				   .account = message->account,
				   .message_state = message->message_state };
}

/* Its receipt has not been sent: nothing is final, and it may still be changed. */
static bool is_open(const struct sim_message *message)
{
	uint8_t all = message->way == OUTCOME_WAY_TWICE ? 2 : 1;

	return !message->in_flight && !message->settled && message->receipts_left == all;
}

/* ---- answering ---- */

static void send_answer(struct sim_link *link, const struct smpp_pdu *pdu)
{
	if (smpp_session_respond(link->session, pdu) != SMPP_SESSION_OK)
		smpp_session_leave_unanswered(link->session);
}

static void answer(struct sim_link *link, const struct smpp_event *event, uint32_t status)
{
	struct smpp_pdu pdu;

	smpp_pdu_init(&pdu, event->command_id | SMPP_RESP_BIT, event->sequence_number);
	pdu.command_status = status;
	send_answer(link, &pdu);
}

/* Absolute, in UTC (7.1.1); whole seconds. */
static void write_date(int64_t wall_ms, char out[DATE_OCTETS])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts = { 0 };

	gmtime_r(&seconds, &parts);
	snprintf(out, DATE_OCTETS, "%02u%02u%02u%02u%02u%02u000+",
		 (unsigned int)parts.tm_year % 100u, (unsigned int)(parts.tm_mon + 1) % 100u,
		 (unsigned int)parts.tm_mday % 100u, (unsigned int)parts.tm_hour % 100u,
		 (unsigned int)parts.tm_min % 100u, (unsigned int)parts.tm_sec % 100u);
}

/* ---- query_sm, cancel_sm, replace_sm ---- */

static void take_query(struct sim_smsc *smsc, struct sim_link *link, const struct smpp_event *event)
{
	const struct sim_message *message = find_live(smsc, link, event->pdu);
	const struct sim_past *past = NULL;
	char date[DATE_OCTETS] = "";
	struct smpp_pdu pdu;

	if (message == NULL)
		past = find_past(smsc, link, event->pdu->message_id);
	smpp_pdu_init(&pdu, SMPP_query_sm_resp, event->sequence_number);
	pdu.message_id = event->pdu->message_id;
	if (message != NULL && is_open(message)) {
		pdu.message_state = STATE_ENROUTE;
	} else if (message != NULL || past != NULL) {
		write_date(past != NULL ? past->final_wall_ms : port_wall_ms(smsc->port), date);
		pdu.message_state = message != NULL ? message->message_state : past->message_state;
		pdu.final_date = smpp_octets_of(date);
	} else {
		pdu.command_status = SMPP_ESME_RQUERYFAIL;
		pdu.body_absent = true;
	}
	send_answer(link, &pdu);
}

/* The receipt that follows, when it is due, says DELETED. */
static void take_cancel(struct sim_smsc *smsc, struct sim_link *link,
			const struct smpp_event *event)
{
	struct sim_message *message = find_live(smsc, link, event->pdu);

	if (message == NULL || !is_open(message)) {
		answer(link, event, SMPP_ESME_RCANCELFAIL);
		return;
	}
	message->message_state = STATE_DELETED;
	answer(link, event, SMPP_ESME_ROK);
}

static void take_replace(struct sim_smsc *smsc, struct sim_link *link,
			 const struct smpp_event *event)
{
	struct sim_message *message = find_live(smsc, link, event->pdu);
	struct smpp_octets text = event->pdu->short_message;

	if (message == NULL || !is_open(message)) {
		answer(link, event, SMPP_ESME_RREPLACEFAIL);
		return;
	}
	message->text_n = 0;
	while (message->text_n < text.n && message->text_n < SIM_TEXT_OCTETS) {
		uint8_t c = text.at[message->text_n];

		message->text[message->text_n++] = c >= 0x20 && c < 0x7F ? (char)c : '?';
	}
	answer(link, event, SMPP_ESME_ROK);
}

/* ---- submit_multi ---- */

/* A submit_multi whose response is still to be sent; found by the message that leads it. */
struct sim_multi {
	struct sim_multi *next;
	uint32_t leader;
	uint32_t members[DESTINATIONS_MAX]; /* taken, by index */
	uint32_t members_n;
	uint8_t refused[DESTINATIONS_MAX * UNSUCCESS_OCTETS]; /* unsuccess_sme */
	struct smpp_writer writer;
	uint8_t refused_n;
};

static struct sim_multi *take_out(struct sim_smsc *smsc, uint32_t leader)
{
	struct sim_multi **at = &smsc->multis, *multi;

	while ((*at)->leader != leader)
		at = &(*at)->next;
	multi = *at;
	*at = multi->next;
	return multi;
}

void sim_verbs_multi_answer(struct sim_smsc *smsc, uint32_t index)
{
	struct sim_message *leader = sim_message_at(&smsc->messages, index);
	struct sim_link *link = sim_smsc_origin(smsc, leader);
	struct sim_multi *multi = take_out(smsc, index);
	char id[SIM_ID_TEXT_OCTETS];
	struct smpp_pdu pdu;

	leader->to_answer = false;
	smpp_pdu_init(&pdu, SMPP_submit_multi_resp, leader->sequence_number);
	pdu.message_id.n = sim_id_text(leader->id, smsc->options->ids, id);
	pdu.message_id.at = (const uint8_t *)id;
	pdu.no_unsuccess = multi->refused_n;
	pdu.unsuccess_sme = smpp_writer_octets(&multi->writer);
	if (link != NULL)
		link->unanswered--;
	if (link == NULL || smpp_session_respond(link->session, &pdu) != SMPP_SESSION_OK)
		smsc->stats.answers_dropped++;
	for (uint32_t i = 0; i < multi->members_n; i++) {
		struct sim_message *message = sim_message_at(&smsc->messages, multi->members[i]);

		message->to_answer = false;
		if (message->receipts_left > 0 && message->way != OUTCOME_WAY_EARLY) {
			message->waiting = true;
			sim_smsc_plan(smsc, port_now_ms(smsc->port) + message->receipt_ms,
				      SIM_DELIVER, multi->members[i]);
		}
		sim_smsc_finish(smsc, multi->members[i]);
	}
	sim_smsc_finish(smsc, index);
	free(multi);
}

/* Draws for one destination, which is then taken or refused. The status that it drew. */
static uint32_t take_destination(struct sim_smsc *smsc, const struct sim_link *link,
				 const struct smpp_event *event, const struct smpp_dest *dest,
				 struct sim_multi *multi)
{
	struct smpp_pdu pdu = *event->pdu;
	struct smpp_event one = *event;
	uint32_t index = sim_message_new(&smsc->messages);
	uint32_t status = SMPP_ESME_RMSGQFUL;

	one.pdu = &pdu;
	pdu.dest_addr_ton = dest->dest_addr_ton;
	pdu.dest_addr_npi = dest->dest_addr_npi;
	pdu.destination_addr = dest->destination_addr;
	if (index != SIM_NO_MESSAGE) {
		struct sim_message *message = sim_message_at(&smsc->messages, index);

		status = sim_submit_draw(smsc, message, link, &one,
					 sim_message_at(&smsc->messages, multi->leader)->id);
		message->to_answer = status == 0;
		if (status != 0) {
			sim_smsc_finish(smsc, index);
		} else {
			multi->members[multi->members_n++] = index;
			message->waiting = message->way == OUTCOME_WAY_EARLY &&
					   message->receipts_left > 0;
			if (message->waiting)
				sim_delivery_queue(smsc, index);
		}
	}
	if (status != 0) {
		struct smpp_unsuccess entry = { .dest_addr_ton = dest->dest_addr_ton,
						.dest_addr_npi = dest->dest_addr_npi,
						.destination_addr = dest->destination_addr,
						.error_status_code = status };

		if (smpp_unsuccess_put(&multi->writer, &entry) == SMPP_OK)
			multi->refused_n++;
	}
	return status;
}

/* The status that refuses it whole, or 0. Lists of the SMSC's own there are none. */
static uint32_t bad_destinations(const struct smpp_pdu *pdu)
{
	struct smpp_octets rest = pdu->dest_address;
	struct smpp_dest dest;
	uint32_t n = 0;

	while (smpp_dest_next(&rest, &dest)) {
		if (dest.dest_flag != SMPP_DEST_SME)
			return SMPP_ESME_RINVDLNAME;
		if (dest.destination_addr.n == 0 || dest.destination_addr.n >= SIM_ADDRESS_OCTETS)
			return SMPP_ESME_RINVDSTADR;
		n++;
	}
	if (n == 0 || n > DESTINATIONS_MAX)
		return SMPP_ESME_RINVNUMDESTS;
	return pdu->source_addr.n >= SIM_ADDRESS_OCTETS ? SMPP_ESME_RINVSRCADR : 0;
}

static struct sim_multi *new_multi(struct sim_smsc *smsc, struct sim_link *link,
				   const struct smpp_event *event)
{
	uint32_t index = sim_message_new(&smsc->messages);
	struct sim_multi *multi = index == SIM_NO_MESSAGE ? NULL : calloc(1, sizeof(*multi));
	struct sim_message *leader;

	if (multi == NULL) {
		if (index != SIM_NO_MESSAGE)
			sim_message_free(&smsc->messages, index);
		return NULL;
	}
	leader = sim_message_at(&smsc->messages, index);
	leader->leads = leader->to_answer = true;
	leader->link = link->number;
	leader->slot = link->slot;
	leader->account = link->account;
	leader->sequence_number = event->sequence_number;
	leader->id = smsc->next_id++;
	multi->leader = index;
	multi->writer = smpp_writer_of(multi->refused, sizeof(multi->refused));
	multi->next = smsc->multis;
	smsc->multis = multi;
	link->unanswered++;
	return multi;
}

static void take_multi(struct sim_smsc *smsc, struct sim_link *link, const struct smpp_event *event)
{
	uint32_t status = bad_destinations(event->pdu);
	struct smpp_octets rest = event->pdu->dest_address;
	struct outcome_subject subject = { .seed = smsc->options->seed };
	struct sim_multi *multi;
	struct smpp_dest dest;
	uint32_t latency_ms;

	if (status == 0)
		status = sim_submit_limits(smsc, link, event);
	multi = status == 0 ? new_multi(smsc, link, event) : NULL;
	if (multi == NULL) {
		struct smpp_pdu pdu;

		smpp_pdu_init(&pdu, SMPP_submit_multi_resp, event->sequence_number);
		pdu.command_status = status == 0 ? (uint32_t)SMPP_ESME_RMSGQFUL : status;
		pdu.body_absent = true;
		send_answer(link, &pdu);
		return;
	}
	while (smpp_dest_next(&rest, &dest))
		take_destination(smsc, link, event, &dest, multi);
	subject.destination = sim_message_at(&smsc->messages, multi->leader)->destination;
	latency_ms = outcome_draw_ms(&subject, OUTCOME_STREAM_LATENCY,
				     smsc->options->latency.min_ms, smsc->options->latency.max_ms);
	if (latency_ms == 0)
		sim_verbs_multi_answer(smsc, multi->leader);
	else
		sim_smsc_plan(smsc, event->at_ms + latency_ms, SIM_ANSWER, multi->leader);
}

void sim_verbs_release(struct sim_smsc *smsc)
{
	while (smsc->multis != NULL)
		free(take_out(smsc, smsc->multis->leader));
}

/* ---- which ---- */

bool sim_verbs_take(struct sim_smsc *smsc, struct sim_link *link, const struct smpp_event *event)
{
	static const struct {
		uint32_t command_id;
		void (*take)(struct sim_smsc *, struct sim_link *, const struct smpp_event *);
	} verbs[] = {
		{ SMPP_query_sm, take_query },
		{ SMPP_cancel_sm, take_cancel },
		{ SMPP_replace_sm, take_replace },
		{ SMPP_submit_multi, take_multi },
	};

	if (event->unparsed)
		return false;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (verbs[i].command_id != event->command_id)
			continue;
		if (smsc->options->hang) {
			smsc->stats.hung++;
			smpp_session_leave_unanswered(link->session);
		} else {
			verbs[i].take(smsc, link, event);
		}
		return true;
	}
	return false;
}
