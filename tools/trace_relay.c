/*
 * See tools/trace_relay.h. A session has two sides, each a link of the port: first the ESME's, which
 * came to us, and then the one that was opened for it. A side that has said its last is `ended`; the
 * other is told so (`finished`) once it was given all that had been said before.
 */
#include "tools/trace_relay.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "tools/trace_frames.h"

#define GOODBYE_MS    1000 /* what has been said may take so long to leave, when all is over */
#define SESSIONS_MAX  (2 * RELAY_SESSIONS) /* with those whose ESME has gone already */
#define TLS_HANDSHAKE 0x16 /* the first octet of TLS; of a PDU it would be 369 million octets */

enum {
	ESME,
	SMSC
};

/* How a link is to go when it has been given what waits for it. */
enum going {
	STAYS,
	CLOSES,
	RESETS,
	LEAVES, /* the port was told so */
};

struct session;

struct side {
	struct session *session;
	uint64_t link; /* 0: it is down, or not yet there */
	bool up;
	bool ended;
	bool finished;
	bool paused;
	enum going going;
	struct buffer waiting; /* for it, and not taken by the port */
	uint64_t taken;	       /* octets, by the port, for it */
	uint64_t sent;
	struct trace_frames frames; /* of what it says */
	UT_hash_handle hh;	    /* by link */
};

struct session {
	uint64_t number;
	bool spoken; /* there was an octet */
	bool opaque; /* TLS */
	bool over;   /* nothing is passed on any more */
	struct side sides[2];
	struct session *next;
	struct session *before;
};

struct relay {
	struct port *port;
	struct trace_ring *ring;
	uint64_t listener;
	struct port_tls *tls; /* NULL: to_host is spoken to in clear */
	struct port_address to;
	char host[256];
	char link[TRACE_LINK_OCTETS];
	struct side *sides;
	struct session *sessions;
	uint32_t count;
	uint64_t number;
	int64_t wall_us;  /* of the port's clock; follows steps of the wall clock */
	int64_t until_ms; /* while something has to leave in time; INT64_MAX */
	bool stopping;
	atomic_bool stop;
};

/* ---- what is seen ---- */

/* Microseconds as the port measures, on the wall. */
static int64_t now_us(struct relay *relay)
{
	int64_t now = port_now_us(relay->port);
	int64_t wall = port_wall_ms(relay->port) * 1000 - now;

	if (wall - relay->wall_us > 2000 || relay->wall_us - wall > 2000)
		relay->wall_us = wall;
	return relay->wall_us + now;
}

static void put(struct relay *relay, struct side *side, enum trace_kind kind,
		const struct trace_frame *frame)
{
	struct session *session = side->session;
	struct trace_pdu pdu = { .kind = kind,
				 .at_us = now_us(relay),
				 .session = session->number,
				 .lost = side->frames.lost,
				 .direction = side == &session->sides[ESME] ? TRACE_OUT :
									      TRACE_IN };

	memcpy(pdu.link, relay->link, sizeof(pdu.link));
	if (frame != NULL) {
		pdu.framing = frame->framing;
		pdu.octets = frame->octets;
		pdu.n = frame->n;
		side->frames.lost = 0;
	}
	trace_ring_put(relay->ring, &pdu);
}

static void look_at_first(struct relay *relay, struct session *session, uint8_t octet)
{
	if (session->spoken)
		return;
	session->spoken = true;
	session->opaque = octet == TLS_HANDSHAKE;
	if (session->opaque)
		trace_ring_say(relay->ring,
			       "session %" PRIu64
			       " is TLS: it is passed on and cannot be shown. Let the "
			       "ESME speak in clear to the proxy, and the proxy by --to-tls",
			       session->number);
}

static void look(struct relay *relay, struct side *side, const uint8_t *octets, size_t n)
{
	struct trace_frames *frames = &side->frames;
	struct trace_frame frame;

	look_at_first(relay, side->session, octets[0]);
	if (side->session->opaque)
		return;
	trace_frames_add(frames, octets, n);
	while (trace_frames_next(frames, &frame))
		put(relay, side, TRACE_PDU, &frame);
	if (frames->pending.failed)
		trace_frames_skip(frames, n);
}

