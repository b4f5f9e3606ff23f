/* What is asked of a carrier about a message: query_sm, cancel_sm, replace_sm. */
#include "test/engine_receipts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ask.h"
#include "core/cancel.h"
#include "core/provider.h"
#include "smpp/pdu.h"

/* ---- asking ---- */

static struct cancelled last;

struct request {
	struct input input;
	enum ask_kind kind;
	struct segment_ref ref;
	bool by_client;
};

static void apply(struct turn *turn, struct input *input)
{
	struct request *request = (void *)input;
	static const uint8_t text[] = "new words", note[] = "9:1";
	struct ask_wish wish = { .kind = request->kind,
				 .work = orders_work(turn, request->ref.order),
				 .ref = request->ref,
				 .by_operator = !request->by_client };
	assert_non_null(wish.work);
	if (wish.kind == ASK_REPLACE) {
		wish.text = (struct smpp_octets){ text, 9 };
		wish.note = (struct smpp_octets){ note, 3 };
	}
	if (wish.kind == ASK_CANCEL)
		last = cancel_segment(turn, wish.work, wish.ref, wish.by_operator);
	else
		last = (struct cancelled){ CANCEL_ASKED, ask_segment(turn, &wish) };
	if (last.asked.why)
		last.result = CANCEL_NOTHING;
}

static void requests(struct engine_world *world, const struct request *wanted)
{
	struct request *request = calloc(1, sizeof(*request));
	*request = *wanted;
	request->input.apply = apply;
	engine_input(world->engine, &request->input);
}

static const struct cancelled *asks(struct engine_world *world, enum ask_kind kind, uint64_t order,
				    uint32_t segment)
{
	requests(world, &(struct request){ .kind = kind, .ref = { order, 0, segment } });
	engine_world_settle(world);
	return &last;
}

static const struct cancelled *client_cancels(struct engine_world *world, uint64_t order)
{
	requests(world, &(struct request){
				.kind = ASK_CANCEL, .ref = { order, 0, 0 }, .by_client = true });
	engine_world_settle(world);
	return &last;
}

static enum ask_outcome outcome(struct engine_world *world)
{
	const struct ask *ask = ask_find(world->engine, last.asked.number);
	assert_non_null(ask);
	return ask->outcome;
}

/* The newest row of evidence of segment 0, copied but for its octets, which live as those. */
static struct evidence newest(struct engine_world *world, uint64_t order)
{
	const struct store_message *message = world_message(world, order, 0);
	struct evidence row = { 0 };
	size_t offset = 0;
	while (evidence_next(message->seg.evidence.at, message->seg.evidence.n, &offset, 0, &row))
		;
	return row;
}

/* ---- check 112 ---- */

static void test_engine__check_112_a_cancel_of_what_waits_is_local_and_refunds(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 1, release_ahead: 0", .route = ROUTE "refund: refused" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ 0 }); /* fills the window */
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	int64_t before = world_balance(world);
	assert_int_equal(asks(world, ASK_CANCEL, order, 0)->result, CANCEL_DONE);
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_CANCELLED);
	assert_int_equal(world_balance(world), before + PRICE);
	carrier_ok_all(alpha);
	engine_world_run(world, 2000);
	assert_int_equal(alpha->n, 1); /* it never goes out */
	assert_int_equal(alpha->n_heard, 0);
	engine_world_free(world);
}

/* What came back because it never left is cancelled here as well. */
static void test_engine__check_112_what_is_definitely_unsent_is_cancelled_here(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = "window: 1, release_ahead: 5" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ 0 });
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(world_segment(world, order, 0, 0), STORE_STATE_SUBMITTED);
	const struct cancelled *refused = asks(world, ASK_CANCEL, order, 0);
	assert_int_equal(refused->result, CANCEL_NOTHING);
	assert_non_null(strstr(refused->asked.why, "not answered yet"));
	carrier_refuse(alpha, 0, 0x58); /* the link pauses; what has not left comes back */
	engine_world_settle(world);
	assert_int_equal(asks(world, ASK_CANCEL, order, 0)->result, CANCEL_DONE);
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_CANCELLED);
	engine_world_free(world);
}

