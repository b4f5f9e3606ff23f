/*
 * test_session_requests.c: numbers, window, responses, time-outs and what becomes of requests when
 * the link goes. The numbers in names and comments are the rows of test/checks.tsv.
 */
#include "session_fixture.h"

static struct smpp_session *bound_at(uint32_t first_sequence, uint32_t window)
{
	struct smpp_session_config config = esme_config;

	config.first_sequence = first_sequence;
	config.window = window;
	return bound_esme(&config);
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* 30; 5.1.4 */
static void test_session__check_30_numbers_rise_by_one_and_wrap_to_1(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config); /* the bind was number 1 */
	uint32_t sequence = 0;

	(void)state;
	for (uint32_t expected = 2; expected < 6; expected++) {
		assert_int_equal(submit(s, expected, 0), expected);
		accepts(s, expected, 1);
		event(s, SMPP_EVENT_RESPONSE);
	}
	smpp_session_tick(s, 30001);
	sequence = writes(s, SMPP_enquire_link, 0, 30001);
	assert_int_equal(sequence, 6);
	assert_int_equal(submit(s, 7, 30001), 7);
	smpp_session_free(s);
	s = bound_at(0x7FFFFFFD, 10);
	assert_int_equal(submit(s, 1, 0), 0x7FFFFFFE);
	assert_int_equal(submit(s, 2, 0), 0x7FFFFFFF);
	assert_int_equal(submit(s, 3, 0), 1);
	assert_int_equal(submit(s, 4, 0), 2);
	smpp_session_free(s);
}

/* 31: window 2 has 64 slots; a request that hangs blocks its number's slot. */
static void test_session__check_31_a_number_in_flight_is_skipped(void **state)
{
	struct smpp_session *s = bound_at(0x7FFFFFFE, 2);
	uint32_t hangs = submit(s, 1, 0);
	uint32_t expected = 1;

	(void)state;
	assert_int_equal(hangs, 0x7FFFFFFF);
	for (uint64_t i = 0; i < 1000; i++) {
		if (expected % 64 == 63)
			expected++;
		assert_int_equal(submit(s, 100 + i, 0), expected);
		accepts(s, expected++, 1);
		assert_int_equal(event(s, SMPP_EVENT_RESPONSE).tag, 100 + i);
	}
	accepts(s, hangs, 2);
	assert_int_equal(event(s, SMPP_EVENT_RESPONSE).tag, 1);
	smpp_session_free(s);
}

/* Whoever watches asks whose a number is, also when its answer has come. */
static void test_session__a_number_names_its_request_while_its_slot_is_not_taken(void **state)
{
	struct smpp_session *s = bound_at(1, 2); /* 64 slots; the bind was number 1 */
	uint64_t tag = 0;
	uint32_t first = submit(s, 77, 0);

	(void)state;
	assert_false(smpp_session_tag(s, 1, &tag)); /* its own bind */
	assert_false(smpp_session_tag(s, first + 1, &tag));
	assert_true(smpp_session_tag(s, first, &tag));
	assert_int_equal(tag, 77);
	accepts(s, first, 1);
	event(s, SMPP_EVENT_RESPONSE);
	assert_true(smpp_session_tag(s, first, &tag));
	assert_int_equal(tag, 77);
	for (uint32_t i = 1; i <= 64; i++) {
		uint32_t next = submit(s, 100 + i, 0);

		accepts(s, next, 1);
		event(s, SMPP_EVENT_RESPONSE);
	}
	assert_false(smpp_session_tag(s, first, &tag));
	smpp_session_free(s);
}

/* 32 */
static void test_session__check_32_each_bind_begins_anew(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint32_t sequence = submit(s, 1, 0);

	(void)state;
	smpp_session_free(s);
	s = bound_esme(&esme_config);
	accepts(s, sequence, 1); /* of the life before */
	assert_int_equal(event(s, SMPP_EVENT_ORPHAN_RESPONSE).orphan, SMPP_ORPHAN_UNKNOWN);
	assert_int_equal(submit(s, 2, 1), sequence);
	smpp_session_free(s);
}

