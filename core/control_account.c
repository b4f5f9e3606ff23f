/* Accounts for operators: made and changed, whole or in part. See control.h. */
#include "core/control_account.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/control.h"
#include "core/ledger.h"
#include "core/pricing.h"
#include "core/view.h"

#define IMPORT_MAX 1000 /* accounts of one request: one transaction */

/* ---- what changes ---- */

#define NOTE_OCTETS   1600 /* of the longest list in words, with its name */
#define CHANGE_OCTETS 400  /* of what the audit says; the answer says all */

/* One account in hand. */
struct change {
	struct api_call *call;
	bool dry; /* say what would change, and change nothing */
	bool created;
	unsigned n;
	char text[CHANGE_OCTETS];
};

/* Another word for the audit; what does not fit is told by dots. */
static void add_audit(struct change *change, const char *text)
{
	size_t used = strlen(change->text), room = sizeof(change->text) - used;
	int n = snprintf(change->text + used, room, "%s%s", used ? ", " : "", text);
	if ((size_t)n >= room)
		memcpy(change->text + sizeof(change->text) - 4, "...", 4);
}

/* An element of the array that is open in the answer. */
__attribute__((format(printf, 2, 3))) static void note(struct change *change, const char *format,
						       ...)
{
	char text[NOTE_OCTETS];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_put_text(&change->call->json, text);
	change->n++;
	add_audit(change, text);
}

static void put_account(struct change *change, const struct store_account *rec)
{
	if (!change->dry)
		turn_fail(change->call->turn, store_account_put(change->call->turn->txn, rec));
}

/* ---- prices ---- */

/* Of the account's prices, those that are none of n go. */
static unsigned drop_prices(struct change *change, uint32_t account,
			    const struct store_account_price *prices, size_t n)
{
	struct turn *turn = change->call->turn;
	struct store_account_price rec = { .account = account };
	unsigned gone = 0;
	for (enum store_err err = store_account_price_seek(turn->txn, &rec, 1);
	     account && err == STORE_OK && !turn_failed(turn);
	     err = store_account_price_next(turn->txn, &rec, 1)) {
		if (bsearch(&rec, prices, n, sizeof(*prices), wanted_compare_prices))
			continue;
		if (!change->dry)
			turn_fail(turn, store_account_price_del(turn->txn, &rec));
		gone++;
	}
	return gone;
}

static unsigned set_prices(struct change *change, uint32_t account,
			   const struct store_account_price *prices, size_t n)
{
	struct turn *turn = change->call->turn;
	unsigned set = 0;
	for (size_t i = 0; i < n && !turn_failed(turn); i++) {
		struct store_account_price price = prices[i], rec;
		price.account = account;
		rec = price;
		if (account && store_account_price_get(turn->txn, &rec) == STORE_OK &&
		    rec.price == price.price)
			continue;
		if (!change->dry)
			turn_fail(turn, store_account_price_put(turn->txn, &price));
		set++;
	}
	return set;
}

/* The account's prices become those of the file: others go. */
static void apply_prices(struct change *change, uint32_t account, const struct wanted *wanted)
{
	if (!wanted->prices)
		return;
	size_t n = json_count(wanted->prices);
	struct store_account_price *prices = wanted_prices(wanted->prices);
	if (!prices) {
		turn_fail(change->call->turn, STORE_FULL);
		return;
	}
	unsigned gone = drop_prices(change, account, prices, n);
	unsigned set = set_prices(change, account, prices, n);
	free(prices);
	if (set)
		note(change, "%u price%s set", set, set > 1 ? "s" : "");
	if (gone)
		note(change, "%u price%s deleted", gone, gone > 1 ? "s" : "");
}

/* ---- members ---- */

static void set_flag(struct change *change, const char *name, bool has, bool value, uint8_t *member)
{
	if (!has || *member == value)
		return;
	note(change, "%s %s", name, value ? "on" : "off");
	*member = value;
}

/* A list as people write it, "7,8" or "ACME,SHOP"; `routes` says how it is laid out. */
static void write_list(struct buffer *out, struct store_octets list, bool routes)
{
	struct store_octets word;
	uint32_t route;
	for (size_t i = 0; routes && account_route_at(list, i, &route); i++)
		buffer_format(out, "%s%u", i ? "," : "", route);
	for (uint32_t offset = 0; !routes && account_word_at(list, &offset, &word);)
		buffer_format(out, "%s%.*s", out->n ? "," : "", (int)word.n, (const char *)word.at);
}

