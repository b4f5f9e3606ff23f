/* See tools/pcapng.h. Numbers are little-endian, times are microseconds. */
#include "tools/pcapng.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "core/buffer.h"
#include "tools/own_file.h"

#define FLUSH_OCTETS (256u << 10)

enum block {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0A0D0D0A,
};

enum option {
	OPTION_END = 0,
	OPTION_COMMENT = 1, /* of a block of any kind */
	OPTION_SECTION_PROGRAM = 4,
	OPTION_INTERFACE_NAME = 2,
	OPTION_INTERFACE_RESOLUTION = 9,
	OPTION_PACKET_FLAGS = 2,
};

/* Of the section that is being written. */
struct interface {
	char name[CAPTURE_NAME_OCTETS];
	uint32_t number;
	UT_hash_handle hh;
};

struct pcapng {
	struct pcapng_want want;
	int fd;
	char path[PATH_MAX];
	uint32_t file;	      /* of a rotation, from 1 */
	uint64_t file_octets; /* of the file, that the system has taken */
	uint64_t file_packets;
	struct buffer out; /* whole blocks */
	uint64_t waiting;  /* packets in it */
	uint64_t written;
	struct interface *interfaces;
	bool unread; /* by whom the pipe was for */
	char error[CAPTURE_ERROR_OCTETS + PATH_MAX];
};

/* Always false. What was said first stays: the rest follows from it. */
static bool fail(struct pcapng *pcapng, const char *text)
{
	if (pcapng->error[0] == '\0')
		snprintf(pcapng->error, sizeof(pcapng->error),
			 "%s: %s (%" PRIu64 " packets written)", pcapng->path, text,
			 pcapng->written);
	return false;
}

/* ---- blocks ---- */

static void put_u16(struct buffer *out, uint32_t value)
{
	uint8_t octets[] = { (uint8_t)value, (uint8_t)(value >> 8) };

	buffer_append(out, octets, sizeof(octets));
}

static void put_u32(struct buffer *out, uint32_t value)
{
	put_u16(out, value & 0xFFFF);
	put_u16(out, value >> 16);
}

static void put_padded(struct buffer *out, const void *octets, size_t n)
{
	static const uint8_t zeros[3];

	buffer_append(out, octets, n);
	buffer_append(out, zeros, -n & 3);
}

static void put_option(struct buffer *out, enum option code, const void *octets, size_t n)
{
	if (n == 0)
		return;
	put_u16(out, code);
	put_u16(out, (uint32_t)n);
	put_padded(out, octets, n);
}

/* Where the block begins. */
static size_t begin_block(struct buffer *out, enum block type)
{
	put_u32(out, type);
	put_u32(out, 0); /* its length, when it is known */
	return out->n - 8;
}

static void end_block(struct buffer *out, size_t from)
{
	uint32_t n;

	put_u32(out, OPTION_END);
	n = (uint32_t)(out->n - from) + 4;
	put_u32(out, n);
	if (out->failed)
		return;
	for (size_t i = 0; i < 4; i++)
		out->octets[from + 4 + i] = (uint8_t)(n >> 8 * i);
}

static void forget_interfaces(struct pcapng *pcapng)
{
	struct interface *interface, *next;

	HASH_ITER(hh, pcapng->interfaces, interface, next) {
		HASH_DEL(pcapng->interfaces, interface);
		free(interface);
	}
}

static void begin_section(struct pcapng *pcapng)
{
	struct buffer *out = &pcapng->out;
	size_t from = begin_block(out, BLOCK_SECTION);

	forget_interfaces(pcapng);
	put_u32(out, 0x1A2B3C4D); /* says the order of octets */
	put_u16(out, 1);
	put_u16(out, 0);
	put_u32(out, UINT32_MAX); /* of a length that nobody knows yet */
	put_u32(out, UINT32_MAX);
	put_option(out, OPTION_COMMENT, pcapng->want.comment, strlen(pcapng->want.comment));
	put_option(out, OPTION_SECTION_PROGRAM, pcapng->want.program, strlen(pcapng->want.program));
	end_block(out, from);
}

