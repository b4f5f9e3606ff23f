/*
 * A store at work, for test/e2e/power.py: transactions as the engine writes them (orders with their
 * messages, releases, answers with provider ids, receipts, money, retention), the same ones in each
 * run. What it was told is on disk it says in a file beside the store:
 *
 *   ack N DIGEST   transaction N was committed, and with it the store holds DIGEST; 0: it was made
 *   fatal N        the commit of transaction N failed and nobody knows; exit status 3
 *
 *   power_load STORE ACKS COMMITS [no-sync]
 *
 * no-sync opens the store without syncing after the first FIRST_COMMITS, for a run that must be
 * found bad.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/power_digest.h"

#define FIRST_COMMITS 5u
#define LIFE_COMMITS  60u /* then it is closed and opened again */
#define MARK_COMMITS  7u
#define ORDERS_KEPT   14u
#define ORDER_MOST    24u
#define ORDER_LARGE   400u
#define LARGE_EVERY   25u
#define PROVIDER      1u
#define ACCOUNT	      1u
#define PRICE	      20000
#define START_MS      UINT64_C(1790000000000)

static const char text[] = "Your code is 123456. It is good for ten minutes; tell nobody.";
static struct store *store;
static int acks;
static unsigned commits;

/* --- Small things ----------------------------------------------------------------------------- */

[[gnu::noreturn]] static void stop(const char *what, const char *why)
{
	fprintf(stderr, "power_load: commit %u: %s: %s\n", commits, what, why);
	exit(1);
}

static void must(enum store_err err, const char *what)
{
	if (err)
		stop(what, store_err_text(err));
}

static struct store_octets octets(const void *at, size_t n)
{
	return (struct store_octets){ at, (uint32_t)n };
}

static uint64_t drawn(uint64_t of, uint64_t below)
{
	return power_hash(POWER_FNV, &of, sizeof(of)) % below;
}

/* One line, in one write: it is in the trace behind all that it speaks of. */
static void say(const char *line)
{
	size_t n = strlen(line);

	if (write(acks, line, n) != (ssize_t)n)
		stop("cannot write", "acks");
}

static void acknowledge(void)
{
	struct power_digest digest;
	char line[64];

	must(power_digest(store, &digest), "digest");
	snprintf(line, sizeof(line), "ack %u %016" PRIx64 "\n", commits,
		 power_digest_whole(&digest));
	say(line);
}

/* --- What the engine would write -------------------------------------------------------------- */

static uint32_t total_of(uint64_t number)
{
	return number % LARGE_EVERY == 0 ? ORDER_LARGE : 1 + (uint32_t)drawn(number, ORDER_MOST);
}

static uint64_t time_of(uint64_t number)
{
	return START_MS + number * 1000;
}

static void put_money(struct store_txn *txn, uint64_t order, int64_t amount)
{
	struct store_account account = { .account = ACCOUNT };

	must(store_account_get(txn, &account), "account");
	account.balance += amount;
	must(store_account_put(txn, &account), "account");
	const struct store_ledger row = { .account = ACCOUNT,
					  .seq = store_next(txn, STORE_NEXT_LEDGER),
					  .at_ms = time_of(order),
					  .kind = amount < 0 ? STORE_LEDGER_DEBIT :
							       STORE_LEDGER_TOPUP,
					  .amount = amount,
					  .balance_after = account.balance,
					  .order = order };

	must(store_ledger_put(txn, &row), "ledger");
}

static void put_feed(struct store_txn *txn, uint64_t order, size_t n)
{
	uint8_t events[64];

	memset(events, (int)(order & 0xff), sizeof(events));
	const struct store_feed row = { .seq = store_next(txn, STORE_NEXT_FEED),
					.at_ms = time_of(order),
					.order = order,
					.account = ACCOUNT,
					.events = octets(events, n % sizeof(events)) };

	must(store_feed_put(txn, &row), "feed");
}

