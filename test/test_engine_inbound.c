/*
 * Messages to us: parts in any order and from anybody, what is odd about them, what a crash leaves,
 * what a hostile peer may cost. Numbers are of test/checks.tsv.
 */
#include "test/engine_handset.h"

#include <stdio.h>

#include "core/inbound.h"
#include "core/reassembly.h"

/* ---- one PDU is a message ---- */

static void test_inbound__a_message_is_kept_told_and_decoded(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		uint8_t data_coding;
		const char *text;
	} rows[] = {
		{ "Hi \x00 \x1B\x65 \x11", 9, 0, "Hi @ € _" },
		{ "\x00H\x04\x16\xD8\x3D\xDE\x00", 8, 8, "HЖ😀" },
		{ "na\xEFve", 5, 3, "naïve" },
		{ "plain", 5, 1, "plain" },
	};
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		gives(world, &(struct part){ .text = rows[i].octets,
					     .n = rows[i].n,
					     .data_coding = rows[i].data_coding });
		const struct read *read = message(world, i);
		assert_string_equal(read->text, rows[i].text);
		assert_string_equal(read->source, "31655500001");
		assert_int_equal(read->rec.flags, 0);
		assert_int_equal(read->rec.parts, 1);
		assert_false(read->odd);
	}
	gives(world, &(struct part){ .text = "\x00\xFF\x01", .n = 3, .data_coding = 4 });
	assert_true(message(world, 4)->binary);
	assert_memory_equal(message(world, 4)->text, "\x00\xFF\x01", 3);
	assert_int_equal(told(world, FEED_INBOUND), 5);
	assert_answered(world->carriers[0]);
	engine_world_free(world);
}

/* What data_coding means is the provider's to say, where 5.2.19 leaves it open and elsewhere. */
static void test_inbound__data_coding_is_what_the_provider_says(void **state)
{
	static const struct {
		const char *provider;
		struct part part;
		const char *text;
	} rows[] = {
		{ "default_alphabet: latin1", { .text = "\xE9t\xE9@" }, "été@" },
		{ "default_alphabet: ucs2", { .text = "\x04\x16", .n = 2 }, "Ж" },
		{ "data_codings: {latin1: 0xF5}", { .text = "\xE9", .data_coding = 0xF5 }, "é" },
	};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct engine_world *world =
			engine_world_new(&(struct setting){ .alpha = rows[i].provider });
		gives(world, &rows[i].part);
		assert_string_equal(message(world, 0)->text, rows[i].text);
		engine_world_free(world);
	}
}

static void test_inbound__the_longest_payload_is_one_message(void **state)
{
	static char text[65001];
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	memset(text, 'x', 65000);
	gives(world, &(struct part){ .text = text, .data_sm = true });
	assert_string_equal(message(world, 0)->text, text);
	assert_answered(world->carriers[0]);
	engine_world_free(world);
}

/* Handsets acknowledge with types of their own (5.2.12): no receipts, whatever they say. */
static void test_inbound__t15_t18_what_a_handset_acknowledges_is_no_receipt(void **state)
{
	static const uint8_t types[] = { 0x08, 0x10, 0x18 };
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	uint64_t order = engine_world_order(world, &(struct wish){ 0 });
	carrier_ok(alpha, 0, "7");
	engine_world_settle(world);
	for (unsigned i = 0; i < 3; i++) {
		gives(world, &(struct part){ .text = "id:7 stat:DELIVRD", .esm_class = types[i] });
		assert_int_equal(message(world, i)->rec.esm_class, types[i]);
	}
	assert_int_equal(world_state(world, order, 0), STORE_STATE_SENT);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 0);
	engine_world_free(world);
}

