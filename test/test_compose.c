/*
 * What a submit says: content (core/content.h) and compose together, from an order and its
 * provider's settings to the octets on the wire and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compose.h"

#define WALL_MS	   INT64_C(1795165200000) /* 2026-11-20T09:00:00Z */
#define TEXT_CHARS 40000

/* A provider with a route, the order of a text, and a submit of it as the far end reads it. */
struct world {
	struct config_provider provider;
	struct config_route route;
	struct store_order order;
	struct content content;
	uint16_t reference;
	uint8_t wire[70000];
	struct smpp_pdu pdu;
};

static struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	world->provider = (struct config_provider){
		.source_npi = 1,
		.dest_ton = 1,
		.dest_npi = 1,
		.short_ton = 3,
		.send_priority = true,
	};
	world->route = (struct config_route){ .provider = &world->provider };
	world->order.validity_ms = 3600 * 1000;
	return world;
}

static void world_free(struct world *world)
{
	content_release(&world->content);
	free(world);
}

static void say_source(struct world *world, const char *source)
{
	world->order.caller_id =
		(struct store_octets){ (const uint8_t *)source, (uint32_t)strlen(source) };
}

/* The order of a text as admission makes it, with the settings as they are now. */
static enum content_error make(struct world *world, const char *text)
{
	struct smpp_coding_choice choice;
	size_t n = strlen(text);
	world->route.message.alphabet = CONFIG_TEXT_UNICODE;
	assert_int_equal(content_choose(&world->route, text, n, &choice), SMPP_CODING_OK);
	world->order.alphabet = (uint8_t)choice.alphabet;
	world->order.concat = (uint8_t)content_method(&world->provider);
	content_keep_reason(&world->order, &choice);
	content_release(&world->content);
	return content_make(&world->provider, content_kind_of(&world->order), text, n,
			    &world->content);
}

static const struct smpp_pdu *submit(struct world *world, uint16_t segment)
{
	static struct composed composed;
	struct compose what = {
		.route = &world->route,
		.order = &world->order,
		.content = &world->content,
		.segment = segment,
		.reference = world->reference,
		.at_ms = WALL_MS,
	};
	struct smpp_problem problem;
	size_t n;
	compose_submit_sm(&what, 31612345678, &composed);
	if (smpp_pdu_encode(&composed.pdu, world->wire, sizeof(world->wire), &n, &problem))
		fail_msg("%s: %s", problem.field, problem.text);
	assert_int_equal(smpp_pdu_decode(world->wire, n, &world->pdu, &problem), SMPP_OK);
	assert_int_equal(world->pdu.n_flaws, 0);
	return &world->pdu;
}

static void assert_text(struct smpp_octets octets, const char *text)
{
	assert_int_equal(octets.n, strlen(text));
	assert_memory_equal(octets.at, text, octets.n);
}

/* ---- long texts ---- */

/* n characters, of which the last one is another than the rest. */
static const char *text_of(const char *fill, size_t n)
{
	static char text[3 * TEXT_CHARS];
	size_t width = strlen(fill);
	assert_true(n < TEXT_CHARS);
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * width, fill, width);
	text[n * width] = '\0';
	if (n && width == 1)
		text[n - 1] = 'z';
	return text;
}

static const struct row {
	enum config_concat concat;
	const char *fill;	    /* a character of the alphabet */
	enum smpp_alphabet zero_is; /* what data_coding 0 means, by config_alphabet */
	unsigned single, part;	    /* characters of a text alone, and of a part */
} rows[] = {
	{ CONFIG_CONCAT_UDH8, "a", SMPP_ALPHABET_GSM7, 160, 153 },
	{ CONFIG_CONCAT_UDH16, "a", SMPP_ALPHABET_GSM7, 160, 152 },
	{ CONFIG_CONCAT_SAR, "a", SMPP_ALPHABET_GSM7, 160, 153 },
	{ CONFIG_CONCAT_PAYLOAD, "a", SMPP_ALPHABET_GSM7, 160, 153 },
	{ CONFIG_CONCAT_UDH8, "\xC3\xB5", SMPP_ALPHABET_LATIN1, 140, 134 },
	{ CONFIG_CONCAT_UDH16, "\xC3\xB5", SMPP_ALPHABET_LATIN1, 140, 133 },
	{ CONFIG_CONCAT_SAR, "\xC3\xB5", SMPP_ALPHABET_LATIN1, 140, 134 },
	{ CONFIG_CONCAT_PAYLOAD, "\xC3\xB5", SMPP_ALPHABET_LATIN1, 140, 134 },
	{ CONFIG_CONCAT_UDH8, "\xD0\x96", SMPP_ALPHABET_GSM7, 70, 67 },
	{ CONFIG_CONCAT_UDH16, "\xD0\x96", SMPP_ALPHABET_GSM7, 70, 66 },
	{ CONFIG_CONCAT_SAR, "\xD0\x96", SMPP_ALPHABET_GSM7, 70, 67 },
	{ CONFIG_CONCAT_PAYLOAD, "\xD0\x96", SMPP_ALPHABET_GSM7, 70, 67 },
};

