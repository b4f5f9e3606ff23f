/*
 * The configuration: what loads, the defaults, and both bounds of every row of config.def.
 * Run from the top of the tree.
 */
#include "test/config_help.h"

/* ---- what loads ---- */

static void test_config__loads_the_example(void **state)
{
	static const struct {
		uint32_t route;
		const char *prefix, *country;
		int64_t micros;
	} prices[] = {
		{ 1, "31", "NL", 88000 }, { 2, "31", "NL", 88000 }, { 3, "31", "NL", 91000 },
		{ 5, "31", "NL", 87000 }, { 8, "31", "NL", 95000 }, { 1, "34", "ES", 51000 },
	};
	static const uint32_t ids[] = { 1, 2, 3, 4, 5, 7, 8 };
	struct config *config = config_example_load(folder, NULL, 0, &errs);
	const struct config_route *otp;

	(void)state;
	assert_non_null(config);
	assert_int_equal(config->n_routes, 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(config->routes[i].id, ids[i]);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(config->routes[i].category, CONFIG_CATEGORY_GENERAL);
		assert_int_equal(config->routes[i].access, CONFIG_ACCESS_OPEN);
	}
	assert_int_equal(config_route_find(config, 5)->category, CONFIG_CATEGORY_CASINO);
	assert_int_equal(config_route_find(config, 7)->category, CONFIG_CATEGORY_IGAMING);
	otp = config_route_find(config, 8);
	assert_int_equal(otp->access, CONFIG_ACCESS_WHITELIST);
	assert_int_equal(otp->sender, CONFIG_SENDER_APPROVED);
	assert_true(otp->senders.n > 0);
	assert_true(otp->outcome_deadline_ms <= 60000);
	assert_int_equal(config->n_prices, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(config->prices[i].route_id, prices[i].route);
		assert_string_equal(config->prices[i].prefix, prices[i].prefix);
		assert_string_equal(config->prices[i].country, prices[i].country);
		assert_int_equal(config->prices[i].price_micros, prices[i].micros);
	}
	assert_int_equal(config->store.size_octets, 256 << 20);
	assert_string_equal(config_provider_find(config, "alpha")->password,
			    CONFIG_EXAMPLE_PASSWORD);
	assert_false(config_provider_find(config, "alpha")->links[0].tls.enabled);
	config_free(config);
}