/* It says no more. */
static void look_at_end(struct relay *relay, struct side *side, enum trace_kind kind)
{
	struct trace_frame frame;

	if (trace_frames_cut(&side->frames, &frame))
		put(relay, side, TRACE_PDU, &frame);
	if (side->session->spoken && !side->session->opaque)
		put(relay, side, kind, NULL);
}

/* ---- sessions ---- */

static struct side *other(struct side *side)
{
	return &side->session->sides[side == &side->session->sides[ESME]];
}

static struct side *find(const struct relay *relay, uint64_t link)
{
	struct side *side;

	HASH_FIND(hh, relay->sides, &link, sizeof(link), side);
	return side;
}

static void attach(struct relay *relay, struct side *side, uint64_t link)
{
	side->link = link;
	HASH_ADD(hh, relay->sides, link, sizeof(side->link), side);
}

/* Its links are down. */
static void session_free(struct relay *relay, struct session *session)
{
	*(session->before != NULL ? &session->before->next : &relay->sessions) = session->next;
	if (session->next != NULL)
		session->next->before = session->before;
	relay->count--;
	for (int i = 0; i < 2; i++) {
		buffer_release(&session->sides[i].waiting);
		trace_frames_release(&session->sides[i].frames);
	}
	free(session);
}

/* NULL: out of memory. */
static struct session *session_new(struct relay *relay, uint64_t link)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return NULL;
	session->number = ++relay->number;
	for (int i = 0; i < 2; i++) {
		session->sides[i].session = session;
		session->sides[i].frames = (struct trace_frames){ .most = RELAY_PDU_OCTETS,
								  .is_smpp = true,
								  .synced = true };
	}
	session->next = relay->sessions;
	if (session->next != NULL)
		session->next->before = session;
	relay->sessions = session;
	relay->count++;
	attach(relay, &session->sides[ESME], link);
	return session;
}

/* ---- the way of octets ---- */

static void set_paused(struct relay *relay, struct side *side, bool paused)
{
	side->paused = paused;
	if (paused)
		port_pause(relay->port, side->link);
	else
		port_resume(relay->port, side->link);
}

static void leave(struct relay *relay, struct side *side, enum going going);

/* What has to wait until a side was given, or sent, all that is for it. */
static void settle(struct relay *relay, struct side *side)
{
	struct side *speaker = other(side);

	if (side->link == 0 || side->waiting.n > 0)
		return;
	if (side->going == CLOSES) {
		side->going = LEAVES;
		port_close(relay->port, side->link);
	} else if (side->going == RESETS && side->sent == side->taken) {
		side->going = LEAVES;
		port_reset(relay->port, side->link);
	} else if (side->going == STAYS && speaker->ended && !side->finished) {
		side->finished = true;
		port_finish(relay->port, side->link);
		if (speaker->finished) {
			leave(relay, side, CLOSES);
			leave(relay, speaker, CLOSES);
		}
	}
}

static void leave(struct relay *relay, struct side *side, enum going going)
{
	side->session->over = true;
	side->going = going;
	if (going == RESETS && relay->until_ms == INT64_MAX)
		relay->until_ms = port_now_ms(relay->port) + GOODBYE_MS;
	settle(relay, side);
}

static void drain(struct relay *relay, struct side *side)
{
	struct buffer *waiting = &side->waiting;
	size_t n = port_write(relay->port, side->link, waiting->octets, waiting->n);

	side->taken += n;
	buffer_drop(waiting, n);
	if (waiting->n == 0 && other(side)->paused)
		set_paused(relay, other(side), false);
}

static void give(struct relay *relay, struct side *side, const uint8_t *octets, size_t n)
{
	size_t n_taken = side->waiting.n == 0 ? port_write(relay->port, side->link, octets, n) : 0;

	side->taken += n_taken;
	if (n_taken == n)
		return;
	buffer_append(&side->waiting, octets + n_taken, n - n_taken);
	set_paused(relay, other(side), true);
	if (!side->waiting.failed)
		return;
	trace_ring_say(relay->ring, "session %" PRIu64 ": out of memory: it is reset",
		       side->session->number);
	buffer_clear(&side->waiting);
	leave(relay, side, RESETS);
	leave(relay, other(side), RESETS);
}

