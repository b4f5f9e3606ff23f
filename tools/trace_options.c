/*
 * smpp-trace's command line by argp. Says what is wrong and exits 2; decides nothing else.
 */
#include "tools/trace_options.h"

#include <argp.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/address.h"
#include "tools/trace_live.h"

#define HOST_OCTETS	  sizeof(((struct trace_options *)NULL)->to_host)
#define AFTER_US_MAX	  (INT64_C(1000000) * 1000000)
#define ROTATE_OCTETS_MIN (64u << 10)
#define ROTATE_OCTETS_MAX (UINT64_C(1024) << 30)

enum key {
	KEY_TEXT = 0x100, /* behind every character: no short options */
	KEY_NUMBERS,
	KEY_SOCKET,
	KEY_ALPHABET,
	KEY_LADDER,
	KEY_PORT,
	KEY_AFTER,
	KEY_ROTATE,
	KEY_REDACT,
	KEY_SCENARIO,
	KEY_INTERFACES,
	KEY_INTERFACE,
	KEY_DLTS,
	KEY_CONFIG,
	KEY_CAPTURE,
	KEY_VERSION,
	KEY_LISTEN,
	KEY_TO,
	KEY_TO_TLS,
};

static const struct argp_option rows[] = {
	{ "verbose", 'v', NULL, 0, "A block for each PDU: every field with its octets", 1 },
	{ "ladder", KEY_LADDER, NULL, 0, "Arrows between the ESME and the carrier", 1 },
	{ "summary", 'c', NULL, 0, "Figures of the whole at the end, and no PDUs", 1 },
	{ "interactive", 'i', NULL, 0, "read, live, proxy: on the whole screen; ? tells the keys",
	  1 },
	{ "format", 'T', "FORMAT", 0,
	  "text (the default), json (one object a line), fields or csv (those of -e)", 1 },
	{ "field", 'e', "NAME", 0, "A column of -T fields or csv: a member of the JSON object", 1 },
	{ "filter", 'f', "EXPR", 0, "Only PDUs for which it holds: cmd=submit_sm & rtt>200ms", 1 },
	{ "extcap-capture-filter", 0, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0 },
	{ "unanswered-after", KEY_AFTER, "TIME", 0,
	  "When a request counts as unanswered: 500ms, 5s, 2m (60s)", 1 },
	{ "text", KEY_TEXT, NULL, 0, "Show texts; otherwise their length", 1 },
	{ "numbers", KEY_NUMBERS, NULL, 0, "Show numbers; otherwise their last three digits", 1 },
	{ "alphabet", KEY_ALPHABET, "NAME", 0,
	  "What data_coding 0 means: gsm7 (the default), latin1, ascii or ucs2", 1 },
	{ "port", KEY_PORT, "PORT", 0, "read: SMPP is on this port only (any, if recognised)", 2 },
	{ "socket", KEY_SOCKET, "PATH", 0,
	  "live, message, order: the daemon's tap socket (ESMED_TAP, or " TRACE_TAP_SOCKET ")", 2 },
	{ "link", 'p', "NAME", 0, "live: only this link, or the links of this provider", 2 },
	{ "listen", KEY_LISTEN, "[HOST:]PORT", 0,
	  "proxy: where the ESME connects to; loopback without HOST, a free port with 0", 2 },
	{ "to", KEY_TO, "HOST:PORT", 0, "proxy: the SMSC", 2 },
	{ "to-tls", KEY_TO_TLS, "FILE", OPTION_ARG_OPTIONAL,
	  "proxy: TLS to the SMSC, which the system must trust, or the certificates in FILE", 2 },
	{ "write", 'w', "FILE", 0,
	  "live, read, proxy: write pcapng (- is standard output) instead of showing; both with -v, -c, -T json...",
	  3 },
	{ "fifo", 0, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0 },
	{ "rotate", KEY_ROTATE, "SIZE[,COUNT]", 0,
	  "-w: files FILE_00001... of SIZE (100K, 10M, 1G) at most; keep the last COUNT", 3 },
	{ "scenario", KEY_SCENARIO, "FILE", 0,
	  "live, read, proxy: write what the carrier said, for smsc-sim --replay", 3 },
	{ "redact", KEY_REDACT, NULL, 0,
	  "-w, --scenario: mask texts and numbers in the file although --text and --numbers show them",
	  3 },
	/* Wireshark's own words, with two aliases above. */
	{ "extcap-interfaces", KEY_INTERFACES, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "extcap-interface", KEY_INTERFACE, "NAME", OPTION_HIDDEN, NULL, 0 },
	{ "extcap-dlts", KEY_DLTS, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "extcap-config", KEY_CONFIG, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "capture", KEY_CAPTURE, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "extcap-version", KEY_VERSION, "VERSION", OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

static const char args_doc[] =
	"decode HEX...|-\nread FILE|-\nlive\nproxy --listen=PORT --to=HOST:PORT\nmessage ID\norder NUMBER\nexplain STATUS|TLV|FIELD|PDU...";
static const char doc[] =
	"Shows SMPP PDUs: from hexadecimal, from a capture, as they pass through a running esmed or "
	"between any ESME and any SMSC, or as esmed's store has them.\v"
	"decode reads hexadecimal in any usual form, or from standard input with -. read takes "
	"pcap and pcapng. live shows PDUs until it is interrupted, and so does proxy, which passes them on as they are. "
	"message and order rebuild what happened from the daemon's store. explain says what a status, a TLV, a field or a PDU is. "
	"Passwords are never shown. Exit status: 0 all well, 1 a PDU or the hexadecimal cannot be "
	"read or the daemon cannot be reached, 2 the command line is wrong.";

static const struct {
	const char *name;
	enum trace_command command;
	size_t least; /* words that it needs */
	size_t most;
} commands[] = {
	{ "decode", TRACE_DECODE, 1, SIZE_MAX },
	{ "read", TRACE_READ, 1, 1 },
	{ "live", TRACE_LIVE, 0, 0 },
	{ "proxy", TRACE_PROXY, 0, 0 },
	{ "message", TRACE_MESSAGE, 1, 1 },
	{ "order", TRACE_ORDER, 1, 1 },
	{ "explain", TRACE_EXPLAIN, 1, SIZE_MAX },
};

static const struct {
	const char *name;
	enum trace_format format;
} formats[] = {
	{ "text", TRACE_LINE },
	{ "json", TRACE_JSON },
	{ "fields", TRACE_FIELDS },
	{ "csv", TRACE_CSV },
};

static void read_alphabet(struct argp_state *state, struct trace_options *options, const char *name)
{
	for (unsigned i = 0; i < SMPP_ALPHABETS; i++) {
		if (strcmp(smpp_coding_name((enum smpp_alphabet)i), name) == 0) {
			options->print.of_zero = (enum smpp_alphabet)i;
			return;
		}
	}
	argp_error(state, "--alphabet=%s is none of gsm7, latin1, ascii, ucs2, binary", name);
}

static void read_words(struct argp_state *state, struct trace_options *options)
{
	const char *name = state->argv[state->next - 1];

	options->words = state->argv + state->next;
	options->n_words = (size_t)(state->argc - state->next);
	state->next = state->argc;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		options->command = commands[i].command;
		if (options->n_words < commands[i].least)
			argp_error(state, "%s: what? See --help", name);
		if (options->n_words > commands[i].most)
			argp_error(state, "%s: `%s` is one word too many", name,
				   options->words[commands[i].most]);
		return;
	}
	argp_error(state,
		   "`%s` is no command; decode, read, live, proxy, message, order and explain are",
		   name);
}

static void read_format(struct argp_state *state, struct trace_options *options, const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i].name, name) == 0) {
			options->format = formats[i].format;
			return;
		}
	}
	argp_error(state, "--format=%s is none of text, json, fields, csv", name);
}

