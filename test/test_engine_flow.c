/* Flow: windows and rates, who counts them, what congestion does, and who goes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/provider.h"
#include "core/release.h"
#include "core/tap.h"
#include "smpp/status.h"
#include "test/engine_world.h"

#define TWO_LINKS ", two: {host: 127.0.0.1, port: 1, tls: off}"

static struct provider *alpha_of(struct engine_world *world)
{
	return world->engine->providers[0];
}

/* Submits i.. that came within span_ms of the first of them. */
static size_t most_within(const struct carrier *carrier, int64_t span_ms)
{
	size_t most = 0;
	for (size_t i = 0, k = 0; i < carrier->n; i++) {
		while (carrier->seen[i].at_ms - carrier->seen[k].at_ms >= span_ms)
			k++;
		if (i - k + 1 > most)
			most = i - k + 1;
	}
	return most;
}

/* ---- peer versions ---- */

static void test_engine__check_28_the_bind_says_the_configured_version(void **state)
{
	static const struct {
		const char *setting;
		uint8_t says, peer;
		bool tlvs;
	} rows[] = {
		{ "window: 10", 0x34, 0x34, true },
		{ "interface_version: 0x33", 0x33, 0x34, false },
		{ "interface_version: 0x50", 0x50, 0x50, true },
		{ "window: 10", 0x34, 0, false },
		{ "window: 10", 0x34, 0x33, false },
		{ "tlvs: always", 0x34, 0, true },
		{ "tlvs: never", 0x34, 0x34, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine_world *world =
			engine_world_new(&(struct setting){ .alpha = rows[i].setting });
		struct carrier *alpha = world->carriers[0];
		alpha->sc_interface_version = rows[i].peer;
		carrier_cut(alpha);
		engine_world_run(world, 3000);
		assert_int_equal(alpha->interface_version, rows[i].says);
		assert_int_equal(alpha_of(world)->links[0]->peer_version, rows[i].peer);
		assert_int_equal(alpha_of(world)->links[0]->tlvs_allowed, rows[i].tlvs);
		/* Whatever it takes, messages and receipts pass. */
		uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3 });
		carrier_ok_all(alpha);
		engine_world_settle(world);
		assert_int_equal(alpha->n, 3);
		assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
		assert_true(carrier_receipt(alpha, "1", "DELIVRD"));
		engine_world_settle(world);
		assert_int_equal(alpha->acked, 1);
		engine_world_free(world);
	}
}

/* ---- windows ---- */

static void test_engine__check_66_a_window_may_be_the_providers(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = "window: 7, release_ahead: 5, window_scope: provider, "
					    "timers: {response: 5s, reconnect_min: 200ms}",
				   .links = TWO_LINKS });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 60 });
	assert_int_equal(alpha->n, 7);
	assert_int_equal(world_order(world, order).released, 7);
	for (int i = 0; i < 20; i++) {
		carrier_ok(alpha, (size_t)i, "x");
		engine_world_settle(world);
	}
	assert_int_equal(alpha->all_in_flight_most, 7);
	assert_int_equal(alpha->n, 27);
	/* Both links are used. */
	assert_true(alpha_of(world)->links[0]->submits > 5);
	assert_true(alpha_of(world)->links[1]->submits > 5);
	/* A link that is lost gives its share back. */
	carrier_cut(alpha);
	engine_world_run(world, 3000);
	assert_int_equal(alpha->n, 34);
	engine_world_free(world);
}

static void test_engine__check_66_a_window_is_the_sessions_by_default(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 7, release_ahead: 0, timers: {response: 5s, reconnect_min: "
			 "200ms}",
		.links = TWO_LINKS });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 60 });
	assert_int_equal(alpha->all_in_flight_most, 14);
	assert_int_equal(alpha->in_flight_most, 7);
	engine_world_free(world);
}

static void test_engine__check_67_a_window_of_a_thousand_is_filled_and_not_passed(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = "window: 1000, timers: {response: 60s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 4000 });
	engine_world_run(world, 200);
	assert_int_equal(alpha->n, 1000);
	assert_int_equal(world_order(world, order).released, 2000);
	while (alpha->n < 4000) {
		size_t before = alpha->n;
		carrier_ok_all(alpha);
		engine_world_run(world, 200);
		assert_true(alpha->n > before);
	}
	carrier_ok_all(alpha);
	engine_world_run(world, 200);
	assert_int_equal(alpha->in_flight_most, 1000);
	assert_int_equal(world_order(world, order).sent, 4000);
	assert_int_equal(world_count(world, STORE_KIND_RELEASE), 0);
	engine_world_free(world);
}

