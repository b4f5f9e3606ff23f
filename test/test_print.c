/*
 * A PDU as line, block and JSON: what stands in the first two, what never does in any, and that they
 * end where the buffer ends. What stands in JSON is in test_print_json.c.
 */
#include "smpp/status.h"
#include "smpp/values.h"
#include "test/pdu_full.h"
#include "test/print_fixture.h"

static print_fn *const forms[] = { smpp_print_line, smpp_print_block, smpp_print_json };

/* --- The line ------------------------------------------------------------------------------ */

static void test_print__line_hides_number_and_text(void **state)
{
	struct smpp_pdu pdu = decoded(submit_hex);

	(void)state;
	assert_string_equal(printed(smpp_print_line, &pdu, &masked),
			    "submit_sm sequence_number=5 source_addr=\"Brand\" "
			    "destination_addr=\"*********567\" "
			    "short_message=[7 octets] user_message_reference=513");
}

/* What is the same in every submit of a session hides what is not. */
static void test_print__line_leaves_the_usual_of_a_session_to_the_block(void **state)
{
	struct smpp_pdu pdu = decoded("%len 00000004 00000000 00000005 00 05 00 414200 01 01 343900"
				      "40 00 00 00 3030303030313030303030303030305200"
				      "01 00 08 00 00");
	const char *block;

	(void)state;
	assert_string_equal(printed(smpp_print_line, &pdu, &shown),
			    "submit_sm sequence_number=5 source_addr=\"AB\" "
			    "destination_addr=\"49\" esm_class=0x40 (feature udhi) "
			    "data_coding=0x08 (ucs2_iso10646)");
	block = printed(smpp_print_block, &pdu, &shown);
	assert_non_null(strstr(block, "validity_period           \"000001000000000R\""));
	assert_non_null(
		strstr(block, "registered_delivery       0x01 (receipt success_or_failure)"));
}

static void test_print__line_tells_that_no_receipt_is_asked_for(void **state)
{
	struct smpp_pdu pdu = decoded(submit_hex);

	(void)state;
	pdu.registered_delivery = 0;
	assert_non_null(
		strstr(printed(smpp_print_line, &pdu, &masked), " registered_delivery=0x00"));
	pdu.registered_delivery = 2;
	assert_non_null(
		strstr(printed(smpp_print_line, &pdu, &masked), " registered_delivery=0x02"));
	pdu.command_id = SMPP_deliver_sm;
	pdu.registered_delivery = 0;
	assert_null(strstr(printed(smpp_print_line, &pdu, &masked), "registered_delivery"));
}

static void test_print__line_shows_them_when_asked(void **state)
{
	struct smpp_print_options options = masked;
	struct smpp_pdu pdu = decoded(submit_hex);

	(void)state;
	options.show_numbers = true;
	assert_non_null(strstr(printed(smpp_print_line, &pdu, &options),
			       "destination_addr=\"491701234567\""));
	assert_non_null(strstr(printed(smpp_print_line, &pdu, &options), "[7 octets]"));
	options.show_numbers = false;
	options.show_text = true;
	assert_non_null(
		strstr(printed(smpp_print_line, &pdu, &options), "short_message=\"secret?\""));
	assert_null(strstr(printed(smpp_print_line, &pdu, &options), "4917"));
}

static void test_print__line_says_status_three_ways(void **state)
{
	struct smpp_pdu pdu = decoded("%len 80000004 00000058 00000006");

	(void)state;
	assert_string_equal(printed(smpp_print_line, &pdu, &masked),
			    "submit_sm_resp sequence_number=6 "
			    "command_status=0x00000058 ESME_RTHROTTLED (rate limit exceeded)");
	pdu.command_status = 0x453;
	assert_string_equal(printed(smpp_print_line, &pdu, &masked),
			    "submit_sm_resp sequence_number=6 "
			    "command_status=0x00000453 (1107, the carrier's own)");
}

static void test_print__line_of_an_unknown_command(void **state)
{
	struct smpp_pdu pdu = decoded("%len 0000010a 00000000 00000006 abcd");

	(void)state;
	assert_string_equal(printed(smpp_print_line, &pdu, &masked),
			    "command 0x0000010a sequence_number=6 rest=[2 octets]");
}

