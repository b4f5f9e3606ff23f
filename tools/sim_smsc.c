/*
 * The links of smsc-sim, their binds and their turn; tools/sim_smsc.h draws how the parts meet.
 */
#include "tools/sim_smsc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "smpp/status.h"
#include "tools/sim_receipt.h"

/* The peer's patience is what is tested, so ours is long. */
#define SESSION_INIT_MS	       30000u
#define ENQUIRE_LINK_IDLE_MS   60000u
#define ENQUIRE_LINK_ANSWER_MS 30000u
#define READ_PDU_MS	       30000u
#define UNBIND_MS	       1000u

#define SYSTEM_ID "smsc-sim"

static void say(const struct sim_smsc *smsc, const struct sim_link *link, const char *what,
		const char *detail)
{
	if (!smsc->options->quiet)
		fprintf(stderr, "smsc-sim: link %u %s%s%s\n", link->number, what,
			detail[0] == '\0' ? "" : ": ", detail);
}

void sim_smsc_init(struct sim_smsc *smsc, struct port *port, struct sim_log *log,
		   const struct sim_options *options, struct sim_script script)
{
	*smsc = (struct sim_smsc){ .port = port,
				   .log = log,
				   .options = options,
				   .script = script,
				   .started_ms = port_now_ms(port) };
	if (!sim_receipt_shape(&smsc->shape, options->receipt_shape))
		assert(!"the options have a shape that there is");
	smsc->next_id = options->first_id;
	/* Microseconds since 1970: less than a million ids a second, and no restart repeats one. */
	if (smsc->next_id == 0)
		smsc->next_id = (uint64_t)port_wall_ms(port) * 1000;
}

/* ---- links ---- */

struct sim_link *sim_smsc_origin(const struct sim_smsc *smsc, const struct sim_message *message)
{
	struct sim_link *link = smsc->slots[message->slot];

	return link != NULL && link->number == message->link ? link : NULL;
}

struct sim_link *sim_smsc_link(const struct sim_smsc *smsc, uint64_t id)
{
	struct sim_link *link;

	HASH_FIND(hh, smsc->by_id, &id, sizeof(id), link);
	return link;
}

static struct smpp_session *new_session(const struct sim_options *options)
{
	struct smpp_session_config config = {
		.role = SMPP_SMSC,
		.system_id = SYSTEM_ID,
		.interface_version = 0x34,
		.window = options->receipt_window,
		.max_pdu = SMPP_MAX_PDU_OCTETS,
		.enquire_link_idle_ms = ENQUIRE_LINK_IDLE_MS,
		.enquire_link_answer_ms = ENQUIRE_LINK_ANSWER_MS,
		.response_ms = options->answer_ms,
		.read_pdu_ms = READ_PDU_MS,
		.unbind_ms = UNBIND_MS,
		.session_init_ms = SESSION_INIT_MS,
		.inactivity_ms = options->inactivity_ms,
	};

	return smpp_session_new(&config);
}

static struct sim_link *new_link(struct sim_smsc *smsc, const struct port_event *event)
{
	struct sim_link *link = calloc(1, sizeof(*link));
	uint16_t slot = 0;

	while (slot < SIM_LINKS_MAX && smsc->slots[slot] != NULL)
		slot++;
	if (link == NULL || slot == SIM_LINKS_MAX) {
		free(link);
		return NULL;
	}
	link->session = new_session(smsc->options);
	link->matched = calloc(smsc->script.count + 1, sizeof(*link->matched));
	if (link->session == NULL || link->matched == NULL ||
	    smpp_session_up(link->session, event->at_ms) != SMPP_SESSION_OK) {
		smpp_session_free(link->session);
		free(link->matched);
		free(link);
		return NULL;
	}
	link->id = event->link;
	link->number = ++smsc->links_made;
	link->slot = slot;
	link->account = SIM_ACCOUNTS_MAX;
	smsc->slots[slot] = link;
	if (smsc->slots_used <= slot)
		smsc->slots_used = slot + 1u;
	HASH_ADD(hh, smsc->by_id, id, sizeof(link->id), link);
	return link;
}

