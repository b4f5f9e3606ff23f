/*
 * test_session.c: one end against a peer played by hand. The numbers in names and comments are the
 * rows of test/checks.tsv; section numbers are those of SMPP 3.4. Here: framing and bind. Unbind and
 * enquire_link are in test_session_life.c, requests and responses in test_session_requests.c, two
 * sessions talking in test_session_pair.c.
 */
#include "session_fixture.h"

/* ---- framing and parsing -------------------------------------------------------------------- */

static void framing_is_lost(uint32_t command_length)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint8_t at[64];
	size_t n = wire(at, SMPP_enquire_link, 0, 77, NULL, 0);
	struct smpp_writer length = smpp_writer_of(at, 4);
	struct smpp_event ev;

	smpp_write_u32(&length, command_length);
	n += wire(at + n, SMPP_enquire_link, 0, 78, NULL, 0);
	feed(s, at, n, 5);
	ev = event(s, SMPP_EVENT_PROBLEM);
	assert_null(ev.pdu);
	assert_int_equal(ev.octets_n, n);
	assert_memory_equal(ev.octets, at, n);
	assert_int_equal(ev.problem.status, SMPP_ESME_RINVCMDLEN);
	closes(s, SMPP_CLOSE_FRAMING);
	no_event(s);
	/* 8: the header cannot be trusted, so the nack carries sequence_number 0 */
	assert_int_equal(writes(s, SMPP_generic_nack, SMPP_ESME_RINVCMDLEN, 5), 0);
	writes_nothing(s, 5);
	feed(s, at + 16, 16, 6); /* a sane PDU: nobody knows that it is one */
	no_event(s);
	assert_false(smpp_session_wants_input(s));
	smpp_session_free(s);
}

/* 1; 3.2 */
static void test_session__check_01_command_length_below_16_ends_the_link(void **state)
{
	(void)state;
	for (uint32_t length = 0; length < 16; length++)
		framing_is_lost(length);
}

/* 2 */
static void test_session__check_02_command_length_above_max_pdu_ends_the_link(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint8_t at[16];

	(void)state;
	framing_is_lost(MAX_PDU + 1);
	/* the largest allowed is only a PDU that is not whole yet */
	wire(at, SMPP_enquire_link, 0, 1, NULL, 0);
	at[1] = MAX_PDU >> 16;
	at[2] = (MAX_PDU >> 8) & 0xFF;
	at[3] = MAX_PDU & 0xFF;
	feed(s, at, sizeof at, 1);
	no_event(s);
	assert_true(smpp_session_wants_input(s));
	smpp_session_free(s);
}

/* 3 */
static void test_session__check_03_command_length_with_the_top_bit_ends_the_link(void **state)
{
	(void)state;
	framing_is_lost(0xFFFFFFFF);
	framing_is_lost(0x80000000);
	framing_is_lost(0x80000010);
}

/* 5 */
static void test_session__check_05_half_a_pdu_ends_the_link_after_its_timer(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint8_t at[64];
	size_t n = wire(at, SMPP_enquire_link, 0, 9, NULL, 0);

	(void)state;
	n += wire(at + n, SMPP_deliver_sm, 0, 10, DELIVER, DELIVER_N);
	feed(s, at, 17, 1000);
	event(s, SMPP_EVENT_NOTICE);
	no_event(s);
	assert_int_equal(smpp_session_deadline(s), 11000);
	for (int64_t now = 2000; now < 11000; now += 1000) {
		feed(s, at + 15 + now / 1000, 1, now); /* dripping does not help */
		smpp_session_tick(s, now);
		no_event(s);
	}
	smpp_session_tick(s, 10999);
	no_event(s);
	smpp_session_tick(s, 11000);
	closes(s, SMPP_CLOSE_READ_PDU);
	smpp_session_free(s);
	/* the timer is of the PDU: once it is whole the next one has its own */
	s = bound_esme(&esme_config);
	feed(s, at, 10, 1000);
	feed(s, at + 10, 10, 9000);
	event(s, SMPP_EVENT_NOTICE);
	no_event(s);
	assert_int_equal(smpp_session_deadline(s), 19000);
	smpp_session_free(s);
}

