/*
 * smsc-sim's command line by argp. Says what is wrong with the option named and exits 2; decides
 * nothing else.
 */
#include "tools/sim_options.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/address.h"
#include "tools/sim_receipt.h"

enum key {
	KEY_FIRST = 0x100, /* behind every character: no short options */
	KEY_LISTEN = KEY_FIRST,
	KEY_PROFILE,
	KEY_OUTBIND,
	KEY_TLS_CERT,
	KEY_TLS_KEY,
	KEY_TLS_CLIENT_CA,
	KEY_TLS_GENERATE,
	KEY_TLS_REQUIRE_CLIENT,
	KEY_SYSTEM_ID,
	KEY_PASSWORD,
	KEY_SC_INTERFACE_VERSION,
	KEY_SEED,
	KEY_MIX,
	KEY_RECEIPTS,
	KEY_LATENCY_MS,
	KEY_RECEIPT_DELAY_MS,
	KEY_LATE_MS,
	KEY_REDELIVER_MS,
	KEY_REDELIVER_MAX_MS,
	KEY_ANSWER_MS,
	KEY_HANG,
	KEY_RECEIPT_SHAPE,
	KEY_SCRIPT,
	KEY_REPLAY,
	KEY_SHOW_SCRIPT,
	KEY_IDS,
	KEY_RECEIPT_IDS,
	KEY_FIRST_ID,
	KEY_NO_TLVS,
	KEY_LINKS,
	KEY_INACTIVITY_MS,
	KEY_WINDOW,
	KEY_RECEIPT_WINDOW,
	KEY_RATE,
	KEY_BURST,
	KEY_CONTROL,
	KEY_STRICT,
	KEY_LOG,
	KEY_LOG_TEXT,
	KEY_QUIET,
	KEY_STOP_AFTER,
	KEY_MAX_SECONDS,
};

