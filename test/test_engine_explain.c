/* What explain says: why a message is as it is, in words that fit how it came to be so. */
#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/explain.h"
#include "core/provider.h"
#include "core/turn.h"
#include "test/engine_receipts.h"

/* The explanation as JSON; it lives until the next call. */
static const char *explained(struct engine_world *world, uint64_t order)
{
	static struct buffer said;
	struct json_writer json = { .out = &said };
	struct engine *engine = world->engine;
	struct turn turn = { .engine = engine,
			     .now_ms = port_now_ms(world->port),
			     .at_ms = port_wall_ms(world->port) };
	struct store_order rec = { .order = order };
	struct store_message message = { .order = order };
	turn.due_ms = engine->due_base_ms + turn.now_ms;
	assert_int_equal(store_read_begin(world->store, &turn.txn), STORE_OK);
	assert_int_equal(store_order_get(turn.txn, &rec), STORE_OK);
	assert_int_equal(store_message_get(turn.txn, &message), STORE_OK);
	struct explain explain = { .turn = &turn,
				   .order = &rec,
				   .message = &message,
				   .id = "BX-1-0123456789abcdef",
				   .msisdn = "31600000000",
				   .account = "acme" };
	buffer_release(&said);
	json_begin_object(&json);
	explain_message(&explain, &json);
	json_end_object(&json);
	buffer_append(&said, "", 1);
	store_read_end(turn.txn);
	assert_false(said.failed);
	return (const char *)said.octets;
}

static void tells(struct engine_world *world, uint64_t order, const char *words)
{
	const char *text = explained(world, order);
	if (!strstr(text, words))
		fail_msg("'%s' is not in %s", words, text);
}

static void tells_not(struct engine_world *world, uint64_t order, const char *words)
{
	const char *text = explained(world, order);
	if (strstr(text, words))
		fail_msg("'%s' is in %s", words, text);
}

#define ABSENT "no link that receives was bound from "

/* ---- NO_RECEIPT ---- */

static void test_engine__explain_says_that_no_link_could_receive(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	char cut[25], text[160];
	(void)state;
	uint64_t order = taken(world, "id");
	engine_world_run(world, 1000);
	tells_not(world, order, ABSENT);
	json_time_text(port_wall_ms(world->port), cut);
	alpha->bind_status = 0x08;
	carrier_cut(alpha);
	engine_world_run(world, 10000);
	snprintf(text, sizeof(text), "SENT: taken by the provider, no outcome yet; " ABSENT "%.18s",
		 cut);
	tells(world, order, text);
	tells(world, order, "(reset");
	alpha->bind_status = 0;
	engine_world_run(world, 5000);
	carrier_cut(alpha);
	engine_world_run(world, 60000);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT);
	tells(world, order,
	      "UNKNOWN / NO_RECEIPT: the provider took it, but no receipt came in time; "
	      "final since ");
	tells(world, order, ABSENT);
	tells(world, order, ", 2 times in all and ");
	tells(world, order, "comes only if the carrier repeats it");
	engine_world_free(world);
}

/* What happened before it was taken and after it was given up has nothing to do with it. */
static void test_engine__explain_blames_no_link_that_was_bound(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	carrier_cut(world->carriers[0]);
	engine_world_run(world, 5000);
	uint64_t order = taken(world, "id");
	engine_world_run(world, 60000);
	carrier_cut(world->carriers[0]);
	engine_world_run(world, 5000);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT);
	tells_not(world, order, ABSENT);
	engine_world_free(world);
}

/* Beside a link that stays, the loss of another loses nothing; without its receiver a pair is deaf. */
static void test_engine__explain_counts_links_that_receive(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.links = ", rx: {host: 127.0.0.1, port: 2, tls: off, bind: receiver}" });
	(void)state;
	uint64_t order = taken(world, "id");
	carrier_cut(world->carriers[0]);
	engine_world_run(world, 1000);
	tells_not(world, order, ABSENT); /* the receiver is bound at the other carrier */
	engine_world_free(world);

	world = engine_world_new(&(struct setting){ .alpha = PROVIDER "release_ahead: 10" });
	struct carrier *alpha = world->carriers[0];
	alpha->transceiver_status = 0x03;
	alpha->receiver_status = 0x08;
	carrier_cut(alpha);
	engine_world_run(world, 5000);
	order = taken(world, "id");
	engine_world_run(world, 5000);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	tells(world, order, ABSENT);
	engine_world_free(world);
}

