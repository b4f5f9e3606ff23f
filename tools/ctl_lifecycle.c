/* The lifecycle's table as the daemon has it, as text and as a graph. */
#include <stdio.h>
#include <string.h>

#include "tools/ctl_table.h"
#include "tools/ctl_verbs.h"

/* Where a row leads, "-" when nothing changes: `next` with its error, or the form with an attempt open. */
static void cell_of_move(struct ctl_table *table, const struct json *row, const char *next,
			 const char *error)
{
	const char *to = ctl_text(row, next, "?"), *why = ctl_text(row, error, "KEEP");
	bool stays = !strcmp(to, ctl_text(row, "state", "")), keeps = !strcmp(why, "KEEP");
	if (stays && keeps)
		ctl_table_cell(table, "-");
	else
		ctl_table_cell(table, "%s%s%s", to, keeps ? "" : " / ", keeps ? "" : why);
}

static void show_text(const struct json *answer)
{
	static const char *const state_heads[] = { "STATE", ">RANK", "CLIENTS SEE", "MEANING" };
	static const char *const event_heads[] = { "EVENT", "MEANING" };
	static const char *const row_heads[] = { "STATE", "EVENT", "LEADS TO",
						 "WITH ANOTHER ATTEMPT OPEN", "MARK" };
	const struct json *states = json_get(answer, "states"), *rows = json_get(answer, "rows");
	const struct json *events = json_get(answer, "events");
	struct ctl_table table;
	ctl_table_begin(&table, state_heads, 4);
	for (size_t i = 0; i < json_count(states); i++) {
		ctl_table_member(&table, json_at(states, i), "state");
		ctl_table_member(&table, json_at(states, i), "rank");
		ctl_table_member(&table, json_at(states, i), "shown");
		ctl_table_member(&table, json_at(states, i), "text");
	}
	ctl_table_print(&table, stdout, "");
	putchar('\n');
	ctl_table_begin(&table, event_heads, 2);
	for (size_t i = 0; i < json_count(events); i++) {
		ctl_table_member(&table, json_at(events, i), "event");
		ctl_table_member(&table, json_at(events, i), "text");
	}
	ctl_table_print(&table, stdout, "");
	putchar('\n');
	ctl_table_begin(&table, row_heads, 5);
	for (size_t i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);
		ctl_table_member(&table, row, "state");
		ctl_table_member(&table, row, "event");
		cell_of_move(&table, row, "next", "error");
		cell_of_move(&table, row, "next_open", "error_open");
		ctl_table_member(&table, row, "mark");
	}
	ctl_table_print(&table, stdout, "");
}

/* An arrow for every row that leads elsewhere; dashed where only with another attempt open. */
static void show_dot(const struct json *answer)
{
	const struct json *states = json_get(answer, "states"), *rows = json_get(answer, "rows");
	printf("digraph lifecycle {\n\trankdir=LR;\n\tnode [shape=box];\n");
	for (size_t i = 0; i < json_count(states); i++)
		printf("\t%s%s;\n", ctl_text(json_at(states, i), "state", "?"),
		       ctl_int(json_at(states, i), "rank") == 3 ? " [peripheries=2]" : "");
	for (size_t i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);
		const char *from = ctl_text(row, "state", "?"), *to = ctl_text(row, "next", "?");
		const char *open = ctl_text(row, "next_open", "?");
		const char *event = ctl_text(row, "event", "?");
		if (strcmp(from, to) != 0)
			printf("\t%s -> %s [label=\"%s\"];\n", from, to, event);
		if (strcmp(from, open) != 0 && strcmp(to, open) != 0)
			printf("\t%s -> %s [label=\"%s\", style=dashed];\n", from, open, event);
	}
	printf("}\n");
}

static void show_lifecycle(const struct ctl_run *run, const struct json *answer)
{
	if (run->dot)
		show_dot(answer);
	else
		show_text(answer);
}

int ctl_lifecycle(const struct ctl_run *run)
{
	return ctl_get(run, show_lifecycle, "/control/v1/lifecycle");
}
