/*
 * The real engine on the real store under virtual time, with two carriers that do what a test
 * says: answer this submit so, send that receipt, cut the connection. Nothing happens by chance
 * and nothing by itself, but that binds and enquire_link are answered. Used by test_engine*.c; the
 * world beneath is that of test/sim.
 */
#ifndef TEST_ENGINE_WORLD_H
#define TEST_ENGINE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "core/engine.h"
#include "core/evidence.h"
#include "test/sim/world.h"

#define CARRIER_SUBMITS 8192
#define CARRIER_BINDS	512
#define FIRST_NUMBER	31600000000u
#define OPENING		1000000000
#define PRICE		88000 /* of a part, micro-units */

/* ---- a carrier ---- */

struct far;

/* A submit_sm that reached the carrier. */
struct seen {
	uint64_t msisdn;
	int64_t at_ms;
	uint32_t sequence_number;
	struct far *far;     /* the connection it came on */
	uint8_t part, parts; /* of its message, from 1; 0 of 0: it is alone */
	uint16_t reference;
	bool payload; /* its text is in message_payload */
	bool answered;
};

/* A submit_multi that reached the carrier. */
struct crowd {
	uint32_t sequence_number, n;
	uint64_t msisdn[254];
	struct far *far;
};
#define CARRIER_CROWDS 64

/* A query_sm, cancel_sm or replace_sm that reached the carrier. */
struct heard {
	uint32_t command_id, sequence_number;
	struct far *far;
	char message_id[66], source[22], dest[22], text[255];
	uint8_t source_ton, registered_delivery;
};
#define CARRIER_HEARD 64

struct carrier {
	struct world *world;
	struct far *fars;	     /* connections, newest first */
	uint32_t bind_status;	     /* of every bind from now on */
	uint32_t transceiver_status; /* of bind_transceiver, 0: as bind_status */
	uint32_t receiver_status;    /* the same of bind_receiver */
	bool nacks_transceiver;	     /* that is said by generic_nack */
	const char *outbind_system_id,
		*outbind_password;    /* set: connections are the carrier's calls */
	struct smpp_octets opening;   /* said first on each connection */
	const char *behind_bind;      /* id of a receipt sent in one piece with bind_resp */
	bool mute;		      /* answers no bind */
	uint8_t sc_interface_version; /* in bind_resp; 0: left out */
	uint8_t interface_version;    /* of the last bind */
	uint32_t congestion_state;    /* in every submit_sm_resp; 0: left out */
	bool obliging;		      /* answers every submit at once with a new id */
	uint64_t ids;		      /* the last one given so */
	struct seen seen[CARRIER_SUBMITS];
	size_t n;
	struct crowd crowds[CARRIER_CROWDS];
	size_t n_crowds;
	struct heard heard[CARRIER_HEARD];
	size_t n_heard;
	uint32_t binds;
	struct {
		uint32_t command_id;
		int64_t at_ms;
	} bound[CARRIER_BINDS];	       /* the first binds */
	uint32_t acked, refused, lost; /* receipts answered OK, otherwise, or not at all */
	uint32_t refused_status;       /* of the last one refused */
	uint32_t raws, raw_answers;    /* octets of carrier_raw, and answers to them */
	uint32_t raw_status;	       /* of the last of these */
	uint32_t raw_sequences[8];     /* of the first of these, in their order */
	uint8_t raw_last[64];	       /* the last of these, so far as it fits */
	uint32_t raw_last_n;
	uint32_t in_flight_most;		/* submits without an answer on one connection */
	uint32_t in_flight, all_in_flight_most; /* on all of them */
	uint32_t complaints;			/* errors of the daemon's protocol */
};

void carrier_free(struct carrier *carrier);
/* Answers submit i, counted from 0 in the order of their arrival. */
void carrier_ok(struct carrier *carrier, size_t i, const char *id);
void carrier_refuse(struct carrier *carrier, size_t i, uint32_t status);
/* With a body, and an id in it. */
void carrier_refuse_naming(struct carrier *carrier, size_t i, uint32_t status, const char *id);
void carrier_nack(struct carrier *carrier, size_t i, uint32_t status);
/* Answers OK whatever has no answer, ids being the number of the submit from 1: "1", "2", … */
void carrier_ok_all(struct carrier *carrier);

/*
 * Answers submit_multi i, counted from 0: with an id and the destinations that are refused, by their
 * place, each with its status; or refused whole.
 */
struct refusal {
	uint32_t place, status;
	const char *address; /* as it is written there; NULL: as it was submitted */
};
void carrier_crowd(struct carrier *carrier, size_t i, const char *id,
		   const struct refusal *refusals, size_t n);
void carrier_crowd_refuse(struct carrier *carrier, size_t i, uint32_t command_id, uint32_t status);

/* Answers what was heard, from 0; of a query with a state, and a date where it is not NULL. */
void carrier_reply(struct carrier *carrier, size_t i, uint32_t status);
void carrier_reply_state(struct carrier *carrier, size_t i, uint8_t state, const char *date);

