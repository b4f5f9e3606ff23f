/*
 * The rows of smpp/ *.def against the specification's tables as written down, apart from this
 * code, in test/vectors/smpp34. Both directions: nothing is missing, nothing is made up.
 * Where the rows differ on purpose the test names the place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smpp/pdu_place.h"
#include "smpp/status.h"
#include "smpp/values.h"

/* --- Reading the tables --------------------------------------------------------------------- */

enum {
	MAX_CELLS = 8,
};

struct table {
	FILE *file;
	char line[512];
	char *cells[MAX_CELLS];
	unsigned n; /* cells of the current row */
};

static bool next_row(struct table *table)
{
	char *rest = table->line;

	if (!fgets(table->line, sizeof table->line, table->file))
		return false;
	table->line[strcspn(table->line, "\n")] = '\0';
	for (table->n = 0; rest && table->n < MAX_CELLS; table->n++)
		table->cells[table->n] = strsep(&rest, "\t");
	return true;
}

/* Opens a table and steps over its heading. */
static struct table table_of(const char *name)
{
	struct table table = { 0 };
	char path[128];

	snprintf(path, sizeof path, "test/vectors/smpp34/%s.tsv", name);
	table.file = fopen(path, "r");
	if (!table.file)
		fail_msg("%s: run from the root of the source", path);
	assert_true(next_row(&table));
	return table;
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 0);
}

static const struct smpp_command *command_named(const char *name)
{
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++) {
		if (strcmp(smpp_commands[i].name, name) == 0)
			return &smpp_commands[i];
	}
	fail_msg("no row for PDU %s", name);
	return NULL;
}

/* --- Commands --------------------------------------------------------------------------------- */

/* "BOUND_TX,BOUND_TRX" or "-" */
static unsigned states_of(const char *text)
{
	unsigned states = 0;

	if (strstr(text, "OPEN"))
		states |= SMPP_OPEN;
	if (strstr(text, "BOUND_TX"))
		states |= SMPP_BOUND_TX;
	if (strstr(text, "BOUND_RX"))
		states |= SMPP_BOUND_RX;
	if (strstr(text, "BOUND_TRX"))
		states |= SMPP_BOUND_TRX;
	return states;
}

static void test_tables__commands(void **state)
{
	struct table table = table_of("commands");
	size_t rows = 0;

	(void)state;
	for (; next_row(&table); rows++) {
		const struct smpp_command *command = command_named(table.cells[0]);
		const struct smpp_command *resp = smpp_command_resp(command);
		unsigned esme = states_of(table.cells[4]);
		unsigned smsc = states_of(table.cells[5]);

		/* Table 2-1 forgets the transceiver, to which 2.2 gives every operation. */
		if (command->id == SMPP_replace_sm)
			esme |= SMPP_BOUND_TRX;
		if (command->id == SMPP_replace_sm_resp)
			smsc |= SMPP_BOUND_TRX;
		assert_int_equal(command->id, number(table.cells[1]));
		assert_string_equal(resp ? resp->name : "-", table.cells[2]);
		assert_string_equal(command->section, table.cells[3]);
		assert_int_equal(command->states[SMPP_ESME], esme);
		assert_int_equal(command->states[SMPP_SMSC], smsc);
		assert_ptr_equal(smpp_command(command->id), command);
	}
	assert_int_equal(rows, SMPP_N_COMMANDS);
	fclose(table.file);
}

static void test_tables__no_other_command_id_is_known(void **state)
{
	size_t known = 0;

	(void)state;
	for (uint32_t id = 0; id < 0x20000; id++) {
		known += smpp_command(id) != NULL;
		known += smpp_command(id | SMPP_RESP_BIT) != NULL;
		assert_null(smpp_command(id | 0x40000000));
	}
	assert_int_equal(known, SMPP_N_COMMANDS);
	assert_null(smpp_command(0xFFFFFFFF));
}

static void test_tables__operations_by_role_and_state(void **state)
{
	const struct smpp_command *submit = smpp_command(SMPP_submit_sm);

	(void)state;
	assert_true(smpp_command_allowed(submit, SMPP_ESME, SMPP_BOUND_TX));
	assert_true(smpp_command_allowed(submit, SMPP_ESME, SMPP_BOUND_TRX));
	assert_false(smpp_command_allowed(submit, SMPP_ESME, SMPP_OPEN));
	assert_false(smpp_command_allowed(submit, SMPP_ESME, SMPP_BOUND_RX));
	assert_false(smpp_command_allowed(submit, SMPP_SMSC, SMPP_BOUND_TRX));
}