static struct world *world_of(const struct row *row)
{
	struct world *world = world_new();
	world->provider.concat = row->concat;
	world->provider.default_alphabet = row->zero_is == SMPP_ALPHABET_LATIN1 ?
						   CONFIG_ALPHABET_LATIN1 :
						   CONFIG_ALPHABET_GSM7;
	world->reference = 0xABCD;
	say_source(world, "Shop");
	return world;
}

static bool has(const struct smpp_pdu *pdu, uint16_t tag)
{
	return smpp_pdu_tlv(pdu, tag) != NULL;
}

/* 88: UDHI exactly with a header, the sar TLVs never beside it, nothing of either alone. */
static void assert_shape(const struct row *row, const struct smpp_pdu *pdu, bool long_text)
{
	bool udh = long_text &&
		   (row->concat == CONFIG_CONCAT_UDH8 || row->concat == CONFIG_CONCAT_UDH16);
	bool sar = long_text && row->concat == CONFIG_CONCAT_SAR;
	bool payload = long_text && row->concat == CONFIG_CONCAT_PAYLOAD;
	assert_int_equal(pdu->esm_class, udh ? 0x40 : 0);
	assert_int_equal(has(pdu, SMPP_TLV_sar_msg_ref_num), sar);
	assert_int_equal(has(pdu, SMPP_TLV_sar_total_segments), sar);
	assert_int_equal(has(pdu, SMPP_TLV_sar_segment_seqnum), sar);
	assert_int_equal(has(pdu, SMPP_TLV_message_payload), payload);
	if (payload)
		assert_int_equal(pdu->short_message.n, 0);
	assert_int_equal(pdu->registered_delivery, 0x01);
}

/* All segments as the far end puts them together; their octets are those of the text. */
static void assert_whole(struct world *world, const struct row *row)
{
	uint16_t total = world->content.plan.pdus;
	uint8_t *joined = malloc(200000);
	size_t n = 0;
	assert_non_null(joined);
	for (uint16_t i = 0; i < total; i++) {
		const struct smpp_pdu *pdu = submit(world, i);
		struct smpp_concat_info info;
		smpp_concat_info(pdu, &info);
		assert_int_equal(info.flags, 0);
		assert_shape(row, pdu, world->content.plan.radio_parts > 1);
		assert_int_equal(info.total, total);
		assert_int_equal(info.seqnum, i + 1);
		if (total > 1)
			assert_int_equal(info.ref,
					 row->concat == CONFIG_CONCAT_UDH8 ? 0xCD : 0xABCD);
		memcpy(joined + n, info.body.at, info.body.n);
		n += info.body.n;
	}
	assert_int_equal(n, world->content.plan.starts[total]);
	assert_memory_equal(joined, world->content.wire, n);
	free(joined);
}

static void test_compose__check_87_88_cuts_at_the_edges_of_every_method_and_alphabet(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const struct {
			unsigned chars, parts;
		} edges[] = {
			{ 1, 1 },
			{ row->single, 1 },
			{ row->single + 1, 2 },
			{ 2 * row->part, 2 },
			{ 2 * row->part + 1, 3 }, /* a last part of one character */
			{ 255 * row->part, 255 },
		};
		struct world *world = world_of(row);
		for (size_t k = 0; k < sizeof(edges) / sizeof(edges[0]); k++) {
			bool payload = row->concat == CONFIG_CONCAT_PAYLOAD;
			assert_int_equal(make(world, text_of(row->fill, edges[k].chars)),
					 CONTENT_OK);
			assert_int_equal(world->content.plan.radio_parts, edges[k].parts);
			assert_int_equal(world->content.plan.pdus, payload ? 1 : edges[k].parts);
			assert_whole(world, row);
		}
		assert_int_equal(make(world, text_of(row->fill, 255 * row->part + 1)),
				 CONTENT_TOO_LONG);
		assert_int_equal(world->content.plan.radio_parts, 256);
		world_free(world);
	}
}

