/* Reading and matching of tools/sim_script.h. */
#include "tools/sim_script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smpp/concat.h"
#include "tools/sim_receipt.h"

#define SCRIPT_OCTETS_MAX (4u << 20)

/* ---- events ---- */

enum scope {
	SCOPE_CONNECT,
	SCOPE_BOUND,
	SCOPE_COMMANDS, /* those in ids */
	SCOPE_REQUESTS,
	SCOPE_RESPONSES,
	SCOPE_ALL,
	SCOPE_COMMAND, /* one, by its row in smpp/pdu.def */
};

static const struct event_row {
	const char *name;
	enum scope scope;
	uint32_t ids[4];
} events[] = {
	{ "connect", SCOPE_CONNECT, { 0 } },
	{ "bound", SCOPE_BOUND, { 0 } },
	{ "bind",
	  SCOPE_COMMANDS,
	  { SMPP_bind_transceiver, SMPP_bind_transmitter, SMPP_bind_receiver } },
	{ "submit", SCOPE_COMMANDS, { SMPP_submit_sm, SMPP_data_sm, SMPP_submit_multi } },
	{ "request", SCOPE_REQUESTS, { 0 } },
	{ "response", SCOPE_RESPONSES, { 0 } },
	{ "pdu", SCOPE_ALL, { 0 } },
};

#define EVENTS (sizeof(events) / sizeof(events[0]))

static bool read_event(struct smpp_octets name, uint32_t *event)
{
	for (uint32_t i = 0; i < EVENTS; i++) {
		*event = i;
		if (smpp_octets_equal(name, smpp_octets_of(events[i].name)))
			return true;
	}
	for (uint32_t i = 0; i < SMPP_N_COMMANDS; i++) {
		*event = EVENTS + i;
		if (smpp_octets_equal(name, smpp_octets_of(smpp_commands[i].name)))
			return true;
	}
	return false;
}

/* A request whose answer a step can change. */
static bool is_answerable(uint32_t event)
{
	if (event >= EVENTS)
		return smpp_command_resp(&smpp_commands[event - EVENTS]) != NULL;
	return events[event].scope == SCOPE_COMMANDS || events[event].scope == SCOPE_REQUESTS;
}

static bool is_pdu(uint32_t event)
{
	return event >= EVENTS || events[event].scope >= SCOPE_COMMANDS;
}

static bool event_is(uint32_t row, const struct sim_occasion *occasion)
{
	enum scope scope = row >= EVENTS ? SCOPE_COMMAND : events[row].scope;
	uint32_t id = occasion->event == NULL ? 0 : occasion->event->command_id;

	if (scope == SCOPE_CONNECT || scope == SCOPE_BOUND)
		return occasion->happening == (scope == SCOPE_CONNECT ? SIM_CONNECTED : SIM_BOUND);
	if (occasion->happening != SIM_PDU_CAME)
		return false;
	if (scope == SCOPE_COMMAND)
		return id == smpp_commands[row - EVENTS].id;
	if (scope == SCOPE_REQUESTS || scope == SCOPE_RESPONSES)
		return (id & SMPP_RESP_BIT) == (scope == SCOPE_RESPONSES ? SMPP_RESP_BIT : 0);
	for (size_t i = 0; scope == SCOPE_COMMANDS && i < 4; i++)
		if (events[row].ids[i] != 0 && events[row].ids[i] == id)
			return true;
	return scope == SCOPE_ALL;
}

/* ---- conditions ---- */

/* Any of these, or a field of the PDU. */
enum condition_kind {
	CONDITION_LINK,
	CONDITION_SYSTEM_ID,
	CONDITION_PART,
	CONDITION_TEXT,
	CONDITION_SINCE,
	CONDITION_UNTIL,
	CONDITION_AFTER_DOWN,
	CONDITION_FIELD,
};

enum value_kind {
	VALUE_TEXT, /* with a * at its end: what begins so */
	VALUE_NUMBER,
	VALUE_TIME,
};

static const struct condition_row {
	const char *name;
	enum value_kind value;
} condition_rows[] = {
	[CONDITION_LINK] = { "link", VALUE_NUMBER },
	[CONDITION_SYSTEM_ID] = { "system_id", VALUE_TEXT },
	[CONDITION_PART] = { "part", VALUE_NUMBER },
	[CONDITION_TEXT] = { "text", VALUE_TEXT },
	[CONDITION_SINCE] = { "since", VALUE_TIME },
	[CONDITION_UNTIL] = { "until", VALUE_TIME },
	[CONDITION_AFTER_DOWN] = { "after_down", VALUE_TIME },
};