static uint32_t read_number(struct argp_state *state, const char *option, const char *text,
			    uint32_t most)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || number == 0 || number > most)
		argp_error(state, "--%s=%s is no number from 1 to %" PRIu32, option, text, most);
	return (uint32_t)number;
}

/* "10M" or "10M,5" */
static void read_rotation(struct argp_state *state, struct trace_options *options, const char *text)
{
	static const struct {
		char letter;
		uint64_t octets;
	} units[] = { { 'K', 1u << 10 }, { 'M', 1u << 20 }, { 'G', 1u << 30 } };
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	options->rotate_octets = 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (*end == units[i].letter && number <= ROTATE_OCTETS_MAX / units[i].octets)
			options->rotate_octets = number * units[i].octets;
	if (text[0] < '0' || text[0] > '9' || options->rotate_octets < ROTATE_OCTETS_MIN)
		argp_error(state, "--rotate=%s: a size is a number with K, M or G, 64K to 1024G",
			   text);
	else if (end[1] == ',')
		options->rotate_files = read_number(state, "rotate", end + 2, 99999);
	else if (end[1] != '\0')
		argp_error(state,
			   "--rotate=%s: behind the size is only room for a comma and a "
			   "count of files",
			   text);
}

static void add_name(struct argp_state *state, struct trace_options *options, char *name)
{
	if (options->n_names == TRACE_NAMES)
		argp_error(state, "-e: more than %d fields", TRACE_NAMES);
	else
		options->names[options->n_names++] = name;
}

