/*
 * Requests, windows and answers of tools/flow.h; who is joined to whom beyond that is
 * tools/flow_join.c.
 *
 * A request stands in the table of the open ones, in the order in which they came, so that those
 * whose time is up are at its front; told as unanswered it stays there for its late answer. An
 * answer with an id moves it to the table of submits, where its receipt finds it.
 */
#include "tools/flow.h"

#include <stdlib.h>
#include <string.h>

#include "smpp/status.h"
#include "tools/flow_own.h"
#include "tools/trace_facts.h"

struct flow *flow_new(int64_t unanswered_us)
{
	struct flow *flow = calloc(1, sizeof(*flow));

	if (flow == NULL)
		return NULL;
	flow->unanswered_us = unanswered_us;
	return flow;
}

static void free_gone(struct flow *flow)
{
	while (flow->gone != NULL) {
		struct flow_entry *entry = flow->gone;

		flow->gone = entry->next_gone;
		free(entry);
	}
}

/* What was told of it still points to it. */
void flow_let_go(struct flow *flow, struct flow_entry *entry)
{
	entry->next_gone = flow->gone;
	flow->gone = entry;
}

/* ---- events ---- */

static struct flow_event *put(struct flow *flow, enum flow_kind kind, int64_t at_us)
{
	struct flow_event *events;

	if (flow->event_count == flow->event_room) {
		events = reallocarray(flow->events, flow->event_room * 2 + 16, sizeof(*events));
		if (events == NULL)
			return NULL;
		flow->events = events;
		flow->event_room = flow->event_room * 2 + 16;
	}
	flow->events[flow->event_count] =
		(struct flow_event){ .kind = kind, .at_us = at_us, .pause_us = -1 };
	return &flow->events[flow->event_count++];
}

bool flow_next(struct flow *flow, struct flow_event *event)
{
	if (flow->event_next == flow->event_count)
		return false;
	*event = flow->events[flow->event_next++];
	return true;
}

static void forget_events(struct flow *flow)
{
	flow->event_next = flow->event_count = 0;
	free_gone(flow);
}

uint64_t flow_forgotten(const struct flow *flow)
{
	return flow->forgotten;
}

/* ---- sessions ---- */

static void close_session(struct flow *flow, struct flow_session *session)
{
	HASH_DEL(flow->sessions, session);
	if (flow->last_session == session)
		flow->last_session = NULL;
	free(session);
}

static struct flow_session *session_of(struct flow *flow, const struct trace_pdu *pdu)
{
	struct flow_session *session = flow->last_session;
	struct flow_session_key key;

	if (session != NULL && session->key.session == pdu->session &&
	    strcmp(session->key.link, pdu->link) == 0)
		return session;
	memset(&key, 0, sizeof(key));
	memcpy(key.link, pdu->link, strlen(pdu->link));
	key.session = pdu->session;
	HASH_FIND(hh, flow->sessions, &key, sizeof(key), session);
	if (session == NULL) {
		session = calloc(1, sizeof(*session));
		if (session == NULL)
			return NULL;
		if (HASH_COUNT(flow->sessions) >= FLOW_SESSIONS)
			close_session(flow, flow->sessions);
		session->key = key;
		session->id = ++flow->session_count;
		HASH_ADD(hh, flow->sessions, key, sizeof(session->key), session);
	}
	flow->last_session = session;
	return session;
}

/* NULL: its session is over, or it has no part in it. */
static uint32_t *window_of(struct flow *flow, const struct flow_entry *entry)
{
	struct flow_session *session;

	if (!flow_in_window(entry->request.command_id))
		return NULL;

	if (flow->last_session != NULL && flow->last_session->id == entry->key.session)
		return &flow->last_session->open[entry->request.direction];
	for (session = flow->sessions; session != NULL; session = session->hh.next)
		if (session->id == entry->key.session)
			return &session->open[entry->request.direction];
	return NULL;
}

/* ---- open requests ---- */

static struct flow_key key_of(const struct flow_session *session, enum trace_direction direction,
			      uint32_t sequence_number)
{
	struct flow_key key;

	memset(&key, 0, sizeof(key));
	key.session = session->id;
	key.direction = (uint32_t)direction;
	key.sequence_number = sequence_number;
	return key;
}

static struct flow_entry *find_open(const struct flow *flow, const struct flow_key *key)
{
	struct flow_entry *entry;

