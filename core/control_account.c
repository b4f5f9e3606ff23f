/* Accounts for operators: made and changed, with keys and prices. See control.h. */
#include "core/control_account.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/control.h"
#include "core/ledger.h"
#include "core/view.h"

#define IMPORT_MAX    1000 /* accounts of one request: one transaction */
#define SECRET_OCTETS 24   /* random octets of a key that is made here */

/* ---- keys ---- */

/* "esmed_" and 48 hex digits. */
#define SECRET_TEXT_OCTETS (6 + 2 * SECRET_OCTETS + 1)

static void make_secret(struct api_call *call, char out[SECRET_TEXT_OCTETS])
{
	uint8_t octets[SECRET_OCTETS];
	port_random(call->engine->port, octets, sizeof(octets));
	memcpy(out, "esmed_", 7);
	for (size_t i = 0; i < sizeof(octets); i++)
		snprintf(out + 6 + 2 * i, 3, "%02x", octets[i]);
	explicit_bzero(octets, sizeof(octets));
}

/* The account's key of that label; false: it has none. */
static bool find_label(struct store_txn *txn, uint32_t account, const char *label,
		       struct store_apikey *rec)
{
	*rec = (struct store_apikey){ 0 };
	enum store_err err = store_apikey_seek(txn, rec, 0);
	for (; !err || err == STORE_CORRUPT; err = store_apikey_next(txn, rec, 0))
		if (!err && rec->account == account && store_octets_are(rec->label, label))
			return true;
	return false;
}

/* One key of a file: the record as it shall be, and the secret when it is made here. */
struct key_change {
	struct store_apikey rec;
	bool known, changed;
	char secret[SECRET_TEXT_OCTETS]; /* "": it was given, or is known */
};

static void find_key(struct api_call *call, uint32_t account, const struct json *key,
		     struct key_change *change)
{
	const char *text = json_get_text(json_get(key, "key"), NULL);
	const char *label = json_get_text(json_get(key, "label"), NULL);
	change->secret[0] = '\0';
	if (!text && label && find_label(call->turn->txn, account, label, &change->rec)) {
		change->known = true;
		return;
	}
	if (!text) {
		make_secret(call, change->secret);
		text = change->secret;
	}
	account_key(text, &change->rec);
	struct store_apikey kept = { .id_high = change->rec.id_high, .id_low = change->rec.id_low };
	change->known = store_apikey_get(call->turn->txn, &kept) == STORE_OK;
	if (!change->known)
		return;
	change->rec = kept;
	change->rec.digest.at = change->rec.raw; /* a copy points into its original */
	change->rec.label.at = change->rec.raw + change->rec.digest.n;
}

static bool apply_key(struct api_call *call, uint32_t account, const struct json *key,
		      struct key_change *change)
{
	const char *label = json_get_text(json_get(key, "label"), NULL);
	bool active = true;
	bool said = json_get_bool(json_get(key, "active"), &active);
	find_key(call, account, key, change);
	struct store_apikey *rec = &change->rec;
	change->changed = !change->known || (said && rec->active != active) ||
			  (label && !store_octets_are(rec->label, label));
	if (!change->changed)
		return false;
	if (!change->known) {
		rec->account = account;
		rec->created_ms = (uint64_t)call->turn->at_ms;
	}
	if (said || !change->known)
		rec->active = active;
	if (label)
		rec->label = store_octets_of(label);
	turn_fail(call->turn, store_apikey_put(call->turn->txn, rec));
	return true;
}

static void put_key(struct json_writer *json, const struct key_change *change)
{
	json_begin_object(json);
	view_add_key_id(json, "id", change->rec.id_high);
	view_add_octets(json, "label", change->rec.label);
	json_add_bool(json, "active", change->rec.active);
	if (change->secret[0])
		json_add_text(json, "key", change->secret);
	json_end_object(json);
}

