/*
 * What the names of a filter mean: rows that get values from an event, and for all other names the
 * fields of the PDU as smpp/pdu.def calls them. See tools/filter.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "smpp/mask.h"
#include "smpp/status.h"
#include "tools/filter_own.h"

#define VALUES	      4	  /* of one field of one event */
#define TEXT_OCTETS   256 /* of a value that a regular expression looks at; the rest is left out */
#define PATTERN_CHARS 64
#define DAY_MS	      (INT64_C(24) * 60 * 60 * 1000)

struct value {
	int64_t number;
	const char *text; /* NULL: it is the number */
	size_t n;
};

struct values {
	struct value of[VALUES];
	size_t n;
};

enum type {
	TYPE_SO,
	TYPE_TEXT,
	TYPE_NUMBER,
	TYPE_STATUS, /* a number, or its name */
	TYPE_TIME,   /* microseconds */
	TYPE_MOMENT, /* milliseconds since 1970, as views show it */
};

typedef void get_fn(const struct flow_event *event, struct values *values);

struct filter_row {
	const char *name;
	enum type type;
	bool of_numbers; /* of people */
	get_fn *get;	 /* of TYPE_SO: a value means that it is so */
	const char *help;
};

static void add_number(struct values *values, int64_t number)
{
	if (values->n < VALUES)
		values->of[values->n++] = (struct value){ .number = number };
}

static void add_octets(struct values *values, struct smpp_octets octets)
{
	if (values->n < VALUES)
		values->of[values->n++] =
			(struct value){ .text = octets.n > 0 ? (const char *)octets.at : "",
					.n = octets.n };
}

static void add_text(struct values *values, const char *text)
{
	if (text[0] != '\0')
		add_octets(values, smpp_octets_of(text));
}

/* ---- values ---- */

static bool has_fields(const struct flow_event *event)
{
	return event->kind == FLOW_PDU && event->error != SMPP_EFRAME;
}

static bool is_response(const struct flow_event *event)
{
	return has_fields(event) && (event->fields->command_id & SMPP_RESP_BIT) != 0;
}

static void add_command(struct values *values, uint32_t command_id)
{
	const struct smpp_command *command = smpp_command(command_id);

	add_text(values, command != NULL ? command->name : "unknown");
}

static void get_cmd(const struct flow_event *event, struct values *values)
{
	if (has_fields(event))
		add_command(values, event->fields->command_id);
	if (event->request != NULL)
		add_command(values, event->request->command_id);
}

static void get_status(const struct flow_event *event, struct values *values)
{
	if (has_fields(event))
		add_number(values, event->fields->command_status);
}

static void get_class(const struct flow_event *event, struct values *values)
{
	if (is_response(event))
		add_text(values,
			 smpp_status_class_name(smpp_status(event->fields->command_status).class));
}

static void get_seq(const struct flow_event *event, struct values *values)
{
	if (has_fields(event))
		add_number(values, event->fields->sequence_number);
	else if (event->request != NULL)
		add_number(values, event->request->sequence_number);
}

static void get_from(const struct flow_event *event, struct values *values)
{
	if (has_fields(event) && event->fields->source_addr.n > 0)
		add_octets(values, event->fields->source_addr);
	if (event->request != NULL)
		add_text(values, event->request->from);
}

static void get_to(const struct flow_event *event, struct values *values)
{
	if (has_fields(event) && event->fields->destination_addr.n > 0)
		add_octets(values, event->fields->destination_addr);
	if (event->request != NULL)
		add_text(values, event->request->to);
	if (event->submit != NULL)
		add_text(values, event->submit->to);
}

static void get_id(const struct flow_event *event, struct values *values)
{
	if (!has_fields(event))
		return;
	if (event->fields->message_id.n > 0)
		add_octets(values, event->fields->message_id);
	if (event->join == FLOW_JOIN_NONE)
		return;
	for (int i = 0; i < 2; i++)
		if (event->receipt->ids[i].n > 0)
			add_octets(values, event->receipt->ids[i]);
	if (event->submit != NULL)
		add_text(values, event->submit->id);
}

static void get_msg(const struct flow_event *event, struct values *values)
{
	if (event->pdu != NULL)
		add_text(values, event->pdu->message);
	if (event->request != NULL)
		add_text(values, event->request->message);
	if (event->submit != NULL)
		add_text(values, event->submit->message);
}

