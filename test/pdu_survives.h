/*
 * What must hold for any octets at all that are given to the codec: the property that the tests
 * of damaged PDUs and the fuzzer share. Aborts with a line on stderr where it does not hold.
 */
#ifndef TEST_PDU_SURVIVES_H
#define TEST_PDU_SURVIVES_H

#include <stdio.h>
#include <stdlib.h>

#include "smpp/pdu.h"
#include "smpp/print.h"

#define MUST_HOLD(condition)                                                                    \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

struct coverage {
	const uint8_t *octets;
	size_t n;
	size_t next; /* where the next field has to begin */
};

/* Fields follow one another without a gap, and their values lie within the PDU. */
static inline void cover_field(void *ctx, const struct smpp_field *field)
{
	struct coverage *coverage = ctx;

	MUST_HOLD(field->offset == coverage->next);
	coverage->next += field->octets;
	MUST_HOLD(coverage->next <= coverage->n);
	if (field->value.n > 0) {
		MUST_HOLD(field->value.at >= coverage->octets + field->offset);
		MUST_HOLD(field->value.at + field->value.n <= coverage->octets + coverage->next);
	}
}

static inline void cover(const struct smpp_pdu *pdu, const uint8_t *octets, size_t n)
{
	struct coverage coverage = { .octets = octets, .n = n };

	smpp_pdu_visit(pdu, cover_field, &coverage);
	MUST_HOLD(coverage.next == n);
}

static inline bool sequence_number_good(const struct smpp_pdu *pdu)
{
	return (pdu->command_id & SMPP_RESP_BIT) ||
	       (pdu->sequence_number > 0 && pdu->sequence_number <= SMPP_MAX_SEQUENCE_NUMBER);
}

/*
 * What was decoded is encoded again: without flaws to the same octets; with flaws it is refused,
 * or comes to octets that decode and encode to themselves.
 */
static inline void encode_again(const struct smpp_pdu *pdu, const uint8_t *octets, size_t n)
{
	struct smpp_problem why;
	struct smpp_pdu again;
	uint8_t *first = malloc(n + 64);
	uint8_t *second = malloc(n + 64);
	size_t n_first;
	size_t n_second;
	enum smpp_error error = smpp_pdu_encode(pdu, first, n + 64, &n_first, &why);

	MUST_HOLD(error == SMPP_OK || error == SMPP_EVALUE);
	if (pdu->n_flaws == 0 && sequence_number_good(pdu)) {
		MUST_HOLD(error == SMPP_OK);
		MUST_HOLD(n_first == n && memcmp(first, octets, n) == 0);
	}
	if (error == SMPP_OK) {
		MUST_HOLD(smpp_pdu_decode(first, n_first, &again, &why) == SMPP_OK);
		MUST_HOLD(smpp_pdu_encode(&again, second, n + 64, &n_second, &why) == SMPP_OK);
		MUST_HOLD(n_first == n_second && memcmp(first, second, n_first) == 0);
	} else {
		MUST_HOLD(n_first == 0 && why.field && why.text && why.section);
	}
	free(first);
	free(second);
}

static inline void print_all(const struct smpp_pdu *pdu, bool show)
{
	void (*const forms[])(struct smpp_print_out *, const struct smpp_pdu *,
			      const struct smpp_print_options *) = {
		smpp_print_line,
		smpp_print_block,
		smpp_print_json,
	};
	struct smpp_print_options options = { .show_text = show, .show_numbers = show };
	size_t room = smpp_print_room(pdu);
	char *text = malloc(room);

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct smpp_print_out out = smpp_print_out_of(text, room);

		forms[i](&out, pdu, &options);
		MUST_HOLD(!out.cut);
		for (size_t k = 0; k < out.n; k++)
			MUST_HOLD((unsigned char)text[k] >= 0x20 || (i == 1 && text[k] == '\n'));
	}
	free(text);
}

/* Give it exactly n octets of their own memory, so that a sanitizer sees any step beyond them. */
static inline void survives(const uint8_t *octets, size_t n, bool print)
{
	struct smpp_problem why = { 0 };
	struct smpp_pdu pdu;
	uint32_t length;
	enum smpp_framing framing = smpp_frame(octets, n, SMPP_MAX_PDU_OCTETS, &length);
	enum smpp_error error = smpp_pdu_decode(octets, n, &pdu, &why);

	MUST_HOLD(framing != SMPP_FRAME_OK || length <= n);
	MUST_HOLD(pdu.n_tlvs <= SMPP_MAX_TLVS && pdu.n_flaws <= SMPP_MAX_FLAWS);
	if (error == SMPP_EFRAME) {
		MUST_HOLD(pdu.wire.n == 0);
		return;
	}
	MUST_HOLD(error == SMPP_OK || (why.field && why.text && why.section && why.offset <= n));
	cover(&pdu, octets, n);
	if (error == SMPP_OK)
		encode_again(&pdu, octets, n);
	if (print) {
		print_all(&pdu, true);
		print_all(&pdu, false);
	}
}

#endif
