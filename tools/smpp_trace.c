/*
 * smpp-trace: shows SMPP PDUs to an engineer, from hexadecimal, from captures, as they pass through
 * a running daemon or between two others. This file joins source, flow and view; each of them is a
 * file of its own.
 *
 * Exit status: 0 all well, 1 a PDU or its hexadecimal cannot be read, the daemon cannot be reached,
 * a file cannot be written or nothing has that name, 2 the command line is wrong.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/port.h"
#include "tools/capture.h"
#include "tools/filter.h"
#include "tools/trace_capture.h"
#include "tools/trace_explain.h"
#include "tools/trace_export.h"
#include "tools/trace_hex.h"
#include "tools/trace_live.h"
#include "tools/trace_options.h"
#include "tools/trace_proxy.h"
#include "tools/trace_recall.h"
#include "tools/trace_split.h"
#include "tools/trace_summary.h"
#include "tools/tui.h"

#define INPUT_OCTETS_MAX (256u << 20) /* of hexadecimal */

/* Writes what a view has shown. False: nobody reads it any more. */
static bool write_out(struct buffer *out)
{
	bool written = !out->failed;

	if (written && out->n > 0)
		written = fwrite(out->octets, 1, out->n, stdout) == out->n && fflush(stdout) == 0;
	if (out->failed)
		fputs("smpp-trace: out of memory\n", stderr);
	else if (!written && errno != EPIPE)
		fprintf(stderr, "smpp-trace: standard output: %s\n", strerror(errno));
	buffer_clear(out);
	return written;
}

/* ---- decode ---- */

static bool read_input(struct buffer *text)
{
	while (!text->failed && text->n <= INPUT_OCTETS_MAX) {
		uint8_t *at = buffer_reserve(text, 65536);
		size_t n = at ? fread(at, 1, 65536, stdin) : 0;

		text->n += n;
		if (n == 0)
			break;
	}
	if (ferror(stdin))
		fprintf(stderr, "smpp-trace: standard input: %s\n", strerror(errno));
	else if (text->failed || text->n > INPUT_OCTETS_MAX)
		fputs("smpp-trace: standard input: too much\n", stderr);
	return !ferror(stdin) && !text->failed && text->n <= INPUT_OCTETS_MAX;
}

/* The octets meant by the words of the command line. */
static bool read_octets(const struct trace_options *options, struct buffer *octets)
{
	struct trace_hex_error error;
	struct buffer text = { 0 };
	bool is_input = options->n_words == 1 && strcmp(options->words[0], "-") == 0;
	bool ok = true;

	if (is_input)
		ok = read_input(&text);
	for (size_t i = 0; i < options->n_words && !is_input; i++)
		buffer_format(&text, "%s ", options->words[i]);
	if (ok && !trace_hex((const char *)text.octets, text.n, octets, &error)) {
		fprintf(stderr, "smpp-trace: line %" PRIu32 ", column %" PRIu32 ": %s\n",
			error.line, error.column, error.text);
		ok = false;
	} else if (ok && octets->n == 0) {
		fputs("smpp-trace: there are no octets\n", stderr);
		ok = false;
	}
	buffer_release(&text);
	return ok;
}

/* ---- the way from source to view ---- */

#define TURN_PDUS 4096 /* between two looks at the keys */
#define TURN_MS	  50   /* live, proxy: a key is obeyed after so long at most */
#define STAY_MS	  1000 /* nothing happens but keys */
#define BEHIND_MS 200  /* live, proxy: an answer may be on its way to us for so long */

struct trace {
	const struct trace_options *options;
	struct flow *flow;
	struct trace_summary *summary; /* instead of the view */
	struct trace_export *export;   /* NULL: nothing is written */
	struct tui *tui;	       /* instead of all three */
	struct trace_view view;
	uint64_t seen;
	uint64_t shown;
	uint64_t dropped;
	uint64_t chosen; /* events, by the filter */
	uint64_t blind;	 /* came masked, where the filter looks */
	bool well;	 /* no PDU that cannot be read was shown */
	bool unwritten;	 /* a file cannot be written, which was said */
};

static enum trace_format format_of(const struct trace_options *options)
{
	if (options->format != TRACE_LINE)
		return options->format;
	if (options->ladder)
		return TRACE_LADDER;
	return options->verbose ? TRACE_BLOCK : TRACE_LINE;
}

static bool out_of_memory(void)
{
	fputs("smpp-trace: out of memory\n", stderr);
	return false;
}

