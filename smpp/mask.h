/*
 * Masks in the octets of a PDU what may not be seen, at the place where they are copied for
 * somebody to look at. No length changes, and what is masked decodes as before: a masked PDU is
 * a PDU.
 *
 * Passwords are always masked. Texts become 'x', but what belongs to the protocol stays: a user
 * data header, and of a delivery receipt the carrier's own words (id, stat, err, counters, dates).
 * Of numbers the last three digits stay. What cannot be understood may hold anything, and so may a
 * TLV of unknown tag: it is masked unless everything may be seen, and behind a password always.
 *
 * Not here: masks of what is printed (smpp/print.h), which say the same by the same rows.
 * Used by the tap and by the trace tool.
 */
#ifndef SMPP_MASK_H
#define SMPP_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smpp/octets.h"

enum {
	SMPP_MASK_TEXT_OCTET = 'x',
	SMPP_MASK_NUMBER_OCTET = '*',
	SMPP_MASK_PASSWORD_OCTET = '*',
	SMPP_MASK_DIGITS_SHOWN = 3,
};

/* Masks in place. Of octets that are not one whole PDU only the first 16 stay. */
void smpp_mask(uint8_t *octets, size_t n, bool show_text, bool show_numbers);

/* Was a text masked, without what stays of it? An empty one was not. */
bool smpp_masked_text(struct smpp_octets text);

#endif
