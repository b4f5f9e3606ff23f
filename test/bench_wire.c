/*
 * The plainest ends of an SMPP link, for test/bench: they keep and check nothing and write each PDU
 * by itself, so that what they reach is what the wire alone allows.
 *
 *   bench_wire sink [NAME=N]...      an SMSC: takes everything, everything is delivered
 *       hold      receipts wait until so many messages have none, or no more come (0: go at once)
 *       reverse   1: the last that was held goes first
 *       quickack  1: every segment is acknowledged at once
 *       delay_us  answers wait so long for more to answer
 *   bench_wire pump PORT COUNT WINDOW NODELAY
 *       an ESME: COUNT messages; ends when each has its receipt
 *   bench_wire probe SOCKET KEY ROUTE
 *       an SMSC that is also a client of esmed: for each line `COUNT PER_S` on standard input it
 *       posts messages one by one and tells how long each took to come by as submit_sm
 *
 * sink and probe print `listening on 127.0.0.1:PORT` first; sink tells of itself in JSON at SIGUSR1
 * and ends at SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
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

#include "smpp/octets.h"
#include "smpp/pdu.h"

enum {
	IN_OCTETS = 1 << 18,
	HELD_MAX = 1 << 18,
	AHEAD = 100,	/* receipts without an answer */
	QUIET_MS = 200, /* nothing more is held when no submit_sm has come for so long */
	NUMBER_OCTETS = 21,
	PROBES_MAX = 100000,
};

static const char text[] = "A text of sixty characters that is sent to very many people.";

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- PDUs ------------------------------------------------------------------------------------- */

/* An end of a link: octets that were read and are not yet whole PDUs. */
struct end {
	int fd;
	size_t n;
	uint8_t in[IN_OCTETS];
};

struct writing {
	uint8_t at[512];
	struct smpp_writer writer;
};

static struct smpp_writer *begin(struct writing *pdu, uint32_t command_id, uint32_t sequence)
{
	pdu->writer = smpp_writer_of(pdu->at, sizeof pdu->at);
	smpp_write_u32(&pdu->writer, 0);
	smpp_write_u32(&pdu->writer, command_id);
	smpp_write_u32(&pdu->writer, 0);
	smpp_write_u32(&pdu->writer, sequence);
	return &pdu->writer;
}

static void put_string(struct smpp_writer *writer, const char *string)
{
	smpp_write_octets(writer, string, (uint32_t)strlen(string) + 1);
}

/* One write for each PDU, whatever it costs. */
static void send_pdu(int fd, struct writing *pdu)
{
	uint32_t length = htonl((uint32_t)pdu->writer.n);

	memcpy(pdu->at, &length, sizeof length);
	for (size_t at = 0; at < pdu->writer.n;) {
		ssize_t n = write(fd, pdu->at + at, pdu->writer.n - at);

		if (n < 0 && errno != EINTR)
			return; /* it is gone; the next read says so */
		at += n > 0 ? (size_t)n : 0;
	}
}

static void send_plain(int fd, uint32_t command_id, uint32_t sequence, const char *string)
{
	struct writing pdu;
	struct smpp_writer *writer = begin(&pdu, command_id, sequence);

	if (string)
		put_string(writer, string);
	send_pdu(fd, &pdu);
}

static void send_submit(int fd, uint32_t sequence)
{
	struct writing pdu;
	struct smpp_writer *writer = begin(&pdu, SMPP_submit_sm, sequence);
	char number[NUMBER_OCTETS];

	snprintf(number, sizeof number, "%llu", 31600000000ull + sequence);
	smpp_write_octets(writer, "\0\5\0ACME\0\1\1", 10);
	put_string(writer, number);
	smpp_write_octets(writer, "\0\0\0\0\0\1\0\0\0", 9);
	smpp_write_u8(writer, sizeof text - 1);
	smpp_write_octets(writer, text, sizeof text - 1);
	send_pdu(fd, &pdu);
}

