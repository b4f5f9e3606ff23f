/* Rows of evidence: there and back, in as few octets as promised, and never past their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/evidence.h"

#define BASE_MS 1700000000000

static struct evidence answer_row(void)
{
	return (struct evidence){
		.event = LIFE_ON_ACCEPTED,
		.mark = LIFE_MARK_LATE,
		.at_ms = BASE_MS + 2500,
		.has_submit = true,
		.attempt = 2,
		.session = 41,
		.sequence_number = 77123,
		.released_ms = BASE_MS + 2300,
		.sent_after_ms = 3,
		.rtt_ms = 190,
		.in_flight = 10,
		.queued = 3200,
		.rate_per_s = 25,
		.has_code = true,
		.code = 0,
		.id = { (const uint8_t *)"2F1A7B3C", 8 },
	};
}

static struct evidence receipt_row(void)
{
	return (struct evidence){
		.event = LIFE_ON_RECEIPT_FAILED,
		.at_ms = BASE_MS + 9000,
		.has_code = true,
		.code = 4,
		.has_receipt = true,
		.receipt_session = 42,
		.rule = EVIDENCE_RULE_DEC_TO_HEX,
		.receipt_flags = 513,
		.id = { (const uint8_t *)"0790231868", 10 },
		.err = { (const uint8_t *)"0032", 4 },
	};
}

static struct evidence query_row(void)
{
	return (struct evidence){
		.event = LIFE_ON_RECEIPT_DELIVERED,
		.at_ms = BASE_MS + 9500,
		.has_code = true,
		.code = 2,
		.has_receipt = true,
		.receipt_session = 43,
		.rule = EVIDENCE_RULE_QUERY,
		.by_operator = true,
		.note = { (const uint8_t *)"261120113355000+", 16 },
	};
}

static void assert_octets(struct smpp_octets a, struct smpp_octets b)
{
	assert_int_equal(a.n, b.n);
	if (a.n)
		assert_memory_equal(a.at, b.at, a.n);
}

static void assert_same(const struct evidence *a, const struct evidence *b)
{
	assert_octets(a->id, b->id);
	assert_octets(a->err, b->err);
	assert_octets(a->note, b->note);
	assert_int_equal(a->with_others, b->with_others);
	struct evidence x = *a, y = *b;
	x.id = y.id = x.err = y.err = (struct smpp_octets){ 0 };
	assert_int_equal(x.event, y.event);
	assert_int_equal(x.mark, y.mark);
	assert_int_equal(x.at_ms, y.at_ms);
	assert_int_equal(x.has_submit, y.has_submit);
	assert_int_equal(x.attempt, y.attempt);
	assert_int_equal(x.session, y.session);
	assert_int_equal(x.sequence_number, y.sequence_number);
	assert_int_equal(x.released_ms, y.released_ms);
	assert_int_equal(x.sent_after_ms, y.sent_after_ms);
	assert_int_equal(x.rtt_ms, y.rtt_ms);
	assert_int_equal(x.in_flight, y.in_flight);
	assert_int_equal(x.queued, y.queued);
	assert_int_equal(x.rate_per_s, y.rate_per_s);
	assert_int_equal(x.has_code, y.has_code);
	assert_int_equal(x.code, y.code);
	assert_int_equal(x.has_receipt, y.has_receipt);
	assert_int_equal(x.receipt_session, y.receipt_session);
	assert_int_equal(x.rule, y.rule);
	assert_int_equal(x.receipt_flags, y.receipt_flags);
}

static void test_evidence__rows_come_back_in_order(void **state)
{
	uint8_t octets[4 * EVIDENCE_ROW_OCTETS];
	struct evidence first = answer_row(), second = receipt_row(), third = query_row(), row;
	struct evidence fourth = answer_row();
	size_t n = evidence_encode(&first, BASE_MS, octets), offset = 0;
	(void)state;
	fourth.with_others = true;
	n += evidence_encode(&second, BASE_MS, octets + n);
	n += evidence_encode(&third, BASE_MS, octets + n);
	n += evidence_encode(&fourth, BASE_MS, octets + n);
	assert_true(evidence_next(octets, n, &offset, BASE_MS, &row));
	assert_same(&first, &row);
	assert_true(evidence_next(octets, n, &offset, BASE_MS, &row));
	assert_same(&second, &row);
	assert_true(evidence_next(octets, n, &offset, BASE_MS, &row));
	assert_same(&third, &row);
	assert_true(evidence_next(octets, n, &offset, BASE_MS, &row));
	assert_same(&fourth, &row);
	assert_false(evidence_next(octets, n, &offset, BASE_MS, &row));
	assert_int_equal(offset, n);
}

static void test_evidence__an_operators_row_says_so(void **state)
{
	uint8_t octets[2 * EVIDENCE_ROW_OCTETS];
	struct evidence close = { .event = LIFE_ON_RECEIPT_DEADLINE, .at_ms = BASE_MS + 1 }, row;
	size_t offset = 0;
	(void)state;
	close.by_operator = true;
	size_t n = evidence_encode(&close, BASE_MS, octets);
	close.by_operator = false;
	n += evidence_encode(&close, BASE_MS, octets + n);
	assert_true(evidence_next(octets, n, &offset, BASE_MS, &row));
	assert_true(row.by_operator && row.event == LIFE_ON_RECEIPT_DEADLINE);
	assert_int_equal(row.at_ms, BASE_MS + 1);
	assert_true(evidence_next(octets, n, &offset, BASE_MS, &row));
	assert_false(row.by_operator);
}

static void test_evidence__costs_what_the_header_says(void **state)
{
	uint8_t octets[EVIDENCE_ROW_OCTETS];
	struct evidence answer = answer_row(), receipt = receipt_row();
	(void)state;
	receipt.id.n = 0; /* an exact match stores no id */
	receipt.receipt_flags = 0;
	assert_true(evidence_encode(&answer, BASE_MS, octets) <= 32);
	assert_true(evidence_encode(&receipt, BASE_MS, octets) <= 14);
}

