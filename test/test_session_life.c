/*
 * test_session_life.c: enquire_link, unbind, outbind: what a session does without its owner. The
 * numbers in names and comments are the rows of test/checks.tsv.
 */
#include "session_fixture.h"

/* 49; 4.2 */
static void test_session__check_49_the_peer_unbinds(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint32_t first = submit(s, 1, 0);
	uint32_t second = submit(s, 2, 0);

	(void)state;
	smpp_session_hold(s);
	request(s, 3, 0);
	smpp_session_resume(s);
	says(s, SMPP_unbind, 0, 50, NULL, 0, 1000);
	event(s, SMPP_EVENT_UNBOUND);
	assert_int_equal(event(s, SMPP_EVENT_UNSENT).tag, 3);
	no_event(s);
	assert_int_equal(writes(s, SMPP_unbind_resp, 0, 1000), 50);
	says(s, SMPP_enquire_link, 0, 51, NULL, 0, 1000);
	event(s, SMPP_EVENT_NOTICE);
	says(s, SMPP_deliver_sm, 0, 52, DELIVER, DELIVER_N, 1000);
	event(s, SMPP_EVENT_REQUEST);
	assert_int_equal(answer(s, SMPP_deliver_sm_resp, 0, 52), SMPP_SESSION_STATE);
	writes_nothing(s, 1000);
	accepts(s, first, 2000);
	assert_int_equal(event(s, SMPP_EVENT_RESPONSE).tag, 1);
	no_event(s);
	assert_int_equal(smpp_session_deadline(s), 6000);
	accepts(s, second, 3000);
	assert_int_equal(event(s, SMPP_EVENT_RESPONSE).tag, 2);
	closes(s, SMPP_CLOSE_PEER_UNBOUND);
	smpp_session_free(s);
	/* and if the responses do not come */
	s = bound_esme(&esme_config);
	submit(s, 1, 0);
	says(s, SMPP_unbind, 0, 50, NULL, 0, 1000);
	event(s, SMPP_EVENT_UNBOUND);
	smpp_session_tick(s, 6000);
	closes(s, SMPP_CLOSE_PEER_UNBOUND);
	smpp_session_down(s, 6001);
	event(s, SMPP_EVENT_UNSENT); /* the kernel never said that it took it */
	smpp_session_free(s);
}

/* 49: what the owner still has to answer goes out before unbind_resp, behind which nothing may. */
static void test_session__check_49_unbind_resp_is_the_last_pdu(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);

	(void)state;
	says(s, SMPP_deliver_sm, 0, 7, DELIVER, DELIVER_N, 1);
	says(s, SMPP_unbind, 0, 8, NULL, 0, 1);
	event(s, SMPP_EVENT_REQUEST);
	event(s, SMPP_EVENT_UNBOUND);
	no_event(s);
	writes_nothing(s, 1);
	says(s, SMPP_enquire_link, 0, 9, NULL, 0, 1);
	event(s, SMPP_EVENT_NOTICE);
	assert_int_equal(writes(s, SMPP_enquire_link_resp, 0, 1), 9);
	assert_int_equal(answer(s, SMPP_deliver_sm_resp, 0, 7), SMPP_SESSION_OK);
	assert_int_equal(writes(s, SMPP_deliver_sm_resp, 0, 2), 7);
	assert_int_equal(writes(s, SMPP_unbind_resp, 0, 2), 8);
	assert_int_equal(smpp_session_deadline(s), 0);
	closes(s, SMPP_CLOSE_PEER_UNBOUND);
	says(s, SMPP_deliver_sm, 0, 10, DELIVER, DELIVER_N, 3);
	says(s, SMPP_enquire_link, 0, 11, NULL, 0, 3);
	says(s, SMPP_unbind, 0, 12, NULL, 0, 3);
	event(s, SMPP_EVENT_REQUEST);
	event(s, SMPP_EVENT_NOTICE);
	event(s, SMPP_EVENT_NOTICE);
	no_event(s);
	assert_int_equal(answer(s, SMPP_deliver_sm_resp, 0, 10), SMPP_SESSION_STATE);
	writes_nothing(s, 3);
	smpp_session_free(s);
}

