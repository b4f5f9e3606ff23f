/*
 * A decoded or half-made PDU: its flaws, its TLVs, its text, and the walk over its fields.
 * Decoding is in smpp/pdu_decode.c, encoding in smpp/pdu_encode.c, the tables of smpp/pdu.def in
 * smpp/pdu_rows.c.
 */
#include "smpp/pdu_place.h"

void smpp_pdu_init(struct smpp_pdu *pdu, uint32_t command_id, uint32_t sequence_number)
{
	memset(pdu, 0, offsetof(struct smpp_pdu, flaws));
	pdu->command_id = command_id;
	pdu->sequence_number = sequence_number;
}

static const char *const flaw_texts[SMPP_N_FLAW_KINDS] = {
	[SMPP_FLAW_TOO_LONG] = "longer than the specification allows",
	[SMPP_FLAW_NOT_ASCII] = "holds octets that are not ASCII",
	[SMPP_FLAW_NOT_NULL] = "must be null in this PDU and is not",
	[SMPP_FLAW_DATE_LENGTH] = "a time is empty or 16 characters, and this is neither",
	[SMPP_FLAW_UNTERMINATED] = "is not closed by a NUL, or one stands before its end",
	[SMPP_FLAW_BODY_ABSENT] = "the response has no body",
	[SMPP_FLAW_BODY_SHORT] = "the error response ends before its last parameter",
	[SMPP_FLAW_STATUS_IN_REQUEST] = "command_status of a request must be null",
	[SMPP_FLAW_SM_LENGTH_255] = "sm_length is 255, the largest allowed is 254",
	[SMPP_FLAW_SM_LENGTH_PAST_END] = "sm_length says more octets than the PDU has left",
	[SMPP_FLAW_COUNT] = "the number of entries is outside what the specification allows",
	[SMPP_FLAW_TWO_TEXTS] = "message_payload came with a short_message, which is used",
	[SMPP_FLAW_TLV_LENGTH] = "the length of the value is not what the tag asks for",
	[SMPP_FLAW_TLV_PAST_END] = "the TLV's length says more octets than the PDU has left",
	[SMPP_FLAW_TLV_TWICE] = "the TLV came before; the first one counts",
	[SMPP_FLAW_TLV_MISPLACED] = "the specification does not have this TLV in this PDU",
	[SMPP_FLAW_TLVS_TOO_MANY] = "more than 64 TLVs; the rest is kept undecoded",
	[SMPP_FLAW_LEFTOVER] = "fewer than four octets are left behind the last parameter",
};

const char *smpp_flaw_text(enum smpp_flaw_kind kind)
{
	return flaw_texts[kind];
}

bool smpp_pdu_has_flaw(const struct smpp_pdu *pdu, enum smpp_flaw_kind kind)
{
	for (uint32_t i = 0; i < pdu->n_flaws; i++) {
		if (pdu->flaws[i].kind == kind)
			return true;
	}
	return false;
}

/* --- TLVs and the user's data --------------------------------------------------------------- */

struct smpp_octets smpp_tlv_value(const struct smpp_tlv *tlv)
{
	if (tlv->inside == 0)
		return tlv->outside;
	return (struct smpp_octets){ .at = tlv->small, .n = tlv->inside };
}

struct smpp_octets smpp_tlv_string(const struct smpp_tlv *tlv)
{
	struct smpp_octets value = smpp_tlv_value(tlv);
	const uint8_t *nul = value.n > 0 ? memchr(value.at, 0, value.n) : NULL;

	if (nul)
		value.n = (uint32_t)(nul - value.at);
	return value;
}

static const struct smpp_tlv *tlv_from(const struct smpp_pdu *pdu, size_t first, uint16_t tag)
{
	for (size_t i = first; i < pdu->n_tlvs; i++) {
		if (pdu->tlvs[i].tag == tag)
			return &pdu->tlvs[i];
	}
	return NULL;
}

const struct smpp_tlv *smpp_pdu_tlv(const struct smpp_pdu *pdu, uint16_t tag)
{
	return tlv_from(pdu, 0, tag);
}

const struct smpp_tlv *smpp_pdu_tlv_next(const struct smpp_pdu *pdu, const struct smpp_tlv *tlv)
{
	return tlv_from(pdu, (size_t)(tlv - pdu->tlvs) + 1, tlv->tag);
}