/* The defaults that operators were promised; each is written here a second time on purpose. */
static void test_config__has_the_documented_defaults(void **state)
{
	struct config *config = load_good(BASE, NULL, 0);
	const struct config_provider *provider = &config->providers[0];
	const struct config_timers *timers = &provider->timers;
	const struct config_route *route = &config->routes[0];

	(void)state;
	assert_int_equal(config->store.size_octets, INT64_C(4) << 30);
	assert_int_equal(config->limits.body_octets, 1 << 20);
	assert_int_equal(config->limits.header_octets, 8 << 10);
	assert_int_equal(config->limits.connections, 1024);
	assert_int_equal(config->limits.connections_per_uid, 256);
	assert_int_equal(config->retention.orders_ms, INT64_C(30) * 86400000);
	assert_int_equal(config->retention.closed_ids_ms, 7 * 86400000);
	assert_int_equal(config->retention.orphans_count, 100000);
	assert_int_equal(config->retention.feed_ms, 48 * 3600000);
	assert_int_equal(config->drain_ms, 10000);
	assert_int_equal(provider->window, 10);
	assert_int_equal(provider->release_ahead, 10);
	assert_int_equal(provider->rate_per_s, 0);
	assert_int_equal(provider->max_pdu_octets, 70000);
	assert_int_equal(provider->store_full_status, 0x14);
	assert_null(provider->password);
	assert_int_equal(timers->connect_ms, 10000);
	assert_int_equal(timers->tls_ms, 10000);
	assert_int_equal(timers->bind_ms, 10000);
	assert_int_equal(timers->enquire_link_idle_ms, 30000);
	assert_int_equal(timers->enquire_link_answer_ms, 10000);
	assert_int_equal(timers->response_ms, 60000);
	assert_int_equal(timers->read_pdu_ms, 10000);
	assert_int_equal(timers->write_stall_ms, 30000);
	assert_int_equal(timers->unbind_ms, 5000);
	assert_int_equal(timers->reconnect_min_ms, 1000);
	assert_int_equal(timers->reconnect_max_ms, 60000);
	assert_int_equal(timers->refused_min_ms, 60000);
	assert_int_equal(timers->refused_max_ms, 300000);
	assert_int_equal(timers->bind_refused_after_ms, 60000);
	assert_true(provider->links[0].tls.enabled);
	assert_int_equal(route->batch_size, 500);
	assert_int_equal(route->message.max_chars, 158);
	assert_int_equal(route->message.max_parts, 1);
	assert_int_equal(route->message.alphabet, CONFIG_TEXT_ASCII);
	assert_int_equal(route->validity_ms, 86400000);
	assert_int_equal(route->queue_deadline_ms, 86400000);
	assert_int_equal(route->receipt_deadline_ms, 86400000 + 2 * 3600000);
	assert_int_equal(route->doubt, CONFIG_DOUBT_HOLD);
	assert_int_equal(route->doubt_grace_ms, 60000);
	assert_int_equal(route->refund, CONFIG_REFUND_NEVER);
	assert_int_equal(route->keep_text, CONFIG_KEEP_TEXT_ORDER);
	assert_int_equal(route->retries.count, 3);
	assert_int_equal(route->retries.delays.n, 3);
	assert_int_equal(route->retries.delays.ms[2], 120000);
	assert_string_equal(route->display_name, "first");
	assert_ptr_equal(route->provider, provider);
	assert_true(config->sockets.submit.enabled);
	assert_int_equal(config->sockets.submit.mode, 0600);
	assert_int_equal(config->sockets.submit.gid, -1);
	assert_false(config->sockets.tap.enabled);
	assert_null(config->listen.host);
	config_free(config);
}

static void test_config__derives_deadlines_from_the_validity_that_is_given(void **state)
{
	const char *set[] = { "routes.1.validity=2h", "routes.1.queue_deadline=1h",
			      "providers.a.window=1" };
	struct config *config = load_good(BASE, set, 3);

	(void)state;
	assert_int_equal(config->routes[0].queue_deadline_ms, 3600000);
	assert_int_equal(config->routes[0].receipt_deadline_ms, 4 * 3600000);
	assert_int_equal(config->providers[0].release_ahead, 1);
	config_free(config);
}

static void test_config__takes_relative_paths_from_the_folder_of_the_file(void **state)
{
	const char *set[] = { "sockets.control.path=/run/c.sock" };
	struct config *config = load_good(BASE, set, 1);

	(void)state;
	assert_string_equal(config->store.path, "test/config/store");
	assert_string_equal(config->sockets.control.path, "/run/c.sock");
	config_free(config);
}

static void test_config__reads_tables_lists_and_addresses(void **state)
{
	const char *set[] = {
		"providers.a.statuses={0x45: pause, 1024: undeliverable}",
		"providers.a.stat={DELIVERD: delivered, \"7\": rejected}",
		"providers.a.links.one.host=[smsc1.example, smsc2.example]",
		"uids={root: app}",
		"listen=\"[::1]:8080\"",
		"routes.1.retries.delays=5s",
	};
	struct config *config = load_good(BASE, set, 6);
	const struct config_provider *provider = &config->providers[0];

	(void)state;
	assert_int_equal(provider->n_statuses, 2);
	assert_int_equal(provider->statuses[0].status, 0x45);
	assert_int_equal(provider->statuses[0].class, CONFIG_STATUS_PAUSE);
	assert_int_equal(provider->statuses[1].status, 0x400);
	assert_int_equal(provider->n_stats, 2);
	assert_string_equal(provider->stats[1].word, "7");
	assert_int_equal(provider->stats[1].state, CONFIG_RECEIPT_REJECTED);
	assert_int_equal(provider->links[0].hosts.n, 2);
	assert_string_equal(provider->links[0].hosts.text[1], "smsc2.example");
	assert_int_equal(config->n_uids, 1);
	assert_int_equal(config->uids[0].uid, 0);
	assert_string_equal(config->uids[0].account, "app");
	assert_string_equal(config->listen.host, "::1");
	assert_int_equal(config->listen.port, 8080);
	assert_int_equal(config->routes[0].retries.delays.n, 1);
	assert_int_equal(config->routes[0].retries.delays.ms[0], 5000);
	config_free(config);
}

