/*
 * Scripts of smsc-sim: rows that say on what, under which conditions, after how long, what.
 *
 *	on bind first=2: answer command_status=ESME_RALYBND
 *	on submit destination_addr=4917* every=10: drop
 *	on bound after_down=30s: send deliver_sm source_addr=1 short_message="hello"; close after=2s
 *
 * Read whole before the simulator starts; every mistake is said with file, line and column. Here is
 * what rows are and which of them an event sets off; what their steps do is sim_act.c's business.
 * The grammar is in smsc-sim(1).
 */
#ifndef TOOLS_SIM_SCRIPT_H
#define TOOLS_SIM_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/outcome.h"
#include "smpp/session.h"
#include "tools/sim_pdu.h"

/* What a step does; a row each in sim_script.c. */
enum sim_verb {
	SIM_VERB_ANSWER,
	SIM_VERB_DROP,
	SIM_VERB_REVERSE,
	SIM_VERB_OUTCOME,
	SIM_VERB_RECEIPT,
	SIM_VERB_SEND,
	SIM_VERB_OCTETS,
	SIM_VERB_UNBIND,
	SIM_VERB_CLOSE,
	SIM_VERB_RESET,
	SIM_VERB_MUTE,
	SIM_VERB_HOLD,
	SIM_VERB_DRIP,
	SIM_VERBS,
};

#define SIM_CUT_HALF UINT32_MAX

/* Of one message. */
#define SIM_RECEIPTS_MAX 255u

/* One thing to do. Members that its verb does not take are as read_step sets them. */
struct sim_step {
	enum sim_verb verb;
	uint32_t after_ms;
	uint32_t for_ms; /* hold, drip; 0: for good */
	uint32_t times;	 /* 1 */
	uint32_t n;	 /* reverse: answers; drip: octets per second */
	uint32_t cut;	 /* octets that leave, then nothing more; 0: all; SIM_CUT_HALF: half */
	bool has_after;
	bool has_mix;
	struct outcome_mix mix;
	struct sim_pdu pdu; /* answer, receipt, send, octets (its tail) */
};

struct sim_condition;

struct sim_rule {
	uint32_t line;
	uint32_t event; /* row of the events in sim_script.c */
	struct sim_condition *conditions;
	size_t condition_count;
	struct sim_step *steps;
	size_t step_count;
	bool per_link;	  /* counts are of each link, not of the run */
	uint32_t nth;	  /* only this one; 0: no bound */
	uint32_t first;	  /* so many; 0: no bound */
	uint32_t every;	  /* 0: no bound */
	uint32_t matched; /* of the run */
	uint32_t fired;
};

/* All zero is an empty one. */
struct sim_script {
	struct sim_rule *rules;
	size_t count;
};

/* The rows of a text, said to be in `file`; false: what is wrong was said on standard error. */
bool sim_script_read_text(struct sim_script *script, const char *file, const char *text, size_t n);
/*
 * "STEP; STEP", as behind `on bound:`, as one more rule of script, whose steps stay where they are
 * until its release. false: *mistake says what is wrong, the script is as it was.
 */
bool sim_script_read_steps(struct sim_script *script, const char *steps, size_t n,
			   struct sim_mistake *mistake);
/* false: everything that is wrong was said on standard error, or the file cannot be read. */
bool sim_script_read(struct sim_script *script, const char *file);
void sim_script_release(struct sim_script *script);

/* What happened. pdu NULL: not a PDU but one of the words connect and bound. */
enum sim_happening {
	SIM_PDU_CAME,
	SIM_CONNECTED,
	SIM_BOUND,
};

struct sim_occasion {
	enum sim_happening happening;
	const struct smpp_event *event; /* SIM_PDU_CAME */
	uint32_t link;			/* its number */
	struct smpp_octets system_id;	/* empty until it is known */
	int64_t running_ms;		/* since the simulator began */
	int64_t down_ms;   /* since a link of this system_id went down; INT64_MAX: never */
	uint32_t *matched; /* counts of this link, one for each rule */
};

/* Does the row answer to this? Counts it. */
bool sim_rule_fires(struct sim_script *script, size_t rule, const struct sim_occasion *occasion);

#endif