static void test_engine__check_112_a_cancel_that_is_accepted_waits_for_the_receipt(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "7F");
	assert_int_equal(asks(world, ASK_CANCEL, order, 0)->result, CANCEL_ASKED);
	assert_int_equal(alpha->n_heard, 1);
	assert_int_equal(alpha->heard[0].command_id, SMPP_cancel_sm);
	assert_string_equal(alpha->heard[0].message_id, "7F");
	assert_string_equal(alpha->heard[0].source, "Shop");
	assert_int_equal(alpha->heard[0].source_ton, 5);
	assert_string_equal(alpha->heard[0].dest, "31600000000");
	assert_int_equal(world_rows(world, order, 0, LIFE_ON_CANCEL_ASKED), 1);
	assert_int_equal(outcome(world), ASK_WAITS);
	carrier_reply(alpha, 0, 0);
	engine_world_settle(world);
	assert_int_equal(outcome(world), ASK_ANSWERED);
	assert_int_equal(world_rows(world, order, 0, LIFE_ON_CANCEL_ANSWERED), 1);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	says(world, "7F", "DELETED");
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_DELETED);
	engine_world_free(world);
}

/* It may be said again, in one turn or later: the carrier hears it once, until it refuses. */
static void test_engine__check_112_a_client_may_say_its_cancel_again(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "7F");
	requests(world, &(struct request){
				.kind = ASK_CANCEL, .ref = { order, 0, 0 }, .by_client = true });
	assert_int_equal(client_cancels(world, order)->result, CANCEL_ASKED);
	assert_int_equal(client_cancels(world, order)->result, CANCEL_ASKED);
	assert_int_equal(alpha->n_heard, 1);
	carrier_reply(alpha, 0, 0x11);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(client_cancels(world, order)->result, CANCEL_ASKED);
	assert_int_equal(alpha->n_heard, 2);
	carrier_reply(alpha, 1, 0);
	engine_world_settle(world);
	assert_int_equal(client_cancels(world, order)->result, CANCEL_ASKED);
	assert_int_equal(alpha->n_heard, 2);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* A client that never tires fills neither the store nor the carrier's window. */
static void test_engine__check_112_a_client_cancels_so_often_and_no_more(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "7F");
	for (size_t i = 0; i < CANCEL_CLIENT_MAX; i++) {
		assert_int_equal(client_cancels(world, order)->result, CANCEL_ASKED);
		assert_int_equal(alpha->n_heard, i + 1);
		carrier_reply(alpha, i, 0x11);
		engine_world_settle(world);
	}
	uint32_t rows = world_message(world, order, 0)->seg.evidence.n;
	assert_int_equal(client_cancels(world, order)->result, CANCEL_NOTHING);
	assert_int_equal(alpha->n_heard, CANCEL_CLIENT_MAX);
	assert_int_equal(world_message(world, order, 0)->seg.evidence.n, rows);
	assert_int_equal(asks(world, ASK_CANCEL, order, 0)->result,
			 CANCEL_ASKED); /* operators may */
	assert_int_equal(alpha->n_heard, CANCEL_CLIENT_MAX + 1);
	engine_world_free(world);
}

/* What was given up is no other case: unanswered, it is asked for once. */
static void test_engine__check_112_what_was_given_up_is_asked_for_once_too(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "7F");
	engine_world_run(world, 45000);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT);
	size_t heard = alpha->n_heard;
	assert_int_equal(client_cancels(world, order)->result, CANCEL_ASKED);
	assert_int_equal(client_cancels(world, order)->result, CANCEL_ASKED);
	assert_int_equal(alpha->n_heard, heard + 1);
	engine_world_free(world);
}

/* A restart may have lost the cancel: nobody answers it any more, and it is asked anew. */
static void test_engine__check_112_a_client_cancels_again_after_a_crash(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "7F");
	client_cancels(world, order);
	assert_int_equal(alpha->n_heard, 1);
	engine_world_crash(world);
	engine_world_run(world, 2000);
	assert_int_equal(client_cancels(world, order)->result, CANCEL_ASKED);
	assert_int_equal(alpha->n_heard, 2);
	engine_world_free(world);
}

