/*
 * smpp-trace: shows SMPP PDUs to an engineer, from hexadecimal or as they pass through a running
 * daemon. This file joins source, flow and view; each of them is a file of its own.
 *
 * Exit status: 0 all well, 1 a PDU or its hexadecimal cannot be read, the daemon cannot be reached
 * or nothing has that name, 2 the command line is wrong.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/trace_explain.h"
#include "tools/trace_hex.h"
#include "tools/trace_live.h"
#include "tools/trace_options.h"
#include "tools/trace_split.h"

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

/* One PDU alone is shown as a block: a line would leave out what it was looked at for. */
static enum trace_format format_of(const struct trace_options *options, bool alone)
{
	if (options->json)
		return TRACE_JSON;
	return options->verbose || alone ? TRACE_BLOCK : TRACE_LINE;
}

static int decode(const struct trace_options *options)
{
	static const struct trace_pair unpaired = { 0 };
	struct buffer octets = { 0 };
	struct trace_view view = { .print = options->print };
	struct trace_split split = { 0 };
	struct trace_pdu pdu;
	bool well = read_octets(options, &octets);

	split.octets = octets.octets;
	split.n = well ? octets.n : 0;
	while (trace_split_next(&split, &pdu)) {
		view.format = format_of(options, split.number == 1 && split.next == split.n);
		trace_view_pdu(&view, &pdu, &unpaired);
		well = well && !view.reading.problematic;
		if (!write_out(&view.out)) {
			well = false;
			break;
		}
	}
	trace_view_release(&view);
	buffer_release(&octets);
	return well ? 0 : 1;
}

/* ---- live ---- */

struct counts {
	uint64_t seen;
	uint64_t shown;
	uint64_t dropped;
};

/* Everything that has come. False: nobody reads it any more. */
static bool show_live(struct trace_live *live, struct trace_flow *flow, struct trace_view *view,
		      struct counts *counts)
{
	struct trace_pdu pdu;

	while (trace_live_next(live, &pdu)) {
		struct trace_pair pair = trace_flow_pdu(flow, &pdu);

		counts->seen++;
		counts->dropped += pdu.dropped;
		trace_view_pdu(view, &pdu, &pair);
		counts->shown++;
		if (view->out.n > 1u << 16 && !write_out(&view->out))
			return false;
	}
	return write_out(&view->out);
}

static int live(const struct trace_options *options)
{
	struct trace_live_want want = { .socket_path = options->socket_path,
					.link = options->link,
					.text = options->print.show_text,
					.numbers = options->print.show_numbers };
	struct trace_view view = { .format = format_of(options, false), .print = options->print };
	struct trace_live *source = trace_live_new(&want);
	struct trace_flow *flow = trace_flow_new();
	struct counts counts = { 0 };
	const char *error = source && flow ? NULL : "out of memory";

	while (!error && trace_live_wait(source)) {
		if (!show_live(source, flow, &view, &counts))
			break;
	}
	if (!error)
		error = trace_live_error(source);
	fprintf(stderr, "seen %" PRIu64 ", shown %" PRIu64 ", dropped %" PRIu64 "\n", counts.seen,
		counts.shown, counts.dropped);
	if (error)
		fprintf(stderr, "smpp-trace: %s\n", error);
	trace_view_release(&view);
	trace_flow_free(flow);
	trace_live_free(source);
	return error ? 1 : 0;
}

/* ---- explain ---- */

static int explain(const struct trace_options *options)
{
	struct buffer out = { 0 };
	int status = 0;

	for (size_t i = 0; i < options->n_words; i++) {
		if (trace_explain(&out, options->words[i]))
			continue;
		fprintf(stderr, "smpp-trace: %s is no status, TLV, parameter or PDU of SMPP 3.4\n",
			options->words[i]);
		status = 1;
	}
	if (!write_out(&out))
		status = 1;
	buffer_release(&out);
	return status;
}

int main(int argc, char **argv)
{
	static int (*const run[])(const struct trace_options *) = {
		[TRACE_DECODE] = decode,
		[TRACE_LIVE] = live,
		[TRACE_EXPLAIN] = explain,
	};
	struct trace_options options;

	trace_options_read(&options, argc, argv);
	return run[options.command](&options);
}
