/* The checks of inbound messages: PDUs, parts, groups, and what became of them. See check_own.h. */
#include "store/check_own.h"

#include <inttypes.h>

void check_inbound(struct walk *walk, const void *rec)
{
	const struct store_inbound *inbound = rec;
	struct store_inbound_more more = { .seq = inbound->seq };
	uint64_t octets = inbound->pdu.n;
	enum store_err err = store_inbound_more_seek(walk->txn, &more, 1);

	for (; !err; err = store_inbound_more_next(walk->txn, &more, 1))
		octets += more.pdu.n;
	if (octets != inbound->pdu_octets)
		check_finding(walk, "%" PRIu64 " octets of its PDU are kept", octets);
}

/* The parts that a group or a message says it has are there, each with its PDU. */
static void check_parts(struct walk *walk, uint64_t first, unsigned parts, unsigned received)
{
	struct store_inbound_part part = { .first = first };
	enum store_err err = store_inbound_part_seek(walk->txn, &part, 1);
	unsigned found = 0;

	for (; !err; err = store_inbound_part_next(walk->txn, &part, 1)) {
		struct store_inbound inbound = { .seq = part.seq };

		found++;
		if (part.part == 0 || part.part > parts)
			check_finding(walk, "it has %u parts, and one is number %" PRIu32, parts,
				      part.part);
		if (store_inbound_get(walk->txn, &inbound) == STORE_NOTFOUND)
			check_finding(walk, "the PDU of part %" PRIu32 " is gone", part.part);
	}
	if (found != received)
		check_finding(walk, "%u of its parts are kept", found);
}

void check_inbound_group(struct walk *walk, const void *rec)
{
	const struct store_inbound_group *group = rec;

	check_parts(walk, group->first, group->parts, group->received);
}

void check_inbound_message(struct walk *walk, const void *rec)
{
	const struct store_inbound_message *message = rec;
	struct store_inbound inbound = { .seq = message->first };

	if (message->parts > 1)
		check_parts(walk, message->first, message->parts, message->received);
	else if (store_inbound_get(walk->txn, &inbound) == STORE_NOTFOUND)
		check_finding(walk, "its PDU is gone");
}

void check_provider(struct walk *walk, const void *rec)
{
	const struct store_provider *provider = rec;
	struct store_inbound_group group = { .provider = provider->number };
	enum store_err err = store_inbound_group_seek(walk->txn, &group, 1);
	uint32_t found = 0;

	for (; !err || err == STORE_CORRUPT; err = store_inbound_group_next(walk->txn, &group, 1))
		found++;
	if (found != provider->inbound_groups)
		check_finding(walk, "it has %" PRIu32 " inbound groups", found);
}
