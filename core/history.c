/* Evidence read back. See history.h. */
#include "core/history.h"

#include <stdio.h>
#include <string.h>

#include "smpp/receipt.h"
#include "smpp/status.h"

#define LOSS_SLACK_MS 1000 /* a session's end is recorded in another input than its losses */

void history_begin(struct history *history, struct store_txn *txn, const struct store_order *order,
		   struct segment_ref ref, const struct store_seg *seg)
{
	history->txn = txn;
	history->ref = ref;
	history->seg = seg;
	history->base_ms = (int64_t)order->created_ms;
	history->n = 0;
	history->offset = 0;
	history->damaged = false;
	history->more.n = UINT32_MAX;
}

/* The octets that hold the rows being read. */
static struct store_octets rows_of(struct history *history)
{
	if (history->n >= history->seg->more)
		return history->seg->evidence;
	if (history->more.n == history->n)
		return history->more.evidence;
	history->more.order = history->ref.order;
	history->more.index = history->ref.index;
	history->more.segment = history->ref.segment;
	history->more.n = history->n;
	if (store_evidence_more_get(history->txn, &history->more) == STORE_OK)
		return history->more.evidence;
	history->damaged = true;
	history->more.n = UINT32_MAX;
	return (struct store_octets){ 0 };
}

bool history_next(struct history *history, struct evidence *row)
{
	while (history->n <= history->seg->more) {
		struct store_octets rows = rows_of(history);
		if (evidence_next(rows.at, rows.n, &history->offset, history->base_ms, row))
			return true;
		history->damaged = history->damaged || history->offset != rows.n;
		history->offset = 0;
		history->n++;
	}
	return false;
}

const char *history_link(struct store_txn *txn, uint64_t session, char out[HISTORY_LINK_OCTETS])
{
	struct store_session rec = { .session = session };
	out[0] = '\0';
	if (session && store_session_get(txn, &rec) == STORE_OK)
		snprintf(out, HISTORY_LINK_OCTETS, "%.*s", (int)rec.link.n,
			 (const char *)rec.link.at);
	else if (session)
		snprintf(out, HISTORY_LINK_OCTETS, "session %llu", (unsigned long long)session);
	return out;
}

const char *history_code_name(const struct evidence *row, char out[SMPP_STATUS_TEXT_OCTETS])
{
	if (!row->has_code)
		return "";
	if (row->has_receipt)
		return row->code < SMPP_STATES ?
			       smpp_receipt_state_name((enum smpp_receipt_state)row->code) :
			       "?";
	const char *name = smpp_status(row->code).name;
	return name ? name : smpp_status_text(row->code, out);
}

const char *history_loss(struct store_txn *txn, const struct evidence *row,
			 char out[HISTORY_LOSS_OCTETS])
{
	struct store_session session = { .session = row->session };
	bool known = store_session_get(txn, &session) == STORE_OK;
	if (!row->sequence_number)
		snprintf(out, HISTORY_LOSS_OCTETS,
			 "the daemon ended while it was out; it may or may not have left");
	else if (known && session.closed_ms &&
		 (int64_t)session.closed_ms <= row->at_ms + LOSS_SLACK_MS)
		snprintf(out, HISTORY_LOSS_OCTETS, "session %llu had ended: %.*s",
			 (unsigned long long)row->session, (int)session.reason.n,
			 (const char *)session.reason.at);
	else
		snprintf(out, HISTORY_LOSS_OCTETS, "nothing came within the response time");
	return out;
}

const struct store_seg *history_segment(struct store_txn *txn, const struct store_order *order,
					struct segment_ref ref, struct store_message *message,
					struct store_segment *segment)
{
	struct store_seg *seg = &message->seg;
	if (ref.segment) {
		segment->order = ref.order;
		segment->index = ref.index;
		segment->segment = ref.segment;
		if (store_segment_get(txn, segment) != STORE_OK)
			return NULL;
		seg = &segment->seg;
	}
	life_released(seg, orders_state(order, ref, seg));
	return seg;
}
