/*
 * An account as an operator's file or request says it shall be: read with every mistake told, then
 * made so in one turn. What core/control_account.c, control_account_show.c, control_key.c and
 * control_wanted.c share; nobody else includes it.
 */
#ifndef CORE_CONTROL_ACCOUNT_H
#define CORE_CONTROL_ACCOUNT_H

#include "core/account.h"
#include "core/api.h"

#define WANTED_KEYS_MAX	  32
#define WANTED_PRICES_MAX 1000
#define WANTED_NAME_MAX	  64

/* ---- reading: core/control_wanted.c ---- */

/* A member that the file leaves out has a NULL or a false `has`: it stays as it is. */
struct wanted {
	const char *name, *currency;
	bool has_active, active, has_sandbox, sandbox, has_bulk, bulk;
	bool has_opening, has_credit_limit, has_rate;
	int64_t opening, credit_limit;
	uint32_t rate_per_s;
	bool has_routes, has_denied, has_categories, has_senders;
	uint8_t routes[ACCOUNT_LIST_OCTETS], denied[ACCOUNT_LIST_OCTETS],
		categories[ACCOUNT_CATEGORY_OCTETS], senders[ACCOUNT_LIST_OCTETS];
	uint32_t routes_n, denied_n, categories_n, senders_n;
	const struct json *keys;   /* checked: objects of key or sha256, label, active */
	const struct json *prices; /* checked: objects of route, prefix, price */
};

/* Where an account stands in the body. */
struct wanted_place {
	int64_t index; /* in the list "accounts"; -1: it is the body itself */
	uint32_t line; /* 0: told without */
};

/*
 * Reads one object; mistakes are flaws of the call. Texts live as long as the document. `names`,
 * ending in NULL, are the members that may stand there; NULL: all, and a name must.
 */
void wanted_read(struct api_call *call, const struct json *object, struct wanted_place place,
		 const char *const *names, struct wanted *wanted);

/* A flaw of an account. */
__attribute__((format(printf, 4, 5))) void wanted_flaw(struct api_call *call,
						       struct wanted_place place, const char *type,
						       const char *format, ...);

/* The line, from 1, on which each of n elements of the body's list "accounts" begins. */
void wanted_lines(const struct http_request *request, uint32_t *lines, size_t n);

/* True for 1 to 64 letters, digits and ._-/ : what a path can name. */
bool wanted_is_name(const char *name);

/* 64 hex digits; false: it is something else. */
bool wanted_digest(const struct json *text, uint8_t digest[PORT_SHA256_OCTETS]);

/* A price as it stands in the body; it has been checked. */
struct store_account_price wanted_price(const struct json *price);
/* Prices of a list, checked, by route and prefix; to be freed. NULL: out of memory. */
struct store_account_price *wanted_prices(const struct json *prices);
/* For qsort and bsearch. */
int wanted_compare_prices(const void *a, const void *b);
/* One that has not; false: its mistakes are told. */
bool wanted_read_price(struct api_call *call, const struct json *object,
		       struct store_account_price *price);

/* ---- keys: core/control_key.c ---- */

#define CONTROL_SECRET_OCTETS 24 /* random octets of a key that is made here */
#define CONTROL_SECRET_TEXT   (6 + 2 * CONTROL_SECRET_OCTETS + 1) /* "esmed_" and hex digits */

/* A key and whose it is; the rest is in its record. */
struct control_key_at {
	uint32_t account;
	uint64_t id_high, id_low;
};

/* Keys by account: their records are found by the digest alone. */
struct control_keys {
	struct control_key_at *at;
	size_t n, room;
	size_t walked; /* of these, in order; what was made since stands behind, account by account */
	bool whole;    /* there has been a walk over all */
};

/* Finds the keys of accounts first to last in one walk; keys->at is to be freed. */
void control_keys_walk(struct api_call *call, uint32_t first, uint32_t last,
		       struct control_keys *keys);
/* The first of the account's keys among those that were walked over, or where it would be. */
size_t control_keys_of(const struct control_keys *keys, uint32_t account);

/* One key as it shall be, and the secret when it is made here. */
struct control_key {
	struct store_apikey rec;
	bool known, changed;
	char secret[CONTROL_SECRET_TEXT]; /* "": it was given, or is known */
};

/*
 * The key of a file, of an account with that number; stored when it changes, unless `dry`. `keys`,
 * empty before the first of a request, is what finds labels.
 */
void control_key_apply(struct api_call *call, uint32_t account, const struct json *key, bool dry,
		       struct control_keys *keys, struct control_key *change);
/* As an object, with its secret if one was made and kept. */
void control_key_put(struct json_writer *json, const struct control_key *change, bool dry);
/* Keys of the file that another account has are flaws; so are those that stand in it twice. */
void control_key_check(struct api_call *call, const struct wanted *wanted,
		       struct wanted_place place);
void control_key_check_differ(struct api_call *call, const struct wanted *all, size_t n);

#endif
