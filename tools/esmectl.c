/*
 * esmectl: control and inspection of a running daemon over its control socket. This file is the
 * command line: the table of verbs, their options, and the asking; what each verb prints is in
 * tools/ctl_*.c. It decides nothing about messages and reads no store.
 *
 * Exit status: 0 done, 1 not found, refused, timed out, or nobody answers, 2 the command line is
 * wrong.
 */
#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http.h"
#include "tools/ctl_verbs.h"

#define SOCKET_PATH "/run/esmed/control.sock"
#define ARGS_MAX    10
#define ANY_NUMBER  (-1) /* of args */

enum key {
	KEY_SOCKET = 0x100, /* behind every character: no short options */
	KEY_JSON,
	KEY_NUMBERS,
	KEY_LIMIT, /* from here on: options of some verbs only */
	KEY_BEFORE,
	KEY_SINCE,
	KEY_TYPES,
	KEY_ORDER,
	KEY_STATUS,
	KEY_FOR,
	KEY_TIMEOUT,
	KEY_DOT,
	KEY_DRY_RUN,
	KEY_ONCE,
	KEY_INTERVAL,
	KEY_TEXT,
	KEY_CAUSE,
	KEY_LABEL,
	KEY_CURRENCY,
	KEY_OPENING,
	KEY_CREDIT_LIMIT,
	KEY_SANDBOX,
	KEY_PART,
	KEY_RATE,
	KEY_ROUTES,
	KEY_CATEGORIES,
	KEY_SENDERS,
	KEY_BULK,
	KEY_WINDOW,
};
#define MAY(key) (1u << (KEY_##key - KEY_LIMIT))

static const struct argp_option options[] = {
	{ "socket", KEY_SOCKET, "PATH", 0,
	  "The daemon's control socket (ESMED_CONTROL, or " SOCKET_PATH ")", 1 },
	{ "json", KEY_JSON, NULL, 0, "Print the daemon's answer as JSON", 1 },
	{ "numbers", KEY_NUMBERS, NULL, 0, "Telephone numbers in full, not the last three digits",
	  1 },
	{ "limit", KEY_LIMIT, "N", 0, "At most N rows (20)", 2 },
	{ "before", KEY_BEFORE, "ID", 0, "Only what is older than ID: the next page", 2 },
	{ "since", KEY_SINCE, "ID", 0,
	  "Events after ID (without it, from now on); messages from ID on", 2 },
	{ "types", KEY_TYPES, "A,B", 0, "Events of these kinds only", 2 },
	{ "order", KEY_ORDER, "ID", 0, "Events of this order only", 2 },
	{ "status", KEY_STATUS, "STATUS", 0, "Only messages in this status", 2 },
	{ "for", KEY_FOR, "WHAT", 0, "What to wait for: resolved (the default)", 2 },
	{ "timeout", KEY_TIMEOUT, "TIME", 0, "How long to wait, as 500ms, 60s, 5m, 1h (60s)", 2 },
	{ "dot", KEY_DOT, NULL, 0, "As a graph for dot(1)", 2 },
	{ "dry-run", KEY_DRY_RUN, NULL, 0, "Say what would change, and change nothing", 2 },
	{ "text", KEY_TEXT, NULL, 0, "What messages say, not only how long they are", 2 },
	{ "once", KEY_ONCE, NULL, 0, "One table, of two looks an interval apart", 2 },
	{ "interval", KEY_INTERVAL, "TIME", 0, "Between two looks, as 500ms, 2s, 1m (1s)", 2 },
	{ "cause", KEY_CAUSE, "TEXT", 0, "What the ledger row says", 2 },
	{ "label", KEY_LABEL, "TEXT", 0, "What the key is for", 2 },
	{ "currency", KEY_CURRENCY, "CODE", 0, "Currency of the account (the daemon's)", 2 },
	{ "opening", KEY_OPENING, "AMOUNT", 0, "Opening balance (0)", 2 },
	{ "credit-limit", KEY_CREDIT_LIMIT, "AMOUNT", 0, "How far the balance may go below 0 (0)",
	  2 },
	{ "sandbox", KEY_SANDBOX, NULL, 0, "An account whose messages reach no carrier", 2 },
	{ "part", KEY_PART, "N", 0, "Part of the message, counted from 1 (the one that waits)", 2 },
	{ "rate", KEY_RATE, "N", 0, "Requests a second; 0 is no limit", 2 },
	{ "routes", KEY_ROUTES, "N,N", 0, "Routes", 2 },
	{ "categories", KEY_CATEGORIES, "A,B", 0, "Traffic categories", 2 },
	{ "senders", KEY_SENDERS, "A,B", 0, "Sender ids", 2 },
	{ "bulk", KEY_BULK, NULL, 0, "Several numbers in one request", 2 },
	{ "window", KEY_WINDOW, "TIME", 0, "What could go out since then: 5m, 1h or 24h (1h)", 2 },
/* An amount may begin with a minus: -5 is a word. No option has a digit for its name. */
#define DIGIT(key)                                                          \
	{                                                                   \
		NULL, key, "", OPTION_HIDDEN | OPTION_ARG_OPTIONAL, NULL, 2 \
	}
	DIGIT('0'),
	DIGIT('1'),
	DIGIT('2'),
	DIGIT('3'),
	DIGIT('4'),
	DIGIT('5'),
	DIGIT('6'),
	DIGIT('7'),
	DIGIT('8'),
	DIGIT('9'),
	{ 0 },
};