/* ---- rates ---- */

static void test_engine__check_75_a_thousand_a_second_is_smooth(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 1000, rate: 1000, timers: {response: 5s}", .links = TWO_LINKS });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->obliging = true;
	engine_world_run(world, 60000); /* idle time saves up no more than the bucket */
	engine_world_order(world, &(struct wish){ .total = 5000 });
	engine_world_run(world, 6000);
	assert_int_equal(alpha->n, 5000);
	/* The bucket holds 50; what passes beyond it is one a millisecond. */
	assert_true(most_within(alpha, 10) <= 10 + 50 + 2);
	assert_true(most_within(alpha, 1000) <= 1000 + 50 + 2);
	assert_in_range(alpha->seen[4999].at_ms - alpha->seen[0].at_ms, 4900, 5000);
	for (int64_t i = 100; i < 5000; i += 100)
		assert_in_range(alpha->seen[i].at_ms - alpha->seen[i - 100].at_ms, 30, 110);
	engine_world_free(world);
}

static void test_engine__check_75_one_a_second_saves_nothing_up(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = "window: 10, rate: 1, timers: {response: 5s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->obliging = true;
	for (int round = 0; round < 3; round++) {
		engine_world_run(world, 30000);
		engine_world_order(world, &(struct wish){ .total = 5 });
		engine_world_run(world, 6000);
	}
	assert_int_equal(alpha->n, 15);
	assert_int_equal(most_within(alpha, 990), 1);
	engine_world_free(world);
}

/* ---- fairness ---- */

/* Which submit was the first to that number. */
static size_t place_of(const struct carrier *carrier, uint64_t msisdn)
{
	for (size_t i = 0; i < carrier->n; i++)
		if (carrier->seen[i].msisdn == msisdn)
			return i;
	return SIZE_MAX;
}

/* Whatever waits on another route of the provider, a window passes and no more. */
static void test_engine__a64_bulk_delays_another_route_by_a_window_at_most(void **state)
{
	static const struct {
		const char *setting;
		size_t window;
	} rows[] = {
		{ "window: 1, release_ahead: 1", 1 },
		{ "window: 10", 10 },
		{ "window: 10, rate: 20", 10 },
		{ "window: 100", 100 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine_world *world =
			engine_world_new(&(struct setting){ .alpha = rows[i].setting });
		struct carrier *alpha = world->carriers[0];
		engine_world_order(world, &(struct wish){ .route = 1, .total = 4000 });
		for (int k = 0; k < 20; k++) {
			carrier_ok_all(alpha);
			engine_world_run(world, 50);
		}
		size_t before = alpha->n;
		uint64_t number = world->next_number;
		engine_world_order(world, &(struct wish){ .route = 3 });
		for (int k = 0; k < 200 && place_of(alpha, number) == SIZE_MAX; k++) {
			carrier_ok_all(alpha);
			engine_world_run(world, 50);
		}
		assert_in_range(place_of(alpha, number), before, before + rows[i].window + 1);
		engine_world_free(world);
	}
}

/* Nor does a provider that takes nothing hold up another one. */
static void test_engine__a64_a_provider_that_hangs_delays_no_other(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0], *beta = world->carriers[1];
	(void)state;
	engine_world_order(world, &(struct wish){ .route = 1, .total = 4000 });
	beta->obliging = true;
	for (int i = 0; i < 10; i++) {
		int64_t asked_ms = world_now_ms(world->world);
		engine_world_order(world, &(struct wish){ .route = 2 });
		assert_int_equal(beta->n, i + 1);
		assert_in_range(beta->seen[i].at_ms, asked_ms, asked_ms + 5);
		engine_world_run(world, 700);
	}
	assert_true(alpha->n >= 10);
	engine_world_free(world);
}

/* ---- congestion ---- */

