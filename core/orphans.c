/* Receipts that belong to nothing yet. See orphans.h. */
#include "core/orphans.h"

#include <stdlib.h>
#include <string.h>

#include "core/dialect.h"
#include "core/match.h"
#include "core/receipts.h"

#define RAW_OCTETS  1700 /* of a PDU in an orphan's first record */
#define MORE_OCTETS 1900
#define ADDR_OCTETS 21
#define EARLY_MAX   16 /* of one number that are looked at together */

const char *orphan_reason_text(enum orphan_reason reason)
{
	static const char *const texts[] = {
#define X(name, number, text) [number] = text,
		ORPHAN_REASONS(X)
#undef X
	};
	return (unsigned)reason < sizeof(texts) / sizeof(texts[0]) ? texts[reason] : "?";
}

/* ---- keeping ---- */

static void put_rest(struct turn *turn, uint64_t seq, const uint8_t *octets, uint32_t n)
{
	struct store_orphan_more more = { .seq = seq };
	for (uint32_t at = 0; at < n && !turn_failed(turn); at += MORE_OCTETS, more.n++) {
		more.pdu = (struct store_octets){ octets + at,
						  n - at < MORE_OCTETS ? n - at : MORE_OCTETS };
		turn_fail(turn, store_orphan_more_put(turn->txn, &more));
	}
}

void orphans_keep(struct turn *turn, const struct orphan_news *news)
{
	char id[SMPP_ID_OCTETS];
	struct store_orphan orphan = {
		.seq = store_next(turn->txn, STORE_NEXT_ORPHAN),
		.provider = news->provider->number,
		.session = news->session,
		.at_ms = (uint64_t)turn->at_ms,
		.reason = (uint8_t)news->reason,
		.pdu_octets = news->n,
		.pdu = { news->octets, news->n < RAW_OCTETS ? news->n : RAW_OCTETS },
	};
	if (news->receipt) {
		struct smpp_octets named = match_id(news->receipt);
		struct smpp_octets dest = news->pdu->source_addr;
		struct match_hashes hashes = match_hashes(turn, news->provider, news->receipt);
		orphan.hash_raw = hashes.readings[SMPP_ID_EXACT];
		orphan.hash_dec = hashes.readings[SMPP_ID_HEX_TO_DEC];
		orphan.hash_hex = hashes.readings[SMPP_ID_DEC_TO_HEX];
		orphan.hash_cut = hashes.cut;
		orphan.hash_text = hashes.text;
		orphan.id.n = (uint32_t)smpp_id_canonical(named.at, named.n, id);
		orphan.id.at = (const uint8_t *)id;
		orphan.source_tail = smpp_number_tail(news->pdu->source_addr);
		orphan.dest_tail = smpp_number_tail(news->pdu->destination_addr);
		orphan.dest.at = dest.at;
		orphan.dest.n = dest.n < ADDR_OCTETS ? dest.n : ADDR_OCTETS;
	}
	turn_fail(turn, store_orphan_put(turn->txn, &orphan));
	if (news->n > RAW_OCTETS)
		put_rest(turn, orphan.seq, news->octets + RAW_OCTETS, news->n - RAW_OCTETS);
	feed_tell(turn, FEED_ORPHAN, orphan.seq);
}

/* ---- finding their message ---- */

/* The whole PDU of an orphan; NULL: memory, or a piece is missing. Freed by the caller. */
static uint8_t *orphan_octets(struct turn *turn, const struct store_orphan *orphan)
{
	uint8_t *octets = malloc(orphan->pdu_octets ? orphan->pdu_octets : 1);
	uint32_t n = orphan->pdu.n;
	if (!octets || n > orphan->pdu_octets) {
		free(octets);
		return NULL;
	}
	if (n)
		memcpy(octets, orphan->pdu.at, n);
	struct store_orphan_more more = { .seq = orphan->seq };
	for (; n < orphan->pdu_octets; more.n++) {
		if (store_orphan_more_get(turn->txn, &more) != STORE_OK ||
		    more.pdu.n > orphan->pdu_octets - n || !more.pdu.n) {
			free(octets);
			return NULL;
		}
		memcpy(octets + n, more.pdu.at, more.pdu.n);
		n += more.pdu.n;
	}
	return octets;
}

