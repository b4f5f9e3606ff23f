/* Reading accounts as operators want them. See control_account.h. */
#include "core/control_account.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ledger.h"

#define KEY_LEAST 16 /* octets of a key that the file gives */

/* One object while it is read. */
struct reading {
	struct api_call *call;
	const struct json *object;
	struct wanted_place place;
};

#define FLAW_OCTETS 160

static void add_flaw(struct api_call *call, struct wanted_place place, const char *type,
		     const char *text)
{
	char line[24] = "";
	if (place.line)
		snprintf(line, sizeof(line), "line %u: ", place.line);
	api_flaw(call, "body", place.index < 0 ? NULL : "accounts", place.index, type, "%s%s", line,
		 text);
}

void wanted_flaw(struct api_call *call, struct wanted_place place, const char *type,
		 const char *format, ...)
{
	char text[FLAW_OCTETS];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	add_flaw(call, place, type, text);
}

__attribute__((format(printf, 3, 4))) static void flaw(const struct reading *reading,
						       const char *type, const char *format, ...)
{
	char text[FLAW_OCTETS];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	add_flaw(reading->call, reading->place, type, text);
}

/* The body has been read as JSON, so what stands in it is whole. */
void wanted_lines(const struct http_request *request, uint32_t *lines, size_t n)
{
	const uint8_t *at = request->body, *end = at + request->body_octets;
	uint32_t line = 1, depth = 0;
	size_t found = 0;
	bool begins = false, text = false;
	for (; at < end && found < n; at++) {
		line += *at == '\n';
		if (text) {
			text = *at != '"';
			at += *at == '\\'; /* what is escaped ends nothing */
			continue;
		}
		if (begins && !strchr(" \t\r\n", *at)) {
			lines[found++] = line;
			begins = false;
		}
		text = *at == '"';
		begins = begins || (depth == 1 && *at == '[') || (depth == 2 && *at == ',');
		depth += *at == '{' || *at == '[';
		depth -= *at == '}' || *at == ']';
	}
}

/* ---- members by kind ---- */

static const char *read_text(const struct reading *reading, const char *key, size_t least,
			     size_t most)
{
	const struct json *value = json_get(reading->object, key);
	size_t n = 0;
	const char *text = json_get_text(value, &n);
	if (!value)
		return NULL;
	if (!text)
		flaw(reading, "string_type", "%s must be a string", key);
	else if (n < least || n > most)
		flaw(reading, "string_length", "%s must have %zu to %zu octets", key, least, most);
	else
		return text;
	return NULL;
}

static bool read_bool(const struct reading *reading, const char *key, bool *value)
{
	const struct json *member = json_get(reading->object, key);
	if (!member)
		return false;
	if (json_get_bool(member, value))
		return true;
	flaw(reading, "bool_type", "%s must be true or false", key);
	return false;
}

/* Money comes as a string: a JSON number may have been rounded on its way. */
static bool read_money(const struct reading *reading, const char *key, bool negative,
		       int64_t *micro)
{
	const struct json *member = json_get(reading->object, key);
	const char *text = json_get_text(member, NULL);
	if (!member)
		return false;
	if (text && ledger_amount(text, micro) && (negative || *micro >= 0))
		return true;
	flaw(reading, "decimal", "%s must be a decimal in a string, such as \"12.50\"%s", key,
	     negative ? "" : ", and not negative");
	return false;
}

static void know_only(const struct reading *reading, const char *const *names)
{
	void *cursor = NULL;
	const struct json *value;
	const char *key;
	while ((key = json_next(reading->object, &cursor, &value))) {
		size_t i = 0;
		while (names[i] && strcmp(names[i], key) != 0)
			i++;
		if (!names[i])
			flaw(reading, "unexpected", "%.40s is not known here", key);
	}
}

