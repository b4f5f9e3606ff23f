/* Longest prefixes. See pricing.h. */
#include "core/pricing.h"

#include <stdlib.h>

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

static int compare_prefixes(const void *a, const void *b)
{
	const struct price *x = a, *y = b;
	return (x->prefix > y->prefix) - (x->prefix < y->prefix);
}

static int compare(const void *a, const void *b)
{
	int order = compare_prefixes(a, b);
	return order ? order :
		       (int)((const struct price *)b)->own - (int)((const struct price *)a)->own;
}

/* No prefix begins with 0, so that two of the same digits are the same number. */
static const struct price *longest(const struct price *prices, size_t n, uint64_t msisdn)
{
	struct leading leading = leading_of(msisdn);
	const struct price *best = NULL;
	for (unsigned digits = leading.n; digits && !best; digits--) {
		struct price wanted = { .prefix = leading.at[digits] };
		best = n ? bsearch(&wanted, prices, n, sizeof(*prices), compare_prefixes) : NULL;
	}
	/* Of two for one prefix the account's own stands first. */
	return best && best > prices && best[-1].prefix == best->prefix ? best - 1 : best;
}

static void load_configured(const struct config *config, uint32_t route, struct pricing *pricing)
{
	for (size_t i = 0; i < config->n_prices; i++) {
		const struct config_price *row = &config->prices[i];
		struct price price = {
			.prefix = strtoull(row->prefix, NULL, 10),
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
	qsort(pricing->countries, pricing->n_countries, sizeof(*pricing->countries), compare);
	enum store_err err = has_own ? load_own(txn, account, route, pricing) : STORE_OK;
	qsort(pricing->prices, pricing->n, sizeof(*pricing->prices), compare);
	return err;
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
