/*
 * Records as lines of JSON for people and for the offline checker: one loop over the rows. What
 * people wrote and telephone numbers are masked unless asked for; secrets are never shown.
 */
#include "store/record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/rows.h"

#define DIGITS_SHOWN 3

struct out {
	char *at;
	size_t cap;
	size_t n; /* what it needs, which may be more than cap */
};

__attribute__((format(printf, 2, 3))) static void say(struct out *out, const char *format, ...)
{
	size_t left = out->n < out->cap ? out->cap - out->n : 0;
	va_list args;

	va_start(args, format);
	int n = vsnprintf(left ? out->at + out->n : NULL, left, format, args);

	va_end(args);
	if (n > 0)
		out->n += (size_t)n;
}

static void say_text(struct out *out, struct store_octets octets)
{
	say(out, "\"");
	for (uint32_t i = 0; i < octets.n; i++) {
		uint8_t octet = octets.at[i];

		if (octet < 0x20 || octet >= 0x7f || octet == '"' || octet == '\\')
			say(out, "\\u%04x", octet);
		else
			say(out, "%c", octet);
	}
	say(out, "\"");
}

static void say_octets(struct out *out, const struct store_row *row, struct store_octets octets,
		       bool unmasked)
{
	if (row->show == SHOW_SECRET || (row->show == SHOW_TEXT && !unmasked)) {
		say(out, "\"(%" PRIu32 " octets)\"", octets.n);
	} else if (row->show == SHOW_HEX) {
		say(out, "\"");
		for (uint32_t i = 0; i < octets.n; i++)
			say(out, "%02x", octets.at[i]);
		say(out, "\"");
	} else {
		say_text(out, octets);
	}
}

static void say_digits(struct out *out, uint64_t number, bool unmasked)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, number);

	for (int i = 0; !unmasked && i < n - DIGITS_SHOWN; i++)
		digits[i] = '*';
	say(out, "\"%s\"", digits);
}

static void say_flags(struct out *out, uint64_t flags)
{
	const char *comma = "";

	say(out, "[");
	for (unsigned bit = 0; bit < 64; bit++) {
		if (!(flags >> bit & 1))
			continue;
		const char *name = store_flag_name(bit);

		say(out, name ? "%s\"%s\"" : "%s\"?%s\"", comma, name ? name : "");
		comma = ",";
	}
	say(out, "]");
}

static void say_number(struct out *out, const struct store_row *row, uint64_t number, bool unmasked)
{
	switch (row->show) {
	case SHOW_DIGITS:
		say_digits(out, number, unmasked);
		return;
	case SHOW_HEX:
		say(out, "\"%016" PRIx64 "\"", number);
		return;
	case SHOW_STATE:
		say(out, "\"%s\"", store_state_name((enum store_state)number));
		return;
	case SHOW_ERROR:
		say(out, "\"%s\"", store_error_name((enum store_error)number));
		return;
	case SHOW_LEDGER:
		say(out, "\"%s\"", store_ledger_kind_name((enum store_ledger_kind)number));
		return;
	case SHOW_FLAGS:
		say_flags(out, number);
		return;
	case SHOW_SECRET:
	case SHOW_TEXT:
		say(out, "\"(masked)\"");
		return;
	case SHOW_PLAIN:
		break;
	}
	if (row->type == ROW_I64)
		say(out, "%" PRId64, (int64_t)number);
	else
		say(out, "%" PRIu64, number);
}

size_t store_dump(enum store_kind kind, const void *rec, bool unmasked, char *at, size_t cap)
{
	struct out out = { .at = at, .cap = cap };
	unsigned n;
	const struct store_row *rows = store_shape(kind)->rows(&n);

	say(&out, "{\"kind\":\"%s\"", store_kind_name(kind));
	for (const struct store_row *row = rows; row < rows + n; row++) {
		uint64_t number = store_row_number(row, rec);
		struct store_octets octets = { .n = 0 };

		if (row->type == ROW_OCTETS)
			memcpy(&octets, (const uint8_t *)rec + row->at, sizeof(octets));
		bool named = row->show == SHOW_STATE || row->show == SHOW_LEDGER;

		if (!row->key && !named && number == 0 && octets.n == 0)
			continue;
		say(&out, ",\"%s\":", row->name);
		if (row->type == ROW_OCTETS)
			say_octets(&out, row, octets, unmasked);
		else
			say_number(&out, row, number, unmasked);
	}
	say(&out, "}");
	return out.n;
}
