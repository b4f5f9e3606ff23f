/*
 * Long messages in parts; see concat.h. Two things that share the same few facts: cutting, and
 * reading part information.
 */
#include "smpp/concat.h"

#include <assert.h>
#include <string.h>

enum {
	IE_CONCAT_8 = 0x00,  /* GSM 03.40, 9.2.3.24.1 */
	IE_CONCAT_16 = 0x08, /* 9.2.3.24.8 */
	UDHI = 0x40,	     /* of esm_class, 5.2.12 */
	RADIO_OCTETS = 140,  /* one short message on air, GSM 03.40, 9.2.3.16 */
	RADIO_SEPTETS = 160,
	PARTS_COUNTED = 65535,
};

/* ---- Cutting ---- */

static bool is_septets(enum smpp_alphabet alphabet)
{
	return alphabet == SMPP_ALPHABET_GSM7 || alphabet == SMPP_ALPHABET_ASCII;
}

/* Octets of the header that is on air with each part. Of SAR the SMSC makes an 8-bit one. */
static unsigned header_octets(enum smpp_concat_method method)
{
	if (method == SMPP_CONCAT_NONE)
		return 0;
	return method == SMPP_CONCAT_UDH16 ? 7 : 6;
}

uint16_t smpp_concat_part_octets(enum smpp_alphabet alphabet, enum smpp_concat_method method)
{
	unsigned header = header_octets(method);

	if (is_septets(alphabet)) /* the header is filled up to a whole septet */
		return (uint16_t)(RADIO_SEPTETS - (header * 8 + 6) / 7);
	if (alphabet == SMPP_ALPHABET_UCS2)
		return (uint16_t)((RADIO_OCTETS - header) / 2 * 2);
	return (uint16_t)(RADIO_OCTETS - header);
}

uint16_t smpp_concat_single_octets(enum smpp_alphabet alphabet)
{
	return smpp_concat_part_octets(alphabet, SMPP_CONCAT_NONE);
}

/* Would a cut before at[end] part an escape from its character? Escapes are read from start. */
static bool parts_escape(const uint8_t *at, size_t start, size_t end)
{
	size_t escapes = 0;

	while (end - escapes > start && at[end - escapes - 1] == 0x1B)
		escapes++;
	return escapes % 2 == 1;
}

static bool parts_surrogates(const uint8_t *at, size_t start, size_t end, size_t n)
{
	return end - start >= 2 && n - end >= 2 && (at[end - 2] & 0xFC) == 0xD8 &&
	       (at[end] & 0xFC) == 0xDC;
}

/* Where the part that begins at start ends: at most limit octets on, between characters. */
static size_t part_end(enum smpp_alphabet alphabet, const uint8_t *at, size_t n, size_t start,
		       size_t limit)
{
	size_t end = start + limit;

	if (n - start <= limit)
		return n;
	if (alphabet == SMPP_ALPHABET_GSM7 && parts_escape(at, start, end))
		return end - 1;
	if (alphabet == SMPP_ALPHABET_UCS2 && parts_surrogates(at, start, end, n))
		return end - 2;
	return end;
}

/* Cuts into parts of at most limit octets; fills starts as far as it reaches, returns how many
 * parts there are. */
static size_t cut(struct smpp_concat_plan *plan, size_t n, size_t limit)
{
	size_t parts = 0, start = 0;

	do {
		if (parts < SMPP_CONCAT_MAX_PARTS)
			plan->starts[parts] = (uint16_t)start;
		start = part_end(plan->alphabet, plan->at, n, start, limit);
		parts++;
		if (parts <= SMPP_CONCAT_MAX_PARTS)
			plan->starts[parts] = (uint16_t)start;
	} while (start < n);
	return parts;
}

enum smpp_concat_error smpp_concat_plan(enum smpp_alphabet alphabet, const uint8_t *at, size_t n,
					enum smpp_concat_method method,
					struct smpp_concat_plan *plan)
{
	size_t parts;

