/*
 * PDUs of a capture file: the source of `read`. It finds out who speaks SMPP, on any port, and which
 * of the two is the ESME; joins PDUs that were cut and marks what the capture lacks. A link is
 * called as the SMSC's end of it and the connections are its sessions; in our own export link and
 * session have their names.
 */
#ifndef TOOLS_TRACE_CAPTURE_H
#define TOOLS_TRACE_CAPTURE_H

#include "tools/trace.h"

struct trace_capture;

/* port: SMPP is what passes there, and nothing else; 0: whatever is recognised. NULL: *error. */
struct trace_capture *trace_capture_open(const char *path, uint16_t port, char *error);
void trace_capture_close(struct trace_capture *capture);

/* The next PDU, or the end of a connection of SMPP. false: the end, or *error is not "". */
bool trace_capture_next(struct trace_capture *capture, struct trace_pdu *pdu, char *error);

/* Packets that were no TCP or could not be read. */
uint64_t trace_capture_skipped(const struct trace_capture *capture);

#endif