/* 50; 4.2 */
static void test_session__check_50_we_unbind_and_go_on_answering(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint32_t sequence = 0;

	(void)state;
	submit(s, 1, 0);
	assert_int_equal(smpp_session_unbind(s, 0), SMPP_SESSION_OK);
	assert_int_equal(smpp_session_unbind(s, 0), SMPP_SESSION_STATE);
	sequence = writes(s, SMPP_unbind, 0, 0);
	assert_int_equal(sequence, 3);
	says(s, SMPP_deliver_sm, 0, 7, DELIVER, DELIVER_N, 1);
	event(s, SMPP_EVENT_REQUEST);
	assert_int_equal(answer(s, SMPP_deliver_sm_resp, 0, 7), SMPP_SESSION_OK);
	assert_int_equal(writes(s, SMPP_deliver_sm_resp, 0, 1), 7);
	accepts(s, 2, 1);
	event(s, SMPP_EVENT_RESPONSE);
	says(s, SMPP_unbind_resp, 0, sequence, NULL, 0, 2);
	event(s, SMPP_EVENT_UNBOUND);
	closes(s, SMPP_CLOSE_UNBOUND);
	no_event(s);
	smpp_session_free(s);
}

/* 51 */
static void test_session__check_51_unbinds_cross(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint32_t sequence = 0;

	(void)state;
	assert_int_equal(smpp_session_unbind(s, 0), SMPP_SESSION_OK);
	sequence = writes(s, SMPP_unbind, 0, 0);
	says(s, SMPP_unbind, 0, 90, NULL, 0, 1);
	event(s, SMPP_EVENT_NOTICE);
	no_event(s);
	assert_int_equal(writes(s, SMPP_unbind_resp, 0, 1), 90);
	says(s, SMPP_unbind_resp, 0, sequence, NULL, 0, 2);
	event(s, SMPP_EVENT_UNBOUND);
	closes(s, SMPP_CLOSE_UNBOUND);
	no_event(s);
	writes_nothing(s, 2);
	smpp_session_free(s);
}

/* 54; 4.11 */
static void test_session__check_54_enquire_link_is_always_answered(void **state)
{
	struct smpp_session_config config = esme_config;
	struct smpp_session *s = NULL;

	(void)state;
	config.window = 1;
	s = bound_esme(&config);
	submit(s, 1, 0);      /* the window is full */
	smpp_session_hold(s); /* and throttled */
	says(s, SMPP_enquire_link, 0, 5, NULL, 0, 1);
	event(s, SMPP_EVENT_NOTICE);
	assert_int_equal(writes(s, SMPP_enquire_link_resp, 0, 1), 5);
	assert_int_equal(smpp_session_unbind(s, 1), SMPP_SESSION_OK); /* and draining */
	writes(s, SMPP_unbind, 0, 1);
	says(s, SMPP_enquire_link, 0, 6, NULL, 0, 2);
	event(s, SMPP_EVENT_NOTICE);
	assert_int_equal(writes(s, SMPP_enquire_link_resp, 0, 2), 6);
	smpp_session_free(s);
}

/* 55, 58; 7.2 */
static void test_session__check_55_58_silence_draws_enquire_link_and_then_the_end(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);

	(void)state;
	says(s, SMPP_enquire_link, 0, 5, NULL, 0, 1000); /* any PDU is life */
	event(s, SMPP_EVENT_NOTICE);
	writes(s, SMPP_enquire_link_resp, 0, 1000);
	assert_int_equal(smpp_session_deadline(s), 31000);
	smpp_session_tick(s, 30999);
	writes_nothing(s, 30999);
	smpp_session_tick(s, 31000);
	writes(s, SMPP_enquire_link, 0, 31000);
	assert_int_equal(stats_of(s).in_flight, 0);
	assert_int_equal(smpp_session_deadline(s), 41000);
	smpp_session_tick(s, 40999);
	no_event(s);
	smpp_session_tick(s, 41000);
	closes(s, SMPP_CLOSE_ENQUIRE_LINK);
	smpp_session_free(s);
}

