/* The formats of tools/capture_file.h: pcap, and pcapng (draft-ietf-opsawg-pcapng). */
#include "tools/capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PCAPNG_SECTION	 0x0A0D0D0Au /* reads the same in either order */
#define PCAPNG_MAGIC	 0x1A2B3C4Du
#define PCAPNG_INTERFACE 1u
#define PCAPNG_SIMPLE	 3u
#define PCAPNG_ENHANCED	 6u
#define PCAP_MICRO	 0xA1B2C3D4u
#define PCAP_NANO	 0xA1B23C4Du
#define US_PER_S	 1000000u
#define LEAST_ROOM	 (256u << 10) /* octets that are read at once, or more */

struct interface {
	uint32_t link_type;
	uint64_t units_per_s;
	int64_t offset_s;
	char name[CAPTURE_NAME_OCTETS];
};

struct capture_file {
	int fd;
	uint8_t *octets; /* of which [at, end) are not taken yet */
	size_t room;
	size_t at;
	size_t end;
	uint64_t offset; /* of octets[at] in the file */
	uint64_t number;
	bool pcapng;
	bool big; /* the numbers of the file, or of its section */
	struct interface *interfaces;
	size_t interface_count; /* pcap: 1 */
	char comment[CAPTURE_COMMENT_OCTETS];
};

/* Where in the file it is, too. Always false. */
static bool fail(const struct capture_file *file, char *error, const char *text)
{
	snprintf(error, CAPTURE_ERROR_OCTETS, "%s (offset %" PRIu64 ")", text, file->offset);
	return false;
}

static bool fail_size(const struct capture_file *file, char *error, const char *what,
		      uint32_t octets)
{
	char text[128];

	snprintf(text, sizeof(text), "%s of %" PRIu32 " octets: the file is damaged", what, octets);
	return fail(file, error, text);
}

/* ---- octets ---- */

/* n is at most that of the largest record with its header. */
static bool grow(struct capture_file *file, size_t n)
{
	uint8_t *octets;

	if (n < LEAST_ROOM)
		n = LEAST_ROOM;
	octets = realloc(file->octets, n);
	if (octets == NULL)
		return false;
	file->octets = octets;
	file->room = n;
	return true;
}

/* So many octets in a row, not taken yet; NULL: fewer are left, or no memory. */
static const uint8_t *need(struct capture_file *file, size_t n)
{
	if (file->end - file->at >= n)
		return file->octets + file->at;
	if (file->end > file->at)
		memmove(file->octets, file->octets + file->at, file->end - file->at);
	file->end -= file->at;
	file->at = 0;
	if (n > file->room && !grow(file, n))
		return NULL;
	while (file->end < n) {
		ssize_t got = read(file->fd, file->octets + file->end, file->room - file->end);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return NULL;
		file->end += (size_t)got;
	}
	return file->octets;
}

static void take(struct capture_file *file, size_t n)
{
	file->at += n;
	file->offset += n;
}

/* What is of no interest may be of any length. */
static bool skip(struct capture_file *file, uint64_t n)
{
	while (n > 0) {
		size_t piece = n < LEAST_ROOM ? (size_t)n : LEAST_ROOM;

		if (need(file, piece) == NULL)
			return false;
		take(file, piece);
		n -= piece;
	}
	return true;
}

static uint32_t u16(const struct capture_file *file, const uint8_t *at)
{
	return file->big ? (uint32_t)at[0] << 8 | at[1] : (uint32_t)at[1] << 8 | at[0];
}

static uint32_t u32(const struct capture_file *file, const uint8_t *at)
{
	return file->big ? u16(file, at) << 16 | u16(file, at + 2) :
			   u16(file, at + 2) << 16 | u16(file, at);
}

static int64_t time_us(const struct interface *interface, uint64_t units)
{
	uint64_t seconds = units / interface->units_per_s;
	uint64_t rest = units % interface->units_per_s;

	/* A clock that is out of every range says nothing. */
	if (seconds > INT64_MAX / US_PER_S / 2)
		return 0;
	return ((int64_t)seconds + interface->offset_s) * US_PER_S +
	       (int64_t)(rest * US_PER_S / interface->units_per_s);
}

/* ---- pcap ---- */

static struct interface *add_interface(struct capture_file *file, char *error)
{
	size_t count = file->interface_count;
	struct interface *interfaces = file->interfaces;

	if (count == CAPTURE_INTERFACES) {
		fail(file, error, "too many interfaces");
		return NULL;
	}
	if ((count & (count - 1)) == 0) /* room is for the next power of two */
		interfaces =
			reallocarray(interfaces, count == 0 ? 1 : 2 * count, sizeof(*interfaces));
	if (interfaces == NULL) {
		fail(file, error, "out of memory");
		return NULL;
	}
	file->interfaces = interfaces;
	interfaces[count] = (struct interface){ .units_per_s = US_PER_S };
	file->interface_count++;
	return &interfaces[count];
}

