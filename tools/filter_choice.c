/* Values that are one of few: what never is one would choose nothing, as if there were none of it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "smpp/pdu.h"
#include "smpp/receipt.h"
#include "smpp/status.h"
#include "tools/filter_own.h"

#define FEW_OCTETS 128 /* more is no few: they are not told */

typedef const char *choice_fn(size_t i); /* NULL behind the last */

static const char *class_at(size_t i)
{
	return i <= SMPP_STATUS_RESERVED ? smpp_status_class_name((enum smpp_status_class)i) : NULL;
}

static const char *state_at(size_t i)
{
	return i < SMPP_STATES ? smpp_receipt_state_name((enum smpp_receipt_state)i) : NULL;
}

static const char *dir_at(size_t i)
{
	static const char *const names[] = { "in", "out" };

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

/* One that SMPP 3.4 does not have is called unknown. */
static const char *cmd_at(size_t i)
{
	if (i < SMPP_N_COMMANDS)
		return smpp_commands[i].name;
	return i == SMPP_N_COMMANDS ? "unknown" : NULL;
}

static const struct {
	const char *name;
	choice_fn *at;
} rows[] = { { "class", class_at }, { "cmd", cmd_at }, { "dir", dir_at }, { "state", state_at } };

static bool is_one(choice_fn *at, const struct filter_words *words, struct filter_error *error)
{
	char few[FEW_OCTETS] = "";
	size_t n = 0;

	for (size_t i = 0; at(i) != NULL; i++) {
		if (strcasecmp(at(i), words->value) == 0)
			return true;
		if (n < sizeof(few))
			n += (size_t)snprintf(few + n, sizeof(few) - n, " %s", at(i));
	}
	if (n < sizeof(few))
		return filter_fail(error, words->value_at, "%s is one of%s", words->name, few);
	return filter_fail(error, words->value_at,
			   "there is no such %s; %s~ takes a part of a name", words->name,
			   words->name);
}

bool filter_choice(const struct filter_words *words, struct filter_error *error)
{
	if (words->operator!= FILTER_EQ && words->operator!= FILTER_NE)
		return true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, words->name) == 0)
			return is_one(rows[i].at, words, error);
	return true;
}
