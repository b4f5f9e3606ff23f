/*
 * A PDU as a test writes it: fields by the names of smpp/pdu.def, TLVs by name or tag, texts with
 * placeholders, and whatever no codec would send.
 *
 *	deliver_sm short_message="id:{id} stat:{stat} err:000" message_state=hex:00000002
 *
 * Read once from words (tools/sim_words.h), then rendered as often as needed. Nothing is checked
 * against the specification: saying wrong things to a peer is what it is for. A field that is not
 * named is the base's (the answer that would have been sent, the receipt as usual) or null.
 *
 * Values: a word or "a text" (with \n, \xNN, \", \\, \{), hex:0a0b (exactly these octets, also where
 * an integer or a NUL belongs), utf16:"a text" (UTF-16BE). Placeholders are {name} or {name:form},
 * see the rows in sim_pdu_text.c. Beside fields and TLVs there are: body=none (header only), body=nul
 * (one NUL), body=full (also with an error status), tail=… (octets behind everything).
 */
#ifndef TOOLS_SIM_PDU_H
#define TOOLS_SIM_PDU_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "smpp/pdu.h"
#include "tools/sim_message.h"
#include "tools/sim_options.h"
#include "tools/sim_words.h"

/* What placeholders are filled from; members that are not known are NULL or 0. */
struct sim_subject {
	const struct sim_message *message; /* that a receipt is about */
	const struct smpp_pdu *pdu; /* of the event; for an answer: what would have been sent */
	struct sim_id_form ids;	    /* as responses write them */
	struct sim_id_form receipt_ids;
	int64_t wall_ms;
	uint32_t link;
	uint32_t count; /* how often the row has fired, from 1 */
};

/* Which of them a placeholder needs; a set. */
enum sim_knows {
	SIM_KNOWS_MESSAGE = 1,
	SIM_KNOWS_PDU = 2,
};

struct sim_piece;
struct sim_field;

/* All zero is a PDU of no fields. */
struct sim_pdu {
	uint32_t command_id; /* 0: the base's */
	enum sim_body {
		SIM_BODY_USUAL,
		SIM_BODY_NONE,
		SIM_BODY_NUL,
		SIM_BODY_FULL,
	} body;
	uint32_t knows; /* set of enum sim_knows: what is there when it is rendered */
	struct sim_field *fields;
	size_t field_count;
	struct sim_piece *pieces;
	size_t piece_count;
	struct buffer literals;
};

void sim_pdu_release(struct sim_pdu *pdu);

/* false: nothing at all is named, so that it is the base as it stands. */
bool sim_pdu_says(const struct sim_pdu *pdu);

/* "deliver_sm" or 0x0000DEAD. false: it is neither. */
bool sim_pdu_read_command(struct smpp_octets name, uint32_t *command_id);

/* Adds one NAME=VALUE. false: *mistake says what is wrong. Without memory the process ends. */
bool sim_pdu_read_field(struct sim_pdu *pdu, const struct sim_word *word,
			struct sim_mistake *mistake);

/* A whole template, for rows in the program: "deliver_sm short_message=…"; it must be right. */
void sim_pdu_read_row(struct sim_pdu *pdu, const char *row, uint32_t knows);

/*
 * Appends the PDU to out. base may be NULL; its command is taken if the template names none.
 * tlvs: false leaves all TLVs out. The sequence_number is the template's, or the base's.
 */
void sim_pdu_render(const struct sim_pdu *pdu, const struct smpp_pdu *base,
		    const struct sim_subject *subject, bool tlvs, struct buffer *out);

/* The command_status that the template names, if it is no placeholder; else 0. */
uint32_t sim_pdu_status(const struct sim_pdu *pdu);

/* true: the template names this parameter of the header itself. */
bool sim_pdu_names(const struct sim_pdu *pdu, const char *name);

/* One more in a list of n that has room for powers of two. Without memory the process ends. */
void *sim_grow(void *list, size_t n, size_t size);

/* ---- texts, between sim_pdu.c and sim_pdu_text.c ---- */

enum sim_coding {
	SIM_CODING_PLAIN,
	SIM_CODING_HEX,
	SIM_CODING_UTF16,
};

struct sim_piece {
	uint8_t slot; /* 0: literal; else row of the placeholders */
	struct sim_id_form form;
	uint8_t digits;	 /* of a date */
	uint32_t offset; /* in literals */
	uint32_t n;
};

struct sim_text {
	enum sim_coding coding;
	uint32_t first; /* pieces */
	uint32_t count;
};

/* Reads a value into pieces of pdu. */
bool sim_text_read(struct sim_pdu *pdu, struct smpp_octets value, uint32_t column,
		   struct sim_text *text, struct sim_mistake *mistake);
/* true: it has no placeholder, so what it is can be checked when it is read. */
bool sim_text_is_fixed(const struct sim_pdu *pdu, const struct sim_text *text);
void sim_text_render(const struct sim_pdu *pdu, const struct sim_text *text,
		     const struct sim_subject *subject, struct buffer *out);

#endif
