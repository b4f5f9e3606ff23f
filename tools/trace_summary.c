/* Counting and printing of tools/trace_summary.h. */
#include "tools/trace_summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "smpp/status.h"
#include "tools/trace_own.h"
#include "tools/trace_times.h"

#define WINDOWS 1024 /* a larger one is counted as that */
#define NAMED	10   /* requests without answer that are named */

/* Requests and responses of one command_id and command_status. */
struct row {
	uint32_t command_id;
	uint32_t command_status;
	uint64_t count;
	uint64_t unanswered; /* requests */
	uint64_t late;	     /* responses */
	struct trace_times rtt;
};

/* One that is told by itself. */
struct named {
	uint64_t number;
	int64_t us;
	struct flow_request request;
};

struct link {
	char name[TRACE_LINK_OCTETS];
	uint32_t window; /* the largest */
	uint64_t submits;
	uint64_t throttles;
	int64_t paused_us; /* after throttles, until it went on */
	int64_t first_us;  /* of its submits */
	int64_t last_us;
	int64_t seen_us; /* when its window last changed */
	uint32_t open;	 /* as it was then */
	int64_t open_us[WINDOWS + 1];
	struct trace_times rtt; /* of submits */
};

struct trace_summary {
	uint64_t pdus;
	bool of_facts; /* some of those that passed, without their octets */
	uint64_t octets;
	uint64_t errors; /* responses with a status */
	uint64_t unanswered;
	uint64_t unasked;
	uint64_t late;
	uint64_t problems; /* PDUs that cannot be read */
	uint64_t lost;	   /* octets */
	uint64_t dropped;
	uint64_t closed;
	uint64_t again;
	uint64_t held;		   /* answers for which others waited */
	struct named slowest;	   /* the one for which they waited longest */
	struct named named[NAMED]; /* the first that were not answered */
	uint64_t receipts;
	uint64_t joins[FLOW_JOIN_AMBIGUOUS + 1];
	uint64_t rules[SMPP_ID_DEC_TO_HEX + 1];
	uint64_t other_link;
	uint64_t early; /* answers that came behind the receipt of what they answer */
	struct trace_times delay;
	int64_t first_us;
	int64_t last_us;
	struct row *rows[TRACE_SUMMARY_ROWS];
	size_t row_count;
	struct row other; /* what has no row */
	struct link *links[TRACE_SUMMARY_LINKS];
	size_t link_count;
	struct link *last_link;
};

struct trace_summary *trace_summary_new(void)
{
	return calloc(1, sizeof(struct trace_summary));
}

void trace_summary_free(struct trace_summary *summary)
{
	if (summary == NULL)
		return;
	for (size_t i = 0; i < summary->row_count; i++)
		free(summary->rows[i]);
	for (size_t i = 0; i < summary->link_count; i++)
		free(summary->links[i]);
	free(summary);
}

/* ---- counting ---- */

static struct row *row_of(struct trace_summary *summary, uint32_t command_id, uint32_t status)
{
	struct row *row;

	for (size_t i = 0; i < summary->row_count; i++) {
		row = summary->rows[i];
		if (row->command_id == command_id && row->command_status == status)
			return row;
	}
	row = summary->row_count < TRACE_SUMMARY_ROWS ? calloc(1, sizeof(*row)) : NULL;
	if (row == NULL)
		return &summary->other;
	summary->rows[summary->row_count++] = row;
	row->command_id = command_id;
	row->command_status = status;
	return row;
}

static struct link *link_of(struct trace_summary *summary, const char *name)
{
	struct link *link = summary->last_link;

	if (link != NULL && strcmp(link->name, name) == 0)
		return link;
	for (size_t i = 0; i < summary->link_count; i++)
		if (strcmp(summary->links[i]->name, name) == 0)
			return summary->last_link = summary->links[i];
	link = summary->link_count < TRACE_SUMMARY_LINKS ? calloc(1, sizeof(*link)) : NULL;
	if (link == NULL)
		return NULL;
	summary->links[summary->link_count++] = link;
	memcpy(link->name, name, strlen(name) + 1);
	return summary->last_link = link;
}

/* How long its window was how full; gaps between sessions are nobody's. */
static void count_window(struct link *link, const struct flow_event *event)
{
	uint32_t open = event->window < WINDOWS ? event->window : WINDOWS;

	if (link->seen_us != 0 && event->at_us > link->seen_us)
		link->open_us[link->open] += event->at_us - link->seen_us;
	link->seen_us = event->at_us;
	link->open = open;
	if (open > link->window)
		link->window = open;
}

