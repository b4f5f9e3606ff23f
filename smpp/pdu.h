/*
 * SMPP 3.4 protocol data units: one flat struct for all of them, and decode, encode and visit,
 * three loops over the rows of smpp/pdu.def.
 *
 *     octets ── smpp_frame ──► one whole PDU ── smpp_pdu_decode ──► struct smpp_pdu
 *                                                                        │
 *     octets ◄── smpp_pdu_encode ── struct smpp_pdu         smpp_pdu_visit ──► fields, in order
 *
 * A member has the name the specification gives the parameter and is the same member in every
 * PDU that carries it: source_addr of submit_sm, deliver_sm and data_sm is pdu->source_addr.
 *
 * Receiving is tolerant: what can be understood is decoded and each deviation noted as a flaw.
 * Sending is strict: what the specification forbids is refused, nothing is cut or mended.
 *
 * Not here: what a PDU means, who may send it now (smpp/session.h), texts (smpp/coding.h).
 * Nothing here allocates, blocks or keeps a pointer beyond what is said below.
 */
#ifndef SMPP_PDU_H
#define SMPP_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smpp/octets.h"

enum {
	SMPP_HEADER_OCTETS = 16,      /* command_length counts them too; 3.2 */
	SMPP_MAX_PDU_OCTETS = 70000,  /* default bound of a link; holds a full message_payload */
	SMPP_MAX_SHORT_MESSAGE = 254, /* 5.2.21 */
	SMPP_MAX_ENTRIES = 254,	      /* of dest_address and of unsuccess_sme; 5.2.24 */
	SMPP_MAX_TLVS = 64,	      /* ours; what comes behind them stays raw */
	SMPP_MAX_FLAWS = 8,	      /* ours; more are counted */
	SMPP_DEST_SME = 1,	      /* dest_flag: an SME address; 5.2.25 */
	SMPP_DEST_LIST = 2,	      /* dest_flag: a distribution list name */
};

#define SMPP_RESP_BIT		 0x80000000u /* of command_id: a response; 5.1.2 */
#define SMPP_MAX_SEQUENCE_NUMBER 0x7FFFFFFFu /* 5.1.4; the least is 1 */

/* SMPP_submit_sm, SMPP_submit_sm_resp, … : command_id by the specification's names. */
enum smpp_command_id {
#define PDU(name, command_id, section, esme, smsc, fields, tlvs) SMPP_##name = command_id,
#include "smpp/pdu.def"
};

/* SMPP_TLV_message_payload, … : tags by the specification's names. */
enum smpp_tlv_tag {
#define TLV(name, tag, type, min, max, occurs, mask, section) SMPP_TLV_##name = tag,
#include "smpp/pdu.def"
};

enum smpp_error {
	SMPP_OK = 0,
	SMPP_EFRAME,   /* decode: not one whole PDU; framing was not asked first */
	SMPP_EUNKNOWN, /* decode: a frame, but no command_id of SMPP 3.4; encode: the same */
	SMPP_EBODY,    /* decode: a frame and a known command, but its body cannot be read */
	SMPP_EVALUE,   /* encode, add, put: the specification forbids it */
	SMPP_ENOSPACE, /* encode, add, put: the caller's room is too small */
};

/* Why a PDU was not decoded or encoded. Strings are static. */
struct smpp_problem {
	uint32_t status;     /* the command_status that answers it */
	const char *field;   /* "source_addr", "message_payload", "command_id", … */
	uint32_t offset;     /* in the PDU, of the field */
	const char *section; /* of SMPP 3.4 */
	const char *text;    /* one sentence without full stop */
};

/* --- Rows ------------------------------------------------------------------------------- */

enum smpp_type {
	SMPP_TYPE_INT1,
	SMPP_TYPE_INT4,
	SMPP_TYPE_CSTRING,
	SMPP_TYPE_TIME,
	SMPP_TYPE_DATE,
	SMPP_TYPE_LENGTH,
	SMPP_TYPE_OCTETS,
	SMPP_TYPE_COUNT,
	SMPP_TYPE_COUNT1,
	SMPP_TYPE_GROUP,
	SMPP_TYPE_INT, /* TLVs from here on */
	SMPP_TYPE_BITS,
	SMPP_TYPE_NONE,
};