/* 6; 4.3.1, 5.1.3 */
static void test_session__check_06_unknown_command_is_nacked_and_the_link_stays(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	struct smpp_event ev;

	(void)state;
	says(s, 0x00000B0B, 0, 4711, "junk", 4, 1);
	ev = event(s, SMPP_EVENT_PROBLEM);
	assert_int_equal(ev.command_id, 0x00000B0B);
	assert_int_equal(ev.octets_n, 20);
	no_event(s);
	assert_int_equal(writes(s, SMPP_generic_nack, SMPP_ESME_RINVCMDID, 1), 4711);
	assert_int_equal(stats_of(s).state, SMPP_SESSION_BOUND);
	smpp_session_free(s);
}

/* 7 */
static void test_session__check_07_unknown_response_is_never_answered(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);
	uint32_t sequence = submit(s, 1, 0);

	(void)state;
	says(s, 0x80000B0B, 0, 4711, "junk", 4, 1);
	assert_int_equal(event(s, SMPP_EVENT_ORPHAN_RESPONSE).orphan, SMPP_ORPHAN_UNKNOWN);
	says(s, 0x80000B0B, 0, sequence, "junk", 4, 1);
	assert_int_equal(event(s, SMPP_EVENT_ORPHAN_RESPONSE).orphan, SMPP_ORPHAN_WRONG_TYPE);
	no_event(s);
	writes_nothing(s, 1);
	assert_int_equal(stats_of(s).in_flight, 1);
	smpp_session_free(s);
}

/* 9 */
static void test_session__check_09_a_cut_body_is_refused_but_a_receipt_is_kept(void **state)
{
	static const uint32_t kept[] = { SMPP_deliver_sm, SMPP_data_sm };
	struct smpp_session *s = bound_esme(&esme_config);
	struct smpp_event ev;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		says(s, kept[i], 0, 5, "\0\x01\x01\x34\x39", 5, 1);
		ev = event(s, SMPP_EVENT_REQUEST);
		assert_true(ev.unparsed);
		assert_int_equal(ev.octets_n, 21);
		assert_int_equal(ev.pdu->sequence_number, 5);
		assert_non_null(ev.problem.field);
		assert_int_equal(answer(s, kept[i] | SMPP_RESP_BIT, 0, 5), SMPP_SESSION_OK);
		assert_int_equal(writes(s, kept[i] | SMPP_RESP_BIT, 0, 1), 5);
	}
	smpp_session_free(s);
	s = bound_smsc(&smsc_config, SMPP_bind_transceiver);
	says(s, SMPP_submit_sm, 0, 6, "\0\x01\x01\x34\x39", 5, 1);
	ev = event(s, SMPP_EVENT_PROBLEM);
	assert_int_equal(ev.problem.status, SMPP_ESME_RINVCMDLEN);
	no_event(s);
	assert_int_equal(writes(s, SMPP_submit_sm_resp, SMPP_ESME_RINVCMDLEN, 1), 6);
	assert_int_equal(stats_of(s).state, SMPP_SESSION_BOUND);
	assert_int_equal(stats_of(s).unanswered, 0);
	smpp_session_free(s);
}

/* A response whose body cannot be read still says that the peer answered, and how. */
static void test_session__completes_a_request_whose_response_cannot_be_read(void **state)
{
	struct smpp_session *s = bound_smsc(&smsc_config, SMPP_bind_transceiver);
	struct smpp_pdu pdu;
	struct smpp_event ev;
	uint32_t sequence = 0;

	(void)state;
	smpp_pdu_init(&pdu, SMPP_data_sm, 0);
	assert_int_equal(smpp_session_request(s, &pdu, 3, 0), SMPP_SESSION_OK);
	sequence = writes(s, SMPP_data_sm, 0, 0);
	says(s, SMPP_data_sm_resp, SMPP_ESME_RSYSERR, sequence, NULL, 0, 1);
	ev = event(s, SMPP_EVENT_RESPONSE);
	assert_int_equal(ev.tag, 3);
	assert_int_equal(ev.command_status, SMPP_ESME_RSYSERR);
	smpp_session_free(s);
}

/* ---- bind ----------------------------------------------------------------------------------- */

