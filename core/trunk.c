/*
 * Configured links: when, where and as what their ends connect, and what operators want of them.
 * What passes once an end is connected is core/link.c.
 *
 * A transceiver whose bind draws 0x03 is a pair from then on: old carriers know only bind_transmitter
 * and bind_receiver (SMPP 3.3). It is a transceiver again when the operator brings it up or rebinds
 * it, or, once both ends are down, when `fallback` has passed or the pair was refused so as well.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/link.h"
#include "core/log.h"
#include "core/sandbox.h"
#include "smpp/status.h"

#define BUDGET_MS 60000
#define SPREAD_MS 1000 /* between two binds of a provider, at most */

/* ---- making ---- */

static const struct {
	const char *suffix;
	uint32_t command_id;
} kinds[][2] = {
	[CONFIG_BIND_TRANSCEIVER] = { { "", SMPP_bind_transceiver } },
	[CONFIG_BIND_TRANSMITTER] = { { "", SMPP_bind_transmitter } },
	[CONFIG_BIND_RECEIVER] = { { "", SMPP_bind_receiver } },
	[CONFIG_BIND_PAIR] = { { "/tx", SMPP_bind_transmitter }, { "/rx", SMPP_bind_receiver } },
	[CONFIG_BIND_OUTBIND] = { { "", SMPP_bind_receiver } },
};

bool trunk_listens(const struct trunk *trunk)
{
	return trunk->config->bind == CONFIG_BIND_OUTBIND;
}

/* What its ends bind as from now on; they are down. */
static void become(struct trunk *trunk, enum config_bind bind)
{
	for (trunk->n_ends = 0; trunk->n_ends < 2; trunk->n_ends++) {
		struct link *end = trunk->ends[trunk->n_ends];
		if (!kinds[bind][trunk->n_ends].suffix)
			break;
		end->bind_command_id = kinds[bind][trunk->n_ends].command_id;
		snprintf(end->name, sizeof(end->name), "%s%s", trunk->name,
			 kinds[bind][trunk->n_ends].suffix);
	}
}

static bool make_tls(struct trunk *trunk, char *error)
{
	const struct config_tls *config = &trunk->config->tls;
	struct port_tls_options tls = {
		.server = trunk_listens(trunk),
		.ca_file = config->ca,
		.cert_file = config->cert,
		.key_file = config->key,
		.pin_sha256 = config->pin,
	};
	char why[PORT_TEXT_OCTETS];
	if (!config->enabled)
		return true;
	trunk->tls = port_tls_new(&tls, why, sizeof(why));
	if (!trunk->tls) {
		snprintf(error, PORT_TEXT_OCTETS, "link %s: tls: %.400s", trunk->name, why);
		return false;
	}
	port_tls_ends(trunk->tls, &trunk->tls_ends);
	return true;
}

struct trunk *trunk_new(struct provider *provider, const struct config_link *config, char *error)
{
	struct {
		struct trunk trunk;
		struct link ends[2];
	} *both = calloc(1, sizeof(*both));
	if (!both)
		return NULL;
	struct trunk *trunk = &both->trunk;
	trunk->provider = provider;
	trunk->config = config;
	for (size_t i = 0; i < 2; i++) {
		both->ends[i] = (struct link){ .provider = provider, .trunk = trunk };
		trunk->ends[i] = &both->ends[i];
	}
	snprintf(trunk->name, sizeof(trunk->name), "%s/%s", provider->config->name, config->name);
	become(trunk, config->bind);
	if (make_tls(trunk, error))
		return trunk;
	free(both);
	return NULL;
}

void trunk_free(struct engine *engine, struct trunk *trunk)
{
	if (!trunk)
		return;
	for (size_t i = 0; i < 2; i++) {
		struct link *link = trunk->ends[i];
		if (link->port_link) {
			assert(engine->links);
			HASH_DEL(engine->links, link);
			link_abort(engine, link);
		}
		smpp_session_free(link->session);
	}
	if (trunk->listener)
		port_listen_close(engine->port, trunk->listener);
	port_tls_free(trunk->tls);
	config_free(trunk->held);
	free(trunk); /* its ends lie in the same memory */
}

