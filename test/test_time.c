/*
 * SMPP times (SMPP 3.4, 7.1.1), against mktime's own calendar.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "smpp/time.h"

/* What the C library makes of a date in UTC. */
static int64_t utc_s(int year, int month, int day, int hour, int minute, int second)
{
	struct tm tm = { .tm_year = year - 1900,
			 .tm_mon = month - 1,
			 .tm_mday = day,
			 .tm_hour = hour,
			 .tm_min = minute,
			 .tm_sec = second };

	return timegm(&tm);
}

static void absolute(const char *text, int64_t at_ms)
{
	struct smpp_time out;

	assert_int_equal(smpp_time_parse(text, strlen(text), &out), SMPP_TIME_OK);
	assert_int_equal(out.kind, SMPP_TIME_ABSOLUTE);
	assert_int_equal(out.at_ms, at_ms);
	assert_int_equal(out.relative_s, 0);
}

static void wrong(const char *text, enum smpp_time_error error)
{
	struct smpp_time out = { .at_ms = 1 };

	assert_int_equal(smpp_time_parse(text, strlen(text), &out), error);
	assert_int_equal(out.at_ms, 0);
}

/* SMPP 3.4, 7.1.1.1 */
static void test_time__reads_absolute_times(void **state)
{
	(void)state;
	absolute("240102153045000+", utc_s(2024, 1, 2, 15, 30, 45) * 1000);
	absolute("240102153045900+", utc_s(2024, 1, 2, 15, 30, 45) * 1000 + 900);
	absolute("180711070003912+", utc_s(2018, 7, 11, 4, 0, 3) * 1000 + 900);
	absolute("240102153045004-", utc_s(2024, 1, 2, 16, 30, 45) * 1000);
	absolute("240102153045048+", utc_s(2024, 1, 2, 3, 30, 45) * 1000);
	absolute("240102153045048-", utc_s(2024, 1, 3, 3, 30, 45) * 1000);
}

static void test_time__reads_leap_days_leap_seconds_and_the_turn_of_the_year(void **state)
{
	(void)state;
	absolute("240229000000000+", utc_s(2024, 2, 29, 0, 0, 0) * 1000);
	absolute("000229000000000+", utc_s(2000, 2, 29, 0, 0, 0) * 1000);
	wrong("230229000000000+", SMPP_TIME_RANGE);
	absolute("161231235960000+", utc_s(2017, 1, 1, 0, 0, 0) * 1000);
	absolute("231231235959004-", utc_s(2024, 1, 1, 0, 59, 59) * 1000);
	absolute("700101000000000+", 0);
	absolute("691231235959000+", utc_s(2069, 12, 31, 23, 59, 59) * 1000);
	absolute("991231235959000+", utc_s(1999, 12, 31, 23, 59, 59) * 1000);
}

/* SMPP 3.4, 7.1.1.2 */
static void test_time__reads_relative_times(void **state)
{
	struct smpp_time out;

	(void)state;
	assert_int_equal(smpp_time_parse("020610233429000R", 16, &out), SMPP_TIME_OK);
	assert_int_equal(out.kind, SMPP_TIME_RELATIVE);
	assert_int_equal(out.relative_s,
			 (2 * 365 + 6 * 30 + 10) * 86400 + 23 * 3600 + 34 * 60 + 29);
	assert_int_equal(smpp_time_parse("999999999999999R", 16, &out), SMPP_TIME_OK);
	assert_int_equal(out.relative_s,
			 (99 * 365 + 99 * 30 + 99) * 86400L + 99 * 3600 + 99 * 60 + 99);
	assert_int_equal(smpp_time_parse("000000000000000R", 16, &out), SMPP_TIME_OK);
	assert_int_equal(out.relative_s, 0);
}

static void test_time__refuses_what_is_no_time(void **state)
{
	static const char good[] = "240102153045000+";

	(void)state;
	wrong("", SMPP_TIME_EMPTY);
	wrong("240102153045000", SMPP_TIME_LENGTH);
	wrong("240102153045000+0", SMPP_TIME_LENGTH);
	wrong("240102153045000Z", SMPP_TIME_DIGIT);
	wrong("240102153045049+", SMPP_TIME_RANGE);
	wrong("241302153045000+", SMPP_TIME_RANGE);
	wrong("240002153045000+", SMPP_TIME_RANGE);
	wrong("240100153045000+", SMPP_TIME_RANGE);
	wrong("240132153045000+", SMPP_TIME_RANGE);
	wrong("240431153045000+", SMPP_TIME_RANGE);
	wrong("240102243045000+", SMPP_TIME_RANGE);
	wrong("240102156045000+", SMPP_TIME_RANGE);
	wrong("240102153061000+", SMPP_TIME_RANGE);
	wrong("000000000000000+", SMPP_TIME_RANGE);
	for (size_t i = 0; i < sizeof good - 2; i++) {
		char text[sizeof good];

		strcpy(text, good);
		text[i] = ':';
		wrong(text, SMPP_TIME_DIGIT);
	}
	for (size_t n = 1; n < 16; n++) {
		struct smpp_time out;

		assert_int_equal(smpp_time_parse(good, n, &out), SMPP_TIME_LENGTH);
	}
}