static void test_print__line_counts_flaws_and_names_unknown_tlvs(void **state)
{
	struct smpp_pdu pdu = decoded("%len 80000004 00000000 00000006 4100 1403 0002 0aff ffffff");

	(void)state;
	assert_string_equal(
		printed(smpp_print_line, &pdu, &masked),
		"submit_sm_resp sequence_number=6 command_status=0x00000000 ESME_ROK "
		"(success) message_id=\"A\" tlv_0x1403=[2 octets] rest=[3 octets] flaws=1");
}

/* Of the carrier's own TLVs a text is read as one, where both masks are lifted: it may hold either. */
static void test_print__line_reads_the_text_of_an_unknown_tlv(void **state)
{
	static const struct {
		const char *tlv;
		const char *shown;
		const char *octets;
	} rows[] = {
		{ "1403 0003 4d5431", "tlv_0x1403=4d:54:31 \"MT1\"", "3" },
		{ "1403 0004 4d543100", "tlv_0x1403=4d:54:31:00 \"MT1\"", "4" },
		{ "1403 0003 4d2231", "tlv_0x1403=4d:22:31 \"M\\\"1\"", "3" },
		{ "1403 0003 4d0031", "tlv_0x1403=4d:00:31", "3" },
		{ "1403 0003 4d1b31", "tlv_0x1403=4d:1b:31", "3" },
		{ "1403 0002 c3a4", "tlv_0x1403=c3:a4", "2" },
		{ "1403 0001 00", "tlv_0x1403=00", "1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smpp_print_options options = masked;
		char hex[128], line[256];
		struct smpp_pdu pdu;

		snprintf(hex, sizeof(hex), "%%len 80000004 00000000 00000006 4100 %s", rows[i].tlv);
		pdu = decoded(hex);
		for (int mask = 0; mask < 4; mask++) {
			options.show_text = mask & 1;
			options.show_numbers = mask & 2;
			snprintf(line, sizeof(line),
				 "submit_sm_resp sequence_number=6 command_status=0x00000000 "
				 "ESME_ROK (success) message_id=\"A\" %s%s%s",
				 mask == 3 ? rows[i].shown : "tlv_0x1403=[",
				 mask == 3 ? "" : rows[i].octets,
				 mask == 3		  ? "" :
				 rows[i].octets[0] == '1' ? " octet]" :
							    " octets]");
			assert_string_equal(printed(smpp_print_line, &pdu, &options), line);
		}
	}
}

/* --- The block ----------------------------------------------------------------------------- */

static void test_print__block_of_a_bind_hides_the_password(void **state)
{
	struct smpp_pdu pdu = decoded("%len 00000009 00000000 00000001 6d656d656d656d656d00"
				      "736563726500 00 34 00 01 343900");

	(void)state;
	assert_string_equal(
		printed(smpp_print_block, &pdu, &shown),
		"bind_transceiver (SMPP 3.4, 4.1.5)\n"
		"     0  00 00 00 27              command_length            39\n"
		"     4  00 00 00 09              command_id                0x00000009 "
		"bind_transceiver\n"
		"     8  00 00 00 00              command_status            0x00000000 ESME_ROK "
		"(success)\n"
		"    12  00 00 00 01              sequence_number           1\n"
		"    16  6d 65 6d 65 6d 65 6d 65  system_id                 \"memememem\"\n"
		"    24  6d 00\n"
		"    26  (6 hidden)               password                  \"***\"\n"
		"    32  00                       system_type               \"\"\n"
		"    33  34                       interface_version         0x34 (v3.4)\n"
		"    34  00                       addr_ton                  0 (unknown)\n"
		"    35  01                       addr_npi                  1 (isdn_e163_e164)\n"
		"    36  34 39 00                 address_range             \"49\"\n");
}

static void test_print__block_names_entries_and_flaws(void **state)
{
	struct smpp_pdu pdu = decoded("%len 80000021 00000000 00000006 6d00 02 01 01 343900"
				      "0000000b 02 08 00 00000058 ff");
	const char *text = printed(smpp_print_block, &pdu, &shown);

	(void)state;
	assert_non_null(strstr(text, "    19  01                       "
				     "unsuccess_sme[1].dest_addr_ton 1 (international)\n"));
	assert_non_null(strstr(text, "    24  00 00 00 0b              "
				     "unsuccess_sme[1].error_status_code 0x0000000b "
				     "ESME_RINVDSTADR (bad destination address)\n"));
	assert_non_null(strstr(text, "unsuccess_sme[2].error_status_code 0x00000058 "));
	assert_non_null(strstr(text, "    35  ff                       rest  "));
	assert_non_null(strstr(text, "  flaw at 35: tlv: fewer than four octets are left"));
}

static void test_print__block_of_what_was_not_decoded_has_no_octets(void **state)
{
	struct smpp_pdu pdu;

	(void)state;
	smpp_pdu_init(&pdu, SMPP_enquire_link, 9);
	assert_string_equal(
		printed(smpp_print_block, &pdu, &masked),
		"enquire_link (SMPP 3.4, 4.11.1)\n"
		"     0                           command_length            0\n"
		"     4                           command_id                0x00000015 "
		"enquire_link\n"
		"     8                           command_status            0x00000000 ESME_ROK "
		"(success)\n"
		"    12                           sequence_number           9\n");
}

static void test_print__block_explains_bits_and_network_errors(void **state)
{
	struct smpp_pdu pdu = decoded("%len 00000005 00000000 00000008 00 01 01 343900 00 00 00"
				      "44 00 00 00 00 00 00 00 00 00 0423 0003 030015 0427 0001 02"
				      "0302 0001 06 0019 0002 0000");
	const char *text = printed(smpp_print_block, &pdu, &masked);

	(void)state;
	assert_non_null(strstr(text, "esm_class                 0x44 (deliver_type "
				     "smsc_delivery_receipt, feature udhi)\n"));
	assert_non_null(strstr(text, "network_error_code        03:00:15 (gsm)\n"));
	assert_non_null(strstr(text, "message_state             2 (DELIVERED)\n"));
	assert_non_null(strstr(text, "callback_num_pres_ind     0x06 (screening "
				     "user_verified_failed, presentation restricted)\n"));
	/* Of wrong width: octets, not a number. */
	assert_non_null(strstr(text, "payload_type              00:00"));
}

/* --- Secrets -------------------------------------------------------------------------------- */

/* Does the text hold the octets, as they are or in hexadecimal? */
static bool reveals(const char *text, const char *secret)
{
	static const char *const separators[] = { "", " ", ":" };
	bool found = strstr(text, secret) != NULL;

	for (size_t k = 0; k < 3; k++) {
		char hex[64] = "";

		for (size_t i = 0; secret[i]; i++)
			snprintf(hex + strlen(hex), sizeof hex - strlen(hex), "%s%02x",
				 i ? separators[k] : "", (unsigned char)secret[i]);
		found |= strstr(text, hex) != NULL;
	}
	return found;
}

static void test_print__the_password_is_never_shown(void **state)
{
	struct smpp_pdu pdu = decoded("%len 00000009 00000000 00000001 6d00 736563726574303700"
				      "00 34 00 01 343900");

	(void)state;
	assert_int_equal(pdu.password.n, 8);
	for (size_t i = 0; i < 3; i++) {
		assert_false(reveals(printed(forms[i], &pdu, &shown), "secret"));
		assert_false(reveals(printed(forms[i], &pdu, &masked), "secret"));
	}
}

/* The password's NUL is missing, so nobody can say where it ends. */
static void test_print__a_password_that_cannot_be_read_is_not_shown_either(void **state)
{
	struct smpp_pdu pdu = decoded("%len 00000009 00000000 00000001 6d00 7365637265743037");

	(void)state;
	assert_int_equal(pdu.password.n, 0);
	assert_int_equal(pdu.tlv_rest.n, 8);
	for (size_t i = 0; i < 3; i++)
		assert_false(reveals(printed(forms[i], &pdu, &shown), "secret"));
}

static void test_print__what_is_not_understood_is_shown_only_with_all(void **state)
{
	struct smpp_pdu pdu = decoded("%len 00000004 00000000 00000001 00 01 01 34393137");
	struct smpp_print_options options = shown;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(reveals(printed(forms[i], &pdu, &shown), "4917"));
		options.show_numbers = false;
		assert_false(reveals(printed(forms[i], &pdu, &options), "4917"));
		options.show_numbers = true;
		options.show_text = false;
		assert_false(reveals(printed(forms[i], &pdu, &options), "4917"));
		options.show_text = true;
	}
}

