/*
 * The tap: what a reader gets, what it never gets, and what a slow one is told. Nothing here waits
 * for time: a reader is slow by not being asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/provider.h"
#include "core/tap.h"
#include "smpp/octets.h"
#include "test/hex.h"

static struct link link_a = { .name = "main/a", .session_number = 17 };
static struct link link_ab = { .name = "main/ab", .session_number = 18 };
static struct link link_tx = { .name = "main/a/tx", .session_number = 19 };
static struct link link_other = { .name = "other/a", .session_number = 20 };

static const struct tap_want everything = { .text = true, .numbers = true };

/* A PDU of n octets that nobody has to decode: an unknown command with its number inside. */
static size_t put_pdu(uint8_t *at, uint32_t n, uint32_t sequence_number)
{
	struct smpp_writer writer = smpp_writer_of(at, n);

	smpp_write_u32(&writer, n);
	smpp_write_u32(&writer, 0x0000010a);
	smpp_write_u32(&writer, 0);
	smpp_write_u32(&writer, sequence_number);
	memset(at + 16, (uint8_t)sequence_number, n - 16);
	return n;
}

static void check_pdu(const struct tap_record *record, uint32_t n, uint32_t sequence_number)
{
	uint8_t *expected = malloc(n);

	put_pdu(expected, n, sequence_number);
	assert_int_equal(record->n, n);
	assert_memory_equal(record->octets, expected, n);
	free(expected);
}

/* One empty PDU on a link. */
static void pass(struct tap *tap, const struct link *link, uint32_t sequence_number)
{
	uint8_t pdu[16];

	tap_octets(tap, link, TAP_IN, 1000, pdu, put_pdu(pdu, sizeof(pdu), sequence_number));
}

static void pass_hex(struct tap *tap, const char *hex)
{
	uint8_t octets[512];

	tap_octets(tap, &link_a, TAP_OUT, 1000, octets, hex_octets(hex, octets, sizeof(octets)));
}

struct fixture {
	struct tap *tap;
	struct tap_reader *reader;
	struct tap_record record;
};

static struct fixture fixture_of(const struct tap_want *want)
{
	struct fixture f = { .tap = tap_new() };

	assert_non_null(f.tap);
	f.reader = tap_reader_new(f.tap, want);
	assert_non_null(f.reader);
	return f;
}

static void release(struct fixture *f)
{
	tap_reader_free(f->reader);
	tap_free(f->tap);
}

/* ---- what passes ---- */

static void test_tap__gives_what_passes_in_order(void **state)
{
	struct fixture f = fixture_of(&everything);
	uint8_t pdu[40];

	(void)state;
	put_pdu(pdu, sizeof(pdu), 5);
	tap_octets(f.tap, &link_a, TAP_OUT, 1234, pdu, sizeof(pdu));
	pass(f.tap, &link_other, 6);
	assert_true(tap_reader_next(f.reader, &f.record));
	check_pdu(&f.record, sizeof(pdu), 5);
	assert_int_equal(f.record.seq, 1);
	assert_int_equal(f.record.at_ms, 1234);
	assert_string_equal(f.record.link, "main/a");
	assert_int_equal(f.record.session, 17);
	assert_int_equal(f.record.direction, TAP_OUT);
	assert_int_equal(f.record.dropped, 0);
	assert_true(tap_reader_next(f.reader, &f.record));
	check_pdu(&f.record, 16, 6);
	assert_int_equal(f.record.seq, 2);
	assert_string_equal(f.record.link, "other/a");
	assert_int_equal(f.record.direction, TAP_IN);
	assert_false(tap_reader_next(f.reader, &f.record));
	release(&f);
}

static void test_tap__splits_pdus_in_a_row(void **state)
{
	struct fixture f = fixture_of(&everything);
	uint8_t pdus[200];
	size_t n = 0;

	(void)state;
	n += put_pdu(pdus + n, 16, 1);
	n += put_pdu(pdus + n, 100, 2);
	n += put_pdu(pdus + n, 17, 3);
	tap_octets(f.tap, &link_a, TAP_OUT, 1, pdus, n);
	assert_true(tap_reader_next(f.reader, &f.record));
	check_pdu(&f.record, 16, 1);
	assert_true(tap_reader_next(f.reader, &f.record));
	check_pdu(&f.record, 100, 2);
	assert_true(tap_reader_next(f.reader, &f.record));
	check_pdu(&f.record, 17, 3);
	assert_false(tap_reader_next(f.reader, &f.record));
	release(&f);
}

