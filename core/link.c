/* One link: octets to session to inputs, and back. The other half of core/provider.h. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/ask.h"
#include "core/content.h"
#include "core/link.h"
#include "core/inbound.h"
#include "core/json.h"
#include "core/log.h"
#include "core/reconcile.h"
#include "core/route.h"
#include "core/sandbox.h"
#include "core/tap.h"

void link_set_state(struct engine *engine, struct link *link, enum link_state state)
{
	link->state = state;
	link->since_ms = port_wall_ms(engine->port);
}

/* ---- the connection: one of the port, or one to the far end of the sandbox ---- */

static size_t give(struct engine *engine, const struct link *link, const struct smpp_output *out)
{
	if (sandbox_has(link->port_link))
		return sandbox_write(engine->sandbox, link->port_link, out->at, out->n);
	return port_write(engine->port, link->port_link, out->at, out->n);
}

static void read_on(struct engine *engine, const struct link *link, bool wanted)
{
	if (sandbox_has(link->port_link))
		sandbox_pause(engine->sandbox, link->port_link, !wanted);
	else
		(wanted ? port_resume : port_pause)(engine->port, link->port_link);
}

/* Behind what was said on it. */
static void close_connection(struct engine *engine, const struct link *link)
{
	if (sandbox_has(link->port_link))
		sandbox_close(engine->sandbox, link->port_link);
	else
		port_close(engine->port, link->port_link);
}

void link_abort(struct engine *engine, const struct link *link)
{
	if (sandbox_has(link->port_link))
		sandbox_close(engine->sandbox, link->port_link);
	else
		port_abort(engine->port, link->port_link);
}

static void put_out(struct engine *engine, struct link *link)
{
	struct smpp_output out;
	if (!link->port_link)
		return;
	if (!smpp_session_output(link->session, port_now_ms(engine->port), &out))
		return;
	if (out.fresh < out.n)
		tap_octets(engine->tap, link, TAP_OUT, port_wall_ms(engine->port),
			   out.at + out.fresh, out.n - out.fresh);
	smpp_session_wrote(link->session, give(engine, link, &out));
}

/* After answers and output have made room the peer must be read again. */
static void watch_reading(struct engine *engine, struct link *link)
{
	bool wanted = link->session && smpp_session_wants_input(link->session);
	if (!link->port_link || wanted != link->reading_paused)
		return;
	link->reading_paused = !wanted;
	read_on(engine, link, wanted);
}

void link_flush(struct engine *engine, struct link *link)
{
	if (!link->session || !link->session_number)
		return;
	put_out(engine, link);
	watch_reading(engine, link);
}

/* ---- events of the session ---- */

static void verdict(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	if (ask_is(event->tag)) {
		ask_event(engine, link, event);
		return;
	}
	link->unanswered += event->kind == SMPP_EVENT_TIMEOUT || event->kind == SMPP_EVENT_LOST;
	link->unsent += event->kind == SMPP_EVENT_UNSENT;
	reconcile_verdict(engine, link, event);
}

/* The carrier says that it has no submit_multi: the link is well, and all goes by submit_sm. */
static bool knows_no_multi(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	const struct flight *flight = releases_find(engine->releases, event->tag);
	if (event->command_status != SMPP_ESME_RINVCMDID || !flight || flight->n == 1)
		return false;
	if (!link->provider->no_multi)
		log_warning("provider.no_multi",
			    "provider=%s it does not know submit_multi; submit_sm is sent instead",
			    link->provider->config->name);
	link->provider->no_multi = true;
	return true;
}

static void answered(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	const struct config_provider *config = link->provider->config;
	link->answers++;
	link->rtt_ms = link->answers > 1 ? link->rtt_ms + (event->rtt_ms - link->rtt_ms) / 8 :
					   event->rtt_ms;
	if (event->command_status) {
		enum config_status_class class = route_status_class(config, event->command_status);
		/* A verb it does not speak is no trouble of the link. */
		bool verb = ask_is(event->tag) || knows_no_multi(engine, link, event);
		link->throttles += class == CONFIG_STATUS_PAUSE;
		if (class == CONFIG_STATUS_PAUSE)
			link_pause(engine, link, event->at_ms);
		else if (class == CONFIG_STATUS_REBIND && !verb)
			link_rebind(engine, link, smpp_status(event->command_status).meaning);
	} else if (!ask_is(event->tag)) {
		link_accepted(link);
	}
	verdict(engine, link, event);
}

static void request(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	link->receipts++;
	reconcile_delivery(engine, link, event);
}

