/*
 * struct smpp_pdu to octets, refusing whatever the specification forbids to send.
 *
 * One loop writes the places of smpp/pdu.def; an entry of a group is written by the same code as
 * the PDU around it. Nothing here is written for one PDU.
 */
#include "smpp/pdu_place.h"

#include "smpp/status.h"

/* What an encoding carries along; a refusal leaves its reason in *why. */
struct encoding {
	struct smpp_writer writer;
	const struct smpp_pdu *pdu;
	const struct smpp_command *command;
	struct smpp_problem *why;
};

static enum smpp_error refused(struct encoding *e, const struct smpp_param *param, const char *text)
{
	*e->why = (struct smpp_problem){ .status = param->status,
					 .field = param->name,
					 .offset = e->writer.n,
					 .section = param->section,
					 .text = text };
	return SMPP_EVALUE;
}

/* --- Parameters ---------------------------------------------------------------------------- */

static const char *refuse_string(const struct smpp_place *place, struct smpp_octets slice)
{
	if (slice.n == 0)
		return NULL;
	if (place->null)
		return smpp_flaw_text(SMPP_FLAW_NOT_NULL);
	if (memchr(slice.at, 0, slice.n))
		return "a string cannot hold a NUL";
	if (place->param->type != SMPP_TYPE_CSTRING &&
	    !smpp_time_length_good(place->param, slice.n))
		return smpp_flaw_text(SMPP_FLAW_DATE_LENGTH);
	if (slice.n >= place->max)
		return smpp_flaw_text(SMPP_FLAW_TOO_LONG);
	return NULL;
}

/* Entries of a group: whole, within their bounds, and as many as the count says. */
static const char *refuse_group(const struct smpp_place *place, const void *base);

/* Why the member may not be sent in this place; NULL: it may. */
static const char *refuse(const struct smpp_place *place, const void *base)
{
	switch (place->param->type) {
	case SMPP_TYPE_INT1:
	case SMPP_TYPE_INT4:
		if (place->null && smpp_member_number(base, place) != 0)
			return smpp_flaw_text(SMPP_FLAW_NOT_NULL);
		return NULL;
	case SMPP_TYPE_CSTRING:
	case SMPP_TYPE_TIME:
	case SMPP_TYPE_DATE:
		return refuse_string(place, smpp_member_slice(base, place));
	case SMPP_TYPE_OCTETS:
		if (smpp_member_slice(base, place).n > place->max)
			return smpp_flaw_text(SMPP_FLAW_TOO_LONG);
		return NULL;
	case SMPP_TYPE_COUNT:
	case SMPP_TYPE_COUNT1:
		if (!smpp_count_good(place->param, smpp_member_number(base, place)))
			return smpp_flaw_text(SMPP_FLAW_COUNT);
		return NULL;
	case SMPP_TYPE_GROUP:
		return refuse_group(place, base);
	case SMPP_TYPE_LENGTH: /* written from what it counts */
	case SMPP_TYPE_INT:
	case SMPP_TYPE_BITS:
	case SMPP_TYPE_NONE:
		break;
	}
	return NULL;
}

static const char *refuse_entry(const struct smpp_place *members, const void *entry)
{
	if (!smpp_entry_flag_good(members, entry))
		return "dest_flag is neither that of an address nor that of a list";
	for (const struct smpp_place *m = members; m->param; m++) {
		const char *text = smpp_member_belongs(m, entry) ? refuse(m, entry) : NULL;

		if (text)
			return text;
	}
	return NULL;
}

static const char *refuse_group(const struct smpp_place *place, const void *base)
{
	struct smpp_octets rest = smpp_member_slice(base, place);
	uint32_t count = smpp_member_number(base, place - 1); /* its COUNT stands before it */
	union smpp_any_entry entry;

	for (uint32_t i = 0; i < count; i++) {
		const char *text = NULL;

		if (!smpp_entry_next(place->entry, &rest, &entry))
			return "has fewer entries than its count says";
		text = refuse_entry(place->entry, &entry);
		if (text)
			return text;
	}
	return rest.n > 0 ? "has more entries than its count says" : NULL;
}

