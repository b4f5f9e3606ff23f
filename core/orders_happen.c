/*
 * What happens to a message: an event of the lifecycle meets a segment's record, and the message,
 * its order and the money follow. See orders.h; works and counters are in orders.c.
 */
#include "core/orders_inside.h"

#include <assert.h>
#include <string.h>

#include "core/engine.h"
#include "core/history.h"
#include "core/journal.h"
#include "core/ledger.h"
#include "core/lifecycle.h"
#include "core/missing.h"
#include "core/route.h"
#include "smpp/receipt.h"

#define EVIDENCE_OCTETS 1900 /* in a record; what does not fit moves to evidence_more */

static const uint8_t event_of_state[] = {
	[STORE_STATE_QUEUED] = FEED_MESSAGE_QUEUED,
	[STORE_STATE_SUBMITTED] = FEED_MESSAGE_QUEUED,
	[STORE_STATE_IN_DOUBT] = FEED_MESSAGE_IN_DOUBT,
	[STORE_STATE_SENT] = FEED_MESSAGE_SENT,
	[STORE_STATE_UNKNOWN] = FEED_MESSAGE_UNKNOWN,
	[STORE_STATE_DELIVERED] = FEED_MESSAGE_DELIVERED,
	[STORE_STATE_FAILED] = FEED_MESSAGE_FAILED,
	[STORE_STATE_EXPIRED] = FEED_MESSAGE_EXPIRED,
};

/* ---- segments ---- */

enum store_state orders_state(const struct store_order *rec, struct segment_ref ref,
			      const struct store_seg *seg)
{
	uint64_t at = (uint64_t)ref.index * rec->parts + ref.segment;
	if (seg->state == STORE_STATE_QUEUED && !seg->attempts && !seg->due_ms &&
	    at < rec->released)
		return STORE_STATE_SUBMITTED;
	return (enum store_state)seg->state;
}

/* One message in the hands of orders_happen, with the segment that the event is about. */
struct hand {
	struct work *work;
	struct segment_ref ref;
	struct store_message message;
	struct store_segment segment;
	struct store_seg *seg;
	uint8_t evidence[EVIDENCE_OCTETS];
};

static enum store_err read_segment(struct store_txn *txn, struct segment_ref ref,
				   struct store_message *message, struct store_segment *segment,
				   struct store_seg **seg)
{
	message->order = ref.order;
	message->index = ref.index;
	enum store_err err = store_message_get(txn, message);
	*seg = &message->seg;
	if (err || !ref.segment)
		return err;
	segment->order = ref.order;
	segment->index = ref.index;
	segment->segment = ref.segment;
	*seg = &segment->seg;
	return store_segment_get(txn, segment);
}

bool orders_segment(struct turn *turn, const struct store_order *rec, struct segment_ref ref,
		    struct store_message *message, struct store_segment *segment,
		    struct store_seg **seg)
{
	enum store_err err = read_segment(turn->txn, ref, message, segment, seg);
	if (err) {
		orders_unreadable(turn, err, "message", ref.order, ref.index);
		return false;
	}
	life_released(*seg, orders_state(rec, ref, *seg));
	return true;
}

static void append_evidence(struct turn *turn, struct hand *hand, const struct evidence *row)
{
	uint8_t octets[EVIDENCE_ROW_OCTETS];
	struct store_seg *seg = hand->seg;
	uint32_t n = (uint32_t)evidence_encode(row, (int64_t)hand->work->rec.created_ms, octets);
	if (seg->evidence.n + n > EVIDENCE_OCTETS) {
		struct store_evidence_more more = {
			.order = hand->ref.order,
			.index = hand->ref.index,
			.segment = hand->ref.segment,
			.n = seg->more++,
			.evidence = seg->evidence,
		};
		turn_fail(turn, store_evidence_more_put(turn->txn, &more));
		seg->evidence.n = 0;
	}
	if (seg->evidence.n)
		memcpy(hand->evidence, seg->evidence.at, seg->evidence.n);
	memcpy(hand->evidence + seg->evidence.n, octets, n);
	seg->evidence.at = hand->evidence;
	seg->evidence.n += n;
}

/* Attempts and times that go with an event. */
static void account_attempt(struct store_seg *seg, const struct happening *happening)
{
	if (happening->verdict) {
		seg->attempts = happening->attempt;
		seg->released_ms = (uint64_t)happening->released_ms;
	}
	/* Of an answer, in time or late; a receipt has no submit with it. */
	const struct evidence *row = &happening->evidence;
	if (row->has_submit && row->has_code && row->code)
		seg->provider_status = row->code;
}