/* The carrier connected to us and asks for the bind (SMPP 3.4, 2.2.1). */
static void outbind(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	bool known = trunk_knows(link->trunk, event->pdu);
	if (known && smpp_session_bind(link->session, event->at_ms) == SMPP_SESSION_OK) {
		log_info("link.outbind", "link=%s peer=%s", link->name, link->peer);
		return;
	}
	link->trunk->calls_refused += !known;
	snprintf(link->reason, sizeof(link->reason), "%s",
		 known ? "the bind cannot be encoded" :
			 "an outbind with another system_id or password was refused");
	log_warning("link.outbind_refused", "link=%s peer=%s", link->name, link->peer);
	link_abort(engine, link);
}

/* One alarm for all: who is refused stands in its link's reason. */
void link_tell_refusals(struct engine *engine)
{
	const struct link *refused = NULL;
	for (size_t i = 0; i < engine->n_providers; i++)
		for (size_t k = 0; k < engine->providers[i]->n_links; k++)
			if (engine->providers[i]->links[k]->refused_since_ms &&
			    !engine->providers[i]->links[k]->trunk->held)
				refused = engine->providers[i]->links[k];
	char text[PORT_TEXT_OCTETS];
	snprintf(text, sizeof(text), "a carrier refuses our login: %s",
		 refused ? refused->name : "");
	alarm_set(engine, "login_refused", refused != NULL, text);
}

static bool sends_tlvs(const struct engine *engine, const struct config_provider *provider)
{
	bool sends = provider->n_submit_tlvs > 0;
	for (size_t i = 0; i < engine->config->n_routes; i++)
		sends = sends || (engine->config->routes[i].provider == provider &&
				  engine->config->routes[i].n_submit_tlvs);
	return sends;
}

/* One alarm for all links whose peer takes none of the TLVs that our settings want sent. */
void link_tell_tlvs(struct engine *engine)
{
	const struct link *found = NULL;
	for (size_t i = 0; i < engine->n_providers; i++) {
		const struct provider *provider = engine->providers[i];
		for (size_t k = 0; k < provider->n_links; k++) {
			const struct link *link = provider->links[k];
			bool wants = sends_tlvs(engine, provider->config) || link_lacks_tlvs(link);
			if (wants && link->state == LINK_BOUND && !link->trunk->held &&
			    !link->tlvs_allowed && link->bind_command_id != SMPP_bind_receiver &&
			    (!found || link_lacks_tlvs(link)))
				found = link;
		}
	}
	char text[PORT_TEXT_OCTETS];
	snprintf(text, sizeof(text),
		 "%s: its bind response says that the carrier takes no TLVs, so %s",
		 found ? found->name : "",
		 found && link_lacks_tlvs(found) ?
			 "nothing is submitted there, for concat needs them" :
			 "submit_tlvs are left out");
	alarm_set(engine, "tlvs_not_taken", found != NULL, text);
}

/* Sometimes the first sign of a peer that means other things by what it says. */
static void tell_version(const struct link *link)
{
	static const char known[] = { 0x00, 0x33, 0x34, 0x50 };
	if (!memchr(known, link->peer_version, sizeof(known)))
		log_warning(
			"link.version",
			"link=%s sc_interface_version=0x%02x is no version of SMPP; it is taken for "
			"%s",
			link->name, link->peer_version, link->peer_version < 0x34 ? "3.3" : "3.4");
}

static void bound(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	link->tlvs_allowed = event->tlvs_allowed;
	link->peer_version = event->interface_version;
	link->bound_ms = event->at_ms;
	link->failures = 0;
	link->refused_since_ms = 0;
	link->refused_status = 0;
	link->reason[0] = '\0';
	link_tell_refusals(engine);
	link_set_state(engine, link, LINK_BOUND);
	link->bounds++;
	link_tell_tlvs(engine);
	reconcile_bound(engine, link);
	log_info("link.bound", "link=%s peer=%s version=0x%02x tlvs=%d", link->name, link->peer,
		 link->peer_version, link->tlvs_allowed);
	tell_version(link);
}

/* Another trouble than before: its back-off begins at its own beginning. */
static void set_refused(struct link *link, int64_t since_ms)
{
	link->refused_since_ms = since_ms;
	link->failures = 0;
}

