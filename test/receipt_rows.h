/* What the tests of receipts and of their ids share: escapes in a fixture's text, and words. */
#ifndef TEST_RECEIPT_ROWS_H
#define TEST_RECEIPT_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "smpp/octets.h"

static inline unsigned hex_of(const char *at)
{
	unsigned value;

	assert_int_equal(sscanf(at, "%2x", &value), 1);
	return value;
}

/* Writes text with its escapes undone; returns behind where it stopped (end, or a bare quote). */
static inline const char *put_text(struct smpp_writer *writer, const char *text)
{
	while (*text && *text != '"') {
		if (*text != '\\') {
			smpp_write_u8(writer, (uint8_t)*text++);
			continue;
		}
		switch (text[1]) {
		case 'x':
			smpp_write_u8(writer, (uint8_t)hex_of(text + 2));
			text += 4;
			continue;
		case '0':
			smpp_write_u8(writer, 0);
			break;
		case 's':
			smpp_write_u8(writer, ' ');
			break;
		case 'r':
			smpp_write_u8(writer, '\r');
			break;
		case 'n':
			smpp_write_u8(writer, '\n');
			break;
		default:
			fail_msg("escape \\%c", text[1]);
		}
		text += 2;
	}
	return text;
}

static inline void expect_word(const char *row, const char *what, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s is %s, not %s", row, what, got, want);
}

#endif
