/*
 * What no single row can say: keys that must agree with one another, names that must exist, and
 * the files that the configuration names. It runs over structs that may be half filled, because
 * all mistakes of a file are told at once; so it looks at no key whose value was refused already.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/private.h"

#define PAGE_OCTETS 4096 /* of the store */

/* Not there, or there and taken. */
static bool sound(const struct config_node *mapping, const char *key)
{
	const struct config_node *node = config_node_find(mapping, key);

	return !node || (!node->wrong && node->kind != CONFIG_NODE_REFUSED);
}

static const struct config_place *place_of(const struct config_node *mapping, const char *key)
{
	const struct config_node *node = config_node_find(mapping, key);

	return node ? &node->at : &mapping->key_at;
}

/* A mistake at a key of a mapping, with the path of both before it. */
static void mistake(struct config_load *load, const struct config_node *mapping, const char *key,
		    const char *what, const char *hint)
{
	const size_t mark = config_path_push(load, key);

	config_hint(config_mistake(load, place_of(mapping, key), "%s: %s", load->path, what), "%s",
		    hint);
	config_path_pop(load, mark);
}

/* Two keys of a mapping of which the first must not be above the second. */
static void check_order(struct config_load *load, const struct config_node *mapping,
			const char *low_key, int64_t low, const char *high_key, int64_t high)
{
	const char *given = config_node_find(mapping, low_key) ? low_key : high_key;

	if (mapping && low > high && sound(mapping, low_key) && sound(mapping, high_key))
		config_mistake(load, place_of(mapping, given), "%s: %s is above %s", load->path,
			       low_key, high_key);
}

static void check_daemon(struct config_load *load, const struct config_node *root)
{
	const struct config *config = load->config;
	const struct config_limits *limits = &config->limits;
	const struct config_node *node = config_node_find(root, "limits");
	size_t mark = config_path_push(load, "limits");

	check_order(load, node, "connections_per_uid", limits->connections_per_uid, "connections",
		    limits->connections);
	check_order(load, node, "header_time", limits->header_ms, "request_time",
		    limits->request_ms);
	check_order(load, node, "body_time", limits->body_ms, "request_time", limits->request_ms);
	check_order(load, node, "body", (int64_t)limits->body_octets, "in_flight",
		    (int64_t)limits->in_flight_octets);
	config_path_pop(load, mark);
	mark = config_path_push(load, "store");
	if (config->store.size_octets % PAGE_OCTETS != 0)
		mistake(load, config_node_find(root, "store"), "size",
			"is no multiple of a page, 4KiB", "");
	config_path_pop(load, mark);
}

static void check_sockets(struct config_load *load, const struct config_node *root)
{
	const struct config_sockets *sockets = &load->config->sockets;
	const struct {
		const char *key;
		const struct config_socket *socket;
		bool needed;
	} all[] = {
		{ "submit", &sockets->submit, true },
		{ "control", &sockets->control, true },
		{ "tap", &sockets->tap, false },
	};
	const struct config_node *node = config_node_find(root, "sockets");
	const size_t mark = config_path_push(load, "sockets");
	const bool there = !node || node->kind == CONFIG_NODE_MAPPING;

	for (size_t i = 0; i < 3; i++) {
		if (there && all[i].needed && !config_node_find(node, all[i].key))
			mistake(load, node ? node : root, all[i].key, "is missing",
				"a mapping with the path of the socket");
		for (size_t j = 0; j < i; j++) {
			if (all[i].socket->path && all[j].socket->path &&
			    strcmp(all[i].socket->path, all[j].socket->path) == 0)
				mistake(load, node, all[i].key, "has the path of another socket",
					all[j].key);
		}
	}
	config_path_pop(load, mark);
}

/* Names that are spelt otherwise and mean the same, which YAML's own duplicates do not show. */
static void check_twice(struct config_load *load, const struct config_node *mapping,
			const void *elements, size_t n,
			bool (*same)(const void *elements, size_t i, size_t j))
{
	const struct config_node *entry = mapping ? mapping->first : NULL, *other;

	for (size_t i = 0; entry && i < n; i++, entry = entry->next) {
		other = mapping->first;
		for (size_t j = 0; j < i; j++, other = other->next) {
			if (!entry->wrong && !other->wrong && same(elements, i, j))
				break;
		}
		if (other != entry && strcmp(entry->key, other->key) != 0)
			config_mistake(load, &entry->key_at, "%s: %s stands here already",
				       load->path, entry->key);
	}
}

