/*
 * The configuration: one YAML file, read once into plain structs that nobody changes afterwards.
 *
 * It holds providers, routes, default prices, sockets and limits. It does not hold accounts, keys
 * or balances (those live in the store), and no secret stands in the file itself. Every key is a
 * row of config.def, which says type, unit, range, default and meaning; the members below come
 * from those rows, so a key and its member cannot drift apart. The daemon loads it at start, and a
 * new one beside it when told to (core/reload.h); esmed --check and --show-config are these
 * functions and nothing else.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bounds of a file; past one of them it is refused, never cut. */
#define CONFIG_FILE_OCTETS_MAX (256 * 1024)
#define CONFIG_DEPTH_MAX       8
#define CONFIG_EVENTS_MAX      50000
#define CONFIG_ERRORS_MAX      100 /* mistakes told one by one; the rest is counted */
#define CONFIG_HOSTS_MAX       8   /* hosts of one link */
#define CONFIG_STATS_MAX       64  /* rows of a provider's stat */
#define CONFIG_TLVS_MAX	       16  /* rows of submit_tlvs, of a provider and of a route */
#define CONFIG_PASSWORD_MAX    8   /* octets (SMPP 3.4, 5.2.2: at most 9 with the closing NUL) */

/*
 * The choices: member of the enum and its word in the file, in one place.
 */
#define CONFIG_LOG_LEVELS(X)             \
	X(CONFIG_LOG_ERROR, "error")     \
	X(CONFIG_LOG_WARNING, "warning") \
	X(CONFIG_LOG_INFO, "info")       \
	X(CONFIG_LOG_DEBUG, "debug")
#define CONFIG_KINDS(X)             \
	X(CONFIG_KIND_SMPP, "smpp") \
	X(CONFIG_KIND_SANDBOX, "sandbox")
#define CONFIG_BINDS(X)                           \
	X(CONFIG_BIND_TRANSCEIVER, "transceiver") \
	X(CONFIG_BIND_TRANSMITTER, "transmitter") \
	X(CONFIG_BIND_RECEIVER, "receiver")       \
	X(CONFIG_BIND_PAIR, "pair")               \
	X(CONFIG_BIND_OUTBIND, "outbind")
#define CONFIG_INTERFACE_VERSIONS(X)   \
	X(CONFIG_INTERFACE_33, "0x33") \
	X(CONFIG_INTERFACE_34, "0x34") \
	X(CONFIG_INTERFACE_50, "0x50")
#define CONFIG_TLVSES(X)                \
	X(CONFIG_TLVS_AUTO, "auto")     \
	X(CONFIG_TLVS_ALWAYS, "always") \
	X(CONFIG_TLVS_NEVER, "never")
#define CONFIG_WINDOW_SCOPES(X)                 \
	X(CONFIG_WINDOW_PER_SESSION, "session") \
	X(CONFIG_WINDOW_PER_PROVIDER, "provider")
#define CONFIG_CONGESTIONS(X)                 \
	X(CONFIG_CONGESTION_IGNORE, "ignore") \
	X(CONFIG_CONGESTION_SLOW, "slow")
#define CONFIG_ALPHABETS(X)                 \
	X(CONFIG_ALPHABET_GSM7, "gsm7")     \
	X(CONFIG_ALPHABET_ASCII, "ascii")   \
	X(CONFIG_ALPHABET_LATIN1, "latin1") \
	X(CONFIG_ALPHABET_UCS2, "ucs2")
/* How a text of several parts is sent. */
#define CONFIG_CONCATS(X)               \
	X(CONFIG_CONCAT_UDH8, "udh8")   \
	X(CONFIG_CONCAT_UDH16, "udh16") \
	X(CONFIG_CONCAT_SAR, "sar")     \
	X(CONFIG_CONCAT_PAYLOAD, "payload")
/* Which receipts a submit asks for (SMPP 3.4, 5.2.17), and how it says its validity (7.1.1). */
#define CONFIG_REGISTEREDS(X)                   \
	X(CONFIG_REGISTERED_FINAL, "final")     \
	X(CONFIG_REGISTERED_FAILURE, "failure") \
	X(CONFIG_REGISTERED_NONE, "none")
#define CONFIG_VALIDITIES(X)                    \
	X(CONFIG_VALIDITY_RELATIVE, "relative") \
	X(CONFIG_VALIDITY_ABSOLUTE, "absolute") \
	X(CONFIG_VALIDITY_NONE, "none")