static void count_link(struct trace_summary *summary, const struct flow_event *event)
{
	const struct flow_request *request = event->request;
	uint32_t command_id = request != NULL ? request->command_id : event->fields->command_id;
	struct link *link;

	if (!flow_is_submit(command_id))
		return;
	link = link_of(summary, event->pdu->link);
	if (link == NULL)
		return;
	if (!summary->of_facts)
		count_window(link, event);
	else if (event->window > link->window)
		link->window = event->window;
	if (request == NULL) {
		if (link->submits++ == 0)
			link->first_us = event->at_us;
		link->last_us = event->at_us;
		link->paused_us += event->pause_us > 0 ? event->pause_us : 0;
		return;
	}
	trace_times_add(&link->rtt, event->rtt_us);
	if (smpp_status(event->fields->command_status).class == SMPP_STATUS_THROTTLE)
		link->throttles++;
}

static void count_receipt(struct trace_summary *summary, const struct flow_event *event)
{
	summary->receipts++;
	summary->joins[event->join]++;
	if (event->join != FLOW_JOIN_SUBMIT)
		return;
	summary->rules[event->rule]++;
	summary->other_link += event->other_link;
	trace_times_add(&summary->delay, event->delay_us);
}

static void count_held(struct trace_summary *summary, const struct flow_event *event)
{
	if (event->held_us < FLOW_HELD_US || event->window == 0)
		return;
	summary->held++;
	if (event->held_us > summary->slowest.us)
		summary->slowest = (struct named){ .number = event->pdu->number,
						   .us = event->held_us,
						   .request = *event->request };
}

static void count_pdu(struct trace_summary *summary, const struct flow_event *event)
{
	const struct trace_pdu *pdu = event->pdu;
	struct row *row;

	if (summary->pdus++ == 0)
		summary->first_us = event->at_us;
	summary->last_us = event->at_us;
	summary->octets += pdu->n;
	summary->of_facts = summary->of_facts || pdu->facts != NULL;
	summary->lost += pdu->lost;
	summary->problems += event->error != SMPP_OK || pdu->framing != TRACE_WHOLE;
	summary->again += event->again != 0;
	if (event->error == SMPP_EFRAME)
		return;
	row = row_of(summary, event->fields->command_id, event->fields->command_status);
	row->count++;
	if (event->pairing == FLOW_PAIR_ANSWER)
		trace_times_add(&row->rtt, event->rtt_us);
	row->late += event->late;
	summary->late += event->late;
	count_held(summary, event);
	summary->early += event->early != 0;
	summary->unasked += event->pairing == FLOW_PAIR_UNASKED;
	summary->errors += (event->fields->command_id & SMPP_RESP_BIT) != 0 &&
			   event->fields->command_status != 0;
	if (event->join != FLOW_JOIN_NONE)
		count_receipt(summary, event);
	count_link(summary, event);
}

void trace_summary_add(struct trace_summary *summary, const struct flow_event *event)
{
	switch (event->kind) {
	case FLOW_PDU:
		count_pdu(summary, event);
		return;
	case FLOW_UNANSWERED:
		if (summary->unanswered < NAMED)
			summary->named[summary->unanswered] =
				(struct named){ .number = event->request->number,
						.us = event->rtt_us,
						.request = *event->request };
		summary->unanswered++;
		row_of(summary, event->request->command_id, 0)->unanswered++;
		return;
	case FLOW_CLOSED:
		summary->closed++;
		summary->lost += event->pdu->lost;
		return;
	case FLOW_NOTE:
		return;
	}
}

void trace_summary_dropped(struct trace_summary *summary, uint64_t dropped)
{
	summary->dropped += dropped;
}

/* ---- printing ---- */

static void put_ms(struct buffer *out, double us)
{
	buffer_format(out, " %9.*f", us < 100000 ? 3 : 1, us / 1000);
}

static void put_times(struct buffer *out, const struct trace_times *times)
{
	static const double parts[] = { 0.50, 0.95, 0.99 };

	if (times->count == 0)
		return;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		put_ms(out, (double)trace_times_at(times, parts[i]));
	put_ms(out, (double)times->max_us);
}

