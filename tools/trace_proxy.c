/* The thread of the relay, and what it gives. See tools/trace_proxy.h. */
#include "tools/trace_proxy.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct trace_proxy {
	struct trace_ring *ring;
	struct relay *relay;
	pthread_t thread;
	bool runs;
	uint64_t number;
	char address[128];
};

static void *run(void *argument)
{
	relay_run(argument);
	return NULL;
}

struct trace_proxy *trace_proxy_new(const struct relay_want *want, char *error)
{
	struct trace_proxy *proxy = calloc(1, sizeof(*proxy));

	if (proxy != NULL)
		proxy->ring = trace_ring_new();
	if (proxy == NULL || proxy->ring == NULL) {
		snprintf(error, PORT_TEXT_OCTETS, "out of memory");
		trace_proxy_free(proxy);
		return NULL;
	}
	proxy->relay = relay_new(want, proxy->ring, error);
	if (proxy->relay != NULL) {
		snprintf(proxy->address, sizeof(proxy->address), "%s", relay_address(proxy->relay));
		proxy->runs = pthread_create(&proxy->thread, NULL, run, proxy->relay) == 0;
		if (proxy->runs)
			return proxy;
		snprintf(error, PORT_TEXT_OCTETS, "there is no thread to be had");
	}
	trace_proxy_free(proxy);
	return NULL;
}

void trace_proxy_free(struct trace_proxy *proxy)
{
	if (proxy == NULL)
		return;
	if (proxy->runs) {
		relay_stop(proxy->relay);
		pthread_join(proxy->thread, NULL);
	}
	relay_free(proxy->relay);
	trace_ring_free(proxy->ring);
	free(proxy);
}

const char *trace_proxy_address(const struct trace_proxy *proxy)
{
	return proxy->address;
}

bool trace_proxy_wait(struct trace_proxy *proxy, int64_t most_ms)
{
	return trace_ring_wait(proxy->ring, most_ms);
}

bool trace_proxy_next(struct trace_proxy *proxy, struct trace_pdu *pdu, const char **note)
{
	struct trace_taken taken;

	if (!trace_ring_take(proxy->ring, &taken))
		return false;
	*note = taken.note;
	if (taken.pdu == NULL)
		return true;
	*pdu = *taken.pdu;
	proxy->number += pdu->kind == TRACE_PDU;
	pdu->number = proxy->number;
	return true;
}

uint64_t trace_proxy_dropped(const struct trace_proxy *proxy)
{
	return trace_ring_dropped(proxy->ring);
}
