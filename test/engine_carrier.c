/* The carriers of test_engine*.c: they answer what and when the test says. See engine_world.h. */
#include "test/engine_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "smpp/concat.h"
#include "smpp/octets.h"
#include "smpp/session.h"
#include "test/sim/far_end.h"

/* A connection from the daemon; lives as long as the carrier. */
struct far {
	struct far_end end; /* first */
	struct carrier *carrier;
	uint32_t bind_id;
	uint32_t in_flight;
	struct far *next;
};

/* A transmitter takes no receipts (SMPP 3.4, Table 2-1). */
static struct far *newest_bound(const struct carrier *carrier)
{
	struct far *far = carrier->fars;
	while (far && (!far_end_is_bound(&far->end) || far->bind_id == SMPP_bind_transmitter))
		far = far->next;
	return far;
}

size_t carrier_connected(const struct carrier *carrier)
{
	size_t n = 0;
	for (const struct far *far = carrier->fars; far; far = far->next)
		n += far->end.wire != NULL;
	return n;
}

size_t carrier_bound(const struct carrier *carrier)
{
	size_t n = 0;
	for (const struct far *far = carrier->fars; far; far = far->next)
		n += far_end_is_bound(&far->end);
	return n;
}

static void answer(struct carrier *carrier, size_t i, uint32_t command_id, uint32_t status,
		   const char *id)
{
	struct smpp_pdu pdu;
	assert_true(i < carrier->n);
	struct seen *seen = &carrier->seen[i];
	if (!seen->answered) {
		seen->far->in_flight--;
		carrier->in_flight--;
	}
	seen->answered = true;
	smpp_pdu_init(&pdu, command_id, seen->sequence_number);
	pdu.command_status = status;
	pdu.body_absent = status != 0 && !*id;
	pdu.message_id = smpp_octets_of(id);
	if (carrier->congestion_state)
		assert_int_equal(smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_congestion_state,
						      carrier->congestion_state),
				 SMPP_OK);
	far_end_respond(&seen->far->end, &pdu);
}

void carrier_ok(struct carrier *carrier, size_t i, const char *id)
{
	answer(carrier, i, SMPP_submit_sm_resp, 0, id);
}

void carrier_refuse(struct carrier *carrier, size_t i, uint32_t status)
{
	answer(carrier, i, SMPP_submit_sm_resp, status, "");
}

void carrier_refuse_naming(struct carrier *carrier, size_t i, uint32_t status, const char *id)
{
	answer(carrier, i, SMPP_submit_sm_resp, status, id);
}

void carrier_nack(struct carrier *carrier, size_t i, uint32_t status)
{
	answer(carrier, i, SMPP_generic_nack, status, "");
}

static void answer_crowd(struct carrier *carrier, size_t i, const struct smpp_pdu *pdu)
{
	struct far *far = carrier->crowds[i].far;
	assert_true(i < carrier->n_crowds);
	far->in_flight--;
	far_end_respond(&far->end, pdu);
}

void carrier_crowd(struct carrier *carrier, size_t i, const char *id,
		   const struct refusal *refusals, size_t n)
{
	const struct crowd *crowd = &carrier->crowds[i];
	uint8_t octets[254 * 27];
	struct smpp_writer writer = smpp_writer_of(octets, sizeof(octets));
	struct smpp_pdu pdu;
	char digits[24];
	smpp_pdu_init(&pdu, SMPP_submit_multi_resp, crowd->sequence_number);
	pdu.message_id = smpp_octets_of(id);
	for (size_t k = 0; k < n; k++) {
		snprintf(digits, sizeof(digits), "%llu",
			 (unsigned long long)crowd->msisdn[refusals[k].place]);
		struct smpp_unsuccess one = { .dest_addr_ton = 1,
					      .dest_addr_npi = 1,
					      .destination_addr = smpp_octets_of(
						      refusals[k].address ? refusals[k].address :
									    digits),
					      .error_status_code = refusals[k].status };
		assert_int_equal(smpp_unsuccess_put(&writer, &one), SMPP_OK);
	}
	pdu.no_unsuccess = (uint8_t)n;
	pdu.unsuccess_sme = smpp_writer_octets(&writer);
	answer_crowd(carrier, i, &pdu);
}