static void test_tap__keeps_the_header_of_octets_that_are_no_pdu(void **state)
{
	static const char garbage[] = "HTTP/1.1 400 Bad Request, my dear";
	struct fixture f = fixture_of(&everything);
	uint8_t octets[100];
	size_t n = put_pdu(octets, 20, 1);

	(void)state;
	memcpy(octets + n, garbage, sizeof(garbage));
	tap_octets(f.tap, &link_a, TAP_IN, 1, octets, n + sizeof(garbage));
	tap_octets(f.tap, &link_a, TAP_IN, 1, (const uint8_t *)"HTTP", 4);
	assert_true(tap_reader_next(f.reader, &f.record));
	check_pdu(&f.record, 20, 1);
	assert_true(tap_reader_next(f.reader, &f.record));
	assert_int_equal(f.record.n, 16);
	assert_memory_equal(f.record.octets, garbage, 16);
	assert_true(tap_reader_next(f.reader, &f.record));
	assert_int_equal(f.record.n, 4);
	assert_false(tap_reader_next(f.reader, &f.record));
	release(&f);
}

static void test_tap__keeps_nothing_without_readers(void **state)
{
	struct fixture f = { .tap = tap_new() };

	(void)state;
	pass(NULL, &link_a, 1);
	pass(f.tap, &link_a, 1);
	f.reader = tap_reader_new(f.tap, &everything);
	assert_false(tap_reader_next(f.reader, &f.record));
	pass(f.tap, &link_a, 2);
	tap_reader_free(f.reader);
	pass(f.tap, &link_a, 3);
	f.reader = tap_reader_new(f.tap, &everything);
	assert_false(tap_reader_next(f.reader, &f.record));
	pass(f.tap, &link_a, 4);
	assert_true(tap_reader_next(f.reader, &f.record));
	check_pdu(&f.record, 16, 4);
	release(&f);
}

/* ---- masks ---- */

static const char bind_hex[] = "00000024 00000009 00000000 00000001 65736d6500 "
			       "736563726574303800 00 34 01 01 3200";
static const char submit_hex[] = "00000039 00000004 00000000 00000005 00 05 00 4272616e6400 01 01 "
				 "34393137303132333435363700 00 00 00 00 00 01 00 00 00 "
				 "07 7365637265743f";

static bool holds(const struct tap_record *record, const char *text)
{
	return memmem(record->octets, record->n, text, strlen(text)) != NULL;
}

static void test_tap__never_gives_a_password(void **state)
{
	struct fixture f = fixture_of(&everything);

	(void)state;
	pass_hex(f.tap, bind_hex);
	assert_true(tap_reader_next(f.reader, &f.record));
	assert_int_equal(f.record.n, 0x24);
	assert_true(holds(&f.record, "esme"));
	assert_true(holds(&f.record, "********"));
	assert_false(holds(&f.record, "secret"));
	release(&f);
}

static void test_tap__gives_each_reader_what_it_asked_for(void **state)
{
	static const struct tap_want wants[4] = {
		{ .text = false, .numbers = false },
		{ .text = true, .numbers = false },
		{ .text = false, .numbers = true },
		{ .text = true, .numbers = true },
	};
	struct tap *tap = tap_new();
	struct tap_reader *readers[4];
	struct tap_record record;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		readers[i] = tap_reader_new(tap, &wants[i]);
	pass_hex(tap, submit_hex);
	for (size_t i = 0; i < 4; i++) {
		assert_true(tap_reader_next(readers[i], &record));
		assert_int_equal(record.n, 0x39);
		assert_int_equal(holds(&record, "secret?"), wants[i].text);
		assert_int_equal(holds(&record, "491701234567"), wants[i].numbers);
		assert_int_equal(holds(&record, "xxxxxxx"), !wants[i].text);
		assert_int_equal(holds(&record, "*********567"), !wants[i].numbers);
		tap_reader_free(readers[i]);
	}
	tap_free(tap);
}

/* ---- links ---- */