#define CONFIG_DIALECTS(X)                         \
	X(CONFIG_DIALECT_NONE, "none")             \
	X(CONFIG_DIALECT_AUTO, "auto")             \
	X(CONFIG_DIALECT_EXACT, "exact")           \
	X(CONFIG_DIALECT_HEX_TO_DEC, "hex_to_dec") \
	X(CONFIG_DIALECT_DEC_TO_HEX, "dec_to_hex")
#define CONFIG_RECEIPT_ACCEPTEDS(X)             \
	X(CONFIG_RECEIPT_ACCEPTED_SENT, "sent") \
	X(CONFIG_RECEIPT_ACCEPTED_DELIVERED, "delivered")
#define CONFIG_RECEIPT_UNKNOWNS(X)             \
	X(CONFIG_RECEIPT_UNKNOWN_WAIT, "wait") \
	X(CONFIG_RECEIPT_UNKNOWN_FINAL, "final")
#define CONFIG_RECEIPT_COVERSES(X)                  \
	X(CONFIG_RECEIPT_COVERS_SEGMENT, "segment") \
	X(CONFIG_RECEIPT_COVERS_MESSAGE, "message")
#define CONFIG_CATEGORIES(X)                  \
	X(CONFIG_CATEGORY_GENERAL, "general") \
	X(CONFIG_CATEGORY_CASINO, "casino")   \
	X(CONFIG_CATEGORY_IGAMING, "igaming") \
	X(CONFIG_CATEGORY_WEB3, "web3")       \
	X(CONFIG_CATEGORY_ENTERPRISE, "enterprise")
#define CONFIG_ACCESSES(X)            \
	X(CONFIG_ACCESS_OPEN, "open") \
	X(CONFIG_ACCESS_WHITELIST, "whitelist")
#define CONFIG_SENDERS(X)                     \
	X(CONFIG_SENDER_FREE, "free")         \
	X(CONFIG_SENDER_APPROVED, "approved") \
	X(CONFIG_SENDER_NUMERIC, "numeric")   \
	X(CONFIG_SENDER_OPTIONAL, "optional")
#define CONFIG_DOUBTS(X)             \
	X(CONFIG_DOUBT_HOLD, "hold") \
	X(CONFIG_DOUBT_RESEND, "resend")
#define CONFIG_REFUNDS(X)                   \
	X(CONFIG_REFUND_NEVER, "never")     \
	X(CONFIG_REFUND_REFUSED, "refused") \
	X(CONFIG_REFUND_UNDELIVERED, "undelivered")
#define CONFIG_KEEP_TEXTS(X)               \
	X(CONFIG_KEEP_TEXT_FINAL, "final") \
	X(CONFIG_KEEP_TEXT_1D, "1d")       \
	X(CONFIG_KEEP_TEXT_ORDER, "order")
#define CONFIG_TEXT_ALPHABETS(X)      \
	X(CONFIG_TEXT_ASCII, "ascii") \
	X(CONFIG_TEXT_GSM7, "gsm7")   \
	X(CONFIG_TEXT_UNICODE, "unicode")
/* What a command_status in a submit_sm_resp means, where a carrier differs from the usual. */
#define CONFIG_STATUS_CLASSES(X)                                                               \
	X(CONFIG_STATUS_PAUSE, "pause")	  /* try again, and pause the link */                  \
	X(CONFIG_STATUS_RETRY, "retry")	  /* try again, as often as the route's retries say */ \
	X(CONFIG_STATUS_REBIND, "rebind") /* the link is wrong; the message stays queued */    \
	X(CONFIG_STATUS_FAIL, "fail")	  /* this message will not be taken */                 \
	X(CONFIG_STATUS_UNDELIVERABLE, "undeliverable") /* taken, and the delivery has failed */
