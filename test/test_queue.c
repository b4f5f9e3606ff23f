/* The queue: who goes next, and that nobody waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/queue.h"

#define NOW 1000

static struct queue *two_routes(uint32_t weight_a, uint32_t weight_b)
{
	struct queue *queue = queue_new();
	assert_true(queue_route(queue, 1, 0, weight_a));
	assert_true(queue_route(queue, 2, 0, weight_b));
	assert_true(queue_route(queue, 3, 1, 1)); /* another provider's */
	return queue;
}

static void add(struct queue *queue, uint32_t route, uint32_t account, uint64_t order, uint64_t n)
{
	struct queue_order info = {
		.order = order, .route = route, .account = account, .parts = 1, .segments = n
	};
	assert_true(queue_add(queue, &info));
}

/* Takes the next of provider 0; its order, 0 for none. */
static uint64_t take(struct queue *queue)
{
	struct queue_item item;
	if (!queue_peek(queue, 0, NOW, &item))
		return 0;
	queue_take(queue, true);
	return item.segment.order;
}

static void test_queue__an_order_goes_out_in_its_own_order(void **state)
{
	struct queue *queue = two_routes(1, 1);
	struct queue_item item;
	struct queue_order order = {
		.order = 7, .route = 1, .parts = 3, .segments = 12, .cursor = 4
	};
	(void)state;
	assert_true(queue_add(queue, &order));
	for (uint64_t at = 4; at < 12; at++) {
		assert_true(queue_peek(queue, 0, NOW, &item));
		assert_int_equal(item.segment.index, at / 3);
		assert_int_equal(item.segment.segment, at % 3);
		assert_int_equal(item.cursor, at + 1);
		assert_int_equal(queue_depth(queue, 1), 12 - at);
		queue_take(queue, true);
	}
	assert_false(queue_peek(queue, 0, NOW, &item));
	queue_free(queue);
}

static void test_queue__routes_share_by_weight(void **state)
{
	struct queue *queue = two_routes(3, 1);
	int of_route_1 = 0;
	(void)state;
	add(queue, 1, 1, 100, 1000);
	add(queue, 2, 1, 200, 1000);
	for (int i = 0; i < 400; i++)
		of_route_1 += take(queue) == 100;
	assert_in_range(of_route_1, 298, 302);
	queue_free(queue);
}

static void test_queue__bulk_of_one_account_does_not_delay_another(void **state)
{
	struct queue *queue = two_routes(1, 1);
	(void)state;
	add(queue, 1, 1, 100, 50000);
	assert_int_equal(take(queue), 100);
	add(queue, 1, 2, 200, 2);
	int waited = 0;
	while (take(queue) != 200)
		waited++;
	assert_true(waited <= 1);
	queue_free(queue);
}

static void test_queue__higher_priority_first_then_age(void **state)
{
	struct queue *queue = two_routes(1, 1);
	struct queue_order urgent = {
		.order = 3, .route = 1, .account = 1, .parts = 1, .segments = 1, .priority = 3
	};
	(void)state;
	add(queue, 1, 1, 1, 1);
	add(queue, 1, 1, 2, 1);
	assert_true(queue_add(queue, &urgent));
	assert_int_equal(take(queue), 3);
	assert_int_equal(take(queue), 1);
	assert_int_equal(take(queue), 2);
	assert_int_equal(take(queue), 0);
	queue_free(queue);
}

static void test_queue__what_came_back_goes_first_in_its_old_order(void **state)
{
	struct queue *queue = two_routes(1, 1);
	struct queue_item item;
	(void)state;
	add(queue, 1, 1, 9, 5);
	assert_true(queue_return(queue, 1, 500, 0, (struct segment_ref){ .order = 5, .index = 2 }));
	assert_true(queue_return(queue, 1, 500, 0, (struct segment_ref){ .order = 5, .index = 1 }));
	assert_true(queue_return(queue, 1, 400, 0, (struct segment_ref){ .order = 6, .index = 9 }));
	assert_true(queue_return(queue, 1, NOW + 1, 0, (struct segment_ref){ .order = 4 }));
	const uint64_t orders[] = { 6, 5, 5, 9 };
	const uint32_t indexes[] = { 9, 1, 2, 0 };
	for (size_t i = 0; i < 4; i++) {
		assert_true(queue_peek(queue, 0, NOW, &item));
		assert_int_equal(item.segment.order, orders[i]);
		assert_int_equal(item.segment.index, indexes[i]);
		assert_int_equal(item.returned, i < 3);
		queue_take(queue, true);
	}
	assert_int_equal(queue_deadline(queue, NOW), NOW + 1);
	assert_int_equal(queue_deadline(queue, NOW + 1), QUEUE_NEVER); /* waits for room now */
	queue_free(queue);
}

