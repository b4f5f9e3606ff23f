/* The words of tools/sim_words.h. */
#include "tools/sim_words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "smpp/status.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool colon_parts(const struct sim_words *words, size_t at)
{
	return words->line[at] == ':' && (at + 1 == words->n || is_blank(words->line[at + 1]));
}

/* The end of the word that begins at `at`. A quote that is not closed goes to the end. */
static size_t word_end(const struct sim_words *words, size_t at)
{
	bool quoted = false;

	for (; at < words->n; at++) {
		char c = words->line[at];

		if (c == '\\' && at + 1 < words->n)
			at++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (is_blank(c) || c == ';' || colon_parts(words, at)))
			break;
	}
	return at;
}

static struct smpp_octets slice(const struct sim_words *words, size_t from, size_t to)
{
	return (struct smpp_octets){ .at = (const uint8_t *)words->line + from,
				     .n = (uint32_t)(to - from) };
}

static void split(struct sim_words *words, size_t from, size_t to)
{
	const char *equals = memchr(words->line + from, '=', to - from);
	size_t middle = equals == NULL ? to : (size_t)(equals - words->line);

	words->word.kind = SIM_WORD;
	words->word.name = slice(words, from, middle);
	words->word.has_value = equals != NULL;
	words->word.value = slice(words, equals == NULL ? to : middle + 1, to);
}

void sim_words_next(struct sim_words *words)
{
	size_t at = words->next;

	while (at < words->n && is_blank(words->line[at]))
		at++;
	words->word = (struct sim_word){ .column = (uint32_t)at + 1 };
	words->next = at;
	if (at == words->n || words->line[at] == '#')
		return;
	if (words->line[at] == ';' || colon_parts(words, at)) {
		words->word.kind = words->line[at] == ';' ? SIM_WORD_SEMICOLON : SIM_WORD_COLON;
		words->next++;
		return;
	}
	words->next = word_end(words, at);
	split(words, at, words->next);
}

void sim_words_begin(struct sim_words *words, const char *line, size_t n)
{
	*words = (struct sim_words){ .line = line, .n = n };
	sim_words_next(words);
}

bool sim_word_is(const struct sim_word *word, const char *name)
{
	return word->kind == SIM_WORD && smpp_octets_equal(word->name, smpp_octets_of(name));
}

bool sim_wrong(struct sim_mistake *mistake, uint32_t column, const char *format, ...)
{
	va_list args;

	if (mistake->column != 0)
		return false;
	mistake->column = column;
	va_start(args, format);
	vsnprintf(mistake->text, sizeof(mistake->text), format, args);
	va_end(args);
	return false;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

bool sim_read_number(struct smpp_octets text, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	int base = 10;

	if (text.n > 2 && text.at[0] == '0' && (text.at[1] | 0x20) == 'x') {
		base = 16;
		text.at += 2;
		text.n -= 2;
	}
	if (text.n == 0)
		return false;
	for (uint32_t i = 0; i < text.n; i++) {
		int d = digit(text.at[i]);

		if (d >= base || value > (UINT64_MAX - (uint64_t)d) / (uint64_t)base)
			return false;
		value = value * (uint64_t)base + (uint64_t)d;
	}
	if (value > max)
		return false;
	*out = value;
	return true;
}

bool sim_read_ms(struct smpp_octets text, uint32_t *out)
{
	static const struct {
		const char *name;
		uint32_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "", 1 } };
	uint64_t value;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint32_t n = (uint32_t)strlen(units[i].name);
		struct smpp_octets number = { .at = text.at, .n = text.n - n };

		if (text.n < n || memcmp(text.at + text.n - n, units[i].name, n) != 0)
			continue;
		if (!sim_read_number(number, SIM_MS_MAX / units[i].ms, &value))
			return false;
		*out = (uint32_t)value * units[i].ms;
		return true;
	}
	return false;
}

bool sim_read_status(struct smpp_octets text, uint32_t *out)
{
	uint64_t value;

	if (smpp_status_named((const char *)text.at, text.n, out))
		return true;
	if (!sim_read_number(text, UINT32_MAX, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}