static void bind_refused(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	char status[SMPP_STATUS_TEXT_OCTETS];
	static const uint32_t login[] = { SMPP_ESME_RBINDFAIL, SMPP_ESME_RINVPASWD,
					  SMPP_ESME_RINVSYSID, SMPP_ESME_RINVSYSTYP };
	snprintf(link->reason, sizeof(link->reason), "bind refused with %s: %s",
		 smpp_status_text(event->command_status, status),
		 smpp_status(event->command_status).meaning);
	link->refused_status = event->command_status;
	bool wrong = false;
	for (size_t i = 0; i < sizeof(login) / sizeof(login[0]); i++)
		wrong = wrong || event->command_status == login[i];
	if (wrong != (link->refused_since_ms != 0))
		set_refused(link, wrong ? event->at_ms : 0);
	link_tell_refusals(engine);
	log_warning("link.bind_refused", "link=%s status=\"%s\"", link->name, status);
}

static void notice(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	if (event->command_id == SMPP_alert_notification)
		inbound_alert(engine, link, event->pdu);
	if (event->command_id == SMPP_outbind)
		log_warning("link.outbind_ignored", "link=%s peer=%s", link->name, link->peer);
	log_debug("link.pdu", "link=%s command=0x%08X", link->name, event->command_id);
}

static void orphan_response(struct engine *engine, struct link *link,
			    const struct smpp_event *event)
{
	(void)engine;
	log_warning("link.stray_response", "link=%s sequence=%u command=0x%08X", link->name,
		    event->sequence_number, event->command_id);
}

/* An alert or a handshake where a command_length should be: 0x15 or 0x16, then the version 3.x. */
static bool is_tls(const struct smpp_event *event)
{
	return event->octets_n > 1 && (event->octets[0] == 0x15 || event->octets[0] == 0x16) &&
	       event->octets[1] == 3;
}

static void problem(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	(void)engine;
	if (!event->pdu && link->state == LINK_BINDING && is_tls(event))
		snprintf(link->reason, sizeof(link->reason),
			 "the peer speaks TLS on this port; take tls: off out of the link");
	log_warning("link.bad_pdu", "link=%s sequence=%u field=%s offset=%u section=%s what=%s",
		    link->name, event->sequence_number,
		    event->problem.field ? event->problem.field : "-", event->problem.offset,
		    event->problem.section ? event->problem.section : "-",
		    event->problem.text ? event->problem.text : "-");
}

static void unbound(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	(void)event;
	if (!link->reason[0])
		snprintf(link->reason, sizeof(link->reason), "unbound by the peer");
	link->ready = false;
	link_set_state(engine, link, LINK_UNBINDING);
	smpp_session_withdraw(link->session);
}

static void session_close(struct engine *engine, struct link *link, const struct smpp_event *event)
{
	if (!link->reason[0])
		snprintf(link->reason, sizeof(link->reason), "%s",
			 smpp_session_close_text(event->close));
	link->trunk->calls_refused += event->close == SMPP_CLOSE_NO_OUTBIND;
	link->ready = false;
	link_flush(engine, link);
	close_connection(engine, link);
}

typedef void session_event_fn(struct engine *engine, struct link *link,
			      const struct smpp_event *event);
static session_event_fn *const on_event[] = {
	[SMPP_EVENT_BOUND] = bound,	    [SMPP_EVENT_BIND_REFUSED] = bind_refused,
	[SMPP_EVENT_BIND_REQUEST] = notice, [SMPP_EVENT_OUTBIND] = outbind,
	[SMPP_EVENT_REQUEST] = request,	    [SMPP_EVENT_NOTICE] = notice,
	[SMPP_EVENT_RESPONSE] = answered,   [SMPP_EVENT_ORPHAN_RESPONSE] = orphan_response,
	[SMPP_EVENT_TIMEOUT] = verdict,	    [SMPP_EVENT_UNSENT] = verdict,
	[SMPP_EVENT_LOST] = verdict,	    [SMPP_EVENT_PROBLEM] = problem,
	[SMPP_EVENT_UNBOUND] = unbound,	    [SMPP_EVENT_CLOSE] = session_close,
};

static void note_slowed(const struct engine *engine, const struct link *link, uint32_t state,
			int64_t now_ms)
{
	const struct provider *provider = link->provider;
	double pace = provider_pace(provider, now_ms);
	char rate[48] = "";
	if (provider->config->rate_per_s)
		snprintf(rate, sizeof(rate), "%.1f a second, ",
			 provider->config->rate_per_s * pace);
	tap_note(engine->tap, link, port_wall_ms(engine->port), 0,
		 "congestion_state %u: slowed to %d %%, %sa window of %u", state, (int)(pace * 100),
		 rate, link_window(provider, now_ms));
}

