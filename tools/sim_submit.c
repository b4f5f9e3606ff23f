/*
 * Submits at smsc-sim: throttled, refused or taken; what becomes of each is asked of core/outcome;
 * the response follows when its latency is over.
 */
#include "tools/sim_smsc.h"

#include <string.h>

#include "smpp/concat.h"
#include "smpp/pdu.h"
#include "smpp/status.h"
#include "tools/sim_receipt.h"

/* An early receipt has this head start on its response, so that it is read first. */
#define EARLY_LEAD_MS 50u

/* ---- answering ---- */

static void respond(struct sim_link *link, const struct smpp_event *event, uint32_t status)
{
	const struct smpp_command *command = smpp_command(event->command_id);
	const struct smpp_command *answer = command == NULL ? NULL : smpp_command_resp(command);
	struct smpp_pdu pdu;

	smpp_pdu_init(&pdu, answer == NULL ? SMPP_generic_nack : answer->id,
		      event->sequence_number);
	pdu.command_status = status;
	pdu.body_absent = status != 0 && answer != NULL && answer->places[0].param != NULL;
	if (smpp_session_respond(link->session, &pdu) != SMPP_SESSION_OK)
		smpp_session_leave_unanswered(link->session);
}

void sim_submit_decline(struct sim_smsc *smsc, struct sim_link *link,
			const struct smpp_event *event)
{
	uint32_t status = smsc->wish.status != 0 ? smsc->wish.status : SMPP_ESME_RINVCMDID;

	respond(link, event, event->unparsed ? event->problem.status : status);
}

/* false: the link is gone or will not take it. */
static bool send_answer(struct sim_smsc *smsc, const struct sim_message *message)
{
	struct sim_link *link = sim_smsc_origin(smsc, message);
	char id[SIM_ID_TEXT_OCTETS];
	struct smpp_pdu pdu;

	if (link == NULL)
		return false;
	link->unanswered--;
	smpp_pdu_init(&pdu, message->data_sm ? SMPP_data_sm_resp : SMPP_submit_sm_resp,
		      message->sequence_number);
	pdu.command_status = message->status;
	pdu.body_absent = message->status != 0; /* 4.4.2 */
	if (message->status == 0) {
		pdu.message_id.n = sim_id_text(message->id, smsc->options->ids, id);
		pdu.message_id.at = (const uint8_t *)id;
	}
	return smpp_session_respond(link->session, &pdu) == SMPP_SESSION_OK;
}

void sim_submit_answer(struct sim_smsc *smsc, uint32_t index)
{
	struct sim_message *message = sim_message_at(&smsc->messages, index);

	if (message->leads) {
		sim_verbs_multi_answer(smsc, index);
		return;
	}
	message->to_answer = false;
	/* The message was taken when it was read: a receipt follows even if nobody hears this. */
	if (!send_answer(smsc, message))
		smsc->stats.answers_dropped++;
	if (message->receipts_left > 0 && message->way != OUTCOME_WAY_EARLY) {
		message->waiting = true;
		sim_smsc_plan(smsc, port_now_ms(smsc->port) + message->receipt_ms, SIM_DELIVER,
			      index);
	}
	sim_smsc_finish(smsc, index);
}

/* ---- limits ---- */

/* A token bucket of thousandths: exact at any rate, smooth at 1/s and at 1000/s. */
static bool take_token(struct sim_account *account, const struct sim_options *options,
		       int64_t at_ms)
{
	int64_t depth = (int64_t)options->burst * 1000;
	int64_t elapsed_ms = at_ms - account->refilled_ms;

	if (options->rate_per_s == 0)
		return true;
	if (elapsed_ms > 0) {
		int64_t missing = depth - account->tokens;

		if (elapsed_ms >= missing / options->rate_per_s + 1)
			account->tokens = depth;
		else
			account->tokens += elapsed_ms * options->rate_per_s;
		if (account->tokens > depth)
			account->tokens = depth;
		account->refilled_ms = at_ms;
	}
	if (account->tokens < 1000)
		return false;
	account->tokens -= 1000;
	return true;
}

uint32_t sim_submit_limits(struct sim_smsc *smsc, struct sim_link *link,
			   const struct smpp_event *event)
{
	uint32_t window = smsc->options->window;
	bool full = window != 0 && link->unanswered >= window;

	if (!full && take_token(&smsc->accounts[link->account], smsc->options, event->at_ms))
		return 0;
	if (full)
		sim_strict_window(smsc, link, event);
	smsc->stats.throttled++;
	return SMPP_ESME_RTHROTTLED;
}

/* ---- drawing ---- */

static uint64_t hash_octets(uint64_t hash, struct smpp_octets octets)
{
	while (octets.n > 0) {
		uint32_t n = octets.n < 8 ? octets.n : 8;
		uint64_t word = 0;

		memcpy(&word, octets.at, n);
		hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
		hash ^= hash >> 29;
		octets.at += n;
		octets.n -= n;
	}
	return (hash ^ 0xFF) * UINT64_C(0x9E3779B97F4A7C15); /* "a","bc" is not "ab","c" */
}

