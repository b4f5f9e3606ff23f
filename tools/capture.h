/*
 * Packets of a capture file: what TCP over IPv4 or IPv6 carried, or whole PDUs as Wireshark exports
 * them (link type 252). It knows nothing of SMPP and puts nothing in order; tools/capture_stream.h
 * does that.
 *
 *	capture_file ──► records ──► capture ──► packets ──► capture_stream ──► octets in order
 */
#ifndef TOOLS_CAPTURE_H
#define TOOLS_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/capture_file.h"

/* One end of a connection. */
struct capture_end {
	uint8_t address[16]; /* IPv4: the first four */
	uint16_t port;
	bool six;
};

struct capture_packet {
	uint64_t number; /* of its record */
	int64_t at_us;	 /* since 1970 */
	struct capture_end from;
	struct capture_end to;
	bool whole; /* octets are whole PDUs: there is no sequence */
	uint32_t sequence;
	uint32_t acknowledged; /* if ack */
	bool syn;
	bool ack;
	bool fin;
	bool rst;
	const uint8_t *octets; /* until the next packet */
	size_t n;	       /* 0 where only the flags say something */
	size_t cut;	       /* octets behind them that the capture has not */
	/* What pcapng says; "" and UNKNOWN where it says nothing. Live as long as octets. */
	const char *interface;
	const char *comment;
	enum capture_way way;
};

struct capture;

/* NULL: error (CAPTURE_ERROR_OCTETS) has one line. */
struct capture *capture_open(const char *file, char *error);
void capture_close(struct capture *capture);

/* The next packet of TCP; others are counted. false: the end, or what error says if it is not "". */
bool capture_next(struct capture *capture, struct capture_packet *packet, char *error);

/* Packets that could not be understood: other protocols, fragments, cut headers. */
uint64_t capture_skipped(const struct capture *capture);

#endif