static void set_list(struct change *change, const char *name, bool routes, struct store_octets list,
		     struct store_octets *member)
{
	struct buffer text = { 0 };
	if (list.n == member->n && (!list.n || !memcmp(list.at, member->at, list.n)))
		return;
	write_list(&text, list, routes);
	if (text.failed)
		turn_fail(change->call->turn, STORE_FULL);
	note(change, "%s %.*s", name, text.n ? (int)text.n : 4,
	     text.n ? (const char *)text.octets : "none");
	buffer_release(&text);
	*member = list;
}

static void set_limits(struct change *change, const struct wanted *wanted,
		       struct store_account *rec)
{
	char was[24], now[24];
	if (wanted->has_credit_limit && rec->credit_limit != wanted->credit_limit) {
		json_micro_text(rec->credit_limit, was);
		json_micro_text(wanted->credit_limit, now);
		note(change, "credit_limit %s to %s", was, now);
		rec->credit_limit = wanted->credit_limit;
	}
	if (wanted->has_rate && rec->rate_per_s != wanted->rate_per_s) {
		note(change, "rate_per_s %u to %u", rec->rate_per_s, wanted->rate_per_s);
		rec->rate_per_s = wanted->rate_per_s;
	}
}

/* The record becomes what the file wants. */
static void set_members(struct change *change, const struct wanted *wanted,
			struct store_account *rec)
{
	set_flag(change, "active", wanted->has_active, wanted->active, &rec->active);
	set_flag(change, "bulk", wanted->has_bulk, wanted->bulk, &rec->bulk);
	if (wanted->has_routes)
		set_list(change, "routes", true,
			 (struct store_octets){ wanted->routes, wanted->routes_n }, &rec->routes);
	if (wanted->has_denied)
		set_list(change, "denied_routes", true,
			 (struct store_octets){ wanted->denied, wanted->denied_n }, &rec->denied);
	if (wanted->has_categories)
		set_list(change, "categories", false,
			 (struct store_octets){ wanted->categories, wanted->categories_n },
			 &rec->categories);
	if (wanted->has_senders)
		set_list(change, "senders", false,
			 (struct store_octets){ wanted->senders, wanted->senders_n },
			 &rec->senders);
	set_limits(change, wanted, rec);
}

/* ---- accounts ---- */

static void book_opening(struct change *change, struct store_account *rec,
			 const struct wanted *wanted)
{
	struct turn *turn = change->call->turn;
	struct ledger_entry entry = {
		.account = rec->account,
		.kind = STORE_LEDGER_OPENING,
		.amount = wanted->opening,
		.uid = control_caller(change->call),
		.cause = "opening balance",
	};
	char sum[24];
	if (!wanted->opening || turn_failed(turn))
		return;
	json_micro_text(wanted->opening, sum);
	note(change, "opening %s", sum);
	if (change->dry)
		rec->balance = wanted->opening;
	else if (ledger_post(turn, &entry, &rec->balance) != LEDGER_OK)
		turn_fail(turn, STORE_TOO_BIG);
}

static void create(struct change *change, const struct wanted *wanted, struct store_account *rec)
{
	struct turn *turn = change->call->turn;
	*rec = (struct store_account){
		.name = store_octets_of(wanted->name),
		.currency = store_octets_of(change->call->engine->config->currency),
		.active = 1,
		.bulk = 1,
		.sandbox = wanted->has_sandbox && wanted->sandbox,
		.created_ms = (uint64_t)turn->at_ms,
	};
	change->created = true;
	if (!change->dry)
		rec->account = (uint32_t)store_next(turn->txn, STORE_NEXT_ACCOUNT);
	set_members(change, wanted, rec);
	put_account(change, rec);
	book_opening(change, rec, wanted);
}

/* Makes the account or brings it into the wanted shape. */
static void apply_account(struct change *change, const struct wanted *wanted,
			  struct store_account *rec)
{
	struct turn *turn = change->call->turn;
	assert(wanted->name); /* one without is a flaw */
	enum store_err err = account_by_name(turn->txn, wanted->name, rec);
	if (err == STORE_OK) {
		set_members(change, wanted, rec);
		if (change->n)
			put_account(change, rec);
	} else if (err == STORE_NOTFOUND) {
		create(change, wanted, rec);
	} else {
		turn_fail(turn, err);
	}
}

