/*
 * POST /api/v1/messages/{bx_message_id}/cancel: a client takes its message back. What waits here is
 * FAILED / CANCELLED at once; what a provider has taken it is asked for by cancel_sm, and the message
 * keeps its state until a receipt or a query says otherwise: being refused a cancel is no outcome.
 * May be said again: core/cancel.h.
 */
#ifndef CORE_CANCEL_MESSAGE_H
#define CORE_CANCEL_MESSAGE_H

#include "core/api.h"

api_handler cancel_message;

#endif
