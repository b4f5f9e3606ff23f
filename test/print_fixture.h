/*
 * PDUs from hexadecimal, and what is printed of them. Used by the tests of smpp/print.h.
 */
#ifndef TEST_PRINT_FIXTURE_H
#define TEST_PRINT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smpp/print.h"
#include "test/pdu_vectors.h"

typedef void print_fn(struct smpp_print_out *, const struct smpp_pdu *,
		      const struct smpp_print_options *);

static const struct smpp_print_options masked = { .of_zero = SMPP_ALPHABET_GSM7 };
static const struct smpp_print_options shown = { .show_text = true, .show_numbers = true };

/* The printed text, until the next call. */
static inline const char *printed(print_fn *form, const struct smpp_pdu *pdu,
				  const struct smpp_print_options *options)
{
	static char *text;
	size_t room = smpp_print_room(pdu);
	struct smpp_print_out out;

	free(text);
	text = malloc(room);
	assert_non_null(text);
	out = smpp_print_out_of(text, room);
	form(&out, pdu, options);
	assert_false(out.cut);
	assert_int_equal(strlen(text), out.n);
	return text;
}

/* Decodes octets in hexadecimal, "%len" being their number; they live until the next call. */
static inline struct smpp_pdu decoded(const char *hex)
{
	static uint8_t octets[1024];
	size_t n = 4 + hex_octets(hex + strlen("%len"), octets + 4, sizeof octets - 4);
	struct smpp_writer length = smpp_writer_of(octets, 4);
	struct smpp_problem why;
	struct smpp_pdu pdu;

	smpp_write_u32(&length, (uint32_t)n);
	assert_int_not_equal(smpp_pdu_decode(octets, n, &pdu, &why), SMPP_EFRAME);
	return pdu;
}

/* A submit_sm to 491701234567 from "Brand", text "secret?", and a message_id reference. */
static const char submit_hex[] = "%len 00000004 00000000 00000005 00 05 00 4272616e6400 01 01"
				 "34393137303132333435363700 00 00 00 00 00 01 00 00 00"
				 "07 7365637265743f 0204 0002 0201";

#endif