static void test_engine__check_77_congestion_halves_the_window_and_it_comes_back(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 16, release_ahead: 16, congestion: slow, timers: {response: "
			 "60s}" });
	struct carrier *alpha = world->carriers[0];
	size_t answered = 0;
	(void)state;
	engine_world_order(world, &(struct wish){ .total = 2000 });
	assert_int_equal(alpha->in_flight, 16);
	/* Reports of one moment are one event. What is released already still leaves. */
	alpha->congestion_state = 95;
	for (; answered < 30; answered++)
		carrier_ok(alpha, answered, "x"), engine_world_run(world, 5);
	assert_true(provider_pace(alpha_of(world), world_now_ms(world->world)) < 1);
	assert_in_range(alpha->in_flight, 8, 9);
	/* Again and again: down to one, never to none. */
	for (; answered < 60; answered++)
		carrier_ok(alpha, answered, "x"), engine_world_run(world, 1010);
	assert_int_equal(alpha->in_flight, 1);
	/* Below 90, or without a word, it comes back, a sixteenth a second. */
	for (uint32_t second = 1; second <= 15; second++) {
		alpha->congestion_state = second % 2 ? 89 : 0;
		for (int i = 0; i < 50; i++) {
			carrier_ok(alpha, answered++, "x");
			engine_world_run(world, 20);
		}
		assert_in_range(alpha->in_flight, second, second + 1);
	}
	engine_world_run(world, 2000);
	for (int i = 0; i < 100; i++)
		carrier_ok(alpha, answered++, "x"), engine_world_run(world, 5);
	assert_int_equal(alpha->in_flight, 16);
	assert_int_equal(alpha->in_flight_most, 16);
	engine_world_free(world);
}

static void test_engine__check_77_congestion_lowers_the_rate(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 100, rate: 100, congestion: slow, timers: {response: 60s}" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	alpha->obliging = true;
	alpha->congestion_state = 90;
	engine_world_order(world, &(struct wish){ .total = 4000 });
	engine_world_run(world, 6000);
	size_t before = alpha->n;
	engine_world_run(world, 10000);
	assert_in_range(alpha->n - before, 60, 75); /* a sixteenth of 100 a second */
	alpha->congestion_state = 0;
	engine_world_run(world, 16000);
	before = alpha->n;
	engine_world_run(world, 10000);
	assert_in_range(alpha->n - before, 990, 1010);
	engine_world_free(world);
}

/* By default, and where nothing is said, it has no effect. */
static void test_engine__check_77_congestion_is_ignored_unless_asked_for(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 100, rate: 100, timers: {response: 60s}",
		.beta = "window: 100, rate: 100, congestion: slow, timers: {response: 60s}" });
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct carrier *carrier = world->carriers[i];
		carrier->obliging = true;
		carrier->congestion_state = i ? 0 : 100;
		engine_world_order(world, &(struct wish){ .route = i ? 2 : 1, .total = 1000 });
		engine_world_run(world, 9000);
		assert_in_range(carrier->n, 890, 920);
	}
	engine_world_free(world);
}

/* What ends with its message has that one's error, and was not taken for it. */
static void test_engine__a_part_that_another_part_ended_is_not_taken(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = "window: 2, release_ahead: 0" });
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .parts = 3 });
	assert_int_equal(alpha->n, 2);
	carrier_cork(alpha, true); /* both in one turn: the third is not released between them */
	carrier_ok(alpha, 0, "1");
	assert_true(carrier_receipt(alpha, "1", "UNDELIV"));
	carrier_cork(alpha, false);
	engine_world_settle(world);
	assert_int_equal(world_error(world, order, 0), STORE_ERROR_UNDELIVERABLE);
	carrier_ok(alpha, 1, "2");
	engine_world_settle(world);
	assert_int_equal(world_segment(world, order, 0, 2), STORE_STATE_FAILED);
	assert_int_equal(alpha->n, 2);
	struct store_order rec = world_order(world, order);
	assert_int_equal(rec.taken, 0);
	engine_world_free(world);
}

/* ---- what somebody who watches is told of it ---- */

/* The notes that wait, a line each; the tags of those of messages are summed up. */
static const char *notes(struct tap_reader *reader, uint64_t *tags)
{
	static char text[2000];
	struct tap_record record;
	size_t n = 0;

	*tags = 0;
	text[0] = '\0';
	while (tap_reader_next(reader, &record)) {
		if (!record.note)
			continue;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s\n", (int)record.n,
				      (const char *)record.octets);
		assert_true(n < sizeof(text));
		*tags += record.tag;
	}
	return text;
}

