/* Absence: when no link that receives was bound, from the records of sessions. */
#include "core/absence.h"
#include "smpp/pdu.h"
#include "test/store_fixture.h"

/* A message of provider 1 was taken at 50, and given up at 1000. */
static struct absence found(struct store_folder *folder, uint64_t taken_on,
			    const struct store_session *sessions, size_t n)
{
	struct absence absence = {
		.provider = 1, .session = taken_on, .since_ms = 50, .until_ms = 1000
	};
	struct store *store = open_ok(folder);
	struct store_txn *txn = begin(store);
	for (size_t i = 0; i < n; i++) {
		struct store_session session = sessions[i];
		session.provider = 1;
		session.kind = session.kind ? session.kind : (uint8_t)SMPP_bind_transceiver;
		assert_int_equal(store_session_put(txn, &session), STORE_OK);
	}
	absence_find(txn, &absence);
	store_abort(txn);
	store_close(store);
	return absence;
}

/* Numbers rise by when a connection came up, and the carrier may answer a later bind first. */
static void test_absence__sessions_are_taken_as_they_were_bound(void **state)
{
	const struct store_session answered_late[] = {
		{ .session = 3, .closed_ms = 100 },
		{ .session = 4, .opened_ms = 400 },
		{ .session = 5, .opened_ms = 130, .closed_ms = 500 },
	};
	struct absence absence = found(*state, 3, answered_late, 3);
	assert_int_equal(absence.times, 1);
	assert_int_equal(absence.from_ms, 100);
	assert_int_equal(absence.to_ms, 130);
	assert_int_equal(absence.in_all_ms, 30);
}

static void test_absence__a_bind_answered_too_late_hides_no_later_session(void **state)
{
	const struct store_session too_late[] = {
		{ .session = 3, .closed_ms = 100 },
		{ .session = 4, .opened_ms = 1200 },
		{ .session = 5, .opened_ms = 130, .closed_ms = 900 },
	};
	struct absence absence = found(*state, 3, too_late, 3);
	assert_int_equal(absence.times, 2);
	assert_int_equal(absence.to_ms, 130);
	assert_int_equal(absence.in_all_ms, 130);
}

/* Attempts without a bind spend numbers and leave no record. */
static void test_absence__numbers_of_no_session_hide_none_that_is_open(void **state)
{
	const struct store_session long_ago[] = {
		{ .session = 3, .kind = SMPP_bind_receiver },
		{ .session = 5000,
		  .kind = SMPP_bind_transmitter,
		  .opened_ms = 10,
		  .closed_ms = 60 },
	};
	assert_int_equal(found(*state, 5000, long_ago, 2).times, 0);
	assert_int_equal(found(*state, 5000, long_ago + 1, 1).times, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_absence__sessions_are_taken_as_they_were_bound,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_absence__a_bind_answered_too_late_hides_no_later_session, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_absence__numbers_of_no_session_hide_none_that_is_open, set_up,
			tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
