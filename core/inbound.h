/*
 * Inbound: messages that handsets send to us. Each is in the store before it is answered; what it
 * says is read when somebody asks. Receipts are not its business: core/receipts.c sorts them out
 * and hands over the rest.
 */
#ifndef CORE_INBOUND_H
#define CORE_INBOUND_H

#include "core/provider.h"

/* Keeps a deliver_sm or data_sm that came on this link, as it came. */
void inbound_keep(struct turn *turn, const struct link *link, const struct smpp_octets *pdu);

#endif
