/* The lifecycle table held to the rules it must show, each said here a second way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/lifecycle.h"

static struct store_seg seg_in(enum store_state state, enum store_error error, bool open)
{
	return (struct store_seg){ .state = (uint8_t)state,
				   .error = (uint8_t)error,
				   .open_attempts = open };
}

/* Where an event leads from a state that carries no error. */
static struct store_seg after(enum store_state state, enum life_event event, bool open,
			      enum store_error given)
{
	struct store_seg seg = seg_in(state, STORE_ERROR_NONE, open);
	life_apply(&seg, event, given);
	return seg;
}

static void test_lifecycle__rank_never_falls_for_a_segment(void **state)
{
	(void)state;
	for (int from = 0; from < STORE_STATES; from++)
		for (int event = 0; event < LIFE_EVENTS; event++)
			for (int open = 0; open < 2; open++) {
				struct store_seg seg = after((enum store_state)from,
							     (enum life_event)event, open,
							     STORE_ERROR_UNDELIVERABLE);
				assert_true(store_state_rank((enum store_state)seg.state) >=
					    store_state_rank((enum store_state)from));
			}
}

static void test_lifecycle__delivered_comes_from_a_receipt_and_nothing_else(void **state)
{
	(void)state;
	for (int from = 0; from < STORE_STATES; from++)
		for (int event = 0; event < LIFE_EVENTS; event++)
			for (int open = 0; open < 2; open++) {
				struct store_seg seg = after((enum store_state)from,
							     (enum life_event)event, open, 0);
				if (seg.state == STORE_STATE_DELIVERED &&
				    from != STORE_STATE_DELIVERED)
					assert_true(event == LIFE_ON_RECEIPT_DELIVERED ||
						    event == LIFE_ON_RECEIPT_BEATS);
			}
}

/*
 * A22: nothing that could be known when a message was accepted ends it as FAILED, for only others
 * do: the provider by an answer, a receipt, or by refusing our login to the end, and who cancels.
 */
static void test_lifecycle__failed_comes_from_others_and_never_from_us(void **state)
{
	static const bool others[LIFE_EVENTS] = {
		[LIFE_ON_REFUSED] = true,	 [LIFE_ON_EARLIER_REFUSED] = true,
		[LIFE_ON_RECEIPT_FAILED] = true, [LIFE_ON_QUEUE_REFUSED] = true,
		[LIFE_ON_CANCELLED] = true,	 [LIFE_ON_SIBLING_FAILED] = true,
	};
	(void)state;
	for (int from = 0; from < STORE_STATES; from++)
		for (int event = 0; event < LIFE_EVENTS; event++)
			for (int open = 0; open < 2; open++) {
				struct store_seg seg = after((enum store_state)from,
							     (enum life_event)event, open, 0);
				if (seg.state == STORE_STATE_FAILED && from != STORE_STATE_FAILED)
					assert_true(others[event]);
			}
}

static void test_lifecycle__no_failure_while_another_attempt_is_open(void **state)
{
	(void)state;
	for (int from = 0; from < STORE_STATES; from++)
		for (int event = 0; event < LIFE_EVENTS; event++) {
			struct store_seg seg = after((enum store_state)from, (enum life_event)event,
						     true, STORE_ERROR_UNDELIVERABLE);
			bool failed = seg.state == STORE_STATE_FAILED ||
				      seg.state == STORE_STATE_EXPIRED;
			if (failed)
				assert_int_equal(seg.state, from); /* it stood there before */
		}
}

static void test_lifecycle__what_is_known_does_not_move(void **state)
{
	static const enum store_state known[] = { STORE_STATE_DELIVERED, STORE_STATE_FAILED,
						  STORE_STATE_EXPIRED };
	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (int event = 0; event < LIFE_EVENTS; event++) {
			struct store_seg seg = after(known[i], (enum life_event)event, false,
						     STORE_ERROR_UNDELIVERABLE);
			if (event != LIFE_ON_RECEIPT_BEATS)
				assert_int_equal(seg.state, known[i]);
		}
}

static void test_lifecycle__only_queued_segments_expire_are_cancelled_or_follow(void **state)
{
	static const enum life_event events[] = { LIFE_ON_QUEUE_DEADLINE, LIFE_ON_QUEUE_REFUSED,
						  LIFE_ON_CANCELLED, LIFE_ON_SIBLING_FAILED,
						  LIFE_ON_SIBLING_EXPIRED };
	(void)state;
	for (int from = 0; from < STORE_STATES; from++)
		for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
			struct store_seg seg = after((enum store_state)from, events[i], false,
						     STORE_ERROR_SUBMIT_ERROR);
			if (from == STORE_STATE_QUEUED)
				assert_int_not_equal(seg.state, STORE_STATE_QUEUED);
			else
				assert_int_equal(seg.state, from);
		}
}

