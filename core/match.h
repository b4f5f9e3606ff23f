/*
 * Matching: which segment a receipt is about. By the provider's message id in each spelling that
 * carriers use, the candidate's own evidence, and the addresses. It reads only; what a match does
 * is core/receipts.c, what becomes of the rest is core/orphans.c.
 */
#ifndef CORE_MATCH_H
#define CORE_MATCH_H

#include "core/evidence.h"
#include "core/orders.h"
#include "core/provider.h"
#include "smpp/receipt.h"

struct match {
	uint32_t standing; /* distinct segments that the id and the address fit; of several the one
			      that has the id as it was given, while all receipts were read so */
	bool id_known;	   /* a segment has the id, whatever its address */
	bool id_of_gone;   /* the id leads to an order that retention has removed */
	/* It has the id in another base, as this carrier was never seen to write one, and of a segment
	 * to that number the id is not known, which may be meant: not to be joined yet. */
	bool early;
	struct segment_ref ref;
	enum evidence_rule rule;
	/* The reading that joined each id of the receipt, where others would read it differently. */
	enum smpp_id_dialect readings[2]; /* as ids of struct smpp_receipt; SMPP_ID_ANY: none */
};

/* What is to be matched. */
struct match_query {
	const struct provider *provider;
	const struct smpp_pdu *pdu;
	const struct smpp_receipt *receipt;
	int64_t came_ms; /* wall clock: of no segment that was released later; INT64_MAX: it is new */
	bool any;	 /* in every reading, whatever the dialect */
};
struct match match_receipt(struct turn *turn, const struct match_query *query);

/* The id by which a receipt is kept: the TLV's before the text's. */
struct smpp_octets match_id(const struct smpp_receipt *receipt);
/* Where a receipt's ids are looked up; 0: not there. */
struct match_hashes {
	uint64_t readings[SMPP_ID_DEC_TO_HEX + 1]; /* of match_id, those to be tried; [0] none */
	uint64_t cut;				   /* the beginning of it */
	uint64_t text;				   /* the id of the text, where a TLV has another */
};
struct match_hashes match_hashes(struct turn *turn, const struct provider *provider,
				 const struct smpp_receipt *receipt);

/*
 * Where an id that belongs to several destinations is looked up, each with its own: `tail` is
 * store_tail of the number, plus 1. The id is canonical.
 */
uint64_t match_shared_hash(const struct store *store, uint32_t provider, const char *id, size_t n,
			   uint32_t tail);
/* smpp_receipt_may_be_of; always, where the provider's match_addresses is off. */
bool match_addresses(const struct provider *provider, const struct smpp_pdu *pdu, uint64_t msisdn);

#endif
