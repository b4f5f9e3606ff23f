/* Which segment a receipt is about, and what is none. Numbers are of test/checks.tsv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "test/engine_receipts.h"
#include "test/receipt_rows.h"

/* ---- ids ---- */

/* Every pair of ids.tsv, by the real matching. A NUL cannot stand in a PDU's message_id. */
static void test_engine__m01_to_m14_an_id_is_known_in_every_spelling(void **state)
{
	FILE *file = fopen("test/vectors/ids.tsv", "r");
	char line[512], setting[256];
	int rows = 0;
	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		char *rest = line, *columns[5];
		uint8_t octets[2][130];
		if (line[0] == '#' || strstr(line, "\\0"))
			continue;
		for (size_t i = 0; i < 5; i++)
			columns[i] = strsep(&rest, "\t");
		for (size_t i = 0; i < 2; i++) {
			struct smpp_writer writer = smpp_writer_of(octets[i], 129);
			put_text(&writer, columns[i + 1]);
			octets[i][writer.n] = 0;
		}
		snprintf(setting, sizeof(setting), PROVIDER "message_id_dialect: %s",
			 strcmp(columns[3], "any") ? columns[3] : "none");
		struct engine_world *world =
			engine_world_new(&(struct setting){ .alpha = setting });
		uint64_t order = taken(world, (const char *)octets[0]);
		says(world, (const char *)octets[1], "DELIVRD");
		if (world_state(world, order, 0) !=
		    (strcmp(columns[4], "-") ? STORE_STATE_DELIVERED : STORE_STATE_SENT))
			fail_msg("%s: %s", columns[0],
				 store_state_name(world_state(world, order, 0)));
		engine_world_free(world);
		rows++;
	}
	fclose(file);
	assert_true(rows > 20);
}

/* T24: a refusal may name an id; it is kept with the evidence, and found by no receipt. */
static void test_engine__t24_a_refusal_with_an_id_is_a_refusal_that_keeps_it(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct evidence row;
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_refuse_naming(world->carriers[0], 0, 0x0B, "77");
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	assert_true(world_row(world, order, 0, LIFE_ON_REFUSED, &row));
	assert_true(smpp_octets_equal(row.id, smpp_octets_of("77")));
	says(world, "77", "DELIVRD");
	assert_ends(world, order, STORE_STATE_FAILED, STORE_ERROR_SUBMIT_ERROR);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	engine_world_free(world);
}

static void test_engine__a_dialect_allows_its_reading_only(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .alpha = PROVIDER "message_id_dialect: exact" });
	(void)state;
	uint64_t order = taken(world, "1A2B3C");
	says(world, "1715004", "DELIVRD");
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	engine_world_free(world);
}