static void test_engine__check_112_a_refused_cancel_changes_no_state(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = taken(world, "1");
	asks(world, ASK_CANCEL, order, 0);
	carrier_reply(world->carriers[0], 0, 0x11);
	engine_world_settle(world);
	struct evidence row = newest(world, order);
	assert_int_equal(row.event, LIFE_ON_CANCEL_ANSWERED);
	assert_int_equal(row.code, 0x11);
	assert_true(row.by_operator);
	assert_int_equal(ask_find(world->engine, last.asked.number)->status, 0x11);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	says(world, "1", "DELIVRD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_int_equal(asks(world, ASK_CANCEL, order, 0)->result, CANCEL_NOTHING);
	engine_world_free(world);
}

/* One part is at the carrier, the others wait: each is what it is. */
static void test_engine__check_112_each_part_is_cancelled_as_what_it_is(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = "window: 1, release_ahead: 0" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3 });
	carrier_ok(alpha, 0, "1");
	engine_world_settle(world);
	assert_int_equal(asks(world, ASK_CANCEL, order, 0)->result, CANCEL_ASKED);
	assert_int_equal(asks(world, ASK_CANCEL, order, 1)->result, CANCEL_NOTHING);
	assert_int_equal(world_segment(world, order, 0, 1), STORE_STATE_SUBMITTED);
	assert_int_equal(asks(world, ASK_CANCEL, order, 2)->result, CANCEL_DONE);
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_CANCELLED);
	assert_int_equal(asks(world, ASK_CANCEL, order, 2)->result, CANCEL_DONE); /* again */
	engine_world_free(world);
}

static void test_engine__check_112_a_doubt_has_no_id_to_cancel_by(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	engine_world_run(world, 6000);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_IN_DOUBT);
	assert_non_null(strstr(asks(world, ASK_CANCEL, order, 0)->asked.why, "in doubt"));
	assert_non_null(strstr(asks(world, ASK_QUERY, order, 0)->asked.why, "in doubt"));
	assert_int_equal(world_state(world, order, 0), STORE_STATE_IN_DOUBT);
	engine_world_free(world);
}

/* ---- check 113 ---- */

static void test_engine__check_113_a_state_that_a_query_tells_is_evidence_of_its_own(void **state)
{
	static const struct {
		uint8_t message_state;
		enum store_state state;
		enum store_error error;
		enum life_event event;
	} rows[] = {
		{ 2, STORE_STATE_DELIVERED, STORE_ERROR_NONE, LIFE_ON_RECEIPT_DELIVERED },
		{ 3, STORE_STATE_EXPIRED, STORE_ERROR_DELIVERY_EXPIRED, LIFE_ON_RECEIPT_EXPIRED },
		{ 4, STORE_STATE_FAILED, STORE_ERROR_DELETED, LIFE_ON_RECEIPT_FAILED },
		{ 5, STORE_STATE_FAILED, STORE_ERROR_UNDELIVERABLE, LIFE_ON_RECEIPT_FAILED },
		{ 8, STORE_STATE_FAILED, STORE_ERROR_DELIVERY_REJECTED, LIFE_ON_RECEIPT_FAILED },
		{ 1, STORE_STATE_SENT, STORE_ERROR_NONE, LIFE_ON_RECEIPT_PENDING },
		{ 6, STORE_STATE_SENT, STORE_ERROR_NONE, LIFE_ON_RECEIPT_PENDING },
		{ 7, STORE_STATE_SENT, STORE_ERROR_NONE, LIFE_ON_QUERIED },
		{ 0x80, STORE_STATE_SENT, STORE_ERROR_NONE, LIFE_ON_QUERIED },
		{ 0x93, STORE_STATE_DELIVERED, STORE_ERROR_NONE, LIFE_ON_RECEIPT_DELIVERED },
	};
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = PROVIDER "receipt_unknown: final, "
						     "stat: {\"147\": delivered}" });
	struct carrier *alpha = world->carriers[0];
	char id[16];
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(id, sizeof(id), "%zu", i + 1);
		uint64_t order = taken(world, id);
		assert_int_equal(asks(world, ASK_QUERY, order, 0)->result, CANCEL_ASKED);
		assert_string_equal(alpha->heard[i].message_id, id);
		assert_string_equal(alpha->heard[i].source, "Shop");
		carrier_reply_state(alpha, i, rows[i].message_state, "261120113355000+");
		engine_world_settle(world);
		assert_ends(world, order, rows[i].state, rows[i].error);
		struct evidence row = newest(world, order);
		assert_int_equal(row.event, rows[i].event);
		assert_int_equal(row.rule, EVIDENCE_RULE_QUERY);
		assert_int_equal(row.note.n, 16);
		assert_memory_equal(row.note.at, "261120113355000+", 16);
		assert_int_equal(outcome(world), ASK_ANSWERED);
	}
	assert_int_equal(alpha->complaints, 0);
	engine_world_free(world);
}