static void send_receipt(int fd, uint32_t sequence, uint32_t id, const char *number)
{
	struct writing pdu;
	struct smpp_writer *writer = begin(&pdu, SMPP_deliver_sm, sequence);
	char body[160];
	int n = snprintf(body, sizeof body,
			 "id:%08x sub:001 dlvrd:001 submit date:2611201200 done date:2611201201 "
			 "stat:DELIVRD err:000 text:%.20s",
			 id, text);

	smpp_write_octets(writer, "\0\1\1", 3);
	put_string(writer, number);
	smpp_write_octets(writer, "\5\0ACME\0\4\0\0\0\0\0\0\0\0", 16);
	smpp_write_u8(writer, (uint8_t)n);
	smpp_write_octets(writer, body, (uint32_t)n);
	smpp_write_octets(writer, "\0\x1e\0\x09", 4);
	smpp_write_octets(writer, body + 3, 8);
	smpp_write_octets(writer, "\0\x04\x27\0\x01\x02", 6);
	send_pdu(fd, &pdu);
}

static int listen_on(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) || listen(fd, 8) ||
	    getsockname(fd, (struct sockaddr *)&at, &n))
		die("bench_wire: listen");
	printf("listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

static void set(int fd, int option, int value)
{
	setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
}

/* --- An SMSC ---------------------------------------------------------------------------------- */

struct held {
	uint32_t n, gone;
	struct message {
		uint32_t id;
		char number[NUMBER_OCTETS];
	} * messages;
};

struct smsc {
	struct end end;
	int listener;
	uint32_t hold, reverse, quickack, delay_us;
	struct held held;  /* messages that wait for others */
	struct held going; /* whose receipts are being sent */
	uint32_t sequence, unanswered;
	uint64_t binds, accepted, acked;
	uint64_t submit_us; /* when the latest came */
};

static void smsc_init(struct smsc *smsc)
{
	smsc->end.fd = -1;
	smsc->held.messages = calloc(HELD_MAX, sizeof *smsc->held.messages);
	smsc->going.messages = calloc(HELD_MAX, sizeof *smsc->going.messages);
	if (!smsc->held.messages || !smsc->going.messages)
		die("bench_wire");
	smsc->listener = listen_on();
}

static void take_submit(struct smsc *smsc, uint32_t sequence, const uint8_t *body, uint32_t n)
{
	struct message *message = &smsc->held.messages[smsc->held.n++];
	struct smpp_reader reader = smpp_reader_of(body, n);
	struct smpp_octets number;
	char id[9];

	smsc->submit_us = now_us(CLOCK_MONOTONIC);
	if (smsc->held.n == HELD_MAX) {
		fprintf(stderr, "bench_wire: too many messages without a receipt\n");
		exit(1);
	}
	smpp_read_cstring(&reader);
	smpp_read_u16(&reader);
	smpp_read_cstring(&reader);
	smpp_read_u16(&reader);
	number = smpp_read_cstring(&reader);
	snprintf(message->number, sizeof message->number, "%.*s", (int)number.n,
		 (const char *)number.at);
	message->id = (uint32_t)smsc->accepted++;
	snprintf(id, sizeof id, "%08x", message->id);
	send_plain(smsc->end.fd, SMPP_submit_sm_resp, sequence, id);
}

static void smsc_take(struct smsc *smsc, uint32_t command_id, uint32_t sequence,
		      const uint8_t *body, uint32_t n)
{
	switch (command_id) {
	case SMPP_bind_transceiver:
		smsc->binds++;
		send_plain(smsc->end.fd, SMPP_bind_transceiver_resp, sequence, "sink");
		break;
	case SMPP_submit_sm:
		take_submit(smsc, sequence, body, n);
		break;
	case SMPP_deliver_sm_resp:
		smsc->unanswered--;
		smsc->acked++;
		break;
	case SMPP_enquire_link:
	case SMPP_unbind:
		send_plain(smsc->end.fd, command_id | SMPP_RESP_BIT, sequence, NULL);
		break;
	default:
		break;
	}
}

static void give_receipts(struct smsc *smsc, bool quiet)
{
	struct held *going = &smsc->going;

	if (going->gone == going->n && smsc->held.n > 0 && (smsc->held.n >= smsc->hold || quiet)) {
		struct held empty = { .messages = going->messages };

		*going = smsc->held;
		smsc->held = empty;
	}
	while (going->gone < going->n && smsc->unanswered < AHEAD) {
		uint32_t nth = smsc->reverse ? going->n - 1 - going->gone : going->gone;

		send_receipt(smsc->end.fd, ++smsc->sequence, going->messages[nth].id,
			     going->messages[nth].number);
		going->gone++;
		smsc->unanswered++;
	}
}

/* Reads once and takes what is whole; false: the peer has gone. */
static bool read_pdus(struct end *end, void *ctx,
		      void (*take)(void *ctx, uint32_t command_id, uint32_t sequence,
				   const uint8_t *body, uint32_t n))
{
	ssize_t got = read(end->fd, end->in + end->n, sizeof end->in - end->n);
	size_t at = 0;
	uint32_t length;

	if (got <= 0)
		return got < 0 && (errno == EINTR || errno == EAGAIN);
	end->n += (size_t)got;
	while (smpp_frame(end->in + at, end->n - at, SMPP_MAX_PDU_OCTETS, &length) ==
	       SMPP_FRAME_OK) {
		struct smpp_reader reader = smpp_reader_of(end->in + at, length);

		smpp_read_u32(&reader);
		uint32_t command_id = smpp_read_u32(&reader);
		smpp_read_u32(&reader);
		uint32_t sequence = smpp_read_u32(&reader);
		take(ctx, command_id, sequence, end->in + at + SMPP_HEADER_OCTETS,
		     length - SMPP_HEADER_OCTETS);
		at += length;
	}
	memmove(end->in, end->in + at, end->n - at);
	end->n -= at;
	return true;
}

static void smsc_take_of(void *ctx, uint32_t command_id, uint32_t sequence, const uint8_t *body,
			 uint32_t n)
{
	smsc_take(ctx, command_id, sequence, body, n);
}

static void smsc_accept(struct smsc *smsc)
{
	smsc->end.fd = accept(smsc->listener, NULL, NULL);
	smsc->end.n = 0;
	smsc->unanswered = 0;
	if (smsc->end.fd >= 0)
		set(smsc->end.fd, TCP_NODELAY, 1);
}

static void smsc_read(struct smsc *smsc)
{
	if (smsc->delay_us)
		usleep(smsc->delay_us);
	if (!read_pdus(&smsc->end, smsc, smsc_take_of)) {
		close(smsc->end.fd);
		smsc->end.fd = -1;
		return;
	}
	if (smsc->quickack)
		set(smsc->end.fd, TCP_QUICKACK, 1);
	give_receipts(smsc, false);
}

/* Waits for the link and for one more descriptor. */
static bool smsc_turn(struct smsc *smsc, int other, int timeout_ms)
{
	struct pollfd polled[] = {
		{ .fd = smsc->end.fd >= 0 ? smsc->end.fd : smsc->listener, .events = POLLIN },
		{ .fd = other, .events = POLLIN },
	};

	if (poll(polled, 2, timeout_ms) <= 0)
		return false;
	if (polled[0].revents && smsc->end.fd < 0)
		smsc_accept(smsc);
	else if (polled[0].revents)
		smsc_read(smsc);
	return polled[1].revents != 0;
}

/* --- sink ------------------------------------------------------------------------------------- */

static volatile sig_atomic_t asked, ended;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		asked = 1;
	else
		ended = 1;
}