/* Bits 1 and 0 are a mode that deliver_sm does not have; a type is a value, not a bit. */
static void test_inbound__check_92_the_mode_bits_mean_nothing(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	for (uint8_t mode = 0; mode < 4; mode++)
		gives(world, &(struct part){ .text = "hello", .esm_class = mode });
	assert_int_equal(messages(world), 4);
	/* 0x04 is a receipt with any mode, 0x14 has its bit and is none. */
	gives(world, &(struct part){ .text = "id:1 stat:DELIVRD", .esm_class = 0x07 });
	assert_int_equal(messages(world), 4);
	assert_int_equal(world_count(world, STORE_KIND_ORPHAN), 1);
	gives(world, &(struct part){ .text = "id:1 stat:DELIVRD", .esm_class = 0x14 });
	assert_int_equal(messages(world), 5);
	assert_answered(world->carriers[0]);
	engine_world_free(world);
}

/* ---- parts ---- */

static const char *const words[] = { "one ", "two ", "three ", "four" };

static struct part word(enum smpp_concat_method method, uint16_t ref, uint8_t i)
{
	return (struct part){ .text = words[i],
			      .method = method,
			      .ref = ref,
			      .total = 4,
			      .seqnum = (uint8_t)(i + 1) };
}

/* Every order of four parts, in every method: 72 messages of one text. */
static void test_inbound__check_91_every_order_of_parts_makes_the_same_text(void **state)
{
	static const enum smpp_concat_method methods[] = { SMPP_CONCAT_UDH8, SMPP_CONCAT_UDH16,
							   SMPP_CONCAT_SAR };
	struct engine_world *world = engine_world_new(NULL);
	unsigned n = 0;
	(void)state;
	for (unsigned m = 0; m < 3; m++) {
		for (unsigned order = 0; order < 256; order++) {
			const uint8_t at[] = { order & 3, order >> 2 & 3, order >> 4 & 3,
					       (uint8_t)(order >> 6) };
			unsigned set = 0;
			for (unsigned i = 0; i < 4; i++)
				set |= 1u << at[i];
			if (set != 15)
				continue; /* no permutation */
			for (unsigned i = 0; i < 4; i++) {
				struct part part = word(methods[m], (uint16_t)n, at[i]);
				give(world->carriers[0], &part);
			}
			engine_world_settle(world);
			assert_string_equal(message(world, n)->text, "one two three four");
			assert_int_equal(message(world, n)->rec.flags, 0);
			n++;
		}
	}
	assert_int_equal(n, 72);
	assert_int_equal(messages(world), 72);
	assert_int_equal(told(world, FEED_INBOUND), 72);
	assert_answered(world->carriers[0]);
	engine_world_free(world);
}

static void test_inbound__the_longest_message_of_parts(void **state)
{
	static char expected[255 * 4 + 1];
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	for (unsigned i = 255; i-- > 0;) {
		char text[12];
		snprintf(text, sizeof(text), "%03u.", i);
		memcpy(expected + i * 4, text, 4);
		give(world->carriers[0], &(struct part){ .text = text,
							 .method = SMPP_CONCAT_UDH8,
							 .total = 255,
							 .seqnum = (uint8_t)(i + 1) });
	}
	engine_world_settle(world);
	assert_string_equal(message(world, 0)->text, expected);
	assert_int_equal(messages(world), 1);
	assert_answered(world->carriers[0]);
	engine_world_free(world);
}

