/* What tools/flow.c and tools/flow_join.c share. Nothing else includes this. */
#ifndef TOOLS_FLOW_OWN_H
#define TOOLS_FLOW_OWN_H

#include <uthash.h>

#include "tools/flow.h"

/* Keys are hashed as octets: made of zeros first. */
struct flow_session_key {
	char link[TRACE_LINK_OCTETS];
	uint64_t session;
};

struct flow_session {
	struct flow_session_key key;
	uint32_t id;			 /* never used again */
	uint32_t open[TRACE_OUT + 1];	 /* requests, by direction */
	int64_t heard_us[TRACE_OUT + 1]; /* the last request of that direction, or its answer */
	uint32_t ends;			 /* directions that were closed */
	int64_t throttled_us;		 /* by the first answer since the last submit; 0: by none */
	UT_hash_handle hh;
};

struct flow_key {
	uint32_t session;
	uint32_t direction;
	uint32_t sequence_number;
};

/* An id is unique at one carrier only: of links called provider/link that is the provider. */
struct flow_id_key {
	char id[SMPP_ID_OCTETS];
	char provider[TRACE_LINK_OCTETS];
};

struct flow_entry {
	struct flow_key key;
	struct flow_id_key id; /* once it was answered with one */
	struct flow_request request;
	uint64_t hash; /* of what a submit says, without its header */
	bool told;     /* as unanswered */
	uint64_t gaps; /* that there had been when it was opened */
	struct flow_entry *next_gone;
	UT_hash_handle hh;
};

/* Where our id of the message is known, that and the total alone. */
struct flow_part_key {
	char link[TRACE_LINK_OCTETS];
	char message[FLOW_MESSAGE_OCTETS];
	char from[FLOW_ADDRESS_OCTETS];
	char to[FLOW_ADDRESS_OCTETS];
	uint16_t reference;
	uint8_t total;
	uint8_t direction;
};

struct flow_parts {
	struct flow_part_key key;
	uint64_t first; /* number of the PDU */
	uint32_t count;
	UT_hash_handle hh;
};

/* A receipt whose submit had not been answered, under one reading of its id. */
struct flow_early {
	struct flow_id_key id;
	uint64_t number;
	int64_t at_us;
	char from[FLOW_ADDRESS_OCTETS];
	char to[FLOW_ADDRESS_OCTETS];
	UT_hash_handle hh;
};

/* A submit that failed, or was never answered. */
struct flow_failure {
	uint64_t hash;
	uint64_t number;
	bool in_doubt;
	uint32_t command_status;
	UT_hash_handle hh;
};

struct flow {
	int64_t unanswered_us;
	uint64_t gaps; /* where the source dropped PDUs */
	int64_t now_us;
	uint64_t forgotten;
	uint32_t session_count;
	struct flow_session *sessions;
	struct flow_session *last_session; /* of the last PDU, found again without a search */
	struct flow_entry *open;	   /* by flow_key, the oldest first */
	struct flow_entry *next_due;	   /* the first of them whose time is not up */
	struct flow_entry *submits;	   /* by id, the oldest first */
	struct flow_parts *parts;
	struct flow_failure *failures;
	struct flow_early *early;
	struct flow_entry *gone;
	struct flow_event *events;
	size_t event_count;
	size_t event_next;
	size_t event_room;
	/* Of the PDU that was added last. */
	struct smpp_pdu fields;
	struct smpp_receipt receipt;
	struct smpp_concat_info part;
};

void flow_let_go(struct flow *flow, struct flow_entry *entry);
/* A request that may still be answered, by its hash. */
const struct flow_entry *flow_open_hashed(const struct flow *flow, uint64_t hash);

/* A submit goes out: is it one of before? */
void flow_submit(struct flow *flow, struct flow_session *session, struct flow_entry *entry,
		 struct flow_event *event);
/* It was answered. true: it was taken over, to wait for its receipt. */
bool flow_answered(struct flow *flow, struct flow_session *session, struct flow_entry *entry,
		   struct flow_event *event);
/* It failed, or will not be answered: should the same come again, it is known. */
void flow_note_failure(struct flow *flow, const struct flow_entry *entry);

void flow_join_receipt(struct flow *flow, struct flow_event *event);
void flow_join_part(struct flow *flow, struct flow_event *event);
void flow_join_release(struct flow *flow);

#endif
