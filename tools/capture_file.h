/*
 * The records of a capture file: pcap (either order of octets, micro- or nanoseconds) and pcapng,
 * with the name of the interface, the comment and the direction that pcapng may give a packet. It
 * does not look into packets; tools/capture.h does. It reads forward only, so a pipe will do, and
 * holds one buffer however large the file is. No library: libpcap tells neither names nor comments
 * and refuses a file whose interfaces are of several kinds.
 */
#ifndef TOOLS_CAPTURE_FILE_H
#define TOOLS_CAPTURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CAPTURE_ERROR_OCTETS = 256,
	CAPTURE_RECORD_OCTETS = 4 << 20, /* a larger packet or interface is an error */
	CAPTURE_INTERFACES = 32768,	 /* of one section; more are an error */
	CAPTURE_NAME_OCTETS = 112,	 /* of an interface, with its NUL; a longer one is cut */
	CAPTURE_COMMENT_OCTETS = 256,	 /* of a packet, with its NUL; a longer one is cut */
};

enum capture_way {
	CAPTURE_WAY_UNKNOWN,
	CAPTURE_WAY_IN,
	CAPTURE_WAY_OUT,
};

struct capture_record {
	uint64_t number;       /* from 1, as other tools number packets */
	int64_t at_us;	       /* since 1970 */
	uint32_t link_type;    /* of https://www.tcpdump.org/linktypes.html */
	const uint8_t *octets; /* until the next record, as the texts */
	uint32_t n;
	uint32_t wire_n;       /* how many there were */
	const char *interface; /* "": none */
	const char *comment;   /* "": none */
	enum capture_way way;
};

struct capture_file;

/* "-" is the standard input. NULL: error (CAPTURE_ERROR_OCTETS) has one line. */
struct capture_file *capture_file_open(const char *path, char *error);
void capture_file_close(struct capture_file *file);

/* false: the end, or what error says if it is not "". */
bool capture_file_next(struct capture_file *file, struct capture_record *record, char *error);

/* Whether a file that begins with these octets is a capture. */
bool capture_file_is(const uint8_t octets[4]);

#endif