static void test_lifecycle__the_path_of_an_ordinary_message(void **state)
{
	struct store_seg seg = seg_in(STORE_STATE_QUEUED, STORE_ERROR_NONE, false);
	(void)state;
	assert_int_equal(life_apply(&seg, LIFE_ON_RELEASED, 0), LIFE_MARK_NORMAL);
	assert_int_equal(seg.state, STORE_STATE_SUBMITTED);
	life_apply(&seg, LIFE_ON_ACCEPTED, 0);
	assert_int_equal(seg.state, STORE_STATE_SENT);
	life_apply(&seg, LIFE_ON_RECEIPT_PENDING, 0);
	assert_int_equal(seg.state, STORE_STATE_SENT);
	life_apply(&seg, LIFE_ON_RECEIPT_DELIVERED, 0);
	assert_int_equal(seg.state, STORE_STATE_DELIVERED);
	assert_int_equal(life_apply(&seg, LIFE_ON_RECEIPT_DELIVERED, 0), LIFE_MARK_DUPLICATE);
	assert_int_equal(life_apply(&seg, LIFE_ON_RECEIPT_PENDING, 0), LIFE_MARK_NOTE);
	assert_int_equal(life_apply(&seg, LIFE_ON_RECEIPT_FAILED, STORE_ERROR_UNDELIVERABLE),
			 LIFE_MARK_CONTRADICTS);
	assert_int_equal(seg.state, STORE_STATE_DELIVERED);
	assert_int_equal(seg.error, STORE_ERROR_NONE);
}

static void test_lifecycle__silence_is_unknown_and_says_why(void **state)
{
	struct store_seg sent = after(STORE_STATE_SENT, LIFE_ON_RECEIPT_DEADLINE, false, 0);
	struct store_seg doubt = after(STORE_STATE_IN_DOUBT, LIFE_ON_RECEIPT_DEADLINE, true, 0);
	struct store_seg said = seg_in(STORE_STATE_SENT, STORE_ERROR_NONE, false);
	(void)state;
	assert_int_equal(sent.state, STORE_STATE_UNKNOWN);
	assert_int_equal(sent.error, STORE_ERROR_NO_RECEIPT);
	assert_int_equal(doubt.state, STORE_STATE_UNKNOWN);
	assert_int_equal(doubt.error, STORE_ERROR_SUBMIT_UNCONFIRMED);
	life_apply(&said, LIFE_ON_RECEIPT_UNKNOWN, 0);
	assert_string_equal(life_shown((enum store_state)said.state, (enum store_error)said.error),
			    "UNKNOWN");
	assert_false(life_is_final((enum store_state)said.state));
	life_apply(&said, LIFE_ON_RECEIPT_DEADLINE, 0);
	assert_int_equal(said.error, STORE_ERROR_RECEIPT_UNKNOWN);
}

static void test_lifecycle__a_late_answer_moves_what_was_given_up(void **state)
{
	struct store_seg taken = seg_in(STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED, false);
	struct store_seg refused = taken, busy = taken;
	(void)state;
	assert_int_equal(life_apply(&taken, LIFE_ON_ACCEPTED, 0), LIFE_MARK_LATE);
	assert_int_equal(taken.state, STORE_STATE_UNKNOWN);
	assert_int_equal(taken.error, STORE_ERROR_NO_RECEIPT);
	life_apply(&refused, LIFE_ON_REFUSED, 0);
	assert_int_equal(refused.state, STORE_STATE_FAILED);
	assert_int_equal(refused.error, STORE_ERROR_SUBMIT_ERROR);
	life_apply(&busy, LIFE_ON_REFUSED_FOR_NOW, 0);
	assert_int_equal(busy.state, STORE_STATE_EXPIRED);
	assert_int_equal(busy.error, STORE_ERROR_QUEUE_EXPIRED);
}

static void test_lifecycle__a_message_is_the_fold_of_its_segments(void **state)
{
	/* From the one that decides first to the one that decides last. */
	static const enum store_state order[] = { STORE_STATE_FAILED,	STORE_STATE_EXPIRED,
						  STORE_STATE_IN_DOUBT, STORE_STATE_QUEUED,
						  STORE_STATE_SENT,	STORE_STATE_UNKNOWN,
						  STORE_STATE_DELIVERED };
	(void)state;
	for (size_t i = 0; i < 7; i++)
		for (size_t k = i; k < 7; k++) {
			struct life_fold fold = { 0 };
			struct store_message message = { 0 };
			struct store_seg a = seg_in(order[i], STORE_ERROR_UNDELIVERABLE, false);
			struct store_seg b = seg_in(order[k], STORE_ERROR_NONE, false);
			life_fold_add(&fold, &b);
			life_fold_add(&fold, &a);
			life_fold_set(&fold, &message);
			assert_int_equal(message.state, order[i]);
			assert_int_equal(message.error, STORE_ERROR_UNDELIVERABLE);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lifecycle__rank_never_falls_for_a_segment),
		cmocka_unit_test(test_lifecycle__delivered_comes_from_a_receipt_and_nothing_else),
		cmocka_unit_test(test_lifecycle__failed_comes_from_others_and_never_from_us),
		cmocka_unit_test(test_lifecycle__no_failure_while_another_attempt_is_open),
		cmocka_unit_test(test_lifecycle__what_is_known_does_not_move),
		cmocka_unit_test(
			test_lifecycle__only_queued_segments_expire_are_cancelled_or_follow),
		cmocka_unit_test(test_lifecycle__the_path_of_an_ordinary_message),
		cmocka_unit_test(test_lifecycle__silence_is_unknown_and_says_why),
		cmocka_unit_test(test_lifecycle__a_late_answer_moves_what_was_given_up),
		cmocka_unit_test(test_lifecycle__a_message_is_the_fold_of_its_segments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