static void test_engine__check_113_an_unknown_id_proves_nothing(void **state)
{
	static const uint32_t statuses[] = { 0x67, 0x0C, 0x08, 0x11 };
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = taken(world, "1");
	for (size_t i = 0; i < 4; i++) {
		asks(world, ASK_QUERY, order, 0);
		carrier_reply(world->carriers[0], i, statuses[i]);
		engine_world_settle(world);
		assert_int_equal(newest(world, order).event, LIFE_ON_QUERIED);
		assert_int_equal(newest(world, order).code, statuses[i]);
		assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	}
	says(world, "1", "DELIVRD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* A peer that does not speak the verb is not left for it. */
static void test_engine__a_verb_that_is_nacked_ends_no_session(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "1");
	asks(world, ASK_QUERY, order, 0);
	alpha->heard[0].command_id = 0; /* answers as generic_nack */
	carrier_reply(alpha, 0, 0x03);
	engine_world_settle(world);
	assert_int_equal(outcome(world), ASK_ANSWERED);
	assert_int_equal(alpha->binds, 1);
	assert_int_equal(carrier_bound(alpha), 1);
	engine_world_free(world);
}

/* After its deadline a message is final, and a query still brings what came of it. */
static void test_engine__a_query_moves_what_was_given_up(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = taken(world, "1");
	engine_world_run(world, 45000);
	assert_ends(world, order, STORE_STATE_UNKNOWN, STORE_ERROR_NO_RECEIPT);
	assert_int_equal(asks(world, ASK_QUERY, order, 0)->result, CANCEL_ASKED);
	carrier_reply_state(world->carriers[0], 0, 2, NULL);
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_true(world_message(world, order, 0)->flags & STORE_FLAG_LATE_EVIDENCE);
	engine_world_free(world);
}

/* ---- replace ---- */

static void test_engine__a_replacement_is_noted_and_the_order_keeps_its_text(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "1");
	uint64_t hash = world_order(world, order).text_hash;
	assert_int_equal(asks(world, ASK_REPLACE, order, 0)->result, CANCEL_ASKED);
	assert_int_equal(alpha->heard[0].command_id, SMPP_replace_sm);
	assert_string_equal(alpha->heard[0].text, "new words");
	assert_int_equal(alpha->heard[0].registered_delivery, 1);
	assert_int_equal(newest(world, order).event, LIFE_ON_REPLACE_ASKED);
	assert_memory_equal(newest(world, order).note.at, "9:1", 3);
	carrier_reply(alpha, 0, 0x13);
	engine_world_settle(world);
	assert_int_equal(newest(world, order).event, LIFE_ON_REPLACE_ANSWERED);
	assert_int_equal(newest(world, order).code, 0x13);
	assert_true(world_order(world, order).text_hash == hash);
	says(world, "1", "DELIVRD");
	assert_int_equal(asks(world, ASK_REPLACE, order, 0)->result, CANCEL_NOTHING);
	engine_world_free(world);
}

/* ---- the way there and back ---- */