/* --- Parameters -------------------------------------------------------------------------------- */

static const char *type_name(const struct smpp_place *place)
{
	switch (place->param->type) {
	case SMPP_TYPE_INT1:
	case SMPP_TYPE_INT4:
	case SMPP_TYPE_LENGTH:
	case SMPP_TYPE_COUNT:
	case SMPP_TYPE_COUNT1:
		return "Integer";
	case SMPP_TYPE_CSTRING:
		return "C-Octet String";
	case SMPP_TYPE_TIME:
		return place->null ? "C-Octet String" : "C-Octet String fixed";
	case SMPP_TYPE_DATE:
		return "C-Octet String fixed";
	case SMPP_TYPE_OCTETS:
		return "Octet String";
	case SMPP_TYPE_GROUP:
		return "group";
	case SMPP_TYPE_INT:
	case SMPP_TYPE_BITS:
	case SMPP_TYPE_NONE:
		break;
	}
	return "?";
}

/* The size as the table writes it: "21", "1 or 17", "0-254", "2-24 each". */
static void check_size(const struct smpp_place *place, const char *text)
{
	const char *dash = strchr(text, '-');
	const char * or = strstr(text, " or ");

	if (or)
		assert_string_equal(text, "1 or 17");
	assert_int_equal(place->max, number(dash ? dash + 1 : or ? or +4 : text));
}

static void check_place(const struct smpp_place *place, const struct table *table)
{
	const char *note = table->cells[6];

	assert_non_null(place->param);
	assert_string_equal(place->param->name, table->cells[2]);
	assert_string_equal(type_name(place), table->cells[3]);
	check_size(place, table->cells[4]);
	assert_string_equal(place->param->section, table->cells[5]);
	assert_int_equal(place->null, strstr(note, "must_be_null") != NULL);
	assert_int_equal(place->when, strstr(note, "if_dest_flag=1") ? SMPP_DEST_SME :
				      strstr(note, "if_dest_flag=2") ? SMPP_DEST_LIST :
								       0);
	if (strstr(note, "length_of="))
		assert_int_equal(place->param->type, SMPP_TYPE_LENGTH);
	if (strstr(note, "length_in=sm_length"))
		assert_int_equal(place[-1].param->type, SMPP_TYPE_LENGTH);
	assert_int_equal(place->entry != NULL, strstr(note, "repeated=") != NULL);
}

static void test_tables__params(void **state)
{
	struct table table = table_of("params");
	const struct smpp_place *places = NULL;
	char pdu[64] = "";
	bool seen[SMPP_N_COMMANDS] = { false };

	(void)state;
	while (next_row(&table)) {
		const char *dot = strchr(table.cells[1], '.');
		const struct smpp_place *place;

		if (strcmp(pdu, table.cells[0]) != 0) {
			snprintf(pdu, sizeof pdu, "%s", table.cells[0]);
			places = smpp_header_places;
			if (strcmp(pdu, "header") != 0) {
				seen[command_named(pdu) - smpp_commands] = true;
				places = command_named(pdu)->places;
			}
		}
		place = &places[number(table.cells[1]) - 1];
		if (dot)
			place = &place->entry[number(dot + 1) - 1];
		check_place(place, &table);
		/* The next row of the table names this place's successor or it has none. */
		if (!dot)
			assert_true(place[1].param == NULL || place[1].param->name != NULL);
	}
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++)
		assert_int_equal(seen[i], smpp_commands[i].places->param != NULL);
	fclose(table.file);
}

static size_t count_places(const struct smpp_place *place)
{
	size_t n = 0;

	for (; place->param; place++)
		n += 1 + (place->entry ? count_places(place->entry) : 0);
	return n;
}

static void test_tables__no_param_is_made_up(void **state)
{
	struct table table = table_of("params");
	size_t ours = count_places(smpp_header_places);
	size_t theirs = 0;

	(void)state;
	while (next_row(&table))
		theirs++;
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++)
		ours += count_places(smpp_commands[i].places);
	assert_int_equal(ours, theirs);
	fclose(table.file);
}

/* --- TLVs ----------------------------------------------------------------------------------- */

static const char *tlv_type_name(enum smpp_type type)
{
	return type == SMPP_TYPE_INT	 ? "Integer" :
	       type == SMPP_TYPE_BITS	 ? "Bit mask" :
	       type == SMPP_TYPE_CSTRING ? "C-Octet String" :
	       type == SMPP_TYPE_OCTETS	 ? "Octet String" :
	       type == SMPP_TYPE_NONE	 ? "none" :
					   "?";
}