/* Keys of the file that another account has: told before anything is written. */
static void check_keys(struct api_call *call, const struct wanted *wanted, int64_t index)
{
	struct store_account account = { 0 };
	bool exists = account_by_name(call->turn->txn, wanted->name, &account) == STORE_OK;
	for (size_t i = 0; i < json_count(wanted->keys); i++) {
		struct store_apikey given = { 0 }, kept = { 0 };
		const char *text = json_get_text(json_get(json_at(wanted->keys, i), "key"), NULL);
		if (!text)
			continue;
		account_key(text, &given);
		kept.id_high = given.id_high;
		kept.id_low = given.id_low;
		if (store_apikey_get(call->turn->txn, &kept) == STORE_OK &&
		    (!exists || kept.account != account.account))
			api_flaw(call, "body", index < 0 ? "keys" : "accounts", index, "key_taken",
				 "keys: element %zu is the key of another account", i);
	}
}

/* ---- prices ---- */

static bool wants_price(const struct wanted *wanted, const struct store_account_price *rec)
{
	for (size_t i = 0; i < json_count(wanted->prices); i++) {
		struct store_account_price price = wanted_price(json_at(wanted->prices, i));
		if (price.route == rec->route && price.prefix == rec->prefix)
			return true;
	}
	return false;
}

/* The account's prices become those of the file: others go. True when that changed something. */
static bool apply_prices(struct api_call *call, uint32_t account, const struct wanted *wanted)
{
	struct store_txn *txn = call->turn->txn;
	struct store_account_price rec = { .account = account };
	bool changed = false;
	if (!wanted->prices)
		return false;
	for (enum store_err err = store_account_price_seek(txn, &rec, 1);
	     err == STORE_OK && !turn_failed(call->turn);
	     err = store_account_price_next(txn, &rec, 1)) {
		if (wants_price(wanted, &rec))
			continue;
		turn_fail(call->turn, store_account_price_del(txn, &rec));
		changed = true;
	}
	for (size_t i = 0; i < json_count(wanted->prices) && !turn_failed(call->turn); i++) {
		struct store_account_price price = wanted_price(json_at(wanted->prices, i));
		price.account = account;
		rec = price;
		if (store_account_price_get(txn, &rec) == STORE_OK && rec.price == price.price)
			continue;
		turn_fail(call->turn, store_account_price_put(txn, &price));
		changed = true;
	}
	return changed;
}

/* ---- accounts ---- */

static bool set_number(bool has, uint8_t *member, bool value)
{
	bool changes = has && *member != value;
	if (changes)
		*member = value;
	return changes;
}

static bool set_octets(bool has, struct store_octets *member, const uint8_t *at, uint32_t n)
{
	bool changes = has && (member->n != n || (n && memcmp(member->at, at, n) != 0));
	if (changes)
		*member = (struct store_octets){ at, n };
	return changes;
}

/* True when the record is not as the file wants it; then it is now. */
static bool set_members(struct store_account *rec, const struct wanted *wanted)
{
	bool changed = set_number(wanted->has_active, &rec->active, wanted->active);
	changed |= set_number(wanted->has_sandbox, &rec->sandbox, wanted->sandbox);
	changed |= set_number(wanted->has_bulk, &rec->bulk, wanted->bulk);
	changed |= set_octets(wanted->has_routes, &rec->routes, wanted->routes, wanted->routes_n);
	changed |= set_octets(wanted->has_categories, &rec->categories, wanted->categories,
			      wanted->categories_n);
	changed |=
		set_octets(wanted->has_senders, &rec->senders, wanted->senders, wanted->senders_n);
	changed |= wanted->has_credit_limit && rec->credit_limit != wanted->credit_limit;
	if (wanted->has_credit_limit)
		rec->credit_limit = wanted->credit_limit;
	changed |= wanted->has_rate && rec->rate_per_s != wanted->rate_per_s;
	if (wanted->has_rate)
		rec->rate_per_s = wanted->rate_per_s;
	return changed;
}

