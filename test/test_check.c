/* The checker: silent about a store that is right, and loud about each thing planted in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "store/inside.h"
#include "test/store_folder.h"

/* --- A store that is right -------------------------------------------------------------------- */

#define MESSAGES 12
#define BATCH	 5
#define ACCOUNT	 1
#define ORDER	 1
#define PROVIDER 1
#define TIME_MS	 1790000000000

static void must(enum store_err err)
{
	if (err)
		fail_msg("%s", store_err_text(err));
}

static struct store_octets octets_of(const char *text)
{
	return (struct store_octets){ .at = (const uint8_t *)text, .n = (uint32_t)strlen(text) };
}

static void put_account(struct store_txn *txn)
{
	struct store_account account = { .account = (uint32_t)store_next(txn, STORE_NEXT_ACCOUNT),
					 .name = octets_of("acme"),
					 .active = 1,
					 .balance = 100 - 12 };
	struct store_ledger opening = { .account = ACCOUNT,
					.seq = store_next(txn, STORE_NEXT_LEDGER),
					.amount = 100,
					.balance_after = 100 };
	struct store_ledger debit = { .account = ACCOUNT,
				      .seq = store_next(txn, STORE_NEXT_LEDGER),
				      .kind = STORE_LEDGER_DEBIT,
				      .amount = -12,
				      .balance_after = 88,
				      .order = ORDER };
	struct store_apikey key = { .id_high = 5, .account = ACCOUNT };

	must(store_account_put(txn, &account));
	must(store_ledger_put(txn, &opening));
	must(store_ledger_put(txn, &debit));
	must(store_apikey_put(txn, &key));
}

/* Message i of two parts: DELIVERED, FAILED, EXPIRED, UNKNOWN, IN_DOUBT, SENT in turn. */
static const uint8_t turns[6] = { STORE_STATE_DELIVERED, STORE_STATE_FAILED,   STORE_STATE_EXPIRED,
				  STORE_STATE_UNKNOWN,	 STORE_STATE_IN_DOUBT, STORE_STATE_SENT };

static void put_message(struct store_txn *txn, struct store *store, uint32_t index)
{
	uint8_t name[2] = { 'i', (uint8_t)index };
	uint8_t state = turns[index % 6];
	struct store_ref ref = { .order = ORDER, .index = index };
	struct store_message message = {
		.order = ORDER,
		.index = index,
		.msisdn = 31600000000 + index,
		.state = state,
		.flags = state == STORE_STATE_DELIVERED ? STORE_FLAG_TAKEN | STORE_FLAG_ON_TIME : 0,
		.seg = { .state = state, .attempts = 1, .evidence = { name, sizeof(name) } }
	};
	struct store_segment segment = { .order = ORDER,
					 .index = index,
					 .segment = 1,
					 .seg = { .state = state == STORE_STATE_FAILED ?
								   STORE_STATE_QUEUED :
								   STORE_STATE_DELIVERED } };

	if (segment.seg.state == STORE_STATE_QUEUED) {
		segment.seg.due_ms = 77;
		segment.seg.due_route = 3;
	}
	must(store_message_put(txn, &message));
	must(store_segment_put(txn, &segment));
	must(store_ids_add(txn, store_ids_hash(store, PROVIDER, name, 2), &ref, TIME_MS));
}