/* The sessions of the links that a reader of this name sees. */
static uint64_t seen_by(const char *name)
{
	struct fixture f = fixture_of(&(struct tap_want){ .link = name });
	uint64_t sum = 0;

	pass(f.tap, &link_a, 1);
	pass(f.tap, &link_ab, 1);
	pass(f.tap, &link_tx, 1);
	pass(f.tap, &link_other, 1);
	while (tap_reader_next(f.reader, &f.record))
		sum = sum * 100 + f.record.session;
	release(&f);
	return sum;
}

static void test_tap__gives_only_the_links_asked_for(void **state)
{
	(void)state;
	assert_int_equal(seen_by(NULL), 17181920);
	assert_int_equal(seen_by(""), 17181920);
	assert_int_equal(seen_by("main/a"), 1719);
	assert_int_equal(seen_by("main/ab"), 18);
	assert_int_equal(seen_by("main/a/tx"), 19);
	assert_int_equal(seen_by("main"), 171819);
	assert_int_equal(seen_by("mai"), 0);
	assert_int_equal(seen_by("other"), 20);
	assert_int_equal(seen_by("none"), 0);
}

/* ---- bounds ---- */

/* All that waits for a reader: PDUs are whole and rise; how many there were, and how many it lost. */
struct sum {
	uint64_t read, dropped;
};

static struct sum read_all(struct fixture *f, uint32_t octets)
{
	struct sum sum = { 0 };
	uint64_t last = 0;

	while (tap_reader_next(f->reader, &f->record)) {
		assert_true(f->record.seq > last);
		last = f->record.seq;
		sum.dropped += f->record.dropped;
		if (!f->record.octets)
			continue;
		check_pdu(&f->record, octets, (uint32_t)f->record.seq);
		sum.read++;
	}
	return sum;
}

static void test_tap__tells_a_slow_reader_how_many_pdus_it_lost(void **state)
{
	struct fixture f = fixture_of(&everything);

	(void)state;
	for (uint32_t i = 1; i <= TAP_RECORDS + 5; i++)
		pass(f.tap, &link_a, i);
	for (uint32_t i = 1; i <= TAP_RECORDS; i++) {
		assert_true(tap_reader_next(f.reader, &f.record));
		assert_int_equal(f.record.dropped, 0);
		check_pdu(&f.record, 16, i);
	}
	assert_true(tap_reader_next(f.reader, &f.record));
	assert_null(f.record.octets);
	assert_int_equal(f.record.dropped, 5);
	assert_int_equal(f.record.seq, TAP_RECORDS + 5);
	assert_false(tap_reader_next(f.reader, &f.record));
	pass(f.tap, &link_a, TAP_RECORDS + 6);
	assert_true(tap_reader_next(f.reader, &f.record));
	assert_int_equal(f.record.dropped, 0);
	check_pdu(&f.record, 16, TAP_RECORDS + 6);
	release(&f);
}

static void test_tap__goes_on_when_half_of_it_was_read(void **state)
{
	struct fixture f = fixture_of(&everything);
	struct tap_counts counts;

	(void)state;
	for (uint32_t i = 1; i <= TAP_RECORDS + 1; i++)
		pass(f.tap, &link_a, i);
	for (uint32_t i = 1; i <= TAP_RECORDS / 2; i++)
		assert_true(tap_reader_next(f.reader, &f.record));
	pass(f.tap, &link_a, TAP_RECORDS + 2);
	assert_true(tap_reader_next(f.reader, &f.record));
	pass(f.tap, &link_a, TAP_RECORDS + 3);
	tap_counts(f.tap, &counts);
	assert_int_equal(counts.passed, TAP_RECORDS + 3);
	assert_int_equal(counts.dropped, 2);
	while (f.record.seq < TAP_RECORDS)
		assert_true(tap_reader_next(f.reader, &f.record));
	assert_true(tap_reader_next(f.reader, &f.record));
	assert_int_equal(f.record.dropped, 2);
	check_pdu(&f.record, 16, TAP_RECORDS + 3);
	release(&f);
}

static void test_tap__loses_nothing_that_fits(void **state)
{
	struct fixture f = fixture_of(&everything);

	(void)state;
	for (uint32_t i = 1; i <= TAP_RECORDS; i++)
		pass(f.tap, &link_a, i);
	assert_true(tap_reader_next(f.reader, &f.record));
	assert_int_equal(f.record.dropped, 0);
	assert_int_equal(f.record.seq, 1);
	release(&f);
}

