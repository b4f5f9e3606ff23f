/*
 * A captured session as a script: what the SMSC of it said, as rows that smsc-sim can follow, made
 * by tools/scenario.h.
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