static void accept_order(struct store_txn *txn)
{
	uint64_t number = store_next(txn, STORE_NEXT_ORDER);
	uint32_t total = total_of(number);
	const struct store_order order = { .order = number,
					   .account = ACCOUNT,
					   .route = 1,
					   .provider = PROVIDER,
					   .parts = 1,
					   .total = total,
					   .batch_size = total,
					   .created_ms = time_of(number),
					   .validity_ms = 86400000,
					   .cost = (int64_t)total * PRICE,
					   .unit_price = PRICE,
					   .caller_id = octets("ACME", 4),
					   .text_octets = sizeof(text) - 1 };
	const struct store_text chunk = { .order = number,
					  .octets = octets(text, sizeof(text) - 1) };
	const struct store_idempotency key = { .account = ACCOUNT,
					       .hash = power_hash(POWER_FNV, &number, 8),
					       .body_hash = octets(text, 32),
					       .order = number,
					       .at_ms = time_of(number) };

	must(store_order_put(txn, &order), "order");
	must(store_text_put(txn, &chunk), "text");
	must(store_idempotency_put(txn, &key), "idempotency");
	for (uint32_t i = 0; i < total; i++) {
		const struct store_message message = { .order = number,
						       .index = i,
						       .msisdn = 31600000000 + number * 1000 + i };

		must(store_message_put(txn, &message), "message");
	}
	put_money(txn, number, -(int64_t)total * PRICE);
	put_feed(txn, number, 10);
}

static void release_order(struct store_txn *txn, uint64_t number)
{
	uint8_t packed[1900];
	struct store_members members;
	struct store_order order = { .order = number };

	must(store_order_get(txn, &order), "order");
	order.released = order.total;
	must(store_order_put(txn, &order), "order");
	store_members_init(&members, packed, sizeof(packed));
	for (uint32_t i = 0; i < order.total; i++) {
		const struct store_member member = {
			.order = number, .index = i, .pdu = i, .attempt = 1
		};

		if (!store_members_add(&members, &member))
			stop("release", "no room");
	}
	const struct store_release release = { .release = store_next(txn, STORE_NEXT_RELEASE),
					       .session = 1,
					       .provider = PROVIDER,
					       .at_ms = time_of(number),
					       .members = octets(packed, members.n) };

	must(store_release_put(txn, &release), "release");
}

/* The answers: one in seven came without an id, one in eleven was a refusal and waits again. */
static void answer_order(struct store_txn *txn, uint64_t number)
{
	const struct store_release release = { .release = number };

	for (uint32_t i = 0; i < total_of(number); i++) {
		struct store_message message = { .order = number, .index = i };
		const struct store_ref ref = { .order = number, .index = i };
		char id[24];
		size_t n = (size_t)snprintf(id, sizeof(id), "%" PRIx64 "%04x", number, i);

		must(store_message_get(txn, &message), "message");
		message.state = message.seg.state = STORE_STATE_SENT;
		message.flags = STORE_FLAG_TAKEN;
		message.seg.attempts = 1;
		message.seg.released_ms = time_of(number);
		message.seg.evidence = octets(id, n);
		if (i % 11 == 10) {
			message.state = message.seg.state = STORE_STATE_QUEUED;
			message.seg.due_ms = time_of(number) + 60000;
			message.seg.due_route = 1;
		}
		must(store_message_put(txn, &message), "message");
		if (i % 7 != 6)
			must(store_ids_add(txn,
					   store_ids_hash(store, PROVIDER, (const uint8_t *)id, n),
					   &ref, time_of(number)),
			     "id");
	}
	must(store_release_del(txn, &release), "release");
	put_feed(txn, number, 40);
}

static void receive_receipts(struct store_txn *txn, uint64_t number)
{
	uint8_t rows[70];
	struct store_order order = { .order = number };

	memset(rows, 0x5a, sizeof(rows));
	must(store_order_get(txn, &order), "order");
	for (uint32_t i = 0; i < order.total; i++) {
		struct store_message message = { .order = number, .index = i };

		must(store_message_get(txn, &message), "message");
		message.state = message.seg.state = STORE_STATE_DELIVERED;
		message.final_ms = time_of(number) + 5000;
		message.seg.due_ms = 0;
		message.seg.due_route = 0;
		message.seg.evidence = octets(rows, 30 + drawn(number + i, 40));
		must(store_message_put(txn, &message), "message");
	}
	order.delivered = order.total;
	order.resolved_ms = time_of(number) + 5000;
	must(store_order_put(txn, &order), "order");
}