static void put_interface(struct pcapng *pcapng, const char *name)
{
	static const uint8_t microseconds = 6;
	struct buffer *out = &pcapng->out;
	size_t from = begin_block(out, BLOCK_INTERFACE);

	put_u16(out, pcapng->want.link_type);
	put_u16(out, 0);
	put_u32(out, 0); /* packets of any length */
	put_option(out, OPTION_INTERFACE_NAME, name, strlen(name));
	put_option(out, OPTION_INTERFACE_RESOLUTION, &microseconds, 1);
	end_block(out, from);
}

/* As many as a section may have for our reader; then another section begins. NULL: no memory. */
static const struct interface *interface_of(struct pcapng *pcapng, const char *name)
{
	struct interface *interface;
	size_t n = strlen(name);

	HASH_FIND(hh, pcapng->interfaces, name, n, interface);
	if (interface != NULL)
		return interface;
	if (HASH_COUNT(pcapng->interfaces) == CAPTURE_INTERFACES)
		begin_section(pcapng);
	interface = calloc(1, sizeof(*interface));
	if (interface == NULL)
		return NULL;
	memcpy(interface->name, name, n);
	interface->number = HASH_COUNT(pcapng->interfaces);
	HASH_ADD(hh, pcapng->interfaces, name, n, interface);
	put_interface(pcapng, name);
	return interface;
}

static bool put_packet(struct pcapng *pcapng, const struct pcapng_packet *packet)
{
	const struct interface *interface = interface_of(pcapng, packet->interface);
	uint64_t at_us = (uint64_t)packet->at_us;
	const uint8_t flags[4] = { (uint8_t)packet->way };
	struct buffer *out = &pcapng->out;
	size_t from;

	if (interface == NULL)
		return false;
	from = begin_block(out, BLOCK_PACKET);
	put_u32(out, interface->number);
	put_u32(out, (uint32_t)(at_us >> 32));
	put_u32(out, (uint32_t)at_us);
	put_u32(out, (uint32_t)packet->n);
	put_u32(out, (uint32_t)packet->n);
	put_padded(out, packet->octets, packet->n);
	put_option(out, OPTION_COMMENT, packet->comment, strlen(packet->comment));
	put_option(out, OPTION_PACKET_FLAGS, flags, sizeof(flags));
	end_block(out, from);
	return !out->failed;
}

/* ---- files ---- */

/* "a/trace.pcapng" and 7: "a/trace_00007.pcapng". */
static bool name_file(const struct pcapng *pcapng, uint32_t file, char path[PATH_MAX])
{
	const char *whole = pcapng->want.path;
	const char *slash = strrchr(whole, '/');
	const char *dot = strrchr(whole, '.');
	size_t n = strlen(whole);
	int length;

	if (dot != NULL && dot > (slash != NULL ? slash + 1 : whole))
		n = (size_t)(dot - whole);
	if (file == 0)
		length = snprintf(path, PATH_MAX, "%s", whole);
	else
		length = snprintf(path, PATH_MAX, "%.*s_%05" PRIu32 "%s", (int)n, whole, file,
				  whole + n);
	return length > 0 && length < PATH_MAX;
}

static bool open_file(struct pcapng *pcapng)
{
	const char *error = NULL;

	if (strcmp(pcapng->want.path, "-") == 0) {
		memcpy(pcapng->path, "standard output", sizeof("standard output"));
		pcapng->fd = STDOUT_FILENO;
	} else if (!name_file(pcapng, pcapng->file, pcapng->path)) {
		return fail(pcapng, strerror(ENAMETOOLONG));
	} else {
		pcapng->fd = own_file_open(pcapng->path, pcapng->want.source, &error);
	}
	if (pcapng->fd < 0)
		return fail(pcapng, error);
	pcapng->file_octets = pcapng->file_packets = 0;
	begin_section(pcapng);
	return pcapng_flush(pcapng);
}

