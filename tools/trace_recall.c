/* See tools/trace_recall.h. */
#include "tools/trace_recall.h"

#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "tools/trace_tap.h"

/* All lines begin so, and times of one form stand in the order of their characters. */
static const char time_key[] = "{\"time\":\"";
#define TIME_OCTETS 24

struct line {
	size_t at;
	size_t n;
};

struct trace_recall {
	struct trace_live *live;
	struct buffer lines;
	struct buffer index; /* of struct line */
	size_t next;
	uint64_t number;
	struct trace_tap tap;
	const char *error;
};

struct trace_recall *trace_recall_new(const struct trace_live_want *want)
{
	struct trace_recall *recall = calloc(1, sizeof(*recall));

	if (!recall)
		return NULL;
	recall->live = trace_live_new(want);
	if (recall->live)
		return recall;
	free(recall);
	return NULL;
}

void trace_recall_free(struct trace_recall *recall)
{
	if (!recall)
		return;
	trace_live_free(recall->live);
	trace_tap_release(&recall->tap);
	buffer_release(&recall->lines);
	buffer_release(&recall->index);
	free(recall);
}

const char *trace_recall_error(const struct trace_recall *recall)
{
	return recall->error ? recall->error : trace_live_error(recall->live);
}

/* ---- the answer ---- */

static bool take_line(struct trace_recall *recall, const char *text, size_t n)
{
	struct line line = { .at = recall->lines.n, .n = n };

	if (n < sizeof(time_key) - 1 + TIME_OCTETS ||
	    memcmp(text, time_key, sizeof(time_key) - 1) != 0)
		recall->error = "the daemon's answer has a line without a time";
	else if (n > RECALL_OCTETS - recall->lines.n)
		recall->error = "it is too much to be shown at once; ask for its messages";
	buffer_append(&recall->lines, text, n);
	buffer_append(&recall->index, &line, sizeof(line));
	if (recall->lines.failed || recall->index.failed)
		recall->error = "out of memory";
	return !recall->error;
}

static int by_time(const void *a, const void *b, void *lines)
{
	const struct line *one = a, *other = b;
	const char *text = (const char *)lines + sizeof(time_key) - 1;
	int order = memcmp(text + one->at, text + other->at, TIME_OCTETS);

	return order != 0 ? order : (one->at > other->at) - (one->at < other->at);
}

bool trace_recall_fetch(struct trace_recall *recall)
{
	char *line;
	size_t n;

	while (!recall->error && trace_live_wait(recall->live, INT64_MAX))
		while (!recall->error && (line = trace_live_line(recall->live, &n)))
			take_line(recall, line, n);
	if (trace_recall_error(recall))
		return false;
	if (recall->index.n > 0)
		qsort_r(recall->index.octets, recall->index.n / sizeof(struct line),
			sizeof(struct line), by_time, recall->lines.octets);
	return true;
}

bool trace_recall_next(struct trace_recall *recall, struct trace_pdu *pdu)
{
	const struct line *line = (const struct line *)recall->index.octets + recall->next;

	if (recall->next == recall->index.n / sizeof(*line))
		return false;
	recall->next++;
	*pdu = (struct trace_pdu){ .message = "" };
	if (!trace_tap_line(&recall->tap, (char *)recall->lines.octets + line->at, line->n, pdu) ||
	    !pdu->facts) {
		recall->error = "the daemon's answer has a line that cannot be read";
		return false;
	}
	recall->number += pdu->kind == TRACE_PDU;
	pdu->number = recall->number;
	return true;
}
