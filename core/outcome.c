/*
 * Outcomes by hash and by last digits. Arithmetic only: no clock, no randomness, no memory of
 * earlier calls. Used by smsc-sim and by the sandbox.
 */
#include "core/outcome.h"

#include <assert.h>
#include <string.h>

struct kind_row {
	const char *name, *err, *sentence;
	uint32_t status, refusals;
	bool answered;
	uint8_t message_state;
};

static const struct kind_row kind_rows[OUTCOME_KINDS] = {
#define OUTCOME_KIND(symbol, name_, status_, refusals_, answered_, message_state_, err_, \
		     sentence_)                                                          \
	[OUTCOME_##symbol] = { .name = name_,                                            \
			       .err = err_,                                              \
			       .sentence = sentence_,                                    \
			       .status = status_,                                        \
			       .refusals = refusals_,                                    \
			       .answered = answered_,                                    \
			       .message_state = message_state_ },
#include "core/outcome.def"
};

struct way_row {
	const char *name, *sentence;
};

static const struct way_row way_rows[OUTCOME_WAYS] = {
#define OUTCOME_WAY(symbol, name_, sentence_) \
	[OUTCOME_WAY_##symbol] = { .name = name_, .sentence = sentence_ },
#include "core/outcome.def"
};

static const struct outcome_rule rules[] = {
#define OUTCOME_RULE(nn_, kind_, way_) \
	{ .nn = nn_, .kind = OUTCOME_##kind_, .way = OUTCOME_WAY_##way_ },
#include "core/outcome.def"
};

/* The tail that asks for a rule: eight digits, of which the last two choose it. */
#define RULE_TAIL_DIGITS 8
#define RULE_TAIL_FIRST	 99990000u
#define RULES_MAX	 100u

/* Multiply and fold: every bit of x moves about half the bits of the result. */
static uint64_t stir(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xD6E8FEB86659FD93);
	x ^= x >> 32;
	x *= UINT64_C(0xD6E8FEB86659FD93);
	return x ^ (x >> 32);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint64_t hash_subject(const struct outcome_subject *subject, enum outcome_stream stream)
{
	uint64_t hash = stir(subject->seed + UINT64_C(0x9E3779B97F4A7C15));

	/* Digits alone, so that +49… and 49… are the same telephone. */
	for (const char *c = subject->destination; *c != '\0'; c++)
		if (is_digit(*c))
			hash = stir(hash ^ ((uint64_t)(*c - '0') + 1));
	hash = stir(hash ^ ((uint64_t)subject->part << 32 | subject->attempt));
	return stir(hash ^ ((uint64_t)stream + 1) << 56);
}

/* hash scaled to 0..bound-1; bound > 0. */
static uint64_t scale(uint64_t hash, uint64_t bound)
{
	return (uint64_t)(((unsigned __int128)hash * bound) >> 64);
}

/* The position that a hash draws from weights; the caller has seen that they are not all zero. */
static size_t pick(const uint32_t *weights, size_t count, uint64_t hash)
{
	uint64_t total = 0, drawn;
	size_t i;

	for (i = 0; i < count; i++)
		total += weights[i];
	assert(total > 0);
	drawn = scale(hash, total);
	for (i = 0; drawn >= weights[i]; i++)
		drawn -= weights[i];
	return i;
}

static const struct outcome_rule *find_rule(const char *destination)
{
	uint32_t tail = 0, weight = 1;
	unsigned int digits = 0;

	for (size_t i = strlen(destination); i > 0 && digits < RULE_TAIL_DIGITS; i--) {
		if (!is_digit(destination[i - 1]))
			continue;
		tail += (uint32_t)(destination[i - 1] - '0') * weight;
		weight *= 10;
		digits++;
	}
	if (digits < RULE_TAIL_DIGITS || tail < RULE_TAIL_FIRST ||
	    tail >= RULE_TAIL_FIRST + RULES_MAX)
		return NULL;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].nn == tail - RULE_TAIL_FIRST)
			return &rules[i];
	return NULL;
}

struct outcome outcome_draw(const struct outcome_mix *mix, const struct outcome_subject *subject)
{
	const struct outcome_rule *rule = find_rule(subject->destination);
	const struct kind_row *row;
	struct outcome outcome;

	if (rule != NULL) {
		outcome.kind = rule->kind;
		outcome.way = rule->way;
	} else {
		outcome.kind = (enum outcome_kind)pick(mix->kind_weights, OUTCOME_KINDS,
						       hash_subject(subject, OUTCOME_STREAM_KIND));
		outcome.way = (enum outcome_way)pick(mix->way_weights, OUTCOME_WAYS,
						     hash_subject(subject, OUTCOME_STREAM_WAY));
	}
	row = &kind_rows[outcome.kind];
	outcome.answered = row->answered;
	outcome.status = subject->attempt < row->refusals ? row->status : 0;
	outcome.message_state = outcome.status == 0 ? row->message_state : 0;
	return outcome;
}

bool outcome_receipt_wanted(const struct outcome *outcome, uint8_t registered_delivery)
{
	switch (registered_delivery & 0x03) {
	case 0:
		return false;
	case 2:
		return outcome->message_state != 0 && outcome->message_state != 2;
	default:
		return outcome->message_state != 0;
	}
}