static void test_queue__send_at_holds_an_order_back(void **state)
{
	struct queue *queue = two_routes(1, 1);
	struct queue_order later = {
		.order = 8, .route = 1, .parts = 1, .segments = 2, .send_at_ms = NOW + 50
	};
	struct queue_item item;
	(void)state;
	assert_true(queue_add(queue, &later));
	assert_false(queue_peek(queue, 0, NOW, &item));
	assert_int_equal(queue_deadline(queue, NOW), NOW + 50);
	assert_int_equal(queue_depth(queue, 1), 2);
	assert_true(queue_peek(queue, 0, NOW + 50, &item));
	assert_int_equal(item.segment.order, 8);
	queue_free(queue);
}

static void test_queue__a_paused_route_keeps_what_it_has(void **state)
{
	struct queue *queue = two_routes(1, 1);
	(void)state;
	add(queue, 1, 1, 1, 1);
	add(queue, 2, 1, 2, 1);
	assert_false(queue_route_paused(queue, 1));
	queue_route_pause(queue, 1, true);
	assert_true(queue_route_paused(queue, 1));
	assert_false(queue_route_paused(queue, 2));
	assert_false(queue_route_paused(queue, 99));
	assert_int_equal(take(queue), 2);
	assert_int_equal(take(queue), 0);
	queue_route_pause(queue, 1, false);
	assert_int_equal(take(queue), 1);
	queue_free(queue);
}

static void test_queue__providers_do_not_see_each_other(void **state)
{
	struct queue *queue = two_routes(1, 1);
	struct queue_item item;
	(void)state;
	add(queue, 3, 1, 1, 1);
	assert_int_equal(take(queue), 0);
	assert_true(queue_peek(queue, 1, NOW, &item));
	assert_int_equal(item.route, 3);
	queue_free(queue);
}

static void test_queue__a_dropped_order_is_gone_with_its_depth(void **state)
{
	struct queue *queue = two_routes(1, 1);
	struct queue_item item;
	(void)state;
	add(queue, 1, 1, 1, 500);
	add(queue, 1, 1, 2, 1);
	assert_true(queue_peek(queue, 0, NOW, &item));
	queue_drop(queue);
	assert_int_equal(queue_depth(queue, 1), 1);
	assert_int_equal(take(queue), 2);
	queue_free(queue);
}

static void test_queue__an_unknown_route_is_refused(void **state)
{
	struct queue *queue = two_routes(1, 1);
	struct queue_order order = { .order = 1, .route = 99, .parts = 1, .segments = 1 };
	(void)state;
	assert_false(queue_add(queue, &order));
	assert_false(queue_return(queue, 99, 0, 0, (struct segment_ref){ .order = 1 }));
	queue_free(queue);
}

static void back_since(struct queue *queue, int64_t due_ms, int64_t since_ms, uint64_t order)
{
	assert_true(
		queue_return(queue, 1, due_ms, since_ms, (struct segment_ref){ .order = order }));
}

