/* The files of tools/capture.h. */
#include "tools/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smpp/octets.h"

/* https://www.tcpdump.org/linktypes.html; raw IP has three numbers. */
enum link_type {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_12 = 12,
	LINK_RAW_14 = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_LINUX_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_UPPER_PDU = 252,
	LINK_LINUX_SLL2 = 276,
};

struct capture {
	struct capture_file *file;
	uint64_t skipped;
};

struct capture *capture_open(const char *file, char *error)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	if (capture == NULL) {
		snprintf(error, CAPTURE_ERROR_OCTETS, "out of memory");
		return NULL;
	}
	capture->file = capture_file_open(file, error);
	if (capture->file != NULL)
		return capture;
	free(capture);
	return NULL;
}

void capture_close(struct capture *capture)
{
	if (capture == NULL)
		return;
	capture_file_close(capture->file);
	free(capture);
}

uint64_t capture_skipped(const struct capture *capture)
{
	return capture->skipped;
}

/* ---- TCP, IP ---- */

/* What is left of a packet behind its headers; the lengths on the wire may be larger. */
static bool read_tcp(struct smpp_reader *reader, uint32_t ip_n, struct capture_packet *packet)
{
	uint32_t header_n, payload_n;
	uint8_t flags;

	packet->from.port = smpp_read_u16(reader);
	packet->to.port = smpp_read_u16(reader);
	packet->sequence = smpp_read_u32(reader);
	packet->acknowledged = smpp_read_u32(reader);
	header_n = (uint32_t)(smpp_read_u8(reader) >> 4) * 4;
	flags = smpp_read_u8(reader);
	if (reader->bad || header_n < 20 || header_n > ip_n)
		return false;
	smpp_read_octets(reader, header_n - 14);
	if (reader->bad)
		return false;
	packet->fin = flags & 0x01;
	packet->syn = flags & 0x02;
	packet->rst = flags & 0x04;
	packet->ack = flags & 0x10;
	payload_n = ip_n - header_n;
	packet->n = payload_n < smpp_reader_left(reader) ? payload_n : smpp_reader_left(reader);
	packet->cut = payload_n - packet->n;
	packet->octets = smpp_read_octets(reader, (uint32_t)packet->n).at;
	return true;
}

static bool read_ipv4(struct smpp_reader *reader, struct capture_packet *packet)
{
	uint32_t header_n = (uint32_t)(smpp_read_u8(reader) & 0x0F) * 4;
	uint32_t total_n, fragment;
	struct smpp_octets addresses;
	uint8_t protocol;

	smpp_read_u8(reader);
	total_n = smpp_read_u16(reader);
	smpp_read_u16(reader);
	fragment = smpp_read_u16(reader) & 0x3FFFu; /* more to come, or not the first */
	smpp_read_u8(reader);
	protocol = smpp_read_u8(reader);
	smpp_read_u16(reader);
	addresses = smpp_read_octets(reader, 8);
	if (reader->bad || header_n < 20 || fragment != 0 || protocol != 6)
		return false;
	memcpy(packet->from.address, addresses.at, 4);
	memcpy(packet->to.address, addresses.at + 4, 4);
	smpp_read_octets(reader, header_n - 20);
	if (total_n == 0) /* left to the hardware that sent it */
		total_n = smpp_reader_left(reader) + header_n;
	return !reader->bad && total_n >= header_n && read_tcp(reader, total_n - header_n, packet);
}

static bool read_ipv6(struct smpp_reader *reader, struct capture_packet *packet)
{
	struct smpp_octets addresses;
	uint32_t payload_n;
	uint8_t next;

	smpp_read_u32(reader);
	payload_n = smpp_read_u16(reader);
	next = smpp_read_u8(reader);
	smpp_read_u8(reader);
	addresses = smpp_read_octets(reader, 32);
	if (reader->bad || next != 6)
		return false;
	packet->from.six = packet->to.six = true;
	memcpy(packet->from.address, addresses.at, 16);
	memcpy(packet->to.address, addresses.at + 16, 16);
	return read_tcp(reader, payload_n, packet);
}

static bool read_ip(struct smpp_reader *reader, struct capture_packet *packet)
{
	uint8_t version = smpp_reader_left(reader) == 0 ? 0 : reader->at[reader->next] >> 4;

	if (version == 4)
		return read_ipv4(reader, packet);
	return version == 6 && read_ipv6(reader, packet);
}

/* ---- links ---- */

static bool read_ethernet(struct smpp_reader *reader, struct capture_packet *packet)
{
	uint16_t type;

	smpp_read_octets(reader, 12);
	type = smpp_read_u16(reader);
	while (type == 0x8100 || type == 0x88A8) { /* tags of a VLAN */
		smpp_read_u16(reader);
		type = smpp_read_u16(reader);
	}
	return !reader->bad && read_ip(reader, packet);
}

/* Tags before the octets say who spoke to whom. */
static bool read_upper_pdu(struct smpp_reader *reader, struct capture_packet *packet)
{
	uint16_t tag, n;

	packet->whole = true;
	do {
		struct smpp_octets value;
		struct smpp_reader number;

		tag = smpp_read_u16(reader);
		n = smpp_read_u16(reader);
		value = smpp_read_octets(reader, n);
		number = smpp_reader_of(value.at, value.n);
		/* From and to, by IPv4 and then by IPv6. */
		if (tag >= 20 && tag <= 23 && value.n == (tag < 22 ? 4 : 16)) {
			struct capture_end *end = tag % 2 == 0 ? &packet->from : &packet->to;

			memcpy(end->address, value.at, value.n);
			end->six = tag >= 22;
		}
		if (tag == 25)
			packet->from.port = (uint16_t)smpp_read_u32(&number);
		if (tag == 26)
			packet->to.port = (uint16_t)smpp_read_u32(&number);
	} while (tag != 0 && !reader->bad);
	packet->n = smpp_reader_left(reader);
	packet->octets = smpp_read_octets(reader, (uint32_t)packet->n).at;
	return !reader->bad;
}

static bool read_link(uint32_t link_type, struct smpp_reader *reader, struct capture_packet *packet)
{
	switch ((enum link_type)link_type) {
	case LINK_ETHERNET:
		return read_ethernet(reader, packet);
	case LINK_LINUX_SLL:
		smpp_read_octets(reader, 16);
		return read_ip(reader, packet);
	case LINK_LINUX_SLL2:
		smpp_read_octets(reader, 20);
		return read_ip(reader, packet);
	case LINK_NULL:
	case LINK_LOOP:
		smpp_read_octets(reader, 4);
		return read_ip(reader, packet);
	case LINK_RAW_12:
	case LINK_RAW_14:
	case LINK_RAW:
	case LINK_IPV4:
	case LINK_IPV6:
		return read_ip(reader, packet);
	case LINK_UPPER_PDU:
		return read_upper_pdu(reader, packet);
	}
	return false;
}

bool capture_next(struct capture *capture, struct capture_packet *packet, char *error)
{
	struct capture_record record;

	while (capture_file_next(capture->file, &record, error)) {
		struct smpp_reader reader = smpp_reader_of(record.octets, record.n);

		*packet = (struct capture_packet){ .number = record.number,
						   .at_us = record.at_us,
						   .interface = record.interface,
						   .comment = record.comment,
						   .way = record.way };
		if (read_link(record.link_type, &reader, packet))
			return true;
		capture->skipped++;
	}
	return false;
}