enum smpp_mask {
	SMPP_MASK_OPEN,
	SMPP_MASK_PASSWORD, /* never shown */
	SMPP_MASK_NUMBER,   /* shown by its last digits unless asked for */
	SMPP_MASK_TEXT,	    /* shown by its length unless asked for */
	SMPP_MASK_ANY,	    /* not understood, may hold either: shown only if both are asked for */
};

struct smpp_param {
	const char *name;
	enum smpp_type type;
	uint32_t max; /* octets, the NUL included */
	enum smpp_mask mask;
	uint32_t status; /* what answers a bad one */
	const char *section;
};

/* A parameter's place in one PDU or in one group's entries. Lists end with param == NULL. */
struct smpp_place {
	const struct smpp_param *param;
	size_t member;			/* offset in struct smpp_pdu or in the entry's struct */
	uint32_t max;			/* the parameter's, or what this PDU makes of it */
	bool null;			/* must be null here */
	uint8_t when;			/* entries: only if dest_flag is this; 0 always */
	const struct smpp_place *entry; /* GROUP: what each entry is made of; else NULL */
};

enum smpp_occurs {
	SMPP_ONCE,
	SMPP_LIST,
	SMPP_ANYWHERE,
};

struct smpp_tlv_row {
	const char *name;
	uint16_t tag;
	enum smpp_type type; /* INT, BITS, CSTRING, OCTETS, NONE */
	uint32_t min;	     /* octets of the value */
	uint32_t max;
	enum smpp_occurs occurs;
	enum smpp_mask mask;
	const char *section;
};

/* States of a session as Table 2-1 knows them; bits, for sets of states. */
enum smpp_state {
	SMPP_OPEN = 1,
	SMPP_BOUND_TX = 2,
	SMPP_BOUND_RX = 4,
	SMPP_BOUND_TRX = 8,
};

enum smpp_role {
	SMPP_ESME,
	SMPP_SMSC,
};

struct smpp_command {
	const char *name;
	uint32_t id;
	const char *section;
	uint8_t states[2]; /* by enum smpp_role: set of enum smpp_state in which it may send this */
	const struct smpp_place *places; /* parameters behind the header, in wire order */
	uint64_t tlvs;			 /* set of indexes into smpp_tlv_rows */
};

enum {
#define TLV(name, tag, type, min, max, occurs, mask, section) SMPP_ROW_##name,
#include "smpp/pdu.def"
	SMPP_N_TLV_ROWS,
};
enum {
#define PDU(name, command_id, section, esme, smsc, fields, tlvs) SMPP_NTH_##name,
#include "smpp/pdu.def"
	SMPP_N_COMMANDS,
};

extern const struct smpp_command smpp_commands[SMPP_N_COMMANDS];
extern const struct smpp_tlv_row smpp_tlv_rows[SMPP_N_TLV_ROWS]; /* rising by tag */

/* NULL: not a command of SMPP 3.4. */
const struct smpp_command *smpp_command(uint32_t command_id);

/* The command that answers this one; NULL for responses, outbind and alert_notification. */
const struct smpp_command *smpp_command_resp(const struct smpp_command *command);

/* Table 2-1: may this role send it in this state? */
bool smpp_command_allowed(const struct smpp_command *command, enum smpp_role role,
			  enum smpp_state state);

/* NULL: not a tag of SMPP 3.4. */
const struct smpp_tlv_row *smpp_tlv_row(uint16_t tag);

/* --- A PDU ------------------------------------------------------------------------------ */

/*
 * An optional parameter. Its value is asked for with smpp_tlv_value only: an integer added by
 * smpp_pdu_tlv_add_int lies inside, so a PDU may be copied by assignment.
 */
