/*
 * smpp/values.def as tables, and the look-up in them.
 */
#include "smpp/values.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "smpp/pdu.h"

struct value {
	const char *set;
	uint8_t mask;
	uint8_t low;
	uint8_t high;
	const char *name;
};

enum where {
	ANY,
	SUBMIT,
	DELIVER,
};

struct named {
	const char *field;
	const char *set;
	enum where where;
};

static const struct value values[] = {
#define VALUE(set, mask, low, high, name) { #set, mask, low, high, name },
#include "smpp/values.def"
};

static const struct named nameds[] = {
#define NAMED(field, set, where) { #field, #set, where },
#include "smpp/values.def"
};

static bool applies(const struct named *named, uint32_t command_id, const char *field)
{
	bool delivers = command_id == SMPP_deliver_sm || command_id == SMPP_data_sm;

	if (strcmp(named->field, field) != 0)
		return false;
	return named->where == ANY || (named->where == DELIVER) == delivers;
}

static const struct value *value_in(const char *set, uint32_t number)
{
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		const struct value *v = &values[i];

		if ((number & v->mask) >= v->low && (number & v->mask) <= v->high &&
		    strcmp(v->set, set) == 0)
			return v;
	}
	return NULL;
}

/* "receipt" of registered_delivery_receipt; NULL if the set has the field's own name. */
static const char *part_of(const char *set, const char *field)
{
	size_t n = strlen(field);

	return strncmp(set, field, n) == 0 && set[n] == '_' ? set + n + 1 : NULL;
}

uint32_t smpp_value_names(uint32_t command_id, const char *field, uint32_t value,
			  struct smpp_value_name names[SMPP_MAX_VALUE_NAMES])
{
	uint32_t n = 0;

	if (value > UINT8_MAX)
		return 0;
	for (size_t i = 0; i < sizeof nameds / sizeof nameds[0]; i++) {
		const char *part = part_of(nameds[i].set, field);
		const struct value *v;

		if (!applies(&nameds[i], command_id, field))
			continue;
		v = value_in(nameds[i].set, value);
		if (!v || n == SMPP_MAX_VALUE_NAMES || (part && (value & v->mask) == 0 && value))
			continue;
		names[n++] = (struct smpp_value_name){ value ? part : NULL, v->name, v->mask };
		if (value == 0)
			break;
	}
	return n;
}

const char *smpp_meaning(const char *name)
{
	static const struct {
		const char *name;
		const char *text;
	} meanings[] = {
#define MEANING(name, text) { #name, text },
#include "smpp/meanings.def"
	};

	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		if (strcmp(meanings[i].name, name) == 0)
			return meanings[i].text;
	return NULL;
}