static const struct argp_option rows[] = {
	{ NULL, 0, NULL, 0, "Who may connect", 1 },
	{ "listen", KEY_LISTEN, "HOST:PORT", 0, "Address; port 0 takes a free one (127.0.0.1:2775)",
	  1 },
	{ "outbind", KEY_OUTBIND, "HOST:PORT", 0,
	  "Call this ESME too, and ask it to bind by outbind (nobody)", 1 },
	{ "tls-cert", KEY_TLS_CERT, "FILE", 0, "Speak TLS with this certificate chain (PEM)", 1 },
	{ "tls-key", KEY_TLS_KEY, "FILE", 0, "The key that goes with it (PEM)", 1 },
	{ "tls-client-ca", KEY_TLS_CLIENT_CA, "FILE", 0,
	  "Ask for a client's certificate that these have signed (PEM)", 1 },
	{ "tls-generate", KEY_TLS_GENERATE, "DIR", 0,
	  "Speak TLS with a CA and certificates made afresh in DIR", 1 },
	{ "tls-require-client", KEY_TLS_REQUIRE_CLIENT, NULL, 0,
	  "Ask for a client's certificate that this CA has signed", 1 },
	{ "system-id", KEY_SYSTEM_ID, "ID", 0, "The only system_id that may bind (any)", 1 },
	{ "password", KEY_PASSWORD, "WORD", 0, "The password a bind must show (any)", 1 },
	{ "sc-interface-version", KEY_SC_INTERFACE_VERSION, "N", 0,
	  "What bind responses say: 0x33, 0x34, 0x50, none (0x34)", 1 },

	{ "profile", KEY_PROFILE, "NAME", 0, "Like this carrier; list shows the names", 1 },

	{ NULL, 0, NULL, 0, "What becomes of submits", 2 },
	{ "seed", KEY_SEED, "N", 0, "Outcomes are a function of this (1)", 2 },
	{ "mix", KEY_MIX, "NAME=WEIGHT,...", 0,
	  "Outcomes; delivered takes what is left of 100 (delivered=100)", 2 },
	{ "receipts", KEY_RECEIPTS, "NAME=WEIGHT,...", 0,
	  "Ways of receipts; normal takes what is left of 100 (normal=100)", 2 },
	{ "latency-ms", KEY_LATENCY_MS, "N[-M]", 0, "Submit to its response (0)", 2 },
	{ "receipt-delay-ms", KEY_RECEIPT_DELAY_MS, "N[-M]", 0, "Response to receipt (0)", 2 },
	{ "late-ms", KEY_LATE_MS, "N", 0, "The same for late receipts (10000)", 2 },
	{ "redeliver-ms", KEY_REDELIVER_MS, "N", 0,
	  "A receipt without an OK answer is sent again after that (1000)", 2 },
	{ "redeliver-max-ms", KEY_REDELIVER_MAX_MS, "N", 0,
	  "Each time twice as late, up to that (no)", 2 },
	{ "answer-ms", KEY_ANSWER_MS, "N", 0, "How long that answer is waited for (10000)", 2 },
	{ "hang", KEY_HANG, NULL, 0, "Take binds and submits, never answer a submit", 2 },
	{ "receipt-shape", KEY_RECEIPT_SHAPE, "NAME", 0,
	  "How receipts are worded; list shows the names (plain)", 2 },
	{ "replay", KEY_REPLAY, "FILE", 0,
	  "Be the SMSC of this capture (pcap, pcapng), or of a script made from one", 2 },
	{ "show-script", KEY_SHOW_SCRIPT, NULL, 0, "Print what --replay makes of it, and exit", 2 },
	{ "script", KEY_SCRIPT, "FILE", 0, "Rows that say what goes wrong when", 2 },

	{ NULL, 0, NULL, 0, "Message ids", 3 },
	{ "ids", KEY_IDS, "FORM[:WIDTH]", 0,
	  "In responses: hex, HEX or decimal, zero padded to WIDTH (hex)", 3 },
	{ "receipt-ids", KEY_RECEIPT_IDS, "FORM[:WIDTH]", 0, "In receipts, or same (same)", 3 },
	{ "first-id", KEY_FIRST_ID, "N", 0, "The first id, then counting up (from the clock)", 3 },
	{ "no-tlvs", KEY_NO_TLVS, NULL, 0, "Receipts are text alone", 3 },

	{ NULL, 0, NULL, 0, "Limits", 4 },
	{ "links", KEY_LINKS, "N", 0, "Bound links per system_id; above: refused (none)", 4 },
	{ "inactivity-ms", KEY_INACTIVITY_MS, "N", 0, "Silence after which a link is ended (never)",
	  4 },
	{ "window", KEY_WINDOW, "N", 0, "Unanswered submits per link; above: throttled (none)", 4 },
	{ "receipt-window", KEY_RECEIPT_WINDOW, "N", 0, "Unanswered receipts per link (100)", 4 },
	{ "rate", KEY_RATE, "N", 0, "Submits a second per system_id; above: throttled (none)", 4 },
	{ "burst", KEY_BURST, "N", 0, "Submits that may come at once (a tenth of --rate)", 4 },

	{ NULL, 0, NULL, 0, "Running", 5 },
	{ "control", KEY_CONTROL, "unix:PATH|HOST:PORT", 0,
	  "Answer HTTP there: figures, messages from handsets, steps of scripts", 5 },
	{ "strict", KEY_STRICT, NULL, 0,
	  "Tell the peer's breaches of the protocol; the exit status is 3", 5 },
	{ "log", KEY_LOG, "FILE", 0, "Append every PDU to FILE as JSON lines, or none (none)", 5 },
	{ "log-text", KEY_LOG_TEXT, NULL, 0, "Texts in the log, not only their hashes", 5 },
	{ "quiet", KEY_QUIET, NULL, 0, "Say nothing about links on stderr", 5 },
	{ "stop-after", KEY_STOP_AFTER, "N", 0,
	  "End when N submits were accepted and all receipts are answered", 5 },
	{ "max-seconds", KEY_MAX_SECONDS, "N", 0, "End after that time", 5 },
	{ 0 },
};

static const char doc[] =
	"An SMSC to test against: accepts SMPP 3.4 binds, answers submits, sends receipts.\v"
	"The first line on stdout is `listening on ADDRESS:PORT`. SIGTERM ends it with one line of "
	"JSON statistics; SIGUSR1 prints the line and goes on. What becomes of a message is drawn "
	"from seed, destination, part and attempt, or chosen by a destination that ends in "
	"999900nn: see smsc-sim(1).";

