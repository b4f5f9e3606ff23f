/*
 * What an SMSC said, as a script that plays it again (tools/sim_script.h). Requests of the ESME are
 * matched by command and order, answers come as late as they did, with ids and octets as they were;
 * what the SMSC sent by itself comes as long after the request before it, or after the submit that a
 * receipt is about, as it did then.
 *
 *	source ── struct trace_pdu ──► scenario ──► rows of a script
 *
 * Of the ESME only commands and their order are told. smsc-sim plays captures by it (tools/
 * sim_replay.h), smpp-trace writes it down.
 */
#ifndef TOOLS_SCENARIO_H
#define TOOLS_SCENARIO_H

#include "core/buffer.h"
#include "tools/trace.h"

/* Rows: more than this is an error, for a simulator looks through them one by one. */
#define SCENARIO_ROWS 20000u

struct scenario;

enum scenario_error {
	SCENARIO_OK,
	SCENARIO_EMPTY, /* nothing that an SMSC said followed a request */
	SCENARIO_FULL,	/* more than SCENARIO_ROWS */
	SCENARIO_MEMORY,
};

/* NULL: out of memory. */
struct scenario *scenario_new(void);
void scenario_free(struct scenario *scenario);

/*
 * A PDU, or the end of a connection, in the order in which they passed. What is not whole, or has no
 * direction, is left out.
 */
void scenario_add(struct scenario *scenario, const struct trace_pdu *pdu);

/* No PDU follows. The rows are borrowed, until scenario_free. */
enum scenario_error scenario_end(struct scenario *scenario, const struct buffer **rows);

/* In words. */
const char *scenario_error_text(enum scenario_error error);

/* Milliseconds of the longest delay that was shortened to what a script can say; 0: none was. */
int64_t scenario_shortened_ms(const struct scenario *scenario);

#endif
