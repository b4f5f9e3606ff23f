/*
 * esme-load's command line by argp. Says what is wrong with the option named and exits 2; decides
 * nothing else.
 */
#include "tools/load_options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/load_capture.h"

enum key {
	KEY_SOCKET = 0x100, /* behind every character: no short options */
	KEY_KEY,
	KEY_KEY_FILE,
	KEY_ROUTE,
	KEY_COUNT,
	KEY_BATCH,
	KEY_RATE,
	KEY_CONNECTIONS,
	KEY_TEXT,
	KEY_CALLER_ID,
	KEY_NUMBERS_FROM,
	KEY_IDEMPOTENCY_PREFIX,
	KEY_WRITE_CLIENT_LOG,
	KEY_MAX_SECONDS,
	KEY_WRITE_CAPTURE,
};

static const struct argp_option rows[] = {
	{ "socket", KEY_SOCKET, "PATH", 0, "The daemon's submit socket (/run/esmed/submit.sock)",
	  1 },
	{ "key", KEY_KEY, "KEY", 0, "API key; other users can see it in the list of processes", 1 },
	{ "key-file", KEY_KEY_FILE, "FILE", 0, "API key: the first line of FILE", 1 },
	{ "route", KEY_ROUTE, "N", 0, "Route of every order (1)", 2 },
	{ "count", KEY_COUNT, "N", 0, "Messages in all (1000)", 2 },
	{ "batch", KEY_BATCH, "N", 0, "Recipients of one request (1)", 2 },
	{ "rate", KEY_RATE, "N", 0, "Messages a second (as fast as answers come)", 2 },
	{ "connections", KEY_CONNECTIONS, "N", 0, "Connections, one request at a time each (1)",
	  2 },
	{ "text", KEY_TEXT, "TEXT", 0, "Text of every message (Hello from esme-load)", 2 },
	{ "caller-id", KEY_CALLER_ID, "ID", 0, "Sender of every message (ESMELOAD)", 2 },
	{ "numbers-from", KEY_NUMBERS_FROM, "DIGITS", 0,
	  "First recipient, then counting up by one (31600000000)", 2 },
	{ "idempotency-prefix", KEY_IDEMPOTENCY_PREFIX, "WORD", 0,
	  "Send Idempotency-Key: WORD-n with request n (none)", 2 },
	{ "write-client-log", KEY_WRITE_CLIENT_LOG, "FILE", 0,
	  "Append a JSON line for each request and each reply to FILE", 3 },
	{ "write-capture", KEY_WRITE_CAPTURE, "FILE", 0,
	  "Send nothing: write a made-up capture (pcapng) of --count messages", 3 },
	{ "max-seconds", KEY_MAX_SECONDS, "N", 0, "End after that time (60)", 3 },
	{ 0 },
};

static const char doc[] =
	"Sends orders to esmed over its Unix socket and measures the answers.\v"
	"The last line on stdout is one JSON object. Exit status: 0 all messages were accepted, "
	"1 some were not or the daemon cannot be reached, 2 the command line is wrong.";

static uint64_t number(const struct argp_state *state, const char *name, const char *arg,
		       uint64_t min, uint64_t max)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(arg, &end, 10);
	if (arg[0] < '0' || arg[0] > '9' || *end != '\0' || errno != 0 || value < min ||
	    value > max)
		argp_error(state, "--%s=%s is not a whole number of %llu to %llu", name, arg,
			   (unsigned long long)min, (unsigned long long)max);
	return value;
}

static void read_key(const struct argp_state *state, struct load_options *options, const char *text)
{
	size_t n = strcspn(text, "\r\n");

	if (n == 0 || n >= sizeof(options->key))
		argp_error(state, "the key has not 1 to %zu characters", sizeof(options->key) - 1);
	memcpy(options->key, text, n);
	options->key[n] = '\0';
}

