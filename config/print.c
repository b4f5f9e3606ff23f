/*
 * What a config says and what a config may say: --show-config and the manual page. Both walk
 * the rows as bind.c does; the first reads the members, the second the rows alone. A secret is no
 * row, so it cannot be printed here.
 */
#include <stdio.h>
#include <string.h>

#include "config/private.h"

#define PATH_MAX_OCTETS 200 /* of a section's place in the reference */

/* ---- --show-config ---- */

struct printing {
	struct config_text_out out;
	const char *file; /* the last part of its path */
};

static bool discard(void *user, const char *octets, size_t n)
{
	(void)user;
	(void)octets;
	return n > 0;
}

static bool is_set(const struct config_row *row, const void *base)
{
	struct config_text_out nowhere = { .write = discard };

	return config_value_print(row, base, &nowhere);
}

/* Only of a switch can nothing be set; then a word stands for it. */
static bool any_set(const struct config_section *section, const void *base)
{
	for (size_t i = 0; i < section->n_rows; i++) {
		if (is_set(&section->rows[i], base))
			return true;
	}
	return section->n_children > 0;
}

static void indent(struct printing *printing, unsigned depth)
{
	config_out(&printing->out, "%*s", (int)depth * 2, "");
}

/* A status is written in hex and may stand in a carrier's list in decimal. */
static void print_decimal(struct printing *printing, const struct config_row *row, const void *base)
{
	uint32_t status;

	if (row->type != CONFIG_TYPE_STATUS)
		return;
	memcpy(&status, (const char *)base + row->offset, sizeof(status));
	config_out(&printing->out, " # %u", status);
}

/* Ends the line with where its value came from. */
static void print_origin(struct printing *printing, const struct config_node *node,
			 const char *fallback)
{
	struct config_text_out *out = &printing->out;

	if (node && node->at.set)
		config_out(out, " # --set\n");
	else if (node)
		config_out(out, " # %s:%u\n", printing->file, node->at.line);
	else if (fallback && fallback[0] == '=')
		config_out(out, " # default: %s\n", fallback + 1);
	else
		config_out(out, " # default\n");
}

static void print_row(struct printing *printing, const struct config_row *row, const void *base,
		      const struct config_node *node)
{
	if (is_set(row, base)) {
		config_out(&printing->out, "%s: ", row->key);
		config_value_print(row, base, &printing->out);
		print_origin(printing, node, row->fallback);
	} else {
		config_out(&printing->out, "# %s: not set\n", row->key);
	}
}

static void print_section(struct printing *printing, const struct config_section *section,
			  size_t first_row, const void *base, const struct config_node *node,
			  unsigned depth);

/* The entry of the file that an element came from; routes are sorted, so by name where it has one. */
static const struct config_node *entry_of(const struct config_child *child,
					  const struct config_node *node, const void *element,
					  size_t index)
{
	char name[64];
	struct config_text_out out = { .octets = name, .size = sizeof(name) };

	if (child->shape != CONFIG_SHAPE_NAMED)
		return config_node_nth(node, index);
	config_value_print(&child->section->rows[0], element, &out);
	if (name[0] != '"')
		return config_node_find(node, name);
	name[out.n - 1] = '\0';
	return config_node_find(node, name + 1);
}

static void print_element(struct printing *printing, const struct config_child *child,
			  const void *element, const struct config_node *entry, unsigned depth)
{
	const struct config_section *section = child->section;

	indent(printing, depth);
	if (child->shape == CONFIG_SHAPE_LIST) {
		config_out(&printing->out, "-\n");
		print_section(printing, section, 0, element, entry, depth + 1);
		return;
	}
	config_value_print(&section->rows[0], element, &printing->out);
	config_out(&printing->out, ":");
	if (child->shape == CONFIG_SHAPE_PAIRS) {
		config_out(&printing->out, " ");
		config_value_print(&section->rows[1], element, &printing->out);
		print_decimal(printing, &section->rows[0], element);
		print_origin(printing, entry, NULL);
	} else {
		config_out(&printing->out, "\n");
		print_section(printing, section, 1, element, entry, depth + 1);
	}
}