/* ---- events ---- */

static void open_far(struct relay *relay, struct session *session)
{
	struct port_target target = { .addresses = &relay->to,
				      .address_count = 1,
				      .tls = relay->tls,
				      .stall_ms = PORT_STALL_NEVER,
				      .input_octets = RELAY_INPUT_OCTETS,
				      .output_octets = RELAY_OUTPUT_OCTETS,
				      .half = true };
	uint64_t link = port_open(relay->port, &target);

	if (link != 0) {
		attach(relay, &session->sides[SMSC], link);
		return;
	}
	trace_ring_say(relay->ring, "session %" PRIu64 ": out of memory", session->number);
	leave(relay, &session->sides[ESME], CLOSES);
}

static void on_accepted(struct relay *relay, const struct port_event *event)
{
	struct session *session = NULL;

	if (!relay->stopping && relay->count < SESSIONS_MAX)
		session = session_new(relay, event->link);
	if (session == NULL) {
		trace_ring_say(relay->ring, "%s: there is no room for one more session",
			       event->peer);
		port_reset(relay->port, event->link);
		return;
	}
	trace_ring_say(relay->ring, "session %" PRIu64 " is %s%s", session->number, event->peer,
		       relay->count == RELAY_SESSIONS ? "; more must wait until one ends" : "");
	session->sides[ESME].up = true;
	/* Until somebody hears it: what was said to nobody was not said. */
	set_paused(relay, &session->sides[ESME], true);
	open_far(relay, session);
}

static void on_up(struct relay *relay, struct side *side, const struct port_event *event)
{
	side->up = true;
	if (event->text != NULL)
		trace_ring_say(relay->ring, "session %" PRIu64 " reached %s, %s",
			       side->session->number, event->peer, event->text);
	if (side->waiting.n == 0)
		set_paused(relay, other(side), false);
}

static void on_octets(struct relay *relay, struct side *side, const struct port_event *event)
{
	if (side->session->over)
		return;
	if (event->n > 0) {
		look(relay, side, event->octets, event->n);
		give(relay, other(side), event->octets, event->n);
		return;
	}
	side->ended = true;
	look_at_end(relay, side, TRACE_FIN);
	settle(relay, other(side));
}

static void on_sent(struct relay *relay, struct side *side, const struct port_event *event)
{
	side->sent = event->sent_octets;
	if (side->waiting.n > 0)
		drain(relay, side);
	settle(relay, side);
}

/* The first of a session's links that goes takes the other with it, in the same way. */
static void on_gone(struct relay *relay, struct side *side, const struct port_event *event)
{
	bool ended = event->reason == PORT_DOWN_EOF;

	if (!side->up) {
		trace_ring_say(relay->ring,
			       "session %" PRIu64 ": the far end cannot be reached: %s",
			       side->session->number, event->text);
		leave(relay, other(side), CLOSES);
		return;
	}
	if (event->reason == PORT_DOWN_TLS)
		trace_ring_say(relay->ring, "session %" PRIu64 ": TLS is broken: %s",
			       side->session->number, event->text);
	look_at_end(relay, side, ended ? TRACE_FIN : TRACE_RST);
	leave(relay, other(side), ended ? CLOSES : RESETS);
}

static void on_down(struct relay *relay, struct side *side, const struct port_event *event)
{
	struct session *session = side->session;

	HASH_DEL(relay->sides, side);
	side->link = 0;
	if (!session->over)
		on_gone(relay, side, event);
	if (session->sides[ESME].link == 0 && session->sides[SMSC].link == 0)
		session_free(relay, session);
}

static void begin_stop(struct relay *relay)
{
	struct session *next;

	relay->stopping = true;
	relay->until_ms = port_now_ms(relay->port) + GOODBYE_MS;
	port_listen_close(relay->port, relay->listener);
	for (struct session *session = relay->sessions; session != NULL; session = next) {
		next = session->next;
		for (int i = 0; i < 2; i++)
			if (session->sides[i].going == STAYS)
				leave(relay, &session->sides[i], CLOSES);
	}
}

