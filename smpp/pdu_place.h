/*
 * What decode, encode and visit share: a place (smpp/pdu.h) and the member it names, in struct
 * smpp_pdu or in the struct of a group's entry. Only smpp/pdu*.c include this.
 */
#ifndef SMPP_PDU_PLACE_H
#define SMPP_PDU_PLACE_H

#include "smpp/pdu.h"

/* The four parameters every PDU begins with (3.2), and what the groups' entries are made of. */
extern const struct smpp_place smpp_header_places[];
extern const struct smpp_place smpp_dest_address_places[];
extern const struct smpp_place smpp_unsuccess_sme_places[];

/* Large enough for an entry of any group. */
union smpp_any_entry {
	struct smpp_dest dest;
	struct smpp_unsuccess unsuccess;
};

/* `when` of a member is compared with the first octet of the entry. */
_Static_assert(offsetof(struct smpp_dest, dest_flag) == 0, "dest_flag comes first");

/* Takes an entry off the front of *rest; false: none is left or it cannot be read. */
bool smpp_entry_next(const struct smpp_place *members, struct smpp_octets *rest, void *entry);

static inline uint8_t *smpp_member(void *base, const struct smpp_place *place)
{
	return (uint8_t *)base + place->member;
}

static inline struct smpp_octets smpp_member_slice(const void *base, const struct smpp_place *place)
{
	struct smpp_octets slice;

	memcpy(&slice, (const uint8_t *)base + place->member, sizeof slice);
	return slice;
}

static inline uint32_t smpp_member_number(const void *base, const struct smpp_place *place)
{
	uint32_t number;

	if (place->param->type != SMPP_TYPE_INT4)
		return *((const uint8_t *)base + place->member);
	memcpy(&number, (const uint8_t *)base + place->member, sizeof number);
	return number;
}

/* Does this member belong to the entry? Its first octet is the flag that decides. */
static inline bool smpp_member_belongs(const struct smpp_place *place, const void *base)
{
	return place->when == 0 || place->when == *(const uint8_t *)base;
}

/* A flag that no member belongs to leaves the length of the entry unknown. */
static inline bool smpp_entry_flag_good(const struct smpp_place *members, const void *entry)
{
	uint8_t flag = *(const uint8_t *)entry;

	return members[1].when == 0 || flag == SMPP_DEST_SME || flag == SMPP_DEST_LIST;
}

/* The specification's lengths of a time, its NUL not counted (5.2.15, 7.1.1). */
static inline bool smpp_time_length_good(const struct smpp_param *param, uint32_t n)
{
	return n == 0 || n == 16 || (param->type == SMPP_TYPE_DATE && n == 12);
}

static inline bool smpp_count_good(const struct smpp_param *param, uint32_t n)
{
	return n <= SMPP_MAX_ENTRIES && (n > 0 || param->type != SMPP_TYPE_COUNT1);
}

/* A C-Octet String with its NUL inside, as TLVs have it: the only NUL is its last octet. */
static inline bool smpp_is_terminated(struct smpp_octets value)
{
	return value.n > 0 && memchr(value.at, 0, value.n) == value.at + value.n - 1;
}

static inline bool smpp_tlv_row_is_integer(const struct smpp_tlv_row *row)
{
	return row->type == SMPP_TYPE_INT || row->type == SMPP_TYPE_BITS;
}

static inline uint32_t smpp_big_endian(const uint8_t *at, uint32_t n)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < n; i++)
		number = number << 8 | at[i];
	return number;
}

#endif