/* A mistake is pointed at, and ends the process. Wireshark reads it from the standard output, of a success. */
static void read_filter(struct trace_options *options)
{
	const char *text = options->filter_text;
	struct filter_error error;

	options->filter = filter_new(text, &error);
	if (options->filter != NULL)
		return;
	if (options->extcap == TRACE_EXTCAP_FILTER) {
		printf("column %" PRIu32 ": %s\n", error.column, error.text);
		exit(EXIT_SUCCESS);
	}
	fprintf(stderr, "smpp-trace: filter, column %" PRIu32 ": %s\n  %s\n  %*s^\n", error.column,
		error.text, text, (int)error.column - 1, "");
	exit(argp_err_exit_status);
}

bool trace_options_show(const struct trace_options *options)
{
	return (options->write_path == NULL && options->scenario_path == NULL) ||
	       options->verbose || options->ladder || options->summary ||
	       options->format != TRACE_LINE;
}

/* Do PDUs of a session pass, and not only those that somebody has pasted? */
static bool passes(const struct trace_options *options)
{
	return options->command == TRACE_LIVE || options->command == TRACE_READ ||
	       options->command == TRACE_PROXY;
}

static void read_address(struct argp_state *state, const char *option, const char *text,
			 const char *otherwise, char *host, uint16_t *port)
{
	if (!address_read(text, otherwise, host, HOST_OCTETS, port))
		argp_error(state, "--%s=%s is no HOST:PORT, such as 127.0.0.1:2775", option, text);
}

static void check_proxy(struct argp_state *state, const struct trace_options *options)
{
	bool listens = options->listen_host[0] != '\0', to = options->to_host[0] != '\0';

	if (options->command != TRACE_PROXY && (listens || to || options->to_tls))
		argp_error(state, "--listen, --to and --to-tls are for proxy");
	if (options->command != TRACE_PROXY)
		return;
	if (!listens || !to)
		argp_error(state, "proxy wants --listen=PORT and --to=HOST:PORT");
	if (options->to_port == 0)
		argp_error(state, "--to: nobody listens on port 0");
}

static void check_write(struct argp_state *state, const struct trace_options *options)
{
	bool writes = options->write_path != NULL || options->scenario_path != NULL;

	if (options->rotate_octets > 0 && options->write_path == NULL)
		argp_error(state, "--rotate wants -w FILE");
	if (options->redact && !writes)
		argp_error(state, "--redact wants -w FILE or --scenario FILE");
	if (writes && !passes(options))
		argp_error(state, "-w and --scenario are for live, read and proxy");
	if (options->write_path != NULL && strcmp(options->write_path, "-") == 0 &&
	    (options->rotate_octets > 0 || trace_options_show(options)))
		argp_error(state, "-w -: the standard output has no rotation, nor room for a view");
}