/* Equal references of others, and other references of the same, come in at once. */
static void test_inbound__check_91_conversations_are_kept_apart(void **state)
{
	static const struct part rows[] = {
		{ .ref = 7, .method = SMPP_CONCAT_UDH8 },
		{ .ref = 8, .method = SMPP_CONCAT_UDH8 },
		{ .ref = 7, .method = SMPP_CONCAT_UDH16 },
		{ .ref = 7, .method = SMPP_CONCAT_SAR },
		{ .ref = 7, .method = SMPP_CONCAT_UDH8, .from = "31655500002" },
		{ .ref = 7, .method = SMPP_CONCAT_UDH8, .to = "1235" },
		/* What ends one address must not begin the other. */
		{ .ref = 7, .method = SMPP_CONCAT_UDH8, .from = "316555000011", .to = "234" },
	};
	struct engine_world *world = engine_world_new(NULL);
	char text[16], expected[16];
	(void)state;
	for (uint8_t seqnum = 1; seqnum <= 2; seqnum++) {
		for (unsigned i = 0; i < 8; i++) {
			struct part part = rows[i % 7];
			snprintf(text, sizeof(text), "%u%c", i, seqnum == 1 ? 'a' : 'b');
			part.text = text;
			part.total = 2;
			part.seqnum = seqnum;
			give(world->carriers[i == 7], &part); /* the last is another carrier's */
		}
		engine_world_settle(world);
		assert_int_equal(messages(world), seqnum == 2 ? 8 : 0);
	}
	unsigned seen = 0;
	for (unsigned i = 0; i < 8; i++) {
		const struct read *read = message(world, i);
		unsigned which = (unsigned)(read->text[0] - '0');
		snprintf(expected, sizeof(expected), "%ua%ub", which, which);
		assert_string_equal(read->text, expected);
		seen |= 1u << which;
	}
	assert_int_equal(seen, 255);
	engine_world_free(world);
}

/* Our answer was lost, and the carrier sends the part again: before the message is whole, or after. */
static void test_inbound__check_91_a_part_that_comes_again_is_answered_and_no_more(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	for (uint8_t i = 0; i < 4; i++) {
		struct part part = word(SMPP_CONCAT_UDH8, 7, i);
		gives(world, &part);
		gives(world, &part);
	}
	for (uint8_t i = 0; i < 4; i++) {
		struct part part = word(SMPP_CONCAT_UDH8, 7, i);
		gives(world, &part);
	}
	assert_answered(world->carriers[0]);
	assert_int_equal(world->carriers[0]->raws, 12);
	assert_int_equal(world_count(world, STORE_KIND_INBOUND), 4);
	engine_world_run(world, 700 * 1000);
	assert_int_equal(messages(world), 1);
	assert_int_equal(told(world, FEED_INBOUND), 1);
	assert_string_equal(message(world, 0)->text, "one two three four");
	assert_int_equal(world_count(world, STORE_KIND_INBOUND_GROUP), 0);
	engine_world_free(world);
}

/* A reference comes round: the message before it is whole, and this is another. */
static void test_inbound__a_reference_may_be_used_again(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct part part = { .method = SMPP_CONCAT_UDH8, .total = 2 };
	static const char *const texts[] = { "a", "b", "c", "d" };
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		part.text = texts[i];
		part.seqnum = (uint8_t)(i % 2 + 1);
		gives(world, &part);
	}
	assert_int_equal(messages(world), 2);
	assert_string_equal(message(world, 0)->text, "ab");
	assert_string_equal(message(world, 1)->text, "cd");
	engine_world_free(world);
}

/* ---- what is odd ---- */

/* The group goes on without the part that fits nowhere. */
static void test_inbound__check_90_a_part_that_contradicts_is_alone_and_flagged(void **state)
{
	static const struct part odd[] = {
		{ .text = "other", .total = 2, .seqnum = 1 },
		{ .text = "total", .total = 3, .seqnum = 2 },
		{ .text = "\0c\0o", .n = 4, .total = 2, .seqnum = 2, .data_coding = 8 },
	};
	struct engine_world *world = engine_world_new(NULL);
	struct part part = { .text = "a", .method = SMPP_CONCAT_UDH8, .total = 2, .seqnum = 1 };
	(void)state;
	gives(world, &part);
	for (unsigned i = 0; i < 3; i++) {
		struct part other = odd[i];
		other.method = SMPP_CONCAT_UDH8;
		gives(world, &other);
		assert_int_equal(messages(world), i + 1);
		assert_int_equal(message(world, i)->rec.flags, INBOUND_CONFLICT);
		assert_string_equal(message(world, i)->text, i == 2 ? "co" : odd[i].text);
	}
	part.text = "b";
	part.seqnum = 2;
	gives(world, &part);
	assert_string_equal(message(world, 3)->text, "ab");
	assert_int_equal(message(world, 3)->rec.flags, 0);
	assert_answered(world->carriers[0]);
	engine_world_free(world);
}

