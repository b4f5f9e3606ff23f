/*
 * PDUs written to a file that other tools open: pcapng of link type 252 (Wireshark Upper PDU), which
 * needs neither a port nor a key of TLS to be recognised. Link and session are the interface, our id
 * of the message and the window stand in the comment; `smpp-trace read` reads all of them back.
 *
 * What may not be seen is masked before it is written (smpp/mask.h); no length changes.
 */
#ifndef TOOLS_TRACE_EXPORT_H
#define TOOLS_TRACE_EXPORT_H

#include "tools/flow.h"

/* Borrowed for as long as the export lives. */
struct trace_export_want {
	const char *path;     /* as in tools/pcapng.h, and the next two */
	uint64_t file_octets; /* 0: no rotation */
	uint32_t files;
	const char
		*source; /* the file that the PDUs are read from, not to be replaced; NULL: none */
	bool text;	 /* as the source has them; else masked */
	bool numbers;
};

struct trace_export;

/* NULL: error (CAPTURE_ERROR_OCTETS) says why. */
struct trace_export *trace_export_new(const struct trace_export_want *want, char *error);
/* NULL is allowed. */
void trace_export_free(struct trace_export *export);

/* An event of a PDU. false: it cannot be written; trace_export_error says why. */
bool trace_export_add(struct trace_export *export, const struct flow_event *event);
/* What was added is in the file; or as trace_export_add. */
bool trace_export_flush(struct trace_export *export);

/* PDUs that are in the file, or the files. */
uint64_t trace_export_written(const struct trace_export *export);
/* In one line. */
const char *trace_export_error(const struct trace_export *export);

#endif
