/* What receipts say, packed. See remarks.h. */
#include "core/remarks.h"

#include <string.h>

#define STAT_OCTETS  32
#define VENDOR_LEAST 0x1400
#define VENDOR_MOST  0x3FFF

/* An item: its tag, its length, its octets. Numbers are on disk. */
enum item {
	ITEM_STAT = 1,
	ITEM_SUBMIT_DATE,   /* text */
	ITEM_SUBMIT_DIGITS, /* two to an octet, 0xF behind an odd number of them */
	ITEM_DONE_DATE,
	ITEM_DONE_DIGITS,
	ITEM_MESSAGE_STATE,
	ITEM_NETWORK_ERROR,
	ITEM_TLVS,
	ITEM_WAITED,
};

/* ---- from a receipt ---- */

static struct smpp_octets date_of(struct smpp_octets date)
{
	bool any = false;
	for (uint32_t i = 0; i < date.n; i++)
		any = any || date.at[i] != '0';
	return any ? date : (struct smpp_octets){ 0 };
}

static void put_u16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t put_tlvs(const struct smpp_pdu *pdu, uint8_t out[REMARKS_TLV_OCTETS])
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < pdu->n_tlvs; i++) {
		struct smpp_octets value = smpp_tlv_value(&pdu->tlvs[i]);
		if (pdu->tlvs[i].tag < VENDOR_LEAST || pdu->tlvs[i].tag > VENDOR_MOST ||
		    value.n > REMARKS_TLV_OCTETS || n + 4 + value.n > REMARKS_TLV_OCTETS)
			continue;
		put_u16(out + n, pdu->tlvs[i].tag);
		put_u16(out + n + 2, value.n);
		if (value.n)
			memcpy(out + n + 4, value.at, value.n);
		n += 4 + value.n;
	}
	return n;
}

void remarks_of(const struct smpp_pdu *pdu, const struct smpp_receipt *receipt,
		uint8_t tlvs[REMARKS_TLV_OCTETS], struct remarks *remarks)
{
	bool odd = receipt->state == SMPP_STATE_VENDOR ||
		   receipt->flags & SMPP_RECEIPT_CONTRADICTION;
	*remarks = (struct remarks){
		.submit_date = date_of(receipt->submit_date),
		.done_date = date_of(receipt->done_date),
		.has_message_state = odd && receipt->has_message_state,
		.message_state = receipt->message_state,
		.has_network_error = receipt->has_network_error_code,
		.network_type = receipt->network_type,
		.network_error = receipt->network_error,
		.tlvs = { .at = tlvs, .n = put_tlvs(pdu, tlvs) },
	};
	if (odd)
		remarks->stat = receipt->stat;
}

/* ---- packed ---- */

static uint8_t *put(uint8_t *out, enum item item, const void *octets, uint32_t n)
{
	*out++ = (uint8_t)item;
	*out++ = (uint8_t)n;
	memcpy(out, octets, n);
	return out + n;
}

static uint8_t *put_text(uint8_t *out, enum item item, struct smpp_octets text, uint32_t most)
{
	return text.n ? put(out, item, text.at, text.n < most ? text.n : most) : out;
}

static bool all_digits(struct smpp_octets text)
{
	for (uint32_t i = 0; i < text.n; i++)
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
	return text.n < REMARKS_DATE_OCTETS;
}

static uint8_t *put_date(uint8_t *out, enum item item, struct smpp_octets date)
{
	uint8_t packed[REMARKS_DATE_OCTETS / 2];
	if (!date.n || !all_digits(date))
		return put_text(out, item, date, REMARKS_DATE_OCTETS);
	for (uint32_t i = 0; i < date.n; i += 2)
		packed[i / 2] = (uint8_t)((date.at[i] - '0') << 4 |
					  (i + 1 < date.n ? date.at[i + 1] - '0' : 0xF));
	return put(out, (enum item)(item + 1), packed, (date.n + 1) / 2);
}

