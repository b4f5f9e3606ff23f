/*
 * Providers: one login at one carrier, with its links. This module connects, binds, paces and
 * closes; it turns what the wire says into inputs and decides nothing about messages. What an
 * answer or a receipt means is core/reconcile.c; what goes next is core/scheduler.c.
 *
 *	provider ── trunk: a configured link ── link: one end of it ── session: one life of the end
 *
 * Operators know the trunk as the link, and steer it as a whole. It has one end, or two as a pair:
 * a transmitter and a receiver, configured so or because the carrier knows no bind_transceiver.
 *
 *	DOWN ──► CONNECTING ──► BINDING ──► BOUND ──► UNBINDING
 *	  ▲           │            │          │           │
 *	  └── wait ◄──┴────────────┴──────────┴───────────┘
 */
#ifndef CORE_PROVIDER_H
#define CORE_PROVIDER_H

#include "core/engine.h"
#include "core/hash.h"
#include "core/release.h"
#include "core/unmatched.h"
#include "smpp/session.h"

enum link_state {
	LINK_DOWN, /* waits for retry_ms */
	LINK_CONNECTING,
	LINK_BINDING,
	LINK_BOUND,
	LINK_UNBINDING,
};

#define PROVIDER_BINDS_MAX \
	600 /* attempts that are remembered: most that binds_per_minute can say */

struct trunk {
	struct provider *provider;
	const struct config_link *config;
	char name[72]; /* provider/link */
	struct port_tls *tls;
	struct port_tls_ends tls_ends; /* when its files end; with tls */
	struct link *ends[2];	       /* in use: the first, or both */
	size_t n_ends;
	bool up_for_down;    /* it is to go down and is not connected again by itself */
	bool up_again;	     /* but as soon as it is down: a rebind */
	bool outdated;	     /* its ends are as another configuration had them, until it is down */
	const char *why;     /* it is up for down; static */
	struct config *held; /* it leaves: the configuration it came from; NULL: it stays */
	int64_t pair_until_ms; /* fallen back to a pair, until then at least; 0: as configured */
	int64_t pair_since_ms; /* wall clock of that */
	uint64_t listener;     /* of the port, where the carrier connects (outbind); 0: none */
	const struct port_tls *listen_tls; /* that it was made with */
	int64_t listen_ms;		   /* next try to have one */
	int64_t calls_since_ms;		   /* a second, and the calls in it */
	uint32_t calls;
	uint64_t calls_refused; /* connections from a wrong address, or with a wrong outbind */
};

struct link {
	struct provider *provider;
	struct trunk *trunk;
	char name[80]; /* that of its trunk, and /tx or /rx of a pair */
	uint32_t bind_command_id;
	enum link_state state;
	uint64_t port_link; /* 0: none */
	struct smpp_session *session;
	/*
	 * Durable, of its connection, or the last; 0 until that is up and the number on disk: until
	 * then nothing is said, and what the peer says waits, so that every PDU has its session.
	 */
	uint64_t session_number;
	bool ready; /* the session's record is on disk: segments may be released */
	bool reading_paused;
	bool heard; /* the peer has said something on this connection */
	bool tlvs_allowed;
	uint8_t peer_version; /* sc_interface_version; 0: it did not say */
	uint32_t outstanding; /* released members without a verdict, see core/release.h */
	uint32_t settling;    /* of these, with a verdict in the turn that is under way */
	uint32_t asking;      /* requests of core/ask.h without an answer; they take room too */
	uint32_t allowed;     /* of window + release_ahead, while it opens up after a pause */
	int64_t paused_until_ms, pause_ms; /* throttled; 0: not */
	int64_t retry_ms;		   /* next connect */
	uint32_t failures;		   /* in a row */
	uint32_t host, host_failures; /* of its trunk's hosts, and failures in a row of this one */
	int64_t refused_since_ms;     /* binds refused for the login since; 0: not */
	uint32_t
		refused_status; /* of the last bind; 0: it was not refused, or is not answered yet */
	uint64_t sent_octets;
	int64_t bound_ms; /* monotonic; of the last time that it was bound */
	int64_t since_ms; /* wall clock of the last change of state */
	char reason[420]; /* why it is down, or was last */
	char peer[64];
	char tls_text[224];	      /* of its last handshake: version, cipher, subject, pin */
	struct port_tls_end peer_end; /* when the certificate ends that was shown then */
	uint64_t submits, answers, receipts; /* PDUs in this run: released to it, and that came */
	uint64_t throttles, unanswered;	     /* answers that said to wait; submits without one */
	uint64_t unsent;		     /* submits that came back before they left */
	uint64_t bounds, downs; /* times it was bound; connections, and attempts, that ended */
	double rtt_ms;		/* of answers, smoothed; 0: none yet */
	UT_hash_handle hh;	/* by port_link */
};