/* As a link, and as the provider before its slash. */
static void get_link(const struct flow_event *event, struct values *values)
{
	const char *link = event->pdu != NULL ? event->pdu->link : event->request->link;
	const char *slash = strchr(link, '/');

	add_text(values, link);
	if (slash != NULL)
		add_octets(values, (struct smpp_octets){ .at = (const uint8_t *)link,
							 .n = (uint32_t)(slash - link) });
}

static void get_session(const struct flow_event *event, struct values *values)
{
	add_number(values,
		   (int64_t)(event->pdu != NULL ? event->pdu->session : event->request->session));
}

static void get_dir(const struct flow_event *event, struct values *values)
{
	enum trace_direction direction = event->pdu != NULL ? event->pdu->direction :
							      event->request->direction;

	if (direction != TRACE_UNKNOWN)
		add_text(values, direction == TRACE_IN ? "in" : "out");
}

static void get_number(const struct flow_event *event, struct values *values)
{
	add_number(values,
		   (int64_t)(event->pdu != NULL ? event->pdu->number : event->request->number));
}

/* What was pasted has none. */
static void get_time(const struct flow_event *event, struct values *values)
{
	if (event->at_us != 0)
		add_number(values, event->at_us / 1000);
}

static void get_rtt(const struct flow_event *event, struct values *values)
{
	if (event->pairing == FLOW_PAIR_ANSWER)
		add_number(values, event->rtt_us);
}

static void get_window(const struct flow_event *event, struct values *values)
{
	if (has_fields(event))
		add_number(values, event->window);
}

static void get_delay(const struct flow_event *event, struct values *values)
{
	if (event->submit != NULL)
		add_number(values, event->delay_us);
}

static bool is_receipt(const struct flow_event *event)
{
	return has_fields(event) && event->join != FLOW_JOIN_NONE;
}

static void get_state(const struct flow_event *event, struct values *values)
{
	if (is_receipt(event))
		add_text(values, smpp_receipt_state_name(event->receipt->state));
}

static void get_stat(const struct flow_event *event, struct values *values)
{
	if (is_receipt(event) && event->receipt->stat.n > 0)
		add_octets(values, event->receipt->stat);
}

static void get_err(const struct flow_event *event, struct values *values)
{
	if (is_receipt(event) && event->receipt->err.n > 0)
		add_octets(values, event->receipt->err);
}

/* ---- what is so or not ---- */

static void add_so(struct values *values, bool so)
{
	if (so)
		add_number(values, 1);
}

static void so_request(const struct flow_event *event, struct values *values)
{
	add_so(values, has_fields(event) && !is_response(event));
}

static void so_response(const struct flow_event *event, struct values *values)
{
	add_so(values, is_response(event));
}

static void so_receipt(const struct flow_event *event, struct values *values)
{
	add_so(values, is_receipt(event));
}

static void so_orphan(const struct flow_event *event, struct values *values)
{
	add_so(values, is_receipt(event) && event->join == FLOW_JOIN_UNKNOWN);
}

static void so_unanswered(const struct flow_event *event, struct values *values)
{
	add_so(values, event->kind == FLOW_UNANSWERED);
}

static void so_late(const struct flow_event *event, struct values *values)
{
	add_so(values, event->late);
}

static void so_error(const struct flow_event *event, struct values *values)
{
	add_so(values, is_response(event) && event->fields->command_status != 0);
}

static void so_problem(const struct flow_event *event, struct values *values)
{
	add_so(values, event->kind == FLOW_PDU &&
			       (event->error != SMPP_OK || event->pdu->framing != TRACE_WHOLE));
}

static void so_again(const struct flow_event *event, struct values *values)
{
	add_so(values, event->again != 0);
}

static void so_lost(const struct flow_event *event, struct values *values)
{
	add_so(values, event->pdu != NULL && event->pdu->lost + event->pdu->dropped > 0);
}

static void so_note(const struct flow_event *event, struct values *values)
{
	add_so(values, event->kind == FLOW_NOTE);
}

