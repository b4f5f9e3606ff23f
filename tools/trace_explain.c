/* See tools/trace_explain.h. */
#include "tools/trace_explain.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/config.h"
#include "smpp/pdu.h"
#include "smpp/receipt.h"
#include "smpp/status.h"
#include "smpp/values.h"

/* A word as a number, decimal or with 0x. */
static bool number_of(const char *word, uint32_t *number)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(word, &end, strncasecmp(word, "0x", 2) == 0 ? 16 : 10);
	if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0 || value > UINT32_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

/* ---- statuses ---- */

/* What the daemon does about a class, unless the provider's settings say otherwise. */
static const char *const class_texts[] = {
	[SMPP_STATUS_ACCEPTED] = "the request was done",
	[SMPP_STATUS_THROTTLE] = "the link pauses and sends the same again later, without count",
	[SMPP_STATUS_RETRY] = "the same is sent again later, a few times",
	[SMPP_STATUS_LINK] = "the link is wrong, not the message: it is bound anew",
	[SMPP_STATUS_BIND] = "says something about a bind only",
	[SMPP_STATUS_PERMANENT] = "the message will never be taken: it has failed",
	[SMPP_STATUS_OPERATION] = "query, cancel or replace failed; the message is as it was",
	[SMPP_STATUS_TRANSACTION] = "delivery itself failed: an outcome",
	[SMPP_STATUS_VENDOR] = "the carrier's own: ask the carrier; permanent unless configured",
	[SMPP_STATUS_RESERVED] = "no document names it; permanent unless configured",
};

static void put_status(struct buffer *out, uint32_t value)
{
	struct smpp_status status = smpp_status(value);

	buffer_format(out, "command_status 0x%08" PRIx32 " (%" PRIu32 ")%s%s: %s\n", value, value,
		      status.name ? " " : "", status.name ? status.name : "", status.meaning);
	buffer_format(out, "  class %s: %s\n", smpp_status_class_name(status.class),
		      class_texts[status.class]);
}

/* By name, also without its ESME_. */
static bool explain_status(struct buffer *out, const char *word)
{
	uint32_t value;

	if (number_of(word, &value)) {
		struct smpp_status status = smpp_status(value);

		if (!status.name && status.class != SMPP_STATUS_VENDOR)
			return false;
		put_status(out, value);
		return true;
	}
	if (!smpp_status_named(word, strlen(word), &value))
		return false;
	put_status(out, value);
	return true;
}

/* ---- values of a field ---- */

/* Names once each, at the least value that has them: of a field of bits that is the bit. */
struct values {
	struct buffer *out;
	struct smpp_value_name seen[128];
	size_t n;
};

static void put_value(struct values *values, uint32_t value, const struct smpp_value_name *name)
{
	for (size_t i = 0; i < values->n; i++) {
		if (values->seen[i].name == name->name && values->seen[i].part == name->part)
			return;
	}
	if (values->n == sizeof(values->seen) / sizeof(values->seen[0]))
		return;
	values->seen[values->n++] = *name;
	buffer_format(values->out, "  0x%02" PRIx32, value);
	if (value != 0 && name->mask != UINT8_MAX)
		buffer_format(values->out, " of 0x%02x", name->mask);
	buffer_format(values->out, " %s%s%s\n", name->part ? name->part : "", name->part ? " " : "",
		      name->name);
}

static void put_values(struct buffer *out, const char *field)
{
	static const uint32_t commands[] = { SMPP_submit_sm, SMPP_deliver_sm };
	struct values values = { .out = out };

	for (uint32_t value = 0; value < 256; value++) {
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
			struct smpp_value_name names[SMPP_MAX_VALUE_NAMES];
			uint32_t n = smpp_value_names(commands[i], field, value, names);

			for (uint32_t k = 0; k < n; k++)
				put_value(&values, value, &names[k]);
		}
	}
}

/* ---- parameters, TLVs and PDUs ---- */

/* "SMPP 3.4, 5.2.19"; the rows name the few that come from 5.0 themselves. */
static void put_section(struct buffer *out, const char *section)
{
	buffer_format(out, " (SMPP %s%s)", strchr(section, ' ') ? "" : "3.4, ", section);
}

static void put_meaning(struct buffer *out, const char *name)
{
	const char *meaning = smpp_meaning(name);

	if (meaning)
		buffer_format(out, "  %s\n", meaning);
}

static void put_octets(struct buffer *out, uint32_t min, uint32_t max)
{
	if (min == max)
		buffer_format(out, "%" PRIu32, max);
	else
		buffer_format(out, "%" PRIu32 " to %" PRIu32, min, max);
	buffer_text(out, max == 1 ? " octet" : " octets");
}