	assert(alphabet < SMPP_ALPHABETS);
	plan->alphabet = alphabet;
	plan->at = at;
	plan->method = n <= smpp_concat_single_octets(alphabet) ? SMPP_CONCAT_NONE : method;
	parts = cut(plan, n, smpp_concat_part_octets(alphabet, plan->method));
	plan->radio_parts = parts < PARTS_COUNTED ? (uint16_t)parts : PARTS_COUNTED;
	plan->pdus = 0;
	if (parts > SMPP_CONCAT_MAX_PARTS || (parts > 1 && plan->method == SMPP_CONCAT_NONE))
		return SMPP_CONCAT_TOO_LONG;
	if (plan->method == SMPP_CONCAT_PAYLOAD) {
		plan->pdus = 1;
		plan->starts[1] = (uint16_t)n;
	} else {
		plan->pdus = (uint16_t)parts;
	}
	return SMPP_CONCAT_OK;
}

uint32_t smpp_concat_refs(enum smpp_concat_method method)
{
	switch (method) {
	case SMPP_CONCAT_UDH8:
		return 256;
	case SMPP_CONCAT_UDH16:
	case SMPP_CONCAT_SAR:
		return 65536;
	case SMPP_CONCAT_NONE:
	case SMPP_CONCAT_PAYLOAD:
		break;
	}
	return 0;
}

/* UDHL, the element's id, its length, the reference, total and number. */
static void write_udh(const struct smpp_concat_plan *plan, struct smpp_concat_part *part)
{
	struct smpp_writer writer = smpp_writer_of(part->udh, sizeof part->udh);
	bool wide = plan->method == SMPP_CONCAT_UDH16;

	smpp_write_u8(&writer, wide ? 6 : 5);
	smpp_write_u8(&writer, wide ? IE_CONCAT_16 : IE_CONCAT_8);
	smpp_write_u8(&writer, wide ? 4 : 3);
	if (wide)
		smpp_write_u16(&writer, part->ref);
	else
		smpp_write_u8(&writer, (uint8_t)part->ref);
	smpp_write_u8(&writer, part->total);
	smpp_write_u8(&writer, part->seqnum);
	part->udh_n = (uint8_t)writer.n;
	part->esm_class = UDHI;
}

void smpp_concat_part(const struct smpp_concat_plan *plan, uint16_t i, uint16_t ref,
		      struct smpp_concat_part *part)
{
	assert(i < plan->pdus && plan->pdus <= SMPP_CONCAT_MAX_PARTS);
	*part = (struct smpp_concat_part){
		.in_payload = plan->method == SMPP_CONCAT_PAYLOAD,
		.sar = plan->method == SMPP_CONCAT_SAR,
		.total = (uint8_t)plan->pdus,
		.seqnum = (uint8_t)(i + 1),
		.at = plan->at + plan->starts[i],
		.n = (uint16_t)(plan->starts[i + 1] - plan->starts[i]),
	};
	if (smpp_concat_refs(plan->method) == 0)
		return;
	assert(ref < smpp_concat_refs(plan->method));
	part->ref = ref;
	if (!part->sar)
		write_udh(plan, part);
}

uint8_t smpp_concat_short_message(const struct smpp_concat_part *part, uint8_t *out)
{
	struct smpp_writer writer = smpp_writer_of(out, SMPP_MAX_SHORT_MESSAGE);

	assert(!part->in_payload);
	smpp_write_octets(&writer, part->udh, part->udh_n);
	smpp_write_octets(&writer, part->at, part->n);
	assert(!writer.bad);
	return (uint8_t)writer.n;
}

/* ---- Reading ---- */

/* Notes one statement about parts; a second one must say the same. */
static void state_part(struct smpp_concat_info *info, enum smpp_concat_method method, uint16_t ref,
		       uint8_t total, uint8_t seqnum)
{
	if (total == 0 || seqnum == 0 || seqnum > total)
		info->flags |= SMPP_CONCAT_BAD_COUNT;
	if (info->method != SMPP_CONCAT_NONE) {
		if (info->total != total || info->seqnum != seqnum ||
		    (info->method == method && info->ref != ref))
			info->flags |= SMPP_CONCAT_CONFLICT;
		return;
	}
	info->method = method;
	info->ref = ref;
	info->total = total;
	info->seqnum = seqnum;
}