static void book_opening(struct api_call *call, struct store_account *rec,
			 const struct wanted *wanted)
{
	struct ledger_entry entry = {
		.account = rec->account,
		.kind = STORE_LEDGER_OPENING,
		.amount = wanted->opening,
		.uid = control_caller(call),
		.cause = "opening balance",
	};
	if (!wanted->opening || turn_failed(call->turn))
		return;
	if (ledger_post(call->turn, &entry, &rec->balance) != LEDGER_OK)
		turn_fail(call->turn, STORE_TOO_BIG);
}

/* Makes the account or brings it into the wanted shape; "created", "changed" or "unchanged". */
static const char *apply_account(struct api_call *call, const struct wanted *wanted,
				 struct store_account *rec)
{
	struct turn *turn = call->turn;
	assert(wanted->name); /* one without is a flaw */
	enum store_err err = account_by_name(turn->txn, wanted->name, rec);
	if (err == STORE_OK) {
		bool changed = set_members(rec, wanted);
		if (changed)
			turn_fail(turn, store_account_put(turn->txn, rec));
		return changed ? "changed" : "unchanged";
	}
	if (err != STORE_NOTFOUND) {
		turn_fail(turn, err);
		return "unchanged";
	}
	const char *currency = call->engine->config->currency;
	*rec = (struct store_account){
		.account = (uint32_t)store_next(turn->txn, STORE_NEXT_ACCOUNT),
		.name = { (const uint8_t *)wanted->name, (uint32_t)strlen(wanted->name) },
		.currency = { (const uint8_t *)currency, (uint32_t)strlen(currency) },
		.active = 1,
		.bulk = 1,
		.created_ms = (uint64_t)turn->at_ms,
	};
	set_members(rec, wanted);
	turn_fail(turn, store_account_put(turn->txn, rec));
	book_opening(call, rec, wanted);
	return "created";
}

static void apply(struct api_call *call, const struct wanted *wanted)
{
	struct json_writer *json = &call->json;
	struct store_account rec = { 0 };
	struct key_change change;
	uint32_t new_keys = 0;
	const char *result = apply_account(call, wanted, &rec);
	bool changed = apply_prices(call, rec.account, wanted);
	json_begin_object(json);
	json_add_text(json, "name", wanted->name);
	json_key(json, "keys");
	json_begin_array(json);
	for (size_t i = 0; i < json_count(wanted->keys) && !turn_failed(call->turn); i++) {
		change = (struct key_change){ 0 };
		changed |= apply_key(call, rec.account, json_at(wanted->keys, i), &change);
		new_keys += !change.known;
		put_key(json, &change);
	}
	explicit_bzero(&change, sizeof(change));
	json_end_array(json);
	if (changed && !strcmp(result, "unchanged"))
		result = "changed";
	json_add_text(json, "result", result);
	json_add_uint(json, "account", rec.account);
	json_add_micro(json, "balance", rec.balance);
	view_add_octets(json, "currency", rec.currency);
	json_end_object(json);
	if (strcmp(result, "unchanged") != 0 && !turn_failed(call->turn))
		control_audit(call, "account %s: %s, %u new keys", wanted->name, result, new_keys);
}

/* ---- import ---- */

static bool named_before(const struct wanted *all, size_t n, const char *name)
{
	for (size_t i = 0; name && i < n; i++)
		if (all[i].name && !strcmp(all[i].name, name))
			return true;
	return false;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A key belongs to one account; within a file too. */
static void check_keys_differ(struct api_call *call, const struct wanted *all, size_t n)
{
	const char **texts = calloc(n * WANTED_KEYS_MAX + 1, sizeof(*texts));
	size_t count = 0;
	if (!texts) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < json_count(all[i].keys); k++) {
			texts[count] =
				json_get_text(json_get(json_at(all[i].keys, k), "key"), NULL);
			count += texts[count] != NULL;
		}
	qsort(texts, count, sizeof(*texts), compare_texts);
	for (size_t i = 1; i < count; i++)
		if (!strcmp(texts[i - 1], texts[i]))
			api_flaw(call, "body", "accounts", -1, "duplicate",
				 "a key stands twice in this file");
	free(texts);
}

