/*
 * The one door to the world: clocks, randomness, signals and octet links (TCP, Unix sockets, TLS).
 * It is not a protocol and decides nothing: what the octets mean is the caller's business.
 * Used by the engine and by every tool that talks to somebody, so that there is one event loop in
 * the tree. Implemented by core/port_*.c (libevent and OpenSSL) and, for the deterministic
 * simulation, by test/sim; which one is chosen when a program is linked.
 *
 * Shape: calls go in, events are pulled out, nothing is ever called back.
 *
 *	for (;;) {
 *		port_wait(port, next_deadline_ms);
 *		while (port_next(port, &event))
 *			handle(&event);            calls port_write, port_close, ...
 *		fire deadlines that are <= port_now_ms(port)
 *	}
 *
 * One thread, the caller's, makes every call. Whether an I/O thread works behind the door cannot be
 * seen from here.
 *
 * Links and listeners are named by ids that are never 0 and never used twice in the life of a port,
 * so a call or an event that comes late is harmless: a call naming an unknown id does nothing.
 *
 * Promises about a link, in this order:
 *   PORT_UP     once, when octets can flow (over TLS: the peer is verified). A link that never came
 *               up has no PORT_UP, only its PORT_DOWN; so a client of a listener whose handshake
 *               failed shows itself by the PORT_DOWN of an id that was never heard of.
 *   PORT_OCTETS, PORT_SENT   any number.
 *   PORT_DOWN   once, always the last: behind every octet that was read and the final PORT_SENT. It
 *               comes after port_close and port_abort too. The id is dead from then on.
 *
 * Times named now_ms, until_ms and at_ms here are milliseconds of port_now_ms.
 */
#ifndef CORE_PORT_H
#define CORE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct port;
struct port_tls;

/* Defaults that a 0 in the structs below stands for. */
#define PORT_EVENT_OCTETS  (8u << 20)
#define PORT_INPUT_OCTETS  (128u << 10)
#define PORT_OUTPUT_OCTETS (256u << 10)
#define PORT_CONNECT_MS	   10000u
#define PORT_TLS_MS	   10000u
#define PORT_STALL_MS	   30000u
#define PORT_STALL_NEVER   UINT32_MAX /* for stall_ms: a peer that lives may take nothing for ever */
#define PORT_CONNECTIONS   1024u
#define PORT_LINKS	   65536u /* links at one time, in all; fixed */
#define PORT_RESOLVE_MS	   5000u
#define PORT_LINGER_MS	   5000u /* port_close: flush and wait for the peer's end; fixed */
#define PORT_TEXT_OCTETS   512u	 /* room a caller should give for error texts */

struct port_options {
	bool one_thread; /* do the I/O inside port_wait instead of in a thread */
	bool signals;	 /* catch TERM, INT, HUP, USR1 and report them as PORT_SIGNAL */

	/* Octets read and not yet pulled, over all links; then all reading stops. */
	uint32_t event_octets;
};

/*
 * NULL: out of memory, threads or descriptors. SIGPIPE is ignored from now on. Do not fork
 * afterwards.
 */
struct port *port_new(const struct port_options *options);

/*
 * Drops every link at once, without events, and closes listeners (Unix socket files are removed).
 */
void port_free(struct port *port);

/* ---- clocks and randomness; `port` may be NULL while there is none yet ---- */

/* Monotonic, counts the time asleep too (CLOCK_BOOTTIME); the origin means nothing. */
int64_t port_now_ms(struct port *port);

/* The same clock in microseconds, for measuring; no deadline needs it. */
int64_t port_now_us(struct port *port);

/* Wall clock, milliseconds since 1970-01-01 UTC. May step. */
int64_t port_wall_ms(struct port *port);

/* Fills n octets, fit for keys. Never fails: without randomness the process ends. */
void port_random(struct port *port, void *octets, size_t n);

#define PORT_SHA256_OCTETS 32
/* SHA-256 of n octets; it stands here because the library that knows it does. False: no memory. */
__attribute__((warn_unused_result)) bool port_sha256(const void *octets, size_t n,
						     uint8_t digest[PORT_SHA256_OCTETS]);

/*
 * Tells whoever supervises the process what it is doing, such as "READY=1": by the socket that
 * NOTIFY_SOCKET names, as sd_notify(3) says. Without one, nothing; never blocks.
 */
void port_notify(const char *state);

/* ---- TLS contexts ---- */

struct port_tls_options {
	bool server; /* for port_listen; otherwise for port_open */

	/*
	 * PEM. Client: whom to trust, NULL for the system's. Server: NULL asks for no client
	 * certificate, otherwise one is required that these have signed.
	 */
	const char *ca_file;