struct sim_condition {
	enum condition_kind kind;
	char *field;  /* CONDITION_FIELD */
	uint64_t tag; /* of a TLV that is named by number; else 0 */
	char *text;
	bool prefix;
	bool has_number; /* the value of a field may be compared as one */
	uint64_t number;
};

static char *copy(struct smpp_octets text)
{
	char *own = sim_grow(NULL, 0, text.n + 1);

	memcpy(own, text.at, text.n);
	own[text.n] = '\0';
	return own;
}

static bool is_field(struct smpp_octets name)
{
	struct sim_pdu any = { 0 };
	struct sim_word word = { .kind = SIM_WORD,
				 .column = 1,
				 .name = name,
				 .value = smpp_octets_of("0"),
				 .has_value = true };
	struct sim_mistake mistake = { 0 };
	bool known = sim_pdu_read_field(&any, &word, &mistake);

	sim_pdu_release(&any);
	return known && !sim_word_is(&word, "tail");
}

static bool read_value(struct sim_condition *condition, const struct sim_word *word,
		       enum value_kind kind, struct sim_mistake *mistake)
{
	struct smpp_octets value = word->value;
	uint32_t ms;

	if (kind == VALUE_TIME) {
		if (!sim_read_ms(value, &ms))
			return sim_wrong(mistake, word->column, "`%.*s` is no time", (int)value.n,
					 (const char *)value.at);
		condition->number = ms;
		return true;
	}
	condition->has_number = sim_read_number(value, UINT64_MAX, &condition->number);
	if (kind == VALUE_NUMBER && !condition->has_number)
		return sim_wrong(mistake, word->column, "`%.*s` is no number", (int)value.n,
				 (const char *)value.at);
	if (value.n >= 2 && value.at[0] == '"' && value.at[value.n - 1] == '"')
		value = (struct smpp_octets){ .at = value.at + 1, .n = value.n - 2 };
	condition->prefix = value.n > 0 && value.at[value.n - 1] == '*';
	value.n -= condition->prefix;
	condition->text = copy(value);
	return true;
}

static bool read_condition(struct sim_rule *rule, const struct sim_word *word,
			   struct sim_mistake *mistake)
{
	struct sim_condition condition = { .kind = CONDITION_FIELD };
	enum value_kind value = VALUE_TEXT;

	for (int i = 0; i < CONDITION_FIELD; i++) {
		if (!sim_word_is(word, condition_rows[i].name))
			continue;
		condition.kind = (enum condition_kind)i;
		value = condition_rows[i].value;
	}
	if (condition.kind == CONDITION_FIELD && !is_field(word->name))
		return sim_wrong(
			mistake, word->column,
			"`%.*s` is no condition and no field; Conditions in smsc-sim(1) has them",
			(int)word->name.n, (const char *)word->name.at);
	if (!is_pdu(rule->event) &&
	    (condition.kind == CONDITION_FIELD || condition.kind == CONDITION_PART ||
	     condition.kind == CONDITION_TEXT))
		return sim_wrong(mistake, word->column, "this event is no PDU: it has no `%.*s`",
				 (int)word->name.n, (const char *)word->name.at);
	if (!read_value(&condition, word, value, mistake))
		return false;
	if (condition.kind == CONDITION_FIELD) {
		condition.field = copy(word->name);
		sim_read_number(word->name, UINT16_MAX, &condition.tag);
	}
	rule->conditions = sim_grow(rule->conditions, rule->condition_count, sizeof(condition));
	rule->conditions[rule->condition_count++] = condition;
	return true;
}

static bool text_is(const struct sim_condition *condition, struct smpp_octets text)
{
	size_t n = strlen(condition->text);

	if (condition->prefix ? text.n < n : text.n != n)
		return false;
	return memcmp(text.at, condition->text, n) == 0;
}

struct look {
	const struct sim_condition *condition;
	bool found;
};