static void test_queue__tells_since_when_the_oldest_waits(void **state)
{
	struct queue *queue = two_routes(1, 1);
	struct queue_order order = { .order = 1, .route = 1, .parts = 1, .segments = 1 };
	struct queue_item item;
	int64_t since_ms = 0;
	(void)state;
	assert_false(queue_oldest(queue, 1, &since_ms));
	assert_false(queue_oldest(queue, 99, &since_ms));
	order.send_at_ms = order.since_ms = NOW + 500;
	assert_true(queue_add(queue, &order)); /* waits for its time, not for us */
	assert_false(queue_oldest(queue, 1, &since_ms));
	order = (struct queue_order){ 20, 1, 7, 0, 1, 0, 1, 0, NOW - 100 };
	assert_true(queue_add(queue, &order));
	order = (struct queue_order){ 12, 1, 8, 0, 1, 0, 1, 0, NOW - 300 };
	assert_true(queue_add(queue, &order));
	assert_true(queue_oldest(queue, 1, &since_ms));
	assert_int_equal(since_ms, NOW - 300);
	assert_false(queue_oldest(queue, 2, &since_ms));
	/* What came back is as old as its order, whenever it is due. */
	back_since(queue, NOW - 2, NOW - 50, 30);
	back_since(queue, NOW - 1, NOW - 900, 5);
	back_since(queue, NOW + 9, NOW - 700, 6);
	assert_true(queue_oldest(queue, 1, &since_ms));
	assert_int_equal(since_ms, NOW - 900);
	for (int taken = 0; taken < 2; taken++) {
		assert_true(queue_peek(queue, 0, NOW, &item));
		queue_take(queue, true);
	}
	assert_true(queue_oldest(queue, 1, &since_ms));
	assert_int_equal(since_ms, NOW - 700);
	queue_free(queue);
}

/* One that is stuck, behind which others come and go: what is kept of those stays bounded. */
/* First, between, last, alone and for later: what has ended is not counted, and what has not goes. */
static void test_queue__what_is_forgotten_counts_no_more(void **state)
{
	struct queue *queue = two_routes(1, 1);
	struct queue_item item;
	int64_t since_ms;
	(void)state;
	for (uint64_t n = 1; n <= 6; n++)
		assert_true(queue_add(queue,
				      &(struct queue_order){ .order = n,
							     .route = 1,
							     .account = 7,
							     .parts = 1,
							     .segments = 10,
							     .send_at_ms = n == 6 ? NOW + 5 : 0,
							     .since_ms = NOW - 100 + (int64_t)n }));
	static const uint64_t gone[] = { 6, 1, 3, 5, 99, 3, 6 };
	static const uint64_t depths[] = { 50, 40, 30, 20, 20, 20, 20 };
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		queue_forget(queue,
			     &(struct queue_order){ .order = gone[i],
						    .route = 1,
						    .account = 7,
						    .send_at_ms = gone[i] == 6 ? NOW + 5 : 0 });
		assert_int_equal(queue_depth(queue, 1), depths[i]);
	}
	assert_true(queue_oldest(queue, 1, &since_ms));
	assert_int_equal(since_ms, NOW - 98);
	assert_int_equal(take(queue), 2);
	queue_forget(queue, &(struct queue_order){ .order = 2, .route = 1, .account = 7 });
	assert_int_equal(queue_depth(queue, 1), 10);
	queue_forget(queue, &(struct queue_order){ .order = 4, .route = 1, .account = 7 });
	assert_int_equal(queue_depth(queue, 1), 0);
	assert_false(queue_oldest(queue, 1, &since_ms));
	/* One that stands there is skipped, behind it the next one is found and goes. */
	add(queue, 1, 7, 8, 2);
	assert_int_equal(queue_depth(queue, 1), 2);
	assert_true(queue_peek(queue, 0, NOW + 9, &item));
	assert_int_equal(item.segment.order, 4);
	queue_drop(queue);
	assert_int_equal(queue_depth(queue, 1), 2);
	assert_int_equal(take(queue), 8);
	assert_int_equal(take(queue), 8);
	assert_int_equal(queue_depth(queue, 1), 0);
	assert_false(queue_peek(queue, 0, NOW + 9, &item));
	queue_free(queue);
}

static void test_queue__finds_the_oldest_however_many_came_and_went(void **state)
{
	struct queue *queue = two_routes(1, 1);
	struct queue_item item;
	int64_t since_ms = 0;
	(void)state;
	back_since(queue, NOW + 1000, NOW - 900, 1);
	for (uint64_t n = 0; n < 5000; n++) {
		back_since(queue, NOW - 1, NOW - 10 - (int64_t)(n % 7), 2 + n % 3);
		assert_true(queue_peek(queue, 0, NOW, &item));
		queue_take(queue, true);
		assert_true(queue_oldest(queue, 1, &since_ms));
		assert_int_equal(since_ms, NOW - 900);
	}
	assert_true(queue_peek(queue, 0, NOW + 1000, &item));
	queue_take(queue, true);
	assert_false(queue_oldest(queue, 1, &since_ms));
	queue_free(queue);
}

