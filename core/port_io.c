/*
 * The I/O side of the door: its rounds, its thread and its listeners; links are in port_link.c. It
 * runs in the I/O thread, or inside port_wait. See port_inside.h.
 */
#include "core/port_inside.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ACCEPTS = 16,	/* per readiness, so that links have their turn */
	REARM_MS = 100, /* a listener that ran out of descriptors tries again */
	RESERVE = 64,	/* descriptors that clients leave to our own links, look-ups and files */
};

/* ---- listeners ---- */

static void listener_arm(struct port_listener *listener)
{
	bool room = listener->connections < listener->connections_max;

	if (!port_watch_want(listener->watch, room, false))
		port_watch_timer(listener->watch, REARM_MS);
}

static void listener_free(struct port_listener *listener)
{
	port_watch_free(listener->watch);
	if (listener->fd >= 0)
		close(listener->fd);
	port_tls_free(listener->tls);
	free(listener);
}

/* It outlives its closing until its last link is down: they count themselves out here. */
void port_listener_left(struct port_listener *listener)
{
	listener->connections--;
	if (!listener->closing)
		listener_arm(listener);
	else if (listener->connections == 0)
		listener_free(listener);
}

/* The kernel gives the lowest number that is free: from this one on few are left. */
static int descriptors_for_clients(void)
{
	struct rlimit limit = { 0 };

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	rlim_t most = limit.rlim_cur < INT_MAX ? limit.rlim_cur : INT_MAX;

	return (int)(most - (most / 4 < RESERVE ? most / 4 : RESERVE));
}

/* -1 with errno: there is none, or there are no descriptors for it. */
static int accept_one(const struct port_listener *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < descriptors_for_clients())
		return fd;
	close(fd);
	errno = EMFILE;
	return -1;
}

static void listener_accept(struct port_listener *listener)
{
	for (int i = 0; i < ACCEPTS && listener->connections < listener->connections_max; i++) {
		int fd = accept_one(listener);

		if (fd >= 0) {
			port_link_accepted(listener, fd);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			/* Out of descriptors or memory: looking again at once would spin. */
			port_watch_want(listener->watch, false, false);
			port_watch_timer(listener->watch, REARM_MS);
			return;
		}
	}
	listener_arm(listener);
}

static void on_listener(void *owner, int what)
{
	struct port_listener *listener = owner;

	if (what == PORT_TIMER)
		listener_arm(listener);
	else
		listener_accept(listener);
}

static void listener_obey(struct port_listener *listener)
{
	if (listener->todo_close) {
		listener->closing = true;
		port_watch_free(listener->watch);
		listener->watch = NULL;
		close(listener->fd);
		listener->fd = -1;
		if (listener->connections == 0)
			listener_free(listener);
		return;
	}
	port_watch_fd(listener->watch, listener->fd);
	listener_arm(listener);
}

struct port_listener *port_io_listener(struct port *port, const struct port_listen *listen, int fd)
{
	struct port_listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL)
		return NULL;
	listener->watch = port_watch_new(port->io->loop, on_listener, listener);
	if (listener->watch == NULL) {
		free(listener);
		return NULL;
	}
	listener->port = port;
	listener->fd = fd;
	listener->tls = port_tls_hold(listen->tls);
	listener->tls_ms = listen->tls_ms > 0 ? listen->tls_ms : PORT_TLS_MS;
	listener->stall_ms = listen->stall_ms > 0 ? listen->stall_ms : PORT_STALL_MS;
	listener->input_max = listen->input_octets;
	listener->output_max = listen->output_octets;
	listener->half = listen->half;
	listener->connections_max = listen->connections_max > 0 ? listen->connections_max :
								  PORT_CONNECTIONS;
	return listener;
}

/* ---- the rounds ---- */

/* false: the port is being freed. */
static bool io_take(struct port_io *io)
{
	struct port_link *link;
	struct port_listener *listener;
	bool alive = port_take_boxes(io->port, &link, &listener);

	while (listener != NULL) {
		struct port_listener *next = listener->next_todo;

		listener_obey(listener);
		listener = next;
	}
	while (link != NULL) {
		struct port_link *next = link->next_todo;

		port_link_obey(link);
		link = next;
	}
	return alive;
}

static void io_publish(struct port_io *io)
{
	port_publish(io->port, &io->posted, io->posted_signals);
	io->posted_signals = 0;
}

static void *io_run(void *argument)
{
	struct port_io *io = argument;

	while (io_take(io)) {
		io_publish(io);
		port_loop_run(io->loop, -1);
		io_publish(io);
	}
	return NULL;
}

void port_io_push(struct port_io *io)
{
	io_take(io);
}

void port_io_round(struct port_io *io, int64_t wait_ms)
{
	io_take(io);
	port_loop_run(io->loop, io->posted.first == NULL ? wait_ms : 0);
	io_publish(io);
}

static void on_woken(void *owner, int what)
{
	struct port_io *io = owner;
	uint64_t count;

	(void)what;
	(void)!read(io->wake_fd, &count, sizeof(count));
}

static void on_signal(void *owner, int signo)
{
	struct port_io *io = owner;

	for (uint32_t i = 0; i < PORT_SIGNALS; i++) {
		if (port_signals[i] == signo)
			io->posted_signals |= 1u << i;
	}
}

void port_io_wake(struct port_io *io)
{
	uint64_t one = 1;

	/* It only fails when the counter is full, and then the other side is awake. */
	(void)!write(io->wake_fd, &one, sizeof(one));
}

static void io_release(struct port_io *io)
{
	port_watch_free(io->woken);
	if (io->loop != NULL)
		port_loop_free(io->loop);
	if (io->wake_fd >= 0)
		close(io->wake_fd);
	free(io);
}

struct port_io *port_io_new(struct port *port, bool signals)
{
	struct port_io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return NULL;
	io->port = port;
	port->io = io;
	io->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	io->loop = port_loop_new(signals ? on_signal : NULL, io);
	if (io->wake_fd >= 0 && io->loop != NULL)
		io->woken = port_watch_new(io->loop, on_woken, io);
	if (io->woken != NULL) {
		port_watch_fd(io->woken, io->wake_fd);
		io->threaded = !port->one_thread;
		if (port_watch_want(io->woken, true, false) &&
		    (!io->threaded || pthread_create(&io->thread, NULL, io_run, io) == 0))
			return io;
	}
	io_release(io);
	return NULL;
}

void port_io_stop(struct port_io *io)
{
	if (!io->threaded)
		return;
	port_io_wake(io);
	pthread_join(io->thread, NULL);
	io->threaded = false;
}

void port_io_free(struct port_io *io)
{
	/* Links that nobody has started are in their boxes: take them, start nothing. */
	io->freeing = true;
	port_queue_clear(&io->posted);
	io_take(io);
	port_queue_clear(&io->posted);
	while (io->links != NULL)
		port_link_free(io->links);
	io_release(io);
}