static const struct filter_row rows[] = {
	{ "cmd", TYPE_TEXT, false, get_cmd, "PDU, or that which it answers: cmd=submit_sm" },
	{ "status", TYPE_STATUS, false, get_status, "command_status: status=0x58, =RTHROTTLED" },
	{ "class", TYPE_TEXT, false, get_class, "of the status: class=throttle" },
	{ "seq", TYPE_NUMBER, false, get_seq, "sequence_number" },
	{ "from", TYPE_TEXT, true, get_from, "source_addr" },
	{ "to", TYPE_TEXT, true, get_to, "destination_addr: to~^3161" },
	{ "id", TYPE_TEXT, false, get_id, "the carrier's id of a message" },
	{ "msg", TYPE_TEXT, false, get_msg, "our id of a message, where the recording has it" },
	{ "link", TYPE_TEXT, false, get_link, "link, or its provider" },
	{ "session", TYPE_NUMBER, false, get_session, "of the link" },
	{ "dir", TYPE_TEXT, false, get_dir, "in (from the carrier) or out" },
	{ "number", TYPE_NUMBER, false, get_number, "of the PDU" },
	{ "time", TYPE_MOMENT, false, get_time, "UTC: time>18:25, time<=2026-11-20T18:25:30.5Z" },
	{ "rtt", TYPE_TIME, false, get_rtt, "of an answer: rtt>200ms" },
	{ "window", TYPE_NUMBER, false, get_window, "requests open" },
	{ "delay", TYPE_TIME, false, get_delay, "of a receipt since its submit: delay>5m" },
	{ "state", TYPE_TEXT, false, get_state, "of a receipt: state=DELIVERED" },
	{ "stat", TYPE_TEXT, false, get_stat, "the carrier's word for it" },
	{ "err", TYPE_TEXT, false, get_err, "of a receipt" },
	{ "request", TYPE_SO, false, so_request, "a request" },
	{ "response", TYPE_SO, false, so_response, "an answer" },
	{ "receipt", TYPE_SO, false, so_receipt, "a receipt" },
	{ "orphan", TYPE_SO, false, so_orphan, "a receipt of no submit that was seen until then" },
	{ "unanswered", TYPE_SO, false, so_unanswered, "tells of a request without answer" },
	{ "late", TYPE_SO, false, so_late, "answers one that was told so" },
	{ "error", TYPE_SO, false, so_error, "an answer with a status" },
	{ "problem", TYPE_SO, false, so_problem, "cannot be read" },
	{ "again", TYPE_SO, false, so_again, "a submit that failed before" },
	{ "lost", TYPE_SO, false, so_lost, "something is missing before it" },
	{ "note", TYPE_SO, false, so_note, "no PDU: what the daemon does" },
};

void filter_help(struct buffer *out)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		buffer_format(out, "%-11s %s\n", rows[i].name, rows[i].help);
	buffer_text(out, "and every parameter and TLV of SMPP 3.4 by its name: data_coding=8\n");
}

/* ---- fields of PDUs ---- */

static const struct smpp_param *param_named(const char *name)
{
	for (size_t i = 0; i < SMPP_N_COMMANDS; i++)
		for (const struct smpp_place *place = smpp_commands[i].places; place->param;
		     place++)
			if (strcmp(place->param->name, name) == 0)
				return place->param;
	return NULL;
}

static const struct smpp_tlv_row *tlv_named(const char *name)
{
	for (size_t i = 0; i < SMPP_N_TLV_ROWS; i++)
		if (strcmp(smpp_tlv_rows[i].name, name) == 0)
			return &smpp_tlv_rows[i];
	return NULL;
}

struct visit {
	const char *name;
	bool of_facts; /* what is empty or 0 is not known */
	struct values values;
};

static void visit_field(void *ctx, const struct smpp_field *field)
{
	struct visit *visit = ctx;
	struct smpp_octets value = field->value;

	if (field->name == NULL || strcmp(field->name, visit->name) != 0)
		return;
	/* Of facts: nobody knows. */
	if (visit->of_facts && (field->has_number ? field->number == 0 : value.n == 0))
		return;
	if (field->has_number) {
		add_number(&visit->values, field->number);
		return;
	}
	while (value.n > 0 && value.at[value.n - 1] == '\0')
		value.n--;
	add_octets(&visit->values, value);
}

/* ---- terms ---- */

/* Past a set in brackets, that begins at `at`; at the end of the text if it is not closed. */
static const char *past_set(const char *at)
{
	at += at[1] == '^' ? 2 : 1;
	for (const char *first = at; *at != '\0' && (*at != ']' || at == first); at++) {
		const char *end = NULL;

		if (*at == '[' && at[1] != '\0' && strchr(":.=", at[1]) != NULL)
			end = strstr(at + 2, (const char[]){ at[1], ']', '\0' });
		at = end != NULL ? end + 1 : at;
	}
	return *at == ']' ? at + 1 : at;
}

