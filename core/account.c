/* Accounts: keys, uids, rights, rates. See account.h. */
#include "core/account.h"

#include <stdlib.h>
#include <string.h>

#include "core/guess.h"
#include "core/hash.h"
#include "core/port.h"

/* ---- looking up ---- */

static uint64_t number(const uint8_t *at)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}

void account_key(struct turn *turn, const char *text, struct store_apikey *rec)
{
	uint8_t digest[PORT_SHA256_OCTETS] = { 0 };
	if (!port_sha256(text, strlen(text), digest))
		turn_fail(turn, STORE_FULL);
	account_key_of(digest, rec);
}

void account_key_of(const uint8_t digest[PORT_SHA256_OCTETS], struct store_apikey *rec)
{
	memcpy(rec->raw, digest, PORT_SHA256_OCTETS);
	rec->digest = (struct store_octets){ rec->raw, PORT_SHA256_OCTETS };
	rec->id_high = number(rec->raw);
	rec->id_low = number(rec->raw + 8);
}

/* Takes as long wherever the first difference is. */
static bool same_digest(struct store_octets a, struct store_octets b)
{
	unsigned different = a.n ^ b.n;
	for (uint32_t i = 0; i < a.n && i < b.n; i++)
		different |= a.at[i] ^ b.at[i];
	return !different;
}

enum store_err account_by_name(struct store_txn *txn, const char *name,
			       struct store_account *account)
{
	size_t n = strlen(name);
	struct store_account_name at = { .hash = store_name_hash((const uint8_t *)name, n) };
	enum store_err err = store_account_name_seek(txn, &at, 1);
	while (!err) {
		account->account = at.account;
		err = store_account_get(txn, account);
		if (!err && account->name.n == n && !memcmp(account->name.at, name, n))
			return STORE_OK;
		if (!err || err == STORE_NOTFOUND)
			err = store_account_name_next(txn, &at, 1);
	}
	return err;
}

static const struct api_error error_missing = {
	.status = 401,
	.code = "missing_api_key",
	.stage = "authentication",
	.detail = "Missing API Key: no X-API-KEY header.",
	.hint = "send X-API-KEY, or let the operator map your uid to an account",
};
static const struct api_error error_invalid = {
	.status = 401,
	.code = "invalid_api_key",
	.stage = "authentication",
	.detail = "Invalid or inactive API Key",
};
static const struct api_error error_guessing = {
	.status = 429,
	.code = "too_many_wrong_keys",
	.stage = "authentication",
	.detail = "Rate limit exceeded",
	.hint = "wrong API keys keep coming from this user or address: limits.wrong_keys",
};

static enum store_err by_key(struct api_call *call, const char *text)
{
	struct store_txn *txn = call->turn->txn;
	struct store_apikey given = { 0 }, kept = { 0 };
	if (!*text || strlen(text) > ACCOUNT_KEY_OCTETS)
		return STORE_NOTFOUND;
	account_key(call->turn, text, &given);
	if (turn_failed(call->turn))
		return call->turn->error;
	kept.id_high = given.id_high;
	kept.id_low = given.id_low;
	enum store_err err = store_apikey_get(txn, &kept);
	if (err)
		return err;
	if (!same_digest(given.digest, kept.digest) || !kept.active)
		return STORE_NOTFOUND;
	call->key_id = kept.id_high;
	call->account.account = kept.account;
	return store_account_get(txn, &call->account);
}

static enum store_err by_uid(struct api_call *call)
{
	const struct config *config = call->engine->config;
	for (size_t i = 0; call->local && i < config->n_uids; i++)
		if (config->uids[i].uid == call->uid)
			return account_by_name(call->turn->txn, config->uids[i].account,
					       &call->account);
	return STORE_NOTFOUND;
}