static void put_order(struct store_txn *txn, struct store *store)
{
	struct store_order order = { .order = store_next(txn, STORE_NEXT_ORDER),
				     .account = ACCOUNT,
				     .route = 3,
				     .parts = 2,
				     .total = MESSAGES,
				     .batch_size = BATCH,
				     .released = 9,
				     .delivered = 2,
				     .failed = 4,
				     .expired = 2,
				     .unknown = 2,
				     .in_doubt = 2,
				     .sent = 2,
				     .taken = 2,
				     .on_time = 2,
				     .text_octets = 5 };
	struct store_text text = { .order = ORDER, .octets = octets_of("hello") };
	const struct store_batch batches[] = {
		{ .order = ORDER,
		  .n = 0,
		  .first = 0,
		  .size = 5,
		  .taken = 1,
		  .delivered = 1,
		  .failed = 2,
		  .unknown = 1 },
		{ .order = ORDER,
		  .n = 1,
		  .first = 5,
		  .size = 5,
		  .taken = 1,
		  .delivered = 1,
		  .failed = 2,
		  .unknown = 1 },
		{ .order = ORDER, .n = 2, .first = 10, .size = 2 },
	};

	must(store_order_put(txn, &order));
	must(store_text_put(txn, &text));
	for (size_t i = 0; i < 3; i++)
		must(store_batch_put(txn, &batches[i]));
	for (uint32_t i = 0; i < MESSAGES; i++)
		put_message(txn, store, i);
}

static void put_others(struct store_txn *txn)
{
	uint8_t octets[64];
	struct store_members members;
	struct store_release release = { .release = store_next(txn, STORE_NEXT_RELEASE) };
	struct store_orphan orphan = { .seq = store_next(txn, STORE_NEXT_ORPHAN),
				       .hash_raw = 4,
				       .hash_hex = 5,
				       .pdu = octets_of("pdu"),
				       .pdu_octets = 7 };
	struct store_orphan_more more = { .seq = orphan.seq, .pdu = octets_of("rest") };
	struct store_idempotency key = { .account = ACCOUNT, .hash = 1, .order = ORDER };

	store_members_init(&members, octets, sizeof(octets));
	assert_true(store_members_add(
		&members, &(struct store_member){ .order = ORDER, .index = 4, .attempt = 2 }));
	release.members = (struct store_octets){ octets, (uint32_t)members.n };
	must(store_release_put(txn, &release));
	must(store_orphan_put(txn, &orphan));
	must(store_orphan_more_put(txn, &more));
	must(store_idempotency_put(txn, &key));
}

struct world {
	struct store_folder folder;
	struct store *store;
	struct store_check check;
	char found[4096]; /* every finding, a line each */
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct store_txn *txn;

	if (!world)
		return -1;
	store_folder_make(&world->folder);
	assert_int_equal(store_folder_open(&world->folder, &world->store), STORE_OPEN_OK);
	must(store_begin(world->store, &txn));
	put_account(txn);
	put_order(txn, world->store);
	put_others(txn);
	must(store_commit(txn));
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	store_close(world->store);
	store_folder_remove(&world->folder);
	free(world);
	return 0;
}

/* --- Checking it ------------------------------------------------------------------------------ */

static void note(void *arg, enum store_kind kind, const char *record, const char *what)
{
	struct world *world = arg;
	size_t n = strlen(world->found);

	(void)record;
	snprintf(world->found + n, sizeof(world->found) - n, "%s: %s\n", store_kind_name(kind),
		 what);
}

static void ids_of(void *arg, const struct store_order *order, const struct store_seg *seg,
		   uint64_t msisdn, store_id_emit_fn *emit, void *to)
{
	(void)msisdn;
	struct world *world = arg;

	(void)order;
	if (seg->evidence.n > 0)
		emit(to, store_ids_hash(world->store, PROVIDER, seg->evidence.at, seg->evidence.n));
}

static void check(struct world *world)
{
	world->found[0] = '\0';
	world->check = (struct store_check){ .finding = note, .ids_of = ids_of, .arg = world };
	must(store_check(world->store, &world->check));
}

/* Exactly these lines were found, and nothing beside them. */
static void expect(struct world *world, const char *lines)
{
	check(world);
	assert_string_equal(world->found, lines);
}

static struct store_txn *begin(struct world *world)
{
	struct store_txn *txn;

	must(store_begin(world->store, &txn));
	return txn;
}

