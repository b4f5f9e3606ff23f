/* Ids and receipts of tools/sim_receipt.h. */
#include "tools/sim_receipt.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/outcome.h"

uint32_t sim_id_text(uint64_t id, struct sim_id_form form, char out[SIM_ID_TEXT_OCTETS])
{
	const char *digits = form.upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char reversed[SIM_ID_WIDTH_MAX];
	uint32_t n = 0;

	do {
		reversed[n++] = digits[id % form.base];
		id /= form.base;
	} while (id != 0);
	while (n < form.width)
		reversed[n++] = '0';
	for (uint32_t i = 0; i < n; i++)
		out[i] = reversed[n - 1 - i];
	out[n] = '\0';
	return n;
}

const char *sim_receipt_word(uint8_t message_state)
{
	static const char *const words[] = {
		[1] = "ENROUTE", [2] = "DELIVRD", [3] = "EXPIRED", [4] = "DELETED",
		[5] = "UNDELIV", [6] = "ACCEPTD", [7] = "UNKNOWN", [8] = "REJECTD",
	};

	if (message_state == 0 || message_state >= sizeof(words) / sizeof(words[0]))
		return "UNKNOWN";
	return words[message_state];
}

/* YYMMDDhhmm, as Appendix B has it; the zone is UTC. */
static void date(int64_t wall_ms, char out[16])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts = { 0 };

	gmtime_r(&seconds, &parts);
	snprintf(out, 16, "%02u%02u%02u%02u%02u", (unsigned int)parts.tm_year % 100u,
		 (unsigned int)(parts.tm_mon + 1) % 100u, (unsigned int)parts.tm_mday % 100u,
		 (unsigned int)parts.tm_hour % 100u, (unsigned int)parts.tm_min % 100u);
}

static void add_tlvs(struct sim_receipt *receipt, const struct sim_message *message, uint32_t id_n)
{
	struct smpp_octets id = { .at = (const uint8_t *)receipt->id, .n = id_n + 1 };

	/* An empty PDU has room for two. */
	if (smpp_pdu_tlv_add(&receipt->pdu, SMPP_TLV_receipted_message_id, id) != SMPP_OK ||
	    smpp_pdu_tlv_add_int(&receipt->pdu, SMPP_TLV_message_state, message->message_state) !=
		    SMPP_OK)
		receipt->pdu.n_tlvs = 0;
}

void sim_receipt_make(struct sim_receipt *receipt, const struct sim_message *message,
		      struct sim_id_form form, bool tlvs, int64_t done_wall_ms)
{
	struct smpp_pdu *pdu = &receipt->pdu;
	uint32_t id_n = sim_id_text(message->id, form, receipt->id);
	char submitted[16], done[16];

	date(message->taken_wall_ms, submitted);
	date(done_wall_ms, done);
	snprintf(receipt->text, sizeof(receipt->text),
		 "id:%s sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:%s text:%.*s",
		 receipt->id, message->message_state == 2 ? "001" : "000", submitted, done,
		 sim_receipt_word(message->message_state),
		 outcome_kind_err((enum outcome_kind)message->kind), (int)message->text_n,
		 message->text);

	smpp_pdu_init(pdu, SMPP_deliver_sm, 0);
	/* A receipt travels the other way: it comes from where the message went (4.6). */
	pdu->source_addr_ton = message->dest_ton;
	pdu->source_addr_npi = message->dest_npi;
	pdu->source_addr = smpp_octets_of(message->destination);
	pdu->dest_addr_ton = message->source_ton;
	pdu->dest_addr_npi = message->source_npi;
	pdu->destination_addr = smpp_octets_of(message->source);
	pdu->esm_class = 0x04; /* 5.2.12: SMSC delivery receipt */
	pdu->short_message = smpp_octets_of(receipt->text);
	if (tlvs)
		add_tlvs(receipt, message, id_n);
}
