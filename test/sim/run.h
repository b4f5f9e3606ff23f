/*
 * One run of the simulation, what is in it, and the oracle: what must be true of the store when all
 * is over. Shared by sim.c, which lets a run happen, and oracle.c, which judges it.
 */
#ifndef TEST_SIM_RUN_H
#define TEST_SIM_RUN_H

#include "config/config.h"
#include "core/engine.h"
#include "test/sim/world.h"

#define FIRST_MSISDN  31600000000u
#define OPENING	      1000000000
#define PRICE	      88000
#define ORDERS_MAX    12
#define SPEECHES_MAX  20
#define SPOKEN_OCTETS 256
#define CARRIERS      2
#define SANDBOXED_MAX 6		   /* orders, in about every second run */
#define SANDBOX_FIRST 31699990000u /* the first of these numbers choose their outcomes */
#define RELOADS_MAX   8		   /* in about every second run */
#define STARTS_MAX    20
#define STILL_MAX     20000  /* steps at one instant: more is a spin */
#define END_MS	      600000 /* of virtual time behind the last fault, in which all must end */

/* What a reload may change. */
struct setting {
	uint32_t window, ahead, rate;
	bool two; /* links of alpha */
	const char *congestion[CARRIERS], *concat[CARRIERS];
	uint32_t multi; /* alpha: destinations of a submit_multi */
	bool query;	/* beta: query_missing_receipt */
	const char *dialect[CARRIERS], *join[CARRIERS];
};

struct run {
	uint64_t seed;
	bool verbose;
	char folder[64];
	struct world *world;
	struct dice dice;
	struct weather weather;
	struct carrier *carriers[CARRIERS];
	struct config *config;
	struct store *store;
	struct port *port;
	struct engine *engine;
	struct tap_reader *tap;		 /* on the engine's */
	uint64_t sessions, old_sessions; /* the highest that passed, and as the engine began */
	uint64_t next_msisdn, accepted_messages;
	uint32_t orders, crashes, failures, still;
	bool crash, hold[CARRIERS];
	uint32_t window;
	bool shared; /* alpha's window counts over its links */
	char path[128];
	struct config_source source;
	struct setting setting; /* what it began with */
	struct dice reloads;	/* of their own, so that the rest of a seed stays as it was */
	struct dice sandboxed;	/* as these */
};

/* Says what is wrong, with the seed that shows it, and counts it. */
void run_complain(struct run *run, const char *what, uint64_t number);

/* Nothing is under way any more. */
bool oracle_all_ended(struct run *run);
/* Sums over messages agree with the messages, at any time: also where a crash stops it. */
void oracle_recount(struct run *run);
/* Every record tells the truth, of what clients were told and of what carriers were sent. */
void oracle_check(struct run *run);

#endif
