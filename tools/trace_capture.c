/* Octets of connections into PDUs. See tools/trace_capture.h. */
#include "tools/trace_capture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "core/buffer.h"
#include "smpp/pdu.h"
#include "tools/capture_stream.h"

#define SMPP_PORT 2775 /* of those that IANA knows */

struct side {
	struct buffer pending; /* of a PDU that is not whole yet */
	bool synced;	       /* the next octet begins a PDU */
	uint64_t lost;	       /* octets, since the last PDU */
};

struct talk {
	uint32_t connection;
	bool smpp;			  /* there was a PDU */
	bool known;			  /* which end is the ESME's; else it is guessed */
	bool esme_back;			  /* the one that did not speak first */
	char links[2][TRACE_LINK_OCTETS]; /* by who is the ESME: first, back */
	struct side sides[2];
	UT_hash_handle hh;
};

struct trace_capture {
	struct capture *capture;
	struct capture_streams *streams;
	struct talk *talks;
	uint16_t port;
	uint64_t number;
	bool no_more_packets;
	bool has_event;
	struct capture_event event;
	/* PDUs are being taken from octets [at, n) of event, or of what its side has pending. */
	struct talk *talk;
	const uint8_t *octets;
	size_t n;
	size_t at;
	struct buffer *stale; /* given out with the last PDU, to be emptied */
	char message[CAPTURE_COMMENT_OCTETS];
	char error[CAPTURE_ERROR_OCTETS]; /* told when everything before it was */
};

/* ---- connections ---- */

static void end_text(char *out, const struct capture_end *end)
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(end->six ? AF_INET6 : AF_INET, end->address, address, sizeof(address));
	snprintf(out, TRACE_LINK_OCTETS, end->six ? "[%s]:%u" : "%s:%u", address, end->port);
}

static struct talk *talk_of(struct trace_capture *capture)
{
	const struct capture_event *event = &capture->event;
	const struct capture_end *first = event->back ? event->to : event->from;
	const struct capture_end *second = event->back ? event->from : event->to;
	struct talk *talk;

	HASH_FIND(hh, capture->talks, &event->connection, sizeof(event->connection), talk);
	if (talk != NULL)
		return talk;
	talk = calloc(1, sizeof(*talk));
	if (talk == NULL)
		return NULL;
	talk->connection = event->connection;
	/* Who speaks first is the ESME, unless the ports say otherwise. */
	talk->esme_back = first->port == (capture->port ? capture->port : SMPP_PORT) &&
			  second->port != first->port;
	end_text(talk->links[0], second);
	end_text(talk->links[1], first);
	HASH_ADD(hh, capture->talks, connection, sizeof(talk->connection), talk);
	return talk;
}

static void forget(struct trace_capture *capture, struct talk *talk)
{
	HASH_DEL(capture->talks, talk);
	buffer_release(&talk->sides[0].pending);
	buffer_release(&talk->sides[1].pending);
	free(talk);
}

/* Whose is a PDU that only one of the two may send? */
static void learn_role(struct talk *talk, bool back, uint32_t command_id)
{
	const struct smpp_command *command = smpp_command(command_id);

	if (talk->known || command == NULL ||
	    (command->states[SMPP_ESME] != 0) == (command->states[SMPP_SMSC] != 0))
		return;
	talk->known = true;
	talk->esme_back = (command->states[SMPP_ESME] != 0) == back;
}

/* ---- PDUs ---- */

static uint32_t u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Is this the beginning of a PDU, as far as its first octets tell? */
static bool looks_like_pdu(const struct trace_capture *capture, const uint8_t *octets, size_t n)
{
	uint32_t length = n >= 4 ? u32(octets) : SMPP_HEADER_OCTETS;

	if (length < SMPP_HEADER_OCTETS || length > SMPP_MAX_PDU_OCTETS)
		return false;
	return n < 8 || capture->port != 0 || smpp_command(u32(octets + 4)) != NULL;
}

static void fill(struct trace_capture *capture, struct trace_pdu *pdu, struct talk *talk, bool back)
{
	struct side *side = &talk->sides[back];

	*pdu = (struct trace_pdu){ .number = ++capture->number,
				   .packet = capture->event.packet,
				   .at_us = capture->event.at_us,
				   .session = talk->connection + 1,
				   .lost = side->lost,
				   .message = "",
				   .direction = talk->esme_back == back ? TRACE_OUT : TRACE_IN };
	memcpy(pdu->link, talk->links[talk->esme_back], sizeof(pdu->link));
	side->lost = 0;
}

static void emit(struct trace_capture *capture, struct trace_pdu *pdu, enum trace_framing framing,
		 uint32_t n)
{
	struct talk *talk = capture->talk;
	const uint8_t *octets = capture->octets + capture->at;

	if (framing == TRACE_WHOLE)
		learn_role(talk, capture->event.back, u32(octets + 4));
	talk->smpp = true;
	fill(capture, pdu, talk, capture->event.back);
	pdu->framing = framing;
	pdu->octets = octets;
	pdu->n = n;
	capture->at += n;
}