static void assert_octets(struct config_octets octets, const char *at, size_t n)
{
	assert_int_equal(octets.n, n);
	assert_memory_equal(octets.at, at, n);
}

/* What goes with every submit; and what is printed of it loads as the same again. */
static void test_config__reads_what_goes_with_every_submit(void **state)
{
	static const char tlvs[] =
		"providers.a.submit_tlvs={0x1401: entity, 5122: \"hex:00fF\", 0x1403: \"\", "
		"0x1404: \"hex:6865783A\", 0x3FFF: \"say \\\"hex:\\\"\"}";
	const char *set[] = { tlvs, "routes.1.submit_tlvs={0x1402: template}",
			      "providers.a.data_codings={gsm7: 0xF1, ucs2: 24}" };
	struct config *config = load_good(BASE, set, 3);

	(void)state;
	for (int again = 0; again < 2; again++) {
		const struct config_provider *provider = &config->providers[0];
		const char *text;

		assert_int_equal(provider->n_submit_tlvs, 5);
		assert_int_equal(provider->submit_tlvs[0].tag, 0x1401);
		assert_octets(provider->submit_tlvs[0].value, "entity", 6);
		assert_int_equal(provider->submit_tlvs[1].tag, 0x1402);
		assert_octets(provider->submit_tlvs[1].value, "\x00\xFF", 2);
		assert_int_equal(provider->submit_tlvs[2].value.n, 0);
		assert_octets(provider->submit_tlvs[3].value, "hex:", 4);
		assert_octets(provider->submit_tlvs[4].value, "say \"hex:\"", 10);
		assert_int_equal(config->routes[0].n_submit_tlvs, 1);
		assert_octets(config->routes[0].submit_tlvs[0].value, "template", 8);
		assert_int_equal(provider->n_data_codings, 2);
		assert_int_equal(provider->data_codings[0].alphabet, CONFIG_ALPHABET_GSM7);
		assert_int_equal(provider->data_codings[0].octet, 0xF1);
		assert_int_equal(provider->data_codings[1].octet, 24);
		text = printed(config)->octets;
		config_free(config);
		config = load_good(written("submit.yaml", text), NULL, 0);
	}
	config_free(config);
}

static void test_config__refuses_one_tlv_more_than_are_sent(void **state)
{
	char text[1000] = "providers.a.submit_tlvs={";

	(void)state;
	for (int i = 0; i <= CONFIG_TLVS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "0x%04X: x, ",
			 0x1400 + i);
	strcat(text, "}");
	expect_one(BASE, text,
		   "--set:providers.a.submit_tlvs: providers.a.submit_tlvs: has 17 entries; "
		   "allowed: at most 16");
}

