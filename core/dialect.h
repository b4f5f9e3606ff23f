/*
 * Dialects: how the receipts of a provider write the ids that its responses gave. Configured, or
 * learned from pairs of the two that only one reading joins: after DIALECT_PAIRS of these, of which
 * at most one in a hundred differs, the reading is proposed in status; where message_id_dialect is
 * auto it is applied: durably, and from then on it alone is tried. It is withdrawn when, of the
 * recent pairs, at least DIALECT_AGAINST and a tenth of all are another reading's; what was meanwhile
 * kept as an orphan is matched anew. The text and the TLV of a receipt are learned apart, for
 * carriers write one number in two bases.
 */
#ifndef CORE_DIALECT_H
#define CORE_DIALECT_H

#include "core/provider.h"
#include "smpp/receipt.h"

#define DIALECT_PLACES	2 /* SMPP_RECEIPT_TEXT_ID, SMPP_RECEIPT_TLV_ID */
#define DIALECT_PAIRS	20
#define DIALECT_RECENT	200 /* pairs that count; with more all are halved */
#define DIALECT_AGAINST 5

/* What a further pair made of the record. */
enum dialect_change {
	DIALECT_SAME, /* nothing that need be stored */
	DIALECT_COUNTED,
	DIALECT_APPLIED,
	DIALECT_WITHDRAWN,
};
/* Pure: counts a pair that only `rule` joins; apply: what is proposed takes effect. */
enum dialect_change dialect_count(struct store_dialect *rec, enum smpp_id_dialect rule, bool apply,
				  uint64_t at_ms);
/* What the pairs propose; SMPP_ID_ANY: nothing yet. */
enum smpp_id_dialect dialect_proposed(const struct store_dialect *rec);

/* As it is stored; all 0 without a record. */
struct store_dialect dialect_read(struct store_txn *txn, uint32_t provider, int place);

/* The one reading to try, or SMPP_ID_ANY. */
enum smpp_id_dialect dialect_of(struct turn *turn, const struct provider *provider, int place);

/*
 * A receipt's id at this place was joined, or would have been, by `rule` and by no other reading.
 * True: what was applied is withdrawn by it.
 */
bool dialect_learn(struct turn *turn, const struct provider *provider, int place,
		   enum smpp_id_dialect rule);

/*
 * The settings by which ids are matched differ from those of the last run: what they could not match
 * may match now. Notes them. To be asked once at start.
 */
bool dialect_settings_changed(struct turn *turn, const struct provider *provider);

#endif
