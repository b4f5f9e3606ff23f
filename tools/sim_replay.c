/* Captures into rows, of tools/sim_replay.h. */
#include "tools/sim_replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smpp/pdu.h"
#include "smpp/receipt.h"
#include "tools/capture_stream.h"
#include "tools/sim_pdu.h"

/* PDUs that are replayed: each is a row, and rows are looked through one by one. */
#define ROWS_MAX 20000u

/* A request of the ESME. */
struct asked {
	const char *name; /* of its command */
	uint32_t nth;	  /* of that command, from 1 */
	uint32_t connection;
	uint32_t sequence_number;
	int64_t at_us;
	bool submit;
	bool answered;		 /* or wants no answer */
	char id[SMPP_ID_OCTETS]; /* that the answer gave it, canonical; "": none */
};

struct side {
	struct buffer octets; /* of a PDU that is not whole yet */
	bool lost;	      /* the boundary: the next segment begins anew */
};

struct talk {
	struct side sides[2];
	bool known;	/* which side is the ESME's */
	bool esme_back; /* it is the one that did not speak first */
	bool ended;
};

struct replay {
	const char *file;
	struct buffer *script;
	struct talk *talks;
	size_t talk_count;
	struct asked *asked;
	size_t asked_count;
	uint32_t counts[SMPP_N_COMMANDS];
	uint32_t rows;
};

static void put_hex(struct buffer *out, const uint8_t *octets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buffer_format(out, "%02x", octets[i]);
}

/* "after=12ms", whole milliseconds, never before its cause. */
static void put_delay(struct replay *replay, int64_t from_us, int64_t at_us)
{
	int64_t ms = at_us > from_us ? (at_us - from_us) / 1000 : 0;

	if (ms > SIM_MS_MAX) {
		fprintf(stderr, "smsc-sim: %s: what came after %lld s comes after %u s\n",
			replay->file, (long long)ms / 1000, SIM_MS_MAX / 1000);
		ms = SIM_MS_MAX;
	}
	if (ms > 0)
		buffer_format(replay->script, " after=%lldms", (long long)ms);
}

static void put_event(struct replay *replay, const struct asked *asked)
{
	replay->rows++;
	buffer_format(replay->script, "on %s nth=%u: ", asked->name, asked->nth);
}

/* Behind the header: as it was, whatever it says. */
static void put_body(struct replay *replay, const uint8_t *octets, size_t n)
{
	buffer_text(replay->script, " body=none");
	if (n == SMPP_HEADER_OCTETS)
		return;
	buffer_text(replay->script, " tail=hex:");
	put_hex(replay->script, octets + SMPP_HEADER_OCTETS, n - SMPP_HEADER_OCTETS);
}

/* ---- what the ESME said ---- */

static bool is_submit(uint32_t command_id)
{
	return command_id == SMPP_submit_sm || command_id == SMPP_data_sm ||
	       command_id == SMPP_submit_multi;
}

static void on_request(struct replay *replay, const struct capture_event *event,
		       const struct smpp_pdu *pdu)
{
	const struct smpp_command *command = smpp_command(pdu->command_id);
	struct asked *asked;

	/* Sessions answer these themselves; a response of the ESME answers what we replay. */
	if (command == NULL || (pdu->command_id & SMPP_RESP_BIT) != 0 ||
	    pdu->command_id == SMPP_enquire_link || pdu->command_id == SMPP_unbind)
		return;
	if (replay->asked_count >= ROWS_MAX) {
		replay->rows = ROWS_MAX; /* each would become a row */
		return;
	}
	replay->asked = sim_grow(replay->asked, replay->asked_count, sizeof(*asked));
	asked = &replay->asked[replay->asked_count++];
	*asked = (struct asked){ .name = command->name,
				 .nth = ++replay->counts[command - smpp_commands],
				 .connection = event->connection,
				 .sequence_number = pdu->sequence_number,
				 .at_us = event->at_us,
				 .submit = is_submit(pdu->command_id),
				 .answered = smpp_command_resp(command) == NULL };
}

/* ---- what the SMSC said ---- */

static struct asked *find_asked(struct replay *replay, uint32_t connection, uint32_t sequence)
{
	for (size_t i = replay->asked_count; i > 0; i--) {
		struct asked *asked = &replay->asked[i - 1];

		if (asked->connection == connection && asked->sequence_number == sequence)
			return asked;
	}
	return NULL;
}

static void on_answer(struct replay *replay, const struct capture_event *event,
		      const struct smpp_pdu *pdu, const uint8_t *octets, size_t n)
{
	struct asked *asked = find_asked(replay, event->connection, pdu->sequence_number);
	const struct smpp_command *command = smpp_command(pdu->command_id);

	if (asked == NULL || asked->answered || command == NULL)
		return;
	asked->answered = true;
	smpp_id_canonical(pdu->message_id.at, pdu->message_id.n, asked->id);
	put_event(replay, asked);
	if (asked->submit)
		buffer_text(replay->script, "outcome mix=none=100; ");
	buffer_format(replay->script, "answer %s command_status=%u", command->name,
		      pdu->command_status);
	put_body(replay, octets, n);
	put_delay(replay, asked->at_us, event->at_us);
	buffer_text(replay->script, "\n");
}