static void print_array(struct printing *printing, const struct config_child *child,
			const char *base, const struct config_node *node, unsigned depth)
{
	const char *elements;
	size_t n;

	memcpy(&elements, base + child->offset, sizeof(elements));
	memcpy(&n, base + child->count, sizeof(n));
	indent(printing, depth);
	config_out(&printing->out, n > 0 ? "%s:\n" : "# %s: none\n", child->key);
	for (size_t i = 0; i < n; i++) {
		const char *element = elements + i * child->size;

		print_element(printing, child, element, entry_of(child, node, element, i),
			      depth + 1);
	}
}

static void print_child(struct printing *printing, const struct config_child *child,
			const char *base, const struct config_node *node, unsigned depth)
{
	bool enabled = true;

	if (config_shape_is_array(child->shape)) {
		print_array(printing, child, base, node, depth);
		return;
	}
	if (child->shape != CONFIG_SHAPE_SECTION)
		memcpy(&enabled, base + child->offset, sizeof(enabled));
	indent(printing, depth);
	if (!enabled && child->shape == CONFIG_SHAPE_OPTIONAL) {
		config_out(&printing->out, "# %s: none\n", child->key);
	} else if (!enabled || !any_set(child->section, base + child->offset)) {
		config_out(&printing->out, "%s: %s", child->key, enabled ? "on" : "off");
		print_origin(printing, node, NULL);
	} else {
		config_out(&printing->out, "%s:\n", child->key);
		print_section(printing, child->section, 0, base + child->offset, node, depth + 1);
	}
}

static void print_section(struct printing *printing, const struct config_section *section,
			  size_t first_row, const void *base, const struct config_node *node,
			  unsigned depth)
{
	for (size_t i = first_row; i < section->n_rows; i++) {
		indent(printing, depth);
		print_row(printing, &section->rows[i], base,
			  config_node_find(node, section->rows[i].key));
	}
	for (size_t i = 0; i < section->n_children; i++)
		print_child(printing, &section->children[i], base,
			    config_node_find(node, section->children[i].key), depth);
}

bool config_print(const struct config *config, config_write_fn write, void *user)
{
	struct printing printing = {
		.out = { .write = write, .user = user },
		.file = config->private->file,
	};

	print_section(&printing, &config_root_section, 0, config, config->private->root, 0);
	return !printing.out.cut;
}

/* ---- the keys as the manual page has them ---- */

static void reference_row(const struct config_row *row, struct config_text_out *out)
{
	const char *fallback = row->fallback;

	config_out(out, "*%s*\n\t%s Allowed: ", row->key, row->sentence);
	config_range_print(row, out);
	if (!fallback)
		config_out(out, "; must be given.\n\n");
	else if (fallback[0])
		config_out(out, "; default %s.\n\n", fallback + (fallback[0] == '='));
	else
		config_out(out, "; not set by default.\n\n");
}

/* A section under its place in the file, as "providers: NAME: timers:". */
static void reference_section(const struct config_section *section, const char *place, bool pairs,
			      struct config_text_out *out)
{
	char below[PATH_MAX_OCTETS];

	config_out(out, "## %s\n\n%s\n\n", place, section->sentence);
	if (pairs)
		config_out(out, "Each is one line: _%s_: _%s_.\n\n", section->rows[0].key,
			   section->rows[1].key);
	for (size_t i = 0; i < section->n_rows; i++)
		reference_row(&section->rows[i], out);
	for (size_t i = 0; i < section->n_children; i++) {
		const struct config_child *child = &section->children[i];
		const bool named = child->shape == CONFIG_SHAPE_NAMED ||
				   child->shape == CONFIG_SHAPE_PAIRS;

		snprintf(below, sizeof(below), "%s%s%s:%s%s%s",
			 section == &config_root_section ? "" : place,
			 section == &config_root_section ? "" : " ", child->key, named ? " " : "",
			 named ? child->section->rows[0].key : "",
			 named				   ? ":" :
			 child->shape == CONFIG_SHAPE_LIST ? " a list of" :
							     "");
		reference_section(child->section, below, child->shape == CONFIG_SHAPE_PAIRS, out);
	}
}

bool config_print_reference(config_write_fn write, void *user)
{
	struct config_text_out out = { .write = write, .user = user };

	reference_section(&config_root_section, "Top of the file", false, &out);
	return !out.cut;
}
