/*
 * Receipts at smsc-sim: they wait in their account's queue for a link that is bound to receive and
 * has room, and go again until somebody says OK (as SMSCs do: a receipt is never given up).
 */
#include "tools/sim_smsc.h"

#include <stdio.h>

#include "tools/sim_receipt.h"

/* Tags name the message and its life: an entry may be another message's by the time one returns. */
static uint64_t tag_of(const struct sim_message *message, uint32_t index)
{
	return (uint64_t)message->generation << 32 | index;
}

static struct sim_message *message_of(const struct sim_smsc *smsc, uint64_t tag)
{
	struct sim_message *message = sim_message_at(&smsc->messages, (uint32_t)tag);

	return message->generation == (uint32_t)(tag >> 32) ? message : NULL;
}

/* ---- the queue of an account ---- */

void sim_delivery_queue(struct sim_smsc *smsc, uint32_t index)
{
	struct sim_message *message = sim_message_at(&smsc->messages, index);
	struct sim_account *account = &smsc->accounts[message->account];

	message->next = SIM_NO_MESSAGE;
	if (account->first == SIM_NO_MESSAGE)
		account->first = index;
	else
		sim_message_at(&smsc->messages, account->last)->next = index;
	account->last = index;
}

static void unqueue_first(struct sim_smsc *smsc, struct sim_account *account)
{
	struct sim_message *message = sim_message_at(&smsc->messages, account->first);

	account->first = message->next;
	message->waiting = false;
}

static bool has_room(const struct sim_smsc *smsc, const struct sim_link *link)
{
	return link->receipts_in_flight < smsc->options->receipt_window;
}

static bool serves(const struct sim_link *link, uint16_t account)
{
	return link != NULL && link->receives && !link->closing && link->account == account;
}

/* The account's next link in turn that has room, but not `except`; NULL: none. */
static struct sim_link *next_link(struct sim_smsc *smsc, uint16_t account,
				  const struct sim_link *except)
{
	uint32_t *turn = &smsc->accounts[account].next_slot;
	uint32_t begin = *turn;

	for (uint32_t i = 0; i < smsc->slots_used; i++) {
		struct sim_link *link = smsc->slots[(begin + i) % smsc->slots_used];

		if (link == except || !serves(link, account) || !has_room(smsc, link))
			continue;
		*turn = (begin + i + 1) % smsc->slots_used;
		return link;
	}
	return NULL;
}

/*
 * Where the receipt of a message goes now: back the way it came, else anywhere in the account; by
 * the way `elsewhere` the other way round. NULL: it waits.
 */
static struct sim_link *choose_link(struct sim_smsc *smsc, const struct sim_message *message)
{
	struct sim_link *origin = sim_smsc_origin(smsc, message), *other;

	if (!serves(origin, message->account) || !has_room(smsc, origin))
		return next_link(smsc, message->account, origin);
	if (message->way != OUTCOME_WAY_ELSEWHERE)
		return origin;
	other = next_link(smsc, message->account, origin);
	return other == NULL ? origin : other;
}

/* ---- sending ---- */

/* false: nothing can go on this link now; the receipt waits on. */
static bool send_receipt(struct sim_smsc *smsc, struct sim_link *link, uint32_t index)
{
	struct sim_message *message = sim_message_at(&smsc->messages, index);
	struct sim_subject subject = { .message = message,
				       .ids = smsc->options->ids,
				       .receipt_ids = smsc->options->receipt_ids,
				       .wall_ms = port_wall_ms(smsc->port),
				       .link = link->number,
				       .count = message->count };
	static struct buffer receipt; /* its memory is used again */
	enum smpp_session_error error;

	buffer_clear(&receipt);
	sim_receipt_make(message->shape != NULL ? message->shape : &smsc->shape, &subject,
			 smsc->options->receipt_tlvs && link->takes_tlvs, &receipt);
	error = smpp_session_request_octets(link->session, receipt.octets, receipt.n,
					    tag_of(message, index), port_now_ms(smsc->port));
	if (error == SMPP_SESSION_BAD_PDU) {
		/* It is larger than any PDU. Nobody will ever answer it. */
		fprintf(stderr, "smsc-sim: a receipt of link %u is too large\n", message->link);
		smsc->stats.receipts_lost++;
		message->receipts_left = 0;
		return true;
	}
	if (error != SMPP_SESSION_OK)
		return false;
	message->in_flight = true;
	link->receipts_in_flight++;
	smsc->stats.receipts_sent++;
	return true;
}

static void dispatch_account(struct sim_smsc *smsc, struct sim_account *account)
{
	while (account->first != SIM_NO_MESSAGE) {
		uint32_t index = account->first;
		struct sim_message *message = sim_message_at(&smsc->messages, index);

		if (!message->settled) {
			struct sim_link *link = choose_link(smsc, message);

			if (link == NULL)
				return;
			if (!send_receipt(smsc, link, index)) {
				link->receives = false; /* it is on its way out */
				continue;
			}
		}
		unqueue_first(smsc, account);
		sim_smsc_finish(smsc, index);
	}
}

void sim_delivery_dispatch(struct sim_smsc *smsc)
{
	for (uint32_t i = 0; i < smsc->account_count; i++)
		dispatch_account(smsc, &smsc->accounts[i]);
}

/* ---- answers ---- */

static void again(struct sim_smsc *smsc, struct sim_message *message, uint32_t index,
		  uint32_t delay_ms)
{
	message->waiting = true;
	sim_smsc_plan(smsc, port_now_ms(smsc->port) + delay_ms, SIM_DELIVER, index);
}

/* How long until the receipt goes again: always the same, or each time twice as long. */
static uint32_t patience_ms(const struct sim_options *options, struct sim_message *message)
{
	uint64_t ms = (uint64_t)options->redeliver_ms << message->redeliveries;

	if (message->redeliveries < 31)
		message->redeliveries++;
	if (options->redeliver_max_ms == 0)
		return options->redeliver_ms;
	return ms < options->redeliver_max_ms ? (uint32_t)ms : options->redeliver_max_ms;
}

/* An OK after its time: the receipt that was to go again need not. */
static void settle_late(struct sim_message *message)
{
	if (message->waiting && !message->in_flight) {
		message->settled = true;
		message->receipts_left = 0;
	}
}

void sim_delivery_verdict(struct sim_smsc *smsc, struct sim_link *link,
			  const struct smpp_event *event)
{
	bool ok = event->kind == SMPP_EVENT_RESPONSE && event->command_status == 0;
	struct sim_message *message = message_of(smsc, event->tag);
	uint32_t index = (uint32_t)event->tag;

	if (event->late) {
		if (ok && message != NULL)
			settle_late(message);
		return;
	}
	link->receipts_in_flight--;
	if (message == NULL)
		return;
	message->in_flight = false;
	if (ok) {
		smsc->stats.receipts_acked++;
		message->receipts_left--;
		if (message->receipts_left > 0)
			again(smsc, message, index, message->receipt_ms);
	} else {
		if (event->kind == SMPP_EVENT_RESPONSE)
			smsc->stats.receipts_refused++;
		else
			smsc->stats.receipts_unanswered++;
		again(smsc, message, index, patience_ms(smsc->options, message));
	}
	sim_smsc_finish(smsc, index);
}
