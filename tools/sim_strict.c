/* The rules of tools/sim_strict.h. */
#include "tools/sim_strict.h"

#include <stdio.h>
#include <string.h>

#include "smpp/concat.h"
#include "smpp/time.h"
#include "tools/sim_smsc.h"

/* Lines on standard error; the log and the statistics have all of them. */
#define LINES_MAX 100u

/* A breach: what, in which field, after which section. */
struct breach {
	const char *text;
	const char *field;
	const char *section;
};

static void tell(struct sim_smsc *smsc, const struct sim_link *link, const struct smpp_event *event,
		 const struct breach *breach)
{
	const struct smpp_command *command = smpp_command(event->command_id);
	const char *name = command == NULL ? "unknown command" : command->name;
	struct json_writer writer;

	if (smsc->stats.breaches++ < LINES_MAX)
		fprintf(stderr, "smsc-sim: strict: link %u: %s %u: %s: %s (SMPP 3.4, %s)\n",
			link->number, name, event->sequence_number, breach->field, breach->text,
			breach->section);
	if (!sim_log_wanted(smsc->log))
		return;
	writer = sim_log_begin(smsc->log, "breach", event->at_ms);
	json_add_uint(&writer, "link", link->number);
	json_add_text(&writer, "command", name);
	json_add_uint(&writer, "sequence", event->sequence_number);
	json_add_text(&writer, "field", breach->field);
	json_add_text(&writer, "text", breach->text);
	json_add_text(&writer, "section", breach->section);
	sim_log_end(smsc->log, &writer);
}

/* ---- what the codec found ---- */

static const char *section_of(const char *field)
{
	for (size_t i = 0; i < SMPP_N_TLV_ROWS; i++)
		if (strcmp(smpp_tlv_rows[i].name, field) == 0)
			return smpp_tlv_rows[i].section;
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++)
		for (const struct smpp_place *p = smpp_commands[i].places; p->param != NULL; p++)
			if (strcmp(p->param->name, field) == 0)
				return p->param->section;
	return "3.2";
}

static void judge_flaws(struct sim_smsc *smsc, const struct sim_link *link,
			const struct smpp_event *event)
{
	const struct smpp_pdu *pdu = event->pdu;

	for (uint32_t i = 0; i < pdu->n_flaws; i++) {
		struct breach breach = { .text = smpp_flaw_text(pdu->flaws[i].kind),
					 .field = pdu->flaws[i].field,
					 .section = section_of(pdu->flaws[i].field) };

		tell(smsc, link, event, &breach);
	}
	if (event->kind == SMPP_EVENT_PROBLEM || event->unparsed) {
		struct breach breach = { .text = event->problem.text,
					 .field = event->problem.field,
					 .section = event->problem.section };

		tell(smsc, link, event, &breach);
	}
}

/* ---- what a request says ---- */

static bool bad_time(struct smpp_octets time)
{
	struct smpp_time parsed;
	enum smpp_time_error error = smpp_time_parse((const char *)time.at, time.n, &parsed);

	/* Of another length it is a flaw already. */
	return error != SMPP_TIME_OK && error != SMPP_TIME_EMPTY && error != SMPP_TIME_LENGTH;
}

static bool bad_schedule(const struct smpp_pdu *pdu)
{
	return bad_time(pdu->schedule_delivery_time);
}

static bool bad_validity(const struct smpp_pdu *pdu)
{
	return bad_time(pdu->validity_period);
}

/* Bits 5-2: default, the two acknowledgements of a handset. */
static bool bad_esm_class(const struct smpp_pdu *pdu)
{
	uint8_t type = pdu->esm_class & 0x3C;

	return type != 0 && type != 0x08 && type != 0x10;
}

static bool bad_registered_delivery(const struct smpp_pdu *pdu)
{
	return (pdu->registered_delivery & 0x03) == 0x03 || pdu->registered_delivery > 0x1F;
}

static bool bad_priority(const struct smpp_pdu *pdu)
{
	return pdu->priority_flag > 3;
}

static bool bad_replace(const struct smpp_pdu *pdu)
{
	return pdu->replace_if_present_flag > 1;
}

static bool bad_ton(const struct smpp_pdu *pdu)
{
	return pdu->source_addr_ton > 6 || pdu->dest_addr_ton > 6;
}

