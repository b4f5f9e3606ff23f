/*
 * session_fixture.h: a session's other end, played by hand: raw PDUs in, raw PDUs out, events named
 * by the test that expects them. Time is whatever the test says. Used by test_session.c and
 * test_session_pair.c.
 */
#ifndef TEST_SESSION_FIXTURE_H
#define TEST_SESSION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smpp/session.h"
#include "smpp/status.h"

#define MAX_PDU 70000u
#define V34	"\x02\x10\x00\x01\x34" /* sc_interface_version 0x34 as a TLV */

static const struct smpp_session_config esme_config = {
	.role = SMPP_ESME,
	.bind_command_id = SMPP_bind_transceiver,
	.system_id = "esme",
	.password = "secret08",
	.system_type = "VMS",
	.interface_version = 0x34,
	.window = 10,
	.max_pdu = MAX_PDU,
	.bind_ms = 10000,
	.enquire_link_idle_ms = 30000,
	.enquire_link_answer_ms = 10000,
	.response_ms = 60000,
	.read_pdu_ms = 10000,
	.unbind_ms = 5000,
};

static const struct smpp_session_config smsc_config = {
	.role = SMPP_SMSC,
	.window = 10,
	.max_pdu = MAX_PDU,
	.response_ms = 60000,
	.read_pdu_ms = 10000,
	.unbind_ms = 5000,
	.session_init_ms = 7000,
	.inactivity_ms = 90000,
};

/* A PDU as octets; returns its length. */
static inline size_t wire(uint8_t *at, uint32_t command_id, uint32_t status, uint32_t sequence,
			  const void *body, size_t body_n)
{
	struct smpp_writer writer = smpp_writer_of(at, MAX_PDU);

	smpp_write_u32(&writer, (uint32_t)(SMPP_HEADER_OCTETS + body_n));
	smpp_write_u32(&writer, command_id);
	smpp_write_u32(&writer, status);
	smpp_write_u32(&writer, sequence);
	smpp_write_octets(&writer, body, (uint32_t)body_n);
	assert_false(writer.bad);
	return writer.n;
}

static inline void feed(struct smpp_session *s, const void *octets, size_t n, int64_t now_ms)
{
	assert_int_equal(smpp_session_feed(s, octets, n, now_ms), SMPP_SESSION_OK);
}

/* The peer sends this PDU. */
static inline void says(struct smpp_session *s, uint32_t command_id, uint32_t status,
			uint32_t sequence, const void *body, size_t body_n, int64_t now_ms)
{
	static uint8_t at[MAX_PDU];

	feed(s, at, wire(at, command_id, status, sequence, body, body_n), now_ms);
}

static inline struct smpp_event event(struct smpp_session *s, enum smpp_event_kind kind)
{
	struct smpp_event ev;

	assert_true(smpp_session_next(s, &ev));
	assert_int_equal(ev.kind, kind);
	return ev;
}

static inline void no_event(struct smpp_session *s)
{
	struct smpp_event ev;

	assert_false(smpp_session_next(s, &ev));
}

static inline void closes(struct smpp_session *s, enum smpp_session_close why)
{
	assert_int_equal(event(s, SMPP_EVENT_CLOSE).close, why);
}

/* The next PDU that the session writes is this one. Its sequence_number is returned. */
static inline uint32_t writes(struct smpp_session *s, uint32_t command_id, uint32_t status,
			      int64_t now_ms)
{
	struct smpp_output out;
	struct smpp_reader reader;
	uint32_t length = 0;
	uint32_t sequence = 0;

	assert_true(smpp_session_output(s, now_ms, &out) >= SMPP_HEADER_OCTETS);
	assert_int_equal(smpp_frame(out.at, out.n, MAX_PDU, &length), SMPP_FRAME_OK);
	reader = smpp_reader_of(out.at, length);
	smpp_read_u32(&reader);
	assert_int_equal(smpp_read_u32(&reader), command_id);
	assert_int_equal(smpp_read_u32(&reader), status);
	sequence = smpp_read_u32(&reader);
	smpp_session_wrote(s, length);
	return sequence;
}

static inline void writes_nothing(struct smpp_session *s, int64_t now_ms)
{
	struct smpp_output out;

	assert_int_equal(smpp_session_output(s, now_ms, &out), 0);
}

static inline struct smpp_session_stats stats_of(const struct smpp_session *s)
{
	struct smpp_session_stats stats;

	smpp_session_stats(s, &stats);
	return stats;
}

static inline struct smpp_session *open_session(const struct smpp_session_config *config)
{
	struct smpp_session *s = smpp_session_new(config);

	assert_non_null(s);
	assert_int_equal(smpp_session_up(s, 0), SMPP_SESSION_OK);
	return s;
}

/* An ESME bound at time 0 to a peer with TLVs; its next number is first_sequence + 1. */
static inline struct smpp_session *bound_esme(const struct smpp_session_config *config)
{
	struct smpp_session *s = open_session(config);
	uint32_t sequence = writes(s, config->bind_command_id, 0, 0);

	says(s, config->bind_command_id | SMPP_RESP_BIT, 0, sequence, "smsc\0" V34, 10, 0);
	event(s, SMPP_EVENT_BOUND);
	no_event(s);
	return s;
}

static inline struct smpp_session *bound_smsc(const struct smpp_session_config *config,
					      uint32_t bind_command_id)
{
	struct smpp_session *s = open_session(config);

	says(s, bind_command_id, 0, 1, "esme\0pw\0\0\x34\0\0", 13, 0);
	event(s, SMPP_EVENT_BIND_REQUEST);
	assert_int_equal(smpp_session_bind_answer(s, 0, "smsc", 0x34, 0), SMPP_SESSION_OK);
	assert_int_equal(writes(s, bind_command_id | SMPP_RESP_BIT, 0, 0), 1);
	return s;
}

/* A submit_sm to hand in; its short_message is `tag`, so that the wire shows which one it is. */
static inline void request(struct smpp_session *s, uint64_t tag, int64_t now_ms)
{
	struct smpp_pdu pdu;

	smpp_pdu_init(&pdu, SMPP_submit_sm, 0);
	pdu.destination_addr = smpp_octets_of("4915112345");
	pdu.short_message = (struct smpp_octets){ (const uint8_t *)&tag, sizeof tag };
	assert_int_equal(smpp_session_request(s, &pdu, tag, now_ms), SMPP_SESSION_OK);
}

/* Hands one in and sees it written; returns its number. */
static inline uint32_t submit(struct smpp_session *s, uint64_t tag, int64_t now_ms)
{
	request(s, tag, now_ms);
	return writes(s, SMPP_submit_sm, 0, now_ms);
}

/* The peer takes a submit_sm. */
static inline void accepts(struct smpp_session *s, uint32_t sequence, int64_t now_ms)
{
	says(s, SMPP_submit_sm_resp, 0, sequence, "id1", 4, now_ms);
}

/* The owner answers the peer's request. */
static inline enum smpp_session_error answer(struct smpp_session *s, uint32_t command_id,
					     uint32_t status, uint32_t sequence)
{
	static struct smpp_pdu pdu;

	smpp_pdu_init(&pdu, command_id, sequence);
	pdu.command_status = status;
	return smpp_session_respond(s, &pdu);
}

/* A deliver_sm body: a receipt's text without a receipt's content. */
#define DELIVER	  "\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\0\x02hi"
#define DELIVER_N (sizeof DELIVER - 1)

#endif