struct smpp_tlv {
	uint16_t tag;
	uint8_t row;	/* index into smpp_tlv_rows, SMPP_N_TLV_ROWS: unknown tag */
	uint8_t inside; /* octets of small[] that are the value; 0: the value is `outside` */
	uint8_t small[4];
	struct smpp_octets outside;
};

/* Deviations that receiving tolerates; the sentence of each is smpp_flaw_text. */
enum smpp_flaw_kind {
	SMPP_FLAW_TOO_LONG,
	SMPP_FLAW_NOT_ASCII,
	SMPP_FLAW_NOT_NULL,
	SMPP_FLAW_DATE_LENGTH,
	SMPP_FLAW_UNTERMINATED,
	SMPP_FLAW_BODY_ABSENT,
	SMPP_FLAW_BODY_SHORT,
	SMPP_FLAW_STATUS_IN_REQUEST,
	SMPP_FLAW_SM_LENGTH_255,
	SMPP_FLAW_SM_LENGTH_PAST_END,
	SMPP_FLAW_COUNT,
	SMPP_FLAW_TWO_TEXTS,
	SMPP_FLAW_TLV_LENGTH,
	SMPP_FLAW_TLV_PAST_END,
	SMPP_FLAW_TLV_TWICE,
	SMPP_FLAW_TLV_MISPLACED,
	SMPP_FLAW_TLVS_TOO_MANY,
	SMPP_FLAW_LEFTOVER,
	SMPP_N_FLAW_KINDS,
};

struct smpp_flaw {
	enum smpp_flaw_kind kind;
	uint32_t offset;   /* in the PDU */
	const char *field; /* parameter or TLV; "tlv" for one of unknown tag. Static. */
};

/*
 * Members of struct smpp_pdu, in the order of the PARAM rows: Integers as uint8_t or uint32_t,
 * strings as slices without their NUL, groups as slices of their encoded entries.
 */
#define SMPP_MEMBER_INT1    uint8_t
#define SMPP_MEMBER_INT4    uint32_t
#define SMPP_MEMBER_CSTRING struct smpp_octets
#define SMPP_MEMBER_TIME    struct smpp_octets
#define SMPP_MEMBER_DATE    struct smpp_octets
#define SMPP_MEMBER_LENGTH  uint8_t
#define SMPP_MEMBER_OCTETS  struct smpp_octets
#define SMPP_MEMBER_COUNT   uint8_t
#define SMPP_MEMBER_COUNT1  uint8_t
#define SMPP_MEMBER_GROUP   struct smpp_octets

/*
 * All slices are borrowed: after decode they point into the octets decoded, which must outlive
 * the struct; encode reads what the caller's slices point to. Members that the PDU does not
 * carry are zero.
 *
 * command_length and sm_length say what was received; encode writes the true lengths and does
 * not look at them.
 */
struct smpp_pdu {
#define PARAM(name, type, max, mask, status, section) SMPP_MEMBER_##type name;
#include "smpp/pdu.def"
	bool body_absent;	     /* a response that is its header only; encode obeys it */
	uint8_t n_flaws;	     /* of flaws[] */
	uint32_t n_flaws_unkept;     /* found when flaws[] was full */
	uint32_t n_tlvs;	     /* of tlvs[] */
	uint32_t params_end;	     /* decode: offset behind the last parameter understood */
	struct smpp_octets tlv_rest; /* behind the last TLV understood; raw */
	struct smpp_octets wire;     /* decode: the whole PDU; else empty */
	/* From here on only the first n_… elements are ever written or read. */
	struct smpp_flaw flaws[SMPP_MAX_FLAWS];
	struct smpp_tlv tlvs[SMPP_MAX_TLVS]; /* in wire order */
};

/* Makes *pdu an empty one; costs less than zeroing the whole struct. */
void smpp_pdu_init(struct smpp_pdu *pdu, uint32_t command_id, uint32_t sequence_number);

/* --- Framing ---------------------------------------------------------------------------- */

