/*
 * The text of a receipt, walked label by label; see receipt_text.h.
 *
 *     id:0123 sub:001 dlvrd:001 submit date:... done date:... stat:DELIVRD err:000 text:Hello
 *     └ label, value up to the next gap or label                              └ the walk ends
 *
 * What stands between known labels (carriers add IMSI:, MCCMNC: and others) is stepped over.
 */
#include "smpp/receipt_text.h"

#include <string.h>

/* ---- Labels ---- */

static const struct {
	const char *label;
	enum smpp_receipt_field field;
} labels[] = {
#define RECEIPT_LABEL(label, field) { label, SMPP_RECEIPT_##field },
#include "smpp/receipt.def"
};

static bool is_gap(uint8_t c)
{
	return c == ' ' || c == 0 || (c >= '\t' && c <= '\r');
}

/* What some carriers write between fields, with or without a space. */
static bool is_separator(uint8_t c)
{
	return c == ',' || c == ';' || c == '|' || c == '&' || c == '/';
}

/* What stands around all of it where it is written as an object. */
static bool is_brace(uint8_t c)
{
	return c == '{' || c == '}' || c == '(' || c == ')' || c == '[' || c == ']';
}

static bool is_between(uint8_t c)
{
	return is_gap(c) || is_separator(c) || is_brace(c);
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_letter(uint8_t c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static uint32_t skip_gaps(struct smpp_octets body, uint32_t i)
{
	while (i < body.n && is_gap(body.at[i]))
		i++;
	return i;
}

static bool is_quote(uint8_t c)
{
	return c == '"' || c == '\'';
}

/* Where the value begins if label and its colon stand at i; else 0. Bare or in quotes. */
static uint32_t label_ends(struct smpp_octets body, uint32_t i, const char *label)
{
	uint8_t quote = i < body.n && is_quote(body.at[i]) ? body.at[i++] : 0;

	for (; *label; label++) {
		if (*label == ' ') {
			while (i < body.n &&
			       (is_gap(body.at[i]) || body.at[i] == '_' || body.at[i] == '-'))
				i++;
		} else if (i < body.n && lower(body.at[i]) == (uint8_t)*label) {
			i++;
		} else {
			return 0;
		}
	}
	if (quote && (i == body.n || body.at[i++] != quote))
		return 0;
	while (i < body.n && body.at[i] == ' ')
		i++;
	return i < body.n && (body.at[i] == ':' || body.at[i] == '=') ? i + 1 : 0;
}

/* The same for any label; says which field it names. */
static uint32_t any_label_ends(struct smpp_octets body, uint32_t i, enum smpp_receipt_field *field)
{
	for (size_t k = 0; k < sizeof labels / sizeof labels[0]; k++) {
		uint32_t end = label_ends(body, i, labels[k].label);

		if (end > 0) {
			*field = labels[k].field;
			return end;
		}
	}
	return 0;
}

static bool is_label(struct smpp_octets body, uint32_t i)
{
	enum smpp_receipt_field field;

	return any_label_ends(body, i, &field) > 0;
}

/* ---- Values ---- */

static struct smpp_octets slice(struct smpp_octets body, uint32_t from, uint32_t to)
{
	return (struct smpp_octets){ .at = body.at + from, .n = to - from };
}

/* What may stand right before a label though it is no gap: signs of which no word is made, and
 * octets that are not of text, such as a byte order mark or a header that UDHI does not tell of. */
static bool is_sign(uint8_t c)
{
	return !is_letter(c) && !is_digit(c) && !is_quote(c) && c != '_' && c != '-' && c != '.' &&
	       c != ':' && c != '=' && c != '@';
}

/* Behind the signs at i, none of them a gap. */
static uint32_t skip_signs(struct smpp_octets body, uint32_t i)
{
	while (i < body.n && is_sign(body.at[i]) && !is_gap(body.at[i]))
		i++;
	return i;
}

/* The end of the word at i: a gap, or a separator or signs with a label behind. */
static uint32_t word_end(struct smpp_octets body, uint32_t i)
{
	uint32_t signs = i; /* up to there they have been looked behind */

	for (; i < body.n && !is_gap(body.at[i]); i++) {
		if (is_separator(body.at[i]) && is_label(body, skip_gaps(body, i + 1)))
			break;
		if (i < signs || !is_sign(body.at[i]))
			continue;
		signs = skip_signs(body, i);
		if (is_label(body, signs))
			break;
	}
	return i;
}

/* A word such as "IMSI:": letters, then a colon. */
static bool looks_like_label(struct smpp_octets body, uint32_t i)
{
	uint32_t start = i;

	while (i < body.n && (is_letter(body.at[i]) || body.at[i] == '_'))
		i++;
	return i > start && i < body.n && body.at[i] == ':';
}

/* The word that begins at i or behind the gap at i. An empty field shows by the next label; only
 * right behind its own colon may a value look like one ("id:a:b"). */
static struct smpp_octets read_word(struct smpp_octets body, uint32_t i)
{
	uint32_t start = skip_gaps(body, i);

	if (is_label(body, start) || (start > i && looks_like_label(body, start)))
		return (struct smpp_octets){ 0 };
	return slice(body, start, word_end(body, start));
}

/* A value in quotes, without them; n 0 with `at` NULL if there is none. Only a date has spaces. */
static struct smpp_octets read_quoted(struct smpp_octets body, uint32_t i, bool spaced)
{
	uint32_t start = skip_gaps(body, i), end = start + 1;

	if (start >= body.n || !is_quote(body.at[start]))
		return (struct smpp_octets){ 0 };
	while (end < body.n && body.at[end] != body.at[start] &&
	       (!is_gap(body.at[end]) || (spaced && body.at[end] == ' ')))
		end++;
	return end < body.n && body.at[end] == body.at[start] ? slice(body, start + 1, end) :
								(struct smpp_octets){ 0 };
}

/* An id may have any signs in it, but at its end neither a separator nor what closes a brace that
 * was opened before it. */
static struct smpp_octets read_id(struct smpp_octets body, uint32_t i)
{
	static const char pairs[] = "}{)(][";
	struct smpp_octets word = read_word(body, i);

	for (; word.n > 0; word.n--) {
		uint8_t last = word.at[word.n - 1];
		const char *pair = is_brace(last) ? memchr(pairs, last, sizeof pairs - 1) : NULL;
		bool closes = pair && (pair - pairs) % 2 == 0 && !memchr(word.at, pair[1], word.n);

		if (!closes && (!is_separator(last) || last == '/'))
			break;
	}
	return word;
}

/* The same without the separators at its end, which no counter, date or error has. */
static struct smpp_octets read_plain(struct smpp_octets body, uint32_t i)
{
	struct smpp_octets word = read_word(body, i);

	while (word.n > 0 && (is_separator(word.at[word.n - 1]) || is_brace(word.at[word.n - 1])))
		word.n--;
	return word;
}

/* A date, and the time of day behind a space if it is one ("15:30:45"). */
static struct smpp_octets read_date(struct smpp_octets body, uint32_t i)
{
	struct smpp_octets date = read_plain(body, i);
	uint32_t start, end;
	bool colon = false;

	if (date.n == 0)
		return date;
	start = skip_gaps(body, (uint32_t)(date.at - body.at) + date.n);
	end = start;
	while (end < body.n && (is_digit(body.at[end]) || body.at[end] == ':'))
		colon |= body.at[end++] == ':';
	if (colon && is_digit(body.at[start]) && (end == body.n || is_gap(body.at[end])))
		date.n = (uint32_t)(body.at + end - date.at);
	return date;
}

/* An SMGP error that looks like a label. */
static bool is_error_word(struct smpp_octets body, uint32_t i)
{
	uint32_t end = i + 7;

	if (end > body.n || (end < body.n && !is_between(body.at[end])) ||
	    memcmp(body.at + i, "ID:", 3) != 0)
		return false;
	for (uint32_t k = i + 3; k < end; k++) {
		if (!is_digit(body.at[k]))
			return false;
	}
	return true;
}

/*
 * A state's word: [A-Za-z_][A-Za-z0-9_:]*, colons at its end cut. A word that goes on with
 * anything else is taken whole, so that half of it is never mistaken for a state.
 */
static struct smpp_octets read_stat(struct smpp_octets body, uint32_t i)
{
	uint32_t start = skip_gaps(body, i);
	uint32_t end = start;

	if (is_label(body, start) && !(start == i && is_error_word(body, start)))
		return (struct smpp_octets){ 0 };
	while (end < body.n &&
	       (is_letter(body.at[end]) || is_digit(body.at[end]) || body.at[end] == '_' ||
		body.at[end] == ':') &&
	       !(body.at[end] == ':' && is_label(body, end + 1)))
		end++;
	if (end < body.n && !is_between(body.at[end]) && body.at[end] != ':')
		end = word_end(body, end);
	while (end > start && body.at[end - 1] == ':')
		end--;
	return slice(body, start, end);
}

static struct smpp_octets read_text(struct smpp_octets body, uint32_t i)
{
	uint32_t end = body.n;

	while (end > i && body.at[end - 1] == 0)
		end--;
	return slice(body, i, end);
}

static struct smpp_octets (*const readers[SMPP_RECEIPT_FIELDS])(struct smpp_octets body,
								uint32_t i) = {
	[SMPP_RECEIPT_ID] = read_id,	      [SMPP_RECEIPT_SUB] = read_plain,
	[SMPP_RECEIPT_DLVRD] = read_plain,    [SMPP_RECEIPT_SUBMIT_DATE] = read_date,
	[SMPP_RECEIPT_DONE_DATE] = read_date, [SMPP_RECEIPT_STAT] = read_stat,
	[SMPP_RECEIPT_ERR] = read_plain,      [SMPP_RECEIPT_TEXT] = read_text,
};

/* ---- The walk ---- */

/* The next place where a label may begin: behind a gap or a sign. */
static uint32_t next_place(struct smpp_octets body, uint32_t i)
{
	while (i < body.n && !is_sign(body.at[i]))
		i++;
	while (i < body.n && is_sign(body.at[i]))
		i++;
	return i;
}

/* In an object, what has no value: not the word that some carriers have for a state. */
static bool is_null(struct smpp_octets body, uint32_t label, struct smpp_octets value)
{
	return is_quote(body.at[label]) && value.n >= 4 && memcmp(value.at, "null", 4) == 0 &&
	       (value.n == 4 || is_between(value.at[4]));
}

/*
 * Reads the fields of body from i on. Of several with one label the first that has a value
 * stands, or with last the last: behind an opening text the user's words come before the fields.
 */
static void walk(struct smpp_octets body, uint32_t i, bool last, struct smpp_receipt_text *text)
{
	static const struct smpp_octets none;
	bool any = false;

	while (i < body.n) {
		enum smpp_receipt_field field;
		uint32_t value_at = any_label_ends(body, i, &field);
		struct smpp_octets value;

		if (value_at == 0) {
			i = next_place(body, i);
			continue;
		}
		if (field == SMPP_RECEIPT_TEXT && last) {
			i = next_place(body, value_at);
			continue;
		}
		value = field == SMPP_RECEIPT_TEXT ?
				none :
				read_quoted(body, value_at, readers[field] == read_date);
		if (!value.at)
			value = readers[field](body, value_at);
		if (value.n > 0 && !is_null(body, i, value) &&
		    (last || text->values[field].n == 0)) {
			text->values[field] = value;
			text->label_at[field] = i;
		}
		if (field == SMPP_RECEIPT_TEXT) {
			text->text_first = !any;
			return;
		}
		any = true;
		i = value.n > 0 ? (uint32_t)(value.at - body.at) + value.n : value_at;
		if (i < body.n && is_sign(body.at[i]))
			i = next_place(body, i);
	}
}

bool smpp_receipt_text_begins(struct smpp_octets body)
{
	return is_label(body, skip_gaps(body, 0));
}

bool smpp_receipt_text_read(struct smpp_octets body, struct smpp_receipt_text *text)
{
	*text = (struct smpp_receipt_text){ 0 };
	walk(body, 0, false, text);
	return text->values[SMPP_RECEIPT_ID].n > 0 || text->values[SMPP_RECEIPT_STAT].n > 0 ||
	       text->text_first;
}

void smpp_receipt_text_read_on(struct smpp_octets body, struct smpp_receipt_text *text)
{
	struct smpp_octets *words = &text->values[SMPP_RECEIPT_TEXT];
	uint32_t start = words->n > 0 ? (uint32_t)(words->at - body.at) : body.n;
	uint32_t end = start + words->n;

	walk(body, start, true, text);
	for (size_t field = 0; field < SMPP_RECEIPT_TEXT; field++) {
		if (text->values[field].n > 0 && text->label_at[field] < end)
			end = text->label_at[field];
	}
	words->n = end - start;
}