static void read_element(struct smpp_concat_info *info, uint8_t id, struct smpp_octets data)
{
	struct smpp_reader reader = smpp_reader_of(data.at, data.n);
	bool wide = id == IE_CONCAT_16;
	uint16_t ref;
	uint8_t total, seqnum;

	if (id != IE_CONCAT_8 && id != IE_CONCAT_16)
		return;
	ref = wide ? smpp_read_u16(&reader) : smpp_read_u8(&reader);
	total = smpp_read_u8(&reader);
	seqnum = smpp_read_u8(&reader);
	if (reader.bad || smpp_reader_left(&reader) > 0) {
		info->flags |= SMPP_CONCAT_IE_OVERRUN;
		return;
	}
	state_part(info, wide ? SMPP_CONCAT_UDH16 : SMPP_CONCAT_UDH8, ref, total, seqnum);
}

/* Takes the header off the body (GSM 03.40, 9.2.3.24), wherever the body lies. */
static void read_udh(struct smpp_concat_info *info)
{
	struct smpp_reader body = smpp_reader_of(info->body.at, info->body.n);
	uint8_t udhl = smpp_read_u8(&body);
	struct smpp_octets elements = smpp_read_octets(&body, udhl);
	struct smpp_reader reader = smpp_reader_of(elements.at, elements.n);

	if (body.bad) {
		info->flags |= SMPP_CONCAT_UDH_OVERRUN;
		return;
	}
	info->udh = (struct smpp_octets){ .at = info->body.at, .n = udhl + 1U };
	info->body = smpp_read_octets(&body, smpp_reader_left(&body));
	while (!reader.bad && smpp_reader_left(&reader) > 0) {
		uint8_t id = smpp_read_u8(&reader);
		uint8_t length = smpp_read_u8(&reader);
		struct smpp_octets data = smpp_read_octets(&reader, length);

		if (reader.bad)
			info->flags |= SMPP_CONCAT_IE_OVERRUN;
		else
			read_element(info, id, data);
	}
}

static void read_sar(const struct smpp_pdu *pdu, struct smpp_concat_info *info)
{
	uint32_t ref = 0, total = 0, seqnum = 0;
	enum smpp_tlv_int has_ref = smpp_pdu_tlv_int(pdu, SMPP_TLV_sar_msg_ref_num, &ref);
	enum smpp_tlv_int has_total = smpp_pdu_tlv_int(pdu, SMPP_TLV_sar_total_segments, &total);
	enum smpp_tlv_int has_seqnum = smpp_pdu_tlv_int(pdu, SMPP_TLV_sar_segment_seqnum, &seqnum);

	if (has_ref == SMPP_TLV_INT_ABSENT && has_total == SMPP_TLV_INT_ABSENT &&
	    has_seqnum == SMPP_TLV_INT_ABSENT)
		return;
	if (has_ref != SMPP_TLV_INT_OK || has_total != SMPP_TLV_INT_OK ||
	    has_seqnum != SMPP_TLV_INT_OK) {
		info->flags |= SMPP_CONCAT_SAR_PARTIAL;
		return;
	}
	state_part(info, SMPP_CONCAT_SAR, (uint16_t)ref, (uint8_t)total, (uint8_t)seqnum);
}

void smpp_concat_info(const struct smpp_pdu *pdu, struct smpp_concat_info *info)
{
	*info = (struct smpp_concat_info){ 0 };
	if (pdu->command_id == SMPP_submit_sm || pdu->command_id == SMPP_deliver_sm ||
	    pdu->command_id == SMPP_data_sm) {
		info->body = smpp_pdu_message(pdu);
		if (pdu->esm_class & UDHI)
			read_udh(info);
		read_sar(pdu, info);
	}
	if (info->flags != 0 || info->method == SMPP_CONCAT_NONE) {
		info->method = SMPP_CONCAT_NONE;
		info->ref = 0;
		info->total = 1;
		info->seqnum = 1;
	}
}
