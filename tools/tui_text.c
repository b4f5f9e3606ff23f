/* Panes that are a text, and what of a line fits on the screen. */
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "core/json.h"
#include "tools/tui_own.h"

/* ---- lines ---- */

/* The character at `at`, of well-formed UTF-8; *n its octets. 0: it is not well-formed. */
static wchar_t character(const char *at, const char *end, size_t *n)
{
	unsigned char lead = (unsigned char)*at;
	size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
	uint32_t code = more == 0 ? lead : lead & (0x3Fu >> more);

	*n = 1;
	if (more >= (size_t)(end - at) || (lead >= 0x80 && more == 0))
		return 0;
	for (size_t i = 1; i <= more; i++) {
		if (((unsigned char)at[i] & 0xC0) != 0x80)
			return 0;
		code = code << 6 | ((unsigned char)at[i] & 0x3F);
	}
	*n = more + 1;
	return (wchar_t)code;
}

void tui_put_fitting(struct buffer *out, const char *text, size_t n, size_t left, size_t columns,
		     bool utf8)
{
	const char *at = text, *end = n > 0 ? text + n : text;
	size_t column = 0;

	while (at < end && *at != '\n') {
		size_t octets;
		wchar_t code = character(at, end, &octets);
		int width = code >= 0x80 && !utf8 ? -1 : wcwidth(code);
		size_t wide = code == 0 || width < 0 ? 1 : (size_t)width;

		if (column + wide > left + columns)
			return;
		/* Of a wide character that is half scrolled out nothing can be shown. */
		if (column >= left && (code == 0 || width < 0))
			buffer_text(out, "?");
		else if (column >= left)
			buffer_append(out, at, octets);
		else if (column + wide > left)
			buffer_text(out, " ");
		column += wide;
		at += octets;
	}
}

/* ---- a PDU ---- */

static void begin_text(struct tui *tui)
{
	buffer_clear(&tui->text);
	tui->text_top = 0;
	tui->left = 0;
}

bool tui_text_block(struct tui *tui)
{
	const struct tui_item *item = tui_keep_at(&tui->keep, tui->cursor);

	if (item == NULL)
		return false;
	begin_text(tui);
	buffer_clear(&tui->view.out);
	tui->view.format = TRACE_BLOCK;
	trace_view_event(&tui->view, &item->event);
	buffer_append(&tui->text, tui->view.out.octets, tui->view.out.n);
	return !tui->text.failed && !tui->view.out.failed;
}

/* ---- two PDUs ---- */

/* What the object says of PDUs themselves: names as in Wireshark, and what they mean. */
static bool compares(const char *name)
{
	static const char *const ours[] = { "link",	   "session", "dir",	"octets",
					    "status_text", "rtt_ms",  "window", "command",
					    "problem",	   "again" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcmp(ours[i], name) == 0)
			return true;
	}
	return strncmp(name, "smpp.", 5) == 0 || strcmp(name, "receipt") == 0 ||
	       strcmp(name, "part") == 0 || strcmp(name, "submit") == 0;
}

static void put_value(struct buffer *out, const struct json *value)
{
	void *cursor = NULL;
	const struct json *member;
	const char *text = json_get_text(value, NULL);
	const char *name;
	int64_t number;
	bool so;

	if (text != NULL)
		buffer_text(out, text);
	else if (json_get_int(value, &number))
		buffer_format(out, "%lld", (long long)number);
	else if (json_get_micro(value, &number))
		buffer_format(out, "%g", (double)number / 1e6);
	else if (json_get_bool(value, &so))
		buffer_text(out, so ? "true" : "false");
	for (size_t i = 0; json_kind(value) == JSON_KIND_ARRAY && i < json_count(value); i++) {
		buffer_text(out, i > 0 ? ", " : "");
		put_value(out, json_at(value, i));
	}
	while ((name = json_next(value, &cursor, &member)) != NULL) {
		buffer_format(out, "%s=", name);
		put_value(out, member);
		buffer_text(out, " ");
	}
}