static void test_tap__bounds_the_octets_it_keeps(void **state)
{
	enum {
		N = 300,
		OCTETS = 65000
	};
	struct fixture f = fixture_of(&everything);
	uint8_t *pdu = malloc(OCTETS);
	struct tap_counts counts;
	struct sum sum;

	(void)state;
	for (uint32_t i = 1; i <= N; i++)
		tap_octets(f.tap, &link_a, TAP_IN, 1, pdu, put_pdu(pdu, OCTETS, i));
	sum = read_all(&f, OCTETS);
	assert_int_equal(sum.read + sum.dropped, N);
	assert_in_range(sum.read, TAP_OCTETS / OCTETS - 1, TAP_OCTETS / OCTETS);
	tap_counts(f.tap, &counts);
	assert_int_equal(counts.dropped, sum.dropped);
	assert_in_range(counts.octets, TAP_OCTETS, 2 * TAP_OCTETS);
	tap_reader_free(f.reader);
	tap_counts(f.tap, &counts);
	assert_int_equal(counts.octets, 0);
	f.reader = NULL;
	free(pdu);
	release(&f);
}

/* PDUs of all sizes over several rounds of the ring, read at every seventh: none is torn. */
static void test_tap__gives_whole_pdus_round_after_round(void **state)
{
	struct fixture f = fixture_of(&everything);
	uint8_t *pdu = malloc(TAP_PDU_OCTETS);
	uint64_t dropped = 0;
	uint64_t read = 0;

	(void)state;
	for (uint32_t i = 1; i <= 4000; i++) {
		uint32_t n = 16 + i * 7919 % 60000;

		tap_octets(f.tap, &link_a, TAP_IN, 1, pdu, put_pdu(pdu, n, i));
		if (i % 700 != 0)
			continue;
		while (tap_reader_next(f.reader, &f.record)) {
			dropped += f.record.dropped;
			if (!f.record.octets)
				continue;
			read++;
			check_pdu(&f.record, 16 + (uint32_t)f.record.seq * 7919 % 60000,
				  (uint32_t)f.record.seq);
		}
		assert_int_equal(read + dropped, i);
	}
	assert_true(dropped > 0);
	free(pdu);
	release(&f);
}

static void test_tap__keeps_the_largest_pdu_and_the_header_of_a_larger_one(void **state)
{
	struct fixture f = fixture_of(&everything);
	uint8_t *pdu = malloc(TAP_PDU_OCTETS + 1);

	(void)state;
	tap_octets(f.tap, &link_a, TAP_IN, 1, pdu, put_pdu(pdu, TAP_PDU_OCTETS, 1));
	assert_true(tap_reader_next(f.reader, &f.record));
	check_pdu(&f.record, TAP_PDU_OCTETS, 1);
	tap_octets(f.tap, &link_a, TAP_IN, 1, pdu, put_pdu(pdu, TAP_PDU_OCTETS + 1, 2));
	assert_true(tap_reader_next(f.reader, &f.record));
	assert_int_equal(f.record.n, 16);
	free(pdu);
	release(&f);
}

static void test_tap__lets_a_slow_reader_slow_nobody(void **state)
{
	struct fixture slow = fixture_of(&everything);
	struct tap_reader *quick = tap_reader_new(slow.tap, &everything);

	(void)state;
	for (uint32_t i = 1; i <= 2 * TAP_RECORDS; i++) {
		pass(slow.tap, &link_a, i);
		assert_true(tap_reader_next(quick, &slow.record));
		assert_int_equal(slow.record.seq, i);
		assert_int_equal(slow.record.dropped, 0);
	}
	tap_reader_free(quick);
	assert_true(tap_reader_next(slow.reader, &slow.record));
	assert_int_equal(slow.record.dropped, TAP_RECORDS);
	release(&slow);
}

static void test_tap__keeps_nothing_that_nobody_asked_for(void **state)
{
	struct fixture f = fixture_of(&(struct tap_want){ .link = "main" });
	struct tap_counts counts;

	(void)state;
	pass(f.tap, &link_other, 1);
	pass(f.tap, &link_a, 2);
	tap_counts(f.tap, &counts);
	assert_int_equal(counts.passed, 1);
	assert_true(tap_reader_next(f.reader, &f.record));
	assert_int_equal(f.record.seq, 1);
	assert_int_equal(f.record.dropped, 0);
	release(&f);
}