static void test_check__is_silent_about_a_right_store(void **state)
{
	struct world *world = *state;

	expect(world, "");
	assert_int_equal(world->check.findings, 0);
	assert_int_equal(world->check.records[STORE_KIND_MESSAGE], MESSAGES);
	assert_int_equal(world->check.records[STORE_KIND_META], 1);
	assert_int_equal(world->check.records[STORE_KIND_RETURNED], 2);
}

static void test_check__finds_a_wrong_balance(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);
	struct store_account account = { .account = ACCOUNT };

	must(store_account_get(txn, &account));
	account.balance++;
	must(store_account_put(txn, &account));
	must(store_commit(txn));
	expect(world, "account: the balance is 89, its ledger ends at 88\n");
}

static void test_check__finds_a_ledger_row_that_does_not_add_up(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);
	struct store_ledger row = { .account = ACCOUNT, .seq = 1 };

	must(store_ledger_get(txn, &row));
	row.amount = 101;
	must(store_ledger_put(txn, &row));
	must(store_commit(txn));
	expect(world, "account: ledger row 1 says 100 remained, the sum is 101\n");
}

static void test_check__finds_wrong_counters_of_an_order(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);
	struct store_order order = { .order = ORDER };

	must(store_order_get(txn, &order));
	order.delivered++;
	order.sent = 0;
	order.released = 25;
	order.text_octets = 6;
	must(store_order_put(txn, &order));
	must(store_commit(txn));
	expect(world, "order: its text has 5 octets\n"
		      "order: more segments are released than there are\n"
		      "order: delivered is 3, its messages make it 2\n"
		      "order: sent is 0, its messages make it 2\n");
}

static void test_check__finds_a_wrong_batch_and_a_missing_one(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);
	struct store_batch batch = { .order = ORDER, .n = 1 };

	must(store_batch_get(txn, &batch));
	batch.failed = 1;
	must(store_batch_put(txn, &batch));
	must(store_batch_del(txn, &(struct store_batch){ .order = ORDER, .n = 2 }));
	must(store_commit(txn));
	expect(world, "order: batch 1: failed is 1, its messages make it 2\n"
		      "order: batch 2: there is no record of it\n");
}

static void test_check__finds_a_wrong_block_and_a_missing_one(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);
	struct store_block block = { .account = ACCOUNT, .block = 0, .route = 3 };

	must(store_block_get(txn, &block));
	block.queued = 1;
	block.orders = 2;
	must(store_block_put(txn, &block));
	must(store_commit(txn));
	expect(world, "block: queued is 1, its orders make it 0\n"
		      "block: orders is 2, there are 1\n");
	txn = begin(world);
	must(store_block_del(txn, &block));
	must(store_commit(txn));
	expect(world, "order: there is no block that counts it\n");
}

static void test_check__finds_a_missing_message(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);

	must(store_message_del(txn, &(struct store_message){ .order = ORDER, .index = 11 }));
	must(store_commit(txn));
	expect(world, "order: total is 12, its messages make it 11\n"
		      "order: sent is 2, its messages make it 1\n"
		      "segment: there is no message 11 in order 1\n");
}

static void test_check__finds_a_wrong_fold(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);
	struct store_segment segment = { .order = ORDER, .index = 0, .segment = 1 };

	must(store_segment_get(txn, &segment));
	segment.seg.state = STORE_STATE_IN_DOUBT;
	must(store_segment_put(txn, &segment));
	must(store_commit(txn));
	expect(world, "message: its state is not what its segments make it\n");
}

static void test_check__finds_missing_evidence(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);
	struct store_message message = { .order = ORDER, .index = 3 };

	must(store_message_get(txn, &message));
	message.seg.more = 1;
	must(store_message_put(txn, &message));
	must(store_commit(txn));
	expect(world, "message: segment 0 has 0 records of more evidence and says 1\n");
}