/* A60: two routes that share a provider differ in everything else. */
static void test_config__configures_each_route_by_itself(void **state)
{
	const char *set[] = {
		"routes.2={name: second, provider: a, access: whitelist, sender: numeric, "
		"max_recipients: 5, batch_size: 2, refund: refused, doubt: resend, validity: 10m, "
		"retries: {count: 1, delays: 1s}, message: {alphabet: unicode, max_parts: 3}, "
		"keep_text: final, category: web3, weight: 3, allow_priority: false}",
	};
	struct config *config = load_good(BASE, set, 1);
	const struct config_route *first = &config->routes[0], *second = &config->routes[1];

	(void)state;
	assert_ptr_equal(first->provider, second->provider);
	assert_int_equal(first->access, CONFIG_ACCESS_OPEN);
	assert_int_equal(second->access, CONFIG_ACCESS_WHITELIST);
	assert_int_equal(first->sender, CONFIG_SENDER_FREE);
	assert_int_equal(second->sender, CONFIG_SENDER_NUMERIC);
	assert_int_equal(second->max_recipients, 5);
	assert_int_equal(first->batch_size, 500);
	assert_int_equal(second->batch_size, 2);
	assert_int_equal(second->refund, CONFIG_REFUND_REFUSED);
	assert_int_equal(second->doubt, CONFIG_DOUBT_RESEND);
	assert_int_equal(second->queue_deadline_ms, 600000);
	assert_int_equal(first->retries.count, 3);
	assert_int_equal(second->retries.count, 1);
	assert_int_equal(second->message.alphabet, CONFIG_TEXT_UNICODE);
	assert_int_equal(second->message.max_parts, 3);
	assert_int_equal(second->keep_text, CONFIG_KEEP_TEXT_FINAL);
	assert_int_equal(second->category, CONFIG_CATEGORY_WEB3);
	assert_int_equal(second->weight, 3);
	assert_true(first->allow_priority);
	assert_false(second->allow_priority);
	config_free(config);
}

/* message_state of SMPP 3.4, 5.2.28, so that nobody keeps a second table. */
static void test_config__receipt_states_have_their_protocol_numbers(void **state)
{
	(void)state;
	assert_int_equal(CONFIG_RECEIPT_ENROUTE, 1);
	assert_int_equal(CONFIG_RECEIPT_DELIVERED, 2);
	assert_int_equal(CONFIG_RECEIPT_EXPIRED, 3);
	assert_int_equal(CONFIG_RECEIPT_DELETED, 4);
	assert_int_equal(CONFIG_RECEIPT_UNDELIVERABLE, 5);
	assert_int_equal(CONFIG_RECEIPT_ACCEPTED, 6);
	assert_int_equal(CONFIG_RECEIPT_UNKNOWN, 7);
	assert_int_equal(CONFIG_RECEIPT_REJECTED, 8);
	assert_string_equal(config_receipt_state_word(CONFIG_RECEIPT_REJECTED), "rejected");
}

static void test_config__sorts_routes_and_finds_none_where_there_is_none(void **state)
{
	const char *set[] = { "routes.2147483647={name: last, provider: a}",
			      "routes.7={name: seventh, provider: a}" };
	struct config *config = load_good(BASE, set, 2);

	(void)state;
	assert_int_equal(config->routes[1].id, 7);
	assert_string_equal(config_route_find(config, 2147483647)->name, "last");
	assert_null(config_route_find(config, 2));
	assert_null(config_provider_find(config, "b"));
	config_free(config);
	config_free(NULL);
}

/* ---- the bounds of every row ---- */

enum kind {
	TEXT,
	LABEL,
	NAME,
	DIGITS,
	CAPITALS,
	HEX,
	PATH,
	COUNT,
	TIME,
	SIZE,
	MONEY,
	MODE,
	OCTET,
	STATUS,
	ZONE,
	USER,
	GROUP,
	BOOL,
	ADDRESS,
	TEXTS,
	TIMES,
	OTHER
};
#define CHOICE(choice) OTHER

struct bound {
	const char *path, *key;
	enum kind kind;
	int64_t least, most;
};

#define SECONDS(n) (INT64_C(1000) * (n))
#define MINUTES(n) (SECONDS(60) * (n))
#define HOURS(n)   (MINUTES(60) * (n))
#define DAYS(n)	   (HOURS(24) * (n))
#define KIB(n)	   (INT64_C(1024) * (n))
#define MIB(n)	   (KIB(1024) * (n))
#define GIB(n)	   (MIB(1024) * (n))
#define TIB(n)	   (GIB(1024) * (n))
#define MICROS(n)  (INT64_C(1000000) * (n))
#define BOUND(path, kind, member, key, unit, least, most, fallback, sentence) \
	{ path, key, kind, least, most },

