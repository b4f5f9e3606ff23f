/* The codec of records: every kind there and back, and everything that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "store/crc.h"
#include "store/record.h"
#include "store/rows.h"

/* xorshift64: the same records in every run. */
static uint64_t draw(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static uint8_t octets_pool[4096];

static uint64_t limit_of(const struct store_row *row)
{
	switch (row->type) {
	case ROW_U8:
		return UINT8_MAX;
	case ROW_U16:
		return UINT16_MAX;
	case ROW_U32:
		return UINT32_MAX;
	case ROW_U64:
	case ROW_I64:
		return UINT64_MAX;
	case ROW_T:
		return (uint64_t)1 << 62;
	case ROW_OCTETS:
		break;
	}
	return row->most;
}

static void set_octets(const struct store_row *row, void *rec, uint32_t n)
{
	struct store_octets octets = { .at = octets_pool, .n = n };

	memcpy((uint8_t *)rec + row->at, &octets, sizeof(octets));
}

static struct store_octets get_octets(const struct store_row *row, const void *rec)
{
	struct store_octets octets;

	memcpy(&octets, (const uint8_t *)rec + row->at, sizeof(octets));
	return octets;
}

/* Numbers of every length, octets of every length. */
static void fill(enum store_kind kind, void *rec, uint64_t *seed)
{
	unsigned n;
	const struct store_row *rows = store_shape(kind)->rows(&n);

	for (unsigned i = 0; i < n; i++) {
		uint64_t number = draw(seed) >> draw(seed) % 64;
		uint64_t limit = limit_of(&rows[i]);

		if (rows[i].type == ROW_OCTETS)
			set_octets(&rows[i], rec, (uint32_t)(number % (limit + 1)));
		else
			store_row_set(&rows[i], rec,
				      limit == UINT64_MAX ? number : number % (limit + 1));
	}
}

static void fill_most(enum store_kind kind, void *rec)
{
	unsigned n;
	const struct store_row *rows = store_shape(kind)->rows(&n);
	bool odd = false;

	for (unsigned i = 0; i < n; i++) {
		if (rows[i].type == ROW_OCTETS)
			set_octets(&rows[i], rec, rows[i].most);
		else if (rows[i].type == ROW_T)
			store_row_set(&rows[i], rec, (odd = !odd) ? limit_of(&rows[i]) : 1);
		else if (rows[i].type == ROW_I64)
			store_row_set(&rows[i], rec, (uint64_t)INT64_MIN);
		else
			store_row_set(&rows[i], rec, limit_of(&rows[i]));
	}
}

static void assert_same(enum store_kind kind, const void *a, const void *b)
{
	unsigned n;
	const struct store_row *rows = store_shape(kind)->rows(&n);

	for (unsigned i = 0; i < n; i++) {
		if (rows[i].type != ROW_OCTETS) {
			assert_int_equal(store_row_number(&rows[i], a),
					 store_row_number(&rows[i], b));
			continue;
		}
		struct store_octets left = get_octets(&rows[i], a);
		struct store_octets right = get_octets(&rows[i], b);

		assert_int_equal(left.n, right.n);
		assert_memory_equal(left.at, right.at, left.n);
	}
}

struct encoded {
	uint8_t key[STORE_KEY_OCTETS];
	uint8_t value[STORE_VALUE_OCTETS];
	size_t key_n;
	size_t n;
};

static enum store_err encode(enum store_kind kind, const void *rec, struct encoded *out)
{
	out->key_n = store_key_encode(kind, rec, out->key);
	return store_value_encode(kind, rec, 0, out->value, &out->n);
}

static enum store_err decode(enum store_kind kind, const struct encoded *in, void *rec)
{
	return store_value_decode(kind, in->key, in->key_n, in->value, in->n, rec);
}

static void test_record__goes_there_and_back(void **state)
{
	uint64_t seed = 20261120;

	(void)state;
	for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
		for (unsigned i = 0; i < 200; i++) {
			union store_any in = { 0 };
			union store_any out = { 0 };
			struct encoded e;

			fill((enum store_kind)kind, &in, &seed);
			if (encode((enum store_kind)kind, &in, &e) == STORE_TOO_BIG)
				continue; /* drawn long in several members at once */
			assert_int_equal(decode((enum store_kind)kind, &e, &out), STORE_OK);
			assert_same((enum store_kind)kind, &in, &out);
		}
	}
}