static void test_queue__room_that_was_made_is_there(void **state)
{
	struct queue *queue = two_routes(1, 1);
	(void)state;
	add(queue, 1, 1, 1, 1);
	assert_true(queue_make_room(queue, 100));
	for (uint32_t i = 0; i < 100; i++)
		assert_true(queue_route(queue, 10 + i, 0, 1));
	assert_int_equal(take(queue), 1);
	queue_free(queue);
}

static void add_priority(struct queue *queue, uint64_t order, uint32_t priority, uint64_t n)
{
	struct queue_order info = { .order = order,
				    .route = 1,
				    .account = 1,
				    .parts = 1,
				    .segments = n,
				    .priority = priority };
	assert_true(queue_add(queue, &info));
}

/* A high priority that never ends leaves one in nine to those below, each of them in turn. */
static void test_queue__no_priority_starves_a_lower_one(void **state)
{
	struct queue *queue = two_routes(1, 1);
	size_t taken[QUEUE_PRIORITIES] = { 0 };
	(void)state;
	for (uint32_t priority = 0; priority < QUEUE_PRIORITIES; priority++)
		add_priority(queue, 1 + priority, priority, 10000);
	for (int i = 1; i <= 900; i++) {
		taken[take(queue) - 1]++;
		assert_in_range(taken[0] + taken[1] + taken[2], i / 9, i / 9); /* evenly */
	}
	assert_int_equal(taken[3], 800);
	for (int lower = 0; lower < 3; lower++)
		assert_in_range(taken[lower], 33, 34);
	queue_free(queue);
}

/* What waits is counted from when it waits; with nothing below nobody gives way. */
static void test_queue__a_lower_priority_waits_its_eight_and_no_longer(void **state)
{
	struct queue *queue = two_routes(1, 1);
	(void)state;
	add_priority(queue, 1, 2, 1000);
	for (int i = 0; i < 100; i++)
		assert_int_equal(take(queue), 1);
	add_priority(queue, 2, 1, 1);
	for (int i = 0; i < QUEUE_PASSES; i++)
		assert_int_equal(take(queue), 1);
	assert_int_equal(take(queue), 2);
	for (int i = 0; i < 100; i++)
		assert_int_equal(take(queue), 1);
	/* A higher one goes before both at once. */
	add_priority(queue, 3, 3, 2);
	assert_int_equal(take(queue), 3);
	assert_int_equal(take(queue), 3);
	assert_int_equal(take(queue), 1);
	queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue__an_order_goes_out_in_its_own_order),
		cmocka_unit_test(test_queue__routes_share_by_weight),
		cmocka_unit_test(test_queue__bulk_of_one_account_does_not_delay_another),
		cmocka_unit_test(test_queue__higher_priority_first_then_age),
		cmocka_unit_test(test_queue__no_priority_starves_a_lower_one),
		cmocka_unit_test(test_queue__a_lower_priority_waits_its_eight_and_no_longer),
		cmocka_unit_test(test_queue__what_came_back_goes_first_in_its_old_order),
		cmocka_unit_test(test_queue__send_at_holds_an_order_back),
		cmocka_unit_test(test_queue__a_paused_route_keeps_what_it_has),
		cmocka_unit_test(test_queue__providers_do_not_see_each_other),
		cmocka_unit_test(test_queue__a_dropped_order_is_gone_with_its_depth),
		cmocka_unit_test(test_queue__an_unknown_route_is_refused),
		cmocka_unit_test(test_queue__tells_since_when_the_oldest_waits),
		cmocka_unit_test(test_queue__what_is_forgotten_counts_no_more),
		cmocka_unit_test(test_queue__finds_the_oldest_however_many_came_and_went),
		cmocka_unit_test(test_queue__room_that_was_made_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
