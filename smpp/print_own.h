/*
 * What the line, the block and the JSON object share: a bounded text, escaping, masks and the
 * user's text. Only smpp/print*.c include this.
 */
#ifndef SMPP_PRINT_OWN_H
#define SMPP_PRINT_OWN_H

#include <inttypes.h>

#include "smpp/print.h"

/* One printing under way: the context of a visit. */
struct smpp_printing {
	struct smpp_print_out *out;
	const struct smpp_pdu *pdu;
	const struct smpp_print_options *options;
	uint32_t entry;	   /* JSON: of the group whose array is open; 0 if none is */
	uint16_t only_tag; /* JSON: of the TLV whose values become an array */
	uint32_t nth_tlv;  /* JSON: the next TLV of the PDU */
};

/* Appends a piece whole, or not at all and nothing after it. */
void smpp_print_piece(struct smpp_print_out *out, const char *at, size_t n);

__attribute__((format(printf, 2, 3))) void smpp_print_format(struct smpp_print_out *out,
							     const char *format, ...);

/* Octets as "0a:1b", with the separator given. */
void smpp_print_hex(struct smpp_print_out *out, struct smpp_octets octets, char separator);

/* Octets of a string between quotes, escaped as JSON asks; octets above 0x7E as \u00XX. */
void smpp_print_quoted(struct smpp_print_out *out, struct smpp_octets octets);

/* Is the field not known (options->of_facts)? */
bool smpp_print_unknown(const struct smpp_printing *p, const struct smpp_field *field);

/* Is the field's value to be kept back? */
bool smpp_print_hidden(const struct smpp_printing *p, const struct smpp_field *field);

/* What stands for a hidden value: "***", "*******678" or "[60 octets]", between quotes if asked. */
void smpp_print_mask(struct smpp_printing *p, const struct smpp_field *field, const char *quote);

/* Is this the field the user's text is in (smpp_pdu_message)? */
bool smpp_print_is_message(const struct smpp_printing *p, const struct smpp_field *field);

/*
 * The user's text, apart from the UDH in front of it if esm_class says there is one (5.2.12).
 * Returns false if its coding is not one we can read.
 */
bool smpp_print_split_text(const struct smpp_printing *p, struct smpp_octets *udh,
			   struct smpp_octets *text, enum smpp_alphabet *alphabet);

/* The text decoded, escaped, between quotes. */
void smpp_print_text(struct smpp_print_out *out, struct smpp_octets text,
		     enum smpp_alphabet alphabet);

/* "0x00000058 ESME_RTHROTTLED (rate limit exceeded)" */
void smpp_print_status(struct smpp_print_out *out, uint32_t command_status);

#endif