static const struct bound bounds[] = {
#define DAEMON_KEY(...)	   BOUND("", __VA_ARGS__)
#define STORE_KEY(...)	   BOUND("store.", __VA_ARGS__)
#define SOCKET_KEY(...)	   BOUND("sockets.tap.", __VA_ARGS__)
#define LIMITS_KEY(...)	   BOUND("limits.", __VA_ARGS__)
#define RETENTION_KEY(...) BOUND("retention.", __VA_ARGS__)
#define LOG_KEY(...)	   BOUND("log.", __VA_ARGS__)
#define SANDBOX_KEY(...)   BOUND("sandbox.", __VA_ARGS__)
#define PROVIDER_KEY(...)  BOUND("providers.a.", __VA_ARGS__)
#define TIMERS_KEY(...)	   BOUND("providers.a.timers.", __VA_ARGS__)
#define LINK_KEY(...)	   BOUND("providers.a.links.one.", __VA_ARGS__)
#define TLS_KEY(...)	   BOUND("providers.a.links.one.tls.", __VA_ARGS__)
#define ROUTE_KEY(...)	   BOUND("routes.1.", __VA_ARGS__)
#define MESSAGE_KEY(...)   BOUND("routes.1.message.", __VA_ARGS__)
#define RETRIES_KEY(...)   BOUND("routes.1.retries.", __VA_ARGS__)
#define PRICE_KEY(...)	   BOUND("prices.0.", __VA_ARGS__)
#include "config/config.def"
};

/* Whether the base with this one key set tells a mistake that names the key and says so. */
static bool refused(const struct bound *bound, const char *value, const char *why)
{
	char set[9000], prefix[128];
	const char *sets[] = { set };
	struct config *config;
	bool found = false;

	snprintf(set, sizeof(set), "%s%s=%s", bound->path, bound->key, value);
	snprintf(prefix, sizeof(prefix), "%s%s: ", bound->path, bound->key);
	config = load_with(BASE, sets, 1);
	assert_int_equal(config == NULL, errs.n > 0);
	config_free(config);
	for (size_t i = 0; i < errs.n; i++) {
		if (strncmp(errs.list[i].what, prefix, strlen(prefix)) == 0 &&
		    strstr(errs.list[i].what, why)) {
			assert_true(errs.list[i].set);
			found = true;
		}
	}
	return found;
}

static void number_text(enum kind kind, int64_t number, char *text, size_t n)
{
	if (kind == TIME || kind == TIMES)
		snprintf(text, n, "%" PRId64 "ms", number);
	else if (kind == SIZE)
		snprintf(text, n, "%" PRId64 "KiB", number / 1024);
	else if (kind == MONEY)
		snprintf(text, n, "%" PRId64 ".%06" PRId64, number / 1000000, number % 1000000);
	else if (kind == ZONE)
		snprintf(text, n, "%c%02d:%02d", number < 0 ? '-' : '+', abs((int)number) / 60,
			 abs((int)number) % 60);
	else if (kind == MODE)
		snprintf(text, n, "%03" PRIo64, (uint64_t)number);
	else
		snprintf(text, n, "%" PRId64, number);
}

static void check_number_bounds(const struct bound *bound)
{
	const int64_t step = bound->kind == SIZE ? 1024 : 1;
	char text[64];

	number_text(bound->kind, bound->least, text, sizeof(text));
	assert_false(refused(bound, text, "\""));
	number_text(bound->kind, bound->most, text, sizeof(text));
	assert_false(refused(bound, text, "\""));
	number_text(bound->kind, bound->most + step, text, sizeof(text));
	assert_true(refused(bound, text, "is out of range"));
	if (bound->least > 0 || bound->kind == ZONE) {
		number_text(bound->kind, bound->least - step, text, sizeof(text));
		assert_true(refused(bound, text, "is out of range"));
	}
	for (const char *const *p = (const char *const[]){ "-1", "+1", "", "1 ", "0x", "1e3", "1_0",
							   "99999999999999999999", "on", NULL };
	     *p; p++) {
		snprintf(text, sizeof(text), "\"%s\"", *p);
		assert_true(refused(bound, text, "\" is"));
	}
}

