/*
 * Octets between an ESME and an SMSC, as they are: what one says the other hears, also what is no
 * SMPP, also that it has ended its side, or has reset the connection. On their way they are looked
 * at, and what is seen goes into a ring (tools/trace_ring.h), which never makes them wait. Used by
 * tools/trace_proxy.c, which runs it in a thread of its own.
 *
 *	ESME ──► link ──► port_write ──► link ──► SMSC        and back
 *	           └──► trace_frames ──► ring
 *
 * Bounded: RELAY_SESSIONS; of each direction what the port holds (RELAY_INPUT_OCTETS, RELAY_OUTPUT_OCTETS) and
 * one reading of the port's that found no room there: then the one who speaks is not read.
 */
#ifndef TOOLS_TRACE_RELAY_H
#define TOOLS_TRACE_RELAY_H

#include "core/port.h"
#include "tools/trace_ring.h"

#define RELAY_SESSIONS	    256
#define RELAY_INPUT_OCTETS  (64u << 10)
#define RELAY_OUTPUT_OCTETS (64u << 10)
#define RELAY_PDU_OCTETS    (128u << 10) /* a longer one is passed on, and not understood */

struct relay;

struct relay_want {
	const char *host; /* to listen on */
	uint16_t port;	  /* 0: a free one */
	const char *to_host;
	uint16_t to_port;
	bool to_tls;
	const char *ca_file; /* whom to trust there; NULL: as the system does */
};

/* Listens from now on; the ring is the caller's. NULL: error (PORT_TEXT_OCTETS) has one line. */
struct relay *relay_new(const struct relay_want *want, struct trace_ring *ring, char *error);
void relay_free(struct relay *relay);

/* "127.0.0.1:2775"; to be asked for before it runs. */
const char *relay_address(const struct relay *relay);

/*
 * Until TERM, INT, HUP or relay_stop; then both sides of every session are ended, and the ring is. From
 * the call to its return the relay is this thread's, but for relay_stop.
 */
void relay_run(struct relay *relay);

/* By any thread. */
void relay_stop(struct relay *relay);

#endif
