/*
 * Fuzzes smpp/receipt.h: a whole PDU of any octets, or any text in a PDU that is marked as a
 * receipt. Whatever comes, slices lie where they may and a kind keeps its promises.
 */
#include <stdlib.h>
#include <string.h>

#include "smpp/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void check_slice(const struct smpp_receipt *receipt, struct smpp_octets slice,
			const uint8_t *data, size_t size)
{
	const uint8_t *scratch_end = receipt->scratch + sizeof receipt->scratch;

	must(slice.n == 0 || (slice.at >= data && slice.at + slice.n <= data + size) ||
	     (slice.at >= receipt->scratch && slice.at + slice.n <= scratch_end));
}

static void check_ids(const struct smpp_receipt *receipt)
{
	for (size_t i = 0; i < 2; i++) {
		struct smpp_id_reading readings[SMPP_ID_READINGS];
		size_t n = smpp_id_readings(receipt->ids[i].at, receipt->ids[i].n, SMPP_ID_ANY,
					    readings);

		must(n <= SMPP_ID_READINGS);
		for (size_t k = 0; k < n; k++) {
			char again[SMPP_ID_OCTETS];

			must(readings[k].n == strlen(readings[k].id));
			if (memchr(readings[k].id, ' ', readings[k].n))
				continue; /* dashes taken out may leave a blank at an end */
			must(smpp_id_canonical(readings[k].id, readings[k].n, again) ==
			     readings[k].n);
			must(strcmp(again, readings[k].id) == 0);
		}
	}
}

static void check(const struct smpp_pdu *pdu, const uint8_t *data, size_t size, bool unmarked)
{
	static const struct smpp_receipt_word words[] = { { "0", SMPP_STATE_DELIVERED },
							  { "9", SMPP_STATE_REJECTED } };
	const struct smpp_receipt_options options = { unmarked, words, 2 };
	struct smpp_receipt receipt;

	smpp_receipt_parse(pdu, &options, &receipt);
	must(receipt.kind <= SMPP_RECEIPT_UNPARSED && receipt.state < SMPP_STATES);
	must(receipt.err.n <= SMPP_RECEIPT_ERR_OCTETS);
	must((receipt.kind == SMPP_RECEIPT_IS || receipt.kind == SMPP_RECEIPT_INTERMEDIATE) ==
	     (receipt.ids[0].n > 0 || receipt.ids[1].n > 0));
	must(receipt.source != SMPP_RECEIPT_FROM_NONE || receipt.state == SMPP_STATE_UNKNOWN);
	must(receipt.source != SMPP_RECEIPT_FROM_TEXT || receipt.stat.n > 0);
	check_slice(&receipt, receipt.ids[0], data, size);
	check_slice(&receipt, receipt.ids[1], data, size);
	check_slice(&receipt, receipt.stat, data, size);
	check_slice(&receipt, receipt.err, data, size);
	check_slice(&receipt, receipt.sub, data, size);
	check_slice(&receipt, receipt.dlvrd, data, size);
	check_slice(&receipt, receipt.submit_date, data, size);
	check_slice(&receipt, receipt.done_date, data, size);
	check_slice(&receipt, receipt.text, data, size);
	check_slice(&receipt, receipt.body, data, size);
	check_ids(&receipt);
}

/* Two octets of choice, then a PDU whose command_length is put right, or a text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smpp_pdu pdu;

	if (size < 2)
		return 0;
	if (data[0] & 1) {
		struct smpp_problem problem;
		size_t n = size - 2;
		uint8_t *wire = malloc(n + 1);

		if (wire && n >= 16) {
			struct smpp_writer writer = smpp_writer_of(wire, 4);

			memcpy(wire, data + 2, n);
			smpp_write_u32(&writer, (uint32_t)n);
			if (smpp_pdu_decode(wire, (uint32_t)n, &pdu, &problem) == SMPP_OK)
				check(&pdu, wire, n, data[0] & 2);
		}
		free(wire);
		return 0;
	}
	smpp_pdu_init(&pdu, SMPP_deliver_sm, 1);
	pdu.esm_class = data[1];
	pdu.short_message = (struct smpp_octets){ data + 2, (uint32_t)(size - 2) };
	check(&pdu, data, size, data[0] & 2);
	return 0;
}