static void put_orphan(struct store_txn *txn, uint64_t number)
{
	uint8_t pdu[300];

	memset(pdu, 0x33, sizeof(pdu));
	const struct store_orphan orphan = { .seq = store_next(txn, STORE_NEXT_ORPHAN),
					     .provider = PROVIDER,
					     .at_ms = time_of(number),
					     .hash_raw = power_hash(POWER_FNV, &number, 8),
					     .pdu_octets = sizeof(pdu),
					     .pdu = octets(pdu, sizeof(pdu)) };

	must(store_orphan_put(txn, &orphan), "orphan");
}

static void forget_order(struct store_txn *txn, uint64_t number)
{
	const struct store_order order = { .order = number };
	const struct store_text chunk = { .order = number };
	const struct store_idempotency key = { .account = ACCOUNT,
					       .hash = power_hash(POWER_FNV, &number, 8) };
	bool more;

	for (uint32_t i = 0; i < total_of(number); i++) {
		const struct store_message message = { .order = number, .index = i };

		must(store_message_del(txn, &message), "message");
	}
	must(store_order_del(txn, &order), "order");
	must(store_text_del(txn, &chunk), "text");
	must(store_idempotency_del(txn, &key), "idempotency");
	must(store_ids_expire(txn, time_of(number), 100, &more), "ids");
}

static void work(struct store_txn *txn)
{
	uint64_t newest = commits;

	if (commits == 1) {
		const struct store_account account = { .account = ACCOUNT,
						       .name = octets("acme", 4),
						       .active = 1 };
		const struct store_provider provider = { .number = PROVIDER,
							 .name = octets("alpha", 5) };

		must(store_account_put(txn, &account), "account");
		must(store_provider_put(txn, &provider), "provider");
		put_money(txn, 0, 1000000000000);
	}
	accept_order(txn);
	if (newest > 1)
		release_order(txn, newest - 1);
	if (newest > 2)
		answer_order(txn, newest - 2);
	if (newest > 4)
		receive_receipts(txn, newest - 4);
	if (newest % 5 == 0)
		put_orphan(txn, newest);
	if (newest > ORDERS_KEPT)
		forget_order(txn, newest - ORDERS_KEPT);
}

/* --- The run ---------------------------------------------------------------------------------- */

static void open_store(const char *path, bool no_sync)
{
	char err[STORE_ERR_OCTETS];
	struct store_options options = { .size_octets = STORE_SIZE_LEAST_OCTETS,
					 .create = true,
					 .now_ms = START_MS,
					 .no_sync = no_sync };

	memset(options.seed, 7, sizeof(options.seed));
	if (store_open(path, &options, &store, err))
		stop("open", err);
}

/* Nothing is tidied up after a failed commit: the process that holds a store ends then. */
[[gnu::noreturn]] static void fatal(void)
{
	char line[32];

	snprintf(line, sizeof(line), "fatal %u\n", commits);
	say(line);
	_exit(3);
}

static void commit_next(void)
{
	struct store_txn *txn;

	commits++;
	must(store_begin(store, &txn), "begin");
	work(txn);
	enum store_err err = store_commit(txn);

	if (err == STORE_FATAL)
		fatal();
	must(err, "commit");
	acknowledge();
	if (commits % MARK_COMMITS == 0)
		store_mark(store);
}

int main(int argc, char **argv)
{
	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: power_load STORE ACKS COMMITS [no-sync]\n");
		return 2;
	}
	unsigned last = (unsigned)strtoul(argv[3], NULL, 10);
	bool no_sync = argc == 5;

	acks = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (acks < 0)
		stop("cannot open", argv[2]);
	open_store(argv[1], false);
	acknowledge();
	while (commits < last) {
		commit_next();
		if (commits % LIFE_COMMITS != 0 && !(no_sync && commits == FIRST_COMMITS))
			continue;
		store_close(store);
		open_store(argv[1], no_sync && commits >= FIRST_COMMITS);
	}
	store_close(store);
	return 0;
}