static void look_at(void *ctx, const struct smpp_field *field)
{
	struct look *look = ctx;
	const struct sim_condition *condition = look->condition;
	struct smpp_octets value = field->value;

	if (condition->tag != 0 ? field->part != SMPP_PART_TLV || field->tag != condition->tag :
				  field->name == NULL || strcmp(condition->field, field->name) != 0)
		return;
	if (field->part == SMPP_PART_TLV && value.n > 0 && value.at[value.n - 1] == '\0')
		value.n--; /* of a C-Octet String */
	if (field->has_number)
		look->found |= condition->has_number && condition->number == field->number;
	else
		look->found |= text_is(condition, value);
}

static bool holds(const struct sim_condition *condition, const struct sim_occasion *occasion)
{
	struct look look = { .condition = condition };
	struct smpp_concat_info info;

	switch (condition->kind) {
	case CONDITION_LINK:
		return occasion->link == condition->number;
	case CONDITION_SYSTEM_ID:
		return text_is(condition, occasion->system_id);
	case CONDITION_SINCE:
		return occasion->running_ms >= (int64_t)condition->number;
	case CONDITION_UNTIL:
		return occasion->running_ms < (int64_t)condition->number;
	case CONDITION_AFTER_DOWN:
		return occasion->down_ms < (int64_t)condition->number;
	case CONDITION_PART:
		smpp_concat_info(occasion->event->pdu, &info);
		return info.seqnum == condition->number;
	case CONDITION_TEXT:
		smpp_concat_info(occasion->event->pdu, &info);
		return text_is(condition, info.body);
	case CONDITION_FIELD:
		smpp_pdu_visit(occasion->event->pdu, look_at, &look);
		return look.found;
	}
	return false;
}

bool sim_rule_fires(struct sim_script *script, size_t rule, const struct sim_occasion *occasion)
{
	struct sim_rule *row = &script->rules[rule];
	uint32_t n;

	if (!event_is(row->event, occasion) ||
	    (occasion->happening == SIM_PDU_CAME && occasion->event->pdu == NULL))
		return false;
	for (size_t i = 0; i < row->condition_count; i++)
		if (!holds(&row->conditions[i], occasion))
			return false;
	n = row->per_link ? ++occasion->matched[rule] : ++row->matched;
	if ((row->nth != 0 && n != row->nth) || (row->first != 0 && n > row->first) ||
	    (row->every != 0 && n % row->every != 0))
		return false;
	row->fired++;
	return true;
}

/* ---- steps ---- */

/* Words that a verb takes; a set. */
enum takes {
	TAKES_AFTER = 1,
	TAKES_FOR = 2,
	TAKES_TIMES = 4,
	TAKES_N = 8,
	TAKES_CUT = 16,
	TAKES_MIX = 32,
	TAKES_SHAPE = 64,
	TAKES_COMMAND = 128,
	TAKES_FIELDS = 256,
	WANTS_ANSWER = 512, /* stands on requests that are answered */
	WANTS_SUBMIT = 1024,
};

static const struct verb_row {
	const char *name;
	uint32_t takes;
	uint32_t knows; /* what placeholders there may be */
} verbs[SIM_VERBS] = {
	[SIM_VERB_ANSWER] = { "answer",
			      TAKES_AFTER | TAKES_TIMES | TAKES_CUT | TAKES_COMMAND | TAKES_FIELDS |
				      WANTS_ANSWER,
			      SIM_KNOWS_PDU },
	[SIM_VERB_DROP] = { "drop", WANTS_ANSWER, 0 },
	[SIM_VERB_REVERSE] = { "reverse", TAKES_AFTER | TAKES_N | WANTS_ANSWER, 0 },
	[SIM_VERB_OUTCOME] = { "outcome", TAKES_MIX | WANTS_SUBMIT, 0 },
	[SIM_VERB_RECEIPT] = { "receipt",
			       TAKES_AFTER | TAKES_TIMES | TAKES_SHAPE | TAKES_COMMAND |
				       TAKES_FIELDS | WANTS_SUBMIT,
			       SIM_KNOWS_MESSAGE },
	[SIM_VERB_SEND] = { "send",
			    TAKES_AFTER | TAKES_TIMES | TAKES_CUT | TAKES_COMMAND | TAKES_FIELDS,
			    SIM_KNOWS_PDU },
	[SIM_VERB_OCTETS] = { "octets", TAKES_AFTER | TAKES_TIMES | TAKES_FIELDS, SIM_KNOWS_PDU },
	[SIM_VERB_UNBIND] = { "unbind", TAKES_AFTER, 0 },
	[SIM_VERB_CLOSE] = { "close", TAKES_AFTER, 0 },
	[SIM_VERB_RESET] = { "reset", TAKES_AFTER, 0 },
	[SIM_VERB_MUTE] = { "mute", TAKES_AFTER, 0 },
	[SIM_VERB_HOLD] = { "hold", TAKES_AFTER | TAKES_FOR, 0 },
	[SIM_VERB_DRIP] = { "drip", TAKES_AFTER | TAKES_FOR | TAKES_N, 0 },
};

