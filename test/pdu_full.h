/*
 * PDUs with everything in them, made from the rows: every parameter and every TLV that a command
 * may carry, at its smallest or at its largest. For tests that are about all PDUs alike; what a
 * PDU looks like is the business of vectors written by hand.
 */
#ifndef TEST_PDU_FULL_H
#define TEST_PDU_FULL_H

#include <stdlib.h>

#include "smpp/pdu_place.h"

enum full_size {
	FULL_SMALLEST, /* one octet where one may stand */
	FULL_LARGEST,
	FULL_PAYLOAD, /* the largest, the text in message_payload instead of short_message */
	FULL_SIZES,
};

/* What the PDU borrows. */
struct full_memory {
	uint8_t text[65535];
	uint8_t group[SMPP_MAX_ENTRIES * 64];
};

static inline struct smpp_octets full_string(struct full_memory *memory, uint32_t n)
{
	static const char letters[] = "491701234567ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
				      "0123456789";

	(void)memory;
	return (struct smpp_octets){ .at = (const uint8_t *)letters, .n = n };
}

static inline void full_number(void *base, const struct smpp_place *place, uint32_t number)
{
	if (place->param->type == SMPP_TYPE_INT4)
		memcpy((uint8_t *)base + place->member, &number, sizeof number);
	else
		*((uint8_t *)base + place->member) = (uint8_t)number;
}

static inline void full_slice(void *base, const struct smpp_place *place, struct smpp_octets slice)
{
	memcpy((uint8_t *)base + place->member, &slice, sizeof slice);
}

static inline uint32_t full_dests(struct full_memory *memory, enum full_size size,
				  struct smpp_octets *group)
{
	struct smpp_writer writer = smpp_writer_of(memory->group, sizeof memory->group);
	uint32_t count = size == FULL_SMALLEST ? 2 : SMPP_MAX_ENTRIES;
	uint32_t n = size == FULL_SMALLEST ? 1 : 20;

	for (uint32_t i = 0; i < count; i++) {
		struct smpp_dest sme = { .dest_flag = SMPP_DEST_SME,
					 .dest_addr_ton = 1,
					 .dest_addr_npi = 1,
					 .destination_addr = full_string(memory, n) };
		struct smpp_dest list = { .dest_flag = SMPP_DEST_LIST,
					  .dl_name = full_string(memory, n) };

		if (smpp_dest_put(&writer, i % 2 ? &list : &sme) != SMPP_OK)
			abort();
	}
	*group = smpp_writer_octets(&writer);
	return count;
}

static inline uint32_t full_unsuccess(struct full_memory *memory, enum full_size size,
				      struct smpp_octets *group)
{
	struct smpp_writer writer = smpp_writer_of(memory->group, sizeof memory->group);
	uint32_t count = size == FULL_SMALLEST ? 1 : SMPP_MAX_ENTRIES;

	for (uint32_t i = 0; i < count; i++) {
		struct smpp_unsuccess entry = { .dest_addr_ton = 1,
						.dest_addr_npi = 1,
						.destination_addr = full_string(memory, 20),
						.error_status_code = 0x0B };

		if (smpp_unsuccess_put(&writer, &entry) != SMPP_OK)
			abort();
	}
	*group = smpp_writer_octets(&writer);
	return count;
}

static inline void full_group(struct smpp_pdu *pdu, struct full_memory *memory, enum full_size size,
			      const struct smpp_place *place)
{
	struct smpp_octets group;
	uint32_t count = place->entry == smpp_dest_address_places ?
				 full_dests(memory, size, &group) :
				 full_unsuccess(memory, size, &group);

	full_number(pdu, place - 1, count);
	full_slice(pdu, place, group);
}

static inline void full_param(struct smpp_pdu *pdu, struct full_memory *memory, enum full_size size,
			      const struct smpp_place *place)
{
	bool small = size == FULL_SMALLEST;

	if (place->null)
		return;
	switch (place->param->type) {
	case SMPP_TYPE_INT1:
		full_number(pdu, place, small ? 1 : 0xFF);
		break;
	case SMPP_TYPE_CSTRING:
		full_slice(pdu, place, full_string(memory, small ? 1 : place->max - 1));
		break;
	case SMPP_TYPE_TIME:
	case SMPP_TYPE_DATE:
		full_slice(pdu, place, full_string(memory, small ? 0 : 16));
		break;
	case SMPP_TYPE_OCTETS:
		full_slice(pdu, place,
			   (struct smpp_octets){ .at = memory->text,
						 .n = size == FULL_PAYLOAD ? 0 :
						      small		   ? 1 :
									     place->max });
		break;
	case SMPP_TYPE_GROUP:
		full_group(pdu, memory, size, place);
		break;
	case SMPP_TYPE_INT4: /* the header's only */
	case SMPP_TYPE_LENGTH:
	case SMPP_TYPE_COUNT:
	case SMPP_TYPE_COUNT1:
	case SMPP_TYPE_INT:
	case SMPP_TYPE_BITS:
	case SMPP_TYPE_NONE:
		break;
	}
}

static inline void full_tlv(struct smpp_pdu *pdu, struct full_memory *memory, enum full_size size,
			    const struct smpp_tlv_row *row)
{
	static const uint8_t nul[1];
	struct smpp_octets value = { .at = memory->text,
				     .n = size == FULL_SMALLEST ? row->min : row->max };
	enum smpp_error error;

	if (row->tag == SMPP_TLV_message_payload && pdu->short_message.n > 0)
		return;
	if (row->type == SMPP_TYPE_CSTRING) /* the letters end in a NUL of their own */
		value = size == FULL_SMALLEST ?
				(struct smpp_octets){ .at = nul, .n = 1 } :
				(struct smpp_octets){ .at = (const uint8_t *)"0123456789",
						      .n = 11 };
	if (row->type == SMPP_TYPE_INT || row->type == SMPP_TYPE_BITS)
		error = smpp_pdu_tlv_add_int(pdu, row->tag, row->max == 4 ? 0x01020304 : 0x7F);
	else
		error = smpp_pdu_tlv_add(pdu, row->tag, value);
	if (error != SMPP_OK)
		abort();
	/* Lists come twice. */
	if (row->occurs == SMPP_LIST && smpp_pdu_tlv_add(pdu, row->tag, value) != SMPP_OK)
		abort();
}

static inline void full_pdu(struct smpp_pdu *pdu, struct full_memory *memory, enum full_size size,
			    const struct smpp_command *command)
{
	smpp_pdu_init(pdu, command->id, 0x01020304);
	for (size_t i = 0; i < sizeof memory->text; i++)
		memory->text[i] = (uint8_t)(i + 1);
	for (const struct smpp_place *place = command->places; place->param; place++)
		full_param(pdu, memory, size, place);
	for (size_t i = 0; i < SMPP_N_TLV_ROWS; i++) {
		if (command->tlvs >> i & 1)
			full_tlv(pdu, memory, size, &smpp_tlv_rows[i]);
	}
	/* And one of the carrier's own (0x1400-0x3FFF). */
	if (smpp_pdu_tlv_add(pdu, 0x1403, (struct smpp_octets){ .at = memory->text, .n = 3 }) !=
	    SMPP_OK)
		abort();
}

#endif