/* What makes two submits the same segment: source, destination, text and part. */
static uint64_t hash_segment(const struct smpp_pdu *pdu, const struct smpp_concat_info *info)
{
	uint8_t part[4] = { info->seqnum, info->total, (uint8_t)(info->ref >> 8),
			    (uint8_t)info->ref };
	uint64_t hash = 1;

	hash = hash_octets(hash, pdu->source_addr);
	hash = hash_octets(hash, pdu->destination_addr);
	hash = hash_octets(hash, info->body);
	hash = hash_octets(hash, (struct smpp_octets){ .at = part, .n = sizeof(part) });
	return hash ^ hash >> 32;
}

static void copy_address(char out[SIM_ADDRESS_OCTETS], struct smpp_octets address)
{
	memcpy(out, address.at, address.n);
	out[address.n] = '\0';
}

/* The first octets of a text that is read as ASCII; what is not printable becomes '?'. */
static void copy_text(struct sim_message *message, const struct smpp_pdu *pdu,
		      struct smpp_octets body)
{
	if (pdu->data_coding != 0 && pdu->data_coding != 1 && pdu->data_coding != 3)
		return;
	while (message->text_n < body.n && message->text_n < SIM_TEXT_OCTETS) {
		uint8_t c = body.at[message->text_n];

		message->text[message->text_n++] = c >= 0x20 && c < 0x7F ? (char)c : '?';
	}
}

static void log_drawn(struct sim_smsc *smsc, const struct sim_message *message,
		      const struct outcome_subject *subject, const struct outcome *outcome,
		      int64_t at_ms)
{
	char id[SIM_ID_TEXT_OCTETS];
	struct json_writer writer;

	if (!sim_log_wanted(smsc->log))
		return;
	writer = sim_log_begin(smsc->log, "drawn", at_ms);
	json_add_uint(&writer, "link", message->link);
	json_add_uint(&writer, "sequence", message->sequence_number);
	json_add_text(&writer, "destination", message->destination);
	json_add_uint(&writer, "part", subject->part);
	json_add_uint(&writer, "attempt", subject->attempt);
	json_add_text(&writer, "outcome", outcome_kind_name(outcome->kind));
	json_add_text(&writer, "way", outcome_way_name(outcome->way));
	json_add_bool(&writer, "answered", outcome->answered);
	json_add_uint(&writer, "status", outcome->status);
	if (outcome->status == 0) {
		sim_id_text(message->id, smsc->options->ids, id);
		json_add_text(&writer, "message_id", id);
		sim_id_text(message->id, smsc->options->receipt_ids, id);
		json_add_text(&writer, "receipt_id", id);
	}
	json_add_uint(&writer, "receipts", message->receipts_left);
	sim_log_end(smsc->log, &writer);
}

static void fill_message(struct sim_smsc *smsc, struct sim_message *message,
			 const struct sim_link *link, const struct smpp_event *event)
{
	const struct smpp_pdu *pdu = event->pdu;

	message->link = link->number;
	message->slot = link->slot;
	message->account = link->account;
	message->sequence_number = event->sequence_number;
	message->data_sm = event->command_id == SMPP_data_sm;
	message->taken_wall_ms = port_wall_ms(smsc->port);
	message->source_ton = pdu->source_addr_ton;
	message->source_npi = pdu->source_addr_npi;
	message->dest_ton = pdu->dest_addr_ton;
	message->dest_npi = pdu->dest_addr_npi;
	copy_address(message->source, pdu->source_addr);
	copy_address(message->destination, pdu->destination_addr);
}

static uint8_t receipts_of(struct sim_smsc *smsc, const struct outcome *outcome,
			   const struct smpp_pdu *pdu)
{
	if (!outcome_receipt_wanted(outcome, pdu->registered_delivery))
		return 0;
	if (outcome->way == OUTCOME_WAY_LOST) {
		smsc->stats.receipts_lost++;
		return 0;
	}
	return outcome->way == OUTCOME_WAY_TWICE ? 2 : 1;
}

/* A script's word about the receipt: it comes even if nobody asked for one. */
static void shape_receipt(struct sim_message *message, const struct sim_wish *wish)
{
	const struct sim_step *step = wish->receipt;

	if (sim_pdu_says(&step->pdu))
		message->shape = &step->pdu;
	message->count = wish->receipt_count;
	message->receipts_left = (uint8_t)step->times;
	if (message->message_state == 0)
		message->message_state = 2; /* 5.2.28: delivered */
	if (step->has_after)
		message->receipt_ms = step->after_ms;
}

/* Draws for a message that was filled in and writes down what was drawn. */
static struct outcome draw(struct sim_smsc *smsc, struct sim_message *message,
			   const struct smpp_event *event, uint64_t id,
			   struct outcome_subject *subject)
{
	const struct sim_options *options = smsc->options;
	struct smpp_concat_info info;
	struct outcome outcome;