/* One line being read. */
struct reading {
	struct sim_words words;
	struct sim_mistake mistake;
	struct sim_rule rule;
};

static bool wrong_value(struct reading *reading, const char *wanted)
{
	const struct sim_word *word = &reading->words.word;

	return sim_wrong(&reading->mistake, word->column, "`%.*s` wants %s", (int)word->name.n,
			 (const char *)word->name.at, wanted);
}

static bool read_u32(struct reading *reading, uint32_t least, uint32_t *out)
{
	uint64_t value;

	if (!sim_read_number(reading->words.word.value, UINT32_MAX - 1, &value) || value < least)
		return wrong_value(reading,
				   least == 0 ? "a whole number" : "a whole number from 1");
	*out = (uint32_t)value;
	return true;
}

static bool read_mix(struct reading *reading, struct sim_step *step, bool ways)
{
	char *text = copy(reading->words.word.value);
	enum outcome_error error = ways ? outcome_mix_parse_ways(&step->mix, text, NULL) :
					  outcome_mix_parse_kinds(&step->mix, text, NULL);

	free(text);
	step->has_mix = true;
	return error == OUTCOME_OK || wrong_value(reading, outcome_error_text(error));
}

static bool read_shape(struct reading *reading, struct sim_step *step)
{
	char *name = copy(reading->words.word.value);
	bool known = sim_receipt_shape(&step->pdu, name);

	free(name);
	return known || wrong_value(reading, "a shape of --receipt-shape=list");
}

static bool read_cut(struct reading *reading, struct sim_step *step)
{
	if (smpp_octets_equal(reading->words.word.value, smpp_octets_of("half"))) {
		step->cut = SIM_CUT_HALF;
		return true;
	}
	return read_u32(reading, 1, &step->cut);
}

/* One NAME=VALUE of a step. */
static bool read_argument(struct reading *reading, struct sim_step *step, uint32_t takes)
{
	const struct sim_word *word = &reading->words.word;

	if (takes & TAKES_AFTER && sim_word_is(word, "after")) {
		step->has_after = true;
		return sim_read_ms(word->value, &step->after_ms) || wrong_value(reading, "a time");
	}
	if (takes & TAKES_FOR && sim_word_is(word, "for"))
		return sim_read_ms(word->value, &step->for_ms) || wrong_value(reading, "a time");
	if (takes & TAKES_TIMES && sim_word_is(word, "times"))
		return read_u32(reading, 1, &step->times);
	if (takes & TAKES_N && sim_word_is(word, "n"))
		return read_u32(reading, 1, &step->n);
	if (takes & TAKES_CUT && sim_word_is(word, "cut"))
		return read_cut(reading, step);
	if (takes & TAKES_MIX && (sim_word_is(word, "mix") || sim_word_is(word, "receipts")))
		return read_mix(reading, step, sim_word_is(word, "receipts"));
	if (takes & TAKES_SHAPE && sim_word_is(word, "shape"))
		return read_shape(reading, step);
	if (takes & TAKES_FIELDS)
		return sim_pdu_read_field(&step->pdu, word, &reading->mistake);
	return sim_wrong(&reading->mistake, word->column, "`%.*s` does not belong here",
			 (int)word->name.n, (const char *)word->name.at);
}

