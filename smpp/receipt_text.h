/*
 * The text of a receipt (SMPP 3.4, Appendix B) as fields. What it is not: it knows no TLV, no
 * alphabet and no state's name. Used by smpp/receipt.c only.
 */
#ifndef SMPP_RECEIPT_TEXT_H
#define SMPP_RECEIPT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "smpp/octets.h"

enum smpp_receipt_field {
	SMPP_RECEIPT_ID,
	SMPP_RECEIPT_SUB,
	SMPP_RECEIPT_DLVRD,
	SMPP_RECEIPT_SUBMIT_DATE,
	SMPP_RECEIPT_DONE_DATE,
	SMPP_RECEIPT_STAT,
	SMPP_RECEIPT_ERR,
	SMPP_RECEIPT_TEXT, /* everything behind its label; always the last */
	SMPP_RECEIPT_FIELDS,
};

/* Values borrow from the body; n is 0 where a field is absent or empty. */
struct smpp_receipt_text {
	struct smpp_octets values[SMPP_RECEIPT_FIELDS];
	uint32_t label_at[SMPP_RECEIPT_FIELDS]; /* where the label of each value stands */
	bool text_first;			/* "text:" stood before every other label */
};

/* Whether a label stands at the very beginning of body, behind gaps at most. */
bool smpp_receipt_text_begins(struct smpp_octets body);

/* Reads the fields of body up to "text:"; of several with one label the first that has a value
 * stands. Returns whether any label of a receipt was there. Time grows with body.n. */
bool smpp_receipt_text_read(struct smpp_octets body, struct smpp_receipt_text *text);

/* Reads on behind an opening "text:", after smpp_receipt_text_read() set text_first. The user's
 * words come before the fields then, so of several with one label the last one stands. */
void smpp_receipt_text_read_on(struct smpp_octets body, struct smpp_receipt_text *text);

#endif
