/*
 * The rows of config.def as arrays, and the shape of the file: which section stands where. The
 * parser, the printer and the reference walk these and know no key by name.
 */
#include "config/private.h"

#define COUNTED(array) array, sizeof(array) / sizeof(*(array))

/* The words of each choice, and its look-up. */
#define WORD(member, word) [member] = word,
#define WORDS(choice, list)                                         \
	static const char *const choice##_words[] = { list(WORD) }; \
	const char *choice##_word(enum choice value)                \
	{                                                           \
		return choice##_words[value];                       \
	}                                                           \
	_Static_assert(sizeof(enum choice) == sizeof(unsigned), "a choice is read as unsigned");
CONFIG_CHOICES(WORDS)

/* A type as the first members of a row. */
#define TYPE_TEXT	    CONFIG_TYPE_TEXT, NULL, 0
#define TYPE_LABEL	    CONFIG_TYPE_LABEL, NULL, 0
#define TYPE_NAME	    CONFIG_TYPE_NAME, NULL, 0
#define TYPE_DIGITS	    CONFIG_TYPE_DIGITS, NULL, 0
#define TYPE_CAPITALS	    CONFIG_TYPE_CAPITALS, NULL, 0
#define TYPE_HEX	    CONFIG_TYPE_HEX, NULL, 0
#define TYPE_PATH	    CONFIG_TYPE_PATH, NULL, 0
#define TYPE_COUNT	    CONFIG_TYPE_COUNT, NULL, 0
#define TYPE_TIME	    CONFIG_TYPE_TIME, NULL, 0
#define TYPE_SIZE	    CONFIG_TYPE_SIZE, NULL, 0
#define TYPE_MONEY	    CONFIG_TYPE_MONEY, NULL, 0
#define TYPE_MODE	    CONFIG_TYPE_MODE, NULL, 0
#define TYPE_STATUS	    CONFIG_TYPE_STATUS, NULL, 0
#define TYPE_OCTET	    CONFIG_TYPE_OCTET, NULL, 0
#define TYPE_ZONE	    CONFIG_TYPE_ZONE, NULL, 0
#define TYPE_TAG	    CONFIG_TYPE_TAG, NULL, 0
#define TYPE_OCTETS	    CONFIG_TYPE_OCTETS, NULL, 0
#define TYPE_USER	    CONFIG_TYPE_USER, NULL, 0
#define TYPE_GROUP	    CONFIG_TYPE_GROUP, NULL, 0
#define TYPE_BOOL	    CONFIG_TYPE_BOOL, NULL, 0
#define TYPE_ADDRESS	    CONFIG_TYPE_ADDRESS, NULL, 0
#define TYPE_TEXTS	    CONFIG_TYPE_TEXTS, NULL, 0
#define TYPE_TIMES	    CONFIG_TYPE_TIMES, NULL, 0
#define TYPE_CHOICE(choice) CONFIG_TYPE_CHOICE, COUNTED(choice##_words)

/* The units of the bounds in config.def. */
#define SECONDS(n) (INT64_C(1000) * (n))
#define MINUTES(n) (SECONDS(60) * (n))
#define HOURS(n)   (MINUTES(60) * (n))
#define DAYS(n)	   (HOURS(24) * (n))
#define KIB(n)	   (INT64_C(1024) * (n))
#define MIB(n)	   (KIB(1024) * (n))
#define GIB(n)	   (MIB(1024) * (n))
#define TIB(n)	   (GIB(1024) * (n))
#define MICROS(n)  (INT64_C(1000000) * (n))

