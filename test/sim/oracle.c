/* What must be true of the store behind a run. See run.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/inbound_text.h"
#include "core/lifecycle.h"
#include "core/orders.h"
#include "core/outcome.h"
#include "core/provider.h"
#include "core/replay.h"
#include "test/sim/cohorts.h"
#include "test/sim/run.h"

void run_complain(struct run *run, const char *what, uint64_t number)
{
	run->failures++;
	printf("seed %llu: %s (%llu)\n", (unsigned long long)run->seed, what,
	       (unsigned long long)number);
}

/* Route 1 pays back what is not delivered, once it is sure; route 2 never does. */
static void check_refund(struct run *run, const struct store_order *order,
			 const struct store_message *message)
{
	bool ended = message->state == STORE_STATE_FAILED || message->state == STORE_STATE_EXPIRED;
	bool due = order->route == 1 && ended && !message->seg.open_attempts;
	if (message->refund && !(order->route == 1 && ended))
		run_complain(run, "a refund that is not due", message->msisdn);
	if (message->refund && message->refund != orders_message_cost(order))
		run_complain(run, "a refund of another amount", message->msisdn);
	if (due && order->parts == 1 && !message->refund)
		run_complain(run, "a refund is missing", message->msisdn);
}

/* When all is quiet nothing is out. */
static void check_quiet(struct run *run, struct store_txn *txn)
{
	if (store_count(txn, STORE_KIND_RELEASE))
		run_complain(run, "a release is left", store_count(txn, STORE_KIND_RELEASE));
	for (size_t i = 0; i < run->engine->n_providers; i++)
		for (size_t k = 0; k < run->engine->providers[i]->n_links; k++)
			if (run->engine->providers[i]->links[k]->outstanding)
				run_complain(run, "a link counts segments that are not out", i);
}

/* State is a function of evidence: worked out from it again, it is that of the record. */
static void check_replay(struct run *run, struct store_txn *txn, const struct store_order *order,
			 const struct store_message *message)
{
	static struct replay replay;
	struct replay_change change;
	struct path path;
	if (!path_init(&path))
		abort();
	path_collect(&path, run->engine, txn, order, message);
	replay_begin(&replay, &path, INT64_MAX);
	while (replay_next(&replay, &change))
		;
	if (replay.mended && !path.cut)
		run_complain(run, "a state that the evidence does not lead to", message->msisdn);
	path_release(&path);
}

/* It ends, no carrier has seen it, it cost nothing, and what is DELIVERED had such a number. */
static void check_sandboxed(struct run *run, const struct store_message *message)
{
	struct outcome_mix mix;
	char digits[24];
	struct outcome_subject subject = { .destination = digits, .part = 1, .attempt = 1 };
	outcome_mix_init(&mix);
	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)message->msisdn);
	if (!life_is_final((enum store_state)message->state))
		run_complain(run, "a message of the sandbox has not ended", message->msisdn);
	for (size_t i = 0; i < CARRIERS; i++)
		if (carrier_truth(run->carriers[i], message->msisdn)->submits)
			run_complain(run, "a carrier got a message of the sandbox",
				     message->msisdn);
	if (message->refund)
		run_complain(run, "a message of the sandbox was paid back", message->msisdn);
	if (message->state == STORE_STATE_DELIVERED &&
	    outcome_draw(&mix, &subject).message_state != 2 /* SMPP 3.4, 5.2.28 */)
		run_complain(run, "the sandbox delivered what it should not", message->msisdn);
}