static void free_link(struct sim_smsc *smsc, struct sim_link *link)
{
	HASH_DEL(smsc->by_id, link);
	smsc->slots[link->slot] = NULL;
	while (smsc->slots_used > 0 && smsc->slots[smsc->slots_used - 1] == NULL)
		smsc->slots_used--;
	smpp_session_free(link->session);
	sim_wire_clear(&link->wire);
	free(link->matched);
	free(link);
}

void sim_smsc_release(struct sim_smsc *smsc)
{
	while (smsc->slots_used > 0)
		free_link(smsc, smsc->slots[smsc->slots_used - 1]);
	sim_verbs_release(smsc);
	sim_messages_release(&smsc->messages);
	sim_attempts_release(&smsc->attempts);
	sim_due_release(&smsc->due);
	sim_act_release(smsc);
	sim_script_release(&smsc->script);
	sim_pdu_release(&smsc->shape);
}

/* ---- messages ---- */

void sim_smsc_plan(struct sim_smsc *smsc, int64_t due_ms, enum sim_action action, uint32_t index)
{
	if (sim_due_push(&smsc->due, due_ms, index << SIM_ACTION_BITS | (uint32_t)action))
		return;
	fputs("smsc-sim: out of memory\n", stderr);
	exit(1);
}

void sim_smsc_finish(struct sim_smsc *smsc, uint32_t index)
{
	const struct sim_message *message = sim_message_at(&smsc->messages, index);

	if (message->to_answer || message->in_flight || message->waiting)
		return;
	sim_verbs_settled(smsc, message);
	sim_message_free(&smsc->messages, index);
}

static void do_due(struct sim_smsc *smsc, int64_t now_ms)
{
	static void (*const actions[])(struct sim_smsc *, uint32_t) = {
		[SIM_ANSWER] = sim_submit_answer,
		[SIM_DELIVER] = sim_delivery_queue,
		[SIM_STEP] = sim_act_due,
	};
	uint32_t what;

	while (sim_due_pop(&smsc->due, now_ms, &what))
		actions[what & ((1u << SIM_ACTION_BITS) - 1)](smsc, what >> SIM_ACTION_BITS);
}

/* ---- binds ---- */

static uint16_t find_account(struct sim_smsc *smsc, struct smpp_octets system_id, int64_t now_ms)
{
	struct sim_account *account;
	uint32_t i;

	for (i = 0; i < smsc->account_count; i++)
		if (smpp_octets_equal(smpp_octets_of(smsc->accounts[i].system_id), system_id))
			return (uint16_t)i;
	if (i == SIM_ACCOUNTS_MAX)
		return SIM_ACCOUNTS_MAX;
	account = &smsc->accounts[smsc->account_count++];
	memcpy(account->system_id, system_id.at, system_id.n);
	account->system_id[system_id.n] = '\0';
	account->first = SIM_NO_MESSAGE;
	account->tokens = (int64_t)smsc->options->burst * 1000;
	account->refilled_ms = now_ms;
	return (uint16_t)i;
}

static bool differs(const char *wanted, struct smpp_octets given)
{
	return wanted != NULL && !smpp_octets_equal(smpp_octets_of(wanted), given);
}

static uint32_t links_of(const struct sim_smsc *smsc, uint16_t account)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < smsc->slots_used; i++)
		n += smsc->slots[i] != NULL && smsc->slots[i]->account == account;
	return n;
}

/* The status a bind is answered with; 0 gives the link its account. */
static uint32_t judge_bind(struct sim_smsc *smsc, struct sim_link *link,
			   const struct smpp_event *event)
{
	const struct smpp_pdu *pdu = event->pdu;

	if (event->unparsed)
		return event->problem.status;
	if (smsc->wish.status != 0)
		return smsc->wish.status;
	if (differs(smsc->options->system_id, pdu->system_id) ||
	    pdu->system_id.n >= sizeof(smsc->accounts[0].system_id))
		return SMPP_ESME_RINVSYSID;
	if (differs(smsc->options->password, pdu->password))
		return SMPP_ESME_RINVPASWD;
	link->account = find_account(smsc, pdu->system_id, event->at_ms);
	if (link->account == SIM_ACCOUNTS_MAX)
		return SMPP_ESME_RBINDFAIL;
	if (smsc->options->links != 0 && links_of(smsc, link->account) > smsc->options->links) {
		link->account = SIM_ACCOUNTS_MAX;
		return SMPP_ESME_RALYBND;
	}
	return SMPP_ESME_ROK;
}

