/* Longest prefixes. See pricing.h. */
#include "core/pricing.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 20

/* The leading digits of a number: at[n] is its first n digits as a number. */
struct leading {
	uint64_t at[DIGITS_MAX + 1];
	unsigned n;
};

static unsigned digits_of(uint64_t number)
{
	unsigned n = 0;
	for (; number; number /= 10)
		n++;
	return n;
}

static struct leading leading_of(uint64_t number)
{
	struct leading leading = { .n = digits_of(number) };
	for (unsigned n = leading.n; n; n--, number /= 10)
		leading.at[n] = number;
	return leading;
}

static bool fits(const struct leading *leading, uint64_t prefix, unsigned digits)
{
	return digits <= leading->n && leading->at[digits] == prefix;
}

static const struct price *longest(const struct price *prices, size_t n, uint64_t msisdn)
{
	struct leading leading = leading_of(msisdn);
	const struct price *best = NULL;
	for (const struct price *price = prices; price < prices + n; price++) {
		if (!fits(&leading, price->prefix, price->digits))
			continue;
		if (!best || price->digits > best->digits ||
		    (price->digits == best->digits && price->own))
			best = price;
	}
	return best;
}

static void load_configured(const struct config *config, uint32_t route, struct pricing *pricing)
{
	for (size_t i = 0; i < config->n_prices; i++) {
		const struct config_price *row = &config->prices[i];
		struct price price = {
			.prefix = strtoull(row->prefix, NULL, 10),
			.digits = (unsigned)strlen(row->prefix),
			.micros = row->price_micros,
			.country = row->country,
		};
		pricing->countries[pricing->n_countries++] = price;
		if (row->route_id == route)
			pricing->prices[pricing->n++] = price;
	}
}

static enum store_err load_own(struct store_txn *txn, uint32_t account, uint32_t route,
			       struct pricing *pricing)
{
	struct store_account_price own = { .account = account, .route = route };
	enum store_err err = store_account_price_seek(txn, &own, 2);
	for (size_t i = 0; !err && i < PRICING_OWN_MAX; i++) {
		const struct price *country = pricing_country(pricing, own.prefix);
		pricing->prices[pricing->n++] = (struct price){
			.prefix = own.prefix,
			.digits = digits_of(own.prefix),
			.micros = own.price,
			.country = country ? country->country : NULL,
			.own = true,
		};
		err = store_account_price_next(txn, &own, 2);
	}
	return err == STORE_NOTFOUND ? STORE_OK : err;
}

enum store_err pricing_load(struct store_txn *txn, const struct config *config, uint32_t account,
			    uint32_t route, struct pricing *pricing)
{
	struct store_account_price own = { .account = account, .route = route };
	size_t room = config->n_prices + 1;
	bool has_own = store_account_price_seek(txn, &own, 2) != STORE_NOTFOUND;
	if (has_own)
		room += PRICING_OWN_MAX;
	*pricing = (struct pricing){
		.prices = malloc(room * sizeof(*pricing->prices)),
		.countries = malloc((config->n_prices + 1) * sizeof(*pricing->countries)),
	};
	if (!pricing->prices || !pricing->countries)
		return STORE_FULL;
	load_configured(config, route, pricing);
	return has_own ? load_own(txn, account, route, pricing) : STORE_OK;
}

void pricing_release(struct pricing *pricing)
{
	free(pricing->prices);
	free(pricing->countries);
	*pricing = (struct pricing){ 0 };
}

const struct price *pricing_find(const struct pricing *pricing, uint64_t msisdn)
{
	return longest(pricing->prices, pricing->n, msisdn);
}

const struct price *pricing_country(const struct pricing *pricing, uint64_t msisdn)
{
	return longest(pricing->countries, pricing->n_countries, msisdn);
}