/* In any response, also one that completes nothing. */
static void hear_congestion(struct engine *engine, struct link *link,
			    const struct smpp_event *event)
{
	uint32_t state;
	if (event->pdu && event->command_id & SMPP_RESP_BIT &&
	    smpp_pdu_tlv_int(event->pdu, SMPP_TLV_congestion_state, &state) == SMPP_TLV_INT_OK &&
	    provider_congestion(link->provider, state, event->at_ms))
		note_slowed(engine, link, state, event->at_ms);
}

void link_pump(struct engine *engine, struct link *link)
{
	struct smpp_event event;
	if (!link->session_number)
		return; /* what it says waits in the session */
	while (smpp_session_next(link->session, &event)) {
		if (event.octets)
			tap_octets(engine->tap, link, TAP_IN, port_wall_ms(engine->port),
				   event.octets, event.octets_n);
		hear_congestion(engine, link, &event);
		on_event[event.kind](engine, link, &event);
	}
	link_flush(engine, link);
}

/* ---- flow ---- */

uint32_t link_window(const struct provider *provider, int64_t now_ms)
{
	uint32_t window = (uint32_t)(provider->config->window * provider_pace(provider, now_ms));
	return window ? window : 1;
}

/*
 * What is released ahead leaves as answers come, whatever the rate and whatever the other links
 * have out: where that counts there is none.
 */
static uint32_t most_outstanding(const struct link *link)
{
	const struct config_provider *config = link->provider->config;
	bool ahead = !config->rate_per_s && config->window_scope == CONFIG_WINDOW_PER_SESSION;
	return config->window + (ahead ? config->release_ahead : 0);
}

bool link_lacks_tlvs(const struct link *link)
{
	return !link->tlvs_allowed && content_needs_tlvs(content_method(link->provider->config));
}

uint32_t link_room(const struct link *link, int64_t now_ms)
{
	uint32_t most = link->allowed;
	if (!link->ready || link->trunk->up_for_down || link->state != LINK_BOUND ||
	    now_ms < link->paused_until_ms)
		return 0;
	if (link->bind_command_id == SMPP_bind_receiver || link_lacks_tlvs(link))
		return 0;
	/* A verdict and the release that takes its place share a transaction. */
	uint32_t out = link->outstanding - link->settling + link->asking;
	if (provider_pace(link->provider, now_ms) < 1 && most > link_window(link->provider, now_ms))
		most = link_window(link->provider, now_ms);
	return out < most ? most - out : 0;
}

static void note_pause(const struct engine *engine, const struct link *link)
{
	int64_t wall_ms = port_wall_ms(engine->port);
	int64_t wait_ms = link->paused_until_ms - port_now_ms(engine->port);
	char until[25];
	json_time_text(wall_ms + wait_ms, until);
	tap_note(engine->tap, link, wall_ms, 0,
		 "throttled: nothing is submitted for %lld ms, until %s; %u have no answer yet",
		 (long long)wait_ms, until, link->outstanding);
}

void link_pause(struct engine *engine, struct link *link, int64_t now_ms)
{
	const struct config_timers *timers = &link->provider->config->timers;
	if (now_ms < link->paused_until_ms)
		return; /* several throttles of one window are one event */
	uint8_t jitter;
	port_random(engine->port, &jitter, 1);
	int64_t pause_ms = link->pause_ms ? link->pause_ms * 2 : timers->pause_min_ms;
	link->pause_ms = pause_ms < timers->pause_max_ms ? pause_ms : timers->pause_max_ms;
	link->paused_until_ms = now_ms + link->pause_ms + link->pause_ms * jitter / 1280;
	smpp_session_hold(link->session);
	smpp_session_withdraw(link->session);
	log_info("link.throttled", "link=%s pause_ms=%lld", link->name, (long long)link->pause_ms);
	note_pause(engine, link);
}

void link_accepted(struct link *link)
{
	if (link->paused_until_ms)
		return; /* an answer from before the pause */
	link->pause_ms = 0;
	if (link->allowed < most_outstanding(link))
		link->allowed++;
}

static void end_pause(struct engine *engine, struct link *link, int64_t now_ms)
{
	if (!link->paused_until_ms || now_ms < link->paused_until_ms)
		return;
	link->paused_until_ms = 0;
	/* Probe with one beside what never was answered, else that would hold the link up as well. */
	link->allowed = link->outstanding < most_outstanding(link) ? link->outstanding + 1 :
								     most_outstanding(link);
	if (link->session)
		smpp_session_resume(link->session);
	engine->schedule = true;
	tap_note(engine->tap, link, port_wall_ms(engine->port), 0,
		 "the pause is over: %u at a time, and one more with each that is taken",
		 link->allowed);
}