/* The least that a parameter takes: its whole width, or the NUL of an empty string. */
static uint32_t least_octets(const struct smpp_place *place)
{
	switch (place->param->type) {
	case SMPP_TYPE_CSTRING:
	case SMPP_TYPE_TIME:
	case SMPP_TYPE_DATE:
		return 1;
	case SMPP_TYPE_OCTETS:
	case SMPP_TYPE_GROUP:
		return 0;
	case SMPP_TYPE_INT1:
	case SMPP_TYPE_INT4:
	case SMPP_TYPE_LENGTH:
	case SMPP_TYPE_COUNT:
	case SMPP_TYPE_COUNT1:
	case SMPP_TYPE_INT:
	case SMPP_TYPE_BITS:
	case SMPP_TYPE_NONE:
		break;
	}
	return place->max;
}

static const char *const type_texts[] = {
	[SMPP_TYPE_INT1] = "integer",
	[SMPP_TYPE_INT4] = "integer",
	[SMPP_TYPE_CSTRING] = "C-octet string",
	[SMPP_TYPE_TIME] = "time: empty or 16 characters",
	[SMPP_TYPE_DATE] = "date: empty, 12 or 16 characters",
	[SMPP_TYPE_LENGTH] = "integer: octets that follow",
	[SMPP_TYPE_OCTETS] = "octet string",
	[SMPP_TYPE_COUNT] = "integer: entries that follow",
	[SMPP_TYPE_COUNT1] = "integer: entries that follow",
	[SMPP_TYPE_GROUP] = "entries",
	[SMPP_TYPE_INT] = "integer",
	[SMPP_TYPE_BITS] = "bits",
	[SMPP_TYPE_NONE] = "no value",
};

static const struct smpp_place *place_of(const struct smpp_command *command, const char *name)
{
	for (const struct smpp_place *place = command->places; place->param; place++) {
		if (strcasecmp(place->param->name, name) == 0)
			return place;
	}
	return NULL;
}

static bool explain_param(struct buffer *out, const char *word)
{
	const char *name = NULL;

	for (size_t i = 0; i < SMPP_N_COMMANDS; i++) {
		const struct smpp_place *place = place_of(&smpp_commands[i], word);

		if (!place)
			continue;
		if (!name) {
			buffer_format(out, "parameter %s: %s, ", place->param->name,
				      type_texts[place->param->type]);
			put_octets(out, least_octets(place), place->param->max);
			put_section(out, place->param->section);
			buffer_format(out, "; a bad one is answered %s\n",
				      smpp_status(place->param->status).name);
			put_meaning(out, place->param->name);
			buffer_text(out, "  in");
		}
		buffer_format(out, " %s", smpp_commands[i].name);
		if (place->max != place->param->max)
			buffer_format(out, " (%" PRIu32 ")", place->max);
		name = place->param->name;
	}
	if (!name)
		return false;
	buffer_text(out, "\n");
	put_values(out, name);
	return true;
}

/* Tags that no row has (Table 5-7). */
static bool explain_tag(struct buffer *out, uint32_t tag)
{
	static const struct {
		uint32_t from, to;
		const char *text;
	} ranges[] = {
		{ 0x1400, 0x3FFF, "the carrier's own: its documents tell what it is" },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (tag < ranges[i].from || tag > ranges[i].to)
			continue;
		buffer_format(out,
			      "TLV 0x%04" PRIx32 ", of 0x%04" PRIx32 " to 0x%04" PRIx32
			      ": %s (SMPP 3.4, Table 5-7)\n",
			      tag, ranges[i].from, ranges[i].to, ranges[i].text);
		return true;
	}
	return false;
}

static bool explain_tlv(struct buffer *out, const char *word)
{
	bool is_number;
	uint32_t tag = 0;
	bool found = false;

	is_number = number_of(word, &tag);
	for (size_t i = 0; i < SMPP_N_TLV_ROWS; i++) {
		const struct smpp_tlv_row *row = &smpp_tlv_rows[i];

		if (is_number ? tag != row->tag : strcasecmp(row->name, word) != 0)
			continue;
		buffer_format(out, "TLV %s, tag 0x%04x: %s, ", row->name, row->tag,
			      type_texts[row->type]);
		put_octets(out, row->min, row->max);
		put_section(out, row->section);
		buffer_text(out, "\n");
		put_meaning(out, row->name);
		buffer_text(out, "  in");
		for (size_t k = 0; k < SMPP_N_COMMANDS; k++) {
			if (smpp_commands[k].tlvs & UINT64_C(1) << i)
				buffer_format(out, " %s", smpp_commands[k].name);
		}
		if (row->occurs == SMPP_ANYWHERE)
			buffer_text(out, " any PDU");
		buffer_text(out, "\n");
		put_values(out, row->name);
		found = true;
	}
	return found || (is_number && explain_tag(out, tag));
}

