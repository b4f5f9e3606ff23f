/*
 * The caller's side of the door: ids, what gathers during a turn, credit, events. See
 * port_inside.h. It touches no socket; everything here but the few lines under the lock belongs to
 * the caller's thread.
 */
#include "core/port_inside.h"
#include "core/port_net.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
	MESSAGE_OCTETS = 4096, /* small writes of a turn share one of these */
	WAIT_MAX_MS = 1000,    /* condition variables and timers do not count time asleep */
	SLOT_BITS = 16,
	LISTENER_SLOT = (1 << SLOT_BITS) - 1, /* in ids of listeners; links have those below */
};

const int port_signals[PORT_SIGNALS] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

/* ---- clocks and randomness ---- */

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t port_now_ms(struct port *port)
{
	(void)port;
	return clock_ms(CLOCK_BOOTTIME);
}

int64_t port_now_us(struct port *port)
{
	struct timespec now;

	(void)port;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t port_wall_ms(struct port *port)
{
	(void)port;
	return clock_ms(CLOCK_REALTIME);
}

void port_random(struct port *port, void *octets, size_t n)
{
	uint8_t *to = octets;

	(void)port;
	while (n > 0) {
		ssize_t got = getrandom(to, n, 0);

		if (got < 0 && errno != EINTR)
			abort();
		if (got > 0) {
			to += got;
			n -= (size_t)got;
		}
	}
}

/* ---- the boxes ---- */

/* In the order of their first wish: the I/O side serves them so, and a reply leaves as it was made. */
static void touch(struct port_link *link, bool urgent)
{
	struct port *port = link->port;

	if (!link->touched) {
		link->touched = true;
		link->next_touched = NULL;
		*(port->touched != NULL ? &port->last_touched->next_touched : &port->touched) =
			link;
		port->last_touched = link;
	}
	if (urgent)
		port->urgent = true;
}

/*
 * Under the lock: what is wanted of the link goes into its box, which may still be full from
 * before.
 */
static void fill_box(struct port_link *link)
{
	struct port_box *want = &link->want;
	struct port_box *box = &link->box;

	port_queue_move(&box->writes, &want->writes);
	box->credit += want->credit;
	box->start |= want->start;
	box->paused = want->paused;
	box->finish |= want->finish;
	box->close |= want->close;
	box->abort |= want->abort;
	box->reset |= want->reset;
	box->free |= want->free;
	*want = (struct port_box){ .paused = want->paused };
	if (!link->boxed) {
		link->boxed = true;
		link->next_boxed = link->port->boxed;
		link->port->boxed = link;
	}
}

/* Hands the turn over. Credit alone waits until there is enough of it, or for better company. */
static void flush(struct port *port)
{
	if (!port->urgent)
		return;
	port->urgent = false;
	port->owed = 0;
	pthread_mutex_lock(&port->lock);
	for (struct port_link *link = port->touched; link != NULL;) {
		struct port_link *next = link->next_touched;

		/* From here on the link may be freed by the other side, once the lock is left. */
		link->touched = false;
		link->want.credit = link->owed;
		link->owed = 0;
		fill_box(link);
		link = next;
	}
	port->touched = NULL;
	bool wake = !port->woken && !port->one_thread;

	port->woken = true;
	pthread_mutex_unlock(&port->lock);
	if (wake)
		port_io_wake(port->io);
}

bool port_take_boxes(struct port *port, struct port_link **links, struct port_listener **listeners)
{
	*links = NULL;
	*listeners = NULL;
	pthread_mutex_lock(&port->lock);
	for (struct port_link *link = port->boxed; link != NULL; link = link->next_boxed) {
		link->todo = link->box;
		link->box = (struct port_box){ .paused = link->box.paused };
		link->boxed = false;
		link->next_todo = *links;
		*links = link;
	}
	port->boxed = NULL;
	for (struct port_listener *listener = port->boxed_listeners; listener != NULL;
	     listener = listener->next_boxed) {
		listener->boxed = false;
		listener->todo_close = listener->closed;
		listener->next_todo = *listeners;
		*listeners = listener;
	}
	port->boxed_listeners = NULL;
	port->woken = false;
	bool stop = port->stop;

	pthread_mutex_unlock(&port->lock);
	return !stop;
}

void port_publish(struct port *port, struct port_queue *posted, uint32_t signals)
{
	if (posted->first == NULL && signals == 0)
		return;
	pthread_mutex_lock(&port->lock);
	port_queue_move(&port->published, posted);
	port->published_signals |= signals;
	bool wake = port->waiting;

	pthread_mutex_unlock(&port->lock);
	if (wake) /* after the lock, or the woken would wait for it at once */
		pthread_cond_signal(&port->published_some);
}

/* ---- ids ---- */

static struct port_link *find(const struct port *port, uint64_t id)
{
	size_t slot = id & LISTENER_SLOT;
	struct port_link *link = slot < port->slot_count ? port->slots[slot] : NULL;

	return link != NULL && link->id == id ? link : NULL;
}

/* A serial number in front of the slot makes the id new though the slot is not. */
static uint64_t new_id(struct port *port, size_t slot)
{
	return ++port->serial << SLOT_BITS | slot;
}

static bool give_id(struct port *port, struct port_link *link)
{
	enum {
		FIRST_SLOTS = 64
	};

	for (size_t i = 0; i < port->slot_count; i++) {
		size_t slot = (port->slot_at + i) % port->slot_count;

		if (port->slots[slot] == NULL) {
			port->slots[slot] = link;
			port->slot_at = slot + 1;
			link->id = new_id(port, slot);
			return true;
		}
	}
	size_t count = port->slot_count > 0 ? port->slot_count * 2 : FIRST_SLOTS;

	if (count > PORT_LINKS)
		return false;
	struct port_link **slots = realloc(port->slots, count * sizeof(struct port_link *));

	if (slots == NULL)
		return false;
	memset(slots + port->slot_count, 0,
	       (count - port->slot_count) * sizeof(struct port_link *));
	port->slots = slots;
	port->slot_at = port->slot_count;
	port->slot_count = count;
	return give_id(port, link);
}

/* ---- the port ---- */

struct port *port_new(const struct port_options *options)
{
	struct port *port = calloc(1, sizeof(*port));
	pthread_condattr_t attributes;

	if (port == NULL)
		return NULL;
	signal(SIGPIPE, SIG_IGN);
	port->one_thread = options->one_thread;
	port->event_octets = options->event_octets > 0 ? options->event_octets : PORT_EVENT_OCTETS;
	pthread_mutex_init(&port->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&port->published_some, &attributes);
	pthread_condattr_destroy(&attributes);
	port->io = port_io_new(port, options->signals);
	if (port->io == NULL) {
		pthread_cond_destroy(&port->published_some);
		pthread_mutex_destroy(&port->lock);
		free(port);
		return NULL;
	}
	return port;
}

void port_free(struct port *port)
{
	if (port == NULL)
		return;
	while (port->listeners != NULL)
		port_listen_close(port, port->listeners->id);
	port->urgent = true;
	flush(port);
	pthread_mutex_lock(&port->lock);
	port->stop = true;
	pthread_mutex_unlock(&port->lock);
	port_io_stop(port->io);
	/* UP and DOWN are part of their links, so the queues go before the links do. */
	port_message_free(port->last);
	port_queue_clear(&port->pulled);
	port_queue_clear(&port->published);
	port_io_free(port->io);
	pthread_cond_destroy(&port->published_some);
	pthread_mutex_destroy(&port->lock);
	free(port->slots);
	free(port);
}

/* ---- links ---- */

uint64_t port_open(struct port *port, const struct port_target *target)
{
	struct port_link *link = port_link_new(port, target);

	if (link == NULL)
		return 0;
	bool known = give_id(port, link);

	/* Without an id the other side is only asked to free it. */
	link->want.start = known;
	link->want.free = !known;
	touch(link, true);
	return known ? link->id : 0;
}

static size_t room_of(const struct port_link *link)
{
	uint64_t waiting = link->taken - link->known_sent;

	if (link->ended)
		return 0;
	return waiting < link->output_max ? (size_t)(link->output_max - waiting) : 0;
}

size_t port_write_room(const struct port *port, uint64_t id)
{
	const struct port_link *link = find(port, id);

	return link != NULL ? room_of(link) : 0;
}

size_t port_write(struct port *port, uint64_t id, const void *octets, size_t n)
{
	struct port_link *link = find(port, id);
	const uint8_t *from = octets;
	size_t room = link != NULL ? room_of(link) : 0;
	size_t taken = n < room ? n : room;

	if (taken == 0)
		return 0;
	struct port_message *last = link->want.writes.last;
	size_t fits = last != NULL ? last->room - last->n : 0;
	size_t first = taken < fits ? taken : fits;

	if (first < taken) {
		size_t rest = taken - first;
		struct port_message *more =
			port_message_new(link, rest > MESSAGE_OCTETS ? rest : MESSAGE_OCTETS);

		if (more == NULL) {
			port_abort(port, id);
			return 0;
		}
		memcpy(more->octets, from + first, rest);
		more->n = rest;
		port_queue_put(&link->want.writes, more);
	}
	if (first > 0) {
		memcpy(last->octets + last->n, from, first);
		last->n += first;
	}
	link->taken += taken;
	touch(link, true);
	return taken;
}

static void set_paused(struct port *port, uint64_t id, bool paused)
{
	struct port_link *link = find(port, id);

	if (link == NULL || link->want.paused == paused)
		return;
	link->want.paused = paused;
	touch(link, true);
}

void port_pause(struct port *port, uint64_t id)
{
	set_paused(port, id, true);
}

void port_resume(struct port *port, uint64_t id)
{
	set_paused(port, id, false);
}

/* The link, from which on nothing more is taken; NULL: there is none. */
static struct port_link *end_of(struct port *port, uint64_t id)
{
	struct port_link *link = find(port, id);

	if (link == NULL)
		return NULL;
	link->ended = true;
	touch(link, true);
	return link;
}

void port_finish(struct port *port, uint64_t id)
{
	struct port_link *link = end_of(port, id);

	if (link != NULL)
		link->want.finish = true;
}

void port_close(struct port *port, uint64_t id)
{
	struct port_link *link = end_of(port, id);

	if (link != NULL)
		link->want.close = true;
}

void port_abort(struct port *port, uint64_t id)
{
	struct port_link *link = end_of(port, id);

	if (link != NULL)
		link->want.abort = true;
}

void port_reset(struct port *port, uint64_t id)
{
	struct port_link *link = find(port, id);

	if (link == NULL)
		return;
	link->want.reset = true;
	port_abort(port, id);
}

/* ---- listeners ---- */

static void box_listener(struct port_listener *listener, bool closed)
{
	struct port *port = listener->port;

	pthread_mutex_lock(&port->lock);
	listener->closed = closed;
	if (!listener->boxed) {
		listener->boxed = true;
		listener->next_boxed = port->boxed_listeners;
		port->boxed_listeners = listener;
	}
	pthread_mutex_unlock(&port->lock);
	port->urgent = true;
}

uint64_t port_listen(struct port *port, const struct port_listen *listen, char *error, size_t room)
{
	struct port_bound bound;

	if (!port_net_listen(listen, &bound, error, room))
		return 0;
	struct port_listener *listener = port_io_listener(port, listen, bound.fd);

	if (listener == NULL) {
		close(bound.fd);
		port_net_unlink(bound.address, &bound.file);
		snprintf(error, room, "out of memory");
		return 0;
	}
	listener->id = new_id(port, LISTENER_SLOT);
	snprintf(listener->address, sizeof(listener->address), "%s", bound.address);
	listener->file = bound.file;
	listener->next = port->listeners;
	port->listeners = listener;
	box_listener(listener, false);
	return listener->id;
}

const char *port_listen_address(const struct port *port, uint64_t id)
{
	for (const struct port_listener *l = port->listeners; l != NULL; l = l->next) {
		if (l->id == id)
			return l->address;
	}
	return NULL;
}

void port_listen_close(struct port *port, uint64_t id)
{
	for (struct port_listener **at = &port->listeners; *at != NULL; at = &(*at)->next) {
		struct port_listener *listener = *at;

		if (listener->id != id)
			continue;
		*at = listener->next;
		port_net_unlink(listener->address, &listener->file);
		/* The other side closes it later: from now on the address is free all the same. */
		port_net_deafen(listener->fd);
		box_listener(listener, true);
		return;
	}
}

/* ---- events ---- */

/*
 * The event that was given out last is over: its octets are credited, a link that is down is
 * forgotten.
 */
static void release_last(struct port *port)
{
	struct port_message *last = port->last;

	if (last == NULL)
		return;
	struct port_link *link = last->link;

	port->last = NULL;
	if (last->kind == PORT_OCTETS) {
		link->owed += last->n;
		port->owed += last->n;
		touch(link,
		      link->owed >= link->input_max / 4 || port->owed >= port->event_octets / 4);
	} else if (last->kind == PORT_DOWN) {
		if (find(port, link->id) == link)
			port->slots[link->id & LISTENER_SLOT] = NULL;
		link->want.free = true;
		touch(link, false);
	}
	port_message_free(last);
}

static void pull(struct port *port)
{
	pthread_mutex_lock(&port->lock);
	port_queue_move(&port->pulled, &port->published);
	port->pulled_signals |= port->published_signals;
	port->published_signals = 0;
	pthread_mutex_unlock(&port->lock);
}

static bool next_signal(struct port *port, struct port_event *event)
{
	for (uint32_t i = 0; i < PORT_SIGNALS; i++) {
		if ((port->pulled_signals >> i & 1) == 0)
			continue;
		port->pulled_signals &= ~(1u << i);
		*event = (struct port_event){ .kind = PORT_SIGNAL,
					      .at_ms = port_now_ms(port),
					      .signo = port_signals[i] };
		return true;
	}
	return false;
}

static void describe(const struct port_message *message, struct port_event *event)
{
	const struct port_link *link = message->link;

	*event = (struct port_event){ .kind = message->kind,
				      .link = link->id,
				      .at_ms = message->at_ms,
				      .octets = message->octets,
				      .n = message->n,
				      .sent_octets = message->sent };
	if (message->kind == PORT_UP || message->kind == PORT_DOWN) {
		event->listener = link->listener;
		event->peer = link->peer;
	}
	if (message->kind == PORT_UP) {
		event->text = link->tls_text[0] != '\0' ? link->tls_text : NULL;
		event->peer_end = link->peer_end.ms != 0 ? &link->peer_end : NULL;
		event->local = link->local;
		event->uid = link->uid;
		event->gid = link->gid;
	}
	if (message->kind == PORT_DOWN) {
		event->text = link->text;
		event->reason = link->reason;
	}
}

bool port_next(struct port *port, struct port_event *event)
{
	release_last(port);
	for (;;) {
		if (next_signal(port, event))
			return true;
		if (port->pulled.first == NULL)
			pull(port);
		struct port_message *message = port_queue_take(&port->pulled);

		if (message == NULL && port->pulled_signals == 0)
			return false;
		if (message == NULL)
			continue;
		struct port_link *link = message->link;

		port->last = message;
		if (message->kind == PORT_SENT || message->kind == PORT_DOWN)
			link->known_sent = message->sent;
		/* A link that was accepted gets its id with its first event, or none at all. */
		if (link->id != 0 || (!link->ended && give_id(port, link))) {
			describe(message, event);
			return true;
		}
		link->ended = true;
		link->want.abort = true;
		touch(link, true);
		release_last(port);
	}
}

static void wait_published(struct port *port, int64_t wait_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += wait_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&port->lock);
	port->waiting = true;
	while (port->published.first == NULL && port->published_signals == 0) {
		if (pthread_cond_timedwait(&port->published_some, &port->lock, &until) != 0)
			break;
	}
	port->waiting = false;
	pthread_mutex_unlock(&port->lock);
}

void port_push(struct port *port)
{
	flush(port);
	if (port->one_thread)
		port_io_push(port->io);
}

void port_wait(struct port *port, int64_t until_ms)
{
	int64_t now_ms = port_now_ms(port);
	int64_t wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;

	release_last(port);
	flush(port);
	pull(port);
	if (port->pulled.first != NULL || port->pulled_signals != 0)
		wait_ms = 0;
	if (wait_ms > WAIT_MAX_MS)
		wait_ms = WAIT_MAX_MS;
	if (port->one_thread)
		port_io_round(port->io, wait_ms);
	else if (wait_ms > 0)
		wait_published(port, wait_ms);
}

const char *port_down_name(enum port_down reason)
{
	static const char *const names[] = {
		[PORT_DOWN_OURS] = "ours",	   [PORT_DOWN_RESOLVE] = "resolve",
		[PORT_DOWN_CONNECT] = "connect",   [PORT_DOWN_TLS] = "tls",
		[PORT_DOWN_DEADLINE] = "deadline", [PORT_DOWN_EOF] = "eof",
		[PORT_DOWN_RESET] = "reset",
	};

	return names[reason];
}
