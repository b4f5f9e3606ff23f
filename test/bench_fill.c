/*
 * Fills a store for test/bench with orders that are over, as esmed leaves them: each message
 * submitted, answered and delivered, with its evidence and its provider id. Quick because nothing
 * is synced before the end; no money is moved, so that a check of such a store finds that.
 *
 *   bench_fill FOLDER MESSAGES    the store must exist, and nobody may hold it
 *
 * Prints the number of records that are in the store afterwards.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/evidence.h"
#include "store/store.h"

#define ORDER_MESSAGES 1000u
#define TXN_ORDERS     20u /* orders of one transaction */
#define ACCOUNT	       1u
#define ROUTE	       1u
#define PROVIDER       1u
#define SESSION	       1u
#define MINUTE_MS      60000u
#define FIRST_ID       UINT64_C(0x0005f00000000000)
#define FIRST_NUMBER   UINT64_C(31700000000)

static const char text[] = "A text of sixty characters that is sent to very many people.";

static void must(enum store_err err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "bench_fill: %s: %s\n", what, store_err_text(err));
	exit(1);
}

static struct store_octets octets(const void *at, size_t n)
{
	return (struct store_octets){ at, (uint32_t)n };
}

/* A submit with its answer, then a receipt. */
static size_t write_evidence(uint64_t created_ms, const char *id, size_t id_n, uint8_t *out)
{
	const struct smpp_octets name = { .at = (const uint8_t *)id, .n = (uint32_t)id_n };
	const struct evidence submit = {
		.event = LIFE_ON_ACCEPTED,
		.at_ms = (int64_t)created_ms + 40,
		.has_submit = true,
		.attempt = 1,
		.session = SESSION,
		.sequence_number = 100000,
		.released_ms = (int64_t)created_ms + 10,
		.rtt_ms = 30,
		.in_flight = 100,
		.queued = ORDER_MESSAGES,
		.has_code = true,
		.id = name,
	};
	const struct evidence receipt = {
		.event = LIFE_ON_RECEIPT_DELIVERED,
		.at_ms = (int64_t)created_ms + 2000,
		.has_code = true,
		.code = 2,
		.has_receipt = true,
		.receipt_session = SESSION,
		.rule = EVIDENCE_RULE_EXACT,
	};
	size_t n = evidence_encode(&submit, (int64_t)created_ms, out);

	return n + evidence_encode(&receipt, (int64_t)created_ms, out + n);
}

static void put_message(struct store *store, struct store_txn *txn, const struct store_order *order,
			uint32_t index, uint64_t serial)
{
	uint8_t rows[2 * EVIDENCE_ROW_OCTETS];
	char id[24];
	size_t id_n = (size_t)snprintf(id, sizeof(id), "%" PRIx64, FIRST_ID + serial);
	size_t n = write_evidence(order->created_ms, id, id_n, rows);
	struct store_message message = {
		.order = order->order,
		.index = index,
		.msisdn = FIRST_NUMBER + serial,
		.state = STORE_STATE_DELIVERED,
		.flags = STORE_FLAG_TAKEN | STORE_FLAG_ON_TIME,
		.updated_ms = order->created_ms + 2000,
		.final_ms = order->created_ms + 2000,
		.seg = { .state = STORE_STATE_DELIVERED,
			 .attempts = 1,
			 .released_ms = order->created_ms + 10,
			 .evidence = octets(rows, n) },
	};
	const struct store_ref ref = { .order = order->order, .index = index };

	must(store_message_put(txn, &message), "message");
	must(store_ids_add(txn, store_ids_hash(store, PROVIDER, (const uint8_t *)id, id_n), &ref,
			   order->created_ms),
	     "id");
}

static void put_order(struct store *store, struct store_txn *txn, uint64_t created_ms,
		      uint32_t total)
{
	struct store_order order = {
		.order = store_next(txn, STORE_NEXT_ORDER),
		.account = ACCOUNT,
		.route = ROUTE,
		.provider = PROVIDER,
		.parts = 1,
		.total = total,
		.batch_size = total,
		.released = total,
		.created_ms = created_ms,
		.updated_ms = created_ms + MINUTE_MS,
		.resolved_ms = created_ms + MINUTE_MS,
		.queue_deadline_ms = created_ms + 1440 * MINUTE_MS,
		.validity_ms = 1440 * MINUTE_MS,
		.delivered = total,
		.taken = total,
		.on_time = total,
		.caller_id = octets("ACME", 4),
		.text_octets = sizeof(text) - 1,
		.text_hash = store_keyed_hash(store, text, sizeof(text) - 1),
	};
	struct store_text chunk = { .order = order.order,
				    .octets = octets(text, sizeof(text) - 1) };

	must(store_order_put(txn, &order), "order");
	must(store_text_put(txn, &chunk), "text");
	for (uint32_t index = 0; index < total; index++)
		put_message(store, txn, &order, index, order.order * ORDER_MESSAGES + index);
}

static void fill(struct store *store, uint64_t messages, uint64_t created_ms)
{
	struct store_txn *txn;

	while (messages) {
		must(store_begin(store, &txn), "begin");
		for (unsigned i = 0; i < TXN_ORDERS && messages; i++) {
			uint32_t total = messages < ORDER_MESSAGES ? (uint32_t)messages :
								     ORDER_MESSAGES;
			put_order(store, txn, created_ms, total);
			messages -= total;
		}
		must(store_commit(txn), "commit");
	}
}

static uint64_t count(struct store *store)
{
	struct store_txn *txn;
	uint64_t records = 0;

	must(store_read_begin(store, &txn), "read");
	for (unsigned kind = 0; kind < STORE_KINDS; kind++)
		records += store_count(txn, (enum store_kind)kind);
	store_read_end(txn);
	return records;
}

int main(int argc, char **argv)
{
	struct store_options how = { .no_sync = true };
	char err[STORE_ERR_OCTETS];
	struct store *store;
	struct store_info info;

	if (argc != 3) {
		fprintf(stderr, "usage: bench_fill FOLDER MESSAGES\n");
		return 2;
	}
	if (store_open(argv[1], &how, &store, err)) {
		fprintf(stderr, "bench_fill: %s: %s\n", argv[1], err);
		return 1;
	}
	store_info(store, &info);
	fill(store, strtoull(argv[2], NULL, 10), info.created_ms);
	printf("{\"records\": %" PRIu64 ", \"used_octets\": %" PRIu64 "}\n", count(store),
	       store_used_octets(store));
	store_close(store);
	return 0;
}