static void read_key_file(const struct argp_state *state, struct load_options *options,
			  const char *path)
{
	char line[sizeof(options->key) + 2] = "";
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		fprintf(stderr, "esme-load: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	if (fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	fclose(file);
	read_key(state, options, line);
	explicit_bzero(line, sizeof(line));
}

static error_t read_target(int key, char *arg, struct argp_state *state)
{
	struct load_options *options = state->input;

	switch (key) {
	case KEY_SOCKET:
		options->socket_path = arg;
		return 0;
	case KEY_KEY:
		read_key(state, options, arg);
		memset(arg, '*', strlen(arg));
		return 0;
	case KEY_KEY_FILE:
		read_key_file(state, options, arg);
		return 0;
	case KEY_WRITE_CLIENT_LOG:
		options->log_file = arg;
		return 0;
	case KEY_WRITE_CAPTURE:
		options->capture_file = arg;
		return 0;
	case KEY_MAX_SECONDS:
		options->max_seconds = (uint32_t)number(state, "max-seconds", arg, 1, 86400);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t read_load(int key, char *arg, struct argp_state *state)
{
	struct load_options *options = state->input;

	switch (key) {
	case KEY_ROUTE:
		options->route = (uint32_t)number(state, "route", arg, 0, INT32_MAX);
		return 0;
	case KEY_COUNT:
		options->count = number(state, "count", arg, 1, UINT32_MAX);
		return 0;
	case KEY_BATCH:
		options->batch = (uint32_t)number(state, "batch", arg, 1, LOAD_BATCH_MAX);
		return 0;
	case KEY_RATE:
		options->rate_per_s = (uint32_t)number(state, "rate", arg, 0, 10000000);
		return 0;
	case KEY_CONNECTIONS:
		options->connections =
			(uint32_t)number(state, "connections", arg, 1, LOAD_CONNECTIONS_MAX);
		return 0;
	case KEY_TEXT:
		options->text = arg;
		return 0;
	case KEY_CALLER_ID:
		options->caller_id = arg;
		return 0;
	case KEY_NUMBERS_FROM: /* E.164 has at most fifteen digits, and none begins with 0 */
		options->numbers_from =
			number(state, "numbers-from", arg, 1000000000, 999999999999999);
		return 0;
	case KEY_IDEMPOTENCY_PREFIX:
		if (strlen(arg) > 100)
			argp_error(state, "--idempotency-prefix is longer than 100 characters");
		options->key_prefix = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t read_one(int key, char *arg, struct argp_state *state)
{
	const struct load_options *options = state->input;
	error_t result = read_target(key, arg, state);

	if (result == ARGP_ERR_UNKNOWN)
		result = read_load(key, arg, state);
	if (key == ARGP_KEY_ARG)
		argp_error(state, "`%s` is not an option", arg);
	if (key != ARGP_KEY_END)
		return result;
	if (options->numbers_from + options->count > 1000000000000000)
		argp_error(state, "--count: the numbers run past fifteen digits");
	if (options->capture_file != NULL &&
	    (strlen(options->text) > LOAD_TEXT_MAX || strlen(options->caller_id) > 20))
		argp_error(state, "--write-capture: a text has at most %d octets, a sender 20",
			   LOAD_TEXT_MAX);
	if (options->capture_file == NULL && options->count / options->batch >= LOAD_REQUESTS_MAX)
		argp_error(state, "--count: more than %u requests", LOAD_REQUESTS_MAX);
	return 0;
}

void load_options_read(struct load_options *options, int argc, char **argv)
{
	static const struct argp argp = { .options = rows, .parser = read_one, .doc = doc };

	*options = (struct load_options){
		.socket_path = "/run/esmed/submit.sock",
		.route = 1,
		.count = 1000,
		.batch = 1,
		.connections = 1,
		.text = "Hello from esme-load",
		.caller_id = "ESMELOAD",
		.numbers_from = 31600000000,
		.max_seconds = 60,
	};
	argp_program_version = "esme-load " ESMED_VERSION;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, options);
}
