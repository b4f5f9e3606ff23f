/* See tools/scenario.h. */
#include "tools/scenario.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "smpp/pdu.h"
#include "smpp/receipt.h"
#include "tools/sim_words.h"

/* Hashed as octets: made of zeros first. */
struct talk_key {
	char link[TRACE_LINK_OCTETS];
	uint64_t session;
};

/* A session in which the ESME asked something. */
struct talk {
	struct talk_key key;
	bool ended;
	UT_hash_handle hh;
};

/* A request of the ESME. */
struct asked {
	const char *name; /* of its command */
	uint32_t nth;	  /* of that command, from 1 */
	const struct talk *talk;
	uint32_t sequence_number;
	int64_t at_us;
	bool submit;
	bool answered;		 /* or wants no answer */
	char id[SMPP_ID_OCTETS]; /* that the answer gave it, canonical; "": none */
};

struct scenario {
	struct buffer rows;
	uint32_t row_count;
	struct talk *talks;
	struct asked *asked; /* room for SCENARIO_ROWS */
	size_t asked_count;
	uint32_t counts[SMPP_N_COMMANDS];
	int64_t shortened_ms;
	bool full;
	bool no_memory;
};

struct scenario *scenario_new(void)
{
	struct scenario *scenario = calloc(1, sizeof(*scenario));

	if (scenario != NULL)
		scenario->asked = calloc(SCENARIO_ROWS, sizeof(*scenario->asked));
	if (scenario == NULL || scenario->asked != NULL)
		return scenario;
	free(scenario);
	return NULL;
}

void scenario_free(struct scenario *scenario)
{
	struct talk *talk, *next;

	if (scenario == NULL)
		return;
	HASH_ITER(hh, scenario->talks, talk, next) {
		HASH_DEL(scenario->talks, talk);
		free(talk);
	}
	free(scenario->asked);
	buffer_release(&scenario->rows);
	free(scenario);
}

int64_t scenario_shortened_ms(const struct scenario *scenario)
{
	return scenario->shortened_ms;
}

const char *scenario_error_text(enum scenario_error error)
{
	switch (error) {
	case SCENARIO_OK:
		return "";
	case SCENARIO_EMPTY:
		return "nothing that an SMSC said is in it";
	case SCENARIO_FULL:
		return "more than 20000 PDUs";
	case SCENARIO_MEMORY:
		break;
	}
	return "out of memory";
}

static struct talk_key key_of(const struct trace_pdu *pdu)
{
	struct talk_key key;

	memset(&key, 0, sizeof(key));
	memcpy(key.link, pdu->link, strlen(pdu->link));
	key.session = pdu->session;
	return key;
}

/* NULL: the ESME has asked nothing there. */
static struct talk *find_talk(const struct scenario *scenario, const struct trace_pdu *pdu)
{
	struct talk_key key = key_of(pdu);
	struct talk *talk;

	HASH_FIND(hh, scenario->talks, &key, sizeof(key), talk);
	return talk;
}

/* ---- rows ---- */

static void put_hex(struct buffer *out, const uint8_t *octets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buffer_format(out, "%02x", octets[i]);
}

/* "after=12ms", whole milliseconds, never before its cause. */
static void put_delay(struct scenario *scenario, int64_t from_us, int64_t at_us)
{
	int64_t ms = at_us > from_us ? (at_us - from_us) / 1000 : 0;

	if (ms > SIM_MS_MAX) {
		if (ms > scenario->shortened_ms)
			scenario->shortened_ms = ms;
		ms = SIM_MS_MAX;
	}
	if (ms > 0)
		buffer_format(&scenario->rows, " after=%lldms", (long long)ms);
}

/* false: there are too many already. */
static bool begin_row(struct scenario *scenario, const struct asked *asked)
{
	scenario->full = scenario->full || scenario->row_count == SCENARIO_ROWS;
	if (scenario->full)
		return false;
	scenario->row_count++;
	buffer_format(&scenario->rows, "on %s nth=%u: ", asked->name, asked->nth);
	return true;
}

