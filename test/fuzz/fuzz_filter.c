/*
 * Fuzzes the filter language: what is refused is refused at a place within it, and what is taken
 * can be held against events of every kind, always with the same answer.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/filter.h"
#include "tools/trace_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A submit with a TLV, its answer, a receipt, what is cut and what is no PDU. */
static const uint8_t pdus[] = "\0\0\0\x34\0\0\0\4\0\0\0\0\0\0\0\1\0\5\0ACME\0\1\1"
			      "3161\0\0\0\0\0\0\1\0\0\0\2hi\x02\x04\0\2\0\7"
			      "\0\0\0\x15\x80\0\0\4\0\0\0\x58\0\0\0\1"
			      "2b67\0"
			      "\0\0\0\x3D\0\0\0\5\0\0\0\0\0\0\0\2\0\1\1"
			      "3161\0\0\0ACME\0\4\0\0\0\0\0\0\0\0\x17id:11111 stat:DELIVRD \0"
			      "\0\0\0\x20\0\0\0\x15\0\0\0\0";

static void hold(const struct filter *filter, struct flow *flow)
{
	struct flow_event event;

	while (flow_next(flow, &event)) {
		if (filter_holds(filter, &event) != filter_holds(filter, &event))
			abort();
	}
}

static void hold_all(const struct filter *filter)
{
	struct trace_split split = { .octets = pdus, .n = sizeof(pdus) - 1 };
	struct trace_pdu end = { .kind = TRACE_RST, .at_us = 90, .message = "" };
	struct flow *flow = flow_new(10);
	struct trace_pdu pdu;

	if (flow == NULL)
		return;
	while (trace_split_next(&split, &pdu)) {
		pdu.at_us = (int64_t)split.number * 7;
		pdu.direction = split.number % 2 ? TRACE_OUT : TRACE_IN;
		flow_add(flow, &pdu);
		hold(filter, flow);
	}
	flow_add(flow, &end);
	hold(filter, flow);
	flow_end(flow);
	hold(filter, flow);
	flow_free(flow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	struct filter_error error = { .text = "" };

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	struct filter *filter = filter_new(text, &error);

	if (filter == NULL &&
	    (error.column < 1 || error.column > strlen(text) + 1 || error.text[0] == '\0'))
		abort();
	if (filter != NULL)
		hold_all(filter);
	filter_free(filter);
	free(text);
	return 0;
}