enum smpp_framing {
	SMPP_FRAME_OK,	 /* the first *length octets are one PDU */
	SMPP_FRAME_MORE, /* not yet whole; *length is what it will need, 0 if not known yet */
	SMPP_FRAME_LOST, /* the length cannot be true: no later boundary is known; nack and close */
};

/*
 * Where does the PDU end that begins at octets[0]? Nothing but its command_length is looked at:
 * it must be 16 .. max_pdu (3.2, 5.1.1). A lost stream is answered generic_nack RINVCMDLEN with
 * sequence_number 0, for the header cannot be trusted.
 */
enum smpp_framing smpp_frame(const uint8_t *octets, size_t n, uint32_t max_pdu, uint32_t *length);

/* --- Decode, encode --------------------------------------------------------------------- */

/*
 * Decodes one whole PDU of n octets.
 *
 * SMPP_OK        *pdu is filled, deviations are in its flaws.
 * SMPP_EUNKNOWN  only its header and `wire` are filled.
 * SMPP_EBODY     filled up to the field that *problem names.
 * SMPP_EFRAME    n < 16 or n is not command_length; *pdu is empty.
 *
 * Responses are read more gently than requests, since nobody can answer them: one without its
 * body, or cut at the end of its last string, or (with an error status) cut anywhere, is OK.
 */
__attribute__((warn_unused_result)) enum smpp_error smpp_pdu_decode(const uint8_t *octets, size_t n,
								    struct smpp_pdu *pdu,
								    struct smpp_problem *problem);

/*
 * Encodes into buf[0 .. cap), *n octets. On error buf holds rubbish, *n is 0 and *problem says
 * which field was refused; SMPP_ENOSPACE: cap was too small.
 *
 * Refused: any string or TLV out of its bounds, a NUL inside a string, dates that are not empty
 * or whole, a parameter that must be null, short_message together with message_payload, a group
 * whose count is not its entries', a repeated TLV that is not a list, a status in a request, a
 * sequence_number of a request outside 1 .. 0x7FFFFFFF, body_absent in anything but a response
 * with an error status, tlv_rest that is not whole TLVs.
 */
__attribute__((warn_unused_result)) enum smpp_error smpp_pdu_encode(const struct smpp_pdu *pdu,
								    uint8_t *buf, size_t cap,
								    size_t *n,
								    struct smpp_problem *problem);

/* The sentence for a flaw, without full stop. Static. */
const char *smpp_flaw_text(enum smpp_flaw_kind kind);

bool smpp_pdu_has_flaw(const struct smpp_pdu *pdu, enum smpp_flaw_kind kind);

/* --- TLVs and the user's data ----------------------------------------------------------- */

/* The value; valid as long as *tlv and what it was made from. */
struct smpp_octets smpp_tlv_value(const struct smpp_tlv *tlv);

/* The value of a C-Octet String TLV up to its first NUL, or all of it if the peer sent none. */
struct smpp_octets smpp_tlv_string(const struct smpp_tlv *tlv);

/* The first TLV of that tag, NULL if there is none; _next: the next one of the same tag. */
const struct smpp_tlv *smpp_pdu_tlv(const struct smpp_pdu *pdu, uint16_t tag);
const struct smpp_tlv *smpp_pdu_tlv_next(const struct smpp_pdu *pdu, const struct smpp_tlv *tlv);

enum smpp_tlv_int {
	SMPP_TLV_INT_OK,
	SMPP_TLV_INT_ABSENT,
	SMPP_TLV_INT_WIDTH, /* there, but not of its width: nothing is guessed from it */
};

/* The first TLV of that tag as a number. *value is written only if OK. */
enum smpp_tlv_int smpp_pdu_tlv_int(const struct smpp_pdu *pdu, uint16_t tag, uint32_t *value);

/*
 * Add one behind the others. SMPP_ENOSPACE: there are SMPP_MAX_TLVS; SMPP_EVALUE: value above
 * 65535 octets, or not the width of a known tag. add_int: tag must be a known Integer. Bounds of
 * a known tag are encode's business. The value is borrowed until the PDU is encoded.
 */