static void end_row(struct scenario *scenario, const struct asked *asked, int64_t at_us)
{
	put_delay(scenario, asked->at_us, at_us);
	buffer_text(&scenario->rows, "\n");
}

/* Behind the header: as it was, whatever it says. */
static void put_body(struct scenario *scenario, const struct trace_pdu *pdu)
{
	buffer_text(&scenario->rows, " body=none");
	if (pdu->n == SMPP_HEADER_OCTETS)
		return;
	buffer_text(&scenario->rows, " tail=hex:");
	put_hex(&scenario->rows, pdu->octets + SMPP_HEADER_OCTETS, pdu->n - SMPP_HEADER_OCTETS);
}

/* ---- what the ESME said ---- */

static struct talk *add_talk(struct scenario *scenario, const struct trace_pdu *pdu)
{
	struct talk *talk = find_talk(scenario, pdu);

	if (talk != NULL)
		return talk;
	talk = calloc(1, sizeof(*talk));
	if (talk == NULL) {
		scenario->no_memory = true;
		return NULL;
	}
	talk->key = key_of(pdu);
	HASH_ADD(hh, scenario->talks, key, sizeof(talk->key), talk);
	return talk;
}

static bool is_submit(uint32_t command_id)
{
	return command_id == SMPP_submit_sm || command_id == SMPP_data_sm ||
	       command_id == SMPP_submit_multi;
}

static void on_request(struct scenario *scenario, const struct trace_pdu *pdu,
		       const struct smpp_pdu *fields)
{
	const struct smpp_command *command = smpp_command(fields->command_id);
	struct talk *talk;

	/* Sessions answer these themselves; a response of the ESME answers what is played. */
	if (command == NULL || (fields->command_id & SMPP_RESP_BIT) != 0 ||
	    fields->command_id == SMPP_enquire_link || fields->command_id == SMPP_unbind)
		return;
	scenario->full = scenario->full || scenario->asked_count == SCENARIO_ROWS;
	talk = scenario->full ? NULL : add_talk(scenario, pdu);
	if (talk == NULL)
		return;
	scenario->asked[scenario->asked_count++] =
		(struct asked){ .name = command->name,
				.nth = ++scenario->counts[command - smpp_commands],
				.talk = talk,
				.sequence_number = fields->sequence_number,
				.at_us = pdu->at_us,
				.submit = is_submit(fields->command_id),
				.answered = smpp_command_resp(command) == NULL };
}

/* ---- what the SMSC said ---- */

static struct asked *find_asked(struct scenario *scenario, const struct talk *talk,
				uint32_t sequence)
{
	for (size_t i = scenario->asked_count; i > 0; i--) {
		struct asked *asked = &scenario->asked[i - 1];

		if (asked->talk == talk && asked->sequence_number == sequence)
			return asked;
	}
	return NULL;
}

static void on_answer(struct scenario *scenario, const struct trace_pdu *pdu,
		      const struct smpp_pdu *fields)
{
	const struct talk *talk = find_talk(scenario, pdu);
	struct asked *asked = talk != NULL ? find_asked(scenario, talk, fields->sequence_number) :
					     NULL;
	const struct smpp_command *command = smpp_command(fields->command_id);

	if (asked == NULL || asked->answered || command == NULL || !begin_row(scenario, asked))
		return;
	asked->answered = true;
	smpp_id_canonical(fields->message_id.at, fields->message_id.n, asked->id);
	if (asked->submit)
		buffer_text(&scenario->rows, "outcome mix=none=100; ");
	buffer_format(&scenario->rows, "answer %s command_status=%u", command->name,
		      fields->command_status);
	put_body(scenario, pdu);
	end_row(scenario, asked, pdu->at_us);
}

static const struct asked *find_id(const struct scenario *scenario, struct smpp_octets raw)
{
	struct smpp_id_reading readings[SMPP_ID_READINGS];
	size_t n = smpp_id_readings(raw.at, raw.n, SMPP_ID_ANY, readings);

	for (size_t k = 0; k < n; k++)
		for (size_t i = scenario->asked_count; i > 0; i--)
			if (strcmp(readings[k].id, scenario->asked[i - 1].id) == 0)
				return &scenario->asked[i - 1];
	return NULL;
}

