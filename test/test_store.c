/* The store: transactions, records, indexes, a full map, sudden death. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/store_fixture.h"

/* --- Transactions and records ----------------------------------------------------------------- */

static void test_store__keeps_what_was_committed(void **state)
{
	struct store_folder *folder = *state;
	struct store *store = open_ok(folder);
	struct store_provider provider = { .number = 3 };

	put_providers(store, 3, 3);
	store_close(store);
	store = open_ok(folder);
	struct store_txn *txn = read_begin(store);

	assert_int_equal(store_provider_get(txn, &provider), STORE_OK);
	assert_int_equal(provider.name.n, 7);
	assert_memory_equal(provider.name.at, "carrier", 7);
	provider.number = 4;
	assert_int_equal(store_provider_get(txn, &provider), STORE_NOTFOUND);
	assert_memory_equal(provider.name.at, "carrier", 7);
	store_read_end(txn);
	store_close(store);
}

static void test_store__forgets_what_was_aborted(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);

	assert_int_equal(store_next(txn, STORE_NEXT_ORDER), 1);
	assert_int_equal(store_next(txn, STORE_NEXT_ORDER), 2);
	put_provider(txn, 1, "x");
	store_abort(txn);
	assert_false(has_provider(store, 1));
	txn = begin(store);
	assert_int_equal(store_next(txn, STORE_NEXT_ORDER), 1);
	assert_int_equal(store_next(txn, STORE_NEXT_FEED), 1);
	assert_int_equal(store_commit(txn), STORE_OK);
	txn = begin(store);
	assert_int_equal(store_next(txn, STORE_NEXT_ORDER), 2);
	store_abort(txn);
	store_close(store);
}

static void test_store__walks_in_order_of_keys(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	const uint32_t keys[][2] = { { 2, 7 }, { 1, 9 }, { 2, 1 }, { 3, 0 }, { 1, 300 } };
	struct store_message m;

	for (size_t i = 0; i < 5; i++) {
		m = (struct store_message){ .order = keys[i][0], .index = keys[i][1] };
		assert_int_equal(store_message_put(txn, &m), STORE_OK);
	}
	m = (struct store_message){ .order = 2 };
	assert_int_equal(store_message_seek(txn, &m, 1), STORE_OK);
	assert_int_equal(m.index, 1);
	assert_int_equal(store_message_next(txn, &m, 1), STORE_OK);
	assert_int_equal(m.index, 7);
	assert_int_equal(store_message_next(txn, &m, 1), STORE_NOTFOUND);
	assert_int_equal(m.index, 7);
	assert_int_equal(store_message_next(txn, &m, 0), STORE_OK);
	assert_int_equal(m.order, 3);
	assert_int_equal(store_message_next(txn, &m, 0), STORE_NOTFOUND);
	m = (struct store_message){ .order = 1, .index = UINT32_MAX };
	assert_int_equal(store_message_prev(txn, &m, 1), STORE_OK);
	assert_int_equal(m.index, 300);
	assert_int_equal(store_message_prev(txn, &m, 1), STORE_OK);
	assert_int_equal(m.index, 9);
	assert_int_equal(store_message_prev(txn, &m, 0), STORE_NOTFOUND);
	m = (struct store_message){ .order = UINT64_MAX, .index = UINT32_MAX };
	assert_int_equal(store_message_prev(txn, &m, 0), STORE_OK);
	assert_int_equal(m.order, 3);
	assert_int_equal(store_count(txn, STORE_KIND_MESSAGE), 5);
	assert_int_equal(store_commit(txn), STORE_OK);
	store_close(store);
}

static void test_store__deletes_while_it_walks(void **state)
{
	struct store *store = open_ok(*state);
	struct store_provider provider = { .number = 0 };

	put_providers(store, 1, 500);
	struct store_txn *txn = begin(store);

	while (store_provider_next(txn, &provider, 0) == STORE_OK) {
		if (provider.number % 3)
			assert_int_equal(store_provider_del(txn, &provider), STORE_OK);
	}
	assert_int_equal(store_provider_del(txn, &(struct store_provider){ .number = 1 }),
			 STORE_NOTFOUND);
	assert_int_equal(store_count(txn, STORE_KIND_PROVIDER), 166);
	assert_int_equal(store_commit(txn), STORE_OK);
	store_close(store);
}

