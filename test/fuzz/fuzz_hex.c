/*
 * Fuzzes what people paste: whatever octets are read of it are the same when written plainly, and
 * all of them are shown as PDUs, by every view.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/trace_hex.h"
#include "tools/trace_split.h"
#include "tools/trace_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_again(const struct buffer *octets)
{
	struct buffer text = { 0 }, again = { 0 };
	struct trace_hex_error error;

	for (size_t i = 0; i < octets->n; i++)
		buffer_format(&text, "%02x ", octets->octets[i]);
	if (!trace_hex((const char *)text.octets, text.n, &again, &error) || again.n != octets->n ||
	    (again.n > 0 && memcmp(again.octets, octets->octets, again.n) != 0))
		abort();
	buffer_release(&text);
	buffer_release(&again);
}

static void show(struct trace_view *view, const struct buffer *octets)
{
	struct trace_split split = { .octets = octets->octets, .n = octets->n };
	struct flow *flow = flow_new(1);
	struct flow_event event;
	struct trace_pdu pdu;
	size_t n = 0;

	while (flow != NULL && trace_split_next(&split, &pdu)) {
		n += pdu.n;
		flow_add(flow, &pdu);
		while (flow_next(flow, &event))
			trace_view_event(view, &event);
	}
	if (flow != NULL && n != octets->n)
		abort();
	flow_free(flow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *names[] = { "command", "receipt.id", "smpp.short_message", "part" };
	struct buffer octets = { 0 };
	struct trace_hex_error error;

	if (trace_hex((const char *)data, size, &octets, &error))
		read_again(&octets);
	for (int format = TRACE_LINE; format <= TRACE_CSV; format++) {
		struct trace_view view = { .format = (enum trace_format)format,
					   .print = { .show_text = size % 2,
						      .show_numbers = size % 3 },
					   .names = names,
					   .n_names = 4 };

		show(&view, &octets);
		trace_view_release(&view);
	}
	buffer_release(&octets);
	return 0;
}