/* 55: other traffic is life too, and an enquire_link that is never answered costs nothing. */
static void test_session__check_55_traffic_counts_as_life(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint32_t free_before = stats_of(s).slots_free;
	int64_t now = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		now += 30000;
		smpp_session_tick(s, now);
		writes(s, SMPP_enquire_link, 0, now);
		now += 9999;
		smpp_session_tick(s, now);
		says(s, SMPP_alert_notification, 0, 5, "\0\0\0\0\0\0", 6, now);
		event(s, SMPP_EVENT_NOTICE);
		no_event(s);
	}
	assert_int_equal(stats_of(s).slots_free, free_before - 1);
	smpp_session_free(s);
}

/* 56, 57 */
static void test_session__check_56_57_any_answer_to_enquire_link_is_life(void **state)
{
	static const struct {
		uint32_t command_id;
		uint32_t status;
		size_t body_n;
	} answers[] = { { SMPP_enquire_link_resp, 0, 0 },
			{ SMPP_enquire_link_resp, SMPP_ESME_RSYSERR, 0 },
			{ SMPP_enquire_link_resp, 0, 5 },
			{ SMPP_generic_nack, SMPP_ESME_RINVCMDID, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct smpp_session *s = bound_esme(&esme_config);
		uint32_t free_before = stats_of(s).slots_free;
		uint32_t sequence = 0;

		smpp_session_tick(s, 30000);
		sequence = writes(s, SMPP_enquire_link, 0, 30000);
		says(s, answers[i].command_id, answers[i].status, sequence, "junk!",
		     answers[i].body_n, 31000);
		event(s, SMPP_EVENT_NOTICE);
		no_event(s);
		assert_int_equal(stats_of(s).state, SMPP_SESSION_BOUND);
		assert_int_equal(stats_of(s).slots_free, free_before);
		assert_int_equal(smpp_session_deadline(s), 61000);
		smpp_session_free(s);
	}
}

/* 60, 61; 4.1.7, 4.12 */
static void test_session__check_60_61_outbind_and_alert_are_noted_without_answer(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);

	(void)state;
	says(s, SMPP_outbind, 0, 5, "smsc\0pw", 8, 1);
	event(s, SMPP_EVENT_NOTICE);
	says(s, SMPP_alert_notification, 0, 6, "\0\0\0\0\0\0", 6, 1);
	event(s, SMPP_EVENT_NOTICE);
	no_event(s);
	writes_nothing(s, 1);
	assert_int_equal(stats_of(s).unanswered, 0);
	smpp_session_free(s);
}

/* ---- outbind ---- */

static struct smpp_session *called(void)
{
	struct smpp_session_config config = esme_config;

	config.bind_command_id = SMPP_bind_receiver;
	config.outbind = true;
	config.session_init_ms = 7000;
	struct smpp_session *s = open_session(&config);

	assert_int_equal(stats_of(s).state, SMPP_SESSION_CALLED);
	writes_nothing(s, 0);
	return s;
}

/* 2.2.1: bind_receiver goes back on the connection that the outbind came on. */
static void test_session__an_outbind_is_answered_by_a_bind(void **state)
{
	struct smpp_session *s = called();
	struct smpp_event ev;

	(void)state;
	assert_int_equal(smpp_session_deadline(s), 7000);
	says(s, SMPP_outbind, 0, 9, "smsc\0pw", 8, 1);
	ev = event(s, SMPP_EVENT_OUTBIND);
	assert_true(smpp_octets_equal(ev.pdu->system_id, smpp_octets_of("smsc")));
	assert_true(smpp_octets_equal(ev.pdu->password, smpp_octets_of("pw")));
	writes_nothing(s, 1);
	assert_int_equal(smpp_session_bind(s, 1), SMPP_SESSION_OK);
	assert_int_equal(smpp_session_bind(s, 1), SMPP_SESSION_STATE);
	says(s, SMPP_bind_receiver_resp, 0, writes(s, SMPP_bind_receiver, 0, 1), "smsc\0", 5, 2);
	event(s, SMPP_EVENT_BOUND);
	says(s, SMPP_outbind, 0, 10, "smsc\0pw", 8, 3); /* again: noted and nothing more */
	event(s, SMPP_EVENT_NOTICE);
	writes_nothing(s, 3);
	smpp_session_free(s);
}