struct provider {
	const struct config_provider *config;
	uint32_t index;	     /* in engine->providers; the queue's name for it */
	uint32_t number;     /* durable; scope of message ids */
	struct link **links; /* each keeps its address for life: inputs and releases point to it */
	size_t n_links;
	struct trunk **trunks; /* in the order of the configuration */
	size_t n_trunks;
	struct config *held; /* as that of a trunk */
	bool paused;	     /* by the operator */
	bool querying;	     /* a query of core/missing.h is out: one at a time */
	bool keeps_early;    /* in this run a receipt was kept as ORPHAN_EARLY */
	bool no_multi;	     /* it does not know submit_multi, and is sent none until the restart */
	int64_t query_ms;    /* the next one not before */
	double tokens;	     /* segments that may go now, with a rate */
	int64_t tokens_ms;
	double pace;	   /* share of window and rate that congestion left at paced_ms; 0: all */
	int64_t paced_ms;  /* when congestion was reported last */
	int64_t slowed_ms; /* when it was heeded last */
	int64_t bind_ms[PROVIDER_BINDS_MAX]; /* when the last attempts began */
	uint64_t binds;			     /* attempts so far */
	int64_t next_bind_ms; /* links that come back together bind one after the other */
	uint32_t next_link;   /* turn of the links */
	struct unmatched unmatched;
	int64_t up_ms
		[2]; /* when a link was bound that submits, and one that receives: link_alarm.h */
	int64_t alerts_since_ms; /* a second, the alerts in it, and those that were not kept */
	uint32_t alerts, alerts_skipped;
};

/* NULL without memory, or with a sentence in `error` (PORT_TEXT_OCTETS), such as a bad certificate. */
struct provider *provider_new(struct engine *engine, const struct config_provider *config,
			      char *error);
void provider_free(struct engine *engine, struct provider *provider);
/* Of a configured provider; never NULL for one of the engine's configuration. */
struct provider *provider_of(const struct engine *engine, const struct config_provider *config);

/*
 * Another configuration takes the place of `old`, of which the caller lets go afterwards. `fresh`
 * was made from it by provider_new, for the provider of that name, and has run nothing; it is freed.
 * Links of the same name stay, with new TLS contexts for their next connection; those that are
 * configured otherwise are rebound, new ones connect, and those no longer there leave.
 * provider_make_room must have been called before, as nothing here may fail.
 */
bool provider_make_room(struct provider *fresh, const struct provider *provider);
void provider_become(struct engine *engine, struct provider *provider, struct provider *fresh,
		     const struct config *old);
/* It is no longer configured: all its links leave. */
void provider_leave(struct engine *engine, struct provider *provider, const struct config *old);
/* Frees links that have left. True: so has the provider, and is to be freed. */
bool provider_has_left(struct engine *engine, struct provider *provider);
/* The one of that durable number; NULL: it is no longer configured. */
struct provider *provider_numbered(const struct engine *engine, uint32_t number);

/* The durable number of a provider's name, given when it has none. */
uint32_t provider_number(struct turn *turn, const char *name);

/* True if the event was of a link. */
bool provider_event(struct engine *engine, const struct port_event *event);
/* Fires timers of sessions and reconnects; then asks for output. */
void provider_tick(struct engine *engine, struct provider *provider, int64_t now_ms);
int64_t provider_deadline(const struct engine *engine, const struct provider *provider);

/* Segments that may be released to this link now. */
uint32_t link_room(const struct link *link, int64_t now_ms);
/* Bound to a peer that takes no TLVs, and the provider's concat needs them: nothing is released to it. */
bool link_lacks_tlvs(const struct link *link);
/*
 * Segments that the provider's rate allows now; 0 until there are enough for a submit_multi, where it
 * is sent those. provider_spend uses them up.
 */