/* States of a receipt; each has the value of message_state (SMPP 3.4, 5.2.28; 0 and 9: 5.0). */
#define CONFIG_RECEIPT_STATES(X)                         \
	X(CONFIG_RECEIPT_SCHEDULED, "scheduled")         \
	X(CONFIG_RECEIPT_ENROUTE, "enroute")             \
	X(CONFIG_RECEIPT_DELIVERED, "delivered")         \
	X(CONFIG_RECEIPT_EXPIRED, "expired")             \
	X(CONFIG_RECEIPT_DELETED, "deleted")             \
	X(CONFIG_RECEIPT_UNDELIVERABLE, "undeliverable") \
	X(CONFIG_RECEIPT_ACCEPTED, "accepted")           \
	X(CONFIG_RECEIPT_UNKNOWN, "unknown")             \
	X(CONFIG_RECEIPT_REJECTED, "rejected")           \
	X(CONFIG_RECEIPT_SKIPPED, "skipped")

/* Every choice: its enum and its list. Each has a look-up `const char *NAME_word(enum NAME)`. */
#define CONFIG_CHOICES(X)                                      \
	X(config_log_level, CONFIG_LOG_LEVELS)                 \
	X(config_kind, CONFIG_KINDS)                           \
	X(config_bind, CONFIG_BINDS)                           \
	X(config_interface_version, CONFIG_INTERFACE_VERSIONS) \
	X(config_tlvs, CONFIG_TLVSES)                          \
	X(config_window_scope, CONFIG_WINDOW_SCOPES)           \
	X(config_congestion, CONFIG_CONGESTIONS)               \
	X(config_alphabet, CONFIG_ALPHABETS)                   \
	X(config_concat, CONFIG_CONCATS)                       \
	X(config_registered, CONFIG_REGISTEREDS)               \
	X(config_validity, CONFIG_VALIDITIES)                  \
	X(config_dialect, CONFIG_DIALECTS)                     \
	X(config_receipt_accepted, CONFIG_RECEIPT_ACCEPTEDS)   \
	X(config_receipt_unknown, CONFIG_RECEIPT_UNKNOWNS)     \
	X(config_receipt_covers, CONFIG_RECEIPT_COVERSES)      \
	X(config_category, CONFIG_CATEGORIES)                  \
	X(config_access, CONFIG_ACCESSES)                      \
	X(config_sender, CONFIG_SENDERS)                       \
	X(config_doubt, CONFIG_DOUBTS)                         \
	X(config_refund, CONFIG_REFUNDS)                       \
	X(config_keep_text, CONFIG_KEEP_TEXTS)                 \
	X(config_text, CONFIG_TEXT_ALPHABETS)                  \
	X(config_status_class, CONFIG_STATUS_CLASSES)          \
	X(config_receipt_state, CONFIG_RECEIPT_STATES)

#define CONFIG_MEMBER(member, word) member,
#define CONFIG_ENUM(choice, list)   \
	enum choice {               \
		list(CONFIG_MEMBER) \
	};                          \
	const char *choice##_word(enum choice value);
CONFIG_CHOICES(CONFIG_ENUM)
#undef CONFIG_ENUM
#undef CONFIG_MEMBER

/* A list of texts, a list of times, octets, and an address; all of them live as long as the config. */
struct config_texts {
	const char *const *text;
	size_t n;
};

struct config_times {
	const int64_t *ms;
	size_t n;
};

struct config_octets {
	const uint8_t *at;
	size_t n;
};

struct config_address {
	const char *host; /* NULL: not set */
	uint16_t port;
};

/* How each type of config.def is held. Texts and paths that are not set are NULL. */
#define CONFIG_C_TEXT			const char *
#define CONFIG_C_LABEL			const char *
#define CONFIG_C_NAME			const char *
#define CONFIG_C_DIGITS			const char *
#define CONFIG_C_CAPITALS		const char *
#define CONFIG_C_HEX			const char *
#define CONFIG_C_PATH			const char * /* the file's folder is already before a relative one */
#define CONFIG_C_COUNT			uint32_t
#define CONFIG_C_TIME			int64_t	 /* milliseconds */
#define CONFIG_C_SIZE			uint64_t /* octets */
#define CONFIG_C_BOOL			bool
#define CONFIG_C_MODE			uint32_t
#define CONFIG_C_ZONE			int64_t /* minutes ahead of UTC */
#define CONFIG_C_STATUS			uint32_t
#define CONFIG_C_OCTET			uint32_t
#define CONFIG_C_TAG			uint32_t
#define CONFIG_C_OCTETS			struct config_octets
#define CONFIG_C_MONEY			int64_t /* millionths of the currency */
#define CONFIG_C_ADDRESS		struct config_address
#define CONFIG_C_USER			uid_t
#define CONFIG_C_GROUP			int64_t /* gid; -1: not set */
#define CONFIG_C_TEXTS			struct config_texts
#define CONFIG_C_TIMES			struct config_times
#define CONFIG_C_CHOICE(choice)		enum choice
#define CONFIG_FIELD(type, member, ...) CONFIG_C_##type member;

