/*
 * The whole check of a store: every record is read once, and asked by a function of its kind
 * whether it agrees with the others. It changes nothing and trusts no counter. Used offline under
 * the daemon's lock, and by a running daemon between turns.
 */
#include "store/check.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/ids.h"
#include "store/index.h"
#include "store/rows.h"
#include "store/runs.h"

#define PROGRESS_EVERY 10000
#define DUMP_OCTETS    4096
#define WHAT_OCTETS    256
#define REFS_MOST      64

struct walk {
	struct store_check *check;
	struct store_txn *txn;
	uint64_t done;
	uint64_t total;
	enum store_kind kind; /* of the record that is being looked at */
	const void *rec;
};

__attribute__((format(printf, 2, 3))) static void finding(struct walk *walk, const char *format,
							  ...)
{
	char record[DUMP_OCTETS];
	char what[WHAT_OCTETS];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	store_dump(walk->kind, walk->rec, false, record, sizeof(record));
	walk->check->findings++;
	if (walk->check->finding)
		walk->check->finding(walk->check->arg, walk->kind, record, what);
}

/* --- Accounts --------------------------------------------------------------------------------- */

static void check_account(struct walk *walk, const void *rec)
{
	const struct store_account *account = rec;
	struct store_ledger row = { .account = account->account };
	int64_t balance = 0;
	enum store_err err;

	for (err = store_ledger_seek(walk->txn, &row, 1); !err || err == STORE_CORRUPT;
	     err = store_ledger_next(walk->txn, &row, 1)) {
		if (err)
			continue;
		if (__builtin_add_overflow(balance, row.amount, &balance)) {
			finding(walk, "the sum of its ledger overflows at row %" PRIu64, row.seq);
			return;
		}
		if (balance != row.balance_after)
			finding(walk,
				"ledger row %" PRIu64 " says %" PRId64
				" remained, the sum is %" PRId64,
				row.seq, row.balance_after, balance);
		balance = row.balance_after;
	}
	if (balance != account->balance)
		finding(walk, "the balance is %" PRId64 ", its ledger ends at %" PRId64,
			account->balance, balance);
}

static void want_account(struct walk *walk, uint32_t number)
{
	struct store_account account = { .account = number };

	if (store_account_get(walk->txn, &account) == STORE_NOTFOUND)
		finding(walk, "there is no account %" PRIu32, number);
}

static void check_apikey(struct walk *walk, const void *rec)
{
	want_account(walk, ((const struct store_apikey *)rec)->account);
}

static void check_account_price(struct walk *walk, const void *rec)
{
	want_account(walk, ((const struct store_account_price *)rec)->account);
}

static void check_ledger(struct walk *walk, const void *rec)
{
	const struct store_ledger *row = rec;

	want_account(walk, row->account);
	if ((unsigned)row->kind >= STORE_LEDGER_KINDS)
		finding(walk, "there is no ledger kind %u", row->kind);
}

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
		finding(walk, "%s%s is %" PRIu64 ", its messages make it %" PRIu64, of, name, says,
			counted);
}

static void compare_batch(struct walk *walk, const struct store_order *order, uint32_t n,
			  const struct tally *tally)
{
	struct store_batch batch = { .order = order->order, .n = n };
	char of[32];
	enum store_err err = store_batch_get(walk->txn, &batch);

	snprintf(of, sizeof(of), "batch %" PRIu32 ": ", n);
	if (err == STORE_NOTFOUND)
		finding(walk, "%sthere is no record of it", of);
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
			finding(walk, "message %" PRIu32 " follows, expected was %" PRIu32,
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

static void check_order(struct walk *walk, const void *rec)
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
		finding(walk, "its text has %" PRIu64 " octets", octets);
	if (order->parts == 0)
		finding(walk, "a message cannot have no part");
	if (order->released > (uint64_t)order->total * order->parts)
		finding(walk, "more segments are released than there are");
	want_account(walk, order->account);
	check_messages(walk, order);
}

static bool want_order(struct walk *walk, uint64_t number, struct store_order *order)
{
	order->order = number;
	enum store_err err = store_order_get(walk->txn, order);

	if (err == STORE_NOTFOUND)
		finding(walk, "there is no order %" PRIu64, number);
	return err == STORE_OK;
}

static void check_text(struct walk *walk, const void *rec)
{
	struct store_order order;

	want_order(walk, ((const struct store_text *)rec)->order, &order);
}

static void check_batch(struct walk *walk, const void *rec)
{
	const struct store_batch *batch = rec;
	struct store_order order;

	if (want_order(walk, batch->order, &order) && batch->first >= order.total)
		finding(walk, "it begins behind its order's last message");
}

static void check_idempotency(struct walk *walk, const void *rec)
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
		finding(wanted->walk, "looking for its provider id fails: %s", store_err_text(err));
	else
		finding(wanted->walk, "its provider id does not lead to it");
}

