/*
 * Inbound: what handsets send to us. A deliver_sm or data_sm that is no receipt is in the store
 * before it is answered; it is a message, or a part of one that is put together from records
 * (core/reassembly.h) when all parts are there or nobody waits for them any longer. Here too:
 * alert_notification, which says that a handset can be reached again.
 *
 *	inbound            a PDU as it came
 *	inbound_part       which PDU is which part
 *	inbound_message    what is read: whole, or as far as it came, and flagged
 *
 * Receipts are not its business: core/receipts.c sorts them out and hands over the rest, which
 * includes what handsets acknowledge (SMPP 3.4, 5.2.12): evidence that somebody may read, but no
 * receipt. What a message says is read in core/inbound_text.c.
 */
#ifndef CORE_INBOUND_H
#define CORE_INBOUND_H

#include "core/provider.h"

/* What is odd about a message: bit on disk, and the word for it. */
#define INBOUND_FLAGS(X)                                                                       \
	X(INCOMPLETE, 0, "incomplete") /* nobody waits for its other parts any longer */       \
	X(CROWDED, 1, "crowded")       /* and that too early: too many were being awaited */   \
	X(BAD_HEADER, 2, "bad_header") /* a user data header that cannot be read */            \
	X(BAD_COUNT, 3, "bad_count")   /* part 0, none at all, or one past the last */         \
	X(CONFLICT, 4, "conflict")     /* another part of that number, total or coding came */ \
	X(BAD_SAR, 5, "bad_sar")       /* sar_* parameters that do not go together */          \
	X(LONG_PART, 6, "long_part")   /* a part that no handset could have sent */

enum inbound_flag {
#define X(name, bit, word) INBOUND_##name = 1 << (bit),
	INBOUND_FLAGS(X)
#undef X
};

#define INBOUND_PIECE_OCTETS 1700 /* of a PDU in its first record */
#define INBOUND_RUN_MESSAGES 100  /* handed out late in one turn, at most */
#define INBOUND_ALERTS_PER_S 20	  /* of a provider; further ones are counted only */

/* A deliver_sm or data_sm as it came: `pdu` is what the octets say, and borrows from them. */
struct inbound_news {
	const struct provider *provider;
	uint64_t session;
	const struct smpp_pdu *pdu;
	struct smpp_octets octets;
};
void inbound_keep(struct turn *turn, const struct inbound_news *news);

/* Hands out what has waited long enough, and forgets groups; a bounded slice. */
void inbound_run(struct turn *turn);

/* Deletes a message with its PDUs and parts. */
void inbound_drop(struct turn *turn, const struct store_inbound_message *message);

/* An alert_notification has come (SMPP 3.4, 4.12.1); it has no answer. */
void inbound_alert(struct engine *engine, struct link *link, const struct smpp_pdu *pdu);

#endif
