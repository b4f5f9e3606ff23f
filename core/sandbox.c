/* The carrier inside the daemon: see core/sandbox.h. */
#include "core/sandbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "core/heap.h"
#include "core/outcome.h"
#include "smpp/receipt.h"
#include "smpp/session.h"
#include "smpp/status.h"
#include "smpp/time.h"

#define OF_SANDBOX     (UINT64_C(1) << 63) /* in the ids of connections; a port counts from 1 */
#define EARLY_LEAD_MS  50		   /* an early receipt is so long before its response */
#define AGAIN_MS       5000		   /* a receipt that was not answered with OK goes again */
#define WINDOW	       1000		   /* receipts without an answer */
#define ADDRESS_OCTETS 21		   /* with NUL; SMPP 3.4, 5.2.8 */
#define DATE_OCTETS    10		   /* of an absolute time: YYMMDDhhmm (Appendix B) */
#define ID_OCTETS      17		   /* 16 hex digits and a NUL */
#define DELIVERED      2		   /* 5.2.28 */
#define PAY_MAX	       64		   /* answers and receipts before an event */
#define CHUNK	       65536

/* An answer, or a receipt, that is to be sent at its time. */
struct owed {
	uint64_t connection; /* an answer's: it goes nowhere else. 0: a receipt */
	uint32_t sequence_number, status;
	uint64_t id;
	int64_t taken_at_ms; /* wall clock */
	uint8_t message_state;
	enum outcome_kind kind;
	uint8_t source_ton, source_npi, dest_ton, dest_npi;
	char source[ADDRESS_OCTETS], destination[ADDRESS_OCTETS];
};

struct due {
	int64_t due_ms;
	uint64_t serial; /* of one time the first owed goes first */
	struct owed *owed;
};

struct connection {
	struct connection *next;
	uint64_t id;
	struct smpp_session *session;
	uint64_t taken;	     /* octets */
	uint64_t told;	     /* of these, by SENT */
	bool up;	     /* told */
	bool bound, stirred; /* the session may have something to say */
	bool paused;
	bool closed; /* by the link */
	bool gone;   /* by us */
};

struct refused {
	uint64_t segment; /* its hash */
	UT_hash_handle hh;
};

struct sandbox {
	struct port *port;
	struct connection *connections;
	uint64_t connections_made, serial;
	struct heap due;
	struct refused *refused; /* once, and not submitted again yet */
	struct outcome_mix mix;
	int64_t answer_ms, receipt_ms, late_ms;
	uint8_t octets[CHUNK]; /* of the last OCTETS */
};

/* ---- what is owed ---- */

static bool before(const void *left, const void *right)
{
	const struct due *a = left, *b = right;
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->serial < b->serial;
}

/* Takes it over. Without memory it is never sent, and its message waits for a deadline. */
static void owe(struct sandbox *sandbox, struct owed *owed, int64_t due_ms)
{
	struct due due = { due_ms, sandbox->serial++, owed };
	if (!heap_push(&sandbox->due, &due))
		free(owed);
}

static void owe_copy(struct sandbox *sandbox, const struct owed *owed, int64_t due_ms)
{
	struct owed *copy = malloc(sizeof(*copy));
	if (!copy)
		return;
	*copy = *owed;
	owe(sandbox, copy, due_ms);
}

static struct connection *find(const struct sandbox *sandbox, uint64_t id)
{
	struct connection *connection = sandbox->connections;
	while (connection && connection->id != id)
		connection = connection->next;
	return connection && !connection->closed ? connection : NULL;
}

static struct connection *some_bound(const struct sandbox *sandbox)
{
	struct connection *connection = sandbox->connections;
	while (connection && (!connection->bound || connection->closed || connection->gone))
		connection = connection->next;
	return connection;
}

static void respond(struct connection *connection, uint32_t command_id, uint32_t sequence_number,
		    uint32_t status, const char *id)
{
	struct smpp_pdu pdu;
	smpp_pdu_init(&pdu, command_id, sequence_number);
	pdu.command_status = status;
	if (id)
		pdu.message_id = smpp_octets_of(id);
	else
		pdu.body_absent = true; /* SMPP 3.4, 4.4.2 */
	connection->stirred = true;
	if (smpp_session_respond(connection->session, &pdu) != SMPP_SESSION_OK)
		smpp_session_leave_unanswered(connection->session);
}

static void write_id(uint64_t id, char out[ID_OCTETS])
{
	snprintf(out, ID_OCTETS, "%016" PRIx64, id);
}