/* In the words of smsc-sim's statistics. */
static void tell(const struct smsc *smsc)
{
	printf("{\"accepted\": %llu, \"receipts\": {\"acked\": %llu}, \"cpu_ms\": %llu, "
	       "\"pdus_in\": {\"bind_transceiver\": %llu}}\n",
	       (unsigned long long)smsc->accepted, (unsigned long long)smsc->acked,
	       (unsigned long long)now_us(CLOCK_PROCESS_CPUTIME_ID) / 1000,
	       (unsigned long long)smsc->binds);
	fflush(stdout);
}

static int sink(int argc, char **argv)
{
	static struct smsc smsc;
	struct sigaction action = { .sa_handler = on_signal };
	const struct {
		const char *name;
		uint32_t *value;
	} options[] = { { "hold", &smsc.hold },
			{ "reverse", &smsc.reverse },
			{ "quickack", &smsc.quickack },
			{ "delay_us", &smsc.delay_us } };

	for (int i = 0; i < argc; i++) {
		for (size_t k = 0; k < sizeof options / sizeof options[0]; k++) {
			size_t n = strlen(options[k].name);

			if (strncmp(argv[i], options[k].name, n) == 0 && argv[i][n] == '=')
				*options[k].value = (uint32_t)strtoul(argv[i] + n + 1, NULL, 10);
		}
	}
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	smsc_init(&smsc);
	while (!ended) {
		if (!smsc_turn(&smsc, -1, QUIET_MS) && smsc.end.fd >= 0)
			give_receipts(&smsc,
				      now_us(CLOCK_MONOTONIC) - smsc.submit_us > QUIET_MS * 1000);
		if (asked) {
			asked = 0;
			tell(&smsc);
		}
	}
	return 0;
}