void carrier_crowd_refuse(struct carrier *carrier, size_t i, uint32_t command_id, uint32_t status)
{
	struct smpp_pdu pdu;
	smpp_pdu_init(&pdu, command_id, carrier->crowds[i].sequence_number);
	pdu.command_status = status;
	pdu.body_absent = command_id != SMPP_generic_nack;
	answer_crowd(carrier, i, &pdu);
}

static void reply(struct carrier *carrier, size_t i, struct smpp_pdu *pdu)
{
	assert_true(i < carrier->n_heard);
	far_end_respond(&carrier->heard[i].far->end, pdu);
}

void carrier_reply(struct carrier *carrier, size_t i, uint32_t status)
{
	struct smpp_pdu pdu;
	smpp_pdu_init(&pdu, carrier->heard[i].command_id | SMPP_RESP_BIT,
		      carrier->heard[i].sequence_number);
	pdu.command_status = status;
	pdu.body_absent = status && carrier->heard[i].command_id == SMPP_query_sm;
	reply(carrier, i, &pdu);
}

void carrier_reply_state(struct carrier *carrier, size_t i, uint8_t state, const char *date)
{
	struct smpp_pdu pdu;
	smpp_pdu_init(&pdu, SMPP_query_sm_resp, carrier->heard[i].sequence_number);
	pdu.message_id = smpp_octets_of(carrier->heard[i].message_id);
	pdu.message_state = state;
	pdu.final_date = smpp_octets_of(date);
	reply(carrier, i, &pdu);
}

void carrier_ok_all(struct carrier *carrier)
{
	char id[24];
	for (size_t i = 0; i < carrier->n; i++) {
		if (carrier->seen[i].answered)
			continue;
		snprintf(id, sizeof(id), "%zu", i + 1);
		carrier_ok(carrier, i, id);
	}
}

bool carrier_says(struct carrier *carrier, const struct said *said)
{
	char text[200], from[24];
	struct smpp_pdu pdu;
	struct far *far = newest_bound(carrier);
	if (!far)
		return false;
	uint64_t number = said->from ? said->from : FIRST_NUMBER;
	snprintf(text, sizeof(text),
		 "id:%s sub:001 dlvrd:001 submit date:%s done date:%s stat:%s err:000 text:%s",
		 said->id, said->submitted ? said->submitted : "2401021530",
		 said->done ? said->done : "2401021531", said->stat, said->text ? said->text : "x");
	snprintf(from, sizeof(from), "%llu", (unsigned long long)number);
	smpp_pdu_init(&pdu, SMPP_deliver_sm, 1);
	pdu.esm_class = said->esm_class ? said->esm_class : 0x04;
	pdu.source_addr = smpp_octets_of(said->source ? said->source : from);
	pdu.destination_addr = smpp_octets_of(said->to ? said->to : "Shop");
	pdu.short_message = smpp_octets_of(text);
	if (said->tlv_id) {
		struct smpp_octets id = smpp_octets_of(said->tlv_id);
		id.n++; /* its NUL */
		assert_int_equal(smpp_pdu_tlv_add(&pdu, SMPP_TLV_receipted_message_id, id),
				 SMPP_OK);
	}
	if (said->tlv_state)
		assert_int_equal(
			smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_message_state, said->tlv_state),
			SMPP_OK);
	assert_int_equal(
		smpp_session_request(far->end.session, &pdu, 1, world_now_ms(carrier->world)),
		SMPP_SESSION_OK);
	far_end_flush(&far->end);
	return true;
}

bool carrier_receipt(struct carrier *carrier, const char *id, const char *stat)
{
	return carrier_says(carrier, &(struct said){ .id = id, .stat = stat });
}

void carrier_cork(struct carrier *carrier, bool corked)
{
	for (struct far *far = carrier->fars; far; far = far->next) {
		far->end.corked = corked;
		far_end_flush(&far->end);
	}
}

void carrier_cut(struct carrier *carrier)
{
	for (struct far *far = carrier->fars; far; far = far->next)
		if (far->end.wire)
			wire_cut(far->end.wire);
}

void carrier_leave(struct carrier *carrier)
{
	for (struct far *far = carrier->fars; far; far = far->next)
		far_end_leave(&far->end);
}

bool carrier_raw(struct carrier *carrier, const uint8_t *octets, size_t n)
{
	struct far *far = newest_bound(carrier);
	if (!far)
		return false;
	carrier->raws++;
	wire_send(far->end.wire, false, octets, n);
	return true;
}

void carrier_freeze(struct carrier *carrier)
{
	for (struct far *far = carrier->fars; far; far = far->next)
		if (far->end.wire)
			wire_freeze(far->end.wire);
}