struct config_store {
#define STORE_KEY CONFIG_FIELD
#include "config/config.def"
};

struct config_socket {
	bool enabled; /* false: not in the file; the members below mean nothing then */
#define SOCKET_KEY CONFIG_FIELD
#include "config/config.def"
};

struct config_sockets {
	struct config_socket submit, control, tap;
};

struct config_limits {
#define LIMITS_KEY CONFIG_FIELD
#include "config/config.def"
};

struct config_retention {
#define RETENTION_KEY CONFIG_FIELD
#include "config/config.def"
};

struct config_log {
#define LOG_KEY CONFIG_FIELD
#include "config/config.def"
};

/* uids: a local user who needs no key, and the account that is his. */
struct config_uid {
#define UID_KEY CONFIG_FIELD
#include "config/config.def"
};

struct config_tls {
	bool enabled; /* false only where the file says `tls: off` */
#define TLS_KEY CONFIG_FIELD
#include "config/config.def"
};

struct config_link {
	const char *outbind_password; /* as a provider's; NULL without outbind_password_file */
#define LINK_KEY CONFIG_FIELD
#include "config/config.def"
	struct config_tls tls;
};

struct config_timers {
#define TIMERS_KEY CONFIG_FIELD
#include "config/config.def"
};

/* statuses: overrides of the usual class of a command_status; each status at most once. */
struct config_status {
#define STATUS_KEY CONFIG_FIELD
#include "config/config.def"
};

/* data_codings: alphabets with an octet of their own; none twice, no octet twice. */
struct config_data_coding {
#define DATA_CODING_KEY CONFIG_FIELD
#include "config/config.def"
};

/* submit_tlvs: TLVs of the carrier's own that go with every submit; no tag twice. */
struct config_tlv {
#define TLV_KEY CONFIG_FIELD
#include "config/config.def"
};

/* stat: overrides of what a word or number in a receipt's stat means; compared without case. */
struct config_stat {
#define STAT_KEY CONFIG_FIELD
#include "config/config.def"
};

/* inbound: which account reads what is sent to which of the provider's numbers. */
struct config_inbound {
#define INBOUND_KEY CONFIG_FIELD
#include "config/config.def"
};

struct config_provider {
	const char *password; /* at most CONFIG_PASSWORD_MAX octets; NULL without password_file */
#define PROVIDER_KEY CONFIG_FIELD
#include "config/config.def"
	struct config_timers timers;
	struct config_link *links; /* in the order of the file; the sandbox has none */
	size_t n_links;
	struct config_status *statuses;
	size_t n_statuses;
	struct config_stat *stats;
	size_t n_stats;
	struct config_inbound *inbounds;
	size_t n_inbounds;
	struct config_data_coding *data_codings;
	size_t n_data_codings;
	struct config_tlv *submit_tlvs;
	size_t n_submit_tlvs;
};

struct config_sandbox {
	const struct config_provider *provider; /* the one of kind sandbox; never NULL */
#define SANDBOX_KEY CONFIG_FIELD
#include "config/config.def"
};

struct config_message {
#define MESSAGE_KEY CONFIG_FIELD
#include "config/config.def"
};

struct config_retries {
#define RETRIES_KEY CONFIG_FIELD
#include "config/config.def"
};

struct config_route {
	const struct config_provider *provider; /* never NULL in a config that loaded */
#define ROUTE_KEY CONFIG_FIELD
#include "config/config.def"
	struct config_message message;
	struct config_retries retries;
	struct config_tlv *submit_tlvs; /* before the provider's of the same tag */
	size_t n_submit_tlvs;
};

struct config_price {
#define PRICE_KEY CONFIG_FIELD
#include "config/config.def"
};

