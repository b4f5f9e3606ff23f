/* A PDU as one line of JSON: its names, and that it is JSON for every PDU. */
#include <jansson.h>

#include "test/print_fixture.h"

static void test_print__json_of_a_response(void **state)
{
	struct smpp_pdu pdu = decoded("%len 80000004 00000000 00000006 4100");

	(void)state;
	assert_string_equal(printed(smpp_print_json, &pdu, &masked),
			    "{\"smpp.command_length\":18,\"smpp.command_id\":\"0x80000004\","
			    "\"command\":\"submit_sm_resp\","
			    "\"smpp.command_status\":\"0x00000000\",\"status\":\"ESME_ROK\","
			    "\"status_text\":\"success\",\"smpp.sequence_number\":6,"
			    "\"smpp.message_id\":\"A\"}");
}

static json_t *parsed(const struct smpp_pdu *pdu, const struct smpp_print_options *options)
{
	json_error_t error;
	const char *text = printed(smpp_print_json, pdu, options);
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("%s at %d in %s", error.text, error.position, text);
	return json;
}

static const char *text_at(json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (!text)
		fail_msg("no string %s", key);
	return text;
}

static json_int_t number_at(json_t *json, const char *key)
{
	json_t *number = json_object_get(json, key);

	assert_true(json_is_integer(number));
	return json_integer_value(number);
}

static void test_print__json_of_a_submit_sm(void **state)
{
	struct smpp_pdu pdu = decoded(submit_hex);
	json_t *json = parsed(&pdu, &shown);

	(void)state;
	assert_string_equal(text_at(json, "smpp.destination_addr"), "491701234567");
	assert_string_equal(text_at(json, "smpp.message"), "73:65:63:72:65:74:3f");
	assert_string_equal(text_at(json, "smpp.message_text"), "secret?");
	assert_int_equal(number_at(json, "smpp.user_message_reference"), 513);
	assert_int_equal(number_at(json, "smpp.registered_delivery"), 1);
	assert_int_equal(number_at(json, "smpp.regdel.receipt"), 1);
	json_decref(json);
	json = parsed(&pdu, &masked);
	assert_string_equal(text_at(json, "smpp.destination_addr"), "*********567");
	assert_string_equal(text_at(json, "smpp.message"), "[7 octets]");
	assert_null(json_object_get(json, "smpp.message_text"));
	json_decref(json);
}

static void test_print__json_has_groups_lists_and_flaws_as_arrays(void **state)
{
	struct smpp_pdu pdu =
		decoded("%len 00000021 00000000 00000006 00 01 01 3100 02"
			"01 01 01 343900 02 7400 000000 00 00 00 00 00 00 00"
			"0381 0004 01010131 0381 0005 0101013233 1403 0001 ff 1403 0000"
			"0210 0001 34");
	json_t *json = parsed(&pdu, &shown);
	json_t *list = json_object_get(json, "smpp.dlist");

	(void)state;
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text_at(json_array_get(list, 0), "smpp.destination_addr"), "49");
	assert_string_equal(text_at(json_array_get(list, 1), "smpp.dl_name"), "t");
	list = json_object_get(json, "smpp.callback_num");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_array_get(list, 1)), "01:01:01:32:33");
	list = json_object_get(json, "smpp.tlv_0x1403");
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(number_at(json, "smpp.SC_interface_version"), 0x34);
	list = json_object_get(json, "flaws");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text_at(json_array_get(list, 0), "field"), "tlv");
	assert_string_equal(text_at(json_array_get(list, 1), "field"), "sc_interface_version");
	json_decref(json);
}

static void test_print__json_is_json_for_every_pdu(void **state)
{
	FILE *file = vector_file();
	struct vector vector;

	(void)state;
	while (vector_next(file, &vector)) {
		struct smpp_problem why;
		struct smpp_pdu pdu;

		assert_int_equal(smpp_pdu_decode(vector.octets, vector.n, &pdu, &why), SMPP_OK);
		json_decref(parsed(&pdu, &masked));
		json_decref(parsed(&pdu, &shown));
	}
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print__json_of_a_response),
		cmocka_unit_test(test_print__json_of_a_submit_sm),
		cmocka_unit_test(test_print__json_has_groups_lists_and_flaws_as_arrays),
		cmocka_unit_test(test_print__json_is_json_for_every_pdu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