static void check_text_bounds(const struct bound *bound)
{
	const char fill = bound->kind == DIGITS || bound->kind == HEX ? '3' : 'A';
	char text[8200];

	for (int64_t length = bound->least; length <= bound->most + 1; length++) {
		/* Of a long text the edges will do. */
		if (length > bound->least && length < bound->most - 1)
			length = bound->most - 1;
		memset(text, fill, (size_t)length + 2);
		text[0] = text[length + 1] = '"';
		text[length + 2] = '\0';
		/* A path is measured with the folder before it, unless it starts at the root. */
		if (bound->kind == PATH && length > 0)
			text[1] = '/';
		assert_int_equal(refused(bound, text, "is too long"), length > bound->most);
	}
	if (bound->least > 0) {
		memset(text, fill, (size_t)bound->least + 1);
		text[0] = text[bound->least] = '"';
		text[bound->least + 1] = '\0';
		assert_true(refused(bound, text, "is too short"));
	}
	assert_true(refused(bound, "\"a\\x07\\x7f\"", "is not"));
}

static void test_config__holds_the_bounds_of_every_row(void **state)
{
	size_t numbers = 0, texts = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		const struct bound *bound = &bounds[i];

		if (strcmp(bound->key, "NAME") == 0 || strcmp(bound->key, "ID") == 0)
			continue;
		if (bound->kind >= COUNT && bound->kind <= STATUS) {
			check_number_bounds(bound);
			numbers++;
		} else if (bound->kind <= PATH || bound->kind == TEXTS) {
			check_text_bounds(bound);
			texts++;
		}
		assert_true(refused(bound, "", "has no value"));
		assert_true(refused(bound, "null", "has no value"));
		assert_true(refused(bound, "{a: b}", "must be one value"));
	}
	assert_true(numbers > 60);
	assert_true(texts > 15);
}

static void test_config__holds_the_bounds_of_names(void **state)
{
	(void)state;
	expect_one(BASE, "routes.0={name: zero, provider: a}",
		   "--set:routes.0: routes: \"0\" is out of range; allowed: 1 to 2147483647");
	expect_one(BASE, "routes.2147483648={name: zero, provider: a}",
		   "--set:routes.2147483648: routes: \"2147483648\" is out of range; "
		   "allowed: 1 to 2147483647");
	expect_one(
		BASE, "providers.thirty-three-octets-are-too-much-={kind: sandbox}",
		"--set:providers.thirty-three-octets-are-too-much-: providers: "
		"\"thirty-three-octets-are-too-much-\" is too long; allowed: 1 to 32 characters");
	config_free(load_good(BASE,
			      (const char *[]){ "providers.thirty-two-octets-are-just-right"
						"={kind: sandbox}" },
			      1));
}

#define CHOICE_WORD(member, word) word,
#define CHOICE_ROW(choice, list)  { #choice, { list(CHOICE_WORD) NULL } },
static const struct {
	const char *choice, *words[16];
} choices[] = { CONFIG_CHOICES(CHOICE_ROW) };

