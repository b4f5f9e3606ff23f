/*
 * What one PDU says: its fields, whether it is a part of a message or a receipt, what is wrong
 * with it and how the daemon would answer. Made for views; it prints nothing.
 *
 * It reads a copy in which what may not be seen is masked (smpp/mask.h), so that no view can show
 * more, whatever it prints.
 */
#ifndef TOOLS_TRACE_READ_H
#define TOOLS_TRACE_READ_H

#include "core/buffer.h"
#include "smpp/concat.h"
#include "smpp/pdu.h"
#include "smpp/receipt.h"
#include "tools/trace_facts.h"

/* How the daemon answers a PDU that it cannot read. */
enum trace_answer {
	TRACE_ANSWER_NONE,  /* there is no problem */
	TRACE_ANSWER_RESP,  /* `answer` with the problem's status */
	TRACE_ANSWER_CLOSE, /* generic_nack with sequence_number 0, and the link is closed */
	TRACE_ANSWER_WAIT,  /* waits for the rest, and closes the link if it does not come */
	TRACE_ANSWER_NEVER, /* it is a response: those are not answered */
};

/* Zero it before the first use. Borrows from `copy`; must not be copied. */
struct trace_reading {
	struct buffer copy;
	bool has_header;
	bool problematic;
	struct smpp_problem problem;
	enum trace_answer answer;
	const struct smpp_command *answer_command;
	struct smpp_pdu pdu; /* empty without a header */
	const struct trace_facts
		*facts; /* it was not read but told, and `copy` is empty; else NULL */
	struct smpp_concat_info part;
	struct smpp_receipt receipt;
};

/* false: out of memory. */
__attribute__((warn_unused_result)) bool trace_read(struct trace_reading *reading,
						    const struct trace_pdu *pdu, bool show_text,
						    bool show_numbers);
void trace_reading_release(struct trace_reading *reading);

#endif
