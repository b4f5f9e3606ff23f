/* What tools/filter*.c share. Nothing else includes this. */
#ifndef TOOLS_FILTER_OWN_H
#define TOOLS_FILTER_OWN_H

#include <regex.h>

#include "tools/filter.h"

#define FILTER_VALUE_OCTETS 128 /* with its NUL */
#define FILTER_NAME_OCTETS  48

/* What of people a term looks at, in bits. */
enum {
	FILTER_NUMBERS = 1,
	FILTER_TEXTS = 2,
};

enum filter_operator {
	FILTER_SO, /* the name alone */
	FILTER_EQ,
	FILTER_NE,
	FILTER_LT,
	FILTER_LE,
	FILTER_GT,
	FILTER_GE,
	FILTER_LIKE,
	FILTER_NOT_LIKE,
};

/* A term as it was written, and where. */
struct filter_words {
	char name[FILTER_NAME_OCTETS];
	char value[FILTER_VALUE_OCTETS];
	enum filter_operator operator;
	size_t name_at;
	size_t operator_at;
	size_t value_at;
};

struct filter_row;

struct filter_term {
	const struct filter_row *row; /* NULL: a field of a PDU, by its name */
	char name[FILTER_NAME_OCTETS];
	enum filter_operator operator;
	unsigned looks_at;
	int64_t number; /* the value, if it has one */
	bool has_number;
	bool of_day; /* the number is of the time of day, whichever day it is */
	char text[FILTER_VALUE_OCTETS];
	bool has_regex;
	regex_t regex;
};

/* false: *error says what is wrong with it, and nothing is to be released. */
bool filter_term_init(struct filter_term *term, const struct filter_words *words,
		      struct filter_error *error);
/* Of a name whose values are few, is it one of them? Any other name is well. */
bool filter_choice(const struct filter_words *words, struct filter_error *error);
/* "7", "0x1f"; *rest is behind it. */
bool filter_number(const char *text, int64_t *number, const char **rest);
/* The number of a term that says when, in milliseconds. false: *error says what is wrong with it. */
bool filter_moment(struct filter_term *term, const struct filter_words *words,
		   struct filter_error *error);
void filter_term_release(struct filter_term *term);
/* Which of both is masked in the event. */
unsigned filter_masked(const struct flow_event *event);
bool filter_term_holds(const struct filter_term *term, const struct flow_event *event);

/* Always false. */
__attribute__((format(printf, 3, 4))) bool filter_fail(struct filter_error *error, size_t at,
						       const char *format, ...);

#endif
