/*
 * smsc-sim's log: what happened at the far end, one JSON object a line, appended. Tests read it as
 * the truth. A line is written to the file before the octets it speaks of are handed to the link,
 * so a killed simulator has said everything that its peer can have seen.
 *
 * Numbers stand in it in full and texts as hashes unless asked for: the file is made mode 0600.
 * The lines are described in smsc-sim(1). With no file everything here does nothing.
 */
#ifndef TOOLS_SIM_LOG_H
#define TOOLS_SIM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/json.h"
#include "core/port.h"

struct sim_log {
	struct port *port;
	int fd; /* -1: no log */
	bool text;
	struct buffer lines;
};

/* file NULL: no log. false: it cannot be opened, errno says why. */
__attribute__((warn_unused_result)) bool sim_log_open(struct sim_log *log, struct port *port,
						      const char *file, bool text);
void sim_log_close(struct sim_log *log);

bool sim_log_wanted(const struct sim_log *log);

/*
 * Begins a line of the given kind with its times; the caller adds members to the writer and ends
 * it. at_ms is a time of the port.
 */
struct json_writer sim_log_begin(struct sim_log *log, const char *event, int64_t at_ms);
void sim_log_end(struct sim_log *log, struct json_writer *writer);

/* One PDU. end_octets: octets of the link's stream up to and with it, 0 if it came in. */
void sim_log_pdu(struct sim_log *log, uint32_t link, int64_t at_ms, uint64_t end_octets,
		 const uint8_t *octets, size_t n);

/* Octets given to the link that are no whole PDU. */
void sim_log_octets(struct sim_log *log, uint32_t link, int64_t at_ms, uint64_t end_octets,
		    const uint8_t *octets, size_t n);

/* Writes what was begun and ended. A failure ends the process: a log with holes is no truth. */
void sim_log_flush(struct sim_log *log);

#endif
