/*
 * The line and the block. Fields come from smpp_pdu_visit, words from smpp/values.def; nothing
 * here knows a PDU by name.
 */
#include "smpp/print.h"

#include <string.h>

#include "smpp/print_own.h"
#include "smpp/values.h"

/* --- Values ------------------------------------------------------------------------------- */

/* Integers that are made of bits or are codes read in hexadecimal. */
static const char *const in_hex[] = {
	"esm_class",	     "registered_delivery", "data_coding",
	"interface_version", "protocol_id",	    "sc_interface_version",
};

static bool is_in_hex(const struct smpp_field *field)
{
	for (size_t i = 0; i < sizeof in_hex / sizeof in_hex[0]; i++) {
		if (strcmp(in_hex[i], field->name) == 0)
			return true;
	}
	return field->type == SMPP_TYPE_BITS;
}

static void put_names(struct smpp_printing *p, const char *field, uint32_t value)
{
	struct smpp_value_name names[SMPP_MAX_VALUE_NAMES];
	uint32_t n = smpp_value_names(p->pdu->command_id, field, value, names);

	for (uint32_t i = 0; i < n; i++) {
		smpp_print_format(p->out, "%s%s%s%s", i ? ", " : " (",
				  names[i].part ? names[i].part : "", names[i].part ? " " : "",
				  names[i].name);
	}
	if (n > 0)
		smpp_print_piece(p->out, ")", 1);
}

static void put_number(struct smpp_printing *p, const struct smpp_field *field)
{
	const struct smpp_command *command;

	if (strcmp(field->name, "command_id") == 0) {
		command = smpp_command(field->number);
		smpp_print_format(p->out, "0x%08" PRIx32 " %s", field->number,
				  command ? command->name : "unknown");
	} else if (strcmp(field->name, "command_status") == 0 ||
		   strcmp(field->name, "error_status_code") == 0) {
		smpp_print_status(p->out, field->number);
	} else {
		smpp_print_format(p->out, is_in_hex(field) ? "0x%02" PRIx32 : "%" PRIu32,
				  field->number);
		put_names(p, field->name, field->number);
	}
}

static void put_message(struct smpp_printing *p, const struct smpp_field *field)
{
	struct smpp_octets udh;
	struct smpp_octets text;
	enum smpp_alphabet alphabet;

	if (!smpp_print_split_text(p, &udh, &text, &alphabet)) {
		smpp_print_hex(p->out, field->value, ':');
		return;
	}
	if (udh.n > 0) {
		smpp_print_piece(p->out, "UDH ", 4);
		smpp_print_hex(p->out, udh, ':');
		smpp_print_piece(p->out, " ", 1);
	}
	smpp_print_text(p->out, text, alphabet);
}

/* The carrier's own: nobody knows its type, but a text can be seen to be one, with a NUL or without. */
static void put_likely_text(struct smpp_printing *p, struct smpp_octets value)
{
	value.n -= value.at[value.n - 1] == '\0';
	for (uint32_t i = 0; i < value.n; i++) {
		if (value.at[i] < 0x20 || value.at[i] > 0x7E)
			return;
	}
	if (value.n == 0)
		return;
	smpp_print_piece(p->out, " ", 1);
	smpp_print_quoted(p->out, value);
}

/* Octets: names for what their first one says, where there are any (5.3.2.31, 5.3.2.44). */
static void put_octets(struct smpp_printing *p, const struct smpp_field *field)
{
	smpp_print_hex(p->out, field->value, ':');
	if (!field->name)
		put_likely_text(p, field->value);
	if (field->name && field->value.n > 0 && field->mask == SMPP_MASK_OPEN)
		put_names(p, field->name, field->value.at[0]);
}

