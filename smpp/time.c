/*
 * SMPP time formats; see time.h.
 */
#include "smpp/time.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	CHARS = SMPP_TIME_OCTETS - 1,
	DAY_S = 86400,
	MONTH_DAYS = 30, /* of a relative time; the specification does not say */
	YEAR_DAYS = 365,
	QUARTER_S = 900,
	QUARTERS_MAX = 48,
	MONTH_DAYS_MAX = 31,
};

/* Parts of a date as they are written; year in full. */
struct civil {
	unsigned year, month, day, hour, minute, second;
};

static bool all_digits(const char *at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
	}
	return true;
}

static unsigned number(const char *at, size_t n)
{
	unsigned value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + (unsigned)(at[i] - '0');
	return value;
}

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in(unsigned year, unsigned month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year) ? 1U : 0U);
}

static unsigned days_of(unsigned year)
{
	return YEAR_DAYS + (is_leap(year) ? 1U : 0U);
}

/* Days from 1970-01-01; year is 1970 or later. */
static int64_t days_since_1970(const struct civil *civil)
{
	unsigned before = civil->year - 1;
	int64_t leaps = (int64_t)(before / 4 - before / 100 + before / 400) - 477;
	int64_t days = (int64_t)(civil->year - 1970) * YEAR_DAYS + leaps;

	for (unsigned month = 1; month < civil->month; month++)
		days += days_in(civil->year, month);
	return days + civil->day - 1;
}

/* A second of 60 (a leap second) is the first of the next minute. */
static enum smpp_time_error civil_to_s(const struct civil *civil, int64_t *at_s)
{
	if (civil->year < 1970 || civil->month < 1 || civil->month > 12 || civil->day < 1 ||
	    civil->day > days_in(civil->year, civil->month) || civil->hour > 23 ||
	    civil->minute > 59 || civil->second > 60)
		return SMPP_TIME_RANGE;
	*at_s = days_since_1970(civil) * DAY_S + civil->hour * 3600 + civil->minute * 60 +
		civil->second;
	return SMPP_TIME_OK;
}

/* Digits behind the year: MMDDhhmm and, where n says so, ss. */
static struct civil civil_of(unsigned year, const char *at, size_t n)
{
	return (struct civil){
		.year = year,
		.month = number(at, 2),
		.day = number(at + 2, 2),
		.hour = number(at + 4, 2),
		.minute = number(at + 6, 2),
		.second = n >= 10 ? number(at + 8, 2) : 0,
	};
}

static unsigned full_year(const char *at)
{
	unsigned year = number(at, 2);

	return year < 70 ? 2000 + year : 1900 + year;
}

static enum smpp_time_error parse_relative(const char *at, struct smpp_time *out)
{
	uint64_t days = (uint64_t)number(at, 2) * YEAR_DAYS + number(at + 2, 2) * MONTH_DAYS +
			number(at + 4, 2);
	uint64_t relative_s = days * DAY_S + number(at + 6, 2) * 3600 + number(at + 8, 2) * 60 +
			      number(at + 10, 2);

	out->kind = SMPP_TIME_RELATIVE;
	out->relative_s = (uint32_t)relative_s; /* 99 of everything is below 2^32 */
	return SMPP_TIME_OK;
}

static enum smpp_time_error parse_absolute(const char *at, struct smpp_time *out)
{
	struct civil civil = civil_of(full_year(at), at + 2, 10);
	int64_t quarters = number(at + 13, 2);
	enum smpp_time_error error;
	int64_t at_s;

	if (quarters > QUARTERS_MAX)
		return SMPP_TIME_RANGE;
	error = civil_to_s(&civil, &at_s);
	if (error != SMPP_TIME_OK)
		return error;
	at_s += at[CHARS - 1] == '+' ? -quarters * QUARTER_S : quarters * QUARTER_S;
	out->at_ms = at_s * 1000 + number(at + 12, 1) * 100;
	return SMPP_TIME_OK;
}

enum smpp_time_error smpp_time_parse(const char *at, size_t n, struct smpp_time *out)
{
	memset(out, 0, sizeof *out);
	if (n == 0)
		return SMPP_TIME_EMPTY;
	if (n != CHARS)
		return SMPP_TIME_LENGTH;
	if (!all_digits(at, CHARS - 1))
		return SMPP_TIME_DIGIT;
	if (at[CHARS - 1] == 'R')
		return parse_relative(at, out);
	if (at[CHARS - 1] == '+' || at[CHARS - 1] == '-')
		return parse_absolute(at, out);
	return SMPP_TIME_DIGIT;
}

enum smpp_time_error smpp_time_relative(uint32_t relative_s, char out[SMPP_TIME_OCTETS])
{
	unsigned days = relative_s / DAY_S, years = 0, months = 0;
	unsigned rest = relative_s % DAY_S;

	if (days > MONTH_DAYS_MAX) {
		years = days / YEAR_DAYS;
		months = days % YEAR_DAYS / MONTH_DAYS;
		days = days % YEAR_DAYS % MONTH_DAYS;
	}
	out[0] = 0;
	if (years > 99)
		return SMPP_TIME_RANGE;
	snprintf(out, SMPP_TIME_OCTETS, "%02u%02u%02u%02u%02u%02u000R", years % 100, months % 100,
		 days % 100, rest / 3600 % 100, rest / 60 % 60, rest % 60);
	return SMPP_TIME_OK;
}

enum smpp_time_error smpp_time_absolute(int64_t at_ms, char out[SMPP_TIME_OCTETS])
{
	struct civil civil = { .year = 1970, .month = 1, .day = 1 };
	int64_t days = at_ms / 1000 / DAY_S;
	unsigned rest = (unsigned)(at_ms / 1000 % DAY_S);

	out[0] = 0;
	if (at_ms < 0)
		return SMPP_TIME_RANGE;
	for (; civil.year < 2070 && days >= days_of(civil.year); civil.year++)
		days -= days_of(civil.year);
	if (civil.year == 2070)
		return SMPP_TIME_RANGE;
	for (; days >= days_in(civil.year, civil.month); civil.month++)
		days -= days_in(civil.year, civil.month);
	snprintf(out, SMPP_TIME_OCTETS, "%02u%02u%02u%02u%02u%02u%01u00+", civil.year % 100,
		 civil.month % 100, (unsigned)(days + 1) % 100, rest / 3600 % 100, rest / 60 % 60,
		 rest % 60, (unsigned)(at_ms % 1000 / 100) % 10);
	return SMPP_TIME_OK;
}

enum smpp_time_error smpp_time_guess(const char *at, size_t n, int32_t zone_s, int64_t *at_ms)
{
	struct smpp_time time;
	struct civil civil;
	enum smpp_time_error error;
	int64_t at_s;

	*at_ms = 0;
	if (n == CHARS) {
		error = smpp_time_parse(at, n, &time);
		if (error == SMPP_TIME_OK && time.kind == SMPP_TIME_RELATIVE)
			return SMPP_TIME_DIGIT;
		*at_ms = time.at_ms;
		return error;
	}
	if (n == 0)
		return SMPP_TIME_EMPTY;
	if (n != 10 && n != 12 && n != 14)
		return SMPP_TIME_LENGTH;
	if (!all_digits(at, n))
		return SMPP_TIME_DIGIT;
	civil = n == 14 ? civil_of(number(at, 4), at + 4, 10) :
			  civil_of(full_year(at), at + 2, n - 2);
	error = civil_to_s(&civil, &at_s);
	if (error == SMPP_TIME_OK)
		*at_ms = (at_s - zone_s) * 1000;
	return error;
}