/* 84, 86: a character of two units moves to the next part whole, which leaves the first shorter. */
static void test_compose__check_84_86_splits_no_escape_and_no_surrogate_pair(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		bool ucs2 = row->part < 70, udh = row->concat != CONFIG_CONCAT_PAYLOAD;
		struct world *world = world_of(row);
		char text[1200];
		if (row->zero_is == SMPP_ALPHABET_LATIN1) { /* it has no such character */
			world_free(world);
			continue;
		}
		snprintf(text, sizeof(text), "%s", text_of(row->fill, row->part - 1));
		strcat(text, ucs2 ? "\xF0\x9F\x98\x80" : "\xE2\x82\xAC");
		strcat(text, text_of("b", 60));
		strcat(text, text_of("b", 60));
		assert_int_equal(make(world, text), CONTENT_OK);
		if (udh) {
			struct smpp_concat_info info;
			smpp_concat_info(submit(world, 0), &info);
			assert_int_equal(info.body.n, (row->part - 1) * (ucs2 ? 2 : 1));
			smpp_concat_info(submit(world, 1), &info);
			assert_int_equal(info.body.at[0], ucs2 ? 0xD8 : 0x1B);
		}
		assert_whole(world, row);
		world_free(world);
	}
}

/* ---- data_coding ---- */

