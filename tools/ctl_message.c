/* One message: its evidence row by row, and in words. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

/* ---- message ---- */

static void cell_of_submit(struct ctl_table *table, const struct json *row)
{
	const char *link = ctl_text(row, "link", NULL);
	if (link)
		ctl_table_cell(table, "%s session %lld seq %lld", link,
			       (long long)ctl_int(row, "session"),
			       (long long)ctl_int(row, "sequence_number"));
	else if (ctl_text(row, "receipt_link", NULL))
		ctl_table_cell(table, "%s session %lld", ctl_text(row, "receipt_link", ""),
			       (long long)ctl_int(row, "receipt_session"));
	else
		ctl_table_cell(table, "-");
}

static void add(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void add(char *out, size_t size, const char *format, ...)
{
	size_t n = strlen(out);
	va_list args;
	va_start(args, format);
	vsnprintf(out + n, size - n, format, args);
	va_end(args);
}

/* A receipt's other words: what the carrier may be asked about. */
static void cell_of_said(struct ctl_table *table, const struct json *row)
{
	const struct json *tlvs = json_get(row, "vendor_tlvs");
	const char *done = ctl_text(row, "done_date", NULL), *stat = ctl_text(row, "stat", NULL);
	char text[400] = "";
	if (stat)
		add(text, sizeof(text), " stat:%s", stat);
	if (json_get(row, "message_state"))
		add(text, sizeof(text), " message_state:%lld",
		    (long long)ctl_int(row, "message_state"));
	if (ctl_text(row, "err", NULL))
		add(text, sizeof(text), " err:%s", ctl_text(row, "err", ""));
	if (json_get(row, "network_error_code"))
		add(text, sizeof(text), " network:%lld/%lld",
		    (long long)ctl_int(row, "network_type"),
		    (long long)ctl_int(row, "network_error_code"));
	if (done)
		add(text, sizeof(text), " done:%s", done);
	for (size_t i = 0; i < json_count(tlvs); i++)
		add(text, sizeof(text), " %s:%s", ctl_text(json_at(tlvs, i), "tag", "?"),
		    ctl_text(json_at(tlvs, i), "hex", ""));
	ctl_table_cell(table, "%s", *text ? text + 1 : "-");
}

static void show_evidence(const struct json *segment)
{
	static const char *const heads[] = { "AT (UTC)", ">AFTER", "EVENT", "MARK",
					     ">ATTEMPT", ">RTT",   "CODE",  "ID",
					     "BY",	 "LINK",   "SAYS" };
	const struct json *rows = json_get(segment, "evidence");
	struct ctl_table table;
	char text[CTL_TIME_OCTETS];
	ctl_table_begin(&table, heads, 11);
	for (size_t i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);
		ctl_table_cell(&table, "%.23s", ctl_text(row, "at", "-"));
		ctl_table_cell(&table, "%s", ctl_duration(ctl_int(row, "offset_ms"), text));
		ctl_table_member(&table, row, "event");
		ctl_table_member(&table, row, "mark");
		ctl_table_member(&table, row, "attempt");
		ctl_table_member(&table, row, "rtt_ms");
		ctl_table_member(&table, row, "code_name");
		ctl_table_member(&table, row, "provider_message_id");
		if (ctl_bool(row, "by_operator"))
			ctl_table_cell(&table, "operator");
		else
			ctl_table_member(&table, row, "matched_by");
		cell_of_submit(&table, row);
		cell_of_said(&table, row);
	}
	ctl_table_print(&table, stdout, "no evidence yet: nothing has come back from a carrier");
}

static void show_message(const struct ctl_run *run, const struct json *message)
{
	const struct json *segments = json_get(message, "segments");
	const char *error = ctl_text(message, "error", NULL);
	char text[CTL_TIME_OCTETS];
	(void)run;
	printf("%s  to %s  order %lld  route %lld  account %s\n",
	       ctl_text(message, "bx_message_id", "?"), ctl_text(message, "msisdn", "?"),
	       (long long)ctl_int(message, "order_id"), (long long)ctl_int(message, "route_id"),
	       ctl_text(message, "account", "?"));
	printf("%s%s%s, %s, updated %s UTC\n", ctl_text(message, "status", "?"), error ? " " : "",
	       error ? error : "", ctl_bool(message, "final") ? "final" : "not final",
	       ctl_time(message, "updated_at", text));
	for (size_t i = 0; i < json_count(segments); i++) {
		const struct json *segment = json_at(segments, i);
		const char *why = ctl_text(segment, "error", "");
		printf("\nsegment %lld: %s%s%s, attempts %lld, of unknown fate %lld\n",
		       (long long)ctl_int(segment, "segment") + 1, ctl_text(segment, "state", "?"),
		       *why ? " " : "", why, (long long)ctl_int(segment, "attempts"),
		       (long long)ctl_int(segment, "open_attempts"));
		show_evidence(segment);
	}
}

int ctl_message(const struct ctl_run *run)
{
	char id[CTL_WORD_OCTETS];
	return ctl_get(run, show_message, "/control/v1/messages/%s%s", ctl_encode(run->args[0], id),
		       run->numbers ? "?numbers=1" : "");
}

/* ---- explain ---- */

static void show_sentences(const char *head, const struct json *list)
{
	if (!json_count(list))
		return;
	printf("\n%s\n", head);
	for (size_t i = 0; i < json_count(list); i++) {
		const char *text = json_get_text(json_at(list, i), NULL);
		fputs("  - ", stdout);
		ctl_print_clean(stdout, text ? text : "");
		putchar('\n');
	}
}

static void show_explanation(const struct ctl_run *run, const struct json *explanation)
{
	const struct json *steps = json_get(explanation, "steps");
	char text[CTL_TIME_OCTETS];
	(void)run;
	printf("%s to %s: %s\n", ctl_text(explanation, "bx_message_id", "?"),
	       ctl_text(explanation, "msisdn", "?"), ctl_text(explanation, "status", "?"));
	ctl_print_clean(stdout, ctl_text(explanation, "because", ""));
	fputs("\n\nWhat happened\n", stdout);
	for (size_t i = 0; i < json_count(steps); i++) {
		const struct json *step = json_at(steps, i);
		printf("  %.23s %10s  ", ctl_text(step, "at", "-"),
		       ctl_duration(ctl_int(step, "offset_ms"), text));
		ctl_print_clean(stdout, ctl_text(step, "what", ""));
		putchar('\n');
		if (!ctl_text(step, "cause", NULL))
			continue;
		printf("  %34s    ", "");
		ctl_print_clean(stdout, ctl_text(step, "cause", ""));
		putchar('\n');
	}
	show_sentences("Unusual", json_get(explanation, "unusual"));
	show_sentences("What would change it", json_get(explanation, "would_change"));
}

int ctl_explain(const struct ctl_run *run)
{
	char id[CTL_WORD_OCTETS];
	return ctl_get(run, show_explanation, "/control/v1/messages/%s/explain%s",
		       ctl_encode(run->args[0], id), run->numbers ? "?numbers=1" : "");
}