static void answer(struct sandbox *sandbox, const struct owed *owed)
{
	struct connection *connection = find(sandbox, owed->connection);
	char id[ID_OCTETS];
	write_id(owed->id, id);
	if (connection)
		respond(connection, SMPP_submit_sm_resp, owed->sequence_number, owed->status,
			owed->status ? NULL : id);
}

/* Its text as Appendix B words it. */
static void write_text(const struct sandbox *sandbox, const struct owed *owed, const char *id,
		       char *text, size_t octets)
{
	char taken[SMPP_TIME_OCTETS], done[SMPP_TIME_OCTETS];
	if (smpp_time_absolute(owed->taken_at_ms, taken) != SMPP_TIME_OK ||
	    smpp_time_absolute(port_wall_ms(sandbox->port), done) != SMPP_TIME_OK)
		taken[0] = done[0] = '\0';
	snprintf(text, octets,
		 "id:%s sub:001 dlvrd:00%d submit date:%.*s done date:%.*s stat:%s err:%s text:",
		 id, owed->message_state == DELIVERED, DATE_OCTETS, taken, DATE_OCTETS, done,
		 smpp_receipt_word(owed->message_state), outcome_kind_err(owed->kind));
}

static bool request_receipt(struct sandbox *sandbox, struct connection *connection,
			    struct owed *owed)
{
	struct smpp_pdu pdu;
	char id[ID_OCTETS], text[200];
	write_id(owed->id, id);
	write_text(sandbox, owed, id, text, sizeof(text));
	smpp_pdu_init(&pdu, SMPP_deliver_sm, 0);
	pdu.esm_class = 0x04; /* 5.2.12: SMSC delivery receipt */
	pdu.source_addr_ton = owed->dest_ton;
	pdu.source_addr_npi = owed->dest_npi;
	pdu.source_addr = smpp_octets_of(owed->destination);
	pdu.dest_addr_ton = owed->source_ton;
	pdu.dest_addr_npi = owed->source_npi;
	pdu.destination_addr = smpp_octets_of(owed->source);
	pdu.short_message = smpp_octets_of(text);
	struct smpp_octets receipted = { (const uint8_t *)id, sizeof(id) };
	return smpp_pdu_tlv_add(&pdu, SMPP_TLV_receipted_message_id, receipted) == SMPP_OK &&
	       smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_message_state, owed->message_state) == SMPP_OK &&
	       smpp_session_request(connection->session, &pdu, (uint64_t)(uintptr_t)owed,
				    port_now_ms(sandbox->port)) == SMPP_SESSION_OK;
}

/* Takes it over: from now on the session gives it back by its tag, or it goes again. */
static void send_receipt(struct sandbox *sandbox, struct connection *connection, struct owed *owed)
{
	connection->stirred = true;
	if (!request_receipt(sandbox, connection, owed))
		owe(sandbox, owed, port_now_ms(sandbox->port) + AGAIN_MS);
}

static void receipt_answered(struct sandbox *sandbox, const struct smpp_event *event)
{
	struct owed *owed = (struct owed *)(uintptr_t)event->tag;
	if (event->late)
		return; /* it has gone again, or will */
	if (event->kind == SMPP_EVENT_RESPONSE && !event->command_status)
		free(owed);
	else
		owe(sandbox, owed, event->at_ms + AGAIN_MS);
}

/* What is due, while there is somebody to take it: some of it, for others wait for their turn. */
static void pay(struct sandbox *sandbox, int64_t now_ms)
{
	struct connection *bound;
	for (int i = 0; i < PAY_MAX && sandbox->due.n && (bound = some_bound(sandbox)); i++) {
		struct due due = *(const struct due *)sandbox->due.at;
		if (due.due_ms > now_ms)
			return;
		heap_pop(&sandbox->due);
		if (due.owed->connection) {
			answer(sandbox, due.owed);
			free(due.owed);
		} else {
			send_receipt(sandbox, bound, due.owed);
		}
	}
}

/* ---- submits ---- */

/* What makes two submits the same segment. */
static uint64_t segment_of(const struct smpp_pdu *pdu)
{
	struct smpp_octets text = smpp_pdu_message(pdu);
	uint64_t parts[] = { hash_octets(pdu->source_addr.at, pdu->source_addr.n),
			     hash_octets(pdu->destination_addr.at, pdu->destination_addr.n),
			     hash_octets(text.at, text.n) };
	return hash_octets(parts, sizeof(parts));
}

