/*
 * The whole check of a store: every record is read once, and asked by a function of its kind
 * whether it agrees with the others. It changes nothing and trusts no counter. Used offline under
 * the daemon's lock, and by a running daemon between turns.
 */
#include "store/check_own.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/ids.h"
#include "store/references.h"
#include "store/index.h"
#include "store/rows.h"
#include "store/runs.h"

#define PROGRESS_EVERY 10000
#define DUMP_OCTETS    4096
#define WHAT_OCTETS    256

void check_finding(struct walk *walk, const char *format, ...)
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
			check_finding(walk, "the sum of its ledger overflows at row %" PRIu64,
				      row.seq);
			return;
		}
		if (balance != row.balance_after)
			check_finding(walk,
				      "ledger row %" PRIu64 " says %" PRId64
				      " remained, the sum is %" PRId64,
				      row.seq, row.balance_after, balance);
		balance = row.balance_after;
	}
	if (balance != account->balance)
		check_finding(walk, "the balance is %" PRId64 ", its ledger ends at %" PRId64,
			      account->balance, balance);
}

void check_want_account(struct walk *walk, uint32_t number)
{
	struct store_account account = { .account = number };

	if (store_account_get(walk->txn, &account) == STORE_NOTFOUND)
		check_finding(walk, "there is no account %" PRIu32, number);
}

static void check_apikey(struct walk *walk, const void *rec)
{
	check_want_account(walk, ((const struct store_apikey *)rec)->account);
}

static void check_account_price(struct walk *walk, const void *rec)
{
	check_want_account(walk, ((const struct store_account_price *)rec)->account);
}

static void check_request(struct walk *walk, const void *rec)
{
	check_want_account(walk, ((const struct store_request *)rec)->account);
}

static void check_usage(struct walk *walk, const void *rec)
{
	const struct store_usage *usage = rec;

	check_want_account(walk, usage->account);
	if (usage->errors > usage->requests)
		check_finding(walk, "more requests are refused than were made");
}

static void check_ledger(struct walk *walk, const void *rec)
{
	const struct store_ledger *row = rec;

	check_want_account(walk, row->account);
	if ((unsigned)row->kind >= STORE_LEDGER_KINDS)
		check_finding(walk, "there is no ledger kind %u", row->kind);
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
		check_finding(walk, "%" PRIu64 " octets of its PDU are kept", octets);
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
		check_finding(walk, "its chunks cannot be read: %s", store_err_text(err));
	else if (rising.n != run->entries)
		check_finding(walk, "it holds %" PRIu64 " ids", rising.n);
	if (rising.falls)
		check_finding(walk, "its ids do not rise");
}

static void check_reference_log(struct walk *walk, const void *rec)
{
	const struct store_reference_log *log = rec;

	if (log->first % STORE_DRAWS_PER_RECORD || log->draws.n % STORE_DRAW_OCTETS)
		check_finding(walk, "it holds no whole number of draws");
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
	{ STORE_KIND_INBOUND_MESSAGE, offsetof(struct store_meta, next_inbound_message) },
	{ STORE_KIND_ALERT, offsetof(struct store_meta, next_alert) },
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
			check_finding(walk,
				      "%s %" PRIu64 " is in use, the counter stands at %" PRIu64,
				      store_kind_name(counted[i].kind),
				      store_row_number(key, &last), counter);
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
				check_finding(walk, "index %s does not lead to it",
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
		check_finding(walk, "no record has this entry");
}

/* --- The walk --------------------------------------------------------------------------------- */

typedef void check_fn(struct walk *walk, const void *rec);

static check_fn *const checks[STORE_KINDS] = {
	[STORE_KIND_META] = check_meta,
	[STORE_KIND_ACCOUNT] = check_account,
	[STORE_KIND_APIKEY] = check_apikey,
	[STORE_KIND_ACCOUNT_PRICE] = check_account_price,
	[STORE_KIND_ORDER] = check_order,
	[STORE_KIND_TEXT] = check_text,
	[STORE_KIND_BATCH] = check_batch,
	[STORE_KIND_MESSAGE] = check_message,
	[STORE_KIND_SEGMENT] = check_segment,
	[STORE_KIND_EVIDENCE_MORE] = check_evidence_more,
	[STORE_KIND_RELEASE] = check_release,
	[STORE_KIND_ORPHAN] = check_orphan,
	[STORE_KIND_LEDGER] = check_ledger,
	[STORE_KIND_IDEMPOTENCY] = check_idempotency,
	[STORE_KIND_INBOUND] = check_inbound,
	[STORE_KIND_ID_RUN] = check_id_run,
	[STORE_KIND_BLOCK] = check_block,
	[STORE_KIND_REQUEST] = check_request,
	[STORE_KIND_USAGE] = check_usage,
	[STORE_KIND_REFERENCE_LOG] = check_reference_log,
	[STORE_KIND_PROVIDER] = check_provider,
	[STORE_KIND_INBOUND_GROUP] = check_inbound_group,
	[STORE_KIND_INBOUND_MESSAGE] = check_inbound_message,
};

static void check_record(struct walk *walk, enum store_err err)
{
	struct store_check *check = walk->check;

	check->records[walk->kind]++;
	if (err) {
		check_finding(walk, "%s", store_err_text(err));
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
		check_finding(walk, "of %" PRIu64 " records a walk finds %" PRIu64, kept, found);
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