static void check_seg(struct walk *walk, const struct store_order *order,
		      const struct store_seg *seg, const struct store_ref *ref)
{
	struct store_evidence_more more = { .order = ref->order,
					    .index = ref->index,
					    .segment = ref->segment };
	struct wanted wanted = { .ref = *ref, .walk = walk };
	uint32_t found = 0;
	enum store_err err;

	if ((unsigned)seg->state >= STORE_STATES || (unsigned)seg->error >= STORE_ERRORS)
		finding(walk, "segment %" PRIu32 " is in no state that there is", ref->segment);
	if (seg->state == STORE_STATE_QUEUED && seg->due_ms > 0 && seg->due_route != order->route)
		finding(walk,
			"it stands in the queue of route %" PRIu32
			", its order in that of %" PRIu32,
			seg->due_route, order->route);
	for (err = store_evidence_more_seek(walk->txn, &more, 3); !err || err == STORE_CORRUPT;
	     err = store_evidence_more_next(walk->txn, &more, 3))
		found++;
	if (found != seg->more)
		finding(walk,
			"segment %" PRIu32 " has %" PRIu32 " records of more evidence and says %u",
			ref->segment, found, seg->more);
	if (walk->check->ids_of)
		walk->check->ids_of(walk->check->arg, order, seg, want_id, &wanted);
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

static void check_message(struct walk *walk, const void *rec)
{
	const struct store_message *message = rec;
	struct store_ref ref = { .order = message->order, .index = message->index };
	struct store_order order;

	if (!want_order(walk, message->order, &order))
		return;
	if ((unsigned)message->state >= STORE_STATES || (unsigned)message->error >= STORE_ERRORS)
		finding(walk, "it is in no state that there is");
	else if (fold_of(message->state) != fold(walk, message, order.parts))
		finding(walk, "its state is not what its segments make it");
	check_seg(walk, &order, &message->seg, &ref);
}

static bool want_message(struct walk *walk, uint64_t order, uint32_t index)
{
	struct store_message message = { .order = order, .index = index };
	enum store_err err = store_message_get(walk->txn, &message);

	if (err == STORE_NOTFOUND)
		finding(walk, "there is no message %" PRIu32 " in order %" PRIu64, index, order);
	return err == STORE_OK;
}

static void check_segment(struct walk *walk, const void *rec)
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
		finding(walk, "its messages have %u parts", order.parts);
	check_seg(walk, &order, &segment->seg, &ref);
}

static void check_evidence_more(struct walk *walk, const void *rec)
{
	const struct store_evidence_more *more = rec;
	struct store_segment segment = { .order = more->order,
					 .index = more->index,
					 .segment = more->segment };

	want_message(walk, more->order, more->index);
	if (more->segment > 0 && store_segment_get(walk->txn, &segment) == STORE_NOTFOUND)
		finding(walk, "there is no such segment");
}

static void check_release(struct walk *walk, const void *rec)
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
			finding(walk,
				"segment %u of message %" PRIu32 " in order %" PRIu64 " is none",
				member.segment, member.index, member.order);
	}
	if (reader.bad)
		finding(walk, "its members cannot be read");
}

/* --- Receipts, ids, numbers ------------------------------------------------------------------- */

static void check_orphan(struct walk *walk, const void *rec)
{
	const struct store_orphan *orphan = rec;
	struct store_orphan_more more = { .seq = orphan->seq };
	uint64_t octets = orphan->pdu.n;
	enum store_err err = store_orphan_more_seek(walk->txn, &more, 1);

	for (; !err; err = store_orphan_more_next(walk->txn, &more, 1))
		octets += more.pdu.n;
	if (octets != orphan->pdu_octets)
		finding(walk, "%" PRIu64 " octets of its PDU are kept", octets);
}

static void check_inbound(struct walk *walk, const void *rec)
{
	const struct store_inbound *inbound = rec;
	struct store_inbound_more more = { .seq = inbound->seq };
	uint64_t octets = inbound->pdu.n;
	enum store_err err = store_inbound_more_seek(walk->txn, &more, 1);

	for (; !err; err = store_inbound_more_next(walk->txn, &more, 1))
		octets += more.pdu.n;
	if (octets != inbound->pdu_octets)
		finding(walk, "%" PRIu64 " octets of its PDU are kept", octets);
}

struct rising {
	uint64_t last;
	uint64_t n;
	bool falls;
};

static void note_id(void *arg, const struct store_id *id)
{
	struct rising *rising = arg;

	rising->falls |= id->hash < rising->last;
	rising->last = id->hash;
	rising->n++;
}

