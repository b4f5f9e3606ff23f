/*
 * Whether a receipt may be about a message to a number; see receipt.h. Carriers swap its addresses
 * or leave them as they were submitted, write prefixes in several ways and mask digits.
 */
#include "smpp/receipt.h"

enum {
	MASKED_DIGITS = 3, /* an address that begins with so many is a number, whatever follows */
};

/* What an address of the receipt says of the recipient's number. */
enum agreement {
	AGREES,
	SILENT,	   /* empty, or digits with something else behind: masked */
	NAME,	   /* an alphanumeric sender: surely not the recipient */
	DISAGREES, /* another number */
};

/* Leading digits behind a plus, and whether anything but digits stands there. */
static uint32_t leading_digits(struct smpp_octets address, bool *only)
{
	uint32_t begin = address.n && address.at[0] == '+', digits = 0;
	while (begin + digits < address.n && address.at[begin + digits] >= '0' &&
	       address.at[begin + digits] <= '9')
		digits++;
	*only = begin + digits == address.n;
	return digits;
}

static uint32_t last_digits(struct smpp_octets address, uint32_t digits, uint32_t *scale)
{
	uint32_t tail = 0;
	*scale = 1;
	for (uint32_t i = 0; i < digits && i < SMPP_TAIL_DIGITS; i++) {
		tail += *scale * (uint32_t)(address.at[address.n - 1 - i] - '0');
		*scale *= 10;
	}
	return tail;
}

static enum agreement agreement(struct smpp_octets address, uint64_t number)
{
	bool only;
	uint32_t scale, digits = leading_digits(address, &only);
	if (!only)
		return digits < MASKED_DIGITS ? NAME : SILENT;
	if (!digits)
		return SILENT;
	uint32_t tail = last_digits(address, digits, &scale); /* before scale is looked at */
	return tail == number % scale ? AGREES : DISAGREES;
}

uint32_t smpp_number_tail(struct smpp_octets address)
{
	bool only;
	uint32_t scale, digits = leading_digits(address, &only);
	return only && digits >= SMPP_TAIL_DIGITS ? last_digits(address, digits, &scale) + 1 : 0;
}

bool smpp_receipt_may_be_of(const struct smpp_pdu *pdu, uint64_t number)
{
	enum agreement source = agreement(pdu->source_addr, number);
	enum agreement dest = agreement(pdu->destination_addr, number);
	return source <= SILENT || dest <= SILENT || (source == NAME && dest == NAME);
}

bool smpp_receipt_names(const struct smpp_pdu *pdu, uint64_t number)
{
	return agreement(pdu->source_addr, number) == AGREES ||
	       agreement(pdu->destination_addr, number) == AGREES;
}
