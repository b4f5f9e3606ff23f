/* A carrier of the simulated world: sessions in the SMSC's role, outcomes by dice, the truth kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smpp/concat.h"
#include "smpp/session.h"
#include "smpp/status.h"
#include "test/sim/far_end.h"
#include "test/sim/watch.h"
#include "test/sim/world.h"

#define SPOKEN_MAX	 64
#define LATE_MS		 3500 /* longer than the daemon waits for an answer */
#define UNSUCCESS_OCTETS 27   /* of an entry, at most; 4.5.2.1 */

/* A connection from the daemon; lives as long as the carrier. */
struct far {
	struct far_end end; /* first */
	struct carrier *carrier;
	uint32_t in_flight; /* submits that will be answered and are not yet */
	struct far *next;
};

/* What the carrier sends until it is answered OK; the head of what it is. */
struct delivery {
	struct carrier *carrier;
	world_fn *send;
	void (*acked)(struct delivery *delivery);
};

/* One submit that the carrier took, until its receipt is answered. */
struct taken {
	struct delivery receipt;
	struct truth *truth;
	uint64_t id;
	bool failed;		  /* what the receipt says */
	uint32_t sequence_number; /* of the submit */
	struct far *far;
	bool late; /* answered when nobody waits any more */
	struct taken *next;
};

/* A part of a message to the daemon. */
struct speech {
	struct delivery delivery;
	struct spoken *whole;
	uint32_t part; /* from 1 */
	bool acked;
	struct speech *next;
};

/* A submit_multi, or a query_sm, whose answer is to come; kept with the carrier. */
struct later {
	struct far *far;
	uint32_t sequence_number;
	uint64_t id;	      /* of a submit_multi */
	struct taken *asked;  /* of a query_sm; NULL: it is none, or nobody has the id */
	bool late;	      /* answered when nobody waits any more */
	uint32_t unsuccess_n; /* octets and entries of unsuccess_sme */
	uint8_t no_unsuccess;
	uint8_t unsuccess[SMPP_MAX_ENTRIES * UNSUCCESS_OCTETS];
	struct later *next;
};

struct carrier {
	struct world *world;
	struct carrier_options options;
	struct dice dice;
	struct far *fars;
	struct taken *all;
	struct later *laters;
	struct truth *truths; /* open addressing by msisdn */
	size_t truths_n, truths_room;
	uint64_t ids;
	uint32_t most_in_flight, most_in_all, complaints;
	struct speech *speeches;
	struct spoken spoken[SPOKEN_MAX];
	size_t n_spoken;
};

struct carrier *carrier_new(struct world *world, const struct carrier_options *options)
{
	struct carrier *carrier = calloc(1, sizeof(*carrier));
	carrier->world = world;
	carrier->options = *options;
	carrier->dice = dice_of(options->seed, "carrier");
	carrier->truths_room = 1 << 16;
	carrier->truths = calloc(carrier->truths_room, sizeof(*carrier->truths));
	carrier->ids = 0x1000;
	return carrier;
}

void carrier_free(struct carrier *carrier)
{
	while (carrier->fars) {
		struct far *far = carrier->fars;
		carrier->fars = far->next;
		far_end_release(&far->end);
		free(far);
	}
	while (carrier->all) {
		struct taken *taken = carrier->all;
		carrier->all = taken->next;
		free(taken);
	}
	while (carrier->laters) {
		struct later *later = carrier->laters;
		carrier->laters = later->next;
		free(later);
	}
	while (carrier->speeches) {
		struct speech *speech = carrier->speeches;
		carrier->speeches = speech->next;
		free(speech);
	}
	free(carrier->truths);
	free(carrier);
}

static struct truth *truth_of(const struct carrier *carrier, uint64_t msisdn)
{
	size_t at = (size_t)(msisdn * 0x9e3779b97f4a7c15u >> 40) & (carrier->truths_room - 1);
	while (carrier->truths[at].msisdn && carrier->truths[at].msisdn != msisdn)
		at = (at + 1) & (carrier->truths_room - 1);
	carrier->truths[at].msisdn = msisdn;
	return &carrier->truths[at];
}

const struct truth *carrier_truth(const struct carrier *carrier, uint64_t msisdn)
{
	return truth_of(carrier, msisdn);
}