static void test_record__largest_of_each_kind_fits(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
		union store_any in = { 0 };
		union store_any out = { 0 };
		struct encoded e;

		fill_most((enum store_kind)kind, &in);
		assert_int_equal(encode((enum store_kind)kind, &in, &e), STORE_OK);
		assert_true(e.key_n + e.n <= STORE_PAIR_OCTETS);
		assert_int_equal(decode((enum store_kind)kind, &e, &out), STORE_OK);
		assert_same((enum store_kind)kind, &in, &out);
	}
}

static void test_record__refuses_one_octet_too_many(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
		unsigned n;
		const struct store_row *rows = store_shape((enum store_kind)kind)->rows(&n);

		for (unsigned i = 0; i < n; i++) {
			union store_any in = { 0 };
			struct encoded e;

			if (rows[i].type != ROW_OCTETS)
				continue;
			set_octets(&rows[i], &in, rows[i].most + 1u);
			assert_int_equal(encode((enum store_kind)kind, &in, &e), STORE_TOO_BIG);
		}
	}
}

static void test_record__refuses_a_time_past_all_times(void **state)
{
	struct store_feed feed = { .seq = 1, .at_ms = ((uint64_t)1 << 62) + 1 };
	struct encoded e;

	(void)state;
	assert_int_equal(encode(STORE_KIND_FEED, &feed, &e), STORE_TOO_BIG);
}