static const struct asked *find_id(const struct replay *replay, struct smpp_octets raw)
{
	struct smpp_id_reading readings[SMPP_ID_READINGS];
	size_t n = smpp_id_readings(raw.at, raw.n, SMPP_ID_ANY, readings);

	for (size_t k = 0; k < n; k++)
		for (size_t i = replay->asked_count; i > 0; i--)
			if (strcmp(readings[k].id, replay->asked[i - 1].id) == 0)
				return &replay->asked[i - 1];
	return NULL;
}

/* The submit that a receipt is about: the ids agree as they are, or one read in the other's base. */
static const struct asked *find_subject(const struct replay *replay, const struct smpp_pdu *pdu)
{
	const struct asked *asked;
	struct smpp_receipt receipt;

	if (smpp_receipt_parse(pdu, NULL, &receipt) == SMPP_RECEIPT_NOT)
		return NULL;
	asked = find_id(replay, receipt.ids[SMPP_RECEIPT_TLV_ID]);
	return asked != NULL ? asked : find_id(replay, receipt.ids[SMPP_RECEIPT_TEXT_ID]);
}

static void on_own(struct replay *replay, const struct capture_event *event,
		   const struct smpp_pdu *pdu, const uint8_t *octets, size_t n)
{
	const struct smpp_command *command = smpp_command(pdu->command_id);
	const struct asked *asked = find_subject(replay, pdu);

	if (pdu->command_id == SMPP_enquire_link)
		return;
	if (asked == NULL && replay->asked_count > 0)
		asked = &replay->asked[replay->asked_count - 1];
	if (asked == NULL)
		return; /* nothing that it could follow */
	put_event(replay, asked);
	if (pdu->command_id == SMPP_unbind) {
		buffer_text(replay->script, "unbind");
	} else {
		if (command != NULL)
			buffer_format(replay->script, "send %s", command->name);
		else
			buffer_format(replay->script, "send 0x%08x", pdu->command_id);
		put_body(replay, octets, n);
	}
	put_delay(replay, asked->at_us, event->at_us);
	buffer_text(replay->script, "\n");
}

/* ---- PDUs ---- */

/* Whose is a PDU that only one of the two may send? false: either may. */
static bool says_who(const struct smpp_pdu *pdu, bool *esme)
{
	const struct smpp_command *command = smpp_command(pdu->command_id);

	if (command == NULL ||
	    (command->states[SMPP_ESME] != 0) == (command->states[SMPP_SMSC] != 0))
		return false;
	*esme = command->states[SMPP_ESME] != 0;
	return true;
}

static void on_pdu(struct replay *replay, struct talk *talk, const struct capture_event *event,
		   const uint8_t *octets, size_t n)
{
	struct smpp_problem problem;
	struct smpp_pdu pdu;
	bool esme;

	/* What cannot be read whole is replayed as it is: its header is enough. */
	if (smpp_pdu_decode(octets, n, &pdu, &problem) == SMPP_EFRAME)
		return;
	if (!talk->known && says_who(&pdu, &esme)) {
		talk->known = true;
		talk->esme_back = esme == event->back;
	}
	if (!talk->known || replay->rows >= ROWS_MAX)
		return;
	if (event->back == talk->esme_back)
		on_request(replay, event, &pdu);
	else if (pdu.command_id & SMPP_RESP_BIT)
		on_answer(replay, event, &pdu, octets, n);
	else
		on_own(replay, event, &pdu, octets, n);
}

/* Is this the beginning of a PDU, as far as its first octets tell? */
static bool is_smpp(const struct buffer *octets)
{
	struct smpp_reader reader = smpp_reader_of(octets->octets, (uint32_t)octets->n);
	uint32_t length = smpp_read_u32(&reader);
	uint32_t command_id = smpp_read_u32(&reader);

	if (octets->n < 8)
		return octets->n < 4 || length <= SMPP_MAX_PDU_OCTETS;
	return length >= SMPP_HEADER_OCTETS && length <= SMPP_MAX_PDU_OCTETS &&
	       smpp_command(command_id) != NULL;
}

static void on_octets(struct replay *replay, struct talk *talk, const struct capture_event *event)
{
	struct side *side = &talk->sides[event->back];
	uint32_t length;

	buffer_append(&side->octets, event->octets, event->n);
	/* Behind a loss, and at first, a PDU must be recognised. */
	if ((side->lost || !talk->known) && !is_smpp(&side->octets)) {
		buffer_clear(&side->octets);
		return;
	}
	side->lost = false;
	while (smpp_frame(side->octets.octets, side->octets.n, SMPP_MAX_PDU_OCTETS, &length) ==
	       SMPP_FRAME_OK) {
		on_pdu(replay, talk, event, side->octets.octets, length);
		buffer_drop(&side->octets, length);
	}
}

