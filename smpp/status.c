/*
 * smpp/status.def as a table, and what the ranges between its rows mean (SMPP 3.4, Table 5-2).
 */
#include "smpp/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct row {
	uint32_t value;
	struct smpp_status status;
};

static const struct row rows[] = {
#define STATUS(value, name, meaning, class) { value, { #name, meaning, SMPP_STATUS_##class } },
#include "smpp/status.def"
#undef STATUS
};

static const char *const class_names[] = {
	[SMPP_STATUS_ACCEPTED] = "accepted",   [SMPP_STATUS_THROTTLE] = "throttle",
	[SMPP_STATUS_RETRY] = "retry",	       [SMPP_STATUS_LINK] = "link",
	[SMPP_STATUS_BIND] = "bind",	       [SMPP_STATUS_PERMANENT] = "permanent",
	[SMPP_STATUS_OPERATION] = "operation", [SMPP_STATUS_TRANSACTION] = "transaction",
	[SMPP_STATUS_VENDOR] = "vendor",       [SMPP_STATUS_RESERVED] = "reserved",
};

const char *smpp_status_class_name(enum smpp_status_class class)
{
	return class_names[class];
}

struct smpp_status smpp_status(uint32_t command_status)
{
	size_t low = 0;
	size_t high = sizeof rows / sizeof rows[0];

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rows[middle].value == command_status)
			return rows[middle].status;
		if (rows[middle].value < command_status)
			low = middle + 1;
		else
			high = middle;
	}
	if (command_status >= 0x400 && command_status <= 0x4FF)
		return (struct smpp_status){ NULL, "the carrier's own", SMPP_STATUS_VENDOR };
	return (struct smpp_status){ NULL, "reserved", SMPP_STATUS_RESERVED };
}

bool smpp_status_named(const char *name, size_t n, uint32_t *command_status)
{
	static const char prefix[] = "ESME_";
	const size_t prefix_n = sizeof(prefix) - 1;

	if (n > prefix_n && strncasecmp(name, prefix, prefix_n) == 0) {
		name += prefix_n;
		n -= prefix_n;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *known = rows[i].status.name + prefix_n;

		if (strlen(known) == n && strncasecmp(known, name, n) == 0) {
			*command_status = rows[i].value;
			return true;
		}
	}
	return false;
}

const char *smpp_status_text(uint32_t command_status, char out[SMPP_STATUS_TEXT_OCTETS])
{
	const char *name = smpp_status(command_status).name;

	if (name)
		snprintf(out, SMPP_STATUS_TEXT_OCTETS, "%s (0x%08" PRIx32 ")", name,
			 command_status);
	else
		snprintf(out, SMPP_STATUS_TEXT_OCTETS, "0x%08" PRIx32 " (%" PRIu32 ")",
			 command_status, command_status);
	return out;
}