static void test_record__notices_every_flipped_bit(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
		union store_any in = { 0 };
		union store_any out;
		struct encoded e;

		do {
			fill((enum store_kind)kind, &in, &seed);
		} while (encode((enum store_kind)kind, &in, &e) != STORE_OK);
		for (size_t bit = 0; bit < 8 * e.n; bit++) {
			e.value[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(decode((enum store_kind)kind, &e, &out), STORE_CORRUPT);
			e.value[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t bit = 0; bit < 8 * e.key_n; bit++) {
			e.key[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(decode((enum store_kind)kind, &e, &out), STORE_CORRUPT);
			e.key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void test_record__notices_every_truncation(void **state)
{
	struct store_session in = { .session = 9, .opened_ms = 5, .link = { octets_pool, 60 } };
	struct store_session out;
	struct encoded e;

	(void)state;
	assert_int_equal(encode(STORE_KIND_SESSION, &in, &e), STORE_OK);
	while (e.n-- > 0)
		assert_int_equal(decode(STORE_KIND_SESSION, &e, &out), STORE_CORRUPT);
	e.n = STORE_VALUE_OCTETS + 1;
	assert_int_equal(decode(STORE_KIND_SESSION, &e, &out), STORE_CORRUPT);
}

static void test_record__notices_another_kind(void **state)
{
	struct store_release in = { .release = 4 };
	struct store_feed out;
	struct encoded e;

	(void)state;
	assert_int_equal(encode(STORE_KIND_RELEASE, &in, &e), STORE_OK);
	assert_int_equal(decode(STORE_KIND_FEED, &e, &out), STORE_CORRUPT);
}

/* Seals octets of our own as value of feed 1: version, then `members`, then zeros up to n. */
static enum store_err decode_feed(const uint8_t *members, size_t n, struct store_feed *out)
{
	struct encoded e = { .key_n = 8, .key = { [7] = 1 }, .n = 1 + n + 4 };
	uint8_t kind = STORE_KIND_FEED;

	e.value[0] = 1;
	memcpy(e.value + 1, members, n);
	uint32_t crc = store_crc32c(0, &kind, 1);

	crc = store_crc32c(crc, e.key, e.key_n);
	crc = store_crc32c(crc, e.value, 1 + n);
	for (unsigned i = 0; i < 4; i++)
		e.value[1 + n + i] = (uint8_t)(crc >> (24 - 8 * i));
	return decode(STORE_KIND_FEED, &e, out);
}

/* at_ms 3 is zigzag 6 plus 1; order 5; account 2; two octets of events. */
static void test_record__decodes_the_form_on_disk(void **state)
{
	const uint8_t members[] = { 7, 5, 2, 2, 0xaa, 0xbb, 0, 0 };
	struct store_feed feed;

	(void)state;
	assert_int_equal(decode_feed(members, sizeof(members), &feed), STORE_OK);
	assert_int_equal(feed.seq, 1);
	assert_int_equal(feed.at_ms, 3);
	assert_int_equal(feed.order, 5);
	assert_int_equal(feed.account, 2);
	assert_int_equal(feed.events.n, 2);
	assert_int_equal(feed.events.at[1], 0xbb);
}

static void test_record__members_added_later_read_as_zero(void **state)
{
	const uint8_t members[] = { 7, 5 };
	struct store_feed feed = { .account = 77, .events = { octets_pool, 3 } };

	(void)state;
	assert_int_equal(decode_feed(members, sizeof(members), &feed), STORE_OK);
	assert_int_equal(feed.order, 5);
	assert_int_equal(feed.account, 0);
	assert_int_equal(feed.events.n, 0);
}

static void test_record__refuses_sealed_nonsense(void **state)
{
	const struct {
		const char *members;
		size_t n;
	} bad[] = {
		{ "\x07\x05\x02\x01\xaa\x01\x01", 7 },	   /* padding that is not zero */
		{ "\x07\x05\x02\x05\xaa", 5 },		   /* more events than octets */
		{ "\x07\x85\x00\x02\x00", 5 },		   /* a longer form than needed */
		{ "\x07\x05\xff\xff\xff\xff\x10\x00", 8 }, /* account over 32 bits */
		{ "\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00", 12 }, /* over 64 */
		{ "\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 12 }, /* without end */
		{ "\x07\x85", 2 },	       /* ends within a number */
		{ "\x07\x05\x02\xed\x0e", 5 }, /* 1,901 events */
	};
	struct store_feed feed;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(decode_feed((const uint8_t *)bad[i].members, bad[i].n, &feed),
				 STORE_CORRUPT);
}

static void test_record__keys_sort_as_numbers(void **state)
{
	struct store_message low = { .order = 255, .index = 65535 };
	struct store_message high = { .order = 256, .index = 0 };
	uint8_t a[STORE_KEY_OCTETS];
	uint8_t b[STORE_KEY_OCTETS];

	(void)state;
	assert_int_equal(store_key_encode(STORE_KIND_MESSAGE, &low, a), 12);
	assert_int_equal(store_key_encode(STORE_KIND_MESSAGE, &high, b), 12);
	assert_true(memcmp(a, b, 12) < 0);
	assert_int_equal(store_key_prefix_octets(STORE_KIND_MESSAGE, 1), 8);
	assert_int_equal(store_key_members(STORE_KIND_MESSAGE), 2);
	assert_int_equal(store_key_decode(STORE_KIND_MESSAGE, a, 11, &low), STORE_CORRUPT);
}

static void test_record__value_keeps_its_length(void **state)
{
	struct store_message m = { .order = 1, .msisdn = 31612345678 };
	uint8_t value[STORE_VALUE_OCTETS];
	size_t first;
	size_t later;

	(void)state;
	assert_int_equal(store_value_encode(STORE_KIND_MESSAGE, &m, 0, value, &first), STORE_OK);
	m.updated_ms = 1790000000000;
	m.seg.evidence = (struct store_octets){ octets_pool, 50 };
	assert_int_equal(store_value_encode(STORE_KIND_MESSAGE, &m, first, value, &later),
			 STORE_OK);
	assert_int_equal(later, first);
	m.seg.evidence.n = 200;
	assert_int_equal(store_value_encode(STORE_KIND_MESSAGE, &m, first, value, &later),
			 STORE_OK);
	assert_true(later > first);
	m.seg.evidence.n = 0;
	size_t last;

	assert_int_equal(store_value_encode(STORE_KIND_MESSAGE, &m, later, value, &last), STORE_OK);
	assert_int_equal(last, later);
}

static void test_crc__is_castagnoli(void **state)
{
	uint8_t octets[128];

	(void)state;
	assert_int_equal(store_crc32c(0, "123456789", 9), 0xe3069283);
	memset(octets, 0, 32); /* RFC 3720, B.4 */
	assert_int_equal(store_crc32c(0, octets, 32), 0x8a9136aa);
	memset(octets, 0xff, 32);
	assert_int_equal(store_crc32c(0, octets, 32), 0x62a8ab43);
	for (unsigned i = 0; i < sizeof(octets); i++) {
		octets[i] = (uint8_t)(i * 37);
		assert_int_equal(store_crc32c(i, octets, i), store_crc32c_table(i, octets, i));
		assert_int_equal(
			store_crc32c(store_crc32c(0, octets, i / 2), octets + i / 2, i - i / 2),
			store_crc32c(0, octets, i));
	}
}

static const struct store_member some_members[] = {
	{ .order = 1000, .index = 0, .pdu = 0, .segment = 0, .attempt = 1 },
	{ .order = 1000, .index = 1, .pdu = 1, .segment = 0, .attempt = 1 },
	{ .order = 1000, .index = 1, .pdu = 2, .segment = 1, .attempt = 3 },
	{ .order = 12, .index = 500, .pdu = 3, .segment = 0, .attempt = 1 },
	{ .order = 12, .index = 501, .pdu = 3, .segment = 0, .attempt = 1 },
	{ .order = 12, .index = 700, .pdu = 3, .segment = 254, .attempt = 255 },
	{ .order = UINT64_MAX, .index = UINT32_MAX, .pdu = 4, .segment = 9, .attempt = 0 },
	{ .order = 0, .index = 0, .pdu = 5, .segment = 0, .attempt = 1 },
};

#define MEMBERS (sizeof(some_members) / sizeof(some_members[0]))

static struct store_octets pack_members(uint8_t *at, size_t cap)
{
	struct store_members members;

	store_members_init(&members, at, cap);
	for (size_t i = 0; i < MEMBERS; i++)
		assert_true(store_members_add(&members, &some_members[i]));
	return (struct store_octets){ .at = at, .n = (uint32_t)members.n };
}

static void test_members__go_there_and_back(void **state)
{
	uint8_t octets[256];
	struct store_members_reader reader;
	struct store_member member;

	(void)state;
	store_members_read(&reader, pack_members(octets, sizeof(octets)));
	for (size_t i = 0; i < MEMBERS; i++) {
		assert_true(store_members_next(&reader, &member));
		assert_int_equal(member.order, some_members[i].order);
		assert_int_equal(member.index, some_members[i].index);
		assert_int_equal(member.pdu, some_members[i].pdu);
		assert_int_equal(member.segment, some_members[i].segment);
		assert_int_equal(member.attempt, some_members[i].attempt);
	}
	assert_false(store_members_next(&reader, &member));
	assert_false(reader.bad);
}

static void test_members__of_one_order_take_an_octet_each(void **state)
{
	uint8_t octets[1900];
	struct store_members members;
	uint32_t n = 0;

	(void)state;
	store_members_init(&members, octets, sizeof(octets));
	while (store_members_add(
		&members, &(struct store_member){ .order = 7, .index = n, .pdu = n, .attempt = 1 }))
		n++;
	assert_int_equal(n, 1900 - 1); /* the first says its order too */
	assert_int_equal(members.n, sizeof(octets));
}

static void test_members__notice_truncation_and_nonsense(void **state)
{
	uint8_t octets[256];
	struct store_octets packed = pack_members(octets, sizeof(octets));
	struct store_members_reader reader;
	struct store_member member;
	uint32_t whole = packed.n;

	(void)state;
	for (packed.n = 1; packed.n < whole; packed.n++) {
		size_t n = 0;

		store_members_read(&reader, packed);
		while (store_members_next(&reader, &member))
			n++;
		assert_true(reader.bad || n < MEMBERS);
	}
	octets[0] |= 0x80;
	store_members_read(&reader, packed);
	assert_false(store_members_next(&reader, &member));
	assert_true(reader.bad);
}

/* There is no PDU before the first. */
static void test_members__first_begins_a_pdu(void **state)
{
	const uint8_t octets[] = { 0x1f };
	struct store_members_reader reader;
	struct store_member member;

	(void)state;
	store_members_read(&reader, (struct store_octets){ octets, sizeof(octets) });
	assert_false(store_members_next(&reader, &member));
	assert_true(reader.bad);
}

static void test_dump__masks_what_people_wrote(void **state)
{
	struct store_message m = { .order = 7,
				   .index = 3,
				   .msisdn = 31612345678,
				   .state = STORE_STATE_IN_DOUBT,
				   .flags = STORE_FLAG_TAKEN | STORE_FLAG_LATE,
				   .seg = { .state = STORE_STATE_IN_DOUBT, .attempts = 1 } };
	struct store_text text = { .order = 7,
				   .octets = { (const uint8_t *)"pin \"1234\"\n", 11 } };
	char line[512];
	char cut[10];

	(void)state;
	size_t n = store_dump(STORE_KIND_MESSAGE, &m, false, line, sizeof(line));

	assert_string_equal(line, "{\"kind\":\"message\",\"order\":7,\"index\":3,"
				  "\"msisdn\":\"********678\",\"state\":\"IN_DOUBT\","
				  "\"flags\":[\"TAKEN\",\"LATE\"],\"seg.state\":\"IN_DOUBT\","
				  "\"seg.attempts\":1}");
	assert_int_equal(n, strlen(line));
	assert_int_equal(store_dump(STORE_KIND_MESSAGE, &m, false, cut, sizeof(cut)), n);
	assert_string_equal(cut, "{\"kind\":\"");
	store_dump(STORE_KIND_TEXT, &text, false, line, sizeof(line));
	assert_string_equal(line, "{\"kind\":\"text\",\"order\":7,\"chunk\":0,"
				  "\"octets\":\"(11 octets)\"}");
	store_dump(STORE_KIND_TEXT, &text, true, line, sizeof(line));
	assert_string_equal(line, "{\"kind\":\"text\",\"order\":7,\"chunk\":0,"
				  "\"octets\":\"pin \\u00221234\\u0022\\u000a\"}");
}

static void test_dump__never_shows_a_secret(void **state)
{
	struct store_apikey key = { .id_high = 1, .digest = { (const uint8_t *)"canary", 6 } };
	char line[512];

	(void)state;
	store_dump(STORE_KIND_APIKEY, &key, true, line, sizeof(line));
	assert_null(strstr(line, "canary"));
	assert_non_null(strstr(line, "\"digest\":\"(6 octets)\""));
}

static void test_names__are_those_of_the_contract(void **state)
{
	(void)state;
	assert_string_equal(store_state_shown(STORE_STATE_SUBMITTED), "QUEUED");
	assert_string_equal(store_state_shown(STORE_STATE_IN_DOUBT), "UNKNOWN");
	assert_int_equal(store_state_rank(STORE_STATE_UNKNOWN), 2);
	assert_string_equal(store_error_name(STORE_ERROR_NO_RECEIPT), "NO_RECEIPT");
	assert_string_equal(store_error_stage(STORE_ERROR_NO_RECEIPT), "receipt");
	assert_string_equal(store_error_name(STORE_ERROR_NONE), "");
	assert_string_equal(store_ledger_kind_name(STORE_LEDGER_REFUND), "refund");
	assert_null(store_flag_name(31));
}

/*
 * A store on disk knows records and members by their places: those of an older schema, as
 * test/vectors lists them, are where they were, and what is new comes behind.
 */
static void test_record__keeps_the_places_of_schema_1(void **state)
{
	static const char *const types[] = {
		[ROW_U8] = "U8",   [ROW_U16] = "U16", [ROW_U32] = "U32",       [ROW_U64] = "U64",
		[ROW_I64] = "I64", [ROW_T] = "T",     [ROW_OCTETS] = "OCTETS",
	};
	char line[2000], member[100];
	FILE *file = fopen("test/vectors/schema-1.txt", "r");
	unsigned kind = 0;

	(void)state;
	assert_non_null(file);
	for (; fgets(line, sizeof(line), file); kind++) {
		char *rest = line, *name = strsep(&rest, " \n");
		unsigned n, i = 0;

		assert_string_equal(store_kind_name((enum store_kind)kind), name);
		const struct store_row *rows = store_shape((enum store_kind)kind)->rows(&n);

		for (char *word; (word = strsep(&rest, " \n")) != NULL; i += *word != '\0') {
			if (!*word)
				continue;
			assert_true(i < n);
			snprintf(member, sizeof(member), "%s%s:%s", rows[i].key ? "key." : "",
				 types[rows[i].type], rows[i].name);
			assert_string_equal(member, word);
		}
		assert_true(i > 0);
	}
	assert_true(kind > 25 && kind < STORE_KINDS);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record__goes_there_and_back),
		cmocka_unit_test(test_record__largest_of_each_kind_fits),
		cmocka_unit_test(test_record__refuses_one_octet_too_many),
		cmocka_unit_test(test_record__refuses_a_time_past_all_times),
		cmocka_unit_test(test_record__notices_every_flipped_bit),
		cmocka_unit_test(test_record__notices_every_truncation),
		cmocka_unit_test(test_record__notices_another_kind),
		cmocka_unit_test(test_record__decodes_the_form_on_disk),
		cmocka_unit_test(test_record__members_added_later_read_as_zero),
		cmocka_unit_test(test_record__refuses_sealed_nonsense),
		cmocka_unit_test(test_record__keys_sort_as_numbers),
		cmocka_unit_test(test_record__value_keeps_its_length),
		cmocka_unit_test(test_crc__is_castagnoli),
		cmocka_unit_test(test_members__go_there_and_back),
		cmocka_unit_test(test_members__of_one_order_take_an_octet_each),
		cmocka_unit_test(test_members__notice_truncation_and_nonsense),
		cmocka_unit_test(test_members__first_begins_a_pdu),
		cmocka_unit_test(test_dump__masks_what_people_wrote),
		cmocka_unit_test(test_dump__never_shows_a_secret),
		cmocka_unit_test(test_names__are_those_of_the_contract),
		cmocka_unit_test(test_record__keeps_the_places_of_schema_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