bool account_identify(struct api_call *call)
{
	const char *key = http_header(call->request, "X-API-KEY");
	uint32_t retry_after_s;
	if (key && !guess_allowed(call, key, &retry_after_s)) {
		api_refuse(call, &error_guessing);
		api_field(call, "Retry-After", "%u", retry_after_s);
		return false;
	}
	enum store_err err = key ? by_key(call, key) : by_uid(call);
	bool right = !err && call->account.active;
	if (key && (!err || err == STORE_NOTFOUND))
		guess_was(call, key, right);
	if (right)
		return true;
	if (!err || err == STORE_NOTFOUND || err == STORE_CORRUPT)
		api_refuse(call, key || !err ? &error_invalid : &error_missing);
	else
		turn_fail(call->turn, err);
	call->account.account = 0;
	return false;
}

/* ---- lists of a record ---- */

bool account_route_at(struct store_octets routes, size_t position, uint32_t *route)
{
	if ((position + 1) * 4 > routes.n)
		return false;
	const uint8_t *at = routes.at + position * 4;
	*route = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	return true;
}

bool account_lists_route(struct store_octets routes, uint32_t route)
{
	uint32_t listed;
	for (size_t i = 0; account_route_at(routes, i, &listed); i++)
		if (listed == route)
			return true;
	return false;
}

bool account_pack_routes(const uint32_t *routes, size_t n, uint8_t *out, uint32_t *octets)
{
	*octets = 0;
	if (n > ACCOUNT_LIST_OCTETS / 4)
		return false;
	for (size_t i = 0; i < n; i++)
		for (int shift = 24; shift >= 0; shift -= 8)
			out[(*octets)++] = (uint8_t)(routes[i] >> shift);
	return true;
}