/* The submit that a receipt is about: the ids agree as they are, or one read in the other's base. */
static const struct asked *find_subject(const struct scenario *scenario,
					const struct smpp_pdu *fields)
{
	const struct asked *asked;
	struct smpp_receipt receipt;

	if (smpp_receipt_parse(fields, NULL, &receipt) == SMPP_RECEIPT_NOT)
		return NULL;
	asked = find_id(scenario, receipt.ids[SMPP_RECEIPT_TLV_ID]);
	return asked != NULL ? asked : find_id(scenario, receipt.ids[SMPP_RECEIPT_TEXT_ID]);
}

static const struct asked *last_asked(const struct scenario *scenario)
{
	return scenario->asked_count > 0 ? &scenario->asked[scenario->asked_count - 1] : NULL;
}

static void on_own(struct scenario *scenario, const struct trace_pdu *pdu,
		   const struct smpp_pdu *fields)
{
	const struct smpp_command *command = smpp_command(fields->command_id);
	const struct asked *asked = find_subject(scenario, fields);

	if (asked == NULL)
		asked = last_asked(scenario);
	/* Without a request there is nothing that it could follow. */
	if (fields->command_id == SMPP_enquire_link || asked == NULL || !begin_row(scenario, asked))
		return;
	if (fields->command_id == SMPP_unbind) {
		buffer_text(&scenario->rows, "unbind");
	} else {
		if (command != NULL)
			buffer_format(&scenario->rows, "send %s", command->name);
		else
			buffer_format(&scenario->rows, "send 0x%08x", fields->command_id);
		put_body(scenario, pdu);
	}
	end_row(scenario, asked, pdu->at_us);
}

static void on_end(struct scenario *scenario, const struct trace_pdu *pdu)
{
	struct talk *talk = find_talk(scenario, pdu);
	bool first = talk != NULL && !talk->ended;
	const struct asked *asked = last_asked(scenario);

	if (!first)
		return;
	talk->ended = true;
	/* Only where the SMSC hung up first. */
	if (pdu->direction == TRACE_OUT || !begin_row(scenario, asked))
		return;
	buffer_text(&scenario->rows, pdu->kind == TRACE_RST ? "reset" : "close");
	end_row(scenario, asked, pdu->at_us);
}

/* ---- the whole ---- */

void scenario_add(struct scenario *scenario, const struct trace_pdu *pdu)
{
	struct smpp_problem problem;
	struct smpp_pdu fields;

	if (pdu->direction == TRACE_UNKNOWN)
		return;
	if (pdu->kind != TRACE_PDU) {
		on_end(scenario, pdu);
		return;
	}
	/* What cannot be read whole is played as it is: its header is enough. */
	if (pdu->framing != TRACE_WHOLE ||
	    smpp_pdu_decode(pdu->octets, pdu->n, &fields, &problem) == SMPP_EFRAME)
		return;
	if (pdu->direction == TRACE_OUT)
		on_request(scenario, pdu, &fields);
	else if (fields.command_id & SMPP_RESP_BIT)
		on_answer(scenario, pdu, &fields);
	else
		on_own(scenario, pdu, &fields);
}

/* What was never answered is not answered again. */
static void put_silences(struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->asked_count; i++) {
		const struct asked *asked = &scenario->asked[i];

		if (asked->answered || !begin_row(scenario, asked))
			continue;
		buffer_text(&scenario->rows,
			    asked->submit ? "outcome mix=unanswered=100\n" : "drop\n");
	}
}

enum scenario_error scenario_end(struct scenario *scenario, const struct buffer **rows)
{
	*rows = &scenario->rows;
	put_silences(scenario);
	if (scenario->no_memory || scenario->rows.failed)
		return SCENARIO_MEMORY;
	if (scenario->full)
		return SCENARIO_FULL;
	return scenario->row_count > 0 ? SCENARIO_OK : SCENARIO_EMPTY;
}