/* Is name one of those in "a,b,c"? */
static bool listed(const char *name, const char *list)
{
	size_t n = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += n) {
		if ((at == list || at[-1] == ',') && (at[n] == ',' || at[n] == '\0'))
			return true;
	}
	return false;
}

static void test_tables__tlvs(void **state)
{
	struct table table = table_of("tlvs");
	size_t rows = 0;

	(void)state;
	for (; next_row(&table); rows++) {
		const struct smpp_tlv_row *row = smpp_tlv_row((uint16_t)number(table.cells[1]));

		if (!row)
			fail_msg("no row for TLV %s", table.cells[0]);
		assert_string_equal(row->name, table.cells[0]);
		assert_int_equal(row->tag, number(table.cells[1]));
		assert_string_equal(tlv_type_name(row->type), table.cells[2]);
		assert_int_equal(row->min, number(table.cells[3]));
		assert_int_equal(row->max, number(table.cells[4]));
		assert_int_equal(row->occurs, *table.cells[5] == 'y' ? SMPP_LIST : SMPP_ONCE);
		assert_string_equal(row->section, table.cells[7]);
		for (size_t i = 0; i < SMPP_N_COMMANDS; i++)
			assert_int_equal(smpp_commands[i].tlvs >> (row - smpp_tlv_rows) & 1,
					 listed(smpp_commands[i].name, table.cells[6]));
	}
	/* congestion_state is SMPP 5.0's; its peers send it on 3.4 binds. */
	assert_int_equal(rows + 1, SMPP_N_TLV_ROWS);
	assert_int_equal(smpp_tlv_row(0x0428)->occurs, SMPP_ANYWHERE);
	fclose(table.file);
}

static void test_tables__tlv_rows_rise_and_no_other_tag_is_known(void **state)
{
	size_t known = 0;

	(void)state;
	for (size_t i = 1; i < SMPP_N_TLV_ROWS; i++)
		assert_true(smpp_tlv_rows[i - 1].tag < smpp_tlv_rows[i].tag);
	for (uint32_t tag = 0; tag <= UINT16_MAX; tag++)
		known += smpp_tlv_row((uint16_t)tag) != NULL;
	assert_int_equal(known, SMPP_N_TLV_ROWS);
}

/* --- Status ----------------------------------------------------------------------------------- */

static void check_status(uint32_t value, const struct table *table)
{
	struct smpp_status status = smpp_status(value);
	const char *class = smpp_status_class_name(status.class);

	/* Names of SMPP 5.0 for what 3.4 reserves. */
	if (value >= 0x100 && value <= 0x112) {
		assert_non_null(status.name);
		assert_string_equal(class, value == 0x102 ? "retry" : "permanent");
		return;
	}
	if (strcmp(table->cells[1], "-") == 0) {
		assert_null(status.name);
		assert_string_equal(class,
				    value >= 0x400 && value <= 0x4FF ? "vendor" : "reserved");
		return;
	}
	assert_string_equal(status.name, table->cells[1]);
	assert_string_equal(status.meaning, table->cells[2]);
	assert_string_equal(strcmp(class, "accepted") == 0 ? "ok" : class, table->cells[3]);
}

static void test_tables__status(void **state)
{
	struct table table = table_of("status");

	(void)state;
	while (next_row(&table)) {
		const char *dash = strchr(table.cells[0], '-');
		uint32_t low = number(table.cells[0]);
		uint32_t high = dash ? number(dash + 1) : low;

		for (uint32_t value = low; value <= high && value < low + 0x800; value++)
			check_status(value, &table);
		check_status(high, &table);
	}
	fclose(table.file);
}

/* --- Values ----------------------------------------------------------------------------------- */

