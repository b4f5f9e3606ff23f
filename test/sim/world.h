/*
 * The simulated world: virtual time, seeded randomness and octet links, behind the door that the
 * daemon knows as core/port.h (sim_port.c implements it on this). The engine and the store in it
 * are the real ones. One seed is one run, octet for octet.
 *
 *	engine ── core/port.h ── sim_port.c ── world ── smsc.c (carriers)
 */
#ifndef TEST_SIM_WORLD_H
#define TEST_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;
struct carrier;

/* A stream of random numbers; each part of the world has its own, so that they do not shift. */
struct dice {
	uint64_t state;
};
struct dice dice_of(uint64_t seed, const char *part);
uint64_t dice_roll(struct dice *dice);
/* Evenly in least..most. */
int64_t dice_between(struct dice *dice, int64_t least, int64_t most);
/* True n times in a thousand. */
bool dice_permille(struct dice *dice, unsigned n);

/* What may go wrong in a run; drawn from the seed. */
struct weather {
	int64_t latency_ms;	    /* of a link, one way, at most */
	unsigned fragment_permille; /* a chunk is cut in two */
	int64_t cut_every_ms;	    /* a link is cut about so often; 0: never */
	int64_t crash_every_ms;	    /* the daemon dies about so often; 0: never */
	unsigned full_permille;	    /* of commits that find no room */
	int64_t calm_ms;	    /* faults end at this time */
};

/* Something that will happen. */
typedef void world_fn(struct world *world, void *arg, uint64_t number);

struct world *world_new(uint64_t seed, const struct weather *weather);
void world_free(struct world *world);
int64_t world_now_ms(const struct world *world);
/* Faults may still happen. */
bool world_stormy(const struct world *world);
/* Happens at at_ms, in the order of calls where times are equal. */
void world_later(struct world *world, int64_t at_ms, world_fn *fn, void *arg, uint64_t number);
/* Runs what happens next, if it does not happen after until_ms; false: nothing did. */
bool world_step(struct world *world, int64_t until_ms);
/* Moves the clock forward. */
void world_advance(struct world *world, int64_t to_ms);
/* Memory that the world may still be asked about; freed with it. */
void world_keep(struct world *world, void *memory);
/* Mixes octets into the hash of the run, which two runs of one seed must share. */
void world_trace(struct world *world, const char *what, uint64_t number);
uint64_t world_hash(const struct world *world);

/*
 * A wire between the daemon and a carrier. Octets arrive in order, in any pieces; cut drops what is
 * under way. The far end sees every octet that the near end was told is sent, unless it is cut.
 */
struct wire;
struct wire_ends {
	world_fn *octets_near, *octets_far; /* number: octets that wait, see wire_take */
	world_fn *gone_near, *gone_far;
	void *near, *far;
};
/* The far end may be named later, before anything is sent. */
struct wire *wire_new(struct world *world, const struct wire_ends *ends);
void wire_set_far(struct wire *wire, world_fn *octets, world_fn *gone, void *far);
void wire_send(struct wire *wire, bool to_far, const uint8_t *octets, size_t n);
/* Copies out what has arrived, at most cap octets. */
size_t wire_take(struct wire *wire, bool at_far, uint8_t *out, size_t cap);
/* Both ends are told, each at its own time; octets under way are lost. */
void wire_cut(struct wire *wire);
/* Octets are lost from now on, and nobody is told: a half-open connection. */
void wire_freeze(struct wire *wire);
/* Neither cut nor left by an end. */
bool wire_is_whole(const struct wire *wire);
/* An end leaves; it is told nothing more. The other end is, behind what was sent to it. */
void wire_leave(struct wire *wire, bool far);

/* ---- sim_port.c ---- */