static bool begin_export(struct trace *trace, const struct trace_options *options)
{
	bool reads = options->command == TRACE_READ;
	struct trace_export_want want = { .path = options->write_path,
					  .scenario = options->scenario_path,
					  .file_octets = options->rotate_octets,
					  .files = options->rotate_files,
					  .source = reads ? options->words[0] : NULL,
					  .text = options->print.show_text && !options->redact,
					  .numbers = options->print.show_numbers &&
						     !options->redact };
	char error[CAPTURE_ERROR_OCTETS];

	trace->export = trace_export_new(&want, error);
	if (trace->export == NULL)
		fprintf(stderr, "smpp-trace: %s\n", error);
	return trace->export != NULL;
}

/* Takes the terminal. False: what is wrong was said. */
static bool tui_begin(struct trace *trace, struct trace_options *options)
{
	trace->tui = calloc(1, sizeof(*trace->tui));
	if (trace->tui == NULL)
		return out_of_memory();
	trace->tui->live = options->command != TRACE_READ;
	trace->tui->masked = options->command == TRACE_LIVE;
	trace->tui->title = options->command == TRACE_READ  ? options->words[0] :
			    options->command == TRACE_PROXY ? options->to_host :
							      "live";
	trace->tui->print = options->print;
	if (!tui_open(trace->tui))
		return false;
	tui_set_filter(trace->tui, options->filter,
		       options->filter_text != NULL ? options->filter_text : "");
	options->filter = NULL;
	return true;
}

/* Nothing more will come: until the user has seen enough. */
static void tui_stay(struct trace *trace, const char *error)
{
	trace->tui->complete = true;
	snprintf(trace->tui->message, sizeof(trace->tui->message), "%s", error);
	while (tui_turn(trace->tui, STAY_MS)) {
	}
}

/* False: what is wrong was said. */
static bool trace_begin(struct trace *trace, struct trace_options *options)
{
	*trace = (struct trace){ .options = options, .well = true };
	trace->view = (struct trace_view){ .format = format_of(options),
					   .print = options->print,
					   .names = options->names,
					   .n_names = options->n_names };
	trace->flow = flow_new(options->unanswered_us);
	if (options->summary)
		trace->summary = trace_summary_new();
	if (trace->flow == NULL || (trace->summary == NULL && options->summary))
		return out_of_memory();
	if (options->interactive)
		return tui_begin(trace, options);
	return (options->write_path == NULL && options->scenario_path == NULL) ||
	       begin_export(trace, options);
}

static void trace_release(struct trace *trace)
{
	if (trace->tui != NULL)
		tui_close(trace->tui);
	free(trace->tui);
	trace_view_release(&trace->view);
	trace_export_free(trace->export);
	trace_summary_free(trace->summary);
	flow_free(trace->flow);
}

/* False: it cannot be written, which was said. */
static bool written(struct trace *trace, bool done)
{
	if (done || trace_export_unread(trace->export))
		return done;
	if (!trace->unwritten)
		fprintf(stderr, "smpp-trace: %s\n", trace_export_error(trace->export));
	trace->unwritten = true;
	return false;
}

/* Everything that the flow has to say. False: nobody reads it, or it cannot be written. */
static bool show(struct trace *trace)
{
	const struct filter *filter = trace->options->filter;
	bool shows = trace_options_show(trace->options);
	struct flow_event event;

	while (flow_next(trace->flow, &event)) {
		if (trace->tui != NULL) {
			if (!tui_add(trace->tui, &event))
				return out_of_memory();
			continue;
		}
		if (filter != NULL && !filter_holds(filter, &event)) {
			trace->blind += filter_is_blind(filter, &event);
			continue;
		}
		trace->chosen++;
		if (trace->export != NULL && event.pdu != NULL &&
		    !written(trace, trace_export_add(trace->export, &event)))
			return false;
		if (!shows)
			continue;
		if (trace->summary != NULL) {
			trace_summary_add(trace->summary, &event);
			continue;
		}
		trace_view_event(&trace->view, &event);
		if (event.kind == FLOW_PDU) {
			trace->shown++;
			trace->well = trace->well && !trace->view.reading.problematic;
		}
	}
	return trace->view.out.n < 1u << 16 || write_out(&trace->view.out);
}

/* Nothing of what has come is kept back. False: as show. */
static bool trace_flush(struct trace *trace)
{
	if (trace->export != NULL && !written(trace, trace_export_flush(trace->export)))
		return false;
	return write_out(&trace->view.out);
}