static void check_extcap(struct argp_state *state, struct trace_options *options)
{
	bool captures = options->extcap == TRACE_EXTCAP_CAPTURE;

	options->command = captures ? TRACE_LIVE : TRACE_EXTCAP;
	if (captures && options->write_path == NULL)
		argp_error(state, "--capture wants --fifo=FILE");
	/*
	 * Until the process ends, for whatever reason: Wireshark waits for ever for a pipe that nobody
	 * opened, and shows no error. What is wrong with the path is told when it is opened to be written.
	 */
	if (captures && options->write_path != NULL)
		open(options->write_path, O_WRONLY | O_CLOEXEC);
}

static bool asks_daemon(enum trace_command command)
{
	return command == TRACE_LIVE || command == TRACE_MESSAGE || command == TRACE_ORDER;
}

static void check_id(struct argp_state *state, const struct trace_options *options)
{
	const char *id = options->words[0];

	if (options->command == TRACE_MESSAGE && strncmp(id, "BX-", 3) != 0)
		argp_error(state, "message: `%s` is no id of a message of ours, BX-...", id);
	if (options->command == TRACE_ORDER &&
	    (*id == '\0' || id[strspn(id, "0123456789")] != '\0'))
		argp_error(state, "order: `%s` is no number of an order", id);
}