__attribute__((warn_unused_result)) enum smpp_error
smpp_pdu_tlv_add(struct smpp_pdu *pdu, uint16_t tag, struct smpp_octets value);
__attribute__((warn_unused_result)) enum smpp_error
smpp_pdu_tlv_add_int(struct smpp_pdu *pdu, uint16_t tag, uint32_t value);

/*
 * What the user wrote: short_message if it has octets, else message_payload if there is one,
 * else nothing (5.3.2.32 forbids both; short_message wins).
 */
struct smpp_octets smpp_pdu_message(const struct smpp_pdu *pdu);

/* --- Groups ----------------------------------------------------------------------------- */

/* An entry of submit_multi's dest_address (4.5.1.1): an SME address or a list's name. */
struct smpp_dest {
	uint8_t dest_flag; /* SMPP_DEST_SME or SMPP_DEST_LIST */
	uint8_t dest_addr_ton;
	uint8_t dest_addr_npi;
	struct smpp_octets destination_addr;
	struct smpp_octets dl_name;
};

/* An entry of submit_multi_resp's unsuccess_sme (4.5.2.1). */
struct smpp_unsuccess {
	uint8_t dest_addr_ton;
	uint8_t dest_addr_npi;
	struct smpp_octets destination_addr;
	uint32_t error_status_code;
};

/*
 * Takes the next entry off the front of *rest, a copy of pdu->dest_address. false: none is left,
 * or what is left cannot be read, which does not happen to a decoded PDU.
 */
bool smpp_dest_next(struct smpp_octets *rest, struct smpp_dest *dest);
bool smpp_unsuccess_next(struct smpp_octets *rest, struct smpp_unsuccess *unsuccess);

/*
 * Appends an entry. When all are in, the PDU's group is smpp_writer_octets(writer) and its count
 * the number of calls. SMPP_EVALUE: out of bounds, nothing written; SMPP_ENOSPACE: the writer is
 * full and bad.
 */
__attribute__((warn_unused_result)) enum smpp_error smpp_dest_put(struct smpp_writer *writer,
								  const struct smpp_dest *dest);
__attribute__((warn_unused_result)) enum smpp_error
smpp_unsuccess_put(struct smpp_writer *writer, const struct smpp_unsuccess *unsuccess);

/* --- Visit ------------------------------------------------------------------------------ */

enum smpp_part {
	SMPP_PART_HEADER,
	SMPP_PART_BODY,
	SMPP_PART_ENTRY, /* a member of a group's entry */
	SMPP_PART_TLV,
	SMPP_PART_REST, /* octets behind the last TLV understood */
};

/* One field as a visitor sees it; valid during the call only, strings and slices as the PDU's. */
struct smpp_field {
	enum smpp_part part;
	const char *name;    /* NULL: a TLV of unknown tag */
	enum smpp_type type; /* INT1, INT4, INT and BITS have a number, all others a value */
	bool has_number;     /* false also for an INT of wrong width: see value */
	uint32_t number;
	struct smpp_octets value; /* without the NUL; of a TLV with it */
	enum smpp_mask mask;
	const char *section; /* NULL: unknown tag, rest */
	uint16_t tag;	     /* TLVs */
	uint32_t entry;	     /* 1 .. n: which entry of its group; 0 outside */
	const char *group;   /* "dest_address"; NULL outside */
	uint32_t offset;     /* in the PDU, of the first octet; of a TLV: of its tag */
	uint32_t octets;     /* on the wire, with NUL, with tag and length */
};

typedef void smpp_visit_fn(void *ctx, const struct smpp_field *field);

/*
 * Calls visit for every field in wire order: header, parameters with the entries of groups, TLVs,
 * rest. A group itself is no field. Of a decoded PDU only what was there is visited, so offsets
 * and octets always lie within pdu->wire; an unknown command shows its header and the rest.
 */
void smpp_pdu_visit(const struct smpp_pdu *pdu, smpp_visit_fn *visit, void *ctx);

#endif
