/* Insight: what became of the messages of a window, by route and by provider. */
#include <stdio.h>
#include <string.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

/* A share as per cent with one decimal; "-" where there is none. */
static void cell_of_share(struct ctl_table *table, const struct json *object, const char *key)
{
	int64_t millionths;
	if (json_get_micro(json_get(object, key), &millionths))
		ctl_table_cell(table, "%.1f %%", (double)millionths / 10000);
	else
		ctl_table_cell(table, "-");
}

/* The outcome first, for that is what counts. */
static void show_outcomes(const struct json *routes)
{
	static const char *const heads[] = { ">ROUTE", "NAME",	   ">ON TIME", ">FINAL",
					     ">LATE",  ">FAILED",  ">EXPIRED", ">UNKNOWN",
					     ">STUCK", ">COVERAGE" };
	static const char *const counts[] = { "final", "late", "failed", "expired", "unknown" };
	struct ctl_table table;
	ctl_table_begin(&table, heads, 10);
	for (size_t i = 0; i < json_count(routes); i++) {
		const struct json *route = json_at(routes, i);
		const struct json *outcome = json_get(json_get(route, "layers"), "outcome");
		ctl_table_member(&table, route, "route_id");
		ctl_table_member(&table, route, "name");
		cell_of_share(&table, route, "on_time_share");
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
			ctl_table_member(&table, outcome, counts[k]);
		ctl_table_member(&table, json_get(route, "stuck"), "messages");
		cell_of_share(&table, json_get(route, "receipts"), "coverage");
	}
	ctl_table_print(&table, stdout, "no route is configured");
}

static void cell_of_latency(struct ctl_table *table, const struct json *route, const char *key)
{
	char text[CTL_TIME_OCTETS];
	const struct json *total = json_get(json_get(route, "latency"), "total");
	if (json_kind(json_get(total, key)) == JSON_KIND_INTEGER)
		ctl_table_cell(table, "%s", ctl_duration(ctl_int(total, key), text));
	else
		ctl_table_cell(table, "-");
}

static void show_execution(const struct json *routes)
{
	static const char *const heads[] = { ">ROUTE",	">ACCEPTED", ">TAKEN",	  ">REFUSED",
					     ">UNANSW", ">IN DOUBT", ">AWAITING", ">P50",
					     ">P95",	">ALIKE",    ">RETRIED",  ">THROTTLED" };
	static const char *const counts[] = { "accepted",   "taken",	"refused",
					      "unanswered", "in_doubt", "awaiting" };
	struct ctl_table table;
	ctl_table_begin(&table, heads, 12);
	for (size_t i = 0; i < json_count(routes); i++) {
		const struct json *route = json_at(routes, i);
		const struct json *execution = json_get(json_get(route, "layers"), "execution");
		ctl_table_member(&table, route, "route_id");
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
			ctl_table_member(&table, execution, counts[k]);
		cell_of_latency(&table, route, "p50_ms");
		cell_of_latency(&table, route, "p95_ms");
		cell_of_share(&table, route, "consistency");
		ctl_table_member(&table, json_get(route, "causes"), "retried");
		ctl_table_member(&table, json_get(route, "causes"), "throttled");
	}
	putchar('\n');
	ctl_table_print(&table, stdout, "no route is configured");
}

static void show_receipts(const struct json *providers)
{
	static const char *const heads[] = { "PROVIDER",	  ">COVERAGE", ">RECEIVED",
					     ">MISSING",	  ">OVERDUE",  ">AWAITING",
					     ">DELIVERY P95 (MS)" };
	static const char *const counts[] = { "received", "missing", "overdue", "awaiting",
					      "delivery_p95_ms" };
	struct ctl_table table;
	ctl_table_begin(&table, heads, 7);
	for (size_t i = 0; i < json_count(providers); i++) {
		const struct json *provider = json_at(providers, i);
		ctl_table_member(&table, provider, "name");
		cell_of_share(&table, provider, "coverage");
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
			ctl_table_member(&table, provider, counts[k]);
	}
	putchar('\n');
	ctl_table_print(&table, stdout, "no provider took anything");
}

static void show_insight(const struct ctl_run *run, const struct json *answer)
{
	char from[CTL_TIME_OCTETS], to[CTL_TIME_OCTETS];
	(void)run;
	printf("messages that could go out from %s to %s UTC, of all accounts but sandboxes\n\n",
	       ctl_time(answer, "from", from), ctl_time(answer, "to", to));
	show_outcomes(json_get(answer, "routes"));
	show_execution(json_get(answer, "routes"));
	show_receipts(json_get(answer, "providers"));
}

int ctl_insight(const struct ctl_run *run)
{
	char word[CTL_WORD_OCTETS], query[10 * CTL_WORD_OCTETS] = "";
	for (int i = 0; i < run->n_args; i++) {
		size_t n = strlen(query);
		snprintf(query + n, sizeof(query) - n, "&route_id=%s",
			 ctl_encode(run->args[i], word));
	}
	return ctl_get(run, show_insight, "/control/v1/insight?window=%s%s",
		       run->window ? ctl_encode(run->window, word) : "1h", query);
}
