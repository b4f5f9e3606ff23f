/*
 * The filter language: which events of the flow are to be seen. The same everywhere that PDUs are
 * chosen.
 *
 *	cmd=submit_sm & status!=0 & to~^3161 & rtt>200ms
 *	(receipt & state!=DELIVERED) | unanswered | !link=alpha
 *
 * A term is a name alone (of what is so or not) or a name, an operator (= != < <= > >=, ~ and !~ for
 * extended regular expressions) and a value, between quotes if it has a blank, a parenthesis, & or
 * |. & binds closer than |. An answer also has what its request had (cmd, from, to, msg) and a
 * receipt what its submit had: any of the two may fit. What a PDU does not have fits nothing, not
 * even !=. Bounded: FILTER_NODES, FILTER_DEPTH, and what a regular expression may cost.
 */
#ifndef TOOLS_FILTER_H
#define TOOLS_FILTER_H

#include "core/buffer.h"
#include "tools/flow.h"

#define FILTER_NODES 128 /* terms and operators */
#define FILTER_DEPTH 32	 /* of parentheses and ! */

struct filter;

struct filter_error {
	uint32_t column; /* from 1 */
	char text[160];	 /* what is wrong there, and what would be right */
};

/* NULL: *error says where it is no filter. */
struct filter *filter_new(const char *text, struct filter_error *error);
void filter_free(struct filter *filter);

bool filter_holds(const struct filter *filter, const struct flow_event *event);

/*
 * Why it cannot be asked of a daemon that masks what is not to be shown: whether it holds would be
 * said of the masks. NULL: it can. Static.
 */
const char *filter_refusal(const struct filter *filter, bool show_text, bool show_numbers);

/* Does it look at what is masked in this event already? Then that it does not hold says nothing. */
bool filter_is_blind(const struct filter *filter, const struct flow_event *event);

/* "200ms", "1.5s", "5m", "80us"; a number alone is so many times bare_us. false: it is none. */
bool filter_duration(const char *text, int64_t bare_us, int64_t *us);

/* Every name with what it is, a line each. */
void filter_help(struct buffer *out);

#endif
