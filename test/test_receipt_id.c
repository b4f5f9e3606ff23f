/* Message ids: every pair of test/vectors/ids.tsv, and what the changes of base promise. */
#include "test/receipt_rows.h"

#include "smpp/receipt.h"

static struct smpp_octets id_column(const char *text, uint8_t *octets, uint32_t cap)
{
	struct smpp_writer writer = smpp_writer_of(octets, cap);

	put_text(&writer, text);
	return smpp_writer_octets(&writer);
}

/* The rule by which a reading of the receipt's id is the response's id; "-" if none is. */
static const char *joined_by(struct smpp_octets response, struct smpp_octets receipt,
			     enum smpp_id_dialect dialect)
{
	struct smpp_id_reading readings[SMPP_ID_READINGS];
	char id[SMPP_ID_OCTETS];
	size_t n = smpp_id_readings(receipt.at, receipt.n, dialect, readings);

	assert_true(smpp_id_canonical(response.at, response.n, id) > 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(readings[i].n, strlen(readings[i].id));
		if (strcmp(readings[i].id, id) == 0)
			return smpp_id_dialect_name(readings[i].rule);
	}
	return "-";
}

static void test_receipt_id__m01_to_m14_joins_ids_as_carriers_spell_them(void **state)
{
	FILE *file = fopen("test/vectors/ids.tsv", "r");
	char line[512];

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		char *rest = line, *columns[6];
		uint8_t response[128], receipt[128];
		unsigned dialect = SMPP_ID_ANY;

		if (line[0] == '#')
			continue;
		for (size_t i = 0; i < 6; i++) {
			columns[i] = strsep(&rest, "\t\n");
			assert_non_null(columns[i]);
		}
		while (strcmp(smpp_id_dialect_name(dialect), columns[3]) != 0)
			dialect++;
		expect_word(columns[0], "rule",
			    joined_by(id_column(columns[1], response, sizeof response),
				      id_column(columns[2], receipt, sizeof receipt), dialect),
			    columns[4]);
	}
	fclose(file);
}

static void test_receipt_id__canonical_ids_have_one_form(void **state)
{
	static const struct {
		const char *raw;
		const char *want;
	} rows[] = {
		{ "", "" },	 { "   ", "" },	    { "-", "" },	  { "---", "" },
		{ "0", "0" },	 { "0000", "0" },   { "0-0", "0" },	  { "00a", "a" },
		{ "A-B", "ab" }, { "-0-1-", "1" },  { "a b", "a b" },	  { " a ", "a" },
		{ "10", "10" },	 { "0x1A", "x1a" }, { "\xC4z", "\xC4z" },
	};
	char out[SMPP_ID_OCTETS], line[80];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n = smpp_id_canonical(rows[i].raw, strlen(rows[i].raw), out);

		assert_string_equal(out, rows[i].want);
		assert_int_equal(n, strlen(rows[i].want));
	}
	assert_int_equal(smpp_id_canonical("\0 7\0 ", 5, out), 1);
	assert_string_equal(out, "7");
	memset(line, '9', sizeof line);
	assert_int_equal(smpp_id_canonical(line, 64, out), 64);
	assert_int_equal(smpp_id_canonical(line, 65, out), 0);
	assert_string_equal(out, "");
	memset(line, '0', 16);
	assert_int_equal(smpp_id_canonical(line, 80, out), 64);
}

static void print_u128(unsigned __int128 value, unsigned base, char *out)
{
	char digits[130];
	size_t n = 0;

	do
		digits[n++] = "0123456789abcdef"[value % base];
	while ((value /= base) > 0);
	while (n > 0)
		*out++ = digits[--n];
	*out = 0;
}

/* Against the machine's own arithmetic, up to 128 bits. */
static void test_receipt_id__changes_the_base_exactly(void **state)
{
	unsigned __int128 value = 1;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		unsigned shift = (unsigned)i % 128;
		char hex[130], dec[130], out[SMPP_ID_OCTETS];

		value = value * 6364136223846793005U + 1442695040888963407U;
		print_u128(value >> shift, 16, hex);
		print_u128(value >> shift, 10, dec);
		assert_int_equal(smpp_id_hex_to_dec(hex, strlen(hex), out), strlen(dec));
		assert_string_equal(out, dec);
		assert_int_equal(smpp_id_dec_to_hex(dec, strlen(dec), out), strlen(hex));
		assert_string_equal(out, hex);
	}
}

static void test_receipt_id__base_change_refuses_what_does_not_fit(void **state)
{
	char out[SMPP_ID_OCTETS], digits[80], back[SMPP_ID_OCTETS];

	(void)state;
	assert_int_equal(smpp_id_hex_to_dec("", 0, out), 0);
	assert_int_equal(smpp_id_hex_to_dec("1g", 2, out), 0);
	assert_int_equal(smpp_id_hex_to_dec("AB", 2, out), 0); /* canonical ids are lower case */
	assert_int_equal(smpp_id_dec_to_hex("1a", 2, out), 0);
	assert_int_equal(smpp_id_dec_to_hex("0", 1, out), 1);
	assert_string_equal(out, "0");
	memset(digits, 'f', sizeof digits);
	assert_int_equal(smpp_id_hex_to_dec(digits, 53, out), 64); /* 16^53 - 1 has 64 digits */
	assert_int_equal(smpp_id_dec_to_hex(out, 64, back), 53);
	assert_memory_equal(back, digits, 53);
	assert_int_equal(smpp_id_hex_to_dec(digits, 54, out), 0); /* and 16^54 - 1 has 66 */
	assert_string_equal(out, "");
	assert_int_equal(smpp_id_hex_to_dec(digits, 80, out), 0);
	memset(digits, '9', sizeof digits);
	assert_int_equal(smpp_id_dec_to_hex(digits, 64, out), 54);
	assert_int_equal(smpp_id_dec_to_hex(digits, 77, out), 64);
	assert_int_equal(smpp_id_dec_to_hex(digits, 78, out), 0);
}

static void test_receipt_id__readings_do_not_repeat(void **state)
{
	struct smpp_id_reading readings[SMPP_ID_READINGS];

	(void)state;
	assert_int_equal(smpp_id_readings("7", 1, SMPP_ID_ANY, readings), 1);
	assert_int_equal(smpp_id_readings("10", 2, SMPP_ID_ANY, readings), 3);
	assert_string_equal(readings[0].id, "10");
	assert_string_equal(readings[1].id, "16");
	assert_string_equal(readings[2].id, "a");
	assert_int_equal(smpp_id_readings("1f", 2, SMPP_ID_ANY, readings), 2);
	assert_int_equal(smpp_id_readings("x:1", 3, SMPP_ID_ANY, readings), 1);
	assert_int_equal(smpp_id_readings("x:1", 3, SMPP_ID_DEC_TO_HEX, readings), 0);
	assert_int_equal(smpp_id_readings("7", 1, SMPP_ID_DEC_TO_HEX, readings), 1);
	assert_int_equal(readings[0].rule, SMPP_ID_DEC_TO_HEX);
	assert_int_equal(smpp_id_readings(" ", 1, SMPP_ID_ANY, readings), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receipt_id__m01_to_m14_joins_ids_as_carriers_spell_them),
		cmocka_unit_test(test_receipt_id__canonical_ids_have_one_form),
		cmocka_unit_test(test_receipt_id__changes_the_base_exactly),
		cmocka_unit_test(test_receipt_id__base_change_refuses_what_does_not_fit),
		cmocka_unit_test(test_receipt_id__readings_do_not_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
