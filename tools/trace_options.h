/*
 * What smpp-trace was asked to do: its command line, read and checked. Used by tools/smpp_trace.c.
 */
#ifndef TOOLS_TRACE_OPTIONS_H
#define TOOLS_TRACE_OPTIONS_H

#include "core/buffer.h"
#include "tools/filter.h"
#include "tools/trace_extcap.h"
#include "tools/trace_view.h"

#define TRACE_NAMES 64 /* of -e */

enum trace_command {
	TRACE_DECODE,
	TRACE_READ,
	TRACE_LIVE,
	TRACE_PROXY,
	TRACE_MESSAGE,
	TRACE_ORDER,
	TRACE_EXPLAIN,
	TRACE_EXTCAP,
};

struct trace_options {
	enum trace_command command;
	enum trace_extcap extcap;
	bool verbose;
	bool ladder;
	bool summary;
	bool redact; /* what is written, whatever is shown */
	bool interactive;
	enum trace_format format; /* of -T; TRACE_LINE: none was given */
	char *names[TRACE_NAMES]; /* of -e */
	size_t n_names;
	struct filter *filter;	 /* NULL: everything is to be seen; the caller frees it */
	const char *filter_text; /* NULL without */
	uint16_t port;		 /* read: 0 is any */
	int64_t unanswered_us;
	struct smpp_print_options print;
	const char *write_path;	   /* NULL: nothing is written */
	const char *scenario_path; /* the same */
	uint64_t rotate_octets;	   /* 0: it is one file */
	uint32_t rotate_files;	   /* 0: all are kept */
	const char *socket_path;
	const char *link;      /* "": all */
	char listen_host[256]; /* proxy; "": not given */
	uint16_t listen_port;
	char to_host[256]; /* the same */
	uint16_t to_port;
	bool to_tls;
	const char *to_ca; /* NULL: as the system trusts */
	char **words;	   /* behind the command; 1 or more, but none for live */
	size_t n_words;
};

/* Are PDUs, or their summary, shown? What is written is not, unless a view was asked for. */
bool trace_options_show(const struct trace_options *options);

/* Reads the command line. --help and --version end the process with 0, a mistake with 2. */
void trace_options_read(struct trace_options *options, int argc, char **argv);

#endif