/* 33; 2.8 */
static void test_session__check_33_responses_may_come_in_reverse(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint32_t sequences[10];

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		sequences[i] = submit(s, i, 0);
	for (uint64_t i = 10; i-- > 0;) {
		accepts(s, sequences[i], 1);
		assert_int_equal(event(s, SMPP_EVENT_RESPONSE).tag, i);
	}
	assert_int_equal(stats_of(s).in_flight, 0);
	smpp_session_free(s);
}

/* 34, 35 */
static void test_session__check_34_35_a_response_that_fits_nothing_completes_nothing(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint32_t sequence = submit(s, 5, 0);
	struct smpp_event ev;

	(void)state;
	accepts(s, 0x7ABCDEF0, 1);
	assert_int_equal(event(s, SMPP_EVENT_ORPHAN_RESPONSE).orphan, SMPP_ORPHAN_UNKNOWN);
	accepts(s, 0, 1);
	assert_int_equal(event(s, SMPP_EVENT_ORPHAN_RESPONSE).orphan, SMPP_ORPHAN_UNKNOWN);
	says(s, SMPP_deliver_sm_resp, 0, sequence, "\0", 1, 1);
	ev = event(s, SMPP_EVENT_ORPHAN_RESPONSE);
	assert_int_equal(ev.orphan, SMPP_ORPHAN_WRONG_TYPE);
	assert_int_equal(ev.tag, 5);
	no_event(s);
	writes_nothing(s, 1);
	accepts(s, sequence, 2);
	assert_int_equal(event(s, SMPP_EVENT_RESPONSE).tag, 5);
	smpp_session_free(s);
}

/* 36 */
static void test_session__check_36_a_second_response_is_known_for_one(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint32_t sequence = submit(s, 5, 0);
	struct smpp_event ev;

	(void)state;
	accepts(s, sequence, 1);
	event(s, SMPP_EVENT_RESPONSE);
	says(s, SMPP_submit_sm_resp, 0, sequence, "other", 6, 2);
	ev = event(s, SMPP_EVENT_ORPHAN_RESPONSE);
	assert_int_equal(ev.orphan, SMPP_ORPHAN_SECOND);
	assert_int_equal(ev.tag, 5); /* so that a conflict of message_ids can be recorded */
	assert_int_equal(ev.pdu->message_id.n, 5);
	smpp_session_free(s);
}

/* 37 */
static void test_session__check_37_any_number_of_the_peer_is_echoed(void **state)
{
	static const uint32_t numbers[] = { 0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF };
	struct smpp_session *s = bound_esme(&esme_config);

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		says(s, SMPP_enquire_link, 0, numbers[i], NULL, 0, 1);
		event(s, SMPP_EVENT_NOTICE);
		assert_int_equal(writes(s, SMPP_enquire_link_resp, 0, 1), numbers[i]);
		says(s, SMPP_deliver_sm, 0, numbers[i], DELIVER, DELIVER_N, 1);
		assert_int_equal(event(s, SMPP_EVENT_REQUEST).sequence_number, numbers[i]);
		assert_int_equal(answer(s, SMPP_deliver_sm_resp, 0, numbers[i]), SMPP_SESSION_OK);
		assert_int_equal(writes(s, SMPP_deliver_sm_resp, 0, 1), numbers[i]);
	}
	smpp_session_free(s);
}

/* 38 */
static void test_session__check_38_equal_numbers_of_both_ends_do_not_meet(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint32_t sequence = submit(s, 5, 0);

	(void)state;
	says(s, SMPP_deliver_sm, 0, sequence, DELIVER, DELIVER_N, 1);
	event(s, SMPP_EVENT_REQUEST);
	assert_int_equal(stats_of(s).in_flight, 1);
	accepts(s, sequence, 1);
	assert_int_equal(event(s, SMPP_EVENT_RESPONSE).tag, 5);
	assert_int_equal(stats_of(s).unanswered, 1);
	smpp_session_free(s);
}

