/*
 * The evidence of a segment: one compact row per event of its lifecycle, oldest first, appended to
 * its record. State is a function of these rows; the path, the explanation and the trace of a
 * message are readings of them. Not a log: what changed nothing and repeats is counted by its row.
 *
 * A row on disk: event and mark, time as distance from the order's acceptance, then only the
 * groups that its first octets announce. Typical sizes: a submit with its answer 26 octets, a
 * receipt 14.
 */
#ifndef CORE_EVIDENCE_H
#define CORE_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/lifecycle.h"
#include "smpp/octets.h"

/* A row never needs more than this. */
#define EVIDENCE_ROW_OCTETS 448

#define EVIDENCE_NOTE_OCTETS	24
#define EVIDENCE_REMARKS_OCTETS 224

/* How a receipt came to belong to its segment. */
enum evidence_rule {
	EVIDENCE_RULE_NONE,
	EVIDENCE_RULE_EXACT,	   /* the id as the response gave it */
	EVIDENCE_RULE_HEX_TO_DEC,  /* hex in the receipt, decimal in the response */
	EVIDENCE_RULE_DEC_TO_HEX,  /* decimal in the receipt, hex in the response */
	EVIDENCE_RULE_PARKED,	   /* it came before the response and waited for it */
	EVIDENCE_RULE_CORRELATION, /* no id: the only message in doubt that fits */
	EVIDENCE_RULE_QUERY,	   /* no receipt at all: the provider answered a query_sm */
	EVIDENCE_RULE_PREFIX,	   /* the response's id is the beginning of the receipt's */
};

/* Members are 0 or empty where an event has no such thing; the flags say which groups are there. */
struct evidence {
	enum life_event event;
	enum life_mark mark;
	int64_t at_ms; /* wall clock: when it was known here */

	bool has_submit; /* the attempt it speaks of, with its release */
	uint32_t attempt;
	uint64_t session;
	uint32_t sequence_number;
	int64_t released_ms;	/* wall clock; <= at_ms */
	uint32_t sent_after_ms; /* from the release until its last octet left */
	uint32_t rtt_ms;	/* from then to the answer; 0 without one */
	uint32_t in_flight;	/* submits without an answer on that session, itself included */
	uint32_t queued;	/* segments of the route that waited then */
	uint32_t rate_per_s;	/* segments that the provider was allowed then; 0: any number */

	bool has_code; /* command_status of an answer, or smpp_receipt_state of a receipt */
	uint32_t code;

	bool has_receipt; /* the session it came on, how it matched */
	uint64_t receipt_session;
	enum evidence_rule rule;
	uint32_t receipt_flags; /* of enum smpp_receipt_flag */

	struct smpp_octets id;	/* the provider's message id as it stood in the PDU */
	struct smpp_octets err; /* a receipt's err, at most 8 octets */

	bool by_operator; /* an operator asked for it; the audit says who */
	bool with_others; /* has_submit: a submit_multi, whose id belongs to others as well */
	/* In the provider's words or ours: a query's final_date, the size and hash of a replacement. */
	struct smpp_octets note;    /* at most EVIDENCE_NOTE_OCTETS */
	struct smpp_octets remarks; /* a receipt's other words, packed by core/remarks.h */
};

/*
 * Encodes one row into `out` (EVIDENCE_ROW_OCTETS) and returns its octets. Times before `base_ms`
 * (a clock that stepped back) are stored as base_ms. An id is at most 64 octets, err at most 8, a
 * note at most EVIDENCE_NOTE_OCTETS: longer ones are cut there, for the field's own limit is lower
 * (SMPP 3.4, 5.2.23).
 */
size_t evidence_encode(const struct evidence *row, int64_t base_ms, uint8_t *out);

/*
 * Reads the row at *offset and moves it behind. False at the end, or where the octets are no row;
 * *offset == n tells the two apart. Slices borrow from `at`.
 */
bool evidence_next(const uint8_t *at, size_t n, size_t *offset, int64_t base_ms,
		   struct evidence *row);

/* What the row meant for the message, in words that clients may read; static. */
const char *evidence_told(const struct evidence *row);

/* The provider's id in it is one of the segment: an answer's, or an orphan's that was joined. */
bool evidence_gives_id(const struct evidence *row);

const char *evidence_rule_name(enum evidence_rule rule);
/* In words, for explain and trace; "" for NONE. */
const char *evidence_rule_text(enum evidence_rule rule);

#endif
