/*
 * The messages smsc-sim has taken and is not done with: a pool of fixed-size entries, named by
 * index. What is done with them is tools/sim_smsc.c's.
 */
#ifndef TOOLS_SIM_MESSAGE_H
#define TOOLS_SIM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_MESSAGES_MAX (1u << 24) /* above: message queue full */
#define SIM_NO_MESSAGE	 UINT32_MAX

enum {
	SIM_ADDRESS_OCTETS = 21, /* with NUL; SMPP 3.4, 5.2.8 */
	SIM_TEXT_OCTETS = 20,	 /* of the text that a receipt repeats; Appendix B */
};

struct sim_pdu;

struct sim_message {
	const struct sim_pdu *shape; /* of its receipt; NULL: as usual */
	uint32_t count;		     /* how often the script's row has fired that says how */
	uint64_t id;
	int64_t taken_wall_ms;
	uint32_t link; /* number of the link it came by */
	uint32_t sequence_number;
	uint32_t status;     /* that its response has */
	uint32_t receipt_ms; /* response to receipt */
	uint32_t next;	     /* in its account's queue, or in the free list */
	uint32_t generation; /* rises each time the entry is used anew */
	uint16_t slot;	     /* of the link */
	uint16_t account;
	uint8_t kind; /* enum outcome_kind */
	uint8_t way;  /* enum outcome_way */
	uint8_t message_state;
	uint8_t receipts_left; /* OK answers still wanted */
	bool data_sm;	       /* it came as data_sm */
	bool leads;	       /* no message, but what stands for the response of a submit_multi */
	bool to_answer;	       /* its response is still to be sent */
	bool in_flight;	       /* a receipt is on a link */
	bool waiting;	       /* a receipt is in the account's queue or due later */
	bool settled;	       /* an OK came late: the receipt that waits is not to be sent */
	uint8_t source_ton, source_npi, dest_ton, dest_npi;
	uint8_t text_n;
	uint8_t redeliveries; /* of the receipt, at most 31 are counted */
	char source[SIM_ADDRESS_OCTETS];
	char destination[SIM_ADDRESS_OCTETS];
	char text[SIM_TEXT_OCTETS]; /* printable ASCII, not terminated */
};

/* All zero is an empty pool. */
struct sim_messages {
	struct sim_message **chunks;
	uint32_t made; /* entries that exist */
	uint32_t used;
	uint32_t free; /* first of the free list + 1; 0: empty */
};

/* A fresh entry, zeroed but for its generation; SIM_NO_MESSAGE: no memory or SIM_MESSAGES_MAX. */
uint32_t sim_message_new(struct sim_messages *messages);
void sim_message_free(struct sim_messages *messages, uint32_t index);

/* Lives until its free; index must be one that new gave. */
struct sim_message *sim_message_at(const struct sim_messages *messages, uint32_t index);

void sim_messages_release(struct sim_messages *messages);

#endif