static bool close_file(struct pcapng *pcapng)
{
	int fd = pcapng->fd;

	pcapng->fd = -1;
	/* Some file systems say only here that there was no room. */
	return fd <= STDOUT_FILENO || close(fd) == 0 || fail(pcapng, strerror(errno));
}

static bool next_file(struct pcapng *pcapng)
{
	char oldest[PATH_MAX];

	if (!pcapng_flush(pcapng) || !close_file(pcapng))
		return false;
	pcapng->file++;
	if (pcapng->want.files > 0 && pcapng->file > pcapng->want.files &&
	    name_file(pcapng, pcapng->file - pcapng->want.files, oldest))
		unlink(oldest); /* somebody may have moved it away */
	return open_file(pcapng);
}

/* Back to its last whole block; what is no regular file has no end to be mended. */
static bool cut_file(const struct pcapng *pcapng)
{
	return pcapng->fd == STDOUT_FILENO ||
	       ftruncate(pcapng->fd, (off_t)pcapng->file_octets) == 0 || errno == EINVAL;
}

bool pcapng_flush(struct pcapng *pcapng)
{
	struct buffer *out = &pcapng->out;
	size_t done = 0;

	if (pcapng->error[0] != '\0')
		return false;
	if (out->failed)
		return fail(pcapng, "out of memory");
	while (done < out->n) {
		ssize_t n = write(pcapng->fd, out->octets + done, out->n - done);
		int reason = errno;

		if (n < 0 && reason == EINTR)
			continue;
		if (n < 0) {
			pcapng->unread = reason == EPIPE;
			return fail(pcapng, cut_file(pcapng) ? strerror(reason) :
							       "its last packet is not whole");
		}
		done += (size_t)n;
	}
	pcapng->file_octets += out->n;
	pcapng->written += pcapng->waiting;
	pcapng->waiting = 0;
	buffer_clear(out);
	return true;
}

bool pcapng_add(struct pcapng *pcapng, const struct pcapng_packet *packet)
{
	uint64_t room = pcapng->want.file_octets;
	size_t before = pcapng->out.n;

	if (pcapng->error[0] != '\0')
		return false;
	if (!put_packet(pcapng, packet))
		return fail(pcapng, "out of memory");
	if (room > 0 && pcapng->file_octets + pcapng->out.n > room && pcapng->file_packets > 0) {
		pcapng->out.n = before; /* it is the first of the next file */
		if (!next_file(pcapng))
			return false;
		if (!put_packet(pcapng, packet))
			return fail(pcapng, "out of memory");
	}
	pcapng->file_packets++;
	pcapng->waiting++;
	return pcapng->out.n < FLUSH_OCTETS || pcapng_flush(pcapng);
}

/* ---- the whole ---- */

struct pcapng *pcapng_new(const struct pcapng_want *want, char *error)
{
	struct pcapng *pcapng = calloc(1, sizeof(*pcapng));

	if (pcapng == NULL) {
		snprintf(error, CAPTURE_ERROR_OCTETS, "out of memory");
		return NULL;
	}
	pcapng->want = *want;
	pcapng->file = want->file_octets > 0;
	if (open_file(pcapng))
		return pcapng;
	snprintf(error, CAPTURE_ERROR_OCTETS, "%.*s", CAPTURE_ERROR_OCTETS - 1, pcapng->error);
	pcapng_free(pcapng);
	return NULL;
}

void pcapng_free(struct pcapng *pcapng)
{
	if (pcapng == NULL)
		return;
	close_file(pcapng);
	forget_interfaces(pcapng);
	buffer_release(&pcapng->out);
	free(pcapng);
}

uint64_t pcapng_written(const struct pcapng *pcapng)
{
	return pcapng->written;
}

bool pcapng_unread(const struct pcapng *pcapng)
{
	return pcapng->unread;
}

const char *pcapng_error(const struct pcapng *pcapng)
{
	return pcapng->error;
}