static void put_value(struct smpp_printing *p, const struct smpp_field *field)
{
	struct smpp_octets value = field->value;
	const uint8_t *nul;

	if (field->has_number) {
		put_number(p, field);
	} else if (smpp_print_hidden(p, field)) {
		smpp_print_mask(p, field, field->type == SMPP_TYPE_CSTRING ? "\"" : "");
	} else if (smpp_print_is_message(p, field)) {
		put_message(p, field);
	} else if (field->type == SMPP_TYPE_CSTRING || field->type == SMPP_TYPE_TIME ||
		   field->type == SMPP_TYPE_DATE) {
		nul = value.n > 0 ? memchr(value.at, 0, value.n) : NULL;
		if (nul)
			value.n = (uint32_t)(nul - value.at);
		smpp_print_quoted(p->out, value);
	} else if (value.n == 0) {
		smpp_print_format(p->out, field->type == SMPP_TYPE_NONE ? "present" : "\"\"");
	} else {
		put_octets(p, field);
	}
}

/* --- The line ------------------------------------------------------------------------------ */

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text);
	size_t k = strlen(end);

	return n >= k && strcmp(text + n - k, end) == 0;
}

/*
 * What is the same in every submit of a session hides what is looked for: that a receipt is asked
 * for, and for how long it may try. That none is asked for is told.
 */
static bool is_usual(const struct smpp_pdu *pdu, const struct smpp_field *field, bool receipt)
{
	bool submits = pdu->command_id == SMPP_submit_sm || pdu->command_id == SMPP_submit_multi;

	return receipt ? field->number == submits : strcmp(field->name, "validity_period") == 0;
}

static bool in_line(const struct smpp_pdu *pdu, const struct smpp_field *field)
{
	bool receipt = field->name && strcmp(field->name, "registered_delivery") == 0;

	if (field->part == SMPP_PART_HEADER)
		return false;
	if (field->part == SMPP_PART_TLV || field->part == SMPP_PART_REST)
		return true;
	if (field->type == SMPP_TYPE_LENGTH || ends_in(field->name, "_ton") ||
	    ends_in(field->name, "_npi") || is_usual(pdu, field, receipt))
		return false;
	if (receipt)
		return true;
	return field->has_number ? field->number != 0 : field->value.n > 0;
}

static void put_name(struct smpp_print_out *out, const struct smpp_field *field)
{
	if (field->name)
		smpp_print_format(out, "%s", field->name);
	else
		smpp_print_format(out, "tlv_0x%04x", field->tag);
}

static void line_field(void *ctx, const struct smpp_field *field)
{
	struct smpp_printing *p = ctx;

	if (!in_line(p->pdu, field) || smpp_print_unknown(p, field))
		return;
	smpp_print_piece(p->out, " ", 1);
	put_name(p->out, field);
	smpp_print_piece(p->out, "=", 1);
	put_value(p, field);
}

static void put_command(struct smpp_print_out *out, uint32_t command_id)
{
	const struct smpp_command *command = smpp_command(command_id);

	if (command)
		smpp_print_format(out, "%s", command->name);
	else
		smpp_print_format(out, "command 0x%08" PRIx32, command_id);
}

void smpp_print_line(struct smpp_print_out *out, const struct smpp_pdu *pdu,
		     const struct smpp_print_options *options)
{
	struct smpp_printing p = { .out = out, .pdu = pdu, .options = options };

	put_command(out, pdu->command_id);
	smpp_print_format(out, " sequence_number=%" PRIu32, pdu->sequence_number);
	if ((pdu->command_id & SMPP_RESP_BIT) || pdu->command_status != 0) {
		smpp_print_format(out, " command_status=");
		smpp_print_status(out, pdu->command_status);
	}
	smpp_pdu_visit(pdu, line_field, &p);
	if (pdu->n_flaws > 0)
		smpp_print_format(out, " flaws=%" PRIu32, pdu->n_flaws + pdu->n_flaws_unkept);
}

/* --- The block ------------------------------------------------------------------------------ */

enum {
	HEX_PER_LINE = 8,
	HEX_COLUMNS = HEX_PER_LINE * 3 - 1,
	NAME_COLUMNS = 26,
};

/* The field's octets of the PDU, or none if the PDU was not decoded. */
static struct smpp_octets octets_of(const struct smpp_pdu *pdu, const struct smpp_field *field)
{
	struct smpp_reader reader = smpp_reader_of(pdu->wire.at, pdu->wire.n);