static void test_inbound__check_90_bad_headers_and_numbers_are_alone_and_flagged(void **state)
{
	static char big[300];
	static const struct {
		struct part part;
		uint32_t flag;
	} rows[] = {
		{ { .text = "\x7Fxx", .esm_class = 0x40 }, INBOUND_BAD_HEADER },
		{ { .text = "\x05\x00\x09\x01\x02\x01xx", .n = 8, .esm_class = 0x40 },
		  INBOUND_BAD_HEADER },
		{ { .text = "x", .method = SMPP_CONCAT_UDH8, .total = 2, .seqnum = 0 },
		  INBOUND_BAD_COUNT },
		{ { .text = "x", .method = SMPP_CONCAT_UDH8, .total = 0, .seqnum = 1 },
		  INBOUND_BAD_COUNT },
		{ { .text = "x", .method = SMPP_CONCAT_UDH16, .total = 2, .seqnum = 3 },
		  INBOUND_BAD_COUNT },
		{ { .text = "x", .method = SMPP_CONCAT_SAR, .total = 2, .seqnum = 3 },
		  INBOUND_BAD_COUNT },
		{ { .text = big,
		    .method = SMPP_CONCAT_UDH8,
		    .total = 2,
		    .seqnum = 1,
		    .in_payload = true },
		  INBOUND_LONG_PART },
	};
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	memset(big, 'y', sizeof(big) - 1);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gives(world, &rows[i].part);
		assert_int_equal(message(world, i)->rec.flags, rows[i].flag);
		assert_int_equal(message(world, i)->rec.parts, 1);
	}
	assert_string_equal(message(world, 2)->text, "x");
	assert_int_equal(world_count(world, STORE_KIND_INBOUND_GROUP), 0);
	assert_answered(world->carriers[0]);
	engine_world_free(world);
}

/* UDH where 0x40 is set, in message_payload as well, of data_sm as well. */
static void test_inbound__check_89_parts_in_message_payload(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	(void)state;
	for (uint8_t i = 0; i < 4; i++) {
		struct part part = word(SMPP_CONCAT_UDH8, 1, i);
		part.data_sm = i % 2;
		part.in_payload = true;
		gives(world, &part);
	}
	assert_string_equal(message(world, 0)->text, "one two three four");
	/* Without the flag the same octets are the text. */
	gives(world,
	      &(struct part){ .text = "\x05\x00\x03\x01\x02\x01!", .n = 7, .in_payload = true });
	assert_int_equal(message(world, 1)->rec.parts, 1);
	assert_int_equal(strlen(message(world, 1)->text) > 5, true);
	engine_world_free(world);
}

/* Senders cut where they please: an escape, or a pair, is whole again when its parts are. */
static void test_inbound__what_a_cut_parted_is_whole_again(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct part part = { .method = SMPP_CONCAT_UDH8, .total = 2 };
	(void)state;
	gives(world,
	      &(struct part){
		      .text = "5 \x1B", .method = SMPP_CONCAT_UDH8, .total = 2, .seqnum = 1 });
	gives(world,
	      &(struct part){ .text = "e!", .method = SMPP_CONCAT_UDH8, .total = 2, .seqnum = 2 });
	assert_string_equal(message(world, 0)->text, "5 €!");
	assert_false(message(world, 0)->odd);
	part.ref = 1;
	part.data_coding = 8;
	part.n = 2;
	part.seqnum = 2;
	part.text = "\xDE\x00";
	gives(world, &part);
	part.seqnum = 1;
	part.text = "\xD8\x3D";
	gives(world, &part);
	assert_string_equal(message(world, 1)->text, "😀");
	assert_false(message(world, 1)->odd);
	engine_world_free(world);
}

/* ---- time ---- */