static bool bad_npi_of(uint8_t npi)
{
	static const uint8_t known[] = { 0, 1, 3, 4, 6, 8, 9, 10, 14, 18 };

	return memchr(known, npi, sizeof(known)) == NULL;
}

static bool bad_npi(const struct smpp_pdu *pdu)
{
	return bad_npi_of(pdu->source_addr_npi) || bad_npi_of(pdu->dest_addr_npi);
}

/* An alphanumeric sender is at most 11 characters of the default alphabet. */
static bool bad_alphanumeric(const struct smpp_pdu *pdu)
{
	return pdu->source_addr_ton == 5 && pdu->source_addr.n > 11;
}

static bool no_destination(const struct smpp_pdu *pdu)
{
	return pdu->command_id != SMPP_submit_multi && pdu->destination_addr.n == 0;
}

static bool bad_header(const struct smpp_pdu *pdu)
{
	struct smpp_concat_info info;

	smpp_concat_info(pdu, &info);
	return (info.flags & ~(unsigned)SMPP_CONCAT_SAR_PARTIAL) != 0 ||
	       ((pdu->esm_class & 0x40) != 0 && info.udh.n == 0);
}

static bool has_sar(const struct smpp_pdu *pdu)
{
	return smpp_pdu_tlv(pdu, SMPP_TLV_sar_msg_ref_num) != NULL ||
	       smpp_pdu_tlv(pdu, SMPP_TLV_sar_total_segments) != NULL ||
	       smpp_pdu_tlv(pdu, SMPP_TLV_sar_segment_seqnum) != NULL;
}

static bool two_segmentations(const struct smpp_pdu *pdu)
{
	return (pdu->esm_class & 0x40) != 0 && has_sar(pdu);
}

static bool bad_sar(const struct smpp_pdu *pdu)
{
	struct smpp_concat_info info;

	smpp_concat_info(pdu, &info);
	return has_sar(pdu) && (info.flags & SMPP_CONCAT_SAR_PARTIAL) != 0;
}

static bool odd_ucs2(const struct smpp_pdu *pdu)
{
	struct smpp_concat_info info;

	smpp_concat_info(pdu, &info);
	return pdu->data_coding == 8 && info.body.n % 2 != 0;
}

/* What a submit may not say; replace_sm shares the times. */
static const struct rule {
	bool (*breaks)(const struct smpp_pdu *pdu);
	struct breach breach;
} submit_rules[] = {
	{ bad_schedule, { "is no time", "schedule_delivery_time", "7.1.1" } },
	{ bad_validity, { "is no time", "validity_period", "7.1.1" } },
	{ bad_esm_class, { "no such message type from an ESME", "esm_class", "5.2.12" } },
	{ bad_registered_delivery, { "reserved", "registered_delivery", "5.2.17" } },
	{ bad_priority, { "above 3", "priority_flag", "5.2.14" } },
	{ bad_replace, { "above 1", "replace_if_present_flag", "5.2.18" } },
	{ bad_ton, { "reserved", "addr_ton", "5.2.5" } },
	{ bad_npi, { "reserved", "addr_npi", "5.2.6" } },
	{ bad_alphanumeric, { "alphanumeric and longer than 11", "source_addr", "5.2.8" } },
	{ no_destination, { "is empty", "destination_addr", "5.2.9" } },
	{ bad_header, { "no user data header where one is announced", "esm_class", "5.2.12" } },
	{ two_segmentations,
	  { "together with a user data header", "sar_msg_ref_num", "5.3.2.22" } },
	{ bad_sar, { "the three do not make sense together", "sar_msg_ref_num", "5.3.2.22" } },
	{ odd_ucs2, { "UCS-2 with half a character", "short_message", "5.2.19" } },
};

static bool is_submit(uint32_t command_id)
{
	return command_id == SMPP_submit_sm || command_id == SMPP_data_sm ||
	       command_id == SMPP_submit_multi;
}

static void judge_submit(struct sim_smsc *smsc, const struct sim_link *link,
			 const struct smpp_event *event)
{
	if (!is_submit(event->command_id) || event->unparsed)
		return;
	for (size_t i = 0; i < sizeof(submit_rules) / sizeof(submit_rules[0]); i++)
		if (submit_rules[i].breaks(event->pdu))
			tell(smsc, link, event, &submit_rules[i].breach);
}

