/*
 * Octets to struct smpp_pdu: framing, parameters, groups, TLVs, each deviation noted as a flaw.
 *
 * One loop reads the places of smpp/pdu.def; an entry of a group is read by the same code as the
 * PDU around it. Nothing here is written for one PDU.
 */
#include "smpp/pdu_place.h"

#include "smpp/status.h"

/* What a decoding carries along. Without a pdu (groups read again later) no flaw is noted. */
struct decoding {
	struct smpp_reader reader;
	struct smpp_pdu *pdu;
	const struct smpp_command *command;
	uint32_t counted;	  /* what the last LENGTH or COUNT said */
	struct smpp_problem *why; /* filled when reading a place fails */
};

static void flaw(struct decoding *d, enum smpp_flaw_kind kind, const char *field, uint32_t offset)
{
	struct smpp_pdu *pdu = d->pdu;

	if (!pdu)
		return;
	if (pdu->n_flaws == SMPP_MAX_FLAWS) {
		pdu->n_flaws_unkept++;
		return;
	}
	pdu->flaws[pdu->n_flaws++] =
		(struct smpp_flaw){ .kind = kind, .offset = offset, .field = field };
}

/* Notes why and is always false. */
static bool problem(struct smpp_problem *why, const struct smpp_param *param, uint32_t offset,
		    uint32_t status, const char *text)
{
	*why = (struct smpp_problem){ .status = status,
				      .field = param->name,
				      .offset = offset,
				      .section = param->section,
				      .text = text };
	return false;
}

static bool ended_early(struct decoding *d, const struct smpp_param *param, uint32_t offset)
{
	return problem(d->why, param, offset, SMPP_ESME_RINVCMDLEN,
		       "the PDU ends before this parameter does");
}

/* --- Parameters ---------------------------------------------------------------------------- */

static bool read_number(struct decoding *d, const struct smpp_place *place, void *base)
{
	uint32_t offset = d->reader.next;
	uint32_t number;

	if (place->param->type == SMPP_TYPE_INT4) {
		number = smpp_read_u32(&d->reader);
		memcpy(smpp_member(base, place), &number, sizeof number);
	} else {
		number = smpp_read_u8(&d->reader);
		*smpp_member(base, place) = (uint8_t)number;
		d->counted = number;
	}
	if (d->reader.bad)
		return ended_early(d, place->param, offset);
	if (place->null && number != 0)
		flaw(d, SMPP_FLAW_NOT_NULL, place->param->name, offset);
	if ((place->param->type == SMPP_TYPE_COUNT || place->param->type == SMPP_TYPE_COUNT1) &&
	    !smpp_count_good(place->param, number))
		flaw(d, SMPP_FLAW_COUNT, place->param->name, offset);
	return true;
}

static bool is_ascii(struct smpp_octets slice)
{
	uint8_t seen = 0;

	for (uint32_t i = 0; i < slice.n; i++)
		seen |= slice.at[i];
	return seen < 0x80;
}

/*
 * May the string be taken without its NUL? Of a response only: its last string, or any if the
 * status says that the request failed.
 */
static bool may_lack_nul(const struct decoding *d, const struct smpp_place *place)
{
	if (!d->pdu || !(d->pdu->command_id & SMPP_RESP_BIT) || smpp_reader_left(&d->reader) == 0)
		return false;
	return place[1].param == NULL || d->pdu->command_status != 0;
}

static bool read_string(struct decoding *d, const struct smpp_place *place, void *base)
{
	const char *name = place->param->name;
	uint32_t offset = d->reader.next;
	struct smpp_octets slice = smpp_read_cstring(&d->reader);

	if (d->reader.bad) {
		if (!may_lack_nul(d, place))
			return ended_early(d, place->param, offset);
		d->reader.bad = false;
		slice = smpp_read_octets(&d->reader, smpp_reader_left(&d->reader));
		flaw(d, SMPP_FLAW_UNTERMINATED, name, offset);
	}
	memcpy(smpp_member(base, place), &slice, sizeof slice);
	if (slice.n == 0)
		return true;
	if (place->null)
		flaw(d, SMPP_FLAW_NOT_NULL, name, offset);
	else if (place->param->type != SMPP_TYPE_CSTRING &&
		 !smpp_time_length_good(place->param, slice.n))
		flaw(d, SMPP_FLAW_DATE_LENGTH, name, offset);
	else if (place->param->type == SMPP_TYPE_CSTRING && slice.n >= place->max)
		flaw(d, SMPP_FLAW_TOO_LONG, name, offset);
	if (!is_ascii(slice))
		flaw(d, SMPP_FLAW_NOT_ASCII, name, offset);
	return true;
}