static void put_whole(const struct trace_summary *summary, struct buffer *out)
{
	char from[25], to[25];

	buffer_format(out, "%" PRIu64 " PDUs", summary->pdus);
	if (summary->of_facts)
		buffer_text(out, " in the daemon's evidence");
	else
		buffer_format(out, ", %" PRIu64 " octets", summary->octets);
	if (summary->first_us != 0) {
		json_time_text(summary->first_us / 1000, from);
		json_time_text(summary->last_us / 1000, to);
		buffer_format(out, ", %.3f s from %s to %s",
			      (double)(summary->last_us - summary->first_us) / 1e6, from, to);
	}
	buffer_format(out,
		      "\n%" PRIu64 " errors, %" PRIu64 " unanswered, %" PRIu64
		      " answers whose request was not seen, %" PRIu64 " late",
		      summary->errors, summary->unanswered, summary->unasked, summary->late);
	buffer_format(out,
		      "\n%" PRIu64 " PDUs cannot be read, %" PRIu64 " octets lost, %" PRIu64
		      " PDUs dropped, %" PRIu64 " submits sent again\n",
		      summary->problems, summary->lost, summary->dropped, summary->again);
}

static void put_named(const struct trace_summary *summary, bool show_numbers, struct buffer *out)
{
	const struct named *named = summary->named;
	uint64_t n = summary->unanswered < NAMED ? summary->unanswered : NAMED;

	for (uint64_t i = 0; i < n; i++) {
		const struct flow_request *request = &named[i].request;

		buffer_format(out, "unanswered: #%" PRIu64 " %s sequence_number=%" PRIu32,
			      named[i].number, smpp_command(request->command_id)->name,
			      request->sequence_number);
		trace_put_whose(out, request, show_numbers);
		buffer_format(out, " on %s, waited %.3f ms\n", request->link,
			      (double)named[i].us / 1000);
	}
	if (summary->unanswered > n)
		buffer_format(out, "unanswered: and %" PRIu64 " more\n", summary->unanswered - n);
	if (summary->held == 0)
		return;
	named = &summary->slowest;
	buffer_format(out,
		      "slow: %" PRIu64 " answers kept others waiting for %d ms or more, longest "
		      "#%" PRIu64 " to %s sequence_number=%" PRIu32 " on %s: %.3f ms\n",
		      summary->held, FLOW_HELD_US / 1000, named->number,
		      smpp_command(named->request.command_id)->name, named->request.sequence_number,
		      named->request.link, (double)named->us / 1000);
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *one = *(const struct row *const *)a;
	const struct row *other = *(const struct row *const *)b;
	uint32_t x = one->command_id & ~SMPP_RESP_BIT, y = other->command_id & ~SMPP_RESP_BIT;

	if (x != y)
		return x < y ? -1 : 1;
	if (one->command_id != other->command_id)
		return one->command_id < other->command_id ? -1 : 1;
	return one->command_status < other->command_status ? -1 : 1;
}

static void put_row(struct buffer *out, const struct row *row)
{
	const struct smpp_command *command = smpp_command(row->command_id);
	char name[64], status[SMPP_STATUS_TEXT_OCTETS] = "";

	if (command != NULL)
		snprintf(name, sizeof(name), "%s", command->name);
	else if (row->command_id == 0)
		snprintf(name, sizeof(name), "receipt");
	else
		snprintf(name, sizeof(name), "command 0x%08" PRIx32, row->command_id);
	if (row->command_id & SMPP_RESP_BIT)
		smpp_status_text(row->command_status, status);
	buffer_format(out, "%-24s %-32s %9" PRIu64 " %10" PRIu64, name, status, row->count,
		      row->unanswered);
	put_times(out, &row->rtt);
	buffer_text(out, "\n");
}

static void put_rows(const struct trace_summary *summary, struct buffer *out)
{
	const struct row *rows[TRACE_SUMMARY_ROWS];

	for (size_t i = 0; i < summary->row_count; i++)
		rows[i] = summary->rows[i];
	qsort(rows, summary->row_count, sizeof(rows[0]), compare_rows);
	buffer_format(out, "\n%-24s %-32s %9s %10s %9s %9s %9s %9s\n", "PDU", "status", "count",
		      "unanswered", "rtt p50", "p95", "p99", "max ms");
	for (size_t i = 0; i < summary->row_count; i++)
		put_row(out, rows[i]);
	if (summary->other.count > 0)
		buffer_format(out, "%-57s %9" PRIu64 "\n", "others", summary->other.count);
}