/* 39; 4.3 */
static void test_session__check_39_a_nack_completes_the_request_it_names(void **state)
{
	static const uint32_t statuses[] = { SMPP_ESME_RINVCMDLEN, SMPP_ESME_RTHROTTLED };
	struct smpp_session *s = bound_esme(&esme_config);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint32_t sequence = submit(s, 5, 0);
		struct smpp_event ev;

		says(s, SMPP_generic_nack, statuses[i], sequence, NULL, 0, 1);
		ev = event(s, SMPP_EVENT_RESPONSE);
		assert_int_equal(ev.command_id, SMPP_generic_nack);
		assert_int_equal(ev.command_status, statuses[i]);
		assert_int_equal(ev.tag, 5);
		no_event(s);
	}
	assert_int_equal(stats_of(s).state, SMPP_SESSION_BOUND);
	smpp_session_free(s);
}

/* 40; 4.3.1 */
static void test_session__check_40_a_nack_of_number_0_says_our_framing_is_lost(void **state)
{
	static const struct {
		uint32_t status;
		bool closes;
	} cases[] = { { SMPP_ESME_RINVCMDLEN, true },
		      { SMPP_ESME_RINVCMDID, true },
		      { SMPP_ESME_RSYSERR, false },
		      { SMPP_ESME_RTHROTTLED, false } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct smpp_session *s = bound_esme(&esme_config);

		submit(s, 5, 0);
		says(s, SMPP_generic_nack, cases[i].status, 0, NULL, 0, 1);
		event(s, SMPP_EVENT_ORPHAN_RESPONSE);
		if (cases[i].closes)
			closes(s, SMPP_CLOSE_PEER_FRAMING);
		no_event(s);
		assert_int_equal(stats_of(s).in_flight, 1);
		smpp_session_free(s);
	}
}

/* ---- window, hold, queue -------------------------------------------------------------------- */

/* 67; 2.8: stop and wait */
static void test_session__check_67_window_1_works(void **state)
{
	struct smpp_session *s = bound_at(1, 1);

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		request(s, i, 0);
	for (uint64_t i = 0; i < 100; i++) {
		uint32_t sequence = writes(s, SMPP_submit_sm, 0, 1);

		writes_nothing(s, 1);
		accepts(s, sequence, 2);
		assert_int_equal(event(s, SMPP_EVENT_RESPONSE).tag, i);
	}
	writes_nothing(s, 3);
	smpp_session_free(s);
}

/* 68 */
static void test_session__check_68_a_full_window_blocks_nothing_else(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);

	(void)state;
	for (uint64_t i = 0; i < 30; i++)
		request(s, i, 0);
	for (uint64_t i = 0; i < 10; i++)
		writes(s, SMPP_submit_sm, 0, 0);
	writes_nothing(s, 0);
	says(s, SMPP_deliver_sm, 0, 7, DELIVER, DELIVER_N, 1);
	event(s, SMPP_EVENT_REQUEST);
	assert_int_equal(answer(s, SMPP_deliver_sm_resp, 0, 7), SMPP_SESSION_OK);
	writes(s, SMPP_deliver_sm_resp, 0, 1);
	smpp_session_tick(s, 30001);
	writes(s, SMPP_enquire_link, 0, 30001);
	writes_nothing(s, 30001);
	assert_int_equal(stats_of(s).in_flight, 10);
	assert_int_equal(stats_of(s).queued, 20);
	assert_int_equal(smpp_session_unbind(s, 30002), SMPP_SESSION_OK);
	writes(s, SMPP_unbind, 0, 30002);
	smpp_session_free(s);
}

