/* The feed's entries on disk: an event and, where it speaks of one message or number, a varint. */
#include "core/feed.h"

/* The first octet: the event, and one bit that says that what follows is an index, not a number. */
#define OF_ORDER 0x80

uint32_t feed_encode(const struct feed_entry *entry, uint8_t *out)
{
	uint32_t n = 0;
	bool whole = entry->index == FEED_ORDER;
	uint64_t value = whole ? entry->number : entry->index;
	out[n++] = (uint8_t)((unsigned)entry->event | (whole ? OF_ORDER : 0));
	while (value >= 0x80) {
		out[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	out[n++] = (uint8_t)value;
	return n;
}

bool feed_next(struct store_octets events, uint32_t *offset, struct feed_entry *entry)
{
	uint32_t at = *offset;
	if (at >= events.n)
		return false;
	uint8_t head = events.at[at++];
	uint64_t value = 0;
	for (unsigned shift = 0;; shift += 7) {
		if (at >= events.n || shift > 63)
			return false;
		uint8_t octet = events.at[at++];
		value |= (uint64_t)(octet & 0x7F) << shift;
		if (!(octet & 0x80))
			break;
	}
	bool whole = head & OF_ORDER;
	*entry = (struct feed_entry){
		.event = (enum feed_event)(head & ~OF_ORDER),
		.index = whole ? FEED_ORDER : (uint32_t)value,
		.number = whole ? value : 0,
	};
	*offset = at;
	return true;
}

void feed_tell_account(struct turn *turn, enum feed_event event, uint32_t account, uint64_t number)
{
	uint8_t octets[FEED_ENTRY_OCTETS];
	struct feed_entry entry = { .event = event, .index = FEED_ORDER, .number = number };
	struct store_feed feed = {
		.seq = store_next(turn->txn, STORE_NEXT_FEED),
		.at_ms = (uint64_t)turn->at_ms,
		.steady_ms = (uint64_t)turn->due_ms,
		.account = account,
		.events = { octets, feed_encode(&entry, octets) },
	};
	turn_fail(turn, store_feed_put(turn->txn, &feed));
}

void feed_tell(struct turn *turn, enum feed_event event, uint64_t number)
{
	feed_tell_account(turn, event, 0, number);
}

const char *feed_event_name(enum feed_event event)
{
	static const char *const names[] = {
#define X(name, number, text) [number] = text,
		FEED_EVENTS(X)
#undef X
	};
	return (unsigned)event < sizeof(names) / sizeof(names[0]) ? names[event] : "?";
}