static void handle(struct relay *relay, const struct port_event *event)
{
	struct side *side = event->kind != PORT_SIGNAL ? find(relay, event->link) : NULL;

	switch (event->kind) {
	case PORT_SIGNAL:
		if (!relay->stopping && (event->signo != SIGUSR1 || atomic_load(&relay->stop)))
			begin_stop(relay);
		return;
	case PORT_UP:
		if (event->listener != 0)
			on_accepted(relay, event);
		else if (side != NULL)
			on_up(relay, side, event);
		return;
	case PORT_OCTETS:
		if (side != NULL)
			on_octets(relay, side, event);
		return;
	case PORT_SENT:
		if (side != NULL)
			on_sent(relay, side, event);
		return;
	case PORT_DOWN:
		if (side != NULL)
			on_down(relay, side, event);
		return;
	}
}

/* Their time is up whose peer does not take what was to come before the reset. */
static void reset_late(struct relay *relay)
{
	relay->until_ms = INT64_MAX;
	for (struct session *session = relay->sessions; session != NULL; session = session->next)
		for (int i = 0; i < 2; i++)
			if (session->sides[i].going == RESETS)
				port_reset(relay->port, session->sides[i].link);
}

void relay_run(struct relay *relay)
{
	struct port_event event;

	while (!relay->stopping ||
	       (relay->sessions != NULL && port_now_ms(relay->port) < relay->until_ms)) {
		port_wait(relay->port, relay->until_ms);
		while (port_next(relay->port, &event))
			handle(relay, &event);
		if (!relay->stopping && port_now_ms(relay->port) >= relay->until_ms)
			reset_late(relay);
	}
	/* All is closed. Should the output be stuck, a second signal is no longer in vain. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	trace_ring_end(relay->ring);
}

void relay_stop(struct relay *relay)
{
	atomic_store(&relay->stop, true);
	/* The port hears signals, and nothing else from another thread. */
	kill(getpid(), SIGUSR1);
}

/* ---- the whole ---- */

const char *relay_address(const struct relay *relay)
{
	return port_listen_address(relay->port, relay->listener);
}

static bool begin_tls(struct relay *relay, const struct relay_want *want, char *error)
{
	struct port_tls_options options = { .ca_file = want->ca_file };

	if (!want->to_tls)
		return true;
	relay->tls = port_tls_new(&options, error, PORT_TEXT_OCTETS);
	return relay->tls != NULL;
}

static bool begin(struct relay *relay, const struct relay_want *want, char *error)
{
	struct port_listen listen = { .host = want->host,
				      .port = want->port,
				      .stall_ms = PORT_STALL_NEVER,
				      .connections_max = RELAY_SESSIONS,
				      .input_octets = RELAY_INPUT_OCTETS,
				      .output_octets = RELAY_OUTPUT_OCTETS,
				      .half = true };
	struct port_options options = { .one_thread = true, .signals = true };

	if (!begin_tls(relay, want, error))
		return false;
	relay->port = port_new(&options);
	if (relay->port == NULL) {
		snprintf(error, PORT_TEXT_OCTETS, "out of memory");
		return false;
	}
	relay->listener = port_listen(relay->port, &listen, error, PORT_TEXT_OCTETS);
	return relay->listener != 0;
}

struct relay *relay_new(const struct relay_want *want, struct trace_ring *ring, char *error)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	bool six = strchr(want->to_host, ':') != NULL;

	if (relay == NULL) {
		snprintf(error, PORT_TEXT_OCTETS, "out of memory");
		return NULL;
	}
	relay->ring = ring;
	relay->until_ms = INT64_MAX;
	snprintf(relay->host, sizeof(relay->host), "%s", want->to_host);
	relay->to = (struct port_address){ .host = relay->host, .port = want->to_port };
	/* A name that is too long for a link's is told in part. */
	(void)snprintf(relay->link, sizeof(relay->link), six ? "[%.64s]:%u" : "%.64s:%u",
		       want->to_host, want->to_port);
	if (begin(relay, want, error))
		return relay;
	relay_free(relay);
	return NULL;
}

void relay_free(struct relay *relay)
{
	if (relay == NULL)
		return;
	port_free(relay->port);
	port_tls_free(relay->tls);
	HASH_CLEAR(hh, relay->sides);
	while (relay->sessions != NULL)
		session_free(relay, relay->sessions);
	free(relay);
}
