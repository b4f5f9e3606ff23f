/*
 * One value of the file to one member of a struct, and back. Each type is a row of `types`: how it
 * is read, how it is printed, and its name in a message. It knows no key by name and no YAML.
 */
#include <assert.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "config/private.h"

#define HEX_MARK "hex:" /* before octets that are no text */

/* What is read, and where a refusal is told. */
struct reading {
	struct config_load *load;
	const struct config_row *row;
	const struct config_place *at;
	const char *text;
};

struct type {
	const char *form; /* after "is not" */
	bool (*parse)(const struct reading *reading, void *member);
	bool (*print)(const struct config_row *row, const void *member,
		      struct config_text_out *out);	 /* false: not set */
	bool (*read)(const char *text, int64_t *number); /* of a number */
	void (*write)(int64_t number, struct config_text_out *out);
	bool (*allowed)(unsigned char octet); /* of a text */
	size_t width;			      /* octets of a number's member */
};

static const struct type *type_of(const struct config_row *row);

/* ---- telling ---- */

void config_out(struct config_text_out *out, const char *format, ...)
{
	char piece[512];
	size_t room = out->write ? sizeof(piece) : out->size - out->n, length;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out->write ? piece : out->octets + out->n, room, format, args);
	va_end(args);
	length = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
	if (n < 0 || (size_t)n >= room)
		out->cut = true;
	if (out->write && length > 0 && !out->cut && !out->write(out->user, piece, length))
		out->cut = true;
	out->n += length;
}

static struct config_error *refuse(const struct reading *reading, const char *why)
{
	char quoted[CONFIG_QUOTED_OCTETS], range[200];
	struct config_text_out out = { .octets = range, .size = sizeof(range) };
	struct config_error *error;

	error = config_mistake(reading->load, reading->at, "%s: %s %s", reading->load->path,
			       config_quote(quoted, reading->text), why);
	config_range_print(reading->row, &out);
	/* A row without bounds has said in `why` what it wants. */
	if (reading->row->most > 0 || reading->row->n_words > 0)
		config_hint(error, "allowed: %s", range);
	return error;
}

static bool refuse_form(const struct reading *reading)
{
	char why[120];

	snprintf(why, sizeof(why), "is not %s", type_of(reading->row)->form);
	refuse(reading, why);
	return false;
}

/* ---- numbers ---- */

static void set_number(const struct config_row *row, void *member, int64_t number)
{
	const uint32_t narrow = (uint32_t)number;

	if (type_of(row)->width == sizeof(narrow))
		memcpy(member, &narrow, sizeof(narrow));
	else
		memcpy(member, &number, sizeof(number));
}

static int64_t get_number(const struct config_row *row, const void *member)
{
	uint32_t narrow;
	int64_t number;

	if (type_of(row)->width == sizeof(narrow)) {
		memcpy(&narrow, member, sizeof(narrow));
		return narrow;
	}
	memcpy(&number, member, sizeof(number));
	return number;
}

static bool read_in_range(const struct reading *reading, int64_t *number)
{
	if (!type_of(reading->row)->read(reading->text, number))
		return refuse_form(reading);
	if (*number < reading->row->least || *number > reading->row->most) {
		refuse(reading, "is out of range");
		return false;
	}
	return true;
}

static bool parse_number(const struct reading *reading, void *member)
{
	int64_t number;

	if (!read_in_range(reading, &number))
		return false;
	set_number(reading->row, member, number);
	return true;
}

static bool print_number(const struct config_row *row, const void *member,
			 struct config_text_out *out)
{
	type_of(row)->write(get_number(row, member), out);
	return true;
}

/* ---- users and groups ---- */

#define ID_MAX 4294967294 /* 2^32 - 1 means "no change" to chown */

static bool parse_user(const struct reading *reading, void *member)
{
	const struct passwd *user;
	int64_t number;

	if (config_read_count(reading->text, &number) && number <= ID_MAX) {
		set_number(reading->row, member, number);
		return true;
	}
	user = getpwnam(reading->text);
	if (!user)
		return refuse_form(reading);
	memcpy(member, &user->pw_uid, sizeof(user->pw_uid));
	return true;
}

