/* How ids are written: learned, applied, contradicted; and the alarm when too few are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/alarm.h"
#include "core/dialect.h"
#include "test/engine_receipts.h"

static struct store_dialect dialect(struct engine_world *world, int place)
{
	struct store_txn *txn;
	assert_int_equal(store_read_begin(world->store, &txn), STORE_OK);
	struct store_dialect rec = dialect_read(txn, 1, place);
	store_read_end(txn);
	return rec;
}

/* A message whose answer says the number in hex, or decimal, and a receipt that says it otherwise. */
static enum store_state pair(struct engine_world *world, unsigned number, const char *answer,
			     const char *receipt)
{
	char id[32];
	snprintf(id, sizeof(id), answer[0] == 'x' ? "%X" : "%u", number);
	uint64_t order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_ok(world->carriers[0], world->carriers[0]->n - 1, id);
	engine_world_settle(world);
	snprintf(id, sizeof(id), receipt[0] == 'x' ? "%X" : "%u", number);
	says(world, id, "DELIVRD");
	return world_state(world, order, 0);
}

static const struct setting automatic = { .alpha = PROVIDER "message_id_dialect: auto" };

static void test_engine__m03_m13_a_dialect_is_learned_and_applied(void **state)
{
	struct engine_world *world = engine_world_new(&automatic);
	(void)state;
	/* One digit reads the same in both bases: it teaches nothing. */
	for (unsigned i = 1; i < 8; i++)
		pair(world, i, "x", "d");
	assert_int_equal(dialect(world, 0).dec_to_hex + dialect(world, 0).exact, 0);
	for (unsigned i = 0; i < DIALECT_PAIRS - 1; i++)
		assert_int_equal(pair(world, 100000 + i, "x", "d"), STORE_STATE_DELIVERED);
	assert_int_equal(dialect(world, 0).applied, SMPP_ID_ANY);
	assert_int_equal(pair(world, 200000, "x", "d"), STORE_STATE_DELIVERED);
	assert_int_equal(dialect(world, 0).applied, SMPP_ID_DEC_TO_HEX);
	/* It stays over a crash, and what is not in it is an orphan that says so. */
	engine_world_crash(world);
	engine_world_run(world, 300);
	assert_int_equal(pair(world, 200001, "x", "d"), STORE_STATE_DELIVERED);
	assert_int_equal(pair(world, 300000, "d", "d"), STORE_STATE_SENT);
	assert_int_equal(newest_orphan(world).reason, ORPHAN_DIALECT);
	assert_int_equal(dialect(world, 0).against, 1);
	assert_int_equal(dialect(world, 0).applied, SMPP_ID_DEC_TO_HEX);
	engine_world_free(world);
}

/* The carrier changed its ways: what was kept meanwhile finds its messages. */
static void test_engine__m14_a_dialect_that_is_contradicted_is_withdrawn(void **state)
{
	struct engine_world *world = engine_world_new(&automatic);
	uint64_t first = 0;
	int orphans = 0;
	(void)state;
	for (unsigned i = 0; i < DIALECT_PAIRS; i++)
		pair(world, 100000 + i, "x", "d");
	first = world_count(world, STORE_KIND_ORDER) + 1;
	for (unsigned i = 0; dialect(world, 0).applied; i++, orphans++)
		pair(world, 500000 + i, "d", "d");
	assert_in_range(orphans, DIALECT_AGAINST, 12);
	for (int i = 0; i < orphans; i++)
		assert_int_equal(world_state(world, first + (uint64_t)i, 0), STORE_STATE_DELIVERED);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	assert_true(dialect(world, 0).withdrawn_ms);
	assert_int_equal(pair(world, 600000, "d", "d"), STORE_STATE_DELIVERED);
	engine_world_free(world);
}

static void test_engine__without_auto_it_is_only_proposed(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	for (unsigned i = 0; i < DIALECT_PAIRS; i++)
		pair(world, 100000 + i, "d", "x");
	struct store_dialect rec = dialect(world, 0);
	assert_int_equal(dialect_proposed(&rec), SMPP_ID_HEX_TO_DEC);
	assert_int_equal(rec.applied, SMPP_ID_ANY);
	assert_int_equal(pair(world, 300000, "d", "d"), STORE_STATE_DELIVERED);
	engine_world_free(world);
}

/* Receipts that overtake their answers teach, too. */
static void test_engine__a_parked_receipt_is_a_pair(void **state)
{
	struct engine_world *world = engine_world_new(&automatic);
	char id[32];
	(void)state;
	for (unsigned i = 0; i < DIALECT_PAIRS; i++) {
		engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
		snprintf(id, sizeof(id), "%u", 100000 + i);
		says(world, id, "DELIVRD");
		snprintf(id, sizeof(id), "%X", 100000 + i);
		carrier_ok(world->carriers[0], i, id);
		engine_world_settle(world);
	}
	assert_int_equal(dialect(world, 0).applied, SMPP_ID_DEC_TO_HEX);
	engine_world_free(world);
}