uint32_t carrier_most_in_flight(const struct carrier *carrier)
{
	return carrier->most_in_flight;
}

uint32_t carrier_most_in_all(const struct carrier *carrier)
{
	return carrier->most_in_all;
}

const char *carrier_broken(const struct carrier *carrier)
{
	const char *broken = NULL;
	for (const struct far *far = carrier->fars; far && !broken; far = far->next)
		broken = watch_broken(far->end.watch);
	return broken;
}

size_t carrier_unanswered(const struct carrier *carrier)
{
	size_t n = 0;
	for (const struct far *far = carrier->fars; far; far = far->next)
		n += far->end.wire && wire_is_whole(far->end.wire) ? watch_open(far->end.watch) : 0;
	return n;
}

uint32_t carrier_complaints(const struct carrier *carrier)
{
	return carrier->complaints;
}

/* ---- deliveries ---- */

/* Any bound session will do; the one that took the submit is no better than the others. */
static struct far *some_bound(struct carrier *carrier)
{
	struct far *bound[64];
	size_t n = 0;
	for (struct far *far = carrier->fars; far && n < 64; far = far->next)
		if (far_end_is_bound(&far->end))
			bound[n++] = far;
	return n ? bound[dice_roll(&carrier->dice) % n] : NULL;
}

static void again(struct delivery *delivery, int64_t in_ms)
{
	struct world *world = delivery->carrier->world;
	world_later(world, world_now_ms(world) + in_ms, delivery->send, delivery, 0);
}

static void deliver(struct delivery *delivery, const struct smpp_pdu *pdu)
{
	struct far *far = some_bound(delivery->carrier);
	if (!far) {
		again(delivery, 500);
		return;
	}
	if (smpp_session_request(far->end.session, pdu, (uint64_t)(uintptr_t)delivery,
				 world_now_ms(delivery->carrier->world)) != SMPP_SESSION_OK)
		again(delivery, 300);
	far_end_flush(&far->end);
}

static void delivery_answered(struct delivery *delivery, uint32_t status)
{
	if (status)
		again(delivery, 700);
	else
		delivery->acked(delivery);
}

/* ---- receipts ---- */

static void send_receipt(struct world *world, void *arg, uint64_t number)
{
	struct taken *taken = arg;
	char text[160], dest[24];
	struct smpp_pdu pdu;
	(void)number;
	snprintf(text, sizeof(text),
		 "id:%010llu sub:001 dlvrd:001 submit date:2401021530 done date:2401021531 "
		 "stat:%s err:000 text:x",
		 (unsigned long long)taken->id, taken->failed ? "UNDELIV" : "DELIVRD");
	snprintf(dest, sizeof(dest), "%llu", (unsigned long long)taken->truth->msisdn);
	smpp_pdu_init(&pdu, SMPP_deliver_sm, 1);
	pdu.esm_class = 0x04;
	pdu.source_addr = smpp_octets_of(dest);
	pdu.destination_addr = smpp_octets_of("Shop");
	pdu.short_message = smpp_octets_of(text);
	*(taken->failed ? &taken->truth->failed_said : &taken->truth->delivered_said) = true;
	world_trace(world, "receipt", taken->id);
	deliver(&taken->receipt, &pdu);
}

static void receipt_acked(struct delivery *delivery)
{
	struct taken *taken = (void *)delivery;
	*(taken->failed ? &taken->truth->failed_acked : &taken->truth->delivered_acked) = true;
}

/* ---- messages to the daemon ---- */

void carrier_part(uint64_t number, uint32_t part, char out[CARRIER_PART_OCTETS])
{
	snprintf(out, CARRIER_PART_OCTETS, "%llu/%u ", (unsigned long long)number, part);
}