static void test_print__texts_and_numbers_are_masked_wherever_they_stand(void **state)
{
	/* The receipt's text twice, numbers of both sides, a callback number, a subaddress. */
	struct smpp_pdu pdu =
		decoded("%len 00000004 00000000 00000005 00 01 01 34393137303132333435363700 01 01"
			"3439313730313233343536370000 00 00 00 00 01 00 00 00 07 7365637265743f"
			"0424 0007 7365637265743f 0381 000f 010101343931373031323334353637"
			"0202 0005 8034393137 0303 0007 0073656372 6574");

	(void)state;
	assert_int_equal(pdu.n_tlvs, 4);
	for (size_t i = 0; i < 3; i++) {
		const char *text = printed(forms[i], &pdu, &masked);

		assert_false(reveals(text, "secret"));
		assert_false(reveals(text, "4917"));
		assert_true(reveals(printed(forms[i], &pdu, &shown), "secret"));
		assert_true(reveals(printed(forms[i], &pdu, &shown), "4917"));
	}
}

static void test_print__a_number_keeps_three_digits_and_a_name_its_letters(void **state)
{
	static const char *const cases[][2] = {
		{ "491701234567", "*********567" },
		{ "+491701234567", "+*********567" },
		{ "123", "123" },
		{ "1234", "*234" },
		{ "Brand", "Brand" },
		{ "A4917012B", "A****012B" },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char want[64];
		struct smpp_pdu pdu;

		smpp_pdu_init(&pdu, SMPP_query_sm, 1);
		pdu.source_addr = smpp_octets_of(cases[i][0]);
		snprintf(want, sizeof want, "query_sm sequence_number=1%s%s%s",
			 cases[i][1] ? " source_addr=\"" : "", cases[i][1] ? cases[i][1] : "",
			 cases[i][1] ? "\"" : "");
		assert_string_equal(printed(smpp_print_line, &pdu, &masked), want);
	}
}