static void count_dropped(struct trace *trace, uint64_t dropped)
{
	trace->dropped += dropped;
	if (trace->tui != NULL)
		trace->tui->dropped = trace->dropped;
	if (trace->summary != NULL)
		trace_summary_dropped(trace->summary, dropped);
}

static bool trace_one(struct trace *trace, const struct trace_pdu *pdu)
{
	trace->seen += pdu->kind == TRACE_PDU;
	count_dropped(trace, pdu->dropped);
	flow_add(trace->flow, pdu);
	return show(trace);
}

/* Nothing at all may be a mistyped question as well as the answer to it. */
static void say_none(const struct trace *trace)
{
	if (trace->options->filter != NULL && trace->tui == NULL && trace->chosen == 0)
		fprintf(stderr, "smpp-trace: the filter has chosen none of %" PRIu64 " PDUs\n",
			trace->seen);
	for (size_t i = 0; trace->shown > 0 && i < trace->view.n_names; i++)
		if ((trace->view.named >> i & 1) == 0)
			fprintf(stderr,
				"smpp-trace: -e %s: nothing that was shown has it; -T json shows "
				"the names, -e stands before each\n",
				trace->view.names[i]);
}

/* What the filter has not chosen, and might have. */
static void say_blind(const struct trace *trace)
{
	if (trace->blind > 0)
		fprintf(stderr,
			"smpp-trace: %" PRIu64
			" PDUs came with masks where the filter looks, and were "
			"left out; a capture that is made with --numbers and --text has none\n",
			trace->blind);
}

/* No PDU follows: what is now certain, and the summary. */
static bool trace_end(struct trace *trace)
{
	/* Without times nobody has waited: somebody pasted what he had. */
	if (trace->options->command != TRACE_DECODE)
		flow_end(trace->flow);
	if (!show(trace))
		return false;
	say_none(trace);
	say_blind(trace);
	if (trace->summary != NULL)
		trace_summary_print(trace->summary, trace->options->print.show_numbers,
				    &trace->view.out);
	if (trace->export != NULL && !written(trace, trace_export_end(trace->export)))
		return false;
	return trace_flush(trace);
}

/* What was not only shown is counted at the end. */
static void print_counts(const struct trace *trace)
{
	fprintf(stderr, "seen %" PRIu64 ", shown %" PRIu64 ", dropped %" PRIu64, trace->seen,
		trace->shown, trace->dropped);
	if (trace->options->write_path != NULL)
		fprintf(stderr, ", written %" PRIu64, trace_export_written(trace->export));
	fputs("\n", stderr);
}

/* ---- decode ---- */

static int decode(struct trace_options *options)
{
	struct buffer octets = { 0 };
	struct trace_split split = { 0 };
	struct trace_pdu pdu;
	struct trace trace;
	bool well = trace_begin(&trace, options) && read_octets(options, &octets);

	split.octets = octets.octets;
	split.n = well ? octets.n : 0;
	while (well && trace_split_next(&split, &pdu)) {
		/* One PDU alone is a block: a line would leave out what it was looked at for. */
		if (split.number == 1 && split.next == split.n && trace.view.format == TRACE_LINE)
			trace.view.format = TRACE_BLOCK;
		well = trace_one(&trace, &pdu);
	}
	well = well && trace_end(&trace) && trace.well;
	trace_release(&trace);
	buffer_release(&octets);
	return well ? 0 : 1;
}

/* ---- read ---- */

static int read_capture(struct trace_options *options)
{
	char error[CAPTURE_ERROR_OCTETS] = "";
	struct trace_capture *capture;
	struct trace_pdu pdu;
	struct trace trace = { 0 };
	bool well, quit = false;

	/* First: what is not there replaces no file. */
	capture = trace_capture_open(options->words[0], options->port, error);
	well = capture != NULL && trace_begin(&trace, options);
	while (well && !quit && trace_capture_next(capture, &pdu, error)) {
		well = trace_one(&trace, &pdu);
		quit = trace.tui != NULL && trace.seen % TURN_PDUS == 0 && !tui_turn(trace.tui, 0);
	}
	/* What came before a damage is told like the rest. */
	well = well && (quit || trace_end(&trace));
	if (error[0] == '\0' && well && trace.seen == 0)
		snprintf(error, sizeof(error), "no SMPP was recognised in it%s",
			 options->port == 0 ? "; --port=PORT says where it is" : "");
	if (trace.export != NULL)
		print_counts(&trace);
	if (trace.tui != NULL && well && !quit)
		tui_stay(&trace, error);
	trace_release(&trace);
	if (error[0] != '\0')
		fprintf(stderr, "smpp-trace: %s: %s\n", options->words[0], error);
	trace_capture_close(capture);
	return well && error[0] == '\0' && trace.well ? 0 : 1;
}

