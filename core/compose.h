/*
 * Composing: the PDU that submits one segment, made of its order, its provider's settings and its
 * part of the text. Pure: it reads no clock and no store and sends nothing. Used by the scheduler,
 * which decides what goes where; what the text became in octets is core/content.h.
 */
#ifndef CORE_COMPOSE_H
#define CORE_COMPOSE_H

#include <stdint.h>

#include "config/config.h"
#include "core/content.h"
#include "smpp/pdu.h"
#include "smpp/time.h"
#include "store/record.h"

/* What a submit says, whomever it is for. Borrowed for the call. */
struct compose {
	const struct config_route *route;
	const struct store_order *order;
	const struct content *content; /* of the order's text, at this provider */
	uint16_t segment;	       /* which, 0 .. content->plan.pdus - 1 */
	uint16_t reference; /* that all parts of the message share; cut to 8 bits if need be */
	int64_t at_ms;	    /* wall clock */
};

/* A PDU and the memory that it borrows from; not to be copied. */
struct composed {
	struct smpp_pdu pdu;
	char source[32], dest[32];
	char validity[SMPP_TIME_OCTETS];
	uint8_t body[SMPP_MAX_SHORT_MESSAGE];
};

/*
 * What is asked of the provider about a segment that it has taken. The addresses are those that
 * its submit had, as far as the settings are still the same.
 */
struct compose_about {
	const struct config_provider *provider;
	const struct store_order *order;
	uint32_t command_id; /* query_sm, cancel_sm or replace_sm */
	struct smpp_octets message_id;
	uint64_t msisdn;	 /* cancel_sm */
	struct smpp_octets text; /* replace_sm: short_message, in the data_coding of the submit */
};
void compose_about(const struct compose_about *about, struct composed *out);

/* The submit_sm (SMPP 3.4, 4.4.1) for one destination; its sequence_number is the session's. */
void compose_submit_sm(const struct compose *what, uint64_t msisdn, struct composed *out);

#define COMPOSE_DEST_OCTETS 24 /* of one dest_address of an SME, at most (4.5.1.1) */
/*
 * The submit_multi (4.5.1) for 1 .. SMPP_MAX_ENTRIES destinations. Their addresses are written to
 * `dests`, an empty writer over COMPOSE_DEST_OCTETS for each, which lives as long as the PDU.
 */
void compose_submit_multi(const struct compose *what, const uint64_t *msisdn, uint32_t n,
			  struct smpp_writer *dests, struct composed *out);

#endif