/* The first + that repeats what has one; NULL: there is none. */
static const char *plus_of_plus(const char *pattern)
{
	bool has[PATTERN_CHARS + 1] = {
		false
	}; /* a +: what is open, and is in so many parentheses */
	size_t depth = 0;
	bool atom = false; /* has one: what a + here would repeat */

	for (const char *at = pattern; *at != '\0';) {
		if (*at == '+' && atom)
			return at;
		if (*at == '[') {
			at = past_set(at);
			atom = false;
			continue;
		}
		if (*at == '(')
			has[++depth] = false;
		if (*at == '+')
			has[depth] = true;
		if (*at == ')' && depth > 0) {
			atom = has[depth--];
			has[depth] = has[depth] || atom;
		} else if (strchr("*?", *at) == NULL) {
			atom = *at == '+';
		}
		at++;
	}
	return NULL;
}

/*
 * Repetitions of repetitions and references back cost a matcher of regular expressions anything, and
 * a + twice what it repeats; nobody needs them for a number.
 */
static bool compile(struct filter_term *term, const struct filter_words *words,
		    struct filter_error *error)
{
	char reason[80];
	const char *bad = strpbrk(words->value, "{\\");
	int failed;

	if (bad != NULL)
		return filter_fail(error, words->value_at + (size_t)(bad - words->value),
				   "no %c in a regular expression here; [.] is a full stop", *bad);
	if (strlen(words->value) > PATTERN_CHARS)
		return filter_fail(error, words->value_at,
				   "a regular expression has at most %d characters", PATTERN_CHARS);
	bad = plus_of_plus(words->value);
	if (bad != NULL)
		return filter_fail(error, words->value_at + (size_t)(bad - words->value),
				   "no + here, of what a + repeats already");
	failed = regcomp(&term->regex, words->value, REG_EXTENDED | REG_NOSUB);
	if (failed != 0) {
		regerror(failed, &term->regex, reason, sizeof(reason));
		return filter_fail(error, words->value_at, "%s", reason);
	}
	term->has_regex = true;
	return true;
}

static bool read_typed(struct filter_term *term, enum type type, const struct filter_words *words,
		       struct filter_error *error)
{
	const char *rest = "";
	uint32_t status;

	switch (type) {
	case TYPE_SO:
		return filter_fail(error, words->operator_at, "%s stands alone: it is so or not",
				   words->name);
	case TYPE_TEXT:
		return words->operator== FILTER_EQ || words->operator== FILTER_NE || filter_fail(
			error, words->operator_at, "%s is a text: = != ~ or !~", words->name);
	case TYPE_STATUS:
		if (smpp_status_named(words->value, strlen(words->value), &status)) {
			term->number = status;
			term->has_number = true;
			return true;
		}
		break;
	case TYPE_NUMBER:
		break;
	case TYPE_TIME:
		term->has_number = filter_duration(words->value, 1000, &term->number);
		return term->has_number ||
		       filter_fail(error, words->value_at, "%s wants a time, as in %s>200ms",
				   words->name, words->name);
	case TYPE_MOMENT:
		return filter_moment(term, words, error);
	}
	term->has_number = filter_number(words->value, &term->number, &rest) && *rest == '\0';
	return term->has_number ||
	       filter_fail(error, words->value_at, "%s wants a number%s", words->name,
			   type == TYPE_STATUS ? " or the name of a status" : "");
}

/* A field of PDUs has numbers or texts; which, its values say. */
static bool read_untyped(struct filter_term *term, const struct filter_words *words,
			 struct filter_error *error)
{
	const char *rest = "";

	term->has_number = filter_number(words->value, &term->number, &rest) && *rest == '\0';
	if (term->has_number || words->operator<= FILTER_NE)
		return true;
	return filter_fail(error, words->value_at, "%s is compared with a number, or by = != ~ !~",
			   words->name);
}

static unsigned looks_at(enum smpp_mask mask)
{
	switch (mask) {
	case SMPP_MASK_OPEN:
	case SMPP_MASK_PASSWORD:
		return 0;
	case SMPP_MASK_NUMBER:
		return FILTER_NUMBERS;
	case SMPP_MASK_TEXT:
		return FILTER_TEXTS;
	case SMPP_MASK_ANY:
		break;
	}
	return FILTER_NUMBERS | FILTER_TEXTS;
}

