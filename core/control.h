/*
 * Control: what operators may ask and do, as HTTP on the control socket. Who may is decided by the
 * socket's mode and group, never by a key. This header is what the handlers share; their table and
 * control_handle (core/api.h) are in control.c. Each change leaves an audit record with the caller's
 * uid and is durable before its answer, unless the answer says that it is not; no text, key or password is ever shown, and numbers are
 * masked unless the query says numbers=1.
 */
#ifndef CORE_CONTROL_H
#define CORE_CONTROL_H

#include "core/api.h"
#include "core/message_id.h"

/* core/control.c */
api_handler control_status, control_links, control_lifecycle;
/* core/control_show.c */
api_handler control_orders, control_order, control_timeline, control_messages, control_message,
	control_compare, control_explain;
/* core/control_check.c */
api_handler control_store_check, control_recount;
/* core/control_account.c */
api_handler control_account_create, control_account_import, control_account_change,
	control_account_allow, control_account_deny, control_account_price,
	control_account_price_delete;
/* core/control_account_show.c */
api_handler control_accounts, control_account_show, control_account_keys, control_account_prices;
/* core/control_key.c */
api_handler control_account_key_add, control_account_key_revoke;
/* core/control_ledger.c */
api_handler control_account_adjust, control_account_ledger, control_account_topup;
/* core/control_verify.c */
api_handler control_ledger_verify;
/* core/control_operate.c */
api_handler control_link_up, control_link_down, control_link_rebind, control_provider_pause,
	control_provider_resume, control_route_pause, control_route_resume, control_audit_list;
/* core/control_ask.c */
api_handler control_query, control_cancel, control_replace, control_ask;
/* core/control_doubt.c */
api_handler control_doubts, control_doubt_close, control_doubt_resend;
/* core/control_orphans.c */
api_handler control_orphans, control_orphan_drop, control_orphan_join;

/* core/control_reload.c */
api_handler control_reload;

/* Writes the audit record of a change. */
__attribute__((format(printf, 2, 3))) void control_audit(struct api_call *call, const char *verb,
							 ...);

/* The same without a call; uid as control_caller has it. */
void control_audit_put(struct turn *turn, uint32_t uid, const char *text);

/* Part of a whole in per cent with two decimals, null without a whole. */
void control_add_percent(struct json_writer *json, const char *key, uint64_t part, uint64_t whole);

/*
 * Ends an array of records and the object around it: "next" is where the following page begins,
 * null when the walk ended with `err` NOTFOUND.
 */
void control_end_list(struct json_writer *json, enum store_err err, uint64_t last);
void control_add_time(struct json_writer *json, const char *key, uint64_t at_ms);
/* The name of the provider that carries it, null when its route is no longer configured. */
void control_add_carrier(struct api_call *call, const struct config_route *route,
			 const struct store_order *order);
/* An account's name; its number in words when it is gone. */
void control_add_account(struct api_call *call, const char *key, uint32_t account);

/* "310000000678", or "*********678" unless `full`. */
const char *control_msisdn(uint64_t msisdn, bool full, char out[24]);

/* The caller's uid as records have it: plus 1, 0 when it is not known. */
uint32_t control_caller(const struct api_call *call);

/* The order of that number; false: 404 has been answered, or the turn failed. */
bool control_find_order(struct api_call *call, uint64_t number, struct store_order *order);
/* Order and message of a path with {message}; false: as above. The query may say numbers only. */
bool control_find_message(struct api_call *call, struct store_order *order,
			  struct store_message *message);
/* The same by an id that stands elsewhere; the query says nothing. */
bool control_named_message(struct api_call *call, const char *id, struct store_order *order,
			   struct store_message *message);
/* The account that the path names; false: as above. */
bool control_find_account(struct api_call *call, struct store_account *account);

#endif