static bool check_step(struct reading *reading, const struct sim_step *step, uint32_t column)
{
	if (step->verb == SIM_VERB_SEND && step->pdu.command_id == 0)
		return sim_wrong(&reading->mistake, column, "send wants a command");
	if (step->verb == SIM_VERB_OCTETS && step->pdu.field_count == 0)
		return sim_wrong(&reading->mistake, column, "octets wants tail=hex:…");
	if (step->verb == SIM_VERB_OUTCOME && !step->has_mix)
		return sim_wrong(&reading->mistake, column, "outcome wants mix= or receipts=");
	if (step->verb == SIM_VERB_RECEIPT && step->times > SIM_RECEIPTS_MAX)
		return sim_wrong(&reading->mistake, column, "receipt wants times= of at most %u",
				 SIM_RECEIPTS_MAX);
	if ((step->verb == SIM_VERB_DRIP || step->verb == SIM_VERB_REVERSE) && step->n == 0)
		return sim_wrong(&reading->mistake, column, "%s wants n=", verbs[step->verb].name);
	return true;
}

static bool find_verb(struct reading *reading, struct sim_step *step)
{
	const struct sim_word *word = &reading->words.word;
	uint32_t event = reading->rule.event;

	for (int i = 0; i < SIM_VERBS; i++) {
		if (!sim_word_is(word, verbs[i].name) || word->has_value)
			continue;
		step->verb = (enum sim_verb)i;
		if (verbs[i].takes & WANTS_ANSWER && !is_answerable(event))
			return sim_wrong(&reading->mistake, word->column,
					 "%s stands on a request that is answered", verbs[i].name);
		if (verbs[i].takes & WANTS_SUBMIT && !is_pdu(event))
			return sim_wrong(&reading->mistake, word->column, "%s stands on a submit",
					 verbs[i].name);
		return true;
	}
	return sim_wrong(&reading->mistake, word->column,
			 "`%.*s` is nothing to do; Steps in smsc-sim(1) has them all",
			 (int)word->name.n, (const char *)word->name.at);
}

static bool read_step(struct reading *reading)
{
	struct sim_step step = { .times = 1 };
	uint32_t column = reading->words.word.column;
	uint32_t takes;

	outcome_mix_init(&step.mix);
	if (!find_verb(reading, &step))
		return false;
	takes = verbs[step.verb].takes;
	step.pdu.knows = verbs[step.verb].knows;
	if (step.verb == SIM_VERB_SEND && !is_pdu(reading->rule.event))
		step.pdu.knows = 0;
	sim_words_next(&reading->words);
	if (takes & TAKES_COMMAND && reading->words.word.kind == SIM_WORD &&
	    !reading->words.word.has_value &&
	    sim_pdu_read_command(reading->words.word.name, &step.pdu.command_id))
		sim_words_next(&reading->words);
	for (; reading->words.word.kind == SIM_WORD; sim_words_next(&reading->words))
		if (!read_argument(reading, &step, takes))
			break;
	/* The rule has it, also when it is wrong, so that it is released. */
	reading->rule.steps = sim_grow(reading->rule.steps, reading->rule.step_count, sizeof(step));
	reading->rule.steps[reading->rule.step_count++] = step;
	return reading->mistake.column == 0 && check_step(reading, &step, column);
}

/* ---- rows ---- */

static bool read_count(struct reading *reading, bool *taken)
{
	const struct {
		const char *name;
		uint32_t *out;
	} counts[] = { { "nth", &reading->rule.nth },
		       { "first", &reading->rule.first },
		       { "every", &reading->rule.every } };
	const struct sim_word *word = &reading->words.word;

	*taken = true;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (sim_word_is(word, counts[i].name))
			return read_u32(reading, 1, counts[i].out);
	*taken = sim_word_is(word, "per");
	if (!*taken)
		return true;
	reading->rule.per_link = smpp_octets_equal(word->value, smpp_octets_of("link"));
	if (reading->rule.per_link || smpp_octets_equal(word->value, smpp_octets_of("run")))
		return true;
	return wrong_value(reading, "link or run");
}

static bool read_conditions(struct reading *reading)
{
	for (; reading->words.word.kind == SIM_WORD; sim_words_next(&reading->words)) {
		bool taken;

		if (!reading->words.word.has_value)
			return wrong_value(reading, "a value");
		if (!read_count(reading, &taken))
			return false;
		if (!taken &&
		    !read_condition(&reading->rule, &reading->words.word, &reading->mistake))
			return false;
	}
	return true;
}