/* Where a set of the table is to be seen. */
static const struct {
	const char *set;
	uint32_t command_id;
	const char *field;
	const char *part;
} shown[] = {
	{ "interface_version", SMPP_bind_receiver, "interface_version", NULL },
	{ "interface_version", SMPP_bind_receiver_resp, "sc_interface_version", NULL },
	{ "ton", SMPP_submit_sm, "source_addr_ton", NULL },
	{ "ton", SMPP_submit_sm, "dest_addr_ton", NULL },
	{ "ton", SMPP_bind_receiver, "addr_ton", NULL },
	{ "ton", SMPP_alert_notification, "esme_addr_ton", NULL },
	{ "npi", SMPP_submit_sm, "source_addr_npi", NULL },
	{ "npi", SMPP_submit_sm, "dest_addr_npi", NULL },
	{ "npi", SMPP_bind_receiver, "addr_npi", NULL },
	{ "npi", SMPP_alert_notification, "esme_addr_npi", NULL },
	{ "esm_class.submit.type", SMPP_submit_sm, "esm_class", "submit_type" },
	{ "esm_class.submit.mode", SMPP_submit_sm, "esm_class", "submit_mode" },
	{ "esm_class.deliver.type", SMPP_deliver_sm, "esm_class", "deliver_type" },
	{ "esm_class.deliver.type", SMPP_data_sm, "esm_class", "deliver_type" },
	{ "esm_class.feature", SMPP_submit_sm, "esm_class", "feature" },
	{ "esm_class.feature", SMPP_deliver_sm, "esm_class", "feature" },
	{ "priority_flag", SMPP_submit_sm, "priority_flag", NULL },
	{ "registered_delivery.receipt", SMPP_submit_sm, "registered_delivery", "receipt" },
	{ "registered_delivery.sme_ack", SMPP_submit_sm, "registered_delivery", "sme_ack" },
	{ "registered_delivery.intermediate", SMPP_submit_sm, "registered_delivery",
	  "intermediate" },
	{ "replace_if_present_flag", SMPP_submit_sm, "replace_if_present_flag", NULL },
	{ "data_coding", SMPP_submit_sm, "data_coding", NULL },
	{ "dest_flag", SMPP_submit_multi, "dest_flag", NULL },
	{ "message_state", SMPP_deliver_sm, "message_state", NULL },
	{ "dest_addr_subunit", SMPP_data_sm, "dest_addr_subunit", NULL },
	{ "source_addr_subunit", SMPP_data_sm, "source_addr_subunit", NULL },
	{ "dest_network_type", SMPP_data_sm, "dest_network_type", NULL },
	{ "source_network_type", SMPP_data_sm, "source_network_type", NULL },
	{ "dest_bearer_type", SMPP_data_sm, "dest_bearer_type", NULL },
	{ "source_bearer_type", SMPP_data_sm, "source_bearer_type", NULL },
	{ "payload_type", SMPP_data_sm, "payload_type", NULL },
	{ "ms_msg_wait_facilities.type", SMPP_data_sm, "ms_msg_wait_facilities", "type" },
	{ "ms_msg_wait_facilities.indicator", SMPP_data_sm, "ms_msg_wait_facilities", "indicator" },
	{ "privacy_indicator", SMPP_data_sm, "privacy_indicator", NULL },
	{ "language_indicator", SMPP_data_sm, "language_indicator", NULL },
	{ "display_time", SMPP_data_sm, "display_time", NULL },
	{ "ms_validity", SMPP_data_sm, "ms_validity", NULL },
	{ "dpf_result", SMPP_data_sm_resp, "dpf_result", NULL },
	{ "set_dpf", SMPP_data_sm, "set_dpf", NULL },
	{ "ms_availability_status", SMPP_alert_notification, "ms_availability_status", NULL },
	{ "network_error_code.network_type", SMPP_deliver_sm, "network_error_code", NULL },
	{ "delivery_failure_reason", SMPP_data_sm_resp, "delivery_failure_reason", NULL },
	{ "more_messages_to_send", SMPP_data_sm, "more_messages_to_send", NULL },
	{ "callback_num_pres_ind.presentation", SMPP_data_sm, "callback_num_pres_ind",
	  "presentation" },
	{ "callback_num_pres_ind.screening", SMPP_data_sm, "callback_num_pres_ind", "screening" },
	{ "its_reply_type", SMPP_data_sm, "its_reply_type", NULL },
	{ "ussd_service_op", SMPP_submit_sm, "ussd_service_op", NULL },
};

/* Sets of the table that are texts, ranges without names, or shown by nobody as a number. */
static const char *const not_shown[] = {
	"service_type",
	"sm_default_msg_id",
	"sm_length",
	"number_of_dests",
	"receipt.stat",
	"sequence_number",
	"receipt.field_octets",
	"subaddress.type",
	"command_id",
	"tlv_tag",
	"user_response_code",
	"sar_total_segments",
	"time_format",
	"number_of_messages",
	"sar_segment_seqnum",
	"callback_num.digit_mode",
	"priority_flag.gsm",
	"priority_flag.ansi136",
	"priority_flag.is95",
	"esm_class.deliver.mode",
	"its_session_info.octet1",
	"its_session_info.octet2",
	"registered_delivery.rest",
};