static void test_check__finds_an_id_that_leads_elsewhere(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);
	struct store_message message = { .order = ORDER, .index = 3 };

	must(store_message_get(txn, &message));
	message.seg.evidence = octets_of("another");
	must(store_message_put(txn, &message));
	must(store_commit(txn));
	expect(world, "message: its provider id does not lead to it\n");
}

static void test_check__finds_a_release_of_nothing(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);
	uint8_t octets[64];
	struct store_members members;
	struct store_release release = { .release = 1 };

	store_members_init(&members, octets, sizeof(octets));
	store_members_add(&members, &(struct store_member){ .order = ORDER, .index = 40 });
	store_members_add(&members, &(struct store_member){ .order = 9, .index = 1, .pdu = 1 });
	store_members_add(&members, &(struct store_member){
					    .order = ORDER, .index = 1, .pdu = 2, .segment = 2 });
	release.members = (struct store_octets){ octets, (uint32_t)members.n };
	must(store_release_put(txn, &release));
	must(store_commit(txn));
	expect(world, "release: there is no message 40 in order 1\n"
		      "release: there is no order 9\n"
		      "release: segment 2 of message 1 in order 1 is none\n");
}

static void test_check__finds_references_that_are_cut_short(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);
	struct store_reference_log log = { .first = 248, .draws = octets_of("seven..") };

	must(store_reference_log_put(txn, &log));
	log.first = 247;
	log.draws.n = 0;
	must(store_reference_log_put(txn, &log));
	must(store_commit(txn));
	expect(world, "reference_log: it holds no whole number of draws\n"
		      "reference_log: it holds no whole number of draws\n");
}

static void test_check__finds_a_number_that_would_be_used_twice(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);

	must(store_session_put(txn, &(struct store_session){ .session = 4 }));
	must(store_commit(txn));
	expect(world, "meta: session 4 is in use, the counter stands at 0\n");
}

static void test_check__finds_records_without_an_owner(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);

	must(store_apikey_put(txn, &(struct store_apikey){ .id_high = 9, .account = 7 }));
	must(store_text_put(txn, &(struct store_text){ .order = 1000 }));
	must(store_idempotency_put(txn,
				   &(struct store_idempotency){ .account = 1, .order = 1000 }));
	must(store_evidence_more_put(txn,
				     &(struct store_evidence_more){ .order = 1, .segment = 9 }));
	must(store_commit(txn));
	expect(world, "apikey: there is no account 7\n"
		      "text: there is no order 1000\n"
		      "evidence_more: there is no such segment\n"
		      "idempotency: there is no order 1000\n");
}

static void test_check__finds_half_a_receipt(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);

	must(store_orphan_more_del(txn, &(struct store_orphan_more){ .seq = 1 }));
	must(store_commit(txn));
	expect(world, "orphan: 3 octets of its PDU are kept\n");
}

/* Indexes are written past their records, as only a defect of the store itself could. */
static void test_check__compares_indexes_both_ways(void **state)
{
	struct world *world = *state;
	struct store_txn *txn = begin(world);
	struct store_returned extra = { .route = 3, .due_ms = 1, .order = ORDER, .index = 2 };
	struct store_returned missing = {
		.route = 3, .due_ms = 77, .order = ORDER, .index = 1, .segment = 1
	};

	must(store_returned_put(txn, &extra));
	must(store_returned_del(txn, &missing));
	must(store_open_order_put(txn, &(struct store_open_order){ .order = 50 }));
	must(store_orphan_id_del(txn, &(struct store_orphan_id){ .hash = 5, .seq = 1 }));
	must(store_account_name_put(txn, &(struct store_account_name){ .hash = 5, .account = 1 }));
	must(store_commit(txn));
	expect(world, "segment: index returned does not lead to it\n"
		      "orphan: index orphan_id does not lead to it\n"
		      "account_name: no record has this entry\n"
		      "open_order: no record has this entry\n"
		      "returned: no record has this entry\n");
}