static void on_bind(struct sim_smsc *smsc, struct sim_link *link, const struct smpp_event *event)
{
	uint32_t status = judge_bind(smsc, link, event);

	if (smpp_session_bind_answer(link->session, status, SYSTEM_ID,
				     smsc->options->sc_interface_version,
				     event->at_ms) != SMPP_SESSION_OK)
		return;
	if (status != 0) {
		say(smsc, link, "was refused its bind", smpp_status(status).meaning);
		return;
	}
	link->receives = event->command_id != SMPP_bind_transmitter;
	link->takes_tlvs = event->pdu->interface_version >= 0x34;
	say(smsc, link, "bound", smsc->accounts[link->account].system_id);
	sim_act(smsc, link, SIM_BOUND, NULL);
}

/* ---- events of a session ---- */

void sim_smsc_count(uint64_t counts[SMPP_N_COMMANDS + 1], uint32_t command_id)
{
	const struct smpp_command *command = smpp_command(command_id);

	counts[command == NULL ? SMPP_N_COMMANDS : command - smpp_commands]++;
}

static void note_in(struct sim_smsc *smsc, const struct sim_link *link,
		    const struct smpp_event *event)
{
	if (event->octets == NULL || event->octets_n < SMPP_HEADER_OCTETS)
		return;
	sim_smsc_count(smsc->stats.in, event->command_id);
	sim_log_pdu(smsc->log, link->number, event->at_ms, 0, event->octets, event->octets_n);
}

static void on_session_event(struct sim_smsc *smsc, struct sim_link *link,
			     const struct smpp_event *event)
{
	note_in(smsc, link, event);
	if (smsc->options->strict)
		sim_strict_event(smsc, link, event);
	if (event->pdu != NULL && smsc->script.count > 0)
		sim_act(smsc, link, SIM_PDU_CAME, event);
	switch (event->kind) {
	case SMPP_EVENT_BIND_REQUEST:
		on_bind(smsc, link, event);
		break;
	case SMPP_EVENT_REQUEST:
		if (event->command_id == SMPP_submit_sm || event->command_id == SMPP_data_sm)
			sim_submit_take(smsc, link, event);
		else if (smsc->wish.status != 0 || !sim_verbs_take(smsc, link, event))
			sim_submit_decline(smsc, link, event);
		break;
	case SMPP_EVENT_RESPONSE:
	case SMPP_EVENT_TIMEOUT:
	case SMPP_EVENT_UNSENT:
	case SMPP_EVENT_LOST:
		if (event->tag != SIM_TAG_SCRIPT && !sim_inbound_verdict(smsc, event))
			sim_delivery_verdict(smsc, link, event);
		break;
	case SMPP_EVENT_PROBLEM:
		say(smsc, link, "sent a bad PDU", event->problem.text);
		break;
	case SMPP_EVENT_UNBOUND:
		link->receives = false;
		break;
	case SMPP_EVENT_CLOSE:
		link->closing = true;
		say(smsc, link, "is closed", smpp_session_close_text(event->close));
		break;
	case SMPP_EVENT_BOUND:
	case SMPP_EVENT_BIND_REFUSED:
	case SMPP_EVENT_OUTBIND:
	case SMPP_EVENT_NOTICE:
	case SMPP_EVENT_ORPHAN_RESPONSE:
		break;
	}
}

static void pull(struct sim_smsc *smsc, struct sim_link *link)
{
	struct smpp_event event;

	while (smpp_session_next(link->session, &event))
		on_session_event(smsc, link, &event);
}