static void check_id_run(struct walk *walk, const void *rec)
{
	const struct store_id_run *run = rec;
	struct rising rising = { 0 };

	if (run->state != STORE_RUN_LIVE)
		return;
	enum store_err err = store_runs_walk(walk->txn, run, note_id, &rising);

	if (err)
		finding(walk, "its chunks cannot be read: %s", store_err_text(err));
	else if (rising.n != run->entries)
		finding(walk, "it holds %" PRIu64 " ids", rising.n);
	if (rising.falls)
		finding(walk, "its ids do not rise");
}

/* Kinds whose first key member is handed out by a counter, and where that stands in meta. */
static const struct {
	enum store_kind kind;
	size_t counter_at;
} counted[] = {
	{ STORE_KIND_ORDER, offsetof(struct store_meta, next_order) },
	{ STORE_KIND_RELEASE, offsetof(struct store_meta, next_release) },
	{ STORE_KIND_SESSION, offsetof(struct store_meta, next_session) },
	{ STORE_KIND_FEED, offsetof(struct store_meta, next_feed) },
	{ STORE_KIND_ORPHAN, offsetof(struct store_meta, next_orphan) },
	{ STORE_KIND_INBOUND, offsetof(struct store_meta, next_inbound) },
	{ STORE_KIND_AUDIT, offsetof(struct store_meta, next_audit) },
	{ STORE_KIND_PROVIDER, offsetof(struct store_meta, next_provider) },
	{ STORE_KIND_ACCOUNT, offsetof(struct store_meta, next_account) },
	{ STORE_KIND_ID_LOG, offsetof(struct store_meta, next_id_log) },
	{ STORE_KIND_ID_RUN, offsetof(struct store_meta, next_id_run) },
	{ STORE_KIND_ALARM, offsetof(struct store_meta, next_alarm) },
};

/* No number is in use that its counter would hand out again. */
static void check_meta(struct walk *walk, const void *rec)
{
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		union store_any last = { 0 };
		unsigned n;
		const struct store_row *key = store_shape(counted[i].kind)->rows(&n);
		uint64_t counter;

		store_row_set(key, &last, UINT64_MAX);
		if (store_back(walk->txn, counted[i].kind, &last, 0))
			continue;
		memcpy(&counter, (const uint8_t *)rec + counted[i].counter_at, sizeof(counter));
		if (store_row_number(key, &last) > counter)
			finding(walk, "%s %" PRIu64 " is in use, the counter stands at %" PRIu64,
				store_kind_name(counted[i].kind), store_row_number(key, &last),
				counter);
	}
}

/* --- Indexes ---------------------------------------------------------------------------------- */

/* Each entry that the record should have is there. */
static void check_entries(struct walk *walk)
{
	unsigned n;
	const struct store_index *index = store_all_indexes(&n);

	for (; n > 0; n--, index++) {
		for (unsigned i = 0; index->of == walk->kind && i < STORE_INDEX_ENTRIES; i++) {
			union store_any entry;

			if (index->entry(walk->rec, i, &entry) &&
			    store_get(walk->txn, index->index, &entry) == STORE_NOTFOUND)
				finding(walk, "index %s does not lead to it",
					store_kind_name(index->index));
		}
	}
}

/* The record that an entry belongs to is there and has this entry; one of the kinds it may be. */
static void check_owner(struct walk *walk)
{
	unsigned n;
	const struct store_index *index = store_all_indexes(&n);
	bool is_index = false;
	bool owned = false;

	for (; n > 0; n--, index++) {
		union store_any owner = { 0 };

		if (index->index != walk->kind)
			continue;
		is_index = true;
		index->owner(walk->rec, &owner);
		if (store_get(walk->txn, index->of, &owner) == STORE_OK)
			owned |= store_index_lists(index, &owner, walk->rec);
	}
	if (is_index && !owned)
		finding(walk, "no record has this entry");
}

/* --- The walk --------------------------------------------------------------------------------- */

typedef void check_fn(struct walk *walk, const void *rec);

static check_fn *const checks[STORE_KINDS] = {
	[STORE_KIND_META] = check_meta,	      [STORE_KIND_ACCOUNT] = check_account,
	[STORE_KIND_APIKEY] = check_apikey,   [STORE_KIND_ACCOUNT_PRICE] = check_account_price,
	[STORE_KIND_ORDER] = check_order,     [STORE_KIND_TEXT] = check_text,
	[STORE_KIND_BATCH] = check_batch,     [STORE_KIND_MESSAGE] = check_message,
	[STORE_KIND_SEGMENT] = check_segment, [STORE_KIND_EVIDENCE_MORE] = check_evidence_more,
	[STORE_KIND_RELEASE] = check_release, [STORE_KIND_ORPHAN] = check_orphan,
	[STORE_KIND_LEDGER] = check_ledger,   [STORE_KIND_IDEMPOTENCY] = check_idempotency,
	[STORE_KIND_INBOUND] = check_inbound, [STORE_KIND_ID_RUN] = check_id_run,
};