	/* PEM chain, own certificate first. Server: required. Client: NULL or for mutual TLS. */
	const char *cert_file;

	/* PEM without passphrase, not accessible to others; goes with cert_file. */
	const char *key_file;

	/*
	 * Client: NULL or 64 hex digits, the SHA-256 of the peer's SubjectPublicKeyInfo; demanded
	 * in addition to chain and name.
	 */
	const char *pin_sha256;

	/* Client: neither chain nor name is verified (a pin still is). To be shown loudly. */
	bool unverified;
};

/*
 * Reads and checks the files once (key fits certificate). TLS 1.2 or later; 1.2 only with ECDHE and
 * AEAD. NULL: `error` (PORT_TEXT_OCTETS is enough) has the reason in one line.
 */
struct port_tls *port_tls_new(const struct port_tls_options *options, char *error,
			      size_t error_octets);

/* When a certificate ends, and whose it is: the first to end where there are several. */
struct port_tls_end {
	int64_t ms; /* wall clock; 0: there is none */
	char subject[64];
};

/* Of the files of a context; `ca` only where there is a ca_file. */
struct port_tls_ends {
	struct port_tls_end own, ca;
};
void port_tls_ends(const struct port_tls *tls, struct port_tls_ends *ends);

/* Links and listeners that were made with it are not disturbed. NULL is allowed. */
void port_tls_free(struct port_tls *tls);

/*
 * For tests: a fresh CA and what it signs, all for `days` days, as ca.pem, server.pem, client.pem
 * with .key beside each (ECDSA P-256, readable by the owner only) in folder, which is made; what
 * was there by those names is replaced. The server's certificate is for the n hosts, names or IP
 * literals. false: `error` has one line.
 */
bool port_certify(const char *folder, const char *const *hosts, size_t n, uint32_t days,
		  char *error, size_t error_octets);

/* ---- making links ---- */

struct port_address {
	/* Literal IPv4, IPv6 (without brackets), or a name that is looked up at each port_open. */
	const char *host;
	uint16_t port;
};

/* Everything is copied. Either addresses or unix_path. */
struct port_target {
	/* Tried in this order, each with all it resolves to; 1..8. */
	const struct port_address *addresses;
	size_t address_count;

	const char *unix_path;

	const struct port_tls *tls; /* NULL: plain */

	/*
	 * The name (sent as SNI) or IP address that the certificate must show; NULL: the host of
	 * the address that is being tried.
	 */
	const char *server_name;

	uint32_t resolve_ms; /* for the look-up of all names */
	uint32_t connect_ms; /* for all addresses together, without the name look-up */
	uint32_t tls_ms;
	uint32_t stall_ms; /* TCP_USER_TIMEOUT: octets unacknowledged for so long end the link */

	uint32_t input_octets;	/* read and not yet pulled; then the link's reading stops */
	uint32_t output_octets; /* taken by port_write and not yet sent */
	bool half; /* a peer that has ended its side still reads: PORT_OCTETS with n 0, not DOWN */
};

/*
 * The new link's id; 0: out of memory or PORT_LINKS reached. Every other trouble comes as
 * PORT_DOWN.
 */
uint64_t port_open(struct port *port, const struct port_target *target);

/* Everything is copied. Either host or unix_path. */
struct port_listen {
	const char *host; /* literal or name */
	uint16_t port;	  /* 0: any free one, see port_listen_address */
	const char *unix_path;
	mode_t mode; /* of the socket file; it is never looser, not even for a moment */
	gid_t group; /* of the socket file; (gid_t)-1: the process's own */
	const struct port_tls *tls; /* NULL: plain */
	uint32_t tls_ms;
	uint32_t stall_ms;	  /* of its links, as in struct port_target */
	uint32_t connections_max; /* at one time; more wait in the kernel's backlog */
	uint32_t input_octets;	  /* per link, as in struct port_target */
	uint32_t output_octets;
	bool half; /* a client that has ended its side still reads: PORT_OCTETS with n 0, not DOWN */
};

/*
 * Listens from now on; returns the listener's id, or 0 with one line in `error` (PORT_TEXT_OCTETS
 * is enough). A Unix socket file that nobody listens on any more is replaced; one that is in use,
 * and anything that is not a socket, is left alone and refused.
 */
uint64_t port_listen(struct port *port, const struct port_listen *listen, char *error,
		     size_t error_octets);

/*
 * Bound address as "127.0.0.1:2775", "[::1]:2775" or the path; lives as long as the listener. NULL:
 * unknown.
 */
const char *port_listen_address(const struct port *port, uint64_t listener);

