/*
 * Inbound messages as applications and operators read them. An application sees what was sent to its
 * account's numbers, oldest first, behind a cursor that it keeps; an operator sees all, newest
 * first, with numbers and texts masked unless the query says numbers=1 and text=1.
 */
#ifndef CORE_INBOUND_LIST_H
#define CORE_INBOUND_LIST_H

#include "core/api.h"

/* GET /api/v1/inbound?after=N&limit=N&msisdn=D&destination=D */
api_handler inbound_list;

/* GET /control/v1/inbound?before=N&limit=N and /control/v1/inbound/{number} */
api_handler control_inbound_list, control_inbound_show;

#endif