#define ROW(owner, type, member, key, unit, least, most, fallback, sentence) \
	{ key, TYPE_##type, unit, least, most, fallback, sentence, offsetof(struct owner, member) },

static const struct config_row daemon_rows[] = {
#define DAEMON_KEY(...) ROW(config, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row store_rows[] = {
#define STORE_KEY(...) ROW(config_store, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row socket_rows[] = {
#define SOCKET_KEY(...) ROW(config_socket, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row limits_rows[] = {
#define LIMITS_KEY(...) ROW(config_limits, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row sandbox_rows[] = {
#define SANDBOX_KEY(...) ROW(config_sandbox, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row retention_rows[] = {
#define RETENTION_KEY(...) ROW(config_retention, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row log_rows[] = {
#define LOG_KEY(...) ROW(config_log, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row uid_rows[] = {
#define UID_KEY(...) ROW(config_uid, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row provider_rows[] = {
#define PROVIDER_KEY(...) ROW(config_provider, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row timers_rows[] = {
#define TIMERS_KEY(...) ROW(config_timers, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row status_rows[] = {
#define STATUS_KEY(...) ROW(config_status, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row stat_rows[] = {
#define STAT_KEY(...) ROW(config_stat, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row inbound_rows[] = {
#define INBOUND_KEY(...) ROW(config_inbound, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row data_coding_rows[] = {
#define DATA_CODING_KEY(...) ROW(config_data_coding, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row tlv_rows[] = {
#define TLV_KEY(...) ROW(config_tlv, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row link_rows[] = {
#define LINK_KEY(...) ROW(config_link, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row tls_rows[] = {
#define TLS_KEY(...) ROW(config_tls, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row route_rows[] = {
#define ROUTE_KEY(...) ROW(config_route, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row message_rows[] = {
#define MESSAGE_KEY(...) ROW(config_message, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row retries_rows[] = {
#define RETRIES_KEY(...) ROW(config_retries, __VA_ARGS__)
#include "config/config.def"
};
static const struct config_row price_rows[] = {
#define PRICE_KEY(...) ROW(config_price, __VA_ARGS__)
#include "config/config.def"
};

/* Places of a child in the struct of its section. */
#define PART(owner, member) .offset = offsetof(struct owner, member)
#define ARRAY(owner, member)                                                                   \
	.offset = offsetof(struct owner, member), .count = offsetof(struct owner, n_##member), \
	.size = sizeof(*((struct owner *)NULL)->member)

static const struct config_section store_section = {
	"Where the records live.",
	COUNTED(store_rows),
	NULL,
	0,
};
static const struct config_section submit_section = {
	"Socket of the API for applications; it must be given.",
	COUNTED(socket_rows),
	NULL,
	0,
};
static const struct config_section control_section = {
	"Socket of the operator: links, accounts; it must be given.",
	COUNTED(socket_rows),
	NULL,
	0,
};
static const struct config_section tap_section = {
	"Socket of the tracer, which may read texts; without it there is none.",
	COUNTED(socket_rows),
	NULL,
	0,
};
static const struct config_section limits_section = {
	"Bounds of the local API; past one of them a request is refused.",
	COUNTED(limits_rows),
	NULL,
	0,
};
static const struct config_section sandbox_section = {
	"The sandbox: a pretended carrier for the orders of sandbox accounts.",
	COUNTED(sandbox_rows),
	NULL,
	0,
};
static const struct config_section retention_section = {
	"How long the store keeps what.",
	COUNTED(retention_rows),
	NULL,
	0,
};
static const struct config_section log_section = {
	"What is written to the standard error.",
	COUNTED(log_rows),
	NULL,
	0,
};
static const struct config_section uid_section = {
	"Local users whose requests need no API key.",
	COUNTED(uid_rows),
	NULL,
	0,
};
static const struct config_section timers_section = {
	"How long each link of the provider waits for what.",
	COUNTED(timers_rows),
	NULL,
	0,
};
static const struct config_section status_section = {
	"What a command_status means at this carrier, where it differs from the usual.",
	COUNTED(status_rows),
	NULL,
	0,
};
static const struct config_section stat_section = {
	"What a state in a receipt means at this carrier, where it differs from the usual.",
	COUNTED(stat_rows),
	NULL,
	0,
};
static const struct config_section inbound_section = {
	"Which account reads the messages that are sent to which of the provider's numbers.",
	COUNTED(inbound_rows),
	NULL,
	0,
};
static const struct config_section data_coding_section = {
	"data_coding of alphabets at this carrier, where it differs from the usual; each one named here "
	"is taken.",
	COUNTED(data_coding_rows),
	NULL,
	0,
};
static const struct config_section tlv_section = {
	"TLVs of the carrier's own that go with every submit; those of a route come before the "
	"provider's of the same tag.",
	COUNTED(tlv_rows),
	NULL,
	0,
};
static const struct config_section tls_section = {
	"TLS of the link, verified by default; the word off instead is plain TCP.",
	COUNTED(tls_rows),
	NULL,
	0,
};
static const struct config_section message_section = {
	"What a text may be.",
	COUNTED(message_rows),
	NULL,
	0,
};
static const struct config_section retries_section = {
	"Retries of a message that the carrier refused for now; throttling is not counted.",
	COUNTED(retries_rows),
	NULL,
	0,
};
static const struct config_section price_section = {
	"Default prices, which an account may have otherwise.",
	COUNTED(price_rows),
	NULL,
	0,
};

static const struct config_child link_children[] = {
	{ "tls", CONFIG_SHAPE_SWITCH, &tls_section, PART(config_link, tls) },
};
const struct config_section config_link_section = {
	"A connection to the carrier.",
	COUNTED(link_rows),
	COUNTED(link_children),
};

static const struct config_child provider_children[] = {
	{ "links", CONFIG_SHAPE_NAMED, &config_link_section, ARRAY(config_provider, links) },
	{ "timers", CONFIG_SHAPE_SECTION, &timers_section, PART(config_provider, timers) },
	{ "statuses", CONFIG_SHAPE_PAIRS, &status_section, ARRAY(config_provider, statuses) },
	{ "stat", CONFIG_SHAPE_PAIRS, &stat_section, ARRAY(config_provider, stats) },
	{ "inbound", CONFIG_SHAPE_PAIRS, &inbound_section, ARRAY(config_provider, inbounds) },
	{ "data_codings", CONFIG_SHAPE_PAIRS, &data_coding_section,
	  ARRAY(config_provider, data_codings) },
	{ "submit_tlvs", CONFIG_SHAPE_PAIRS, &tlv_section, ARRAY(config_provider, submit_tlvs) },
};
const struct config_section config_provider_section = {
	"One login at one carrier.",
	COUNTED(provider_rows),
	COUNTED(provider_children),
};

static const struct config_child route_children[] = {
	{ "message", CONFIG_SHAPE_SECTION, &message_section, PART(config_route, message) },
	{ "retries", CONFIG_SHAPE_SECTION, &retries_section, PART(config_route, retries) },
	{ "submit_tlvs", CONFIG_SHAPE_PAIRS, &tlv_section, ARRAY(config_route, submit_tlvs) },
};
static const struct config_section route_section = {
	"An execution profile on one provider.",
	COUNTED(route_rows),
	COUNTED(route_children),
};

static const struct config_child sockets_children[] = {
	{ "submit", CONFIG_SHAPE_OPTIONAL, &submit_section, PART(config_sockets, submit) },
	{ "control", CONFIG_SHAPE_OPTIONAL, &control_section, PART(config_sockets, control) },
	{ "tap", CONFIG_SHAPE_OPTIONAL, &tap_section, PART(config_sockets, tap) },
};
static const struct config_section sockets_section = {
	"The Unix sockets, by privilege.",
	NULL,
	0,
	COUNTED(sockets_children),
};

static const struct config_child root_children[] = {
	{ "store", CONFIG_SHAPE_SECTION, &store_section, PART(config, store) },
	{ "sockets", CONFIG_SHAPE_SECTION, &sockets_section, PART(config, sockets) },
	{ "limits", CONFIG_SHAPE_SECTION, &limits_section, PART(config, limits) },
	{ "retention", CONFIG_SHAPE_SECTION, &retention_section, PART(config, retention) },
	{ "sandbox", CONFIG_SHAPE_SECTION, &sandbox_section, PART(config, sandbox) },
	{ "log", CONFIG_SHAPE_SECTION, &log_section, PART(config, log) },
	{ "uids", CONFIG_SHAPE_PAIRS, &uid_section, ARRAY(config, uids) },
	{ "providers", CONFIG_SHAPE_NAMED, &config_provider_section, ARRAY(config, providers) },
	{ "routes", CONFIG_SHAPE_NAMED, &route_section, ARRAY(config, routes) },
	{ "prices", CONFIG_SHAPE_LIST, &price_section, ARRAY(config, prices) },
};
const struct config_section config_root_section = {
	"The daemon.",
	COUNTED(daemon_rows),
	COUNTED(root_children),
};

size_t config_shape_first_row(enum config_shape shape)
{
	return shape == CONFIG_SHAPE_NAMED ? 1 : 0;
}

bool config_shape_is_array(enum config_shape shape)
{
	return shape == CONFIG_SHAPE_NAMED || shape == CONFIG_SHAPE_PAIRS ||
	       shape == CONFIG_SHAPE_LIST;
}