static void check_record(struct walk *walk, enum store_err err)
{
	struct store_check *check = walk->check;

	check->records[walk->kind]++;
	if (err) {
		finding(walk, "%s", store_err_text(err));
	} else {
		if (checks[walk->kind])
			checks[walk->kind](walk, walk->rec);
		check_entries(walk);
		check_owner(walk);
	}
	if (++walk->done % PROGRESS_EVERY == 0 && check->progress)
		check->stopped = !check->progress(check->arg, walk->done, walk->total);
}

/* Keys out of order are passed over by every walk. */
static void check_count(struct walk *walk, enum store_kind kind)
{
	uint64_t kept = store_count(walk->txn, kind), found = walk->check->records[kind];
	union store_any none = { 0 };

	walk->rec = &none;
	if (found != kept)
		finding(walk, "of %" PRIu64 " records a walk finds %" PRIu64, kept, found);
	walk->rec = NULL;
}

static enum store_err check_kind(struct walk *walk, enum store_kind kind)
{
	union store_any rec = { 0 };
	enum store_err err = store_seek(walk->txn, kind, &rec, 0);

	walk->kind = kind;
	walk->rec = &rec;
	while ((!err || err == STORE_CORRUPT) && !walk->check->stopped) {
		if (err) { /* nothing but its key is known */
			union store_any bare = { 0 };
			uint8_t key[STORE_KEY_OCTETS];

			store_key_decode(kind, key, store_key_encode(kind, &rec, key), &bare);
			rec = bare;
		}
		check_record(walk, err);
		err = store_step(walk->txn, kind, &rec, 0);
	}
	if (err == STORE_NOTFOUND)
		check_count(walk, kind);
	return err == STORE_NOTFOUND || !err ? STORE_OK : err;
}

enum store_err store_check(struct store *store, struct store_check *check)
{
	struct walk walk = { .check = check };
	enum store_err err = store_read_begin(store, &walk.txn);

	if (err)
		return err;
	check->findings = 0;
	check->stopped = false;
	memset(check->records, 0, sizeof(check->records));
	for (unsigned kind = 0; kind < STORE_KINDS; kind++)
		walk.total += store_count(walk.txn, (enum store_kind)kind);
	for (unsigned kind = 0; kind < STORE_KINDS && !err && !check->stopped; kind++)
		err = check_kind(&walk, (enum store_kind)kind);
	store_read_end(walk.txn);
	return err;
}

/* --- Before a start --------------------------------------------------------------------------- */

static enum store_open bad_start(enum store_kind kind, const void *rec, enum store_err err,
				 char *text)
{
	union store_any bare = { 0 };
	uint8_t key[STORE_KEY_OCTETS];
	char record[WHAT_OCTETS];

	store_key_decode(kind, key, store_key_encode(kind, rec, key), &bare);
	store_dump(kind, &bare, false, record, sizeof(record));
	snprintf(text, STORE_ERR_OCTETS, "%s: %s", record, store_err_text(err));
	return err == STORE_FULL ? STORE_OPEN_FAILED : STORE_OPEN_DAMAGED;
}

enum store_open store_check_start(struct store_txn *txn, char err[STORE_ERR_OCTETS])
{
	static const enum store_kind needed[] = { STORE_KIND_ACCOUNT,  STORE_KIND_APIKEY,
						  STORE_KIND_PROVIDER, STORE_KIND_RELEASE,
						  STORE_KIND_RETURNED, STORE_KIND_OPEN_ORDER };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		union store_any rec = { 0 };
		enum store_err bad = store_seek(txn, needed[i], &rec, 0);
		uint64_t found = 0;

		for (; !bad; bad = store_step(txn, needed[i], &rec, 0)) {
			struct store_order order = { .order = rec.open_order.order };

			found++;
			if (needed[i] != STORE_KIND_OPEN_ORDER)
				continue;
			enum store_err gone = store_order_get(txn, &order);

			if (gone)
				return bad_start(STORE_KIND_ORDER, &order, gone, err);
		}
		if (bad == STORE_NOTFOUND && found != store_count(txn, needed[i]))
			bad = STORE_CORRUPT; /* one that no walk finds */
		if (bad != STORE_NOTFOUND)
			return bad_start(needed[i], &rec, bad, err);
	}
	return STORE_OPEN_OK;
}