static void test_inbound__check_91_what_came_is_handed_out_at_the_deadline(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = TIMERS });
	(void)state;
	struct part last = word(SMPP_CONCAT_UDH8, 7, 3), first = word(SMPP_CONCAT_UDH8, 7, 0);
	gives(world, &last);
	engine_world_run(world, 30 * 1000);
	gives(world, &first);
	engine_world_run(world, 28 * 1000);
	assert_int_equal(messages(world), 0);
	engine_world_run(world, 4 * 1000);
	assert_int_equal(messages(world), 1);
	assert_int_equal(told(world, FEED_INBOUND), 1);
	const struct read *read = message(world, 0);
	assert_string_equal(read->text, "one four");
	assert_int_equal(read->rec.flags, INBOUND_INCOMPLETE);
	assert_int_equal(read->rec.parts, 4);
	assert_int_equal(read->rec.received, 2);
	/* One that comes later still is not lost either. */
	struct part late = word(SMPP_CONCAT_UDH8, 7, 1);
	gives(world, &late);
	engine_world_run(world, 62 * 1000);
	assert_int_equal(messages(world), 2);
	assert_string_equal(message(world, 1)->text, "two ");
	assert_int_equal(message(world, 1)->rec.flags, INBOUND_INCOMPLETE);
	assert_int_equal(world_count(world, STORE_KIND_INBOUND_GROUP), 0);
	engine_world_free(world);
}

/* ---- crashes ---- */

/* The deadline runs on over the restart. */
static void test_inbound__a_crash_between_parts_loses_none(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = TIMERS });
	(void)state;
	struct part lonely = word(SMPP_CONCAT_UDH8, 9, 2);
	gives(world, &lonely);
	for (uint8_t i = 4; i-- > 0;) {
		struct part part = word(SMPP_CONCAT_SAR, 7, i);
		gives(world, &part);
		engine_world_crash(world);
		engine_world_run(world, 5000);
	}
	assert_int_equal(messages(world), 1);
	assert_string_equal(message(world, 0)->text, "one two three four");
	engine_world_run(world, 45 * 1000);
	assert_int_equal(messages(world), 2);
	assert_string_equal(message(world, 1)->text, "three ");
	engine_world_free(world);
}

/* Nothing is answered OK that the store does not have; sent again, it makes the message whole. */
static void test_inbound__what_cannot_be_kept_is_not_answered_ok(void **state)
{
	struct engine_world *world = engine_world_new(NULL);
	struct carrier *alpha = world->carriers[0];
	(void)state;
	struct part first = word(SMPP_CONCAT_UDH8, 7, 0);
	gives(world, &first);
	world->fault = STORE_FAULT_FULL;
	for (uint8_t i = 1; i < 4; i++) {
		struct part part = word(SMPP_CONCAT_UDH8, 7, i);
		gives(world, &part);
		assert_int_equal(alpha->raw_status, 0x14);
	}
	world->fault = STORE_FAULT_NONE;
	engine_world_run(world, 3000);
	assert_int_equal(messages(world), 0);
	for (uint8_t i = 1; i < 4; i++) {
		struct part part = word(SMPP_CONCAT_UDH8, 7, i);
		gives(world, &part);
	}
	assert_string_equal(message(world, 0)->text, "one two three four");
	assert_int_equal(told(world, FEED_INBOUND), 1);
	assert_answered(alpha);
	engine_world_free(world);
}

/* ---- bounds ---- */

/* A peer that begins messages and ends none: the oldest is handed out, of that peer alone. */
static void test_inbound__a_flood_of_beginnings_is_bounded(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .top = "drain: 1s\n" });
	struct part part = { .text = "x", .method = SMPP_CONCAT_UDH16, .total = 2, .seqnum = 1 };
	(void)state;
	give(world->carriers[1], &part);
	engine_world_settle(world);
	for (unsigned i = 0; i < REASSEMBLY_GROUPS_MAX + 3; i++) {
		part.ref = (uint16_t)i;
		give(world->carriers[0], &part);
		if (i % 500 == 0)
			engine_world_settle(world);
	}
	engine_world_settle(world);
	assert_answered(world->carriers[0]);
	assert_int_equal(world_count(world, STORE_KIND_INBOUND_GROUP), REASSEMBLY_GROUPS_MAX + 1);
	assert_int_equal(messages(world), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(message(world, i)->rec.flags,
				 INBOUND_INCOMPLETE | INBOUND_CROWDED);
	part.ref = 0;
	part.seqnum = 2;
	give(world->carriers[1], &part);
	engine_world_settle(world);
	assert_int_equal(messages(world), 4);
	assert_int_equal(message(world, 3)->rec.flags, 0);
	engine_world_free(world);
}

