/* Making the PDU of a submit. See compose.h. */
#include "core/compose.h"

#include <stdio.h>
#include <string.h>

static bool numeric(const char *text)
{
	return text[strspn(text, "0123456789")] == '\0';
}

/* The source as the provider wants it (SMPP 3.4, 5.2.5, 5.2.6). */
static void put_source(const struct config_provider *provider, const struct store_order *order,
		       struct composed *out)
{
	const struct store_octets *source = &order->caller_id;
	snprintf(out->source, sizeof(out->source), "%.*s", (int)source->n,
		 (const char *)source->at);
	bool digits = numeric(out->source);
	out->pdu.source_addr_ton = digits ? (uint8_t)provider->source_ton : 5;
	out->pdu.source_addr_npi = digits ? (uint8_t)provider->source_npi : 0;
	out->pdu.source_addr = smpp_octets_of(out->source);
}

/* What every submit of the segment says, whatever carries its destinations. */
static void put_message(const struct compose *what, struct composed *out)
{
	const struct store_order *order = what->order;
	struct smpp_pdu *pdu = &out->pdu;
	struct smpp_concat_part part;
	uint32_t references = smpp_concat_refs(what->plan->method);
	smpp_concat_part(what->plan, what->segment,
			 references ? (uint16_t)(what->reference % references) : 0, &part);
	put_source(what->provider, order, out);
	pdu->esm_class = part.esm_class;
	pdu->priority_flag = order->priority;
	pdu->registered_delivery = 1;
	pdu->data_coding = what->data_coding;
	if (smpp_time_relative((uint32_t)(order->validity_ms / 1000), out->validity) ==
	    SMPP_TIME_OK)
		pdu->validity_period = smpp_octets_of(out->validity);
	pdu->short_message =
		(struct smpp_octets){ out->body, smpp_concat_short_message(&part, out->body) };
}

/* The destination, likewise. */
static void put_dest(const struct config_provider *provider, uint64_t msisdn, struct composed *out)
{
	snprintf(out->dest, sizeof(out->dest), "%llu", (unsigned long long)msisdn);
	out->pdu.dest_addr_ton = (uint8_t)provider->dest_ton;
	out->pdu.dest_addr_npi = (uint8_t)provider->dest_npi;
	out->pdu.destination_addr = smpp_octets_of(out->dest);
}

void compose_submit_sm(const struct compose *what, uint64_t msisdn, struct composed *out)
{
	smpp_pdu_init(&out->pdu, SMPP_submit_sm, 1);
	put_message(what, out);
	put_dest(what->provider, msisdn, out);
}

void compose_about(const struct compose_about *about, struct composed *out)
{
	struct smpp_pdu *pdu = &out->pdu;
	smpp_pdu_init(pdu, about->command_id, 1);
	put_source(about->provider, about->order, out);
	pdu->message_id = about->message_id;
	if (about->command_id == SMPP_cancel_sm)
		put_dest(about->provider, about->msisdn, out);
	if (about->command_id != SMPP_replace_sm)
		return;
	pdu->short_message = about->text;
	pdu->registered_delivery =
		1; /* it replaces the submit's, which asked for a receipt (4.10.1) */
}