void trunks_list(struct provider *provider)
{
	provider->n_links = 0;
	for (size_t i = 0; i < provider->n_trunks; i++)
		for (size_t k = 0; k < provider->trunks[i]->n_ends; k++)
			provider->links[provider->n_links++] = provider->trunks[i]->ends[k];
}

struct trunk *trunk_find(const struct engine *engine, const char *name)
{
	for (size_t i = 0; i < engine->n_providers; i++) {
		const struct provider *provider = engine->providers[i];
		for (size_t k = 0; k < provider->n_trunks; k++)
			if (!provider->trunks[k]->held && !strcmp(provider->trunks[k]->name, name))
				return provider->trunks[k];
		for (size_t k = 0; k < provider->n_links; k++)
			if (!provider->links[k]->trunk->held &&
			    !strcmp(provider->links[k]->name, name))
				return provider->links[k]->trunk;
	}
	return NULL;
}

static bool is_down(const struct trunk *trunk)
{
	assert(trunk->n_ends <= 2);
	for (size_t i = 0; i < trunk->n_ends; i++)
		if (trunk->ends[i]->state != LINK_DOWN)
			return false;
	return true;
}

uint32_t trunk_outstanding(const struct trunk *trunk)
{
	uint32_t n = 0;
	for (size_t i = 0; i < trunk->n_ends; i++)
		n += trunk->ends[i]->outstanding;
	return n;
}

/* ---- a transceiver that is a pair for a while ---- */

static void fall_back(struct engine *engine, struct link *refused, int64_t now_ms)
{
	struct trunk *trunk = refused->trunk;
	become(trunk, CONFIG_BIND_PAIR);
	trunks_list(trunk->provider);
	trunk->pair_until_ms = now_ms + trunk->provider->config->timers.fallback_ms;
	trunk->pair_since_ms = port_wall_ms(engine->port);
	struct link *receiver = trunk->ends[1];
	receiver->failures = refused->failures;
	receiver->retry_ms = refused->retry_ms;
	receiver->host = refused->host;
	receiver->host_failures = refused->host_failures;
	link_set_state(engine, receiver, LINK_DOWN);
	for (size_t i = 0; i < 2; i++)
		snprintf(trunk->ends[i]->reason, sizeof(trunk->ends[i]->reason),
			 "the carrier does not know bind_transceiver");
	log_warning("link.fallback", "link=%s as=pair retry_transceiver_ms=%lld", trunk->name,
		    (long long)trunk->provider->config->timers.fallback_ms);
}

static void be_as_configured(struct trunk *trunk)
{
	bool fell_back = trunk->pair_until_ms;
	trunk->pair_until_ms = trunk->pair_since_ms = 0;
	trunk->outdated = false;
	become(trunk, trunk->config->bind);
	trunks_list(trunk->provider);
	if (fell_back)
		log_info("link.fallback_over", "link=%s as=%s", trunk->name,
			 config_bind_word(trunk->config->bind));
}

/* ---- when and where to connect ---- */

/* Evenly between 0.8 and 1.2 of it. */
static int64_t jittered(struct engine *engine, int64_t ms)
{
	uint16_t random;
	port_random(engine->port, &random, sizeof(random));
	return ms - ms / 5 + ms * 2 / 5 * random / 65535;
}

/* True when it goes on with a host that has not been tried yet since it was bound. */
static bool next_host(struct link *link)
{
	uint32_t hosts = (uint32_t)link->trunk->config->hosts.n;
	uint32_t most = link->provider->config->host_failures;
	if (++link->host_failures < most)
		return false;
	link->host_failures = 0;
	link->host = (link->host + 1) % hosts;
	return hosts > 1 && link->failures < most * (hosts - 1);
}

