/*
 * What the files behind port.h share: the two sides of a link and what goes between them. Nobody
 * else includes it.
 *
 *   port_side.c    the caller's side: ids, credit, port_write, port_next, port_wait; no sockets
 *   port_io.c      the I/O side: its rounds, its thread, listeners
 *   port_link.c    the life of a link on the I/O side
 *   port_event.c   what waits; the only one that knows libevent
 *   port_tls.c     what encrypts; the only one that knows OpenSSL
 *   port_net.c     sockets by the hand of the kernel: addresses, listening, look-ups
 *   port_queue.c   pieces of octets and their queues
 *
 *   caller's thread                 lock                  I/O thread (or port_wait itself)
 *   port_write, port_close --> want | box --> port_take_boxes --> sockets, TLS
 *   port_next <-- pulled            | published <-- posted <------'
 *
 * Towards the I/O thread every link has a box: octets to write and what is wanted of it. Once a
 * turn port_wait moves what gathered in `want` into the boxes and wakes the I/O thread, at most
 * once. Towards the caller there is one queue of messages in the order things happened, published
 * once per round of the loop. With one_thread the same functions run one after the other inside
 * port_wait.
 *
 * Both directions are bounded by credit, and each side counts its own: the caller a link's taken
 * minus sent octets, the I/O side its posted minus pulled ones (`owed` goes back with the box).
 */
#ifndef CORE_PORT_INSIDE_H
#define CORE_PORT_INSIDE_H

#include "core/port.h"
#include "core/port_net.h"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* ---- pieces (port_queue.c) ---- */

/* One piece of either direction. */
struct port_message {
	struct port_message *next;
	enum port_event_kind kind; /* towards the caller only */
	struct port_link *link;
	int64_t at_ms;
	uint64_t sent;
	size_t n;
	size_t room;
	uint8_t *octets; /* behind the message, in the same allocation */
};

struct port_queue {
	struct port_message *first;
	struct port_message *last;
};

/* NULL: out of memory. */
struct port_message *port_message_new(struct port_link *link, size_t room);

/* UP and DOWN are part of their link and are not given back. */
void port_message_free(struct port_message *message);

void port_queue_put(struct port_queue *queue, struct port_message *message);
void port_queue_move(struct port_queue *to, struct port_queue *from);
struct port_message *port_queue_take(struct port_queue *queue); /* NULL: empty */
void port_queue_clear(struct port_queue *queue);

/*
 * The octets of a queue behind the first `skip` ones (fewer than the first message has): as vectors
 * for the kernel, or copied; both say how many.
 */
size_t port_queue_vectors(const struct port_queue *queue, size_t skip, struct iovec *vectors,
			  size_t max);
size_t port_queue_copy(const struct port_queue *queue, size_t skip, uint8_t *to, size_t max);

/* Gives back the messages that the first n octets fill; returns how many of the n are left over. */
size_t port_queue_drop(struct port_queue *queue, size_t n);

/* ---- links, listeners, the port ---- */

/* What is wanted of a link. The last word counts for `paused`; the others are said once. */
struct port_box {
	struct port_queue writes;
	size_t credit; /* octets that the caller has pulled */
	bool start;
	bool paused;
	bool finish;
	bool close;
	bool abort;
	bool reset; /* with abort: by RST */
	bool free;  /* the caller has pulled DOWN and knows the link no more */
};

/* In the order of a life; before OPEN nothing has been sent. */
enum port_link_state {
	LINK_NEW,
	LINK_RESOLVE,
	LINK_CONNECT,
	LINK_TLS,
	LINK_OPEN,
	LINK_LINGER, /* all is sent, the peer's end is awaited */
	LINK_DOWN,
};

struct port_link {
	/* Set before the other side sees the link, then only read. */
	struct port *port;
	uint64_t listener; /* 0: ours */
	uint32_t input_max;
	uint32_t output_max;

	/* The caller's. */
	uint64_t id;
	uint64_t taken;
	uint64_t known_sent;
	struct port_box want;
	size_t owed; /* pulled and not yet credited */
	bool ended;  /* nothing more is taken */
	bool touched;
	struct port_link *next_touched;

	/* Under the lock. */
	struct port_box box;
	bool boxed;
	struct port_link *next_boxed;