	HASH_FIND(hh, flow->open, key, sizeof(*key), entry);
	return entry;
}

/* No gap since: its answer would have been seen, and it is in its window. */
static bool is_clear(const struct flow *flow, const struct flow_entry *entry)
{
	return entry->gaps == flow->gaps;
}

/* Out of the open ones, and no longer in its window. The caller owns it. */
static void take_out(struct flow *flow, struct flow_entry *entry)
{
	uint32_t *window = is_clear(flow, entry) ? window_of(flow, entry) : NULL;

	if (window != NULL && *window > 0)
		(*window)--;
	if (flow->next_due == entry)
		flow->next_due = entry->hh.next;
	HASH_DELETE(hh, flow->open, entry);
}

static void tell_unanswered(struct flow *flow, struct flow_entry *entry, enum flow_why why,
			    int64_t at_us)
{
	struct flow_event *event = put(flow, FLOW_UNANSWERED, at_us);
	const uint32_t *window = window_of(flow, entry);

	entry->told = true;
	flow_note_failure(flow, entry);
	if (event == NULL)
		return;
	event->request = &entry->request;
	event->rtt_us = at_us - entry->request.at_us;
	event->window = window != NULL ? *window : 0;
	event->why = why;
}

static void tell_due(struct flow *flow, int64_t now_us)
{
	while (flow->next_due != NULL &&
	       now_us - flow->next_due->request.at_us > flow->unanswered_us) {
		struct flow_entry *entry = flow->next_due;

		flow->next_due = entry->hh.next;
		if (!entry->told)
			tell_unanswered(flow, entry, FLOW_WHY_TIME,
					entry->request.at_us + flow->unanswered_us);
	}
}

static void make_room(struct flow *flow, int64_t now_us)
{
	struct flow_entry *oldest = flow->open;

	if (HASH_COUNT(flow->open) < FLOW_REQUESTS)
		return;
	if (!oldest->told && is_clear(flow, oldest))
		tell_unanswered(flow, oldest, FLOW_WHY_FORGOTTEN, now_us);
	flow->forgotten++;
	take_out(flow, oldest);
	flow_let_go(flow, oldest);
}

void flow_gap(struct flow *flow)
{
	struct flow_session *session;

	flow->gaps++;
	flow->next_due = NULL;
	for (session = flow->sessions; session != NULL; session = session->hh.next) {
		memset(session->open, 0, sizeof(session->open));
		session->heard_us[TRACE_IN] = session->heard_us[TRACE_OUT] = flow->now_us;
	}
}

static void copy_string(char *out, size_t room, struct smpp_octets string)
{
	size_t n = string.n < room - 1 ? string.n : room - 1;

	if (n > 0)
		memcpy(out, string.at, n);
	out[n] = '\0';
}

static void remember(struct flow_request *request, const struct trace_pdu *pdu,
		     const struct smpp_pdu *fields)
{
	request->number = pdu->number;
	request->at_us = pdu->at_us;
	request->session = pdu->session;
	memcpy(request->link, pdu->link, strlen(pdu->link) + 1);
	request->direction = pdu->direction;
	request->command_id = fields->command_id;
	request->sequence_number = fields->sequence_number;
	copy_string(request->from, sizeof(request->from), fields->source_addr);
	copy_string(request->to, sizeof(request->to), fields->destination_addr);
	copy_string(request->message, sizeof(request->message), smpp_octets_of(pdu->message));
}

/* The request whose number is used again before its answer; NULL: none. */
static struct flow_entry *open_request(struct flow *flow, struct flow_session *session,
				       struct flow_event *event)
{
	struct flow_key key =
		key_of(session, event->pdu->direction, event->fields->sequence_number);
	struct flow_entry *before = find_open(flow, &key);
	struct flow_entry *entry = calloc(1, sizeof(*entry));

	if (before != NULL) {
		take_out(flow, before);
		flow_let_go(flow, before);
	}
	if (entry == NULL)
		return before; /* its answer will be told as unasked */
	entry->key = key;
	entry->gaps = flow->gaps;
	remember(&entry->request, event->pdu, event->fields);
	if (flow_is_submit(event->fields->command_id))
		flow_submit(flow, session, entry, event);
	HASH_ADD(hh, flow->open, key, sizeof(entry->key), entry);
	if (flow->next_due == NULL)
		flow->next_due = entry;
	session->heard_us[event->pdu->direction] = event->at_us;
	session->open[event->pdu->direction] += flow_in_window(entry->request.command_id);
	/* Facts are of a few of the PDUs that passed: how many were open they say themselves. */
	event->window = event->pdu->facts ? event->pdu->facts->in_flight :
					    session->open[event->pdu->direction];
	return before;
}