static bool parse_group(const struct reading *reading, void *member)
{
	const struct group *group;
	int64_t number = -1;

	if (reading->text[0] && (!config_read_count(reading->text, &number) || number > ID_MAX)) {
		group = getgrnam(reading->text);
		if (!group)
			return refuse_form(reading);
		number = group->gr_gid;
	}
	set_number(reading->row, member, number);
	return true;
}

static bool print_group(const struct config_row *row, const void *member,
			struct config_text_out *out)
{
	int64_t number = get_number(row, member);

	if (number < 0)
		return false;
	config_write_count(number, out);
	return true;
}

/* ---- texts ---- */

static bool is_label(unsigned char octet)
{
	return octet >= 0x20 && octet != 0x7f;
}

static bool is_printable(unsigned char octet)
{
	return octet >= 0x20 && octet <= 0x7e;
}

static bool is_digit(unsigned char octet)
{
	return octet >= '0' && octet <= '9';
}

static bool is_capital(unsigned char octet)
{
	return octet >= 'A' && octet <= 'Z';
}

static bool is_hex(unsigned char octet)
{
	return is_digit(octet) || (octet >= 'a' && octet <= 'f');
}

static bool is_name(unsigned char octet)
{
	return is_digit(octet) || is_capital(octet) || (octet >= 'a' && octet <= 'z') ||
	       octet == '-' || octet == '_';
}

static bool text_fits(const struct reading *reading, const char *text)
{
	const struct config_row *row = reading->row;
	int64_t length = (int64_t)strlen(text);

	for (const char *p = text; *p; p++) {
		if (!type_of(row)->allowed((unsigned char)*p))
			return refuse_form(reading);
	}
	if (length >= row->least && length <= row->most)
		return true;
	refuse(reading, length < row->least ? "is too short" : "is too long");
	return false;
}

static bool keep_text(const struct reading *reading, const char *text, void *member)
{
	const char *copy = config_load_text(reading->load, text, strlen(text));

	memcpy(member, &copy, sizeof(copy));
	return copy != NULL;
}

static bool parse_text(const struct reading *reading, void *member)
{
	return text_fits(reading, reading->text) && keep_text(reading, reading->text, member);
}

static bool parse_path(const struct reading *reading, void *member)
{
	const char *folder = reading->text[0] == '/' ? "" : reading->load->folder;
	size_t length = strlen(folder) + strlen(reading->text);
	char *whole;

	if (!reading->text[0])
		return text_fits(reading, reading->text);
	whole = config_load_alloc(reading->load, length + 1);
	if (!whole)
		return false;
	snprintf(whole, length + 1, "%s%s", folder, reading->text);
	if (!text_fits(reading, whole))
		return false;
	memcpy(member, &whole, sizeof(whole));
	return true;
}

static void write_text(const char *text, struct config_text_out *out)
{
	config_out(out, "\"");
	for (; *text; text++)
		config_out(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	config_out(out, "\"");
}

static bool print_text(const struct config_row *row, const void *member,
		       struct config_text_out *out)
{
	const char *text;

	(void)row;
	memcpy(&text, member, sizeof(text));
	if (text)
		write_text(text, out);
	return text != NULL;
}

/* ---- octets ---- */

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c ? strchr(digits, c | 0x20) : NULL;

	return digit ? (int)(digit - digits) : -1;
}

/* Length of what stands in hex; -1: it is none. */
static int64_t hex_octets(const char *hex, uint8_t *out)
{
	const size_t n = strlen(hex);

	for (size_t i = 0; i < n; i++) {
		const int digit = hex_digit(hex[i]);

		if (digit < 0 || n % 2 != 0)
			return -1;
		out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | digit : digit << 4);
	}
	return (int64_t)(n / 2);
}

static bool parse_octets(const struct reading *reading, void *member)
{
	const char *text = reading->text;
	const bool hex = strncmp(text, HEX_MARK, strlen(HEX_MARK)) == 0;
	struct config_octets octets = { 0 };
	uint8_t *copy = config_load_alloc(reading->load, strlen(text) + 1);
	int64_t n = (int64_t)strlen(text);

	if (!copy)
		return false;
	if (!hex && !text_fits(reading, text))
		return false;
	if (hex)
		n = hex_octets(text + strlen(HEX_MARK), copy);
	else
		memcpy(copy, text, (size_t)n);
	if (n < 0)
		return refuse_form(reading);
	if (n > reading->row->most) {
		refuse(reading, "is too long");
		return false;
	}
	octets.at = copy;
	octets.n = (size_t)n;
	memcpy(member, &octets, sizeof(octets));
	return true;
}

