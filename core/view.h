/*
 * What clients see: the JSON objects of the API, written from records. Provider ids and provider
 * vocabulary never appear here. Used by the handlers of the submit socket and by control.c.
 */
#ifndef CORE_VIEW_H
#define CORE_VIEW_H

#include "config/config.h"
#include "core/api.h"
#include "store/record.h"

/* The account's currency, or the configuration's; lives as long as the call. */
const char *view_currency(struct api_call *call);

/* Route, for the account of the call. */
void view_route(struct api_call *call, const struct config_route *route);

/* Order, whole; and its members within an object that is open. */
void view_order(struct api_call *call, const struct store_order *order);
void view_order_members(struct api_call *call, const struct store_order *order);

/* "progress_pct", of an order or at a time: two decimals, exactly. */
void view_add_progress(struct json_writer *json, uint32_t delivered, uint32_t total);

/* Dlr, whole. False: the turn failed. */
bool view_dlr(struct api_call *call, const struct store_order *order,
	      const struct store_message *message);

/* A time of the clock of deadlines (struct turn) as people see it. */
void view_put_due(struct api_call *call, uint64_t due_ms);

/* Octets of a record as a text; null when there are none. */
void view_add_octets(struct json_writer *json, const char *key, struct store_octets octets);

/* The public id of an API key by its first eight octets; null for 0. */
void view_add_key_id(struct json_writer *json, const char *key, uint64_t id_high);

/* The bx_message_id of a message. */
void view_add_message_id(struct json_writer *json, const struct engine *engine, uint64_t order,
			 uint32_t index);

/* A telephone number as text. */
void view_add_number(struct json_writer *json, const char *key, uint64_t msisdn);

#endif