static uint64_t number(const struct argp_state *state, const char *name, const char *arg,
		       uint64_t max)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(arg, &end, arg[0] == '0' && (arg[1] | 0x20) == 'x' ? 16 : 10);
	if (arg[0] < '0' || arg[0] > '9' || *end != '\0' || errno != 0 || value > max)
		argp_error(state, "--%s=%s is not a whole number of 0 to %llu", name, arg,
			   (unsigned long long)max);
	return value;
}

static uint32_t number32(const struct argp_state *state, const char *name, const char *arg)
{
	return (uint32_t)number(state, name, arg, UINT32_MAX);
}

static uint32_t milliseconds(const struct argp_state *state, const char *name, const char *arg)
{
	return (uint32_t)number(state, name, arg, SIM_MS_MAX);
}

static struct sim_spread spread(const struct argp_state *state, const char *name, char *arg)
{
	char *dash = strchr(arg, '-');
	struct sim_spread result;

	if (dash != NULL)
		*dash = '\0';
	result.min_ms = milliseconds(state, name, arg);
	result.max_ms = dash == NULL ? result.min_ms : milliseconds(state, name, dash + 1);
	if (result.min_ms > result.max_ms)
		argp_error(state, "--%s=%s-%s: the first number is the larger one", name, arg,
			   dash + 1);
	return result;
}

static struct sim_id_form id_form(const struct argp_state *state, const char *name, const char *arg)
{
	struct sim_id_form form = { 0 };

	if (!sim_id_form_read(smpp_octets_of(arg), &form))
		argp_error(state, "--%s=%s is not hex, HEX or decimal, with :0 to :%u behind it",
			   name, arg, SIM_ID_WIDTH_MAX);
	return form;
}

static void mix_error(const struct argp_state *state, const char *name, enum outcome_error error,
		      const char *at)
{
	if (error != OUTCOME_OK)
		argp_error(state, "--%s: `%.*s`: %s", name, (int)strcspn(at, ","), at,
			   outcome_error_text(error));
}

