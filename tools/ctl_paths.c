/* How an order progressed, and what differed between two messages. */
#include <stdio.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

static void cell_of_offset(struct ctl_table *table, const struct json *row)
{
	char text[CTL_TIME_OCTETS];
	ctl_table_cell(table, "%s", ctl_duration(ctl_int(row, "offset_ms"), text));
}

static void show_events(const struct json *timeline)
{
	static const char *const heads[] = { "AT (UTC)", ">AFTER", "EVENT", "EXACT WITHIN" };
	const struct json *events = json_get(timeline, "events");
	struct ctl_table table;
	char text[CTL_TIME_OCTETS];
	ctl_table_begin(&table, heads, 4);
	for (size_t i = 0; i < json_count(events); i++) {
		const struct json *event = json_at(events, i);
		ctl_table_cell(&table, "%.23s", ctl_text(event, "at", "-"));
		cell_of_offset(&table, event);
		ctl_table_member(&table, event, "event");
		ctl_table_cell(&table, "%s", ctl_duration(ctl_int(event, "within_ms"), text));
	}
	ctl_table_print(&table, stdout, "nothing has happened");
}

static void show_points(const struct json *timeline)
{
	static const char *const heads[] = { ">AFTER",	 ">QUEUED", ">IN FLIGHT", ">SENT",
					     ">DOUBT",	 ">DELIV",  ">FAILED",	  ">EXPIRED",
					     ">UNKNOWN", ">DELIV %" };
	static const char *const keys[] = { "queued",	"in_flight", "sent",
					    "in_doubt", "delivered", "failed",
					    "expired",	"unknown",   "progress_pct" };
	const struct json *points = json_get(timeline, "points");
	struct ctl_table table;
	ctl_table_begin(&table, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < json_count(points); i++) {
		const struct json *point = json_at(points, i);
		cell_of_offset(&table, point);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			ctl_table_member(&table, point, keys[k]);
	}
	ctl_table_print(&table, stdout, "no points");
}

static void show_batches(const struct json *timeline)
{
	static const char *const heads[] = {
		">BATCH",  ">FIRST",   ">SIZE",	   "RELEASED FROM (UTC)",
		"TO",	   ">TAKEN",   ">REFUSED", ">DELIV",
		">FAILED", ">UNKNOWN", "CLOSED"
	};
	static const char *const counts[] = { "taken", "refused", "delivered", "failed",
					      "unknown" };
	const struct json *batches = json_get(timeline, "batches");
	struct ctl_table table;
	ctl_table_begin(&table, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < json_count(batches); i++) {
		const struct json *batch = json_at(batches, i);
		ctl_table_member(&table, batch, "n");
		ctl_table_member(&table, batch, "first");
		ctl_table_member(&table, batch, "size");
		ctl_table_cell(&table, "%.23s", ctl_text(batch, "first_released_at", "-"));
		ctl_table_cell(&table, "%.23s", ctl_text(batch, "last_released_at", "-"));
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
			ctl_table_member(&table, batch, counts[k]);
		ctl_table_cell(&table, "%.23s", ctl_text(batch, "closed_at", "-"));
	}
	ctl_table_print(&table, stdout, "no batches");
}

static void show_timeline(const struct ctl_run *run, const struct json *timeline)
{
	char text[CTL_TIME_OCTETS];
	(void)run;
	printf("order %lld: %lld messages, a point for each %s in which something changed\n\n",
	       (long long)ctl_int(timeline, "order_id"), (long long)ctl_int(timeline, "total"),
	       ctl_duration(ctl_int(timeline, "step_ms"), text));
	show_points(timeline);
	putchar('\n');
	show_events(timeline);
	putchar('\n');
	show_batches(timeline);
	if (ctl_int(timeline, "unreadable"))
		printf("\n%lld messages cannot be read and are shown as queued; run: "
		       "esmectl store check\n",
		       (long long)ctl_int(timeline, "unreadable"));
}

int ctl_timeline(const struct ctl_run *run)
{
	char id[CTL_WORD_OCTETS];
	return ctl_get(run, show_timeline, "/control/v1/orders/%s/timeline",
		       ctl_encode(run->args[0], id));
}

/* ---- compare ---- */

/* What is between -, text, a number, or yes and no. */
static void show_differences(const struct json *comparison)
{
	static const char *const heads[] = { "STAGE", "WHAT", "A", "B" };
	const struct json *differences = json_get(comparison, "differences");
	struct ctl_table table;
	ctl_table_begin(&table, heads, 4);
	for (size_t i = 0; i < json_count(differences); i++) {
		const struct json *difference = json_at(differences, i);
		ctl_table_member(&table, difference, "stage");
		ctl_table_member(&table, difference, "what");
		ctl_table_member(&table, difference, "a");
		ctl_table_member(&table, difference, "b");
	}
	ctl_table_print(&table, stdout, "nothing that is recorded differs");
}

static void show_comparison(const struct ctl_run *run, const struct json *comparison)
{
	static const char *const sides[] = { "a", "b" };
	const struct json *alike = json_get(comparison, "alike");
	(void)run;
	for (size_t k = 0; k < 2; k++) {
		const struct json *side = json_get(comparison, sides[k]);
		const char *error = ctl_text(side, "error", NULL);
		printf("%s  %s  %s%s%s\n", sides[k], ctl_text(side, "bx_message_id", "?"),
		       ctl_text(side, "status", "?"), error ? " / " : "", error ? error : "");
	}
	putchar('\n');
	ctl_print_clean(stdout, ctl_text(comparison, "verdict", ""));
	fputs("\n\n", stdout);
	show_differences(comparison);
	fputs("\nalike:", stdout);
	for (size_t i = 0; i < json_count(alike); i++)
		printf(" %s", json_get_text(json_at(alike, i), NULL));
	putchar('\n');
}

int ctl_compare(const struct ctl_run *run)
{
	char a[CTL_WORD_OCTETS], b[CTL_WORD_OCTETS];
	return ctl_get(run, show_comparison, "/control/v1/messages/compare?a=%s&b=%s%s",
		       ctl_encode(run->args[0], a), ctl_encode(run->args[1], b),
		       run->numbers ? "&numbers=1" : "");
}
