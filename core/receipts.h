/*
 * Receipts: what a deliver_sm or data_sm says about a segment, and which segment that is. The other
 * half of core/reconcile.h. No receipt is thrown away: matched, it is evidence; unmatched, it is an
 * orphan that a later answer joins; not a receipt, it is an inbound message. Each is in the store
 * before it is answered.
 */
#ifndef CORE_RECEIPTS_H
#define CORE_RECEIPTS_H

#include "core/evidence.h"
#include "core/provider.h"
#include "smpp/receipt.h"

/* Reads a PDU with the provider's settings. */
void receipts_read(const struct config_provider *config, const struct smpp_pdu *pdu,
		   struct smpp_receipt *receipt);

/* How a receipt came to its segment. */
struct receipt_source {
	uint64_t session; /* that it came on */
	enum evidence_rule rule;
	const struct smpp_pdu *pdu;
	int64_t came_ms;   /* wall clock; 0: now */
	bool by_operator;  /* who joined it */
	bool answers_open; /* it tells the fate of the attempt that is in doubt */
};
/* Makes it evidence of the segment, and of the whole message where the provider says so. */
void receipts_apply(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		    const struct smpp_receipt *receipt, const struct receipt_source *source);

/* What a query_sm_resp (4.8.2) says of a segment. */
struct receipt_query {
	uint64_t session; /* that it came on */
	uint8_t message_state, error_code;
	struct smpp_octets final_date; /* as it came; it orders nothing */
	bool by_operator;
};
/*
 * Makes it evidence, as a receipt's state would be but for its rule; a state that is not known, or
 * means nothing, decides nothing. What the number stands for at this provider.
 */
enum smpp_receipt_state receipts_apply_query(struct turn *turn, const struct provider *provider,
					     struct segment_ref ref,
					     const struct receipt_query *query);

/*
 * The verdict of a segment that left at left_ms (wall clock) is known: where one receipt speaks for
 * the message, those that came for its other segments since then are this one's too.
 */
void receipts_cover(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		    int64_t left_ms);

#endif