/* What does not go together. */
static void check(struct argp_state *state, const struct trace_options *options)
{
	bool table = options->format == TRACE_FIELDS || options->format == TRACE_CSV;

	if (table != (options->n_names > 0))
		argp_error(state, "-T fields and -T csv want -e NAME, and -e wants them");
	if (options->summary + options->ladder + options->verbose + options->interactive +
		    (options->format != TRACE_LINE) >
	    1)
		argp_error(state, "-c, --ladder, -v, -i and -T: one at a time");
	if (options->interactive && (options->write_path != NULL || options->scenario_path != NULL))
		argp_error(state, "-i and -w: one at a time; on the screen F2 saves");
	if (options->interactive && !passes(options))
		argp_error(state, "-i is for read, live and proxy");
	if (options->interactive && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		argp_error(state, "-i wants a terminal for its keys (standard input) and lines "
				  "(standard output)");
	check_write(state, options);
	check_proxy(state, options);
	if (options->command == TRACE_MESSAGE || options->command == TRACE_ORDER)
		check_id(state, options);
	if (options->command != TRACE_LIVE && options->link[0] != '\0')
		argp_error(state, "-p is for live; -f link=NAME chooses of what there is");
	if (asks_daemon(options->command) && options->filter != NULL) {
		const char *refusal = filter_refusal(options->filter, options->print.show_text,
						     options->print.show_numbers);

		if (refusal != NULL)
			argp_error(state, "%s", refusal);
	}
}

/* What Wireshark asks for. */
static error_t read_extcap(int key, const char *arg, struct argp_state *state)
{
	struct trace_options *options = state->input;

	switch (key) {
	case KEY_INTERFACES:
		options->extcap = TRACE_EXTCAP_INTERFACES;
		return 0;
	case KEY_INTERFACE:
		if (strcmp(arg, TRACE_EXTCAP_NAME) != 0)
			argp_error(state, "--extcap-interface=%s: there is only %s", arg,
				   TRACE_EXTCAP_NAME);
		if (options->extcap == TRACE_EXTCAP_NOT)
			options->extcap = TRACE_EXTCAP_FILTER;
		return 0;
	case KEY_DLTS:
		options->extcap = TRACE_EXTCAP_DLTS;
		return 0;
	case KEY_CONFIG:
		options->extcap = TRACE_EXTCAP_CONFIG;
		return 0;
	case KEY_CAPTURE:
		options->extcap = TRACE_EXTCAP_CAPTURE;
		return 0;
	case KEY_VERSION: /* of Wireshark: nothing here depends on it */
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t read_way(int key, char *arg, struct argp_state *state)
{
	struct trace_options *options = state->input;

	switch (key) {
	case 'w':
		options->write_path = arg;
		return 0;
	case KEY_ROTATE:
		read_rotation(state, options, arg);
		return 0;
	case KEY_SCENARIO:
		options->scenario_path = arg;
		return 0;
	case KEY_REDACT:
		options->redact = true;
		return 0;
	case KEY_LISTEN:
		read_address(state, "listen", arg, "127.0.0.1", options->listen_host,
			     &options->listen_port);
		return 0;
	case KEY_TO:
		read_address(state, "to", arg, NULL, options->to_host, &options->to_port);
		return 0;
	case KEY_TO_TLS:
		options->to_tls = true;
		options->to_ca = arg;
		return 0;
	default:
		return read_extcap(key, arg, state);
	}
}

/* What an option without a value turns on; NULL: it is another one. */
static bool *flag_of(struct trace_options *options, int key)
{
	switch (key) {
	case 'v':
		return &options->verbose;
	case 'i':
		return &options->interactive;
	case 'c':
		return &options->summary;
	case KEY_LADDER:
		return &options->ladder;
	case KEY_TEXT:
		return &options->print.show_text;
	case KEY_NUMBERS:
		return &options->print.show_numbers;
	default:
		return NULL;
	}
}

static error_t read_one(int key, char *arg, struct argp_state *state)
{
	struct trace_options *options = state->input;
	bool *flag = flag_of(options, key);

	if (flag != NULL) {
		*flag = true;
		return 0;
	}
	switch (key) {
	case 'T':
		read_format(state, options, arg);
		return 0;
	case 'e':
		add_name(state, options, arg);
		return 0;
	case 'f':
		options->filter_text = arg;
		return 0;
	case KEY_PORT:
		options->port = (uint16_t)read_number(state, "port", arg, UINT16_MAX);
		return 0;
	case KEY_AFTER:
		if (!filter_duration(arg, 1000000, &options->unanswered_us) ||
		    options->unanswered_us < 1 || options->unanswered_us > AFTER_US_MAX)
			argp_error(state,
				   "--unanswered-after=%s is no time such as 500ms, 5s or 2m, "
				   "1000000s at most; a number alone is seconds",
				   arg);
		return 0;
	case KEY_ALPHABET:
		read_alphabet(state, options, arg);
		return 0;
	case KEY_SOCKET:
		options->socket_path = arg;
		return 0;
	case 'p':
		if (strlen(arg) >= TRACE_LINK_OCTETS)
			argp_error(state, "--link: no link has so long a name");
		options->link = arg;
		return 0;
	case ARGP_KEY_ARG: /* options have been moved before all words */
		read_words(state, options);
		return 0;
	case ARGP_KEY_END:
		if (options->extcap != TRACE_EXTCAP_NOT)
			check_extcap(state, options);
		if (options->filter_text != NULL)
			read_filter(options);
		check(state, options);
		return 0;
	case ARGP_KEY_NO_ARGS:
		if (options->extcap == TRACE_EXTCAP_NOT)
			argp_error(state, "decode, read, live, proxy, message, order or explain?");
		return 0;
	default:
		return read_way(key, arg, state);
	}
}

void trace_options_read(struct trace_options *options, int argc, char **argv)
{
	static const struct argp argp = {
		.options = rows, .parser = read_one, .args_doc = args_doc, .doc = doc
	};
	const char *env = getenv("ESMED_TAP");

	*options = (struct trace_options){
		.socket_path = env != NULL && env[0] != '\0' ? env : TRACE_TAP_SOCKET,
		.link = "",
		.unanswered_us = 60 * INT64_C(1000000),
	};
	argp_program_version = "smpp-trace " ESMED_VERSION;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, options);
}