void carrier_unbind(struct carrier *carrier)
{
	for (struct far *far = carrier->fars; far; far = far->next) {
		if (!far_end_is_bound(&far->end))
			continue;
		assert_int_equal(
			smpp_session_unbind(far->end.session, world_now_ms(carrier->world)),
			SMPP_SESSION_OK);
		far_end_flush(&far->end);
	}
}

static uint64_t number_of(struct smpp_octets digits)
{
	uint64_t number = 0;
	for (uint32_t i = 0; i < digits.n; i++)
		number = number * 10 + (uint64_t)(digits.at[i] - '0');
	return number;
}

static void on_submit(struct far *far, const struct smpp_event *event)
{
	struct carrier *carrier = far->carrier;
	const struct smpp_pdu *pdu = event->pdu;
	assert_true(carrier->n < CARRIER_SUBMITS);
	struct seen *seen = &carrier->seen[carrier->n++];
	*seen = (struct seen){ .msisdn = number_of(pdu->destination_addr),
			       .at_ms = event->at_ms,
			       .sequence_number = event->sequence_number,
			       .far = far };
	struct smpp_concat_info info;
	smpp_concat_info(pdu, &info);
	seen->payload = smpp_pdu_tlv(pdu, SMPP_TLV_message_payload) != NULL;
	if (info.method != SMPP_CONCAT_NONE) {
		seen->part = info.seqnum;
		seen->parts = info.total;
		seen->reference = info.ref;
	}
	if (++far->in_flight > carrier->in_flight_most)
		carrier->in_flight_most = far->in_flight;
	if (++carrier->in_flight > carrier->all_in_flight_most)
		carrier->all_in_flight_most = carrier->in_flight;
	if (carrier->obliging) {
		char id[24];
		snprintf(id, sizeof(id), "%llu", (unsigned long long)++carrier->ids);
		carrier_ok(carrier, carrier->n - 1, id);
	}
}

static void on_submit_multi(struct far *far, const struct smpp_event *event)
{
	struct carrier *carrier = far->carrier;
	struct smpp_octets rest = event->pdu->dest_address;
	struct smpp_dest dest;
	assert_true(carrier->n_crowds < CARRIER_CROWDS);
	struct crowd *crowd = &carrier->crowds[carrier->n_crowds++];
	*crowd = (struct crowd){ .sequence_number = event->sequence_number, .far = far };
	while (smpp_dest_next(&rest, &dest)) {
		assert_int_equal(dest.dest_flag, SMPP_DEST_SME);
		crowd->msisdn[crowd->n++] = number_of(dest.destination_addr);
	}
	assert_int_equal(crowd->n, event->pdu->number_of_dests);
	if (++far->in_flight > carrier->in_flight_most)
		carrier->in_flight_most = far->in_flight;
}

static void copy(char *out, size_t size, struct smpp_octets octets)
{
	snprintf(out, size, "%.*s", (int)octets.n, (const char *)octets.at);
}

/* A request about a message that it has; false: it is none. */
static bool on_verb(struct far *far, const struct smpp_event *event)
{
	struct carrier *carrier = far->carrier;
	const struct smpp_pdu *pdu = event->pdu;
	if (event->kind != SMPP_EVENT_REQUEST ||
	    (event->command_id != SMPP_query_sm && event->command_id != SMPP_cancel_sm &&
	     event->command_id != SMPP_replace_sm))
		return false;
	assert_true(carrier->n_heard < CARRIER_HEARD);
	struct heard *heard = &carrier->heard[carrier->n_heard++];
	*heard = (struct heard){ .command_id = event->command_id,
				 .sequence_number = event->sequence_number,
				 .far = far,
				 .source_ton = pdu->source_addr_ton,
				 .registered_delivery = pdu->registered_delivery };
	copy(heard->message_id, sizeof(heard->message_id), pdu->message_id);
	copy(heard->source, sizeof(heard->source), pdu->source_addr);
	copy(heard->dest, sizeof(heard->dest), pdu->destination_addr);
	copy(heard->text, sizeof(heard->text), pdu->short_message);
	return true;
}

static void on_receipt_answer(struct carrier *carrier, uint32_t status)
{
	if (!status) {
		carrier->acked++;
		return;
	}
	carrier->refused++;
	carrier->refused_status = status;
}