/* --- Texts and escapes ---------------------------------------------------------------------- */

/* The line of a submit_sm that carries the text, from short_message= on. */
static const char *line_of_text(struct smpp_pdu *pdu, const void *text, uint32_t n)
{
	const char *line;

	smpp_pdu_init(pdu, SMPP_submit_sm, 1);
	pdu->short_message = (struct smpp_octets){ .at = text, .n = n };
	line = strstr(printed(smpp_print_line, pdu, &shown), "short_message=");
	assert_non_null(line);
	return line + strlen("short_message=");
}

static void test_print__controls_and_quotes_are_escaped(void **state)
{
	static const uint8_t ucs2[] = {
		0x00, 0x41, 0x00, 0x9B, 0x20, 0x2E, 0x00, 0x1B, 0x20, 0xAC
	};
	struct smpp_pdu pdu;

	(void)state;
	smpp_pdu_init(&pdu, SMPP_submit_sm_resp, 1);
	pdu.message_id = smpp_octets_of("a\x1b[2J\"\\\n\x7f\xe9");
	assert_string_equal(strstr(printed(smpp_print_line, &pdu, &masked), "message_id="),
			    "message_id=\"a\\u001b[2J\\\"\\\\\\n\\u007f\\u00e9\"");
	smpp_pdu_init(&pdu, SMPP_submit_sm, 1);
	pdu.data_coding = 8;
	pdu.short_message = (struct smpp_octets){ ucs2, sizeof ucs2 };
	assert_non_null(strstr(printed(smpp_print_line, &pdu, &shown),
			       "short_message=\"A\\u009b\\u202e\\u001b\xE2\x82\xAC\""));
}

