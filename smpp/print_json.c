/*
 * A PDU as one JSON object, written in the order of its fields.
 */
#include <string.h>

#include "smpp/print_own.h"
#include "smpp/status.h"

/* Where Wireshark's name of a field is not "smpp." and the specification's. */
static const struct {
	const char *ours;
	const char *wireshark;
} renamed[] = {
	{ "short_message", "message" },
	{ "sc_interface_version", "SC_interface_version" },
	{ "alert_on_message_delivery", "alert_on_message_delivery_null" },
	{ "dest_address", "dlist" },
	{ "unsuccess_sme", "dlist_resp" },
};

/* Fields that Wireshark shows by their parts; ours stands beside them, whole. */
static const struct {
	const char *ours;
	const char *wireshark;
	uint8_t mask;
	uint8_t shift;
} parts[] = {
	{ "esm_class", "esm.submit.msg_mode", 0x03, 0 },
	{ "esm_class", "esm.submit.msg_type", 0x3C, 2 },
	{ "esm_class", "esm.submit.features", 0xC0, 6 },
	{ "registered_delivery", "regdel.receipt", 0x03, 0 },
	{ "registered_delivery", "regdel.acks", 0x0C, 2 },
	{ "registered_delivery", "regdel.notif", 0x10, 4 },
	{ "ms_msg_wait_facilities", "msg_wait.ind", 0x80, 7 },
	{ "ms_msg_wait_facilities", "msg_wait.type", 0x03, 0 },
	{ "callback_num_pres_ind", "callback_num.pres", 0x0C, 2 },
	{ "callback_num_pres_ind", "callback_num.scrn", 0x03, 0 },
};

static void put_key(struct smpp_print_out *out, const char *prefix, const char *name)
{
	char last = out->n > 0 ? out->at[out->n - 1] : '{';

	for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++) {
		if (strcmp(renamed[i].ours, name) == 0)
			name = renamed[i].wireshark;
	}
	smpp_print_format(out, "%s\"%s%s\":", last == '{' ? "" : ",", prefix, name);
}

static void put_field_key(struct smpp_print_out *out, const struct smpp_field *field)
{
	if (field->name)
		put_key(out, "smpp.", field->name);
	else
		smpp_print_format(out, ",\"smpp.tlv_0x%04x\":", field->tag);
}

static bool is_status(const struct smpp_field *field)
{
	return strcmp(field->name, "command_status") == 0 ||
	       strcmp(field->name, "error_status_code") == 0;
}

static void put_octets(struct smpp_print_out *out, struct smpp_octets octets)
{
	smpp_print_piece(out, "\"", 1);
	smpp_print_hex(out, octets, ':');
	smpp_print_piece(out, "\"", 1);
}

static void put_value(struct smpp_printing *p, const struct smpp_field *field)
{
	struct smpp_octets value = field->value;
	const uint8_t *nul;

	if (field->has_number && (is_status(field) || strcmp(field->name, "command_id") == 0)) {
		smpp_print_format(p->out, "\"0x%08" PRIx32 "\"", field->number);
	} else if (field->has_number) {
		smpp_print_format(p->out, "%" PRIu32, field->number);
	} else if (smpp_print_hidden(p, field)) {
		smpp_print_mask(p, field, "\"");
	} else if (field->type == SMPP_TYPE_CSTRING || field->type == SMPP_TYPE_TIME ||
		   field->type == SMPP_TYPE_DATE) {
		nul = value.n > 0 ? memchr(value.at, 0, value.n) : NULL;
		if (nul)
			value.n = (uint32_t)(nul - value.at);
		smpp_print_quoted(p->out, value);
	} else if (field->type == SMPP_TYPE_NONE && value.n == 0) {
		smpp_print_piece(p->out, "true", 4);
	} else {
		put_octets(p->out, value);
	}
}

static void put_status_words(struct smpp_print_out *out, uint32_t command_status)
{
	struct smpp_status status = smpp_status(command_status);

	put_key(out, "", "status");
	smpp_print_quoted(out, smpp_octets_of(status.name ? status.name : "unknown"));
	put_key(out, "", "status_text");
	smpp_print_quoted(out, smpp_octets_of(status.meaning));
}

