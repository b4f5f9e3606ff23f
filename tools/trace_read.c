/* See tools/trace_read.h. */
#include "tools/trace_read.h"

#include "smpp/mask.h"
#include "smpp/status.h"

/* The answer that the session gives to what it cannot read (SMPP 3.4, 3.3, 4.3). */
static void set_answer(struct trace_reading *reading)
{
	const struct smpp_command *command = smpp_command(reading->pdu.command_id);

	if (reading->pdu.command_id & SMPP_RESP_BIT) {
		reading->answer = TRACE_ANSWER_NEVER;
		return;
	}
	reading->answer = TRACE_ANSWER_RESP;
	reading->answer_command = command ? smpp_command_resp(command) : NULL;
	if (!reading->answer_command)
		reading->answer_command = smpp_command(SMPP_generic_nack);
}

static void set_lost(struct trace_reading *reading)
{
	reading->answer = TRACE_ANSWER_CLOSE;
	reading->answer_command = smpp_command(SMPP_generic_nack);
	reading->problem = (struct smpp_problem){
		.status = SMPP_ESME_RINVCMDLEN,
		.field = "command_length",
		.section = "5.1.1",
		.text = "no PDU has this length, so nobody can say where the next one begins",
	};
}

static void set_cut(struct trace_reading *reading, const struct trace_pdu *pdu)
{
	reading->answer = TRACE_ANSWER_WAIT;
	reading->problem = (struct smpp_problem){
		.field = "command_length",
		.offset = pdu->n,
		.section = "5.1.1",
		.text = "the octets end before the PDU does",
	};
}

static void put_length(struct trace_reading *reading, uint32_t length)
{
	struct smpp_writer writer = smpp_writer_of(reading->copy.octets, 4);

	smpp_write_u32(&writer, length);
}

/* A cut PDU is read as if it ended where it was cut, so that what is there of it can be shown. */
static enum smpp_error decode(struct trace_reading *reading, const struct trace_pdu *pdu,
			      bool show_text, bool show_numbers)
{
	bool mended = pdu->framing == TRACE_CUT && reading->has_header;
	struct smpp_reader length = smpp_reader_of(pdu->octets, pdu->n);
	enum smpp_error error;

	if (mended)
		put_length(reading, pdu->n);
	smpp_mask(reading->copy.octets, pdu->n, show_text, show_numbers);
	error = smpp_pdu_decode(reading->copy.octets, pdu->n, &reading->pdu, &reading->problem);
	if (mended) {
		reading->pdu.command_length = smpp_read_u32(&length);
		put_length(reading, reading->pdu.command_length);
	}
	return error;
}

/* The daemon has masked them, and they hold no texts. */
static void read_facts(struct trace_reading *reading, const struct trace_facts *facts)
{
	reading->has_header = facts->pdu.command_id != 0;
	reading->problematic = false;
	reading->answer = TRACE_ANSWER_NONE;
	reading->pdu = facts->pdu;
	reading->part = facts->part;
	reading->receipt = facts->receipt;
}

bool trace_read(struct trace_reading *reading, const struct trace_pdu *pdu, bool show_text,
		bool show_numbers)
{
	enum smpp_error error;

	buffer_clear(&reading->copy);
	reading->facts = pdu->facts;
	if (pdu->facts != NULL) {
		read_facts(reading, pdu->facts);
		return true;
	}
	buffer_append(&reading->copy, pdu->octets, pdu->n);
	if (reading->copy.failed)
		return false;
	reading->has_header = pdu->framing != TRACE_LOST && pdu->n >= SMPP_HEADER_OCTETS;
	reading->answer = TRACE_ANSWER_NONE;
	reading->answer_command = NULL;
	error = decode(reading, pdu, show_text, show_numbers);
	reading->problematic = error != SMPP_OK || pdu->framing != TRACE_WHOLE;
	if (pdu->framing == TRACE_LOST)
		set_lost(reading);
	else if (pdu->framing == TRACE_CUT)
		set_cut(reading, pdu);
	else if (reading->problematic)
		set_answer(reading);
	smpp_concat_info(&reading->pdu, &reading->part);
	smpp_receipt_parse(&reading->pdu, NULL, &reading->receipt);
	return true;
}

void trace_reading_release(struct trace_reading *reading)
{
	buffer_release(&reading->copy);
}