static void test_evidence__the_largest_row_fits(void **state)
{
	uint8_t octets[EVIDENCE_ROW_OCTETS], id[200];
	struct evidence row = answer_row(), back;
	size_t offset = 0;
	(void)state;
	memset(id, 'f', sizeof(id));
	row.session = row.receipt_session = UINT64_MAX;
	row.sequence_number = row.attempt = row.rtt_ms = row.in_flight = UINT32_MAX;
	row.sent_after_ms = row.queued = row.rate_per_s = row.code = row.receipt_flags = UINT32_MAX;
	row.has_receipt = true;
	row.at_ms = INT64_MAX / 8;
	row.released_ms = 0;
	row.id = row.err = (struct smpp_octets){ id, sizeof(id) };
	size_t n = evidence_encode(&row, 0, octets);
	assert_true(n <= EVIDENCE_ROW_OCTETS);
	assert_true(evidence_next(octets, n, &offset, 0, &back));
	assert_int_equal(back.id.n, 64);
	assert_int_equal(back.err.n, 8);
	assert_int_equal(back.session, UINT64_MAX);
}

static void test_evidence__a_clock_that_stepped_back_is_the_base(void **state)
{
	uint8_t octets[EVIDENCE_ROW_OCTETS];
	struct evidence row = answer_row(), back;
	size_t offset = 0;
	(void)state;
	row.at_ms = BASE_MS - 5000;
	size_t n = evidence_encode(&row, BASE_MS, octets);
	assert_true(evidence_next(octets, n, &offset, BASE_MS, &back));
	assert_int_equal(back.at_ms, BASE_MS);
}

static void test_evidence__every_cut_is_noticed_and_none_is_overread(void **state)
{
	uint8_t octets[EVIDENCE_ROW_OCTETS];
	struct evidence rows[] = { answer_row(), receipt_row() }, back;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t n = evidence_encode(&rows[i], BASE_MS, octets);
		for (size_t cut = 1; cut < n; cut++) {
			uint8_t exact[EVIDENCE_ROW_OCTETS];
			size_t offset = 0;
			memcpy(exact, octets, cut);
			assert_false(evidence_next(exact, cut, &offset, BASE_MS, &back));
			assert_int_equal(offset, 0);
		}
	}
}

static void test_evidence__flipped_octets_never_break_the_walk(void **state)
{
	struct evidence row = receipt_row(), back;
	(void)state;
	for (size_t at = 0; at < EVIDENCE_ROW_OCTETS; at++)
		for (unsigned value = 0; value < 256; value++) {
			uint8_t octets[EVIDENCE_ROW_OCTETS];
			size_t n = evidence_encode(&row, BASE_MS, octets), offset = 0;
			if (at >= n)
				return;
			octets[at] = (uint8_t)value;
			while (evidence_next(octets, n, &offset, BASE_MS, &back))
				assert_true(back.event < LIFE_EVENTS &&
					    back.mark <= LIFE_MARK_STRAY && offset <= n);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_evidence__rows_come_back_in_order),
		cmocka_unit_test(test_evidence__an_operators_row_says_so),
		cmocka_unit_test(test_evidence__costs_what_the_header_says),
		cmocka_unit_test(test_evidence__the_largest_row_fits),
		cmocka_unit_test(test_evidence__a_clock_that_stepped_back_is_the_base),
		cmocka_unit_test(test_evidence__every_cut_is_noticed_and_none_is_overread),
		cmocka_unit_test(test_evidence__flipped_octets_never_break_the_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
