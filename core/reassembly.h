/*
 * Reassembly: which parts of long inbound messages have come, as records of the store, so that no
 * crash loses a part and nothing in memory mirrors them. A group is a provider's message whose parts
 * come in; it is known by who talks to whom and by the reference (smpp/concat.h reads these). What
 * is made of the parts, and when nobody waits any longer, is core/inbound.c's business.
 *
 * A group stays for a while when its message is whole, so that a part that is sent again, because
 * our answer was lost, is known as such.
 */
#ifndef CORE_REASSEMBLY_H
#define CORE_REASSEMBLY_H

#include "core/turn.h"
#include "smpp/concat.h"

/* Most groups of one provider; the oldest give way. */
#define REASSEMBLY_GROUPS_MAX 10000

/* A part that has come. `info` says which one of how many; more than one. */
struct reassembly_part {
	uint32_t provider;
	const struct smpp_pdu *pdu;
	const struct smpp_concat_info *info;
};

enum reassembly_verdict {
	REASSEMBLY_NEW,	      /* the first of its group */
	REASSEMBLY_JOINS,     /* the group lacks it */
	REASSEMBLY_DUPLICATE, /* the group has it */
	REASSEMBLY_CONFLICT,  /* the group has another one, or is of other parts or coding */
};

/* Where the part belongs; `group` is set for JOINS. Changes nothing. */
enum reassembly_verdict reassembly_find(struct turn *turn, const struct reassembly_part *part,
					struct store_inbound_group *group);

/*
 * Adds a part whose PDU is in the inbound record `seq`: to the group that find gave, or as a NEW
 * one. The group is as it stands then; it is whole when received is parts.
 */
void reassembly_add(struct turn *turn, const struct reassembly_part *part,
		    enum reassembly_verdict verdict, uint64_t seq,
		    struct store_inbound_group *group);

/* The oldest group of the provider; false: there is none. */
bool reassembly_oldest(struct turn *turn, uint32_t provider, struct store_inbound_group *group);

/* How many groups the provider has. */
uint32_t reassembly_groups(struct turn *turn, uint32_t provider);

/* Forgets the group, not its parts. */
void reassembly_forget(struct turn *turn, const struct store_inbound_group *group);

#endif
