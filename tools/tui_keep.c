/* A ring of copies. See tools/tui_keep.h. */
#include "tools/tui_keep.h"

#include <stdlib.h>
#include <string.h>

static void count(struct tui_item *item, uint64_t one)
{
	item->session->items += one;
	item->session->pdus += item->event.kind == FLOW_PDU ? one : 0;
	item->session->errors += item->is_error ? one : 0;
	item->session->unanswered += item->event.kind == FLOW_UNANSWERED ? one : 0;
}

/* Another leads, behind the one at this place; or the session goes with it. */
static void follow(struct tui_keep *keep, struct tui_session *session, uint64_t place)
{
	struct tui_item *item;

	if (session->items == 0) {
		HASH_DEL(keep->sessions, session);
		free(session);
		return;
	}
	do
		item = keep->items[++place % TUI_KEPT];
	while (item->session != session);
	item->leads = true;
}

static void drop_oldest(struct tui_keep *keep)
{
	struct tui_item **slot = &keep->items[keep->first % TUI_KEPT];

	/* It is the oldest of all, so it leads. */
	count(*slot, UINT64_MAX);
	follow(keep, (*slot)->session, keep->first);
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

/* NULL: out of memory. */
static struct tui_session *session_of(struct tui_keep *keep, const struct tui_item *item)
{
	struct tui_session *session;
	struct tui_session_key key;

	memset(&key, 0, sizeof(key));
	memcpy(key.link, tui_item_link(item), strlen(tui_item_link(item)));
	key.session = tui_item_session(item);
	HASH_FIND(hh, keep->sessions, &key, sizeof(key), session);
	if (session != NULL)
		return session;
	session = calloc(1, sizeof(*session));
	if (session == NULL)
		return NULL;
	session->key = key;
	HASH_ADD(hh, keep->sessions, key, sizeof(session->key), session);
	return session;
}

static bool is_error(const struct flow_event *event)
{
	return event->kind == FLOW_PDU && event->fields != NULL &&
	       (event->error != SMPP_OK || event->pdu->framing != TRACE_WHOLE ||
		event->fields->command_status != 0);
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
	item->session = session_of(keep, item);
	if (item->session == NULL) {
		free(item);
		return NULL;
	}
	item->is_error = is_error(event);
	item->leads = item->session->items == 0;
	count(item, 1);
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