/* ---- cut ids ---- */

static uint64_t known(struct engine_world *world, const char *id)
{
	uint64_t order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_ok(world->carriers[0], world->carriers[0]->n - 1, id);
	engine_world_settle(world);
	return order;
}

static void
test_engine__m09_a_cut_id_is_known_by_its_beginning_if_the_provider_says_so(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = PROVIDER "message_id_prefix: 8" });
	(void)state;
	uint64_t order = known(world, "31303737");
	says(world, "3130373738393031", "DELIVRD");
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	/* Of several that begin so, none. */
	uint64_t one = known(world, "abcdefgh"), two = known(world, "abcdefgh");
	says(world, "abcdefgh-1", "DELIVRD");
	assert_int_equal(world_state(world, one, 0), STORE_STATE_SENT);
	assert_int_equal(world_state(world, two, 0), STORE_STATE_SENT);
	assert_int_equal(newest_orphan(world).reason, ORPHAN_AMBIGUOUS);
	/* An id that was not cut is no beginning of another. */
	order = known(world, "1234567");
	says(world, "12345678901", "DELIVRD");
	assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
	/* The receipt may come first. */
	order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	says(world, "99999999123", "DELIVRD");
	carrier_ok(world->carriers[0], world->carriers[0]->n - 1, "99999999");
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

static void test_engine__m09_without_the_setting_a_beginning_is_another_id(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t order = known(world, "31303737");
	says(world, "3130373738393031", "DELIVRD");
	assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
	engine_world_free(world);
}

/* ---- the alarm ---- */

static const char *alarm_text(const struct engine_world *world)
{
	for (const struct alarm *alarm = world->engine->alarms; alarm; alarm = alarm->next)
		if (!strcmp(alarm->name, "unmatched_receipts:alpha"))
			return alarm->text;
	return "";
}

static void test_engine__f21_unmatched_receipts_raise_an_alarm_that_says_what_to_do(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = PROVIDER "message_id_dialect: exact" });
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(pair(world, 100000 + i, "x", "d"), STORE_STATE_SENT);
	engine_world_run(world, 12000);
	assert_true(engine_world_alarmed(world, "unmatched_receipts:alpha"));
	assert_non_null(strstr(alarm_text(world), "20 of 20"));
	assert_non_null(strstr(alarm_text(world), "message_id_dialect: dec_to_hex"));
	assert_int_equal(unmatched_total(&world->engine->providers[0]->unmatched), 20);
	/* It ends when they match again. */
	for (unsigned i = 0; i < 200; i++)
		pair(world, 300000 + i, "d", "d");
	engine_world_run(world, 12000);
	assert_false(engine_world_alarmed(world, "unmatched_receipts:alpha"));
	engine_world_free(world);
}

/* With other settings at the next start, what is kept finds its messages. */
static void test_engine__f21_a_corrected_dialect_finds_what_was_kept(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = PROVIDER "message_id_dialect: exact" });
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		pair(world, 100000 + i, "x", "d");
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 5);
	engine_world_kill(world);
	engine_world_configure(world, &automatic);
	engine_world_start(world);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	for (uint64_t order = 1; order <= 5; order++)
		assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	engine_world_free(world);
}

static void test_engine__early_receipts_raise_no_alarm(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	char id[32];
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
		snprintf(id, sizeof(id), "%u", 100000 + i);
		says(world, id, "DELIVRD");
		carrier_ok(world->carriers[0], i, id);
		engine_world_run(world, 1000);
	}
	assert_false(engine_world_alarmed(world, "unmatched_receipts:alpha"));
	assert_int_equal(unmatched_total(&world->engine->providers[0]->unmatched), 0);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine__m03_m13_a_dialect_is_learned_and_applied),
		cmocka_unit_test(test_engine__m14_a_dialect_that_is_contradicted_is_withdrawn),
		cmocka_unit_test(test_engine__without_auto_it_is_only_proposed),
		cmocka_unit_test(test_engine__a_parked_receipt_is_a_pair),
		cmocka_unit_test(
			test_engine__m09_a_cut_id_is_known_by_its_beginning_if_the_provider_says_so),
		cmocka_unit_test(test_engine__m09_without_the_setting_a_beginning_is_another_id),
		cmocka_unit_test(
			test_engine__f21_unmatched_receipts_raise_an_alarm_that_says_what_to_do),
		cmocka_unit_test(test_engine__f21_a_corrected_dialect_finds_what_was_kept),
		cmocka_unit_test(test_engine__early_receipts_raise_no_alarm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
