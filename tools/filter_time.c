/* Numbers and times as a filter writes them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/filter_own.h"

bool filter_number(const char *text, int64_t *number, const char **rest)
{
	char *end;
	bool hex = strncasecmp(text, "0x", 2) == 0;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*number = strtoll(text, &end, hex ? 16 : 10);
	*rest = end;
	return errno == 0;
}

bool filter_duration(const char *text, int64_t bare_us, int64_t *us)
{
	const struct {
		const char *unit;
		int64_t us;
	} units[] = { { "", bare_us },
		      { "ms", 1000 },
		      { "us", 1 },
		      { "s", 1000000 },
		      { "m", 60 * 1000000 } };
	const char *rest;
	int64_t whole, part = 0, scale = 1;

	if (!filter_number(text, &whole, &rest) || whole > 1000000000)
		return false;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9' && scale < 1000000; rest++) {
			part = part * 10 + (*rest - '0');
			scale *= 10;
		}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(rest, units[i].unit) == 0) {
			*us = whole * units[i].us + part * units[i].us / scale;
			return true;
		}
	}
	return false;
}