static void test_engine__who_watches_is_told_what_a_throttle_does(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = "window: 4, timers: {response: 60s, pause_min: 2s}" });
	struct carrier *alpha = world->carriers[0];
	uint64_t tags, order;
	(void)state;
	struct tap_reader *reader = tap_reader_new(world->engine->tap, &(struct tap_want){ 0 });
	order = engine_world_order(world, &(struct wish){ .total = 4 });
	notes(reader, &tags);
	carrier_refuse(alpha, 0, SMPP_ESME_RTHROTTLED);
	engine_world_run(world, 5);
	const char *told = notes(reader, &tags);
	assert_non_null(strstr(told, "throttled: nothing is submitted for 2"));
	assert_non_null(strstr(told, "refused for now: attempt 2 goes not before "));
	assert_int_equal(tags, release_tag((struct segment_ref){ order, 0, 0 }));
	carrier_ok(alpha, 1, "a");
	carrier_ok(alpha, 2, "b");
	carrier_ok(alpha, 3, "c");
	engine_world_run(world, 3000);
	told = notes(reader, &tags);
	assert_non_null(strstr(told, "the pause is over: 1 at a time"));
	assert_int_equal(alpha->n, 5);
	/* A status that is tried again a few times: the time of that. */
	carrier_refuse(alpha, 4, SMPP_ESME_RSYSERR);
	engine_world_run(world, 5);
	told = notes(reader, &tags);
	assert_non_null(strstr(told, "refused for now: attempt 3 goes not before "));
	assert_null(strstr(told, "throttled"));
	tap_reader_free(reader);
	engine_world_free(world);
}

static void test_engine__who_watches_is_told_of_congestion(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){
		.alpha = "window: 16, rate: 100, congestion: slow, timers: {response: 60s}" });
	struct carrier *alpha = world->carriers[0];
	uint64_t tags;
	(void)state;
	struct tap_reader *reader = tap_reader_new(world->engine->tap, &(struct tap_want){ 0 });
	alpha->congestion_state = 95;
	engine_world_order(world, &(struct wish){ .total = 20 });
	carrier_ok(alpha, 0, "a");
	carrier_ok(alpha, 1, "b");
	engine_world_run(world, 5);
	assert_string_equal(notes(reader, &tags), "congestion_state 95: slowed to 50 %, "
						  "50.0 a second, a window of 8\n");
	tap_reader_free(reader);
	engine_world_free(world);
}

static void test_engine__who_watches_is_told_that_a_connection_is_down(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = "window: 4" });
	struct carrier *alpha = world->carriers[0];
	struct tap_reader *reader = tap_reader_new(world->engine->tap, &(struct tap_want){ 0 });
	uint64_t tags;
	(void)state;
	engine_world_run(world, 1000);
	assert_null(strstr(notes(reader, &tags), "the connection is down: "));
	carrier_cut(alpha);
	engine_world_run(world, 1);
	assert_non_null(strstr(notes(reader, &tags), "the connection is down: "));
	tap_reader_free(reader);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__check_28_the_bind_says_the_configured_version),
		cmocka_unit_test(test_engine__check_66_a_window_may_be_the_providers),
		cmocka_unit_test(test_engine__check_66_a_window_is_the_sessions_by_default),
		cmocka_unit_test(
			test_engine__check_67_a_window_of_a_thousand_is_filled_and_not_passed),
		cmocka_unit_test(test_engine__check_75_a_thousand_a_second_is_smooth),
		cmocka_unit_test(test_engine__check_75_one_a_second_saves_nothing_up),
		cmocka_unit_test(test_engine__a64_bulk_delays_another_route_by_a_window_at_most),
		cmocka_unit_test(test_engine__a64_a_provider_that_hangs_delays_no_other),
		cmocka_unit_test(
			test_engine__check_77_congestion_halves_the_window_and_it_comes_back),
		cmocka_unit_test(test_engine__check_77_congestion_lowers_the_rate),
		cmocka_unit_test(test_engine__check_77_congestion_is_ignored_unless_asked_for),
		cmocka_unit_test(test_engine__a_part_that_another_part_ended_is_not_taken),
		cmocka_unit_test(test_engine__who_watches_is_told_what_a_throttle_does),
		cmocka_unit_test(test_engine__who_watches_is_told_of_congestion),
		cmocka_unit_test(test_engine__who_watches_is_told_that_a_connection_is_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