/* Is it an Integer of its proper width? Then *number is its value. */
static bool tlv_number(const struct smpp_tlv *tlv, uint32_t *number)
{
	const struct smpp_tlv_row *row = smpp_tlv_row(tlv->tag);
	struct smpp_octets value = smpp_tlv_value(tlv);

	if (!row || !smpp_tlv_row_is_integer(row) || value.n != row->max)
		return false;
	*number = smpp_big_endian(value.at, value.n);
	return true;
}

enum smpp_tlv_int smpp_pdu_tlv_int(const struct smpp_pdu *pdu, uint16_t tag, uint32_t *value)
{
	const struct smpp_tlv *tlv = smpp_pdu_tlv(pdu, tag);

	if (!tlv)
		return SMPP_TLV_INT_ABSENT;
	return tlv_number(tlv, value) ? SMPP_TLV_INT_OK : SMPP_TLV_INT_WIDTH;
}

static struct smpp_tlv *tlv_append(struct smpp_pdu *pdu, uint16_t tag,
				   const struct smpp_tlv_row *row)
{
	struct smpp_tlv *tlv = &pdu->tlvs[pdu->n_tlvs++];

	*tlv = (struct smpp_tlv){ .tag = tag,
				  .row = row ? (uint8_t)(row - smpp_tlv_rows) : SMPP_N_TLV_ROWS };
	return tlv;
}

enum smpp_error smpp_pdu_tlv_add(struct smpp_pdu *pdu, uint16_t tag, struct smpp_octets value)
{
	const struct smpp_tlv_row *row = smpp_tlv_row(tag);

	if (value.n > UINT16_MAX || (row && (value.n < row->min || value.n > row->max)))
		return SMPP_EVALUE;
	if (pdu->n_tlvs == SMPP_MAX_TLVS)
		return SMPP_ENOSPACE;
	tlv_append(pdu, tag, row)->outside = value;
	return SMPP_OK;
}

enum smpp_error smpp_pdu_tlv_add_int(struct smpp_pdu *pdu, uint16_t tag, uint32_t value)
{
	const struct smpp_tlv_row *row = smpp_tlv_row(tag);
	struct smpp_tlv *tlv;

	if (!row || !smpp_tlv_row_is_integer(row) || (uint64_t)value >> 8 * row->max != 0)
		return SMPP_EVALUE;
	if (pdu->n_tlvs == SMPP_MAX_TLVS)
		return SMPP_ENOSPACE;
	tlv = tlv_append(pdu, tag, row);
	tlv->inside = (uint8_t)row->max;
	for (uint32_t i = 0; i < row->max; i++)
		tlv->small[i] = (uint8_t)(value >> 8 * (row->max - 1 - i));
	return SMPP_OK;
}

struct smpp_octets smpp_pdu_message(const struct smpp_pdu *pdu)
{
	const struct smpp_tlv *payload = smpp_pdu_tlv(pdu, SMPP_TLV_message_payload);

	if (pdu->short_message.n > 0 || !payload)
		return pdu->short_message;
	return smpp_tlv_value(payload);
}

/* --- Visit ----------------------------------------------------------------------------------- */

struct walk {
	const struct smpp_pdu *pdu;
	smpp_visit_fn *visit;
	void *ctx;
	uint32_t offset;
	uint32_t end; /* parameters lie before it */
};

static void visit_field(struct walk *w, struct smpp_field *field)
{
	field->offset = w->offset;
	w->visit(w->ctx, field);
	w->offset += field->octets;
}

/* The octets a member takes on the wire. */
static uint32_t octets_of(const struct walk *w, const struct smpp_place *place, const void *base)
{
	switch (place->param->type) {
	case SMPP_TYPE_INT4:
		return 4;
	case SMPP_TYPE_CSTRING:
	case SMPP_TYPE_TIME:
	case SMPP_TYPE_DATE: {
		uint32_t n = smpp_member_slice(base, place).n + 1;

		/* One that came without its NUL ends where the parameters end. */
		return n <= w->end - w->offset ? n : w->end - w->offset;
	}
	case SMPP_TYPE_OCTETS:
		return smpp_member_slice(base, place).n;
	case SMPP_TYPE_INT1:
	case SMPP_TYPE_LENGTH:
	case SMPP_TYPE_COUNT:
	case SMPP_TYPE_COUNT1:
		return 1;
	case SMPP_TYPE_GROUP:
	case SMPP_TYPE_INT:
	case SMPP_TYPE_BITS:
	case SMPP_TYPE_NONE:
		break;
	}
	return 0;
}

