/*
 * PDUs between an ESME and an SMSC that reach each other through us: the source of `proxy`. The
 * octets go their way in a thread of their own (tools/trace_relay.h), so that nothing that is done
 * with the PDUs here makes them wait; who is too slow loses PDUs, which are counted.
 *
 *	while (trace_proxy_wait(proxy, INT64_MAX)) {
 *		while (trace_proxy_next(proxy, &pdu, &note))
 *			note != NULL ? tell(note) : show(&pdu);
 *	}
 */
#ifndef TOOLS_TRACE_PROXY_H
#define TOOLS_TRACE_PROXY_H

#include "tools/trace_relay.h"

struct trace_proxy;

/* Listens and relays from now on. NULL: error (PORT_TEXT_OCTETS) has one line. */
struct trace_proxy *trace_proxy_new(const struct relay_want *want, char *error);
/* Ends both sides of what is still open. */
void trace_proxy_free(struct trace_proxy *proxy);

const char *trace_proxy_address(const struct trace_proxy *proxy);

/*
 * Waits until something has happened, most_ms at most. false: it was ended by TERM, INT or HUP, and
 * everything was taken.
 */
bool trace_proxy_wait(struct trace_proxy *proxy, int64_t most_ms);

/*
 * The next that has come: a PDU, or else a *note of one line: who a session is, who cannot be
 * reached. Both live until the next call. false: nothing.
 */
bool trace_proxy_next(struct trace_proxy *proxy, struct trace_pdu *pdu, const char **note);

/* PDUs that were dropped behind the last one. */
uint64_t trace_proxy_dropped(const struct trace_proxy *proxy);

#endif