/* What readers may take in the period that begins when the engine has worked so long in the last. */
static int64_t allowed(struct tap *tap, int64_t *now_us, uint64_t *busy_us, uint64_t worked_us)
{
	*now_us += TAP_PERIOD_US;
	*busy_us += worked_us;
	return tap_allowance_us(tap, *now_us, *busy_us);
}

static void test_tap__takes_little_of_a_busy_engine(void **state)
{
	static const int64_t little_us = TAP_PERIOD_US / TAP_BUSY_SHARE;
	static const int64_t much_us = TAP_PERIOD_US / TAP_IDLE_SHARE;
	static const uint64_t half_us = TAP_PERIOD_US / 2;
	struct tap *tap = tap_new();
	struct tap_counts counts;
	int64_t now_us = 1000000000;
	uint64_t busy_us = 0;

	(void)state;
	assert_int_equal(allowed(tap, &now_us, &busy_us, 0), much_us);
	assert_int_equal(allowed(tap, &now_us, &busy_us, half_us - 1), much_us);
	assert_int_equal(tap_allowance_us(tap, now_us + TAP_PERIOD_US - 1, busy_us + half_us),
			 much_us);
	assert_int_equal(allowed(tap, &now_us, &busy_us, half_us), little_us);
	for (int i = 1; i < TAP_IDLE_PERIODS; i++)
		assert_int_equal(allowed(tap, &now_us, &busy_us, 0), little_us);
	assert_int_equal(allowed(tap, &now_us, &busy_us, 0), much_us);
	assert_int_equal(allowed(tap, &now_us, &busy_us, half_us), little_us);

	tap_took(tap, little_us - 1);
	assert_int_equal(tap_allowance_us(tap, now_us, busy_us), 1);
	tap_took(tap, 1000);
	assert_int_equal(tap_allowance_us(tap, now_us, busy_us), 0);
	assert_int_equal(tap_resume_us(tap), now_us + TAP_PERIOD_US);
	tap_counts(tap, &counts);
	assert_int_equal(counts.took_us, little_us + 999);
	assert_int_equal(allowed(tap, &now_us, &busy_us, half_us), little_us);
	tap_free(tap);
}

static void test_tap__refuses_one_reader_too_many(void **state)
{
	struct tap *tap = tap_new();
	struct tap_reader *readers[TAP_READERS];
	char name[TAP_LINK_OCTETS + 1] = "";

	(void)state;
	for (size_t i = 0; i < TAP_READERS; i++) {
		readers[i] = tap_reader_new(tap, &everything);
		assert_non_null(readers[i]);
	}
	assert_null(tap_reader_new(tap, &everything));
	tap_reader_free(readers[3]);
	memset(name, 'a', TAP_LINK_OCTETS);
	assert_null(tap_reader_new(tap, &(struct tap_want){ .link = name }));
	name[TAP_LINK_OCTETS - 1] = '\0';
	readers[3] = tap_reader_new(tap, &(struct tap_want){ .link = name });
	assert_non_null(readers[3]);
	for (size_t i = 0; i < TAP_READERS; i++)
		tap_reader_free(readers[i]);
	tap_reader_free(NULL);
	tap_free(tap);
	tap_free(NULL);
}

/* ---- whose PDUs they are, and what the daemon does ---- */