static void write_place(struct smpp_writer *writer, const struct smpp_place *place,
			const void *base)
{
	struct smpp_octets slice;

	switch (place->param->type) {
	case SMPP_TYPE_INT1:
	case SMPP_TYPE_COUNT:
	case SMPP_TYPE_COUNT1:
		smpp_write_u8(writer, (uint8_t)smpp_member_number(base, place));
		break;
	case SMPP_TYPE_INT4:
		smpp_write_u32(writer, smpp_member_number(base, place));
		break;
	case SMPP_TYPE_CSTRING:
	case SMPP_TYPE_TIME:
	case SMPP_TYPE_DATE:
		slice = smpp_member_slice(base, place);
		smpp_write_octets(writer, slice.at, slice.n);
		smpp_write_u8(writer, 0);
		break;
	case SMPP_TYPE_LENGTH: /* of the OCTETS right behind it, which refuse() bounds */
		smpp_write_u8(writer, (uint8_t)smpp_member_slice(base, place + 1).n);
		break;
	case SMPP_TYPE_OCTETS:
	case SMPP_TYPE_GROUP:
		slice = smpp_member_slice(base, place);
		smpp_write_octets(writer, slice.at, slice.n);
		break;
	case SMPP_TYPE_INT:
	case SMPP_TYPE_BITS:
	case SMPP_TYPE_NONE:
		break; /* types of TLVs only */
	}
}

static enum smpp_error write_params(struct encoding *e)
{
	for (const struct smpp_place *place = e->command->places; place->param; place++) {
		const char *text = refuse(place, e->pdu);

		if (text)
			return refused(e, place->param, text);
		write_place(&e->writer, place, e->pdu);
	}
	return SMPP_OK;
}

/* --- TLVs ---------------------------------------------------------------------------------- */

static enum smpp_error refused_tlv(struct encoding *e, const struct smpp_tlv_row *row,
				   uint32_t status, const char *text)
{
	*e->why = (struct smpp_problem){ .status = status,
					 .field = row ? row->name : "tlv",
					 .offset = e->writer.n,
					 .section = row ? row->section : "5.3.1",
					 .text = text };
	return SMPP_EVALUE;
}

/* Is *tlv the first of its tag? */
static bool is_first(const struct smpp_pdu *pdu, const struct smpp_tlv *tlv)
{
	return smpp_pdu_tlv(pdu, tlv->tag) == tlv;
}

static enum smpp_error check_tlv(struct encoding *e, const struct smpp_tlv *tlv)
{
	const struct smpp_tlv_row *row = smpp_tlv_row(tlv->tag);
	struct smpp_octets value = smpp_tlv_value(tlv);

	if (value.n > UINT16_MAX)
		return refused_tlv(e, row, SMPP_ESME_RINVPARLEN, "longer than a TLV can be");
	if ((!row || row->occurs != SMPP_LIST) && !is_first(e->pdu, tlv))
		return refused_tlv(e, row, SMPP_ESME_RINVOPTPARSTREAM, "may come only once");
	if (!row)
		return SMPP_OK;
	if (value.n < row->min || value.n > row->max)
		return refused_tlv(e, row, SMPP_ESME_RINVPARLEN,
				   smpp_flaw_text(SMPP_FLAW_TLV_LENGTH));
	if (row->type == SMPP_TYPE_CSTRING && !smpp_is_terminated(value))
		return refused_tlv(e, row, SMPP_ESME_RINVOPTPARAMVAL,
				   "its one NUL must be its last octet");
	if (row->tag == SMPP_TLV_message_payload && e->pdu->short_message.n > 0)
		return refused_tlv(e, row, SMPP_ESME_ROPTPARNOTALLWD,
				   "goes only with an empty short_message");
	return SMPP_OK;
}

/* tlv_rest comes from a decoding that had more TLVs than fit; nothing else may be in it. */
static bool rest_is_tlvs(struct smpp_octets rest)
{
	struct smpp_reader reader = smpp_reader_of(rest.at, rest.n);

	while (!reader.bad && smpp_reader_left(&reader) > 0) {
		smpp_read_u16(&reader);
		smpp_read_octets(&reader, smpp_read_u16(&reader));
	}
	return !reader.bad;
}

static enum smpp_error write_tlvs(struct encoding *e)
{
	const struct smpp_pdu *pdu = e->pdu;