/* ---- live, proxy ---- */

/* Where PDUs come from as they pass: one of the two. */
struct passing {
	struct trace_live *live;
	struct trace_proxy *proxy;
};

static bool passing_wait(const struct passing *passing, int64_t most_ms)
{
	return passing->proxy != NULL ? trace_proxy_wait(passing->proxy, most_ms) :
					trace_live_wait(passing->live, most_ms);
}

static bool passing_gap(const struct passing *passing)
{
	return passing->proxy != NULL ? trace_proxy_dropped(passing->proxy) > 0 :
					trace_live_gap(passing->live);
}

static void tell(struct trace *trace, const char *note)
{
	if (trace->tui != NULL)
		snprintf(trace->tui->message, sizeof(trace->tui->message), "%s", note);
	else
		fprintf(stderr, "smpp-trace: %s\n", note);
}

static bool passing_next(const struct passing *passing, struct trace *trace, struct trace_pdu *pdu)
{
	const char *note;

	if (passing->proxy == NULL)
		return trace_live_next(passing->live, pdu);
	while (trace_proxy_next(passing->proxy, pdu, &note)) {
		if (note == NULL)
			return true;
		tell(trace, note);
	}
	return false;
}

/* When there is something to do though nothing comes. */
static int64_t passing_wait_ms(const struct trace *trace)
{
	int64_t due_us = flow_due_us(trace->flow);
	int64_t wait_ms = trace->tui != NULL ? TURN_MS : INT64_MAX;

	if (due_us != INT64_MAX) {
		int64_t due_ms = due_us / 1000 + 1 + BEHIND_MS - port_wall_ms(NULL);

		if (due_ms < wait_ms)
			wait_ms = due_ms > 0 ? due_ms : 0;
	}
	return wait_ms;
}

static bool show_passing(const struct passing *passing, struct trace *trace)
{
	struct trace_pdu pdu;
	size_t n = 0;

	/* What one wait of live has brought is less; of proxy more may wait, and keys do, too. */
	for (; n < TURN_PDUS && passing_next(passing, trace, &pdu); n++) {
		if (!trace_one(trace, &pdu))
			return false;
	}
	/* PDUs tell the time themselves, and their answers may be right behind them. */
	if (n == 0) {
		if (passing_gap(passing))
			flow_gap(trace->flow);
		flow_pass(trace->flow, (port_wall_ms(NULL) - BEHIND_MS) * 1000);
		if (!show(trace))
			return false;
	}
	return trace->tui != NULL ? tui_turn(trace->tui, 0) : trace_flush(trace);
}

/* false: nobody reads it any more, or it cannot be written. */
static bool watch(const struct passing *passing, struct trace *trace)
{
	const char *error = NULL;
	bool wanted = true;

	while (wanted && passing_wait(passing, passing_wait_ms(trace)))
		wanted = show_passing(passing, trace);
	if (passing_gap(passing))
		flow_gap(trace->flow);
	if (passing->proxy != NULL) {
		count_dropped(trace, trace_proxy_dropped(passing->proxy));
	} else {
		count_dropped(trace, trace_live_dropped(passing->live));
		error = trace_live_error(passing->live);
	}
	/* Why it ended comes before how much there was. */
	if (error != NULL && trace->tui == NULL)
		fprintf(stderr, "smpp-trace: %s\n", error);
	wanted = wanted && trace_end(trace);
	if (wanted && trace->tui != NULL)
		tui_stay(trace, error ? error : "");
	/* Wireshark counts itself, and takes every word for an error. */
	if (trace->tui == NULL && trace->options->extcap == TRACE_EXTCAP_NOT)
		print_counts(trace);
	return !trace->unwritten;
}