const struct flow_entry *flow_open_hashed(const struct flow *flow, uint64_t hash)
{
	const struct flow_entry *entry = flow->open;

	while (entry != NULL && entry->hash != hash)
		entry = entry->hh.next;
	return entry;
}

/* ---- answers ---- */

static void answer(struct flow *flow, struct flow_session *session, struct flow_event *event)
{
	static const enum trace_direction asked[] = {
		[TRACE_UNKNOWN] = TRACE_UNKNOWN,
		[TRACE_IN] = TRACE_OUT,
		[TRACE_OUT] = TRACE_IN,
	};
	const struct smpp_pdu *fields = event->fields;
	struct flow_key key =
		key_of(session, asked[event->pdu->direction], fields->sequence_number);
	struct flow_entry *entry = find_open(flow, &key);

	event->pairing = FLOW_PAIR_UNASKED;
	if (entry == NULL || (fields->command_id != SMPP_generic_nack &&
			      fields->command_id != (entry->request.command_id | SMPP_RESP_BIT)))
		return;
	take_out(flow, entry);
	entry->request.answered_us = event->at_us;
	entry->request.command_status = fields->command_status;
	event->pairing = FLOW_PAIR_ANSWER;
	event->request = &entry->request;
	event->rtt_us = event->at_us - entry->request.at_us;
	event->late = entry->told;
	if (event->pdu->facts == NULL) {
		event->held_us = event->at_us - session->heard_us[key.direction];
		session->heard_us[key.direction] = event->at_us;
		event->window = session->open[key.direction];
	} else if (event->pdu->facts->rtt_us >= 0) {
		event->rtt_us = event->pdu->facts->rtt_us;
	}
	if (!flow_is_submit(entry->request.command_id) ||
	    !flow_answered(flow, session, entry, event))
		flow_let_go(flow, entry);
}

/* ---- PDUs ---- */

/* What it says, from its octets or as it is told. */
static void read_pdu(struct flow *flow, const struct trace_pdu *pdu, struct flow_event *event)
{
	struct smpp_problem problem;

	event->pdu = pdu;
	if (pdu->facts != NULL) {
		event->fields = &pdu->facts->pdu;
		event->receipt = &pdu->facts->receipt;
		event->part = &pdu->facts->part;
		return;
	}
	smpp_pdu_init(&flow->fields, 0, 0);
	event->error = smpp_pdu_decode(pdu->octets, pdu->n, &flow->fields, &problem);
	smpp_receipt_parse(&flow->fields, NULL, &flow->receipt);
	smpp_concat_info(&flow->fields, &flow->part);
	event->fields = &flow->fields;
	event->receipt = &flow->receipt;
	event->part = &flow->part;
}

static void on_pdu(struct flow *flow, const struct trace_pdu *pdu)
{
	struct flow_session *session = session_of(flow, pdu);
	struct flow_entry *before = NULL;
	struct flow_event *event;
	const struct smpp_command *command;

	make_room(flow, pdu->at_us);
	event = put(flow, FLOW_PDU, pdu->at_us);
	if (event == NULL)
		return;
	read_pdu(flow, pdu, event);
	if (event->error == SMPP_EFRAME || session == NULL)
		return;
	command = smpp_command(event->fields->command_id);
	if (event->fields->command_id & SMPP_RESP_BIT)
		answer(flow, session, event);
	else if (command != NULL && smpp_command_resp(command) != NULL)
		before = open_request(flow, session, event);
	if (event->receipt->kind != SMPP_RECEIPT_NOT)
		flow_join_receipt(flow, event);
	if (event->part->total > 1 &&
	    (pdu->facts == NULL || flow_is_submit(event->fields->command_id)))
		flow_join_part(flow, event);
	/*
	 * Last: the event may have moved. Where nobody knows the direction, as of what was pasted, the
	 * numbers of both ends stand in one table, and the same one twice says nothing.
	 */
	if (before != NULL && !before->told && is_clear(flow, before) &&
	    pdu->direction != TRACE_UNKNOWN)
		tell_unanswered(flow, before, FLOW_WHY_REUSED, pdu->at_us);
}

