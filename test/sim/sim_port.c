/* core/port.h on the simulated world: links only, one thread, no signals and no listeners. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/port.h"
#include "test/sim/world.h"

#define PORTS_MAX     16
#define HOSTS_MAX     8
#define LISTENERS_MAX 8
#define OUTPUT_ROOM   (64u << 10)
#define OCTETS_CHUNK  (16u << 10)

struct sim_link {
	struct port *port;
	uint64_t id;
	struct wire *wire; /* NULL before it is up and after it is down */
	uint8_t *out;	   /* taken by port_write, not by the kernel yet */
	size_t out_n;
	uint64_t sent;
	bool paused, waiting; /* octets wait on the wire */
	bool down;
	uint64_t listener; /* 0: opened by the daemon */
	char host[64], peer[80];
	struct sim_link *next;
};

struct queued {
	struct port_event event;
	uint8_t *octets;
	struct queued *next;
};

struct port {
	struct world *world;
	struct dice dice, keys;
	struct sim_link *links;
	struct queued *first, *last;
	uint8_t *shown; /* octets of the event that was pulled last */
	uint64_t ids;
	int64_t limit_ms;   /* port_wait ends then at the latest; 0: none */
	int64_t stepped_ms; /* of the wall clock */
	struct {
		uint16_t number;
		struct carrier *carrier;
	} carriers[PORTS_MAX];
	size_t n_carriers;
	char dead[HOSTS_MAX][64]; /* hosts; "" is none */
	struct {
		uint64_t id; /* 0: none */
		uint16_t number;
		char address[64];
	} listeners[LISTENERS_MAX];
};

struct port *sim_port_new(struct world *world, uint64_t seed)
{
	struct port *port = calloc(1, sizeof(*port));
	port->world = world;
	port->dice = dice_of(seed, "port");
	port->keys = dice_of(seed, "keys");
	return port;
}

void sim_port_listen(struct port *port, uint16_t number, struct carrier *carrier)
{
	port->carriers[port->n_carriers].number = number;
	port->carriers[port->n_carriers++].carrier = carrier;
}

static bool is_dead(const struct port *port, const char *host)
{
	for (size_t i = 0; i < HOSTS_MAX; i++)
		if (!strcmp(port->dead[i], host))
			return true;
	return false;
}

void sim_port_host(struct port *port, const char *host, bool dead)
{
	for (size_t i = 0; i < HOSTS_MAX; i++) {
		if (strcmp(port->dead[i], dead ? "" : host) != 0)
			continue;
		snprintf(port->dead[i], sizeof(port->dead[i]), "%s", dead ? host : "");
		return;
	}
}

void sim_port_limit(struct port *port, int64_t limit_ms)
{
	port->limit_ms = limit_ms;
}

void sim_port_step_clock(struct port *port, int64_t by_ms)
{
	port->stepped_ms += by_ms;
}

int64_t port_now_ms(struct port *port)
{
	return world_now_ms(port->world);
}

int64_t port_wall_ms(struct port *port)
{
	return 1700000000000 + world_now_ms(port->world) + port->stepped_ms;
}

void port_random(struct port *port, void *octets, size_t n)
{
	uint8_t *to = octets;
	while (n--)
		*to++ = (uint8_t)dice_roll(&port->keys);
}

/* ---- events ---- */

static void queue(struct port *port, const struct port_event *event, uint8_t *octets)
{
	struct queued *queued = calloc(1, sizeof(*queued));
	queued->event = *event;
	queued->event.at_ms = world_now_ms(port->world);
	queued->event.octets = queued->octets = octets;
	if (port->last)
		port->last->next = queued;
	else
		port->first = queued;
	port->last = queued;
}

bool port_next(struct port *port, struct port_event *event)
{
	struct queued *queued = port->first;
	free(port->shown);
	port->shown = NULL;
	if (!queued)
		return false;
	port->first = queued->next;
	if (!port->first)
		port->last = NULL;
	*event = queued->event;
	port->shown = queued->octets;
	free(queued);
	return true;
}

static void down(struct sim_link *link, enum port_down reason)
{
	if (link->down)
		return;
	link->down = true;
	link->wire = NULL;
	queue(link->port,
	      &(struct port_event){ .kind = PORT_DOWN,
				    .link = link->id,
				    .listener = link->listener,
				    .peer = link->peer,
				    .sent_octets = link->sent,
				    .reason = reason,
				    .text = "simulated" },
	      NULL);
}