static void send_part(struct world *world, void *arg, uint64_t number)
{
	const struct speech *speech = arg;
	const struct spoken *whole = speech->whole;
	char text[CARRIER_PART_OCTETS];
	uint8_t octets[6 + CARRIER_PART_OCTETS] = { 5, 0, 3 };
	struct smpp_pdu pdu;
	(void)number;
	octets[3] = (uint8_t)whole->number;
	octets[4] = (uint8_t)whole->parts;
	octets[5] = (uint8_t)speech->part;
	carrier_part(whole->number, speech->part, text);
	size_t header = whole->parts > 1 ? 6 : 0;
	memcpy(octets + header, text, strlen(text));
	smpp_pdu_init(&pdu, SMPP_deliver_sm, 1);
	pdu.esm_class = header ? 0x40 : 0;
	pdu.source_addr = smpp_octets_of("31655500001");
	pdu.destination_addr = smpp_octets_of("1234");
	pdu.short_message = (struct smpp_octets){ octets, (uint32_t)(header + strlen(text)) };
	world_trace(world, "spoken", whole->number * 256 + speech->part);
	deliver(&((struct speech *)arg)->delivery, &pdu);
}

static void part_acked(struct delivery *delivery)
{
	struct speech *speech = (void *)delivery;
	speech->whole->acked += !speech->acked;
	speech->acked = true;
}

void carrier_speak(struct carrier *carrier)
{
	if (carrier->n_spoken == SPOKEN_MAX)
		return;
	struct spoken *whole = &carrier->spoken[carrier->n_spoken++];
	whole->number = carrier->n_spoken;
	whole->parts = (uint32_t)dice_between(&carrier->dice, 1, 4);
	for (uint32_t part = 1; part <= whole->parts; part++) {
		struct speech *speech = calloc(1, sizeof(*speech));
		speech->delivery = (struct delivery){ carrier, send_part, part_acked };
		speech->whole = whole;
		speech->part = part;
		speech->next = carrier->speeches;
		carrier->speeches = speech;
		again(&speech->delivery, dice_between(&carrier->dice, 0, 3000));
		if (dice_permille(&carrier->dice, carrier->options.doubled_permille))
			again(&speech->delivery, dice_between(&carrier->dice, 0, 6000));
	}
}

const struct spoken *carrier_spoken(const struct carrier *carrier, size_t i)
{
	return i < carrier->n_spoken ? &carrier->spoken[i] : NULL;
}

/* ---- submits ---- */

static void answer(struct far *far, uint32_t sequence_number, uint32_t status, uint64_t id)
{
	struct smpp_pdu pdu;
	char text[32] = "";
	smpp_pdu_init(&pdu, SMPP_submit_sm_resp, sequence_number);
	pdu.command_status = status;
	if (!status)
		snprintf(text, sizeof(text), far->carrier->options.hex_ids ? "%llX" : "%010llu",
			 (unsigned long long)id);
	else
		pdu.body_absent = true;
	pdu.message_id = smpp_octets_of(text);
	if (dice_permille(&far->carrier->dice, far->carrier->options.congested_permille) &&
	    smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_congestion_state,
				 (uint32_t)dice_between(&far->carrier->dice, 0, 100)) != SMPP_OK)
		abort();
	far_end_respond(&far->end, &pdu);
}

static void answer_taken(struct world *world, void *arg, uint64_t number)
{
	struct taken *taken = arg;
	(void)number;
	world_trace(world, "taken", taken->id);
	taken->far->in_flight -= !taken->late;
	if (taken->far->end.wire)
		answer(taken->far, taken->sequence_number, 0, taken->id);
}

static uint64_t number_of(struct smpp_octets digits)
{
	uint64_t number = 0;
	for (uint32_t i = 0; i < digits.n; i++)
		number = number * 10 + (uint64_t)(digits.at[i] - '0');
	return number;
}

static struct taken *take(struct far *far, struct truth *truth, uint32_t sequence_number)
{
	struct carrier *carrier = far->carrier;
	struct taken *taken = calloc(1, sizeof(*taken));
	taken->receipt = (struct delivery){ carrier, send_receipt, receipt_acked };
	taken->truth = truth;
	taken->far = far;
	taken->sequence_number = sequence_number;
	taken->id = carrier->ids++;
	taken->failed = dice_permille(&carrier->dice, carrier->options.failed_permille);
	taken->next = carrier->all;
	carrier->all = taken;
	return taken;
}