static void test_engine__m11_equal_ids_of_two_providers_do_not_meet(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t first =
		engine_world_order(world, &(struct wish){ .route = 1, .first = FIRST_NUMBER });
	uint64_t second =
		engine_world_order(world, &(struct wish){ .route = 2, .first = FIRST_NUMBER });
	carrier_ok(world->carriers[0], 0, "1");
	carrier_ok(world->carriers[1], 0, "1");
	engine_world_settle(world);
	assert_true(carrier_receipt(world->carriers[1], "1", "DELIVRD"));
	engine_world_settle(world);
	assert_ends(world, first, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_ends(world, second, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	/* An orphan of one provider is not joined at the other. */
	says(world, "2", "DELIVRD");
	uint64_t third =
		engine_world_order(world, &(struct wish){ .route = 2, .first = FIRST_NUMBER });
	carrier_ok(world->carriers[1], 1, "2");
	engine_world_settle(world);
	assert_ends(world, third, STORE_STATE_SENT, STORE_ERROR_NONE);
	engine_world_free(world);
}

static void test_engine__an_address_that_disagrees_makes_an_orphan(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct said said = {
		.id = "1", .stat = "DELIVRD", .from = 31699999999, .to = "31688888888"
	};
	(void)state;
	uint64_t order = taken(world, "1");
	assert_true(carrier_says(world->carriers[0], &said));
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(orphan_reason(world), ORPHAN_ADDRESS);
	assert_int_equal(world->carriers[0]->acked, 1);
	/* Swapped is well: either address will do, by its last seven digits. */
	said.to = "0600000000";
	assert_true(carrier_says(world->carriers[0], &said));
	engine_world_settle(world);
	assert_ends(world, order, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* T20: swapped or as submitted, masked, with a name for a sender. */
static void test_engine__t20_an_address_agrees_or_says_nothing(void **state)
{
	static const struct {
		const char *source, *destination;
		bool agrees;
	} rows[] = {
		{ "31600000000", "Shop", true },
		{ "Shop", "+31600000000", true },
		{ "0600000000", "31688888888", true },
		{ "31688888888", "0031600000000", true },
		{ "0000000", "1234", true },
		{ "", "1234", true },
		{ "316000XXXXX", "31688888888", true },
		{ "Shop", "Info", true },
		{ "31688888888", "Shop", false },
		{ "Shop", "31688888888", false },
		{ "4YOU", "31688888888", false },
		{ "31688888888", "31699999999", false },
	};
	struct engine_world *world = engine_world_new(NULL);
	char id[16];
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(id, sizeof(id), "%zu", 1000 + i);
		uint64_t order = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
		carrier_ok(world->carriers[0], i, id);
		engine_world_settle(world);
		assert_true(carrier_says(world->carriers[0],
					 &(struct said){ .id = id,
							 .stat = "DELIVRD",
							 .source = rows[i].source,
							 .to = rows[i].destination }));
		engine_world_settle(world);
		assert_int_equal(world_state(world, order, 0),
				 rows[i].agrees ? STORE_STATE_DELIVERED : STORE_STATE_SENT);
	}
	engine_world_free(world);
}

static void test_engine__an_id_of_several_is_an_orphan_unless_the_address_tells(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	struct said said = { .id = "7", .stat = "DELIVRD", .to = "31688888888" };
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ .total = 2 });
	uint64_t same = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_ok(alpha, 0, "7");
	carrier_ok(alpha, 1, "7");
	engine_world_settle(world);
	said.from = FIRST_NUMBER + 1;
	assert_true(carrier_says(alpha, &said));
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
	assert_int_equal(world_state(world, order, 1), STORE_STATE_DELIVERED);
	carrier_ok(alpha, 2, "7");
	engine_world_settle(world);
	said.from = FIRST_NUMBER;
	assert_true(carrier_says(alpha, &said));
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
	assert_int_equal(world_state(world, same, 0), STORE_STATE_SENT);
	assert_int_equal(orphan_reason(world), ORPHAN_AMBIGUOUS);
	engine_world_free(world);
}

/* Small numbers in a row, one recipient: each is another one's in another base. */
static void test_engine__the_id_as_it_was_given_stands_before_other_readings(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = "window: 40" });
	uint64_t orders[40];
	char id[12];
	(void)state;
	for (int i = 0; i < 40; i++) {
		orders[i] = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
		snprintf(id, sizeof(id), "%d", i + 1);
		carrier_ok(world->carriers[0], (size_t)i, id);
		engine_world_settle(world);
	}
	for (int i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "%d", i + 1);
		says(world, id, i % 3 ? "DELIVRD" : "UNDELIV");
		assert_int_equal(world_state(world, orders[i], 0),
				 i % 3 ? STORE_STATE_DELIVERED : STORE_STATE_FAILED);
	}
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	engine_world_free(world);
}