/* What stands beside a field: words of the header's codes, parts of bit fields, the text. */
static void put_beside(struct smpp_printing *p, const struct smpp_field *field)
{
	const struct smpp_command *command;
	struct smpp_octets udh;
	struct smpp_octets text;
	enum smpp_alphabet alphabet;

	if (field->part == SMPP_PART_HEADER && strcmp(field->name, "command_id") == 0) {
		command = smpp_command(field->number);
		put_key(p->out, "", "command");
		smpp_print_quoted(p->out, smpp_octets_of(command ? command->name : "unknown"));
	}
	if (field->part == SMPP_PART_HEADER && strcmp(field->name, "command_status") == 0)
		put_status_words(p->out, field->number);
	for (size_t i = 0; field->has_number && i < sizeof parts / sizeof parts[0]; i++) {
		if (strcmp(parts[i].ours, field->name) != 0)
			continue;
		put_key(p->out, "smpp.", parts[i].wireshark);
		smpp_print_format(p->out, "%" PRIu32,
				  (field->number & parts[i].mask) >> parts[i].shift);
	}
	if (smpp_print_is_message(p, field) && !smpp_print_hidden(p, field) &&
	    smpp_print_split_text(p, &udh, &text, &alphabet)) {
		put_key(p->out, "smpp.", "message_text");
		smpp_print_text(p->out, text, alphabet);
	}
}

/* --- Groups and lists ---------------------------------------------------------------------- */

static void close_entries(struct smpp_printing *p)
{
	if (p->entry > 0)
		smpp_print_piece(p->out, "}]", 2);
	p->entry = 0;
}

static void open_entry(struct smpp_printing *p, const struct smpp_field *field)
{
	if (p->entry == field->entry)
		return;
	if (field->entry == 1) {
		put_key(p->out, "smpp.", field->group);
		smpp_print_piece(p->out, "[{", 2);
	} else {
		smpp_print_piece(p->out, "},{", 3);
	}
	p->entry = field->entry;
}

static void list_value(void *ctx, const struct smpp_field *field)
{
	struct smpp_printing *p = ctx;

	if (field->part != SMPP_PART_TLV || field->tag != p->only_tag)
		return;
	if (p->out->n > 0 && p->out->at[p->out->n - 1] != '[')
		smpp_print_piece(p->out, ",", 1);
	put_value(p, field);
}

/* A TLV that came once is a member; all of a tag that came more often are one array, in whose
 * stead the first one speaks. */
static void put_tlv(struct smpp_printing *p, const struct smpp_field *field)
{
	const struct smpp_tlv *tlv = &p->pdu->tlvs[p->nth_tlv++];

	if (smpp_pdu_tlv(p->pdu, tlv->tag) != tlv)
		return;
	put_field_key(p->out, field);
	if (smpp_pdu_tlv_next(p->pdu, tlv)) {
		p->only_tag = tlv->tag;
		smpp_print_piece(p->out, "[", 1);
		smpp_pdu_visit(p->pdu, list_value, p);
		smpp_print_piece(p->out, "]", 1);
	} else {
		put_value(p, field);
	}
	if (field->name)
		put_beside(p, field);
}

static void json_field(void *ctx, const struct smpp_field *field)
{
	struct smpp_printing *p = ctx;

	if (smpp_print_unknown(p, field))
		return;
	if (field->part == SMPP_PART_ENTRY)
		open_entry(p, field);
	else
		close_entries(p);
	if (field->part == SMPP_PART_TLV) {
		put_tlv(p, field);
	} else {
		put_field_key(p->out, field);
		put_value(p, field);
		put_beside(p, field);
	}
}

static void put_flaws(struct smpp_print_out *out, const struct smpp_pdu *pdu)
{
	put_key(out, "", "flaws");
	smpp_print_piece(out, "[", 1);
	for (uint32_t i = 0; i < pdu->n_flaws; i++) {
		smpp_print_format(out,
				  "%s{\"offset\":%" PRIu32 ",\"field\":\"%s\",\"text\":\"%s\"}",
				  i ? "," : "", pdu->flaws[i].offset, pdu->flaws[i].field,
				  smpp_flaw_text(pdu->flaws[i].kind));
	}
	smpp_print_piece(out, "]", 1);
}

void smpp_print_json(struct smpp_print_out *out, const struct smpp_pdu *pdu,
		     const struct smpp_print_options *options)
{
	struct smpp_printing p = { .out = out, .pdu = pdu, .options = options };

	smpp_print_piece(out, "{", 1);
	smpp_pdu_visit(pdu, json_field, &p);
	close_entries(&p);
	if (pdu->n_flaws > 0)
		put_flaws(out, pdu);
	smpp_print_piece(out, "}", 1);
}
