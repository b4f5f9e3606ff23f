/*
 * The far end of the sandbox: a carrier inside the daemon, for the orders of sandbox accounts. It
 * is a session in the SMSC's role, joined to the link of the provider of kind sandbox without a
 * socket; what becomes of a submit is core/outcome.h's to say, by the last digits of its
 * destination, as at smsc-sim. All else (scheduler, session, lifecycle, tap) is what carriers get.
 *
 *	link.c ── sandbox_write ──► session (SMSC) ──► what is owed, by time
 *	link.c ◄── sandbox_next ◄── answers, receipts ◄─┘
 *
 * It lives in memory alone. With the process it forgets the receipts that it owed, as no carrier
 * would: their messages end by receipt_deadline, UNKNOWN / NO_RECEIPT.
 *
 * A connection is used as one of core/port.h and keeps its promises: UP once, then OCTETS and SENT,
 * DOWN as the last. Events are pulled; nothing is called back.
 */
#ifndef CORE_SANDBOX_H
#define CORE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "core/port.h"

#define SANDBOX_OWED_MAX    100000u /* answers and receipts; above: message queue full (0x14) */
#define SANDBOX_REFUSED_MAX 65536u  /* first attempts that are remembered; above: none is refused */

struct sandbox;

/* NULL without memory. The port is asked for clocks and chance. */
struct sandbox *sandbox_new(struct port *port);
void sandbox_free(struct sandbox *sandbox);
/* Its times are these from now on. */
void sandbox_tune(struct sandbox *sandbox, const struct config_sandbox *config);

/* Is the connection one of a sandbox? The ids of a port never are. */
bool sandbox_has(uint64_t connection);
/* The new connection's id; 0 without memory. */
uint64_t sandbox_open(struct sandbox *sandbox);
/* As port_write: how many octets were taken. */
size_t sandbox_write(struct sandbox *sandbox, uint64_t connection, const uint8_t *octets, size_t n);
/* While paused no OCTETS come. */
void sandbox_pause(struct sandbox *sandbox, uint64_t connection, bool paused);
/* DOWN follows. */
void sandbox_close(struct sandbox *sandbox, uint64_t connection);

/* The next event; what it points to lives until the next call. False: none. */
bool sandbox_next(struct sandbox *sandbox, struct port_event *event);
/* When there is one, though nothing is written; 0: now. */
int64_t sandbox_deadline(const struct sandbox *sandbox);
/* Receipts or answers are still to come, for which a link should be bound. */
bool sandbox_owes(const struct sandbox *sandbox);

#endif