/* As a text if it would be read back as that. */
static bool print_octets(const struct config_row *row, const void *member,
			 struct config_text_out *out)
{
	struct config_octets octets;
	bool text = true;

	(void)row;
	memcpy(&octets, member, sizeof(octets));
	for (size_t i = 0; i < octets.n; i++)
		text = text && is_printable(octets.at[i]);
	/* A NUL stands behind the copy that was made when it was read. */
	if (text && octets.at &&
	    strncmp((const char *)octets.at, HEX_MARK, strlen(HEX_MARK)) != 0) {
		write_text((const char *)octets.at, out);
		return true;
	}
	config_out(out, "\"" HEX_MARK);
	for (size_t i = 0; i < octets.n; i++)
		config_out(out, "%02X", octets.at[i]);
	config_out(out, "\"");
	return true;
}

/* ---- the rest ---- */

static bool parse_bool(const struct reading *reading, void *member)
{
	const bool value = strcmp(reading->text, "true") == 0;

	if (!value && strcmp(reading->text, "false") != 0)
		return refuse_form(reading);
	memcpy(member, &value, sizeof(value));
	return true;
}

static bool print_bool(const struct config_row *row, const void *member,
		       struct config_text_out *out)
{
	bool value;

	(void)row;
	memcpy(&value, member, sizeof(value));
	config_out(out, "%s", value ? "true" : "false");
	return true;
}

static bool parse_choice(const struct reading *reading, void *member)
{
	const struct config_row *row = reading->row;
	const char *near;
	char range[160];
	struct config_text_out out = { .octets = range, .size = sizeof(range) };
	struct config_error *error;

	for (unsigned i = 0; i < row->n_words; i++) {
		if (strcmp(reading->text, row->words[i]) == 0) {
			memcpy(member, &i, sizeof(i));
			return true;
		}
	}
	near = config_nearest(reading->text, row->words, row->n_words);
	error = refuse(reading, "is not a choice here");
	config_range_print(row, &out);
	if (near)
		config_hint(error, "did you mean \"%s\"? allowed: %s", near, range);
	return false;
}

static bool print_choice(const struct config_row *row, const void *member,
			 struct config_text_out *out)
{
	unsigned value;

	memcpy(&value, member, sizeof(value));
	config_out(out, "%s", row->words[value]);
	return true;
}

/* HOST:PORT, or [HOST]:PORT where the host has colons of its own. */
static bool parse_address(const struct reading *reading, void *member)
{
	const char *colon = strrchr(reading->text, ':'), *from = reading->text, *to = colon;
	struct config_address address = { 0 };
	int64_t port;

	if (!colon || !config_read_count(colon + 1, &port) || port > 65535)
		return refuse_form(reading);
	if (*from == '[' && to[-1] == ']') {
		from++;
		to--;
	} else if (memchr(from, ':', (size_t)(to - from))) {
		return refuse_form(reading);
	}
	if (to <= from)
		return refuse_form(reading);
	for (const char *p = from; p < to; p++) {
		if (!is_name((unsigned char)*p) && *p != '.' && *p != ':')
			return refuse_form(reading);
	}
	address.host = config_load_text(reading->load, from, (size_t)(to - from));
	address.port = (uint16_t)port;
	memcpy(member, &address, sizeof(address));
	return address.host != NULL;
}

static bool print_address(const struct config_row *row, const void *member,
			  struct config_text_out *out)
{
	struct config_address address;

	(void)row;
	memcpy(&address, member, sizeof(address));
	if (address.host)
		config_out(out, strchr(address.host, ':') ? "\"[%s]:%u\"" : "\"%s:%u\"",
			   address.host, address.port);
	return address.host != NULL;
}

static bool print_texts(const struct config_row *row, const void *member,
			struct config_text_out *out)
{
	struct config_texts texts;

	(void)row;
	memcpy(&texts, member, sizeof(texts));
	if (texts.n == 0)
		return false;
	config_out(out, "[");
	for (size_t i = 0; i < texts.n; i++) {
		config_out(out, i > 0 ? ", " : "");
		write_text(texts.text[i], out);
	}
	config_out(out, "]");
	return true;
}

static bool print_times(const struct config_row *row, const void *member,
			struct config_text_out *out)
{
	struct config_times times;

