/* Open requests by link, direction and sequence_number, in the order in which they came. */
#include "tools/trace_flow.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "smpp/pdu.h"

/* Hashed as octets: made of zeros first. */
struct key {
	char link[TRACE_LINK_OCTETS];
	enum trace_direction direction;
	uint32_t sequence_number;
};

struct request {
	struct key key;
	uint32_t command_id;
	int64_t at_ms;
	UT_hash_handle hh;
};

struct trace_flow {
	struct request *requests; /* the oldest first */
};

struct trace_flow *trace_flow_new(void)
{
	return calloc(1, sizeof(struct trace_flow));
}

static void forget(struct trace_flow *flow, struct request *request)
{
	HASH_DEL(flow->requests, request);
	free(request);
}

void trace_flow_free(struct trace_flow *flow)
{
	if (!flow)
		return;
	while (flow->requests)
		forget(flow, flow->requests);
	free(flow);
}

static struct key key_of(const struct trace_pdu *pdu, enum trace_direction direction,
			 uint32_t sequence_number)
{
	struct key key;

	memset(&key, 0, sizeof(key));
	memcpy(key.link, pdu->link, strlen(pdu->link));
	key.direction = direction;
	key.sequence_number = sequence_number;
	return key;
}

static struct request *find(const struct trace_flow *flow, const struct key *key)
{
	struct request *request;

	HASH_FIND(hh, flow->requests, key, sizeof(*key), request);
	return request;
}

static void open_request(struct trace_flow *flow, const struct trace_pdu *pdu,
			 const struct smpp_pdu *header)
{
	struct key key = key_of(pdu, pdu->direction, header->sequence_number);
	struct request *request = find(flow, &key);

	if (request)
		forget(flow, request);
	if (HASH_COUNT(flow->requests) == TRACE_FLOW_REQUESTS)
		forget(flow, flow->requests);
	request = calloc(1, sizeof(*request));
	if (!request)
		return; /* its answer will be told as unasked */
	request->key = key;
	request->command_id = header->command_id;
	request->at_ms = pdu->at_ms;
	HASH_ADD(hh, flow->requests, key, sizeof(request->key), request);
}

static struct trace_pair answer(struct trace_flow *flow, const struct trace_pdu *pdu,
				const struct smpp_pdu *header)
{
	static const enum trace_direction asked[] = {
		[TRACE_UNKNOWN] = TRACE_UNKNOWN,
		[TRACE_IN] = TRACE_OUT,
		[TRACE_OUT] = TRACE_IN,
	};
	struct trace_pair pair = { .kind = TRACE_PAIR_UNASKED };
	struct key key = key_of(pdu, asked[pdu->direction], header->sequence_number);
	struct request *request = find(flow, &key);

	if (!request || (header->command_id != SMPP_generic_nack &&
			 header->command_id != (request->command_id | SMPP_RESP_BIT)))
		return pair;
	pair.kind = TRACE_PAIR_ANSWER;
	pair.rtt_ms = pdu->at_ms - request->at_ms;
	forget(flow, request);
	return pair;
}

struct trace_pair trace_flow_pdu(struct trace_flow *flow, const struct trace_pdu *pdu)
{
	struct smpp_reader reader = smpp_reader_of(pdu->octets, pdu->n);
	struct smpp_pdu header;
	const struct smpp_command *command;

	smpp_pdu_init(&header, 0, 0);
	header.command_length = smpp_read_u32(&reader);
	header.command_id = smpp_read_u32(&reader);
	header.command_status = smpp_read_u32(&reader);
	header.sequence_number = smpp_read_u32(&reader);
	command = smpp_command(header.command_id);
	if (pdu->framing == TRACE_LOST || reader.bad)
		return (struct trace_pair){ 0 };
	if (header.command_id & SMPP_RESP_BIT)
		return answer(flow, pdu, &header);
	if (command && smpp_command_resp(command))
		open_request(flow, pdu, &header);
	return (struct trace_pair){ 0 };
}
