/*
 * The feed: one record per turn and order, written in the transaction that made the change. A
 * record is a list of (message, event) pairs and nothing else; what a message is like now stands
 * in its own record. Timeline, events and page are readers with a cursor.
 */
#ifndef CORE_FEED_H
#define CORE_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "core/turn.h"

/* Events of the feed: number on disk, and what clients and operators call it. */
#define FEED_EVENTS(X)                               \
	X(ORDER_ACCEPTED, 0, "order.accepted")       \
	X(ORDER_RESOLVED, 1, "order.resolved")       \
	X(ORDER_REVISED, 2, "order_revised")         \
	X(MESSAGE_QUEUED, 3, "message.queued")       \
	X(MESSAGE_SENT, 4, "message.sent")           \
	X(MESSAGE_IN_DOUBT, 5, "message.in_doubt")   \
	X(MESSAGE_UNKNOWN, 6, "message.unknown")     \
	X(MESSAGE_DELIVERED, 7, "message.delivered") \
	X(MESSAGE_FAILED, 8, "message.failed")       \
	X(MESSAGE_EXPIRED, 9, "message.expired")     \
	X(LINK_BOUND, 10, "link.bound")              \
	X(LINK_DOWN, 11, "link.down")                \
	X(INBOUND, 12, "inbound")                    \
	X(ORPHAN, 13, "orphan")                      \
	X(ALARM_BEGINS, 14, "alarm.begins")          \
	X(ALARM_ENDS, 15, "alarm.ends")              \
	X(ALERT, 16, "alert_notification")

enum feed_event {
#define X(name, number, text) FEED_##name = (number),
	FEED_EVENTS(X)
#undef X
};

#define FEED_ORDER UINT32_MAX /* index of an event that speaks of the whole order */

/* One entry of a record. `number` is a session, an alarm or a seq where there is no order. */
struct feed_entry {
	enum feed_event event;
	uint32_t index; /* FEED_ORDER or the message's */
	uint64_t number;
};

/* Room that feed_encode may need. */
#define FEED_ENTRY_OCTETS 16
uint32_t feed_encode(const struct feed_entry *entry, uint8_t *out);
/* Reads the entry at *offset; false at the end or where there is none. */
bool feed_next(struct store_octets events, uint32_t *offset, struct feed_entry *entry);

/* Writes a record of its own for an event that is about no order: for operators, and the account. */
void feed_tell(struct turn *turn, enum feed_event event, uint64_t number);
void feed_tell_account(struct turn *turn, enum feed_event event, uint32_t account, uint64_t number);

const char *feed_event_name(enum feed_event event);

#endif