/* Exponential with jitter; slow after a refused login, which is the same at every host. */
static void back_off(struct engine *engine, struct link *link, bool bound, int64_t now_ms)
{
	const struct config_timers *timers = &link->provider->config->timers;
	bool refused = link->refused_since_ms && link->refused_status;
	int64_t least = refused ? timers->refused_min_ms : timers->reconnect_min_ms;
	int64_t most = refused ? timers->refused_max_ms : timers->reconnect_max_ms;
	int64_t wait_ms = least;
	if (bound)
		link->host = link->host_failures = 0;
	bool fresh = !bound && !refused && next_host(link);
	for (uint32_t i = 0; !fresh && i < link->failures && wait_ms < most; i++)
		wait_ms *= 2;
	if (refused && link->failures)
		wait_ms = most;
	link->failures++;
	link->retry_ms = now_ms + jittered(engine, wait_ms < most ? wait_ms : most);
}

void trunk_end_down(struct engine *engine, struct link *link, bool bound, int64_t now_ms)
{
	struct trunk *trunk = link->trunk;
	back_off(engine, link, bound, now_ms);
	if (link->refused_status != SMPP_ESME_RINVCMDID)
		return;
	if (trunk->pair_until_ms)
		trunk->pair_until_ms = now_ms; /* not that either */
	else if (link->bind_command_id == SMPP_bind_transceiver)
		fall_back(engine, link, now_ms);
}