static void apply_keys(struct change *change, uint32_t account, const struct wanted *wanted,
		       struct control_keys *keys)
{
	struct json_writer *json = &change->call->json;
	struct control_key key;
	json_key(json, "keys");
	json_begin_array(json);
	for (size_t i = 0; i < json_count(wanted->keys) && !turn_failed(change->call->turn); i++) {
		key = (struct control_key){ 0 };
		control_key_apply(change->call, account, json_at(wanted->keys, i), change->dry,
				  keys, &key);
		control_key_put(json, &key, change->dry);
		change->n += key.changed;
		if (key.changed)
			add_audit(change, key.known ? "a changed key" : "a new key");
	}
	explicit_bzero(&key, sizeof(key));
	json_end_array(json);
}

static const char *result_of(const struct change *change)
{
	return change->created ? "created" : change->n ? "changed" : "unchanged";
}

/* An element of "accounts" in the answer, and the row of the audit. */
static void apply(struct api_call *call, const struct wanted *wanted, bool dry,
		  struct control_keys *keys)
{
	struct json_writer *json = &call->json;
	struct store_account rec = { 0 };
	struct change change = { .call = call, .dry = dry };
	json_begin_object(json);
	json_add_text(json, "name", wanted->name);
	json_key(json, "changes");
	json_begin_array(json);
	apply_account(&change, wanted, &rec);
	apply_prices(&change, rec.account, wanted);
	json_end_array(json);
	apply_keys(&change, rec.account, wanted, keys);
	json_add_text(json, "result", result_of(&change));
	json_add_uint(json, "account", rec.account);
	json_add_micro(json, "balance", rec.balance);
	view_add_octets(json, "currency", rec.currency);
	json_end_object(json);
	if (!dry && (change.created || change.n) && !turn_failed(call->turn))
		control_audit(call, "account %s: %s%s%s", wanted->name, result_of(&change),
			      change.text[0] ? ", " : "", change.text);
}

/* ---- import ---- */

static bool named_before(const struct wanted *all, size_t n, const char *name)
{
	for (size_t i = 0; name && i < n; i++)
		if (all[i].name && !strcmp(all[i].name, name))
			return true;
	return false;
}

/* What is decided for good when the account is made. */
static void check_sandbox(struct api_call *call, const struct wanted *wanted,
			  struct wanted_place place)
{
	struct store_account rec = { 0 };
	if (wanted->name && wanted->has_sandbox &&
	    account_by_name(call->turn->txn, wanted->name, &rec) == STORE_OK &&
	    rec.sandbox != wanted->sandbox)
		wanted_flaw(call, place, "sandbox",
			    "sandbox is decided when an account is made, and this one %s; make "
			    "another one",
			    rec.sandbox ? "is one" : "is none");
}

static void read_all(struct api_call *call, const struct json *list, struct wanted *all,
		     const uint32_t *lines)
{
	for (size_t i = 0; i < json_count(list); i++) {
		struct wanted_place place = { (int64_t)i, lines[i] };
		wanted_read(call, json_at(list, i), place, NULL, &all[i]);
		check_sandbox(call, &all[i], place);
		if (named_before(all, i, all[i].name))
			wanted_flaw(call, place, "duplicate", "the name stands twice in this file");
		else if (!call->flaws.n)
			control_key_check(call, &all[i], place);
	}
	control_key_check_differ(call, all, json_count(list));
}

static void import_all(struct api_call *call, const struct json *list, bool dry)
{
	size_t n = json_count(list);
	struct wanted *all = calloc(n + 1, sizeof(*all));
	uint32_t *lines = calloc(n + 1, sizeof(*lines));
	struct control_keys keys = { 0 };
	if (!all || !lines) {
		turn_fail(call->turn, STORE_FULL);
		free(lines);
		free(all);
		return;
	}
	wanted_lines(call->request, lines, n);
	read_all(call, list, all, lines);
	if (!api_flawed(call, "shape") && !turn_failed(call->turn)) {
		json_begin_object(&call->json);
		json_key(&call->json, "accounts");
		json_begin_array(&call->json);
		for (size_t i = 0; i < n && !turn_failed(call->turn); i++)
			apply(call, &all[i], dry, &keys);
		json_end_array(&call->json);
		json_add_bool(&call->json, "dry_run", dry);
		json_end_object(&call->json);
	}
	free(keys.at);
	free(lines);
	free(all);
}

