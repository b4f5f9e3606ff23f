/*
 * Facts: what is known of one message and its path, short enough to be put beside another's. A
 * table with a row for each, ordered by stage; core/compare.c compares them.
 */
#ifndef CORE_FACTS_H
#define CORE_FACTS_H

#include "core/api.h"
#include "core/path.h"

enum fact_stage {
	FACT_REQUEST, /* the input */
	FACT_QUEUE,
	FACT_WINDOW,
	FACT_PROVIDER,
	FACT_DELIVERY,
	FACT_OUTCOME,
};
const char *fact_stage_name(enum fact_stage stage);

enum fact_kind {
	FACT_TEXT,
	FACT_FLAG,
	FACT_COUNT,
	FACT_LEVEL,    /* of what comes and goes: a small difference means nothing */
	FACT_DURATION, /* ms; likewise */
};

/* Not known where the path never came so far. Texts are alike when their numbers are, too. */
#define FACT_TEXT_OCTETS 96
struct fact_value {
	bool known;
	int64_t number;
	char text[FACT_TEXT_OCTETS];
};

/* One message with its path. */
struct fact_side {
	struct api_call *call;
	bool masked; /* telephone numbers but for their last three digits */
	const struct store_order *order;
	const struct store_message *message;
	struct path path;
	int64_t spent_ms[PATH_STAGES];
	const struct evidence *released; /* the first release's row; NULL: there was none */
	const struct evidence *answered; /* the last answer to a submit, or that none came */
	const struct evidence *receipt;	 /* the last receipt */
	uint32_t attempts, for_now, unanswered, receipts;
	int64_t first_wait_ms; /* until the first release */
	int64_t rtt_ms;	       /* the longest */
	int64_t taken_ms;      /* when the last part was taken; 0: none was */
};

/* Call, masked, order and message are set; reads the rest. False: no memory; release it too. */
bool fact_side_read(struct fact_side *side);
void fact_side_release(struct fact_side *side);

struct fact {
	const char *what;
	enum fact_stage stage;
	enum fact_kind kind;
	void (*read)(const struct fact_side *side, struct fact_value *value);
};
#define FACTS 33
extern const struct fact facts[FACTS]; /* in the order of their stages */

#endif
