/*
 * The block: a heading, every field with its octets, then what the fields say together, and for a
 * PDU that cannot be read what is wrong with it, where, and what the daemon would answer.
 */
#include <inttypes.h>
#include <string.h>

#include "core/json.h"
#include "tools/trace_own.h"

#define DUMP_OCTETS 16

static void put_heading(struct buffer *out, const struct trace_pdu *pdu)
{
	static const char *const words[] = {
		[TRACE_UNKNOWN] = "",
		[TRACE_IN] = " from the carrier",
		[TRACE_OUT] = " to the carrier",
	};
	char time[25];

	buffer_format(out, "PDU %" PRIu64 ", ", pdu->number);
	if (pdu->packet != 0)
		buffer_format(out, "packet %" PRIu64 ", ", pdu->packet);
	if (pdu->at_us != 0) {
		json_time_text(pdu->at_us / 1000, time);
		buffer_format(out, "%s, link %s, session %" PRIu64 "%s, ", time, pdu->link,
			      pdu->session, words[pdu->direction]);
	} else {
		buffer_format(out, "offset %" PRIu64 ", ", pdu->offset);
	}
	if (pdu->facts != NULL)
		buffer_text(out, "as the daemon's evidence has it; no octets are kept\n");
	else
		buffer_format(out, "%" PRIu32 " octets\n", pdu->n);
}

/* ---- what the fields say together ---- */

/* Names of information elements (GSM 03.40, 9.2.3.24). */
static const struct {
	uint8_t id;
	const char *name;
} elements[] = {
	{ 0x00, "part of a message, 8-bit reference" },
	{ 0x01, "message waiting" },
	{ 0x04, "application ports, 8 bit" },
	{ 0x05, "application ports, 16 bit" },
	{ 0x08, "part of a message, 16-bit reference" },
	{ 0x24, "national language, single shift" },
	{ 0x25, "national language, locking shift" },
};

static const char *element_name(uint8_t id)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		if (elements[i].id == id)
			return elements[i].name;
	}
	return "not known here";
}

static void put_udh(struct buffer *out, struct smpp_octets udh)
{
	struct smpp_reader reader = smpp_reader_of(udh.at, udh.n);

	smpp_read_u8(&reader);
	while (smpp_reader_left(&reader) > 0 && !reader.bad) {
		uint8_t id = smpp_read_u8(&reader);
		struct smpp_octets data = smpp_read_octets(&reader, smpp_read_u8(&reader));

		buffer_format(out, "  UDH     element 0x%02x (%s):", id, element_name(id));
		for (uint32_t i = 0; i < data.n; i++)
			buffer_format(out, " %02x", data.at[i]);
		buffer_text(out, reader.bad ? " runs past the end\n" : "\n");
	}
}

static void put_part(struct buffer *out, const struct smpp_concat_info *part)
{
	static const struct {
		unsigned flag;
		const char *text;
	} flags[] = {
		{ SMPP_CONCAT_UDH_OVERRUN, "the user data header runs past the text" },
		{ SMPP_CONCAT_IE_OVERRUN, "an element of the user data header is too long" },
		{ SMPP_CONCAT_BAD_COUNT, "part and number of parts do not fit" },
		{ SMPP_CONCAT_CONFLICT, "two statements about parts differ" },
		{ SMPP_CONCAT_SAR_PARTIAL, "some sar_* TLVs are missing or of a wrong width" },
	};

	put_udh(out, part->udh);
	if (part->total > 1 && part->method == SMPP_CONCAT_NONE)
		buffer_format(out, "  part    %u of %u\n", part->seqnum, part->total);
	else if (part->total > 1)
		buffer_format(out, "  part    %u of %u, reference %u (%s)\n", part->seqnum,
			      part->total, part->ref, trace_part_method(part->method));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (part->flags & flags[i].flag)
			buffer_format(out, "  part    %s: it stands alone\n", flags[i].text);
	}
}

static void put_word(struct buffer *out, const char *name, struct smpp_octets word)
{
	if (word.n == 0)
		return;
	buffer_format(out, "  receipt %-12s ", name);
	trace_put_quoted(out, word);
	buffer_text(out, "\n");
}