static const struct verb {
	const char *name, *args;
	int n;
	unsigned may;
	ctl_verb *run;
	const char *what;
} verbs[] = {
#define VERB(name, args, n, may, run, what) { name, args, n, may, run, what },
#include "tools/ctl_verbs.def"
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

struct line {
	struct ctl_run run;
	const char *socket;
	unsigned used; /* of MAY() */
	const char *last_used;
	const char *args[ARGS_MAX];
	int n;
};

/* ---- reading ---- */

static uint64_t number(const struct argp_state *state, const char *what, const char *arg,
		       uint64_t least, uint64_t most)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(arg, &end, 10);
	if (arg[0] < '0' || arg[0] > '9' || *end || errno || value < least || value > most)
		argp_error(state, "%s: '%s' is not a whole number of %llu to %llu", what, arg,
			   (unsigned long long)least, (unsigned long long)most);
	return value;
}

/* "12", or "12-3" as events are numbered. */
static bool is_place(const char *text)
{
	size_t n = strspn(text, "0123456789");
	const char *rest = text + n;
	if (n && *rest == '-' && rest[1])
		rest += 1 + strspn(rest + 1, "0123456789");
	return n && n < 20 && !*rest && strlen(text) < 40;
}

static int64_t duration_ms(const struct argp_state *state, const char *option, const char *arg)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	char *end;
	errno = 0;
	long value = strtol(arg, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (arg[0] >= '0' && arg[0] <= '9' && !errno && !strcmp(end, units[i].unit) &&
		    value <= INT32_MAX)
			return value * units[i].ms;
	argp_error(state, "%s: '%s' is not a time such as 500ms, 60s, 5m or 1h", option, arg);
	return 0;
}

static void note_use(struct line *line, int key)
{
	line->used |= 1u << (key - KEY_LIMIT);
	for (const struct argp_option *option = options; option->name; option++)
		if (option->key == key)
			line->last_used = option->name;
}