static void on_note(struct flow *flow, const struct trace_pdu *pdu)
{
	struct flow_event *event = put(flow, FLOW_NOTE, pdu->at_us);

	if (event != NULL)
		event->pdu = pdu;
}

/* The daemon, which has clocks of its own, waits no longer for an answer. */
static void on_given_up(struct flow *flow, const struct trace_pdu *pdu)
{
	const struct flow_session *session = session_of(flow, pdu);
	struct flow_entry *entry = NULL;
	struct flow_key key;

	if (session != NULL) {
		key = key_of(session, pdu->direction, pdu->facts->pdu.sequence_number);
		entry = find_open(flow, &key);
	}
	if (entry == NULL || entry->told) {
		on_note(flow, pdu);
		return;
	}
	if (flow->next_due == entry)
		flow->next_due = entry->hh.next;
	tell_unanswered(flow, entry, FLOW_WHY_GIVEN_UP, pdu->at_us);
	if (flow->event_count > 0)
		flow->events[flow->event_count - 1].note = pdu->note;
}

/* Nobody answers any more whom this end has left. */
static void on_end(struct flow *flow, const struct trace_pdu *pdu)
{
	struct flow_session *session = session_of(flow, pdu);
	struct flow_event *event = put(flow, FLOW_CLOSED, pdu->at_us);

	if (event != NULL)
		event->pdu = pdu;
	if (session == NULL)
		return;
	for (struct flow_entry *entry = flow->next_due; entry != NULL; entry = entry->hh.next)
		if (!entry->told && entry->key.session == session->id &&
		    (pdu->kind == TRACE_RST || entry->request.direction != pdu->direction))
			tell_unanswered(flow, entry, FLOW_WHY_CLOSED, pdu->at_us);
	session->ends++;
	if (pdu->kind == TRACE_RST || session->ends == 2)
		close_session(flow, session);
}

typedef void flow_on_fn(struct flow *flow, const struct trace_pdu *pdu);

void flow_add(struct flow *flow, const struct trace_pdu *pdu)
{
	static flow_on_fn *const on[] = {
		[TRACE_PDU] = on_pdu,	[TRACE_FIN] = on_end,		[TRACE_RST] = on_end,
		[TRACE_NOTE] = on_note, [TRACE_GIVEN_UP] = on_given_up,
	};

	forget_events(flow);
	flow->now_us = pdu->at_us;
	tell_due(flow, pdu->at_us);
	if (pdu->dropped > 0)
		flow_gap(flow);
	on[pdu->kind](flow, pdu);
}

void flow_pass(struct flow *flow, int64_t now_us)
{
	forget_events(flow);
	if (now_us > flow->now_us)
		flow->now_us = now_us;
	tell_due(flow, flow->now_us);
}

int64_t flow_due_us(const struct flow *flow)
{
	return flow->next_due != NULL ? flow->next_due->request.at_us + flow->unanswered_us + 1 :
					INT64_MAX;
}

void flow_end(struct flow *flow)
{
	forget_events(flow);
	for (struct flow_entry *entry = flow->next_due; entry != NULL; entry = entry->hh.next)
		if (!entry->told)
			tell_unanswered(flow, entry, FLOW_WHY_END, flow->now_us);
	flow->next_due = NULL;
}

void flow_free(struct flow *flow)
{
	struct flow_entry *entry, *next;
	struct flow_session *session, *next_session;

	if (flow == NULL)
		return;
	free_gone(flow);
	HASH_ITER(hh, flow->open, entry, next) {
		HASH_DELETE(hh, flow->open, entry);
		free(entry);
	}
	HASH_ITER(hh, flow->sessions, session, next_session) {
		HASH_DEL(flow->sessions, session);
		free(session);
	}
	flow_join_release(flow);
	free(flow->events);
	free(flow);
}

bool flow_in_window(uint32_t command_id)
{
	return command_id != SMPP_bind_transceiver && command_id != SMPP_bind_transmitter &&
	       command_id != SMPP_bind_receiver && command_id != SMPP_enquire_link &&
	       command_id != SMPP_unbind;
}

bool flow_is_submit(uint32_t command_id)
{
	return command_id == SMPP_submit_sm || command_id == SMPP_data_sm ||
	       command_id == SMPP_submit_multi;
}
