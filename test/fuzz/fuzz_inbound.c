/*
 * Fuzzes core/inbound.h on a real store: any parts of any messages, from several senders of two
 * providers, with time passing. Whatever came is kept once, or is the same as what was kept; every
 * message can be read; when time is up each kept octet of text is in exactly one message; and when
 * all messages are dropped nothing of them is left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/inbound.h"
#include "core/inbound_text.h"
#include "core/log.h"
#include "smpp/concat.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REASSEMBLY_MS 1000

static void must(bool truth)
{
	if (!truth)
		abort();
}

/* ---- the world: a store, and an engine with two providers and nothing else ---- */

static struct config_provider configs[2] = {
	{ .timers = { .reassembly_ms = REASSEMBLY_MS } },
	{ .timers = { .reassembly_ms = REASSEMBLY_MS } },
};
static struct config config = { .providers = configs, .n_providers = 2 };
static struct provider providers[2] = {
	{ .config = &configs[0], .number = 1 },
	{ .config = &configs[1], .number = 2 },
};
static struct provider *pointers[2] = { &providers[0], &providers[1] };
static struct engine engine = { .config = &config, .providers = pointers, .n_providers = 2 };

static void make_world(void)
{
	char folder[] = "/tmp/fuzz-inbound-XXXXXX", path[64], err[STORE_ERR_OCTETS];
	const struct store_options options = {
		.size_octets = 16 << 20, .create = true, .no_sync = true, .no_child = true
	};
	struct store_txn *txn;

	log_setup(CONFIG_LOG_ERROR);
	must(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/store", folder);
	if (store_open(path, &options, &engine.store, err)) {
		fprintf(stderr, "%s\n", err);
		abort();
	}
	must(!store_begin(engine.store, &txn));
	for (uint32_t number = 1; number <= 2; number++) {
		struct store_provider rec = { .number = number };

		must(store_next(txn, STORE_NEXT_PROVIDER) == number);
		must(!store_provider_put(txn, &rec));
	}
	must(!store_commit(txn));
	/* Nothing is committed from now on; what is open needs no names. */
	for (const char *const *name =
		     (const char *const[]){ "data.mdb", "lock.mdb", "daemon.lock", "hw", NULL };
	     *name; name++) {
		char file[96];

		snprintf(file, sizeof(file), "%s/%s", path, *name);
		unlink(file);
	}
	rmdir(path);
	rmdir(folder);
}

/* ---- what comes ---- */

struct sums {
	uint64_t kept;	 /* PDUs */
	uint64_t octets; /* of text in them */
};

static uint64_t text_octets(const struct smpp_pdu *pdu)
{
	struct smpp_concat_info info;

	smpp_concat_info(pdu, &info);
	return info.body.n;
}

/* Whether an earlier PDU was the same but for its sequence_number. */
static bool was_kept(struct turn *turn, const struct smpp_pdu *pdu)
{
	struct store_inbound rec = { 0 };
	struct smpp_concat_info info, other;
	bool found = false;

	smpp_concat_info(pdu, &info);
	while (!found && store_inbound_next(turn->txn, &rec, 0) == STORE_OK) {
		struct inbound_pdu *kept = inbound_pdu_read(turn->txn, rec.seq);

		must(kept != NULL);
		smpp_concat_info(&kept->pdu, &other);
		found = other.method == info.method && other.ref == info.ref &&
			other.total == info.total && other.seqnum == info.seqnum &&
			smpp_octets_equal(other.body, info.body) &&
			smpp_octets_equal(kept->pdu.source_addr, pdu->source_addr) &&
			kept->pdu.data_coding == pdu->data_coding;
		free(kept);
	}
	return found;
}

static void come(struct turn *turn, const struct provider *provider, const struct smpp_pdu *made,
		 struct sums *sums)
{
	uint8_t octets[1024];
	struct smpp_pdu pdu;
	struct smpp_problem problem;
	size_t n;

	if (smpp_pdu_encode(made, octets, sizeof(octets), &n, &problem))
		return;
	must(smpp_pdu_decode(octets, n, &pdu, &problem) == SMPP_OK);
	uint64_t before = store_count(turn->txn, STORE_KIND_INBOUND);
	bool again = was_kept(turn, &pdu);

	inbound_keep(turn, &(struct inbound_news){ .provider = provider,
						   .session = 1,
						   .pdu = &pdu,
						   .octets = { octets, (uint32_t)n } });
	must(!turn_failed(turn));
	uint64_t now = store_count(turn->txn, STORE_KIND_INBOUND);

	must(now == before + 1 || (now == before && again));
	if (now == before)
		return;
	sums->kept++;
	sums->octets += text_octets(&pdu);
}

/* Takes what it needs from the data, at least four octets; how many. */
static size_t one(struct turn *turn, const uint8_t *data, size_t size, struct sums *sums)
{
	static const char *const senders[] = { "31600000001", "31600000002" };
	uint8_t text[32], n = 0;
	size_t room = data[3] & 7, left = size - 4, taken = room < left ? room : left;
	uint8_t method = data[0] & 3, total = (uint8_t)(data[1] & 7), seqnum = data[1] >> 3 & 7;
	struct smpp_pdu pdu;

	turn->due_ms += data[2] >> 5 ? 0 : data[2] * 16;
	smpp_pdu_init(&pdu, data[0] & 4 ? SMPP_data_sm : SMPP_deliver_sm, 1);
	pdu.source_addr = smpp_octets_of(senders[data[0] >> 3 & 1]);
	pdu.data_coding = data[0] & 16 ? 8 : 0;
	if (method == 1) { /* a header of its own, else whatever the text begins with */
		const uint8_t header[] = { 5, 0, 3, data[2] & 1, total, seqnum };

		memcpy(text, header, sizeof(header));
		n = sizeof(header);
	}
	pdu.esm_class = method == 1 || method == 2 ? 0x40 : 0;
	memcpy(text + n, data + 4, taken);
	n = (uint8_t)(n + taken);
	if (method == 3) {
		must(!smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_sar_msg_ref_num, data[2] & 1));
		must(!smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_sar_total_segments, total));
		must(!smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_sar_segment_seqnum, seqnum));
	}
	if (pdu.command_id == SMPP_data_sm)
		must(!smpp_pdu_tlv_add(&pdu, SMPP_TLV_message_payload,
				       (struct smpp_octets){ text, n }));
	else
		pdu.short_message = (struct smpp_octets){ text, n };
	come(turn, &providers[data[0] >> 5 & 1], &pdu, sums);
	if (data[0] & 64)
		inbound_run(turn);
	return 4 + taken;
}

