/*
 * What differs between two configs, row by row, so that a daemon can say what a new file changes
 * and what it cannot change while it runs. It walks the rows as print.c does and judges nothing.
 */
#include <stdio.h>
#include <string.h>

#include "config/private.h"

#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

/* A value as it would stand in the file: its beginning to show, and all of it as one number. */
struct shown {
	char text[CONFIG_SHOWN_OCTETS];
	size_t n;
	uint64_t digest; /* FNV-1a: values that differ share one once in 2^64 */
};

struct differing {
	config_change_fn *change;
	void *user;
	char path[CONFIG_PATH_OCTETS];
	size_t path_octets;
	size_t n;
};

static bool take(void *user, const char *octets, size_t n)
{
	struct shown *shown = user;

	for (size_t i = 0; i < n; i++, shown->n++) {
		shown->digest = (shown->digest ^ (unsigned char)octets[i]) * FNV_PRIME;
		if (shown->n < sizeof(shown->text) - 1)
			shown->text[shown->n] = octets[i];
	}
	return true;
}

static void show(const struct config_row *row, const void *base, struct shown *shown)
{
	struct config_text_out out = { .write = take, .user = shown };

	memset(shown, 0, sizeof(*shown));
	shown->digest = FNV_BASIS;
	if (!base || !config_value_print(row, base, &out))
		take(shown, "not set", 7);
	if (shown->n >= sizeof(shown->text))
		memcpy(shown->text + sizeof(shown->text) - 4, "...", 4);
}

static size_t push(struct differing *differing, const char *key)
{
	const size_t mark = differing->path_octets, room = sizeof(differing->path) - mark;
	const int n = snprintf(differing->path + mark, room, "%s%s", mark > 0 ? "." : "", key);

	differing->path_octets += (size_t)n < room ? (size_t)n : room - 1;
	return mark;
}

static void pop(struct differing *differing, size_t mark)
{
	differing->path_octets = mark;
	differing->path[mark] = '\0';
}

static void tell(struct differing *differing, const struct config_node *node, const char *was,
		 const char *is)
{
	struct config_change change = { .path = differing->path, .was = was, .is = is };

	differing->n++;
	if (node && !node->at.set) {
		change.line = node->at.line;
		change.column = node->at.column;
	}
	if (differing->change)
		differing->change(differing->user, &change);
}

static void differ_rows(struct differing *differing, const struct config_section *section,
			size_t first_row, const void *was, const void *is,
			const struct config_node *node)
{
	struct shown before, after;

	for (size_t i = first_row; i < section->n_rows; i++) {
		const struct config_row *row = &section->rows[i];
		const size_t mark = push(differing, row->key);

		show(row, was, &before);
		show(row, is, &after);
		if (before.digest != after.digest)
			tell(differing, config_node_find(node, row->key), before.text, after.text);
		pop(differing, mark);
	}
}

static void differ_section(struct differing *differing, const struct config_section *section,
			   size_t first_row, const char *was, const char *is,
			   const struct config_node *node);

/* ---- arrays ---- */

struct array {
	const char *at;
	size_t n, size;
};

static struct array array_of(const struct config_child *child, const char *base)
{
	struct array array = { .size = child->size };

	memcpy(&array.at, base + child->offset, sizeof(array.at));
	memcpy(&array.n, base + child->count, sizeof(array.n));
	return array;
}

/* The element of another array that has the same name. */
static const char *same_name(const struct config_row *row, struct array array,
			     const struct shown *name)
{
	struct shown other;

	for (size_t i = 0; i < array.n; i++) {
		show(row, array.at + i * array.size, &other);
		if (other.digest == name->digest)
			return array.at + i * array.size;
	}
	return NULL;
}

/* Without the quotes that it has in the file. */
static size_t push_name(struct differing *differing, const struct shown *name,
			const struct config_node *list, const struct config_node **entry)
{
	char plain[CONFIG_SHOWN_OCTETS];
	const bool quoted = name->text[0] == '"';

	snprintf(plain, sizeof(plain), "%s", name->text + quoted);
	if (quoted && plain[0] != '\0')
		plain[strlen(plain) - 1] = '\0';
	*entry = config_node_find(list, plain);
	return push(differing, plain);
}

static void differ_named(struct differing *differing, const struct config_child *child,
			 struct array was, struct array is, const struct config_node *list)
{
	const struct config_section *section = child->section;
	const struct config_node *entry;
	const char *element, *other;
	struct shown name;
	size_t mark;