static void schedule_receipts(struct taken *taken, int64_t answer_ms)
{
	struct carrier *carrier = taken->receipt.carrier;
	struct world *world = carrier->world;
	const struct carrier_options *options = &carrier->options;
	int64_t at_ms = answer_ms + dice_between(&carrier->dice, 0, options->receipt_ms);
	if (dice_permille(&carrier->dice, options->lost_permille))
		return;
	if (dice_permille(&carrier->dice, options->early_permille))
		at_ms = world_now_ms(world);
	world_later(world, at_ms, send_receipt, taken, 0);
	if (dice_permille(&carrier->dice, options->doubled_permille))
		world_later(world, at_ms + dice_between(&carrier->dice, 0, 2000), send_receipt,
			    taken, 0);
}

/* On connections that the daemon still has. */
static uint32_t in_all(const struct carrier *carrier)
{
	uint32_t n = 0;
	for (const struct far *far = carrier->fars; far; far = far->next)
		n += far->end.wire && wire_is_whole(far->end.wire) ? far->in_flight : 0;
	return n;
}

static void expect_answer(struct taken *taken, int64_t at_ms)
{
	struct carrier *carrier = taken->receipt.carrier;
	if (!taken->late && ++taken->far->in_flight > carrier->most_in_flight)
		carrier->most_in_flight = taken->far->in_flight;
	if (in_all(carrier) > carrier->most_in_all)
		carrier->most_in_all = in_all(carrier);
	world_later(carrier->world, at_ms, answer_taken, taken, 0);
}

/* A number is written to once in a run: whatever comes to it is of one message. */
static void note_part(struct truth *truth, const struct smpp_pdu *pdu)
{
	struct smpp_concat_info info;
	smpp_concat_info(pdu, &info);
	if (truth->parts && (truth->parts != info.total || truth->reference != info.ref))
		truth->mixed = true;
	if (info.flags || pdu->registered_delivery != 1)
		truth->mixed = true;
	truth->parts = info.total;
	truth->reference = info.ref;
}

static void on_submit(struct far *far, const struct smpp_event *event)
{
	struct carrier *carrier = far->carrier;
	const struct carrier_options *options = &carrier->options;
	struct world *world = carrier->world;
	struct truth *truth = truth_of(carrier, number_of(event->pdu->destination_addr));
	truth->submits++;
	note_part(truth, event->pdu);
	world_trace(world, "submit", truth->msisdn);
	bool stormy = world_stormy(world);
	if (stormy && dice_permille(&carrier->dice, options->throttled_permille)) {
		truth->refused++;
		answer(far, event->sequence_number, 0x58, 0);
		return;
	}
	if (stormy && dice_permille(&carrier->dice, options->error_permille)) {
		truth->refused++;
		answer(far, event->sequence_number, 0x08, 0);
		return;
	}
	if (dice_permille(&carrier->dice, options->refused_permille)) {
		truth->refused++;
		truth->permanent = true;
		answer(far, event->sequence_number, 0x0B, 0);
		return;
	}
	truth->taken_or_silent++;
	struct taken *taken = take(far, truth, event->sequence_number);
	int64_t answer_ms =
		world_now_ms(world) + dice_between(&carrier->dice, 0, options->latency_ms);
	if (stormy && dice_permille(&carrier->dice, options->late_permille)) {
		taken->late = true;
		answer_ms += LATE_MS;
	}
	if (!stormy || !dice_permille(&carrier->dice, options->silent_permille))
		expect_answer(taken, answer_ms);
	schedule_receipts(taken, answer_ms);
	if (stormy && dice_permille(&carrier->dice, options->unbind_permille) &&
	    smpp_session_unbind(far->end.session, world_now_ms(world)) == SMPP_SESSION_OK)
		world_trace(world, "unbind", 0);
}

/* ---- submit_multi and query_sm ---- */

static struct later *answer_later(struct far *far, const struct smpp_event *event)
{
	struct carrier *carrier = far->carrier;
	struct later *later = calloc(1, sizeof(*later));
	later->far = far;
	later->sequence_number = event->sequence_number;
	later->next = carrier->laters;
	carrier->laters = later;
	return later;
}

static void respond(struct later *later, const struct smpp_pdu *pdu)
{
	struct far *far = later->far;
	far->in_flight -= !later->late;
	if (far->end.wire)
		far_end_respond(&far->end, pdu);
}