static void check_message(struct run *run, const struct store_order *order,
			  const struct store_message *message)
{
	if (order->sandbox) {
		check_sandboxed(run, message);
		return;
	}
	const struct carrier *carrier = run->carriers[order->route - 1];
	const struct truth *truth = carrier_truth(carrier, message->msisdn);
	uint32_t attempts = message->seg.attempts;
	bool hold = run->hold[order->route - 1];
	if (!life_is_final((enum store_state)message->state))
		run_complain(run, "a message has not ended", message->msisdn);
	if (hold && truth->taken_or_silent > order->parts)
		run_complain(run, "submitted twice under hold", message->msisdn);
	if (message->state == STORE_STATE_DELIVERED && truth->failed_said && order->parts > 1 &&
	    hold)
		run_complain(run, "DELIVERED although a segment failed", message->msisdn);
	if (truth->mixed || (truth->submits && truth->parts != order->parts))
		run_complain(run, "parts that do not belong together", message->msisdn);
	check_refund(run, order, message);
	if (order->parts > 1)
		return; /* segments share a destination, and its truth */
	if (truth->submits > attempts)
		run_complain(run, "more submits than attempts", message->msisdn);
	if (truth->taken_or_silent > 1 && !(message->flags & STORE_FLAG_POSSIBLE_DUPLICATE))
		run_complain(run, "sent twice and not said", message->msisdn);
	switch ((enum store_state)message->state) {
	case STORE_STATE_DELIVERED:
		if (!truth->delivered_said)
			run_complain(run, "DELIVERED without a receipt", message->msisdn);
		break;
	case STORE_STATE_FAILED:
		if (!truth->failed_said && !truth->permanent && !truth->refused)
			run_complain(run, "FAILED without a reason", message->msisdn);
		break;
	case STORE_STATE_EXPIRED:
		if (truth->taken_or_silent)
			run_complain(run, "EXPIRED although it was taken", message->msisdn);
		break;
	case STORE_STATE_UNKNOWN:
	case STORE_STATE_QUEUED:
	case STORE_STATE_SUBMITTED:
	case STORE_STATE_IN_DOUBT:
	case STORE_STATE_SENT:
	case STORE_STATES:
		break;
	}
	/* Sent again, the receipt may be that of the attempt whose id never came: an orphan. */
	if (truth->taken_or_silent == 1 && truth->delivered_acked &&
	    message->error == STORE_ERROR_NO_RECEIPT)
		run_complain(run, "a receipt was answered and is lost", message->msisdn);
}

/* Which message of the carrier it is, and whether it is all there; 0: none. */
static uint64_t spoken_number(struct run *run, struct store_txn *txn, size_t carrier,
			      const struct store_inbound_message *message)
{
	struct inbound_text text;
	char expected[SPOKEN_OCTETS] = "", part[CARRIER_PART_OCTETS];
	uint64_t number = 0;
	if (!inbound_text_read(txn, message, &text))
		abort();
	if (message->flags || text.unread)
		run_complain(run, "a message to us is flagged", message->flags);
	buffer_append(&text.utf8, "", 1);
	number = strtoull((const char *)text.utf8.octets, NULL, 10);
	const struct spoken *spoken = carrier_spoken(run->carriers[carrier], number - 1);
	for (uint32_t i = 1; spoken && i <= spoken->parts; i++) {
		carrier_part(number, i, part);
		strcat(expected, part);
	}
	if (!spoken || strcmp(expected, (const char *)text.utf8.octets) != 0)
		run_complain(run, "a message to us says what nobody said", number);
	inbound_text_release(&text);
	return spoken ? number : 0;
}

/* What was answered is there; what came in parts is there once. */
static void check_inbound(struct run *run, struct store_txn *txn, size_t carrier)
{
	struct store_inbound_message message = { 0 };
	const struct spoken *spoken;
	struct store_inbound_group group = { 0 };
	uint32_t found[SPEECHES_MAX + 1] = { 0 };
	while (store_inbound_group_next(txn, &group, 0) == STORE_OK)
		if (!group.message)
			run_complain(run, "parts wait for others that have come", group.first);
	while (store_inbound_message_next(txn, &message, 0) == STORE_OK)
		if (message.provider == run->engine->providers[carrier]->number)
			found[spoken_number(run, txn, carrier, &message)]++;
	for (size_t i = 0; (spoken = carrier_spoken(run->carriers[carrier], i)); i++) {
		if (spoken->acked == spoken->parts && !found[spoken->number])
			run_complain(run, "a message to us was answered and is lost",
				     spoken->number);
		if (spoken->parts > 1 && found[spoken->number] > 1)
			run_complain(run, "a message to us is there twice", spoken->number);
	}
}