static void test_print__text_is_read_by_its_coding(void **state)
{
	static const uint8_t udh[] = { 5, 0, 3, 0xAA, 2, 1, 'h', 'i' };
	struct smpp_pdu pdu;

	(void)state;
	/* GSM 03.38: 0x00 is @, 0x1B 0x65 the euro sign. */
	assert_string_equal(line_of_text(&pdu, "\0a\x1b\x65", 4), "\"@a\xE2\x82\xAC\"");
	(void)line_of_text(&pdu, udh, sizeof udh);
	pdu.esm_class = 0x40;
	assert_non_null(strstr(printed(smpp_print_line, &pdu, &shown),
			       "short_message=UDH 05:00:03:aa:02:01 \"hi\""));
	/* 8-bit data is no text. */
	pdu.esm_class = 0;
	pdu.data_coding = 4;
	assert_non_null(strstr(printed(smpp_print_line, &pdu, &shown),
			       "short_message=05:00:03:aa:02:01:68:69"));
}

/* A UDH length past the end is no UDH. */
static void test_print__a_udh_past_the_end_is_text(void **state)
{
	struct smpp_pdu pdu;

	(void)state;
	(void)line_of_text(&pdu, "\x0Ahi", 3);
	pdu.esm_class = 0x40;
	assert_non_null(strstr(printed(smpp_print_line, &pdu, &shown), "short_message=\"\\nhi\""));
}

/* Long texts are decoded in pieces, which must not cut a character in two. */
static void test_print__long_texts_keep_their_characters_whole(void **state)
{
	static uint8_t payload[1000];
	static uint8_t pair[] = { 0xD8, 0x3D, 0xDE, 0x00 }; /* U+1F600 */
	struct smpp_pdu pdu;

	(void)state;
	for (uint32_t lead = 0; lead < 6; lead += 2) {
		for (uint32_t i = 0; i < lead; i++)
			payload[i] = i % 2 ? 'x' : 0;
		for (uint32_t i = lead; i + 4 <= sizeof payload; i += 4)
			memcpy(payload + i, pair, 4);
		smpp_pdu_init(&pdu, SMPP_data_sm, 1);
		pdu.data_coding = 8;
		assert_int_equal(smpp_pdu_tlv_add(&pdu, SMPP_TLV_message_payload,
						  (struct smpp_octets){ payload, 600 + lead }),
				 SMPP_OK);
		assert_null(strstr(printed(smpp_print_line, &pdu, &shown), "\xEF\xBF\xBD"));
	}
	for (uint32_t lead = 0; lead < 2; lead++) {
		payload[0] = 'x';
		for (uint32_t i = lead; i + 2 <= sizeof payload; i += 2)
			memcpy(payload + i, "\x1b\x65", 2);
		pdu.data_coding = 0;
		pdu.tlvs[0].outside.n = 600 + lead;
		assert_null(strstr(printed(smpp_print_line, &pdu, &shown), "xe"));
		assert_null(strstr(printed(smpp_print_line, &pdu, &shown), "\xAC"
									   "e"));
	}
}

/* --- The end of the buffer --------------------------------------------------------------------- */

static void test_print__what_does_not_fit_is_cut_at_a_boundary(void **state)
{
	struct smpp_pdu pdu = decoded(submit_hex);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char *whole = strdup(printed(forms[i], &pdu, &shown));
		size_t n = strlen(whole);

		for (size_t cap = 1; cap <= n + 1; cap++) {
			char *text = malloc(cap);
			struct smpp_print_out out = smpp_print_out_of(text, cap);

			forms[i](&out, &pdu, &shown);
			assert_int_equal(out.cut, cap <= n);
			assert_true(out.n < cap);
			assert_int_equal(strlen(text), out.n);
			assert_memory_equal(text, whole, out.n);
			free(text);
		}
		free(whole);
	}
}

static void test_print__the_largest_pdus_fit_their_room(void **state)
{
	static struct full_memory memory;

	(void)state;
	for (size_t i = 0; i < SMPP_N_COMMANDS * FULL_SIZES; i++) {
		struct smpp_pdu pdu;

		full_pdu(&pdu, &memory, i % FULL_SIZES, &smpp_commands[i / FULL_SIZES]);
		for (size_t k = 0; k < 3; k++)
			assert_true(strlen(printed(forms[k], &pdu, &shown)) > 0);
	}
}