size_t remarks_encode(const struct remarks *remarks, uint8_t out[REMARKS_OCTETS])
{
	uint8_t *at = out;
	uint8_t network[3] = { remarks->network_type };
	uint8_t waited[4];
	put_u16(network + 1, remarks->network_error);
	put_u16(waited, remarks->waited_ms >> 16);
	put_u16(waited + 2, remarks->waited_ms);
	at = put_text(at, ITEM_STAT, remarks->stat, STAT_OCTETS);
	at = put_date(at, ITEM_SUBMIT_DATE, remarks->submit_date);
	at = put_date(at, ITEM_DONE_DATE, remarks->done_date);
	if (remarks->has_message_state)
		at = put(at, ITEM_MESSAGE_STATE, &remarks->message_state, 1);
	if (remarks->has_network_error)
		at = put(at, ITEM_NETWORK_ERROR, network, 3);
	at = put_text(at, ITEM_TLVS, remarks->tlvs, REMARKS_TLV_OCTETS);
	if (remarks->waited_ms)
		at = put(at, ITEM_WAITED, waited, 4);
	return (size_t)(at - out);
}

_Static_assert(2 + STAT_OCTETS + 2 * (2 + REMARKS_DATE_OCTETS) + 3 + 5 + 2 + REMARKS_TLV_OCTETS +
			       6 <=
		       REMARKS_OCTETS,
	       "everything at its longest fits");

static struct smpp_octets unpack(struct smpp_octets packed, char out[REMARKS_DATE_OCTETS])
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < packed.n && n + 1 < REMARKS_DATE_OCTETS; i++) {
		out[n++] = (char)('0' + (packed.at[i] >> 4));
		if ((packed.at[i] & 0xF) != 0xF)
			out[n++] = (char)('0' + (packed.at[i] & 0xF));
	}
	return (struct smpp_octets){ .at = (const uint8_t *)out, .n = n };
}

static uint32_t get_u16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void read_item(uint8_t item, struct smpp_octets value, struct remarks *remarks)
{
	switch (item) {
	case ITEM_STAT:
		remarks->stat = value;
		return;
	case ITEM_SUBMIT_DATE:
		remarks->submit_date = value;
		return;
	case ITEM_SUBMIT_DIGITS:
		remarks->submit_date = unpack(value, remarks->dates[0]);
		return;
	case ITEM_DONE_DATE:
		remarks->done_date = value;
		return;
	case ITEM_DONE_DIGITS:
		remarks->done_date = unpack(value, remarks->dates[1]);
		return;
	case ITEM_MESSAGE_STATE:
		remarks->has_message_state = value.n == 1;
		remarks->message_state = value.n == 1 ? value.at[0] : 0;
		return;
	case ITEM_NETWORK_ERROR:
		if (value.n != 3)
			return;
		remarks->has_network_error = true;
		remarks->network_type = value.at[0];
		remarks->network_error = (uint16_t)get_u16(value.at + 1);
		return;
	case ITEM_TLVS:
		remarks->tlvs = value;
		return;
	case ITEM_WAITED:
		if (value.n == 4)
			remarks->waited_ms = get_u16(value.at) << 16 | get_u16(value.at + 2);
		return;
	default: /* of a later version */
		return;
	}
}

void remarks_decode(struct smpp_octets octets, struct remarks *remarks)
{
	memset(remarks, 0, sizeof(*remarks));
	for (uint32_t i = 0; i + 2 <= octets.n && octets.at[i + 1] <= octets.n - i - 2;
	     i += 2u + octets.at[i + 1])
		read_item(octets.at[i],
			  (struct smpp_octets){ .at = octets.at + i + 2, .n = octets.at[i + 1] },
			  remarks);
}

bool remarks_tlv(const struct remarks *remarks, uint32_t *offset, uint16_t *tag,
		 struct smpp_octets *value)
{
	const uint8_t *at = remarks->tlvs.at + *offset;
	if (remarks->tlvs.n < *offset + 4 || get_u16(at + 2) > remarks->tlvs.n - *offset - 4)
		return false;
	*tag = (uint16_t)get_u16(at);
	*value = (struct smpp_octets){ .at = at + 4, .n = get_u16(at + 2) };
	*offset += 4 + value->n;
	return true;
}