static bool same_uid(const void *elements, size_t i, size_t j)
{
	const struct config_uid *uids = elements;

	return uids[i].uid == uids[j].uid;
}

static bool same_status(const void *elements, size_t i, size_t j)
{
	const struct config_status *statuses = elements;

	return statuses[i].status == statuses[j].status;
}

static bool same_word(const void *elements, size_t i, size_t j)
{
	const struct config_stat *stats = elements;

	return strcasecmp(stats[i].word, stats[j].word) == 0;
}

static bool same_prefix(const void *elements, size_t i, size_t j)
{
	const struct config_inbound *inbounds = elements;

	return strcmp(inbounds[i].prefix, inbounds[j].prefix) == 0;
}

static bool same_tag(const void *elements, size_t i, size_t j)
{
	const struct config_tlv *tlvs = elements;

	return tlvs[i].tag == tlvs[j].tag;
}

static void check_uids(struct config_load *load, const struct config_node *root)
{
	const size_t mark = config_path_push(load, "uids");

	check_twice(load, config_node_find(root, "uids"), load->config->uids, load->config->n_uids,
		    same_uid);
	config_path_pop(load, mark);
}

/* ---- providers ---- */

static void check_tls(struct config_load *load, const struct config_tls *tls,
		      const struct config_node *node)
{
	const struct {
		const char *key, *path;
		enum config_file_kind kind;
	} files[] = {
		{ "ca", tls->ca, CONFIG_FILE_PUBLIC },
		{ "cert", tls->cert, CONFIG_FILE_PUBLIC },
		{ "key", tls->key, CONFIG_FILE_SECRET },
	};
	size_t mark;

	if (!node || node->kind != CONFIG_NODE_MAPPING)
		return;
	if (!config_node_find(node, "cert") != !config_node_find(node, "key"))
		mistake(load, node, config_node_find(node, "cert") ? "cert" : "key", "stands alone",
			"cert and key go together");
	for (size_t i = 0; i < 3; i++) {
		if (!files[i].path)
			continue;
		mark = config_path_push(load, files[i].key);
		config_file_read(load, place_of(node, files[i].key), files[i].path, files[i].kind,
				 NULL, 0);
		config_path_pop(load, mark);
	}
}

/* What the daemon has room for: more than that is refused, not passed over. */
static void check_count(struct config_load *load, const struct config_node *node, size_t n,
			size_t most)
{
	if (node && n > most)
		config_mistake(load, &node->at, "%s: has %zu entries; allowed: at most %zu",
			       load->path, n, most);
}

/* Reads the password into the page for secrets; one line end behind it is not part of it. */
static void read_password(struct config_load *load, const struct config_node *node, const char *key,
			  const char *path, const char **password)
{
	struct config_private *private = load->config->private;
	char text[CONFIG_PASSWORD_MAX + 3], *end;
	const size_t mark = config_path_push(load, key);
	const struct config_place *at = place_of(node, key);
	ssize_t n = path ? config_file_read(load, at, path, CONFIG_FILE_SECRET, text,
					    sizeof(text) - 1) :
			   -1;

	if (n >= 0) {
		end = text + n;
		if (end > text && end[-1] == '\n')
			end--;
		if (end > text && end[-1] == '\r')
			end--;
		n = end - text;
		for (const char *p = text; p < end; p++) {
			if (*p < 0x21 || *p > 0x7e)
				n = 0;
		}
	}
	if (n == 0 || n > CONFIG_PASSWORD_MAX) {
		config_hint(config_mistake(load, at, "%s: holds no password that fits", load->path),
			    "1 to %d printable characters on one line", CONFIG_PASSWORD_MAX);
	} else if (n > 0) {
		*password = private->secrets + private->secrets_used;
		memcpy(private->secrets + private->secrets_used, text, (size_t)n);
		private->secrets_used += (size_t)n + 1;
	}
	explicit_bzero(text, sizeof(text));
	config_path_pop(load, mark);
}

/* ---- outbind: a link on which the carrier connects to us ---- */

/* Compared with what the port says a peer's address is, so written as it writes it. */
static bool is_address(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];
	char same[INET6_ADDRSTRLEN];
	const int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	return inet_pton(family, text, address) == 1 &&
	       inet_ntop(family, address, same, sizeof(same)) && strcmp(same, text) == 0;
}