uint32_t provider_allowance(struct provider *provider, int64_t now_ms);
/* PDUs that the window of all its links has room for; UINT32_MAX where each session has its own. */
uint32_t provider_room(const struct provider *provider, int64_t now_ms);
void provider_spend(struct provider *provider, uint32_t segments);

/* When the rate allows the next segment though nothing else happens; INT64_MAX: it is not waited for. */
int64_t provider_release_deadline(const struct engine *engine, const struct provider *provider);

/*
 * A response says how busy the carrier is: congestion_state, 0..100 (SMPP 5.0, 4.8.4.18). True: the
 * provider is slowed down for it.
 */
bool provider_congestion(struct provider *provider, uint32_t state, int64_t now_ms);
/* Segments a second that may be released now; 0: any number. */
uint32_t provider_rate(const struct provider *provider, int64_t now_ms);
/* The share of window and rate that is in use: 1, or less after congestion. */
double provider_pace(const struct provider *provider, int64_t now_ms);

/* The connection that is up has its number and begins; or there is none for it, and it ends. */
void link_numbered(struct engine *engine, struct link *link, uint64_t session);
void link_unnumbered(struct engine *engine, struct link *link, const char *why);
/* Gives the session's output to the port. After a commit has queued requests or answers. */
void link_flush(struct engine *engine, struct link *link);
/* A throttle: nothing more leaves, what has not left comes back, and the pause grows. */
void link_pause(struct engine *engine, struct link *link, int64_t now_ms);
/* An answer that accepts: a link that was paused opens up by one. */
void link_accepted(struct link *link);
/* Unbinds and comes back by back-off; `reason` is shown. */
void link_rebind(struct engine *engine, struct link *link, const char *reason);

/* The sandbox's is down while nobody needs it. */
bool link_rests(const struct engine *engine, const struct link *link);
/* When it tries to connect again, and what it waits for, in words; NULL: it is not down. */
int64_t link_retry_ms(const struct link *link);
const char *link_waits_for(const struct engine *engine, const struct link *link, int64_t now_ms);

/*
 * What operators do to a link as a whole, until the process ends. One that is taken down gets
 * nothing more; what has not left comes back, what has left may still be answered, then it unbinds
 * and stays down, or with `again` connects anew. bring_up connects at once, whatever the back-off
 * says, or as soon as it is down if a reload has made another link of it. From both a link that
 * fell back to a pair connects as a transceiver again.
 */
void trunk_take_down(struct engine *engine, struct trunk *trunk, bool again);
void trunk_bring_up(struct engine *engine, struct trunk *trunk);
/* By its name, or that of one of its ends; NULL: none is configured. */
struct trunk *trunk_find(const struct engine *engine, const char *name);
/* Segments of all its ends without a verdict. */
uint32_t trunk_outstanding(const struct trunk *trunk);
/* Nothing leaves to the provider while it is paused, and what has not left comes back. */
void provider_pause(struct engine *engine, struct provider *provider, bool paused);

/* Stops releasing to every link of the provider; unbinds those that have nothing outstanding. */
void provider_drain(struct engine *engine, struct provider *provider, bool now);
bool provider_is_down(const struct provider *provider);

/* Every link is being refused for its login, for longer than bind_refused_after. */
bool provider_refused(const struct engine *engine, const struct config_provider *config);
/* False: disabled or refused; an intent for it is answered 502. */
bool provider_usable(const struct engine *engine, const struct config_provider *config);
/* Why nothing goes out, in words; NULL when something may. Static or the link's own. */
const char *provider_blocked(const struct engine *engine, const struct config_provider *config);

/* The same for one of its routes, or for the orders of the sandbox on it. */
const char *provider_route_blocked(const struct engine *engine, const struct config_route *route,
				   bool sandbox);

/* Who carries what is ordered on a route: the provider that it names, or the sandbox. */
const struct config_provider *provider_carrying(const struct engine *engine,
						const struct config_route *route, bool sandbox);
/* Declares all routes to the queue, each with its lane of the sandbox. False without memory. */
bool provider_queue_routes(struct engine *engine);

const char *link_state_name(enum link_state state);

#endif
