/* The blocks as sums over their orders. See block.h. */
#include "store/block.h"

#include <stddef.h>
#include <string.h>

void store_order_shown(const struct store_order *order, uint32_t shown[STORE_SHOWNS])
{
	uint32_t doubtful = order->in_doubt + order->receipt_unknown;
	uint32_t seen = order->delivered + order->failed + order->unknown + order->sent + doubtful;

	shown[STORE_SHOWN_QUEUED] = order->total - seen;
	shown[STORE_SHOWN_SENT] = order->sent;
	shown[STORE_SHOWN_DOUBTFUL] = doubtful;
	shown[STORE_SHOWN_UNKNOWN] = order->unknown;
	shown[STORE_SHOWN_DELIVERED] = order->delivered;
	shown[STORE_SHOWN_FAILED] = order->failed - order->expired;
	shown[STORE_SHOWN_EXPIRED] = order->expired;
}

enum store_shown store_message_shown(const struct store_message *message)
{
	static const enum store_shown shown[STORE_STATES] = {
		[STORE_STATE_QUEUED] = STORE_SHOWN_QUEUED,
		[STORE_STATE_SUBMITTED] = STORE_SHOWN_QUEUED,
		[STORE_STATE_IN_DOUBT] = STORE_SHOWN_DOUBTFUL,
		[STORE_STATE_SENT] = STORE_SHOWN_SENT,
		[STORE_STATE_UNKNOWN] = STORE_SHOWN_UNKNOWN,
		[STORE_STATE_DELIVERED] = STORE_SHOWN_DELIVERED,
		[STORE_STATE_FAILED] = STORE_SHOWN_FAILED,
		[STORE_STATE_EXPIRED] = STORE_SHOWN_EXPIRED,
	};

	if (message->state == STORE_STATE_SENT && message->error == STORE_ERROR_RECEIPT_UNKNOWN)
		return STORE_SHOWN_DOUBTFUL;
	return (unsigned)message->state < STORE_STATES ? shown[message->state] : STORE_SHOWN_QUEUED;
}

static uint32_t *counter(struct store_block *block, unsigned shown)
{
	static const size_t at[STORE_SHOWNS] = {
		[STORE_SHOWN_QUEUED] = offsetof(struct store_block, queued),
		[STORE_SHOWN_SENT] = offsetof(struct store_block, sent),
		[STORE_SHOWN_DOUBTFUL] = offsetof(struct store_block, doubtful),
		[STORE_SHOWN_UNKNOWN] = offsetof(struct store_block, unknown),
		[STORE_SHOWN_DELIVERED] = offsetof(struct store_block, delivered),
		[STORE_SHOWN_FAILED] = offsetof(struct store_block, failed),
		[STORE_SHOWN_EXPIRED] = offsetof(struct store_block, expired),
	};

	return (uint32_t *)(void *)((char *)block + at[shown]);
}

void store_block_shown(const struct store_block *block, uint32_t shown[STORE_SHOWNS])
{
	struct store_block copy = *block;

	for (unsigned i = 0; i < STORE_SHOWNS; i++)
		shown[i] = *counter(&copy, i);
}

/* Sums wrap in both directions alike: a block that was wrong stays as wrong, and the check tells. */
static void add(struct store_block *block, const uint32_t from[STORE_SHOWNS],
		const uint32_t to[STORE_SHOWNS])
{
	for (unsigned i = 0; i < STORE_SHOWNS; i++)
		*counter(block, i) += to[i] - from[i];
}

static void add_order(struct store_block *block, const struct store_order *order)
{
	if (!block->orders || order->created_ms < block->first_ms)
		block->first_ms = order->created_ms;
	if (!block->orders || order->created_ms > block->last_ms)
		block->last_ms = order->created_ms;
	block->orders++;
}

enum store_err store_block_move(struct store_txn *txn, const struct store_order *old,
				const struct store_order *rec)
{
	const struct store_order *order = rec ? rec : old;
	struct store_block block = { .account = order->account,
				     .block = order->order >> STORE_BLOCK_BITS,
				     .route = order->route };
	uint32_t from[STORE_SHOWNS] = { 0 };
	uint32_t to[STORE_SHOWNS] = { 0 };

	if (old)
		store_order_shown(old, from);
	if (rec)
		store_order_shown(rec, to);
	if (old && rec && !memcmp(from, to, sizeof(from)))
		return STORE_OK;
	enum store_err err = store_block_get(txn, &block);

	if (err == STORE_NOTFOUND && old)
		return STORE_OK; /* the checker tells */
	if (err && err != STORE_NOTFOUND)
		return err;
	if (!old)
		add_order(&block, rec);
	add(&block, from, to);
	if (!rec && --block.orders == 0)
		return store_block_del(txn, &block);
	return store_block_put(txn, &block);
}