/* 25 */
static void test_session__check_25_bind_resp_binds_whatever_its_body(void **state)
{
	static const struct {
		const char *body;
		size_t n;
	} bodies[] = { { "", 0 },
		       { "smsc", 4 },
		       { "\0", 1 },
		       { "a_system_id_of_far_more_than_16\0", 32 },
		       { "smsc\0\x02\x10\x00\x09\x34", 10 },
		       { "\xFF\xFE", 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct smpp_session *s = open_session(&esme_config);
		uint32_t sequence = writes(s, SMPP_bind_transceiver, 0, 0);

		says(s, SMPP_bind_transceiver_resp, 0, sequence, bodies[i].body, bodies[i].n, 1);
		assert_false(event(s, SMPP_EVENT_BOUND).tlvs_allowed);
		assert_int_equal(stats_of(s).state, SMPP_SESSION_BOUND);
		smpp_session_free(s);
	}
}

/* 26, 27; 3.4, 5.3.2.25 */
static void test_session__check_26_27_tlvs_are_allowed_by_the_peers_version(void **state)
{
	static const struct {
		const char *body;
		size_t n;
		uint8_t version;
		bool tlvs;
	} cases[] = { { "smsc\0", 5, 0, false },
		      { "smsc\0\x02\x10\x00\x01\x33", 10, 0x33, false },
		      { "smsc\0\x02\x10\x00\x01\x34", 10, 0x34, true },
		      { "smsc\0\x02\x10\x00\x01\x50", 10, 0x50, true },
		      { "smsc\0\x02\x10\x00\x01\x99", 10, 0x99, true },
		      { "smsc\0\x02\x10\x00\x01\x21", 10, 0x21, false },
		      { "smsc\0\x02\x10\x00\x01\x00", 10, 0, false } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct smpp_session *s = open_session(&esme_config);
		uint32_t sequence = writes(s, SMPP_bind_transceiver, 0, 0);
		struct smpp_event ev;

		says(s, SMPP_bind_transceiver_resp, 0, sequence, cases[i].body, cases[i].n, 1);
		ev = event(s, SMPP_EVENT_BOUND);
		assert_int_equal(ev.interface_version, cases[i].version);
		assert_int_equal(ev.tlvs_allowed, cases[i].tlvs);
		smpp_session_free(s);
	}
}

/* 26, 27: what the owner hands in with optional parameters leaves without them, or not at all. */
static void test_session__check_26_27_tlvs_are_left_out_or_the_pdu_is_refused(void **state)
{
	static const struct {
		enum smpp_session_tlvs tlvs;
		uint8_t ours;
		const char *theirs;
		size_t n;
		bool sent;
	} cases[] = {
		{ SMPP_SESSION_TLVS_AUTO, 0x34, "smsc\0" V34, 10, true },
		{ SMPP_SESSION_TLVS_AUTO, 0x50, "smsc\0" V34, 10, true },
		{ SMPP_SESSION_TLVS_AUTO, 0x33, "smsc\0" V34, 10, false },
		{ SMPP_SESSION_TLVS_AUTO, 0x34, "smsc\0", 5, false },
		{ SMPP_SESSION_TLVS_UNLESS_OLD, 0x34, "smsc\0" V34, 10, true },
		{ SMPP_SESSION_TLVS_UNLESS_OLD, 0x34, "smsc\0", 5, true },
		{ SMPP_SESSION_TLVS_UNLESS_OLD, 0x34, "smsc\0\x02\x10\x00\x01\x33", 10, false },
		{ SMPP_SESSION_TLVS_UNLESS_OLD, 0x33, "smsc\0", 5, false },
		{ SMPP_SESSION_TLVS_ALWAYS, 0x34, "smsc\0", 5, true },
		{ SMPP_SESSION_TLVS_NEVER, 0x34, "smsc\0" V34, 10, false },
	};
	static const uint16_t needed[] = { SMPP_TLV_message_payload, SMPP_TLV_sar_msg_ref_num,
					   SMPP_TLV_sar_total_segments,
					   SMPP_TLV_sar_segment_seqnum };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct smpp_session_config config = esme_config;
		enum smpp_session_error refused = cases[i].sent ? SMPP_SESSION_OK :
								  SMPP_SESSION_VERSION;
		struct smpp_pdu pdu;
		struct smpp_pdu out;
		struct smpp_problem problem;
		struct smpp_output output;

		config.tlvs = cases[i].tlvs;
		config.interface_version = cases[i].ours;
		struct smpp_session *s = open_session(&config);

		says(s, SMPP_bind_transceiver_resp, 0, writes(s, SMPP_bind_transceiver, 0, 0),
		     cases[i].theirs, cases[i].n, 1);
		assert_int_equal(event(s, SMPP_EVENT_BOUND).tlvs_allowed, cases[i].sent);
		assert_int_equal(stats_of(s).tlvs_allowed, cases[i].sent);

		smpp_pdu_init(&pdu, SMPP_submit_sm, 1);
		pdu.destination_addr = smpp_octets_of("31600000000");
		assert_int_equal(
			smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_user_message_reference, 0x1234),
			SMPP_OK);
		assert_int_equal(smpp_session_request(s, &pdu, 1, 1), SMPP_SESSION_OK);
		smpp_session_output(s, 1, &output);
		assert_int_equal(smpp_pdu_decode(output.at, (uint32_t)output.n, &out, &problem),
				 SMPP_OK);
		assert_int_equal(out.n_tlvs, cases[i].sent);
		smpp_session_wrote(s, output.n);

		for (size_t k = 0; k < sizeof needed / sizeof *needed; k++) {
			pdu.n_tlvs = 0;
			if (needed[k] == SMPP_TLV_message_payload)
				assert_int_equal(
					smpp_pdu_tlv_add(&pdu, needed[k], smpp_octets_of("text")),
					SMPP_OK);
			else
				assert_int_equal(smpp_pdu_tlv_add_int(&pdu, needed[k], 1), SMPP_OK);
			assert_int_equal(smpp_session_request(s, &pdu, 2, 1), refused);
		}
		smpp_pdu_init(&pdu, SMPP_data_sm, 1);
		pdu.destination_addr = smpp_octets_of("31600000000");
		assert_int_equal(smpp_session_request(s, &pdu, 3, 1), refused);

		smpp_pdu_init(&pdu, SMPP_data_sm_resp, 77);
		assert_int_equal(smpp_pdu_tlv_add_int(&pdu, SMPP_TLV_congestion_state, 5), SMPP_OK);
		says(s, SMPP_data_sm, 0, 77, "\0\0\0\0\0\0\0\0\0\0", 10, 2);
		event(s, SMPP_EVENT_REQUEST);
		smpp_session_output(s, 2, &output); /* what was accepted above */
		size_t before = output.n;

		assert_int_equal(smpp_session_respond(s, &pdu), SMPP_SESSION_OK);
		smpp_session_output(s, 2, &output);
		assert_int_equal(output.n - before, 16 + 1 + (cases[i].sent ? 5 : 0));
		smpp_session_free(s);
	}
}