static void read_all(struct api_call *call, const struct json *list, struct wanted *all)
{
	for (size_t i = 0; i < json_count(list); i++) {
		wanted_read(call, json_at(list, i), (int64_t)i, &all[i]);
		if (named_before(all, i, all[i].name))
			api_flaw(call, "body", "accounts", (int64_t)i, "duplicate",
				 "the name stands twice in this file");
		else if (!call->flaws.n)
			check_keys(call, &all[i], (int64_t)i);
	}
	check_keys_differ(call, all, json_count(list));
}

static void import_all(struct api_call *call, const struct json *list)
{
	size_t n = json_count(list);
	struct wanted *all = calloc(n + 1, sizeof(*all));
	if (!all) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	read_all(call, list, all);
	if (!api_flawed(call, "shape") && !turn_failed(call->turn)) {
		json_begin_object(&call->json);
		json_key(&call->json, "accounts");
		json_begin_array(&call->json);
		for (size_t i = 0; i < n && !turn_failed(call->turn); i++)
			apply(call, &all[i]);
		json_end_array(&call->json);
		json_end_object(&call->json);
	}
	free(all);
}

void control_account_import(struct api_call *call)
{
	static const char *const names[] = { "accounts", NULL };
	struct json *body = api_body(call);
	const struct json *list = json_get(body, "accounts");
	if (!body)
		return;
	api_body_only(call, body, names);
	if (json_kind(list) != JSON_KIND_ARRAY)
		api_flaw(call, "body", "accounts", -1, "list_type",
			 "accounts must be a list of accounts");
	else if (json_count(list) > IMPORT_MAX)
		api_flaw(call, "body", "accounts", -1, "list_length",
			 "more than %d accounts; split the file", IMPORT_MAX);
	if (!api_flawed(call, "shape"))
		import_all(call, list);
	json_free(body);
}

static void refuse_taken(struct api_call *call)
{
	static const struct api_error error = {
		.status = 409,
		.code = "account_exists",
		.stage = "shape",
		.detail = "There is an account of that name.",
		.param = "name",
		.hint = "change it with an import, add keys with: esmectl account key NAME",
	};
	api_refuse(call, &error);
}

void control_account_create(struct api_call *call)
{
	struct json *body = api_body(call);
	struct wanted wanted;
	struct store_account existing = { 0 };
	if (!body)
		return;
	wanted_read(call, body, -1, &wanted);
	if (!call->flaws.n)
		check_keys(call, &wanted, -1);
	if (api_flawed(call, "shape")) {
		json_free(body);
		return;
	}
	enum store_err err = account_by_name(call->turn->txn, wanted.name, &existing);
	if (err == STORE_OK) {
		refuse_taken(call);
	} else {
		json_begin_object(&call->json);
		json_key(&call->json, "accounts");
		json_begin_array(&call->json);
		apply(call, &wanted);
		json_end_array(&call->json);
		json_end_object(&call->json);
	}
	json_free(body);
}

/* ---- one more key ---- */

