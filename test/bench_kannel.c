/*
 * A box on Kannel's bearerbox, for test/bench: hands it messages as fast as it takes them and
 * answers every report, so that bearerbox is measured and not an HTTP front end. It speaks what
 * smsbox speaks: messages of 32-bit numbers and strings behind their length, over TCP.
 *
 *   bench_kannel PORT COUNT TEXT
 *
 * Asks for final receipts. Ends when bearerbox has reported COUNT of them, or has gone, and then
 * prints one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK	   (1u << 18)
#define UUID_CHARS 36
#define NONE	   UINT32_MAX /* a number or a string that is not there */
#define AHEAD	   1000u      /* messages without an acknowledgement */

enum {
	TYPE_ADMIN = 1,
	TYPE_SMS = 2,
	TYPE_ACK = 3,
	ADMIN_IDENTIFY = 3,
	SMS_MT_PUSH = 2,
	SMS_REPORT = 3,
	ACK_SUCCESS = 0,
	ACK_BUFFERED = 3,
	DLR_SUCCESS_AND_FAIL = 3,
};

/* Every member of an sms message up to the ones that are set here, in the order of the wire. */
enum member {
	NUMBER = 'n',
	STRING = 's',
	UUID = 'u'
};
static const char sms_members[] = "ssssnsssssunnnnnnnnsnnnsssnnnns";
enum {
	SMS_SENDER = 0,
	SMS_RECEIVER = 1,
	SMS_MSGDATA = 3,
	SMS_TIME = 4,
	SMS_ID = 10,
	SMS_TYPE = 11,
	SMS_CODING = 14,
	SMS_DLR_MASK = 18,
	SMS_DLR_URL = 19,
	SMS_BOXC_ID = 24,
};

struct octets {
	uint8_t at[CHUNK];
	size_t n;
};

struct box {
	int fd;
	const char *text;
	uint32_t count;
	uint32_t given;	  /* messages handed over */
	uint32_t acked;	  /* of these, acknowledged */
	uint32_t refused; /* of these, not taken */
	uint32_t reports;
	struct octets in, out;
};

static uint64_t now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- Octets ----------------------------------------------------------------------------------- */

static void add_number(struct octets *out, uint32_t number)
{
	uint32_t wire = htonl(number);

	memcpy(out->at + out->n, &wire, sizeof(wire));
	out->n += sizeof(wire);
}

static void add_string(struct octets *out, const void *string, size_t n)
{
	add_number(out, (uint32_t)n);
	memcpy(out->at + out->n, string, n);
	out->n += n;
}

/* Leaves room for a length in front of what follows; its place is returned. */
static size_t begin(struct octets *out, uint32_t type)
{
	size_t place = out->n;

	add_number(out, 0);
	add_number(out, type);
	return place;
}

static void end(struct octets *out, size_t place)
{
	uint32_t wire = htonl((uint32_t)(out->n - place - sizeof(wire)));

	memcpy(out->at + place, &wire, sizeof(wire));
}

static uint32_t number_at(const uint8_t *at)
{
	uint32_t wire;

	memcpy(&wire, at, sizeof(wire));
	return ntohl(wire);
}

/* --- What is sent ----------------------------------------------------------------------------- */

static void add_identify(struct box *box)
{
	size_t place = begin(&box->out, TYPE_ADMIN);

	add_number(&box->out, ADMIN_IDENTIFY);
	add_string(&box->out, "bench", 5);
	end(&box->out, place);
}

static void add_ack(struct box *box, const uint8_t *uuid)
{
	size_t place = begin(&box->out, TYPE_ACK);

	add_number(&box->out, ACK_SUCCESS);
	add_number(&box->out, (uint32_t)time(NULL));
	add_string(&box->out, uuid, UUID_CHARS);
	end(&box->out, place);
}

static uint32_t sms_number(unsigned member)
{
	switch (member) {
	case SMS_TIME:
		return (uint32_t)time(NULL);
	case SMS_TYPE:
		return SMS_MT_PUSH;
	case SMS_CODING:
		return 0;
	case SMS_DLR_MASK:
		return DLR_SUCCESS_AND_FAIL;
	default:
		return NONE;
	}
}

static const char *sms_string(const struct box *box, unsigned member, char words[UUID_CHARS + 1])
{
	switch (member) {
	case SMS_SENDER:
		return "ACME";
	case SMS_RECEIVER:
		snprintf(words, UUID_CHARS + 1, "%llu", 31600000000ull + box->given);
		return words;
	case SMS_MSGDATA:
		return box->text;
	case SMS_ID:
		snprintf(words, UUID_CHARS + 1, "%08x-0000-4000-8000-%012x", box->given,
			 box->given);
		return words;
	case SMS_DLR_URL:
		return "report";
	case SMS_BOXC_ID:
		return "bench";
	default:
		return NULL;
	}
}

