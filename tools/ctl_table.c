/* Columns and small formats for people. */
#include "tools/ctl_table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

/* A terminal obeys C0, DEL and, as UTF-8, C1: none of them is printed. */
static void clean(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at; at++) {
		if (*at < 0x20 || *at == 0x7f)
			*at = '?';
		else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			at[0] = at[1] = '?';
	}
}

void ctl_print_older(const struct json *answer)
{
	int64_t total, next = ctl_int(answer, "next");
	if (!next)
		return;
	if (json_get_int(json_get(answer, "total"), &total))
		printf("%lld in all; ", (long long)total);
	printf("older ones: --before=%lld\n", (long long)next);
}

void ctl_print_clean(FILE *out, const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		return;
	clean(copy);
	fputs(copy, out);
	free(copy);
}

const char *ctl_text(const struct json *object, const char *key, const char *otherwise)
{
	const char *text = json_get_text(json_get(object, key), NULL);
	return text ? text : otherwise;
}

int64_t ctl_int(const struct json *object, const char *key)
{
	int64_t value = 0;
	json_get_int(json_get(object, key), &value);
	return value;
}

bool ctl_bool(const struct json *object, const char *key)
{
	bool value = false;
	json_get_bool(json_get(object, key), &value);
	return value;
}

const char *ctl_time(const struct json *object, const char *key, char out[CTL_TIME_OCTETS])
{
	const char *text = ctl_text(object, key, NULL);
	snprintf(out, CTL_TIME_OCTETS, "%.19s", text ? text : "-");
	if (text && strlen(out) == 19)
		out[10] = ' ';
	clean(out);
	return out;
}

const char *ctl_duration(int64_t ms, char out[CTL_TIME_OCTETS])
{
	long long s = ms / 1000;
	if (ms < 1000)
		snprintf(out, CTL_TIME_OCTETS, "%lld ms", (long long)ms);
	else if (s < 120)
		snprintf(out, CTL_TIME_OCTETS, "%lld.%lld s", s, (long long)(ms % 1000) / 100);
	else if (s < 7200)
		snprintf(out, CTL_TIME_OCTETS, "%lld min %lld s", s / 60, s % 60);
	else if (s < 172800)
		snprintf(out, CTL_TIME_OCTETS, "%lld h %lld min", s / 3600, s / 60 % 60);
	else
		snprintf(out, CTL_TIME_OCTETS, "%lld d %lld h", s / 86400, s / 3600 % 24);
	return out;
}

const char *ctl_money(const struct json *object, const char *key, char out[CTL_TIME_OCTETS])
{
	int64_t micro;
	if (!json_get_micro(json_get(object, key), &micro)) {
		snprintf(out, CTL_TIME_OCTETS, "-");
		return out;
	}
	json_micro_text(micro, out);
	return out;
}

/* ---- tables ---- */

void ctl_table_begin(struct ctl_table *table, const char *const *heads, size_t columns)
{
	assert(columns && columns <= CTL_COLUMNS_MAX);
	*table = (struct ctl_table){ .heads = heads, .columns = columns };
}

void ctl_table_cell(struct ctl_table *table, const char *format, ...)
{
	char *cell = NULL;
	va_list args;
	if (table->n == table->room) {
		size_t room = table->room ? table->room * 2 : 64;
		char **cells = realloc(table->cells, room * sizeof(*cells));
		if (!cells) {
			table->failed = true;
			return;
		}
		table->cells = cells;
		table->room = room;
	}
	va_start(args, format);
	if (vasprintf(&cell, format, args) < 0)
		cell = NULL;
	va_end(args);
	if (cell)
		clean(cell);
	else
		table->failed = true;
	table->cells[table->n++] = cell;
}

void ctl_table_member(struct ctl_table *table, const struct json *object, const char *key)
{
	const struct json *value = json_get(object, key);
	char money[CTL_TIME_OCTETS];
	switch (json_kind(value)) {
	case JSON_KIND_STRING:
		ctl_table_cell(table, "%s", json_get_text(value, NULL));
		return;
	case JSON_KIND_INTEGER:
		ctl_table_cell(table, "%lld", (long long)ctl_int(object, key));
		return;
	case JSON_KIND_NUMBER:
		ctl_table_cell(table, "%s", ctl_money(object, key, money));
		return;
	case JSON_KIND_BOOL:
		ctl_table_cell(table, "%s", ctl_bool(object, key) ? "yes" : "no");
		return;
	case JSON_KIND_NULL:
	case JSON_KIND_ARRAY:
	case JSON_KIND_OBJECT:
		break;
	}
	ctl_table_cell(table, "-");
}

/* Characters, not octets. */
static size_t width_of(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static const char *cell_at(const struct ctl_table *table, size_t i)
{
	return i < table->n && table->cells[i] ? table->cells[i] : "";
}

static const char *head_of(const struct ctl_table *table, size_t column, bool *right)
{
	*right = table->heads[column][0] == '>';
	return table->heads[column] + *right;
}

static void print_one(const struct ctl_table *table, FILE *out, size_t column, const char *text,
		      const size_t *widths)
{
	bool right;
	head_of(table, column, &right);
	int pad = (int)(widths[column] - width_of(text));
	bool last = column + 1 == table->columns;
	if (right)
		fprintf(out, "%*s%s%s", pad, "", text, last ? "\n" : "  ");
	else
		fprintf(out, "%s%*s%s", text, last ? 0 : pad, "", last ? "\n" : "  ");
}

void ctl_table_print(struct ctl_table *table, FILE *out, const char *empty)
{
	size_t widths[CTL_COLUMNS_MAX] = { 0 };
	bool right;
	assert(table->columns);
	for (size_t i = 0; i < table->columns; i++)
		widths[i] = width_of(head_of(table, i, &right));
	for (size_t i = 0; i < table->n; i++)
		if (width_of(cell_at(table, i)) > widths[i % table->columns])
			widths[i % table->columns] = width_of(cell_at(table, i));
	for (size_t i = 0; table->n && i < table->columns; i++)
		print_one(table, out, i, head_of(table, i, &right), widths);
	for (size_t i = 0; i < table->n; i++)
		print_one(table, out, i % table->columns, cell_at(table, i), widths);
	if (!table->n)
		fprintf(out, "%s\n", empty);
	if (table->failed)
		fprintf(stderr, "esmectl: out of memory; the table is not complete\n");
	for (size_t i = 0; i < table->n; i++)
		free(table->cells[i]);
	free(table->cells);
}