/* ---- what must hold ---- */

static uint64_t groups(struct turn *turn)
{
	struct store_provider provider = { 0 };
	uint64_t n = 0;

	while (store_provider_next(turn->txn, &provider, 0) == STORE_OK)
		n += provider.inbound_groups;
	must(n == store_count(turn->txn, STORE_KIND_INBOUND_GROUP));
	must(n == store_count(turn->txn, STORE_KIND_INBOUND_HASH));
	return n;
}

static void check_messages(struct turn *turn, const struct sums *sums)
{
	struct store_inbound_message message = { 0 };
	uint64_t pdus = 0, octets = 0;

	while (store_inbound_message_next(turn->txn, &message, 0) == STORE_OK) {
		struct inbound_text text;

		must(inbound_text_read(turn->txn, &message, &text));
		must(text.unread == 0);
		must(message.received > 0 && message.received <= message.parts);
		must((message.received < message.parts) ==
		     ((message.flags & INBOUND_INCOMPLETE) != 0));
		pdus += message.received;
		octets += text.octets.n;
		inbound_text_release(&text);
	}
	must(pdus == sums->kept && octets == sums->octets);
}

static void drop_all(struct turn *turn)
{
	struct store_inbound_message message = { 0 };

	while (store_inbound_message_next(turn->txn, &message, 0) == STORE_OK)
		inbound_drop(turn, &message);
	must(!turn_failed(turn));
	must(store_count(turn->txn, STORE_KIND_INBOUND) == 0);
	must(store_count(turn->txn, STORE_KIND_INBOUND_PART) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct turn turn = { .engine = &engine, .due_ms = 1000000 };
	struct sums sums = { 0 };

	if (!engine.store)
		make_world();
	must(!store_begin(engine.store, &turn.txn));
	while (size >= 4) {
		size_t n = one(&turn, data, size, &sums);

		data += n;
		size -= n;
		groups(&turn);
	}
	turn.due_ms += REASSEMBLY_MS;
	inbound_run(&turn);
	must(groups(&turn) == 0);
	check_messages(&turn, &sums);
	drop_all(&turn);
	store_abort(turn.txn);
	return 0;
}