/* In its time, too late or never. */
static void plan_answer(struct later *later, world_fn *say)
{
	struct carrier *carrier = later->far->carrier;
	const struct carrier_options *options = &carrier->options;
	bool stormy = world_stormy(carrier->world);
	int64_t at_ms =
		world_now_ms(carrier->world) + dice_between(&carrier->dice, 0, options->latency_ms);
	later->late = stormy && dice_permille(&carrier->dice, options->late_permille);
	if (stormy && dice_permille(&carrier->dice, options->silent_permille))
		return;
	if (!later->late && ++later->far->in_flight > carrier->most_in_flight)
		carrier->most_in_flight = later->far->in_flight;
	if (in_all(carrier) > carrier->most_in_all)
		carrier->most_in_all = in_all(carrier);
	world_later(carrier->world, at_ms + (later->late ? LATE_MS : 0), say, later, 0);
}

static void answer_multi(struct world *world, void *arg, uint64_t number)
{
	struct later *later = arg;
	struct smpp_pdu pdu;
	char text[32];
	(void)number;
	world_trace(world, "taken", later->id);
	smpp_pdu_init(&pdu, SMPP_submit_multi_resp, later->sequence_number);
	snprintf(text, sizeof(text), later->far->carrier->options.hex_ids ? "%llX" : "%010llu",
		 (unsigned long long)later->id);
	pdu.message_id = smpp_octets_of(text);
	pdu.no_unsuccess = later->no_unsuccess;
	pdu.unsuccess_sme = (struct smpp_octets){ later->unsuccess, later->unsuccess_n };
	respond(later, &pdu);
}

static void refuse_destination(struct later *later, struct smpp_octets address, uint32_t status)
{
	uint8_t *free = later->unsuccess + later->unsuccess_n;
	struct smpp_writer writer = smpp_writer_of(free, UNSUCCESS_OCTETS);
	struct smpp_unsuccess one = { .destination_addr = address, .error_status_code = status };
	if (smpp_unsuccess_put(&writer, &one) != SMPP_OK)
		abort();
	later->unsuccess_n += smpp_writer_octets(&writer).n;
	later->no_unsuccess++;
}

static void on_destination(struct later *later, struct smpp_octets address,
			   const struct smpp_pdu *pdu)
{
	struct carrier *carrier = later->far->carrier;
	const struct carrier_options *options = &carrier->options;
	struct truth *truth = truth_of(carrier, number_of(address));
	truth->submits++;
	note_part(truth, pdu);
	world_trace(carrier->world, "submit", truth->msisdn);
	bool busy = world_stormy(carrier->world) &&
		    dice_permille(&carrier->dice, options->error_permille);
	if (busy || dice_permille(&carrier->dice, options->refused_permille)) {
		truth->refused++;
		truth->permanent = truth->permanent || !busy;
		refuse_destination(later, address, busy ? 0x08 : 0x0B);
		return;
	}
	truth->taken_or_silent++;
	struct taken *taken = take(later->far, truth, later->sequence_number);
	taken->id = later->id;
	schedule_receipts(taken, world_now_ms(carrier->world) + options->latency_ms);
}

static void refuse_multi(struct far *far, const struct smpp_event *event, uint32_t status)
{
	struct smpp_octets rest = event->pdu->dest_address;
	struct smpp_dest dest;
	struct smpp_pdu pdu;
	while (smpp_dest_next(&rest, &dest)) {
		struct truth *truth = truth_of(far->carrier, number_of(dest.destination_addr));
		truth->submits++;
		truth->refused++;
		note_part(truth, event->pdu);
	}
	smpp_pdu_init(&pdu, SMPP_submit_multi_resp, event->sequence_number);
	pdu.command_status = status;
	pdu.body_absent = true;
	far_end_respond(&far->end, &pdu);
}

static void on_submit_multi(struct far *far, const struct smpp_event *event)
{
	struct carrier *carrier = far->carrier;
	struct smpp_octets rest = event->pdu->dest_address;
	struct smpp_dest dest;
	if (world_stormy(carrier->world) &&
	    dice_permille(&carrier->dice, carrier->options.throttled_permille)) {
		refuse_multi(far, event, 0x58);
		return;
	}
	struct later *later = answer_later(far, event);
	later->id = carrier->ids++;
	while (smpp_dest_next(&rest, &dest))
		on_destination(later, dest.destination_addr, event->pdu);
	plan_answer(later, answer_multi);
}