/* The present word is the separator before the first step. */
static bool read_steps(struct reading *reading)
{
	struct sim_words *words = &reading->words;

	do {
		sim_words_next(words);
		if (words->word.kind != SIM_WORD)
			return sim_wrong(&reading->mistake, words->word.column,
					 "something to do is missing");
		if (!read_step(reading))
			return false;
	} while (words->word.kind == SIM_WORD_SEMICOLON);
	if (words->word.kind == SIM_WORD_END)
		return true;
	return sim_wrong(&reading->mistake, words->word.column, "a second `:`");
}

static bool read_row(struct reading *reading)
{
	struct sim_words *words = &reading->words;

	if (!sim_word_is(&words->word, "on"))
		return sim_wrong(&reading->mistake, words->word.column, "a row begins with `on`");
	sim_words_next(words);
	if (words->word.kind != SIM_WORD || words->word.has_value ||
	    !read_event(words->word.name, &reading->rule.event))
		return sim_wrong(&reading->mistake, words->word.column,
				 "there is no such event; Events in smsc-sim(1) has them all");
	sim_words_next(words);
	if (!read_conditions(reading))
		return false;
	if (words->word.kind != SIM_WORD_COLON)
		return sim_wrong(&reading->mistake, words->word.column, "a `:` is missing");
	return read_steps(reading);
}

static void release_rule(struct sim_rule *rule)
{
	for (size_t i = 0; i < rule->condition_count; i++) {
		free(rule->conditions[i].field);
		free(rule->conditions[i].text);
	}
	for (size_t i = 0; i < rule->step_count; i++)
		sim_pdu_release(&rule->steps[i].pdu);
	free(rule->conditions);
	free(rule->steps);
}

void sim_script_release(struct sim_script *script)
{
	for (size_t i = 0; i < script->count; i++)
		release_rule(&script->rules[i]);
	free(script->rules);
	*script = (struct sim_script){ 0 };
}

/* false: the line is wrong, and that was said. */
static bool read_line(struct sim_script *script, const char *file, uint32_t line, const char *at,
		      size_t n)
{
	struct reading reading = { .rule = { .line = line } };

	sim_words_begin(&reading.words, at, n);
	if (reading.words.word.kind == SIM_WORD_END)
		return true;
	if (!read_row(&reading)) {
		fprintf(stderr, "%s:%u:%u: %s\n", file, line, reading.mistake.column,
			reading.mistake.text);
		release_rule(&reading.rule);
		return false;
	}
	script->rules = sim_grow(script->rules, script->count, sizeof(*script->rules));
	script->rules[script->count++] = reading.rule;
	return true;
}

static bool read_file(const char *file, struct buffer *text)
{
	FILE *stream = fopen(file, "re");
	uint8_t chunk[4096];
	size_t n;

	if (stream == NULL)
		return false;
	while ((n = fread(chunk, 1, sizeof(chunk), stream)) > 0 && text->n < SCRIPT_OCTETS_MAX)
		buffer_append(text, chunk, n);
	if (ferror(stream)) {
		int error = errno;

		fclose(stream);
		errno = error;
		return false;
	}
	fclose(stream);
	errno = EFBIG;
	return text->n < SCRIPT_OCTETS_MAX && !text->failed;
}

bool sim_script_read_steps(struct sim_script *script, const char *steps, size_t n,
			   struct sim_mistake *mistake)
{
	struct reading reading = { .words = { .line = steps, .n = n } };

	if (!read_event(smpp_octets_of("bound"), &reading.rule.event) || !read_steps(&reading)) {
		*mistake = reading.mistake;
		release_rule(&reading.rule);
		return false;
	}
	script->rules = sim_grow(script->rules, script->count, sizeof(*script->rules));
	script->rules[script->count++] = reading.rule;
	return true;
}

bool sim_script_read_text(struct sim_script *script, const char *file, const char *text, size_t n)
{
	bool good = true;
	uint32_t line = 1;

	for (size_t at = 0; at < n; line++) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t length = end == NULL ? n - at : (size_t)(end - text) - at;

		good &= read_line(script, file, line, text + at, length);
		at += length + 1;
	}
	return good;
}

bool sim_script_read(struct sim_script *script, const char *file)
{
	struct buffer text = { 0 };
	bool good = read_file(file, &text);

	if (!good)
		fprintf(stderr, "smsc-sim: %s: %s\n", file, strerror(errno));
	else if (text.n > 0)
		good = sim_script_read_text(script, file, (const char *)text.octets, text.n);
	buffer_release(&text);
	return good;
}