static error_t read_identity(int key, char *arg, struct argp_state *state)
{
	struct sim_options *options = state->input;

	switch (key) {
	case KEY_LISTEN:
		if (!address_read(arg, NULL, options->listen_host, sizeof(options->listen_host),
				  &options->listen_port))
			argp_error(state, "--listen=%s is not HOST:PORT", arg);
		return 0;
	case KEY_OUTBIND:
		if (!address_read(arg, NULL, options->outbind_host, sizeof(options->outbind_host),
				  &options->outbind_port))
			argp_error(state, "--outbind=%s is not HOST:PORT", arg);
		return 0;
	case KEY_TLS_CERT:
		options->tls_cert_file = arg;
		return 0;
	case KEY_TLS_KEY:
		options->tls_key_file = arg;
		return 0;
	case KEY_TLS_CLIENT_CA:
		options->tls_client_ca_file = arg;
		return 0;
	case KEY_TLS_GENERATE:
		options->tls_folder = arg;
		return 0;
	case KEY_TLS_REQUIRE_CLIENT:
		options->tls_require_client = true;
		return 0;
	case KEY_SYSTEM_ID:
		if (strlen(arg) > 15) /* SMPP 3.4, 5.2.1 */
			argp_error(state, "--system-id is longer than 15 characters");
		options->system_id = arg;
		return 0;
	case KEY_PASSWORD:
		if (strlen(arg) > 8) /* SMPP 3.4, 5.2.2 */
			argp_error(state, "--password is longer than 8 characters");
		options->password = arg;
		return 0;
	case KEY_SC_INTERFACE_VERSION:
		options->sc_interface_version =
			strcmp(arg, "none") == 0 ?
				0 :
				(uint8_t)number(state, "sc-interface-version", arg, UINT8_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void receipt_shape(const struct argp_state *state, struct sim_options *options,
			  const char *arg)
{
	struct sim_pdu shape = { 0 };
	struct buffer list = { 0 };

	if (strcmp(arg, "list") == 0) {
		sim_receipt_list(&list);
		fwrite(list.octets, 1, list.n, stdout);
		exit(0);
	}
	if (!sim_receipt_shape(&shape, arg))
		argp_error(state, "--receipt-shape=%s: there is none; list shows the names", arg);
	sim_pdu_release(&shape);
	options->receipt_shape = arg;
}

static error_t read_outcome(int key, char *arg, struct argp_state *state)
{
	struct sim_options *options = state->input;
	const char *at = arg;

	switch (key) {
	case KEY_SEED:
		options->seed = number(state, "seed", arg, UINT64_MAX);
		return 0;
	case KEY_MIX:
		mix_error(state, "mix", outcome_mix_parse_kinds(&options->mix, arg, &at), at);
		return 0;
	case KEY_RECEIPTS:
		mix_error(state, "receipts", outcome_mix_parse_ways(&options->mix, arg, &at), at);
		return 0;
	case KEY_LATENCY_MS:
		options->latency = spread(state, "latency-ms", arg);
		return 0;
	case KEY_RECEIPT_DELAY_MS:
		options->receipt_delay = spread(state, "receipt-delay-ms", arg);
		return 0;
	case KEY_LATE_MS:
		options->late_ms = milliseconds(state, "late-ms", arg);
		return 0;
	case KEY_REDELIVER_MS:
		options->redeliver_ms = milliseconds(state, "redeliver-ms", arg);
		return 0;
	case KEY_REDELIVER_MAX_MS:
		options->redeliver_max_ms = milliseconds(state, "redeliver-max-ms", arg);
		return 0;
	case KEY_ANSWER_MS:
		options->answer_ms = milliseconds(state, "answer-ms", arg);
		return 0;
	case KEY_HANG:
		options->hang = true;
		return 0;
	case KEY_RECEIPT_SHAPE:
		receipt_shape(state, options, arg);
		return 0;
	case KEY_REPLAY:
		options->replay_file = arg;
		return 0;
	case KEY_SHOW_SCRIPT:
		options->show_script = true;
		return 0;
	case KEY_SCRIPT:
		options->script_file = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t read_ids(int key, char *arg, struct argp_state *state)
{
	struct sim_options *options = state->input;

	switch (key) {
	case KEY_IDS:
		options->ids = id_form(state, "ids", arg);
		return 0;
	case KEY_RECEIPT_IDS:
		options->receipt_ids = (struct sim_id_form){ 0 };
		if (strcmp(arg, "same") != 0)
			options->receipt_ids = id_form(state, "receipt-ids", arg);
		return 0;
	case KEY_FIRST_ID:
		options->first_id = number(state, "first-id", arg, UINT64_MAX);
		return 0;
	case KEY_NO_TLVS:
		options->receipt_tlvs = false;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t read_running(int key, char *arg, struct argp_state *state)
{
	struct sim_options *options = state->input;

	switch (key) {
	case KEY_LINKS:
		options->links = number32(state, "links", arg);
		return 0;
	case KEY_INACTIVITY_MS:
		options->inactivity_ms = milliseconds(state, "inactivity-ms", arg);
		return 0;
	case KEY_WINDOW:
		options->window = number32(state, "window", arg);
		return 0;
	case KEY_RECEIPT_WINDOW:
		options->receipt_window = (uint32_t)number(state, "receipt-window", arg, 10000);
		if (options->receipt_window == 0)
			argp_error(state, "--receipt-window must be 1 or more");
		return 0;
	case KEY_RATE:
		options->rate_per_s = (uint32_t)number(state, "rate", arg, 1000000);
		return 0;
	case KEY_BURST:
		options->burst = (uint32_t)number(state, "burst", arg, 1000000);
		if (options->burst == 0)
			argp_error(state, "--burst must be 1 or more");
		return 0;
	case KEY_CONTROL:
		options->control = arg;
		return 0;
	case KEY_STRICT:
		options->strict = true;
		return 0;
	case KEY_LOG:
		options->log_file = strcmp(arg, "none") == 0 ? NULL : arg;
		return 0;
	case KEY_LOG_TEXT:
		options->log_text = true;
		return 0;
	case KEY_QUIET:
		options->quiet = true;
		return 0;
	case KEY_STOP_AFTER:
		options->stop_after = number(state, "stop-after", arg, UINT64_MAX);
		return 0;
	case KEY_MAX_SECONDS:
		options->max_seconds =
			(uint32_t)number(state, "max-seconds", arg, UINT32_MAX / 1000);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- profiles ---- */

static const struct profile {
	const char *name;
	const char *options;
	const char *script;
	const char *sentence;
} profiles[] = {
#define PROFILE(name, options, script, sentence) { name, options, script, sentence },
#include "tools/sim_profiles.def"
#undef PROFILE
};

static error_t read_one(int key, char *arg, struct argp_state *state);

/* One NAME=VALUE of a profile, as if it stood on the command line. */
static void read_word(struct argp_state *state, char *word)
{
	char *value = strchr(word, '=');

	if (value != NULL)
		*value++ = '\0';
	for (size_t i = 0; rows[i].name != NULL || rows[i].doc != NULL; i++)
		if (rows[i].name != NULL && strcmp(rows[i].name, word) == 0) {
			read_one(rows[i].key, value, state);
			return;
		}
	argp_error(state, "--profile names the option %s, which there is not", word);
}

static void list_profiles(void)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		const struct profile *profile = &profiles[i];

		printf("%-14s %s\n", profile->name, profile->sentence);
		if (profile->options[0] != '\0')
			printf("%-14s   %s\n", "", profile->options);
		if (profile->script[0] != '\0')
			printf("%-14s   %s", "", profile->script);
	}
	exit(0);
}

static void read_profile(struct argp_state *state, struct sim_options *options, const char *name)
{
	const struct profile *profile = NULL;
	char *rest, *word;

	if (strcmp(name, "list") == 0)
		list_profiles();
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (strcmp(profiles[i].name, name) == 0)
			profile = &profiles[i];
	if (profile == NULL) {
		argp_error(state, "--profile=%s: there is none; list shows the names", name);
		return;
	}
	free(options->profile_words);
	options->profile_words = strdup(profile->options);
	if (options->profile_words == NULL)
		argp_failure(state, 1, errno, "--profile");
	options->profile_script = profile->script;
	for (word = strtok_r(options->profile_words, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		read_word(state, word);
}

static error_t read_one(int key, char *arg, struct argp_state *state)
{
	static const argp_parser_t readers[] = { read_identity, read_outcome, read_ids,
						 read_running };
	struct sim_options *options = state->input;
	error_t result = ARGP_ERR_UNKNOWN;

	if (key == ARGP_KEY_ARG)
		argp_error(state, "`%s` is not an option", arg);
	if (key == KEY_PROFILE) {
		read_profile(state, options, arg);
		return 0;
	}
	if (key == ARGP_KEY_END) {
		if ((options->tls_cert_file == NULL) != (options->tls_key_file == NULL))
			argp_error(state, "--tls-cert and --tls-key go together");
		if (options->show_script && options->replay_file == NULL)
			argp_error(state, "--show-script goes with --replay");
		if (options->tls_folder != NULL &&
		    (options->tls_cert_file != NULL || options->tls_client_ca_file != NULL))
			argp_error(state, "--tls-generate makes what --tls-cert and "
					  "--tls-client-ca name: give either");
		if (options->tls_require_client && options->tls_folder == NULL)
			argp_error(state, "--tls-require-client goes with --tls-generate");
		if (options->tls_client_ca_file != NULL && options->tls_cert_file == NULL)
			argp_error(state, "--tls-client-ca goes with --tls-cert");
		return 0;
	}
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		result = readers[i](key, arg, state);
		if (result != ARGP_ERR_UNKNOWN)
			break;
	}
	return result;
}

void sim_options_read(struct sim_options *options, int argc, char **argv)
{
	static const struct argp argp = { .options = rows, .parser = read_one, .doc = doc };

	*options = (struct sim_options){
		.listen_host = "127.0.0.1",
		.listen_port = 2775,
		.sc_interface_version = 0x34,
		.seed = 1,
		.late_ms = 10000,
		.redeliver_ms = 1000,
		.answer_ms = 10000,
		.receipt_shape = "plain",
		.ids = { .base = 16 },
		.receipt_tlvs = true,
		.receipt_window = 100,
	};
	outcome_mix_init(&options->mix);
	argp_program_version = "smsc-sim " ESMED_VERSION;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, options);
	if (options->receipt_ids.base == 0)
		options->receipt_ids = options->ids;
	if (options->burst == 0)
		options->burst = options->rate_per_s / 10 > 2 ? options->rate_per_s / 10 : 2;
}