	(void)row;
	memcpy(&times, member, sizeof(times));
	if (times.n == 0)
		return false;
	config_out(out, "[");
	for (size_t i = 0; i < times.n; i++) {
		config_out(out, i > 0 ? ", " : "");
		config_write_time(times.ms[i], out);
	}
	config_out(out, "]");
	return true;
}

#define TEXT_TYPE(what, fits)                                                           \
	{                                                                               \
		.form = what, .parse = parse_text, .print = print_text, .allowed = fits \
	}
#define NUMBER_TYPE(what, kind, octets)                                                   \
	{                                                                                 \
		.form = what, .parse = parse_number, .print = print_number,               \
		.read = config_read_##kind, .write = config_write_##kind, .width = octets \
	}

static const struct type types[] = {
	[CONFIG_TYPE_TEXT] = TEXT_TYPE("printable ASCII", is_printable),
	[CONFIG_TYPE_LABEL] = TEXT_TYPE("a text without control characters", is_label),
	[CONFIG_TYPE_NAME] = TEXT_TYPE("a name of letters, digits, - and _", is_name),
	[CONFIG_TYPE_DIGITS] = TEXT_TYPE("digits alone", is_digit),
	[CONFIG_TYPE_CAPITALS] = TEXT_TYPE("capital letters alone", is_capital),
	[CONFIG_TYPE_HEX] = TEXT_TYPE("hexadecimal in small letters", is_hex),
	[CONFIG_TYPE_PATH] = { .form = "a path without control characters",
			       .parse = parse_path,
			       .print = print_text,
			       .allowed = is_label },
	[CONFIG_TYPE_COUNT] = NUMBER_TYPE("a whole number", count, 4),
	[CONFIG_TYPE_TIME] = NUMBER_TYPE("a time (a whole number with ms, s, m, h or d)", time, 8),
	[CONFIG_TYPE_SIZE] =
		NUMBER_TYPE("a size (a whole number with KiB, MiB, GiB or TiB)", size, 8),
	[CONFIG_TYPE_MONEY] = NUMBER_TYPE("an amount with at most six decimals", money, 8),
	[CONFIG_TYPE_MODE] = NUMBER_TYPE("octal permission bits, as 0660", mode, 4),
	[CONFIG_TYPE_STATUS] = NUMBER_TYPE("a command_status, as 0x45 or 69", status, 4),
	[CONFIG_TYPE_TAG] = NUMBER_TYPE("a tag, as 0x1401 or 5121", status, 4),
	[CONFIG_TYPE_OCTETS] = { .form = "a text, or octets as hex:0A0B",
				 .parse = parse_octets,
				 .print = print_octets,
				 .allowed = is_printable },
	[CONFIG_TYPE_ZONE] = NUMBER_TYPE("an offset from UTC, as +01:00", zone, 8),
	[CONFIG_TYPE_OCTET] = NUMBER_TYPE("an octet, as 0xF1 or 241", status, 4),
	[CONFIG_TYPE_USER] = { .form = "a user of this machine",
			       .parse = parse_user,
			       .print = print_number,
			       .write = config_write_count,
			       .width = 4 },
	[CONFIG_TYPE_GROUP] = { .form = "a group of this machine",
				.parse = parse_group,
				.print = print_group,
				.width = 8 },
	[CONFIG_TYPE_BOOL] = { .form = "true or false", .parse = parse_bool, .print = print_bool },
	[CONFIG_TYPE_ADDRESS] = { .form = "an address with a port, as 127.0.0.1:8080",
				  .parse = parse_address,
				  .print = print_address },
	[CONFIG_TYPE_TEXTS] = { .form = "printable ASCII",
				.print = print_texts,
				.allowed = is_printable },
	[CONFIG_TYPE_TIMES] = { .form = "a time (a whole number with ms, s, m, h or d)",
				.print = print_times,
				.read = config_read_time,
				.write = config_write_time },
	[CONFIG_TYPE_CHOICE] = { .parse = parse_choice, .print = print_choice },
};

static const struct type *type_of(const struct config_row *row)
{
	return &types[row->type];
}

_Static_assert(sizeof(uid_t) == 4, "a user is read as a number of four octets");

/* ---- lists ---- */