static void put_member(struct buffer *out, char mark, const char *name, const struct json *value)
{
	buffer_format(out, "%c %-28s ", mark, strncmp(name, "smpp.", 5) == 0 ? name + 5 : name);
	put_value(out, value);
	buffer_text(out, "\n");
}

/* Are the two written alike? */
static bool same(const struct json *a, const struct json *b)
{
	struct buffer texts[2] = { 0 };
	bool alike;

	put_value(&texts[0], a);
	put_value(&texts[1], b);
	alike = json_kind(a) == json_kind(b) && texts[0].n == texts[1].n &&
		(texts[0].n == 0 || memcmp(texts[0].octets, texts[1].octets, texts[0].n) == 0);
	buffer_release(&texts[0]);
	buffer_release(&texts[1]);
	return alike;
}

static void put_diff(struct buffer *out, const struct json *a, const struct json *b)
{
	const struct json *value;
	const char *name;
	void *cursor = NULL;

	while ((name = json_next(a, &cursor, &value)) != NULL) {
		const struct json *other = json_get(b, name);

		if (!compares(name))
			continue;
		if (other != NULL && same(value, other)) {
			put_member(out, ' ', name, value);
			continue;
		}
		put_member(out, '-', name, value);
		if (other != NULL)
			put_member(out, '+', name, other);
	}
	cursor = NULL;
	while ((name = json_next(b, &cursor, &value)) != NULL) {
		if (compares(name) && json_get(a, name) == NULL)
			put_member(out, '+', name, value);
	}
}

static struct json *object_of(struct tui *tui, const struct tui_item *item)
{
	struct json_error error;

	buffer_clear(&tui->view.out);
	tui->view.format = TRACE_JSON;
	trace_view_event(&tui->view, &item->event);
	return json_read(tui->view.out.octets, tui->view.out.n, &error);
}

bool tui_text_diff(struct tui *tui)
{
	const struct tui_item *two[2] = { NULL, NULL };
	struct json *objects[2];
	size_t n = 0;
	bool ready;

	for (uint64_t at = tui->keep.first; at < tui->keep.end; at++) {
		const struct tui_item *item = tui_keep_at(&tui->keep, at);
		if (item->selected && n++ < 2)
			two[n - 1] = item;
	}
	if (n != 2) {
		snprintf(tui->message, sizeof(tui->message),
			 "d compares two PDUs, and %zu are selected: Space selects", n);
		return false;
	}
	objects[0] = object_of(tui, two[0]);
	objects[1] = object_of(tui, two[1]);
	ready = objects[0] != NULL && objects[1] != NULL;
	begin_text(tui);
	if (ready)
		put_diff(&tui->text, objects[0], objects[1]);
	else
		snprintf(tui->message, sizeof(tui->message), "too much to compare");
	json_free(objects[0]);
	json_free(objects[1]);
	return ready && !tui->text.failed;
}

/* ---- keys ---- */

void tui_text_help(struct tui *tui)
{
	begin_text(tui);
	buffer_text(
		&tui->text,
		"Up Down PgUp PgDn Home End   move\n"
		"Left Right                   scroll sideways\n"
		"Enter                        list: ladder of the session; ladder: the PDU\n"
		"s                            sessions; Enter there: its ladder\n"
		"o                            only this session, by a filter; / changes it\n"
		"Space                        select, or not any more\n"
		"d                            compare the two selected PDUs, field by field\n"
		"/                            show what a filter chooses; nothing: all\n"
		"w                            times since the row above, or of day\n"
		"p                            live: pause; what passes meanwhile is not kept\n"
		"F2                           save the selected PDUs, or all rows: NAME.pcapng for Wireshark,\n"
		"                             any other name as -v shows them\n"
		"?                            these keys\n"
		"q Esc                        back; q in the list ends\n"
		"\n"
		"Terms of a filter:\n");
	filter_help(&tui->text);
}
