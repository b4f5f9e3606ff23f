/*
 * Writes captures as pcapng (draft-ietf-opsawg-pcapng): packets of one link type, each on an
 * interface that has a name, with a direction and a comment. It does not know what packets hold;
 * tools/capture_file.h reads them back.
 *
 * Only whole blocks are written: where the disk is full, the file ends with the last packets that
 * went there as a whole and can be read. With a rotation every file can be read by itself.
 *
 *	trace.pcapng  ──rotation──►  trace_00001.pcapng, trace_00002.pcapng...
 */
#ifndef TOOLS_PCAPNG_H
#define TOOLS_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/capture_file.h"

/* Borrowed for as long as the writer lives. */
struct pcapng_want {
	const char *path;     /* "-": the standard output, which has no rotation */
	const char *source;   /* what is read meanwhile and not to be replaced; NULL: nothing */
	const char *program;  /* that writes, with its version */
	const char *comment;  /* of each file; "": none */
	uint16_t link_type;   /* of https://www.tcpdump.org/linktypes.html */
	uint64_t file_octets; /* a file does not grow above it; 0: there is one file */
	uint32_t files;	      /* that are kept, older ones are removed; 0: all */
};

struct pcapng_packet {
	const char *interface; /* shorter than CAPTURE_NAME_OCTETS */
	const char *comment;   /* "": none */
	int64_t at_us;	       /* since 1970 */
	enum capture_way way;
	const uint8_t *octets;
	size_t n;
};

struct pcapng;

/* Replaces what is there; only the user may read it. NULL: error (CAPTURE_ERROR_OCTETS) says why. */
struct pcapng *pcapng_new(const struct pcapng_want *want, char *error);
/* Without pcapng_flush what was not yet written is lost. NULL is allowed. */
void pcapng_free(struct pcapng *pcapng);

/* false: it cannot be written, nor can anything after it; pcapng_error says why. */
bool pcapng_add(struct pcapng *pcapng, const struct pcapng_packet *packet);
/* Gives the system what is still waited with: nothing to do, or as pcapng_add. */
bool pcapng_flush(struct pcapng *pcapng);

/* Packets that the system has taken as a whole. */
uint64_t pcapng_written(const struct pcapng *pcapng);
/* Was it a pipe whose reader has gone? Then nothing is wrong, and nothing can be written. */
bool pcapng_unread(const struct pcapng *pcapng);
/* In one line, with the name of the file; "": nothing is wrong. */
const char *pcapng_error(const struct pcapng *pcapng);

#endif