struct joined {
	struct effect effect;
	uint32_t provider;
};

static void joined(struct engine *engine, struct effect *effect, enum turn_end end)
{
	uint32_t number = ((struct joined *)(void *)effect)->provider;
	struct provider *provider = provider_numbered(engine, number);
	if (end == TURN_DONE && provider)
		unmatched_count(provider, UNMATCHED_JOINED);
}

void orphans_joined(struct turn *turn, const struct store_orphan *orphan)
{
	struct joined *effect = (void *)turn_effect(turn, joined, sizeof(*effect));
	if (effect)
		effect->provider = orphan->provider;
	orphans_drop(turn, orphan);
}

struct orphan_read *orphans_read(struct turn *turn, const struct provider *provider,
				 const struct store_orphan *orphan)
{
	struct smpp_problem problem;
	struct orphan_read *read = malloc(sizeof(*read));
	if (!read)
		return NULL;
	read->octets = orphan_octets(turn, orphan);
	if (!read->octets ||
	    smpp_pdu_decode(read->octets, orphan->pdu_octets, &read->pdu, &problem) != SMPP_OK) {
		orphans_read_free(read);
		return NULL;
	}
	receipts_read(provider->config, &read->pdu, &read->receipt);
	return read;
}

void orphans_read_free(struct orphan_read *read)
{
	if (read)
		free(read->octets);
	free(read);
}

void orphans_drop(struct turn *turn, const struct store_orphan *orphan)
{
	struct store_orphan_more more = { .seq = orphan->seq };
	while (store_orphan_more_seek(turn->txn, &more, 1) == STORE_OK && !turn_failed(turn))
		turn_fail(turn, store_orphan_more_del(turn->txn, &more));
	turn_fail(turn, store_orphan_del(turn->txn, orphan));
}

/* That the id waited under this reading is as good a pair as any. */
static void learn(struct turn *turn, const struct provider *provider,
		  const struct store_orphan *orphan, const struct orphan_read *read, uint64_t hash)
{
	const uint64_t hashes[] = { [SMPP_ID_EXACT] = orphan->hash_raw,
				    [SMPP_ID_HEX_TO_DEC] = orphan->hash_dec,
				    [SMPP_ID_DEC_TO_HEX] = orphan->hash_hex };
	int place = read->receipt.ids[SMPP_RECEIPT_TLV_ID].n ? SMPP_RECEIPT_TLV_ID :
							       SMPP_RECEIPT_TEXT_ID;
	int rule = SMPP_ID_ANY, readings = 0;
	for (int i = SMPP_ID_EXACT; i <= SMPP_ID_DEC_TO_HEX; i++) {
		readings += hashes[i] != 0;
		if (hashes[i] == hash)
			rule = i;
	}
	if (rule && readings > 1)
		dialect_learn(turn, provider, place, (enum smpp_id_dialect)rule);
}

/* Whose receipt is looked for. */
struct owner {
	const struct provider *provider;
	struct segment_ref ref;
	bool shared; /* its id is others' as well */
};

static void join(struct turn *turn, const struct owner *owner, const struct store_orphan *orphan,
		 uint64_t hash)
{
	const struct provider *provider = owner->provider;
	struct segment_ref ref = owner->ref;
	struct store_message message = { .order = ref.order, .index = ref.index };
	struct orphan_read *read = orphans_read(turn, provider, orphan);
	turn_fail(turn, store_message_get(turn->txn, &message));
	if (read && (owner->shared ? smpp_receipt_names(&read->pdu, message.msisdn) :
				     match_addresses(provider, &read->pdu, message.msisdn))) {
		learn(turn, provider, orphan, read, hash);
		receipts_apply(turn, provider, ref, &read->receipt,
			       &(struct receipt_source){ .pdu = &read->pdu,
							 .came_ms = (int64_t)orphan->at_ms,
							 .session = orphan->session,
							 .rule = EVIDENCE_RULE_PARKED });
		orphans_joined(turn, orphan);
	}
	orphans_read_free(read);
}