void link_tick(struct engine *engine, struct link *link, int64_t now_ms)
{
	end_pause(engine, link, now_ms);
	if (!link->session)
		return;
	if (smpp_session_deadline(link->session) <= now_ms) {
		smpp_session_tick(link->session, now_ms);
		link_pump(engine, link);
	}
}

void link_unbind(struct engine *engine, struct link *link, const char *reason)
{
	if (link->state != LINK_BOUND)
		return;
	snprintf(link->reason, sizeof(link->reason), "%s", reason);
	link->ready = false;
	link_set_state(engine, link, LINK_UNBINDING);
	if (smpp_session_unbind(link->session, port_now_ms(engine->port)) != SMPP_SESSION_OK)
		close_connection(engine, link);
}

void link_rebind(struct engine *engine, struct link *link, const char *reason)
{
	link_unbind(engine, link, reason);
}

void link_hold(struct engine *engine, struct link *link)
{
	if (link->session)
		smpp_session_hold(link->session);
	engine->schedule = true;
}

void link_let_go(struct engine *engine, struct link *link)
{
	bool held = link->paused_until_ms || link->trunk->up_for_down || link->provider->paused;
	if (link->session && !held)
		smpp_session_resume(link->session);
	engine->schedule = true;
}

void link_drain(struct engine *engine, struct link *link, bool now, const char *reason)
{
	if (link->state == LINK_BOUND && link->session)
		smpp_session_withdraw(link->session);
	if (link->state == LINK_BOUND && (now || !(link->outstanding + link->asking))) {
		link_unbind(engine, link, reason);
		link_pump(engine, link);
	} else if (link->port_link && link->state != LINK_BOUND && link->state != LINK_UNBINDING) {
		link_abort(engine, link);
	} else if (link->session) {
		link_pump(engine, link);
	}
}

/* ---- events of the port ---- */

static const uint8_t versions[] = {
	[CONFIG_INTERFACE_33] = 0x33,
	[CONFIG_INTERFACE_34] = 0x34,
	[CONFIG_INTERFACE_50] = 0x50,
};
static const enum smpp_session_tlvs tlvs[] = {
	[CONFIG_TLVS_AUTO] = SMPP_SESSION_TLVS_AUTO,
	[CONFIG_TLVS_ALWAYS] = SMPP_SESSION_TLVS_ALWAYS,
	[CONFIG_TLVS_NEVER] = SMPP_SESSION_TLVS_NEVER,
};

void link_takes(struct engine *engine, struct link *link, uint64_t port_link)
{
	link->port_link = port_link;
	link->session_number = 0;
	HASH_ADD(hh, engine->links, port_link, sizeof(link->port_link), link);
	link_set_state(engine, link, LINK_CONNECTING);
}

/* Who sends long texts by TLVs says that the carrier takes them, even if that says nothing. */
static enum smpp_session_tlvs tlvs_of(const struct config_provider *config)
{
	if (config->tlvs == CONFIG_TLVS_AUTO && content_needs_tlvs(content_method(config)))
		return SMPP_SESSION_TLVS_UNLESS_OLD;
	return tlvs[config->tlvs];
}

static void link_up(struct engine *engine, struct link *link, const struct port_event *event)
{
	const struct config_provider *config = link->provider->config;
	struct smpp_session_config session = {
		.role = SMPP_ESME,
		.bind_command_id = link->bind_command_id,
		.outbind = trunk_listens(link->trunk),
		.system_id = config->system_id,
		.password = config->password,
		.system_type = config->system_type,
		.interface_version = versions[config->interface_version],
		.tlvs = tlvs_of(config),
		.window = config->window,
		.max_pdu = config->max_pdu_octets,
		.bind_ms = (uint32_t)config->timers.bind_ms,
		.session_init_ms = (uint32_t)config->timers.bind_ms,
		.enquire_link_idle_ms = (uint32_t)config->timers.enquire_link_idle_ms,
		.enquire_link_answer_ms = (uint32_t)config->timers.enquire_link_answer_ms,
		.response_ms = (uint32_t)config->timers.response_ms,
		.read_pdu_ms = (uint32_t)config->timers.read_pdu_ms,
		.unbind_ms = (uint32_t)config->timers.unbind_ms,
	};
	snprintf(link->peer, sizeof(link->peer), "%s", event->peer ? event->peer : "");
	snprintf(link->tls_text, sizeof(link->tls_text), "%s", event->text ? event->text : "");
	link->heard = false;
	link->peer_end = event->peer_end ? *event->peer_end : (struct port_tls_end){ 0 };
	engine->certificates_ms = event->at_ms;
	link->session = smpp_session_new(&session);
	link->allowed = most_outstanding(link);
	link->paused_until_ms = link->pause_ms = 0;
	link->sent_octets = 0;
	if (!link->session || smpp_session_up(link->session, event->at_ms) != SMPP_SESSION_OK) {
		snprintf(link->reason, sizeof(link->reason), "no memory for a session");
		link_abort(engine, link);
		return;
	}
	link_set_state(engine, link, LINK_BINDING);
	reconcile_up(engine, link);
}