/* What the receipt says, or said, or would have said. */
static void answer_query(struct world *world, void *arg, uint64_t number)
{
	struct later *later = arg;
	struct taken *taken = later->asked;
	struct smpp_pdu pdu;
	(void)number;
	world_trace(world, "query", taken ? taken->id : 0);
	smpp_pdu_init(&pdu, SMPP_query_sm_resp, later->sequence_number);
	pdu.command_status = taken ? 0 : (uint32_t)SMPP_ESME_RQUERYFAIL;
	pdu.body_absent = !taken;
	if (taken) {
		pdu.message_id = smpp_octets_of("0");
		pdu.message_state = taken->failed ? 5 : 2;
		*(taken->failed ? &taken->truth->failed_said : &taken->truth->delivered_said) =
			true;
	}
	respond(later, &pdu);
}

static void on_query(struct far *far, const struct smpp_event *event)
{
	struct later *later = answer_later(far, event);
	char text[32];
	for (struct taken *taken = far->carrier->all; taken; taken = taken->next) {
		snprintf(text, sizeof(text), far->carrier->options.hex_ids ? "%llX" : "%010llu",
			 (unsigned long long)taken->id);
		if (smpp_octets_equal(event->pdu->message_id, smpp_octets_of(text)))
			later->asked = taken;
	}
	if (later->asked && dice_permille(&far->carrier->dice, 300))
		later->asked = NULL; /* it forgets */
	plan_answer(later, answer_query);
}

/* ---- the session ---- */

static void on_event(struct far_end *end, const struct smpp_event *event)
{
	struct far *far = (void *)end;
	int64_t now_ms = world_now_ms(far->carrier->world);
	if (event->kind == SMPP_EVENT_BIND_REQUEST) {
		const struct carrier_options *options = &far->carrier->options;
		bool old = now_ms < options->old_until_ms &&
			   event->command_id == SMPP_bind_transceiver;
		if (smpp_session_bind_answer(far->end.session, old ? SMPP_ESME_RINVCMDID : 0, "sim",
					     options->sc_interface_version,
					     now_ms) != SMPP_SESSION_OK)
			far->carrier->complaints++;
	} else if (event->kind == SMPP_EVENT_REQUEST && event->command_id == SMPP_submit_sm) {
		on_submit(far, event);
	} else if (event->kind == SMPP_EVENT_REQUEST && event->command_id == SMPP_submit_multi) {
		on_submit_multi(far, event);
	} else if (event->kind == SMPP_EVENT_REQUEST && event->command_id == SMPP_query_sm) {
		on_query(far, event);
	} else if (event->kind == SMPP_EVENT_RESPONSE) {
		delivery_answered((struct delivery *)(uintptr_t)event->tag, event->command_status);
	} else if (event->kind == SMPP_EVENT_LOST || event->kind == SMPP_EVENT_UNSENT ||
		   event->kind == SMPP_EVENT_TIMEOUT) {
		again((struct delivery *)(uintptr_t)event->tag, 400);
	} else if (event->kind == SMPP_EVENT_PROBLEM || event->kind == SMPP_EVENT_REQUEST ||
		   event->kind == SMPP_EVENT_ORPHAN_RESPONSE) {
		far->carrier->complaints++;
	} else if (event->kind == SMPP_EVENT_CLOSE) {
		far_end_leave(end);
	}
}

static void on_stuck(struct far_end *end)
{
	((struct far *)end)->carrier->complaints++;
}

void carrier_accept(struct carrier *carrier, struct wire *wire)
{
	static const struct far_end_hooks hooks = { on_event, on_stuck };
	struct far *far = calloc(1, sizeof(*far));
	far->carrier = carrier;
	far->end =
		(struct far_end){ .world = carrier->world, .hooks = &hooks, .watch = watch_new() };
	far->next = carrier->fars;
	carrier->fars = far;
	far_end_accept(&far->end, wire);
}

void carrier_cut(struct carrier *carrier)
{
	for (struct far *far = carrier->fars; far; far = far->next)
		if (far->end.wire && dice_permille(&carrier->dice, 600))
			wire_cut(far->end.wire);
}
