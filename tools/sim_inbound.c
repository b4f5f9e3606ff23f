/* The messages of tools/sim_inbound.h. */
#include "tools/sim_inbound.h"

#include <stdlib.h>
#include <string.h>

#include "tools/sim_smsc.h"

/* The low half of their tags; no message has that index. The high half is the number. */
#define TAG_LOW 0xFFFFFFFEu

/* ---- addresses ---- */

static bool is_digits(const char *address)
{
	size_t n = strlen(address);

	return n > 0 && strspn(address, "0123456789") == n;
}

/* International for what is digits, a short code below six of them, else alphanumeric (5.2.5). */
static void set_type(const char *address, uint8_t *ton, uint8_t *npi)
{
	bool digits = is_digits(address);

	*ton = digits ? strlen(address) > 6 : 5;
	*npi = digits;
}

static void set_addresses(struct smpp_pdu *pdu, const struct sim_inbound_wish *wish)
{
	set_type(wish->from, &pdu->source_addr_ton, &pdu->source_addr_npi);
	set_type(wish->to, &pdu->dest_addr_ton, &pdu->dest_addr_npi);
	pdu->source_addr = smpp_octets_of(wish->from);
	pdu->destination_addr = smpp_octets_of(wish->to);
}

/* ---- texts ---- */

/* data_coding 0 is GSM 03.38 here. */
static const struct smpp_coding_map our_codings = { .of_zero = SMPP_ALPHABET_GSM7 };

/* Wire octets of the text. NULL: *out is to be freed by the caller. */
static const char *encode(const struct sim_inbound_wish *wish, enum smpp_alphabet *alphabet,
			  struct smpp_coding_buf *out)
{
	struct smpp_coding_policy policy = { .map = our_codings };
	struct smpp_coding_choice choice = { .alphabet = wish->alphabet };

	if (wish->auto_coding &&
	    smpp_coding_choose(wish->text, wish->text_n, &policy, &choice) != SMPP_CODING_OK)
		return "the text is not UTF-8";
	*alphabet = choice.alphabet;
	out->cap = SMPP_CODING_WIRE_MAX(wish->text_n) + 1;
	out->at = sim_grow(NULL, 0, out->cap);
	if (smpp_coding_from_utf8(*alphabet, wish->text, wish->text_n, out) == SMPP_CODING_OK)
		return NULL;
	free(out->at);
	out->at = NULL;
	return "the coding has not all characters of the text";
}

static bool add_sar(struct smpp_pdu *pdu, const struct smpp_concat_part *part)
{
	return smpp_pdu_tlv_add_int(pdu, SMPP_TLV_sar_msg_ref_num, part->ref) == SMPP_OK &&
	       smpp_pdu_tlv_add_int(pdu, SMPP_TLV_sar_total_segments, part->total) == SMPP_OK &&
	       smpp_pdu_tlv_add_int(pdu, SMPP_TLV_sar_segment_seqnum, part->seqnum) == SMPP_OK;
}

static const char *send_part(struct sim_smsc *smsc, struct sim_link *link,
			     const struct sim_inbound_wish *wish,
			     const struct smpp_concat_plan *plan, uint16_t i,
			     struct sim_inbound *inbound)
{
	uint8_t octets[SMPP_MAX_SHORT_MESSAGE];
	uint64_t tag = (uint64_t)inbound->number << 32 | TAG_LOW;
	struct smpp_concat_part part;
	struct smpp_pdu pdu;
	bool added = true;

	smpp_concat_part(plan, i, wish->reference, &part);
	smpp_pdu_init(&pdu, SMPP_deliver_sm, 0);
	set_addresses(&pdu, wish);
	pdu.esm_class = wish->esm_class | part.esm_class;
	smpp_coding_value(plan->alphabet, &our_codings, &pdu.data_coding);
	if (part.in_payload) {
		struct smpp_octets payload = { .at = part.at, .n = part.n };

		added = smpp_pdu_tlv_add(&pdu, SMPP_TLV_message_payload, payload) == SMPP_OK;
	} else {
		pdu.short_message.at = octets;
		pdu.short_message.n = smpp_concat_short_message(&part, octets);
	}
	if (part.sar)
		added = add_sar(&pdu, &part);
	if (!added || smpp_session_request(link->session, &pdu, tag, port_now_ms(smsc->port)) !=
			      SMPP_SESSION_OK)
		return "the link does not take it";
	inbound->sent++;
	return NULL;
}

/* ---- messages ---- */

const char *sim_inbound_send(struct sim_smsc *smsc, struct sim_link *link,
			     const struct sim_inbound_wish *wish, struct sim_inbound **inbound)
{
	struct smpp_coding_buf text = { 0 };
	struct smpp_concat_plan plan;
	enum smpp_alphabet alphabet;
	const char *why = encode(wish, &alphabet, &text);

	if (why != NULL)
		return why;
	*inbound = &smsc->inbound[smsc->inbound_count++ % SIM_INBOUND_KEPT];
	**inbound = (struct sim_inbound){ .number = smsc->inbound_count };
	if (smpp_concat_plan(alphabet, text.at, text.n, wish->method, &plan) != SMPP_CONCAT_OK)
		why = "the text is too long for that way of parting it";
	for (size_t i = 0; why == NULL && wish->order == NULL && i < plan.pdus; i++)
		why = send_part(smsc, link, wish, &plan, (uint16_t)i, *inbound);
	for (size_t i = 0; why == NULL && wish->order != NULL && i < wish->order_n; i++) {
		if (wish->order[i] == 0 || wish->order[i] > plan.pdus)
			why = "order names a part that there is not";
		else
			why = send_part(smsc, link, wish, &plan, wish->order[i] - 1, *inbound);
	}
	free(text.at);
	return why;
}

const struct sim_inbound *sim_inbound_find(const struct sim_smsc *smsc, uint32_t number)
{
	const struct sim_inbound *inbound = &smsc->inbound[(number - 1) % SIM_INBOUND_KEPT];

	return number != 0 && inbound->number == number ? inbound : NULL;
}

bool sim_inbound_verdict(struct sim_smsc *smsc, const struct smpp_event *event)
{
	uint32_t number = (uint32_t)(event->tag >> 32);
	struct sim_inbound *inbound = &smsc->inbound[(number - 1) % SIM_INBOUND_KEPT];

	if ((uint32_t)event->tag != TAG_LOW)
		return false;
	if (inbound->number != number || event->late)
		return true;
	if (event->kind != SMPP_EVENT_RESPONSE)
		inbound->unanswered++;
	else if (event->command_status == 0)
		inbound->acked++;
	else
		inbound->refused++;
	return true;
}
