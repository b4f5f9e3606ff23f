/*
 * What waits: watches and the loop, by libevent, which no other file knows. It decides nothing about
 * links: port_io.c does. See port_inside.h. Sockets are driven directly, not through bufferevents:
 * PORT_SENT must say exactly what the kernel has taken.
 */
#include "core/port_inside.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdlib.h>

/* ---- watches ---- */

struct port_watch {
	struct port_loop *loop;
	port_watch_call *call;
	void *owner;
	struct event readable;
	struct event writable;
	struct event timer;
	bool reading;
	bool writing;
};

struct port_loop {
	struct event_base *base;
	struct event wait_over;
	port_watch_call *signalled;
	void *owner;
	struct event signals[PORT_SIGNALS];
};

static struct timeval duration(int64_t ms)
{
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
				 .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct port_watch *watch = argument;

	(void)fd, (void)what;
	watch->call(watch->owner, PORT_READABLE);
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
	struct port_watch *watch = argument;

	(void)fd, (void)what;
	watch->call(watch->owner, PORT_WRITABLE);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct port_watch *watch = argument;

	(void)fd, (void)what;
	watch->call(watch->owner, PORT_TIMER);
}

struct port_watch *port_watch_new(struct port_loop *loop, port_watch_call *call, void *owner)
{
	struct port_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->loop = loop;
	watch->call = call;
	watch->owner = owner;
	evtimer_assign(&watch->timer, loop->base, on_timer, watch);
	port_watch_fd(watch, -1);
	return watch;
}

void port_watch_free(struct port_watch *watch)
{
	if (watch == NULL)
		return;
	port_watch_want(watch, false, false);
	event_del(&watch->readable); /* it may be active without being armed */
	event_del(&watch->timer);
	free(watch);
}

void port_watch_fd(struct port_watch *watch, int fd)
{
	if (watch->reading)
		event_del(&watch->readable);
	if (watch->writing)
		event_del(&watch->writable);
	watch->reading = watch->writing = false;
	event_assign(&watch->readable, watch->loop->base, fd, EV_READ | EV_PERSIST, on_readable,
		     watch);
	event_assign(&watch->writable, watch->loop->base, fd, EV_WRITE | EV_PERSIST, on_writable,
		     watch);
}

static bool want(struct event *event, bool *armed, bool wanted)
{
	if (*armed == wanted)
		return true;
	if ((wanted ? event_add(event, NULL) : event_del(event)) != 0)
		return false;
	*armed = wanted;
	return true;
}

bool port_watch_want(struct port_watch *watch, bool readable, bool writable)
{
	return want(&watch->readable, &watch->reading, readable) &&
	       want(&watch->writable, &watch->writing, writable);
}

void port_watch_again(struct port_watch *watch)
{
	event_active(&watch->readable, EV_READ, 0);
}

bool port_watch_timer(struct port_watch *watch, int64_t ms)
{
	struct timeval after = duration(ms > 0 ? ms : 0);

	event_del(&watch->timer);
	return ms < 0 || event_add(&watch->timer, &after) == 0;
}

/* ---- the loop ---- */

static void on_wait_over(evutil_socket_t fd, short what, void *argument)
{
	(void)fd, (void)what, (void)argument;
}

static void on_signal(evutil_socket_t signo, short what, void *argument)
{
	struct port_loop *loop = argument;

	(void)what;
	loop->signalled(loop->owner, (int)signo);
}

static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	/*
	 * One thread at a time uses it, so it needs no lock. No change list: it would speak of
	 * descriptors after they were closed.
	 */
	if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER) ==
	    0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct port_loop *port_loop_new(port_watch_call *signalled, void *owner)
{
	struct port_loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->owner = owner;
	loop->base = new_base();
	if (loop->base == NULL) {
		free(loop);
		return NULL;
	}
	evtimer_assign(&loop->wait_over, loop->base, on_wait_over, loop);
	for (size_t i = 0; signalled != NULL && i < PORT_SIGNALS; i++) {
		evsignal_assign(&loop->signals[i], loop->base, port_signals[i], on_signal, loop);
		if (event_add(&loop->signals[i], NULL) != 0) {
			port_loop_free(loop);
			return NULL;
		}
		loop->signalled = signalled;
	}
	return loop;
}

void port_loop_free(struct port_loop *loop)
{
	for (size_t i = 0; loop->signalled != NULL && i < PORT_SIGNALS; i++) {
		if (event_initialized(&loop->signals[i]))
			event_del(&loop->signals[i]);
	}
	event_base_free(loop->base);
	free(loop);
}

void port_loop_run(struct port_loop *loop, int64_t wait_ms)
{
	struct timeval after = duration(wait_ms > 0 ? wait_ms : 0);

	if (wait_ms > 0 && event_add(&loop->wait_over, &after) != 0)
		wait_ms = 0;
	event_base_loop(loop->base, wait_ms == 0 ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
	event_del(&loop->wait_over);
}