static bool remember(struct sandbox *sandbox, uint64_t segment)
{
	struct refused *refused = NULL, *added = NULL;
	if (HASH_COUNT(sandbox->refused) < SANDBOX_REFUSED_MAX)
		refused = calloc(1, sizeof(*refused));
	if (!refused)
		return false;
	refused->segment = segment;
	HASH_ADD(hh, sandbox->refused, segment, sizeof(segment), refused);
	HASH_FIND(hh, sandbox->refused, &segment, sizeof(segment), added);
	if (!added)
		free(refused);
	return added;
}

/* Was it refused before? It is asked once. */
static bool recall(struct sandbox *sandbox, uint64_t segment)
{
	struct refused *refused;
	HASH_FIND(hh, sandbox->refused, &segment, sizeof(segment), refused);
	if (!refused)
		return false;
	HASH_DEL(sandbox->refused, refused);
	free(refused);
	return true;
}

/* A first attempt that is refused must be remembered, or it would be refused for ever. */
static struct outcome draw(struct sandbox *sandbox, const struct smpp_pdu *pdu,
			   const char *destination)
{
	struct outcome_subject subject = { .destination = destination, .part = 1 };
	uint64_t segment = segment_of(pdu);
	subject.attempt = recall(sandbox, segment);
	struct outcome outcome = outcome_draw(&sandbox->mix, &subject);
	if (subject.attempt || !outcome.status)
		return outcome;
	subject.attempt = 1;
	struct outcome next = outcome_draw(&sandbox->mix, &subject);
	return next.status || remember(sandbox, segment) ? outcome : next;
}

static void copy_address(char out[ADDRESS_OCTETS], struct smpp_octets address)
{
	memcpy(out, address.at, address.n);
	out[address.n] = '\0';
}

static void owe_receipts(struct sandbox *sandbox, const struct owed *taken,
			 const struct outcome *outcome, int64_t now_ms)
{
	struct owed receipt = *taken;
	int64_t due_ms = now_ms + sandbox->answer_ms;
	receipt.connection = 0;
	switch (outcome->way) {
	case OUTCOME_WAY_LOST:
		return;
	case OUTCOME_WAY_EARLY:
		owe_copy(sandbox, &receipt, now_ms);
		return;
	case OUTCOME_WAY_LATE:
		owe_copy(sandbox, &receipt, due_ms + sandbox->late_ms);
		return;
	case OUTCOME_WAY_TWICE:
		owe_copy(sandbox, &receipt, due_ms + 2 * sandbox->receipt_ms);
		break;
	case OUTCOME_WAY_NORMAL:
	case OUTCOME_WAY_ELSEWHERE: /* there is no other link */
	case OUTCOME_WAYS:
		break;
	}
	owe_copy(sandbox, &receipt, due_ms + sandbox->receipt_ms);
}

static void take(struct sandbox *sandbox, struct connection *connection,
		 const struct smpp_event *event)
{
	const struct smpp_pdu *pdu = event->pdu;
	struct owed owed = { .connection = connection->id,
			     .sequence_number = event->sequence_number,
			     .taken_at_ms = port_wall_ms(sandbox->port),
			     .source_ton = pdu->source_addr_ton,
			     .source_npi = pdu->source_addr_npi,
			     .dest_ton = pdu->dest_addr_ton,
			     .dest_npi = pdu->dest_addr_npi };
	int64_t answer_ms = sandbox->answer_ms;
	copy_address(owed.source, pdu->source_addr);
	copy_address(owed.destination, pdu->destination_addr);
	port_random(sandbox->port, &owed.id, sizeof(owed.id));
	struct outcome outcome = draw(sandbox, pdu, owed.destination);
	owed.kind = outcome.kind;
	owed.status = outcome.status;
	owed.message_state = outcome.message_state;
	bool receipt = outcome_receipt_wanted(&outcome, pdu->registered_delivery);
	if (receipt)
		owe_receipts(sandbox, &owed, &outcome, event->at_ms);
	if (receipt && outcome.way == OUTCOME_WAY_EARLY && answer_ms < EARLY_LEAD_MS)
		answer_ms = EARLY_LEAD_MS;
	if (outcome.answered)
		owe_copy(sandbox, &owed, event->at_ms + answer_ms);
	else
		smpp_session_leave_unanswered(connection->session);
}