static void nack(struct far *far, uint32_t status, uint32_t sequence_number)
{
	uint8_t octets[16];
	struct smpp_writer out = smpp_writer_of(octets, sizeof(octets));
	smpp_write_u32(&out, sizeof(octets));
	smpp_write_u32(&out, SMPP_generic_nack);
	smpp_write_u32(&out, status);
	smpp_write_u32(&out, sequence_number);
	wire_send(far->end.wire, false, octets, sizeof(octets));
}

static void on_bind(struct far *far, const struct smpp_event *event)
{
	struct carrier *carrier = far->carrier;
	int64_t now_ms = world_now_ms(carrier->world);
	uint32_t status = carrier->bind_status;
	far->bind_id = event->command_id;
	carrier->interface_version = event->pdu->interface_version;
	if (carrier->binds < CARRIER_BINDS) {
		carrier->bound[carrier->binds].command_id = event->command_id;
		carrier->bound[carrier->binds].at_ms = now_ms;
	}
	carrier->binds++;
	if (carrier->mute)
		return;
	if (event->command_id == SMPP_bind_transceiver && carrier->transceiver_status) {
		status = carrier->transceiver_status;
		if (carrier->nacks_transceiver) {
			nack(far, status, event->sequence_number);
			return;
		}
	}
	if (event->command_id == SMPP_bind_receiver && carrier->receiver_status)
		status = carrier->receiver_status;
	assert_int_equal(smpp_session_bind_answer(far->end.session, status, "carrier",
						  carrier->sc_interface_version, now_ms),
			 SMPP_SESSION_OK);
	if (!status && carrier->behind_bind)
		carrier_receipt(carrier, carrier->behind_bind, "DELIVRD");
}

static void on_event(struct far_end *end, const struct smpp_event *event)
{
	struct far *far = (void *)end;
	struct carrier *carrier = far->carrier;
	if (on_verb(far, event))
		return;
	if (event->kind == SMPP_EVENT_BIND_REQUEST) {
		on_bind(far, event);
	} else if (event->kind == SMPP_EVENT_REQUEST && event->command_id == SMPP_submit_sm) {
		on_submit(far, event);
	} else if (event->kind == SMPP_EVENT_REQUEST && event->command_id == SMPP_submit_multi) {
		on_submit_multi(far, event);
	} else if (event->kind == SMPP_EVENT_RESPONSE) {
		on_receipt_answer(carrier, event->command_status);
	} else if (event->kind == SMPP_EVENT_LOST || event->kind == SMPP_EVENT_UNSENT ||
		   event->kind == SMPP_EVENT_TIMEOUT) {
		carrier->lost++;
	} else if (event->kind == SMPP_EVENT_ORPHAN_RESPONSE &&
		   carrier->raw_answers < carrier->raws) {
		if (carrier->raw_answers < 8)
			carrier->raw_sequences[carrier->raw_answers] = event->sequence_number;
		carrier->raw_answers++;
		carrier->raw_status = event->command_status;
		carrier->raw_last_n = event->octets_n;
		memcpy(carrier->raw_last, event->octets,
		       event->octets_n < 64 ? event->octets_n : 64);
	} else if (event->kind == SMPP_EVENT_PROBLEM || event->kind == SMPP_EVENT_REQUEST ||
		   event->kind == SMPP_EVENT_ORPHAN_RESPONSE) {
		carrier->complaints++;
	} else if (event->kind == SMPP_EVENT_CLOSE) {
		far_end_leave(end);
	}
}

static void on_stuck(struct far_end *end)
{
	(void)end;
	fail_msg("the carrier's session does not go on");
}

/* sim_port.c calls it when the daemon connects. */
void carrier_accept(struct carrier *carrier, struct wire *wire)
{
	static const struct far_end_hooks hooks = { on_event, on_stuck };
	struct far *far = calloc(1, sizeof(*far));
	far->carrier = carrier;
	far->end = (struct far_end){ .world = carrier->world,
				     .hooks = &hooks,
				     .system_id = carrier->outbind_system_id,
				     .password = carrier->outbind_password };
	far->next = carrier->fars;
	carrier->fars = far;
	far_end_accept(&far->end, wire);
	if (carrier->opening.n)
		wire_send(far->end.wire, false, carrier->opening.at, carrier->opening.n);
}

void carrier_free(struct carrier *carrier)
{
	while (carrier->fars) {
		struct far *far = carrier->fars;
		carrier->fars = far->next;
		far_end_release(&far->end);
		free(far);
	}
	free(carrier);
}
