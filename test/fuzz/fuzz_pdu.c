/*
 * Fuzzes smpp/pdu.h with any octets: no step beyond them, fields that cover the PDU without a gap,
 * decode and encode inverses of one another (test/pdu_survives.h says it exactly).
 */
#include "test/fuzz/pdu_words.h"
#include "test/pdu_survives.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	survives(data, size, false);
	return 0;
}
