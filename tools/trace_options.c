/*
 * smpp-trace's command line by argp. Says what is wrong and exits 2; decides nothing else.
 */
#include "tools/trace_options.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum key {
	KEY_TEXT = 0x100, /* behind every character: no short options */
	KEY_NUMBERS,
	KEY_SOCKET,
	KEY_ALPHABET,
};

static const struct argp_option rows[] = {
	{ "verbose", 'v', NULL, 0, "A block for each PDU: every field with its octets", 1 },
	{ "format", 'T', "FORMAT", 0, "text (the default) or json, one object a line", 1 },
	{ "text", KEY_TEXT, NULL, 0, "Show texts; otherwise their length", 1 },
	{ "numbers", KEY_NUMBERS, NULL, 0, "Show numbers; otherwise their last three digits", 1 },
	{ "alphabet", KEY_ALPHABET, "NAME", 0,
	  "What data_coding 0 means: gsm7 (the default), latin1, ascii or ucs2", 1 },
	{ "socket", KEY_SOCKET, "PATH", 0, "live: the daemon's tap socket (/run/esmed/tap.sock)",
	  2 },
	{ "link", 'p', "NAME", 0, "live: only this link, or the links of this provider", 2 },
	{ 0 },
};

static const char args_doc[] = "decode HEX...|-\nlive\nexplain STATUS|TLV|FIELD|PDU...";
static const char doc[] =
	"Shows SMPP PDUs: from hexadecimal, or as they pass through a running esmed.\v"
	"decode reads hexadecimal in any usual form, or from standard input with -. live shows "
	"PDUs until it is interrupted. explain says what a status, a TLV, a field or a PDU is. "
	"Passwords are never shown. Exit status: 0 all well, 1 a PDU or the hexadecimal cannot be "
	"read or the daemon cannot be reached, 2 the command line is wrong.";

static const struct {
	const char *name;
	enum trace_command command;
	bool words; /* needs some */
} commands[] = {
	{ "decode", TRACE_DECODE, true },
	{ "live", TRACE_LIVE, false },
	{ "explain", TRACE_EXPLAIN, true },
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
		if (commands[i].words && options->n_words == 0)
			argp_error(state, "%s: what? See --help", name);
		if (!commands[i].words && options->n_words > 0)
			argp_error(state, "%s: `%s` is one word too many", name, options->words[0]);
		return;
	}
	argp_error(state, "`%s` is no command; decode, live and explain are", name);
}

static error_t read_one(int key, char *arg, struct argp_state *state)
{
	struct trace_options *options = state->input;

	switch (key) {
	case 'v':
		options->verbose = true;
		return 0;
	case 'T':
		options->json = strcmp(arg, "json") == 0;
		if (!options->json && strcmp(arg, "text") != 0)
			argp_error(state, "--format=%s is neither text nor json", arg);
		return 0;
	case KEY_TEXT:
		options->print.show_text = true;
		return 0;
	case KEY_NUMBERS:
		options->print.show_numbers = true;
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
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "decode, live or explain?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void trace_options_read(struct trace_options *options, int argc, char **argv)
{
	static const struct argp argp = {
		.options = rows, .parser = read_one, .args_doc = args_doc, .doc = doc
	};

	*options = (struct trace_options){
		.socket_path = "/run/esmed/tap.sock",
		.link = "",
	};
	argp_program_version = "smpp-trace " ESMED_VERSION;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, options);
}