/* 70, 71: one PDU per event, so that an owner who sees 0x58 can hold the rest. */
static void test_session__check_70_71_hold_stops_requests_before_another_leaves(void **state)
{
	struct smpp_session *s = bound_at(1, 2);
	uint32_t first = 0;
	uint32_t second = 0;

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		request(s, i, 0);
	first = writes(s, SMPP_submit_sm, 0, 0);
	second = writes(s, SMPP_submit_sm, 0, 0);
	accepts(s, second, 1);
	says(s, SMPP_submit_sm_resp, SMPP_ESME_RTHROTTLED, first, NULL, 0, 1);
	assert_int_equal(event(s, SMPP_EVENT_RESPONSE).tag, 1);
	assert_int_equal(event(s, SMPP_EVENT_RESPONSE).command_status, SMPP_ESME_RTHROTTLED);
	smpp_session_hold(s);
	assert_true(stats_of(s).on_hold);
	smpp_session_withdraw(s);
	assert_int_equal(smpp_session_deadline(s), 0);
	smpp_session_resume(s);
	writes_nothing(s, 1); /* what was withdrawn never leaves, pulled or not */
	smpp_session_hold(s);
	for (uint64_t i = 2; i < 5; i++) {
		struct smpp_event ev = event(s, SMPP_EVENT_UNSENT);

		assert_int_equal(ev.tag, i);
		assert_int_equal(ev.sequence_number, 0);
		assert_int_equal(ev.sent_ms, 0);
	}
	no_event(s);
	request(s, 9, 2);
	writes_nothing(s, 2);
	smpp_session_resume(s);
	/* no number was lost on what did not leave */
	assert_int_equal(writes(s, SMPP_submit_sm, 0, 3), second + 1);
	smpp_session_free(s);
}

/* Table 2-1, all commands, all binds, both roles: what may not be sent is refused and not queued. */
static void test_session__takes_only_requests_that_its_bind_allows(void **state)
{
	static const uint32_t binds[] = { SMPP_bind_transmitter, SMPP_bind_receiver,
					  SMPP_bind_transceiver };
	static const uint32_t esme[3][10] = {
		{ SMPP_submit_sm, SMPP_submit_multi, SMPP_data_sm, SMPP_query_sm, SMPP_cancel_sm,
		  SMPP_replace_sm },
		{ SMPP_data_sm },
		{ SMPP_submit_sm, SMPP_submit_multi, SMPP_data_sm, SMPP_query_sm, SMPP_cancel_sm },
	};
	static const uint32_t smsc[3][10] = {
		{ SMPP_data_sm },
		{ SMPP_data_sm, SMPP_deliver_sm, SMPP_alert_notification },
		{ SMPP_data_sm, SMPP_deliver_sm, SMPP_alert_notification },
	};
	static struct smpp_pdu pdu;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct smpp_session_config config = esme_config;
		const uint32_t *allowed = i < 3 ? esme[i] : smsc[i - 3];
		struct smpp_session *s = NULL;

		config.bind_command_id = binds[i % 3];
		s = i < 3 ? bound_esme(&config) : bound_smsc(&smsc_config, binds[i % 3]);
		for (size_t c = 0; c < SMPP_N_COMMANDS; c++) {
			bool is_allowed = false;
			enum smpp_session_error error = SMPP_SESSION_OK;

			for (size_t a = 0; a < 10; a++)
				is_allowed |= allowed[a] == smpp_commands[c].id;
			/* replace_sm on a transceiver: 2.2 allows what Table 2-1 leaves out */
			if (smpp_commands[c].id == SMPP_replace_sm && i == 2)
				continue;
			smpp_pdu_init(&pdu, smpp_commands[c].id, 0);
			error = smpp_session_request(s, &pdu, 1, 0);
			assert_int_equal(error == SMPP_SESSION_STATE, !is_allowed);
		}
		smpp_pdu_init(&pdu, 0x0B0B, 0);
		assert_int_equal(smpp_session_request(s, &pdu, 1, 0), SMPP_SESSION_STATE);
		smpp_session_free(s);
	}
}

static void test_session__takes_requests_only_while_bound(void **state)
{
	struct smpp_session *s = smpp_session_new(&esme_config);
	struct smpp_pdu pdu;

	(void)state;
	smpp_pdu_init(&pdu, SMPP_submit_sm, 0);
	assert_int_equal(smpp_session_request(s, &pdu, 1, 0), SMPP_SESSION_STATE);
	assert_int_equal(smpp_session_feed(s, (const uint8_t *)"x", 1, 0), SMPP_SESSION_STATE);
	smpp_session_free(s);
	s = open_session(&esme_config);
	assert_int_equal(smpp_session_request(s, &pdu, 1, 0), SMPP_SESSION_STATE);
	smpp_session_free(s);
	s = bound_esme(&esme_config);
	assert_int_equal(smpp_session_unbind(s, 0), SMPP_SESSION_OK);
	assert_int_equal(smpp_session_request(s, &pdu, 1, 0), SMPP_SESSION_STATE);
	smpp_session_down(s, 1);
	assert_int_equal(smpp_session_request(s, &pdu, 1, 0), SMPP_SESSION_STATE);
	assert_int_equal(smpp_session_unbind(s, 0), SMPP_SESSION_STATE);
	smpp_session_free(s);
}