static void put_receipt(struct buffer *out, const struct smpp_receipt *receipt, bool of_facts)
{
	static const char *const sources[] = {
		[SMPP_RECEIPT_FROM_NONE] = "nothing says it",
		[SMPP_RECEIPT_FROM_TEXT] = "by the text",
		[SMPP_RECEIPT_FROM_TLV] = "by the TLV",
	};

	if (receipt->kind == SMPP_RECEIPT_NOT)
		return;
	if (receipt->kind == SMPP_RECEIPT_UNPARSED)
		buffer_text(out, "  receipt without any id: it cannot be joined to a message\n");
	if (receipt->kind == SMPP_RECEIPT_INTERMEDIATE)
		buffer_text(out, "  receipt of an intermediate state: never the last word\n");
	buffer_format(out, "  receipt %-12s %s", "state", smpp_receipt_state_name(receipt->state));
	if (!of_facts)
		buffer_format(out, " (%s)", sources[receipt->source]);
	buffer_text(out, "\n");
	put_word(out, "id", receipt->ids[SMPP_RECEIPT_TEXT_ID]);
	put_word(out, "id (TLV)", receipt->ids[SMPP_RECEIPT_TLV_ID]);
	put_word(out, "stat", receipt->stat);
	put_word(out, "err", receipt->err);
	put_word(out, "sub", receipt->sub);
	put_word(out, "dlvrd", receipt->dlvrd);
	put_word(out, "submit date", receipt->submit_date);
	put_word(out, "done date", receipt->done_date);
	if (receipt->has_network_error_code)
		buffer_format(out, "  receipt %-12s %u, network type %u\n", "error",
			      receipt->network_error, receipt->network_type);
	if (receipt->flags & SMPP_RECEIPT_CONTRADICTION)
		buffer_text(out,
			    "  receipt TLV and text name different states; the TLV's counts\n");
	if (receipt->flags & SMPP_RECEIPT_IDS_DIFFER)
		buffer_text(out, "  receipt TLV and text name different ids; both are tried\n");
}

/* ---- what cannot be read ---- */

static void put_dump_line(struct buffer *out, const uint8_t *octets, uint32_t n, uint32_t offset)
{
	buffer_format(out, "  %04" PRIx32 " ", offset);
	for (uint32_t i = 0; i < DUMP_OCTETS; i++) {
		if (i < n)
			buffer_format(out, " %02x", octets[i]);
		else
			buffer_text(out, "   ");
	}
	buffer_text(out, "  ");
	for (uint32_t i = 0; i < n; i++)
		buffer_format(out, "%c", octets[i] > 0x1F && octets[i] < 0x7F ? octets[i] : '.');
	buffer_text(out, "\n");
}

/* The octets, masked as the fields are, with a mark under the one where the trouble begins. */
static void put_dump(struct buffer *out, const struct buffer *octets, uint32_t mark)
{
	for (uint32_t offset = 0; offset <= octets->n; offset += DUMP_OCTETS) {
		uint32_t left = (uint32_t)octets->n - offset;
		uint32_t n = left < DUMP_OCTETS ? left : DUMP_OCTETS;

		if (n > 0)
			put_dump_line(out, octets->octets + offset, n, offset);
		if (mark >= offset && mark - offset < DUMP_OCTETS)
			buffer_format(out, "%*s^^ offset %" PRIu32 "\n",
				      (int)(8 + 3 * (mark - offset)), "", mark);
	}
}

static void put_problem(struct trace_view *view, const struct trace_pdu *pdu)
{
	const struct trace_reading *reading = &view->reading;
	const struct smpp_problem *problem = &reading->problem;
	struct buffer *out = &view->out;

	if (!reading->problematic)
		return;
	buffer_format(out, "  problem at %" PRIu32 ": %s: %s", problem->offset, problem->field,
		      problem->text);
	if (problem->section)
		buffer_format(out, " (SMPP 3.4, %s)", problem->section);
	buffer_text(out, "\n  the daemon's answer: ");
	trace_put_answer(out, reading);
	buffer_text(out, "\n");
	if (pdu->framing == TRACE_CUT && reading->has_header)
		buffer_format(out,
			      "  command_length says %" PRIu32 " octets, %" PRIu32 " are there\n",
			      reading->pdu.command_length, pdu->n);
	put_dump(out, &reading->copy, problem->offset);
	if (reading->pdu.tlv_rest.n > 0 && (!view->print.show_text || !view->print.show_numbers))
		buffer_text(out, "  what cannot be read may hold texts and numbers and is shown as "
				 "78 (x); --text --numbers shows it\n");
}

/* What other PDUs have to do with it, if any have. */
static void put_relations(struct trace_view *view, const struct flow_event *event)
{
	size_t n = view->out.n;

	buffer_text(&view->out, " ");
	trace_put_relations(view, event);
	if (view->out.n == n + 1)
		view->out.n = n;
	else
		buffer_text(&view->out, "\n");
}

static void put_pdu(struct trace_view *view, const struct flow_event *event)
{
	const struct trace_reading *reading = &view->reading;

	put_heading(&view->out, event->pdu);
	if (reading->has_header)
		buffer_text(&view->out, trace_printed(view, smpp_print_block));
	else if (reading->facts != NULL)
		buffer_text(&view->out, TRACE_RECEIPT_NAME "\n");
	if (reading->has_header || reading->facts != NULL) {
		put_part(&view->out, &reading->part);
		put_receipt(&view->out, &reading->receipt, reading->facts != NULL);
	}
	put_relations(view, event);
	put_problem(view, event->pdu);
	buffer_text(&view->out, "\n");
}

void trace_view_block(struct trace_view *view, const struct flow_event *event)
{
	if (event->kind == FLOW_PDU) {
		put_pdu(view, event);
		return;
	}
	trace_view_line(view, event);
	buffer_text(&view->out, "\n");
}