static void test_tap__a_note_stands_between_pdus_and_is_none(void **state)
{
	struct fixture f = { .tap = tap_new() };
	struct tap_record record;
	char longer[2 * TAP_NOTE_OCTETS];
	(void)state;

	f.reader = tap_reader_new(f.tap, &(struct tap_want){ .link = "main/a" });
	pass(f.tap, &link_a, 1);
	tap_note(f.tap, &link_a, 5, 99, "throttled for %d ms", 250);
	tap_note(f.tap, &link_other, 6, 0, "of another link");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	tap_note(f.tap, &link_a, 7, 0, "%s", longer);
	pass(f.tap, &link_a, 2);

	assert_true(tap_reader_next(f.reader, &record));
	assert_false(record.note);
	assert_true(tap_reader_next(f.reader, &record));
	assert_true(record.note);
	assert_int_equal(record.n, strlen("throttled for 250 ms"));
	assert_memory_equal(record.octets, "throttled for 250 ms", record.n);
	assert_int_equal(record.tag, 99);
	assert_int_equal(record.session, 17);
	assert_int_equal(record.seq, 1);
	assert_int_equal(record.dropped, 0);
	assert_true(tap_reader_next(f.reader, &record));
	assert_int_equal(record.n, TAP_NOTE_OCTETS - 1);
	assert_true(tap_reader_next(f.reader, &record));
	assert_false(record.note);
	assert_int_equal(record.seq, 2);
	assert_int_equal(record.dropped, 0);
	assert_false(tap_reader_next(f.reader, &record));
	tap_reader_free(f.reader);
	assert_false(tap_wants(f.tap, &link_a));
	tap_note(f.tap, &link_a, 8, 0, "to nobody");
	tap_free(f.tap);
	assert_false(tap_wants(NULL, &link_a));
	tap_note(NULL, &link_a, 8, 0, "to nobody");
}

static void test_tap__whose_a_pdu_is_may_be_told_later(void **state)
{
	struct fixture f = { .tap = tap_new() };
	struct tap_record record;
	uint64_t first;
	(void)state;

	assert_int_equal(tap_last(f.tap), 0);
	pass(f.tap, &link_a, 1);
	assert_int_equal(tap_last(f.tap), 0); /* nobody reads */
	f.reader = tap_reader_new(f.tap, &(struct tap_want){ .link = "main/a" });
	pass(f.tap, &link_a, 1);
	first = tap_last(f.tap);
	assert_true(first > 0);
	pass(f.tap, &link_a, 2);
	assert_true(tap_last(f.tap) > first);
	pass(f.tap, &link_other, 3);
	assert_int_equal(tap_last(f.tap), 0); /* nobody reads that link */
	tap_tell(f.tap, first, 42);
	tap_tell(f.tap, 0, 43);
	tap_tell(f.tap, first + 2, 44);

	assert_true(tap_reader_next(f.reader, &record));
	assert_int_equal(record.tag, 42);
	assert_true(tap_reader_next(f.reader, &record));
	assert_int_equal(record.tag, 0);
	for (uint32_t i = 0; i < TAP_RECORDS; i++) {
		pass(f.tap, &link_a, i);
		tap_reader_next(f.reader, &record);
	}
	tap_tell(f.tap, first, 45); /* has given way to another */
	tap_reader_free(f.reader);
	tap_tell(f.tap, first, 46);
	tap_free(f.tap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tap__gives_what_passes_in_order),
		cmocka_unit_test(test_tap__splits_pdus_in_a_row),
		cmocka_unit_test(test_tap__keeps_the_header_of_octets_that_are_no_pdu),
		cmocka_unit_test(test_tap__keeps_nothing_without_readers),
		cmocka_unit_test(test_tap__never_gives_a_password),
		cmocka_unit_test(test_tap__gives_each_reader_what_it_asked_for),
		cmocka_unit_test(test_tap__gives_only_the_links_asked_for),
		cmocka_unit_test(test_tap__tells_a_slow_reader_how_many_pdus_it_lost),
		cmocka_unit_test(test_tap__goes_on_when_half_of_it_was_read),
		cmocka_unit_test(test_tap__keeps_nothing_that_nobody_asked_for),
		cmocka_unit_test(test_tap__takes_little_of_a_busy_engine),
		cmocka_unit_test(test_tap__loses_nothing_that_fits),
		cmocka_unit_test(test_tap__bounds_the_octets_it_keeps),
		cmocka_unit_test(test_tap__gives_whole_pdus_round_after_round),
		cmocka_unit_test(test_tap__keeps_the_largest_pdu_and_the_header_of_a_larger_one),
		cmocka_unit_test(test_tap__lets_a_slow_reader_slow_nobody),
		cmocka_unit_test(test_tap__refuses_one_reader_too_many),
		cmocka_unit_test(test_tap__a_note_stands_between_pdus_and_is_none),
		cmocka_unit_test(test_tap__whose_a_pdu_is_may_be_told_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