void control_account_import(struct api_call *call)
{
	static const char *const names[] = { "accounts", NULL };
	static const char *const query[] = { "dry_run", NULL };
	struct json *body = api_body(call);
	const struct json *list = json_get(body, "accounts");
	if (!body)
		return;
	bool dry = api_query_number(call, "dry_run", 0, 0, 1);
	api_query_only(call, query);
	api_body_only(call, body, names);
	if (json_kind(list) != JSON_KIND_ARRAY)
		api_flaw(call, "body", "accounts", -1, "list_type",
			 "accounts must be a list of accounts");
	else if (json_count(list) > IMPORT_MAX)
		api_flaw(call, "body", "accounts", -1, "list_length",
			 "more than %d accounts; split the file", IMPORT_MAX);
	if (!api_flawed(call, "shape"))
		import_all(call, list, dry);
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
		.hint = "change it with an import, add keys with: esmectl account key add NAME",
	};
	api_refuse(call, &error);
}

void control_account_create(struct api_call *call)
{
	struct json *body = api_body(call);
	struct wanted wanted;
	struct control_keys keys = { 0 };
	struct store_account existing = { 0 };
	if (!body)
		return;
	struct wanted_place place = { -1, 0 };
	wanted_read(call, body, place, NULL, &wanted);
	if (!call->flaws.n)
		control_key_check(call, &wanted, place);
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
		apply(call, &wanted, false, &keys);
		free(keys.at);
		json_end_array(&call->json);
		json_end_object(&call->json);
	}
	json_free(body);
}

/* ---- parts of one account ---- */

/* What `set` has done to the account that the path names; the rest of a handler. */
static void change_one(struct api_call *call, const char *const *names,
		       bool (*set)(struct change *change, struct wanted *wanted,
				   struct store_account *rec))
{
	struct store_account rec = { 0 };
	struct change change = { .call = call };
	struct wanted wanted;
	struct json *body = api_body(call);
	struct json_writer *json = &call->json;
	if (!body)
		return;
	wanted_read(call, body, (struct wanted_place){ -1, 0 }, names, &wanted);
	if (!call->flaws.n && !json_count(body))
		api_flaw(call, "body", NULL, -1, "missing", "say what shall change");
	if (api_flawed(call, "shape") || !control_find_account(call, &rec)) {
		json_free(body);
		return;
	}
	json_begin_object(json);
	json_add_text(json, "name", call->params[0]);
	json_key(json, "changes");
	json_begin_array(json);
	if (set(&change, &wanted, &rec)) {
		json_end_array(json);
		json_add_text(json, "result", result_of(&change));
		json_add_bool(json, "durable", true);
		json_end_object(json);
		if (change.n) { /* the record may point into `wanted` */
			put_account(&change, &rec);
			control_audit(call, "account %s: %s", call->params[0], change.text);
		}
	}
	json_free(body);
}

static bool set_plain(struct change *change, struct wanted *wanted, struct store_account *rec)
{
	set_members(change, wanted, rec);
	return true;
}

void control_account_change(struct api_call *call)
{
	static const char *const names[] = { "active", "credit_limit", "rate_per_s", NULL };
	change_one(call, names, set_plain);
}

/* Lists as they become when those of the request join them, or leave them. */
static bool change_lists(struct change *change, struct wanted *wanted, bool join,
			 struct store_account *rec)
{
	static const struct api_error full = {
		.status = 409,
		.code = "list_full",
		.stage = "shape",
		.detail = "The list would be longer than its 512 octets.",
	};
	static const struct api_error opens = {
		.status = 409,
		.code = "list_would_open",
		.stage = "shape",
		.detail = "No sender would be left on the list, and an empty list allows all.",
		.param = "senders",
		.hint = "deactivate the account, or import it with \"senders\": [] if that is meant",
	};
	const struct wanted given = *wanted;
	struct store_octets routes = { given.routes, given.routes_n },
			    categories = { given.categories, given.categories_n },
			    senders = { given.senders, given.senders_n };
	bool fits = account_change_routes(rec->routes, routes, join, wanted->routes,
					  &wanted->routes_n) &&
		    account_change_routes(rec->denied, routes, !join, wanted->denied,
					  &wanted->denied_n) &&
		    account_change_words(rec->categories, categories, join, wanted->categories,
					 sizeof(wanted->categories), &wanted->categories_n) &&
		    account_change_words(rec->senders, senders, join, wanted->senders,
					 sizeof(wanted->senders), &wanted->senders_n);
	if (!fits || (given.has_senders && senders.n && !wanted->senders_n)) {
		api_refuse(change->call, fits ? &opens : &full);
		return false;
	}
	wanted->has_denied = given.has_routes;
	wanted->bulk = join;
	if (given.has_bulk && !given.bulk)
		api_flaw(change->call, "body", "bulk", -1, "bool_true",
			 "bulk must be true here: allow it, or deny it");
	if (api_flawed(change->call, "shape"))
		return false;
	set_members(change, wanted, rec);
	return true;
}