static void note_times(struct turn *turn, struct hand *hand, const struct happening *happening)
{
	struct work *work = hand->work;
	struct store_seg *seg = hand->seg;
	bool queued = seg->state == STORE_STATE_QUEUED;
	uint32_t lane = queue_lane(work->rec.route, work->rec.sandbox);
	seg->due_ms = queued ? (uint64_t)happening->due_ms : 0;
	seg->due_route = queued ? lane : 0;
	if (queued) {
		if (!queue_return(turn->engine->queue, lane, (int64_t)seg->due_ms,
				  orders_since_ms(turn, &work->rec), hand->ref) &&
		    work->route)
			turn_fail(turn, STORE_FULL);
		turn->engine->schedule = true;
		orders_wake(work, (int64_t)work->rec.queue_deadline_ms);
	}
	if (seg->state == STORE_STATE_IN_DOUBT && !seg->doubt_since_ms) {
		seg->doubt_since_ms = (uint64_t)turn->due_ms;
		if (work->route && work->route->doubt == CONFIG_DOUBT_RESEND)
			orders_wake(work, turn->due_ms + work->route->doubt_grace_ms);
	} else if (seg->state != STORE_STATE_IN_DOUBT) {
		seg->doubt_since_ms = 0;
	}
	if (seg->state == STORE_STATE_IN_DOUBT || seg->state == STORE_STATE_SENT)
		orders_wake(work, (int64_t)seg->released_ms +
					  route_receipt_deadline_ms(work->route, &work->rec));
	int64_t ask_ms = seg->state == STORE_STATE_SENT ?
				 missing_first_ms(turn->engine, work, (int64_t)seg->released_ms) :
				 INT64_MAX;
	if (ask_ms < INT64_MAX)
		orders_wake(work, ask_ms);
}

/*
 * Does it say only what a row says already? What is the first of its kind is kept, even if it
 * changes nothing; so a peer that repeats itself, or goes to and fro, cannot fill the store.
 */
static bool repeats(const struct hand *hand, const struct happening *happening,
		    const struct happened *happened)
{
	const struct store_octets *rows = &hand->seg->evidence;
	struct evidence row;
	size_t offset = 0;
	if (!happening->may_repeat || happened->from != happened->to)
		return false;
	if (happened->mark == LIFE_MARK_DUPLICATE)
		return true;
	while (evidence_next(rows->at, rows->n, &offset, 0, &row))
		if (row.event == happening->event && row.has_code && row.mark == happened->mark &&
		    row.code == happening->evidence.code)
			return true;
	return false;
}

/* The provider's own id of what a row is about, canonical; 0 octets: it names none. */
static size_t id_of(const struct evidence *row, char id[SMPP_ID_OCTETS])
{
	return smpp_id_canonical(row->id.at, row->id.n, id);
}

#define ATTEMPTS_LOOKED_AT 16

/*
 * Sent again, and taken each time: a failing receipt speaks of its own attempt alone. True while an
 * attempt that was taken is named by no failing receipt, this one included.
 */
static bool taken_elsewhere(struct turn *turn, const struct hand *hand,
			    const struct happening *happening)
{
	struct history history;
	struct evidence row;
	char failed[ATTEMPTS_LOOKED_AT][SMPP_ID_OCTETS], id[SMPP_ID_OCTETS];
	size_t octets[ATTEMPTS_LOOKED_AT], n = 0, taken = 0;
	bool fails = happening->event == LIFE_ON_RECEIPT_FAILED ||
		     happening->event == LIFE_ON_RECEIPT_EXPIRED;
	if (!fails || !(hand->message.flags & STORE_FLAG_POSSIBLE_DUPLICATE))
		return false;
	history_begin(&history, turn->txn, &hand->work->rec, hand->ref, hand->seg);
	for (bool more = true; more;) {
		more = history_next(&history, &row);
		if (!more)
			row = happening->evidence;
		taken += more && row.event == LIFE_ON_ACCEPTED;
		if (more && row.event != LIFE_ON_RECEIPT_FAILED &&
		    row.event != LIFE_ON_RECEIPT_EXPIRED)
			continue;
		size_t i = 0, id_n = id_of(&row, id);
		while (i < n && (octets[i] != id_n || memcmp(failed[i], id, id_n) != 0))
			i++;
		if (!id_n || i < n || n == ATTEMPTS_LOOKED_AT)
			continue;
		memcpy(failed[n], id, id_n);
		octets[n++] = id_n;
	}
	return taken > 1 && n < taken;
}

