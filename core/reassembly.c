/* Groups of parts in the store. See reassembly.h. */
#include "core/reassembly.h"

#include <string.h>

#include "core/engine.h"

static uint64_t hash_of(const struct turn *turn, struct smpp_octets octets)
{
	return store_keyed_hash(turn->engine->store, octets.n ? (const void *)octets.at : "",
				octets.n);
}

/* The key is secret, so that no peer can make two conversations look like one. */
static uint64_t group_hash(const struct turn *turn, const struct reassembly_part *part)
{
	const uint64_t key[] = {
		part->provider,
		(uint64_t)part->info->method,
		part->info->ref,
		hash_of(turn, part->pdu->source_addr),
		hash_of(turn, part->pdu->destination_addr),
	};
	return store_keyed_hash(turn->engine->store, key, sizeof(key));
}

/* What the part is to this group; NEW: nothing. */
static enum reassembly_verdict compare(struct turn *turn, const struct reassembly_part *part,
				       const struct store_inbound_group *group)
{
	struct store_inbound_part kept = { .first = group->first, .part = part->info->seqnum };
	bool fits = group->parts == part->info->total &&
		    group->data_coding == part->pdu->data_coding;
	enum store_err err = fits ? store_inbound_part_get(turn->txn, &kept) : STORE_NOTFOUND;
	if (err == STORE_OK && kept.digest == hash_of(turn, part->info->body))
		return REASSEMBLY_DUPLICATE;
	if (err != STORE_NOTFOUND && err != STORE_CORRUPT)
		turn_fail(turn, err);
	if (group->message)
		return REASSEMBLY_NEW; /* the sender uses the reference again */
	return fits && err == STORE_NOTFOUND ? REASSEMBLY_JOINS : REASSEMBLY_CONFLICT;
}

enum reassembly_verdict reassembly_find(struct turn *turn, const struct reassembly_part *part,
					struct store_inbound_group *group)
{
	struct store_inbound_hash at = { .hash = group_hash(turn, part) };
	enum reassembly_verdict found = REASSEMBLY_NEW;
	enum store_err err = store_inbound_hash_seek(turn->txn, &at, 1);
	for (; !turn_failed(turn) && (err == STORE_OK || err == STORE_CORRUPT);
	     err = store_inbound_hash_next(turn->txn, &at, 1)) {
		struct store_inbound_group other = { .provider = at.provider, .first = at.first };
		if (store_inbound_group_get(turn->txn, &other) != STORE_OK)
			continue;
		enum reassembly_verdict verdict = compare(turn, part, &other);
		if (verdict == REASSEMBLY_NEW)
			continue;
		found = verdict;
		*group = other;
		if (verdict == REASSEMBLY_DUPLICATE)
			break;
	}
	return found;
}

/* The number of groups stands in the provider's record. */
static void count(struct turn *turn, uint32_t number, int32_t by)
{
	struct store_provider provider = { .number = number };
	turn_fail(turn, store_provider_get(turn->txn, &provider));
	if (turn_failed(turn))
		return;
	provider.inbound_groups += (uint32_t)by;
	turn_fail(turn, store_provider_put(turn->txn, &provider));
}

uint32_t reassembly_groups(struct turn *turn, uint32_t number)
{
	struct store_provider provider = { .number = number };
	turn_fail(turn, store_provider_get(turn->txn, &provider));
	return turn_failed(turn) ? 0 : provider.inbound_groups;
}

void reassembly_add(struct turn *turn, const struct reassembly_part *part,
		    enum reassembly_verdict verdict, uint64_t seq,
		    struct store_inbound_group *group)
{
	if (verdict == REASSEMBLY_NEW) {
		*group = (struct store_inbound_group){
			.provider = part->provider,
			.first = seq,
			.hash = group_hash(turn, part),
			.at_ms = (uint64_t)turn->due_ms,
			.parts = part->info->total,
			.data_coding = part->pdu->data_coding,
		};
		count(turn, part->provider, 1);
	}
	group->received++;
	const struct store_inbound_part kept = {
		.first = group->first,
		.part = part->info->seqnum,
		.seq = seq,
		.digest = hash_of(turn, part->info->body),
	};
	turn_fail(turn, store_inbound_part_put(turn->txn, &kept));
	turn_fail(turn, store_inbound_group_put(turn->txn, group));
}

bool reassembly_oldest(struct turn *turn, uint32_t provider, struct store_inbound_group *group)
{
	*group = (struct store_inbound_group){ .provider = provider };
	enum store_err err = store_inbound_group_seek(turn->txn, group, 1);
	while (err == STORE_CORRUPT) /* nobody knows what it was; the check tells */
		err = store_inbound_group_next(turn->txn, group, 1);
	turn_fail(turn, err == STORE_NOTFOUND ? STORE_OK : err);
	return err == STORE_OK;
}

void reassembly_forget(struct turn *turn, const struct store_inbound_group *group)
{
	turn_fail(turn, store_inbound_group_del(turn->txn, group));
	if (!turn_failed(turn))
		count(turn, group->provider, -1);
}
