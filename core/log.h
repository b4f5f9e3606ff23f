/*
 * The daemon's log: one line per event on standard error, made for journald and for people:
 *   2026-11-20T08:30:00.123Z info link.bound link=a/main session=7 peer=127.0.0.1:2775
 * Never a text, a password or a key; numbers of telephones by their last three digits. A sink that
 * does not take the line at once loses it, and the loss is counted: nobody waits for a log.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdint.h>

#include "config/config.h"

/* The least severity that is written; and the wall clock to stamp lines with. */
void log_setup(enum config_log_level level);
void log_clock(int64_t wall_ms);

/* Foreign octets in `fields` are escaped, lines are cut at 1,000 octets. */
__attribute__((format(printf, 3, 4))) void log_line(enum config_log_level level, const char *event,
						    const char *fields, ...);

#define log_error(...)	 log_line(CONFIG_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(CONFIG_LOG_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(CONFIG_LOG_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(CONFIG_LOG_DEBUG, __VA_ARGS__)

/*
 * From now on what is less than a warning waits for log_flush, for a warning, or until a write is
 * full: a line costs more to write than to make. log_flush ends it.
 */
void log_gather(void);
void log_flush(void);

/* Lines that the sink did not take. */
uint64_t log_dropped(void);

#endif
