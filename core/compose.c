/* Making the PDU of a submit. See compose.h. */
#include "core/compose.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- addresses (SMPP 3.4, 5.2.5, 5.2.6) ---- */

enum {
	TON_UNKNOWN = 0,
	TON_INTERNATIONAL = 1,
	TON_ALPHANUMERIC = 5,
	NPI_UNKNOWN = 0,
};

static bool numeric(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static void type_source(struct smpp_pdu *pdu, uint32_t ton, uint32_t npi)
{
	pdu->source_addr_ton = (uint8_t)ton;
	pdu->source_addr_npi = (uint8_t)npi;
}

/* The source as the provider wants it; the empty one is left to the carrier. */
static void put_source(const struct config_provider *provider, const struct store_order *order,
		       struct composed *out)
{
	const struct store_octets *source = &order->caller_id;
	const char *text = out->source;
	snprintf(out->source, sizeof(out->source), "%.*s", (int)source->n,
		 (const char *)source->at);
	if (!*text) {
		type_source(&out->pdu, TON_UNKNOWN, NPI_UNKNOWN);
	} else if (*text == '+' && numeric(text + 1)) {
		type_source(&out->pdu, TON_INTERNATIONAL, provider->source_npi);
		text++;
	} else if (!numeric(text)) {
		type_source(&out->pdu, TON_ALPHANUMERIC, NPI_UNKNOWN);
	} else if (strlen(text) <= provider->short_digits) {
		type_source(&out->pdu, provider->short_ton, provider->short_npi);
	} else {
		type_source(&out->pdu, provider->source_ton, provider->source_npi);
	}
	out->pdu.source_addr = smpp_octets_of(text);
}

/* The number as a destination has it; it stands in out. */
static struct smpp_octets write_dest(uint64_t msisdn, struct composed *out)
{
	int n = snprintf(out->dest, sizeof(out->dest), "%" PRIu64, msisdn);
	return (struct smpp_octets){ (const uint8_t *)out->dest, (uint32_t)n };
}

/* ---- the text and TLVs ---- */

/* A PDU has room for more TLVs than are ever added here. */
static void added(enum smpp_error err)
{
	assert(err == SMPP_OK);
}

/* The part as it was cut: behind its header, with its TLVs, or alone (SMPP 3.4, 5.3.2.22). */
static void put_part(const struct smpp_concat_part *part, struct composed *out)
{
	struct smpp_pdu *pdu = &out->pdu;
	pdu->esm_class = part->esm_class;
	if (part->in_payload) {
		added(smpp_pdu_tlv_add(pdu, SMPP_TLV_message_payload,
				       (struct smpp_octets){ part->at, part->n }));
		return;
	}
	pdu->short_message =
		(struct smpp_octets){ out->body, smpp_concat_short_message(part, out->body) };
	if (!part->sar)
		return;
	added(smpp_pdu_tlv_add_int(pdu, SMPP_TLV_sar_msg_ref_num, part->ref));
	added(smpp_pdu_tlv_add_int(pdu, SMPP_TLV_sar_total_segments, part->total));
	added(smpp_pdu_tlv_add_int(pdu, SMPP_TLV_sar_segment_seqnum, part->seqnum));
}

static void put_tlvs(const struct config_tlv *tlvs, size_t n, struct smpp_pdu *pdu)
{
	for (size_t i = 0; i < n; i++)
		if (!smpp_pdu_tlv(pdu, (uint16_t)tlvs[i].tag))
			added(smpp_pdu_tlv_add(pdu, (uint16_t)tlvs[i].tag,
					       (struct smpp_octets){ tlvs[i].value.at,
								     (uint32_t)tlvs[i].value.n }));
}

/* ---- the rest ---- */

/* SMPP 3.4, 5.2.17. */
static uint8_t registered_delivery(const struct config_provider *provider)
{
	static const uint8_t receipts[] = {
		[CONFIG_REGISTERED_FINAL] = 0x01,
		[CONFIG_REGISTERED_FAILURE] = 0x02,
		[CONFIG_REGISTERED_NONE] = 0x00,
	};
	return (uint8_t)(receipts[provider->registered_delivery] |
			 (provider->intermediate_receipts ? 0x10 : 0));
}

/* SMPP 3.4, 5.2.16; counted from this submit, whichever form it has. */
static void put_validity(const struct compose *what, struct composed *out)
{
	int64_t validity_ms = (int64_t)what->order->validity_ms;
	enum smpp_time_error err = SMPP_TIME_EMPTY;
	switch (what->route->provider->validity_period) {
	case CONFIG_VALIDITY_RELATIVE:
		err = smpp_time_relative((uint32_t)(validity_ms / 1000), out->validity);
		break;
	case CONFIG_VALIDITY_ABSOLUTE:
		err = smpp_time_absolute(what->at_ms + validity_ms, out->validity);
		break;
	case CONFIG_VALIDITY_NONE:
		break;
	}
	if (err == SMPP_TIME_OK)
		out->pdu.validity_period = smpp_octets_of(out->validity);
}

/* What every submit of the segment says, whatever carries its destinations. */
static void put_message(const struct compose *what, struct composed *out)
{
	const struct config_route *route = what->route;
	const struct config_provider *provider = route->provider;
	const struct smpp_concat_plan *plan = &what->content->plan;
	uint32_t references = smpp_concat_refs(plan->method);
	struct smpp_pdu *pdu = &out->pdu;
	struct smpp_concat_part part;
	smpp_concat_part(plan, what->segment,
			 (uint16_t)(references ? what->reference % references : 0), &part);
	put_source(provider, what->order, out);
	if (provider->service_type)
		pdu->service_type = smpp_octets_of(provider->service_type);
	pdu->protocol_id = (uint8_t)provider->protocol_id;
	pdu->priority_flag = provider->send_priority ? what->order->priority : 0;
	pdu->registered_delivery = registered_delivery(provider);
	pdu->data_coding = what->content->data_coding;
	put_validity(what, out);
	put_part(&part, out);
	put_tlvs(route->submit_tlvs, route->n_submit_tlvs, pdu);
	put_tlvs(provider->submit_tlvs, provider->n_submit_tlvs, pdu);
}

/* The destination, likewise. */
static void put_dest(const struct config_provider *provider, uint64_t msisdn, struct composed *out)
{
	out->pdu.dest_addr_ton = (uint8_t)provider->dest_ton;
	out->pdu.dest_addr_npi = (uint8_t)provider->dest_npi;
	out->pdu.destination_addr = write_dest(msisdn, out);
}

void compose_submit_sm(const struct compose *what, uint64_t msisdn, struct composed *out)
{
	smpp_pdu_init(&out->pdu, SMPP_submit_sm, 1);
	put_message(what, out);
	put_dest(what->route->provider, msisdn, out);
}

void compose_submit_multi(const struct compose *what, const uint64_t *msisdn, uint32_t n,
			  struct smpp_writer *dests, struct composed *out)
{
	const struct config_provider *provider = what->route->provider;
	struct smpp_pdu *pdu = &out->pdu;
	smpp_pdu_init(pdu, SMPP_submit_multi, 1);
	put_message(what, out);
	for (uint32_t i = 0; i < n; i++) {
		struct smpp_dest dest = { .dest_flag = SMPP_DEST_SME,
					  .dest_addr_ton = (uint8_t)provider->dest_ton,
					  .dest_addr_npi = (uint8_t)provider->dest_npi,
					  .destination_addr = write_dest(msisdn[i], out) };
		pdu->number_of_dests++;
		/* One that does not fit leaves the group shorter than its count: never encoded. */
		if (smpp_dest_put(dests, &dest) != SMPP_OK)
			break;
	}
	pdu->dest_address = smpp_writer_octets(dests);
}

void compose_about(const struct compose_about *about, struct composed *out)
{
	struct smpp_pdu *pdu = &out->pdu;
	smpp_pdu_init(pdu, about->command_id, 1);
	put_source(about->provider, about->order, out);
	pdu->message_id = about->message_id;
	if (about->command_id == SMPP_cancel_sm) {
		put_dest(about->provider, about->msisdn, out);
		if (about->provider->service_type) /* as the submit had it (4.9.1) */
			pdu->service_type = smpp_octets_of(about->provider->service_type);
	}
	if (about->command_id != SMPP_replace_sm)
		return;
	pdu->short_message = about->text;
	/* It replaces the submit's (4.10.1). */
	pdu->registered_delivery = registered_delivery(about->provider);
}
