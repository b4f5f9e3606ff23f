/*
 * The words of a script line: NAME, NAME=VALUE, and the separators `:` and `;`. Knows where each
 * word stands, so that what is wrong with it can be said with file, line and column. What the words
 * mean is tools/sim_script.c's and tools/sim_pdu.c's business.
 *
 *	on submit destination_addr=4917* nth=3: answer status=ESME_RTHROTTLED after=2s
 *
 * Blanks part words, but not inside "quotes"; # where a word could begin starts a comment; a colon
 * parts words only before a blank or the end of the line.
 */
#ifndef TOOLS_SIM_WORDS_H
#define TOOLS_SIM_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smpp/octets.h"

/* Timers of an hour more than a day help nobody and keep sums far from overflow. */
#define SIM_MS_MAX (25u * 3600u * 1000u)

enum sim_word_kind {
	SIM_WORD_END, /* of the line */
	SIM_WORD_COLON,
	SIM_WORD_SEMICOLON,
	SIM_WORD,
};

/* Borrows from the line. */
struct sim_word {
	enum sim_word_kind kind;
	uint32_t column;	  /* from 1 */
	struct smpp_octets name;  /* what stands before the first =, or all */
	struct smpp_octets value; /* what stands behind it, quotes and all */
	bool has_value;
};

/* What is wrong and where; column 0: nothing is. */
struct sim_mistake {
	uint32_t column;
	char text[160];
};

struct sim_words {
	const char *line; /* not terminated */
	size_t n;
	size_t next;
	struct sim_word word; /* the present one */
};

/* Begins at the first word of the line. */
void sim_words_begin(struct sim_words *words, const char *line, size_t n);
/* Steps to the next word. */
void sim_words_next(struct sim_words *words);

bool sim_word_is(const struct sim_word *word, const char *name);

/* Notes the first mistake of a line, at the given column. Returns false, for `return`. */
__attribute__((format(printf, 3, 4))) bool sim_wrong(struct sim_mistake *mistake, uint32_t column,
						     const char *format, ...);

/* false: not a whole number of 0..max, decimal or 0x…; *out is untouched. */
bool sim_read_number(struct smpp_octets text, uint64_t max, uint64_t *out);
/* "250", "250ms", "2s", "5m" as milliseconds, at most a day and an hour. */
bool sim_read_ms(struct smpp_octets text, uint32_t *out);
/* A number, or the name of a command_status with or without its ESME_. */
bool sim_read_status(struct smpp_octets text, uint32_t *out);

#endif
