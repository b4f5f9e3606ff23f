/*
 * SMPP time formats (SMPP 3.4, 7.1.1): schedule_delivery_time, validity_period, final_date, and
 * a guess at the zoneless dates of receipts.
 *
 * Pure arithmetic on texts and seconds since 1970; it reads no clock and no time zone data.
 */
#ifndef SMPP_TIME_H
#define SMPP_TIME_H

#include <stddef.h>
#include <stdint.h>

enum {
	SMPP_TIME_OCTETS = 17, /* 16 characters and a NUL */
};

enum smpp_time_error {
	SMPP_TIME_OK = 0,
	SMPP_TIME_EMPTY,  /* no characters: the field is not set */
	SMPP_TIME_LENGTH, /* neither 16 characters nor, where allowed, 10, 12 or 14 */
	SMPP_TIME_DIGIT,  /* not a digit where one belongs, or an unknown last character */
	SMPP_TIME_RANGE,  /* no such month, day, hour, minute, second or quarter; or all zeros */
};

enum smpp_time_kind {
	SMPP_TIME_ABSOLUTE,
	SMPP_TIME_RELATIVE,
};

struct smpp_time {
	enum smpp_time_kind kind;
	int64_t at_ms;	     /* ABSOLUTE: wall clock, UTC */
	uint32_t relative_s; /* RELATIVE: a year is 365 days, a month 30 */
};

/*
 * Reads n characters (without NUL) of "YYMMDDhhmmsstnnp". p is + or - with nn quarters of an
 * hour (00..48) ahead of or behind UTC, or R for a relative time, whose t and nn are not looked
 * at. A second of 60 is taken as the first of the next minute. Years 70 to 99 are 1970 to 1999,
 * 00 to 69 are 2000 to 2069. OK, EMPTY, LENGTH, DIGIT, RANGE; on errors *out is all 0.
 */
enum smpp_time_error smpp_time_parse(const char *at, size_t n, struct smpp_time *out);

/* Writes seconds as a relative time with its NUL. RANGE, out empty, above 99 years. */
enum smpp_time_error smpp_time_relative(uint32_t relative_s, char out[SMPP_TIME_OCTETS]);

/* Writes a wall clock time as an absolute UTC one with its NUL; milliseconds are cut to tenths.
 * RANGE, out empty, outside 1970 to 2069. */
enum smpp_time_error smpp_time_absolute(int64_t at_ms, char out[SMPP_TIME_OCTETS]);

/*
 * A guess at a date in a receipt or query_sm_resp: YYMMDDhhmm, YYMMDDhhmmss, YYYYMMDDhhmmss or the
 * 16 characters above (absolute only). The short ones carry no zone: zone_s, seconds ahead of UTC,
 * is the provider's. For people to read; it orders and decides nothing.
 * OK, EMPTY, LENGTH, DIGIT, RANGE; on errors *at_ms is 0.
 */
enum smpp_time_error smpp_time_guess(const char *at, size_t n, int32_t zone_s, int64_t *at_ms);

#endif
