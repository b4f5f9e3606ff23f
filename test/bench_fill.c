/*
 * Fills a store for test/bench and test/e2e with orders as esmed leaves them: each message
 * submitted, answered and delivered, with its evidence and its provider id; or still waiting for a
 * receipt; or still queued. Quick because nothing is synced before the end; no money is moved, so
 * that a check of such a store finds that.
 *
 *   bench_fill FOLDER MESSAGES [delivered|sent|queued [MESSAGES-OF-AN-ORDER [MINUTES-AGO]]]
 *
 * An order was accepted in each millisecond, the last one when the store was made or so long before. The
 * store must exist, and nobody may hold it. Prints the number of records that are in it then.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/evidence.h"
#include "store/store.h"

#define ORDER_MESSAGES	1000u
#define TXN_MESSAGES	20000u
#define ACCOUNT		1u
#define ROUTE		1u
#define PROVIDER	1u
#define SESSION		1u
#define MINUTE_MS	60000u
#define QUEUE_MINUTES	1440u /* deadlines as the example configuration has them */
#define RECEIPT_MINUTES 1560u
#define FIRST_ID	UINT64_C(0x0005f00000000000)
#define FIRST_NUMBER	UINT64_C(31700000000)

/* How far they have come. */
enum stage {
	DELIVERED,
	SENT,
	QUEUED,
	STAGES
};
static const char
	*const stages[STAGES] = { [DELIVERED] = "delivered", [SENT] = "sent", [QUEUED] = "queued" };

struct filling {
	struct store *store;
	struct store_txn *txn;
	enum stage stage;
	uint32_t array; /* messages of an order, at most */
	uint64_t created_ms;
	uint64_t serial; /* messages so far */
};

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

/* A submit with its answer, and if it is delivered a receipt. */
static size_t write_evidence(const struct filling *filling, const char *id, size_t id_n,
			     uint8_t *out)
{
	const uint64_t created_ms = filling->created_ms;
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

	if (filling->stage == DELIVERED)
		n += evidence_encode(&receipt, (int64_t)created_ms, out + n);
	return n;
}

static void put_message(struct filling *filling, uint64_t order, uint32_t index)
{
	static const uint8_t states[STAGES] = { [DELIVERED] = STORE_STATE_DELIVERED,
						[SENT] = STORE_STATE_SENT,
						[QUEUED] = STORE_STATE_QUEUED };
	const uint64_t created_ms = filling->created_ms;
	const struct store_ref ref = { .order = order, .index = index };
	uint8_t rows[2 * EVIDENCE_ROW_OCTETS];
	char id[24];
	size_t id_n = (size_t)snprintf(id, sizeof(id), "%" PRIx64, FIRST_ID + filling->serial);
	struct store_message message = {
		.order = order,
		.index = index,
		.msisdn = FIRST_NUMBER + filling->serial++,
		.state = states[filling->stage],
		.updated_ms = created_ms,
		.seg = { .state = states[filling->stage] },
	};

	if (filling->stage != QUEUED) {
		message.flags = STORE_FLAG_TAKEN;
		message.seg.attempts = 1;
		message.seg.released_ms = created_ms + 10;
		message.seg.evidence = octets(rows, write_evidence(filling, id, id_n, rows));
		must(store_ids_add(
			     filling->txn,
			     store_ids_hash(filling->store, PROVIDER, (const uint8_t *)id, id_n),
			     &ref, created_ms),
		     "id");
	}
	if (filling->stage == DELIVERED) {
		message.flags |= STORE_FLAG_ON_TIME;
		message.updated_ms = message.final_ms = created_ms + 2000;
	}
	must(store_message_put(filling->txn, &message), "message");
}

/* Where it stands, and when it is looked at next. */
static void put_counters(const struct filling *filling, struct store_order *order)
{
	const uint64_t created_ms = filling->created_ms;

	switch (filling->stage) {
	case DELIVERED:
		order->released = order->delivered = order->taken = order->on_time = order->total;
		order->updated_ms = order->resolved_ms = created_ms + MINUTE_MS;
		break;
	case SENT:
		order->released = order->sent = order->taken = order->total;
		order->updated_ms = created_ms + 40;
		order->wake_at_ms = created_ms + RECEIPT_MINUTES * MINUTE_MS;
		break;
	case QUEUED:
	case STAGES:
		order->updated_ms = created_ms;
		order->wake_at_ms = order->queue_deadline_ms;
		break;
	}
}

static void put_order(struct filling *filling, uint32_t total)
{
	struct store_order order = {
		.order = store_next(filling->txn, STORE_NEXT_ORDER),
		.account = ACCOUNT,
		.route = ROUTE,
		.provider = PROVIDER,
		.parts = 1,
		.total = total,
		.batch_size = total,
		.created_ms = filling->created_ms,
		.queue_deadline_ms = filling->created_ms + QUEUE_MINUTES * MINUTE_MS,
		.validity_ms = QUEUE_MINUTES * MINUTE_MS,
		.caller_id = octets("ACME", 4),
		.text_octets = sizeof(text) - 1,
		.text_hash = store_keyed_hash(filling->store, text, sizeof(text) - 1),
	};
	struct store_text chunk = { .order = order.order,
				    .octets = octets(text, sizeof(text) - 1) };

	put_counters(filling, &order);
	must(store_order_put(filling->txn, &order), "order");
	must(store_text_put(filling->txn, &chunk), "text");
	for (uint32_t index = 0; index < total; index++)
		put_message(filling, order.order, index);
}

static void fill(struct filling *filling, uint64_t messages)
{
	while (filling->serial < messages) {
		uint64_t until = filling->serial + TXN_MESSAGES;

		must(store_begin(filling->store, &filling->txn), "begin");
		while (filling->serial < messages && filling->serial < until) {
			uint64_t left = messages - filling->serial;

			put_order(filling, left < filling->array ? (uint32_t)left : filling->array);
			filling->created_ms++;
		}
		must(store_commit(filling->txn), "commit");
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

/* STAGES when there is none of that name. */
static enum stage read_stage(const char *name)
{
	enum stage stage = DELIVERED;

	while (stage < STAGES && strcmp(stages[stage], name) != 0)
		stage++;
	return stage;
}

int main(int argc, char **argv)
{
	struct store_options how = { .no_sync = true };
	struct filling filling = { .stage = argc > 3 ? read_stage(argv[3]) : DELIVERED,
				   .array = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) :
						       ORDER_MESSAGES };
	char err[STORE_ERR_OCTETS];
	struct store_info info;

	if (argc < 3 || argc > 6 || filling.stage == STAGES || !filling.array ||
	    filling.array > 65536) {
		fprintf(stderr, "usage: bench_fill FOLDER MESSAGES [delivered|sent|queued "
				"[MESSAGES-OF-AN-ORDER [MINUTES-AGO]]]\n");
		return 2;
	}
	if (store_open(argv[1], &how, &filling.store, err)) {
		fprintf(stderr, "bench_fill: %s: %s\n", argv[1], err);
		return 1;
	}
	store_info(filling.store, &info);
	filling.created_ms = info.created_ms;
	filling.created_ms -= argc > 5 ? strtoull(argv[5], NULL, 10) * MINUTE_MS : 0;
	uint64_t messages = strtoull(argv[2], NULL, 10);
	filling.created_ms -= messages / filling.array; /* one in each millisecond */
	fill(&filling, messages);
	printf("{\"records\": %" PRIu64 ", \"used_octets\": %" PRIu64 "}\n", count(filling.store),
	       store_used_octets(filling.store));
	store_close(filling.store);
	return 0;
}