/* ---- events of the port ---- */

static void on_up(struct sim_smsc *smsc, const struct port_event *event)
{
	struct sim_link *link = new_link(smsc, event);
	struct json_writer writer;

	if (link == NULL) {
		port_abort(smsc->port, event->link);
		return;
	}
	say(smsc, link, "up from", event->peer);
	if (sim_log_wanted(smsc->log)) {
		writer = sim_log_begin(smsc->log, "up", event->at_ms);
		json_add_uint(&writer, "link", link->number);
		json_add_text(&writer, "peer", event->peer);
		sim_log_end(smsc->log, &writer);
	}
	sim_act(smsc, link, SIM_CONNECTED, NULL);
}

static void log_octets(struct sim_smsc *smsc, const char *what, const struct sim_link *link,
		       const struct port_event *event)
{
	struct json_writer writer;

	if (!sim_log_wanted(smsc->log))
		return;
	writer = sim_log_begin(smsc->log, what, event->at_ms);
	json_add_uint(&writer, "link", link->number);
	json_add_uint(&writer, "sent_octets", event->sent_octets);
	if (event->kind == PORT_DOWN)
		json_add_text(&writer, "reason", port_down_name(event->reason));
	sim_log_end(smsc->log, &writer);
}

static void on_down(struct sim_smsc *smsc, struct sim_link *link, const struct port_event *event)
{
	smpp_session_down(link->session, event->at_ms);
	link->receives = false;
	pull(smsc, link);
	say(smsc, link, "down", port_down_name(event->reason));
	log_octets(smsc, "down", link, event);
	if (link->account != SIM_ACCOUNTS_MAX) {
		smsc->accounts[link->account].down_ms = event->at_ms;
		smsc->accounts[link->account].went_down = true;
	}
	free_link(smsc, link);
}

void sim_smsc_event(struct sim_smsc *smsc, const struct port_event *event)
{
	struct sim_link *link = sim_smsc_link(smsc, event->link);

	if (event->kind == PORT_UP) {
		on_up(smsc, event);
		return;
	}
	if (link == NULL)
		return;
	switch (event->kind) {
	case PORT_OCTETS:
		if (smpp_session_feed(link->session, event->octets, event->n, event->at_ms) !=
		    SMPP_SESSION_OK)
			port_abort(smsc->port, link->id);
		pull(smsc, link);
		break;
	case PORT_SENT:
		link->wire.sent_octets = event->sent_octets;
		log_octets(smsc, "sent", link, event);
		break;
	case PORT_DOWN:
		on_down(smsc, link, event);
		break;
	case PORT_UP:
	case PORT_SIGNAL:
		break;
	}
}

/* ---- the turn ---- */

/* Octets to the link, and its reading as session and script want it. */
static void write_output(struct sim_smsc *smsc, struct sim_link *link, int64_t now_ms)
{
	bool wants = sim_wire_reads(&link->wire, now_ms) && smpp_session_wants_input(link->session);

	if (link->closing)
		link->wire.ending = SIM_CLOSES;
	sim_wire_write(smsc, link, now_ms);
	if (wants == link->paused) {
		link->paused = !wants;
		if (wants)
			port_resume(smsc->port, link->id);
		else
			port_pause(smsc->port, link->id);
	}
}

void sim_smsc_turn(struct sim_smsc *smsc)
{
	int64_t now_ms = port_now_ms(smsc->port);

	for (uint32_t i = 0; i < smsc->slots_used; i++) {
		struct sim_link *link = smsc->slots[i];

		if (link == NULL || smpp_session_deadline(link->session) > now_ms)
			continue;
		smpp_session_tick(link->session, now_ms);
		pull(smsc, link);
	}
	do_due(smsc, now_ms);
	sim_delivery_dispatch(smsc);
	for (uint32_t i = 0; i < smsc->slots_used; i++)
		if (smsc->slots[i] != NULL)
			sim_wire_take(smsc, smsc->slots[i], now_ms);
	sim_log_flush(smsc->log);
	for (uint32_t i = 0; i < smsc->slots_used; i++)
		if (smsc->slots[i] != NULL)
			write_output(smsc, smsc->slots[i], now_ms);
}

