/* The log: format, escape, one write; see log_gather. */
#include "core/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"

#define LINE_OCTETS  1000
#define HEAD_OCTETS  96
#define WRITE_OCTETS 4096 /* of one write, at most: PIPE_BUF */
_Static_assert(4 * LINE_OCTETS + HEAD_OCTETS <= WRITE_OCTETS,
	       "a line is written whole or not at all");

static enum config_log_level least = CONFIG_LOG_INFO;
static int64_t clock_ms;
static uint64_t dropped;
static struct {
	bool on;
	size_t n;
	unsigned lines;
	char text[WRITE_OCTETS];
} gathered;

void log_setup(enum config_log_level level)
{
	least = level;
}

void log_clock(int64_t wall_ms)
{
	clock_ms = wall_ms;
}

uint64_t log_dropped(void)
{
	return dropped;
}

/* A pipe that polls writable has room for PIPE_BUF octets, which no write exceeds. */
static bool takes_a_line(void)
{
	struct pollfd sink = { .fd = STDERR_FILENO, .events = POLLOUT };
	return poll(&sink, 1, 0) == 1 && sink.revents & POLLOUT;
}

static void write_gathered(void)
{
	if (gathered.n && (!takes_a_line() ||
			   write(STDERR_FILENO, gathered.text, gathered.n) != (ssize_t)gathered.n))
		dropped += gathered.lines;
	gathered.n = 0;
	gathered.lines = 0;
}

void log_gather(void)
{
	gathered.on = true;
}

void log_flush(void)
{
	gathered.on = false;
	write_gathered();
}

void log_line(enum config_log_level level, const char *event, const char *fields, ...)
{
	char stamp[25], text[LINE_OCTETS], line[4 * LINE_OCTETS + HEAD_OCTETS];
	if (level > least)
		return;
	va_list args;
	va_start(args, fields);
	vsnprintf(text, sizeof(text), fields, args);
	va_end(args);
	json_time_text(clock_ms, stamp);
	int head = snprintf(line, HEAD_OCTETS, "%s %s %s ", stamp, config_log_level_word(level),
			    event);
	size_t n = head > 0 ? (size_t)head : 0;
	for (const char *at = text; *at; at++) {
		unsigned char octet = (unsigned char)*at;
		if (octet >= 0x20 && octet < 0x7F)
			line[n++] = *at;
		else
			n += (size_t)snprintf(line + n, 5, "\\x%02x", octet);
	}
	line[n++] = '\n';
	if (n > sizeof(gathered.text) - gathered.n)
		write_gathered();
	memcpy(gathered.text + gathered.n, line, n);
	gathered.n += n;
	gathered.lines++;
	if (!gathered.on || level <= CONFIG_LOG_WARNING)
		write_gathered();
}