/* 26: an ESME that binds with 3.3 gets no optional parameters from this end either. */
static void test_session__an_smsc_sends_tlvs_by_the_version_of_the_bind(void **state)
{
	static const struct {
		const char *bind;
		bool sent;
	} cases[] = { { "esme\0pw\0\0\x34\0\0", true }, { "esme\0pw\0\0\x33\0\0", false } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct smpp_session *s = open_session(&smsc_config);

		says(s, SMPP_bind_transceiver, 0, 1, cases[i].bind, 13, 0);
		event(s, SMPP_EVENT_BIND_REQUEST);
		assert_int_equal(smpp_session_bind_answer(s, 0, "smsc", 0x34, 0), SMPP_SESSION_OK);
		assert_int_equal(stats_of(s).tlvs_allowed, cases[i].sent);
		smpp_session_free(s);
	}
}

/* 28; 5.2.4 */
static void test_session__check_28_the_bind_says_what_was_configured(void **state)
{
	static const uint32_t binds[] = { SMPP_bind_transceiver, SMPP_bind_transmitter,
					  SMPP_bind_receiver };
	static const char body[] = "esme\0secret08\0VMS\0\x34\x05\x09^49";

	(void)state;
	for (size_t i = 0; i < sizeof binds / sizeof *binds; i++) {
		struct smpp_session_config config = esme_config;
		struct smpp_session *s = NULL;
		struct smpp_output out;
		uint8_t expected[64];
		size_t n = wire(expected, binds[i], 0, 1, body, sizeof body);

		config.bind_command_id = binds[i];
		config.addr_ton = 5;
		config.addr_npi = 9;
		config.address_range = "^49";
		s = open_session(&config);
		assert_int_equal(smpp_session_output(s, 0, &out), n);
		assert_memory_equal(out.at, expected, n);
		smpp_session_free(s);
	}
}