static void add_sms(struct box *box)
{
	size_t place = begin(&box->out, TYPE_SMS);
	char words[UUID_CHARS + 1];

	for (unsigned i = 0; i + 1 < sizeof(sms_members); i++) {
		if (sms_members[i] == NUMBER) {
			add_number(&box->out, sms_number(i));
			continue;
		}
		const char *string = sms_string(box, i, words);
		if (string)
			add_string(&box->out, string, strlen(string));
		else
			add_number(&box->out, NONE);
	}
	end(&box->out, place);
	box->given++;
}

/* --- What is read ----------------------------------------------------------------------------- */

/* The UUID and the type of an sms message; NULL when it is malformed. */
static const uint8_t *read_sms(const uint8_t *at, size_t n, uint32_t *type)
{
	const uint8_t *uuid = NULL;
	size_t offset = 0;

	for (unsigned i = 0; i <= SMS_TYPE; i++, offset += 4) {
		if (n - offset < 4)
			return NULL;
		uint32_t number = number_at(at + offset);
		if (i == SMS_TYPE)
			*type = number;
		if (sms_members[i] == NUMBER || number == NONE)
			continue;
		if (number > n - offset - 4 || (i == SMS_ID && number != UUID_CHARS))
			return NULL;
		if (i == SMS_ID)
			uuid = at + offset + 4;
		offset += number;
	}
	return uuid;
}

static void take(struct box *box, const uint8_t *at, size_t n)
{
	uint32_t sms = NONE, type = n >= 8 ? number_at(at) : NONE;

	if (type == TYPE_ACK) {
		uint32_t nack = number_at(at + 4);
		box->acked++;
		box->refused += nack != ACK_SUCCESS && nack != ACK_BUFFERED;
	} else if (type == TYPE_SMS) {
		const uint8_t *uuid = read_sms(at + 4, n - 4, &sms);
		if (!uuid || sms != SMS_REPORT) {
			fprintf(stderr, "bench_kannel: a message that is no report\n");
			exit(1);
		}
		add_ack(box, uuid);
		box->reports++;
	}
}

static bool read_all(struct box *box)
{
	ssize_t got = read(box->fd, box->in.at + box->in.n, sizeof(box->in.at) - box->in.n);
	size_t at = 0;

	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	box->in.n += (size_t)got;
	/* An answer takes less than what it answers; it waits until there is room for it. */
	while (box->in.n - at >= 4 && box->out.n + 256 < sizeof(box->out.at)) {
		uint32_t n = number_at(box->in.at + at);
		if (n > sizeof(box->in.at) - 4)
			return false;
		if (box->in.n - at - 4 < n)
			break;
		take(box, box->in.at + at + 4, n);
		at += 4 + n;
	}
	memmove(box->in.at, box->in.at + at, box->in.n - at);
	box->in.n -= at;
	return true;
}

static bool write_all(struct box *box)
{
	while (box->given < box->count && box->given - box->acked < AHEAD &&
	       box->out.n + 1024 + strlen(box->text) < sizeof(box->out.at) / 2)
		add_sms(box);
	if (!box->out.n)
		return true;
	ssize_t put = write(box->fd, box->out.at, box->out.n);
	if (put < 0)
		return errno == EAGAIN;
	memmove(box->out.at, box->out.at + put, box->out.n - (size_t)put);
	box->out.n -= (size_t)put;
	return true;
}

static int connect_to(const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(port)),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

int main(int argc, char **argv)
{
	static struct box box;
	bool alive = true;

	if (argc != 4 || strlen(argv[3]) > 160) {
		fprintf(stderr, "usage: bench_kannel PORT COUNT TEXT\n");
		return 2;
	}
	box.count = (uint32_t)strtoul(argv[2], NULL, 10);
	box.text = argv[3];
	box.fd = connect_to(argv[1]);
	if (box.fd < 0) {
		perror("bench_kannel: bearerbox");
		return 1;
	}
	uint64_t from = now_us(CLOCK_MONOTONIC);
	add_identify(&box);
	while (alive && box.reports + box.refused < box.count) {
		struct pollfd poller = { .fd = box.fd, .events = POLLIN };
		alive = write_all(&box);
		if (box.out.n)
			poller.events |= POLLOUT;
		poll(&poller, 1, 1000);
		if (alive && poller.revents & (POLLIN | POLLHUP | POLLERR))
			alive = read_all(&box);
	}
	while (alive && box.out.n)
		alive = write_all(&box);
	printf("{\"given\": %u, \"refused\": %u, \"reports\": %u, \"running_ms\": %llu, "
	       "\"cpu_ms\": %llu}\n",
	       box.given, box.refused, box.reports,
	       (unsigned long long)(now_us(CLOCK_MONOTONIC) - from) / 1000,
	       (unsigned long long)now_us(CLOCK_PROCESS_CPUTIME_ID) / 1000);
	return box.reports == box.count ? 0 : 1;
}