/* Applies the event to the segment in hand: state, attempts, times, evidence. */
static struct happened apply(struct turn *turn, struct hand *hand,
			     const struct happening *happening)
{
	struct store_seg *seg = hand->seg;
	struct happened happened = { .found = true, .from = (enum store_state)seg->state };
	account_attempt(seg, happening);
	if (happening->verdict && happening->attempt > 1)
		hand->message.flags |= STORE_FLAG_RETRIED;
	bool elsewhere = taken_elsewhere(turn, hand, happening);
	seg->open_attempts += elsewhere; /* to this event it is as if its fate were unknown */
	happened.mark = life_apply(seg, happening->event, happening->given);
	seg->open_attempts -= elsewhere;
	happened.to = (enum store_state)seg->state;
	if (happening->event == LIFE_ON_LOST && happening->verdict)
		seg->open_attempts++;
	if (happened.from != happened.to)
		note_times(turn, hand, happening);
	if (happening->event == LIFE_ON_RELEASED)
		return happened; /* the row of its verdict tells of the release */
	if (repeats(hand, happening, &happened)) {
		if (hand->message.duplicates < UINT16_MAX)
			hand->message.duplicates++;
		return happened;
	}
	struct evidence row = happening->evidence;
	row.event = happening->event;
	row.mark = happened.mark;
	row.at_ms = turn->at_ms;
	cohort_measure(orders_cohort(turn, hand->work), &hand->work->rec, seg, &row,
		       !life_is_final(happened.from) && life_is_final(happened.to));
	/* An id that is the response's own tells nothing, but where there are several. */
	if (row.has_receipt && row.rule == EVIDENCE_RULE_EXACT &&
	    !(hand->message.flags & STORE_FLAG_POSSIBLE_DUPLICATE))
		row.id = (struct smpp_octets){ 0 };
	append_evidence(turn, hand, &row);
	return happened;
}

/* ---- messages ---- */

/* What all segments of a message say together. */
struct whole {
	struct life_fold fold;
	uint32_t taken;
	bool open; /* the fate of an attempt is not known, or not yet */
};

/* It ended with its message, by whose error nothing can be told of it. */
static bool ended_as_sibling(const struct store_seg *seg)
{
	struct evidence row;
	size_t offset = 0;
	if (seg->state != STORE_STATE_FAILED && seg->state != STORE_STATE_EXPIRED)
		return false;
	while (evidence_next(seg->evidence.at, seg->evidence.n, &offset, 0, &row))
		if (row.event == LIFE_ON_SIBLING_FAILED || row.event == LIFE_ON_SIBLING_EXPIRED)
			return true;
	return false;
}

static void whole_add(struct whole *whole, const struct store_seg *seg)
{
	life_fold_add(&whole->fold, seg);
	whole->taken += life_taken(seg) && !ended_as_sibling(seg);
	whole->open = whole->open || seg->open_attempts || seg->state == STORE_STATE_SUBMITTED;
}

/* A segment that cannot be read: nobody knows what became of it, and nothing is paid back for it. */
static void whole_add_lost(struct whole *whole)
{
	static const struct store_seg lost = { .state = STORE_STATE_UNKNOWN,
					       .error = STORE_ERROR_SUBMIT_UNCONFIRMED,
					       .open_attempts = 1 };
	whole_add(whole, &lost);
}

static void put_segment(struct turn *turn, struct hand *hand)
{
	if (hand->ref.segment)
		turn_fail(turn, store_segment_put(turn->txn, &hand->segment));
}

/*
 * Segments that are not out end with the message, also one that has just come back. The records
 * of the others are their own, so each is taken in hand by itself; the message's segment 0 may be
 * one of them. True if any did.
 */
static bool end_siblings(struct turn *turn, struct hand *hand)
{
	bool any = false;
	enum life_event event = hand->message.state == STORE_STATE_FAILED ? LIFE_ON_SIBLING_FAILED :
									    LIFE_ON_SIBLING_EXPIRED;
	struct happening sibling = { .event = event,
				     .given = (enum store_error)hand->message.error };
	for (uint32_t n = 0; n < hand->work->rec.parts && !turn_failed(turn); n++) {
		struct hand other = { .work = hand->work, .ref = hand->ref };
		other.ref.segment = n;
		if (n == hand->ref.segment) {
			if (hand->seg->state == STORE_STATE_QUEUED) {
				apply(turn, hand, &sibling);
				any = true;
			}
			continue;
		}
		if (!orders_segment(turn, &hand->work->rec, other.ref, &other.message,
				    &other.segment, &other.seg) ||
		    other.seg->state != STORE_STATE_QUEUED)
			continue;
		apply(turn, &other, &sibling);
		any = true;
		if (n) {
			put_segment(turn, &other);
			continue;
		}
		/* Segment 0 lives in the message that is in hand. */
		hand->message.seg = other.seg[0];
		memcpy(hand->message.raw, other.seg->evidence.at, other.seg->evidence.n);
		hand->message.seg.evidence.at = hand->message.raw;
	}
	return any;
}

