/*
 * Fuzzes smpp/mask.h with a PDU of any octets: lengths and headers stay, nothing but masks is
 * written, the PDU reads as it did, and no password, text or number is left where it was read.
 */
#include <stdlib.h>
#include <string.h>

#include "smpp/mask.h"
#include "smpp/pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

/* What is looked for in the masked octets. */
struct hidden {
	bool show_text, show_numbers;
	const uint8_t *was, *is; /* octets of the PDU before and after */
	const uint8_t *message;	 /* its text, parts of which may stay; or NULL */
};

static void check_octets(const struct hidden *hidden, struct smpp_octets value, uint8_t mask)
{
	const uint8_t *is = hidden->is + (value.at - hidden->was);

	for (uint32_t i = 0; i < value.n; i++)
		must(is[i] == mask);
}

static void check_digits(const struct hidden *hidden, struct smpp_octets value)
{
	const uint8_t *is = hidden->is + (value.at - hidden->was);
	uint32_t digits = 0;

	for (uint32_t i = 0; i < value.n; i++)
		digits += is[i] >= '0' && is[i] <= '9';
	must(digits <= SMPP_MASK_DIGITS_SHOWN);
}

static void check_field(void *ctx, const struct smpp_field *field)
{
	const struct hidden *hidden = ctx;

	if (field->value.n == 0)
		return;
	if (field->mask == SMPP_MASK_PASSWORD)
		check_octets(hidden, field->value, SMPP_MASK_PASSWORD_OCTET);
	if (field->mask == SMPP_MASK_TEXT && !hidden->show_text &&
	    field->value.at != hidden->message)
		check_octets(hidden, field->value, SMPP_MASK_TEXT_OCTET);
	if (field->mask == SMPP_MASK_NUMBER && !hidden->show_numbers) {
		if (field->type == SMPP_TYPE_CSTRING)
			check_digits(hidden, field->value);
		else
			check_octets(hidden, field->value, SMPP_MASK_NUMBER_OCTET);
	}
	if (field->mask == SMPP_MASK_ANY && !(hidden->show_text && hidden->show_numbers))
		check_octets(hidden, field->value, SMPP_MASK_TEXT_OCTET);
}

static void check(const uint8_t *was, const uint8_t *is, size_t n, struct hidden *hidden)
{
	struct smpp_pdu before, after;
	struct smpp_problem problem;
	enum smpp_error error = smpp_pdu_decode(was, n, &before, &problem);

	must(smpp_pdu_decode(is, n, &after, &problem) == error);
	for (size_t i = 0; i < n; i++)
		must(is[i] == was[i] ||
		     (i >= SMPP_HEADER_OCTETS &&
		      (is[i] == SMPP_MASK_TEXT_OCTET || is[i] == SMPP_MASK_NUMBER_OCTET ||
		       is[i] == SMPP_MASK_PASSWORD_OCTET)));
	if (error == SMPP_EFRAME)
		return;
	must(after.params_end == before.params_end && after.n_tlvs == before.n_tlvs);
	hidden->message = smpp_pdu_message(&before).at;
	smpp_pdu_visit(&before, check_field, hidden);
}

/* One octet of choice, then a PDU whose command_length is put right unless that is chosen too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = size > 0 ? size - 1 : 0;
	uint8_t *was = malloc(n + 1);
	uint8_t *is = malloc(n + 1);

	if (size > 0 && was && is) {
		struct hidden hidden = { data[0] & 1, data[0] & 2, was, is, NULL };
		struct smpp_writer writer = smpp_writer_of(was, 4);

		memcpy(was, data + 1, n);
		if (n >= 4 && !(data[0] & 4))
			smpp_write_u32(&writer, (uint32_t)n);
		memcpy(is, was, n);
		smpp_mask(is, n, hidden.show_text, hidden.show_numbers);
		check(was, is, n, &hidden);
	}
	free(was);
	free(is);
	return 0;
}
