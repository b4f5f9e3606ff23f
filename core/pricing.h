/*
 * Prices: what one message part to a number costs on a route, by the longest prefix, an account's
 * own prices before the configuration's; and which country a number belongs to, by the longest
 * prefix of all that is priced on any route.
 */
#ifndef CORE_PRICING_H
#define CORE_PRICING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "store/store.h"

#define PRICING_OWN_MAX 4096 /* prices of one account on one route that are looked at */

struct price {
	uint64_t prefix; /* leading digits, as a number */
	int64_t micros;	 /* per part */
	const char *country;
	bool own; /* the account's */
};

/*
 * The prices of one route for one account, and all countries, by prefix, of two alike the account's
 * own first; released by pricing_release.
 */
struct pricing {
	struct price *prices;
	size_t n;
	struct price *countries; /* every configured price, whatever its route */
	size_t n_countries;
};

/* OK, FULL without memory, or what reading the store says. */
enum store_err pricing_load(struct store_txn *txn, const struct config *config, uint32_t account,
			    uint32_t route, struct pricing *pricing);
void pricing_release(struct pricing *pricing);

/* NULL: none is available. */
const struct price *pricing_find(const struct pricing *pricing, uint64_t msisdn);

/* The configured price whose prefix fits longest, on any route; NULL: of no country we know. */
const struct price *pricing_country(const struct pricing *pricing, uint64_t msisdn);

#endif