static void test_store__reader_sees_its_moment(void **state)
{
	struct store *store = open_ok(*state);

	put_providers(store, 1, 1);
	struct store_txn *reader = read_begin(store);
	struct store_provider provider = { .number = 2 };

	put_providers(store, 2, 2);
	assert_int_equal(store_provider_get(reader, &provider), STORE_NOTFOUND);
	assert_int_equal(store_provider_put(reader, &provider), STORE_POISONED);
	store_read_end(reader);
	assert_true(has_provider(store, 2));
	store_close(store);
}

static void test_store__empty_transaction_writes_nothing(void **state)
{
	struct store *store = open_ok(*state);
	struct store_info before;
	struct store_info after;

	store_info(store, &before);
	assert_int_equal(store_commit(begin(store)), STORE_OK);
	store_info(store, &after);
	assert_int_equal(after.last_txn, before.last_txn);
	put_providers(store, 1, 1);
	store_info(store, &after);
	assert_int_equal(after.last_txn, before.last_txn + 1);
	store_close(store);
}

static void test_store__too_big_record_poisons_nothing(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	uint8_t octets[2000] = { 0 };
	struct store_text text = { .order = 1, .octets = { octets, 1901 } };

	assert_int_equal(store_text_put(txn, &text), STORE_TOO_BIG);
	text.octets.n = 1900;
	assert_int_equal(store_text_put(txn, &text), STORE_OK);
	assert_int_equal(store_commit(txn), STORE_OK);
	store_close(store);
}

/* --- Indexes ---------------------------------------------------------------------------------- */

static void test_index__holds_open_orders(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	struct store_order order = { .order = 5, .total = 3 };
	struct store_open_order open = { 0 };

	assert_int_equal(store_order_put(txn, &order), STORE_OK);
	assert_int_equal(store_open_order_seek(txn, &open, 0), STORE_OK);
	assert_int_equal(open.order, 5);
	order.delivered = 1;
	order.failed = 1;
	assert_int_equal(store_order_put(txn, &order), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_OPEN_ORDER), 1);
	order.unknown = 1;
	assert_int_equal(store_order_put(txn, &order), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_OPEN_ORDER), 0);
	order.unknown = 0;
	assert_int_equal(store_order_put(txn, &order), STORE_OK);
	assert_int_equal(store_order_del(txn, &order), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_OPEN_ORDER), 0);
	assert_int_equal(store_commit(txn), STORE_OK);
	store_close(store);
}

static struct store_block block_of(struct store_txn *txn, uint64_t number, uint32_t route)
{
	struct store_block block = { .account = 3, .block = number, .route = route };

	assert_int_equal(store_block_get(txn, &block), STORE_OK);
	return block;
}

/* Blocks are sums over their orders, through every put and del. */
static void test_block__counts_what_its_orders_show(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	struct store_order order = { .account = 3, .route = 7, .total = 10, .created_ms = 500 };
	struct store_block block;

	for (order.order = 1; order.order <= 1100; order.order++) {
		order.created_ms++;
		assert_int_equal(store_order_put(txn, &order), STORE_OK);
	}
	assert_int_equal(store_order_put(txn, &(struct store_order){ .order = 1101,
								     .account = 4,
								     .route = 7,
								     .total = 9 }),
			 STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_BLOCK), 3);
	block = block_of(txn, 0, 7); /* there is no order 0 */
	assert_int_equal(block.orders, 1023);
	assert_int_equal(block.queued, 10230);
	assert_int_equal(block.first_ms, 501);
	assert_int_equal(block.last_ms, 1523);
	block = block_of(txn, 1, 7);
	assert_int_equal(block.orders, 77);
	assert_int_equal(block.queued, 770);
	order = (struct store_order){ .order = 1030,
				      .account = 3,
				      .route = 7,
				      .total = 10,
				      .created_ms = 1530,
				      .delivered = 1,
				      .failed = 5,
				      .expired = 3,
				      .unknown = 1,
				      .in_doubt = 1,
				      .receipt_unknown = 1 };
	assert_int_equal(store_order_put(txn, &order), STORE_OK);
	block = block_of(txn, 1, 7);
	assert_int_equal(block.queued, 761);
	assert_int_equal(block.sent, 0);
	assert_int_equal(block.doubtful, 2);
	assert_int_equal(block.unknown, 1);
	assert_int_equal(block.delivered, 1);
	assert_int_equal(block.failed, 2);
	assert_int_equal(block.expired, 3);
	assert_int_equal(block.orders, 77);
	assert_int_equal(store_order_del(txn, &order), STORE_OK);
	block = block_of(txn, 1, 7);
	assert_int_equal(block.orders, 76);
	assert_int_equal(block.queued, 760);
	assert_int_equal(block.doubtful + block.unknown + block.delivered + block.failed, 0);
	for (order.order = 1024; order.order <= 1100; order.order++)
		if (order.order != 1030)
			assert_int_equal(store_order_del(txn, &order), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_BLOCK), 2);
	assert_int_equal(store_commit(txn), STORE_OK);
	store_close(store);
}