/* Nobody says data_coding=0 of a PDU of which no more is known than its number. */
static void test_print__of_facts_only_what_is_known_is_shown(void **state)
{
	static const struct smpp_print_options facts = { .of_facts = true };
	struct smpp_pdu pdu;
	(void)state;

	smpp_pdu_init(&pdu, SMPP_submit_sm_resp, 7);
	pdu.message_id = smpp_octets_of("2F1A7");
	assert_string_equal(printed(smpp_print_json, &pdu, &facts),
			    "{\"smpp.command_id\":\"0x80000004\",\"command\":\"submit_sm_resp\","
			    "\"smpp.command_status\":\"0x00000000\",\"status\":\"ESME_ROK\","
			    "\"status_text\":\"success\",\"smpp.sequence_number\":7,"
			    "\"smpp.message_id\":\"2F1A7\"}");
	smpp_pdu_init(&pdu, SMPP_submit_sm, 0);
	assert_string_equal(printed(smpp_print_json, &pdu, &facts),
			    "{\"smpp.command_id\":\"0x00000004\",\"command\":\"submit_sm\"}");
	pdu.destination_addr = smpp_octets_of("31610000001");
	assert_non_null(strstr(printed(smpp_print_block, &pdu, &facts), "\"********001\""));
	assert_null(strstr(printed(smpp_print_block, &pdu, &facts), "data_coding"));
	assert_non_null(strstr(printed(smpp_print_block, &pdu, &shown), "data_coding"));
}

/* Nobody is left alone with a name. */
static void test_print__every_field_has_a_meaning(void **state)
{
	(void)state;

	for (size_t i = 0; i < SMPP_N_COMMANDS; i++)
		for (const struct smpp_place *place = smpp_commands[i].places; place->param;
		     place++)
			if (!smpp_meaning(place->param->name))
				fail_msg("%s", place->param->name);
	for (size_t i = 0; i < SMPP_N_TLV_ROWS; i++)
		if (!smpp_meaning(smpp_tlv_rows[i].name))
			fail_msg("%s", smpp_tlv_rows[i].name);
	assert_null(smpp_meaning("data_codng"));
	assert_null(smpp_meaning(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print__line_hides_number_and_text),
		cmocka_unit_test(test_print__line_leaves_the_usual_of_a_session_to_the_block),
		cmocka_unit_test(test_print__line_tells_that_no_receipt_is_asked_for),
		cmocka_unit_test(test_print__line_shows_them_when_asked),
		cmocka_unit_test(test_print__line_says_status_three_ways),
		cmocka_unit_test(test_print__line_of_an_unknown_command),
		cmocka_unit_test(test_print__line_counts_flaws_and_names_unknown_tlvs),
		cmocka_unit_test(test_print__line_reads_the_text_of_an_unknown_tlv),
		cmocka_unit_test(test_print__block_of_a_bind_hides_the_password),
		cmocka_unit_test(test_print__block_names_entries_and_flaws),
		cmocka_unit_test(test_print__block_of_what_was_not_decoded_has_no_octets),
		cmocka_unit_test(test_print__block_explains_bits_and_network_errors),
		cmocka_unit_test(test_print__the_password_is_never_shown),
		cmocka_unit_test(test_print__a_password_that_cannot_be_read_is_not_shown_either),
		cmocka_unit_test(test_print__what_is_not_understood_is_shown_only_with_all),
		cmocka_unit_test(test_print__texts_and_numbers_are_masked_wherever_they_stand),
		cmocka_unit_test(test_print__a_number_keeps_three_digits_and_a_name_its_letters),
		cmocka_unit_test(test_print__controls_and_quotes_are_escaped),
		cmocka_unit_test(test_print__text_is_read_by_its_coding),
		cmocka_unit_test(test_print__a_udh_past_the_end_is_text),
		cmocka_unit_test(test_print__long_texts_keep_their_characters_whole),
		cmocka_unit_test(test_print__what_does_not_fit_is_cut_at_a_boundary),
		cmocka_unit_test(test_print__the_largest_pdus_fit_their_room),
		cmocka_unit_test(test_print__of_facts_only_what_is_known_is_shown),
		cmocka_unit_test(test_print__every_field_has_a_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