/* When the next bind of the provider may begin, whichever link it is of. */
static int64_t budget_ms(const struct provider *provider)
{
	uint32_t most = provider->config->binds_per_minute;
	if (provider->binds < most)
		return 0;
	return provider->bind_ms[(provider->binds - most) % PROVIDER_BINDS_MAX] + BUDGET_MS;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void spend_bind(struct engine *engine, struct provider *provider, int64_t now_ms)
{
	int64_t spread_ms = provider->config->timers.reconnect_min_ms;
	if (spread_ms > SPREAD_MS)
		spread_ms = SPREAD_MS;
	provider->bind_ms[provider->binds++ % PROVIDER_BINDS_MAX] = now_ms;
	provider->next_bind_ms = now_ms + jittered(engine, spread_ms * 5 / 4);
}

int64_t link_retry_ms(const struct link *link)
{
	const struct provider *provider = link->provider;
	return later(link->retry_ms, later(provider->next_bind_ms, budget_ms(provider)));
}

/* A link that should be connected again when it is down. */
static bool wanted(const struct engine *engine, const struct link *link)
{
	return link->provider->config->enabled && !link->trunk->up_for_down && !engine->draining;
}

bool link_rests(const struct engine *engine, const struct link *link)
{
	const struct provider *provider = link->provider;
	return provider->config->kind == CONFIG_KIND_SANDBOX && link->state == LINK_DOWN &&
	       !sandbox_owes(engine->sandbox) &&
	       !queue_provider_depth(engine->queue, provider->index);
}

/* ... and by us: the carrier connects to a link that listens. */
static bool connects(const struct engine *engine, const struct link *link)
{
	return link->state == LINK_DOWN && wanted(engine, link) && !trunk_listens(link->trunk) &&
	       !link_rests(engine, link);
}

/* One that unbinds as soon as nothing is out on it. */
static bool going(const struct trunk *trunk)
{
	return trunk->up_for_down || !trunk->provider->config->enabled;
}

const char *link_waits_for(const struct engine *engine, const struct link *link, int64_t now_ms)
{
	if (link->state != LINK_DOWN)
		return NULL;
	if (link->trunk->held)
		return "nothing: it is no longer configured";
	if (link->trunk->up_for_down)
		return "the operator, who took it down";
	if (!wanted(engine, link))
		return engine->draining ? "nothing: the daemon stops" :
					  "nothing: the provider is disabled";
	if (trunk_listens(link->trunk))
		return link->trunk->listener ? "an outbind of the carrier" : "room to listen";
	if (link_rests(engine, link))
		return "a message of the sandbox";
	if (link->retry_ms > now_ms)
		return link->refused_since_ms ? "its time after a refused login" :
						"its time after a failure";
	return budget_ms(link->provider) > now_ms ? "binds_per_minute" :
						    "its turn after the provider's last bind";
}

/* To one host, with every address that its name has now. */
static uint64_t open_connection(struct engine *engine, const struct link *link)
{
	const struct config_link *config = link->trunk->config;
	const struct config_timers *timers = &link->provider->config->timers;
	struct port_address address = { .host = config->hosts.text[link->host],
					.port = (uint16_t)config->port };
	struct port_target target = {
		.addresses = &address,
		.address_count = 1,
		.tls = link->trunk->tls,
		.server_name = config->tls.server_name,
		.resolve_ms = (uint32_t)timers->resolve_ms,
		.connect_ms = (uint32_t)timers->connect_ms,
		.tls_ms = (uint32_t)timers->tls_ms,
		.stall_ms = (uint32_t)timers->write_stall_ms,
	};
	return port_open(engine->port, &target);
}

static void connect_end(struct engine *engine, struct link *link, int64_t now_ms)
{
	bool sandbox = link->provider->config->kind == CONFIG_KIND_SANDBOX;
	assert(!link->port_link);
	spend_bind(engine, link->provider, now_ms);
	link->reason[0] = '\0';
	link->refused_status = 0;
	uint64_t port_link = sandbox ? sandbox_open(engine->sandbox) :
				       open_connection(engine, link);
	if (!port_link) {
		snprintf(link->reason, sizeof(link->reason), "no memory for a connection");
		back_off(engine, link, false, now_ms);
		return;
	}
	link_takes(engine, link, port_link);
}

/* The end that has waited longest; NULL: none is due. */
static struct link *first_due(const struct engine *engine, const struct provider *provider,
			      int64_t now_ms)
{
	struct link *first = NULL;
	for (size_t i = 0; i < provider->n_links; i++) {
		struct link *link = provider->links[i];
		bool due = connects(engine, link) && link_retry_ms(link) <= now_ms;
		if (due && (!first || link->retry_ms < first->retry_ms))
			first = link;
	}
	return first;
}

void trunks_connect(struct engine *engine, struct provider *provider, int64_t now_ms)
{
	struct link *link = first_due(engine, provider, now_ms);
	if (link)
		connect_end(engine, link, now_ms);
}

int64_t trunks_deadline(const struct engine *engine, const struct provider *provider)
{
	int64_t due_ms = INT64_MAX;
	for (size_t i = 0; i < provider->n_links; i++) {
		const struct link *link = provider->links[i];
		const struct trunk *trunk = link->trunk;
		if (connects(engine, link) && link_retry_ms(link) < due_ms)
			due_ms = link_retry_ms(link);
		if (trunk_listens(trunk) && !trunk->listener && wanted(engine, link) &&
		    trunk->listen_ms < due_ms)
			due_ms = trunk->listen_ms;
		if ((trunk->up_again && is_down(trunk)) ||
		    (going(trunk) && link->state == LINK_BOUND && !link->outstanding &&
		     !link->asking))
			due_ms = 0;
	}
	return due_ms;
}

/* ---- where the carrier connects ---- */

#define LISTEN_AGAIN_MS 5000 /* when there was no room to listen */
#define CALLERS_MAX	8    /* at one time, refused ones included */
#define CALLS_PER_S	10   /* that are taken */

static void open_listener(struct engine *engine, struct trunk *trunk, int64_t now_ms)
{
	struct link *link = trunk->ends[0];
	char error[PORT_TEXT_OCTETS];
	struct port_listen listen = {
		.host = trunk->config->hosts.text[0],
		.port = (uint16_t)trunk->config->port,
		.tls = trunk->tls,
		.tls_ms = (uint32_t)trunk->provider->config->timers.tls_ms,
		.stall_ms = (uint32_t)trunk->provider->config->timers.write_stall_ms,
		.connections_max = CALLERS_MAX,
	};
	trunk->listener = port_listen(engine->port, &listen, error, sizeof(error));
	trunk->listen_tls = trunk->tls;
	if (trunk->listener) {
		log_info("link.listening", "link=%s address=%s", trunk->name,
			 port_listen_address(engine->port, trunk->listener));
		return;
	}
	trunk->listen_ms = now_ms + LISTEN_AGAIN_MS;
	if (strstr(link->reason, error))
		return; /* told already */
	snprintf(link->reason, sizeof(link->reason), "cannot listen: %.150s", error);
	log_warning("link.not_listening", "link=%s error=\"%s\"", trunk->name, error);
}

static void listen_as_wanted(struct engine *engine, struct trunk *trunk, int64_t now_ms)
{
	bool want = trunk_listens(trunk) && wanted(engine, trunk->ends[0]);
	if (trunk->listener && (!want || trunk->listen_tls != trunk->tls)) {
		port_listen_close(engine->port, trunk->listener);
		trunk->listener = 0;
	}
	if (want && !trunk->listener && now_ms >= trunk->listen_ms)
		open_listener(engine, trunk, now_ms);
}

/* "192.0.2.1:2775" and "[2001:db8::1]:2775" begin with the address. */
static bool is_from(const char *peer, const char *address)
{
	size_t n = strlen(address);
	peer += *peer == '[';
	return !strncmp(peer, address, n) && (peer[n] == ':' || peer[n] == ']');
}

/* One that is taken costs a commit, whoever it is: strangers must not keep the disk busy. */
static bool too_many(struct trunk *trunk, int64_t now_ms)
{
	if (now_ms - trunk->calls_since_ms >= 1000) {
		trunk->calls_since_ms = now_ms;
		trunk->calls = 0;
	}
	return trunk->calls++ >= CALLS_PER_S;
}

/* Why a caller is refused before it says a word; NULL: it is not. */
static const char *unwelcome(struct trunk *trunk, const char *peer, int64_t now_ms)
{
	const struct config_texts *peers = &trunk->config->peers;
	bool allowed = !peers->n;
	for (size_t i = 0; i < peers->n; i++)
		allowed = allowed || is_from(peer, peers->text[i]);
	if (!allowed)
		return "it is none of peers";
	if (trunk->ends[0]->port_link)
		return "the link has a connection already";
	return too_many(trunk, now_ms) ? "too many calls in this second" : NULL;
}

bool trunk_called(struct engine *engine, struct provider *provider, const struct port_event *event)
{
	struct trunk *trunk = NULL;
	for (size_t i = 0; event->listener && i < provider->n_trunks; i++)
		if (provider->trunks[i]->listener == event->listener)
			trunk = provider->trunks[i];
	if (!trunk)
		return false;
	if (event->kind == PORT_DOWN && event->reason == PORT_DOWN_OURS)
		return true; /* told when it was refused */
	const char *why = event->kind == PORT_UP ? unwelcome(trunk, event->peer, event->at_ms) :
						   event->text;
	if (why) {
		trunk->calls_refused++;
		log_warning("link.call_refused", "link=%s peer=%s reason=\"%s\"", trunk->name,
			    event->peer, why);
		port_abort(engine->port, event->link);
		return true;
	}
	struct link *link = trunk->ends[0];
	link->reason[0] = '\0';
	link->refused_status = 0;
	link_takes(engine, link, event->link);
	link_event(engine, link, event);
	return true;
}

/* In one time for every text of a length, so that guessing is not helped along. */
static bool is_text(struct smpp_octets octets, const char *text)
{
	uint8_t differ = 0;
	if (!text)
		return true;
	if (octets.n != strlen(text))
		return false;
	for (uint32_t i = 0; i < octets.n; i++)
		differ |= octets.at[i] ^ (uint8_t)text[i];
	return !differ;
}

bool trunk_knows(const struct trunk *trunk, const struct smpp_pdu *outbind)
{
	/* Both are looked at, so that the time does not tell which of them is wrong. */
	bool named = is_text(outbind->system_id, trunk->config->outbind_system_id);
	bool proven = is_text(outbind->password, trunk->config->outbind_password);
	return named && proven;
}

/* ---- what operators want ---- */

static void obey(struct engine *engine, struct link *link)
{
	const struct trunk *trunk = link->trunk;
	if (going(trunk)) {
		const char *why = trunk->up_for_down ? trunk->why : "the provider is disabled";
		if (link->port_link && link->state < LINK_BOUND)
			snprintf(link->reason, sizeof(link->reason), "%s", why);
		link_drain(engine, link, false, why);
	} else if (link->provider->paused && link->state == LINK_BOUND) {
		smpp_session_withdraw(link->session);
		link_pump(engine, link);
	}
}

/* From its first host, as it is configured. */
static void begin_anew(struct trunk *trunk, int64_t now_ms)
{
	if (is_down(trunk))
		be_as_configured(trunk);
	for (size_t i = 0; i < trunk->n_ends; i++) {
		struct link *link = trunk->ends[i];
		link->retry_ms = now_ms;
		if (link->state == LINK_DOWN)
			link->host = link->host_failures = 0;
	}
}

void trunk_tick(struct engine *engine, struct trunk *trunk, int64_t now_ms)
{
	for (size_t i = 0; i < trunk->n_ends; i++)
		obey(engine, trunk->ends[i]);
	listen_as_wanted(engine, trunk, now_ms);
	if (!is_down(trunk))
		return;
	if (trunk->up_again) {
		trunk->up_for_down = false;
		trunk->up_again = false;
		begin_anew(trunk, now_ms);
	} else if (trunk->pair_until_ms && now_ms >= trunk->pair_until_ms) {
		be_as_configured(trunk);
	}
}

static void take_down(struct engine *engine, struct trunk *trunk, bool again, const char *why)
{
	trunk->up_for_down = true;
	trunk->up_again = again;
	trunk->why = why;
	for (size_t i = 0; i < trunk->n_ends; i++)
		link_hold(engine, trunk->ends[i]);
}

void trunk_take_down(struct engine *engine, struct trunk *trunk, bool again)
{
	take_down(engine, trunk, again,
		  again ? "rebound by the operator" : "taken down by the operator");
}

void trunk_bring_up(struct engine *engine, struct trunk *trunk)
{
	bool first_down = trunk->outdated && !is_down(trunk);
	trunk->up_for_down = first_down;
	trunk->up_again = first_down;
	if (first_down)
		return;
	begin_anew(trunk, port_now_ms(engine->port));
	for (size_t i = 0; i < trunk->n_ends; i++)
		link_let_go(engine, trunk->ends[i]);
}

/* ---- another configuration ---- */

/* Files of certificates are for the next connection; with all else changed it is another link. */
static bool same_link(const struct config_link *was, const struct config_link *is)
{
	struct config_link a = *was, b = *is;
	a.tls.ca = a.tls.cert = a.tls.key = NULL;
	b.tls.ca = b.tls.cert = b.tls.key = NULL;
	return config_same_link(&a, &b);
}

static bool same_login(const struct config_provider *was, const struct config_provider *is)
{
	return config_same_text(was->system_id, is->system_id) &&
	       config_same_text(was->system_type, is->system_type);
}

void trunk_adopt(struct engine *engine, struct trunk *trunk, struct trunk *fresh)
{
	const struct config_provider *was = trunk->provider->config, *is = fresh->provider->config;
	bool same = same_link(trunk->config, fresh->config) && same_login(was, is);
	struct port_tls *tls = trunk->tls;
	trunk->tls = fresh->tls;
	fresh->tls = tls;
	trunk->tls_ends = fresh->tls_ends;
	trunk->config = fresh->config;
	trunk->outdated = trunk->outdated || !same;
	if (!same && (!trunk->up_for_down || trunk->up_again))
		take_down(engine, trunk, true, "rebound: its configuration is another one");
	for (size_t i = 0; i < 2; i++) {
		struct link *link = trunk->ends[i];
		if (!same)
			link->host = link->host_failures = 0;
		if (config_same_text(was->password, is->password))
			continue;
		link->failures = 0;
		link->retry_ms = port_now_ms(engine->port);
	}
}

void trunk_leave(struct engine *engine, struct trunk *trunk, const struct config *old)
{
	engine->leaving = true;
	take_down(engine, trunk, false, "no longer configured");
	if (!trunk->held)
		trunk->held = config_hold(old);
}

bool trunk_has_left(const struct trunk *trunk)
{
	bool out = !trunk->held;
	for (size_t i = 0; i < 2; i++)
		out = out || trunk->ends[i]->port_link || trunk->ends[i]->outstanding;
	return !out;
}