/* The elements of a list; NULL when it is absent or none. */
static const struct json *read_list(const struct reading *reading, const char *key, size_t most)
{
	const struct json *list = json_get(reading->object, key);
	if (!list)
		return NULL;
	if (json_kind(list) != JSON_KIND_ARRAY)
		flaw(reading, "list_type", "%s must be a list", key);
	else if (json_count(list) > most)
		flaw(reading, "list_length", "%s has more than %zu elements", key, most);
	else
		return list;
	return NULL;
}

/* ---- lists ---- */

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

static bool read_routes(const struct reading *reading, const char *key, uint8_t *out,
			uint32_t *octets)
{
	uint32_t ids[ACCOUNT_LIST_OCTETS / 4];
	const struct json *list = read_list(reading, key, sizeof(ids) / sizeof(ids[0]));
	size_t n = 0;
	for (size_t i = 0; i < json_count(list); i++) {
		int64_t id = 0;
		bool whole = json_get_int(json_at(list, i), &id);
		if (!whole || id < 1 || id > INT32_MAX ||
		    !config_route_find(reading->call->engine->config, (uint32_t)id))
			flaw(reading, "route", "%s: element %zu is no configured route", key, i);
		else
			ids[n++] = (uint32_t)id;
	}
	qsort(ids, n, sizeof(ids[0]), compare_ids);
	return list && account_pack_routes(ids, n, out, octets);
}

static bool is_category(const char *word)
{
	static const enum config_category all[] = {
#define CATEGORY(name, text) name,
		CONFIG_CATEGORIES(CATEGORY)
#undef CATEGORY
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(config_category_word(all[i]), word))
			return true;
	return false;
}

static bool is_sender(const char *word)
{
	size_t n = strlen(word);
	if (n < 3 || n > 11)
		return false;
	for (; *word; word++)
		if (*word < ' ' || *word > '~')
			return false;
	return true;
}

static bool read_words(const struct reading *reading, const char *key,
		       bool (*fits)(const char *word), uint8_t *out, uint32_t room, uint32_t *n)
{
	const struct json *list = read_list(reading, key, room / 2);
	*n = 0;
	for (size_t i = 0; i < json_count(list); i++) {
		const char *word = json_get_text(json_at(list, i), NULL);
		if (!word || !fits(word))
			flaw(reading, "word", "%s: element %zu is none", key, i);
		else if (!account_pack_word(store_octets_of(word), out, room, n))
			flaw(reading, "list_length", "%s is longer than %u octets", key, room);
	}
	return list;
}

/* ---- keys and prices ---- */

bool wanted_digest(const struct json *text, uint8_t digest[PORT_SHA256_OCTETS])
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;
	const char *hex = json_get_text(text, &n);
	if (!hex || n != 2 * PORT_SHA256_OCTETS)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *digit = strchr(digits, hex[i] | 0x20);
		if (!digit || hex[i] < '0')
			return false;
		digest[i / 2] = (uint8_t)((i % 2 ? digest[i / 2] << 4 : 0) | (digit - digits));
	}
	return true;
}

static void read_key(const struct reading *parent, const struct json *object, size_t at)
{
	static const char *const names[] = { "key", "sha256", "label", "active", NULL };
	struct reading reading = *parent;
	uint8_t digest[PORT_SHA256_OCTETS];
	bool active;
	reading.object = object;
	if (json_kind(object) != JSON_KIND_OBJECT) {
		flaw(parent, "object_type", "keys: element %zu must be an object", at);
		return;
	}
	know_only(&reading, names);
	read_bool(&reading, "active", &active);
	const char *key = read_text(&reading, "key", KEY_LEAST, ACCOUNT_KEY_OCTETS);
	const char *label = read_text(&reading, "label", 1, WANTED_NAME_MAX);
	for (; key && *key; key++)
		if (*key <= ' ' || *key > '~') {
			flaw(&reading, "string_invalid",
			     "keys: element %zu has an octet that no header may have", at);
			break;
		}
	const struct json *hash = json_get(object, "sha256");
	if (hash && !wanted_digest(hash, digest))
		flaw(&reading, "string_invalid",
		     "keys: element %zu: sha256 must be 64 hex digits, as sha256sum prints", at);
	if (hash && json_get(object, "key"))
		flaw(&reading, "unexpected",
		     "keys: element %zu has a key and a sha256; one will do", at);
	if (!json_get(object, "key") && !hash && !label)
		flaw(&reading, "missing",
		     "keys: element %zu needs a key, its sha256, or a label under which one is made "
		     "once",
		     at);
}

