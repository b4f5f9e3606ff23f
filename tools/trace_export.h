/*
 * PDUs written to files: a capture that other tools open, and a scenario that smsc-sim plays.
 *
 * The capture is pcapng of link type 252 (Wireshark Upper PDU), which
 * needs neither a port nor a key of TLS to be recognised. Link and session are the interface, our id
 * of the message and the window stand in the comment; `smpp-trace read` reads all of them back.
 *
 * The scenario (tools/scenario.h) is written at the end, for only then it is known what was never
 * answered.
 *
 * What may not be seen is masked before it is written (smpp/mask.h); no length changes.
 */
#ifndef TOOLS_TRACE_EXPORT_H
#define TOOLS_TRACE_EXPORT_H

#include "tools/flow.h"

#define TRACE_EXPORT_LINK_TYPE 252 /* LINKTYPE_WIRESHARK_UPPER_PDU */

/* Borrowed for as long as the export lives. */
struct trace_export_want {
	const char *scenario; /* NULL: none */
	const char *path;     /* NULL: no capture; else as in tools/pcapng.h, and the next two */
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

/* An event of a PDU, or of the end of a connection. false: it cannot be written; trace_export_error says why. */
bool trace_export_add(struct trace_export *export, const struct flow_event *event);
/* What was added is in the capture; or as trace_export_add. */
bool trace_export_flush(struct trace_export *export);
/* Nothing follows: the scenario is written. Or as trace_export_add; then its file is empty. */
bool trace_export_end(struct trace_export *export);

/* PDUs that are in the capture, in one file or in several. */
uint64_t trace_export_written(const struct trace_export *export);
/* Whoever read the capture through a pipe has gone: no error, but nothing more can be written. */
bool trace_export_unread(const struct trace_export *export);
/* In one line. */
const char *trace_export_error(const struct trace_export *export);

#endif