static bool allow(struct change *change, struct wanted *wanted, struct store_account *rec)
{
	return change_lists(change, wanted, true, rec);
}

static bool deny(struct change *change, struct wanted *wanted, struct store_account *rec)
{
	return change_lists(change, wanted, false, rec);
}

static const char *const list_names[] = { "routes", "categories", "senders", "bulk", NULL };

void control_account_allow(struct api_call *call)
{
	change_one(call, list_names, allow);
}

void control_account_deny(struct api_call *call)
{
	change_one(call, list_names, deny);
}

/* ---- one price ---- */

static void answer_price(struct api_call *call, const struct store_account_price *price,
			 bool changed)
{
	struct json_writer *json = &call->json;
	json_begin_object(json);
	json_add_text(json, "name", call->params[0]);
	json_add_text(json, "result", changed ? "changed" : "unchanged");
	json_add_bool(json, "durable", true);
	json_add_uint(json, "route", price->route);
	view_add_number(json, "prefix", price->prefix);
	json_add_micro(json, "price", price->price);
	json_end_object(json);
}

/* As many prices as are looked at when a message is priced. */
static bool has_room(struct store_txn *txn, const struct store_account_price *price)
{
	struct store_account_price rec = { .account = price->account, .route = price->route };
	size_t n = 0;
	for (enum store_err err = store_account_price_seek(txn, &rec, 2);
	     !err && n < PRICING_OWN_MAX; err = store_account_price_next(txn, &rec, 2))
		n++;
	return n < PRICING_OWN_MAX;
}

static void set_price(struct api_call *call, const struct store_account_price *price)
{
	static const struct api_error full = {
		.status = 409,
		.code = "list_full",
		.stage = "shape",
		.detail = "The account has as many prices on this route as it can have.",
		.param = "prefix",
	};
	struct store_account_price kept = *price;
	char sum[24];
	bool known = store_account_price_get(call->turn->txn, &kept) == STORE_OK;
	bool same = known && kept.price == price->price;
	if (!known && !has_room(call->turn->txn, price)) {
		api_refuse(call, &full);
		return;
	}
	json_micro_text(price->price, sum);
	if (!same) {
		turn_fail(call->turn, store_account_price_put(call->turn->txn, price));
		control_audit(call, "account %s: price of route %u, prefix %llu: %s",
			      call->params[0], price->route, (unsigned long long)price->prefix,
			      sum);
	}
	answer_price(call, price, !same);
}

void control_account_price(struct api_call *call)
{
	struct store_account account = { 0 };
	struct store_account_price price = { 0 };
	struct json *body = api_body(call);
	if (!body)
		return;
	wanted_read_price(call, body, &price);
	if (!api_flawed(call, "shape") && control_find_account(call, &account)) {
		price.account = account.account;
		set_price(call, &price);
	}
	json_free(body);
}

/* {name}, then route and prefix: what a price is found by. */
void control_account_price_delete(struct api_call *call)
{
	struct store_account account = { 0 };
	struct store_account_price price = { .prefix = api_number(call, 2) };
	uint64_t route = api_number(call, 1);
	price.route = route <= UINT32_MAX ? (uint32_t)route : 0;
	if (!control_find_account(call, &account))
		return;
	price.account = account.account;
	if (store_account_price_get(call->turn->txn, &price) != STORE_OK) {
		api_refuse_not_found(call, "The account has no price of its own for that route and "
					   "prefix.");
		return;
	}
	turn_fail(call->turn, store_account_price_del(call->turn->txn, &price));
	control_audit(call, "account %s: price of route %u, prefix %llu deleted", call->params[0],
		      price.route, (unsigned long long)price.prefix);
	answer_price(call, &price, true);
}