static int live(struct trace_options *options)
{
	struct trace_live_want want = { .socket_path = options->socket_path,
					.link = options->link,
					.text = options->print.show_text,
					.numbers = options->print.show_numbers };
	struct passing passing = { .live = trace_live_new(&want) };
	struct trace trace = { 0 };
	bool well = passing.live != NULL ? trace_begin(&trace, options) : out_of_memory();
	const char *error;

	well = well && watch(&passing, &trace);
	trace_release(&trace);
	if (passing.live == NULL)
		return 1;
	error = trace_live_error(passing.live);
	/* What the screen has told went with it. */
	if (error && options->interactive)
		fprintf(stderr, "smpp-trace: %s\n", error);
	trace_live_free(passing.live);
	return error || !well ? 1 : 0;
}

static int proxy(struct trace_options *options)
{
	struct relay_want want = { .host = options->listen_host,
				   .port = options->listen_port,
				   .to_host = options->to_host,
				   .to_port = options->to_port,
				   .to_tls = options->to_tls,
				   .ca_file = options->to_ca };
	char error[PORT_TEXT_OCTETS];
	struct passing passing = { .proxy = trace_proxy_new(&want, error) };
	struct trace trace;
	bool well;

	if (passing.proxy == NULL) {
		fprintf(stderr, "smpp-trace: %s\n", error);
		return 1;
	}
	fprintf(stderr, "listening on %s\n", trace_proxy_address(passing.proxy));
	well = trace_begin(&trace, options) && watch(&passing, &trace);
	trace_release(&trace);
	trace_proxy_free(passing.proxy);
	return well ? 0 : 1;
}

/* ---- message, order ---- */

/* What the store has: no PDUs, which is said, for much of them is not known. */
static int recall(struct trace_options *options)
{
	struct trace_live_want want = {
		.socket_path = options->socket_path,
		.recall = options->command == TRACE_ORDER ? "orders" : "messages",
		.id = options->words[0],
		.text = options->print.show_text,
		.numbers = options->print.show_numbers,
	};
	struct trace_recall *source = trace_recall_new(&want);
	struct trace trace = { 0 };
	struct trace_pdu pdu;
	bool well = source != NULL && trace_recall_fetch(source) && trace_begin(&trace, options);
	const char *error;

	if (well)
		fputs("smpp-trace: rebuilt from the daemon's evidence, not recorded: PDUs are not kept, and "
		      "what is not shown of them is not known\n",
		      stderr);
	while (well && trace_recall_next(source, &pdu))
		well = trace_one(&trace, &pdu);
	well = well && trace_end(&trace);
	error = source != NULL ? trace_recall_error(source) : "out of memory";
	if (error)
		fprintf(stderr, "smpp-trace: %s\n", error);
	trace_release(&trace);
	trace_recall_free(source);
	return well && !error ? 0 : 1;
}

/* ---- explain ---- */

static void say_unknown(const char *word)
{
	struct buffer names = { 0 };

	trace_explain_nearest(&names, word);
	fprintf(stderr, "smpp-trace: %s is no status, TLV, parameter or PDU of SMPP 3.4; ", word);
	if (names.n > 0 && !names.failed)
		fprintf(stderr, "is it one of %.*s?\n", (int)names.n, (const char *)names.octets);
	else
		fputs("names are those of the specification, numbers such as 0x58 or 88\n", stderr);
	buffer_release(&names);
}

static int explain(struct trace_options *options)
{
	struct buffer out = { 0 };
	int status = 0;

	for (size_t i = 0; i < options->n_words; i++) {
		if (strcmp(options->words[i], "filter") == 0) {
			filter_help(&out);
			continue;
		}
		if (trace_explain(&out, options->words[i]))
			continue;
		say_unknown(options->words[i]);
		status = 1;
	}
	if (!write_out(&out))
		status = 1;
	buffer_release(&out);
	return status;
}

/* ---- Wireshark's questions ---- */

static int answer_wireshark(struct trace_options *options)
{
	struct buffer out = { 0 };
	bool well;

	trace_extcap_answer(options->extcap, &out);
	well = write_out(&out);
	buffer_release(&out);
	return well ? 0 : 1;
}

int main(int argc, char **argv)
{
	static int (*const run[])(struct trace_options *) = {
		[TRACE_DECODE] = decode,   [TRACE_READ] = read_capture,
		[TRACE_LIVE] = live,	   [TRACE_PROXY] = proxy,
		[TRACE_MESSAGE] = recall,  [TRACE_ORDER] = recall,
		[TRACE_EXPLAIN] = explain, [TRACE_EXTCAP] = answer_wireshark,
	};
	struct trace_options options;
	int status;

	trace_options_read(&options, argc, argv);
	status = run[options.command](&options);
	filter_free(options.filter);
	return status;
}
