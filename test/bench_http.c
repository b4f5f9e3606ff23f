/*
 * A client of HTTP for test/bench, the same for esmed and for Kannel: one request after another over
 * some connections that stay open, as fast as answers come or at a rate, and how long each waited.
 *
 *   bench_http ADDRESS CONNECTIONS COUNT PER_S SECONDS REQUEST
 *
 * ADDRESS is the path of a Unix socket or a port of the loopback. REQUEST is sent as it stands, but
 * for ######## in it, which becomes the number of the request. PER_S 0 is as fast as answers come;
 * else a request that was due while all connections were busy has waited since it was due. Ends
 * after COUNT answers or SECONDS, or at SIGTERM, and prints one line of JSON. Any answer that is
 * not 2xx, and a connection that breaks, ends it with 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/http.h"

#define CONNECTIONS_MAX 256u
#define COUNT_MAX	10000000u
#define NUMBER_DIGITS	8
#define READ_OCTETS	(1u << 18)

struct connection {
	int fd;
	bool busy;
	uint64_t since_us; /* idle, or waiting for an answer */
	struct http_reader *reader;
};

struct client {
	struct connection connections[CONNECTIONS_MAX];
	struct pollfd polled[CONNECTIONS_MAX];
	uint32_t connection_count, count, per_s;
	uint64_t began_us, until_us, last_us;
	char *request, *number; /* number: where it stands in the request; NULL: nowhere */
	size_t request_octets;
	uint32_t begun, answered;
	uint32_t *took_us;
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_http: %s: %s\n", what, why);
	exit(1);
}

static uint64_t now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int connect_to(const char *address)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct sockaddr_in port = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)atoi(address)),
				    .sin_addr = { htonl(INADDR_LOOPBACK) } };
	bool is_path = strchr(address, '/') != NULL;
	int on = 1, fd = socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (is_path && strlen(address) >= sizeof local.sun_path)
		die(address, "too long");
	memcpy(local.sun_path, address, is_path ? strlen(address) : 0);
	if (fd < 0 || connect(fd, is_path ? (void *)&local : (void *)&port,
			      is_path ? sizeof local : sizeof port))
		die(address, strerror(errno));
	if (!is_path)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

/* A request is far smaller than what a socket takes at once. */
static void begin(struct client *client, struct connection *connection, uint64_t since_us)
{
	uint32_t number = client->begun++;

	for (unsigned i = NUMBER_DIGITS; client->number && i > 0; number /= 10)
		client->number[--i] = (char)('0' + number % 10);
	if (write(connection->fd, client->request, client->request_octets) !=
	    (ssize_t)client->request_octets)
		die("request", strerror(errno));
	connection->busy = true;
	connection->since_us = since_us;
}

static uint64_t due_us(const struct client *client)
{
	return client->per_s ?
		       client->began_us + client->begun * UINT64_C(1000000) / client->per_s :
		       0;
}

/* Begins what is due on connections that are idle. */
static void begin_due(struct client *client)
{
	uint64_t now = now_us(CLOCK_MONOTONIC);

	for (uint32_t i = 0; i < client->connection_count && client->begun < client->count; i++) {
		struct connection *connection = &client->connections[i];
		uint64_t due = due_us(client);

		if (due > now)
			break;
		/* What became due while all were busy waits since then; a late timer of ours is
		 * not the server's. */
		if (!connection->busy)
			begin(client, connection,
			      due > 0 && connection->since_us > due ? due : now);
	}
}

static void take_answer(struct client *client, struct connection *connection)
{
	uint64_t now = now_us(CLOCK_MONOTONIC);
	int status = http_reader_status(connection->reader);

	if (status / 100 != 2) {
		const struct buffer *body = http_reader_body(connection->reader);
		fprintf(stderr, "bench_http: %d: %.*s\n", status, (int)body->n,
			(const char *)body->octets);
		exit(1);
	}
	client->took_us[client->answered++] = (uint32_t)(now - connection->since_us);
	client->last_us = connection->since_us = now;
	connection->busy = false;
	if (http_reader_next(connection->reader) != HTTP_READING_HEAD)
		die("answer", "more than one");
}