static void check_addresses(struct config_load *load, const struct config_texts *texts,
			    const struct config_node *node, const char *key)
{
	for (size_t i = 0; i < texts->n; i++) {
		if (is_address(texts->text[i]))
			continue;
		mistake(load, node, key, "must be IP addresses in their short form",
			"such as 192.0.2.1 or 2001:db8::1");
		return;
	}
}

static void check_outbind(struct config_load *load, const struct config_link *link,
			  const struct config_node *node)
{
	const struct config_node *tls = config_node_find(node, "tls");

	check_addresses(load, &link->hosts, node, "host");
	check_addresses(load, &link->peers, node, "peers");
	if (link->hosts.n > 1)
		mistake(load, node, "host", "must be one address", "give each its own link");
	if (!link->peers.n && !config_node_find(node, "outbind_password_file"))
		mistake(load, node, "outbind_password_file", "is missing",
			"or peers: whoever connects would be told our password");
	if (link->tls.enabled && (!link->tls.cert || !link->tls.key))
		mistake(load, node, "tls", "needs cert and key", "the carrier connects to us");
	if (tls && tls->kind == CONFIG_NODE_MAPPING &&
	    (config_node_find(tls, "server_name") || config_node_find(tls, "pin")))
		mistake(load, node, "tls", "has server_name or pin, which have no meaning here",
			"ca makes the carrier show a certificate");
}

/* What has no meaning for other links would be believed to have one. */
static void check_no_outbind(struct config_load *load, const struct config_node *node)
{
	static const char *const keys[] = { "peers", "outbind_system_id", "outbind_password_file" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (config_node_find(node, keys[i]))
			mistake(load, node, keys[i], "has no meaning here", "write bind: outbind");
	}
}

static void check_hosts(struct config_load *load, const struct config_link *link,
			const struct config_node *node)
{
	const size_t mark = config_path_push(load, "host");

	check_count(load, config_node_find(node, "host"), link->hosts.n, CONFIG_HOSTS_MAX);
	config_path_pop(load, mark);
}

static void check_links(struct config_load *load, const struct config_provider *provider,
			const struct config_node *node)
{
	const struct config_node *links = config_node_find(node, "links"), *entry;
	size_t mark = config_path_push(load, "links"), link_mark, tls_mark;
	bool submits = false;

	if (!links || (links->kind == CONFIG_NODE_MAPPING && links->n == 0))
		config_hint(config_mistake(load, links ? &links->at : &node->key_at,
					   "%s: is missing", load->path),
			    "a provider needs a link: NAME: {host: ..., port: ...}");
	for (size_t i = 0; i < provider->n_links; i++) {
		entry = config_node_nth(links, i);
		const bool receives = provider->links[i].bind == CONFIG_BIND_RECEIVER ||
				      provider->links[i].bind == CONFIG_BIND_OUTBIND;
		submits |= !receives || !sound(entry, "bind") || entry->kind != CONFIG_NODE_MAPPING;
		if (entry->wrong)
			continue;
		link_mark = config_path_push(load, entry->key);
		check_hosts(load, &provider->links[i], entry);
		if (sound(entry, "bind") && sound(entry, "host") && sound(entry, "peers"))
			(provider->links[i].bind == CONFIG_BIND_OUTBIND ?
				 check_outbind(load, &provider->links[i], entry) :
				 check_no_outbind(load, entry));
		read_password(load, entry, "outbind_password_file",
			      provider->links[i].outbind_password_file,
			      &provider->links[i].outbind_password);
		tls_mark = config_path_push(load, "tls");
		check_tls(load, &provider->links[i].tls, config_node_find(entry, "tls"));
		config_path_pop(load, tls_mark);
		config_path_pop(load, link_mark);
	}
	if (provider->n_links > 0 && !submits)
		config_hint(
			config_mistake(load, &links->key_at, "%s: no link can submit", load->path),
			"every one binds as a receiver; add a transmitter or use pair");
	config_path_pop(load, mark);
}

