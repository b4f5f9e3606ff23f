/* Receipts that belong to nothing yet. See orphans.h. */
#include "core/orphans.h"

#include <stdlib.h>
#include <string.h>

#include "core/match.h"
#include "core/receipts.h"

#define RAW_OCTETS  1700 /* of a PDU in an orphan's first record */
#define MORE_OCTETS 1900
#define ADDR_OCTETS 21

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
	const struct link *link = news->link;
	char id[SMPP_ID_OCTETS];
	struct store_orphan orphan = {
		.seq = store_next(turn->txn, STORE_NEXT_ORPHAN),
		.provider = link->provider->number,
		.session = link->session_number,
		.at_ms = (uint64_t)turn->at_ms,
		.reason = (uint8_t)news->reason,
		.pdu_octets = news->n,
		.pdu = { news->octets, news->n < RAW_OCTETS ? news->n : RAW_OCTETS },
	};
	if (news->receipt) {
		uint64_t hashes[SMPP_ID_DEC_TO_HEX + 1] = { 0 };
		struct smpp_octets named = match_id(news->receipt);
		struct smpp_octets dest = news->pdu->source_addr;
		match_hashes(turn, link->provider, named, hashes);
		orphan.hash_raw = hashes[SMPP_ID_EXACT];
		orphan.hash_dec = hashes[SMPP_ID_HEX_TO_DEC];
		orphan.hash_hex = hashes[SMPP_ID_DEC_TO_HEX];
		orphan.id.n = (uint32_t)smpp_id_canonical(named.at, named.n, id);
		orphan.id.at = (const uint8_t *)id;
		orphan.source_tail = match_tail(news->pdu->source_addr);
		orphan.dest_tail = match_tail(news->pdu->destination_addr);
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

static void join(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		 const struct store_orphan *orphan, uint64_t msisdn)
{
	struct orphan_read *read = orphans_read(turn, provider, orphan);
	if (read && match_addresses(provider, &read->pdu, msisdn)) {
		receipts_apply(turn, provider, ref, &read->receipt,
			       &(struct receipt_source){ .session = orphan->session,
							 .rule = EVIDENCE_RULE_PARKED });
		orphans_drop(turn, orphan);
	}
	orphans_read_free(read);
}

void orphans_join(struct turn *turn, const struct provider *provider, struct segment_ref ref,
		  uint64_t hash, int64_t since_ms)
{
	struct store_orphan_id at = { .hash = hash };
	struct store_message message = { .order = ref.order, .index = ref.index };
	if (store_orphan_id_seek(turn->txn, &at, 1) != STORE_OK)
		return;
	turn_fail(turn, store_message_get(turn->txn, &message));
	do {
		struct store_orphan orphan = { .seq = at.seq };
		if (store_orphan_get(turn->txn, &orphan) == STORE_OK &&
		    orphan.provider == provider->number && orphan.reason != ORPHAN_AMBIGUOUS &&
		    (int64_t)orphan.at_ms >= since_ms)
			join(turn, provider, ref, &orphan, message.msisdn);
	} while (!turn_failed(turn) && store_orphan_id_next(turn->txn, &at, 1) == STORE_OK);
}