static void test_index__holds_returned_segments_by_due_time(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	struct store_message m = { .order = 1,
				   .index = 2,
				   .seg = { .due_ms = 900, .due_route = 4 } };
	struct store_segment s = {
		.order = 1, .index = 2, .segment = 1, .seg = { .due_ms = 800, .due_route = 4 }
	};
	struct store_returned due = { .route = 4 };

	assert_int_equal(store_message_put(txn, &m), STORE_OK);
	assert_int_equal(store_segment_put(txn, &s), STORE_OK);
	assert_int_equal(store_returned_seek(txn, &due, 1), STORE_OK);
	assert_int_equal(due.segment, 1);
	assert_int_equal(store_returned_next(txn, &due, 1), STORE_OK);
	assert_int_equal(due.due_ms, 900);
	m.seg.due_ms = 700;
	assert_int_equal(store_message_put(txn, &m), STORE_OK);
	due = (struct store_returned){ .route = 4 };
	assert_int_equal(store_returned_seek(txn, &due, 1), STORE_OK);
	assert_int_equal(due.due_ms, 700);
	m.seg.state = STORE_STATE_SUBMITTED;
	s.seg.due_ms = 0;
	assert_int_equal(store_message_put(txn, &m), STORE_OK);
	assert_int_equal(store_segment_put(txn, &s), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_RETURNED), 0);
	assert_int_equal(store_commit(txn), STORE_OK);
	store_close(store);
}

static void test_index__finds_doubts_and_orphans_by_the_end_of_a_number(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	struct store_message message = { .order = 1, .msisdn = 31612345678 };
	struct store_doubt doubt = { .tail = 2345679 };
	struct store_orphan orphan = { .seq = 8, .source_tail = 2345679, .dest_tail = 2345679 };
	struct store_orphan_tail tail = { .tail = 1 };

	assert_int_equal(store_message_put(txn, &message), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_DOUBT), 0);
	message.state = STORE_STATE_IN_DOUBT;
	assert_int_equal(store_message_put(txn, &message), STORE_OK);
	assert_int_equal(store_doubt_seek(txn, &doubt, 1), STORE_OK);
	assert_int_equal(doubt.order, 1);
	message.state = STORE_STATE_SENT;
	assert_int_equal(store_message_put(txn, &message), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_DOUBT), 0);
	assert_int_equal(store_orphan_put(txn, &orphan), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_ORPHAN_TAIL), 1);
	orphan.dest_tail = 1; /* the number that ends in seven zeros; 0 is none */
	assert_int_equal(store_orphan_put(txn, &orphan), STORE_OK);
	assert_int_equal(store_orphan_tail_seek(txn, &tail, 1), STORE_OK);
	orphan.source_tail = orphan.dest_tail = 0;
	assert_int_equal(store_orphan_put(txn, &orphan), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_ORPHAN_TAIL), 0);
	store_abort(txn);
	store_close(store);
}

static void test_index__finds_orphans_by_each_hash(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	struct store_orphan orphan = { .seq = 8, .hash_raw = 10, .hash_dec = 10, .hash_hex = 30 };
	struct store_orphan_id id = { .hash = 30 };

	assert_int_equal(store_orphan_put(txn, &orphan), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_ORPHAN_ID), 2);
	assert_int_equal(store_orphan_id_seek(txn, &id, 1), STORE_OK);
	assert_int_equal(id.seq, 8);
	orphan.hash_raw = 30;
	orphan.hash_hex = 0;
	assert_int_equal(store_orphan_put(txn, &orphan), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_ORPHAN_ID), 2);
	assert_int_equal(store_orphan_del(txn, &orphan), STORE_OK);
	assert_int_equal(store_count(txn, STORE_KIND_ORPHAN_ID), 0);
	store_abort(txn);
	store_close(store);
}

