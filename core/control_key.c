/* API keys for operators: made, listed by the file, revoked. See control.h. */
#include "core/control_account.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/control.h"
#include "core/view.h"

/* ---- keys ---- */

static void make_secret(struct api_call *call, char out[CONTROL_SECRET_TEXT])
{
	uint8_t octets[CONTROL_SECRET_OCTETS];
	port_random(call->engine->port, octets, sizeof(octets));
	memcpy(out, "esmed_", 7);
	for (size_t i = 0; i < sizeof(octets); i++)
		snprintf(out + 6 + 2 * i, 3, "%02x", octets[i]);
	explicit_bzero(octets, sizeof(octets));
}

/* ---- keys by account ---- */

static int by_account(const void *a, const void *b)
{
	const struct control_key_at *x = a, *y = b;
	if (x->account != y->account)
		return x->account < y->account ? -1 : 1;
	return x->id_high < y->id_high ? -1 : x->id_high > y->id_high;
}

static void add_key(struct api_call *call, struct control_keys *keys,
		    const struct store_apikey *rec)
{
	if (keys->n == keys->room) {
		size_t room = keys->room ? 2 * keys->room : 64;
		struct control_key_at *at = realloc(keys->at, room * sizeof(*at));
		if (!at) {
			turn_fail(call->turn, STORE_FULL);
			return;
		}
		keys->at = at;
		keys->room = room;
	}
	keys->at[keys->n++] = (struct control_key_at){ rec->account, rec->id_high, rec->id_low };
}

void control_keys_walk(struct api_call *call, uint32_t first, uint32_t last,
		       struct control_keys *keys)
{
	struct store_apikey rec = { 0 };
	enum store_err err = store_apikey_seek(call->turn->txn, &rec, 0);
	for (; (!err || err == STORE_CORRUPT) && !turn_failed(call->turn);
	     err = store_apikey_next(call->turn->txn, &rec, 0))
		if (!err && rec.account >= first && rec.account <= last)
			add_key(call, keys, &rec);
	if (keys->n)
		qsort(keys->at, keys->n, sizeof(*keys->at), by_account);
	keys->walked = keys->n;
	keys->whole = true;
}