static void test_session__refuses_a_request_that_cannot_be_encoded(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	static struct smpp_pdu pdu;

	(void)state;
	smpp_pdu_init(&pdu, SMPP_submit_sm, 0);
	pdu.source_addr = smpp_octets_of("123456789012345678901"); /* 21 and a NUL */
	assert_int_equal(smpp_session_request(s, &pdu, 1, 0), SMPP_SESSION_BAD_PDU);
	assert_int_equal(stats_of(s).queued, 0);
	writes_nothing(s, 0);
	smpp_session_free(s);
}

/* An alert_notification has no response: it takes no place in the window and gives no event. */
static void test_session__forgets_an_alert_notification_once_it_is_out(void **state)
{
	struct smpp_session *s = bound_smsc(&smsc_config, SMPP_bind_receiver);
	uint32_t slots_free = stats_of(s).slots_free;
	static struct smpp_pdu pdu;

	(void)state;
	smpp_pdu_init(&pdu, SMPP_alert_notification, 0);
	for (uint32_t i = 1; i <= 100; i++) {
		assert_int_equal(smpp_session_request(s, &pdu, i, 0), SMPP_SESSION_OK);
		assert_int_equal(writes(s, SMPP_alert_notification, 0, 0), i);
	}
	assert_int_equal(stats_of(s).in_flight, 0);
	assert_int_equal(stats_of(s).slots_free, slots_free);
	smpp_session_down(s, 1);
	no_event(s);
	smpp_session_free(s);
}

/* What output shows twice is told apart, so that a tap sees each PDU once and whole. */
/* A simulator says what no codec would; the answer still finds its request. */
static void test_session__numbers_octets_that_it_does_not_understand(void **state)
{
	struct smpp_session *s = bound_smsc(&smsc_config, SMPP_bind_transceiver);
	uint8_t octets[20] = { 0, 0, 0, 20, 0, 0, 0xDE, 0xAD };
	uint32_t sequence = 0;

	(void)state;
	assert_int_equal(smpp_session_request_octets(s, octets, 15, 7, 0), SMPP_SESSION_BAD_PDU);
	assert_int_equal(smpp_session_request_octets(s, octets, sizeof octets, 7, 0),
			 SMPP_SESSION_OK);
	sequence = writes(s, 0xDEAD, 0, 0);
	assert_int_equal(sequence, 1);
	says(s, SMPP_generic_nack, 3, sequence, NULL, 0, 1);
	assert_int_equal(event(s, SMPP_EVENT_RESPONSE).tag, 7);
	smpp_session_free(s);
}

static void test_session__says_which_octets_are_fresh(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	struct smpp_output out;
	size_t one = 0;

	(void)state;
	request(s, 1, 0);
	one = smpp_session_output(s, 0, &out);
	assert_int_equal(out.fresh, 0);
	smpp_session_wrote(s, 10);
	request(s, 2, 0);
	assert_int_equal(smpp_session_output(s, 0, &out), 2 * one - 10);
	assert_int_equal(out.fresh, one - 10);
	assert_int_equal(smpp_session_output(s, 0, &out), 2 * one - 10);
	assert_int_equal(out.fresh, out.n);
	smpp_session_wrote(s, out.n);
	assert_int_equal(smpp_session_output(s, 0, &out), 0);
	assert_int_equal(out.fresh, 0);
	smpp_session_free(s);
}

static void test_session__stops_reading_at_ten_thousand_unanswered(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);

	(void)state;
	for (uint32_t i = 0; i < SMPP_SESSION_UNANSWERED_MAX; i++) {
		assert_true(smpp_session_wants_input(s));
		says(s, SMPP_deliver_sm, 0, i, DELIVER, DELIVER_N, 1);
		event(s, SMPP_EVENT_REQUEST);
	}
	assert_false(smpp_session_wants_input(s));
	smpp_session_leave_unanswered(s);
	assert_true(smpp_session_wants_input(s));
	assert_int_equal(stats_of(s).unanswered, SMPP_SESSION_UNANSWERED_MAX - 1);
	smpp_session_free(s);
}