/* --- pump ------------------------------------------------------------------------------------- */

struct pump {
	struct end end;
	uint32_t count, window;
	uint32_t given, in_flight, receipts;
};

static void fill(struct pump *pump)
{
	while (pump->given < pump->count && pump->in_flight < pump->window) {
		send_submit(pump->end.fd, ++pump->given + 1);
		pump->in_flight++;
	}
}

static void pump_take(void *ctx, uint32_t command_id, uint32_t sequence, const uint8_t *body,
		      uint32_t n)
{
	struct pump *pump = ctx;

	(void)body;
	(void)n;
	if (command_id == SMPP_submit_sm_resp)
		pump->in_flight--;
	if (command_id == SMPP_deliver_sm) {
		send_plain(pump->end.fd, SMPP_deliver_sm_resp, sequence, "");
		pump->receipts++;
	}
	if (command_id == SMPP_submit_sm_resp || command_id == SMPP_bind_transceiver_resp)
		fill(pump);
}

static int run_pump(char **argv)
{
	static struct pump pump;
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(argv[0])),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct writing bind;

	pump.count = (uint32_t)strtoul(argv[1], NULL, 10);
	pump.window = (uint32_t)strtoul(argv[2], NULL, 10);
	pump.end.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pump.end.fd < 0 || connect(pump.end.fd, (struct sockaddr *)&to, sizeof to))
		die("bench_wire: connect");
	set(pump.end.fd, TCP_NODELAY, atoi(argv[3]));
	smpp_write_octets(begin(&bind, SMPP_bind_transceiver, 1), "pump\0\0\0\x34\0\0\0", 11);
	uint64_t from = now_us(CLOCK_MONOTONIC);
	send_pdu(pump.end.fd, &bind);
	while (pump.receipts < pump.count) {
		if (!read_pdus(&pump.end, &pump, pump_take)) {
			fprintf(stderr, "bench_wire: the far end has gone\n");
			return 1;
		}
	}
	printf("{\"count\": %u, \"running_ms\": %.3f, \"cpu_ms\": %llu}\n", pump.count,
	       (double)(now_us(CLOCK_MONOTONIC) - from) / 1000,
	       (unsigned long long)now_us(CLOCK_PROCESS_CPUTIME_ID) / 1000);
	return 0;
}

/* --- probe ------------------------------------------------------------------------------------ */

struct probe {
	struct smsc smsc;
	const char *socket, *key, *route;
	int fd;
	uint32_t took_us[PROBES_MAX];
};