/* What a connection began and did not finish. */
static bool emit_pending(struct trace_capture *capture, struct trace_pdu *pdu, struct talk *talk,
			 bool back)
{
	struct side *side = &talk->sides[back];

	if (side->pending.n == 0 || !talk->smpp)
		return false;
	fill(capture, pdu, talk, back);
	pdu->framing = TRACE_CUT;
	pdu->octets = side->pending.octets;
	pdu->n = (uint32_t)side->pending.n;
	side->synced = false;
	capture->stale = &side->pending;
	return true;
}

static bool next_in_octets(struct trace_capture *capture, struct trace_pdu *pdu)
{
	struct side *side = &capture->talk->sides[capture->event.back];
	const uint8_t *octets = capture->octets + capture->at;
	size_t n = capture->n - capture->at;
	uint32_t length;

	if (n == 0)
		return false;
	if (!side->synced && !looks_like_pdu(capture, octets, n)) {
		side->lost += n;
		capture->at = capture->n;
		return false;
	}
	side->synced = side->synced || n >= 8;
	switch (smpp_frame(octets, n, TRACE_PDU_OCTETS, &length)) {
	case SMPP_FRAME_OK:
		emit(capture, pdu, TRACE_WHOLE, length);
		return true;
	case SMPP_FRAME_MORE:
		return false;
	case SMPP_FRAME_LOST:
		break;
	}
	side->synced = false;
	emit(capture, pdu, TRACE_LOST, (uint32_t)n);
	return true;
}

static bool no_memory(struct trace_capture *capture)
{
	snprintf(capture->error, sizeof(capture->error), "out of memory");
	return true;
}

/* What is left of the octets is kept for the next ones. */
static void end_octets(struct trace_capture *capture)
{
	struct buffer *pending = &capture->talk->sides[capture->event.back].pending;

	if (pending->n > 0)
		buffer_drop(pending, capture->at);
	else
		buffer_append(pending, capture->octets + capture->at, capture->n - capture->at);
	capture->octets = NULL;
	if (pending->failed)
		no_memory(capture);
}

static void begin_octets(struct trace_capture *capture)
{
	const struct capture_event *event = &capture->event;
	struct buffer *pending = &capture->talk->sides[event->back].pending;

	capture->at = 0;
	capture->octets = event->octets;
	capture->n = event->n;
	if (pending->n == 0)
		return;
	buffer_append(pending, event->octets, event->n);
	capture->octets = pending->octets;
	capture->n = pending->n;
}

/* ---- events ---- */

static bool emit_end(struct trace_capture *capture, struct trace_pdu *pdu)
{
	const struct capture_event *event = &capture->event;

	if (!capture->talk->smpp)
		return false;
	fill(capture, pdu, capture->talk, event->back);
	pdu->number = --capture->number;
	pdu->kind = event->kind == CAPTURE_RST ? TRACE_RST : TRACE_FIN;
	return true;
}

/* One thing of the event that has come; the event stays until nothing more is in it. */
static bool next_of_event(struct trace_capture *capture, struct trace_pdu *pdu)
{
	const struct capture_event *event = &capture->event;
	struct talk *talk = capture->talk;

	switch (event->kind) {
	case CAPTURE_OCTETS:
		if (capture->octets == NULL)
			begin_octets(capture);
		if (next_in_octets(capture, pdu))
			return true;
		break;
	case CAPTURE_LOST:
		if (emit_pending(capture, pdu, talk, event->back))
			return true;
		talk->sides[event->back].synced = false;
		talk->sides[event->back].lost += event->n;
		buffer_clear(&talk->sides[event->back].pending);
		break;
	case CAPTURE_FIN:
	case CAPTURE_RST:
		if (emit_pending(capture, pdu, talk, event->back))
			return true;
		capture->has_event = false;
		return emit_end(capture, pdu);
	case CAPTURE_GONE:
		if (emit_pending(capture, pdu, talk, false) ||
		    emit_pending(capture, pdu, talk, true))
			return true;
		forget(capture, talk);
		break;
	}
	capture->has_event = false;
	return false;
}

/* ---- whole PDUs ---- */

/* Our export: "link#session" is the interface, "msg=…" a word of the comment. */
static void read_names(struct trace_capture *capture, const struct capture_packet *packet,
		       struct trace_pdu *pdu)
{
	const char *name = strrchr(packet->interface, '#');
	size_t n = name != NULL ? (size_t)(name - packet->interface) : strlen(packet->interface);
	const char *word = packet->comment;

