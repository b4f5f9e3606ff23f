/* Octets of connections into PDUs. See tools/trace_capture.h. */
#include "tools/trace_capture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "smpp/pdu.h"
#include "tools/capture_stream.h"
#include "tools/trace_frames.h"

#define SMPP_PORT 2775 /* of those that IANA knows */

struct talk {
	uint32_t connection;
	bool smpp;			  /* there was a PDU */
	bool known;			  /* which end is the ESME's; else it is guessed */
	bool esme_back;			  /* the one that did not speak first */
	char links[2][TRACE_LINK_OCTETS]; /* by who is the ESME: first, back */
	struct trace_frames frames[2];	  /* of the first, back */
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
	struct talk *talk; /* whose event it is */
	bool taking;	   /* PDUs are being taken from its octets */
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
	for (int i = 0; i < 2; i++)
		talk->frames[i] = (struct trace_frames){ .most = TRACE_PDU_OCTETS,
							 .is_smpp = capture->port != 0 };
	HASH_ADD(hh, capture->talks, connection, sizeof(talk->connection), talk);
	return talk;
}

static void forget(struct trace_capture *capture, struct talk *talk)
{
	HASH_DEL(capture->talks, talk);
	trace_frames_release(&talk->frames[0]);
	trace_frames_release(&talk->frames[1]);
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

static void fill(struct trace_capture *capture, struct trace_pdu *pdu, struct talk *talk, bool back)
{
	struct trace_frames *frames = &talk->frames[back];

	*pdu = (struct trace_pdu){ .number = ++capture->number,
				   .packet = capture->event.packet,
				   .at_us = capture->event.at_us,
				   .session = talk->connection + 1,
				   .lost = frames->lost,
				   .message = "",
				   .direction = talk->esme_back == back ? TRACE_OUT : TRACE_IN };
	memcpy(pdu->link, talk->links[talk->esme_back], sizeof(pdu->link));
	frames->lost = 0;
}

static void emit(struct trace_capture *capture, struct trace_pdu *pdu, struct talk *talk, bool back,
		 const struct trace_frame *frame)
{
	if (frame->framing == TRACE_WHOLE)
		learn_role(talk, back, frame->command_id);
	talk->smpp = true;
	fill(capture, pdu, talk, back);
	pdu->framing = frame->framing;
	pdu->octets = frame->octets;
	pdu->n = frame->n;
}

/* What a connection began and did not finish. */
static bool emit_pending(struct trace_capture *capture, struct trace_pdu *pdu, struct talk *talk,
			 bool back)
{
	struct trace_frame frame;

	if (!talk->smpp || !trace_frames_cut(&talk->frames[back], &frame))
		return false;
	emit(capture, pdu, talk, back, &frame);
	return true;
}

static bool no_memory(struct trace_capture *capture)
{
	snprintf(capture->error, sizeof(capture->error), "out of memory");
	return true;
}

static bool next_in_octets(struct trace_capture *capture, struct trace_pdu *pdu)
{
	const struct capture_event *event = &capture->event;
	struct trace_frames *frames = &capture->talk->frames[event->back];
	struct trace_frame frame;

	if (!capture->taking)
		trace_frames_add(frames, event->octets, event->n);
	capture->taking = trace_frames_next(frames, &frame);
	if (capture->taking)
		emit(capture, pdu, capture->talk, event->back, &frame);
	else if (frames->pending.failed)
		no_memory(capture);
	return capture->taking;
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
		if (next_in_octets(capture, pdu))
			return true;
		capture->has_event = false;
		return event->whole && emit_pending(capture, pdu, talk, event->back);
	case CAPTURE_LOST:
		if (emit_pending(capture, pdu, talk, event->back))
			return true;
		trace_frames_skip(&talk->frames[event->back], event->n);
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

/*
 * Wireshark's export says in tags who spoke to whom; ours says it by the direction of the packet and
 * the name of its interface.
 */
static bool has_ends(const struct capture_packet *packet)
{
	return !packet->whole || (packet->way == CAPTURE_WAY_UNKNOWN && packet->from.port != 0 &&
				  strchr(packet->interface, '#') == NULL);
}

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
	*found = !has_ends(&packet);
	if (*found)
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

	for (;;) {
		if (capture->has_event) {
			if (next_of_event(capture, pdu))
				return true;
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