	for (size_t i = 0; i < was.n; i++) {
		show(&section->rows[0], was.at + i * was.size, &name);
		mark = push_name(differing, &name, NULL, &entry);
		if (!same_name(&section->rows[0], is, &name))
			tell(differing, list, "there", "gone");
		pop(differing, mark);
	}
	for (size_t i = 0; i < is.n; i++) {
		element = is.at + i * is.size;
		show(&section->rows[0], element, &name);
		other = same_name(&section->rows[0], was, &name);
		mark = push_name(differing, &name, list, &entry);
		if (!other)
			tell(differing, entry, "not there", "new");
		else if (child->shape == CONFIG_SHAPE_PAIRS)
			differ_rows(differing, section, 1, other, element, NULL);
		else
			differ_section(differing, section, 1, other, element, entry);
		pop(differing, mark);
	}
}

/* Elements without a name: they are the same when they are so one by one. */
static void differ_list(struct differing *differing, const struct config_child *child,
			struct array was, struct array is, const struct config_node *list)
{
	struct differing inside = { 0 };
	char before[32], after[32];

	for (size_t i = 0; i < was.n && i < is.n; i++)
		differ_section(&inside, child->section, 0, was.at + i * was.size,
			       is.at + i * is.size, NULL);
	if (inside.n == 0 && was.n == is.n)
		return;
	snprintf(before, sizeof(before), "%zu rows", was.n);
	snprintf(after, sizeof(after), "%zu rows", is.n);
	tell(differing, list, before, after);
}

/* ---- sections ---- */

static bool enabled(const struct config_child *child, const char *base)
{
	bool on = true;

	if (child->shape != CONFIG_SHAPE_SECTION)
		memcpy(&on, base + child->offset, sizeof(on));
	return on;
}

static void differ_child(struct differing *differing, const struct config_child *child,
			 const char *was, const char *is, const struct config_node *node)
{
	const struct config_node *inner = config_node_find(node, child->key);
	const size_t mark = push(differing, child->key);

	if (child->shape == CONFIG_SHAPE_LIST) {
		differ_list(differing, child, array_of(child, was), array_of(child, is), inner);
	} else if (config_shape_is_array(child->shape)) {
		differ_named(differing, child, array_of(child, was), array_of(child, is), inner);
	} else if (enabled(child, was) != enabled(child, is)) {
		tell(differing, inner ? inner : node, enabled(child, was) ? "on" : "off",
		     enabled(child, is) ? "on" : "off");
	} else if (enabled(child, is)) {
		differ_section(differing, child->section, 0, was + child->offset,
			       is + child->offset, inner);
	}
	pop(differing, mark);
}

static void differ_section(struct differing *differing, const struct config_section *section,
			   size_t first_row, const char *was, const char *is,
			   const struct config_node *node)
{
	differ_rows(differing, section, first_row, was, is, node);
	for (size_t i = 0; i < section->n_children; i++)
		differ_child(differing, &section->children[i], was, is, node);
}

/* ---- the whole ---- */

static void differ_outbind_passwords(struct differing *differing, const struct config_provider *was,
				     const struct config_provider *is)
{
	for (size_t i = 0; i < is->n_links; i++) {
		for (size_t k = 0; k < was->n_links; k++) {
			if (strcmp(was->links[k].name, is->links[i].name) != 0 ||
			    config_same_text(was->links[k].outbind_password,
					     is->links[i].outbind_password))
				continue;
			snprintf(differing->path, sizeof(differing->path),
				 "providers.%s.links.%s.outbind_password", is->name,
				 is->links[i].name);
			tell(differing, NULL, "a password", "another one");
		}
	}
}

/* A password is no row, so that it is never printed: only that it is another one is told. */
static void differ_passwords(struct differing *differing, const struct config *was,
			     const struct config *is)
{
	for (size_t i = 0; i < is->n_providers; i++) {
		const struct config_provider *provider = &is->providers[i];
		const struct config_provider *other = config_provider_find(was, provider->name);

		if (other)
			differ_outbind_passwords(differing, other, provider);
		if (!other || config_same_text(provider->password, other->password))
			continue;
		snprintf(differing->path, sizeof(differing->path), "providers.%s.password",
			 provider->name);
		tell(differing, NULL, "a password", "another one");
	}
}

size_t config_diff(const struct config *was, const struct config *is, config_change_fn *change,
		   void *user)
{
	struct differing differing = { .change = change, .user = user };

	differ_section(&differing, &config_root_section, 0, (const char *)was, (const char *)is,
		       is->private->root);
	differ_passwords(&differing, was, is);
	return differing.n;
}

bool config_same_link(const struct config_link *was, const struct config_link *is)
{
	struct differing differing = { 0 };

	differ_section(&differing, &config_link_section, 0, (const char *)was, (const char *)is,
		       NULL);
	return differing.n == 0;
}

bool config_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* ---- the digest ---- */

void config_digest(const struct config *config, char digest[CONFIG_DIGEST_OCTETS])
{
	struct shown shown = { .digest = FNV_BASIS };

	config_print(config, take, &shown);
	snprintf(digest, CONFIG_DIGEST_OCTETS, "%016llx", (unsigned long long)shown.digest);
}
