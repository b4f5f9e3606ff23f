/*
 * Reading back what happened to a message: the evidence of its segments, oldest first, whichever
 * records it stands in, and what its numbers are called. It changes nothing and knows no answer
 * format. Used by reconciliation, the path, the explanation and the operators' view.
 */
#ifndef CORE_HISTORY_H
#define CORE_HISTORY_H

#include "core/orders.h"
#include "smpp/status.h"

/* Walks the evidence of one segment. Big (2 KiB): one at a time. */
struct history {
	struct store_txn *txn;
	struct segment_ref ref;
	const struct store_seg *seg;
	int64_t base_ms; /* the order's acceptance */
	uint32_t n; /* the record of older evidence that is being read; seg->more: the segment */
	size_t offset;
	bool damaged; /* a record was missing or malformed; what can be read is read */
	struct store_evidence_more more;
};

/* `seg` and `txn` outlive the walk. */
void history_begin(struct history *history, struct store_txn *txn, const struct store_order *order,
		   struct segment_ref ref, const struct store_seg *seg);
/* The next row; its slices live until the next call. False at the end. */
bool history_next(struct history *history, struct evidence *row);

#define HISTORY_LINK_OCTETS 68
/* "provider/link" of a session; "session 7" when its record is gone; "" for session 0. */
const char *history_link(struct store_txn *txn, uint64_t session, char out[HISTORY_LINK_OCTETS]);

/*
 * What a row's code is called: "ESME_RTHROTTLED" of an answer, "0x00000401 (1025)" if that has no
 * name, "DELIVERED" of a receipt; "" without. `out` may be used for it.
 */
const char *history_code_name(const struct evidence *row, char out[SMPP_STATUS_TEXT_OCTETS]);

#define HISTORY_LOSS_OCTETS 320
/* Of a row LOST: in which of the three ways its answer was; `out` holds it. */
const char *history_loss(struct store_txn *txn, const struct evidence *row,
			 char out[HISTORY_LOSS_OCTETS]);

/*
 * A segment of a message as it is in effect, without a turn; `segment` holds it when ref.segment is
 * not 0. NULL when there is none or it is corrupt.
 */
const struct store_seg *history_segment(struct store_txn *txn, const struct store_order *order,
					struct segment_ref ref, struct store_message *message,
					struct store_segment *segment);

#endif