static void read_some(struct client *client, struct connection *connection)
{
	static uint8_t octets[READ_OCTETS];
	ssize_t n = read(connection->fd, octets, sizeof octets);
	enum http_reading reading;

	if (n <= 0)
		die("connection", n ? strerror(errno) : "closed");
	reading = http_reader_feed(connection->reader, octets, (size_t)n);
	if (reading == HTTP_READING_BAD)
		die("answer", http_reader_error(connection->reader));
	if (reading == HTTP_READING_DONE)
		take_answer(client, connection);
}

/* Until an answer comes or the next request is due. */
static void wait_for_some(struct client *client)
{
	uint64_t now = now_us(CLOCK_MONOTONIC), until = client->until_us;
	bool idle = false;

	for (uint32_t i = 0; i < client->connection_count; i++)
		idle = idle || !client->connections[i].busy;
	if (idle && client->begun < client->count && due_us(client) < until)
		until = due_us(client);
	until = until > now ? until - now : 0;
	struct timespec timeout = { .tv_sec = (time_t)(until / 1000000),
				    .tv_nsec = (long)(until % 1000000) * 1000 };
	if (ppoll(client->polled, client->connection_count, &timeout, NULL) <= 0)
		return;
	for (uint32_t i = 0; i < client->connection_count; i++)
		if (client->polled[i].revents)
			read_some(client, &client->connections[i]);
}

static int compare(const void *one, const void *other)
{
	const uint32_t *a = one, *b = other;

	return (*a > *b) - (*a < *b);
}

static void tell(struct client *client)
{
	uint32_t n = client->answered;

	if (!n)
		die("answers", "none");
	qsort(client->took_us, n, sizeof client->took_us[0], compare);
	printf("{\"answers\": %u, \"running_ms\": %.3f, \"cpu_ms\": %llu, \"p50_us\": %u, "
	       "\"p99_us\": %u, \"max_us\": %u}\n",
	       n, (double)(client->last_us - client->began_us) / 1000,
	       (unsigned long long)now_us(CLOCK_PROCESS_CPUTIME_ID) / 1000, client->took_us[n / 2],
	       client->took_us[n - 1 - n / 100], client->took_us[n - 1]);
}

static void start(struct client *client, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGTERM, &action, NULL);
	client->request = argv[5];
	client->request_octets = strlen(argv[5]);
	client->number = strstr(argv[5], "########");
	client->took_us = calloc(client->count, sizeof client->took_us[0]);
	if (!client->took_us)
		die("start", "out of memory");
	for (uint32_t i = 0; i < client->connection_count; i++) {
		client->connections[i] = (struct connection){ .fd = connect_to(argv[0]),
							      .reader = http_reader_new(0) };
		client->polled[i] = (struct pollfd){ client->connections[i].fd, POLLIN, 0 };
	}
	client->began_us = client->last_us = now_us(CLOCK_MONOTONIC);
	client->until_us = client->began_us + strtoull(argv[4], NULL, 10) * 1000000;
}

int main(int argc, char **argv)
{
	static struct client client;

	if (argc == 7) {
		client.connection_count = (uint32_t)strtoul(argv[2], NULL, 10);
		client.count = (uint32_t)strtoul(argv[3], NULL, 10);
		client.per_s = (uint32_t)strtoul(argv[4], NULL, 10);
	}
	if (client.connection_count < 1 || client.connection_count > CONNECTIONS_MAX ||
	    client.count < 1 || client.count > COUNT_MAX) {
		fprintf(stderr,
			"usage: bench_http ADDRESS CONNECTIONS COUNT PER_S SECONDS REQUEST\n");
		return 2;
	}
	start(&client, argv + 1);
	while (client.answered < client.count && !ended &&
	       now_us(CLOCK_MONOTONIC) < client.until_us) {
		begin_due(&client);
		wait_for_some(&client);
	}
	tell(&client);
	for (uint32_t i = 0; i < client.connection_count; i++) {
		http_reader_free(client.connections[i].reader);
		close(client.connections[i].fd);
	}
	free(client.took_us);
	return 0;
}
