/*
 * What esmectl prints for people: aligned columns, times, sums of money, and texts from elsewhere
 * made safe for a terminal. It knows nothing of what the columns mean.
 */
#ifndef TOOLS_CTL_TABLE_H
#define TOOLS_CTL_TABLE_H

#include <stdio.h>

#include "core/json.h"

#define CTL_COLUMNS_MAX 16

/*
 * Cells are given row by row, left to right. A heading that begins with '>' has its column aligned
 * to the right. Without memory cells are lost and ctl_table_print says so.
 */
struct ctl_table {
	const char *const *heads;
	size_t columns;
	char **cells; /* rows of `columns` */
	size_t n, room;
	bool failed;
};

void ctl_table_begin(struct ctl_table *table, const char *const *heads, size_t columns);
__attribute__((format(printf, 2, 3))) void ctl_table_cell(struct ctl_table *table,
							  const char *format, ...);
/* A member of a JSON object as a cell: text as it is, numbers in full, null as "-". */
void ctl_table_member(struct ctl_table *table, const struct json *object, const char *key);
/* Prints and releases it; `empty` instead when there is no row. */
void ctl_table_print(struct ctl_table *table, FILE *out, const char *empty);

/* Text of a member; `otherwise` when it is none. */
const char *ctl_text(const struct json *object, const char *key, const char *otherwise);
int64_t ctl_int(const struct json *object, const char *key);
bool ctl_bool(const struct json *object, const char *key);

#define CTL_TIME_OCTETS 32
/* "2026-11-20 08:30:00" of a member with a time in RFC 3339; "-" when it has none. */
const char *ctl_time(const struct json *object, const char *key, char out[CTL_TIME_OCTETS]);
/* "3 d 2 h", "12.3 s", "45 ms". */
const char *ctl_duration(int64_t ms, char out[CTL_TIME_OCTETS]);
/* "0.088" of a member that is a sum of money; "-" when it is none. */
const char *ctl_money(const struct json *object, const char *key, char out[CTL_TIME_OCTETS]);

/* Below a page that is not the last: what asks for the next one. */
void ctl_print_older(const struct json *answer);

/* Prints text with its control characters replaced. */
void ctl_print_clean(FILE *out, const char *text);

#endif