static void test_engine__an_ask_takes_a_place_in_the_window(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = "window: 1, release_ahead: 0" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "1");
	asks(world, ASK_QUERY, order, 0);
	uint64_t second = engine_world_order(world, &(struct wish){ 0 });
	assert_int_equal(world_segment(world, second, 0, 0), STORE_STATE_QUEUED);
	carrier_reply_state(alpha, 0, 1, NULL);
	engine_world_settle(world);
	assert_int_equal(world_segment(world, second, 0, 0), STORE_STATE_SUBMITTED);
	assert_int_equal(world->engine->providers[0]->links[0]->asking, 0);
	engine_world_free(world);
}

/* Also in the one that all links of the provider share. */
static void test_engine__an_ask_takes_a_place_in_the_window_of_the_provider(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 2, window_scope: provider, timers: {response: 9s}",
		.links = ", two: {host: 127.0.0.1, port: 1, tls: off}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "7F");
	asks(world, ASK_QUERY, order, 0);
	assert_int_equal(alpha->n_heard, 1);
	engine_world_order(world, &(struct wish){ .total = 3 });
	assert_int_equal(alpha->n, 2);
	carrier_reply(alpha, 0, 0x67);
	engine_world_settle(world);
	assert_int_equal(alpha->n, 3);
	engine_world_free(world);
}

/* Who takes a link down or stops the daemon waits for answers, and for this one too. */
static void test_engine__an_ask_is_waited_for_before_the_unbind(void **state)
{
	(void)state;
	for (int stops = 0; stops < 2; stops++) {
		struct engine_world *world = engine_world_new(NULL);
		struct carrier *alpha = world->carriers[0];
		uint64_t order = taken(world, "7F");
		asks(world, ASK_QUERY, order, 0);
		if (stops)
			engine_drain(world->engine);
		else
			trunk_take_down(world->engine, trunk_find(world->engine, "alpha/one"),
					false);
		engine_world_run(world, 500);
		assert_int_equal(carrier_bound(alpha), 1);
		carrier_reply(alpha, 0, 0x67);
		engine_world_settle(world);
		assert_int_equal(outcome(world), ASK_ANSWERED);
		engine_world_run(world, 500);
		assert_int_equal(carrier_bound(alpha), 0);
		engine_world_free(world);
	}
}

static void test_engine__without_an_answer_it_says_so_and_a_late_one_counts(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "1");
	asks(world, ASK_QUERY, order, 0);
	engine_world_run(world, 6000); /* the response timer */
	assert_int_equal(outcome(world), ASK_UNANSWERED);
	assert_int_equal(newest(world, order).event, LIFE_ON_QUERIED);
	assert_false(newest(world, order).has_code);
	assert_int_equal(world->engine->providers[0]->links[0]->asking, 0);
	carrier_reply_state(alpha, 0, 2, NULL);
	engine_world_settle(world);
	assert_int_equal(outcome(world), ASK_ANSWERED);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

static void test_engine__a_link_that_is_lost_leaves_it_unanswered(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = taken(world, "1");
	asks(world, ASK_CANCEL, order, 0);
	carrier_cut(world->carriers[0]);
	engine_world_run(world, 3000);
	assert_int_equal(outcome(world), ASK_UNANSWERED);
	assert_int_equal(newest(world, order).event, LIFE_ON_CANCEL_ANSWERED);
	assert_false(newest(world, order).has_code);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(world->engine->providers[0]->links[0]->asking, 0);
	assert_int_equal(world->carriers[0]->n_heard, 1); /* and it is not sent again */
	engine_world_free(world);
}

/* What has not left when the carrier throttles is not sent, and the operator is told. */
static void test_engine__what_a_throttle_takes_back_is_unsent(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = "window: 1, release_ahead: 1" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = taken(world, "1");
	engine_world_order(world, &(struct wish){ 0 }); /* fills the session's window */
	asks(world, ASK_CANCEL, order, 0);
	assert_int_equal(alpha->n_heard, 0);
	carrier_refuse(alpha, 1, 0x58);
	engine_world_settle(world);
	assert_int_equal(outcome(world), ASK_UNSENT);
	assert_int_equal(newest(world, order).note.n, strlen("unsent"));
	const struct cancelled *paused = asks(world, ASK_CANCEL, order, 0);
	assert_int_equal(paused->result, CANCEL_NOTHING);
	assert_non_null(strstr(paused->asked.why, "no link"));
	engine_world_free(world);
}

