/*
 * Fuzzes smpp/coding.h: any octets decode within bounds to UTF-8; a text that encodes decodes to
 * itself without a flag; measuring, encoding and choosing agree.
 */
#include <stdlib.h>
#include <string.h>

#include "smpp/coding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	MOST_OCTETS = 4096
};

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void check_decode(enum smpp_alphabet alphabet, const uint8_t *data, size_t size)
{
	struct smpp_coding_buf out = { .cap = SMPP_CODING_UTF8_MAX(size) };
	struct smpp_coding_measure measure;

	out.at = malloc(out.cap + 1);
	must(out.at != NULL);
	must(smpp_coding_to_utf8(alphabet, data, size, &out) == SMPP_CODING_OK);
	must(smpp_coding_measure(SMPP_ALPHABET_UCS2, (char *)out.at, out.n, &measure) ==
	     SMPP_CODING_OK);
	free(out.at);
}

static void check_encode(enum smpp_alphabet alphabet, const uint8_t *data, size_t size)
{
	struct smpp_coding_buf wire = { .cap = SMPP_CODING_WIRE_MAX(size) };
	struct smpp_coding_buf back = { .cap = size };
	struct smpp_coding_measure measure;
	enum smpp_coding_error error;

	wire.at = malloc(wire.cap + 1);
	back.at = malloc(back.cap + 1);
	must(wire.at && back.at);
	error = smpp_coding_from_utf8(alphabet, (const char *)data, size, &wire);
	must(error == smpp_coding_measure(alphabet, (const char *)data, size, &measure));
	must(error != SMPP_CODING_SPACE);
	if (error == SMPP_CODING_OK) {
		must(measure.octets == wire.n);
		must(smpp_coding_to_utf8(alphabet, wire.at, wire.n, &back) == SMPP_CODING_OK);
		must(back.flags == 0 && back.n == size);
		must(size == 0 || memcmp(back.at, data, size) == 0);
	}
	free(wire.at);
	free(back.at);
}

static void check_choice(enum smpp_alphabet of_zero, unsigned allowed, const uint8_t *data,
			 size_t size)
{
	struct smpp_coding_policy policy = { { .of_zero = of_zero }, allowed };
	struct smpp_coding_choice choice;
	struct smpp_coding_measure measure;
	char why[96];

	if (smpp_coding_choose((const char *)data, size, &policy, &choice) == SMPP_CODING_OK) {
		must(smpp_coding_measure(choice.alphabet, (const char *)data, size, &measure) ==
		     SMPP_CODING_OK);
		must(measure.octets == choice.octets && measure.chars == choice.chars);
		must(smpp_coding_of(choice.data_coding, of_zero) == choice.alphabet);
	}
	must(strlen(smpp_coding_explain(&choice, why, sizeof why)) < sizeof why - 1);
}

/* Two octets of choice, then the text or the octets. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > MOST_OCTETS)
		return 0;
	for (unsigned alphabet = 0; alphabet < SMPP_ALPHABET_BINARY; alphabet++) {
		check_decode(alphabet, data + 2, size - 2);
		check_encode(alphabet, data + 2, size - 2);
	}
	check_choice(data[0] % SMPP_ALPHABETS, data[1], data + 2, size - 2);
	return 0;
}
