/*
 * Numbers with their units: a text to an int64_t and back. It knows no bound and no key.
 *
 * A number is read strictly: the whole text must fit, without signs, spaces, digit groups or
 * leading zeros, because what YAML tools make of 010, 1_000 or 12:30 differs from tool to tool.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/private.h"

#define COUNTOF(a) (sizeof(a) / sizeof(*(a)))

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit time_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};
static const struct unit size_units[] = {
	{ "TiB", INT64_C(1) << 40 },
	{ "GiB", 1 << 30 },
	{ "MiB", 1 << 20 },
	{ "KiB", 1 << 10 },
};

/* Digits up to `end`, which may be the closing NUL. */
static bool read_digits(const char *text, const char *end, int64_t *number)
{
	*number = 0;
	if (text == end || (*text == '0' && end - text > 1))
		return false;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, *text - '0', number))
			return false;
	}
	return true;
}

bool config_read_count(const char *text, int64_t *number)
{
	return read_digits(text, text + strlen(text), number);
}

static bool read_unit(const char *text, const struct unit *units, size_t n, int64_t *number)
{
	const char *end = text + strspn(text, "0123456789");

	if (!read_digits(text, end, number))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(end, units[i].name) == 0)
			return !__builtin_mul_overflow(*number, units[i].factor, number);
	}
	return false;
}

bool config_read_time(const char *text, int64_t *number)
{
	return read_unit(text, time_units, COUNTOF(time_units), number);
}

bool config_read_size(const char *text, int64_t *number)
{
	return read_unit(text, size_units, COUNTOF(size_units), number);
}

bool config_read_mode(const char *text, int64_t *number)
{
	size_t length = strlen(text);

	*number = 0;
	if (length < 3 || length > 4 || strspn(text, "01234567") != length)
		return false;
	for (; *text; text++)
		*number = *number * 8 + (*text - '0');
	return true;
}

bool config_read_status(const char *text, int64_t *number)
{
	static const char hex[] = "0123456789abcdef";
	size_t length = strlen(text);

	if (strncmp(text, "0x", 2) != 0)
		return config_read_count(text, number);
	*number = 0;
	if (length < 3 || length > 10)
		return false;
	for (text += 2; *text; text++) {
		const char *digit = strchr(hex, *text | 0x20);

		if (!digit)
			return false;
		*number = *number * 16 + (digit - hex);
	}
	return true;
}

/* +01:00, -03:30 */
bool config_read_zone(const char *text, int64_t *number)
{
	int hours, minutes, n = 0;

	if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
	    strspn(text + 1, "0123456789") != 2 || strspn(text + 4, "0123456789") != 2 ||
	    sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 || minutes > 59)
		return false;
	*number = hours * 60 + minutes;
	if (text[0] == '-')
		*number = -*number;
	return true;
}

/* Whole units, then at most six decimals. */
bool config_read_money(const char *text, int64_t *number)
{
	const char *point = text + strcspn(text, "."), *p = point;
	int64_t scale = 1000000;

	if (!read_digits(text, point, number) || __builtin_mul_overflow(*number, scale, number))
		return false;
	if (!*p)
		return true;
	for (p++; *p >= '0' && *p <= '9' && scale > 1; p++) {
		scale /= 10;
		if (__builtin_add_overflow(*number, (*p - '0') * scale, number))
			return false;
	}
	return !*p && p > point + 1;
}

void config_write_count(int64_t number, struct config_text_out *out)
{
	config_out(out, "%" PRId64, number);
}

static void write_unit(int64_t number, const struct unit *units, size_t n,
		       struct config_text_out *out)
{
	for (size_t i = 0; i < n; i++) {
		if (number != 0 && number % units[i].factor == 0) {
			config_out(out, "%" PRId64 "%s", number / units[i].factor, units[i].name);
			return;
		}
	}
	config_out(out, "%" PRId64 "%s", number, units[n - 1].name);
}

void config_write_time(int64_t number, struct config_text_out *out)
{
	write_unit(number, time_units, COUNTOF(time_units), out);
}

void config_write_size(int64_t number, struct config_text_out *out)
{
	write_unit(number, size_units, COUNTOF(size_units), out);
}

void config_write_mode(int64_t number, struct config_text_out *out)
{
	config_out(out, "%04" PRIo64, (uint64_t)number);
}

void config_write_status(int64_t number, struct config_text_out *out)
{
	config_out(out, "0x%02" PRIx64, (uint64_t)number);
}

void config_write_zone(int64_t number, struct config_text_out *out)
{
	int64_t minutes = number < 0 ? -number : number;

	config_out(out, "%c%02lld:%02lld", number < 0 ? '-' : '+', (long long)minutes / 60,
		   (long long)minutes % 60);
}

void config_write_money(int64_t number, struct config_text_out *out)
{
	int64_t micros = number % 1000000;
	int digits = 6;

	config_out(out, "%" PRId64, number / 1000000);
	if (micros == 0)
		return;
	for (; micros % 10 == 0; micros /= 10)
		digits--;
	config_out(out, ".%0*" PRId64, digits, micros);
}