/* To an SMSC that does not say 3.4, optional parameters and data_sm do not exist (3.4). */
static void judge_version(struct sim_smsc *smsc, const struct sim_link *link,
			  const struct smpp_event *event)
{
	static const struct breach tlvs = { "optional parameters to an SMSC before 3.4", "tlv",
					    "3.4" };
	static const struct breach data_sm = { "to an SMSC before 3.4", "command_id", "3.4" };

	if (smsc->options->sc_interface_version >= 0x34)
		return;
	if (event->pdu->n_tlvs > 0)
		tell(smsc, link, event, &tlvs);
	if (event->command_id == SMPP_data_sm)
		tell(smsc, link, event, &data_sm);
}

/* ---- numbers and order ---- */

/*
 * Numbers rise by one and begin anew behind the largest. One that is still in use may be stepped
 * over: so they may jump while a request is without answer.
 */
static void judge_number(struct sim_smsc *smsc, struct sim_link *link,
			 const struct smpp_event *event)
{
	static const struct breach range = { "outside 1 to 0x7FFFFFFF", "sequence_number",
					     "5.1.4" };
	static const struct breach rise = { "does not rise by one", "sequence_number", "5.1.4" };
	struct sim_strict *strict = &link->strict;
	uint32_t wanted = strict->last_sequence % SMPP_MAX_SEQUENCE_NUMBER + 1;
	uint32_t got = event->sequence_number;
	bool skips = strict->asked++ > strict->answered;
	bool ahead = got > wanted || wanted - got > SMPP_MAX_SEQUENCE_NUMBER / 2;

	if (got == 0 || got > SMPP_MAX_SEQUENCE_NUMBER) {
		tell(smsc, link, event, &range);
		return;
	}
	if (strict->last_sequence != 0 && got != wanted && !(skips && ahead))
		tell(smsc, link, event, &rise);
	strict->last_sequence = got;
}

static void judge_order(struct sim_smsc *smsc, struct sim_link *link,
			const struct smpp_event *event)
{
	static const struct breach behind = { "follows the end that unbind made", "command_id",
					      "4.2" };

	if (link->strict.unbound && (event->command_id & SMPP_RESP_BIT) == 0 &&
	    event->command_id != SMPP_unbind)
		tell(smsc, link, event, &behind);
	if (event->command_id == SMPP_unbind || event->command_id == SMPP_unbind_resp)
		link->strict.unbound = true;
}

static void judge_answer(struct sim_smsc *smsc, struct sim_link *link,
			 const struct smpp_event *event)
{
	static const struct breach orphans[] = {
		[SMPP_ORPHAN_UNKNOWN] = { "answers no request", "sequence_number", "5.1.4" },
		[SMPP_ORPHAN_WRONG_TYPE] = { "answers a request of another command", "command_id",
					     "5.1.2" },
		[SMPP_ORPHAN_SECOND] = { "answers a request a second time", "sequence_number",
					 "5.1.4" },
	};
	static const struct breach nack = { "a request that nothing was wrong with was nacked",
					    "command_id", "4.3" };
	static const struct breach late = { "the request was not answered in --answer-ms",
					    "sequence_number", "7.2" };
	bool own = event->sequence_number - SIM_OWN_SEQUENCE < link->own_requests;

	if (event->kind == SMPP_EVENT_ORPHAN_RESPONSE && !own && !link->strict.misnumbered)
		tell(smsc, link, event, &orphans[event->orphan]);
	if (event->kind == SMPP_EVENT_RESPONSE && event->command_id == SMPP_generic_nack &&
	    event->tag != SIM_TAG_SCRIPT)
		tell(smsc, link, event, &nack);
	if (event->kind == SMPP_EVENT_TIMEOUT)
		tell(smsc, link, event, &late);
}

void sim_strict_window(struct sim_smsc *smsc, struct sim_link *link, const struct smpp_event *event)
{
	static const struct breach window = { "more submits without answer than --window",
					      "sequence_number", "2.8" };

	if (smsc->options->strict)
		tell(smsc, link, event, &window);
}

void sim_strict_event(struct sim_smsc *smsc, struct sim_link *link, const struct smpp_event *event)
{
	judge_answer(smsc, link, event);
	if (event->pdu == NULL)
		return;
	judge_flaws(smsc, link, event);
	judge_order(smsc, link, event);
	if (event->command_id & SMPP_RESP_BIT)
		return;
	judge_number(smsc, link, event);
	judge_submit(smsc, link, event);
	judge_version(smsc, link, event);
}