static bool begin_pcap(struct capture_file *file, char *error)
{
	const uint8_t *at = need(file, 24);
	struct interface *interface;
	uint32_t magic;

	if (at == NULL)
		return fail(file, error, "the file ends within its header");
	magic = u32(file, at);
	file->big = magic != PCAP_MICRO && magic != PCAP_NANO;
	interface = add_interface(file, error);
	if (interface == NULL)
		return false;
	if (u32(file, at) == PCAP_NANO)
		interface->units_per_s = 1000 * (uint64_t)US_PER_S;
	interface->link_type = u32(file, at + 20) & 0xFFFF;
	take(file, 24);
	return true;
}

static bool next_pcap(struct capture_file *file, struct capture_record *record, char *error)
{
	const struct interface *interface = &file->interfaces[0];
	const uint8_t *at = need(file, 16);
	uint32_t n;

	if (at == NULL)
		return file->end == file->at ? false :
					       fail(file, error, "the file ends within a packet");
	n = u32(file, at + 8);
	if (n > CAPTURE_RECORD_OCTETS)
		return fail_size(file, error, "a packet", n);
	at = need(file, 16 + (size_t)n);
	if (at == NULL)
		return fail(file, error, "the file ends within a packet");
	*record = (struct capture_record){
		.number = ++file->number,
		.at_us = time_us(interface,
				 u32(file, at) * interface->units_per_s + u32(file, at + 4)),
		.link_type = interface->link_type,
		.octets = at + 16,
		.n = n,
		.wire_n = u32(file, at + 12),
		.interface = "",
		.comment = "",
	};
	take(file, 16 + (size_t)n);
	return true;
}

/* ---- pcapng ---- */

struct option {
	uint32_t code;
	uint32_t n;
	const uint8_t *at;
};

/* The next of a list of options; false: none is left. */
static bool next_option(const struct capture_file *file, const uint8_t **at, const uint8_t *end,
			struct option *option)
{
	if (end - *at < 4)
		return false;
	option->code = u16(file, *at);
	option->n = u16(file, *at + 2);
	option->at = *at + 4;
	if (option->code == 0 || option->n > (size_t)(end - option->at))
		return false;
	*at = option->at + ((option->n + 3) & ~3u);
	if (*at > end)
		*at = end;
	return true;
}

static void copy_text(char *out, size_t room, const struct option *option)
{
	size_t n = option->n < room - 1 ? option->n : room - 1;

	memcpy(out, option->at, n);
	out[n] = '\0';
}

/* Negative powers of 10, or of 2 with the highest bit. 0: finer than any clock. */
static uint64_t units_of(uint8_t resolution)
{
	uint64_t units = 1;
	uint32_t power = resolution & 0x7F, base = resolution & 0x80 ? 2 : 10;

	if (power > (base == 2 ? 40 : 12))
		return 0;
	for (uint32_t i = 0; i < power; i++)
		units *= base;
	return units;
}

static bool on_interface(struct capture_file *file, const uint8_t *at, const uint8_t *end,
			 char *error)
{
	struct interface *interface = add_interface(file, error);
	struct option option;

	if (interface == NULL)
		return false;
	if (end - at < 8)
		return fail(file, error, "an interface is cut short");
	interface->link_type = u16(file, at);
	at += 8;
	while (next_option(file, &at, end, &option)) {
		if (option.code == 2)
			copy_text(interface->name, sizeof(interface->name), &option);
		if (option.code == 9 && option.n == 1)
			interface->units_per_s = units_of(option.at[0]);
		if (option.code == 14 && option.n == 8)
			interface->offset_s = (int32_t)u32(file, option.at + (file->big ? 4 : 0));
	}
	return interface->units_per_s != 0 ||
	       fail(file, error, "the clock of an interface is finer than can be read");
}

static bool on_enhanced(struct capture_file *file, const uint8_t *at, const uint8_t *end,
			struct capture_record *record, char *error)
{
	const struct interface *interface;
	struct option option;
	uint32_t n;