size_t control_keys_of(const struct control_keys *keys, uint32_t account)
{
	size_t low = 0, high = keys->walked;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (keys->at[middle].account < account)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- keys of a file ---- */

static bool has_label(struct store_txn *txn, const struct control_key_at *at, const char *label,
		      struct store_apikey *rec)
{
	*rec = (struct store_apikey){ .id_high = at->id_high, .id_low = at->id_low };
	return store_apikey_get(txn, rec) == STORE_OK && store_octets_are(rec->label, label);
}

/* The account's key of that label; false: it has none. */
static bool find_label(struct api_call *call, uint32_t account, const char *label,
		       struct control_keys *keys, struct store_apikey *rec)
{
	struct store_txn *txn = call->turn->txn;
	if (!keys->whole)
		control_keys_walk(call, 0, UINT32_MAX, keys);
	for (size_t i = control_keys_of(keys, account);
	     i < keys->walked && keys->at[i].account == account; i++)
		if (has_label(txn, &keys->at[i], label, rec))
			return true;
	for (size_t i = keys->n; i > keys->walked && keys->at[i - 1].account == account; i--)
		if (has_label(txn, &keys->at[i - 1], label, rec))
			return true;
	return false;
}

/* By its text or digest, else by its label, else it is a new one. */
static void find_key(struct api_call *call, uint32_t account, const struct json *key,
		     struct control_keys *keys, struct control_key *change)
{
	uint8_t digest[PORT_SHA256_OCTETS];
	const char *text = json_get_text(json_get(key, "key"), NULL);
	const char *label = json_get_text(json_get(key, "label"), NULL);
	change->secret[0] = '\0';
	bool hashed = wanted_digest(json_get(key, "sha256"), digest);
	if (!text && !hashed && label && find_label(call, account, label, keys, &change->rec)) {
		change->known = true;
		return;
	}
	change->rec = (struct store_apikey){ 0 };
	if (hashed) {
		account_key_of(digest, &change->rec);
	} else {
		if (!text)
			make_secret(call, change->secret);
		account_key(call->turn, text ? text : change->secret, &change->rec);
	}
	struct store_apikey kept = { .id_high = change->rec.id_high, .id_low = change->rec.id_low };
	change->known = store_apikey_get(call->turn->txn, &kept) == STORE_OK;
	if (!change->known)
		return;
	change->rec = kept;
	change->rec.digest.at = change->rec.raw; /* a copy points into its original */
	change->rec.label.at = change->rec.raw + change->rec.digest.n;
}

void control_key_apply(struct api_call *call, uint32_t account, const struct json *key, bool dry,
		       struct control_keys *keys, struct control_key *change)
{
	const char *label = json_get_text(json_get(key, "label"), NULL);
	bool active = true;
	bool said = json_get_bool(json_get(key, "active"), &active);
	find_key(call, account, key, keys, change);
	struct store_apikey *rec = &change->rec;
	change->changed = !change->known || (said && rec->active != active) ||
			  (label && !store_octets_are(rec->label, label));
	if (!change->changed)
		return;
	if (!change->known) {
		rec->account = account;
		rec->created_ms = (uint64_t)call->turn->at_ms;
	}
	if (said || !change->known)
		rec->active = active;
	if (label)
		rec->label = store_octets_of(label);
	if (dry)
		return;
	turn_fail(call->turn, store_apikey_put(call->turn->txn, rec));
	if (!change->known && keys->whole)
		add_key(call, keys, rec);
}

void control_key_put(struct json_writer *json, const struct control_key *change, bool dry)
{
	json_begin_object(json);
	view_add_key_id(json, "id", dry && change->secret[0] ? 0 : change->rec.id_high);
	view_add_octets(json, "label", change->rec.label);
	json_add_bool(json, "active", change->rec.active);
	json_add_text(json, "result",
		      !change->known  ? "created" :
		      change->changed ? "changed" :
					"unchanged");
	if (change->secret[0] && !dry)
		json_add_text(json, "key", change->secret);
	json_end_object(json);
}

/* A key that the file gives itself; false: it wants one made. */
static bool given_key(struct turn *turn, const struct json *key, struct store_apikey *rec)
{
	uint8_t digest[PORT_SHA256_OCTETS];
	const char *text = json_get_text(json_get(key, "key"), NULL);
	if (text)
		account_key(turn, text, rec);
	else if (wanted_digest(json_get(key, "sha256"), digest))
		account_key_of(digest, rec);
	else
		return false;
	return true;
}

/* Keys of the file that another account has: told before anything is written. */
void control_key_check(struct api_call *call, const struct wanted *wanted,
		       struct wanted_place place)
{
	struct store_account account = { 0 };
	bool exists = account_by_name(call->turn->txn, wanted->name, &account) == STORE_OK;
	for (size_t i = 0; i < json_count(wanted->keys); i++) {
		struct store_apikey given = { 0 }, kept = { 0 };
		if (!given_key(call->turn, json_at(wanted->keys, i), &given))
			continue;
		kept.id_high = given.id_high;
		kept.id_low = given.id_low;
		if (store_apikey_get(call->turn->txn, &kept) == STORE_OK &&
		    (!exists || kept.account != account.account))
			wanted_flaw(call, place, "key_taken",
				    "keys: element %zu is the key of another account", i);
	}
}

static int compare_keys(const void *a, const void *b)
{
	const struct store_apikey *x = a, *y = b;
	if (x->id_high != y->id_high)
		return x->id_high < y->id_high ? -1 : 1;
	return (x->id_low > y->id_low) - (x->id_low < y->id_low);
}

/* A key belongs to one account; within a file too. */
void control_key_check_differ(struct api_call *call, const struct wanted *all, size_t n)
{
	size_t room = 0, count = 0;
	for (size_t i = 0; i < n; i++)
		room += json_count(all[i].keys);
	struct store_apikey *keys = calloc(room + 1, sizeof(*keys));
	if (!keys) {
		turn_fail(call->turn, STORE_FULL);
		return;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < json_count(all[i].keys); k++)
			count += given_key(call->turn, json_at(all[i].keys, k), &keys[count]);
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < count; i++)
		if (!compare_keys(&keys[i - 1], &keys[i]))
			api_flaw(call, "body", "accounts", -1, "duplicate",
				 "a key stands twice in this file");
	free(keys);
}

/* ---- one more key ---- */

void control_account_key_add(struct api_call *call)
{
	static const char *const names[] = { "label", NULL };
	struct store_account account = { 0 };
	struct control_key change = { 0 };
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
	account_key(call->turn, change.secret, &change.rec);
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
	control_key_put(json, &change, false);
	json_end_array(json);
	json_end_object(json);
	json_end_array(json);
	json_end_object(json);
	control_audit(call, "account %s: key %016llx added", call->params[0],
		      (unsigned long long)change.rec.id_high);
	explicit_bzero(&change, sizeof(change));
	json_free(body);
}

/* ---- a key revoked ---- */

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

static void revoke(struct api_call *call, uint32_t account, const char *name)
{
	static const struct api_error several = {
		.status = 409,
		.code = "several_keys",
		.stage = "shape",
		.detail = "Several keys of this account have that label.",
		.param = "key",
		.hint = "name it by its id: esmectl account key list NAME",
	};
	struct control_key change = { 0 };
	struct json_writer *json = &call->json;
	assert(name); /* without one it is a flaw */
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
	change.known = true;
	change.changed = was_active;
	change.rec.active = 0;
	if (was_active) {
		turn_fail(call->turn, store_apikey_put(call->turn->txn, &change.rec));
		control_audit(call, "account %s: key %016llx revoked", call->params[0],
			      (unsigned long long)change.rec.id_high);
	}
	json_begin_object(json);
	json_add_text(json, "name", call->params[0]);
	json_add_text(json, "result", was_active ? "changed" : "unchanged");
	json_add_bool(json, "durable", true);
	json_key(json, "keys");
	json_begin_array(json);
	control_key_put(json, &change, false);
	json_end_array(json);
	json_end_object(json);
}

void control_account_key_revoke(struct api_call *call)
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
		revoke(call, account.account, name);
	json_free(body);
}
