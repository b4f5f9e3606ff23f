/*
 * The life of a link on the I/O side, from the first address tried to the last octet. It runs in
 * the I/O thread, or inside port_wait. What waits and what encrypts is in port_event.c, what is
 * done to sockets in port_net.c. See port.h for the promises and port_inside.h for the other side.
 */
#include "core/port_inside.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RECORD_OCTETS = 16384, /* TLS: the most that one record carries */
	VECTORS = 16,
};

static void link_arm(struct port_link *link);
static void link_connect(struct port_link *link);

/* ---- towards the caller ---- */

static void post_sent(struct port_link *link)
{
	struct port_queue *posted = &link->port->io->posted;
	struct port_message *last = posted->last;

	/* Writes of one round in a row are one event; octets between them would part them. */
	if (last == NULL || last->kind != PORT_SENT || last->link != link) {
		last = port_message_new(link, 0);
		if (last == NULL) {
			port_link_down(link, PORT_DOWN_RESET, "out of memory");
			return;
		}
		last->kind = PORT_SENT;
		port_queue_put(posted, last);
	}
	last->sent = link->sent;
	last->at_ms = port_now_ms(link->port);
}

/*
 * All reading stops when too much waits for the caller, and starts again when half of it is gone.
 */
static void set_full(struct port_io *io, bool full)
{
	if (io->full == full)
		return;
	io->full = full;
	for (struct port_link *link = io->links; link != NULL; link = link->next)
		link_arm(link);
}

static void post_octets(struct port_link *link, const uint8_t *octets, size_t n)
{
	struct port_io *io = link->port->io;
	struct port_message *message = port_message_new(link, n);

	if (message == NULL) {
		port_link_down(link, PORT_DOWN_RESET, "out of memory");
		return;
	}
	if (n > 0)
		memcpy(message->octets, octets, n);
	message->n = n;
	message->at_ms = port_now_ms(link->port);
	port_queue_put(&io->posted, message);
	link->uncredited += n;
	io->uncredited += n;
	if (io->uncredited >= link->port->event_octets)
		set_full(io, true);
}

static void post_up(struct port_link *link)
{
	link->up = (struct port_message){ .kind = PORT_UP,
					  .link = link,
					  .at_ms = port_now_ms(link->port) };
	port_queue_put(&link->port->io->posted, &link->up);
}

/* ---- the end ---- */

/* Everything but the memory that the other side still refers to. */
static void link_release(struct port_link *link)
{
	port_watch_free(link->watch);
	link->watch = NULL;
	port_tls_end(link);
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	port_queue_clear(&link->out);
	port_lookup_release(link->lookup);
	link->lookup = NULL;
	port_tls_free(link->tls);
	link->tls = NULL;
	if (link->from != NULL)
		port_listener_left(link->from);
	link->from = NULL;
}

void port_link_down(struct port_link *link, enum port_down reason, const char *format, ...)
{
	va_list arguments;

	if (link->state == LINK_DOWN)
		return;
	va_start(arguments, format);
	vsnprintf(link->text, sizeof(link->text), format, arguments);
	va_end(arguments);
	link->reason = link->closing ? PORT_DOWN_OURS : reason;
	link->state = LINK_DOWN;
	link_release(link);
	link->down = (struct port_message){ .kind = PORT_DOWN,
					    .link = link,
					    .at_ms = port_now_ms(link->port),
					    .sent = link->sent };
	port_queue_put(&link->port->io->posted, &link->down);
}

void port_link_free(struct port_link *link)
{
	if (link->state != LINK_NEW) {
		if (link->before != NULL)
			link->before->next = link->next;
		else
			link->port->io->links = link->next;
		if (link->next != NULL)
			link->next->before = link->before;
	}
	link_release(link);
	port_queue_clear(&link->todo.writes);
	free(link->unix_path);
	free(link->server_name);
	free(link);
}

/* ---- octets ---- */

static bool may_read(const struct port_link *link)
{
	if (link->closing || link->peer_ended)
		return !link->peer_ended;
	return !link->paused && !link->port->io->full && link->uncredited < link->input_max;
}

/* Waits for what the link's state can use, and for nothing else: watches are level-triggered. */
static void link_arm(struct port_link *link)
{
	bool read = false;
	bool write = false;

	switch (link->state) {
	case LINK_CONNECT:
		write = true;
		break;
	case LINK_TLS:
		read = true;
		write = link->tls_wants_write;
		break;
	case LINK_OPEN:
		read = may_read(link);
		write = link->out.first != NULL || link->tls_wants_write;
		break;
	case LINK_LINGER:
	case LINK_RESOLVE:
		read = true;
		break;
	case LINK_NEW:
	case LINK_DOWN:
		return;
	}
	if (!port_watch_want(link->watch, read, write))
		port_link_down(link, PORT_DOWN_RESET, "out of memory");
	else if (read && link->state == LINK_OPEN && link->tls_more)
		port_watch_again(link->watch);
}