static void test_time__writes_what_it_reads(void **state)
{
	char text[SMPP_TIME_OCTETS];
	struct smpp_time out;

	(void)state;
	for (int64_t at_s = 0; at_s < utc_s(2070, 1, 1, 0, 0, 0); at_s += 12345677) {
		assert_int_equal(smpp_time_absolute(at_s * 1000 + 345, text), SMPP_TIME_OK);
		assert_int_equal(smpp_time_parse(text, strlen(text), &out), SMPP_TIME_OK);
		assert_int_equal(out.at_ms, at_s * 1000 + 300);
	}
	for (uint32_t relative_s = 0; relative_s < 2000000000; relative_s += 1234567) {
		assert_int_equal(smpp_time_relative(relative_s, text), SMPP_TIME_OK);
		assert_int_equal(smpp_time_parse(text, strlen(text), &out), SMPP_TIME_OK);
		assert_int_equal(out.relative_s, relative_s);
	}
}

static void test_time__writes_sixteen_characters(void **state)
{
	char text[SMPP_TIME_OCTETS];

	(void)state;
	assert_int_equal(smpp_time_relative(604800, text), SMPP_TIME_OK);
	assert_string_equal(text, "000007000000000R");
	assert_int_equal(smpp_time_relative(86399, text), SMPP_TIME_OK);
	assert_string_equal(text, "000000235959000R");
	assert_int_equal(smpp_time_absolute(1704209445000, text), SMPP_TIME_OK);
	assert_string_equal(text, "240102153045000+");
	assert_int_equal(smpp_time_absolute(-1, text), SMPP_TIME_RANGE);
	assert_string_equal(text, "");
	assert_int_equal(smpp_time_absolute(utc_s(2070, 1, 1, 0, 0, 0) * 1000 - 1, text),
			 SMPP_TIME_OK);
	assert_string_equal(text, "691231235959900+");
	assert_int_equal(smpp_time_absolute(utc_s(2070, 1, 1, 0, 0, 0) * 1000, text),
			 SMPP_TIME_RANGE);
	assert_int_equal(smpp_time_absolute(INT64_MAX, text), SMPP_TIME_RANGE);
	assert_int_equal(smpp_time_relative(99U * 365 * 86400, text), SMPP_TIME_OK);
	assert_string_equal(text, "990000000000000R");
	assert_int_equal(smpp_time_relative(UINT32_MAX, text), SMPP_TIME_RANGE);
	assert_string_equal(text, "");
}

static void guess(const char *text, int32_t zone_s, enum smpp_time_error error, int64_t at_s)
{
	int64_t at_ms = -1;

	assert_int_equal(smpp_time_guess(text, strlen(text), zone_s, &at_ms), error);
	assert_int_equal(at_ms, at_s * 1000);
}

/* SMPP 3.4, 7.1.1 and Appendix B: dates the SMSC reports carry no zone */
static void test_time__guesses_dates_of_receipts(void **state)
{
	(void)state;
	guess("2401021530", 0, SMPP_TIME_OK, utc_s(2024, 1, 2, 15, 30, 0));
	guess("2401021530", 7200, SMPP_TIME_OK, utc_s(2024, 1, 2, 13, 30, 0));
	guess("240102153045", -3600, SMPP_TIME_OK, utc_s(2024, 1, 2, 16, 30, 45));
	guess("20240102153045", 0, SMPP_TIME_OK, utc_s(2024, 1, 2, 15, 30, 45));
	guess("240102153045004+", 7200, SMPP_TIME_OK, utc_s(2024, 1, 2, 14, 30, 45));
	guess("", 0, SMPP_TIME_EMPTY, 0);
	guess("0000000000", 0, SMPP_TIME_RANGE, 0);
	guess("240102153", 0, SMPP_TIME_LENGTH, 0);
	guess("24010215:30", 0, SMPP_TIME_LENGTH, 0);
	guess("24-01-0215", 0, SMPP_TIME_DIGIT, 0);
	guess("000001000000000R", 0, SMPP_TIME_DIGIT, 0);
	guess("19690102153045", 0, SMPP_TIME_RANGE, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time__reads_absolute_times),
		cmocka_unit_test(test_time__reads_leap_days_leap_seconds_and_the_turn_of_the_year),
		cmocka_unit_test(test_time__reads_relative_times),
		cmocka_unit_test(test_time__refuses_what_is_no_time),
		cmocka_unit_test(test_time__writes_what_it_reads),
		cmocka_unit_test(test_time__writes_sixteen_characters),
		cmocka_unit_test(test_time__guesses_dates_of_receipts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