	if (end - at < 20 || u32(file, at) >= file->interface_count)
		return fail(file, error, "a packet of an interface that is not described");
	interface = &file->interfaces[u32(file, at)];
	n = u32(file, at + 12);
	if (n > (size_t)(end - at) - 20)
		return fail(file, error, "a packet is longer than its block");
	file->comment[0] = '\0';
	*record = (struct capture_record){
		.number = ++file->number,
		.at_us = time_us(interface, (uint64_t)u32(file, at + 4) << 32 | u32(file, at + 8)),
		.link_type = interface->link_type,
		.octets = at + 20,
		.n = n,
		.wire_n = u32(file, at + 16),
		.interface = interface->name,
		.comment = file->comment,
	};
	at += 20;
	at += (size_t)(end - at) < ((n + 3) & ~3u) ? (size_t)(end - at) : ((n + 3) & ~3u);
	while (next_option(file, &at, end, &option)) {
		if (option.code == 1)
			copy_text(file->comment, sizeof(file->comment), &option);
		if (option.code == 2 && option.n == 4 && (u32(file, option.at) & 3) < 3)
			record->way = (enum capture_way)(u32(file, option.at) & 3);
	}
	return true;
}

static bool on_simple(struct capture_file *file, const uint8_t *at, const uint8_t *end,
		      struct capture_record *record, char *error)
{
	size_t n = (size_t)(end - at);

	if (n < 4 || file->interface_count == 0)
		return fail(file, error, "a packet of an interface that is not described");
	*record = (struct capture_record){ .number = ++file->number,
					   .link_type = file->interfaces[0].link_type,
					   .octets = at + 4,
					   .wire_n = u32(file, at),
					   .interface = file->interfaces[0].name,
					   .comment = "" };
	n -= 4;
	record->n = record->wire_n < n ? record->wire_n : (uint32_t)n;
	return true;
}

/* A new section: its order of octets counts, and its interfaces only. */
static bool begin_section(struct capture_file *file, const uint8_t *at, char *error)
{
	file->big = false;
	if (u32(file, at + 8) != PCAPNG_MAGIC) {
		file->big = true;
		if (u32(file, at + 8) != PCAPNG_MAGIC)
			return fail(file, error, "this is no section of pcapng");
	}
	file->interface_count = 0;
	return true;
}

static bool next_pcapng(struct capture_file *file, struct capture_record *record, char *error)
{
	const uint8_t *at;

	while ((at = need(file, 12)) != NULL) {
		uint32_t type = u32(file, at), length;
		const uint8_t *end;
		bool found = type == PCAPNG_ENHANCED || type == PCAPNG_SIMPLE;

		if (type == PCAPNG_SECTION && !begin_section(file, at, error))
			return false;
		length = u32(file, at + 4);
		if (length < 12 || length % 4 != 0)
			return fail_size(file, error, "a block", length);
		if (!found && type != PCAPNG_INTERFACE) {
			if (!skip(file, length))
				return fail(file, error, "the file ends within a block");
			continue;
		}
		if (length > CAPTURE_RECORD_OCTETS)
			return fail_size(file, error, "a block", length);
		at = need(file, length);
		if (at == NULL)
			return fail(file, error, "the file ends within a block");
		end = at + length - 4;
		at += 8;
		if (type == PCAPNG_INTERFACE && !on_interface(file, at, end, error))
			return false;
		if (type == PCAPNG_ENHANCED && !on_enhanced(file, at, end, record, error))
			return false;
		if (type == PCAPNG_SIMPLE && !on_simple(file, at, end, record, error))
			return false;
		take(file, length);
		if (found)
			return true;
	}
	return file->end == file->at ? false : fail(file, error, "the file ends within a block");
}

/* ---- both ---- */

bool capture_file_is(const uint8_t octets[4])
{
	static const uint32_t magics[] = { PCAPNG_SECTION, PCAP_MICRO, PCAP_NANO };
	struct capture_file either = { .big = false };
	uint32_t little = u32(&either, octets);

	either.big = true;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (magics[i] == little || magics[i] == u32(&either, octets))
			return true;
	return false;
}

static bool begin(struct capture_file *file, char *error)
{
	const uint8_t *at = need(file, 4);

	if (at == NULL || !capture_file_is(at))
		return fail(file, error, "this is neither pcap nor pcapng");
	file->pcapng = u32(file, at) == PCAPNG_SECTION;
	return file->pcapng || begin_pcap(file, error);
}

struct capture_file *capture_file_open(const char *path, char *error)
{
	struct capture_file *file = calloc(1, sizeof(*file));

	if (file == NULL) {
		snprintf(error, CAPTURE_ERROR_OCTETS, "out of memory");
		return NULL;
	}
	file->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0)
		snprintf(error, CAPTURE_ERROR_OCTETS, "%s", strerror(errno));
	else if (begin(file, error))
		return file;
	capture_file_close(file);
	return NULL;
}

void capture_file_close(struct capture_file *file)
{
	if (file == NULL)
		return;
	if (file->fd > STDIN_FILENO)
		close(file->fd);
	free(file->interfaces);
	free(file->octets);
	free(file);
}

bool capture_file_next(struct capture_file *file, struct capture_record *record, char *error)
{
	error[0] = '\0';
	return file->pcapng ? next_pcapng(file, record, error) : next_pcap(file, record, error);
}