static void test_inbound__retention_goes_by_count_and_age(void **state)
{
	struct engine_world *world = engine_world_new(
		&(struct setting){ .top = "retention: {inbound: 1h, inbound_count: 3}\n" });
	(void)state;
	for (uint8_t i = 0; i < 4; i++) {
		struct part part = word(SMPP_CONCAT_UDH8, 7, i);
		gives(world, &part);
	}
	for (unsigned i = 0; i < 3; i++)
		gives(world, &(struct part){ .text = "alone" });
	engine_world_run(world, 3000);
	assert_int_equal(messages(world), 3);
	assert_int_equal(world_count(world, STORE_KIND_INBOUND), 3);
	assert_int_equal(world_count(world, STORE_KIND_INBOUND_PART), 0);
	assert_int_equal(world_count(world, STORE_KIND_INBOUND_GROUP), 0);
	engine_world_run(world, 3602 * 1000);
	assert_int_equal(messages(world), 0);
	assert_int_equal(world_count(world, STORE_KIND_INBOUND), 0);
	engine_world_free(world);
}

/* ---- whose it is ---- */

static void test_inbound__the_longest_prefix_says_whose_it_is(void **state)
{
	struct engine_world *world = engine_world_new(&(struct setting){ .alpha = OWNED });
	(void)state;
	uint32_t acme = make_account(world, ACCOUNT, 1), other = make_account(world, "other", 2);
	const struct {
		const char *to;
		uint32_t account;
	} rows[] = {
		{ "1299", acme }, { "+1299", acme }, { "1234", other }, { "4444", 0 }, { "1", 0 }
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gives(world, &(struct part){ .text = "x", .to = rows[i].to });
		assert_int_equal(message(world, i)->rec.account, rows[i].account);
	}
	engine_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inbound__a_message_is_kept_told_and_decoded),
		cmocka_unit_test(test_inbound__data_coding_is_what_the_provider_says),
		cmocka_unit_test(test_inbound__the_longest_payload_is_one_message),
		cmocka_unit_test(test_inbound__t15_t18_what_a_handset_acknowledges_is_no_receipt),
		cmocka_unit_test(test_inbound__check_92_the_mode_bits_mean_nothing),
		cmocka_unit_test(test_inbound__check_91_every_order_of_parts_makes_the_same_text),
		cmocka_unit_test(test_inbound__the_longest_message_of_parts),
		cmocka_unit_test(test_inbound__check_91_conversations_are_kept_apart),
		cmocka_unit_test(
			test_inbound__check_91_a_part_that_comes_again_is_answered_and_no_more),
		cmocka_unit_test(test_inbound__a_reference_may_be_used_again),
		cmocka_unit_test(
			test_inbound__check_90_a_part_that_contradicts_is_alone_and_flagged),
		cmocka_unit_test(
			test_inbound__check_90_bad_headers_and_numbers_are_alone_and_flagged),
		cmocka_unit_test(test_inbound__check_89_parts_in_message_payload),
		cmocka_unit_test(test_inbound__what_a_cut_parted_is_whole_again),
		cmocka_unit_test(test_inbound__check_91_what_came_is_handed_out_at_the_deadline),
		cmocka_unit_test(test_inbound__a_crash_between_parts_loses_none),
		cmocka_unit_test(test_inbound__what_cannot_be_kept_is_not_answered_ok),
		cmocka_unit_test(test_inbound__a_flood_of_beginnings_is_bounded),
		cmocka_unit_test(test_inbound__retention_goes_by_count_and_age),
		cmocka_unit_test(test_inbound__the_longest_prefix_says_whose_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