/* Through a receiver nothing can be asked, whatever else is bound (SMPP 3.4, Table 2-1). */
static void test_engine__a_receiver_asks_nothing(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.links = ", rx: {host: 127.0.0.1, port: 1, tls: off, bind: receiver}" });
	(void)state;
	uint64_t order = taken(world, "1");
	world->engine->providers[0]->links[0]->trunk->up_for_down = true;
	assert_non_null(strstr(asks(world, ASK_QUERY, order, 0)->asked.why, "no link"));
	world->engine->providers[0]->links[0]->trunk->up_for_down = false;
	engine_world_free(world);
}

/* It is durable that it was asked; whether it was answered is not known after a crash. */
static void test_engine__after_a_crash_the_evidence_shows_what_was_asked(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = taken(world, "1");
	asks(world, ASK_CANCEL, order, 0);
	uint64_t number = last.asked.number;
	engine_world_crash(world);
	assert_null(ask_find(world->engine, number));
	assert_int_equal(newest(world, order).event, LIFE_ON_CANCEL_ASKED);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* Nothing leaves before the commit, and a commit that fails lets nothing leave. */
static void test_engine__a_commit_that_fails_asks_nothing(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = taken(world, "1");
	world->fault = STORE_FAULT_FULL;
	asks(world, ASK_CANCEL, order, 0);
	assert_int_equal(world->carriers[0]->n_heard, 0);
	world->fault = STORE_FAULT_NONE;
	engine_world_run(world, 2000); /* the input has waited for room */
	assert_int_equal(world->carriers[0]->n_heard, 1);
	assert_int_equal(world_rows(world, order, 0, LIFE_ON_CANCEL_ASKED), 1);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_engine__check_112_a_cancel_of_what_waits_is_local_and_refunds),
		cmocka_unit_test(
			test_engine__check_112_what_is_definitely_unsent_is_cancelled_here),
		cmocka_unit_test(
			test_engine__check_112_a_cancel_that_is_accepted_waits_for_the_receipt),
		cmocka_unit_test(test_engine__check_112_a_client_may_say_its_cancel_again),
		cmocka_unit_test(test_engine__check_112_a_client_cancels_so_often_and_no_more),
		cmocka_unit_test(test_engine__check_112_what_was_given_up_is_asked_for_once_too),
		cmocka_unit_test(test_engine__check_112_a_client_cancels_again_after_a_crash),
		cmocka_unit_test(test_engine__check_112_a_refused_cancel_changes_no_state),
		cmocka_unit_test(test_engine__check_112_each_part_is_cancelled_as_what_it_is),
		cmocka_unit_test(test_engine__check_112_a_doubt_has_no_id_to_cancel_by),
		cmocka_unit_test(
			test_engine__check_113_a_state_that_a_query_tells_is_evidence_of_its_own),
		cmocka_unit_test(test_engine__check_113_an_unknown_id_proves_nothing),
		cmocka_unit_test(test_engine__a_verb_that_is_nacked_ends_no_session),
		cmocka_unit_test(test_engine__a_query_moves_what_was_given_up),
		cmocka_unit_test(test_engine__a_replacement_is_noted_and_the_order_keeps_its_text),
		cmocka_unit_test(test_engine__an_ask_takes_a_place_in_the_window),
		cmocka_unit_test(test_engine__an_ask_takes_a_place_in_the_window_of_the_provider),
		cmocka_unit_test(test_engine__an_ask_is_waited_for_before_the_unbind),
		cmocka_unit_test(test_engine__without_an_answer_it_says_so_and_a_late_one_counts),
		cmocka_unit_test(test_engine__a_link_that_is_lost_leaves_it_unanswered),
		cmocka_unit_test(test_engine__what_a_throttle_takes_back_is_unsent),
		cmocka_unit_test(test_engine__a_receiver_asks_nothing),
		cmocka_unit_test(test_engine__after_a_crash_the_evidence_shows_what_was_asked),
		cmocka_unit_test(test_engine__a_commit_that_fails_asks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
