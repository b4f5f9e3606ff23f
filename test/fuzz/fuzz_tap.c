/*
 * Fuzzes the tap protocol: lines of a tap, or of what it recalls from the store, through the flow into
 * every view and the summary. What is taken as a line is a PDU with as many octets as its hex, or
 * facts without any; a PDU is told once.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/trace_summary.h"
#include "tools/trace_tap.h"
#include "tools/trace_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct trace_tap tap;
	struct flow *flow;
	struct trace_summary *summary;
	struct trace_view view;
	uint64_t number;
	uint64_t told;
};

static void check(const struct run *run, const struct trace_pdu *pdu, size_t n)
{
	if (pdu->n != run->tap.octets.n || 2 * (size_t)pdu->n > n ||
	    strlen(pdu->link) >= sizeof(pdu->link) || !pdu->message)
		abort();
	if (pdu->facts && (pdu->n > 0 || (pdu->kind != TRACE_PDU && !pdu->note)))
		abort();
}

static void show(struct run *run)
{
	struct flow_event event;

	while (flow_next(run->flow, &event)) {
		run->told += event.kind == FLOW_PDU;
		if (event.submit != NULL && event.submit->number >= run->number)
			abort();
		trace_summary_add(run->summary, &event);
		for (enum trace_format format = TRACE_LINE; format <= TRACE_JSON; format++) {
			run->view.format = format;
			trace_view_event(&run->view, &event);
		}
		buffer_clear(&run->view.out);
	}
}

static void take(struct run *run, char *line, size_t n)
{
	struct trace_pdu pdu = { .message = "" };

	if (!trace_tap_line(&run->tap, line, n, &pdu))
		return;
	check(run, &pdu, n);
	if (!pdu.octets && !pdu.facts)
		return; /* only how many were dropped */
	run->number += pdu.kind == TRACE_PDU;
	pdu.number = run->number;
	flow_add(run->flow, &pdu);
	show(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .flow = flow_new(60000000), .summary = trace_summary_new() };
	char *lines = malloc(size + 1); /* with the line feed that ends the last */
	char *line = lines, *end;

	if (!lines || !run.flow || !run.summary)
		abort();
	memcpy(lines, data, size);
	lines[size] = '\n';
	for (; line <= lines + size; line = end + 1) {
		end = memchr(line, '\n', (size_t)(lines + size + 1 - line));
		take(&run, line, (size_t)(end - line));
	}
	flow_end(run.flow);
	show(&run);
	trace_summary_print(run.summary, run.view.print.show_numbers, &run.view.out);
	if (run.told != run.number || run.view.out.failed)
		abort();
	trace_view_release(&run.view);
	trace_summary_free(run.summary);
	trace_tap_release(&run.tap);
	flow_free(run.flow);
	free(lines);
	return 0;
}