int64_t sim_smsc_deadline_ms(const struct sim_smsc *smsc)
{
	int64_t first_ms = sim_due_next_ms(&smsc->due);

	for (uint32_t i = 0; i < smsc->slots_used; i++) {
		int64_t deadline_ms;

		if (smsc->slots[i] == NULL)
			continue;
		deadline_ms = smpp_session_deadline(smsc->slots[i]->session);
		if (deadline_ms < first_ms)
			first_ms = deadline_ms;
		deadline_ms = sim_wire_deadline_ms(&smsc->slots[i]->wire);
		if (deadline_ms < first_ms)
			first_ms = deadline_ms;
	}
	return first_ms;
}

void sim_smsc_unbind(struct sim_smsc *smsc)
{
	int64_t now_ms = port_now_ms(smsc->port);

	for (uint32_t i = 0; i < smsc->slots_used; i++) {
		struct sim_link *link = smsc->slots[i];

		if (link == NULL)
			continue;
		link->receives = false;
		if (smpp_session_unbind(link->session, now_ms) != SMPP_SESSION_OK)
			link->closing = true;
	}
}

bool sim_smsc_settled(const struct sim_smsc *smsc)
{
	return smsc->messages.used == 0;
}

/* ---- statistics ---- */

static void put_commands(struct json_writer *writer, const char *key, const uint64_t *counts)
{
	json_key(writer, key);
	json_begin_object(writer);
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++)
		if (counts[i] > 0)
			json_add_uint(writer, smpp_commands[i].name, counts[i]);
	if (counts[SMPP_N_COMMANDS] > 0)
		json_add_uint(writer, "unknown", counts[SMPP_N_COMMANDS]);
	json_end_object(writer);
}

static void put_receipts(struct json_writer *writer, const struct sim_stats *stats)
{
	json_key(writer, "receipts");
	json_begin_object(writer);
	json_add_uint(writer, "sent", stats->receipts_sent);
	json_add_uint(writer, "acked", stats->receipts_acked);
	json_add_uint(writer, "refused", stats->receipts_refused);
	json_add_uint(writer, "unanswered", stats->receipts_unanswered);
	json_add_uint(writer, "lost", stats->receipts_lost);
	json_end_object(writer);
}

static int64_t cpu_ms(void)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

void sim_smsc_stats(const struct sim_smsc *smsc, int64_t running_ms, struct buffer *out)
{
	const struct sim_stats *stats = &smsc->stats;
	struct json_writer writer = { .out = out };

	json_begin_object(&writer);
	json_add_int(&writer, "running_ms", running_ms);
	json_add_int(&writer, "cpu_ms", cpu_ms());
	json_add_uint(&writer, "links", smsc->links_made);
	json_add_uint(&writer, "accepted", stats->accepted);
	json_add_uint(&writer, "refused", stats->refused);
	json_add_uint(&writer, "throttled", stats->throttled);
	json_add_uint(&writer, "malformed", stats->malformed);
	json_add_uint(&writer, "scripted", stats->scripted);
	json_add_uint(&writer, "hung", stats->hung);
	json_add_uint(&writer, "breaches", stats->breaches);
	json_add_uint(&writer, "answers_dropped", stats->answers_dropped);
	json_add_uint(&writer, "unsettled", smsc->messages.used);
	put_receipts(&writer, stats);
	json_key(&writer, "outcomes");
	json_begin_object(&writer);
	for (size_t i = 0; i < OUTCOME_KINDS; i++)
		if (stats->outcomes[i] > 0)
			json_add_uint(&writer, outcome_kind_name((enum outcome_kind)i),
				      stats->outcomes[i]);
	json_end_object(&writer);
	put_commands(&writer, "pdus_in", stats->in);
	put_commands(&writer, "pdus_out", stats->out);
	json_end_object(&writer);
	buffer_text(out, "\n");
}
