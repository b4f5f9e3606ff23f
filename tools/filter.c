/*
 * The language of tools/filter.h: read by descent into nodes in the order of their values, as they
 * are found by two steps back, and held against events without any memory. What names mean is
 * tools/filter_terms.c.
 */
#include "tools/filter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/filter_own.h"

enum kind {
	NODE_TERM,
	NODE_NOT,
	NODE_AND,
	NODE_OR,
};

struct node {
	enum kind kind;
	struct filter_term term;
	uint16_t left; /* NOT: the only one */
	uint16_t right;
};

struct filter {
	struct node nodes[FILTER_NODES];
	uint16_t n;
	uint16_t root;
};

struct reading {
	const char *text;
	size_t at;
	unsigned depth;
	struct filter *filter;
	struct filter_error *error;
};

bool filter_fail(struct filter_error *error, size_t at, const char *format, ...)
{
	va_list args;

	error->column = (uint32_t)at + 1;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return false;
}

static bool add_node(struct reading *reading, struct node node, uint16_t *nth)
{
	if (reading->filter->n == FILTER_NODES) {
		filter_term_release(&node.term);
		return filter_fail(reading->error, reading->at,
				   "a filter has at most %d terms and operators", FILTER_NODES);
	}
	*nth = reading->filter->n++;
	reading->filter->nodes[*nth] = node;
	return true;
}

static char next_char(struct reading *reading)
{
	while (reading->text[reading->at] == ' ' || reading->text[reading->at] == '\t')
		reading->at++;
	return reading->text[reading->at];
}

static bool read_or(struct reading *reading, uint16_t *nth);

/* ---- terms ---- */

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.';
}

static bool read_operator(struct reading *reading, enum filter_operator *operator)
{
	static const struct {
		const char *text; /* longer ones first */
		enum filter_operator operator;
	} rows[] = {
		{ "==", FILTER_EQ }, { "!=", FILTER_NE }, { "!~", FILTER_NOT_LIKE },
		{ "<=", FILTER_LE }, { ">=", FILTER_GE }, { "=", FILTER_EQ },
		{ "<", FILTER_LT },  { ">", FILTER_GT },  { "~", FILTER_LIKE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].text);

		if (strncmp(reading->text + reading->at, rows[i].text, n) == 0) {
			*operator= rows[i].operator;
			reading->at += n;
			return true;
		}
	}
	return false;
}

/* Between quotes anything but a quote; else up to what cannot be of a value. */
static bool read_value(struct reading *reading, char out[FILTER_VALUE_OCTETS], size_t *begin)
{
	bool quoted = next_char(reading) == '"';
	const char *at;
	size_t n;

	reading->at += quoted;
	*begin = reading->at;
	at = reading->text + reading->at;
	n = strcspn(at, quoted ? "\"" : " \t&|()\"");
	if (quoted && at[n] != '"')
		return filter_fail(reading->error, *begin - 1, "this quote does not end");
	if (n == 0 && !quoted)
		return filter_fail(reading->error, *begin, "a value is missing here");
	if (n >= FILTER_VALUE_OCTETS)
		return filter_fail(reading->error, *begin, "a value has at most %d characters",
				   FILTER_VALUE_OCTETS - 1);
	memcpy(out, at, n);
	out[n] = '\0';
	reading->at += n + quoted;
	return true;
}

static bool read_term(struct reading *reading, uint16_t *nth)
{
	struct node node = { .kind = NODE_TERM };
	struct filter_words words = { .name_at = reading->at };
	size_t n = 0;

	while (is_name(reading->text[reading->at + n]))
		n++;
	if (n == 0)
		return filter_fail(reading->error, reading->at,
				   reading->text[reading->at] == '\0' ?
					   "a term is missing here" :
					   "a name is wanted here, as in cmd=submit_sm");
	if (n >= sizeof(words.name))
		return filter_fail(reading->error, reading->at, "no field has so long a name");
	memcpy(words.name, reading->text + reading->at, n);
	reading->at += n;
	next_char(reading);
	words.operator_at = reading->at;
	if (read_operator(reading, &words.operator) &&
	    !read_value(reading, words.value, &words.value_at))
		return false;
	return filter_term_init(&node.term, &words, reading->error) && add_node(reading, node, nth);
}

/* ---- operators ---- */

static bool deeper(struct reading *reading)
{
	reading->at++;
	return ++reading->depth <= FILTER_DEPTH ||
	       filter_fail(reading->error, reading->at - 1,
			   "at most %d parentheses and ! within one another", FILTER_DEPTH);
}