struct port *sim_port_new(struct world *world, uint64_t seed);
/* Carriers that can be connected to, by the port number of their address. */
void sim_port_listen(struct port *port, uint16_t number, struct carrier *carrier);
/* The carrier connects from that address to where the daemon listens; false: it does not. */
bool sim_port_call(struct port *port, uint16_t number, const char *from, struct carrier *carrier);
/* From now on nobody takes a connection at this host, or somebody does again. */
void sim_port_host(struct port *port, const char *host, bool dead);
/* Nothing waits beyond limit_ms; 0: no limit. */
void sim_port_limit(struct port *port, int64_t limit_ms);
/* The wall clock is set forward, or back. */
void sim_port_step_clock(struct port *port, int64_t by_ms);

/* ---- smsc.c ---- */

struct carrier_options {
	uint64_t seed;
	int64_t latency_ms;	   /* answers come within */
	int64_t receipt_ms;	   /* receipts come within */
	unsigned lost_permille;	   /* receipts that never come */
	unsigned doubled_permille; /* receipts that come twice */
	unsigned early_permille;   /* receipts before their answer */
	unsigned silent_permille;  /* submits without an answer */
	unsigned late_permille;	   /* submits that are answered after a time-out */
	unsigned error_permille;   /* submits that draw a system error */
	unsigned unbind_permille;  /* submits that draw an unbind as well */
	unsigned throttled_permille;
	unsigned refused_permille;
	unsigned failed_permille;     /* receipts that say undelivered */
	bool hex_ids;		      /* in answers; receipts write them in decimal */
	unsigned congested_permille;  /* answers that bear a congestion_state */
	int64_t old_until_ms;	      /* knows no bind_transceiver before */
	uint8_t sc_interface_version; /* in bind_resp; 0: left out */
};

/* What the carrier knows of one destination: the ground truth that the store is held to. */
struct truth {
	uint64_t msisdn;
	uint32_t submits;	  /* that reached it */
	uint32_t refused;	  /* of these, answered with an error */
	uint32_t taken_or_silent; /* of these, answered with OK or not at all */
	uint16_t reference;	  /* of its parts, where there are several */
	uint8_t parts;		  /* as they say; 0: nothing has come */
	bool mixed;	/* parts came that do not belong together, or what is no part of it */
	bool permanent; /* a refusal was permanent */
	bool delivered_said, failed_said;   /* a receipt that says so was sent */
	bool delivered_acked, failed_acked; /* and answered with ROK */
};

/* A message to the daemon, in parts that are sent until they are answered OK. */
struct spoken {
	uint64_t number; /* 1, 2, … */
	uint32_t parts, acked;
};
#define CARRIER_PART_OCTETS 40
/* What its part says, from 1; in `out`, with a NUL. */
void carrier_part(uint64_t number, uint32_t part, char out[CARRIER_PART_OCTETS]);
/* A handset speaks: one more message to the daemon. */
void carrier_speak(struct carrier *carrier);
/* The one at `i`, from 0; NULL: there are no more. */
const struct spoken *carrier_spoken(const struct carrier *carrier, size_t i);

struct carrier *carrier_new(struct world *world, const struct carrier_options *options);
void carrier_free(struct carrier *carrier);
/* A connection comes in, or the carrier has called; the far end of a wire. */
void carrier_accept(struct carrier *carrier, struct wire *wire);
/* Cuts some of its connections. */
void carrier_cut(struct carrier *carrier);
const struct truth *carrier_truth(const struct carrier *carrier, uint64_t msisdn);
uint32_t carrier_most_in_flight(const struct carrier *carrier); /* on one connection */
uint32_t carrier_most_in_all(const struct carrier *carrier);	/* on all that were whole */
/* A rule of the protocol that the daemon broke, see watch.h; NULL: none. */
const char *carrier_broken(const struct carrier *carrier);
/* Requests on whole connections that the daemon has not answered. */
size_t carrier_unanswered(const struct carrier *carrier);
/* Protocol errors of the daemon that the carrier's session saw. */
uint32_t carrier_complaints(const struct carrier *carrier);

#endif
