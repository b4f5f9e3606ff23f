/* Inbound messages: keeping them. See inbound.h. */
#include "core/inbound.h"

#include "core/feed.h"

#define RAW_OCTETS  1700 /* of a PDU in the first record */
#define MORE_OCTETS 1900

static void put_rest(struct turn *turn, uint64_t seq, const uint8_t *octets, uint32_t n)
{
	struct store_inbound_more more = { .seq = seq };
	for (uint32_t at = 0; at < n && !turn_failed(turn); at += MORE_OCTETS, more.n++) {
		more.pdu = (struct store_octets){ octets + at,
						  n - at < MORE_OCTETS ? n - at : MORE_OCTETS };
		turn_fail(turn, store_inbound_more_put(turn->txn, &more));
	}
}

void inbound_keep(struct turn *turn, const struct link *link, const struct smpp_octets *pdu)
{
	struct store_inbound inbound = {
		.seq = store_next(turn->txn, STORE_NEXT_INBOUND),
		.provider = link->provider->number,
		.session = link->session_number,
		.at_ms = (uint64_t)turn->at_ms,
		.pdu_octets = pdu->n,
		.pdu = { pdu->at, pdu->n < RAW_OCTETS ? pdu->n : RAW_OCTETS },
	};
	turn_fail(turn, store_inbound_put(turn->txn, &inbound));
	if (pdu->n > RAW_OCTETS)
		put_rest(turn, inbound.seq, pdu->at + RAW_OCTETS, pdu->n - RAW_OCTETS);
	feed_tell(turn, FEED_INBOUND, inbound.seq);
}
