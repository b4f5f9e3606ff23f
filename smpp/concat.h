/*
 * Long messages in parts (SMPP 3.4, 5.2.12, 5.3.2.22 to 5.3.2.24, 5.3.2.32; GSM 03.40, 9.2.3.24):
 * cutting encoded octets for sending, and reading part information of what came in.
 *
 * What it is not: encoding (smpp/coding.h), and putting parts together again, which wants a store
 * (core/reassembly.h). Nothing here allocates.
 */
#ifndef SMPP_CONCAT_H
#define SMPP_CONCAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smpp/coding.h"
#include "smpp/pdu.h"

enum {
	SMPP_CONCAT_MAX_PARTS = 255,
	SMPP_CONCAT_PAYLOAD_OCTETS = 65535, /* what message_payload can hold */
	SMPP_CONCAT_UDH_OCTETS = 7,	    /* largest header we write: 05 00 03 or 06 08 04 */
};

enum smpp_concat_method {
	SMPP_CONCAT_NONE,    /* one part, nothing added; plans only */
	SMPP_CONCAT_UDH8,    /* user data header, 8-bit reference */
	SMPP_CONCAT_UDH16,   /* user data header, 16-bit reference */
	SMPP_CONCAT_SAR,     /* sar_msg_ref_num, sar_total_segments, sar_segment_seqnum */
	SMPP_CONCAT_PAYLOAD, /* one PDU with message_payload; the SMSC cuts */
};

enum smpp_concat_error {
	SMPP_CONCAT_OK = 0,
	SMPP_CONCAT_TOO_LONG, /* more than 255 parts, or over message_payload */
};

/* ---- Sending ---- */

/* Where each part begins. Borrows the octets given to smpp_concat_plan(); they outlive it. */
struct smpp_concat_plan {
	enum smpp_concat_method method; /* NONE when everything fits into one part */
	enum smpp_alphabet alphabet;
	const uint8_t *at;
	uint16_t pdus;	      /* submit_sm to send, 1..255 */
	uint16_t radio_parts; /* short messages the handset gets, 1..; more than pdus for PAYLOAD */
	uint16_t starts[SMPP_CONCAT_MAX_PARTS + 1]; /* part i is [starts[i], starts[i + 1]) */
};

/* Most octets of one part that stands alone, and of one part among several. */
uint16_t smpp_concat_single_octets(enum smpp_alphabet alphabet);
uint16_t smpp_concat_part_octets(enum smpp_alphabet alphabet, enum smpp_concat_method method);

/*
 * Cuts n encoded octets. Never between 0x1B and its character, nor inside a surrogate pair.
 * method NONE asks for one part or TOO_LONG. An empty text is one empty part.
 * Limits: 160/153 (UDH16 152) septets for GSM7 and ASCII, 140/134 (133) octets for Latin-1 and
 * BINARY, 140/134 (132) octets for UCS-2. SAR cuts as UDH8, since the SMSC writes that header.
 * OK; TOO_LONG leaves plan->radio_parts (what it would have taken, at most 65535) and pdus 0.
 */
enum smpp_concat_error smpp_concat_plan(enum smpp_alphabet alphabet, const uint8_t *at, size_t n,
					enum smpp_concat_method method,
					struct smpp_concat_plan *plan);

/* One PDU's share. at borrows from the plan's octets. */
struct smpp_concat_part {
	uint8_t udh[SMPP_CONCAT_UDH_OCTETS]; /* to go before the octets */
	uint8_t udh_n;			     /* 0, 6 or 7 */
	uint8_t esm_class;		     /* bits to or in: 0x40 exactly when udh_n > 0 */
	bool in_payload;		     /* at belongs into message_payload, sm_length is 0 */
	bool sar;			     /* send the three sar_* TLVs */
	uint16_t ref;			     /* sar_msg_ref_num */
	uint8_t total;			     /* sar_total_segments */
	uint8_t seqnum;			     /* sar_segment_seqnum, 1..total */
	const uint8_t *at;
	uint16_t n;
};

/* How many references a method has before they repeat: 256, 65536, or 0 if it needs none. */
uint32_t smpp_concat_refs(enum smpp_concat_method method);

/* Fills part from part i (0..pdus - 1) of plan. ref is below smpp_concat_refs(plan->method). */
void smpp_concat_part(const struct smpp_concat_plan *plan, uint16_t i, uint16_t ref,
		      struct smpp_concat_part *part);

/* UDH and octets in a row, as short_message wants them; not for in_payload parts. Writes at most
 * SMPP_MAX_SHORT_MESSAGE to out and returns how many. */
uint8_t smpp_concat_short_message(const struct smpp_concat_part *part, uint8_t *out);

/* ---- Receiving ---- */

/* What was odd; a set of bits. Any of them leaves the part standing alone. */
enum smpp_concat_flag {
	SMPP_CONCAT_UDH_OVERRUN = 1,  /* UDHL past the body; all of it is taken as text */
	SMPP_CONCAT_IE_OVERRUN = 2,   /* an element past UDHL, or of a wrong length */
	SMPP_CONCAT_BAD_COUNT = 4,    /* total 0, part 0, part > total */
	SMPP_CONCAT_CONFLICT = 8,     /* two statements about parts that differ */
	SMPP_CONCAT_SAR_PARTIAL = 16, /* some sar_* TLVs, not all three, or of a wrong width */
};

/* Part information of a PDU. All pointers borrow from the PDU. */
struct smpp_concat_info {
	enum smpp_concat_method method; /* NONE (alone), UDH8, UDH16 or SAR */
	uint16_t ref;
	uint8_t total;		 /* 1 when alone */
	uint8_t seqnum;		 /* 1..total */
	unsigned flags;		 /* of enum smpp_concat_flag */
	struct smpp_octets udh;	 /* with its length octet; n 0 if there is none */
	struct smpp_octets body; /* what is left: the text or data */
};

/* Reads a submit_sm, deliver_sm or data_sm; any other PDU is empty and alone. Never fails. */
void smpp_concat_info(const struct smpp_pdu *pdu, struct smpp_concat_info *info);

#endif