static void set_timer(struct port_link *link, int64_t ms)
{
	if (!port_watch_timer(link->watch, ms))
		port_link_down(link, PORT_DOWN_RESET, "out of memory");
}

/* The peer's end has been read: it may still take what we have for it. */
void port_link_ended(struct port_link *link)
{
	bool told = link->peer_ended;

	link->peer_ended = true;
	if (link->timed_out)
		return; /* nothing was said: that is how the kernel ends what it has given up */
	if (!link->closing && link->half && !told)
		post_octets(link, NULL, 0);
	else if (!link->closing && !link->half)
		port_link_down(link, PORT_DOWN_EOF, "closed by the peer");
	else if (link->state == LINK_LINGER)
		port_link_down(link, PORT_DOWN_OURS, "closed");
}

static void link_broke(struct port_link *link, int error)
{
	port_link_down(link, error == ETIMEDOUT ? PORT_DOWN_DEADLINE : PORT_DOWN_RESET, "%s",
		       strerror(error));
}

static size_t plain_read(struct port_link *link, uint8_t *to, size_t room)
{
	ssize_t n = recv(link->fd, to, room, 0);

	if (n > 0)
		return (size_t)n;
	if (n == 0)
		port_link_ended(link);
	else if (errno != EAGAIN && errno != EINTR)
		link_broke(link, errno);
	return 0;
}

/* One helping; what comes while closing is thrown away. false: there was none. */
static bool link_read(struct port_link *link)
{
	uint8_t *scratch = link->port->io->scratch;
	size_t n = link->ssl != NULL ? port_tls_read(link, scratch, PORT_SCRATCH_OCTETS) :
				       plain_read(link, scratch, PORT_SCRATCH_OCTETS);

	if (n > 0 && !link->closing)
		post_octets(link, scratch, n);
	return n > 0;
}