static void read_wire(struct sim_link *link)
{
	if (link->paused || link->down) {
		link->waiting = true;
		return;
	}
	for (;;) {
		uint8_t *octets = malloc(OCTETS_CHUNK);
		size_t n = wire_take(link->wire, false, octets, OCTETS_CHUNK);
		if (!n) {
			free(octets);
			return;
		}
		queue(link->port,
		      &(struct port_event){ .kind = PORT_OCTETS, .link = link->id, .n = n },
		      octets);
	}
}

static void on_octets(struct world *world, void *arg, uint64_t n)
{
	struct sim_link *link = arg;
	(void)world;
	(void)n;
	if (link->wire)
		read_wire(link);
}

static void on_gone(struct world *world, void *arg, uint64_t number)
{
	struct sim_link *link = arg;
	(void)world;
	(void)number;
	down(link, PORT_DOWN_RESET);
}

static void on_up(struct world *world, void *arg, uint64_t number)
{
	struct sim_link *link = arg;
	if (link->down)
		return;
	for (size_t i = 0; i < link->port->n_carriers; i++) {
		if (link->port->carriers[i].number != number || is_dead(link->port, link->host))
			continue;
		struct wire_ends ends = { .octets_near = on_octets,
					  .gone_near = on_gone,
					  .near = link };
		link->wire = wire_new(world, &ends);
		carrier_accept(link->port->carriers[i].carrier, link->wire);
		queue(link->port,
		      &(struct port_event){ .kind = PORT_UP, .link = link->id, .peer = link->peer },
		      NULL);
		return;
	}
	down(link, PORT_DOWN_CONNECT);
}

static struct sim_link *new_link(struct port *port)
{
	struct sim_link *link = calloc(1, sizeof(*link));
	link->port = port;
	link->id = ++port->ids;
	link->out = malloc(OUTPUT_ROOM);
	link->next = port->links;
	port->links = link;
	return link;
}

uint64_t port_open(struct port *port, const struct port_target *target)
{
	struct sim_link *link = new_link(port);
	snprintf(link->host, sizeof(link->host), "%s", target->addresses[0].host);
	snprintf(link->peer, sizeof(link->peer), "%s:%u", link->host, target->addresses[0].port);
	world_later(port->world, world_now_ms(port->world) + dice_between(&port->dice, 0, 20),
		    on_up, link, target->addresses[0].port);
	return link->id;
}

static struct sim_link *find(const struct port *port, uint64_t id)
{
	for (struct sim_link *link = port->links; link; link = link->next)
		if (link->id == id && !link->down)
			return link;
	return NULL;
}

size_t port_write(struct port *port, uint64_t id, const void *octets, size_t n)
{
	struct sim_link *link = find(port, id);
	if (!link)
		return 0;
	size_t room = OUTPUT_ROOM - link->out_n;
	n = n < room ? n : room;
	memcpy(link->out + link->out_n, octets, n);
	link->out_n += n;
	return n;
}

size_t port_write_room(const struct port *port, uint64_t id)
{
	struct sim_link *link = find(port, id);
	return link ? OUTPUT_ROOM - link->out_n : 0;
}

/* The kernel takes some of what was written: all of it, mostly. */
static void kernel(struct sim_link *link)
{
	struct port *port = link->port;
	size_t n = link->out_n;
	if (!n || !link->wire)
		return;
	if (world_stormy(port->world) && dice_permille(&port->dice, 300))
		n = (size_t)dice_between(&port->dice, 0, (int64_t)n);
	if (!n)
		return;
	wire_send(link->wire, true, link->out, n);
	memmove(link->out, link->out + n, link->out_n - n);
	link->out_n -= n;
	link->sent += n;
	queue(port,
	      &(struct port_event){
		      .kind = PORT_SENT, .link = link->id, .sent_octets = link->sent },
	      NULL);
}

void port_push(struct port *port)
{
	for (struct sim_link *link = port->links; link; link = link->next)
		kernel(link);
}

void port_wait(struct port *port, int64_t until_ms)
{
	bool left = false;
	if (port->limit_ms && until_ms > port->limit_ms)
		until_ms = port->limit_ms;
	for (struct sim_link *link = port->links; link; link = link->next) {
		kernel(link);
		left = left || (link->out_n && link->wire);
	}
	if (port->first)
		return;
	int64_t now_ms = world_now_ms(port->world);
	if (left && until_ms > now_ms + 1)
		until_ms = now_ms + 1;
	while (!port->first && world_step(port->world, until_ms))
		;
	if (!port->first)
		world_advance(port->world, until_ms);
}