static void test_index__finds_accounts_by_name(void **state)
{
	struct store *store = open_ok(*state);
	struct store_txn *txn = begin(store);
	const uint8_t *name = (const uint8_t *)"acme";
	struct store_account account = { .account = 6, .name = { name, 4 } };
	struct store_account_name entry = { .hash = store_name_hash(name, 4) };

	assert_int_equal(store_account_put(txn, &account), STORE_OK);
	assert_int_equal(store_account_name_seek(txn, &entry, 1), STORE_OK);
	assert_int_equal(entry.account, 6);
	account.name.n = 3;
	assert_int_equal(store_account_put(txn, &account), STORE_OK);
	entry.account = 0;
	assert_int_equal(store_account_name_seek(txn, &entry, 1), STORE_NOTFOUND);
	store_abort(txn);
	store_close(store);
}

/* --- A full map, and commits that fail -------------------------------------------------------- */

/* Puts texts until the store is full, and returns how many were committed. */
static uint64_t fill_up(struct store *store, uint64_t order)
{
	static const uint8_t octets[1900];
	struct store_text text = { .order = order, .octets = { octets, sizeof(octets) } };

	for (;; text.chunk++) {
		struct store_txn *txn = begin(store);
		enum store_err err = store_text_put(txn, &text);

		if (err) {
			assert_int_equal(err, STORE_FULL);
			assert_int_equal(store_text_put(txn, &text), STORE_POISONED);
			assert_int_equal(store_commit(txn), STORE_POISONED);
			return text.chunk;
		}
		err = store_commit(txn);
		if (err) {
			assert_int_equal(err, STORE_FULL);
			return text.chunk;
		}
	}
}

static void test_store__full_map_leaves_what_was(void **state)
{
	struct store_folder *folder = *state;

	folder->options.size_octets = STORE_SIZE_LEAST_OCTETS;
	struct store *store = open_ok(folder);
	struct store_info info;
	uint64_t chunks = fill_up(store, 1);

	assert_true(chunks > 3000);
	assert_true(store_used_permille(store) > 950);
	struct store_txn *txn = read_begin(store);

	assert_int_equal(store_count(txn, STORE_KIND_TEXT), chunks);
	store_read_end(txn);
	store_info(store, &info);
	store_close(store);
	folder->options.size_octets = 2 * STORE_SIZE_LEAST_OCTETS; /* raised at a start */
	store = open_ok(folder);
	assert_true(store_used_permille(store) < 550);
	put_providers(store, 1, 1);
	store_close(store);
}

/* A map that is full to the last page cannot even delete; one at nine tenths can. */
static void test_store__goes_on_when_there_is_room_again(void **state)
{
	static const uint8_t octets[1900];
	struct store_folder *folder = *state;
	struct store_text text = { .order = 1, .octets = { octets, sizeof(octets) } };

	folder->options.size_octets = STORE_SIZE_LEAST_OCTETS;
	struct store *store = open_ok(folder);
	struct store_txn *txn;

	for (; store_used_permille(store) < 900; text.chunk++) {
		txn = begin(store);
		assert_int_equal(store_text_put(txn, &text), STORE_OK);
		assert_int_equal(store_commit(txn), STORE_OK);
	}
	uint32_t chunks = text.chunk;

	for (uint32_t gone = 0; gone < 1000; gone += 100) {
		txn = begin(store);
		for (text.chunk = gone; text.chunk < gone + 100; text.chunk++)
			assert_int_equal(store_text_del(txn, &text), STORE_OK);
		assert_int_equal(store_commit(txn), STORE_OK);
	}
	put_providers(store, 1, 100);
	assert_true(store_used_permille(store) < 700);
	txn = read_begin(store);
	assert_int_equal(store_count(txn, STORE_KIND_TEXT), chunks - 1000);
	store_read_end(txn);
	store_close(store);
}