	for (uint32_t i = 0; i < pdu->n_tlvs; i++) {
		enum smpp_error error = check_tlv(e, &pdu->tlvs[i]);
		struct smpp_octets value = smpp_tlv_value(&pdu->tlvs[i]);

		if (error)
			return error;
		smpp_write_u16(&e->writer, pdu->tlvs[i].tag);
		smpp_write_u16(&e->writer, (uint16_t)value.n);
		smpp_write_octets(&e->writer, value.at, value.n);
	}
	if (!rest_is_tlvs(pdu->tlv_rest))
		return refused_tlv(e, NULL, SMPP_ESME_RINVOPTPARSTREAM,
				   "tlv_rest is not made of whole TLVs");
	smpp_write_octets(&e->writer, pdu->tlv_rest.at, pdu->tlv_rest.n);
	return SMPP_OK;
}

/* --- The PDU ------------------------------------------------------------------------------- */

static enum smpp_error check_header(struct encoding *e)
{
	const struct smpp_pdu *pdu = e->pdu;
	bool is_response = (pdu->command_id & SMPP_RESP_BIT) != 0;

	if (!e->command) {
		refused(e, smpp_header_places[1].param,
			"no command of SMPP 3.4 has this command_id");
		return SMPP_EUNKNOWN;
	}
	if (!is_response && pdu->command_status != 0)
		return refused(e, smpp_header_places[2].param,
			       smpp_flaw_text(SMPP_FLAW_STATUS_IN_REQUEST));
	if (!is_response &&
	    (pdu->sequence_number == 0 || pdu->sequence_number > SMPP_MAX_SEQUENCE_NUMBER))
		return refused(e, smpp_header_places[3].param,
			       "sequence_number of a request is 1 to 0x7FFFFFFF");
	if (pdu->body_absent && (!is_response || pdu->command_status == 0))
		return refused(e, smpp_header_places[0].param,
			       "only an error response may go without its body");
	return SMPP_OK;
}

/* A body-less response is its header: parameters and TLVs are not looked at. */
static enum smpp_error write_pdu(struct encoding *e)
{
	enum smpp_error error = check_header(e);

	if (error)
		return error;
	for (const struct smpp_place *place = smpp_header_places; place->param; place++)
		write_place(&e->writer, place, e->pdu);
	if (e->pdu->body_absent)
		return SMPP_OK;
	error = write_params(e);
	return error ? error : write_tlvs(e);
}

enum smpp_error smpp_pdu_encode(const struct smpp_pdu *pdu, uint8_t *buf, size_t cap, size_t *n,
				struct smpp_problem *why)
{
	struct encoding e = {
		.writer = smpp_writer_of(buf, cap < UINT32_MAX ? (uint32_t)cap : UINT32_MAX),
		.pdu = pdu,
		.command = smpp_command(pdu->command_id),
		.why = why,
	};
	struct smpp_writer length = smpp_writer_of(buf, 4);
	enum smpp_error error = write_pdu(&e);

	*n = 0;
	if (error)
		return error;
	if (e.writer.bad) {
		refused(&e, smpp_header_places[0].param, "the PDU does not fit the room given");
		return SMPP_ENOSPACE;
	}
	smpp_write_u32(&length, e.writer.n);
	*n = e.writer.n;
	return SMPP_OK;
}

/* --- Groups -------------------------------------------------------------------------------- */

static enum smpp_error put_entry(struct smpp_writer *writer, const struct smpp_place *members,
				 const void *entry)
{
	if (refuse_entry(members, entry))
		return SMPP_EVALUE;
	for (const struct smpp_place *m = members; m->param; m++) {
		if (smpp_member_belongs(m, entry))
			write_place(writer, m, entry);
	}
	return writer->bad ? SMPP_ENOSPACE : SMPP_OK;
}

enum smpp_error smpp_dest_put(struct smpp_writer *writer, const struct smpp_dest *dest)
{
	return put_entry(writer, smpp_dest_address_places, dest);
}

enum smpp_error smpp_unsuccess_put(struct smpp_writer *writer,
				   const struct smpp_unsuccess *unsuccess)
{
	return put_entry(writer, smpp_unsuccess_sme_places, unsuccess);
}