static bool is_not_shown(const char *set)
{
	for (size_t i = 0; i < sizeof not_shown / sizeof not_shown[0]; i++) {
		if (strcmp(not_shown[i], set) == 0)
			return true;
	}
	return false;
}

/* What a field shows for the part that a set names; NULL: nothing. */
static const char *name_shown(size_t i, uint32_t value)
{
	struct smpp_value_name names[SMPP_MAX_VALUE_NAMES];
	uint32_t n = smpp_value_names(shown[i].command_id, shown[i].field, value, names);

	for (uint32_t k = 0; k < n; k++) {
		if (shown[i].part == NULL || value == 0 ||
		    (names[k].part && strcmp(names[k].part, shown[i].part) == 0))
			return names[k].name;
	}
	return NULL;
}

static void check_value(size_t i, const char *set, uint32_t value, const char *name)
{
	const char *seen = name_shown(i, value);

	/* Nothing is said of a part of a bit field that is zero. */
	if (value == 0 && shown[i].part)
		return;
	/* SMPP 5.0 gives names to two states. */
	if (strcmp(set, "message_state") == 0 && (value == 0 || value == 9))
		return;
	if (strncmp(name, "reserved", 8) == 0) {
		assert_null(seen);
		return;
	}
	if (!seen)
		fail_msg("%s: no name for 0x%02x", set, value);
	assert_string_equal(seen, name);
}

static void test_tables__values(void **state)
{
	struct table table = table_of("values");

	(void)state;
	while (next_row(&table)) {
		const char *set = table.cells[0];
		const char *dash = strchr(table.cells[1], '-');
		uint32_t low = number(table.cells[1]);
		uint32_t high = dash ? number(dash + 1) : low;
		bool seen = is_not_shown(set);

		for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
			if (strcmp(shown[i].set, set) != 0)
				continue;
			seen = true;
			for (uint32_t value = low; value <= high; value++)
				check_value(i, set, value, table.cells[2]);
		}
		if (!seen)
			fail_msg("nobody shows %s", set);
	}
	fclose(table.file);
}

static void assert_found(const char *name, uint32_t value)
{
	uint32_t found;

	assert_true(smpp_status_named(name, strlen(name), &found));
	assert_int_equal(found, value);
}

/* People leave the prefix away, and write as they like. */
static void test_tables__a_status_is_found_by_its_name(void **state)
{
	static const char *const none[] = { "", "ESME_", "RTHROTTLE", "RTHROTTLEDX",
					    "ESME_RTHROTTLED " };
	uint32_t found;

	(void)state;
#define STATUS(value, name, meaning, class) \
	assert_found(#name, value);         \
	assert_found(&#name[strlen("ESME_")], value);
#include "smpp/status.def"
#undef STATUS
	assert_found("esme_rthrottled", SMPP_ESME_RTHROTTLED);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(smpp_status_named(none[i], strlen(none[i]), &found));
}

/* A status is told so that it can be found in whichever list the carrier keeps. */
static void test_tables__check_80_a_status_is_told_in_hex_and_decimal(void **state)
{
	char out[SMPP_STATUS_TEXT_OCTETS];

	(void)state;
	assert_string_equal(smpp_status_text(0x58, out), "ESME_RTHROTTLED (0x00000058)");
	assert_string_equal(smpp_status_text(0, out), "ESME_ROK (0x00000000)");
	assert_string_equal(smpp_status_text(0x401, out), "0x00000401 (1025)");
	assert_string_equal(smpp_status_text(0xFFFFFFFF, out), "0xffffffff (4294967295)");
#define STATUS(value, name, meaning, class) \
	assert_true(strlen(smpp_status_text(value, out)) + 1 < SMPP_STATUS_TEXT_OCTETS);
#include "smpp/status.def"
#undef STATUS
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables__a_status_is_found_by_its_name),
		cmocka_unit_test(test_tables__check_80_a_status_is_told_in_hex_and_decimal),
		cmocka_unit_test(test_tables__commands),
		cmocka_unit_test(test_tables__no_other_command_id_is_known),
		cmocka_unit_test(test_tables__operations_by_role_and_state),
		cmocka_unit_test(test_tables__params),
		cmocka_unit_test(test_tables__no_param_is_made_up),
		cmocka_unit_test(test_tables__tlvs),
		cmocka_unit_test(test_tables__tlv_rows_rise_and_no_other_tag_is_known),
		cmocka_unit_test(test_tables__status),
		cmocka_unit_test(test_tables__values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
