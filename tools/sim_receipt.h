/*
 * A delivery receipt as smsc-sim words it: the text of SMPP 3.4, Appendix B, and the TLVs of
 * 5.3.2.12 and 5.3.2.35, in a deliver_sm. When and where it is sent is not decided here.
 */
#ifndef TOOLS_SIM_RECEIPT_H
#define TOOLS_SIM_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "smpp/pdu.h"
#include "tools/sim_message.h"
#include "tools/sim_options.h"

enum {
	SIM_ID_TEXT_OCTETS = SIM_ID_WIDTH_MAX + 1
}; /* of a message_id in any form, with NUL */

struct sim_receipt {
	struct smpp_pdu pdu; /* borrows from the members below and from the message */
	char id[SIM_ID_TEXT_OCTETS];
	char text[SMPP_MAX_SHORT_MESSAGE + 1];
};

/* The id as form writes it; returns its length. */
uint32_t sim_id_text(uint64_t id, struct sim_id_form form, char out[SIM_ID_TEXT_OCTETS]);

/* Fills receipt for a message that is done at done_wall_ms. tlvs: the peer may be sent some. */
void sim_receipt_make(struct sim_receipt *receipt, const struct sim_message *message,
		      struct sim_id_form form, bool tlvs, int64_t done_wall_ms);

/* "DELIVRD" for a message_state (5.2.28, Appendix B); static. */
const char *sim_receipt_word(uint8_t message_state);

#endif