static error_t read_of_verb(int key, char *arg, struct argp_state *state)
{
	struct ctl_run *run = &((struct line *)state->input)->run;
	switch (key) {
	case KEY_LIMIT:
		run->limit = (int64_t)number(state, "--limit", arg, 1, 500);
		return 0;
	case KEY_BEFORE:
		run->before = number(state, "--before", arg, 1, INT64_MAX);
		return 0;
	case KEY_SINCE:
		if (!is_place(arg))
			argp_error(state, "--since: '%s' is not a number or the id of an event",
				   arg);
		run->since = arg;
		return 0;
	case KEY_PART:
		run->part = (int64_t)number(state, "--part", arg, 1, 255);
		return 0;
	case KEY_ORDER:
		run->order = number(state, "--order", arg, 1, INT64_MAX);
		return 0;
	case KEY_TYPES:
		run->types = arg;
		return 0;
	case KEY_STATUS:
		run->status = arg;
		return 0;
	case KEY_WINDOW:
		run->window = arg;
		return 0;
	case KEY_FOR:
		if (strcmp(arg, "resolved") != 0)
			argp_error(state, "--for: one can wait for 'resolved', not for '%s'", arg);
		return 0;
	case KEY_TIMEOUT:
		run->timeout_ms = duration_ms(state, "--timeout", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t read_of_account(int key, char *arg, struct argp_state *state)
{
	struct ctl_run *run = &((struct line *)state->input)->run;
	switch (key) {
	case KEY_CAUSE:
		run->cause = arg;
		return 0;
	case KEY_LABEL:
		run->label = arg;
		return 0;
	case KEY_CURRENCY:
		run->currency = arg;
		return 0;
	case KEY_OPENING:
		run->opening = arg;
		return 0;
	case KEY_CREDIT_LIMIT:
		run->credit_limit = arg;
		return 0;
	case KEY_SANDBOX:
		run->sandbox = true;
		return 0;
	case KEY_RATE:
		run->rate = (int64_t)number(state, "--rate", arg, 0, 1000000);
		return 0;
	case KEY_ROUTES:
		run->routes = arg;
		return 0;
	case KEY_CATEGORIES:
		run->categories = arg;
		return 0;
	case KEY_SENDERS:
		run->senders = arg;
		return 0;
	case KEY_BULK:
		run->bulk = true;
		return 0;
	case KEY_DOT:
		run->dot = true;
		return 0;
	case KEY_DRY_RUN:
		run->dry_run = true;
		return 0;
	case KEY_ONCE:
		run->once = true;
		return 0;
	case KEY_INTERVAL:
		run->interval_ms = duration_ms(state, "--interval", arg);
		if (run->interval_ms < 100)
			argp_error(state, "--interval: '%s' is below 100ms", arg);
		return 0;
	case KEY_TEXT:
		run->text = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void add_word(struct line *line, struct argp_state *state, const char *word)
{
	if (line->n == ARGS_MAX)
		argp_error(state, "too many words: '%s'", word);
	line->args[line->n++] = word;
}

static error_t read_one(int key, char *arg, struct argp_state *state)
{
	struct line *line = state->input;
	if (key >= '0' && key <= '9') {
		add_word(line, state, state->argv[state->next - 1]);
		return 0;
	}
	switch (key) {
	case KEY_SOCKET:
		line->socket = arg;
		return 0;
	case KEY_JSON:
		line->run.json = true;
		return 0;
	case KEY_NUMBERS:
		line->run.numbers = true;
		return 0;
	case ARGP_KEY_ARG:
		add_word(line, state, arg);
		return 0;
	default:
		break;
	}
	error_t read = read_of_verb(key, arg, state);
	if (read == ARGP_ERR_UNKNOWN)
		read = read_of_account(key, arg, state);
	if (!read)
		note_use(line, key);
	return read;
}

/* ---- verbs ---- */

/* Words of the verb that the line begins with; 0: it is another one. */
static int words_of(const struct verb *verb, const struct line *line)
{
	int n = 0;
	for (const char *word = verb->name; *word; n++) {
		size_t length = strcspn(word, " ");
		if (n == line->n || strlen(line->args[n]) != length ||
		    strncmp(line->args[n], word, length) != 0)
			return 0;
		word += length + (word[length] == ' ');
	}
	return n;
}

void ctl_usage(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("esmectl: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\nTry 'esmectl --help'.\n", stderr);
	va_end(args);
	exit(CTL_USAGE);
}

static const struct verb *find_verb(struct line *line)
{
	if (!line->n)
		ctl_usage("say what to do, such as: esmectl status");
	for (const struct verb *verb = verbs; verb < verbs + VERBS; verb++) {
		int words = words_of(verb, line);
		if (!words)
			continue;
		if (verb->n != ANY_NUMBER && line->n - words != verb->n)
			ctl_usage("%s takes %s", verb->name,
				  verb->n ? verb->args : "no further words");
		if (line->used & ~verb->may)
			ctl_usage("--%s means nothing to %s", line->last_used, verb->name);
		line->run.args = line->args + words;
		line->run.n_args = line->n - words;
		return verb;
	}
	char known[1600] = "";
	for (const struct verb *verb = verbs; verb < verbs + VERBS; verb++) {
		size_t n = strlen(known), first = strlen(line->args[0]);
		if (!strncmp(verb->name, line->args[0], first) && verb->name[first] == ' ')
			snprintf(known + n, sizeof(known) - n, "%s\n  %s%s%s",
				 n ? "" : "; there is:", verb->name, verb->n ? " " : "",
				 verb->n ? verb->args : "");
	}
	ctl_usage("there is no '%s%s%s'%s", line->args[0], line->n > 1 ? " " : "",
		  line->n > 1 ? line->args[1] : "", known);
}

/* The list of verbs stands once, in their table. */
static char *with_verbs(int key, const char *text, void *input)
{
	char *all = NULL;
	size_t n;
	(void)input;
	if (key != ARGP_KEY_HELP_PRE_DOC)
		return (char *)text;
	FILE *out = open_memstream(&all, &n);
	if (!out)
		return (char *)text;
	fprintf(out, "%s\n\n", text);
	for (const struct verb *verb = verbs; verb < verbs + VERBS; verb++) {
		int at = fprintf(out, "  %s %s", verb->name, verb->args);
		fprintf(out, "%*s%s\n", at < 30 ? 30 - at : 1, "", verb->what);
	}
	fclose(out);
	return all;
}

/* ---- asking ---- */

static int ask(const struct ctl_run *run, ctl_show_fn *show, const struct ctl_call *call)
{
	struct ctl_answer answer;
	bool done = ctl_client_call(run->client, call, &answer);
	if (done && run->json) {
		fwrite(answer.text.octets, 1, answer.text.n, stdout);
		if (answer.text.octets[answer.text.n - 1] != '\n')
			putchar('\n');
	} else if (done) {
		show(run, answer.json);
	}
	ctl_answer_release(&answer);
	if (fflush(stdout))
		return CTL_FAILED;
	return done ? CTL_DONE : CTL_FAILED;
}

const char *ctl_encode(const char *word, char out[CTL_WORD_OCTETS])
{
	struct buffer encoded = { 0 };
	http_encode(&encoded, word);
	if (encoded.failed || encoded.n >= CTL_WORD_OCTETS || !encoded.n)
		ctl_usage("'%.40s' is no id or name: it has not 1 to %d octets", word,
			  CTL_WORD_OCTETS - 1);
	memcpy(out, encoded.octets, encoded.n);
	out[encoded.n] = '\0';
	buffer_release(&encoded);
	return out;
}

const char *ctl_page(const struct ctl_run *run, char out[CTL_PAGE_OCTETS])
{
	int n = snprintf(out, CTL_PAGE_OCTETS, "limit=%lld",
			 (long long)(run->limit ? run->limit : 20));
	if (run->before)
		snprintf(out + n, CTL_PAGE_OCTETS - (size_t)n, "&before=%llu",
			 (unsigned long long)run->before);
	return out;
}

int ctl_get(const struct ctl_run *run, ctl_show_fn *show, const char *target, ...)
{
	char text[2 * CTL_WORD_OCTETS + 256];
	va_list args;
	va_start(args, target);
	vsnprintf(text, sizeof(text), target, args);
	va_end(args);
	return ask(run, show, &(struct ctl_call){ .method = "GET", .target = text });
}

int ctl_post(const struct ctl_run *run, ctl_show_fn *show, const char *target,
	     const struct buffer *body)
{
	struct ctl_call call = {
		.method = "POST",
		.target = target,
		.body = body->octets,
		.body_octets = body->n,
	};
	if (body->failed) {
		fprintf(stderr, "esmectl: out of memory\n");
		return CTL_FAILED;
	}
	return ask(run, show, &call);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = read_one,
		.args_doc = "VERB [WORD...]",
		.doc = "Asks and steers a running esmed over its control socket.\v"
		       "Exit status: 0 done; 1 not found, refused, timed out, or nobody answers; "
		       "2 the command line is wrong.",
		.help_filter = with_verbs,
	};
	const char *env = getenv("ESMED_CONTROL");
	struct line line = { .socket = env && *env ? env : SOCKET_PATH,
			     .run = { .timeout_ms = 60000, .interval_ms = 1000, .rate = -1 } };
	argp_program_version = "esmectl " ESMED_VERSION;
	argp_err_exit_status = CTL_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &line);
	const struct verb *verb = find_verb(&line);
	line.run.client = ctl_client_new(line.socket);
	if (!line.run.client) {
		fprintf(stderr, "esmectl: out of memory\n");
		return CTL_FAILED;
	}
	int status = verb->run(&line.run);
	ctl_client_free(line.run.client);
	return status;
}