static struct whole fold(struct turn *turn, struct hand *hand)
{
	struct whole whole = { 0 };
	for (uint32_t n = 0; n < hand->work->rec.parts && !turn_failed(turn); n++) {
		struct segment_ref ref = hand->ref;
		ref.segment = n;
		if (n == hand->ref.segment) {
			whole_add(&whole, hand->seg);
		} else if (!n) {
			struct store_seg first = hand->message.seg;
			life_released(&first, orders_state(&hand->work->rec, ref, &first));
			whole_add(&whole, &first);
		} else {
			struct store_segment segment = { .order = ref.order,
							 .index = ref.index,
							 .segment = n };
			enum store_err err = store_segment_get(turn->txn, &segment);
			if (err) {
				orders_unreadable(turn, err, "segment", ref.order, ref.index);
				whole_add_lost(&whole);
				continue;
			}
			life_released(&segment.seg,
				      orders_state(&hand->work->rec, ref, &segment.seg));
			whole_add(&whole, &segment.seg);
		}
	}
	if (!turn_failed(turn))
		life_fold_set(&whole.fold, &hand->message);
	return whole;
}

static void set_flag(struct store_message *message, uint32_t flag, bool on)
{
	message->flags = on ? message->flags | flag : message->flags & ~flag;
}

static void set_flags(struct turn *turn, struct hand *hand, const struct whole *whole,
		      enum life_mark mark)
{
	struct store_message *message = &hand->message;
	const struct config_route *route = hand->work->route;
	set_flag(message, STORE_FLAG_TAKEN, whole->taken == hand->work->rec.parts);
	set_flag(message, STORE_FLAG_REFUSED,
		 message->state == STORE_STATE_FAILED &&
			 message->error == STORE_ERROR_SUBMIT_ERROR);
	set_flag(message, STORE_FLAG_UNANSWERED,
		 message->state == STORE_STATE_IN_DOUBT ||
			 (message->state == STORE_STATE_UNKNOWN &&
			  message->error == STORE_ERROR_SUBMIT_UNCONFIRMED));
	if (mark == LIFE_MARK_LATE)
		message->flags |= STORE_FLAG_LATE_EVIDENCE;
	if (mark == LIFE_MARK_CONTRADICTS)
		message->flags |= STORE_FLAG_CONTRADICTED;
	if (message->state != STORE_STATE_DELIVERED ||
	    message->flags & (STORE_FLAG_ON_TIME | STORE_FLAG_LATE))
		return;
	int64_t took_ms = turn->at_ms - cohort_start_ms(&hand->work->rec);
	bool late = route && took_ms > route->outcome_deadline_ms;
	message->flags |= late ? STORE_FLAG_LATE : STORE_FLAG_ON_TIME;
}

static void refund(struct turn *turn, struct hand *hand, const struct whole *whole)
{
	struct store_message *message = &hand->message;
	const struct store_order *order = &hand->work->rec;
	int64_t amount = orders_message_cost(order);
	if (message->refund || order->sandbox || !hand->work->route)
		return;
	bool ended = message->state == STORE_STATE_FAILED || message->state == STORE_STATE_EXPIRED;
	bool refused = ended && !whole->taken && !whole->open;
	bool undelivered = ended && !whole->open;
	bool due = hand->work->route->refund == CONFIG_REFUND_UNDELIVERED ? undelivered :
		   hand->work->route->refund == CONFIG_REFUND_REFUSED	  ? refused :
									    false;
	if (!due || !amount)
		return;
	struct ledger_entry entry = {
		.account = order->account,
		.kind = STORE_LEDGER_REFUND,
		.amount = amount,
		.order = order->order,
		.index = message->index,
		.cause = store_error_name((enum store_error)message->error),
	};
	if (ledger_post(turn, &entry, NULL) == LEDGER_OK)
		message->refund = amount;
	else if (!turn_failed(turn))
		alarm_set(turn->engine, "refund_failed", true,
			  "a refund could not be written; run: esmectl store check");
}