static void test_engine__explain_says_that_the_daemon_had_ended(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = taken(world, "id");
	engine_world_run(world, 1000);
	engine_world_crash(world);
	engine_world_run(world, 60000);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT);
	tells(world, order, "; the daemon had ended, and began again at ");
	engine_world_free(world);
}

/* ---- SUBMIT_UNCONFIRMED ---- */

static void test_engine__explain_tells_a_doubt_from_its_end(void **state)
{
	static const char doubt[] =
		"UNKNOWN / SUBMIT_UNCONFIRMED: submitted, but no answer came: it "
		"may or may not have been sent; ";
	struct engine_world *world = engine_world_new(NULL);
	char words[200];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	engine_world_run(world, 6000);
	assert_ends(world, order, STORE_STATE_IN_DOUBT, STORE_ERROR_SUBMIT_UNCONFIRMED);
	snprintf(words, sizeof(words), "%snot final: evidence is waited for until 20", doubt);
	tells(world, order, words);
	tells(world, order, "is joined by esmectl doubt join");
	engine_world_run(world, 40000);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED);
	snprintf(words, sizeof(words), "%sfinal since 20", doubt);
	tells(world, order, words);
	tells(world, order, "Z: receipt_deadline passed without an outcome\"");
	tells_not(world, order, "not final");
	engine_world_free(world);
}

static void test_engine__explain_tells_of_the_attempt_that_is_open(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .route = ROUTE "doubt: resend, doubt_grace: 2s" });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	engine_world_run(world, 8000);
	carrier_refuse(world->carriers[0], 1, 0x0B);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_SUBMIT_UNCONFIRMED);
	tells(world, order,
	      ": the provider refused it for good, and what became of another attempt is "
	      "not known\"");
	engine_world_free(world);
}

/* What it says that a receipt would do is what one does. */
static void test_engine__explain_knows_what_a_receipt_does_to_a_doubt(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = PROVIDER "join_unique_receipt: true" });
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	engine_world_run(world, 6000);
	tells(world, order, "joined, by itself where it fits this message alone");
	tells(world, order,
	      "\"a receipt that says undeliverable, rejected, deleted or skipped: FAILED\"");
	says(world, "abc", "UNDELIV");
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE);
	engine_world_free(world);
}

/* ---- times ---- */

/* Two clocks, each read to the millisecond, are not always as far apart. */
static void test_engine__explain_shows_send_at_as_it_was_asked_for(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	char words[80], asked[25];
	(void)state;
	json_time_text(port_wall_ms(world->port) + 30000, asked);
	uint64_t order = engine_world_order(world, &(struct wish){ .send_in_ms = 30000 });
	snprintf(words, sizeof(words), "It goes at %s, as was asked for.", asked);
	static const int64_t apart_ms[] = { 0, 1, -2, 1 };
	for (size_t i = 0; i < sizeof(apart_ms) / sizeof(apart_ms[0]); i++) {
		sim_port_step_clock(world->port, apart_ms[i]);
		engine_world_run(world, 1000);
		tells(world, order, words);
	}
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__explain_says_that_no_link_could_receive),
		cmocka_unit_test(test_engine__explain_blames_no_link_that_was_bound),
		cmocka_unit_test(test_engine__explain_counts_links_that_receive),
		cmocka_unit_test(test_engine__explain_says_that_the_daemon_had_ended),
		cmocka_unit_test(test_engine__explain_tells_a_doubt_from_its_end),
		cmocka_unit_test(test_engine__explain_tells_of_the_attempt_that_is_open),
		cmocka_unit_test(test_engine__explain_shows_send_at_as_it_was_asked_for),
		cmocka_unit_test(test_engine__explain_knows_what_a_receipt_does_to_a_doubt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