/* `where` says which of several, with its colon; "" for one alone. */
static bool read_price(const struct reading *reading, const char *where)
{
	static const char *const names[] = { "route", "prefix", "price", NULL };
	int64_t route = 0, price = 0;
	size_t before = reading->call->flaws.n;
	if (json_kind(reading->object) != JSON_KIND_OBJECT) {
		flaw(reading, "object_type", "%sa price must be an object", where);
		return false;
	}
	know_only(reading, names);
	const char *prefix = read_text(reading, "prefix", 1, 15);
	if (!prefix || prefix[strspn(prefix, "0123456789")] || *prefix == '0')
		flaw(reading, "prefix", "%sprefix must be digits", where);
	if (!json_get_int(json_get(reading->object, "route"), &route) || route < 1 ||
	    route > INT32_MAX || !config_route_find(reading->call->engine->config, (uint32_t)route))
		flaw(reading, "route", "%sroute names no configured route", where);
	if (!read_money(reading, "price", false, &price) && !json_get(reading->object, "price"))
		flaw(reading, "missing", "%sprice is missing", where);
	return reading->call->flaws.n == before;
}

bool wanted_read_price(struct api_call *call, const struct json *object,
		       struct store_account_price *price)
{
	struct reading reading = { call, object, { -1, 0 } };
	if (!read_price(&reading, ""))
		return false;
	*price = wanted_price(object);
	return true;
}

struct store_account_price wanted_price(const struct json *price)
{
	struct store_account_price rec = { 0 };
	int64_t route = 0;
	json_get_int(json_get(price, "route"), &route);
	rec.route = (uint32_t)route;
	rec.prefix = strtoull(json_get_text(json_get(price, "prefix"), NULL), NULL, 10);
	ledger_amount(json_get_text(json_get(price, "price"), NULL), &rec.price);
	return rec;
}

int wanted_compare_prices(const void *a, const void *b)
{
	const struct store_account_price *x = a, *y = b;
	if (x->route != y->route)
		return x->route < y->route ? -1 : 1;
	return (x->prefix > y->prefix) - (x->prefix < y->prefix);
}

struct store_account_price *wanted_prices(const struct json *list)
{
	size_t n = json_count(list);
	struct store_account_price *prices = calloc(n + 1, sizeof(*prices));
	for (size_t i = 0; prices && i < n; i++)
		prices[i] = wanted_price(json_at(list, i));
	if (prices)
		qsort(prices, n, sizeof(*prices), wanted_compare_prices);
	return prices;
}

/* Of two prices for the same numbers nobody could tell which counts. */
static void check_prices_differ(const struct reading *reading, const struct json *list)
{
	struct store_account_price *prices = wanted_prices(list);
	if (!prices)
		turn_fail(reading->call->turn, STORE_FULL);
	for (size_t i = 1; prices && i < json_count(list); i++)
		if (!wanted_compare_prices(&prices[i - 1], &prices[i]))
			flaw(reading, "duplicate",
			     "prices: route %u, prefix %llu stands there more than once",
			     prices[i].route, (unsigned long long)prices[i].prefix);
	free(prices);
}

