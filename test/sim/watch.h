/*
 * A watch over one connection: whether the daemon keeps to the rules of SMPP 3.4 whatever it says.
 * It reads both directions by itself, headers only, and shares nothing with the session that it
 * watches. Used by the carriers of the simulation.
 *
 *	our requests  rise from 1 (5.1.4), and nothing but one bind precedes a bind_resp (2.2.1)
 *	our answers   each to a request with that number and type, once (2.8)
 *	the end       nothing follows unbind_resp (4.2)
 */
#ifndef TEST_SIM_WATCH_H
#define TEST_SIM_WATCH_H

#include <stddef.h>
#include <stdint.h>

struct watch;

struct watch *watch_new(void);
void watch_free(struct watch *watch);
/* Octets from the daemon, and octets to it, in any pieces. */
void watch_heard(struct watch *watch, const uint8_t *octets, size_t n);
void watch_said(struct watch *watch, const uint8_t *octets, size_t n);
/* The first rule that was broken, in words; NULL: none. */
const char *watch_broken(const struct watch *watch);
/* Requests to the daemon that it has not answered. */
size_t watch_open(const struct watch *watch);

#endif