static void put_receipts(const struct trace_summary *summary, struct buffer *out)
{
	if (summary->receipts == 0)
		return;
	buffer_format(
		out,
		"\n%" PRIu64 " receipts: %" PRIu64 " joined (%" PRIu64 " by the same id, %" PRIu64
		" decimal for hex, %" PRIu64 " hex for decimal), %" PRIu64
		" of no submit that was seen, %" PRIu64 " ambiguous\n",
		summary->receipts, summary->joins[FLOW_JOIN_SUBMIT], summary->rules[SMPP_ID_EXACT],
		summary->rules[SMPP_ID_DEC_TO_HEX], summary->rules[SMPP_ID_HEX_TO_DEC],
		summary->joins[FLOW_JOIN_UNKNOWN], summary->joins[FLOW_JOIN_AMBIGUOUS]);
	if (summary->early > 0)
		buffer_format(out,
			      "%" PRIu64
			      " came before the answer to their submit: of none that was "
			      "seen until then\n",
			      summary->early);
	if (summary->delay.count == 0)
		return;
	buffer_format(out, "%" PRIu64 " came on another link than their submit went\n",
		      summary->other_link);
	buffer_format(out, "%-57s %9" PRIu64 " %10s", "from submit to receipt",
		      summary->delay.count, "");
	put_times(out, &summary->delay);
	buffer_text(out, "\n");
}

/*
 * What keeps it from being faster, as far as can be seen from outside: the carrier, if a submit in
 * a hundred is throttled or a tenth of the time goes by after throttles; else the window, if it is
 * full for half of the time in which any is open, and half of what it allows is sent; else whoever
 * sends.
 */
static void put_limit(struct buffer *out, const struct link *link, double full, double span_s,
		      double rate)
{
	double rtt_s = (double)trace_times_at(&link->rtt, 0.50) / 1e6;
	double most = rtt_s > 0 ? link->window / rtt_s : 0;
	double paused_s = (double)link->paused_us / 1e6;

	if (link->throttles > 0 &&
	    (link->throttles * 100 >= link->submits || paused_s >= span_s / 10))
		buffer_format(out,
			      "  the carrier limits it: it throttled %" PRIu64 " of %" PRIu64
			      " submits, and after that nothing was submitted for %.1f s in all\n",
			      link->throttles, link->submits, paused_s);
	else if (full >= 0.5 && most > 0 && rate >= most / 2)
		buffer_format(out,
			      "  the window limits it: %" PRIu32
			      " at a time, each for %.3f ms, are %.1f a second at most\n",
			      link->window, rtt_s * 1000, most);
	else
		buffer_format(out,
			      "  its sender limits it: there was room for more than %.1f a "
			      "second\n",
			      rate);
}

static void put_link(struct buffer *out, const struct link *link)
{
	double span_s = (double)(link->last_us - link->first_us) / 1e6;
	double rate = span_s > 0 ? (double)link->submits / span_s : (double)link->submits;
	double busy_us = 0, full = 0;

	for (uint32_t i = 1; i <= WINDOWS; i++)
		busy_us += (double)link->open_us[i];
	if (busy_us > 0)
		full = (double)link->open_us[link->window] / busy_us;
	buffer_format(out,
		      "link %s: %" PRIu64 " submits, %.1f a second; window %" PRIu32
		      " at most, so full %.1f %% of the time in which any was open\n",
		      link->name, link->submits, rate, link->window, full * 100);
	put_limit(out, link, full, span_s, rate);
}

/* Of a link on which more passed than this: nothing can be said of its pace. */
static void put_share(struct buffer *out, const struct link *link)
{
	buffer_format(out,
		      "link %s: %" PRIu64 " submits, %" PRIu64
		      " of them throttled; when they were released at most %" PRIu32
		      " of all messages were in flight\n",
		      link->name, link->submits, link->throttles, link->window);
}

void trace_summary_print(const struct trace_summary *summary, bool show_numbers, struct buffer *out)
{
	put_whole(summary, out);
	put_named(summary, show_numbers, out);
	put_rows(summary, out);
	put_receipts(summary, out);
	for (size_t i = 0; i < summary->link_count; i++) {
		buffer_text(out, i == 0 ? "\n" : "");
		if (summary->of_facts)
			put_share(out, summary->links[i]);
		else
			put_link(out, summary->links[i]);
	}
}
