/*
 * The part of the check that is about orders: what each says of its messages, a message of its
 * segments, a block of its orders. See check.c.
 */
#include "store/check_own.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#define REFS_MOST 64

/* --- Orders ----------------------------------------------------------------------------------- */

/* What messages say of themselves, summed up; of an order or of one batch. */
struct tally {
	uint32_t messages;
	uint32_t states[STORE_STATES];
	uint32_t receipt_unknown; /* of those in SENT */
	uint32_t taken, refused, unanswered, on_time, late;
};

static void tally_add(struct tally *tally, const struct store_message *message)
{
	tally->messages++;
	if ((unsigned)message->state < STORE_STATES)
		tally->states[message->state]++;
	tally->receipt_unknown += message->state == STORE_STATE_SENT &&
				  message->error == STORE_ERROR_RECEIPT_UNKNOWN;
	tally->taken += (message->flags & STORE_FLAG_TAKEN) != 0;
	tally->refused += (message->flags & STORE_FLAG_REFUSED) != 0;
	tally->unanswered += (message->flags & STORE_FLAG_UNANSWERED) != 0;
	tally->on_time += (message->flags & STORE_FLAG_ON_TIME) != 0;
	tally->late += (message->flags & STORE_FLAG_LATE) != 0;
}

static uint32_t tally_failed(const struct tally *tally)
{
	return tally->states[STORE_STATE_FAILED] + tally->states[STORE_STATE_EXPIRED];
}

static void compare(struct walk *walk, const char *of, const char *name, uint64_t says,
		    uint64_t counted)
{
	if (says != counted)
		check_finding(walk, "%s%s is %" PRIu64 ", its messages make it %" PRIu64, of, name,
			      says, counted);
}

static void compare_batch(struct walk *walk, const struct store_order *order, uint32_t n,
			  const struct tally *tally)
{
	struct store_batch batch = { .order = order->order, .n = n };
	char of[32];
	enum store_err err = store_batch_get(walk->txn, &batch);

	snprintf(of, sizeof(of), "batch %" PRIu32 ": ", n);
	if (err == STORE_NOTFOUND)
		check_finding(walk, "%sthere is no record of it", of);
	if (err)
		return;
	compare(walk, of, "first", batch.first, (uint64_t)n * order->batch_size);
	compare(walk, of, "size", batch.size, tally->messages);
	compare(walk, of, "taken", batch.taken, tally->taken);
	compare(walk, of, "refused", batch.refused, tally->refused);
	compare(walk, of, "delivered", batch.delivered, tally->states[STORE_STATE_DELIVERED]);
	compare(walk, of, "failed", batch.failed, tally_failed(tally));
	compare(walk, of, "unknown", batch.unknown, tally->states[STORE_STATE_UNKNOWN]);
}

static void compare_order(struct walk *walk, const struct store_order *order,
			  const struct tally *tally)
{
	compare(walk, "", "total", order->total, tally->messages);
	compare(walk, "", "delivered", order->delivered, tally->states[STORE_STATE_DELIVERED]);
	compare(walk, "", "failed", order->failed, tally_failed(tally));
	compare(walk, "", "expired", order->expired, tally->states[STORE_STATE_EXPIRED]);
	compare(walk, "", "unknown", order->unknown, tally->states[STORE_STATE_UNKNOWN]);
	compare(walk, "", "in_doubt", order->in_doubt, tally->states[STORE_STATE_IN_DOUBT]);
	compare(walk, "", "sent", order->sent,
		tally->states[STORE_STATE_SENT] - tally->receipt_unknown);
	compare(walk, "", "receipt_unknown", order->receipt_unknown, tally->receipt_unknown);
	compare(walk, "", "taken", order->taken, tally->taken);
	compare(walk, "", "refused", order->refused, tally->refused);
	compare(walk, "", "unanswered", order->unanswered, tally->unanswered);
	compare(walk, "", "on_time", order->on_time, tally->on_time);
	compare(walk, "", "late", order->late, tally->late);
}

static void check_messages(struct walk *walk, const struct store_order *order)
{
	struct store_message message = { .order = order->order };
	struct tally all = { 0 };
	struct tally batch = { 0 };
	uint32_t size = order->batch_size > 0 ? order->batch_size : order->total;
	bool batches = order->total > size;
	uint32_t expected = 0;
	enum store_err err = store_message_seek(walk->txn, &message, 1);

	for (; !err || err == STORE_CORRUPT; err = store_message_next(walk->txn, &message, 1)) {
		if (message.index != expected)
			check_finding(walk, "message %" PRIu32 " follows, expected was %" PRIu32,
				      message.index, expected);
		expected = message.index + 1;
		if (err)
			continue;
		tally_add(&all, &message);
		tally_add(&batch, &message);
		if (batches && (expected % size == 0 || expected == order->total)) {
			compare_batch(walk, order, (expected - 1) / size, &batch);
			batch = (struct tally){ 0 };
		}
	}
	compare_order(walk, order, &all);
}

