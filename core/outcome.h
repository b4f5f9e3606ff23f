/*
 * What becomes of a segment at a pretended SMSC: a pure function of (seed, destination, part,
 * attempt), or of the destination's last digits. The order in which segments arrive plays no part,
 * so two runs with one seed have equal totals whatever the timing.
 *
 * It sends nothing and keeps nothing. smsc-sim and core/sandbox.h use it for every submit. The rows
 * are in core/outcome.def.
 */
#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum outcome_kind {
#define OUTCOME_KIND(symbol, ...) OUTCOME_##symbol,
#include "core/outcome.def"
	OUTCOME_KINDS
};

enum outcome_way {
#define OUTCOME_WAY(symbol, ...) OUTCOME_WAY_##symbol,
#include "core/outcome.def"
	OUTCOME_WAYS
};

/* Weights, each 0..OUTCOME_WEIGHT_MAX, not all of a list zero. */
#define OUTCOME_WEIGHT_MAX 1000000u

struct outcome_mix {
	uint32_t kind_weights[OUTCOME_KINDS];
	uint32_t way_weights[OUTCOME_WAYS];
};

/* Whose outcome is asked for. destination is borrowed for the call. */
struct outcome_subject {
	uint64_t seed;
	const char *destination; /* as on the wire; only its digits count */
	uint32_t part;		 /* 1 for a message of one segment */
	uint32_t attempt;	 /* 0 for the first time the segment is drawn for */
};

struct outcome {
	enum outcome_kind kind;
	enum outcome_way way;
	bool answered;	       /* a response is sent at all */
	uint32_t status;       /* its command_status; a non-zero one is followed by no receipt */
	uint8_t message_state; /* SMPP 3.4, 5.2.28; 0: no receipt is sent */
};

enum outcome_error {
	OUTCOME_OK = 0,
	OUTCOME_SYNTAX, /* not name=weight,name=weight… */
	OUTCOME_NAME,	/* no such kind or way */
	OUTCOME_TWICE,	/* a name given twice */
	OUTCOME_WEIGHT, /* not a whole number of 0..OUTCOME_WEIGHT_MAX */
	OUTCOME_EMPTY,	/* all weights are zero */
};

/* What separate draws for one subject are for: each is independent of the others. */
enum outcome_stream {
	OUTCOME_STREAM_KIND,
	OUTCOME_STREAM_WAY,
	OUTCOME_STREAM_LATENCY,
	OUTCOME_STREAM_RECEIPT_DELAY,
};

/* Everything is delivered, every receipt travels the ordinary way. */
void outcome_mix_init(struct outcome_mix *mix);

/*
 * Reads "failed=3,expired=1" into the kinds, "early=2" into the ways. What is not named weighs
 * nothing, but for the first row (delivered, normal): unless named it takes what the rest leave of
 * 100. After an error the mix is as it was and *at, unless at is NULL, points into text at the item
 * that is wrong.
 */
enum outcome_error outcome_mix_parse_kinds(struct outcome_mix *mix, const char *text,
					   const char **at);
enum outcome_error outcome_mix_parse_ways(struct outcome_mix *mix, const char *text,
					  const char **at);
const char *outcome_error_text(enum outcome_error error);

/* The outcome of one attempt at one segment. The mix must not be empty. */
struct outcome outcome_draw(const struct outcome_mix *mix, const struct outcome_subject *subject);

/*
 * Does a receipt follow it, if the submit says so by registered_delivery? Bits 1-0 (SMPP 3.4,
 * 5.2.17); 3 is reserved and read as 1. Whether its way loses it is another matter.
 */
bool outcome_receipt_wanted(const struct outcome *outcome, uint8_t registered_delivery);

/* An evenly spread time of min_ms..max_ms, both ends in; min_ms <= max_ms. */
uint32_t outcome_draw_ms(const struct outcome_subject *subject, enum outcome_stream stream,
			 uint32_t min_ms, uint32_t max_ms);

/* Name and sentence for people; static. */
const char *outcome_kind_name(enum outcome_kind kind);
const char *outcome_kind_sentence(enum outcome_kind kind);
const char *outcome_kind_err(enum outcome_kind kind); /* the receipt's err field */
const char *outcome_way_name(enum outcome_way way);
const char *outcome_way_sentence(enum outcome_way way);

/* The rows for numbers that end in 999900nn, by position; false past the last. */
struct outcome_rule {
	unsigned int nn;
	enum outcome_kind kind;
	enum outcome_way way;
};
bool outcome_rule_at(size_t position, struct outcome_rule *rule);

#endif
