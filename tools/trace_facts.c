/* See tools/trace_facts.h. */
#include "tools/trace_facts.h"

#include <string.h>

#include "core/json.h"

/* ---- values ---- */

static struct smpp_octets text_of(const struct json *line, const char *name)
{
	size_t n;
	const char *text = json_get_text(json_get(line, name), &n);

	return text && n <= UINT32_MAX ?
		       (struct smpp_octets){ (const uint8_t *)text, (uint32_t)n } :
		       (struct smpp_octets){ 0 };
}

/* `most` at most; `none` where it is not said. */
static int64_t number_of(const struct json *line, const char *name, int64_t most, int64_t none)
{
	int64_t number;

	if (!json_get_int(json_get(line, name), &number) || number < 0 || number > most)
		return none;
	return number;
}

static uint32_t u32_of(const struct json *line, const char *name)
{
	return (uint32_t)number_of(line, name, UINT32_MAX, 0);
}

/* Such a name as the tables know; NULL: none, or one that nobody knows. */
static const char *words_of(const struct json *line, const char *name)
{
	return json_get_text(json_get(line, name), NULL);
}

/* ---- kinds of lines ---- */

static bool read_pdu(const struct json *line, const char *name, struct trace_facts *facts)
{
	struct smpp_pdu *pdu = &facts->pdu;

	for (size_t i = 0; i < SMPP_N_COMMANDS; i++) {
		if (strcmp(smpp_commands[i].name, name) != 0)
			continue;
		smpp_pdu_init(pdu, smpp_commands[i].id, u32_of(line, "sequence_number"));
		pdu->command_status = u32_of(line, "command_status");
		pdu->source_addr = text_of(line, "source_addr");
		pdu->destination_addr = text_of(line, "destination_addr");
		pdu->message_id = text_of(line, "message_id");
		return true;
	}
	return false;
}

static bool read_receipt(const struct json *line, const char *state, struct trace_facts *facts)
{
	struct smpp_receipt *receipt = &facts->receipt;

	smpp_pdu_init(&facts->pdu, 0, 0);
	while (receipt->state < SMPP_STATES &&
	       strcmp(smpp_receipt_state_name(receipt->state), state) != 0)
		receipt->state++;
	if (receipt->state == SMPP_STATES)
		return false;
	receipt->kind = SMPP_RECEIPT_IS;
	receipt->ids[SMPP_RECEIPT_TEXT_ID] = text_of(line, "id");
	receipt->stat = text_of(line, "stat");
	receipt->err = text_of(line, "err");
	receipt->submit_date = text_of(line, "submit_date");
	receipt->done_date = text_of(line, "done_date");
	receipt->message_state = (uint8_t)number_of(line, "message_state", UINT8_MAX, 0);
	receipt->has_message_state = json_get(line, "message_state") != NULL;
	receipt->network_type = (uint8_t)number_of(line, "network_type", UINT8_MAX, 0);
	receipt->network_error = (uint16_t)number_of(line, "network_error_code", UINT16_MAX, 0);
	receipt->has_network_error_code = json_get(line, "network_error_code") != NULL;
	facts->rule = words_of(line, "rule");
	facts->rule_text = words_of(line, "rule_text");
	return true;
}

bool trace_facts_read(const struct json *line, struct trace_facts *facts, struct trace_pdu *pdu)
{
	const char *name = words_of(line, "pdu"), *receipt = words_of(line, "receipt");
	const char *given_up = words_of(line, "given_up");

	memset(facts, 0, sizeof(*facts));
	facts->part.seqnum = (uint8_t)number_of(line, "part", UINT8_MAX, 1);
	facts->part.total = (uint8_t)number_of(line, "parts", UINT8_MAX, 1);
	facts->mark = words_of(line, "mark");
	facts->attempt = u32_of(line, "attempt");
	facts->in_flight = u32_of(line, "in_flight");
	facts->queued = u32_of(line, "queued");
	facts->released_ms = number_of(line, "released_before_ms", UINT32_MAX, -1);
	facts->rtt_us = number_of(line, "rtt_ms", UINT32_MAX, -1);
	facts->rtt_us *= facts->rtt_us < 0 ? 1 : 1000;
	pdu->message = words_of(line, "msg");
	pdu->message = pdu->message ? pdu->message : "";
	pdu->note = given_up ? given_up : words_of(line, "note");
	pdu->facts = facts;
	pdu->framing = TRACE_WHOLE;
	pdu->kind = given_up ? TRACE_GIVEN_UP : pdu->note ? TRACE_NOTE : TRACE_PDU;
	if (given_up)
		smpp_pdu_init(&facts->pdu, SMPP_submit_sm, u32_of(line, "sequence_number"));
	if (pdu->kind != TRACE_PDU)
		return true;
	return name ? read_pdu(line, name, facts) : receipt && read_receipt(line, receipt, facts);
}