static void want_block(struct walk *walk, const struct store_order *order)
{
	struct store_block block = { .account = order->account,
				     .block = order->order >> STORE_BLOCK_BITS,
				     .route = order->route };

	if (store_block_get(walk->txn, &block) == STORE_NOTFOUND)
		check_finding(walk, "there is no block that counts it");
}

void check_order(struct walk *walk, const void *rec)
{
	const struct store_order *order = rec;
	struct store_text text = { .order = order->order };
	uint64_t octets = 0;
	uint32_t chunks = 0;
	enum store_err err;

	for (err = store_text_seek(walk->txn, &text, 1); !err;
	     err = store_text_next(walk->txn, &text, 1)) {
		octets += text.octets.n;
		chunks++;
	}
	if (chunks > 0 && octets != order->text_octets)
		check_finding(walk, "its text has %" PRIu64 " octets", octets);
	if (order->parts == 0)
		check_finding(walk, "a message cannot have no part");
	if (order->released > (uint64_t)order->total * order->parts)
		check_finding(walk, "more segments are released than there are");
	check_want_account(walk, order->account);
	want_block(walk, order);
	check_messages(walk, order);
}

/* The sums of a block, of what its orders say of themselves. */
void check_block(struct walk *walk, const void *rec)
{
	static const char *const names[STORE_SHOWNS] = {
		[STORE_SHOWN_QUEUED] = "queued",       [STORE_SHOWN_SENT] = "sent",
		[STORE_SHOWN_DOUBTFUL] = "doubtful",   [STORE_SHOWN_UNKNOWN] = "unknown",
		[STORE_SHOWN_DELIVERED] = "delivered", [STORE_SHOWN_FAILED] = "failed",
		[STORE_SHOWN_EXPIRED] = "expired",
	};
	const struct store_block *block = rec;
	struct store_order order = { .order = block->block << STORE_BLOCK_BITS };
	uint32_t says[STORE_SHOWNS], one[STORE_SHOWNS], sum[STORE_SHOWNS] = { 0 };
	uint32_t orders = 0;
	enum store_err err = store_order_seek(walk->txn, &order, 0);

	for (; (!err || err == STORE_CORRUPT) && order.order >> STORE_BLOCK_BITS == block->block;
	     err = store_order_next(walk->txn, &order, 0)) {
		if (err)
			return; /* nobody knows what it counted for */
		if (order.account != block->account || order.route != block->route)
			continue;
		store_order_shown(&order, one);
		for (unsigned i = 0; i < STORE_SHOWNS; i++)
			sum[i] += one[i];
		orders++;
		if (order.created_ms < block->first_ms || order.created_ms > block->last_ms)
			check_finding(walk, "order %" PRIu64 " is of another time", order.order);
	}
	store_block_shown(block, says);
	for (unsigned i = 0; i < STORE_SHOWNS; i++) {
		if (says[i] != sum[i])
			check_finding(walk, "%s is %" PRIu32 ", its orders make it %" PRIu32,
				      names[i], says[i], sum[i]);
	}
	if (block->orders != orders)
		check_finding(walk, "orders is %" PRIu32 ", there are %" PRIu32, block->orders,
			      orders);
}

static bool want_order(struct walk *walk, uint64_t number, struct store_order *order)
{
	order->order = number;
	enum store_err err = store_order_get(walk->txn, order);

	if (err == STORE_NOTFOUND)
		check_finding(walk, "there is no order %" PRIu64, number);
	return err == STORE_OK;
}

void check_text(struct walk *walk, const void *rec)
{
	struct store_order order;

	want_order(walk, ((const struct store_text *)rec)->order, &order);
}

void check_batch(struct walk *walk, const void *rec)
{
	const struct store_batch *batch = rec;
	struct store_order order;

	if (want_order(walk, batch->order, &order) && batch->first >= order.total)
		check_finding(walk, "it begins behind its order's last message");
}

void check_idempotency(struct walk *walk, const void *rec)
{
	struct store_order order;

	want_order(walk, ((const struct store_idempotency *)rec)->order, &order);
}

/* --- Messages and segments -------------------------------------------------------------------- */

struct wanted {
	uint64_t hash;
	struct store_ref ref;
	struct walk *walk;
};

static void want_id(void *to, uint64_t hash)
{
	struct wanted *wanted = to;
	struct store_ref refs[REFS_MOST];
	size_t n;
	enum store_err err = store_ids_find(wanted->walk->txn, hash, refs, REFS_MOST, &n);

	for (size_t i = 0; !err && i < n && i < REFS_MOST; i++) {
		if (refs[i].order == wanted->ref.order && refs[i].index == wanted->ref.index &&
		    refs[i].segment == wanted->ref.segment)
			return;
	}
	if (err)
		check_finding(wanted->walk, "looking for its provider id fails: %s",
			      store_err_text(err));
	else
		check_finding(wanted->walk, "its provider id does not lead to it");
}