	/* Written by the I/O side before it publishes the message, then only read. */
	struct port_message up;
	struct port_message down;
	char peer[64];
	char tls_text[224];
	struct port_tls_end peer_end;
	bool local;
	uid_t uid;
	gid_t gid;
	enum port_down reason;
	char text[400];

	/* The I/O side's from here on. */
	struct port_box todo;
	struct port_link *next_todo;
	struct port_link *next; /* in io->links, from the start until freed */
	struct port_link *before;
	enum port_link_state state;
	struct port_listener *from;
	struct port_watch *watch;
	int fd;

	char *unix_path;
	struct port_lookup *lookup;
	size_t address_at; /* in lookup->found */
	int64_t connect_until_ms;
	uint32_t resolve_ms;
	uint32_t connect_ms;
	uint32_t stall_ms;

	struct port_tls *tls;
	uint32_t tls_ms;
	char *server_name;
	char refusal[400]; /* why a certificate of the peer is refused; empty: it is not */
	struct ssl_st *ssl;
	bool tls_wants_write;
	bool tls_more;	 /* there is more to read that no readiness of fd will announce */
	size_t record_n; /* of the record that has to be written again before any other; 0: none */

	bool paused;
	bool closing;
	bool peer_ended;
	bool timed_out; /* a write was given up: the peer has taken nothing for stall_ms */
	bool half;	/* the peer's end is told and not the link's */
	bool finishing; /* the peer is to be told that all is sent */
	bool finished;	/* it was */
	struct port_queue out;
	size_t out_at; /* octets of out.first that have left */
	uint64_t sent;
	size_t uncredited; /* posted and not yet pulled */
};

struct port_listener {
	/* Set before the other side sees it, then only read. */
	struct port *port;
	uint64_t id;
	char address[112];
	struct stat file; /* Unix: the socket file, so that only ours is removed */

	struct port_listener *next; /* the caller's */

	/* Under the lock. */
	struct port_listener *next_boxed;
	bool boxed;
	bool closed; /* the caller knows it no more */

	/* The I/O side's from here on. */
	struct port_listener *next_todo;
	bool todo_close;
	struct port_watch *watch;
	int fd; /* the other side deafens it, which it does before todo_close */
	bool closing;
	struct port_tls *tls;
	uint32_t tls_ms;
	uint32_t stall_ms;
	uint32_t input_max;
	uint32_t output_max;
	uint32_t connections;
	uint32_t connections_max;
	bool half;
};

struct port {
	bool one_thread;
	struct port_io *io;

	/* The caller's. */
	struct port_link **slots;
	size_t slot_count;
	size_t slot_at;
	uint64_t serial;
	struct port_listener *listeners;
	struct port_link *touched, *last_touched;
	bool urgent; /* something among the touched cannot wait for a later turn */
	size_t owed;
	uint32_t event_octets;
	struct port_queue pulled;
	uint32_t pulled_signals;
	struct port_message *last; /* what the last event points into */

	pthread_mutex_t lock;
	pthread_cond_t published_some;

	/* Under the lock. */
	struct port_link *boxed;
	struct port_listener *boxed_listeners;
	bool woken;
	bool waiting;
	bool stop;
	struct port_queue published;
	uint32_t published_signals;
};

#define PORT_SCRATCH_OCTETS 65536 /* one read */

/* The I/O side's. */
struct port_io {
	struct port *port;
	struct port_loop *loop;
	pthread_t thread;
	bool threaded;
	bool freeing;
	int wake_fd;
	struct port_watch *woken;
	struct port_link *links;
	struct port_queue posted;
	uint32_t posted_signals;
	size_t uncredited; /* of all links */
	bool full;	   /* so much that nothing is read */
	uint8_t scratch[PORT_SCRATCH_OCTETS];
};

/* The signals reported, by their bit in published_signals. */
#define PORT_SIGNALS 4
extern const int port_signals[PORT_SIGNALS];

/* ---- port_side.c, called by the I/O side ---- */

/*
 * Empties the boxes: links by next_todo with their `todo` filled, listeners by next_todo with
 * todo_close. false: the port is being freed.
 */
bool port_take_boxes(struct port *port, struct port_link **links, struct port_listener **listeners);

/* Shows the caller what was posted; `posted` is empty afterwards. */
void port_publish(struct port *port, struct port_queue *posted, uint32_t signals);