	smpp_concat_info(event->pdu, &info);
	*subject = (struct outcome_subject){
		.seed = options->seed,
		.destination = message->destination,
		.part = info.seqnum == 0 ? 1 : info.seqnum,
		.attempt = sim_attempts_count(&smsc->attempts, hash_segment(event->pdu, &info)),
	};
	outcome = outcome_draw(smsc->wish.mix != NULL ? smsc->wish.mix : &options->mix, subject);
	message->kind = (uint8_t)outcome.kind;
	message->way = (uint8_t)outcome.way;
	message->message_state = outcome.message_state;
	message->status = outcome.status;
	message->receipts_left = receipts_of(smsc, &outcome, event->pdu);
	message->receipt_ms = outcome.way == OUTCOME_WAY_LATE ?
				      options->late_ms :
				      outcome_draw_ms(subject, OUTCOME_STREAM_RECEIPT_DELAY,
						      options->receipt_delay.min_ms,
						      options->receipt_delay.max_ms);
	if (smsc->wish.receipt != NULL && outcome.status == 0)
		shape_receipt(message, &smsc->wish);
	if (outcome.status == 0) {
		message->id = id != 0 ? id : smsc->next_id++;
		copy_text(message, event->pdu, info.body);
	}
	smsc->stats.outcomes[outcome.kind]++;
	smsc->stats.accepted += outcome.status == 0;
	smsc->stats.refused += outcome.status != 0;
	log_drawn(smsc, message, subject, &outcome, event->at_ms);
	return outcome;
}

uint32_t sim_submit_draw(struct sim_smsc *smsc, struct sim_message *message,
			 const struct sim_link *link, const struct smpp_event *event, uint64_t id)
{
	struct outcome_subject subject;

	fill_message(smsc, message, link, event);
	return draw(smsc, message, event, id, &subject).status;
}

/* ---- taking ---- */

/* The status that refuses a submit before anything is drawn, or 0. */
static uint32_t malformed(const struct smpp_event *event)
{
	if (event->unparsed)
		return event->problem.status;
	if (event->pdu->destination_addr.n == 0 ||
	    event->pdu->destination_addr.n >= SIM_ADDRESS_OCTETS)
		return SMPP_ESME_RINVDSTADR;
	if (event->pdu->source_addr.n >= SIM_ADDRESS_OCTETS)
		return SMPP_ESME_RINVSRCADR;
	return 0;
}

static void plan_answer(struct sim_smsc *smsc, struct sim_link *link, uint32_t index,
			const struct outcome_subject *subject, int64_t at_ms)
{
	struct sim_message *message = sim_message_at(&smsc->messages, index);
	bool early = message->way == OUTCOME_WAY_EARLY && message->receipts_left > 0;
	uint32_t latency_ms = outcome_draw_ms(subject, OUTCOME_STREAM_LATENCY,
					      smsc->options->latency.min_ms,
					      smsc->options->latency.max_ms);

	message->to_answer = true;
	link->unanswered++;
	if (early) {
		message->waiting = true;
		sim_delivery_queue(smsc, index);
		if (latency_ms < EARLY_LEAD_MS)
			latency_ms = EARLY_LEAD_MS;
	}
	if (latency_ms == 0)
		sim_submit_answer(smsc, index);
	else
		sim_smsc_plan(smsc, at_ms + latency_ms, SIM_ANSWER, index);
}

void sim_submit_take(struct sim_smsc *smsc, struct sim_link *link, const struct smpp_event *event)
{
	uint32_t status = malformed(event);
	struct outcome_subject subject;
	struct sim_message *message;
	struct outcome outcome;
	uint32_t index;

	if (status != 0) {
		smsc->stats.malformed++;
		respond(link, event, status);
		return;
	}
	if (smsc->wish.status != 0) {
		smsc->stats.scripted++;
		respond(link, event, smsc->wish.status);
		return;
	}
	if (smsc->options->hang) {
		smsc->stats.hung++;
		smpp_session_leave_unanswered(link->session);
		return;
	}
	status = sim_submit_limits(smsc, link, event);
	if (status != 0) {
		respond(link, event, status);
		return;
	}
	index = sim_message_new(&smsc->messages);
	if (index == SIM_NO_MESSAGE) {
		smsc->stats.throttled++;
		respond(link, event, SMPP_ESME_RMSGQFUL);
		return;
	}
	message = sim_message_at(&smsc->messages, index);
	fill_message(smsc, message, link, event);
	outcome = draw(smsc, message, event, 0, &subject);
	if (outcome.answered) {
		plan_answer(smsc, link, index, &subject, event->at_ms);
		return;
	}
	smpp_session_leave_unanswered(link->session);
	if (message->receipts_left > 0) {
		message->waiting = true;
		sim_smsc_plan(smsc, event->at_ms + message->receipt_ms, SIM_DELIVER, index);
	}
	sim_smsc_finish(smsc, index);
}
