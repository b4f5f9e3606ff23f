/*
 * What a receipt says beside its state and its id, as evidence keeps it: the carrier's own words and
 * numbers, raw, for people who compare them with a ticket. None of it decides anything. Dates are
 * the carrier's, without a zone: they are kept as text, and a guess at them orders nothing.
 */
#ifndef CORE_REMARKS_H
#define CORE_REMARKS_H

#include "smpp/receipt.h"

#define REMARKS_DATE_OCTETS 24 /* longer dates are cut there */
#define REMARKS_TLV_OCTETS  96 /* of vendor TLVs; those that no longer fit whole are left out */
#define REMARKS_OCTETS	    224

struct remarks {
	struct smpp_octets stat;	/* the word, where it is none of ours */
	struct smpp_octets submit_date; /* as they stood; absent when empty or of zeros */
	struct smpp_octets done_date;
	bool has_message_state; /* the number, where it has no meaning of ours */
	uint8_t message_state;
	bool has_network_error; /* 5.3.2.31 */
	uint8_t network_type;
	uint16_t network_error;
	struct smpp_octets tlvs; /* of 0x1400 to 0x3FFF: tag, length and value in a row */
	uint32_t waited_ms;	 /* how long it was an orphan */
	char dates[2][REMARKS_DATE_OCTETS]; /* what the dates point to once read back */
};

/* Of a receipt and its PDU, from which it borrows; `tlvs` is where vendor TLVs are written. */
void remarks_of(const struct smpp_pdu *pdu, const struct smpp_receipt *receipt,
		uint8_t tlvs[REMARKS_TLV_OCTETS], struct remarks *remarks);

/* Writes it to `out` and returns its octets; 0: there is nothing to keep. */
size_t remarks_encode(const struct remarks *remarks, uint8_t out[REMARKS_OCTETS]);
/* Reads it back; what cannot be read is left out. It borrows from the octets and from itself. */
void remarks_decode(struct smpp_octets octets, struct remarks *remarks);

/* The next vendor TLV of remarks->tlvs; *offset begins at 0. False at the end. */
bool remarks_tlv(const struct remarks *remarks, uint32_t *offset, uint16_t *tag,
		 struct smpp_octets *value);

#endif