static void check_timers(struct config_load *load, const struct config_timers *timers,
			 const struct config_node *node)
{
	const size_t mark = config_path_push(load, "timers");

	check_order(load, node, "reconnect_min", timers->reconnect_min_ms, "reconnect_max",
		    timers->reconnect_max_ms);
	check_order(load, node, "refused_min", timers->refused_min_ms, "refused_max",
		    timers->refused_max_ms);
	check_order(load, node, "pause_min", timers->pause_min_ms, "pause_max",
		    timers->pause_max_ms);
	config_path_pop(load, mark);
}

/* 0 means the default alphabet and no other, and no octet means two. */
static void check_codings(struct config_load *load, const struct config_provider *provider,
			  const struct config_node *node)
{
	const struct config_node *entry = node ? node->first : NULL;

	for (size_t i = 0; entry && i < provider->n_data_codings; i++, entry = entry->next) {
		const struct config_data_coding *coding = &provider->data_codings[i];

		if (entry->wrong)
			continue;
		if (coding->octet == 0 && coding->alphabet != provider->default_alphabet)
			config_hint(config_mistake(load, &entry->at,
						   "%s: %s cannot be 0, which is default_alphabet",
						   load->path, entry->key),
				    "say default_alphabet: %s", entry->key);
		for (size_t k = 0; k < i; k++)
			if (provider->data_codings[k].octet == coding->octet)
				config_mistake(load, &entry->at, "%s: %s has the octet of another",
					       load->path, entry->key);
	}
}

static void check_tlvs(struct config_load *load, const struct config_tlv *tlvs, size_t n,
		       const struct config_node *node)
{
	const struct config_node *mapping = config_node_find(node, "submit_tlvs");
	const size_t mark = config_path_push(load, "submit_tlvs");

	check_twice(load, mapping, tlvs, n, same_tag);
	check_count(load, mapping, n, CONFIG_TLVS_MAX);
	config_path_pop(load, mark);
}

static void check_tables(struct config_load *load, const struct config_provider *provider,
			 const struct config_node *node)
{
	size_t mark = config_path_push(load, "statuses");

	check_twice(load, config_node_find(node, "statuses"), provider->statuses,
		    provider->n_statuses, same_status);
	config_path_pop(load, mark);
	mark = config_path_push(load, "stat");
	check_twice(load, config_node_find(node, "stat"), provider->stats, provider->n_stats,
		    same_word);
	check_count(load, config_node_find(node, "stat"), provider->n_stats, CONFIG_STATS_MAX);
	config_path_pop(load, mark);
	mark = config_path_push(load, "inbound");
	check_twice(load, config_node_find(node, "inbound"), provider->inbounds,
		    provider->n_inbounds, same_prefix);
	config_path_pop(load, mark);
	check_tlvs(load, provider->submit_tlvs, provider->n_submit_tlvs, node);
	mark = config_path_push(load, "data_codings");
	check_codings(load, provider, config_node_find(node, "data_codings"));
	config_path_pop(load, mark);
}

/* Pages of their own for all passwords; they stay out of core dumps and are wiped at the end. */
static bool make_room_for_secrets(struct config_load *load)
{
	struct config_private *private = load->config->private;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t octets = 0;
	void *pages;

	for (size_t i = 0; i < load->config->n_providers; i++)
		octets += (1 + load->config->providers[i].n_links) * (CONFIG_PASSWORD_MAX + 1);
	private->secrets_octets = (octets + page - 1) / page * page;
	if (octets == 0)
		return true;
	pages = mmap(NULL, private->secrets_octets, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED) {
		config_load_no_memory(load);
		return false;
	}
	madvise(pages, private->secrets_octets, MADV_DONTDUMP);
	private->secrets = pages;
	return true;
}

static void check_smpp(struct config_load *load, struct config_provider *provider,
		       const struct config_node *node)
{
	if (!config_node_find(node, "system_id"))
		mistake(load, node, "system_id", "is missing", "login name of the bind");
	read_password(load, node, "password_file", provider->password_file, &provider->password);
	check_links(load, provider, node);
	check_timers(load, &provider->timers, config_node_find(node, "timers"));
	if (provider->query_missing_receipt && provider->window < 2)
		mistake(load, node, "query_missing_receipt",
			"with a window of 1 a submit would wait for the answer of a query",
			"window: 2 or more");
	check_tables(load, provider, node);
	if (provider->tlvs == CONFIG_TLVS_NEVER && sound(node, "concat") && sound(node, "tlvs") &&
	    (provider->concat == CONFIG_CONCAT_SAR || provider->concat == CONFIG_CONCAT_PAYLOAD))
		mistake(load, node, "concat", "needs TLVs, and tlvs is never", "udh8 or udh16");
}

