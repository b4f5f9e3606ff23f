/* See far_end.h. */
#include "test/sim/far_end.h"

#include <stdint.h>

#define CHUNK 4096

void far_end_flush(struct far_end *end)
{
	struct smpp_output out;
	if (!end->wire || !end->session || end->corked ||
	    !smpp_session_output(end->session, world_now_ms(end->world), &out))
		return;
	wire_send(end->wire, false, out.at, out.n);
	if (end->watch)
		watch_said(end->watch, out.at, out.n);
	smpp_session_wrote(end->session, out.n);
}

static void pump(struct far_end *end)
{
	struct smpp_event event;
	while (end->session && smpp_session_next(end->session, &event))
		end->hooks->event(end, &event);
	far_end_flush(end);
}

static void on_octets(struct world *world, void *arg, uint64_t number)
{
	struct far_end *end = arg;
	uint8_t octets[CHUNK];
	size_t n;
	(void)number;
	while (end->wire && (n = wire_take(end->wire, true, octets, sizeof(octets)))) {
		if (end->watch)
			watch_heard(end->watch, octets, n);
		if (smpp_session_feed(end->session, octets, n, world_now_ms(world)) !=
		    SMPP_SESSION_OK)
			end->hooks->stuck(end);
		pump(end);
	}
}

static void on_gone(struct world *world, void *arg, uint64_t number)
{
	struct far_end *end = arg;
	(void)number;
	end->wire = NULL;
	smpp_session_down(end->session, world_now_ms(world));
	pump(end);
	smpp_session_free(end->session);
	end->session = NULL;
}

void far_end_accept(struct far_end *end, struct wire *wire)
{
	struct smpp_session_config config = {
		.role = SMPP_SMSC,
		.window = 1000,
		.max_pdu = 70000,
		.response_ms = 20000,
		.outbind = end->system_id != NULL,
		.system_id = end->system_id,
		.password = end->password,
	};
	end->wire = wire;
	end->session = smpp_session_new(&config);
	wire_set_far(wire, on_octets, on_gone, end);
	if (smpp_session_up(end->session, world_now_ms(end->world)) != SMPP_SESSION_OK)
		end->hooks->stuck(end);
	far_end_flush(end);
}

bool far_end_is_bound(const struct far_end *end)
{
	struct smpp_session_stats stats;
	if (!end->wire || !end->session)
		return false;
	smpp_session_stats(end->session, &stats);
	return stats.state == SMPP_SESSION_BOUND;
}

void far_end_respond(struct far_end *end, const struct smpp_pdu *pdu)
{
	if (end->session && smpp_session_respond(end->session, pdu) == SMPP_SESSION_OK)
		far_end_flush(end);
}

void far_end_leave(struct far_end *end)
{
	if (!end->wire)
		return;
	far_end_flush(end);
	wire_leave(end->wire, true);
	end->wire = NULL;
}

void far_end_release(struct far_end *end)
{
	smpp_session_free(end->session);
	watch_free(end->watch);
}