/* The octets that sm_length announced, or as many as there are. */
static bool read_counted(struct decoding *d, const struct smpp_place *place, void *base)
{
	uint32_t offset = d->reader.next;
	uint32_t n = d->counted;
	struct smpp_octets slice;

	if (n > place->max)
		flaw(d, SMPP_FLAW_SM_LENGTH_255, place->param->name, offset);
	if (n > smpp_reader_left(&d->reader)) {
		flaw(d, SMPP_FLAW_SM_LENGTH_PAST_END, place->param->name, offset);
		n = smpp_reader_left(&d->reader);
	}
	slice = smpp_read_octets(&d->reader, n);
	memcpy(smpp_member(base, place), &slice, sizeof slice);
	return true;
}

static bool read_place(struct decoding *d, const struct smpp_place *place, void *base);

static bool read_entry(struct decoding *d, const struct smpp_place *members, void *entry)
{
	uint32_t start = d->reader.next;

	for (const struct smpp_place *m = members; m->param; m++) {
		if (!smpp_member_belongs(m, entry))
			continue;
		if (!read_place(d, m, entry)) {
			d->reader.next = start;
			return false;
		}
		if (m == members && !smpp_entry_flag_good(members, entry)) {
			d->reader.next = start;
			return problem(d->why, m->param, start, m->param->status,
				       "is neither that of an address nor that of a list");
		}
	}
	return true;
}

static bool read_group(struct decoding *d, const struct smpp_place *place, void *base)
{
	uint32_t start = d->reader.next;
	uint32_t count = d->counted;
	struct smpp_octets span = { .at = d->reader.at + start, .n = 0 };
	bool good = true;

	for (uint32_t i = 0; good && i < count; i++) {
		union smpp_any_entry entry = { 0 };

		good = read_entry(d, place->entry, &entry);
		if (good)
			span.n = d->reader.next - start;
	}
	memcpy(smpp_member(base, place), &span, sizeof span);
	return good;
}

/* false: *d->why says why, the reader stands before what could not be read and may be bad. */
static bool read_place(struct decoding *d, const struct smpp_place *place, void *base)
{
	switch (place->param->type) {
	case SMPP_TYPE_INT1:
	case SMPP_TYPE_INT4:
	case SMPP_TYPE_LENGTH:
	case SMPP_TYPE_COUNT:
	case SMPP_TYPE_COUNT1:
		return read_number(d, place, base);
	case SMPP_TYPE_CSTRING:
	case SMPP_TYPE_TIME:
	case SMPP_TYPE_DATE:
		return read_string(d, place, base);
	case SMPP_TYPE_OCTETS:
		return read_counted(d, place, base);
	case SMPP_TYPE_GROUP:
		return read_group(d, place, base);
	case SMPP_TYPE_INT:
	case SMPP_TYPE_BITS:
	case SMPP_TYPE_NONE:
		break; /* types of TLVs only */
	}
	return false;
}

bool smpp_entry_next(const struct smpp_place *members, struct smpp_octets *rest, void *entry)
{
	struct smpp_problem why;
	struct decoding d = { .reader = smpp_reader_of(rest->at, rest->n), .why = &why };

	memset(entry, 0,
	       members == smpp_dest_address_places ? sizeof(struct smpp_dest) :
						     sizeof(struct smpp_unsuccess));
	if (rest->n == 0 || !read_entry(&d, members, entry))
		return false;
	rest->at += d.reader.next;
	rest->n -= d.reader.next;
	return true;
}

bool smpp_dest_next(struct smpp_octets *rest, struct smpp_dest *dest)
{
	return smpp_entry_next(smpp_dest_address_places, rest, dest);
}

bool smpp_unsuccess_next(struct smpp_octets *rest, struct smpp_unsuccess *unsuccess)
{
	return smpp_entry_next(smpp_unsuccess_sme_places, rest, unsuccess);
}

/* The parameters in order. What cannot be read and all behind it is left to the reader. */
static bool read_params(struct decoding *d)
{
	struct smpp_pdu *pdu = d->pdu;

	if ((pdu->command_id & SMPP_RESP_BIT) && smpp_reader_left(&d->reader) == 0 &&
	    d->command->places->param) {
		pdu->body_absent = true;
		if (pdu->command_status == 0)
			flaw(d, SMPP_FLAW_BODY_ABSENT, d->command->places->param->name,
			     d->reader.next);
		return true;
	}
	for (const struct smpp_place *place = d->command->places; place->param; place++) {
		if (!read_place(d, place, pdu)) {
			d->reader.bad = false;
			return false;
		}
	}
	return true;
}

/* --- Decoding: TLVs ----------------------------------------------------------------------- */

static bool tag_seen(const struct smpp_pdu *pdu, uint16_t tag)
{
	for (uint32_t i = 0; i < pdu->n_tlvs; i++) {
		if (pdu->tlvs[i].tag == tag)
			return true;
	}
	return false;
}