	if (pdu->wire.n == 0)
		return pdu->wire;
	smpp_read_octets(&reader, field->offset);
	return smpp_read_octets(&reader, field->octets);
}

static void pad_to(struct smpp_print_out *out, size_t start, size_t columns)
{
	while (!out->cut && out->n - start < columns)
		smpp_print_piece(out, " ", 1);
}

/* Takes the first octets of what is left and shows them; those of a hidden value are counted. */
static void put_hex_column(struct smpp_printing *p, const struct smpp_field *field,
			   struct smpp_octets *left)
{
	struct smpp_octets now = *left;

	if (smpp_print_hidden(p, field)) {
		now.n = field->part == SMPP_PART_TLV && now.n >= 4 ? 4 : 0;
		smpp_print_hex(p->out, now, ' ');
		smpp_print_format(p->out, "%s(%" PRIu32 " hidden)", now.n ? " " : "",
				  left->n - now.n);
		left->n = 0;
		return;
	}
	now.n = now.n < HEX_PER_LINE ? now.n : HEX_PER_LINE;
	smpp_print_hex(p->out, now, ' ');
	left->at += now.n;
	left->n -= now.n;
}

static void block_field(void *ctx, const struct smpp_field *field)
{
	struct smpp_printing *p = ctx;
	struct smpp_octets left = octets_of(p->pdu, field);
	uint32_t offset = field->offset;
	size_t start;

	if (smpp_print_unknown(p, field))
		return;
	if (p->options->of_facts)
		smpp_print_format(p->out, "%6s  ", "-");
	else
		smpp_print_format(p->out, "%6" PRIu32 "  ", offset);
	start = p->out->n;
	if (left.n > 0)
		put_hex_column(p, field, &left);
	pad_to(p->out, start, HEX_COLUMNS + 2);
	start = p->out->n;
	if (field->group)
		smpp_print_format(p->out, "%s[%" PRIu32 "].", field->group, field->entry);
	put_name(p->out, field);
	smpp_print_piece(p->out, " ", 1);
	pad_to(p->out, start, NAME_COLUMNS);
	put_value(p, field);
	smpp_print_piece(p->out, "\n", 1);
	while (left.n > 0 && !p->out->cut) {
		offset += HEX_PER_LINE;
		smpp_print_format(p->out, "%6" PRIu32 "  ", offset);
		put_hex_column(p, field, &left);
		smpp_print_piece(p->out, "\n", 1);
	}
}

void smpp_print_block(struct smpp_print_out *out, const struct smpp_pdu *pdu,
		      const struct smpp_print_options *options)
{
	struct smpp_printing p = { .out = out, .pdu = pdu, .options = options };
	const struct smpp_command *command = smpp_command(pdu->command_id);

	put_command(out, pdu->command_id);
	if (command)
		smpp_print_format(out, " (SMPP 3.4, %s)", command->section);
	smpp_print_piece(out, "\n", 1);
	smpp_pdu_visit(pdu, block_field, &p);
	for (uint32_t i = 0; i < pdu->n_flaws; i++)
		smpp_print_format(out, "  flaw at %" PRIu32 ": %s: %s\n", pdu->flaws[i].offset,
				  pdu->flaws[i].field, smpp_flaw_text(pdu->flaws[i].kind));
	if (pdu->n_flaws_unkept > 0)
		smpp_print_format(out, "  and %" PRIu32 " more flaws\n", pdu->n_flaws_unkept);
}

/* --- Room ----------------------------------------------------------------------------------- */

enum {
	ROOM_PDU = 4096,  /* heading and flaws */
	ROOM_FIELD = 256, /* longest name with its entry, columns, words for a value */
	ROOM_OCTET = 12,  /* in hexadecimal, and once more escaped as text */
};

struct room {
	size_t octets;
};

static void add_room(void *ctx, const struct smpp_field *field)
{
	struct room *room = ctx;

	room->octets += ROOM_FIELD + ROOM_OCTET * (size_t)field->octets;
}

size_t smpp_print_room(const struct smpp_pdu *pdu)
{
	struct room room = { .octets = ROOM_PDU };

	smpp_pdu_visit(pdu, add_room, &room);
	return room.octets;
}
