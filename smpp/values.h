/*
 * The words for numbers in parameters and TLVs: 0x05 in source_addr_ton is "alphanumeric" (rows
 * in smpp/values.def). For people to read, in traces and listings; no decision rests on them.
 */
#ifndef SMPP_VALUES_H
#define SMPP_VALUES_H

#include <stdint.h>

enum {
	SMPP_MAX_VALUE_NAMES = 4, /* sets of bits that one field is made of, at most */
};

struct smpp_value_name {
	const char *part; /* of a field made of bits: which part ("receipt"); else NULL */
	const char *name; /* "success_or_failure" */
	uint8_t mask;	  /* the bits that say it */
};

/*
 * Names the value of a field of a PDU, as the rows call them. 0: it has no names, or this value
 * is reserved. Of a field made of bits every part that is not zero is named; a value of 0 is named
 * once. The strings are static.
 */
uint32_t smpp_value_names(uint32_t command_id, const char *field, uint32_t value,
			  struct smpp_value_name names[SMPP_MAX_VALUE_NAMES]);

/*
 * What a parameter or TLV of that name is for, in a sentence (rows in smpp/meanings.def); NULL: there
 * is none of that name. Static.
 */
const char *smpp_meaning(const char *name);

#endif