static void put_place(struct buffer *out, const struct smpp_place *place)
{
	buffer_format(out, "  %-24s %s, ", place->param->name, type_texts[place->param->type]);
	put_octets(out, least_octets(place), place->max);
	buffer_text(out, "\n");
}

static bool explain_command(struct buffer *out, const char *word)
{
	uint32_t id = 0;
	bool is_number = number_of(word, &id);

	for (size_t i = 0; i < SMPP_N_COMMANDS; i++) {
		const struct smpp_command *command = &smpp_commands[i];
		const struct smpp_command *resp = smpp_command_resp(command);

		if (is_number ? id != command->id : strcasecmp(command->name, word) != 0)
			continue;
		buffer_format(out, "PDU %s, command_id 0x%08" PRIx32 " (SMPP 3.4, %s)%s%s\n",
			      command->name, command->id, command->section,
			      resp ? "; answered by " : "", resp ? resp->name : "");
		for (const struct smpp_place *place = command->places; place->param; place++)
			put_place(out, place);
		return true;
	}
	return false;
}

/* ---- words of receipts ---- */

static bool explain_stat(struct buffer *out, const char *word)
{
	static const char *const finalities[] = {
		[SMPP_FINAL_NO] = "not final: another receipt is to come",
		[SMPP_FINAL_YES] = "final",
		[SMPP_FINAL_BY_CARRIER] = "not final, unless the provider's settings say so",
	};
	enum smpp_receipt_state state;

	if (!smpp_receipt_word_means(smpp_octets_of(word), &state))
		return false;
	buffer_format(out, "stat of a receipt: %s\n  %s, %s\n", word,
		      smpp_receipt_state_name(state), finalities[smpp_receipt_finality(state)]);
	return true;
}

bool trace_explain(struct buffer *out, const char *word)
{
	bool found = explain_status(out, word);

	found = explain_stat(out, word) || found;
	found = explain_tlv(out, word) || found;
	found = explain_param(out, word) || found;
	return explain_command(out, word) || found;
}

/* ---- what has no such name ---- */

#define WORDS	    512
#define WORD_OCTETS 64
#define SUGGESTIONS 3 /* of statuses, and of the rest */

/* Statuses, without the ESME_ that all of them begin with. */
static size_t status_words(const char *words[WORDS])
{
	static const char *const names[] = {
#define STATUS(value, name, meaning, class) &#name[sizeof("ESME_") - 1],
#include "smpp/status.def"
#undef STATUS
	};

	memcpy(words, names, sizeof(names));
	return sizeof(names) / sizeof(names[0]);
}

/* TLVs, PDUs and parameters, these as often as they are in one. */
static size_t other_words(const char *words[WORDS])
{
	size_t n = 0;

	for (size_t i = 0; i < SMPP_N_TLV_ROWS; i++)
		words[n++] = smpp_tlv_rows[i].name;
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++) {
		const struct smpp_place *place = smpp_commands[i].places;

		words[n++] = smpp_commands[i].name;
		for (; place->param && n + SMPP_N_COMMANDS < WORDS; place++)
			words[n++] = place->param->name;
	}
	return n;
}

/* Takes a name out, wherever it stands. */
static size_t without(const char *words[WORDS], size_t n, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], name) != 0)
			words[kept++] = words[i];
	return kept;
}

static void put_nearest(struct buffer *out, const char *words[WORDS], size_t n, const char *word,
			const char *prefix)
{
	const char *nearest = config_nearest(word, words, n);

	for (int told = 0; told < SUGGESTIONS && nearest; told++) {
		buffer_format(out, "%s%s%s", out->n > 0 ? ", " : "", prefix, nearest);
		n = without(words, n, nearest);
		nearest = config_nearest(word, words, n);
	}
}

/* A tag or a status as carriers write them, without the 0x. */
static bool is_hex(struct buffer *out, const char *word)
{
	struct buffer text = { 0 };
	char number[sizeof("0x12345678")];
	bool found = false;

	if (strlen(word) <= 8 && word[strspn(word, "0123456789abcdefABCDEF")] == '\0') {
		snprintf(number, sizeof(number), "0x%s", word);
		found = trace_explain(&text, number);
	}
	if (found)
		buffer_text(out, number);
	buffer_release(&text);
	return found;
}

void trace_explain_nearest(struct buffer *out, const char *word)
{
	const char *words[WORDS];
	char spelled[WORD_OCTETS];

	if (is_hex(out, word))
		return;
	snprintf(spelled, sizeof(spelled), "%s", word);
	for (char *c = spelled; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	put_nearest(out, words, other_words(words), spelled, "");
	for (char *c = spelled; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	put_nearest(out, words, status_words(words),
		    spelled + (strncmp(spelled, "ESME_", 5) == 0 ? 5 : 0), "ESME_");
}