void control_account_key(struct api_call *call)
{
	static const char *const names[] = { "label", NULL };
	struct store_account account = { 0 };
	struct key_change change = { 0 };
	struct json *body = api_body(call);
	struct json_writer *json = &call->json;
	size_t n = 0;
	if (!body)
		return;
	const struct json *member = json_get(body, "label");
	const char *label = json_get_text(member, &n);
	api_body_only(call, body, names);
	if (member && (!label || !n || n > WANTED_NAME_MAX))
		api_flaw(call, "body", "label", -1, "string_length",
			 "label must be a string of 1 to %d octets", WANTED_NAME_MAX);
	if (api_flawed(call, "shape") || !control_find_account(call, &account)) {
		json_free(body);
		return;
	}
	make_secret(call, change.secret);
	account_key(change.secret, &change.rec);
	change.rec.account = account.account;
	change.rec.active = 1;
	change.rec.created_ms = (uint64_t)call->turn->at_ms;
	change.rec.label = (struct store_octets){ (const uint8_t *)label, (uint32_t)n };
	turn_fail(call->turn, store_apikey_put(call->turn->txn, &change.rec));
	json_begin_object(json);
	json_key(json, "accounts");
	json_begin_array(json);
	json_begin_object(json);
	json_add_text(json, "name", call->params[0]);
	json_add_text(json, "result", "changed");
	json_add_micro(json, "balance", account.balance);
	view_add_octets(json, "currency", account.currency);
	json_key(json, "keys");
	json_begin_array(json);
	put_key(json, &change);
	json_end_array(json);
	json_end_object(json);
	json_end_array(json);
	json_end_object(json);
	control_audit(call, "account %s: one more key, %016llx", call->params[0],
		      (unsigned long long)change.rec.id_high);
	explicit_bzero(&change, sizeof(change));
	json_free(body);
}

/* ---- a key switched off ---- */

/* Keys of the account with that label or id; the last one's record number is in `rec`. */
static unsigned find_keys(struct store_txn *txn, uint32_t account, const char *name,
			  struct store_apikey *rec)
{
	struct store_apikey at = { 0 };
	unsigned n = 0;
	char id[20];
	enum store_err err = store_apikey_seek(txn, &at, 0);
	for (; !err || err == STORE_CORRUPT; err = store_apikey_next(txn, &at, 0)) {
		snprintf(id, sizeof(id), "%016llx", (unsigned long long)at.id_high);
		if (err || at.account != account ||
		    (strcmp(id, name) != 0 && !store_octets_are(at.label, name)))
			continue;
		rec->id_high = at.id_high;
		rec->id_low = at.id_low;
		n++;
	}
	return n;
}

static void switch_off(struct api_call *call, uint32_t account, const char *name)
{
	static const struct api_error several = {
		.status = 409,
		.code = "several_keys",
		.stage = "shape",
		.detail = "Several keys of this account have that label.",
		.param = "key",
		.hint = "name it by its id: esmectl account keys NAME",
	};
	struct key_change change = { 0 };
	struct json_writer *json = &call->json;
	unsigned n = find_keys(call->turn->txn, account, name, &change.rec);
	if (!n) {
		api_refuse_not_found(call, "The account has no key of that label or id.");
		return;
	}
	if (n > 1) {
		api_refuse(call, &several);
		return;
	}
	turn_fail(call->turn, store_apikey_get(call->turn->txn, &change.rec));
	if (turn_failed(call->turn))
		return;
	bool was_active = change.rec.active;
	change.rec.active = 0;
	if (was_active) {
		turn_fail(call->turn, store_apikey_put(call->turn->txn, &change.rec));
		control_audit(call, "account %s: key %016llx off", call->params[0],
			      (unsigned long long)change.rec.id_high);
	}
	json_begin_object(json);
	json_add_text(json, "name", call->params[0]);
	json_add_text(json, "result", was_active ? "changed" : "unchanged");
	json_add_bool(json, "durable", true);
	json_key(json, "keys");
	json_begin_array(json);
	put_key(json, &change);
	json_end_array(json);
	json_end_object(json);
}

void control_account_key_off(struct api_call *call)
{
	static const char *const names[] = { "key", NULL };
	struct store_account account = { 0 };
	struct json *body = api_body(call);
	size_t n = 0;
	if (!body)
		return;
	const char *name = json_get_text(json_get(body, "key"), &n);
	api_body_only(call, body, names);
	if (!name || !n || n > WANTED_NAME_MAX)
		api_flaw(call, "body", "key", -1, "string_length",
			 "key must be the label or the id of a key, 1 to %d octets",
			 WANTED_NAME_MAX);
	if (!api_flawed(call, "shape") && control_find_account(call, &account))
		switch_off(call, account.account, name);
	json_free(body);
}
