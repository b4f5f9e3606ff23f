/*
 * Fuzzes store/record.h: any octets under a right checksum decode within bounds or are corrupt;
 * what decodes encodes again to a value that decodes to the same; any octets are read as members
 * of a release within bounds, and those that can be read pack to what reads the same.
 */
#include <stdlib.h>
#include <string.h>

#include "store/crc.h"
#include "store/record.h"
#include "store/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	LINE_OCTETS = 32768
};

static void must(bool truth)
{
	if (!truth)
		abort();
}

/* Key and members from data; version and checksum are made right, or nothing would get past them. */
static size_t seal(enum store_kind kind, const uint8_t *key, size_t key_n, const uint8_t *members,
		   size_t n, uint8_t *value)
{
	uint8_t octet = (uint8_t)kind;
	uint32_t crc;

	value[0] = store_shape(kind)->version;
	memcpy(value + 1, members, n);
	crc = store_crc32c(0, &octet, 1);
	crc = store_crc32c(crc, key, key_n);
	crc = store_crc32c(crc, value, 1 + n);
	for (unsigned i = 0; i < 4; i++)
		value[1 + n + i] = (uint8_t)(crc >> (24 - 8 * i));
	return 1 + n + 4;
}

static void check_dump(enum store_kind kind, const void *rec, const char *line)
{
	static char again[LINE_OCTETS];
	size_t n = store_dump(kind, rec, true, again, sizeof(again));

	must(n < sizeof(again) && strlen(again) == n);
	if (line)
		must(strcmp(line, again) == 0);
	char *cut = malloc(n / 2 + 1);

	must(cut != NULL);
	must(store_dump(kind, rec, true, cut, n / 2 + 1) == n);
	must(strlen(cut) == n / 2);
	free(cut);
}

static void check_record(enum store_kind kind, const uint8_t *data, size_t size)
{
	static char line[LINE_OCTETS];
	static union store_any rec;
	static union store_any again;
	uint8_t value[STORE_PAIR_OCTETS + 8];
	uint8_t key[STORE_KEY_OCTETS];
	size_t key_n = store_key_prefix_octets(kind, UINT32_MAX);
	size_t n;

	if (size < key_n || size - key_n > STORE_PAIR_OCTETS)
		return;
	n = seal(kind, data, key_n, data + key_n, size - key_n, value);
	if (store_value_decode(kind, data, key_n, value, n, &rec))
		return;
	must(store_key_encode(kind, &rec, key) == key_n && memcmp(key, data, key_n) == 0);
	store_dump(kind, &rec, true, line, sizeof(line));
	check_dump(kind, &rec, NULL);
	size_t old_n = n;

	if (store_value_encode(kind, &rec, old_n, value, &n)) /* a time past all times */
		return;
	must(store_value_decode(kind, key, key_n, value, n, &again) == STORE_OK);
	check_dump(kind, &again, line);
}

static void check_members(const uint8_t *data, size_t size)
{
	uint8_t octets[4096];
	struct store_members_reader reader;
	struct store_members_reader second;
	struct store_members members;
	struct store_member member;
	struct store_member same;

	store_members_init(&members, octets, sizeof(octets));
	store_members_read(&reader, (struct store_octets){ data, (uint32_t)size });
	while (store_members_next(&reader, &member)) {
		if (!store_members_add(&members, &member))
			return;
	}
	store_members_read(&reader, (struct store_octets){ data, (uint32_t)size });
	store_members_read(&second, (struct store_octets){ octets, (uint32_t)members.n });
	while (store_members_next(&reader, &member)) {
		must(store_members_next(&second, &same));
		must(member.order == same.order && member.index == same.index &&
		     member.pdu == same.pdu && member.segment == same.segment &&
		     member.attempt == same.attempt);
	}
	must(!store_members_next(&second, &same) && !second.bad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	unsigned kind = data[0] % (STORE_KINDS + 1);

	if (kind == STORE_KINDS)
		check_members(data + 1, size - 1);
	else
		check_record((enum store_kind)kind, data + 1, size - 1);
	return 0;
}