static bool read_unary(struct reading *reading, uint16_t *nth)
{
	struct node node = { .kind = NODE_NOT };
	char c = next_char(reading);
	size_t begin = reading->at;

	if (c == '!') {
		if (!deeper(reading) || !read_unary(reading, &node.left))
			return false;
		reading->depth--;
		return add_node(reading, node, nth);
	}
	if (c != '(')
		return read_term(reading, nth);
	if (!deeper(reading) || !read_or(reading, nth))
		return false;
	if (next_char(reading) != ')')
		return filter_fail(reading->error, begin, "this parenthesis is not closed");
	reading->at++;
	reading->depth--;
	return true;
}

/* Terms between one operator, which may be written twice as in C. */
static bool read_chain(struct reading *reading, enum kind kind, uint16_t *nth)
{
	char sign = kind == NODE_AND ? '&' : '|';
	bool (*inner)(struct reading *, uint16_t *) = read_unary;
	struct node node = { .kind = kind };

	if (kind == NODE_OR ? !read_chain(reading, NODE_AND, nth) : !inner(reading, nth))
		return false;
	while (next_char(reading) == sign) {
		reading->at += reading->text[reading->at + 1] == sign ? 2 : 1;
		node.left = *nth;
		if (kind == NODE_OR ? !read_chain(reading, NODE_AND, &node.right) :
				      !inner(reading, &node.right))
			return false;
		if (!add_node(reading, node, nth))
			return false;
	}
	return true;
}

static bool read_or(struct reading *reading, uint16_t *nth)
{
	return read_chain(reading, NODE_OR, nth);
}

struct filter *filter_new(const char *text, struct filter_error *error)
{
	struct filter *filter = calloc(1, sizeof(*filter));
	struct reading reading = { .text = text, .filter = filter, .error = error };
	bool ok;

	if (filter == NULL) {
		filter_fail(error, 0, "out of memory");
		return NULL;
	}
	ok = read_or(&reading, &filter->root);
	if (ok && next_char(&reading) != '\0')
		ok = filter_fail(error, reading.at,
				 text[reading.at] == ')' ? "no parenthesis is open here" :
							   "& or | is wanted here");
	if (ok)
		return filter;
	filter_free(filter);
	return NULL;
}

void filter_free(struct filter *filter)
{
	if (filter == NULL)
		return;
	for (uint16_t i = 0; i < filter->n; i++)
		filter_term_release(&filter->nodes[i].term);
	free(filter);
}

/* ---- holding it against events ---- */

/* What a node needs was read before it: no deeper than FILTER_NODES. */
static bool node_holds(const struct filter *filter, uint16_t nth, const struct flow_event *event)
{
	const struct node *node = &filter->nodes[nth];

	switch (node->kind) {
	case NODE_TERM:
		return filter_term_holds(&node->term, event);
	case NODE_NOT:
		return !node_holds(filter, node->left, event);
	case NODE_AND:
		return node_holds(filter, node->left, event) &&
		       node_holds(filter, node->right, event);
	case NODE_OR:
		return node_holds(filter, node->left, event) ||
		       node_holds(filter, node->right, event);
	}
	return false;
}

bool filter_holds(const struct filter *filter, const struct flow_event *event)
{
	return node_holds(filter, filter->root, event);
}

static unsigned looks_at(const struct filter *filter)
{
	unsigned at = 0;

	for (uint16_t i = 0; i < filter->n; i++)
		if (filter->nodes[i].kind == NODE_TERM)
			at |= filter->nodes[i].term.looks_at;
	return at;
}

const char *filter_refusal(const struct filter *filter, bool show_text, bool show_numbers)
{
	static const char *const refusals[] = {
		NULL,
		[FILTER_NUMBERS] = "the filter looks at numbers, which the daemon hides "
				   "without --numbers",
		[FILTER_TEXTS] = "the filter looks at texts, which the daemon hides "
				 "without --text",
		[FILTER_NUMBERS | FILTER_TEXTS] =
			"the filter looks at texts and numbers, which the "
			"daemon hides without --text --numbers",
	};
	unsigned shown = (show_text ? FILTER_TEXTS : 0) | (show_numbers ? FILTER_NUMBERS : 0);

	return refusals[looks_at(filter) & ~shown];
}

bool filter_is_blind(const struct filter *filter, const struct flow_event *event)
{
	unsigned at = looks_at(filter);

	return at != 0 && (at & filter_masked(event)) != 0;
}