uint32_t outcome_draw_ms(const struct outcome_subject *subject, enum outcome_stream stream,
			 uint32_t min_ms, uint32_t max_ms)
{
	assert(min_ms <= max_ms);
	return min_ms +
	       (uint32_t)scale(hash_subject(subject, stream), (uint64_t)max_ms - min_ms + 1);
}

void outcome_mix_init(struct outcome_mix *mix)
{
	*mix = (struct outcome_mix){ 0 };
	mix->kind_weights[0] = 100;
	mix->way_weights[0] = 100;
}

/* One of the two lists that a mix text can be about. */
struct list {
	const char *(*name_at)(size_t position);
	size_t count;
};

static const char *kind_name_at(size_t position)
{
	return kind_rows[position].name;
}

static const char *way_name_at(size_t position)
{
	return way_rows[position].name;
}

static const struct list kind_list = { kind_name_at, OUTCOME_KINDS };
static const struct list way_list = { way_name_at, OUTCOME_WAYS };

static size_t find_name(const struct list *list, const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strlen(list->name_at(i)) == length &&
		    memcmp(list->name_at(i), name, length) == 0)
			break;
	return i;
}

static enum outcome_error parse_weight(const char *text, size_t length, uint32_t *weight)
{
	if (length == 0)
		return OUTCOME_WEIGHT;
	*weight = 0;
	for (size_t i = 0; i < length; i++) {
		if (!is_digit(text[i]))
			return OUTCOME_WEIGHT;
		*weight = *weight * 10 + (uint32_t)(text[i] - '0');
		if (*weight > OUTCOME_WEIGHT_MAX)
			return OUTCOME_WEIGHT;
	}
	return OUTCOME_OK;
}

/* One name=weight of length octets. */
static enum outcome_error parse_item(const struct list *list, const char *item, size_t length,
				     uint32_t *weights, bool *seen)
{
	const char *equals = memchr(item, '=', length);
	size_t name_length, position;

	if (equals == NULL)
		return OUTCOME_SYNTAX;
	name_length = (size_t)(equals - item);
	position = find_name(list, item, name_length);
	if (position == list->count)
		return OUTCOME_NAME;
	if (seen[position])
		return OUTCOME_TWICE;
	seen[position] = true;
	return parse_weight(equals + 1, length - name_length - 1, &weights[position]);
}

#define LIST_MAX ((size_t)OUTCOME_KINDS > (size_t)OUTCOME_WAYS ? OUTCOME_KINDS : OUTCOME_WAYS)

static enum outcome_error parse_list(const struct list *list, const char *text, uint32_t *weights,
				     const char **at)
{
	uint32_t parsed[LIST_MAX] = { 0 };
	bool seen[LIST_MAX] = { false };
	uint64_t total = 0;
	enum outcome_error error = OUTCOME_OK;
	const char *item = text;

	for (;;) {
		size_t length = strcspn(item, ",");

		error = parse_item(list, item, length, parsed, seen);
		if (error != OUTCOME_OK || item[length] == '\0')
			break;
		item += length + 1;
	}
	for (size_t i = 0; i < list->count; i++)
		total += parsed[i];
	if (error == OUTCOME_OK && !seen[0] && total < 100) {
		parsed[0] = (uint32_t)(100 - total);
		total = 100;
	}
	if (error == OUTCOME_OK && total == 0) {
		error = OUTCOME_EMPTY;
		item = text;
	}
	if (error == OUTCOME_OK)
		memcpy(weights, parsed, list->count * sizeof(weights[0]));
	else if (at != NULL)
		*at = item;
	return error;
}

enum outcome_error outcome_mix_parse_kinds(struct outcome_mix *mix, const char *text,
					   const char **at)
{
	return parse_list(&kind_list, text, mix->kind_weights, at);
}

enum outcome_error outcome_mix_parse_ways(struct outcome_mix *mix, const char *text,
					  const char **at)
{
	return parse_list(&way_list, text, mix->way_weights, at);
}

const char *outcome_error_text(enum outcome_error error)
{
	static const char *const texts[] = {
		[OUTCOME_OK] = "right",
		[OUTCOME_SYNTAX] = "not of the form name=weight,name=weight",
		[OUTCOME_NAME] = "no such name",
		[OUTCOME_TWICE] = "named twice",
		[OUTCOME_WEIGHT] = "the weight is not a whole number of 0 to 1000000",
		[OUTCOME_EMPTY] = "all weights are zero",
	};

	return texts[error];
}

const char *outcome_kind_name(enum outcome_kind kind)
{
	return kind_rows[kind].name;
}

const char *outcome_kind_sentence(enum outcome_kind kind)
{
	return kind_rows[kind].sentence;
}

const char *outcome_kind_err(enum outcome_kind kind)
{
	return kind_rows[kind].err;
}

const char *outcome_way_name(enum outcome_way way)
{
	return way_rows[way].name;
}

const char *outcome_way_sentence(enum outcome_way way)
{
	return way_rows[way].sentence;
}

bool outcome_rule_at(size_t position, struct outcome_rule *rule)
{
	if (position >= sizeof(rules) / sizeof(rules[0]))
		return false;
	*rule = rules[position];
	return true;
}
