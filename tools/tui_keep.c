/* A ring of copies. See tools/tui_keep.h. */
#include "tools/tui_keep.h"

#include <stdlib.h>
#include <string.h>

static void drop_oldest(struct tui_keep *keep)
{
	struct tui_item **slot = &keep->items[keep->first % TUI_KEPT];

	keep->octets -= (*slot)->n;
	free(*slot);
	*slot = NULL;
	keep->first++;
}

static size_t message_octets(const struct flow_event *event)
{
	return event->pdu != NULL ? strlen(event->pdu->message) + 1 : 0;
}

static size_t note_octets(const struct flow_event *event)
{
	return event->pdu != NULL && event->pdu->note != NULL ? strlen(event->pdu->note) + 1 : 0;
}

/* A copy of n octets behind those that the item has already. */
static const uint8_t *put(struct tui_item *item, const void *octets, size_t n)
{
	uint8_t *at = item->octets + item->n;

	if (n > 0)
		memcpy(at, octets, n);
	item->n += n;
	return at;
}

static void copy(struct tui_item *item, const struct flow_event *event)
{
	item->event = *event;
	item->event.fields = NULL;
	item->event.receipt = NULL;
	item->event.part = NULL;
	item->event.id.at = put(item, event->id.at, event->id.n);
	if (event->pdu != NULL) {
		item->pdu = *event->pdu;
		item->pdu.octets = put(item, event->pdu->octets, event->pdu->n);
		item->pdu.message =
			(const char *)put(item, event->pdu->message, message_octets(event));
		if (event->pdu->note != NULL)
			item->pdu.note =
				(const char *)put(item, event->pdu->note, note_octets(event));
		item->pdu.facts = NULL; /* live has none but of notes, which say all */
		item->event.pdu = &item->pdu;
	}
	if (event->request != NULL) {
		item->request = *event->request;
		item->event.request = &item->request;
	}
	if (event->submit != NULL) {
		item->submit = *event->submit;
		item->event.submit = &item->submit;
	}
}

struct tui_item *tui_keep_add(struct tui_keep *keep, const struct flow_event *event)
{
	size_t n = event->id.n + (event->pdu != NULL ? event->pdu->n : 0) + message_octets(event) +
		   note_octets(event);
	struct tui_item *item = calloc(1, sizeof(*item) + n);

	if (item == NULL)
		return NULL;
	copy(item, event);
	while (keep->first < keep->end &&
	       (keep->end - keep->first == TUI_KEPT || keep->octets + n > TUI_KEPT_OCTETS))
		drop_oldest(keep);
	keep->octets += n;
	keep->items[keep->end++ % TUI_KEPT] = item;
	return item;
}

struct tui_item *tui_keep_at(const struct tui_keep *keep, uint64_t place)
{
	if (place < keep->first || place >= keep->end)
		return NULL;
	return keep->items[place % TUI_KEPT];
}

void tui_keep_release(struct tui_keep *keep)
{
	while (keep->first < keep->end)
		drop_oldest(keep);
}

bool tui_item_event(const struct tui_item *item, struct trace_reading *reading,
		    struct flow_event *event)
{
	*event = item->event;
	if (event->kind != FLOW_PDU)
		return true;
	if (!trace_read(reading, event->pdu, true, true))
		return false;
	event->fields = &reading->pdu;
	event->receipt = &reading->receipt;
	event->part = &reading->part;
	return true;
}

const char *tui_item_link(const struct tui_item *item)
{
	return item->event.pdu != NULL ? item->pdu.link : item->request.link;
}

uint64_t tui_item_session(const struct tui_item *item)
{
	return item->event.pdu != NULL ? item->pdu.session : item->request.session;
}