/* The whole; every pointer in it lives until config_free. */
struct config {
#define DAEMON_KEY CONFIG_FIELD
#include "config/config.def"
	struct config_store store;
	struct config_sockets sockets;
	struct config_limits limits;
	struct config_retention retention;
	struct config_log log;
	struct config_uid *uids;
	size_t n_uids;
	struct config_provider *providers; /* in the order of the file */
	size_t n_providers;
	size_t n_all_providers; /* with the sandbox, which stands behind them unless it is one */
	struct config_sandbox sandbox;
	struct config_route *routes; /* by rising id */
	size_t n_routes;
	struct config_price *prices; /* in the order of the file; no (route, prefix) twice */
	size_t n_prices;
	struct config_private *private; /* where each value came from; for config_print */
};
#undef CONFIG_FIELD

/* One mistake. */
struct config_error {
	const char
		*source; /* the caller's path or its --set text: borrowed, as long as that lives */
	bool set;	 /* source is a --set text; line and column count within its value */
	uint32_t line;	 /* from 1; 0: the file as a whole */
	uint32_t column; /* from 1, in characters */
	char what[240];	 /* foreign octets escaped; never a secret */
	char hint[240];	 /* what would be right; empty where nobody can know */
};

/* Filled by config_load; starts as {0}. n is how many stand in list, more how many did not fit. */
struct config_errors {
	struct config_error list[CONFIG_ERRORS_MAX];
	size_t n;
	size_t more;
};

/* What to load. */
struct config_source {
	const char *path;	/* the file; relative paths in it start from its folder */
	const char *const *set; /* n_set overrides `dotted.path=value`, the value as in the file */
	size_t n_set;
	uid_t secret_owner; /* may own password and key files, beside root and the caller */
};

/*
 * Reads the file and its password files. Returns NULL when there is any mistake; then errs holds
 * them all, in the order of the file. Never returns a config with mistakes; errs->n is 0 exactly
 * when it returns one. Free it with config_free.
 */
struct config *config_load(const struct config_source *source, struct config_errors *errs);

/* One more holder of the config; given back by config_free. Not for two threads. */
struct config *config_hold(const struct config *config);
/* The last holder's frees the config and overwrites its secrets; NULL is allowed. */
void config_free(struct config *config);

/* Look-ups; NULL when there is none. */
const struct config_route *config_route_find(const struct config *config, uint32_t id);
const struct config_provider *config_provider_find(const struct config *config, const char *name);

/* ---- differences ---- */

#define CONFIG_SHOWN_OCTETS 80 /* of a value that is told; the rest is "..." */

/* One value that is not what it was; everything lives until the callback returns. */
struct config_change {
	const char *path;      /* "providers.alpha.window" */
	const char *was, *is;  /* as in the file; or "not set", "new", "gone", "2 rows" */
	uint32_t line, column; /* in the file of `is`; 0: it does not stand there */
};

/*
 * Calls `change` (NULL: nothing) for each value that differs and returns how many do. Providers,
 * links, routes and the like are the same when they have the same name; prices only as a whole. A
 * password that is another one is told without either.
 */
typedef void config_change_fn(void *user, const struct config_change *change);
size_t config_diff(const struct config *was, const struct config *is, config_change_fn *change,
		   void *user);
bool config_same_link(const struct config_link *was, const struct config_link *is);
/* Texts of a config, of which NULL is one. */
bool config_same_text(const char *a, const char *b);

/*
 * 16 hex digits of what config_print gives: to see by eye that two are the same, passwords aside; no
 * proof against somebody who wants them to agree.
 */
#define CONFIG_DIGEST_OCTETS 17
void config_digest(const struct config *config, char digest[CONFIG_DIGEST_OCTETS]);

/*
 * Writes "FILE:LINE:COLUMN: what; hint" or "--set:dotted.path: what; hint" with its NUL, cut at
 * n octets. Returns the length that it has uncut.
 */
size_t config_error_format(const struct config_error *error, char *buf, size_t n);

/* Takes n octets of what is printed; returns false to stop. */
typedef bool (*config_write_fn)(void *user, const char *octets, size_t n);

/*
 * --show-config: every effective value as YAML that loads again, secrets masked, each line with a
 * comment that says where the value came from: default, FILE:LINE or --set. False when write was.
 */
bool config_print(const struct config *config, config_write_fn write, void *user);

/*
 * The nearest of n words by edit distance, else the first that begins with the text; NULL when none
 * is near. Keys, values and what else people type are told by it what they may have meant.
 */
const char *config_nearest(const char *text, const char *const *words, size_t n);

/* Every key from config.def as the body of the manual page, in scdoc form. */
bool config_print_reference(config_write_fn write, void *user);

#endif
