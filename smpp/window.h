/*
 * The outstanding table of one session: which sequence_number is whose request.
 *
 * A ring of slots, a power of two at least SMPP_WINDOW_SPREAD times the window, addressed directly
 * by sequence_number: a number whose slot is taken is skipped (a request that hangs never meets its
 * number again after the wrap), so finding, taking and freeing are one step each and nothing is
 * allocated. The awaited requests also stand in a list in the order of sending, which is the order
 * of their deadlines. A timed-out request is kept for its late response, an answered one until its
 * slot is wanted, to know a second response for what it is.
 *
 * It knows no PDUs, no time and no limits but its own. Used by the session only (SMPP 3.4, 2.8, 3.2).
 */
#ifndef SMPP_WINDOW_H
#define SMPP_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define SMPP_WINDOW_SPREAD	 32u /* slots per request of the window: few numbers are skipped */
#define SMPP_WINDOW_SLOTS_LEAST	 64u
#define SMPP_WINDOW_SEQUENCE_MAX 0x7FFFFFFFu /* 5.1.4; 1 follows it */

enum smpp_slot_state {
	SMPP_SLOT_FREE,	   /* never used, or given up */
	SMPP_SLOT_DONE,	   /* answered: free, but its tag is still known */
	SMPP_SLOT_AWAITED, /* the owner's request; counts in the window, stands in the list */
	SMPP_SLOT_LATE,	   /* timed out: out of the window, remembered */
	SMPP_SLOT_CONTROL, /* the session's own bind, enquire_link or unbind */
};

struct smpp_slot {
	uint64_t tag;
	uint64_t end_octets; /* octets of the link when its last one is out */
	int64_t queued_ms;
	int64_t put_ms;	 /* when it was put out: the response timer runs from here */
	int64_t sent_ms; /* when the kernel took it; until then put_ms */
	uint32_t sequence;
	uint32_t command_id;
	uint32_t before; /* list neighbours by index; the slot's own index at an end */
	uint32_t after;
	enum smpp_slot_state state;
	bool control; /* taken as CONTROL, whatever its state is now: its tag is nobody's */
};

struct smpp_window {
	struct smpp_slot *slots;
	uint32_t mask;				/* slots - 1 */
	uint32_t next;				/* the sequence_number tried first */
	uint32_t in_use[SMPP_SLOT_CONTROL + 1]; /* slots by state; FREE and DONE are not counted */
	struct smpp_slot *oldest; /* ends of the list of the awaited; NULL when it is empty */
	struct smpp_slot *newest;
	struct smpp_slot *unsent; /* the first of the list that the kernel has not taken whole */
};

/* Slots for `requests` outstanding; first_sequence 1..SMPP_WINDOW_SEQUENCE_MAX. False: no memory. */
__attribute__((warn_unused_result)) bool
smpp_window_init(struct smpp_window *window, uint32_t requests, uint32_t first_sequence);
void smpp_window_release(struct smpp_window *window);

/* Takes the next free sequence_number, as AWAITED or CONTROL. At most mask slots may be in use. */
struct smpp_slot *smpp_window_take(struct smpp_window *window, enum smpp_slot_state state);
/* The slot that has, or last had, this number, or NULL. */
struct smpp_slot *smpp_window_find(struct smpp_window *window, uint32_t sequence);
/* To DONE (answered), LATE (timed out; from AWAITED only) or FREE (given up). */
void smpp_window_move(struct smpp_window *window, struct smpp_slot *slot,
		      enum smpp_slot_state state);
/* The kernel has taken the link's first `octets`: stamps the awaited requests within them. */
void smpp_window_sent(struct smpp_window *window, uint64_t octets, int64_t at_ms);
/* Slots that a new number could use. */
uint32_t smpp_window_free(const struct smpp_window *window);

#endif