static void read_prices(const struct reading *parent, struct wanted *wanted)
{
	struct reading reading = *parent;
	char where[48];
	wanted->prices = read_list(parent, "prices", WANTED_PRICES_MAX);
	for (size_t i = 0; i < json_count(wanted->prices); i++) {
		reading.object = json_at(wanted->prices, i);
		snprintf(where, sizeof(where), "prices: element %zu: ", i);
		read_price(&reading, where);
	}
	if (!parent->call->flaws.n) /* else one of them may be no price */
		check_prices_differ(parent, wanted->prices);
}

/* ---- the whole ---- */

bool wanted_is_name(const char *name)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/";
	size_t n = strspn(name, letters);
	return n && n <= WANTED_NAME_MAX && !name[n];
}

static void read_named(const struct reading *reading, struct wanted *wanted)
{
	const char *currency = reading->call->engine->config->currency;
	wanted->name = read_text(reading, "name", 1, WANTED_NAME_MAX);
	if (!json_get(reading->object, "name"))
		flaw(reading, "missing", "name is missing");
	else if (wanted->name && !wanted_is_name(wanted->name))
		flaw(reading, "name", "name must be letters, digits and ._-/");
	wanted->currency = read_text(reading, "currency", 3, 3);
	if (wanted->currency && strcmp(wanted->currency, currency) != 0)
		flaw(reading, "currency", "currency must be %s, as the configuration says",
		     currency);
}

static void read_numbers(const struct reading *reading, struct wanted *wanted)
{
	const struct json *rate = json_get(reading->object, "rate_per_s");
	int64_t rate_per_s = 0;
	wanted->has_active = read_bool(reading, "active", &wanted->active);
	wanted->has_sandbox = read_bool(reading, "sandbox", &wanted->sandbox);
	wanted->has_bulk = read_bool(reading, "bulk", &wanted->bulk);
	wanted->has_opening = read_money(reading, "opening", true, &wanted->opening);
	wanted->has_credit_limit =
		read_money(reading, "credit_limit", false, &wanted->credit_limit);
	wanted->has_rate = rate && json_get_int(rate, &rate_per_s) && rate_per_s >= 0 &&
			   rate_per_s <= 1000000;
	wanted->rate_per_s = (uint32_t)rate_per_s;
	if (rate && !wanted->has_rate)
		flaw(reading, "out_of_range", "rate_per_s must be between 0 and 1000000");
}

static void read_lists(const struct reading *reading, struct wanted *wanted)
{
	wanted->has_routes = read_routes(reading, "routes", wanted->routes, &wanted->routes_n);
	wanted->has_denied =
		read_routes(reading, "denied_routes", wanted->denied, &wanted->denied_n);
	wanted->has_categories = read_words(reading, "categories", is_category, wanted->categories,
					    ACCOUNT_CATEGORY_OCTETS, &wanted->categories_n);
	wanted->has_senders = read_words(reading, "senders", is_sender, wanted->senders,
					 ACCOUNT_LIST_OCTETS, &wanted->senders_n);
}

void wanted_read(struct api_call *call, const struct json *object, struct wanted_place place,
		 const char *const *names, struct wanted *wanted)
{
	static const char *const all[] = { "name",	 "currency",	  "opening", "credit_limit",
					   "sandbox",	 "active",	  "keys",    "routes",
					   "categories", "senders",	  "bulk",    "prices",
					   "rate_per_s", "denied_routes", NULL };
	struct reading reading = { call, object, place };
	*wanted = (struct wanted){ 0 };
	if (json_kind(object) != JSON_KIND_OBJECT) {
		flaw(&reading, "object_type", "an account must be an object");
		return;
	}
	know_only(&reading, names ? names : all);
	if (!names)
		read_named(&reading, wanted);
	read_numbers(&reading, wanted);
	read_lists(&reading, wanted);
	read_prices(&reading, wanted);
	wanted->keys = read_list(&reading, "keys", WANTED_KEYS_MAX);
	for (size_t i = 0; i < json_count(wanted->keys); i++)
		read_key(&reading, json_at(wanted->keys, i), i);
}
