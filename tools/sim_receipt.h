/*
 * Delivery receipts of smsc-sim: as SMPP 3.4, Appendix B words them, or in one of the shapes that
 * carriers have given them (tools/sim_shapes.def). When and where one is sent is not decided here.
 */
#ifndef TOOLS_SIM_RECEIPT_H
#define TOOLS_SIM_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "smpp/pdu.h"
#include "tools/sim_message.h"
#include "tools/sim_options.h"
#include "tools/sim_pdu.h"

enum {
	SIM_ID_TEXT_OCTETS = SIM_ID_WIDTH_MAX + 1
}; /* of a message_id in any form, with NUL */

/* "hex:8" and so on; false: it is none. */
bool sim_id_form_read(struct smpp_octets text, struct sim_id_form *form);

/* The id as form writes it; returns its length. */
uint32_t sim_id_text(uint64_t id, struct sim_id_form form, char out[SIM_ID_TEXT_OCTETS]);

/* The shape of that name, a row of tools/sim_shapes.def; false: there is none. */
bool sim_receipt_shape(struct sim_pdu *shape, const char *name);

/* Appends "NAME  sentence" lines. */
void sim_receipt_list(struct buffer *out);

/* The receipt of subject's message, done now. tlvs: the peer may be sent some. */
void sim_receipt_make(const struct sim_pdu *shape, const struct sim_subject *subject, bool tlvs,
		      struct buffer *out);

#endif