/* Fills in what the row and the member say; the caller knows the rest. */
static void visit_member(struct walk *w, const struct smpp_place *place, const void *base,
			 struct smpp_field *field)
{
	const struct smpp_param *param = place->param;

	field->name = param->name;
	field->type = param->type;
	field->mask = param->mask;
	field->section = param->section;
	field->octets = octets_of(w, place, base);
	switch (param->type) {
	case SMPP_TYPE_LENGTH:
		field->has_number = true;
		field->number = w->pdu->wire.n ? smpp_member_number(base, place) :
						 smpp_member_slice(base, place + 1).n;
		break;
	case SMPP_TYPE_INT1:
	case SMPP_TYPE_INT4:
	case SMPP_TYPE_COUNT:
	case SMPP_TYPE_COUNT1:
		field->has_number = true;
		field->number = smpp_member_number(base, place);
		break;
	case SMPP_TYPE_CSTRING:
	case SMPP_TYPE_TIME:
	case SMPP_TYPE_DATE:
	case SMPP_TYPE_OCTETS:
		field->value = smpp_member_slice(base, place);
		break;
	case SMPP_TYPE_GROUP:
	case SMPP_TYPE_INT:
	case SMPP_TYPE_BITS:
	case SMPP_TYPE_NONE:
		break;
	}
	visit_field(w, field);
}

static void visit_entries(struct walk *w, const struct smpp_place *place)
{
	struct smpp_octets rest = smpp_member_slice(w->pdu, place);
	union smpp_any_entry entry;

	for (uint32_t i = 1; smpp_entry_next(place->entry, &rest, &entry); i++) {
		for (const struct smpp_place *m = place->entry; m->param; m++) {
			struct smpp_field field = { .part = SMPP_PART_ENTRY,
						    .entry = i,
						    .group = place->param->name };

			if (smpp_member_belongs(m, &entry))
				visit_member(w, m, &entry, &field);
		}
	}
}

static void visit_params(struct walk *w, const struct smpp_place *places, enum smpp_part part)
{
	for (const struct smpp_place *place = places; place->param; place++) {
		struct smpp_field field = { .part = part };

		if (place->param->type == SMPP_TYPE_GROUP)
			visit_entries(w, place);
		else if (w->offset < w->end || place->param->type == SMPP_TYPE_OCTETS)
			visit_member(w, place, w->pdu, &field);
		else
			return;
	}
}

/* What was not understood may be anything, in a bind the password. */
static enum smpp_mask mask_of_unknown(const struct smpp_command *command)
{
	for (const struct smpp_place *place = command ? command->places : NULL;
	     place && place->param; place++) {
		if (place->param->mask == SMPP_MASK_PASSWORD)
			return SMPP_MASK_PASSWORD;
	}
	return SMPP_MASK_ANY;
}

static void visit_tlv(struct walk *w, const struct smpp_tlv *tlv)
{
	const struct smpp_tlv_row *row = smpp_tlv_row(tlv->tag);
	struct smpp_field field = { .part = SMPP_PART_TLV,
				    .type = SMPP_TYPE_OCTETS,
				    .tag = tlv->tag,
				    .value = smpp_tlv_value(tlv) };

	if (row) {
		field.name = row->name;
		field.type = row->type;
		field.mask = row->mask;
		field.section = row->section;
	} else {
		field.mask = mask_of_unknown(smpp_command(w->pdu->command_id));
	}
	field.has_number = tlv_number(tlv, &field.number);
	field.octets = 4 + field.value.n;
	visit_field(w, &field);
}

void smpp_pdu_visit(const struct smpp_pdu *pdu, smpp_visit_fn *visit, void *ctx)
{
	const struct smpp_command *command = smpp_command(pdu->command_id);
	struct walk w = { .pdu = pdu, .visit = visit, .ctx = ctx, .end = UINT32_MAX };

	if (pdu->wire.n > 0)
		w.end = pdu->params_end;
	visit_params(&w, smpp_header_places, SMPP_PART_HEADER);
	if (command && !pdu->body_absent)
		visit_params(&w, command->places, SMPP_PART_BODY);
	for (uint32_t i = 0; i < pdu->n_tlvs; i++)
		visit_tlv(&w, &pdu->tlvs[i]);
	if (pdu->tlv_rest.n > 0)
		visit_field(&w, &(struct smpp_field){ .part = SMPP_PART_REST,
						      .name = "rest",
						      .type = SMPP_TYPE_OCTETS,
						      .value = pdu->tlv_rest,
						      .mask = mask_of_unknown(command),
						      .octets = pdu->tlv_rest.n });
}
