/*
 * Delivery receipts (SMPP 3.4, 4.6, 4.7, 5.2.12, 5.2.28, 5.3.2.12, 5.3.2.31, 5.3.2.35,
 * Appendix B) and the message ids that join them to what was sent.
 *
 * What it is: reads id, state and the rest out of a deliver_sm or data_sm, TLVs first, then the
 * text; says what it found, where, and what contradicts. What it is not: it decides no outcome
 * (core/lifecycle.c) and joins nothing (core/reconcile.c). Tolerant of shape, bounded, and never
 * guessing: a word it does not know is VENDOR with the raw word kept, and never a failure.
 *
 * The text is the carrier's habit (Appendix B only gives an example). Fields come in any order;
 * none but an id and a state is needed; reading stops at "text:", for what follows are the
 * user's own words. Counters (sub, dlvrd) and dates decide nothing.
 */
#ifndef SMPP_RECEIPT_H
#define SMPP_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smpp/pdu.h"

enum smpp_receipt_kind {
	SMPP_RECEIPT_NOT,	   /* not an SMSC's receipt: an incoming message, an SME's own
				      acknowledgement, or another PDU */
	SMPP_RECEIPT_IS,	   /* a receipt with an id; its state may be UNKNOWN */
	SMPP_RECEIPT_INTERMEDIATE, /* an intermediate notification with an id; never final */
	SMPP_RECEIPT_UNPARSED,	   /* marked as a receipt but without any id; keep it, answer OK */
};

enum smpp_receipt_state {
	SMPP_STATE_UNKNOWN, /* the SMSC says so, or says nothing (source NONE) */
	SMPP_STATE_DELIVERED,
	SMPP_STATE_EXPIRED,
	SMPP_STATE_DELETED,
	SMPP_STATE_UNDELIVERABLE,
	SMPP_STATE_REJECTED,
	SMPP_STATE_SKIPPED, /* SMPP 5.0 */
	SMPP_STATE_ENROUTE,
	SMPP_STATE_SCHEDULED, /* SMPP 5.0 */
	SMPP_STATE_BUFFERED,
	SMPP_STATE_ACCEPTED,
	SMPP_STATE_VENDOR, /* a word or number without a meaning known to us; raw kept */
	SMPP_STATES,	   /* how many there are; no state */
};

/* Whether a state ends a message's story. */
enum smpp_receipt_finality {
	SMPP_FINAL_NO,
	SMPP_FINAL_YES,
	SMPP_FINAL_BY_CARRIER, /* ACCEPTED, UNKNOWN: the provider's settings say; else no */
};

enum smpp_receipt_source {
	SMPP_RECEIPT_FROM_NONE,
	SMPP_RECEIPT_FROM_TEXT,
	SMPP_RECEIPT_FROM_TLV,
};

/* What was odd; a set of bits. */
enum smpp_receipt_flag {
	SMPP_RECEIPT_CONTRADICTION = 1, /* TLV and text name different states; the TLV's stands */
	SMPP_RECEIPT_IDS_DIFFER = 2,	/* TLV and text name ids of different canonical form */
	SMPP_RECEIPT_NEEDS_MATCH = 4,	/* not marked as receipt by the SMSC (esm_class 0x00 without
					   both TLVs, or a reserved type): one only if its id is
					   known */
	SMPP_RECEIPT_BAD_STATE_TLV = 8, /* message_state not 1 octet wide; the text was used */
	SMPP_RECEIPT_BAD_ERROR_TLV = 16, /* network_error_code not 3 octets wide; left out */
	SMPP_RECEIPT_TRANSCODED = 32,	 /* the text was UTF-16 */
	SMPP_RECEIPT_CUT = 64,		 /* the text was longer than SMPP_RECEIPT_BODY_OCTETS (or
					   UTF-16 longer than its scratch); the rest was not read */
	SMPP_RECEIPT_TEXT_FIRST = 128, /* "text:" opened the body; the fields behind it were read */
	SMPP_RECEIPT_LONG_ERR = 256,   /* err had more than 8 characters; err holds the first 8 */
	SMPP_RECEIPT_NO_UDH = 512,     /* UDHI was set but the body begins without a header */
};

enum {
	SMPP_RECEIPT_BODY_OCTETS = 4096,    /* of a text that are looked at */
	SMPP_RECEIPT_SCRATCH_OCTETS = 1024, /* of a UTF-16 text, as UTF-8 */
	SMPP_RECEIPT_ERR_OCTETS = 8,
	SMPP_RECEIPT_TEXT_ID = 0, /* indexes of ids */
	SMPP_RECEIPT_TLV_ID = 1,
};

/* A provider's own word or number in stat, compared without regard to letter case; beats the
 * built-in words. "0x80" to "0xff", or "128" to "255", are message_states of the vendor's range, too. */
struct smpp_receipt_word {
	const char *word;
	enum smpp_receipt_state state;
};

struct smpp_receipt_options {
	bool unmarked; /* receipts of this provider may come with esm_class 0x00 */
	const struct smpp_receipt_word *words;
	size_t words_n;
};

/*
 * What a receipt says. Every slice borrows from the PDU's octets or, with TRANSCODED, points into
 * scratch: it lives as long as both and the struct must not be copied. A field that is not there
 * has n 0. Slices are raw octets of the carrier: not terminated, not printable, not trusted.
 */