static void test_session__takes_no_more_octets_than_its_bound(void **state)
{
	static uint8_t octets[SMPP_SESSION_INPUT_OCTETS];
	struct smpp_session *s = bound_esme(&esme_config);
	size_t n = 0;

	(void)state;
	while (n + 16 <= sizeof octets)
		n += wire(octets + n, SMPP_enquire_link, 0, 1, NULL, 0);
	feed(s, octets, n, 1);
	assert_int_equal(smpp_session_feed(s, octets, 1, 1), SMPP_SESSION_FULL);
	assert_false(smpp_session_wants_input(s));
	event(s, SMPP_EVENT_NOTICE);
	feed(s, octets, 16, 1);
	smpp_session_free(s);
}

/* ---- time and loss -------------------------------------------------------------------------- */

static void test_session__reports_how_long_each_step_took(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	struct smpp_event ev;
	uint32_t sequence = 0;

	(void)state;
	request(s, 1, 100);
	sequence = writes(s, SMPP_submit_sm, 0, 150);
	smpp_session_kernel_sent(s, stats_of(s).out_octets, 155);
	accepts(s, sequence, 195);
	ev = event(s, SMPP_EVENT_RESPONSE);
	assert_int_equal(ev.queued_ms, 100);
	assert_int_equal(ev.sent_ms, 155);
	assert_int_equal(ev.at_ms, 195);
	assert_int_equal(ev.rtt_ms, 40);
	assert_int_equal(ev.sequence_number, sequence);
	assert_int_equal(ev.pdu->message_id.n, 3);
	smpp_session_free(s);
}

/* 42 */
static void test_session__check_42_a_late_response_is_joined(void **state)
{
	struct smpp_session *s = bound_at(1, 1);
	uint32_t first = submit(s, 1, 0);
	struct smpp_event ev;

	(void)state;
	request(s, 2, 0);
	says(s, SMPP_enquire_link, 0, 1, NULL, 0, 50000);
	event(s, SMPP_EVENT_NOTICE);
	writes(s, SMPP_enquire_link_resp, 0, 50000);
	assert_int_equal(smpp_session_deadline(s), 60000);
	smpp_session_tick(s, 59999);
	no_event(s);
	smpp_session_tick(s, 60000);
	ev = event(s, SMPP_EVENT_TIMEOUT);
	assert_int_equal(ev.tag, 1);
	assert_int_equal(ev.sequence_number, first);
	assert_int_equal(stats_of(s).late, 1);
	writes(s, SMPP_submit_sm, 0, 60000); /* the slot is free again */
	accepts(s, first, 61000);
	ev = event(s, SMPP_EVENT_RESPONSE);
	assert_true(ev.late);
	assert_int_equal(ev.tag, 1);
	assert_int_equal(ev.rtt_ms, 61000);
	assert_int_equal(stats_of(s).late, 0);
	assert_int_equal(stats_of(s).in_flight, 1);
	smpp_session_free(s);
}

/* An answer that has arrived is not late because the clock was looked at late. */
static void test_session__takes_the_answer_before_the_clock(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint32_t sequence = submit(s, 1, 0);

	(void)state;
	accepts(s, sequence, 59000);
	smpp_session_tick(s, 99000);
	assert_false(event(s, SMPP_EVENT_RESPONSE).late);
	no_event(s);
	smpp_session_free(s);
}