/* Octets the kernel has taken; 0: it takes none now; -1: the link is broken, see errno. */
static ssize_t plain_write(struct port_link *link)
{
	struct iovec vectors[VECTORS];
	struct msghdr header = { .msg_iov = vectors };

	header.msg_iovlen = port_queue_vectors(&link->out, link->out_at, vectors, VECTORS);
	ssize_t n = sendmsg(link->fd, &header, MSG_NOSIGNAL);

	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static ssize_t tls_write(struct port_link *link)
{
	uint8_t *record = link->port->io->scratch;
	size_t n = port_queue_copy(&link->out, link->out_at, record,
				   link->record_n > 0 ? link->record_n : RECORD_OCTETS);
	ssize_t taken = port_tls_write(link, record, n);

	link->record_n = taken > 0 ? 0 : n;
	return taken;
}

/* Everything is out and the caller wants the end: say goodbye and wait for the peer's. */
static void link_linger(struct port_link *link)
{
	if (link->ssl != NULL)
		port_tls_goodbye(link);
	link->state = LINK_LINGER;
	if (link->peer_ended || shutdown(link->fd, SHUT_WR) != 0)
		port_link_down(link, PORT_DOWN_OURS, "closed");
}

/* Everything is out: what the caller wanted to come behind it. */
static void link_emptied(struct port_link *link)
{
	if (link->closing) {
		link_linger(link);
	} else if (link->finishing && !link->finished) {
		link->finished = true;
		if (link->ssl != NULL)
			port_tls_goodbye(link);
		/* A connection that is broken is found so by reading it. */
		(void)shutdown(link->fd, SHUT_WR);
	}
}

static void link_write(struct port_link *link)
{
	uint64_t before = link->sent;
	ssize_t n = 0;

	while (link->out.first != NULL) {
		n = link->ssl != NULL ? tls_write(link) : plain_write(link);
		if (n <= 0)
			break;
		link->sent += (uint64_t)n;
		link->out_at = port_queue_drop(&link->out, link->out_at + (size_t)n);
	}
	int error = n < 0 ? errno : 0;

	if (link->sent != before)
		post_sent(link);
	link->timed_out = error == ETIMEDOUT;
	/* What the peer said before it went is read first: down comes behind every octet. */
	while (error != 0 && link->state == LINK_OPEN && !link->closing &&
	       link->uncredited < link->input_max && link_read(link))
		;
	if (error != 0)
		link_broke(link, error);
	else if (link->state == LINK_OPEN && link->out.first == NULL)
		link_emptied(link);
}

/* ---- the beginning of links ---- */

const char *port_link_name(const struct port_link *link)
{
	if (link->server_name != NULL)
		return link->server_name;
	if (link->lookup == NULL)
		return "localhost";
	return link->lookup->hosts[link->lookup->found[link->address_at].host];
}

static void link_open(struct port_link *link)
{
	link->state = LINK_OPEN;
	post_up(link);
	set_timer(link, link->closing ? (int64_t)PORT_LINGER_MS : -1);
	if (link->state == LINK_OPEN)
		link_write(link);
}

static void link_handshake(struct port_link *link)
{
	if (port_tls_handshake(link))
		link_open(link);
}

/* The socket is connected. */
static void link_connected(struct port_link *link)
{
	link->local =
		port_net_peer(link->fd, link->peer, sizeof(link->peer), &link->uid, &link->gid);
	if (link->tls == NULL) {
		link_open(link);
		return;
	}
	link->state = LINK_TLS;
	set_timer(link, link->tls_ms);
	if (link->state == LINK_TLS && port_tls_begin(link))
		link_handshake(link);
}

/* The address at hand failed: try the next, or give up with its reason. */
static void link_connect_failed(struct port_link *link, enum port_down reason, const char *why)
{
	char name[96];

	if (link->lookup == NULL) {
		port_link_down(link, reason, "%s: %s", link->unix_path, why);
		return;
	}
	const struct port_found *found = &link->lookup->found[link->address_at];

	port_net_name((const struct sockaddr *)&found->address, found->n, name, sizeof(name));
	if (link->address_at + 1 < link->lookup->found_count) {
		link->address_at++;
		link_connect(link);
	} else {
		port_link_down(link, reason, "%s: %s", name, why);
	}
}

/* Begins with the address at hand; those left share what is left of the time. */
static void link_connect(struct port_link *link)
{
	struct port_lookup *lookup = link->lookup;
	int64_t shares = 1;

	port_watch_fd(link->watch, -1);
	if (link->fd >= 0)
		close(link->fd);
	if (lookup == NULL) {
		link->fd = port_net_connect_unix(link->unix_path);
	} else {
		struct port_found *found = &lookup->found[link->address_at];

		link->fd = port_net_connect((struct sockaddr *)&found->address, found->n,
					    link->stall_ms);
		shares = (int64_t)(lookup->found_count - link->address_at);
	}
	if (link->fd < 0) {
		link_connect_failed(link, PORT_DOWN_CONNECT, strerror(errno));
		return;
	}
	port_watch_fd(link->watch, link->fd);
	link->state = LINK_CONNECT;
	int64_t left_ms = link->connect_until_ms - port_now_ms(link->port);

	set_timer(link, left_ms > 0 ? left_ms / shares : 0);
}

static void link_resolved(struct port_link *link)
{
	if (link->lookup != NULL && link->lookup->found_count == 0) {
		port_link_down(link, PORT_DOWN_RESOLVE, "%s: %s", link->lookup->hosts[0],
			       link->lookup->error);
		return;
	}
	link->connect_until_ms = port_now_ms(link->port) + link->connect_ms;
	link_connect(link);
}

static void link_timed_out(struct port_link *link)
{
	switch (link->state) {
	case LINK_RESOLVE:
		port_link_down(link, PORT_DOWN_RESOLVE, "%s: no answer within %u ms",
			       link->lookup->hosts[0], link->resolve_ms);
		break;
	case LINK_CONNECT:
		link_connect_failed(link, PORT_DOWN_DEADLINE, "no connection in time");
		break;
	case LINK_TLS:
		port_link_down(link, PORT_DOWN_DEADLINE, "no TLS handshake within %u ms%s",
			       link->tls_ms,
			       port_tls_silent(link) ?
				       ": the peer says nothing; is it plain TCP on this port?" :
				       "");
		break;
	case LINK_OPEN:
	case LINK_LINGER:
		port_link_down(link, PORT_DOWN_OURS, "closed without waiting longer for the peer");
		break;
	case LINK_NEW:
	case LINK_DOWN:
		break;
	}
}

static void link_writable(struct port_link *link)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (link->state == LINK_CONNECT) {
		(void)getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &n);
		if (error != 0)
			link_connect_failed(link, PORT_DOWN_CONNECT, strerror(error));
		else
			link_connected(link);
		return;
	}
	if (link->tls_wants_write)
		link_read(link);
	if (link->state == LINK_OPEN)
		link_write(link);
}

static void on_link(void *owner, int what)
{
	struct port_link *link = owner;

	if (what == PORT_TIMER)
		link_timed_out(link);
	else if (link->state == LINK_TLS)
		link_handshake(link);
	else if (what == PORT_WRITABLE)
		link_writable(link);
	else if (link->state != LINK_RESOLVE)
		link_read(link);
	else if (atomic_load(&link->lookup->done))
		link_resolved(link);
	link_arm(link);
}