/* 115 */
static void test_session__check_115_the_password_is_wiped_once_written(void **state)
{
	struct smpp_session *s = open_session(&esme_config);
	struct smpp_output out;
	size_t n = smpp_session_output(s, 0, &out);

	(void)state;
	assert_non_null(memmem(out.at, n, "secret08", 8));
	smpp_session_wrote(s, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(out.at[i], 0); /* the memory is still the session's */
	smpp_session_free(s);
}

static void test_session__refuses_to_bind_with_what_does_not_fit(void **state)
{
	struct smpp_session_config config = esme_config;
	struct smpp_session *s = NULL;

	(void)state;
	config.password = "ninechars"; /* 5.2.2: 8 and a NUL */
	s = smpp_session_new(&config);
	assert_int_equal(smpp_session_up(s, 0), SMPP_SESSION_BAD_PDU);
	writes_nothing(s, 0);
	assert_int_equal(smpp_session_deadline(s), SMPP_SESSION_NEVER);
	smpp_session_free(s);
}

/* 43, 44; 2.2.1 */
static void test_session__check_43_44_what_comes_before_bind_resp_waits_for_it(void **state)
{
	struct smpp_session *s = open_session(&esme_config);
	uint32_t sequence = writes(s, SMPP_bind_transceiver, 0, 0);
	struct smpp_event ev;

	(void)state;
	says(s, SMPP_deliver_sm, 0, 7, DELIVER, DELIVER_N, 1);
	no_event(s);
	says(s, SMPP_enquire_link, 0, 8, NULL, 0, 2);
	no_event(s);
	writes_nothing(s, 2);
	says(s, SMPP_bind_transceiver_resp, 0, sequence, "smsc", 5, 3);
	says(s, SMPP_deliver_sm, 0, 9, DELIVER, DELIVER_N, 3);
	event(s, SMPP_EVENT_BOUND);
	ev = event(s, SMPP_EVENT_REQUEST);
	assert_int_equal(ev.sequence_number, 7);
	assert_int_equal(ev.at_ms, 1);
	assert_int_equal(event(s, SMPP_EVENT_NOTICE).sequence_number, 8);
	assert_int_equal(event(s, SMPP_EVENT_REQUEST).sequence_number, 9);
	no_event(s);
	assert_int_equal(writes(s, SMPP_enquire_link_resp, 0, 3), 8);
	writes_nothing(s, 3);
	smpp_session_free(s);
}

/* 44 */
static void test_session__check_44_a_thousand_early_pdus_are_the_most(void **state)
{
	struct smpp_session *s = open_session(&esme_config);

	(void)state;
	for (uint32_t i = 0; i < SMPP_SESSION_EARLY_MAX; i++) {
		says(s, SMPP_deliver_sm, 0, i, DELIVER, DELIVER_N, 1);
		no_event(s);
	}
	says(s, SMPP_deliver_sm, 0, 1, DELIVER, DELIVER_N, 1);
	for (uint32_t i = 0; i < SMPP_SESSION_EARLY_MAX; i++)
		assert_int_equal(event(s, SMPP_EVENT_REQUEST).sequence_number, i);
	closes(s, SMPP_CLOSE_EARLY);
	no_event(s);
	smpp_session_free(s);
}

/* 45, 46; 4.1 */
static void test_session__check_45_46_a_refused_bind_says_its_status_and_closes(void **state)
{
	static const uint32_t statuses[] = { SMPP_ESME_RALYBND,
					     SMPP_ESME_RBINDFAIL,
					     SMPP_ESME_RINVPASWD,
					     SMPP_ESME_RINVSYSID,
					     SMPP_ESME_RINVCMDID,
					     SMPP_ESME_RTHROTTLED,
					     0x453 };
	static const uint32_t ids[] = { SMPP_bind_transceiver_resp, SMPP_generic_nack };

	(void)state;
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses * 2; i++) {
		struct smpp_session *s = open_session(&esme_config);
		uint32_t sequence = writes(s, SMPP_bind_transceiver, 0, 0);

		says(s, ids[i % 2], statuses[i / 2], sequence, NULL, 0, 1);
		assert_int_equal(event(s, SMPP_EVENT_BIND_REFUSED).command_status, statuses[i / 2]);
		closes(s, SMPP_CLOSE_BIND_REFUSED);
		no_event(s);
		smpp_session_free(s);
	}
}