static void post(struct probe *probe, uint32_t nth)
{
	char body[256], request[512];
	int n = snprintf(body, sizeof body,
			 "{\"route_id\": %s, \"caller_id\": \"ACME\", \"numbers\": "
			 "[\"316%08u\"], \"message\": \"%s\"}",
			 probe->route, nth, text);

	n = snprintf(request, sizeof request,
		     "POST /api/v1/send_sms HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: %s\r\n"
		     "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		     probe->key, n, body);
	if (write(probe->fd, request, (size_t)n) != n)
		die("bench_wire: post");
}

/* Reads what is there of an answer; true: it is whole. */
static bool read_answer(struct probe *probe, char *answer, size_t cap, size_t *at)
{
	ssize_t n = read(probe->fd, answer + *at, cap - 1 - *at);
	const char *head, *length;

	if (n <= 0)
		die("bench_wire: answer");
	*at += (size_t)n;
	answer[*at] = '\0';
	head = strstr(answer, "\r\n\r\n");
	length = strcasestr(answer, "content-length:");
	if (!head || !length)
		return false;
	if (strncmp(answer, "HTTP/1.1 200", 12) != 0) {
		fprintf(stderr, "bench_wire: %s\n", answer);
		exit(1);
	}
	return *at >= (size_t)(head + 4 - answer) + strtoul(length + 15, NULL, 10);
}

/* One message: until its answer and its submit_sm are here. */
static uint32_t one(struct probe *probe, uint32_t nth)
{
	uint64_t submits = probe->smsc.accepted, from = now_us(CLOCK_MONOTONIC);
	bool answered = false;
	char answer[2048];
	size_t at = 0;

	post(probe, nth);
	while (!answered || probe->smsc.accepted == submits) {
		if (smsc_turn(&probe->smsc, answered ? -1 : probe->fd, 30000))
			answered = read_answer(probe, answer, sizeof answer, &at);
		if (now_us(CLOCK_MONOTONIC) - from > 30000000) {
			fprintf(stderr, "bench_wire: no submit_sm in 30 s\n");
			exit(1);
		}
	}
	return (uint32_t)(probe->smsc.submit_us - from);
}

static int compare(const void *one, const void *other)
{
	const uint32_t *a = one, *b = other;

	return (*a > *b) - (*a < *b);
}

static void slice(struct probe *probe, uint32_t count, uint32_t per_s)
{
	static uint32_t nth;
	uint64_t at = now_us(CLOCK_MONOTONIC);

	for (uint32_t i = 0; i < count; i++) {
		uint64_t now;

		for (at += 1000000 / per_s; (now = now_us(CLOCK_MONOTONIC)) < at;)
			smsc_turn(&probe->smsc, -1, (int)((at - now) / 1000));
		probe->took_us[i] = one(probe, nth++);
	}
	qsort(probe->took_us, count, sizeof probe->took_us[0], compare);
	printf("{\"count\": %u, \"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u}\n", count,
	       probe->took_us[count / 2], probe->took_us[(uint64_t)count * 99 / 100],
	       probe->took_us[count - 1]);
	fflush(stdout);
}

static int run_probe(char **argv)
{
	static struct probe probe;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char line[64];
	uint32_t count, per_s;

	probe.socket = argv[0];
	probe.key = argv[1];
	probe.route = argv[2];
	smsc_init(&probe.smsc);
	snprintf(to.sun_path, sizeof to.sun_path, "%s", probe.socket);
	for (;;) {
		if (!smsc_turn(&probe.smsc, STDIN_FILENO, -1))
			continue;
		if (!fgets(line, sizeof line, stdin))
			return 0;
		if (sscanf(line, "%u %u", &count, &per_s) != 2 || count == 0 ||
		    count > PROBES_MAX || per_s == 0)
			return 2;
		probe.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (probe.fd < 0 || connect(probe.fd, (struct sockaddr *)&to, sizeof to))
			die("bench_wire: connect");
		slice(&probe, count, per_s);
		close(probe.fd);
	}
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc >= 2 && strcmp(argv[1], "sink") == 0)
		return sink(argc - 2, argv + 2);
	if (argc == 6 && strcmp(argv[1], "pump") == 0)
		return run_pump(argv + 2);
	if (argc == 5 && strcmp(argv[1], "probe") == 0)
		return run_probe(argv + 2);
	fprintf(stderr, "usage: bench_wire sink|pump|probe ...; see its source\n");
	return 2;
}
