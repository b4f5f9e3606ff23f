/*
 * What inbound messages say: their PDUs read back from the store, put in the order of their parts
 * and decoded. Used by core/inbound.c and by what shows messages; it changes nothing.
 */
#ifndef CORE_INBOUND_TEXT_H
#define CORE_INBOUND_TEXT_H

#include "core/buffer.h"
#include "smpp/pdu.h"
#include "store/store.h"

/* A PDU as it came and what it says; freed by the caller with free(). */
struct inbound_pdu {
	struct store_inbound rec; /* its octets are those of the first record only */
	struct smpp_pdu pdu;	  /* borrows from octets */
	uint32_t n;
	uint8_t octets[];
};

/* NULL: it is gone, corrupt or cannot be read, or there is no memory. */
struct inbound_pdu *inbound_pdu_read(struct store_txn *txn, uint64_t seq);

/* The inbound record of part 1..parts; 0: it has not come. */
uint64_t inbound_part_seq(struct store_txn *txn, const struct store_inbound_message *message,
			  uint32_t part);

/* What a message says. Zeroed by inbound_text_read, released by the caller. */
struct inbound_text {
	struct buffer octets; /* of its parts in a row, without headers */
	struct buffer utf8;   /* the same as a text; empty when it is binary */
	bool binary;
	bool odd;	 /* something in it could not be read as its alphabet says */
	uint32_t unread; /* parts whose PDU is gone or corrupt */
};

/* False: no memory. Parts that are missing are passed over. */
bool inbound_text_read(struct store_txn *txn, const struct store_inbound_message *message,
		       struct inbound_text *text);
void inbound_text_release(struct inbound_text *text);

#endif
