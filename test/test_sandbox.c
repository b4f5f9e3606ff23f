/* The sandbox's carrier by itself: what it answers to what it does not know, and how much at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/sandbox.h"
#include "smpp/session.h"
#include "smpp/status.h"

#define CALLS_MAX 10000

/* We are the ESME at its other end. */
struct fixture {
	struct port *port;
	struct sandbox *sandbox;
	struct smpp_session *session;
	uint64_t connection;
	uint32_t answers, receipts;
	struct smpp_event last; /* an answer, without what it borrows */
};

/* What we have to say reaches it. */
static void say(struct fixture *fixture)
{
	struct smpp_output out;
	while (smpp_session_output(fixture->session, port_now_ms(fixture->port), &out)) {
		assert_int_equal(
			sandbox_write(fixture->sandbox, fixture->connection, out.at, out.n), out.n);
		smpp_session_wrote(fixture->session, out.n);
	}
}

static void answer_receipt(struct fixture *fixture, const struct smpp_event *event)
{
	struct smpp_pdu pdu;
	smpp_pdu_init(&pdu, SMPP_deliver_sm_resp, event->sequence_number);
	pdu.message_id = smpp_octets_of("");
	assert_int_equal(smpp_session_respond(fixture->session, &pdu), SMPP_SESSION_OK);
	fixture->receipts++;
}

/* Takes its next event, and what we make of it. False: it has none. */
static bool hear(struct fixture *fixture)
{
	struct port_event heard;
	struct smpp_event event;
	if (!sandbox_next(fixture->sandbox, &heard))
		return false;
	if (heard.kind != PORT_OCTETS)
		return true;
	assert_int_equal(smpp_session_feed(fixture->session, heard.octets, heard.n, heard.at_ms),
			 SMPP_SESSION_OK);
	while (smpp_session_next(fixture->session, &event)) {
		if (event.kind == SMPP_EVENT_REQUEST)
			answer_receipt(fixture, &event);
		if (event.kind != SMPP_EVENT_RESPONSE)
			continue;
		fixture->answers++;
		fixture->last = event;
	}
	return true;
}

/* Until there is nothing more, though what is due comes in slices. */
static void hear_all(struct fixture *fixture)
{
	for (int i = 0; i < CALLS_MAX; i++) {
		bool heard = hear(fixture);
		say(fixture);
		if (!heard && !sandbox_owes(fixture->sandbox) &&
		    sandbox_deadline(fixture->sandbox) > port_now_ms(fixture->port))
			return;
	}
	fail_msg("it goes on for ever");
}

static int setup(void **state)
{
	static const struct config_sandbox at_once;
	struct port_options how = { .one_thread = true };
	struct smpp_session_config config = { .role = SMPP_ESME,
					      .bind_command_id = SMPP_bind_transceiver,
					      .interface_version = 0x34,
					      .window = 1000,
					      .max_pdu = 70000 };
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->port = port_new(&how);
	fixture->sandbox = sandbox_new(fixture->port);
	fixture->session = smpp_session_new(&config);
	sandbox_tune(fixture->sandbox, &at_once);
	fixture->connection = sandbox_open(fixture->sandbox);
	assert_int_equal(smpp_session_up(fixture->session, port_now_ms(fixture->port)),
			 SMPP_SESSION_OK);
	say(fixture);
	while (hear(fixture))
		;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	smpp_session_free(fixture->session);
	sandbox_free(fixture->sandbox);
	port_free(fixture->port);
	free(fixture);
	return 0;
}

static void ask(struct fixture *fixture, uint32_t command_id, uint8_t registered_delivery)
{
	static const uint8_t to[] = "\1\1\1" /* one, an SME address */ "31600000001";
	struct smpp_pdu pdu;
	smpp_pdu_init(&pdu, command_id, 0);
	pdu.message_id = smpp_octets_of("1");
	pdu.source_addr = smpp_octets_of("Shop");
	pdu.destination_addr = smpp_octets_of("31600000001");
	pdu.short_message = smpp_octets_of("x");
	pdu.registered_delivery = registered_delivery;
	pdu.number_of_dests = command_id == SMPP_submit_multi;
	if (pdu.number_of_dests)
		pdu.dest_address = (struct smpp_octets){ to, sizeof(to) };
	assert_int_equal(
		smpp_session_request(fixture->session, &pdu, 1, port_now_ms(fixture->port)),
		SMPP_SESSION_OK);
}

/* It takes messages and no more; what else an ESME may ask it does not know (SMPP 3.4, 5.1.3). */
static void test_sandbox__it_knows_submit_sm_and_nothing_else(void **state)
{
	static const uint32_t unknown[] = { SMPP_query_sm, SMPP_cancel_sm, SMPP_replace_sm,
					    SMPP_submit_multi, SMPP_data_sm };
	struct fixture *fixture = *state;
	for (uint32_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		ask(fixture, unknown[i], 0);
		say(fixture);
		hear_all(fixture);
		assert_int_equal(fixture->answers, i + 1);
		assert_int_equal(fixture->last.command_status, SMPP_ESME_RINVCMDID);
	}
	ask(fixture, SMPP_submit_sm, 0);
	say(fixture);
	hear_all(fixture);
	assert_int_equal(fixture->last.command_status, SMPP_ESME_ROK);
}

#define AT_ONCE 64 /* answers and receipts in one event */

/* All that is due would hold everybody else up: it comes in slices, and all of it comes. */
static void test_sandbox__what_is_due_comes_in_slices(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 900; i++)
		ask(fixture, SMPP_submit_sm, 1);
	say(fixture);
	for (uint32_t had = 0; had < 1800; had = fixture->answers + fixture->receipts) {
		assert_true(sandbox_deadline(fixture->sandbox) <= port_now_ms(fixture->port));
		hear(fixture);
		say(fixture);
		assert_in_range(fixture->answers + fixture->receipts, had, had + AT_ONCE);
	}
	hear_all(fixture);
	assert_int_equal(fixture->answers, 900);
	assert_int_equal(fixture->receipts, 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sandbox__it_knows_submit_sm_and_nothing_else,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_sandbox__what_is_due_comes_in_slices, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