/* Once a receipt was read in another base, an id as it was given may be another one's. */
static void test_engine__no_reading_stands_before_others_where_bases_change(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	uint64_t first = taken(world, "1F");
	says(world, "31", "DELIVRD");
	assert_ends(world, first, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	uint64_t hex = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	uint64_t other = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_ok(world->carriers[0], 1, "10");
	carrier_ok(world->carriers[0], 2, "16");
	engine_world_settle(world);
	says(world, "16", "DELIVRD");
	assert_ends(world, hex, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_ends(world, other, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(orphan_reason(world), ORPHAN_AMBIGUOUS);
	engine_world_free(world);
}

/* ---- a receipt that may be of a message without an answer ---- */

/* One message was taken under "10", and another to the same number is out. */
static uint64_t lookalike(struct engine_world *world, uint64_t *out)
{
	uint64_t older = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_ok(world->carriers[0], 0, "10");
	engine_world_settle(world);
	*out = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	return older;
}

/* 16 is 10 in another base, and nothing has shown that this carrier writes ids so. */
static void test_engine__a_receipt_ahead_of_its_answer_is_not_an_older_messages(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	uint64_t newer, older = lookalike(world, &newer);
	(void)state;
	says(world, "16", "DELIVRD");
	assert_int_equal(world->carriers[0]->acked, 1);
	assert_ends(world, older, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(orphan_reason(world), ORPHAN_EARLY);
	carrier_ok(world->carriers[0], 1, "16");
	engine_world_settle(world);
	assert_ends(world, older, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_ends(world, newer, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	engine_world_free(world);
}

/* What is out turns out to have another id: then there is one reading that fits. */
static void test_engine__a_receipt_in_another_base_waits_for_the_answers_to_its_number(void **state)
{
	static const uint32_t statuses[] = { 0, 0x0B };
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct engine_world *world = engine_world_new(NULL);
		uint64_t newer, older = lookalike(world, &newer);
		says(world, "16", "DELIVRD");
		assert_ends(world, older, STORE_STATE_SENT, STORE_ERROR_NONE);
		if (statuses[i])
			carrier_refuse(world->carriers[0], 1, statuses[i]);
		else
			carrier_ok(world->carriers[0], 1, "77");
		engine_world_settle(world);
		assert_ends(world, older, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
		assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
		engine_world_free(world);
	}
}

/* Its answer never comes: whose receipt it is nobody knows, and nobody says so. */
static void test_engine__a_receipt_that_fits_a_doubt_as_well_stays_an_orphan(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	uint64_t newer, older = lookalike(world, &newer), third;
	(void)state;
	says(world, "16", "DELIVRD");
	engine_world_run(world, 6000);
	assert_int_equal(world_state(world, newer, 0), STORE_STATE_IN_DOUBT);
	third = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_ok(world->carriers[0], 2, "77");
	engine_world_settle(world);
	assert_ends(world, older, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_ends(world, third, STORE_STATE_SENT, STORE_ERROR_NONE);
	assert_int_equal(orphan_reason(world), ORPHAN_EARLY);
	engine_world_free(world);
}

/* The id as it was given is nobody else's, and elsewhere nothing is out. */
static void test_engine__only_another_base_and_the_same_number_make_it_wait(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	uint64_t newer, older = lookalike(world, &newer);
	(void)state;
	says(world, "10", "DELIVRD");
	assert_ends(world, older, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);

	world = engine_world_new(NULL);
	older = engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_ok(world->carriers[0], 0, "10");
	engine_world_settle(world);
	engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER + 1 });
	says(world, "16", "DELIVRD");
	assert_ends(world, older, STORE_STATE_DELIVERED, STORE_ERROR_NONE);
	engine_world_free(world);
}

/* No handset adds TLVs: it is the carrier's, whatever esm_class says, and waits for the answer. */
static void test_engine__unmarked_tlvs_wait_for_their_answer(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct said said = {
		.id = "A1", .stat = "DELIVRD", .esm_class = 0x01, .tlv_id = "A1", .tlv_state = 2
	};
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	assert_true(carrier_says(world->carriers[0], &said));
	engine_world_settle(world);
	assert_int_equal(world_count(world, STORE_KIND_INBOUND_MESSAGE), 0);
	carrier_ok(world->carriers[0], 0, "A1");
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	engine_world_free(world);
}

/* Where receipts are not marked, one that overtakes its answer is no message of its recipient's. */
static void test_engine__an_unmarked_receipt_waits_while_its_number_is_unanswered(void **state)
{
	struct engine_world *world =
		engine_world_new(&(struct setting){ .alpha = "unmarked_receipts: true" });
	struct said said = { .id = "A1", .stat = "DELIVRD", .esm_class = 0x01 };
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	assert_true(carrier_says(world->carriers[0], &said));
	engine_world_settle(world);
	assert_int_equal(world_count(world, STORE_KIND_INBOUND_MESSAGE), 0);
	carrier_ok(world->carriers[0], 0, "A1");
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	said.id = "B2"; /* nothing is unanswered now: the recipient may have written that */
	assert_true(carrier_says(world->carriers[0], &said));
	engine_world_settle(world);
	assert_int_equal(world_count(world, STORE_KIND_INBOUND_MESSAGE), 1);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	engine_world_free(world);
}

/* The TLV has another number of the carrier's: the text's id joins it all the same. */
static void test_engine__a_parked_receipt_is_found_by_the_id_of_its_text(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct said said = { .id = "A1", .stat = "DELIVRD", .tlv_id = "777", .tlv_state = 2 };
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	assert_true(carrier_says(world->carriers[0], &said));
	engine_world_settle(world);
	carrier_ok(world->carriers[0], 0, "A1");
	engine_world_settle(world);
	assert_int_equal(world_state(world, order, 0), STORE_STATE_DELIVERED);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	engine_world_free(world);
}

/* Several fitted when it came: a further one that fits later is no answer either. */
static void test_engine__an_ambiguous_orphan_is_joined_to_nobody(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	for (int i = 0; i < 3; i++)
		engine_world_order(world, &(struct wish){ .first = FIRST_NUMBER });
	carrier_ok(alpha, 0, "7");
	carrier_ok(alpha, 1, "7");
	engine_world_settle(world);
	says(world, "7", "DELIVRD");
	assert_int_equal(orphan_reason(world), ORPHAN_AMBIGUOUS);
	carrier_ok(alpha, 2, "7");
	engine_world_settle(world);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	engine_world_free(world);
}

/* ---- what is no receipt ---- */

static void test_engine__check_102_nothing_unknown_is_answered_negatively(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	says(world, "nobodys", "DELIVRD");
	says(world, "", "DELIVRD"); /* names no id */
	assert_true(carrier_says(alpha, &(struct said){ .id = "1", .stat = "?", .esm_class = 4 }));
	/* Receipt-shaped, but not marked: a handset can write that. */
	assert_true(carrier_says(
		alpha, &(struct said){ .id = "1", .stat = "DELIVRD", .esm_class = 0x40 }));
	engine_world_settle(world);
	assert_int_equal(alpha->acked, 4);
	assert_int_equal(alpha->refused, 0);
	assert_int_equal(
		world_count(world, STORE_KIND_ORPHAN) + world_count(world, STORE_KIND_INBOUND), 4);
	assert_true(world_count(world, STORE_KIND_INBOUND) >= 1);
	engine_world_free(world);
}

/* SMPP 3.4, 4.6.2: message_id is unused, a lone NUL. */
static void test_engine__check_103_a_receipt_is_answered_by_a_lone_nul_and_its_number(void **state)
{
	static const char text[] = "id:nobodys stat:DELIVRD";
	static const uint32_t sequences[] = { 99, 7, 0x7FFFFFFF };
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	uint8_t octets[128] = { 0 };
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct smpp_writer writer = smpp_writer_of(octets, sizeof(octets));
		smpp_write_u32(&writer, 33 + sizeof(text) - 1);
		smpp_write_u32(&writer, SMPP_deliver_sm);
		smpp_write_u32(&writer, 0);
		smpp_write_u32(&writer, sequences[i]);
		smpp_write_octets(&writer, "\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\0", 16);
		smpp_write_u8(&writer, sizeof(text) - 1);
		smpp_write_octets(&writer, text, sizeof(text) - 1);
		assert_true(carrier_raw(alpha, octets, writer.n));
	}
	engine_world_settle(world);
	assert_int_equal(alpha->raw_answers, 3);
	for (size_t i = 0; i < 3; i++) /* in the order in which they were committed */
		assert_int_equal(alpha->raw_sequences[i], sequences[i]);
	static const uint8_t answer[] = { 0, 0, 0, 17,	 0x80, 0,    0,	   5, 0,
					  0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0 };
	assert_int_equal(alpha->raw_last_n, sizeof(answer));
	assert_memory_equal(alpha->raw_last, answer, sizeof(answer));
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 3);
	engine_world_free(world);
}

/* A deliver_sm whose frame is known but whose body is not is kept as it came, and answered OK. */
static void test_engine__check_9_16_what_cannot_be_read_is_kept_and_answered(void **state)
{
	static const uint8_t cut[] = {
		0, 0, 0, 24, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 99, 0, 1, 1, '3', '1', '6', 0, 1,
	};
	/* sm_length says 200; 14 octets follow. */
	static const uint8_t longer[] = {
		0,   0,	  0,   47,  0,	 0,   0,   5,	0,   0,	  0,   0,   0,	 0,   0,   98,
		0,   0,	  0,   0,   0,	 0,   0,   4,	0,   0,	  0,   0,   0,	 0,   0,   0,
		200, 'i', 'd', ':', '1', ' ', 's', 't', 'a', 't', ':', 'D', 'E', 'L', 'I',
	};
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	assert_true(carrier_raw(alpha, cut, sizeof(cut)));
	engine_world_settle(world);
	assert_int_equal(alpha->raw_answers, 1);
	assert_int_equal(alpha->raw_status, 0);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	assert_int_equal(orphan_reason(world), ORPHAN_UNREADABLE);
	assert_true(carrier_raw(alpha, longer, sizeof(longer)));
	engine_world_settle(world);
	assert_int_equal(alpha->raw_answers, 2);
	assert_int_equal(alpha->raw_status, 0);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 2);
	assert_int_equal(carrier_bound(alpha), 1);
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_engine__a_receipt_ahead_of_its_answer_is_not_an_older_messages),
		cmocka_unit_test(
			test_engine__a_receipt_in_another_base_waits_for_the_answers_to_its_number),
		cmocka_unit_test(test_engine__a_receipt_that_fits_a_doubt_as_well_stays_an_orphan),
		cmocka_unit_test(test_engine__only_another_base_and_the_same_number_make_it_wait),
		cmocka_unit_test(test_engine__m01_to_m14_an_id_is_known_in_every_spelling),
		cmocka_unit_test(test_engine__t24_a_refusal_with_an_id_is_a_refusal_that_keeps_it),
		cmocka_unit_test(test_engine__a_dialect_allows_its_reading_only),
		cmocka_unit_test(test_engine__m11_equal_ids_of_two_providers_do_not_meet),
		cmocka_unit_test(test_engine__an_address_that_disagrees_makes_an_orphan),
		cmocka_unit_test(test_engine__t20_an_address_agrees_or_says_nothing),
		cmocka_unit_test(
			test_engine__an_id_of_several_is_an_orphan_unless_the_address_tells),
		cmocka_unit_test(test_engine__the_id_as_it_was_given_stands_before_other_readings),
		cmocka_unit_test(test_engine__no_reading_stands_before_others_where_bases_change),
		cmocka_unit_test(test_engine__unmarked_tlvs_wait_for_their_answer),
		cmocka_unit_test(
			test_engine__an_unmarked_receipt_waits_while_its_number_is_unanswered),
		cmocka_unit_test(test_engine__a_parked_receipt_is_found_by_the_id_of_its_text),
		cmocka_unit_test(test_engine__an_ambiguous_orphan_is_joined_to_nobody),
		cmocka_unit_test(test_engine__check_102_nothing_unknown_is_answered_negatively),
		cmocka_unit_test(test_engine__check_9_16_what_cannot_be_read_is_kept_and_answered),
		cmocka_unit_test(
			test_engine__check_103_a_receipt_is_answered_by_a_lone_nul_and_its_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
