/*
 * Fuzzes smpp/print.h with PDUs of any octets: every form fits the room that was asked for, and
 * nothing but plain characters comes out. Apart from fuzz_pdu.c, for printing costs a hundred
 * times what decoding does.
 */
#include "test/fuzz/pdu_words.h"
#include "test/pdu_survives.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smpp_problem why;
	struct smpp_pdu pdu;

	if (smpp_pdu_decode(data, size, &pdu, &why) == SMPP_EFRAME)
		return 0;
	print_all(&pdu, true);
	print_all(&pdu, false);
	return 0;
}
