/*
 * A captured session as a script: what the SMSC of it said, as rows that smsc-sim can follow
 * (tools/sim_script.h). Requests of the ESME are matched by command and order, answers come as late
 * as they did, with ids and octets as they were; what the SMSC sent by itself comes as long after
 * the request before it, or after the submit that a receipt is about, as it did then.
 */
#ifndef TOOLS_SIM_REPLAY_H
#define TOOLS_SIM_REPLAY_H

#include <stdbool.h>

#include "core/buffer.h"

/*
 * Appends the rows of a pcap or pcapng file, or the file as it is if it is neither: a script. false:
 * what is wrong was said on standard error; so are octets that the capture lacks.
 */
bool sim_replay_read(const char *file, struct buffer *script);

#endif
