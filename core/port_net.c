/* See port_net.h. */
#include "core/port_net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	BACKLOG = 511,
	KEEPALIVE_IDLE_S = 60,
	KEEPALIVE_EVERY_S = 10,
	KEEPALIVE_COUNT = 6,
};

/* ---- small things ---- */

static void set_option(int fd, int level, int option, int value)
{
	/* Each is an improvement and none a condition: a socket without it still works. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

void port_net_tune(int fd, uint32_t stall_ms)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
	if (stall_ms != PORT_STALL_NEVER)
		set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)stall_ms);
}

void port_net_reset(int fd)
{
	struct linger none = { .l_onoff = 1 };

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

void port_net_deafen(int fd)
{
	(void)shutdown(fd, SHUT_RDWR);
}

void port_net_name(const struct sockaddr *address, socklen_t n, char *out, size_t room)
{
	char host[INET6_ADDRSTRLEN + 16];
	char port[8];

	if (address->sa_family == AF_UNIX ||
	    getnameinfo(address, n, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(out, room, "%s", address->sa_family == AF_UNIX ? "unix" : "?");
	else
		snprintf(out, room, address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
			 port);
}

bool port_net_peer(int fd, char *out, size_t room, uid_t *uid, gid_t *gid)
{
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	socklen_t n = sizeof(peer);
	struct ucred credentials;
	socklen_t credentials_n = sizeof(credentials);

	(void)getpeername(fd, (struct sockaddr *)&peer, &n);
	port_net_name((struct sockaddr *)&peer, n, out, room);
	if (peer.ss_family != AF_UNIX ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &credentials_n) != 0)
		return false;
	*uid = credentials.uid;
	*gid = credentials.gid;
	return true;
}

static bool unix_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (path[0] == '\0' || strlen(path) >= sizeof(address->sun_path))
		return false;
	memcpy(address->sun_path, path, strlen(path) + 1);
	return true;
}

static int begin_connect(int fd, const struct sockaddr *address, socklen_t n)
{
	if (fd < 0 || connect(fd, address, n) == 0 || errno == EINPROGRESS)
		return fd;
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

int port_net_connect(const struct sockaddr *address, socklen_t n, uint32_t stall_ms)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		port_net_tune(fd, stall_ms);
	return begin_connect(fd, address, n);
}

int port_net_connect_unix(const char *path)
{
	struct sockaddr_un address;

	if (!unix_address(path, &address)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return begin_connect(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
			     (struct sockaddr *)&address, sizeof(address));
}

/* ---- listening on TCP ---- */

static int bind_tcp(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (info->ai_family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

static bool listen_tcp(const struct port_listen *wanted, struct port_bound *bound, char *error,
		       size_t room)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	socklen_t n = sizeof(address);
	char port[8];

	snprintf(port, sizeof(port), "%u", wanted->port);
	int failed = getaddrinfo(wanted->host, port, &hints, &list);

	if (failed != 0) {
		snprintf(error, room, "%s: %s", wanted->host, gai_strerror(failed));
		return false;
	}
	errno = EADDRNOTAVAIL;
	for (const struct addrinfo *info = list; info != NULL && bound->fd < 0;
	     info = info->ai_next)
		bound->fd = bind_tcp(info);
	freeaddrinfo(list);
	if (bound->fd < 0) {
		snprintf(error, room, "%s:%u: %s", wanted->host, wanted->port, strerror(errno));
		return false;
	}
	(void)getsockname(bound->fd, (struct sockaddr *)&address, &n);
	port_net_name((struct sockaddr *)&address, n, bound->address, sizeof(bound->address));
	return true;
}

/* ---- listening on a Unix socket ---- */

/*
 * Looking whether a socket file is stale, removing it and making a new one is three steps; the lock
 * on the folder keeps two starts from taking turns in between. It is held for moments, so waiting
 * is short.
 */
static int lock_folder(const char *path)
{
	enum {
		TRIES = 200,
		EVERY_NS = 10000000
	};
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : 0;

	snprintf(folder, sizeof(folder), "%.*s", (int)n, path);
	int fd = open(slash == NULL ? "." :
		      n == 0	    ? "/" :
				      folder,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (i == TRIES) {
			close(fd);
			errno = EWOULDBLOCK;
			return -1;
		}
		nanosleep(&(struct timespec){ .tv_nsec = EVERY_NS }, NULL);
	}
	return fd;
}

/* Makes way for a new socket file, or says why not. */
static bool clear_way(const char *path, char *error, size_t room)
{
	struct stat file;

	if (lstat(path, &file) != 0) {
		if (errno == ENOENT)
			return true;
		snprintf(error, room, "%s: %s", path, strerror(errno));
		return false;
	}
	if (!S_ISSOCK(file.st_mode)) {
		snprintf(error, room, "%s: exists and is not a socket", path);
		return false;
	}
	int fd = port_net_connect_unix(path);

	/* A full backlog (EAGAIN) has an owner too; only a refusal shows that there is none. */
	if (fd >= 0 || errno != ECONNREFUSED) {
		snprintf(error, room, "%s: in use by another process", path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (unlink(path) != 0) {
		snprintf(error, room, "%s: %s", path, strerror(errno));
		return false;
	}
	return true;
}

/*
 * The file comes into being for its owner alone (minus the umask), and only then gets its group and
 * mode.
 */
static bool make_socket_file(const struct port_listen *wanted, const struct sockaddr_un *address,
			     int fd)
{
	const char *path = wanted->unix_path;

	if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		return false;
	if ((wanted->group == (gid_t)-1 || chown(path, (uid_t)-1, wanted->group) == 0) &&
	    chmod(path, wanted->mode) == 0 && listen(fd, BACKLOG) == 0)
		return true;
	int error = errno;

	unlink(path);
	errno = error;
	return false;
}

static bool listen_unix(const struct port_listen *wanted, struct port_bound *bound, char *error,
			size_t room)
{
	const char *path = wanted->unix_path;
	struct sockaddr_un address;

	if (!unix_address(path, &address)) {
		snprintf(error, room, "%s: a socket path has 1 to %zu octets", path,
			 sizeof(address.sun_path) - 1);
		return false;
	}
	int folder = lock_folder(path);

	if (folder < 0) {
		snprintf(error, room, "the folder of %s: %s", path, strerror(errno));
		return false;
	}
	bool good = clear_way(path, error, room);

	if (good) {
		bound->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		good = bound->fd >= 0 && make_socket_file(wanted, &address, bound->fd) &&
		       lstat(path, &bound->file) == 0;
		if (!good)
			snprintf(error, room, "%s: %s", path, strerror(errno));
	}
	close(folder);
	if (!good && bound->fd >= 0)
		close(bound->fd);
	snprintf(bound->address, sizeof(bound->address), "%s", path);
	return good;
}

bool port_net_listen(const struct port_listen *wanted, struct port_bound *bound, char *error,
		     size_t room)
{
	*bound = (struct port_bound){ .fd = -1 };
	if (wanted->unix_path != NULL)
		return listen_unix(wanted, bound, error, room);
	return listen_tcp(wanted, bound, error, room);
}

void port_net_unlink(const char *path, const struct stat *file)
{
	struct stat now;

	if (file->st_ino != 0 && lstat(path, &now) == 0 && now.st_ino == file->st_ino &&
	    now.st_dev == file->st_dev)
		unlink(path);
}

/* ---- look-ups ---- */

struct port_lookup *port_lookup_new(const struct port_address *addresses, size_t n)
{
	struct port_lookup *lookup = n >= 1 && n <= PORT_HOSTS ? calloc(1, sizeof(*lookup)) : NULL;

	if (lookup == NULL)
		return NULL;
	atomic_init(&lookup->holders, 1);
	atomic_init(&lookup->done, false);
	lookup->host_count = n;
	lookup->error = "no address";
	lookup->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	bool good = lookup->done_fd >= 0;

	for (size_t i = 0; i < n && good; i++) {
		lookup->hosts[i] = strdup(addresses[i].host);
		lookup->ports[i] = addresses[i].port;
		good = lookup->hosts[i] != NULL;
	}
	if (good)
		return lookup;
	port_lookup_release(lookup);
	return NULL;
}

void port_lookup_release(struct port_lookup *lookup)
{
	if (lookup == NULL || atomic_fetch_sub(&lookup->holders, 1) > 1)
		return;
	for (size_t i = 0; i < lookup->host_count; i++)
		free(lookup->hosts[i]);
	if (lookup->done_fd >= 0)
		close(lookup->done_fd);
	free(lookup);
}

/* How many of the hosts had addresses. */
static size_t look_up(struct port_lookup *lookup, int flags)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV };
	size_t hosts = 0;

	lookup->found_count = 0;
	for (size_t i = 0; i < lookup->host_count; i++) {
		struct addrinfo *list = NULL;
		char port[8];

		snprintf(port, sizeof(port), "%u", lookup->ports[i]);
		int failed = getaddrinfo(lookup->hosts[i], port, &hints, &list);

		if (failed != 0) {
			lookup->error = gai_strerror(failed);
			continue;
		}
		hosts++;
		for (const struct addrinfo *info = list;
		     info != NULL && lookup->found_count < PORT_ADDRESSES; info = info->ai_next) {
			struct port_found *found = &lookup->found[lookup->found_count++];

			memcpy(&found->address, info->ai_addr, info->ai_addrlen);
			found->n = info->ai_addrlen;
			found->host = i;
		}
		freeaddrinfo(list);
	}
	return hosts;
}

bool port_lookup_literal(struct port_lookup *lookup)
{
	return look_up(lookup, AI_NUMERICHOST) == lookup->host_count;
}

static void *look_up_thread(void *argument)
{
	struct port_lookup *lookup = argument;
	uint64_t one = 1;

	look_up(lookup, 0);
	atomic_store(&lookup->done, true);
	if (write(lookup->done_fd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd at 0 takes 1 */
	port_lookup_release(lookup);
	return NULL;
}

bool port_lookup_begin(struct port_lookup *lookup)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	atomic_fetch_add(&lookup->holders, 1);
	bool begun = pthread_create(&thread, &attributes, look_up_thread, lookup) == 0;

	pthread_attr_destroy(&attributes);
	if (!begun)
		port_lookup_release(lookup);
	return begun;
}

/* ---- the supervisor ---- */

void port_notify(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = name != NULL ? strlen(name) : 0;

	if (n < 2 || n >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, name, n);
	if (name[0] == '@')
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		     (const struct sockaddr *)&to,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}
