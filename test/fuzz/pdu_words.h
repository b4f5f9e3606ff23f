/*
 * Changes to a PDU in words from the rows of smpp/pdu.def, so what a row adds is fuzzed from then
 * on: command ids, and TLVs of every tag at their least, their largest and a wrong size. Included
 * by the fuzz targets that are fed with PDUs.
 */
#ifndef TEST_FUZZ_PDU_WORDS_H
#define TEST_FUZZ_PDU_WORDS_H

#include "smpp/pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static void set_u32(uint8_t *at, uint32_t value)
{
	struct smpp_writer writer = smpp_writer_of(at, 4);

	smpp_write_u32(&writer, value);
}

static size_t add_tlv(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	const struct smpp_tlv_row *row = &smpp_tlv_rows[seed % SMPP_N_TLV_ROWS];
	uint32_t sizes[] = { row->min, row->max % 256, row->max % 256 + 1 };
	uint32_t n = sizes[seed / SMPP_N_TLV_ROWS % 3];
	struct smpp_writer writer = smpp_writer_of(data + size, (uint32_t)(max_size - size));

	if (max_size - size < 4 + n)
		return size;
	smpp_write_u16(&writer, row->tag);
	smpp_write_u16(&writer, (uint16_t)n);
	memset(data + size + 4, 0, n);
	return size + 4 + n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	unsigned kind = seed % 8;

	seed /= 8;
	if (size < SMPP_HEADER_OCTETS || kind > 2)
		size = LLVMFuzzerMutate(data, size, max_size);
	else if (kind == 0)
		set_u32(data + 4, smpp_commands[seed % SMPP_N_COMMANDS].id);
	else
		size = add_tlv(data, size, max_size, seed);
	/* A length that is not true is refused before anything else is looked at. */
	if (size >= SMPP_HEADER_OCTETS && kind != 7)
		set_u32(data, (uint32_t)size);
	return size;
}

#endif