/* 69: sixteen windows are remembered; one more and the link has to go. */
static void test_session__check_69_sixteen_windows_of_late_requests_are_the_most(void **state)
{
	struct smpp_session_config config = esme_config;
	struct smpp_session *s = NULL;
	int64_t now = 0;

	(void)state;
	config.window = 3;
	config.enquire_link_idle_ms = 0;
	s = bound_esme(&config);
	for (uint64_t i = 0; i < 48; i++) {
		submit(s, i, now);
		now += 60000;
		smpp_session_tick(s, now);
		assert_int_equal(event(s, SMPP_EVENT_TIMEOUT).tag, i);
		no_event(s);
	}
	submit(s, 48, now);
	smpp_session_tick(s, now + 60000);
	closes(s, SMPP_CLOSE_LATE);
	no_event(s);
	smpp_session_kernel_sent(s, stats_of(s).out_octets, now);
	smpp_session_down(s, now + 60001);
	assert_int_equal(event(s, SMPP_EVENT_LOST).tag, 48); /* those timed out had their event */
	no_event(s);
	smpp_session_free(s);
}

/* 41, 52; 2.8 */
static void test_session__check_41_52_what_is_in_flight_when_the_link_goes_is_in_doubt(void **state)
{
	struct smpp_session *s = bound_at(1, 2);

	(void)state;
	for (uint64_t i = 1; i <= 4; i++)
		request(s, i, 10);
	writes(s, SMPP_submit_sm, 0, 20);
	writes(s, SMPP_submit_sm, 0, 20);
	smpp_session_kernel_sent(s, stats_of(s).out_octets, 25);
	accepts(s, 3, 30); /* came with the end */
	smpp_session_down(s, 30);
	assert_int_equal(event(s, SMPP_EVENT_RESPONSE).tag, 2);
	assert_int_equal(event(s, SMPP_EVENT_LOST).tag, 1);
	assert_int_equal(event(s, SMPP_EVENT_UNSENT).tag, 3);
	assert_int_equal(event(s, SMPP_EVENT_UNSENT).tag, 4);
	no_event(s);
	assert_int_equal(smpp_session_deadline(s), SMPP_SESSION_NEVER);
	writes_nothing(s, 31);
	smpp_session_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session__check_30_numbers_rise_by_one_and_wrap_to_1),
		cmocka_unit_test(test_session__check_31_a_number_in_flight_is_skipped),
		cmocka_unit_test(test_session__check_32_each_bind_begins_anew),
		cmocka_unit_test(
			test_session__a_number_names_its_request_while_its_slot_is_not_taken),
		cmocka_unit_test(test_session__check_33_responses_may_come_in_reverse),
		cmocka_unit_test(
			test_session__check_34_35_a_response_that_fits_nothing_completes_nothing),
		cmocka_unit_test(test_session__check_36_a_second_response_is_known_for_one),
		cmocka_unit_test(test_session__check_37_any_number_of_the_peer_is_echoed),
		cmocka_unit_test(test_session__check_38_equal_numbers_of_both_ends_do_not_meet),
		cmocka_unit_test(test_session__check_39_a_nack_completes_the_request_it_names),
		cmocka_unit_test(
			test_session__check_40_a_nack_of_number_0_says_our_framing_is_lost),
		cmocka_unit_test(test_session__check_67_window_1_works),
		cmocka_unit_test(test_session__check_68_a_full_window_blocks_nothing_else),
		cmocka_unit_test(
			test_session__check_70_71_hold_stops_requests_before_another_leaves),
		cmocka_unit_test(test_session__takes_only_requests_that_its_bind_allows),
		cmocka_unit_test(test_session__takes_requests_only_while_bound),
		cmocka_unit_test(test_session__refuses_a_request_that_cannot_be_encoded),
		cmocka_unit_test(test_session__forgets_an_alert_notification_once_it_is_out),
		cmocka_unit_test(test_session__numbers_octets_that_it_does_not_understand),
		cmocka_unit_test(test_session__says_which_octets_are_fresh),
		cmocka_unit_test(test_session__stops_reading_at_ten_thousand_unanswered),
		cmocka_unit_test(test_session__takes_no_more_octets_than_its_bound),
		cmocka_unit_test(test_session__reports_how_long_each_step_took),
		cmocka_unit_test(test_session__check_42_a_late_response_is_joined),
		cmocka_unit_test(test_session__takes_the_answer_before_the_clock),
		cmocka_unit_test(
			test_session__check_69_sixteen_windows_of_late_requests_are_the_most),
		cmocka_unit_test(
			test_session__check_41_52_what_is_in_flight_when_the_link_goes_is_in_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