static void on_end(struct replay *replay, struct talk *talk, const struct capture_event *event)
{
	const struct asked *asked;

	/* The SMSC hung up first, and not after an unbind of either. */
	if (!talk->known || talk->ended || event->back == talk->esme_back ||
	    replay->asked_count == 0) {
		talk->ended = true;
		return;
	}
	talk->ended = true;
	asked = &replay->asked[replay->asked_count - 1];
	put_event(replay, asked);
	buffer_text(replay->script, event->kind == CAPTURE_RST ? "reset" : "close");
	put_delay(replay, asked->at_us, event->at_us);
	buffer_text(replay->script, "\n");
}

static struct talk *talk_of(struct replay *replay, uint32_t connection)
{
	while (replay->talk_count <= connection) {
		replay->talks = sim_grow(replay->talks, replay->talk_count, sizeof(*replay->talks));
		replay->talks[replay->talk_count++] = (struct talk){ 0 };
	}
	return &replay->talks[connection];
}

static void on_event(struct replay *replay, const struct capture_event *event)
{
	struct talk *talk = talk_of(replay, event->connection);

	switch (event->kind) {
	case CAPTURE_OCTETS:
		on_octets(replay, talk, event);
		break;
	case CAPTURE_LOST:
		fprintf(stderr, "smsc-sim: %s: connection %u lacks %zu octets\n", replay->file,
			event->connection + 1, event->n);
		buffer_clear(&talk->sides[event->back].octets);
		talk->sides[event->back].lost = true;
		break;
	case CAPTURE_FIN:
	case CAPTURE_RST:
		on_end(replay, talk, event);
		break;
	case CAPTURE_GONE:
		break;
	}
}

/* ---- the whole ---- */

static void read_packets(struct replay *replay, struct capture *capture,
			 struct capture_streams *streams, char *error)
{
	struct capture_packet packet;
	struct capture_event event;

	while (capture_next(capture, &packet, error)) {
		if (!capture_stream_add(streams, &packet)) {
			snprintf(error, CAPTURE_ERROR_OCTETS, "out of memory");
			return;
		}
		while (capture_stream_next(streams, &event))
			on_event(replay, &event);
	}
	capture_stream_end(streams);
	while (capture_stream_next(streams, &event))
		on_event(replay, &event);
}

/* What was never answered is not answered again. */
static void put_silences(struct replay *replay)
{
	for (size_t i = 0; i < replay->asked_count; i++) {
		const struct asked *asked = &replay->asked[i];

		if (asked->answered || replay->rows >= ROWS_MAX)
			continue;
		put_event(replay, asked);
		buffer_text(replay->script,
			    asked->submit ? "outcome mix=unanswered=100\n" : "drop\n");
	}
}

static void release(struct replay *replay)
{
	for (size_t i = 0; i < replay->talk_count; i++) {
		buffer_release(&replay->talks[i].sides[0].octets);
		buffer_release(&replay->talks[i].sides[1].octets);
	}
	free(replay->talks);
	free(replay->asked);
}

static bool read_capture(const char *file, struct buffer *script)
{
	struct replay replay = { .file = file, .script = script };
	char error[CAPTURE_ERROR_OCTETS] = "";
	struct capture *capture = capture_open(file, error);
	struct capture_streams *streams = capture_streams_new();

	if (capture != NULL && streams != NULL)
		read_packets(&replay, capture, streams, error);
	put_silences(&replay);
	if (error[0] == '\0' && replay.rows == 0)
		snprintf(error, sizeof(error), "nothing that an SMSC said is in it");
	if (replay.rows >= ROWS_MAX)
		snprintf(error, sizeof(error), "more than %u PDUs", ROWS_MAX);
	if (error[0] != '\0')
		fprintf(stderr, "smsc-sim: %s: %s\n", file, error);
	release(&replay);
	capture_streams_free(streams);
	capture_close(capture);
	return error[0] == '\0' && !script->failed;
}

bool sim_replay_read(const char *file, struct buffer *script)
{
	FILE *stream = fopen(file, "re");
	uint8_t octets[4096] = { 0 };
	size_t n;

	if (stream == NULL) {
		fprintf(stderr, "smsc-sim: %s: %s\n", file, strerror(errno));
		return false;
	}
	n = fread(octets, 1, 4, stream);
	if (n == 4 && capture_file_is(octets)) {
		fclose(stream);
		return read_capture(file, script);
	}
	do {
		buffer_append(script, octets, n);
		n = fread(octets, 1, sizeof(octets), stream);
	} while (n > 0);
	fclose(stream);
	return !script->failed;
}
