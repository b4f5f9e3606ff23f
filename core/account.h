/*
 * Accounts: whose request it is, what it may do, and how its record lays out its lists. The record
 * is store_account; balances move in core/ledger.c only; accounts are made by operators
 * (core/control.c).
 *
 * API keys are 256-bit random texts, so a plain hash is enough to keep: with d = SHA-256 of the
 * whole text, the public id is the first 16 octets of d and the digest is d. The text is nowhere.
 */
#ifndef CORE_ACCOUNT_H
#define CORE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/api.h"
#include "core/port.h"
#include "core/turn.h"

#define ACCOUNT_KEY_OCTETS	128 /* of the text of a key, at most */
#define ACCOUNT_LIST_OCTETS	512 /* of routes and of senders */
#define ACCOUNT_CATEGORY_OCTETS 128

/* ---- looking up ---- */

/*
 * Sets id_high, id_low and digest; the digest's octets are rec's own. Without memory the turn fails,
 * and they are no key's.
 */
void account_key(struct turn *turn, const char *text, struct store_apikey *rec);
/* The same of a digest that somebody else has made. */
void account_key_of(const uint8_t digest[PORT_SHA256_OCTETS], struct store_apikey *rec);

/* NOTFOUND: nobody has that name. */
enum store_err account_by_name(struct store_txn *txn, const char *name,
			       struct store_account *account);

/*
 * Finds the account of a call by its key, else by its uid, and puts it into call->account. False: it
 * has been refused, or the turn failed.
 */
bool account_identify(struct api_call *call);

/* ---- lists of a record ---- */

/* Route ids, 4 octets each, big-endian, in rising order. */
bool account_lists_route(struct store_octets routes, uint32_t route);
/* Writes such a list (ACCOUNT_LIST_OCTETS); false when it does not fit. */
bool account_pack_routes(const uint32_t *routes, size_t n, uint8_t *out, uint32_t *octets);
/* The route at `position`; false past the end. */
bool account_route_at(struct store_octets routes, size_t position, uint32_t *route);

/*
 * What a list becomes when the routes of `given` join it, or leave it. `out` has room for
 * ACCOUNT_LIST_OCTETS; false when it does not fit.
 */
bool account_change_routes(struct store_octets had, struct store_octets given, bool join,
			   uint8_t *out, uint32_t *octets);

/* Words (categories, senders), each followed by a newline. */
bool account_lists_word(struct store_octets words, struct store_octets word);
/* The word at *offset, which moves behind it; false past the end. Begin with 0. */
bool account_word_at(struct store_octets words, uint32_t *offset, struct store_octets *word);
/* Appends a word; false when it does not fit into `room` octets. */
bool account_pack_word(struct store_octets word, uint8_t *out, uint32_t room, uint32_t *octets);
/* As account_change_routes, into `room` octets. */
bool account_change_words(struct store_octets had, struct store_octets given, bool join,
			  uint8_t *out, uint32_t room, uint32_t *octets);

/* ---- rights ---- */

/*
 * A route is refused when the account is denied it, else allowed when the account lists it, else
 * allowed when its access is open and its category is general or one of the account's.
 */
bool account_may_use(const struct store_account *account, const struct config_route *route);
/* The route's own policy, and the account's list of senders where it has one. */
bool account_may_send_as(const struct store_account *account, const struct config_route *route,
			 const char *caller_id);

/* ---- rates: requests a second, in memory ---- */

struct account_rates;
struct account_rates *account_rates_new(void);
void account_rates_free(struct account_rates *rates);
/* What is left of a rate after a request. */
struct account_rate {
	uint32_t left;
	uint32_t retry_after_s; /* of a refused one */
};

/*
 * Spends one request of call->account's rate, which is not 0; false: too many, or the turn failed.
 * What a turn spends that is dropped comes back.
 */
bool account_rate_spend(struct api_call *call, struct account_rate *left);

#endif
