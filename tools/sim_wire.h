/*
 * What lies between a session of smsc-sim and its link: whole PDUs come in, octets go out. Here the
 * faults of a line are made: answers that are changed, dropped, doubled, late or in another order,
 * PDUs cut short, silence, dripping, hanging up. The session above is honest and knows of none.
 *
 *	session ──► sim_wire_take ──► shapes ──► out ──► sim_wire_write ──► link
 *	script  ──► sim_wire_put ─────────────────┘
 *
 * What is logged is what is given to the link, before it is.
 */
#ifndef TOOLS_SIM_WIRE_H
#define TOOLS_SIM_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "tools/sim_script.h"

/* A step that changes the answer to one request. */
struct sim_shape {
	struct sim_shape *next;
	const struct sim_step *step;
	uint32_t sequence_number;
	uint32_t count; /* how often its row had fired */
};

struct sim_wire {
	struct buffer out;
	struct sim_shape *shapes;
	struct buffer held; /* answers that wait to go out in reverse, the last one first */
	uint32_t held_count;
	bool muted;	     /* nothing more leaves */
	uint32_t drip_per_s; /* octets; 0: as fast as it goes */
	int64_t drip_ms;     /* up to when octets were granted */
	int64_t drip_until_ms;
	int64_t deaf_until_ms; /* no reading before that; 0: it reads */
	enum {
		SIM_STAYS,
		SIM_CLOSES,
		SIM_RESETS,
	} ending;
	uint64_t put_octets;  /* of the stream, up to the last PDU logged */
	uint64_t sent_octets; /* that the kernel has taken */
};

struct sim_smsc;
struct sim_link;

/* The answer to this request is the step's business. The first word stands. */
void sim_wire_shape(struct sim_wire *wire, const struct sim_step *step, uint32_t sequence_number,
		    uint32_t count);

/* What the session has to say goes to the log and into out, answers by their shapes. */
void sim_wire_take(struct sim_smsc *smsc, struct sim_link *link, int64_t now_ms);
/* Octets of a script join the stream: n of them, then silence if they are not all of it. */
void sim_wire_put(struct sim_smsc *smsc, struct sim_link *link, const uint8_t *octets, size_t n,
		  uint32_t cut);
/* Lets the answers go that wait to be reversed. */
void sim_wire_release_held(struct sim_smsc *smsc, struct sim_link *link);
/* Gives octets to the link, ends it if that was asked for and all is out. */
void sim_wire_write(struct sim_smsc *smsc, struct sim_link *link, int64_t now_ms);
/* When it wants to write again though nothing happens. */
int64_t sim_wire_deadline_ms(const struct sim_wire *wire);
/* false: reading is held. */
bool sim_wire_reads(struct sim_wire *wire, int64_t now_ms);

void sim_wire_clear(struct sim_wire *wire);

#endif
