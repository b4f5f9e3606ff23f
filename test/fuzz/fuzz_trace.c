/*
 * Fuzzes the way of a capture through smpp-trace: any octets as a file, its PDUs through the flow
 * into every view and the summary. Each PDU is told once, and no answer without its request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/capture.h"
#include "tools/trace_capture.h"
#include "tools/trace_summary.h"
#include "tools/trace_view.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	file = memfd_create("capture", MFD_CLOEXEC);
	if (file < 0)
		abort();
	return 0;
}

struct told {
	uint64_t pdus;
	uint64_t requests;
	uint64_t ends; /* of requests: answers, and those told as unanswered but not late */
};

static void check(struct told *told, const struct flow_event *event, uint64_t number)
{
	if (event->kind == FLOW_PDU) {
		told->pdus++;
		if (event->pdu->number != number)
			abort();
		told->requests += event->pairing == FLOW_PAIR_NONE;
		told->ends += event->pairing == FLOW_PAIR_ANSWER && !event->late;
	}
	told->ends += event->kind == FLOW_UNANSWERED;
	if (event->request != NULL &&
	    (event->request->number == 0 || event->request->number > number))
		abort();
	if (event->submit != NULL && event->submit->number >= number)
		abort();
	if (told->ends > told->requests)
		abort();
}

static void run(struct trace_capture *capture, struct flow *flow, struct trace_view *view,
		struct trace_summary *summary)
{
	char error[CAPTURE_ERROR_OCTETS] = "";
	struct told told = { 0 };
	struct flow_event event;
	struct trace_pdu pdu;
	uint64_t number = 0;
	bool more;

	do {
		more = trace_capture_next(capture, &pdu, error);
		if (more) {
			number += pdu.kind == TRACE_PDU;
			flow_add(flow, &pdu);
		} else {
			flow_end(flow);
		}
		while (flow_next(flow, &event)) {
			check(&told, &event, number);
			trace_summary_add(summary, &event);
			trace_view_event(view, &event);
		}
		buffer_clear(&view->out);
	} while (more);
	if (told.pdus != number)
		abort();
	trace_summary_print(summary, view->print.show_numbers, &view->out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *names[] = { "command", "submit.id" };
	struct trace_view view = { .format = (enum trace_format)(size % (TRACE_CSV + 1)),
				   .names = names,
				   .n_names = 2 };
	struct trace_summary *summary = trace_summary_new();
	struct flow *flow = flow_new(1000000);
	char path[64], error[CAPTURE_ERROR_OCTETS] = "";
	struct trace_capture *capture;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size)
		abort();
	capture = trace_capture_open(path, size % 5 == 0 ? 2775 : 0, error);
	if (capture == NULL && error[0] == '\0')
		abort();
	if (capture != NULL && flow != NULL && summary != NULL)
		run(capture, flow, &view, summary);
	trace_capture_close(capture);
	trace_view_release(&view);
	trace_summary_free(summary);
	flow_free(flow);
	return 0;
}