static uint32_t lane_of(const struct store_order *order)
{
	return order->sandbox ? order->route | STORE_LANE_SANDBOX : order->route;
}

static void check_seg(struct walk *walk, const struct store_order *order,
		      const struct store_seg *seg, const struct store_ref *ref, uint64_t msisdn)
{
	struct store_evidence_more more = { .order = ref->order,
					    .index = ref->index,
					    .segment = ref->segment };
	struct wanted wanted = { .ref = *ref, .walk = walk };
	uint32_t found = 0;
	enum store_err err;

	if ((unsigned)seg->state >= STORE_STATES || (unsigned)seg->error >= STORE_ERRORS)
		check_finding(walk, "segment %" PRIu32 " is in no state that there is",
			      ref->segment);
	if (seg->state == STORE_STATE_QUEUED && seg->due_ms > 0 && seg->due_route != lane_of(order))
		check_finding(walk,
			      "it stands in the queue of route %" PRIu32
			      ", its order in that of %" PRIu32,
			      seg->due_route, lane_of(order));
	for (err = store_evidence_more_seek(walk->txn, &more, 3); !err || err == STORE_CORRUPT;
	     err = store_evidence_more_next(walk->txn, &more, 3))
		found++;
	if (found != seg->more)
		check_finding(walk,
			      "segment %" PRIu32 " has %" PRIu32
			      " records of more evidence and says %u",
			      ref->segment, found, seg->more);
	if (walk->check->ids_of)
		walk->check->ids_of(walk->check->arg, order, seg, msisdn, want_id, &wanted);
}

static int fold_of(uint8_t state)
{
	return state < STORE_STATES ? store_state_fold((enum store_state)state) : INT_MAX;
}

/* The fold over segment 0 and the others; those that have no record yet are QUEUED. */
static int fold(struct walk *walk, const struct store_message *message, unsigned parts)
{
	struct store_segment segment = { .order = message->order, .index = message->index };
	int least = fold_of(message->seg.state);
	unsigned found = 1;
	enum store_err err = store_segment_seek(walk->txn, &segment, 2);

	for (; !err || err == STORE_CORRUPT; err = store_segment_next(walk->txn, &segment, 2)) {
		found++;
		if (!err && fold_of(segment.seg.state) < least)
			least = fold_of(segment.seg.state);
	}
	if (found < parts && fold_of(STORE_STATE_QUEUED) < least)
		least = fold_of(STORE_STATE_QUEUED);
	return least;
}

void check_message(struct walk *walk, const void *rec)
{
	const struct store_message *message = rec;
	struct store_ref ref = { .order = message->order, .index = message->index };
	struct store_order order;

	if (!want_order(walk, message->order, &order))
		return;
	if ((unsigned)message->state >= STORE_STATES || (unsigned)message->error >= STORE_ERRORS)
		check_finding(walk, "it is in no state that there is");
	else if (fold_of(message->state) != fold(walk, message, order.parts))
		check_finding(walk, "its state is not what its segments make it");
	check_seg(walk, &order, &message->seg, &ref, message->msisdn);
}

static bool want_message(struct walk *walk, uint64_t order, uint32_t index)
{
	struct store_message message = { .order = order, .index = index };
	enum store_err err = store_message_get(walk->txn, &message);

	if (err == STORE_NOTFOUND)
		check_finding(walk, "there is no message %" PRIu32 " in order %" PRIu64, index,
			      order);
	return err == STORE_OK;
}

void check_segment(struct walk *walk, const void *rec)
{
	const struct store_segment *segment = rec;
	struct store_ref ref = { .order = segment->order,
				 .index = segment->index,
				 .segment = segment->segment };
	struct store_order order;

	if (!want_order(walk, segment->order, &order) ||
	    !want_message(walk, segment->order, segment->index))
		return;
	if (segment->segment == 0 || segment->segment >= order.parts)
		check_finding(walk, "its messages have %u parts", order.parts);
	check_seg(walk, &order, &segment->seg, &ref, 0);
}

void check_evidence_more(struct walk *walk, const void *rec)
{
	const struct store_evidence_more *more = rec;
	struct store_segment segment = { .order = more->order,
					 .index = more->index,
					 .segment = more->segment };

	want_message(walk, more->order, more->index);
	if (more->segment > 0 && store_segment_get(walk->txn, &segment) == STORE_NOTFOUND)
		check_finding(walk, "there is no such segment");
}

void check_release(struct walk *walk, const void *rec)
{
	const struct store_release *release = rec;
	struct store_members_reader reader;
	struct store_member member;
	struct store_order order;

	store_members_read(&reader, release->members);
	while (store_members_next(&reader, &member)) {
		if (!want_order(walk, member.order, &order) ||
		    !want_message(walk, member.order, member.index))
			continue;
		if (member.segment >= order.parts)
			check_finding(walk,
				      "segment %u of message %" PRIu32 " in order %" PRIu64
				      " is none",
				      member.segment, member.index, member.order);
	}
	if (reader.bad)
		check_finding(walk, "its members cannot be read");
}
