/* Numbers, how long (rtt>200ms) and when (time>18:25), as a filter writes them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

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

/* ":30" or ":30.5" behind the minutes, if it is there. Returns what is behind it. */
static const char *read_seconds(const char *rest, struct tm *tm, int64_t *ms)
{
	const char *behind = *rest == ':' ? strptime(rest, ":%S", tm) : NULL;

	if (behind == NULL)
		return rest;
	if (behind[0] != '.' || behind[1] < '0' || behind[1] > '9')
		return behind;
	behind++;
	for (int64_t scale = 100; *behind >= '0' && *behind <= '9' && scale > 0; scale /= 10)
		*ms += scale * (*behind++ - '0');
	return behind;
}

bool filter_moment(struct filter_term *term, const struct filter_words *words,
		   struct filter_error *error)
{
	const char *text = words->value;
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M", &tm);
	int64_t ms = 0;
	int day;

	term->of_day = rest == NULL;
	if (term->of_day) {
		tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
		rest = strptime(text, "%H:%M", &tm);
	}
	if (rest != NULL)
		rest = read_seconds(rest, &tm, &ms);
	if (rest != NULL && *rest == 'Z')
		rest++;
	/* strptime knows leap seconds, which no PDU has. */
	if (rest == NULL || *rest != '\0' || tm.tm_sec > 59)
		return filter_fail(error,
				   words->value_at + (rest != NULL && *rest != '\0' ?
							      (size_t)(rest - text) :
							      0),
				   "%s wants a time (UTC), as in %s>18:25, %s<=18:25:30.5 or "
				   "%s>2026-11-20T18:25:30.5Z",
				   words->name, words->name, words->name, words->name);
	day = tm.tm_mday;
	term->number = (int64_t)timegm(&tm) * 1000 + ms;
	term->has_number = true;
	return tm.tm_mday == day || filter_fail(error, words->value_at, "there is no such day");
}