/* The items of a list, or the one value that stands for a list of one. */
static const struct config_node *list_items(struct config_load *load, struct config_node *node,
					    size_t *n)
{
	*n = node->kind == CONFIG_NODE_LIST ? node->n : 1;
	if (*n == 0)
		config_mistake(load, &node->at, "%s: the list is empty", load->path);
	return node->kind == CONFIG_NODE_LIST ? node->first : node;
}

static bool scalar_of(struct config_load *load, const struct config_node *node)
{
	if (node->kind == CONFIG_NODE_SCALAR && !(node->plain && !node->text[0]))
		return true;
	if (node->kind == CONFIG_NODE_SCALAR)
		config_mistake(load, &node->at, "%s: has no value", load->path);
	else if (node->kind != CONFIG_NODE_REFUSED)
		config_mistake(load, &node->at, "%s: must be one value, not a %s", load->path,
			       node->kind == CONFIG_NODE_LIST ? "list" : "mapping");
	return false;
}

static bool take_texts(struct config_load *load, const struct config_row *row, void *member,
		       struct config_node *node)
{
	struct config_texts texts = { 0 };
	const struct config_node *item = list_items(load, node, &texts.n);
	const char **text = config_load_alloc(load, (texts.n + 1) * sizeof(*text));
	bool good = texts.n > 0 && text != NULL;

	for (size_t i = 0; text && i < texts.n; i++, item = item->next) {
		struct reading reading = { load, row, &item->at, item->text };

		if (!scalar_of(load, item) || !text_fits(&reading, item->text) ||
		    !keep_text(&reading, item->text, &text[i]))
			good = false;
	}
	texts.text = text;
	if (good)
		memcpy(member, &texts, sizeof(texts));
	return good;
}

static bool take_times(struct config_load *load, const struct config_row *row, void *member,
		       struct config_node *node)
{
	struct config_times times = { 0 };
	const struct config_node *item = list_items(load, node, &times.n);
	int64_t *ms = config_load_alloc(load, (times.n + 1) * sizeof(*ms));
	bool good = times.n > 0 && ms != NULL;

	for (size_t i = 0; ms && i < times.n; i++, item = item->next) {
		struct reading reading = { load, row, &item->at, item->text };

		if (!scalar_of(load, item) || !read_in_range(&reading, &ms[i]))
			good = false;
	}
	times.ms = ms;
	if (good)
		memcpy(member, &times, sizeof(times));
	return good;
}

/* ---- the whole ---- */

bool config_value_take(struct config_load *load, const struct config_row *row, void *base,
		       struct config_node *node)
{
	char *member = (char *)base + row->offset;
	struct reading reading = { load, row, &node->at, node->text };

	if (row->type == CONFIG_TYPE_TEXTS)
		node->wrong = !take_texts(load, row, member, node);
	else if (row->type == CONFIG_TYPE_TIMES)
		node->wrong = !take_times(load, row, member, node);
	else
		node->wrong = !scalar_of(load, node) || !type_of(row)->parse(&reading, member);
	return !node->wrong;
}

bool config_value_print(const struct config_row *row, const void *base, struct config_text_out *out)
{
	return type_of(row)->print(row, (const char *)base + row->offset, out);
}

void config_value_derive(const struct config_row *row, const struct config_row *from, int64_t plus,
			 void *base)
{
	char *member = (char *)base + row->offset;
	const char *other = (const char *)base + from->offset;

	if (type_of(row)->width > 0)
		set_number(row, member, get_number(from, other) + plus);
	else
		memcpy(member, other, sizeof(const char *const *));
}

void config_range_print(const struct config_row *row, struct config_text_out *out)
{
	const struct type *type = type_of(row);

	if (row->n_words > 0) {
		for (size_t i = 0; i < row->n_words; i++)
			config_out(out, "%s%s", row->words[i],
				   i + 2 < row->n_words	 ? ", " :
				   i + 2 == row->n_words ? " or " :
							   "");
	} else if (type->write && row->most > 0) {
		type->write(row->least, out);
		config_out(out, " to ");
		type->write(row->most, out);
		config_out(out, "%s%s", row->unit[0] ? " " : "", row->unit);
	} else if (type->allowed) {
		if (row->least == row->most)
			config_out(out, "%d characters", (int)row->most);
		else
			config_out(out, "%d to %d characters", (int)row->least, (int)row->most);
	} else {
		config_out(out, "%s", type->form);
	}
}