static bool find_row(struct filter_term *term, const struct filter_words *words,
		     struct filter_error *error)
{
	const struct smpp_param *param = param_named(words->name);
	const struct smpp_tlv_row *tlv = tlv_named(words->name);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, words->name) == 0) {
			term->row = &rows[i];
			term->looks_at = rows[i].of_numbers ? FILTER_NUMBERS : 0;
			return true;
		}
	}
	/* A secret could be found out piece by piece. */
	if (param != NULL && param->mask == SMPP_MASK_PASSWORD)
		return filter_fail(error, words->name_at, "nobody may look for a %s", words->name);
	if (param == NULL && tlv == NULL)
		return filter_fail(error, words->name_at,
				   "no field is called %s; smpp-trace explain filter lists them",
				   words->name);
	term->looks_at = looks_at(param != NULL ? param->mask : tlv->mask) |
			 looks_at(tlv != NULL ? tlv->mask : param->mask);
	return true;
}

bool filter_term_init(struct filter_term *term, const struct filter_words *words,
		      struct filter_error *error)
{
	if (!find_row(term, words, error))
		return false;
	memcpy(term->name, words->name, sizeof(term->name));
	memcpy(term->text, words->value, sizeof(term->text));
	term->operator= words->operator;
	if (words->operator== FILTER_SO)
		return term->row == NULL || term->row->type == TYPE_SO ||
		       filter_fail(error, words->operator_at, "%s wants = or another operator",
				   words->name);
	if (words->operator== FILTER_LIKE || words->operator== FILTER_NOT_LIKE) {
		if (term->row != NULL && term->row->type != TYPE_TEXT)
			return filter_fail(error, words->operator_at,
					   "%s is no text: ~ says nothing about it", words->name);
		return compile(term, words, error);
	}
	if (term->row != NULL && !filter_choice(words, error))
		return false;
	return term->row != NULL ? read_typed(term, term->row->type, words, error) :
				   read_untyped(term, words, error);
}

void filter_term_release(struct filter_term *term)
{
	if (term->has_regex)
		regfree(&term->regex);
	term->has_regex = false;
}

/* ---- comparing ---- */

static bool is_like(const struct filter_term *term, const struct value *value)
{
	char text[TEXT_OCTETS];
	size_t n = value->n < sizeof(text) - 1 ? value->n : sizeof(text) - 1;

	if (value->text == NULL) {
		snprintf(text, sizeof(text), "%" PRId64, value->number);
	} else {
		memcpy(text, value->text, n);
		text[n] = '\0';
	}
	return regexec(&term->regex, text, 0, NULL, 0) == 0;
}

static bool equals(const struct filter_term *term, const struct value *value)
{
	if (value->text == NULL)
		return term->has_number && value->number == term->number;
	return strlen(term->text) == value->n &&
	       strncasecmp(term->text, value->text, value->n) == 0;
}

static bool compares(const struct filter_term *term, const struct value *value)
{
	int64_t number = value->number;

	switch (term->operator) {
	case FILTER_SO:
		return true;
	case FILTER_EQ:
	case FILTER_NE:
		return equals(term, value);
	case FILTER_LIKE:
	case FILTER_NOT_LIKE:
		return is_like(term, value);
	case FILTER_LT:
		return value->text == NULL && number < term->number;
	case FILTER_LE:
		return value->text == NULL && number <= term->number;
	case FILTER_GT:
		return value->text == NULL && number > term->number;
	case FILTER_GE:
		return value->text == NULL && number >= term->number;
	}
	return false;
}

unsigned filter_masked(const struct flow_event *event)
{
	struct values numbers = { .n = 0 };
	unsigned masked = 0;

	get_from(event, &numbers);
	get_to(event, &numbers);
	for (size_t i = 0; i < numbers.n; i++)
		if (numbers.of[i].n > 0 && numbers.of[i].text[0] == SMPP_MASK_NUMBER_OCTET)
			masked |= FILTER_NUMBERS;
	if (has_fields(event) && smpp_masked_text(event->part->body))
		masked |= FILTER_TEXTS;
	return masked;
}

bool filter_term_holds(const struct filter_term *term, const struct flow_event *event)
{
	struct visit visit = { .name = term->name,
			       .of_facts = event->pdu != NULL && event->pdu->facts != NULL };
	bool found = false;

	if (term->row != NULL)
		term->row->get(event, &visit.values);
	else if (has_fields(event))
		smpp_pdu_visit(event->fields, visit_field, &visit);
	for (size_t i = 0; i < visit.values.n && !found; i++) {
		if (term->of_day)
			visit.values.of[i].number %= DAY_MS;
		found = compares(term, &visit.values.of[i]);
	}
	if (term->operator== FILTER_NE || term->operator== FILTER_NOT_LIKE)
		return visit.values.n > 0 && !found;
	return found;
}
