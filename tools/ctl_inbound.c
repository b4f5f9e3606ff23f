/* Messages to us, as operators see them: a list, and one with its PDUs. */
#include <stdio.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

static const char *query(const struct ctl_run *run)
{
	static const char *const queries[] = { "", "&numbers=1", "&text=1", "&numbers=1&text=1" };
	return queries[(run->numbers ? 1 : 0) | (run->text ? 2 : 0)];
}

/* "2 of 3", or "1". */
static void cell_of_parts(struct ctl_table *table, const struct json *message)
{
	const struct json *parts = json_get(message, "parts");
	int64_t total = ctl_int(parts, "total"), received = ctl_int(parts, "received");
	if (total == received)
		ctl_table_cell(table, "%lld", (long long)total);
	else
		ctl_table_cell(table, "%lld of %lld", (long long)received, (long long)total);
}

static void print_flags(FILE *out, const struct json *message)
{
	const struct json *flags = json_get(message, "flags");
	for (size_t i = 0; i < json_count(flags); i++)
		fprintf(out, "%s%s", i ? ", " : "", json_get_text(json_at(flags, i), NULL));
}

static void cell_of_flags(struct ctl_table *table, const struct json *message)
{
	char text[200] = "-";
	FILE *out = json_count(json_get(message, "flags")) ? fmemopen(text, sizeof(text), "w") :
							     NULL;
	if (out) {
		print_flags(out, message);
		fclose(out);
	}
	ctl_table_cell(table, "%s", text);
}

/* What it says, or how long that is. */
static const char *content(const struct json *message)
{
	const char *text = ctl_text(message, "message", NULL);
	return text ? text : ctl_text(message, "data", NULL);
}

static void show_list(const struct ctl_run *run, const struct json *answer)
{
	static const char *const heads[] = { ">ID",    "AT (UTC)", "PROVIDER", "ACCOUNT",
					     "FROM",   "TO",	   "ENCODING", ">OCTETS",
					     ">PARTS", "FLAGS",	   "TEXT" };
	const struct json *messages = json_get(answer, "messages");
	struct ctl_table table;
	char time[CTL_TIME_OCTETS];
	ctl_table_begin(&table, heads, run->text ? 11 : 10);
	for (size_t i = 0; i < json_count(messages); i++) {
		const struct json *message = json_at(messages, i);
		ctl_table_member(&table, message, "inbound_id");
		ctl_table_cell(&table, "%s", ctl_time(message, "received_at", time));
		ctl_table_member(&table, message, "provider");
		ctl_table_member(&table, message, "account");
		ctl_table_member(&table, message, "msisdn");
		ctl_table_member(&table, message, "destination");
		ctl_table_member(&table, message, "encoding");
		ctl_table_member(&table, message, "octets");
		cell_of_parts(&table, message);
		cell_of_flags(&table, message);
		if (run->text)
			ctl_table_cell(&table, "%s", content(message) ? content(message) : "-");
	}
	ctl_table_print(&table, stdout, "no inbound message");
	ctl_print_older(answer);
}

int ctl_inbound_list(const struct ctl_run *run)
{
	char page[CTL_PAGE_OCTETS];
	return ctl_get(run, show_list, "/control/v1/inbound?%s%s", ctl_page(run, page), query(run));
}

static void show_pdus(const struct json *pdus)
{
	char time[CTL_TIME_OCTETS];
	for (size_t i = 0; i < json_count(pdus); i++) {
		const struct json *pdu = json_at(pdus, i);
		const char *hex = ctl_text(pdu, "pdu", NULL);
		printf("part %lld  %s  by %s  %lld octets%s%s\n", (long long)ctl_int(pdu, "part"),
		       ctl_time(pdu, "at", time), ctl_text(pdu, "link", "its record is corrupt"),
		       (long long)ctl_int(pdu, "octets"), hex ? "  " : "", hex ? hex : "");
	}
}

static void show_one(const struct ctl_run *run, const struct json *message)
{
	const struct json *missing = json_get(json_get(message, "parts"), "missing");
	char time[CTL_TIME_OCTETS];
	(void)run;
	printf("%lld  %s  %s  from %s to %s\n", (long long)ctl_int(message, "inbound_id"),
	       ctl_time(message, "received_at", time), ctl_text(message, "type", "?"),
	       ctl_text(message, "msisdn", "?"), ctl_text(message, "destination", "?"));
	printf("provider %s  account %s  %s, %lld octets", ctl_text(message, "provider", "?"),
	       ctl_text(message, "account", "-"), ctl_text(message, "encoding", "?"),
	       (long long)ctl_int(message, "octets"));
	if (json_count(json_get(message, "flags"))) {
		printf("  ");
		print_flags(stdout, message);
	}
	for (size_t i = 0; i < json_count(missing); i++) {
		int64_t part = 0;
		json_get_int(json_at(missing, i), &part);
		printf("%s%lld", i ? ", " : "  missing: ", (long long)part);
	}
	printf("\n");
	show_pdus(json_get(message, "pdus"));
	if (content(message)) {
		ctl_print_clean(stdout, content(message));
		printf("\n");
	}
}

int ctl_inbound_show(const struct ctl_run *run)
{
	char id[CTL_WORD_OCTETS];
	return ctl_get(run, show_one, "/control/v1/inbound/%s?%s", ctl_encode(run->args[0], id),
		       query(run) + (*query(run) ? 1 : 0));
}
