/*
 * An account as an operator's file or request says it shall be: read with every mistake told, then
 * made so in one turn. The reading half of core/control_account.c, its only user.
 */
#ifndef CORE_CONTROL_ACCOUNT_H
#define CORE_CONTROL_ACCOUNT_H

#include "core/account.h"
#include "core/api.h"

#define WANTED_KEYS_MAX	  32
#define WANTED_PRICES_MAX 1000
#define WANTED_NAME_MAX	  64

/* A member that the file leaves out has a NULL or a false `has`: it stays as it is. */
struct wanted {
	const char *name, *currency;
	bool has_active, active, has_sandbox, sandbox, has_bulk, bulk;
	bool has_opening, has_credit_limit, has_rate;
	int64_t opening, credit_limit;
	uint32_t rate_per_s;
	bool has_routes, has_categories, has_senders;
	uint8_t routes[ACCOUNT_LIST_OCTETS], categories[ACCOUNT_CATEGORY_OCTETS],
		senders[ACCOUNT_LIST_OCTETS];
	uint32_t routes_n, categories_n, senders_n;
	const struct json *keys;   /* checked: objects of key, label, active */
	const struct json *prices; /* checked: objects of route, prefix, price */
};

/*
 * Reads one object; `index` is its place in a list, -1 for none. Mistakes are flaws of the call.
 * Texts live as long as the document.
 */
void wanted_read(struct api_call *call, const struct json *object, int64_t index,
		 struct wanted *wanted);

/* True for 1 to 64 letters, digits and ._-/ : what a path can name. */
bool wanted_is_name(const char *name);

/* A price as it stands in the file; it has been checked. */
struct store_account_price wanted_price(const struct json *price);

#endif