/* ---- the sandbox ---- */

#define SANDBOX_NAME "sandbox"

/* The sandbox is there whether the file names it or not: then with the defaults of its keys. */
static void add_sandbox(struct config_load *load, const struct config_node *root)
{
	struct config *config = load->config;
	const size_t n = config->n_providers;
	struct config_provider *providers = config_load_alloc(load, (n + 1) * sizeof(*providers));

	if (!providers)
		return;
	config->n_all_providers = n;
	for (size_t i = 0; i < n; i++) {
		providers[i] = config->providers[i];
		if (providers[i].kind == CONFIG_KIND_SANDBOX && !config->sandbox.provider)
			config->sandbox.provider = &providers[i];
	}
	config->providers = providers;
	if (config->sandbox.provider)
		return;
	if (config_provider_find(config, SANDBOX_NAME))
		mistake(load, config_node_find(root, "providers"), SANDBOX_NAME,
			"is the name of the sandbox, which is always there",
			"kind: sandbox, or another name");
	config_bind_defaults(load, &config_provider_section, &providers[n]);
	providers[n].name = SANDBOX_NAME;
	providers[n].kind = CONFIG_KIND_SANDBOX;
	config->sandbox.provider = &providers[n];
	config->n_all_providers = n + 1;
}

/* What has no meaning for a sandbox would be believed to have one. */
static void check_sandbox(struct config_load *load, const struct config_provider *provider,
			  const struct config_node *node)
{
	static const char *const foreign[] = { "system_id", "password_file", "links" };

	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
		if (config_node_find(node, foreign[i]))
			mistake(load, node, foreign[i], "a sandbox has none", "");
	}
	if (provider != load->config->sandbox.provider)
		mistake(load, node, "kind", "there is another sandbox, and one is all", "");
}

static void check_providers(struct config_load *load, const struct config_node *root)
{
	const struct config_node *node = config_node_find(root, "providers"), *entry;
	struct config_provider *provider;
	const size_t mark = config_path_push(load, "providers");
	size_t name_mark;

	for (size_t i = 0; i < load->config->n_providers; i++) {
		provider = &load->config->providers[i];
		entry = config_node_nth(node, i);
		if (entry->wrong || entry->kind != CONFIG_NODE_MAPPING || !sound(entry, "kind"))
			continue;
		name_mark = config_path_push(load, entry->key);
		if (provider->kind == CONFIG_KIND_SMPP)
			check_smpp(load, provider, entry);
		else
			check_sandbox(load, provider, entry);
		config_path_pop(load, name_mark);
	}
	config_path_pop(load, mark);
}

/* ---- routes ---- */

static void find_provider(struct config_load *load, struct config_route *route,
			  const struct config_node *node)
{
	const struct config *config = load->config;
	const char **names, *nearest = NULL;
	struct config_text_out known = { .octets = (char[160]){ 0 }, .size = 160 };
	char what[80];

	if (!route->provider_name)
		return;
	route->provider = config_provider_find(config, route->provider_name);
	if (route->provider)
		return;
	names = config_load_alloc(load, (config->n_providers + 1) * sizeof(*names));
	for (size_t i = 0; names && i < config->n_providers; i++) {
		names[i] = config->providers[i].name ? config->providers[i].name : "";
		config_out(&known, "%s%s", i > 0 ? ", " : "known: ", names[i]);
	}
	if (names)
		nearest = config_nearest(route->provider_name, names, config->n_providers);
	snprintf(what, sizeof(what), "there is no provider \"%s\"", route->provider_name);
	if (nearest)
		snprintf(known.octets, known.size, "did you mean \"%s\"?", nearest);
	mistake(load, node, "provider", what, known.octets);
}