/* A refusal is not lost when the peer closes in the same breath. */
static void test_session__hears_a_refusal_that_came_with_the_end_of_the_link(void **state)
{
	struct smpp_session *s = open_session(&esme_config);
	uint32_t sequence = writes(s, SMPP_bind_transceiver, 0, 0);

	(void)state;
	says(s, SMPP_bind_transceiver_resp, SMPP_ESME_RINVPASWD, sequence, NULL, 0, 1);
	smpp_session_down(s, 1);
	assert_int_equal(event(s, SMPP_EVENT_BIND_REFUSED).command_status, SMPP_ESME_RINVPASWD);
	no_event(s);
	smpp_session_free(s);
}

/* 59; 7.2 */
static void test_session__check_59_each_phase_has_its_own_timer(void **state)
{
	struct smpp_session *s = open_session(&esme_config);

	(void)state;
	assert_int_equal(smpp_session_deadline(s), 10000);
	smpp_session_tick(s, 9999);
	no_event(s);
	smpp_session_tick(s, 10000);
	closes(s, SMPP_CLOSE_BIND_TIMEOUT);
	no_event(s);
	assert_int_equal(smpp_session_deadline(s), SMPP_SESSION_NEVER);
	smpp_session_free(s);

	s = open_session(&smsc_config);
	assert_int_equal(smpp_session_deadline(s), 7000);
	smpp_session_tick(s, 7000);
	closes(s, SMPP_CLOSE_SESSION_INIT);
	smpp_session_free(s);

	s = bound_smsc(&smsc_config, SMPP_bind_receiver);
	assert_int_equal(smpp_session_deadline(s), 90000);
	smpp_session_tick(s, 90000);
	closes(s, SMPP_CLOSE_INACTIVITY);
	smpp_session_free(s);

	s = bound_esme(&esme_config);
	assert_int_equal(smpp_session_unbind(s, 1000), SMPP_SESSION_OK);
	assert_int_equal(smpp_session_deadline(s), 6000);
	smpp_session_tick(s, 6000);
	closes(s, SMPP_CLOSE_UNBIND_TIMEOUT);
	smpp_session_free(s);
}

/* 62; Table 2-1 */
static void test_session__check_62_what_the_peer_may_not_send_is_refused(void **state)
{
	struct smpp_session *s = bound_esme(&esme_config);

	(void)state;
	says(s, SMPP_submit_sm, 0, 3, DELIVER, DELIVER_N, 1);
	event(s, SMPP_EVENT_PROBLEM);
	assert_int_equal(writes(s, SMPP_submit_sm_resp, SMPP_ESME_RINVBNDSTS, 1), 3);
	says(s, SMPP_bind_receiver, 0, 4, "a\0b\0\0\x34\0\0", 9, 1);
	event(s, SMPP_EVENT_PROBLEM);
	assert_int_equal(writes(s, SMPP_bind_receiver_resp, SMPP_ESME_RINVBNDSTS, 1), 4);
	assert_int_equal(stats_of(s).state, SMPP_SESSION_BOUND);
	smpp_session_free(s);

	s = bound_smsc(&smsc_config, SMPP_bind_receiver);
	says(s, SMPP_submit_sm, 0, 3, DELIVER, DELIVER_N, 1);
	event(s, SMPP_EVENT_PROBLEM);
	assert_int_equal(writes(s, SMPP_submit_sm_resp, SMPP_ESME_RINVBNDSTS, 1), 3);
	says(s, SMPP_bind_receiver, 0, 4, "a\0b\0\0\x34\0\0", 9, 1);
	event(s, SMPP_EVENT_PROBLEM);
	assert_int_equal(writes(s, SMPP_bind_receiver_resp, SMPP_ESME_RALYBND, 1), 4);
	smpp_session_free(s);

	s = open_session(&smsc_config);
	says(s, SMPP_submit_sm, 0, 3, DELIVER, DELIVER_N, 1);
	event(s, SMPP_EVENT_PROBLEM);
	assert_int_equal(writes(s, SMPP_submit_sm_resp, SMPP_ESME_RINVBNDSTS, 1), 3);
	smpp_session_free(s);
}