struct smpp_receipt {
	enum smpp_receipt_kind kind;
	unsigned flags;		   /* of enum smpp_receipt_flag */
	struct smpp_octets ids[2]; /* [TEXT_ID], [TLV_ID]; the TLV's beats, both may match */
	enum smpp_receipt_state state;
	enum smpp_receipt_source source; /* of state */
	struct smpp_octets stat;	 /* raw word of the text */
	bool has_message_state;
	uint8_t message_state;			   /* raw number of the TLV */
	struct smpp_octets err;			   /* at most 8 characters, kept as text */
	struct smpp_octets sub, dlvrd;		   /* counters; decide nothing */
	struct smpp_octets submit_date, done_date; /* raw, without zone; order nothing */
	struct smpp_octets text;		   /* the user's words behind "text:" */
	struct smpp_octets body; /* all that was read: text behind any UDH, as UTF-8 if
					     TRANSCODED */
	bool has_network_error_code;
	uint8_t network_type; /* 5.3.2.31: 1 ANSI-136, 2 IS-95, 3 GSM, 4 reserved */
	uint16_t network_error;
	uint8_t scratch[SMPP_RECEIPT_SCRATCH_OCTETS];
};

/*
 * Reads a deliver_sm or data_sm; every other PDU is SMPP_RECEIPT_NOT. options may be NULL.
 * esm_class 0x00 is an incoming message whatever its text says, since a handset can write that,
 * unless options say unmarked or both TLVs are there, which no handset can add.
 * Fills all of out but scratch, with nothing but its kind for SMPP_RECEIPT_NOT, and returns
 * out->kind. Never fails, never allocates.
 */
enum smpp_receipt_kind smpp_receipt_parse(const struct smpp_pdu *pdu,
					  const struct smpp_receipt_options *options,
					  struct smpp_receipt *out);

/* The usual word for a message_state (5.2.28), as "DELIVRD" (Appendix B); static. */
const char *smpp_receipt_word(uint8_t message_state);

/* The other way; false: no known word. */
bool smpp_receipt_word_means(struct smpp_octets word, enum smpp_receipt_state *state);

/* Whether state ends the story; hint only, and never for SMPP_RECEIPT_INTERMEDIATE. */
enum smpp_receipt_finality smpp_receipt_finality(enum smpp_receipt_state state);

/* "DELIVERED", "VENDOR", ...; static. */
const char *smpp_receipt_state_name(enum smpp_receipt_state state);

/* The state that a message_state number stands for (5.2.28; 0 and 9 as in SMPP 5.0). Also for
 * query_sm_resp. A number of the vendor's range, 0x80 up, is what the options' words say, "0x80" or
 * "128"; those with a meaning keep it, for words of stat may count otherwise. Numbers without a
 * meaning are VENDOR. options may be NULL. */
enum smpp_receipt_state smpp_receipt_state_of(uint8_t message_state,
					      const struct smpp_receipt_options *options);

/* ---- Message ids ---- */

enum {
	SMPP_ID_OCTETS = 65, /* message_id with its NUL, 5.2.23; room for every canonical form */
};

/*
 * The canonical form of an id, which is what the index holds: spaces and NULs at both ends off,
 * letters lower case, dashes out, leading zeros off; "0" and "000" are "0". Octets that are not
 * ASCII stay as they are. Writes out with a NUL and returns its length; 0, with out empty, if
 * nothing is left or more than 64 characters would be.
 */
size_t smpp_id_canonical(const void *raw, size_t n, char out[SMPP_ID_OCTETS]);

/*
 * Exact change of base of a canonical id, of any length: nothing wider than an octet is assumed.
 * hex must be [0-9a-f]+, dec [0-9]+. Returns the length of out, canonical again; 0, with out
 * empty, if id is no such number or the result would not fit a message_id.
 */
size_t smpp_id_hex_to_dec(const char *id, size_t n, char out[SMPP_ID_OCTETS]);
size_t smpp_id_dec_to_hex(const char *id, size_t n, char out[SMPP_ID_OCTETS]);

/* How a provider writes in its receipts the id that it gave in its response. */
enum smpp_id_dialect {
	SMPP_ID_ANY,	    /* not known: try every reading */
	SMPP_ID_EXACT,	    /* the same */
	SMPP_ID_HEX_TO_DEC, /* hex in the receipt, decimal in the response */
	SMPP_ID_DEC_TO_HEX, /* decimal in the receipt, hex in the response */
};

enum {
	SMPP_ID_READINGS = 3,
};

/* One way to read a receipt's id. */
struct smpp_id_reading {
	enum smpp_id_dialect rule; /* EXACT, HEX_TO_DEC or DEC_TO_HEX */
	uint8_t n;
	char id[SMPP_ID_OCTETS]; /* canonical, NUL behind it */
};

/*
 * The readings of a receipt's raw id to look up, without repetition, exact first; with a dialect
 * its one reading only. Returns how many were written, 0 for an id that has no canonical form or
 * not that one reading.
 */
size_t smpp_id_readings(const void *raw, size_t n, enum smpp_id_dialect dialect,
			struct smpp_id_reading out[SMPP_ID_READINGS]);

/* "any", "exact", "hex_to_dec", "dec_to_hex"; static. For evidence and settings. */
const char *smpp_id_dialect_name(enum smpp_id_dialect dialect);

/* ---- whose receipt it is ---- */

enum {
	SMPP_TAIL_DIGITS = 7, /* numbers are compared from their end */
};

/* The last digits of an address, plus 1; 0 when it is no number of that many digits. */
uint32_t smpp_number_tail(struct smpp_octets address);

/* Whether an address of the receipt surely is that number's. */
bool smpp_receipt_names(const struct smpp_pdu *pdu, uint64_t number);

/*
 * Whether the receipt may be one of a message to that number. Carriers swap the addresses or leave
 * them as they were submitted, so either will do; one that is empty or masked cannot disagree. An
 * alphanumeric one is the sender, so the other is the recipient then and must agree.
 */
bool smpp_receipt_may_be_of(const struct smpp_pdu *pdu, uint64_t number);

#endif
