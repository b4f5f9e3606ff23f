/*
 * Fuzzes smpp/concat.h: any octets are cut into parts that make them again; any header is read
 * within bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "smpp/concat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void check_plan(enum smpp_alphabet alphabet, enum smpp_concat_method method,
		       const uint8_t *data, size_t size)
{
	struct smpp_concat_plan plan;
	size_t at = 0;

	if (smpp_concat_plan(alphabet, data, size, method, &plan) != SMPP_CONCAT_OK) {
		must(plan.pdus == 0 && plan.radio_parts > 1);
		return;
	}
	for (uint16_t i = 0; i < plan.pdus; i++) {
		uint8_t octets[SMPP_MAX_SHORT_MESSAGE];
		struct smpp_concat_part part;

		smpp_concat_part(&plan, i, 7, &part);
		must(part.at == data + at);
		must(part.n > 0 || size == 0);
		must((part.udh_n > 0) == (part.esm_class == 0x40));
		if (!part.in_payload)
			must(smpp_concat_short_message(&part, octets) == part.udh_n + part.n);
		at += part.n;
	}
	must(at == size);
}

/* With what the sar_* TLVs may say beside the octets, or instead. */
static void add_sar(struct smpp_pdu *pdu, const uint8_t *data, size_t size)
{
	static const uint16_t tags[] = { SMPP_TLV_sar_msg_ref_num, SMPP_TLV_sar_total_segments,
					 SMPP_TLV_sar_segment_seqnum };

	for (size_t i = 0; i < 3 && i < size; i++) {
		if (data[i] != 0xFF) /* not there */
			must(smpp_pdu_tlv_add_int(pdu, tags[i], data[i] & 0x3F) == SMPP_OK);
	}
}

static void check_info(uint8_t esm_class, bool sar, const uint8_t *data, size_t size)
{
	struct smpp_concat_info info;
	struct smpp_pdu pdu;

	smpp_pdu_init(&pdu, SMPP_deliver_sm, 1);
	pdu.esm_class = esm_class;
	pdu.short_message = (struct smpp_octets){ data, (uint32_t)size };
	if (sar)
		add_sar(&pdu, data, size);
	smpp_concat_info(&pdu, &info);
	must(info.udh.n + info.body.n == size);
	must(info.total > 0 && info.seqnum > 0 && info.seqnum <= info.total);
	must(info.flags == 0 || info.method == SMPP_CONCAT_NONE);
	must(sar || info.method != SMPP_CONCAT_SAR);
}

/* Two octets of choice, then the octets. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	check_plan(data[0] % SMPP_ALPHABETS, data[1] % (SMPP_CONCAT_PAYLOAD + 1), data + 2,
		   size - 2);
	check_info(data[1], data[0] & 0x80, data + 2, size - 2);
	return 0;
}