	if (n >= sizeof(pdu->link))
		n = sizeof(pdu->link) - 1;
	memcpy(pdu->link, packet->interface, n);
	/* Whoever made the file called it so, and views send it to a terminal. */
	for (char *at = pdu->link; *at != '\0'; at++)
		*at = *at < 0x20 || *at > 0x7E ? '?' : *at;
	pdu->session = name != NULL ? strtoull(name + 1, NULL, 10) : 0;
	while (word != NULL && strncmp(word, "msg=", 4) != 0) {
		word = strchr(word, ' ');
		word = word != NULL ? word + 1 : NULL;
	}
	if (word != NULL)
		snprintf(capture->message, sizeof(capture->message), "%.*s",
			 (int)strcspn(word + 4, " "), word + 4);
	pdu->message = word != NULL ? capture->message : "";
}

static void whole_pdu(struct trace_capture *capture, const struct capture_packet *packet,
		      struct trace_pdu *pdu)
{
	static const enum trace_direction directions[] = {
		[CAPTURE_WAY_UNKNOWN] = TRACE_UNKNOWN,
		[CAPTURE_WAY_IN] = TRACE_IN,
		[CAPTURE_WAY_OUT] = TRACE_OUT,
	};
	uint32_t length;

	*pdu = (struct trace_pdu){ .number = ++capture->number,
				   .packet = packet->number,
				   .at_us = packet->at_us,
				   .direction = directions[packet->way],
				   .octets = packet->octets,
				   .n = (uint32_t)packet->n };
	read_names(capture, packet, pdu);
	switch (smpp_frame(packet->octets, packet->n, TRACE_PDU_OCTETS, &length)) {
	case SMPP_FRAME_OK:
		pdu->framing = length == packet->n ? TRACE_WHOLE : TRACE_LOST;
		break;
	case SMPP_FRAME_MORE:
		pdu->framing = TRACE_CUT;
		break;
	case SMPP_FRAME_LOST:
		pdu->framing = TRACE_LOST;
		break;
	}
}

/* ---- the whole ---- */

static bool concerns(const struct trace_capture *capture, const struct capture_packet *packet)
{
	return capture->port == 0 || packet->from.port == capture->port ||
	       packet->to.port == capture->port;
}

/* More to look at; *found: it is a PDU already. false: there is none. */
static bool next_packet(struct trace_capture *capture, struct trace_pdu *pdu, bool *found)
{
	struct capture_packet packet;

	*found = false;
	if (capture->no_more_packets)
		return false;
	if (!capture_next(capture->capture, &packet, capture->error)) {
		/* What came before a damage is shown, too. */
		capture->no_more_packets = true;
		capture_stream_end(capture->streams);
		return true;
	}
	*found = packet.whole;
	if (packet.whole)
		whole_pdu(capture, &packet, pdu);
	else if (concerns(capture, &packet) && !capture_stream_add(capture->streams, &packet))
		capture->no_more_packets = no_memory(capture);
	return true;
}

static bool next_event(struct trace_capture *capture)
{
	if (!capture_stream_next(capture->streams, &capture->event))
		return false;
	capture->talk = talk_of(capture);
	capture->octets = NULL;
	capture->has_event = capture->talk != NULL || !no_memory(capture);
	return true;
}

/* What was begun when the capture ended. */
static bool next_pending(struct trace_capture *capture, struct trace_pdu *pdu)
{
	while (capture->talks != NULL) {
		if (emit_pending(capture, pdu, capture->talks, false) ||
		    emit_pending(capture, pdu, capture->talks, true))
			return true;
		forget(capture, capture->talks);
	}
	return false;
}

struct trace_capture *trace_capture_open(const char *path, uint16_t port, char *error)
{
	struct trace_capture *capture = calloc(1, sizeof(*capture));

	if (capture == NULL) {
		snprintf(error, CAPTURE_ERROR_OCTETS, "out of memory");
		return NULL;
	}
	capture->port = port;
	capture->streams = capture_streams_new();
	if (capture->streams == NULL)
		snprintf(error, CAPTURE_ERROR_OCTETS, "out of memory");
	else
		capture->capture = capture_open(path, error);
	if (capture->capture != NULL)
		return capture;
	trace_capture_close(capture);
	return NULL;
}

void trace_capture_close(struct trace_capture *capture)
{
	if (capture == NULL)
		return;
	while (capture->talks != NULL)
		forget(capture, capture->talks);
	capture_streams_free(capture->streams);
	capture_close(capture->capture);
	free(capture);
}

uint64_t trace_capture_skipped(const struct trace_capture *capture)
{
	return capture_skipped(capture->capture);
}

bool trace_capture_next(struct trace_capture *capture, struct trace_pdu *pdu, char *error)
{
	bool found;

	if (capture->stale != NULL)
		buffer_clear(capture->stale);
	capture->stale = NULL;
	for (;;) {
		if (capture->has_event) {
			if (next_of_event(capture, pdu))
				return true;
			if (capture->octets != NULL)
				end_octets(capture);
		} else if (!next_event(capture)) {
			if (!next_packet(capture, pdu, &found))
				break;
			if (found)
				return true;
		}
	}
	if (next_pending(capture, pdu))
		return true;
	memcpy(error, capture->error, sizeof(capture->error));
	return false;
}