/*
 * Accepts no more, and its address is free at once; links that came from it live on. A Unix socket
 * file is removed if it still is ours.
 */
void port_listen_close(struct port *port, uint64_t listener);

/* ---- using links ---- */

/*
 * Takes up to n octets, in order, and says how many: less than n when the link's output_octets are
 * in use, 0 when the link is unknown or closing (for want of memory it is ended). Never blocks.
 * What was not taken stays with the caller and has not left; try again after the link's next
 * PORT_SENT. Allowed before PORT_UP. The octets move at the next port_wait or port_push, all together.
 */
size_t port_write(struct port *port, uint64_t link, const void *octets, size_t n);

/* Octets that port_write would take now. */
size_t port_write_room(const struct port *port, uint64_t link);

/*
 * Stops and starts reading (a new link reads). Up to input_octets that were read already still come
 * after port_pause. While paused the peer's end is not noticed unless a write fails.
 */
void port_pause(struct port *port, uint64_t link);
void port_resume(struct port *port, uint64_t link);

/*
 * Sends what was taken and then tells the peer that no more will come; takes no more, and reads on.
 * The link lives until it is closed, whatever has ended.
 */
void port_finish(struct port *port, uint64_t link);

/*
 * Sends what was taken, says goodbye, waits for the peer's end, at most PORT_LINGER_MS in all; then
 * PORT_DOWN with PORT_DOWN_OURS. What the peer sends meanwhile is thrown away.
 */
void port_close(struct port *port, uint64_t link);

/*
 * Ends the link at the next port_wait without sending anything more; PORT_DOWN with PORT_DOWN_OURS
 * follows.
 */
void port_abort(struct port *port, uint64_t link);

/* The same, but the peer is told so: a TCP connection is reset (RST), what it has not read is lost. */
void port_reset(struct port *port, uint64_t link);

/* ---- events ---- */

enum port_event_kind {
	PORT_UP,
	PORT_OCTETS,
	PORT_SENT,
	PORT_DOWN,
	PORT_SIGNAL,
};

enum port_down {
	PORT_DOWN_OURS,	    /* port_close or port_abort */
	PORT_DOWN_RESOLVE,  /* no address for the name */
	PORT_DOWN_CONNECT,  /* no address took the connection */
	PORT_DOWN_TLS,	    /* handshake refused by either side, or TLS broken later */
	PORT_DOWN_DEADLINE, /* connect_ms, tls_ms or stall_ms passed */
	PORT_DOWN_EOF, /* the peer closed, with or without goodbye; half is whole but for `half` */
	PORT_DOWN_RESET, /* the connection broke, or memory ran out */
};

/* Pointers are valid until the next call of port_next, port_wait or port_free. */
struct port_event {
	enum port_event_kind kind;
	uint64_t link;	   /* all but SIGNAL */
	uint64_t listener; /* UP, DOWN: the listener it came from; 0: it is a port_open */
	int64_t at_ms;	   /* when it happened: OCTETS arrived, the last octet was SENT */

	const char *peer; /* UP: "192.0.2.1:2775", "[2001:db8::1]:2775", "unix". DOWN: same or "" */
	const char *text; /* DOWN: one line. UP: over TLS protocol, cipher, subject; else NULL */
	const struct port_tls_end *peer_end; /* UP: of the peer's chain; NULL: it showed none */
	bool local; /* UP: a Unix socket; uid and gid are the peer's when it connected */
	uid_t uid;
	gid_t gid;

	const uint8_t *octets; /* OCTETS */
	size_t n;	       /* OCTETS: 1 or more; 0: no more will come, see struct port_listen */

	/*
	 * SENT and DOWN: octets of this link, counted from its beginning, that the kernel has
	 * taken; over TLS only octets whose whole record it has taken. An octet beyond the final
	 * count never left the process in a form the peer could read. Nothing is said about what
	 * the peer received.
	 */
	uint64_t sent_octets;

	enum port_down reason; /* DOWN */
	int signo;	       /* SIGNAL */
};

/* Takes the next event that waits; false: none. Never blocks. */
bool port_next(struct port *port, struct port_event *event);

/* Hands over what was written, closed, opened since the last call, for somebody waits for it. */
void port_push(struct port *port);

/*
 * Hands over what was written, closed, opened since the last call, then returns as soon as an event
 * waits or until_ms is reached; it may return earlier. until_ms in the past: does not wait.
 * INT64_MAX: for an event only.
 */
void port_wait(struct port *port, int64_t until_ms);

/* "connect", "tls", ... for logs and JSON. */
const char *port_down_name(enum port_down reason);

#endif