/* Why a request is not taken, as a command_status; 0: it is. */
static uint32_t unfit(const struct sandbox *sandbox, const struct smpp_event *event)
{
	if (event->unparsed)
		return event->problem.status;
	if (event->command_id != SMPP_submit_sm)
		return SMPP_ESME_RINVCMDID;
	if (event->pdu->source_addr.n >= ADDRESS_OCTETS)
		return SMPP_ESME_RINVSRCADR;
	if (!event->pdu->destination_addr.n || event->pdu->destination_addr.n >= ADDRESS_OCTETS)
		return SMPP_ESME_RINVDSTADR;
	return sandbox->due.n >= SANDBOX_OWED_MAX ? SMPP_ESME_RMSGQFUL : 0;
}

static void request(struct sandbox *sandbox, struct connection *connection,
		    const struct smpp_event *event)
{
	uint32_t status = unfit(sandbox, event);
	if (status)
		respond(connection, event->command_id | SMPP_RESP_BIT, event->sequence_number,
			status, NULL);
	else
		take(sandbox, connection, event);
}

/* ---- the session ---- */

static void handle(struct sandbox *sandbox, struct connection *connection,
		   const struct smpp_event *event)
{
	switch (event->kind) {
	case SMPP_EVENT_BIND_REQUEST:
		connection->bound = smpp_session_bind_answer(connection->session, 0, "sandbox",
							     0x34, event->at_ms) == SMPP_SESSION_OK;
		return;
	case SMPP_EVENT_REQUEST:
		request(sandbox, connection, event);
		return;
	case SMPP_EVENT_RESPONSE:
	case SMPP_EVENT_TIMEOUT:
	case SMPP_EVENT_UNSENT:
	case SMPP_EVENT_LOST:
		receipt_answered(sandbox, event);
		return;
	case SMPP_EVENT_UNBOUND:
		connection->bound = false;
		return;
	case SMPP_EVENT_CLOSE:
		connection->bound = false;
		connection->gone = true;
		return;
	case SMPP_EVENT_BOUND:
	case SMPP_EVENT_BIND_REFUSED:
	case SMPP_EVENT_OUTBIND:
	case SMPP_EVENT_NOTICE:
	case SMPP_EVENT_ORPHAN_RESPONSE:
	case SMPP_EVENT_PROBLEM:
		return;
	}
}

static void pump(struct sandbox *sandbox, struct connection *connection)
{
	struct smpp_event event;
	while (smpp_session_next(connection->session, &event))
		handle(sandbox, connection, &event);
	connection->stirred = true;
}

/* ---- connections ---- */

bool sandbox_has(uint64_t connection)
{
	return connection & OF_SANDBOX;
}

uint64_t sandbox_open(struct sandbox *sandbox)
{
	struct smpp_session_config config = {
		.role = SMPP_SMSC, .window = WINDOW, .max_pdu = 70000, .response_ms = 60000
	};
	struct connection *connection = calloc(1, sizeof(*connection));
	if (!connection)
		return 0;
	connection->session = smpp_session_new(&config);
	if (!connection->session ||
	    smpp_session_up(connection->session, port_now_ms(sandbox->port)) != SMPP_SESSION_OK) {
		smpp_session_free(connection->session);
		free(connection);
		return 0;
	}
	connection->id = ++sandbox->connections_made | OF_SANDBOX;
	connection->next = sandbox->connections;
	sandbox->connections = connection;
	return connection->id;
}

size_t sandbox_write(struct sandbox *sandbox, uint64_t id, const uint8_t *octets, size_t n)
{
	struct connection *connection = find(sandbox, id);
	if (!connection || connection->gone)
		return 0;
	if (smpp_session_feed(connection->session, octets, n, port_now_ms(sandbox->port)) !=
	    SMPP_SESSION_OK) {
		connection->gone = true;
		return 0;
	}
	connection->taken += n;
	pump(sandbox, connection);
	return n;
}

void sandbox_pause(struct sandbox *sandbox, uint64_t id, bool paused)
{
	struct connection *connection = find(sandbox, id);
	if (connection)
		connection->paused = paused;
}

void sandbox_close(struct sandbox *sandbox, uint64_t id)
{
	struct connection *connection = find(sandbox, id);
	if (connection)
		connection->closed = true;
}

/* Receipts that were on their way are owed again. */
static void end(struct sandbox *sandbox, struct connection *connection)
{
	struct connection **place = &sandbox->connections;
	while (*place != connection)
		place = &(*place)->next;
	*place = connection->next;
	smpp_session_down(connection->session, port_now_ms(sandbox->port));
	pump(sandbox, connection);
	smpp_session_free(connection->session);
	free(connection);
}