/* From now on the I/O side knows the link. false: it is down already. */
static bool link_register(struct port_link *link)
{
	struct port_io *io = link->port->io;

	link->state = LINK_RESOLVE;
	link->next = io->links;
	if (io->links != NULL)
		io->links->before = link;
	io->links = link;
	link->watch = port_watch_new(io->loop, on_link, link);
	if (link->watch == NULL)
		port_link_down(link, PORT_DOWN_RESET, "out of memory");
	return link->watch != NULL;
}

static void link_start(struct port_link *link)
{
	struct port_lookup *lookup = link->lookup;

	if (!link_register(link) || link->port->io->freeing)
		return;
	if (lookup == NULL || port_lookup_literal(lookup)) {
		link_resolved(link);
	} else if (port_lookup_begin(lookup)) {
		port_watch_fd(link->watch, lookup->done_fd);
		set_timer(link, link->resolve_ms);
	} else {
		port_link_down(link, PORT_DOWN_RESOLVE, "%s: no thread to look it up with",
			       lookup->hosts[0]);
	}
}

static struct port_link *bare_link(struct port *port, uint32_t input_max, uint32_t output_max)
{
	struct port_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->port = port;
	link->input_max = input_max > 0 ? input_max : PORT_INPUT_OCTETS;
	link->output_max = output_max > 0 ? output_max : PORT_OUTPUT_OCTETS;
	link->fd = -1;
	return link;
}

static char *copy(const char *text, bool *good)
{
	char *ours = text != NULL ? strdup(text) : NULL;

	*good = *good && (text == NULL || ours != NULL);
	return ours;
}

struct port_link *port_link_new(struct port *port, const struct port_target *target)
{
	struct port_link *link = bare_link(port, target->input_octets, target->output_octets);
	bool good = true;

	if (link == NULL)
		return NULL;
	link->tls = port_tls_hold(target->tls);
	link->resolve_ms = target->resolve_ms > 0 ? target->resolve_ms : PORT_RESOLVE_MS;
	link->connect_ms = target->connect_ms > 0 ? target->connect_ms : PORT_CONNECT_MS;
	link->tls_ms = target->tls_ms > 0 ? target->tls_ms : PORT_TLS_MS;
	link->stall_ms = target->stall_ms > 0 ? target->stall_ms : PORT_STALL_MS;
	link->half = target->half;
	link->server_name = copy(target->server_name, &good);
	link->unix_path = copy(target->unix_path, &good);
	if (target->unix_path == NULL)
		link->lookup = port_lookup_new(target->addresses, target->address_count);
	if (good && (link->unix_path != NULL || link->lookup != NULL))
		return link;
	port_link_free(link);
	return NULL;
}

void port_link_accepted(struct port_listener *listener, int fd)
{
	struct port_link *link =
		bare_link(listener->port, listener->input_max, listener->output_max);

	if (link == NULL) {
		close(fd);
		return;
	}
	link->listener = listener->id;
	link->from = listener;
	link->fd = fd;
	link->tls = port_tls_hold(listener->tls);
	link->tls_ms = listener->tls_ms;
	link->half = listener->half;
	listener->connections++;
	port_net_tune(fd, listener->stall_ms);
	if (!link_register(link))
		return;
	port_watch_fd(link->watch, fd);
	link_connected(link);
	link_arm(link);
}

/* ---- what the caller wants ---- */

static void link_close(struct port_link *link)
{
	link->closing = true;
	if (link->state == LINK_OPEN)
		set_timer(link, PORT_LINGER_MS);
	else if (link->state < LINK_OPEN && link->out.first == NULL)
		port_link_down(link, PORT_DOWN_OURS, "closed before it was up");
}

void port_link_obey(struct port_link *link)
{
	struct port_io *io = link->port->io;
	struct port_box box = link->todo;

	link->todo = (struct port_box){ 0 };
	if (box.start)
		link_start(link);
	link->uncredited -= box.credit;
	io->uncredited -= box.credit;
	if (io->uncredited < io->port->event_octets / 2)
		set_full(io, false);
	link->paused = box.paused;
	if (link->state == LINK_DOWN)
		port_queue_clear(&box.writes);
	port_queue_move(&link->out, &box.writes);
	if (box.reset)
		port_net_reset(link->fd);
	if (box.abort)
		port_link_down(link, PORT_DOWN_OURS, "aborted");
	link->finishing |= box.finish;
	if (box.close)
		link_close(link);
	if (box.free) {
		port_link_free(link);
		return;
	}
	if (link->state == LINK_OPEN)
		link_write(link);
	link_arm(link);
}