void port_pause(struct port *port, uint64_t id)
{
	struct sim_link *link = find(port, id);
	if (link)
		link->paused = true;
}

void port_resume(struct port *port, uint64_t id)
{
	struct sim_link *link = find(port, id);
	if (!link)
		return;
	link->paused = false;
	if (link->waiting && link->wire)
		read_wire(link);
	link->waiting = false;
}

static void leave(struct port *port, uint64_t id, bool flush)
{
	struct sim_link *link = find(port, id);
	if (!link)
		return;
	if (flush && link->wire && link->out_n) {
		wire_send(link->wire, true, link->out, link->out_n);
		link->sent += link->out_n;
		link->out_n = 0;
	}
	if (link->wire)
		wire_leave(link->wire, false);
	down(link, PORT_DOWN_OURS);
}

void port_close(struct port *port, uint64_t id)
{
	leave(port, id, true);
}

void port_abort(struct port *port, uint64_t id)
{
	leave(port, id, false);
}

void port_free(struct port *port)
{
	struct port_event event;
	while (port_next(port, &event))
		;
	for (struct sim_link *link = port->links; link; link = link->next) {
		if (link->wire)
			wire_leave(link->wire, false);
		link->wire = NULL;
		link->down = true;
		free(link->out);
		link->out = NULL;
		world_keep(port->world, link);
	}
	free(port->shown);
	world_keep(port->world, port);
}

const char *port_down_name(enum port_down reason)
{
	return reason == PORT_DOWN_OURS ? "ours" : "reset";
}

/* ---- what the simulation does without ---- */

struct port_tls *port_tls_new(const struct port_tls_options *options, char *error,
			      size_t error_octets)
{
	(void)options;
	snprintf(error, error_octets, "no TLS in the simulation");
	return NULL;
}

void port_tls_ends(const struct port_tls *tls, struct port_tls_ends *ends)
{
	(void)tls;
	*ends = (struct port_tls_ends){ 0 };
}

void port_tls_free(struct port_tls *tls)
{
	(void)tls;
}

uint64_t port_listen(struct port *port, const struct port_listen *listen, char *error,
		     size_t error_octets)
{
	for (size_t i = 0; i < LISTENERS_MAX && !is_dead(port, listen->host); i++) {
		if (port->listeners[i].id)
			continue;
		port->listeners[i].id = ++port->ids;
		port->listeners[i].number = listen->port;
		snprintf(port->listeners[i].address, sizeof(port->listeners[i].address), "%s:%u",
			 listen->host, listen->port);
		return port->listeners[i].id;
	}
	snprintf(error, error_octets, "the address is not ours");
	return 0;
}

/* Both ends of the wire begin their lives now. */
bool sim_port_call(struct port *port, uint16_t number, const char *from, struct carrier *carrier)
{
	size_t i = 0;
	while (i < LISTENERS_MAX && (!port->listeners[i].id || port->listeners[i].number != number))
		i++;
	if (i == LISTENERS_MAX)
		return false;
	struct sim_link *link = new_link(port);
	struct wire_ends ends = { .octets_near = on_octets, .gone_near = on_gone, .near = link };
	link->listener = port->listeners[i].id;
	snprintf(link->peer, sizeof(link->peer), "%s:40000", from);
	link->wire = wire_new(port->world, &ends);
	queue(port,
	      &(struct port_event){ .kind = PORT_UP,
				    .link = link->id,
				    .listener = link->listener,
				    .peer = link->peer },
	      NULL);
	carrier_accept(carrier, link->wire);
	return true;
}

const char *port_listen_address(const struct port *port, uint64_t listener)
{
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		if (port->listeners[i].id == listener)
			return port->listeners[i].address;
	return NULL;
}

void port_listen_close(struct port *port, uint64_t listener)
{
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		if (port->listeners[i].id == listener)
			port->listeners[i].id = 0;
}

int64_t port_now_us(struct port *port)
{
	return world_now_ms(port->world) * 1000;
}

bool port_sha256(const void *octets, size_t n, uint8_t digest[PORT_SHA256_OCTETS])
{
	(void)octets;
	(void)n;
	memset(digest, 0, PORT_SHA256_OCTETS);
	abort(); /* only the API asks, and the simulation has no sockets */
}
