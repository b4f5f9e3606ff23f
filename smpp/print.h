/*
 * A PDU for people and for programs to read: as one line, as a block, as a JSON object.
 *
 * The password is never shown. Texts and numbers are shown only if asked for: a text else as
 * "[60 octets]", a number by its last three digits, "*********567"; nor do their octets appear.
 * Octets that could not be understood may be either, in a bind the password, and are kept back
 * likewise.
 * What the peer sent cannot harm a terminal or a JSON reader: anything that is no plain
 * character is escaped.
 *
 * Not here: files and memory (the caller has a buffer), what a receipt or a UDH says
 * (smpp/receipt.h, smpp/concat.h), times and links (the caller knows them).
 */
#ifndef SMPP_PRINT_H
#define SMPP_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "smpp/coding.h"
#include "smpp/pdu.h"

/*
 * A bounded text. It is always ended by a NUL; `n` is without it. What does not fit is left out
 * from there on, at a boundary between characters, and `cut` says so.
 */
struct smpp_print_out {
	char *at;
	size_t cap; /* octets, with the NUL; at least 1 */
	size_t n;
	bool cut;
};

struct smpp_print_options {
	bool show_text;
	bool show_numbers;
	enum smpp_alphabet of_zero; /* what data_coding 0 means at this carrier */
	/*
	 * The PDU was put together of what is known of it, not decoded: what is empty or 0 in it is not
	 * known, and is left out.
	 */
	bool of_facts;
};

/* An empty text in the caller's memory. */
struct smpp_print_out smpp_print_out_of(char *at, size_t cap);

/* Octets of buffer in which any of the three forms of this PDU fits uncut. */
size_t smpp_print_room(const struct smpp_pdu *pdu);

/*
 * One line without line feed: command, sequence_number, status of a response, then every
 * parameter and TLV that is not empty or zero, as name=value. TON, NPI, lengths,
 * registered_delivery and validity_period are left to the block. Flaws are counted at the end.
 */
void smpp_print_line(struct smpp_print_out *out, const struct smpp_pdu *pdu,
		     const struct smpp_print_options *options);

/*
 * Every field on a line of its own: offset, octets in hex, name, value and what it means; then
 * the flaws. Lines end with a line feed. The octets of a PDU that was not decoded are not there.
 */
void smpp_print_block(struct smpp_print_out *out, const struct smpp_pdu *pdu,
		      const struct smpp_print_options *options);

/*
 * One JSON object on one line. Keys are Wireshark's names of the fields where it has one
 * ("smpp.source_addr", "smpp.message" for the octets of short_message), else "smpp." and the
 * specification's name; "smpp.tlv_0x1403" is a TLV of unknown tag, a TLV that came several times
 * is an array. Integers are numbers, but command_id and command_status, which are "0x%08x" with
 * their names beside them in "command", "status", "status_text". Octets are "0a:1b". What is
 * masked is a string. "smpp.message_text" is the user's text, if its coding can be read;
 * "flaws" an array, if there are any.
 */
void smpp_print_json(struct smpp_print_out *out, const struct smpp_pdu *pdu,
		     const struct smpp_print_options *options);

/*
 * Words, well-formed UTF-8, as a line and a block show texts: what could harm a terminal is escaped,
 * and so are quotes. SMPP_PRINT_WORDS_ROOM(n) octets are enough for n of words.
 */
#define SMPP_PRINT_WORDS_ROOM(n) (6 * (n) + 1)
void smpp_print_words(struct smpp_print_out *out, const char *words, size_t n);

#endif