/* Flips one bit in the file wherever a record's octets stand, and goes on behind it. */
static unsigned flip(const struct world *world, const char *octets, size_t n)
{
	char path[128];
	uint8_t page[4096];
	unsigned flipped = 0;

	snprintf(path, sizeof(path), "%s/data.mdb", world->folder.path);
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	for (off_t at = 0; pread(fd, page, sizeof(page), at) == (ssize_t)sizeof(page);
	     at += (off_t)sizeof(page)) {
		uint8_t *found = memmem(page, sizeof(page), octets, n);

		if (!found)
			continue;
		found[0] ^= 4;
		assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
		flipped++;
	}
	close(fd);
	return flipped;
}

static void test_check__finds_a_flipped_bit_and_goes_on(void **state)
{
	struct world *world = *state;

	store_close(world->store);
	assert_true(flip(world, "hello", 5) >= 1);
	assert_int_equal(store_folder_open(&world->folder, &world->store), STORE_OPEN_OK);
	expect(world, "text: record is corrupt\n");
	assert_int_equal(world->check.records[STORE_KIND_MESSAGE], MESSAGES);
}

/* The keys 0…, 4…, 5… become 0…, 0…, 5…: behind the first the second is no way onward. */
static void test_check__ends_where_keys_are_out_of_order(void **state)
{
	struct world *world = *state;
	static const char *const hashes[] = { "0EYQUEUE", "4EYQUEUE", "5EYQUEUE" };
	struct store_txn *txn = begin(world);

	for (unsigned i = 0; i < 3; i++) {
		struct store_idempotency key = { .account = ACCOUNT, .order = ORDER };

		for (unsigned k = 0; k < 8; k++)
			key.hash = key.hash << 8 | (uint8_t)hashes[i][k];
		must(store_idempotency_put(txn, &key));
	}
	must(store_commit(txn));
	store_close(world->store);
	assert_true(flip(world, hashes[1], 8) >= 1);
	assert_int_equal(store_folder_open(&world->folder, &world->store), STORE_OPEN_OK);
	expect(world, "idempotency: of 4 records a walk finds 3\n");
}

static bool stop(void *arg, uint64_t done, uint64_t total)
{
	unsigned *calls = arg;

	++*calls;
	return done > total; /* never */
}

static void test_check__stops_when_told(void **state)
{
	struct world *world = *state;
	unsigned calls = 0;
	struct store_check many = { .progress = stop, .arg = &calls };
	struct store_txn *txn = begin(world);

	for (unsigned i = 0; i < 20500; i++) {
		struct store_feed feed = { .seq = store_next(txn, STORE_NEXT_FEED) };

		must(store_feed_put(txn, &feed));
	}
	must(store_commit(txn));
	must(store_check(world->store, &many));
	assert_true(many.stopped);
	assert_int_equal(calls, 1);
	assert_true(many.records[STORE_KIND_FEED] < 10001);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_check__is_silent_about_a_right_store),
		T(test_check__finds_a_wrong_balance),
		T(test_check__finds_a_ledger_row_that_does_not_add_up),
		T(test_check__finds_wrong_counters_of_an_order),
		T(test_check__finds_a_wrong_batch_and_a_missing_one),
		T(test_check__finds_a_wrong_block_and_a_missing_one),
		T(test_check__finds_a_missing_message),
		T(test_check__finds_a_wrong_fold),
		T(test_check__finds_missing_evidence),
		T(test_check__finds_an_id_that_leads_elsewhere),
		T(test_check__finds_a_release_of_nothing),
		T(test_check__finds_references_that_are_cut_short),
		T(test_check__finds_a_number_that_would_be_used_twice),
		T(test_check__finds_records_without_an_owner),
		T(test_check__finds_half_a_receipt),
		T(test_check__compares_indexes_both_ways),
		T(test_check__finds_a_flipped_bit_and_goes_on),
		T(test_check__ends_where_keys_are_out_of_order),
		T(test_check__stops_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
