/*
 * smpp/pdu.def as tables, and how to find a row in them. Nothing here knows how anything is
 * encoded; smpp/pdu_decode.c, smpp/pdu_encode.c and smpp/pdu.c
 * walk the tables.
 */
#include "smpp/pdu_place.h"

#include "smpp/status.h"

/* Macros that turn rows into initialisers read best as they are laid out here. */
/* clang-format off */

/* The sets of states in pdu.def. */
enum {
	NOBODY = 0,
	OPEN = SMPP_OPEN,
	TX = SMPP_BOUND_TX,
	RX = SMPP_BOUND_RX,
	TRX = SMPP_BOUND_TRX,
};

enum {
#define PARAM(name, type, max, mask, status, section)	    PARAM_##name,
#define ENTRY_PARAM(name, type, max, mask, status, section) PARAM_##name,
#include "smpp/pdu.def"
};

enum {
#define PARAM(name, type, max, mask, status, section)	    MAX_##name = max,
#define ENTRY_PARAM(name, type, max, mask, status, section) MAX_##name = max,
#include "smpp/pdu.def"
};

#define ROW(name, type, max, mask, status, section) \
	[PARAM_##name] = { #name, SMPP_TYPE_##type, max, SMPP_MASK_##mask, SMPP_ESME_##status, \
			   section },
static const struct smpp_param params[] = {
#define PARAM ROW
#define ENTRY_PARAM ROW
#include "smpp/pdu.def"
};

const struct smpp_tlv_row smpp_tlv_rows[SMPP_N_TLV_ROWS] = {
#define TLV(name, tag, type, min, max, occurs, mask, section) \
	[SMPP_ROW_##name] = { #name, tag, SMPP_TYPE_##type, min, max, SMPP_##occurs, \
			      SMPP_MASK_##mask, section },
#include "smpp/pdu.def"
};

#define PLACE(base, name) .param = &params[PARAM_##name], .member = offsetof(struct base, name)
#define FIELD(name) { PLACE(smpp_pdu, name), .max = MAX_##name },
#define FIELD_MAX(name, octets) { PLACE(smpp_pdu, name), .max = octets },
#define FIELD_NULL(name) { PLACE(smpp_pdu, name), .max = 1, .null = true },
#define FIELD_GROUP(name) \
	{ PLACE(smpp_pdu, name), .max = MAX_##name, .entry = smpp_##name##_places },
#define ENTRY(base, name, flag) { PLACE(base, name), .max = MAX_##name, .when = flag },
#define NO_FIELDS
#define END { .param = NULL }

#define GROUP(name, members) const struct smpp_place smpp_##name##_places[] = { members END };
#define PDU(name, command_id, section, esme, smsc, fields, tlvs) \
	static const struct smpp_place name##_places[] = { fields END };
#include "smpp/pdu.def"

const struct smpp_place smpp_header_places[] = {
	FIELD(command_length)
	FIELD(command_id)
	FIELD(command_status)
	FIELD(sequence_number)
	END
};

#define TLV_OF(name) UINT64_C(1) << SMPP_ROW_##name |
#define NO_TLVS
_Static_assert(SMPP_N_TLV_ROWS <= 64, "smpp_command.tlvs is a set of 64");

const struct smpp_command smpp_commands[SMPP_N_COMMANDS] = {
#define PDU(name, command_id, section, esme, smsc, fields, tlvs) \
	[SMPP_NTH_##name] = { #name, command_id, section, { esme, smsc }, name##_places, tlvs 0 },
#include "smpp/pdu.def"
};

/* --- Finding a row ------------------------------------------------------------------------ */

/* Command ids of 3.4 differ in their lowest nine bits and bit 31; one slot for each of these. */
#define SLOT(id) (((id) & 0x1FFu) | (id) >> 31 << 9)

/* Index of the row + 1; 0 is no row. */
static const uint8_t nth_command[1 << 10] = {
#define PDU(name, command_id, section, esme, smsc, fields, tlvs) \
	[SLOT(command_id)] = SMPP_NTH_##name + 1,
#include "smpp/pdu.def"
};

static const uint8_t nth_tlv_row[] = {
#define TLV(name, tag, type, min, max, occurs, mask, section) [tag] = SMPP_ROW_##name + 1,
#include "smpp/pdu.def"
};
/* clang-format on */

const struct smpp_command *smpp_command(uint32_t command_id)
{
	uint8_t nth = nth_command[SLOT(command_id)];

	if (nth == 0 || smpp_commands[nth - 1].id != command_id)
		return NULL;
	return &smpp_commands[nth - 1];
}

const struct smpp_command *smpp_command_resp(const struct smpp_command *command)
{
	if (command->id & SMPP_RESP_BIT)
		return NULL;
	return smpp_command(command->id | SMPP_RESP_BIT);
}

bool smpp_command_allowed(const struct smpp_command *command, enum smpp_role role,
			  enum smpp_state state)
{
	return (command->states[role] & state) != 0;
}

const struct smpp_tlv_row *smpp_tlv_row(uint16_t tag)
{
	if (tag >= sizeof nth_tlv_row || nth_tlv_row[tag] == 0)
		return NULL;
	return &smpp_tlv_rows[nth_tlv_row[tag] - 1];
}