void link_numbered(struct engine *engine, struct link *link, uint64_t session)
{
	link->session_number = session;
	link_pump(engine, link);
}

void link_unnumbered(struct engine *engine, struct link *link, const char *why)
{
	snprintf(link->reason, sizeof(link->reason), "no number for its session: %s", why);
	link_abort(engine, link);
	smpp_session_free(link->session);
	link->session = NULL;
}

static void link_octets(struct engine *engine, struct link *link, const struct port_event *event)
{
	link->heard = true;
	if (!link->session)
		return;
	if (smpp_session_feed(link->session, event->octets, event->n, event->at_ms) !=
	    SMPP_SESSION_OK) {
		snprintf(link->reason, sizeof(link->reason), "more input than the session holds");
		link_abort(engine, link);
		return;
	}
	link_pump(engine, link);
}

static void link_sent(struct engine *engine, struct link *link, const struct port_event *event)
{
	if (!link->session)
		return;
	smpp_session_kernel_sent(link->session, event->sent_octets, event->at_ms);
	link_flush(engine, link);
}

static const char unheard[] =
	", before a word of it: it may want TLS on this port, or not know our address";

/* A plain connection that ended before anything came. */
static bool shut_out(const struct link *link, const struct port_event *event)
{
	return link->state == LINK_BINDING && !link->heard && !link->trunk->tls &&
	       (event->reason == PORT_DOWN_EOF || event->reason == PORT_DOWN_RESET);
}

static void link_down(struct engine *engine, struct link *link, const struct port_event *event)
{
	bool bound = link->state == LINK_BOUND || link->state == LINK_UNBINDING;
	link->port_link = 0;
	link->ready = false;
	link->reading_paused = false;
	bool told = event->reason == PORT_DOWN_OURS || link->state == LINK_BINDING ||
		    link->state == LINK_UNBINDING;
	if (!link->reason[0] || !told)
		snprintf(link->reason, sizeof(link->reason), "%s: %s%s",
			 port_down_name(event->reason), event->text ? event->text : "",
			 shut_out(link, event) ? unheard : "");
	tap_note(engine->tap, link, port_wall_ms(engine->port), 0, "the connection is down: %s",
		 link->reason);
	if (link->session) {
		smpp_session_kernel_sent(link->session, event->sent_octets, event->at_ms);
		smpp_session_down(link->session, event->at_ms);
		link_pump(engine, link);
		if (bound)
			reconcile_closed(engine, link);
		smpp_session_free(link->session);
		link->session = NULL;
	}
	/* An attempt that ended otherwise says nothing of the login: it is no longer being refused. */
	if (!link->refused_status && link->refused_since_ms)
		set_refused(link, 0);
	link_tell_refusals(engine);
	link_set_state(engine, link, LINK_DOWN);
	link->downs++;
	log_info("link.down", "link=%s reason=\"%s\"", link->name, link->reason);
	trunk_end_down(engine, link, bound, event->at_ms);
}

static void link_signal(struct engine *engine, struct link *link, const struct port_event *event)
{
	(void)engine;
	(void)link;
	(void)event;
	assert(!"a signal is of no link");
}

typedef void port_event_fn(struct engine *engine, struct link *link,
			   const struct port_event *event);
static port_event_fn *const on_port[] = {
	[PORT_UP] = link_up,	 [PORT_OCTETS] = link_octets, [PORT_SENT] = link_sent,
	[PORT_DOWN] = link_down, [PORT_SIGNAL] = link_signal,
};

void link_event(struct engine *engine, struct link *link, const struct port_event *event)
{
	on_port[event->kind](engine, link, event);
}