/* A delivery is shown of what was paid back. */
static void contradict_refund(struct hand *hand, const struct happening *happening,
			      enum life_mark mark)
{
	bool shown = happening->event == LIFE_ON_RECEIPT_DELIVERED ||
		     happening->event == LIFE_ON_RECEIPT_BEATS;
	if (hand->message.refund && (hand->message.state == STORE_STATE_DELIVERED ||
				     (shown && mark == LIFE_MARK_CONTRADICTS)))
		hand->message.flags |= STORE_FLAG_REFUND_CONTRADICTED;
}

/* A receipt that knows nothing leaves the segment SENT, but clients see UNKNOWN (life_shown). */
static enum feed_event event_of(const struct store_message *message)
{
	if (message->state == STORE_STATE_SENT && message->error == STORE_ERROR_RECEIPT_UNKNOWN)
		return FEED_MESSAGE_UNKNOWN;
	return (enum feed_event)event_of_state[message->state];
}

static void tell(struct turn *turn, struct hand *hand, enum store_state state,
		 enum store_error error)
{
	const struct store_message *message = &hand->message;
	enum store_state now = (enum store_state)message->state;
	bool same = !strcmp(life_shown(state, error),
			    life_shown(now, (enum store_error)message->error)) &&
		    life_is_final(state) == life_is_final(now) &&
		    (state == STORE_STATE_IN_DOUBT) == (now == STORE_STATE_IN_DOUBT);
	if (same)
		return;
	orders_event(turn, hand->work, event_of(message), message->index);
	journal_message(turn, hand->work, message);
}

static void settle(struct turn *turn, struct hand *hand, const struct happening *happening,
		   enum life_mark mark)
{
	struct work *work = hand->work;
	struct store_message *message = &hand->message;
	enum store_state state = (enum store_state)message->state;
	enum store_error error = (enum store_error)message->error;
	orders_tally(turn, work, message, -1);
	struct whole whole = fold(turn, hand);
	bool ended = message->state == STORE_STATE_FAILED || message->state == STORE_STATE_EXPIRED;
	if (ended && work->rec.parts > 1 && end_siblings(turn, hand))
		whole = fold(turn, hand);
	if (turn_failed(turn))
		return;
	set_flags(turn, hand, &whole, mark);
	contradict_refund(hand, happening, mark);
	refund(turn, hand, &whole);
	message->updated_ms = (uint64_t)turn->at_ms;
	if (life_is_final((enum store_state)message->state)) {
		if (!message->final_ms || message->state != state)
			message->final_ms = (uint64_t)turn->at_ms;
	} else {
		message->final_ms = 0;
	}
	orders_tally(turn, work, message, 1);
	tell(turn, hand, state, error);
	work->changed = true;
}

/* Counts the message among those like it. */
static void count(struct turn *turn, struct hand *hand, uint32_t was)
{
	const uint32_t delivered = 1u << COHORT_ON_TIME | 1u << COHORT_LATE;
	const struct store_order *order = &hand->work->rec;
	struct cohort *cohort = orders_cohort(turn, hand->work);
	uint32_t is = cohort_bits(&hand->message);
	cohort_move(cohort, was, is, order->order, hand->message.index);
	if (is & ~was & delivered)
		cohort_took(cohort, turn->at_ms - cohort_start_ms(order));
}

struct happened orders_happen(struct turn *turn, struct segment_ref ref,
			      const struct happening *happening)
{
	struct work *work = orders_work(turn, ref.order);
	struct hand hand = { .work = work, .ref = ref };
	/* In a turn that has failed the counts may be half done: nothing more is to be made of them. */
	if (turn_failed(turn) || !work || ref.index >= work->rec.total ||
	    ref.segment >= work->rec.parts ||
	    !orders_segment(turn, &work->rec, ref, &hand.message, &hand.segment, &hand.seg))
		return (struct happened){ 0 };
	uint32_t was = cohort_bits(&hand.message);
	if (happening->answers_open && hand.seg->open_attempts)
		hand.seg->open_attempts--;
	hand.message.flags |= happening->flags;
	struct happened happened = apply(turn, &hand, happening);
	settle(turn, &hand, happening, happened.mark);
	count(turn, &hand, was);
	put_segment(turn, &hand);
	if (!turn_failed(turn))
		turn_fail(turn, store_message_put(turn->txn, &hand.message));
	return happened;
}