/* ---- port_io.c, called by the caller's side ---- */

/* Starts the I/O side, with its thread unless port->one_thread. NULL: out of something. */
struct port_io *port_io_new(struct port *port, bool signals);

/* Ends the thread; port->stop has been set. Then frees what there is, links with UP and DOWN. */
void port_io_stop(struct port_io *io);
void port_io_free(struct port_io *io);

void port_io_wake(struct port_io *io);

/* With one_thread: empties the boxes. */
void port_io_push(struct port_io *io);

/* With one_thread: empties the boxes, waits at most wait_ms for something to happen, does it. */
void port_io_round(struct port_io *io, int64_t wait_ms);

/* It starts when its box says so. NULL: out of memory. */
struct port_listener *port_io_listener(struct port *port, const struct port_listen *listen, int fd);

/* ---- port_io.c, called by links ---- */

/* A link that came from it is down. */
void port_listener_left(struct port_listener *listener);

/* ---- port_link.c ---- */

/* Called by the caller's side. It starts when its box says so. NULL: out of memory. */
struct port_link *port_link_new(struct port *port, const struct port_target *target);

/* A link that the listener has accepted begins; takes fd. */
void port_link_accepted(struct port_listener *listener, int fd);

/* Does what the caller's side put into the link's `todo`; the link may be gone afterwards. */
void port_link_obey(struct port_link *link);

/* Nobody else refers to it any more. */
void port_link_free(struct port_link *link);

/* Ends the link for that reason and posts its DOWN; nothing for a link that is down. */
__attribute__((format(printf, 3, 4))) void
port_link_down(struct port_link *link, enum port_down reason, const char *format, ...);

/* The peer has said that nothing more will come. */
void port_link_ended(struct port_link *link);

/* The name or address that the peer's certificate must show. */
const char *port_link_name(const struct port_link *link);

/* ---- port_event.c ---- */

/* What a watch reports, in bits. */
enum {
	PORT_READABLE = 1,
	PORT_WRITABLE = 2,
	PORT_TIMER = 4
};
typedef void port_watch_call(void *owner, int what);

/*
 * NULL: out of memory or descriptors. `signalled` is called with port_io as owner; NULL: no
 * signals.
 */
struct port_loop *port_loop_new(port_watch_call *signalled, void *owner);
void port_loop_free(struct port_loop *loop);

/* Waits at most wait_ms (-1: without end) until something is ready, and calls. */
void port_loop_run(struct port_loop *loop, int64_t wait_ms);

/* A descriptor and a timer. NULL: out of memory. */
struct port_watch *port_watch_new(struct port_loop *loop, port_watch_call *call, void *owner);
void port_watch_free(struct port_watch *watch);

/* Watches that descriptor from now on, for nothing yet. Before the old one is closed. */
void port_watch_fd(struct port_watch *watch, int fd);

/* Level-triggered, until told otherwise. false: out of memory. */
bool port_watch_want(struct port_watch *watch, bool readable, bool writable);

/* Reports READABLE once more though the descriptor may not be. */
void port_watch_again(struct port_watch *watch);

/* Once, ms from now; below 0: not at all. false: out of memory. */
bool port_watch_timer(struct port_watch *watch, int64_t ms);

/* ---- port_tls.c ---- */

/* One more holder; NULL stays NULL. Given back by port_tls_free. */
struct port_tls *port_tls_hold(const struct port_tls *tls);

/* Ready for the first handshake. false: the link is down. */
bool port_tls_begin(struct port_link *link);

/* true: done and verified, link->tls_text is filled. false: it goes on, or the link is down. */
bool port_tls_handshake(struct port_link *link);

/* Nothing was read from the peer yet. */
bool port_tls_silent(const struct port_link *link);

/* How many octets; 0: none now, or the link is down. Sets link->tls_more. */
size_t port_tls_read(struct port_link *link, uint8_t *to, size_t room);

/*
 * Writes one record: how many octets, 0: none now, and then the same n octets have to come again;
 * -1: the link is broken, see errno.
 */
ssize_t port_tls_write(struct port_link *link, const uint8_t *octets, size_t n);

void port_tls_goodbye(struct port_link *link);
void port_tls_end(struct port_link *link);

#endif