/* A receipt is never refused for the kind of bind it came on. */
static void test_session__takes_receipts_on_a_transmitter(void **state)
{
	struct smpp_session_config config = esme_config;
	struct smpp_session *s = NULL;

	(void)state;
	config.bind_command_id = SMPP_bind_transmitter;
	s = bound_esme(&config);
	says(s, SMPP_deliver_sm, 0, 3, DELIVER, DELIVER_N, 1);
	event(s, SMPP_EVENT_REQUEST);
	smpp_session_free(s);
}

static void test_session__lets_a_refused_peer_bind_again(void **state)
{
	struct smpp_session *s = open_session(&smsc_config);

	(void)state;
	says(s, SMPP_bind_receiver, 0, 1, "a\0b\0\0\x34\0\0", 9, 1);
	says(s, SMPP_bind_transceiver, 0, 2, "a\0c\0\0\x34\0\0", 9, 1);
	event(s, SMPP_EVENT_BIND_REQUEST);
	no_event(s); /* the second waits until the first is answered */
	assert_int_equal(smpp_session_bind_answer(s, SMPP_ESME_RINVPASWD, "smsc", 0x34, 2),
			 SMPP_SESSION_OK);
	assert_int_equal(writes(s, SMPP_bind_receiver_resp, SMPP_ESME_RINVPASWD, 2), 1);
	assert_int_equal(smpp_session_deadline(s), 0);
	event(s, SMPP_EVENT_BIND_REQUEST);
	assert_int_equal(smpp_session_bind_answer(s, 0, "smsc", 0, 2), SMPP_SESSION_OK);
	assert_int_equal(writes(s, SMPP_bind_transceiver_resp, 0, 2), 2);
	assert_int_equal(smpp_session_bind_answer(s, 0, "smsc", 0, 2), SMPP_SESSION_STATE);
	smpp_session_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session__check_01_command_length_below_16_ends_the_link),
		cmocka_unit_test(test_session__check_02_command_length_above_max_pdu_ends_the_link),
		cmocka_unit_test(
			test_session__check_03_command_length_with_the_top_bit_ends_the_link),
		cmocka_unit_test(test_session__check_05_half_a_pdu_ends_the_link_after_its_timer),
		cmocka_unit_test(
			test_session__check_06_unknown_command_is_nacked_and_the_link_stays),
		cmocka_unit_test(test_session__check_07_unknown_response_is_never_answered),
		cmocka_unit_test(
			test_session__check_09_a_cut_body_is_refused_but_a_receipt_is_kept),
		cmocka_unit_test(test_session__completes_a_request_whose_response_cannot_be_read),
		cmocka_unit_test(test_session__check_25_bind_resp_binds_whatever_its_body),
		cmocka_unit_test(test_session__check_26_27_tlvs_are_allowed_by_the_peers_version),
		cmocka_unit_test(test_session__check_26_27_tlvs_are_left_out_or_the_pdu_is_refused),
		cmocka_unit_test(test_session__an_smsc_sends_tlvs_by_the_version_of_the_bind),
		cmocka_unit_test(test_session__check_28_the_bind_says_what_was_configured),
		cmocka_unit_test(test_session__check_115_the_password_is_wiped_once_written),
		cmocka_unit_test(test_session__refuses_to_bind_with_what_does_not_fit),
		cmocka_unit_test(
			test_session__check_43_44_what_comes_before_bind_resp_waits_for_it),
		cmocka_unit_test(test_session__check_44_a_thousand_early_pdus_are_the_most),
		cmocka_unit_test(
			test_session__check_45_46_a_refused_bind_says_its_status_and_closes),
		cmocka_unit_test(test_session__hears_a_refusal_that_came_with_the_end_of_the_link),
		cmocka_unit_test(test_session__check_59_each_phase_has_its_own_timer),
		cmocka_unit_test(test_session__check_62_what_the_peer_may_not_send_is_refused),
		cmocka_unit_test(test_session__takes_receipts_on_a_transmitter),
		cmocka_unit_test(test_session__lets_a_refused_peer_bind_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