/* Nothing of a stranger is heard, a receipt least of all, and nothing is said to it. */
static void test_session__a_caller_without_outbind_is_not_heard(void **state)
{
	static const struct {
		uint32_t command_id;
		const char *body;
		size_t n;
	} pdus[] = {
		{ SMPP_deliver_sm, "\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\0\0", 17 },
		{ SMPP_enquire_link, "", 0 },
		{ SMPP_bind_receiver, "esme\0pw\0\0\x34\0\0", 13 },
		{ SMPP_bind_receiver_resp, "smsc\0", 5 },
		{ SMPP_generic_nack, "", 0 },
		{ SMPP_alert_notification, "\1\0\x31\0\1\0\x32", 8 },
		{ SMPP_outbind, "smsc", 4 }, /* cut short */
		{ 0x00000999, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof pdus / sizeof *pdus; i++) {
		struct smpp_session *s = called();

		says(s, pdus[i].command_id, 0, 1, pdus[i].body, pdus[i].n, 1);
		says(s, SMPP_outbind, 0, 2, "smsc\0pw", 8, 1);
		assert_null(event(s, SMPP_EVENT_PROBLEM).pdu);
		assert_int_equal(event(s, SMPP_EVENT_CLOSE).close, SMPP_CLOSE_NO_OUTBIND);
		writes_nothing(s, 1);
		smpp_session_free(s);
	}
	struct smpp_session *s = called();

	smpp_session_tick(s, 7000);
	assert_int_equal(event(s, SMPP_EVENT_CLOSE).close, SMPP_CLOSE_NO_OUTBIND);
	smpp_session_free(s);
}

/* The other role: it calls, and is bound to. */
static void test_session__an_smsc_may_ask_for_the_bind(void **state)
{
	struct smpp_session_config config = smsc_config;
	static const uint8_t outbind[] = "\0\0\0\x18\0\0\0\x0B\0\0\0\0\0\0\0\x01smsc\0pw";
	struct smpp_output out;

	(void)state;
	config.outbind = true;
	config.system_id = "smsc";
	config.password = "pw";
	struct smpp_session *s = open_session(&config);

	assert_int_equal(smpp_session_output(s, 0, &out), sizeof outbind);
	assert_memory_equal(out.at, outbind, sizeof outbind);
	smpp_session_wrote(s, out.n);
	says(s, SMPP_bind_receiver, 0, 1, "esme\0pw\0\0\x34\0\0", 13, 1);
	event(s, SMPP_EVENT_BIND_REQUEST);
	assert_int_equal(smpp_session_bind_answer(s, 0, "smsc", 0x34, 1), SMPP_SESSION_OK);
	assert_int_equal(stats_of(s).state, SMPP_SESSION_BOUND);
	smpp_session_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session__check_49_the_peer_unbinds),
		cmocka_unit_test(test_session__check_49_unbind_resp_is_the_last_pdu),
		cmocka_unit_test(test_session__check_50_we_unbind_and_go_on_answering),
		cmocka_unit_test(test_session__check_51_unbinds_cross),
		cmocka_unit_test(test_session__check_54_enquire_link_is_always_answered),
		cmocka_unit_test(
			test_session__check_55_58_silence_draws_enquire_link_and_then_the_end),
		cmocka_unit_test(test_session__check_55_traffic_counts_as_life),
		cmocka_unit_test(test_session__check_56_57_any_answer_to_enquire_link_is_life),
		cmocka_unit_test(
			test_session__check_60_61_outbind_and_alert_are_noted_without_answer),
		cmocka_unit_test(test_session__an_outbind_is_answered_by_a_bind),
		cmocka_unit_test(test_session__a_caller_without_outbind_is_not_heard),
		cmocka_unit_test(test_session__an_smsc_may_ask_for_the_bind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