static void check_route(struct config_load *load, struct config_route *route,
			const struct config_node *node)
{
	const bool approved = route->sender == CONFIG_SENDER_APPROVED;

	find_provider(load, route, node);
	check_tlvs(load, route->submit_tlvs, route->n_submit_tlvs, node);
	if (sound(node, "sender") && approved && !config_node_find(node, "senders"))
		mistake(load, node, "senders", "is missing", "the list of approved sender ids");
	if (sound(node, "sender") && !approved && config_node_find(node, "senders"))
		mistake(load, node, "senders", "has no meaning here", "write sender: approved");
	if (route->doubt == CONFIG_DOUBT_RESEND && sound(node, "doubt_grace") &&
	    sound(node, "receipt_deadline") && sound(node, "validity") &&
	    route->doubt_grace_ms >= route->receipt_deadline_ms)
		mistake(load, node,
			config_node_find(node, "doubt_grace") ? "doubt_grace" : "receipt_deadline",
			"doubt_grace must be shorter than receipt_deadline",
			"or a message in doubt is UNKNOWN before it is sent once more");
}

static void check_routes(struct config_load *load, const struct config_node *root)
{
	const struct config_node *node = config_node_find(root, "routes"), *entry;
	struct config_route *routes = load->config->routes;
	const size_t mark = config_path_push(load, "routes");
	size_t id_mark;

	for (size_t i = 0; i < load->config->n_routes; i++) {
		entry = config_node_nth(node, i);
		if (entry->wrong || entry->kind != CONFIG_NODE_MAPPING)
			continue;
		id_mark = config_path_push(load, entry->key);
		check_route(load, &routes[i], entry);
		for (size_t j = 0; j < i && routes[i].name; j++) {
			if (routes[j].name && strcmp(routes[i].name, routes[j].name) == 0) {
				mistake(load, entry, "name", "is the name of another route", "");
				break;
			}
		}
		config_path_pop(load, id_mark);
	}
	config_path_pop(load, mark);
}

/* ---- prices ---- */

/* A price beside its place in the file, to be sorted. */
struct priced {
	const struct config_price *price;
	const struct config_node *node;
};

static int compare_prices(const void *a, const void *b)
{
	const struct priced *left = a, *right = b;
	const int prefix = strcmp(left->price->prefix, right->price->prefix);

	if (prefix != 0)
		return prefix;
	if (left->price->route_id != right->price->route_id)
		return left->price->route_id < right->price->route_id ? -1 : 1;
	return left->price < right->price ? -1 : left->price > right->price;
}

static void price_mistake(struct config_load *load, const struct priced *priced, const char *key,
			  const char *what)
{
	config_mistake(load, place_of(priced->node, key), "prices.%zu.%s: %s",
		       (size_t)(priced->price - load->config->prices), key, what);
}

static bool has_route(const struct config *config, uint32_t id)
{
	for (size_t i = 0; i < config->n_routes; i++) {
		if (config->routes[i].id == id)
			return true;
	}
	return false;
}

/* One country per prefix, because all numbers of a request must be of one country. */
static void check_prices(struct config_load *load, const struct config_node *root)
{
	const struct config *config = load->config;
	const struct config_node *list = config_node_find(root, "prices"), *node;
	struct priced *sorted = config_load_alloc(load, (config->n_prices + 1) * sizeof(*sorted));
	size_t n = 0;

	node = list && config->n_prices > 0 ? list->first : NULL;
	for (size_t i = 0; sorted && node; i++, node = node->next) {
		const struct config_price *price = &config->prices[i];
		const struct priced priced = { price, node };

		if (price->route_id && !has_route(config, price->route_id))
			price_mistake(load, &priced, "route", "there is no such route");
		if (price->route_id && price->prefix && price->prefix[0] == '0')
			price_mistake(load, &priced, "prefix", "no number starts with 0");
		if (price->route_id && price->prefix && price->country)
			sorted[n++] = priced;
	}
	if (n > 1)
		qsort(sorted, n, sizeof(*sorted), compare_prices);
	for (size_t i = 1; i < n; i++) {
		const struct config_price *before = sorted[i - 1].price, *price = sorted[i].price;

		if (strcmp(before->prefix, price->prefix) != 0)
			continue;
		if (before->route_id == price->route_id)
			price_mistake(load, &sorted[i], "prefix",
				      "the route has a price for it already");
		if (strcmp(before->country, price->country) != 0)
			price_mistake(load, &sorted[i], "country",
				      "the prefix has another country elsewhere");
	}
}

void config_check(struct config_load *load, struct config_node *root)
{
	check_daemon(load, root);
	check_sockets(load, root);
	check_uids(load, root);
	add_sandbox(load, root);
	if (make_room_for_secrets(load))
		check_providers(load, root);
	check_routes(load, root);
	check_prices(load, root);
}
