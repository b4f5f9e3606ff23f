/* See watch.h. */
#include "test/sim/watch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "smpp/octets.h"
#include "smpp/pdu.h"

/* Octets of one direction that are no whole PDU yet. */
struct stream {
	uint8_t *octets;
	size_t n, room;
};

struct request {
	uint32_t command_id, sequence_number;
};

struct watch {
	struct stream heard, said;
	struct request *open; /* to the daemon */
	size_t n_open, room_open;
	uint32_t last; /* number of the daemon's last request; 0: none yet */
	bool bound, ended;
	const char *broken;
};

struct watch *watch_new(void)
{
	return calloc(1, sizeof(struct watch));
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	free(watch->heard.octets);
	free(watch->said.octets);
	free(watch->open);
	free(watch);
}

const char *watch_broken(const struct watch *watch)
{
	return watch->broken;
}

size_t watch_open(const struct watch *watch)
{
	return watch->n_open;
}

static void breaks(struct watch *watch, const char *rule)
{
	if (!watch->broken)
		watch->broken = rule;
}

static bool is_bind(uint32_t command_id)
{
	return command_id == SMPP_bind_receiver || command_id == SMPP_bind_transmitter ||
	       command_id == SMPP_bind_transceiver;
}

static void heard_request(struct watch *watch, struct request request)
{
	if (!watch->last && request.sequence_number != 1)
		breaks(watch, "the first request has not the number 1");
	if (request.sequence_number <= watch->last || request.sequence_number > 0x7FFFFFFF)
		breaks(watch, "the numbers of requests do not rise");
	if (!watch->bound && (!is_bind(request.command_id) || watch->last))
		breaks(watch, "something but one bind comes before bind_resp");
	if (watch->bound && is_bind(request.command_id))
		breaks(watch, "a bind comes on a bound session");
	watch->last = request.sequence_number;
}

static void heard_response(struct watch *watch, struct request response)
{
	for (size_t i = 0; i < watch->n_open; i++) {
		const struct request *request = &watch->open[i];
		if (request->sequence_number != response.sequence_number)
			continue;
		if (response.command_id != (request->command_id | SMPP_RESP_BIT) &&
		    response.command_id != SMPP_generic_nack)
			breaks(watch, "a response is of another type than its request");
		watch->open[i] = watch->open[--watch->n_open];
		return;
	}
	breaks(watch, "a response answers nothing, or for a second time");
}

static void heard(struct watch *watch, struct request pdu, uint32_t status)
{
	if (watch->ended)
		breaks(watch, "something follows unbind_resp");
	if (pdu.command_id & SMPP_RESP_BIT)
		heard_response(watch, pdu);
	else
		heard_request(watch, pdu);
	watch->ended = watch->ended || (pdu.command_id == SMPP_unbind_resp && !status);
}

static void said(struct watch *watch, struct request pdu, uint32_t status)
{
	uint32_t asked = pdu.command_id & ~SMPP_RESP_BIT;
	if (pdu.command_id & SMPP_RESP_BIT) {
		watch->bound = watch->bound || (is_bind(asked) && !status);
		return;
	}
	if (!smpp_command_resp(smpp_command(pdu.command_id)))
		return; /* alert_notification, outbind */
	if (watch->n_open == watch->room_open) {
		watch->room_open = watch->room_open ? 2 * watch->room_open : 16;
		watch->open = realloc(watch->open, watch->room_open * sizeof(*watch->open));
	}
	watch->open[watch->n_open++] = pdu;
}

typedef void pdu_fn(struct watch *watch, struct request pdu, uint32_t status);

static void take(struct watch *watch, struct stream *stream, const uint8_t *octets, size_t n,
		 pdu_fn *pdu)
{
	size_t at = 0;
	if (stream->n + n > stream->room) {
		stream->room = 2 * (stream->n + n);
		stream->octets = realloc(stream->octets, stream->room);
	}
	memcpy(stream->octets + stream->n, octets, n);
	stream->n += n;
	while (stream->n - at >= SMPP_HEADER_OCTETS) {
		struct smpp_reader in =
			smpp_reader_of(stream->octets + at, (uint32_t)(stream->n - at));
		uint32_t length = smpp_read_u32(&in), command_id = smpp_read_u32(&in);
		uint32_t status = smpp_read_u32(&in), sequence_number = smpp_read_u32(&in);
		if (length < SMPP_HEADER_OCTETS)
			abort(); /* neither end of the simulation loses its place */
		if (length > stream->n - at)
			break;
		pdu(watch, (struct request){ command_id, sequence_number }, status);
		at += length;
	}
	memmove(stream->octets, stream->octets + at, stream->n - at);
	stream->n -= at;
}

void watch_heard(struct watch *watch, const uint8_t *octets, size_t n)
{
	take(watch, &watch->heard, octets, n, heard);
}

void watch_said(struct watch *watch, const uint8_t *octets, size_t n)
{
	take(watch, &watch->said, octets, n, said);
}
