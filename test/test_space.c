/*
 * How many octets of the store one message costs, all told: order, text of 60 characters, message
 * with its evidence, provider id, ledger, feed and indexes, as used pages. In two shapes: one
 * order of 10,000 messages, and 10,000 orders of one. The figure is printed and has a ceiling.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "test/store_folder.h"

#define MESSAGES      10000
#define TURN_ONE      8	  /* orders of one message that a turn takes */
#define TURN_MANY     500 /* messages of a large order that a turn answers */
#define MOST_OCTETS   560
#define ACCEPTED_MS   1790000000000
#define EVIDENCE_SENT 32 /* release, and response with its provider id */
#define EVIDENCE_ALL  50 /* and the receipt */

static const uint8_t zeros[1900];

static void must(enum store_err err)
{
	if (err)
		fail_msg("%s", store_err_text(err));
}

static void put_feed(struct store_txn *txn, uint64_t order, uint64_t at_ms, uint32_t octets)
{
	while (octets > 0) {
		uint32_t n = octets < sizeof(zeros) ? octets : (uint32_t)sizeof(zeros);
		struct store_feed feed = { .seq = store_next(txn, STORE_NEXT_FEED),
					   .at_ms = at_ms,
					   .order = order,
					   .account = 1,
					   .events = { zeros, n } };

		must(store_feed_put(txn, &feed));
		octets -= n;
	}
}

static void accept(struct store_txn *txn, uint32_t total)
{
	struct store_order order = { .order = store_next(txn, STORE_NEXT_ORDER),
				     .account = 1,
				     .route = 1,
				     .provider = 1,
				     .parts = 1,
				     .total = total,
				     .batch_size = 500,
				     .created_ms = ACCEPTED_MS,
				     .updated_ms = ACCEPTED_MS,
				     .queue_deadline_ms = ACCEPTED_MS + 86400000,
				     .wake_at_ms = ACCEPTED_MS + 93600000,
				     .validity_ms = 86400000,
				     .cost = 88000ll * total,
				     .unit_price = 88000,
				     .prefix = 31,
				     .country = 31,
				     .uid = 1001,
				     .caller_id = { (const uint8_t *)"BRIDGEXAPI", 10 },
				     .request_id = { (const uint8_t *)"0123456789abcdef", 16 },
				     .text_octets = 60,
				     .text_hash = 0x0123456789abcdef };
	struct store_text text = { .order = order.order, .octets = { zeros, 60 } };
	struct store_ledger row = { .account = 1,
				    .seq = store_next(txn, STORE_NEXT_LEDGER),
				    .at_ms = ACCEPTED_MS,
				    .kind = STORE_LEDGER_DEBIT,
				    .amount = -order.cost,
				    .balance_after = 12345678900,
				    .order = order.order,
				    .uid = 1001 };

	must(store_order_put(txn, &order));
	must(store_text_put(txn, &text));
	must(store_ledger_put(txn, &row));
	for (uint32_t n = 0; total > 500 && n * 500 < total; n++) {
		struct store_batch batch = { .order = order.order, .n = n, .size = 500 };

		must(store_batch_put(txn, &batch));
	}
	for (uint32_t i = 0; i < total; i++) {
		struct store_message message = { .order = order.order,
						 .index = i,
						 .msisdn = 316123456780 + i,
						 .updated_ms = ACCEPTED_MS };

		must(store_message_put(txn, &message));
	}
	put_feed(txn, order.order, ACCEPTED_MS, 6);
}

/* What a turn does to some messages of an order: the response, or later the receipt. */
static void move(struct store_txn *txn, uint64_t number, uint32_t from, uint32_t to, bool final)
{
	struct store_order order = { .order = number };
	uint64_t at_ms = ACCEPTED_MS + (final ? 2500 : 40);

	must(store_order_get(txn, &order));
	for (; from < to; from++) {
		struct store_message message = { .order = number, .index = from };
		struct store_ref ref = { .order = number, .index = from };

		must(store_message_get(txn, &message));
		message.state = final ? STORE_STATE_DELIVERED : STORE_STATE_SENT;
		message.flags |= STORE_FLAG_TAKEN | (final ? STORE_FLAG_ON_TIME : 0);
		message.updated_ms = at_ms;
		message.final_ms = final ? at_ms : 0;
		message.seg.state = message.state;
		message.seg.attempts = 1;
		message.seg.released_ms = ACCEPTED_MS + 2;
		message.seg.evidence =
			(struct store_octets){ zeros, final ? EVIDENCE_ALL : EVIDENCE_SENT };
		must(store_message_put(txn, &message));
		if (final) {
			order.sent--;
			order.delivered++;
			order.on_time++;
		} else {
			order.sent++;
			order.taken++;
			order.released++;
			must(store_ids_add(txn, (number << 20 | from) * 0x9e3779b97f4a7c15, &ref,
					   at_ms));
		}
	}
	order.updated_ms = at_ms;
	if (order.delivered == order.total)
		order.resolved_ms = at_ms;
	must(store_order_put(txn, &order));
}

static struct store *open_store(struct store_folder *folder)
{
	struct store *store;

	store_folder_make(folder);
	folder->options.size_octets = 64u << 20;
	assert_int_equal(store_folder_open(folder, &store), STORE_OPEN_OK);
	return store;
}

static void tell(struct store *store, uint64_t empty, const char *shape)
{
	uint64_t each = (store_used_octets(store) - empty) / MESSAGES;

	print_message("%s: %u octets a message\n", shape, (unsigned)each);
	assert_true(each <= MOST_OCTETS);
}

static void test_space__one_order_of_many(void **state)
{
	struct store_folder folder;
	struct store *store = open_store(&folder);
	uint64_t empty = store_used_octets(store);
	struct store_txn *txn;

	(void)state;
	must(store_begin(store, &txn));
	accept(txn, MESSAGES);
	must(store_commit(txn));
	for (unsigned final = 0; final < 2; final++) {
		for (uint32_t i = 0; i < MESSAGES; i += TURN_MANY) {
			must(store_begin(store, &txn));
			move(txn, 1, i, i + TURN_MANY, final);
			put_feed(txn, 1, ACCEPTED_MS + 40, 3 * TURN_MANY);
			must(store_commit(txn));
		}
	}
	tell(store, empty, "one order of 10,000");
	store_close(store);
	store_folder_remove(&folder);
}

static void test_space__many_orders_of_one(void **state)
{
	struct store_folder folder;
	struct store *store = open_store(&folder);
	uint64_t empty = store_used_octets(store);
	struct store_txn *txn;

	(void)state;
	for (uint64_t first = 1; first <= MESSAGES; first += TURN_ONE) {
		must(store_begin(store, &txn));
		for (uint32_t i = 0; i < TURN_ONE; i++)
			accept(txn, 1);
		must(store_commit(txn));
		for (unsigned final = 0; final < 2; final++) {
			must(store_begin(store, &txn));
			for (uint64_t order = first; order < first + TURN_ONE; order++) {
				move(txn, order, 0, 1, final);
				put_feed(txn, order, ACCEPTED_MS + 40, 4);
			}
			must(store_commit(txn));
		}
	}
	tell(store, empty, "10,000 orders of one");
	store_close(store);
	store_folder_remove(&folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_space__one_order_of_many),
		cmocka_unit_test(test_space__many_orders_of_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