static void judge_tlv(struct decoding *d, uint8_t nth, struct smpp_octets value, uint32_t offset)
{
	const struct smpp_tlv_row *row = &smpp_tlv_rows[nth];

	if (value.n < row->min || value.n > row->max)
		flaw(d, SMPP_FLAW_TLV_LENGTH, row->name, offset);
	else if (row->type == SMPP_TYPE_CSTRING && !smpp_is_terminated(value))
		flaw(d, SMPP_FLAW_UNTERMINATED, row->name, offset);
	if (row->occurs != SMPP_ANYWHERE && !(d->command->tlvs >> nth & 1))
		flaw(d, SMPP_FLAW_TLV_MISPLACED, row->name, offset);
	if (row->tag == SMPP_TLV_message_payload && d->pdu->short_message.n > 0)
		flaw(d, SMPP_FLAW_TWO_TEXTS, row->name, offset);
}

/* Reads one TLV; false: it goes past the end or is one too many, the reader stands before it. */
static bool read_tlv(struct decoding *d)
{
	struct smpp_pdu *pdu = d->pdu;
	uint32_t offset = d->reader.next;
	uint16_t tag = smpp_read_u16(&d->reader);
	struct smpp_octets value = smpp_read_octets(&d->reader, smpp_read_u16(&d->reader));
	const struct smpp_tlv_row *row = smpp_tlv_row(tag);
	uint8_t nth = row ? (uint8_t)(row - smpp_tlv_rows) : SMPP_N_TLV_ROWS;
	const char *name = row ? row->name : "tlv";

	if (d->reader.bad || pdu->n_tlvs == SMPP_MAX_TLVS) {
		flaw(d, d->reader.bad ? SMPP_FLAW_TLV_PAST_END : SMPP_FLAW_TLVS_TOO_MANY, name,
		     offset);
		d->reader.bad = false;
		d->reader.next = offset;
		return false;
	}
	if ((!row || row->occurs != SMPP_LIST) && tag_seen(pdu, tag))
		flaw(d, SMPP_FLAW_TLV_TWICE, name, offset);
	if (row)
		judge_tlv(d, nth, value, offset);
	pdu->tlvs[pdu->n_tlvs++] = (struct smpp_tlv){ .tag = tag, .row = nth, .outside = value };
	return true;
}

static void read_tlvs(struct decoding *d)
{
	while (smpp_reader_left(&d->reader) >= 4) {
		if (!read_tlv(d))
			return;
	}
	if (smpp_reader_left(&d->reader) > 0)
		flaw(d, SMPP_FLAW_LEFTOVER, "tlv", d->reader.next);
}

/* --- Framing and decoding ----------------------------------------------------------------- */

enum smpp_framing smpp_frame(const uint8_t *octets, size_t n, uint32_t max_pdu, uint32_t *length)
{
	*length = 0;
	if (n < 4)
		return SMPP_FRAME_MORE;
	*length = smpp_big_endian(octets, 4);
	if (*length < SMPP_HEADER_OCTETS || *length > max_pdu)
		return SMPP_FRAME_LOST;
	return *length <= n ? SMPP_FRAME_OK : SMPP_FRAME_MORE;
}

static enum smpp_error decode_body(struct decoding *d)
{
	struct smpp_pdu *pdu = d->pdu;

	if (!(pdu->command_id & SMPP_RESP_BIT) && pdu->command_status != 0)
		flaw(d, SMPP_FLAW_STATUS_IN_REQUEST, "command_status", 8);
	if (!read_params(d)) {
		pdu->params_end = d->reader.next;
		if (!(pdu->command_id & SMPP_RESP_BIT) || pdu->command_status == 0)
			return SMPP_EBODY;
		flaw(d, SMPP_FLAW_BODY_SHORT, d->why->field, d->why->offset);
		return SMPP_OK;
	}
	pdu->params_end = d->reader.next;
	read_tlvs(d);
	return SMPP_OK;
}

enum smpp_error smpp_pdu_decode(const uint8_t *octets, size_t n, struct smpp_pdu *pdu,
				struct smpp_problem *why)
{
	struct decoding d = { .reader = { .at = octets }, .pdu = pdu, .why = why };
	enum smpp_error error = SMPP_EUNKNOWN;
	uint32_t length;

	smpp_pdu_init(pdu, 0, 0);
	if (n < SMPP_HEADER_OCTETS || smpp_frame(octets, n, UINT32_MAX, &length) != SMPP_FRAME_OK ||
	    length != n) {
		problem(why, smpp_header_places[0].param, 0, SMPP_ESME_RINVCMDLEN,
			"command_length is not the length of the PDU");
		return SMPP_EFRAME;
	}
	d.reader.n = length;
	pdu->wire = (struct smpp_octets){ .at = octets, .n = length };
	for (const struct smpp_place *place = smpp_header_places; place->param; place++)
		read_place(&d, place, pdu);
	pdu->params_end = d.reader.next;
	d.command = smpp_command(pdu->command_id);
	if (d.command)
		error = decode_body(&d);
	else
		problem(why, smpp_header_places[1].param, 4, SMPP_ESME_RINVCMDID,
			"no command of SMPP 3.4 has this command_id");
	pdu->tlv_rest = smpp_read_octets(&d.reader, smpp_reader_left(&d.reader));
	return error;
}