/* ---- events ---- */

static bool has_news(const struct connection *connection)
{
	return !connection->up || connection->told < connection->taken || connection->closed ||
	       connection->gone || (connection->stirred && !connection->paused);
}

/* Copied out, for the session may move them. */
static size_t put_out(struct sandbox *sandbox, struct connection *connection, int64_t now_ms)
{
	struct smpp_output out;
	size_t n = smpp_session_output(connection->session, now_ms, &out);
	if (n > CHUNK)
		n = CHUNK;
	if (n)
		memcpy(sandbox->octets, out.at, n);
	smpp_session_wrote(connection->session, n);
	connection->stirred = n;
	return n;
}

/* What the link is told next by this connection, which ends behind its DOWN. */
static bool tell(struct sandbox *sandbox, struct connection *connection, int64_t now_ms,
		 struct port_event *event)
{
	*event = (struct port_event){ .link = connection->id,
				      .at_ms = now_ms,
				      .peer = "sandbox",
				      .octets = sandbox->octets,
				      .sent_octets = connection->taken };
	if (!connection->up) {
		event->kind = PORT_UP;
		connection->up = true;
	} else if (connection->told < connection->taken) {
		event->kind = PORT_SENT;
		connection->told = connection->taken;
	} else if (!connection->closed && !connection->paused &&
		   (event->n = put_out(sandbox, connection, now_ms))) {
		event->kind = PORT_OCTETS;
	} else if (connection->closed || connection->gone) {
		event->kind = PORT_DOWN;
		event->reason = connection->closed ? PORT_DOWN_OURS : PORT_DOWN_EOF;
		event->text = "closed";
		end(sandbox, connection);
	} else {
		return false;
	}
	return true;
}

static bool tell_one(struct sandbox *sandbox, int64_t now_ms, struct port_event *event)
{
	for (struct connection *connection = sandbox->connections; connection;
	     connection = connection->next)
		if (has_news(connection) && tell(sandbox, connection, now_ms, event))
			return true;
	return false;
}

bool sandbox_next(struct sandbox *sandbox, struct port_event *event)
{
	int64_t now_ms = port_now_ms(sandbox->port);
	struct connection *connection = sandbox->connections;
	for (; connection; connection = connection->next) {
		if (smpp_session_deadline(connection->session) > now_ms)
			continue;
		smpp_session_tick(connection->session, now_ms);
		pump(sandbox, connection);
	}
	if (tell_one(sandbox, now_ms, event))
		return true;
	pay(sandbox, now_ms);
	return tell_one(sandbox, now_ms, event);
}

int64_t sandbox_deadline(const struct sandbox *sandbox)
{
	int64_t due_ms = INT64_MAX;
	if (sandbox->due.n && some_bound(sandbox))
		due_ms = ((const struct due *)sandbox->due.at)->due_ms;
	for (const struct connection *connection = sandbox->connections; connection;
	     connection = connection->next) {
		int64_t timer_ms = smpp_session_deadline(connection->session);
		if (has_news(connection))
			return 0;
		if (timer_ms < due_ms)
			due_ms = timer_ms;
	}
	return due_ms;
}

bool sandbox_owes(const struct sandbox *sandbox)
{
	return sandbox->due.n;
}

/* ---- life ---- */

struct sandbox *sandbox_new(struct port *port)
{
	struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
	if (!sandbox)
		return NULL;
	sandbox->port = port;
	sandbox->due = (struct heap){ .before = before, .entry_octets = sizeof(struct due) };
	outcome_mix_init(&sandbox->mix);
	return sandbox;
}

void sandbox_tune(struct sandbox *sandbox, const struct config_sandbox *config)
{
	sandbox->answer_ms = config->answer_after_ms;
	sandbox->receipt_ms = config->receipt_after_ms;
	sandbox->late_ms = config->late_after_ms;
}

void sandbox_free(struct sandbox *sandbox)
{
	struct refused *refused, *next;
	if (!sandbox)
		return;
	while (sandbox->connections)
		end(sandbox, sandbox->connections);
	for (size_t i = 0; i < sandbox->due.n; i++)
		free(((const struct due *)sandbox->due.at)[i].owed);
	heap_free(&sandbox->due);
	HASH_ITER(hh, sandbox->refused, refused, next) {
		HASH_DEL(sandbox->refused, refused);
		free(refused);
	}
	free(sandbox);
}
