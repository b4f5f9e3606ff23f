/*
 * Sockets without a loop: addresses, connecting, listening, name look-ups. It blocks nowhere but in
 * port_net_listen (a name given there is looked up) and in the look-up's own thread. Part of the
 * port, see port_inside.h.
 */
#ifndef CORE_PORT_NET_H
#define CORE_PORT_NET_H

#include "core/port.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define PORT_HOSTS     8
#define PORT_ADDRESSES 16

struct port_bound {
	int fd; /* listening, non-blocking */
	char address[112];
	struct stat file; /* Unix: the socket file; zeroed otherwise */
};

/* false: `error` has one line. */
bool port_net_listen(const struct port_listen *listen, struct port_bound *bound, char *error,
		     size_t room);

/* Removes the socket file if it is still the one that was made; nothing for a zeroed `file`. */
void port_net_unlink(const char *path, const struct stat *file);

/* A socket whose connecting has begun; -1: errno. */
int port_net_connect(const struct sockaddr *address, socklen_t n, uint32_t stall_ms);
int port_net_connect_unix(const char *path);

/* Gathers writes nowhere, notices dead peers. */
void port_net_tune(int fd, uint32_t stall_ms);

/* The coming close tells the peer by RST. Nothing for a Unix socket. */
void port_net_reset(int fd);

/* Listens no more, so that another may listen there; it stays open. */
void port_net_deafen(int fd);

/* "192.0.2.1:2775", "[2001:db8::1]:2775", "unix". */
void port_net_name(const struct sockaddr *address, socklen_t n, char *out, size_t room);

/* The same of the peer of fd; true with uid and gid when it is a Unix socket. */
bool port_net_peer(int fd, char *out, size_t room, uid_t *uid, gid_t *gid);

struct port_found {
	struct sockaddr_storage address;
	socklen_t n;
	size_t host; /* index of the name it came from */
};

/* Shared between a link and a helper thread that may outlive the link and even the port. */
struct port_lookup {
	atomic_int holders;
	atomic_bool done;
	int done_fd; /* eventfd, readable when done */
	size_t host_count;
	char *hosts[PORT_HOSTS];
	uint16_t ports[PORT_HOSTS];

	/* Valid when done. */
	struct port_found found[PORT_ADDRESSES];
	size_t found_count;
	const char *error; /* of the last name without addresses, in words */
};

/* NULL: out of memory or descriptors, or not 1..PORT_HOSTS addresses. */
struct port_lookup *port_lookup_new(const struct port_address *addresses, size_t n);

/* Without a thread, where every host is a literal. false: it takes port_lookup_begin. */
bool port_lookup_literal(struct port_lookup *lookup);

/* Starts the helper thread. false: there is none to be had. */
bool port_lookup_begin(struct port_lookup *lookup);

void port_lookup_release(struct port_lookup *lookup);

#endif