static void test_config__takes_every_word_of_every_choice(void **state)
{
	static const struct {
		const char *path, *choice;
	} places[] = {
		{ "log.level", "config_log_level" },
		{ "providers.a.links.one.bind", "config_bind" },
		{ "providers.a.interface_version", "config_interface_version" },
		{ "providers.a.tlvs", "config_tlvs" },
		{ "providers.a.window_scope", "config_window_scope" },
		{ "providers.a.congestion", "config_congestion" },
		{ "providers.a.default_alphabet", "config_alphabet" },
		{ "providers.a.concat", "config_concat" },
		{ "providers.a.registered_delivery", "config_registered" },
		{ "providers.a.validity_period", "config_validity" },
		{ "providers.a.message_id_dialect", "config_dialect" },
		{ "providers.a.receipt_accepted", "config_receipt_accepted" },
		{ "providers.a.receipt_unknown", "config_receipt_unknown" },
		{ "providers.a.receipt_covers", "config_receipt_covers" },
		{ "providers.a.statuses.0x45", "config_status_class" },
		{ "providers.a.stat.WORD", "config_receipt_state" },
		{ "routes.1.category", "config_category" },
		{ "routes.1.access", "config_access" },
		{ "routes.1.doubt", "config_doubt" },
		{ "routes.1.refund", "config_refund" },
		{ "routes.1.keep_text", "config_keep_text" },
		{ "routes.1.message.alphabet", "config_text" },
	};
	char set[128], line[64];
	/* Beside a link that may become a receiver; and what an outbind needs. */
	const char *sets[] = { set, "providers.a.links.two={host: h, port: 1}",
			       "providers.a.links.one.tls=off",
			       "providers.a.links.one.peers=[192.0.2.1]" };
	struct config *config;

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		size_t c = 0;

		while (strcmp(choices[c].choice, places[i].choice) != 0)
			c++;
		for (const char *const *word = choices[c].words; *word; word++) {
			snprintf(set, sizeof(set), "%s=%s", places[i].path, *word);
			snprintf(line, sizeof(line), ": %s%s # --set\n", *word,
				 strstr(places[i].path, "statuses") ? " # 69" : "");
			config = load_good(BASE, sets, strcmp(*word, "outbind") ? 2 : 4);
			assert_non_null(strstr(printed(config)->octets, line));
			config_free(config);
		}
		snprintf(set, sizeof(set), "%s=no-such-word", places[i].path);
		assert_null(load_with(BASE, sets, 2));
		assert_non_null(strstr(told(0), "is not a choice here; allowed: "));
	}
}

static void test_config__refers_to_every_key(void **state)
{
	static struct text text;
	char heading[64];

	(void)state;
	text.most = sizeof(text.octets) - 1;
	assert_true(config_print_reference(collect, &text));
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		snprintf(heading, sizeof(heading), "\n*%s*\n", bounds[i].key);
		assert_non_null(strstr(text.octets, heading));
	}
	assert_non_null(strstr(text.octets, "\n## providers: NAME: links: NAME: tls:\n"));
	assert_non_null(strstr(text.octets, "\nEach is one line: _PREFIX_: _account_.\n"));
}

/* ---- what differs ---- */

struct difference {
	size_t n;
	char path[128], was[CONFIG_SHOWN_OCTETS], is[CONFIG_SHOWN_OCTETS];
	uint32_t line;
};

static void note_change(void *user, const struct config_change *change)
{
	struct difference *difference = user;

	difference->n++;
	difference->line = change->line;
	snprintf(difference->path, sizeof(difference->path), "%s", change->path);
	snprintf(difference->was, sizeof(difference->was), "%s", change->was);
	snprintf(difference->is, sizeof(difference->is), "%s", change->is);
}

/* The example, of which alone one --set makes another; and back. */
static void expect_difference(const char *set, const char *path, const char *was, const char *is)
{
	struct config *plain = config_example_load(folder, NULL, 0, &errs);
	struct config *changed = config_example_load(folder, &set, 1, &errs);
	char one[CONFIG_DIGEST_OCTETS], other[CONFIG_DIGEST_OCTETS];
	struct difference difference = { 0 };

	if (!changed)
		fail_msg("%s", told(0));
	assert_int_equal(config_diff(plain, plain, note_change, &difference), 0);
	assert_int_equal(config_diff(plain, changed, note_change, &difference), 1);
	assert_int_equal(difference.n, 1);
	assert_string_equal(difference.path, path);
	assert_string_equal(difference.was, was);
	assert_string_equal(difference.is, is);
	assert_int_equal(config_diff(changed, plain, NULL, NULL), 1);
	config_digest(plain, one);
	config_digest(changed, other);
	assert_string_not_equal(one, other);
	config_free(plain);
	config_free(changed);
}