/* What a receipt says. */
struct said {
	const char *id, *stat;
	uint64_t from;		      /* source_addr; 0: the number of the first submit */
	const char *source;	      /* source_addr instead of `from`; NULL: that */
	const char *to;		      /* destination_addr; NULL: "Shop" */
	uint8_t esm_class;	      /* 0: 0x04 */
	const char *submitted, *done; /* dates; NULL: some */
	const char *text;	      /* NULL: "x" */
	const char *tlv_id;	      /* receipted_message_id; NULL: left out */
	uint8_t tlv_state;	      /* message_state; 0: left out */
};
/* Sends a receipt on the newest bound connection; false: there is none. */
bool carrier_says(struct carrier *carrier, const struct said *said);
bool carrier_receipt(struct carrier *carrier, const char *id, const char *stat);
/* What its connections say waits, to arrive in one piece; or waits no more. */
void carrier_cork(struct carrier *carrier, bool corked);
/* Sends octets as they are on the newest bound connection; answers to them are counted apart. */
bool carrier_raw(struct carrier *carrier, const uint8_t *octets, size_t n);
/* Ends every connection; what is under way is lost. */
void carrier_cut(struct carrier *carrier);
/* The same behind what was said. */
void carrier_leave(struct carrier *carrier);
/* Every connection is half-open from now on: what is sent is lost and nobody is told. */
void carrier_freeze(struct carrier *carrier);
/* Asks every connection to unbind. */
void carrier_unbind(struct carrier *carrier);
/* Connections that are bound; those that are there at all. */
size_t carrier_bound(const struct carrier *carrier);
size_t carrier_connected(const struct carrier *carrier);

/* ---- the world ---- */

struct engine_world {
	char folder[64], path[96];
	struct config_source source; /* path is the file */
	struct world *world;
	struct carrier *carriers[2]; /* alpha, beta */
	struct config *config;
	struct store *store;
	struct port *port;
	struct engine *engine;
	enum store_fault fault; /* of every commit from now on */
	uint64_t failed_commits;
	uint64_t next_number, steps;
	bool stopped; /* the engine has ended */
	bool damaged; /* findings are expected */
	bool older;   /* the next start takes the store for an older one */
	uint32_t findings;
};

/* Parts of the configuration, as YAML; NULL: the defaults of engine_world.c. */
struct setting {
	const char *alpha; /* provider: window, timers … */
	const char *links; /* of alpha, beside its first */
	const char *beta;
	const char *route;    /* 1 and 3, both of alpha */
	const char *route2;   /* of beta */
	const char *top;      /* lines of the file's own level, such as retention */
	const char *password; /* the file with it */
	const char *file;     /* instead of all but the password: the whole configuration */
};

/* Started, and every link bound. */
struct engine_world *engine_world_new(const struct setting *setting);
/* Writes its file anew, for SIGHUP to load. */
void engine_world_write(struct engine_world *world, const struct setting *setting);
/* Ends it; before, the store must have no findings. */
void engine_world_free(struct engine_world *world);
/* Lets so much virtual time pass. An engine that spins fails the test. */
void engine_world_run(struct engine_world *world, int64_t ms);
/* What is under way arrives and is answered; a few ms. */
void engine_world_settle(struct engine_world *world);
/* Dies without a word, and is started again. */
void engine_world_crash(struct engine_world *world);
/* Only the first or second half of that. */
void engine_world_kill(struct engine_world *world);
void engine_world_start(struct engine_world *world);
/* Another configuration for the next start, between these two. */
void engine_world_configure(struct engine_world *world, const struct setting *setting);
/* The store is checked: no findings. */
void engine_world_check(struct engine_world *world);

struct wish {
	uint32_t route;	     /* 0: 1 */
	uint32_t total;	     /* 0: 1 */
	uint32_t parts;	     /* 0: 1 */
	uint64_t first;	     /* number; 0: a new one */
	uint64_t step;	     /* between the numbers of neighbours, less 1 */
	int64_t send_in_ms;  /* 0: at once */
	int64_t validity_ms; /* 0: the route's */
	uint32_t account;    /* 0: 1; others are made like it */
	int64_t price;	     /* 0: PRICE; -1: nothing */
	bool sandbox;	     /* the sandbox carries it, and it is not paid */
};
/* Accepts an order and lets it settle; its number, 0: refused. */
uint64_t engine_world_order(struct engine_world *world, const struct wish *wish);

/* What the store says now, outside any turn. */
struct store_order world_order(struct engine_world *world, uint64_t order);
/* Of a message, with octets of evidence that live until the next call. */
const struct store_message *world_message(struct engine_world *world, uint64_t order,
					  uint32_t index);
enum store_state world_state(struct engine_world *world, uint64_t order, uint32_t index);
enum store_error world_error(struct engine_world *world, uint64_t order, uint32_t index);
/* The state in effect of a segment. */
enum store_state world_segment(struct engine_world *world, uint64_t order, uint32_t index,
			       uint32_t segment);
uint64_t world_count(struct engine_world *world, enum store_kind kind);
int64_t world_balance(struct engine_world *world);
/* Rows of evidence of segment 0 with this event; UINT_MAX-like -1 for any event. */
uint32_t world_rows(struct engine_world *world, uint64_t order, uint32_t index, int event);

/* The last row of segment 0 with this event; its slices live as world_message's. False: none. */
bool world_row(struct engine_world *world, uint64_t order, uint32_t index, enum life_event event,
	       struct evidence *row);

/* Flips one bit in the record of that key, in the file of the store, which must be closed. */
void engine_world_flip(struct engine_world *world, enum store_kind kind, const void *rec);
bool engine_world_alarmed(const struct engine_world *world, const char *name);

#endif