static void join_all(struct turn *turn, struct owner *owner, uint64_t hash, int64_t since_ms)
{
	const struct provider *provider = owner->provider;
	struct store_orphan_id at = { .hash = hash };
	if (store_orphan_id_seek(turn->txn, &at, 1) != STORE_OK)
		return;
	do {
		struct store_orphan orphan = { .seq = at.seq };
		if (store_orphan_get(turn->txn, &orphan) == STORE_OK &&
		    orphan.provider == provider->number && orphan.reason != ORPHAN_AMBIGUOUS &&
		    (orphan.reason != ORPHAN_EARLY || orphan.hash_raw == hash) &&
		    (int64_t)orphan.at_ms >= since_ms)
			join(turn, owner, &orphan, hash);
	} while (!turn_failed(turn) && store_orphan_id_next(turn->txn, &at, 1) == STORE_OK);
}

void orphans_join(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		  uint64_t hash, int64_t since_ms)
{
	struct owner owner = { .provider = provider, .ref = ref };
	join_all(turn, &owner, hash, since_ms);
}

void orphans_join_shared(struct turn *turn, const struct provider *provider, struct segment_ref ref,
			 uint64_t hash, int64_t since_ms)
{
	struct owner owner = { .provider = provider, .ref = ref, .shared = true };
	join_all(turn, &owner, hash, since_ms);
}

/* ---- matching anew ---- */

static bool may_match_now(const struct store_orphan *orphan)
{
	return orphan->reason == ORPHAN_UNKNOWN_ID || orphan->reason == ORPHAN_DIALECT ||
	       orphan->reason == ORPHAN_ADDRESS || orphan->reason == ORPHAN_EARLY;
}

static void rematch(struct turn *turn, const struct provider *provider,
		    const struct store_orphan *orphan)
{
	struct orphan_read *read = orphans_read(turn, provider, orphan);
	if (read && read->receipt.kind != SMPP_RECEIPT_NOT) {
		struct match_query query = { .provider = provider,
					     .pdu = &read->pdu,
					     .receipt = &read->receipt,
					     .came_ms = (int64_t)orphan->at_ms };
		struct match match = match_receipt(turn, &query);
		if (match.standing == 1 && !match.early) {
			receipts_apply(turn, provider, match.ref, &read->receipt,
				       &(struct receipt_source){ .pdu = &read->pdu,
								 .came_ms = (int64_t)orphan->at_ms,
								 .session = orphan->session,
								 .rule = match.rule });
			orphans_joined(turn, orphan);
		}
	}
	orphans_read_free(read);
}

void orphans_match_early(struct turn *turn, const struct provider *provider, uint32_t tail)
{
	uint64_t seqs[EARLY_MAX];
	size_t n = 0;
	struct store_orphan_tail entry = { .tail = tail };
	if (!provider->keeps_early)
		return;
	/* Joining takes entries away, so they are read first. */
	for (enum store_err err = store_orphan_tail_seek(turn->txn, &entry, 1);
	     !err && n < EARLY_MAX; err = store_orphan_tail_next(turn->txn, &entry, 1))
		seqs[n++] = entry.seq;
	for (size_t i = 0; i < n && !turn_failed(turn); i++) {
		struct store_orphan orphan = { .seq = seqs[i] };
		if (store_orphan_get(turn->txn, &orphan) == STORE_OK &&
		    orphan.provider == provider->number && orphan.reason == ORPHAN_EARLY)
			rematch(turn, provider, &orphan);
	}
}

void orphans_rematch(struct turn *turn, const struct provider *provider, uint32_t most)
{
	struct store_orphan orphan = { .seq = INT64_MAX };
	enum store_err err = store_orphan_prev(turn->txn, &orphan, 0);
	for (uint32_t n = 0; n < most && !turn_failed(turn) && (!err || err == STORE_CORRUPT);
	     n++) {
		struct store_orphan next = { .seq = orphan.seq };
		if (!err && orphan.provider == provider->number && may_match_now(&orphan))
			rematch(turn, provider, &orphan);
		orphan = next;
		err = store_orphan_prev(turn->txn, &orphan, 0);
	}
}