static void test_config__diff_names_what_differs(void **state)
{
	(void)state;
	expect_difference("drain=9s", "drain", "10s", "9s");
	expect_difference("store.size=512MiB", "store.size", "256MiB", "512MiB");
	expect_difference("sockets.submit.mode=\"0600\"", "sockets.submit.mode", "0660", "0600");
	expect_difference("listen=127.0.0.1:8080", "listen", "not set", "\"127.0.0.1:8080\"");
	expect_difference("providers.alpha.timers.bind=3s", "providers.alpha.timers.bind", "10s",
			  "3s");
	expect_difference("providers.alpha.statuses={0x45: fail}", "providers.alpha.statuses.0x45",
			  "not there", "new");
	expect_difference("providers.alpha.links.alpha-1.host=[127.0.0.1, 127.0.0.2]",
			  "providers.alpha.links.alpha-1.host", "[\"127.0.0.1\"]",
			  "[\"127.0.0.1\", \"127.0.0.2\"]");
	expect_difference("providers.alpha.links.alpha-1.tls=on",
			  "providers.alpha.links.alpha-1.tls", "off", "on");
	expect_difference("providers.alpha.links.new={host: a, port: 1}",
			  "providers.alpha.links.new", "not there", "new");
	expect_difference("providers.new={system_id: n, links: {one: {host: a, port: 1}}}",
			  "providers.new", "not there", "new");
	expect_difference("routes.1.message.max_chars=7", "routes.1.message.max_chars", "158", "7");
	expect_difference("routes.1.retries.delays=[1s, 2s]", "routes.1.retries.delays",
			  "[30s, 1m, 2m]", "[1s, 2s]");
	expect_difference("prices.0.price=\"0.1\"", "prices", "6 rows", "6 rows");
	expect_difference("prices=[]", "prices", "6 rows", "0 rows");
}

static void test_config__diff_tells_another_password_without_it(void **state)
{
	struct config *one, *other;
	struct difference difference = { 0 };
	char set[500];
	const char *sets[] = { set };

	(void)state;
	snprintf(set, sizeof(set), "providers.alpha.password_file=%s", written("one", "first\n"));
	one = config_example_load(folder, sets, 1, &errs);
	assert_non_null(one);
	written("one", "second\n");
	other = config_example_load(folder, sets, 1, &errs);
	assert_non_null(other);
	assert_int_equal(config_diff(one, other, note_change, &difference), 1);
	assert_string_equal(difference.path, "providers.alpha.password");
	assert_string_equal(difference.was, "a password");
	assert_string_equal(difference.is, "another one");
	config_free(one);
	config_free(other);
}

/* The last of those who hold it frees it; the sanitizer sees one too few or too many. */
static void test_config__lives_until_its_last_holder(void **state)
{
	struct config *config = load_good(BASE, NULL, 0), *held = config_hold(config);

	(void)state;
	assert_ptr_equal(held, config);
	config_free(config);
	assert_true(held->n_providers > 0);
	assert_non_null(held->providers[0].name);
	config_free(held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config__loads_the_example),
		cmocka_unit_test(test_config__has_the_documented_defaults),
		cmocka_unit_test(test_config__derives_deadlines_from_the_validity_that_is_given),
		cmocka_unit_test(test_config__takes_relative_paths_from_the_folder_of_the_file),
		cmocka_unit_test(test_config__reads_tables_lists_and_addresses),
		cmocka_unit_test(test_config__reads_what_goes_with_every_submit),
		cmocka_unit_test(test_config__refuses_one_tlv_more_than_are_sent),
		cmocka_unit_test(test_config__configures_each_route_by_itself),
		cmocka_unit_test(test_config__receipt_states_have_their_protocol_numbers),
		cmocka_unit_test(test_config__sorts_routes_and_finds_none_where_there_is_none),
		cmocka_unit_test(test_config__holds_the_bounds_of_every_row),
		cmocka_unit_test(test_config__holds_the_bounds_of_names),
		cmocka_unit_test(test_config__takes_every_word_of_every_choice),
		cmocka_unit_test(test_config__refers_to_every_key),
		cmocka_unit_test(test_config__diff_names_what_differs),
		cmocka_unit_test(test_config__diff_tells_another_password_without_it),
		cmocka_unit_test(test_config__lives_until_its_last_holder),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