static enum store_fault planted(void *arg)
{
	enum store_fault *fault = arg;
	enum store_fault now = *fault;

	*fault = STORE_FAULT_NONE;
	return now;
}

static void test_store__commit_tells_what_is_known(void **state)
{
	struct store_folder *folder = *state;
	enum store_fault fault = STORE_FAULT_NONE;
	const struct {
		enum store_fault fault;
		enum store_err err;
		bool written;
	} cases[] = {
		{ STORE_FAULT_FULL, STORE_FULL, false },
		{ STORE_FAULT_LOST, STORE_FATAL, false },
		{ STORE_FAULT_HIDDEN, STORE_FATAL, true },
	};

	folder->options.fault = planted;
	folder->options.fault_arg = &fault;
	struct store *store = open_ok(folder);

	for (uint32_t i = 0; i < 3; i++) {
		struct store_txn *txn = begin(store);

		put_provider(txn, i + 1, "x");
		fault = cases[i].fault;
		assert_int_equal(store_commit(txn), cases[i].err);
		assert_int_equal(has_provider(store, i + 1), cases[i].written);
	}
	store_close(store);
}

/* --- Sudden death ----------------------------------------------------------------------------- */

static void write_for_ever(struct store_folder *folder, int to)
{
	struct store *store;

	if (store_folder_open(folder, &store))
		_exit(1);
	for (uint32_t n = 1;; n++) {
		struct store_txn *txn;
		struct store_ref ref = { .order = n };
		struct store_order order = { .order = n, .total = 1, .parts = 1 };
		struct store_message message = { .order = n };

		if (store_begin(store, &txn) || store_order_put(txn, &order) ||
		    store_message_put(txn, &message) || store_ids_add(txn, n, &ref, n) ||
		    store_commit(txn) || write(to, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
}

static void kill_within(struct store_folder *folder, useconds_t us, uint32_t *told)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();

	if (pid == 0)
		write_for_ever(folder, ends[1]);
	close(ends[1]);
	while (*told < 3 && read(ends[0], told, sizeof(*told)) == sizeof(*told))
		;
	usleep(us);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(ends[0], told, sizeof(*told)) == sizeof(*told))
		;
	close(ends[0]);
}

static void test_store__keeps_what_it_told_before_it_was_killed(void **state)
{
	for (unsigned round = 0; round < 12; round++) {
		struct store_folder *folder = *state;
		uint32_t told = 0;

		store_folder_remove(folder);
		assert_int_equal(mkdir(folder->path, 0700), 0);
		folder->options.no_child = false;
		kill_within(folder, round * 977, &told);
		struct store *store = open_ok(folder);
		struct store_txn *txn = read_begin(store);
		struct store_ref ref;
		size_t n;

		for (uint32_t i = 1; i <= told; i++) {
			struct store_order order = { .order = i };
			struct store_open_order open = { .order = i };

			assert_int_equal(store_order_get(txn, &order), STORE_OK);
			assert_int_equal(store_open_order_get(txn, &open), STORE_OK);
			assert_int_equal(store_ids_find(txn, i, &ref, 1, &n), STORE_OK);
			assert_int_equal(n, 1);
			assert_int_equal(ref.order, i);
		}
		assert_true(store_count(txn, STORE_KIND_ORDER) - told <= 1);
		store_read_end(txn);
		store_close(store);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_store__keeps_what_was_committed),
		T(test_store__forgets_what_was_aborted),
		T(test_store__walks_in_order_of_keys),
		T(test_store__deletes_while_it_walks),
		T(test_store__reader_sees_its_moment),
		T(test_store__empty_transaction_writes_nothing),
		T(test_store__too_big_record_poisons_nothing),
		T(test_index__holds_open_orders),
		T(test_block__counts_what_its_orders_show),
		T(test_index__holds_returned_segments_by_due_time),
		T(test_index__finds_doubts_and_orphans_by_the_end_of_a_number),
		T(test_index__finds_orphans_by_each_hash),
		T(test_index__finds_accounts_by_name),
		T(test_store__full_map_leaves_what_was),
		T(test_store__goes_on_when_there_is_room_again),
		T(test_store__commit_tells_what_is_known),
		T(test_store__keeps_what_it_told_before_it_was_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