static int compare_routes(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

bool account_change_routes(struct store_octets had, struct store_octets given, bool join,
			   uint8_t *out, uint32_t *octets)
{
	uint32_t routes[2 * ACCOUNT_LIST_OCTETS / 4], route;
	size_t n = 0;
	for (size_t i = 0; account_route_at(had, i, &route); i++)
		if (join || !account_lists_route(given, route))
			routes[n++] = route;
	for (size_t i = 0; join && account_route_at(given, i, &route); i++)
		if (!account_lists_route(had, route))
			routes[n++] = route;
	qsort(routes, n, sizeof(routes[0]), compare_routes);
	return account_pack_routes(routes, n, out, octets);
}

bool account_word_at(struct store_octets words, uint32_t *offset, struct store_octets *word)
{
	if (*offset >= words.n)
		return false;
	const uint8_t *at = words.at + *offset;
	const uint8_t *end = memchr(at, '\n', words.n - *offset);
	*word = (struct store_octets){ at, end ? (uint32_t)(end - at) : words.n - *offset };
	*offset += word->n + 1;
	return true;
}

bool account_lists_word(struct store_octets words, struct store_octets word)
{
	struct store_octets listed;
	for (uint32_t offset = 0; account_word_at(words, &offset, &listed);)
		if (listed.n == word.n && !memcmp(listed.at, word.at, word.n))
			return true;
	return false;
}

bool account_pack_word(struct store_octets word, uint8_t *out, uint32_t room, uint32_t *octets)
{
	if (word.n + 1 > room - *octets)
		return false;
	memcpy(out + *octets, word.at, word.n);
	out[*octets + word.n] = '\n';
	*octets += word.n + 1;
	return true;
}

bool account_change_words(struct store_octets had, struct store_octets given, bool join,
			  uint8_t *out, uint32_t room, uint32_t *octets)
{
	struct store_octets word;
	*octets = 0;
	for (uint32_t offset = 0; account_word_at(had, &offset, &word);)
		if ((join || !account_lists_word(given, word)) &&
		    !account_pack_word(word, out, room, octets))
			return false;
	for (uint32_t offset = 0; join && account_word_at(given, &offset, &word);)
		if (!account_lists_word(had, word) && !account_pack_word(word, out, room, octets))
			return false;
	return true;
}

/* ---- rights ---- */

bool account_may_use(const struct store_account *account, const struct config_route *route)
{
	if (account_lists_route(account->denied, route->id))
		return false;
	if (account_lists_route(account->routes, route->id))
		return true;
	return route->access == CONFIG_ACCESS_OPEN &&
	       (route->category == CONFIG_CATEGORY_GENERAL ||
		account_lists_word(account->categories,
				   store_octets_of(config_category_word(route->category))));
}

static bool route_allows(const struct config_route *route, const char *caller_id)
{
	switch (route->sender) {
	case CONFIG_SENDER_FREE:
	case CONFIG_SENDER_OPTIONAL:
		return true;
	case CONFIG_SENDER_NUMERIC:
		return strspn(caller_id, "0123456789") == strlen(caller_id);
	case CONFIG_SENDER_APPROVED:
		for (size_t i = 0; i < route->senders.n; i++)
			if (!strcmp(route->senders.text[i], caller_id))
				return true;
		return false;
	}
	return false;
}

bool account_may_send_as(const struct store_account *account, const struct config_route *route,
			 const char *caller_id)
{
	return route_allows(route, caller_id) &&
	       (!account->senders.n ||
		account_lists_word(account->senders, store_octets_of(caller_id)));
}

/* ---- rates ---- */

/* A bucket that holds one second's requests. */
struct rate {
	uint32_t account;
	double tokens;
	int64_t at_ms;
	UT_hash_handle hh;
};

struct account_rates {
	struct rate *by_account;
};

struct account_rates *account_rates_new(void)
{
	return calloc(1, sizeof(struct account_rates));
}

void account_rates_free(struct account_rates *rates)
{
	struct rate *rate, *next;
	if (!rates)
		return;
	HASH_ITER(hh, rates->by_account, rate, next) {
		HASH_DEL(rates->by_account, rate);
		free(rate);
	}
	free(rates);
}

static struct rate *rate_of(struct account_rates *rates, uint32_t account)
{
	struct rate *rate, *added;
	HASH_FIND(hh, rates->by_account, &account, sizeof(account), rate);
	if (rate)
		return rate;
	rate = calloc(1, sizeof(*rate));
	if (!rate)
		return NULL;
	rate->account = account;
	HASH_ADD(hh, rates->by_account, account, sizeof(rate->account), rate);
	HASH_FIND(hh, rates->by_account, &account, sizeof(account), added);
	if (added != rate) {
		free(rate);
		return NULL;
	}
	return rate;
}

struct spent {
	struct effect effect;
	struct rate *rate; /* lives as long as the server */
};

static void give_back(struct engine *engine, struct effect *effect, enum turn_end end)
{
	(void)engine;
	if (end != TURN_DONE)
		((struct spent *)effect)->rate->tokens += 1;
}

/* Fills the bucket with what time has brought. */
static void refill(struct rate *rate, double per_s, int64_t now_ms)
{
	double gained = per_s * (double)(now_ms - rate->at_ms) / 1000;
	rate->tokens = rate->at_ms ? rate->tokens + gained : per_s;
	rate->tokens = rate->tokens > per_s ? per_s : rate->tokens;
	rate->at_ms = now_ms;
}

bool account_rate_spend(struct api_call *call, struct account_rate *left)
{
	double per_s = call->account.rate_per_s;
	struct rate *rate = rate_of(call->rates, call->account.account);
	*left = (struct account_rate){ .retry_after_s = 1 };
	if (!rate) {
		turn_fail(call->turn, STORE_FULL);
		return false;
	}
	refill(rate, per_s, call->turn->now_ms);
	if (rate->tokens < 1)
		return false;
	struct spent *spent = (struct spent *)turn_effect(call->turn, give_back, sizeof(*spent));
	if (!spent)
		return false;
	spent->rate = rate;
	rate->tokens -= 1;
	left->left = (uint32_t)rate->tokens;
	return true;
}