static void found(void *arg, enum store_kind kind, const char *record, const char *what)
{
	struct run *run = arg;
	run_complain(run, what, (uint64_t)kind);
	printf("\t%s\n", record);
}

static void miscounted(void *arg, const char *what, uint64_t number)
{
	run_complain(arg, what, number);
}

void oracle_recount(struct run *run)
{
	struct store_txn *txn;
	if (store_read_begin(run->store, &txn) != STORE_OK)
		abort();
	cohorts_recount(txn, miscounted, run);
	store_read_end(txn);
}

void oracle_check(struct run *run)
{
	struct store_txn *txn;
	struct store_order order = { 0 };
	uint64_t messages = 0;
	struct store_check check = { .finding = found, .arg = run };
	if (store_read_begin(run->store, &txn) != STORE_OK)
		abort();
	for (enum store_err err = store_order_seek(txn, &order, 0); err == STORE_OK;
	     err = store_order_next(txn, &order, 0)) {
		struct store_message message = { .order = order.order };
		uint32_t n = 0;
		for (err = store_message_seek(txn, &message, 1); err == STORE_OK;
		     err = store_message_next(txn, &message, 1), n++) {
			check_message(run, &order, &message);
			check_replay(run, txn, &order, &message);
		}
		if (n != order.total)
			run_complain(run, "an order lacks messages", order.order);
		messages += n;
	}
	check_quiet(run, txn);
	for (size_t i = 0; i < CARRIERS; i++)
		check_inbound(run, txn, i);
	store_read_end(txn);
	oracle_recount(run);
	/* An intent that was applied and crashed before its effect is stored and was not answered. */
	if (messages < run->accepted_messages)
		run_complain(run, "accepted messages are gone", messages);
	if (store_check(run->store, &check) != STORE_OK)
		run_complain(run, "the check did not run", 0);
	for (size_t i = 0; i < CARRIERS; i++) {
		if (carrier_most_in_flight(run->carriers[i]) > run->window)
			run_complain(run, "the window was passed",
				     carrier_most_in_flight(run->carriers[i]));
		if (!i && run->shared && carrier_most_in_all(run->carriers[i]) > run->window)
			run_complain(run, "the provider's window was passed",
				     carrier_most_in_all(run->carriers[i]));
		if (carrier_broken(run->carriers[i]))
			run_complain(run, carrier_broken(run->carriers[i]), i);
		if (carrier_unanswered(run->carriers[i]))
			run_complain(run, "requests were not answered",
				     carrier_unanswered(run->carriers[i]));
		if (carrier_complaints(run->carriers[i]))
			run_complain(run, "the carrier complains",
				     carrier_complaints(run->carriers[i]));
	}
	if (run->verbose)
		printf("seed %llu: %llu messages, %u crashes, %llu ms\n",
		       (unsigned long long)run->seed, (unsigned long long)messages, run->crashes,
		       (unsigned long long)world_now_ms(run->world));
}

bool oracle_all_ended(struct run *run)
{
	struct store_txn *txn;
	struct store_open_order open = { 0 };
	if (store_read_begin(run->store, &txn) != STORE_OK)
		abort();
	bool none = store_open_order_seek(txn, &open, 0) == STORE_NOTFOUND;
	store_read_end(txn);
	/* A query may have ended them all while a receipt was still under way. */
	for (size_t i = 0; i < CARRIERS; i++)
		none = none && !carrier_unanswered(run->carriers[i]);
	for (size_t i = 0; i < CARRIERS; i++)
		for (size_t k = 0; carrier_spoken(run->carriers[i], k); k++)
			none = none && carrier_spoken(run->carriers[i], k)->acked ==
					       carrier_spoken(run->carriers[i], k)->parts;
	return none;
}