/* 83: an octet is only ever sent with a data_coding that means its alphabet at this carrier. */
static void test_compose__check_83_data_coding_is_what_the_carrier_means_by_it(void **state)
{
	static struct config_data_coding own[] = {
		{ CONFIG_ALPHABET_GSM7, 0xF1 },
		{ CONFIG_ALPHABET_LATIN1, 0x03 },
		{ CONFIG_ALPHABET_UCS2, 0x18 },
	};
	static const struct {
		enum config_alphabet zero;
		size_t first, n; /* of own */
		const char *text;
		uint8_t data_coding;
		const char *octets;
		const char *reason;
	} cases[] = {
		{ CONFIG_ALPHABET_GSM7, 0, 0, "a_$", 0, "a\x11\x02",
		  "gsm7: the provider's default has every character" },
		{ CONFIG_ALPHABET_ASCII, 0, 0, "a_$", 0, "a_$",
		  "ascii: the provider's default has every character" },
		{ CONFIG_ALPHABET_LATIN1, 0, 0, "a_\xC3\xB5", 0, "a_\xF5",
		  "latin1: the provider's default has every character" },
		{ CONFIG_ALPHABET_GSM7, 0, 0, "\xC3\xB5", 0x08, NULL,
		  "ucs2: U+00F5 at character 1 is not in gsm7" },
		{ CONFIG_ALPHABET_GSM7, 1, 1, "a\xC3\xB5", 0x03, "a\xF5",
		  "latin1: U+00F5 at character 2 is not in gsm7" },
		{ CONFIG_ALPHABET_LATIN1, 0, 1, "\xE2\x82\xAC", 0xF1, "\x1B\x65",
		  "gsm7: U+20AC at character 1 is not in latin1" },
		{ CONFIG_ALPHABET_GSM7, 0, 1, "a", 0xF1, "a",
		  "gsm7: the provider's default has every character" },
		{ CONFIG_ALPHABET_GSM7, 2, 1, "abcdefghijk\xD0\x96", 0x18, NULL,
		  "ucs2: U+0416 at character 12 is not in gsm7" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *world = world_new();
		char reason[CONTENT_REASON_OCTETS];
		say_source(world, "Shop");
		world->provider.default_alphabet = cases[i].zero;
		world->provider.data_codings = own + cases[i].first;
		world->provider.n_data_codings = cases[i].n;
		assert_int_equal(make(world, cases[i].text), CONTENT_OK);
		const struct smpp_pdu *pdu = submit(world, 0);
		assert_int_equal(pdu->data_coding, cases[i].data_coding);
		if (cases[i].octets)
			assert_text(pdu->short_message, cases[i].octets);
		assert_string_equal(content_reason(&world->order, reason), cases[i].reason);
		world_free(world);
	}
}

/* What was accepted in an alphabet that the provider no longer takes is not sent as another. */
static void test_compose__what_has_lost_its_data_coding_is_not_sent(void **state)
{
	struct world *world = world_new();
	(void)state;
	assert_int_equal(make(world, "a"), CONTENT_OK);
	world->provider.default_alphabet = CONFIG_ALPHABET_LATIN1;
	content_release(&world->content);
	assert_int_equal(content_make(&world->provider, content_kind_of(&world->order), "a", 1,
				      &world->content),
			 CONTENT_CODING);
	world_free(world);
}

/* ---- addresses ---- */

/* 94, with short codes beside it. */
static void test_compose__check_94_types_the_source(void **state)
{
	static const struct {
		const char *source;
		uint32_t short_digits;
		uint8_t ton, npi;
		const char *sent;
	} cases[] = {
		{ "Shop", 0, 5, 0, "Shop" },
		{ "ABCDEFGHIJK", 0, 5, 0, "ABCDEFGHIJK" }, /* eleven */
		{ "1Shop", 0, 5, 0, "1Shop" },
		{ "A & B", 0, 5, 0, "A & B" },
		{ "+Shop", 0, 5, 0, "+Shop" },
		{ "+31 612", 0, 5, 0, "+31 612" },
		{ "+++", 0, 5, 0, "+++" },
		{ "+3161234567", 0, 1, 8, "3161234567" },
		{ "+12", 5, 1, 8, "12" }, /* what is written international is no short code */
		{ "31612345678", 0, 2, 8, "31612345678" },
		{ "12345", 0, 2, 8, "12345" },
		{ "12345", 5, 3, 9, "12345" },
		{ "123456", 5, 2, 8, "123456" },
		{ "", 5, 0, 0, "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *world = world_new();
		world->provider.source_ton = 2;
		world->provider.source_npi = 8;
		world->provider.short_npi = 9;
		world->provider.short_digits = cases[i].short_digits;
		say_source(world, cases[i].source);
		assert_int_equal(make(world, "x"), CONTENT_OK);
		const struct smpp_pdu *pdu = submit(world, 0);
		assert_int_equal(pdu->source_addr_ton, cases[i].ton);
		assert_int_equal(pdu->source_addr_npi, cases[i].npi);
		assert_text(pdu->source_addr, cases[i].sent);
		assert_int_equal(pdu->dest_addr_ton, 1);
		assert_int_equal(pdu->dest_addr_npi, 1);
		assert_text(pdu->destination_addr, "31612345678");
		world_free(world);
	}
}

/* ---- the rest ---- */

/* 93: as the provider's settings say, and the same on every segment. */
static void test_compose__check_93_asks_for_receipts_on_every_segment(void **state)
{
	static const struct {
		enum config_registered receipts;
		bool intermediate;
		uint8_t wanted;
	} cases[] = {
		{ CONFIG_REGISTERED_FINAL, false, 0x01 },
		{ CONFIG_REGISTERED_FINAL, true, 0x11 },
		{ CONFIG_REGISTERED_FAILURE, false, 0x02 },
		{ CONFIG_REGISTERED_FAILURE, true, 0x12 },
		{ CONFIG_REGISTERED_NONE, false, 0x00 },
		{ CONFIG_REGISTERED_NONE, true, 0x10 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int concat = CONFIG_CONCAT_UDH8; concat <= CONFIG_CONCAT_PAYLOAD; concat++) {
			struct world *world = world_new();
			say_source(world, "Shop");
			world->provider.concat = (enum config_concat)concat;
			world->provider.registered_delivery = cases[i].receipts;
			world->provider.intermediate_receipts = cases[i].intermediate;
			assert_int_equal(make(world, text_of("a", 400)), CONTENT_OK);
			assert_int_equal(world->content.plan.pdus,
					 concat == CONFIG_CONCAT_PAYLOAD ? 1 : 3);
			for (uint16_t k = 0; k < world->content.plan.pdus; k++)
				assert_int_equal(submit(world, k)->registered_delivery,
						 cases[i].wanted);
			world_free(world);
		}
	}
}

/* 99: the validity counts from the submit, in the form that the carrier wants. */
static void test_compose__check_99_says_the_validity_as_the_provider_wants_it(void **state)
{
	static const struct {
		enum config_validity form;
		uint64_t validity_ms;
		const char *wanted;
	} cases[] = {
		{ CONFIG_VALIDITY_RELATIVE, 3600 * 1000, "000000010000000R" },
		{ CONFIG_VALIDITY_RELATIVE, 60 * 1000, "000000000100000R" },
		{ CONFIG_VALIDITY_RELATIVE, 7 * 86400 * UINT64_C(1000), "000007000000000R" },
		{ CONFIG_VALIDITY_ABSOLUTE, 3600 * 1000, "261120100000000+" },
		{ CONFIG_VALIDITY_ABSOLUTE, 7 * 86400 * UINT64_C(1000), "261127090000000+" },
		{ CONFIG_VALIDITY_NONE, 3600 * 1000, "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *world = world_new();
		say_source(world, "Shop");
		world->provider.validity_period = cases[i].form;
		world->order.validity_ms = cases[i].validity_ms;
		assert_int_equal(make(world, "x"), CONTENT_OK);
		const struct smpp_pdu *pdu = submit(world, 0);
		assert_text(pdu->validity_period, cases[i].wanted);
		assert_text(pdu->schedule_delivery_time, ""); /* send_at is kept by us */
		world_free(world);
	}
}

static void test_compose__sends_the_priority_or_keeps_it_to_our_queue(void **state)
{
	struct world *world = world_new();
	(void)state;
	say_source(world, "Shop");
	assert_int_equal(make(world, "x"), CONTENT_OK);
	for (uint8_t priority = 0; priority <= 3; priority++) {
		world->order.priority = priority;
		world->provider.send_priority = true;
		assert_int_equal(submit(world, 0)->priority_flag, priority);
		world->provider.send_priority = false;
		assert_int_equal(submit(world, 0)->priority_flag, 0);
	}
	world_free(world);
}

static void test_compose__sends_service_type_and_protocol_id(void **state)
{
	struct world *world = world_new();
	(void)state;
	say_source(world, "Shop");
	assert_int_equal(make(world, "x"), CONTENT_OK);
	assert_text(submit(world, 0)->service_type, "");
	assert_int_equal(submit(world, 0)->protocol_id, 0);
	world->provider.service_type = "CMT12";
	world->provider.protocol_id = 0x40;
	assert_text(submit(world, 0)->service_type, "CMT12");
	assert_int_equal(submit(world, 0)->protocol_id, 0x40);
	world_free(world);
}

static void assert_tlv(const struct smpp_pdu *pdu, uint16_t tag, const char *octets, size_t n)
{
	const struct smpp_tlv *tlv = smpp_pdu_tlv(pdu, tag);
	assert_non_null(tlv);
	assert_null(smpp_pdu_tlv_next(pdu, tlv));
	assert_int_equal(smpp_tlv_value(tlv).n, n);
	assert_memory_equal(smpp_tlv_value(tlv).at, octets, n);
}

/* The route's before the provider's of the same tag, on every segment, beside the sar TLVs. */
static void test_compose__sends_the_tlvs_of_route_and_provider_on_every_segment(void **state)
{
	static struct config_tlv of_provider[] = {
		{ 0x1401, { (const uint8_t *)"entity", 6 } },
		{ 0x1402, { (const uint8_t *)"\x00\xFF", 2 } },
		{ 0x1403, { (const uint8_t *)"", 0 } },
	};
	static struct config_tlv of_route[] = { { 0x1402, { (const uint8_t *)"template", 8 } } };
	struct world *world = world_new();
	(void)state;
	say_source(world, "Shop");
	world->provider.concat = CONFIG_CONCAT_SAR;
	world->provider.submit_tlvs = of_provider;
	world->provider.n_submit_tlvs = 3;
	assert_int_equal(make(world, text_of("a", 400)), CONTENT_OK);
	assert_tlv(submit(world, 0), 0x1402, "\x00\xFF", 2);
	world->route.submit_tlvs = of_route;
	world->route.n_submit_tlvs = 1;
	for (uint16_t i = 0; i < 3; i++) {
		const struct smpp_pdu *pdu = submit(world, i);
		assert_int_equal(pdu->n_tlvs, 6);
		assert_tlv(pdu, 0x1401, "entity", 6);
		assert_tlv(pdu, 0x1402, "template", 8);
		assert_tlv(pdu, 0x1403, "", 0);
	}
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_compose__check_87_88_cuts_at_the_edges_of_every_method_and_alphabet),
		cmocka_unit_test(test_compose__check_84_86_splits_no_escape_and_no_surrogate_pair),
		cmocka_unit_test(
			test_compose__check_83_data_coding_is_what_the_carrier_means_by_it),
		cmocka_unit_test(test_compose__what_has_lost_its_data_coding_is_not_sent),
		cmocka_unit_test(test_compose__check_94_types_the_source),
		cmocka_unit_test(test_compose__check_93_asks_for_receipts_on_every_segment),
		cmocka_unit_test(test_compose__check_99_says_the_validity_as_the_provider_wants_it),
		cmocka_unit_test(test_compose__sends_the_priority_or_keeps_it_to_our_queue),
		cmocka_unit_test(test_compose__sends_service_type_and_protocol_id),
		cmocka_unit_test(
			test_compose__sends_the_tlvs_of_route_and_provider_on_every_segment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
